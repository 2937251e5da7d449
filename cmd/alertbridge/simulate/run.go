package simulate

import (
	"context"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/meanwhile"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/simulate/promises"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Result is what became of a world.
type Result struct {
	Seed     uint64
	Breaches []promises.Breach
	Alerts   int // that came into the queue
	Messages int // that a dispatcher was done with
	Events   int // of the Agents', that an outcome function was done with
	Heard    int // cases whose work was known to the end
	Unheard  int // and whose was not: events were lost, and nobody asked
	Faults   int // that met something
	Answers  int // that people got
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
	fairFrom time.Time // nothing goes wrong any more
	bridge   *virtual.Bridge
	weather  *meanwhile.Weather
	model    *promises.Model
	cover    Cover
	meddled  map[int]bool // invocations that met a fault
	excused  map[int]bool // and one that lets them fail
	recent   []blow
	longest  time.Duration          // for which a case may wait, of all alerts
	became   map[string][]gate.Task // by task, what the Agents' work has become
	alerts   int
	messages int
	answers  int // that a place has got
	onCall   func(virtual.Call)
	onTold   func(virtual.Told)
	onShown  func(virtual.Delivery)
	say      func(virtual.Committed) // nil: nobody wants to know
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
		World: w, fairFrom: w.Begins.Add(w.calm()), meddled: map[int]bool{}, excused: map[int]bool{}, became: map[string][]gate.Task{},
		model: promises.New(w.policy().For), cover: newCover(), weather: meanwhile.New(w.Begins, w.faults(), w.calm()),
	}
	p.onTold = p.told
	p.onCall, p.weather.OnMet, p.weather.OnMend = p.called, p.met, p.model.Mended
	o := virtual.Options{
		Policy: w.policy(), Begin: w.Begins, Seed: w.Seed,
		OnAlert: p.came, OnAnswer: p.answered, OnVerdict: p.verdict, OnCommit: p.committed, OnStart: p.reached, OnCall: func(c virtual.Call) { p.onCall(c) }, OnEnd: p.ended,
		Follow: meanwhile.Follow(w.Work), OnTold: func(t virtual.Told) { p.onTold(t) }, OnEvent: p.event,
	}
	p.weather.Options(&o)
	if w.isTold() {
		p.tells(&o)
	}
	var err error
	if p.bridge, err = virtual.New(o); err != nil {
		return nil, err
	}
	p.plan()
	if breakIt != nil {
		breakIt(p)
	}
	return p, nil
}

// breakIt makes a world break a promise, for tests.
var breakIt func(*player)

// plan puts everything on the agenda: of one time first what goes wrong, then what somebody does by hand, then what comes,
// whatever the order in which the world tells of it.
func (p *player) plan() {
	agents := p.policy().Agents()
	p.weather.Begin(p.bridge, agents)
	for _, o := range p.orders() {
		meanwhile.ByHand(p.bridge, p.Begins, agents, o, meanwhile.Watch{Asked: p.asked, Answered: p.obeyed})
	}
	for _, e := range p.deliveries() {
		p.bridge.Deliver(p.Begins.Add(e.At), e.Body)
	}
}

func (p *player) play() Result {
	p.bridge.Run(p.fairFrom)
	p.bridge.Run(p.bridge.Now().Add(p.longest + p.settles()))
	p.end()
	p.cover.tell(p.World)
	return Result{
		Seed: p.Seed, Breaches: p.model.Breaches(), Alerts: p.alerts, Messages: p.messages, Faults: p.weather.Met(), Cover: p.cover, Answers: p.answers,
		Events: p.bridge.Events(), Heard: p.model.Heard, Unheard: p.model.Unheard,
	}
}

func (p *player) end() {
	ctx, now := context.Background(), p.bridge.Now()
	l := p.bridge.Ledger()
	f := promises.Final{At: now, Accounts: map[string]gate.Account{}, Told: p.isTold()}
	_, _, f.DeadAfter = p.bridge.Queue().Counts()
	f.Look = func(a alert.Alert) gate.View {
		v, err := l.Look(ctx, ledger.Question{Delivery: a.Delivery, Incident: a.Incident, Agent: "default"}, now)
		if err != nil {
			return gate.View{}
		}
		return v
	}
	for _, name := range p.policy().Agents() {
		f.Bill = append(f.Bill, p.bill(name)...)
		if v, err := l.LookCase(ctx, "", name, now); err == nil {
			f.Accounts[name] = v.Account
		}
	}
	f.Posts = p.posts(ctx)
	p.model.Ended(f)
}

// met notes that a fault has met something.
func (p *player) met(f scenario.Fault, invocation int) {
	p.recent = append(p.recent, blow{f.Kind, p.bridge.Now()})
	if invocation == 0 {
		return
	}
	p.meddled[invocation] = true
	p.excused[invocation] = p.excused[invocation] || !slices.Contains([]Kind{
		scenario.Conflict, scenario.AnswerLost, scenario.Unanswered, scenario.AppliedLate,
	}, f.Kind)
}

// answers are what a call comes to, by how the Agent is.
var answers = map[scenario.AgentState]struct {
	outcome     delivery.Outcome
	left, taken bool
	rest        time.Duration
}{
	scenario.AgentUp:        {delivery.Accepted, true, true, 0},
	scenario.AgentSlow:      {delivery.Accepted, true, true, 0},
	scenario.AgentHanging:   {delivery.InDoubt, true, false, 0},
	scenario.AgentTaking:    {delivery.InDoubt, true, true, 0},
	scenario.AgentDown:      {delivery.NotDelivered, false, false, 0},
	scenario.AgentBusy:      {delivery.NotDelivered, true, false, 2 * time.Minute},
	scenario.AgentFailing:   {delivery.InDoubt, true, true, 0},
	scenario.AgentGibberish: {delivery.InDoubt, true, false, 0},
	scenario.AgentShut:      {delivery.Shut, true, false, 0},
	scenario.AgentRefusing:  {delivery.Refused, true, false, 0},

	scenario.AgentTakingBusy:     {delivery.NotDelivered, true, true, 2 * time.Minute},
	scenario.AgentTakingRefusing: {delivery.Refused, true, true, 0},
}

// called tells the model of a request, with what its call comes to by the weather.
func (p *player) called(c virtual.Call) {
	state := p.weather.AgentState(c.At)
	a := answers[state]
	p.model.Called(promises.Call{
		At: c.At, Invocation: c.Invocation, Case: c.Case, Timestamp: c.Timestamp, Priority: c.Priority,
		Left: a.left, Taken: a.taken, Outcome: a.outcome, Rest: a.rest,
		Lies: state == scenario.AgentTakingBusy || state == scenario.AgentTakingRefusing, Opened: p.bridge.Opened(c.Agent, c.Case),
	})
}

// reached: what the Agent finds wrong with a request is no weather.
func (p *player) reached(s virtual.Start) {
	switch s.Request.Verdict {
	case "investigation started", "duplicate", "scripted":
	default:
		p.model.Objected(s.Case, s.Request.Verdict, s.At)
	}
}

func (p *player) came(a alert.Alert) {
	p.alerts++
	if p.Policy == nil {
		p.longest = p.Settings.MaxAge
	} else {
		p.longest = max(p.longest, p.Policy.For(a).MaxAge)
	}
	p.model.Came(a)
}

// answered: what gets no 2xx, Datadog sends again, six times at most.
func (p *player) answered(a virtual.Answer) {
	garbled := string(a.Body) == scenario.Unreadable
	switch {
	case a.Status == 202 && !garbled || a.Status == 400 && garbled:
		p.model.Accepted(a.Delivery, a.At)
	case p.weather.Again(a): // there are not as many faults in a world that it could meet one each time
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
		At: c.At, Invocation: c.Invocation, Tick: c.Role == virtual.Scheduler, ByHand: c.Role == virtual.ByHand, Follows: c.Role == virtual.Follower, Alone: c.Alone,
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

// asked tells the model what somebody orders by hand.
func (p *player) asked(a meanwhile.Asked) {
	p.model.Ordered(promises.Order{
		At: p.bridge.Now(), Do: promises.Ordering(a.Do), Case: a.Case, Delivery: a.Delivery, Agent: a.Agent, By: a.By,
		Mode: a.Mode, Silence: a.Silence,
	})
}

// obeyed tells the model what came of it.
func (p *player) obeyed(err error) { p.model.Answered(err != nil, p.bridge.Now()) }

// ended asks the model what a tick has left, if nothing came in its way and it did not take long.
func (p *player) ended(e virtual.Ended) {
	if e.Role == virtual.Teller {
		p.model.HasTold(e.Invocation, e.At, e.Failed, e.Dead)
		return
	}
	if !e.Dead && !p.excused[e.Invocation] && e.At.Sub(e.Began) < 4*time.Second { // else there was no time to try again
		p.model.LostRaces(e.Invocation, e.At, e.Failed)
	}
	if e.Dead || p.meddled[e.Invocation] {
		return
	}
	p.model.Done(e.Invocation, e.At, e.Failed && e.Alone)
	if e.Alone && !e.Failed && e.At.Sub(e.Began) < 30*time.Second {
		p.model.Followed(e.Invocation, e.Event, e.At)
	}
	if e.Role != virtual.Scheduler || !e.Alone || e.At.Sub(e.Began) > 30*time.Second {
		return
	}
	p.model.Ticked(e.At, e.Began.Add(e.Skew), e.Commits == 0, p.policy().Agents())
}
