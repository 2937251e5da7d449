package functions_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// What is told of a case in Datadog bears the aggregation key that the delivery brought, from the front door to the event,
// when it starts and when it ends; and the case's id where the delivery brought none, or where the queue's message is of a
// build that did not keep it.
func TestEventsBearTheAlertsAggregationKey(t *testing.T) {
	const key, other = "3a8bba050751673278f4fa615ac4ddf4", "c388bf6db1dc2f776fdf32d3cd8f4083"
	inBody := func(old, instead string) func(*events.APIGatewayV2HTTPRequest) {
		return func(r *events.APIGatewayV2HTTPRequest) {
			if !strings.Contains(r.Body, old) {
				t.Errorf("the delivery has no %s", old)
			}
			r.Body = strings.Replace(r.Body, old, instead, 1)
		}
	}
	asIs := func(*events.APIGatewayV2HTTPRequest) {}
	for _, c := range []struct {
		why, file string
		change    func(*events.APIGatewayV2HTTPRequest)
		incident  string // how its key begins
		older     string // the key that an older ingest did not send
		want      string // "": the case's id
	}{
		{"beside the cycle key", "triggered-p1.json", asIs, "c.", "", key},
		{"without one", "triggered-without-cycle-key.json", asIs, "g.", "", other},
		{"in a payload of others", "grouped-payload-triggered.json", asIs, "g.", "", "ec5889074fac95ab119daf8d0a8593ae"},
		{"no key at all", "without-any-key.json", asIs, "s.", "", ""},
		{"Datadog's default payload has none", "default-payload-triggered.json", asIs, "s.", "", ""},
		{"one that holds a secret", "triggered-p1.json", inBody(key, "ana1@example.com"), "c.", "", ""},
		{"one that is too long", "triggered-p1.json", inBody(key, strings.Repeat("1", 101)), "c.", "", ""},
		{"the longest", "triggered-p1.json", inBody(key, strings.Repeat("1", 100)), "c.", "", strings.Repeat("1", 100)},
		{"of an older ingest", "triggered-p1.json", asIs, "c.", key, ""},
		{"of an older ingest, in the incident", "triggered-without-cycle-key.json", asIs, "g.", other, other},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := newTelling(t)
			d := w.door()
			d.takes(c.file, c.change)
			if len(d.sent) != 1 || d.sent[0].Alert == nil || !strings.HasPrefix(d.sent[0].Alert.Incident.Key, c.incident) {
				t.Fatalf("ingest has sent %+v", d.sent)
			}
			body := encode(t, d.sent[0])
			if c.older != "" {
				field := `"aggregation":"` + c.older + `",`
				if !strings.Contains(body, field) {
					t.Fatalf("the message has no %s: %s", field, body)
				}
				body = strings.Replace(body, field, "", 1)
			}
			if _, err := w.dispatch.Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: body}}}); err != nil {
				t.Fatal(err)
			}
			id := w.verdict(*d.sent[0].Alert).Case
			w.ticks(5 * time.Minute) // one that is not critical may have a hold
			w.learns(id, gate.Completed)
			w.ticks(5 * time.Minute)
			w.wantEvents("Investigation started", "Investigated")
			want := c.want
			if want == "" {
				want = id
			}
			for _, e := range w.events.Events() {
				if e.AggregationKey != want || !slices.Contains(e.Tags, "alertbridge_case:"+id) {
					t.Errorf("%q stands on %q, want %q; tags %q", e.Title, e.AggregationKey, want, e.Tags)
				}
			}
		})
	}
}
