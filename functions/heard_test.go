package functions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	corpus "github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/functions/outcome/follow"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// An investigation is followed by its events alone: they confirm it, end it, free its slot and say what it cost. By
// apitest.Typical it is there after 20 s, runs from 60 s to 360 s, and so costs 300 × $0.0083 = $2.49.
func TestInvestigationIsFollowed(t *testing.T) {
	f := newFollowed(t)
	id := f.triggers("A", critical).Case
	f.out.take()
	f.clock.add(25 * time.Second)
	if f.hear(f.tasks.Events()...) != 0 {
		t.Error("an event was not taken in")
	}
	if c := f.wantCase(id, gate.Started, 1); c.Work.Status() != gate.PendingTriage {
		t.Errorf("it stands as %q", c.Work.Status())
	}
	records, counts := f.written()
	for name, want := range map[string]any{
		"level": "INFO", "message": "event taken in", "detail_type": "Investigation Pending Triage", "status": "pending_triage", "case": id,
		"did": "confirms", "from": "started", "to": "started", "how": "", "ran_s": 0.0, "late_ms": 5000.0, "receive": "1", "title": "Monitor A",
		"space": f.tasks.Space(),
	} {
		if len(records) != 1 || records[0][name] != want {
			t.Errorf("%s is not %v in %v", name, want, records)
		}
	}
	same(t, counts, map[string]float64{})
	f.clock.add(335 * time.Second)
	if f.hear(f.tasks.Events()...) != 0 {
		t.Error("an event was not taken in")
	}
	if c := f.wantCase(id, gate.Ended, -1); c.How != gate.EndCompleted || c.Work.Ran(f.clock.Now()) != 5*time.Minute {
		t.Errorf("it ended %s, after %s", c.How, c.Work.Ran(f.clock.Now()))
	}
	f.wantMoney(2_490_000, 0)
	_, counts = f.written()
	same(t, counts, map[string]float64{"InvestigationEnded": 1})
	if n := f.asked("GetBacklogTask"); n != 4 { // pending triage, created, in progress, completed
		t.Errorf("the API was asked %d times, want once for each event", n)
	}
}

// Each way in which an investigation can end is the way in which the case ends, and one that never ran costs nothing.
func TestEveryEndOfAnInvestigation(t *testing.T) {
	for end, want := range map[string]struct {
		how   gate.How
		spent gate.Dollars
	}{
		"COMPLETED": {gate.EndCompleted, 2_490_000}, "FAILED": {gate.EndFailed, 2_490_000}, "TIMED_OUT": {gate.EndTimedOut, 2_490_000},
		"CANCELED": {gate.EndCancelled, 2_490_000}, "SKIPPED": {gate.EndSkipped, 0},
	} {
		f := newFollowed(t)
		plan := apitest.Typical
		plan.End = end
		f.plans(plan)
		id := f.triggers("A", critical).Case
		f.clock.add(10 * time.Minute)
		if f.hear(f.tasks.Events()...) != 0 {
			t.Error("an event was not taken in")
		}
		if c := f.wantCase(id, gate.Ended, -1); c.How != want.how {
			t.Errorf("%s: it ended %s", end, c.How)
		}
		f.wantMoney(want.spent, 0)
	}
}

// plans makes the Agent anew, with another plan.
func (f *followed) plans(p apitest.Plan) {
	f.tasks = apitest.NewInvestigations(apitest.InvestigationsOptions{Now: f.clock.Now, Plan: func(apitest.Incident) apitest.Plan { return p }})
	f.api = apitest.NewInProcess(apitest.Options{Investigations: f.tasks})
	client := f.client(f.api)
	f.schedule.Work, f.follow.Work = client, client
}

// Whatever the order in which the events come, and however often each, the same case comes of them.
func TestOrderOfEventsDoesNotMatter(t *testing.T) {
	var want string
	for _, order := range permutations(4) {
		f := newFollowed(t)
		id := f.triggers("A", critical).Case
		f.clock.add(10 * time.Minute)
		heard := f.tasks.Events()
		if len(heard) != 4 {
			t.Fatalf("%d events", len(heard))
		}
		for _, i := range order {
			if f.hear(heard[i], heard[i], heard[order[0]]) != 0 {
				t.Errorf("%v: an event was not taken in", order)
			}
		}
		c := f.wantCase(id, gate.Ended, -1)
		f.wantMoney(2_490_000, 0)
		if n := f.total(t, "InvestigationEnded"); n != 1 {
			t.Errorf("%v: %v ends are counted", order, n)
		}
		text, err := json.Marshal(c.Work)
		if got := fmt.Sprint(c.How, " ", string(text)); err != nil || want != "" && got != want {
			t.Errorf("%v: it is\n%s\nand in another order\n%s", order, got, want)
		} else {
			want = got
		}
	}
}

func permutations(n int) (all [][]int) {
	if n == 0 {
		return [][]int{{}}
	}
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return all
}

// total is how often a counter was written.
func (b *bridge) total(t *testing.T, m telemetry.Metric) float64 {
	t.Helper()
	_, counts := b.written()
	return counts[string(m)]
}

// An event that is about none of our cases is acknowledged, whatever the ledger and the API would say, and says why.
func TestEventsAboutNoCase(t *testing.T) {
	f := newFollowed(t)
	id := f.triggers("A", critical).Case
	f.clock.add(30 * time.Second)
	ours := string(f.tasks.Events()[0])
	before := f.caseOf(id)
	add := func(task apitest.Task) string {
		return strings.ReplaceAll(ours, f.tasks.Tasks()[0].ID, f.tasks.Add(task))
	}
	for name, c := range map[string]struct {
		body    string
		skipped follow.Skipped
		level   string
		asked   int // of the API
	}{
		"a call of the API":                   {file(t, "api-call.json"), follow.NotAWord, "INFO", 0},
		"a mitigation of a task that is gone": {file(t, "mitigation-completed.json"), follow.TaskGone, "INFO", 1},
		"a space that nobody has named":       {strings.ReplaceAll(ours, f.tasks.Space(), "space-9"), follow.UnknownSpace, "WARN", 0},
		"a task that is gone":                 {strings.ReplaceAll(ours, f.tasks.Tasks()[0].ID, "task-9"), follow.TaskGone, "INFO", 1},
		"a task that refers to nothing":       {add(apitest.Task{}), follow.NotOurs, "INFO", 1},
		"a task that refers to others":        {add(apitest.Task{Reference: "INC-4711"}), follow.NotOurs, "INFO", 1},
		"a task of a case long forgotten":     {add(apitest.Task{Reference: "ab-aaaaaaaaaaaaaaaa"}), follow.NotOurs, "INFO", 1},
		"a title that names us, and no more":  {add(apitest.Task{Title: "EventChannel-" + id}), follow.NotOurs, "INFO", 1},
	} {
		asked := len(f.api.Requests())
		f.out.take()
		if err := f.hears(c.body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		records, counts := f.written()
		if len(records) != 1 || records[0]["message"] != "event is about no case" || records[0]["skipped"] != string(c.skipped) || records[0]["level"] != c.level {
			t.Errorf("%s: records %v, want %s %s", name, records, c.level, c.skipped)
		}
		same(t, counts, map[string]float64{})
		if n := len(f.api.Requests()) - asked; n != c.asked {
			t.Errorf("%s: the API was asked %d times, want %d", name, n, c.asked)
		}
	}
	if after := f.caseOf(id); after.Version != before.Version {
		t.Errorf("our own case was written: %+v", after)
	}
}

// file is an event of the corpus.
func file(t *testing.T, name string) string {
	t.Helper()
	body, err := corpus.File("eventbridge/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// An event comes back as long as the API gives no answer, and is taken in when it does.
func TestEventsComeBackWhileTheAPIFails(t *testing.T) {
	for reason, fails := range map[delivery.Fault]apitest.Behaviour{
		delivery.APIThrottled: apitest.Throttled, delivery.APIDenied: apitest.Denied, delivery.APIInvalid: apitest.Rejected,
		delivery.APIUnavailable: apitest.Broken, delivery.APITimedOut: apitest.Hang, delivery.APIUnreadable: apitest.Garbage,
	} {
		f := newFollowed(t)
		id := f.triggers("A", critical).Case
		f.clock.add(30 * time.Second)
		heard := f.tasks.Events()
		f.api.Always(fails)
		f.out.take()
		for range 2 {
			if err := f.hears(string(heard[0])); !errors.Is(err, reason) || !strings.Contains(err.Error(), `of the Agent "default" is about: GetBacklogTask: `) {
				t.Errorf("%s: %v", reason, err)
			}
		}
		lines := f.out.take()
		f.out.put(lines)
		if got := f.reasons(telemetry.AgentAPIFailed); len(got) != 1 || got[string(reason)] != 2 {
			t.Errorf("%s: failed questions are counted by reason as %v", reason, got)
		}
		f.out.put(lines)
		records, counts := f.written()
		same(t, counts, map[string]float64{"AgentAPIFailed": 2, "EventFailed": 2})
		if len(records) != 2 || records[0]["message"] != "event was not taken in" || records[0]["level"] != "ERROR" {
			t.Errorf("%s: records %v", reason, records)
		}
		if c := f.caseOf(id); c.Confirmed() {
			t.Errorf("%s: the case is confirmed by an event alone", reason)
		}
		f.api.Always(nil)
		if err := f.hears(string(heard[0])); err != nil || !f.caseOf(id).Confirmed() {
			t.Errorf("%s: with an answer: %v", reason, err)
		}
	}
}

// put writes lines once more.
func (o *output) put(lines []string) {
	for _, line := range lines {
		_, _ = o.Write([]byte(line + "\n"))
	}
}

// A lost race and an answer that is lost are no failures: the case is read and decided again.
func TestEventsRaceForACase(t *testing.T) {
	f := newFollowed(t)
	id := f.triggers("A", critical).Case
	f.clock.add(gate.FirstAsk)
	heard := f.tasks.Events()
	f.out.take()
	f.store.before = []func(gate.Change) error{
		func(gate.Change) error { return ledger.ErrConflict },
		func(gate.Change) error { // the tick asks, and moves the case first
			_, err := f.schedule.Handle(f.invoked(time.Minute), struct{}{})
			return err
		},
	}
	if err := f.hears(string(heard[0])); err != nil {
		t.Error(err)
	}
	if _, counts := f.written(); counts["LedgerConflict"] != 2 || counts["EventFailed"] != 0 || counts["TickDue"] != 1 {
		t.Errorf("counted %v, want two conflicts: the scripted one, and the tick that was first", counts)
	}
	if c := f.caseOf(id); !c.Confirmed() {
		t.Error("it is not confirmed")
	}

	f = newFollowed(t)
	id = f.triggers("A", critical).Case
	f.clock.add(30 * time.Second)
	f.store.losesAnswer()
	if f.hear(f.tasks.Events()...) != 0 || !f.caseOf(id).Confirmed() {
		t.Error("an answer that was lost is a failure")
	}
}

// What goes wrong on our side gives the event back, with one sentence that says what.
func TestEventsThatCannotBeTakenIn(t *testing.T) {
	for name, c := range map[string]struct {
		body  func(*followed) string
		wrong func(*followed)
		says  string
	}{
		"no JSON":                 {func(*followed) string { return "{" }, nil, "message m: the event is not as EventBridge writes one"},
		"of another source":       {func(f *followed) string { return strings.Replace(f.event(), "aws.aidevops", "aws.ec2", 1) }, nil, `the event is from "aws.ec2"`},
		"a version of tomorrow":   {func(*followed) string { return file(t, "version-of-tomorrow.json") }, nil, `its version is "2.0.0"`},
		"the ledger is away":      {(*followed).event, func(f *followed) { f.store.fails(errDown) }, "the ledger could not be read for case "},
		"the ledger writes not":   {(*followed).event, func(f *followed) { f.store.refuses(errDown, 1) }, " could not be written: " + errDown.Error()},
		"everybody is faster":     {(*followed).event, func(f *followed) { f.store.refuses(ledger.ErrConflict, 1000) }, " is not written after "},
		"a panic, inside the API": {(*followed).event, func(f *followed) { f.follow.Work = breaks{} }, "boom"},
	} {
		f := newFollowed(t)
		id := f.triggers("A", critical).Case
		f.clock.add(30 * time.Second)
		body := c.body(f)
		f.out.take()
		if c.wrong != nil {
			c.wrong(f)
		}
		err := f.hears(body)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		records, counts := f.written()
		if len(records) != 1 || records[0]["level"] != "ERROR" || counts["EventFailed"] != 1 || counts["AgentAPIFailed"] != 0 {
			t.Errorf("%s: counts %v, records %v", name, counts, records)
		}
		f.store.fails(nil)
		if f.caseOf(id).Confirmed() {
			t.Errorf("%s: it is confirmed", name)
		}
	}
}

// event is the next one that the Agent has sent.
func (f *followed) event() string { return string(f.tasks.Events()[0]) }

// refuses answers the next commits with an error.
func (h *hooked) refuses(err error, times int) {
	for range times {
		h.before = append(h.before, func(gate.Change) error { return err })
	}
}

type breaks struct{}

func (breaks) Task(context.Context, string, string) (gate.Task, error) { panic("boom") }

func (breaks) Find(context.Context, string, []string, time.Time) (map[string][]gate.Task, error) {
	panic("boom")
}

// Of a batch those come back alone that could not be taken in.
func TestBatchOfEvents(t *testing.T) {
	f := newFollowed(t)
	a, b := f.triggers("A", critical).Case, f.triggers("B", critical).Case
	f.clock.add(30 * time.Second)
	heard := f.tasks.Events()
	resp, err := f.follow.Handle(f.invoked(30*time.Second), events.SQSEvent{Records: []events.SQSMessage{
		message("1", string(heard[0])), message("2", "{"), message("3", file(t, "api-call.json")), message("4", string(heard[1])),
	}})
	if want := []events.SQSBatchItemFailure{{ItemIdentifier: "2"}}; err != nil || !slices.Equal(resp.BatchItemFailures, want) {
		t.Errorf("%v, %v; want %v", resp, err, want)
	}
	if !f.caseOf(a).Confirmed() || !f.caseOf(b).Confirmed() {
		t.Error("what stood beside the bad one was not taken in")
	}
	text, err := json.Marshal(events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}})
	if err != nil || string(text) != `{"batchItemFailures":[]}` {
		t.Fatal(string(text), err)
	}
	if resp, err = f.follow.Handle(f.invoked(30*time.Second), events.SQSEvent{}); err != nil || resp.BatchItemFailures == nil {
		t.Errorf("without events: %v, %v; Lambda takes null for a failure of all", resp, err)
	}
}

// An event is not begun when the invocation might end in the middle of it.
func TestEventsAreNotBegunTooLate(t *testing.T) {
	f := newFollowed(t)
	id := f.triggers("A", critical).Case
	f.clock.add(30 * time.Second)
	heard := f.tasks.Events()
	late := events.SQSEvent{Records: []events.SQSMessage{message("m", string(heard[0]))}}
	if _, err := f.follow.Handle(f.invoked(follow.NeedTime-time.Second), late); err == nil || !strings.Contains(err.Error(), "message m was not begun") {
		t.Errorf("%v", err)
	}
	if len(f.api.Requests()) != 0 || f.caseOf(id).Confirmed() {
		t.Error("it was begun")
	}
	if _, err := f.follow.Handle(f.invoked(follow.NeedTime), late); err != nil || !f.caseOf(id).Confirmed() {
		t.Errorf("with just enough time: %v", err)
	}
}

// An event before the answer of the call settles the start, and the settle that comes later does no harm.
func TestEventBeforeTheSettle(t *testing.T) {
	f := newFollowed(t)
	f.plans(apitest.Plan{Run: 5 * time.Minute})
	f.agent.says(delivery.TimedOut)
	f.agent.meanwhile(func() {
		f.clock.add(time.Second)
		if f.hear(f.tasks.Events()...) != 0 {
			t.Error("an event was not taken in")
		}
	})
	id := f.triggers("A", critical).Case
	if c := f.wantCase(id, gate.Started, 1); !c.Confirmed() {
		t.Error("it is not confirmed")
	}
	f.ticks(20)
	f.wantCalls(id, 1)
	f.wantMoney(2_490_000, 0)
}

// A doubt is settled by the Agent's event, and nothing is sent again.
func TestDoubtIsSettledByAnEvent(t *testing.T) {
	f := newFollowed(t)
	f.agent.says(delivery.TimedOut)
	id := f.triggers("A", critical).Case
	f.wantCase(id, gate.InDoubt, 1)
	f.clock.add(21 * time.Second)
	f.hear(f.tasks.Events()...)
	f.wantCase(id, gate.Started, 1)
	f.ticks(20)
	f.wantCalls(id, 1)
}

// A task that was taken up again after its end costs more: 42 s × $0.0083 = $0.3486, beside the 300 s before.
func TestTakenUpAgain(t *testing.T) {
	f := newFollowed(t)
	id := f.triggers("A", critical).Case
	f.clock.add(10 * time.Minute)
	f.hear(f.tasks.Events()...)
	f.wantMoney(2_490_000, 0)
	task := f.tasks.Tasks()[0].ID
	f.clock.add(time.Hour)
	f.tasks.Set(task, "IN_PROGRESS", "")
	again := f.tasks.Events()
	f.clock.add(42 * time.Second)
	f.tasks.Set(task, "COMPLETED", "")
	f.hear(append(f.tasks.Events(), again...)...) // the later one first
	if c := f.wantCase(id, gate.Ended, -1); c.How != gate.EndCompleted {
		t.Errorf("it is %s", c.How)
	}
	f.wantMoney(2_838_600, 0)
}

// Each Agent's events come from its own agent space, and are asked about there.
func TestEachAgentHasItsSpace(t *testing.T) {
	f := newFollowed(t)
	pol, _ := agentsCalled(t, "payments")
	pol, err := pol.Follow("default", "payments")
	if err != nil {
		t.Fatal(err)
	}
	theirs := apitest.NewInvestigations(apitest.InvestigationsOptions{Now: f.clock.Now, Space: "space-payments"})
	work := bySpace{f.tasks.Space(): f.follow.Work, "space-payments": f.client(apitest.NewInProcess(apitest.Options{Investigations: theirs}))}
	f.dispatch.Policy, f.follow.Policy, f.follow.Work = pol, pol, work
	f.follow.Agents = follow.AgentsBySpace(map[string]string{"default": f.tasks.Space(), "payments": "space-payments"})
	f.dispatch.Starter.Agents["payments"] = f.agent

	ours := f.triggers("A", critical, p1)
	b := f.triggers("B", critical, p1, ofPayments)
	theirs.Open(apitest.Incident{ID: b.Case})
	f.clock.add(10 * time.Minute)
	if f.hear(append(f.tasks.Events(), theirs.Events()...)...) != 0 {
		t.Error("an event was not taken in")
	}
	if c := f.caseOf(ours.Case); c.How != gate.EndCompleted {
		t.Errorf("the case of default is %s %s", c.State, c.How)
	}
	v, err := f.store.LookCase(t.Context(), b.Case, "payments", f.clock.Now())
	if c := v.Cases[b.Case]; err != nil || c.How != gate.EndCompleted || v.Account.Spent(f.clock.Now()) != 2_490_000 || len(v.Account.Running) != 0 {
		t.Errorf("the case of payments is %s %s, its account %+v, %v", c.State, c.How, v.Account, err)
	}

	// A case whose Agent has changed since: the space is payments', the case and its money default's.
	moved := f.triggers("C", critical, p1)
	f.tasks.Events()
	theirs.Open(apitest.Incident{ID: moved.Case})
	f.clock.add(10 * time.Minute)
	if f.hear(theirs.Events()...) != 0 {
		t.Error("an event was not taken in")
	}
	if c := f.caseOf(moved.Case); c.How != gate.EndCompleted || c.Agent != "default" {
		t.Errorf("the case of %s is %s %s", c.Agent, c.State, c.How)
	}
	f.wantMoney(4_980_000, 0)
}

type bySpace map[string]follow.Work

func (b bySpace) Task(ctx context.Context, space, task string) (gate.Task, error) {
	return b[space].Task(ctx, space, task)
}

// A storm of events over one case, each many times and all at once, ends as one by one.
func TestStormOfEvents(t *testing.T) {
	f := newFollowed(t, func(p *gatetest.Policy) { p.Slots = 3 })
	id := f.triggers("A", critical).Case
	f.clock.add(10 * time.Minute)
	heard := f.tasks.Events()
	done := make(chan error)
	for i := range 40 {
		go func() {
			var err error
			for range 100 { // what comes back comes again
				_, err = f.follow.Handle(context.Background(), events.SQSEvent{Records: []events.SQSMessage{message("m", string(heard[i%len(heard)]))}})
				if err == nil {
					break
				}
			}
			done <- err
		}()
	}
	for range 40 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if c := f.wantCase(id, gate.Ended, -1); c.How != gate.EndCompleted {
		t.Errorf("it ended %s", c.How)
	}
	f.wantMoney(2_490_000, 0)
	if n := f.total(t, telemetry.InvestigationEnded); n != 1 {
		t.Errorf("%v ends are counted", n)
	}
}

// A recovery and what the Agent says of the same case do not disturb each other.
func TestRecoveryAndEnd(t *testing.T) {
	f := newFollowed(t)
	id := f.triggers("A", critical).Case
	f.clock.add(2 * time.Minute)
	heard := f.tasks.Events()
	f.hear(heard[0])
	f.send(f.alertOf("A", alert.Recovered, critical))
	f.hear(heard[1:]...)
	f.wantCase(id, gate.Started, -1)
	f.clock.add(5 * time.Minute)
	f.hear(f.tasks.Events()...)
	if c := f.wantCase(id, gate.Ended, -1); c.How != gate.EndCompleted {
		t.Errorf("it ended %s", c.How)
	}
}
