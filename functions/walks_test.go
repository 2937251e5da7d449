package functions_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
)

// Whatever comes, in whatever order, of two critical alerts, of the Agent, of people and of the places that are told: some hours
// after all has recovered no incident is open at the pager, nothing is left to be told or looked after, and no post is written
// to any more.
func TestNobodyIsLeftAwake(t *testing.T) {
	walks := uint64(400)
	if testing.Short() {
		walks = 100
	}
	for seed := range walks {
		newWalk(t, seed).goes()
	}
}

// walk is a bridge to which random things happen, from a seed.
type walk struct {
	*telling
	rand          *rand.Rand
	events, pager *reached
	fires         map[string]bool
	cases         []string
	said          []string // what has happened, for whoever reads a failure
}

func newWalk(t *testing.T, seed uint64) *walk {
	w := &walk{rand: rand.New(rand.NewPCG(seed, 0)), fires: map[string]bool{}, said: []string{fmt.Sprint("seed ", seed)}}
	var policy []func(*gatetest.Policy)
	for i, change := range []func(*gatetest.Policy){unfollowed, stop, grouped} {
		if w.rand.IntN(2) == 0 {
			policy = append(policy, change)
			w.says("with %s", []string{"unfollowed", "stop", "grouped"}[i])
		}
	}
	w.telling = newTelling(t, policy...)
	w.schedule.Work, w.schedule.Spaces = nothingThere{}, map[string]string{"default": "space-1"}
	w.events, w.pager = w.puts(0), w.puts(1)
	return w
}

func (w *walk) says(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

func (w *walk) goes() {
	w.t.Helper()
	for range 6 + w.rand.IntN(22) {
		w.clock.add(time.Second)
		w.steps()
	}
	w.events.away, w.pager.away = false, false
	w.ticks(90 * time.Minute)
	for name := range w.fires {
		w.recovers(name)
	}
	w.ticks(5 * time.Hour)
	last := map[string]string{}
	for _, e := range w.telling.pager.Events() {
		last[e.DedupKey] = e.Action
	}
	versions := map[string]int{}
	for _, id := range w.cases {
		p := w.post(id)
		if versions[id] = p.Version; last[id] == "trigger" || !p.Over && p.Version > 0 {
			w.t.Errorf("%s\nthe pager was last told to %q of %s, which is %s; the post is %+v", strings.Join(w.said, "\n"), last[id], id, w.caseOf(id).State, p)
		}
	}
	w.ticks(time.Hour)
	for _, id := range w.cases {
		if p := w.post(id); p.Version != versions[id] {
			w.t.Errorf("%s\nthe post of %s was written to again: %+v", strings.Join(w.said, "\n"), id, p)
		}
	}
}

// steps is one thing that happens.
func (w *walk) steps() {
	name := []string{"A", "B"}[w.rand.IntN(2)]
	switch k := w.rand.IntN(10); {
	case k < 2:
		w.answers()
		d := w.triggers(name, critical)
		w.says("%s fires: %s %s of %s", name, d.Verdict, d.Reason, d.Case)
		if w.fires[name] = true; d.Verdict == gate.Start || d.Verdict == gate.Wait {
			w.cases = append(w.cases, d.Case)
		}
	case k < 4:
		if w.fires[name] {
			w.recovers(name)
			w.says("%s recovers", name)
			delete(w.fires, name)
		}
	case k < 5:
		place := []*reached{w.events, w.pager}[w.rand.IntN(2)]
		place.away = !place.away
		w.says("Datadog is away: %t, the pager: %t", w.events.away, w.pager.away)
	case k < 6:
		w.orders()
	case k < 7:
		w.hears()
	default:
		d := []time.Duration{time.Minute, 3 * time.Minute, 14 * time.Minute, 40 * time.Minute}[w.rand.IntN(4)]
		w.says("%s go by", d)
		w.ticks(d)
	}
}

// answers changes, now and then, how the Agent answers from here on.
func (w *walk) answers() {
	switch reasons := []delivery.Reason{delivery.TimedOut, delivery.ErrorsInBody, delivery.ConnectionFailed}; w.rand.IntN(10) {
	case 0:
		w.agent.answers = nil
		w.says("the Agent takes all")
	case 1, 2, 3:
		reason := reasons[w.rand.IntN(len(reasons))]
		w.agent.says(reason)
		w.says("the Agent says %s", reason)
	}
}

// orders is somebody who starts a case, or stops it, where that can be.
func (w *walk) orders() {
	id := w.one()
	if id == "" || w.caseOf(id).State == gate.Ended {
		return
	}
	w.answers()
	v, err := w.store.Ledger.LookCase(w.t.Context(), id, "default", w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	order, now := gate.Order{By: "ana", Reason: "to see", At: w.clock.Now()}, w.clock.Now()
	does, d := "started", gate.Decision{}
	if w.rand.IntN(2) == 0 {
		d, err = gate.Promote(v, id, order, now)
	} else {
		does = "stopped"
		d, err = gate.Stop(v, id, order, true, now)
	}
	if err != nil {
		return // it cannot be, as it stands
	}
	if err := w.store.Ledger.Commit(w.t.Context(), d.Change); err != nil {
		w.t.Fatal(err)
	}
	w.says("%s is %s by hand", id, does)
}

// hears is a word of the Agent's about a case that it may have.
func (w *walk) hears() {
	id := w.one()
	if id == "" {
		return
	}
	if c := w.caseOf(id); c.Attempt == 0 || c.State == gate.Starting || c.State == gate.Waiting {
		return
	}
	status := []gate.Status{gate.InProgress, gate.Failed, gate.Completed, gate.Linked, gate.Skipped}[w.rand.IntN(5)]
	w.learns(id, status, func(task *gate.Task) { task.ID = "task-" + id })
	w.says("of %s the Agent says %s", id, status)
}

// one is a case, "" where there is none yet.
func (w *walk) one() string {
	if len(w.cases) == 0 {
		return ""
	}
	return w.cases[w.rand.IntN(len(w.cases))]
}
