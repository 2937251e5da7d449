package telemetrytest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/telemetry/telemetrytest"
)

// failed compares the error of a span, as Error Tracking shows it: its type, a part of its message and of its stack.
func failed(t *testing.T, s telemetrytest.ServiceSpan, kind, message, stack string) {
	t.Helper()
	equal(t, "error of "+s.Name, s.Error, 1)
	equal(t, "type of the error of "+s.Name, s.Meta["error.type"], kind)
	if m := s.Meta["error.message"]; !strings.Contains(m, message) || strings.Contains(m, "\n") {
		t.Errorf("%s: message %q, want %q in it, in one line", s.Name, m, message)
	}
	if got := s.Meta["error.stack"]; strings.Count(got, "\n") < 3 || !strings.Contains(got, stack) {
		t.Errorf("%s: stack %q, want %q in it", s.Name, got, stack)
	}
}

func TestRefusedStartIsMarked(t *testing.T) {
	b := traced(t)
	b.meet(agenttest.Options{HMAC: true}) // whose key and signatures are secret as well
	ingest, dispatcher := b.start("ingest"), b.start("dispatcher")
	b.agent.Always(agenttest.Status(http.StatusBadRequest, `{"message":"no such priority"}`))
	b.dispatch(dispatcher, b.deliver(ingest, "triggered-p1"))

	all := b.spans(rejected)
	equal(t, "status of call", find(t, all, "dispatcher", "http.request").Meta["http.status_code"], "400")
	record := find(t, all, "dispatcher", "aws.sqs.process")
	failed(t, record, "error", "bad_request: the Agent answered 400 Bad Request: message: no such priority", "alertbridge/shared/start")
	// The alert has its verdict: the invocation did not fail.
	equal(t, "error told at the end", b.extension.Ends()[1].Header.Get("X-Datadog-Invocation-Error"), "")
	counted(t, dispatcher, map[string]float64{
		"AlertVerdict start new_incident": 1, "AgentCall refused bad_request": 1, "CaseRefused": 1,
	})
}

func TestAgentThatIsAwayIsMarked(t *testing.T) {
	b := traced(t)
	ingest, dispatcher := b.start("ingest"), b.start("dispatcher")
	b.agent.Always(agenttest.ResetAfterReading)
	b.dispatch(dispatcher, b.deliver(ingest, "triggered-p1"))

	all := b.spans(rejected)
	request := find(t, all, "dispatcher", "http.request")
	equal(t, "status of call", request.Meta["http.status_code"], "")
	if request.Meta["error.message"] == "" {
		t.Errorf("nothing says why: %v", request.Meta)
	}
	failed(t, find(t, all, "dispatcher", "aws.sqs.process"), "error", "the Agent did not accept the start", "alertbridge/shared/start")
}

// A start that waited belongs to the tick that makes it, and leads to the trace of the alert.
func TestStartThatWaitedIsLinkedToItsAlert(t *testing.T) {
	for _, row := range []struct {
		why, tick string
		answer    agenttest.Behaviour
		counts    map[string]float64
	}{
		{"accepted", `scheduler aws.lambda [serverless] dd-tracer-serverless-span
	scheduler start.due [] start case, link first_alert to dispatcher aws.sqs.process
		scheduler http.request [http client] POST aws-devops-agent, peer aws-devops-agent
`, nil, map[string]float64{"AgentCall accepted received": 1}},
		// The extension's span of the tick is the entry of its trace, and so the one that Error Tracking looks at.
		{"refused", `scheduler aws.lambda [serverless] dd-tracer-serverless-span, failed
	scheduler start.due [] start case, link first_alert to dispatcher aws.sqs.process
		scheduler http.request [http client] POST aws-devops-agent, peer aws-devops-agent, failed
`, agenttest.Status(http.StatusBadRequest, `{"message":"no such priority"}`), map[string]float64{"AgentCall refused bad_request": 1, "CaseRefused": 1}},
	} {
		t.Run(row.why, func(t *testing.T) {
			b := traced(t)
			ingest, dispatcher, scheduler := b.start("ingest"), b.start("dispatcher"), b.start("scheduler")
			b.agent.Rotate() // the secret has the old key
			b.dispatch(dispatcher, b.deliver(ingest, "triggered-p1"))
			counted(t, dispatcher, map[string]float64{
				"AlertVerdict start new_incident": 1, "AgentCall shut forbidden": 1, "AgentShut": 1,
			})
			b.aws.SetSecret("agent", b.agent.Secret())
			b.agent.Always(row.answer)
			b.tick(scheduler)

			all := b.spans(rejected + row.tick)
			tick := find(t, all, "scheduler", "aws.lambda")
			if find(t, all, "dispatcher", "aws.sqs.process").TraceID == tick.TraceID {
				t.Error("the tick continues the alert's trace")
			}
			row.counts["Tick"], row.counts["TickDue"], row.counts["TickStarted"] = 1, 1, 1
			row.counts["BudgetSpent"], row.counts["BudgetWaiting"] = 0, 0 // as the tick found it
			counted(t, scheduler, row.counts)
			equal(t, "the alert's trace in the record", fmt.Sprint(scheduler.Record("case moved on")["first_trace_id"]),
				find(t, all, "ingest", "aws.lambda").FullTraceID())
			if row.answer != nil {
				failed(t, tick, "error", "bad_request: the Agent answered 400 Bad Request: message: no such priority", "alertbridge/shared/start")
			}
		})
	}
}

// A message that gets no verdict is a failure of the message and of the invocation.
func TestMessageWithoutVerdictIsMarked(t *testing.T) {
	b := traced(t)
	ingest, dispatcher := b.start("ingest"), b.start("dispatcher")
	e := b.deliver(ingest, "triggered-p1")
	e.Records[0].Body = `{"schema":`
	if r := dispatcher.Invoke(e); !r.Failed {
		t.Errorf("the message is lost: %s", r.Body)
	}
	all := b.spans(`ingest aws.lambda [serverless] dd-tracer-serverless-span
	dispatcher aws.lambda [serverless] dd-tracer-serverless-span, failed
	ingest aws.sqs.send [queue producer] SendMessage alerts, peer alerts
		dispatcher aws.sqs.process [queue consumer] process alerts, failed, link invocation to dispatcher aws.lambda
`)
	const says = "message message-1 cannot be read"
	failed(t, find(t, all, "dispatcher", "aws.sqs.process"), "*queue.FormatError", says, "dispatch.(*Handler).Handle")
	// Datadog's wrapper names the type of what the handler returned, whatever is in it.
	failed(t, find(t, all, "dispatcher", "aws.lambda"), "*errors.joinError", says, "shared/telemetry.Wrap")
	h := b.extension.Ends()[1].Header
	equal(t, "error told at the end", h.Get("X-Datadog-Invocation-Error"), "true")
	counted(t, dispatcher, map[string]float64{"MessageFailed": 1})
}

// A delivery that is not accepted for our own trouble is a failure of the invocation; one that is a stranger's is none.
func TestDeliveryThatIsNotAcceptedIsMarked(t *testing.T) {
	t.Run("ours", func(t *testing.T) {
		b := traced(t)
		ingest := b.start("ingest", "INGEST_TOKEN_SECRET=nothing-of-this-name")
		answered(t, ingest.Invoke(delivery(t, "triggered-p1")), http.StatusServiceUnavailable)
		all := b.spans(strings.TrimSpace(root) + ", failed\n")
		failed(t, all[0], "error", "nothing-of-this-name", "intake.(*Handler)")
		counted(t, ingest, map[string]float64{"SecretReadFailed": 1})
	})
	t.Run("a stranger's", func(t *testing.T) {
		b := traced(t)
		ingest := b.start("ingest")
		answered(t, ingest.Invoke(delivery(t, "wrong-token")), http.StatusUnauthorized)
		b.spans(root)
		counted(t, ingest, map[string]float64{"AuthenticationFailed": 1})
	})
}

// The wrapper alone tells nobody of an invocation that panics, nor of an error with a second line.
func TestTroubleIsTold(t *testing.T) {
	b := traced(t)
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
		ends := b.extension.Ends()
		h := ends[len(ends)-1].Header
		equal(t, "error told at the end", h.Get("X-Datadog-Invocation-Error"), "true")
		equal(t, "message told at the end", h.Get("X-Datadog-Invocation-Error-Msg"), row.message)
		equal(t, "type told at the end", h.Get("X-Datadog-Invocation-Error-Type"), row.kind)
	}
	if r := f.Invoke(map[string]string{"Do": "work"}); r.Failed || string(r.Body) != `"done"` {
		t.Errorf("after the panic: %s", r.Body)
	}
	equal(t, "invocations", len(b.extension.Ends()), 3)
	invocation := "trouble aws.lambda [serverless] dd-tracer-serverless-span"
	var wrong []telemetrytest.ServiceSpan
	for _, s := range b.spans(invocation + "\n" + strings.Repeat(invocation+", failed\n", 2)) {
		if s.Error != 0 {
			wrong = append(wrong, s)
		}
	}
	if !strings.Contains(wrong[0].Meta["error.message"], "panicked") {
		wrong[0], wrong[1] = wrong[1], wrong[0]
	}
	failed(t, wrong[0], "*telemetry.PanicError", "assignment to entry in nil map", "main.main.func1\n")
	failed(t, wrong[1], "*telemetry.lineError", "first line second line", "shared/telemetry.Wrap")
	equal(t, "message of the record", fmt.Sprint(f.Record("the handler panicked")["panic"]), "assignment to entry in nil map")
	// What Lambda's library prints of its own accord is a record as well.
	// An error is told by the handler that returns it, which this one does not; Lambda's library does not tell it again.
	if lines := strings.Join(f.Lines(), "\n"); strings.Contains(lines, "first line second line") {
		t.Errorf("the error was told by the library:\n%s", lines)
	}
}
