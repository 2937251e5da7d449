package gate

import "time"

// Task is one of the Agent's tasks as its own event or its API shows it: what became of an investigation that a start
// asked for. The Agent names it; that it is ours tells Case alone.
//
// Source: AWS DevOps Agent API reference, Task and ListBacklogTasks; EventBridge events of the source aws.aidevops.
type Task struct {
	ID        string // the Agent's name of the task
	Execution string // of its latest run; "" before the first
	Case      string // what was sent as incidentId: the id of a case when it is ours; "" when the task refers to nothing
	Status    Status
	Primary   string    // of a linked task: the one that it was linked to, where that is known
	Words     string    // why it stands as it does, in the Agent's words: one line, bounded, cleaned; often ""
	Created   time.Time // zero: not said
	Updated   time.Time // since when it stands so
	Summary   string    // the record that holds the summary of the latest run; "" for none
	Of        Doing     // what its status speaks of; "" where nobody says, as in the API
}

// Doing is what a task does: the investigation that it was opened for, or the plan to mitigate what that has found, which a
// person asks for when it is completed. It is the same task, and the API shows it in the same place.
type Doing string

// What a task does.
const (
	Investigating Doing = "investigation"
	Mitigating    Doing = "mitigation"
)

// Status is how a task stands, in our spelling: the Agent's own in lower case, and one spelling where its events and its
// API have two. One that nobody knows is kept as it came and says only that the task is there.
type Status string

// The statuses.
const (
	PendingTriage Status = "pending_triage"
	PendingStart  Status = "pending_start"
	InProgress    Status = "in_progress"
	Completed     Status = "completed"
	Failed        Status = "failed"
	TimedOut      Status = "timed_out"
	Cancelled     Status = "cancelled"
	Linked        Status = "linked"  // triage takes it for the same as another task, which goes on instead
	Skipped       Status = "skipped" // triage takes it for not worth an investigation
)

// Statuses lists those that are known, for tables and tests.
func Statuses() []Status {
	return []Status{PendingTriage, PendingStart, InProgress, Completed, Failed, TimedOut, Cancelled, Linked, Skipped}
}

// Over tells whether nothing runs any more. A task that is over can be taken up again, by triage or by a person.
func (s Status) Over() bool {
	switch s {
	case Completed, Failed, TimedOut, Cancelled, Linked, Skipped:
		return true
	}
	return false
}
