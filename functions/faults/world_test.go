package faults_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
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
	outcome    = "OutcomeFunction"
)

// world is a deployment in a bubble of virtual time: the real handlers, guarded as in Lambda, with the real stores of
// secrets and the real client of the Agent, over doors that the fault comes through.
type world struct {
	t       *testing.T
	row     row
	story   story
	policy  gate.Rules
	ahead   time.Duration // how far the scheduler's clock is ahead of the others
	numbers map[string]time.Duration

	ledger *memledger.Ledger
	queue  *memqueue.Queue
	agent  *agentDoor
	tokens *vault
	keys   *vault
	env    map[string]*environment // by function, as Lambda keeps it from one invocation to the next

	// Where the Agent's work is followed:
	work   *work
	places *places
	second bool // the other alert has come
	well   bool // what the first one is about has recovered

	mu     sync.Mutex
	passed []step
	victim *invocation    // whom the fault strikes
	struck int            // how often it has struck
	told   map[string]int // by delivery: how often it was accepted
}

func newWorld(t *testing.T, r row, doubt gate.DoubtChoice, ahead time.Duration) *world {
	w := &world{t: t, row: r, ahead: ahead, policy: gate.DefaultRules(), ledger: memledger.New(), told: map[string]int{}}
	w.policy.InDoubt, w.policy.Slots, w.policy.Estimate = doubt, 1, 3*time.Minute
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
	functions := []string{ingest, dispatcher, scheduler}
	if follows(r.step) {
		w.followed()
		functions = append(functions, outcome)
	}
	for _, f := range functions {
		w.env[f] = w.newEnvironment(f)
	}
	return w
}

// numbers are the time-outs of the functions and the visibility time-outs of the queues, as the template has them.
var numbers = sync.OnceValues(func() (map[string]time.Duration, error) {
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		return nil, err
	}
	all := map[string]time.Duration{}
	for name, what := range map[string]string{
		ingest: "Timeout", dispatcher: "Timeout", scheduler: "Timeout", outcome: "Timeout",
		"AlertQueue": "VisibilityTimeout", "OutcomeQueue": "VisibilityTimeout",
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
	hear     func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
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
	door := &storeDoor{w.ledger, w}
	if function == outcome {
		return &environment{hear: telemetry.Wrap(cfg, w.hears(door, log, metrics).Handle)}
	}
	keys := awssecret.New(w.keys, "agent", awssecret.Options{Now: now})
	credentials, err := agent.NewCredentials(keyDoor{keys}, agent.CredentialOptions{Host: agentHost})
	if err != nil {
		w.t.Fatal(err)
	}
	client := agent.New(agent.Options{Credentials: credentials, Transport: w.agent, Now: now})
	starter := &start.Starter{Ledger: door, Agents: map[string]start.Agent{"default": client}, Now: now}
	e := &environment{warm: func(ctx context.Context) { _, _ = keys.Current(ctx) }}
	if function == dispatcher {
		h := &dispatch.Handler{Ledger: door, Starter: starter, Policy: w.policy, Now: now, Log: log, Metrics: metrics}
		e.dispatch = telemetry.Wrap(cfg, h.Handle)
	} else {
		h := &schedule.Handler{
			Ledger: door, Starter: starter, Secrets: map[string]schedule.Secrets{"default": client}, Policy: w.policy, Now: now, Log: log, Metrics: metrics,
		}
		if w.work != nil {
			e.warm = w.asksAndTells(h)
		}
		e.schedule = telemetry.Wrap(cfg, h.Handle)
	}
	return e
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
