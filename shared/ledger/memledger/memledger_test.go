package memledger_test

import (
	"testing"

	"github.com/alertbridge/alertbridge/shared/ledger/ledgertest"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
)

func TestSuite(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledgertest.Harness {
		l := memledger.New()
		return ledgertest.Harness{Ledger: l, Outbox: l, Lister: l}
	})
}
