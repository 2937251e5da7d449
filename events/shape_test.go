package events_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/shared/datadog"
)

// The events are what the HTTP API makes of a request, not what is easy to write down.
func TestDeliveriesHaveTheFormOfTheHTTPAPI(t *testing.T) {
	requests := map[string]string{}
	for _, d := range load(t).HTTP {
		r, c := d.Request, d.Request.RequestContext
		if r.Version != "2.0" || c.Stage != "$default" || c.APIID == "" || c.HTTP.Path != r.RawPath || !strings.HasPrefix(c.DomainName, c.DomainPrefix) {
			t.Errorf("%s: not a payload of version 2.0: %+v", d.Case, c)
		}
		if other := requests[c.RequestID]; other != "" || len(c.RequestID) != 16 {
			t.Errorf("%s: its request id %q is that of %q, or has not 16 characters", d.Case, c.RequestID, other)
		}
		requests[c.RequestID] = d.Case
		if at := time.UnixMilli(c.TimeEpoch).UTC(); c.Time != at.Format("02/Jan/2006:15:04:05 -0700") {
			t.Errorf("%s: time %s and timeEpoch %s differ", d.Case, c.Time, at)
		}
		for name := range r.Headers {
			if d.Case != "title-case-headers" && name != strings.ToLower(name) {
				t.Errorf("%s: header %s is not in small letters", d.Case, name)
			}
		}
		if length := header(r.Headers, "content-length"); c.HTTP.Method == "POST" && length != strconv.Itoa(len(body(t, d))) {
			t.Errorf("%s: content-length %s, and the body has %d bytes", d.Case, length, len(body(t, d)))
		}
		text := strings.HasPrefix(header(r.Headers, "content-type"), "application/json")
		if c.HTTP.Method == "POST" && r.IsBase64Encoded == text {
			t.Errorf("%s: a body in base64 (%t) with content type %s", d.Case, r.IsBase64Encoded, header(r.Headers, "content-type"))
		}
	}
}

// Datadog escapes what is not ASCII, and whoever writes to it through our template sends exactly the template's names.
func TestDeliveriesHaveTheFormOfDatadog(t *testing.T) {
	var template map[string]string
	if err := json.Unmarshal([]byte(datadog.Template()), &template); err != nil {
		t.Fatal(err)
	}
	want := slices.Sorted(maps.Keys(template))
	ours := 0
	for _, d := range load(t).HTTP {
		text := body(t, d)
		for _, c := range []byte(text) {
			if c > '~' {
				t.Errorf("%s: the body is not ASCII", d.Case)
				break
			}
		}
		var fields map[string]any
		if json.Unmarshal([]byte(text), &fields) != nil || fields["schema"] == nil {
			continue
		}
		ours++
		if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) {
			t.Errorf("%s: fields %q, and our template has %q", d.Case, got, want)
		}
	}
	if ours < 40 {
		t.Errorf("only %d deliveries came through our template", ours)
	}
}

func TestTooLargeIsTooLarge(t *testing.T) {
	m := load(t)
	if n := len(find(t, m, "too-large").Request.Body); n != intake.MaxBody+1 {
		t.Errorf("too-large has %d bytes, and ingest takes %d", n, intake.MaxBody)
	}
	if m.HTTP[0].Request.Headers["content-length"] == strconv.Itoa(intake.MaxBody+1) {
		t.Error("the delivery of which it was made has changed with it")
	}
}

func body(t *testing.T, d events.Delivery) string {
	t.Helper()
	if !d.Request.IsBase64Encoded {
		return d.Request.Body
	}
	b, err := base64.StdEncoding.DecodeString(d.Request.Body)
	if err != nil {
		t.Errorf("%s: %v", d.Case, err)
	}
	return string(b)
}

func header(headers map[string]string, name string) string {
	for k, v := range headers {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}
