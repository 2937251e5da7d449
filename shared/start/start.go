// Package start is the one way to the Agent: claim, call, settle. The dispatcher and the scheduler both go through it.
//
// A start begins with a gate.Decision. Run commits it (the claim); only when that commit was answered with success is
// the Agent called, once; and what became of the call is settled in the ledger. A crash at any point leaves a case that
// is starting, whose lease runs out, and the next tick makes it a doubt. Nothing is ever repeated from a message.
//
// The call begins only while there is time for it and for the settle, before the invocation ends and before the lease
// ends on the slowest clock. So a request is never on its way after another process has called the case in doubt. No
// goroutine outlives Run.
package start

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Numbers that belong together (docs/architecture.md, "Numbers").
const (
	// DecideTime is what reading and deciding may take for one message, lost races included.
	DecideTime = 5 * time.Second
	// CommitTime is what one commit may take, its retries included.
	CommitTime = 3 * time.Second
	// SettleTime is kept free for the settle when a call begins, and is all that a settle takes.
	SettleTime = 3 * time.Second
)

// Starter runs decisions. All fields are needed.
type Starter struct {
	Ledger ledger.Ledger
	Agents map[string]Agent // by the name of their account
	Now    func() time.Time
}

// Agent is the one call that starts an investigation. Call returns within agent.CallDeadline and never fails: what
// happened is in the answer.
type Agent interface {
	Call(ctx context.Context, m agent.Message) delivery.Answer
}

// Report is what a Run did, for the log and the counters.
type Report struct {
	Called  bool // false with a claim: there was no time, nothing was sent
	Doubted bool // the call has raised a doubt
	Left    bool // nothing more is tried by itself for its doubt: it is for a person
	Beyond  bool // the budget had no money for it
	Answer  *delivery.Answer
	Case    gate.Case // as settled; as claimed when it could not be settled
	Message agent.Message
	// Unsettled says why the call's outcome is not in the ledger. The case's lease will run out and the tick will take
	// it up as a doubt; the alert has its verdict all the same.
	Unsettled error
}

// Run commits a decision and, when it claims a start, calls the Agent and settles.
//
// The error is the commit's alone: ledger.ErrConflict, ledger.ErrUnknown (nothing was called), or the store's. After a
// commit that went through there is no error any more, for the message has its verdict.
func (s *Starter) Run(ctx context.Context, d gate.Decision) (Report, error) {
	if d.Change.Empty() {
		return Report{}, nil
	}
	if err := s.commit(ctx, d.Change); err != nil {
		return Report{}, err
	}
	if d.Start == nil {
		return Report{}, nil
	}
	rep := Report{Case: d.Start.Case, Message: message(*d.Start), Beyond: d.Start.Beyond}
	ans := delivery.Answer{Reason: delivery.OutOfTime, Words: "no time was left in this invocation to call the Agent"}
	if s.timeToCall(ctx, *d.Start) {
		ans = s.call(ctx, d.Start.Case.Agent, rep.Message)
		rep.Called = ans.Reason != delivery.OutOfTime
	}
	rep.Answer = &ans
	rep.Case, rep.Unsettled = s.settle(ctx, *d.Start, ans)
	rep.Doubted = rep.Case.Doubts > d.Start.Case.Doubts
	rep.Left = rep.Case.NoRepeat && (rep.Doubted || !d.Start.Case.NoRepeat)
	return rep, nil
}

func (s *Starter) commit(ctx context.Context, c gate.Change) error {
	ctx, cancel := clock.WithTimeout(ctx, CommitTime)
	defer cancel()
	return s.Ledger.Commit(ctx, c)
}

// timeToCall: the whole call and its settle must fit before this invocation ends, and before any other process can see
// the lease as over.
func (s *Starter) timeToCall(ctx context.Context, cl gate.Claim) bool {
	done := s.Now().Add(agent.CallDeadline + SettleTime)
	if end, ok := ctx.Deadline(); ok && done.After(end) {
		return false
	}
	return !done.After(cl.Case.Until.Add(-gate.ClockDifference))
}

// call calls the case's own Agent.
func (s *Starter) call(ctx context.Context, name string, m agent.Message) delivery.Answer {
	if a, there := s.Agents[name]; there {
		return a.Call(ctx, m)
	}
	return delivery.Answer{Reason: delivery.SecretMissing, Words: fmt.Sprintf("this function knows no Agent called %q", name)}
}

// settle writes the outcome. When others have written to the case meanwhile, or have counted a failed call of theirs,
// case and account are read again: the gate then says whether the call still has something to settle. An answer that was
// lost is settled again; its condition makes that harmless.
func (s *Starter) settle(ctx context.Context, cl gate.Claim, ans delivery.Answer) (gate.Case, error) {
	ctx, cancel := clock.WithTimeout(ctx, SettleTime)
	defer cancel()
	c := cl.Case
	for try := 1; ; try++ {
		dec := gate.Settle(c, cl, ans, s.Now())
		if dec.Change.Empty() {
			return c, nil
		}
		err := s.Ledger.Commit(ctx, dec.Change)
		switch {
		case err == nil:
			return dec.Change.Cases[0].Now, nil
		case try == settleTries || !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrUnknown):
			return c, fmt.Errorf("the Agent's answer (%s) is not in the ledger: %w", ans.Reason, err)
		}
		v, err := s.Ledger.LookCase(ctx, c.ID, c.Agent, s.Now())
		if err != nil {
			return c, fmt.Errorf("the Agent's answer (%s) is not in the ledger: %w", ans.Reason, err)
		}
		there := false
		if c, there = v.Cases[c.ID]; !there {
			return cl.Case, fmt.Errorf("the Agent's answer (%s) is not in the ledger: its case is not there any more", ans.Reason)
		}
		cl.Down = v.Account.Down
	}
}

// settleTries bounds lost races of a settle. Ten dispatchers and two ticks that overlap fail together at the most, and
// each of the others makes this one lose once; a join makes it lose only if it makes the case more severe, at most four
// times.
const settleTries = 16
