package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/queue/queuetest"
	"github.com/alertbridge/alertbridge/shared/queue/sqsqueue/sqstest"
)

const address = "https://sqs.eu-west-1.amazonaws.com/123456789012/alerts"

func TestNewWantsAnAddress(t *testing.T) {
	for _, row := range []struct {
		address string
		ok      bool
	}{
		{address, true},
		{"http://127.0.0.1:9324/000000000000/alerts", true},
		{"", false},
		{"AlertQueue", false}, // a resource's name that nothing has replaced
		{"arn:aws:sqs:eu-west-1:123456789012:alerts", false},
		{"https://sqs.eu-west-1.amazonaws.com", false},
		{"https://sqs.eu-west-1.amazonaws.com/", false},
		{"://", false},
	} {
		q, err := New(api(nil), row.address, Options{})
		if (err == nil) != row.ok || (q != nil) != row.ok {
			t.Errorf("New(%q) = %v, %v", row.address, q, err)
		}
		if err != nil && !strings.Contains(err.Error(), "set it to the URL of the alert queue") {
			t.Errorf("%v does not say what to do", err)
		}
	}
}

// quick is for tests that wait in real time.
var quick = Options{Pause: time.Millisecond}

// api is a client that does what a test wants.
type api func(context.Context, *sqs.SendMessageInput) (*sqs.SendMessageOutput, error)

func (f api) SendMessage(ctx context.Context, in *sqs.SendMessageInput, o ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	return f(ctx, in)
}

func newQueue(t *testing.T, client API, o Options) *Queue {
	t.Helper()
	q, err := New(client, address, o)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestWhatIsAsked(t *testing.T) {
	var got *sqs.SendMessageInput
	q := newQueue(t, api(func(_ context.Context, in *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
		got = in
		return &sqs.SendMessageOutput{MessageId: aws.String("1")}, nil
	}), Options{})
	e := queuetest.Alert("d", "text")
	body, err := queue.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Send(t.Context(), e, map[string]string{"_datadog": "{}"}); err != nil {
		t.Fatal(err)
	}
	want := &sqs.SendMessageInput{
		QueueUrl: aws.String(address), MessageBody: aws.String(body),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"_datadog": {DataType: aws.String("String"), StringValue: aws.String("{}")},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("asked %+v, want %+v", got, want)
	}
	if err := q.Send(t.Context(), e, nil); err != nil || got.MessageAttributes != nil {
		t.Errorf("without attributes: %v, %v", err, got.MessageAttributes)
	}
}

func TestTimeLimits(t *testing.T) {
	hang := func(ctx context.Context, _ *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
		<-ctx.Done()
		return nil, fmt.Errorf("operation error SQS: SendMessage, %w", ctx.Err())
	}
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		q := newQueue(t, api(func(ctx context.Context, in *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
			calls++
			return hang(ctx, in)
		}), Options{})

		begin := time.Now()
		err := q.Send(t.Context(), queuetest.Alert("d", "text"), nil)
		took := time.Since(begin)
		var failed *queue.SendError
		if !errors.As(err, &failed) || failed.Fault != queue.Unavailable || failed.Attempts != 3 || calls != 3 {
			t.Errorf("Send = %+v after %d calls, want it unavailable after 3", failed, calls)
		}
		// Two attempts of 2 s, two pauses, and what is left of 6 s for the third.
		if took != 6*time.Second {
			t.Errorf("it took %v, want 6s", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v does not lead to the deadline", err)
		}

		calls, begin = 0, time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if err := q.Send(ctx, queuetest.Alert("d", "text"), nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Send = %v", err)
		}
		if took := time.Since(begin); took != 500*time.Millisecond || calls != 1 {
			t.Errorf("with 500ms to go it took %v and %d calls", took, calls)
		}
	})
}

func TestRetries(t *testing.T) {
	down := errors.New("connection reset")
	for _, row := range []struct {
		why   string
		fails int // how many attempts fail before one succeeds
		ok    bool
		calls int
	}{
		{"at once", 0, true, 1},
		{"the second time", 1, true, 2},
		{"the third time", 2, true, 3},
		{"never", 3, false, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			var pauses []time.Duration
			last := time.Now()
			q := newQueue(t, api(func(context.Context, *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
				calls++
				pauses, last = append(pauses, time.Since(last)), time.Now()
				if calls <= row.fails {
					return nil, &net.OpError{Op: "dial", Err: down}
				}
				return &sqs.SendMessageOutput{MessageId: aws.String("1")}, nil
			}), Options{})
			err := q.Send(t.Context(), queuetest.Alert("d", "text"), nil)
			if (err == nil) != row.ok || calls != row.calls {
				t.Errorf("%s: Send = %v after %d calls, want %d", row.why, err, calls, row.calls)
			}
			for i, between := range [][2]time.Duration{{0, 0}, {100, 200}, {200, 400}} {
				if i < len(pauses) && (pauses[i] < between[0]*time.Millisecond || pauses[i] > between[1]*time.Millisecond) {
					t.Errorf("%s: pause %d was %v, want %d to %d ms", row.why, i, pauses[i], between[0], between[1])
				}
			}
		})
	}
}

// TestAnswers lets the SDK's own client read answers from a real socket: what SQS answers, and what else may answer.
func TestAnswers(t *testing.T) {
	json := func(status int, kind, message string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"__type":%q,"message":%q}`, kind, message)
		}
	}
	legacy := func(code string, next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Amzn-Query-Error", code+";Sender")
			next(w, r)
		}
	}
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	hijack := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		c, _, _ := http.NewResponseController(w).Hijack()
		c.Close()
	}
	for _, row := range []struct {
		why      string
		answer   http.HandlerFunc
		fault    queue.Fault
		attempts int
		mayBe    bool
		words    string
		mend     string
	}{
		{
			"no such queue", json(400, "com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist."),
			queue.Misconfigured, 1, false, "SQS answered 400 QueueDoesNotExist", mendAddress,
		},
		{
			"no such queue, with the code of old", legacy("AWS.SimpleQueueService.NonExistentQueue", json(400, "com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.")),
			queue.Misconfigured, 1, false, "SQS answered 400 AWS.SimpleQueueService.NonExistentQueue", mendAddress,
		},
		{
			"not allowed", json(400, "com.amazon.coral.service#AccessDeniedException", "User: arn:aws:sts::123456789012:assumed-role/ingest is not authorized to perform: sqs:sendmessage"),
			queue.Misconfigured, 1, false, "SQS answered 400 AccessDenied: User: arn:aws:sts::123456789012:assumed-role/ingest is not authorized to perform: sqs:sendmessage", mendPermission,
		},
		{"the key is disabled", json(400, "com.amazonaws.sqs#KmsDisabled", "key"), queue.Misconfigured, 1, false, "SQS answered 400 KmsDisabled", mendKey},
		{"a FIFO queue", json(400, "com.amazon.coral.service#MissingParameter", "The request must contain the parameter MessageGroupId."), queue.Misconfigured, 1, false, "SQS answered 400 MissingParameter", mendStandard},
		{"bad credentials", json(403, "com.amazon.coral.service#UnrecognizedClientException", "The security token included in the request is invalid"), queue.Misconfigured, 1, false, "SQS answered 403 UnrecognizedClient", mendCredentials},
		{"not there, says a proxy", text(404, "not found"), queue.Misconfigured, 1, false, "SQS answered 404", mendAddress},
		{"somewhere else", text(301, ""), queue.Misconfigured, 1, false, "SQS answered 301", mendCredentials},
		{"a client error nobody knows", json(418, "Teapot", "short and stout"), queue.Misconfigured, 1, false, "SQS answered 418 Teapot", mendCredentials},

		{"characters that are not allowed", json(400, "com.amazonaws.sqs#InvalidMessageContents", "Invalid characters"), queue.Refused, 1, false, "SQS answered 400 InvalidMessageContents", mendReport},
		{"too large", json(400, "com.amazon.coral.service#InvalidParameterValueException", "One or more parameters are invalid. Reason: Message must be shorter than 262144 bytes."), queue.Refused, 1, false, "SQS answered 400 InvalidParameterValue", mendReport},
		{"too large for a proxy", text(413, "too large"), queue.Refused, 1, false, "SQS answered 413", mendReport},

		{"throttled", json(400, "com.amazonaws.sqs#RequestThrottled", "slow down"), queue.Unavailable, 3, false, "SQS answered 400 RequestThrottled", ""},
		{"throttled otherwise", json(400, "com.amazon.coral.availability#ThrottlingException", "Rate exceeded"), queue.Unavailable, 3, false, "SQS answered 400 Throttling", ""},
		{"the key is throttled", json(400, "com.amazonaws.sqs#KmsThrottled", "key"), queue.Unavailable, 3, false, "SQS answered 400 KmsThrottled", ""},
		{"429", text(429, ""), queue.Unavailable, 3, false, "SQS answered 429", ""},
		{"500", json(500, "com.amazon.coral.service#InternalFailure", "oops"), queue.Unavailable, 3, true, "SQS answered 500 InternalFailure", ""},
		{"408", text(408, ""), queue.Unavailable, 3, true, "SQS answered 408", ""},
		{"503 of a load balancer", text(503, "<html>busy</html>"), queue.Unavailable, 3, true, "SQS answered 503", ""},

		{"no message id", json(200, "", ""), queue.Unavailable, 3, true, "no usable answer: the answer names no message", ""},
		{"closed after reading", hijack, queue.Unavailable, 3, true, "no usable answer: EOF", ""},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				row.answer(w, r)
			}))
			defer server.Close()
			err := newQueue(t, sqstest.Client(server.URL), quick).Send(t.Context(), queuetest.Alert("d", "text"), nil)
			var failed *queue.SendError
			if !errors.As(err, &failed) {
				t.Fatalf("Send = %v, want a SendError", err)
			}
			got := *failed
			got.Err = nil
			want := queue.SendError{Queue: "alerts", Fault: row.fault, Attempts: row.attempts, MayHaveArrived: row.mayBe, Words: row.words, Mend: row.mend}
			if got != want {
				t.Errorf("failed with\n%+v\nwant\n%+v", got, want)
			}
			if int(asked.Load()) != row.attempts {
				t.Errorf("%d requests for %d attempts: somebody else repeats them too", asked.Load(), row.attempts)
			}
		})
	}
}

func TestUnusableAnswerMayHaveArrived(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<html>a captive portal</html>")
	}))
	defer server.Close()
	var failed *queue.SendError
	err := newQueue(t, sqstest.Client(server.URL), quick).Send(t.Context(), queuetest.Alert("d", "text"), nil)
	if !errors.As(err, &failed) || failed.Fault != queue.Unavailable || !failed.MayHaveArrived || failed.Attempts != 3 {
		t.Errorf("Send = %+v, want it unavailable and perhaps arrived", failed)
	}
}

func TestNoConnection(t *testing.T) {
	var failed *queue.SendError
	err := newQueue(t, sqstest.Client(unreachable(t)), quick).Send(t.Context(), queuetest.Alert("d", "text"), nil)
	if !errors.As(err, &failed) || failed.Fault != queue.Unavailable || failed.MayHaveArrived || failed.Attempts != 3 {
		t.Fatalf("Send = %+v, want it unavailable and not arrived", failed)
	}
	if !strings.HasPrefix(failed.Words, "no connection: dial tcp 127.0.0.1:") || !strings.HasSuffix(failed.Words, "connect: connection refused") {
		t.Errorf("words %q", failed.Words)
	}
}

func TestNoCredentials(t *testing.T) {
	client := sqs.New(sqs.Options{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, &credentials.StaticCredentialsEmptyError{}
	})})
	var failed *queue.SendError
	err := newQueue(t, client, Options{}).Send(t.Context(), queuetest.Alert("d", "text"), nil)
	if !errors.As(err, &failed) || failed.Fault != queue.Misconfigured || failed.MayHaveArrived || failed.Attempts != 1 {
		t.Fatalf("Send = %+v, want it misconfigured", failed)
	}
	if want := "the request could not be made: get identity: get credentials: static credentials are empty"; failed.Words != want {
		t.Errorf("words %q, want %q", failed.Words, want)
	}
}

// SQS explains a wrong signature by quoting the request that it expected, session token and all.
func TestNoSecretTravels(t *testing.T) {
	const token = "IQoJb3JpZ2luX2VjEXAMPLETOKEN"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(403)
		fmt.Fprintf(w, `{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"The Canonical String should have been 'POST\n/\n\nx-amz-security-token:%s'"}`, token)
	}))
	defer server.Close()
	err := newQueue(t, sqstest.Client(server.URL), quick).Send(t.Context(), queuetest.Alert("d", "text"), nil)
	if err == nil {
		t.Fatal("it was taken")
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if s := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(s, token) {
			t.Errorf("the token is in %s", s)
		}
	}
}

func TestLineIsOneBoundedLine(t *testing.T) {
	if got, want := line("a\r\n\tb\xff"), "a b?"; got != want {
		t.Errorf("line = %q, want %q", got, want)
	}
	if got, want := line(strings.Repeat("あ", 200)), strings.Repeat("あ", 100)+"…"; got != want {
		t.Errorf("line = %q, want %q", got, want)
	}
	if got, want := line("x"+strings.Repeat("あ", 200)), "x"+strings.Repeat("あ", 99)+"…"; got != want {
		t.Errorf("line = %q, want %q", got, want)
	}
}
