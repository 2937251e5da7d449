package functions_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// badMessages are bodies that have no verdict, with what is said of each.
func badMessages(b *bridge) map[string][2]string {
	whole := b.body(b.alertOf("bad", alert.Triggered))
	return map[string][2]string{
		"nothing":         {"", "envelope: the message is not JSON, at byte 0"},
		"garbage":         {"\x00{", "envelope: the message is not JSON, at byte 1"},
		"not UTF-8":       {"\xff\xfe{}", "envelope: the message is not valid UTF-8"},
		"half a message":  {whole[:40], "envelope: the message is not JSON, at byte 40"},
		"another shape":   {`{"hello":"world"}`, "envelope: the message has no version of an envelope"},
		"a list":          {"[" + whole + "]", "envelope: a value has the wrong type, at byte 1"},
		"deep":            {strings.Repeat("[", 100_000), "envelope: the message is not JSON, at byte 10001"},
		"no version":      {strings.Replace(whole, `"v":1,`, "", 1), "envelope: the message has no version of an envelope"},
		"an older form":   {strings.Replace(whole, `"v":1,`, `"v":0,`, 1), "envelope: the message has no version of an envelope"},
		"version of text": {strings.Replace(whole, `"v":1,`, `"v":"1",`, 1), "envelope: a value has the wrong type, at byte 8"},
		"unknown version": {`{"v":99}`, "envelope: version 99 is newer than 1, the newest that this program reads; " +
			"deploy the newer dispatcher, then redrive the dead-letter queue if the message is there"},
		"unknown kind": {strings.Replace(whole, `"kind":"alert"`, `"kind":"digest"`, 1), "envelope: its kind is neither alert nor unreadable"},
		"number where a text belongs": {
			strings.Replace(whole, `"title":"Monitor bad"`, `"title":1`, 1),
			fmt.Sprintf("envelope: a value has the wrong type, at byte %d", strings.Index(whole, `"title":`)+len(`"title":1`)),
		},
	}
}

// A message that cannot be read comes back, so that it ends in the dead-letter queue, where a newer dispatcher may read
// it yet. Nothing is done for it, and its record says why.
func TestMessagesThatCannotBeRead(t *testing.T) {
	for name, bad := range badMessages(newBridge(t)) {
		t.Run(name, func(t *testing.T) {
			b := newBridge(t)
			resp, err := b.dispatch.Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "bad", Body: bad[0]}}})
			want := "message bad cannot be read: " + bad[1]
			if err == nil || err.Error() != want || resp.BatchItemFailures != nil {
				t.Errorf("answered %v, %v; want %s", resp, err, want)
			}
			records, counts := b.written()
			if len(records) != 1 || records[0]["level"] != "ERROR" || records[0]["message"] != "message has no verdict" || records[0]["error"] != want {
				t.Errorf("records %v", records)
			}
			same(t, counts, map[string]float64{"MessageFailed": 1})
			if b.store.trips() != 0 || b.agent.total() != 0 {
				t.Errorf("%d calls to the ledger and %d to the Agent", b.store.trips(), b.agent.total())
			}
		})
	}
}

// Of ten messages a bad one comes back alone, wherever it stands, and the nine others have their verdicts.
func TestBatchOfTenWithOneBad(t *testing.T) {
	for name, bad := range badMessages(newBridge(t)) {
		t.Run(name, func(t *testing.T) {
			for place := range 10 {
				b := newBridge(t)
				var batch events.SQSEvent
				var good []alert.Alert
				for i := range 10 {
					m := events.SQSMessage{MessageId: "bad", Body: bad[0]}
					if i != place {
						good = append(good, b.alertOf(fmt.Sprint(i), alert.Triggered))
						m = events.SQSMessage{MessageId: fmt.Sprint("good-", i), Body: b.body(good[len(good)-1])}
					}
					batch.Records = append(batch.Records, m)
				}
				resp, err := b.dispatch.Handle(t.Context(), batch)
				if err != nil {
					t.Fatal(err)
				}
				// Lambda takes an answer of another form for a failure of all, or of none.
				text, err := json.Marshal(resp)
				if want := `{"batchItemFailures":[{"itemIdentifier":"bad"}]}`; err != nil || string(text) != want {
					t.Errorf("bad at %d: answered %s, %v; want %s", place, text, err, want)
				}
				for _, a := range good {
					b.want(b.verdict(a), gate.Start, gate.NewIncident)
				}
				_, counts := b.written()
				same(t, counts, map[string]float64{"AlertVerdict": 9, "AgentCall": 9, "MessageFailed": 1})
			}
		})
	}
}

func TestBatchOfBadOnesAloneComesBackWhole(t *testing.T) {
	b := newBridge(t)
	var batch events.SQSEvent
	var want []string
	for name, bad := range badMessages(b) {
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: name, Body: bad[0]})
		want = append(want, `{"itemIdentifier":"`+name+`"}`)
	}
	resp, err := b.dispatch.Handle(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(resp)
	if want := `{"batchItemFailures":[` + strings.Join(want, ",") + "]}"; err != nil || string(text) != want {
		t.Errorf("answered %s, %v; want %s", text, err, want)
	}
}

// Attributes are no part of what is decided: whatever stands in them, and however many there are, the alert has its
// verdict and its start. What becomes of the trace is told by the tests of package telemetry.
func TestAttributesDecideNothing(t *testing.T) {
	is := func(name, dataType, value string) map[string]events.SQSMessageAttribute {
		return map[string]events.SQSMessageAttribute{name: {DataType: dataType, StringValue: &value}}
	}
	foreign := map[string]events.SQSMessageAttribute{}
	for i := range 9 {
		for name, a := range is(fmt.Sprintf("x-%d", i), "String", strings.Repeat("x", 1000)) {
			foreign[name] = a
		}
	}
	for name, attributes := range map[string]map[string]events.SQSMessageAttribute{
		"none":                        nil,
		"nine foreign ones":           foreign,
		"a trace that is garbage":     is(telemetry.TraceAttribute, "String", "\x00{{{"),
		"a trace of another shape":    is(telemetry.TraceAttribute, "String", `[{"x-datadog-trace-id":1}]`),
		"a huge trace":                is(telemetry.TraceAttribute, "String", strings.Repeat("[", 200_000)),
		"an empty trace":              is(telemetry.TraceAttribute, "String", ""),
		"a trace in binary":           {telemetry.TraceAttribute: {DataType: "Binary", BinaryValue: []byte(`{"x-datadog-trace-id":"1"}`)}},
		"a trace without any value":   {telemetry.TraceAttribute: {DataType: "String"}},
		"a trace that is a number":    is(telemetry.TraceAttribute, "Number", "1"),
		"a trace under another name":  is("_Datadog", "String", `{"x-datadog-trace-id":"1"}`),
		"a verdict that somebody set": is("verdict", "String", "drop"),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBridge(t)
			a := b.alertOf("A", alert.Triggered)
			m := events.SQSMessage{MessageId: "m", Body: b.body(a), MessageAttributes: attributes}
			resp, err := b.dispatch.Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{m}})
			if err != nil || len(resp.BatchItemFailures) != 0 {
				t.Fatalf("answered %v, %v", resp, err)
			}
			d := b.verdict(a)
			b.want(d, gate.Start, gate.NewIncident)
			b.wantCalls(d.Case, 1)
		})
	}
}

// A record of the ledger that this build cannot read, whoever wrote it, costs no alert: the message comes back, nobody is
// called, and once the record can be read the alert has its verdict.
func TestUnreadableRecordKeepsTheMessage(t *testing.T) {
	b := newBridge(t)
	a := b.alertOf("A", alert.Triggered)
	for _, body := range []string{b.body(a), encode(t, unreadable(a.Delivery, b.clock.Now()))} {
		b.store.fails(fmt.Errorf("%w: item I#1#m-A/g.A has format 2", ledger.ErrUnreadable))
		_, err := b.dispatch.Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: body}}})
		want := "the ledger could not be read for delivery " + a.Delivery + ": " + ledger.ErrUnreadable.Error() + ": item I#1#m-A/g.A has format 2"
		if err == nil || err.Error() != want || b.agent.total() != 0 {
			t.Errorf("it ends in %v with %d calls, want %s", err, b.agent.total(), want)
		}
	}
	b.store.fails(nil)
	d := b.send(a)
	b.want(d, gate.Start, gate.NewIncident)
	b.wantCalls(d.Case, 1)
}
