package ledgertest

import (
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// testAccounts: reservations are put under the version and dropped without; health is set and cleared apart from them.
func testAccounts(t *testing.T, open func(*testing.T) Harness) {
	each(t, open, "reservations are put, replaced and dropped, and dropping twice is harmless", func(w *world) {
		put := func(read int, rs map[string]gate.Reservation) gate.Change {
			return gate.Change{Account: &gate.AccountWrite{Agent: agent, Read: read, Put: rs}}
		}
		drop := func(ids ...string) gate.Change {
			return gate.Change{Account: &gate.AccountWrite{Agent: agent, Drop: ids}}
		}
		one, two := gate.Reservation{Attempt: 1, Until: w.in(480)}, gate.Reservation{Attempt: 2, Until: w.in(960)}
		for _, step := range []struct {
			name    string
			change  gate.Change
			version int
			running map[string]gate.Reservation
		}{
			{"dropped before there is an account", drop("ab-1"), 0, nil},
			{"the first", put(0, map[string]gate.Reservation{"ab-1": one}), 1, map[string]gate.Reservation{"ab-1": one}},
			{"a repeat takes the place of its own", put(1, map[string]gate.Reservation{"ab-1": two}), 2, map[string]gate.Reservation{"ab-1": two}},
			{
				"two at once", put(2, map[string]gate.Reservation{"ab-2": one, "ab-3": one}), 3,
				map[string]gate.Reservation{"ab-1": two, "ab-2": one, "ab-3": one},
			},
			{"dropped", drop("ab-1"), 3, map[string]gate.Reservation{"ab-2": one, "ab-3": one}},
			{"dropped twice", drop("ab-1", "ab-1"), 3, map[string]gate.Reservation{"ab-2": one, "ab-3": one}},
			{"never there", drop("ab-9"), 3, map[string]gate.Reservation{"ab-2": one, "ab-3": one}},
			{"put and dropped in one", gate.Change{Account: &gate.AccountWrite{
				Agent: agent, Read: 3, Put: map[string]gate.Reservation{"ab-1": one}, Drop: []string{"ab-2"},
			}}, 4, map[string]gate.Reservation{"ab-1": one, "ab-3": one}},
			{"all dropped", drop("ab-1", "ab-3"), 4, nil},
			{"and put again", put(4, map[string]gate.Reservation{"ab-1": one}), 5, map[string]gate.Reservation{"ab-1": one}},
		} {
			w.commit(step.change)
			a := w.account()
			if a.Version != step.version || len(a.Running) != len(step.running) {
				w.Fatalf("%s: version %d, reservations %v; want %d, %v", step.name, a.Version, a.Running, step.version, step.running)
			}
			for id, r := range step.running {
				w.same(step.name+": "+id, a.Running[id], r)
			}
		}
	})

	each(t, open, "organisations are noted, in order, and twice is once", func(w *world) {
		note := func(org string) gate.Change { return gate.Change{Account: &gate.AccountWrite{Agent: agent, Org: org}} }
		for _, step := range []struct {
			name   string
			change gate.Change
			want   []string
		}{
			{"before there is an account", note("4711"), []string{"4711"}},
			{"another", note("1200"), []string{"1200", "4711"}},
			{"again", note("4711"), []string{"1200", "4711"}},
			{"not touched", gate.Change{Account: &gate.AccountWrite{Agent: agent, Read: 0, Put: map[string]gate.Reservation{"ab-1": {Attempt: 1, Until: w.in(480)}}}}, []string{"1200", "4711"}},
			{"whatever was reserved meanwhile", note("鍵"), []string{"1200", "4711", "鍵"}},
		} {
			w.commit(step.change)
			w.same(step.name, w.account().Orgs, step.want)
			w.same(step.name+": in a look", w.look(ledger.Question{Agent: agent}).Account.Orgs, step.want)
		}
		if v := w.account().Version; v != 1 {
			w.Errorf("version %d, want 1: what is noted is no reason to decide again", v)
		}
		w.account().Orgs[0] = "changed"
		w.same("what was given out and changed", w.account().Orgs[0], "1200")
	})

	each(t, open, "shut and down are set, replaced and cleared, each by itself", func(w *world) {
		shut := gate.Shut{Since: w.now, SecretVersion: "v1", Words: "unauthorized: 401"}
		again := gate.Shut{Since: w.in(60), Words: "the secret is empty"} // and no version any more
		down := gate.Down{Until: w.in(30), Fails: 2, Doubts: 1}
		less := gate.Down{Doubts: 2} // and no time, no fails any more
		v1, none, by := "v1", "", gate.Order{}
		for _, step := range []struct {
			name  string
			write gate.AccountWrite
			shut  gate.Shut
			down  gate.Down
		}{
			{"shut", gate.AccountWrite{Shut: &shut}, shut, gate.Down{}},
			{"down", gate.AccountWrite{Down: &down}, shut, down},
			{"shut otherwise", gate.AccountWrite{Shut: &again}, again, down},
			{"down otherwise", gate.AccountWrite{Down: &less}, again, less},
			{"neither touched", gate.AccountWrite{Drop: []string{"ab-1"}}, again, less},
			{"up", gate.AccountWrite{Down: &gate.Down{}}, again, gate.Down{}},
			{"opened, shut without a secret", gate.AccountWrite{Shut: &gate.Shut{}, OpenedBy: &none}, gate.Shut{}, gate.Down{}},
			{"shut again", gate.AccountWrite{Shut: &shut}, shut, gate.Down{}},
			{"opened, shut by a secret", gate.AccountWrite{Shut: &gate.Shut{}, OpenedBy: &v1}, gate.Shut{}, gate.Down{}},
			{"both", gate.AccountWrite{Shut: &shut, Down: &down}, shut, down},
			{"opened by hand", gate.AccountWrite{Shut: &gate.Shut{}, Down: &gate.Down{}, Hand: &gate.Order{By: "aiko", Reason: "mended", At: w.now}}, gate.Shut{}, gate.Down{}},
			{"shut after that", gate.AccountWrite{Shut: &shut}, shut, gate.Down{}},                                 // and who opened it is kept
			{"by somebody else", gate.AccountWrite{Hand: &gate.Order{By: "ben", At: w.in(60)}}, shut, gate.Down{}}, // and without a reason
			{"open in the end", gate.AccountWrite{Shut: &gate.Shut{}}, gate.Shut{}, gate.Down{}},
		} {
			step.write.Agent = agent
			w.commit(gate.Change{Account: &step.write})
			a := w.account()
			if step.write.Hand != nil {
				by = *step.write.Hand
			}
			w.same(step.name+": by hand", a.Hand, by)
			w.same(step.name+": shut", a.Shut, step.shut)
			w.same(step.name+": down", a.Down, step.down)
			if a.Version != 0 {
				w.Fatalf("%s: health has raised the version to %d", step.name, a.Version)
			}
		}
		w.conflict(gate.Change{Account: &gate.AccountWrite{Agent: agent, Shut: &gate.Shut{}, OpenedBy: &v1}}) // it is open
	})

	each(t, open, "opening an account that was never shut conflicts", func(w *world) {
		none := ""
		w.conflict(gate.Change{Account: &gate.AccountWrite{Agent: agent, Shut: &gate.Shut{}, OpenedBy: &none}})
	})

	each(t, open, "money is set with a reservation, and spent and given back by itself", func(w *world) {
		all := map[string]gate.Case{}
		for _, id := range []string{"ab-1", "ab-2", "ab-3", "ab-4"} {
			all[id] = w.moves(w.waits(id, 1), gate.Starting)
		}
		for _, id := range []string{"ab-1", "ab-3"} {
			all[id] = w.moves(all[id], gate.Started)
		}
		res := gate.Reservation{
			Attempt: 1, Until: w.in(480), Critical: true, Money: 4_000_000, Month: "2026-11", Pace: 72 * time.Minute, Day: "2026-11-27",
		}
		put := func(read int, a gate.AccountWrite) gate.Change {
			a.Agent, a.Read, a.Put = agent, read, map[string]gate.Reservation{"ab-2": res}
			return gate.Change{Account: &a}
		}
		type spent = map[string]gate.Dollars
		type count = map[string]int
		for _, step := range []struct {
			name    string
			change  gate.Change
			version int
			want    gate.Money
		}{
			{"spent before there is an account", spends(all["ab-1"], "2026-10", 4_000_000), 1, gate.Money{Spent: spent{"2026-10": 4_000_000}}},
			{
				"put, paced and counted", put(1, gate.AccountWrite{Paced: w.in(4320), Budget: 300_000_000, Critical: count{"2026-11-26": 19, "2026-11-27": 2}}), 2,
				gate.Money{Spent: spent{"2026-10": 4_000_000}, Paced: w.in(4320), Budget: 300_000_000, Critical: count{"2026-11-26": 19, "2026-11-27": 2}},
			},
			{
				"put again, with nothing to say", put(2, gate.AccountWrite{}), 3,
				gate.Money{Spent: spent{"2026-10": 4_000_000}, Paced: w.in(4320), Budget: 300_000_000, Critical: count{"2026-11-26": 19, "2026-11-27": 2}},
			},
			{
				"given back", givesBack(all["ab-2"], gate.Back{Pace: 72 * time.Minute, Day: "2026-11-27"}), 4,
				gate.Money{Spent: spent{"2026-10": 4_000_000}, Paced: w.in(0), Budget: 300_000_000, Critical: count{"2026-11-26": 19, "2026-11-27": 1}},
			},
			{
				"spent in another month", spends(all["ab-3"], "2026-11", 3_999_999), 5,
				gate.Money{Spent: spent{"2026-10": 4_000_000, "2026-11": 3_999_999}, Paced: w.in(0), Budget: 300_000_000, Critical: count{"2026-11-26": 19, "2026-11-27": 1}},
			},
			{
				"less than was reckoned", corrects(moved(all["ab-3"], gate.Ended), "2026-11", -1_999_999), 6,
				gate.Money{Spent: spent{"2026-10": 4_000_000, "2026-11": 2_000_000}, Paced: w.in(0), Budget: 300_000_000, Critical: count{"2026-11-26": 19, "2026-11-27": 1}},
			},
			{
				"put, and what is over spent in one", put(6, gate.AccountWrite{
					Paced: w.in(60), Budget: 90_000_000, Critical: count{"2026-11-27": 0}, Spend: spent{"2026-11": 1},
					Forget: []string{"2026-10", "2026-11-26", "2026-09", "2026-10"},
				}), 7,
				gate.Money{Spent: spent{"2026-11": 2_000_001}, Paced: w.in(60), Budget: 90_000_000, Critical: count{"2026-11-27": 0}},
			},
			{
				"only a day given back", givesBack(all["ab-4"], gate.Back{Day: "2026-11-28"}), 8,
				gate.Money{Spent: spent{"2026-11": 2_000_001}, Paced: w.in(60), Budget: 90_000_000, Critical: count{"2026-11-27": 0, "2026-11-28": -1}},
			},
		} {
			w.commit(step.change)
			a := w.account()
			w.same(step.name, a.Money, step.want)
			if a.Version != step.version {
				w.Fatalf("%s: the account is at version %d, want %d", step.name, a.Version, step.version)
			}
		}
		w.conflict(spends(all["ab-1"], "2026-10", 4_000_000)) // its case has ended
		w.commit(gate.Change{Account: &gate.AccountWrite{Agent: agent, Read: 8, Put: map[string]gate.Reservation{"ab-9": {}}}})
	})

	each(t, open, "accounts are apart", func(w *world) {
		w.commit(gate.Change{Account: &gate.AccountWrite{
			Agent: "other", Put: map[string]gate.Reservation{"ab-1": {Attempt: 1, Until: w.in(480)}}, Down: &gate.Down{Fails: 1},
		}})
		w.same("the account", w.account(), gate.Account{Agent: agent})
	})
}
