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

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// written splits what was written into log records and counts by counter.
func (b *bridge) written() (records []map[string]any, counts map[string]float64) {
	b.t.Helper()
	counts = map[string]float64{}
	for _, line := range b.out.take() {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			b.t.Fatalf("not JSON: %s", line)
		}
		if m["_aws"] == nil {
			records = append(records, m)
			continue
		}
		for _, d := range telemetry.Metrics() {
			if n, ok := m[string(d.Metric)].(float64); ok {
				counts[string(d.Metric)] += n
			}
		}
	}
	return records, counts
}

func same(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for name := range got {
		if got[name] != want[name] {
			t.Errorf("%s was counted %v times, want %v", name, got[name], want[name])
		}
	}
	for name := range want {
		if got[name] == 0 {
			t.Errorf("%s was not counted", name)
		}
	}
}

func TestOneRecordForAnAlert(t *testing.T) {
	b := newBridge(t)
	a := b.triggers("A")
	records, counts := b.written()
	if len(records) != 1 {
		t.Fatalf("%d records for one alert", len(records))
	}
	for name, want := range map[string]any{
		"level": "INFO", "message": "alert decided", "delivery": a.ID, "case": a.Case, "verdict": "start",
		"reason": "new_incident", "did": "opens", "incident": "1/m-A/g.A", "transition": "Triggered", "severity": "MEDIUM",
		"title": "Monitor A", "service": "A", "rounds": 1.0, "outcome": "accepted", "call_reason": "received",
		"attempt": 1.0, "doubts": 0.0, "state": "started",
	} {
		if records[0][name] != want {
			t.Errorf("%s is %v, want %v", name, records[0][name], want)
		}
	}
	same(t, counts, map[string]float64{"AlertVerdict": 1, "AgentCall": 1})
}

func TestWhatAlarmsStandOn(t *testing.T) {
	for reason, want := range map[delivery.Reason]struct {
		level  string
		counts map[string]float64
	}{
		delivery.Unauthorized: {"ERROR", map[string]float64{"AlertVerdict": 1, "AgentCall": 1, "AgentShut": 1}},
		delivery.ErrorsInBody: {"ERROR", map[string]float64{"AlertVerdict": 1, "AgentCall": 1, "CaseRefused": 1}},
		delivery.TimedOut:     {"WARN", map[string]float64{"AlertVerdict": 1, "AgentCall": 1, "CaseInDoubt": 1}},
		delivery.Throttled:    {"WARN", map[string]float64{"AlertVerdict": 1, "AgentCall": 1}},
	} {
		b := newBridge(t)
		b.agent.says(reason)
		b.triggers("A")
		records, counts := b.written()
		if len(records) != 1 || records[0]["level"] != want.level || records[0]["words"] != "scripted" {
			t.Errorf("%s: records %v", reason, records)
		}
		same(t, counts, want.counts)
	}
}

// A repeat that the Agent refuses leaves its case in doubt: nothing is refused, nothing is tried any more, and somebody is
// told.
func TestRefusedRepeatIsNoRefusedCase(t *testing.T) {
	b := newBridge(t)
	b.agent.says(delivery.TimedOut, delivery.ErrorsInBody)
	a := b.triggers("A")
	b.out.take()
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.InDoubt, 1)
	_, counts := b.written()
	same(t, counts, map[string]float64{"Tick": 1, "TickDue": 1, "TickStarted": 1, "AgentCall": 1, "CaseLeftInDoubt": 1})
}

func TestMessageWithoutAVerdictIsTold(t *testing.T) {
	b := newBridge(t)
	b.store.fails(errDown)
	_ = b.try(b.alertOf("A", alert.Triggered))
	records, counts := b.written()
	if len(records) != 1 || records[0]["level"] != "ERROR" || !strings.Contains(records[0]["error"].(string), errDown.Error()) {
		t.Errorf("records %v", records)
	}
	same(t, counts, map[string]float64{"MessageFailed": 1})
}

// A message that makes the handler panic is told and comes back like any other without a verdict, and takes none of its
// batch with it.
func TestMessageThatPanicsIsTold(t *testing.T) {
	b := newBridge(t)
	bad, good := b.alertOf("bad", alert.Triggered), b.alertOf("good", alert.Triggered)
	both := events.SQSEvent{Records: []events.SQSMessage{{MessageId: "bad", Body: b.body(bad)}, {MessageId: "good", Body: b.body(good)}}}
	b.store.beforeCommit(func() { panic("boom") })
	resp, err := b.dispatch.Handle(t.Context(), both)
	if err != nil || len(resp.BatchItemFailures) != 1 || resp.BatchItemFailures[0].ItemIdentifier != "bad" {
		t.Errorf("gave back %v, %v; want the bad one", resp.BatchItemFailures, err)
	}
	b.want(b.verdict(good), gate.Start, gate.NewIncident)
	records, counts := b.written()
	if len(records) != 2 || records[0]["level"] != "ERROR" || records[0]["error"] != "the handler panicked: boom" ||
		!strings.Contains(fmt.Sprint(records[0]["stack"]), "TestMessageThatPanicsIsTold") {
		t.Errorf("records %v", records)
	}
	same(t, counts, map[string]float64{"MessageFailed": 1, "AlertVerdict": 1, "AgentCall": 1})

	b.store.beforeCommit(func() { panic("boom") })
	if err := b.try(bad); err == nil || err.Error() != "the handler panicked: boom" {
		t.Errorf("alone it came back with %v", err)
	}
}

// Cases that make the tick panic have failed, and the tick goes on to the next.
func TestTickGoesOnPastAPanic(t *testing.T) {
	b := newBridge(t, held)
	worst := b.triggers("worst", func(a *alert.Alert) { a.Severity = alert.High })
	bad := b.triggers("bad")
	good := b.triggers("good", func(a *alert.Alert) { a.Severity = alert.Low })
	b.out.take()
	b.schedule.Ledger = panickingCase{b.store, worst.Case}
	b.agent.meanwhile(func() { panic("boom") })
	b.clock.add(time.Minute)
	_, err := b.schedule.Handle(t.Context(), struct{}{})
	want := "the tick could not read case " + worst.Case + ": the handler panicked: boom\n" +
		"the tick could not move case " + bad.Case + " on (starts): the handler panicked: boom"
	if err == nil || err.Error() != want {
		t.Errorf("the tick says %v, want %s", err, want)
	}
	b.wantCase(worst.Case, gate.Waiting, 1)
	b.wantCase(bad.Case, gate.Starting, 1)
	b.wantCase(good.Case, gate.Started, 1)
	records, counts := b.written()
	if n := len(records); n != 2 || records[1]["message"] != "tick failed" || !strings.Contains(fmt.Sprint(records[1]["stack"]), "panickingCase.LookCase") {
		t.Errorf("records %v", records)
	}
	same(t, counts, map[string]float64{"Tick": 1, "TickDue": 3, "TickStarted": 1, "AgentCall": 1})
}

type panickingCase struct {
	ledger.Ledger
	id string
}

func (p panickingCase) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	if id == p.id {
		panic("boom")
	}
	return p.Ledger.LookCase(ctx, id, agent, now)
}

func TestLostRacesAreCountedAndNoFailure(t *testing.T) {
	b := newBridge(t)
	b.store.beforeCommit(func() { b.triggers("A") })
	b.triggers("A")
	records, counts := b.written()
	if n := records[len(records)-1]["rounds"]; n != 2.0 {
		t.Errorf("%v rounds, want 2", n)
	}
	same(t, counts, map[string]float64{"AlertVerdict": 2, "AgentCall": 1, "LedgerConflict": 1})
}

func TestTickWithoutWorkWritesOnlyItsHeartbeat(t *testing.T) {
	b := newBridge(t)
	b.tick(time.Minute)
	records, counts := b.written()
	if len(records) != 0 {
		t.Errorf("records of a tick that did nothing: %v", records)
	}
	same(t, counts, map[string]float64{"Tick": 1})
}

func TestTickTellsWhatItDid(t *testing.T) {
	b := newBridge(t, held)
	a := b.triggers("A")
	b.out.take()
	b.tick(time.Minute)
	records, counts := b.written()
	if len(records) != 2 {
		t.Fatalf("records %v, want one of the case and one of the tick", records)
	}
	for name, want := range map[string]any{"case": a.Case, "did": "starts", "from": "waiting", "to": "starting", "state": "started"} {
		if records[0][name] != want {
			t.Errorf("%s is %v, want %v", name, records[0][name], want)
		}
	}
	for name, want := range map[string]any{"due": 1.0, "moved": 1.0, "starts": 1.0, "lost": 0.0, "left": 0.0} {
		if records[1][name] != want {
			t.Errorf("%s is %v, want %v", name, records[1][name], want)
		}
	}
	same(t, counts, map[string]float64{"Tick": 1, "TickDue": 1, "TickStarted": 1, "AgentCall": 1})
}

// An account that is shut is counted in every tick, so that its alarm lasts as long as the fault.
func TestShutAccountIsCountedWhileItLasts(t *testing.T) {
	b := newBridge(t)
	b.agent.says(delivery.Unauthorized)
	b.triggers("A")
	for range 2 {
		b.out.take()
		b.tick(time.Minute)
		_, counts := b.written()
		same(t, counts, map[string]float64{"Tick": 1, "TickDue": 1, "AgentShut": 1})
	}
}

// The secret of a shut account cannot be read just now. The rest of the tick is done, and the fault is told.
func TestTickGoesOnWithoutTheSecret(t *testing.T) {
	b := newBridge(t)
	started := b.triggers("A")
	b.agent.says(delivery.Unauthorized)
	b.triggers("B")
	b.out.take()
	b.schedule.Secrets["default"] = unreadableSecret{}
	b.clock.add(9 * time.Minute)
	_, err := b.schedule.Handle(t.Context(), struct{}{})
	if err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("the tick says %v", err)
	}
	b.wantCase(started.Case, gate.Ended, 1)
	_, counts := b.written()
	same(t, counts, map[string]float64{"Tick": 1, "TickDue": 2, "AgentShut": 1})
}

type unreadableSecret struct{}

func (unreadableSecret) SecretVersion(context.Context) (string, error) {
	return "", errors.New("no answer")
}

// A tick stops taking new work while a start still fits before its end.
func TestTickStopsInTime(t *testing.T) {
	b := newBridge(t, held)
	for _, name := range []string{"A", "B", "C"} {
		b.triggers(name)
	}
	b.clock.add(time.Minute)
	b.out.take()
	ctx := deadline{t.Context(), b.clock.Now().Add(20 * time.Second)}
	b.agent.meanwhile(func() { b.clock.add(6 * time.Second) }) // 14 s are left for the second
	if _, err := b.schedule.Handle(ctx, struct{}{}); err != nil {
		t.Fatal(err)
	}
	if n := b.agent.total(); n != 1 {
		t.Errorf("%d starts, want 1", n)
	}
	records, _ := b.written()
	if left := records[len(records)-1]["left"]; left != 2.0 {
		t.Errorf("%v cases left, want 2", left)
	}
}

// deadline is a context whose end is on the test's clock.
type deadline struct {
	context.Context
	end time.Time
}

func (d deadline) Deadline() (time.Time, bool) { return d.end, true }

// Records that this build cannot read, at the head of what is due and among the reservations, keep the tick from
// nothing else. They are told.
func TestTickGoesOnPastUnreadableRecords(t *testing.T) {
	b := newBridge(t, held)
	var bad []string
	for _, name := range []string{"A", "B", "C", "D"} {
		bad = append(bad, b.triggers(name, func(a *alert.Alert) { a.Severity = alert.High }).Case)
	}
	good := b.triggers("good")
	b.clock.add(time.Minute)
	b.out.take()
	b.schedule.Ledger = unreadableCases{b.store, append(bad, "")}
	_, err := b.schedule.Handle(t.Context(), struct{}{})
	if !errors.Is(err, ledger.ErrUnreadable) {
		t.Errorf("the tick says %v", err)
	}
	b.wantCase(good.Case, gate.Started, 1)
	records, _ := b.written()
	if n := records[len(records)-1]["unreadable"]; n != 5.0 {
		t.Errorf("%v unreadable records were told, want 5", n)
	}
}

// A store that fails for case after case is not asked about all of them.
func TestTickEndsWhenTheStoreFails(t *testing.T) {
	b := newBridge(t, held)
	for _, name := range []string{"A", "B", "C", "D", "E"} {
		b.triggers(name)
	}
	b.clock.add(time.Minute)
	b.out.take()
	asked := 0
	b.schedule.Ledger = failingCases{b.store, &asked}
	if _, err := b.schedule.Handle(t.Context(), struct{}{}); !errors.Is(err, errDown) {
		t.Errorf("the tick says %v", err)
	}
	records, counts := b.written()
	if left := records[len(records)-1]["left"]; asked != 3 || left != 2.0 {
		t.Errorf("%d cases were asked for and %v left, want 3 and 2", asked, left)
	}
	if counts["Tick"] != 0 {
		t.Error("a tick that gave up counts as one that came to its end")
	}
}

type unreadableCases struct {
	ledger.Ledger
	ids []string
}

func (u unreadableCases) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	v, err := u.Ledger.LookCase(ctx, id, agent, now)
	if slices.Contains(u.ids, id) {
		return gate.View{Account: v.Account}, ledger.ErrUnreadable
	}
	return v, err
}

type failingCases struct {
	ledger.Ledger
	asked *int
}

func (f failingCases) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	if id == "" {
		return f.Ledger.LookCase(ctx, id, agent, now)
	}
	*f.asked++
	return gate.View{}, errDown
}

// A lease that is over is a doubt like any other, and with "stop" a person must be told at once.
func TestDoubtByLeaseIsCounted(t *testing.T) {
	b := newBridge(t, stop)
	b.store.losesAnswer()
	b.triggers("A")
	b.out.take()
	b.tick(gate.Lease + time.Second)
	records, counts := b.written()
	same(t, counts, map[string]float64{"Tick": 1, "TickDue": 1, "CaseInDoubt": 1, "CaseLeftInDoubt": 1})
	if records[0]["did"] != "doubts" || records[0]["level"] != "ERROR" {
		t.Errorf("record %v", records[0])
	}
}

// The tick that opens the account does not say any more that it is shut.
func TestOpenedAccountIsNotCountedAsShut(t *testing.T) {
	b := newBridge(t)
	b.agent.says(delivery.Unauthorized)
	b.triggers("A")
	b.agent.version = "v2"
	b.out.take()
	b.tick(time.Minute)
	_, counts := b.written()
	same(t, counts, map[string]float64{"Tick": 1, "TickDue": 1, "TickStarted": 1, "AgentCall": 1})
}
