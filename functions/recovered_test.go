package functions_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	told "github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/answer/answertest"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Whoever was woken for a critical case is told once nothing of it fires, and not before; and is woken where something does,
// whatever came between: what the pager could not be told of, what was ordered by hand, what another place is still to be told,
// and how the investigation ended in the end. Each row is one way in which that was lost once.
func TestPagerFollowsWhatFires(t *testing.T) {
	unheard := func(w *telling) { // no API knows anything of what was started
		w.schedule.Work, w.schedule.Spaces = nothingThere{}, map[string]string{"default": "space-1"}
	}
	paged := func(w *telling) (id string) { // a start that nothing confirms
		unheard(w)
		for id = w.triggers("A", critical).Case; len(w.pages()) == 0; {
			w.tick(time.Minute)
		}
		return id
	}
	for name, c := range map[string]struct {
		left bool // a doubt is left for a person
		play func(*telling) (id string)
		want []string // at the pager, of that case
	}{
		"it failed, and fires again before the pager hears that it had recovered": {play: func(w *telling) string {
			id := w.fails()
			w.recovers("A")
			w.pager.Next(answertest.Status(503, ""))
			w.tick(time.Minute)
			w.joins("A", id)
			w.ticks(10 * time.Minute)
			w.wantPages("trigger " + id)
			w.recovers("A")
			return id
		}, want: []string{"trigger", "resolve"}},
		"it failed when it had recovered, and fires again": {play: func(w *telling) string {
			id := w.triggers("A", critical).Case
			w.tick(time.Minute)
			w.recovers("A")
			w.learns(id, gate.Failed)
			w.ticks(3 * time.Minute)
			w.wantPages()
			w.joins("A", id)
			w.ticks(10 * time.Minute)
			w.wantPages("trigger " + id)
			w.recovers("A")
			return id
		}, want: []string{"trigger", "resolve"}},
		"nothing had confirmed it when it had recovered, and it fires again": {play: func(w *telling) string {
			unheard(w)
			id := w.triggers("A", critical).Case
			w.tick(time.Minute)
			w.recovers("A")
			w.ticks(13 * time.Minute)
			w.wantPages()
			w.joins("A", id)
			w.ticks(10 * time.Minute)
			w.wantPages("trigger " + id)
			w.recovers("A")
			return id
		}, want: []string{"trigger", "resolve"}},
		"it fires again in another case while the pager is away": {play: func(w *telling) string {
			id := paged(w)
			w.recovers("A")
			pager := w.puts(1)
			pager.away = true
			w.ticks(time.Hour)
			second := w.triggers("A", critical).Case
			if second == id {
				w.t.Fatalf("it joins %s", id)
			}
			pager.away = false
			w.learns(second, gate.Completed, func(task *gate.Task) { task.ID = "task-2" })
			return id
		}, want: []string{"trigger", "resolve"}},
		"Datadog is away": {play: func(w *telling) string {
			unheard(w)
			id := w.triggers("A", critical).Case
			w.ticks(4 * time.Minute)
			w.puts(0).away = true
			for len(w.pages()) == 0 {
				w.tick(time.Minute)
			}
			w.recovers("A")
			w.ticks(3 * time.Minute)
			w.wantPages("trigger "+id, "resolve "+id)
			return id
		}, want: []string{"trigger", "resolve"}},
		"the pager has it and did not say so, it has recovered, and fires again": {play: func(w *telling) string {
			id := w.triggers("A", critical).Case
			w.tick(time.Minute)
			w.learns(id, gate.Failed)
			w.pager.Next(answertest.Taken(answertest.Status(500, "oops")))
			w.tick(time.Minute)
			w.recovers("A")
			w.ticks(3 * time.Minute)
			w.wantPages("trigger "+id, "resolve "+id)
			w.joins("A", id)
			w.ticks(3 * time.Minute)
			w.recovers("A")
			return id
		}, want: []string{"trigger", "resolve", "trigger", "resolve"}},
		"nothing had confirmed it when it had recovered, and it fires again in another case": {play: func(w *telling) string {
			unheard(w)
			id := w.triggers("A", critical).Case
			w.tick(time.Minute)
			w.recovers("A")
			w.ticks(40 * time.Minute)
			if second := w.triggers("A", critical).Case; second == id {
				w.t.Fatalf("it joins %s", id)
			}
			return id
		}},
		"more is in the doubt than it knows by name": {left: true, play: func(w *telling) string {
			w.agent.says(delivery.TimedOut)
			id := w.triggers("A", critical).Case
			for i := range gate.MaxMembers + 2 {
				w.joins(fmt.Sprint("B", i), id)
			}
			w.ticks(2 * time.Minute)
			w.recovers("A")
			for i := range gate.MaxMembers + 2 {
				w.recovers(fmt.Sprint("B", i))
			}
			w.clock.add(5 * time.Second)
			w.joins("A", id)
			w.ticks(2 * time.Minute)
			w.wantPages("trigger " + id)
			w.recovers("A")
			return id
		}, want: []string{"trigger", "resolve"}},
		"it is stopped by hand for the second time": {left: true, play: func(w *telling) string {
			w.agent.says(delivery.ErrorsInBody)
			id := w.triggers("A", critical).Case
			w.ticks(2 * time.Minute)
			w.stops(id)
			w.ticks(2 * time.Minute)
			w.agent.says(delivery.TimedOut)
			w.promotes(id)
			w.ticks(3 * time.Minute)
			w.stops(id)
			w.ticks(3 * time.Minute)
			w.recovers("A")
			return id
		}, want: []string{"trigger", "resolve", "trigger", "resolve"}},
		"the pager turns down what it has come to": {play: func(w *telling) string {
			id := paged(w)
			w.learns(id, gate.InProgress)
			w.clock.add(time.Minute)
			w.learns(id, gate.Completed)
			w.pager.Next(answertest.Status(400, "no"))
			w.ticks(3 * time.Minute)
			w.recovers("A")
			return id
		}, want: []string{"trigger", "resolve"}},
		"it failed, came to a cause and failed at once, and comes to it once more": {play: func(w *telling) string {
			id := w.triggers("A", critical).Case
			w.tick(time.Minute)
			for _, s := range []gate.Status{gate.Failed, gate.Completed, gate.Failed} {
				w.clock.add(time.Second)
				w.learns(id, s)
			}
			w.tick(time.Minute)
			w.wantPages("trigger " + id)
			w.clock.add(time.Second)
			w.learns(id, gate.Completed)
			w.ticks(5 * time.Minute)
			if got := w.became(id); !slices.Contains(got, "datadog ended_again told") || !slices.Contains(got, "pagerduty ended_again told") {
				w.t.Errorf("became %q", got)
			}
			w.recovers("A")
			return id
		}, want: []string{"trigger", "resolve"}},
		"it failed, and is skipped after that": {play: func(w *telling) string {
			id := w.fails()
			w.learns(id, gate.Skipped)
			w.ticks(5 * time.Minute)
			w.recovers("A")
			return id
		}, want: []string{"trigger", "resolve"}},
		"it is skipped when people were woken": {play: func(w *telling) string {
			id := paged(w)
			w.learns(id, gate.Skipped)
			w.ticks(5 * time.Minute)
			w.recovers("A")
			return id
		}, want: []string{"trigger", "resolve", "resolve"}}, // the last one does nothing: nobody knows whether it was told as failed before
		"nothing confirms it, it failed, and is skipped after that": {play: func(w *telling) string {
			id := paged(w)
			w.learns(id, gate.Failed)
			w.ticks(5 * time.Minute)
			w.learns(id, gate.Skipped)
			w.ticks(5 * time.Minute)
			w.recovers("A")
			return id
		}, want: []string{"trigger", "trigger", "resolve"}},
		"the pager turns down that it was skipped": {play: func(w *telling) string {
			id := paged(w)
			w.learns(id, gate.Skipped)
			w.pager.Next(answertest.Status(400, "no"))
			w.ticks(5 * time.Minute)
			w.recovers("A")
			return id
		}, want: []string{"trigger", "resolve"}},
		"it failed when it had recovered, came to a cause and failed, and fires again": {play: func(w *telling) string {
			id := w.triggers("A", critical).Case
			w.tick(time.Minute)
			w.recovers("A")
			w.puts(0).away = true // so that it is looked at again
			for _, s := range []gate.Status{gate.Failed, gate.Completed, gate.Failed} {
				w.learns(id, s)
				w.ticks(3 * time.Minute)
			}
			w.joins("A", id)
			w.ticks(10 * time.Minute)
			if got := w.became(id); !slices.Contains(got, "pagerduty ended_again told") {
				w.t.Errorf("became %q", got)
			}
			return id
		}, want: []string{"resolve"}}, // with the cause
		"it failed when it had recovered, came to a cause that the pager turns down, and fires again": {play: func(w *telling) string {
			id := w.triggers("A", critical).Case
			w.tick(time.Minute)
			w.recovers("A")
			w.puts(0).away = true // so that it is looked at again
			w.learns(id, gate.Failed)
			w.ticks(3 * time.Minute)
			w.pager.Next(answertest.Status(400, "no"))
			w.learns(id, gate.Completed)
			w.ticks(3 * time.Minute)
			w.joins("A", id)
			w.ticks(10 * time.Minute)
			if got := w.became(id); !slices.Contains(got, "pagerduty ended_again given_up") || !slices.Contains(got, "pagerduty ended left_out") {
				w.t.Errorf("became %q", got)
			}
			return id
		}},
		"nothing confirms it, and a word that it was skipped comes when it is over": {play: func(w *telling) string {
			unheard(w)
			id := w.triggers("A", critical).Case
			w.ticks(3 * time.Hour)
			w.learns(id, gate.Skipped)
			w.ticks(5 * time.Minute)
			w.recovers("A")
			return id
		}, want: []string{"trigger", "resolve"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTelling(t, grouped)
			if c.left {
				w = newTelling(t, unfollowed, stop, grouped)
			}
			w.found.text = "x"
			id := c.play(w)
			w.ticks(time.Hour)
			var got []string
			for _, e := range w.pager.Events() {
				if e.DedupKey == id {
					got = append(got, e.Action)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("the pager has %q, want %q; became %q", got, c.want, w.became(id))
			}
			w.ticks(2 * time.Hour) // until each investigation is over
			before := w.post(id)
			w.ticks(time.Hour)
			if after := w.post(id); !slices.ContainsFunc(w.teller.Targets, func(tg tell.Target) bool { return isAway(tg.Place) }) && (!after.Over || after.Version != before.Version) {
				t.Errorf("it is looked after yet: %+v", after)
			}
		})
	}
}

// What fires again when the window of its case is all but over joins it, and is found, whenever the last look was before that.
func TestFiresAgainAtTheEndOfTheWindow(t *testing.T) {
	for failed := time.Minute; failed <= 10*time.Minute; failed += time.Minute {
		w := newTelling(t)
		id := w.triggers("A", critical).Case
		w.recovers("A")
		w.ticks(failed)
		w.learns(id, gate.Failed)
		w.ticks(29*time.Minute - failed)
		w.wantPages()
		w.clock.add(30*time.Minute - w.clock.Now().Sub(w.caseOf(id).StartAt) - time.Millisecond)
		w.joins("A", id)
		w.ticks(5 * time.Minute)
		w.wantPages("trigger " + id)
	}
}

// fails is a critical case whose investigation has failed, and that people were woken for.
func (w *telling) fails() string {
	w.t.Helper()
	id := w.triggers("A", critical).Case
	w.tick(time.Minute)
	w.learns(id, gate.Failed)
	w.tick(time.Minute)
	w.wantPages("trigger " + id)
	return id
}

// joins is an alert that fires, and is to join a case.
func (w *telling) joins(name, id string) {
	w.t.Helper()
	if d := w.triggers(name, critical); d.Verdict != gate.Join || d.Case != id {
		w.t.Fatalf("%s is %s %s of %s, and is to join %s", name, d.Verdict, d.Reason, d.Case, id)
	}
}

// stops ends a case by hand, also where the Agent may have it.
func (w *telling) stops(id string) {
	w.t.Helper()
	v, err := w.store.Ledger.LookCase(w.t.Context(), id, "default", w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	d, err := gate.Stop(v, id, gate.Order{By: "ana", Reason: "seen to", At: w.clock.Now()}, true, w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Ledger.Commit(w.t.Context(), d.Change); err != nil {
		w.t.Fatal(err)
	}
}

// puts sets a place that can be away before a target, and gives it.
func (w *telling) puts(target int) *reached {
	r := &reached{Target: w.teller.Targets[target].Place}
	w.teller.Targets[target].Place = r
	return r
}

// reached is a place, as long as it is not away.
type reached struct {
	told.Target
	away bool
}

func (r *reached) Deliver(ctx context.Context, a told.Answer) told.Result {
	if r.away {
		return told.Result{End: told.Later, Why: delivery.Answer{Reason: delivery.ConnectionFailed, Words: "away"}}
	}
	return r.Target.Deliver(ctx, a)
}

func isAway(place told.Target) bool {
	r, can := place.(*reached)
	return can && r.away
}
