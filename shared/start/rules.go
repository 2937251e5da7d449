package start

import (
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// RulesOf are what the policy says of the alert that opened a case. The case stays with its Agent, whatever the policy
// would choose by now, and is paid for by it.
func RulesOf(p gate.Policy, v gate.View, c gate.Case, agent string) gate.Rules {
	lead := gate.LeadOf(v, c)
	r := p.For(lead)
	if r.Agent == agent {
		return r
	}
	if own, knows := p.(accounts); knows {
		return own.ForAgent(lead, agent)
	}
	r.Agent = agent
	return r
}

// accounts is a policy in which each Agent has money and slots of its own.
type accounts interface {
	ForAgent(a alert.Alert, agent string) gate.Rules
}
