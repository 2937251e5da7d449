package events_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/datadog/datadogtest"
	"github.com/alertbridge/alertbridge/shared/redact"
)

// TestUntrusted: on their way through the functions, hostile deliveries meet a queue, a ledger and a call, each of which
// writes and reads the alert anew. What the Agent receives in the end is, byte for byte, what the decoder and the message
// make of the delivery; shared/agent shows what that is.
func TestUntrusted(t *testing.T) {
	hostile, err := datadogtest.Load("../shared/agent/testdata/untrusted")
	if err != nil || len(hostile) == 0 {
		t.Fatalf("%d hostile deliveries: %v", len(hostile), err)
	}
	request := load(t).HTTP[0].Request
	for _, h := range hostile {
		t.Run(h.Name, func(t *testing.T) {
			b := newBridge(t)
			now := b.clock.Now()
			request := request
			request.Body = events.FreshBody(string(h.Body), now)
			lead, err := datadog.Decode([]byte(request.Body), now, redact.New(events.Token).Text)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := b.intake.Handle(t.Context(), request)
			if err != nil || resp.StatusCode != http.StatusAccepted {
				t.Fatalf("status %d (%s), %v", resp.StatusCode, resp.Body, err)
			}
			if batch, queued := b.queue.Step(t.Context(), b.dispatch.Handle); !queued || len(batch.Failed) > 0 {
				t.Fatalf("a message for the dispatcher: %t, %q", queued, batch.Whole)
			}
			told := b.agent.Requests()
			if lead.Transition == alert.Unknown && len(told) == 0 {
				return // which starts nothing
			}
			var got agent.Message
			if len(told) != 1 || json.Unmarshal(told[0].Body, &got) != nil || !told[0].Started {
				t.Fatalf("the Agent was told %d times", len(told))
			}
			want := agent.NewMessage(agent.Report{CaseID: got.IncidentID, Lead: lead, Severity: lead.Severity, Timestamp: lead.Time})
			if string(told[0].Body) != string(want.Encode()) {
				t.Errorf("the Agent receives\n%s\nwant\n%s", told[0].Body, want.Encode())
			}
		})
	}
}
