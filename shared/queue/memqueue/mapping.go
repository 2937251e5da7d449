package memqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Handler is a Lambda function behind an event source mapping with ReportBatchItemFailures.
type Handler func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

// Batch is what became of one batch.
type Batch struct {
	Event  events.SQSEvent
	Failed []string // ids of the messages that stay in the queue and come again
	Whole  string   // why all of them do; "" when the handler named those that failed, if any
}

// Step receives one batch, hands it to the handler, and deletes what has not failed. It answers false, and does not
// call the handler, when no message is visible.
func (q *Queue) Step(ctx context.Context, h Handler) (Batch, bool) {
	records := q.Receive(q.o.BatchSize)
	if len(records) == 0 {
		return Batch{}, false
	}
	return q.hand(ctx, h, records), true
}

// Run does what Step does, again and again, with up to Options.MaxConcurrency batches at a time, until ctx ends, and
// returns when the last handler has. The handlers' contexts end with ctx.
func (q *Queue) Run(ctx context.Context, h Handler) {
	var handlers sync.WaitGroup
	defer handlers.Wait()
	free := make(chan struct{}, q.o.MaxConcurrency)
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		records := q.Receive(q.o.BatchSize)
		if len(records) == 0 {
			<-free
			if !q.waitForMore(ctx) {
				return
			}
			continue
		}
		handlers.Go(func() {
			defer func() { <-free }()
			q.hand(ctx, h, records)
		})
	}
}

// waitForMore returns true when there may be something to receive, and false when ctx has ended.
func (q *Queue) waitForMore(ctx context.Context) bool {
	var again <-chan time.Time // never, until there is a hidden message
	if wait, ok := q.untilVisible(); ok {
		// A clock that a test moves does not move timers, so look at it once a second at least.
		timer := time.NewTimer(min(wait, time.Second))
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-q.wake:
		return true
	case <-again:
		return true
	case <-ctx.Done():
		return false
	}
}

// untilVisible says how long it is until the next hidden message becomes visible; false when there is none.
func (q *Queue) untilVisible() (time.Duration, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.messages) == 0 {
		return 0, false
	}
	next := slices.MinFunc(q.messages, func(a, b *message) int { return a.visible.Compare(b.visible) })
	return max(next.visible.Sub(q.o.Now()), 0), true
}

func (q *Queue) hand(ctx context.Context, h Handler, records []events.SQSMessage) Batch {
	b := Batch{Event: events.SQSEvent{Records: records}}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.MessageId
	}
	answer, err := q.invoke(ctx, h, b.Event)
	if err != nil {
		b.Failed, b.Whole = ids, err.Error()
	} else {
		b.Failed, b.Whole = Failed(ids, answer)
	}
	for _, r := range records {
		if !slices.Contains(b.Failed, r.MessageId) {
			q.Delete(r.ReceiptHandle)
		}
	}
	if q.o.Observe != nil {
		q.o.Observe(b)
	}
	return b
}

// invoke is one invocation: the answer as JSON, or an error, a panic or a time-out. A handler cannot be killed as Lambda
// kills one, so invoke waits for it to return, and its answer no longer counts when that was too late.
func (q *Queue) invoke(ctx context.Context, h Handler, event events.SQSEvent) (answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.o.HandlerTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, fmt.Errorf("the handler panicked: %v", p)
		}
	}()
	response, err := h(ctx, event)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("the handler was not done when its time was up: %w", ctx.Err())
	case err != nil:
		return nil, fmt.Errorf("the handler failed: %w", err)
	}
	return json.Marshal(response)
}
