package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Work is what the Agent has said of a case: the tasks that refer to it, and what they cost. The zero value: nothing was
// heard, and the start is not confirmed.
//
// News come twice, late and in any order, from events and from the API. Whatever the order, the same Work comes of them.
//
// A ledger keeps it as JSON. So the names in its tags are never given another meaning.
type Work struct {
	Tasks []TaskWork `json:"tasks,omitempty"` // by creation; at most MaxTasks
	// Booked is what the account counts as spent for the case in Month, beside a reservation.
	Booked Dollars `json:"booked,omitzero"`
	Month  string  `json:"month,omitzero"` // as in Money.Spent
	// Asked is how often in a row the API was asked in vain, or nothing new was learnt: each makes the next wait longer.
	Asked int `json:"asked,omitzero"`
	// Absent is when the API was asked last and had no task of the case. It says so for the attempts before it alone.
	Absent time.Time `json:"absent,omitzero"`
	Missed bool      `json:"missed,omitzero"` // nothing had confirmed the start within ConfirmWithin
}

// TaskWork is what is known of one of the Agent's tasks, from all that was said of it.
type TaskWork struct {
	ID      string    `json:"id"`
	Status  Status    `json:"status"`
	Words   string    `json:"words,omitzero"` // as in Task
	Created time.Time `json:"created,omitzero"`
	Updated time.Time `json:"updated,omitzero"`
	// A word that leaves one of these out does not unsay it.
	Execution Said          `json:"execution,omitzero"`
	Summary   Said          `json:"summary,omitzero"`
	Primary   Said          `json:"primary,omitzero"`
	Marks     []Mark        `json:"marks,omitempty"` // since when it stood how, as far as that says when it ran; at most MaxMarks
	Ran       time.Duration `json:"ran,omitzero"`    // of runs whose marks are not kept any more
	Folded    time.Time     `json:"folded,omitzero"` // the last of these marks: what is older is in Ran
	// Found is the run that an event named as the one which completed the investigation. Execution is of the latest run,
	// and that may be a mitigation's.
	Found Said `json:"found,omitzero"`
	Plan  Plan `json:"plan,omitzero"`
}

// Said is the latest of the values that were said of one thing.
type Said struct {
	Value string    `json:"value,omitzero"`
	At    time.Time `json:"at,omitzero"`
}

func (s Said) or(value string, at time.Time) Said {
	if value == "" || at.Before(s.At) || at.Equal(s.At) && value <= s.Value {
		return s
	}
	return Said{value, at}
}

// Mark is a moment at which a task began or ended to run.
type Mark struct {
	At     time.Time `json:"at,omitzero"`
	Status Status    `json:"status,omitzero"`
	Of     Doing     `json:"of,omitzero"` // as in Task
}

// Bounds of what is kept of a case's tasks. A case has one task, and one more for each repeat of its start; a task runs
// once, and once more each time it is taken up again or a plan is asked of it.
const (
	MaxTasks = 6
	MaxMarks = 12
)

// Status is how the case's investigation stands, over all its tasks: what runs tells more than what is over, and what
// came to an answer more than what did not. "" when nothing was heard.
func (w Work) Status() Status { return w.telling().Status }

// Telling is the task that tells how the investigation stands, nil when nothing was heard.
func (w Work) Telling() *TaskWork {
	if len(w.Tasks) == 0 {
		return nil
	}
	t := w.telling()
	return &t
}

func (w Work) telling() TaskWork {
	var best TaskWork
	for i, t := range w.Tasks {
		if t = t.Own(); i == 0 || weight(t.Status) < weight(best.Status) {
			best = t
		}
	}
	return best
}

// weight orders the statuses by how much they tell of a case that has several tasks, the most telling first.
func weight(s Status) int {
	order := [...]Status{InProgress, PendingStart, PendingTriage, Completed, TimedOut, Failed, Cancelled, Linked, Skipped}
	if i := slices.Index(order[:], s); i >= 0 {
		return i
	}
	return len(order)
}

// Ran is how long the Agent has worked on the case, all its tasks and their runs together, until now.
func (w Work) Ran(now time.Time) time.Duration {
	var sum time.Duration
	for _, t := range w.Tasks {
		sum += t.ran(now)
	}
	return sum
}

// Price is what the Agent takes for that; 0 where the policy has no price.
func (w Work) Price(b Budget, now time.Time) Dollars {
	return Dollars(int64(b.Second) * w.Ran(now).Milliseconds() / 1000)
}

// with takes in what is said of one task. What is said of one more than MaxTasks is not kept.
func (w Work) with(t Task) Work {
	t.Created, t.Updated = kept(t.Created), kept(t.Updated)
	w.Tasks = slices.Clone(w.Tasks)
	i := slices.IndexFunc(w.Tasks, func(k TaskWork) bool { return k.ID == t.ID })
	switch {
	case i >= 0:
		w.Tasks[i] = w.Tasks[i].with(t)
		return w
	case len(w.Tasks) == MaxTasks:
		return w
	}
	w.Tasks = append(w.Tasks, TaskWork{}.with(t))
	slices.SortFunc(w.Tasks, func(a, b TaskWork) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return w
}

// with takes in one more word on the same task. The latest word says how it stands, but for those about a mitigation.
func (k TaskWork) with(t Task) TaskWork {
	k.ID, k.Created = t.ID, earlier(k.Created, t.Created)
	if t.Of == Mitigating {
		k.Plan = k.Plan.with(t)
		return k.marked(Mark{At: t.Updated, Status: t.Status, Of: t.Of})
	}
	if k.Status == "" || k.before(t) {
		k.Status, k.Words, k.Updated = t.Status, t.Words, t.Updated
	}
	k.Execution = k.Execution.or(t.Execution, t.Updated)
	k.Summary = k.Summary.or(t.Summary, t.Updated)
	k.Primary = k.Primary.or(t.Primary, t.Updated)
	if t.Of == Investigating && t.Status == Completed {
		k.Found = k.Found.or(t.Execution, t.Updated)
	}
	return k.marked(Mark{At: t.Updated, Status: t.Status, Of: t.Of})
}

// before tells whether t is a later word than what is kept. Of two of the same moment the one that tells more counts.
func (k TaskWork) before(t Task) bool {
	return cmp.Or(k.Updated.Compare(t.Updated), over(k.Status)-over(t.Status), weight(t.Status)-weight(k.Status),
		strings.Compare(string(k.Status), string(t.Status)), strings.Compare(k.Words, t.Words)) < 0
}

func over(s Status) int {
	if s.Over() {
		return 1
	}
	return 0
}

// marked puts a mark into its place. Pending says nothing about running, and one mark says as much as two that are alike;
// one that says of what it speaks says more than one that does not.
func (k TaskWork) marked(m Mark) TaskWork {
	if m.At.IsZero() || m.Status != InProgress && !m.Status.Over() || !m.At.After(k.Folded) {
		return k
	}
	k.Marks = slices.Clone(k.Marks)
	for i, o := range k.Marks {
		if !o.At.Equal(m.At) || o.Status != m.Status {
			continue
		}
		switch {
		case m.Of == "" || m.Of == o.Of:
			return k
		case o.Of == "":
			k.Marks[i] = m
			slices.SortFunc(k.Marks, compareMarks)
			return k
		}
	}
	k.Marks = append(k.Marks, m)
	slices.SortFunc(k.Marks, compareMarks)
	if len(k.Marks) > MaxMarks {
		k = k.folded()
	}
	return k
}

func compareMarks(a, b Mark) int {
	return cmp.Or(a.At.Compare(b.At), weight(a.Status)-weight(b.Status), strings.Compare(string(a.Of), string(b.Of)))
}

// folded puts the marks up to the first end of a run into Ran; where none has ended, the first mark says no more than
// the second.
func (k TaskWork) folded() TaskWork {
	end, ran := -1, time.Duration(0)
	k.tally(func(i int, t tally) {
		if end < 0 && i < len(k.Marks)-1 {
			end, ran = i, t.sum
		}
	})
	if end < 0 {
		k.Marks = slices.Delete(slices.Clone(k.Marks), 1, 2)
		return k
	}
	if k.Plan.Status != "" {
		first := k
		first.Marks = k.Marks[:end+1]
		k.Plan.Before, k.Plan.Of = first.last()
	}
	k.Ran, k.Folded = ran, k.Marks[end].At
	k.Marks = slices.Clone(k.Marks[end+1:])
	return k
}

// ran adds up the runs. What still runs counts until now; a mitigation of which no end is heard, as long as one can last.
func (k TaskWork) ran(now time.Time) time.Duration {
	t := k.tally(nil)
	if t.began.IsZero() || !now.After(t.began) {
		return t.sum
	}
	run := now.Sub(t.began)
	if !t.plans.IsZero() {
		run = min(run, MaxRun)
	}
	return t.sum + run
}

// tally is what the marks come to.
type tally struct {
	sum   time.Duration // of the runs that are over
	began time.Time     // of one that goes on; zero: none does
	plans time.Time     // since when that one is a mitigation; zero: it is none
}

// tally adds up the runs: each from the first word that it runs to the next word that it does not. Of a first run whose
// beginning nobody has told, the task's creation is the beginning; an end that never ran, such as that of a task which
// triage has linked, costs nothing. each, if not nil, is told of every mark after which nothing runs.
func (k TaskWork) tally(each func(i int, t tally)) tally {
	t := tally{sum: k.Ran}
	for i := 0; i < len(k.Marks); i++ {
		m := k.Marks[i]
		switch {
		case m.Status == InProgress && t.began.Before(m.At) && !t.began.IsZero() && i+2 < len(k.Marks) &&
			k.Marks[i+1].At.Equal(m.At) && k.Marks[i+1].Status != InProgress:
			t.sum += m.At.Sub(t.began) // it ended and was taken up again in one moment, for it has ended again since
			t.began, t.plans = m.At, time.Time{}
			if m.Of == Mitigating {
				t.plans = m.At
			}
			i++
			continue
		case m.Status == InProgress:
			if t.began.IsZero() {
				t.began = m.At
			}
			if m.Of == Mitigating {
				t.plans = m.At
			}
			continue
		case !t.plans.IsZero() && m.Of == "" && (m.At.Equal(t.plans) || k.planEnds(i)):
			continue // the API may show a task as completed for as long as its plan is made
		case !t.began.IsZero():
			t.sum += m.At.Sub(t.began)
		case i == 0 && k.Folded.IsZero() && !k.Created.IsZero() && k.of(i) != Mitigating && m.Status != Linked && m.Status != Skipped && m.At.After(k.Created):
			t.sum += m.At.Sub(k.Created)
		}
		t.began, t.plans = time.Time{}, time.Time{}
		if each != nil {
			each(i, t)
		}
	}
	return t
}

// planEnds tells whether the next mark behind one that says of what it speaks is the end of a mitigation.
func (k TaskWork) planEnds(i int) bool {
	for _, m := range k.Marks[i+1:] {
		if m.Of != "" {
			return m.Of == Mitigating && m.Status != InProgress
		}
	}
	return false
}

// kept is a time as every ledger keeps it.
func kept(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// text is all that w says, so that two can be compared.
func (w Work) text() string {
	if len(w.Tasks) == 0 && w.Booked == 0 && w.Asked == 0 && !w.Missed && w.Month == "" && w.Absent.IsZero() {
		return ""
	}
	return fmt.Sprint(w)
}
