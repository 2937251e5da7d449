package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A benchmark is worse when every way to look at it says so.
func TestJudge(t *testing.T) {
	of := func(allocs float64, ns ...float64) (all []sample) {
		for _, n := range ns {
			all = append(all, sample{n, allocs})
		}
		return all
	}
	for _, row := range []struct {
		why      string
		old, now []sample
		want     string
	}{
		{"the same", of(5, 100, 110, 100), of(5, 100, 105, 110), ""},
		{"a third slower", of(5, 100, 110, 120), of(5, 135, 145, 160), "SLOWER"},
		{"a fifth slower is within the noise", of(5, 100, 100, 100), of(5, 120, 120, 120), ""},
		{"faster", of(5, 100, 100, 100), of(5, 50, 50, 50), ""},
		{"one bad moment of the new one", of(5, 100, 100, 100), of(5, 100, 100, 900), ""},
		{"bad moments, and a good one that shows the truth", of(5, 100, 100, 100), of(5, 300, 100, 300), ""},
		{"a bad minute for both", of(5, 100, 400, 400), of(5, 135, 540, 540), "SLOWER"},
		{"only one fast run of the old one, the rest alike", of(5, 50, 100, 100), of(5, 100, 100, 100), ""},
		{"one more allocation", of(5, 100), of(6, 100), "ALLOCATES MORE"},
		{"one of fifty", of(50, 100), of(51, 100), ""},
		{"two of fifty", of(50, 100), of(52, 100), "ALLOCATES MORE"},
		{"fewer", of(50, 100), of(5, 100), ""},
		{"none before", of(0, 100), of(1, 100), "ALLOCATES MORE"},
		{"new", nil, of(5, 100), ""},
		{"gone", of(5, 100), nil, ""},
	} {
		p := pair{row.old, row.now}
		if got := p.judge().worse(); got != row.want {
			t.Errorf("%s: %q, want %q", row.why, got, row.want)
		}
	}
}

func TestTell(t *testing.T) {
	var out strings.Builder
	tell(&out, map[benchmark]*pair{
		{"a", "Gone"}: {old: []sample{{1, 1}}},
		{"a", "New"}:  {now: []sample{{1, 1}}},
		{"b", "Slow"}: {old: []sample{{100, 1}}, now: []sample{{200, 1}}},
	})
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(got) != 3 || !strings.HasSuffix(got[0], " gone") || !strings.HasSuffix(got[1], " new") ||
		!strings.Contains(got[2], "×2.00") || !strings.HasSuffix(got[2], "SLOWER") {
		t.Errorf("%q", got)
	}
}

// What a program prints is read as go test prints it: a tree of one package, built and run.
func TestMeasure(t *testing.T) {
	old, now := planted(t, "x := 0; _ = x"), planted(t, "sink = new(int)")
	for _, tr := range []*tree{&old, &now} {
		if err := tr.build(t.TempDir(), fatal); err != nil {
			t.Fatal(err)
		}
	}
	all, err := measure(old, now, []string{"p"}, 2)
	if err != nil {
		t.Fatal(err)
	}
	p := all[benchmark{"p", "It/sub"}]
	if len(all) != 1 || p == nil || len(p.old) != 2 || len(p.now) != 2 || p.now[0].ns <= 0 {
		t.Fatalf("measured %v", all)
	}
	if got := p.judge().worse(); got != "ALLOCATES MORE" || !slices.Equal(suspects(all), []benchmark{{"p", "It/sub"}}) {
		t.Errorf("%q, %v", got, suspects(all))
	}
}

// Of several runs of a round the fastest counts.
func TestParse(t *testing.T) {
	got := parse("goos: linux\nBenchmarkA/x.json \t 50\t 120.5 ns/op\t 20.00 MB/s\t 409 B/op\t 6 allocs/op\n" +
		"BenchmarkA/x.json 60 110 ns/op 20.00 MB/s 409 B/op 7 allocs/op\nBenchmarkB\nPASS\n")
	if len(got) != 1 || got["A/x.json"] != (sample{110, 6}) {
		t.Errorf("%v", got)
	}
}

// Without a commit to compare with nothing is measured, and nothing fails.
func TestNothingToCompareWith(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not there")
	}
	folder := t.TempDir()
	t.Chdir(folder)
	for _, name := range []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"} { // as in a hook
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(folder)) // no repository above it counts
	for _, step := range [][]string{
		nil, {"init", "-q"}, {"-c", "user.name=n", "-c", "user.email=n@example.com", "commit", "-q", "--allow-empty", "-m", "first"},
	} {
		if step != nil {
			if _, err := output(".", "git", step...); err != nil {
				t.Fatal(err)
			}
		}
		if commit, err := parentOf(); err == nil {
			t.Errorf("after git %v there is a parent, %s", step, commit)
		}
		if worse, err := run(1, ""); worse != 0 || err != nil {
			t.Errorf("after git %v: %d, %v", step, worse, err)
		}
	}
}

// planted is a tree with one benchmark that does this.
func planted(t *testing.T, work string) tree {
	t.Helper()
	root := t.TempDir()
	for file, text := range map[string]string{
		"go.mod": "module planted\n",
		"p/p_test.go": `package p

import "testing"

var sink *int

func BenchmarkIt(b *testing.B) {
	b.Run("sub", func(b *testing.B) {
		for b.Loop() {
			` + work + `
		}
	})
}
`,
	} {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return tree{root: root}
}
