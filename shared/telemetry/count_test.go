package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/telemetry/telemetrytest"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123e6, time.UTC)

func recorder() (*Recorder, *bytes.Buffer) {
	out := &bytes.Buffer{}
	return NewRecorder(Config{
		Function: "prod-dispatcher", Version: "1.2.3", Stack: "prod",
		Out: out, Now: func() time.Time { return noon },
	}), out
}

func TestCountIsOneLineThatCloudWatchUnderstands(t *testing.T) {
	r, out := recorder()
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
	r.Count(ctx, AlertVerdict, 1, Verdict(gate.Drop), Reason(gate.IsTest))

	// Written out by hand from the specification, so that neither this package nor ParseEMF is its own judge.
	want := `{"AlertVerdict":1,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["stack"],["stack","verdict","reason"]],` +
		`"Metrics":[{"Name":"AlertVerdict","Unit":"Count"}],"Namespace":"Alertbridge"}],"Timestamp":1795262400123},` +
		`"function":"prod-dispatcher","reason":"test","request_id":"request-1","stack":"prod","verdict":"drop","version":"1.2.3"}` + "\n"
	if out.String() != want {
		t.Errorf("got  %swant %s", out, want)
	}
}

func TestEveryMetricAndValueIsTakenByCloudWatch(t *testing.T) {
	count := func(m Metric, dims ...Dimension) {
		t.Helper()
		r, out := recorder()
		r.Count(t.Context(), m, 3, dims...)
		e, ok, err := telemetrytest.ParseEMF(out.Bytes(), noon)
		if err != nil || !ok {
			t.Fatalf("%v %s", err, out)
		}
		sets := [][]string{{"stack"}}
		values := map[string]string{"stack": "prod"}
		if len(dims) > 0 {
			sets = append(sets, []string{"stack"})
		}
		for _, d := range dims {
			sets[1] = append(sets[1], d.name)
			values[d.name] = d.value
		}
		if e.Namespace != "Alertbridge" || len(e.Metrics) != 1 || e.Metrics[string(m)] != 3 || e.Units[string(m)] != unitOf(m) {
			t.Errorf("%+v", e)
		}
		if !slices.EqualFunc(e.Sets, sets, slices.Equal) {
			t.Errorf("%s: dimension sets %v, want %v", m, e.Sets, sets)
		}
		for k, v := range values {
			if e.Values[k] != v {
				t.Errorf("%s: dimension %s is %q, want %q", m, k, e.Values[k], v)
			}
		}
	}
	for _, d := range Metrics() {
		if len(d.Dimensions) == 0 {
			count(d.Metric)
		}
	}
	for r, v := range gate.Reasons() {
		count(AlertVerdict, Verdict(v), Reason(r))
	}
	for _, r := range delivery.Reasons() {
		count(AgentCall, Outcome(r.Outcome()), CallReason(r))
	}
	count(BudgetSpent, Agent("payments"))
	count(BudgetWaiting, Agent("payments"))
	for _, r := range []Rejection{RejectedMethod, RejectedType, RejectedSize, RejectedUnreadable} {
		count(DeliveryRejected, Rejected(r))
	}
}

// unitOf is a counter's unit: all are counts but the one in dollars and the one that is a share.
func unitOf(m Metric) string {
	switch m {
	case BudgetSpent:
		return "None"
	case AgentUsage:
		return "Percent"
	}
	return "Count"
}

func TestMetricTable(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Metrics() {
		if seen[string(d.Metric)] || seen[d.Datadog] {
			t.Errorf("%s or %s is there twice", d.Metric, d.Datadog)
		}
		seen[string(d.Metric)], seen[d.Datadog] = true, true
		if !strings.HasPrefix(d.Datadog, "alertbridge.") || strings.Trim(d.Datadog, "abcdefghijklmnopqrstuvwxyz_.") != "" {
			t.Errorf("%s: Datadog would rename %q", d.Metric, d.Datadog)
		}
		if d.Unit != unitOf(d.Metric) || d.Meaning == "" || len(d.Dimensions) > 29 {
			t.Errorf("%+v", d)
		}
		// A metric and a dimension are members of the same object.
		if slices.Contains([]string{"stack", "function", "version", "request_id", "_aws", "verdict", "reason", "outcome", "agent"}, string(d.Metric)) {
			t.Errorf("%s is the name of another member of the record", d.Metric)
		}
	}
	Metrics()[0].Metric = "changed"
	if metrics[0].Metric != AlertsReceived {
		t.Error("a reader of the table can change it")
	}
}

func TestCountIsNeverLostToWrongDimensions(t *testing.T) {
	for name, dims := range map[string][]Dimension{
		"none":      nil,
		"too few":   {Verdict(gate.Start)},
		"too many":  {Verdict(gate.Start), Reason(gate.NewIncident), Outcome(delivery.Accepted)},
		"others":    {Outcome(delivery.Accepted), CallReason(delivery.Received)},
		"backwards": {Reason(gate.NewIncident), Verdict(gate.Start)},
		"empty":     {Verdict(""), Reason("")},
	} {
		t.Run(name, func(t *testing.T) {
			r, out := recorder()
			r.Count(t.Context(), AlertVerdict, 1, dims...)
			e, ok, err := telemetrytest.ParseEMF(out.Bytes(), noon)
			if err != nil || !ok || e.Metrics["AlertVerdict"] != 1 || len(e.Sets) != 1 {
				t.Errorf("%v %v %+v", ok, err, e)
			}
		})
	}
}

func TestWhatIsNotCounted(t *testing.T) {
	r, out := recorder()
	r.Count(t.Context(), "NoSuchMetric", 1)
	r.Count(t.Context(), Tick, math.NaN())
	r.Count(t.Context(), Tick, math.Inf(1))
	if out.Len() != 0 {
		t.Errorf("wrote %s", out)
	}
	(*Recorder)(nil).Count(t.Context(), Tick, 1)

	r.Count(t.Context(), TickDue, 0) // nothing was due is worth knowing
	if e, ok, err := telemetrytest.ParseEMF(out.Bytes(), noon); err != nil || !ok || e.Metrics["TickDue"] != 0 {
		t.Errorf("%v %v %s", ok, err, out)
	}
}

func TestCountWithoutStackStillCounts(t *testing.T) {
	out := &bytes.Buffer{}
	NewRecorder(Config{Out: out, Now: func() time.Time { return noon }}).Count(t.Context(), Tick, 1)
	if e, ok, err := telemetrytest.ParseEMF(out.Bytes(), noon); err != nil || !ok || e.Values["stack"] != "none" {
		t.Errorf("%v %v %s", ok, err, out)
	}
}

func TestDatadogGetsWhatCloudWatchGets(t *testing.T) {
	r, out := recorder()
	if r.datadog != nil {
		t.Fatal("Datadog's library is called although its extension is not there")
	}
	var got []string
	r.datadog = func(name string, v float64, tags ...string) {
		text, _ := json.Marshal([]any{name, v, tags})
		got = append(got, string(text))
	}
	r.Count(t.Context(), AgentCall, 1, Outcome(delivery.Shut), CallReason(delivery.Forbidden))
	r.Count(t.Context(), TickDue, 7)
	want := []string{
		`["alertbridge.agent.call",1,["stack:prod","outcome:shut","reason:forbidden"]]`,
		`["alertbridge.tick.due",7,["stack:prod"]]`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != 2 {
		t.Errorf("%d lines on standard output: the alarms would be dark", n)
	}
	if NewRecorder(Config{Datadog: true}).datadog == nil {
		t.Error("with the extension nothing goes to Datadog")
	}
}

func TestLinesDoNotMix(t *testing.T) {
	out := &chunks{}
	r := NewRecorder(Config{Stack: "prod", Out: out})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				r.Count(context.Background(), Tick, 1)
			}
		})
	}
	wg.Wait()
	if len(out.got) != 400 {
		t.Fatalf("%d writes, want 400", len(out.got))
	}
	for _, c := range out.got {
		if _, ok, err := telemetrytest.ParseEMF([]byte(c), time.Now()); err != nil || !ok {
			t.Fatalf("%v %q", err, c)
		}
	}
}

// chunks keeps each write apart. It has no lock: the race detector must see writes at once.
type chunks struct{ got []string }

func (c *chunks) Write(p []byte) (int, error) {
	c.got = append(c.got, string(p))
	return len(p), nil
}
