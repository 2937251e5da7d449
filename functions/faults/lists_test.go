package faults_test

import "slices"

// A step is one call out of a function: where the life of a message or of a tick can meet a fault. The list is closed:
// each door names the step that it is at, and each scene passes its own in their order (TestScenesPassTheirSteps).
type step string

// The front door, for an alert whose token was rotated a moment after ingest had read its own.
const (
	readToken    step = "ingest: read token"
	refreshToken step = "ingest: refresh token"
	send         step = "ingest: send"
)

// A message whose verdict is a start.
const (
	look        step = "message: look"
	commit      step = "message: commit"
	readSecret  step = "message: read secret"
	request     step = "message: request" // nothing has left yet
	answer      step = "message: answer"  // the Agent has the request
	settle      step = "message: settle"
	acknowledge step = "message: acknowledge" // Lambda's, after the handler
)

// A tick that opens an account whose secret was mended, and gives back a slot that no case stands behind.
const (
	lookAccount   step = "tick: look account"
	secretVersion step = "tick: secret version"
	openAccount   step = "tick: open account"
	repair        step = "tick: repair"
)

// A tick that starts a case which waited while the Agent was away.
const (
	due            step = "tick: due"
	lookCase       step = "tick: look case"
	commitCase     step = "tick: commit"
	tickReadSecret step = "tick: read secret"
	tickRequest    step = "tick: request"
	tickAnswer     step = "tick: answer"
	tickSettle     step = "tick: settle"
)

// An event of the Agent's, on its way to its case.
const (
	takeEvent   step = "outcome: take event" // Lambda's, before the handler
	askTask     step = "outcome: task"
	lookHeard   step = "outcome: look"
	commitHeard step = "outcome: commit"
	forget      step = "outcome: acknowledge" // Lambda's, after the handler
)

// A tick that asks the Agent's API about a start of which nothing was heard.
const (
	find        step = "tick: find"
	lookFound   step = "tick: look found"
	commitFound step = "tick: commit found"
)

// A tick that tells at both places what has happened to a case.
const (
	outbox     step = "tell: outbox"
	readPost   step = "tell: post"
	readTold   step = "tell: case"
	summary    step = "tell: summary" // of an end alone
	claim      step = "tell: claim"
	eventsKey  step = "tell: Datadog key"
	toEvents   step = "tell: Datadog"        // nothing has left yet
	fromEvents step = "tell: Datadog answer" // Datadog has it
	incident   step = "tell: incident"       // does it fire, before somebody is woken
	pagerKey   step = "tell: PagerDuty key"
	toPager    step = "tell: PagerDuty"
	fromPager  step = "tell: PagerDuty answer"
	toChange   step = "tell: PagerDuty change" // of an end alone, whose first request has closed the incident
	fromChange step = "tell: PagerDuty change answer"
	note       step = "tell: note"
)

// A tick that tells of a plan, as far as it is unlike an end.
const askPlan step = "tell: plan"

// A tick that looks after an open incident of the pager, and finds that what it is about has recovered.
const (
	watchIncident step = "watch: incident"
	watchClaim    step = "watch: claim"
	toResolve     step = "watch: PagerDuty"
	fromResolve   step = "watch: PagerDuty answer"
	watchNote     step = "watch: note"
)

// parts are the scenes, each with the steps it passes, in this order.
var parts = map[string][]step{
	"ingest":  {readToken, refreshToken, send},
	"message": {look, commit, readSecret, request, answer, settle, acknowledge},
	"opens":   {lookAccount, secretVersion, openAccount, repair},
	"starts":  {due, lookCase, commitCase, tickReadSecret, tickRequest, tickAnswer, tickSettle},
	"hears":   {takeEvent, askTask, lookHeard, commitHeard, forget},
	"asks":    {find, lookFound, commitFound},
	"tells": {
		outbox, readPost, readTold, summary, claim, eventsKey, toEvents, fromEvents, incident, pagerKey, toPager, fromPager, toChange, fromChange, note,
	},
	"plans":   {askPlan},
	"watches": {watchIncident, watchClaim, toResolve, fromResolve, watchNote},
}

// A story is what the scene is about, where it can be about two things. Each row is played with each story that passes its
// step, and comes to the same end.
type story string

const (
	anyStory story = ""

	firstEvent story = "its first event" // which confirms the start
	lastEvent  story = "its last event"  // which ends the case
	aDoubt     story = "a doubt"         // the Agent has it, and its answer was lost
	aStart     story = "a start"         // none of its events has come
	anAlarm    story = "an alarm"        // nobody can say whether a critical case is investigated: people are woken
	anEnd      story = "an end"          // of the same case after all, with its cause and its price
	aPlan      story = "a plan"          // of a case that nobody was woken for
	aRecovery  story = "a recovery"      // of a case for which somebody was woken, and which nothing shows to be investigated
)

// stories are those that pass a step.
func stories(s step) []story {
	switch {
	case slices.Contains([]step{summary, toChange, fromChange}, s):
		return []story{anEnd}
	case s == incident:
		return []story{anAlarm}
	case s == askPlan:
		return []story{aPlan}
	case slices.Contains(parts["watches"], s):
		return []story{aRecovery}
	case slices.Contains(parts["hears"], s):
		return []story{firstEvent, lastEvent}
	case slices.Contains(parts["asks"], s):
		return []story{aDoubt, aStart}
	case slices.Contains(parts["tells"], s):
		return []story{anAlarm, anEnd}
	}
	return []story{anyStory}
}

// follows tells whether the Agent's work is followed in the scene of a step. In the scenes before it is not.
func follows(s step) bool { return stories(s)[0] != anyStory }

// tells tells whether the scene of a step is about a tick that tells.
func tells(s step) bool {
	return slices.Contains(parts["tells"], s) || slices.Contains(parts["plans"], s) || slices.Contains(parts["watches"], s)
}

// What is asked at a step.
var (
	ofTokens  = []step{readToken, refreshToken}
	ofSecret  = []step{readSecret, secretVersion, tickReadSecret}
	ofReads   = []step{look, lookAccount, due, lookCase, lookHeard, lookFound, outbox, readPost, readTold, incident, watchIncident}
	ofCommits = []step{commit, settle, openAccount, repair, commitCase, tickSettle, commitHeard, commitFound, claim, note, watchClaim, watchNote}
	ofAgent   = []step{request, answer, tickRequest, tickAnswer}
	ofQueue   = []step{send, acknowledge, forget}
	ofAPI     = []step{askTask, find, summary, askPlan}
	ofKeys    = []step{eventsKey, pagerKey}
	ofPlaces  = []step{toEvents, toPager, toChange, toResolve}
	fromThere = []step{fromEvents, fromPager, fromChange, fromResolve}
	ofAnswers = append([]step{answer, tickAnswer}, fromThere...)
)

// but are all steps without these.
func but(without ...step) (all []step) {
	for _, steps := range parts {
		for _, s := range steps {
			if !slices.Contains(without, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// A fault strikes at one step of one invocation, and is over with it. The list is closed.
type fault string

const (
	down      fault = "down"      // it fails at once: no connection, an error, a 503
	slow      fault = "slow"      // it takes most of its time, and succeeds
	throttled fault = "throttled" // it wants to be asked less
	conflict  fault = "conflict"  // ten commits in a row find that somebody else was first
	lost      fault = "answer lost"
	hangs     fault = "hangs"     // no answer for as long as anybody waits
	killed    fault = "killed"    // the function is busy there until Lambda ends it
	cancelled fault = "cancelled" // its context ends there
	panics    fault = "panics"
	overlaps  fault = "another tick" // a whole tick of another environment comes in between

	missing      fault = "secret missing"
	malformed    fault = "secret malformed"
	wrongHost    fault = "secret with a wrong host"
	plainHTTP    fault = "secret with http"
	lastGood     fault = "service down, with a last good value"
	rotated      fault = "rotated on both sides"
	rotatedThere fault = "rotated there alone"

	denied  fault = "denied"
	garbage fault = "garbage"       // a success that nobody can read
	hollow  fault = "empty success" // a success that says nothing
	gone    fault = "gone"          // there is no such thing, or none yet
	nothing fault = "nothing there" // what is asked for is there, and nothing in it
	huge    fault = "a huge text"
	hostile fault = "a hostile text"

	twice     fault = "twice"
	reordered fault = "the last one first"
	early     fault = "before our own settle"
	foreign   fault = "of a task that is not ours"
	elsewhere fault = "of another agent space"
	batched   fault = "in a batch of which another fails"
)

var faults = []fault{
	down, slow, throttled, conflict, lost, hangs, killed, cancelled, panics, overlaps,
	missing, malformed, wrongHost, plainHTTP, lastGood, rotated, rotatedThere,
	denied, garbage, hollow, gone, nothing, huge, hostile,
	twice, reordered, early, foreign, elsewhere, batched,
}

// end is what a pair must come to. The first are what is seen when the invocation that was struck is over; the
// others, when all has come to rest with nothing else going wrong.
type end struct {
	answer  int    // what Datadog was answered, where ingest was struck
	queued  int    // messages of this alert in the queue; where the Agent's events are heard, of these
	verdict string // on record, "none" as long as there is none
	state   string // of the case, with what it waits for
	known   bool   // what the Agent says, where it is heard or asked, is on record
	noted   string // the places that have been told, as far as it is on record

	ticks  int  // healthy ticks until the case is started, where a doubt is repeated; or until it is known, or noted at the places
	calls  int  // requests for it that the Agent has got by then
	hand   bool // where a doubt is not repeated, it needs a hand
	events int  // how often Datadog was told of it
	pages  int  // how often PagerDuty was, about its incident
	shown  int  // how often PagerDuty was, of its end beside the incidents
}

// The ends of ingest. Nobody has received the message yet, so there is no verdict; it starts when it is received.
var (
	accepted   = end{answer: 202, queued: 1, verdict: "none", state: "none", calls: 1}
	sentAgain  = end{answer: 503, queued: 0, verdict: "none", state: "none", calls: 1}
	crashed    = end{answer: 500, queued: 0, verdict: "none", state: "none", calls: 1}
	queueTwice = end{answer: 503, queued: 1, verdict: "none", state: "none", calls: 1}
)

// The ends of a message and of a tick.
var (
	starts    = end{verdict: "start", state: "started", calls: 1}
	comesBack = end{queued: 1, verdict: "none", state: "none", calls: 1}
	comesUp   = end{queued: 1, verdict: "start", state: "started", calls: 1} // once more, and finds its verdict
	doubted   = end{verdict: "start", state: "in_doubt", ticks: 2, calls: 2, hand: true}
)

// left is a start that was claimed, and whose process did not report back: the tick makes it a doubt when its lease is
// over, and a minute later repeats it.
func left(queued, ticks, calls int) end {
	return end{queued: queued, verdict: "start", state: "starting", ticks: ticks, calls: calls, hand: true}
}

// waits is a case that a tick has not started, and that a later one does.
func waits(why string, ticks int) end {
	return end{verdict: "start", state: "waiting " + why, ticks: ticks, calls: 1}
}

// The ends of an event of the Agent's.
var (
	heard     = end{known: true}
	heardNext = end{queued: 1}              // it comes back, and is taken in then
	heardUp   = end{queued: 1, known: true} // once more, and says nothing new
	notHeard  = end{}                       // the next event, or the tick's asking, makes up for it
)

// The ends of asking.
var found = end{known: true}

// unknown is what a tick has not learnt, and a later one does.
func unknown(ticks int) end { return end{ticks: ticks} }

// The ends of telling.
var (
	told      = end{noted: both, events: 1, pages: 1, shown: 1}
	untold    = end{ticks: 1, events: 1, pages: 1, shown: 1} // the next tick tells
	repeated  = end{ticks: 1, events: 2, pages: 2, shown: 2} // told and not noted
	eventOnly = end{ticks: 1, events: 2, pages: 1, shown: 1} // Datadog alone was told, and it is not noted
	unshown   = end{ticks: 1, events: 2, pages: 2, shown: 1} // both were told, but not what is shown beside the incident; not noted

	planTold   = end{noted: onlyEvents, events: 1, shown: 1}
	planUntold = end{ticks: 1, events: 1, shown: 1}

	resolved   = end{noted: onlyPager, events: 1, pages: 1, shown: 1}
	unresolved = resolvedBy(1, 1)
)

// The places that are told: both, or one of them.
const (
	both       = "datadog pagerduty"
	onlyEvents = "datadog"
	onlyPager  = "pagerduty"
)

// noEvent: PagerDuty was told, and Datadog is after so many ticks; it may have it already.
func noEvent(ticks, events int) end {
	return end{noted: onlyPager, ticks: ticks, events: events, pages: 1, shown: 1}
}

// noPage is the same the other way round.
func noPage(ticks, pages int) end {
	return end{noted: onlyEvents, ticks: ticks, events: 1, pages: pages, shown: 1}
}

// noChange is noPage after the incident was closed: that is sent again, and so may be what is shown beside it.
func noChange(ticks, shown int) end {
	return end{noted: onlyEvents, ticks: ticks, events: 1, pages: 2, shown: shown}
}

// resolvedBy is a recovery that is noted after so many ticks more.
func resolvedBy(ticks, pages int) end { return end{ticks: ticks, events: 1, pages: pages, shown: 1} }
