package simulate

import (
	"math/rand/v2"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// hands lets people start and stop what alerts led to, in two of five worlds: whatever state that is in by then, and what was
// dropped, too. It has dice of its own, and adds to the world without a change of what is there.
func (m *maker) hands(length time.Duration) {
	m.Rand = rand.New(rand.NewPCG(m.Seed, 0x4a4d))
	if m.IntN(5) > 1 {
		return
	}
	var fire []Event
	for _, e := range m.Events {
		if e.Kind == Delivery && e.Alert.Transition != alert.Recovered && !e.Alert.Own {
			fire = append(fire, e)
		}
	}
	for range m.IntN(4) {
		e := pick(m, fire...)
		m.orders(e.Alert.Event, e.At)
	}
	if m.one(2) {
		m.byName(m.upTo(length))
	}
}

// orders lets people order something about an alert, once or more, from soon after it came.
func (m *maker) orders(event int, at time.Duration) {
	for range 1 + m.IntN(3) {
		at += pick(m, time.Duration(m.IntN(40))*time.Second, time.Duration(1+m.IntN(15))*time.Minute, time.Duration(m.IntN(90))*time.Minute)
		m.add(Event{At: at, Kind: pick(m, Promote, Promote, Stop), Of: event})
	}
}

// byName is a story of an alert that is not started by itself, of others beside it, and of people who want it started.
func (m *maker) byName(at time.Duration) {
	at = max(at, 2*time.Minute)
	a := m.cycle(Alert{Monitor: 80, Host: 80, Env: "named", Service: pick(m, "cart", "mail", ""), Priority: pick(m, "P1", "P2", "P3", "P4")})
	if m.one(3) {
		a.Cycle = 0
	}
	event := func() int { return m.events }
	says := func(a Alert, transition alert.Transition, after time.Duration) int {
		m.late(a, transition, at+after, 0)
		return event()
	}
	order := func(kind Kind, of int, after time.Duration) { m.add(Event{At: at + after, Kind: kind, Of: of}) }
	soon := func() time.Duration { return time.Duration(60+m.IntN(600)) * time.Second }
	other := m.cycle(a)
	other.Host = 81
	var first int
	switch m.IntN(7) {
	case 0, 1: // it is dropped: by the policy, or by an order
		switch m.IntN(4) {
		case 0:
			a.Env = "lab"
		case 1:
			a.Env, a.Priority = "quiet", "P3"
		case 2:
			m.add(Event{At: at - time.Second, Kind: Silence, For: 3 * time.Minute, Silence: silence("host = h80")})
		default:
			m.add(Event{At: at - time.Second, Kind: SetMode, For: 3 * time.Minute, Mode: gate.ModeOff})
		}
		other.Env, other.Priority = a.Env, pick(m, a.Priority, "P1")
		if m.one(2) {
			says(other, alert.Triggered, -30*time.Second)
		}
		first = says(a, alert.Triggered, 0)
	case 2: // it is only observed
		a.Env = "staging"
		other.Env = "staging"
		first = says(a, alert.Triggered, 0)
		if m.one(2) {
			says(other, alert.Triggered, 10*time.Second)
		}
	case 3: // it waits, where the policy holds it, and is stopped
		a.Priority = "P4"
		first = says(a, alert.Triggered, 0)
		order(Stop, first, time.Duration(20+m.IntN(200))*time.Second)
	case 4: // it is being started, for as long as the Agent takes to answer
		m.add(Event{At: at - 2*time.Second, Kind: pick(m, scenario.AgentIsSlow, scenario.AgentHangs), For: 10 * time.Second})
		a.Priority = "P1"
		first = says(a, alert.Triggered, 0)
		order(pick(m, Promote, Stop), first, time.Duration(1+m.IntN(4))*time.Second)
	case 5: // it is refused, or in doubt
		m.add(Event{At: at - 2*time.Second, Kind: pick(m, scenario.AgentRefuses, scenario.AgentBabbles), For: 10 * time.Second})
		a.Priority = "P1"
		first = says(a, alert.Triggered, 0)
	default: // it runs
		a.Priority = "P1"
		first = says(a, alert.Triggered, 0)
		order(pick(m, Promote, Stop, Stop), first, soon())
	}
	if m.one(3) {
		says(a, alert.Recovered, soon())
	}
	after := soon()
	order(Promote, first, after)
	if m.one(2) {
		says(pick(m, a, other, m.cycle(a)), pick(m, alert.Triggered, alert.Renotify), after+soon())
	}
	if m.one(2) {
		after += soon()
		order(pick(m, Stop, Stop, Promote), first, after)
	}
	if m.one(2) {
		order(Promote, first, after+soon())
	}
	if m.one(2) {
		says(a, alert.Recovered, after+soon())
	}
}
