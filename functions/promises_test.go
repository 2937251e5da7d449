package functions_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/ledgertest"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

func TestTwoHundredDeliveriesOfOneAlertStartOnce(t *testing.T) {
	b := newBridge(t)
	a := b.alertOf("A", alert.Triggered)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			for b.try(a) != nil { // a message without a verdict comes back
			}
		})
	}
	all.Wait()
	d := b.verdict(a)
	b.want(d, gate.Start, gate.NewIncident)
	b.wantCalls(d.Case, 1)
	if b.agent.total() != 1 {
		t.Errorf("%d calls", b.agent.total())
	}
	if c := b.wantCase(d.Case, gate.Started, 1); c.Attempt != 1 || c.Joined != 0 {
		t.Errorf("attempt %d, joined %d", c.Attempt, c.Joined)
	}
}

func TestTwoHundredNotificationsOfOneIncidentStartOnce(t *testing.T) {
	b := newBridge(t)
	var all sync.WaitGroup
	for i := range 200 {
		tr := alert.Renotify
		if i%2 == 0 {
			tr = alert.ReTriggered
		}
		a := b.alertOf("A", tr, at(b.clock.Now().Add(time.Duration(i)*time.Millisecond)))
		all.Go(func() {
			for b.try(a) != nil {
			}
		})
	}
	all.Wait()
	if b.agent.total() != 1 {
		t.Errorf("%d calls for one incident", b.agent.total())
	}
}

func TestRecoveryThatOvertakesItsTrigger(t *testing.T) {
	for name, key := range map[string]func(*alert.Alert){"cycle key": cycle("1"), "fallback key": func(*alert.Alert) {}} {
		t.Run(name, func(t *testing.T) {
			b := newBridge(t)
			trigger := b.alertOf("A", alert.Triggered, key)
			b.clock.add(time.Minute)
			b.want(b.recovers("A", key), gate.Drop, gate.IsRecovery)
			b.want(b.send(trigger), gate.Drop, gate.Late)
			if b.agent.total() != 0 {
				t.Error("an investigation was started for what had recovered")
			}
		})
	}
}

// A crash is an invocation that ends at some point and never settles; its message comes back.
func TestCrashes(t *testing.T) {
	t.Run("after the commit, before the call", func(t *testing.T) {
		b := newBridge(t)
		a := b.alertOf("A", alert.Triggered)
		b.store.afterCommit(runtime.Goexit)
		b.crash(func() { _ = b.try(a) })
		b.want(b.send(a), gate.Start, gate.NewIncident) // comes back, and only acknowledges
		id := b.verdict(a).Case
		b.wantCalls(id, 0)
		b.tick(gate.Lease + time.Second)
		b.wantCase(id, gate.InDoubt, 1)
		b.tick(time.Minute)
		b.wantCase(id, gate.Started, 1)
		b.wantCalls(id, 1)
	})
	t.Run("in the call", func(t *testing.T) {
		b := newBridge(t)
		a := b.alertOf("A", alert.Triggered)
		b.agent.meanwhile(runtime.Goexit)
		b.crash(func() { _ = b.try(a) })
		b.send(a)
		id := b.verdict(a).Case
		b.tick(gate.Lease + time.Second)
		b.wantCase(id, gate.InDoubt, 1)
		b.tick(time.Minute)
		b.wantCase(id, gate.Started, 1)
		b.wantCalls(id, 2) // the only thing that is ever sent again, with the same id
	})
	t.Run("after the call, before the settle", func(t *testing.T) {
		b := newBridge(t, stop)
		a := b.alertOf("A", alert.Triggered)
		b.agent.meanwhile(func() { b.store.beforeCommit(runtime.Goexit) })
		b.crash(func() { _ = b.try(a) })
		b.send(a)
		id := b.verdict(a).Case
		for range 30 {
			b.tick(time.Minute)
		}
		b.wantCase(id, gate.InDoubt, 1)
		b.wantCalls(id, 1) // stop: nothing is sent again by itself
	})
	t.Run("before the commit", func(t *testing.T) {
		b := newBridge(t)
		a := b.alertOf("A", alert.Triggered)
		b.store.beforeCommit(runtime.Goexit)
		b.crash(func() { _ = b.try(a) })
		b.want(b.send(a), gate.Start, gate.NewIncident)
		b.wantCalls(b.verdict(a).Case, 1)
	})
}

// crash runs f in a goroutine that must end before f returns. A panic would be caught, and be no crash.
func (b *bridge) crash(f func()) {
	b.t.Helper()
	ended, returned := make(chan struct{}), false
	go func() {
		defer close(ended)
		f()
		returned = true
	}()
	if <-ended; returned {
		b.t.Error("it did not crash")
	}
}

func TestTableDownLosesNothing(t *testing.T) {
	b := newBridge(t)
	a := b.alertOf("A", alert.Triggered)
	b.store.fails(errDown)
	err := b.try(a)
	if err == nil || !strings.Contains(err.Error(), a.Delivery) || !strings.Contains(err.Error(), errDown.Error()) {
		t.Errorf("a message without a verdict must come back, and its error name the delivery and the cause: %v", err)
	}
	if _, err := b.schedule.Handle(t.Context(), struct{}{}); err == nil {
		t.Error("a tick without a ledger must fail, so that somebody is told")
	}
	b.store.fails(nil)
	b.want(b.send(a), gate.Start, gate.NewIncident)
	b.wantCalls(b.verdict(a).Case, 1)
}

func TestTableDownInTheMiddle(t *testing.T) {
	b := newBridge(t)
	a := b.alertOf("A", alert.Triggered)
	b.agent.meanwhile(func() { b.store.fails(errDown) }) // the settle finds no ledger
	if err := b.try(a); err != nil {
		t.Errorf("the alert has its verdict, and must not come back: %v", err)
	}
	b.store.fails(nil)
	id := b.verdict(a).Case
	b.wantCase(id, gate.Starting, 1)
	b.tick(gate.Lease + time.Second)
	b.wantCase(id, gate.InDoubt, 1)
}

func TestAgentDownForTenTicksAndBack(t *testing.T) {
	b := newBridge(t)
	for range 40 {
		b.agent.says(delivery.ConnectionFailed)
	}
	low := b.triggers("low", func(a *alert.Alert) { a.Severity = alert.Low })
	b.want(low, gate.Start, gate.NewIncident) // the verdict stands; its case came back
	b.wantCase(low.Case, gate.Waiting, 1)
	high := b.triggers("high", func(a *alert.Alert) { a.Severity = alert.High })
	b.want(high, gate.Wait, gate.AgentDown)
	gone := b.triggers("gone")
	b.clock.add(time.Second)
	b.recovers("gone")

	before := b.agent.total()
	for range 10 {
		calls := b.agent.total()
		b.tick(time.Minute)
		if probes := b.agent.total() - calls; probes > 1 {
			t.Errorf("%d calls in one tick to an Agent that is down: one probe is enough", probes)
		}
	}
	if b.agent.total() == before {
		t.Error("nobody tried the Agent in ten minutes")
	}
	for _, id := range []string{low.Case, high.Case} {
		if c := b.wantCase(id, gate.Waiting, 1); c.Why != gate.WhyAgentDown || c.Doubts != 0 {
			t.Errorf("case %s waits for %s with %d doubts: a probe changes nothing in its case's fate", id, c.Why, c.Doubts)
		}
	}
	b.agent.answers = nil
	for range 9 { // the back-off is at most eight minutes and a fifth
		b.tick(time.Minute)
	}
	b.tick(time.Minute)
	b.wantCase(low.Case, gate.Started, 1)
	b.wantCase(high.Case, gate.Started, 1)
	b.wantCase(gone.Case, gate.Ended, 0)
	b.wantCalls(gone.Case, 0)
	if first := b.agent.asked[len(b.agent.asked)-2]; first != high.Case {
		t.Errorf("case %s was started first, want the more severe %s", first, high.Case)
	}
	if b.account().Down != (gate.Down{}) {
		t.Errorf("the account is still down: %+v", b.account().Down)
	}
}

func TestAgentShutUntilItsSecretIsMended(t *testing.T) {
	b := newBridge(t)
	b.agent.says(delivery.Unauthorized)
	a := b.triggers("A")
	if c := b.wantCase(a.Case, gate.Waiting, 1); c.Why != gate.WhyAgentShut {
		t.Errorf("waits for %s", c.Why)
	}
	b.want(b.triggers("B"), gate.Wait, gate.AgentShut)
	for range 3 {
		b.tick(time.Minute)
	}
	if b.agent.total() != 1 {
		t.Errorf("%d calls with a key that is known to be wrong", b.agent.total())
	}
	b.agent.version = "v2"
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.Started, 1)
	if b.agent.total() != 3 {
		t.Errorf("%d calls, want the first and two starts", b.agent.total())
	}
}

func TestRefusedIsForAPerson(t *testing.T) {
	b := newBridge(t)
	b.agent.says(delivery.ErrorsInBody)
	a := b.triggers("A")
	if c := b.wantCase(a.Case, gate.Refused, 1); c.Note != "errors_in_body: scripted" {
		t.Errorf("note %q, want the Agent's own words", c.Note)
	}
	for range 5 {
		b.tick(time.Minute)
	}
	b.wantCalls(a.Case, 1)
	b.want(b.triggers("B"), gate.Start, gate.NewIncident) // the fault is that case's alone
}

func TestTwoSchedulersAtOnce(t *testing.T) {
	b := newBridge(t, held)
	var cases []string
	for _, name := range []string{"A", "B", "C", "D", "E"} {
		cases = append(cases, b.triggers(name).Case)
	}
	b.clock.add(time.Minute)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, err := b.schedule.Handle(t.Context(), struct{}{}); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	b.tick(time.Minute) // what they took from each other comes a minute later
	for _, id := range cases {
		b.wantCase(id, gate.Started, 1)
		b.wantCalls(id, 1)
	}
}

// Round trips to the ledger when nobody is in the way: at most three for any alert, and four with a start.
func TestRoundTrips(t *testing.T) {
	b := newBridge(t)
	again := func(ends ...delivery.Reason) func() {
		return func() {
			b.tick(9 * time.Minute)
			b.tick(9 * time.Minute) // a doubt has been repeated by the first, and ends by the second
			b.clock.add(time.Hour)
			b.agent.says(ends...)
			b.store.looks, b.store.writes = 0, 0
			b.want(b.triggers("A"), gate.Start, gate.NewIncident)
		}
	}
	for _, step := range []struct {
		name string
		do   func()
		most int
	}{
		{"a new incident: read, commit, settle", func() { b.triggers("A") }, 3},
		{"a repeat of it: read, read its case, commit", func() { b.triggers("A") }, 3},
		{"its recovery", func() { b.clock.add(time.Second); b.recovers("A") }, 3},
		{"it fires again within the window", func() { b.clock.add(time.Second); b.triggers("A") }, 3},
		{"it starts again after its case has ended: read, read the old case, commit, settle", again(), 4},
		{"the same, and the call ends in doubt", again(delivery.TimedOut), 4},
		{"the same, and the Agent is not reached", again(delivery.ConnectionFailed), 4},
		{"a test", func() { b.triggers("T", func(a *alert.Alert) { a.Test = true }) }, 2},
	} {
		b.store.looks, b.store.writes = 0, 0
		step.do()
		if got := b.store.trips(); got > step.most {
			t.Errorf("%s: %d round trips, at most %d", step.name, got, step.most)
		}
	}
}

func TestUnreadableDeliveryHasAVerdict(t *testing.T) {
	b := newBridge(t)
	body := encode(t, unreadable("raw-1", b.clock.Now()))
	for range 2 { // and only one
		if _, err := b.dispatch.Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: body}}}); err != nil {
			t.Fatal(err)
		}
	}
	d := b.verdict(alert.Alert{Delivery: "raw-1"})
	b.want(d, gate.Drop, gate.Unreadable)
	if d.Words != "not_json: It is not JSON. It begins: {,}" {
		t.Errorf("words %q", d.Words)
	}
}

// The table's sizes are reckoned with so many words, for whatever body.
func TestWordsOnAnUnreadableDeliveryAreBounded(t *testing.T) {
	b := newBridge(t)
	wide := strings.Repeat("𠮷", 5000)
	for id, body := range map[string]string{
		"raw-list": `["` + wide + `"]`, "raw-cut": `{"a":"` + wide, "raw-text": `{"a": false` + "\x01" + wide, "raw-deep": strings.Repeat("[", 5000),
		"raw-number": `{"` + wide + `": 1.}`, "raw-other": `{"a":"` + wide + `"}`,
	} {
		_, err := datadog.Decode([]byte(body), b.clock.Now(), nil)
		var bad *datadog.DecodeError
		if !errors.As(err, &bad) {
			t.Fatalf("%s: %v", id, err)
		}
		env := unreadable(id, b.clock.Now())
		env.Unreadable = queue.NewUnreadable(string(bad.Reason), bad.Words, []byte(body), []byte(body), nil)
		event := events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: encode(t, env)}}}
		if _, err := b.dispatch.Handle(t.Context(), event); err != nil {
			t.Fatal(err)
		}
		words := b.verdict(alert.Alert{Delivery: id}).Words
		if len(words) > ledgertest.MaxRejected || !strings.HasPrefix(words, string(bad.Reason)+": "+bad.Words+" It begins: ") {
			t.Errorf("%s: %d bytes, of at most %d: %s", id, len(words), ledgertest.MaxRejected, words)
		}
	}
}

// A hot case: races are lost again and again. It is no failure until the time to decide is over; then the message comes
// back, and nothing was done.
func TestMessageThatLosesEveryRaceComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBridge(t)
		for range 10_000 {
			b.store.before = append(b.store.before, func(gate.Change) error { return ledger.ErrConflict })
		}
		a := b.alertOf("A", alert.Triggered)
		began := time.Now()
		err := b.try(a)
		if !errors.Is(err, ledger.ErrConflict) || !strings.Contains(err.Error(), "has no verdict after") {
			t.Errorf("the message came back with %v", err)
		}
		if took := time.Since(began); took < 4*time.Second || took > start.DecideTime+start.CommitTime {
			t.Errorf("it tried for %s, want about %s", took, start.DecideTime)
		}
		b.store.before = nil
		b.want(b.send(a), gate.Start, gate.NewIncident)
		if b.agent.total() != 1 {
			t.Errorf("%d calls", b.agent.total())
		}
	})
}

// A message of a batch for which too little time is left is given back unread, instead of being cut off in the middle.
func TestMessageIsNotBegunWithoutTime(t *testing.T) {
	b := newBridge(t)
	first, second := b.alertOf("A", alert.Triggered), b.alertOf("B", alert.Triggered)
	b.agent.meanwhile(func() { b.clock.add(12 * time.Second) })
	ctx := deadline{t.Context(), b.clock.Now().Add(30 * time.Second)}
	resp, err := b.dispatch.Handle(ctx, events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "first", Body: b.body(first)}, {MessageId: "second", Body: b.body(second)},
	}})
	if err != nil || len(resp.BatchItemFailures) != 1 || resp.BatchItemFailures[0].ItemIdentifier != "second" {
		t.Errorf("gave back %v, %v; want the second", resp.BatchItemFailures, err)
	}
	b.want(b.verdict(first), gate.Start, gate.NewIncident)
}

// A repeat that never left does not use up the repeats: after an outage of the Agent a doubt is sent again.
func TestOutageDoesNotUseUpTheRepeats(t *testing.T) {
	b := newBridge(t)
	b.agent.says(delivery.TimedOut)
	for range 60 {
		b.agent.says(delivery.ConnectionFailed)
	}
	a := b.triggers("A")
	for range 40 {
		b.tick(time.Minute)
	}
	if c := b.wantCase(a.Case, gate.InDoubt, 1); c.Doubts != 1 {
		t.Errorf("%d doubts, want the first alone", c.Doubts)
	}
	b.agent.answers = nil
	for i := 0; i < 10 && b.caseOf(a.Case).State == gate.InDoubt; i++ {
		b.tick(time.Minute)
	}
	b.wantCase(a.Case, gate.Started, 1)
}

// What nobody will try again is told, once.
func TestCaseLeftInDoubtIsTold(t *testing.T) {
	b := newBridge(t)
	b.agent.says(delivery.TimedOut)
	b.agent.meanwhile(func() { b.clock.add(time.Second); b.recovers("A") })
	a := b.triggers("A")
	b.out.take()
	left := 0.0
	for range 30 {
		b.tick(time.Minute)
		_, counts := b.written()
		left += counts[string(telemetry.CaseLeftInDoubt)]
	}
	if c := b.wantCase(a.Case, gate.InDoubt, 0); !c.Resting || left != 1 {
		t.Errorf("resting: %t, told %v times, want once", c.Resting, left)
	}
}

// With stop nobody tries again, so it is told as the doubt begins, and not once more when its slot is given back. A doubt
// that began before the policy said stop is told then; one that began with stop is not repeated when it no longer does.
func TestDoubtThatStopsIsToldAtOnce(t *testing.T) {
	for _, c := range []struct {
		name        string
		begins, end gate.DoubtChoice
		atOnce      float64
	}{
		{"stop", gate.StopIt, gate.StopIt, 1},
		{"stop, then repeat", gate.StopIt, gate.RepeatIt, 1},
		{"repeat, then stop", gate.RepeatIt, gate.StopIt, 0},
	} {
		b := newBridge(t, func(p *gatetest.Policy) { p.InDoubt = c.begins })
		b.agent.says(delivery.TimedOut)
		a := b.triggers("A")
		records, counts := b.written()
		if told := counts[string(telemetry.CaseLeftInDoubt)]; told != c.atOnce {
			t.Errorf("%s: told %v times as it begins, want %v", c.name, told, c.atOnce)
		}
		if isError := records[0]["level"] == "ERROR"; isError != (c.atOnce > 0) {
			t.Errorf("%s: the record has the level %v", c.name, records[0]["level"])
		}
		b.policy.InDoubt = c.end
		b.schedule.Policy = b.policy
		left := c.atOnce
		for range 30 {
			b.tick(time.Minute)
			_, counts := b.written()
			left += counts[string(telemetry.CaseLeftInDoubt)]
		}
		if k := b.wantCase(a.Case, gate.InDoubt, 1); !k.Resting || k.Attempt != 1 || left != 1 {
			t.Errorf("%s: resting: %t, %d attempts, told %v times; want once", c.name, k.Resting, k.Attempt, left)
		}
	}
}

// Three calls under way together end in doubt, one after the other. Each counts what the others have met, though all
// of them claimed before the first one failed.
func TestDoubtsOfCallsUnderWayTogetherAreInARow(t *testing.T) {
	b := newBridge(t)
	b.agent.says(delivery.TimedOut, delivery.TimedOut, delivery.TimedOut)
	b.agent.meanwhile(func() {
		b.agent.meanwhile(func() { b.triggers("C") })
		b.triggers("B")
	})
	b.triggers("A")
	if d := b.account().Down; d.Doubts != 3 || !d.Until.After(b.clock.Now()) {
		t.Errorf("the Agent is taken for healthy after three doubts: %+v", d)
	}
	if b.agent.total() != 3 {
		t.Errorf("%d calls", b.agent.total())
	}
}

// A blip that ten calls meet at once is one failure, and not a reason to stay away for minutes.
func TestBlipIsOneFailure(t *testing.T) {
	b := newBridge(t)
	meet := func() {}
	for i := range 10 {
		b.agent.says(delivery.ConnectionFailed)
		name, inner := strconv.Itoa(i), meet
		meet = func() { b.agent.meanwhile(inner); b.triggers(name) }
	}
	meet()
	if d := b.account().Down; d.Fails != 1 || d.Until.Sub(b.clock.Now()) > time.Minute {
		t.Errorf("after one blip the account is %+v", d)
	}
}

// Ten calls, which is as many as there are dispatchers, end at once. Each is settled, and each of the first doubts counts.
func TestCallsThatFailAtOnceAreAllSettled(t *testing.T) {
	for _, reason := range []delivery.Reason{delivery.TimedOut, delivery.ConnectionFailed} {
		for n := 3; n <= 10; n++ {
			b := newBridge(t)
			var calling, all sync.WaitGroup
			calling.Add(n)
			for i := range n {
				b.agent.says(reason)
				b.agent.meanwhile(func() { calling.Done(); calling.Wait() })
				a := b.alertOf(strconv.Itoa(i), alert.Triggered)
				all.Go(func() {
					if err := b.try(a); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			_, counts := b.written()
			d := b.account().Down
			if counts["SettleFailed"] != 0 || !d.Until.After(b.clock.Now()) || d.Doubts+3*d.Fails != 3 {
				t.Errorf("%d calls, %s: %v were not settled, the account is %+v", n, reason, counts["SettleFailed"], d)
			}
		}
	}
}

// Without ticks nothing ends a started case, and still the account must not grow by what is over.
func TestStartsGoOnWithoutTicks(t *testing.T) {
	b := newBridge(t)
	for i := range gate.MaxRunning + 10 {
		b.want(b.triggers(strconv.Itoa(i)), gate.Start, gate.NewIncident)
		b.clock.add(10 * time.Minute)
		if n := len(b.account().Running); n != 1 { // each start takes away the one before, whose time is over
			t.Fatalf("the account keeps %d reservations after start %d", n, i+1)
		}
	}
}

// Doubts and waiting cases take their turn together, the most severe first.
func TestTickStartsTheBestFirst(t *testing.T) {
	b := newBridge(t, slots(3))
	b.agent.says(delivery.TimedOut, delivery.TimedOut)
	low := b.triggers("low", func(a *alert.Alert) { a.Severity = alert.Low })
	high := b.triggers("high", func(a *alert.Alert) { a.Severity = alert.High })
	running := b.triggers("running")
	worst := b.triggers("worst", critical)
	b.want(worst, gate.Wait, gate.NoSlot)
	for _, name := range []string{"low", "high", "worst"} {
		b.clock.add(3 * time.Minute)
		b.send(b.alertOf(name, alert.Renotify))
	}
	before := len(b.agent.asked)
	b.tick(0) // every estimate is over, so there is room for all
	got := strings.Join(b.agent.asked[before:], " ")
	if want := worst.Case + " " + high.Case + " " + low.Case; got != want {
		t.Errorf("started %s, want %s", got, want)
	}
	b.wantCase(running.Case, gate.Ended, 1)
}

// A repeat that takes its turn before a waiting case changes the account. The case is read again, and both start.
func TestCaseStartsAfterTheRepeatBeforeIt(t *testing.T) {
	b := newBridge(t, slots(3))
	b.agent.says(delivery.TimedOut)
	doubt := b.triggers("doubt", critical)
	b.triggers("running")
	b.triggers("running too")
	next := b.triggers("next")
	b.want(next, gate.Wait, gate.NoSlot)
	b.clock.add(9 * time.Minute)
	b.send(b.alertOf("doubt", alert.Renotify))
	b.out.take()
	b.tick(0)
	b.wantCase(doubt.Case, gate.Started, 1)
	b.wantCase(next.Case, gate.Started, 1)
	_, counts := b.written()
	same(t, counts, map[string]float64{"Tick": 1, "TickDue": 4, "TickStarted": 2, "AgentCall": 2})
}

// The answer of its own commit was lost: the record tells the verdict that was written, not that of a stranger.
func TestLostAnswerIsToldAsWhatWasWritten(t *testing.T) {
	b := newBridge(t)
	b.store.losesAnswer()
	b.triggers("A")
	records, counts := b.written()
	if len(records) != 1 || records[0]["verdict"] != "start" || records[0]["reason"] != "new_incident" {
		t.Errorf("records %v", records)
	}
	same(t, counts, map[string]float64{"AlertVerdict": 1, "LedgerUnknown": 1})
}

// A repeat that comes first can use up the time. Then the case that was to follow is left for the next tick.
func TestTickLooksAtItsClockAfterARepeat(t *testing.T) {
	b := newBridge(t, slots(2))
	b.agent.says(delivery.TimedOut)
	doubt := b.triggers("doubt", critical)
	b.triggers("running")
	next := b.triggers("next")
	b.want(next, gate.Wait, gate.NoSlot)
	b.clock.add(9 * time.Minute)
	b.send(b.alertOf("doubt", alert.Renotify))
	b.agent.meanwhile(func() { b.clock.add(2 * time.Second) })
	ctx := deadline{t.Context(), b.clock.Now().Add(16 * time.Second)}
	b.out.take()
	if _, err := b.schedule.Handle(ctx, struct{}{}); err != nil {
		t.Fatal(err)
	}
	b.wantCase(doubt.Case, gate.Started, 1)
	if c := b.wantCase(next.Case, gate.Waiting, 1); c.Attempt != 0 {
		t.Error("a start was claimed for which there was no time")
	}
	records, _ := b.written()
	if left := records[len(records)-1]["left"]; left != 1.0 {
		t.Errorf("%v cases left, want 1", left)
	}
}

// tells is the Agent's API, which has these tasks.
type tells map[string][]gate.Task

// Find implements schedule.Work.
func (a tells) Find(_ context.Context, _ string, cases []string, _ time.Time) (map[string][]gate.Task, error) {
	found := map[string][]gate.Task{}
	for _, id := range cases {
		found[id] = a[id]
	}
	return found, nil
}

// A slot that the answer of the Agent's API frees goes to what waits for it in the same tick.
func TestTickAsksTheAgentBeforeItLooksAtWhatWaits(t *testing.T) {
	b := newBridge(t, slots(1), func(p *gatetest.Policy) { p.Followed = true })
	first := b.triggers("first")
	next := b.triggers("next")
	b.want(next, gate.Wait, gate.NoSlot)
	b.wantCase(first.Case, gate.Started, 1)
	b.clock.add(3 * time.Minute)
	now := b.clock.Now()
	b.schedule.Spaces = map[string]string{"default": "space"}
	b.schedule.Work = tells{first.Case: {
		{ID: "task", Case: first.Case, Status: gate.Completed, Created: now.Add(-2 * time.Minute), Updated: now.Add(-time.Minute)},
	}}
	b.tick(0)
	if c := b.wantCase(first.Case, gate.Ended, 1); c.How != gate.EndCompleted {
		t.Errorf("it ended as %s", c.How)
	}
	b.wantCase(next.Case, gate.Started, 1)
}

// A repeat that comes first can take the slot. Then the case that was to follow goes on waiting, and no race is lost.
func TestTickLooksAtTheRoomAfterARepeat(t *testing.T) {
	b := newBridge(t, slots(1))
	b.agent.says(delivery.TimedOut)
	doubt := b.triggers("doubt", critical)
	next := b.triggers("next")
	b.want(next, gate.Wait, gate.NoSlot)
	b.clock.add(9 * time.Minute) // the doubt's estimate is over: whoever comes first has the slot
	b.send(b.alertOf("doubt", alert.Renotify))
	b.out.take()
	b.tick(0)
	b.wantCase(doubt.Case, gate.Started, 1)
	b.wantCase(next.Case, gate.Waiting, 1)
	b.wantCalls(next.Case, 0)
	_, counts := b.written()
	same(t, counts, map[string]float64{"Tick": 1, "TickDue": 2, "TickStarted": 1, "AgentCall": 1})
}
