package words

import (
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Outage is what an answer about an Agent is made of.
type Outage struct {
	Agent string
	Since time.Time
	Over  time.Time // zero: it lasts
	Shut  gate.Shut // the zero value: it cannot be reached
	Now   time.Time
}

// OfOutage is what is told: one incident of the pager for the outage, whatever waits for its end.
func OfOutage(o Outage) answer.Answer {
	key := gate.AgentPost(o.Agent) + at(o.Since)
	a := answer.Answer{ID: key + "/down", Moment: answer.Down, At: o.Since, Severity: alert.Critical, Page: answer.Trigger, PageKey: key, AggregationKey: key}
	text := []string{}
	switch {
	case !o.Over.IsZero():
		a.ID, a.Moment, a.At, a.Page, a.Severity = key+"/up", answer.Up, o.Over, answer.Resolve, alert.Low
		a.Title = "AWS DevOps Agent (" + o.Agent + ") can be reached again"
		text = append(text, "It was away for "+short(o.Over.Sub(o.Since))+", since "+clock(o.Since)+". What waits starts now, the most important first.")
	case !o.Shut.Since.IsZero():
		a.Title = "AWS DevOps Agent (" + o.Agent + ") does not let us in"
		text = append(text,
			"Since "+clock(o.Since)+" nothing can be started"+said(o.Shut.Words)+".",
			"What to do now: mend the Agent's secret or the settings; what waits then starts by itself. How things stand: alertbridge status")
	default:
		a.Title = "AWS DevOps Agent (" + o.Agent + ") cannot be reached"
		text = append(text,
			"Since "+clock(o.Since)+", for "+short(o.Now.Sub(o.Since))+", no start has reached it. Alerts are kept and it is tried again by itself.",
			"What to do now: look at important alerts yourself. How things stand: alertbridge status")
	}
	a.Text = strings.Join(text, "\n")
	return a
}
