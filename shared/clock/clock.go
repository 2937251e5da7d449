// Package clock measures time for the work that is done with a context.
//
// A function in production has the machine's clock, and then every function here is what package context or time has
// under that name. Where the whole bridge is played in virtual time, the context carries another Clock (With): then a
// time-out is over when that clock says so, and a pause passes on it. So the code that plays is the code that runs, and
// a month of it takes seconds.
//
// A context that ends by a carried Clock tells so by Err and Deadline, and its Done is that of the context around it: in
// virtual time nobody waits for a channel, but everybody who is given time looks at Err afterwards.
package clock

import (
	"context"
	"math/rand/v2"
	"time"
)

// Clock is time other than the machine's.
type Clock interface {
	Now() time.Time
	// Sleep returns when d is over or ctx has ended, with ctx.Err.
	Sleep(ctx context.Context, d time.Duration) error
	// Jitter is a duration below longest, at random.
	Jitter(longest time.Duration) time.Duration
}

type key struct{}

// With is a context whose time is measured by c.
func With(ctx context.Context, c Clock) context.Context { return context.WithValue(ctx, key{}, c) }

func of(ctx context.Context) (Clock, bool) {
	c, carried := ctx.Value(key{}).(Clock)
	return c, carried
}

// WithTimeout is a context that ends after d, as context.WithTimeout.
func WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	c, carried := of(ctx)
	if !carried {
		return context.WithTimeout(ctx, d)
	}
	end := c.Now().Add(d)
	if sooner, bounded := ctx.Deadline(); bounded && sooner.Before(end) {
		end = sooner
	}
	t := &timed{Context: ctx, clock: c, end: end}
	return t, t.cancel
}

// timed is a context with an end by a carried clock.
type timed struct {
	context.Context
	clock     Clock
	end       time.Time
	cancelled bool
}

func (t *timed) cancel() { t.cancelled = true }

// Deadline implements context.Context.
func (t *timed) Deadline() (time.Time, bool) { return t.end, true }

// Err implements context.Context.
func (t *timed) Err() error {
	switch err := t.Context.Err(); {
	case err != nil:
		return err
	case t.cancelled:
		return context.Canceled
	case !t.clock.Now().Before(t.end):
		return context.DeadlineExceeded
	}
	return nil
}

// Until is how long it is until t.
func Until(ctx context.Context, t time.Time) time.Duration {
	if c, carried := of(ctx); carried {
		return t.Sub(c.Now())
	}
	return time.Until(t)
}

// Sleep returns when d is over, or ctx has ended: then with its error.
func Sleep(ctx context.Context, d time.Duration) error {
	if c, carried := of(ctx); carried {
		return c.Sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Jitter is a duration below longest, at random. longest must be more than 0.
func Jitter(ctx context.Context, longest time.Duration) time.Duration {
	if c, carried := of(ctx); carried {
		return c.Jitter(longest)
	}
	return rand.N(longest)
}
