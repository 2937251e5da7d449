// Package explore_test lets the real dispatcher and the real scheduler run against each other in every order there is.
//
// A world is one deployment: memqueue, memledger, an Agent, and up to two invocations of each function. Each invocation
// is the real handler in a goroutine of its own. It stops at each call out (a read, a commit, the call to the Agent, the
// end of the invocation) and waits to be told what becomes of it, so that one of them runs at a time and everything
// that can happen next is a short list: somebody makes a step, somebody crashes, a commit's answer is lost, the
// Agent refuses, time passes, another message is received. A setting says which messages there are, and how many things may
// go wrong. What must never be is looked at after each move, and from each moment in which nobody is at work a healthy
// night must lead to a good end (rules_test.go).
//
// A reading can be torn: its items are then of different moments, as those of a BatchGet are. The account's health, down
// or shut, decides what happens, but no rule here looks at it; the ledgers' suites do.
//
// Where the world is small enough, search walks all of it: each history is played again from the beginning and left when
// it comes to a state that was met. Where it is not, roam plays histories at random, by a seed.
//
// The rules have been explored before as a model; this explores the code. That it would see a fault is shown by planting
// some: mutants_test.go.
package explore_test

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

var (
	full      = flag.Bool("full", false, "walk the large settings too, play more at random, and plant the faults")
	seed      = flag.Uint64("seed", 1, "of the histories at random")
	histories = flag.Int("histories", 100, "how many to play at random, for each setting; -full plays 100 times as many")
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(800) // a history is short, and there are many of them
	os.Exit(m.Run())
}

// The messages, by what they say: T triggers and R recovers, of the incidents A, B and C; ! is critical.
var (
	ta  = alertOf("TA", "A", alert.Triggered, 0)
	ta2 = alertOf("TA2", "A", alert.Renotify, 2*time.Second)
	tax = alertOf("TAx", "A", alert.Triggered, 0, critical)
	ra  = alertOf("RA", "A", alert.Recovered, time.Second)
	tb  = alertOf("TB", "B", alert.Triggered, 0)
	tbx = alertOf("TBx", "B", alert.Triggered, 0, critical)
	rb  = alertOf("RB", "B", alert.Recovered, time.Second)
	tc  = alertOf("TC", "C", alert.Triggered, 0)

	tb1 = alertOf("TB1", "B", alert.Triggered, time.Second) // two cycles of one monitor group never begin at once
	tc2 = alertOf("TC2", "C", alert.Triggered, 2*time.Second)

	ta30  = alertOf("TA30", "A", alert.Renotify, 30*time.Second)
	ta300 = alertOf("TA300", "A", alert.Renotify, 5*time.Minute)
	tb300 = alertOf("TB300", "B", alert.Triggered, 5*time.Minute)
)

// after36 is time that passes n times by as much as ends a lease.
func after36(n int) (all []time.Duration) {
	for range n {
		all = append(all, 36*time.Second)
	}
	return all
}

// settings that are walked to their end. The large ones take minutes and are for -full.
var settings = []struct {
	setting
	large bool
}{
	{setting{name: "one", alerts: []message{ta}, faults: 1, most: 1, jumps: after36(3), schedulers: 2}, true},
	{setting{name: "one, repeat", alerts: []message{ta}, repeat: true, faults: 1, most: 1, jumps: after36(3), schedulers: 2}, true},
	{setting{name: "one, held", alerts: []message{ta}, hold: true, faults: 1, most: 1, jumps: after36(3), schedulers: 2}, true},
	{setting{name: "one, held, repeat", alerts: []message{ta}, hold: true, repeat: true, faults: 2, kinds: "cdunq", most: 1, jumps: after36(4), schedulers: 1}, true},
	{setting{name: "doubt, repeat", alerts: []message{ta}, repeat: true, faults: 2, kinds: "qndc", most: 1, jumps: after36(4), schedulers: 1}, true},
	{setting{name: "refused, repeat", alerts: []message{ta}, repeat: true, faults: 2, kinds: "qr", most: 1, jumps: after36(4), schedulers: 1}, false},
	{setting{name: "shut", alerts: []message{ta}, faults: 2, kinds: "hcsud", most: 1, jumps: after36(2), schedulers: 1}, true},
	{setting{name: "store down", alerts: []message{ta}, hold: true, faults: 3, kinds: "s", most: 1, jumps: after36(3), schedulers: 1}, false},
	{setting{name: "torn", alerts: []message{ta, ra}, hold: true, torn: accountFirst, jumps: after36(2), schedulers: 2}, true},
	{setting{name: "torn, case first", alerts: []message{ta, ra}, hold: true, torn: caseFirst, faults: 1, kinds: "dn", jumps: after36(2), schedulers: 1}, true},
	{setting{name: "torn, repair", alerts: []message{ta}, hold: true, torn: accountFirst, faults: 1, kinds: "n", most: 1, jumps: after36(3), schedulers: 2}, true},
	{setting{name: "worse follows, torn", alerts: []message{ta, ra, tax}, hold: true, torn: accountFirst, jumps: after36(1), schedulers: 1}, true},
	{setting{name: "doubt, recovery", alerts: []message{ta, ra}, repeat: true, faults: 1, kinds: "q", jumps: after36(2), schedulers: 1}, false},
	{setting{name: "two ticks", alerts: []message{ta}, hold: true, faults: 2, kinds: "nd", most: 1, jumps: after36(2), schedulers: 2}, false},
	{setting{name: "twice", alerts: []message{ta, ta}, faults: 1, most: 1, jumps: after36(2), schedulers: 1}, true},
	{setting{name: "repeated, held", alerts: []message{ta, ta2}, hold: true, faults: 1, most: 1, jumps: after36(2), schedulers: 1}, true},
	{setting{name: "recovery", alerts: []message{ta, ra}, faults: 1, most: 1, jumps: after36(2), schedulers: 1}, true},
	{setting{name: "recovery, held", alerts: []message{ta, ra}, hold: true, faults: 1, most: 1, jumps: after36(2), schedulers: 1}, true},
	{setting{name: "group", alerts: []message{ta, tb}, faults: 1, jumps: after36(2), schedulers: 1}, true},
	{setting{name: "group, held", alerts: []message{ta, tb}, hold: true, most: 1, jumps: after36(2), schedulers: 2}, true},
	{setting{name: "worse follows", alerts: []message{ta, tbx}, jumps: after36(2), schedulers: 2}, false},
	{setting{name: "recovery in a group", alerts: []message{ta, ra, tb}, hold: true, faults: 1, kinds: "cd", jumps: after36(1), schedulers: 1}, true},
	{setting{name: "all recover", alerts: []message{ta, ra, tb, rb}, hold: true, jumps: after36(1), schedulers: 1}, true},
	{setting{name: "all recover, torn", alerts: []message{ta, ra, tb, rb}, hold: true, torn: accountFirst, jumps: after36(1), schedulers: 1}, true},
	{setting{name: "twice, recovery, group", alerts: []message{ta, ta, ra, tb}, faults: 1, kinds: "c", jumps: after36(1), schedulers: 1}, true},
	{setting{name: "one slot", alerts: []message{ta, tc}, apart: "C", slots: 1, jumps: after36(3), schedulers: 2}, true},
	{setting{name: "one slot, repeat", alerts: []message{ta, tc}, apart: "C", repeat: true, slots: 1, faults: 1, kinds: "q", jumps: after36(4), schedulers: 1}, true},
	{setting{name: "late, twice", alerts: []message{ta, ta, ra}, slots: 2, jumps: after36(1), schedulers: 1}, false},
	{setting{name: "refused, later", alerts: []message{ta, ta300}, window: time.Minute, faults: 1, kinds: "r", slots: 2, jumps: after36(1), schedulers: 1}, false},
	{setting{name: "expires", alerts: []message{ta, ta30}, hold: true, maxAge: 50 * time.Second, slots: 1, jumps: after36(3), schedulers: 1}, false},
	{setting{name: "window", alerts: []message{ta, tb300}, window: time.Minute, jumps: after36(2), schedulers: 1}, false},
	{setting{name: "clocks apart", alerts: []message{ta}, hold: true, repeat: true, ahead: 5 * time.Second, jumps: []time.Duration{36 * time.Second, 24 * time.Second, 8 * time.Second}, schedulers: 2}, true},
	{setting{name: "budget of one", alerts: []message{ta, tc}, apart: "C", budget: 1, maxAge: 10 * time.Minute, faults: 1, kinds: "ncd", most: 1, jumps: after36(2), schedulers: 1}, true},
	{setting{name: "budget of one, given back", alerts: []message{ta, tc}, apart: "C", budget: 1, maxAge: 10 * time.Minute, faults: 1, kinds: "nr", most: 2, jumps: after36(2), schedulers: 1}, false},
	{setting{name: "budget of one, in doubt", alerts: []message{ta}, repeat: true, budget: 1, maxAge: 10 * time.Minute, faults: 2, kinds: "qcd", most: 1, jumps: after36(3), schedulers: 1}, true},
	{setting{name: "beyond the budget", alerts: []message{ta, tbx}, budget: 1, maxAge: 10 * time.Minute, faults: 1, kinds: "nc", jumps: after36(2), schedulers: 1}, true},
	{setting{name: "storm of one", alerts: []message{ta, tb, tc}, alone: true, storm: 1, most: 2, jumps: after36(2), schedulers: 1}, true},
	{setting{name: "storm of one, two", alerts: []message{ta, tb}, alone: true, storm: 1, faults: 1, kinds: "cd", most: 2, jumps: after36(2), schedulers: 1}, true},
	{setting{name: "storm of one, recovered", alerts: []message{ta, tb, rb}, alone: true, storm: 1, most: 2, jumps: after36(1), schedulers: 1}, true},
	{setting{name: "flap of two", alerts: []message{ta, tb1, tc2}, alone: true, flap: 2, hold: true, jumps: after36(1), schedulers: 1}, true},
	{setting{name: "flap of two, twice", alerts: []message{ta, tb1, tb1}, alone: true, flap: 2, hold: true, jumps: after36(1), schedulers: 1}, true},
	{setting{name: "one slot for critical", alerts: []message{ta, tc, tbx}, alone: true, kept: 1, jumps: after36(2), schedulers: 1}, true},
	{setting{name: "observed", alerts: []message{ta, tb, ra}, hold: true, observe: true, faults: 1, kinds: "cd", jumps: after36(2), schedulers: 1}, true},
}

// wide are settings that nobody can walk to their end: several things go wrong, among four messages.
var wide = []setting{
	{name: "twice, recovery, group", alerts: []message{ta, ta, ra, tb}, hold: true, faults: 3, jumps: after36(4), schedulers: 2},
	{name: "twice, recovery, group, repeat", alerts: []message{ta, ta, ra, tb}, repeat: true, faults: 3, jumps: after36(5), schedulers: 2},
	{name: "all recover", alerts: []message{ta, ra, tb, rb}, hold: true, repeat: true, faults: 3, jumps: after36(5), schedulers: 2},
	{name: "worse, at once", alerts: []message{tax, ra, tbx, tc}, apart: "C", slots: 2, repeat: true, faults: 3, jumps: after36(5), schedulers: 2},
	{name: "worse joins", alerts: []message{ta, tbx, ra, ta2}, hold: true, faults: 3, jumps: after36(4), schedulers: 2},
	{name: "one slot", alerts: []message{ta, ra, tb, tc}, apart: "C", slots: 1, hold: true, repeat: true, faults: 3, jumps: after36(5), schedulers: 2},
	{name: "window", alerts: []message{ta, ta300, tb300, ra}, window: time.Minute, faults: 3, jumps: after36(4), schedulers: 2},
	{name: "expires", alerts: []message{ta, ta30, tb}, hold: true, slots: 1, maxAge: 50 * time.Second, faults: 2, jumps: after36(4), schedulers: 2},
	{name: "budget", alerts: []message{ta, tc, ra, tbx}, apart: "C", budget: 2, maxAge: 10 * time.Minute, repeat: true, faults: 3, jumps: after36(5), schedulers: 2},
	{name: "storm", alerts: []message{ta, tb, tc, rb}, alone: true, storm: 1, repeat: true, faults: 3, jumps: after36(5), schedulers: 2},
	{name: "flap", alerts: []message{ta, tb1, tc2, ra}, alone: true, flap: 2, hold: true, faults: 3, jumps: after36(4), schedulers: 2},
	{name: "slots for critical", alerts: []message{ta, tc, tbx, ra}, alone: true, kept: 1, repeat: true, faults: 3, jumps: after36(5), schedulers: 2},
	{name: "observed", alerts: []message{ta, tb, ra, tax}, hold: true, observe: true, faults: 3, jumps: after36(4), schedulers: 2},
	{name: "clocks apart", alerts: []message{ta, tb, ra}, hold: true, repeat: true, faults: 2, ahead: 5 * time.Second, schedulers: 2, jumps: []time.Duration{36 * time.Second, 24 * time.Second, 8 * time.Second, 20 * time.Second, 61 * time.Second}},
}

func TestHistoriesAtRandom(t *testing.T) {
	for _, s := range wide {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := *histories
				if *full {
					n *= 100
				}
				r := roam(s, *seed, n)
				if r.wrong != "" {
					t.Error(violation + r.String())
				}
				t.Logf("%d histories, %d moves", r.histories, r.states)
			})
		})
	}
}

// violation begins the words of a history that went wrong.
const violation = "this must never be: "

func TestEveryHistory(t *testing.T) {
	for _, s := range settings {
		t.Run(s.name, func(t *testing.T) {
			if s.large && !*full {
				t.Skip("large: go test ./functions/explore -full walks it")
			}
			synctest.Test(t, func(t *testing.T) {
				r := search(s.setting, most)
				switch {
				case r.wrong != "":
					t.Error(violation + r.String())
				case !r.complete:
					t.Errorf("more than %d states: it is not walked to its end", most)
				}
				t.Logf("%d states, %d histories", r.states, r.histories)
			})
		})
	}
}

// most states that a setting may have.
const most = 300_000
