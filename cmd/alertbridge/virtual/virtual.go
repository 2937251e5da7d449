// Package virtual is the whole bridge in virtual time: the handlers that Lambda runs, over a queue and a ledger in
// memory, with a stand-in for the Agent, and a clock that jumps from one event to the next. A month passes in seconds,
// and the same deliveries, changes and faults give the same history every time.
//
//	Deliver ─► intake ─► memqueue ─► dispatch ─► agent.Client ─► agenttest, in process
//	                                   memledger ◄┘ ▲
//	                            a tick every minute ► schedule
//
// With Options.Follow the Agents' work is followed: what they take opens a task of package apitest, whose events come back
// to follow.Handler, and which can be asked for. With Options.Place people are told, by tell.Teller.
//
// Only the edges are made here: when a delivery comes, when the queue gives a message out, when the tick comes, how the
// Agent behaves, and what goes wrong (Options.Meddle). Everything between is the code that is deployed.
//
// One thing happens at a time. An invocation is a coroutine that runs until it waits: for the Agent, for a pause, or
// because Meddle lets it; meanwhile others run. So every order of steps that functions beside each other can have is
// possible, and none is left to chance.
package virtual

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/alertbridge/alertbridge/functions/dispatcher/dispatch"
	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/functions/outcome/follow"
	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/queue/memqueue"
	"github.com/alertbridge/alertbridge/shared/start"
)

// Timeouts and limits of the functions, as in template.yaml.
const (
	ingestTime    = 10 * time.Second
	dispatchTime  = 30 * time.Second
	scheduleTime  = 60 * time.Second
	visibility    = 90 * time.Second
	maxReceives   = 40
	maxConcurrent = 10
)

// Options of a Bridge. Policy and Begin are needed; a nil function means that nothing special happens.
type Options struct {
	Policy gate.Policy
	Begin  time.Time
	Tick   time.Duration // between ticks, the first one comes as long after Begin; 0: a minute
	Seed   uint64        // of what the bridge itself leaves to chance

	// Agent is how an Agent meets a request at this time; nil, or a nil Behaviour: as it should. Latency is how long
	// its answer takes otherwise.
	Agent   func(name string, at time.Time) agenttest.Behaviour
	Latency time.Duration
	// Ticks is how many ticks come at this time, at once; nil: one.
	Ticks func(at time.Time) int
	// Skew is by how much the clock of an invocation that begins now is ahead; it may be negative.
	Skew func(role Role, at time.Time) time.Duration
	// Delay is how long the queue takes to give out a message that has come; nil: not at all.
	Delay func(at time.Time) time.Duration
	// Pick chooses among n visible messages, oldest first; nil: the oldest.
	Pick func(n int) int
	// Meddle is asked before every step of every invocation what becomes of it.
	Meddle func(Step) Outcome

	// Follow is how each investigation goes that an Agent opens; nil: nobody follows the Agents' work. The policy has to say
	// the same.
	Follow func(agent string, i apitest.Incident) apitest.Plan
	// API is how the Agents' API meets a question at this time, one about a single task or one for a list: how long it takes,
	// and what is wrong then, "" for nothing; nil: it answers at once.
	API func(at time.Time, single bool) (time.Duration, delivery.Fault)
	// Event is after how long an event of an Agent's comes, once for each time that it does; nil: once, at once.
	Event func(at time.Time) []time.Duration

	// Place is what becomes of an answer at a place where people look, by its name in package tell: whether it has it then, and
	// what it says; nil: nobody is told. The policy has to say the same. OnDelivery is told of what it has, and needed then.
	Place      func(target string, at time.Time) (got bool, says answer.Result)
	OnDelivery func(Delivery)

	// OnAlert is told of every alert that comes into the queue, OnCall of every request before it goes to an Agent.
	OnAlert func(alert.Alert)
	OnCall  func(Call)
	// OnCommit is told of everything that is committed, OnEnd of each invocation that is over.
	OnCommit func(Committed)
	OnEnd    func(Ended)
	// OnVerdict is told of each verdict when it is in the ledger, and of each message that turned out to be a duplicate;
	// OnCase of each change of a case's state, OnStart of each request that reaches an Agent, OnAnswer of what the front
	// door answers.
	OnVerdict func(Verdict)
	OnCase    func(Move)
	OnStart   func(Start)
	OnAnswer  func(Answer)
	// OnTold is told of what an invocation learns of a case from an event or from the API.
	OnTold func(Told)
	// OnEvent is told of every event of an Agent's when it comes about, whatever becomes of it: how the task stands, and the
	// case that it refers to.
	OnEvent func(gate.Task)

	Log slog.Handler // of all functions; nil: nowhere
}

// Committed is a change that is in the ledger now.
type Committed struct {
	At         time.Time
	Role       Role
	Invocation int
	Called     bool // the invocation has called an Agent before
	// Alone: nobody else has committed anything since the invocation read what this rests on.
	Alone  bool
	Change gate.Change
}

// Ended is an invocation that is over.
type Ended struct {
	At         time.Time
	Role       Role
	Invocation int
	Began      time.Time     // on the clock of all
	Skew       time.Duration // of its own
	Dead       bool          // it crashed, or its time was up
	Failed     bool          // its handler returned an error, or gave its message back
	Alone      bool          // nobody else has committed anything while it ran
	Commits    int           // of its own
	Event      gate.Task     // that it has taken in, with the case that it is about; of a Follower
}

// Verdict is what a message came to.
type Verdict struct {
	At      time.Time
	Alert   *alert.Alert // nil when it could not be read
	Record  gate.Delivery
	Verdict gate.Verdict // of this message: what comes again is a duplicate, whatever Record says
	Reason  gate.Reason
}

// Move is a case that goes from one state to another. From is "" for a case that is opened.
type Move struct {
	At       time.Time
	Role     Role // of the function that moved it
	From, To gate.State
	Did      gate.Did
	Case     gate.Case // as it is now
}

// Start is a request that reached an Agent, as it judged it.
type Start struct {
	At         time.Time
	Agent      string
	Case       string
	Invocation int
	Request    agenttest.Request
}

// Call is a request on its way to an Agent.
type Call struct {
	At         time.Time
	Agent      string
	Invocation int
	Case       string
	Timestamp  string // of the event, as it is sent
	Priority   string
}

// Answer is the front door's answer to a delivery; Status 0: none came.
type Answer struct {
	At       time.Time
	Body     []byte
	Status   int
	Delivery string // the id that it has got
}

// Bridge is a bridge in virtual time. It is not for use by several goroutines.
type Bridge struct {
	o       Options
	now     time.Time
	dice    *rand.Rand
	agenda  agenda
	idle    []*worker
	running *invocation
	begun   int // invocations
	working int // dispatchers
	onTick  func()
	onPoll  func()
	commits int

	queue  *memqueue.Queue
	ledger *memledger.Ledger
	watch  *watch
	agents map[string]*agenttest.Server
	alerts map[string]*alert.Alert // by delivery

	ingest   *intake.Handler
	dispatch *dispatch.Handler
	schedule *schedule.Handler
	outcome  *follow.Handler            // nil where nobody's work is followed
	work     map[string]*investigations // by the name of the Agent
	events   int                        // that were taken in, or given up
	teller   *tell.Teller               // nil where nobody is told
	posts    map[string]bool            // of which there is something to tell
	fate     *rand.Rand                 // the dice of the one who tells
}

// New makes a Bridge at Options.Begin. Close it.
func New(o Options) (*Bridge, error) {
	o.Tick = cmp.Or(o.Tick, time.Minute)
	if o.Log == nil {
		o.Log = slog.DiscardHandler
	}
	b := &Bridge{
		o: o, now: o.Begin, dice: rand.New(rand.NewPCG(o.Seed, 0)), ledger: memledger.New(),
		agents: map[string]*agenttest.Server{}, alerts: map[string]*alert.Alert{}, posts: map[string]bool{},
		fate: rand.New(rand.NewPCG(o.Seed, 1)),
	}
	b.onTick, b.onPoll = b.tick, b.poll // made once, for they are planned all the time
	b.watch = &watch{Ledger: b.ledger, b: b, open: map[string]bool{}, shut: map[string]bool{}}
	b.queue = memqueue.New(memqueue.Options{
		Now: b.Now, VisibilityTimeout: visibility, MaxReceiveCount: maxReceives, Pick: o.Pick,
	})
	log, clients, secrets := slog.New(o.Log), map[string]start.Agent{}, map[string]schedule.Secrets{}
	for _, name := range o.Policy.Agents() {
		client, err := b.reach(name)
		if err != nil {
			return nil, err
		}
		clients[name], secrets[name] = client, client
	}
	starter := &start.Starter{Ledger: b.watch, Agents: clients, Now: b.local}
	b.ingest = &intake.Handler{Queue: sender{b}, QueueName: "alerts", Tokens: tokens{}, Now: b.local, Log: log}
	b.dispatch = &dispatch.Handler{Ledger: b.watch, Starter: starter, Policy: o.Policy, Now: b.local, Log: log}
	b.schedule = &schedule.Handler{
		Ledger: b.watch, Starter: starter, Secrets: secrets, Policy: o.Policy, Now: b.local, Log: log,
	}
	if o.Follow != nil {
		b.followAll(log)
	}
	if o.Place != nil {
		b.tellAll(log)
	}
	b.At(b.now.Add(o.Tick), b.onTick)
	return b, nil
}

// Close ends every invocation that still waits. The Bridge can be read afterwards, and not run.
func (b *Bridge) Close() {
	for _, w := range b.agenda.workers() {
		w.job.dead = true
		w.stop()
	}
	for _, w := range b.idle {
		w.stop()
	}
	b.agenda, b.idle = agenda{}, nil
}

// Now is the time that it is.
func (b *Bridge) Now() time.Time { return b.now }

// Ledger is what the bridge remembers, for reading.
func (b *Bridge) Ledger() *memledger.Ledger { return b.ledger }

// Queue is the bridge's queue, for its dead letters and counts.
func (b *Bridge) Queue() *memqueue.Queue { return b.queue }

// Agent is the stand-in for an Agent by its name, nil for one that the policy does not name.
func (b *Bridge) Agent(name string) *agenttest.Server { return b.agents[name] }

// At lets f happen at a time; one that is over means now. What is planned for one time happens in the order in which it
// was planned.
func (b *Bridge) At(at time.Time, f func()) { b.agenda.add(later(at, b.now), f) }

// Deliver brings a body to the front door, with the right token.
func (b *Bridge) Deliver(at time.Time, body []byte) {
	b.At(at, func() {
		b.begin(Ingest, ingestTime, func(ctx context.Context, i *invocation) { b.receive(ctx, i, body) })
	})
}

// DeliverAlert puts an alert into the queue, as the front door would have done.
func (b *Bridge) DeliverAlert(at time.Time, a alert.Alert) {
	b.At(at, func() {
		env := queue.Envelope{Kind: queue.KindAlert, Delivery: a.Delivery, Received: b.now, Alert: &a}
		if err := b.put(context.Background(), env, nil); err != nil {
			panic("virtual: the queue does not take an alert that was made for it: " + err.Error())
		}
	})
}

// Redrive brings the dead letters back into the queue.
func (b *Bridge) Redrive(at time.Time) {
	b.At(at, func() {
		b.queue.Redrive()
		b.soon(b.now)
	})
}

// Do lets somebody do something by hand, with the bridge's own ledger: what he commits is watched like all else.
func (b *Bridge) Do(at time.Time, f func(context.Context, Ledger)) {
	b.At(at, func() { b.begin(ByHand, scheduleTime, func(ctx context.Context, _ *invocation) { f(ctx, b.watch) }) })
}

// Run lets everything happen that happens until then, and makes it that time.
func (b *Bridge) Run(until time.Time) {
	for b.agenda.next(until) {
		e := b.agenda.take()
		b.now = later(b.now, e.at)
		if e.worker != nil {
			b.resume(e.worker)
		} else {
			e.do()
		}
	}
	b.now = later(b.now, until)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
