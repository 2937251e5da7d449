package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/match"
)

// The account of the suite's cases.
const agent = "default"

// world is one ledger with a clock, and short words for what a test does to it.
type world struct {
	*testing.T
	Harness
	now time.Time
}

func newWorld(t *testing.T, open func(*testing.T) Harness) *world {
	t.Helper()
	// The clock begins at the real time: a store that really removes expired items must not remove these.
	return &world{T: t, Harness: open(t), now: time.Now().UTC().Truncate(time.Millisecond)}
}

// each runs a named test in a world of its own.
func each(t *testing.T, open func(*testing.T) Harness, name string, test func(*world)) {
	t.Run(name, func(t *testing.T) { test(newWorld(t, open)) })
}

// in gives a time so many seconds from the world's beginning.
func (w *world) in(seconds int) time.Time { return w.now.Add(time.Duration(seconds) * time.Second) }

func (w *world) try(c gate.Change) error {
	if c.At.IsZero() {
		c.At = w.now
	}
	return w.Ledger.Commit(context.Background(), c)
}

// commit commits a change that must be taken.
func (w *world) commit(c gate.Change) {
	w.Helper()
	if err := w.try(c); err != nil {
		w.Fatalf("the change is not taken: %v", err)
	}
}

// conflict commits a change whose condition does not hold.
func (w *world) conflict(c gate.Change) {
	w.Helper()
	if err := w.try(c); !errors.Is(err, ledger.ErrConflict) {
		w.Fatalf("the change ends in %v, want %v", err, ledger.ErrConflict)
	}
}

func (w *world) look(q ledger.Question) gate.View {
	w.Helper()
	return w.lookAt(q, w.now)
}

func (w *world) lookAt(q ledger.Question, now time.Time) gate.View {
	w.Helper()
	v, err := w.Ledger.Look(context.Background(), q, now)
	if err != nil {
		w.Fatalf("Look: %v", err)
	}
	return v
}

// verdict reads a delivery with what its decision rested on. A look has the same without that.
func (w *world) verdict(id string) *gate.Delivery {
	w.Helper()
	d, err := w.Lister.Verdict(context.Background(), id, w.now)
	if err != nil || d == nil {
		w.Fatalf("Verdict of %s: %v, %v", id, d, err)
	}
	bare := *d
	bare.Saw = nil
	w.same("a look at it", w.look(ledger.Question{Delivery: id}).Delivery, &bare)
	return d
}

func (w *world) lookCase(id string, now time.Time) gate.View {
	w.Helper()
	v, err := w.Ledger.LookCase(context.Background(), id, agent, now)
	if err != nil {
		w.Fatalf("LookCase: %v", err)
	}
	return v
}

// caseNow reads a case that must be there.
func (w *world) caseNow(id string) gate.Case {
	w.Helper()
	c, there := w.lookCase(id, w.now).Cases[id]
	if !there {
		w.Fatalf("case %s is not there", id)
	}
	return c
}

func (w *world) account() gate.Account {
	w.Helper()
	return w.lookCase("", w.now).Account
}

// waits opens a waiting case in which so many incidents fire, and gives it as it was read back.
func (w *world) waits(id string, firing int) gate.Case {
	w.Helper()
	c := w.newCase(id)
	c.Firing = firing
	w.commit(opens(c))
	return w.caseNow(id)
}

func (w *world) newCase(id string) gate.Case {
	return gate.Case{
		ID: id, Agent: agent, State: gate.Waiting, Why: gate.WhySlots, Until: w.now, Opened: w.now,
		Severity: alert.Medium, Firing: 1, Last: w.in(-60), Title: "CPU is high", Service: "checkout",
		Incident: incidentOf(1).String(), Version: 1,
	}
}

// moves brings a case to a state that the table of states allows, and gives it as it was read back.
func (w *world) moves(c gate.Case, states ...gate.State) gate.Case {
	w.Helper()
	for _, s := range states {
		w.commit(writes(c, moved(c, s)))
		c = w.caseNow(c.ID)
	}
	return c
}

// moved is the case in its next state.
func moved(c gate.Case, s gate.State) gate.Case {
	from := c.State
	c.State, c.Why, c.How = s, "", ""
	c.Version++
	switch s {
	case gate.Waiting:
		c.Why = gate.WhyAgentDown
	case gate.Starting:
		c.Attempt++
		c.Resting = false
		c.Until = c.Until.Add(gate.Lease)
	case gate.InDoubt:
		c.Doubts++
	case gate.Ended:
		c.How = gate.EndRecovered
		if from == gate.Started {
			c.How = gate.EndAssumed
		}
	}
	return c
}

// opens is the change that opens a case.
func opens(c gate.Case) gate.Change {
	return gate.Change{Cases: []gate.CaseWrite{{Now: c, Lead: leadOf(c)}}}
}

// writes is the change that makes a case from what was read.
func writes(read, now gate.Case) gate.Change {
	return gate.Change{Cases: []gate.CaseWrite{{Read: read, Now: now}}}
}

// joins is the change of an alert that joins a case: counted fields only.
func joins(read gate.Case, last time.Time, members ...gate.Member) gate.Change {
	now := read
	now.Firing++
	now.Joined++
	if last.After(now.Last) {
		now.Last = last
	}
	if members != nil {
		now.Members = members
	}
	return writes(read, now)
}

// recovers is the change of a recovery that counts down.
func recovers(read gate.Case) gate.Change {
	now := read
	now.Firing--
	return writes(read, now)
}

func leadOf(c gate.Case) *alert.Alert {
	return &alert.Alert{
		Delivery: "d-of-" + c.ID, Source: "datadog", Incident: incidentOf(1), Transition: alert.Triggered,
		Severity: c.Severity, Time: c.Opened, Title: "the alert that opened " + c.ID,
	}
}

func incidentOf(n int) alert.Incident {
	return alert.Incident{Org: "1234567", Monitor: "42", Key: fmt.Sprintf("c.%d", n), Cycle: true}
}

// incident is the write of an incident at the version after read.
func (w *world) incident(n, read int, caseID string) *gate.IncidentWrite {
	return &gate.IncidentWrite{Read: read, Now: gate.Incident{
		Key: incidentOf(n), Fire: w.in(-60), Case: caseID, Version: read + 1,
	}}
}

func (w *world) delivery(id string) *gate.Delivery {
	return &gate.Delivery{
		ID: id, Verdict: gate.Drop, Reason: gate.IsRecovery, Incident: incidentOf(1).String(), Time: w.in(-60),
		Decided: w.now,
	}
}

func memberOf(n int, s alert.Severity, since time.Time) gate.Member {
	return gate.Member{
		Incident: incidentOf(n).String(), Title: fmt.Sprintf("incident %d", n), Scope: "host:web-1", Severity: s,
		Since: since,
	}
}

// same fails the test where two values differ.
func (w *world) same(what string, got, want any) {
	w.Helper()
	if !reflect.DeepEqual(got, want) {
		w.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// soon tries a check until it passes, for what an index shows later. A ledger without such an index passes at once.
func (w *world) soon(check func() error) {
	w.Helper()
	var err error
	for range 100 {
		if err = check(); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.Fatal(err)
}

// group is the write of a monitor group at the version after read.
func (w *world) group(name string, read int) *gate.GroupWrite {
	return &gate.GroupWrite{Read: read, Now: gate.Group{
		Name: name, Cycles: []time.Time{w.in(-90), w.in(-30)}, Flapping: true, Version: read + 1,
	}}
}

// surge is the write of an environment at the version after read.
func (w *world) surge(name string, read int, caseID string) *gate.SurgeWrite {
	return &gate.SurgeWrite{Read: read, Now: gate.Surge{
		Name: name, Opened: []time.Time{w.in(-90), w.in(-30)}, Case: caseID, Version: read + 1,
	}}
}

// hand is the write of what is set by hand at the version after read.
func (w *world) hand(read int, reason string) *gate.HandWrite {
	by := gate.Order{By: "aiko", Reason: reason, At: w.now, Until: w.in(7200)}
	return &gate.HandWrite{Read: read, Now: gate.Hand{
		Mode:     gate.ModeOrder{Mode: gate.ModeObserve, Order: by},
		Silences: []gate.Silence{{ID: "s-1", Matchers: matchers(w.T, `service = checkout`, `host =~ "web-\d+"`), Order: by}},
		Version:  read + 1,
	}}
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

// spends is the change that ends a started case and books what it has cost.
func spends(read gate.Case, month string, d gate.Dollars) gate.Change {
	c := writes(read, moved(read, gate.Ended))
	c.Account = &gate.AccountWrite{Agent: agent, Drop: []string{read.ID}, Spend: map[string]gate.Dollars{month: d}}
	return c
}

// corrects is the change that books the true price of a case which has ended, in place of what was reckoned.
func corrects(read gate.Case, month string, d gate.Dollars) gate.Change {
	now := read
	now.How = gate.EndCompleted
	now.Version++
	c := writes(read, now)
	c.Account = &gate.AccountWrite{Agent: agent, Spend: map[string]gate.Dollars{month: d}}
	return c
}

// givesBack is the change of a start that was not made: its case waits again, and its money is given back.
func givesBack(read gate.Case, b gate.Back) gate.Change {
	c := writes(read, moved(read, gate.Waiting))
	c.Account = &gate.AccountWrite{Agent: agent, Drop: []string{read.ID}, Back: &b}
	return c
}
