package ledgertest

import (
	"context"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// testLife: a record lives for ledger.Life after it was last written, and counts as absent from then on, for reads and
// for conditions, whether or not the store has removed it.
func testLife(t *testing.T, open func(*testing.T) Harness) {
	const day = 24 * time.Hour
	all := ledger.Question{
		Delivery: "d-1", Incident: incidentOf(1), Pointers: []string{"k-1"}, Agent: agent, Group: "g-1", Surge: "s-1", Leads: true,
	}
	fill := func(w *world) gate.Change {
		c := opens(w.newCase("ab-1"))
		c.Delivery = w.delivery("d-1")
		c.Incident = w.incident(1, 0, "ab-1")
		c.Pointers = []gate.PointerWrite{{Key: "k-1", Now: "ab-1"}}
		c.Group, c.Surge = w.group("g-1", 0), w.surge("s-1", 0, "ab-1")
		c.Hand = w.hand(w.look(ledger.Question{}).Hand.Version, "a silence")
		c.Lead = &gate.LeadWrite{Case: "ab-dropped", Alert: *leadOf(w.newCase("ab-dropped"))}
		c.Account = &gate.AccountWrite{
			Agent: agent, Read: w.account().Version,
			Put: map[string]gate.Reservation{"ab-1": {Attempt: 1, Until: w.in(480)}},
		}
		return c
	}

	each(t, open, "reads", func(w *world) {
		w.commit(fill(w))
		last := w.now.Add(ledger.Life)
		v := w.lookAt(all, last)
		if v.Delivery == nil || v.Incident.Version != 1 || v.Pointers["k-1"] != "ab-1" || len(v.Cases) != 1 || len(v.Leads) != 1 {
			w.Fatalf("a time of life later the ledger still knows all of it, but gave %+v", v)
		}
		dropped := func(at time.Time) int { return len(w.lookCase("ab-dropped", at).Leads) }
		if v.Group.Version != 1 || v.Surge.Version != 1 || v.Hand.Version != 1 || dropped(last) != 1 {
			w.Fatalf("a time of life later the ledger still knows all of it, but gave %+v", v)
		}
		first := last.Add(time.Second)
		v = w.lookAt(all, first)
		w.same("a monitor group after its time of life", v.Group, gate.Group{})
		w.same("an environment after its time of life", v.Surge, gate.Surge{})
		if dropped(first) != 0 {
			w.Fatal("an alert that was dropped is still there after its time of life")
		}
		if list, err := w.Lister.Incidents(w.Context(), incidentOf(1).Org, incidentOf(1).Monitor, 0, last); err != nil || len(list) != 1 {
			w.Fatalf("the monitor's incidents are %+v, %v", list, err)
		}
		if list, err := w.Lister.Incidents(w.Context(), incidentOf(1).Org, incidentOf(1).Monitor, 0, first); err != nil || len(list) != 0 {
			w.Fatalf("the monitor's incidents are still %+v, %v", list, err)
		}
		if far := w.lookAt(all, first.Add(100*ledger.Life)); far.Hand.Version != 1 || len(far.Hand.Silences) != 1 {
			w.Fatalf("what is set by hand has gone: %+v", far.Hand)
		}
		if v.Delivery != nil || v.Incident.Version != 0 || len(v.Pointers)+len(v.Cases)+len(v.Leads) != 0 {
			w.Fatalf("a second after its time of life the ledger still gives %+v", v)
		}
		if len(v.Account.Running) != 1 {
			w.Fatal("an account does not expire")
		}
		v = w.lookCase("ab-1", first)
		if len(v.Cases)+len(v.Leads) != 0 {
			w.Fatalf("and the case by its id: %+v", v)
		}
		if v = w.lookCase("", first); len(v.Cases) != 0 || len(v.Account.Running) != 1 {
			w.Fatalf("and by its reservation: %+v", v)
		}
		ctx := context.Background()
		if d, err := w.Lister.Verdict(ctx, "d-1", last); err != nil || d == nil {
			w.Fatalf("the verdict is gone too early: %v", err)
		}
		if d, err := w.Lister.Verdict(ctx, "d-1", first); err != nil || d != nil {
			w.Fatalf("the verdict is still %+v, %v", d, err)
		}
		w.soon(func() error { return w.listed(gate.Queue, last, "ab-1") })
		w.soon(func() error { return w.listed(gate.Queue, first) })
	})

	each(t, open, "writing over what has expired", func(w *world) {
		w.commit(fill(w))
		c := w.caseNow("ab-1")
		w.commit(joins(c, w.in(-1), memberOf(2, c.Severity, w.in(-1))))
		again := fill(w)
		w.conflict(again)
		again.At = w.now.Add(ledger.Life)
		w.conflict(again)
		again.At = again.At.Add(time.Second)
		again.Incident.Now.Case, again.Cases[0].Now.Title = "ab-1", "opened again"
		again.Cases[0].Lead.Title = "another lead"
		w.commit(again)
		v := w.lookAt(all, again.At)
		if v.Delivery == nil || v.Incident.Version != 1 || v.Pointers["k-1"] != "ab-1" || v.Group.Version != 1 || v.Surge.Version != 1 {
			w.Fatalf("got %+v", v)
		}
		w.same("the case", v.Cases["ab-1"], again.Cases[0].Now)
		w.same("its lead", v.Leads["ab-1"].Title, "another lead")
	})

	for name, decide := range map[string]func(w *world, c gate.Case) gate.Change{
		"an incident": func(w *world, _ gate.Case) gate.Change { return gate.Change{Incident: w.incident(1, 1, "ab-1")} },
		"a pointer": func(*world, gate.Case) gate.Change {
			return gate.Change{Pointers: []gate.PointerWrite{{Key: "k-1", Read: "ab-1", Now: "ab-2"}}}
		},
		"a monitor group":         func(w *world, _ gate.Case) gate.Change { return gate.Change{Group: w.group("g-1", 1)} },
		"an environment":          func(w *world, _ gate.Case) gate.Change { return gate.Change{Surge: w.surge("s-1", 1, "ab-1")} },
		"a case":                  func(_ *world, c gate.Case) gate.Change { return writes(c, moved(c, gate.Starting)) },
		"a case that it joins":    func(w *world, c gate.Case) gate.Change { return joins(c, w.in(-1)) },
		"a case as its condition": func(_ *world, c gate.Case) gate.Change { return writes(c, c) },
	} {
		each(t, open, "a change that was decided on "+name+" which has expired", func(w *world) {
			w.commit(fill(w))
			c := decide(w, w.caseNow("ab-1"))
			c.At = w.now.Add(ledger.Life + time.Second)
			w.conflict(c)
			c.At = w.now.Add(ledger.Life)
			w.commit(c)
		})
	}

	each(t, open, "what is set by hand is written at any time", func(w *world) {
		w.commit(fill(w))
		w.commit(gate.Change{At: w.now.Add(5 * ledger.Life), Hand: w.hand(1, "again")})
		if h := w.look(ledger.Question{}).Hand; h.Version != 2 || h.Mode.Reason != "again" {
			w.Fatalf("it is %+v", h)
		}
	})

	each(t, open, "every write begins a new time of life", func(w *world) {
		w.commit(fill(w))
		c := w.caseNow("ab-1")
		for i, write := range []gate.Change{
			joins(c, w.in(5)),
			writes(c, moved(c, gate.Starting)),
		} {
			write.At = w.now.Add(time.Duration(i+1) * 20 * day)
			write.Incident = w.incident(1, i+1, "ab-1")
			write.Pointers = []gate.PointerWrite{{Key: "k-1", Read: "ab-1", Now: "ab-1"}}
			write.Group, write.Surge = w.group("g-1", i+1), w.surge("s-1", i+1, "ab-1")
			w.commit(write)
		}
		v := w.lookAt(all, w.now.Add(40*day+ledger.Life))
		if v.Group.Version != 3 || v.Surge.Version != 3 {
			w.Fatalf("70 days later the ledger gives %+v", v)
		}
		if v.Incident.Version != 3 || v.Pointers["k-1"] != "ab-1" || v.Cases["ab-1"].State != gate.Starting {
			w.Fatalf("70 days later the ledger gives %+v", v)
		}
		w.same("the lead", v.Leads["ab-1"], *leadOf(c))
		if v.Delivery != nil {
			w.Fatal("the delivery has been written once only")
		}
	})

	each(t, open, "a condition does not prolong a life", func(w *world) {
		w.commit(fill(w))
		c := w.caseNow("ab-1")
		w.commit(gate.Change{At: w.now.Add(20 * day), Cases: writes(c, c).Cases})
		if v := w.lookCase("ab-1", w.now.Add(ledger.Life+time.Second)); len(v.Cases) != 0 {
			w.Fatal("the case is still there")
		}
	})

	each(t, open, "a lead lives as long as its case, however long that is", func(w *world) {
		w.commit(fill(w))
		at := w.now
		for _, days := range []time.Duration{14, 29, 3, 30, 30, 1, 30} {
			c := w.lookCase("ab-1", at).Cases["ab-1"]
			at = at.Add(days * day)
			change := joins(c, at)
			change.At = at
			w.commit(change)
			end := at.Add(ledger.Life)
			v := w.lookCase("ab-1", end)
			if len(v.Cases) != 1 || v.Leads["ab-1"].Title == "" {
				w.Fatalf("written %v after it was opened, it has at the end of its life %d cases and the lead %+v",
					at.Sub(w.now), len(v.Cases), v.Leads)
			}
		}
	})
}
