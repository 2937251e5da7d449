// Package faults_test breaks the bridge in every way and at every step, one at a time, and says what must come of it.
//
// The table (ingestRows, messageRows, tickRows) has a row for each pair of a fault and a step: what is seen when the
// invocation that was struck is over, and how the alert comes to its investigation after that. A pair without a row, or
// without a reason why it cannot be (impossible), fails the test, and so does one that is there twice.
//
// Each row is played by the real handlers of all three functions, guarded as in Lambda, over the real client of the
// Agent and the real stores of secrets; the queue and the ledger are those in memory. Below them, at each call out, is a
// door at which a fault comes in (doors_test.go); but not at the second reading of a secret within a call, nor at that of
// the ledger within a settle. Time is virtual, and the time-outs of functions and queue are those of
// the template: a function that is killed has hung at its step until Lambda's limit, and nothing of it goes on after.
// Four scenes lead past all the steps: an alert that comes with a rotated token, its message, a tick that opens a shut
// account, a tick that starts a case which waited.
//
// Then nothing else goes wrong. Datadog repeats what got a 5xx, the queue hands out what was not acknowledged, a tick
// comes once a minute; a second incident arrives, for which there is no slot until the first one's is free. After every
// tick and at the end the rules must hold (rules_test.go): a verdict for each accepted alert, one investigation and no
// call too many, slots, nothing that sleeps. A goroutine that is left behind fails the bubble.
//
// Every row is played with doubts that are repeated and with doubts that stop, and with the clock of the scheduler as
// far behind and ahead of the others as is reckoned with. The end is the same whatever the clock.
//
// Secrets have a table of their own besides (secretRows). What the Agent itself does, over a real socket, is
// TestBehavioursByState in the folder above.
//
// functions/explore walks orders and combinations that nobody has thought of, and knows only rules; here each fault has
// a name and an end that a reader can judge.
package faults_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
	"github.com/alertbridge/alertbridge/shared/start"
)

// row says what a fault at a step must come to, and why.
type row struct {
	fault fault
	step  step
	end   end
	why   string
}

func table() []row { return slices.Concat(ingestRows, messageRows, tickRows) }

// impossible are the pairs that cannot be, with the reason.
var impossible = []struct {
	faults []fault
	steps  []step
	why    string
}{
	{[]fault{conflict}, slices.Concat(ofTokens, ofSecret, ofReads, ofAgent, ofQueue), "only a commit has conditions"},
	{[]fault{lost}, slices.Concat(ofTokens, ofSecret, ofReads), "a reading without its answer is a reading that failed: down"},
	{[]fault{lost}, []step{request, tickRequest}, "nothing has left yet: see the answer"},
	{[]fault{throttled}, []step{answer, tickAnswer}, "the Agent turns away before it takes anything: see the request"},
	{[]fault{cancelled, panics}, []step{acknowledge}, "the handler has returned"},
	{[]fault{overlaps}, parts["ingest"], "ingest and the tick share nothing"},
	{[]fault{missing}, slices.Concat(ofReads, ofCommits, ofAgent, ofQueue), "no secret is read there"},
	{[]fault{malformed, wrongHost, plainHTTP}, slices.Concat(ofReads, ofCommits, ofAgent, ofQueue), "no secret is read there"},
	{[]fault{malformed, wrongHost, plainHTTP}, ofTokens, "any text is a token, and none is an address"},
	{[]fault{lastGood}, slices.Concat(ofReads, ofCommits, ofAgent, ofQueue), "no secret is read there"},
	{[]fault{rotated}, slices.Concat(ofReads, ofCommits, ofQueue, []step{answer, tickAnswer}), "no secret is read or used there"},
	{[]fault{rotatedThere}, slices.Concat(ofReads, ofCommits, ofQueue, ofSecret, []step{answer, tickAnswer}), "the Agent is not asked there"},
	{[]fault{rotatedThere}, ofTokens, "the token is Datadog's to send, not the Agent's"},
}

// Each pair of a fault and a step is in the table or impossible, once.
func TestEveryPairIsNamed(t *testing.T) {
	type pair struct {
		fault fault
		step  step
	}
	named := map[pair]int{}
	for _, r := range table() {
		named[pair{r.fault, r.step}]++
		if r.why == "" {
			t.Errorf("%s at %s: nobody says why", r.fault, r.step)
		}
	}
	for _, i := range impossible {
		for _, f := range i.faults {
			for _, s := range i.steps {
				named[pair{f, s}]++
			}
		}
	}
	for _, f := range faults {
		for _, steps := range parts {
			for _, s := range steps {
				if n := named[pair{f, s}]; n != 1 {
					t.Errorf("%s at %s is named %d times, want once", f, s, n)
				}
				delete(named, pair{f, s})
			}
		}
	}
	for p := range named {
		t.Errorf("%s at %s is named, and one of the two is in no list", p.fault, p.step)
	}
}

// Without a fault each scene passes its steps in their order, and no other.
func TestScenesPassTheirSteps(t *testing.T) {
	for part, steps := range parts {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, row{step: steps[0]}, gate.RepeatIt, 0)
			w.play()
			passed := slices.DeleteFunc(w.stepsPassed(), func(s step) bool { return !slices.Contains(steps, s) })
			if !slices.Equal(passed, steps) {
				t.Errorf("%s passes %v, want %v", part, passed, steps)
			}
			w.rest(starts)
		})
	}
}

// The doors stand at everything that a handler can ask: a method that somebody adds has no step, and no row.
func TestDoorsAreAll(t *testing.T) {
	for _, d := range []struct {
		asked reflect.Type
		doors []string
	}{
		{reflect.TypeFor[ledger.Ledger](), []string{"Commit", "Due", "Look", "LookCase"}},
		{reflect.TypeFor[queue.Sender](), []string{"Send"}},
		{reflect.TypeFor[intake.Tokens](), []string{"Accepted", "RefreshAccepted"}},
		{reflect.TypeFor[agent.Secrets](), []string{"Current", "Refresh"}},
		{reflect.TypeFor[awssecret.Client](), []string{"GetSecretValue"}},
		{reflect.TypeFor[start.Agent](), []string{"Call"}},               // over RoundTrip and agent.Secrets
		{reflect.TypeFor[schedule.Secrets](), []string{"SecretVersion"}}, // over agent.Secrets
	} {
		var methods []string
		for m := range d.asked.Methods() {
			methods = append(methods, m.Name)
		}
		if !slices.Equal(methods, d.doors) {
			t.Errorf("%s has %v, and there are doors at %v", d.asked, methods, d.doors)
		}
	}
}

// Each fault at each step comes to the end that its row says, and the rules hold on the way.
func TestFaults(t *testing.T) {
	for _, r := range table() {
		t.Run(strings.ReplaceAll(string(r.fault)+" at "+string(r.step), ":", ""), func(t *testing.T) {
			for _, doubt := range []gate.DoubtChoice{gate.RepeatIt, gate.StopIt} {
				for _, ahead := range []time.Duration{0, gate.ClockDifference, -gate.ClockDifference} {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, r, doubt, ahead)
						got := w.play()
						want := r.end
						want.ticks, want.calls, want.hand = 0, 0, false // these are seen later
						if got != want {
							t.Errorf("%s, clock %s: when it is struck:\n got %+v\nwant %+v, for %s", doubt, ahead, got, want, r.why)
						}
						if w.struck == 0 {
							t.Errorf("%s, clock %s: the fault never came", doubt, ahead)
						}
						w.rest(r.end)
					})
				}
			}
		})
	}
}
