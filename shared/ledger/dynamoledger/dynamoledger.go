// Package dynamoledger is the ledger in one DynamoDB table.
//
// docs/table.md shows the table: its keys, what each item holds, what every operation costs. The items are encoded by
// hand (item.go, records.go), each with the number of its format, so that a build which does not know a format says so
// instead of misreading it.
//
// One Change is one TransactWriteItems (commit.go, with expression.go). A case that is there is never written as a
// whole: the state machine's part is set under the case's version, what joins count is added under the facts that the
// decision used, so any number of joins pass each other and pass a start.
//
// How failures are met is in one place (ask.go). The SDK's own retries are switched off for every request: what is
// asked again, how often and for how long is decided here, for only here is it known that a transaction may be asked
// again to the letter, with the token it was first sent with, and that an unanswered one must never be taken for one
// that was not applied.
package dynamoledger

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/alertbridge/alertbridge/shared/ledger"
)

// API is what the ledger needs of *dynamodb.Client.
type API interface {
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Options bound the time that an operation may take, within its context's deadline.
type Options struct {
	// Attempt bounds one request and its answer; 0 is DefaultAttempt.
	Attempt time.Duration
	// Overall bounds an operation with everything that is asked again; 0 is DefaultOverall. The second round trip of a
	// Look has a time of its own.
	Overall time.Duration
}

// The bounds that hold unless Options say otherwise. A healthy table answers within 20 ms.
const (
	DefaultAttempt = 1500 * time.Millisecond
	DefaultOverall = 5 * time.Second
)

// Ledger keeps the record in one table. It is safe for use by many goroutines.
type Ledger struct {
	api     API
	table   string
	attempt time.Duration
	overall time.Duration
}

var (
	_ ledger.Ledger = (*Ledger)(nil)
	_ ledger.Outbox = (*Ledger)(nil)
	_ ledger.Lister = (*Ledger)(nil)
	_ API           = (*dynamodb.Client)(nil)
)

// New makes a ledger on a table that exists. It sends nothing.
func New(client API, table string, o Options) *Ledger {
	l := &Ledger{api: client, table: table, attempt: o.Attempt, overall: o.Overall}
	if l.attempt <= 0 {
		l.attempt = DefaultAttempt
	}
	if l.overall <= 0 {
		l.overall = DefaultOverall
	}
	return l
}
