package faults_test

import (
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// rest lets everything come to its end with nothing else going wrong, holds it to the rules at each tick, and compares it
// with the end that the row says.
func (w *world) rest(want end) {
	if w.work != nil {
		w.restFollowed(want)
		return
	}
	w.keys.rotateWith(w.agent)
	time.Sleep(firstTick)
	startedBy, secondCame := -1, false
	first := func() gate.Case { _, _, c := w.seen("A"); return c }
	for n := 1; n <= 60 && !(secondCame && w.atRest()); n++ {
		if startedBy < 0 && first().HasStarted() {
			startedBy = 0
		}
		before, began := w.struck, time.Now().Add(w.ahead)
		if err := w.tick(); err != nil && n >= want.ticks { // until then the fault may still be felt
			w.t.Errorf("tick %d failed: %v", n, err)
		}
		if w.struck == before {
			w.nothingSleeps(began)
		}
		w.always()
		if startedBy < 0 && first().HasStarted() {
			startedBy = n
		}
		if !secondCame && (startedBy >= 0 || first().State == gate.InDoubt && w.policy.InDoubt == gate.StopIt) {
			secondCame = true
			w.datadog("B", w.tokens.current, w.post("B", w.tokens.current))
		}
		for range 4 { // the queue is asked more often than the tick comes
			w.deliver()
			time.Sleep(15 * time.Second)
		}
	}
	w.ended(want, startedBy)
}

// firstTick is how long after the invocation that was struck the next tick comes. A lease of a function that was killed
// is over by then, whatever the clock; that of one that ended at once is not.
const firstTick = 15 * time.Second

// rotateWith stores the key that the Agent wants now, as an operator does in the end.
func (v *vault) rotateWith(a *agentDoor) {
	v.replace(secretOf("key-1"), secretOf(a.key))
}

// cases are those of both alerts, by the alert's name.
func (w *world) cases() map[string]gate.Case {
	all := map[string]gate.Case{}
	for _, name := range []string{"A", "B"} {
		if _, _, c := w.seen(name); c.ID != "" {
			all[name] = c
		}
	}
	return all
}

// always is what must hold at any time.
func (w *world) always() {
	acct, now, active := w.account(), time.Now(), 0
	ids := map[string]bool{"stray": true}
	for name, c := range w.cases() {
		ids[c.ID] = true
		r, reserved := acct.Running[c.ID]
		switch {
		case !reserved && (c.State == gate.Starting || c.State == gate.Started && c.Until.After(now)):
			w.t.Errorf("case %s is %s without a reservation", name, c.State)
		case reserved && (c.State == gate.Waiting || c.State == gate.Refused || c.State == gate.Ended):
			w.t.Errorf("case %s is %s and holds a reservation", name, c.State)
		case reserved && r.Attempt != c.Attempt:
			w.t.Errorf("case %s is at attempt %d, its reservation at %d", name, c.Attempt, r.Attempt)
		}
		if calls := w.agent.calls(c.ID); calls > 1+c.Doubts || calls > 1 && w.policy.InDoubt == gate.StopIt {
			w.t.Errorf("case %s: %d calls with %d doubts", name, calls, c.Doubts)
		}
	}
	for id, r := range acct.Running {
		if !ids[id] {
			w.t.Errorf("a reservation that nothing stands behind: %s", id)
		}
		if r.Until.After(now) {
			active++
		}
	}
	if active > w.policy.Slots {
		w.t.Errorf("%d investigations at once, and %d slots", active, w.policy.Slots)
	}
}

// nothingSleeps: a tick that began then, and that nothing struck, has left nothing that was due.
func (w *world) nothingSleeps(began time.Time) {
	acct := w.account()
	closed := !acct.Shut.Since.IsZero() || acct.Down.Until.After(began)
	for name, c := range w.cases() {
		held, others := false, 0
		for id, r := range acct.Running {
			if r.Until.After(began) && id == c.ID {
				held = true
			} else if r.Until.After(began) {
				others++
			}
		}
		full := others >= w.policy.Slots
		isDue := !c.Until.After(began)
		sleeps := false
		switch c.State {
		case gate.Waiting:
			sleeps = !closed && !full
		case gate.Starting:
			sleeps = began.After(c.Until)
		case gate.Started:
			sleeps = isDue
		case gate.InDoubt:
			if w.policy.InDoubt == gate.StopIt {
				sleeps = !c.Resting && !held
			} else {
				sleeps = isDue && !closed && (held || !full)
			}
		}
		if sleeps {
			w.t.Errorf("case %s is %s (%s) since %s, and the tick of %s left it", name, c.State, c.Why, c.Until, began)
		}
	}
}

// atRest: nothing is left to do for anybody but a person.
func (w *world) atRest() bool {
	for _, c := range w.cases() {
		if c.State != gate.Ended && c.State != gate.Refused && !(c.State == gate.InDoubt && c.Resting) {
			return false
		}
	}
	return w.queued() == 0
}

// ended is what must hold when all is over.
func (w *world) ended(want end, startedBy int) {
	if _, _, dead := w.queue.Counts(); dead > 0 || w.queued() > 0 {
		w.t.Errorf("%d messages are in the queue and %d in the dead-letter queue", w.queued(), dead)
	}
	for _, name := range []string{"A", "B"} {
		if w.told[name] != 1 {
			w.t.Errorf("alert %s was accepted %d times", name, w.told[name])
		}
		if verdict, _, _ := w.seen(name); verdict != "start" && verdict != "wait" {
			w.t.Errorf("alert %s has the verdict %s", name, verdict)
		}
	}
	if acct := w.account(); len(acct.Running) > 0 || !acct.Shut.Since.IsZero() || acct.Down.Until.After(time.Now()) {
		w.t.Errorf("the account is left as %+v", acct)
	}
	if len(w.agent.begun) > 2 { // a repeat is the same to the Agent, by id and timestamp
		w.t.Errorf("%d investigations for two cases: %v", len(w.agent.begun), w.agent.begun)
	}
	w.endsAs(want, startedBy)
}

func (w *world) endsAs(want end, startedBy int) {
	_, _, a := w.seen("A")
	_, _, b := w.seen("B")
	if !b.HasStarted() || w.agent.calls(b.ID) != 1 {
		w.t.Errorf("the second case is %s after %d calls", b.State, w.agent.calls(b.ID))
	}
	doubt, calls := w.policy.InDoubt, want.calls
	if want.hand && doubt == gate.StopIt {
		calls--
		if a.State != gate.InDoubt || !a.Resting {
			w.t.Errorf("%s, clock %s: the case is %s (%s), want a doubt for a hand", doubt, w.ahead, a.State, a.How)
		}
	} else if a.How != gate.EndAssumed || startedBy != want.ticks {
		w.t.Errorf("%s, clock %s: the case is %s (%s), started by tick %d, want %d", doubt, w.ahead, a.State, a.How, startedBy, want.ticks)
	}
	if got := w.agent.calls(a.ID); got != calls {
		w.t.Errorf("%s, clock %s: %d calls, want %d", doubt, w.ahead, got, calls)
	}
	if got := w.agent.denied; got != w.row.denied() {
		w.t.Errorf("%s, clock %s: %d calls were denied, want %d", doubt, w.ahead, got, w.row.denied())
	}
}

// denied is how many calls meet a dead key: the one that shuts the account, and the one in whose time it is replaced.
func (r row) denied() int {
	if slices.Contains(parts["opens"], r.step) || strings.HasPrefix(string(r.fault), "rotated") && slices.Contains(ofAgent, r.step) {
		return 1
	}
	return 0
}
