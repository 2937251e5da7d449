package telemetrytest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/telemetry/telemetrytest"
)

// The lines of an alert's trace. The extension puts spans of its own in the place of those of aws.lambda, which have
// their resource for it; the dispatcher's is in the trace of the first message of a batch, as the extension's is.
const (
	root       = "ingest aws.lambda [serverless] dd-tracer-serverless-span\n"
	invocation = "\tdispatcher aws.lambda [serverless] dd-tracer-serverless-span\n"
	message    = "\tingest aws.sqs.send [queue producer] SendMessage alerts, peer alerts\n" +
		"\t\tdispatcher aws.sqs.process [queue consumer] process alerts, link invocation to dispatcher aws.lambda\n"
	call = "\t\t\tdispatcher http.request [http client] POST aws-devops-agent, peer aws-devops-agent\n"

	started    = root + invocation + message + call
	notStarted = root + invocation + message
)

// rejected is the trace of a start that the Agent did not accept.
const rejected = `ingest aws.lambda [serverless] dd-tracer-serverless-span
	dispatcher aws.lambda [serverless] dd-tracer-serverless-span
	ingest aws.sqs.send [queue producer] SendMessage alerts, peer alerts
		dispatcher aws.sqs.process [queue consumer] process alerts, failed, link invocation to dispatcher aws.lambda
			dispatcher http.request [http client] POST aws-devops-agent, peer aws-devops-agent, failed
`

func TestOneTraceFromIngestToTheAgent(t *testing.T) {
	b := traced(t)
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

	all := b.spans(started)
	entry, send := find(t, all, "ingest", "aws.lambda"), find(t, all, "ingest", "aws.sqs.send")
	handled, record := find(t, all, "dispatcher", "aws.lambda"), find(t, all, "dispatcher", "aws.sqs.process")
	request := find(t, all, "dispatcher", "http.request")

	// Datadog's trace came in, unsampled, and did not become ours.
	equal(t, "parent of the root", entry.ParentID, 0)
	if entry.TraceID == 0x0625abea708c33c3 {
		t.Errorf("trace %s", entry.FullTraceID())
	}
	equal(t, "the sender's trace", entry.Meta["upstream.trace_id"], "00000000000000000625abea708c33c3")
	for _, event := range b.extension.Starts() {
		if strings.Contains(event, "0625abea708c33c3") {
			t.Errorf("the extension would continue the sender's trace: %s", event)
		}
	}
	equal(t, "parent in the message", carrier["x-datadog-parent-id"], fmt.Sprint(send.SpanID))
	equal(t, "trace in the message", carrier["traceparent"], fmt.Sprintf("00-%s-%016x-01", entry.FullTraceID(), send.SpanID))
	equal(t, "upper half of the trace in the dispatcher", record.FullTraceID(), entry.FullTraceID())
	equal(t, "status", request.Meta["http.status_code"], "200")
	address, _, _ := strings.Cut(b.agent.URL(), "/webhook/")
	equal(t, "address", request.Meta["http.url"], address)

	for _, sent := range b.traces.Requests() {
		if strings.Contains(sent, "heckout") { // it is in the title, the text, the scope and the tags
			t.Errorf("the alert's text is in a span: %q", sent)
		}
	}

	// By this the extension makes its own spans.
	ends := b.extension.Ends()
	equal(t, "invocations", len(ends), 2)
	for i, span := range []telemetrytest.ServiceSpan{entry, handled} {
		equal(t, "trace told at the end", ends[i].Header.Get("X-Datadog-Trace-Id"), fmt.Sprint(entry.TraceID))
		equal(t, "span told at the end", ends[i].Header.Get("X-Datadog-Span-Id"), fmt.Sprint(span.SpanID))
		equal(t, "error told at the end", ends[i].Header.Get("X-Datadog-Invocation-Error"), "")
	}
	if sent := b.agent.Requests(); len(sent) != 1 || !sent[0].Started {
		t.Fatalf("the Agent has %+v", sent)
	}
	for f, span := range map[*telemetrytest.Function]telemetrytest.ServiceSpan{ingest: entry, dispatcher: record} {
		message := map[*telemetrytest.Function]string{ingest: "delivery accepted", dispatcher: "alert decided"}[f]
		r := f.Record(message)
		equal(t, "trace of the record "+message, fmt.Sprint(r["dd.trace_id"]), entry.FullTraceID())
		equal(t, "span of the record "+message, fmt.Sprint(r["dd.span_id"]), fmt.Sprint(span.SpanID))
	}
	counted(t, ingest, map[string]float64{"AlertsReceived": 1})
	counted(t, dispatcher, map[string]float64{"AlertVerdict start new_incident": 1, "AgentCall accepted received": 1})
	stats(t, b.extension, map[string]string{
		"alertbridge.alerts.received:1|d|#": "env:test service:ingest version:1.2.3 stack:teststack",
		"alertbridge.alert.verdict:1|d|#":   "env:test service:dispatcher version:1.2.3 stack:teststack verdict:start reason:new_incident",
		"alertbridge.agent.call:1|d|#":      "env:test service:dispatcher version:1.2.3 stack:teststack outcome:accepted reason:received",
	})
}

// counted compares all that a function has counted, for CloudWatch. Its answer may be here before its output is.
func counted(t testing.TB, f *telemetrytest.Function, want map[string]float64) {
	t.Helper()
	got := f.Counters()
	for end := time.Now().Add(5 * time.Second); !maps.Equal(got, want) && time.Now().Before(end); got = f.Counters() {
		time.Sleep(10 * time.Millisecond)
	}
	if !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// stats looks for lines of DogStatsD, each with exactly these tags, and that of Datadog's library.
func stats(t testing.TB, x *telemetrytest.Extension, want map[string]string) {
	t.Helper()
	for prefix, tags := range want {
		lines := x.Stats(prefix)
		if len(lines) != 1 {
			t.Errorf("%s: %q, want one line", prefix, lines)
			continue
		}
		have := strings.Split(strings.TrimPrefix(lines[0], prefix), ",")
		have = slices.DeleteFunc(have, func(tag string) bool { return strings.HasPrefix(tag, "dd_lambda_layer:datadog-go") })
		equal(t, "tags of "+prefix, strings.Join(have, " "), tags)
	}
}

// An alert that joins has its verdict in its own trace, and calls nobody.
func TestAlertThatJoinsCallsNobody(t *testing.T) {
	b := traced(t)
	ingest, dispatcher := b.start("ingest"), b.start("dispatcher")
	b.dispatch(dispatcher, b.deliver(ingest, "triggered-p1"))
	b.dispatch(dispatcher, b.deliver(ingest, "re-triggered"))

	b.spans(notStarted + started)
	counted(t, dispatcher, map[string]float64{
		"AlertVerdict start new_incident": 1, "AgentCall accepted received": 1, "AlertVerdict join re_triggered": 1,
	})
}

// A batch is one invocation, but each message keeps its own trace.
func TestEachMessageOfABatchKeepsItsTrace(t *testing.T) {
	b := traced(t)
	ingest, dispatcher := b.start("ingest"), b.start("dispatcher", "POLICY_FILE="+eachForItself(t))
	e := b.deliver(ingest, "triggered-p1", "triggered-second-group", "triggered-p2-logs", "anomaly", "service-check",
		"composite", "slo", "apm", "rum", "error-tracking")
	b.dispatch(dispatcher, e)

	all := b.spans(started + strings.Repeat(root+message+call, 9))
	ids := map[string]bool{}
	for _, s := range all {
		if s.Name == "aws.sqs.process" {
			ids[s.FullTraceID()] = true
		}
	}
	equal(t, "traces", len(ids), 10)
	equal(t, "investigations", len(b.agent.Investigations()), 10)
	counted(t, dispatcher, map[string]float64{"AlertVerdict start new_incident": 10, "AgentCall accepted received": 10})
}

// eachForItself is a policy that starts every alert at once, which no team would want.
func eachForItself(t *testing.T) string {
	t.Helper()
	file, err := filepath.Abs("testdata/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// What is decided in ingest holds for the whole trace, whatever the dispatcher's own rate is.
func TestSamplingIsDecidedInIngest(t *testing.T) {
	for _, row := range []struct{ why, ingest, dispatcher, priority, flags string }{
		{"kept", "1", "0", "2", "01"},     // 2: kept by a rate that was set
		{"dropped", "0", "1", "-1", "00"}, // -1: dropped by one
	} {
		t.Run(row.why, func(t *testing.T) {
			b := traced(t)
			ingest := b.start("ingest", "DD_TRACE_SAMPLE_RATE="+row.ingest)
			dispatcher := b.start("dispatcher", "DD_TRACE_SAMPLE_RATE="+row.dispatcher)
			e := b.deliver(ingest, "triggered-p1")
			var carrier map[string]string
			if err := json.Unmarshal([]byte(*e.Records[0].MessageAttributes["_datadog"].StringValue), &carrier); err != nil {
				t.Fatal(err)
			}
			equal(t, "priority in the message", carrier["x-datadog-sampling-priority"], row.priority)
			equal(t, "flags in the message", carrier["traceparent"][len(carrier["traceparent"])-2:], row.flags)
			b.dispatch(dispatcher, e)
			for _, s := range b.spans(started) {
				if got := fmt.Sprint(s.Metrics["_sampling_priority_v1"]); got != row.priority {
					t.Errorf("priority of %s %s: got %s, want %s", s.Service, s.Name, got, row.priority)
				}
			}
			for _, end := range b.extension.Ends() {
				equal(t, "priority told at the end", end.Header.Get("X-Datadog-Sampling-Priority"), row.priority)
			}
		})
	}
}
