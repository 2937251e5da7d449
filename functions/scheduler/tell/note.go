package tell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/start"
)

// soon is a little less than a minute: the next tick is to find the post due, should it be a little early.
const soon = 50 * time.Second

// backoff is how long a post rests, by how often in a row nothing could be told of it.
func backoff(tries int) time.Duration {
	steps := [...]time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute}
	return steps[min(max(tries, 1), len(steps))-1] - (time.Minute - soon)
}

// noteTries bounds lost races of a note: each is lost to a decision about the case, or to another tick. After each it pauses,
// longestPause at most.
const (
	noteTries    = 16
	longestPause = 60 * time.Millisecond
)

// note writes what became of a post. Whoever was first, or may have been, is read, and what was settled here is added to
// it: it has been told, and must be known. Who has only looked leaves it to the one who was first.
func (t *telling) note(ctx context.Context) error {
	p := t.post
	for try := 1; ; try++ {
		if try > 1 && len(t.settled) == 0 && len(t.fresh) == 0 && !t.failed && t.outage == nil {
			return nil
		}
		next := t.merged(p)
		if slices.Equal(next.Told, p.Told) && slices.Equal(next.Happened, p.Happened) && next.Over == p.Over && (try > 1 || !t.failed && t.until.IsZero() && t.watching.IsZero()) {
			return nil
		}
		err := t.commit(ctx, gate.Change{At: t.Now(), Told: &gate.ToldWrite{Read: p.Version, Now: next}})
		if err == nil {
			return nil
		}
		if try == noteTries || !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrUnknown) {
			return fmt.Errorf("what was told is not noted, and may be told once more: %w", err)
		}
		_ = clock.Sleep(ctx, clock.Jitter(ctx, longestPause)) // where the time is over, the reading says so
		read, cancel := clock.WithTimeout(ctx, ReadTime)
		p, err = t.Outbox.Post(read, p.ID, t.Now())
		cancel()
		if err != nil {
			return fmt.Errorf("what was told is not noted, and may be told once more: %w", err)
		}
		if t.outage != nil && !t.outage.over.IsZero() && p.Over {
			return nil // it was noted, and the post is empty: nothing can be added to an outage that is over
		}
	}
}

func (t *telling) commit(ctx context.Context, c gate.Change) error {
	ctx, cancel := clock.WithTimeout(ctx, start.CommitTime)
	defer cancel()
	return t.Ledger.Commit(ctx, c)
}

// merged is a post with what was settled here. Something that has happened since it was read first is due at once.
func (t *telling) merged(p gate.Post) gate.Post {
	next := t.withFresh(p)
	if t.outage != nil {
		next.Happened = t.post.Happened
	}
	for _, d := range t.settled {
		late := d.As != gate.WasTold && !cameAt(next, d.Moment).Equal(cameAt(t.post, d.Moment)) // it has come once more
		if !late && !isSettled(next, d.Target, d.Moment) {
			next.Told = append(next.Told, d)
		}
	}
	next.Version = p.Version + 1
	watching := !t.watching.IsZero() && recovered(next).Equal(recovered(t.post)) // else another tick has found that while this one watched
	decided := t.outage != nil || p.Over || p.Version == t.post.Version          // else another one has told something, and may watch
	next.Over = t.allSettled(next) && !watching && decided
	if t.outage != nil {
		next = t.outage.merged(next, next.Over)
	}
	next.Late = t.lateNow(next)
	switch {
	case next.Over:
		next.Tries, next.Until = 0, t.Now()
	case t.outage == nil && !slices.EqualFunc(next.Happened, t.post.Happened, sameHappened):
		next.Tries, next.Until = 0, t.Now()
	case t.failed:
		if next.Tries++; len(t.settled) > 0 {
			next.Tries = 1
		}
		next.Until = latest(t.began.Add(backoff(next.Tries)), t.until)
	default:
		next.Until = latest(t.began.Add(soon), t.until)
	}
	switch {
	case !watching:
	case t.allSettled(next): // and nothing was tried
		next.Tries, next.Until = 0, latest(next.Until, t.watching)
	case next.Until.After(t.watching): // it waits for a place that is away, and another one is looked after
		next.Until = t.watching
	}
	if t.waits() && !next.Over && next.Until.After(t.began.Add(soon)) { // for what was found, which has nothing to do with a place that rests
		next.Until = t.began.Add(soon)
	}
	return next
}

// cameAt is when a moment came; zero: never.
func cameAt(p gate.Post, m gate.Moment) time.Time {
	for _, h := range p.Happened {
		if h.Moment == m {
			return h.At
		}
	}
	return time.Time{}
}

func sameHappened(a, b gate.Happened) bool { return a.Moment == b.Moment && a.At.Equal(b.At) }

// lateNow is what a post says of targets that failed: the latest of each at which something is still to be told.
func (t *telling) lateNow(p gate.Post) (late []gate.Told) {
	for _, target := range t.Targets {
		of := func(d gate.Told) bool { return d.Target == target.Name }
		all := slices.Concat(t.late, p.Late)
		if i := slices.IndexFunc(all, of); i >= 0 && len(late) < gate.MaxLate && !isAllSettled(p, target.Name) {
			late = append(late, all[i])
		}
	}
	return late
}

// allSettled tells whether nothing of a post is left to be told.
func (t *telling) allSettled(p gate.Post) bool {
	return !slices.ContainsFunc(t.Targets, func(target Target) bool { return !isAllSettled(p, target.Name) })
}

func isAllSettled(p gate.Post, target string) bool {
	return !slices.ContainsFunc(p.Happened, func(h gate.Happened) bool { return !isSettled(p, target, h.Moment) })
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
