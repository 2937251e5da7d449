package telemetrytest_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger/dynamotest"
	"github.com/alertbridge/alertbridge/shared/telemetry"
	"github.com/alertbridge/alertbridge/shared/telemetry/telemetrytest"
)

// lab is a bridge and an extension that comes and goes.
type lab struct {
	*bridge
	b        *testing.B
	ledger   *httptest.Server
	commits  atomic.Int64    // that the ledger took
	sent     atomic.Int64    // payloads that hold a trace
	messages lambda.SQSEvent // what ingest has sent of an alert
	said     lambda.SQSEvent // what the Agent has said of its case
	caseID   string          // the case, in the engine
	kept     []byte          // what the engine answers to who looks at it
	calls    int             // to the Agent so far
}

func newLab(b *testing.B) *lab {
	l := &lab{bridge: newBridge(b), b: b}
	l.ledger = httptest.NewServer(http.HandlerFunc(l.answer))
	b.Cleanup(l.ledger.Close)
	telemetrytest.Installed(b)
	l.extension = telemetrytest.Listen(b)
	listen, err := net.Listen("tcp", "127.0.0.1:8126")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(l.takeTraces)}
	go func() { _ = srv.Serve(listen) }() // closed below
	b.Cleanup(func() { _ = srv.Close() })
	ingest := l.run("ingest", "ingest")
	l.messages = l.deliver(ingest, "triggered-p1")
	ingest.Stop()
	l.follow()
	return l
}

// follow has a case started in the engine, and the Agent say that it is done with it.
func (l *lab) follow() {
	l.install(false)
	dispatcher := l.bridge.start("dispatcher")
	l.dispatch(dispatcher, l.messages)
	l.caseID, l.calls = fmt.Sprint(dispatcher.Record("alert decided")["case"]), len(l.agent.Requests())
	dispatcher.Stop()
	e, about := said(l.b, "investigation-completed")
	l.works(about, l.caseID)
	l.said = e
}

// takeTraces is the extension's side of the tracer. Datadog's test agent, which the tests use, is slower than the functions.
func (l *lab) takeTraces(w http.ResponseWriter, r *http.Request) {
	if n := r.Header.Get("X-Datadog-Trace-Count"); n != "" && n != "0" {
		l.sent.Add(1)
	}
	_, _ = w.Write([]byte(`{"endpoints":["/v0.4/traces"],"client_drop_p0s":true}`)) // the caller notices by itself
}

// answer is a ledger that answers at once, as a table that holds nothing and takes everything: each alert is the first of
// its case. The engine that the tests use takes longer than the function does for the rest of its work. The one case that
// the Agent has spoken of is there, as the engine had it when it was asked for the first time.
func (l *lab) answer(w http.ResponseWriter, r *http.Request) {
	answers := map[string]string{
		"BatchGetItem": `{"Responses":{},"UnprocessedKeys":{}}`, "Query": `{"Items":[],"Count":0}`, "TransactWriteItems": `{}`,
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body, err := io.ReadAll(r.Body)
	if err != nil || answers[operation] == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	switch {
	case operation == "TransactWriteItems":
		l.commits.Add(1)
	case operation == "BatchGetItem" && l.caseID != "" && bytes.Contains(body, []byte(l.caseID)):
		if l.kept == nil {
			l.kept = l.ask(r.Header, body)
		}
		answers[operation] = string(l.kept)
	}
	_, _ = io.WriteString(w, answers[operation]) // the caller notices by itself
}

// ask hands a question on to the engine.
func (l *lab) ask(header http.Header, body []byte) []byte {
	r, err := http.NewRequestWithContext(l.b.Context(), http.MethodPost, dynamotest.Endpoint(l.b), bytes.NewReader(body))
	if err != nil {
		l.b.Error(err)
		return nil
	}
	r.Header = header
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		l.b.Error(err)
		return nil
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		l.b.Errorf("the engine answers %d %s %v", res.StatusCode, answer, err)
	}
	return answer
}

// install lets the extension be there or not, for the functions that are started from now on.
func (l *lab) install(there bool) {
	err := os.Remove(telemetry.ExtensionFile)
	if there {
		err = os.WriteFile(telemetry.ExtensionFile, nil, 0o755)
	}
	if err != nil && !os.IsNotExist(err) {
		l.b.Fatal(err)
	}
}

func (l *lab) run(function, file string, settings ...string) *telemetrytest.Function {
	s := l.settings(function, settings...)
	s["AWS_ENDPOINT_URL_DYNAMODB"] = l.ledger.URL
	return telemetrytest.Start(l.b, binary(file), "teststack-"+function, s)
}

// start starts a function, hands it its first event, looks whether that was answered and traced, and stops it. It returns
// what the function took until it asked for the event, and until it had answered it.
func (l *lab) start(r run) (init, whole time.Duration) {
	l.install(r.traced)
	event := l.event(r.function)
	file := cmp.Or(r.binary, r.function)
	if r.cold {
		evict(l.b, binary(file))
	}
	traces, commits := l.sent.Load(), l.commits.Load()
	f := l.run(r.function, file, r.settings...)
	answer := f.Invoke(event)
	l.judge(r, answer, l.commits.Load()-commits)
	if r.traced && !slices.Contains(r.settings, untraced) {
		for end := time.Now().Add(5 * time.Second); l.sent.Load() == traces; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				l.b.Fatalf("%s sent no trace: %q", r.name, f.Lines())
			}
		}
	}
	use := f.Stop().SysUsage().(*syscall.Rusage)
	if r.cold && use.Majflt == 0 {
		l.b.Fatalf("%s was not read from a disk; set TMPDIR to a folder that is on one", r.name)
	}
	l.aws.Take()
	return f.Init, f.Init + answer.Took
}

// judge fails when the function did not do what it is to do with its first event.
func (l *lab) judge(r run, answer telemetrytest.Result, commits int64) {
	switch r.function {
	case "ingest":
		answered(l.b, answer, 202)
	case "dispatcher":
		if calls := len(l.agent.Requests()); string(answer.Body) != `{"batchItemFailures":[]}` || calls != l.calls+1 {
			l.b.Fatalf("%s: %s, %d calls to the Agent", r.name, answer.Body, calls-l.calls)
		}
		l.calls++
	case "outcome":
		if string(answer.Body) != `{"batchItemFailures":[]}` || commits != 1 {
			l.b.Fatalf("%s: %s, %d commits", r.name, answer.Body, commits)
		}
	}
	if answer.Failed {
		l.b.Fatalf("%s: %s", r.name, answer.Body)
	}
}

// event is the first event of a function.
func (l *lab) event(function string) any {
	switch function {
	case "scheduler":
		return map[string]string{"detail-type": "Scheduled Event"}
	case "dispatcher":
		return l.messages
	case "outcome":
		return l.said
	}
	return delivery(l.b, "triggered-p1")
}

// evict makes the page cache forget a file that no process has open.
func evict(b *testing.B, path string) {
	b.Helper()
	const dontNeed = 4 // POSIX_FADV_DONTNEED
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil { // a page that is still to be written stays
		b.Fatal(err)
	}
	if _, _, errno := syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, dontNeed, 0, 0); errno != 0 {
		b.Fatal(errno)
	}
}
