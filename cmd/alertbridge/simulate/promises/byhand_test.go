package promises

import (
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

var signature = gate.Order{By: "on-call", Reason: "looks real", At: noon}

// ordered is a model of a world with the case ab-1 in some state, or with none, and with the alert dd-2, which was dropped.
func ordered(k *kase, dropped gate.Reason) *Model {
	m := New(func(alert.Alert) gate.Rules { return gate.Rules{Agent: "default", Keys: []gate.Key{{Name: "k"}}} })
	a := alert.Alert{
		Delivery: "dd-2", Incident: alert.Incident{Org: "1", Monitor: "2", Key: "c.3", Cycle: true}, Severity: alert.High,
		Time: noon.Add(-10 * time.Minute),
	}
	m.Came(a)
	m.decided["dd-2"] = gate.Delivery{ID: "dd-2", Verdict: gate.Drop, Reason: dropped}
	m.incident(a).fire = a.Time
	if k != nil {
		k.id, k.agent, k.lead, k.rank = "ab-1", "default", a, alert.High
		k.last = noon.Add(-10 * time.Minute)
		m.incident(a).kase = k.id
		m.opened(k)
	}
	return m
}

// What an order has to come to, by the tables of docs/operate.md.
func TestOrdersByHand(t *testing.T) {
	for name, tt := range map[string]struct {
		k           kase
		start, stop effect
	}{
		"waits":           {kase{state: gate.Waiting}, dueStart, noStart},
		"is starting":     {kase{state: gate.Starting}, refusal, refusal},
		"was refused":     {kase{state: gate.Refused}, dueStart, noStart},
		"is in doubt":     {kase{state: gate.InDoubt}, dueStart, noStart},
		"runs":            {kase{state: gate.Started}, refusal, noStart},
		"is assumed over": {kase{state: gate.Ended, how: gate.EndAssumed}, refusal, refusal},
		"is completed":    {kase{state: gate.Ended, how: gate.EndCompleted}, refusal, refusal},
		"has recovered":   {kase{state: gate.Ended, how: gate.EndRecovered}, newCase, refusal},
		"has expired":     {kase{state: gate.Ended, how: gate.EndExpired}, newCase, refusal},
		"was silenced":    {kase{state: gate.Ended, how: gate.EndSilenced}, newCase, refusal},
		"was observed":    {kase{state: gate.Ended, how: gate.EndObserved, shadow: true}, newCase, refusal},
		"is observed":     {kase{state: gate.Waiting, shadow: true}, newCase, noStart},
	} {
		for do, want := range map[Ordering]effect{ToStart: tt.start, ToStop: tt.stop} {
			k := tt.k
			m := ordered(&k, gate.IsRecovery)
			m.Ordered(Order{At: noon, Do: do, Case: "ab-1", By: signature})
			if m.task.want != want {
				t.Errorf("what %s is to %s: it comes to %s, and should to %s", name, do, m.task.want, want)
			}
			m.Answered(false, noon)
			if noticed := len(m.Breaches()) > 0; !noticed { // each of these is either refused, or writes something
				t.Errorf("what %s is to %s, and it is not noticed that nothing comes of it", name, do)
			}
		}
	}
}

// An alert that was dropped is started where it is kept, but for an incident that has an open case.
func TestDroppedAlertsByHand(t *testing.T) {
	keeps := map[gate.Reason]bool{
		gate.Silenced: true, gate.IsModeOff: true, gate.OnlyCritical: true, gate.IsFlapping: true, gate.NotStarted: true, gate.TooOld: true,
	}
	for _, why := range []gate.Reason{
		gate.Silenced, gate.IsModeOff, gate.OnlyCritical, gate.IsFlapping, gate.NotStarted, gate.TooOld,
		gate.IsRecovery, gate.Late, gate.IsOwn, gate.IsTest, gate.IsWarn, gate.IsNoData, gate.IsUnknown,
	} {
		for _, tt := range []struct {
			own  *kase
			open bool
		}{
			{nil, false},
			{&kase{state: gate.Waiting}, true},
			{&kase{state: gate.Waiting, shadow: true}, false},
			{&kase{state: gate.Started}, true},
			{&kase{state: gate.Refused}, true},
			{&kase{state: gate.InDoubt}, true},
			{&kase{state: gate.Ended, how: gate.EndAssumed}, false},
		} {
			m := ordered(tt.own, why)
			m.Ordered(Order{At: noon, Do: ToStart, Delivery: "dd-2", By: signature})
			want := refusal
			if keeps[why] && !tt.open {
				want = newCase
			}
			if m.task.want != want {
				t.Errorf("dropped as %s, its incident's case %+v: a start comes to %s, and should to %s", why, tt.own, m.task.want, want)
			}
		}
	}
}

// A start by hand that is written as it should be breaks nothing, and each that is not is noticed.
func TestStartByHandIsJudged(t *testing.T) {
	for name, tt := range map[string]struct {
		wrong func(*Commit)
		want  string // in the breach; "": there is none
	}{
		"as it should be":        {func(*Commit) {}, ""},
		"by nobody":              {func(c *Commit) { c.Change.Cases[0].Now.Hand = gate.Order{} }, "is signed with"},
		"without a step":         {func(c *Commit) { c.Change.Cases[0].Now.Steps = nil }, "does not say who, why and when"},
		"not due":                {func(c *Commit) { c.Change.Cases[0].Now.Until = noon.Add(time.Minute) }, "should be waiting"},
		"by an old notification": {func(c *Commit) { c.Change.Cases[0].Now.Last = noon.Add(-time.Hour) }, "should be waiting"},
		"with nothing that fires": {func(c *Commit) {
			c.Change.Cases[0].Now.Firing = 0
		}, "counts 0 incidents that fire, and has 1"},
		"whoever counts":      {func(c *Commit) { c.Change.Cases[0].Facts = gate.CaseFacts{} }, "the commit asks for"},
		"in the same version": {func(c *Commit) { c.Change.Cases[0].Now.Version = 4 }, "becomes version 4 after 4"},
		"started at once":     {func(c *Commit) { c.Change.Cases[0].Now.State = gate.Starting }, "should be waiting"},
		"of nothing":          {func(c *Commit) { c.Change.Cases = nil }, "0 cases are written"},
		"with money":          {func(c *Commit) { c.Change.Account = &gate.AccountWrite{Agent: "default"} }, "an account is changed"},
		"with a flapping": {func(c *Commit) {
			c.Change.Group = &gate.GroupWrite{}
		}, "changes what is known of a group"},
	} {
		m := ordered(&kase{state: gate.Waiting, why: gate.WhyBudget, until: noon.Add(time.Hour), firing: map[string]bool{}}, gate.IsRecovery)
		m.Ordered(Order{At: noon, Do: ToStart, Case: "ab-1", By: signature})
		read := gate.Case{
			ID: "ab-1", Agent: "default", State: gate.Waiting, Why: gate.WhyBudget, Until: noon.Add(time.Hour), Severity: alert.High,
			Last: noon.Add(-10 * time.Minute), Version: 4,
		}
		now := read
		now.Hand, now.Until, now.Last, now.Firing, now.Version = signature, noon, noon, 1, 5
		now.Steps = []gate.Step{{At: noon, Text: "start asked for by hand by on-call: looks real"}}
		c := Commit{At: noon, ByHand: true, Alone: true, Change: gate.Change{At: noon, Cases: []gate.CaseWrite{
			{Read: read, Now: now, Facts: gate.CaseFacts{Firing: gate.NoneFires}},
		}}}
		tt.wrong(&c)
		m.Committed(c)
		m.Answered(false, noon)
		got := ""
		for _, b := range m.Breaches() {
			got += b.Text + "\n"
		}
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// What nobody has ordered is noticed, and so is a refused order that has changed something.
func TestChangesWithoutAnOrder(t *testing.T) {
	k := kase{state: gate.Started}
	m := ordered(&k, gate.IsRecovery)
	m.Committed(Commit{At: noon, ByHand: true, Change: gate.Change{At: noon}})
	if b := m.Breaches(); len(b) != 1 || !strings.Contains(b[0].Text, "nobody has ordered") {
		t.Errorf("%v", b)
	}
	m = ordered(&k, gate.IsRecovery)
	m.Ordered(Order{At: noon, Do: ToStart, Case: "ab-1", By: signature})
	m.Committed(Commit{At: noon, ByHand: true, Change: gate.Change{At: noon}})
	m.Answered(true, noon)
	if b := m.Breaches(); len(b) != 2 || !strings.Contains(b[0].Text, "should come to a refusal") || !strings.Contains(b[1].Text, "written: true") {
		t.Errorf("%v", b)
	}
}
