package gate

import (
	"fmt"
	"reflect"
	"strings"
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

func matchers(t testing.TB, texts ...string) []match.Matcher {
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

func TestSetMode(t *testing.T) {
	h := Hand{Version: 4, Silences: []Silence{{ID: "s-1"}}}
	set := SetMode(h, ModeOrder{ModeObserve, ordered(time.Hour)}, noon)
	want := HandWrite{4, Hand{Version: 5, Silences: h.Silences, Mode: ModeOrder{ModeObserve, ordered(time.Hour)}}}
	if set.Hand == nil || !reflect.DeepEqual(*set.Hand, want) || !set.At.Equal(noon) {
		t.Errorf("it writes %+v", set)
	}
	bob := Order{By: "bob", Reason: "over", At: noon.Add(time.Minute)}
	ending := bob
	ending.Until = noon.Add(time.Hour) // what is taken back has no end
	back := SetMode(set.Hand.Now, ModeOrder{"", ending}, noon)
	if back.Hand.Read != 5 || back.Hand.Now.Version != 6 || back.Hand.Now.Mode != (ModeOrder{"", bob}) || len(back.Hand.Now.Silences) != 1 {
		t.Errorf("taken back it writes %+v", *back.Hand)
	}
	for _, fixed := range []bool{false, true} { // whoever took it back rules nothing
		if mode, order := back.Hand.Now.ModeFor(Rules{Mode: ModeCriticalOnly, ModeFixed: fixed}, noon); mode != ModeCriticalOnly || order != nil {
			t.Errorf("taken back the mode is %s, by %+v", mode, order)
		}
	}
}

func TestAddSilence(t *testing.T) {
	checkout := Silence{Matchers: matchers(t, "service=checkout"), Order: ordered(time.Hour)}
	h := Hand{Version: 2, Silences: []Silence{
		{"s-over", matchers(t, "a=b"), ordered(time.Minute)}, {"s-there", matchers(t, "a=b"), ordered(0)},
	}}
	c, err := AddSilence(h, checkout, false, noon.Add(time.Minute))
	if err != nil || c.Hand.Read != 2 || c.Hand.Now.Version != 3 || len(c.Hand.Now.Silences) != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	list := c.Hand.Now.Silences
	if list[0].ID != "s-there" || len(list[1].ID) != 12 || list[1].Order != checkout.Order {
		t.Errorf("the one that has ended stays, or the new one is another: %+v", list)
	}
	if len(h.Silences) != 2 || h.Silences[0].ID != "s-over" {
		t.Error("what was read has been changed")
	}
	again, err := AddSilence(c.Hand.Now, checkout, false, noon.Add(time.Minute))
	if err != nil || !reflect.DeepEqual(again.Hand.Now.Silences, list) {
		t.Errorf("added twice: %+v, %v", again.Hand, err)
	}
	longer := checkout
	longer.At, longer.Until = noon.Add(2*time.Minute), noon.Add(9*time.Hour)
	moved, err := AddSilence(c.Hand.Now, longer, false, noon.Add(2*time.Minute))
	if err != nil || len(moved.Hand.Now.Silences) != 2 || moved.Hand.Now.Silences[1].ID != list[1].ID || moved.Hand.Now.Silences[1].Order != longer.Order {
		t.Errorf("the same with another end: %+v, %v", moved.Hand, err)
	}
	bens := checkout
	bens.By = "ben@laptop"
	if both, err := AddSilence(c.Hand.Now, bens, false, noon.Add(time.Minute)); err != nil || len(both.Hand.Now.Silences) != 3 {
		t.Errorf("somebody else's: %+v, %v", both.Hand, err)
	}
	other := checkout
	other.Matchers = matchers(t, "service=cart")
	third, err := AddSilence(c.Hand.Now, other, false, noon.Add(time.Minute))
	if err != nil || len(third.Hand.Now.Silences) != 3 || third.Hand.Now.Silences[2].ID == list[1].ID {
		t.Errorf("another one: %+v, %v", third.Hand, err)
	}
}

func TestAddSilenceRefuses(t *testing.T) {
	full := Hand{}
	for i := range MaxSilences {
		full.Silences = append(full.Silences, Silence{fmt.Sprint("s-", i), matchers(t, "a=b"), ordered(0)})
	}
	many := strings.Split(strings.Repeat("a=b ", MaxMatchers+1), " ")[:MaxMatchers+1]
	for _, row := range []struct {
		why      string
		h        Hand
		matchers []string
		until    time.Duration
		says     string // "" for one that is taken
	}{
		{"none", Hand{}, nil, 0, "has no matcher"},
		{"too many", Hand{}, many, 0, "has 7 matchers, and at most 6 are possible"},
		{"as many as may be", Hand{}, many[:MaxMatchers], 0, ""},
		{"a hundred are there", full, []string{"a=c"}, 0, "there are 100 silences"},
		{"a priority that there is not", Hand{}, []string{"priority=p1"}, 0, `priority is never "p1"; it is one of P1, P2, P3, P4, P5, or empty; values are compared with regard to case`},
		{"not a priority that there is not", Hand{}, []string{"service=cart", "priority!=critical"}, 0, `priority is never "critical"`},
		{"a monitor by its name", Hand{}, []string{"monitor=Checkout answers slowly"}, 0, "the monitor's name is monitor_name"},
		{"recoveries", Hand{}, []string{"transition=Recovered"}, 0, "recoveries never are"},
		{"recoveries of a service", Hand{}, []string{"service=cart", "transition=~Rec.*"}, 0, "recoveries never are"},
		{"unknown transitions", Hand{}, []string{"transition=~Unknown|Recovered"}, 0, "recoveries never are"},
		{"recoveries and others", Hand{}, []string{"service=cart", "transition=~Re.*"}, 0, ""},
		{"every monitor", Hand{}, []string{"monitor=~[0-9]+"}, 0, "would mute every alert"},
		{"every monitor, in other words", Hand{}, []string{`monitor=~\d+`}, 0, "would mute every alert"},
		{"every monitor of an organisation's", Hand{}, []string{"monitor=~[1-9].*", "org=~[0-9]+"}, 0, "would mute every alert"},
		{"every monitor but of dev", Hand{}, []string{"monitor=~[0-9]+", "env!=dev"}, 0, "would mute every alert"},
		{"every monitor, without a service", Hand{}, []string{"monitor=~[0-9]+", `service=""`}, 0, "would mute every alert"},
		{"every priority", Hand{}, []string{"priority=~P.*"}, 0, "would mute every alert"},
		{"every priority, by its number", Hand{}, []string{"priority=~P[1-5]"}, 0, "would mute every alert"},
		{"every priority of every monitor", Hand{}, []string{"priority=~P.", `monitor=~\d*`}, 0, "would mute every alert"},
		{"all that begins", Hand{}, []string{"transition=~.*r.*"}, 0, "would mute every alert"},
		{"all that fires", Hand{}, []string{"transition!=Recovered"}, 0, "would mute every alert"},
		{"all that is an error", Hand{}, []string{"alert_type=error"}, 0, "would mute every alert"},
		{"every alert with a service, in capitals", Hand{}, []string{"TAG:Service=~.+"}, 0, "would mute every alert"},
		{"a word of a title", Hand{}, []string{"title=~(?i).*value.*"}, 0, ""},
		{"a part of a service", Hand{}, []string{"service=~.*no.*"}, 0, ""},
		{"a letter of a monitor's name", Hand{}, []string{"monitor_name=~.*[aeiou].*"}, 0, "would mute every alert"},
		{"no errors", Hand{}, []string{"transition=~.*a.*"}, 0, ""},
		{"warnings", Hand{}, []string{"transition=~Warn|Re-Warn"}, 0, ""},
		{"every priority of a service", Hand{}, []string{"priority=~P.", "service=cart"}, 0, ""},
		{"some monitors", Hand{}, []string{"monitor=~2401.*"}, 0, ""},
		{"long numbers", Hand{}, []string{"monitor=~[0-9]{8,}"}, 0, ""}, // as far as is known
		{"one thing and not the same", Hand{}, []string{"service=cart", "service!=cart"}, 0, "would mute nothing"},
		{"it ends now", Hand{}, []string{"a=b"}, -time.Second, "would be over at 2026-03-02T11:59:59Z"},
		{"whatever the service", Hand{}, []string{"service=~.*"}, 0, "would mute every alert"},
		{"every alert with a service", Hand{}, []string{"service=~.+"}, 0, "would mute every alert"},
		{"every alert with a title", Hand{}, []string{"title=~.+"}, 0, "would mute every alert"},
		{"every one but of dev", Hand{}, []string{"env!=dev", "service!~cart.*"}, 0, "would mute every alert"},
		{"every one without a service", Hand{}, []string{`service=""`}, 0, "would mute every alert"},
		{"every one but of a tag named like a field", Hand{}, []string{"tag:host!=a"}, 0, "would mute every alert"},
		{"something that an alert must have", Hand{}, []string{"env!=dev", "service=cart"}, 0, ""},
		{"a pattern that says something", Hand{}, []string{"service=~.*cart.*"}, 0, ""},
		{"a priority", Hand{}, []string{"priority=~P[45]"}, 0, ""},
		{"a monitor", Hand{}, []string{"monitor=77"}, 0, ""},
	} {
		s := Silence{Matchers: matchers(t, row.matchers...), Order: ordered(row.until)}
		c, err := AddSilence(row.h, s, false, noon)
		switch {
		case row.says == "" && (err != nil || len(c.Hand.Now.Silences) != 1):
			t.Errorf("%s: %v", row.why, err)
		case row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says) || !c.Empty()):
			t.Errorf("%s: %v, want %q", row.why, err, row.says)
		}
	}
	every := Silence{Matchers: matchers(t, "service=~.*"), Order: ordered(0)}
	if c, err := AddSilence(Hand{}, every, true, noon); err != nil || c.Hand.Now.SilenceFor(&alert.Alert{}, noon) == nil {
		t.Errorf("forced: %+v, %v", c, err)
	}
}

func TestExpireSilence(t *testing.T) {
	h := Hand{Version: 2, Silences: []Silence{
		{"s-over", matchers(t, "a=b"), ordered(time.Minute)}, {"s-1", matchers(t, "a=b"), ordered(0)}, {"s-2", matchers(t, "a=b"), ordered(0)},
	}}
	c, err := ExpireSilence(h, "s-1", noon.Add(time.Minute))
	if err != nil || c.Hand.Read != 2 || c.Hand.Now.Version != 3 || len(c.Hand.Now.Silences) != 1 || c.Hand.Now.Silences[0].ID != "s-2" {
		t.Errorf("%+v, %v", c.Hand, err)
	}
	for _, id := range []string{"s-over", "s-3", ""} {
		if c, err := ExpireSilence(h, id, noon.Add(time.Minute)); err == nil || !c.Empty() || !strings.Contains(err.Error(), "there is no silence") {
			t.Errorf("%q: %+v, %v", id, c, err)
		}
	}
}
