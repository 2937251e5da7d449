// Package sqstest gives tests a queue with its dead-letter queue on a real engine that speaks SQS, and the other end of
// it: what the event source mapping does for a function.
//
// The engine is the one whose address is in ALERTBRIDGE_SQS_ENDPOINT; `make engines` starts one and sets it. Without the
// variable a test is skipped.
package sqstest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// EndpointVariable names the environment variable with the engine's address.
const EndpointVariable = "ALERTBRIDGE_SQS_ENDPOINT"

// Region is where the engine claims to be.
const Region = "us-east-1"

// Endpoint is the engine's address. Without one it skips the test.
func Endpoint(t testing.TB) string {
	t.Helper()
	endpoint := os.Getenv(EndpointVariable)
	if endpoint == "" {
		t.Skipf("%s is not set: run this on a real engine with `make engines`", EndpointVariable)
	}
	return endpoint
}

// Client returns an SDK client of whatever listens at the endpoint, with credentials that mean nothing.
func Client(endpoint string) *sqs.Client {
	return sqs.New(sqs.Options{
		Region:       Region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:   awshttp.NewBuildableClient(),
	})
}

// Queue is a standard queue with its dead-letter queue.
type Queue struct {
	Client            *sqs.Client
	URL, DeadURL, ARN string
}

// Create makes a new queue on the engine, or skips the test when there is none. The test's end deletes it.
func Create(t testing.TB, visibility time.Duration, maxReceiveCount int) *Queue {
	t.Helper()
	q := &Queue{Client: Client(Endpoint(t))}
	name := "alerts-" + rand.Text()[:12]
	q.DeadURL = q.create(t, name+"-dead", nil)
	q.URL = q.create(t, name, map[string]string{
		"VisibilityTimeout": fmt.Sprint(int(visibility.Seconds())),
		"RedrivePolicy":     fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, q.arn(t, q.DeadURL), maxReceiveCount),
	})
	q.ARN = q.arn(t, q.URL)
	return q
}

func (q *Queue) create(t testing.TB, name string, attributes map[string]string) (url string) {
	t.Helper()
	out, err := q.Client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatalf("queue %s on %s: %v", name, os.Getenv(EndpointVariable), err)
	}
	t.Cleanup(func() {
		_, err := q.Client.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl})
		if err != nil {
			t.Errorf("queue %s: %v", name, err)
		}
	})
	return *out.QueueUrl
}

func (q *Queue) arn(t testing.TB, url string) string {
	t.Helper()
	out, err := q.Client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes["QueueArn"]
}

// Receive hands out up to most messages, at most 10, as the records of a function's event. It waits for none.
func (q *Queue) Receive(ctx context.Context, most int) ([]events.SQSMessage, error) {
	return q.receive(ctx, q.URL, most)
}

// DeadLetters hands out up to 10 messages of the dead-letter queue.
func (q *Queue) DeadLetters(ctx context.Context) ([]events.SQSMessage, error) {
	return q.receive(ctx, q.DeadURL, 10)
}

func (q *Queue) receive(ctx context.Context, url string, most int) ([]events.SQSMessage, error) {
	out, err := q.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: int32(most),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return nil, err
	}
	var records []events.SQSMessage
	for _, m := range out.Messages {
		records = append(records, q.record(m))
	}
	return records, nil
}

// record is the message as Lambda shows it to the handler.
func (q *Queue) record(m types.Message) events.SQSMessage {
	r := events.SQSMessage{
		MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body, Md5OfBody: aws.ToString(m.MD5OfBody),
		EventSource: "aws:sqs", EventSourceARN: q.ARN, AWSRegion: Region,
		Attributes: m.Attributes, MessageAttributes: map[string]events.SQSMessageAttribute{},
	}
	for name, a := range m.MessageAttributes {
		r.MessageAttributes[name] = events.SQSMessageAttribute{
			StringValue: a.StringValue, BinaryValue: a.BinaryValue, DataType: aws.ToString(a.DataType),
			StringListValues: []string{}, BinaryListValues: [][]byte{},
		}
	}
	return r
}

// Delete removes the message that was received with this receipt handle.
func (q *Queue) Delete(ctx context.Context, receiptHandle string) error {
	_, err := q.Client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.URL, ReceiptHandle: &receiptHandle})
	return err
}

// Show makes the message that was received with this receipt handle visible again at once. A message that is gone is
// none to show.
func (q *Queue) Show(ctx context.Context, receiptHandle string) error {
	_, err := q.Client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &q.URL, ReceiptHandle: &receiptHandle, VisibilityTimeout: 0,
	})
	var gone *types.ReceiptHandleIsInvalid
	var shown *types.MessageNotInflight
	if errors.As(err, &gone) || errors.As(err, &shown) {
		return nil
	}
	return err
}
