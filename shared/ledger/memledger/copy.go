package memledger

import (
	"maps"
	"slices"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// What is copied here shares nothing that can be changed with what it was copied from. A matcher's compiled expression
// is shared: nobody can change it; and so are the places of the policy's settings, one table for all alerts that nobody
// may. What is empty becomes nil, as it comes back from a table.

func list[E any](from []E) []E {
	if len(from) == 0 {
		return nil
	}
	return slices.Clone(from)
}

func table[K comparable, V any](from map[K]V) map[K]V {
	if len(from) == 0 {
		return nil
	}
	return maps.Clone(from)
}

func copyIncident(in gate.Incident) gate.Incident {
	in.Recent = list(in.Recent)
	return in
}

func copyCase(c gate.Case) gate.Case {
	c.Steps, c.Members, c.Services, c.Work = list(c.Steps), list(c.Members), list(c.Services), copyWork(c.Work)
	return c
}

func copyWork(w gate.Work) gate.Work {
	w.Absent = ledger.Moment(w.Absent)
	w.Tasks = list(w.Tasks)
	for i, t := range w.Tasks {
		w.Tasks[i].Marks = list(t.Marks)
	}
	return w
}

func copyAccount(a gate.Account) gate.Account {
	a.Running, a.Orgs = table(a.Running), list(a.Orgs)
	a.Money.Spent, a.Money.Critical = table(a.Money.Spent), table(a.Money.Critical)
	return a
}

func copyGroup(g gate.Group) gate.Group {
	g.Cycles = list(g.Cycles)
	return g
}

func copySurge(s gate.Surge) gate.Surge {
	s.Opened = list(s.Opened)
	return s
}

func copyHand(h gate.Hand) gate.Hand {
	h.Silences = list(h.Silences)
	for i := range h.Silences {
		h.Silences[i].Matchers = list(h.Silences[i].Matchers)
	}
	return h
}

func copySaw(s *gate.Saw) *gate.Saw {
	if s == nil {
		return nil
	}
	c := gate.Saw{Alert: copyAlert(s.Alert), View: copyView(s.View), Rules: s.Rules, Now: s.Now}
	c.Rules.Keys = list(s.Rules.Keys)
	return &c
}

// copyView leaves out what is never kept with a delivery.
func copyView(v gate.View) gate.View {
	cases := make(map[string]gate.Case, len(v.Cases))
	for id, c := range v.Cases {
		cases[id] = copyCase(c)
	}
	return gate.View{
		Incident: copyIncident(v.Incident), Pointers: table(v.Pointers), Cases: cases, Account: copyAccount(v.Account),
		Group: copyGroup(v.Group), Surge: copySurge(v.Surge), Hand: copyHand(v.Hand),
	}
}

func copyAlert(a alert.Alert) alert.Alert {
	a.Scope, a.Tags, a.Links = list(a.Scope), list(a.Tags), list(a.Links)
	a.Refs, a.Cut = list(a.Refs), list(a.Cut)
	return a
}
