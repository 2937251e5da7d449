package gate

import (
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Numbers of following what became of a start.
const (
	// ConfirmWithin is the time in which the Agent's own event or API has to show a start. Seen: 13 to 65 seconds.
	ConfirmWithin = 10 * time.Minute
	// FirstAsk is when the API is asked about a start that nothing has confirmed yet.
	FirstAsk = 3 * time.Minute
	// AbsentAfter is how long after the last moment at which an attempt can have called the Agent its API would show the
	// task: what is absent then was never taken. It is three times the longest that was seen.
	AbsentAfter = 200 * time.Second
	// AskEvery is how often at most the API is asked about one case.
	AskEvery = 30 * time.Second
	// MaxRun is the time after which an investigation of which no end is heard counts as over.
	MaxRun = 2 * time.Hour
)

// Ask says what the Agent's API is to be asked: for the tasks that refer to Case, among those created after Since.
type Ask struct {
	Case  string
	Since time.Time
}

// News is what the Agent has said of a case, unasked or asked.
type News struct {
	Tasks []Task // those that refer to the case, in any order; others are overlooked
	// Asked says that the API was asked for all of them: there is no other.
	Asked bool
	// Failed says why the API, being asked, gave no answer; "" when it did, or was not asked.
	Failed string
}

// Learn takes in what the Agent has said of a case: it confirms a start and settles a doubt, ends the case with its
// investigation, and books what that has cost in place of what it was reckoned to cost. r is what the policy says about
// the alert that opened the case, for the account that it belongs to. v must hold the case and its account.
//
// A Decision with an empty Change says that nothing new was said, or nothing of this case. News of a case that was never
// sent are not its own.
func Learn(v View, caseID string, n News, r Rules, now time.Time) Decision {
	return posted(learn(v, caseID, n, r, now), r.Tells)
}

func learn(v View, caseID string, n News, r Rules, now time.Time) Decision {
	c, there := v.Cases[caseID]
	if !there || c.Attempt == 0 {
		return Decision{Case: caseID}
	}
	l := learning{due: due{View: v, c: c, r: r, now: now}, news: n, work: c.Work}
	for _, t := range n.Tasks {
		if t.Case == caseID && t.ID != "" {
			l.work = l.work.with(t)
		}
	}
	switch {
	case n.Failed != "" && len(l.work.Tasks) == len(c.Work.Tasks):
		return l.unanswered()
	case len(l.work.Tasks) == 0:
		if !n.Asked {
			return Decision{Case: caseID}
		}
		return l.absent()
	}
	switch c.State {
	case Waiting, Starting, InDoubt, Refused:
		return l.taken()
	case Started:
		return l.goesOn()
	}
	return l.after()
}

type learning struct {
	due
	news News
	work Work
}

// unanswered: nothing is known that was not known before. The next time it is asked later, and later.
func (l learning) unanswered() Decision {
	c := l.c
	c.Work.Asked++
	c.Until = l.now.Add(askAfter(c.Work.Asked))
	return l.asked(c, "the Agent's API gave no answer: "+l.news.Failed)
}

// absent: the Agent has no task of the case by now.
func (l learning) absent() Decision {
	c := l.c
	if c.Called.IsZero() { // claimed before its Agent was followed: from now on it is certain to be over
		c.Called = l.now
	}
	c.Work.Asked++
	c.Work.Absent = l.now
	c.Until = l.now.Add(askAfter(c.Work.Asked))
	if c.State == InDoubt && c.gone() {
		c.Until, c.Work.Asked = l.now, 0 // it can be repeated, as if it had not been sent
	}
	return l.asked(c, "the Agent has no task of it")
}

// asked writes that the API was asked in vain. Only what waits for its answer keeps that.
func (l learning) asked(c Case, words string) Decision {
	if c.State != Started && c.State != InDoubt || c.Resting {
		return Decision{Case: c.ID}
	}
	did, facts := Learns, CaseFacts{}
	if !c.Confirmed() && !c.Work.Missed && l.wanted(c) && !l.now.Before(c.called().Add(ConfirmWithin)) {
		c.Work.Missed = true
		did = Misses
		words = "not confirmed: " + words
		if c.State == InDoubt {
			facts = CaseFacts{Firing: SomeFire}
		}
	}
	c.Version++
	if l.c.Work.Asked == 0 || did == Misses || c.State == InDoubt && c.gone() {
		c = Noted(c, words, l.now) // each further one would only say it again
	}
	return l.write(did, c, facts, l.keeps(c))
}

// wanted tells whether somebody waits for the case to be confirmed: the Agent has accepted it; or it is in doubt and fires, and
// what the Agent has of it is not known, so that nothing is sent again.
func (l learning) wanted(c Case) bool { return c.State == Started || c.Firing > 0 && !c.gone() }

// taken: the Agent has it, whatever we thought.
func (l learning) taken() Decision {
	c := l.c
	c.Work = l.work
	c.Work.Asked, c.Work.Absent = 0, time.Time{}
	c.State, c.Why, c.Resting, c.Note, c.Hand = Started, "", false, "", Order{}
	c.Until = l.looksAgain(c)
	c.Version++
	c = Noted(c, "started: the Agent shows "+l.work.words(l.r, l.now), l.now)
	return l.write(Confirms, c, CaseFacts{}, l.isUp(c, l.takes(c)))
}

// takes is the reservation of what runs, as if it were started now where it has none: it was given back, or booked, when the
// start was taken for lost. What is booked already is not reserved once more.
func (l learning) takes(c Case) *AccountWrite {
	if _, there := l.Account.Running[c.ID]; there {
		return l.keeps(c)
	}
	if l.Account.places(l.now, c.ID) >= MaxRunning {
		return nil
	}
	cl := claimOf(c, alert.Alert{}, l.Account, l.r, l.now)
	if c.Work.Booked > 0 {
		cl.Held.Money, cl.Held.Month, cl.Held.Pace, cl.Held.Day = 0, c.Work.Month, 0, ""
	}
	cl.Held, _ = l.longer(c, cl.Held)
	return reserve(l.Account, cl, l.r, l.now)
}

// isUp clears the account's health where the Agent has made a task of the case after its rest: so it was up since the
// failure. When it failed is not kept; that was before the rest. A task that is older says nothing about now.
func (l learning) isUp(c Case, acct *AccountWrite) *AccountWrite {
	down := l.Account.Down
	if down.Until.IsZero() || !slices.ContainsFunc(c.Work.Tasks, func(t TaskWork) bool { return t.Created.After(down.Until) }) {
		return acct
	}
	if acct == nil {
		acct = &AccountWrite{Agent: c.Agent}
	}
	acct.Down, acct.DownWas = &Down{}, &down
	return acct
}

// goesOn: an investigation that was started is confirmed, runs, or is over.
func (l learning) goesOn() Decision {
	c := l.c
	c.Work = l.work
	c.Work.Asked, c.Work.Absent = 0, time.Time{}
	if how, over := outcome(c.Work.Status()); over {
		return l.over(c, how)
	}
	did := Learns
	if !l.c.Confirmed() {
		did = Confirms
	}
	news := c.Work.Status() != l.c.Work.Status() || did == Confirms
	if news || l.news.Asked {
		c.Until = l.looksAgain(c)
	}
	if decided(c) == decided(l.c) {
		return Decision{Case: c.ID}
	}
	c.Version++
	if news {
		c = Noted(c, "the Agent shows "+c.Work.words(l.r, l.now), l.now)
	}
	return l.write(did, c, CaseFacts{}, l.keeps(c))
}

// over ends the case with its investigation.
func (l learning) over(c Case, how How) Decision {
	acct := l.books(&c)
	c.Work.Missed = false
	return l.write(Ends, end(c, how, c.Work.words(l.r, l.now), l.now), CaseFacts{}, acct)
}

// givenUp ends a case of which no end was heard for as long as an investigation can last. What is known of its price is
// booked; of one that nothing has confirmed, what it was reckoned to cost, if the Agent may have it.
func (l learning) givenUp() Decision {
	c := l.c
	if c.Confirmed() {
		acct := l.books(&c)
		return l.write(Ends, end(c, EndAssumed, "its end was not heard of: "+c.Work.words(l.r, l.now), l.now), CaseFacts{}, acct)
	}
	acct := l.lets(&c)
	return l.write(Ends, end(c, EndAssumed, "the Agent never showed that it has it", l.now), CaseFacts{}, acct)
}

// after: the case has ended, and the Agent says more, or something else: a task that was taken up again, a mitigation, or
// the end of one that was taken to be over. It costs what it costs.
func (l learning) after() Decision {
	c := l.c
	c.Work = l.work
	if how, over := outcome(c.Work.Status()); over && c.HasStarted() {
		c.How = how
	}
	if decided(c) == decided(l.c) {
		return Decision{Case: c.ID}
	}
	if c.Work.stands() != l.c.Work.stands() || c.How != l.c.How {
		c = Noted(c, "the Agent shows "+c.Work.words(l.r, l.now), l.now)
	}
	var acct *AccountWrite
	if c.Work.Status().Over() && !c.Work.Mitigates() {
		acct = l.books(&c)
	}
	c.Version++
	return l.write(Learns, c, CaseFacts{}, acct)
}

// books counts what the investigation has cost, in place of what it was reckoned to cost, and frees its slot.
func (l learning) books(c *Case) *AccountWrite {
	acct := AccountWrite{Agent: c.Agent}
	held, there := l.Account.Running[c.ID]
	if there {
		acct.Drop = []string{c.ID}
	}
	if c.Work.Month == "" {
		if c.Work.Month = held.Month; c.Work.Month == "" {
			c.Work.Month = c.StartAt.UTC().Format(monthFormat)
		}
	}
	price := c.Work.Price(l.r.Budget, l.now)
	if more := price - c.Work.Booked; more != 0 {
		acct.Spend = map[string]Dollars{c.Work.Month: more}
	}
	c.Work.Booked = price
	if pace := held.unused(price, l.r.Budget); pace > 0 {
		acct.Back = &Back{Pace: pace}
	}
	if acct.Drop == nil && acct.Spend == nil {
		return nil
	}
	return &acct
}

// unused is what the refill gets back of a reservation that cost less than it was reckoned to cost. It was moved by what
// was reckoned at the start, once or, with a repeat, twice; what a long run is reckoned to cost since has not moved it.
func (r Reservation) unused(price Dollars, b Budget) time.Duration {
	paid := b.Case
	if r.Pace > b.pace() {
		paid = 2 * b.Case
	}
	if paid = min(paid, r.Money); paid <= 0 || price >= paid {
		return 0
	}
	return time.Duration(float64(r.Pace) * float64(paid-price) / float64(paid)).Truncate(time.Millisecond)
}

// keeps holds the slot of what runs until it is looked at again, and a little longer.
func (l learning) keeps(c Case) *AccountWrite {
	held, there := l.Account.Running[c.ID]
	if !there {
		return nil
	}
	held, longer := l.longer(c, held)
	if !longer {
		return nil
	}
	return &AccountWrite{Agent: c.Agent, Read: l.Account.Version, Put: map[string]Reservation{c.ID: held}}
}

// longer is the reservation of what runs until then, where it does not last so long.
func (l learning) longer(c Case, held Reservation) (Reservation, bool) {
	until := c.Until.Add(time.Minute)
	if !c.Confirmed() || c.Work.Status().Over() || !until.After(held.Until) {
		return held, false
	}
	held.Until = until
	if l.r.Budget.Month > 0 {
		held.Money = max(held.Money, c.Work.Price(l.r.Budget, until)-c.Work.Booked)
	}
	return held, true
}

// looksAgain is when the API is asked next about what runs, should no event come: when it is reckoned to be over, and
// then every few minutes. What is over already has only to be ended.
func (l learning) looksAgain(c Case) time.Time {
	if c.Work.Status().Over() {
		return l.now
	}
	if est := c.called().Add(l.r.Estimate); est.After(l.now.Add(AskEvery)) {
		return est
	}
	return l.now.Add(5 * time.Minute)
}

// Confirmed tells whether the Agent's own word shows that it has the case.
func (c Case) Confirmed() bool { return len(c.Work.Tasks) > 0 }

// called is when the latest attempt was claimed; of a case that was claimed before its Agent was followed, the first one.
func (c Case) called() time.Time {
	if c.Called.IsZero() {
		return c.StartAt
	}
	return c.Called
}

// gone tells whether the Agent certainly has nothing of the case: its API had no task when every attempt so far would
// have shown in it.
func (c Case) gone() bool {
	return !c.Work.Absent.IsZero() && !c.Called.IsZero() && !c.Work.Absent.Before(c.Called.Add(Lease+AbsentAfter))
}

// askAfter is how long the next question waits, by how often it was asked in vain.
func askAfter(times int) time.Duration {
	return min(AskEvery*time.Duration(max(times, 1)), 5*time.Minute)
}

// Outcomes are the ways in which an investigation ends by the Agent's own word.
func Outcomes() []How {
	return []How{EndCompleted, EndFailed, EndTimedOut, EndCancelled, EndLinked, EndSkipped}
}

// Told is how the case's investigation has ended by the Agent's own word; false as long as it has not told.
func (c Case) Told() (How, bool) {
	if c.State != Ended || !slices.Contains(Outcomes(), c.How) {
		return "", false
	}
	return c.How, true
}

func outcome(s Status) (How, bool) {
	switch s {
	case Completed:
		return EndCompleted, true
	case Failed:
		return EndFailed, true
	case TimedOut:
		return EndTimedOut, true
	case Cancelled:
		return EndCancelled, true
	case Linked:
		return EndLinked, true
	case Skipped:
		return EndSkipped, true
	}
	return "", false
}

// words say how the work stands, in one line for people.
func (w Work) words(r Rules, now time.Time) string {
	t := w.telling()
	parts := []string{"task " + t.ID + " " + string(t.Status)}
	if t.Status == Linked && t.Primary.Value != "" {
		parts = append(parts, "to task "+t.Primary.Value)
	}
	if ran := w.Ran(now); ran > 0 {
		text := "after " + ran.Round(time.Second).String()
		if price := w.Price(r.Budget, now); price > 0 {
			text += ", " + price.String()
		}
		parts = append(parts, text)
	}
	if p := w.Plan(); p != nil {
		parts = append(parts, "with a mitigation that is "+string(p.Plan.Status))
	}
	if t.Words != "" {
		parts = append(parts, "("+t.Words+")")
	}
	return strings.Join(parts, " ")
}
