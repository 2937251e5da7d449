package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/simulate/promises"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/match"
)

// Result is what became of a world.
type Result struct {
	Seed     uint64
	Breaches []promises.Breach
	Alerts   int // that came into the queue
	Messages int // that a dispatcher was done with
	Faults   int // that met something
	Cover    Cover
}

// Run plays a world to its end: until all that was planned has happened, and then in good weather until nothing moves.
func Run(w World) (Result, error) {
	p, err := prepare(w)
	if err != nil {
		return Result{}, err
	}
	defer p.bridge.Close()
	return p.play(), nil
}

// player is a world that is being played.
type player struct {
	World
	bridge   *virtual.Bridge
	model    *promises.Model
	cover    Cover
	steps    []fault // that wait for their step
	whiles   []fault // that go on for a while
	struck   map[int]bool
	meddled  map[int]bool // invocations that met a fault
	excused  map[int]bool // and one that lets them fail
	recent   []blow
	again    map[string]int // deliveries that were sent again, by their body
	keys     map[string]alert.Incident
	alerts   int
	messages int
	onCall   func(virtual.Call)
	say      func(virtual.Committed) // nil: nobody wants to know
	over     bool                    // good weather from now on
}

// fault is one of the world's events that is a fault.
type fault struct {
	Event
	index int
	from  time.Time
	until time.Time
	skip  int
}

// blow is a fault that has met something lately.
type blow struct {
	kind Kind
	at   time.Time
}

// weather is how long a fault is reckoned to have to do with what happens after it, for the coverage.
const weather = 10 * time.Minute

func prepare(w World) (*player, error) {
	p := &player{
		World: w, struck: map[int]bool{}, meddled: map[int]bool{}, excused: map[int]bool{}, again: map[string]int{}, keys: map[string]alert.Incident{},
		model: promises.New(w.Settings.For), cover: newCover(),
	}
	p.onCall = p.called
	var err error
	p.bridge, err = virtual.New(virtual.Options{
		Policy: w.Settings, Begin: Begin, Seed: w.Seed, Latency: 300 * time.Millisecond,
		Agent: p.agent, Ticks: p.ticks, Skew: p.skew, Delay: p.delay, Pick: p.pick, Meddle: p.meddle,
		OnAlert: p.came, OnAnswer: p.answered, OnVerdict: p.verdict, OnCommit: p.committed, OnStart: p.reached, OnCall: func(c virtual.Call) { p.onCall(c) }, OnEnd: p.ended,
	})
	if err != nil {
		return nil, err
	}
	for i, e := range w.Events {
		p.plan(i, e)
	}
	if breakIt != nil {
		breakIt(p)
	}
	return p, nil
}

// breakIt makes a world break a promise, for tests.
var breakIt func(*player)

// garbled is a delivery that nobody can read.
const garbled = `{"schema":`

// plan puts an event where it belongs.
func (p *player) plan(i int, e Event) {
	at := Begin.Add(e.At)
	f := fault{Event: e, index: i, from: at, until: at.Add(e.For), skip: e.Skip}
	switch e.Kind {
	case Delivery:
		p.bridge.Deliver(at, e.Alert.body())
	case Garbled:
		p.bridge.Deliver(at, []byte(garbled))
	case SetMode, Silence, Promote, Stop, Retry:
		p.bridge.Do(at, func(ctx context.Context, l virtual.Ledger) { p.byHand(ctx, l, e) })
	case Redrive:
		p.bridge.Redrive(at)
	case DeleteLost:
		p.bridge.At(at, func() {
			p.bridge.Queue().LoseDeletes(1)
			p.strikes(f)
		})
	case AgentShut:
		p.whiles = append(p.whiles, f)
		p.bridge.At(f.until, p.mend)
	default:
		if e.Op != "" {
			p.steps = append(p.steps, f)
		} else {
			p.whiles = append(p.whiles, f)
		}
	}
}

// mend puts the Agents' keys into their secrets again, so that these have a new version.
func (p *player) mend() {
	for _, name := range p.Settings.Agents() {
		p.model.Mended(name)
		s := p.bridge.Agent(name)
		s.Secrets().Set(s.Secret())
	}
}

func (p *player) play() Result {
	last := Begin
	for i, e := range p.Events {
		if end := Begin.Add(e.At + e.For); end.After(last) && i >= 0 {
			last = end
		}
	}
	p.bridge.Run(last.Add(time.Minute))
	p.over = true
	p.bridge.Queue().LoseDeletes(0)
	p.mend()
	p.bridge.Redrive(p.bridge.Now())
	p.bridge.Run(p.bridge.Now().Add(p.Settings.MaxAge + 2*time.Hour))
	p.end()
	p.cover.tell(p.World)
	return Result{
		Seed: p.Seed, Breaches: p.model.Breaches(), Alerts: p.alerts, Messages: p.messages, Faults: len(p.struck), Cover: p.cover,
	}
}

func (p *player) end() {
	ctx, now := context.Background(), p.bridge.Now()
	l := p.bridge.Ledger()
	f := promises.Final{At: now, Accounts: map[string]gate.Account{}}
	_, _, f.DeadAfter = p.bridge.Queue().Counts()
	f.Look = func(a alert.Alert) gate.View {
		v, err := l.Look(ctx, ledger.Question{Delivery: a.Delivery, Incident: a.Incident, Agent: "default"}, now)
		if err != nil {
			return gate.View{}
		}
		return v
	}
	for _, name := range p.Settings.Agents() {
		if v, err := l.LookCase(ctx, "", name, now); err == nil {
			f.Accounts[name] = v.Account
		}
	}
	p.model.Ended(f)
}

// strikes notes that a fault has met something.
func (p *player) strikes(f fault) {
	p.struck[f.index] = true
	p.recent = append(p.recent, blow{f.Kind, p.bridge.Now()})
}

// during is the fault of these kinds that goes on now, for a role ("": any).
func (p *player) during(at time.Time, role string, kinds ...Kind) (fault, bool) {
	if p.over {
		return fault{}, false
	}
	for _, f := range p.whiles {
		for _, k := range kinds {
			if f.Kind == k && !at.Before(f.from) && at.Before(f.until) && (role == "" || f.Role == role) {
				return f, true
			}
		}
	}
	return fault{}, false
}

// agents are the faults of the Agent, with how it meets a request and what such a call comes to.
var agents = map[Kind]struct {
	behave  agenttest.Behaviour
	outcome delivery.Outcome
	left    bool
	taken   bool
	rest    time.Duration
}{
	AgentSlow:  {agenttest.SlowAfterReading(4 * time.Second), delivery.Accepted, true, true, 0},
	AgentHangs: {agenttest.Hang, delivery.InDoubt, true, false, 0},
	AgentTakes: {agenttest.Taken(agenttest.Hang), delivery.InDoubt, true, true, 0},
	AgentDown:  {agenttest.Unreachable, delivery.NotDelivered, false, false, 0},
	AgentBusy:  {agenttest.Throttled("120"), delivery.NotDelivered, true, false, 2 * time.Minute},
	AgentFails: {agenttest.Taken(agenttest.Status(500, `{"message":"Internal server error"}`)), delivery.InDoubt, true, true, 0},
	Gibberish:  {agenttest.Garbage, delivery.InDoubt, true, false, 0},
	AgentShut:  {agenttest.Status(403, `{"message":"Forbidden"}`), delivery.Shut, true, false, 0},
	Refuses:    {agenttest.Errors("priority must be one of CRITICAL, HIGH"), delivery.Refused, true, false, 0},
}

var agentKinds = []Kind{AgentSlow, AgentHangs, AgentTakes, AgentDown, AgentBusy, AgentFails, Gibberish, AgentShut, Refuses}

func (p *player) agent(_ string, at time.Time) agenttest.Behaviour {
	if f, bad := p.during(at, "", agentKinds...); bad {
		return agents[f.Kind].behave
	}
	return nil
}

// called tells the model of a request, with what its call comes to by the weather.
func (p *player) called(c virtual.Call) {
	call := promises.Call{
		At: c.At, Invocation: c.Invocation, Case: c.Case, Timestamp: c.Timestamp, Priority: c.Priority, Left: true, Taken: true, Outcome: delivery.Accepted,
	}
	if f, bad := p.during(c.At, "", agentKinds...); bad {
		how := agents[f.Kind]
		call.Left, call.Taken, call.Outcome, call.Rest = how.left, how.taken, how.outcome, how.rest
		p.strikes(f)
	}
	p.model.Called(call)
}

// reached: what the Agent finds wrong with a request is no weather.
func (p *player) reached(s virtual.Start) {
	switch s.Request.Verdict {
	case "investigation started", "duplicate", "scripted":
	default:
		p.model.Objected(s.Case, s.Request.Verdict, s.At)
	}
}

func (p *player) ticks(at time.Time) int {
	if f, bad := p.during(at, "", NoTicks); bad {
		p.strikes(f)
		return 0
	}
	if f, bad := p.during(at, "", TwoTicks); bad {
		p.strikes(f)
		return 2
	}
	return 1
}

func (p *player) skew(role virtual.Role, at time.Time) time.Duration {
	if f, bad := p.during(at, string(role), Skewed); bad {
		p.strikes(f)
		return f.Pause
	}
	return 0
}

func (p *player) delay(at time.Time) time.Duration {
	if f, bad := p.during(at, "", Reordered); bad {
		p.strikes(f)
		return time.Duration((at.UnixNano()/int64(time.Second)*7919+int64(len(p.struck)))%40) * time.Second
	}
	return 0
}

func (p *player) pick(n int) int {
	if _, bad := p.during(p.bridge.Now(), "", Reordered); bad {
		return n - 1
	}
	return 0
}

var errTimeout = fmt.Errorf("the ledger did not answer: %w", context.DeadlineExceeded)

var errThrottled = errors.New("the ledger is asked too often")

// meddle lets the step faults happen, each once.
func (p *player) meddle(s virtual.Step) (o virtual.Outcome) {
	if p.over {
		return o
	}
	for i := range p.steps {
		f := &p.steps[i]
		if p.struck[f.index] || s.At.Before(f.from) || f.Role != string(s.Role) || f.Op != string(s.Op) {
			continue
		}
		if f.skip--; f.skip >= 0 {
			continue
		}
		p.strikes(*f)
		p.meddled[s.Invocation] = true
		p.excused[s.Invocation] = p.excused[s.Invocation] || !slices.Contains([]Kind{Conflict, AnswerLost, Unknown, AppliedLate}, f.Kind)
		return outcome(*f)
	}
	return o
}

func outcome(f fault) (o virtual.Outcome) {
	switch f.Kind {
	case CrashBefore:
		o.Crash = true
	case CrashAfter:
		o.CrashAfter = true
	case TimesOut:
		o.Wait, o.Err = time.Second, errTimeout
	case Conflict:
		o.Err = ledger.ErrConflict
	case Throttle:
		o.Err = errThrottled
	case AnswerLost:
		o.Err, o.Taken = ledger.ErrUnknown, true
	case Unknown:
		o.Err = ledger.ErrUnknown
	case AppliedLate:
		o.Err, o.Late = ledger.ErrUnknown, f.Pause
	case SendLost:
		o.Err, o.Taken = errTimeout, true
	case Paused:
		o.Wait = f.Pause
	}
	return o
}

// byHand is what somebody does, on what he reads at that moment.
func (p *player) byHand(ctx context.Context, l virtual.Ledger, e Event) {
	now := p.bridge.Now()
	by := gate.Order{By: "ana", Reason: "simulated", At: now, Until: now.Add(e.For)}
	v, err := l.Look(ctx, ledger.Question{Agent: "default"}, now)
	if err != nil {
		return
	}
	switch e.Kind {
	case SetMode:
		_ = l.Commit(ctx, gate.SetMode(v.Hand, gate.ModeOrder{Mode: e.Mode, Order: by}, now))
	case Silence:
		name, value, _ := strings.Cut(e.Tag, "=")
		matcher, err := match.New(name, match.Is, value)
		if err != nil {
			panic("simulate: " + err.Error())
		}
		if c, err := gate.AddSilence(v.Hand, gate.Silence{Matchers: []match.Matcher{matcher}, Order: by}, true, now); err == nil {
			_ = l.Commit(ctx, c)
		}
	case Retry:
		if d := gate.Retry(v.Account, now); !d.Change.Empty() {
			_ = l.Commit(ctx, d.Change)
		}
	case Promote, Stop:
		by.Until = time.Time{}
		p.handCase(ctx, l, e, by)
	}
}

// handCase starts or stops a case that waits, was refused, rests in doubt, or was started.
func (p *player) handCase(ctx context.Context, l virtual.Ledger, e Event, by gate.Order) {
	now := p.bridge.Now()
	var found []gate.Case
	for _, b := range []gate.Bucket{gate.Declined, gate.Doubtful, gate.Queue, gate.Timed} {
		list, _, err := l.List(ctx, "default", b, 10, "", now)
		if err != nil {
			return
		}
		found = append(found, list...)
	}
	if len(found) == 0 {
		return
	}
	c := found[e.Skip%len(found)]
	if i := slices.IndexFunc(found, func(c gate.Case) bool { return c.State == gate.InDoubt }); e.Kind == Stop && e.Skip == 0 && i >= 0 {
		c = found[i]
	}
	v, err := l.LookCase(ctx, c.ID, c.Agent, now)
	if err != nil || c.Shadow {
		return
	}
	var d gate.Decision
	if e.Kind == Promote {
		d, err = gate.Promote(v, c.ID, by, now)
	} else {
		d, err = gate.Stop(v, c.ID, by, now)
	}
	if err == nil {
		_ = l.Commit(ctx, d.Change)
	}
}

func (p *player) came(a alert.Alert) {
	p.alerts++
	p.model.Came(a)
}

// answered: what gets no 2xx, Datadog sends again, six times at most.
func (p *player) answered(a virtual.Answer) {
	garbled := string(a.Body) == garbled
	switch {
	case a.Status == 202 && !garbled || a.Status == 400 && garbled:
		p.model.Accepted(a.Delivery, a.At)
	case a.Status >= 500 || a.Status == 0:
		if p.again[string(a.Body)]++; p.again[string(a.Body)] <= 6 {
			p.bridge.Deliver(a.At.Add(20*time.Second), a.Body)
		} else { // there are not as many faults in a world that it could meet
			p.model.Turned(a.Status, a.At)
		}
	default:
		p.model.Turned(a.Status, a.At)
	}
}

func (p *player) verdict(v virtual.Verdict) {
	p.messages++
	p.cover.Reasons[v.Reason]++
}

func (p *player) committed(c virtual.Committed) {
	if p.say != nil {
		p.say(c)
	}
	p.model.Committed(promises.Commit{
		At: c.At, Invocation: c.Invocation, Tick: c.Role == virtual.Scheduler, ByHand: c.Role == virtual.ByHand, Alone: c.Alone,
		Change: c.Change,
	})
	for len(p.recent) > 0 && c.At.Sub(p.recent[0].at) > weather {
		p.recent = p.recent[1:]
	}
	for _, w := range c.Change.Cases {
		if e, moves := edge(w); moves {
			p.cover.edge(e, p.recent)
		}
	}
}

// ended asks the model what a tick has left, if nothing came in its way and it did not take long.
func (p *player) ended(e virtual.Ended) {
	if !e.Dead && !p.excused[e.Invocation] && e.At.Sub(e.Began) < 4*time.Second { // else there was no time to try again
		p.model.LostRaces(e.Invocation, e.At, e.Failed)
	}
	if e.Dead || p.meddled[e.Invocation] {
		return
	}
	p.model.Done(e.Invocation, e.At, e.Failed && e.Alone)
	if e.Role != virtual.Scheduler || !e.Alone || e.At.Sub(e.Began) > 30*time.Second {
		return
	}
	p.model.Ticked(e.At, e.Began.Add(e.Skew), e.Commits == 0, p.Settings.Agents())
}
