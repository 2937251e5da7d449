package functions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/alertbridge/alertbridge/functions/dispatcher/dispatch"
	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/redact/redacttest"
	"github.com/alertbridge/alertbridge/shared/secret"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
	"github.com/alertbridge/alertbridge/shared/telemetry/telemetrytest"
)

// Our own secrets. Only requests hold those of the Agent and of AWS, and only where they must.
const (
	ownToken    = "own-current-ingest-token-4711"
	ownPrevious = "own-previous-ingest-token-4711"
	ownHook     = "own-0a1b2c3d-webhook-4711"
	ownKey      = "own-agent/key+of=this-test-4711"

	ownAWSKey     = "own-secret-access-key-4711"
	ownAWSSession = "own-aws-session-token-4711"
)

func ownSecrets() (all []redacttest.Secret) {
	for _, v := range []string{ownToken, ownPrevious, ownHook, ownKey, ownAWSKey, ownAWSSession} {
		all = append(all, redacttest.Secret{Name: "our own", Text: v, Value: v})
	}
	return all
}

// leaky is a deployment of which everything that it says is kept.
type leaky struct {
	ctx    context.Context
	said   map[string]*output // by where
	spans  func() string
	clock  *clock
	ingest func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)
	take   func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
	tick   func(context.Context, struct{}) (struct{}, error)
	agent  func(*http.Request, string) (*http.Response, error) // what the Agent answers to a body
	sent   []events.SQSMessage
}

// newLeaky makes one. What is given takes the place of the usual queue, tokens or ledger.
func newLeaky(t *testing.T, hmac bool, instead ...any) *leaky {
	t.Helper()
	l := &leaky{clock: &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}, said: map[string]*output{}}
	for _, where := range []string{"log", "queue", "ledger", "items", "Agent", "answer"} {
		l.said[where] = &output{}
	}
	l.ctx, l.spans = telemetrytest.Record(t)
	var alerts queue.Sender = l
	var tokens intake.Tokens = l
	var store ledger.Ledger = tee{memledger.New(), l}
	for _, x := range instead {
		switch x := x.(type) {
		case queue.Sender:
			alerts = x
		case intake.Tokens:
			tokens = x
		case ledger.Ledger:
			store = x
		}
	}
	cfg := telemetry.Config{Function: "test", Stack: "s", Out: l.said["log"], Now: l.clock.Now}
	log, metrics := telemetry.Logger(cfg), telemetry.NewRecorder(cfg)
	l.agent = func(*http.Request, string) (*http.Response, error) {
		return reply(200, `{"message":"Webhook received"}`), nil
	}
	cred, err := agent.NewCredentials(agentSecret(hmac), agent.CredentialOptions{Host: "event-ai.eu-central-1.api.aws", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	client := agent.New(agent.Options{Credentials: cred, Transport: telemetry.Transport(l), Now: l.clock.Now})
	policy := gate.DefaultRules()
	starter := &start.Starter{Ledger: store, Agents: map[string]start.Agent{"default": client}, Now: l.clock.Now}
	l.ingest = telemetry.Wrap(cfg, (&intake.Handler{
		Queue: alerts, QueueName: "alerts", Tokens: tokens, Now: l.clock.Now, Log: log, Metrics: metrics,
	}).Handle)
	l.take = telemetry.Wrap(cfg, (&dispatch.Handler{
		Ledger: store, Starter: starter, Policy: policy, Now: l.clock.Now, Log: log, Metrics: metrics,
	}).Handle)
	l.tick = telemetry.Wrap(cfg, (&schedule.Handler{
		Ledger: store, Starter: starter, Secrets: map[string]schedule.Secrets{"default": client}, Policy: policy, Now: l.clock.Now, Log: log, Metrics: metrics,
	}).Handle)
	return l
}

// Send keeps the message, as SQS would get it.
func (l *leaky) Send(_ context.Context, e queue.Envelope, attributes map[string]string) error {
	body, err := queue.Encode(e)
	if err != nil {
		return err
	}
	m := events.SQSMessage{MessageId: "m", Body: body, MessageAttributes: map[string]events.SQSMessageAttribute{}}
	for name, value := range attributes {
		m.MessageAttributes[name] = events.SQSMessageAttribute{DataType: "String", StringValue: &value}
	}
	l.sent = append(l.sent, m)
	fmt.Fprintln(l.said["queue"], body, attributes)
	return queue.Fits(body, attributes)
}

func (l *leaky) Accepted(context.Context) ([]secret.Version, error) {
	return []secret.Version{{ID: "2", Value: secret.New(ownToken)}, {ID: "1", Value: secret.New(ownPrevious)}}, nil
}

func (l *leaky) RefreshAccepted(ctx context.Context) ([]secret.Version, bool, error) {
	all, err := l.Accepted(ctx)
	return all, true, err
}

// agentSecret is the store of the Agent's secret; true: with HMAC.
type agentSecret bool

func (a agentSecret) Current(context.Context) (secret.Version, error) {
	field := map[agentSecret]string{false: "token", true: "hmac_secret"}[a]
	return secret.Version{ID: "1", Value: secret.New(fmt.Sprintf(
		`{"url":"https://event-ai.eu-central-1.api.aws/webhook/generic/%s",%q:%q}`, ownHook, field, ownKey))}, nil
}

func (a agentSecret) Refresh(ctx context.Context) (secret.Version, bool, error) {
	v, err := a.Current(ctx)
	return v, true, err
}

// RoundTrip is the way to the Agent. The address and the key are where they belong, everything else is kept.
func (l *leaky) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	header := r.Header.Clone()
	header.Del("Authorization")
	fmt.Fprintln(l.said["Agent"], string(body), header, r.URL.Host, r.URL.RawQuery)
	return l.agent(r, string(body))
}

func reply(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// tee keeps what is committed, as the gate writes it and as DynamoDB would get it.
type tee struct {
	*memledger.Ledger
	l *leaky
}

func (t tee) Commit(ctx context.Context, c gate.Change) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, _ = t.l.said["ledger"].Write(text)
	items := dynamoledger.New(dynamodb.New(dynamodb.Options{
		Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient: doer(func(r *http.Request) (*http.Response, error) {
			_, _ = io.Copy(t.l.said["items"], r.Body)
			return reply(200, "{}"), nil
		}),
	}), "ledger", dynamoledger.Options{})
	return errors.Join(items.Commit(ctx, c), t.Ledger.Commit(ctx, c))
}

// doer is the HTTP below an SDK.
type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// deliver sends a request through all functions.
func (l *leaky) deliver(req events.APIGatewayV2HTTPRequest) {
	resp, err := l.ingest(l.ctx, req)
	fmt.Fprintln(l.said["answer"], resp, err)
	for _, m := range l.sent {
		_, err := l.take(l.ctx, events.SQSEvent{Records: []events.SQSMessage{m}})
		fmt.Fprintln(l.said["answer"], err)
	}
	l.sent = nil
	l.clock.add(time.Minute)
	_, err = l.tick(l.ctx, struct{}{})
	fmt.Fprintln(l.said["answer"], err)
}

// search says where which of the secrets are, "name in where, as form", and forgets what was said.
func (l *leaky) search(secrets []redacttest.Secret) (found []string) {
	all := map[string]string{"spans": l.spans()}
	for where, out := range l.said {
		all[where] = strings.Join(out.take(), "\n")
	}
	for where, text := range all {
		for _, s := range secrets {
			if form := redacttest.Found(text, s.Value); form != "" {
				found = append(found, s.Name+" in "+where+", "+form)
			}
		}
	}
	return found
}

func (l *leaky) wantNone(t *testing.T, what string, planted ...redacttest.Secret) {
	t.Helper()
	for _, f := range l.search(append(planted, ownSecrets()...)) {
		t.Errorf("%s: %s", what, f)
	}
}

func post(body string) events.APIGatewayV2HTTPRequest {
	r := events.APIGatewayV2HTTPRequest{
		Version: "2.0", Body: body, Headers: map[string]string{"content-type": "application/json", "x-alertbridge-token": ownToken},
	}
	r.RequestContext.HTTP.Method, r.RequestContext.RequestID = "POST", "req-1"
	return r
}
