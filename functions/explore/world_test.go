package explore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/functions/dispatcher/dispatch"
	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/queue/memqueue"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// noon is when every history begins.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// setting is what is explored: the messages, the policy, and what may go wrong.
type setting struct {
	name   string
	alerts []message
	repeat bool          // the policy on doubts; otherwise stop
	hold   bool          // alerts that are not critical wait for a moment before they start
	slots  int           // 0: two
	window time.Duration // the join window; 0: so long that it does not close
	maxAge time.Duration // 0: so long that nothing expires
	apart  string        // the incident of this name is in a group of its own
	alone  bool          // each incident is in a group of its own

	kept    int  // of the slots, so many are for critical cases
	budget  int  // investigations in the month; 0: as many as they like
	storm   int  // cases that may be opened within two minutes before the rest is a storm; 0: any number
	flap    int  // cycles of all incidents together that are flapping; 0: any number
	observe bool // nothing is started

	faults     int             // of any kind together
	kinds      string          // which, by the letters of may; "": all of them
	torn       torn            // how a reading falls apart
	jumps      []time.Duration // by which time may pass, in this order; nothing else moves the clock
	ahead      time.Duration   // how far the clock of the second of two schedulers is ahead of all others
	schedulers int             // at most so many ticks at once
	most       int             // cases that may be started; 0: not looked at
}

// torn says in which order the parts of one reading are read, with room between them: the items of one BatchGet are not
// of one moment.
type torn int

const (
	whole        torn = iota
	accountFirst      // the account, and what an alert names, before the cases
	caseFirst         // for a case that is due: the case before the account
)

// message is one message in the queue. The same delivery may come twice.
type message struct {
	label string
	alert alert.Alert
}

// Roles of a worker. Two dispatchers and two schedulers at most are at work.
const (
	dispatcher = "dispatcher"
	scheduler  = "scheduler"
)

// world is one deployment in one history: what is in the queue and the ledger, who is at work and where, and what the
// Agent has got.
type world struct {
	setting
	rules    gate.Rules
	now      time.Time
	jumped   int
	spent    int // faults
	ledger   *memledger.Ledger
	queue    *memqueue.Queue
	letters  []*letter // in the queue's order
	dead     []*letter // in the order in which they were given up
	pick     int       // which of the visible messages is received next
	workers  [4]*worker
	calls    map[string]*calls
	late     *gate.Change // a commit whose answer was an error, and that is still on its way
	version  int          // of the Agent's secret
	draining bool
	running  *worker // the one whose code runs now

	trace []string
	wrong string // the first thing that must never be, "" as long as all is well
	last  picture

	dispatch *dispatch.Handler
	schedule [2]*schedule.Handler
}

// letter is what the world knows of one message of the queue.
type letter struct {
	message
	receives int
	visible  time.Time
}

// calls are the requests of one case.
type calls struct {
	sent     int // requests that may have reached the Agent
	accepted int
	refused  bool // a repeat: the Agent does not want to hear it again
}

func newWorld(s setting) *world {
	s.slots = cmp.Or(s.slots, 2)
	w := &world{setting: s, now: noon, ledger: memledger.New(), calls: map[string]*calls{}, version: 1}
	w.queue = memqueue.New(memqueue.Options{
		Now: func() time.Time { return w.now }, VisibilityTimeout: hidden, MaxReceiveCount: maxReceives,
		Pick: func(int) int { return w.pick },
	})
	for _, m := range s.alerts {
		w.letters = append(w.letters, &letter{message: m, visible: noon})
		w.queue.Put(bodyOf(m.alert), nil)
	}
	policy := s.policy()
	w.rules = policy.Rules
	nothing := telemetry.NewRecorder(telemetry.Config{Function: "explore", Stack: "s", Out: io.Discard, Now: w.clock})
	w.dispatch = &dispatch.Handler{
		Ledger: w, Starter: &start.Starter{Ledger: w, Agents: map[string]start.Agent{"default": w}, Now: w.clock}, Policy: policy, Now: w.clock,
		Log: slog.New(slog.DiscardHandler), Metrics: nothing,
	}
	for i := range w.schedule {
		now := func() time.Time { return w.clockOf(2 + i) }
		w.schedule[i] = &schedule.Handler{
			Ledger: w, Starter: &start.Starter{Ledger: w, Agents: map[string]start.Agent{"default": w}, Now: now}, Secrets: map[string]schedule.Secrets{"default": w}, Policy: policy, Now: now,
			Log: slog.New(slog.DiscardHandler), Metrics: nothing,
		}
	}
	w.last = w.look()
	return w
}

// How the queue treats a message that was not acknowledged: it is hidden for as long as the shortest of the jumps that
// end a dispatcher, and given up after a few receives.
const (
	hidden      = 30 * time.Second
	maxReceives = 2
	estimate    = 40 * time.Second // of an investigation: more than a lease
	price       = gate.Dollars(4_000_000)
	// Time-outs of the functions, as in the template.
	dispatcherTimeout = 30 * time.Second
	schedulerTimeout  = 60 * time.Second
)

func (s setting) policy() gatetest.Policy {
	p := gatetest.Policy{Rules: gate.DefaultRules()}
	p.InDoubt, p.Slots, p.Estimate = gate.StopIt, s.slots, estimate
	if s.repeat {
		p.InDoubt = gate.RepeatIt
	}
	if s.window > 0 {
		p.Window = s.window
	}
	if s.maxAge > 0 {
		p.MaxAge = s.maxAge
	}
	if s.hold {
		p.Hold = 30 * time.Second
	}
	p.CriticalSlots = s.kept
	p.Budget = gate.Budget{Month: gate.Dollars(s.budget) * price, Case: price, Bucket: 99, CriticalPerDay: 1}
	if s.storm > 0 {
		p.Surge, p.Storm = "1/default/prod", gate.Storm{Cases: s.storm, Within: 2 * time.Minute, Join: time.Hour}
	}
	if s.flap > 0 {
		p.Group, p.Flap = "1/all", gate.Flap{Cycles: s.flap, Within: time.Hour, Quiet: time.Hour}
	}
	if s.observe {
		p.Mode = gate.ModeObserve
	}
	p.Keys = func(a alert.Alert) []string { return []string{s.groupOf(a)} }
	return p
}

func (s setting) groupOf(a alert.Alert) string {
	if s.alone {
		return a.Monitor.ID
	}
	if s.apart != "" && a.Monitor.ID == s.apart {
		return "another"
	}
	return "one"
}

func (w *world) clock() time.Time { return w.now }

// clockOf is what a worker's clock shows.
func (w *world) clockOf(slot int) time.Time {
	if slot == len(w.workers)-1 {
		return w.now.Add(w.ahead)
	}
	return w.now
}

// alertOf is an alert of the incident called name, so long after noon.
func alertOf(label, name string, tr alert.Transition, after time.Duration, change ...func(*alert.Alert)) message {
	a := alert.Alert{
		Delivery: "dd-1-" + label, Source: "datadog", OrgID: "1", EventID: label,
		Incident:   alert.Incident{Org: "1", Monitor: name, Key: "g." + name},
		Monitor:    alert.Monitor{ID: name, Name: "Monitor " + name},
		Transition: tr, Severity: alert.Medium, Time: noon.Add(after), Title: "Monitor " + name, Tags: []string{"service:" + name},
	}
	for _, c := range change {
		c(&a)
	}
	return message{label, a}
}

func critical(a *alert.Alert) { a.Severity = alert.Critical }

var bodies = map[string]string{} // an alert is encoded once, not in each of a million histories

func bodyOf(a alert.Alert) string {
	if body, there := bodies[a.Delivery]; there {
		return body
	}
	body, err := queue.Encode(queue.Envelope{Kind: queue.KindAlert, Delivery: a.Delivery, Received: noon, Alert: &a})
	if err != nil {
		panic(err)
	}
	bodies[a.Delivery] = body
	return body
}

// move is one thing that can happen next.
type move struct {
	label string
	do    func()
}

// moves lists all that can happen next, in an order that depends on the world alone. None: the history is over.
func (w *world) moves() []move {
	var all []move
	for _, k := range w.workers {
		if k != nil {
			all = append(all, w.steps(k)...)
		}
	}
	if w.late != nil {
		all = append(all, move{"the late commit arrives", w.applyLate})
	}
	all = append(all, w.receives()...)
	if len(w.dead) > 0 {
		all = append(all, move{"the dead letters are redriven", w.redrive})
	}
	all = append(all, w.ticks()...)
	return append(all, w.passes()...)
}

// receives: a dispatcher takes a message that is visible. The second one is at work only beside the first, for nothing
// tells them apart.
func (w *world) receives() []move {
	i := slices.IndexFunc(w.workers[:2], func(k *worker) bool { return k == nil })
	if i < 0 {
		return nil
	}
	var all []move
	visible := 0
	for _, l := range w.letters {
		if !l.visible.After(w.now) {
			pick := visible
			visible++
			label := fmt.Sprintf("dispatcher %d receives %s", i, l.label)
			all = append(all, move{label, func() { w.receive(i, l, pick) }})
			if w.may('s') {
				all = append(all, w.fault(label+", and the store is down", func() { w.receive(i, l, pick, reply{err: errDown}) }))
			}
		}
	}
	return all
}

func (w *world) receive(slot int, l *letter, pick int, first ...reply) {
	l.receives++
	l.visible = w.now.Add(hidden)
	w.pick = pick
	records := w.queue.Receive(1)
	if len(records) != 1 || records[0].Body != bodyOf(l.alert) {
		panic("the world and the queue do not agree on what is visible")
	}
	w.begin(slot, dispatcher, l.label, dispatcherTimeout, first, func(ctx context.Context) {
		_, err := w.dispatch.Handle(ctx, events.SQSEvent{Records: records})
		w.yield(op{name: "acknowledge"}) // an invocation can still end here
		if err == nil && w.queue.Delete(records[0].ReceiptHandle) {
			w.letters = slices.DeleteFunc(w.letters, func(x *letter) bool { return x == l })
		}
	})
}

// bury lets the queue give up on what was received too often.
func (w *world) bury() {
	w.queue.Receive(0)
	w.letters = slices.DeleteFunc(w.letters, func(l *letter) bool {
		over := l.receives >= maxReceives && !l.visible.After(w.now)
		if over {
			w.dead = append(w.dead, l)
		}
		return over
	})
}

func (w *world) redrive() {
	if w.queue.Redrive() != len(w.dead) {
		panic("the world and the queue do not agree on what is dead")
	}
	for _, l := range w.dead {
		l.receives, l.visible = 0, w.now
	}
	w.letters, w.dead = append(w.letters, w.dead...), nil
}

// ticks: a scheduler begins, if the ledger has something for it.
func (w *world) ticks() []move {
	for i := 2; i < 2+max(w.schedulers, 1); i++ {
		if w.workers[i] != nil {
			continue
		}
		due, err := w.ledger.Due(context.Background(), gate.DefaultRules().Agent, w.clockOf(i))
		if err != nil {
			panic(err)
		}
		if len(due) == 0 && w.last.account.Shut.Since.IsZero() {
			return nil
		}
		tick := func(first ...reply) func() {
			return func() {
				w.begin(i, scheduler, "", schedulerTimeout, first, func(ctx context.Context) {
					_, _ = w.schedule[i-2].Handle(ctx, struct{}{}) // its error is for the log
				})
			}
		}
		label := fmt.Sprintf("scheduler %d ticks", i-2)
		all := []move{{label, tick()}}
		if w.may('s') {
			all = append(all,
				w.fault(label+", and the store is down", tick(reply{err: errDown})),
				w.fault(label+", and the store does not say what is due", tick(reply{}, reply{err: errDown})))
		}
		return all
	}
	return nil
}

// passes: time goes on. An invocation whose own time is over then has crashed. Nobody is in a call to the Agent for longer
// than one takes, but whose invocation ends in it.
func (w *world) passes() []move {
	if w.jumped == len(w.jumps) {
		return nil
	}
	then := w.now.Add(w.jumps[w.jumped])
	crashes := 0
	for _, k := range w.workers {
		switch {
		case k == nil:
		case !then.Before(k.end):
			crashes++
		case k.at.name == "call" && then.Sub(k.called) > agent.CallDeadline:
			return nil
		}
	}
	label := fmt.Sprintf("%s pass", w.jumps[w.jumped])
	switch {
	case crashes == 0:
		return []move{{label, w.jump}}
	case !w.may('c') || w.spent+crashes > w.faults:
		return nil
	}
	return []move{{label + ", which ends whose time is over !", func() { w.spent += crashes; w.jump() }}}
}

func (w *world) jump() {
	w.now = w.now.Add(w.jumps[w.jumped])
	w.jumped++
	for i, k := range w.workers {
		if k != nil && !w.now.Before(k.end) {
			if k.at.name == "call" {
				w.sent(k.at.id)
			}
			w.crash(i)
		}
	}
	w.bury()
}

// may tells whether one more fault of a kind is left: c, the worker crashes; d, a commit is applied and its answer lost;
// u, a commit is not applied and nobody knows; p, the same, and it arrives later; s, the store is down; r, n, h, q, the
// call is refused, not delivered, finds the door shut, ends in doubt.
func (w *world) may(kind byte) bool {
	return w.spent < w.faults && (w.kinds == "" || strings.IndexByte(w.kinds, kind) >= 0)
}

// fault is a move that costs one.
func (w *world) fault(label string, do func()) move {
	return move{label + " !", func() { w.spent++; do() }}
}

// steps are what can become of a worker's next call out.
func (w *world) steps(k *worker) []move {
	who := fmt.Sprintf("%s %d", k.role, k.slot%2)
	what := k.at.String()
	all := []move{{who + ": " + what, func() { k.resume(w, reply{}) }}}
	add := func(kind byte, label string, r reply) {
		if w.may(kind) {
			all = append(all, w.fault(who+": "+what+": "+label, func() { k.resume(w, r) }))
		}
	}
	switch k.at.name {
	case "call":
		add('r', "refused", reply{answer: delivery.ErrorsInBody})
		add('n', "not delivered", reply{answer: delivery.ConnectionFailed})
		add('h', "shut", reply{answer: delivery.Unauthorized})
		add('q', "in doubt", reply{answer: delivery.TimedOut})
	case "commit":
		add('d', "applied, and the answer is lost", reply{lost: true})
		add('u', "not applied, and nobody knows", reply{unknown: true})
		if w.late == nil {
			add('p', "nobody knows, and it arrives later", reply{late: true})
		}
		add('s', "the store is down", reply{err: errDown})
	case "look", "look on":
		add('s', "the store is down", reply{err: errDown})
	}
	if w.may('c') {
		if k.at.name == "call" {
			all = append(all, w.fault(who+" crashes before its request leaves", func() { w.crash(k.slot) }))
			all = append(all, w.fault(who+" crashes in its call", func() { w.sent(k.at.id); w.crash(k.slot) }))
		} else {
			all = append(all, w.fault(who+" crashes before: "+what, func() { w.crash(k.slot) }))
		}
	}
	return all
}

var errDown = errors.New("the store is down")

// take makes one move.
func (w *world) take(m move) {
	w.trace = append(w.trace, m.label)
	m.do()
	if w.wrong == "" {
		w.always()
	}
}
