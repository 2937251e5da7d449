package gate

import (
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/match"
)

// ordered is an order by hand that began at noon.
func ordered(d time.Duration) Order {
	o := Order{By: "ana@laptop", Reason: "release", At: noon}
	if d != 0 {
		o.Until = noon.Add(d)
	}
	return o
}

func TestModeFor(t *testing.T) {
	const minute = time.Minute
	for _, row := range []struct {
		why    string
		hand   Mode
		until  time.Duration // of the order; 0: none
		policy Mode
		fixed  bool
		at     time.Duration
		want   Mode
		byHand bool
	}{
		{"nothing is set anywhere", "", 0, "", false, 0, ModeFull, false},
		{"only the policy says something", "", 0, ModeObserve, false, 0, ModeObserve, false},
		{"by hand stricter", ModeOff, 0, ModeFull, false, 0, ModeOff, true},
		{"by hand laxer", ModeFull, 0, ModeObserve, false, 0, ModeFull, true},
		{"by hand the same", ModeFull, 0, ModeFull, false, 0, ModeFull, true},
		{"it has not ended yet", ModeOff, minute, ModeFull, false, minute - 1, ModeOff, true},
		{"it ends at its end", ModeOff, minute, ModeFull, false, minute, ModeFull, false},
		{"it has ended", ModeOff, minute, ModeObserve, false, time.Hour, ModeObserve, false},
		{"fixed, by hand laxer", ModeFull, 0, ModeObserve, true, 0, ModeObserve, false},
		{"fixed, by hand the same", ModeObserve, 0, ModeObserve, true, 0, ModeObserve, false},
		{"fixed, by hand stricter", ModeOff, 0, ModeObserve, true, 0, ModeOff, true},
		{"fixed to observe, by hand critical_only", ModeCriticalOnly, 0, ModeObserve, true, 0, ModeObserve, false},
		{"fixed to critical_only, by hand observe", ModeObserve, 0, ModeCriticalOnly, true, 0, ModeObserve, true},
		{"fixed without a mode is full", ModeCriticalOnly, 0, "", true, 0, ModeCriticalOnly, true},
		{"fixed, by hand stricter and over", ModeOff, minute, ModeFull, true, minute, ModeFull, false},
	} {
		h := Hand{Mode: ModeOrder{row.hand, ordered(row.until)}}
		got, order := h.ModeFor(Rules{Mode: row.policy, ModeFixed: row.fixed}, noon.Add(row.at))
		if got != row.want || (order != nil) != row.byHand {
			t.Errorf("%s: %s, %v, want %s, by hand %t", row.why, got, order, row.want, row.byHand)
		}
		if order != nil && *order != h.Mode {
			t.Errorf("%s: the order is %+v", row.why, *order)
		}
	}
}

func TestSilenceFor(t *testing.T) {
	h := Hand{Silences: []Silence{
		{"sil-over", matchers(t, "service=checkout"), ordered(time.Minute)},
		{"sil-both", matchers(t, "service=checkout", "env=~prod.*"), ordered(time.Hour)},
		{"sil-none", matchers(t, "service=checkout"), ordered(0)},
	}}
	tagged := func(tags ...string) *alert.Alert { return &alert.Alert{Tags: tags} }
	for _, row := range []struct {
		why  string
		a    *alert.Alert
		at   time.Duration
		want string
	}{
		{"one that is still there mutes it", tagged("service:checkout"), 0, "sil-over"},
		{"and ends at its end", tagged("service:checkout"), time.Minute, "sil-none"},
		{"the oldest that all its matchers meet", tagged("service:checkout", "env:prod-eu"), time.Minute, "sil-both"},
		{"one without an end", tagged("service:checkout", "env:prod-eu"), 2 * time.Hour, "sil-none"},
		{"another service", tagged("service:cart", "env:prod-eu"), 0, ""},
	} {
		got := ""
		if s := h.SilenceFor(row.a, noon.Add(row.at)); s != nil {
			got = s.ID
		}
		if got != row.want {
			t.Errorf("%s: %q, want %q", row.why, got, row.want)
		}
	}
	if s := (Hand{}).SilenceFor(tagged("service:checkout"), noon); s != nil {
		t.Errorf("nothing is silenced, and it says %+v", s)
	}
}

func matchers(t *testing.T, texts ...string) []match.Matcher {
	t.Helper()
	var list []match.Matcher
	for _, text := range texts {
		m, err := match.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}
