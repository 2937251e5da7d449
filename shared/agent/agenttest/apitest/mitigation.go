package apitest

import "time"

// Mitigation is how a plan is made that a person asks for, of a task that is COMPLETED. What the Agent itself does is not
// documented in each point, so each can be had both ways.
type Mitigation struct {
	Queue time.Duration // until it runs
	Run   time.Duration
	End   string // COMPLETED, FAILED, TIMED_OUT or CANCELED; "" is COMPLETED
	Plan  any    // the content of the record of one that is COMPLETED; nil: there is no record
	// Stays lets the API show the task as COMPLETED all the while; else it is PENDING_START, IN_PROGRESS, and what it ends as.
	Stays bool
	// Apart puts the record into a run of the mitigation's own, which no event names; else it lies in the task's latest run.
	Apart bool
}

// Mitigate asks for a plan, as a hand in the Agent's console does. It reports whether there is such a task, and none is
// being made of it.
func (v *Investigations) Mitigate(id string, m Mitigation) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.advance()
	t := v.find(id)
	return t != nil && v.mitigate(t, m, v.now())
}

func (v *Investigations) mitigate(t *task, m Mitigation, at time.Time) bool {
	if t.Status != "COMPLETED" || t.plans {
		return false
	}
	t.plans = true
	if !m.Stays {
		v.shows(t, m, "PENDING_START", at)
	}
	v.later(t, at.Add(m.Queue), func(at time.Time) {
		v.runs(t, true, at)
		v.shows(t, m, "IN_PROGRESS", at)
		v.tellPlan(t, "IN_PROGRESS", "", at)
		run := t.Execution
		if m.Apart || run == "" {
			run = v.execute(t, "mitigation", at)
		}
		v.later(t, at.Add(m.Run), func(at time.Time) {
			end, record := m.End, ""
			if end == "" {
				end = "COMPLETED"
			}
			if end == "COMPLETED" && m.Plan != nil {
				record = v.write(run, "mitigation_summary_md", m.Plan, at)
			}
			v.runs(t, false, at)
			v.shows(t, m, end, at)
			v.tellPlan(t, end, record, at)
			t.plans = false
		})
	})
	return true
}

// shows is what the API shows of the task from now on.
func (v *Investigations) shows(t *task, m Mitigation, status string, at time.Time) {
	if !m.Stays {
		t.Status, t.Reason = status, ""
	}
	t.Updated = at
	t.Version++
}

func (v *Investigations) tellPlan(t *task, status, record string, at time.Time) {
	told := t.Task
	told.Status = status
	v.tell(told, true, record, at)
}
