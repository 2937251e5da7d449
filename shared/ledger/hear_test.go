package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/match"
)

var heardAt = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// hearing is a ledger with one case that waits: two hosts of one monitor are in it.
type hearing struct {
	*testing.T
	*memledger.Ledger
	rules gate.Rules
	id    string
}

func newHearing(t *testing.T) *hearing {
	h := &hearing{t, memledger.New(), gate.DefaultRules(), ""}
	h.rules.Hold, h.rules.Keys = 5*time.Minute, []gate.Key{{Name: "monitor=77", For: time.Hour}}
	h.id = h.says("d-1", alert.Triggered, "web-1", 0).Case
	if d := h.says("d-2", alert.Triggered, "web-2", time.Second); d.Case != h.id || d.Reason != gate.Covered {
		t.Fatalf("the second host got %s %s", d.Verdict, d.Reason)
	}
	return h
}

func (h *hearing) says(delivery string, what alert.Transition, host string, after time.Duration) gate.Decision {
	h.Helper()
	now := heardAt.Add(after)
	a := alert.Alert{
		Delivery: delivery, Incident: alert.Incident{Org: "1", Monitor: "77", Key: "g." + host}, Transition: what, Severity: alert.Medium,
		Time: now, Title: "Disk is full", Tags: []string{"host:" + host, "saying:" + delivery},
	}
	v, err := h.Look(h.Context(), ledger.Question{Delivery: delivery, Incident: a.Incident, Pointers: []string{"monitor=77"}, Agent: "default"}, now)
	if err != nil {
		h.Fatal(err)
	}
	d := gate.Arrive(v, gate.Arrival{Alert: a}, h.rules, now)
	if err := h.Commit(h.Context(), d.Change); err != nil {
		h.Fatal(err)
	}
	return d
}

// tick is what the scheduler makes of the case when these hosts are silenced.
func (h *hearing) tick(from ledger.Ledger, after time.Duration, hosts ...string) (gate.View, gate.Decision, error) {
	h.Helper()
	now := heardAt.Add(after)
	v, err := h.LookCase(h.Context(), h.id, "default", now)
	if err != nil {
		h.Fatal(err)
	}
	for _, host := range hosts {
		m, err := match.New("host", match.Is, host)
		if err != nil {
			h.Fatal(err)
		}
		v.Hand.Silences = append(v.Hand.Silences, gate.Silence{ID: host, Matchers: []match.Matcher{m}})
	}
	v, err = ledger.Hear(h.Context(), from, v, gate.Asks(v, h.id, h.rules, now), now)
	return v, gate.Due(v, h.id, h.rules, now), err
}

// A case of two hosts ends by a silence when both are silenced, or the one that is not has recovered.
func TestHearForASilence(t *testing.T) {
	h := newHearing(t)
	for _, row := range []struct {
		hosts []string
		did   gate.Did
		heard int
	}{
		{nil, gate.Nothing, 0},
		{[]string{"web-2"}, gate.Nothing, 0}, // the first one, after which the case is called, is not silenced
		{[]string{"web-1"}, gate.Nothing, 2},
		{[]string{"web-1", "web-2"}, gate.Ends, 2},
	} {
		v, d, err := h.tick(h, time.Minute, row.hosts...)
		if err != nil || d.Did != row.did || len(v.Heard) != row.heard {
			t.Errorf("silenced %v: it %s, having heard of %d, %v", row.hosts, d.Did, len(v.Heard), err)
		}
	}
	_, ends, err := h.tick(h, time.Minute, "web-1", "web-2")
	if err != nil {
		t.Fatal(err)
	}
	h.says("d-3", alert.Triggered, "web-3", 61*time.Second)
	if err := h.Commit(t.Context(), ends.Change); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("something joined meanwhile, and the case has ended with it: %v", err)
	}
	h.says("d-4", alert.Recovered, "web-2", 62*time.Second)
	h.says("d-5", alert.Recovered, "web-3", 63*time.Second)
	if _, d, err := h.tick(h, 2*time.Minute, "web-1"); err != nil || d.Did != gate.Ends || h.Commit(t.Context(), d.Change) != nil {
		t.Errorf("when only what is silenced fires, it %s, %v", d.Did, err)
	}
}

// What is heard of an incident is the latest notification that says it fires, by the alerts' own clock.
func TestHearTheLatestWord(t *testing.T) {
	h := newHearing(t)
	h.says("d-3", alert.Renotify, "web-2", 10*time.Second)
	h.says("d-4", alert.Recovered, "web-1", 20*time.Second)
	v, _, err := h.tick(h, time.Minute, "web-1")
	said := map[string]string{}
	for name, heard := range v.Heard {
		said[name] = fmt.Sprint(heard.Alert.Delivery, " ", heard.Incident.Fires())
	}
	if want := map[string]string{"1/77/g.web-1": "d-1 false", "1/77/g.web-2": "d-3 true"}; err != nil || !maps.Equal(said, want) {
		t.Errorf("%v, %v, want %v", said, err, want)
	}
}

// failing cannot read one record.
type failing struct {
	ledger.Ledger
	what string // of the delivery, or the incident's key
	err  error
}

func (f failing) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	if q.Delivery == f.what || q.Incident.Key == f.what {
		return gate.View{}, f.err
	}
	return f.Ledger.Look(ctx, q, now)
}

// A record that this build cannot read is not heard of; whoever cannot read at all must not decide.
func TestHearWhatCannotBeRead(t *testing.T) {
	h := newHearing(t)
	for _, what := range []string{"d-2", "g.web-2"} {
		v, d, err := h.tick(failing{h, what, fmt.Errorf("d: %w", ledger.ErrUnreadable)}, time.Minute, "web-1", "web-2")
		if names := slices.Collect(maps.Keys(v.Heard)); err != nil || !slices.Equal(names, []string{"1/77/g.web-1"}) || d.Did != gate.Nothing {
			t.Errorf("%s: heard of %v, %v; it %s", what, names, err, d.Did)
		}
		if _, _, err = h.tick(failing{h, what, errors.New("throttled")}, time.Minute, "web-1", "web-2"); err == nil {
			t.Errorf("%s: the store is down, and nothing is said", what)
		}
	}
	if v, err := ledger.Hear(t.Context(), h, gate.View{}, []string{"no incident"}, heardAt); err != nil || len(v.Heard) != 0 {
		t.Errorf("%+v, %v", v.Heard, err)
	}
}

// Of several incidents one that fires is enough, and one that nothing is known of may. Who cannot read must not say no.
func TestFires(t *testing.T) {
	h := newHearing(t)
	h.says("d-3", alert.Recovered, "web-1", 10*time.Second)
	one, two := "1/77/g.web-1", "1/77/g.web-2"
	for _, row := range []struct {
		names []string
		want  bool
	}{
		{nil, false},
		{[]string{one}, false},
		{[]string{two}, true},
		{[]string{one, two}, true},
		{[]string{one, "1/77/g.web-3"}, true},
		{[]string{"no incident"}, true},
		{[]string{"1/77/"}, true},
	} {
		if got, err := ledger.Fires(t.Context(), h, row.names, "", heardAt); got != row.want || err != nil {
			t.Errorf("%q fire: %t, %v", row.names, got, err)
		}
	}
	v, err := h.Look(t.Context(), ledger.Question{Incident: alert.Incident{Org: "1", Monitor: "77", Key: "g.web-2"}}, heardAt)
	if err != nil || v.Incident.Case == "" {
		t.Fatalf("it is in the case %q: %v", v.Incident.Case, err)
	}
	for of, want := range map[string]bool{v.Incident.Case: true, "ab-another": false} {
		if got, err := ledger.Fires(t.Context(), h, []string{one, two}, of, heardAt); got != want || err != nil {
			t.Errorf("one of %s fires: %t, %v", of, got, err)
		}
	}
	h.says("d-4", alert.Recovered, "web-2", 20*time.Second)
	if got, err := ledger.Fires(t.Context(), h, []string{one, two}, "", heardAt); got || err != nil {
		t.Errorf("both have recovered, and fire: %t, %v", got, err)
	}
	if got, err := ledger.Fires(t.Context(), failing{h, "g.web-1", fmt.Errorf("d: %w", ledger.ErrUnreadable)}, []string{one}, "", heardAt); !got || err != nil {
		t.Errorf("one that is unreadable fires: %t, %v", got, err)
	}
	if got, err := ledger.Fires(t.Context(), failing{h, "g.web-1", errors.New("throttled")}, []string{one}, "", heardAt); !got || err == nil {
		t.Errorf("the store is down, and it fires: %t, %v", got, err)
	}
}
