package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/simulate"
)

// A few worlds break nothing and cannot cover everything, which is a failure unless it is said that they are few.
func TestSimulate(t *testing.T) {
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

// A world in which a promise was broken is kept as a file, and plays again from it.
func TestSimulateKeepsAndReplays(t *testing.T) {
	o := simulateOptions{out: t.TempDir()}
	file, err := o.keep(3)
	if err != nil || filepath.Base(file) != "broken-3.json" {
		t.Fatalf("%q, %v", file, err)
	}
	text, err := json.Marshal(simulate.Generate(3))
	if err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(o.out, "whole.json")
	if err := os.WriteFile(whole, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := call(t, "", "simulate", "--replay", whole); got.status != 0 || !strings.Contains(got.out, "started > ended assumed") {
		t.Errorf("status %d, %s\n%s", got.status, got.errs, got.out)
	}
	var out strings.Builder
	s := simulated{Seed: 3, Seconds: 1, Broken: []broken{{Seed: 3, Text: "promise 4: words", File: file}}, Uncovered: []string{"wait budget"}}
	if err := o.print(&out, s, simulate.Report{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"seed 3: promise 4: words\n", "alertbridge simulate --replay " + file, "not covered: wait budget\n", "1 broken\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("without %q:\n%s", want, out.String())
		}
	}
}

func TestSimulateRefuses(t *testing.T) {
	odd := filepath.Join(t.TempDir(), "odd.json")
	if err := os.WriteFile(odd, []byte(`{"seed": "three"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--histories", "0"}, 2, "--histories is 0 and must be at least 1"},
		{[]string{"--replay", filepath.Join(t.TempDir(), "nowhere.json")}, 1, "nowhere.json"},
		{[]string{"--replay", odd}, 1, "is no world that simulate wrote"},
	} {
		if got := call(t, "", append([]string{"simulate"}, tt.args...)...); got.status != tt.status || !strings.Contains(got.errs, tt.want) {
			t.Errorf("%v: status %d, %s", tt.args, got.status, got.errs)
		}
	}
}
