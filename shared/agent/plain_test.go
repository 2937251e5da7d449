package agent

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/events"
)

// The Agent's own events that can be used are plain, and others under its source are not.
func TestWhichEventsArePlain(t *testing.T) {
	m, err := events.Load()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range m.EventBridge {
		e, err := DecodeEvent(c.Event)
		_, _, plainly := readPlain(c.Event)
		if ours := e.Kind != Other; err == nil && ours != plainly {
			t.Errorf("%s: plain %t; %v", c.Case, plainly, err)
		}
		if plainly {
			n++
		}
	}
	if n < 5 {
		t.Errorf("%d events of the corpus are plain", n)
	}
}

// FuzzReadPlain: what is read in one pass means what it means to encoding/json.
func FuzzReadPlain(f *testing.F) {
	m, err := events.Load()
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range m.EventBridge {
		f.Add(string(c.Event))
		f.Add(strings.Replace(string(c.Event), `"detail":`, `"detail":{"data":{"status":"FAILED"}},"detail":`, 1))
		f.Add(strings.Replace(string(c.Event), `"metadata":`, `"metadata":{"task_id":"x"},"metadata":`, 1))
		f.Add(strings.Replace(string(c.Event), `"status":`, `"Status":"FAILED","status":`, 1))
		f.Add(strings.Replace(string(c.Event), `"created_at": "2`, `"created_at": "\u0032`, 1))
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, d, plainly := readPlain([]byte(text))
		if !plainly {
			return
		}
		var want wireEvent
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%q is taken for JSON: %v", text, err)
		}
		detail, err := decodeDetail(want.Detail)
		if err != nil || detail != d {
			t.Errorf("%q has the detail %+v, and was read as %+v, %v", text, detail, d, err)
		}
		if want.Detail = nil; want.ID != w.ID || want.Source != w.Source || want.DetailType != w.DetailType || want.Time != w.Time {
			t.Errorf("%q is %+v, and was read as %+v", text, want, w)
		}
	})
}
