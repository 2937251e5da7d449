package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/start"
)

// life is one message on its way from envelope to verdict.
type life struct {
	*Handler
	began    time.Time
	received string // how often the queue has given it out, as the queue says it
	env      queue.Envelope
	traceID  string
	trace    string // the carrier of its trace, for a start that comes later

	rounds    int // how often the ledger was read to decide
	conflicts int // commits that lost a race
	unknowns  int // commits of unknown fate
	decision  gate.Decision
	report    start.Report
}

// run reads, decides, commits and, where the decision claims a start, calls the Agent and settles.
//
// A lost race reads again: it is no failure. So does a commit of unknown fate: either the ledger has the delivery, and
// this message only acknowledges, or it has not, and this message decides anew. After start.DecideTime it gives up, and
// the message comes back.
func (l *life) run(ctx context.Context) (gate.Decision, start.Report, error) {
	deciding, cancel := clock.WithTimeout(ctx, start.DecideTime)
	defer cancel()
	for {
		l.rounds++
		d, err := l.decide(deciding)
		if err != nil {
			return gate.Decision{}, start.Report{}, fmt.Errorf("the ledger could not be read for delivery %s: %w", l.env.Delivery, err)
		}
		rep, err := l.Starter.Run(ctx, d)
		switch {
		case err == nil:
			return d, rep, nil
		case errors.Is(err, ledger.ErrConflict):
			l.conflicts++
		case errors.Is(err, ledger.ErrUnknown):
			l.unknowns++
		default:
			return d, rep, fmt.Errorf("the verdict %s (%s) on delivery %s could not be written: %w", d.Verdict, d.Reason, l.env.Delivery, err)
		}
		if !l.pause(deciding) {
			return d, rep, fmt.Errorf("delivery %s has no verdict after %d rounds: %w", l.env.Delivery, l.rounds, err)
		}
	}
}

// decide asks the ledger what it knows, and the gate what follows.
func (l *life) decide(ctx context.Context) (gate.Decision, error) {
	now := l.Now()
	if u := l.env.Unreadable; u != nil {
		v, err := l.Ledger.Look(ctx, ledger.Question{Delivery: l.env.Delivery, Agent: l.Policy.Agents()[0]}, now)
		if err != nil {
			return gate.Decision{}, err
		}
		rec := gate.Delivery{ID: l.env.Delivery, Time: l.env.Received, TraceID: l.traceID, Words: u.Reason + ": " + u.Words}
		if begins, _ := alert.Cut(u.Excerpt, excerpt); begins != "" {
			rec.Words += " It begins: " + begins
		}
		return gate.Reject(v, rec, now), nil
	}
	al := *l.env.Alert
	rules := l.Policy.For(al)
	q := ledger.Question{
		Delivery: al.Delivery, Incident: al.Incident, Pointers: rules.Pointers(), Agent: rules.Agent,
		Group: rules.Group, Surge: rules.Surge,
		Leads: rules.Ranks(al) >= alert.Critical, // only such a one can lift a case
	}
	v, err := l.Ledger.Look(ctx, q, now)
	if err != nil {
		return gate.Decision{}, err
	}
	return gate.Arrive(v, gate.Arrival{Alert: al, TraceID: l.traceID, Trace: l.trace}, rules, now), nil
}

// excerpt bounds what the ledger keeps of a body that could not be read, in characters.
const excerpt = 300

// pause waits before the next round, at random so that messages of one hot case do not meet again. The more rounds there
// were, the shorter: who has lost often shall win against those that have just come, or a storm of ten dispatchers would
// keep a start from a record that all of them write for seconds. It tells false when there is no time for another round.
func (l *life) pause(ctx context.Context) bool {
	longest := max(longestPause-time.Duration(l.rounds-1)*lessPause, shortestPause)
	return clock.Sleep(ctx, clock.Jitter(ctx, longest)) == nil
}

// What a message pauses at most after its first lost race, and how that falls with each further one. Measured with ten
// dispatchers that all open cases in one environment, 30 ms a round: a quarter of a second on average, as with pauses that
// grow; but a second at the worst and not three.
const (
	longestPause  = 60 * time.Millisecond
	lessPause     = 5 * time.Millisecond
	shortestPause = 10 * time.Millisecond
)
