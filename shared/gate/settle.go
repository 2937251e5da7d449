package gate

import (
	"time"

	"github.com/alertbridge/alertbridge/shared/delivery"
)

// Settle writes what became of the call that cl claimed. c is the case as far as the caller knows it: as committed by
// its claim, or read again after a lost race. A Decision with an empty Change says that the case has gone on without
// this call, and nothing is left to do.
//
// The case must still be starting with the claim's attempt. Only "accepted" may also settle a doubt, whichever attempt
// raised it: it is evidence.
//
// A call that failed is counted on top of cl.Down, on condition that nobody has counted since. After a lost race the
// caller puts into it what it has read again.
func Settle(c Case, cl Claim, ans delivery.Answer, now time.Time) Decision {
	return posted(settle(c, cl, ans, now), cl.Tells)
}

func settle(c Case, cl Claim, ans delivery.Answer, now time.Time) Decision {
	s := settling{c: c, cl: cl, ans: ans, now: now}
	mine := c.State == Starting && c.Attempt == cl.Case.Attempt
	accepted := ans.Outcome() == delivery.Accepted
	switch {
	case accepted && (mine || c.State == InDoubt):
		return s.accepted()
	case !mine:
		return Decision{Case: c.ID}
	}
	switch ans.Outcome() {
	case delivery.NotDelivered:
		return s.notDelivered()
	case delivery.Shut:
		return s.shut()
	case delivery.Refused:
		return s.refused()
	}
	return s.inDoubt()
}

type settling struct {
	c   Case
	cl  Claim
	ans delivery.Answer
	now time.Time
}

func (s settling) accepted() Decision {
	c := s.c
	c.State, c.Until, c.Resting, c.Note = Started, s.cl.Until, false, ""
	if first := s.now.Add(FirstAsk); s.cl.Followed && first.Before(c.Until) {
		c.Until = first
	}
	acct := AccountWrite{Agent: c.Agent}
	if s.cl.Down != (Down{}) {
		acct.Down = &Down{}
	}
	return s.write(c, acct)
}

// notDelivered: nothing has left. A first attempt goes back to waiting; after a doubt it says nothing about the request
// that is in doubt.
func (s settling) notDelivered() Decision {
	until, acct := s.now, AccountWrite{}
	if s.ans.Reason != delivery.OutOfTime { // our own lack of time says nothing about the Agent
		acct = s.down(false)
		until = acct.Down.Until
	}
	if s.c.Doubts > 0 {
		return s.stays(until, acct)
	}
	return s.back(WhyAgentDown, until, acct)
}

// shut: the fault is the Agent's door or our key, not the alert's.
func (s settling) shut() Decision {
	shut := &Shut{Since: s.now, SecretVersion: s.ans.SecretVersion, Words: s.words()}
	if s.c.Doubts > 0 {
		return s.stays(s.now, AccountWrite{Shut: shut})
	}
	return s.back(WhyAgentShut, s.now, AccountWrite{Shut: shut})
}

// refused: sending it again would not help. After a doubt it speaks for the repeat only; the first request may be
// running, so the case stays in doubt and is not repeated any more.
func (s settling) refused() Decision {
	c := s.c
	if c.Doubts > 0 {
		dec := s.stays(s.now, AccountWrite{})
		dec.Change.Cases[0].Now.NoRepeat = true
		dec.Change.Cases[0].Now.Hand = Order{} // as below: a start by hand that was refused is not sent again by itself
		return dec
	}
	c.State, c.Until, c.Note, c.Hand = Refused, s.now, s.words(), Order{} // whoever asked for this start has the answer
	return s.write(c, AccountWrite{Drop: []string{c.ID}, Back: s.cl.Held.gives()})
}

func (s settling) inDoubt() Decision {
	c := s.c
	c.State, c.Doubts, c.Note = InDoubt, c.Doubts+1, s.words()
	c.NoRepeat = c.NoRepeat || s.cl.Once
	c.Until = s.now.Add(repeatAfter(c.Doubts))
	c.Hand = Order{} // it was for this one start: whether it is sent again is for the policy to say
	return s.write(c, s.down(true))
}

// stays keeps a case in doubt whose repeat has raised no doubt of its own: nothing has left, or the Agent has said what
// it thinks of it. Such a repeat does not count against MaxRepeats, so an Agent that is away for an hour does not use
// them up; it rests as long as before, or until the Agent can be called.
func (s settling) stays(until time.Time, acct AccountWrite) Decision {
	c := s.c
	c.State, c.Note = InDoubt, s.words()
	if c.Until = s.now.Add(repeatAfter(c.Doubts)); until.After(c.Until) {
		c.Until = until
	}
	return s.write(c, acct)
}

func (s settling) back(why Why, until time.Time, acct AccountWrite) Decision {
	c := s.c
	c.State, c.Why, c.Until, c.Note = Waiting, why, until, s.words()
	acct.Drop, acct.Back = []string{c.ID}, s.cl.Held.gives()
	return s.write(c, acct)
}

// down counts the call. Others may have failed since the account was read, and none of them must be forgotten.
func (s settling) down(inDoubt bool) AccountWrite {
	d := s.cl.Down.after(inDoubt, s.now, s.ans.RetryAfter, s.c.ID, s.cl.Case.Attempt)
	return AccountWrite{Down: &d, DownWas: &s.cl.Down}
}

func (s settling) words() string {
	if s.ans.Words == "" {
		return string(s.ans.Reason)
	}
	return string(s.ans.Reason) + ": " + s.ans.Words
}

func (s settling) write(now Case, acct AccountWrite) Decision {
	now.Version = s.c.Version + 1
	now = withStep(now, s.now)
	dec := Decision{Case: now.ID, Did: Settles, Change: Change{At: s.now, Cases: []CaseWrite{{Read: s.c, Now: now}}}}
	acct.Agent = now.Agent
	if acct.Drop != nil || acct.Down != nil || acct.Shut != nil {
		dec.Change.Account = &acct
	}
	return dec
}
