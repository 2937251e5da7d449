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
	slices.SortFunc(due, comparePosts)
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

// Untold implements ledger.Lister.
func (l *Ledger) Untold(ctx context.Context, agent string, now time.Time) ([]gate.Post, bool, error) {
	return l.listPosts(ctx, now, func(p gate.Post) bool { return p.Agent == agent && !p.Over })
}

// GivenUp implements ledger.Lister.
func (l *Ledger) GivenUp(ctx context.Context, agent string, since, now time.Time) ([]gate.Post, bool, error) {
	since = ledger.Moment(since)
	return l.listPosts(ctx, now, func(p gate.Post) bool { return p.Agent == agent && ledger.GaveUp(p) && !p.Until.Before(since) })
}

// listPosts gives the first page of the posts that are meant.
func (l *Ledger) listPosts(ctx context.Context, now time.Time, meant func(gate.Post) bool) ([]gate.Post, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []gate.Post
	for id := range l.posts {
		if p, there := l.posts.get(id, now); there && meant(p) {
			list = append(list, copyPost(p))
		}
	}
	slices.SortFunc(list, comparePosts)
	return list[:min(len(list), ledger.MaxPage)], len(list) > ledger.MaxPage, nil
}

func comparePosts(a, b gate.Post) int {
	return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.ID, b.ID))
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
	for _, told := range [][]gate.Told{p.Told, p.Late} {
		for i := range told {
			told[i].At = ledger.Moment(told[i].At)
		}
	}
	slices.SortFunc(p.Happened, ledger.CompareHappened)
	l.posts.put(p.ID, p, at)
}

func copyPost(p gate.Post) gate.Post {
	p.Happened, p.Told, p.Late = list(p.Happened), list(p.Told), list(p.Late)
	return p
}
