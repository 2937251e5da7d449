package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/mocktracer"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/tracer"
)

func TestPanicBecomesAnErrorAndOneRecord(t *testing.T) {
	spans, ctx, end := traced(t)
	out := &bytes.Buffer{}
	h := Wrap(Config{Function: "ingest", Out: out}, func(context.Context, int) (string, error) { return "kept?", explode() })

	got, err := h(lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: "request-1"}), 1)
	end(err)

	var p *PanicError
	if !errors.As(err, &p) || err.Error() != "the handler panicked: index out of bounds or so" || got != "" {
		t.Fatalf("%q, %v", got, err)
	}
	if !strings.HasPrefix(p.Stack, "runtime.gopanic") || !strings.Contains(p.Stack, "telemetry.explode\n\t") {
		t.Errorf("the stack does not show where it happened:\n%s", p.Stack)
	}
	var record map[string]any
	if err := json.Unmarshal(out.Bytes(), &record); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Fatalf("%v, want one record: %s", err, out)
	}
	if record["level"] != "ERROR" || record["stack"] != p.Stack || record["request_id"] != "request-1" || record["panic"] != p.Value {
		t.Errorf("record %v", record)
	}
	root := spans()["aws.lambda"]
	if root.Tag("error.type") != "*telemetry.PanicError" || root.Tag("error.stack") != p.Stack ||
		root.Tag("error.message") != "the handler panicked: index out of bounds or so" {
		t.Errorf("root %v", root.Tags())
	}
}

// A message whose handling panics has its span, marked as failed with the place of the panic.
func TestCaughtPanicMarksTheSpanOfItsWork(t *testing.T) {
	spans, ctx, end := traced(t)
	_, span := StartRecord(ctx, events.SQSMessage{MessageId: "m"})
	err := Catch(explode)
	span.End(err)
	end(nil)

	p, ok := errors.AsType[*PanicError](err)
	if !ok || !strings.HasPrefix(p.Stack, "runtime.gopanic") || !strings.Contains(p.Stack, "telemetry.explode\n\t") {
		t.Fatalf("%v", err)
	}
	work := spans()["aws.sqs.process"]
	if work == nil || work.Tag("error.type") != "*telemetry.PanicError" || work.Tag("error.stack") != p.Stack ||
		work.Tag("error.message") != "the handler panicked: index out of bounds or so" {
		t.Errorf("span %v", work)
	}
	if err := Catch(func() error { return context.Canceled }); err != context.Canceled {
		t.Errorf("an error without a panic becomes %v", err)
	}
}

func explode() error { panic("index out\r\nof bounds\x00or so") }

func TestErrorsLeaveAsOneLine(t *testing.T) {
	cause := errors.New("the table is away")
	for _, row := range []struct{ why, text, want string }{
		{"a line stays", "message 1: the table is away", "message 1: the table is away"},
		{"a newline ends the header", "first\n\tsecond\r\nthird", "first second third"},
		{"other control characters are refused in headers too", "a\x00b\x1bc\x7fd", "a b c d"},
		{"other languages stay", "テーブルがない", "テーブルがない"},
		{"bytes that are no text", "a\xffb", "a\uFFFDb"},
		{"a novel is cut", strings.Repeat("x", 5000), strings.Repeat("x", 1000)},
		{"but not inside a character", strings.Repeat("x", 999) + "é", strings.Repeat("x", 999)},
		{"nor behind a blank, which a header loses", strings.Repeat("x", 999) + " y", strings.Repeat("x", 999)},
	} {
		t.Run(row.why, func(t *testing.T) {
			h := Wrap(Config{Out: &bytes.Buffer{}}, func(context.Context, int) (int, error) {
				return 0, fmt.Errorf("%s%w", row.text, silent{cause})
			})
			_, err := h(t.Context(), 0)
			if err.Error() != row.want {
				t.Errorf("got  %q\nwant %q", err, row.want)
			}
			if !errors.Is(err, cause) {
				t.Error("the cause is lost")
			}
		})
	}
}

// silent is an error inside another one that adds no words.
type silent struct{ error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.error }

func FuzzOneLine(f *testing.F) {
	for _, s := range []string{"", "a\nb", "\xff\xfe", " \t ", strings.Repeat("é", 600)} {
		f.Add(s)
	}
	dialled := errors.New("the request would be sent")
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, dialled }}
	f.Fuzz(func(t *testing.T, s string) {
		got := oneLine(s)
		if len(got) > maxError || !utf8.ValidString(got) || oneLine(got) != got {
			t.Fatalf("%q becomes %q, then %q", s, got, oneLine(got))
		}
		// The wrapper reports an invocation's end in a request with this header; a bad value keeps it from being sent.
		r, _ := http.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
		r.Header.Set("X", got)
		if _, err := transport.RoundTrip(r); !errors.Is(err, dialled) {
			t.Fatalf("%q: %v", got, err)
		}
	})
}

func TestHandlerThatWorksPassesUntouched(t *testing.T) {
	out := &bytes.Buffer{}
	h := Wrap(Config{Out: out}, func(_ context.Context, in string) (string, error) { return in + "!", nil })
	if got, err := h(t.Context(), "in"); got != "in!" || err != nil || out.Len() != 0 {
		t.Errorf("%q %v %s", got, err, out)
	}
}

func TestRootHidesTheSendersTrace(t *testing.T) {
	spans, ctx, end := traced(t)
	var seen string
	guarded := Wrap(Config{Out: &bytes.Buffer{}}, func(context.Context, json.RawMessage) (any, error) { return nil, nil })
	root := newRoot(func(ctx context.Context, event json.RawMessage) (any, error) {
		seen = string(event)
		return guarded(ctx, event)
	})
	_, err := root(ctx, json.RawMessage(`{"headers":{"x-datadog-trace-id":"1234","a":"b"}}`))
	end(err)
	if seen != `{"headers":{"a":"b"}}` {
		t.Errorf("the wrapper sees %s", seen)
	}
	if got := spans()["aws.lambda"].Tag("upstream.trace_id"); got != "1234" {
		t.Errorf("upstream.trace_id is %v", got)
	}
}

// traced starts a tracer that sends nothing, and a span like the one that Datadog's wrapper makes for an invocation. end
// ends it as the wrapper does, and the tracer, of which there is one at a time. spans gives what has ended, by name.
func traced(t *testing.T) (spans func() map[string]mocktracer.Span, ctx context.Context, end func(error)) {
	t.Helper()
	mt := mocktracer.Start()
	t.Cleanup(mt.Stop)
	span, ctx := tracer.StartSpanFromContext(t.Context(), "aws.lambda")
	spans = func() map[string]mocktracer.Span {
		by := map[string]mocktracer.Span{}
		for _, s := range mt.FinishedSpans() {
			by[s.OperationName()] = s
		}
		return by
	}
	return spans, ctx, func(err error) {
		span.Finish(tracer.WithError(err), tracer.NoDebugStack())
		mt.Stop()
	}
}
