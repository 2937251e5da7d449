package start_test

import (
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/start"
)

// perAgent is a policy in which each Agent has its own price.
type perAgent struct{ gate.Rules }

func (p perAgent) ForAgent(_ alert.Alert, agent string) gate.Rules {
	r := p.Rules
	r.Agent, r.Budget.Second = agent, 9
	return r
}

// A case is paid for by its own Agent, whichever the policy would choose for its alert by now.
func TestRulesAreThoseOfTheCasesAgent(t *testing.T) {
	p := gate.DefaultRules()
	p.Budget.Second = 7
	for name, row := range map[string]struct {
		policy gate.Policy
		agent  string
		want   gate.Dollars
	}{
		"its own":                              {perAgent{p}, "default", 7},
		"another, with an account of its own":  {perAgent{p}, "payments", 9},
		"another, of a policy without account": {p, "payments", 7},
	} {
		r := start.RulesOf(row.policy, gate.View{}, gate.Case{ID: "ab-1", Agent: row.agent}, row.agent)
		if r.Agent != row.agent || r.Budget.Second != row.want {
			t.Errorf("%s: of %s, %d a second, want of %s, %d", name, r.Agent, r.Budget.Second, row.agent, row.want)
		}
	}
}
