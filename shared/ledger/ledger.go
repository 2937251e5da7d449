// Package ledger is the durable record of deliveries, incidents, cases and accounts, of what is remembered of monitor
// groups and environments, and of what was set by hand, as the gate's decisions need it.
//
// It has two homes with one behaviour: dynamoledger keeps it in one DynamoDB table, memledger in memory. Both pass the
// suite in ledgertest. A ledger knows no rules: it reads a View, and applies a Change whole or not at all.
//
// What every ledger promises:
//
//   - Look sees everything that was committed before it was called. The items of one Look may be of different moments;
//     every condition of a Change is checked at the commit, so this is harmless.
//   - Commit applies the Change in one step, or nothing. A conflict of transactions, a throttled request, or an answer
//     that was lost is tried again inside Commit, with the same request token, so that it is applied at most once.
//   - Due and List come from an index that may lag behind. Whoever acts on a case reads it again.
//   - A record past its time of life counts as absent, whether or not it was removed yet.
package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Life is how long a record is kept after it was last written. It is longer than a message can spend in the queue and
// the dead-letter queue together (4 and 14 days), so that a redriven delivery still finds its verdict.
const Life = 30 * 24 * time.Hour

// MaxDue bounds what one Due answers, for each bucket. It is well above gate.MaxRunning, so that doubts which cannot be
// repeated for now do not hide a lease that is over.
const MaxDue = 200

// How a commit can fail. Every other error means that nothing was applied: the store was down or refused the request.
var (
	// ErrConflict: a condition no longer holds. Read again and decide again; it is no failure.
	ErrConflict = errors.New("the ledger has moved on since it was read")
	// ErrUnknown: no usable answer came, also when asked again with the same token. The change may have been applied
	// or not, or may be applied yet. Nobody may call the Agent on it.
	ErrUnknown = errors.New("it is unknown whether the ledger has taken the change")
	// ErrUnreadable: a record is there, and this build cannot read it: another version has written it, or a hand. It
	// says nothing about any other record.
	ErrUnreadable = errors.New("the ledger holds a record that this build cannot read")
)

// Question names what a decision about an arriving alert must see.
type Question struct {
	Delivery string
	Incident alert.Incident
	Pointers []string // grouping keys; at most gate.MaxKeys
	Agent    string
	Group    string // the monitor group; "" for none
	Surge    string // the environment; "" for none
	Leads    bool   // also the alerts that opened the cases, for a decision that may start one
	Saw      bool   // also what the decision on the delivery rested on, which few decisions ask for again
}

// Ledger is what the dispatcher and the scheduler need. now is the caller's clock: what expired before it is absent.
type Ledger interface {
	// Look reads what is asked for and what was set by hand, in one round trip, and in a second one the cases that the
	// incident, the pointers and the surge name, if they name any. The delivery is without what its decision rested on,
	// unless that is asked for.
	Look(ctx context.Context, q Question, now time.Time) (gate.View, error)
	// LookCase reads a case, the alert that opened it, its Agent's account, and what was set by hand, in one round trip.
	// Where no case has the id, the View has the alert that was dropped and would have opened it, if there is one.
	// Without an id it reads the account and the cases that its reservations name; with ErrUnreadable the account and
	// what was set by hand are right all the same.
	LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error)
	// Commit applies a change whose Check is nil.
	Commit(ctx context.Context, c gate.Change) error
	// Due names the cases that the tick should look at: those in Timed whose time has come, the longest overdue first,
	// then those in Queue, best first. At most MaxDue of each.
	Due(ctx context.Context, agent string, now time.Time) ([]string, error)
}

// Outbox is what the one who tells needs besides. What is to be told gets there by Commit, with what makes it happen.
type Outbox interface {
	// Posts names the posts of an Agent that the tick should look at, the longest due first: at most MaxDue. Like Due it
	// comes from an index that may lag behind.
	Posts(ctx context.Context, agent string, now time.Time) ([]string, error)
	// Post reads one; the zero value when it is not there. One that has expired is not there, but what is noted later
	// takes it up again with all that it held, unless the store has removed it: nothing is told a second time for that.
	Post(ctx context.Context, id string, now time.Time) (gate.Post, error)
}

// Lister is what the operator's command needs besides.
type Lister interface {
	// List gives the cases of one bucket in its order; from and the returned next page through it, "" at both ends.
	List(ctx context.Context, agent string, b gate.Bucket, limit int, from string, now time.Time) (cases []gate.Case, next string, err error)
	// Verdict reads the whole record of one delivery, nil when there is none.
	Verdict(ctx context.Context, delivery string, now time.Time) (*gate.Delivery, error)
	// Incidents gives those of one monitor that were heard of last, by the later of Fire and Rec, the latest first: at
	// most limit, or MaxPage for a limit that is not positive or larger. It reads all that the ledger has of the monitor.
	Incidents(ctx context.Context, org, monitor string, limit int, now time.Time) ([]gate.Incident, error)
	// Untold gives the posts of an Agent that are not over, in the order in which the tick looks at them: at most MaxPage,
	// and whether there are more. GivenUp gives those that are over and hold something that was given up, and were settled
	// at since or later, the earliest first. Like Due both come from an index that may lag behind; what they give is read
	// again.
	Untold(ctx context.Context, agent string, now time.Time) (posts []gate.Post, more bool, err error)
	GivenUp(ctx context.Context, agent string, since, now time.Time) (posts []gate.Post, more bool, err error)
}
