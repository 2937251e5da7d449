package virtual

import (
	"context"
	"log/slog"
	"time"

	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
)

// Delivery is an answer that a place has got.
type Delivery struct {
	At         time.Time
	Invocation int
	Target     string
	Answer     answer.Answer
	Result     answer.Result // as the one who tells will hear of it, should he live
}

// tellAll makes the one who tells. He runs behind each tick as an invocation of his own: so he meets faults of his own, and
// nothing that he does, or takes time for, is seen by a bridge that tells nobody.
func (b *Bridge) tellAll(log *slog.Logger) {
	door := &outbox{b.ledger, b}
	b.teller = &tell.Teller{
		Ledger: door, Outbox: door, Policy: b.o.Policy, Now: b.local, Log: log,
		Targets: []tell.Target{{Name: tell.Events, Place: place{b, tell.Events}}, {Name: tell.Pager, Place: place{b, tell.Pager}, Pager: true}},
	}
}

// tells is what a tick does when it is done with its cases.
func (b *Bridge) tells() {
	if b.teller == nil {
		return
	}
	b.begin(Teller, scheduleTime, func(ctx context.Context, i *invocation) {
		var accounts []gate.Account
		for _, name := range b.o.Policy.Agents() {
			v, err := b.ledger.LookCase(ctx, "", name, b.local())
			if err != nil {
				return
			}
			accounts = append(accounts, v.Account)
		}
		i.failed = b.teller.Tell(ctx, accounts) != nil
	})
}

// outbox is the ledger as the one who tells sees it: every call is a step.
type outbox struct {
	*memledger.Ledger
	b *Bridge
}

var _ ledger.Outbox = &outbox{}

// Posts implements ledger.Outbox.
func (o *outbox) Posts(ctx context.Context, agent string, now time.Time) (ids []string, err error) {
	err = o.b.step(ctx, Posts, func() (err error) { ids, err = o.Ledger.Posts(ctx, agent, now); return err }, nil)
	return ids, err
}

// Post implements ledger.Outbox.
func (o *outbox) Post(ctx context.Context, id string, now time.Time) (p gate.Post, err error) {
	err = o.b.step(ctx, Post, func() (err error) { p, err = o.Ledger.Post(ctx, id, now); return err }, nil)
	return p, err
}

// LookCase implements ledger.Ledger.
func (o *outbox) LookCase(ctx context.Context, id, agent string, now time.Time) (v gate.View, err error) {
	err = o.b.step(ctx, LookCase, func() (err error) { v, err = o.Ledger.LookCase(ctx, id, agent, now); return err }, nil)
	return v, err
}

// Commit implements ledger.Ledger.
func (o *outbox) Commit(ctx context.Context, c gate.Change) error {
	do := func() error {
		err := o.Ledger.Commit(context.WithoutCancel(ctx), c)
		if err == nil {
			o.b.noted(c)
		}
		return err
	}
	return o.b.step(ctx, Commit, do, do)
}

// noted keeps which posts there is something to tell of.
func (b *Bridge) noted(c gate.Change) {
	for _, p := range c.Posts {
		b.posts[p.ID] = true
	}
	if t := c.Told; t != nil && t.Now.Over {
		delete(b.posts, t.Now.ID)
	} else if t != nil {
		b.posts[t.Now.ID] = true
	}
}

// place is where people look.
type place struct {
	b    *Bridge
	name string
}

// Deliver implements answer.Target.
func (p place) Deliver(ctx context.Context, a answer.Answer) (res answer.Result) {
	i := p.b.running
	err := p.b.step(ctx, Telling, func() error {
		got, r := p.b.o.Place(p.name, p.b.now)
		if res = r; got {
			p.b.o.OnDelivery(Delivery{At: p.b.now, Invocation: i.id, Target: p.name, Answer: a, Result: r})
		}
		return nil
	}, nil)
	if err != nil {
		return answer.Result{End: answer.Later}
	}
	return res
}
