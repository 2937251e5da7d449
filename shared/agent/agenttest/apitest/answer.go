package apitest

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// answer is what the API says to a question, in the names and forms of its model.
func (s *Server) answer(q question) (any, *fault) {
	switch q.call {
	case "GetBacklogTask":
		t, ok := s.tasks.Task(q.task)
		if !ok {
			return nil, missing("task", q.task)
		}
		return map[string]any{"task": s.tasks.show(t)}, nil
	case "ListBacklogTasks":
		shown, rest := page(s.tasks.list(q), q)
		return listed(q, shown, rest, s.tasks.show), nil
	case "ListJournalRecords":
		records, ok := s.tasks.journal(q)
		if !ok {
			return nil, missing("execution", q.execution)
		}
		shown, rest := page(records, q)
		return listed(q, shown, rest, s.tasks.showRecord), nil
	case "ListExecutions":
		if _, ok := s.tasks.Task(q.task); !ok {
			return nil, missing("task", q.task)
		}
		shown, rest := page(s.tasks.runsOf(q.task), q)
		return listed(q, shown, rest, s.tasks.showExecution), nil
	}
	return s.usage(), nil
}

// page cuts what a question asks for out of a list, and says whether something follows.
func page[T any](all []T, q question) (shown []T, more bool) {
	all = all[min(q.skip, len(all)):]
	return all[:min(q.limit, len(all))], len(all) > q.limit
}

func listed[T any](q question, shown []T, more bool, show func(T) map[string]any) map[string]any {
	list := []any{}
	for _, t := range shown {
		list = append(list, show(t))
	}
	out := map[string]any{q.member(): list}
	if more {
		out["nextToken"] = tokenAt(q.skip + q.limit)
	}
	return out
}

// usage counts in the Gregorian month of the clock.
func (s *Server) usage() map[string]any {
	now := s.tasks.now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	var ran time.Duration
	for _, t := range s.tasks.Tasks() {
		ran += t.Ran
	}
	return map[string]any{
		"usagePeriodStartTime":             stamp(month),
		"usagePeriodEndTime":               stamp(month.AddDate(0, 1, 0)),
		"monthlyAccountInvestigationHours": map[string]any{"limit": s.limit, "usage": ran.Hours()},
		"monthlyAccountEvaluationHours":    map[string]any{"limit": s.limit, "usage": 0},
	}
}

// list is what a question's filter lets through, in its order.
func (v *Investigations) list(q question) []Task {
	var found []Task
	one := func(wanted []string, is string) bool { return len(wanted) == 0 || wanted[0] == is }
	for _, t := range v.Tasks() {
		f := q.filter
		before := !f.CreatedBefore.IsZero() && !t.Created.Before(f.CreatedBefore)
		if t.Created.Before(f.CreatedAfter) || before || f.PrimaryTaskID != "" && t.Primary != f.PrimaryTaskID ||
			!one(f.Priority, t.Priority) || !one(f.Status, t.Status) || !one(f.TaskType, t.Type) {
			continue
		}
		found = append(found, t)
	}
	slices.SortStableFunc(found, func(a, b Task) int {
		n := a.Created.Compare(b.Created)
		if q.byRank {
			n = cmp.Compare(rank(b.Priority), rank(a.Priority))
		}
		if q.oldest {
			return n
		}
		return -n
	})
	return found
}

func rank(priority string) int {
	return slices.Index([]string{"CRITICAL", "HIGH", "MEDIUM", "LOW", "MINIMAL"}, priority)
}

// journal are the records of a run; false: there is no such run.
func (v *Investigations) journal(q question) (found []Record, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.advance()
	records, ok := v.records[q.execution]
	for _, r := range records {
		if q.kind == "" || r.Type == q.kind {
			found = append(found, r)
		}
	}
	if !q.oldest {
		slices.Reverse(found)
	}
	return found, ok
}

// runsOf are the runs of a task, in the order in which they began.
func (v *Investigations) runsOf(task string) []execution {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.executions[task])
}

func (v *Investigations) showExecution(e execution) map[string]any {
	created := math.Round(float64(e.Created.UnixMilli())) / 1000
	return map[string]any{
		"agentSpaceId": v.space, "executionId": e.ID, "agentType": e.AgentType, "agentSubTask": "main", "executionStatus": "STOPPED",
		"createdAt": created, "updatedAt": created,
	}
}

// show is a task as the API writes it: members without a value are left out.
func (v *Investigations) show(t Task) map[string]any {
	out := map[string]any{
		"agentSpaceId": v.space, "taskId": t.ID, "taskType": t.Type, "title": t.Title, "priority": t.Priority,
		"status": t.Status, "createdAt": stamp(t.Created), "updatedAt": stamp(t.Updated), "version": t.Version,
		"hasLinkedTasks": t.Linked,
	}
	for name, text := range map[string]string{
		"executionId": t.Execution, "description": t.Description, "primaryTaskId": t.Primary, "statusReason": t.Reason,
	} {
		if text != "" {
			out[name] = text
		}
	}
	if t.Reference != "" {
		out["reference"] = map[string]any{
			"system": "Event Channel", "title": "EventChannel-" + t.Reference, "referenceId": t.Reference,
			"referenceUrl": "", "associationId": v.id("association", 0),
		}
	}
	return out
}

func (v *Investigations) showRecord(r Record) map[string]any {
	return map[string]any{
		"agentSpaceId": v.space, "executionId": r.Execution, "recordId": r.ID, "recordType": r.Type, "content": r.Content,
		"createdAt": math.Round(float64(r.Created.UnixMilli())) / 1000,
	}
}

// stamp is a time as both sides of the Agent write it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
