package tell

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/answer/words"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// state is how an Agent is, as far as its account tells.
type state string

const (
	isWell    state = "well"
	isOut     state = "out"     // it cannot be reached, or does not let us in
	isUnknown state = "unknown" // it could not be reached, and nothing has tried since
)

// untried is how long after its rest an Agent counts as out. Each tick tries one for which a case waits; where none does,
// nobody misses it.
const untried = 3 * time.Minute

func health(a gate.Account, now time.Time) state {
	switch {
	case !a.Shut.Since.IsZero():
		return isOut
	case a.Down.Until.IsZero():
		return isWell
	case now.Before(a.Down.Until.Add(untried)):
		return isOut
	}
	return isUnknown
}

// outage looks after the post of the Agent itself: from the first tick that sees it out, over the telling after
// OutageAfter, to the telling that it is back. Then the post is empty, and the next outage is another one.
func (r *round) outage(ctx context.Context, a gate.Account, now state) error {
	read, cancel := clock.WithTimeout(ctx, ReadTime)
	p, err := r.Outbox.Post(read, gate.AgentPost(a.Agent), r.Now())
	cancel()
	if err != nil {
		return err
	}
	noted := p.Version > 0 && !p.Over && len(p.Happened) > 0
	t := &telling{round: r, post: p, outage: &outage{account: a}}
	told := len(p.Told) > 0 || p.Tries > 0 // or it may have been
	switch {
	case !noted && now != isOut:
		return nil
	case noted && p.Until.After(r.Now()): // another tick tells it now, or it could not be told a moment ago
		return nil
	case !noted:
		return t.begins(ctx)
	case now == isUnknown && told:
		return nil
	case now != isOut && !told:
		return t.forget(ctx)
	}
	t.outage.since = p.Happened[0].At
	back := slices.ContainsFunc(p.Told, func(d gate.Told) bool { return d.Moment == gate.AgentIsUp })
	if now == isOut && !back {
		if t.Now().Sub(t.outage.since) < OutageAfter || !r.goesOn(ctx) {
			return nil
		}
		if len(p.Happened) > 1 { // it was back, and nobody was told: then it goes on, and that is noted
			t.post.Happened = p.Happened[:1:1]
			t.lookAgain(t.began)
		}
		return t.tell(ctx)
	}
	if len(p.Happened) == 1 {
		t.post.Happened = append(p.Happened[:1:1], gate.Happened{Moment: gate.AgentIsUp, At: t.Now()})
		t.lookAgain(t.began)
	}
	if t.outage.over = t.post.Happened[1].At; !r.goesOn(ctx) {
		return nil
	}
	return t.tell(ctx)
}

// outage is what a telling is about that is about an Agent.
type outage struct {
	account gate.Account
	since   time.Time
	over    time.Time // zero: it lasts
}

func (t *telling) begins(ctx context.Context) error {
	at := t.Now()
	if since := t.outage.account.Shut.Since; !since.IsZero() {
		at = latest(since, t.Now().Add(-OutageAfter)) // else one that is a day old would be given up at once
	}
	return t.replace(ctx, gate.Post{
		ID: gate.AgentPost(t.outage.account.Agent), Agent: t.outage.account.Agent, Until: t.Now(),
		Happened: []gate.Happened{{Moment: gate.AgentIsDown, At: at}},
	})
}

func (t *telling) forget(ctx context.Context) error {
	return t.replace(ctx, gate.Post{ID: t.post.ID, Agent: t.post.Agent, Until: t.Now(), Over: true})
}

// replace writes a post anew. Should another tick have been first, it has done the same.
func (t *telling) replace(ctx context.Context, next gate.Post) error {
	next.Version = t.post.Version + 1
	err := t.commit(ctx, gate.Change{At: t.Now(), Told: &gate.ToldWrite{Read: t.post.Version, Now: next}})
	if errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrUnknown) {
		return nil
	}
	return err
}

func (o *outage) answer(m gate.Moment, now time.Time) answer.Answer {
	out := words.Outage{Agent: o.account.Agent, Since: o.since, Shut: o.account.Shut, Now: now}
	if m == gate.AgentIsUp {
		out.Over = o.over
	}
	return words.OfOutage(out)
}

// immaterial: an outage that is over is told of only where it was told before; but the pager may have it without our
// knowledge.
func (o *outage) immaterial(p gate.Post, target Target, m gate.Moment) string {
	told := slices.ContainsFunc(p.Told, func(d gate.Told) bool {
		return d.Target == target.Name && d.Moment == gate.AgentIsDown && d.As == gate.WasTold
	})
	switch {
	case m == gate.AgentIsDown && !o.over.IsZero():
		return "it can be reached again"
	case m == gate.AgentIsUp && !told && !target.Pager:
		return "of the outage nothing was told"
	}
	return ""
}

// merged is the Agent's post after the telling: empty once its end was told, and never over before.
func (o *outage) merged(next gate.Post, all bool) gate.Post {
	next.Over = all && !o.over.IsZero()
	if next.Over {
		next.Happened, next.Told = nil, nil
	}
	return next
}
