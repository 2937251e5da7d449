package telemetrytest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// mutant is a fault that somebody could make. The tests of this package must notice it, for the reason that is meant.
type mutant struct {
	name     string
	edits    []edit
	function string // the one that has the fault
	test     string // the pattern of the test that must fail
	says     string // in these words among others
}

// edit replaces a text that is in the file exactly once.
type edit struct{ file, old, new string }

var mutants = []mutant{
	{
		"the message carries no trace",
		[]edit{{"functions/ingest/intake/handler.go", `attributes[telemetry.TraceAttribute] = c`, `_ = c`}},
		"ingest", "^TestOneTraceFromIngestToTheAgent$", "the message carries no trace",
	},
	{
		"Datadog's own trace is continued",
		[]edit{{"shared/telemetry/start.go", `event, upstream := withoutTrace(event)`, `_, upstream := withoutTrace(event)`}},
		"ingest", "^TestOneTraceFromIngestToTheAgent$", "parent not there",
	},
	{
		"the carrier has 64 bits",
		[]edit{{"shared/telemetry/span.go", `text, err := json.Marshal(headers)`, `for _, name := range []string{"x-datadog-tags", "traceparent", "tracestate"} {
		delete(headers, name)
	}
	text, err := json.Marshal(headers)`}},
		"ingest", "^TestOneTraceFromIngestToTheAgent$", "link invocation to nothing",
	},
	{
		"a message follows its invocation and not its sender",
		[]edit{{"shared/telemetry/span.go", `sender := extract(carried(m))`, `sender := invocation.Context()`}},
		"dispatcher", "^TestEachMessageOfABatchKeepsItsTrace$", "the spans are",
	},
	{
		"the later messages of a batch link to half an id",
		[]edit{{"shared/telemetry/span.go", `back.TraceIDHigh = upper.Load()`, ``}},
		"dispatcher", "^TestEachMessageOfABatchKeepsItsTrace$", "link invocation to nothing",
	},
	{
		"a start that waited has no link",
		[]edit{{"shared/telemetry/span.go", `opts = append(opts, tracer.WithSpanLinks([]ddtrace.SpanLink{link(first, "first_alert")}))`, `_ = first`}},
		"scheduler", "^TestStartThatWaitedIsLinkedToItsAlert$", "the spans are",
	},
	{
		"the case does not keep its first alert's trace",
		[]edit{{"functions/dispatcher/dispatch/handler.go", `telemetry.TraceID(ctx), telemetry.Carrier(ctx)`, `telemetry.TraceID(ctx), ""`}},
		"dispatcher", "^TestStartThatWaitedIsLinkedToItsAlert$", "the spans are",
	},
	{
		"a span does not end",
		[]edit{{"shared/telemetry/span.go", `s.dd.Finish()`, ``}},
		"ingest", "^TestOneTraceFromIngestToTheAgent$", "the spans are",
	},
	{
		"a failed invocation has no stack",
		[]edit{{"shared/telemetry/guard.go", "Fail(ctx, err)\n", "\n"}},
		"dispatcher", "^TestMessageWithoutVerdictIsMarked$", `aws.lambda: stack ""`,
	},
	{
		"a refused start marks no trace",
		[]edit{{"shared/start/record.go", `if out != delivery.Accepted {`, `if false {`}},
		"dispatcher", "^TestRefusedStartIsMarked$", "the spans are",
	},
	{
		"the call has no peer",
		[]edit{{"shared/telemetry/call.go", `httptrace.RTWithSpanOptions(tracer.Tag("peer.service", service)),`, ``}},
		"dispatcher", "^TestOneTraceFromIngestToTheAgent$", "the spans are",
	},
	{
		"the Agent is sent a trace",
		[]edit{{"shared/telemetry/call.go", `httptrace.RTWithPropagation(false),`, ``}},
		"dispatcher", "^TestOneTraceFromIngestToTheAgent$", "the Agent is sent Traceparent",
	},
	{
		"the Agent's whole address is in a tag",
		[]edit{{"shared/telemetry/call.go", `r.URL.Scheme+"://"+r.URL.Host`, `r.URL.String()`}},
		"dispatcher", "^TestOneTraceFromIngestToTheAgent$", "trace agent: a secret is told",
	},
	{
		"the dispatcher samples for itself",
		[]edit{{"shared/telemetry/span.go", `sc, err := tracer.Extract(headers)`, `for _, name := range []string{"x-datadog-sampling-priority", "traceparent", "tracestate"} {
		delete(headers, name)
	}
	sc, err := tracer.Extract(headers)`}},
		"dispatcher", "^TestSamplingIsDecidedInIngest$", "priority of dispatcher",
	},
	{
		"with the extension CloudWatch is told nothing",
		[]edit{{"shared/telemetry/count.go", `r.write(r.line(ctx, def, n, dims))`, `if r.datadog == nil {
		r.write(r.line(ctx, def, n, dims))
	}`}},
		"dispatcher", "^TestOneTraceFromIngestToTheAgent$", "counted map[]",
	},
	{
		"DogStatsD is told nothing",
		[]edit{{"shared/telemetry/count.go", `r.datadog = ddlambda.Metric`, `_ = ddlambda.Metric`}},
		"dispatcher", "^TestOneTraceFromIngestToTheAgent$", "DogStatsD has",
	},
	{
		"log records carry no ids",
		[]edit{{"shared/telemetry/log.go", `return slog.New(slogtrace.WrapHandler(invocation{lines}))`, `_ = slogtrace.WrapHandler
	return slog.New(invocation{lines})`}},
		"scheduler", "^TestStartThatWaitedIsLinkedToItsAlert$", "are no span's",
	},
	{
		"a record is written without its context",
		[]edit{{"functions/dispatcher/dispatch/record.go", `l.Log.LogAttrs(ctx, level, "alert decided"`, `l.Log.LogAttrs(context.Background(), level, "alert decided"`}},
		"dispatcher", "^TestOneTraceFromIngestToTheAgent$", "trace of the record alert decided",
	},
	{
		"wrapped without the extension",
		[]edit{{"shared/telemetry/telemetry.go", `cfg.Datadog = err == nil`, `cfg.Datadog = err == nil || true`}},
		"ingest", "^TestWithoutTheExtensionNothingIsSent$", "the message carries",
	},
	{
		"without the extension Datadog's public API is called",
		[]edit{
			{"shared/telemetry/telemetry.go", `cfg.Datadog = err == nil`, `cfg.Datadog = err == nil || true`},
			{"shared/telemetry/start.go", `closed := true`, `closed := false`},
		},
		"dispatcher", "^TestWithoutTheExtensionNothingIsSent$", "somebody looked up",
	},
	{
		"outcome is not traced",
		[]edit{{"functions/outcome/main.go", `telemetry.Start(cfg.Telemetry, h.Handle)`, `cfg.Telemetry.Datadog = false
	telemetry.Start(cfg.Telemetry, h.Handle)`}},
		"outcome", "^TestEventOfTheAgentIsATraceOfItsOwn$", "the spans are",
	},
	{
		"the alert's trace does not say its case",
		[]edit{{"functions/dispatcher/dispatch/record.go", `span.Tag("case", l.decision.Case)`, ``}},
		"dispatcher", "^TestEventOfTheAgentIsATraceOfItsOwn$", "case of the alert: got ,",
	},
	{
		"the event's trace does not say its case",
		[]edit{{"functions/outcome/follow/record.go", `span.Tag("case", w.task.Case)`, ``}},
		"outcome", "^TestEventOfTheAgentIsATraceOfItsOwn$", "case of the event: got ,",
	},
	{
		"the event's trace does not say its task",
		[]edit{{"functions/outcome/follow/record.go", `span.Tag("task", w.event.Task.ID)`, ``}},
		"outcome", "^TestEventOfTheAgentIsATraceOfItsOwn$", "task of the event: got ,",
	},
	{
		"the Agent's words are in a span",
		[]edit{{"functions/outcome/follow/record.go", `span.Tag("case", w.task.Case)`, `span.Tag("case", w.task.Case)
		span.Tag("words", w.task.Words)`}},
		"outcome", "^TestEventOfTheAgentIsATraceOfItsOwn$", "somebody's text is in a span",
	},
	{
		"somebody else's incident is shown as a case",
		[]edit{{"functions/outcome/follow/record.go", `if w.skipped == "" { // a case of ours`, `if true {`}},
		"outcome", "^TestEventThatIsAboutNoCaseHasATraceWithoutOne$", "case: got somebody-elses-incident",
	},
	{
		"an event's record is written without its context",
		[]edit{{"functions/outcome/follow/record.go", `w.Log.LogAttrs(ctx, start.Level(w.decision), "event taken in"`, `w.Log.LogAttrs(context.Background(), start.Level(w.decision), "event taken in"`}},
		"outcome", "^TestEventOfTheAgentIsATraceOfItsOwn$", "trace of the record: got <nil>",
	},
	{
		"an investigation that has ended is not counted",
		[]edit{{"functions/outcome/follow/record.go", `start.CountNews(ctx, w.Metrics, w.decision)`, ``}},
		"outcome", "^TestEventOfTheAgentIsATraceOfItsOwn$", "counted map[], want map[InvestigationEnded completed:1]",
	},
	{
		"an event that is not taken in marks no trace",
		[]edit{{"shared/batch/batch.go", `span.End(err)`, `span.End(nil)`}},
		"outcome", "^TestEventThatIsNotTakenInIsMarked$", "the spans are",
	},
	{
		"an event that is not taken in is acknowledged",
		[]edit{{"shared/batch/batch.go", `if len(ev.Records) == 1 && failed != nil {`, `if failed = nil; failed != nil {`}},
		"outcome", "^TestEventThatIsNotTakenInIsMarked$", "the event is lost",
	},
	{
		"a hanging extension uses up the initialization",
		[]edit{{"shared/telemetry/start.go", `, tracer.WithAgentTimeout(agentTimeout)`, ``}},
		"scheduler", "^TestBrokenExtensionLosesNoAlert$/^hangs$/^a_tick$", "init of scheduler took 10",
	},
}

// repository is where it begins, seen from this folder.
const repository = "../../.."

// The list is of the code as it is, or the command would find out first.
func TestMutantsCanBeMade(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range mutants {
		if seen[m.name] || m.says == "" {
			t.Errorf("%s is there twice, or nothing says that it is noticed", m.name)
		}
		seen[m.name] = true
		for _, e := range m.edits {
			text, err := os.ReadFile(filepath.Join(repository, e.file))
			if n := strings.Count(string(text), e.old); err != nil || n != 1 || e.old == e.new {
				t.Errorf("%s: %s has the text %d times: %q %v", m.name, e.file, n, e.old, err)
			}
		}
	}
}

// TestMutants is two steps of .ci/trace-test --mutants, which has seen the tests pass without a fault. The first step
// needs the compiler, and builds a function for each mutant; the second runs a test with it in the place of the right one.
func TestMutants(t *testing.T) {
	folder, right := os.Getenv("TRACE_TEST_MUTANTS"), os.Getenv("TRACE_TEST_BINARIES")
	if folder == "" {
		t.Skip("builds functions with faults in them: run make trace-mutants")
	}
	for i, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			binaries := filepath.Join(folder, strconv.Itoa(i))
			if right == "" {
				t.Parallel()
				m.build(t, binaries)
			} else {
				m.meet(t, binaries, right)
			}
		})
	}
}

// build makes the function as it is deployed.
func (m mutant) build(t *testing.T, binaries string) {
	t.Helper()
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for i, e := range m.edits {
		path := filepath.Join(root, e.file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		replace[path] = filepath.Join(t.TempDir(), strconv.Itoa(i)+".go")
		if err := os.WriteFile(replace[path], bytes.Replace(text, []byte(e.old), []byte(e.new), 1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(overlay, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	name := strings.ToUpper(m.function[:1]) + m.function[1:]
	cmd := exec.Command("make", "-s", "-C", root, "build-"+name+"Function", "LAMBDA_ARCH="+arch, "ARTIFACTS_DIR="+binaries)
	cmd.Env = append(os.Environ(), "GOFLAGS=-overlay="+overlay)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Rename(filepath.Join(binaries, "bootstrap"), filepath.Join(binaries, m.function)); err != nil {
		t.Fatal(err)
	}
}

// meet runs the test that has to notice the fault.
func (m mutant) meet(t *testing.T, binaries, right string) {
	t.Helper()
	for _, function := range []string{"ingest", "dispatcher", "scheduler", "outcome"} {
		if function == m.function {
			continue
		}
		if err := os.Symlink(filepath.Join(right, function), filepath.Join(binaries, function)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run", m.test, "-test.timeout", "2m")
	cmd.Env = append(os.Environ(), "TRACE_TEST_BINARIES="+binaries)
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		t.Error("nothing notices it")
	case !bytes.Contains(out, []byte(m.says)):
		t.Errorf("something is wrong, but nothing says %q:\n%s", m.says, out)
	}
}
