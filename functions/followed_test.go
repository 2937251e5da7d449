package functions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/alertbridge/alertbridge/functions/outcome/follow"
	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/agent/agentapi"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/alert"
	virtual "github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
	"github.com/alertbridge/alertbridge/shared/policy"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// followed is a deployment whose Agent is followed: its tasks live by the bridge's clock, its API is the stand-in behind
// the real client, and its events are handed to outcome as the queue would.
type followed struct {
	*bridge
	tasks  *apitest.Investigations
	api    *apitest.Server
	follow *follow.Handler
	deaf   bool // nothing comes of what the Agent is sent, whatever it answers
}

// newFollowed makes one. An investigation costs $0.0083 a second and is reckoned to take 8 minutes: $3.984.
func newFollowed(t *testing.T, change ...func(*gatetest.Policy)) *followed {
	t.Helper()
	f := &followed{bridge: newBridge(t, append([]func(*gatetest.Policy){func(p *gatetest.Policy) {
		p.Followed = true
		p.Budget = gate.Budget{Month: 300_000_000, Case: 3_984_000, Second: 8_300, Bucket: 5, CriticalPerDay: 20}
	}}, change...)...)}
	f.tasks = apitest.NewInvestigations(apitest.InvestigationsOptions{Now: f.clock.Now})
	f.api = apitest.NewInProcess(apitest.Options{Investigations: f.tasks})
	client := f.client(f.api)
	f.dispatch.Starter.Agents["default"] = worker{f.agent, f}
	f.schedule.Work, f.schedule.Spaces = client, map[string]string{"default": f.tasks.Space()}
	cfg := telemetry.Config{Function: "test", Stack: "s", Out: &f.out, Now: f.clock.Now}
	f.follow = &follow.Handler{
		Ledger: f.store, Work: client, Agents: follow.AgentsBySpace(f.schedule.Spaces), Policy: f.policy,
		Now: f.clock.Now, Log: telemetry.Logger(cfg), Metrics: telemetry.NewRecorder(cfg),
	}
	return f
}

// client is the real one, to a stand-in.
func (f *followed) client(api *apitest.Server) *agentapi.Client {
	return agentapi.New(aws.Config{
		Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""), HTTPClient: api,
	}, agentapi.Options{Endpoint: api.URL()})
}

// worker is the scripted Agent, which also works on what it is sent.
type worker struct {
	*scripted
	f *followed
}

func (w worker) Call(ctx context.Context, m agent.Message) delivery.Answer {
	if !w.f.deaf {
		w.f.tasks.Open(apitest.Incident{ID: m.IncidentID, Title: m.Title, Priority: m.Priority, Timestamp: m.Timestamp})
	}
	return w.scripted.Call(ctx, m)
}

// passing is the bridge's clock as those see it who wait.
type passing struct{ *clock }

func (p passing) Jitter(longest time.Duration) time.Duration { return longest / 2 }

func (p passing) Sleep(ctx context.Context, d time.Duration) error {
	if end, bounded := ctx.Deadline(); bounded && end.Before(p.Now().Add(d)) {
		d = end.Sub(p.Now())
	}
	p.add(max(d, 0))
	return ctx.Err()
}

// invoked is the context of an invocation that Lambda ends after limit.
func (f *followed) invoked(limit time.Duration) context.Context {
	ctx, cancel := virtual.WithTimeout(virtual.With(f.invocation(), passing{f.clock}), limit)
	f.t.Cleanup(cancel)
	return ctx
}

// hear hands events to outcome, one each as the queue would, and gives back how many could not be taken in.
func (f *followed) hear(bodies ...json.RawMessage) (failed int) {
	f.t.Helper()
	for _, body := range bodies {
		if f.hears(string(body)) != nil {
			failed++
		}
	}
	return failed
}

func (f *followed) hears(body string) error {
	f.t.Helper()
	resp, err := f.follow.Handle(f.invoked(30*time.Second), events.SQSEvent{Records: []events.SQSMessage{message("m", body)}})
	if len(resp.BatchItemFailures) != 0 {
		f.t.Errorf("a single event is named in the answer: %v", resp)
	}
	return err
}

func message(id, body string) events.SQSMessage {
	return events.SQSMessage{MessageId: id, Body: body, Attributes: map[string]string{"ApproximateReceiveCount": "1"}}
}

// ticks lets one minute after the other pass, with a tick after each, and calls after each what is to be held.
func (f *followed) ticks(n int, each ...func()) {
	f.t.Helper()
	for range n {
		f.clock.add(time.Minute)
		if _, err := f.schedule.Handle(f.invoked(time.Minute), struct{}{}); err != nil {
			f.t.Fatalf("tick: %v", err)
		}
		for _, hold := range each {
			hold()
		}
	}
}

// asked is how often the API was asked for something.
func (f *followed) asked(call string) (n int) {
	for _, r := range f.api.Requests() {
		if r.Call == call {
			n++
		}
	}
	return n
}

// wantMoney compares what the month has cost and what is reserved besides.
func (f *followed) wantMoney(spent, reserved gate.Dollars) {
	f.t.Helper()
	a := f.account()
	var held gate.Dollars
	for _, r := range a.Running {
		held += r.Money
	}
	if got := a.Spent(f.clock.Now()); got != spent+reserved || held != reserved {
		f.t.Errorf("spent is %v with %v reserved, want %v and %v", got-held, held, spent, reserved)
	}
}

// An event that never comes is asked for. By apitest.Typical the task is there 20 s after the call, runs from 60 s to
// 360 s, and so costs 300 × $0.0083 = $2.49 instead of the $3.984 that it was reckoned to.
func TestTickIsTheNetForLostEvents(t *testing.T) {
	f := newFollowed(t)
	id := f.triggers("A", critical).Case
	f.wantMoney(0, 3_984_000)
	f.ticks(2)
	if n := f.asked("ListBacklogTasks"); n != 0 {
		t.Errorf("the API was asked %d times before %s", n, gate.FirstAsk)
	}
	f.ticks(1)
	if c := f.wantCase(id, gate.Started, 1); !c.Confirmed() || c.Work.Status() != gate.InProgress || f.asked("ListBacklogTasks") != 1 {
		t.Errorf("after %d questions it is %q", f.asked("ListBacklogTasks"), c.Work.Status())
	}
	f.ticks(4) // at 7 min it is over, and nobody has asked again: it was reckoned to take 8
	f.wantCase(id, gate.Started, 1)
	f.ticks(1)
	if c := f.wantCase(id, gate.Ended, -1); c.How != gate.EndCompleted {
		t.Errorf("it ended %s", c.How)
	}
	f.wantMoney(2_490_000, 0)
	f.ticks(30)
	if n := f.asked("ListBacklogTasks"); n != 2 {
		t.Errorf("the API was asked %d times, want 2", n)
	}
	_, counts := f.written()
	same(t, counts, map[string]float64{
		"AlertVerdict": 1, "AgentCall": 1, "Tick": 38, "TickDue": 2, "InvestigationEnded": 1, "BudgetSpent": counts["BudgetSpent"],
	})
}

// What the Agent accepted and has no task of is told once, for a person, and not sent again.
func TestUnconfirmedStartIsToldOnce(t *testing.T) {
	f := newFollowed(t)
	f.deaf = true
	id := f.triggers("A", critical).Case
	f.out.take()
	f.ticks(9)
	if _, counts := f.written(); counts["StartUnconfirmed"] != 0 {
		t.Errorf("it counts as unconfirmed before %s", gate.ConfirmWithin)
	}
	f.ticks(60)
	told := 0
	records, counts := f.written()
	for _, r := range records {
		if r["did"] == "misses" {
			told++
			if r["message"] != "case moved on" || r["level"] != "ERROR" || r["case"] != id {
				t.Errorf("it is told as %v", r)
			}
		}
	}
	if told != 1 || counts["StartUnconfirmed"] != 1 {
		t.Errorf("told %d times, counted %v times", told, counts["StartUnconfirmed"])
	}
	f.wantCalls(id, 1)
	f.wantCase(id, gate.Started, 1)
	f.ticks(60)
	if c := f.wantCase(id, gate.Ended, -1); c.How != gate.EndAssumed {
		t.Errorf("after %s it ended %s", gate.MaxRun, c.How)
	}
	f.wantCalls(id, 1)
	f.wantMoney(0, 0) // the API has said for certain that the Agent has nothing of it
}

// A start in doubt is sent again only after the API has said that the Agent has nothing of it, so late that it would show:
// the lease of the call and 200 s later, 235 s in all.
func TestDoubtIsRepeatedOnlyWhenAbsent(t *testing.T) {
	f := newFollowed(t)
	f.deaf = true
	f.agent.says(delivery.TimedOut)
	id := f.triggers("A", critical).Case
	called := f.clock.Now()
	f.wantCase(id, gate.InDoubt, 1)
	f.ticks(20, func() {
		since := f.clock.Now().Sub(called)
		if n := f.agent.calls(id); n > 1 && since < 235*time.Second {
			t.Fatalf("sent again after %s", since)
		}
		f.deaf = f.agent.calls(id) < 1
	})
	f.wantCalls(id, 2)
	if n := len(f.tasks.Tasks()); n != 1 {
		t.Errorf("%d tasks", n)
	}
	if c := f.wantCase(id, gate.Ended, -1); c.How != gate.EndCompleted {
		t.Errorf("it ended %s", c.How)
	}
}

// What the Agent has taken without an answer is found there, and never sent again.
func TestDoubtIsSettledByTheAPI(t *testing.T) {
	for _, reason := range []delivery.Reason{delivery.TimedOut, delivery.ServerError, delivery.Unreadable} {
		f := newFollowed(t)
		f.agent.says(reason)
		id := f.triggers("A", critical).Case
		f.wantCase(id, gate.InDoubt, 1)
		f.ticks(2)
		f.wantCase(id, gate.Started, 1)
		f.ticks(20)
		f.wantCalls(id, 1)
		if c := f.wantCase(id, gate.Ended, -1); c.How != gate.EndCompleted {
			t.Errorf("%s: it ended %s", reason, c.How)
		}
		f.wantMoney(2_490_000, 0)
	}
}

// As long as the API gives no answer nothing is known, and nothing is sent again.
func TestNothingIsRepeatedWhileTheAPIFails(t *testing.T) {
	for name, fails := range map[string]apitest.Behaviour{
		"denied": apitest.Denied, "throttled": apitest.Throttled, "unavailable": apitest.Reset, "timed_out": apitest.Hang,
		"unreadable": apitest.Garbage, "gone": apitest.Gone, "too_long": apitest.EmptyPages,
	} {
		f := newFollowed(t)
		f.deaf = true
		f.api.Always(fails)
		f.agent.says(delivery.TimedOut)
		id := f.triggers("A", critical).Case
		f.out.take()
		f.ticks(30)
		f.wantCalls(id, 1)
		if c := f.wantCase(id, gate.InDoubt, 1); !c.Work.Missed {
			t.Errorf("%s: nobody is told that it may not be looked into", name)
		}
		if got := f.reasons(telemetry.AgentAPIFailed); len(got) != 1 || got[name] < 6 || got[name] > 12 {
			t.Errorf("%s: failed questions are counted by reason as %v; in 30 min, 30 s apart and then later, it is some ten times", name, got)
		}
		f.deaf = false
		f.api.Always(nil)
		f.ticks(6)
		f.wantCalls(id, 2)
		if c := f.caseOf(id); c.State != gate.Started || c.Work.Missed {
			t.Errorf("%s: when the API answers again it is %s, missed %t", name, c.State, c.Work.Missed)
		}
	}
}

// reasons sums up a counter that was written, by its reason.
func (b *bridge) reasons(m telemetry.Metric) map[string]float64 {
	b.t.Helper()
	all := map[string]float64{}
	for _, line := range b.out.take() {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			b.t.Fatalf("not JSON: %s", line)
		}
		if n, ok := v[string(m)].(float64); ok && v["_aws"] != nil {
			all[v["reason"].(string)] += n
		}
	}
	return all
}

// An API that hangs takes its time from the tick once, and keeps no start from its turn.
func TestStartsGoOnWhenTheAPIHangs(t *testing.T) {
	f := newFollowed(t, held)
	first := f.triggers("A", critical).Case
	f.ticks(2)
	waits := f.triggers("B").Case
	f.wantCase(waits, gate.Waiting, 1)
	f.api.Always(apitest.Hang)
	began := f.clock.Now()
	f.ticks(1)
	if took := f.clock.Now().Sub(began) - time.Minute; took != agentapi.Deadline {
		t.Errorf("the tick asked for %s, want %s", took, agentapi.Deadline)
	}
	if c := f.wantCase(first, gate.Started, 1); c.Confirmed() {
		t.Error("it is confirmed, and the API has said nothing")
	}
	f.wantCase(waits, gate.Started, 1)
	f.wantCalls(waits, 1)
}

// However many Agents' APIs hang, the last one's cases have their turn in the same tick.
func TestManyAgentsWhoseAPIHangs(t *testing.T) {
	f := newFollowed(t)
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	pol, spaces := agentsCalled(t, names...)
	f.dispatch.Policy, f.schedule.Policy, f.follow.Policy = pol, pol, pol
	f.schedule.Spaces = spaces
	for _, name := range append(names, "default") {
		f.dispatch.Starter.Agents[name] = f.agent
		f.schedule.Secrets[name] = f.agent
	}
	of := func(name string) func(*alert.Alert) {
		return func(a *alert.Alert) { a.Tags = append(a.Tags, "team:"+name) }
	}
	for _, name := range names {
		f.want(f.triggers(name, critical, p1, of(name)), gate.Start, gate.NewIncident)
	}
	f.ticks(2)
	last := f.triggers("late", high, of("g"))
	f.want(last, gate.Wait, gate.Holding)
	f.api.Always(apitest.Hang)
	began := f.clock.Now()
	f.ticks(1)
	if took := f.clock.Now().Sub(began) - time.Minute; took > schedule.AskTime {
		t.Errorf("the tick asked for %s, at most %s is for all Agents together", took, schedule.AskTime)
	}
	v, err := f.store.LookCase(t.Context(), last.Case, "g", f.clock.Now())
	if err != nil || v.Cases[last.Case].State != gate.Started {
		t.Errorf("the case of the last Agent is %s, %v", v.Cases[last.Case].State, err)
	}
	if _, counts := f.written(); counts["AgentAPIFailed"] != float64(len(names)) {
		t.Errorf("%v questions failed, want one for each Agent", counts["AgentAPIFailed"])
	}
}

// A ledger that fails while the API is asked, and a tick whose time is over then, leave the rest to the next tick.
func TestTickEndsWhileItAsks(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration // until the API answers
		breaks,
		left bool
	}{
		"the ledger fails": {0, true, false},
		"its time is over": {4 * time.Second, false, true},
	} {
		f := newFollowed(t)
		ids := []string{f.triggers("A", critical).Case, f.triggers("B", critical).Case}
		f.clock.add(gate.FirstAsk)
		f.api.Always(func(x *apitest.Exchange) {
			apitest.Slow(c.takes)(x)
			if c.breaks {
				f.store.fails(errDown)
			}
		})
		f.out.take()
		_, err := f.schedule.Handle(f.invoked(schedule.StopBefore+time.Second), struct{}{})
		if c.breaks != errors.Is(err, errDown) {
			t.Errorf("%s: %v", name, err)
		}
		records, _ := f.written()
		last := records[len(records)-1]
		if c.left && last["left"] != 2.0 || c.breaks && last["failed"] != 2.0 {
			t.Errorf("%s: %v", name, last)
		}
		f.store.fails(nil)
		f.api.Always(nil)
		f.ticks(1)
		for _, id := range ids {
			if !f.caseOf(id).Confirmed() {
				t.Errorf("%s: the next tick has not confirmed %s", name, id)
			}
		}
	}
}

// A panic while the API is asked is told, and keeps no start from its turn.
func TestPanicWhileTheAPIIsAsked(t *testing.T) {
	f := newFollowed(t, held)
	first := f.triggers("A", critical).Case
	f.ticks(2)
	waits := f.triggers("B").Case
	f.schedule.Work = breaks{}
	f.out.take()
	f.clock.add(time.Minute)
	if _, err := f.schedule.Handle(f.invoked(time.Minute), struct{}{}); err == nil || !strings.Contains(err.Error(), `the API of the Agent "default" could not be asked: the handler panicked: boom`) {
		t.Errorf("%v", err)
	}
	records, counts := f.written()
	if last := records[len(records)-1]; last["message"] != "tick failed" || !strings.Contains(fmt.Sprint(last["stack"]), "Find") {
		t.Errorf("the tick tells %v", last)
	}
	if counts["Tick"] != 1 || counts["AgentAPIFailed"] != 1 {
		t.Errorf("counted %v", counts)
	}
	f.wantCase(waits, gate.Started, 1)
	if f.wantCase(first, gate.Started, 1).Confirmed() {
		t.Error("it is confirmed")
	}
}

// Whoever is not followed is never asked about, and his doubts are repeated as ever.
func TestWithoutFollowingNobodyIsAsked(t *testing.T) {
	f := newFollowed(t, func(p *gatetest.Policy) { p.Followed = false })
	f.schedule.Work, f.schedule.Spaces = nil, nil
	f.deaf = true
	f.agent.says(delivery.TimedOut)
	id := f.triggers("A", critical).Case
	f.ticks(2)
	f.wantCalls(id, 2)
	f.ticks(20)
	if c := f.wantCase(id, gate.Ended, -1); c.How != gate.EndAssumed || len(f.api.Requests()) != 0 {
		t.Errorf("it ended %s, and the API was asked %d times", c.How, len(f.api.Requests()))
	}
}

// A tick that was told of no agent space says so, and sends nothing again.
func TestTickWithoutTheAgentsSpace(t *testing.T) {
	f := newFollowed(t)
	f.schedule.Spaces = map[string]string{"payments": "space-2"}
	f.deaf = true
	f.agent.says(delivery.TimedOut)
	id := f.triggers("A", critical).Case
	f.ticks(20)
	f.wantCalls(id, 1)
	c := f.caseOf(id)
	last := c.Steps[len(c.Steps)-1]
	if !strings.Contains(last.Text, `this function knows no agent space of the Agent "default"`) {
		t.Errorf("its last step says %q", last.Text)
	}
	if len(f.api.Requests()) != 0 {
		t.Error("somebody was asked all the same")
	}
}

// agentsCalled is a policy with these Agents besides default, each for the team of its name, all of them followed.
func agentsCalled(t *testing.T, names ...string) (*policy.Policy, map[string]string) {
	t.Helper()
	text, routes, spaces := "hold: {P2: 30s}\nagents:\n", "routes:\n", map[string]string{}
	for _, name := range names {
		text += "  " + name + ": {}\n"
		routes += "  - {name: " + name + ", match: [team = " + name + "], agent: " + name + "}\n"
		spaces[name] = "space-" + name
	}
	pol, err := policy.Parse("policy.yaml", []byte(text+routes))
	if err == nil {
		pol, err = pol.Follow(names...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pol, spaces
}

func p1(a *alert.Alert) { a.Priority = "P1" }
