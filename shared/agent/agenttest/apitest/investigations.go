package apitest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"
)

// InvestigationsOptions has a working default for each field.
type InvestigationsOptions struct {
	Space string                       // the agent space's id; "" is one of its own
	Now   func() time.Time             // nil: time.Now
	Plan  func(incident Incident) Plan // how each investigation goes; nil: Typical for all
}

// Incident is what a webhook's event says of one.
type Incident struct {
	ID          string // incidentId
	Title       string
	Description string
	Priority    string // as in the event; "" is MEDIUM
	Timestamp   string // the event's: with it and the ID the Agent knows an event again
}

// Task is one of the Agent's tasks, with the statuses of its API.
type Task struct {
	ID, Execution      string
	Type               string // INVESTIGATION, EVALUATION
	Title, Description string
	Priority           string
	Status             string
	Reason             string // statusReason
	Primary            string // of a linked one
	Linked             bool   // others are linked to it
	Reference          string // referenceId; "" refers to nothing
	Created, Updated   time.Time
	Version            int
	// Ran is how long it has been in progress, all runs together, up to now: what the Agent bills.
	Ran time.Duration
}

// Record is an entry in the journal of a run.
type Record struct {
	ID, Execution, Type string
	Content             any // JSON
	Created             time.Time
}

// Investigations are the Agent's tasks. They are safe for concurrent use. What is due by the clock is done before
// anything is asked of them.
type Investigations struct {
	space string
	now   func() time.Time
	plan  func(Incident) Plan

	mu      sync.Mutex
	tasks   []*task
	records map[string][]Record // by run, the oldest first
	events  []json.RawMessage   // not yet taken
	// executions are the runs of each task, the oldest first.
	executions map[string][]execution
	seen       map[string]bool // id and timestamp of every incident
	agenda     []step          // what will happen, the earliest first
	counter    int
}

type task struct {
	Task
	on    bool      // it runs, and is billed
	since time.Time // then
	plans bool      // a mitigation is asked for and not over
	turn  int       // raised by hand: what was planned before happens no more
}

// execution is a run of a task.
type execution struct {
	ID, AgentType string
	Created       time.Time
}

// NewInvestigations makes an Agent without tasks.
func NewInvestigations(o InvestigationsOptions) *Investigations {
	if o.Space == "" {
		o.Space = "5b0f7d62-93a4-4e1c-8f25-7c6d1e9a0b34"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Plan == nil {
		o.Plan = func(Incident) Plan { return Typical }
	}
	return &Investigations{space: o.Space, now: o.Now, plan: o.Plan, records: map[string][]Record{}, executions: map[string][]execution{}, seen: map[string]bool{}}
}

// Space is the agent space's id.
func (v *Investigations) Space() string { return v.space }

// Open is what the Agent does with an event that its webhook has taken: it gives the id of the task that there will be,
// as the Plan says. It drops an event whose ID and Timestamp it has seen: then there is none.
func (v *Investigations) Open(incident Incident) (id string, opened bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.advance()
	key := incident.ID + " " + incident.Timestamp
	if v.seen[key] {
		return "", false
	}
	v.seen[key] = true
	if incident.Priority == "" {
		incident.Priority = "MEDIUM"
	}
	id = v.next("task")
	v.live(id, incident)
	return id, true
}

// Add puts a task there as it is, without events and without a life: one of somebody else's. What it must have and has
// not is made up; its id is given back.
func (v *Investigations) Add(t Task) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.advance()
	now := v.now()
	for _, member := range []struct {
		text *string
		made string
	}{{&t.ID, v.next("task")}, {&t.Type, "INVESTIGATION"}, {&t.Title, "somebody's task"}, {&t.Priority, "MEDIUM"}, {&t.Status, "PENDING_START"}} {
		if *member.text == "" {
			*member.text = member.made
		}
	}
	if t.Created.IsZero() {
		t.Created = now
	}
	if t.Updated.IsZero() {
		t.Updated = t.Created
	}
	if t.Execution != "" && v.records[t.Execution] == nil {
		v.records[t.Execution] = []Record{}
		v.executions[t.ID] = append(v.executions[t.ID], execution{t.Execution, "rca", t.Created})
	}
	t.Version = max(t.Version, 1)
	v.tasks = append(v.tasks, &task{Task: t, on: t.Status == "IN_PROGRESS", since: now})
	return t.ID
}

// Set brings a task into a status now, with the event that tells it, and ends what was planned for it. It reports whether
// there is such a task.
func (v *Investigations) Set(id, status, reason string) bool {
	return v.byHand(id, func(t *task, at time.Time) { v.become(t, status, reason, "", at) })
}

// Complete is Set to COMPLETED with a summary, of any content that JSON can be.
func (v *Investigations) Complete(id string, content any) bool {
	return v.byHand(id, func(t *task, at time.Time) { v.complete(t, content, at) })
}

// Record puts an entry into the journal of a task's run, which must have begun, and gives its id.
func (v *Investigations) Record(id, kind string, content any) (record string) {
	v.byHand(id, func(t *task, at time.Time) { record = v.write(t.Execution, kind, content, at) })
	return record
}

func (v *Investigations) byHand(id string, do func(*task, time.Time)) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.advance()
	t := v.find(id)
	if t == nil {
		return false
	}
	t.turn++
	do(t, v.now())
	return true
}

// Task is one of them.
func (v *Investigations) Task(id string) (Task, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.advance()
	t := v.find(id)
	if t == nil {
		return Task{}, false
	}
	return v.asItIs(t), true
}

// asItIs is a task with what it has run up to now.
func (v *Investigations) asItIs(t *task) Task {
	now := t.Task
	if t.on {
		now.Ran += v.now().Sub(t.since)
	}
	return now
}

// Tasks are all that there are, in the order in which they came about.
func (v *Investigations) Tasks() []Task {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.advance()
	all := make([]Task, len(v.tasks))
	for i, t := range v.tasks {
		all[i] = v.asItIs(t)
	}
	return all
}

// Events are what EventBridge would deliver, in the order in which it came about, each as one JSON object. Each is given
// once.
func (v *Investigations) Events() []json.RawMessage {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.advance()
	events := v.events
	v.events = nil
	return events
}

// Due is when something will happen by itself; false: nothing will.
func (v *Investigations) Due() (time.Time, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.advance()
	if len(v.agenda) == 0 {
		return time.Time{}, false
	}
	return v.agenda[0].at, true
}

func (v *Investigations) find(id string) *task {
	i := slices.IndexFunc(v.tasks, func(t *task) bool { return t.ID == id })
	if i < 0 {
		return nil
	}
	return v.tasks[i]
}

// next is an id that there has not been.
func (v *Investigations) next(kind string) string {
	v.counter++
	return v.id(kind, v.counter)
}

// id has the form of a UUID, and is the same in every run.
func (v *Investigations) id(kind string, n int) string {
	sum := sha256.Sum256([]byte(v.space + " " + kind + " " + strconv.Itoa(n)))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:]
}
