package gate

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// What a hand makes of a case in each state; "" where it is told why not.
// TestARepeatByHandThatIsRefused: the order was for that one repeat. Under the policy stop nothing sends it once more.
func TestARepeatByHandThatIsRefused(t *testing.T) {
	c := caseIn("starting", "ab-own")
	c.Doubts, c.Hand = 1, ordered(0)
	cl := Claim{Case: c, Until: noon.Add(time.Minute)}
	d := Settle(c, cl, delivery.Answer{Reason: delivery.BadRequest, Words: "no"}, noon)
	now := d.Change.Cases[0].Now
	if now.State != InDoubt || !now.NoRepeat || now.Hand != (Order{}) {
		t.Fatalf("it becomes %+v", now)
	}
	p := policyAll()
	p.InDoubt = StopIt
	if d := Due(viewOf(Incident{}, now), now.ID, p, now.Until.Add(time.Minute)); d.Start != nil {
		t.Error("the tick sends it once more")
	}
}

func TestByHandByState(t *testing.T) {
	for _, row := range []struct {
		state          string
		start, starts  string // what start says, and the state it leads to
		stop, stopped  string
		free, accepted bool // stopping gives the slot up; starting is taken
	}{
		{"none", "neither a case nor a dropped alert", "", "neither a case nor a dropped alert", "", false, false},
		{"waiting", "", "waiting (slots)", "", "ended silenced", false, true},
		{"starting", "is being started at this moment", "", "is being started at this moment", "", false, false},
		{"in doubt", "", "in doubt", "", "refused", true, true},
		{"resting", "", "in doubt", "", "refused", true, true},
		{"started", "has been started already, at 2026-03-02T11:50:00Z", "", "", "ended assumed", true, false},
		{"refused", "", "refused", "", "refused", false, true},
		{"ended assumed", "has been started already", "", "has ended already, as assumed", "", false, false},
		{"ended recovered", "", "waiting (hold)", "has ended already, as recovered", "", false, true},
		{"ended expired", "", "waiting (hold)", "has ended already, as expired", "", false, true},
		{"ended silenced", "", "waiting (hold)", "has ended already, as silenced", "", false, true},
	} {
		v := viewOf(Incident{}, Case{})
		if row.state != "none" {
			v = viewOf(Incident{}, caseIn(row.state, "ab-1"))
		}
		v.Account.Running["ab-1"] = Reservation{Attempt: 2, Until: noon.Add(time.Minute), Money: 4_000_000, Month: "2026-03"}

		d, err := Promote(v, "ab-1", ordered(0), noon)
		if says(t, row.state+", start", d, err, row.start) {
			n := d.Change.Cases[0].Now
			if got := stateName(n); got != row.starts || n.Hand != ordered(0) || !n.Until.Equal(noon) || n.Resting || d.Case != n.ID {
				t.Errorf("%s, start: %s, %+v", row.state, got, n)
			}
			if d.Change.Account != nil || d.Start != nil {
				t.Errorf("%s, start: a hand only makes it due, and it does %+v", row.state, d)
			}
			if step := n.Steps[len(n.Steps)-1]; !step.At.Equal(noon) || !strings.Contains(step.Text, "by hand by ana@laptop: release") {
				t.Errorf("%s, start: the step is %+v", row.state, step)
			}
		}

		d, err = Stop(v, "ab-1", ordered(0), false, noon)
		if says(t, row.state+", stop", d, err, row.stop) {
			n := d.Change.Cases[0].Now
			if got := stateName(n); got != row.stopped || n.Hand != (Order{}) || n.Resting || !n.Until.Equal(noon) {
				t.Errorf("%s, stop: %s, %+v", row.state, got, n)
			}
			if step := n.Steps[len(n.Steps)-1].Text; !strings.Contains(step, "stopped by hand by ana@laptop: release") ||
				strings.Contains(step, "the Agent itself was not told") != (row.state == "started") {
				t.Errorf("%s, stop: the step is %q", row.state, step)
			}
			a := d.Change.Account
			if (a != nil) != row.free || a != nil && (!slices.Equal(a.Drop, []string{"ab-1"}) || a.Spend["2026-03"] != 4_000_000) {
				t.Errorf("%s, stop: the account gets %+v", row.state, a)
			}
		}
	}
}

// A start that was asked for is taken back by stopping the case: the tick must not find it again.
func TestStopTakesBackAStartThatWasAskedFor(t *testing.T) {
	for _, state := range []string{"refused", "resting", "waiting"} {
		v := viewOf(Incident{}, caseIn(state, "ab-1"))
		d, err := Promote(v, "ab-1", ordered(0), noon)
		if err != nil {
			t.Fatal(err)
		}
		asked := d.Change.Cases[0].Now
		d, err = Stop(viewOf(Incident{}, asked), "ab-1", ordered(0), false, noon)
		if err != nil || asked.Hand == (Order{}) {
			t.Fatalf("%s: %+v, %v", state, asked, err)
		}
		n := d.Change.Cases[0].Now
		want := Declined
		if state == "waiting" {
			want = Closed
		}
		if n.Hand != (Order{}) || n.Bucket() != want {
			t.Errorf("%s: it is %s, in the bucket %s, and asked for by %+v", state, n.State, n.Bucket(), n.Hand)
		}
	}
}

// The case that takes the place of one that was only observed is found by its grouping keys, though that one still waits.
func TestPromoteTakesTheKeysOfWhatWasObserved(t *testing.T) {
	old := caseIn("waiting", "ab-1")
	old.Shadow = true
	lead := said("d1", alert.Triggered, noon, "fallback")
	old.Incident = lead.Incident.String()
	v := viewOf(Incident{Key: lead.Incident, Fire: noon, Case: "ab-1", Version: 1}, old)
	v.Leads = map[string]alert.Alert{"ab-1": lead}
	v.Pointers = map[string]string{"k1": "ab-1"}
	v.Delivery = &Delivery{ID: "d1", Saw: &Saw{Rules: keyed(policyAll(), "k1")}}
	d, err := Promote(v, "ab-1", ordered(0), noon)
	if err != nil {
		t.Fatal(err)
	}
	if p := d.Change.Pointers; len(p) != 1 || p[0] != (PointerWrite{Key: "k1", Read: "ab-1", Now: d.Case}) || d.Case == "ab-1" {
		t.Errorf("case %s, the keys %+v", d.Case, p)
	}
}

// says checks an error, or else that the change can be made.
func says(t *testing.T, what string, d Decision, err error, want string) bool {
	t.Helper()
	if want != "" {
		if err == nil || !strings.Contains(err.Error(), want) || !d.Change.Empty() {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
		return false
	}
	if err == nil {
		err = d.Change.Check()
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return err == nil
}

// Where nothing fires any more, or nothing has said so for long, a hand wants it all the same: its word counts as the
// last notification, or what is old would end by its age before the Agent or a slot is there.
func TestPromoteStandsForAnAlertThatFires(t *testing.T) {
	for _, row := range []struct {
		state  string
		firing int
		want   int
		facts  CaseFacts
	}{
		{"waiting", 0, 1, CaseFacts{Firing: NoneFires}},
		{"waiting", 2, 2, CaseFacts{}},
		{"refused", 0, 1, CaseFacts{Firing: NoneFires}},
		{"resting", 0, 1, CaseFacts{Firing: NoneFires}},
		{"in doubt", 3, 3, CaseFacts{}},
	} {
		c := caseIn(row.state, "ab-1")
		c.Firing = row.firing
		d, err := Promote(viewOf(Incident{}, c), "ab-1", ordered(0), noon)
		if err != nil {
			t.Fatal(err)
		}
		if w := d.Change.Cases[0]; w.Now.Firing != row.want || w.Facts != row.facts || !w.Now.Last.Equal(noon) {
			t.Errorf("%s, %d fire: %+v", row.state, row.firing, w)
		}
	}
	c := caseIn("waiting", "ab-1")
	c.Last = noon.Add(time.Second) // a clock that is ahead
	if d, err := Promote(viewOf(Incident{}, c), "ab-1", ordered(0), noon); err != nil || !d.Change.Cases[0].Now.Last.Equal(c.Last) {
		t.Errorf("the last word went back: %+v, %v", d.Change.Cases, err)
	}
}

// What a hand has made due, the next tick starts: whatever it waited for, however old it is, and with nothing firing.
func TestTheTickStartsWhatAHandPromoted(t *testing.T) {
	r := DefaultRules()
	r.Mode, r.Budget = ModeOff, Budget{Month: 1, Case: 4_000_000}
	for _, state := range []string{"none", "waiting", "resting", "refused", "ended recovered", "ended expired", "ended silenced"} {
		c := caseIn(state, "ab-1")
		c.Firing = 0
		c.Last = noon.Add(-48 * time.Hour)
		v := viewOf(Incident{}, c)
		if state == "none" {
			v, _ = dropped()
		}
		v.Hand.Silences = []Silence{{"s-1", matchers(t, "service=checkout"), ordered(0)}}
		id := "ab-1"
		if state == "none" {
			id = CaseID(said("dd-1", alert.Triggered, noon, "cycle"))
		}
		d, err := Promote(v, id, ordered(0), noon)
		if !says(t, state, d, err, "") {
			continue
		}
		v.Cases[d.Case] = d.Change.Cases[0].Now
		if b := v.Cases[d.Case].Bucket(); b != Queue && b != Timed {
			t.Errorf("%s: the tick does not look at %s", state, b)
		}
		if tick := Due(v, d.Case, r, noon.Add(time.Second)); tick.Start == nil {
			t.Errorf("%s: the tick does %q: %+v", state, tick.Did, tick.Change.Cases)
		}
	}
}

// The Agent's word ends what was asked for by hand: without that, each tick would call it again for ever.
func TestRefusedAgainIsNotTriedAgain(t *testing.T) {
	v := viewOf(Incident{}, caseIn("refused", "ab-1"))
	d, err := Promote(v, "ab-1", ordered(0), noon)
	if err != nil {
		t.Fatal(err)
	}
	v.Cases["ab-1"] = d.Change.Cases[0].Now
	tick := Due(v, "ab-1", DefaultRules(), noon)
	if tick.Start == nil {
		t.Fatalf("the tick does not start it: %+v", tick)
	}
	no := delivery.Answer{Reason: delivery.BadRequest, Words: "no title"}
	c := Settle(tick.Start.Case, *tick.Start, no, noon.Add(time.Second)).Change.Cases[0].Now
	if c.State != Refused || c.Hand != (Order{}) || c.Bucket() != Declined {
		t.Errorf("refused again it is %+v, in %s", c, c.Bucket())
	}
	v.Cases["ab-1"] = c
	if tick = Due(v, "ab-1", DefaultRules(), noon.Add(time.Minute)); !tick.Change.Empty() {
		t.Errorf("and the next tick does %+v", tick)
	}
}

func TestStopWithoutAReservation(t *testing.T) {
	d, err := Stop(viewOf(Incident{}, caseIn("started", "ab-1")), "ab-1", ordered(0), false, noon)
	if err != nil || d.Change.Account != nil {
		t.Errorf("%+v, %v", d.Change.Account, err)
	}
}

// dropped is the view of an alert that was dropped and kept, with the record that says by which rules.
func dropped() (View, alert.Alert) {
	v, lead := viewOf(Incident{}, Case{}), said("dd-1", alert.Triggered, noon.Add(-time.Minute), "cycle")
	v.Leads[CaseID(lead)] = lead
	rules := keyed(DefaultRules(), "k1", "k2")
	rules.Severity = alert.Critical
	v.Delivery = &Delivery{ID: "dd-1", Verdict: Drop, Reason: Silenced, TraceID: "77", Saw: &Saw{Rules: rules}}
	return v, lead
}

func TestPromoteADroppedAlert(t *testing.T) {
	v, lead := dropped()
	id := CaseID(lead)
	d, err := Promote(v, id, ordered(0), noon)
	if !says(t, "start", d, err, "") {
		return
	}
	c, w := d.Change.Cases[0].Now, d.Change
	if len(w.Cases) != 1 || w.Cases[0].Read.ID != "" || w.Cases[0].Lead.Delivery != "dd-1" || d.Did != Opens {
		t.Errorf("it does %+v", d)
	}
	if c.ID != id || c.Agent != "default" || c.Severity != alert.Critical || c.Firing != 1 || !c.Last.Equal(noon) ||
		c.Title != lead.Title || c.Service != "checkout" || c.Incident != lead.Incident.String() || c.TraceID != "77" || !c.Opened.Equal(noon) {
		t.Errorf("the case is %+v", c)
	}
	if in := w.Incident; in.Read != 0 || in.Now.Key != lead.Incident || in.Now.Case != id || !in.Now.Fire.Equal(lead.Time) || in.Now.Version != 1 {
		t.Errorf("the incident is %+v", in)
	}
	if !slices.Equal(w.Pointers, []PointerWrite{{"k1", "", id}, {"k2", "", id}}) || w.Delivery != nil {
		t.Errorf("the keys are %+v, the delivery %+v", w.Pointers, w.Delivery)
	}

	v.Delivery = nil // its record is gone, or was written by a build that kept no rules
	if d, err = Promote(v, id, ordered(0), noon); err != nil || d.Change.Cases[0].Now.Severity != alert.Medium || d.Change.Pointers != nil {
		t.Errorf("without its record: %+v, %v", d.Change, err)
	}
	if _, err := Promote(v, "ab-nothing", ordered(0), noon); !errors.Is(err, ErrNothing) {
		t.Errorf("an id that is not there: %v", err)
	}
}

// What was dropped and is started by hand must not be paid for twice.
func TestPromoteLooksAtTheIncidentsCase(t *testing.T) {
	for _, row := range []struct{ state, says string }{
		{"waiting", "belongs to case ab-own by now, which is waiting"},
		{"starting", "which is starting"},
		{"in doubt", "which is in_doubt"},
		{"resting", "which is in_doubt"},
		{"started", "which is started"},
		{"refused", "which is refused"},
		{"ended assumed", ""},
		{"ended recovered", ""},
		{"ended expired", ""},
	} {
		v, lead := dropped()
		v.Incident = Incident{Key: lead.Incident, Fire: noon, Version: 3, Case: "ab-own"}
		v.Cases["ab-own"] = caseIn(row.state, "ab-own")
		d, err := Promote(v, CaseID(lead), ordered(0), noon)
		if says(t, row.state, d, err, row.says) {
			if in := d.Change.Incident; in.Read != 3 || in.Now.Version != 4 || !in.Now.Fire.Equal(noon) {
				t.Errorf("%s: the incident becomes %+v", row.state, in)
			}
		}
	}
}

// A grouping key that names a case which is still open stays with it.
func TestPromoteLeavesAKeyThatIsInUse(t *testing.T) {
	for state, taken := range map[string]bool{"waiting": false, "resting": false, "started": true, "ended recovered": true} {
		v, lead := dropped()
		v.Pointers["k2"], v.Cases["ab-2"] = "ab-2", caseIn(state, "ab-2")
		d, err := Promote(v, CaseID(lead), ordered(0), noon)
		if err != nil || d.Change.Pointers[0].Key != "k1" || slices.Contains(d.Change.Pointers, PointerWrite{"k2", "ab-2", d.Case}) != taken {
			t.Errorf("%s: %+v, %v", state, d.Change.Pointers, err)
		}
	}
}

// One that names what was only observed of the incident, and is over with that, names the new case; one that names what was
// observed of another does not.
func TestPromoteTakesTheKeysOfWhatIsOver(t *testing.T) {
	for id, taken := range map[string]bool{"ab-own": true, "ab-2": false} {
		v, lead := dropped()
		shadow := caseIn("waiting", id)
		shadow.Shadow = true
		v.Cases[id], v.Pointers["k2"] = shadow, id
		own := shadow
		own.ID = "ab-own"
		v.Cases["ab-own"], v.Incident = own, Incident{Key: lead.Incident, Fire: noon, Version: 3, Case: "ab-own"}
		d, err := Promote(v, CaseID(lead), ordered(0), noon)
		if err != nil || len(d.Change.Cases) != 2 || slices.Contains(d.Change.Pointers, PointerWrite{"k2", id, d.Case}) != taken {
			t.Errorf("%s: %+v, %v", id, d.Change, err)
		}
	}
}

// A case that ended gets another in its place, with an id that the same hand at another time would not give.
func TestPromoteWhatEnded(t *testing.T) {
	v := viewOf(Incident{Key: incidentKey("fallback"), Version: 2}, caseIn("ended expired", "ab-1"))
	d, err := Promote(v, "ab-1", ordered(0), noon)
	if err != nil || d.Case == "ab-1" || len(d.Case) != 19 || d.Change.Cases[0].Now.TraceID != "99" || d.Change.Incident.Now.Case != d.Case {
		t.Errorf("%+v, %v", d, err)
	}
	same, _ := Promote(v, "ab-1", ordered(0), noon)
	other, _ := Promote(v, "ab-1", ordered(0), noon.Add(ms))
	if same.Case != d.Case || other.Case == d.Case {
		t.Errorf("%s, %s, %s", d.Case, same.Case, other.Case)
	}
}

// What is only observed will never start; so it ends, and a case that starts takes its place.
func TestPromoteWhatIsObserved(t *testing.T) {
	shadow := caseIn("waiting", "ab-1")
	shadow.Shadow = true
	for _, moved := range []bool{false, true} {
		v := viewOf(Incident{Key: incidentKey("fallback"), Version: 2}, shadow)
		if moved { // another shadow has the incident by now
			other := shadow
			other.ID = "ab-2"
			v.Cases["ab-2"], v.Incident.Case = other, "ab-2"
		}
		d, err := Promote(v, "ab-1", ordered(0), noon)
		if err != nil || d.Change.Cases[0].Now.Shadow || d.Case == "ab-1" || len(d.Change.Cases) != map[bool]int{false: 2, true: 3}[moved] {
			t.Errorf("%+v, %v", d.Change.Cases, err)
			continue
		}
		for _, w := range d.Change.Cases[1:] {
			if w.Now.How != EndObserved || w.Now.Version != 8 || w.Now.Steps[0].Text != "ended (observed): opened anew as case "+d.Case+" by hand by ana@laptop: release" {
				t.Errorf("%+v", w.Now)
			}
		}
	}
}

func TestRetryOpensAnAccount(t *testing.T) {
	for _, row := range []struct {
		why        string
		a          Account
		shut, down bool
	}{
		{"open", Account{Agent: "default"}, false, false},
		{"shut", Account{Agent: "default", Shut: Shut{Since: noon, SecretVersion: "v1"}}, true, false},
		{"down", Account{Agent: "default", Down: Down{Until: noon, Fails: 2}}, false, true},
		{"both", Account{Agent: "default", Shut: Shut{Since: noon}, Down: Down{Doubts: 1}}, true, true},
	} {
		d := Retry(row.a, ordered(0), noon)
		a := d.Change.Account
		if a == nil {
			if row.shut || row.down || !d.Change.Empty() {
				t.Errorf("%s: nothing is done", row.why)
			}
			continue
		}
		if row.shut != (a.Shut != nil && *a.Shut == Shut{} && *a.OpenedBy == row.a.Shut.SecretVersion) ||
			row.down != (a.Down != nil && *a.Down == Down{} && *a.DownWas == row.a.Down) || a.Agent != "default" ||
			a.Hand == nil || *a.Hand != ordered(0) {
			t.Errorf("%s: %+v", row.why, a)
		}
	}
}
