package scenario

import (
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Fault is something that goes wrong: at one step of one invocation of a function, or for a while. Which of the fields
// count follows from its Kind; the others are zero.
type Fault struct {
	At   time.Duration // from then on
	Kind Kind
	In   Function
	Step Step
	Nth  int           // it meets the n-th such step from At on, counted from 1
	By   time.Duration // how late, how long, or how far ahead; a clock may be behind, too
	For  time.Duration
}

// Kind is what goes wrong.
type Kind string

// What goes wrong at one step of one invocation.
const (
	CrashBefore Kind = "crash before"
	CrashAfter  Kind = "crash after"
	TimesOut    Kind = "time-out" // it is not done, and nobody answers
	Throttle    Kind = "throttle" // it is asked too often, and does nothing
	Paused      Kind = "paused"
	Conflict    Kind = "conflict"     // of a commit, with another one
	AnswerLost  Kind = "answer lost"  // of a commit that was applied
	Unanswered  Kind = "unknown"      // whether a commit was applied: it was not
	AppliedLate Kind = "applied late" // a commit whose answer was lost
	SendLost    Kind = "send lost"    // the queue has the message and says that it has not
	DeleteLost  Kind = "delete lost"  // a message comes again though it was done with
)

// What goes wrong for a while.
const (
	NoTicks   Kind = "no ticks"
	TwoTicks  Kind = "two ticks" // at once
	Skewed    Kind = "skewed"    // the clocks of a function
	Reordered Kind = "reordered" // messages come late and in any order
)

// What goes wrong for a while with the Agents' API and with their events, where their work is followed.
const (
	APIThrottled    Kind = "api throttled"
	APIDenied       Kind = "api denied"
	APISlow         Kind = "api slow" // it answers after four seconds
	APIDown         Kind = "api down"
	TaskGone        Kind = "task gone" // it knows no task by its id, and lists them all
	EventsLost      Kind = "events lost"
	EventsLate      Kind = "events late" // they come when it is over
	EventsTwice     Kind = "events twice"
	EventsReordered Kind = "events reordered"
)

// What goes wrong with the Agent for a while. A scenario says it by a state of the Agent.
const (
	AgentIsSlow   = Kind(ofAgent + AgentSlow)
	AgentHangs    = Kind(ofAgent + AgentHanging)
	AgentTakes    = Kind(ofAgent + AgentTaking)
	AgentIsDown   = Kind(ofAgent + AgentDown)
	AgentIsBusy   = Kind(ofAgent + AgentBusy)
	AgentFails    = Kind(ofAgent + AgentFailing)
	AgentBabbles  = Kind(ofAgent + AgentGibberish)
	AgentIsShut   = Kind(ofAgent + AgentShut)
	AgentRefuses  = Kind(ofAgent + AgentRefusing)
	AgentLiesBusy = Kind(ofAgent + AgentTakingBusy)
	AgentLies     = Kind(ofAgent + AgentTakingRefusing)
	ofAgent       = "agent "
	agentIsItself = Kind(ofAgent + AgentUp)
)

// Agent is the state of the Agent that the fault is; "" when it is about something else.
func (k Kind) Agent() AgentState {
	state, _ := strings.CutPrefix(string(k), ofAgent)
	if i := slices.Index(AgentStates(), AgentState(state)); i >= 0 && len(state) < len(k) {
		return AgentStates()[i]
	}
	return ""
}

// Kinds lists what can go wrong, the Agent's faults last.
func Kinds() []Kind {
	return slices.Concat(kindsOfFaults(), []Kind{
		AgentIsSlow, AgentHangs, AgentTakes, AgentIsDown, AgentIsBusy, AgentFails, AgentBabbles, AgentIsShut, AgentRefuses,
		AgentLiesBusy, AgentLies,
	})
}

// kindsOfFaults are those that stand in faults.
func kindsOfFaults() []Kind {
	return []Kind{
		CrashBefore, CrashAfter, TimesOut, Conflict, Throttle, AnswerLost, Unanswered, AppliedLate, SendLost, Paused, DeleteLost,
		NoTicks, TwoTicks, Skewed, Reordered,
		APIThrottled, APIDenied, APISlow, APIDown, TaskGone, EventsLost, EventsLate, EventsTwice, EventsReordered,
	}
}

// Followed tells whether the kind is about what only those have who follow the Agents' work.
func (k Kind) Followed() bool {
	return strings.HasPrefix(string(k), "api ") || strings.HasPrefix(string(k), "events ") || k == TaskGone
}

// Followed tells the same of a fault: by its kind, its function or its step.
func (f Fault) Followed() bool { return f.Kind.Followed() || f.In == Outcome || f.Step == Ask }

// Function is one of the bridge's functions.
type Function string

// The functions.
const (
	Ingest     Function = "ingest"
	Dispatcher Function = "dispatcher"
	Scheduler  Function = "scheduler"
	Outcome    Function = "outcome"
)

func functions() []Function { return []Function{Ingest, Dispatcher, Scheduler, Outcome} }

// Step is a step at which a function meets the world.
type Step string

// The steps.
const (
	Send     Step = "send"      // of ingest: a message to the queue
	Look     Step = "look"      // at what the ledger knows of an alert
	LookCase Step = "look_case" // at one case, or at an account
	Due      Step = "due"       // of scheduler: which cases are
	Commit   Step = "commit"
	Call     Step = "call" // the Agent
	Ask      Step = "ask"  // the Agent's API
)

func steps() []Step { return []Step{Send, Look, LookCase, Due, Commit, Call, Ask} }

// stepsOf are the steps of each function.
func stepsOf(f Function) []Step {
	switch f {
	case Ingest:
		return []Step{Send}
	case Dispatcher:
		return []Step{Look, LookCase, Commit, Call}
	case Outcome:
		return []Step{Ask, LookCase, Commit}
	}
	return []Step{LookCase, Due, Commit, Call, Ask}
}

// Takes are the names that a fault of the kind has in a scenario, besides at and fault. All but nth it must have.
func (k Kind) Takes() []string {
	switch k {
	case CrashBefore, CrashAfter, TimesOut, Throttle:
		return []string{"in", "step", "nth"}
	case Paused:
		return []string{"in", "step", "nth", "by"}
	case Conflict, AnswerLost, Unanswered:
		return []string{"in", "nth"}
	case AppliedLate:
		return []string{"in", "nth", "by"}
	case SendLost:
		return []string{"nth"}
	case DeleteLost:
		return nil
	case Skewed:
		return []string{"in", "by", "for"}
	}
	return []string{"for"}
}

// faultList reads the faults.
func (r *reader) faultList(n ast.Node, followed bool) []Fault {
	var all []Fault
	for _, e := range r.list(n) {
		f := r.fault(e)
		if f.Followed() && !followed {
			r.problem(e, "it can meet nothing, because nobody follows the Agents' work; say in investigations how that goes")
		}
		all = append(all, f)
	}
	return all
}

func (r *reader) fault(n ast.Node) Fault {
	f := r.mapping(n, "a fault", namesOfFault...)
	r.needed(f, "at")
	r.needed(f, "fault")
	x := Fault{
		At: r.duration(f.get("at"), "at"), Kind: choice(r, f.get("fault"), "fault", kindsOfFaults()),
		In: choice(r, f.get("in"), "in", functions()), Step: choice(r, f.get("step"), "step", steps()),
		Nth: r.number(f.get("nth"), "nth", 1, MaxNth), By: r.shift(f.get("by"), "by"), For: r.aboveZero(f.get("for"), "for"),
	}
	if x.Kind == "" {
		return x
	}
	takes := x.Kind.Takes()
	for _, name := range []string{"in", "step", "nth", "by", "for"} {
		has, must := f.get(name), slices.Contains(takes, name)
		switch {
		case has != nil && !must:
			r.problem(has, "the fault %q has no %s", x.Kind, name)
		case has == nil && must && name != "nth":
			r.problem(n, "the fault %q has no %q", x.Kind, name)
		}
	}
	if x.Nth == 0 && slices.Contains(takes, "nth") {
		x.Nth = 1
	}
	r.possible(f, &x)
	return x
}

// possible fills in what a kind is always about, and says which faults cannot be.
func (r *reader) possible(f fields, x *Fault) {
	switch x.Kind {
	case Conflict, AnswerLost, Unanswered, AppliedLate:
		x.Step = Commit
	case SendLost:
		x.In, x.Step = Ingest, Send
	}
	switch {
	case x.Step != "" && x.In != "" && !slices.Contains(stepsOf(x.In), x.Step):
		at := f.get("step")
		if at == nil {
			at = f.get("in")
		}
		r.problem(at, "%s has no step %q", x.In, x.Step)
	case x.By < 0 && x.Kind != Skewed:
		r.problem(f.get("by"), "by is below 0, and only a clock can be behind")
	case x.By > MaxBy || x.By < -MaxBy:
		r.problem(f.get("by"), "by is at most a minute, and is %s", kind(f.get("by")))
	}
}

// weather are the states of the Agent as faults: one that says for how long lasts so long, all others until the next of
// these. Where two are at the same time, the one that began last counts.
func weather(list []AgentChange, lasts time.Duration) []Fault {
	var all []Fault
	for i, c := range list {
		f := Fault{At: c.At, Kind: Kind(ofAgent + c.Is), For: c.For}
		if f.Kind == agentIsItself {
			continue
		}
		if f.For == 0 {
			f.For = max(0, lasts-c.At)
			if next := slices.IndexFunc(list[i+1:], func(c AgentChange) bool { return c.For == 0 }); next >= 0 {
				f.For = list[i+1+next].At - c.At
			}
		}
		all = append(all, f)
	}
	return all
}
