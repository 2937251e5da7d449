package memqueue_test

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/queue/memqueue"
)

// A test moves the clock and takes one step at a time: here the handler fails once, and the message comes again when
// its visibility time-out is over.
func ExampleQueue_Step() {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	q := memqueue.New(memqueue.Options{Now: func() time.Time { return now }})
	err := q.Send(context.Background(), queue.Envelope{
		Kind: queue.KindUnreadable, Delivery: "d-1", Received: now,
		Unreadable: queue.NewUnreadable("not_json", "The body is not JSON.", []byte("hello"), []byte("hello"), nil),
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := func(_ context.Context, e events.SQSEvent) (r events.SQSEventResponse, err error) {
		m := e.Records[0]
		if m.Attributes["ApproximateReceiveCount"] == "1" {
			r.BatchItemFailures = []events.SQSBatchItemFailure{{ItemIdentifier: m.MessageId}}
		}
		return r, nil
	}

	for range 2 {
		batch, _ := q.Step(context.Background(), handler)
		visible, hidden, dead := q.Counts()
		fmt.Printf("%d failed; %d visible, %d hidden, %d dead\n", len(batch.Failed), visible, hidden, dead)
		now = now.Add(90 * time.Second)
	}
	// Output:
	// 1 failed; 0 visible, 1 hidden, 0 dead
	// 0 failed; 0 visible, 0 hidden, 0 dead
}
