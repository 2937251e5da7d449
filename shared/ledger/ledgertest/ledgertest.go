// Package ledgertest holds what tests of and on a ledger need: the suite that every ledger passes (Run), the largest
// records that a ledger can be given (Largest), and a ledger that fails on request and counts (Between).
//
// The suite knows nothing of a store. It reads what a process would read, builds the change that a decision would ask
// for, lets another process come in between, and looks at what is there afterwards. Every condition that a change can
// carry has a row of its own in conditions.go, and so has everything that must not be a condition.
package ledgertest

import (
	"testing"

	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Harness is one empty ledger with its three faces.
type Harness struct {
	Ledger ledger.Ledger
	Outbox ledger.Outbox
	Lister ledger.Lister
}

// Run runs the suite. open gives a new, empty ledger each time that it is called.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, group := range []struct {
		name string
		test func(*testing.T, func(*testing.T) Harness)
	}{
		{"reads", testReads},
		{"conditions", testConditions},
		{"counts", testCounts},
		{"members", testMembers},
		{"accounts", testAccounts},
		{"life", testLife},
		{"round trip", testRoundTrip},
		{"buckets", testBuckets},
		{"refusals", testRefusals},
		{"posts", testPosts},
		{"contests", testContests},
		{"largest", testLargest},
		{"what a decision saw", testSaw},
	} {
		t.Run(group.name, func(t *testing.T) { group.test(t, open) })
	}
}
