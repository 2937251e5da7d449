package telemetrytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Function is one execution environment of a compiled function. It ends with the test, or when it is stopped.
type Function struct {
	// Init is how long it took from exec to the first request for an event.
	Init time.Duration

	t     testing.TB
	name  string
	cmd   *exec.Cmd
	stop  func()
	next  chan []byte
	done  chan Result
	ready chan time.Time
	once  sync.Once
	out   lines

	invocations int // only the Runtime API's one open request touches it
}

// Result is how an invocation ended.
type Result struct {
	Body   []byte
	Failed bool          // the function answered with an error, which Body describes
	Took   time.Duration // from the event to the answer
}

// timeout is what an invocation may take, as the dispatcher's is deployed.
const timeout = 30 * time.Second

// Start runs a binary as Lambda would: with an environment that holds what Lambda sets, the settings, and nothing else.
// It returns when the function asks for its first event.
func Start(t testing.TB, binary, name string, settings map[string]string) *Function {
	t.Helper()
	f := &Function{t: t, name: name, next: make(chan []byte), done: make(chan Result, 1), ready: make(chan time.Time, 1)}
	api := httptest.NewServer(f.runtimeAPI())
	cmd := exec.Command(binary)
	cmd.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=" + name, "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=example", "AWS_SECRET_ACCESS_KEY=example", "AWS_SESSION_TOKEN=example",
	}
	for k, v := range settings {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stdout, cmd.Stderr = &f.out, &f.out
	f.cmd = cmd
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the output says more
	}()
	f.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		<-ended
		api.CloseClientConnections()
		api.Close()
	})
	t.Cleanup(func() {
		f.stop()
		if t.Failed() {
			t.Logf("output of %s:\n%s", name, strings.Join(f.Lines(), "\n"))
		}
	})
	select {
	case at := <-f.ready:
		f.Init = at.Sub(begin)
	case <-ended:
		t.Fatalf("%s ended before it asked for an event", name)
	case <-time.After(20 * time.Second):
		t.Fatalf("%s did not ask for an event within 20 s", name)
	}
	return f
}

// runtimeAPI is Lambda's side, version 2018-06-01.
func (f *Function) runtimeAPI() http.Handler {
	const root = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root+"invocation/next", func(w http.ResponseWriter, r *http.Request) {
		f.once.Do(func() { f.ready <- time.Now() })
		select {
		case event := <-f.next:
			f.invocations++
			h := w.Header()
			h.Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprintf("%s-%d", f.name, f.invocations))
			h.Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(timeout).UnixMilli()))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:"+f.name)
			h.Set("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0")
			_, _ = w.Write(event)
		case <-r.Context().Done():
		}
	})
	end := func(failed bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
			f.done <- Result{Body: body, Failed: failed}
		}
	}
	mux.HandleFunc("POST "+root+"invocation/{id}/response", end(false))
	mux.HandleFunc("POST "+root+"invocation/{id}/error", end(true))
	return mux
}

// Invoke hands the function an event, encoded as JSON, and waits for its answer.
func (f *Function) Invoke(event any) Result {
	f.t.Helper()
	body, err := json.Marshal(event)
	if err != nil {
		f.t.Fatal(err)
	}
	begin := time.Now()
	select {
	case f.next <- body:
	case <-time.After(timeout):
		f.t.Fatalf("%s asks for no event", f.name)
	}
	select {
	case r := <-f.done:
		r.Took = time.Since(begin)
		return r
	case <-time.After(timeout):
		f.t.Fatalf("%s gave no answer within %s", f.name, timeout)
		return Result{}
	}
}

// Stop ends the process and returns what is known of it.
func (f *Function) Stop() *os.ProcessState {
	f.stop()
	return f.cmd.ProcessState
}

// Lines is what the function has printed so far, to standard output and standard error.
func (f *Function) Lines() []string { return f.out.all() }

// Record waits for a log record with this message and returns it.
func (f *Function) Record(message string) (record map[string]any) {
	f.t.Helper()
	wait(f.t, f.name+"'s log record "+message, func() bool {
		for _, line := range f.Lines() {
			record = nil
			if json.Unmarshal([]byte(line), &record) == nil && record["message"] == message {
				return true
			}
		}
		return false
	})
	return record
}

// Counters adds up what the function has counted so far, by metric and dimension values, such as "AlertVerdict drop
// test". The test fails on a line that CloudWatch would drop, and on one that is not a JSON object with each member once:
// whoever prints such lines prints past our logger, or says something twice.
func (f *Function) Counters() map[string]float64 {
	f.t.Helper()
	sums := map[string]float64{}
	for _, line := range f.Lines() {
		if err := oneObject(line); err != nil {
			f.t.Errorf("%s printed a line that is no record: %v: %s", f.name, err, line)
			continue
		}
		e, ok, err := ParseEMF([]byte(line), time.Now())
		if err != nil {
			f.t.Errorf("%s: %v: %s", f.name, err, line)
		}
		if !ok {
			continue
		}
		for name, n := range e.Metrics {
			for _, d := range slices.MaxFunc(e.Sets, func(a, b []string) int { return len(a) - len(b) })[1:] {
				name += " " + e.Values[d]
			}
			sums[name] += n
		}
	}
	return sums
}

// oneObject fails on what is not one JSON object whose members have different names.
func oneObject(line string) error {
	if !json.Valid([]byte(line)) {
		return errors.New("no JSON")
	}
	d := json.NewDecoder(strings.NewReader(line))
	if open, _ := d.Token(); open != json.Delim('{') {
		return errors.New("no object")
	}
	seen := map[json.Token]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("%q is there twice", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
	}
	return nil
}

// lines collects what a process prints.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// all are the complete lines.
func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.Split(l.b.String(), "\n")
	return all[:len(all)-1]
}
