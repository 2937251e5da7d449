// Package schedule is the tick: once a minute it asks the ledger what is due, and starts what fits, best first.
//
//	open a shut account if its secret is new → repair → ask for what is due → for each: read → gate → commit → (start)
//	                                                                 where the Agent knows more: ask its API → gate → commit
//	and when all that is done: tell what has happened; once an hour, ask how much of its month the account has used
//
// Trigger: an EventBridge schedule, every minute; it is the only timer there is. Output: cases moved on in the ledger,
// and calls to the Agent. Failure: a case that could not be moved is left for the next tick; a tick whose ledger does
// not answer ends with an error. Ticks may overlap or be missed: every commit is conditional on what the tick read.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// Numbers that belong together (docs/architecture.md, "Numbers").
const (
	// StopBefore is how long before its end a tick takes no new work: one start, from reading to settling, fits in it.
	StopBefore = 15 * time.Second
	// ReadTime is what reading one case may take.
	ReadTime = time.Second
	// AskTime is what asking may take in one tick, for all cases of all Agents together: they have one API, and one that
	// hangs must leave the tick the time for its starts.
	AskTime = 10 * time.Second
)

// Handler runs ticks. All fields are needed but those that say otherwise.
type Handler struct {
	Ledger  ledger.Ledger
	Starter *start.Starter
	Secrets map[string]Secrets // by the name of the Agent
	Work    Work               // nil where no Agent's work is followed
	Spaces  map[string]string  // the agent spaces of those whose work is followed, by the name of the Agent
	Usage   Usage              // nil where no Agent's work is followed
	Teller  Teller             // nil where nobody is told
	Policy  gate.Policy
	Now     func() time.Time
	Log     *slog.Logger
	Metrics *telemetry.Recorder

	usage usageAsked
}

// Secrets tells the version of an Agent's secret, read anew.
type Secrets interface {
	SecretVersion(ctx context.Context) (string, error)
}

// Work is the Agent's API, as far as a tick needs it.
type Work interface {
	// Find gives the tasks in an agent space that refer to any of these cases and were created after since, by case. What
	// it does not give is not there; with an error, a delivery.Fault, nothing is known.
	Find(ctx context.Context, space string, cases []string, since time.Time) (map[string][]gate.Task, error)
}

// Teller tells people what has happened.
type Teller interface {
	// Tell tells what is due of these Agents, whose accounts are as they were read in this tick. It bounds its own time. The
	// error is about the ledger.
	Tell(ctx context.Context, accounts []gate.Account) error
}

// Handle runs one tick. The event says nothing that matters.
func (h *Handler) Handle(ctx context.Context, _ struct{}) (struct{}, error) {
	t := tick{Handler: h, began: h.Now()}
	err := errors.Join(t.run(ctx), t.tell(ctx), t.readUsage(ctx))
	t.record(ctx, err)
	return struct{}{}, err
}

// tick is one run, with what it did.
type tick struct {
	*Handler
	began      time.Time
	agent      string // whose account and cases it looks at now
	accounts   []gate.Account
	spent      gate.Dollars
	unpaid     map[string]bool // by case of that Agent: waits for money
	asks       []gate.Ask      // what its API is to be asked
	asking     time.Duration   // what asking has taken so far
	shut       int             // accounts that were shut when the tick began
	opened     int             // and are open again
	repaired   int
	due        int  // cases that were looked at
	moved      int  // cases that were moved on
	starts     int  // calls to the Agent
	lost       int  // cases that somebody else moved first: left for the next tick
	unknown    int  // commits of unknown fate: left for the next tick
	unreadable int  // records that this build cannot read
	left       int  // cases that there was no time for
	done       bool // it came to its end, whatever single records made of it
	failed     int  // cases that could not be read or written
	noted      int
	trouble    error
}

// run looks after one Agent after the other. Only a store that fails ends it.
func (t *tick) run(ctx context.Context) error {
	for _, t.agent = range t.Policy.Agents() {
		t.unpaid = map[string]bool{}
		if err := t.account(ctx); err != nil {
			return err
		}
		ids, err := t.Ledger.Due(ctx, t.agent, t.Now())
		if err != nil {
			return fmt.Errorf("the tick could not ask the ledger what is due: %w", err)
		}
		t.cases(ctx, ids)
		t.recordMoney(ctx)
	}
	t.done = t.failed < maxFailed
	return t.trouble
}

// tell tells what has happened, when the tick is done with its cases: no start waits for that. What goes wrong is told, and
// is no failure of the tick's own work.
func (t *tick) tell(ctx context.Context) error {
	if t.Teller == nil || len(t.accounts) == 0 {
		return nil
	}
	if err := telemetry.Catch(func() error { return t.Teller.Tell(ctx, t.accounts) }); err != nil {
		return fmt.Errorf("the tick has not told all that has happened: %w", err)
	}
	return nil
}

// account opens an account whose secret has been mended, and gives back what no case stands behind. What goes wrong
// here is told, and does not keep the tick from its cases, as long as the ledger answers.
func (t *tick) account(ctx context.Context) error {
	v, err := t.Ledger.LookCase(ctx, "", t.agent, t.Now())
	var decisions []gate.Decision
	switch {
	case errors.Is(err, ledger.ErrUnreadable): // a case, then; the account itself is there
		t.unreadable++
		t.note(fmt.Errorf("the reservations of the account %q were not checked: %w", t.agent, err))
	case err != nil:
		return fmt.Errorf("the tick could not read the account %q: %w", t.agent, err)
	default:
		decisions = gate.Repair(v, t.Now())
	}
	t.spent = v.Account.Spent(t.Now())
	t.accounts = append(t.accounts, v.Account)
	if !v.Account.Shut.Since.IsZero() {
		t.shut++
		version, err := t.secretVersion(ctx)
		if err != nil {
			t.note(fmt.Errorf("the account %q is shut and the Agent's secret could not be read to open it: %w", t.agent, err))
		} else {
			decisions = append([]gate.Decision{gate.Reopen(v.Account, version, t.Now())}, decisions...)
		}
	}
	for _, d := range decisions {
		if !t.time(ctx) {
			break
		}
		switch _, err := t.Starter.Run(ctx, d); {
		case err != nil && !t.raced(err):
			return fmt.Errorf("the tick could not mend the account %q: %w", t.agent, err)
		case err == nil && d.Change.Account != nil && d.Change.Account.Shut != nil:
			t.opened++
		case err == nil && !d.Change.Empty():
			t.repaired++
		}
	}
	return nil
}

func (t *tick) secretVersion(ctx context.Context) (string, error) {
	s, there := t.Secrets[t.agent]
	if !there {
		return "", fmt.Errorf("this function knows no Agent called %q", t.agent)
	}
	return s.SecretVersion(ctx)
}

// cases moves on what is due: first what calls nobody and frees slots; then what the Agent's API knows more of; then the
// starts, best first. The ledger names
// doubts by the time of their repeat and waiting cases best first, so the doubts are held back and take their place
// among the waiting ones. A panic over one case is that case's failure, and keeps the tick from no other.
func (t *tick) cases(ctx context.Context, ids []string) {
	var repeats []gate.Case
	for i, id := range ids {
		if !t.goesOn(ctx) {
			t.left += len(ids) - i
			break
		}
		t.due++
		c, d, err := t.decide(ctx, id)
		if err == nil && c.State == gate.Waiting && t.askAgent(ctx) { // what it says may free the slot that the case waits for
			if !t.goesOn(ctx) {
				t.left += len(ids) - i
				break
			}
			c, d, err = t.decide(ctx, id)
		}
		switch {
		case err != nil || d.Change.Empty() && d.Ask == nil:
			continue
		case d.Ask != nil:
			t.asks = append(t.asks, *d.Ask)
			continue
		case d.Did == gate.Repeats:
			repeats = append(repeats, c)
			continue
		case d.Start != nil:
			var better []gate.Case
			learnt := t.askAgent(ctx)
			if better, repeats = divide(repeats, c); len(better) == 0 && !learnt {
				break
			}
			t.again(ctx, better)
			if !t.goesOn(ctx) {
				t.left++
				continue
			}
			if c, d, err = t.decide(ctx, id); err != nil || d.Change.Empty() { // they may have taken the room
				continue
			}
		}
		t.move(ctx, c.ID, d)
	}
	t.askAgent(ctx)
	better, _ := divide(repeats, gate.Case{})
	t.again(ctx, better)
}

// askAgent asks the Agent's API about the cases of which it knows more, all at once, and takes in what it says. It tells false
// when there was nothing to ask.
func (t *tick) askAgent(ctx context.Context) bool {
	asks := t.asks
	t.asks = nil
	if len(asks) == 0 {
		return false
	}
	var found map[string][]gate.Task
	err := telemetry.Catch(func() (err error) {
		found, err = t.find(ctx, asks)
		return err
	})
	news := gate.News{Asked: true}
	if err != nil {
		news.Failed = err.Error()
		start.CountFault(ctx, t.Metrics, err)
	}
	if _, panicked := errors.AsType[*telemetry.PanicError](err); panicked {
		t.note(fmt.Errorf("the API of the Agent %q could not be asked: %w", t.agent, err)) // no case tells where it was
	}
	for i, a := range asks {
		if !t.goesOn(ctx) {
			t.left += len(asks) - i
			break
		}
		news.Tasks = found[a.Case]
		if d, err := t.learn(ctx, a.Case, news); err == nil && !d.Change.Empty() {
			t.move(ctx, a.Case, d)
		}
	}
	return true
}

func (t *tick) find(ctx context.Context, asks []gate.Ask) (map[string][]gate.Task, error) {
	space, there := t.Spaces[t.agent]
	if !there || t.Work == nil {
		return nil, fmt.Errorf("this function knows no agent space of the Agent %q", t.agent)
	}
	left, began := AskTime-t.asking, t.Now()
	if left <= 0 {
		return nil, &delivery.APIError{
			Fault: delivery.APITimedOut, Call: "ListBacklogTasks", Words: "other questions took all the time that a tick has for asking; it is asked again later",
		}
	}
	defer func() { t.asking += t.Now().Sub(began) }()
	ctx, cancel := clock.WithTimeout(ctx, left)
	defer cancel()
	since, ids := asks[0].Since, []string{}
	for _, a := range asks {
		ids = append(ids, a.Case)
		if a.Since.Before(since) {
			since = a.Since
		}
	}
	return t.Work.Find(ctx, space, ids, since)
}

// learn reads the case anew, for it may have moved on while the API was asked.
func (t *tick) learn(ctx context.Context, id string, news gate.News) (gate.Decision, error) {
	read, cancel := clock.WithTimeout(ctx, ReadTime)
	defer cancel()
	var d gate.Decision
	err := telemetry.Catch(func() error {
		v, err := t.Ledger.LookCase(read, id, t.agent, t.Now())
		if err == nil {
			d = gate.Learn(v, id, news, start.RulesOf(t.Policy, v, v.Cases[id], t.agent), t.Now())
		}
		return err
	})
	if err != nil {
		t.fail(fmt.Errorf("the tick could not read case %s: %w", id, err))
	}
	return d, err
}

// divide takes those out of list, best first, that come before a case.
func divide(list []gate.Case, c gate.Case) (before, after []gate.Case) {
	for _, r := range list {
		if gate.CompareRank(r, c) < 0 {
			before = append(before, r)
		} else {
			after = append(after, r)
		}
	}
	slices.SortFunc(before, gate.CompareRank)
	return before, after
}

// again repeats starts in doubt, each read anew.
func (t *tick) again(ctx context.Context, list []gate.Case) {
	for i, c := range list {
		if !t.goesOn(ctx) {
			t.left += len(list) - i
			return
		}
		if _, d, err := t.decide(ctx, c.ID); err == nil && !d.Change.Empty() {
			t.move(ctx, c.ID, d)
		}
	}
}

// decide reads one case and asks the gate. What was read is of this moment, not of the tick's beginning: the lease
// counts from it.
func (t *tick) decide(ctx context.Context, id string) (gate.Case, gate.Decision, error) {
	read, cancel := clock.WithTimeout(ctx, ReadTime)
	defer cancel()
	var v gate.View
	var d gate.Decision
	err := telemetry.Catch(func() (err error) {
		if v, err = t.Ledger.LookCase(read, id, t.agent, t.Now()); err != nil {
			return err
		}
		r := start.RulesOf(t.Policy, v, v.Cases[id], t.agent)
		if v, err = ledger.Hear(read, t.Ledger, v, gate.Asks(v, id, r, t.Now()), t.Now()); err == nil {
			d = gate.Due(v, id, r, t.Now())
		}
		return err
	})
	if err != nil {
		t.fail(fmt.Errorf("the tick could not read case %s: %w", id, err))
		return gate.Case{}, gate.Decision{}, err
	}
	c := v.Cases[id]
	t.unpaid[id] = waitsForMoney(c, d)
	return c, d, nil
}

// waitsForMoney tells whether a case does, once the decision on it is in the ledger.
func waitsForMoney(c gate.Case, d gate.Decision) bool {
	if len(d.Change.Cases) > 0 {
		c = d.Change.Cases[0].Now
	}
	return c.State == gate.Waiting && c.Why == gate.WhyBudget
}

// move commits one decision and, where it claims a start, calls the Agent and settles.
func (t *tick) move(ctx context.Context, id string, d gate.Decision) {
	var span telemetry.Span
	if d.Start != nil {
		ctx, span = telemetry.StartDue(ctx, d.Start.Case.Trace, id)
	}
	var rep start.Report
	err := telemetry.Catch(func() (err error) {
		rep, err = t.Starter.Run(ctx, d)
		return err
	})
	span.End(err)
	switch {
	case err == nil:
	case t.raced(err):
		return
	default:
		t.fail(fmt.Errorf("the tick could not move case %s on (%s): %w", id, d.Did, err))
		return
	}
	t.moved++
	if rep.Called {
		t.starts++
	}
	t.recordCase(ctx, d, rep)
}

// raced: somebody else was first, or nobody knows. Either way the next tick looks again.
func (t *tick) raced(err error) bool {
	switch {
	case errors.Is(err, ledger.ErrConflict):
		t.lost++
	case errors.Is(err, ledger.ErrUnknown):
		t.unknown++
	default:
		return false
	}
	return true
}

// maxFailed cases whose reading or writing fails end the tick: then it is not the cases, but the store.
const maxFailed = 3

// fail notes that a case could not be dealt with. A record that this build cannot read speaks for itself alone.
func (t *tick) fail(err error) {
	if errors.Is(err, ledger.ErrUnreadable) {
		t.unreadable++
	} else {
		t.failed++
	}
	t.note(err)
}

// note keeps what the tick's error will say, a few of many.
func (t *tick) note(err error) {
	if t.noted++; t.noted <= 5 {
		t.trouble = errors.Join(t.trouble, err)
	}
}

// goesOn tells whether one more case can be taken up.
func (t *tick) goesOn(ctx context.Context) bool { return t.failed < maxFailed && t.time(ctx) }

// time tells whether there is still time for one more start.
func (t *tick) time(ctx context.Context) bool {
	end, bounded := ctx.Deadline()
	return !bounded || !t.Now().Add(StopBefore).After(end)
}
