package gate

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Plan is what is known of a task's mitigation: the plan that the Agent makes when a person asks for it, once the task's
// investigation is completed. It runs in the same task, costs as much a second, and settles nothing about the investigation.
// The zero value: none was heard of.
//
// Only the Agent's events tell a mitigation from an investigation. Its API shows one status of a task, and whether a
// mitigation changes it is not documented. So a status of the API's is taken for the mitigation's when it is of the time
// of one, and both are right: a task that runs again, and one that stays completed.
type Plan struct {
	Status  Status    `json:"status,omitzero"` // of the latest word
	Updated time.Time `json:"updated,omitzero"`
	Done    time.Time `json:"done,omitzero"` // when there was a plan last; zero: there is none yet
	// Of the run that made it, where an event says so.
	Execution Said `json:"execution,omitzero"`
	Summary   Said `json:"summary,omitzero"`
	// How the investigation stood, and what the task did last, at the last of the marks that are not kept any more.
	Before Status `json:"before,omitzero"`
	Of     Doing  `json:"of,omitzero"`
}

// with takes in one more word. The latest says how it stands; of two of the same moment the one that tells more.
func (p Plan) with(t Task) Plan {
	if p.Status == "" || cmp.Or(p.Updated.Compare(t.Updated), over(p.Status)-over(t.Status), weight(t.Status)-weight(p.Status),
		strings.Compare(string(p.Status), string(t.Status))) < 0 {
		p.Status, p.Updated = t.Status, t.Updated
	}
	if t.Status != Completed {
		return p
	}
	if t.Updated.After(p.Done) {
		p.Done = t.Updated
	}
	p.Execution = p.Execution.or(t.Execution, t.Updated)
	p.Summary = p.Summary.or(t.Summary, t.Updated)
	return p
}

// Own is the task as its investigation alone makes it: Status, Words and Updated are not those of a mitigation. Updated is
// zero where nobody has told when the investigation ended.
func (k TaskWork) Own() TaskWork {
	if k.Plan.Status == "" {
		return k
	}
	seen := k
	if latest := (Mark{At: k.Updated, Status: k.Status}); k.Status != "" && latest.At.After(k.Folded) && !k.has(latest) {
		seen.Marks = append(slices.Clone(k.Marks), latest) // what waits leaves no mark
		slices.SortFunc(seen.Marks, compareMarks)
	}
	status, at := Completed, time.Time{} // for nothing else can be mitigated
	if m := seen.lastOwn(); m.Status != "" {
		status, at = m.Status, m.At
	}
	if status != k.Status || !at.Equal(k.Updated) {
		k.Status, k.Updated, k.Words = status, at, ""
	}
	return k
}

func (k TaskWork) has(m Mark) bool {
	return slices.ContainsFunc(k.Marks, func(o Mark) bool { return o.At.Equal(m.At) && o.Status == m.Status })
}

// lastOwn is the latest mark of the investigation, without a Status where that cannot be how it stands: a mitigation came
// after it, and it is not over.
func (k TaskWork) lastOwn() Mark {
	last, mitigated := Mark{Status: k.Plan.Before, At: k.Folded}, k.Plan.Of == Mitigating
	for i, m := range k.Marks {
		if mitigated = k.of(i) == Mitigating; !mitigated {
			last = m
		}
	}
	if mitigated && !last.Status.Over() {
		return Mark{}
	}
	return last
}

// last says how the investigation stands at the end of the marks, and what the task did there.
func (k TaskWork) last() (Status, Doing) {
	return k.lastOwn().Status, k.of(len(k.Marks) - 1)
}

// of is what a mark speaks of. One that does not say so speaks of what the latest did that says so, up to its own moment.
func (k TaskWork) of(i int) Doing {
	for _, m := range slices.Backward(k.Marks) {
		if m.Of != "" && (k.Marks[i].Of == "" && !m.At.After(k.Marks[i].At) || m == k.Marks[i]) {
			return m.Of
		}
	}
	return k.Plan.Of
}

// Plan is the task with the mitigation that tells most, nil where none was heard of: the latest that has a plan, else the
// one that was heard of last.
func (w Work) Plan() *TaskWork {
	var best *TaskWork
	for _, t := range w.Tasks {
		if t.Plan.Status == "" {
			continue
		}
		if best == nil || cmp.Or(t.Plan.Done.Compare(best.Plan.Done), t.Plan.Updated.Compare(best.Plan.Updated)) > 0 {
			best = &t
		}
	}
	return best
}

// Mitigates tells whether a mitigation runs, as far as anybody has told.
func (w Work) Mitigates() bool {
	return slices.ContainsFunc(w.Tasks, func(k TaskWork) bool { return !k.tally(nil).plans.IsZero() })
}

// planned tells whether people are to know of a plan: the investigation has come to its end, and so has a mitigation.
func (c Case) planned() bool {
	p := c.Work.Plan()
	return c.State == Ended && c.How == EndCompleted && p != nil && !p.Plan.Done.IsZero()
}

// stands are the words by which people see that something has changed: how the investigation stands, and its mitigation.
func (w Work) stands() string {
	text := string(w.Status())
	if p := w.Plan(); p != nil {
		text += ", mitigation " + string(p.Plan.Status)
	}
	return text
}
