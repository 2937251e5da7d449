package intake_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/queue"
)

// answered compares everything that one request has left behind.
func (d *door) answered(t *testing.T, req events.APIGatewayV2HTTPRequest, resp events.APIGatewayV2HTTPResponse, want answer) {
	t.Helper()
	body := []byte(req.Body)
	if decoded, err := base64.StdEncoding.DecodeString(req.Body); err == nil && req.IsBase64Encoded {
		body = decoded
	}
	var said struct {
		Delivery string `json:"delivery,omitempty"`
		Error    string `json:"error,omitempty"`
	}
	said.Error = want.says
	if len(d.sent) == 1 {
		said.Delivery = d.sent[0].Delivery
	}
	wantBody, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	headers := map[string]string{"content-type": "application/json"}
	counts, rejected, level, message := `"DeliveryRejected":1`, "unreadable", "WARN", "delivery refused"
	switch want.status {
	case 202:
		counts, rejected, level, message = `"AlertsReceived":1`, "", "INFO", "delivery accepted"
	case 401:
		headers["www-authenticate"], counts, rejected = "Bearer", `"AuthenticationFailed":1`, ""
	case 405:
		headers["allow"], rejected = "POST", "method"
	case 413:
		rejected = "too_large"
	case 415:
		rejected = "content_type"
	}
	if resp.StatusCode != want.status || resp.Body != string(wantBody) || !maps.Equal(resp.Headers, headers) {
		t.Errorf("answered %d %v %s, want %d %v %s", resp.StatusCode, resp.Headers, resp.Body, want.status, headers, wantBody)
	}
	d.queued(t, body, want)
	d.logged(t, level, message, want)
	log := d.log.String()
	if !strings.Contains(log, counts) || rejected != "" && !strings.Contains(log, `"reason":"`+rejected+`"`) {
		t.Errorf("%s %s was not counted:\n%s", counts, rejected, log)
	}
	if got := strings.Contains(log, `"AlertsReceived":1`); got != (len(d.sent) == 1) {
		t.Errorf("AlertsReceived was counted: %t, with %d messages queued", got, len(d.sent))
	}
	for _, s := range []string{current, previous} {
		if strings.Contains(log+resp.Body, s) {
			t.Error("a token was printed")
		}
	}
}

// queued compares the one message that every authenticated POST leaves, whatever its body.
func (d *door) queued(t *testing.T, body []byte, want answer) {
	t.Helper()
	if want.status == 401 || want.status == 405 {
		if len(d.sent) != 0 {
			t.Errorf("queued %+v of a stranger", d.sent)
		}
		return
	}
	if len(d.sent) != 1 {
		t.Fatalf("queued %d messages, want 1", len(d.sent))
	}
	e := d.sent[0]
	if want.status == 202 {
		if e.Kind != queue.KindAlert || e.Alert == nil || e.Unreadable != nil {
			t.Fatalf("queued %+v, want an alert", e)
		}
		if err := e.Alert.Check(); err != nil || e.Delivery != e.Alert.Delivery {
			t.Errorf("queued %+v: %v", e.Alert, err)
		}
	} else {
		sum := sha256.Sum256(body)
		u := e.Unreadable
		if e.Kind != queue.KindUnreadable || e.Alert != nil || u == nil {
			t.Fatalf("queued %+v, want an unreadable delivery", e)
		}
		if u.Reason != want.reason || u.Words != want.says || u.Bytes != len(body) || u.SHA256 != hex.EncodeToString(sum[:]) ||
			e.Delivery != "raw-"+u.SHA256[:32] || len(u.Excerpt) > queue.MaxExcerpt {
			t.Errorf("queued %s %+v", e.Delivery, u)
		}
	}
	if text, err := queue.Encode(e); err != nil || queue.Fits(text, nil) != nil {
		t.Errorf("the queue does not take it: %v", err)
	} else if _, err := queue.Decode(text); err != nil {
		t.Errorf("the dispatcher does not take it: %v", err)
	}
}

// logged compares the one record that every request leaves.
func (d *door) logged(t *testing.T, level, message string, want answer) {
	t.Helper()
	type record struct {
		Level, Msg, Reason, Says string
		Status                   int
	}
	var all []record
	for line := range bytes.Lines(d.log.Bytes()) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if r.Msg != "" {
			all = append(all, r)
		}
	}
	if r := (record{level, message, want.reason, want.says, want.status}); len(all) != 1 || all[0] != r {
		t.Errorf("logged %+v, want %+v", all, r)
	}
}
