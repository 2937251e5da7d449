package telemetrytest_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger/dynamotest"
	"github.com/alertbridge/alertbridge/shared/telemetry/telemetrytest"
)

// bridge is the deployed functions with everything they talk to.
type bridge struct {
	t         testing.TB
	aws       *telemetrytest.AWS
	agent     *agenttest.Server
	work      *apitest.Investigations // the Agent's, which its API shows
	api       *apitest.Server
	table     string
	extension *telemetrytest.Extension // nil: it does not run
	traces    *telemetrytest.Traces
	functions []*telemetrytest.Function
}

// newBridge skips the test outside .ci/trace-test, which says where the binaries and the engine of the ledger are.
func newBridge(t testing.TB) *bridge {
	t.Helper()
	if os.Getenv("TRACE_TEST_BINARIES") == "" {
		t.Skip("needs a network and a file system of its own: run make trace")
	}
	_, table := dynamotest.Open(t)
	b := &bridge{t: t, aws: telemetrytest.NewAWS(t, dynamotest.Endpoint(t)), table: table}
	b.aws.SetSecret("ingest-token", events.PreviousToken)
	b.aws.SetSecret("ingest-token", events.Token)
	b.meet(agenttest.Options{})
	b.work = apitest.NewInvestigations(apitest.InvestigationsOptions{})
	var err error
	if b.api, err = apitest.NewServer(apitest.Options{Investigations: b.work}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.api.Close)
	return b
}

// traced is a bridge with Datadog's extension.
func traced(t *testing.T) *bridge {
	t.Helper()
	b := newBridge(t)
	b.extension, b.traces = telemetrytest.NewExtension(t), telemetrytest.NewTraces(t)
	return b
}

// meet gives the bridge an Agent.
func (b *bridge) meet(o agenttest.Options) {
	b.t.Helper()
	agent, err := agenttest.NewServer(o)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(agent.Close)
	b.agent = agent
	b.aws.SetSecret("agent", agent.Secret())
}

// start runs a function with the settings it is deployed with, and these, each NAME=VALUE.
func (b *bridge) start(name string, settings ...string) *telemetrytest.Function {
	b.t.Helper()
	f := telemetrytest.Start(b.t, binary(name), "teststack-"+name, b.settings(name, settings...))
	b.functions = append(b.functions, f)
	return f
}

// binary is where .ci/trace-test has built a function.
func binary(name string) string { return filepath.Join(os.Getenv("TRACE_TEST_BINARIES"), name) }

// settings are what a function is deployed with, and these, each NAME=VALUE.
func (b *bridge) settings(name string, settings ...string) map[string]string {
	b.t.Helper()
	resource := map[string]string{
		"ingest": "IngestFunction", "dispatcher": "DispatcherFunction", "scheduler": "SchedulerFunction",
		"outcome": "OutcomeFunction",
		"trouble": "IngestFunction", "hello": "IngestFunction", // in testdata, deployed nowhere
	}[name]
	s := telemetrytest.Deployed(b.t, "../../../.ci/template.json", resource)
	maps.Copy(s, map[string]string{
		"DD_SERVICE": name, // short, for the trees below
		"DD_ENV":     "test", "DD_VERSION": "1.2.3", "DD_SITE": "datadoghq.invalid", "LOG_LEVEL": "INFO", "STACK_NAME": "teststack",
		"AWS_ENDPOINT_URL": b.aws.URL,
		"QUEUE_URL":        telemetrytest.QueueURL, "INGEST_TOKEN_SECRET": "ingest-token",
		"TABLE_NAME": b.table, "AGENT_SECRET": "agent",
		"AGENT_HOST": "event-ai.eu-central-1.api.aws", "AGENT_ALLOW_LOCAL": "yes",
	})
	if name == "outcome" { // which is only there where the Agent is followed
		s["AGENT_SPACES"], s["AWS_ENDPOINT_URL_DEVOPS_AGENT"] = b.work.Space(), b.api.URL()
	}
	for _, setting := range settings {
		k, v, _ := strings.Cut(setting, "=")
		s[k] = v
	}
	return s
}

// delivery is an alert of the corpus, sent now, with the headers of the trace that Datadog sends along.
func delivery(t testing.TB, name string) lambda.APIGatewayV2HTTPRequest {
	t.Helper()
	m, err := events.Load()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(m.HTTP, func(d events.Delivery) bool { return d.Case == name })
	if i < 0 {
		t.Fatalf("the corpus has no delivery %s", name)
	}
	r := events.Fresh(m.HTTP[i].Request, time.Now())
	r.Headers["x-datadog-trace-id"], r.Headers["x-datadog-parent-id"] = "442949161764795331", "65047032541130925"
	r.Headers["x-datadog-sampling-priority"] = "-1"
	r.Headers["traceparent"] = "00-00000000000000000625abea708c33c3-00e717ee744eb0ad-00"
	r.Headers["tracestate"] = "dd=s:-1"
	return r
}

// deliver takes alerts through ingest, and returns what the queue then holds.
func (b *bridge) deliver(ingest *telemetrytest.Function, names ...string) lambda.SQSEvent {
	b.t.Helper()
	for _, name := range names {
		answered(b.t, ingest.Invoke(delivery(b.t, name)), 202)
	}
	e := b.aws.Take()
	if len(e.Records) != len(names) {
		b.t.Fatalf("%d messages, want %d", len(e.Records), len(names))
	}
	return e
}

func answered(t testing.TB, r telemetrytest.Result, status int) {
	t.Helper()
	if r.Failed || !bytes.Contains(r.Body, fmt.Appendf(nil, `"statusCode":%d`, status)) {
		t.Fatalf("ingest answers %s, want %d", r.Body, status)
	}
}

// dispatch takes messages through the dispatcher. All of them must get their verdict.
func (b *bridge) dispatch(dispatcher *telemetrytest.Function, e lambda.SQSEvent) telemetrytest.Result {
	b.t.Helper()
	r := dispatcher.Invoke(e)
	if r.Failed || string(r.Body) != `{"batchItemFailures":[]}` {
		b.t.Fatalf("dispatcher: %s", r.Body)
	}
	return r
}

// tick lets the scheduler do what is due.
func (b *bridge) tick(scheduler *telemetrytest.Function) telemetrytest.Result {
	b.t.Helper()
	r := scheduler.Invoke(map[string]string{"detail-type": "Scheduled Event"})
	if r.Failed {
		b.t.Fatalf("scheduler: %s", r.Body)
	}
	return r
}

// find is the one span of a service with this name.
func find(t testing.TB, all []telemetrytest.ServiceSpan, service, name string) telemetrytest.ServiceSpan {
	t.Helper()
	var found []telemetrytest.ServiceSpan
	for _, s := range all {
		if s.Service == service && s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d spans %s of %s, want 1: %+v", len(found), name, service, all)
	}
	return found[0]
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
