package faults_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/queue/memqueue"
)

// What slow is: much of the time that each may take, and it still succeeds.
const (
	slowStore   = 800 * time.Millisecond  // of schedule.ReadTime, the least that a reading or a commit has
	slowQueue   = 5 * time.Second         // of sqsqueue's and memqueue's six
	slowSecrets = 1500 * time.Millisecond // of awssecret.TryTimeout
	slowAgent   = 5 * time.Second         // of agent.CallDeadline
)

var errDown = errors.New("it does not answer")

// storeDoor is the ledger, which fails as dynamoledger does: within its own time, and with ErrUnknown where a commit had
// no answer.
type storeDoor struct {
	ledger.Ledger
	w *world
}

func (d *storeDoor) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	if err := troubled(ctx, of(ctx).pass(look)); err != nil {
		return gate.View{}, err
	}
	return d.Ledger.Look(ctx, q, now)
}

func (d *storeDoor) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	switch inv := of(ctx); {
	case inv.function == outcome:
		if err := troubled(ctx, inv.pass(lookHeard)); err != nil {
			return gate.View{}, err
		}
	case inv.asked[id]:
		if err := troubled(ctx, inv.pass(lookFound)); err != nil {
			return gate.View{}, err
		}
	case inv.claimed: // a settle that lost a race reads again: a part of that step
	case id == "":
		if err := troubled(ctx, inv.pass(lookAccount)); err != nil {
			return gate.View{}, err
		}
	default:
		if err := troubled(ctx, inv.pass(lookCase)); err != nil {
			return gate.View{}, err
		}
	}
	return d.Ledger.LookCase(ctx, id, agent, now)
}

func (d *storeDoor) Due(ctx context.Context, agent string, now time.Time) ([]string, error) {
	if err := troubled(ctx, of(ctx).pass(due)); err != nil {
		return nil, err
	}
	return d.Ledger.Due(ctx, agent, now)
}

func (d *storeDoor) Commit(ctx context.Context, c gate.Change) error {
	inv := of(ctx)
	return applied(ctx, inv.pass(inv.stepOf(c)), func() error { return d.apply(ctx, c) })
}

// applied lets a commit meet a fault.
func applied(ctx context.Context, f fault, apply func() error) error {
	switch f {
	case conflict:
		return ledger.ErrConflict
	case lost:
		if err := apply(); err != nil {
			return err
		}
		return ledger.ErrUnknown
	case hangs:
		return fmt.Errorf("%w: %w", ledger.ErrUnknown, troubled(ctx, f))
	default:
		if err := troubled(ctx, f); err != nil {
			return err
		}
	}
	return apply()
}

// troubled lets a request to the store meet what is the same for reading and writing.
func troubled(ctx context.Context, f fault) error {
	switch f {
	case down:
		return errDown
	case slow:
		wait(ctx, slowStore)
	case throttled, hangs: // it is asked again until the time is over
		if wait(ctx, dynamoledger.DefaultOverall) {
			return errDown
		}
		return ctx.Err()
	}
	return nil
}

func (d *storeDoor) apply(ctx context.Context, c gate.Change) error {
	err := d.Ledger.Commit(ctx, c)
	if err == nil {
		of(ctx).claimed = claims(c)
	}
	return err
}

func claims(c gate.Change) bool {
	return len(c.Cases) > 0 && c.Cases[0].Now.State == gate.Starting && c.Cases[0].Now.Attempt > c.Cases[0].Read.Attempt
}

// stepOf tells which step a commit is.
func (i *invocation) stepOf(c gate.Change) step {
	switch {
	case i.function == outcome:
		return commitHeard
	case len(c.Cases) == 1 && i.asked[c.Cases[0].Now.ID]:
		return commitFound
	case i.claimed && i.function == dispatcher:
		return settle
	case i.claimed:
		return tickSettle
	case i.function == dispatcher:
		return commit
	case c.Account != nil && c.Account.OpenedBy != nil:
		return openAccount
	case len(c.Cases) == 0:
		return repair
	}
	return commitCase
}

// queueDoor is the queue's end for ingest.
type queueDoor struct{ w *world }

func (d queueDoor) Send(ctx context.Context, e queue.Envelope, attributes map[string]string) error {
	trouble := memqueue.Trouble{}
	switch of(ctx).pass(send) {
	case down:
		trouble.Fault = queue.Unavailable
	case throttled: // it is asked again, in vain
		trouble = memqueue.Trouble{Delay: slowQueue, Fault: queue.Unavailable}
	case slow:
		trouble.Delay = slowQueue
	case hangs:
		trouble.Delay = memqueue.Forever
	case lost:
		trouble = memqueue.Trouble{Taken: true, Fault: queue.Unavailable}
	}
	d.w.queue.SetTrouble(func(int) memqueue.Trouble { return trouble })
	return d.w.queue.Send(ctx, e, attributes)
}
