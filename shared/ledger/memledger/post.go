package memledger

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

var _ ledger.Outbox = (*Ledger)(nil)

// Posts implements ledger.Outbox.
func (l *Ledger) Posts(ctx context.Context, agent string, now time.Time) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var due []gate.Post
	for id := range l.posts {
		if p, there := l.posts.get(id, now); there && p.Agent == agent && !p.Over && !p.Until.After(now) {
			due = append(due, p)
		}
	}
	slices.SortFunc(due, func(a, b gate.Post) int { return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.ID, b.ID)) })
	var ids []string
	for _, p := range due[:min(len(due), ledger.MaxDue)] {
		ids = append(ids, p.ID)
	}
	return ids, nil
}

// Post implements ledger.Outbox.
func (l *Ledger) Post(ctx context.Context, id string, now time.Time) (gate.Post, error) {
	if err := ctx.Err(); err != nil {
		return gate.Post{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p, _ := l.posts.get(id, now)
	return copyPost(p), nil
}

// applyPost notes what happened. A moment that is noted already keeps its time; what is over is looked at once more. One
// that has expired is taken up again, as in a table whose item was not removed yet.
func (l *Ledger) applyPost(w gate.PostWrite, at time.Time) {
	p := copyPost(l.posts[w.ID].value)
	p.ID, p.Agent, p.Until, p.Over = w.ID, w.Agent, ledger.Moment(at), false
	for _, m := range w.Moments {
		if !slices.ContainsFunc(p.Happened, func(h gate.Happened) bool { return h.Moment == m }) {
			p.Happened = append(p.Happened, gate.Happened{Moment: m, At: ledger.Moment(at)})
		}
	}
	slices.SortFunc(p.Happened, ledger.CompareHappened)
	p.Version++
	l.posts.put(p.ID, p, at)
}

// applyTold puts a post as it is settled.
func (l *Ledger) applyTold(p gate.Post, at time.Time) {
	p = copyPost(p)
	p.Until = ledger.Moment(p.Until)
	for i := range p.Happened {
		p.Happened[i].At = ledger.Moment(p.Happened[i].At)
	}
	for i := range p.Told {
		p.Told[i].At = ledger.Moment(p.Told[i].At)
	}
	slices.SortFunc(p.Happened, ledger.CompareHappened)
	l.posts.put(p.ID, p, at)
}

func copyPost(p gate.Post) gate.Post {
	p.Happened, p.Told = list(p.Happened), list(p.Told)
	return p
}
