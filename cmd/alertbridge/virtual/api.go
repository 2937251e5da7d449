package virtual

import (
	"context"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// api is the Agents' API as the functions ask it, each question a step. It takes the place of package agentapi over the
// stand-in's server, whose signing and serialising would take most of the simulator's time; a test holds that both give
// the same answers.
type api struct{ b *Bridge }

// Task implements follow.Work.
func (a api) Task(ctx context.Context, space, id string) (task gate.Task, err error) {
	err = a.ask(ctx, "GetBacklogTask", true, func() error {
		v := a.b.agentOf(space)
		if v == nil {
			return fault("GetBacklogTask", delivery.APIGone)
		}
		t, there := v.Task(id)
		if !there {
			return fault("GetBacklogTask", delivery.APIGone)
		}
		task = taskOf(t)
		return nil
	})
	if err == nil && task.Case != "" {
		then := a.b.running.event
		then.Case = task.Case
		a.b.told(Told{Case: task.Case, Tasks: []gate.Task{then, task}})
	}
	return task, err
}

// Find implements schedule.Work.
func (a api) Find(ctx context.Context, space string, cases []string, since time.Time) (map[string][]gate.Task, error) {
	found := map[string][]gate.Task{}
	err := a.ask(ctx, "ListBacklogTasks", false, func() error {
		v := a.b.agentOf(space)
		if v == nil {
			return fault("ListBacklogTasks", delivery.APIGone)
		}
		for _, t := range v.all() {
			if slices.Contains(cases, t.Reference) && !t.Created.Before(since) {
				found[t.Reference] = append(found[t.Reference], taskOf(t))
			}
		}
		return nil
	})
	for _, id := range cases {
		a.b.told(Told{Case: id, Tasks: found[id], Asked: true, Failed: err != nil})
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// ask is a question that takes its time, and meets what is wrong with the API.
func (a api) ask(ctx context.Context, call string, single bool, answer func() error) error {
	return a.b.step(ctx, Asking, func() error {
		if a.b.o.API != nil {
			slow, wrong := a.b.o.API(a.b.now, single)
			if slow > 0 && a.b.running.Sleep(ctx, slow) != nil {
				return fault(call, delivery.APITimedOut)
			}
			if wrong != "" {
				return fault(call, wrong)
			}
		}
		return answer()
	}, nil)
}

func fault(call string, f delivery.Fault) error {
	return &delivery.APIError{Fault: f, Call: call, Words: "in virtual time"}
}

// taskOf is a task of the stand-in's as package agentapi gives it.
func taskOf(t apitest.Task) gate.Task {
	return gate.Task{
		ID: t.ID, Execution: t.Execution, Case: t.Reference, Status: agent.StatusOf(t.Status), Primary: t.Primary, Words: t.Reason,
		Created: t.Created.UTC().Truncate(time.Millisecond), Updated: t.Updated.UTC().Truncate(time.Millisecond),
	}
}
