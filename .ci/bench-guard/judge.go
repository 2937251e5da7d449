package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// slower is from which ratio on a benchmark counts as slower.
//
// A shared machine makes a run slower, never faster, and at any moment. So two numbers must agree. The median of the
// ratios, round by round, is not moved by a bad minute, which hits both of a pair; the ratio of the fastest runs is not
// moved by bad moments at all, unless no run of one tree had a good one. docs/performance.md has how often both erred.
const slower = 1.25

// verdict is what the samples of a benchmark say.
type verdict struct {
	median, fastest float64 // ratios of the time, now to before; 0 where it is not in both trees
	before, allocs  float64 // the least allocations
}

func (p *pair) judge() verdict {
	if len(p.old) == 0 || len(p.now) == 0 {
		return verdict{}
	}
	ratios := make([]float64, min(len(p.old), len(p.now)))
	for i := range ratios {
		ratios[i] = p.now[i].ns / p.old[i].ns
	}
	slices.Sort(ratios)
	ns := func(s sample) float64 { return s.ns }
	allocs := func(s sample) float64 { return s.allocs }
	return verdict{
		median: ratios[len(ratios)/2], fastest: least(p.now, ns) / least(p.old, ns),
		before: least(p.old, allocs), allocs: least(p.now, allocs),
	}
}

func least(all []sample, of func(sample) float64) float64 {
	return of(slices.MinFunc(all, func(a, b sample) int { return cmp.Compare(of(a), of(b)) }))
}

// worse says in a word what became worse, "" when nothing did. One allocation of fifty more may be a pool that the
// garbage collector has emptied.
func (v verdict) worse() string {
	switch {
	case v.allocs > v.before+math.Floor(v.before/50):
		return "ALLOCATES MORE"
	case v.median > slower && v.fastest > slower:
		return "SLOWER"
	}
	return ""
}

// suspects are the benchmarks that seem worse.
func suspects(all map[benchmark]*pair) (found []benchmark) {
	for b, p := range all {
		if p.judge().worse() != "" {
			found = append(found, b)
		}
	}
	return found
}

// tell prints a line for each benchmark.
func tell(w io.Writer, all map[benchmark]*pair) {
	order := slices.SortedFunc(maps.Keys(all), func(a, b benchmark) int { return cmp.Compare(a.String(), b.String()) })
	for _, b := range order {
		p := all[b]
		switch {
		case len(p.old) == 0:
			fmt.Fprintf(w, "%-60s new\n", b)
		case len(p.now) == 0:
			fmt.Fprintf(w, "%-60s gone\n", b)
		default:
			v := p.judge()
			fmt.Fprintf(w, "%-60s time ×%.2f (fastest ×%.2f), allocations %.0f → %.0f %s\n", b, v.median, v.fastest, v.before, v.allocs, v.worse())
		}
	}
}
