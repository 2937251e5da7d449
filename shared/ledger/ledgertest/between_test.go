package ledgertest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/ledgertest"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
)

// verdict is a change that records one delivery.
func verdict(id string) gate.Change {
	return gate.Change{At: time.Now(), Delivery: &gate.Delivery{ID: id, Verdict: gate.Drop}}
}

func recorded(t *testing.T, l ledger.Lister, id string) bool {
	t.Helper()
	d, err := l.Verdict(t.Context(), id, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return d != nil
}

func TestBetweenLosesAndFails(t *testing.T) {
	for _, row := range []struct {
		name    string
		arrange func(*ledgertest.Between)
		want    []error // of three commits
		applied []bool
	}{
		{"nothing", func(*ledgertest.Between) {}, []error{nil, nil, nil}, []bool{true, true, true}},
		{
			"conflicts twice", func(b *ledgertest.Between) { b.Conflict(2) },
			[]error{ledger.ErrConflict, ledger.ErrConflict, nil},
			[]bool{false, false, true},
		},
		{
			"lost before, once", func(b *ledgertest.Between) { b.LoseBefore(1) },
			[]error{ledger.ErrUnknown, nil, nil},
			[]bool{false, true, true},
		},
		{
			"answer lost, once", func(b *ledgertest.Between) { b.LoseAnswer(1) },
			[]error{ledger.ErrUnknown, nil, nil},
			[]bool{true, true, true},
		},
		{
			"down", func(b *ledgertest.Between) { b.Down() },
			[]error{ledgertest.ErrDown, ledgertest.ErrDown, ledgertest.ErrDown},
			[]bool{false, false, false},
		},
		{
			"for ever", func(b *ledgertest.Between) { b.Fail(ledgertest.Commit, -1, context.DeadlineExceeded) },
			[]error{context.DeadlineExceeded, context.DeadlineExceeded, context.DeadlineExceeded},
			[]bool{false, false, false},
		},
		{
			"another operation", func(b *ledgertest.Between) { b.Fail(ledgertest.Look, -1, ledgertest.ErrDown) },
			[]error{nil, nil, nil},
			[]bool{true, true, true},
		},
		{"one after the other", func(b *ledgertest.Between) { b.Conflict(1); b.LoseAnswer(2) }, // what was not made has no answer
			[]error{ledger.ErrConflict, ledger.ErrUnknown, ledger.ErrUnknown}, []bool{false, true, true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			mem := memledger.New()
			b := ledgertest.Stand(mem)
			row.arrange(b)
			for i, id := range []string{"d-1", "d-2", "d-3"} {
				if err := b.Commit(t.Context(), verdict(id)); !errors.Is(err, row.want[i]) {
					t.Errorf("commit %d ends in %v, want %v", i+1, err, row.want[i])
				}
				if recorded(t, mem, id) != row.applied[i] {
					t.Errorf("commit %d applied: %v", i+1, !row.applied[i])
				}
			}
			b.Clear()
			if err := b.Commit(t.Context(), verdict("d-4")); err != nil {
				t.Errorf("after Clear: %v", err)
			}
			if n := b.Count(ledgertest.Commit); n != 4 {
				t.Errorf("%d commits counted, want 4", n)
			}
		})
	}
}

func TestBetweenLetsAnotherProcessIn(t *testing.T) {
	mem := memledger.New()
	b := ledgertest.Stand(mem)
	b.Before(func(ctx context.Context, c ledgertest.Call) error {
		if c.Op == ledgertest.Commit && c.N == 2 {
			return mem.Commit(ctx, verdict(c.Change.Delivery.ID)) // somebody is faster
		}
		return nil
	})
	if err := b.Commit(t.Context(), verdict("d-1")); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(t.Context(), verdict("d-2")); !errors.Is(err, ledger.ErrConflict) {
		t.Fatalf("the second commit ends in %v", err)
	}
}

func TestBetweenIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := ledgertest.Stand(memledger.New())
		b.Slow(ledgertest.Look, 3*time.Second)
		begin := time.Now()
		if _, err := b.Look(t.Context(), ledger.Question{}, begin); err != nil || time.Since(begin) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		if _, err := b.Look(ctx, ledger.Question{}, begin); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
	})
}

func TestBetweenCounts(t *testing.T) {
	b := ledgertest.Stand(memledger.New())
	now := time.Now()
	key := alert.Incident{Org: "1", Monitor: "2", Key: "c.3"}
	c := gate.Case{ID: "ab-1", Agent: "default", State: gate.Waiting, Until: now, Opened: now, Version: 1}
	look := func() {
		t.Helper()
		if _, err := b.Look(t.Context(), ledger.Question{Incident: key}, now); err != nil {
			t.Fatal(err)
		}
	}
	lookCase := func(id string) {
		t.Helper()
		if _, err := b.LookCase(t.Context(), id, "default", now); err != nil {
			t.Fatal(err)
		}
	}
	look()       // 1: names nothing
	lookCase("") // 1: no reservations
	if err := b.Commit(t.Context(), gate.Change{
		At: now, Incident: &gate.IncidentWrite{Now: gate.Incident{Key: key, Case: "ab-1", Version: 1}},
		Cases:   []gate.CaseWrite{{Now: c, Lead: &alert.Alert{}}},
		Account: &gate.AccountWrite{Agent: "default", Put: map[string]gate.Reservation{"ab-1": {Attempt: 1, Until: now}}},
	}); err != nil {
		t.Fatal(err)
	}
	look()           // 2
	lookCase("ab-1") // 1
	lookCase("")     // 2
	if _, err := b.Due(t.Context(), "default", now); err != nil {
		t.Fatal(err)
	}
	for op, want := range map[ledgertest.Op]int{
		ledgertest.Look: 3, ledgertest.LookCase: 4, ledgertest.Commit: 1, ledgertest.Due: 2, "": 10,
	} {
		if n := b.Trips(op); n != want {
			t.Errorf("%q: %d round trips, want %d", op, n, want)
		}
	}
	calls := b.Calls()
	if len(calls) != 7 || calls[3].Op != ledgertest.Look || calls[3].N != 2 || calls[4].Case != "ab-1" || calls[3].Ask.Incident != key {
		t.Errorf("the calls are %+v", calls)
	}
	b.Reset()
	if b.Trips("") != 0 || len(b.Calls()) != 0 {
		t.Error("Reset has left something")
	}
}
