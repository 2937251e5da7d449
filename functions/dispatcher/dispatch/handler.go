// Package dispatch is the life of a message: from the queue to its verdict in the ledger and, where the verdict is a
// start, to the Agent.
//
//	envelope → read the ledger → gate → commit → (start: call the Agent → settle) → acknowledge
//
// Trigger: the AlertQueue, one message at a time by default; the handler is right for any batch. Output: the verdict,
// in the ledger and as one log record. Failure: a message that got no verdict goes back to the queue, and in the end
// to the AlertDeadLetterQueue, which holds only what could not be decided. What becomes of a start is a state
// of its case, never a failure of the message.
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// Handler takes messages from the queue. All fields are needed.
type Handler struct {
	Ledger  ledger.Ledger
	Starter *start.Starter
	Policy  gate.Policy
	Now     func() time.Time
	Log     *slog.Logger
	Metrics *telemetry.Recorder
}

// NeedTime is how much of its invocation a message needs at the worst. A message of a batch for which less is left goes
// back unread.
const NeedTime = start.DecideTime + start.CommitTime + agent.CallDeadline + start.SettleTime

// Handle gives each message its verdict. Of several messages, those without one are named in the response and come
// back alone. A single one comes back by an error, so that what counts errors sees it too.
func (h *Handler) Handle(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
	resp := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	var first error
	for _, m := range ev.Records {
		err := h.message(ctx, m)
		if err == nil {
			continue
		}
		first = errors.Join(first, err)
		resp.BatchItemFailures = append(resp.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
	}
	if len(ev.Records) == 1 && first != nil {
		return events.SQSEventResponse{}, first
	}
	return resp, nil
}

// message is the life of one message. Its error means that it has no verdict and must come back. A panic is such an
// error, so that it is told like any other and costs no other message of the batch.
func (h *Handler) message(ctx context.Context, m events.SQSMessage) error {
	ctx, span := telemetry.StartRecord(ctx, m)
	l := life{Handler: h, began: h.Now(), received: m.Attributes["ApproximateReceiveCount"]}
	err := telemetry.Catch(func() error { return l.take(ctx, m) })
	span.Tag("case", l.decision.Case)
	l.record(ctx, err)
	span.End(err)
	return err
}

// take reads the envelope and leads the message to its verdict.
func (l *life) take(ctx context.Context, m events.SQSMessage) error {
	if end, ok := ctx.Deadline(); ok && l.Now().Add(NeedTime).After(end) {
		return fmt.Errorf("message %s was not begun: less than %s of the invocation were left", m.MessageId, NeedTime)
	}
	env, err := queue.Decode(m.Body)
	if err != nil {
		return fmt.Errorf("message %s cannot be read: %w", m.MessageId, err)
	}
	l.env, l.traceID, l.trace = env, telemetry.TraceID(ctx), telemetry.Carrier(ctx)
	l.decision, l.report, err = l.run(ctx)
	return err
}
