package virtual

import (
	"context"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
)

// Ledger is what somebody who does something by hand has of the ledger.
type Ledger interface {
	ledger.Ledger
	ledger.Lister
	ledger.Outbox
}

// watch is the ledger as the functions see it: every call is a step, and what is committed is told.
type watch struct {
	*memledger.Ledger
	b    *Bridge
	open map[string]bool // cases that a tick could have something to do with
	shut map[string]bool // accounts that are
}

// Look implements ledger.Ledger.
func (w *watch) Look(ctx context.Context, q ledger.Question, now time.Time) (v gate.View, err error) {
	err = w.b.step(ctx, Look, func() (err error) {
		w.b.running.reads()
		v, err = w.Ledger.Look(ctx, q, now)
		w.b.running.found = v.Delivery
		return err
	}, nil)
	return v, err
}

// LookCase implements ledger.Ledger.
func (w *watch) LookCase(ctx context.Context, id, agent string, now time.Time) (v gate.View, err error) {
	err = w.b.step(ctx, LookCase, func() (err error) {
		w.b.running.reads()
		v, err = w.Ledger.LookCase(ctx, id, agent, now)
		return err
	}, nil)
	return v, err
}

// Due implements ledger.Ledger.
func (w *watch) Due(ctx context.Context, agent string, now time.Time) (ids []string, err error) {
	err = w.b.step(ctx, Due, func() (err error) { ids, err = w.Ledger.Due(ctx, agent, now); return err }, nil)
	return ids, err
}

// Commit implements ledger.Ledger.
func (w *watch) Commit(ctx context.Context, c gate.Change) error {
	i := w.b.running
	do := func() error {
		if err := w.Ledger.Commit(context.WithoutCancel(ctx), c); err != nil {
			return err
		}
		w.committed(i, c)
		return nil
	}
	return w.b.step(ctx, Commit, do, do)
}

func (w *watch) committed(i *invocation, c gate.Change) {
	if w.b.o.OnCommit != nil {
		w.b.o.OnCommit(Committed{
			At: w.b.now, Role: i.role, Invocation: i.id, Called: i.called, Alone: i.seen == w.b.commits-i.own, Change: c,
		})
	}
	w.b.commits++
	i.own++
	w.b.noted(c)
	if d := c.Delivery; d != nil {
		i.decided = true
		w.b.tell(Verdict{Record: *d, Verdict: d.Verdict, Reason: d.Reason})
	}
	for _, cw := range c.Cases {
		w.moved(i, cw)
	}
	if a := c.Account; a != nil && a.Shut != nil {
		if a.Shut.Since.IsZero() {
			delete(w.shut, a.Agent)
		} else {
			w.shut[a.Agent] = true
		}
	}
}

func (w *watch) moved(i *invocation, cw gate.CaseWrite) {
	if b := cw.Now.Bucket(); b == gate.Queue || b == gate.Timed {
		w.open[cw.Now.ID] = true
	} else {
		delete(w.open, cw.Now.ID)
	}
	if w.b.o.OnCase == nil || cw.Read.State == cw.Now.State && cw.Read.Version == cw.Now.Version {
		return
	}
	w.b.o.OnCase(Move{At: w.b.now, Role: i.role, From: cw.Read.State, To: cw.Now.State, Did: did(i, cw), Case: cw.Now})
}

// did says in the gate's words what happened to the case.
func did(i *invocation, cw gate.CaseWrite) gate.Did {
	from, to := cw.Read.State, cw.Now.State
	switch {
	case from == "":
		return gate.Opens
	case !cw.Read.Confirmed() && cw.Now.Confirmed() && to == gate.Started:
		return gate.Confirms
	case from == gate.Starting && i.called:
		return gate.Settles
	case to == gate.Starting && from == gate.InDoubt:
		return gate.Repeats
	case to == gate.Starting && from != gate.Starting:
		return gate.Starts
	case to == gate.Ended && from != gate.Ended:
		return gate.Ends
	case i.role == Follower || from == gate.Started && to == gate.Started:
		return gate.Learns
	case to == gate.InDoubt && from == gate.Starting:
		return gate.Doubts
	case to == gate.InDoubt && cw.Now.Resting && !cw.Read.Resting:
		return gate.Releases
	case from == gate.Starting && to != gate.Starting:
		return gate.Settles
	case to == gate.Waiting && (cw.Now.Why != cw.Read.Why || !cw.Now.Until.Equal(cw.Read.Until)):
		return gate.Explains
	}
	return gate.Joins
}
