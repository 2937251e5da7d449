package virtual

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Role is what kind of invocation somebody is.
type Role string

// The roles.
const (
	Ingest     Role = "ingest"
	Dispatcher Role = "dispatcher"
	Scheduler  Role = "scheduler"
	Follower   Role = "outcome" // takes in the Agent's events
	ByHand     Role = "hand"
	Teller     Role = "teller" // tells what has happened, behind each tick
)

// Step is what an invocation is about to do.
type Step struct {
	At         time.Time
	Invocation int // counted from 1
	Role       Role
	N          int // of its steps, from 1
	Op         Op
}

// Op is a kind of step.
type Op string

// The steps at which an invocation meets the world.
const (
	Send     Op = "send"      // to the queue
	Look     Op = "look"      // at an alert's view
	LookCase Op = "look_case" // at one case, or at an account
	Due      Op = "due"
	Commit   Op = "commit"
	Calling  Op = "call" // the Agent
	Asking   Op = "ask"  // the Agent's API
	Posts    Op = "posts"
	Post     Op = "post"
	Telling  Op = "tell" // a place where people look
)

// Outcome is what becomes of a step. The zero value: it goes as it should, and takes no time.
type Outcome struct {
	Wait  time.Duration // before it
	Crash bool          // instead of it: the invocation ends there, and nobody is told
	Err   error         // is its answer, and it is not done
	Taken bool          // with Err or CrashAfter: it is done all the same
	Late  time.Duration // with Err, of a commit: it is done so much later
	After time.Duration // passes after it, before the answer
	// CrashAfter ends the invocation after the step.
	CrashAfter bool
}

// errDead is what an invocation that has ended is told by everything it still asks: it can do nothing any more.
var errDead = errors.New("this invocation has ended")

// invocation is one run of a function. It is the clock of its own context.
type invocation struct {
	b      *Bridge
	id     int
	role   Role
	steps  int
	began  time.Time
	end    time.Time // when it is killed
	skew   time.Duration
	dead   bool
	worker *worker
	do     func(context.Context, *invocation)

	called  bool           // it has called the Agent
	kase    string         // and last for this case
	decided bool           // a dispatcher: its message has got its verdict
	found   *gate.Delivery // and had got it before
	failed  bool           // its handler returned an error
	own     int            // commits of its own
	seen    int            // commits of all others when it last read
	before  int            // and when it began
	event   gate.Task      // what its event says, of one that takes in an event
}

// worker is a coroutine that runs one invocation after the other.
type worker struct {
	job   *invocation
	yield func(struct{}) bool
	next  func() (struct{}, bool)
	stop  func()
}

// begin starts an invocation, and runs it until it waits for the first time.
func (b *Bridge) begin(role Role, limit time.Duration, do func(context.Context, *invocation)) {
	b.begun++
	i := &invocation{b: b, id: b.begun, role: role, end: b.now.Add(limit), do: do}
	if b.o.Skew != nil {
		i.skew = b.o.Skew(role, b.now)
	}
	if n := len(b.idle); n > 0 {
		i.worker, b.idle = b.idle[n-1], b.idle[:n-1]
	} else {
		i.worker = newWorker()
	}
	i.worker.job = i
	i.reads()
	i.before = i.seen
	i.began = b.now
	b.resume(i.worker)
}

// reads: what others commit from now on, it does not know.
func (i *invocation) reads() { i.seen = i.b.commits - i.own }

// ended tells that it is over.
func (i *invocation) ended() {
	if b := i.b; b.o.OnEnd != nil {
		b.o.OnEnd(Ended{
			At: b.now, Role: i.role, Invocation: i.id, Began: i.began, Skew: i.skew, Dead: i.dead || !b.now.Before(i.end),
			Failed: i.failed, Alone: i.before == b.commits-i.own, Commits: i.own,
			Event: i.event,
		})
	}
}

func newWorker() *worker {
	w := &worker{}
	w.next, w.stop = iter.Pull(func(yield func(struct{}) bool) {
		w.yield = yield
		for w.job != nil {
			i := w.job
			i.do(clock.With(life{context.Background(), i}, i), i)
			i.ended()
			w.job = nil
			if !yield(struct{}{}) {
				return
			}
		}
	})
	return w
}

// resume runs an invocation until it waits or is done.
func (b *Bridge) resume(w *worker) {
	before := b.running
	b.running = w.job
	w.next()
	b.running = before
	if w.job == nil {
		b.idle = append(b.idle, w)
	}
}

// local is the time on the clock of the invocation that runs.
func (b *Bridge) local() time.Time {
	if b.running == nil {
		return b.now
	}
	return b.running.Now()
}

// Now implements clock.Clock.
func (i *invocation) Now() time.Time { return i.b.now.Add(i.skew) }

// Jitter implements clock.Clock.
func (i *invocation) Jitter(longest time.Duration) time.Duration {
	if i.role == Teller {
		return time.Duration(i.b.fate.Int64N(int64(longest))).Truncate(time.Millisecond)
	}
	return time.Duration(i.b.dice.Int64N(int64(longest))).Truncate(time.Millisecond)
}

// Sleep implements clock.Clock: others run meanwhile.
func (i *invocation) Sleep(ctx context.Context, d time.Duration) error {
	if i.dead {
		return errDead
	}
	if d > 0 {
		wake := i.b.now.Add(d)
		if end, bounded := ctx.Deadline(); bounded && end.Add(-i.skew).Before(wake) {
			wake = later(i.b.now, end.Add(-i.skew))
		}
		i.pass(wake)
	}
	return ctx.Err()
}

// pass waits until then, or until the invocation is killed.
func (i *invocation) pass(wake time.Time) {
	if i.end.Before(wake) {
		wake = i.end
	}
	w := i.worker
	i.b.agenda.push(event{at: wake, worker: w})
	if !w.yield(struct{}{}) || !i.b.now.Before(i.end) {
		i.dead = true
	}
}

// life is the context of an invocation: it ends when the function's time is up.
type life struct {
	context.Context
	i *invocation
}

// Deadline implements context.Context, on the invocation's own clock.
func (l life) Deadline() (time.Time, bool) { return l.i.end.Add(l.i.skew), true }

// Err implements context.Context.
func (l life) Err() error {
	switch {
	case l.i.dead:
		return context.Canceled
	case !l.i.b.now.Before(l.i.end):
		return context.DeadlineExceeded
	}
	return nil
}

// step does something that meets the world, unless Meddle has other plans. do is called at most once. What can be done
// when nobody waits for it any more is given as late, too; for all else that is nil, so that do stays on the caller's stack.
func (b *Bridge) step(ctx context.Context, op Op, do, late func() error) error {
	i := b.running
	if i.dead {
		return errDead
	}
	if b.o.Meddle == nil {
		return do()
	}
	i.steps++
	o := b.o.Meddle(Step{At: b.now, Invocation: i.id, Role: i.role, N: i.steps, Op: op})
	if o.Wait > 0 {
		if err := i.Sleep(ctx, o.Wait); err != nil {
			return err
		}
	}
	if o.Crash {
		i.dead = true
		return errDead
	}
	err := o.Err
	if err == nil || o.Taken {
		if did := do(); err == nil {
			err = did
		}
	}
	if o.Err != nil && o.Late > 0 && !o.Taken && late != nil {
		b.At(b.now.Add(o.Late), func() { _ = late() })
	}
	if o.CrashAfter {
		i.dead = true
		return errDead
	}
	if o.After > 0 {
		if ended := i.Sleep(ctx, o.After); ended != nil && err == nil {
			return ended
		}
	}
	return err
}
