package meanwhile

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// ByHand lets somebody do what an order says, in a bridge that begins at a time, with the cases and the account of an
// Agent. failed is told of an order that is not accepted. That there is nothing to start, to stop or to try again is no
// failure.
func ByHand(b *virtual.Bridge, begin time.Time, agent string, o scenario.Order, failed func(error)) {
	at := begin.Add(o.At)
	if o.Redrive {
		b.Redrive(at)
		return
	}
	b.Do(at, func(ctx context.Context, l virtual.Ledger) {
		h := hand{l: l, agent: agent, now: b.Now(), Order: o}
		err := h.do(ctx)
		for errors.Is(err, ledger.ErrConflict) {
			err = h.do(ctx)
		}
		if err != nil {
			failed(err)
		}
	})
}

// hand is somebody who does one thing.
type hand struct {
	scenario.Order
	l     virtual.Ledger
	agent string
	now   time.Time
}

func (h hand) do(ctx context.Context) error {
	if n := max(h.Start, h.Stop); n > 0 {
		return h.handCase(ctx, n-1)
	}
	v, err := h.l.LookCase(ctx, "", h.agent, h.now)
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
		change = gate.Retry(v.Account, order, h.now).Change
	case h.Silence != nil:
		if change, err = gate.AddSilence(v.Hand, gate.Silence{Matchers: h.Silence, Order: order}, false, h.now); err != nil {
			return err
		}
	default:
		change = gate.SetMode(v.Hand, gate.ModeOrder{Mode: h.Mode, Order: order}, h.now)
	}
	if change.Empty() {
		return nil
	}
	return h.l.Commit(ctx, change)
}

// handCase starts or stops one of the cases that are not started. They are counted round, so that there is an n-th one as
// soon as there is any. The first to be stopped is one in doubt, where there is one.
func (h hand) handCase(ctx context.Context, n int) error {
	var found []gate.Case
	for _, b := range []gate.Bucket{gate.Declined, gate.Doubtful, gate.Queue, gate.Timed} {
		list, _, err := h.l.List(ctx, h.agent, b, 10, "", h.now)
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
	v, err := h.l.LookCase(ctx, c.ID, c.Agent, h.now)
	if err != nil || c.Shadow {
		return err
	}
	by := gate.Order{By: h.By, Reason: h.Reason, At: h.now}
	post, err := h.l.Post(ctx, c.ID, h.now)
	if err != nil {
		return err
	}
	d, err := gate.Stop(v, c.ID, by, post.Version > 0, h.now)
	if h.Start > 0 {
		d, err = gate.Promote(v, c.ID, by, h.now)
	}
	if err != nil {
		return nil // what it is by now can neither be started nor stopped
	}
	return h.l.Commit(ctx, d.Change)
}
