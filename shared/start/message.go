package start

import (
	"fmt"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// message says to the Agent what the claim's case is about. It depends on the case alone, so that a repeat sends the
// same id and the same timestamp.
func message(cl gate.Claim) agent.Message {
	c := cl.Case
	r := agent.Report{CaseID: c.ID, Lead: cl.Lead, Severity: c.Severity, Timestamp: cl.Lead.Time}
	for _, m := range c.Members {
		r.Joined = append(r.Joined, agent.Joined{Title: m.Title, Scope: m.Scope, Severity: m.Severity, Since: m.Since})
	}
	r.More = max(0, c.Firing-1-len(c.Members))
	if waited := c.StartAt.Sub(c.Opened); waited >= time.Minute {
		r.Notes = append(r.Notes, fmt.Sprintf("This alert waited %s before it was sent.", waited.Round(time.Second)))
	}
	return agent.NewMessage(r)
}
