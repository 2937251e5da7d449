package start_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/start"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// door is an Agent and a ledger that do what a test wants.
type door struct {
	ledger.Ledger
	commit   func(context.Context, gate.Change) error // nil: the ledger's own
	look     func(context.Context) error              // comes before a case is read; nil: nothing
	reason   delivery.Reason
	messages []agent.Message
	now      time.Time
}

func (d *door) Commit(ctx context.Context, c gate.Change) error {
	if d.commit != nil {
		return d.commit(ctx, c)
	}
	return d.Ledger.Commit(ctx, c)
}

func (d *door) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	if d.look != nil {
		if err := d.look(ctx); err != nil {
			return gate.View{}, err
		}
	}
	return d.Ledger.LookCase(ctx, id, agent, now)
}

func (d *door) Call(_ context.Context, m agent.Message) delivery.Answer {
	d.messages = append(d.messages, m)
	return delivery.Answer{Reason: d.reason, Words: "words"}
}

func newDoor() (*door, *start.Starter) {
	d := &door{Ledger: memledger.New(), reason: delivery.Received, now: noon}
	return d, &start.Starter{Ledger: d, Agents: map[string]start.Agent{"default": d}, Now: func() time.Time { return d.now }}
}

// claim is the decision to start a case of one alert.
func claim(t *testing.T) gate.Decision {
	t.Helper()
	al := alert.Alert{
		Delivery: "dd-1-1", Source: "datadog", OrgID: "1", Incident: alert.Incident{Org: "1", Monitor: "m", Key: "g.a"},
		Monitor: alert.Monitor{ID: "m", Name: "Checkout is slow"}, Transition: alert.Triggered, Severity: alert.High,
		Time: noon.Add(-time.Minute), Title: "Checkout is slow",
	}
	d := gate.Arrive(gate.View{Account: gate.Account{Agent: "default"}}, gate.Arrival{Alert: al}, gate.DefaultRules(), noon)
	if d.Start == nil {
		t.Fatalf("no start: %s (%s)", d.Verdict, d.Reason)
	}
	return d
}

// until is a context whose invocation ends then, by the test's clock.
type until struct {
	context.Context
	end time.Time
}

func (u until) Deadline() (time.Time, bool) { return u.end, true }

// The call and its settle must fit before the invocation ends.
func TestCallFitsIntoTheInvocation(t *testing.T) {
	const needed = agent.CallDeadline + start.SettleTime
	for _, c := range []struct {
		left   time.Duration
		called bool
	}{{needed, true}, {needed - time.Millisecond, false}} {
		d, s := newDoor()
		rep, err := s.Run(until{t.Context(), noon.Add(c.left)}, claim(t))
		if err != nil || rep.Called != c.called || (len(d.messages) == 1) != c.called {
			t.Errorf("with %s left: called %t, %d messages, %v", c.left, rep.Called, len(d.messages), err)
		}
		if !c.called && (rep.Answer.Reason != delivery.OutOfTime || rep.Case.State != gate.Waiting) {
			t.Errorf("with %s left: %s, case %s", c.left, rep.Answer.Reason, rep.Case.State)
		}
	}
}

// A call that the client gave up before anything was sent is none.
func TestCallThatWasNotBegunIsNoCall(t *testing.T) {
	d, s := newDoor()
	d.reason = delivery.OutOfTime
	rep, err := s.Run(t.Context(), claim(t))
	if err != nil || rep.Called || rep.Case.State != gate.Waiting || len(d.messages) != 1 {
		t.Errorf("called %t, case %s, %v", rep.Called, rep.Case.State, err)
	}
}

// An answer of the settle that was lost is settled again, and a case that has moved on is left alone.
func TestLostSettleIsSettledAgain(t *testing.T) {
	for name, applied := range map[string]bool{"applied": true, "not applied": false} {
		t.Run(name, func(t *testing.T) {
			d, s := newDoor()
			commits := 0
			d.commit = func(ctx context.Context, c gate.Change) error {
				commits++
				if commits == 2 {
					if applied {
						if err := d.Ledger.Commit(ctx, c); err != nil {
							t.Error(err)
						}
					}
					return ledger.ErrUnknown
				}
				return d.Ledger.Commit(ctx, c)
			}
			rep, err := s.Run(t.Context(), claim(t))
			if err != nil || rep.Unsettled != nil || rep.Case.State != gate.Started || len(d.messages) != 1 {
				t.Errorf("case %s, unsettled %v, %d calls, %v", rep.Case.State, rep.Unsettled, len(d.messages), err)
			}
		})
	}
}

// A settle that never succeeds ends in time, and is told; the alert has its verdict all the same.
func TestUnsettledIsTold(t *testing.T) {
	for _, c := range []struct {
		name   string
		reason delivery.Reason
		lost   bool // the commit loses a race, and then it is the read that hangs
	}{
		{"accepted, and the commit hangs", delivery.Received, false},
		{"not delivered, and the commit hangs", delivery.ConnectionFailed, false},
		{"not delivered, and the read after a lost race hangs", delivery.ConnectionFailed, true},
	} {
		t.Run(c.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { unsettledIsTold(t, c.reason, c.lost) }) })
	}
}

func unsettledIsTold(t *testing.T, reason delivery.Reason, lost bool) {
	d, s := newDoor()
	d.reason = reason
	d.look = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	first := true
	d.commit = func(ctx context.Context, c gate.Change) error {
		if first {
			first = false
			return d.Ledger.Commit(ctx, c)
		}
		if lost {
			return ledger.ErrConflict
		}
		<-ctx.Done()
		return ctx.Err()
	}
	began := time.Now()
	rep, err := s.Run(t.Context(), claim(t))
	if err != nil || rep.Unsettled == nil || !strings.Contains(rep.Unsettled.Error(), "the Agent's answer ("+string(reason)+") is not in the ledger") {
		t.Errorf("unsettled %v, %v", rep.Unsettled, err)
	}
	if took := time.Since(began); took != start.SettleTime {
		t.Errorf("the settle took %s, and has %s", took, start.SettleTime)
	}
	said := ""
	for _, a := range rep.Attrs() {
		said += a.String() + " "
	}
	if !strings.Contains(said, "unsettled=") || rep.Level().String() != "WARN" {
		t.Errorf("%s record: %s", rep.Level(), said)
	}
}

// Eleven others have failed at the same time, and each is counted first. None is forgotten, this one neither.
func TestFailureIsCountedOnTopOfTheOthers(t *testing.T) {
	d, s := newDoor()
	d.reason = delivery.TimedOut
	was, others := gate.Down{}, -1 // the first commit is the claim
	d.commit = func(ctx context.Context, c gate.Change) error {
		if others++; others >= 1 && others <= 11 {
			other := gate.Down{Doubts: was.Doubts + 1}
			if err := d.Ledger.Commit(ctx, gate.Change{At: noon, Account: &gate.AccountWrite{Agent: "default", Down: &other, DownWas: &was}}); err != nil {
				t.Fatal(err)
			}
			was = other
		}
		return d.Ledger.Commit(ctx, c)
	}
	rep, err := s.Run(t.Context(), claim(t))
	if err != nil || rep.Unsettled != nil || rep.Case.State != gate.InDoubt {
		t.Errorf("case %s, unsettled %v, %v", rep.Case.State, rep.Unsettled, err)
	}
	v, err := d.LookCase(t.Context(), "", "default", noon)
	if err != nil || v.Account.Down.Doubts != 12 {
		t.Errorf("the account is %+v, want 12 doubts in a row, %v", v.Account.Down, err)
	}
}

// A ledger that hangs holds a claim up for CommitTime only, and nobody calls.
func TestCommitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := newDoor()
		d.commit = func(ctx context.Context, _ gate.Change) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		_, err := s.Run(t.Context(), claim(t))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != start.CommitTime || len(d.messages) != 0 {
			t.Errorf("%v after %s, %d calls", err, time.Since(began), len(d.messages))
		}
	})
}

// What the Agent is told of a case: its own severity, the time of the alert that opened it, who joined, how long it
// waited.
func TestMessageSpeaksOfTheCase(t *testing.T) {
	d, s := newDoor()
	dec := claim(t)
	c := &dec.Start.Case
	c.Severity, c.Firing = alert.Critical, 5
	c.Opened = c.StartAt.Add(-7 * time.Minute)
	c.Members = []gate.Member{{Incident: "1/m2/g.b", Title: "Cart is slow", Scope: "service:cart", Severity: alert.Low, Since: noon}}
	if _, err := s.Run(t.Context(), dec); err != nil {
		t.Fatal(err)
	}
	m := d.messages[0]
	if m.IncidentID != c.ID || m.Priority != "CRITICAL" || m.Timestamp != "2026-11-21T11:59:00.000Z" {
		t.Errorf("id %s, priority %s, timestamp %s", m.IncidentID, m.Priority, m.Timestamp)
	}
	for _, want := range []string{"Cart is slow (service:cart)", "and 3 more", "This alert waited 7m0s before it was sent."} {
		if !strings.Contains(m.Description, want) {
			t.Errorf("the description does not say %q:\n%s", want, m.Description)
		}
	}
}
