package ledgertest

import (
	"context"
	"errors"
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// testReads: what a Look and a LookCase must hold, and must not.
func testReads(t *testing.T, open func(*testing.T) Harness) {
	each(t, open, "an empty ledger", func(w *world) {
		v := w.look(ledger.Question{Delivery: "d-1", Incident: incidentOf(1), Pointers: []string{"k-1"}, Agent: agent, Leads: true})
		if v.Delivery != nil || v.Incident.Version != 0 || len(v.Pointers)+len(v.Cases)+len(v.Leads) != 0 {
			w.Fatalf("an empty ledger knows %+v", v)
		}
		w.same("the account", v.Account, gate.Account{Agent: agent}) // the gate takes the name for its write from here
		w.same("the account without a case", w.account(), gate.Account{Agent: agent})
		if v := w.lookCase("ab-1", w.now); len(v.Cases)+len(v.Leads) != 0 {
			w.Fatalf("an empty ledger knows %+v", v)
		}
		if d, err := w.Lister.Verdict(context.Background(), "d-1", w.now); d != nil || err != nil {
			w.Fatalf("an empty ledger has the verdict %+v, %v", d, err)
		}
	})

	each(t, open, "a question that asks for nothing", func(w *world) {
		w.waits("ab-1", 1)
		v := w.look(ledger.Question{})
		if v.Delivery != nil || v.Incident.Version != 0 || len(v.Pointers)+len(v.Cases) != 0 {
			w.Fatalf("got %+v", v)
		}
	})

	each(t, open, "the cases that the incident and the pointers name", func(w *world) {
		for _, id := range []string{"ab-1", "ab-2", "ab-3", "ab-4"} {
			w.waits(id, 1)
		}
		w.commit(gate.Change{
			Incident: w.incident(1, 0, "ab-1"),
			Pointers: []gate.PointerWrite{{Key: "k-1", Now: "ab-2"}, {Key: "k-2", Now: "ab-1"}, {Key: "k-3", Now: "ab-3"}, {Key: "k-4", Now: "ab-gone"}},
		})
		q := ledger.Question{Incident: incidentOf(1), Pointers: []string{"k-1", "k-2", "k-4", "k-5", "k-1"}}
		v := w.look(q)
		w.same("the pointers", v.Pointers, map[string]string{"k-1": "ab-2", "k-2": "ab-1", "k-4": "ab-gone"})
		w.same("the cases", v.Cases, map[string]gate.Case{"ab-1": w.caseNow("ab-1"), "ab-2": w.caseNow("ab-2")})
		if len(v.Leads) != 0 {
			w.Fatalf("leads that nobody asked for: %v", v.Leads)
		}
		q.Leads = true
		v = w.look(q)
		w.same("the leads", v.Leads, map[string]alert.Alert{"ab-1": *leadOf(v.Cases["ab-1"]), "ab-2": *leadOf(v.Cases["ab-2"])})
	})

	each(t, open, "incidents are apart by organisation, monitor and key, not by how the key came about", func(w *world) {
		w.commit(gate.Change{Incident: w.incident(1, 0, "ab-1")})
		for _, other := range []alert.Incident{
			{Org: "7654321", Monitor: "42", Key: "c.1"},
			{Org: "1234567", Monitor: "43", Key: "c.1"},
			{Org: "1234567", Monitor: "42", Key: "g.1"},
			{Org: "1234567#42", Monitor: "", Key: "c.1"},
		} {
			if in := w.look(ledger.Question{Incident: other}).Incident; in.Version != 0 {
				w.Errorf("incident %s is found as %s", other, in.Key)
			}
		}
		same := incidentOf(1)
		same.Cycle = false
		if in := w.look(ledger.Question{Incident: same}).Incident; in.Version != 1 {
			w.Errorf("incident %s is not found", same)
		}
	})

	each(t, open, "a case with its lead and its account", func(w *world) {
		w.waits("ab-1", 1)
		w.waits("ab-2", 1)
		v := w.lookCase("ab-1", w.now)
		w.same("the cases", v.Cases, map[string]gate.Case{"ab-1": w.caseNow("ab-1")})
		w.same("the leads", v.Leads, map[string]alert.Alert{"ab-1": *leadOf(v.Cases["ab-1"])})
		w.same("the account", v.Account, gate.Account{Agent: agent})
	})

	each(t, open, "without an id, the cases that the reservations name", func(w *world) {
		w.waits("ab-1", 1)
		w.waits("ab-2", 1)
		w.commit(gate.Change{Account: &gate.AccountWrite{Agent: agent, Put: map[string]gate.Reservation{
			"ab-1": {Attempt: 1, Until: w.in(480)}, "ab-gone": {Attempt: 1, Until: w.in(480)},
		}}})
		v := w.lookCase("", w.now)
		w.same("the cases", v.Cases, map[string]gate.Case{"ab-1": w.caseNow("ab-1")})
		if len(v.Account.Running) != 2 {
			w.Fatalf("the account has the reservations %v", v.Account.Running)
		}
	})

	each(t, open, "nobody can change the record through what was given or got", func(w *world) {
		c := w.newCase("ab-1")
		c.Members = []gate.Member{memberOf(2, alert.Low, w.in(-5))}
		lead := leadOf(c)
		lead.Tags = []string{"service:checkout"}
		put := map[string]gate.Reservation{"ab-1": {Attempt: 1, Until: w.in(480)}}
		d := w.delivery("d-1")
		w.commit(gate.Change{
			Delivery: d, Cases: []gate.CaseWrite{{Now: c, Lead: lead}}, Account: &gate.AccountWrite{Agent: agent, Put: put},
		})
		c.Members[0].Title, lead.Tags[0], d.Case = "changed", "changed", "changed"
		put["ab-2"] = gate.Reservation{}
		got := w.lookCase("ab-1", w.now)
		got.Cases["ab-1"].Members[0].Title = "changed"
		got.Leads["ab-1"].Tags[0] = "changed"
		got.Account.Running["ab-3"] = gate.Reservation{}
		*w.look(ledger.Question{Delivery: "d-1"}).Delivery = gate.Delivery{}
		got = w.lookCase("ab-1", w.now)
		w.same("the members", got.Cases["ab-1"].Members, []gate.Member{memberOf(2, alert.Low, w.in(-5))})
		w.same("the lead's tags", got.Leads["ab-1"].Tags, []string{"service:checkout"})
		w.same("the reservations", got.Account.Running, map[string]gate.Reservation{"ab-1": {Attempt: 1, Until: w.in(480)}})
		if d := w.look(ledger.Question{Delivery: "d-1"}).Delivery; d.ID != "d-1" || d.Case != "" {
			w.Fatalf("the delivery is %+v now", d)
		}
	})

	each(t, open, "a context that is over", func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		c := opens(w.newCase("ab-1"))
		c.At = w.now
		err := w.Ledger.Commit(ctx, c)
		if err == nil || errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrUnknown) {
			w.Fatalf("the commit ends in %v, want an error that says that nothing was applied", err)
		}
		if len(w.lookCase("ab-1", w.now).Cases) != 0 {
			w.Fatal("and it was applied")
		}
		if _, err := w.Ledger.Look(ctx, ledger.Question{Delivery: "d-1"}, w.now); err == nil {
			w.Fatal("Look has answered")
		}
		if _, err := w.Ledger.LookCase(ctx, "ab-1", agent, w.now); err == nil {
			w.Fatal("LookCase has answered")
		}
		if _, err := w.Ledger.Due(ctx, agent, w.now); err == nil {
			w.Fatal("Due has answered")
		}
		if _, _, err := w.Lister.List(ctx, agent, gate.Queue, 10, "", w.now); err == nil {
			w.Fatal("List has answered")
		}
		if _, err := w.Lister.Verdict(ctx, "d-1", w.now); err == nil {
			w.Fatal("Verdict has answered")
		}
	})

	each(t, open, "a change that is empty", func(w *world) {
		if err := w.Ledger.Commit(context.Background(), gate.Change{}); err != nil {
			w.Fatal(err)
		}
		w.commit(gate.Change{At: w.now})
	})
}
