package gate

import (
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// decision is one that most alerts, or most ticks, need, and the allocations that it may cost.
type decision struct {
	name   string
	most   float64
	decide func() Decision
}

// An arrival costs four for the record of what it rested on: Saw, its map of cases, and the incident's mention.

// arrivals are the ways of most alerts: a new one, and one more of a case that is there.
func arrivals() []decision {
	arrive := func(tr alert.Transition, own string) func() Decision {
		a, v, p := arrivalOf(said("d1", tr, noon, "cycle")), viewOf(Incident{}, Case{}), DefaultRules()
		if own != "" {
			v = viewOf(Incident{Key: a.Alert.Incident, Fire: noon.Add(-time.Minute), Version: 2}, caseIn(own, "ab-own"))
		}
		return func() Decision { return Arrive(v, a, p, noon) }
	}
	return []decision{
		{"opens", 18, arrive(alert.Triggered, "")},
		{"joins a waiting case", 9, arrive(alert.ReTriggered, "waiting")},
		{"repeats a started case", 8, arrive(alert.Renotify, "started")},
		{"recovers", 9, arrive(alert.Recovered, "waiting")},
	}
}

// ticks are what the tick decides most.
func ticks() []decision {
	tick := func(state string) func() Decision {
		c, p := caseIn(state, "ab-own"), DefaultRules()
		c.Until = noon // it is due
		v := viewOf(Incident{}, c)
		return func() Decision { return Due(v, c.ID, p, noon) }
	}
	return []decision{
		{"starts a waiting case", 8, tick("waiting")},
		{"repeats a case in doubt", 8, tick("in doubt")},
		{"ends a started case", 5, tick("started")},
	}
}

// settles are what becomes of most calls.
func settles() []decision {
	settle := func(r delivery.Reason) func() Decision {
		cl := claimed(0)
		return func() Decision { return Settle(cl.Case, cl, delivery.Answer{Reason: r}, noon) }
	}
	return []decision{
		{"accepted", 3, settle(delivery.Received)},
		{"throttled", 10, settle(delivery.Throttled)},
	}
}

func BenchmarkArrive(b *testing.B) { benchmark(b, arrivals()) }
func BenchmarkDue(b *testing.B)    { benchmark(b, ticks()) }
func BenchmarkSettle(b *testing.B) { benchmark(b, settles()) }

func benchmark(b *testing.B, decisions []decision) {
	for _, d := range decisions {
		b.Run(d.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.decide()
			}
		})
	}
}

func TestDecisionsAllocateLittle(t *testing.T) {
	for _, decisions := range [][]decision{arrivals(), ticks(), settles()} {
		for _, d := range decisions {
			if d.decide().Change.Empty() {
				t.Errorf("%s: nothing was decided", d.name)
			}
			if n := testing.AllocsPerRun(100, func() { d.decide() }); n > d.most {
				t.Errorf("%s: %.0f allocations, and it may be %.0f", d.name, n, d.most)
			}
		}
	}
}
