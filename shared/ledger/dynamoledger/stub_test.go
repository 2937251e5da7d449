package dynamoledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// stub stands in for DynamoDB at the level of HTTP, below the real SDK with its default options, so that what is
// counted here is what would leave the process. It answers by a script and keeps the requests.
type stub struct {
	t      *testing.T
	script []answer

	mu       sync.Mutex
	requests []request
}

type request struct {
	op   string
	body []byte
}

// answer is one step of the script; the last one is repeated for ever.
type answer func(*http.Request) (*http.Response, error)

func newStub(t *testing.T, script ...answer) (*stub, *Ledger) {
	s := &stub{t: t, script: script}
	client := dynamodb.New(dynamodb.Options{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), HTTPClient: s,
	})
	return s, New(client, "ledger", Options{})
}

func (s *stub) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	s.mu.Lock()
	s.requests = append(s.requests, request{op, body})
	step := s.script[min(len(s.requests), len(s.script))-1]
	s.mu.Unlock()
	return step(r)
}

// count fails the test unless so many requests came.
func (s *stub) count(want int) {
	s.t.Helper()
	if len(s.requests) != want {
		s.t.Errorf("%d requests came, want %d", len(s.requests), want)
	}
}

// token is the request token of a transaction.
func (r request) token(t *testing.T) string {
	t.Helper()
	var in struct{ ClientRequestToken string }
	if err := json.Unmarshal(r.body, &in); err != nil || in.ClientRequestToken == "" {
		t.Fatalf("a transaction without a token: %v", err)
	}
	return in.ClientRequestToken
}

func says(status int, body string) answer {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
			Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	}
}

func fails(err error) answer {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// hangs never answers.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func ok(*http.Request) (*http.Response, error) { return says(200, "{}")(nil) }

func coded(status int, code string) answer {
	return says(status, fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"as the script says"}`, code))
}

// cancelled answers a transaction with one reason for each action; a reason may carry an item as JSON after a blank.
func cancelled(reasons ...string) answer {
	type reason struct {
		Code string
		Item json.RawMessage `json:",omitempty"`
	}
	var list []reason
	var codes []string
	for _, r := range reasons {
		code, item, _ := strings.Cut(r, " ")
		list = append(list, reason{code, json.RawMessage(item)})
		codes = append(codes, code)
	}
	body, err := json.Marshal(map[string]any{
		"__type":              "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
		"CancellationReasons": list,
		"Message":             "Transaction cancelled, please refer cancellation reasons for specific reasons [" + strings.Join(codes, ", ") + "]",
	})
	if err != nil {
		panic(err)
	}
	return says(400, string(body))
}

func repeat(n int, a answer) []answer {
	var list []answer
	for range n {
		list = append(list, a)
	}
	return list
}

func then(lists ...[]answer) []answer {
	var all []answer
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

var errReset = errors.New("read tcp 127.0.0.1:1->127.0.0.1:2: connection reset by peer")

func sameRequests(t *testing.T, list []request) {
	t.Helper()
	for i, r := range list[1:] {
		if !bytes.Equal(r.body, list[0].body) {
			t.Errorf("attempt %d is another request:\n%s\nthan the first:\n%s", i+2, r.body, list[0].body)
		}
	}
}
