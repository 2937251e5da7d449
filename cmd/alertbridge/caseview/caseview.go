// Package caseview is a case as people see it: the JSON in which the local run serves it, and the text that `alertbridge
// cases` prints of it, wherever it comes from.
package caseview

import (
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Case is a case of the ledger with names and values for people. Times are in UTC, to the millisecond; one that is not
// known is left out. Fields are added, never given another meaning.
type Case struct {
	ID       string `json:"id"`
	Agent    string `json:"agent"`
	State    string `json:"state"`
	Why      string `json:"why,omitempty"` // what it waits for
	How      string `json:"how,omitempty"` // how it ended
	Severity string `json:"severity"`
	Title    string `json:"title"`
	Service  string `json:"service"`
	Incident string `json:"incident"` // the one that opened it

	Opened time.Time `json:"opened,omitzero"`
	Start  time.Time `json:"start,omitzero"` // when the start was decided
	Until  time.Time `json:"until,omitzero"` // what it means depends on the state; see UntilMeans
	Last   time.Time `json:"last,omitzero"`  // the last notification that says that it fires

	Firing   int    `json:"firing"` // incidents that fire; exact until it has started
	Joined   int    `json:"joined"` // alerts that joined
	Attempts int    `json:"attempts"`
	Doubts   int    `json:"doubts"`
	NoRepeat bool   `json:"no_repeat,omitempty"` // in doubt, and not repeated: the policy says stop, or the Agent refused a repeat
	Resting  bool   `json:"resting,omitempty"`   // in doubt, and nothing more is tried by itself
	Note     string `json:"note,omitempty"`      // what was said last about a call

	Observed bool     `json:"observed,omitempty"` // it is only observed what would be started, and nothing is
	Storm    string   `json:"storm,omitempty"`    // the environment whose storm it collects
	Services []string `json:"services,omitempty"` // of a storm's case
	Hand     *Hand    `json:"by_hand,omitempty"`  // who wants it started, whatever it would wait for

	Investigation *Investigation `json:"investigation,omitempty"` // nil where nobody follows what the Agent makes of it

	Members []Member `json:"members,omitempty"`
	Steps   []Step   `json:"steps,omitempty"` // what became of it, the oldest first
	Told    []Told   `json:"told,omitempty"`  // who was told what, the oldest first; of one case that is shown only
	TraceID string   `json:"trace_id,omitempty"`
}

// Hand is who ordered the start of a case, and why.
type Hand struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at,omitzero"`
}

// Step is one thing that became of a case.
type Step struct {
	At   time.Time `json:"at,omitzero"`
	Text string    `json:"text"`
}

// Member is an incident that joined the case.
type Member struct {
	Incident string    `json:"incident"`
	Title    string    `json:"title"`
	Scope    string    `json:"scope,omitempty"`
	Severity string    `json:"severity"`
	Since    time.Time `json:"since,omitzero"`
}

// List is a page of cases.
type List struct {
	Cases []Case `json:"cases"`
	More  bool   `json:"more"` // there are more than were asked for
}

// Of shows a case of the ledger as it is now: what still runs has run until then.
func Of(c gate.Case, now time.Time) Case {
	v := Case{
		ID: c.ID, Agent: c.Agent, State: string(c.State), Why: string(c.Why), How: string(c.How),
		Severity: c.Severity.String(), Title: c.Title, Service: c.Service, Incident: c.Incident,
		Opened: moment(c.Opened), Start: moment(c.StartAt), Until: moment(c.Until), Last: moment(c.Last),
		Firing: c.Firing, Joined: c.Joined, Attempts: c.Attempt, Doubts: c.Doubts,
		NoRepeat: c.NoRepeat, Resting: c.Resting, Note: c.Note, TraceID: c.TraceID,
		Observed: c.Shadow, Storm: c.Storm, Services: c.Services, Investigation: InvestigationOf(c, now),
	}
	if o := c.Hand; o != (gate.Order{}) {
		v.Hand = &Hand{By: o.By, Reason: o.Reason, At: moment(o.At)}
	}
	for _, step := range c.Steps {
		v.Steps = append(v.Steps, Step{At: moment(step.At), Text: step.Text})
	}
	for _, m := range c.Members {
		v.Members = append(v.Members, Member{
			Incident: m.Incident, Title: m.Title, Scope: m.Scope, Severity: m.Severity.String(), Since: moment(m.Since),
		})
	}
	return v
}

func moment(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Millisecond)
}

// UntilMeans says what Until is in the case's state, "" when it is of no interest.
func (c Case) UntilMeans() string {
	switch gate.State(c.State) {
	case gate.Waiting:
		return "not before"
	case gate.Starting:
		return "lease ends"
	case gate.InDoubt:
		if c.Resting {
			return ""
		}
		return "next try"
	case gate.Started:
		if c.Investigation != nil {
			return "asked for next"
		}
		return "estimated end"
	case gate.Refused:
		return "refused at"
	case gate.Ended:
		return "ended at"
	}
	return ""
}
