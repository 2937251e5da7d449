package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/tracer"
)

func record(t *testing.T, line []byte) map[string]any {
	t.Helper()
	var r map[string]any
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatalf("%v: %q", err, line)
	}
	return r
}

func TestRecordsCarryTheirIDs(t *testing.T) {
	out := &bytes.Buffer{}
	l := Logger(Config{Function: "ingest", Version: "1.2.3", Out: out})
	_, ctx, end := traced(t)
	defer end(nil)
	span, _ := tracer.SpanFromContext(ctx)
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
	l.WarnContext(ctx, "took <it>", "case", "c-1", "time", time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))

	r := record(t, out.Bytes())
	want := map[string]any{
		"level": "WARN", "message": "took <it>", "function": "ingest", "version": "1.2.3", "request_id": "request-1", "case": "c-1",
		"time":        "2026-11-21T12:00:00Z", // of the alert: it must not become the record's
		"dd.trace_id": TraceID(ctx), "dd.span_id": json.Number(strings.Trim(jsonText(t, span.Context().SpanID()), `"`)).String(),
	}
	for k, v := range want {
		if r[k] != v {
			t.Errorf("%s is %v, want %v", k, r[k], v)
		}
	}
	// Lambda takes the level of a record for INFO, whatever it says, when it has no valid timestamp.
	if at, err := time.Parse(time.RFC3339, r["timestamp"].(string)); err != nil || time.Since(at) > time.Minute || !strings.HasSuffix(r["timestamp"].(string), "Z") {
		t.Errorf("timestamp %v, %v", r["timestamp"], err)
	}
	if len(r) != len(want)+1 || !strings.Contains(out.String(), "<it>") {
		t.Errorf("record %s", out)
	}
	if len(r["dd.trace_id"].(string)) != 32 {
		t.Errorf("trace id %v", r["dd.trace_id"])
	}

	out.Reset()
	l.WithGroup("answer").With("status", 200).InfoContext(ctx, "inside a group", "took", "1s")
	r = record(t, out.Bytes())
	if r["dd.trace_id"] != TraceID(ctx) || r["function"] != "ingest" || r["answer"].(map[string]any)["status"] != 200.0 {
		t.Errorf("%s", out)
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRecordWithoutTraceOrInvocation(t *testing.T) {
	out := &bytes.Buffer{}
	Logger(Config{Function: "ingest", Out: out}).InfoContext(t.Context(), "ready")
	r := record(t, out.Bytes())
	for _, k := range []string{"dd.trace_id", "dd.span_id", "request_id"} {
		if _, ok := r[k]; ok {
			t.Errorf("there is a %s: %s", k, out)
		}
	}
}

func TestLevels(t *testing.T) {
	for text, want := range map[string]slog.Level{
		"": slog.LevelInfo, "debug": slog.LevelDebug, "INFO": slog.LevelInfo, "Warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		cfg, err := FromEnv(func(k string) string { return map[string]string{"LOG_LEVEL": text, "STACK_NAME": "prod"}[k] })
		if err != nil || cfg.Level != want || cfg.Stack != "prod" {
			t.Errorf("%q: %+v, %v", text, cfg, err)
		}
		out := &bytes.Buffer{}
		cfg.Out = out
		l := Logger(cfg)
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			out.Reset()
			if l.Log(t.Context(), level, "x"); (out.Len() > 0) != (level >= want) {
				t.Errorf("LOG_LEVEL %q, %v: wrote %q", text, level, out)
			}
		}
	}
	if _, err := FromEnv(func(string) string { return "loud" }); err == nil || !strings.Contains(err.Error(), `"loud"; set it to debug, info, warn or error`) {
		t.Errorf("%v", err)
	}
}

func TestFromEnvLooksForTheExtension(t *testing.T) {
	cfg, err := FromEnv(func(k string) string {
		return map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "prod-ingest", "DD_VERSION": "1.2.3"}[k]
	})
	_, missing := os.Stat(ExtensionFile)
	if err != nil || cfg.Function != "prod-ingest" || cfg.Version != "1.2.3" || cfg.Datadog != (missing == nil) {
		t.Errorf("%+v, %v", cfg, err)
	}
}

func TestLoggerIsNobodysDefault(t *testing.T) {
	before, writer := slog.Default(), log.Writer()
	Logger(Config{Out: &bytes.Buffer{}})
	if slog.Default() != before || log.Writer() != writer {
		t.Error("making a logger changes the process")
	}
}

func TestLibrariesSpeakInRecords(t *testing.T) {
	out := &bytes.Buffer{}
	l := &libraryLog{log: Logger(Config{Level: slog.LevelDebug, Out: out})}
	for _, row := range []struct {
		say            func()
		level, message string
	}{
		// What datadog-lambda-go prints, and what it would become with slog.SetDefault: INFO, with JSON for its message.
		{func() { log.New(l, "", 0).Println(`{"status":"error","message":"datadog: can't flush"}`) }, "ERROR", "datadog: can't flush"},
		{func() { log.New(l, "", 0).Println(`{"status":"warning","message":"datadog: old"}`) }, "WARN", "datadog: old"},
		{func() { log.New(l, "", 0).Println(`{"status":"debug","message":"datadog: hm"}`) }, "DEBUG", "datadog: hm"},
		// What aws-lambda-go prints of an event that the handler never saw.
		{func() { log.New(l, "", 0).Println(`{"errorMessage":"no ledger","errorType":"wrapError"}`) }, "ERROR", "the invocation failed: no ledger"},
		{func() { log.New(l, "", 0).Println("http: superfluous call") }, "INFO", "http: superfluous call"},
		{func() { log.New(l, "", 0).Println(`{"status":1}`) }, "INFO", `{"status":1}`},
		{func() { l.Log("Datadog Tracer v2.3.0 ERROR: lost 3 traces: no route") }, "ERROR", "datadog: lost 3 traces: no route"},
		{func() { l.Log("Datadog Tracer v2.3.0 WARN: Remote config startup error: disabled") }, "DEBUG", "datadog: Remote config startup error: disabled"},
		{func() { l.Log("Datadog Tracer v2.3.0 WARN: unable to look up hostname\n") }, "WARN", "datadog: unable to look up hostname"},
	} {
		out.Reset()
		row.say()
		if r := record(t, out.Bytes()); r["level"] != row.level || r["message"] != row.message {
			t.Errorf("%s, want %s %s", out, row.level, row.message)
		}
	}
}

// FuzzLibraryLog: whatever a library prints is one record of one line.
func FuzzLibraryLog(f *testing.F) {
	for _, s := range []string{
		"", "\n", `{"status":"error","message":"a\nb"}`, `{"errorMessage":"\u0000"}`, `{"status":1}`, "\xff\x00", "[[[", `"x"`,
		"Datadog Tracer v2.3.0 WARN: Remote config startup error: disabled", ": ", "Datadog Tracer v2.3.0 ERROR: a: b\nc",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, said string) {
		for name, say := range map[string]func(*libraryLog){
			"the log":    func(l *libraryLog) { _, _ = l.Write([]byte(said)) },
			"the tracer": func(l *libraryLog) { l.Log(said) },
		} {
			out := &bytes.Buffer{}
			say(&libraryLog{log: Logger(Config{Level: slog.LevelDebug, Out: out})})
			if r := record(t, out.Bytes()); r["message"] == nil || r["level"] == nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
				t.Errorf("%s says %q: %s", name, said, out)
			}
		}
	})
}

// What a handler returns it has told itself. What goes wrong before it is told by Lambda's library alone.
func TestHandlersErrorIsNotLoggedTwice(t *testing.T) {
	out := &bytes.Buffer{}
	l := &libraryLog{log: Logger(Config{Out: out})}
	_, err := telling(l, func(context.Context, int) (int, error) { return 0, errors.New("no ledger") })(t.Context(), 1)
	log.New(l, "", 0).Println(`{"errorMessage":"no ledger","errorType":"errorString"}`)
	if out.Len() > 0 || err == nil {
		t.Errorf("%v, and again: %s", err, out)
	}
	log.New(l, "", 0).Println(`{"errorMessage":"no JSON","errorType":"SyntaxError"}`)
	if r := record(t, out.Bytes()); r["message"] != "the invocation failed: no JSON" {
		t.Errorf("%s", out)
	}
}
