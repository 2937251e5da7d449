package telemetrytest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger/dynamotest"
	"github.com/alertbridge/alertbridge/shared/telemetry/telemetrytest"
)

// bridge is the deployed functions with everything they talk to.
type bridge struct {
	t     *testing.T
	aws   *telemetrytest.AWS
	agent *agenttest.Server
	table string
}

// newBridge skips the test outside .ci/trace-test, which says where the binaries and the engine of the ledger are.
func newBridge(t *testing.T) *bridge {
	t.Helper()
	if os.Getenv("TRACE_TEST_BINARIES") == "" {
		t.Skip("needs a network and a file system of its own: run make trace")
	}
	agent, err := agenttest.NewServer(agenttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(agent.Close)
	_, table := dynamotest.Open(t)
	b := &bridge{t: t, aws: telemetrytest.NewAWS(t, dynamotest.Endpoint(t)), agent: agent, table: table}
	b.aws.SetSecret("ingest-token", events.Token)
	b.aws.SetSecret("agent", agent.Secret())
	return b
}

// start runs a function with the settings it is deployed with.
func (b *bridge) start(name string) *telemetrytest.Function {
	b.t.Helper()
	resource := map[string]string{
		"ingest": "IngestFunction", "dispatcher": "DispatcherFunction", "scheduler": "SchedulerFunction",
		"trouble": "IngestFunction", // in testdata, deployed nowhere
	}[name]
	s := telemetrytest.Deployed(b.t, "../../../.ci/template.json", resource)
	for k, v := range map[string]string{
		"DD_SERVICE": name, // short, for the tables below
		"DD_ENV":     "test", "DD_VERSION": "1.2.3", "DD_SITE": "datadoghq.invalid", "LOG_LEVEL": "INFO", "STACK_NAME": "teststack",
		"AWS_ENDPOINT_URL": b.aws.URL,
		"QUEUE_URL":        telemetrytest.QueueURL, "INGEST_TOKEN_SECRET": "ingest-token",
		"TABLE_NAME": b.table, "AGENT_SECRET": "agent",
		"AGENT_HOST": "event-ai.eu-central-1.api.aws", "AGENT_ALLOW_LOCAL": "yes",
	} {
		s[k] = v
	}
	return telemetrytest.Start(b.t, filepath.Join(os.Getenv("TRACE_TEST_BINARIES"), name), "teststack-"+name, s)
}

// delivery is an alert of the corpus, sent now, with the headers of the trace that Datadog sends along.
func delivery(t *testing.T, name string) lambda.APIGatewayV2HTTPRequest {
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

// deliver takes an alert through ingest, and returns what the queue then holds.
func (b *bridge) deliver(ingest *telemetrytest.Function, names ...string) lambda.SQSEvent {
	b.t.Helper()
	for _, name := range names {
		r := ingest.Invoke(delivery(b.t, name))
		if r.Failed || !bytes.Contains(r.Body, []byte(`"statusCode":202`)) {
			b.t.Fatalf("ingest: %s", r.Body)
		}
	}
	e := b.aws.Take()
	if len(e.Records) != len(names) {
		b.t.Fatalf("%d messages, want %d", len(e.Records), len(names))
	}
	return e
}

// dispatch takes messages through the dispatcher. All of them must get their verdict.
func (b *bridge) dispatch(dispatcher *telemetrytest.Function, e lambda.SQSEvent) {
	b.t.Helper()
	if r := dispatcher.Invoke(e); r.Failed || string(r.Body) != `{"batchItemFailures":[]}` {
		b.t.Fatalf("dispatcher: %s", r.Body)
	}
}

// find is the one span of a service with this name.
func find(t *testing.T, all []telemetrytest.ServiceSpan, service, name string) telemetrytest.ServiceSpan {
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

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// untold fails when a part of the Agent's address, a key or a token is in a span, a log record or a counter.
func (b *bridge) untold(all []telemetrytest.ServiceSpan, functions ...*telemetrytest.Function) {
	b.t.Helper()
	var secret struct{ URL, Token string }
	if err := json.Unmarshal([]byte(b.agent.Secret()), &secret); err != nil {
		b.t.Fatal(err)
	}
	_, path, _ := strings.Cut(strings.TrimPrefix(secret.URL, "http://"), "/")
	said, err := json.Marshal(all)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range functions {
		said = append(said, strings.Join(f.Lines(), "\n")...)
	}
	for _, s := range []string{path, secret.Token, events.Token} {
		if bytes.Contains(said, []byte(s)) {
			b.t.Errorf("a secret is told: %q", s)
		}
	}
}

func TestOneTraceFromIngestToTheAgent(t *testing.T) {
	b := newBridge(t)
	x, traces := telemetrytest.NewExtension(t), telemetrytest.NewTraces(t)
	ingest, dispatcher := b.start("ingest"), b.start("dispatcher")
	e := b.deliver(ingest, "triggered-p1")
	attribute, ok := e.Records[0].MessageAttributes["_datadog"]
	if !ok || attribute.DataType != "String" {
		t.Fatalf("the message carries no trace: %+v", e.Records[0].MessageAttributes)
	}
	var carrier map[string]string
	if err := json.Unmarshal([]byte(*attribute.StringValue), &carrier); err != nil {
		t.Fatal(err)
	}
	b.dispatch(dispatcher, e)

	all := traces.Spans(5)
	root, send := find(t, all, "ingest", "aws.lambda"), find(t, all, "ingest", "aws.sqs.send")
	invocation, record := find(t, all, "dispatcher", "aws.lambda"), find(t, all, "dispatcher", "aws.sqs.process")
	call := find(t, all, "dispatcher", "http.request")

	for _, s := range all {
		equal(t, "trace of "+s.Name, s.TraceID, root.TraceID)
		equal(t, "error of "+s.Name, s.Error, 0)
		if p, ok := s.Metrics["_sampling_priority_v1"]; ok && p < 1 {
			t.Errorf("%s is not kept: priority %v", s.Name, p)
		}
	}
	// Datadog's trace came in, unsampled, and did not become ours.
	equal(t, "parent of the root", root.ParentID, 0)
	if root.TraceID == 0x0625abea708c33c3 || strings.HasPrefix(root.FullTraceID(), "0000000000000000") || len(root.FullTraceID()) != 32 {
		t.Errorf("trace %s", root.FullTraceID())
	}
	equal(t, "the sender's trace", root.Meta["upstream.trace_id"], "00000000000000000625abea708c33c3")
	for _, event := range x.Starts() {
		if strings.Contains(event, "0625abea708c33c3") {
			t.Errorf("the extension would continue the sender's trace: %s", event)
		}
	}
	equal(t, "parent of send", send.ParentID, root.SpanID)
	equal(t, "parent in the message", carrier["x-datadog-parent-id"], fmt.Sprint(send.SpanID))
	equal(t, "parent of record", record.ParentID, send.SpanID)
	equal(t, "parent of call", call.ParentID, record.SpanID)
	equal(t, "upper half of the trace in the dispatcher", record.FullTraceID(), root.FullTraceID())
	if len(record.SpanLinks) != 1 {
		t.Fatalf("links %+v", record.SpanLinks)
	}
	equal(t, "span of the link", record.SpanLinks[0].SpanID, invocation.SpanID)
	equal(t, "trace of the link", record.SpanLinks[0].FullTraceID(), root.FullTraceID())
	equal(t, "kinds", send.Meta["span.kind"]+" "+record.Meta["span.kind"]+" "+call.Meta["span.kind"], "producer consumer client")
	equal(t, "resources", send.Resource+", "+record.Resource+", "+call.Resource,
		"SendMessage alerts, process alerts, POST aws-devops-agent")
	equal(t, "peers", send.Meta["peer.service"]+" "+call.Meta["peer.service"], "alerts aws-devops-agent")
	equal(t, "status", call.Meta["http.status_code"], "200")
	address, _, _ := strings.Cut(b.agent.URL(), "/webhook/")
	equal(t, "address", call.Meta["http.url"], address)

	// The extension puts its own span in the place of the wrapper's, which has this name for it, by what it is told here.
	equal(t, "resource of the root", root.Resource, "dd-tracer-serverless-span")
	ends := x.Ends()
	equal(t, "invocations", len(ends), 2)
	for i, span := range []telemetrytest.ServiceSpan{root, invocation} {
		equal(t, "trace told at the end", ends[i].Header.Get("X-Datadog-Trace-Id"), fmt.Sprint(root.TraceID))
		equal(t, "span told at the end", ends[i].Header.Get("X-Datadog-Span-Id"), fmt.Sprint(span.SpanID))
		equal(t, "error told at the end", ends[i].Header.Get("X-Datadog-Invocation-Error"), "")
	}

	sent := b.agent.Requests()
	if len(sent) != 1 || !sent[0].Started {
		t.Fatalf("the Agent has %+v", sent)
	}
	for name := range sent[0].Header {
		if n := strings.ToLower(name); strings.HasPrefix(n, "x-datadog") || strings.HasPrefix(n, "trace") || n == "baggage" {
			t.Errorf("the Agent is sent %s", name)
		}
	}

	for f, span := range map[*telemetrytest.Function]telemetrytest.ServiceSpan{ingest: root, dispatcher: record} {
		message := map[*telemetrytest.Function]string{ingest: "delivery accepted", dispatcher: "alert decided"}[f]
		r := f.Record(message)
		equal(t, "trace of the record "+message, fmt.Sprint(r["dd.trace_id"]), root.FullTraceID())
		equal(t, "span of the record "+message, fmt.Sprint(r["dd.span_id"]), fmt.Sprint(span.SpanID))
	}
	counted(t, ingest, map[string]float64{"AlertsReceived": 1})
	counted(t, dispatcher, map[string]float64{"AlertVerdict start new_incident": 1, "AgentCall accepted received": 1})
	stats(t, x, map[string]string{
		"alertbridge.alerts.received:1|d|#": "env:test service:ingest version:1.2.3 stack:teststack",
		"alertbridge.alert.verdict:1|d|#":   "env:test service:dispatcher version:1.2.3 stack:teststack verdict:start reason:new_incident",
		"alertbridge.agent.call:1|d|#":      "stack:teststack outcome:accepted reason:received",
	})
	b.untold(all, ingest, dispatcher)
}

// counted compares all that a function has counted, for CloudWatch. Its answer may be here before its output is.
func counted(t *testing.T, f *telemetrytest.Function, want map[string]float64) {
	t.Helper()
	got := f.Counters()
	for end := time.Now().Add(5 * time.Second); !maps.Equal(got, want) && time.Now().Before(end); got = f.Counters() {
		time.Sleep(10 * time.Millisecond)
	}
	if !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// stats looks for lines of DogStatsD, each with these tags among others.
func stats(t *testing.T, x *telemetrytest.Extension, want map[string]string) {
	t.Helper()
	for prefix, tags := range want {
		var lines []string
		for end := time.Now().Add(5 * time.Second); len(lines) == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			lines = x.Stats(prefix)
		}
		if len(lines) != 1 {
			t.Errorf("%s: %q, want one line", prefix, lines)
			continue
		}
		have := strings.Split(strings.TrimPrefix(lines[0], prefix), ",")
		for _, tag := range strings.Fields(tags) {
			if !slices.Contains(have, tag) {
				t.Errorf("%s lacks %s", lines[0], tag)
			}
		}
	}
}

// A batch is one invocation, but each message keeps its own trace.
func TestEachMessageOfABatchKeepsItsTrace(t *testing.T) {
	b := newBridge(t)
	_, traces := telemetrytest.NewExtension(t), telemetrytest.NewTraces(t)
	ingest, dispatcher := b.start("ingest"), b.start("dispatcher")
	b.dispatch(dispatcher, b.deliver(ingest, "triggered-p1", "triggered-second-group"))

	all := traces.Spans(9) // twice root and send, one invocation, twice record and call
	by := map[uint64]telemetrytest.ServiceSpan{}
	for _, s := range all {
		by[s.SpanID] = s
	}
	invocation := find(t, all, "dispatcher", "aws.lambda")
	seen := map[string]bool{}
	for _, s := range all {
		if s.Name != "aws.sqs.process" {
			continue
		}
		send := by[s.ParentID]
		equal(t, "parent of record", send.Name, "aws.sqs.send")
		equal(t, "trace of record", s.FullTraceID(), by[send.ParentID].FullTraceID())
		if len(s.SpanLinks) != 1 || s.SpanLinks[0].SpanID != invocation.SpanID {
			t.Errorf("links %+v", s.SpanLinks)
		}
		seen[s.FullTraceID()] = true
	}
	equal(t, "traces", len(seen), 2)
}

func TestRefusedStartIsMarked(t *testing.T) {
	b := newBridge(t)
	x, traces := telemetrytest.NewExtension(t), telemetrytest.NewTraces(t)
	ingest, dispatcher := b.start("ingest"), b.start("dispatcher")
	b.agent.Always(agenttest.Status(http.StatusBadRequest, `{"message":"no such priority"}`))
	b.dispatch(dispatcher, b.deliver(ingest, "triggered-p1"))

	all := traces.Spans(5)
	record, call := find(t, all, "dispatcher", "aws.sqs.process"), find(t, all, "dispatcher", "http.request")
	equal(t, "error of call", call.Error, 1)
	equal(t, "status of call", call.Meta["http.status_code"], "400")
	equal(t, "error of record", record.Error, 1)
	if m := record.Meta["error.message"]; !strings.Contains(m, "bad_request") || !strings.Contains(m, "no such priority") {
		t.Errorf("message %q", m)
	}
	if s := record.Meta["error.stack"]; record.Meta["error.type"] == "" || strings.Count(s, "\n") < 2 || !strings.Contains(s, "alertbridge/shared/start") {
		t.Errorf("type %q, stack %q", record.Meta["error.type"], s)
	}
	// The alert has its verdict: the invocation did not fail.
	equal(t, "error of the invocation", find(t, all, "dispatcher", "aws.lambda").Error, 0)
	equal(t, "error told at the end", x.Ends()[1].Header.Get("X-Datadog-Invocation-Error"), "")
	counted(t, dispatcher, map[string]float64{
		"AlertVerdict start new_incident": 1, "AgentCall refused bad_request": 1, "CaseRefused": 1,
	})
	b.untold(all, ingest, dispatcher)
}

func TestAgentThatIsAwayIsMarked(t *testing.T) {
	b := newBridge(t)
	_, traces := telemetrytest.NewExtension(t), telemetrytest.NewTraces(t)
	ingest, dispatcher := b.start("ingest"), b.start("dispatcher")
	b.agent.Always(agenttest.ResetAfterReading)
	b.dispatch(dispatcher, b.deliver(ingest, "triggered-p1"))

	all := traces.Spans(5)
	call := find(t, all, "dispatcher", "http.request")
	equal(t, "error of call", call.Error, 1)
	equal(t, "status of call", call.Meta["http.status_code"], "")
	equal(t, "error of record", find(t, all, "dispatcher", "aws.sqs.process").Error, 1)
	b.untold(all, ingest, dispatcher)
}

// A start that waited belongs to the tick that makes it, and leads to the trace of the alert.
func TestStartThatWaitedIsLinkedToItsAlert(t *testing.T) {
	b := newBridge(t)
	_, traces := telemetrytest.NewExtension(t), telemetrytest.NewTraces(t)
	ingest, dispatcher, scheduler := b.start("ingest"), b.start("dispatcher"), b.start("scheduler")
	good := b.agent.Secret()
	b.agent.Rotate() // the secret has the old key
	b.dispatch(dispatcher, b.deliver(ingest, "triggered-p1"))
	counted(t, dispatcher, map[string]float64{
		"AlertVerdict start new_incident": 1, "AgentCall shut forbidden": 1, "AgentShut": 1,
	})
	if good == b.agent.Secret() {
		t.Fatal("the key did not change")
	}
	b.aws.SetSecret("agent", b.agent.Secret())
	if r := scheduler.Invoke(map[string]string{"detail-type": "Scheduled Event"}); r.Failed {
		t.Fatalf("scheduler: %s", r.Body)
	}
	equal(t, "investigations", len(b.agent.Investigations()), 1)

	all := traces.Spans(8)
	record := find(t, all, "dispatcher", "aws.sqs.process")
	tick, due := find(t, all, "scheduler", "aws.lambda"), find(t, all, "scheduler", "start.due")
	call := find(t, all, "scheduler", "http.request")
	equal(t, "parent of tick", tick.ParentID, 0)
	equal(t, "parent of due", due.ParentID, tick.SpanID)
	equal(t, "parent of call", call.ParentID, due.SpanID)
	equal(t, "trace of call", call.TraceID, tick.TraceID)
	if tick.TraceID == record.TraceID {
		t.Error("the tick continues the alert's trace")
	}
	if len(due.SpanLinks) != 1 {
		t.Fatalf("links %+v", due.SpanLinks)
	}
	equal(t, "span of the link", due.SpanLinks[0].SpanID, record.SpanID)
	equal(t, "trace of the link", due.SpanLinks[0].FullTraceID(), record.FullTraceID())
	counted(t, scheduler, map[string]float64{
		"Tick": 1, "TickDue": 1, "TickStarted": 1, "AgentCall accepted received": 1,
	})
	b.untold(all, ingest, dispatcher, scheduler)
}

// The wrapper alone tells nobody of an invocation that panics, nor of an error with a second line.
func TestTroubleIsTold(t *testing.T) {
	b := newBridge(t)
	x, traces := telemetrytest.NewExtension(t), telemetrytest.NewTraces(t)
	f := b.start("trouble")
	for _, row := range []struct{ do, message, kind string }{
		{"panic", "the handler panicked: assignment to entry in nil map", "*telemetry.PanicError"},
		{"error", "first line second line", "*telemetry.lineError"},
	} {
		r := f.Invoke(map[string]string{"Do": row.do})
		var told struct{ ErrorMessage, ErrorType string }
		if err := json.Unmarshal(r.Body, &told); err != nil || !r.Failed || told.ErrorMessage != row.message {
			t.Errorf("Lambda is told %v %s", err, r.Body)
		}
		ends := x.Ends()
		h := ends[len(ends)-1].Header
		equal(t, "error told at the end", h.Get("X-Datadog-Invocation-Error"), "true")
		equal(t, "message told at the end", h.Get("X-Datadog-Invocation-Error-Msg"), row.message)
		equal(t, "type told at the end", h.Get("X-Datadog-Invocation-Error-Type"), row.kind)
	}
	if r := f.Invoke(map[string]string{"Do": "work"}); r.Failed || string(r.Body) != `"done"` {
		t.Errorf("after the panic: %s", r.Body)
	}
	equal(t, "invocations", len(x.Ends()), 3)
	wrong := 0
	for _, s := range traces.Spans(3) {
		if s.Error == 0 {
			continue
		}
		wrong++
		if s.Meta["error.message"] == "" || s.Meta["error.type"] == "" || !strings.Contains(s.Meta["error.stack"], "\n\t") {
			t.Errorf("%+v", s.Meta)
		}
		if strings.Contains(s.Meta["error.message"], "panicked") && !strings.Contains(s.Meta["error.stack"], "main.main.func1\n") {
			t.Errorf("the stack does not show the panic: %s", s.Meta["error.stack"])
		}
	}
	equal(t, "failed spans", wrong, 2)
	equal(t, "message of the record", fmt.Sprint(f.Record("the handler panicked")["panic"]), "assignment to entry in nil map")
	// An error is told by the handler that returns it, which this one does not; Lambda's library does not tell it again.
	if lines := strings.Join(f.Lines(), "\n"); strings.Contains(lines, "first line second line") {
		t.Errorf("the error was told by the library:\n%s", lines)
	}
	f.Counters() // every line is a record
}

// Without the extension nothing of Datadog runs: nobody is called, nobody is waited for, and the counters are there.
func TestWithoutTheExtensionNothingIsSent(t *testing.T) {
	b := newBridge(t)
	x, traces := telemetrytest.Listen(t), telemetrytest.NewTraces(t)
	before := traces.Requests()
	ingest, dispatcher := b.start("ingest"), b.start("dispatcher")
	e := b.deliver(ingest, "triggered-p1")
	if a := e.Records[0].MessageAttributes; len(a) != 0 {
		t.Errorf("the message carries %v", a)
	}
	b.dispatch(dispatcher, e)
	counted(t, ingest, map[string]float64{"AlertsReceived": 1})
	counted(t, dispatcher, map[string]float64{"AlertVerdict start new_incident": 1, "AgentCall accepted received": 1})
	for _, r := range []map[string]any{ingest.Record("delivery accepted"), dispatcher.Record("alert decided")} {
		if _, ok := r["dd.trace_id"]; ok {
			t.Errorf("a trace in %v", r)
		}
	}
	// The counted metric would have made the wrapper wait for Datadog's public API, and a lookup of its name alone
	// takes longer than this. The second invocation is warm: it holds no connecting and no reading of secrets.
	e = b.deliver(ingest, "triggered-second-group")
	r := dispatcher.Invoke(e)
	if r.Failed || r.Took > time.Second {
		t.Errorf("an invocation took %s: %s", r.Took, r.Body)
	}
	time.Sleep(200 * time.Millisecond) // for what should not come
	if n := len(x.Starts()) + len(x.Ends()) + len(x.Stats("")); n != 0 {
		t.Errorf("the extension that is not there was called %d times", n)
	}
	equal(t, "requests to the trace agent", traces.Requests(), before)
	b.untold(nil, ingest, dispatcher)
}
