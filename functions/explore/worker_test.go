package explore_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// worker is one invocation of a function: the real handler in a goroutine that stops at each call out and waits for the
// world to say what becomes of it. Only one of them ever runs.
type worker struct {
	slot    int
	role    string
	message string // the label of a dispatcher's message
	end     time.Time
	called  time.Time // when its call to the Agent began
	claimed string    // the case that it has claimed, and with which attempt
	attempt int
	at      op        // the call out at which it stands
	story   uint64    // a hash of all that it has seen; its code does the rest
	stopped chan bool // true: at its next call out; false: it is done
	replies chan reply
}

// op is a call out.
type op struct {
	name string
	id   string // the case that it is about
	hash uint64 // of everything it hands over
}

func (o op) String() string {
	if o.id == "" {
		return o.name
	}
	return o.name + " " + o.id
}

// reply is what becomes of a call out.
type reply struct {
	crash   bool
	err     error
	lost    bool // applied, and answered with an error
	unknown bool // not applied, and answered with the same error
	late    bool // answered with the same error, and applied later
	answer  delivery.Reason
}

// begin starts an invocation. What it reads first it reads at once, or is told as first says: to read at once what could
// be read later is to begin later, and what is due is read again, case by case.
func (w *world) begin(slot int, role, message string, timeout time.Duration, first []reply, f func(context.Context)) {
	k := &worker{
		slot: slot, role: role, message: message, end: w.now.Add(timeout), stopped: make(chan bool), replies: make(chan reply),
	}
	w.workers[slot] = k
	w.running = k
	end := w.clockOf(slot).Add(timeout)
	go func() {
		defer func() { k.stopped <- false }()
		f(invocation{context.Background(), end})
	}()
	w.wait(k)
	for w.workers[slot] == k && (k.at.name == "look" && k.at.id == "" || k.at.name == "due") {
		var r reply
		if len(first) > 0 {
			r, first = first[0], first[1:]
		}
		k.resume(w, r)
	}
}

// invocation is a context whose deadline is on the function's clock.
type invocation struct {
	context.Context
	end time.Time
}

func (i invocation) Deadline() (time.Time, bool) { return i.end, true }

// wait waits until the worker stands at its next call out, or is done.
func (w *world) wait(k *worker) {
	if !<-k.stopped {
		w.workers[k.slot] = nil
	}
	w.running = nil
}

func (k *worker) resume(w *world, r reply) {
	w.running = k
	k.replies <- r
	w.wait(k)
}

// crash ends an invocation where it stands.
func (w *world) crash(slot int) {
	k := w.workers[slot]
	k.resume(w, reply{crash: true})
}

// yield is where a worker stops. It returns what the world has decided.
func (w *world) yield(o op) reply {
	k := w.running
	k.at = o
	k.story = mix(mix(k.story, hashOf(o.name)^uint64(w.jumped)), o.hash)
	k.stopped <- true
	r := <-k.replies
	if r.crash {
		runtime.Goexit()
	}
	return r
}

// Look implements ledger.Ledger.
func (w *world) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	k := w.running
	r := w.yield(op{name: "look"})
	if r.err != nil {
		return gate.View{}, k.saw(r.err)
	}
	v, err := w.ledger.Look(ctx, q, now)
	k.story = mix(k.story, hashOfView(v))
	if err != nil || w.torn == whole || len(v.Cases) == 0 {
		return v, err
	}
	if r := w.yield(op{name: "look on"}); r.err != nil {
		return gate.View{}, k.saw(r.err)
	}
	err = w.lookOn(ctx, &v, "", q.Agent, now)
	k.story = mix(k.story, hashOfView(v))
	return v, err
}

// LookCase implements ledger.Ledger.
func (w *world) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	k := w.running
	r := w.yield(op{name: "look", id: id, hash: hashOf(id)})
	if r.err != nil {
		return gate.View{}, k.saw(r.err)
	}
	v, err := w.ledger.LookCase(ctx, id, agent, now)
	if err == nil && w.torn != whole && len(v.Cases) > 0 {
		k.story = mix(k.story, hashOfView(v))
		if r := w.yield(op{name: "look on", id: cmp.Or(id, "reservations")}); r.err != nil {
			return gate.View{}, k.saw(r.err)
		}
		err = w.lookOn(ctx, &v, id, agent, now)
	}
	k.story = mix(k.story, hashOfView(v))
	return v, err
}

// lookOn reads a part of the view again: the account, or the cases that were named.
func (w *world) lookOn(ctx context.Context, v *gate.View, id, agent string, now time.Time) error {
	for named := range v.Cases {
		later, err := w.ledger.LookCase(ctx, named, agent, now)
		switch {
		case err != nil:
			return err
		case id != "" && w.torn == caseFirst:
			v.Account = later.Account
		default:
			maps.Copy(v.Cases, later.Cases)
			if v.Leads != nil { // only a decision that may start a case asks for them
				maps.Copy(v.Leads, later.Leads)
			}
		}
	}
	return nil
}

// Due implements ledger.Ledger.
func (w *world) Due(ctx context.Context, agent string, now time.Time) ([]string, error) {
	k := w.running
	r := w.yield(op{name: "due"})
	if r.err != nil {
		return nil, k.saw(r.err)
	}
	ids, err := w.ledger.Due(ctx, agent, now)
	k.story = mix(k.story, hashOf(fmt.Sprint(ids)))
	return ids, err
}

// Commit implements ledger.Ledger.
func (w *world) Commit(ctx context.Context, c gate.Change) error {
	k := w.running
	o := op{name: "commit", hash: hashOfChange(c)}
	for _, x := range c.Cases {
		o.id = x.Now.ID
		if x.Now.State == gate.Starting && x.Now.Attempt > x.Read.Attempt {
			k.claimed, k.attempt = x.Now.ID, x.Now.Attempt
		}
	}
	switch r := w.yield(o); {
	case r.err != nil:
		return k.saw(r.err)
	case r.unknown:
		return k.saw(ledger.ErrUnknown)
	case r.late:
		w.late = &c
		return k.saw(ledger.ErrUnknown)
	case r.lost:
		_ = w.apply(ctx, c)
		return k.saw(ledger.ErrUnknown)
	}
	return k.saw(w.apply(ctx, c))
}

// apply commits, and looks at what must hold for this change.
func (w *world) apply(ctx context.Context, c gate.Change) error {
	before := w.last
	err := w.ledger.Commit(ctx, c)
	w.last = w.look()
	if err == nil && w.wrong == "" {
		w.committed(before, c)
	}
	return err
}

func (w *world) applyLate() {
	c := *w.late
	w.late = nil
	_ = w.apply(context.Background(), c) // its conditions may not hold any more
}

// Call implements start.Agent.
func (w *world) Call(_ context.Context, m agent.Message) delivery.Answer {
	k := w.running
	k.called = w.now
	w.mayCall(k, m.IncidentID)
	if c := w.calls[m.IncidentID]; c != nil && c.refused {
		w.fail("case %s is sent again, although the Agent refused to hear it again", m.IncidentID)
	}
	r := w.yield(op{name: "call", id: m.IncidentID, hash: hashOf(m.IncidentID)})
	if r.answer == "" {
		r.answer = delivery.Received
	}
	ans := delivery.Answer{Reason: r.answer, Words: "scripted", SecretVersion: fmt.Sprint(w.version)}
	k.story = mix(k.story, hashOf(string(r.answer)))
	switch ans.Outcome() {
	case delivery.Accepted:
		w.sent(m.IncidentID)
		w.calls[m.IncidentID].accepted++
	case delivery.InDoubt:
		w.sent(m.IncidentID)
	case delivery.Refused:
		if c := w.calls[m.IncidentID]; c != nil && c.sent > 0 {
			c.refused = true
		}
	case delivery.Shut:
		w.version++ // somebody mends the secret at once
	}
	return ans
}

// sent: a request of this case may have reached the Agent.
func (w *world) sent(id string) {
	if w.calls[id] == nil {
		w.calls[id] = &calls{}
	}
	w.calls[id].sent++
}

// SecretVersion implements schedule.Secrets.
func (w *world) SecretVersion(context.Context) (string, error) {
	k := w.running
	w.yield(op{name: "secret"})
	k.story = mix(k.story, uint64(w.version))
	return fmt.Sprint(w.version), nil
}

// saw remembers what the worker was answered.
func (k *worker) saw(err error) error {
	if err != nil {
		k.story = mix(k.story, hashOf(err.Error()))
	} else {
		k.story = mix(k.story, 1)
	}
	return err
}
