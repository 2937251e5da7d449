package ledgertest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// testRefusals: a change that no decision may ask for is refused with words, before anything is written, and is
// neither a conflict, after which it would be decided and refused again for ever, nor unknown.
func testRefusals(t *testing.T, open func(*testing.T) Harness) {
	for _, row := range []struct {
		name   string
		change func(w *world, c gate.Case) gate.Change
	}{
		{"a move that is not in the table", func(_ *world, c gate.Case) gate.Change { return writes(c, moved(c, gate.Started)) }},
		{"a decision without a new version", func(_ *world, c gate.Case) gate.Change {
			now := c
			now.Severity = alert.Critical
			return writes(c, now)
		}},
		{"a case opened without its lead", func(w *world, _ gate.Case) gate.Change {
			return gate.Change{Cases: []gate.CaseWrite{{Now: w.newCase("ab-2")}}}
		}},
		{"another title", func(_ *world, c gate.Case) gate.Change {
			now := c
			now.Title = "another"
			return writes(c, now)
		}},
		{"another case's version", func(_ *world, c gate.Case) gate.Change {
			now := c
			now.ID = "ab-2"
			return writes(c, now)
		}},
		{"a case twice", func(_ *world, c gate.Case) gate.Change {
			ch := recovers(c)
			ch.Cases = append(ch.Cases, recovers(c).Cases...)
			return ch
		}},
		{"more members than are kept", func(w *world, c gate.Case) gate.Change {
			now := c
			for i := range gate.MaxMembers + 1 {
				now.Members = append(now.Members, memberOf(i, alert.Low, w.in(i)))
			}
			return writes(c, now)
		}},
		{"a grouping key twice", func(*world, gate.Case) gate.Change {
			return gate.Change{Pointers: []gate.PointerWrite{{Key: "k-1", Now: "ab-1"}, {Key: "k-1", Now: "ab-2"}}}
		}},
		{"a grouping key without a name", func(*world, gate.Case) gate.Change {
			return gate.Change{Pointers: []gate.PointerWrite{{Now: "ab-1"}}}
		}},
		{"a grouping key that names nothing", func(*world, gate.Case) gate.Change {
			return gate.Change{Pointers: []gate.PointerWrite{{Key: "k-1"}}}
		}},
		{"too many grouping keys", func(*world, gate.Case) gate.Change {
			var c gate.Change
			for i := range gate.MaxKeys + 1 {
				c.Pointers = append(c.Pointers, gate.PointerWrite{Key: fmt.Sprint("k-", i), Now: "ab-1"})
			}
			return c
		}},
		{"an incident whose version does not tell of the write", func(w *world, _ gate.Case) gate.Change {
			c := gate.Change{Incident: w.incident(1, 0, "ab-1")}
			c.Incident.Now.Version = 7
			return c
		}},
		{"an incident without a key", func(w *world, _ gate.Case) gate.Change {
			c := gate.Change{Incident: w.incident(1, 0, "ab-1")}
			c.Incident.Now.Key = alert.Incident{}
			return c
		}},
		{"a delivery without an id", func(w *world, _ gate.Case) gate.Change {
			return gate.Change{Delivery: w.delivery("")}
		}},
		{"an account without a name", func(*world, gate.Case) gate.Change {
			return gate.Change{Account: &gate.AccountWrite{Drop: []string{"ab-1"}}}
		}},
		{"a reservation put and dropped", func(w *world, _ gate.Case) gate.Change {
			return gate.Change{Account: &gate.AccountWrite{
				Agent: agent, Put: map[string]gate.Reservation{"ab-1": {Until: w.now}}, Drop: []string{"ab-1"},
			}}
		}},
	} {
		each(t, open, row.name, func(w *world) {
			c := row.change(w, w.waits("ab-1", 1))
			if c.Delivery == nil {
				c.Delivery = w.delivery("d-1")
			}
			before := everything(w)
			err := w.try(c)
			if err == nil || errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrUnknown) {
				w.Fatalf("it ends in %v, want it refused", err)
			}
			w.same("everything, after a change that was refused", everything(w), before)
		})
	}

	each(t, open, "no time", func(w *world) {
		c := opens(w.newCase("ab-1"))
		if err := w.Ledger.Commit(w.Context(), c); err == nil {
			w.Fatal("it was taken")
		}
	})
}
