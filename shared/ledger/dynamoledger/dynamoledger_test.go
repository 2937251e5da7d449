package dynamoledger_test

import (
	"testing"

	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger/dynamotest"
	"github.com/alertbridge/alertbridge/shared/ledger/ledgertest"
)

func TestSuite(t *testing.T) {
	dynamotest.Endpoint(t)
	ledgertest.Run(t, func(t *testing.T) ledgertest.Harness {
		client, table := dynamotest.Open(t)
		l := dynamoledger.New(client, table, dynamoledger.Options{})
		return ledgertest.Harness{Ledger: l, Outbox: l, Lister: l}
	})
}
