package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/queue/memqueue"
	"github.com/alertbridge/alertbridge/shared/secret"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
)

// What slow is: most of the time that each may take, so that it just succeeds.
const (
	slowStore   = 800 * time.Millisecond  // of schedule.ReadTime
	slowQueue   = 5 * time.Second         // of sqsqueue's and memqueue's six
	slowSecrets = 1500 * time.Millisecond // of awssecret.TryTimeout
	slowAgent   = 5 * time.Second         // of agent.CallDeadline
)

var errDown = errors.New("it does not answer")

// storeDoor is the ledger, which fails as dynamoledger does: within its own time, and with ErrUnknown where a commit had
// no answer.
type storeDoor struct {
	ledger.Ledger
	w *world
}

func (d *storeDoor) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	if err := troubled(ctx, of(ctx).pass(look)); err != nil {
		return gate.View{}, err
	}
	return d.Ledger.Look(ctx, q, now)
}

func (d *storeDoor) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	switch inv := of(ctx); {
	case inv.claimed: // a settle that lost a race reads again: a part of that step
	case id == "":
		if err := troubled(ctx, inv.pass(lookAccount)); err != nil {
			return gate.View{}, err
		}
	default:
		if err := troubled(ctx, inv.pass(lookCase)); err != nil {
			return gate.View{}, err
		}
	}
	return d.Ledger.LookCase(ctx, id, agent, now)
}

func (d *storeDoor) Due(ctx context.Context, agent string, now time.Time) ([]string, error) {
	if err := troubled(ctx, of(ctx).pass(due)); err != nil {
		return nil, err
	}
	return d.Ledger.Due(ctx, agent, now)
}

func (d *storeDoor) Commit(ctx context.Context, c gate.Change) error {
	inv := of(ctx)
	switch f := inv.pass(inv.stepOf(c)); f {
	case conflict:
		return ledger.ErrConflict
	case lost:
		if err := d.apply(ctx, c); err != nil {
			return err
		}
		return ledger.ErrUnknown
	case hangs:
		return fmt.Errorf("%w: %w", ledger.ErrUnknown, troubled(ctx, f))
	default:
		if err := troubled(ctx, f); err != nil {
			return err
		}
	}
	return d.apply(ctx, c)
}

// troubled lets a request to the store meet what is the same for reading and writing.
func troubled(ctx context.Context, f fault) error {
	switch f {
	case down:
		return errDown
	case slow:
		wait(ctx, slowStore)
	case throttled, hangs: // it is asked again until the time is over
		if wait(ctx, dynamoledger.DefaultOverall) {
			return errDown
		}
		return ctx.Err()
	}
	return nil
}

func (d *storeDoor) apply(ctx context.Context, c gate.Change) error {
	err := d.Ledger.Commit(ctx, c)
	if err == nil {
		of(ctx).claimed = claims(c)
	}
	return err
}

func claims(c gate.Change) bool {
	return len(c.Cases) > 0 && c.Cases[0].Now.State == gate.Starting && c.Cases[0].Now.Attempt > c.Cases[0].Read.Attempt
}

// stepOf tells which step a commit is.
func (i *invocation) stepOf(c gate.Change) step {
	switch {
	case i.claimed && i.function == dispatcher:
		return settle
	case i.claimed:
		return tickSettle
	case i.function == dispatcher:
		return commit
	case c.Account != nil && c.Account.OpenedBy != nil:
		return openAccount
	case len(c.Cases) == 0:
		return repair
	}
	return commitCase
}

// queueDoor is the queue's end for ingest.
type queueDoor struct{ w *world }

func (d queueDoor) Send(ctx context.Context, e queue.Envelope, attributes map[string]string) error {
	trouble := memqueue.Trouble{}
	switch of(ctx).pass(send) {
	case down:
		trouble.Fault = queue.Unavailable
	case throttled: // it is asked again, in vain
		trouble = memqueue.Trouble{Delay: slowQueue, Fault: queue.Unavailable}
	case slow:
		trouble.Delay = slowQueue
	case hangs:
		trouble.Delay = memqueue.Forever
	case lost:
		trouble = memqueue.Trouble{Taken: true, Fault: queue.Unavailable}
	}
	d.w.queue.SetTrouble(func(int) memqueue.Trouble { return trouble })
	return d.w.queue.Send(ctx, e, attributes)
}

type stepKey struct{}

// at names the step for what is asked below.
func at(ctx context.Context, s step) context.Context { return context.WithValue(ctx, stepKey{}, s) }

// tokenDoor tells the two readings of ingest's token apart.
type tokenDoor struct {
	*awssecret.Store
	w *world
}

var _ intake.Tokens = tokenDoor{}

// Accepted reads the token. In the scene of ingest the token is rotated right after it, and the alert comes with the
// new one.
func (d tokenDoor) Accepted(ctx context.Context) ([]secret.Version, error) {
	all, err := d.Store.Accepted(at(ctx, readToken))
	d.w.tokens.replace("token-1", d.w.row.token())
	return all, err
}

func (d tokenDoor) RefreshAccepted(ctx context.Context) ([]secret.Version, bool, error) {
	return d.Store.RefreshAccepted(at(ctx, refreshToken))
}

// keyDoor tells the readings of the Agent's secret apart.
type keyDoor struct{ *awssecret.Store }

var _ agent.Secrets = keyDoor{}

func (d keyDoor) Current(ctx context.Context) (secret.Version, error) {
	return d.Store.Current(at(ctx, of(ctx).readingKey()))
}

func (d keyDoor) Refresh(ctx context.Context) (secret.Version, bool, error) {
	return d.Store.Refresh(at(ctx, of(ctx).readingKey()))
}

func (i *invocation) readingKey() step {
	switch {
	case i.function == dispatcher:
		return readSecret
	case i.claimed:
		return tickReadSecret
	}
	return secretVersion
}

// vault is one secret in Secrets Manager.
type vault struct {
	w        *world
	mu       sync.Mutex
	current  string
	previous string
	version  int
	asked    int
}

// put stores a new value.
func (v *vault) put(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current, v.previous = text, v.current
	v.version++
}

// replace stores a new value, and tells whether the old one was in force.
func (v *vault) replace(old, text string) bool {
	v.mu.Lock()
	is := v.current == old && old != text
	v.mu.Unlock()
	if is {
		v.put(text)
	}
	return is
}

// GetSecretValue is Secrets Manager's answer.
func (v *vault) GetSecretValue(
	ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.GetSecretValueOutput, error) {
	s, known := ctx.Value(stepKey{}).(step)
	f := fault("")
	if known { // otherwise an environment is being warmed
		f = of(ctx).pass(s)
	}
	switch f {
	case down, lastGood:
		return nil, errDown
	case throttled:
		return nil, &smithy.GenericAPIError{Code: "ThrottlingException"}
	case missing:
		return nil, &smithy.GenericAPIError{Code: "ResourceNotFoundException"}
	case malformed:
		return said(`{"url":`, "bad"), nil
	case wrongHost:
		return said(strings.Replace(secretOf("key-1"), agentHost, "example.com", 1), "bad"), nil
	case plainHTTP:
		return said(strings.Replace(secretOf("key-1"), "https", "http", 1), "bad"), nil
	case hangs:
		<-ctx.Done()
	case slow:
		wait(ctx, slowSecrets)
	case rotated:
		v.w.rotate(v)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return v.stored(aws.ToString(in.VersionStage))
}

func (v *vault) stored(label string) (*secretsmanager.GetSecretValueOutput, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	text, version := v.current, v.version
	if label == "AWSPREVIOUS" {
		text, version = v.previous, v.version-1
	}
	if text == "" {
		return nil, &smithy.GenericAPIError{Code: "ResourceNotFoundException"}
	}
	return said(text, "version-"+strconv.Itoa(version)), nil
}

func said(text, version string) *secretsmanager.GetSecretValueOutput {
	return &secretsmanager.GetSecretValueOutput{SecretString: &text, VersionId: &version}
}

// rotate replaces a secret on both sides at once. The alert on its way has token-2, which is then the one in force or the
// one before it.
func (w *world) rotate(v *vault) {
	if v == w.tokens {
		if !v.replace("token-1", "token-2") {
			v.replace("token-2", "token-3")
		}
		return
	}
	w.agent.rotateTo("key-2")
	v.put(secretOf("key-2"))
}

const agentHost = "event-ai.eu-central-1.api.aws"

func secretOf(key string) string {
	return `{"url":"https://` + agentHost + `/webhook/generic/one","token":"` + key + `"}`
}

// agentDoor is the Agent behind a transport that reports to net/http/httptrace as net/http does.
type agentDoor struct {
	w      *world
	mu     sync.Mutex
	key    string
	away   bool
	denied int
	got    map[string]int  // requests that the Agent has taken, by incidentId
	begun  map[string]bool // investigations, by incidentId and timestamp
}

func (a *agentDoor) rotateTo(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.key = key
}

// RoundTrip is one request, on its way to the Agent and back.
func (a *agentDoor) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	report := httptrace.ContextClientTrace(ctx)
	report.GetConn(agentHost + ":443")
	there, back := request, answer
	if of(ctx).function == scheduler {
		there, back = tickRequest, tickAnswer
	}
	f := of(ctx).pass(there)
	switch {
	case f == down, a.away:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case f == slow:
		wait(ctx, slowAgent)
	case f == hangs:
		<-ctx.Done()
	case f == rotated:
		a.w.rotate(a.w.keys)
	case f == rotatedThere:
		a.rotateTo("key-2")
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	report.GotConn(httptrace.GotConnInfo{})
	report.WroteHeaders()
	switch {
	case f == throttled:
		return replied(429, `{"message":"Too Many Requests"}`, "Retry-After", "90"), nil
	case !a.take(req):
		return replied(403, `{"message":"Forbidden"}`), nil
	}
	switch of(ctx).pass(back) {
	case down:
		return replied(503, ""), nil
	case lost:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	case slow:
		wait(ctx, slowAgent)
	case hangs:
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return replied(200, `{"message":"Webhook received"}`), nil
}

// take is what the Agent makes of a request; false: it has the wrong key.
func (a *agentDoor) take(req *http.Request) bool {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		a.w.t.Errorf("the body: %v", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if req.Header.Get("Authorization") != "Bearer "+a.key {
		a.denied++
		return false
	}
	id, timestamp := field(body, "incidentId"), field(body, "timestamp")
	if c := a.w.caseOf(id); c.State != gate.Starting {
		a.w.t.Errorf("the Agent was called for case %s, which is %s", id, c.State)
	}
	a.got[id]++
	a.begun[id+" "+timestamp] = true
	return true
}

func (a *agentDoor) calls(id string) int { a.mu.Lock(); defer a.mu.Unlock(); return a.got[id] }

// field is the value of a text in a JSON object.
func field(body []byte, name string) string {
	_, after, _ := strings.Cut(string(body), `"`+name+`":"`)
	value, _, _ := strings.Cut(after, `"`)
	return value
}

func replied(status int, body string, header ...string) *http.Response {
	r := &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}
