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
	open := t.mayBeOpen()
	if len(open) == 0 {
		return
	}
	if t.c.State == gate.Waiting || t.c.State == gate.Starting || !t.time(ctx) || t.firing(ctx) {
		t.watching = true
		t.lookAgain(t.began.Add(t.pause()))
		return
	}
	m := recovery(t.post)
	if slices.ContainsFunc(open, func(target Target) bool { return t.pointless(ctx, target, gate.Happened{Moment: m}) == "" }) {
		t.comes(m)
		t.each(ctx)
	}
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

// recovered is when nothing of a post fired any more, the last time that it was noted; zero: never.
func recovered(p gate.Post) (at time.Time) {
	for _, h := range p.Happened {
		if isRecovery(h.Moment) {
			at = latest(at, h.At)
		}
	}
	return at
}

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

// mayBeOpen are the targets at which, as far as they were told by us, an incident may be open, once all is told of the case and
// nothing but a recovery will be.
func (t *telling) mayBeOpen() (open []Target) {
	if t.outage != nil || !t.there || len(t.post.Happened) == 0 {
		return nil
	}
	if _, all := t.c.Incidents(); !all {
		return nil
	}
	p := t.post
	p.Told = append(p.Told[:len(p.Told):len(p.Told)], t.settled...)
	if !t.allSettled(p) {
		return nil
	}
	for _, target := range t.Targets {
		if target.Pager && t.isOpen(p, target) {
			open = append(open, target)
		}
	}
	return open
}

// isOpen tells whether a target may have an incident open. What was given up, or left out after a try, may have arrived; but
// with a recovery that was given up, the incident was.
func (t *telling) isOpen(p gate.Post, target Target) (open bool) {
	for _, d := range inOrder(p, target.Name) {
		switch {
		case d.As == gate.LeftOut:
		case isRecovery(d.Moment):
			open = false
		case t.opens(d.Moment):
			open = true
		case d.As == gate.WasTold:
			open = false
		}
	}
	return open
}

// inOrder is what became of the moments at a target, in the order in which it was settled: that can be another one than that in
// which they came, where two processes do not agree on the time.
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
