package explain

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// What stands between a case that waits and its start. Each row says what the next tick does, and what would make it
// start; of what makes no difference nothing is said.
func TestWhatACaseWaitsFor(t *testing.T) {
	busy := map[string]gate.Reservation{}
	for i := range 2 { // of three slots, one of which is kept for critical cases
		busy[fmt.Sprint("ab-", i)] = gate.Reservation{Until: noon.Add(time.Hour)}
	}
	broke := gate.Money{Spent: map[string]gate.Dollars{"2026-11": 299_000_000}}
	later := noon.Add(5 * time.Minute) // the hold of two minutes is over
	for _, row := range []struct {
		why    string
		acct   gate.Account
		hand   gate.Hand
		change func(*gate.Case)
		now    time.Time
		want   string
	}{
		{"it is held", gate.Account{}, gate.Hand{}, nil, noon, "wait, hold: its time to wait were over; it were started by hand"},
		{"its hold is over", gate.Account{}, gate.Hand{}, nil, later, "start"},
		{"there is no money", gate.Account{Money: broke}, gate.Hand{}, nil, later, "wait, budget: there were money enough; it were started by hand"},
		{"there is no slot", gate.Account{Running: busy}, gate.Hand{}, nil, later, "wait, slots: all slots were free"},
		{"it is held and there is no money", gate.Account{Money: broke}, gate.Hand{}, nil, noon, "wait, hold: it were started by hand"},
		{
			"the Agent is down",
			gate.Account{Down: gate.Down{Until: later.Add(time.Minute), Fails: 1}},
			gate.Hand{},
			nil, later,
			"wait, agent_down: the Agent could be called",
		},
		{"the Agent is shut", gate.Account{Shut: gate.Shut{Since: noon}}, gate.Hand{}, nil, later, "wait, agent_shut: the Agent could be called"},
		{
			"it is silenced",
			gate.Account{},
			gate.Hand{Silences: []gate.Silence{silence(t)}},
			nil, later,
			"end, silenced: nothing silenced it; it were started by hand",
		},
		{
			"the mode is off",
			gate.Account{},
			gate.Hand{Mode: gate.ModeOrder{Mode: gate.ModeOff, Order: order(time.Hour)}},
			nil, later,
			"end, silenced: the mode were full; it were started by hand",
		},
		{
			"the mode observes",
			gate.Account{},
			gate.Hand{Mode: gate.ModeOrder{Mode: gate.ModeObserve, Order: order(time.Hour)}},
			nil, later,
			"end, observed: the mode were full; it were started by hand",
		},
		{"it was opened to be observed", gate.Account{}, gate.Hand{}, func(c *gate.Case) { c.Shadow = true }, later, "end, observed"},
		{
			"it was opened to be observed, and is silenced",
			gate.Account{},
			gate.Hand{Silences: []gate.Silence{silence(t)}},
			func(c *gate.Case) { c.Shadow = true }, later, "end, silenced",
		},
		{"everything has recovered", gate.Account{}, gate.Hand{}, func(c *gate.Case) { c.Firing = 0 }, later, "end, recovered"},
		{
			"somebody wants it started",
			gate.Account{Running: busy},
			gate.Hand{},
			func(c *gate.Case) { c.Hand, c.Until = order(time.Hour), noon }, noon, "wait, slots: all slots were free",
		},
		{"it has started", gate.Account{}, gate.Hand{}, func(c *gate.Case) { c.State = gate.Started }, later, ""},
	} {
		d := decided(gate.View{}, fired(), held())
		c := d.Change.Cases[0].Now
		if row.change != nil {
			row.change(&c)
		}
		row.acct.Agent = c.Agent
		f := Facts{Now: row.now, Policy: held(), Leads: map[string]alert.Alert{c.ID: fired()}}
		f.Views = map[string]gate.View{c.ID: {Account: row.acct, Hand: row.hand, Cases: map[string]gate.Case{c.ID: c}, Leads: f.Leads}}
		before := fmt.Sprintf("%+v", f.Views)
		story := caseOf(f, c)
		got := ""
		if story.Next != nil {
			got = story.Next.String()
		}
		for _, o := range story.Others {
			if o.Verdict == "start" {
				got += ": " + strings.Join(o.If, "; ")
			}
			if c.Shadow && slices.Contains(o.If, "it were started by hand") {
				t.Errorf("%s: a start by hand opens another case, and it says that this one would %s", row.why, o)
			}
		}
		if got != row.want {
			t.Errorf("%s: %q, want %q (%+v)", row.why, got, row.want, story.Others)
		}
		if after := fmt.Sprintf("%+v", f.Views); after != before {
			t.Errorf("%s: what was read has been changed\n%s\n%s", row.why, before, after)
		}
		// without the policy the rules on record are asked, which are the same here
		f.Policy, f.Deliveries = nil, map[string]gate.Delivery{fired().Delivery: *d.Change.Delivery}
		if again := caseOf(f, c); !reflect.DeepEqual(again.Next, story.Next) || !reflect.DeepEqual(again.Others, story.Others) {
			t.Errorf("%s: by the record %+v, %+v", row.why, again.Next, again.Others)
		}
		f.Deliveries = nil
		if none := caseOf(f, c); none.Next != nil || none.Others != nil {
			t.Errorf("%s: without any rules %+v, %+v", row.why, none.Next, none.Others)
		}
	}
}

// What would not suffice alone is told too: so somebody sees that money comes behind the hold.
func TestWhatComesBehind(t *testing.T) {
	d := decided(gate.View{}, fired(), held())
	c := d.Change.Cases[0].Now
	f := Facts{
		Asked: Asked{Text: c.ID, Case: c.ID}, Now: noon, Policy: held(), Delivery: d.Change.Delivery, Cases: []gate.Case{c},
		Leads: map[string]alert.Alert{c.ID: fired()},
		Views: map[string]gate.View{c.ID: {
			Account: gate.Account{Agent: "default", Money: gate.Money{Spent: map[string]gate.Dollars{"2026-11": 299_000_000}}},
			Leads:   map[string]alert.Alert{c.ID: fired()},
		}},
	}
	if text := write(t, Tell(f)); !strings.Contains(text, `
What the next tick does about `+c.ID+`: wait, hold
  wait, budget, if its time to wait were over
  start, if it were started by hand
`) {
		t.Errorf("it tells\n%s", text)
	}
}
