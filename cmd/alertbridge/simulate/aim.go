package simulate

import (
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// aim adds to a world what leads to one edge of the state table, and a fault shortly before it, so that a run of any
// length covers every fault with every edge. Which, the seed says: each in turn, and so that few worlds meet every edge already.
//
// The case that is aimed at belongs to the first Agent, and what the fault strikes is a critical alert for the second one,
// where it can: the fault shall go together with the edge, and not keep the world from it.
func (m *maker) aim() {
	edges, faults := m.edges(), Faults()
	turn := int(m.Seed) % (len(edges) * len(faults))
	cell := Cell{faults[turn%len(faults)], edges[(turn/len(faults)+turn%len(faults))%len(edges)]}
	second := another(cell.Fault)
	if (cell.Fault.Followed() || ofFollowed(cell.Edge)) && m.Work == nil {
		m.work()
	}
	at := time.Duration(20+m.IntN(40)) * time.Minute
	a := m.cycle(Alert{Monitor: 50, Host: 50, Env: "aimed", Priority: "P1"})
	after := time.Duration(0) // from the beginning of the story until the edge
	m.Settings.Slots, m.Settings.CriticalSlots, m.Settings.Repeat, m.Settings.Month = 8, 1, true, 0
	trigger := func() { m.late(a, alert.Triggered, at, 0) }
	waits := func() {
		m.Settings.Holds = true
		a.Priority = "P4"
		trigger()
	}
	agent := func(kind Kind, lasts time.Duration) {
		m.add(Event{At: at - 2*time.Second, Kind: kind, For: lasts})
	}
	hand := func(kind Kind, at time.Duration) { m.add(Event{At: at, Kind: kind}) }
	switch cell.Edge {
	case Edge{To: gate.Waiting}:
		waits()
	case Edge{From: gate.Waiting, To: gate.Starting}:
		waits()
		after = 5 * time.Minute
	case Edge{gate.Waiting, gate.Ended, gate.EndRecovered}:
		waits()
		after = 3 * time.Minute
		m.late(a, alert.Recovered, at+after, 0)
	case Edge{gate.Waiting, gate.Ended, gate.EndSilenced}:
		waits()
		after = 3 * time.Minute
		last := "host = h50"
		if m.one(2) { // another host joins, and only when both are silenced the case ends
			m.late(m.cycle(Alert{Monitor: 50, Host: 51, Env: "aimed", Priority: "P4"}), "Triggered", at+10*time.Second, 0)
			m.add(Event{At: at + time.Minute, Kind: Silence, For: time.Hour, Silence: silence(last)})
			last = "host = h51"
		}
		m.add(Event{At: at + after - 10*time.Second, Kind: Silence, For: time.Hour, Silence: silence(last)})
	case Edge{gate.Waiting, gate.Ended, gate.EndObserved}:
		a.Env = "staging"
		waits()
		after = 5 * time.Minute
	case Edge{gate.Waiting, gate.Ended, gate.EndExpired}: // for want of money; the other Agent has some
		m.Settings.MaxAge, m.Settings.Month, m.Settings.Bucket, m.Settings.PerDay = time.Hour, 4*price, 1, 20
		b := m.cycle(Alert{Monitor: 51, Host: 51, Env: "aimed", Priority: "P2"})
		m.late(b, alert.Triggered, at-10*time.Minute, 0)
		m.goes(b, scenario.Investigation{Appears: 10 * time.Second, Runs: 50 * time.Minute, Ends: "completed"}) // and costs more than there is
		a.Priority = "P2"
		trigger()
		m.late(m.cycle(Alert{Monitor: 52, Host: 52, Env: "aimed-too", Priority: "P2"}), alert.Triggered, at+2*time.Minute, 0) // should a hand start the other one
		after = time.Hour
	case Edge{From: gate.Starting, To: gate.Waiting}:
		agent(scenario.AgentIsDown, 10*time.Second)
		trigger()
	case Edge{From: gate.Starting, To: gate.Refused}:
		agent(scenario.AgentRefuses, 10*time.Second)
		trigger()
	case Edge{From: gate.Starting, To: gate.InDoubt}:
		agent(scenario.AgentBabbles, 10*time.Second)
		trigger()
	case Edge{From: gate.InDoubt, To: gate.Starting}:
		agent(scenario.AgentBabbles, 10*time.Second)
		trigger()
		if after = time.Minute; m.Work != nil { // only when the API would show it
			after = 5 * time.Minute
		}
	case Edge{From: gate.InDoubt, To: gate.Refused}:
		agent(scenario.AgentBabbles, 10*time.Second)
		trigger()
		m.Settings.Repeat = false
		after = 4 * time.Minute
		hand(Stop, at+after)
	case Edge{From: gate.Refused, To: gate.Starting}:
		agent(scenario.AgentRefuses, 10*time.Second)
		trigger()
		after = 4 * time.Minute
		hand(Promote, at+after-10*time.Second)
	case Edge{gate.Started, gate.Ended, gate.EndAssumed}:
		trigger()
		if after = 8 * time.Minute; m.Work != nil {
			after = 2 * time.Hour
			m.goes(a, scenario.Investigation{Ends: scenario.Nothing})
		}
	case Edge{From: gate.Waiting, To: gate.Started}:
		agent(scenario.AgentLiesBusy, 10*time.Second)
		trigger()
		after = 20 * time.Second
		m.goes(a, scenario.Investigation{Appears: after, Triage: 10 * time.Second, Runs: time.Minute, Ends: "completed"})
	case Edge{From: gate.Refused, To: gate.Started}:
		agent(scenario.AgentLies, 10*time.Second)
		trigger()
		after = 20 * time.Second
		m.goes(a, scenario.Investigation{Appears: after, Triage: 10 * time.Second, Runs: time.Minute, Ends: "completed"})
	case Edge{From: gate.InDoubt, To: gate.Started}:
		agent(scenario.AgentTakes, 10*time.Second)
		trigger()
		after = 30 * time.Second
		m.goes(a, scenario.Investigation{Appears: after, Triage: 10 * time.Second, Runs: time.Minute, Ends: "completed"})
	default:
		trigger()
		if outcome(cell.Edge) {
			after = 2 * time.Minute
			x := scenario.Investigation{
				Appears: 10 * time.Second, Triage: 10 * time.Second, Waits: 10 * time.Second, Runs: 90 * time.Second, Again: 20 * time.Second,
				Ends: scenario.Ending(cell.Edge.How),
			}
			if x.Ends == "linked" || x.Ends == "skipped" { // by its triage
				x.Triage = 110 * time.Second
			}
			m.goes(a, x)
		}
	}
	m.strike(cell.Fault, at+after-30*time.Second, 60)
	m.strike(second, at+after-75*time.Second, 61)
}

// another is a fault beside one, so that each cell has two chances: one of those that only followed worlds can meet beside
// such a one.
func another(kind Kind) Kind {
	alike := slices.DeleteFunc(Faults(), func(k Kind) bool { return k.Followed() != kind.Followed() })
	return alike[(slices.Index(alike, kind)+len(alike)/2)%len(alike)]
}

// strike lets a fault meet something shortly before a time: an alert of that monitor.
func (m *maker) strike(kind Kind, at time.Duration, monitor int) {
	b := m.cycle(Alert{Monitor: monitor, Host: monitor, Env: "struck" + number(monitor), Service: "mail", Priority: "P1"})
	when := at - 20*time.Second
	e := Event{At: when, Kind: kind}
	switch kind {
	case scenario.CrashBefore, scenario.CrashAfter:
		e.Role, e.Op = pick(m, scenario.Dispatcher, scenario.Ingest), scenario.Send
		if e.Role == scenario.Dispatcher {
			e.Op = pick(m, scenario.Commit, scenario.Call)
		}
		m.outcome(&e, scenario.Ask, scenario.LookCase, scenario.Commit)
	case scenario.TimesOut, scenario.Conflict, scenario.Throttle, scenario.AnswerLost, scenario.Unanswered, scenario.AppliedLate, scenario.Paused:
		e.Role, e.Op, e.Pause = scenario.Dispatcher, scenario.Commit, time.Second
		m.outcome(&e, scenario.Commit)
	case scenario.SendLost:
		e.Role, e.Op = scenario.Ingest, scenario.Send
	case scenario.DeleteLost:
	case scenario.NoTicks, scenario.TwoTicks:
		e.At, e.For = at-3*time.Minute, 3*time.Minute
	case scenario.Skewed:
		e.Role, e.Pause, e.For = scenario.Dispatcher, pick(m, -4*time.Second, 4*time.Second), time.Minute
	default:
		e.For = 10 * time.Second
	}
	m.add(e)
	m.late(b, alert.Triggered, when, 0)
	m.goes(b, scenario.Investigation{
		Appears: 2 * time.Second, Triage: 5 * time.Second, Waits: 5 * time.Second, Runs: 30 * time.Second, Ends: "completed",
	})
	if m.one(2) {
		m.late(b, alert.Recovered, when+10*time.Minute, 0)
	}
}

// edges lists those that a world can reach.
func (m *maker) edges() []Edge {
	never := Impossible()
	return slices.DeleteFunc(Edges(), func(e Edge) bool {
		_, impossible := never[e.String()]
		return impossible
	})
}
