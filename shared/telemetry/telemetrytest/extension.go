package telemetrytest

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Where Datadog's library looks for the extension, in datadog-lambda-go v1.32.0, internal/extension and internal/metrics.
const (
	extensionFile     = "/opt/extensions/datadog-agent"
	lifecycleAddress  = "127.0.0.1:8124"
	dogStatsDAddress  = "127.0.0.1:8125"
	traceAgentAddress = "127.0.0.1:8126"
)

// nameServer is whom .ci/trace-test lets everybody ask for addresses.
const nameServer = "127.0.0.1:53"

// Extension stands in for Datadog's: it answers the routes for the beginning and the end of an invocation as the real
// one does, and collects DogStatsD. What it does not do: make spans of its own, and drop those that it replaces.
//
// It is also the only one to ask for addresses, and knows none: no function has a name to look up here, so whoever asks
// is on the way to Datadog's public API.
type Extension struct {
	mu      sync.Mutex
	opened  int
	starts  []string
	ends    []End
	stats   []string
	lookups []string
}

// End is what the wrapper tells at the end of an invocation.
type End struct {
	Header http.Header
	Body   string
}

// NewExtension starts an Extension for the time of the test, with its file.
func NewExtension(t testing.TB) *Extension {
	t.Helper()
	Installed(t)
	return Listen(t)
}

// Installed is the file alone: an extension that does not run.
func Installed(t testing.TB) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(extensionFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(extensionFile, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(extensionFile) })
}

// Listen is an Extension that is there without its file, and so must hear nothing.
func Listen(t testing.TB) *Extension {
	t.Helper()
	x := &Extension{}
	routes, err := net.Listen("tcp", lifecycleAddress)
	if err != nil {
		t.Fatal(err)
	}
	x.packets(t, dogStatsDAddress, x.stat)
	x.packets(t, nameServer, x.lookup)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /lambda/start-invocation", x.start)
	mux.HandleFunc("POST /lambda/end-invocation", x.end)
	srv := &http.Server{Handler: mux, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			x.mu.Lock()
			x.opened++
			x.mu.Unlock()
		}
	}}
	go func() {
		if err := srv.Serve(routes); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the extension's routes ended: %v", err)
		}
	}()
	t.Cleanup(func() { _ = srv.Close() })
	return x
}

// start finds the trace of the event and tells its lower half, sampling and tags, but no parent: the wrapper then takes
// the trace's id for one. It looks at the headers of HTTP and at the first record of SQS, and at nothing else. Without a
// trace it tells nothing, and the wrapper begins one.
func (x *Extension) start(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var event struct {
		Headers map[string]string
		Records []struct {
			MessageAttributes map[string]struct{ StringValue string }
		}
	}
	_ = json.Unmarshal(body, &event) // other events have no trace
	headers := event.Headers
	if len(event.Records) > 0 {
		headers = nil
		_ = json.Unmarshal([]byte(event.Records[0].MessageAttributes["_datadog"].StringValue), &headers)
	}
	for name, value := range headers {
		name = strings.ToLower(name)
		if slices.Contains([]string{"x-datadog-trace-id", "x-datadog-sampling-priority", "x-datadog-tags"}, name) {
			w.Header().Set(name, value)
		}
	}
	x.mu.Lock()
	x.starts = append(x.starts, string(body))
	x.mu.Unlock()
	_, _ = io.WriteString(w, "{}")
}

func (x *Extension) end(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	x.mu.Lock()
	x.ends = append(x.ends, End{r.Header.Clone(), string(body)})
	x.mu.Unlock()
	_, _ = io.WriteString(w, "{}")
}

// packets hands what comes by UDP to take, and sends back what it returns, if anything.
func (x *Extension) packets(t testing.TB, address string, take func([]byte) []byte) {
	t.Helper()
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		packet := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return // closed, at the end of the test
			}
			x.mu.Lock()
			answer := take(packet[:n])
			x.mu.Unlock()
			if answer != nil {
				_, _ = conn.WriteTo(answer, from) // a sender that is gone needs none
			}
		}
	}()
}

func (x *Extension) stat(packet []byte) []byte {
	x.stats = append(x.stats, strings.Split(strings.TrimSpace(string(packet)), "\n")...)
	return nil
}

// lookup notes the first name that a question asks for, and says that there is no such name: RFC 1035, 4.1.
func (x *Extension) lookup(question []byte) []byte {
	const header = 12
	if len(question) <= header {
		return nil
	}
	var name []string
	for rest := question[header:]; len(rest) > 0 && rest[0] != 0 && len(rest) > int(rest[0]); rest = rest[1+rest[0]:] {
		name = append(name, string(rest[1:1+rest[0]]))
	}
	x.lookups = append(x.lookups, strings.Join(name, "."))
	answer := slices.Clone(question)
	answer[2] |= 0x80                 // a response
	answer[3] = answer[3]&0xf0 | 0x03 // no such name
	return answer
}

// Starts are the events of the invocations that have begun.
func (x *Extension) Starts() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.starts)
}

// Ends are the invocations that have ended.
func (x *Extension) Ends() []End {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.ends)
}

// Stats are the lines of DogStatsD whose metric begins so. The tracer sends its own beside ours.
func (x *Extension) Stats(prefix string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(x.stats), func(s string) bool { return !strings.HasPrefix(s, prefix) })
}

// Lookups are the names whose addresses somebody wanted.
func (x *Extension) Lookups() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.lookups)
}

// Opened counts the connections to the extension's routes, used or not.
func (x *Extension) Opened() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.opened
}
