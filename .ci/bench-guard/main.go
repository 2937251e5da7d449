// Command bench-guard compares the benchmarks of this tree with those of its parent commit and fails when one became
// slower or allocates more: make bench-guard.
//
// Times of different runs on a shared machine cannot be compared, so both trees are measured in the same run: their test
// binaries are built once, and then each package runs in turns, the one tree and the other, round after round. What that
// proves is in judge.go. A benchmark that seems slower is measured once more, and only what is slower both times counts.
//
// The parent of a clean tree is the first parent of HEAD; that of a tree with changes is HEAD. Where there is none, such
// as in a shallow clone or without git, there is nothing to compare with: it says so and passes.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// compiled has benchmarks of the compiled functions, which run elsewhere: make bench.
const compiled = "shared/telemetry/telemetrytest"

func main() {
	rounds := flag.Int("rounds", 8, "how often each benchmark is run for each of the two")
	parent := flag.String("parent", "", "the commit to compare with, instead of the parent")
	flag.Parse()
	slower, err := run(*rounds, *parent)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-guard:", err)
		os.Exit(1)
	}
	if slower > 0 {
		fmt.Fprintf(os.Stderr, "bench-guard: %d benchmarks are worse than in the parent commit\n", slower)
		os.Exit(1)
	}
}

func run(rounds int, parent string) (worse int, err error) {
	if parent == "" {
		if parent, err = parentOf(); err != nil {
			fmt.Printf("bench-guard: NOT COMPARED, there is no parent commit here: %v\n", err)
			return 0, nil
		}
	}
	work, err := os.MkdirTemp("", "bench-guard")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)
	old, err := checkout(parent, filepath.Join(work, "tree"))
	if err != nil {
		return 0, err
	}
	fmt.Printf("bench-guard: compared with commit %s\n", parent)
	now := tree{root: "."}
	if err := now.build(filepath.Join(work, "now"), fatal); err != nil {
		return 0, err
	}
	if err := old.build(filepath.Join(work, "old"), leaveOut); err != nil {
		return 0, err
	}
	packages := map[string]bool{}
	for p := range now.binaries {
		packages[p] = true
	}
	for p := range old.binaries {
		packages[p] = true
	}
	first, err := measure(old, now, slices.Sorted(maps.Keys(packages)), rounds)
	if err != nil {
		return 0, err
	}
	tell(os.Stdout, first)
	if !slices.ContainsFunc(slices.Collect(maps.Values(first)), func(p *pair) bool { return len(p.old) > 0 && len(p.now) > 0 }) {
		return 0, errors.New("no benchmark is in both trees: nothing was compared")
	}
	packages = map[string]bool{}
	for _, b := range suspects(first) {
		packages[b.folder] = true
	}
	if len(packages) == 0 {
		return 0, nil
	}
	fmt.Println("\nonce more, where something seems worse:")
	again, err := measure(old, now, slices.Sorted(maps.Keys(packages)), rounds)
	if err != nil {
		return 0, err
	}
	tell(os.Stdout, again)
	for _, b := range suspects(again) {
		if slices.Contains(suspects(first), b) {
			worse++
		}
	}
	return worse, nil
}

// parentOf is the commit to compare with. Its error says why there is none. Files that git does not know change nothing
// of what is compared.
func parentOf() (string, error) {
	changes, err := output(".", "git", "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return "", err
	}
	of := "HEAD^1"
	if changes != "" {
		of = "HEAD"
	}
	return output(".", "git", "rev-parse", "--verify", "-q", of+"^{commit}")
}

// tree is one of the two that are compared.
type tree struct {
	root     string
	binaries map[string]string // of tests, by package; those that have benchmarks
}

// checkout writes a commit's files into a new folder.
func checkout(commit, folder string) (tree, error) {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return tree{}, err
	}
	tar := folder + ".tar"
	if _, err := output(".", "git", "archive", "-o", tar, commit); err != nil {
		return tree{}, err
	}
	_, err := output(folder, "tar", "-xf", tar)
	return tree{root: folder}, err
}

// fatal and leaveOut are what to do with a package that does not build. The parent's fault must not keep its mend out.
func fatal(_ string, err error) error { return err }

func leaveOut(folder string, err error) error {
	fmt.Printf("bench-guard: %s is NOT COMPARED, for in the parent it does not work: %v\n", folder, err)
	return nil
}

func (t *tree) build(into string, failed func(folder string, err error) error) error {
	t.binaries = map[string]string{}
	packages, err := t.packages()
	if err != nil {
		return err
	}
	for _, p := range packages {
		binary := filepath.Join(into, strings.ReplaceAll(p, "/", "-"))
		if _, err := output(t.root, "go", "test", "-c", "-o", binary, "./"+p); err != nil {
			if err := failed(p, err); err != nil {
				return err
			}
			continue
		}
		t.binaries[p] = binary
	}
	return nil
}

// packages are the folders whose tests have a benchmark.
func (t *tree) packages() ([]string, error) {
	found := map[string]bool{}
	err := filepath.WalkDir(t.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != t.root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		folder, relErr := filepath.Rel(t.root, filepath.Dir(path))
		if err == nil && relErr == nil && folder != compiled && bytes.Contains(text, []byte("\nfunc Benchmark")) {
			found[filepath.ToSlash(folder)] = true
		}
		return err
	})
	return slices.Sorted(maps.Keys(found)), err
}

// output runs a command in a folder and returns what it says, without the line break at its end.
func output(folder, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = folder
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
