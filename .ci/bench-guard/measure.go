package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// sample is the best of a round's runs of a benchmark.
type sample struct{ ns, allocs float64 }

// pair is what a benchmark did in the two trees. Samples with the same index ran one right after the other.
type pair struct{ old, now []sample }

// benchmark names one of a package.
type benchmark struct{ folder, name string }

// A run lasts benchtime, less than what the kernel lets a process do at a time, and only the fastest of each round's runs
// counts: however busy the machine is, it is most likely one that nobody interrupted.
const benchtime, runs = "4ms", "10"

// measure runs the benchmarks of these packages in both trees, in turns.
func measure(old, now tree, packages []string, rounds int) (map[benchmark]*pair, error) {
	all := map[benchmark]*pair{}
	for round := range rounds {
		for _, folder := range packages {
			for turn := range 2 {
				isNow := (turn+round)%2 == 1 // neither is always the first
				t := map[bool]tree{false: old, true: now}[isNow]
				if t.binaries[folder] == "" {
					continue
				}
				out, err := t.bench(folder)
				if err != nil && isNow {
					return nil, err
				}
				if err != nil {
					_ = leaveOut(folder, err) // it never says no
					delete(old.binaries, folder)
					continue
				}
				for name, s := range parse(out) {
					p := all[benchmark{folder, name}]
					if p == nil {
						p = &pair{}
						all[benchmark{folder, name}] = p
					}
					if isNow {
						p.now = append(p.now, s)
					} else {
						p.old = append(p.old, s)
					}
				}
			}
		}
	}
	return all, nil
}

// bench runs a package's benchmarks where go test runs them, on one processor: what else runs meanwhile is not theirs.
func (t *tree) bench(folder string) (string, error) {
	return output(filepath.Join(t.root, folder), t.binaries[folder],
		"-test.timeout=5m", "-test.run=^$", "-test.bench=.", "-test.benchmem", "-test.cpu=1", "-test.benchtime="+benchtime, "-test.count="+runs)
}

// parse reads lines, several for a benchmark, such as "BenchmarkDecode/x.json 9913 120480 ns/op 20.00 MB/s 40920 B/op 262 allocs/op".
func parse(out string) map[string]sample {
	found := map[string]sample{}
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		var s sample
		for i, unit := range words {
			switch unit {
			case "ns/op":
				s.ns, _ = strconv.ParseFloat(words[i-1], 64)
			case "allocs/op":
				s.allocs, _ = strconv.ParseFloat(words[i-1], 64)
			}
		}
		name := strings.TrimPrefix(words[0], "Benchmark")
		if best, again := found[name]; again {
			s = sample{min(s.ns, best.ns), min(s.allocs, best.allocs)}
		}
		found[name] = s
	}
	return found
}

func (b benchmark) String() string { return fmt.Sprintf("%s %s", b.folder, b.name) }
