package simulate

import (
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// narrow adds to a world what chance alone seldom brings together: two steps between the reading and the commit of one of
// them, and troubles that follow each other. at is cut to half a minute, so that the ticks come when the stories need them.
func (m *maker) narrow(at time.Duration) {
	at = max(at.Truncate(time.Minute), 2*time.Minute) + 30*time.Second
	a := m.cycle(Alert{Monitor: 70, Host: 70, Env: "narrow", Priority: "P1"})
	agent := func(kind Kind, after, lasts time.Duration) { m.add(Event{At: at + after, Kind: kind, For: lasts}) }
	paused := func(role scenario.Function, after time.Duration) {
		m.add(Event{At: at + after, Kind: scenario.Paused, Role: role, Op: scenario.Commit, Pause: 2 * time.Second})
	}
	say := func(a Alert, transition alert.Transition, after time.Duration) { m.late(a, transition, at+after, 0) }
	other := func(host int, priority string) Alert {
		b := m.cycle(a)
		b.Host, b.Priority = host, priority
		return b
	}
	switch m.IntN(18) {
	case 0: // a start in doubt, which recovers while it is being repeated
		m.Settings.Repeat = true
		agent(scenario.AgentBabbles, -2*time.Second, 10*time.Second)
		say(a, alert.Triggered, 0)
		paused(scenario.Scheduler, 89*time.Second)
		say(a, alert.Recovered, 91*time.Second)
	case 1: // all of a case that waits recovers at once
		m.Settings.Holds, m.Settings.Groups = true, true
		a.Priority = "P4"
		b, c := other(71, "P5"), other(72, "P5")
		say(a, alert.Triggered, 0)
		say(b, alert.Triggered, 20*time.Second)
		paused(scenario.Dispatcher, 99*time.Second)
		say(a, alert.Recovered, 100*time.Second)
		say(b, alert.Recovered, 101*time.Second)
		if m.one(2) {
			say(c, alert.Triggered, 40*time.Second)
			say(c, alert.Recovered, 140*time.Second)
		}
	case 2: // a start in doubt, and a repeat that meets another trouble
		m.Settings.Repeat = true
		agent(scenario.AgentBabbles, -2*time.Second, 10*time.Second)
		say(a, alert.Triggered, 0)
		agent(pick(m, scenario.AgentIsDown, scenario.AgentIsBusy, scenario.AgentIsShut, scenario.AgentRefuses, scenario.AgentBabbles), 50*time.Second, time.Duration(60+m.IntN(1200))*time.Second)
	case 3: // what was refused, or is in doubt, goes on, recovers, fires anew, and is asked for by hand
		m.Settings.Groups, m.Settings.Repeat = true, m.one(2)
		if m.one(2) {
			a.Cycle = 0
		}
		agent(pick(m, scenario.AgentRefuses, scenario.AgentRefuses, scenario.AgentBabbles), -2*time.Second, 10*time.Second)
		say(a, alert.Triggered, 0)
		if m.one(2) {
			say(a, alert.Renotify, 10*time.Minute)
		}
		if m.one(2) {
			say(a, alert.Recovered, 15*time.Minute)
			say(a, alert.Triggered, 20*time.Minute)
		}
		if !m.one(3) {
			say(other(71, "P1"), alert.Triggered, 31*time.Minute)
		}
		say(a, pick(m, alert.Renotify, alert.Triggered, alert.Recovered), 55*time.Minute)
		asked := at + time.Duration(5+m.IntN(60))*time.Minute
		if m.one(2) {
			m.add(Event{At: asked, Kind: Promote})
		}
		if m.one(2) {
			m.add(Event{At: asked, Kind: pick(m, scenario.CrashBefore, scenario.CrashAfter), Role: scenario.Scheduler, Op: scenario.Call})
		}
	case 4: // a late critical alert, and while it is held a fresh one
		m.Settings.Holds = true
		m.late(a, alert.Triggered, at-3*time.Minute, 3*time.Minute)
		say(a, alert.ReTriggered, 20*time.Second)
	case 5: // it recovers while the Agent is called in vain, and fires again when the tick ends it
		a.Cycle = 0
		agent(pick(m, scenario.AgentIsDown, scenario.AgentIsBusy), -2*time.Second, 10*time.Second)
		m.add(Event{At: at - time.Second, Kind: scenario.Paused, Role: scenario.Dispatcher, Op: scenario.Call, Pause: 2 * time.Second})
		say(a, alert.Triggered, 0)
		say(a, alert.Recovered, time.Second)
		if m.one(2) {
			next := time.Duration(29+60*m.IntN(3)) * time.Second
			paused(scenario.Scheduler, next)
			say(a, alert.ReTriggered, next+2*time.Second)
		}
	case 6: // it gets worse while it waits
		m.Settings.Holds = true
		a.Priority = pick(m, "P3", "P4")
		say(a, alert.Triggered, 0)
		a.Priority = "P1"
		m.late(a, alert.ReTriggered, at+20*time.Second, pick(m, time.Second, 125*time.Second))
	case 7: // the same cycle fires again, long after its recovery
		say(a, alert.Triggered, 0)
		say(a, alert.Recovered, 5*time.Minute)
		say(a, pick(m, alert.Triggered, alert.ReTriggered, alert.Renotify), time.Duration(34+m.IntN(4))*time.Minute)
	case 8: // flapping, were the hour a minute longer; or no more, were it shorter
		m.Settings.Flap, m.Settings.Holds = max(m.Settings.Flap, 2), true
		a.Priority = "P3"
		last := time.Hour + time.Duration(1+m.IntN(55))*time.Second
		if m.one(3) {
			last = 2*time.Hour - last
		}
		for n := range m.Settings.Flap {
			begin := last - time.Duration(m.Settings.Flap-1-n)*4*time.Minute
			if n == 0 {
				begin = 0
			}
			a = m.cycle(a)
			say(a, alert.Triggered, begin)
			say(a, alert.Recovered, begin+time.Minute)
		}
	case 9: // several calls fail together
		agent(pick(m, scenario.AgentIsDown, scenario.AgentIsBusy, scenario.AgentBabbles, scenario.AgentIsShut), -2*time.Second, 10*time.Second)
		for n := range 2 + m.IntN(3) {
			b := other(71+n, "P1")
			b.Monitor = 71 + n
			say(b, alert.Triggered, 0)
		}
	case 10: // the mode changes while something waits
		m.Settings.Holds, m.Settings.Groups = true, true
		a.Priority = "P4"
		mode := func(mode gate.Mode, after, lasts time.Duration) {
			m.add(Event{At: at + after, Kind: SetMode, For: lasts, Mode: mode})
		}
		switch m.IntN(3) {
		case 0: // it is only observed, and then no more
			mode(gate.ModeObserve, -10*time.Second, 2*time.Minute)
			say(a, alert.ReTriggered, 3*time.Minute)
		case 1: // another one of its group is only observed
			mode(gate.ModeObserve, time.Minute, time.Minute)
			say(other(71, "P4"), alert.Triggered, 90*time.Second)
			say(other(72, "P4"), alert.Triggered, 150*time.Second)
		default: // it would not have been opened without the order
			a.Env = "quiet"
			mode(gate.ModeFull, -10*time.Second, 2*time.Minute)
		}
		say(a, alert.Triggered, 0)
	case 12, 13: // the Agent takes a start, says that it is busy, and gets it once more: a second task, which may be linked to the first
		if m.Work == nil {
			m.work()
		}
		agent(scenario.AgentLiesBusy, -2*time.Second, 10*time.Second)
		m.add(Event{At: at, Kind: pick(m, scenario.EventsLost, scenario.EventsLate, scenario.APIDown), For: time.Duration(3+m.IntN(6)) * time.Minute})
		say(a, alert.Triggered, 0)
		for range 2 {
			m.goes(a, scenario.Investigation{
				Appears: time.Duration(5+m.IntN(60)) * time.Second, Triage: time.Duration(1+m.IntN(60)) * time.Second,
				Waits: time.Duration(1+m.IntN(60)) * time.Second, Runs: time.Duration(20+m.IntN(400)) * time.Second,
				Again: time.Duration(20+m.IntN(400)) * time.Second,
				Ends:  pick[scenario.Ending](m, "completed", "completed", "failed", "timed_out", "cancelled", "skipped", "linked"),
			})
		}
	case 11: // a start in doubt fires again when the tick gives its slot back
		m.Settings.Repeat, a.Cycle = true, 0
		agent(scenario.AgentBabbles, -2*time.Second, 10*time.Second)
		say(a, alert.Triggered, 0)
		say(a, alert.Recovered, 20*time.Second)
		paused(scenario.Scheduler, 8*time.Minute+29*time.Second)
		say(a, alert.ReTriggered, 8*time.Minute+31*time.Second)
	case 14: // all of a case that nobody looks into recovers at once
		m.Settings.Holds, m.Settings.Groups, m.Settings.Repeat = true, true, false
		a.Priority = "P2"
		b, how := other(71, "P2"), pick(m, scenario.AgentRefuses, scenario.AgentBabbles)
		agent(how, 20*time.Second, 20*time.Second)
		say(a, alert.Triggered, 0)
		paused(scenario.Dispatcher, 599*time.Second)
		say(a, alert.Recovered, 600*time.Second)
		if how == scenario.AgentBabbles && m.one(2) { // or another one begins
			say(b, alert.Triggered, 601*time.Second)
			break
		}
		say(b, alert.Triggered, 5*time.Second)
		say(b, alert.Recovered, 601*time.Second)
	case 15: // of a start in doubt the Agent's API says nothing, until somebody has to know; and then it recovers
		if m.Work == nil {
			m.work()
		}
		agent(scenario.AgentBabbles, -2*time.Second, 10*time.Second)
		agent(scenario.APIDown, -2*time.Second, 20*time.Minute)
		say(a, alert.Triggered, 0)
		if m.one(2) {
			paused(scenario.Scheduler, 749*time.Second)
			say(a, alert.Recovered, 751*time.Second)
		}
	case 16: // all of a start in doubt is silenced before it is repeated
		m.Settings.Holds, m.Settings.Groups, m.Settings.Repeat = true, true, true
		a.Priority = "P2"
		agent(scenario.AgentBabbles, 20*time.Second, 20*time.Second)
		say(a, alert.Triggered, 0)
		say(other(71, "P2"), alert.Triggered, 5*time.Second)
		m.add(Event{At: at + 50*time.Second, Kind: Silence, For: time.Hour, Silence: silence("env = narrow")})
	case 17: // the Agent has what is in doubt, and its API is asked for that together with something that was started later
		if m.Work == nil {
			m.work()
		}
		agent(scenario.AgentTakes, -2*time.Second, 10*time.Second)
		agent(scenario.APIDown, -2*time.Second, 11*time.Minute)
		agent(scenario.EventsLost, -2*time.Second, 14*time.Minute)
		say(a, alert.Triggered, 0)
		b := other(71, "P1")
		b.Monitor = 71
		say(b, alert.Triggered, 10*time.Minute+15*time.Second)
	}
}
