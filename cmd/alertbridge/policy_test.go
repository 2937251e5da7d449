package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/policy"
)

const paymentsPolicy = `agents:
  payments:
    budget: {dollars_a_month: 10, bucket: 5}
    slots: {total: 1, critical: 0}
  search:
routes:
  - name: payments
    match: [team = pay]
    agent: payments
    hold: {P2: 0s}
  - match: [env = dev]
`

// written keeps a policy in a folder of its own.
func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestPolicyCheck(t *testing.T) {
	file := written(t, paymentsPolicy)
	got := call(t, "", "policy", "check", file)
	_, said, _ := strings.Cut(got.out, ". Its version is ")
	_, said, _ = strings.Cut(said, ".\n")
	// $10 at 0.0083 × 480 s = $3.98 are two investigations.
	want := `
Routes: the first that an alert meets counts, else the root
  1  line 7  payments  [team = pay] → agent: payments, hold: {P2: 0s}
  2  line 11  route 2 (policy.yaml:11)  [env = dev] → as the root

Agents:
  default: $300.00 a month, which is 75 investigations of $3.98; up to 5 can be saved up; 3 slots, 1 for critical cases only; critical cases go beyond it, at most 20 a day
  payments: $10.00 a month, which is 2 investigations of $3.98; up to 5 can be saved up; 1 slot; critical cases go beyond it, at most 20 a day

Probably not meant:
  FILE:3:43: the budget of payments pays for 2 investigations a month, and 5 could be saved up: a month's money can be gone in a day
  FILE:5:3: the agent search is chosen by no route, nor by the root: it investigates nothing but what waits for it already
  FILE:11:5: route 2 changes nothing: it only keeps its alerts from the routes after it
`
	if want = strings.ReplaceAll(want, "FILE", file); got.status != 0 || said != want || got.errs != "" {
		t.Errorf("status %d, %q\n%s\nwant\n%s", got.status, got.errs, said, want)
	}
	file = written(t, "critical: always\nroutes:\n  - {match: [env = dev], critical: never}\n")
	if got := call(t, "", "policy", "check", file); got.status != 0 || strings.Contains(got.out, "Probably not meant") {
		t.Errorf("alerts of dev are not critical: status %d, %s%s", got.status, got.out, got.errs)
	}
	for text, want := range map[string]string{
		"mode: off\n":                            "FILE:1:7: nothing is ever started: there is no alert for which mode, critical and start_on say so\n",
		"start_on: []\n":                         "FILE:1:11: nothing is ever started: there is no alert for which mode, critical and start_on say so\n",
		"mode: critical_only\ncritical: never\n": "FILE:2:11: nothing is ever started: there is no alert for which mode, critical and start_on say so\n",
		"mode: {P1: observe, default: full}\ncritical: always\n": "FILE:2:11: nothing is ever started: there is no alert for which mode, critical and start_on say so\n",
		"mode: critical_only\nstart_on: {Triggered: never}\n":    "Its version",
		"critical: always\n":                      "FILE:1:11: every alert is critical: none waits for money, only for critical_per_day\n",
		"budget:\n  dollars_a_month: unlimited\n": "  default: as much as it likes, at $3.98 an investigation; 3 slots,",
		// A name of which a single letter is wrong is warned of wherever one stands.
		"routes:\n  - match: [priorty = P1, role = db]\n    critical: [moniter_name = x, 'envs = y']\n    hold: 1m\ngroup_by:\n  - {keys: [servce, env], for: 5m}\n": `
Probably not meant:
  FILE:2:13: match: priorty is no field and no usual tag; did you mean priority? A tag of that name is written tag:priorty
  FILE:3:16: critical: moniter_name is no field and no usual tag; did you mean monitor_name? A tag of that name is written tag:moniter_name
  FILE:3:34: critical: envs is no field and no usual tag; did you mean env? A tag of that name is written tag:envs
  FILE:6:13: keys: servce is no field and no usual tag; did you mean service? A tag of that name is written tag:servce
`,
		"{}\n": "Routes: none, the root speaks for all alerts\n",
	} {
		file := written(t, text)
		if got := call(t, "", "policy", "check", file); got.status != 0 || !strings.Contains(got.out, strings.ReplaceAll(want, "FILE", file)) {
			t.Errorf("%s: status %d, %s%s", text, got.status, got.out, got.errs)
		}
	}
	meant := written(t, "routes: [{match: ['tag:priorty = P1', team = pay, role = db], hold: 1m}]\ngroup_by: [{keys: ['tag:servce', rack], for: 5m}]\n")
	if got := call(t, "", "policy", "check", meant); got.status != 0 || strings.Contains(got.out, "Probably not meant") {
		t.Errorf("it warns of tags: status %d, %s%s", got.status, got.out, got.errs)
	}
}

func TestPolicyCheckFails(t *testing.T) {
	file := written(t, "mode: ful\nhold: 5\n")
	got := call(t, "", "policy", "check", file)
	want := file + `:1:7: mode: there is no "ful"; did you mean full?; it takes off, observe, critical_only or full
` + file + `:2:7: hold: 5 is a number; it takes a time from 0s to 24h, or a mapping with P2 to P5, default and No Data with its unit, such as 5s or 5m
alertbridge: 2 problems in ` + file + "; docs/policy.md explains every key\n"
	if got.status != 1 || got.errs != want || got.out != "" {
		t.Errorf("status %d, %q\n%s\nwant\n%s", got.status, got.out, got.errs, want)
	}
	one := written(t, "mode: ful\n")
	if got := call(t, "", "policy", "check", one); got.status != 1 || !strings.Contains(got.errs, "alertbridge: 1 problem in "+one) {
		t.Errorf("status %d, %s", got.status, got.errs)
	}
	t.Chdir(t.TempDir())
	if got := call(t, "", "policy", "check"); got.status != 1 || got.errs != "alertbridge: the policy cannot be read: open policy.yaml: no such file or directory\n" {
		t.Errorf("without a file: status %d, %q", got.status, got.errs)
	}
}

func TestPolicyShow(t *testing.T) {
	file := written(t, "")
	got := call(t, "", "policy", "show", "../../events/http/triggered-p1.json", "--policy", file)
	want := `Checkout answers slowly
Triggered, priority P1, monitor 24018841: ranks as CRITICAL
by the policy in FILE, version VERSION
route: none, the root speaks for it
If no live case covers it, it is started: at once when it is younger than 2m, else if it still fires after 1m.

mode                    default  full
agent                   default  default
critical                default  yes
start_on                default  start
fresh                   default  2m
late_hold               default  1m
group_by                default  1000042/default/monitor=24018841,env=prod for 30m; 1000042/default/service=checkout,env=prod for 5m
storm.cases             default  5 of 1000042/default/prod
storm.within            default  5m
storm.join              default  15m
flap.cycles             default  4 of 1000042/24018841/s.e1385ef394b0f55694e5
flap.within             default  1h
flap.quiet              default  1h
max_age                 default  6h
window                  default  30m
quiet                   default  30h
in_doubt                default  repeat
test                    default  drop
budget.dollars_a_month  default  $300.00
budget.price_a_second   default  so that one investigation is reckoned to cost $3.98
budget.expected         default  8m
budget.bucket           default  5
critical_per_day        default  20
slots.total             default  3
slots.critical          default  1
`
	p, err := policy.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	want = strings.NewReplacer("FILE", file, "VERSION", p.Version()).Replace(want)
	if got.status != 0 || got.out != want || got.errs != "" {
		t.Errorf("status %d, %q\n%s\nwant\n%s", got.status, got.errs, got.out, want)
	}
}

// Without --policy it is the policy of this folder, else the defaults; and it is told which.
func TestPolicyShowWithoutAFile(t *testing.T) {
	const al = `{"alert_title": "x", "monitor_id": "7", "alert_transition": "Triggered"}`
	t.Chdir(t.TempDir())
	shows := func(called, file, means string) {
		t.Helper()
		if got := call(t, al, "policy", "show", "-"); got.status != 0 || !strings.Contains(got.out, "\nby "+called+", version ") {
			t.Errorf("status %d\n%s%s", got.status, got.out, got.errs)
		}
		got := call(t, al, "policy", "show", "-", "-o", "json")
		var shown shownRules
		if err := json.Unmarshal([]byte(got.out), &shown); err != nil || shown.Policy != file || shown.Means != means {
			t.Errorf("%v, %q, %q", err, shown.Policy, shown.Means)
		}
	}
	shows("the policy's defaults (there is no policy.yaml in this folder)", "", "If no live case covers it and it still fires after 30s, it is started.")
	if err := os.WriteFile("policy.yaml", []byte("mode: off\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	shows("the policy in policy.yaml", "policy.yaml", "The mode is off: it starts nothing.")
}

// What an alert comes to by the policy alone, in a sentence.
func TestPolicyShowMeans(t *testing.T) {
	for _, row := range []struct{ policy, alert, want string }{
		{"", `"alert_transition": "Recovered"`, "It says that its incident is over, and starts nothing."},
		{"", `"alert_transition": "Exploded"`, "Nobody knows its transition, and it starts nothing."},
		{"", `"alert_transition": "Warn"`, "The policy starts nothing on Warn."},
		{"", `"alert_transition": "No Data"`, "The policy starts nothing on No Data."},
		{"", `"alert_transition": "No Data", "alert_priority": "P1"`, "If no live case covers it and it still fires after 5m, it is started."},
		{"", `"alert_transition": "Triggered", "alert_title": "[TEST] x"`, "It is a test and starts nothing."},
		{"", `"alert_transition": "Triggered", "tags": "alertbridge:event,env:prod"`, "It speaks of what alertbridge has told itself, and starts nothing."},
		{"mode: off\n", `"alert_transition": "Triggered"`, "The mode is off: it starts nothing."},
		{"mode: critical_only\n", `"alert_transition": "Triggered"`, "The mode is critical_only, and it is not critical: it starts nothing."},
		{"mode: observe\n", `"alert_transition": "Triggered"`, "If no live case covers it and it still fires after 30s, it is recorded as what would be started."},
		{"hold: 0s\nstorm: off\nflap: off\ngroup_by: []\nbudget:\n  dollars_a_month: unlimited\n", `"alert_transition": "Triggered"`, "If no live case covers it, it is started at once."},
	} {
		title := `"alert_title": "x", `
		if strings.Contains(row.alert, "alert_title") {
			title = ""
		}
		got := call(t, "{"+title+`"monitor_id": "7", `+row.alert+"}", "policy", "show", "-", "--policy", written(t, row.policy), "-o", "json")
		var shown shownRules
		if err := json.Unmarshal([]byte(got.out), &shown); err != nil || shown.Means != row.want || len(shown.Settings) < 20 || shown.Rules.Agent != "default" {
			t.Errorf("%s, %s: %v, %q, want %q\n%s", row.policy, row.alert, err, shown.Means, row.want, got.errs)
		}
	}
}

func TestPolicyShowFails(t *testing.T) {
	good := written(t, "")
	for _, row := range []struct {
		in, want string
		args     []string
	}{
		{"", "alertbridge: 1 problem in ", []string{"-", "--policy", written(t, "x: 1\n")}},
		{"no json", "alertbridge: - cannot be read as an alert: ", []string{"-", "--policy", good}},
		{`{"Records": [{}]}`, "alertbridge: -: it is an event of the queue", []string{"-", "--policy", good}},
		{"", "alertbridge: ../../events/http holds ", []string{"../../events/http", "--policy", good}},
		{"", "alertbridge: nowhere.json: no such file or directory\n", []string{"nowhere.json", "--policy", good}},
	} {
		got := call(t, row.in, append([]string{"policy", "show"}, row.args...)...)
		if got.status != 1 || !strings.Contains(got.errs, row.want) || got.out != "" {
			t.Errorf("%v: status %d, %q, %q, want %q", row.args, got.status, got.out, got.errs, row.want)
		}
	}
}
