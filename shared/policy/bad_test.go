package policy

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/goldentest"
)

// Every way to write a policy wrongly that we could think of, with exactly what is said about it: people meet these
// messages before any page of the documentation.
func TestBadPolicies(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d bad policies: %v", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse("policy.yaml", content)
		var wrong *Error
		if p != nil || !errors.As(err, &wrong) {
			t.Errorf("%s: it is read as a policy, %v", file, err)
			continue
		}
		goldentest.Check(t, strings.TrimSuffix(file, ".yaml")+".txt", wrong.Error()+"\n")
		checkProblems(t, content, wrong)
	}
	golden, err := filepath.Glob("testdata/bad/*.txt")
	if err != nil || len(golden) != len(files) {
		t.Errorf("%d messages for %d bad policies: %v", len(golden), len(files), err)
	}
}

// checkProblems holds what every error must be: one line for each problem, sorted, of a place that there is.
func checkProblems(t *testing.T, content []byte, e *Error) {
	t.Helper()
	if len(e.Problems) == 0 {
		t.Error("an error without a problem")
	}
	lines := strings.Count(string(content), "\n") + 2 // what is missing at the end is said to be behind it
	for _, p := range e.Problems {
		if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Text == "" || strings.ContainsAny(p.Text, "\n\r") {
			t.Errorf("a problem at %d:%d, of %d lines: %q", p.Line, p.Column, lines, p.Text)
		}
	}
	if !slices.IsSortedFunc(e.Problems, func(a, b Problem) int { return a.Line - b.Line }) {
		t.Errorf("problems out of order: %v", e.Problems)
	}
}
