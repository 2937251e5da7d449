package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/meanwhile"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// faults are the world's faults as a scenario has them, in the order in which they begin.
func (w World) faults() []scenario.Fault {
	var all []scenario.Fault
	for _, e := range w.Events {
		if !isFault(e.Kind) {
			continue
		}
		f := scenario.Fault{At: e.At, Kind: e.Kind, In: e.Role, Step: e.Op, By: e.Pause, For: e.For}
		if e.Op != "" {
			f.Nth = e.Skip + 1
		}
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b scenario.Fault) int {
		return cmp.Or(cmp.Compare(a.At, b.At), agentFirst(a, b))
	})
	return all
}

// agentFirst puts what is wrong with the Agent before all else, as a scenario does.
func agentFirst(a, b scenario.Fault) int {
	switch first, second := a.Kind.Agent() != "", b.Kind.Agent() != ""; {
	case first && !second:
		return -1
	case second && !first:
		return 1
	}
	return 0
}

// orders are what is done by hand, in order.
func (w World) orders() []scenario.Order {
	var all []scenario.Order
	for _, e := range w.Events {
		o := scenario.Order{At: e.At, For: e.For, Mode: e.Mode, Silence: e.Silence, By: scenario.Somebody, Reason: scenario.NoReason}
		switch e.Kind {
		case SetMode, Silence:
		case Promote:
			if o.StartAlert = e.Of; e.Of == 0 {
				o.Start = e.Skip + 1
			}
		case Stop:
			if o.StopAlert = e.Of; e.Of == 0 {
				o.Stop = e.Skip + 1
			}
		case Retry:
			o.Retry = true
		case Redrive:
			o.Redrive = true
		default:
			continue
		}
		all = append(all, o)
	}
	slices.SortStableFunc(all, func(a, b scenario.Order) int { return cmp.Compare(a.At, b.At) })
	return all
}

// arrival is a delivery on its way.
type arrival struct {
	At, Happens time.Duration
	Body        []byte
	*Alert
}

// deliveries are what comes, in order: of one time first what happened first.
func (w World) deliveries() []arrival {
	var all []arrival
	for _, e := range w.Events {
		switch {
		case e.Kind == Garbled:
			all = append(all, arrival{At: e.At, Happens: e.At, Body: []byte(scenario.Unreadable)})
		case e.Kind == Delivery && e.Alert != nil:
			all = append(all, arrival{e.At, e.Alert.Time, e.Alert.body(w.Begins), e.Alert})
		case e.Kind == Delivery:
			all = append(all, arrival{At: e.At, Happens: e.At, Body: e.Body}) // as a scenario has them: in order already
		}
	}
	slices.SortStableFunc(all, func(a, b arrival) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Happens, b.Happens))
	})
	return all
}

// MaxLasts is how long a scenario may last that is judged: the promises are asked for in the end, and after 30 days the
// ledger forgets a delivery.
const MaxLasts = 20 * 24 * time.Hour

// FromScenario makes a world of a scenario and the policy that it is played under. The error is for a scenario that lasts
// longer than MaxLasts.
func FromScenario(s *scenario.Scenario, p gate.Policy) (World, error) {
	if s.Lasts > MaxLasts {
		return World{}, fmt.Errorf("%s lasts longer than %d days, and what it comes to cannot be judged: the ledger forgets a delivery after 30 days",
			s.Name, MaxLasts/(24*time.Hour))
	}
	w := World{Seed: s.Seed, Begins: s.Begins, Policy: p, Calm: s.Calm, Work: s.Investigations}
	if w.Work != nil {
		w.Policy = meanwhile.Followed(p)
	}
	if w.Calm == 0 {
		w.Calm = s.Lasts
	}
	for _, f := range s.Faults {
		w.Events = append(w.Events, Event{
			At: f.At, Kind: f.Kind, Role: f.In, Op: f.Step, Skip: max(0, f.Nth-1), Pause: f.By, For: f.For,
		})
	}
	for _, o := range s.Hand {
		e := Event{At: o.At, Kind: SetMode, For: o.For, Mode: o.Mode, Silence: o.Silence}
		switch {
		case o.Silence != nil:
			e.Kind = Silence
		case o.Start > 0:
			e.Kind, e.Skip = Promote, o.Start-1
		case o.StartAlert > 0:
			e.Kind, e.Of = Promote, o.StartAlert
		case o.Stop > 0:
			e.Kind, e.Skip = Stop, o.Stop-1
		case o.StopAlert > 0:
			e.Kind, e.Of = Stop, o.StopAlert
		case o.Retry:
			e.Kind = Retry
		case o.Redrive:
			e.Kind = Redrive
		}
		w.Events = append(w.Events, e)
	}
	for _, a := range s.Alerts {
		w.Events = append(w.Events, Event{At: a.Arrives, Kind: Delivery, Body: a.Body})
	}
	return w, nil
}
