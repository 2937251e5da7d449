package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/shared/clock"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// still is a clock that only sleeping moves.
type still struct{ now time.Time }

func (s *still) Now() time.Time { return s.now }

func (s *still) Sleep(ctx context.Context, d time.Duration) error {
	s.now = s.now.Add(d)
	return ctx.Err()
}

func (s *still) Jitter(longest time.Duration) time.Duration { return longest / 2 }

// With a clock of its own a context ends by that clock, the sooner end counts, and no time of the machine passes.
func TestCarriedClock(t *testing.T) {
	c := &still{now: noon}
	ctx := clock.With(t.Context(), c)
	outer, done := clock.WithTimeout(ctx, 5*time.Second)
	inner, cancel := clock.WithTimeout(outer, time.Minute)
	if end, bounded := inner.Deadline(); !bounded || !end.Equal(noon.Add(5*time.Second)) {
		t.Errorf("the inner context ends at %s (%t), want with the outer one", end, bounded)
	}
	if left := clock.Until(inner, noon.Add(time.Second)); left != time.Second {
		t.Errorf("%s are left of a second", left)
	}
	if err := clock.Sleep(inner, clock.Jitter(inner, 8*time.Second)); err != nil {
		t.Errorf("after 4 of 5 seconds it has ended: %v", err)
	}
	if err := clock.Sleep(inner, time.Second); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after 5 of 5 seconds: %v", err)
	}
	cancel()
	if err := inner.Err(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("what has ended by time is cancelled afterwards: %v", err)
	}
	done()
	early, stop := clock.WithTimeout(ctx, time.Minute)
	stop()
	if err := early.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Without one everything is the machine's.
func TestMachinesClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := clock.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if left := clock.Until(ctx, began.Add(time.Second)); left != time.Second {
			t.Errorf("%s are left of a second", left)
		}
		if err := clock.Sleep(ctx, time.Second); err != nil || time.Since(began) != time.Second {
			t.Errorf("slept for %s, %v", time.Since(began), err)
		}
		if err := clock.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 2*time.Second {
			t.Errorf("slept until %s, %v", time.Since(began), err)
		}
		if j := clock.Jitter(ctx, time.Second); j < 0 || j >= time.Second {
			t.Errorf("a jitter of %s below a second", j)
		}
	})
}
