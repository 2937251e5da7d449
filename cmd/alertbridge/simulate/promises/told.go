package promises

import (
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
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
	Incident   string // that it opens or closes there, and nothing where it only shows something
	Opens      bool
	Closes     bool
	Sure       bool // the answer came back that the place has it
}

// people is what the model knows of what people were told.
type people struct {
	shown  map[string][]Shown         // by place and ID
	events map[string]map[string]bool // by case: the IDs that are known to be shown of it
	ended  map[string]gate.How        // by case: how it had ended when that was told; what becomes of it later is told to nobody
	open   map[string]Shown           // by incident: the latest that was to open it
	struck map[int]bool               // invocations that could not note what they had told
}

func newPeople() people {
	return people{shown: map[string][]Shown{}, events: map[string]map[string]bool{}, ended: map[string]gate.How{}, open: map[string]Shown{}, struck: map[int]bool{}}
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
	if k := m.cases[s.Case]; k != nil && k.state == gate.Ended {
		m.people.ended[k.id] = k.how
	}
	switch {
	case s.Opens:
		m.people.open[s.Incident] = s
	case s.Closes:
		delete(m.people.open, s.Incident)
	case s.Case != "" && s.Incident == "" && s.Sure:
		if m.people.events[s.Case] == nil {
			m.people.events[s.Case] = map[string]bool{}
		}
		m.people.events[s.Case][s.ID] = true
		if n := len(m.people.events[s.Case]); n > mostEvents {
			m.broken("told", "%d things are told of %s", n, s.Case)
		}
	}
}

// leftOpen judges which incidents are open in the end: those of what nobody has looked into, and of Agents that are away.
// left are the posts of which something is still to be told.
func (m *Model) leftOpen(f Final) {
	for _, id := range f.Untold {
		m.broken("told", "there is still something to tell of %s", id)
	}
	for incident, s := range m.people.open {
		switch k := m.cases[s.Case]; {
		case k != nil && !m.troubles(k):
			m.broken("told", "people were woken for %s, it is %s (%s), and nobody has told them", k.id, k.state, k.how)
		case k == nil && s.Case != "":
			m.broken("told", "people were woken for %s, which is no case", s.Case)
		case k == nil:
			name, _, _ := strings.Cut(strings.TrimPrefix(incident, "agent:"), "@")
			if a := f.Accounts[name]; a.Shut.Since.IsZero() && a.Down.Until.IsZero() {
				m.broken("told", "people were woken because %s was away, it is back, and nobody has told them", name)
			}
		}
	}
}

// troubles tells whether nobody has looked into what a case is about, and it may go on. Of one that was refused, and whose
// incidents have all gone to other cases, nobody knows any more: what it has opened is to be closed by hand.
func (m *Model) troubles(k *kase) bool {
	switch k.state {
	case gate.Refused:
		for _, i := range m.incidents {
			if i.kase == k.id {
				return len(k.firing) > 0
			}
		}
		return true
	case gate.Ended:
		how, told := m.people.ended[k.id]
		if !told {
			how = k.how
		}
		switch how {
		case gate.EndFailed, gate.EndTimedOut, gate.EndCancelled, gate.EndExpired, gate.EndAssumed, gate.EndObserved:
			return true
		}
		return false
	}
	return true
}
