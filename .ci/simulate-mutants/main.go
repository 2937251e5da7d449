// Command simulate-mutants asks whether the simulator would notice a mistake: it makes many small ones in the gate, in
// shared/start and in the handlers, and lets each be looked for in random worlds.
//
// All mutants are in one program, made with go build -overlay: every place is wrapped so that it is wrong when the
// variable MUTANT has its number, and right otherwise. A mutant is found when a promise is broken, or the program hangs.
// At least 85 of 100 must be found. Those that are not are listed in survivors.txt, each with the reason why it is
// harmless; the run fails when one is missing there, and when one that is there is found or does not exist any more.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// patience is for how many seconds of a processor's time one mutant may run, before it counts as hanging. It is no time of
// the clock, so that a busy machine finds no more mutants than an idle one. A program in which all wait ends by itself.
const patience = 120

func main() {
	histories := flag.Int("histories", 840, "worlds in which a mutant is looked for: each fault has its turn with each edge")
	only := flag.String("only", "", "only mutants whose name has this in it")
	names := flag.String("names", "", "only the mutants that this file names, one a line, as -list says them")
	list := flag.Bool("list", false, "only say which mutants there are")
	flag.Parse()
	if err := run(*histories, *only, *names, *list); err != nil {
		fmt.Fprintln(os.Stderr, "simulate-mutants:", err)
		os.Exit(1)
	}
}

func run(histories int, only, names string, list bool) error {
	began := time.Now()
	all, files, err := mutate(".")
	if err != nil {
		return err
	}
	if names != "" {
		text, err := os.ReadFile(names)
		if err != nil {
			return err
		}
		wanted := strings.Split(string(text), "\n")
		all, only = slices.DeleteFunc(all, func(m Mutant) bool { return !slices.Contains(wanted, m.Name) }), " "
	}
	if list {
		for _, m := range all {
			fmt.Println(m.Name)
		}
		return nil
	}
	folder, err := os.MkdirTemp("", "simulate-mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	program, err := build(folder, files)
	if err != nil {
		return err
	}
	if found, out := look(program, 0, histories); found {
		return fmt.Errorf("without any mutant a promise is broken:\n%s", out)
	}
	found := lookForAll(program, all, only, histories)
	fmt.Printf("%d worlds for each, in %s\n", histories, time.Since(began).Round(time.Second))
	return judge(all, found, only)
}

// build writes the overlay and builds the operator's command with it.
func build(folder string, files map[string]string) (string, error) {
	replace := map[string]string{}
	n := 0
	for path, text := range files {
		n++
		file := filepath.Join(folder, fmt.Sprintf("%d.go", n))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", err
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			return "", err
		}
		replace[absolute] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	config := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(config, overlay, 0o600); err != nil {
		return "", err
	}
	program := filepath.Join(folder, "alertbridge")
	out, err := exec.Command("go", "build", "-overlay", config, "-o", program, "./cmd/alertbridge").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("the mutants do not build: %w\n%s", err, out)
	}
	return program, nil
}

// lookForAll looks for each mutant, as many at a time as there are processors, and says which were found.
func lookForAll(program string, all []Mutant, only string, histories int) map[string]bool {
	found, next := map[string]bool{}, make(chan Mutant)
	var mu sync.Mutex
	var workers sync.WaitGroup
	done := 0
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for m := range next {
				hit, _ := look(program, m.Number, histories)
				mu.Lock()
				found[m.Name] = hit
				if !hit {
					fmt.Fprintln(os.Stderr, "not found:", m.Name)
				}
				if done++; done%50 == 0 {
					fmt.Fprintf(os.Stderr, "%d mutants\n", done)
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range all {
		if strings.Contains(m.Name, only) {
			next <- m
		}
	}
	close(next)
	workers.Wait()
	return found
}

// look plays worlds with one mutant, 0 for none, until one breaks a promise.
func look(program string, number, histories int) (bool, string) {
	cmd := exec.Command("sh", "-c", `ulimit -t "$1" && shift && exec "$@"`, "sh", fmt.Sprint(patience),
		program, "simulate", "--first", "--partial", "--seed", "1", "--histories", fmt.Sprint(histories))
	cmd.Env = append(os.Environ(), fmt.Sprintf("MUTANT=%d", number), "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	return err != nil, string(out)
}

// judge compares what was found with what is listed as harmless.
func judge(all []Mutant, found map[string]bool, only string) error {
	harmless, err := survivors()
	if err != nil {
		return err
	}
	hits, wrong, gone := 0, 0, maps.Clone(harmless)
	for _, m := range all {
		delete(gone, m.Name)
	}
	if only == "" {
		for _, name := range slices.Sorted(maps.Keys(gone)) {
			wrong++
			fmt.Printf("listed, and no mutant any more: %s\n", name)
		}
	}
	for _, m := range all {
		hit, looked := found[m.Name]
		_, listed := harmless[m.Name]
		switch {
		case !looked:
			continue
		case hit:
			hits++
			if listed {
				wrong++
				fmt.Printf("found, and listed as harmless: %s\n", m.Name)
			}
		case !listed:
			wrong++
			fmt.Printf("not found, and not listed: %s\n", m.Name)
		}
	}
	fmt.Printf("%d of %d mutants found (%d %%), %d listed as harmless\n", hits, len(found), 100*hits/max(len(found), 1), len(harmless))
	switch {
	case wrong > 0:
		return fmt.Errorf("%d mutants are not as survivors.txt has them", wrong)
	case only == "" && hits*100 < len(found)*85:
		return errors.New("fewer than 85 of 100 mutants were found")
	}
	return nil
}

// survivors are the mutants that are not found, with the reason.
func survivors() (map[string]string, error) {
	text, err := os.ReadFile(".ci/simulate-mutants/survivors.txt")
	if err != nil {
		return nil, err
	}
	return parse(string(text))
}

// parse reads lines of a mutant's name, " ~ ", and the reason; # begins a comment.
func parse(text string) (map[string]string, error) {
	all := map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, both := strings.Cut(line, " ~ ")
		if !both || strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("survivors.txt:%d has no reason", i+1)
		}
		all[strings.TrimSpace(name)] = strings.TrimSpace(reason)
	}
	return all, nil
}
