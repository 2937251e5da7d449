package gate

import (
	"maps"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/delivery"
)

// Due decides about a case that the tick found. r is what the policy says about the alert that opened it, for the account
// that the case belongs to. v must hold the case, its lead, its account, what is set by hand, and
// what is heard of the incidents that Asks names. A case that is not due after all gets a Decision with an empty Change.
func Due(v View, caseID string, r Rules, now time.Time) Decision {
	dec := dueNow(v, caseID, r, now)
	muted := dec.Did == Releases && due{View: v, c: v.Cases[caseID], r: r, now: now}.unwanted()
	return posted(dec, r.Tells && !muted) // nobody is told that what they have muted is left in doubt
}

func dueNow(v View, caseID string, r Rules, now time.Time) Decision {
	c, there := v.Cases[caseID]
	if !there {
		return Decision{Case: caseID}
	}
	d := due{View: v, c: c, r: r, now: now}
	switch c.State {
	case Waiting:
		return d.waiting()
	case Starting:
		return d.starting()
	case InDoubt:
		return d.inDoubt()
	case Started:
		return d.started()
	case Refused:
		return d.refused()
	}
	return Decision{Case: c.ID}
}

type due struct {
	View
	c   Case
	r   Rules
	now time.Time
}

func (d due) waiting() Decision {
	c := d.c
	switch {
	case c.Firing == 0: // left by a call that came back while everything had recovered
		return d.write(Ends, end(c, EndRecovered, notSpent(c, d.r), d.now), CaseFacts{Firing: NoneFires}, nil)
	case !d.young():
		return d.write(Ends, end(c, EndExpired, "", d.now), CaseFacts{Last: true}, nil)
	}
	if s := d.silenced(); s != nil && !d.byHand() {
		return d.write(Ends, end(c, EndSilenced, "silence "+s.ID+s.Order.String(), d.now), CaseFacts{Joined: true}, nil)
	}
	if note := d.closedByMode(); note != "" && !d.byHand() {
		return d.write(Ends, end(c, EndSilenced, note, d.now), CaseFacts{}, nil)
	}
	if why := d.Account.closed(d.now); why != "" && !c.Shadow {
		return d.waitsFor(why)
	}
	if d.held() {
		return Decision{Case: c.ID}
	}
	if d.observed() {
		c.StartAt = d.now // as if it had been started: its window counts from here
		return d.write(Ends, end(c, EndObserved, "", d.now), CaseFacts{Firing: SomeFire}, nil)
	}
	if m := d.affords(); !m.now() {
		return d.waitsUntil(WhyBudget, m.until)
	}
	if !d.Account.room(d.r, critical(c.Severity), d.now, c.ID) {
		return d.waitsFor(WhySlots)
	}
	return d.claim(Starts)
}

// byHand: somebody wants it started, whatever it would wait for.
func (d due) byHand() bool { return d.c.Hand != Order{} }

// closedByMode says which mode ends the case, set by hand or by a new policy since it was opened; "" when none does.
func (d due) closedByMode() string {
	mode, order := d.Hand.ModeFor(d.r, d.now)
	if mode != ModeOff && (mode != ModeCriticalOnly || critical(d.c.Severity)) {
		return ""
	}
	if order != nil {
		return "mode " + string(mode) + order.Order.String()
	}
	return "mode " + string(mode)
}

func (d due) held() bool {
	return (d.c.Why == WhyHold || d.c.Why == WhyStorm) && d.c.Until.After(d.now) && !d.byHand()
}

// observed: it would be started now, and is only looked at.
func (d due) observed() bool {
	return d.c.Shadow || d.observing() && !d.byHand()
}

func (d due) observing() bool {
	mode, _ := d.Hand.ModeFor(d.r, d.now)
	return mode == ModeObserve
}

// affords asks for the money of the start. What somebody starts by hand is paid for in any case.
func (d due) affords() money {
	if d.byHand() {
		return money{asked: d.now, until: d.now}
	}
	return d.Account.affords(d.r.Budget, critical(d.c.Severity), d.now)
}

// refused: somebody wants it started once more.
func (d due) refused() Decision {
	if !d.byHand() || d.c.Firing == 0 || d.Account.closed(d.now) != "" || !d.Account.room(d.r, critical(d.c.Severity), d.now, d.c.ID) {
		return Decision{Case: d.c.ID}
	}
	return d.claim(Starts)
}

// starting: the process that claimed it has not settled in time. What it did nobody knows.
func (d due) starting() Decision {
	if !d.now.After(d.c.Until) {
		return Decision{Case: d.c.ID}
	}
	c := d.c
	c.State, c.Doubts = InDoubt, c.Doubts+1
	c.NoRepeat = c.NoRepeat || d.r.InDoubt == StopIt
	c.Until = d.now.Add(repeatAfter(c.Doubts))
	c.Note = string(delivery.LeaseOver) + ": the process that was to call the Agent did not report back; it may or may not have called"
	c.Hand = Order{} // it was for this one start
	c.Version++
	return d.write(Doubts, withStep(c, d.now), CaseFacts{}, nil)
}

func (d due) inDoubt() Decision {
	c := d.c
	if d.r.Followed && !c.Resting && !c.gone() && d.young() && !d.byHand() {
		return d.asks() // what the Agent has of it comes before anything is sent again
	}
	own, held := d.Account.Running[c.ID]
	held = held && own.Until.After(d.now)
	if d.repeatable() {
		if c.Until.After(d.now) || d.Account.closed(d.now) != "" || !d.affords().now() ||
			!held && !d.Account.room(d.r, critical(c.Severity), d.now, c.ID) {
			return Decision{Case: c.ID}
		}
		return d.claim(Repeats)
	}
	if held || c.Resting {
		return Decision{Case: c.ID}
	}
	// Its estimated time is over: the slot goes to others. The case stays in doubt, for only a person, or the Agent's
	// own word, can say more about it.
	c.Resting = true
	c.Version++
	c = withStep(c, d.now)
	facts := CaseFacts{}
	switch {
	case c.Firing == 0: // what fires meanwhile lets it be repeated, or makes it a doubt that people are told of
		facts.Firing = NoneFires
	case d.mayRepeat(): // then it rests because its last word is old, which a new one changes, or because it is not wanted
		facts.Last = true
	}
	acct := d.drops()
	if d.r.Followed {
		acct = d.lets(&c)
	}
	return d.write(Releases, c, facts, acct)
}

func (d due) repeatable() bool {
	return d.mayRepeat() && d.c.Firing > 0 && d.young() && (d.byHand() || !d.unwanted())
}

// unwanted: a repeat can be paid for once more, so it needs what a start needs.
func (d due) unwanted() bool {
	return d.silenced() != nil || d.closedByMode() != "" || d.observing()
}

func (d due) mayRepeat() bool {
	return d.byHand() || d.r.InDoubt == RepeatIt && !d.c.NoRepeat && d.c.Doubts <= MaxRepeats
}

func (d due) started() Decision {
	if d.c.Until.After(d.now) {
		return Decision{Case: d.c.ID}
	}
	if !d.r.Followed {
		return d.write(Ends, end(d.c, EndAssumed, "", d.now), CaseFacts{}, d.drops())
	}
	l := learning{due: d, work: d.c.Work}
	if _, over := outcome(d.c.Work.Status()); over {
		return l.goesOn()
	}
	if d.now.Before(d.c.called().Add(MaxRun)) {
		return d.asks()
	}
	return l.givenUp()
}

// asks wants the Agent's API asked, once it is time.
func (d due) asks() Decision {
	dec := Decision{Case: d.c.ID}
	if d.c.Until.After(d.now) {
		return dec
	}
	from := d.c.StartAt
	if from.IsZero() || d.c.Attempt > 1 { // what was stopped and started by hand counts from that, and an earlier attempt may have arrived
		from = later(d.c.Opened, later(from, d.c.Called).Add(-askBack))
	}
	dec.Did, dec.Ask = AsksAgent, &Ask{Case: d.c.ID, Since: from.Add(-askBefore)}
	return dec
}

// askBack is how long before the latest start the Agent's tasks of earlier ones matter: what is older is over, and whoever
// starts it by hand wants a new one. All that was created since is read, and there is an end to how much that may be.
const askBack = 24 * time.Hour

// askBefore is by how much the Agent's clock may be behind ours when it notes a task's creation.
const askBefore = 5 * time.Minute

// drops takes away the case's reservation, whose time is over, and books what it is reckoned to have cost.
func (d due) drops() *AccountWrite {
	return &AccountWrite{Agent: d.c.Agent, Drop: []string{d.c.ID}, Spend: d.Account.Running[d.c.ID].books()}
}

// lets takes away the reservation of a followed case that is given up, and notes in the case what is booked for it.
func (d due) lets(c *Case) *AccountWrite {
	held := d.Account.Running[c.ID]
	acct := &AccountWrite{Agent: c.Agent, Drop: []string{c.ID}}
	if c.gone() { // nothing was taken, so nothing is paid
		acct.Back = held.gives()
		return acct
	}
	if acct.Spend = held.books(); acct.Spend != nil {
		c.Work.Booked += held.Money
		c.Work.Month = held.Month
	}
	return acct
}

func (d due) young() bool { return d.now.Sub(d.c.Last) <= d.r.MaxAge }

// waitsFor keeps the reason true that people are shown. It costs a write only when it changes.
func (d due) waitsFor(why Why) Decision {
	switch {
	case why == WhyAgentDown:
		return d.waitsUntil(why, d.Account.Down.Until)
	case d.c.Why == why:
		return d.waitsUntil(why, d.c.Until)
	}
	return d.waitsUntil(why, d.now)
}

func (d due) waitsUntil(why Why, until time.Time) Decision {
	if d.c.Why == why && d.c.Until.Equal(until) || d.held() {
		return Decision{Case: d.c.ID}
	}
	c := d.c
	explains := c.Why != why // another time for the same reason is no step of its own
	c.Why, c.Until = why, until
	c.Version++
	if explains {
		c = withStep(c, d.now)
	}
	return d.write(Explains, c, CaseFacts{}, nil)
}

// claim starts the case, or repeats a start in doubt. Somebody must still fire when it is committed.
func (d due) claim(did Did) Decision {
	c := claim(d.c, d.r.Followed, d.now)
	cl := claimOf(c, LeadOf(d.View, c), d.Account, d.r, d.now)
	cl.Beyond = d.affords().beyond
	dec := d.write(did, c, CaseFacts{Firing: SomeFire}, reserve(d.Account, cl, d.r, d.now))
	dec.Start = &cl
	return dec
}

func (d due) write(did Did, now Case, facts CaseFacts, acct *AccountWrite) Decision {
	return Decision{Case: now.ID, Did: did, Change: Change{
		At: d.now, Cases: []CaseWrite{{Read: d.c, Now: now, Facts: facts}}, Account: acct,
	}}
}

// Reopen opens an account that is shut, when the secret has another version than the one it was shut by.
func Reopen(a Account, secretVersion string, now time.Time) Decision {
	if a.Shut.Since.IsZero() || a.Shut.SecretVersion == secretVersion {
		return Decision{}
	}
	by := a.Shut.SecretVersion
	return Decision{Change: Change{At: now, Account: &AccountWrite{Agent: a.Agent, Shut: &Shut{}, OpenedBy: &by}}}
}

// Repair removes reservations that no case stands behind. With the commits above it never finds any; it mends edits by
// hand and cases that expired. Each removal is made only together with a condition on the case as it was read. v must
// hold the account and the cases that its reservations name, read after it: then a case that is not there has expired,
// for it was written in the commit that put its reservation.
func Repair(v View, now time.Time) []Decision {
	var out []Decision
	for _, id := range slices.Sorted(maps.Keys(v.Account.Running)) {
		c, there := v.Cases[id]
		if there && (c.State == Starting || c.State == Started || c.State == InDoubt) {
			continue
		}
		dec := Decision{Case: id, Change: Change{At: now, Account: &AccountWrite{Agent: v.Account.Agent, Drop: []string{id}}}}
		if there {
			dec.Change.Cases = []CaseWrite{{Read: c, Now: c}}
		}
		out = append(out, dec)
	}
	return out
}
