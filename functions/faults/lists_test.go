package faults_test

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

// parts are the scenes, each with the steps it passes, in this order.
var parts = map[string][]step{
	"ingest":  {readToken, refreshToken, send},
	"message": {look, commit, readSecret, request, answer, settle, acknowledge},
	"opens":   {lookAccount, secretVersion, openAccount, repair},
	"starts":  {due, lookCase, commitCase, tickReadSecret, tickRequest, tickAnswer, tickSettle},
}

// What is asked at a step.
var (
	ofTokens  = []step{readToken, refreshToken}
	ofSecret  = []step{readSecret, secretVersion, tickReadSecret}
	ofReads   = []step{look, lookAccount, due, lookCase}
	ofCommits = []step{commit, settle, openAccount, repair, commitCase, tickSettle}
	ofAgent   = []step{request, answer, tickRequest, tickAnswer}
	ofQueue   = []step{send, acknowledge}
)

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
	rotatedThere fault = "rotated at the Agent alone"
)

var faults = []fault{
	down, slow, throttled, conflict, lost, hangs, killed, cancelled, panics, overlaps,
	missing, malformed, wrongHost, plainHTTP, lastGood, rotated, rotatedThere,
}

// end is what a pair must come to. The first four are what is seen when the invocation that was struck is over; the
// others, when all has come to rest with nothing else going wrong.
type end struct {
	answer  int    // what Datadog was answered, where ingest was struck
	queued  int    // messages of this alert in the queue
	verdict string // on record, "none" as long as there is none
	state   string // of the case, with what it waits for

	ticks int  // healthy ticks until the case is started, where a doubt is repeated
	calls int  // requests for it that the Agent has got by then
	hand  bool // where a doubt is not repeated, it needs a hand
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
