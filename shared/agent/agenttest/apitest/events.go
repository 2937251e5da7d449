package apitest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// detailTypes are the events of an investigation by what it has become. Those of a mitigation read alike, as far as there are
// any.
var detailTypes = map[string]string{
	"PENDING_TRIAGE": "Investigation Pending Triage",
	"PENDING_START":  "Investigation Created",
	"IN_PROGRESS":    "Investigation In Progress",
	"COMPLETED":      "Investigation Completed",
	"FAILED":         "Investigation Failed",
	"TIMED_OUT":      "Investigation Timed Out",
	"CANCELED":       "Investigation Cancelled",
	"LINKED":         "Investigation Linked",
	"SKIPPED":        "Investigation Skipped",
}

// mitigated are the statuses of which there are events of a mitigation.
var mitigated = []string{"IN_PROGRESS", "COMPLETED", "FAILED", "TIMED_OUT", "CANCELED"}

// tell adds the event of a change, if there is one for it. As at the Agent it does not say to what the task refers, to
// which it is linked or why, and fields without a value are left out.
func (v *Investigations) tell(t Task, mitigation bool, summary string, at time.Time) {
	detailType, known := detailTypes[t.Status]
	if !known || mitigation && !slices.Contains(mitigated, t.Status) {
		return
	}
	if mitigation {
		detailType = strings.Replace(detailType, "Investigation", "Mitigation", 1)
	}
	metadata := map[string]string{"agent_space_id": v.space, "task_id": t.ID}
	if t.Execution != "" {
		metadata["execution_id"] = t.Execution
	}
	status := t.Status
	if status == "CANCELED" {
		status = "CANCELLED"
	}
	data := map[string]string{
		"task_type": "INVESTIGATION", "priority": t.Priority, "status": status,
		"created_at": stamp(t.Created), "updated_at": stamp(at),
	}
	if summary != "" {
		data["summary_record_id"] = summary
	}
	text, err := json.Marshal(map[string]any{
		"version": "0", "id": v.next("event"), "detail-type": detailType, "source": "aws.aidevops",
		"account": "123456789012", "time": at.UTC().Format(time.RFC3339), "region": "eu-central-1",
		"resources": []string{"arn:aws:aidevops:eu-central-1:123456789012:agentspace/" + v.space},
		"detail":    map[string]any{"version": "1.0.0", "metadata": metadata, "data": data},
	})
	if err != nil {
		panic("apitest: texts cannot fail to encode: " + err.Error())
	}
	v.events = append(v.events, text)
}
