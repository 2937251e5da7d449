package telemetrytest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/telemetry/telemetrytest"
)

// The lines of the trace of an event of the Agent's. No part of it is in the alert's.
const (
	taken = "outcome aws.lambda [serverless] dd-tracer-serverless-span\n" +
		"\toutcome aws.sqs.process [queue consumer] process outcomes\n"
	notTaken = "outcome aws.lambda [serverless] dd-tracer-serverless-span, failed\n" +
		"\toutcome aws.sqs.process [queue consumer] process outcomes, failed\n"
)

// said is an event of the corpus, said now, in the message of its queue, and the task it speaks of.
func said(t testing.TB, name string) (lambda.SQSEvent, agent.Event) {
	t.Helper()
	m, err := events.Load()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(m.EventBridge, func(o events.Outcome) bool { return o.Case == name })
	if i < 0 {
		t.Fatalf("the corpus has no event %s", name)
	}
	e := events.FreshOutcome(m.EventBridge[i].Event, time.Now())
	about, err := agent.DecodeEvent([]byte(e.Records[0].Body))
	if err != nil {
		t.Fatal(err)
	}
	return e, about
}

// works lets the Agent have a completed task for a case, whose reason tells of what is in logs.
func (b *bridge) works(of agent.Event, caseID string) {
	b.work.Add(apitest.Task{
		ID: of.Task.ID, Execution: of.Task.Execution, Status: "COMPLETED", Reference: caseID, Reason: "as the logs of checkout say",
		Created: of.Task.Created, Updated: of.Task.Updated,
	})
}

// hear takes an event through outcome, which must acknowledge it.
func (b *bridge) hear(outcome *telemetrytest.Function, e lambda.SQSEvent) {
	b.t.Helper()
	if r := outcome.Invoke(e); r.Failed || string(r.Body) != `{"batchItemFailures":[]}` {
		b.t.Fatalf("outcome: %s", r.Body)
	}
}

// What the Agent says comes from AWS, without our trace. So it is a trace of its own, which the case leads to.
func TestEventOfTheAgentIsATraceOfItsOwn(t *testing.T) {
	b := traced(t)
	ingest, dispatcher, outcome := b.start("ingest"), b.start("dispatcher"), b.start("outcome")
	b.dispatch(dispatcher, b.deliver(ingest, "triggered-p1"))
	caseID := fmt.Sprint(dispatcher.Record("alert decided")["case"])
	e, about := said(t, "investigation-completed")
	b.works(about, caseID)
	b.hear(outcome, e)

	all := b.spans(started + taken)
	alert, event := find(t, all, "dispatcher", "aws.sqs.process"), find(t, all, "outcome", "aws.sqs.process")
	entry := find(t, all, "outcome", "aws.lambda")
	if event.TraceID == alert.TraceID {
		t.Error("the event continues the alert's trace, which nobody has told it")
	}
	equal(t, "case of the alert", alert.Meta["case"], caseID)
	equal(t, "case of the event", event.Meta["case"], caseID)
	equal(t, "task of the event", event.Meta["task"], "c81d4e2e-bcf2-11e6-869b-7df92533d2db")
	r := outcome.Record("event taken in")
	equal(t, "how it ended, in the record", fmt.Sprint(r["how"]), "completed")
	equal(t, "trace of the record", fmt.Sprint(r["dd.trace_id"]), entry.FullTraceID())
	equal(t, "span of the record", fmt.Sprint(r["dd.span_id"]), fmt.Sprint(event.SpanID))
	equal(t, "the alert's trace in the record", fmt.Sprint(r["first_trace_id"]), find(t, all, "ingest", "aws.lambda").FullTraceID())
	counted(t, outcome, map[string]float64{"InvestigationEnded completed": 1})
	for _, sent := range b.traces.Requests() {
		if strings.Contains(sent, "heckout") { // in the alert's text, and in what the Agent says
			t.Errorf("somebody's text is in a span: %q", sent)
		}
	}
}

// What is about no case of ours is no failure, and is not shown as one of ours.
func TestEventThatIsAboutNoCaseHasATraceWithoutOne(t *testing.T) {
	for _, row := range []struct{ why, event, skipped, task string }{
		{"a call of the API", "api-call", "not_about_an_investigation", ""},
		{"somebody else's task", "investigation-in-progress", "not_ours", "c81d4e2e-bcf2-11e6-869b-7df92533d2db"},
	} {
		t.Run(row.why, func(t *testing.T) {
			b := traced(t)
			outcome := b.start("outcome")
			e, about := said(t, row.event)
			b.works(about, "somebody-elses-incident")
			b.hear(outcome, e)
			span := find(t, b.spans(taken), "outcome", "aws.sqs.process")
			equal(t, "case", span.Meta["case"], "")
			equal(t, "task", span.Meta["task"], row.task)
			equal(t, "why it is left alone", fmt.Sprint(outcome.Record("event is about no case")["skipped"]), row.skipped)
			counted(t, outcome, map[string]float64{})
		})
	}
}

// An event that cannot be taken in is a failure of the event and of the invocation, and what the API said stays out of it:
// the stand-in quotes the signed request, as AWS does.
func TestEventThatIsNotTakenInIsMarked(t *testing.T) {
	b := traced(t)
	outcome := b.start("outcome")
	b.api.Always(apitest.Denied)
	e, _ := said(t, "investigation-completed")
	r := outcome.Invoke(e)
	var told struct{ ErrorMessage string }
	if err := json.Unmarshal(r.Body, &told); err != nil || !r.Failed {
		t.Fatalf("the event is lost: %v %s", err, r.Body)
	}
	all := b.spans(notTaken)
	const says = "it is not known what task c81d4e2e-bcf2-11e6-869b-7df92533d2db of the Agent \"default\" is about: " +
		"GetBacklogTask: denied: the Agent's API answered 403 AccessDeniedException"
	event := find(t, all, "outcome", "aws.sqs.process")
	failed(t, event, "*delivery.APIError", says, "follow.(*Handler).Handle")
	equal(t, "task of the event", event.Meta["task"], "c81d4e2e-bcf2-11e6-869b-7df92533d2db")
	equal(t, "case of the event", event.Meta["case"], "")
	failed(t, find(t, all, "outcome", "aws.lambda"), "*errors.joinError", says, "shared/telemetry.Wrap")
	equal(t, "error told at the end", b.extension.Ends()[0].Header.Get("X-Datadog-Invocation-Error"), "true")
	counted(t, outcome, map[string]float64{"EventFailed": 1, "AgentAPIFailed denied": 1})
}
