package virtual

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/plain"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// token is what every delivery presents.
const token = "the-token-of-virtual-time"

type tokens struct{}

// Accepted implements intake.Tokens.
func (tokens) Accepted(context.Context) ([]secret.Version, error) {
	return []secret.Version{{ID: "current", Value: secret.New(token)}}, nil
}

// RefreshAccepted implements intake.Tokens.
func (t tokens) RefreshAccepted(ctx context.Context) ([]secret.Version, bool, error) {
	v, err := t.Accepted(ctx)
	return v, true, err
}

// receive is one request at the front door.
func (b *Bridge) receive(ctx context.Context, i *invocation, body []byte) {
	req := events.APIGatewayV2HTTPRequest{
		Version: "2.0", Body: string(body),
		Headers: map[string]string{"content-type": "application/json", "x-alertbridge-token": token},
	}
	req.RequestContext.HTTP.Method = "POST"
	resp, err := b.ingest.Handle(ctx, req)
	if i.dead || err != nil {
		resp.StatusCode = 0
	}
	if b.o.OnAnswer != nil {
		said, _ := plain.Read(resp.Body).Any().(map[string]any)
		id, _ := said["delivery"].(string)
		b.o.OnAnswer(Answer{At: b.now, Body: body, Status: resp.StatusCode, Delivery: id})
	}
}

// sender is the queue as the front door sees it.
type sender struct{ b *Bridge }

// Send implements queue.Sender.
func (s sender) Send(ctx context.Context, e queue.Envelope, attributes map[string]string) error {
	return s.b.step(ctx, Send, func() error { return s.b.put(ctx, e, attributes) }, nil)
}

func (b *Bridge) put(ctx context.Context, e queue.Envelope, attributes map[string]string) error {
	if err := b.queue.Send(ctx, e, attributes); err != nil {
		return err
	}
	if e.Alert != nil {
		b.alerts[e.Delivery] = e.Alert
		if b.o.OnAlert != nil {
			b.o.OnAlert(*e.Alert)
		}
	}
	after := time.Duration(0)
	if b.o.Delay != nil {
		after = b.o.Delay(b.now)
	}
	b.soon(b.now.Add(after))
	return nil
}

// soon lets the mapping look for messages at a time.
func (b *Bridge) soon(at time.Time) { b.At(at, b.onPoll) }

// poll hands one message to a dispatcher, if there is one to hand out and a dispatcher is free. Whoever ends polls again.
func (b *Bridge) poll() {
	if b.working >= maxConcurrent {
		return
	}
	records := b.queue.Receive(1)
	if len(records) == 0 {
		return
	}
	b.working++
	hidden := b.now.Add(visibility)
	b.begin(Dispatcher, dispatchTime, func(ctx context.Context, i *invocation) {
		resp, err := b.dispatch.Handle(ctx, events.SQSEvent{Records: records})
		b.working--
		if i.dead || err != nil || len(resp.BatchItemFailures) > 0 {
			i.failed = true
			b.soon(hidden)
		} else {
			if !b.queue.Delete(records[0].ReceiptHandle) {
				b.soon(hidden) // it comes again
			}
			if !i.decided {
				b.duplicate(i)
			}
		}
		b.soon(b.now)
	})
}

// duplicate tells of a message that had its verdict already.
func (b *Bridge) duplicate(i *invocation) {
	v := Verdict{Verdict: gate.Join, Reason: gate.Duplicate}
	if i.found != nil {
		v.Record = *i.found
	}
	b.tell(v)
}

func (b *Bridge) tell(v Verdict) {
	if b.o.OnVerdict == nil {
		return
	}
	v.At, v.Alert = b.now, b.alerts[v.Record.ID]
	b.o.OnVerdict(v)
}

// tick is the schedule: so many ticks as Options say, and the next one.
func (b *Bridge) tick() {
	b.At(b.now.Add(b.o.Tick), b.onTick)
	n := 1
	if b.o.Ticks != nil {
		n = b.o.Ticks(b.now)
	}
	if len(b.watch.open) == 0 && len(b.watch.shut) == 0 {
		if len(b.posts) > 0 {
			for range n {
				b.tells()
			}
		}
		return // it would find nothing: no case that it could move on, and no account that it could open
	}
	for range n {
		b.begin(Scheduler, scheduleTime, func(ctx context.Context, i *invocation) {
			_, err := b.schedule.Handle(ctx, struct{}{}) // what it could not do, the next one does
			i.failed = err != nil
			if !i.dead {
				b.At(b.now, b.tells)
			}
		})
	}
}
