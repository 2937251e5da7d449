package functions_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/alert"
	virtual "github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// unhurried is a clock whose jitter is the longest that was asked for.
type unhurried struct {
	now   time.Time
	slept []time.Duration
}

func (u *unhurried) Now() time.Time { return u.now }

func (u *unhurried) Sleep(ctx context.Context, d time.Duration) error {
	u.slept = append(u.slept, d)
	u.now = u.now.Add(d)
	return ctx.Err()
}

func (u *unhurried) Jitter(longest time.Duration) time.Duration { return longest }

// TestWhoLosesRacesPausesLess: in a storm the same record is wanted by ten dispatchers at once. The longer a message has
// tried, the shorter it pauses, so that it wins against those that have come after it: a critical one must not lose for
// seconds.
func TestWhoLosesRacesPausesLess(t *testing.T) {
	b := newBridge(t)
	for range 14 {
		b.store.before = append(b.store.before, func(gate.Change) error { return ledger.ErrConflict })
	}
	c := &unhurried{now: time.Now()}
	a := b.alertOf("A", alert.Triggered, critical)
	msg := events.SQSMessage{MessageId: "m", Body: b.body(a)}
	if _, err := b.dispatch.Handle(virtual.With(t.Context(), c), events.SQSEvent{Records: []events.SQSMessage{msg}}); err != nil {
		t.Fatal(err)
	}
	b.want(b.verdict(a), gate.Start, gate.NewIncident)
	var want []time.Duration
	for _, ms := range []int{60, 55, 50, 45, 40, 35, 30, 25, 20, 15, 10, 10, 10, 10} {
		want = append(want, time.Duration(ms)*time.Millisecond)
	}
	if !slices.Equal(c.slept, want) {
		t.Errorf("it paused %v, want %v", c.slept, want)
	}
}
