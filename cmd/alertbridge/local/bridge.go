// Package local runs the whole bridge in one process: the same handlers that Lambda runs, over a queue and a ledger in
// memory, with a stand-in for the Agent. It is what `make run` shows, and nothing of it is in the functions.
//
//	net/http ► what the HTTP API makes of a request ► intake ─► memqueue ► dispatch ─► agent.Client ═► stand-in
//	                                                               memledger ◄┘ ▲                (a real socket)
//	                                                a tick every second ► schedule ─► agentapi.Client ═► its tasks
//	                                                                         │ its events ► memqueue ► follow ─┘
//	                                                                         └► tell ─► ddevents, pagerduty ═► stand-ins
//
// Only the edges differ from a deployment: where a request comes from, where messages and cases are kept, where the
// secrets are, how often the tick comes, and, if that is asked for, how fast the clock goes. Run plays the deliveries of
// package events through the front door, says what becomes of each, and stays up for more.
package local

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/functions/dispatcher/dispatch"
	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/queue/memqueue"
	"github.com/alertbridge/alertbridge/shared/secret"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// bridge is the functions with what they stand on.
type bridge struct {
	pace     pace
	watch    *watch
	agent    *agenttest.Server
	tasks    *apitest.Investigations // what the Agent makes of its starts
	api      *apitest.Server
	places   places // where people look
	ledger   *memledger.Ledger
	queue    *memqueue.Queue
	outcomes *memqueue.Queue // of the Agent's events
	policy   gate.Policy
	ticked   atomic.Int64 // when the last tick ended, in milliseconds; 0: none has

	// The functions as Lambda would call them, guarded in the same way.
	ingest     func(context.Context, lambda.APIGatewayV2HTTPRequest) (lambda.APIGatewayV2HTTPResponse, error)
	dispatcher memqueue.Handler
	outcome    memqueue.Handler
	scheduler  func(context.Context, struct{}) (struct{}, error)
}

// newBridge wires the bridge. One stand-in plays every Agent of the policy. It says what the Agent is asked, and what
// people are told. The functions log to o.Logs, which may be nil. Close what it returns.
func newBridge(o Options, w *watch, onRequest func(agenttest.Request), onTold func(Told)) (*bridge, error) {
	logs := o.Logs
	b := &bridge{pace: newPace(o.Speed), watch: w, ledger: memledger.New(), policy: followed(o.Policy)}
	w.look = b.look
	now := b.pace.Now
	b.queue = memqueue.New(memqueue.Options{Now: now})
	b.tasks = apitest.NewInvestigations(apitest.InvestigationsOptions{Now: now, Plan: func(apitest.Incident) apitest.Plan { return o.plan() }})
	var err error
	if b.agent, err = agenttest.NewServer(agenttest.Options{OnRequest: b.opens(o, onRequest), Now: now}); err != nil {
		return nil, err
	}
	if b.api, err = apitest.NewServer(apitest.Options{Investigations: b.shown(o)}); err != nil {
		b.close()
		return nil, err
	}
	if b.places, err = newPlaces(b.pace); err != nil {
		b.close()
		return nil, err
	}
	client, err := b.client(w.logger("agent", handler("agent", logs)))
	if err != nil {
		b.close()
		return nil, err
	}
	starter := &start.Starter{Ledger: b.ledger, Agents: map[string]start.Agent{}, Now: now}
	secrets, spaces, work := map[string]schedule.Secrets{}, map[string]string{}, b.work()
	for _, name := range b.policy.Agents() {
		starter.Agents[name], secrets[name], spaces[name] = client, client, b.tasks.Space()
	}

	in := &intake.Handler{
		Queue: b.queue, QueueName: "alerts", Tokens: tokens{}, Now: now, Log: w.logger("ingest", handler("ingest", logs)),
	}
	b.ingest = telemetry.Wrap(config("ingest", logs), in.Handle)
	dis := &dispatch.Handler{
		Ledger: b.ledger, Starter: starter, Policy: b.policy, Now: now,
		Log: w.logger("dispatcher", handler("dispatcher", logs)),
	}
	b.dispatcher = telemetry.Wrap(config("dispatcher", logs), b.traced(dis.Handle))
	teller, err := b.answers(work, spaces, onTold, logs)
	if err != nil {
		b.close()
		return nil, err
	}
	sch := &schedule.Handler{
		Ledger: b.ledger, Starter: starter, Secrets: secrets, Work: work, Usage: work, Spaces: spaces, Teller: teller, Policy: b.policy, Now: now,
		Log: w.logger("scheduler", handler("scheduler", logs)),
	}
	b.scheduler = noted(&b.ticked, telemetry.Wrap(config("scheduler", logs), sch.Handle))
	b.follows(b.policy.Agents(), work, logs)
	return b, nil
}

func (b *bridge) close() {
	b.agent.Close()
	if b.api != nil {
		b.api.Close()
	}
	b.places.close()
}

// client is the real client of the Agent, on its way to the stand-in.
func (b *bridge) client(log *slog.Logger) (*agent.Client, error) {
	credentials, err := agent.NewCredentials(b.agent.Secrets(), agent.CredentialOptions{
		Host: b.agent.Host(), AllowLocal: true, Log: log,
	})
	if err != nil {
		return nil, err
	}
	return agent.New(agent.Options{Credentials: credentials, Transport: call.NewTransport(true)}), nil
}

// traced tells the watch which request a message goes back to. The queue hands over one message at a time.
func (b *bridge) traced(h memqueue.Handler) memqueue.Handler {
	return func(ctx context.Context, e lambda.SQSEvent) (lambda.SQSEventResponse, error) {
		ctx = b.pace.keeps(ctx)
		if len(e.Records) == 1 {
			if env, err := queue.Decode(e.Records[0].Body); err == nil {
				ctx = withRequest(ctx, env.RequestID)
			}
		}
		return h(ctx, e)
	}
}

func config(function string, logs io.Writer) telemetry.Config {
	return telemetry.Config{Function: "alertbridge-" + function, Version: "local", Stack: "local", Out: orDiscard(logs)}
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

func handler(function string, logs io.Writer) slog.Handler {
	if logs == nil {
		return slog.DiscardHandler
	}
	return telemetry.Logger(config(function, logs)).Handler()
}

// tokens are those that the deliveries of package events present. They are no secret: whoever can reach a local run may
// use it.
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
