package apitest

import (
	"slices"
	"time"
)

// Plan is how an investigation goes: how long each state lasts, and how it ends.
type Plan struct {
	Appear time.Duration // from the webhook's answer until the task is there
	Triage time.Duration // pending triage
	Queue  time.Duration // pending start
	Run    time.Duration // in progress
	Again  time.Duration // in progress once more, because another task was linked to it
	// End is the status it ends in: COMPLETED, FAILED, TIMED_OUT or CANCELED; SKIPPED ends it at triage, and so does LINKED:
	// triage takes it for the same as the latest task of another incident. "" is COMPLETED.
	End string
	// Summary is the content of the record of one that is COMPLETED; nil: there is no record.
	Summary any
	// Mitigate lets a hand ask for a plan so long after it has ended as COMPLETED; 0: nobody does.
	Mitigate   time.Duration
	Mitigation Mitigation
	// Vanish lets nothing come of the event.
	Vanish bool
}

// Typical is how real investigations have gone: between one and two minutes until they run, then some minutes.
var Typical = Plan{
	Appear: 20 * time.Second, Triage: 20 * time.Second, Queue: 20 * time.Second, Run: 5 * time.Minute, Again: 42 * time.Second,
	Summary: "## Root cause\n\nThe stand-in has looked at nothing and found nothing.",
}

// step is what happens at a time, unless something else was done to the task by hand before.
type step struct {
	at   time.Time
	task *task
	turn int
	do   func(at time.Time)
}

func (v *Investigations) later(t *task, at time.Time, do func(time.Time)) {
	s := step{at, t, t.turn, do}
	i, _ := slices.BinarySearchFunc(v.agenda, s, func(a, b step) int {
		if n := a.at.Compare(b.at); n != 0 {
			return n
		}
		return -1 // after those of the same moment
	})
	v.agenda = slices.Insert(v.agenda, i, s)
}

// advance does what is due, each step at its own time.
func (v *Investigations) advance() {
	for now := v.now(); len(v.agenda) > 0 && !v.agenda[0].at.After(now); {
		s := v.agenda[0]
		v.agenda = v.agenda[1:]
		if s.turn == s.task.turn {
			s.do(s.at)
		}
	}
}

// live plans the life of a task.
func (v *Investigations) live(id string, i Incident) {
	plan := v.plan(i)
	if plan.Vanish {
		return
	}
	t := &task{Task: Task{
		ID: id, Type: "INVESTIGATION", Title: i.Title, Description: i.Description, Priority: i.Priority, Reference: i.ID,
	}}
	v.later(t, v.now().Add(plan.Appear), func(at time.Time) {
		t.Created = at
		v.tasks = append(v.tasks, t)
		v.become(t, "PENDING_TRIAGE", "", "", at)
		v.later(t, at.Add(plan.Triage), func(at time.Time) { v.triage(t, plan, at) })
	})
}

// triage links a task to an earlier one of the same incident, skips it, or lets it go on.
func (v *Investigations) triage(t *task, plan Plan, at time.Time) {
	primary := v.earlier(t)
	if primary == nil && plan.End == "LINKED" {
		primary = v.another(t, at)
	}
	switch {
	case primary != nil:
		t.Primary, primary.Linked = primary.ID, true
		v.become(t, "LINKED", "Same incident as task "+primary.ID, "", at)
		if primary.Status == "COMPLETED" && !primary.plans {
			if plan.End == "LINKED" || plan.End == "SKIPPED" { // which says nothing about the other one
				plan.End = ""
			}
			v.become(primary, "IN_PROGRESS", "", "", at)
			v.later(primary, at.Add(plan.Again), func(at time.Time) { v.end(primary, plan, at) })
		}
	case plan.End == "SKIPPED":
		v.become(t, "SKIPPED", "A skill of triage does not want it", "", at)
	default:
		v.become(t, "PENDING_START", "", "", at)
		v.later(t, at.Add(plan.Queue), func(at time.Time) {
			v.become(t, "IN_PROGRESS", "", "", at)
			v.later(t, at.Add(plan.Run), func(at time.Time) { v.end(t, plan, at) })
		})
	}
}

// earlier is the first task of the same incident that stands for itself.
func (v *Investigations) earlier(t *task) *task {
	for _, o := range v.tasks {
		if o != t && o.Reference == t.Reference && o.Status != "LINKED" && o.Status != "SKIPPED" {
			return o
		}
	}
	return nil
}

// another is the latest task of another incident that stands for itself; where there is none, one of somebody else's that
// is over.
func (v *Investigations) another(t *task, at time.Time) *task {
	for _, o := range slices.Backward(v.tasks) {
		if o.Reference != t.Reference && o.Status != "LINKED" && o.Status != "SKIPPED" {
			return o
		}
	}
	o := &task{Task: Task{
		ID: v.next("task"), Type: "INVESTIGATION", Title: "somebody's task", Priority: "MEDIUM", Status: "FAILED", Created: at, Updated: at, Version: 1,
	}}
	v.tasks = append(v.tasks, o)
	return o
}

func (v *Investigations) end(t *task, plan Plan, at time.Time) {
	switch {
	case plan.End != "" && plan.End != "COMPLETED":
		v.become(t, plan.End, "", "", at)
	case plan.Summary == nil:
		v.become(t, "COMPLETED", "", "", at)
	default:
		v.complete(t, plan.Summary, at)
	}
	if plan.Mitigate > 0 {
		v.later(t, at.Add(plan.Mitigate), func(at time.Time) { v.mitigate(t, plan.Mitigation, at) })
	}
}

func (v *Investigations) complete(t *task, content any, at time.Time) {
	if t.Execution == "" {
		v.become(t, "IN_PROGRESS", "", "", at)
	}
	v.write(t.Execution, "investigation_summary", map[string]any{"summary": "for machines"}, at)
	v.become(t, "COMPLETED", "", v.write(t.Execution, "investigation_summary_md", content, at), at)
}

func (v *Investigations) write(execution, kind string, content any, at time.Time) string {
	r := Record{ID: v.next("record"), Execution: execution, Type: kind, Content: content, Created: at}
	v.records[execution] = append(v.records[execution], r)
	return r.ID
}

// become is every change of a status: it counts what the task has run, and tells it.
func (v *Investigations) become(t *task, status, reason, summary string, at time.Time) {
	v.runs(t, status == "IN_PROGRESS", at)
	if status == "IN_PROGRESS" && t.Execution == "" {
		t.Execution = v.execute(t, "rca", at)
	}
	t.Status, t.Reason, t.Updated, t.plans = status, reason, at, false
	t.Version++
	v.tell(t.Task, false, summary, at)
}

// runs counts what the task has run so far, whatever its status.
func (v *Investigations) runs(t *task, on bool, at time.Time) {
	if t.on {
		t.Ran += at.Sub(t.since)
	}
	t.on, t.since = on, at
}

// execute begins a run of a task.
func (v *Investigations) execute(t *task, agentType string, at time.Time) string {
	id := "exe-ops1-" + v.next("execution")
	v.records[id] = []Record{}
	v.executions[t.ID] = append(v.executions[t.ID], execution{id, agentType, at})
	return id
}
