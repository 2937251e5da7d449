// Package ledgertest holds what tests of and on a ledger need: the suite that every ledger passes (Run), and a ledger
// that fails on request and counts (Between).
package ledgertest
