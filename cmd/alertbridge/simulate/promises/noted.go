package promises

import (
	"slices"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// TellsPeople says that somebody is to be told what becomes of cases, so that whatever makes it happen notes it.
func (m *Model) TellsPeople() { m.people.tells = true }

// standing is how a case stands, as far as people are to be told of a change of it.
type standing struct {
	state   gate.State
	how     gate.How
	started bool // or has ended after it was
	openly  bool // it waits for what the policy did not mean it to wait for
	stuck   bool // and is critical, and only a person can change it
	left    bool // in doubt, and nothing more is tried
	doubt   bool // and something of it fires
	missed  bool
	firing  int
}

func (m *Model) standing(k *kase) standing {
	person := k.why == gate.WhyBudget || k.why == gate.WhyAgentShut
	waits := k.state == gate.Waiting
	left := k.state == gate.InDoubt && (k.resting || k.noRepeat && !k.rules.Followed)
	return standing{
		state: k.state, how: k.how, started: k.started(), firing: len(k.firing), missed: k.missed,
		openly: waits && (person || k.why == gate.WhySlots || k.why == gate.WhyAgentDown),
		stuck:  waits && person && critical(k.rank),
		left:   left,
		doubt:  left && len(k.firing) > 0,
	}
}

// moment is the one that lies between two ways in which a case stands; "" for none. Of a confirmation that is missed, and of
// a plan, there may be word besides.
func (m *Model) moment(k *kase, was, is standing, c Commit) gate.Moment {
	over := is.state == gate.Ended && was.state != gate.Ended
	recovers := c.Change.Delivery != nil && c.Change.Delivery.Reason == gate.IsRecovery
	muted := c.Tick && is.left && k.resting && (m.muted(k, c.Change.At) || m.observed(k, c.Change.At))
	if d := c.Change.Delivery; d != nil { // what is silenced, or whose mode is off, joins nothing
		muted = m.mode(m.rules(m.alerts[d.ID]), c.Change.At) == gate.ModeObserve
	}
	switch {
	case is.state == gate.Started && was.state != gate.Started:
		return gate.WasStarted
	case is.state == gate.Refused && was.state != gate.Refused:
		return gate.WasRefused
	case is.openly && !was.openly:
		return gate.Waits
	case is.stuck && !was.stuck:
		return gate.IsHeld
	case over && is.started:
		return gate.HasEnded
	case over && (was.openly || k.attempt > 0):
		return gate.WasNot
	case was.state == gate.Ended && was.started && answers(is.how) > answers(was.how):
		return gate.EndedAgain
	case is.doubt && (!was.doubt || joins(c)) && !muted:
		return gate.IsDoubtful
	case recovers && (is.state == gate.Refused || is.left && was.left) && was.firing > 0 && is.firing == 0:
		return gate.HasRecovered
	}
	return ""
}

// joins tells whether a commit takes an alert that fires into a case that is there.
func joins(c Commit) bool { return c.Change.Delivery != nil && c.Change.Delivery.Verdict == gate.Join }

// noted judges what a commit notes for the telling: all that it makes happen, and nothing else. What
// an order by hand has to note is judged with the order.
func (m *Model) noted(c Commit) {
	for _, p := range c.Change.Posts {
		m.people.noted[p.ID] = true
		k := m.cases[p.ID]
		if k == nil {
			m.broken("told", "it is noted of %s, which is no case, that it is %s", p.ID, p.Moments)
			continue
		}
		for _, of := range p.Moments {
			if !m.past(k).met[of] && (c.Alone || of != gate.IsDoubtful) { // it may recover meanwhile: then nobody is told
				m.broken("told", "it is noted of %s that it is %s, and it never was", p.ID, of)
			}
		}
	}
	for _, w := range c.Change.Cases {
		k := m.cases[w.Now.ID]
		if k == nil {
			continue
		}
		p := m.past(k)
		was, is := p.stood, m.standing(k)
		p.stood = is
		if m.people.tells && !c.ByHand {
			m.notes(k, w, was, is, c)
		}
	}
}

func (m *Model) notes(k *kase, w gate.CaseWrite, was, is standing, c Commit) {
	var want []gate.Moment
	if of := m.moment(k, was, is, c); of != "" {
		want = append(want, of)
		p := m.past(k)
		p.doubt = p.doubt || of == gate.IsDoubtful && critical(k.rank) && m.mayFire(k)
	}
	if is.missed && !was.missed {
		want = append(want, gate.WasMissed)
	}
	var got []gate.Moment
	for _, p := range c.Change.Posts {
		if p.ID == k.id {
			got = slices.DeleteFunc(slices.Clone(p.Moments), func(of gate.Moment) bool { return of == gate.WasPlanned })
		}
	}
	if k.shadow {
		want = nil
	}
	if !c.Alone && was.left && w.Read.Firing > 0 && !joins(c) { // one that fired when it was left, or since, was told of then
		want = slices.DeleteFunc(want, func(of gate.Moment) bool { return of == gate.IsDoubtful })
	}
	if !c.Alone && is.firing == 0 { // it has recovered since it was read: nobody is told of the doubt, though it is noted
		got = slices.DeleteFunc(got, func(of gate.Moment) bool { return of == gate.IsDoubtful })
	}
	if !slices.Equal(want, got) {
		m.broken("told", "%s goes from %s to %s (%s%s), of which people are to be told %s, and noted is %s", k.id, was.state, is.state, k.why, k.how, want, got)
	}
}
