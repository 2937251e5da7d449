// Package tell empties the outbox: what happened to cases, and to an Agent, is told where people look.
//
//	ask what is to be told → for each: read post and case → claim → say what matters yet, at each target → note what became of it
//
// Trigger: the tick, when it is done with its cases, so that nothing starts later because somebody is told. Output:
// answers at the targets, and in the ledger what became of each at each.
//
// What it promises:
//
//   - Nothing is lost. An answer stays in the outbox until the target has it, will not have it, or was away for
//     GiveUpAfter. A wrong key, or an answer of 202 that says nothing, is no reason to forget one.
//   - Nothing is told twice, by case and target. Only who has claimed the post tells, so that two ticks at once do not both.
//     What was told is noted with a condition; who loses that race adds what he has told. Between the telling and the note
//     a process can die, or the ledger fail, a target can keep its answer to itself, and something new of the case can make
//     the post due for another tick: then it is told once more, with the same ID. A recovery that comes again has another.
//   - What does not matter any more when it can be told is left out, and the post says so. Of one case a target that shows
//     every answer gets MaxEvents at most; the last is kept for its end.
//   - A target that is away is asked once in a tick, and not before the time that it named. It holds up no other target.
//     So it is with a route of the policy, where the fault is its key's: it holds up no other route. Nothing begins when
//     MaxTime is over, nor StopBefore the end of the invocation.
//   - What has woken somebody is resolved once nothing of it fires any more, whatever became of its case; and whoever was not
//     woken for a doubt, a failure or a missing confirmation, as nothing fired, is woken when something of the case does. A
//     post of which one or the other may come is looked after (watch.go). The incident of a case that was started and may be
//     about more than it knows by name is left for a person.
//   - An outage of the Agent of OutageAfter and more is told once, with its end.
//
// What the Agent has found is read when an investigation is told to have ended, and what it plans when a plan is told of.
// For what cannot be read yet the answer waits SummaryWait, and is told without it then.
package tell

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/setting"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// Numbers of the telling.
const (
	// MaxTime is the time in which the tellings of one tick begin. StopBefore is kept free of them at the end of the
	// invocation: one telling, from asking for what was found to noting, fits in it.
	MaxTime    = 20 * time.Second
	StopBefore = 15 * time.Second
	// ReadTime is what one reading of a post and its case may take, SummaryTime that of what the Agent has found.
	ReadTime    = 2 * time.Second
	SummaryTime = 4 * time.Second
	// SummaryWait is how long an end waits for what was found, and a plan for what it says.
	SummaryWait = 10 * time.Minute
	// StartedFor is how long a start matters once its investigation is over.
	StartedFor = 10 * time.Minute
	// GiveUpAfter is how long a target may be away before an answer to it is given up.
	GiveUpAfter = 24 * time.Hour
	// OutageAfter is how long the Agent is away before somebody is told.
	OutageAfter = 10 * time.Minute
	// MaxEvents is how often a target that shows every answer is told of one case.
	MaxEvents = 4
)

// Teller tells. All fields are needed but those that say otherwise. It is made once: it remembers until when a target wants
// to be left alone.
type Teller struct {
	Ledger    ledger.Ledger
	Outbox    ledger.Outbox
	Targets   []Target
	Summaries Summaries         // nil where no Agent's work is followed
	Spaces    map[string]string // the agent spaces of those whose work is followed, by the name of the Agent
	Page      setting.Page      // how the Agent's own page of an investigation is addressed; "" where nobody has said
	Policy    gate.Policy
	Now       func() time.Time
	Log       *slog.Logger
	Metrics   *telemetry.Recorder

	mu   sync.Mutex
	rest map[door]time.Time // not before
}

// door is what can be closed to us: a target as a whole, or the way of one route to it.
type door struct {
	target string
	part   bool   // of one route
	route  string // "" is the way of what has none
}

// The names of targets.
const (
	Events = "datadog"
	Pager  = "pagerduty"
)

// Target is one place where people look.
type Target struct {
	Name  string // in the ledger and in counters: it must not change, for what was told is known by it
	Place answer.Target
	Pager bool // takes only what does something to the pager
}

// Summaries is the Agent's API, as far as the telling needs it.
type Summaries interface {
	// Summary is what the Agent found in a run; record may be "" for the latest. Its errors are delivery.Faults.
	Summary(ctx context.Context, space, execution, record string) (string, error)
	// Plan is what the Agent plans in a task; execution and record may be "". Its errors are delivery.Faults.
	Plan(ctx context.Context, space, task, execution, record string) (string, error)
}

// Tell tells what is due of these Agents, whose accounts are as the tick has read them. The error is about the ledger
// alone; what could not be told is in the log and stays in the outbox.
func (t *Teller) Tell(ctx context.Context, accounts []gate.Account) error {
	r := &round{Teller: t, began: t.Now(), away: map[door]bool{}}
	var trouble error
	for _, a := range accounts {
		trouble = errors.Join(trouble, r.agent(ctx, a))
	}
	return trouble
}

// round is the telling of one tick.
type round struct {
	*Teller
	began  time.Time
	away   map[door]bool // not tried again in this tick
	silent bool          // the Agent's API is not asked again in this tick
	failed int           // posts that the ledger failed for
}

// maxFailed posts that cannot be read or written end the round: then it is not the posts, but the store.
const maxFailed = 3

// goesOn tells whether one more post can be taken up.
func (r *round) goesOn(ctx context.Context) bool {
	return r.failed < maxFailed && r.time(ctx) && !r.allAway()
}

// time tells whether there is time for one more telling.
func (r *round) time(ctx context.Context) bool {
	now := r.Now()
	end, bounded := ctx.Deadline()
	return now.Before(r.began.Add(MaxTime)) && (!bounded || !now.Add(StopBefore).After(end))
}

// allAway: there is nobody left to tell anything, whatever its route.
func (r *round) allAway() bool {
	return !slices.ContainsFunc(r.Targets, func(t Target) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		whole := door{target: t.Name}
		return !r.away[whole] && !r.rest[whole].After(r.Now())
	})
}

// isAway: it failed in this tick, or wants to be left alone, as a whole or for this route.
func (r *round) isAway(t Target, route string) bool {
	return r.away[door{target: t.Name}] || r.away[door{t.Name, true, route}] || r.restOf(t, route).After(r.Now())
}

func (r *round) restOf(t Target, route string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return latest(r.rest[door{target: t.Name}], r.rest[door{t.Name, true, route}])
}

func (r *round) leaveAlone(d door, until time.Time) {
	r.away[d] = true
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rest == nil {
		r.rest = map[door]time.Time{}
	}
	if until.After(r.rest[d]) {
		r.rest[d] = until
	}
}

// agent tells what is due of one Agent: first of itself, then of its cases, the longest due first.
func (r *round) agent(ctx context.Context, a gate.Account) error {
	read, cancel := clock.WithTimeout(ctx, ReadTime)
	ids, err := r.Outbox.Posts(read, a.Agent, r.Now())
	cancel()
	if err != nil {
		return fmt.Errorf("the outbox of the Agent %q could not be read: %w", a.Agent, err)
	}
	own := gate.AgentPost(a.Agent)
	var trouble error
	if well := health(a, r.Now()); well == isOut || slices.Contains(ids, own) {
		trouble = r.guarded(func() error { return r.outage(ctx, a, well) })
	}
	for _, id := range ids {
		if id == own {
			continue
		}
		if !r.goesOn(ctx) {
			break
		}
		if err := r.guarded(func() error { return r.ofCase(ctx, id) }); err != nil && r.failed <= maxFailed {
			trouble = errors.Join(trouble, fmt.Errorf("case %s could not be told of: %w", id, err))
		}
	}
	return trouble
}

// guarded counts what failed; a panic over one post keeps the round from no other.
func (r *round) guarded(f func() error) error {
	err := telemetry.Catch(f)
	var panicked *telemetry.PanicError // is about one post, and must not hide the others
	if err != nil && !errors.Is(err, ledger.ErrUnreadable) && !errors.As(err, &panicked) {
		r.failed++
	}
	return err
}

// ofCase tells what has happened to one case.
func (r *round) ofCase(ctx context.Context, id string) error {
	p, v, err := r.read(ctx, id)
	if err != nil || !r.isDue(p) {
		return err
	}
	c, there := v.Cases[id]
	t := &telling{round: r, post: p, c: c, there: there}
	if there {
		t.lead, t.rules = gate.LeadOf(v, c), start.RulesOf(r.Policy, v, c, p.Agent)
	}
	return t.tell(ctx)
}

// read reads a post and then its case, so that the case is at least as new as what has happened to it.
func (r *round) read(ctx context.Context, id string) (gate.Post, gate.View, error) {
	ctx, cancel := clock.WithTimeout(ctx, ReadTime)
	defer cancel()
	p, err := r.Outbox.Post(ctx, id, r.Now())
	if err != nil || !r.isDue(p) {
		return p, gate.View{}, err
	}
	v, err := r.Ledger.LookCase(ctx, id, p.Agent, r.Now())
	return p, v, err
}

// isDue tells whether there is something to tell of a post now. The index lags behind, and since it was asked another tick
// can have told all, or have claimed the post.
func (r *round) isDue(p gate.Post) bool { return p.Version > 0 && !p.Over && !p.Until.After(r.Now()) }
