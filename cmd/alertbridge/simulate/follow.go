package simulate

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/simulate/promises"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// settles is how long it takes in good weather until nothing moves any more, beside what the policy lets a case wait: an
// investigation may be followed for two hours, and run for longer.
func (w World) settles() time.Duration {
	if w.Work == nil {
		return 2 * time.Hour
	}
	return 5 * time.Hour
}

// told tells the model what an invocation has learnt of a case.
func (p *player) told(t virtual.Told) {
	p.model.Told(t.Invocation, t.Case, promises.Telling{Tasks: t.Tasks, Asked: t.Asked, Failed: t.Failed})
}

// event keeps what the Agents' work becomes, whoever hears of it.
func (p *player) event(t gate.Task) {
	p.became[t.ID] = append(p.became[t.ID], t)
}

// bill is what an Agent bills, task by task.
func (p *player) bill(name string) []promises.Task {
	v := p.bridge.Investigations(name)
	if v == nil {
		return nil
	}
	var all []promises.Task
	for _, t := range v.Tasks() {
		if t.Reference == "" {
			continue
		}
		all = append(all, promises.Task{ID: t.ID, Case: t.Reference, Ran: t.Ran, Became: append([]gate.Task(nil), p.became[t.ID]...)})
	}
	return all
}

// work lets the Agents' work be followed, and says how it goes.
func (m *maker) work() {
	m.Settings.Followed = true
	seconds := func(least, most int) time.Duration { return time.Duration(least+m.IntN(most-least)) * time.Second }
	for range 2 + m.IntN(4) {
		x := scenario.Investigation{
			Appears: seconds(1, 90), Triage: seconds(5, 60), Waits: seconds(1, 60), Runs: seconds(60, 1200), Again: seconds(10, 120),
			Ends: pick[scenario.Ending](m, "completed", "completed", "completed", "failed", "timed_out", "cancelled", "linked", "skipped"),
		}
		switch { // each of these keeps the tick busy for two hours
		case m.one(30):
			x.Ends = scenario.Nothing
		case m.one(30): // longer than anybody follows it
			x.Runs = seconds(7000, 8400)
		}
		m.Work = append(m.Work, m.mitigated(x))
	}
}

// mitigated lets somebody ask for a plan of an investigation now and then. What it rolls has dice of its own: a world's other
// events are those that its seed has always made.
func (m *maker) mitigated(x scenario.Investigation) scenario.Investigation {
	dice := rand.New(rand.NewPCG(m.Seed, uint64(1000+len(m.Work))))
	if x.Ends != scenario.Ending(gate.EndCompleted) || dice.IntN(3) > 0 {
		return x
	}
	ends := []scenario.Ending{"completed", "completed", "failed", "timed_out", "cancelled"}
	x.Mitigation = scenario.Mitigation{
		After: time.Duration(1+dice.IntN(40*60)) * time.Second, Runs: time.Duration(1+dice.IntN(15*60)) * time.Second,
		Ends: ends[dice.IntN(len(ends))], Quiet: dice.IntN(2) == 0,
	}
	return x
}

// goes says how the investigations of an alert's monitor go, where they are followed.
func (m *maker) goes(a Alert, x scenario.Investigation) {
	if m.Work != nil {
		x.Title = a.monitor()
		m.Work = append(m.Work, m.mitigated(x))
	}
}

// kinds are the faults that the world can meet.
func (m *maker) kinds() []Kind {
	return slices.DeleteFunc(Faults(), func(k Kind) bool { return k.Followed() && m.Work == nil })
}

// outcome lets a fault meet the outcome function now and then, where there is one, at one of these steps.
func (m *maker) outcome(e *Event, steps ...scenario.Step) {
	if m.Work == nil || !m.one(3) {
		return
	}
	e.Role = scenario.Outcome
	if e.Kind == scenario.Skewed {
		return
	}
	e.Op = pick(m, steps...)
	if slices.Contains([]Kind{scenario.Conflict, scenario.AnswerLost, scenario.Unanswered, scenario.AppliedLate}, e.Kind) {
		e.Op = scenario.Commit
	}
}

// ofFollowed tells whether only the Agent's word leads along an edge.
func ofFollowed(e Edge) bool {
	return outcome(e) || e.To == gate.Started && e.From != gate.Starting
}

// outcome tells whether it is the end of an investigation by the Agent's word.
func outcome(e Edge) bool { return e.To == gate.Ended && slices.Contains(gate.Outcomes(), e.How) }
