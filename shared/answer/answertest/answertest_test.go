package answertest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/shared/call/calltest"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const routing = "0123456789abcdef0123456789ABCDEF"

// with is a JSON object with one member changed; nil takes it away. A name "a.b" is member b of member a.
func with(t *testing.T, object, name string, v any) string {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(object), &o); err != nil {
		t.Fatal(err)
	}
	in := o
	if outer, inner, nested := strings.Cut(name, "."); nested {
		in, name = o[outer].(map[string]any), inner
	}
	if in[name] = v; v == nil {
		delete(in, name)
	}
	out, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

type change struct {
	member string
	value  any
	wrong  string // "" for what is allowed
}

func checkChanges(t *testing.T, object string, check func([]byte) []string, changes []change) {
	t.Helper()
	if errs := check([]byte(object)); len(errs) > 0 {
		t.Fatalf("%q", errs)
	}
	for _, c := range changes {
		errs := strings.Join(check([]byte(with(t, object, c.member, c.value))), "; ")
		if (errs == "") != (c.wrong == "") || !strings.Contains(errs, c.wrong) {
			t.Errorf("%s = %.60v: %q, want %q", c.member, c.value, errs, c.wrong)
		}
	}
}

func TestCheckEvent(t *testing.T) {
	const event = `{"title":"t","text":"x","tags":["a:b"],"aggregation_key":"k","alert_type":"info","priority":"low","date_happened":1795176000,"source_type_name":"my_apps"}`
	checkChanges(t, event, func(b []byte) []string { return CheckEvent(b, noon) }, []change{
		{"title", nil, "'title' is missing"},
		{"title", "", "'title' is missing"},
		{"title", 7, "'title' is not a string"},
		{"title", strings.Repeat("x", 150), ""},
		{"text", nil, "'text' is missing"},
		{"text", strings.Repeat("決", 4000), ""},
		{"text", strings.Repeat("x", 4001), "'text' is too long"},
		{"tags", "a", "'tags' is not an array"},
		{"tags", []any{"ä.ö/1-2_3:4"}, ""},
		{"tags", []any{"1a"}, "'tags[0]' is no tag"},
		{"tags", []any{"a", "b c"}, "'tags[1]' is no tag"},
		{"tags", []any{strings.Repeat("x", 201)}, "is too long"},
		{"aggregation_key", strings.Repeat("x", 100), ""},
		{"aggregation_key", strings.Repeat("x", 101), "is too long"},
		{"alert_type", "critical", "'alert_type' is invalid"},
		{"priority", "high", "'priority' is invalid"},
		{"date_happened", "1795176000", "is not an integer"},
		{"date_happened", 1795176000.5, "is not an integer"},
		{"date_happened", noon.Add(-18 * time.Hour).Unix(), ""},
		{"date_happened", noon.Add(-18*time.Hour).Unix() - 1, "older than 18 hours"},
		{"host", "h", ""},
		{"related_event_id", 7, ""},
		{"something_else", 1, ""},
	})
	for _, body := range []string{"", "[]", "x", event + event, "{\"title\":\"\xff\",\"text\":\"x\"}"} {
		if len(CheckEvent([]byte(body), noon)) == 0 {
			t.Errorf("%q is accepted", body)
		}
	}
}

func TestCheckAlertEvent(t *testing.T) {
	const event = `{"routing_key":"` + routing + `","event_action":"trigger","dedup_key":"k","client":"c","client_url":"https://example.com/",
		"payload":{"summary":"s","source":"h","severity":"error","timestamp":"2026-11-20T12:00:00.000Z","component":"c","group":"g","class":"x","custom_details":{"a":1}},
		"links":[{"href":"https://example.com/","text":"t"}],"images":[{"src":"https://example.com/i"}]}`
	checkChanges(t, event, CheckAlertEvent, []change{
		{"routing_key", nil, "'routing_key' is missing"},
		{"routing_key", routing[1:], "should be 32 characters"},
		{"routing_key", 7, "should be 32 characters"},
		{"routing_key", strings.Repeat("-", 32), "non-alphanumeric"},
		{"event_action", nil, "'event_action' is missing"},
		{"event_action", "Trigger", "'event_action' is invalid"},
		{"event_action", "acknowledge", ""},
		{"dedup_key", nil, ""},
		{"dedup_key", strings.Repeat("決", 255), ""},
		{"dedup_key", strings.Repeat("x", 256), "is too long"},
		{"payload", nil, "'payload' is missing"},
		{"payload", "x", "'payload' is not an object"},
		{"payload.summary", nil, "'summary' is missing"},
		{"payload.summary", strings.Repeat("x", 1024), ""},
		{"payload.summary", strings.Repeat("x", 1025), "is too long"},
		{"payload.source", "", "'source' is missing"},
		{"payload.severity", "high", "'severity' is invalid"},
		{"payload.timestamp", "2026-11-20 12:00", "not a timestamp"},
		{"payload.timestamp", "2026-11-20T12:00:00.000+0000", ""},
		{"payload.custom_details", "x", "not an object"},
		{"payload.title", "x", "'title' is not a known member"},
		{"links", []any{map[string]any{"text": "t"}}, "'href' is missing"},
		{"links", []any{map[string]any{"href": "/x"}}, "'href' is not a URL"},
		{"links", []any{"x"}, "'links[0]' is not an object"},
		{"links", map[string]any{}, "'links' is not an array"},
		{"images", []any{map[string]any{"alt": "t"}}, "'src' is missing"},
		{"service_key", "x", "'service_key' is not a known member"},
	})
	const resolve = `{"routing_key":"` + routing + `","event_action":"resolve","dedup_key":"k"}`
	checkChanges(t, resolve, CheckAlertEvent, []change{
		{"dedup_key", nil, "'dedup_key' is missing"},
		{"dedup_key", "", "'dedup_key' is missing"},
	})
	for body, want := range map[string]string{
		"x": "JSON parse error", "[]": "format is unrecognized", resolve + "1": "JSON parse error",
		`{"a":"` + strings.Repeat("x", 512<<10) + `"}`: "too large",
	} {
		if errs := CheckAlertEvent([]byte(body)); len(errs) != 1 || !strings.Contains(errs[0], want) {
			t.Errorf("%.20q: %q, want %q", body, errs, want)
		}
	}
}

func TestCheckChangeEvent(t *testing.T) {
	const event = `{"routing_key":"` + routing + `","payload":{"summary":"s","source":"h","timestamp":"2026-11-20T12:00:00Z","custom_details":{}},"links":[{"href":"http://example.com"}]}`
	checkChanges(t, event, CheckChangeEvent, []change{
		{"routing_key", nil, "'routing_key' is missing"},
		{"payload.summary", nil, "'summary' is missing"},
		{"payload.source", nil, ""},
		{"payload.severity", "info", "'severity' is not a known member"},
		{"dedup_key", "k", "'dedup_key' is not a known member"},
		{"images", []any{}, "'images' is not a known member"},
	})
	if errs := CheckChangeEvent([]byte("x")); len(errs) != 1 {
		t.Errorf("%q", errs)
	}
}

// post sends a body, in process.
func post(t *testing.T, s *Server, method, path, key, body string) (status int, said string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("DD-API-KEY", key)
	}
	resp, err := s.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestDatadog(t *testing.T) {
	var told []Request
	d, err := NewDatadog(Options{InProcess: true, Now: func() time.Time { return noon }, OnRequest: func(r Request) { told = append(told, r) }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const event = `{"title":"t","text":"x","tags":["a:b"]}`
	for _, c := range []struct {
		method, path, key, body string
		want                    int
		said                    string
	}{
		{"POST", datadogPath, d.Key(), event, 202, `"status":"ok"`},
		{"POST", datadogPath, d.Key(), `{"title":"t"}`, 400, `{"errors":["'text' is missing or blank"]}`},
		{"POST", datadogPath, routing, event, 403, "Forbidden"},
		{"POST", datadogPath, "", event, 403, "Forbidden"},
		{"POST", "/api/v2/events", d.Key(), event, 404, ""},
		{"GET", datadogPath, d.Key(), "", 405, ""},
	} {
		if status, said := post(t, d.Server, c.method, c.path, c.key, c.body); status != c.want || !strings.Contains(said, c.said) {
			t.Errorf("%s %s %s: %d %s, want %d %s", c.method, c.path, c.body, status, said, c.want, c.said)
		}
	}
	if e := d.Events(); len(e) != 1 || e[0].Title != "t" || e[0].Tags[0] != "a:b" || !e[0].At.Equal(noon) {
		t.Errorf("%+v", e)
	}
	if len(told) != 6 || !told[0].Taken || told[1].Taken || len(told[2].Errors) != 1 || len(d.Requests()) != 6 {
		t.Errorf("told of %+v", told)
	}
	r, _ := http.NewRequestWithContext(t.Context(), "POST", d.URL()+datadogPath, strings.NewReader(event))
	r.Header.Set("DD-API-KEY", d.Key())
	if resp, err := d.RoundTrip(r); err != nil || resp.StatusCode != 415 {
		t.Errorf("without a content type: %v %v", resp, err)
	}
	r, _ = http.NewRequestWithContext(t.Context(), "POST", d.URL()+datadogPath, iotest.ErrReader(calltest.ErrReset))
	if resp, err := d.RoundTrip(r); err != nil || resp.StatusCode != 400 {
		t.Errorf("of half a request: %v %v", resp, err)
	}
	open, _ := NewDatadog(Options{InProcess: true, AnyKey: true})
	if status, _ := post(t, open.Server, "POST", datadogPath, routing, event); status != 202 {
		t.Errorf("any key is answered %d", status)
	}
}

func TestPagerDuty(t *testing.T) {
	now := noon
	p, err := NewPagerDuty(Options{InProcess: true, AnyKey: true, Now: func() time.Time { now = now.Add(time.Minute); return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	send := func(key, action, dedup string) string {
		body := `{"routing_key":"` + key + `","event_action":"` + action + `","dedup_key":"` + dedup + `","payload":{"summary":"s","source":"h","severity":"info"}}`
		status, said := post(t, p.Server, "POST", alertPath, "", body)
		if status != 202 {
			t.Fatalf("%s: %d %s", body, status, said)
		}
		return said
	}
	other := strings.Repeat("x", 32)
	send(routing, "resolve", "k") // about nothing
	if said := send(routing, "trigger", "k"); said != `{"status":"success","message":"Event processed","dedup_key":"k"}` {
		t.Error(said)
	}
	send(routing, "trigger", "k")
	send(other, "trigger", "k")
	send(other, "acknowledge", "k")
	send(routing, "resolve", "k")
	send(routing, "trigger", "k")
	if said := send(routing, "trigger", ""); !strings.Contains(said, "generated") {
		t.Error(said)
	}
	all := p.Incidents()
	if len(all) != 4 || len(p.Events()) != 8 {
		t.Fatalf("%d incidents of %d events", len(all), len(p.Events()))
	}
	first, second, third := all[0], all[1], all[2]
	if first.Open || first.Triggers != 2 || !first.Resolved.Equal(noon.Add(6*time.Minute)) || first.Acknowledged {
		t.Errorf("the first: %+v", first)
	}
	if !second.Open || second.RoutingKey != other || !second.Acknowledged || second.Triggers != 1 {
		t.Errorf("the second: %+v", second)
	}
	if !third.Open || third.Key != "k" || third.Triggers != 1 {
		t.Errorf("the third: %+v", third)
	}
	if status, said := post(t, p.Server, "POST", changePath, "", `{"routing_key":"`+routing+`","payload":{"summary":"c"}}`); status != 202 || !strings.Contains(said, "success") || len(p.Changes()) != 1 {
		t.Errorf("a change: %d %s", status, said)
	}
	if status, _ := post(t, p.Server, "POST", "/v2/else", "", "{}"); status != 404 {
		t.Errorf("another path: %d", status)
	}
	closed, _ := NewPagerDuty(Options{InProcess: true})
	if status, said := post(t, closed.Server, "POST", alertPath, "", `{"routing_key":"`+routing+`","event_action":"resolve","dedup_key":"k"}`); status != 400 || !strings.Contains(said, `"errors":["Invalid routing key"]`) {
		t.Errorf("an unknown key: %d %s", status, said)
	}
}

// TestInProcess: what would wait waits on the request's clock, and what breaks, breaks.
func TestInProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := NewDatadog(Options{InProcess: true})
		r, _ := http.NewRequestWithContext(t.Context(), "POST", d.URL()+datadogPath, strings.NewReader("{}"))
		began := time.Now()
		d.Next(Slow(3*time.Second), Hang, Reset, Unreachable, ResetInAnswer)
		if resp, err := d.RoundTrip(r); err != nil || resp.StatusCode != 403 || time.Since(began) != 3*time.Second {
			t.Errorf("slow: %v %v after %v", resp, err, time.Since(began))
		}
		for _, want := range []string{"reset", "reset", "refused"} {
			if _, err := d.RoundTrip(r); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
		resp, err := d.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); !errors.Is(err, calltest.ErrReset) || len(b) == 0 {
			t.Errorf("in the answer: %q %v", b, err)
		}
	})
}

// TestClose ends what hangs.
func TestClose(t *testing.T) {
	d, err := NewDatadog(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.RootCAs() != nil {
		t.Error("without TLS there is nobody to trust")
	}
	d.Always(Hang)
	ended := make(chan error, 1)
	go func() {
		resp, err := http.Post(d.URL(), "", strings.NewReader("{}"))
		if err == nil {
			resp.Body.Close()
		}
		ended <- err
	}()
	for len(d.Requests()) == 0 {
		time.Sleep(time.Millisecond)
	}
	d.Close()
	d.Close()
	if err := <-ended; err == nil {
		t.Error("what hung was answered")
	}
	if _, err := NewDatadog(Options{Address: "256.0.0.1:1"}); err == nil {
		t.Error("an address that is none can be listened on")
	}
	if _, err := NewPagerDuty(Options{Address: "256.0.0.1:1"}); err == nil {
		t.Error("an address that is none can be listened on")
	}
}
