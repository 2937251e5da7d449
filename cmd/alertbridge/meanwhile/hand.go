package meanwhile

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/operate"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/match"
)

// Watch is told of what is done by hand; what is nil is not told.
type Watch struct {
	Asked func(Asked) // before anything is done

	// Answered is told when it is over: nil for what was done, also where there was nothing to do, an *operate.Refusal for a
	// start or a stop that the bridge will not have, and every other error for another order that is not accepted.
	Answered func(error)
}

// Asked is an order: about a case, to try an Agent again, or for all alerts from now on.
type Asked struct {
	Do       string // operate.Start, Stop, Retry, Mode or Silence
	Case     string // "" where the order names an alert
	Delivery string // of the alert; "" where the order names a case
	Agent    string // that is to be tried again
	Mode     gate.Mode
	Silence  []match.Matcher
	By       gate.Order
}

// ByHand lets somebody do what an order says, in a bridge that begins at a time and has these Agents. A mode, a silence, a
// retry and the n-th of the cases are those of the first Agent.
func ByHand(b *virtual.Bridge, begin time.Time, agents []string, o scenario.Order, w Watch) {
	at := begin.Add(o.At)
	if o.Redrive {
		b.Redrive(at)
		return
	}
	b.Do(at, func(ctx context.Context, l virtual.Ledger) {
		h := hand{l: l, agents: agents, now: b.Now(), Order: o, Watch: w}
		err := h.do(ctx)
		for errors.Is(err, ledger.ErrConflict) {
			err = h.do(ctx)
		}
		if w.Answered != nil {
			w.Answered(err)
		}
	})
}

// hand is somebody who does one thing.
type hand struct {
	scenario.Order
	Watch
	l      virtual.Ledger
	agents []string
	now    time.Time
}

func (h hand) do(ctx context.Context) error {
	switch {
	case max(h.Start, h.Stop) > 0:
		return h.handCase(ctx, max(h.Start, h.Stop)-1)
	case h.StartAlert > 0:
		return h.order(ctx, Asked{Do: operate.Start, Delivery: scenario.DeliveryID(h.StartAlert)})
	case h.StopAlert > 0:
		return h.order(ctx, Asked{Do: operate.Stop, Delivery: scenario.DeliveryID(h.StopAlert)})
	}
	v, err := h.l.LookCase(ctx, "", h.agents[0], h.now)
	if err != nil {
		return err
	}
	order := gate.Order{By: h.By, Reason: h.Reason, At: h.now}
	if h.For > 0 {
		order.Until = h.now.Add(h.For)
	}
	var change gate.Change
	switch {
	case h.Retry:
		h.asks(Asked{Do: operate.Retry, Agent: h.agents[0], By: order})
		change = gate.Retry(v.Account, order, h.now).Change
	case h.Silence != nil:
		h.asks(Asked{Do: operate.Silence, Silence: h.Silence, By: order})
		if change, err = gate.AddSilence(v.Hand, gate.Silence{Matchers: h.Silence, Order: order}, false, h.now); err != nil {
			return err
		}
	default:
		h.asks(Asked{Do: operate.Mode, Mode: h.Mode, By: order})
		change = gate.SetMode(v.Hand, gate.ModeOrder{Mode: h.Mode, Order: order}, h.now)
	}
	if change.Empty() {
		return nil
	}
	return h.l.Commit(ctx, change)
}

func (h hand) asks(a Asked) {
	if h.Asked != nil {
		h.Asked(a)
	}
}

// handCase starts or stops one of the cases that are not started. They are counted round, so that there is an n-th one as
// soon as there is any. The first to be stopped is one in doubt, where there is one.
func (h hand) handCase(ctx context.Context, n int) error {
	var found []gate.Case
	for _, b := range []gate.Bucket{gate.Declined, gate.Doubtful, gate.Queue, gate.Timed} {
		list, _, err := h.l.List(ctx, h.agents[0], b, 10, "", h.now)
		if err != nil {
			return err
		}
		found = append(found, list...)
	}
	if len(found) == 0 {
		return nil
	}
	c := found[n%len(found)]
	doubt := slices.IndexFunc(found, func(c gate.Case) bool { return c.State == gate.InDoubt })
	if h.Stop > 0 && n == 0 && doubt >= 0 {
		c = found[doubt]
	}
	switch {
	case c.Shadow:
		return nil
	case h.Start > 0:
		return h.order(ctx, Asked{Do: operate.Start, Case: c.ID})
	}
	return h.order(ctx, Asked{Do: operate.Stop, Case: c.ID})
}

// order does what an operator's command does.
func (h hand) order(ctx context.Context, a Asked) error {
	a.By = gate.Order{By: h.By, Reason: h.Reason, At: h.now}
	h.asks(a)
	desk := operate.Desk{Ledger: h.l, Agents: h.agents, Now: func() time.Time { return h.now }}
	_, err := desk.Do(ctx, operate.Order{Do: a.Do, IDs: []string{cmp.Or(a.Case, a.Delivery)}, By: h.By, Reason: h.Reason})
	return err
}
