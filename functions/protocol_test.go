package functions_test

import (
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// The scenarios below are the shortest ways, found by exploring every interleaving of a model, in which a protocol that
// leaves out one rule goes wrong. Each is played over the real handlers and must end well. T and R stand for Triggered
// and Recovered, A and B for two incidents of one group, ! for critical.

// Rule: a case that is only starting can come back to waiting, so a join must be counted in it.
func TestJoinToAStartingCaseIsCounted(t *testing.T) {
	b := newBridge(t, held, grouped)
	a := b.triggers("A")
	b.want(a, gate.Wait, gate.Holding)
	b.agent.says(delivery.ConnectionFailed)
	b.agent.meanwhile(func() {
		b.want(b.triggers("B"), gate.Join, gate.NotTold)
		b.wantCase(a.Case, gate.Starting, 2)
	})
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.Waiting, 2)
	b.clock.add(time.Second)
	b.recovers("A")
	b.wantCase(a.Case, gate.Waiting, 1) // B still fires in it
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.Started, 1)
	b.wantCalls(a.Case, 2)
}

// The same, with the join committed only after the case has come back.
func TestJoinThatMeetsTheCaseAgainIsDecidedAnew(t *testing.T) {
	b := newBridge(t, held, grouped)
	a := b.triggers("A")
	b.agent.says(delivery.ConnectionFailed)
	joining, settled := make(chan struct{}), make(chan struct{})
	b.agent.meanwhile(func() {
		b.store.beforeCommit(func() { close(joining); <-settled })
		joins := b.alertOf("B", alert.Triggered)
		go func() {
			if err := b.try(joins); err != nil {
				t.Error(err)
			}
		}()
		<-joining // B has read the case as starting and is about to commit
	})
	b.tick(time.Minute)
	close(settled)
	b.eventually(func() bool { return b.caseOf(a.Case).Firing == 2 })
	b.clock.add(time.Second)
	b.recovers("A")
	b.wantCase(a.Case, gate.Waiting, 1)
}

// Rule: a grouping key is only a pointer; the case it names is read.
func TestPointerToAnEndedCaseIsNotTrusted(t *testing.T) {
	b := newBridge(t, held, grouped)
	a := b.triggers("A")
	b.clock.add(time.Second)
	b.recovers("A")
	b.wantCase(a.Case, gate.Ended, 0)
	other := b.triggers("B")
	b.want(other, gate.Wait, gate.Holding)
	if other.Case == a.Case {
		t.Errorf("B was put into case %s, which has ended", a.Case)
	}
}

// Rule: a start rests on somebody firing. The tick read one; the recovery came first.
func TestRecoveryBetweenReadAndStartWins(t *testing.T) {
	b := newBridge(t, held)
	a := b.triggers("A")
	b.store.beforeCommit(func() { b.recovers("A") })
	b.tick(time.Minute)
	c := b.wantCase(a.Case, gate.Ended, 0)
	if c.How != gate.EndRecovered {
		t.Errorf("ended as %s", c.How)
	}
	b.wantCalls(a.Case, 0)
}

// The mirror: an end rests on nobody firing. The tick read none; a join came first.
func TestJoinBetweenReadAndEndWins(t *testing.T) {
	b := newBridge(t, held, grouped)
	a := b.triggers("A")
	b.agent.says(delivery.ConnectionFailed)
	b.agent.meanwhile(func() { b.clock.add(time.Second); b.recovers("A") })
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.Waiting, 0)
	b.store.beforeCommit(func() { b.want(b.triggers("B"), gate.Join, gate.Covered) })
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.Waiting, 1)
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.Started, 1)
}

// Rule: a renotification writes the waiting case it belongs to, so that it cannot join what the tick ends as too old.
func TestRenotificationOfACaseThatExpiresDecidesAnew(t *testing.T) {
	b := newBridge(t)
	b.agent.says(delivery.Unauthorized)
	a := b.triggers("A")
	b.wantCase(a.Case, gate.Waiting, 1)
	b.clock.add(6*time.Hour + time.Second)
	b.store.beforeCommit(func() { b.tick(0) })
	again := b.send(b.alertOf("A", alert.Renotify))
	if c := b.wantCase(a.Case, gate.Ended, -1); c.How != gate.EndExpired {
		t.Errorf("ended as %s", c.How)
	}
	b.want(again, gate.Wait, gate.AgentShut)
	if again.Case == a.Case {
		t.Errorf("the renotification joined case %s, which has ended unstarted", a.Case)
	}
	b.wantCase(again.Case, gate.Waiting, 1)
}

// The same race the other way round: the renotification is first, and the case does not end.
func TestTickThatReadACaseBeforeItsRenotificationDoesNotEndIt(t *testing.T) {
	b := newBridge(t)
	b.agent.says(delivery.Unauthorized)
	a := b.triggers("A")
	b.store.beforeCommit(func() { b.want(b.send(b.alertOf("A", alert.Renotify)), gate.Join, gate.Renotifying) })
	b.tick(6*time.Hour + time.Second)
	b.wantCase(a.Case, gate.Waiting, 1)
}

// Rule: a running case covers only what is not more severe.
func TestMoreSevereAlertIsNotSwallowed(t *testing.T) {
	b := newBridge(t, grouped)
	a := b.triggers("A", func(a *alert.Alert) { a.Severity = alert.Low })
	worse := b.triggers("B", critical)
	b.want(worse, gate.Start, gate.NewIncident)
	b.wantCalls(a.Case, 1)
	b.wantCalls(worse.Case, 1)
	b.want(b.triggers("C"), gate.Join, gate.NotTold)
}

// Rule: a settle belongs to its attempt. The first one's answer was lost, and meanwhile another attempt began.
func TestSettleOfAnEarlierAttemptChangesNothing(t *testing.T) {
	b := newBridge(t)
	b.agent.says(delivery.ConnectionFailed)
	b.agent.meanwhile(func() {
		b.store.after = append(b.store.after, func(gate.Change) error { // the settle is applied, its answer is lost …
			started := make(chan struct{})
			b.agent.meanwhile(func() { close(started); <-b.hold() })
			b.clock.add(time.Minute)
			go func() { // … and the tick starts attempt 2, which calls for a while
				if _, err := b.schedule.Handle(t.Context(), struct{}{}); err != nil {
					t.Error(err)
				}
			}()
			<-started
			return ledger.ErrUnknown
		})
	})
	a := b.triggers("A")
	if c := b.wantCase(a.Case, gate.Starting, 1); c.Attempt != 2 {
		t.Errorf("attempt %d, want 2", c.Attempt)
	}
	b.release()
	b.eventually(func() bool { return b.caseOf(a.Case).State == gate.Started })
	b.wantCalls(a.Case, 2)
}

// Rule: a repeat's answer speaks for the repeat alone. Whatever it is, but for "accepted", the case stays in doubt.
func TestRepeatDoesNotForgetTheDoubt(t *testing.T) {
	for _, r := range []delivery.Reason{delivery.BadRequest, delivery.ConnectionFailed, delivery.Unauthorized, delivery.TimedOut} {
		t.Run(string(r), func(t *testing.T) {
			b := newBridge(t)
			b.agent.says(delivery.TimedOut, r)
			a := b.triggers("A")
			b.wantCase(a.Case, gate.InDoubt, 1)
			b.tick(time.Minute)
			c := b.wantCase(a.Case, gate.InDoubt, 1)
			want := 1 // only what may itself have arrived is one more doubt
			if r == delivery.TimedOut {
				want = 2
			}
			if c.Doubts != want {
				t.Errorf("%d doubts, want %d", c.Doubts, want)
			}
			if _, kept := b.account().Running[a.Case]; !kept {
				t.Error("its reservation was given back, and the Agent may be working on it")
			}
			b.wantCalls(a.Case, 2)
		})
	}
	t.Run("a refused repeat is the last", func(t *testing.T) {
		b := newBridge(t)
		b.agent.says(delivery.TimedOut, delivery.BadRequest)
		a := b.triggers("A")
		for range 40 {
			b.tick(time.Minute)
		}
		b.wantCalls(a.Case, 2)
		b.wantCase(a.Case, gate.InDoubt, 1)
	})
}

// Rule: evidence from an earlier attempt settles a doubt, but not a later attempt, which calls all the same.
func TestLateAcceptanceLeavesALaterAttemptAlone(t *testing.T) {
	b := newBridge(t)
	settling, go1 := make(chan struct{}), make(chan struct{})
	b.agent.meanwhile(func() { b.store.beforeCommit(func() { close(settling); <-go1 }) })
	a := b.alertOf("A", alert.Triggered)
	done := make(chan error)
	go func() { done <- b.try(a) }()
	<-settling // attempt 1 was accepted and has not settled
	id := b.verdict(a).Case
	b.tick(gate.Lease + gate.ClockDifference)
	b.wantCase(id, gate.InDoubt, 1)
	b.agent.meanwhile(func() { // attempt 2 is calling while the first one settles
		close(go1)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if c := b.wantCase(id, gate.Starting, 1); c.Attempt != 2 {
			t.Errorf("attempt %d, want 2", c.Attempt)
		}
	})
	b.agent.says(delivery.TimedOut)
	b.tick(time.Minute)
	b.wantCase(id, gate.InDoubt, 1)
	b.wantCalls(id, 2)
}

// Rule: a doubt whose slot was freed becomes started by late evidence, and ends with the next tick.
func TestLateAcceptanceAfterTheSlotWasFreedEnds(t *testing.T) {
	b := newBridge(t, stop)
	settling, go1 := make(chan struct{}), make(chan struct{})
	b.agent.meanwhile(func() { b.store.beforeCommit(func() { close(settling); <-go1 }) })
	a := b.alertOf("A", alert.Triggered)
	done := make(chan error)
	go func() { done <- b.try(a) }()
	<-settling
	id := b.verdict(a).Case
	b.tick(time.Minute)
	b.tick(8 * time.Minute)
	if c := b.wantCase(id, gate.InDoubt, 1); !c.Resting {
		t.Error("the case is in the tick's sight, and nothing more will be tried")
	}
	if n := len(b.account().Running); n != 0 {
		t.Errorf("%d reservations after the estimate", n)
	}
	close(go1)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	b.wantCase(id, gate.Started, 1)
	b.tick(time.Minute)
	if c := b.wantCase(id, gate.Ended, 1); c.How != gate.EndAssumed {
		t.Errorf("ended as %s", c.How)
	}
	b.wantCalls(id, 1)
}

// Rule: a doubt that rests comes back when something fires in it again, and then needs room like any other start.
func TestDoubtThatFiresAgainIsRepeatedAndReservesAgain(t *testing.T) {
	b := newBridge(t, grouped, slots(1))
	b.agent.says(delivery.TimedOut)
	b.agent.meanwhile(func() { b.clock.add(time.Second); b.recovers("A") })
	a := b.triggers("A")
	b.wantCase(a.Case, gate.InDoubt, 0)
	b.tick(9 * time.Minute)
	if c := b.wantCase(a.Case, gate.InDoubt, 0); !c.Resting {
		t.Fatal("nobody fires in it, its estimate is over, and it still has the tick's attention")
	}
	other := b.triggers("D", func(a *alert.Alert) { a.Tags = []string{"env:dev"} }) // takes the only slot
	b.wantCase(other.Case, gate.Started, 1)
	b.want(b.triggers("B"), gate.Join, gate.NotTold)
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.InDoubt, 1) // no room
	b.wantCalls(a.Case, 1)
	b.tick(8 * time.Minute) // the other one's estimate is over
	b.tick(0)
	b.wantCase(a.Case, gate.Started, 1)
	b.wantCalls(a.Case, 2)
}

// Rule: a doubt gives its slot back when its estimate is over.
func TestDoubtsDoNotBlockTheAgentForEver(t *testing.T) {
	b := newBridge(t, stop, slots(2))
	b.agent.says(delivery.TimedOut, delivery.TimedOut)
	first, second := b.triggers("A"), b.triggers("B")
	third := b.triggers("C")
	b.want(third, gate.Wait, gate.NoSlot)
	b.tick(9 * time.Minute)
	b.wantCase(first.Case, gate.InDoubt, 1)
	b.wantCase(second.Case, gate.InDoubt, 1)
	b.wantCase(third.Case, gate.Started, 1)
	b.wantCalls(first.Case, 1) // stop: never again by itself
}

// Rule: a started case ends at its estimate, and its slot is free.
func TestStartedCaseEndsAtItsEstimate(t *testing.T) {
	b := newBridge(t, slots(1))
	first, second := b.triggers("A"), b.triggers("B")
	b.want(second, gate.Wait, gate.NoSlot)
	b.tick(7 * time.Minute)
	b.wantCase(second.Case, gate.Waiting, 1)
	b.tick(time.Minute)
	if c := b.wantCase(first.Case, gate.Ended, 1); c.How != gate.EndAssumed {
		t.Errorf("ended as %s", c.How)
	}
	b.wantCase(second.Case, gate.Started, 1)
}

// Rule: only a commit that was answered with success leads to a call.
func TestNobodyCallsOnALostAnswer(t *testing.T) {
	t.Run("applied", func(t *testing.T) {
		b := newBridge(t)
		b.store.losesAnswer()
		a := b.triggers("A")
		b.want(a, gate.Start, gate.NewIncident)
		b.wantCase(a.Case, gate.Starting, 1)
		b.wantCalls(a.Case, 0)
		b.tick(gate.Lease + time.Second) // the lease is over: a doubt, for nobody knows
		b.wantCase(a.Case, gate.InDoubt, 1)
		b.tick(time.Minute)
		b.wantCase(a.Case, gate.Started, 1)
		b.wantCalls(a.Case, 1)
	})
	t.Run("not applied", func(t *testing.T) {
		b := newBridge(t)
		b.store.before = append(b.store.before, func(gate.Change) error { return ledger.ErrUnknown })
		a := b.triggers("A")
		b.wantCase(a.Case, gate.Started, 1)
		b.wantCalls(a.Case, 1)
	})
	t.Run("in the tick", func(t *testing.T) {
		b := newBridge(t, held)
		a := b.triggers("A")
		b.store.losesAnswer()
		b.tick(time.Minute)
		b.wantCase(a.Case, gate.Starting, 1)
		b.wantCalls(a.Case, 0)
	})
}

// Rule: a reservation goes with its case's commit, and the repair is conditional on the case.
func TestRepairDoesNotTakeTheSlotOfACaseThatStarts(t *testing.T) {
	b := newBridge(t, held)
	a := b.triggers("A")
	b.byHand(gate.Change{At: b.clock.Now(), Account: &gate.AccountWrite{
		Agent: "default", Put: map[string]gate.Reservation{a.Case: {Attempt: 1, Until: b.clock.Now().Add(time.Hour)}},
	}})
	b.store.beforeCommit(func() { b.tick(time.Minute) }) // the overlapping tick starts the case, after its own repair
	b.tick(0)
	b.wantCase(a.Case, gate.Started, 1)
	b.wantCalls(a.Case, 1)

	b.byHand(gate.Change{At: b.clock.Now(), Account: &gate.AccountWrite{
		Agent: "default", Read: b.account().Version, Put: map[string]gate.Reservation{"ab-nobody": {Attempt: 1, Until: b.clock.Now().Add(time.Hour)}},
	}})
	b.tick(0)
	if _, there := b.account().Running["ab-nobody"]; there {
		t.Error("a reservation without a case was not repaired")
	}
}

// Rule: the caller looks at its clock after the commit, and calls only while nobody can take its lease for over.
func TestCallBeginsOnlyWithinItsLease(t *testing.T) {
	const longest = gate.Lease - gate.ClockDifference - callAndSettle
	t.Run("in time", func(t *testing.T) {
		b := newBridge(t)
		b.store.afterCommit(func() { b.clock.add(longest) })
		b.wantCalls(b.triggers("A").Case, 1)
	})
	t.Run("too late", func(t *testing.T) {
		b := newBridge(t)
		b.store.afterCommit(func() { b.clock.add(longest + time.Millisecond) })
		a := b.triggers("A")
		b.wantCalls(a.Case, 0)
		b.wantCase(a.Case, gate.Waiting, 1)
		if d := b.account().Down; d.Fails != 0 {
			t.Errorf("our own lack of time took the Agent down: %+v", d)
		}
		b.tick(time.Minute)
		b.wantCase(a.Case, gate.Started, 1)
	})
	t.Run("another tick's clock is ahead", func(t *testing.T) {
		b := newBridge(t)
		b.agent.meanwhile(func() { // at the last moment of the call and its settle
			b.clock.add(longest + callAndSettle)
			b.tick(gate.ClockDifference)
		})
		b.store.afterCommit(func() {})
		a := b.triggers("A")
		b.wantCase(a.Case, gate.Started, 1)
		b.wantCalls(a.Case, 1)
	})
}

// Rule: a join to a started case is conditional on its incident, which may have moved to another case.
func TestJoinToAStartedCaseMeetsTheIncidentElsewhere(t *testing.T) {
	b := newBridge(t)
	x := b.triggers("A")
	b.clock.add(29 * time.Minute)
	late := b.alertOf("A", alert.Renotify)
	b.clock.add(31 * time.Minute)
	var y gate.Delivery
	b.store.beforeCommit(func() { y = b.triggers("A") }) // a new cycle: longer than the window after the last word
	got := b.send(late)
	b.want(y, gate.Start, gate.NewIncident)
	b.want(got, gate.Join, gate.Renotifying)
	if got.Case != y.Case || y.Case == x.Case {
		t.Errorf("the incident's cases: first %s, then %s; the late one went to %s", x.Case, y.Case, got.Case)
	}
	b.wantCase(y.Case, gate.Started, 1)
}

// Rule: a recovery of a refused case is counted, and an incident that leaves it is counted out and checked.
func TestRefusedCaseStaysCountedRight(t *testing.T) {
	t.Run("recovery", func(t *testing.T) {
		b := newBridge(t)
		b.agent.says(delivery.BadRequest)
		a := b.triggers("A")
		b.wantCase(a.Case, gate.Refused, 1)
		b.clock.add(time.Second)
		b.recovers("A")
		b.wantCase(a.Case, gate.Refused, 0)
	})
	t.Run("started by hand while its incident leaves", func(t *testing.T) {
		b := newBridge(t)
		b.agent.says(delivery.BadRequest)
		a := b.triggers("A")
		b.clock.add(40 * time.Minute) // past the window: it covers nothing any more
		b.store.beforeCommit(func() { b.startByHand(a.Case) })
		again := b.triggers("A")
		b.want(again, gate.Join, gate.Repeat)
		b.wantCase(a.Case, gate.Starting, 1)
		if again.Case != a.Case {
			t.Errorf("two live cases of one incident: %s and %s", a.Case, again.Case)
		}
	})
	t.Run("its incident leaves", func(t *testing.T) {
		b := newBridge(t)
		b.agent.says(delivery.BadRequest)
		a := b.triggers("A")
		b.want(b.send(b.alertOf("A", alert.Renotify)), gate.Join, gate.Renotifying)
		b.clock.add(40 * time.Minute)
		again := b.send(b.alertOf("A", alert.Renotify))
		b.want(again, gate.Start, gate.NewIncident)
		b.wantCase(a.Case, gate.Refused, 0)
		b.wantCase(again.Case, gate.Started, 1)
	})
}

// Rule: whoever opens a case takes the grouping key, on condition that it names what he read.
func TestTwoOpenersOfOneGroup(t *testing.T) {
	b := newBridge(t, held, grouped)
	var first gate.Delivery
	b.store.beforeCommit(func() { first = b.triggers("B") })
	second := b.triggers("A")
	b.want(first, gate.Wait, gate.Holding)
	b.want(second, gate.Join, gate.Covered)
	if first.Case != second.Case {
		t.Errorf("two cases for one fault: %s and %s", first.Case, second.Case)
	}
	b.wantCase(first.Case, gate.Waiting, 2)
}

// Rule: a repeat, too, rests on somebody firing, and a doubt's recovery does not raise its version.
func TestRecoveryBetweenReadAndRepeatWins(t *testing.T) {
	b := newBridge(t)
	b.agent.says(delivery.TimedOut)
	a := b.triggers("A")
	b.wantCase(a.Case, gate.InDoubt, 1)
	b.clock.add(time.Second)
	b.store.beforeCommit(func() { b.recovers("A") })
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.InDoubt, 0)
	b.wantCalls(a.Case, 1)
}

// Rule: a start takes its slot on condition that nobody took one since it was counted.
func TestTwoStartsForOneSlot(t *testing.T) {
	b := newBridge(t, slots(1))
	var first gate.Delivery
	b.store.beforeCommit(func() { first = b.triggers("B") })
	second := b.triggers("A")
	b.want(first, gate.Start, gate.NewIncident)
	b.want(second, gate.Wait, gate.NoSlot)
	if n := b.agent.total(); n != 1 {
		t.Errorf("%d calls for one slot", n)
	}
}
