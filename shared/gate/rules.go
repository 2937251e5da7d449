package gate

import (
	"fmt"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Numbers that belong together (docs/architecture.md, "Numbers"); a test over the template asserts their sum.
const (
	// Lease is how long a claim holds, counted from the clock of the decision.
	Lease = 35 * time.Second
	// ClockDifference is the largest difference between the clocks of two functions that is reckoned with.
	ClockDifference = 5 * time.Second
	// MaxRepeats bounds how often a start in doubt is sent again.
	MaxRepeats = 4
	// MaxRest bounds how long the Agent may ask to be left alone: one strange header must not stop all starts for days.
	MaxRest = 15 * time.Minute
)

// Policy is what a team wants. Package policy reads it from a file.
type Policy interface {
	// For is what it says about an alert. It depends on the alert alone.
	For(a alert.Alert) Rules
	// Agents names every Agent whose cases are looked after, each once: those that For can choose, and more.
	Agents() []string
}

// Rules are what the policy says about one alert, and so about the case that it opens: plain data, which a record can
// keep and a person can read. The zero value is not usable; begin with DefaultRules.
//
// Rules are a Policy that says the same of every alert.
type Rules struct {
	Agent string `json:"agent"` // the account that its case is opened for

	Mode      Mode           `json:"mode"`
	ModeFixed bool           `json:"mode_fixed,omitempty"` // set by a route, or for a single rank: by hand it can be made stricter only
	Severity  alert.Severity `json:"severity"`             // Critical exactly if the policy calls it critical; 0: as the alert has it

	On       Choice      `json:"on"`         // Triggered, Re-Triggered and Renotify, for the transition that it has
	OnWarn   Choice      `json:"on_warn"`    // Warn and Re-Warn
	OnNoData Choice      `json:"on_no_data"` // No Data and Re-No Data
	OnTest   Choice      `json:"on_test"`    // test notifications
	InDoubt  DoubtChoice `json:"in_doubt"`   // what a start in doubt is worth
	// Followed says that the Agent's events reach us and that its API can be asked: what becomes of a start is known.
	Followed bool `json:"followed,omitempty"`
	// Tells says that there is somebody outside who is told what happens to cases.
	Tells bool `json:"tells,omitempty"`

	MaxAge   time.Duration `json:"max_age"`  // a case may start until then after the last notification that says it fires
	Window   time.Duration `json:"window"`   // an incident's case covers its further cycles for so long after its start
	Quiet    time.Duration `json:"quiet"`    // an incident without a notification for so long is over
	Estimate time.Duration `json:"estimate"` // how long an investigation is reckoned to run

	Hold     time.Duration `json:"hold"`      // the time it is given to recover; a critical one only if it says No Data
	Fresh    time.Duration `json:"fresh"`     // a critical alert that is older waits for LateHold; 0: however old it is
	LateHold time.Duration `json:"late_hold"` //

	Keys  []Key  `json:"keys,omitempty"`  // its grouping keys, each once and in the order in which they are tried; at most MaxKeys
	Group string `json:"group,omitempty"` // its monitor group, for Flap; "" where nothing flaps
	Flap  Flap   `json:"flap"`
	Surge string `json:"surge,omitempty"` // its environment, for Storm; "" where there are no storms
	Storm Storm  `json:"storm"`

	Slots         int    `json:"slots"`          // investigations at a time; 0: MaxRunning
	CriticalSlots int    `json:"critical_slots"` // of these, for critical cases only
	Budget        Budget `json:"budget"`

	Route   string            `json:"route,omitempty"`  // the route that it took, as people know it; "" for none
	Source  map[string]string `json:"source,omitempty"` // where each setting stands, by its name in the file: "policy.yaml:12"
	Version string            `json:"version,omitempty"`
}

// MaxKeys bounds the grouping keys of one alert.
const MaxKeys = 8

// Key is a grouping key: a case is found by it for so long after its start.
type Key struct {
	Name string        `json:"name"`
	For  time.Duration `json:"for"`
}

// Flap says when a monitor group flaps: so many cycles within so long. Cycles 0: never.
type Flap struct {
	Cycles int           `json:"cycles"`
	Within time.Duration `json:"within"`
	Quiet  time.Duration `json:"quiet"` // it is over after so long without a new cycle
}

// Storm says when an environment has a storm: more cases than these opened within so long. Cases 0: never.
type Storm struct {
	Cases  int           `json:"cases"`
	Within time.Duration `json:"within"`
	Join   time.Duration `json:"join"` // the storm's case covers what comes for so long after its start
}

// Budget is what the cases of one Agent may cost. Month 0: as much as they like.
type Budget struct {
	Month          Dollars `json:"month"`            // in a calendar month, UTC; critical cases go beyond it
	Case           Dollars `json:"case"`             // what one investigation is reckoned to cost
	Second         Dollars `json:"second,omitempty"` // what the Agent takes for a second of an investigation; 0: not known
	Bucket         int     `json:"bucket"`           // so many investigations can be saved up
	CriticalPerDay int     `json:"critical_per_day"` // so many critical ones a day, UTC, whatever has been spent
}

// Dollars are an amount of money, in millionths of a US dollar.
type Dollars int64

// String is the amount as people write it, to the cent.
func (d Dollars) String() string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	cents := (d + 5_000) / 10_000
	return fmt.Sprintf("%s$%d.%02d", sign, cents/100, cents%100)
}

// Mode is how much is done about alerts.
type Mode string

// The modes, the strictest first. The zero value is ModeFull.
const (
	ModeOff          Mode = "off"           // nothing is opened
	ModeObserve      Mode = "observe"       // decided and recorded as what would start; nothing is started
	ModeCriticalOnly Mode = "critical_only" // only critical alerts
	ModeFull         Mode = "full"
)

// Modes lists the modes, the strictest first.
func Modes() []Mode { return []Mode{ModeOff, ModeObserve, ModeCriticalOnly, ModeFull} }

// Choice is what happens to a kind of alert that most teams do not pay for.
type Choice string

// The choices.
const (
	DropIt  Choice = "drop"
	StartIt Choice = "start" // judged like Triggered
)

// DoubtChoice is what is done about a start that may or may not have reached the Agent.
type DoubtChoice string

// The choices.
const (
	RepeatIt DoubtChoice = "repeat" // sent again with the same id and timestamp, at most MaxRepeats times
	StopIt   DoubtChoice = "stop"   // never sent again by itself
)

// DefaultRules are the least that a policy can say: no holds, no groups, no limits but MaxRunning.
func DefaultRules() Rules {
	return Rules{
		Agent: "default", Mode: ModeFull, On: StartIt, OnWarn: DropIt, OnNoData: DropIt, OnTest: DropIt, InDoubt: RepeatIt,
		MaxAge: 6 * time.Hour, Window: 30 * time.Minute, Quiet: 30 * time.Hour, Estimate: 8 * time.Minute,
	}
}

// For makes Rules a Policy.
func (r Rules) For(alert.Alert) Rules { return r }

// Agents makes Rules a Policy.
func (r Rules) Agents() []string { return []string{r.Agent} }

// Pointers names the grouping keys, in their order.
func (r Rules) Pointers() []string {
	var names []string
	for _, k := range r.Keys {
		names = append(names, k.Name)
	}
	return names
}

// Ranks is how severe the policy takes the alert to be.
func (r Rules) Ranks(a alert.Alert) alert.Severity {
	if r.Severity == 0 {
		return a.Severity
	}
	return r.Severity
}

func (r Rules) slots() int {
	if r.Slots <= 0 || r.Slots > MaxRunning {
		return MaxRunning
	}
	return r.Slots
}

func critical(s alert.Severity) bool { return s >= alert.Critical }

// repeatAfter is how long a doubt rests before the start is sent again, by the number of doubts so far.
func repeatAfter(doubts int) time.Duration {
	steps := [...]time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute}
	return steps[min(max(doubts, 1), len(steps))-1]
}
