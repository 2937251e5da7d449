// Package functions_test drives the real handlers dispatch and schedule together, over one ledger in memory, with a clock
// that stands still and an Agent that answers what the scenario says. Messages are handed to dispatch as the queue would;
// intake has tests of its own. Each scenario of the protocol is played step by step, and any step can be held up just
// before or after it reaches the ledger or the Agent.
package functions_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/functions/dispatcher/dispatch"
	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// bridge is a deployment in memory.
type bridge struct {
	t        *testing.T
	clock    *clock
	store    *hooked
	agent    *scripted
	policy   gatetest.Policy
	dispatch *dispatch.Handler
	schedule *schedule.Handler
	out      output // what all functions have written
	mu       sync.Mutex
	events   int
	held     chan struct{}
}

// newBridge makes a deployment with the default policy; change adjusts it.
func newBridge(t *testing.T, change ...func(*gatetest.Policy)) *bridge {
	t.Helper()
	b := &bridge{t: t, clock: &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}, policy: gatetest.Policy{Rules: gate.DefaultRules()}}
	for _, c := range change {
		c(&b.policy)
	}
	b.store = &hooked{Ledger: memledger.New()}
	b.agent = &scripted{version: "v1"}
	starter := &start.Starter{Ledger: b.store, Agents: map[string]start.Agent{"default": b.agent}, Now: b.clock.Now}
	cfg := telemetry.Config{Function: "test", Stack: "s", Out: &b.out, Now: b.clock.Now}
	log, metrics := telemetry.Logger(cfg), telemetry.NewRecorder(cfg)
	b.dispatch = &dispatch.Handler{
		Ledger: b.store, Starter: starter, Policy: b.policy, Now: b.clock.Now, Log: log, Metrics: metrics,
	}
	b.schedule = &schedule.Handler{
		Ledger: b.store, Starter: starter, Secrets: map[string]schedule.Secrets{"default": b.agent}, Policy: b.policy, Now: b.clock.Now, Log: log, Metrics: metrics,
	}
	return b
}

// held gives every alert that is not critical a hold of one minute.
func held(p *gatetest.Policy) { p.Hold = time.Minute }

// grouped puts every alert of one environment into one group.
func grouped(p *gatetest.Policy) {
	p.Keys = func(a alert.Alert) []string { return []string{"env/" + a.Tag("env")} }
}

// slots bounds the investigations at a time.
func slots(n int) func(*gatetest.Policy) { return func(p *gatetest.Policy) { p.Slots = n } }

// stop never repeats a doubt.
func stop(p *gatetest.Policy) { p.InDoubt = gate.StopIt }

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// alertOf is an alert of the incident called name: one monitor group, with a key that is the same over cycles.
func (b *bridge) alertOf(name string, tr alert.Transition, change ...func(*alert.Alert)) alert.Alert {
	b.mu.Lock()
	b.events++
	n := b.events
	b.mu.Unlock()
	a := alert.Alert{
		Delivery: "dd-1-" + strconv.Itoa(n),
		Source:   "datadog", OrgID: "1", EventID: "1",
		Incident:   alert.Incident{Org: "1", Monitor: "m-" + name, Key: "g." + name},
		Monitor:    alert.Monitor{ID: "m-" + name, Name: "Monitor " + name},
		Transition: tr, Severity: alert.Medium, Time: b.clock.Now(), Title: "Monitor " + name,
		Tags: []string{"service:" + name, "env:prod"},
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

func cycle(key string) func(*alert.Alert) {
	return func(a *alert.Alert) { a.Incident.Key, a.Incident.Cycle = "c."+key, true }
}
func critical(a *alert.Alert) { a.Severity = alert.Critical }
func at(t time.Time) func(*alert.Alert) {
	return func(a *alert.Alert) { a.Time = t }
}

// send hands an alert to the dispatcher, as the queue would, and returns its verdict.
func (b *bridge) send(a alert.Alert) gate.Delivery {
	b.t.Helper()
	if err := b.try(a); err != nil {
		b.t.Fatalf("%s: %v", a.Delivery, err)
	}
	return b.verdict(a)
}

func (b *bridge) try(a alert.Alert) error {
	_, err := b.dispatch.Handle(b.t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: b.body(a)}}})
	return err
}

// body is the message that ingest would have sent.
func (b *bridge) body(a alert.Alert) string {
	return encode(b.t, queue.Envelope{Kind: queue.KindAlert, Delivery: a.Delivery, Received: b.clock.Now(), Alert: &a})
}

func encode(t *testing.T, e queue.Envelope) string {
	body, err := queue.Encode(e)
	if err != nil {
		t.Errorf("%s: %v", e.Delivery, err)
	}
	return body
}

func unreadable(id string, received time.Time) queue.Envelope {
	return queue.Envelope{Kind: queue.KindUnreadable, Delivery: id, Received: received, Unreadable: &queue.Unreadable{
		Reason: "not_json", Words: "It is not JSON.", Bytes: 3, SHA256: "00", Excerpt: "{,}",
	}}
}

func (b *bridge) triggers(name string, change ...func(*alert.Alert)) gate.Delivery {
	b.t.Helper()
	return b.send(b.alertOf(name, alert.Triggered, change...))
}

func (b *bridge) recovers(name string, change ...func(*alert.Alert)) gate.Delivery {
	b.t.Helper()
	return b.send(b.alertOf(name, alert.Recovered, change...))
}

// tick runs the scheduler after d.
func (b *bridge) tick(d time.Duration) {
	b.t.Helper()
	b.clock.add(d)
	if _, err := b.schedule.Handle(b.t.Context(), struct{}{}); err != nil {
		b.t.Fatalf("tick: %v", err)
	}
}

func (b *bridge) verdict(a alert.Alert) gate.Delivery {
	b.t.Helper()
	d, err := b.store.Ledger.(ledger.Lister).Verdict(b.t.Context(), a.Delivery, b.clock.Now())
	if err != nil || d == nil {
		b.t.Fatalf("%s has no verdict: %v", a.Delivery, err)
	}
	return *d
}

// caseOf reads a case as it is now.
func (b *bridge) caseOf(id string) gate.Case {
	b.t.Helper()
	v, err := b.store.Ledger.LookCase(b.t.Context(), id, b.policy.Agent, b.clock.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	return v.Cases[id]
}

func (b *bridge) account() gate.Account {
	b.t.Helper()
	v, err := b.store.Ledger.LookCase(b.t.Context(), "", b.policy.Agent, b.clock.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	return v.Account
}

// want compares a verdict.
func (b *bridge) want(d gate.Delivery, v gate.Verdict, r gate.Reason) {
	b.t.Helper()
	if d.Verdict != v || d.Reason != r {
		b.t.Errorf("%s %s: verdict %s (%s), want %s (%s)", d.Incident, d.Transition, d.Verdict, d.Reason, v, r)
	}
}

// wantCase compares what matters of a case.
func (b *bridge) wantCase(id string, s gate.State, firing int) gate.Case {
	b.t.Helper()
	c := b.caseOf(id)
	if c.State != s || firing >= 0 && c.Firing != firing {
		b.t.Errorf("case %s is %s (%s%s) with %d firing, want %s with %d", id, c.State, c.Why, c.How, c.Firing, s, firing)
	}
	if _, reserved := b.account().Running[id]; !reserved && (c.State == gate.Starting || c.State == gate.Started && c.Until.After(b.clock.Now())) {
		b.t.Errorf("case %s is %s without a reservation", id, c.State)
	} else if reserved && (c.State == gate.Waiting || c.State == gate.Refused || c.State == gate.Ended) {
		b.t.Errorf("case %s is %s and still holds a reservation", id, c.State)
	}
	return c
}

// wantCalls compares how often the Agent was called for a case.
func (b *bridge) wantCalls(id string, n int) {
	b.t.Helper()
	if got := b.agent.calls(id); got != n {
		b.t.Errorf("the Agent was called %d times for case %s, want %d", got, id, n)
	}
}

// scripted is an Agent that answers what it was told to, in order, and "received" when nothing is left.
type scripted struct {
	mu      sync.Mutex
	answers []delivery.Answer
	asked   []string
	during  []func() // run inside the next calls, one each
	version string
}

func answer(r delivery.Reason) delivery.Answer {
	return delivery.Answer{Reason: r, Words: "scripted", SecretVersion: "v1"}
}

// says queues answers.
func (s *scripted) says(reasons ...delivery.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range reasons {
		s.answers = append(s.answers, answer(r))
	}
}

// meanwhile runs f inside the next call, before it is answered.
func (s *scripted) meanwhile(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.during = append(s.during, f)
}

func (s *scripted) Call(_ context.Context, m agent.Message) delivery.Answer {
	s.mu.Lock()
	s.asked = append(s.asked, m.IncidentID)
	ans := answer(delivery.Received)
	if len(s.answers) > 0 {
		ans, s.answers = s.answers[0], s.answers[1:]
	}
	var f func()
	if len(s.during) > 0 {
		f, s.during = s.during[0], s.during[1:]
	}
	s.mu.Unlock()
	if f != nil {
		f()
	}
	return ans
}

func (s *scripted) SecretVersion(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version, nil
}

func (s *scripted) calls(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(s.asked), func(x string) bool { return x != id }))
}

func (s *scripted) total() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.asked) }

// hooked is a ledger whose next calls can be held up or made to fail.
type hooked struct {
	ledger.Ledger
	mu     sync.Mutex
	before []func(gate.Change) error // run before the next commits, one each; an error is the answer, nothing is written
	after  []func(gate.Change) error // run after the next commits that were applied; an error is the answer
	down   error
	looks  int
	writes int
}

// beforeCommit runs f before the next commit reaches the ledger.
func (h *hooked) beforeCommit(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before = append(h.before, func(gate.Change) error { f(); return nil })
}

// losesAnswer applies the next commit and answers that nobody knows.
func (h *hooked) losesAnswer() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.after = append(h.after, func(gate.Change) error { return ledger.ErrUnknown })
}

// afterCommit runs f after the next commit was applied, before its answer is read.
func (h *hooked) afterCommit(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.after = append(h.after, func(gate.Change) error { f(); return nil })
}

// fails makes every call fail until it is given nil.
func (h *hooked) fails(err error) { h.mu.Lock(); defer h.mu.Unlock(); h.down = err }

func (h *hooked) take(list *[]func(gate.Change) error, c gate.Change) error {
	h.mu.Lock()
	var f func(gate.Change) error
	if len(*list) > 0 {
		f, *list = (*list)[0], (*list)[1:]
	}
	h.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(c)
}

func (h *hooked) isDown() error { h.mu.Lock(); defer h.mu.Unlock(); return h.down }

func (h *hooked) Commit(ctx context.Context, c gate.Change) error {
	if err := h.isDown(); err != nil {
		return err
	}
	if err := h.take(&h.before, c); err != nil {
		return err
	}
	h.mu.Lock()
	h.writes++
	h.mu.Unlock()
	if err := h.Ledger.Commit(ctx, c); err != nil {
		return err
	}
	return h.take(&h.after, c)
}

func (h *hooked) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	if err := h.isDown(); err != nil {
		return gate.View{}, err
	}
	v, err := h.Ledger.Look(ctx, q, now)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.looks++; len(v.Cases) > 0 {
		h.looks++ // the cases are a round trip of their own
	}
	return v, err
}

func (h *hooked) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	if err := h.isDown(); err != nil {
		return gate.View{}, err
	}
	h.mu.Lock()
	h.looks++
	h.mu.Unlock()
	return h.Ledger.LookCase(ctx, id, agent, now)
}

func (h *hooked) trips() int { h.mu.Lock(); defer h.mu.Unlock(); return h.looks + h.writes }

var errDown = errors.New("the table does not answer")

// callAndSettle is what a caller must have left.
const callAndSettle = agent.CallDeadline + start.SettleTime

// eventually waits for something that another goroutine does.
func (b *bridge) eventually(f func() bool) {
	b.t.Helper()
	for range 2000 {
		if f() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	b.t.Fatal("it did not happen")
}

// byHand commits a change that no handler makes.
func (b *bridge) byHand(c gate.Change) {
	b.t.Helper()
	if err := b.store.Ledger.Commit(b.t.Context(), c); err != nil {
		b.t.Fatal(err)
	}
}

// startByHand makes a refused case starting, as an operator's command would.
func (b *bridge) startByHand(id string) {
	b.t.Helper()
	read := b.caseOf(id)
	now := read
	now.State, now.Attempt, now.Version = gate.Starting, read.Attempt+1, read.Version+1
	now.StartAt, now.Until = b.clock.Now(), b.clock.Now().Add(gate.Lease)
	acct := b.account()
	b.byHand(gate.Change{At: b.clock.Now(), Cases: []gate.CaseWrite{{Read: read, Now: now}}, Account: &gate.AccountWrite{
		Agent: acct.Agent, Read: acct.Version, Put: map[string]gate.Reservation{id: {Attempt: now.Attempt, Until: b.clock.Now().Add(time.Hour)}},
	}})
}

// hold returns a channel that stays open until release.
func (b *bridge) hold() chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held == nil {
		b.held = make(chan struct{})
	}
	return b.held
}

func (b *bridge) release() { close(b.hold()) }

// output collects what is written by several goroutines.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// take returns what was written since it was last asked, a line each.
func (o *output) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := strings.FieldsFunc(o.buf.String(), func(r rune) bool { return r == '\n' })
	o.buf.Reset()
	return lines
}
