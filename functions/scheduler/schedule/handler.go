// Package schedule is the tick: once a minute it asks the ledger what is due, and starts what fits, best first.
//
//	open a shut account if its secret is new → repair → ask for what is due → for each: read → gate → commit → (start)
//
// Trigger: an EventBridge schedule, every minute; it is the only timer there is. Output: cases moved on in the ledger,
// and calls to the Agent. Failure: a case that could not be moved is left for the next tick; a tick whose ledger does
// not answer ends with an error. Ticks may overlap or be missed: every commit is conditional on what the tick read.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// StopBefore is how long before its end a tick takes no new work: one start, from reading to settling, fits in it.
const StopBefore = 15 * time.Second

// Handler runs ticks. All fields are needed.
type Handler struct {
	Ledger  ledger.Ledger
	Starter *start.Starter
	Secrets Secrets
	Policy  gate.Policy
	Now     func() time.Time
	Log     *slog.Logger
	Metrics *telemetry.Recorder
}

// Secrets tells the version of the Agent's secret, read anew.
type Secrets interface {
	SecretVersion(ctx context.Context) (string, error)
}

// Handle runs one tick. The event says nothing that matters.
func (h *Handler) Handle(ctx context.Context, _ struct{}) (struct{}, error) {
	t := tick{Handler: h, began: h.Now()}
	err := t.run(ctx)
	t.record(ctx, err)
	return struct{}{}, err
}

// tick is one run, with what it did.
type tick struct {
	*Handler
	began    time.Time
	opened   bool // the account was shut and is open again
	repaired int
	due      int // cases that were looked at
	moved    int // cases that were moved on
	starts   int // calls to the Agent
	shut     bool
	lost     int // cases that somebody else moved first, or whose commit is unknown: left for the next tick
	left     int // cases that there was no time for
	trouble  error
}

func (t *tick) run(ctx context.Context) error {
	if err := t.account(ctx); err != nil {
		return err
	}
	ids, err := t.Ledger.Due(ctx, t.Policy.Agent, t.Now())
	if err != nil {
		return fmt.Errorf("the tick could not ask the ledger what is due: %w", err)
	}
	failed := 0
	for i, id := range ids {
		if end, ok := ctx.Deadline(); ok && t.Now().Add(StopBefore).After(end) {
			t.left = len(ids) - i
			break
		}
		if err := t.one(ctx, id); err != nil {
			t.trouble = errors.Join(t.trouble, err)
			if failed++; failed == maxFailed {
				t.left = len(ids) - i - 1
				break
			}
		}
	}
	return t.trouble
}

// maxFailed cases whose reading or writing fails end the tick: then it is not the cases.
const maxFailed = 3

// account opens an account whose secret has been mended, and gives back what no case stands behind.
func (t *tick) account(ctx context.Context) error {
	v, err := t.Ledger.LookCase(ctx, "", t.Policy.Agent, t.Now())
	if err != nil {
		return fmt.Errorf("the tick could not read the account %q: %w", t.Policy.Agent, err)
	}
	decisions := gate.Repair(v, t.Now())
	t.repaired = len(decisions)
	if t.shut = !v.Account.Shut.Since.IsZero(); t.shut {
		version, err := t.Secrets.SecretVersion(ctx)
		if err != nil { // the rest of the tick does not need it
			t.trouble = fmt.Errorf("the account %q is shut and the Agent's secret could not be read to open it: %w", t.Policy.Agent, err)
		} else {
			open := gate.Reopen(v.Account, version, t.Now())
			t.opened = !open.Change.Empty()
			decisions = append(decisions, open)
		}
	}
	for _, d := range decisions {
		if _, err := t.Starter.Run(ctx, d); err != nil && !raced(err) {
			return fmt.Errorf("the tick could not mend the account %q: %w", t.Policy.Agent, err)
		}
	}
	return nil
}

// one moves one case on. What was read is of this moment, not of the tick's beginning: the lease counts from it.
func (t *tick) one(ctx context.Context, id string) error {
	t.due++
	v, err := t.Ledger.LookCase(ctx, id, t.Policy.Agent, t.Now())
	if err != nil {
		return fmt.Errorf("the tick could not read case %s: %w", id, err)
	}
	d := gate.Due(v, id, t.Policy, t.Now())
	if d.Change.Empty() {
		return nil
	}
	var span telemetry.Span
	if d.Start != nil {
		ctx, span = telemetry.StartDue(ctx, d.Start.Case.Trace, id)
	}
	rep, err := t.Starter.Run(ctx, d)
	span.End(err)
	switch {
	case raced(err):
		t.lost++
		return nil
	case err != nil:
		return fmt.Errorf("the tick could not move case %s on (%s): %w", id, d.Did, err)
	}
	t.moved++
	if rep.Called {
		t.starts++
	}
	t.recordCase(ctx, d, rep)
	return nil
}

// raced: somebody else was first, or nobody knows. Either way the next tick looks again.
func raced(err error) bool {
	return errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrUnknown)
}
