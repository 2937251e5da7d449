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

var namesOfInvestigation = []string{"title", "appears", "triage", "waits", "runs", "again", "ends"}

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
		all = append(all, x)
	}
	if n != nil && len(all) == 0 {
		r.problem(n, "there is no investigation in investigations; {} is one that goes as most do")
	}
	return all
}

// Plan is the investigation as the stand-in for the Agent takes it.
func (i Investigation) Plan() apitest.Plan {
	end := strings.ToUpper(string(i.Ends))
	if i.Ends == Ending(gate.EndCancelled) {
		end = "CANCELED" // which the Agent's API spells so
	}
	return apitest.Plan{
		Appear: i.Appears, Triage: i.Triage, Queue: i.Waits, Run: i.Runs, Again: i.Again, End: end, Vanish: i.Ends == Nothing,
	}
}
