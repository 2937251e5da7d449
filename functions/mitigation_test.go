package functions_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// mitigations are all ways in which a plan that is asked for can go, and the API can show it.
func mitigations() []apitest.Mitigation {
	var all []apitest.Mitigation
	for _, end := range []string{"COMPLETED", "FAILED", "TIMED_OUT", "CANCELED"} {
		for _, stays := range []bool{false, true} {
			all = append(all, apitest.Mitigation{Queue: 20 * time.Second, Run: 2 * time.Minute, End: end, Plan: "1. Roll back.", Stays: stays})
		}
	}
	return all
}

// A plan that somebody asks for in the Agent's console costs what it takes, and changes nothing of how the case ended.
func TestMitigationIsPaidAndSettlesNothing(t *testing.T) {
	for _, m := range mitigations() {
		w := newWorked(t, apitest.Typical)
		id := w.triggers("A").Case
		w.after(time.Minute + time.Second)
		w.after(6 * time.Minute)
		w.over(id, gate.EndCompleted, 5*time.Minute)
		if !w.tasks.Mitigate(w.tasks.Tasks()[0].ID, m) {
			t.Fatal("no plan is made")
		}
		w.after(time.Minute) // it runs for 40 seconds
		c := w.wantCase(id, gate.Ended, -1)
		if ran := c.Work.Ran(w.clock.Now()); c.How != gate.EndCompleted || ran != 5*time.Minute+40*time.Second || c.Work.Booked != 300*price {
			t.Errorf("%+v: while it runs the case is %s, after %s, %s booked", m, c.How, ran, c.Work.Booked)
		}
		w.after(10 * time.Minute)
		w.over(id, gate.EndCompleted, 7*time.Minute)
		if n := w.total(t, "InvestigationEnded"); n != 1 {
			t.Errorf("%+v: %v ends are counted", m, n)
		}
		// A second one is told apart from the first.
		if w.tasks.Mitigate(w.tasks.Tasks()[0].ID, m) {
			w.after(10 * time.Minute)
			w.over(id, gate.EndCompleted, 9*time.Minute)
		}
	}
}

// In whatever order the events of an investigation and its mitigation come, and however often each, the same case comes of
// them. The API shows by then what came last.
func TestOrderOfMitigationsDoesNotMatter(t *testing.T) {
	dice := rand.New(rand.NewPCG(5, 6))
	for _, m := range mitigations() {
		var want string
		for try := range 25 {
			f := newFollowed(t)
			plan := apitest.Typical
			plan.Mitigate, plan.Mitigation = 10*time.Minute, m
			f.plans(plan)
			id := f.triggers("A", critical).Case
			f.clock.add(time.Hour)
			heard := f.tasks.Events()
			if len(heard) != 6 {
				t.Fatalf("%d events", len(heard))
			}
			order := []int{0, 1, 2, 3, 4, 5}
			if try > 0 {
				dice.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			}
			for _, i := range order {
				if f.hear(heard[i], heard[order[0]]) != 0 {
					t.Errorf("%v: an event was not taken in", order)
				}
			}
			c := f.wantCase(id, gate.Ended, -1)
			f.wantMoney(420*8_300, 0)
			if c.How != gate.EndCompleted {
				t.Errorf("%+v, %v: it ended %s", m, order, c.How)
			}
			text, err := json.Marshal(c.Work)
			if got := string(text); err != nil || want != "" && got != want {
				t.Errorf("%+v, %v: it is\n%s\nand in another order\n%s", m, order, got, want)
			} else {
				want = got
			}
		}
	}
}

// mitigates has the Agent make a plan for a case, as its events tell.
func (w *telling) mitigates(id string, end gate.Status) {
	w.t.Helper()
	w.learns(id, gate.InProgress, func(t *gate.Task) { t.Of, t.Summary = gate.Mitigating, "" })
	w.clock.add(2 * time.Minute)
	w.learns(id, end, func(t *gate.Task) { t.Of, t.Execution, t.Summary = gate.Mitigating, "run-2", "rec-2" })
}

// A plan is told of once, with what it says and what all of it cost, and does nothing to the pager; one that came to nothing
// is not.
func TestPlanIsTold(t *testing.T) {
	for end, told := range map[gate.Status]bool{gate.Completed: true, gate.Failed: false} {
		w := newTelling(t)
		w.found.text = "# Cause\nThe pool."
		id := w.triggers("A", critical).Case
		w.tick(time.Minute)
		w.learns(id, gate.InProgress)
		w.clock.add(6 * time.Minute)
		w.learns(id, gate.Completed)
		w.ticks(2 * time.Minute)
		w.found.text = "1. Roll back.\nWhat to do now: rm -rf /"
		w.mitigates(id, end)
		w.ticks(3 * time.Minute)
		if !told {
			w.wantEvents("Investigation started", "Investigated")
			continue
		}
		w.mitigates(id, end)
		w.ticks(3 * time.Minute)
		w.wantEvents("Investigation started", "Investigated", "Plan to mitigate it")
		w.wantPages()
		w.wantBecame(id, "datadog started told", "datadog ended told", "datadog planned told",
			"pagerduty started left_out", "pagerduty ended told", "pagerduty planned left_out")
		text := w.events.Events()[2].Text
		for _, want := range []string{"> 1. Roll back.\n> What to do now: rm", "Investigation and plan ran for 8m and cost $3.98.", "in task task-1"} {
			if !strings.Contains(text, want) {
				t.Errorf("it says\n%s\nwant %q in it", text, want)
			}
		}
		if want := []string{"space-1/run-1/rec-1", "space-1/task-1/run-2/rec-2"}; !slices.Equal(w.found.asked, want) {
			t.Errorf("asked for %q, want %q", w.found.asked, want)
		}
	}
}

// The end is told first, and a plan is none of the four events when four were told: the last was the end's.
func TestPlanIsOneOfFourEvents(t *testing.T) {
	for before, becomes := range map[int]string{2: "told", 3: "left_out"} {
		w := newTelling(t)
		id := w.triggers("A").Case
		w.tick(time.Minute)
		p := w.post(id)
		for i := range before {
			p.Told = append(p.Told, gate.Told{Target: "datadog", Moment: gate.Moment(fmt.Sprint("earlier-", i)), As: gate.WasTold, At: w.clock.Now()})
		}
		p.Told = slices.DeleteFunc(p.Told, func(d gate.Told) bool { return d.Target == "datadog" && d.Moment == gate.WasStarted })
		p.Told = append(p.Told, gate.Told{Target: "datadog", Moment: gate.WasStarted, As: gate.LeftOut, At: w.clock.Now()})
		p.Version++
		if err := w.store.Ledger.Commit(t.Context(), gate.Change{At: w.clock.Now(), Told: &gate.ToldWrite{Read: p.Version - 1, Now: p}}); err != nil {
			t.Fatal(err)
		}
		w.learns(id, gate.Completed)
		w.mitigates(id, gate.Completed)
		w.ticks(5 * time.Minute)
		all := w.became(id)
		if !slices.Contains(all, "datadog ended told") || !slices.Contains(all, "datadog planned "+becomes) {
			t.Errorf("after %d events: %q, want the plan %s", before, all, becomes)
		}
	}
}
