package ledgertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Op names an operation of a ledger.
type Op string

// The operations.
const (
	Look     Op = "Look"
	LookCase Op = "LookCase"
	Commit   Op = "Commit"
	Due      Op = "Due"
)

// Call is one call of an operation, as a hook sees it.
type Call struct {
	Op     Op
	N      int             // which call of this operation it is, from 1
	Ask    ledger.Question // of Look
	Case   string          // of LookCase
	Change gate.Change     // of Commit
}

// ErrDown is what a store answers that is down: nothing was applied.
var ErrDown = errors.New("the ledger's store cannot be reached")

// Between is a ledger that stands between a caller and another one, counts what passes and does what a test asks. The
// zero value is not usable; begin with Stand. It is safe for use by many goroutines. Hooks run without a lock, so they
// may call the ledger behind it, and may wait.
type Between struct {
	behind ledger.Ledger

	mu     sync.Mutex
	before []func(context.Context, Call) error
	after  []func(context.Context, Call, error) error
	calls  []Call
	trips  map[Op]int
}

// Stand puts a Between before a ledger.
func Stand(behind ledger.Ledger) *Between {
	return &Between{behind: behind, trips: map[Op]int{}}
}

// Before adds a hook that runs before each call. When it gives an error, the call is not made and ends in that error.
func (b *Between) Before(hook func(context.Context, Call) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.before = append(b.before, hook)
}

// After adds a hook that runs after each call that was made, with its error, and gives the error that the caller sees.
func (b *Between) After(hook func(context.Context, Call, error) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.after = append(b.after, hook)
}

// Clear takes all hooks away; the counts stay.
func (b *Between) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.before, b.after = nil, nil
}

// Fail lets the next n calls of an operation end in err, without being made. With n below 0 it never ends.
func (b *Between) Fail(op Op, n int, err error) {
	next := atMost(n)
	b.Before(func(_ context.Context, c Call) error {
		if c.Op == op && next() {
			return err
		}
		return nil
	})
}

// Down makes every operation fail with ErrDown until Clear.
func (b *Between) Down() {
	b.Before(func(context.Context, Call) error { return ErrDown })
}

// Conflict lets the next n commits lose against another, without being made.
func (b *Between) Conflict(n int) { b.Fail(Commit, n, ledger.ErrConflict) }

// LoseBefore lets the next n commits be lost on the way: not applied, and nobody can know.
func (b *Between) LoseBefore(n int) { b.Fail(Commit, n, ledger.ErrUnknown) }

// LoseAnswer lets the answers of the next n commits be lost: applied where the conditions held, and nobody can know.
func (b *Between) LoseAnswer(n int) {
	next := atMost(n)
	b.After(func(_ context.Context, c Call, err error) error {
		if c.Op == Commit && next() {
			return ledger.ErrUnknown
		}
		return err
	})
}

// Slow makes each call of an operation take that long before it is made, or until its context ends.
func (b *Between) Slow(op Op, d time.Duration) {
	b.Before(func(ctx context.Context, c Call) error {
		if c.Op != op {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	})
}

// atMost gives a function that is true the first n times; always with n below 0.
func atMost(n int) func() bool {
	var mu sync.Mutex
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		if n == 0 {
			return false
		}
		n--
		return true
	}
}

// Calls lists the calls so far, in the order in which they began.
func (b *Between) Calls() []Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

// Count is the number of calls of one operation so far.
func (b *Between) Count(op Op) int {
	n := 0
	for _, c := range b.Calls() {
		if c.Op == op {
			n++
		}
	}
	return n
}

// Trips is how many round trips to the table the calls so far would have cost with dynamoledger, for one operation or,
// without a name, for all: a Look one, or two when something that it read names a case; a LookCase one, or two without
// an id and with reservations; a Commit one; a Due two. What dynamoledger asks again after a failure is not counted.
func (b *Between) Trips(op Op) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if op != "" {
		return b.trips[op]
	}
	sum := 0
	for _, n := range b.trips {
		sum += n
	}
	return sum
}

// Reset sets all counts to zero.
func (b *Between) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls, b.trips = nil, map[Op]int{}
}

// Look implements ledger.Ledger.
func (b *Between) Look(ctx context.Context, q ledger.Question, now time.Time) (v gate.View, err error) {
	err = b.pass(ctx, Call{Op: Look, Ask: q}, func() (int, error) {
		v, err = b.behind.Look(ctx, q, now)
		if v.Incident.Case != "" || v.Surge.Case != "" || len(v.Pointers) > 0 {
			return 2, err
		}
		return 1, err
	})
	return v, err
}

// LookCase implements ledger.Ledger.
func (b *Between) LookCase(ctx context.Context, id, agent string, now time.Time) (v gate.View, err error) {
	err = b.pass(ctx, Call{Op: LookCase, Case: id}, func() (int, error) {
		v, err = b.behind.LookCase(ctx, id, agent, now)
		if id == "" && len(v.Account.Running) > 0 {
			return 2, err
		}
		return 1, err
	})
	return v, err
}

// Commit implements ledger.Ledger.
func (b *Between) Commit(ctx context.Context, c gate.Change) error {
	return b.pass(ctx, Call{Op: Commit, Change: c}, func() (int, error) {
		if c.Empty() {
			return 0, b.behind.Commit(ctx, c)
		}
		return 1, b.behind.Commit(ctx, c)
	})
}

// Due implements ledger.Ledger.
func (b *Between) Due(ctx context.Context, agent string, now time.Time) (ids []string, err error) {
	err = b.pass(ctx, Call{Op: Due}, func() (int, error) {
		ids, err = b.behind.Due(ctx, agent, now)
		return 2, err
	})
	return ids, err
}

// pass runs the hooks around one call and counts it. A call that a hook stopped counts as one trip: the request left.
func (b *Between) pass(ctx context.Context, c Call, do func() (int, error)) error {
	before, after := b.begin(&c)
	for _, hook := range before {
		if err := hook(ctx, c); err != nil {
			b.count(c.Op, 1)
			return err
		}
	}
	trips, err := do()
	b.count(c.Op, trips)
	for _, hook := range after {
		err = hook(ctx, c, err)
	}
	return err
}

func (b *Between) begin(c *Call) (before []func(context.Context, Call) error, after []func(context.Context, Call, error) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.N = 1
	for _, old := range b.calls {
		if old.Op == c.Op {
			c.N++
		}
	}
	b.calls = append(b.calls, *c)
	return slices.Clone(b.before), slices.Clone(b.after)
}

func (b *Between) count(op Op, trips int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trips[op] += trips
}
