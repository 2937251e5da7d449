package caseview

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Investigation is what the Agent itself says of a case that it was called for: its tasks, how they stand, and what they
// cost. Only a deployment that follows the Agent's work knows it.
type Investigation struct {
	Called    time.Time `json:"called,omitzero"`  // when the Agent was called last
	Confirmed bool      `json:"confirmed"`        // the Agent's own event or API shows that it has the case
	Missed    bool      `json:"missed,omitempty"` // nothing had confirmed the start within ten minutes
	Absent    time.Time `json:"absent,omitzero"`  // as of then the Agent's API had no task of it

	Task    string    `json:"task,omitempty"`    // the one that tells most
	Status  string    `json:"status,omitempty"`  // of that task
	Since   time.Time `json:"since,omitzero"`    // it stands so
	Words   string    `json:"words,omitempty"`   // why, in the Agent's words
	Primary string    `json:"primary,omitempty"` // the task that it was linked to
	Tasks   []Task    `json:"tasks,omitempty"`   // all of them, where there are several
	// Mitigation is the plan that somebody has asked the Agent for, nil for none. It is made in a task, and costs as it does.
	Mitigation *Mitigation `json:"mitigation,omitempty"`

	Ran float64 `json:"ran_s,omitempty"` // how long the Agent has worked on it, in seconds, all tasks and runs together
	// Dollars is what is booked for it, left out where nothing is, and Price says what that rests on.
	Dollars *float64 `json:"dollars,omitempty"`
	Price   string   `json:"price,omitempty"` // TruePrice or Reckoned
}

// What a price rests on.
const (
	TruePrice = "true"     // the running time that the Agent has told, from its beginning to its end
	Reckoned  = "reckoned" // the policy's estimate, or a running time whose end nobody has told
)

// Task is one of the Agent's tasks.
type Task struct {
	ID      string    `json:"id"`
	Status  string    `json:"status"`
	Since   time.Time `json:"since,omitzero"`
	Primary string    `json:"primary,omitempty"`
}

// Mitigation is a plan that somebody has asked the Agent for.
type Mitigation struct {
	Task   string    `json:"task"`
	Status string    `json:"status"`
	Since  time.Time `json:"since,omitzero"`
}

// InvestigationOf shows what is known of a case's investigation; nil where the case was not sent, or is not followed.
func InvestigationOf(c gate.Case, now time.Time) *Investigation {
	if c.Called.IsZero() && !c.Confirmed() {
		return nil
	}
	v := &Investigation{
		Called: moment(c.Called), Confirmed: c.Confirmed(), Missed: c.Work.Missed && !c.Confirmed(), Absent: moment(c.Work.Absent),
		Ran: c.Work.Ran(now).Round(time.Millisecond).Seconds(),
	}
	if t := c.Work.Telling(); t != nil {
		v.Task, v.Status, v.Since, v.Words, v.Primary = t.ID, string(t.Status), moment(t.Updated), t.Words, t.Primary.Value
	}
	if len(c.Work.Tasks) > 1 {
		for _, t := range c.Work.Tasks {
			t = t.Own()
			v.Tasks = append(v.Tasks, Task{ID: t.ID, Status: string(t.Status), Since: moment(t.Updated), Primary: t.Primary.Value})
		}
	}
	if t := c.Work.Plan(); t != nil {
		v.Mitigation = &Mitigation{Task: t.ID, Status: string(t.Plan.Status), Since: moment(t.Plan.Updated)}
	}
	_, told := c.Told()
	told = told && c.Work.Status().Over() && !c.Work.Mitigates()
	switch booked := c.Work.Booked; {
	case booked == 0 && (!told || v.Ran > 0): // nothing is booked yet, or the policy has no price
	case told:
		v.Dollars, v.Price = dollars(booked), TruePrice
	default:
		v.Dollars, v.Price = dollars(booked), Reckoned
	}
	return v
}

func dollars(d gate.Dollars) *float64 {
	cents := float64((d+5_000)/10_000) / 100
	return &cents
}

// Tells says how the investigation stands, in one line for people: by which task it is confirmed, or that it is not.
func (v Investigation) Tells(state string, now time.Time) string {
	if !v.Confirmed {
		return v.missing(state, now)
	}
	text := v.task()
	if !v.Since.IsZero() {
		text += " since " + absolute(v.Since, now)
	}
	if v.Words != "" {
		text += ": " + v.Words
	}
	if m := v.Mitigation; m != nil {
		text += "; " + v.mitigation() + " since " + absolute(m.Since, now)
	}
	return text
}

// mitigation is how the plan stands, "" for none.
func (v Investigation) mitigation() string {
	if v.Mitigation == nil {
		return ""
	}
	return "mitigation " + v.Mitigation.Status
}

// Brief says the same in fewer words, and of one that is over what it cost.
func (v Investigation) Brief(state string, now time.Time) string {
	switch {
	case !v.Confirmed:
		return v.missing(state, now)
	case !gate.Status(v.Status).Over():
		return v.task()
	}
	return strings.Join(present(v.task(), v.mitigation(), v.Cost()), ", ")
}

func (v Investigation) task() string {
	text := "task " + v.Task + " is " + v.Status
	if v.Primary != "" {
		text += " to task " + v.Primary
	}
	return text
}

// missing: nothing shows that the Agent has it. Of a doubt that is what it is about; a start should be confirmed by then.
func (v Investigation) missing(state string, now time.Time) string {
	var parts []string
	switch {
	case state == string(gate.InDoubt) && v.Missed:
		parts = append(parts, "not confirmed for "+span(now.Sub(v.Called)))
	case state == string(gate.Started) && (v.Missed || !now.Before(v.Called.Add(gate.ConfirmWithin))):
		parts = append(parts, "not confirmed for "+span(now.Sub(v.Called)))
	case state == string(gate.Started):
		parts = append(parts, "not confirmed yet, "+span(max(now.Sub(v.Called), 0).Round(time.Second))+" after the call")
	case state == string(gate.Ended):
		parts = append(parts, "never confirmed")
	}
	if !v.Absent.IsZero() {
		parts = append(parts, "the Agent has no task of it as of "+v.Absent.UTC().Format("15:04:05 MST"))
	}
	return strings.Join(parts, ": ")
}

// Unconfirmed tells whether this start should be confirmed by now and is not.
func (c Case) Unconfirmed(now time.Time) bool {
	v := c.Investigation
	switch {
	case v == nil || v.Confirmed:
		return false
	case c.State == string(gate.InDoubt):
		return v.Missed && !c.Resting // what rests is for a person in any case
	}
	return c.State == string(gate.Started) && (v.Missed || !now.Before(v.Called.Add(gate.ConfirmWithin)))
}

// Cost says how long it ran and for how much, "" where neither is known.
func (v Investigation) Cost() string {
	var parts []string
	if ran := time.Duration(v.Ran * float64(time.Second)).Round(time.Second); ran > 0 {
		parts = append(parts, "ran "+ran.String())
	}
	if v.Dollars != nil {
		text := fmt.Sprintf("$%.2f", *v.Dollars)
		if v.Price == Reckoned {
			text = "about " + text + " as reckoned"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// others are the tasks beside the one that tells most.
func (v Investigation) others() []Task {
	return slices.DeleteFunc(slices.Clone(v.Tasks), func(t Task) bool { return t.ID == v.Task })
}
