package explore_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// result is what a search has seen.
type result struct {
	states    int
	histories int
	complete  bool
	wrong     string
	trace     []string
}

func (r result) String() string {
	return fmt.Sprintf("%s\n  %s", r.wrong, strings.Join(r.trace, "\n  "))
}

// fork is a place in a history from which it can go on in several ways.
type fork struct{ taken, ways int }

// search walks every history of a setting, depth first, until limit states have been seen. A history cannot be taken
// back, since the code in it runs for real; so each one is played from the beginning along the forks that lead to it,
// and is left as soon as it comes to a state that was met before.
func search(s setting, limit int) (r result) {
	met := map[uint64]bool{}
	var path []fork
	for {
		w := newWorld(s)
		r.histories++
		for _, f := range path {
			w.choose(f.taken)
		}
		for w.wrong == "" {
			state := w.state()
			if met[state] {
				break
			}
			met[state] = true
			ways := len(w.ways())
			if ways == 0 {
				break
			}
			path = append(path, fork{0, ways})
			w.choose(0)
		}
		w.stop()
		if w.wrong != "" {
			r.states, r.wrong, r.trace = len(met), w.wrong, w.trace
			return r
		}
		for len(path) > 0 && path[len(path)-1].taken+1 == path[len(path)-1].ways {
			path = path[:len(path)-1]
		}
		if len(path) == 0 || len(met) >= limit {
			r.states, r.complete = len(met), len(path) == 0
			return r
		}
		path[len(path)-1].taken++
	}
}

// ways are the moves of the world and, while nobody is at work, the healthy night that must end well from here.
func (w *world) ways() []move {
	if w.draining {
		return nil
	}
	all := w.moves()
	if !w.busy() {
		all = append(all, move{"-- from here on without a fault:", w.drain})
	}
	return all
}

func (w *world) choose(i int) { w.take(w.ways()[i]) }

func (w *world) busy() bool {
	for _, k := range w.workers {
		if k != nil {
			return true
		}
	}
	return w.late != nil
}

// stop ends whoever is still at work.
func (w *world) stop() {
	for i, k := range w.workers {
		if k != nil {
			w.crash(i)
		}
	}
}

// roam plays histories at random: the same seed plays the same ones.
func roam(s setting, seed uint64, histories int) (r result) {
	for n := range histories {
		rnd := rand.New(rand.NewPCG(seed, uint64(n)))
		w := newWorld(s)
		r.histories++
		for w.wrong == "" && !w.draining {
			all := w.ways()
			if len(all) == 0 {
				break
			}
			i := rnd.IntN(len(all))
			if strings.HasPrefix(all[i].label, "--") && rnd.IntN(8) > 0 && len(all) > 1 { // the end comes late
				i = rnd.IntN(len(all) - 1)
			}
			if strings.HasSuffix(all[i].label, "!") && rnd.IntN(4) > 0 { // and faults are rare
				continue
			}
			r.states++
			w.take(all[i])
		}
		w.stop()
		if w.wrong != "" {
			r.wrong, r.trace = fmt.Sprintf("seed %d, history %d: %s", seed, n, w.wrong), w.trace
			return r
		}
	}
	return r
}
