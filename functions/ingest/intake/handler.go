// Package intake is the front door: it takes a delivery from Datadog and answers only after the queue has it.
//
//	method → authenticate → size and type → decode → redact → envelope → send → respond
//
// Trigger: the HTTP API (payload format 2.0). Output: one message in the AlertQueue for every delivery that was
// authenticated, also for one that cannot be read. Failure: our own trouble is always a 503, which Datadog repeats;
// never a 429 or another 4xx, which it never repeats. What can never be used is a 4xx with one sentence that names the
// mend.
//
// The token is looked at before the body, so that whatever an authenticated sender gets wrong leaves a record, and
// nobody else is told anything about his body.
package intake

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/redact"
	"github.com/alertbridge/alertbridge/shared/secret"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// Limits of the front door.
const (
	// MaxBody bounds a delivery's body, in bytes. The longest that was ever captured has under 5 kB.
	MaxBody = 256 << 10
	// Deadline is how long a delivery may take from the first step to the answer. Datadog gives up after 15 s.
	Deadline = 8 * time.Second
)

// Handler takes deliveries. All fields are needed.
type Handler struct {
	Queue     queue.Sender
	QueueName string
	Tokens    Tokens
	Now       func() time.Time
	Log       *slog.Logger
	Metrics   *telemetry.Recorder
}

// Tokens is where the values are kept that a caller may present. Both methods may return values and an error together:
// these are known, another could not be read.
type Tokens interface {
	Accepted(ctx context.Context) ([]secret.Version, error)
	// RefreshAccepted reads them again, but not more often than the store allows, whoever asks. false: nothing new.
	RefreshAccepted(ctx context.Context) ([]secret.Version, bool, error)
}

// Handle takes one delivery. Its error is always nil: whatever happens has an answer.
func (h *Handler) Handle(ctx context.Context, req events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	ctx, cancel := clock.WithTimeout(ctx, Deadline)
	defer cancel()
	d := h.take(ctx, req)
	h.record(ctx, d)
	return d.response(), nil
}

// delivery is one request on its way through the front door, with what became of it.
type delivery struct {
	id       string       // of the delivery, as answered; "" before it has one
	alert    *alert.Alert // nil when it could not be read
	bytes    int
	received time.Time
	redactor *redact.Redactor // nil before it was authenticated
	status   int
	reason   reason // "" when it was accepted
	says     string // the sentence in the answer
	cause    error  // our own trouble, for the log alone
}

// take goes through the steps in order; the first that fails decides the answer.
func (h *Handler) take(ctx context.Context, req events.APIGatewayV2HTTPRequest) delivery {
	d := delivery{received: h.Now().UTC().Truncate(time.Millisecond)}
	if m := req.RequestContext.HTTP.Method; m != http.MethodPost {
		return d.refuse(http.StatusMethodNotAllowed, wrongMethod, "Send the alert with POST.")
	}
	if !h.authenticate(ctx, &d, req.Headers) {
		return d
	}
	env := d.read(req)
	if err := h.send(ctx, env); err != nil {
		return d.trouble(queueUnavailable, "The alert could not be queued; send it again.", err)
	}
	d.id = env.Delivery
	if d.status == 0 {
		d.status = http.StatusAccepted
	}
	return d
}

// send puts the envelope into the queue, with the trace's context beside it.
func (h *Handler) send(ctx context.Context, env queue.Envelope) error {
	ctx, span := telemetry.StartSend(ctx, h.QueueName)
	attributes := map[string]string{}
	if c := telemetry.Carrier(ctx); c != "" {
		attributes[telemetry.TraceAttribute] = c
	}
	err := h.Queue.Send(ctx, env, attributes)
	span.End(err)
	return err
}
