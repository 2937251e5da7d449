package simulate

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/match"
)

func number(n int) string { return strconv.Itoa(n) }

// maker makes one world.
type maker struct {
	*rand.Rand
	World
	events, cycles int
}

// Generate makes the world of a seed. The same seed always makes the same world.
func Generate(seed uint64) World {
	m := maker{Rand: rand.New(rand.NewPCG(seed, 0x5eed)), World: World{Seed: seed, Begins: Begin}}
	m.settings()
	if m.one(6) {
		m.work()
	}
	length := time.Duration(1+m.IntN(5)) * time.Hour
	for range 4 + m.IntN(7) {
		m.story(m.upTo(length))
	}
	if m.one(3) {
		m.storm(m.upTo(length))
	}
	aimed := !m.one(3)
	if !aimed { // it would keep from happening what is aimed at
		m.narrow(m.upTo(length))
		m.narrow(m.upTo(length))
	}
	if m.one(12) {
		m.add(Event{At: m.upTo(length), Kind: Garbled})
	}
	if aimed {
		m.aim()
	}
	m.byHand(length)
	m.faults(length)
	m.hands(length)
	slices.SortStableFunc(m.Events, func(a, b Event) int { return int(a.At - b.At) })
	return m.World
}

// add puts an event into the world, without what its kind has no use for.
func (m *maker) add(e Event) {
	if isFault(e.Kind) {
		takes := e.Kind.Takes()
		has := func(name string) bool { return slices.Contains(takes, name) }
		if !has("in") && e.Kind != scenario.SendLost {
			e.Role, e.Op = "", ""
		}
		if e.Kind == scenario.Skewed {
			e.Op = ""
		}
		if e.Role == scenario.Scheduler && e.Op == scenario.Look {
			e.Op = scenario.LookCase // which is all that it looks at
		}
		if !has("nth") {
			e.Skip = 0
		}
		if !has("by") {
			e.Pause = 0
		}
	} else if e.Kind == Retry || e.Kind == Redrive {
		e.Skip = 0
	}
	m.Events = append(m.Events, e)
}

// silence is what an order that mutes says.
func silence(text string) []match.Matcher {
	one, err := match.Parse(text)
	if err != nil {
		panic("simulate: " + err.Error()) // the generator's own words
	}
	return []match.Matcher{one}
}

// one in n.
func (m *maker) one(n int) bool { return m.IntN(n) == 0 }

// upTo is a time below d, to the second, and often near the beginning of a minute, where the tick comes.
func (m *maker) upTo(d time.Duration) time.Duration {
	t := time.Duration(m.Int64N(int64(d))).Truncate(time.Second)
	if m.one(3) {
		t = t.Truncate(time.Minute)
	}
	return t
}

func pick[T any](m *maker, list ...T) T { return list[m.IntN(len(list))] }

func (m *maker) settings() {
	m.Settings = Settings{
		Repeat: !m.one(3), Holds: !m.one(4), Slots: pick(m, 1, 2, 3, 3, 3, 5), MaxAge: pick(m, time.Hour, 2*time.Hour, 6*time.Hour),
		Storm: pick(m, 0, 2, 3, 5), Flap: pick(m, 0, 2, 3, 4), OnlyTriggered: m.one(6), TestsStart: m.one(6), Groups: !m.one(5),
		Bucket: pick(m, 1, 2, 3, 5), PerDay: pick(m, 1, 2, 20),
	}
	m.Settings.CriticalSlots = m.IntN(m.Settings.Slots)
	if !m.one(3) {
		m.Settings.Month = price * gate.Dollars(pick(m, 4, 6, 10, 40, 1000, 8640))
	}
}

// group is a monitor's group that alerts.
func (m *maker) group() Alert {
	return Alert{
		Monitor: m.IntN(5), Host: m.IntN(4), Env: pick(m, "prod", "prod", "prod", "prod", "prod", "prod", "staging", "quiet", "lab"),
		Service: pick(m, "cart", "cart", "pay", "mail", "search", ""), Priority: pick(m, "P1", "P1", "P2", "P2", "P3", "P3", "P4", "P5", ""),
	}
}

// cycle gives the alert a cycle of its own, or none that has a key.
func (m *maker) cycle(a Alert) Alert {
	m.cycles++
	a.Cycle = m.cycles
	return a
}

// say delivers a transition of an alert that happened at a time: soon, and now and then twice.
func (m *maker) say(a Alert, transition alert.Transition, at time.Duration) {
	m.late(a, transition, at, time.Duration(m.IntN(8))*time.Second)
}

func (m *maker) late(a Alert, transition alert.Transition, at, after time.Duration) {
	m.events++
	a.Event, a.Transition, a.Time = m.events, transition, at
	m.add(Event{At: max(at+after, 0), Kind: Delivery, Alert: &a})
	if m.one(12) {
		m.add(Event{At: max(at+after+time.Duration(m.IntN(300))*time.Second, 0), Kind: Delivery, Alert: &a})
	}
}

// story is what one monitor group goes through.
func (m *maker) story(at time.Duration) {
	a := m.group()
	keyed := m.cycle(a)
	if m.one(4) {
		keyed.Cycle = 0
	}
	lasts := time.Duration(10+m.IntN(3000)) * time.Second
	switch m.IntN(16) {
	case 0: // a recovery that is lost
		m.say(keyed, alert.Triggered, at)
		if m.one(2) {
			m.say(m.cycle(keyed), alert.Triggered, at+lasts)
		}
	case 1: // a recovery that comes before its trigger
		m.late(keyed, alert.Triggered, at, 30*time.Second+time.Duration(m.IntN(60))*time.Second)
		m.late(keyed, alert.Recovered, at+10*time.Second, 0)
	case 2, 3: // flapping
		for n := range 3 + m.IntN(5) {
			begin := at + time.Duration(n)*time.Duration(2+m.IntN(10))*time.Minute
			if a.Cycle = keyed.Cycle; a.Cycle > 0 {
				a = m.cycle(a)
			}
			m.say(a, alert.Triggered, begin)
			m.say(a, alert.Recovered, begin+time.Duration(20+m.IntN(100))*time.Second)
		}
	case 4: // renotifications
		m.say(keyed, alert.Triggered, at)
		for n := range 2 + m.IntN(6) {
			m.say(keyed, pick(m, alert.Renotify, alert.Renotify, alert.ReTriggered), at+time.Duration(n+1)*10*time.Minute)
		}
		if !m.one(3) {
			m.say(keyed, alert.Recovered, at+65*time.Minute)
		}
	case 5: // warnings
		m.say(keyed, alert.Warn, at)
		m.say(keyed, alert.Triggered, at+time.Minute)
		m.say(keyed, pick(m, alert.ReWarn, alert.Warn), at+3*time.Minute)
		m.say(keyed, alert.Recovered, at+lasts)
	case 6: // silence of a host
		m.say(keyed, alert.NoData, at)
		m.say(keyed, pick(m, alert.ReNoData, alert.Recovered), at+lasts)
	case 7: // tests, and what nobody knows
		a := keyed
		a.Test = m.one(2)
		a.Own = !a.Test && m.one(2)
		m.say(a, pick(m, alert.Triggered, alert.Triggered, alert.Unknown), at)
		m.say(keyed, pick(m, alert.Unknown, alert.Recovered, alert.Renotify), at+lasts)
	case 8, 9: // after an outage at Datadog: late pairs
		after := time.Duration(2+m.IntN(40)) * time.Minute
		for range 2 + m.IntN(4) {
			b := m.cycle(m.group())
			m.late(b, alert.Triggered, at, after)
			m.late(b, alert.Recovered, at+time.Minute, after+time.Duration(m.IntN(20))*time.Second)
		}
	case 10: // very late
		m.late(keyed, alert.Triggered, at-m.Settings.MaxAge-time.Duration(m.IntN(3))*time.Minute, m.Settings.MaxAge+3*time.Minute)
		if m.one(2) {
			m.say(keyed, alert.Renotify, at+10*time.Minute)
		}
	case 11, 12: // one monitor fires for many groups, or one service for many monitors, and one of them is critical
		for n := range 3 + m.IntN(6) {
			b := keyed
			if m.one(2) {
				b.Host = n
			} else {
				b.Monitor = n
			}
			if m.one(4) {
				b.Priority = "P1"
			}
			b = m.cycle(b)
			when := at + time.Duration(m.IntN(180))*time.Second
			m.say(b, alert.Triggered, when)
			if m.one(2) {
				m.say(b, alert.Recovered, when+lasts)
			}
		}
	default:
		m.say(keyed, alert.Triggered, at)
		m.say(keyed, alert.Recovered, at+lasts)
	}
}

// storm is a deploy that breaks many services at once.
func (m *maker) storm(at time.Duration) {
	env := pick(m, "prod", "prod", "quiet")
	for n := range 8 + m.IntN(14) {
		a := m.cycle(Alert{
			Monitor: 20 + n, Host: n, Env: env, Service: "svc" + number(n), Priority: pick(m, "P2", "P3", "P3", "P4", "P1"),
		})
		when := at + time.Duration(m.IntN(200))*time.Second
		m.say(a, alert.Triggered, when)
		if !m.one(3) {
			m.say(a, alert.Recovered, when+time.Duration(1+m.IntN(40))*time.Minute)
		}
		if a.Priority != "P1" && m.one(8) { // it gets worse, and that comes late
			a.Priority = "P1"
			m.late(a, alert.ReTriggered, when+10*time.Second, 150*time.Second)
		}
	}
}

func (m *maker) byHand(length time.Duration) {
	if m.one(3) {
		m.add(Event{
			At: m.upTo(length), Kind: SetMode, For: time.Duration(10+m.IntN(60)) * time.Minute,
			Mode: pick(m, gate.ModeOff, gate.ModeObserve, gate.ModeCriticalOnly, gate.ModeFull),
		})
	}
	for range m.IntN(3) {
		m.add(Event{
			At: m.upTo(length), Kind: Silence, For: time.Duration(10+m.IntN(60)) * time.Minute,
			Silence: silence(pick(m, "service = cart", "service = pay", "env = prod", "host = h1")),
		})
	}
	for range m.IntN(3) {
		m.add(Event{At: m.upTo(length), Kind: pick(m, Promote, Promote, Stop, Retry, Redrive), Skip: m.IntN(4)})
	}
}

// faults begin where alerts are, so that they meet something.
func (m *maker) faults(length time.Duration) {
	var times []time.Duration
	for _, e := range m.Events {
		if e.Kind == Delivery {
			times = append(times, e.At)
		}
	}
	for range 2 + m.IntN(4) {
		m.fault(pick(m, m.kinds()...), max(0, pick(m, times...)-time.Duration(m.IntN(3))*time.Second), length)
	}
}

func (m *maker) fault(kind Kind, at, _ time.Duration) {
	e := Event{At: at, Kind: kind, Skip: m.IntN(2)}
	switch kind {
	case scenario.CrashBefore, scenario.CrashAfter:
		e.Role, e.Op = m.step()
		m.outcome(&e, scenario.Ask, scenario.LookCase, scenario.Commit)
	case scenario.TimesOut, scenario.Conflict, scenario.Throttle, scenario.AnswerLost, scenario.Unanswered, scenario.AppliedLate:
		e.Role, e.Op = pick(m, scenario.Dispatcher, scenario.Dispatcher, scenario.Scheduler), scenario.Commit
		if (kind == scenario.TimesOut || kind == scenario.Throttle) && m.one(3) {
			e.Op = pick(m, scenario.Look, scenario.LookCase)
		}
		m.outcome(&e, scenario.Commit, scenario.Commit, scenario.Ask, scenario.LookCase)
		e.Pause = time.Duration(1+m.IntN(20)) * time.Second
	case scenario.SendLost:
		e.Role, e.Op = scenario.Ingest, scenario.Send
	case scenario.Paused:
		e.Role, e.Op = pick(m, scenario.Dispatcher, scenario.Dispatcher, scenario.Scheduler), pick(m, scenario.Look, scenario.Commit, scenario.Commit, scenario.LookCase)
		e.Pause = time.Duration(200+m.IntN(2200)) * time.Millisecond
		m.outcome(&e, scenario.Commit, scenario.Ask, scenario.LookCase)
	case scenario.DeleteLost:
	case scenario.Skewed:
		e.Role, e.For = pick(m, scenario.Dispatcher, scenario.Scheduler), time.Duration(5+m.IntN(60))*time.Minute
		m.outcome(&e)
		e.Pause = time.Duration(m.IntN(9)-4) * time.Second
	case scenario.NoTicks:
		e.For = 10 * time.Minute
	case scenario.AgentIsDown:
		e.For = time.Duration(1+m.IntN(150)) * time.Minute
	case scenario.APIThrottled, scenario.APIDenied, scenario.APIDown, scenario.EventsLost, scenario.EventsLate:
		e.For = time.Duration(1+m.IntN(pick(m, 20, 20, 240))) * time.Minute
	case scenario.AgentIsShut:
		e.For = time.Duration(1+m.IntN(60)) * time.Minute
	default:
		e.For = time.Duration(1+m.IntN(20)) * time.Minute
	}
	m.add(e)
}

func (m *maker) step() (scenario.Function, scenario.Step) {
	switch m.IntN(8) {
	case 0:
		return scenario.Ingest, scenario.Send
	case 1, 2:
		return scenario.Scheduler, scenario.Commit
	case 3:
		return scenario.Scheduler, scenario.Call
	case 4:
		return scenario.Dispatcher, scenario.Call
	case 5:
		return scenario.Dispatcher, scenario.Look
	}
	return scenario.Dispatcher, scenario.Commit
}
