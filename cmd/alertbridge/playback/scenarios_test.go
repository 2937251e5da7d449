package playback_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/meanwhile"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/playback"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
)

// incidents are the scenarios that ship with alertbridge. Each is there for something that happens to every team.
var incidents = []string{
	"agent-down", "budget-used-up", "composite", "datadog-outage", "deploy-breaks-forty-services", "flapping", "host-silent",
	"monitors-without-service", "recovery-lost", "renotified-for-thirty-hours", "single-critical", "test-notification",
	"three-monitors-of-a-service", "warn-alert-warn", "wrong-key",
}

func load(t testing.TB, name string) *scenario.Scenario {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docstest.Root(t), "docs/scenarios", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse(name+".yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func play(t testing.TB, w *playback.World, p gate.Policy) *playback.Result {
	t.Helper()
	r, err := playback.Play(t.Context(), w, p, playback.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func shipped(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := policy.Load(filepath.Join(docstest.Root(t), "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Every incident comes as it is written, under the default policy and under the one that is shipped, in which all that is
// not production is only observed.
func TestIncidents(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(docstest.Root(t), "docs/scenarios/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".yaml"))
	}
	if !slices.Equal(names, incidents) {
		t.Errorf("docs/scenarios has %v", names)
	}
	titles := map[string]string{}
	for _, r := range docstest.Table(t, "docs/play.md", "incidents") {
		titles[r["scenario"]] = r["what happens"]
	}
	for _, name := range incidents {
		s := load(t, name)
		if titles[name] != s.Title {
			t.Errorf("%s is about %q, and docs/play.md says %q", name, s.Title, titles[name])
		}
		if s.About == "" || s.Number < 0 || s.Policy.Path != "" || s.Policy.Text != nil {
			t.Errorf("%s does not say what it shows, or which starts it expects, or has a policy of its own", name)
		}
		for _, a := range s.Alerts {
			if a.Want == nil {
				t.Errorf("%s:%d: nothing is expected of this alert", name, a.Line)
			}
		}
		for which, p := range map[string]gate.Policy{"default": policy.Default(), "shipped": shipped(t)} {
			for _, diff := range playback.Expect(play(t, playback.OfScenario(s), p)) {
				t.Errorf("%s policy: %s", which, diff)
			}
		}
	}
}

// What is expected otherwise is told: each line of a scenario is turned into something that does not happen.
func TestExpectationsBite(t *testing.T) {
	text := docstest.Read(t, "docs/scenarios/datadog-outage.yaml")
	for _, row := range []struct{ old, new, says string }{
		{"expect: drop late", "expect: drop recovered", `:24: 0:50:10 Triggered "Mails are late" got drop late, and should get drop recovered`},
		{"{at: 51m,", "{at: 52m,", `:40: nothing like this was started at 0:52:00: CRITICAL "Logins fail"`},
		{"{at: 51m,", "{at: 49m,", `:40: nothing like this was started at 0:49:00: CRITICAL "Logins fail"`},
		{"severity: CRITICAL", "severity: HIGH", `a start at 0:51:00 that should not be: CRITICAL "Logins fail (service:login)"`},
		{"severity: CRITICAL, title: Logins fail", "title: Login", ""},
		{"how: recovered, title: Card payments fail", "how: expired, title: Card payments fail", `:42: no case ended like this at 0:50:00: expired "Card payments fail"`},
		{"dollars: 3.98", "dollars: 3.99", "it cost $3.98, and should cost $3.99"},
		{"dollars: 3.98", "dollars: 3.97", "it cost $3.98, and should cost $3.97"},
		{"{at: 50m, how: recovered, title: Card", "{at: 48m, how: recovered, title: Card", `:42: no case ended like this at 0:48:00: recovered "Card payments fail"`},
		{"{at: 50m, how: recovered, title: Card", "{at: 51m, how: recovered, title: Card", `:42: no case ended like this at 0:51:00: recovered "Card payments fail"`},
		{"title: Search is slow}\n", "title: Card payments fail}\n", `:43: no case ended like this at 0:50:00: recovered "Card payments fail"`}, // one case is no two
	} {
		changed := strings.Replace(text, row.old, row.new, 1)
		if changed == text {
			t.Fatalf("the scenario has no %q", row.old)
		}
		s, err := scenario.Parse("x.yaml", []byte(changed))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(playback.Expect(play(t, playback.OfScenario(s), policy.Default())), "\n")
		if row.says == "" && got != "" || !strings.Contains(got, row.says) {
			t.Errorf("%s for %s: it says %q, want %q", row.new, row.old, got, row.says)
		}
	}
}

func worldOf(t testing.TB, text string) *playback.World {
	t.Helper()
	s, err := scenario.Parse("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return playback.OfScenario(s)
}

func parsePolicy(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Whatever a scenario expects, it is compared; one that expects nothing is told so.
func TestExpects(t *testing.T) {
	const alert = "title: A\nalerts: [{at: 0s, monitor: M}]\n"
	for text, want := range map[string]bool{
		alert:                               false,
		alert + "expect: {starts: 0}\n":     true,
		alert + "expect: {dollars: 1.00}\n": true,
		alert + "expect: {ends: {at: 0s, how: recovered}}\n":                true,
		"title: A\nalerts: [{at: 0s, monitor: M, expect: drop silenced}]\n": true,
	} {
		if got := playback.Expects(worldOf(t, text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// A slow Agent takes what it is given, and answers after five seconds, another one after half a second: only then the case
// is started.
func TestSlowAgent(t *testing.T) {
	for state, want := range map[string]time.Duration{"up": meanwhile.Latency, "slow": meanwhile.Slow} {
		w := worldOf(t, "title: A\nagent: {at: 0s, is: "+state+"}\nalerts: [{at: 1m, monitor: M, priority: P1}]\n")
		r := play(t, w, policy.Default())
		if len(r.Starts) != 1 {
			t.Fatalf("%s: %d starts", state, len(r.Starts))
		}
		steps := r.Cases[r.Starts[0].Case].Steps
		i := slices.IndexFunc(steps, func(s gate.Step) bool { return strings.HasPrefix(s.Text, "started") })
		if i < 0 || steps[i].At.Sub(r.Starts[0].At) != want {
			t.Errorf("%s: asked at %s, and then %+v; want an answer after %s", state, r.Starts[0].At, steps, want)
		}
	}
}

// The scenarios on the page are ones, and come as they say.
func TestScenariosOnThePage(t *testing.T) {
	played := 0
	for _, block := range strings.Split(docstest.Read(t, "docs/play.md"), "\n```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "\n```")
		played++
		for _, diff := range playback.Expect(play(t, worldOf(t, text+"\n"), policy.Default())) {
			t.Error(diff)
		}
	}
	if played == 0 {
		t.Error("there is none")
	}
}
