package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/simulate"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/simulate/promises"
)

// A few worlds break nothing and cannot cover everything, which is a failure unless it is said that they are few.
func TestSimulate(t *testing.T) {
	t.Chdir(t.TempDir()) // where a world that breaks a promise is written
	got := call(t, "", "simulate", "--histories", "5", "--seed", "3")
	if got.status != 1 || !strings.Contains(got.out, "5 worlds from seed 3 in ") || !strings.Contains(got.out, " 0 broken\n") ||
		!strings.Contains(got.out, "not covered: ") {
		t.Errorf("status %d\n%s", got.status, got.out)
	}
	got = call(t, "", "simulate", "--histories", "5", "--seed", "3", "--partial", "--json")
	var s simulated
	if err := json.Unmarshal([]byte(got.out), &s); got.status != 0 || err != nil {
		t.Fatalf("status %d, %v: %s", got.status, err, got.out)
	}
	verdicts := 0
	for _, n := range s.Reasons {
		verdicts += n
	}
	if s.Seed != 3 || s.Histories != 5 || len(s.Broken) != 0 || len(s.Uncovered) == 0 || verdicts < s.Alerts || s.Alerts < 5*30 || s.Edges["started > ended (assumed)"] == 0 {
		t.Errorf("%+v", s)
	}
}

// A world is kept as a scenario, which can be played, and asked again whether the promises are kept.
func TestSimulateKeepsAndReplays(t *testing.T) {
	o := simulateOptions{out: t.TempDir()}
	file, err := o.keep(3)
	if err != nil || filepath.Base(file) != "broken-3.yaml" {
		t.Fatalf("%q, %v", file, err)
	}
	if got := call(t, "", "simulate", "--replay", file); got.status != 0 || !strings.Contains(got.out, "started > ended assumed") ||
		!strings.HasSuffix(got.out, "\nno promise was broken\n") {
		t.Errorf("status %d, %s\n%s", got.status, got.errs, got.out)
	}
	if got := call(t, "", "play", file); got.status != 0 || !strings.Contains(got.out, "broken-3.yaml: No promise is broken (seed 3)\n") ||
		!strings.Contains(got.out, "► investigation") {
		t.Errorf("status %d, %s\n%s", got.status, got.errs, got.out)
	}
	var out strings.Builder
	s := simulated{Seed: 3, Seconds: 1, Broken: []broken{{Seed: 3, Text: "promise 4: words", File: file}}, Uncovered: []string{"wait budget"}}
	if err := o.print(&out, s, simulate.Report{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"seed 3: promise 4: words\n", "alertbridge simulate --replay " + file, "alertbridge play " + file, "not covered: wait budget\n", "1 broken\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("without %q:\n%s", want, out.String())
		}
	}
}

// What was found is told, and which worlds are not written, also when the folder is gone by then. The last seed is one.
func TestSimulateTellsInAnyCase(t *testing.T) {
	folder := t.TempDir()
	rep := simulate.Report{Histories: 9}
	for seed := range uint64(4) {
		rep.Broken = append(rep.Broken, simulate.Result{Seed: seed + 3, Breaches: []promises.Breach{{Promise: "4", Text: "words"}}})
	}
	var out strings.Builder
	if err := (simulateOptions{out: folder, partial: true}).tell(&out, rep); !errors.Is(err, errSaid) {
		t.Fatal(err)
	}
	has(t, "all written", out.String(), "seed 6: ", "the first 3 are written; the others: alertbridge simulate --seed N --histories 1 --partial\n", "4 broken\n")
	if files, _ := filepath.Glob(filepath.Join(folder, "*")); len(files) != 3 || filepath.Base(files[0]) != "broken-3.yaml" {
		t.Errorf("written: %v", files)
	}
	for _, json := range []bool{false, true} {
		out.Reset()
		err := simulateOptions{out: filepath.Join(folder, "gone"), json: json}.tell(&out, simulate.Report{Broken: rep.Broken[:2]})
		if err == nil || !strings.Contains(err.Error(), "the world of seed 3 was not written; --seed 3 --histories 1 --partial tries it again") {
			t.Errorf("json %t: %v", json, err)
		}
		has(t, "none written", out.String(), "promise 4: words")
	}
	t.Chdir(t.TempDir())
	if got := call(t, "", "simulate", "--seed", "18446744073709551615", "--histories", "1", "--partial"); got.status != 0 {
		t.Errorf("the last seed: status %d, %s", got.status, got.errs)
	}
	if left, _ := filepath.Glob(".alertbridge-*"); left != nil {
		t.Errorf("trying the folder leaves %v", left)
	}
}

// doomed is a scenario in which the front door crashes as often as Datadog sends the delivery, so that the alert is lost.
const doomed = `title: Datadog gives up
alerts: {at: 0s, monitor: Checkout is slow, priority: P1}
faults:
`

// Every scenario can be judged, also one that people wrote: the exit status says whether a promise was broken.
func TestReplayJudgesScenarios(t *testing.T) {
	crash := "  - {at: 0s, fault: crash before, in: ingest, step: send}\n"
	for _, tt := range []struct {
		text   string
		status int
		want   string
	}{
		{doomed + strings.Repeat(crash, 7), 1, "2026-11-02 09:02:00.000: promise 1: a delivery was answered with 0, and is lost\n"},
		{doomed + strings.Repeat(crash, 6), 0, "\nno promise was broken\n"},
	} {
		if got := call(t, tt.text, "simulate", "--replay", "-"); got.status != tt.status || !strings.Contains(got.out, tt.want) {
			t.Errorf("status %d, %s\n%s\nwant %d, %q", got.status, got.errs, got.out, tt.status, tt.want)
		}
	}
	for _, file := range []string{"agent-down", "wrong-key", "deploy-breaks-forty-services"} {
		if got := call(t, "", "simulate", "--replay", "../../docs/scenarios/"+file+".yaml"); got.status != 0 {
			t.Errorf("%s: status %d, %s\n%s", file, got.status, got.errs, got.out)
		}
	}
}

func TestSimulateRefuses(t *testing.T) {
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--histories", "0"}, 2, "--histories is 0 and must be at least 1"},
		{[]string{"--seed", "18446744073709551615", "--histories", "2"}, 2, "--seed is 18446744073709551615, and with --histories 2 there would be seeds above 18446744073709551615"},
		{[]string{"--histories", "1", "--out", filepath.Join(t.TempDir(), "nowhere")}, 1, "nowhere, so nothing was played; make it, or name another one with --out"},
		{[]string{"--histories", "1", "--out", file("a.txt", "")}, 1, "a.txt, so nothing was played; make it, or name another one with --out"},
		{[]string{"--replay", "-", "--json"}, 2, "--json does not go with --replay"},
		{[]string{"--replay", "-", "--histories", "2"}, 2, "--histories does not go with --replay"},
		{[]string{"--replay", "-", "--partial"}, 2, "--partial does not go with --replay"},
		{[]string{"--replay", "-", "--seed", "2"}, 2, "--seed does not go with --replay"},
		{[]string{"--replay", "-", "--first"}, 2, "--first does not go with --replay"},
		{[]string{"--replay", "-", "--out", "."}, 2, "--out does not go with --replay"},
		{[]string{"--replay", filepath.Join(t.TempDir(), "nowhere.yaml")}, 1, "nowhere.yaml"},
		{[]string{"--replay", file("a.json", `{"seed": 3}`)}, 1, "a.json cannot be played again: it is no scenario"},
		{[]string{"--replay", file("a.yaml", "title: A\nfalts: {}\n")}, 1, `a.yaml:2:1: there is no "falts" in a scenario; did you mean "faults"?`},
		{[]string{"--replay", file("b.yaml", "title: A\nalerts: {at: 0s, monitor: M}\npolicy:\n  stomr: off\n")}, 1, "b.yaml:4:3: "},
		{[]string{"--replay", "../../docs/scenarios/budget-used-up.yaml"}, 1, "budget-used-up.yaml lasts longer than 20 days"},
	} {
		if got := call(t, "", append([]string{"simulate"}, tt.args...)...); got.status != tt.status || !strings.Contains(got.errs, tt.want) {
			t.Errorf("%v: status %d, %s", tt.args, got.status, got.errs)
		}
	}
}
