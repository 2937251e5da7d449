package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/match"
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

	each(t, open, "the monitor group and the environment that are asked for, and the environment's case", func(w *world) {
		for _, id := range []string{"ab-1", "ab-2"} {
			w.waits(id, 1)
		}
		w.commit(gate.Change{Group: w.group("g-1", 0), Surge: w.surge("s-1", 0, "ab-2"), Hand: w.hand(0, "deploy")})
		w.commit(gate.Change{Surge: w.surge("s-2", 0, "ab-gone")})
		v := w.look(ledger.Question{Group: "g-1", Surge: "s-1", Leads: true})
		w.same("the group", v.Group, w.group("g-1", 0).Now)
		w.same("the environment", v.Surge, w.surge("s-1", 0, "ab-2").Now)
		w.same("the cases", v.Cases, map[string]gate.Case{"ab-2": w.caseNow("ab-2")})
		w.same("the leads", v.Leads, map[string]alert.Alert{"ab-2": *leadOf(v.Cases["ab-2"])})
		v = w.look(ledger.Question{Group: "g-2", Surge: "s-2"})
		w.same("a group that is not there", v.Group, gate.Group{})
		if v.Surge.Case != "ab-gone" || len(v.Cases) != 0 {
			w.Fatalf("the environment is %+v with %d cases", v.Surge, len(v.Cases))
		}
		v = w.look(ledger.Question{Incident: incidentOf(1)})
		w.same("a group that nobody asked for", v.Group, gate.Group{})
		w.same("an environment that nobody asked for", v.Surge, gate.Surge{})
	})

	each(t, open, "what is set by hand is in every view", func(w *world) {
		w.waits("ab-1", 1)
		w.same("before anybody has", w.look(ledger.Question{}).Hand, gate.Hand{})
		want := w.hand(0, "deploy").Now
		w.commit(gate.Change{Hand: w.hand(0, "deploy")})
		w.same("a question that asks for nothing", w.look(ledger.Question{}).Hand, want)
		w.same("a case", w.lookCase("ab-1", w.now).Hand, want)
		w.same("the reservations", w.lookCase("", w.now).Hand, want)
		al := *leadOf(w.caseNow("ab-1"))
		al.Tags, al.Hostname = []string{"service:checkout"}, "web-12"
		if !match.All(w.look(ledger.Question{}).Hand.Silences[0].Matchers, &al) {
			w.Error("the silence that was read does not match what it matched before")
		}
		empty := gate.Hand{Version: 2}
		w.commit(gate.Change{Hand: &gate.HandWrite{Read: 1, Now: empty}})
		w.same("when all was taken back", w.look(ledger.Question{}).Hand, empty)
	})

	each(t, open, "an alert that was dropped, until a case is opened under its id", func(w *world) {
		dropped := *leadOf(w.newCase("ab-1"))
		dropped.Title = "was silenced"
		w.commit(gate.Change{Delivery: w.delivery("d-1"), Lead: &gate.LeadWrite{Case: "ab-1", Alert: dropped}})
		v := w.lookCase("ab-1", w.now)
		w.same("the cases", v.Cases, map[string]gate.Case{})
		w.same("the leads", v.Leads, map[string]alert.Alert{"ab-1": dropped})
		if v = w.lookCase("ab-2", w.now); len(v.Leads) != 0 {
			w.Fatalf("another id has %+v", v.Leads)
		}
		w.commit(gate.Change{Incident: w.incident(1, 0, "ab-1")})
		if v = w.look(ledger.Question{Incident: incidentOf(1), Leads: true}); len(v.Cases)+len(v.Leads) != 0 {
			w.Fatalf("a case that is not there is read as %+v", v)
		}
		c := w.waits("ab-1", 1)
		v = w.lookCase("ab-1", w.now)
		w.same("the case", v.Cases, map[string]gate.Case{"ab-1": c})
		w.same("its lead", v.Leads, map[string]alert.Alert{"ab-1": *leadOf(c)})
	})

	each(t, open, "a monitor's incidents, the latest first", func(w *world) {
		at := func(n, fire, rec int) {
			c := gate.Change{Incident: w.incident(n, 0, "ab-1")}
			c.Incident.Now.Fire, c.Incident.Now.Rec = w.in(fire), time.Time{}
			if rec != 0 {
				c.Incident.Now.Rec = w.in(rec)
			}
			w.commit(c)
		}
		at(1, -100, -10) // it is the later of the two times that counts
		at(2, -50, 0)
		at(3, -5, -60)
		at(5, -70, 0)
		at(4, -70, 0) // at one time, in the order of their keys
		other := w.incident(6, 0, "ab-1")
		other.Now.Key.Monitor = "43"
		w.commit(gate.Change{Incident: other})
		for _, row := range []struct {
			monitor string
			limit   int
			want    []string
		}{
			{"42", 0, []string{"c.3", "c.1", "c.2", "c.4", "c.5"}},
			{"42", 5, []string{"c.3", "c.1", "c.2", "c.4", "c.5"}},
			{"42", 2, []string{"c.3", "c.1"}},
			{"42", ledger.MaxPage + 1, []string{"c.3", "c.1", "c.2", "c.4", "c.5"}},
			{"43", 0, []string{"c.6"}},
			{"44", 0, nil},
		} {
			list, err := w.Lister.Incidents(w.Context(), incidentOf(1).Org, row.monitor, row.limit, w.now)
			if err != nil {
				w.Fatal(err)
			}
			var keys []string
			for _, in := range list {
				keys = append(keys, in.Key.Key)
			}
			w.same(fmt.Sprintf("monitor %s, at most %d", row.monitor, row.limit), keys, row.want)
		}
		if list, err := w.Lister.Incidents(w.Context(), "7654321", "42", 0, w.now); err != nil || len(list) != 0 {
			w.Fatalf("another organisation has %+v, %v", list, err)
		}
	})

	each(t, open, "more of a monitor's incidents than a page holds", func(w *world) {
		for i := range ledger.MaxPage + 20 {
			c := gate.Change{Incident: w.incident(i, 0, "ab-1")}
			c.Incident.Now.Fire = w.in(i)
			w.commit(c)
		}
		list, err := w.Lister.Incidents(w.Context(), incidentOf(1).Org, incidentOf(1).Monitor, 0, w.now)
		if err != nil || len(list) != ledger.MaxPage || list[0].Key.Key != "c.119" || list[99].Key.Key != "c.20" {
			w.Fatalf("%d incidents, %v", len(list), err)
		}
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
		c.Services, c.Steps = []string{"checkout"}, []gate.Step{{At: w.now, Text: "opened"}}
		saw := &gate.Saw{
			Alert: alert.Alert{Tags: []string{"service:checkout"}}, View: gate.View{Cases: map[string]gate.Case{"ab-1": {ID: "ab-1", Steps: []gate.Step{{Text: "opened"}}}}},
		}
		group, surge, hand, incident := w.group("g-1", 0), w.surge("s-1", 0, "ab-1"), w.hand(0, "deploy"), w.incident(1, 0, "ab-1")
		incident.Now.Recent = []gate.Mention{{Delivery: "d-0"}}
		q := ledger.Question{Delivery: "d-1", Incident: incidentOf(1), Agent: agent, Group: "g-1", Surge: "s-1"}
		lead := leadOf(c)
		lead.Tags = []string{"service:checkout"}
		put := map[string]gate.Reservation{"ab-1": {Attempt: 1, Until: w.in(480)}}
		d := w.delivery("d-1")
		d.Saw = saw
		w.commit(gate.Change{
			Delivery: d, Cases: []gate.CaseWrite{{Now: c, Lead: lead}}, Group: group, Surge: surge, Hand: hand, Incident: incident,
			Account: &gate.AccountWrite{Agent: agent, Put: put, Spend: map[string]gate.Dollars{"2026-11": 5}},
		})
		c.Members[0].Title, lead.Tags[0], d.Case = "changed", "changed", "changed"
		c.Services[0], c.Steps[0].Text, saw.Alert.Tags[0] = "changed", "changed", "changed"
		saw.View.Cases["ab-1"].Steps[0].Text = "changed"
		saw.View.Cases["ab-1"] = gate.Case{}
		incident.Now.Recent[0].Delivery = "changed"
		put["ab-2"] = gate.Reservation{}
		group.Now.Cycles[0], surge.Now.Opened[0] = time.Time{}, time.Time{}
		hand.Now.Silences[0].Matchers[0], hand.Now.Silences[0].ID = match.Matcher{}, "changed"
		seen := w.look(q)
		seen.Group.Cycles[0], seen.Surge.Opened[0], seen.Incident.Recent[0].Delivery = time.Time{}, time.Time{}, "changed"
		seen.Hand.Silences[0].Matchers[0], seen.Hand.Silences[0].ID = match.Matcher{}, "changed"
		seen.Account.Money.Spent["2026-11"] = 99
		w.verdict("d-1").Saw.Alert.Tags[0] = "changed"
		seen.Cases["ab-1"].Services[0], seen.Cases["ab-1"].Steps[0].Text = "changed", "changed"
		seen = w.look(q)
		w.same("the group", seen.Group, w.group("g-1", 0).Now)
		w.same("the environment", seen.Surge, w.surge("s-1", 0, "ab-1").Now)
		w.same("what is set by hand", seen.Hand, w.hand(0, "deploy").Now)
		w.same("the notifications", seen.Incident.Recent, []gate.Mention{{Delivery: "d-0"}})
		w.same("the services", seen.Cases["ab-1"].Services, []string{"checkout"})
		w.same("the steps", seen.Cases["ab-1"].Steps, []gate.Step{{At: w.now, Text: "opened"}})
		w.same("what it saw", w.verdict("d-1").Saw, &gate.Saw{
			Alert: alert.Alert{Tags: []string{"service:checkout"}}, View: gate.View{Cases: map[string]gate.Case{"ab-1": {ID: "ab-1", Steps: []gate.Step{{Text: "opened"}}}}},
		})
		w.same("the money", seen.Account.Money.Spent, map[string]gate.Dollars{"2026-11": 5})
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
		if _, err := w.Lister.Incidents(ctx, "1", "2", 10, w.now); err == nil {
			w.Fatal("Incidents has answered")
		}
	})

	each(t, open, "a change that is empty", func(w *world) {
		if err := w.Ledger.Commit(context.Background(), gate.Change{}); err != nil {
			w.Fatal(err)
		}
		w.commit(gate.Change{At: w.now})
	})
}
