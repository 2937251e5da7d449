package events_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/shared/goldentest"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/secret"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// recipes say of which deliveries the messages of each event of sqs are made, and what is done to them.
var recipes = map[string][]recipe{
	"alert":              {{of: "triggered-p1"}},
	"recovery":           {{of: "recovered"}},
	"test-notification":  {{of: "test-notification"}},
	"unreadable":         {{of: "not-json"}},
	"traced":             {{of: "triggered-p2-logs", change: traced}},
	"without-attributes": {{of: "triggered-p1", change: bare}},
	"mixed-batch": {
		{of: "triggered-p1"},
		{of: "triggered-p1", change: garbage},
		{of: "warn"},
		{of: "not-json"},
		{of: "triggered-p1", change: twin},
	},
	"unknown-version": {{of: "triggered-p1", change: newer}},
	"garbage":         {{of: "triggered-p1", change: garbage}},
}

type recipe struct {
	of     string
	change func(*lambda.SQSMessage)
}

// What ingest sends is what dispatcher reads, so the files of sqs are never written by hand. After a change of the
// envelope or of the decoder: go test ./events -run TestBatches -update
func TestBatchesAreMadeOfDeliveries(t *testing.T) {
	m := load(t)
	for _, b := range m.SQS {
		recipe, there := recipes[b.Case]
		if !there {
			t.Errorf("sqs/%s.json has no recipe in batch_test.go", b.Case)
			continue
		}
		var event lambda.SQSEvent
		for _, r := range recipe {
			event.Records = append(event.Records, r.message(t, m))
		}
		goldentest.Check(t, "sqs/"+b.Case+".json", string(indented(t, event)))
	}
	if len(recipes) != len(m.SQS) {
		t.Errorf("%d recipes for %d events of sqs", len(recipes), len(m.SQS))
	}
}

// message is what the event source mapping shows of the message that ingest sends for the delivery.
func (r recipe) message(t *testing.T, m events.Manifest) lambda.SQSMessage {
	t.Helper()
	d := find(t, m, r.of)
	at := time.UnixMilli(d.Request.RequestContext.TimeEpoch)
	sent := &sent{}
	door := &intake.Handler{
		Queue: sent, QueueName: "alertbridge-alerts", Tokens: tokens{}, Now: func() time.Time { return at },
		Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewRecorder(telemetry.Config{Out: io.Discard}),
	}
	if _, err := door.Handle(t.Context(), d.Request); err != nil || sent.body == "" {
		t.Fatalf("ingest sends nothing for http/%s.json: %v", d.Case, err)
	}
	id := sha256.Sum256([]byte(d.Request.RequestContext.RequestID))
	msg := lambda.SQSMessage{
		MessageId:     uuid(id),
		ReceiptHandle: "AQEB" + hex.EncodeToString(id[:]),
		Body:          sent.body,
		Attributes: map[string]string{
			"ApproximateReceiveCount":          "1",
			"SentTimestamp":                    fmt.Sprint(at.UnixMilli() + 12),
			"SenderId":                         "AROAEXAMPLEEXAMPLE000:alertbridge-ingest",
			"ApproximateFirstReceiveTimestamp": fmt.Sprint(at.UnixMilli() + 31),
		},
		MessageAttributes: map[string]lambda.SQSMessageAttribute{},
		EventSource:       "aws:sqs",
		EventSourceARN:    "arn:aws:sqs:eu-central-1:123456789012:alertbridge-alerts",
		AWSRegion:         "eu-central-1",
	}
	if r.change != nil {
		r.change(&msg)
	}
	sum := md5.Sum([]byte(msg.Body)) // not for security: SQS describes a body so
	msg.Md5OfBody = hex.EncodeToString(sum[:])
	return msg
}

// uuid makes an id of a message out of what tells it from others.
func uuid(of [32]byte) string {
	of[6], of[8] = of[6]&0x0f|0x40, of[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", of[:4], of[4:6], of[6:8], of[8:10], of[10:16])
}

func traced(m *lambda.SQSMessage) {
	carrier := `{"x-datadog-trace-id":"5463872910456273918","x-datadog-parent-id":"3917264510982736455",` +
		`"x-datadog-sampling-priority":"1","x-datadog-tags":"_dd.p.dm=-1,_dd.p.tid=6ac3679500000000",` +
		`"traceparent":"00-6ac36795000000004bd39b5a8f8e03fe-365cf2a1d0b8fc07-01","tracestate":"dd=s:1;p:365cf2a1d0b8fc07;t.dm:-1"}`
	m.MessageAttributes[telemetry.TraceAttribute] = lambda.SQSMessageAttribute{
		StringValue: &carrier, DataType: "String", StringListValues: []string{}, BinaryListValues: [][]byte{},
	}
}

func bare(m *lambda.SQSMessage) {
	m.Attributes, m.MessageAttributes = nil, nil
}

func garbage(m *lambda.SQSMessage) {
	m.MessageId = "0" + m.MessageId[1:]
	m.Body = "hello, is anybody there?"
}

func newer(m *lambda.SQSMessage) {
	m.Body = strings.Replace(m.Body, `{"v":1,`, `{"v":2,`, 1)
}

// twin is the same message under another id: a standard queue may deliver it twice, and a sender may send it twice.
func twin(m *lambda.SQSMessage) {
	m.MessageId = "f" + m.MessageId[1:]
}

// sent keeps what was sent last.
type sent struct{ body string }

func (s *sent) Send(_ context.Context, e queue.Envelope, _ map[string]string) (err error) {
	s.body, err = queue.Encode(e)
	return err
}

// tokens are those of the corpus.
type tokens struct{}

func (tokens) Accepted(context.Context) ([]secret.Version, error) {
	return []secret.Version{
		{ID: "current", Value: secret.New(events.Token)},
		{ID: "previous", Value: secret.New(events.PreviousToken)},
	}, nil
}

func (t tokens) RefreshAccepted(ctx context.Context) ([]secret.Version, bool, error) {
	v, err := t.Accepted(ctx)
	return v, true, err
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func load(t *testing.T) events.Manifest {
	t.Helper()
	m, err := events.Load()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func find(t *testing.T, m events.Manifest, name string) events.Delivery {
	t.Helper()
	for _, d := range m.HTTP {
		if d.Case == name {
			return d
		}
	}
	t.Fatalf("there is no http/%s.json", name)
	return events.Delivery{}
}
