package gate

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// The line for people has the numbers that decided, as they were at that moment.
func TestBecauseHasTheNumbers(t *testing.T) {
	r := DefaultRules()
	r.Slots, r.CriticalSlots, r.Fresh, r.LateHold = 3, 1, 2*time.Minute, time.Minute
	r.Budget = Budget{Month: 300_000_000, Case: 4_000_000, Bucket: 5, CriticalPerDay: 20}
	r.Source = map[string]string{
		"critical": "p:1", "slots.total": "p:2", "budget.dollars_a_month": "p:3", "critical_per_day": "p:4", "late_hold": "p:5", "mode": "p:6",
	}
	runs := func(critical ...bool) map[string]Reservation {
		m := map[string]Reservation{"ab-over": {Until: noon, Critical: true}} // holds no slot any more
		for i, c := range critical {
			m[fmt.Sprint("ab-", i)] = Reservation{Until: noon.Add(time.Minute), Critical: c}
		}
		return m
	}
	for _, row := range []struct {
		why  string
		sev  alert.Severity
		prio string
		age  time.Duration
		acct Account
		want string
	}{
		{"slots", alert.High, "P2", 0, Account{Running: runs(false, false)}, "slots: 2 of 3 slots taken, 1 kept for critical cases (p:2)"},
		{"the kept slot is in use", alert.High, "P2", 0, Account{Running: runs(false, false, true)}, "slots: 3 of 3 slots taken (p:2)"},
		{"slots, critical", alert.Critical, "P1", 0, Account{Running: runs(false, false, false)}, "slots: 3 of 3 slots taken (p:2)"},
		{"beyond the budget", alert.Critical, "P1", 0, Account{Money: Money{
			Spent: map[string]Dollars{"2026-03": 299_000_000}, Critical: map[string]int{"2026-03-02": 4},
		}}, "new_incident: critical: goes beyond the budget (p:3), 5 of 20 today (p:4)"},
		{
			"over it", alert.High, "P2", 0,
			Account{Money: Money{Spent: map[string]Dollars{"2026-03": 299_000_000}}},
			"budget: $299.00 of $300.00 spent this month, one costs about $4.00, possible again at 2026-04-01 00:00:00 UTC (p:3)",
		},
		{"late", alert.Critical, "P1", 3 * time.Minute, Account{}, "hold: P1, CRITICAL (p:1): held for 1m (p:5)"},
		{"without a priority", alert.High, "", 0, Account{}, "new_incident: HIGH"},
	} {
		a := said("d1", alert.Triggered, noon.Add(-row.age), "fallback")
		a.Severity, a.Priority = row.sev, row.prio
		v := viewOf(Incident{}, Case{})
		row.acct.Agent = v.Account.Agent
		v.Account = row.acct
		d := Arrive(v, Arrival{Alert: a}, r, noon)
		if got := string(d.Reason) + ": " + d.Change.Delivery.Because; got != row.want {
			t.Errorf("%s: %q, want %q", row.why, got, row.want)
		}
	}
}

// A record keeps neither who took back the last mode nor who opened the account: nothing was decided by that.
func TestARecordKeepsNoOrderThatRulesNothing(t *testing.T) {
	v := viewOf(Incident{}, Case{})
	v.Hand.Mode, v.Account.Hand = ModeOrder{Order: ordered(0)}, ordered(0)
	d := Arrive(v, Arrival{Alert: said("d1", alert.Triggered, noon, "fallback")}, DefaultRules(), noon)
	if s := d.Change.Delivery.Saw.View; s.Hand.Mode != (ModeOrder{}) || s.Account.Hand != (Order{}) || d.Change.Delivery.Hand != "" {
		t.Errorf("%+v, %+v, %q", s.Hand, s.Account, d.Change.Delivery.Hand)
	}
	v.Hand.Mode.Mode = ModeObserve
	if s := Arrive(v, Arrival{Alert: said("d1", alert.Triggered, noon, "fallback")}, DefaultRules(), noon).Change.Delivery.Saw.View; s.Hand.Mode != v.Hand.Mode {
		t.Errorf("a mode that counts is not kept: %+v", s.Hand)
	}
}

// A record keeps the silence that mutes, and no other: there can be a hundred.
func TestARecordKeepsTheSilenceThatMutes(t *testing.T) {
	v := viewOf(Incident{}, Case{})
	v.Hand.Silences = []Silence{{"s-1", matchers(t, "service=other"), ordered(0)}, {"s-2", matchers(t, "monitor=77"), ordered(0)}, {"s-3", matchers(t, "monitor=77"), ordered(0)}}
	d := Arrive(v, Arrival{Alert: said("d1", alert.Triggered, noon, "fallback")}, DefaultRules(), noon)
	if s := d.Change.Delivery.Saw.View.Hand.Silences; d.Reason != Silenced || len(s) != 1 || s[0].ID != "s-2" || !strings.HasPrefix(d.Change.Delivery.Hand, "silence s-2 ") {
		t.Errorf("%s, %+v, %q", d.Reason, s, d.Change.Delivery.Hand)
	}
	v.Hand.Silences = v.Hand.Silences[:1]
	if d := Arrive(v, Arrival{Alert: said("d1", alert.Triggered, noon, "fallback")}, DefaultRules(), noon); len(d.Change.Delivery.Saw.View.Hand.Silences) != 0 {
		t.Errorf("one that does not mute it is kept: %+v", d.Change.Delivery.Saw.View.Hand)
	}
}

// A record does not keep what no decision reads: every notification writes one. The alert that opens a case is kept whole.
func TestARecordKeepsNoMoreThanIsRead(t *testing.T) {
	al := said("d1", alert.Triggered, noon, "fallback")
	al.Aggregation, al.Text, al.Snapshot, al.Monitor.Query = "06ade3da", "Checkout is slow.", "https://p.example/a.png", "avg(last_5m):x{*} > 1"
	al.Links, al.Refs, al.Cut = []alert.Link{{Name: "Monitor"}}, []alert.Ref{{Name: "trace_id", Value: "7"}}, []string{"tags cut from 63 to 60"}
	d := Arrive(viewOf(Incident{}, Case{}), Arrival{Alert: al}, DefaultRules(), noon)
	if len(d.Change.Cases) != 1 || !reflect.DeepEqual(d.Change.Cases[0].Lead, &al) {
		t.Errorf("the case is opened with %+v, want %+v", d.Change.Cases, al)
	}
	al.Aggregation, al.Text, al.Snapshot, al.Monitor.Query, al.Links, al.Refs, al.Cut = "", "", "", "", nil, nil, nil
	if got := d.Change.Delivery.Saw.Alert; !reflect.DeepEqual(got, al) {
		t.Errorf("the record has %+v, want %+v", got, al)
	}
}

// What a case cannot remember it counts.
func TestNotedCountsWhatItLeavesOut(t *testing.T) {
	c := Case{}
	for i := range MaxSteps + 4 {
		c = Noted(c, fmt.Sprint("step ", i), after(float64(i)))
	}
	// Of 24 steps the first five and the last fourteen are there, and one says that five were left out.
	if len(c.Steps) != MaxSteps || c.Steps[4].Text != "step 4" || c.Steps[5].Text != "5 steps are left out here" || c.Steps[6].Text != "step 10" ||
		c.Steps[MaxSteps-1].Text != "step 23" {
		t.Errorf("%+v", c.Steps)
	}
}
