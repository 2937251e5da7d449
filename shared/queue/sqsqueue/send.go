package sqsqueue

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/alertbridge/alertbridge/shared/queue"
)

// Send implements queue.Sender. It ends within Options.Total.
func (q *Queue) Send(ctx context.Context, e queue.Envelope, attributes map[string]string) error {
	body, err := queue.Encode(e)
	if err != nil {
		return queue.NotSendable(q.name, err)
	}
	if err := queue.Fits(body, attributes); err != nil {
		return queue.NotSendable(q.name, err)
	}
	return q.deliver(ctx, &sqs.SendMessageInput{
		QueueUrl:          aws.String(q.url),
		MessageBody:       aws.String(body),
		MessageAttributes: stringAttributes(attributes),
	})
}

func stringAttributes(attributes map[string]string) map[string]types.MessageAttributeValue {
	if len(attributes) == 0 {
		return nil
	}
	out := make(map[string]types.MessageAttributeValue, len(attributes))
	for name, value := range attributes {
		out[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	return out
}

// deliver tries until the queue has the message, an answer says that trying again is no use, or the time is up.
func (q *Queue) deliver(ctx context.Context, in *sqs.SendMessageInput) error {
	ctx, cancel := context.WithTimeout(ctx, q.limits.Total)
	defer cancel()

	failed := &queue.SendError{Queue: q.name, Fault: queue.Unavailable, Words: "there was no time left to ask it"}
	for failed.Attempts < q.limits.Attempts && q.pause(ctx, failed.Attempts) {
		sent, err := q.attempt(ctx, in)
		if err == nil {
			return nil
		}
		j := judge(err, sent)
		failed.Attempts++
		failed.Fault, failed.Words, failed.Mend, failed.Err = j.fault, j.words, j.mend, j.err
		failed.MayHaveArrived = failed.MayHaveArrived || j.mayHaveArrived
		if j.fault != queue.Unavailable {
			return failed
		}
	}
	failed.Err = errors.Join(failed.Err, ctx.Err())
	return failed
}

// pause waits before every attempt but the first. It answers false when the time is up.
func (q *Queue) pause(ctx context.Context, attempts int) bool {
	if attempts == 0 {
		return ctx.Err() == nil
	}
	longest := q.limits.Pause << (attempts - 1)
	t := time.NewTimer(longest/2 + rand.N(longest/2+1))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// errNoID is an answer of 200 that does not say which message was taken: something else than SQS answered.
var errNoID = errors.New("the answer names no message")

// attempt asks SQS once. sent says that the request had begun to leave, so that it may have arrived whatever followed.
func (q *Queue) attempt(ctx context.Context, in *sqs.SendMessageInput) (sent bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.limits.Attempt)
	defer cancel()
	var wrote atomic.Bool // set by a goroutine of net/http
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }})

	out, err := q.client.SendMessage(ctx, in, func(o *sqs.Options) { o.Retryer = aws.NopRetryer{} })
	switch {
	case err != nil && ctx.Err() != nil && !answered(err):
		// The SDK words a time-out in many ways; that it was one is known here.
		return wrote.Load(), ctx.Err()
	case err != nil:
		return wrote.Load(), err
	case aws.ToString(out.MessageId) == "":
		return true, errNoID
	}
	return true, nil
}
