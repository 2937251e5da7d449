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
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/batch"
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

// Handle gives each message its verdict, as package batch says.
func (h *Handler) Handle(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
	return batch.Each(ctx, ev, NeedTime, h.Now, func(m events.SQSMessage) batch.Work {
		return &life{Handler: h, began: h.Now(), received: m.Attributes["ApproximateReceiveCount"]}
	})
}

// Take reads the envelope and leads the message to its verdict. Its error means that there is none.
func (l *life) Take(ctx context.Context, m events.SQSMessage) error {
	env, err := queue.Decode(m.Body)
	if err != nil {
		return fmt.Errorf("message %s cannot be read: %w", m.MessageId, err)
	}
	l.env, l.traceID, l.trace = env, telemetry.TraceID(ctx), telemetry.Carrier(ctx)
	l.decision, l.report, err = l.run(ctx)
	return err
}
