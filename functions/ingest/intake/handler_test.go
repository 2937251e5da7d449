package intake_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/secret"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

const (
	current  = "current-token-of-this-test"
	previous = "previous-token-of-this-test"
)

// door is a front door with everything behind it in reach.
type door struct {
	sent    []queue.Envelope
	fails   error
	tokens  tokens
	log     bytes.Buffer
	handler *intake.Handler
}

func newDoor() *door {
	d := &door{tokens: tokens{values: []string{current, previous}}}
	now := func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	cfg := telemetry.Config{Function: "ingest", Out: &d.log, Now: now}
	d.handler = &intake.Handler{
		Queue: d, QueueName: "alerts", Tokens: &d.tokens, Now: now,
		Log: slog.New(slog.NewJSONHandler(&d.log, nil)), Metrics: telemetry.NewRecorder(cfg),
	}
	return d
}

func (d *door) Send(_ context.Context, e queue.Envelope, _ map[string]string) error {
	if d.fails != nil {
		return d.fails
	}
	d.sent = append(d.sent, e)
	return nil
}

// tokens is a store of the ingest token.
type tokens struct {
	values    []string
	fresh     []string // what a refresh brings, nil: the same
	stale     bool     // the store did not answer the refresh
	tooSoon   bool     // a refresh is not allowed now
	fails     error
	refreshed int
}

func (s *tokens) Accepted(context.Context) ([]secret.Version, error) {
	return versions(s.values), s.fails
}

func (s *tokens) RefreshAccepted(context.Context) ([]secret.Version, bool, error) {
	s.refreshed++
	switch {
	case s.stale:
		old := versions(s.values)
		old[0].Stale = true
		return old, false, nil
	case s.tooSoon || s.fails != nil:
		return versions(s.values), false, s.fails
	case s.fresh == nil:
		return versions(s.values), true, nil
	}
	return versions(s.fresh), true, nil
}

func versions(values []string) (all []secret.Version) {
	for i, v := range values {
		all = append(all, secret.Version{ID: fmt.Sprint(i), Value: secret.New(v)})
	}
	return all
}

const good = `{"schema":"1","event_id":"7879702138782271851","monitor_id":"160076582","cycle_key":"7879702138782271851",
"transition":"Triggered","alert_type":"error","alert_priority":"P2","event_title":"[P2] [Triggered on {service:checkout}] Errors are high",
"alert_scope":"service:checkout","tags":"env:prod,monitor,service:checkout","date":"1795262390000","org_id":"1","body":"%%%\nToo many.\n%%%"}`

func request(body string, change ...func(*events.APIGatewayV2HTTPRequest)) events.APIGatewayV2HTTPRequest {
	r := events.APIGatewayV2HTTPRequest{
		Version: "2.0", Body: body,
		Headers: map[string]string{"content-type": "application/json; charset=utf-8", "x-alertbridge-token": current},
	}
	r.RequestContext.HTTP.Method, r.RequestContext.RequestID = "POST", "req-1"
	for _, c := range change {
		c(&r)
	}
	return r
}

func header(name, value string) func(*events.APIGatewayV2HTTPRequest) {
	return func(r *events.APIGatewayV2HTTPRequest) {
		if value == "" {
			delete(r.Headers, name)
			return
		}
		r.Headers[name] = value
	}
}

func method(m string) func(*events.APIGatewayV2HTTPRequest) {
	return func(r *events.APIGatewayV2HTTPRequest) { r.RequestContext.HTTP.Method = m }
}

func asBase64(r *events.APIGatewayV2HTTPRequest) {
	r.Body, r.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(r.Body)), true
}

func TestWhatIsQueued(t *testing.T) {
	d := newDoor()
	if _, err := d.handler.Handle(t.Context(), request(good)); err != nil {
		t.Fatal(err)
	}
	e := d.sent[0]
	if e.Delivery != e.Alert.Delivery || e.RequestID != "req-1" || !e.Received.Equal(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("envelope %+v", e)
	}
	if e.Alert.Incident.Key != "c.7879702138782271851" || e.Alert.Monitor.ID != "160076582" {
		t.Errorf("alert %+v", e.Alert)
	}
}

func TestUnreadableBodyKeepsItsName(t *testing.T) {
	d := newDoor()
	for _, body := range []string{`{"a":`, `{"a":`, `{"b":`} {
		resp, _ := d.handler.Handle(t.Context(), request(body))
		var a struct{ Delivery string }
		if err := json.Unmarshal([]byte(resp.Body), &a); err != nil || a.Delivery != d.sent[len(d.sent)-1].Delivery {
			t.Errorf("answered %s for delivery %s", resp.Body, d.sent[len(d.sent)-1].Delivery)
		}
	}
	if d.sent[0].Delivery != d.sent[1].Delivery || d.sent[0].Delivery == d.sent[2].Delivery {
		t.Errorf("deliveries %s, %s, %s: the same body is the same delivery", d.sent[0].Delivery, d.sent[1].Delivery, d.sent[2].Delivery)
	}
	if u := d.sent[0].Unreadable; u.Reason != "not_json" || u.Bytes != 5 || u.Excerpt != `{"a":` {
		t.Errorf("kept %+v", u)
	}
}

// Our own trouble is a 503 whatever the delivery looks like, for Datadog repeats a 503 and nothing else.
func TestOurOwnTrouble(t *testing.T) {
	down := &queue.SendError{Queue: "alerts", Fault: queue.Unavailable, Words: "no answer in time"}
	unavailable := fmt.Errorf("%w: no answer", secret.ErrUnavailable)
	for name, c := range map[string]struct {
		break_ func(*door)
		req    events.APIGatewayV2HTTPRequest
		says   string
		counts string
	}{
		"queue down":                    {func(d *door) { d.fails = down }, request(good), "The alert could not be queued; send it again.", "QueueSendFailed"},
		"queue down, body not readable": {func(d *door) { d.fails = down }, request("{"), "The alert could not be queued; send it again.", "QueueSendFailed"},
		"token cannot be read": {
			func(d *door) { d.tokens = tokens{fails: unavailable} }, request(good), "The bridge cannot read its own token; send the alert again.", "SecretReadFailed",
		},
		"previous token cannot be read, and the current one does not match": {
			func(d *door) { d.tokens = tokens{values: []string{current}, fails: unavailable} },
			request(good, header("x-alertbridge-token", previous)), "The bridge cannot read its own token; send the alert again.", "SecretReadFailed",
		},
		"token rotated while the store is away": {
			func(d *door) { d.tokens.stale = true }, request(good, header("x-alertbridge-token", "rotated")), "The bridge cannot read its own token; send the alert again.", "SecretReadFailed",
		},
		"token rotated a moment after somebody's wrong token made us read": {
			func(d *door) { d.tokens.tooSoon = true }, request(good, header("x-alertbridge-token", "rotated")),
			"The token is not known, and the bridge read its own only a moment ago; send the alert again.", "AuthenticationFailed",
		},
		"no token was ever made": {
			func(d *door) { d.tokens = tokens{} }, request(good), "The bridge cannot read its own token; send the alert again.", "SecretReadFailed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor()
			c.break_(d)
			resp, err := d.handler.Handle(t.Context(), c.req)
			if err != nil || resp.StatusCode != 503 || resp.Body != `{"error":"`+c.says+`"}` {
				t.Errorf("answered %d %s, %v", resp.StatusCode, resp.Body, err)
			}
			level := "ERROR"
			if c.counts == "AuthenticationFailed" { // most likely a stranger's
				level = "WARN"
			}
			if !strings.Contains(d.log.String(), `"`+c.counts+`":1`) || !strings.Contains(d.log.String(), `"level":"`+level+`"`) {
				t.Errorf("not told:\n%s", d.log.String())
			}
		})
	}
}

// Whoever sends no token at all has not been overtaken by a rotation.
func TestNoTokenIsRefusedAtOnce(t *testing.T) {
	d := newDoor()
	d.tokens.tooSoon = true
	resp, _ := d.handler.Handle(t.Context(), request(good, header("x-alertbridge-token", "")))
	if resp.StatusCode != 401 || d.tokens.refreshed != 0 {
		t.Errorf("answered %d after %d refreshes: a stranger must not set the pace", resp.StatusCode, d.tokens.refreshed)
	}
}

func TestRotatedTokenIsReadAgain(t *testing.T) {
	d := newDoor()
	d.tokens.fresh = []string{"rotated", current}
	resp, _ := d.handler.Handle(t.Context(), request(good, header("x-alertbridge-token", "rotated")))
	if resp.StatusCode != 202 || d.tokens.refreshed != 1 {
		t.Errorf("answered %d after %d refreshes", resp.StatusCode, d.tokens.refreshed)
	}
	d.handler.Handle(t.Context(), request(good)) //nolint:errcheck // always nil
	if d.tokens.refreshed != 1 {
		t.Error("a known token caused a refresh")
	}
}

// A queue that hangs must not use up the time in which Datadog waits.
func TestDeadline(t *testing.T) {
	d := newDoor()
	var left time.Duration
	d.handler.Queue = sender(func(ctx context.Context) error {
		end, _ := ctx.Deadline()
		left = time.Until(end)
		return errors.New("down")
	})
	d.handler.Handle(t.Context(), request(good)) //nolint:errcheck // always nil
	if left <= 0 || left > intake.Deadline {
		t.Errorf("the queue was given %s, at most %s", left, intake.Deadline)
	}
}

type sender func(context.Context) error

func (f sender) Send(ctx context.Context, _ queue.Envelope, _ map[string]string) error { return f(ctx) }
