package functions_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
	"github.com/alertbridge/alertbridge/shared/start"
)

// twoAgents is a bridge whose policy gives one team an Agent of its own, with money for two investigations a month.
func twoAgents(t *testing.T) (b *bridge, payments *scripted) {
	t.Helper()
	pol, err := policy.Parse("policy.yaml", []byte(`
hold: {P2: 0s}
agents:
  payments:
    budget: {dollars_a_month: 8}
routes:
  - name: payments
    match: [team = payments]
    agent: payments
`))
	if err != nil {
		t.Fatal(err)
	}
	b, payments = newBridge(t), &scripted{version: "v1"}
	b.dispatch.Policy, b.schedule.Policy = pol, pol
	b.dispatch.Starter.Agents = map[string]start.Agent{"default": b.agent, "payments": payments}
	b.schedule.Secrets = map[string]schedule.Secrets{"default": b.agent, "payments": payments}
	return b, payments
}

func ofPayments(a *alert.Alert) { a.Tags = append(a.Tags, "team:payments") }
func high(a *alert.Alert)       { a.Severity = alert.High }

// Each Agent is called for its own cases alone, and what shuts one leaves the other open.
func TestAgentsAreIndependent(t *testing.T) {
	b, payments := twoAgents(t)
	payments.says(delivery.Unauthorized)
	theirs := b.send(b.alertOf("A", alert.Triggered, critical, ofPayments))
	ours := b.send(b.alertOf("B", alert.Triggered, critical))
	b.want(theirs, gate.Start, gate.NewIncident)
	b.want(ours, gate.Start, gate.NewIncident)
	if len(b.agent.asked) != 1 || len(payments.asked) != 1 {
		t.Errorf("%d calls of default and %d of payments, want one each", len(b.agent.asked), len(payments.asked))
	}
	if c := b.caseOf(theirs.Case); c.State != gate.Waiting || c.Why != gate.WhyAgentShut || c.Agent != "payments" {
		t.Errorf("their case is %s (%s) of %s", c.State, c.Why, c.Agent)
	}
	if c := b.caseOf(ours.Case); c.State != gate.Started {
		t.Errorf("our case is %s", c.State)
	}
	payments.version = "v2"
	b.tick(time.Minute)
	if c := b.caseOf(theirs.Case); c.State != gate.Started || len(b.agent.asked) != 1 || len(payments.asked) != 2 {
		t.Errorf("with their secret mended, their case is %s", c.State)
	}
}

// Each tick says of each Agent what it has cost and what waits for money. At $0.0083 a second and 8 minutes a case is
// reckoned to cost $3.984, so two fit into $8.
func TestMoneyIsToldByAgent(t *testing.T) {
	b, _ := twoAgents(t)
	for _, name := range []string{"A", "B", "C"} {
		b.send(b.alertOf(name, alert.Triggered, high, ofPayments))
	}
	b.send(b.alertOf("D", alert.Triggered, critical))
	b.out.take()
	b.tick(time.Second)
	got := map[string]float64{}
	for _, line := range b.out.take() {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"BudgetSpent", "BudgetWaiting"} {
			if n, ok := m[name].(float64); ok {
				got[fmt.Sprint(name, " ", m["agent"])] = n
			}
		}
	}
	want := map[string]float64{
		"BudgetSpent default": 3.984, "BudgetWaiting default": 0, "BudgetSpent payments": 7.968, "BudgetWaiting payments": 1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}
