package simulate

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/meanwhile"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/simulate/promises"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// In one of three worlds people are told, at Datadog and at PagerDuty: it takes half as long again, and what is decided about
// alerts does not depend on it. Whether they are, and what goes wrong with that, is made of the world's seed alone and stands
// in no event: a scenario that has the seed has it too.

// isTold tells whether people are told in a world.
func (w World) isTold() bool { return w.Seed%3 == 0 }

// tells lets people be told in a bridge with these options.
func (p *player) tells(o *virtual.Options) {
	p.model.TellsPeople()
	o.Policy = meanwhile.Ruled(o.Policy, func(r *gate.Rules) { r.Tells = true })
	o.Place, o.OnDelivery = p.place, func(d virtual.Delivery) { p.onShown(d) }
	p.onShown = p.shown
	weather := o.Meddle
	o.Meddle = func(s virtual.Step) virtual.Outcome {
		switch {
		case s.Role == virtual.Teller:
			return p.tellerMeets(s)
		case weather == nil:
			return virtual.Outcome{}
		}
		return weather(s)
	}
}

// chance is a number below n, the same for the same world and the same numbers.
func (p *player) chance(n uint64, of ...uint64) uint64 {
	h := fnv.New64a()
	var b [8]byte
	for _, v := range append(of, p.Seed) {
		binary.BigEndian.PutUint64(b[:], v)
		_, _ = h.Write(b[:])
	}
	return h.Sum64() >> 20 % n
}

// fair tells whether nothing goes wrong any more.
func (p *player) fair(at time.Time) bool { return !at.Before(p.fairFrom) }

// place is how a place meets an answer: in some of its spells of seven minutes it is away, busy, has no key of ours, or has
// what it is told and does not say so.
func (p *player) place(target string, at time.Time) (got bool, says answer.Result) {
	why := delivery.Answer{Reason: delivery.Received}
	if spell := uint64(at.Sub(p.Begins) / (7 * time.Minute)); !p.fair(at) {
		switch p.chance(16, spell, uint64(len(target))) {
		case 0, 1:
			why.Reason = delivery.ConnectionFailed
		case 2:
			why.Reason, why.RetryAfter = delivery.Throttled, 2*time.Minute
		case 3:
			why.Reason = delivery.Unauthorized
		case 4:
			return true, answer.Of(delivery.Answer{Reason: delivery.Reset}, at)
		case 5:
			return true, answer.Of(delivery.Answer{Reason: delivery.Unreadable}, at)
		}
	}
	return why.Reason == delivery.Received, answer.Of(why, at)
}

var errNoLedger = errors.New("the ledger does not answer")

// tellerMeets is what becomes of a step of the one who tells: one of a hundred goes wrong in each of these ways.
func (p *player) tellerMeets(s virtual.Step) (o virtual.Outcome) {
	if s.Op == virtual.Telling {
		o.Wait = 300 * time.Millisecond // and another tick's teller has its turn
	}
	if p.fair(s.At) {
		return o
	}
	switch p.chance(100, uint64(s.Invocation), uint64(s.N)) {
	case 0:
		o.Crash = true
	case 1:
		o.CrashAfter = true
	case 2:
		if s.Op != virtual.Telling {
			o.Err = errNoLedger
		}
	case 3:
		o.Wait = 800 * time.Millisecond
	case 4, 5:
		if s.Op == virtual.Commit {
			o.Err = ledger.ErrConflict
		}
	case 6, 7:
		if s.Op == virtual.Commit {
			o.Err, o.Taken = ledger.ErrUnknown, s.N%2 == 0
		}
	}
	if o.Crash || o.CrashAfter || errors.Is(o.Err, errNoLedger) {
		p.model.Struck(s.Invocation)
	}
	return o
}

// shown tells the model what a place has got.
func (p *player) shown(d virtual.Delivery) {
	a := d.Answer
	s := promises.Shown{
		At: d.At, Invocation: d.Invocation, Place: d.Target, ID: a.ID, Case: a.Case, Sure: d.Result.End == answer.Delivered,
	}
	if _, of, found := strings.Cut(a.ID, "/"); found && a.Case != "" {
		of, _, _ = strings.Cut(of, "@") // the time of what can come more than once
		s.Moment = gate.Moment(of)
	}
	if d.Target == tell.Pager {
		if s.Incident = a.PageKey; s.Incident == "" {
			s.Incident = a.Case
		}
		s.Opens, s.Closes = a.Page == answer.Trigger, a.Page == answer.Resolve || a.Page == answer.Conclude
	}
	p.answers++
	p.model.Shown(s)
}

// posts are those of cases that are not over: something is still to be told, or looked after.
func (p *player) posts(ctx context.Context) (list []gate.Post) {
	now := p.bridge.Now()
	for _, name := range p.policy().Agents() {
		ids, err := p.bridge.Ledger().Posts(ctx, name, now.Add(24*time.Hour))
		if err != nil {
			return []gate.Post{{ID: err.Error()}}
		}
		for _, id := range ids {
			if id == gate.AgentPost(name) { // an outage of which nobody knows whether it is over
				continue
			}
			post, err := p.bridge.Ledger().Post(ctx, id, now)
			if err != nil {
				post = gate.Post{ID: id + ": " + err.Error()}
			}
			list = append(list, post)
		}
	}
	return list
}
