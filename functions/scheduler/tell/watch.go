package tell

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// longestWatch is how long at most nobody looks whether what an open incident of the pager is about has recovered.
const longestWatch = time.Hour

// watch looks after a case of which all is told and whose incident at the pager may be open: once nothing of it fires any
// more, that is noted, and told. A case that was started or has ended counts no recoveries, and should not: each would be
// a write, and few have an incident. So the post stays in the outbox, and is looked at less and less often.
//
// The case knows by name what opened it and what has joined before it was started, and that is what the incident is about.
// Where there may have been more than it keeps, the incident is left for a person.
//
// A case that is to be started yet is looked after too, and its recovery is not noted: it ends by that, or is started. But its
// start can come to a doubt, and of what recovers before the doubt is left for a person no decision says anything.
func (t *telling) watch(ctx context.Context) {
	if !t.mayBeOpen() {
		return
	}
	if t.c.State == gate.Waiting || t.c.State == gate.Starting || !t.time(ctx) || t.firing(ctx) {
		t.watching = true
		t.lookAgain(t.began.Add(t.pause()))
		return
	}
	t.post.Happened = append(t.post.Happened[:len(t.post.Happened):len(t.post.Happened)], gate.Happened{Moment: recovery(t.post), At: t.Now()})
	t.each(ctx)
}

// recovery is the moment that is noted of a post when it recovers.
func recovery(p gate.Post) gate.Moment {
	if met(p, gate.HasRecovered) {
		return gate.RecoverAgain
	}
	return gate.HasRecovered
}

// isRecovery tells whether a moment is one at which nothing fires any more.
func isRecovery(m gate.Moment) bool { return m == gate.HasRecovered || m == gate.RecoverAgain }

// met tells whether a moment is noted.
func met(p gate.Post, m gate.Moment) bool {
	return slices.ContainsFunc(p.Happened, func(h gate.Happened) bool { return h.Moment == m })
}

// pause is how long it is not looked at. What could not be looked at now is with the next tick.
func (t *telling) pause() time.Duration {
	if !t.looked || t.unread != nil {
		return soon
	}
	return watchAgain(t.Now().Sub(t.post.Happened[len(t.post.Happened)-1].At))
}

// watchAgain is how long it is not looked at, by how long ago the last thing happened to it.
func watchAgain(since time.Duration) time.Duration {
	return min(max(since/10, soon), longestWatch)
}

// mayBeOpen tells whether all is told of the case and the pager's incident may be open, as far as it was told to us, and
// nothing but a recovery will be told of that.
func (t *telling) mayBeOpen() bool {
	if t.outage != nil || !t.there || len(t.post.Happened) == 0 {
		return false
	}
	if _, all := t.c.Incidents(); !all {
		return false
	}
	p := t.post
	p.Told = append(p.Told[:len(p.Told):len(p.Told)], t.settled...)
	if !t.allSettled(p) {
		return false
	}
	open := false
	for _, target := range t.Targets {
		if !target.Pager {
			continue
		}
		for _, d := range inOrder(p, target.Name) {
			switch {
			case d.Moment == gate.RecoverAgain: // it is said twice
				return false
			case d.As == gate.LeftOut:
			case d.Moment == gate.HasRecovered: // if it was given up, so was the incident
				open = false
			case t.opens(d.Moment): // given up, or left out after a try, it may have arrived
				open = true
			case d.As == gate.WasTold:
				open = false
			}
		}
	}
	return open
}

// inOrder is what became of the moments at a target, the oldest first: a doubt that was left out and told after all comes
// after the recovery that was told in between.
func inOrder(p gate.Post, target string) []gate.Told {
	var all []gate.Told
	for _, h := range p.Happened {
		all = append(all, toldOf(p, target, h.Moment))
	}
	slices.SortStableFunc(all, func(a, b gate.Told) int { return a.At.Compare(b.At) })
	return all
}

// opens: the pager may have been told of this moment, and so of trouble.
func (t *telling) opens(m gate.Moment) bool {
	if t.c.Severity < alert.Critical {
		return false
	}
	switch m {
	case gate.Waits, gate.IsHeld, gate.IsDoubtful, gate.WasRefused, gate.WasMissed:
		return true
	case gate.HasEnded:
		again := slices.Contains(t.happened(), gate.EndedAgain) // then it may have been told otherwise
		return again || t.c.How == gate.EndFailed || t.c.How == gate.EndTimedOut || t.c.How == gate.EndCancelled
	}
	return false
}

// toldOf is what became of a moment at a target.
func toldOf(p gate.Post, target string, m gate.Moment) gate.Told {
	if i := slices.IndexFunc(p.Told, settles(target, m)); i >= 0 {
		return p.Told[i]
	}
	return gate.Told{}
}

// firing tells whether anything of the case may fire, as far as the case knows it by name. It reads once in a telling; what
// cannot be read may fire.
func (t *telling) firing(ctx context.Context) bool {
	if t.looked {
		return t.fires
	}
	names, all := t.c.Incidents()
	if t.looked, t.fires = true, true; !all {
		return true
	}
	ctx, cancel := clock.WithTimeout(ctx, ReadTime)
	defer cancel()
	fires, err := ledger.Fires(ctx, t.Ledger, names, t.Now())
	if err != nil {
		t.unread = fmt.Errorf("whether it still fires could not be read: %w", err)
	}
	t.fires = fires
	return fires
}
