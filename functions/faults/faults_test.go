// Package faults_test breaks the bridge in every way and at every step, one at a time, and says what must come of it.
//
// The table (ingestRows, messageRows, tickRows, hearRows, askRows, tellRows, planRows, watchRows) has a row for each pair of a fault and a step:
// what is seen when the invocation that was struck is over, and what comes of it after that. A pair without a row, or
// without a reason why it cannot be (impossible), fails the test, and so does one that is there twice.
//
// Each row is played by the real handlers of all four functions, guarded as in Lambda, over the real clients of the Agent,
// of its API, of Datadog and of PagerDuty, and the real stores of secrets; the queues and the ledger are those in memory.
// Below them, at each call out, is a door at which a fault comes in; but not at the second reading of a secret within a
// call, nor at that of the ledger within a settle or a note, nor where the account's usage is read, on which nothing hangs.
// Time is virtual, and the time-outs of functions and queues are those of the template: a function that is killed has hung
// at its step until Lambda's limit, and nothing of it goes on after. Who is killed at a step has done the one before it.
//
// Four scenes lead past all the steps of a start: an alert that comes with a rotated token, its message, a tick that opens a
// shut account, a tick that starts a case which waited. Five more are about what comes after it, where the Agent's work is
// followed and people are told (stories_test.go), some with two stories: an event of the Agent's is heard, the tick asks
// about a start of which nothing is heard, the tick tells, it tells of a plan, it looks after an incident of the pager.
//
// Then nothing else goes wrong. Datadog repeats what got a 5xx, the queue hands out what was not acknowledged, a tick
// comes once a minute; a second incident arrives, for which there is no slot until the first one's is free. After every
// tick and at the end the rules must hold (rules_test.go): a verdict for each accepted alert, one investigation and no
// call too many, slots, nothing that sleeps; and where the work is followed, its true price, and people told of all of it,
// nothing of which kept the second incident from its start. A goroutine that is left behind fails the bubble.
//
// Every row is played with doubts that are repeated and with doubts that stop, where there can be one, and with the clock of
// the scheduler as far behind and ahead of the others as is reckoned with. The end is the same whatever the clock.
//
// Secrets have a table of their own besides (secretRows). What the Agent itself does, over a real socket, is
// TestBehavioursByState in the folder above; the same of its API, of Datadog and of PagerDuty is in their packages.
//
// functions/explore walks orders and combinations that nobody has thought of, and knows only rules; here each fault has
// a name and an end that a reader can judge.
package faults_test

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/functions/outcome/follow"
	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/agent"
	target "github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/call"
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

func table() []row {
	return slices.Concat(ingestRows, messageRows, tickRows, hearRows, askRows, tellRows, planRows, watchRows)
}

// impossible are the pairs that cannot be, with the reason.
var impossible = []struct {
	faults []fault
	steps  []step
	why    string
}{
	{[]fault{conflict}, but(ofCommits...), "only a commit has conditions"},
	{[]fault{lost}, slices.Concat(ofTokens, ofSecret, ofReads, ofAPI, ofKeys), "a reading without its answer is a reading that failed: down"},
	{[]fault{lost}, append([]step{request, tickRequest}, ofPlaces...), "nothing has left yet: see the answer"},
	{[]fault{throttled}, ofAnswers, "who turns away takes nothing: see the request"},
	{[]fault{cancelled, panics}, []step{acknowledge, forget}, "the handler has returned"},
	{[]fault{overlaps}, parts["ingest"], "ingest and the tick share nothing"},
	{[]fault{down, slow, throttled, lost, hangs, killed, cancelled, panics, overlaps}, []step{takeEvent}, "nothing is asked yet: see the task"},
	{[]fault{missing, malformed, wrongHost, plainHTTP, lastGood}, but(slices.Concat(ofTokens, ofSecret, ofKeys)...), "no secret is read there"},
	{[]fault{malformed, wrongHost, plainHTTP}, ofTokens, "any text is a token, and none is an address"},
	{[]fault{wrongHost, plainHTTP}, ofKeys, "a key is no address"},
	{[]fault{rotated}, slices.Concat(ofReads, ofCommits, ofQueue, ofAPI, ofAnswers, []step{takeEvent}), "no secret is read or used there"},
	{[]fault{rotatedThere}, slices.Concat(ofReads, ofCommits, ofQueue, ofSecret, ofAPI, ofKeys, ofAnswers, []step{takeEvent}), "nobody is asked there who has the other half of a key"},
	{[]fault{rotatedThere}, ofTokens, "the token is Datadog's to send, not the Agent's"},
	{[]fault{denied}, but(ofAPI...), "only the API knows permissions; for a key that is denied see rotated there alone"},
	{[]fault{garbage, hollow}, but(slices.Concat(ofAPI, fromThere)...), "nobody answers there in words; for the Agent's see TestBehavioursByState"},
	{[]fault{gone}, but(ofAPI...), "only the API is asked for what somebody else keeps"},
	{[]fault{nothing}, but(find, summary, askPlan), "no list and no text is asked for; for a task that refers to nothing see one that is not ours"},
	{[]fault{huge, hostile}, but(summary, askPlan), "no text of others is read there"},
	{[]fault{twice, reordered, early, foreign, elsewhere, batched}, but(takeEvent), "no event comes there"},
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

// The page about the tests says how large the table is.
func TestPageKnowsTheTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	size := fmt.Sprintf("a table of %d faults at %d steps, %d pairs that can be", len(faults), len(but()), len(table()))
	if !strings.Contains(string(page), size) {
		t.Errorf("docs/testing.md does not tell of %s", size)
	}
}

// Without a fault each scene passes its steps in their order, and no other.
func TestScenesPassTheirSteps(t *testing.T) {
	for part, all := range parts {
		for _, story := range stories(all[0]) {
			steps := slices.DeleteFunc(slices.Clone(all), func(s step) bool { return !slices.Contains(stories(s), story) })
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, row{step: steps[0]}, gate.RepeatIt, 0)
				w.story = story
				w.play()
				passed := slices.DeleteFunc(w.stepsPassed(), func(s step) bool { return !slices.Contains(steps, s) })
				if !slices.Equal(passed, steps) {
					t.Errorf("%s %s passes %v, want %v", part, story, passed, steps)
				}
				w.rest(unharmed(steps[0]))
			})
		}
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
		{reflect.TypeFor[follow.Work](), []string{"Task"}},               // over the client of the API
		{reflect.TypeFor[schedule.Work](), []string{"Find"}},             // over the client of the API
		{reflect.TypeFor[schedule.Teller](), []string{"Tell"}},           // over those that follow
		{reflect.TypeFor[tell.Summaries](), []string{"Plan", "Summary"}}, // over the client of the API
		{reflect.TypeFor[ledger.Outbox](), []string{"Post", "Posts"}},
		{reflect.TypeFor[target.Target](), []string{"Deliver"}}, // over RoundTrip and call.Secrets
		{reflect.TypeFor[call.Secrets](), []string{"Current", "Refresh"}},
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

// unharmed is the end of a scene in which nothing goes wrong.
func unharmed(s step) end {
	switch {
	case slices.Contains(parts["hears"], s):
		return heard
	case slices.Contains(parts["asks"], s):
		return found
	case s == askPlan:
		return planTold
	case slices.Contains(parts["watches"], s):
		return resolved
	case tells(s):
		return told
	}
	return starts
}

// Each fault at each step comes to the end that its row says, and the rules hold on the way.
func TestFaults(t *testing.T) {
	for _, r := range table() {
		t.Run(strings.ReplaceAll(string(r.fault)+" at "+string(r.step), ":", ""), func(t *testing.T) {
			for _, story := range stories(r.step) {
				for _, doubt := range doubts(r.step) {
					for _, ahead := range []time.Duration{0, gate.ClockDifference, -gate.ClockDifference} {
						synctest.Test(t, func(t *testing.T) { isStruck(t, r, story, doubt, ahead) })
					}
				}
			}
		})
	}
}

// doubts are the policies that a row is played with: both, but where the start is certain.
func doubts(s step) []gate.DoubtChoice {
	if slices.Contains(parts["hears"], s) || tells(s) {
		return []gate.DoubtChoice{gate.RepeatIt}
	}
	return []gate.DoubtChoice{gate.RepeatIt, gate.StopIt}
}

func isStruck(t *testing.T, r row, story story, doubt gate.DoubtChoice, ahead time.Duration) {
	w := newWorld(t, r, doubt, ahead)
	w.story = story
	got := w.play()
	want := r.end
	want.ticks, want.calls, want.hand, want.events, want.pages, want.shown = 0, 0, false, 0, 0, 0 // these are seen later
	if got != want {
		t.Errorf("%s %s, clock %s: when it is struck:\n got %+v\nwant %+v, for %s", story, doubt, ahead, got, want, r.why)
	}
	if w.struck == 0 {
		t.Errorf("%s %s, clock %s: the fault never came", story, doubt, ahead)
	}
	w.rest(r.end)
}
