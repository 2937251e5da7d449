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

// watch looks after a case whose incident at the pager may be open, whatever other places are still to be told: once nothing of it
// fires any more, that is noted, and told. A case that was started or has ended counts no recoveries, and should not: each would
// be a write, and few have an incident. So the post stays in the outbox, and is looked at less and less often. So it is where
// nobody was woken as nothing fired, as long as what fires again joins the case.
//
// The case knows by name what opened it and what has joined before it was started, and that is what the incident is about.
// Where there may have been more than it keeps, and it counts nothing, the incident is left for a person.
//
// A case that is to be started yet is looked after too, and its recovery is not noted: it ends by that, or is started. But its
// start can come to a doubt, and of what recovers before the doubt is left for a person no decision says anything.
func (t *telling) watch(ctx context.Context) {
	if t.outage != nil || !t.there || len(t.post.Happened) == 0 {
		return
	}
	open, wakes := t.mayBeOpen(), t.mayBeWoken(ctx)
	waits := t.c.State == gate.Waiting || t.c.State == gate.Starting || !t.time(ctx)
	if open && !waits && !t.firing(ctx) {
		t.comes(recovery(t.post))
		t.each(ctx)
		open = false
	}
	if !open && !wakes {
		return
	}
	t.watching = t.began.Add(t.pause(ctx))
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
func (t *telling) pause(ctx context.Context) time.Duration {
	if !t.fires.known || t.unread != nil || !t.time(ctx) {
		return soon
	}
	return watchAgain(t.Now().Sub(t.post.Happened[len(t.post.Happened)-1].At))
}

// watchAgain is how long it is not looked at, by how long ago the last thing happened to it.
func watchAgain(since time.Duration) time.Duration {
	return min(max(since/10, soon), longestWatch)
}

// mayBeOpen tells whether a target may have an incident open, as far as it was told by us, where all is told there and nothing
// but a recovery will be.
func (t *telling) mayBeOpen() bool {
	if _, all := t.c.Incidents(); !all && !t.counts() {
		return false
	}
	return slices.ContainsFunc(t.Targets, func(target Target) bool { return isAllSettled(t.now(), target.Name) && t.isOpen(target) })
}

// now is the post with what was settled here.
func (t *telling) now() gate.Post {
	p := t.post
	p.Told = append(p.Told[:len(p.Told):len(p.Told)], t.settled...)
	return p
}

// isOpen tells whether a target may have an incident open. What was given up, or left out after a try, may have arrived; but
// with a recovery that was given up, the incident was.
func (t *telling) isOpen(target Target) (open bool) {
	if !target.Pager {
		return false
	}
	for _, d := range inOrder(t.now(), target.Name) {
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

// mayBeWoken tells whether people are to be woken as soon as something fires again that joins the case. What has joined it at the
// last moment is found by the look after that.
func (t *telling) mayBeWoken(ctx context.Context) bool {
	if t.c.State == gate.Ended && t.Now().Sub(t.c.StartAt) > joinsFor(t.rules) {
		return false
	}
	for _, target := range t.Targets {
		for _, h := range t.post.Happened {
			if t.mayWake(ctx, target, h) {
				return true
			}
		}
	}
	return false
}

// joinsFor is how long after its start at most something joins a case that has ended.
func joinsFor(r gate.Rules) time.Duration {
	longest := max(r.Window, r.Storm.Join)
	for _, key := range r.Keys {
		longest = max(longest, key.For)
	}
	return longest
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
		switch t.c.How {
		case gate.EndFailed, gate.EndTimedOut, gate.EndCancelled, gate.EndSkipped: // skipped, it may have been told as failed before
			return true
		}
		return again
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

// firing is whether something fires, once that is known.
type firing struct{ known, is bool }

// firing tells whether anything of the case may fire, as far as the case knows it by name, or counts it where it does not. It reads
// once in a telling; what cannot be read may fire.
func (t *telling) firing(ctx context.Context) bool {
	return t.read(ctx, &t.fires, "")
}

// firesHere tells whether anything of the case fires that has gone to no other.
func (t *telling) firesHere(ctx context.Context) bool {
	_, all := t.c.Incidents()
	return (all || t.counts()) && t.firing(ctx) && t.read(ctx, &t.here, t.c.ID)
}

// counts: the case counts what fires of it, also where that is more than it knows by name.
func (t *telling) counts() bool { return t.c.State == gate.Refused || t.c.State == gate.InDoubt }

func (t *telling) read(ctx context.Context, f *firing, caseID string) bool {
	if f.known {
		return f.is
	}
	names, all := t.c.Incidents()
	if f.known, f.is = true, !t.counts() || t.c.Firing > 0; !all {
		return f.is
	}
	ctx, cancel := clock.WithTimeout(ctx, ReadTime)
	defer cancel()
	fires, err := ledger.Fires(ctx, t.Ledger, names, caseID, t.Now())
	if err != nil {
		t.unread = fmt.Errorf("whether it still fires could not be read: %w", err)
	}
	f.is = fires
	return fires
}
