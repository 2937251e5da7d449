// Package meanwhile lets happen to a bridge in virtual time what a scenario tells of beside its alerts: what goes wrong,
// and what people do by hand. The player and the simulator have it in common, so that a world in which a promise was
// broken plays as the scenario that was written of it.
//
//	Weather: the faults of a scenario ─► virtual.Options: what becomes of a step, how the Agent meets a request, ticks, clocks
//	ByHand:  its orders ─► what the commands for them do
package meanwhile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// How long the Agent takes to answer, and how long one that is slow.
const (
	Latency = 500 * time.Millisecond
	Slow    = 4 * time.Second // with the longest pause besides it still answers before the call is given up
)

// Weather is everything that goes wrong in one bridge.
type Weather struct {
	// OnMet, unless nil, is told of each fault that meets something, as often as it does; the invocation is 0 where it
	// met none that has a number.
	OnMet func(f scenario.Fault, invocation int)
	// OnMend, unless nil, is told when the secret of an Agent gets a new version.
	OnMend func(agent string)

	begin  time.Time
	calm   time.Duration
	steps  []*fault // that wait for their step
	whiles []*fault // that go on for a while
	others []*fault
	met    int
	over   bool
	bridge *virtual.Bridge
	agents []string
	again  map[string]int // deliveries that were sent again, by their body
}

// fault is one fault with what is left of it.
type fault struct {
	scenario.Fault
	from, until time.Time
	skip        int // so many steps pass
	met         bool
}

// New makes the weather of a bridge that begins at a time, of faults in the order in which they begin. When calm has
// passed, nothing goes wrong any more, and the dead letters go back into the queue; 0: that never comes.
func New(begin time.Time, list []scenario.Fault, calm time.Duration) *Weather {
	w := &Weather{begin: begin, calm: calm, again: map[string]int{}}
	for _, f := range list {
		x := &fault{Fault: f, from: begin.Add(f.At), until: begin.Add(f.At + f.For), skip: f.Nth - 1}
		switch {
		case f.Step != "":
			w.steps = append(w.steps, x)
		case f.Kind == scenario.DeleteLost:
			w.others = append(w.others, x)
		default:
			w.whiles = append(w.whiles, x)
		}
	}
	return w
}

// Options puts the weather into the options of a bridge.
func (w *Weather) Options(o *virtual.Options) {
	o.Latency = Latency
	o.Agent, o.Ticks, o.Skew, o.Delay = w.agent, w.ticks, w.skew, w.delay
	o.Pick = w.pick
	if o.Follow != nil {
		o.API, o.Event = w.api, w.event
	}
	if len(w.steps) > 0 {
		o.Meddle = w.meddle
	}
}

// Begin lets the weather have the bridge that was made with its Options. agents are those of its policy.
func (w *Weather) Begin(b *virtual.Bridge, agents []string) {
	w.bridge, w.agents = b, agents
	if w.calm > 0 {
		b.At(w.begin.Add(w.calm), w.clear)
		b.Redrive(w.begin.Add(w.calm))
	}
	for _, f := range w.others {
		b.At(f.from, func() {
			b.Queue().LoseDeletes(1)
			w.meets(f, 0)
		})
	}
	for _, f := range w.whiles {
		if f.Kind == scenario.AgentIsShut {
			b.At(f.until, w.mend)
		}
	}
}

// clear ends everything that goes wrong: from now on the weather is good.
func (w *Weather) clear() {
	w.over = true
	w.bridge.Queue().LoseDeletes(0)
	w.mend()
}

// Met is how many of the faults have met something.
func (w *Weather) Met() int { return w.met }

// mend puts the Agents' keys into their secrets again, so that these have a new version.
func (w *Weather) mend() {
	for _, name := range w.agents {
		if w.OnMend != nil {
			w.OnMend(name)
		}
		s := w.bridge.Agent(name)
		s.Secrets().Set(s.Secret())
	}
}

func (w *Weather) meets(f *fault, invocation int) {
	if !f.met {
		f.met = true
		w.met++
	}
	if w.OnMet != nil {
		w.OnMet(f.Fault, invocation)
	}
}

// during is the fault that goes on at a time, of all that this is true of the one that began last; nil for none.
func (w *Weather) during(at time.Time, is func(*fault) bool) *fault {
	if w.over {
		return nil
	}
	for i := len(w.whiles) - 1; i >= 0; i-- {
		if f := w.whiles[i]; !at.Before(f.from) && at.Before(f.until) && is(f) {
			return f
		}
	}
	return nil
}

func of(kind scenario.Kind) func(*fault) bool {
	return func(f *fault) bool { return f.Kind == kind }
}

// behaviours are how an Agent meets a request.
var behaviours = map[scenario.AgentState]agenttest.Behaviour{
	scenario.AgentSlow:      agenttest.SlowAfterReading(Slow),
	scenario.AgentHanging:   agenttest.Hang,
	scenario.AgentTaking:    agenttest.Taken(agenttest.Hang),
	scenario.AgentDown:      agenttest.Unreachable,
	scenario.AgentBusy:      agenttest.Throttled("120"),
	scenario.AgentFailing:   agenttest.Taken(agenttest.Status(500, `{"message":"Internal server error"}`)),
	scenario.AgentGibberish: agenttest.Garbage,
	scenario.AgentShut:      agenttest.Status(403, `{"message":"Forbidden"}`),
	scenario.AgentRefusing:  agenttest.Errors("priority must be one of CRITICAL, HIGH"),

	scenario.AgentTakingBusy:     agenttest.Taken(agenttest.Throttled("120")),
	scenario.AgentTakingRefusing: agenttest.Taken(agenttest.Errors("priority must be one of CRITICAL, HIGH")),
}

// AgentState is how the Agent is at a time.
func (w *Weather) AgentState(at time.Time) scenario.AgentState {
	if f := w.agentFault(at); f != nil {
		return f.Kind.Agent()
	}
	return scenario.AgentUp
}

func (w *Weather) agentFault(at time.Time) *fault {
	return w.during(at, func(f *fault) bool { return f.Kind.Agent() != "" })
}

func (w *Weather) agent(_ string, at time.Time) agenttest.Behaviour {
	f := w.agentFault(at)
	if f == nil {
		return nil
	}
	w.meets(f, 0)
	return behaviours[f.Kind.Agent()]
}

func (w *Weather) ticks(at time.Time) int {
	if f := w.during(at, of(scenario.NoTicks)); f != nil {
		w.meets(f, 0)
		return 0
	}
	if f := w.during(at, of(scenario.TwoTicks)); f != nil {
		w.meets(f, 0)
		return 2
	}
	return 1
}

func (w *Weather) skew(role virtual.Role, at time.Time) time.Duration {
	f := w.during(at, func(f *fault) bool { return f.Kind == scenario.Skewed && string(f.In) == string(role) })
	if f == nil {
		return 0
	}
	w.meets(f, 0)
	return f.By
}

func (w *Weather) delay(at time.Time) time.Duration {
	f := w.during(at, of(scenario.Reordered))
	if f == nil {
		return 0
	}
	w.meets(f, 0)
	return time.Duration((at.UnixNano()/int64(time.Second)*7919+int64(w.met))%40) * time.Second
}

func (w *Weather) pick(n int) int {
	if w.bridge != nil && w.during(w.bridge.Now(), of(scenario.Reordered)) != nil {
		return n - 1
	}
	return 0
}

var (
	errTimeout   = fmt.Errorf("the ledger did not answer: %w", context.DeadlineExceeded)
	errThrottled = errors.New("the ledger is asked too often")
)

// meddle lets the faults of steps happen, each once.
func (w *Weather) meddle(s virtual.Step) virtual.Outcome {
	if w.over {
		return virtual.Outcome{}
	}
	for _, f := range w.steps {
		if f.met || s.At.Before(f.from) || string(f.In) != string(s.Role) || string(f.Step) != string(s.Op) {
			continue
		}
		if f.skip--; f.skip >= 0 {
			continue
		}
		w.meets(f, s.Invocation)
		return f.outcome()
	}
	return virtual.Outcome{}
}

func (f *fault) outcome() (o virtual.Outcome) {
	switch f.Kind {
	case scenario.CrashBefore:
		o.Crash = true
	case scenario.CrashAfter:
		o.CrashAfter = true
	case scenario.TimesOut:
		o.Wait, o.Err = time.Second, errTimeout
	case scenario.Conflict:
		o.Err = ledger.ErrConflict
	case scenario.Throttle:
		o.Err = errThrottled
	case scenario.AnswerLost:
		o.Err, o.Taken = ledger.ErrUnknown, true
	case scenario.Unanswered:
		o.Err = ledger.ErrUnknown
	case scenario.AppliedLate:
		o.Err, o.Late = ledger.ErrUnknown, f.By
	case scenario.SendLost:
		o.Err, o.Taken = errTimeout, true
	case scenario.Paused:
		o.Wait = f.By
	}
	return o
}

// Again delivers once more what was not answered, or with a 5xx, as Datadog does: after 20 seconds, six times at most. It
// tells whether it will.
func (w *Weather) Again(a virtual.Answer) bool {
	if a.Status != 0 && a.Status < 500 {
		return false
	}
	if w.again[string(a.Body)]++; w.again[string(a.Body)] > 6 {
		return false
	}
	w.bridge.Deliver(a.At.Add(20*time.Second), a.Body)
	return true
}
