package gate

import (
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

// Policy is what a team can set. The zero value is not usable; begin with DefaultPolicy.
type Policy struct {
	Agent    string        // the account that cases are opened for
	OnWarn   Choice        // Warn and Re-Warn
	OnNoData Choice        // No Data and Re-No Data
	OnTest   Choice        // test notifications
	InDoubt  DoubtChoice   // what a start in doubt is worth
	MaxAge   time.Duration // a case may start until then after the last notification that says it fires
	Window   time.Duration // the join window, counted from a case's start
	Quiet    time.Duration // an incident without a notification for so long is over
	Estimate time.Duration // how long an investigation is reckoned to run

	// Keys gives the grouping keys of an alert, each once and the narrowest first, Hold the time it is given to recover, and Slots the number of
	// investigations at a time. Unset, an alert is covered only by its own incident's case, nothing is held, and an
	// account is full at MaxRunning.
	Keys  func(alert.Alert) []string
	Hold  func(alert.Alert) time.Duration
	Slots int
}

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

// DefaultPolicy is right for a small team.
func DefaultPolicy() Policy {
	return Policy{
		Agent: "default", OnWarn: DropIt, OnNoData: DropIt, OnTest: DropIt, InDoubt: RepeatIt,
		MaxAge: 6 * time.Hour, Window: 30 * time.Minute, Quiet: 30 * time.Hour, Estimate: 8 * time.Minute,
	}
}

func (p Policy) keys(a alert.Alert) []string {
	if p.Keys == nil {
		return nil
	}
	return p.Keys(a)
}

func (p Policy) hold(a alert.Alert) time.Duration {
	if p.Hold == nil || critical(a.Severity) {
		return 0
	}
	return p.Hold(a)
}

func (p Policy) slots() int {
	if p.Slots <= 0 || p.Slots > MaxRunning {
		return MaxRunning
	}
	return p.Slots
}

func critical(s alert.Severity) bool { return s >= alert.Critical }

// repeatAfter is how long a doubt rests before the start is sent again, by the number of doubts so far.
func repeatAfter(doubts int) time.Duration {
	steps := [...]time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute}
	return steps[min(max(doubts, 1), len(steps))-1]
}
