package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// world is all that is around the functions.
type world struct {
	*resources
	agent   *agenttest.Server
	work    *apitest.Investigations
	said    []json.RawMessage // by the Agent, and not handed out yet
	told    places
	secrets *secrets
}

func (w *world) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /{$}", w.secrets)
	mux.Handle("GET /event/http/{case}", told(w.delivery))
	mux.Handle("GET /event/sqs", told(w.message))
	mux.Handle("GET /event/outcome", told(w.outcome))
	mux.Handle("GET /event/outcome/{case}", told(w.anotherOutcome))
	mux.Handle("GET /fill", told(w.fill))
	mux.Handle("GET /state", told(w.state))
	return mux
}

// told answers a question of the test: with text, with JSON, or with what went wrong.
func told(f func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		switch v := v.(type) {
		case nil:
			http.Error(w, fmt.Sprint(err), http.StatusInternalServerError)
		case string:
			fmt.Fprintln(w, v)
		default:
			answer(w, v)
		}
	})
}

func (w *world) delivery(r *http.Request) (any, error) {
	m, err := events.Load()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(m.HTTP, func(d events.Delivery) bool { return d.Case == r.PathValue("case") })
	if i < 0 {
		return nil, fmt.Errorf("events/ has no delivery %s", r.PathValue("case"))
	}
	e := events.Fresh(m.HTTP[i].Request, time.Now())
	if token := r.FormValue("token"); token != "" {
		for name, value := range e.Headers {
			e.Headers[name] = strings.ReplaceAll(value, events.Token, token)
		}
	}
	return e, nil
}

func (w *world) message(r *http.Request) (any, error) {
	out, err := w.sqs.ReceiveMessage(r.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &w.queueURL, WaitTimeSeconds: 5,
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return nil, err
	}
	if len(out.Messages) == 0 {
		return nil, fmt.Errorf("the queue is empty")
	}
	m := out.Messages[0]
	if _, err := w.sqs.DeleteMessage(r.Context(), &sqs.DeleteMessageInput{QueueUrl: &w.queueURL, ReceiptHandle: m.ReceiptHandle}); err != nil {
		return nil, err
	}
	return lambda.SQSEvent{Records: []lambda.SQSMessage{record(m)}}, nil
}

// record is a message as Lambda hands it on.
func record(m types.Message) lambda.SQSMessage {
	rec := lambda.SQSMessage{
		MessageId: aws.ToString(m.MessageId), ReceiptHandle: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
		Md5OfBody: aws.ToString(m.MD5OfBody), Md5OfMessageAttributes: aws.ToString(m.MD5OfMessageAttributes),
		Attributes: m.Attributes, MessageAttributes: map[string]lambda.SQSMessageAttribute{},
		EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:us-east-1:123456789012:alerts", AWSRegion: "us-east-1",
	}
	for name, a := range m.MessageAttributes {
		rec.MessageAttributes[name] = lambda.SQSMessageAttribute{
			StringValue: a.StringValue, BinaryValue: a.BinaryValue, DataType: aws.ToString(a.DataType),
		}
	}
	return rec
}

// outcome is asked for by one at a time.
func (w *world) outcome(*http.Request) (any, error) {
	if w.said = append(w.said, w.work.Events()...); len(w.said) == 0 {
		return nil, fmt.Errorf("the Agent has said nothing new")
	}
	body := string(w.said[0])
	w.said = w.said[1:]
	return events.Outcomes(body, time.Now()), nil
}

// anotherOutcome is about nothing of ours.
func (w *world) anotherOutcome(r *http.Request) (any, error) {
	m, err := events.Load()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(m.EventBridge, func(o events.Outcome) bool { return o.Case == r.PathValue("case") })
	if i < 0 {
		return nil, fmt.Errorf("events/ has no event %s of the Agent", r.PathValue("case"))
	}
	return events.FreshOutcome(m.EventBridge[i].Event, time.Now()), nil
}

func (w *world) fill(*http.Request) (any, error) {
	w.secrets.put(agentSecret, w.agent.Secret())
	return "filled", nil
}

func (w *world) state(r *http.Request) (any, error) {
	waiting := types.QueueAttributeNameApproximateNumberOfMessages
	q, err := w.sqs.GetQueueAttributes(r.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &w.queueURL, AttributeNames: []types.QueueAttributeName{waiting},
	})
	if err != nil {
		return nil, err
	}
	cases, err := w.cases(r.Context())
	if err != nil {
		return nil, err
	}
	return fmt.Sprintf("queue %s; cases %s; Agent %d requests, %d investigations; %s", q.Attributes[string(waiting)], cases,
		len(w.agent.Requests()), len(w.agent.Investigations()), w.told.state()), nil
}

// cases says in what state each case is, in order, "none" when there is none.
func (w *world) cases(ctx context.Context) (string, error) {
	var all []string
	for _, b := range []gate.Bucket{gate.Queue, gate.Timed, gate.Doubtful, gate.Declined, gate.Closed} {
		found, _, err := w.ledger.List(ctx, gate.DefaultRules().Agent, b, 0, "", time.Now())
		if err != nil {
			return "", err
		}
		for _, c := range found {
			says := string(c.State)
			if c.Why != "" {
				says += "(" + string(c.Why) + ")"
			}
			if how, told := c.Told(); told {
				says += "(" + string(how) + ")"
			}
			all = append(all, says)
		}
	}
	if all == nil {
		return "none", nil
	}
	slices.Sort(all)
	return strings.Join(all, " "), nil
}
