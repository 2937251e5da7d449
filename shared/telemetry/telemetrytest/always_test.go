package telemetrytest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/shared/telemetry"
	"github.com/alertbridge/alertbridge/shared/telemetry/telemetrytest"
)

// spans waits for these spans, as telemetrytest.Tree draws them, and checks what must hold whatever has happened.
func (b *bridge) spans(want string) []telemetrytest.ServiceSpan {
	b.t.Helper()
	all := b.traces.Spans(want)
	b.whole(all)
	b.logged(all)
	b.countedAlike()
	b.untold()
	return all
}

// whole fails when a trace has no 128 bits, or more than one upper half.
func (b *bridge) whole(all []telemetrytest.ServiceSpan) {
	b.t.Helper()
	upper := telemetrytest.Upper(all)
	for _, s := range all {
		if half := upper[s.TraceID]; len(half) != 16 || strings.Trim(half, "0") == "" {
			b.t.Errorf("the upper half of %s's trace is %q", s.Name, half)
		}
	}
}

// logged fails when a record from within an invocation does not carry the ids of one of these spans, in the form by which Datadog
// finds the record: all of the trace's id in hexadecimal digits, the span's in decimal ones.
func (b *bridge) logged(all []telemetrytest.ServiceSpan) {
	b.t.Helper()
	known := map[string]bool{}
	for _, s := range all {
		known[fmt.Sprintf("%s%016x %d", telemetrytest.Upper(all)[s.TraceID], s.TraceID, s.SpanID)] = true
	}
	for _, f := range b.functions {
		for _, line := range f.Lines() {
			var r map[string]any
			if json.Unmarshal([]byte(line), &r) != nil || r["_aws"] != nil || outside(fmt.Sprint(r["message"])) {
				continue
			}
			if ids := fmt.Sprint(r["dd.trace_id"], " ", r["dd.span_id"]); !known[ids] {
				b.t.Errorf("the ids %s are no span's: %s", ids, line)
			}
		}
	}
}

// outside tells the records of a function's start and of Lambda's library, for which there is no span.
func outside(message string) bool {
	return strings.HasPrefix(message, "the Agent's address may be") || strings.HasPrefix(message, "the invocation failed: ")
}

// countedAlike fails unless DogStatsD was told the same as CloudWatch, and for the right service. It comes in the background.
func (b *bridge) countedAlike() {
	b.t.Helper()
	want := map[string]float64{}
	for _, f := range b.functions {
		for name, n := range f.Counters() {
			want[name] += n
		}
	}
	var got map[string]float64
	for end := time.Now().Add(5 * time.Second); !maps.Equal(got, want) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		got = map[string]float64{}
		for _, line := range b.extension.Stats("alertbridge.") {
			name, n := stat(b.t, line)
			got[name] += n
		}
	}
	if !maps.Equal(got, want) {
		b.t.Errorf("DogStatsD has %v, CloudWatch %v", got, want)
	}
}

// stat reads a line of DogStatsD, and names the counter as Function.Counters does.
func stat(t testing.TB, line string) (name string, n float64) {
	t.Helper()
	name, rest, _ := strings.Cut(line, ":")
	value, rest, _ := strings.Cut(rest, "|d|#") // a distribution
	n, err := strconv.ParseFloat(value, 64)
	if err != nil {
		t.Errorf("%v: %s", err, line)
	}
	tags := map[string]string{}
	for _, tag := range strings.Split(rest, ",") {
		k, v, _ := strings.Cut(tag, ":")
		tags[k] = v
	}
	if tags["stack"] != "teststack" || tags["env"] != "test" || tags["version"] != "1.2.3" || tags["service"] == "" {
		t.Errorf("nobody can tell whose this is: %s", line)
	}
	i := slices.IndexFunc(telemetry.Metrics(), func(d telemetry.Definition) bool { return d.Datadog == name })
	if i < 0 {
		t.Errorf("no counter of ours: %s", line)
		return name, n
	}
	d := telemetry.Metrics()[i]
	name = string(d.Metric)
	for _, dimension := range d.Dimensions {
		if value := tags[dimension]; value != "" { // where the policy has one Agent, it is not named
			name += " " + value
		}
	}
	return name, n
}

// untold fails when a part of the Agent's address, a key or a token is in anything that leaves a function but the one
// request that needs it, when the Agent or its API is sent a trace, and when somebody wanted to reach Datadog past its extension.
func (b *bridge) untold() {
	b.t.Helper()
	said := map[string][]string{}
	for _, f := range b.functions {
		said["output"] = append(said["output"], f.Lines()...)
	}
	if b.extension != nil {
		said["DogStatsD"] = b.extension.Stats("")
		for _, e := range b.extension.Ends() {
			said["end of an invocation"] = append(said["end of an invocation"], fmt.Sprint(e))
		}
		if names := b.extension.Lookups(); len(names) > 0 {
			b.t.Errorf("somebody looked up %q", names)
		}
	}
	if b.traces != nil {
		said["trace agent"] = b.traces.Requests()
	}
	for to, texts := range said {
		for _, secret := range b.secrets() {
			if i := slices.IndexFunc(texts, func(s string) bool { return strings.Contains(s, secret) }); i >= 0 {
				b.t.Errorf("%s: a secret is told, %q: %q", to, secret, texts[i])
			}
		}
	}
	sent := map[string][]http.Header{}
	for _, r := range b.agent.Requests() {
		sent["the Agent"] = append(sent["the Agent"], r.Header)
	}
	for _, r := range b.api.Requests() {
		sent["the Agent's API"] = append(sent["the Agent's API"], r.Header)
	}
	for to, headers := range sent {
		for _, h := range headers {
			for name := range h {
				if n := strings.ToLower(name); strings.HasPrefix(n, "x-datadog") || strings.HasPrefix(n, "trace") || n == "baggage" {
					b.t.Errorf("%s is sent %s", to, name)
				}
			}
		}
	}
}

// secrets are the tokens, right and wrong, all of the Agent's secret, and every signature or key that was sent to it or its API.
func (b *bridge) secrets() []string {
	b.t.Helper()
	var agent map[string]string
	if err := json.Unmarshal([]byte(b.agent.Secret()), &agent); err != nil {
		b.t.Fatal(err)
	}
	_, path, _ := strings.Cut(agent["url"], "/webhook/")
	delete(agent, "url")
	secrets := append(slices.Collect(maps.Values(agent)), path, events.Token, events.PreviousToken,
		delivery(b.t, "wrong-token").Headers["x-alertbridge-token"])
	for _, r := range b.agent.Requests() {
		for _, name := range []string{"Authorization", "X-Amzn-Event-Signature"} {
			if v := strings.TrimPrefix(r.Header.Get(name), "Bearer "); v != "" {
				secrets = append(secrets, v)
			}
		}
	}
	for _, r := range b.api.Requests() {
		_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		secrets = append(secrets, signature)
	}
	if slices.Contains(secrets, "") || len(secrets) < 5 {
		b.t.Fatalf("a secret is missing: %q", secrets)
	}
	return secrets
}
