package apitest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/devopsagent"
	"github.com/aws/aws-sdk-go-v2/service/devopsagent/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// agent is a stand-in with a clock, and the SDK's own client of it.
type agent struct {
	now    time.Time
	tasks  *apitest.Investigations
	server *apitest.Server
	sdk    *devopsagent.Client
}

func newAgent(t *testing.T, plan apitest.Plan) *agent {
	t.Helper()
	a := &agent{now: noon}
	a.tasks = apitest.NewInvestigations(apitest.InvestigationsOptions{
		Now: func() time.Time { return a.now }, Plan: func(apitest.Incident) apitest.Plan { return plan },
	})
	server, err := apitest.NewServer(apitest.Options{Investigations: a.tasks, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	a.server = server
	a.sdk = devopsagent.New(devopsagent.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL()), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("NoPrefix", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
			}), middleware.Before)
		}},
	})
	return a
}

func (a *agent) list(t *testing.T, in devopsagent.ListBacklogTasksInput) (ids string, next *string, err error) {
	t.Helper()
	in.AgentSpaceId = aws.String(a.tasks.Space())
	out, err := a.sdk.ListBacklogTasks(t.Context(), &in)
	if err != nil {
		return "", nil, err
	}
	for _, task := range out.Tasks {
		ids += *task.TaskId + " "
	}
	return ids, out.NextToken, nil
}

// The SDK reads what the stand-in writes, member by member.
func TestTheSDKReadsATask(t *testing.T) {
	a := newAgent(t, apitest.Plan{})
	a.tasks.Add(apitest.Task{
		ID: "task-1", Execution: "exe-1", Title: "t", Description: "d", Priority: "HIGH", Status: "LINKED", Reason: "r",
		Primary: "task-0", Linked: true, Reference: "case-1", Created: noon, Updated: noon.Add(time.Second), Version: 3,
	})
	out, err := a.sdk.GetBacklogTask(t.Context(), &devopsagent.GetBacklogTaskInput{AgentSpaceId: aws.String(a.tasks.Space()), TaskId: aws.String("task-1")})
	if err != nil {
		t.Fatal(err)
	}
	g := out.Task
	for name, ok := range map[string]bool{
		"agentSpaceId":            *g.AgentSpaceId == a.tasks.Space(),
		"taskId":                  *g.TaskId == "task-1",
		"executionId":             *g.ExecutionId == "exe-1",
		"title and description":   *g.Title == "t" && *g.Description == "d",
		"priority, status, type":  g.Priority == types.PriorityHigh && g.Status == types.TaskStatusLinked && g.TaskType == types.TaskTypeInvestigation,
		"statusReason":            *g.StatusReason == "r",
		"primaryTaskId":           *g.PrimaryTaskId == "task-0",
		"hasLinkedTasks":          g.HasLinkedTasks,
		"createdAt and updatedAt": g.CreatedAt.Equal(noon) && g.UpdatedAt.Equal(noon.Add(time.Second)),
		"version":                 *g.Version == 3,
		"reference": *g.Reference.System == "Event Channel" && *g.Reference.Title == "EventChannel-case-1" && *g.Reference.ReferenceId == "case-1" &&
			*g.Reference.ReferenceUrl == "" && *g.Reference.AssociationId != "",
		"metadata": g.Metadata == nil,
	} {
		if !ok {
			t.Errorf("%s is not as it was put there", name)
		}
	}
}

func TestListsAreFilteredSortedAndCut(t *testing.T) {
	a := newAgent(t, apitest.Plan{})
	for i, task := range []apitest.Task{
		{ID: "a", Status: "COMPLETED", Priority: "LOW"},
		{ID: "b", Status: "LINKED", Primary: "a", Priority: "CRITICAL"},
		{ID: "c", Status: "IN_PROGRESS", Priority: "HIGH"},
		{ID: "d", Type: "EVALUATION", Priority: "HIGH"},
	} {
		task.Created = noon.Add(time.Duration(i) * time.Minute)
		a.tasks.Add(task)
	}
	at := func(i int) *time.Time { return aws.Time(noon.Add(time.Duration(i) * time.Minute)) }
	for _, row := range []struct {
		why  string
		in   devopsagent.ListBacklogTasksInput
		want string
	}{
		{"the newest first without an order", devopsagent.ListBacklogTasksInput{}, "d c b a "},
		{"the oldest first", devopsagent.ListBacklogTasksInput{Order: types.TaskSortOrderAsc}, "a b c d "},
		{"after, inclusive", devopsagent.ListBacklogTasksInput{Filter: &types.TaskFilter{CreatedAfter: at(2)}}, "d c "},
		{"before, exclusive", devopsagent.ListBacklogTasksInput{Filter: &types.TaskFilter{CreatedBefore: at(2)}}, "b a "},
		{"those linked to one", devopsagent.ListBacklogTasksInput{Filter: &types.TaskFilter{PrimaryTaskId: aws.String("a")}}, "b "},
		{"by status", devopsagent.ListBacklogTasksInput{Filter: &types.TaskFilter{Status: []types.TaskStatus{"IN_PROGRESS"}}}, "c "},
		{"by type and priority", devopsagent.ListBacklogTasksInput{Filter: &types.TaskFilter{TaskType: []types.TaskType{"EVALUATION"}, Priority: []types.Priority{"HIGH"}}}, "d "},
		{"by priority", devopsagent.ListBacklogTasksInput{SortField: types.TaskSortFieldPriority}, "b c d a "},
	} {
		switch got, _, err := a.list(t, row.in); {
		case err != nil:
			t.Errorf("%s: %v", row.why, err)
		case got != row.want:
			t.Errorf("%s: %q, want %q", row.why, got, row.want)
		}
	}
	first, next, err := a.list(t, devopsagent.ListBacklogTasksInput{Limit: aws.Int32(3)})
	if err != nil || first != "d c b " || next == nil {
		t.Fatalf("the first page is %q, %v", first, err)
	}
	if second, end, err := a.list(t, devopsagent.ListBacklogTasksInput{Limit: aws.Int32(3), NextToken: next}); err != nil || second != "a " || end != nil {
		t.Errorf("the second page is %q with the token %v, %v", second, end, err)
	}
}

func TestWhatTheModelForbids(t *testing.T) {
	a := newAgent(t, apitest.Plan{})
	two := []types.TaskStatus{"COMPLETED", "FAILED"}
	records := func(in devopsagent.ListJournalRecordsInput) error {
		in.AgentSpaceId = aws.String(a.tasks.Space())
		_, err := a.sdk.ListJournalRecords(t.Context(), &in)
		return err
	}
	tasks := func(in devopsagent.ListBacklogTasksInput) error { _, _, err := a.list(t, in); return err }
	task := func(space, id string) error {
		_, err := a.sdk.GetBacklogTask(t.Context(), &devopsagent.GetBacklogTaskInput{AgentSpaceId: &space, TaskId: &id})
		return err
	}
	var invalid *types.ValidationException
	var gone *types.ResourceNotFoundException
	for why, err := range map[string]error{
		"no task on a page":         tasks(devopsagent.ListBacklogTasksInput{Limit: aws.Int32(0)}),
		"too many tasks on a page":  tasks(devopsagent.ListBacklogTasksInput{Limit: aws.Int32(1001)}),
		"a token of somebody else":  tasks(devopsagent.ListBacklogTasksInput{NextToken: aws.String("eyJ4IjoxfQ")}),
		"two values of a filter":    tasks(devopsagent.ListBacklogTasksInput{Filter: &types.TaskFilter{Status: two}}),
		"another order":             tasks(devopsagent.ListBacklogTasksInput{Order: "UPWARDS"}),
		"another field":             tasks(devopsagent.ListBacklogTasksInput{SortField: "TITLE"}),
		"priority and status alone": tasks(devopsagent.ListBacklogTasksInput{Filter: &types.TaskFilter{Status: two[:1], Priority: []types.Priority{"LOW"}}}),
		"by priority with a time":   tasks(devopsagent.ListBacklogTasksInput{SortField: "PRIORITY", Filter: &types.TaskFilter{CreatedAfter: &noon}}),
		"too many records":          records(devopsagent.ListJournalRecordsInput{ExecutionId: aws.String("x"), Limit: aws.Int32(101)}),
		"no run":                    records(devopsagent.ListJournalRecordsInput{ExecutionId: aws.String("")}),
		"another order of records":  records(devopsagent.ListJournalRecordsInput{ExecutionId: aws.String("x"), Order: "UPWARDS"}),
		"a task of no form":         task(a.tasks.Space(), "a b"),
		"a space of no form":        task("a:b", "x"),
	} {
		if !errors.As(err, &invalid) {
			t.Errorf("%s: %v", why, err)
		}
	}
	for why, err := range map[string]error{
		"another task":  task(a.tasks.Space(), "x"),
		"another space": task("x", "x"),
		"another run":   records(devopsagent.ListJournalRecordsInput{ExecutionId: aws.String("x")}),
	} {
		if !errors.As(err, &gone) {
			t.Errorf("%s: %v", why, err)
		}
	}
	allowed := 0
	for _, r := range a.server.Requests() {
		if r.Verdict == "answered" {
			allowed++
		}
	}
	if want := 2; allowed != want { // those for a task and a run that are not there
		t.Errorf("%d requests were allowed, want %d", allowed, want)
	}
}

func TestUnsignedRequestsAreRefused(t *testing.T) {
	a := newAgent(t, apitest.Plan{})
	for _, auth := range []string{"", "Bearer x", "AWS4-HMAC-SHA256 Credential=A/20261120/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=" + strings.Repeat("0", 64)} {
		req, err := http.NewRequest(http.MethodGet, a.server.URL()+"/usage/account", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", auth)
		req.Header.Set("X-Amz-Date", "20261120T120000Z")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 403 || resp.Header.Get("X-Amzn-ErrorType") != "MissingAuthenticationTokenException" {
			t.Errorf("%q is answered %d %s", auth, resp.StatusCode, resp.Header.Get("X-Amzn-ErrorType"))
		}
	}
}

// statuses are the details of the events that have come about.
func statuses(t *testing.T, a *agent) (list []string) {
	t.Helper()
	for _, text := range a.tasks.Events() {
		var e struct {
			DetailType string `json:"detail-type"`
			Detail     struct{ Data struct{ Status string } }
		}
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		list = append(list, strings.TrimPrefix(e.DetailType, "Investigation ")+"="+e.Detail.Data.Status)
	}
	return list
}

func TestLives(t *testing.T) {
	quick := apitest.Plan{Appear: time.Second, Triage: time.Second, Queue: time.Second, Run: time.Minute, Again: 42 * time.Second, Summary: "s"}
	plan := func(change func(*apitest.Plan)) apitest.Plan {
		p := quick
		change(&p)
		return p
	}
	begin := []string{"Pending Triage=PENDING_TRIAGE", "Created=PENDING_START", "In Progress=IN_PROGRESS"}
	open := func(a *agent, at string) bool {
		_, opened := a.tasks.Open(apitest.Incident{ID: "case-1", Timestamp: at})
		return opened
	}
	for _, row := range []struct {
		why  string
		plan apitest.Plan
		then func(a *agent)
		want []string
		ran  time.Duration
	}{
		{"it ends well", quick, nil, append(slices.Clone(begin), "Completed=COMPLETED"), time.Minute},
		{"it fails", plan(func(p *apitest.Plan) { p.End = "FAILED" }), nil, append(slices.Clone(begin), "Failed=FAILED"), time.Minute},
		{"it is cancelled", plan(func(p *apitest.Plan) { p.End = "CANCELED" }), nil, append(slices.Clone(begin), "Cancelled=CANCELLED"), time.Minute},
		{"it is skipped", plan(func(p *apitest.Plan) { p.End = "SKIPPED" }), nil, []string{begin[0], "Skipped=SKIPPED"}, 0},
		{"nothing comes of it", plan(func(p *apitest.Plan) { p.Vanish = true }), nil, nil, 0},
		{"the same event again", quick, func(a *agent) {
			if open(a, "1") {
				t.Error("the same event was taken again")
			}
		}, append(slices.Clone(begin), "Completed=COMPLETED"), time.Minute},
		{"a duplicate after the end", quick, func(a *agent) {
			a.now = noon.Add(10 * time.Minute)
			open(a, "2")
		}, append(slices.Clone(begin), "Completed=COMPLETED", begin[0], "Linked=LINKED", begin[2], "Completed=COMPLETED"), time.Minute + 42*time.Second},
		{"a duplicate while it runs", quick, func(a *agent) {
			a.now = noon.Add(10 * time.Second)
			open(a, "2")
		}, append(slices.Clone(begin), begin[0], "Linked=LINKED", "Completed=COMPLETED"), time.Minute},
		{"ended by hand while it runs", quick, func(a *agent) {
			a.now = noon.Add(13 * time.Second)
			a.tasks.Set(a.tasks.Tasks()[0].ID, "CANCELED", "by hand")
		}, append(slices.Clone(begin), "Cancelled=CANCELLED"), 10 * time.Second},
		{"a plan is asked for", quick, func(a *agent) {
			a.now = noon.Add(5 * time.Minute)
			asks(t, a, apitest.Mitigation{Queue: time.Second, Run: 30 * time.Second, Plan: "p"})
		}, append(slices.Clone(begin), "Completed=COMPLETED", "Mitigation In Progress=IN_PROGRESS", "Mitigation Completed=COMPLETED"), 90 * time.Second},
		{"there is no plan, and the task stays completed", quick, func(a *agent) {
			a.now = noon.Add(5 * time.Minute)
			asks(t, a, apitest.Mitigation{Queue: time.Second, Run: 30 * time.Second, End: "FAILED", Stays: true})
		}, append(slices.Clone(begin), "Completed=COMPLETED", "Mitigation In Progress=IN_PROGRESS", "Mitigation Failed=FAILED"), 90 * time.Second},
		{"a plan is asked for by the plan", plan(func(p *apitest.Plan) {
			p.Mitigate, p.Mitigation = 10*time.Minute, apitest.Mitigation{Run: time.Minute, End: "CANCELED"}
		}), nil, append(slices.Clone(begin), "Completed=COMPLETED", "Mitigation In Progress=IN_PROGRESS", "Mitigation Cancelled=CANCELLED"), 2 * time.Minute},
		{
			"nobody can ask for the plan of a failure", plan(func(p *apitest.Plan) { p.End, p.Mitigate = "FAILED", time.Minute }), nil,
			append(slices.Clone(begin), "Failed=FAILED"), time.Minute,
		},
		{"cancelled by hand while a plan is made", quick, func(a *agent) {
			a.now = noon.Add(5 * time.Minute)
			asks(t, a, apitest.Mitigation{Run: 30 * time.Second, Plan: "p"})
			a.now = a.now.Add(10 * time.Second)
			a.tasks.Set(a.tasks.Tasks()[0].ID, "CANCELED", "by hand")
		}, append(slices.Clone(begin), "Completed=COMPLETED", "Mitigation In Progress=IN_PROGRESS", "Cancelled=CANCELLED"), 70 * time.Second},
		{"a duplicate while a plan is made", quick, func(a *agent) {
			a.now = noon.Add(5 * time.Minute)
			asks(t, a, apitest.Mitigation{Run: 30 * time.Second, Stays: true})
			open(a, "2")
		}, append(slices.Clone(begin), "Completed=COMPLETED", "Mitigation In Progress=IN_PROGRESS", begin[0], "Linked=LINKED", "Mitigation Completed=COMPLETED"), 90 * time.Second},
	} {
		a := newAgent(t, row.plan)
		if !open(a, "1") {
			t.Fatalf("%s: not opened", row.why)
		}
		if row.then != nil {
			row.then(a)
		}
		a.now = noon.Add(time.Hour)
		if got := statuses(t, a); !slices.Equal(got, row.want) {
			t.Errorf("%s: %q, want %q", row.why, got, row.want)
		}
		if more := a.tasks.Events(); len(more) > 0 {
			t.Errorf("%s: events are given twice", row.why)
		}
		if at, more := a.tasks.Due(); more {
			t.Errorf("%s: something is still due at %s", row.why, at)
		}
		var ran time.Duration
		for _, task := range a.tasks.Tasks() {
			ran += task.Ran
		}
		if ran != row.ran {
			t.Errorf("%s: ran %v, want %v", row.why, ran, row.ran)
		}
	}
}

// asks asks for a plan of the first task, and for a second one meanwhile, which nobody can.
func asks(t *testing.T, a *agent, m apitest.Mitigation) {
	t.Helper()
	id := a.tasks.Tasks()[0].ID
	if !a.tasks.Mitigate(id, m) || a.tasks.Mitigate(id, m) || a.tasks.Mitigate("x", m) {
		t.Error("not one plan is made of one task")
	}
}

// While a plan is made the task is shown as its Mitigation says, and its record lies where that says.
func TestMitigationsAreShown(t *testing.T) {
	for _, m := range []apitest.Mitigation{{}, {Stays: true}, {Apart: true}} {
		m.Queue, m.Run, m.Plan = time.Second, time.Minute, "p"
		a := newAgent(t, apitest.Plan{})
		id := a.tasks.Add(apitest.Task{Status: "IN_PROGRESS"})
		a.tasks.Complete(id, "s")
		if !a.tasks.Mitigate(id, m) {
			t.Fatal("no plan is made")
		}
		var shown []string
		for _, after := range []time.Duration{0, time.Second, 2 * time.Minute} {
			a.now = noon.Add(after)
			task, _ := a.tasks.Task(id)
			shown = append(shown, task.Status)
		}
		want := []string{"PENDING_START", "IN_PROGRESS", "COMPLETED"}
		if m.Stays {
			want = []string{"COMPLETED", "COMPLETED", "COMPLETED"}
		}
		if !slices.Equal(shown, want) {
			t.Errorf("%+v: shown as %q, want %q", m, shown, want)
		}
		out, err := a.sdk.ListExecutions(t.Context(), &devopsagent.ListExecutionsInput{AgentSpaceId: aws.String(a.tasks.Space()), TaskId: &id})
		if err != nil {
			t.Fatal(err)
		}
		runs := map[bool]int{false: 1, true: 2}[m.Apart]
		last := out.Executions[len(out.Executions)-1]
		if len(out.Executions) != runs || m.Apart != (*last.AgentType == "mitigation") {
			t.Errorf("%+v: %d runs, the last of %s", m, len(out.Executions), *last.AgentType)
		}
		records, err := a.sdk.ListJournalRecords(t.Context(), &devopsagent.ListJournalRecordsInput{
			AgentSpaceId: aws.String(a.tasks.Space()), ExecutionId: last.ExecutionId, RecordType: aws.String("mitigation_summary_md"),
		})
		if err != nil || len(records.Records) != 1 {
			t.Errorf("%+v: %v, %v", m, records, err)
		}
	}
}

func TestWhatIsNotThereCannotBeSet(t *testing.T) {
	a := newAgent(t, apitest.Plan{})
	if a.tasks.Set("x", "FAILED", "") || a.tasks.Complete("x", "s") || a.tasks.Record("x", "message", "m") != "" {
		t.Error("a task that is not there was changed")
	}
	if _, there := a.tasks.Task("x"); there {
		t.Error("a task that is not there was found")
	}
}
