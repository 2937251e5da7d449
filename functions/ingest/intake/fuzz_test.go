package intake_test

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/shared/queue"
)

// FuzzHandle: whatever an authenticated sender posts, it is answered in JSON with a status from the list, and a message is
// queued that the dispatcher can read.
func FuzzHandle(f *testing.F) {
	f.Add(good, "application/json", false)
	f.Add(`{"event_id":"1",}`, "application/json", false)
	f.Add("eyJ0aXRsZSI6ImEifQ==", "text/plain; charset=utf-16", true)
	f.Add("{", "", true)
	f.Add("payload=%7B%7D", `application/x-www-form-urlencoded; a="`, false)
	f.Add(wide(good, binary.BigEndian), ";;=\xff", false)
	f.Add("\x1f\x8b\x08", "application/json", false)
	f.Add(strings.Repeat("[", 100), "application/json", false)
	f.Add(strings.Repeat(" ", intake.MaxBody+1), "", false)
	f.Add(`{"title":"A","tags":[1,null,"a:b"],"title":"\ud800"}`, "multipart/form-data", false)
	f.Fuzz(func(t *testing.T, body, contentType string, isBase64 bool) {
		d := newDoor()
		req := request(body, header("content-type", contentType))
		req.IsBase64Encoded = isBase64
		resp, err := d.handler.Handle(t.Context(), req)
		var said struct{ Delivery, Error string }
		if err != nil || json.Unmarshal([]byte(resp.Body), &said) != nil || !slices.Contains([]int{202, 400, 413, 415}, resp.StatusCode) {
			t.Fatalf("answered %d %s, %v", resp.StatusCode, resp.Body, err)
		}
		if (said.Error == "") != (resp.StatusCode == 202) || len(said.Error) > 400 || len(d.sent) != 1 || said.Delivery != d.sent[0].Delivery {
			t.Fatalf("answered %d %s with %d messages queued", resp.StatusCode, resp.Body, len(d.sent))
		}
		text, err := queue.Encode(d.sent[0])
		if err != nil || queue.Fits(text, nil) != nil {
			t.Fatalf("the queue does not take it: %v", err)
		}
		if got, err := queue.Decode(text); err != nil || got.Kind != d.sent[0].Kind {
			t.Fatalf("the dispatcher does not take it: %v", err)
		}
	})
}
