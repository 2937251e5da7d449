package gate

import (
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// The traces below broke earlier rules when every interleaving of this protocol was explored. Each is a decision that
// must be made otherwise, or a commit that must lose the race because what it rests on is not so any more. TA and RA
// are a trigger and a recovery of incident A; A and B are of one group, and nothing starts at once unless it is critical.

// trace is a world in which alerts of one group are held for two minutes.
func trace(t *testing.T) *world {
	p := DefaultRules()
	p = keyed(p, "group")
	p.Hold = 2 * time.Minute
	return newWorld(t, p)
}

func of(monitor, id string, tr alert.Transition, at time.Time) alert.Alert {
	a := said(id, tr, at, "fallback")
	a.Incident.Monitor = monitor
	return a
}

func urgent(a alert.Alert) alert.Alert {
	a.Severity = alert.Critical
	return a
}

// decide is a decision on what is so now, to be committed later.
func (w *world) decide(a alert.Alert, now time.Time) Decision {
	return Arrive(w.look(a), arrivalOf(a), w.p, now)
}

func (w *world) decideDue(id string, now time.Time) Decision {
	return Due(w.lookCase(id), id, w.p, now)
}

// settle writes what became of a call on what is so now. It tells whether there was anything to settle.
func (w *world) settle(cl *Claim, why delivery.Reason, now time.Time) bool {
	d := Settle(w.cases[cl.Case.ID], *cl, delivery.Answer{Reason: why, SecretVersion: "v1"}, now)
	if !w.commit(d.Change) {
		w.t.Fatal("nobody else is here, and the settle lost a race")
	}
	w.sound()
	return !d.Change.Empty()
}

func (w *world) mustLose(d Decision, why string) {
	w.t.Helper()
	if d.Change.Empty() {
		w.t.Fatalf("nothing was decided that could lose: %s", why)
	}
	if w.commit(d.Change) {
		w.t.Errorf("the commit went through: %s", why)
	}
}

func (w *world) mustBe(id string, want State, firing int) {
	w.t.Helper()
	if c := w.cases[id]; c.State != want || c.Firing != firing {
		w.t.Errorf("case %s is %s %s with %d that fire, want %s with %d", id, c.State, c.How, c.Firing, want, firing)
	}
}

// after is a moment so many minutes after noon.
func after(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }

// started gives a world in which A's case has been started and the claim is open.
func claimedTrace(t *testing.T) (*world, string, *Claim) {
	w := trace(t)
	id := w.arrive(of("A", "TA", alert.Triggered, noon), noon).Case
	d := w.due(id, after(2))
	if d.Start == nil {
		t.Fatalf("the hold is over and nothing starts: %+v", d)
	}
	return w, id, d.Start
}

func TestTrace1JoinToAStartingCaseIsCounted(t *testing.T) {
	w, id, cl := claimedTrace(t)
	if d := w.arrive(of("B", "TB", alert.Triggered, after(2)), after(2)); d.Case != id || d.Reason != NotTold {
		t.Fatalf("B: %+v", d)
	}
	w.settle(cl, delivery.ConnectionFailed, after(2.1))
	w.arrive(of("A", "RA", alert.Recovered, after(2.5)), after(2.5))
	w.mustBe(id, Waiting, 1) // for B, which would fire in a case that never started
}

func TestTrace2PointerToAnEndedCase(t *testing.T) {
	w := trace(t)
	a := w.arrive(of("A", "TA", alert.Triggered, noon), noon).Case
	w.arrive(of("A", "RA", alert.Recovered, after(1)), after(1))
	w.mustBe(a, Ended, 0)
	if d := w.arrive(of("B", "TB", alert.Triggered, after(1)), after(1)); d.Verdict != Wait || d.Case == a {
		t.Errorf("B joins what has ended: %+v", d)
	}
}

func TestTrace3RecoveryAndStartMeet(t *testing.T) {
	w := trace(t)
	id := w.arrive(of("A", "TA", alert.Triggered, noon), noon).Case
	start := w.decideDue(id, after(2))
	recovery := w.decide(of("A", "RA", alert.Recovered, after(2)), after(2))
	w.arrive(of("B", "TB", alert.Triggered, after(2)), after(2))
	w.mustLose(recovery, "the recovery read one that fires and would end the case, and B has joined")
	w.arrive(of("A", "RA", alert.Recovered, after(2)), after(2))
	w.arrive(of("B", "RB", alert.Recovered, after(2)), after(2))
	w.mustBe(id, Ended, 0)
	w.mustLose(start, "everything has recovered, and it would be paid for nothing")

	// The mirror: left in waiting without anything that fires, the tick decides to end it, and B joins.
	w, id, cl := claimedTrace(t)
	w.arrive(of("A", "RA", alert.Recovered, after(2.1)), after(2.1))
	w.settle(cl, delivery.ConnectionFailed, after(2.2))
	w.mustBe(id, Waiting, 0)
	end := w.decideDue(id, after(3))
	w.arrive(of("B", "TB", alert.Triggered, after(3)), after(3))
	w.mustLose(end, "B fires in the case")
	w.mustBe(id, Waiting, 1)
}

func TestTrace3TwoRecoveriesMeet(t *testing.T) {
	w := trace(t)
	id := w.arrive(of("A", "TA", alert.Triggered, noon), noon).Case
	w.arrive(of("B", "TB", alert.Triggered, noon), noon)
	ra, rb := w.decide(of("A", "RA", alert.Recovered, after(1)), after(1)), w.decide(of("B", "RB", alert.Recovered, after(1)), after(1))
	if !w.commit(ra.Change) {
		t.Fatal("the first recovery lost")
	}
	w.mustLose(rb, "it is the last one now and must end the case itself")
	w.arrive(of("B", "RB", alert.Recovered, after(1)), after(1))
	w.mustBe(id, Ended, 0)
}

func TestTrace4RenotifyOfAWaitingCase(t *testing.T) {
	w := trace(t)
	w.account.Shut = Shut{Since: noon, SecretVersion: "v1"}
	id := w.arrive(of("A", "TA", alert.Triggered, noon), noon).Case
	end := w.decideDue(id, after(361))
	if end.Did != Ends {
		t.Fatalf("it should be too old: %+v", end)
	}
	if d := w.arrive(of("A", "TA2", alert.Renotify, after(361)), after(361)); d.Reason != Renotifying {
		t.Fatalf("TA2: %+v", d)
	}
	w.mustLose(end, "it was told meanwhile that it still fires")
	if d := w.due(id, after(361)); d.Did == Ends {
		t.Errorf("it is young again, and ends: %+v", d)
	}
}

func TestTrace5MoreSevereIsNotSwallowed(t *testing.T) {
	w, id, cl := claimedTrace(t)
	for _, when := range []string{"starting", "started"} {
		c := of("C", "TC "+when, alert.Triggered, after(2))
		c.Severity = alert.High // above the case's; urgent ones are the same, and start at once
		if d := w.decide(c, after(2)); d.Case == id || d.Verdict != Wait {
			t.Errorf("in a case that is %s: %+v", when, d)
		}
		if d := w.decide(urgent(c), after(2)); d.Case == id || d.Verdict != Start {
			t.Errorf("in a case that is %s: %+v", when, d)
		}
		w.settle(cl, delivery.Received, after(2))
	}
}

func TestTrace6SettleOfAnotherAttempt(t *testing.T) {
	w, id, first := claimedTrace(t)
	w.settle(first, delivery.ConnectionFailed, after(2.1)) // applied, and its answer is lost
	second := w.due(id, after(4))
	if second.Start == nil || second.Start.Case.Attempt != 2 {
		t.Fatalf("the second attempt: %+v", second)
	}
	if w.settle(first, delivery.ConnectionFailed, after(4)) {
		t.Error("the first attempt settles the second one's call")
	}
	w.mustBe(id, Starting, 1)
}

func TestTrace7RepeatDoesNotForgetTheDoubt(t *testing.T) {
	for _, why := range []delivery.Reason{delivery.BadRequest, delivery.ConnectionFailed, delivery.Unauthorized, delivery.OutOfTime} {
		w, id, first := claimedTrace(t)
		w.settle(first, delivery.TimedOut, after(2.2))
		repeat := w.due(id, after(4))
		if repeat.Did != Repeats {
			t.Fatalf("no repeat: %+v", repeat)
		}
		w.settle(repeat.Start, why, after(4.2))
		w.mustBe(id, InDoubt, 1)
		if _, held := w.account.Running[id]; !held || w.cases[id].Doubts != 1 {
			t.Errorf("%s: the slot is given back, or the doubt not kept: %+v", why, w.cases[id])
		}
	}
}

func TestTrace8LateAcceptedWhileAnotherAttemptCalls(t *testing.T) {
	w, id, first := claimedTrace(t)
	w.due(id, after(3)) // the lease is over
	w.mustBe(id, InDoubt, 1)
	if d := w.due(id, after(5)); d.Did != Repeats {
		t.Fatalf("no repeat: %+v", d)
	}
	if w.settle(first, delivery.Received, after(5)) {
		t.Error("the first attempt turns the second one's call into a started case; it would call all the same")
	}
	w.mustBe(id, Starting, 1)
}

func TestTrace9LateAcceptedAfterTheSlotWasFreed(t *testing.T) {
	w := trace(t)
	w.p.InDoubt = StopIt
	id := w.arrive(of("A", "TA", alert.Triggered, noon), noon).Case
	cl := w.due(id, after(2)).Start
	w.due(id, after(3))
	if d := w.due(id, after(11)); d.Did != Releases || len(w.account.Running) != 0 {
		t.Fatalf("the slot is not freed: %+v", d)
	}
	w.settle(cl, delivery.Received, after(12))
	w.mustBe(id, Started, 1)
	if d := w.due(id, after(12)); d.Did != Ends || w.cases[id].How != EndAssumed {
		t.Errorf("it runs for ever: %+v", d)
	}
}

func TestTrace10DoubtRevived(t *testing.T) {
	w, id, _ := claimedTrace(t)
	w.p.Slots = 1
	w.due(id, after(3)) // in doubt
	w.arrive(of("A", "RA", alert.Recovered, after(3)), after(3))
	if d := w.due(id, after(11)); d.Did != Releases {
		t.Fatalf("nothing fires, its time is over: %+v", d)
	}
	release := w.cases[id]
	if release.Bucket() != Doubtful {
		t.Fatalf("in bucket %s", release.Bucket())
	}
	w.arrive(of("B", "TB", alert.Triggered, after(11)), after(11))
	if c := w.cases[id]; c.Bucket() != Timed || c.Order() >= OrderUntil(after(11)) {
		t.Errorf("it sleeps for ever: %+v", c)
	}
	w.account.Running["ab-other"] = Reservation{Attempt: 1, Until: after(30)}
	if d := w.due(id, after(12)); !d.Change.Empty() {
		t.Errorf("it is repeated without a slot: %+v", d)
	}
	delete(w.account.Running, "ab-other")
	if d := w.due(id, after(12)); d.Did != Repeats || w.account.Running[id].Attempt != 2 {
		t.Errorf("it is repeated and reserves nothing: %+v", d)
	}
}

func TestTrace11InDoubtDoesNotKeepItsSlot(t *testing.T) {
	w, id, _ := claimedTrace(t)
	w.p.InDoubt = StopIt
	w.due(id, after(3))
	if d := w.due(id, after(5)); !d.Change.Empty() {
		t.Errorf("sent again against the policy, or given up before its time: %+v", d)
	}
	if d := w.due(id, after(10)); d.Did != Releases || len(w.account.Running) != 0 {
		t.Errorf("the slot is never given back: %+v", d)
	}
	if d := w.due(id, after(99)); !d.Change.Empty() {
		t.Errorf("it is written again and again: %+v", d)
	}
}

func TestTrace12StartedEnds(t *testing.T) {
	w, id, cl := claimedTrace(t)
	w.settle(cl, delivery.Received, after(2.1))
	if d := w.due(id, after(9.9)); !d.Change.Empty() {
		t.Errorf("ended before its estimate: %+v", d)
	}
	if d := w.due(id, after(10)); d.Did != Ends || len(w.account.Running) != 0 {
		t.Errorf("after three such nothing would start any more: %+v", d)
	}
}

func TestTrace14RepairChecksTheCase(t *testing.T) {
	w, id, cl := claimedTrace(t)
	w.settle(cl, delivery.ConnectionFailed, after(2.1))
	w.account.Running[id] = Reservation{Attempt: 1, Until: after(30)} // left there by hand
	v := w.lookCase(id)
	repairs := Repair(v, after(3))
	if len(repairs) != 1 {
		t.Fatalf("repairs: %+v", repairs)
	}
	if d := w.due(id, after(3)); d.Did != Starts {
		t.Fatalf("another tick should start it: %+v", d)
	}
	w.mustLose(repairs[0], "the reservation is that of a call that runs")
}

func TestTrace14GivingBackIsInTheSettle(t *testing.T) {
	for _, why := range []delivery.Reason{delivery.ConnectionFailed, delivery.Unauthorized, delivery.BadRequest} {
		_, id, cl := claimedTrace(t)
		d := Settle(cl.Case, *cl, delivery.Answer{Reason: why}, after(2.1))
		if a := d.Change.Account; len(d.Change.Cases) != 1 || a == nil || len(a.Drop) != 1 || a.Drop[0] != id {
			t.Errorf("%s: a crash between two commits would lose the slot: %+v", why, d.Change)
		}
	}
}

func TestTrace16TwoAlertsOfOneIncident(t *testing.T) {
	w, id, cl := claimedTrace(t)
	w.settle(cl, delivery.Received, after(2.1))
	w.arrive(of("B", "TB0", alert.Triggered, after(3)), after(3)) // covered by A's case
	tb2 := w.decide(of("B", "TB2", alert.Renotify, after(32)), after(32))
	if tb2.Case != id {
		t.Fatalf("TB2: %+v", tb2)
	}
	w.arrive(of("B", "RB", alert.Recovered, after(32)), after(32))
	if y := w.arrive(of("B", "TB1", alert.Triggered, after(33)), after(33)); y.Case == id {
		t.Fatalf("the window is over: %+v", y)
	}
	w.mustLose(tb2, "it would take B back out of the case that was opened for it")
}

// refusedTrace is a world in which A's case was refused.
func refusedTrace(t *testing.T) (*world, string) {
	w, id, cl := claimedTrace(t)
	w.settle(cl, delivery.BadRequest, after(2.1))
	w.mustBe(id, Refused, 1)
	return w, id
}

// byHand starts a refused case as an operator would.
func (w *world) byHand(id string, now time.Time) {
	v := w.lookCase(id)
	c := claim(v.Cases[id], false, now)
	cl := claimOf(c, LeadOf(v, c), v.Account, w.p, now)
	if !w.commit(Change{At: now, Cases: []CaseWrite{{Read: v.Cases[id], Now: c}}, Account: reserve(v.Account, cl, w.p, now)}) {
		w.t.Fatal("the start by hand lost a race")
	}
}

func TestTrace17RefusedIsCountedAndLeft(t *testing.T) {
	w, id := refusedTrace(t)
	w.arrive(of("A", "RA", alert.Recovered, after(3)), after(3))
	w.mustBe(id, Refused, 0) // else it would start again for nobody when started by hand and not delivered

	w, id = refusedTrace(t)
	ta2 := w.decide(of("A", "TA2", alert.Renotify, after(33)), after(33))
	if ta2.Case == id {
		t.Fatalf("the window is over: %+v", ta2)
	}
	w.byHand(id, after(33))
	w.mustLose(ta2, "the operator has started the case meanwhile: two live cases of one incident")

	w, id = refusedTrace(t)
	w.arrive(of("A", "TA2", alert.Renotify, after(33)), after(33))
	w.mustBe(id, Refused, 0)

	w, id = refusedTrace(t)
	repeat := w.decide(of("A", "TA3", alert.Renotify, after(3)), after(3))
	w.byHand(id, after(3))
	w.mustLose(repeat, "it can still come back to waiting, and must know this notification")
}

func TestTrace18TwoOpeners(t *testing.T) {
	w := trace(t)
	tb := w.decide(of("B", "TB", alert.Triggered, noon), noon)
	w.arrive(of("A", "TA", alert.Triggered, noon), noon)
	w.mustLose(tb, "two cases for one fault")
	if d := w.arrive(of("B", "TB", alert.Triggered, noon), noon); d.Reason != Covered {
		t.Errorf("B: %+v", d)
	}
}

func TestTwoStartsAndTheLastSlot(t *testing.T) {
	w := trace(t)
	w.p.Keys, w.p.Hold, w.p.Slots = nil, 0, 1
	tb := w.decide(of("B", "TB", alert.Triggered, noon), noon)
	w.arrive(of("A", "TA", alert.Triggered, noon), noon)
	w.mustLose(tb, "the slot is taken")
	if d := w.arrive(of("B", "TB", alert.Triggered, noon), noon); d.Reason != NoSlot {
		t.Errorf("B: %+v", d)
	}
}

func TestSameMessageTwiceAtOnce(t *testing.T) {
	w := trace(t)
	second := w.decide(of("A", "TA", alert.Triggered, noon), noon)
	first := w.arrive(of("A", "TA", alert.Triggered, noon), noon)
	w.mustLose(second, "a second verdict for one delivery")
	if d := w.arrive(of("A", "TA", alert.Triggered, noon), noon); d.Reason != Duplicate || d.Case != first.Case {
		t.Errorf("read again: %+v", d)
	}
}

// TestCaseStartedLateCoversANewCycle: a case that had to wait starts long after its incident's last word. A plain
// Triggered minutes later is a new cycle by its gap, and must not be paid for again.
func TestCaseStartedLateCoversANewCycle(t *testing.T) {
	w := trace(t)
	w.account.Down = Down{Until: after(90), Fails: 3}
	id := w.arrive(of("A", "TA", alert.Triggered, noon), noon).Case
	cl := w.due(id, after(90)).Start
	w.settle(cl, delivery.Received, after(90.1))
	if d := w.arrive(of("A", "TA2", alert.Triggered, after(95)), after(95)); d.Verdict != Join || d.Case != id {
		t.Errorf("five minutes after the start: %s %s %s", d.Verdict, d.Reason, d.Case)
	}
	if d := w.arrive(of("A", "TA3", alert.Triggered, after(126)), after(126)); d.Verdict != Wait || d.Case == id {
		t.Errorf("a new cycle after the window: %s %s %s", d.Verdict, d.Reason, d.Case)
	}
}

// TestRecoveryOfTheSameInstant ends what it recovers, and counts it out.
func TestRecoveryOfTheSameInstant(t *testing.T) {
	w := trace(t)
	id := w.arrive(of("A", "TA", alert.Triggered, noon), noon).Case
	w.arrive(of("A", "RA", alert.Recovered, noon), after(1))
	w.mustBe(id, Ended, 0)
}

// TestTornRead: the incident is as it was before another recovery, the case as it was after. The commit loses the race
// on the incident, and must not look like a fault before.
func TestTornRead(t *testing.T) {
	for _, state := range []string{"waiting", "starting", "in doubt", "refused"} {
		c := caseIn(state, "ab-own")
		c.Firing = 0
		for _, a := range []alert.Alert{
			said("d1", alert.Recovered, noon, "fallback"),
			said("d2", alert.Triggered, noon.Add(50*time.Hour), "fallback"), // leaves the case
		} {
			v := viewOf(Incident{Key: a.Incident, Fire: noon.Add(-time.Hour), Version: 3}, c)
			sane(t, v, Arrive(v, arrivalOf(a), policyAll(), a.Time))
		}
	}
}

// TestWindowSetAnew: a shorter join window must not bring to life what had recovered under the longer one.
func TestWindowSetAnew(t *testing.T) {
	in := Incident{Key: incidentKey("cycle"), Rec: noon.Add(-3 * time.Hour), Fire: noon.Add(-2 * time.Hour), Final: true, Version: 4}
	v := viewOf(in, caseIn("started", "ab-own"))
	d := Arrive(v, arrivalOf(said("d1", alert.Recovered, noon.Add(-165*time.Minute), "cycle")), DefaultRules(), noon)
	sane(t, v, d)
	if d.Change.Incident.Now.Fires() {
		t.Errorf("a recovery makes it fire: %+v", d.Change.Incident.Now)
	}
}
