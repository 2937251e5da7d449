package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/mocktracer"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/tracer"
)

func sqsMessage(carrier string) events.SQSMessage {
	m := events.SQSMessage{
		MessageId:      "msg-1",
		EventSourceARN: "arn:aws:sqs:eu-central-1:123456789012:alerts",
		Attributes:     map[string]string{"ApproximateReceiveCount": "2"},
	}
	if carrier != "" {
		m.MessageAttributes = map[string]events.SQSMessageAttribute{TraceAttribute: {DataType: "String", StringValue: &carrier}}
	}
	return m
}

func TestRecordContinuesTheSendersTrace(t *testing.T) {
	spans, ctx, end := traced(t)
	sctx, send := StartSend(ctx, "alerts")
	carrier := Carrier(sctx)
	send.End(nil)
	end(nil)
	sender := spans()["aws.sqs.send"]
	var headers map[string]string
	if err := json.Unmarshal([]byte(carrier), &headers); err != nil || headers["x-datadog-parent-id"] != fmt.Sprint(sender.SpanID()) {
		t.Fatalf("%v: carrier %q, span %d", err, carrier, sender.SpanID())
	}
	if got := fmt.Sprint(sender.Tag("span.kind"), " ", sender.Tag("resource.name"), " ", sender.Tag("queuename"), " ", sender.Tag("peer.service")); got != "producer SendMessage alerts alerts alerts" {
		t.Errorf("send: %s", got)
	}
	id := TraceID(sctx)
	if len(id) != 32 || !only(id, "0123456789abcdef") || strings.HasPrefix(id, "0000000000000000") {
		t.Errorf("trace id %q has no 128 bits", id)
	}

	spans, ctx, end = traced(t) // another process
	rctx, record := StartRecord(ctx, sqsMessage(carrier))
	record.Tag("case", "c-1")
	record.Tag("empty", "")
	record.Tag("long", strings.Repeat("é", 300))
	if TraceID(rctx) != id {
		t.Errorf("trace %s became %s", id, TraceID(rctx))
	}
	record.End(nil)
	end(nil)
	got := spans()["aws.sqs.process"]
	if got.ParentID() != sender.SpanID() || got.TraceID() != sender.TraceID() {
		t.Errorf("parent %d in trace %d, want %d in %d", got.ParentID(), got.TraceID(), sender.SpanID(), sender.TraceID())
	}
	invocation := spans()["aws.lambda"]
	if l := got.Links(); len(l) != 1 || l[0].SpanID != invocation.SpanID() || l[0].TraceID != invocation.TraceID() || l[0].Attributes["link.kind"] != "invocation" {
		t.Errorf("links %+v, want one to %v", l, invocation)
	}
	for tag, want := range map[string]any{
		"resource.name": "process alerts", "span.type": "queue", "span.kind": "consumer", "messaging.message_id": "msg-1",
		"retry_count": "2", "case": "c-1", "empty": nil, "long": strings.Repeat("é", 100),
	} {
		if got.Tag(tag) != want {
			t.Errorf("%s is %v, want %v", tag, got.Tag(tag), want)
		}
	}
}

// The wrapper continues the first message's trace by the lower half of its id, which is all that it is told.
func TestEveryRecordIsLinkedToTheWholeInvocation(t *testing.T) {
	mt := mocktracer.Start()
	defer mt.Stop()
	lower, err := tracer.Extract(tracer.TextMapCarrier{"x-datadog-trace-id": "1", "x-datadog-parent-id": "1"})
	if err != nil {
		t.Fatal(err)
	}
	invocation, ctx := tracer.StartSpanFromContext(t.Context(), "aws.lambda", tracer.ChildOf(lower))
	ctx = enter(ctx)
	for _, carrier := range []string{
		`{"x-datadog-trace-id":"1","x-datadog-parent-id":"2","x-datadog-tags":"_dd.p.tid=00000000000000aa"}`,
		`{"x-datadog-trace-id":"3","x-datadog-parent-id":"4","x-datadog-tags":"_dd.p.tid=00000000000000bb"}`,
	} {
		_, record := StartRecord(ctx, sqsMessage(carrier))
		record.End(nil)
	}
	for i, s := range mt.FinishedSpans() {
		l := s.Links()
		if len(l) != 1 || l[0].SpanID != invocation.Context().SpanID() || l[0].TraceID != 1 || l[0].TraceIDHigh != 0xaa {
			t.Errorf("record %d has the links %+v", i, l)
		}
	}
	if n := len(mt.FinishedSpans()); n != 2 {
		t.Errorf("%d records", n)
	}
}

func TestBaggageDoesNotTravel(t *testing.T) {
	spans, ctx, end := traced(t)
	root, _ := tracer.SpanFromContext(ctx)
	root.SetBaggageItem("said", "SECRET")
	sctx, send := StartSend(ctx, "alerts")
	if c := Carrier(sctx); c == "" || strings.Contains(c, "SECRET") || strings.Contains(c, "baggage") {
		t.Errorf("carrier %q", c)
	}
	rctx, record := StartRecord(ctx, sqsMessage(`{"x-datadog-trace-id":"1","x-datadog-parent-id":"2","ot-baggage-said":"SECRET"}`))
	span, _ := tracer.SpanFromContext(rctx)
	if got := span.BaggageItem("said"); got != "" {
		t.Errorf("the record's span carries %q", got)
	}
	record.End(nil)
	send.End(nil)
	end(nil)
	if len(spans()) != 3 {
		t.Errorf("%v", spans())
	}
}

func TestRecordWithoutUsableCarrierIsHandledAllTheSame(t *testing.T) {
	const usable = `{"x-datadog-trace-id":"1","x-datadog-parent-id":"2"}`
	with := func(name string, a events.SQSMessageAttribute) events.SQSMessage {
		m := sqsMessage("")
		m.MessageAttributes = map[string]events.SQSMessageAttribute{name: a}
		return m
	}
	foreign := with("x-0", events.SQSMessageAttribute{})
	for i := range 9 {
		text := usable
		foreign.MessageAttributes[fmt.Sprint("x-", i)] = events.SQSMessageAttribute{DataType: "String", StringValue: &text}
	}
	text, none := usable, ""
	for why, m := range map[string]events.SQSMessage{
		"none":               sqsMessage(""),
		"no JSON":            sqsMessage("{{{"),
		"no UTF-8":           sqsMessage("\xff\x00"),
		"no object":          sqsMessage(`["x-datadog-trace-id"]`),
		"a text":             sqsMessage(`"` + strings.ReplaceAll(usable, `"`, `\"`) + `"`),
		"an object in it":    sqsMessage(`{"_datadog":` + usable + `}`),
		"no id":              sqsMessage(`{"x-datadog-trace-id":"","x-datadog-parent-id":"x"}`),
		"numbers":            sqsMessage(`{"x-datadog-trace-id":1}`),
		"zero":               sqsMessage(`{"x-datadog-trace-id":"0","x-datadog-parent-id":"0"}`),
		"id too long":        sqsMessage(`{"x-datadog-trace-id":"99999999999999999999999999","x-datadog-parent-id":"1"}`),
		"two carriers":       sqsMessage(usable + usable),
		"huge":               sqsMessage(`{"x-datadog-trace-id":"1","x-datadog-parent-id":"2","x":"` + strings.Repeat("x", MaxCarrier) + `"}`),
		"deep":               sqsMessage(strings.Repeat("[", MaxCarrier)),
		"empty":              with(TraceAttribute, events.SQSMessageAttribute{DataType: "String", StringValue: &none}),
		"no value":           with(TraceAttribute, events.SQSMessageAttribute{DataType: "String"}),
		"binary":             with(TraceAttribute, events.SQSMessageAttribute{DataType: "Binary", BinaryValue: []byte(usable)}),
		"another name":       with("_Datadog", events.SQSMessageAttribute{DataType: "String", StringValue: &text}),
		"nine foreign names": foreign,
	} {
		t.Run(why, func(t *testing.T) {
			spans, ctx, end := traced(t)
			rctx, record := StartRecord(ctx, m)
			record.End(nil)
			id := TraceID(rctx)
			end(nil)
			got, invocation := spans()["aws.sqs.process"], spans()["aws.lambda"]
			if got == nil || got.ParentID() != invocation.SpanID() || len(got.Links()) != 0 || id != TraceID(ctx) {
				t.Errorf("%v is not below %v", got, invocation)
			}
		})
	}
}

func FuzzCarrierFromOutside(f *testing.F) {
	for _, s := range []string{
		`{"x-datadog-trace-id":"1","x-datadog-parent-id":"2","x-datadog-sampling-priority":"1","x-datadog-tags":"_dd.p.tid=0123456789abcdef"}`,
		`{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","tracestate":"dd=s:1;t.tid:x"}`,
		`{"baggage":"a=b"}`, `{}`, `null`, `{"x-datadog-trace-id":"-1","x-datadog-parent-id":"18446744073709551616"}`,
	} {
		f.Add(s)
	}
	mt := mocktracer.Start()
	defer mt.Stop()
	invocation, ctx := tracer.StartSpanFromContext(context.Background(), "aws.lambda")
	defer invocation.Finish()
	f.Fuzz(func(t *testing.T, carrier string) {
		rctx, record := StartRecord(ctx, sqsMessage(carrier))
		dctx, due := StartDue(ctx, carrier, "c-1")
		for _, ctx := range []context.Context{rctx, dctx} {
			if c := Carrier(ctx); len(c) > MaxCarrier || strings.Contains(c, "baggage") {
				t.Fatalf("carrier %q", c)
			}
			if id := TraceID(ctx); len(id) != 32 || id == strings.Repeat("0", 32) {
				t.Fatalf("trace id %q", id)
			}
		}
		record.End(nil)
		due.End(nil)
		if n := len(mt.FinishedSpans()); n != 2 {
			t.Fatalf("%d spans", n)
		}
		mt.Reset()
	})
}

func TestDueStartIsLinkedToTheFirstAlert(t *testing.T) {
	_, first, end := traced(t)
	carrier, id := Carrier(first), TraceID(first)
	end(nil)

	spans, ctx, end := traced(t)
	dctx, due := StartDue(ctx, carrier, "c-1")
	due.End(nil)
	end(nil)
	got, tick := spans()["start.due"], spans()["aws.lambda"]
	if got.ParentID() != tick.SpanID() || TraceID(dctx) != TraceID(ctx) || TraceID(dctx) == id {
		t.Errorf("%v does not belong to the tick %v", got, tick)
	}
	l := got.Links()
	if len(l) != 1 || fmt.Sprintf("%016x%016x", l[0].TraceIDHigh, l[0].TraceID) != id || l[0].Attributes["link.kind"] != "first_alert" {
		t.Errorf("links %+v, want one to %s", l, id)
	}
	if got.Tag("case") != "c-1" {
		t.Errorf("tags %v", got.Tags())
	}
}

func TestWithoutDatadogNothingIsTraced(t *testing.T) {
	mt := mocktracer.Start() // a tracer that would take what is wrongly started
	defer mt.Stop()
	ctx := t.Context()
	for what, begin := range map[string]func() (context.Context, Span){
		"send": func() (context.Context, Span) { return StartSend(ctx, "alerts") },
		"record": func() (context.Context, Span) {
			return StartRecord(ctx, sqsMessage(`{"x-datadog-trace-id":"1","x-datadog-parent-id":"2"}`))
		},
		"due": func() (context.Context, Span) {
			return StartDue(ctx, `{"x-datadog-trace-id":"1","x-datadog-parent-id":"2"}`, "c")
		},
	} {
		got, span := begin()
		span.Tag("a", "b")
		Fail(got, errors.New("x"))
		span.End(errors.New("x"))
		if got != ctx || Carrier(got) != "" || TraceID(got) != "" {
			t.Errorf("%s: there is a trace", what)
		}
	}
	if n := len(mt.FinishedSpans()) + len(mt.OpenSpans()); n != 0 {
		t.Errorf("%d spans", n)
	}
	record := sqsMessage(`{"x-datadog-trace-id":"1","x-datadog-parent-id":"2"}`)
	if n := testing.AllocsPerRun(100, func() {
		c, s := StartRecord(ctx, record)
		_ = Carrier(c) + TraceID(c)
		Fail(c, nil)
		s.End(nil)
	}); n != 0 {
		t.Errorf("it costs %v allocations", n)
	}
}

type refusal struct{ words string }

func (r *refusal) Error() string { return r.words }

func TestFailMarksTheEntrySpan(t *testing.T) {
	spans, ctx, end := traced(t)
	ctx = enter(ctx)
	sctx, send := StartSend(ctx, "alerts") // below the invocation, which stays the entry
	Fail(sctx, fmt.Errorf("case c-1: %w", &refusal{"the Agent\nrefused"}))
	send.End(nil)
	end(nil)
	root := spans()["aws.lambda"]
	if root.Tag("error.message") != "case c-1: the Agent refused" || root.Tag("error.type") != "*telemetry.refusal" {
		t.Errorf("%v", root.Tags())
	}
	trail, _ := root.Tag("error.stack").(string)
	if lines := strings.Split(trail, "\n"); len(lines) < 4 || !strings.HasSuffix(lines[0], "TestFailMarksTheEntrySpan") {
		t.Errorf("the stack does not begin where Fail was called:\n%s", trail)
	}
	if spans()["aws.sqs.send"].Tag("error.message") != nil {
		t.Error("another span is marked")
	}

	_, first, endFirst := traced(t)
	carrier := Carrier(first)
	endFirst(nil)
	spans, ctx, end = traced(t)
	rctx, record := StartRecord(enter(ctx), sqsMessage(carrier))
	Fail(rctx, errors.New("the Agent refused"))
	record.End(nil)
	end(nil)
	if got := spans()["aws.sqs.process"]; got.Tag("error.message") != "the Agent refused" || got.Tag("error.type") != "error" {
		t.Errorf("%v", got.Tags())
	}
	if got := spans()["aws.lambda"]; got.Tag("error.message") != nil {
		t.Errorf("the invocation did not fail: %v", got.Tags())
	}
}

func TestEndWithErrorTellsNoAddress(t *testing.T) {
	spans, ctx, end := traced(t)
	_, send := StartSend(ctx, "alerts")
	secret := `https://event-ai.example/hook/SECRET?key="SECRET"`
	send.End(fmt.Errorf("calling: %w (%s)", &url.Error{Op: "Post", URL: secret, Err: errors.New("refused")}, secret))
	end(nil)
	got := spans()["aws.sqs.send"]
	if m, _ := got.Tag("error.message").(string); m != "calling: Post the address: refused (the address)" {
		t.Errorf("message %q", m)
	}
	if fmt.Sprint(got.Tags()) == "" || strings.Contains(fmt.Sprint(got.Tags()), "SECRET") {
		t.Errorf("%v", got.Tags())
	}
}
