package gate

import (
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// What people are told of lies in the change that makes it happen, and nowhere else.
func TestMomentsAreInTheChangeThatMakesThem(t *testing.T) {
	walk(t, "moments", []column{values("from", momentStates...), values("to", momentStates[1:]...)}, func(at entry) bool {
		from, to := momentCase(at["from"]), momentCase(at["to"])
		return at["from"] != at["to"] && !(at["from"] == "refused and over" && at["to"] == "refused") &&
			(slices.Contains(Moves()[from.State], to.State) || from.State == to.State && from.State != Ended) &&
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
		if m != WasMissed && m != IsHeld && m != WasPlanned && !slices.ContainsFunc(page(t, "moments").rows, func(r entry) bool { return r["moment"] == string(m) }) {
			t.Errorf("nothing on the page leads to the moment %s", m)
		}
	}
}

var momentStates = []string{
	"none", "waiting (hold)", "waiting (slots)", "waiting (budget)", "waiting (agent_down)", "waiting (agent_shut)",
	"starting", "in doubt", "started", "refused", "refused and over", "ended completed", "ended assumed", "ended recovered", "observed",
}

func momentCase(state string) Case {
	switch state {
	case "none":
		return Case{}
	case "refused and over":
		c := caseIn("refused", "ab-own")
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

// Who stops a case ends what people wait for. A doubt that counts as refused is not what the Agent said, and is not told.
func TestStoppedByHandIsTold(t *testing.T) {
	for state, want := range map[string]Moment{"waiting (budget)": WasNot, "waiting (hold)": "", "started": HasEnded, "in doubt": "", "refused": ""} {
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
