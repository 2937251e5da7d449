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

// Extension stands in for Datadog's: it answers the routes for the beginning and the end of an invocation as the real
// one does, and collects DogStatsD. What it does not do: make spans of its own, and drop those that it replaces.
type Extension struct {
	mu     sync.Mutex
	starts []string
	ends   []End
	stats  []string
}

// End is what the wrapper tells at the end of an invocation.
type End struct {
	Header http.Header
	Body   string
}

// NewExtension starts an Extension for the time of the test, with its file.
func NewExtension(t testing.TB) *Extension {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(extensionFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(extensionFile, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(extensionFile) })
	return Listen(t)
}

// Listen is an Extension that is there without its file, and so must hear nothing.
func Listen(t testing.TB) *Extension {
	t.Helper()
	x := &Extension{}
	routes, err := net.Listen("tcp", lifecycleAddress)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := net.ListenPacket("udp", dogStatsDAddress)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /lambda/start-invocation", x.start)
	mux.HandleFunc("POST /lambda/end-invocation", x.end)
	srv := &http.Server{Handler: mux}
	go func() {
		if err := srv.Serve(routes); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the extension's routes ended: %v", err)
		}
	}()
	go x.collect(stats)
	t.Cleanup(func() {
		_ = srv.Close()
		_ = stats.Close()
	})
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

func (x *Extension) collect(from net.PacketConn) {
	packet := make([]byte, 64<<10)
	for {
		n, _, err := from.ReadFrom(packet)
		if err != nil {
			return // closed, at the end of the test
		}
		x.mu.Lock()
		x.stats = append(x.stats, strings.Split(strings.TrimSpace(string(packet[:n])), "\n")...)
		x.mu.Unlock()
	}
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
