package agentapi

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/devopsagent"
	"github.com/aws/aws-sdk-go-v2/service/devopsagent/types"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// How much of a list of tasks is read: what a busy agent space may come to in a day or two.
const (
	pageOfTasks  = 100
	pagesOfTasks = 10
)

// Task is one task of an agent space, as it stands now. The API names no summary, so Summary is "": the events do, and
// Client.Summary finds the latest. delivery.APIGone says that there is no such task, or no such space.
func (c *Client) Task(ctx context.Context, space, id string) (gate.Task, error) {
	const call = "GetBacklogTask"
	switch {
	case !agent.IsID(space):
		return gate.Task{}, refuse(call, "%.130q is no agent space's id; check the setting", space)
	case !agent.IsID(id):
		return gate.Task{}, refuse(call, "%.130q is no task's id", id)
	}
	out, err := ask(ctx, call, c.api.GetBacklogTask, &devopsagent.GetBacklogTaskInput{AgentSpaceId: &space, TaskId: &id})
	switch {
	case err != nil:
		return gate.Task{}, err
	case out.Task == nil:
		return gate.Task{}, unreadable(call, "no task")
	case aws.ToString(out.Task.TaskId) != id:
		return gate.Task{}, unreadable(call, "another task than the one that was asked for")
	}
	return taskOf(call, *out.Task)
}

// Find gives the tasks that refer to these cases and were created at since or later, by case and the oldest first. A case
// without an entry has no such task, for certain: where not every page could be read there is an error and no result,
// delivery.APITooLong if there are more than pagesOfTasks. since should lie some minutes before the start, for the
// clocks' sake. Without cases nobody is asked.
func (c *Client) Find(ctx context.Context, space string, cases []string, since time.Time) (map[string][]gate.Task, error) {
	const call = "ListBacklogTasks"
	found := map[string][]gate.Task{}
	if len(cases) == 0 {
		return found, nil
	}
	switch {
	case !agent.IsID(space):
		return nil, refuse(call, "%.130q is no agent space's id; check the setting", space)
	case since.IsZero():
		return nil, refuse(call, "nobody says since when; "+mendReport)
	case slices.ContainsFunc(cases, func(id string) bool { return !alert.SafeID(id) }):
		return nil, refuse(call, "one of %d cases has an id that none of ours has; "+mendReport, len(cases))
	}
	ctx, cancel := clock.WithTimeout(ctx, ListDeadline)
	defer cancel()
	in := &devopsagent.ListBacklogTasksInput{
		AgentSpaceId: &space,
		Filter:       &types.TaskFilter{CreatedAfter: &since},
		Limit:        aws.Int32(pageOfTasks),
		// The oldest first: what is created meanwhile comes at the end, and moves nothing across the pages.
		SortField: types.TaskSortFieldCreatedAt,
		Order:     types.TaskSortOrderAsc,
	}
	for range pagesOfTasks {
		out, err := ask(ctx, call, c.api.ListBacklogTasks, in)
		if err != nil {
			return nil, err
		}
		if out.Tasks == nil {
			return nil, unreadable(call, "no list of tasks")
		}
		for _, t := range out.Tasks {
			if t.Reference == nil || !slices.Contains(cases, aws.ToString(t.Reference.ReferenceId)) {
				continue
			}
			task, err := taskOf(call, t)
			if err != nil {
				return nil, err
			}
			found[task.Case] = add(found[task.Case], task)
		}
		if aws.ToString(out.NextToken) == "" {
			return found, nil
		}
		in.NextToken = out.NextToken
	}
	return nil, &delivery.APIError{
		Fault: delivery.APITooLong, Call: call, Status: 200,
		Words: "there are more tasks since then than are read; see in the Agent's own list whether one refers to the case",
	}
}

// add keeps the tasks in the order of their creation, and of one that comes twice, on two pages, the newer state.
func add(tasks []gate.Task, t gate.Task) []gate.Task {
	if i := slices.IndexFunc(tasks, func(o gate.Task) bool { return o.ID == t.ID }); i >= 0 {
		if t.Updated.Before(tasks[i].Updated) {
			return tasks
		}
		tasks = slices.Delete(tasks, i, i+1)
	}
	i, _ := slices.BinarySearchFunc(tasks, t, func(a, b gate.Task) int {
		if n := a.Created.Compare(b.Created); n != 0 {
			return n
		}
		return -1 // those of the same moment stay as the API lists them
	})
	return slices.Insert(tasks, i, t)
}

// taskOf is a task of the API's in our words. Times that it does not give are zero, and what has no form of ours is left
// out, but for what nobody can do without.
func taskOf(call string, t types.Task) (gate.Task, error) {
	task := gate.Task{
		ID:        aws.ToString(t.TaskId),
		Execution: aws.ToString(t.ExecutionId),
		Status:    agent.StatusOf(string(t.Status)),
		Primary:   aws.ToString(t.PrimaryTaskId),
		Words:     reason(aws.ToString(t.StatusReason)),
		Created:   moment(t.CreatedAt),
		Updated:   moment(t.UpdatedAt),
	}
	switch {
	case !agent.IsID(task.ID):
		return gate.Task{}, unreadable(call, "a task whose id is none")
	case task.Status == "":
		return gate.Task{}, unreadable(call, "a task without a status")
	}
	if !agent.IsRecordID(task.Execution) {
		task.Execution = ""
	}
	if !agent.IsID(task.Primary) {
		task.Primary = ""
	}
	if t.Reference != nil && alert.SafeID(aws.ToString(t.Reference.ReferenceId)) {
		task.Case = aws.ToString(t.Reference.ReferenceId)
	}
	return task, nil
}

// moment is zero for none, and for one that JSON could not hold.
func moment(t *time.Time) time.Time {
	if t == nil || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return time.Time{}
	}
	return t.UTC()
}
