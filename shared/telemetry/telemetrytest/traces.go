package telemetrytest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Traces asks Datadog's test agent for what a test's functions have sent. There is one session at a time, so tests that
// use it run one after the other.
type Traces struct{ t testing.TB }

// NewTraces begins a session.
func NewTraces(t testing.TB) *Traces {
	t.Helper()
	tr := &Traces{t}
	tr.get("/test/trace_check/clear?clear_all=true", nil)
	tr.get("/test/session/start", nil)
	return tr
}

// ServiceSpan is a span as the test agent tells it.
type ServiceSpan struct {
	Name      string             `json:"name"`
	Service   string             `json:"service"`
	Resource  string             `json:"resource"`
	Type      string             `json:"type"`
	TraceID   uint64             `json:"trace_id"` // the lower half
	SpanID    uint64             `json:"span_id"`
	ParentID  uint64             `json:"parent_id"`
	Error     int                `json:"error"`
	Meta      map[string]string  `json:"meta"`
	Metrics   map[string]float64 `json:"metrics"`
	SpanLinks []SpanLink         `json:"span_links"`
}

// SpanLink points to another span.
type SpanLink struct {
	TraceID     uint64            `json:"trace_id"`
	TraceIDHigh uint64            `json:"trace_id_high"`
	SpanID      uint64            `json:"span_id"`
	Attributes  map[string]string `json:"attributes"`
}

// FullTraceID is all 128 bits, as log records and traceparent have them. Of the spans of one payload only the first says
// the upper half.
func (s ServiceSpan) FullTraceID() string {
	return full(s.Meta["_dd.p.tid"], s.TraceID)
}

// FullTraceID is all 128 bits.
func (l SpanLink) FullTraceID() string { return full(fmt.Sprintf("%016x", l.TraceIDHigh), l.TraceID) }

func full(upper string, lower uint64) string { return upper + fmt.Sprintf("%016x", lower) }

// Spans waits for the spans that the test expects, drawn as Tree does, and fails when there are others: one that nobody
// expected is a change of what is shown and paid for. It also fails when the test agent did not like the payloads, or
// did not look.
//
// The tracer sends in the background, also after the function has answered.
func (tr *Traces) Spans(want string) (all []ServiceSpan) {
	tr.t.Helper()
	n := strings.Count(want, "\n")
	for end := time.Now().Add(10 * time.Second); len(all) < n && time.Now().Before(end); all = tr.spans() {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond) // for those that should not come
	all = tr.spans()
	if got := Tree(all); got != want {
		tr.t.Fatalf("the spans are\n%s\nand should be\n%s", got, want)
	}
	tr.get("/test/trace_check/failures", nil) // answers 400 when a check failed
	var checks map[string]struct {
		Passed int `json:"Passed_Checks"`
	}
	tr.get("/test/trace_check/summary", &checks)
	if checks["trace_count_header"].Passed == 0 {
		tr.t.Fatalf("the test agent checked nothing: %v", checks)
	}
	return all
}

func (tr *Traces) spans() (all []ServiceSpan) {
	var traces [][]ServiceSpan
	tr.get("/test/session/traces", &traces)
	for _, spans := range traces {
		all = append(all, spans...)
	}
	return all
}

// Requests is what was sent to the test agent, each request with its headers and its body as they came.
func (tr *Traces) Requests() []string {
	var requests []struct {
		Headers json.RawMessage
		Body    []byte // base64 in the answer
	}
	tr.get("/test/session/requests", &requests)
	var all []string
	for _, r := range requests {
		all = append(all, string(r.Headers)+string(r.Body))
	}
	return all
}

func (tr *Traces) get(path string, into any) {
	tr.t.Helper()
	res, err := http.Get("http://" + traceAgentAddress + path)
	if err != nil {
		tr.t.Fatalf("Datadog's test agent: %v", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		tr.t.Fatalf("Datadog's test agent, %s: %d %s %v", path, res.StatusCode, body, err)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(body, into); err != nil {
		tr.t.Fatalf("Datadog's test agent, %s: %v: %s", path, err, body)
	}
}
