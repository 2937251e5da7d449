package local

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/alertbridge/alertbridge/shared/clock"
)

// pace is the run's clock: from its beginning on it goes speed times as fast as the machine's. All that the run holds,
// waits and counts goes by it; what a computer needs for its work does not get shorter, so there is less time for that. The
// zero value is the machine's clock.
type pace struct {
	began time.Time
	speed int
}

// MaxSpeed is the fastest: at it a tick a second is a tick a minute, as in AWS, and half a minute's deadline is the half
// second that a busy computer may need.
const MaxSpeed = 60

func newPace(speed int) pace { return pace{time.Now(), max(speed, 1)} }

// Now implements clock.Clock.
func (p pace) Now() time.Time { return p.at(time.Now()) }

// at is what the run's clock shows when the machine's shows t.
func (p pace) at(t time.Time) time.Time {
	if p.speed <= 1 {
		return t
	}
	return p.began.Add(t.Sub(p.began) * time.Duration(p.speed))
}

// Sleep implements clock.Clock.
func (p pace) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d / time.Duration(max(p.speed, 1)))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Jitter implements clock.Clock.
func (p pace) Jitter(longest time.Duration) time.Duration { return rand.N(longest) }

// keeps makes a context keep the run's time.
func (p pace) keeps(ctx context.Context) context.Context {
	if p.speed <= 1 {
		return ctx
	}
	return clock.With(paced{ctx, p}, p)
}

// paced is a context whose deadline is told by the run's clock.
type paced struct {
	context.Context
	pace pace
}

// Deadline implements context.Context.
func (c paced) Deadline() (time.Time, bool) {
	end, bounded := c.Context.Deadline()
	if !bounded {
		return end, false
	}
	return c.pace.at(end), true
}
