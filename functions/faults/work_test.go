package faults_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/alertbridge/alertbridge/functions/outcome/follow"
	"github.com/alertbridge/alertbridge/shared/agent/agentapi"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// slowAPI is much of the time that a question to the Agent's API has: follow.AskTime, and tell.SummaryTime, which is less.
const slowAPI = 3 * time.Second

// work is what the Agent makes of what it takes: its tasks, its API and its events.
type work struct {
	w     *world
	tasks *apitest.Investigations
	api   *apitest.Server
	queue []*event // those that outcome has not done with
	deaf  bool     // its events are lost on the way
}

// event is one in the OutcomeQueue.
type event struct {
	body    string
	visible time.Time
}

func newWork(w *world) *work {
	k := &work{w: w}
	k.tasks = apitest.NewInvestigations(apitest.InvestigationsOptions{Now: time.Now, Plan: k.plan})
	k.api = apitest.NewInProcess(apitest.Options{Investigations: k.tasks})
	return k
}

// plan is how an investigation goes: as they do, but for the first one where the story or the fault wants it otherwise.
func (k *work) plan(i apitest.Incident) apitest.Plan {
	p := apitest.Typical
	if i.ID != k.w.idOf("A") {
		return p
	}
	switch k.w.story {
	case aDoubt, aStart: // it runs as long as it can take to learn of it: who has not seen it run cannot know since when it did
		p.Run = 15 * time.Minute
	case aPlan:
		p.Mitigate = 5 * time.Minute
		p.Mitigation = apitest.Mitigation{Queue: 10 * time.Second, Run: time.Minute, Plan: "Roll back.", Stays: true}
	case anAlarm, anEnd, aRecovery: // nothing shows it until somebody has been woken
		p.Appear = 16 * time.Minute
	}
	switch f := k.w.row.fault; {
	case f == conflict && p.Appear > time.Minute: // which takes ten ticks
		p.Appear = 25 * time.Minute
	case f == early && k.w.story == firstEvent:
		p.Appear, p.Triage, p.Queue = time.Second, time.Second, time.Second
	case f == early: // it is over before the Agent has answered our call
		p.Appear, p.Triage, p.Queue, p.Run = time.Second, time.Second, time.Second, time.Second
	}
	if text := map[fault]string{nothing: "an empty text", huge: "a huge text", hostile: "a hostile text"}[k.w.row.fault]; text != "" {
		p.Summary, p.Mitigation.Plan = apitest.Summaries()[text], apitest.Summaries()[text]
	}
	return p
}

// takes opens a task for an event of ours.
func (k *work) takes(id, timestamp string) {
	k.tasks.Open(apitest.Incident{ID: id, Title: id, Priority: "HIGH", Timestamp: timestamp})
}

// client is the real one, through the door.
func (k *work) client() *agentapi.Client {
	return agentapi.New(aws.Config{
		Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""), HTTPClient: apiDoor{k},
	}, agentapi.Options{Endpoint: k.api.URL()})
}

// apiDoor is the way to the Agent's API.
type apiDoor struct{ k *work }

// Do is one request.
func (d apiDoor) Do(r *http.Request) (*http.Response, error) {
	inv := of(r.Context())
	s := find
	switch {
	case inv.function == outcome:
		s = askTask
	case strings.HasPrefix(r.URL.Path, "/journal/"):
		if s = summary; d.k.w.story == aPlan {
			s = askPlan
		}
	default:
		inv.asked = map[string]bool{d.k.w.idOf("A"): true}
	}
	f := inv.pass(s)
	behaviour, known := map[fault]apitest.Behaviour{
		down: apitest.Broken, slow: apitest.Slow(slowAPI), throttled: apitest.Throttled, hangs: apitest.Hang, denied: apitest.Denied,
		garbage: apitest.Garbage, hollow: apitest.Hollow, gone: apitest.Gone,
	}[f]
	switch {
	case known:
	case f == nothing && s == find:
		behaviour = apitest.With(func(o map[string]any) {
			if _, list := o["tasks"]; list {
				o["tasks"] = []any{}
			}
		})
	case d.k.w.row.fault == batched && d.k.w.victim == inv && d.k.isForeign(r.URL.Path):
		behaviour = apitest.Broken
	default:
		behaviour = apitest.Honest
	}
	d.k.api.Next(behaviour)
	return d.k.api.Do(r)
}

// hears makes the function outcome.
func (w *world) hears(door ledger.Ledger, log *slog.Logger, metrics *telemetry.Recorder) *follow.Handler {
	return &follow.Handler{
		Ledger: door, Work: w.work.client(), Agents: map[string]string{w.work.tasks.Space(): "default"}, Policy: w.policy,
		Now: time.Now, Log: log, Metrics: metrics,
	}
}

// collect puts the events that are new into the queue.
func (k *work) collect() {
	for _, body := range k.tasks.Events() {
		if !k.deaf {
			k.queue = append(k.queue, &event{body: string(body), visible: time.Now()})
		}
	}
}

// hear hands out every event that is visible, one after the other.
func (w *world) hear() {
	w.work.collect()
	for _, e := range append([]*event(nil), w.work.queue...) {
		if !e.visible.After(time.Now()) {
			w.hand(e)
		}
	}
}

// hand lets outcome take events as one batch, and what it has done with is deleted.
func (w *world) hand(batch ...*event) {
	ev, numbered := events.SQSEvent{}, map[string]*event{}
	for i, e := range batch {
		e.visible = time.Now().Add(w.numbers["OutcomeQueue"])
		id := string(rune('a' + i))
		numbered[id] = e
		ev.Records = append(ev.Records, events.SQSMessage{
			MessageId: id, Body: e.body, Attributes: map[string]string{"ApproximateReceiveCount": "1"},
		})
	}
	handle := w.env[outcome].hear
	inv, resp, err := invoke(w, outcome, func(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
		of(ctx).hears = slices.ContainsFunc(batch, w.isAbout)
		of(ctx).pass(takeEvent)
		return handle(ctx, ev)
	}, ev)
	if err != nil {
		return
	}
	if deleted, err := w.deletes(inv, forget); !deleted || err != nil {
		return
	}
	for _, f := range resp.BatchItemFailures {
		delete(numbered, f.ItemIdentifier)
	}
	for _, e := range numbered {
		w.work.drop(e)
	}
}

func (k *work) drop(e *event) {
	for i, q := range k.queue {
		if q == e {
			k.queue = append(k.queue[:i], k.queue[i+1:]...)
			return
		}
	}
}

// foreignEvent puts one into the queue that looks like the story's, of a task that somebody else has opened.
func (k *work) foreignEvent(s story) *event {
	k.collect()
	k.tasks.Set(k.tasks.Add(apitest.Task{}), map[story]string{firstEvent: "PENDING_TRIAGE", lastEvent: "COMPLETED"}[s], "")
	k.collect()
	return k.queue[len(k.queue)-1]
}

// isForeign tells a question about a task that refers to nothing of ours.
func (k *work) isForeign(path string) bool {
	t, there := k.tasks.Task(path[strings.LastIndex(path, "/")+1:])
	return there && t.Reference == ""
}

// isAbout tells whether the scene is about this event.
func (w *world) isAbout(e *event) bool {
	var said struct {
		DetailType string `json:"detail-type"`
	}
	if err := json.Unmarshal([]byte(e.body), &said); err != nil {
		w.t.Fatal(err)
	}
	return said.DetailType == map[story]string{firstEvent: "Investigation Pending Triage", lastEvent: "Investigation Completed"}[w.story]
}
