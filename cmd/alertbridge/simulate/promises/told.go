package promises

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// The places.
const (
	eventsPlace = "datadog"   // shows every answer
	pagerPlace  = "pagerduty" // wakes people
)

// mostEvents is how much is shown of one case where each answer stands by itself.
const mostEvents = 4

// Shown is an answer that a place where people look has got.
type Shown struct {
	At         time.Time
	Invocation int
	Place      string
	ID         string // of this telling
	Case       string // "" where it is about an Agent
	Moment     gate.Moment
	Incident   string // that it opens or closes there, and nothing where it only shows something
	Opens      bool
	Closes     bool
	Sure       bool // the answer came back that the place has it
}

// people is what the model knows of what people were told.
type people struct {
	tells  bool                      // there is somebody to be told
	shown  map[string][]Shown        // by place and ID
	events map[string]map[string]int // by case: the IDs that are known to be shown of it, with the invocation that did
	open   map[string]Shown          // by incident: the latest that was to open it
	struck map[int]bool              // invocations that could not note what they had told
	pasts  map[string]*past          // by case
	noted  map[string]bool           // the cases of which something was noted for the telling
}

func newPeople() people {
	return people{shown: map[string][]Shown{}, events: map[string]map[string]int{}, open: map[string]Shown{}, struck: map[int]bool{}, pasts: map[string]*past{}, noted: map[string]bool{}}
}

// Struck says that a telling invocation ended before its time, or could not write: what it has told it may not have noted.
func (m *Model) Struck(invocation int) { m.people.struck[invocation] = true }

// HasTold says that a telling invocation is over. One that failed without having been struck has lost what it was to tell.
func (m *Model) HasTold(invocation int, at time.Time, failed, dead bool) {
	m.now = at
	if dead {
		m.Struck(invocation)
	}
	if failed && !m.people.struck[invocation] {
		m.broken("told", "invocation %d could not tell, and nothing was in its way", invocation)
	}
}

// Shown judges what a place has got: nothing comes twice unless nobody can know that it was there, and not more of one case
// than people can bear.
func (m *Model) Shown(s Shown) {
	m.now = s.At
	key := s.Place + " " + s.ID
	for _, before := range m.people.shown[key] {
		if before.Sure && !m.people.struck[before.Invocation] {
			m.broken("told", "%s was told of %s at %s, and is told once more", s.Place, s.ID, clock(before.At))
		}
	}
	m.people.shown[key] = append(m.people.shown[key], s)
	if k := m.cases[s.Case]; k != nil {
		m.tellsOf(k, s)
	} else if s.Case != "" {
		m.broken("told", "%s was told of %s, which is no case", s.Place, s.Case)
	}
	switch {
	case s.Opens:
		m.people.open[s.Incident] = s
	case s.Closes:
		delete(m.people.open, s.Incident)
	case s.Case != "" && s.Place == eventsPlace && s.Sure:
		if m.people.events[s.Case] == nil {
			m.people.events[s.Case] = map[string]int{}
		}
		m.people.events[s.Case][s.ID] = s.Invocation
		n := 0
		for _, invocation := range m.people.events[s.Case] {
			if !m.people.struck[invocation] { // else it may have been shown without anybody's knowledge
				n++
			}
		}
		if n > mostEvents {
			m.broken("told", "%d things are told of %s", n, s.Case)
		}
	}
}

// leftOpen judges which incidents are open in the end: those of what nobody has looked into with success, and which fires, and
// of Agents that are away. So is what is left in the outbox: nothing is to be told, and something to be looked after.
func (m *Model) leftOpen(f Final) {
	for _, p := range f.Posts {
		m.leftOver(p)
	}
	for _, incident := range slices.Sorted(maps.Keys(m.people.open)) {
		s := m.people.open[incident]
		k := m.cases[s.Case]
		if k == nil {
			name, _, _ := strings.Cut(strings.TrimPrefix(incident, "agent:"), "@")
			if a := f.Accounts[name]; a.Shut.Since.IsZero() && a.Down.Until.IsZero() {
				m.broken("told", "people were woken because %s was away, it is back, and nobody has told them", name)
			}
			continue
		}
		switch {
		case !m.mayFire(k):
			m.broken("told", "people were woken for %s, it is %s (%s) and nothing of it fires, and nobody has told them", k.id, k.state, k.how)
		case m.well(k):
			m.broken("told", "people were woken for %s, it is %s (%s), and nobody has told them", k.id, k.state, k.how)
		}
	}
	if !f.Told {
		return
	}
	for _, k := range m.order {
		if p := m.people.pasts[k.id]; p != nil {
			m.wasTold(k, p)
		}
	}
}

// leftOver judges a post that is not over: everything is settled, and it is looked after because people were woken for what
// fires yet.
func (m *Model) leftOver(p gate.Post) {
	for _, h := range p.Happened {
		for _, place := range []string{eventsPlace, pagerPlace} {
			if !slices.ContainsFunc(p.Told, func(d gate.Told) bool { return d.Target == place && d.Moment == h.Moment }) {
				m.broken("told", "there is still something to tell of %s: that it is %s, at %s", p.ID, h.Moment, place)
				return
			}
		}
	}
	k := m.cases[p.ID]
	switch {
	case k == nil:
		m.broken("told", "there is something to tell of %s, which is no case", p.ID)
	case len(k.joined) >= gate.MaxMembers && !counts(k):
		m.broken("told", "%s is looked after, and is about more than it knows by name", k.id)
	case !m.mayFire(k):
		m.broken("told", "%s is looked after, and nothing of it fires", k.id)
	case !critical(k.rank): // of others nobody knows whether the pager has what was tried
		m.broken("told", "%s is looked after, and is %s, for which nobody is woken", k.id, k.rank)
	}
}

// mayFire tells whether anything fires that a case is about: what opened it and what joined it before it was started. Where
// more may have joined than it keeps by name, nobody knows, unless it counts.
func (m *Model) mayFire(k *kase) bool {
	if len(k.joined) >= gate.MaxMembers {
		return !counts(k) || len(k.firing) > 0
	}
	fires := func(key string) bool { i := m.incidents[key]; return i != nil && i.fires() }
	for key := range k.joined {
		if fires(key) {
			return true
		}
	}
	return fires(k.lead.Incident.String())
}

// counts: what fires of it is counted, whatever is known by name.
func counts(k *kase) bool { return k.state == gate.Refused || k.state == gate.InDoubt }

// well tells whether an investigation is on its way or has come to something, so that nobody has to be awake for the case.
func (m *Model) well(k *kase) bool {
	switch k.state {
	case gate.Started:
		return !k.missed
	case gate.Ended:
		return answers(k.how) > 0
	}
	return false
}

// answers is what an end is worth: 2, the cause was looked for to the end; 1, another investigation goes on; 0, there is nothing.
func answers(how gate.How) int {
	switch how {
	case gate.EndCompleted:
		return 2
	case gate.EndLinked:
		return 1
	}
	return 0
}
