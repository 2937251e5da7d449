package scenario

import (
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Investigation is how an investigation goes that the Agent opens, where its work is followed.
type Investigation struct {
	Title   string        // it is for those with this part of a title; "": for all that no other one is for
	Appears time.Duration // after the Agent has taken the start
	Triage  time.Duration
	Waits   time.Duration // after its triage
	Runs    time.Duration
	Again   time.Duration // how long the one runs to which it is linked
	Ends    Ending
	// Mitigation is how a plan is made of one that is completed; the zero value: nobody asks for one.
	Mitigation Mitigation
}

// Mitigation is a plan that somebody asks the Agent for.
type Mitigation struct {
	After time.Duration // the investigation has ended; 0: nobody asks
	Runs  time.Duration
	Ends  Ending // completed, failed, timed_out or cancelled
	// Quiet: while it is made the Agent's API shows the task as completed. It is not documented whether it does.
	Quiet bool
}

// planEndings lists how a mitigation can end.
func planEndings() []Ending {
	return []Ending{Ending(gate.EndCompleted), Ending(gate.EndFailed), Ending(gate.EndTimedOut), Ending(gate.EndCancelled)}
}

// Ending is how an investigation ends: by one of gate.Outcomes, or not at all.
type Ending string

// Nothing comes of what the Agent has taken: it shows no task.
const Nothing Ending = "nothing"

// Endings lists the endings.
func Endings() []Ending {
	all := []Ending{}
	for _, how := range gate.Outcomes() {
		all = append(all, Ending(how))
	}
	return append(all, Nothing)
}

var namesOfInvestigation = []string{"title", "appears", "triage", "waits", "runs", "again", "ends", "plan_after", "plan_runs", "plan_ends", "plan_shown"}

// investigations reads how investigations go; nil where that is not said, so that nobody follows them.
func (r *reader) investigations(n ast.Node) []Investigation {
	var all []Investigation
	for _, e := range r.list(n) {
		f := r.mapping(e, "an investigation", namesOfInvestigation...)
		or := func(name string, otherwise time.Duration) time.Duration {
			if f.get(name) == nil {
				return otherwise
			}
			return r.duration(f.get(name), name)
		}
		typical := apitest.Typical
		x := Investigation{
			Title: r.text(f.get("title"), "title"), Appears: or("appears", typical.Appear), Triage: or("triage", typical.Triage),
			Waits: or("waits", typical.Queue), Runs: or("runs", typical.Run), Again: or("again", typical.Again),
			Ends: choice(r, f.get("ends"), "ends", Endings()),
		}
		if x.Ends == "" {
			x.Ends = Ending(gate.EndCompleted)
		}
		x.Mitigation = r.mitigation(f, or)
		all = append(all, x)
	}
	if n != nil && len(all) == 0 {
		r.problem(n, "there is no investigation in investigations; {} is one that goes as most do")
	}
	return all
}

// mitigation reads how a plan is made. It waits as long as most investigations do.
func (r *reader) mitigation(f fields, or func(string, time.Duration) time.Duration) Mitigation {
	m := Mitigation{
		After: r.aboveZero(f.get("plan_after"), "plan_after"), Runs: or("plan_runs", 2*time.Minute), Ends: choice(r, f.get("plan_ends"), "plan_ends", planEndings()),
		Quiet: choice(r, f.get("plan_shown"), "plan_shown", []string{"runs", "completed"}) == "completed",
	}
	if m.Ends == "" {
		m.Ends = Ending(gate.EndCompleted)
	}
	if m.After == 0 {
		return Mitigation{}
	}
	return m
}

// Plan is the investigation as the stand-in for the Agent takes it.
func (i Investigation) Plan() apitest.Plan {
	return apitest.Plan{
		Appear: i.Appears, Triage: i.Triage, Queue: i.Waits, Run: i.Runs, Again: i.Again, End: i.Ends.status(), Vanish: i.Ends == Nothing,
		Mitigate: i.Mitigation.After, Mitigation: apitest.Mitigation{
			Queue: apitest.Typical.Queue, Run: i.Mitigation.Runs, End: i.Mitigation.Ends.status(), Stays: i.Mitigation.Quiet,
		},
	}
}

// status is an ending as the Agent's API spells it.
func (e Ending) status() string {
	if e == Ending(gate.EndCancelled) {
		return "CANCELED"
	}
	return strings.ToUpper(string(e))
}
