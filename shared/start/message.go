package start

import (
	"fmt"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Told is what the Agent is told of a case, and was told of one that it was called for: as far as nothing has joined or
// recovered since the call, word for word. lead is the alert that opened it.
func Told(c gate.Case, lead alert.Alert) agent.Message {
	return message(gate.Claim{Case: c, Lead: lead})
}

// message says to the Agent what the claim's case is about. It depends on the case alone, so that a repeat sends the
// same id and the same timestamp.
func message(cl gate.Claim) agent.Message {
	c := cl.Case
	r := agent.Report{CaseID: c.ID, Lead: cl.Lead, Severity: c.Severity, Timestamp: cl.Lead.Time}
	for _, m := range c.Members {
		r.Joined = append(r.Joined, agent.Joined{Title: m.Title, Scope: m.Scope, Severity: m.Severity, Since: m.Since})
	}
	r.More = max(0, c.Firing-1-len(c.Members))
	if c.Storm != "" {
		r.Title = stormTitle(c)
	}
	if silent := c.StartAt.Sub(c.Last); c.Gap > 0 && silent > 2*c.Gap {
		r.Notes = append(r.Notes, fmt.Sprintf("It may have healed: nothing was heard of it for %s, and it used to be repeated every %s.",
			silent.Round(time.Second), c.Gap.Round(time.Second)))
	}
	if waited := c.StartAt.Sub(c.Opened); waited >= time.Minute {
		r.Notes = append(r.Notes, fmt.Sprintf("This alert waited %s before it was sent.", waited.Round(time.Second)))
	}
	return agent.NewMessage(r)
}

// stormTitle says what a storm's case is about: "37 services in prod". The Agent takes incidents with like titles for
// one, so the environment is always in it.
func stormTitle(c gate.Case) string {
	n := len(c.Services)
	of := "services"
	if n == 1 {
		of = "service"
	}
	more := ""
	if n >= gate.MaxServices {
		more = "or more "
	}
	env := gate.Environment(c.Storm)
	if env == "" {
		return fmt.Sprintf("Storm of alerts: %d %s%s", n, more, of)
	}
	return fmt.Sprintf("Storm of alerts: %d %s%s in %s", n, more, of, env)
}
