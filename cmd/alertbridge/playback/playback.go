// Package playback plays alerts through the whole bridge in virtual time (package virtual), and says what came of them:
// verdicts with their reasons, starts, money. It is what `alertbridge play` runs.
//
// What is played is a World: deliveries at their times, from scenarios, from captured deliveries or from an archive, and
// what the Agent and people do meanwhile. Play gives a Result; Expect compares it with what a scenario wants, Compare
// with the Result of the same World under another policy.
//
// Nothing here decides: the functions' own handlers do. The same World under the same policy always gives the same
// Result.
package playback

import (
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// World is what is played in one bridge.
type World struct {
	Name     string // of the file; of several, of the first, and how many more
	Title    string
	Begin    time.Time
	End      time.Time
	Arrivals []Arrival // in order
	Agent    []scenario.AgentChange
	Work     []scenario.Investigation // how investigations go; nil: nobody follows the Agents' work
	Hand     []scenario.Order
	Faults   []scenario.Fault   // with the states of the Agent
	Calm     time.Duration      // after which nothing goes wrong any more; 0: that never comes
	Seed     uint64             // of what the bridge leaves to chance
	Scenario *scenario.Scenario // nil when it was none
}

// Arrival is one delivery that comes to the bridge: a body at the front door, or an alert of an archive.
type Arrival struct {
	At    time.Time
	Body  []byte
	Alert alert.Alert // what is in the body, too; its zero value when that is no alert
	File  string
	Line  int // in the file
	Want  *scenario.Want
}

// Result is what became of a World.
type Result struct {
	World  *World
	Policy gate.Policy
	// PolicyFile is where the policy stands, for people; "" for the defaults. Who plays the World sets it.
	PolicyFile string
	Alerts     []Decided // one for each arrival, in order
	Starts     []Start   // investigations that the Agent opened, in order
	Cases      map[string]*Case
	Calls      int // requests that reached the Agent
	// Dollars is what the policies reckon the starts to cost.
	Dollars gate.Dollars
	Probes  []Probe // as many as were asked for
	Met     []Met   // faults of single steps, as they met these
}

// Met is a fault that met its step.
type Met struct {
	At    time.Time
	Fault scenario.Fault
}

// Probe is what a critical alert would have got, had one come.
type Probe struct {
	At      time.Time
	Verdict gate.Verdict
	Reason  gate.Reason
}

// Decided is what an arrival came to.
type Decided struct {
	Arrival
	Decided time.Time
	Verdict gate.Verdict // "" when there is none: it was refused at the door, or the time was up
	Reason  gate.Reason
	Case    string
	Because string // the numbers that decided
	Hand    string // what was set by hand and touched it
	Rules   gate.Rules
	Rank    alert.Severity
}

// Start is an investigation.
type Start struct {
	At       time.Time
	Case     string
	Title    string // as the Agent was told it
	Severity string
	Dollars  gate.Dollars // what it is reckoned to cost
}

// Case is the life of a case.
type Case struct {
	gate.Case           // as it was when it was seen last
	Began     time.Time // it was opened
	Started   time.Time // its investigation was; zero: never
	Ended     time.Time // zero: not yet
	First     alert.Alert
	Troubles  []Trouble // of its starts, in order

	reckoned         gate.Dollars // what its starts that the Agent has seen are reckoned to cost
	reserved, booked gate.Dollars // what its Agent's account counts for it
}
