package gate

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// What people are told of lies in the change that makes it happen, and nowhere else.
func TestMomentsAreInTheChangeThatMakesThem(t *testing.T) {
	walk(t, "moments", []column{values("from", momentStates...), values("to", momentStates[1:]...)}, func(at entry) bool {
		from, to := momentCase(at["from"]), momentCase(at["to"])
		return at["from"] != at["to"] && at["from"] != at["to"]+" and over" &&
			(slices.Contains(Moves()[from.State], to.State) || from.State == to.State && from.State != Ended || endsAgain(from, to)) &&
			(to.State != Ended || from.State == Ended || slices.Contains(Endings()[from.State], to.How))
	}, func(t *testing.T, at, row entry) {
		got := moments(momentCase(at["from"]), momentCase(at["to"]), CountsDown)
		want := []Moment{}
		if row["moment"] != "–" {
			want = append(want, Moment(row["moment"]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", at, got, want)
		}
	})
	for _, m := range Moments() {
		if m != RecoverAgain && m != WasMissed && m != IsHeld && m != WasPlanned && !slices.ContainsFunc(page(t, "moments").rows, func(r entry) bool { return r["moment"] == string(m) }) {
			t.Errorf("nothing on the page leads to the moment %s", m)
		}
	}
}

var momentStates = []string{
	"none", "waiting (hold)", "waiting (slots)", "waiting (budget)", "waiting (agent_down)", "waiting (agent_shut)",
	"starting", "in doubt", "resting", "resting and over", "started", "refused", "refused and over", "ended completed", "ended assumed", "ended recovered", "observed",
}

func endsAgain(from, to Case) bool {
	return from.State == Ended && to.State == Ended && from.HasStarted() && to.HasStarted()
}

func momentCase(state string) Case {
	switch state {
	case "none":
		return Case{}
	case "refused and over", "resting and over":
		c := caseIn(strings.TrimSuffix(state, " and over"), "ab-own")
		c.Firing = 0
		return c
	case "observed":
		c := caseIn("ended observed", "ab-own")
		c.Shadow = true
		return c
	}
	for _, why := range []Why{WhyHold, WhySlots, WhyBudget, WhyAgentDown, WhyAgentShut} {
		if state == "waiting ("+string(why)+")" {
			c := caseIn("waiting", "ab-own")
			c.Why, c.Attempt = why, 0
			return c
		}
	}
	return caseIn(state, "ab-own")
}

// An incident that leaves a refused case for another one fires on: that is no recovery.
func TestLeavingIsNoRecovery(t *testing.T) {
	if got := moments(momentCase("refused"), momentCase("refused and over"), Opens); got != nil {
		t.Errorf("it opens another case: %v", got)
	}
}

// A case that waited already is told of once more when it has come to be one that somebody must see to: it is critical,
// and waits for money or at the Agent's shut door.
func TestHeldIsToldOnce(t *testing.T) {
	in := func(sev alert.Severity, why Why) Case {
		c := momentCase("waiting (" + string(why) + ")")
		c.Severity = sev
		return c
	}
	for _, row := range []struct {
		why       string
		read, now Case
		want      []Moment
	}{
		{"it becomes critical", in(alert.High, WhyBudget), in(alert.Critical, WhyBudget), []Moment{IsHeld}},
		{"the door is found shut", in(alert.Critical, WhyAgentDown), in(alert.Critical, WhyAgentShut), []Moment{IsHeld}},
		{"a slot is free, and no money there", in(alert.Critical, WhySlots), in(alert.Critical, WhyBudget), []Moment{IsHeld}},
		{"it becomes critical while it waits for a slot", in(alert.High, WhySlots), in(alert.Critical, WhySlots), nil},
		{"another time for the same", in(alert.Critical, WhyBudget), in(alert.Critical, WhyBudget), nil},
		{"from the one to the other", in(alert.Critical, WhyBudget), in(alert.Critical, WhyAgentShut), nil},
		{"not critical", in(alert.High, WhySlots), in(alert.High, WhyAgentShut), nil},
		{"from the first", Case{}, in(alert.Critical, WhyBudget), []Moment{Waits}},
	} {
		if got := moments(row.read, row.now, Explains); !slices.Equal(got, row.want) {
			t.Errorf("%s: %v, want %v", row.why, got, row.want)
		}
	}
}

// Whoever decides tells of it only where there is somebody to tell, and each entrance of the gate does.
func TestDecisionsTell(t *testing.T) {
	for _, tells := range []bool{true, false} {
		r := followed()
		r.Tells = tells
		r.Slots = 1
		full := viewOf(Incident{}, Case{})
		full.Account.Running["ab-x"] = Reservation{Until: noon.Add(time.Minute)}
		a := said("d1", "Triggered", noon, "cycle")
		cl := claimed(0)
		cl.Tells = tells
		gone := sentCase("started", ConfirmWithin)
		for name, row := range map[string]struct {
			d    Decision
			want Moment
		}{
			"arrive": {Arrive(full, arrivalOf(a), r, noon), Waits},
			"settle": {Settle(cl.Case, cl, delivery.Answer{Reason: delivery.Received}, noon), WasStarted},
			"due":    {Due(holding(sentCase("started", MaxRun), -5*time.Minute), "ab-own", r, noon.Add(6*time.Minute)), HasEnded},
			"learn":  {Learn(holding(gone, 0), gone.ID, News{Asked: true}, r, noon), WasMissed},
		} {
			var got []Moment
			for _, p := range row.d.Change.Posts {
				got = append(got, p.Moments...)
				if p.ID == "" || p.Agent != "default" {
					t.Errorf("%s: a post of %q, %q", name, p.ID, p.Agent)
				}
			}
			if want := []Moment{row.want}; tells && !slices.Equal(got, want) || !tells && got != nil {
				t.Errorf("%s, tells %t: %v, want %v", name, tells, got, want)
			}
		}
		if c := claimOf(cl.Case, a, full.Account, r, noon); c.Tells != tells {
			t.Errorf("the claim tells %t, want %t", c.Tells, tells)
		}
	}
}

// Who stops a case ends what people wait for, or were woken for. A doubt that counts as refused is not what the Agent said.
func TestStoppedByHandIsTold(t *testing.T) {
	for state, want := range map[string]Moment{
		"waiting (budget)": WasNot, "waiting (hold)": "", "started": HasEnded, "in doubt": "", "resting": WasNot, "refused": WasNot,
	} {
		for _, tells := range []bool{true, false} {
			d, err := Stop(viewOf(Incident{}, momentCase(state)), "ab-own", ordered(0), tells, noon)
			if err != nil {
				t.Fatal(err)
			}
			var got Moment
			for _, p := range d.Change.Posts {
				got = p.Moments[0]
			}
			if tells && got != want || !tells && got != "" {
				t.Errorf("%s, tells %t: %q, want %q", state, tells, got, want)
			}
		}
	}
}

// A doubt is told when it is left for a person, whichever way it got there, once; and when everything in it has recovered.
func TestDoubtThatIsLeft(t *testing.T) {
	inDoubt := func(change ...func(*Case)) Case {
		c := momentCase("in doubt")
		for _, f := range change {
			f(&c)
		}
		return c
	}
	noRepeat, rests := func(c *Case) { c.NoRepeat = true }, func(c *Case) { c.Resting = true }
	followed, over := func(c *Case) { c.Called = noon }, func(c *Case) { c.Firing = 0 }
	for _, row := range []struct {
		why       string
		read, now Case
		did       Did
		want      []Moment
	}{
		{"the call ends in doubt, and is repeated", momentCase("starting"), inDoubt(), Settles, nil},
		{"the call ends in doubt, and is not", momentCase("starting"), inDoubt(noRepeat), Settles, []Moment{IsDoubtful}},
		{"the lease ends, and it is not repeated", momentCase("starting"), inDoubt(noRepeat), Doubts, []Moment{IsDoubtful}},
		{"it is not repeated, and the Agent is asked", momentCase("starting"), inDoubt(noRepeat, followed), Settles, nil},
		{"the Agent was asked in vain", inDoubt(noRepeat, followed), inDoubt(noRepeat, followed, rests), Releases, []Moment{IsDoubtful}},
		{"it was repeated often enough", inDoubt(), inDoubt(rests), Releases, []Moment{IsDoubtful}},
		{"it rests since it was known", inDoubt(noRepeat), inDoubt(noRepeat, rests), Releases, nil},
		{"nothing of it fires", inDoubt(over), inDoubt(over, rests), Releases, nil},
		{"it had recovered when it was left, and fires again", inDoubt(over, rests), inDoubt(rests), Joins, []Moment{IsDoubtful}},
		{"more joins it: what was before may have been muted", inDoubt(rests), inDoubt(rests), Joins, []Moment{IsDoubtful}},
		{"more joins it, and it is repeated", inDoubt(), inDoubt(), Joins, nil},
		{"it is only looked at", inDoubt(rests), inDoubt(rests), CountsDown, nil},
		{"it recovers", inDoubt(noRepeat), inDoubt(noRepeat, over), CountsDown, []Moment{HasRecovered}},
		{"it recovers while it is tried", inDoubt(), inDoubt(over), CountsDown, nil},
		{"its incident goes to another case", inDoubt(rests), inDoubt(rests, over), Opens, nil},
	} {
		if got := moments(row.read, row.now, row.did); !slices.Equal(got, row.want) {
			t.Errorf("%s: %v, want %v", row.why, got, row.want)
		}
	}
}

// What somebody has muted gives its slot back like any other doubt, and nobody is told of it.
func TestMutedDoubtIsNotTold(t *testing.T) {
	r := DefaultRules()
	r.Tells, r.InDoubt = true, StopIt
	c := momentCase("in doubt")
	for mode, want := range map[Mode]int{ModeFull: 1, ModeOff: 0, ModeObserve: 0} {
		v := viewOf(Incident{}, c)
		v.Hand.Mode = ModeOrder{Mode: mode}
		if d := Due(v, c.ID, r, noon); d.Did != Releases || len(d.Change.Posts) != want {
			t.Errorf("%s: it %s, and tells %+v", mode, d.Did, d.Change.Posts)
		}
	}
}

// Nor is anybody told that something joins a doubt that was left, where it is only observed.
func TestObservedAlertTellsOfNoDoubt(t *testing.T) {
	r := policyAll()
	r.Tells = true
	a := said("d1", alert.ReTriggered, noon, "fallback")
	c := momentCase("resting and over")
	c.NoRepeat = true
	for mode, want := range map[Mode]int{ModeFull: 1, ModeObserve: 0} {
		v := viewOf(Incident{Case: c.ID, Fire: noon.Add(-2 * time.Minute), Rec: noon.Add(-time.Minute), Version: 1}, c)
		v.Hand.Mode = ModeOrder{Mode: mode}
		d := Arrive(v, arrivalOf(a), r, noon)
		if d.Verdict != Join || d.Case != c.ID || len(d.Change.Posts) != want {
			t.Errorf("%s: %s %s of %s, and tells %+v", mode, d.Verdict, d.Reason, d.Case, d.Change.Posts)
		}
	}
}

// An investigation that ends once more is told of where it has come to more than before, and nowhere else.
func TestEndsThatAreToldAgain(t *testing.T) {
	hows := append(Outcomes(), EndAssumed)
	want := map[How][]How{ // from what it is told
		EndCompleted: {EndFailed, EndTimedOut, EndCancelled, EndLinked, EndSkipped, EndAssumed},
		EndLinked:    {EndFailed, EndTimedOut, EndCancelled, EndSkipped, EndAssumed},
	}
	for _, from := range hows {
		for _, to := range hows {
			read, now := momentCase("ended completed"), momentCase("ended completed")
			read.How, now.How = from, to
			if got := moments(read, now, Learns); slices.Contains(got, EndedAgain) != slices.Contains(want[to], from) || len(got) > 1 {
				t.Errorf("%s, then %s: %v", from, to, got)
			}
		}
	}
	for _, from := range []How{EndExpired, EndRecovered, EndSilenced} { // the Agent's word changes no end of what was not started
		c := sentCase("ended "+string(from), 10*time.Minute)
		r := followed()
		r.Tells = true
		if d := Learn(holding(c, 0), c.ID, News{Tasks: []Task{task(Completed, 260)}}, r, noon); len(d.Change.Posts) != 0 || d.Did != Learns {
			t.Errorf("%s: %s, %+v", from, d.Did, d.Change.Posts)
		}
	}
}
