// Package follow takes in what the Agent says of its work: each event of one of its tasks, to the case that it is about, be
// it of the investigation or of a mitigation that somebody has asked for.
//
//	event → ask the API to what the task refers → read the case → gate → commit → acknowledge
//
// Trigger: the OutcomeQueue, into which an EventBridge rule puts the Agent's events. Output: the case's investigation in the
// ledger, its slot freed and its price booked. Failure: an event that could not be taken in goes back to the queue, and in
// the end to the OutcomeDeadLetterQueue. Nothing is lost with one there: the tick asks the API about every case whose end
// it does not hear of. Events repeat and come in any order; the gate makes that harmless.
package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/batch"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// Numbers that belong together (docs/architecture.md, "Numbers").
const (
	// AskTime is what asking the API about one task may take.
	AskTime = 6 * time.Second
	// NeedTime is how much of its invocation an event needs at the worst. An event of a batch for which less is left goes
	// back unread.
	NeedTime = AskTime + start.DecideTime + start.CommitTime
)

// Handler takes events from the queue. All fields are needed.
type Handler struct {
	Ledger  ledger.Ledger
	Work    Work
	Agents  map[string]string // the name of the Agent by the id of its agent space
	Policy  gate.Policy
	Now     func() time.Time
	Log     *slog.Logger
	Metrics *telemetry.Recorder
}

// Work is the Agent's API, as far as an event needs it.
type Work interface {
	// Task gives a task as it stands now, with what it refers to. Its errors are delivery.Faults.
	Task(ctx context.Context, space, taskID string) (gate.Task, error)
}

// AgentsBySpace turns the agent spaces of Agents around.
func AgentsBySpace(spaces map[string]string) map[string]string {
	agents := make(map[string]string, len(spaces))
	for agent, space := range spaces {
		agents[space] = agent
	}
	return agents
}

// Handle takes in each event, as package batch says.
func (h *Handler) Handle(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
	return batch.Each(ctx, ev, NeedTime, h.Now, func(m events.SQSMessage) batch.Work {
		return &word{Handler: h, began: h.Now(), received: m.Attributes["ApproximateReceiveCount"]}
	})
}

// word is one event on its way to its case.
type word struct {
	*Handler
	began    time.Time
	received string // how often the queue has given it out, as the queue says it
	event    agent.Event
	task     gate.Task // as the API shows it
	agent    string
	skipped  Skipped
	rounds   int
	decision gate.Decision
}

// Skipped says why an event was acknowledged and is about no case of ours; "" when it is.
type Skipped string

// The reasons.
const (
	NotAWord     Skipped = "not_about_an_investigation" // another event of the same source
	UnknownSpace Skipped = "unknown_space"              // of an agent space that no Agent of the settings has
	TaskGone     Skipped = "task_gone"                  // the API has no such task any more
	NotOurs      Skipped = "not_ours"                   // the task refers to nothing that the ledger has
)

// Take reads the event, asks what it is about, and takes it in.
func (w *word) Take(ctx context.Context, m events.SQSMessage) error {
	var err error
	if w.event, err = agent.DecodeEvent([]byte(m.Body)); err != nil {
		return fmt.Errorf("message %s: %w", m.MessageId, err)
	}
	if w.event.Kind == agent.Other {
		w.skipped = NotAWord
		return nil
	}
	there := false
	if w.agent, there = w.Agents[w.event.Space]; !there {
		w.skipped = UnknownSpace
		return nil
	}
	switch w.task, err = w.asked(ctx); {
	case errors.Is(err, delivery.APIGone):
		w.skipped = TaskGone
		return nil
	case err != nil:
		start.CountFault(ctx, w.Metrics, err)
		return fmt.Errorf("it is not known what task %s of the Agent %q is about: %w", w.event.Task.ID, w.agent, err)
	case w.task.Case == "":
		w.skipped = NotOurs
		return nil
	}
	return w.run(ctx)
}

func (w *word) asked(ctx context.Context) (gate.Task, error) {
	ctx, cancel := clock.WithTimeout(ctx, AskTime)
	defer cancel()
	return w.Work.Task(ctx, w.event.Space, w.event.Task.ID)
}

// run reads the case, decides and commits. A lost race reads again: it is no failure.
func (w *word) run(ctx context.Context) error {
	deciding, cancel := clock.WithTimeout(ctx, start.DecideTime)
	defer cancel()
	for {
		w.rounds++
		v, err := w.look(deciding)
		if err != nil {
			return fmt.Errorf("the ledger could not be read for case %s: %w", w.task.Case, err)
		}
		c, there := v.Cases[w.task.Case]
		if !there {
			w.skipped = NotOurs
			return nil
		}
		w.decision = gate.Learn(v, c.ID, w.news(), start.RulesOf(w.Policy, v, c, c.Agent), w.Now())
		if w.decision.Change.Empty() {
			return nil
		}
		err = w.commit(ctx)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrUnknown):
			return fmt.Errorf("what was heard of case %s could not be written: %w", c.ID, err)
		}
		if clock.Sleep(deciding, clock.Jitter(deciding, longestPause)) != nil {
			return fmt.Errorf("what was heard of case %s is not written after %d rounds: %w", c.ID, w.rounds, err)
		}
	}
}

// longestPause is what an event pauses at most after a lost race.
const longestPause = 60 * time.Millisecond

// look reads the case with the account of its own Agent, should the space have another one by now.
func (w *word) look(ctx context.Context) (gate.View, error) {
	v, err := w.Ledger.LookCase(ctx, w.task.Case, w.agent, w.Now())
	if err != nil {
		return v, err
	}
	if c, there := v.Cases[w.task.Case]; there && c.Agent != w.agent {
		return w.Ledger.LookCase(ctx, c.ID, c.Agent, w.Now())
	}
	return v, nil
}

func (w *word) commit(ctx context.Context) error {
	ctx, cancel := clock.WithTimeout(ctx, start.CommitTime)
	defer cancel()
	return w.Ledger.Commit(ctx, w.decision.Change)
}

// news is what the event said then and what the API says now: the one knows since when the task ran and of what it speaks, the
// other what it refers to and was linked to.
func (w *word) news() gate.News {
	then := w.event.Task
	then.Case = w.task.Case
	return gate.News{Tasks: []gate.Task{then, w.task}}
}
