// Package batch takes the messages of an SQS event, for the functions behind a queue. Each message is a piece of work of
// its own: it has its own span and its own record, and what goes wrong with one takes none of the others with it.
//
// A message that must come back is named in the response, which is how SQS gives back a part of a batch (the mapping must
// ask for it: ReportBatchItemFailures). A single one comes back by an error instead, for a partial failure is no error to
// Lambda, and what counts errors would not see it.
package batch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// Work is one message on its way through its handler.
type Work interface {
	// Take does all that there is to do about the message. Its error means that the message must come back. A panic is
	// such an error, so that it is told like any other.
	Take(ctx context.Context, m events.SQSMessage) error
	// Record tells what became of it, once, and tags the span of it. The error is that of Take, or says that the message
	// was not begun: then there was no Take.
	Record(ctx context.Context, span telemetry.Span, err error)
}

// Each takes the messages of an event one after the other, each by a Work that begin makes when its turn comes. A message
// for which less of the invocation is left than it needs at the worst is not begun: it comes back unread, instead of being
// cut off in the middle.
func Each(ctx context.Context, ev events.SQSEvent, needs time.Duration, now func() time.Time, begin func(events.SQSMessage) Work) (events.SQSEventResponse, error) {
	// Lambda takes null for a failure of all.
	resp := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	var failed error
	for _, m := range ev.Records {
		err := one(ctx, m, needs, now, begin)
		if err == nil {
			continue
		}
		failed = errors.Join(failed, err)
		resp.BatchItemFailures = append(resp.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
	}
	if len(ev.Records) == 1 && failed != nil {
		return events.SQSEventResponse{}, failed
	}
	return resp, nil
}

func one(ctx context.Context, m events.SQSMessage, needs time.Duration, now func() time.Time, begin func(events.SQSMessage) Work) error {
	ctx, span := telemetry.StartRecord(ctx, m)
	w := begin(m)
	err := telemetry.Catch(func() error {
		if end, ok := ctx.Deadline(); ok && now().Add(needs).After(end) {
			return fmt.Errorf("message %s was not begun: less than %s of the invocation were left", m.MessageId, needs)
		}
		return w.Take(ctx, m)
	})
	w.Record(ctx, span, err)
	span.End(err)
	return err
}
