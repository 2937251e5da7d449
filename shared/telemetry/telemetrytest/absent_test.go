package telemetrytest_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/telemetry/telemetrytest"
)

// Without the extension nothing of Datadog runs: nobody is called, nobody is waited for, and the counters are there.
func TestWithoutTheExtensionNothingIsSent(t *testing.T) {
	b := newBridge(t)
	b.extension, b.traces = telemetrytest.Listen(t), telemetrytest.NewTraces(t)
	ingest, dispatcher, scheduler, outcome := b.start("ingest"), b.start("dispatcher"), b.start("scheduler"), b.start("outcome")
	e := b.deliver(ingest, "triggered-p1")
	if a := e.Records[0].MessageAttributes; len(a) != 0 {
		t.Errorf("the message carries %v", a)
	}
	b.dispatch(dispatcher, e)
	b.tick(scheduler)
	completed, about := said(t, "investigation-completed")
	b.works(about, fmt.Sprint(dispatcher.Record("alert decided")["case"]))
	b.hear(outcome, completed)
	counted(t, ingest, map[string]float64{"AlertsReceived": 1})
	counted(t, dispatcher, map[string]float64{"AlertVerdict start new_incident": 1, "AgentCall accepted received": 1})
	counted(t, outcome, map[string]float64{"InvestigationEnded completed": 1})
	counted(t, scheduler, map[string]float64{"Tick": 1, "BudgetSpent": 3.984, "BudgetWaiting": 0})
	for _, r := range []map[string]any{ingest.Record("delivery accepted"), dispatcher.Record("alert decided"), outcome.Record("event taken in")} {
		if _, ok := r["dd.trace_id"]; ok {
			t.Errorf("a trace in %v", r)
		}
	}
	// Nobody is waited for. The second invocation is warm: it holds no connecting and no reading of secrets.
	if r := b.dispatch(dispatcher, b.deliver(ingest, "triggered-second-group")); r.Took > time.Second {
		t.Errorf("an invocation took %s", r.Took)
	}
	time.Sleep(200 * time.Millisecond) // for what should not come
	equal(t, "connections to the extension", b.extension.Opened(), 0)
	equal(t, "counters for the extension", len(b.extension.Stats("")), 0)
	equal(t, "requests to the trace agent", len(b.traces.Requests()), 0)
	b.untold()
}

// Limits on what a broken extension may cost. An invocation's is what the dispatcher's time-out reckons with; Lambda
// gives an initialization as much, and does it again in the invocation when it is longer.
const (
	longestInit       = 10 * time.Second
	longestInvocation = 10 * time.Second
	longestDelivery   = 15 * time.Second // then Datadog gives up, and sends it again
)

// An extension that is there and answers nobody costs time, and no alert.
func TestBrokenExtensionLosesNoAlert(t *testing.T) {
	for _, row := range []struct {
		why    string
		listen func(*testing.T, string) (address string)
		init   time.Duration
		take   time.Duration
	}{
		{"refuses", closed, 2 * time.Second, 2 * time.Second},
		{"hangs", hanging, longestInit, longestInvocation},
	} {
		t.Run(row.why, func(t *testing.T) {
			telemetrytest.Installed(t)
			row.listen(t, "127.0.0.1:8124")
			agent := "DD_TRACE_AGENT_URL=http://" + row.listen(t, "127.0.0.1:0") // the test agent has the port itself
			within := func(t testing.TB, what string, took, longest time.Duration) {
				t.Logf("%s took %s", what, took)
				if took >= longest {
					t.Errorf("%s took %s, and may take %s", what, took, longest)
				}
			}
			run := func(b *bridge, name string) *telemetrytest.Function {
				begin := time.Now()
				f := b.start(name, agent)
				within(b.t, "init of "+name, time.Since(begin), row.init)
				return f
			}
			t.Run("an alert", func(t *testing.T) {
				t.Parallel() // it is a matter of waiting
				b := newBridge(t)
				begin := time.Now()
				ingest := run(b, "ingest")
				r := ingest.Invoke(delivery(t, "triggered-p1"))
				answered(t, r, 202)
				within(t, "ingest", r.Took, row.take)
				within(t, "a delivery to a function that has to start", time.Since(begin), longestDelivery)
				within(t, "dispatcher", b.dispatch(run(b, "dispatcher"), b.aws.Take()).Took, row.take)
				equal(t, "investigations", len(b.agent.Investigations()), 1)
				counted(t, ingest, map[string]float64{"AlertsReceived": 1})
				b.untold()
			})
			t.Run("a tick", func(t *testing.T) {
				t.Parallel()
				b := newBridge(t)
				scheduler := run(b, "scheduler")
				within(t, "scheduler", b.tick(scheduler).Took, row.take)
				counted(t, scheduler, map[string]float64{"Tick": 1, "BudgetSpent": 0, "BudgetWaiting": 0})
			})
			t.Run("an event of the Agent's", func(t *testing.T) {
				t.Parallel()
				b := newBridge(t)
				outcome := run(b, "outcome")
				e, about := said(t, "investigation-completed")
				b.works(about, "somebody-elses-incident")
				r := outcome.Invoke(e)
				if r.Failed {
					t.Errorf("the event comes back: %s", r.Body)
				}
				within(t, "outcome", r.Took, row.take)
				b.untold()
			})
		})
	}
}

// The tracer sends in the background, a hundred times at once. Where none of it is answered, the next invocation waits.
func TestHangingTraceAgentHoldsUpNobodyForLong(t *testing.T) {
	b := newBridge(t)
	b.extension = telemetrytest.NewExtension(t)
	over := make(chan struct{})
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "traces") {
			<-over
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(agent.Close)
	t.Cleanup(func() { close(over) })
	ingest := b.start("ingest", "DD_TRACE_AGENT_URL="+agent.URL)
	var longest time.Duration
	for range 110 {
		r := ingest.Invoke(delivery(t, "wrong-method"))
		answered(t, r, http.StatusMethodNotAllowed)
		longest = max(longest, r.Took)
	}
	t.Logf("the longest invocation took %s", longest)
	if longest >= longestInvocation {
		t.Errorf("an invocation took %s, and may take %s", longest, longestInvocation)
	}
}

// closed is an address at which nobody listens.
func closed(t *testing.T, address string) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// hanging is an address at which whoever connects is never answered.
func hanging(t *testing.T, address string) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the kernel accepts for it, and keeps what comes
	return l.Addr().String()
}
