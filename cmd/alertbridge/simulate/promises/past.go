package promises

import (
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// past is what has become of a case so far, as far as people are to be told of it.
type past struct {
	met   map[gate.Moment]bool
	stood standing  // after the last commit that wrote it
	how   gate.How  // it ended last
	since time.Time // nothing of it fires; zero: something may
	alarm bool      // somebody is to be woken: it is critical, was refused, and something of it fires
	doubt bool      // so it is with a doubt that is left for a person
}

func (m *Model) past(k *kase) *past {
	p := m.people.pasts[k.id]
	if p == nil {
		p = &past{met: map[gate.Moment]bool{}}
		m.people.pasts[k.id] = p
	}
	return p
}

// happens follows what a commit has made of cases, for what people may be told of them, and of what they must.
func (m *Model) happens(c Commit) {
	for _, w := range c.Change.Cases {
		if k := m.cases[w.Now.ID]; k != nil && !k.shadow {
			m.meets(k, m.past(k), w, c)
		}
	}
	m.noted(c)
	if c.Change.Incident == nil {
		return
	}
	for id, p := range m.people.pasts {
		switch k := m.cases[id]; {
		case m.mayFire(k):
			p.since = time.Time{}
		case p.since.IsZero():
			p.since, p.alarm, p.doubt = m.now, false, false
			p.met[gate.RecoverAgain] = p.met[gate.HasRecovered]
			p.met[gate.HasRecovered] = true
		}
	}
}

// meets notes what a case is now.
func (m *Model) meets(k *kase, p *past, w gate.CaseWrite, c Commit) {
	before := p.met[gate.WasRefused]
	meet := func(of gate.Moment, is bool) { p.met[of] = p.met[of] || is }
	stuck := k.why == gate.WhyBudget || k.why == gate.WhyAgentShut
	openly := stuck || k.why == gate.WhySlots || k.why == gate.WhyAgentDown
	left := k.state == gate.InDoubt && (k.resting || k.noRepeat && !k.rules.Followed)
	meet(gate.Waits, k.state == gate.Waiting && openly)
	meet(gate.IsHeld, k.state == gate.Waiting && stuck && critical(k.rank))
	meet(gate.IsDoubtful, left && len(k.firing) > 0)
	meet(gate.WasStarted, k.state == gate.Started)
	meet(gate.WasRefused, k.state == gate.Refused && !c.ByHand)
	meet(gate.WasMissed, k.missed)
	meet(gate.RecoverAgain, p.met[gate.HasRecovered] && len(k.firing) == 0)
	meet(gate.HasRecovered, len(k.firing) == 0)
	meet(gate.HasEnded, k.state == gate.Ended && k.started())
	meet(gate.WasNot, k.state == gate.Ended && !k.started() || k.state == gate.Refused && c.ByHand)
	meet(gate.WasPlanned, k.hasPlan())
	if k.state == gate.Ended {
		meet(gate.EndedAgain, p.how != "" && answers(k.how) > answers(p.how))
		p.how = k.how
	}
	// Each moment is told once: who starts by hand what was refused, and is refused again, looks after it.
	refused := k.state == gate.Refused && w.Read.State != gate.Refused && !before
	p.alarm = (p.alarm || refused && critical(k.rank) && m.mayFire(k)) && k.state == gate.Refused && len(k.firing) > 0 && !c.ByHand
	p.doubt = p.doubt && left && len(k.firing) > 0 && !c.ByHand
}

// hasPlan tells whether the Agent may have made a plan: work was completed of which it did not say that it investigates.
func (k *kase) hasPlan() bool {
	for _, words := range k.words {
		for w := range words {
			if w.status == gate.Completed && w.of != gate.Investigating {
				return true
			}
		}
	}
	return false
}

// late is how long after something it may be told as if it had not been: a telling reads, and then tells.
const late = time.Minute

// tellsOf judges what is told of a case: it has happened, and whoever is woken is woken for something that is critical and fires.
func (m *Model) tellsOf(k *kase, s Shown) {
	p := m.past(k)
	if !p.met[s.Moment] {
		m.broken("told", "%s is told that %s is %s, and it never was", s.Place, k.id, s.Moment)
	}
	if k.shadow {
		m.broken("told", "%s is told of %s, which is only observed", s.Place, k.id)
	}
	if !s.Opens {
		return
	}
	switch {
	case !critical(k.rank):
		m.broken("told", "people are woken for %s, which is %s", k.id, k.rank)
	case !p.since.IsZero() && s.At.Sub(p.since) > late && !m.people.struck[s.Invocation]:
		m.broken("told", "people are woken for %s, and nothing of it fires since %s", k.id, clock(p.since))
	case slices.Contains([]gate.Moment{gate.WasStarted, gate.WasNot, gate.HasRecovered, gate.RecoverAgain, gate.WasPlanned}, s.Moment):
		m.broken("told", "people are woken for %s because it is %s", k.id, s.Moment)
	}
}

// wasTold judges, when all is over, that what matters to the end has been told: how an investigation ended where all is shown,
// what it has come to at the pager, and that somebody was woken for what nobody looks into.
func (m *Model) wasTold(k *kase, p *past) {
	told := func(place string, of gate.Moment) bool {
		return slices.ContainsFunc(m.people.shown[place+" "+k.id+"/"+string(of)], func(s Shown) bool { return s.Sure })
	}
	_, open := m.people.open[k.id]
	switch {
	case k.shadow:
	case p.met[gate.HasEnded] && !told(eventsPlace, gate.HasEnded):
		m.broken("told", "the investigation of %s has ended (%s), and nobody was told", k.id, k.how)
	case k.state == gate.Ended && answers(k.how) > 0 && !told(pagerPlace, gate.HasEnded) && !told(pagerPlace, gate.EndedAgain):
		m.broken("told", "the investigation of %s has ended (%s), and the pager does not show it", k.id, k.how)
	case p.alarm && !open:
		m.broken("told", "%s is critical, was refused and fires, and nobody is awake", k.id)
	case p.doubt && !open && !told(pagerPlace, gate.IsDoubtful): // who heard of it, and that it had recovered, is not woken again
		m.broken("told", "%s is critical, is left in doubt and fires, and nobody was told", k.id)
	}
}
