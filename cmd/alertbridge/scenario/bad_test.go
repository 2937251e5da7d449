package scenario_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/goldentest"
)

// Each bad scenario of testdata/bad is refused with the words that testdata/bad.txt has for it.
func TestBadScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	var said strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		if _, err = scenario.Parse(name, text); err == nil {
			t.Errorf("%s is accepted", name)
			continue
		}
		said.WriteString(err.Error() + "\n")
	}
	goldentest.Check(t, "testdata/bad.txt", said.String())
}

func TestTooLargeScenario(t *testing.T) {
	_, err := scenario.Parse("x.yaml", make([]byte, scenario.MaxBytes+1))
	if err == nil || err.Error() != "x.yaml: it has 1048577 bytes, and a scenario has at most 1048576" {
		t.Errorf("it says %v", err)
	}
}

// Of more problems than are told at once it is said where they go on, and how many there are.
func TestManyProblems(t *testing.T) {
	_, err := scenario.Parse("x.yaml", []byte("title: A\nalerts:\n"+strings.Repeat("  - {at: 0s, monitor: M, nope: 1}\n", 25)))
	if err == nil {
		t.Fatal("it is accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 21 || !strings.HasPrefix(lines[19], `x.yaml:22:26: there is no "nope"`) || lines[20] != "x.yaml:23:26: more problems from here on: 5" {
		t.Errorf("it says\n%s", err)
	}
}
