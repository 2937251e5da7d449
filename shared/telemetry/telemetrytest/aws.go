package telemetrytest

import (
	"crypto/md5"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// QueueURL is the AlertQueue's for a function that is to send to AWS.
const QueueURL = "https://sqs.eu-central-1.amazonaws.com/123456789012/alerts"

// AWS answers for SQS and Secrets Manager, and passes requests for DynamoDB on. Its URL is for AWS_ENDPOINT_URL.
type AWS struct {
	URL string

	t      testing.TB
	engine http.Handler // nil: there is no DynamoDB

	mu      sync.Mutex
	queue   []events.SQSMessage
	sent    int
	secrets map[string][]string // by id, every value it had
}

// NewAWS starts an AWS, for the time of the test. engine is the address of a DynamoDB engine, or "".
func NewAWS(t testing.TB, engine string) *AWS {
	t.Helper()
	a := &AWS{t: t, secrets: map[string][]string{}}
	if engine != "" {
		to, err := url.Parse(engine)
		if err != nil {
			t.Fatal(err)
		}
		a.engine = httputil.NewSingleHostReverseProxy(to)
	}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	a.URL = srv.URL
	return a
}

// SetSecret gives a secret a new value.
func (a *AWS) SetSecret(id, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets[id] = append(a.secrets[id], value)
}

// Take empties the queue, into an event as Lambda's poller makes it.
func (a *AWS) Take() events.SQSEvent {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := events.SQSEvent{Records: a.queue}
	a.queue = nil
	return e
}

// ServeHTTP speaks the AWS JSON protocols: the header X-Amz-Target says what is wanted of whom.
func (a *AWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch {
	case service == "AmazonSQS" && operation == "SendMessage":
		a.sendMessage(w, r)
	case service == "secretsmanager" && operation == "GetSecretValue":
		a.getSecretValue(w, r)
	case strings.HasPrefix(service, "DynamoDB") && a.engine != nil:
		a.engine.ServeHTTP(w, r)
	default:
		a.t.Errorf("nobody stands in for %s %s", r.URL, r.Header.Get("X-Amz-Target"))
		answer(w, http.StatusBadRequest, map[string]string{"__type": "InvalidAction"})
	}
}

func (a *AWS) sendMessage(w http.ResponseWriter, r *http.Request) {
	var in struct {
		MessageBody       string
		MessageAttributes map[string]struct{ DataType, StringValue string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		a.t.Errorf("SendMessage: %v", err)
	}
	attributes := map[string]events.SQSMessageAttribute{}
	for name, v := range in.MessageAttributes {
		attributes[name] = events.SQSMessageAttribute{
			DataType: v.DataType, StringValue: &v.StringValue, StringListValues: []string{}, BinaryListValues: [][]byte{},
		}
	}
	sum := fmt.Sprintf("%x", md5.Sum([]byte(in.MessageBody)))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent++
	id := fmt.Sprintf("message-%d", a.sent)
	a.queue = append(a.queue, events.SQSMessage{
		MessageId: id, ReceiptHandle: "handle", Body: in.MessageBody, Md5OfBody: sum, MessageAttributes: attributes,
		Attributes: map[string]string{
			"SentTimestamp": fmt.Sprint(time.Now().UnixMilli()), "ApproximateReceiveCount": "1",
		},
		EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:eu-central-1:123456789012:alerts", AWSRegion: "eu-central-1",
	})
	answer(w, http.StatusOK, map[string]string{"MessageId": id, "MD5OfMessageBody": sum})
}

func (a *AWS) getSecretValue(w http.ResponseWriter, r *http.Request) {
	var in struct{ SecretId, VersionStage string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		a.t.Errorf("GetSecretValue: %v", err)
	}
	back := 1
	if in.VersionStage == "AWSPREVIOUS" {
		back = 2
	}
	a.mu.Lock()
	values := a.secrets[in.SecretId]
	a.mu.Unlock()
	if len(values) < back {
		answer(w, http.StatusBadRequest, map[string]string{
			"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find the specified secret.",
		})
		return
	}
	i := len(values) - back
	answer(w, http.StatusOK, map[string]any{
		"Name": in.SecretId, "SecretString": values[i], "VersionId": fmt.Sprintf("00000000-0000-4000-8000-%012d", i+1),
		"VersionStages": []string{in.VersionStage},
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a caller that is gone fails by itself
}
