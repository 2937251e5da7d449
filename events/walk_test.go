package events_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/functions/dispatcher/dispatch"
	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/queue/memqueue"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// The deliveries are one story: each goes in at the front door and on to its verdict before the next one comes.
func TestDeliveries(t *testing.T) {
	b := newBridge(t)
	for _, d := range load(t).HTTP {
		t.Run(d.Case, func(t *testing.T) { b.play(t, d) })
	}
	for _, r := range b.agent.Requests() {
		if broken := slices.Concat(agenttest.Vanishing(r.Body), agenttest.Unkept(r.Body)); len(r.Errors) > 0 || len(broken) > 0 {
			t.Errorf("the Agent received what it should not: %s%s\n%s", r.Errors, broken, r.Body)
		}
	}
}

func (b *bridge) play(t *testing.T, d events.Delivery) {
	b.clock.add(time.Second)
	calls := len(b.agent.Requests())
	resp, err := b.intake.Handle(t.Context(), events.Fresh(d.Request, b.clock.Now()))
	if err != nil || resp.StatusCode != d.Status {
		t.Fatalf("status %d (%s), %v, want %d", resp.StatusCode, resp.Body, err, d.Status)
	}
	if said := b.log.last("reason"); d.Rejected != "" && said != d.Rejected {
		t.Errorf("refused because of %s, want %s", said, d.Rejected)
	}
	batch, queued := b.queue.Step(t.Context(), b.dispatch.Handle)
	if queued != (d.Verdict != "") || len(batch.Failed) > 0 {
		t.Fatalf("a message for the dispatcher: %t, %q, want verdict %q", queued, batch.Whole, d.Verdict)
	}
	if v, r := b.log.last("verdict"), b.log.last("reason"); queued && (v != string(d.Verdict) || r != string(d.Reason)) {
		t.Errorf("verdict %s (%s), want %s (%s)", v, r, d.Verdict, d.Reason)
	}
	told := b.agent.Requests()[calls:]
	if want := d.Verdict == gate.Start; len(told) > 1 || want != (len(told) == 1) {
		t.Fatalf("the Agent was called %d times, want it: %t", len(told), want)
	}
	if (d.Agent != nil) != (len(told) == 1) {
		t.Fatalf("manifest.json says %v of what the Agent must receive", d.Agent)
	}
	if d.Agent != nil {
		wantTold(t, *d.Agent, told[0])
	}
}

func wantTold(t *testing.T, want events.Told, r agenttest.Request) {
	t.Helper()
	var got agent.Message
	if err := json.Unmarshal(r.Body, &got); err != nil || !r.Started {
		t.Fatalf("the Agent started nothing (%s): %v", r.Verdict, err)
	}
	if got.Priority != want.Priority || got.Service != want.Service {
		t.Errorf("priority %s, service %q, want %s, %q", got.Priority, got.Service, want.Priority, want.Service)
	}
	for _, s := range want.Contains {
		if !strings.Contains(got.Description, s) {
			t.Errorf("the description lacks %q:\n%s", s, got.Description)
		}
	}
	for _, s := range want.Lacks {
		for _, text := range []string{got.Title, got.Description, string(got.Data)} {
			if strings.Contains(text, s) {
				t.Errorf("the Agent is told %q:\n%s", s, text)
			}
		}
	}
}

// Each event of the queue stands for itself: the ledger is empty when it comes.
func TestBatches(t *testing.T) {
	for _, batch := range load(t).SQS {
		t.Run(batch.Case, func(t *testing.T) {
			b := newBridge(t)
			event := events.FreshBatch(batch.Event, b.clock.Now())
			// One by one, as a message that fails names itself in a batch, and fails the invocation when it is alone.
			resp, err := b.dispatch.Handle(t.Context(), event)
			var back []string
			for _, f := range resp.BatchItemFailures {
				back = append(back, f.ItemIdentifier)
			}
			if err != nil && len(event.Records) == 1 {
				back = append(back, event.Records[0].MessageId)
			}
			verdicts := b.log.all("verdict")
			reasons := b.log.all("reason")
			if len(event.Records) != len(batch.Records) {
				t.Fatalf("%d records, and manifest.json has %d", len(event.Records), len(batch.Records))
			}
			for i, want := range batch.Records {
				id := event.Records[i].MessageId
				if slices.Contains(back, id) != want.Back {
					t.Errorf("record %d given back: %t, want %t (%v)", i, !want.Back, want.Back, err)
				}
				if want.Back {
					continue
				}
				if len(verdicts) == 0 || verdicts[0] != string(want.Verdict) || reasons[0] != string(want.Reason) {
					t.Fatalf("record %d has verdict %v (%v), want %s (%s)", i, verdicts, reasons, want.Verdict, want.Reason)
				}
				verdicts, reasons = verdicts[1:], reasons[1:]
			}
			if len(verdicts) > 0 {
				t.Errorf("verdicts nobody asked for: %v", verdicts)
			}
		})
	}
}

// Whatever the schedule says, a tick is a tick.
func TestTicks(t *testing.T) {
	for _, tick := range load(t).Schedule {
		b := newBridge(t)
		var event struct{}
		if err := json.Unmarshal(tick.Event, &event); err != nil {
			t.Fatal(err)
		}
		if _, err := b.schedule.Handle(t.Context(), event); err != nil {
			t.Errorf("%s: %v", tick.Case, err)
		}
	}
}

// Every verdict that each alert can get by itself, without trouble and without a policy, is shown by some delivery.
func TestEveryCaseIsThere(t *testing.T) {
	shown := map[gate.Reason]bool{}
	for _, d := range load(t).HTTP {
		if d.Verdict != gate.Reasons()[d.Reason] {
			t.Errorf("%s: verdict %q does not go with reason %q", d.Case, d.Verdict, d.Reason)
		}
		if d.Verdict != "" {
			shown[d.Reason] = true
		}
	}
	elsewhere := map[gate.Reason]string{
		gate.Lifted: "it needs a case that waits", gate.Holding: "it needs a policy that holds",
		gate.Covered: "it needs a policy that groups", gate.NotTold: "it needs a policy that groups",
		gate.NoSlot: "it needs an Agent that is busy", gate.OverBudget: "it needs a budget that is used up",
		gate.AgentDown: "it needs an Agent that is away", gate.AgentShut: "it needs a secret that is wrong",
		gate.Storming: "it needs more cases at once than the corpus has", gate.InStorm: "it needs a storm",
		gate.FlapStart: "it needs a monitor that comes and goes for an hour", gate.IsFlapping: "it needs one that has had its start",
		gate.WouldStart: "it needs a mode other than full", gate.IsModeOff: "it needs a mode other than full",
		gate.OnlyCritical: "it needs a mode other than full", gate.Silenced: "it needs somebody who silences",
		gate.NotStarted: "it needs a policy that starts on less",
	}
	for reason := range gate.Reasons() {
		if _, fine := elsewhere[reason]; !shown[reason] && !fine {
			t.Errorf("no delivery of http has the reason %s", reason)
		}
	}
}

// bridge is the three functions over a queue and a ledger in memory, with a stand-in for the Agent and a clock that
// stands still.
type bridge struct {
	clock    *clock
	queue    *memqueue.Queue
	agent    *agenttest.Server
	intake   *intake.Handler
	dispatch *dispatch.Handler
	schedule *schedule.Handler
	log      *records
}

func newBridge(t *testing.T) *bridge {
	t.Helper()
	b := &bridge{clock: &clock{now: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)}, log: &records{}}
	b.queue = memqueue.New(memqueue.Options{Now: b.clock.Now})
	var err error
	if b.agent, err = agenttest.NewServer(agenttest.Options{Now: b.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.agent.Close)
	log := slog.New(b.log)
	credentials, err := agent.NewCredentials(b.agent.Secrets(), agent.CredentialOptions{Host: b.agent.Host(), AllowLocal: true, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	client := agent.New(agent.Options{Credentials: credentials, Transport: call.NewTransport(true), Now: b.clock.Now})
	var store ledger.Ledger = memledger.New()
	policy := gate.DefaultRules()
	starter := &start.Starter{Ledger: store, Agents: map[string]start.Agent{"default": client}, Now: b.clock.Now}
	metrics := telemetry.NewRecorder(telemetry.Config{Out: io.Discard, Now: b.clock.Now})
	b.intake = &intake.Handler{
		Queue: b.queue, QueueName: "alerts", Tokens: tokens{}, Now: b.clock.Now, Log: log, Metrics: metrics,
	}
	b.dispatch = &dispatch.Handler{
		Ledger: store, Starter: starter, Policy: policy, Now: b.clock.Now, Log: log, Metrics: metrics,
	}
	b.schedule = &schedule.Handler{
		Ledger: store, Starter: starter, Secrets: map[string]schedule.Secrets{"default": client}, Policy: policy, Now: b.clock.Now, Log: log, Metrics: metrics,
	}
	return b
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// records keeps the attributes of log records: what the functions say of each alert is what operators read.
type records struct {
	mu   sync.Mutex
	kept []map[string]string
}

func (r *records) Handle(_ context.Context, rec slog.Record) error {
	attrs := map[string]string{}
	rec.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value.String()
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, attrs)
	return nil
}

func (r *records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *records) WithGroup(string) slog.Handler            { return r }

// last is what the last record says under this name, "" when it has none.
func (r *records) last(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) == 0 {
		return ""
	}
	return r.kept[len(r.kept)-1][name]
}

// all is what every record that has this name says under it.
func (r *records) all(name string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, attrs := range r.kept {
		if v, there := attrs[name]; there {
			out = append(out, v)
		}
	}
	return out
}
