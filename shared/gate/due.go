package gate

import (
	"maps"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/delivery"
)

// Due decides about a case that the tick found. v must hold the case, its lead and its account. A case that is not due
// after all gets a Decision with an empty Change.
func Due(v View, caseID string, p Rules, now time.Time) Decision {
	c, there := v.Cases[caseID]
	if !there {
		return Decision{Case: caseID}
	}
	d := due{View: v, c: c, p: p, now: now}
	switch c.State {
	case Waiting:
		return d.waiting()
	case Starting:
		return d.starting()
	case InDoubt:
		return d.inDoubt()
	case Started:
		return d.started()
	}
	return Decision{Case: c.ID}
}

type due struct {
	View
	c   Case
	p   Rules
	now time.Time
}

func (d due) waiting() Decision {
	c := d.c
	switch {
	case c.Firing == 0: // left by a call that came back while everything had recovered
		return d.write(Ends, end(c, EndRecovered, d.now), CaseFacts{Firing: NoneFires}, nil)
	case !d.young():
		return d.write(Ends, end(c, EndExpired, d.now), CaseFacts{Last: true}, nil)
	}
	if why := d.Account.closed(d.now); why != "" {
		return d.waitsFor(why)
	}
	if c.Until.After(d.now) && c.Why == WhyHold {
		return Decision{Case: c.ID}
	}
	if !d.Account.room(d.p, d.now, c.ID) {
		return d.waitsFor(WhySlots)
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
	c.Until = d.now.Add(repeatAfter(c.Doubts))
	c.Note = string(delivery.LeaseOver) + ": the process that was to call the Agent did not report back; it may or may not have called"
	c.Version++
	return d.write(Doubts, c, CaseFacts{}, nil)
}

func (d due) inDoubt() Decision {
	c := d.c
	own, held := d.Account.Running[c.ID]
	held = held && own.Until.After(d.now)
	if d.repeatable() {
		if c.Until.After(d.now) || d.Account.closed(d.now) != "" || !held && !d.Account.room(d.p, d.now, c.ID) {
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
	facts := CaseFacts{}
	if d.mayRepeat() { // then it rests only for want of something that fires, or of something young: neither may change
		facts = CaseFacts{Last: true}
		if c.Firing == 0 {
			facts = CaseFacts{Firing: NoneFires}
		}
	}
	return d.write(Releases, c, facts, &AccountWrite{Agent: c.Agent, Drop: []string{c.ID}})
}

func (d due) repeatable() bool { return d.mayRepeat() && d.c.Firing > 0 && d.young() }

func (d due) mayRepeat() bool {
	return d.p.InDoubt == RepeatIt && !d.c.NoRepeat && d.c.Doubts <= MaxRepeats
}

func (d due) started() Decision {
	if d.c.Until.After(d.now) {
		return Decision{Case: d.c.ID}
	}
	return d.write(Ends, end(d.c, EndAssumed, d.now), CaseFacts{}, &AccountWrite{Agent: d.c.Agent, Drop: []string{d.c.ID}})
}

func (d due) young() bool { return d.now.Sub(d.c.Last) <= d.p.MaxAge }

// waitsFor keeps the reason true that people are shown. It costs a write only when it changes.
func (d due) waitsFor(why Why) Decision {
	until := d.c.Until
	if why == WhyAgentDown {
		until = d.Account.Down.Until
	}
	if d.c.Why == why && d.c.Until.Equal(until) || d.c.Why == WhyHold && d.c.Until.After(d.now) {
		return Decision{Case: d.c.ID}
	}
	c := d.c
	c.Why, c.Until = why, until
	c.Version++
	return d.write(Explains, c, CaseFacts{}, nil)
}

// claim starts the case, or repeats a start in doubt. Somebody must still fire when it is committed.
func (d due) claim(did Did) Decision {
	c, until := claim(d.c, d.p, d.now), d.now.Add(d.p.Estimate)
	dec := d.write(did, c, CaseFacts{Firing: SomeFire}, reserve(d.Account, c, d.now, until))
	dec.Start = &Claim{Case: c, Lead: LeadOf(d.View, c), Until: until, Down: d.Account.Down}
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
