// Package queuetest is the suite that every queue.Sender passes, together with the queue behind it: what is sent
// arrives whole, at least once, and what cannot be sent is told by a *queue.SendError in time.
//
// memqueue passes it in memory, and sqsqueue on a real engine.
package queuetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/queue"
)

// Harness is one empty queue and what the suite needs to look into it.
type Harness struct {
	Sender queue.Sender
	// Receive hands out up to most messages, at most 10, as the dispatcher would get them, and hides them for the
	// visibility time-out. It waits for none.
	Receive func(most int) ([]events.SQSMessage, error)
	Delete  func(receiptHandle string) error
	// Expire lets the visibility time-out pass for everything that is hidden.
	Expire func()
	// DeadLetters hands out all that is in the dead-letter queue.
	DeadLetters func() ([]events.SQSMessage, error)
	// Now is the queue's clock.
	Now func() time.Time
	// MaxReceiveCount is after how many receives a message becomes a dead letter.
	MaxReceiveCount int

	// Senders of the same kind in trouble: on a queue that takes requests and never answers, on one that cannot be
	// reached, and on one that does not exist.
	Hanging, Unreachable, Missing queue.Sender
	// Limit is the time within which a send on any of them ends, whatever the context allows.
	Limit time.Duration
}

// Run runs the suite. open is called once for each test and cleans up by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"body and attributes arrive unchanged", testUnchanged},
		{"the trace context arrives as a String", testTraceContext},
		{"nine foreign attributes have room", testNineAttributes},
		{"a large message arrives", testLarge},
		{"what fits no queue is refused", testRefused},
		{"the same envelope may be sent twice", testDuplicates},
		{"what was deleted does not come again", testDelete},
		{"what was not deleted comes again and is counted", testRedelivery},
		{"after too many receives it is a dead letter", testDeadLetter},
		{"concurrent senders lose nothing", testConcurrent},
		{"a context that has ended sends nothing", testEndedContext},
		{"a queue that hangs keeps nobody waiting", testHanging},
		{"a context that ends frees the sender", testGivingUp},
		{"a queue that cannot be reached is unavailable", testUnreachable},
		{"a queue that does not exist is misconfigured", testMissing},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// Alert returns an envelope that carries an alert with this delivery and text.
func Alert(delivery, text string) queue.Envelope {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return queue.Envelope{
		Version: queue.Version, Kind: queue.KindAlert, Delivery: delivery, Received: at, RequestID: "JKJaXmPLvHcESHA=",
		Alert: &alert.Alert{
			Delivery: delivery, Source: "datadog",
			Incident:   alert.Incident{Org: "4711", Monitor: "815", Key: "c.99", Cycle: true},
			Transition: alert.Triggered, Severity: alert.High, Time: at, Text: text,
		},
	}
}

func testUnchanged(t *testing.T, h Harness) {
	for i, text := range []string{
		"支払いサービスのエラー率が高い。復旧を確認してください。",
		"🔥👩‍🚒 family: 👨‍👩‍👧‍👦 flag: 🇯🇵",
		`<a href="https://example.com/?a=1&b=2">&lt;b&gt;</a> "quoted" \back\slash`,
		"line one\nline two\r\n\ttabbed",
		"characters that SQS refuses unless escaped: \x00 \x01 \x1f \uFFFE \uFFFF",
		"characters that JSON treats specially: \u2028 \u2029 \x7f \u0085",
	} {
		e := Alert(fmt.Sprintf("d-%d", i), text)
		want, err := queue.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		attributes := map[string]string{"note": "日本語 <&> 🔥", "blank": " "}
		send(t, h, e, attributes)
		m := receiveOne(t, h)
		if m.Body != want {
			t.Errorf("the body arrived as\n%s\nwant\n%s", m.Body, want)
		}
		if back, err := queue.Decode(m.Body); err != nil || back.Alert.Text != text {
			t.Errorf("the text arrived as %q, %v, want %q", back.Alert.Text, err, text)
		}
		for name, value := range attributes {
			if got := m.MessageAttributes[name].StringValue; got == nil || *got != value {
				t.Errorf("attribute %s arrived as %v, want %q", name, got, value)
			}
		}
		if len(m.MessageAttributes) != len(attributes) {
			t.Errorf("%d attributes arrived, want %d", len(m.MessageAttributes), len(attributes))
		}
		remove(t, h, m)
	}
}

func testTraceContext(t *testing.T, h Harness) {
	const carrier = `{"x-datadog-trace-id":"1234567890123456789","x-datadog-parent-id":"987654321",` +
		`"x-datadog-sampling-priority":"1","x-datadog-tags":"_dd.p.dm=-1,_dd.p.tid=66a1b2c300000000",` +
		`"traceparent":"00-66a1b2c300000000112210f47de98115-000000003ade68b1-01","tracestate":"dd=s:1;p:000000003ade68b1"}`
	send(t, h, Alert("d", "text"), map[string]string{"_datadog": carrier})
	m := receiveOne(t, h)
	a, ok := m.MessageAttributes["_datadog"]
	if !ok || a.DataType != "String" || a.StringValue == nil || *a.StringValue != carrier {
		t.Errorf("_datadog arrived as %+v, want a String with the carrier", a)
	}
	if m.MessageId == "" || m.EventSource != "aws:sqs" || !strings.HasPrefix(m.EventSourceARN, "arn:aws:sqs:") {
		t.Errorf("the record is from %q, %q, with id %q", m.EventSource, m.EventSourceARN, m.MessageId)
	}
	ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64)
	if age := h.Now().Sub(time.UnixMilli(ms)); err != nil || age.Abs() > time.Minute {
		t.Errorf("SentTimestamp is %q, %v ago, want the time of sending in milliseconds", m.Attributes["SentTimestamp"], age)
	}
}

func testNineAttributes(t *testing.T, h Harness) {
	attributes := map[string]string{"_datadog": `{"x-datadog-trace-id":"1"}`}
	for i := range 9 {
		attributes[fmt.Sprintf("foreign-%d.x_y", i)] = fmt.Sprintf("value %d", i)
	}
	send(t, h, Alert("d", "text"), attributes)
	m := receiveOne(t, h)
	if len(m.MessageAttributes) != 10 {
		t.Fatalf("%d attributes arrived, want 10", len(m.MessageAttributes))
	}
	for name, value := range attributes {
		if got := m.MessageAttributes[name].StringValue; got == nil || *got != value {
			t.Errorf("attribute %s arrived as %v, want %q", name, got, value)
		}
	}
}

func testLarge(t *testing.T, h Harness) {
	e := Alert("d", strings.Repeat("警報", 200<<10/len("警報")))
	want, err := queue.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if len(want) < 200<<10 {
		t.Fatalf("the message has only %d bytes", len(want))
	}
	send(t, h, e, map[string]string{"large": strings.Repeat("x", 15<<10)})
	if m := receiveOne(t, h); m.Body != want || len(*m.MessageAttributes["large"].StringValue) != 15<<10 {
		t.Errorf("a body of %d bytes arrived with %d bytes", len(want), len(m.Body))
	}
}

func testRefused(t *testing.T, h Harness) {
	eleven := map[string]string{}
	for i := range 11 {
		eleven[fmt.Sprint("a", i)] = "v"
	}
	for _, row := range []struct {
		why        string
		e          queue.Envelope
		attributes map[string]string
	}{
		{"too large", Alert("d", strings.Repeat("x", queue.MaxBody)), nil},
		{"too large with its attributes", Alert("d", ""), map[string]string{"a": strings.Repeat("x", queue.MaxMessage)}},
		{"no delivery", Alert("", "text"), nil},
		{"too many attributes", Alert("d", "text"), eleven},
		{"an empty attribute", Alert("d", "text"), map[string]string{"_datadog": ""}},
	} {
		var failed *queue.SendError
		if err := h.Sender.Send(t.Context(), row.e, row.attributes); !errors.As(err, &failed) {
			t.Errorf("%s: Send = %v, want a SendError", row.why, err)
		} else if failed.Fault != queue.Refused || failed.MayHaveArrived || failed.Attempts != 0 {
			t.Errorf("%s: %+v, want it refused unsent", row.why, failed)
		}
	}
	empty(t, h)
}

func testDuplicates(t *testing.T, h Harness) {
	e := Alert("d", "text")
	send(t, h, e, nil)
	send(t, h, e, nil)
	a, b := receiveOne(t, h), receiveOne(t, h)
	if a.Body != b.Body || a.MessageId == b.MessageId {
		t.Errorf("messages %q and %q, want two of the same body", a.MessageId, b.MessageId)
	}
}

func testDelete(t *testing.T, h Harness) {
	send(t, h, Alert("d", "text"), nil)
	remove(t, h, receiveOne(t, h))
	h.Expire()
	empty(t, h)
}

func testRedelivery(t *testing.T, h Harness) {
	send(t, h, Alert("d", "text"), map[string]string{"a": "b"})
	first := receiveOne(t, h)
	if n := first.Attributes["ApproximateReceiveCount"]; n != "1" {
		t.Errorf("receive count %q at first, want 1", n)
	}
	empty(t, h) // it is hidden
	h.Expire()
	second := receiveOne(t, h)
	if n := second.Attributes["ApproximateReceiveCount"]; n != "2" {
		t.Errorf("receive count %q then, want 2", n)
	}
	if second.MessageId != first.MessageId || second.Body != first.Body || second.ReceiptHandle == first.ReceiptHandle {
		t.Errorf("message %s with handle %q came again as %s with %q", first.MessageId, first.ReceiptHandle, second.MessageId, second.ReceiptHandle)
	}
	if a, b := first.Attributes["SentTimestamp"], second.Attributes["SentTimestamp"]; a != b {
		t.Errorf("SentTimestamp was %s and is %s", a, b)
	}
}

func testDeadLetter(t *testing.T, h Harness) {
	e := Alert("poison", "text")
	send(t, h, e, map[string]string{"_datadog": "{}"})
	for range h.MaxReceiveCount {
		receiveOne(t, h)
		h.Expire()
	}
	empty(t, h)
	dead, err := h.DeadLetters()
	if err != nil || len(dead) != 1 {
		t.Fatalf("%d dead letters, %v, want 1", len(dead), err)
	}
	if want, _ := queue.Encode(e); dead[0].Body != want {
		t.Errorf("the dead letter is\n%s\nwant\n%s", dead[0].Body, want)
	}
	if a := dead[0].MessageAttributes["_datadog"].StringValue; a == nil || *a != "{}" {
		t.Error("the dead letter has lost its attribute")
	}
	h.Expire()
	empty(t, h)
}

func testConcurrent(t *testing.T, h Harness) {
	const senders, each = 16, 10
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				if err := h.Sender.Send(t.Context(), Alert(fmt.Sprintf("d-%d-%d", s, i), "text"), nil); err != nil {
					t.Errorf("Send: %v", err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	// A queue may answer with nothing while it has some, and what an answer that is lost has hidden comes again.
	for end := time.Now().Add(90 * time.Second); len(seen) < senders*each && time.Now().Before(end); {
		records, err := h.Receive(10)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			time.Sleep(100 * time.Millisecond)
		}
		for _, m := range records {
			e, err := queue.Decode(m.Body)
			if err != nil {
				t.Fatal(err)
			}
			seen[e.Delivery] = true
			remove(t, h, m)
		}
	}
	if len(seen) != senders*each {
		t.Errorf("%d of %d messages arrived", len(seen), senders*each)
	}
}

func testEndedContext(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	failed := fails(ctx, t, h, h.Sender)
	if failed.Fault != queue.Unavailable || failed.MayHaveArrived || !errors.Is(failed, context.Canceled) {
		t.Errorf("%+v, want it unavailable and unsent, because the context was cancelled", failed)
	}
	empty(t, h)
}

func testHanging(t *testing.T, h Harness) {
	failed := fails(t.Context(), t, h, h.Hanging)
	if failed.Fault != queue.Unavailable || !failed.MayHaveArrived || !errors.Is(failed, context.DeadlineExceeded) {
		t.Errorf("%+v, want it unavailable, perhaps arrived, for want of time", failed)
	}
}

func testGivingUp(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(h.Limit/20, cancel)
	begin := time.Now()
	failed := fails(ctx, t, h, h.Hanging)
	if failed.Fault != queue.Unavailable || !failed.MayHaveArrived || !errors.Is(failed, context.Canceled) {
		t.Errorf("%+v, want it unavailable, perhaps arrived, because the context was cancelled", failed)
	}
	if took := time.Since(begin); took > h.Limit/2 {
		t.Errorf("it took %v to notice that the context had ended", took)
	}
}

func testUnreachable(t *testing.T, h Harness) {
	if failed := fails(t.Context(), t, h, h.Unreachable); failed.Fault != queue.Unavailable || failed.MayHaveArrived {
		t.Errorf("%+v, want it unavailable and certainly not arrived", failed)
	}
}

func testMissing(t *testing.T, h Harness) {
	if failed := fails(t.Context(), t, h, h.Missing); failed.Fault != queue.Misconfigured || failed.MayHaveArrived {
		t.Errorf("%+v, want it misconfigured and certainly not arrived", failed)
	}
}

// fails sends and wants a SendError in time.
func fails(ctx context.Context, t *testing.T, h Harness, s queue.Sender) *queue.SendError {
	t.Helper()
	begin := time.Now()
	err := s.Send(ctx, Alert("d", "text"), nil)
	if took := time.Since(begin); took > h.Limit {
		t.Errorf("Send took %v, more than its limit of %v", took, h.Limit)
	}
	var failed *queue.SendError
	if !errors.As(err, &failed) {
		t.Fatalf("Send = %v, want a SendError", err)
	}
	if failed.Queue == "" || failed.Words == "" {
		t.Errorf("%+v does not say which queue or what happened", failed)
	}
	return failed
}

func send(t *testing.T, h Harness, e queue.Envelope, attributes map[string]string) {
	t.Helper()
	if err := h.Sender.Send(t.Context(), e, attributes); err != nil {
		t.Fatal(err)
	}
}

// receiveOne takes the message that is there. A queue may answer that it has none though it has just taken one, so it is
// asked again for some seconds.
func receiveOne(t *testing.T, h Harness) events.SQSMessage {
	t.Helper()
	for range 50 {
		records, err := h.Receive(1)
		if err != nil || len(records) > 1 {
			t.Fatalf("received %d messages, %v, want 1", len(records), err)
		}
		if len(records) == 1 {
			return records[0]
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("received no message within 5 s, want 1")
	return events.SQSMessage{}
}

func remove(t *testing.T, h Harness, m events.SQSMessage) {
	t.Helper()
	if err := h.Delete(m.ReceiptHandle); err != nil {
		t.Fatal(err)
	}
}

func empty(t *testing.T, h Harness) {
	t.Helper()
	records, err := h.Receive(10)
	if err != nil || len(records) != 0 {
		t.Errorf("received %d messages, %v, want none", len(records), err)
	}
}
