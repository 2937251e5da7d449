package policy

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// The functions and the simulator take it as this.
var _ gate.Policy = (*Policy)(nil)

// what an alert of production is, as far as a policy looks at it.
func prod(severity alert.Severity, priority string, t alert.Transition, tags ...string) alert.Alert {
	return alert.Alert{
		OrgID: "1200", Incident: alert.Incident{Org: "1200", Monitor: "77", Key: "c.9", Cycle: true}, Monitor: alert.Monitor{ID: "77"},
		Transition: t, Severity: severity, Priority: priority, Tags: append([]string{"env:prod", "service:checkout"}, tags...),
		Scope: []string{"host:web-1"},
	}
}

// The numbers are those of the shipped policy, as people were promised them: written here once more by hand.
func TestDefaults(t *testing.T) {
	for _, row := range []struct {
		name     string
		a        alert.Alert
		severity alert.Severity
		mode     gate.Mode
		hold     time.Duration
		on       gate.Choice
		noData   gate.Choice
	}{
		{"P1", prod(alert.Critical, "P1", alert.Triggered), alert.Critical, gate.ModeFull, 0, gate.StartIt, gate.StartIt},
		{"P2", prod(alert.High, "P2", alert.Triggered), alert.High, gate.ModeFull, 30 * time.Second, gate.StartIt, gate.DropIt},
		{"P3", prod(alert.Medium, "P3", alert.ReTriggered), alert.Medium, gate.ModeFull, 2 * time.Minute, gate.StartIt, gate.DropIt},
		{"P4", prod(alert.Low, "P4", alert.Renotify), alert.Low, gate.ModeObserve, 5 * time.Minute, gate.StartIt, gate.DropIt},
		{"P5", prod(alert.Minimal, "P5", alert.Triggered), alert.Minimal, gate.ModeObserve, 5 * time.Minute, gate.StartIt, gate.DropIt},
		{"no priority, an error", prod(alert.High, "", alert.Triggered), alert.High, gate.ModeFull, 30 * time.Second, gate.StartIt, gate.DropIt},
		{"P4 with a tag", prod(alert.Low, "P4", alert.Triggered, "severity:sev1"), alert.Critical, gate.ModeFull, 0, gate.StartIt, gate.StartIt},
		{"P3 with another tag", prod(alert.Medium, "P3", alert.Triggered, "severity:critical"), alert.Critical, gate.ModeFull, 0, gate.StartIt, gate.StartIt},
		{"P3 with neither", prod(alert.Medium, "P3", alert.Triggered, "severity:sev2"), alert.Medium, gate.ModeFull, 2 * time.Minute, gate.StartIt, gate.DropIt},
		{"No Data of P1", prod(alert.Critical, "P1", alert.NoData), alert.Critical, gate.ModeFull, 5 * time.Minute, gate.StartIt, gate.StartIt},
		{"No Data of P2", prod(alert.High, "P2", alert.ReNoData), alert.High, gate.ModeFull, 5 * time.Minute, gate.StartIt, gate.DropIt},
		{"Warn of P1", prod(alert.Critical, "P1", alert.Warn), alert.Critical, gate.ModeFull, 0, gate.StartIt, gate.StartIt},
		{"critical without a priority", prod(alert.Critical, "", alert.Triggered), alert.High, gate.ModeFull, 30 * time.Second, gate.StartIt, gate.DropIt},
	} {
		r := Default().For(row.a)
		if r.Severity != row.severity || r.Mode != row.mode || r.Hold != row.hold || r.On != row.on || r.OnNoData != row.noData || r.OnWarn != gate.DropIt {
			t.Errorf("%s: %s, %s, held %s, %s, no data %s, warn %s", row.name, r.Severity, r.Mode, r.Hold, r.On, r.OnNoData, r.OnWarn)
		}
		if fixed := row.mode == gate.ModeObserve; r.ModeFixed != fixed {
			t.Errorf("%s: the mode is fixed: %t", row.name, r.ModeFixed)
		}
		if want := map[bool]alert.Severity{true: alert.Critical, false: row.severity}[row.severity == alert.Critical]; r.Ranks(row.a) != want {
			t.Errorf("%s ranks as %s", row.name, r.Ranks(row.a))
		}
	}
	r := Default().For(prod(alert.High, "P2", alert.Triggered))
	want := gate.Rules{
		Agent: "default", Mode: gate.ModeFull, Severity: alert.High, On: gate.StartIt, OnWarn: gate.DropIt, OnNoData: gate.DropIt,
		OnTest: gate.DropIt, InDoubt: gate.RepeatIt, MaxAge: 6 * time.Hour, Window: 30 * time.Minute, Quiet: 30 * time.Hour,
		Estimate: 8 * time.Minute, Hold: 30 * time.Second, Fresh: 2 * time.Minute, LateHold: time.Minute,
		Keys: []gate.Key{
			{Name: "1200/default/monitor=77,env=prod", For: 30 * time.Minute},
			{Name: "1200/default/service=checkout,env=prod", For: 5 * time.Minute},
		},
		Group: "1200/77/s." + alert.Hash("host:web-1"), Flap: gate.Flap{Cycles: 4, Within: time.Hour, Quiet: time.Hour},
		Surge: "1200/default/prod", Storm: gate.Storm{Cases: 5, Within: 5 * time.Minute, Join: 15 * time.Minute},
		Slots: 3, CriticalSlots: 1,
		Budget:  gate.Budget{Month: 300_000_000, Case: 3_984_000, Second: 8_300, Bucket: 5, CriticalPerDay: 20}, // 0.0083 × 480 s = $3.984
		Version: "default",
	}
	sameRules(t, "P2", r, want)
	for name, place := range r.Source {
		if place != "default" {
			t.Errorf("%s stands at %s", name, place)
		}
	}
}

// sameRules compares rules, but for the places of settings.
func sameRules(t *testing.T, name string, got, want gate.Rules) {
	t.Helper()
	if !slices.Equal(got.Keys, want.Keys) {
		t.Errorf("%s: the keys are %v, want %v", name, got.Keys, want.Keys)
	}
	got.Keys, got.Source, want.Keys, want.Source = nil, nil, nil, nil
	if g, w := describe(got), describe(want); g != w {
		t.Errorf("%s:\n%s\nwant\n%s", name, g, w)
	}
}

// The shipped file says what the defaults are, and nothing else but its route; and it shows every key.
func TestShippedPolicyIsTheDefault(t *testing.T) {
	text := docstest.Read(t, "policy.yaml")
	shipped := read(t, text)
	for _, transition := range alert.Transitions() {
		for severity := alert.Minimal; severity <= alert.Critical; severity++ {
			for _, tags := range [][]string{nil, {"severity:sev1"}} {
				a := prod(severity, "P"+string(rune('6'-severity)), transition, tags...)
				got, want := shipped.For(a), Default().For(a)
				got.Version = want.Version
				sameRules(t, string(transition)+" "+severity.String(), got, want)
			}
		}
	}
	if r := shipped.For(prod(alert.High, "P2", alert.Triggered)); r.Route != "" || r.ModeFixed {
		t.Errorf("production takes the route %q", r.Route)
	}
	elsewhere := prod(alert.Critical, "P1", alert.Triggered)
	for _, tags := range [][]string{{"env:dev"}, nil} {
		elsewhere.Tags = tags
		if r := shipped.For(elsewhere); r.Route != "not production" || r.Mode != gate.ModeObserve || !r.ModeFixed {
			t.Errorf("%v takes the route %q with the mode %s", tags, r.Route, r.Mode)
		}
	}
	// Whoever keeps a policy of a few lines is told, in both places, that the route is not among the defaults.
	for _, place := range []string{"policy.yaml", page} {
		said := strings.Join(strings.Fields(strings.ReplaceAll(docstest.Read(t, place), "\n# ", "\n")), " ")
		if !strings.Contains(said, "are defaults, but for the route: keep it in a policy of your own") {
			t.Errorf("%s does not say that the route is no default", place)
		}
	}
	if r := Default().For(elsewhere); r.Route != "" || r.Mode != gate.ModeFull {
		t.Errorf("without the file %v takes the route %q with the mode %s", elsewhere.Tags, r.Route, r.Mode)
	}
	var p problems
	written := map[string]bool{}
	paths(readYAML([]byte(text), &p), "", written)
	for _, k := range references() {
		spoken := k.path == "hold.default" || slices.Contains([]string{"mode.P1", "mode.P2", "mode.P3"}, k.path) // mode.default speaks for them
		if k.in != "routes" && !written[k.path] && !spoken {
			t.Errorf("policy.yaml does not show %s", k.path)
		}
	}
	for _, s := range shipped.For(prod(alert.High, "P2", alert.Triggered)).Source {
		if !strings.HasPrefix(s, "policy.yaml:") {
			t.Errorf("a setting stands at %q", s)
		}
	}
}

// paths are those of all keys in a file.
func paths(n node, above string, found map[string]bool) {
	for _, p := range n.pairs {
		found[above+p.key] = true
		paths(p.value, above+p.key+".", found)
	}
	for _, item := range n.items {
		paths(item, above, found)
	}
}

const teams = `mode: observe
agent: shop
hold: 1m
budget:
  dollars_a_month: 100
agents:
  shop:
  payments:
    budget:
      dollars_a_month: 500.25
      expected: 10m
    critical_per_day: 3
    slots: {total: 5, critical: 2}
routes:
  - name: payments
    match: [team = pay, env = prod]
    agent: payments
    mode: {default: full, P3: critical_only}
    critical:
      - [tier = "0", priority =~ P1|P2]
      - page = yes
    hold: {P2: 0s, No Data: 90s}
    start_on: [Triggered, Warn]
    group_by:
      - keys: [team, Region]
        for: 2h
    storm: off
    flap: off
    in_doubt: stop
    test: start
    max_age: 2h
    window: 10m
    quiet: 2d
    fresh: 0s
  - match: team = pay
    mode: off
`

func TestRoutes(t *testing.T) {
	p := read(t, teams)
	pay := prod(alert.High, "P2", alert.Triggered, "team:pay", "region:eu", "region:us")
	r := p.For(pay)
	sameRules(t, "payments", r, gate.Rules{
		Agent: "payments", Mode: gate.ModeFull, ModeFixed: true, Severity: alert.High, On: gate.StartIt, OnWarn: gate.StartIt, OnNoData: gate.DropIt,
		OnTest: gate.StartIt, InDoubt: gate.StopIt, MaxAge: 2 * time.Hour, Window: 10 * time.Minute, Quiet: 48 * time.Hour, Estimate: 10 * time.Minute,
		LateHold: time.Minute, Keys: []gate.Key{{Name: "1200/payments/team=pay,region=eu", For: 2 * time.Hour}},
		Slots: 5, CriticalSlots: 2, Budget: gate.Budget{Month: 500_250_000, Case: 4_980_000, Second: 8_300, Bucket: 5, CriticalPerDay: 3},
		Route: "payments", Version: p.Version(),
	})
	for name, want := range map[string]string{
		"agent": "policy.yaml:17", "mode": "policy.yaml:18", "critical": "policy.yaml:20", "hold": "policy.yaml:22", "start_on": "policy.yaml:23",
		"group_by": "policy.yaml:25", "storm.cases": "policy.yaml:27", "storm.join": "default", "late_hold": "default",
		"budget.dollars_a_month": "policy.yaml:10", "budget.price_a_second": "default", "slots.total": "policy.yaml:13",
	} {
		if r.Source[name] != want {
			t.Errorf("%s stands at %q, want %q", name, r.Source[name], want)
		}
	}
	for _, row := range []struct {
		name string
		a    alert.Alert
		want string // route, agent, mode, severity, hold, on
	}{
		{"P3", prod(alert.Medium, "P3", alert.Triggered, "team:pay"), "payments payments critical_only MEDIUM 1m0s start"},
		{"P1 is not critical here", prod(alert.Critical, "P1", alert.Triggered, "team:pay"), "payments payments full HIGH 0s start"},
		{"of tier 0 it is", prod(alert.Critical, "P1", alert.Triggered, "team:pay", "tier:0"), "payments payments full CRITICAL 0s start"},
		{"and by a tag", prod(alert.Low, "P4", alert.Triggered, "team:pay", "page:yes"), "payments payments full CRITICAL 0s start"},
		{"Re-Triggered", prod(alert.High, "P2", alert.ReTriggered, "team:pay"), "payments payments full HIGH 0s drop"},
		{"No Data", prod(alert.High, "P2", alert.NoData, "team:pay"), "payments payments full HIGH 1m30s start"},
		{"a group of Re-Renotify", prod(alert.High, "P2", alert.Renotify, "team:pay"), "payments payments full HIGH 0s drop"},
		{"elsewhere", dev(prod(alert.High, "P2", alert.Triggered, "team:pay")), "route 2 (policy.yaml:35) shop off HIGH 1m0s start"},
		{"of others", prod(alert.Critical, "P1", alert.Triggered), " shop observe CRITICAL 0s start"},
	} {
		r := p.For(row.a)
		got := strings.Join([]string{r.Route, r.Agent, string(r.Mode), r.Severity.String(), r.Hold.String(), string(r.On)}, " ")
		if got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
	if got := p.Agents(); !slices.Equal(got, []string{"payments", "shop"}) {
		t.Errorf("the agents are %v", got)
	}
	if r := p.For(prod(alert.High, "P2", alert.Triggered)); r.Budget.Month != 100_000_000 || r.Slots != 3 || r.ModeFixed {
		t.Errorf("an agent of which nothing is said has %+v, %d slots, mode fixed %t", r.Budget, r.Slots, r.ModeFixed)
	}
}

func dev(a alert.Alert) alert.Alert {
	a.Tags[0] = "env:dev"
	return a
}

// Alerts are joined by what they have themselves, and never over organisations or Agents.
func TestNames(t *testing.T) {
	const byAll = "group_by:\n  - {keys: [monitor, env], for: 1m}\n  - {keys: [service, env], for: 1m}\n  - {keys: [host, org], for: 1m}\n"
	long := strings.Repeat("x", 101)
	for _, row := range []struct {
		name  string
		a     alert.Alert
		keys  string
		group string
		surge string
	}{
		{
			"all",
			alert.Alert{OrgID: "1200", Hostname: "web-1", Incident: alert.Incident{Org: "1200", Monitor: "77", Key: "g.5"}, Tags: []string{"env:prod", "service:a"}},
			"1200/default/monitor=77,env=prod 1200/default/service=a,env=prod 1200/default/host=web-1,org=1200", "1200/77/g.5", "1200/default/prod",
		},
		{
			"none",
			alert.Alert{Incident: alert.Incident{Org: "-", Monitor: "m-abc", Key: "s.1"}},
			"-/default/monitor=m-abc,env=", "-/m-abc/s.1", "-/default/",
		},
		{
			"values that read as two",
			alert.Alert{Incident: alert.Incident{Org: "1", Monitor: "7", Key: "c.1", Cycle: true}, Tags: []string{"service:a,env=b", "env:" + long}, Scope: []string{"b:2", "a:1"}},
			"1/default/monitor=7,env=~" + alert.Hash(long) + " 1/default/service=~" + alert.Hash("a,env=b") + ",env=~" + alert.Hash(long),
			"1/7/s." + alert.Hash("a:1", "b:2"), "1/default/~" + alert.Hash(long),
		},
		{
			"a value like a hash",
			alert.Alert{Incident: alert.Incident{Org: "1", Monitor: "7", Key: "g.1"}, Tags: []string{"env:~" + alert.Hash("x")}},
			"1/default/monitor=7,env=~" + alert.Hash("~"+alert.Hash("x")), "1/7/g.1", "1/default/~" + alert.Hash("~"+alert.Hash("x")),
		},
	} {
		r := read(t, byAll).For(row.a)
		if got := strings.Join(r.Pointers(), " "); got != row.keys || r.Group != row.group || r.Surge != row.surge {
			t.Errorf("%s:\n%s, %s, %s, want\n%s, %s, %s", row.name, got, r.Group, r.Surge, row.keys, row.group, row.surge)
		}
	}
	none := read(t, "group_by: []\nstorm: off\nflap: off\n").For(prod(alert.High, "P2", alert.Triggered))
	if none.Keys != nil || none.Group != "" || none.Surge != "" || none.Storm != (gate.Storm{}) || none.Flap != (gate.Flap{}) {
		t.Errorf("nothing is to be joined, and there is %+v", none)
	}
}

// A verdict names the line that it rests on: of a hold the one of its rank, or of No Data; of start_on the transition's.
func TestPlaces(t *testing.T) {
	p := read(t, "hold:\n  P2: 1m\n  P3: 2m\n  No Data: 3m\nstart_on:\n  Renotify: never\n  No Data: always\n")
	for _, row := range []struct {
		a                  alert.Alert
		hold, on, fallback string
	}{
		{prod(alert.High, "P2", alert.Renotify), "policy.yaml:2", "policy.yaml:6", "default"},
		{prod(alert.Medium, "P3", alert.Triggered), "policy.yaml:3", "default", "default"},
		{prod(alert.Medium, "P3", alert.ReNoData), "policy.yaml:4", "policy.yaml:7", "default"},
		{prod(alert.Low, "P4", alert.Recovered), "default", "", "default"}, // which starts nothing, whatever start_on says
	} {
		s := p.For(row.a).Source
		if s["hold"] != row.hold || s["start_on"] != row.on || s["max_age"] != row.fallback {
			t.Errorf("%s %s: hold stands at %q, start_on at %q, max_age at %q", row.a.Priority, row.a.Transition, s["hold"], s["start_on"], s["max_age"])
		}
	}
}

// Keys that name what the root has already said are read in whatever order they stand.
func TestOrderOfKeysDoesNotMatter(t *testing.T) {
	p := read(t, "routes:\n  - match: [env = dev]\n    mode: {P3: full}\nagents:\n  a: {slots: {critical: 0}}\nslots: {total: 1, critical: 0}\nagent: a\nmode: off\n")
	a := dev(prod(alert.High, "P2", alert.Triggered))
	if r := p.For(a); r.Mode != gate.ModeOff || r.Slots != 1 || r.ModeFixed {
		t.Errorf("mode %s, fixed %t, %d slots", r.Mode, r.ModeFixed, r.Slots)
	}
	a.Severity = alert.Medium
	if r := p.For(a); r.Mode != gate.ModeFull || !r.ModeFixed {
		t.Errorf("mode %s, fixed %t", r.Mode, r.ModeFixed)
	}
}

func TestSpecialValues(t *testing.T) {
	r := read(t, "critical: always\nbudget:\n  dollars_a_month: unlimited\nhold: {default: 10s}\nstart_on: {Warn: critical}\n").For(prod(alert.Low, "P4", alert.NoData))
	if r.Severity != alert.Critical || r.Budget.Month != 0 || r.Hold != 5*time.Minute || r.OnWarn != gate.StartIt {
		t.Errorf("%+v", r)
	}
	r = read(t, "critical: never\nhold: {P2: 1h30m, default: 10s}\n").For(prod(alert.Critical, "P1", alert.Triggered))
	if r.Severity != alert.High || r.Hold != 90*time.Minute {
		t.Errorf("%+v", r)
	}
	if r = read(t, "hold: {P2: 1h30m, default: 10s}\n").For(prod(alert.Medium, "P3", alert.Triggered)); r.Hold != 10*time.Second {
		t.Errorf("%+v", r)
	}
	for _, text := range []string{"fresh: 0s", "critical: never"} { // nothing is held for late_hold then, so it need not fit
		if r = read(t, text+"\nmax_age: 1m\nhold: {default: 30s, No Data: 30s}\nstorm: off\n").For(prod(alert.Medium, "P3", alert.Triggered)); r.LateHold != time.Minute || r.MaxAge != time.Minute {
			t.Errorf("%s: %+v", text, r)
		}
	}
}

func TestVersion(t *testing.T) {
	one, other := read(t, "mode: full\n"), read(t, "mode:  full\n")
	if one.Version() == other.Version() || len(one.Version()) != 12 || !alert.SafeID(one.Version()) || one.Version() != read(t, "mode: full\n").Version() {
		t.Errorf("the versions are %q and %q", one.Version(), other.Version())
	}
	if got := Default().Version(); got != "default" {
		t.Errorf("the default's version is %q", got)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own.yaml")
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), "the policy cannot be read: open "+path) {
		t.Errorf("a file that there is not: %v", err)
	}
	if err := os.WriteFile(path, []byte("fresh: 1m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.For(prod(alert.High, "P2", alert.Triggered)).Source["fresh"]; got != "own.yaml:1" {
		t.Errorf("fresh stands at %q", got)
	}
	if err := os.WriteFile(path, []byte("frsh: 1m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), `own.yaml:1:1: a policy has no key "frsh"; did you mean fresh?`) {
		t.Errorf("%v", err)
	}
}

// Empty is a policy: that of the defaults.
func TestEmpty(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "---\n", "{}\n", "---\n# nothing\n...\n", "routes: []\nagents: {}\n"} {
		a := prod(alert.High, "P2", alert.Triggered)
		want := Default().For(a)
		got := read(t, text).For(a)
		got.Version = want.Version
		sameRules(t, text, got, want)
		if !maps.Equal(got.Source, want.Source) {
			t.Errorf("%q: the settings stand at %v", text, got.Source)
		}
	}
}

func read(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Which Agents are followed is said of their alerts alone, also where the case stays with another Agent than the route's.
// Somebody is told of every alert or of none, and the policy that was asked stays as it was.
func TestTell(t *testing.T) {
	p := Default()
	told := p.Tell(true)
	for name, row := range map[string]struct{ got, want bool }{
		"told": {told.For(alert.Alert{}).Tells, true}, "told, for another Agent": {told.ForAgent(alert.Alert{}, "payments").Tells, true},
		"as it was": {p.For(alert.Alert{}).Tells, false}, "told no more": {told.Tell(false).For(alert.Alert{}).Tells, false},
	} {
		if row.got != row.want {
			t.Errorf("%s: tells %t", name, row.got)
		}
	}
}

func TestFollow(t *testing.T) {
	p, err := Parse("p", []byte("agents:\n  payments: {}\nroutes:\n  - name: pay\n    match: [service = pay]\n    agent: payments\n"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := p.Follow("payments")
	if err != nil {
		t.Fatal(err)
	}
	pay, other := alert.Alert{Tags: []string{"service:pay"}}, alert.Alert{}
	for _, row := range []struct {
		what string
		got  gate.Rules
		want bool
	}{
		{"its own", f.For(pay), true},
		{"another Agent's", f.For(other), false},
		{"a case that stays with it", f.ForAgent(other, "payments"), true},
		{"a case that stays with another", f.ForAgent(pay, "default"), false},
		{"the policy as it was", p.For(pay), false},
	} {
		if row.got.Followed != row.want {
			t.Errorf("%s: followed %t", row.what, row.got.Followed)
		}
	}
	if _, err := p.Follow("search"); err == nil || err.Error() != `the policy has no Agent "search" whose work could be followed; it has default, payments` {
		t.Errorf("an unknown Agent: %v", err)
	}
}
