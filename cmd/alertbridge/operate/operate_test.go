package operate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/explain"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/operate"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// store is a ledger that somebody else may be faster at, or that is down.
type store struct {
	*memledger.Ledger
	before  func()       // runs before a commit, once
	commit  func() error // nil: as the ledger does
	look    error        // of LookCase
	list    error
	commits int
}

func (s *store) Commit(ctx context.Context, c gate.Change) error {
	s.commits++
	if f := s.before; f != nil {
		s.before = nil
		f()
	}
	if s.commit != nil {
		return s.commit()
	}
	return s.Ledger.Commit(ctx, c)
}

func (s *store) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	v, err := s.Ledger.LookCase(ctx, id, agent, now)
	if s.look != nil {
		err = s.look
	}
	return v, err
}

func (s *store) List(ctx context.Context, agent string, b gate.Bucket, limit int, from string, now time.Time) ([]gate.Case, string, error) {
	if s.list != nil {
		return nil, "", s.list
	}
	return s.Ledger.List(ctx, agent, b, limit, from, now)
}

// desk is a desk over a ledger in memory, at noon.
func desk(agents ...string) (operate.Desk, *store) {
	s := &store{Ledger: memledger.New()}
	if agents == nil {
		agents = []string{"default"}
	}
	return operate.Desk{Ledger: s, Agents: agents, Now: func() time.Time { return noon }}, s
}

// does gives an order that must be done, and what it says.
func does(t *testing.T, d operate.Desk, o operate.Order) string {
	t.Helper()
	done, err := give(t, d, o)
	if err != nil || len(done.Refused) > 0 {
		t.Fatalf("%+v: %+v, %v", o, done, err)
	}
	return strings.Join(done.Said, "\n")
}

func give(t *testing.T, d operate.Desk, o operate.Order) (operate.Done, error) {
	t.Helper()
	o.By, o.Reason = "ana@laptop", "release"
	return d.Do(t.Context(), o)
}

func status(t *testing.T, d operate.Desk) operate.Status {
	t.Helper()
	s, err := d.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// arrives is an alert that the bridge takes at noon, with the gate's decision.
func arrives(t *testing.T, s *store, n string, r gate.Rules) gate.Decision {
	t.Helper()
	a := alert.Alert{
		Delivery: "dd-1-" + n, Incident: alert.Incident{Org: "1", Monitor: "7", Key: "g." + n}, Transition: alert.Triggered,
		Severity: alert.Medium, Title: "Fault " + n, Time: noon.Add(-time.Second), Tags: []string{"service:s" + n},
	}
	v, err := s.Look(t.Context(), ledger.Question{Delivery: a.Delivery, Incident: a.Incident, Pointers: r.Pointers(), Agent: r.Agent}, noon)
	if err != nil {
		t.Fatal(err)
	}
	d := gate.Arrive(v, gate.Arrival{Alert: a}, r, noon)
	if err := s.Ledger.Commit(t.Context(), d.Change); err != nil {
		t.Fatal(err)
	}
	return d
}

// becomes makes of a case what a call or a tick would have made of it.
func becomes(t *testing.T, s *store, id string, change func(*gate.Case)) {
	t.Helper()
	v, err := s.Ledger.LookCase(t.Context(), id, "default", noon)
	if err != nil {
		t.Fatal(err)
	}
	c := v.Cases[id]
	n := c
	n.Version++
	change(&n)
	if err := s.Ledger.Commit(t.Context(), gate.Change{At: noon, Cases: []gate.CaseWrite{{Read: c, Now: n}}}); err != nil {
		t.Fatal(err)
	}
}

func caseOf(t *testing.T, s *store, id string) gate.Case {
	t.Helper()
	v, err := s.Ledger.LookCase(t.Context(), id, "default", noon)
	if err != nil {
		t.Fatal(err)
	}
	return v.Cases[id]
}

func TestModeAndSilences(t *testing.T) {
	d, _ := desk()
	does(t, d, operate.Order{Do: operate.Mode, Mode: "observe", For: time.Hour})
	does(t, d, operate.Order{Do: operate.Silence, Matchers: []string{"service=cart"}, For: time.Hour})
	does(t, d, operate.Order{Do: operate.Silence, Matchers: []string{"env!=prod"}, Force: true})
	for want, o := range map[string]operate.Order{
		" It has no end: take it back with alertbridge mode clear --reason ….": {Do: operate.Mode, Mode: "off"},
		" until 2026-11-03 13:00:00 UTC: release, for every alert":             {Do: operate.Mode, Mode: "observe", For: time.Hour},
	} {
		if said := does(t, d, o); !strings.Contains(said, want) || strings.Contains(said, "no end") != (o.For == 0) {
			t.Errorf("%+v: %q, want %q", o, said, want)
		}
	}
	does(t, d, operate.Order{Do: operate.Mode, Mode: "observe", For: time.Hour})
	s := status(t, d)
	if s.Mode == nil || s.Mode.Mode != "observe" || s.Mode.By != "ana@laptop" || !s.Mode.Until.Equal(noon.Add(time.Hour)) || len(s.Silences) != 2 {
		t.Fatalf("%+v", s)
	}
	if got := s.Silences[0]; !slices.Equal(got.Matchers, []string{`service = "cart"`}) || got.Reason != "release" {
		t.Errorf("%+v", got)
	}
	later := d
	later.Now = func() time.Time { return noon.Add(time.Hour) }
	if s := status(t, later); s.Mode != nil || s.TakenBack != nil || len(s.Silences) != 1 || !s.Silences[0].Until.IsZero() {
		t.Errorf("when they have ended: %+v", s)
	}
	does(t, d, operate.Order{Do: operate.Expire, IDs: []string{s.Silences[0].ID, s.Silences[1].ID}})
	done, err := d.Do(t.Context(), operate.Order{Do: operate.Mode, By: "bob@laptop", Reason: "over"})
	want := "The mode observe by ana@laptop until 2026-11-03 13:00:00 UTC: release is taken back by bob@laptop: over; the policy's counts again."
	if err != nil || !slices.Equal(done.Said, []string{want}) {
		t.Errorf("%+v, %v", done, err)
	}
	bob := operate.Signed{By: "bob@laptop", Reason: "over", At: noon}
	if s := status(t, later); s.Mode != nil || len(s.Silences) != 0 || s.TakenBack == nil || *s.TakenBack != bob {
		t.Errorf("when they were taken back: %+v", s)
	}
	if _, err := give(t, d, operate.Order{Do: operate.Mode}); err == nil || err.Error() != "no mode is set by hand" {
		t.Errorf("taken back twice: %v", err)
	}
	does(t, d, operate.Order{Do: operate.Mode, Mode: "observe", For: time.Hour})
	if s := status(t, d); s.Mode == nil || s.TakenBack != nil {
		t.Errorf("set again: %+v", s)
	}
}

// A silence whose matcher names nothing that there is would mute nothing, and nobody would know.
func TestSilenceWarnsOfAMisspeltName(t *testing.T) {
	for matcher, want := range map[string]string{
		"prority=P1":     "Warning: prority is no field and no usual tag; did you mean priority? If you did, expire this silence and add another; a tag of that name is written tag:prority.",
		"servcie=cart":   "Warning: servcie is no field and no usual tag; did you mean service? If you did, expire this silence and add another; a tag of that name is written tag:servcie.",
		"tag:prority=P1": "", "priority=P1": "", "service=cart": "", "rack=r7": "",
	} {
		d, _ := desk()
		done, err := give(t, d, operate.Order{Do: operate.Silence, Matchers: []string{"env=prod", matcher}})
		if err != nil || len(status(t, d).Silences) != 1 || want == "" && len(done.Said) != 1 || want != "" && !slices.Equal(done.Said[1:], []string{want}) {
			t.Errorf("%s: %q, %v", matcher, done.Said, err)
		}
	}
}

// What people type can hold what must not be kept, or shown.
func TestWordsAreCleaned(t *testing.T) {
	d, _ := desk()
	if _, err := d.Do(t.Context(), operate.Order{
		Do: operate.Mode, Mode: "off", By: " ana\x1b[2J@laptop\xff", Reason: "rotate\npassword=hunter2hunter2 now",
	}); err != nil {
		t.Fatal(err)
	}
	if m := status(t, d).Mode; m.By != "ana[2J@laptop" || strings.Contains(m.Reason, "hunter2") || !strings.HasPrefix(m.Reason, "rotate ") {
		t.Errorf("%+v", m)
	}
}

// Somebody else sets something between the reading and the writing: both are there afterwards.
func TestNobodysOrderIsLost(t *testing.T) {
	d, s := desk()
	s.before = func() { does(t, d, operate.Order{Do: operate.Silence, Matchers: []string{"service=cart"}}) }
	does(t, d, operate.Order{Do: operate.Mode, Mode: "off"})
	if st := status(t, d); st.Mode == nil || len(st.Silences) != 1 || s.commits != 3 {
		t.Errorf("%+v, after %d commits", st, s.commits)
	}
	s.commits, s.commit = 0, func() error { return fmt.Errorf("%w: somebody was faster", ledger.ErrConflict) }
	_, err := give(t, d, operate.Order{Do: operate.Mode, Mode: "full"})
	if refusal := (*operate.Refusal)(nil); !errors.As(err, &refusal) || !strings.Contains(err.Error(), "was faster 5 times; nothing was done, try again") || s.commits != 5 {
		t.Errorf("%v after %d commits", err, s.commits)
	}
}

func TestStartByHand(t *testing.T) {
	d, s := desk()
	hold, off := gate.DefaultRules(), gate.DefaultRules()
	hold.Hold, off.Mode = time.Hour, gate.ModeOff
	off.Keys = []gate.Key{{Name: "k", For: time.Hour}}
	waits, dropped := arrives(t, s, "1", hold), arrives(t, s, "2", off)
	if dropped.Reason != gate.IsModeOff || waits.Reason != gate.Holding {
		t.Fatalf("%s, %s", waits.Reason, dropped.Reason)
	}

	does(t, d, operate.Order{Do: operate.Start, IDs: []string{"dd-1-1"}})
	if c := caseOf(t, s, waits.Case); c.Hand.By != "ana@laptop" || !c.Until.Equal(noon) {
		t.Errorf("what waited: %+v", c)
	}
	id := explain.WouldBe("dd-1-2")
	if said := does(t, d, operate.Order{Do: operate.Start, IDs: []string{id}}); said != "Case "+id+" starts with the next tick, as soon as the Agent can be called and has a free slot." {
		t.Errorf("%q", said)
	}
	v, err := s.Look(t.Context(), ledger.Question{Incident: alert.Incident{Org: "1", Monitor: "7", Key: "g.2"}, Pointers: []string{"k"}, Agent: "default"}, noon)
	if err != nil || v.Incident.Case != id || v.Pointers["k"] != id || v.Cases[id].Hand.By == "" || v.Cases[id].State != gate.Waiting {
		t.Errorf("what was dropped: %+v, %v", v, err)
	}

	done, err := give(t, d, operate.Order{Do: operate.Start, IDs: []string{id, "ab-nothing", "dd-1-9", "a b"}})
	if err != nil || len(done.Said) != 1 || len(done.Refused) != 3 || !strings.HasPrefix(done.Refused[0], "ab-nothing: there is neither") ||
		!strings.HasPrefix(done.Refused[1], "dd-1-9: there is no delivery dd-1-9") || !strings.HasPrefix(done.Refused[2], `a b: "a b" is no id`) {
		t.Errorf("%+v, %v", done, err)
	}
}

// Where everything was dropped so far there is no case; an alert is started by its event all the same.
func TestStartByEventBeforeThereIsACase(t *testing.T) {
	d, s := desk()
	off := gate.DefaultRules()
	off.Mode = gate.ModeOff
	if dropped := arrives(t, s, "2", off); dropped.Reason != gate.IsModeOff {
		t.Fatal(dropped.Reason)
	}
	does(t, d, operate.Order{Do: operate.Start, IDs: []string{"2"}})
	if c := caseOf(t, s, explain.WouldBe("dd-1-2")); c.State != gate.Waiting || c.Hand.By != "ana@laptop" {
		t.Errorf("%+v", c)
	}
}

// An alert that was dropped for what it is was not kept.
func TestStartWhatIsNotKept(t *testing.T) {
	d, s := desk()
	rec := gate.Delivery{ID: "dd-1-5", Verdict: gate.Drop, Reason: gate.IsTest}
	if err := s.Ledger.Commit(t.Context(), gate.Change{At: noon, Delivery: &rec}); err != nil {
		t.Fatal(err)
	}
	_, err := give(t, d, operate.Order{Do: operate.Start, IDs: []string{"dd-1-5"}})
	if err == nil || err.Error() != "the alert dd-1-5 was dropped as test, and such alerts are not kept to be started" {
		t.Errorf("%v", err)
	}
}

// An alert that was dropped for another Agent is started there, and a case keeps its own.
func TestStartForTheAgentThatItWasDecidedFor(t *testing.T) {
	d, s := desk("default", "payments")
	r := gate.DefaultRules()
	r.Agent, r.Mode = "payments", gate.ModeOff
	arrives(t, s, "1", r)
	r.Mode, r.Hold = gate.ModeFull, time.Hour
	waits := arrives(t, s, "2", r)
	does(t, d, operate.Order{Do: operate.Start, IDs: []string{explain.WouldBe("dd-1-1"), waits.Case}})
	st := status(t, d)
	if len(st.Accounts) != 2 || len(st.Accounts[0].Waiting) != 0 || len(st.Accounts[1].Waiting) != 2 || st.Accounts[1].Waiting[0].Hand != "ana@laptop" {
		t.Errorf("%+v", st.Accounts)
	}
}

func TestStopByHand(t *testing.T) {
	d, s := desk()
	r := gate.DefaultRules()
	r.Budget = gate.Budget{Month: 300_000_000, Case: 4_000_000, Bucket: 5}
	started, doubt, refused := arrives(t, s, "1", r), arrives(t, s, "2", r), arrives(t, s, "3", r)
	r.Hold = time.Hour
	waits := arrives(t, s, "4", r)
	becomes(t, s, started.Case, func(c *gate.Case) { c.State = gate.Started })
	becomes(t, s, doubt.Case, func(c *gate.Case) { c.State, c.Doubts = gate.InDoubt, 1 })
	becomes(t, s, refused.Case, func(c *gate.Case) { c.State = gate.Refused })
	for _, row := range []struct{ id, says, state, how string }{
		{started.Case, "Its slot is free again, and $4.00 count as spent. The Agent itself was not told", "ended", "assumed"},
		{doubt.Case, "counts as refused and is not repeated", "refused", ""},
		{refused.Case, "stays refused and is not tried again", "refused", ""},
		{waits.Case, "will not be started", "ended", "silenced"},
	} {
		said := does(t, d, operate.Order{Do: operate.Stop, IDs: []string{row.id}})
		if c := caseOf(t, s, row.id); !strings.Contains(said, row.says) || string(c.State) != row.state || string(c.How) != row.how {
			t.Errorf("%q, and it is %s, %s; want %q, %s, %s", said, c.State, c.How, row.says, row.state, row.how)
		}
	}
	again := arrives(t, s, "5", r)
	if said := does(t, d, operate.Order{Do: operate.Stop, IDs: []string{"dd-1-5"}}); !strings.HasPrefix(said, "Case "+again.Case+" has ended") || caseOf(t, s, again.Case).State != gate.Ended {
		t.Errorf("by the delivery that opened it: %q", said)
	}
	r.Mode = gate.ModeOff
	arrives(t, s, "6", r)
	if _, err := give(t, d, operate.Order{Do: operate.Stop, IDs: []string{"dd-1-6"}}); err == nil || err.Error() != "the alert dd-1-6 was dropped as mode_off and has no case; there is nothing to stop" {
		t.Errorf("what has no case: %v", err)
	}
	if a := status(t, d).Accounts[0]; a.Spent != 12 || a.Reserved != 4 { // refused keeps its reservation: nobody has settled it
		t.Errorf("%+v", a)
	}
}

func TestRetry(t *testing.T) {
	d, s := desk()
	open := does(t, d, operate.Order{Do: operate.Retry})
	if open != "Agent default: nothing closes it.\nNo case was refused or rests in doubt." {
		t.Errorf("%q", open)
	}
	r := gate.DefaultRules()
	refused, resting, healed := arrives(t, s, "1", r), arrives(t, s, "2", r), arrives(t, s, "3", r)
	becomes(t, s, refused.Case, func(c *gate.Case) { c.State = gate.Refused })
	becomes(t, s, resting.Case, func(c *gate.Case) { c.State, c.Doubts, c.Resting = gate.InDoubt, 1, true })
	becomes(t, s, healed.Case, func(c *gate.Case) { c.State, c.Firing = gate.Refused, 0 })
	shut := gate.Shut{Since: noon, SecretVersion: "v1", Words: "denied: 401"}
	if err := s.Ledger.Commit(t.Context(), gate.Change{At: noon, Account: &gate.AccountWrite{Agent: "default", Shut: &shut}}); err != nil {
		t.Fatal(err)
	}
	if a := status(t, d).Accounts[0]; a.State != "shut" || a.Words != "denied: 401" || len(a.NeedIt) != 3 || a.Opened != nil {
		t.Errorf("before: %+v", a)
	}
	ana := operate.Signed{By: "ana@laptop", Reason: "release", At: noon}
	said := does(t, d, operate.Order{Do: operate.Retry})
	for _, want := range []string{
		"Agent default is called again with the next tick; it was shut since 2026-11-03 12:00:00 UTC (denied: 401).",
		"Case " + healed.Case + " is left: everything in it has recovered.", "Case " + refused.Case + " starts", "Case " + resting.Case + " starts",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("there is no %q in\n%s", want, said)
		}
	}
	a := status(t, d).Accounts[0]
	if a.State != "open" || len(a.NeedIt) != 1 || a.NeedIt[0].Case != healed.Case || a.Opened == nil || *a.Opened != ana {
		t.Errorf("after: %+v", a)
	}
	down := gate.Down{Until: noon.Add(time.Minute), Fails: 2}
	if err := s.Ledger.Commit(t.Context(), gate.Change{At: noon, Account: &gate.AccountWrite{Agent: "default", Down: &down, DownWas: &gate.Down{}}}); err != nil {
		t.Fatal(err)
	}
	if a := status(t, d).Accounts[0]; a.State != "down" || !a.Until.Equal(noon.Add(time.Minute)) {
		t.Errorf("down: %+v", a)
	}
	if said := does(t, d, operate.Order{Do: operate.Retry, IDs: []string{healed.Case}}); !strings.Contains(said, "it was left alone until 2026-11-03 12:01:00 UTC") ||
		!strings.Contains(said, "Case "+healed.Case+" starts") {
		t.Errorf("%q", said)
	}
}

// Who opens an account is on record, also where no case is started by it; where nothing is done there is none.
func TestRetryIsSigned(t *testing.T) {
	d, s := desk("default", "cart")
	shut := gate.Shut{Since: noon, Words: "denied: 401"}
	if err := s.Ledger.Commit(t.Context(), gate.Change{At: noon, Account: &gate.AccountWrite{Agent: "default", Shut: &shut}}); err != nil {
		t.Fatal(err)
	}
	for _, signed := range []bool{true, false} {
		done, err := give(t, d, operate.Order{Do: operate.Retry})
		if err != nil || done.Signed != signed {
			t.Errorf("%+v, %v, want signed %t", done, err, signed)
		}
	}
	ana := operate.Signed{By: "ana@laptop", Reason: "release", At: noon}
	if a := status(t, d).Accounts; a[0].Opened == nil || *a[0].Opened != ana || a[1].Opened != nil {
		t.Errorf("%+v", a)
	}
}

// A ledger that does not answer is no refusal, and nothing is claimed to be done.
func TestTheLedgerIsDown(t *testing.T) {
	broken := errors.New("the store is down")
	for _, row := range []struct {
		o     operate.Order
		fault func(*store)
	}{
		{operate.Order{Do: operate.Mode, Mode: "off"}, func(s *store) { s.look = broken }},
		{operate.Order{Do: operate.Mode, Mode: "off"}, func(s *store) { s.commit = func() error { return broken } }},
		{operate.Order{Do: operate.Silence, Matchers: []string{"a=b"}}, func(s *store) { s.look = broken }},
		{operate.Order{Do: operate.Expire, IDs: []string{"s-1"}}, func(s *store) { s.look = broken }},
		{operate.Order{Do: operate.Start, IDs: []string{"ab-1", "ab-2"}}, func(s *store) { s.look = broken }},
		{operate.Order{Do: operate.Start, IDs: []string{"8873248385148318284"}}, func(s *store) { s.list = broken }},
		{operate.Order{Do: operate.Stop, IDs: []string{"ab-1"}}, func(s *store) { s.look = broken }},
		{operate.Order{Do: operate.Retry}, func(s *store) { s.look = broken }},
		{operate.Order{Do: operate.Retry}, func(s *store) { s.list = broken }},
	} {
		d, s := desk()
		row.fault(s)
		if done, err := give(t, d, row.o); !errors.Is(err, broken) {
			t.Errorf("%+v: %+v, %v", row.o, done, err)
		}
	}
	d, s := desk()
	s.list = broken
	if _, err := d.Status(t.Context()); !errors.Is(err, broken) {
		t.Errorf("the status without lists: %v", err)
	}
	s.look = broken
	if _, err := d.Status(t.Context()); !errors.Is(err, broken) {
		t.Errorf("the status without an account: %v", err)
	}
	// One case that cannot be read hides neither what is set by hand nor the account.
	d, s = desk()
	does(t, d, operate.Order{Do: operate.Mode, Mode: "off"})
	s.look = fmt.Errorf("%w: case ab-1", ledger.ErrUnreadable)
	if st := status(t, d); st.Mode == nil {
		t.Errorf("%+v", st)
	}
}

func TestOrdersThatCannotBe(t *testing.T) {
	d, _ := desk()
	for want, o := range map[string]operate.Order{
		`there is no order "dance"`:        {Do: "dance"},
		`there is no mode "loud"`:          {Do: operate.Mode, Mode: "loud"},
		"no mode is set by hand":           {Do: operate.Mode},
		"has none of =, !=":                {Do: operate.Silence, Matchers: []string{"cart"}},
		"has no matcher":                   {Do: operate.Silence},
		"there is no silence":              {Do: operate.Expire, IDs: []string{"s-1"}},
		"would be over before it begins":   {Do: operate.Mode, Mode: "off", For: -time.Second},
		"neither a case nor a dropped ale": {Do: operate.Stop, IDs: []string{"ab-1"}},
	} {
		_, err := give(t, d, o)
		if refusal := (*operate.Refusal)(nil); !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

// What the policy allows is read from the record of a case, and is left out where there is none.
func TestStatusTellsTheLimits(t *testing.T) {
	d, s := desk()
	if l := status(t, d).Accounts[0].Limits; l != nil {
		t.Errorf("without a case: %+v", l)
	}
	r := gate.DefaultRules()
	r.Slots, r.CriticalSlots, r.Version = 3, 1, "9f3a"
	r.Budget = gate.Budget{Month: 300_000_000, Case: 4_000_000, Bucket: 5, CriticalPerDay: 20}
	started := arrives(t, s, "1", r)
	want := operate.Limits{Slots: 3, CriticalSlots: 1, Month: 300, CriticalDay: 20, Case: started.Case, Policy: "9f3a"}
	if a := status(t, d).Accounts[0]; a.Limits == nil || *a.Limits != want || a.Spent != 4 || len(a.Running) != 1 {
		t.Errorf("while one runs: %+v, %+v", a.Limits, a)
	}
	if a := status(t, d).Accounts[0]; a.MoneyFor == nil || *a.MoneyFor != 4 || !a.MoneyAt.IsZero() {
		t.Errorf("there is money for %+v", a)
	}
	for _, n := range []string{"11", "12", "13", "14"} {
		if got := arrives(t, s, n, r); got.Reason == gate.OverBudget {
			t.Fatalf("%s: %s", n, got.Reason)
		}
		r.Slots++ // so that only money is scarce
	}
	a := status(t, d).Accounts[0] // 75 a month: each is earned in 9 h 36 min
	if *a.MoneyFor != 0 || !a.MoneyAt.Equal(noon.Add(9*time.Hour+36*time.Minute)) {
		t.Errorf("after five: %+v", a)
	}
	var out strings.Builder
	if err := operate.WriteStatus(&out, status(t, d)); err != nil || !strings.Contains(out.String(), "money now: for critical cases only; for one that is not critical from 2026-11-03 21:36:00 UTC on\n") {
		t.Errorf("%v, it prints\n%s", err, out.String())
	}
	r.Hold, r.Slots = time.Hour, 0 // the policy has changed, and says nothing of slots
	waits := arrives(t, s, "2", r)
	if l := status(t, d).Accounts[0].Limits; l == nil || l.Case != waits.Case || l.Slots != gate.MaxRunning {
		t.Errorf("while one waits: %+v", l)
	}
}

// There can be more cases than anybody wants to read.
func TestStatusListsTheBest(t *testing.T) {
	d, s := desk()
	r := gate.DefaultRules()
	r.Hold = time.Hour
	for i := range operate.MaxListed + 1 {
		if i == operate.MaxListed {
			if a := status(t, d).Accounts[0]; len(a.Waiting) != operate.MaxListed || a.More {
				t.Errorf("as many as are listed: %d wait, more %t", len(a.Waiting), a.More)
			}
		}
		arrives(t, s, fmt.Sprint(i), r)
	}
	if a := status(t, d).Accounts[0]; len(a.Waiting) != operate.MaxListed || !a.More {
		t.Errorf("%d wait, more %t", len(a.Waiting), a.More)
	}
}

// What was refused and what rests in doubt are listed together, within the bound.
func TestStatusListsWhatNeedsAHandWithinItsBound(t *testing.T) {
	d, s := desk()
	r := gate.DefaultRules()
	for i := range operate.MaxListed + 1 {
		c := arrives(t, s, fmt.Sprint(i), r)
		becomes(t, s, c.Case, func(c *gate.Case) {
			c.State = gate.Refused
			if i < 2 {
				c.State, c.Doubts, c.Resting = gate.InDoubt, 1, true
			}
		})
	}
	if a := status(t, d).Accounts[0]; len(a.NeedIt) != operate.MaxListed || a.NeedIt[operate.MaxListed-1].State != "in_doubt" {
		t.Errorf("%d need a hand: %+v", len(a.NeedIt), a.NeedIt)
	}
}

// Starts that the Agent should have confirmed by now are told, the earliest first, and of what runs the Agent's own word.
func TestStatusTellsWhatTheAgentHasConfirmed(t *testing.T) {
	d, s := desk()
	r := gate.DefaultRules()
	r.Followed = true
	called := map[string]time.Duration{"late": 11 * time.Minute, "later": 25 * time.Minute, "fresh": 9 * time.Minute, "runs": 12 * time.Minute}
	ids := map[string]string{}
	for _, name := range []string{"late", "later", "fresh", "runs"} {
		ids[name] = arrives(t, s, name, r).Case
		becomes(t, s, ids[name], func(c *gate.Case) {
			c.State, c.Until, c.Called = gate.Started, noon.Add(time.Minute), noon.Add(-called[name])
			switch name {
			case "later":
				c.Work = gate.Work{Missed: true, Absent: noon.Add(-time.Minute)}
			case "runs":
				c.Work = gate.Work{Tasks: []gate.TaskWork{{ID: "t-1", Status: gate.InProgress, Created: noon}}}
			}
		})
	}
	got := status(t, d)
	a := got.Accounts[0]
	if len(a.Unconfirmed) != 2 || a.Unconfirmed[0].Case != ids["later"] || a.Unconfirmed[1].Case != ids["late"] ||
		!a.Unconfirmed[0].Absent.Equal(noon.Add(-time.Minute)) || !a.Unconfirmed[0].Called.Equal(noon.Add(-25*time.Minute)) {
		t.Errorf("not confirmed are %+v", a.Unconfirmed)
	}
	for _, run := range a.Running {
		if told := run.Task == "t-1" && run.Status == "in_progress"; told != (run.Case == ids["runs"]) {
			t.Errorf("%+v", run)
		}
	}
	var out strings.Builder
	if err := operate.WriteStatus(&out, got); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n  called and not confirmed: 2; see whether the Agent has them\n",
		"for 25 min, no task as of 2026-11-03 11:59:00 UTC", "for 11 min, its API has not answered", ", task t-1 is in_progress\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not print %q:\n%s", want, out.String())
		}
	}
}

// What was reserved in another month was spent in that one.
func TestStatusCountsAReservationInItsMonth(t *testing.T) {
	d, s := desk()
	put := map[string]gate.Reservation{
		"ab-old": {Until: noon.Add(time.Minute), Money: 4_000_000, Month: "2026-10"}, "ab-new": {Until: noon.Add(time.Minute), Money: 3_000_000, Month: "2026-11"},
	}
	if err := s.Ledger.Commit(t.Context(), gate.Change{At: noon, Account: &gate.AccountWrite{Agent: "default", Put: put}}); err != nil {
		t.Fatal(err)
	}
	if a := status(t, d).Accounts[0]; a.Spent != 3 || a.Reserved != 3 || len(a.Running) != 2 {
		t.Errorf("%+v", a)
	}
}

// A case is stopped in the account of its own Agent.
func TestStopForTheAgentThatRunsIt(t *testing.T) {
	d, s := desk("default", "payments")
	r := gate.DefaultRules()
	r.Agent, r.Budget = "payments", gate.Budget{Month: 300_000_000, Case: 4_000_000, Bucket: 5}
	started := arrives(t, s, "1", r)
	becomes(t, s, started.Case, func(c *gate.Case) { c.State = gate.Started })
	if said := does(t, d, operate.Order{Do: operate.Stop, IDs: []string{started.Case}}); !strings.Contains(said, "$4.00 count as spent") {
		t.Errorf("%q", said)
	}
	if a := status(t, d).Accounts; a[0].Spent != 0 || a[1].Spent != 4 || len(a[1].Running) != 0 {
		t.Errorf("%+v", a)
	}
}

func TestOrdersWithoutWords(t *testing.T) {
	d, _ := desk()
	for want, o := range map[string]operate.Order{
		"nobody signs it":              {Do: operate.Retry, Reason: "x"},
		"it has no reason":             {Do: operate.Retry, By: "x", Reason: "\n "},
		"the name is longer than 100":  {Do: operate.Retry, By: strings.Repeat("x", 101), Reason: "x"},
		"the reason is longer than 30": {Do: operate.Retry, By: "x", Reason: strings.Repeat("x y ", 76)},
	} {
		if _, err := d.Do(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

// What waits to be told is shown with what kept it, and what was given up with why, for a day.
func TestStatusTellsWhatIsNotTold(t *testing.T) {
	d, s := desk()
	if a := status(t, d).Accounts[0].Answers; a.Waiting != 0 || a.More || !a.Since.IsZero() || a.Targets == nil || len(a.Targets) != 0 {
		t.Errorf("where nobody is told it shows %+v", a)
	}
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	happened := func(minutes ...int) (list []gate.Happened) {
		for i, m := range minutes {
			list = append(list, gate.Happened{Moment: gate.Moments()[i], At: at(m)})
		}
		return list
	}
	first, second := gate.Moments()[0], gate.Moments()[1]
	for _, p := range []gate.Post{
		// Datadog has the first, and is behind with the second; the pager has neither.
		{
			ID: "ab-1", Happened: happened(-60, -30), Until: at(5),
			Told: []gate.Told{{Target: "datadog", Moment: first, As: gate.WasTold, At: at(-59)}},
			Late: []gate.Told{{Target: "datadog", Moment: second, At: at(-2), Words: "busy"}, {Target: "pagerduty", Moment: first, At: at(-2), Words: "away"}},
		},
		{ID: "ab-2", Happened: happened(-90), Until: at(9), Late: []gate.Told{{Target: "pagerduty", Moment: first, At: at(-20), Words: "broken"}}},
		{ID: "ab-3", Happened: happened(-1), Until: at(0)}, // nobody has tried yet
		{ID: "ab-4", Happened: happened(-10), Until: at(-9), Over: true, Told: []gate.Told{{Target: "datadog", Moment: first, As: gate.WasTold, At: at(-9)}}},
		{
			ID: "ab-5", Happened: happened(-2000, -1000), Until: at(-100), Over: true, Told: []gate.Told{
				{Target: "datadog", Moment: first, As: gate.GivenUp, At: at(-1441), Words: "more than a day ago"},
				{Target: "datadog", Moment: second, As: gate.GivenUp, At: at(-100), Words: "the last of it"},
			},
		},
		{ID: "ab-6", Happened: happened(-1500), Until: at(-101), Over: true, Told: []gate.Told{{Target: "datadog", Moment: first, As: gate.GivenUp, At: at(-101), Words: "x"}}},
		// All is told, and the tick looks when it recovers.
		{ID: "ab-7", Happened: happened(-400), Until: at(20), Told: []gate.Told{
			{Target: "datadog", Moment: first, As: gate.WasTold, At: at(-399)}, {Target: "pagerduty", Moment: first, As: gate.WasTold, At: at(-399)},
		}},
		// The Agent's own: it lasts, and was told.
		{ID: gate.AgentPost("default"), Happened: happened(-300), Until: at(0), Told: []gate.Told{{Target: "datadog", Moment: first, As: gate.WasTold, At: at(-290)}}},
	} {
		p.Agent, p.Version = "default", 1
		if err := s.Ledger.Commit(t.Context(), gate.Change{At: noon, Told: &gate.ToldWrite{Now: p}}); err != nil {
			t.Fatal(err)
		}
	}
	got := status(t, d).Accounts[0].Answers
	want := operate.Answers{Waiting: 3, Since: at(-90), Targets: []operate.Target{
		{
			Target: "datadog", Waiting: 1, Since: at(-30), Tried: at(-2), Words: "busy",
			GivenUp: 2, GivenUpAt: at(-100), GivenUpCase: "ab-5", GivenUpWords: "the last of it",
		},
		{Target: "pagerduty", Waiting: 2, Since: at(-90), Tried: at(-2), Words: "away"},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("it shows\n%+v, want\n%+v", got, want)
	}
}

func TestWriteStatus(t *testing.T) {
	at := func(d time.Duration) time.Time { return noon.Add(d) }
	four := 4
	s := operate.Status{
		At: noon, Mode: &operate.ByHand{Mode: "observe", By: "ana@laptop", Reason: "release", Until: at(time.Hour)},
		Silences: []operate.ByHand{{ID: "s-1", Matchers: []string{`service = "cart"`, `env = "prod"`}, By: "ben@laptop", Reason: "known"}},
		Accounts: []operate.Account{
			{
				Agent: "default", State: "open", Month: "2026-11", Spent: 123.4, Reserved: 7.97, Critical: 2, More: true,
				PacedTill: at(2 * time.Hour), MoneyFor: &four, Limits: &operate.Limits{Slots: 3, CriticalSlots: 1, Month: 300, CriticalDay: 20},
				Running: []operate.Running{{Case: "ab-1", Until: at(time.Minute), Critical: true, Dollars: 3.984}},
				Waiting: []operate.Waiting{
					{Case: "ab-2", State: "waiting", Why: "budget", Until: at(time.Hour), Severity: "HIGH", Title: "Cart fails"},
					{Case: "ab-3", State: "waiting", Why: "hold", Until: at(time.Minute), Severity: "LOW", Title: "Disk fills up", Observed: true},
					{Case: "ab-5", State: "waiting", Why: "slots", Until: at(-time.Minute), Severity: "LOW", Title: "Mail is late"},
				},
				NeedIt: []operate.Waiting{{Case: "ab-4", State: "refused", Severity: "LOW", Title: "Index is old", Hand: "ana@laptop"}},
			},
			{Agent: "cart", State: "open", Opened: &operate.Signed{By: "ana@laptop", Reason: "key rotated", At: at(-time.Hour)}, Month: "2026-11", Answers: operate.Answers{
				Waiting: 12, More: true, Since: at(-3 * time.Hour), Targets: []operate.Target{
					{Target: "datadog", GivenUp: 2, GivenUpAt: at(-time.Hour), GivenUpCase: "ab-6", GivenUpWords: "refused: 400"},
					{Target: "pagerduty", Waiting: 11, Since: at(-2 * time.Hour), Tried: at(-time.Minute), Words: "throttled: 429"},
				},
			}},
			{Agent: "payments", State: "shut", Since: at(-time.Hour), Words: "denied: 401", Month: "2026-11", Answers: operate.Answers{Waiting: 1, Since: at(-time.Minute)}},
			{Agent: "search", State: "down", Until: at(time.Minute), Month: "2026-11", MoneyFor: new(int), MoneyAt: at(time.Hour), Critical: 20, Limits: &operate.Limits{Slots: 3, Month: 300, CriticalDay: 20}},
		},
	}
	var out strings.Builder
	if err := operate.WriteStatus(&out, s); err != nil {
		t.Fatal(err)
	}
	want := `Mode: observe, set by hand by ana@laptop until 2026-11-03 13:00:00 UTC: release
Silences:
  s-1  service = "cart", env = "prod"  until it is taken back  by ben@laptop: known

Agent default: open
  spent in 2026-11: $123.40 of $300.00, with $7.97 for what runs; critical starts today: 2 of 20
  money now: for 4 more; the budget refills evenly
  running: 1 of 3 slots, 1 of them for critical cases only
    ab-1 until about 2026-11-03 12:01:00 UTC, $3.98, critical
  waiting: 3 and more
    ab-2  HIGH  budget until 2026-11-03 13:00:00 UTC  Cart fails
    ab-3  LOW   hold until 2026-11-03 12:01:00 UTC    Disk fills up (only observed)
    ab-5  LOW   slots                                 Mail is late
  need a hand (alertbridge retry, start or stop): 1
    ab-4  LOW  refused  Index is old (start asked for by ana@laptop)

Agent cart: open
  opened by hand by ana@laptop at 2026-11-03 11:00:00 UTC: key rotated
  spent in 2026-11: $0.00, with $0.00 for what runs; critical starts today: 0
  running: 0
  waiting: 0
  to be told: what became of 12 cases and more, the oldest since 2026-11-03 09:00:00 UTC
    PagerDuty has not taken it of 11, the oldest since 2026-11-03 10:00:00 UTC; tried in vain at 2026-11-03 11:59:00 UTC: throttled: 429
  given up telling Datadog in the last 24 hours: 2; the last at 2026-11-03 11:00:00 UTC, of ab-6: refused: 400

Agent payments: shut since 2026-11-03 11:00:00 UTC: denied: 401; it opens when the secret has a new version, or with alertbridge retry
  spent in 2026-11: $0.00, with $0.00 for what runs; critical starts today: 0
  running: 0
  waiting: 0
  to be told: what became of 1 case, the oldest since 2026-11-03 11:59:00 UTC

Agent search: down: it could not be reached, and is left alone until 2026-11-03 12:01:00 UTC
  spent in 2026-11: $0.00 of $300.00, with $0.00 for what runs; critical starts today: 20 of 20
  money now: for nothing; for one that is not critical from 2026-11-03 13:00:00 UTC on
  running: 0 of 3 slots
  waiting: 0
`
	if out.String() != want {
		t.Errorf("it prints\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if err := operate.WriteMode(&out, operate.Status{TakenBack: &operate.Signed{By: "bob@laptop", Reason: "over", At: noon}}); err != nil ||
		out.String() != "Mode: none is set by hand; the policy's counts.\n  the last one was taken back by bob@laptop at 2026-11-03 12:00:00 UTC: over\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	for part, write := range map[string]func(io.Writer, operate.Status) error{
		"Mode: none is set by hand; the policy's counts.\n": operate.WriteMode, "Silences: none.\n": operate.WriteSilences,
	} {
		out.Reset()
		if err := write(&out, operate.Status{}); err != nil || out.String() != part {
			t.Errorf("%q, %v, want %q", out.String(), err, part)
		}
	}
}
