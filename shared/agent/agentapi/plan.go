package agentapi

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/devopsagent"
	"github.com/aws/aws-sdk-go-v2/service/devopsagent/types"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// The runs of a task are read in pages; those of its mitigations are looked into, the latest first.
const (
	pageOfRuns  = 50
	pagesOfRuns = 5
	mitigations = 3
	planner     = "mitigation" // the agent type of a run that makes a plan
)

// Plan is what the Agent plans to do about what it found, in a task: as Summary. execution and record are what the event
// names, "" for what it does not. The plan has been seen in the run that the event names, and in another run of the same
// task: where the one has none, the other is looked for. delivery.APIGone says that no run has such a record, or none yet.
func (c *Client) Plan(ctx context.Context, space, task, execution, record string) (string, error) {
	ctx, cancel := clock.WithTimeout(ctx, ListDeadline)
	defer cancel()
	if execution != "" {
		text, err := c.summary(ctx, space, execution, record, planType)
		if !errors.Is(err, delivery.APIGone) {
			return text, err
		}
	}
	runs, err := c.runs(ctx, space, task)
	if err != nil {
		return "", err
	}
	err = &delivery.APIError{
		Fault: delivery.APIGone, Call: "ListExecutions", Status: 200, Words: "the task has no run of a mitigation, or none yet; " + mendLater,
	}
	for _, run := range runs[:min(len(runs), mitigations)] {
		if run == execution {
			continue
		}
		text, missing := c.summary(ctx, space, run, record, planType)
		if !errors.Is(missing, delivery.APIGone) {
			return text, missing
		}
		err = missing
	}
	return "", err
}

// runs are those of a task's mitigations, the latest first.
func (c *Client) runs(ctx context.Context, space, task string) ([]string, error) {
	const call = "ListExecutions"
	switch {
	case !agent.IsID(space):
		return nil, refuse(call, "%.130q is no agent space's id; check the setting", space)
	case !agent.IsID(task):
		return nil, refuse(call, "%.130q is no task's id", task)
	}
	in := &devopsagent.ListExecutionsInput{AgentSpaceId: &space, TaskId: &task, Limit: aws.Int32(pageOfRuns)}
	var found []types.Execution
	for range pagesOfRuns {
		out, err := ask(ctx, call, c.api.ListExecutions, in)
		if err != nil {
			return nil, err
		}
		if out.Executions == nil {
			return nil, unreadable(call, "no list of runs")
		}
		for _, e := range out.Executions {
			if strings.EqualFold(aws.ToString(e.AgentType), planner) && agent.IsRecordID(aws.ToString(e.ExecutionId)) {
				found = append(found, e)
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			break // of more runs than are read the first are as good as any: their order is not documented
		}
	}
	slices.SortStableFunc(found, func(a, b types.Execution) int { return moment(b.CreatedAt).Compare(moment(a.CreatedAt)) })
	ids := make([]string, len(found))
	for i, e := range found {
		ids[i] = aws.ToString(e.ExecutionId)
	}
	return ids, nil
}
