package caseview

import (
	"cmp"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Told is what became of telling people, at one place where they look, of one thing that happened to a case.
type Told struct {
	Target string    `json:"target"` // datadog or pagerduty
	Moment string    `json:"moment"` // what happened
	As     string    `json:"as"`     // told, given_up, left_out or left_tried
	At     time.Time `json:"at,omitzero"`
	Words  string    `json:"words,omitempty"` // why it was not told
}

// ToldOf shows what became of what is to be told of a case, the oldest first. What is not settled yet is not in it.
func ToldOf(p gate.Post) []Told {
	var list []Told
	for _, t := range p.Told {
		list = append(list, Told{Target: t.Target, Moment: string(t.Moment), As: string(t.As), At: moment(t.At), Words: t.Words})
	}
	slices.SortStableFunc(list, func(a, b Told) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Target, b.Target)) })
	return list
}

// places are the names of the targets for people.
var places = map[string]string{"datadog": "Datadog", "pagerduty": "PagerDuty"}

// String says it for people, but for why it was not told.
func (t Told) String() string {
	what := cmp.Or(places[t.Target], t.Target) + ": " + t.Moment
	switch gate.ToldAs(t.As) {
	case gate.WasTold:
		return "told " + what
	case gate.GivenUp:
		return "given up telling " + what
	case gate.LeftTried:
		return "not told " + what + ", but for a try that may have arrived"
	}
	return "not told " + what
}
