// Package scenario reads stories of alerts, told in YAML: what comes when, what the Agent and the people on call do
// meanwhile, and what the bridge must make of it. A team keeps them beside its policy, one behaviour a file, and plays
// them whenever it changes the policy (`alertbridge play`); docs/play.md is the format's reference.
//
//	title: Checkout is slow for two minutes
//	alerts:
//	  - at: 0s
//	    monitor: Checkout is slow
//	    tags: [env:prod, service:checkout]
//	    priority: P2
//	    recovers: 2m
//	    expect: wait hold
//	expect:
//	  starts: [{at: 30s, severity: HIGH}]
//
// Reading is strict. What is not known, has another type, stands there twice or cannot be is an error with its line and
// column, and the name that was probably meant. Shorthands are written out while reading: what comes out is a list of
// notifications, each with the body that Datadog would have sent with our template, in the order in which they arrive.
// The same file always gives the same bytes.
package scenario

import (
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/match"
)

// Limits of a scenario.
const (
	MaxBytes  = 1 << 20              // of its file
	MaxAlerts = 200_000              // when its shorthands are written out
	MaxTime   = 366 * 24 * time.Hour // from its beginning to its end
	MaxNth    = 1000                 // of the steps that a fault lets pass, and of the cases that one is chosen from
	MaxBy     = time.Minute          // by which a fault makes something late
	MaxNumber = 999_999_999          // of an event, and of a cycle
)

// Begins is when a scenario begins that does not say so: a Monday morning.
var Begins = time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)

// Scenario is one story. All its times are counted from Begins.
type Scenario struct {
	Name   string // of the file
	Title  string
	About  string // what it shows, for people
	Begins time.Time
	Lasts  time.Duration // how long it is played
	Calm   time.Duration // when nothing goes wrong any more; 0: that never comes
	Seed   uint64        // of what the bridge leaves to chance
	Policy Policy

	Alerts []Alert // in the order in which they arrive; those that never do are left out
	Agent  []AgentChange
	// Investigations are how those go that the Agents open, for each title in turn. nil: nobody follows them.
	Investigations []Investigation
	Hand           []Order
	Faults         []Fault // what goes wrong, with the states of the Agent, in the order in which it begins

	Starts  []Start // what the Agent must be asked to investigate, in order
	Number  int     // how many starts there must be; below 0: nothing is expected
	Ends    []End   // how cases must end, in order; only those that are named are looked at
	Dollars *gate.Dollars
}

// Policy is what a scenario is played under, unless somebody names another one. At most one of its fields is set;
// none: the policy that the command was given, or the default one.
type Policy struct {
	Path string // of a file, from the scenario's folder
	Text []byte // of one that is written in the scenario, with its lines and columns as they are there
}

// Alert is one notification.
type Alert struct {
	Line       int           // of its entry in the file
	Happens    time.Duration // when it happens, according to Datadog; below 0: before the scenario begins
	Arrives    time.Duration // when the bridge has it
	EventID    string
	Title      string
	Priority   string // P1 to P5, "" when the monitor has none
	Transition alert.Transition
	Body       []byte // of the webhook; Unreadable, and nothing else is known of it
	Want       *Want  // nil: anything may come of it
}

// Want is the verdict that an alert must get.
type Want struct {
	Verdict gate.Verdict
	Reason  gate.Reason
}

// String is the Want as it is written.
func (w Want) String() string { return string(w.Verdict) + " " + string(w.Reason) }

// Unreadable is the body of a delivery that nobody can read.
const Unreadable = `{"schema":`

// AgentChange is when the Agent becomes another.
type AgentChange struct {
	At  time.Duration
	Is  AgentState
	For time.Duration // then it is again what it was; 0: until the next change
}

// AgentState is how the Agent meets those that call it.
type AgentState string

// The states of an Agent.
const (
	AgentUp   AgentState = "up"   // takes what it is given, with the key that the bridge has
	AgentDown AgentState = "down" // cannot be reached
	AgentShut AgentState = "shut" // does not accept the key any more; when it is up again, the secret has a new one
	AgentSlow AgentState = "slow" // takes what it is given, and answers after some seconds

	AgentBusy      AgentState = "busy"            // 429: it asks to be left alone for two minutes
	AgentRefusing  AgentState = "refuses"         // finds fault with what it is given
	AgentHanging   AgentState = "hangs"           // reads what it is given, and never answers
	AgentTaking    AgentState = "takes and hangs" // starts what it is given, and never answers
	AgentFailing   AgentState = "fails"           // starts what it is given, and answers 500
	AgentGibberish AgentState = "gibberish"       // starts nothing, and answers what nobody can read

	AgentTakingBusy     AgentState = "takes and is busy" // starts what it is given, and says that it is busy
	AgentTakingRefusing AgentState = "takes and refuses" // starts what it is given, and says that it refuses it
)

// Within is how much later than expected something may come, unless the scenario says otherwise: what waits is moved on
// by a tick, once a minute, and the Agent takes a moment to answer.
const Within = time.Minute + 5*time.Second

// AgentStates lists the states.
func AgentStates() []AgentState {
	return []AgentState{
		AgentUp, AgentDown, AgentShut, AgentSlow, AgentBusy, AgentRefusing, AgentHanging, AgentTaking, AgentFailing, AgentGibberish,
		AgentTakingBusy, AgentTakingRefusing,
	}
}

// Order is something that is done by hand. One of Mode, Silence, Start, StartAlert, Stop, StopAlert, Retry and Redrive says
// what.
type Order struct {
	At      time.Duration
	Mode    gate.Mode
	Silence []match.Matcher
	Start   int           // the n-th of the cases that are not started, from 1: refused, in doubt, waiting
	Stop    int           // the n-th of the same
	Retry   bool          // an Agent that is down or shut is tried at once
	Redrive bool          // the dead letters go back into the queue
	For     time.Duration // 0: until the end
	By      string
	Reason  string

	// By the number of the alert's event, of a monitor that names no organisation: the case that the alert led to, in whatever
	// state it is, or for StartAlert the one that it would have opened. 0: another order.
	StartAlert, StopAlert int
}

// Who gives an order, and why, where a scenario does not say so.
const (
	Somebody = "on-call"
	NoReason = "by the scenario"
)

// Start is an investigation that must be asked for.
type Start struct {
	Line     int
	At       time.Duration // it comes then or up to Within later
	Within   time.Duration
	Title    string         // a part of its title; "": whatever it is
	Severity alert.Severity // 0: whatever it is
}

// End is how a case must end.
type End struct {
	Line   int
	At     time.Duration // then or up to Within later
	Within time.Duration
	Title  string // a part of the case's title
	How    gate.How
}
