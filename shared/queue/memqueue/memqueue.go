// Package memqueue is the alert queue in memory: for `alertbridge run` and for tests. Nothing outlives the process.
//
// It has two ends. At one it is a queue.Sender with the same checks, limits and errors as the one on Amazon SQS, and it
// fails on request, see Trouble. At the other it behaves as a standard queue behind a Lambda event source mapping does:
//
//   - Receive hides what it hands out for the visibility time-out and counts how often it did. A message that has been
//     received MaxReceiveCount times and is visible again goes to the dead letters when the next Receive comes across
//     it, and not before; Redrive brings dead letters back, each with a new id and time, as SQS does.
//   - Step hands one batch to the handler and deletes what the handler has not failed; see Failed for how the answer is
//     read. What is not deleted comes back after the visibility time-out.
//   - Run does the same until its context ends, with at most MaxConcurrency batches in the handler at once.
//
// A test drives it by Step with a clock of its own, or by Run in a testing/synctest bubble. The oldest visible message
// comes first, unless Options.Pick says otherwise: a standard queue promises no order.
package memqueue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/queue"
)

// Options of a queue. The zero value of a field means its default, which is that of template.yaml where it has one.
type Options struct {
	Name              string           // "alerts"
	VisibilityTimeout time.Duration    // 90 s
	MaxReceiveCount   int              // 40
	BatchSize         int              // 1
	MaxConcurrency    int              // 10
	HandlerTimeout    time.Duration    // 30 s; of real time, or of the bubble's, whatever Now says
	SendLimit         time.Duration    // 6 s; after it a send that hangs fails
	Now               func() time.Time // time.Now
	// Pick chooses which of n visible messages, oldest first, is received next, from 0 to n-1; nil takes the oldest.
	Pick func(n int) int
	// Observe is told of every batch that the handler has had; nil tells nobody. Run calls it from several goroutines.
	Observe func(Batch)
}

// Queue is a standard queue with its dead-letter queue. It is safe for concurrent use.
type Queue struct {
	o    Options
	wake chan struct{} // holds one token when there may be something to receive

	mu          sync.Mutex
	made        int // messages made so far, for their ids
	sends       int
	messages    []*message // in the order in which they came
	dead        []*message
	trouble     func(n int) Trouble
	lostDeletes int
}

var _ queue.Sender = (*Queue)(nil)

type message struct {
	id         string
	body       string
	attributes map[string]string
	sent       time.Time
	first      time.Time // when it was received for the first time
	visible    time.Time // from when on it can be received
	receives   int
	receipt    string // of the last receive
}

// New returns an empty queue.
func New(o Options) *Queue {
	o.Name = cmp.Or(o.Name, "alerts")
	o.VisibilityTimeout = cmp.Or(o.VisibilityTimeout, 90*time.Second)
	o.MaxReceiveCount = cmp.Or(o.MaxReceiveCount, 40)
	o.BatchSize = cmp.Or(o.BatchSize, 1)
	o.MaxConcurrency = cmp.Or(o.MaxConcurrency, 10)
	o.HandlerTimeout = cmp.Or(o.HandlerTimeout, 30*time.Second)
	o.SendLimit = cmp.Or(o.SendLimit, 6*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Queue{o: o, wake: make(chan struct{}, 1)}
}

// Send implements queue.Sender. It ends within Options.SendLimit.
func (q *Queue) Send(ctx context.Context, e queue.Envelope, attributes map[string]string) error {
	body, err := queue.Encode(e)
	if err != nil {
		return queue.NotSendable(q.o.Name, err)
	}
	if err := queue.Fits(body, attributes); err != nil {
		return queue.NotSendable(q.o.Name, err)
	}
	ctx, cancel := clock.WithTimeout(ctx, q.o.SendLimit)
	defer cancel()
	if ctx.Err() != nil {
		return &queue.SendError{Queue: q.o.Name, Fault: queue.Unavailable, Words: "there was no time left to ask it", Err: ctx.Err()}
	}
	return q.take(ctx, q.nextTrouble(), body, attributes)
}

// take puts the message in, with the trouble that a test has asked for.
func (q *Queue) take(ctx context.Context, tr Trouble, body string, attributes map[string]string) error {
	if tr.Taken {
		q.Put(body, attributes)
	}
	if !tr.wait(ctx) {
		words := "no answer in time"
		if errors.Is(ctx.Err(), context.Canceled) {
			words = "the caller gave up waiting"
		}
		return &queue.SendError{
			Queue: q.o.Name, Fault: queue.Unavailable, Attempts: 1, MayHaveArrived: true, Words: words, Err: ctx.Err(),
		}
	}
	if tr.Fault != "" {
		return &queue.SendError{
			Queue: q.o.Name, Fault: tr.Fault, Attempts: 1, MayHaveArrived: tr.Taken,
			Words: "this trouble was asked for", Err: errTrouble,
		}
	}
	if !tr.Taken {
		q.Put(body, attributes)
	}
	return nil
}

// Put puts any body in, an envelope or not, without a check and without trouble, and returns the message's id.
func (q *Queue) Put(body string, attributes map[string]string) (id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := &message{body: body, attributes: maps.Clone(attributes)}
	q.add(m)
	return m.id
}

// add makes the message a new one of this queue, visible now.
func (q *Queue) add(m *message) {
	q.made++
	m.id = fmt.Sprintf("00000000-0000-4000-8000-%012x", q.made)
	m.sent = q.o.Now()
	m.visible, m.first, m.receives, m.receipt = m.sent, time.Time{}, 0, ""
	q.messages = append(q.messages, m)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
