// Package words says in plain words what happened to a case, or to an Agent: it makes the answer.Answer of a moment.
//
// It is a pure function of what the ledger knows, the policy's numbers, the time, and what the Agent has found. What is
// said is what stands now, not what stood when the moment came: an answer may be told late, and a reader at night wants
// to know what is the matter and what to do.
//
//   - The text begins with what happens and why, until when, and what it cost; then comes what to do. What the Agent found
//     stands at the end, where a cut takes from it first.
//   - A price is said to be the Agent's own or reckoned. Neither is left for the other.
//   - Titles, notes and findings were written by others, and some by an AI that read what strangers wrote. They stand in
//     quotation marks or behind "> ", a line for a line, so that nothing in them passes for a word of ours. An Answer is
//     made Ready by whoever sends it; here it is cleaned so far that what is a line now is one then.
//   - The pager is for critical cases: Trigger when nobody looks into one, Resolve when that is over.
package words

import (
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Telling is what an answer about a case is made of.
type Telling struct {
	Case     gate.Case
	Lead     alert.Alert // the alert that opened it
	Rules    gate.Rules  // what the policy says about that
	Moment   gate.Moment
	At       time.Time     // when it happened
	Happened []gate.Moment // everything that has happened to the case
	// Summary is what the Agent has found, or what it plans where that is what happened; "" when that is not known:
	// NoSummary says then why, where one was expected.
	Summary   string
	NoSummary string
	Now       time.Time
}

// Of is what is told.
func Of(t Telling) answer.Answer {
	c := t.Case
	a := answer.Answer{
		ID: c.ID + "/" + string(t.Moment), Case: c.ID, At: t.At, Severity: c.Severity, Service: c.Service, Env: t.Lead.Tag("env"), Route: t.Rules.Route,
		Tags: tags(t.Lead), AggregationKey: aggregation(t.Lead), Page: t.page(),
	}
	a.Moment = t.moment()
	a.Title = t.headline(a.Moment) + ": " + line(c.Title)
	a.Text = strings.Join(t.text(a.Moment), "\n")
	for _, l := range t.Lead.Links {
		a.Links = append(a.Links, answer.Link{Name: l.Name, URL: l.URL})
	}
	return a
}

// moment is the answer's word for what happened: it tells trouble from what takes its course.
func (t Telling) moment() answer.Moment {
	switch t.Moment {
	case gate.WasStarted:
		return answer.Started
	case gate.Waits, gate.IsHeld:
		switch {
		case !t.critical():
		case t.Case.Why == gate.WhyAgentShut:
			return answer.Shut
		case t.Case.Why == gate.WhyBudget:
			return answer.Beyond
		}
		return answer.Waits
	case gate.WasRefused:
		return answer.Refused
	case gate.WasMissed:
		return answer.Unconfirmed
	case gate.WasNot:
		return answer.Unstarted
	case gate.HasRecovered:
		return answer.Recovered
	case gate.WasPlanned:
		return answer.Planned
	}
	switch t.Case.How {
	case gate.EndFailed, gate.EndTimedOut, gate.EndCancelled:
		return answer.Failed
	}
	return answer.Ended
}

func (t Telling) critical() bool { return t.Case.Severity >= alert.Critical }

// page: whoever is woken by a critical case that nobody looks into is told when that is over. A Resolve of what was never
// opened does nothing, and is sent also where it is not certain that it was.
func (t Telling) page() answer.Page {
	m := t.moment()
	switch {
	case !t.critical():
		return answer.NoPage
	case m.Trouble():
		return answer.Trigger
	case t.over() && slices.ContainsFunc(t.Happened, mayTrigger):
		return answer.Resolve
	}
	return answer.NoPage
}

// over: the trouble that came before is, whatever it was.
func (t Telling) over() bool {
	switch t.Moment {
	case gate.WasStarted, gate.HasRecovered:
		return true
	case gate.HasEnded:
		return t.Case.How == gate.EndCompleted || t.Case.How == gate.EndLinked || t.Case.How == gate.EndSkipped
	case gate.WasNot: // one that expired may fire on, with nobody looking at it
		return t.Case.How == gate.EndRecovered || t.Case.How == gate.EndSilenced
	}
	return false
}

func mayTrigger(m gate.Moment) bool {
	return m == gate.Waits || m == gate.IsHeld || m == gate.WasRefused || m == gate.WasMissed
}

// first are the tags by which people find their way, in this order before all others.
var first = []string{"service", "env", "team", "version", "host", "region", "monitor", "cluster", "namespace"}

// tags are the alert's, those that matter most before the others: of too many the last are left out.
func tags(a alert.Alert) []string {
	all := slices.Concat(a.Tags, a.Scope)
	rank := func(tag string) int {
		key, _, _ := strings.Cut(strings.ToLower(tag), ":")
		if i := slices.Index(first, key); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortStableFunc(all, func(a, b string) int { return rank(a) - rank(b) })
	return all
}

// aggregation is Datadog's aggregation key, where the incident is named by it. Where it has the cycle's key, the alert has
// not kept the other.
func aggregation(a alert.Alert) string {
	if key, ours := strings.CutPrefix(a.Incident.Key, "g."); ours && !a.Incident.Cycle && !strings.HasPrefix(key, "x-") {
		return key
	}
	return ""
}

// line is text of others on one line. Cleaning comes first: a line break can be written as an entity.
func line(s string) string { return alert.Line(s) }
