package functions_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/alertbridge/alertbridge/functions/outcome/follow"
	"github.com/alertbridge/alertbridge/shared/agent/agentapi"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// worked is a deployment that follows the Agent's work: what its webhook takes becomes a task that lives by the
// deployment's clock, its API is asked by the real client, and its events are handed to outcome as the test says.
type worked struct {
	*bridge
	agent   *agenttest.Server
	tasks   *apitest.Investigations
	api     *apitest.Server
	outcome *follow.Handler
}

// price is that of a second: 60 cents a minute.
const price = gate.Dollars(10_000)

func follows(p *gatetest.Policy) {
	p.Followed = true
	p.Budget = gate.Budget{Month: 300_000_000, Case: 4_000_000, Second: price, Bucket: 20, CriticalPerDay: 20}
}

func newWorked(t *testing.T, plan apitest.Plan, change ...func(*gatetest.Policy)) *worked {
	t.Helper()
	w := &worked{}
	takes := func(r agenttest.Request) {
		var event struct{ IncidentID, Title, Priority, Timestamp string }
		if !r.Started {
			return
		}
		if err := json.Unmarshal(r.Body, &event); err != nil {
			t.Error(err)
		}
		w.tasks.Open(apitest.Incident{ID: event.IncidentID, Title: event.Title, Priority: event.Priority, Timestamp: event.Timestamp})
	}
	w.bridge, w.agent = onSocketOf(t, agenttest.Options{OnRequest: takes}, append([]func(*gatetest.Policy){follows}, change...)...)
	w.clock.now = w.clock.now.Truncate(time.Millisecond) // as ledgers and the Agent keep times
	w.tasks = apitest.NewInvestigations(apitest.InvestigationsOptions{
		Now: w.clock.Now, Plan: func(apitest.Incident) apitest.Plan { return plan },
	})
	w.api = apitest.NewInProcess(apitest.Options{Investigations: w.tasks})
	api := agentapi.New(aws.Config{
		Region: "eu-central-1", HTTPClient: w.api, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	}, agentapi.Options{Endpoint: w.api.URL()})
	w.schedule.Work, w.schedule.Spaces = api, map[string]string{"default": w.tasks.Space()}
	cfg := telemetry.Config{Function: "test", Stack: "s", Out: &w.out, Now: w.clock.Now}
	w.outcome = &follow.Handler{
		Ledger: w.store, Work: api, Agents: follow.AgentsBySpace(w.schedule.Spaces), Policy: w.policy, Now: w.clock.Now,
		Log: telemetry.Logger(cfg), Metrics: telemetry.NewRecorder(cfg),
	}
	return w
}

// hears hands events to outcome, as the queue would, each alone.
func (w *worked) hears(list ...json.RawMessage) {
	w.t.Helper()
	for _, e := range list {
		if _, err := w.outcome.Handle(w.t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "e", Body: string(e)}}}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// after lets time pass and hands over what the Agent has sent by then.
func (w *worked) after(d time.Duration) {
	w.t.Helper()
	w.clock.add(d)
	w.hears(w.tasks.Events()...)
}

// over compares a case that has ended with its investigation, and what was booked for it.
func (w *worked) over(id string, how gate.How, ran time.Duration) {
	w.t.Helper()
	c := w.wantCase(id, gate.Ended, -1)
	want := price * gate.Dollars(ran/time.Second)
	if c.How != how || c.Work.Ran(w.clock.Now()) != ran || c.Work.Booked != want {
		w.t.Errorf("it ended %s after %s, %s booked; want %s after %s, %s", c.How, c.Work.Ran(w.clock.Now()), c.Work.Booked, how, ran, want)
	}
	if spent := w.account().Money.Spent[w.clock.Now().UTC().Format("2006-01")]; spent != want {
		w.t.Errorf("%s are spent, want %s", spent, want)
	}
}

// From the alert to the price, by the Agent's events alone: the API is asked what an event is about, and no tick comes.
func TestWorkIsFollowedToItsEnd(t *testing.T) {
	w := newWorked(t, apitest.Typical)
	id := w.triggers("A").Case
	if c := w.wantCase(id, gate.Started, 1); c.Confirmed() {
		t.Fatal("a 200 has confirmed the start")
	}
	w.after(20 * time.Second) // it has appeared
	if c := w.wantCase(id, gate.Started, 1); !c.Confirmed() || c.Work.Status() != gate.PendingTriage {
		t.Errorf("after its first event it is %q, confirmed %t", c.Work.Status(), c.Confirmed())
	}
	w.after(40 * time.Second) // it runs
	w.after(2 * time.Minute)
	if c := w.wantCase(id, gate.Started, 1); c.Work.Status() != gate.InProgress || c.Work.Ran(w.clock.Now()) != 2*time.Minute {
		t.Errorf("it is %q and has run %s", c.Work.Status(), c.Work.Ran(w.clock.Now()))
	}
	w.after(3 * time.Minute)
	w.over(id, gate.EndCompleted, 5*time.Minute)
}

// None of its events arrives. The tick asks the API, not before three minutes have passed, and so learns the same.
func TestWorkIsFoundByTheAPI(t *testing.T) {
	w := newWorked(t, apitest.Typical)
	id := w.triggers("A").Case
	w.tick(2 * time.Minute)
	if n := len(w.api.Requests()); n != 0 {
		t.Errorf("the API was asked %d times in the first two minutes", n)
	}
	w.tick(time.Minute)
	if c := w.wantCase(id, gate.Started, 1); !c.Confirmed() || c.Work.Status() != gate.InProgress {
		t.Errorf("after three minutes it is %q, confirmed %t", c.Work.Status(), c.Confirmed())
	}
	for range 10 {
		w.tick(time.Minute)
	}
	w.over(id, gate.EndCompleted, 5*time.Minute)
	if n := len(w.api.Requests()); n > 4 {
		t.Errorf("the API was asked %d times", n)
	}
}

// Events come twice and in any order, and the case ends in the same way each time.
func TestWorkInAnyOrder(t *testing.T) {
	for seed := range uint64(12) {
		w := newWorked(t, apitest.Typical)
		id := w.triggers("A").Case
		w.clock.add(10 * time.Minute)
		list := w.tasks.Events()
		if len(list) != 4 {
			t.Fatalf("%d events, want one for each state", len(list))
		}
		list = append(list, list...)
		r := rand.New(rand.NewPCG(seed, 1))
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		w.hears(list...)
		w.tick(time.Minute) // one that was over when it was confirmed ends now
		w.over(id, gate.EndCompleted, 5*time.Minute)
	}
}

// The Agent answers 200 and makes nothing of it. That is told once, loudly, ten minutes after the call, and nothing is
// sent again: only a doubt is.
func TestStartThatTheAgentLoses(t *testing.T) {
	w := newWorked(t, apitest.Plan{Vanish: true})
	id := w.triggers("A").Case
	var at time.Duration
	alarms := 0
	for minute := range 40 {
		w.out.take()
		w.tick(time.Minute)
		for _, line := range w.out.take() {
			if strings.Contains(line, `"did":"misses"`) {
				at, alarms = time.Duration(minute+1)*time.Minute, alarms+1
				if !strings.Contains(line, `"level":"ERROR"`) {
					t.Errorf("it is told as %s", line)
				}
			}
		}
	}
	if alarms != 1 || at < gate.ConfirmWithin || at > gate.ConfirmWithin+2*time.Minute {
		t.Errorf("it was told %d times, at last after %s", alarms, at)
	}
	if c := w.wantCase(id, gate.Started, 1); c.Confirmed() || !c.Work.Missed || c.Work.Absent.IsZero() {
		t.Errorf("%+v", c.Work)
	}
	if n := len(w.agent.Requests()); n != 1 {
		t.Errorf("the Agent was called %d times", n)
	}
}

// The answer to the call is lost, so that nobody knows whether the Agent has it. Its event says so, before any repeat.
func TestEventSettlesADoubt(t *testing.T) {
	w := newWorked(t, apitest.Typical)
	w.agent.Next(agenttest.Taken(agenttest.ResetBeforeReading))
	id := w.triggers("A").Case
	w.wantCase(id, gate.InDoubt, 1)
	w.after(20 * time.Second)
	if c := w.wantCase(id, gate.Started, 1); !c.Confirmed() {
		t.Error("it is not confirmed")
	}
	for range 8 {
		w.tick(time.Minute)
		w.hears(w.tasks.Events()...)
	}
	w.over(id, gate.EndCompleted, 5*time.Minute)
	if n := len(w.agent.Requests()); n != 1 {
		t.Errorf("the Agent was called %d times", n)
	}
}
