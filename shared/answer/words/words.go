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
//   - The pager's incidents are for critical cases: Trigger when nobody looks into one, Resolve when that is over. What an
//     investigation has come to is shown there for every case, as a Change: whoever is on call for the service may look at
//     an incident from elsewhere. Where one of ours may be open, it is Concluded with that.
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
	// Page is the address of the Agent's own page of it, "" where that is not known.
	Page string
	Now  time.Time
}

// Of is what is told.
func Of(t Telling) answer.Answer {
	c := t.Case
	a := answer.Answer{
		ID: t.id(), Case: c.ID, At: t.At, Severity: c.Severity, Service: c.Service, Env: t.Lead.Tag("env"), Route: t.Rules.Route,
		Tags: tags(t.Lead), AggregationKey: aggregation(t.Lead), Page: t.page(),
	}
	a.Moment = t.moment()
	a.Title = t.headline(a.Moment) + ": " + line(c.Title)
	a.Text = strings.Join(t.text(a.Moment), "\n")
	if t.Page != "" {
		a.Links = append(a.Links, answer.Link{Name: "The Agent's own page", URL: t.Page})
	}
	for _, l := range t.Lead.Links {
		a.Links = append(a.Links, answer.Link{Name: l.Name, URL: l.URL})
	}
	return a
}

// id tells one recovery from the one before: all else is told once, and under one ID where it has to be said again.
func (t Telling) id() string {
	id := t.Case.ID + "/" + string(t.Moment)
	if t.Moment == gate.RecoverAgain {
		return id + at(t.At)
	}
	return id
}

// at is the part of an ID that is a time.
func at(t time.Time) string { return "@" + t.UTC().Format("20060102T150405.000Z") }

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
	case gate.IsDoubtful:
		return answer.Doubtful
	case gate.WasMissed:
		return answer.Unconfirmed
	case gate.WasNot:
		return answer.Unstarted
	case gate.HasRecovered, gate.RecoverAgain:
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
	opened := t.critical() && t.over() && slices.ContainsFunc(t.Happened, t.mayHaveTriggered)
	switch {
	case t.critical() && t.moment().Trouble():
		return answer.Trigger
	case opened && t.answers():
		return answer.Conclude
	case opened:
		return answer.Resolve
	case t.answers():
		return answer.Change
	}
	return answer.NoPage
}

// answers: the investigation has come to something that a person wants to read.
func (t Telling) answers() bool {
	return t.ends() && t.Case.Answer() > 0
}

// ends: it is about the end of an investigation.
func (t Telling) ends() bool { return t.Moment == gate.HasEnded || t.Moment == gate.EndedAgain }

// over: the trouble that came before is, whatever it was.
func (t Telling) over() bool {
	switch t.Moment {
	case gate.WasStarted, gate.HasRecovered, gate.RecoverAgain:
		return true
	case gate.HasEnded, gate.EndedAgain:
		return t.Case.Answer() > 0 || t.Case.How == gate.EndSkipped
	case gate.WasNot: // one that expired may fire on, with nobody looking at it
		return t.Case.How == gate.EndRecovered || t.Case.How == gate.EndSilenced || t.Case.State == gate.Refused
	}
	return false
}

// mayHaveTriggered: this moment is one that can open an incident, and was not after what is told now.
func (t Telling) mayHaveTriggered(m gate.Moment) bool {
	switch m {
	case gate.HasEnded:
		return t.Moment == gate.EndedAgain || t.Moment == gate.HasRecovered || t.Moment == gate.RecoverAgain
	case gate.WasMissed:
		return t.Moment != gate.WasStarted
	case gate.Waits, gate.IsHeld, gate.IsDoubtful, gate.WasRefused:
		return true
	}
	return false
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

// aggregation is Datadog's aggregation key. An alert that was queued or kept by a build which did not know the field has
// the key only where its incident is named by it, and not where that name was made of a hash.
func aggregation(a alert.Alert) string {
	if a.Aggregation != "" {
		return a.Aggregation
	}
	if key, ours := strings.CutPrefix(a.Incident.Key, "g."); ours && !a.Incident.Cycle && !hashed(key) {
		return key
	}
	return ""
}

// hashed tells a name that has taken the place of another text: package datadog puts "x-" and alert.Hash for a secret,
// alert.MakeSafe a dash and alert.Hash behind what it could keep.
func hashed(name string) bool {
	const hash = 20 // characters of alert.Hash
	i := len(name) - hash
	return i > 0 && name[i-1] == '-' && strings.Trim(name[i:], "0123456789abcdef") == ""
}

// line is text of others on one line. Cleaning comes first: a line break can be written as an entity.
func line(s string) string { return alert.Line(s) }
