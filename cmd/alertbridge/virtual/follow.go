package virtual

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/functions/outcome/follow"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Timeouts and limits of the outcome function and its queue.
const (
	outcomeTime       = 30 * time.Second
	outcomeVisibility = 90 * time.Second
	outcomeReceives   = 10 // then it is a dead letter
)

// Told is what an invocation learns of a case.
type Told struct {
	At         time.Time
	Role       Role
	Invocation int
	Case       string
	Tasks      []gate.Task
	Asked      bool // the API was asked for all tasks of the case, and these are they
	Failed     bool // and gave no answer
}

// investigations are one Agent's work, and the way of its events.
type investigations struct {
	*apitest.Investigations
	b       *Bridge
	name    string
	planned time.Time      // until then nothing happens that nobody looks for
	opened  map[string]int // by case: investigations that there are or will be
	taken   int            // requests
}

// followAll makes the Agents' work, and those who follow it.
func (b *Bridge) followAll(log *slog.Logger) {
	b.work = map[string]*investigations{}
	spaces := map[string]string{}
	for _, name := range b.o.Policy.Agents() {
		v := &investigations{b: b, name: name, opened: map[string]int{}}
		spaces[name] = "space-of-" + name
		v.Investigations = apitest.NewInvestigations(apitest.InvestigationsOptions{
			Space: spaces[name], Now: b.Now, Plan: func(i apitest.Incident) apitest.Plan {
				plan := b.o.Follow(name, i)
				if !plan.Vanish {
					v.opened[i.ID]++
				}
				return plan
			},
		})
		b.work[name] = v
	}
	b.schedule.Work, b.schedule.Spaces = api{b}, spaces
	b.outcome = &follow.Handler{
		Ledger: b.watch, Work: api{b}, Agents: follow.AgentsBySpace(spaces), Policy: b.o.Policy, Now: b.local, Log: log,
	}
}

// Investigations are the work of an Agent by its name, nil where that is not followed.
func (b *Bridge) Investigations(name string) *apitest.Investigations {
	if v := b.work[name]; v != nil {
		return v.Investigations
	}
	return nil
}

// Opened is how many investigations of a case there are at an Agent, or will be by what it has taken so far.
func (b *Bridge) Opened(name, kase string) int {
	if v := b.work[name]; v != nil {
		return v.opened[kase]
	}
	return 0
}

// Events is how many events an outcome function was done with.
func (b *Bridge) Events() int { return b.events }

// Running is the number of the invocation that runs, 0 for none.
func (b *Bridge) Running() int {
	if b.running == nil {
		return 0
	}
	return b.running.id
}

// open is what comes of a request that the Agent has taken. One that it knows already it takes for another one of the same
// incident, as has been seen: its task is linked to the first, which is taken up again.
func (v *investigations) open(body []byte) {
	var event struct{ IncidentID, Title, Description, Priority, Timestamp string }
	_ = json.Unmarshal(body, &event) // the Agent has read it already
	v.taken++
	v.Open(apitest.Incident{
		ID: event.IncidentID, Title: event.Title, Description: event.Description, Priority: event.Priority,
		Timestamp: event.Timestamp + " " + strconv.Itoa(v.taken),
	})
	v.pump()
}

// pump sends the events that there are, and comes back when there is the next one.
func (v *investigations) pump() {
	for _, text := range v.Events() {
		v.send(text)
	}
	due, more := v.Due()
	if !more || v.planned.After(v.b.now) && !due.Before(v.planned) {
		return
	}
	v.planned = due
	v.b.At(due, v.pump)
}

// send brings an event to the outcome function's queue, as often as the weather wants.
func (v *investigations) send(text []byte) {
	b := v.b
	e, err := agent.DecodeEvent(text)
	if err != nil {
		panic("virtual: the stand-in's event is none: " + err.Error())
	}
	if t, there := v.Task(e.Task.ID); there {
		e.Task.Case = t.Reference // which the event itself does not say
	}
	if b.o.OnEvent != nil {
		b.o.OnEvent(e.Task)
	}
	after := []time.Duration{0}
	if b.o.Event != nil {
		after = b.o.Event(b.now)
	}
	m := events.SQSMessage{MessageId: e.ID, Body: string(text), EventSource: "aws:sqs"}
	for _, d := range after {
		b.At(b.now.Add(d), func() { b.receiveEvent(m, e.Task, 1) })
	}
}

// receiveEvent hands an event to an outcome function. What it does not take in comes again, until it is a dead letter.
func (b *Bridge) receiveEvent(m events.SQSMessage, task gate.Task, times int) {
	m.Attributes = map[string]string{"ApproximateReceiveCount": strconv.Itoa(times)}
	hidden := b.now.Add(outcomeVisibility)
	b.begin(Follower, outcomeTime, func(ctx context.Context, i *invocation) {
		i.event = task
		resp, err := b.outcome.Handle(ctx, events.SQSEvent{Records: []events.SQSMessage{m}})
		i.failed = i.dead || err != nil || len(resp.BatchItemFailures) > 0
		if i.failed && times < outcomeReceives {
			b.At(hidden, func() { b.receiveEvent(m, task, times+1) })
			return
		}
		b.events++
	})
}

// told tells what the invocation that runs has learnt.
func (b *Bridge) told(t Told) {
	if b.o.OnTold != nil {
		t.At, t.Role, t.Invocation = b.now, b.running.role, b.running.id
		b.o.OnTold(t)
	}
}

// agentOf is the Agent that has an agent space, nil for none.
func (b *Bridge) agentOf(space string) *investigations {
	for _, v := range b.work {
		if v.Space() == space {
			return v
		}
	}
	return nil
}

// all are an Agent's tasks, in the order of their creation.
func (v *investigations) all() []apitest.Task {
	list := v.Tasks()
	slices.SortStableFunc(list, func(a, b apitest.Task) int { return a.Created.Compare(b.Created) })
	return list
}
