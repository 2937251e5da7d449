package scenario_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
)

func parse(t testing.TB, text string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decoded are the alerts as the bridge reads them.
func decoded(t testing.TB, s *scenario.Scenario) []alert.Alert {
	t.Helper()
	var all []alert.Alert
	for _, a := range s.Alerts {
		al, err := datadog.Decode(a.Body, s.Begins.Add(a.Arrives), nil)
		if err != nil {
			t.Fatalf("%s: %v", a.Body, err)
		}
		all = append(all, al)
	}
	return all
}

// What a scenario says of an alert is what the bridge reads in its body.
func TestBody(t *testing.T) {
	s := parse(t, `
title: A
begins: 2026-11-20T08:00:00Z
monitors:
  slow: {title: "[Shop] Slow", id: 4711, type: composite, priority: P2, tags: [env:prod, service:shop], message: Look., org: 77}
alerts:
  - {at: 90s, monitor: slow, group: [host:web-1, az:a], tags: [team:shop], arrives: 2m}
`)
	if a := s.Alerts[0]; a.Happens != 90*time.Second || a.Arrives != 2*time.Minute || a.Line != 7 || a.Want != nil {
		t.Errorf("%+v", a)
	}
	a := decoded(t, s)[0]
	for _, c := range []struct{ what, got, want string }{
		{"delivery", a.Delivery, "dd-77-" + s.Alerts[0].EventID},
		{"incident", a.Incident.String(), "77/4711/c." + s.Alerts[0].EventID},
		{"title", a.Title, "[Shop] Slow"},
		{"type", a.Monitor.Type, "composite"},
		{"transition", string(a.Transition), "Triggered"},
		{"priority", a.Priority + " " + a.Severity.String(), "P2 HIGH"},
		{"time", a.Time.String(), "2026-11-20 08:01:30 +0000 UTC"},
		{"scope", strings.Join(a.Scope, " "), "host:web-1 az:a"},
		{"tags", strings.Join(a.Tags, " "), "env:prod service:shop team:shop host:web-1 az:a"},
		{"host", a.Hostname, "web-1"},
		{"text", a.Text, "Look."},
		{"shape", a.Shape, "alertbridge/1"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %q, want %q", c.what, c.got, c.want)
		}
	}
	if len(s.Alerts[0].EventID) != 19 || !a.Incident.Cycle || a.Test || a.TimeAssumed {
		t.Errorf("%+v", a)
	}
}

// The body has the fields of the template that users install, and no others.
func TestBodyIsOurTemplate(t *testing.T) {
	var got, want map[string]any
	if err := json.Unmarshal(parse(t, "title: A\nalerts: [{at: 0s, monitor: M}]\n").Alerts[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(docstest.Read(t, "shared/datadog/template.json")), &want); err != nil {
		t.Fatal(err)
	}
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Errorf("the body has %v, the template %v", g, w)
	}
}

// told is a line for each alert: when it happens and arrives, the number of its monitor and cycle in the order in which
// they are met, its scope, transition, and what is wanted.
func told(t testing.TB, s *scenario.Scenario) string {
	t.Helper()
	number := map[string]int{}
	of := func(kind, name string) string {
		if number[kind+name] == 0 {
			number[kind]++
			number[kind+name] = number[kind]
		}
		return fmt.Sprint(kind, number[kind+name])
	}
	var lines []string
	for i, a := range decoded(t, s) {
		want := "-"
		if w := s.Alerts[i].Want; w != nil {
			want = w.String()
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s %s %s: %s", s.Alerts[i].Happens, s.Alerts[i].Arrives, of("m", a.Monitor.ID),
			of("c", a.Incident.Key), strings.Join(a.Scope, ","), a.Tag("service"), a.Transition, want))
	}
	return strings.Join(lines, "\n")
}

// Each shorthand written out.
func TestShorthands(t *testing.T) {
	for _, row := range []struct{ name, entry, want string }{
		{"recovers", "- {at: 1m, monitor: M, recovers: 5m, expect: wait hold}", `
1m0s 1m0s m1 c1   Triggered: wait hold
6m0s 6m0s m1 c1   Recovered: drop recovered`},
		{"every", "- {at: 1m, monitor: M, every: 10m, for: 30m, expect: [wait hold, join repeat]}", `
1m0s 1m0s m1 c1   Triggered: wait hold
11m0s 11m0s m1 c1   Triggered: join repeat
21m0s 21m0s m1 c1   Triggered: join repeat`},
		{"every, with a recovery after each: cycles of their own", "- {at: 0s, monitor: M, every: 10m, for: 11m, recovers: 2m}", `
0s 0s m1 c1   Triggered: -
2m0s 2m0s m1 c1   Recovered: drop recovered
10m0s 10m0s m1 c2   Triggered: -
12m0s 12m0s m1 c2   Recovered: drop recovered`},
		{"services, each with a monitor", "- {at: 0s, monitor: 'M{n}', services: 3, over: 9s, expect: [2 x wait hold, wait storm]}", `
0s 0s m1 c1  service-1 Triggered: wait hold
3s 3s m2 c2  service-2 Triggered: wait hold
6s 6s m3 c3  service-3 Triggered: wait storm`},
		{"groups of one monitor", "- {at: 0s, monitor: M, group: 'host:web-{n}', groups: 2}", `
0s 0s m1 c1 host:web-1  Triggered: -
0s 0s m1 c2 host:web-2  Triggered: -`},
		{"groups without a name", "- {at: 0s, monitor: M, group: 'az:a', groups: 10, over: 1s, expect: wait hold}", `
0s 0s m1 c1 az:a,group:01  Triggered: wait hold
100ms 100ms m1 c2 az:a,group:02  Triggered: wait hold
200ms 200ms m1 c3 az:a,group:03  Triggered: wait hold
300ms 300ms m1 c4 az:a,group:04  Triggered: wait hold
400ms 400ms m1 c5 az:a,group:05  Triggered: wait hold
500ms 500ms m1 c6 az:a,group:06  Triggered: wait hold
600ms 600ms m1 c7 az:a,group:07  Triggered: wait hold
700ms 700ms m1 c8 az:a,group:08  Triggered: wait hold
800ms 800ms m1 c9 az:a,group:09  Triggered: wait hold
900ms 900ms m1 c10 az:a,group:10  Triggered: wait hold`},
		{"services and groups", "- {at: 0s, monitor: M, services: 2, groups: 2}", `
0s 0s m1 c1 group:1 service-1 Triggered: -
0s 0s m2 c2 group:1 service-2 Triggered: -
0s 0s m1 c3 group:2 service-1 Triggered: -
0s 0s m2 c4 group:2 service-2 Triggered: -`},
		{"delivered twice", "- {at: 0s, monitor: M, twice: true, expect: wait hold}", `
0s 0s m1 c1   Triggered: wait hold
0s 0s m1 c1   Triggered: join duplicate_delivery`},
		{"delivered twice, and recovered once", "- {at: 0s, monitor: M, twice: true, recovers: 1m}", `
0s 0s m1 c1   Triggered: -
0s 0s m1 c1   Triggered: join duplicate_delivery
1m0s 1m0s m1 c1   Recovered: drop recovered`},
		{"late, and in the order of arrival", "- {at: 1m, monitor: M, arrives: 1h, recovers: 2m}\n  - {at: 5m, monitor: N}", `
5m0s 5m0s m1 c1   Triggered: -
1m0s 1h0m0s m2 c2   Triggered: -
3m0s 1h0m0s m2 c2   Recovered: drop recovered`},
		{
			"lost: it happened all the same, and ended the cycle",
			"- {at: 0s, monitor: M}\n  - {at: 1m, monitor: M, transition: Recovered, lost: true}\n  - {at: 2m, monitor: M}", `
0s 0s m1 c1   Triggered: -
2m0s 2m0s m1 c2   Triggered: -`,
		},
		{
			"Warn and Alert are one cycle, groups are not",
			"- {at: 0s, monitor: M, transition: Warn}\n  - {at: 1m, monitor: M}\n  - {at: 2m, monitor: M, group: 'a:b'}", `
0s 0s m1 c1   Warn: -
1m0s 1m0s m1 c1   Triggered: -
2m0s 2m0s m1 c2 a:b  Triggered: -`,
		},
	} {
		got := told(t, parse(t, "title: A\nalerts:\n  "+row.entry+"\n"))
		if want := strings.TrimPrefix(row.want, "\n"); got != want {
			t.Errorf("%s:\n%s\nand should be\n%s", row.name, got, want)
		}
	}
}

// Without a cycle key the incident is named by its group.
func TestWithoutCycleKey(t *testing.T) {
	s := parse(t, "title: A\nmonitors: {m: {cycle_key: false}}\nalerts:\n  - {at: 0s, monitor: m, recovers: 1m}\n  - {at: 5m, monitor: m, group: 'a:b'}\n")
	list := decoded(t, s)
	if list[0].Incident != list[1].Incident || list[0].Incident == list[2].Incident || list[0].Incident.Cycle || !strings.HasPrefix(list[0].Incident.Key, "g.") {
		t.Errorf("%v %v %v", list[0].Incident, list[1].Incident, list[2].Incident)
	}
}

// A test is no part of the cycle that goes on meanwhile.
func TestTestIsACycleOfItsOwn(t *testing.T) {
	s := parse(t, "title: A\nalerts:\n  - {at: 0s, monitor: M}\n  - {at: 1m, monitor: M, test: true}\n  - {at: 2m, monitor: M, transition: Renotify}\n")
	list := decoded(t, s)
	if !list[1].Test || list[1].Incident == list[0].Incident || list[2].Incident != list[0].Incident {
		t.Errorf("%v", list)
	}
}

// Everything beside the alerts is read as it is written, and the end is an hour after the last of it.
func TestTheRest(t *testing.T) {
	s := parse(t, `
title: A
about: |
  Two
  lines.
agent:
  - {at: 2h, is: up}
  - {at: 0s, is: down}
alerts: [{at: 0s, monitor: M}]
hand:
  - {at: 10m, mode: off, for: 1d12h, by: ana, reason: a party}
  - at: 5m
    silence: [service = checkout, "env != prod"]
expect:
  starts:
    - {at: 3h, within: 10m, title: M, severity: LOW}
    - {at: 1h, every: 30m, for: 1h}
  ends: [{at: 1m, how: recovered, title: M}]
  dollars: 7.97
`)
	if s.Title != "A" || s.About != "Two\nlines." || !s.Begins.Equal(scenario.Begins) || s.Lasts != 37*time.Hour+10*time.Minute {
		t.Errorf("%q %q %s %s", s.Title, s.About, s.Begins, s.Lasts)
	}
	if want := []scenario.AgentChange{{0, scenario.AgentDown, 0}, {2 * time.Hour, scenario.AgentUp, 0}}; !slices.Equal(s.Agent, want) {
		t.Errorf("%v", s.Agent)
	}
	silence, mode := s.Hand[0], s.Hand[1]
	if len(silence.Silence) != 2 || silence.Silence[1].Name != "env" || silence.By != "on-call" || silence.Mode != "" ||
		mode.Mode != gate.ModeOff || mode.For != 36*time.Hour || mode.By != "ana" || mode.Reason != "a party" || mode.Silence != nil {
		t.Errorf("%+v", s.Hand)
	}
	var starts []string
	for _, x := range s.Starts {
		starts = append(starts, fmt.Sprintf("%s %s %s %s", x.At, x.Within, x.Title, x.Severity))
	}
	if got := strings.Join(starts, ", "); got != "1h0m0s 1m5s  MINIMAL, 1h30m0s 1m5s  MINIMAL, 3h0m0s 10m0s M LOW" || s.Number != 3 {
		t.Errorf("%s, %d", got, s.Number)
	}
	if e := s.Ends[0]; len(s.Ends) != 1 || e.At != time.Minute || e.How != gate.EndRecovered || e.Title != "M" || *s.Dollars != 7_970_000 {
		t.Errorf("%+v %v", s.Ends, s.Dollars)
	}
}

// A policy that is written in a scenario keeps its lines, so that what is wrong with it can be found there.
func TestPolicyInAScenario(t *testing.T) {
	const before, after = "title: A\n", "alerts:\n  - {at: 0s, monitor: M}\n"
	s := parse(t, before+"policy:\n  hold:\n    P2: 10m\n\n  # why\n  test: start\n"+after)
	if got := string(s.Policy.Text); got != "\n\n  hold:\n    P2: 10m\n\n  # why\n  test: start\n" {
		t.Errorf("%q", got)
	}
	p, err := policy.Parse(s.Name, s.Policy.Text)
	if err != nil {
		t.Fatal(err)
	}
	if r := p.For(alert.Alert{Priority: "P2", Severity: alert.High, Test: true}); r.Hold != 10*time.Minute || r.OnTest != gate.StartIt {
		t.Errorf("%+v", r)
	}
	s = parse(t, before+after+"policy:\n  hodl:\n    P2: 10m\n")
	if _, err = policy.Parse(s.Name, s.Policy.Text); err == nil || !strings.HasPrefix(err.Error(), "x.yaml:5:3:") {
		t.Errorf("it says %v", err)
	}
	if s = parse(t, before+"policy: ../policy.yaml\n"+after); s.Policy.Path != "../policy.yaml" || s.Policy.Text != nil {
		t.Errorf("%+v", s.Policy)
	}
}

// FuzzParse: whatever a file holds, it is a scenario in which everything that arrives can be read and nothing comes after
// the end, or there is an error that names the file.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"single-critical", "deploy-breaks-forty-services", "budget-used-up", "agent-down"} {
		f.Add([]byte(docstest.Read(f, "docs/scenarios/"+name+".yaml")))
	}
	f.Add([]byte("title: &a A\n<<: *a\nalerts: !!set {? x}\n---\n"))
	f.Add([]byte("title: A\npolicy:\n  a: |\n   x\nalerts: [{at: 1d1h, monitor: M, every: 1s, for: 1s, services: 1}]\nhand: [{at: 0s, silence: 'a=~('}]"))
	f.Add([]byte("title: A\nseed: 7\ncalm: 1h\nalerts: [{at: -1h, arrives: 0s, monitor: M, event: 3, cycle: 0}, {at: 1s, unreadable: true}]\nagent: [{at: 0s, is: busy, for: 1m}, {at: 0s, is: shut}]\n"))
	f.Add([]byte("title: A\nalerts: {at: 0s, monitor: M}\ninvestigations: [{}, {title: M, appears: 1s, triage: 0s, waits: 1s, runs: 3h, again: 1m, ends: linked}, {ends: nothing}, {plan_after: 1m, plan_runs: 1m, plan_ends: failed, plan_shown: completed}]\nfaults: {at: 1s, fault: paused, in: outcome, step: ask, by: 1s}\n"))
	for i, k := range scenario.Kinds() {
		text := fmt.Sprintf("title: A\nalerts: {at: 0s, monitor: M}\nhand: [{at: 0s, start: %d}, {at: 0s, retry: true}]\nfaults: {at: 0s, fault: %s", i, k)
		for _, name := range k.Takes() {
			text += ", " + name + ": " + map[string]string{"in": "scheduler", "step": "commit", "nth": "2", "by": "-3s", "for": "1d"}[name]
		}
		if k.Followed() {
			text += "}\ninvestigations: {"
		}
		f.Add([]byte(text + "}\n"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := scenario.Parse("x.yaml", text)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\nx.yaml:") {
				if line == "" {
					t.Errorf("an empty problem in %q", err)
				}
			}
			if !strings.HasPrefix(err.Error(), "x.yaml:") {
				t.Errorf("it says %q", err)
			}
			return
		}
		for i, a := range s.Alerts {
			if a.Arrives < a.Happens || a.Arrives > s.Lasts || i > 0 && a.Arrives < s.Alerts[i-1].Arrives {
				t.Errorf("alert %d: %s %s, and the scenario lasts %s", i, a.Happens, a.Arrives, s.Lasts)
			}
			if i > 100 {
				break
			}
			if string(a.Body) == scenario.Unreadable {
				continue
			}
			if _, err := datadog.Decode(a.Body, s.Begins.Add(a.Arrives), nil); err != nil {
				t.Errorf("alert %d: %v\n%s", i, err, a.Body)
			}
		}
		for i, x := range s.Faults {
			if !slices.Contains(scenario.Kinds(), x.Kind) || x.For < 0 || x.At < 0 || x.At+x.For > s.Lasts || (x.Step == "") != (x.Nth == 0) || i > 0 && x.At < s.Faults[i-1].At {
				t.Errorf("fault %d: %+v, and the scenario lasts %s", i, x, s.Lasts)
			}
		}
	})
}

// What goes wrong is in the order in which it begins, with the states of the Agent over their time: until the next one
// that has no end of its own, or the end of all.
func TestFaults(t *testing.T) {
	s := parse(t, `
title: A
seed: 4711
lasts: 3h
calm: 2h
alerts: [{at: 0s, monitor: M}]
agent:
  - {at: 10m, is: down}
  - {at: 20m, is: takes and hangs, for: 1m}
  - {at: 30m, is: up}
  - {at: 40m, is: shut}
hand:
  - {at: 1m, start: 2}
  - {at: 2m, stop: 1}
  - {at: 3m, retry: true}
  - {at: 4m, redrive: true}
  - {at: 5m, start_alert: 7}
  - {at: 6m, stop_alert: 8}
faults:
  - {at: 1h, fault: no ticks, for: 10m}
  - {at: 10m, fault: crash before, in: scheduler, step: look_case, nth: 3}
  - {at: 5m, fault: applied late, in: dispatcher, by: 12s}
  - {at: 5m, fault: send lost}
  - {at: 50m, fault: skewed, in: dispatcher, by: -1500ms, for: 1h}
  - {at: 0s, fault: delete lost}
`)
	want := []scenario.Fault{
		{Kind: scenario.DeleteLost},
		{At: 5 * time.Minute, Kind: scenario.AppliedLate, In: scenario.Dispatcher, Step: scenario.Commit, Nth: 1, By: 12 * time.Second},
		{At: 5 * time.Minute, Kind: scenario.SendLost, In: scenario.Ingest, Step: scenario.Send, Nth: 1},
		{At: 10 * time.Minute, Kind: scenario.AgentIsDown, For: 20 * time.Minute},
		{At: 10 * time.Minute, Kind: scenario.CrashBefore, In: scenario.Scheduler, Step: scenario.LookCase, Nth: 3},
		{At: 20 * time.Minute, Kind: scenario.AgentTakes, For: time.Minute},
		{At: 40 * time.Minute, Kind: scenario.AgentIsShut, For: 140 * time.Minute},
		{At: 50 * time.Minute, Kind: scenario.Skewed, In: scenario.Dispatcher, By: -1500 * time.Millisecond, For: time.Hour},
		{At: time.Hour, Kind: scenario.NoTicks, For: 10 * time.Minute},
	}
	if !slices.Equal(s.Faults, want) {
		t.Errorf("%+v", s.Faults)
	}
	if s.Seed != 4711 || s.Calm != 2*time.Hour {
		t.Errorf("%d %s", s.Seed, s.Calm)
	}
	if h := s.Hand; len(h) != 6 || h[0].Start != 2 || h[1].Stop != 1 || !h[2].Retry || !h[3].Redrive || h[4].StartAlert != 7 || h[5].StopAlert != 8 || h[0].By != scenario.Somebody || h[0].Reason != scenario.NoReason {
		t.Errorf("%+v", h)
	}
	if scenario.AgentTakes.Agent() != scenario.AgentTaking || scenario.Kind("slow").Agent() != "" || scenario.NoTicks.Agent() != "" {
		t.Error("what is a fault of the Agent and what is none")
	}
}

// Events and cycles that have numbers: the same number is the same delivery, or the same incident, in whatever order they
// come. One that comes late may have happened before the beginning.
func TestNumbered(t *testing.T) {
	s := parse(t, `
title: A
alerts:
  - {at: 1m, monitor: M, event: 5, cycle: 7}
  - {at: 1m, arrives: 9m, monitor: M, event: 5, cycle: 7}
  - {at: 2m, monitor: M, event: 6, cycle: 7, transition: Recovered}
  - {at: 3m, monitor: M, event: 7, cycle: 7}
  - {at: -1h, arrives: 4m, monitor: M, event: 8, cycle: 0}
  - {at: 5m, unreadable: true, expect: drop unreadable}
`)
	if s.Alerts[4].Body == nil || string(s.Alerts[4].Body) != scenario.Unreadable || s.Alerts[4].Want.String() != "drop unreadable" || s.Alerts[4].Arrives != 5*time.Minute {
		t.Errorf("%+v", s.Alerts[4])
	}
	s.Alerts = slices.Delete(s.Alerts, 4, 5)
	list := decoded(t, s)
	var told []string
	for i, a := range list {
		told = append(told, fmt.Sprint(s.Alerts[i].Arrives, " ", a.Time.Sub(s.Begins), " ", a.EventID, " ", a.Incident.Cycle, " ", a.Incident == list[0].Incident))
	}
	want := []string{
		"1m0s 1m0s 7000000000000000005 true true", "2m0s 2m0s 7000000000000000006 true true", "3m0s 3m0s 7000000000000000007 true true",
		"4m0s -1h0m0s 7000000000000000008 false false", "9m0s 1m0s 7000000000000000005 true true",
	}
	if !slices.Equal(told, want) || list[0].Delivery != list[4].Delivery || !bytes.Equal(s.Alerts[0].Body, s.Alerts[4].Body) {
		t.Errorf("%q", told)
	}
}

// The end is an hour after the last of everything, whatever that is.
func TestEnd(t *testing.T) {
	const alerts = "title: A\nalerts: [{at: 1h, monitor: M}]\n"
	for rest, want := range map[string]time.Duration{
		"":                                      2 * time.Hour,
		"agent: {at: 2h, is: down}\n":           3 * time.Hour,
		"agent: {at: 2h, is: down, for: 90m}\n": 270 * time.Minute,
		"faults: {at: 2h, fault: no ticks, for: 90m}\n": 270 * time.Minute,
		"calm: 5h\n":                                 6 * time.Hour,
		"hand: {at: 3h, mode: off}\n":                4 * time.Hour,
		"expect: {starts: {at: 4h}}\n":               5 * time.Hour,
		"expect: {starts: {at: 10m}}\n":              2 * time.Hour,
		"expect: {ends: {at: 5h, how: recovered}}\n": 6 * time.Hour,
		"lasts: 90m\n":                               90 * time.Minute,
	} {
		if s := parse(t, alerts+rest); s.Lasts != want {
			t.Errorf("with %q it lasts %s, want %s", rest, s.Lasts, want)
		}
	}
}

// Services have monitors of their own, also where the monitor has an id: the number of the service is behind it.
func TestServicesOfAMonitorWithAnID(t *testing.T) {
	list := decoded(t, parse(t, "title: A\nmonitors: {m: {id: 77}}\nalerts: [{at: 0s, monitor: m, services: 2}]\n"))
	if len(list) != 2 || list[0].Monitor.ID != "771" || list[1].Monitor.ID != "772" {
		t.Errorf("%+v", list)
	}
}

// Matchers look at the alert type, and without a priority the rank comes of it.
func TestAlertTypes(t *testing.T) {
	for transition, want := range map[string]string{
		"Triggered": "error", "Renotify": "error", "No Data": "error", "Warn": "warning", "Re-Warn": "warning", "Recovered": "success", "Unknown": "info",
	} {
		if list := decoded(t, parse(t, "title: A\nalerts: [{at: 0s, monitor: M, transition: "+transition+"}]\n")); list[0].AlertType != want {
			t.Errorf("%s is of the type %q, want %q", transition, list[0].AlertType, want)
		}
	}
}

// How investigations go, with what is not said as most do.
func TestInvestigations(t *testing.T) {
	s := parse(t, `
title: A
alerts: [{at: 0s, monitor: M}]
investigations:
  - {}
  - {title: M, appears: 1s, triage: 2s, waits: 0s, runs: 3m, again: 4s, ends: cancelled}
  - {ends: nothing}
  - {ends: timed_out}
  - {plan_after: 10m, plan_runs: 90s, plan_ends: cancelled, plan_shown: completed}
  - {plan_after: 10m}
  - {plan_runs: 1m, plan_shown: runs}
`)
	second := time.Second
	want := []scenario.Investigation{
		{Appears: 20 * second, Triage: 20 * second, Waits: 20 * second, Runs: 300 * second, Again: 42 * second, Ends: "completed"},
		{Title: "M", Appears: second, Triage: 2 * second, Runs: 180 * second, Again: 4 * second, Ends: "cancelled"},
		{Appears: 20 * second, Triage: 20 * second, Waits: 20 * second, Runs: 300 * second, Again: 42 * second, Ends: scenario.Nothing},
		{Appears: 20 * second, Triage: 20 * second, Waits: 20 * second, Runs: 300 * second, Again: 42 * second, Ends: "timed_out"},
		{
			Appears: 20 * second, Triage: 20 * second, Waits: 20 * second, Runs: 300 * second, Again: 42 * second, Ends: "completed",
			Mitigation: scenario.Mitigation{After: 600 * second, Runs: 90 * second, Ends: "cancelled", Quiet: true},
		},
		{
			Appears: 20 * second, Triage: 20 * second, Waits: 20 * second, Runs: 300 * second, Again: 42 * second, Ends: "completed",
			Mitigation: scenario.Mitigation{After: 600 * second, Runs: 120 * second, Ends: "completed"},
		},
		{Appears: 20 * second, Triage: 20 * second, Waits: 20 * second, Runs: 300 * second, Again: 42 * second, Ends: "completed"},
	}
	if !slices.Equal(s.Investigations, want) {
		t.Errorf("%+v", s.Investigations)
	}
	for i, end := range []string{"COMPLETED", "CANCELED", "NOTHING", "TIMED_OUT"} {
		if p := s.Investigations[i].Plan(); p.End != end || p.Vanish != (end == "NOTHING") || p.Run != want[i].Runs || p.Appear != want[i].Appears {
			t.Errorf("%+v", p)
		}
	}
	if p := s.Investigations[4].Plan(); p.Mitigate != 10*time.Minute || p.Mitigation.Run != 90*second || p.Mitigation.End != "CANCELED" || !p.Mitigation.Stays {
		t.Errorf("%+v", p)
	}
	if s := parse(t, "title: A\nalerts: [{at: 0s, monitor: M}]\n"); s.Investigations != nil {
		t.Errorf("nobody says so, and they are %+v", s.Investigations)
	}
}
