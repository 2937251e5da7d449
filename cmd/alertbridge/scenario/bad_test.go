package scenario_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
)

var update = flag.Bool("update", false, "write testdata/bad.txt anew, which is to be read by somebody then")

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
	const page = "testdata/bad.txt"
	if *update {
		if err := os.WriteFile(page, []byte(said.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	got, wanted := strings.Split(said.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(wanted)) {
		g, w := at(got, i), at(wanted, i)
		if g != w {
			t.Errorf("line %d: it says\n\t%s\nand should say\n\t%s", i+1, g, w)
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

func TestTooLargeScenario(t *testing.T) {
	_, err := scenario.Parse("x.yaml", make([]byte, scenario.MaxBytes+1))
	if err == nil || err.Error() != "x.yaml: it has 1048577 bytes, and a scenario has at most 1048576" {
		t.Errorf("it says %v", err)
	}
}
