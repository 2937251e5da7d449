package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/explain"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/operate"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger/dynamotest"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
)

// fine runs a command line that must go well, and gives what it printed.
func fine(t *testing.T, in string, args ...string) string {
	t.Helper()
	got := call(t, in, args...)
	if got.status != 0 || got.errs != "" {
		t.Fatalf("%s: status %d, %s%s", strings.Join(args, " "), got.status, got.out, got.errs)
	}
	return got.out
}

// has checks that a text holds each of these.
func has(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: there is no %q in\n%s", what, part, text)
		}
	}
}

// storyOf asks why, as a program would.
func storyOf(t *testing.T, url, id string) explain.Story {
	t.Helper()
	var s explain.Story
	if err := json.Unmarshal([]byte(fine(t, "", "explain", id, "--url", url, "-o", "json")), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The whole way by hand, in a local run: a silence mutes the next alert, which says so wherever it is asked about; what
// was muted is started; a mode observes; and all of it is taken back.
func TestByHandInALocalRun(t *testing.T) {
	url := bridge(t)
	now := time.Now().UnixMilli()
	ago := func(n string) string { return "dd-1000042-887300000000000000" + n }

	if out := fine(t, "", "mode", "--url", url); out != "Mode: none is set by hand; the policy's counts.\n" {
		t.Errorf("before anything is set: %q", out)
	}
	out := fine(t, "", "silence", "add", "monitor=77", "org=1000042", "--for", "2h", "--by", "ana@laptop", "--reason", "release  of\tcheckout", "--url", url)
	said := regexp.MustCompile(`^Silence (s-[0-9a-f]{10}) mutes alerts with monitor = "77", org = "1000042" by ana@laptop until .*: release of checkout\.\n$`).FindStringSubmatch(out)
	if said == nil {
		t.Fatalf("the silence: %q", out)
	}
	has(t, "the alert", fine(t, delivery("1", now), "send", "--url", url, "-"), "drop", "silenced")
	has(t, "the status", fine(t, "", "status", "--url", url), said[1], "by ana@laptop: release of checkout", "Agent default: open", "running: 0")
	has(t, "the story", fine(t, "", "explain", "8873000000000000001", "--org", "1000042", "--url", url),
		"alert       "+ago("1"), "verdict     drop, silenced: somebody silenced it", "by hand     silence "+said[1]+" by ana@laptop until",
		": release of checkout", "start, new_incident, if nothing silenced it", "alertbridge start "+ago("1"))

	// started by hand, in spite of the silence
	has(t, "the start", fine(t, "", "start", ago("1"), "--reason", "looks real", "--by", "ben@laptop", "--url", url), "starts with the next tick")
	started := explain.WouldBe(ago("1"))
	s := within(t, func() explain.Story { return storyOf(t, url, started) }, func(s explain.Story) bool { return len(s.Cases) == 1 && s.Cases[0].State == "started" })
	text := fine(t, "", "explain", started, "--url", url)
	has(t, "its story", text, "opened by hand by ben@laptop: looks real", "start, attempt 1", "started: the Agent accepted")
	if s.Cases[0].ID != started || s.Alert.Delivery != ago("1") {
		t.Errorf("its story is about %+v, %+v", s.Cases, s.Alert)
	}
	if got := call(t, "", "start", started, "--reason", "again", "--url", url); got.status != 1 || !strings.Contains(got.errs, "case "+started+" has been started already") {
		t.Errorf("started twice: status %d, %q, %q", got.status, got.out, got.errs)
	}
	has(t, "the status", fine(t, "", "status", "--url", url), "running: 1", started+" until about ")

	// with the way to the Agent's own page, as soon as a task is known
	s = within(t, func() explain.Story { return storyOf(t, url, started) }, func(s explain.Story) bool {
		return s.Cases[0].Investigation != nil && s.Cases[0].Investigation.Task != ""
	})
	has(t, "its page", fine(t, "", "explain", started, "--agent-page", "https://agent.example/{task}", "--url", url),
		"the Agent's own page: https://agent.example/"+s.Cases[0].Investigation.Task+"\n")

	// the same to programs, by either flag
	asked := func(flag ...string) string {
		return fine(t, "", append([]string{"explain", ago("1"), "--url", url}, flag...)...)
	}
	told := within(t, func() [3]string { return [3]string{asked("--json"), asked("-o", "json"), asked("--json")} },
		func(told [3]string) bool { return told[0] == told[2] }) // nothing happened in between
	short, long := told[0], told[1]
	if strings.Contains(short, "only the policy can tell") {
		t.Errorf("a local run has a policy, and does not ask it: %s", short)
	}
	if short != long || !json.Valid([]byte(short)) || !strings.Contains(short, `"asked": "`+ago("1")+`"`) {
		t.Errorf("--json: %s\n-o json: %s", short, long)
	}

	// over before its time
	fine(t, "", "silence", "expire", said[1], "--url", url)
	if out := fine(t, "", "silence", "list", "--url", url); out != "Silences: none.\n" {
		t.Errorf("after it was expired: %q", out)
	}
	if got := call(t, "", "silence", "expire", said[1], "--url", url); got.status != 1 || !strings.Contains(got.errs, "there is no silence") {
		t.Errorf("expired twice: status %d, %q", got.status, got.errs)
	}

	// observed
	has(t, "the mode", fine(t, "", "mode", "observe", "--for", "1h", "--reason", "night", "--by", "ana@laptop", "--url", url), "Mode observe by ana@laptop until ", ": night, for every alert from now on")
	has(t, "the mode", fine(t, "", "mode", "--url", url), "Mode: observe, set by hand by ana@laptop until ", ": night\n")
	has(t, "the alert", fine(t, delivery("2", now), "send", "--url", url, "-"), "wait", "would_start")
	s = within(t, func() explain.Story { return storyOf(t, url, ago("2")) }, func(s explain.Story) bool { return len(s.Cases) == 1 && s.Cases[0].How == "observed" })
	if s.Alert.Reason != "would_start" || !strings.HasPrefix(s.Cases[0].Cost, "nothing, for it is only observed") {
		t.Errorf("observed: %+v, %+v", s.Alert, s.Cases)
	}
	has(t, "taken back", fine(t, "", "mode", "clear", "--reason", "over", "--by", "bob@laptop", "--url", url), "The mode observe by ana@laptop", "is taken back by bob@laptop: over;")
	for _, command := range []string{"mode", "status"} {
		has(t, command, fine(t, "", command, "--url", url), "Mode: none is set by hand; the policy's counts.\n  the last one was taken back by bob@laptop at ", " UTC: over\n")
		has(t, command, fine(t, "", command, "-o", "json", "--url", url), "\"mode_taken_back\": {\n    \"by\": \"bob@laptop\",\n    \"reason\": \"over\"")
	}
	if got := call(t, "", "mode", "clear", "--reason", "over", "--url", url); got.status != 1 || !strings.Contains(got.errs, "no mode is set by hand") {
		t.Errorf("taken back twice: status %d, %q", got.status, got.errs)
	}

	// what was observed is started, and stopped
	has(t, "the start", fine(t, "", "start", "8873000000000000002", "--reason", "real", "--url", url), "starts with the next tick")
	var list operate.Status
	within(t, func() operate.Status {
		if err := json.Unmarshal([]byte(fine(t, "", "status", "-o", "json", "--url", url)), &list); err != nil {
			t.Fatal(err)
		}
		return list
	}, func(s operate.Status) bool { return len(s.Accounts) == 1 && len(s.Accounts[0].Running) == 2 })
	out = fine(t, "", "stop", started, "--reason", "known", "--url", url)
	has(t, "the stop", out, "Case "+started+" has ended for the bridge", "The Agent itself was not told")
	has(t, "its story", fine(t, "", "explain", started, "--url", url), "ended (assumed): stopped by hand by ", "; the Agent itself was not told")
	has(t, "the stop", out, "On record as ordered by "+here()+"; --by names somebody else.\n")
	if out := fine(t, "", "retry", "--reason", "look", "--url", url); out != "Agent default: nothing closes it.\nNo case was refused or rests in doubt.\n" {
		t.Errorf("nothing to retry: %q", out) // and nothing is on record
	}

	// a monitor, a link, and what is not there
	has(t, "the monitor", fine(t, "", "explain", "77", "--url", url), ago("1"), ago("2"))
	has(t, "a link", fine(t, "", "explain", "https://app.datadoghq.eu/event/event?id=8873000000000000001", "--url", url), "verdict     drop, silenced")
	got := call(t, "", "explain", "ab-nothing", "--url", url)
	if got.status != 1 || got.errs != "" {
		t.Errorf("not there: status %d, %q", got.status, got.errs)
	}
	has(t, "not there", got.out, "Nothing is known of ab-nothing.\n", "the case ab-nothing", "records are kept for 30 days")
}

// within asks until it is as it shall be, for ten seconds.
func within[T any](t *testing.T, ask func() T, is func(T) bool) T {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		got := ask()
		if is(got) {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("after ten seconds it is still %+v", got)
		}
	}
}

func TestOrdersThatAreNotGiven(t *testing.T) {
	url := bridge(t)
	for _, row := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"mode", "loud"}, 2, "name one of off, observe, critical_only, full, clear, or nothing to see what is set"},
		{[]string{"mode", "off"}, 2, "say why with --reason"},
		{[]string{"mode", "off", "--reason", " "}, 2, "say why with --reason"},
		{[]string{"mode", "off", "--reason", "x", "--for", "-1h"}, 2, "--for is -1h0m0s and must be above 0"},
		{[]string{"mode", "off", "--reason", "x", "--for", "1.5d"}, 2, "\"1.5d\" is no time such as 90m, 2h or 3d"},
		{[]string{"mode", "off", "--reason", "x", "--for", "0s"}, 2, "--for is 0s and must be above 0"},
		{[]string{"mode", "clear", "--reason", "x", "--for", "1h"}, 2, "--for does not go with clear"},
		{[]string{"mode", "--reason", "x"}, 2, "--reason goes with a mode, and none is named; name one of off, observe"},
		{[]string{"mode", "--for", "2h"}, 2, "--for goes with a mode"},
		{[]string{"silence", "add", "a=b", "--reason", "x", "--for", "0"}, 2, "--for is 0s and must be above 0"},
		{[]string{"silence", "add", "priority=p1", "--reason", "x", "--url", url}, 1, "priority is never \"p1\""},
		{[]string{"silence", "add", "monitor=Checkout answers slowly", "--reason", "x", "--url", url}, 1, "the monitor's name is monitor_name"},
		{[]string{"silence", "add", "transition=Recovered", "--reason", "x", "--url", url}, 1, "recoveries never are"},
		{[]string{"silence", "add", "monitor=~[0-9]+", "--reason", "x", "--url", url}, 1, "would mute every alert"},
		{[]string{"silence", "add", "a=b", "--reason", "x", "--for", "59s"}, 2, "--for is 59s and must be at least 1m, or it would be over when it is told of"},
		{[]string{"mode", "off", "--reason", "x", "--for", "1ms"}, 2, "--for is 1ms and must be at least 1m"},
		{[]string{"mode", "off", "--reason", strings.Repeat("x", gate.MaxReason+1), "--url", url}, 1, "the reason is longer than 300 bytes"},
		{[]string{"mode", "off", "--by", strings.Repeat("x", gate.MaxBy+1), "--reason", "x", "--url", url}, 1, "the name is longer than 100 bytes"},
		{[]string{"mode", "off", "--by", "\a", "--reason", "x", "--url", url}, 1, "nobody signs it"},
		{[]string{"mode", "off", "--reason", "\a", "--url", url}, 1, "it has no reason"},
		{[]string{"silence", "add", "--reason", "x"}, 2, "name at least one matcher"},
		{[]string{"silence", "add", "checkout", "--reason", "x"}, 2, `"checkout" has none of =, !=, =~, !~`},
		{[]string{"silence", "add", "service=~(", "--reason", "x"}, 2, "is no regular expression"},
		{[]string{"silence", "add", "service=~.*", "--reason", "x", "--url", url}, 1, "would mute every alert"},
		{[]string{"silence", "ad"}, 2, `there is no command "ad"; did you mean "add"?`},
		{[]string{"silence", "expire"}, 2, "name silences by their ids"},
		{[]string{"start", "--reason", "x"}, 2, "name a case, or the delivery or event"},
		{[]string{"start", "a b", "--reason", "x", "--url", url}, 1, `"a b" is no id`},
		{[]string{"start", "ab-nothing", "--reason", "x", "--url", url}, 1, "there is neither a case nor a dropped alert of this id"},
		{[]string{"start", "dd-1-2", "--reason", "x", "--url", url}, 1, "there is no delivery dd-1-2; looked for dd-1-2"},
		{[]string{"start", "8873", "--reason", "x", "--url", url}, 1, "there is no delivery of the event 8873; looked for dd-0-8873; one of an organisation of which no case and no dropped alert is known here is named dd-ORG-8873: ORG is Datadog's $ORG_ID, and stands in dispatcher's records \"alert decided\""},
		{[]string{"stop", "dd-1-2", "--reason", "x", "--url", url}, 1, "there is no delivery dd-1-2; looked for dd-1-2"},
		{[]string{"stop", "a b", "--reason", "x", "--url", url}, 1, `"a b" is no id`},
		{[]string{"stop", "ab-nothing", "--reason", "x", "--url", url}, 1, "there is neither a case nor a dropped alert of this id"},
		{[]string{"retry", "ab-nothing", "--reason", "x", "--url", url}, 1, "there is neither a case nor a dropped alert of this id"},
		{[]string{"status", "x"}, 2, "it takes no arguments"},
		{[]string{"explain"}, 2, "name one event, delivery, case, incident or monitor"},
		{[]string{"explain", "a b"}, 2, `"a b" is no id; it can be a case (ab-…)`},
	} {
		got := call(t, "", row.args...)
		if got.status != row.status || !strings.Contains(got.errs, row.says) {
			t.Errorf("%s: status %d, %q, want %d, %q", row.args, got.status, got.errs, row.status, row.says)
		}
	}
	// Of several each is told.
	for _, command := range []string{"start", "stop", "retry"} {
		got := call(t, "", command, "ab-1", "ab-2", "--reason", "x", "--url", url)
		if got.status != 1 || strings.Contains(got.out, "ab-") || strings.Count(got.errs, "there is neither a case nor a dropped alert") != 2 ||
			!strings.HasPrefix(got.errs, "alertbridge: ab-1: ") || !strings.Contains(got.errs, "\nalertbridge: ab-2: ") {
			t.Errorf("%s of two that are not there: status %d, %q, %q", command, got.status, got.out, got.errs)
		}
	}
	out := fine(t, "", "silence", "add", "service=cart", "--reason", "x", "--url", url)
	id := strings.Fields(out)[1]
	got := call(t, "", "silence", "expire", id, "s-nope", "--url", url)
	if got.status != 1 || got.out != "Silence "+id+" is over.\n" || got.errs != "alertbridge: s-nope: there is no silence \"s-nope\"; it may have ended by itself\n" {
		t.Errorf("one of two silences: status %d, %q, %q", got.status, got.out, got.errs)
	}
}

// A program that sets a mode, or takes it back, is told how the bridge stands then, as one that asks; the words for people
// are not among it.
func TestModeForPrograms(t *testing.T) {
	url := bridge(t)
	read := func(text string) (s operate.Status) {
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		s.At = time.Time{} // when it was asked
		return s
	}
	at := []string{"mode", "-o", "json", "--url", url}
	set := read(fine(t, "", append(at, "observe", "--for", "1h", "--reason", "night", "--by", "ana")...))
	if asked := read(fine(t, "", at...)); set.Mode == nil || set.Mode.Mode != "observe" || set.Mode.By != "ana" || !reflect.DeepEqual(set, asked) {
		t.Errorf("set: %+v\nasked: %+v", set, asked)
	}
	back := read(fine(t, "", append(at, "clear", "--reason", "over", "--by", "ben")...))
	if asked := read(fine(t, "", at...)); back.Mode != nil || back.TakenBack == nil || back.TakenBack.By != "ben" || !reflect.DeepEqual(back, asked) {
		t.Errorf("taken back: %+v\nasked: %+v", back, asked)
	}
	if got := call(t, "", append(at, "clear", "--reason", "over")...); got.status != 1 || got.out != "" || !strings.Contains(got.errs, "no mode is set by hand") {
		t.Errorf("taken back twice: status %d, %q, %q", got.status, got.out, got.errs)
	}
	// What could not be printed is not done.
	if got := call(t, "", "mode", "off", "--reason", "x", "-o", "xml", "--url", url); got.status != 2 || !strings.Contains(got.errs, `--output is "xml" and must be text or json`) {
		t.Errorf("status %d, %q, %q", got.status, got.out, got.errs)
	}
	has(t, "then", fine(t, "", "mode", "--url", url), "Mode: none is set by hand")
	// What is done, and cannot be shown, is not told as if it were not.
	lost := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write([]byte(`{"said":["Mode off."]}`))
	}))
	defer lost.Close()
	if got := call(t, "", "mode", "off", "--reason", "x", "-o", "json", "--url", lost.URL); got.status != 1 || got.out != "" || !strings.HasPrefix(got.errs, "alertbridge: it is done, and ") {
		t.Errorf("status %d, %q, %q", got.status, got.out, got.errs)
	}
}

// A local run answers those who do not use the command, too.
func TestOrdersToALocalRunThatMakeNoSense(t *testing.T) {
	url := strings.TrimSuffix(bridge(t), "/datadog")
	for body, want := range map[string]int{
		"": 400, "[]": 400, `{"do":"dance","by":"a","reason":"b"}`: 409, `{"do":"mode","mode":"loud","by":"a","reason":"b"}`: 409,
		`{"do":"silence","matchers":["a"],"by":"a","reason":"b"}`: 409, `{"do":"mode","mode":"off","for":-1,"by":"a","reason":"b"}`: 409,
		`{"do":"mode","mode":"off"}`: 409, `{"do":"` + strings.Repeat("x", 70<<10) + `"}`: 400,
	} {
		resp, err := http.Post(url+"/orders", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%.60s: %d, want %d", body, resp.StatusCode, want)
		}
	}
	resp, err := http.Get(url + "/explain?id=a+b")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("a story about nothing: %d", resp.StatusCode)
	}
}

// A table is written by the same rules as a local run, whatever ledger stands behind it.
func TestOrdersToATable(t *testing.T) {
	l := memledger.New()
	if err := l.Commit(t.Context(), waiting(time.Now())); err != nil {
		t.Fatal(err)
	}
	table := fromTable{l, "Ledger", "other, default"}
	if got := strings.Join(table.agents(), "|"); got != "other|default" {
		t.Errorf("the Agents are %s", got)
	}
	done, err := table.do(t.Context(), operate.Order{Do: operate.Start, IDs: []string{"ab-k5w2q7n3xj4mzyta"}, By: "a", Reason: "b"})
	if err != nil || len(done.Said) != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	s, err := table.status(t.Context())
	if err != nil || len(s.Accounts) != 2 || len(s.Accounts[1].Waiting) != 1 || s.Accounts[1].Waiting[0].Hand != "a" {
		t.Errorf("%+v, %v", s, err)
	}
	story, err := table.explain(t.Context(), "ab-k5w2q7n3xj4mzyta", "", nil)
	if err != nil || !story.Found || story.Cases[0].Cost != "nothing, for it was not started" && story.Cases[0].Cost != "nothing yet" {
		t.Errorf("%+v, %v", story, err)
	}
}

// What another priority would have meant is asked of the policy that is at hand: the one that is named, else the one of
// this folder. The tests' folder has none.
func TestThePolicyAtHand(t *testing.T) {
	named := filepath.Join(t.TempDir(), "named.yaml")
	if err := os.WriteFile(named, []byte("mode: critical_only\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := policyThatDecided(io.Discard, "", true)
	if p != nil || err != nil {
		t.Errorf("where there is none: %v, %v", p, err)
	}
	if p, err = policyThatDecided(io.Discard, named, true); err != nil || p.For(alert.Alert{}).Mode != gate.ModeCriticalOnly {
		t.Errorf("one that is named: %v", err)
	}
	if _, err = policyThatDecided(io.Discard, filepath.Join(t.TempDir(), "none.yaml"), true); err == nil {
		t.Error("one that is named and is not there is no error")
	}
	t.Chdir(filepath.Dir(named))
	if err := os.WriteFile(policyFile, []byte("mode: off\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err = policyThatDecided(io.Discard, "", true); err != nil || p == nil || p.For(alert.Alert{}).Mode != gate.ModeOff {
		t.Errorf("the one of this folder: %v, %v", p, err)
	}
	if p, err = policyThatDecided(io.Discard, named, false); p != nil || err != nil {
		t.Errorf("a local run has its own: %v, %v", p, err)
	}

	// and it is what a table's story asks
	l := memledger.New()
	rules := gate.DefaultRules()
	rules.Hold = time.Hour
	a := alert.Alert{Delivery: "dd-1-1", Incident: alert.Incident{Org: "1", Monitor: "7", Key: "g.1"}, Transition: alert.Triggered, Severity: alert.High, Priority: "P2", Time: time.Now()}
	if err := l.Commit(t.Context(), gate.Arrive(gate.View{}, gate.Arrival{Alert: a}, rules, time.Now()).Change); err != nil {
		t.Fatal(err)
	}
	for want, p := range map[string]gate.Policy{"": rules, "name its file with --policy": nil} {
		s, err := fromTable{l, "Ledger", "default"}.explain(t.Context(), "dd-1-1", "", p)
		if err != nil || !strings.HasSuffix(s.Doubt, want) || (s.Doubt == "") != (want == "") {
			t.Errorf("%v: %q, %v", p, s.Doubt, err)
		}
		if len(s.Cases) != 1 || s.Cases[0].Next == nil || s.Cases[0].Next.String() != "wait, hold" { // by the record without a policy
			t.Errorf("%v: what the next tick does: %+v", p, s.Cases)
		}
	}
}

// The whole way, where there is an engine.
func TestOrdersToATableOnAnEngine(t *testing.T) {
	client, table := dynamotest.Open(t)
	l := dynamoledger.New(client, table, dynamoledger.Options{})
	rules := gate.DefaultRules()
	rules.Mode, rules.Keys = gate.ModeOff, []gate.Key{{Name: "1/service/cart", For: time.Hour}}
	a := alert.Alert{
		Delivery: "dd-1-8873248385148318284", Incident: alert.Incident{Org: "1", Monitor: "7", Key: "g.1"}, Transition: alert.Triggered,
		Severity: alert.High, Title: "Cart fails", Time: time.Now(), Tags: []string{"service:cart"},
	}
	for _, c := range []gate.Change{waiting(time.Now()), gate.Arrive(gate.View{}, gate.Arrival{Alert: a}, rules, time.Now()).Change} {
		if err := l.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": "",
		"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_ENDPOINT_URL_DYNAMODB": dynamotest.Endpoint(t),
	} {
		t.Setenv(name, value)
	}
	dropped := explain.WouldBe(a.Delivery)
	at := []string{"--table", table, "--region", "us-east-1"}
	fine(t, "", append([]string{"mode", "observe", "--reason", "night", "--by", "ana"}, at...)...)
	fine(t, "", append([]string{"silence", "add", "service=cart", "--reason", "known", "--by", "ana"}, at...)...)
	has(t, "the status", fine(t, "", append([]string{"status"}, at...)...), "Mode: observe, set by hand by ana", `service = "cart"`, "ab-k5w2q7n3xj4mzyta")
	fine(t, "", append([]string{"stop", "ab-k5w2q7n3xj4mzyta", "--reason", "known", "--by", "ana"}, at...)...)
	has(t, "the story", fine(t, "", append([]string{"explain", "ab-k5w2q7n3xj4mzyta"}, at...)...), "ended (silenced): stopped by hand by ana: known")

	has(t, "what was dropped", fine(t, "", append([]string{"explain", "8873248385148318284"}, at...)...),
		"verdict     drop, mode_off: the mode is off", "start, new_incident, if the mode were full", "alertbridge start "+a.Delivery)
	fine(t, "", append([]string{"start", "8873248385148318284", "--reason", "real", "--by", "ana"}, at...)...)
	v, err := l.Look(t.Context(), ledger.Question{Incident: a.Incident, Pointers: rules.Pointers(), Agent: "default"}, time.Now())
	if c := v.Cases[dropped]; err != nil || v.Incident.Case != dropped || v.Pointers["1/service/cart"] != dropped || c.Hand.By != "ana" || c.State != gate.Waiting {
		t.Errorf("what was dropped is started by %+v, %v", v, err)
	}
	has(t, "the monitor", fine(t, "", append([]string{"explain", "7", "--org", "1"}, at...)...), "opened by hand by ana: real", a.Delivery)
	has(t, "the retry", fine(t, "", append([]string{"retry", dropped, "--reason", "once more", "--by", "ben"}, at...)...), "nothing closes it", "Case "+dropped+" starts")
	has(t, "who asked last", fine(t, "", append([]string{"status"}, at...)...), "(start asked for by ben)")
}

func TestWhoIsHere(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	t.Setenv("USER", "ana")
	if got := here(); got != "ana@"+host {
		t.Errorf("%s", got)
	}
	t.Setenv("USER", "")
	if got := here(); !strings.HasSuffix(got, "@"+host) || strings.HasPrefix(got, "@") {
		t.Errorf("without USER: %s", got)
	}
}

// Times are written as in a policy, with days; what is 0 or below is refused where it is used.
func TestDays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"3d": 72 * time.Hour, "1d12h": 36 * time.Hour, "90m": 90 * time.Minute, "0": 0, "-1h": -time.Hour,
	} {
		var d time.Duration
		if err := (*days)(&d).Set(text); err != nil || d != want {
			t.Errorf("%s is %s, %v, want %s", text, d, err, want)
		}
	}
	for _, text := range []string{"", "1.5d", "2 days", "d", "3"} {
		d := time.Hour
		if err := (*days)(&d).Set(text); err == nil || d != time.Hour {
			t.Errorf("%q is %s, %v", text, d, err)
		}
	}
}
