package faults_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// plays leads to the step that is struck where the Agent's work is followed, and tells what is seen then.
func (w *world) plays() end {
	w.warmed(scheduler)
	w.work.deaf = w.story == aDoubt || w.story == aStart
	w.arrives()
	switch {
	case slices.Contains(parts["hears"], w.row.step):
		w.hearsIt()
		return end{queued: len(w.work.queue), known: w.known()}
	case slices.Contains(parts["asks"], w.row.step):
		w.ticksUntilStruck()
		return end{known: w.known()}
	}
	w.ticksUntilStruck()
	if _, _, b := w.seen("B"); w.story == anEnd && !b.HasStarted() {
		w.t.Errorf("%s kept the other case from its start: it is %s", w.row.fault, b.State)
	}
	at, _ := w.noted()
	return end{noted: at}
}

// hearsIt brings the event that the story is about to outcome, and those before it.
func (w *world) hearsIt() {
	if w.row.fault == early {
		return // it came while the Agent was being called
	}
	for {
		time.Sleep(5 * time.Second)
		w.work.collect()
		if slices.ContainsFunc(w.work.queue, w.isAbout) {
			break
		}
		if w.row.fault != reordered {
			w.hear()
		}
	}
	if w.row.fault == reordered && w.story == firstEvent { // it comes behind the two that follow it
		time.Sleep(45 * time.Second)
		w.work.collect()
	}
	w.handsIt()
}

// handsIt hands the event to outcome as the fault has it.
func (w *world) handsIt() {
	all := slices.Clone(w.work.queue)
	it := all[slices.IndexFunc(all, w.isAbout)]
	switch w.row.fault {
	case twice:
		again := *it
		w.work.queue = append(w.work.queue, &again)
		w.hand(it)
		w.hand(&again)
	case reordered:
		for _, e := range slices.Backward(all) {
			w.hand(e)
		}
	case foreign:
		w.hand(w.work.foreignEvent(w.story))
		w.work.drop(it)
		defer func() { w.work.queue = append(w.work.queue, it) }() // it comes a moment later
	case elsewhere:
		it.body = strings.ReplaceAll(it.body, w.work.tasks.Space(), "0a1b2c3d-93a4-4e1c-8f25-7c6d1e9a0b34")
		w.hand(it)
	case batched:
		w.hand(w.work.foreignEvent(w.story), it)
	default:
		w.hand(it)
	}
}

// meanwhile is what happens while the Agent is being called.
func (w *world) meanwhile() {
	if w.row.fault == early && w.struck == 0 {
		time.Sleep(4*time.Second + 500*time.Millisecond)
		w.hear()
	}
}

// losesAnswer tells whether the Agent's answer to a call is lost because the story wants it.
func (w *world) losesAnswer() bool { return w.story == aDoubt && !w.second }

// ticksUntilStruck lets the deployment run until a tick is struck.
func (w *world) ticksUntilStruck() {
	for n := 0; w.struck == 0 && n < 60; n++ {
		w.secondComes()
		w.recovers()
		w.untilTick()
		if slices.Contains(ofKeys, w.row.step) && w.row.fault != lastGood {
			w.env[scheduler] = w.newEnvironment(scheduler) // which has to read the keys
		}
		_ = w.tick() // its error is for the log
	}
}

// untilTick lets the events and the alerts have their turn until the next tick, which comes half a minute past each.
func (w *world) untilTick() {
	next := began.Add(30 * time.Second)
	for !next.After(time.Now()) {
		next = next.Add(time.Minute)
	}
	for {
		w.hear()
		w.deliver()
		left := time.Until(next)
		if left <= 15*time.Second {
			time.Sleep(left)
			return
		}
		time.Sleep(15 * time.Second)
	}
}

// secondComes lets the other alert come once: when the first case is shown to run, where people are told; else when the
// invocation that was struck is over.
func (w *world) secondComes() {
	_, _, a := w.seen("A")
	tells := tells(w.row.step)
	if w.second || tells && !a.Confirmed() || !tells && w.struck == 0 {
		return
	}
	w.second = true
	w.datadog("B", w.tokens.current, w.post("B", w.tokens.current))
	w.deliver()
}

// recovers lets what the first alert is about recover when somebody was woken for it, and nothing has gone wrong yet.
func (w *world) recovers() {
	woken := func(d gate.Told) bool {
		return d.Target == tell.Pager && d.Moment == gate.WasMissed && d.As == gate.WasTold
	}
	if w.story != aRecovery || w.well || !slices.ContainsFunc(w.postOf(w.idOf("A")).Told, woken) {
		return
	}
	w.well = true
	r := requestOf("A", w.tokens.current)
	r.Body = strings.NewReplacer(
		`"event_id":"`+eventOf("A"), `"event_id":"`+eventOf("C"), `"Triggered"`, `"Recovered"`, `"error"`, `"success"`,
		fmt.Sprint(began.UnixMilli()), fmt.Sprint(time.Now().UnixMilli()),
	).Replace(r.Body)
	if _, resp, err := invoke(w, ingest, w.env[ingest].ingest, r); err != nil || resp.StatusCode != 202 {
		w.t.Errorf("the recovery was answered %d, %v", resp.StatusCode, err)
	}
	w.deliver()
}

// concerns tells whether what passes a step there is what the story is about.
func (w *world) concerns(i *invocation, s step) bool {
	switch {
	case w.work == nil:
		return true
	case slices.Contains(parts["hears"], s):
		return i.hears
	case tells(s):
		at, due := w.noted()
		return due && at != w.story.places() && (s == outbox || i.about == w.idOf("A"))
	}
	return true
}

// known tells whether what the Agent says is on record.
func (w *world) known() bool {
	_, _, a := w.seen("A")
	if w.story == lastEvent {
		return a.State == gate.Ended && a.How == gate.EndCompleted
	}
	return a.Confirmed()
}

func (w *world) idOf(name string) string { _, _, c := w.seen(name); return c.ID }

// restFollowed lets everything come to its end with nothing else going wrong, and compares it with the end that the row
// says.
func (w *world) restFollowed(want end) {
	for name, s := range w.places.servers() {
		w.places.keys[name].replace(w.places.keys[name].current, s.Key())
	}
	by := -1
	for n := 0; n <= 90; n++ {
		if at, _ := w.noted(); by < 0 && (tells(w.row.step) && at == w.story.places() || slices.Contains(parts["asks"], w.row.step) && w.known()) {
			by = n
		}
		if w.known() {
			w.work.collect()
			w.work.deaf = false
		}
		w.secondComes()
		if w.isOver() {
			break
		}
		w.untilTick()
		before := w.struck
		if err := w.tick(); err != nil && w.struck == before {
			w.t.Errorf("tick %d failed: %v", n, err)
		}
		w.always()
	}
	if by != want.ticks && !slices.Contains(parts["hears"], w.row.step) {
		w.t.Errorf("%s, clock %s: settled by tick %d, want %d", w.story, w.ahead, by, want.ticks)
	}
	w.endedFollowed(want)
}

// isOver: nothing is left to do for anybody.
func (w *world) isOver() bool {
	cases := w.cases()
	if len(cases) < 2 || w.queued() > 0 || len(w.work.queue) > 0 {
		return false
	}
	for _, c := range cases {
		if p := w.postOf(c.ID); c.State != gate.Ended || !p.Over {
			return false
		}
	}
	return true
}

// endedFollowed is what must hold when all is over: each case was investigated once and to its end, costs what the Agent
// bills for it, and holds no slot; and people were told of each once.
func (w *world) endedFollowed(want end) {
	if !w.isOver() {
		w.t.Errorf("it is not over: %d alerts and %d events are left, and %+v", w.queued(), len(w.work.queue), w.cases())
		return
	}
	var price gate.Dollars
	tasks := map[string]int{}
	for _, t := range w.work.tasks.Tasks() {
		if tasks[t.Reference]++; t.Reference != "" {
			price += gate.Dollars(t.Ran.Milliseconds() * secondPrice / 1000)
		}
	}
	acct := w.account()
	if spent := acct.Spent(time.Now()); spent != price || len(acct.Running) > 0 {
		w.t.Errorf("%s, clock %s: %s are booked, and the Agent bills %s; running: %v", w.story, w.ahead, spent, price, acct.Running)
	}
	for name, c := range w.cases() {
		if c.How != gate.EndCompleted || w.agent.calls(c.ID) != 1 || tasks[c.ID] != 1 {
			w.t.Errorf("%s, clock %s: case %s is %s after %d calls, with %d tasks", w.story, w.ahead, name, c.How, w.agent.calls(c.ID), tasks[c.ID])
		}
	}
	w.everythingTold(want)
}

// everythingTold compares what people were told. Only the moment that the row is about can have been told more than once.
func (w *world) everythingTold(want end) {
	a, b := w.idOf("A"), w.idOf("B")
	events, pages := []string{"started", "ended"}, []string(nil)
	switch w.story {
	case anAlarm, anEnd:
		events, pages = []string{"started", "unconfirmed", "ended"}, []string{"trigger", "resolve"}
	case aRecovery: // and the end, for nobody knows that the incident is closed
		events, pages = []string{"started", "unconfirmed", "ended"}, []string{"trigger", "resolve", "resolve"}
	case aPlan:
		events = append(events, "planned")
	}
	if tells(w.row.step) {
		_, event, page := w.story.moment()
		events, pages = repeatedIn(events, event, want.events), repeatedIn(pages, page, want.pages)
	}
	shown := 1 // the end of each case, once
	if w.story == anEnd {
		shown = want.shown
	}
	if gotA, gotB := w.shown(a), w.shown(b); gotA != shown || gotB != 1 {
		w.t.Errorf("%s, clock %s: PagerDuty shows what was found %d times, want %d, and that of the other case %d times", w.story, w.ahead, gotA, shown, gotB)
	}
	for target, want := range map[string][]string{tell.Events: events, tell.Pager: pages} {
		if got := w.toldAt(target, a); !slices.Equal(got, want) {
			w.t.Errorf("%s, clock %s: %s was told %v, want %v", w.story, w.ahead, target, got, want)
		}
	}
	if got := w.toldAt(tell.Pager, b); len(got) > 0 {
		w.t.Errorf("PagerDuty was told of the other case: %v", got)
	}
	if got := w.toldAt(tell.Events, b); len(got) > 3 || len(got) < 2 || !slices.Equal(got[len(got)-2:], []string{"started", "ended"}) {
		w.t.Errorf("Datadog was told of the other case: %v", got)
	}
	w.oneIncident(a, len(pages) > 0)
}

// oneIncident: PagerDuty has opened one, where it was to open any, and it is closed; but for one that was opened with a key
// that has been replaced since: that is to be closed by hand.
func (w *world) oneIncident(id string, opened bool) {
	incidents := w.places.pager.Incidents()
	if !opened && len(incidents) == 0 {
		return
	}
	closes := w.story == anEnd && slices.Contains([]step{pagerKey, toPager}, w.row.step) || w.row.step == toResolve
	replaced := closes && slices.Contains([]fault{rotated, rotatedThere}, w.row.fault)
	if !opened || len(incidents) != 1 || incidents[0].Key != id || incidents[0].Open != replaced {
		w.t.Errorf("%s, clock %s: PagerDuty has the incidents %+v", w.story, w.ahead, incidents)
	}
}

// repeatedIn puts a word so many times where it stands first; "" is none.
func repeatedIn(list []string, word string, times int) []string {
	i := slices.Index(list, word)
	if word == "" {
		return list
	}
	return slices.Concat(list[:i], slices.Repeat([]string{word}, times), list[i+1:])
}
