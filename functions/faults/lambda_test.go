package faults_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// invocation is one run of a function. It is found in the context of whatever the function calls.
type invocation struct {
	w        *world
	function string
	end      time.Time // when Lambda kills it
	cancel   context.CancelFunc
	claimed  bool            // a start is committed and not settled
	hears    bool            // the event of the Agent's that the scene is about
	asked    map[string]bool // by case: the Agent's API was asked about it
	about    string          // the post that it has read last
	took     string          // the post that it has claimed last

	over atomic.Bool // the handler has returned

	mu   sync.Mutex
	dead bool // Lambda has killed it
}

type invocationKey struct{}

func of(ctx context.Context) *invocation { return ctx.Value(invocationKey{}).(*invocation) }

var errKilled = errors.New("task timed out")

// invoke runs a function as Lambda does. It returns when the handler has, or when its time is over, and then nothing of
// it may go on. A function that was killed takes its environment with it, and all that it remembers.
func invoke[In, Out any](w *world, function string, h func(context.Context, In) (Out, error), in In) (inv *invocation, out Out, err error) {
	timeout := w.numbers[function]
	inv = &invocation{w: w, function: function, end: time.Now().Add(timeout)}
	ctx, cancel := context.WithDeadline(context.WithValue(w.t.Context(), invocationKey{}, inv), inv.end)
	defer cancel()
	inv.cancel = cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		out, err = h(ctx, in)
	}()
	<-done
	inv.over.Store(true)
	if inv.isDead() {
		var none Out
		out, err = none, errKilled
		w.env[function] = w.newEnvironment(function)
	} else if time.Now().After(inv.end) {
		w.t.Errorf("%s was not done in its %s", function, timeout)
	}
	return inv, out, err
}

func (i *invocation) isDead() bool { i.mu.Lock(); defer i.mu.Unlock(); return i.dead }

// pass is called at each step, before anything is asked, and says which fault is met there. What is the same at every
// step happens here.
func (i *invocation) pass(s step) fault {
	w := i.w
	switch {
	case i.isDead():
		runtime.Goexit()
	case i.over.Load() && s != acknowledge && s != forget: // which are Lambda's
		w.t.Errorf("%s is at %q after its handler has returned", i.function, s)
	}
	concerns := w.concerns(i, s)
	w.mu.Lock()
	if concerns {
		w.passed = append(w.passed, s)
	}
	mine := concerns && s == w.row.step && (w.victim == nil || w.victim == i)
	if w.row.fault == conflict { // whoever is at work
		mine = concerns && s == w.row.step && w.struck < 10
	}
	if mine {
		w.victim, w.struck = i, w.struck+1
	}
	first := mine && w.struck == 1
	w.mu.Unlock()
	switch f := w.row.fault; {
	case !mine:
		return ""
	case f == killed:
		time.Sleep(time.Until(i.end))
		i.mu.Lock()
		i.dead = true
		i.mu.Unlock()
		runtime.Goexit()
	case f == cancelled:
		i.cancel()
	case f == panics && first:
		panic("planted")
	case f == overlaps && first:
		other := w.newEnvironment(scheduler)
		if _, _, err := invoke(w, scheduler, other.schedule, struct{}{}); err != nil {
			w.t.Errorf("the other tick: %v", err)
		}
	case f == lost && !first, f == rotated && !first, f == rotatedThere && !first:
		return ""
	default:
		return f
	}
	return ""
}

// wait lets time go by, and says whether the context outlived it.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// acknowledge is what Lambda does after the handler: it takes the answer and deletes the message.
func (w *world) acknowledge(i *invocation) error {
	deleted, err := w.deletes(i, acknowledge)
	if err == nil && !deleted {
		w.queue.LoseDeletes(1)
	}
	return err
}

// deletes tells whether a message that was answered for is deleted.
func (w *world) deletes(i *invocation, s step) (bool, error) {
	ended := make(chan fault, 1)
	go func() {
		defer close(ended)
		ended <- i.pass(s)
	}()
	switch f, alive := <-ended; {
	case !alive:
		w.env[i.function] = w.newEnvironment(i.function)
		return false, errKilled
	case f == slow:
		time.Sleep(slowQueue)
	case f != "": // the request to delete it does not come through
		return false, nil
	}
	return true, nil
}
