package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/functions/dispatcher/dispatch"
	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/queue/memqueue"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// The functions, and their names in the template.
const (
	ingest     = "IngestFunction"
	dispatcher = "DispatcherFunction"
	scheduler  = "SchedulerFunction"
)

// world is a deployment in a bubble of virtual time: the real handlers, guarded as in Lambda, with the real stores of
// secrets and the real client of the Agent, over doors that the fault comes through.
type world struct {
	t       *testing.T
	row     row
	policy  gate.Policy
	ahead   time.Duration // how far the scheduler's clock is ahead of the others
	numbers map[string]time.Duration

	ledger *memledger.Ledger
	queue  *memqueue.Queue
	agent  *agentDoor
	tokens *vault
	keys   *vault
	env    map[string]*environment // by function, as Lambda keeps it from one invocation to the next

	mu     sync.Mutex
	passed []step
	victim *invocation    // whom the fault strikes
	struck int            // how often it has struck
	told   map[string]int // by delivery: how often it was accepted
}

func newWorld(t *testing.T, r row, doubt gate.DoubtChoice, ahead time.Duration) *world {
	w := &world{t: t, row: r, ahead: ahead, policy: gate.DefaultPolicy(), ledger: memledger.New(), told: map[string]int{}}
	w.policy.InDoubt, w.policy.Slots = doubt, 1
	var err error
	if w.numbers, err = numbers(); err != nil {
		t.Fatal(err)
	}
	w.queue = memqueue.New(memqueue.Options{
		HandlerTimeout: w.numbers[dispatcher], VisibilityTimeout: w.numbers["AlertQueue"], MaxReceiveCount: 40,
	})
	w.agent = &agentDoor{w: w, key: "key-1", got: map[string]int{}, begun: map[string]bool{}}
	w.tokens, w.keys = &vault{w: w}, &vault{w: w}
	w.tokens.put("token-1")
	w.keys.put(secretOf("key-1"))
	w.env = map[string]*environment{}
	for _, f := range []string{ingest, dispatcher, scheduler} {
		w.env[f] = w.newEnvironment(f)
	}
	return w
}

// numbers are the time-outs of the functions and the visibility time-out of the queue, as the template has them.
var numbers = sync.OnceValues(func() (map[string]time.Duration, error) {
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		return nil, err
	}
	all := map[string]time.Duration{}
	for name, what := range map[string]string{
		ingest: "Timeout", dispatcher: "Timeout", scheduler: "Timeout", "AlertQueue": "VisibilityTimeout",
	} {
		m := regexp.MustCompile(`(?s)\n  ` + name + `:\n.*?\n      ` + what + `: (\d+)\n`).FindSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("the template has no %s of %s", what, name)
		}
		n, err := strconv.Atoi(string(m[1]))
		if err != nil {
			return nil, err
		}
		all[name] = time.Duration(n) * time.Second
	}
	return all, nil
})

// environment is one process of a function.
type environment struct {
	ingest   func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)
	dispatch memqueue.Handler
	schedule func(context.Context, struct{}) (struct{}, error)
	warm     func(context.Context) // reads the secret, as an earlier invocation would have
}

func (w *world) newEnvironment(function string) *environment {
	now := time.Now
	if function == scheduler {
		now = func() time.Time { return time.Now().Add(w.ahead) }
	}
	cfg := telemetry.Config{Function: function, Stack: "s", Out: io.Discard, Now: now}
	log, metrics := slog.New(slog.DiscardHandler), telemetry.NewRecorder(cfg)
	if function == ingest {
		tokens := awssecret.New(w.tokens, "token", awssecret.Options{Now: now})
		h := &intake.Handler{
			Queue: queueDoor{w}, QueueName: "alerts", Tokens: tokenDoor{tokens, w}, Now: now, Log: log, Metrics: metrics,
		}
		return &environment{ingest: telemetry.Wrap(cfg, h.Handle), warm: func(ctx context.Context) { _, _ = tokens.Accepted(ctx) }}
	}
	keys := awssecret.New(w.keys, "agent", awssecret.Options{Now: now})
	credentials, err := agent.NewCredentials(keyDoor{keys}, agent.CredentialOptions{Host: agentHost})
	if err != nil {
		w.t.Fatal(err)
	}
	client := agent.New(agent.Options{Credentials: credentials, Transport: w.agent, Now: now})
	door := &storeDoor{w.ledger, w}
	starter := &start.Starter{Ledger: door, Agent: client, Policy: w.policy, Now: now}
	e := &environment{warm: func(ctx context.Context) { _, _ = keys.Current(ctx) }}
	if function == dispatcher {
		h := &dispatch.Handler{Ledger: door, Starter: starter, Policy: w.policy, Now: now, Log: log, Metrics: metrics}
		e.dispatch = telemetry.Wrap(cfg, h.Handle)
	} else {
		h := &schedule.Handler{
			Ledger: door, Starter: starter, Secrets: client, Policy: w.policy, Now: now, Log: log, Metrics: metrics,
		}
		e.schedule = telemetry.Wrap(cfg, h.Handle)
	}
	return e
}

// invocation is one run of a function. It is found in the context of whatever the function calls.
type invocation struct {
	w        *world
	function string
	end      time.Time // when Lambda kills it
	cancel   context.CancelFunc
	claimed  bool // a start is committed and not settled

	over atomic.Bool // the handler has returned

	mu   sync.Mutex
	dead bool // Lambda has killed it
}

type invocationKey struct{}

func of(ctx context.Context) *invocation { return ctx.Value(invocationKey{}).(*invocation) }

var errKilled = errors.New("task timed out")

// invoke runs a function as Lambda does. It returns when the handler has, or when its time is over, and then nothing of
// it may go on. A function that was killed takes its environment with it, and all that it remembers.
func invoke[In, Out any](w *world, function string, h func(context.Context, In) (Out, error), in In) (inv *invocation, out Out, err error) {
	timeout := w.numbers[function]
	inv = &invocation{w: w, function: function, end: time.Now().Add(timeout)}
	ctx, cancel := context.WithDeadline(context.WithValue(w.t.Context(), invocationKey{}, inv), inv.end)
	defer cancel()
	inv.cancel = cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		out, err = h(ctx, in)
	}()
	<-done
	inv.over.Store(true)
	if inv.isDead() {
		var none Out
		out, err = none, errKilled
		w.env[function] = w.newEnvironment(function)
	} else if time.Now().After(inv.end) {
		w.t.Errorf("%s was not done in its %s", function, timeout)
	}
	return inv, out, err
}

func (i *invocation) isDead() bool { i.mu.Lock(); defer i.mu.Unlock(); return i.dead }

// pass is called at each step, before anything is asked, and says which fault is met there. What is the same at every
// step happens here.
func (i *invocation) pass(s step) fault {
	w := i.w
	switch {
	case i.isDead():
		runtime.Goexit()
	case i.over.Load() && s != acknowledge: // which is Lambda's
		w.t.Errorf("%s is at %q after its handler has returned", i.function, s)
	}
	w.mu.Lock()
	w.passed = append(w.passed, s)
	mine := s == w.row.step && (w.victim == nil || w.victim == i || w.row.fault == conflict && w.struck < 10)
	if mine {
		w.victim, w.struck = i, w.struck+1
	}
	first := mine && w.struck == 1
	mine = mine && (w.row.fault != conflict || w.struck <= 10)
	w.mu.Unlock()
	switch f := w.row.fault; {
	case !mine:
		return ""
	case f == killed:
		time.Sleep(time.Until(i.end))
		i.mu.Lock()
		i.dead = true
		i.mu.Unlock()
		runtime.Goexit()
	case f == cancelled:
		i.cancel()
	case f == panics && first:
		panic("planted")
	case f == overlaps && first:
		other := w.newEnvironment(scheduler)
		if _, _, err := invoke(w, scheduler, other.schedule, struct{}{}); err != nil {
			w.t.Errorf("the other tick: %v", err)
		}
	case f == lost && !first, f == rotated && !first, f == rotatedThere && !first:
		return ""
	default:
		return f
	}
	return ""
}

// wait lets time go by, and says whether the context outlived it.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// post sends an alert to ingest as Datadog does, once, and returns the answer: 500 when the function failed.
func (w *world) post(name, token string) int {
	_, resp, err := invoke(w, ingest, w.env[ingest].ingest, requestOf(name, token))
	status := resp.StatusCode
	if err != nil {
		status = 500 // as the HTTP API answers for a function that failed
	}
	if status == 202 {
		w.told[name]++
	}
	return status
}

// datadog repeats an alert once a minute for as long as it gets a 5xx, as Datadog does it a few times.
func (w *world) datadog(name, token string, first int) {
	for status := first; status != 202; status = w.post(name, token) {
		if status < 500 {
			w.t.Errorf("Datadog was answered %d for our own trouble, and will never send the alert again", status)
			return
		}
		time.Sleep(time.Minute)
	}
}

// deliver lets the queue hand out what is visible, one message after the other, and acknowledges what has its verdict.
func (w *world) deliver() {
	for {
		_, any := w.queue.Step(w.t.Context(), func(_ context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
			inv, resp, err := invoke(w, dispatcher, w.env[dispatcher].dispatch, ev)
			if err == nil {
				err = w.acknowledge(inv)
			}
			return resp, err
		})
		if !any {
			return
		}
	}
}

// acknowledge is what Lambda does after the handler: it takes the answer and deletes the message.
func (w *world) acknowledge(i *invocation) error {
	ended := make(chan fault, 1)
	go func() {
		defer close(ended)
		ended <- i.pass(acknowledge)
	}()
	switch f, alive := <-ended; {
	case !alive:
		w.env[dispatcher] = w.newEnvironment(dispatcher)
		return errKilled
	case f == slow:
		time.Sleep(slowQueue)
	case f != "": // the request to delete it does not come through
		w.queue.LoseDeletes(1)
	}
	return nil
}

// tick runs the scheduler.
func (w *world) tick() (*invocation, error) {
	inv, _, err := invoke(w, scheduler, w.env[scheduler].schedule, struct{}{})
	return inv, err
}

// seen is what is on record of an alert and its case.
func (w *world) seen(name string) (verdict, state string, c gate.Case) {
	d, err := w.ledger.Verdict(w.t.Context(), deliveryOf(name), time.Now())
	switch {
	case err != nil:
		w.t.Fatal(err)
	case d == nil:
		return "none", "none", c
	}
	c = w.caseOf(d.Case)
	state = string(c.State)
	if c.Why != "" {
		state += " " + string(c.Why)
	}
	return string(d.Verdict), state, c
}

func (w *world) caseOf(id string) gate.Case {
	v, err := w.ledger.LookCase(w.t.Context(), id, w.policy.Agent, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return v.Cases[id]
}

func (w *world) account() gate.Account {
	v, err := w.ledger.LookCase(w.t.Context(), "", w.policy.Agent, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return v.Account
}

// queued is how many messages are in the queue.
func (w *world) queued() int {
	visible, hidden, _ := w.queue.Counts()
	return visible + hidden
}

// stepsPassed are the steps in the order in which they were passed first.
func (w *world) stepsPassed() []step {
	var all []step
	for _, s := range w.passed {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func deliveryOf(name string) string { return "dd-1-" + eventOf(name) }

// eventOf gives each alert a number of its own.
func eventOf(name string) string { return fmt.Sprintf("78797021387822718%02d", name[0]-'A'+1) }

func requestOf(name, token string) events.APIGatewayV2HTTPRequest {
	priority := "P2"
	if name != "A" { // the other one is never before it
		priority = "P4"
	}
	r := events.APIGatewayV2HTTPRequest{
		Version: "2.0",
		Headers: map[string]string{"content-type": "application/json", "x-alertbridge-token": token},
		Body: fmt.Sprintf(`{"schema":"1","event_id":"%s","monitor_id":"%s","cycle_key":"%s","transition":"Triggered",`+
			`"alert_type":"error","alert_priority":"%s","event_title":"[Triggered on {service:%s}] %s fails","alert_scope":"service:%s",`+
			`"tags":"service:%s","date":"%d","org_id":"1","body":"It fails."}`,
			eventOf(name), eventOf(name), eventOf(name), priority, name, name, name, name, began.UnixMilli()),
	}
	r.RequestContext.HTTP.Method, r.RequestContext.RequestID = "POST", "req-"+name
	return r
}

// began is when every bubble begins, and when its monitors fire.
var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
