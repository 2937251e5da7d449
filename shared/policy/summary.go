package policy

import (
	"cmp"
	"maps"
	"slices"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Summary is what a policy does, for people who check it.
type Summary struct {
	Routes   []RouteSummary
	Agents   []AgentSummary
	Warnings []Problem // what is allowed, and is probably not meant; sorted by place
}

// RouteSummary is one route.
type RouteSummary struct {
	Name  string
	Line  int
	Match string
	Says  []string // what it changes, as it is written
}

// AgentSummary is what one Agent that is chosen may spend.
type AgentSummary struct {
	Name           string
	Budget         gate.Budget
	Investigations int // that a month pays for; 0: without a limit
	Slots          int
	CriticalSlots  int
}

// Summary says what the policy does.
func (p *Policy) Summary() Summary {
	var s Summary
	for _, rt := range p.file.routes {
		s.Routes = append(s.Routes, RouteSummary{rt.name, rt.at.line, showList(rt.match), rt.says})
	}
	for _, name := range p.chosen() {
		a := p.file.accountOf(name)
		b := a.budget()
		s.Agents = append(s.Agents, AgentSummary{name, b, int(b.Month / b.Case), a.slots.v, a.criticalSlots.v})
	}
	s.Warnings = p.file.warnings(p.chosen())
	return s
}

// warnings say what is probably not meant.
func (f *file) warnings(chosen []string) []Problem {
	w := problems{slices.Clone(f.unmeant)}
	for _, name := range slices.Sorted(maps.Keys(f.agents)) {
		if !slices.Contains(chosen, name) {
			w.add(f.declared[name], "the agent %s is chosen by no route, nor by the root: it investigates nothing but what waits for it already", name)
		}
	}
	for _, name := range chosen {
		a := f.accountOf(name)
		if n := int(a.month.v / a.investigation()); a.month.v > 0 && n < a.bucket.v {
			w.add(later(a.month.at, a.price.at, a.expected.at, a.bucket.at), "the budget of %s pays for %d investigations a month, and %d could be saved up: a month's money can be gone in a day", name, n, a.bucket.v)
		}
	}
	started, allCritical := startsSomething(&f.root), f.root.allCritical()
	for i := range f.routes {
		rt := &f.routes[i]
		started, allCritical = started || startsSomething(&rt.settings), allCritical && rt.allCritical()
		if len(rt.says) == 0 {
			w.add(rt.at, "%s changes nothing: it only keeps its alerts from the routes after it", f.called(i))
		}
	}
	if !started {
		places := []pos{f.root.critical.at}
		for _, m := range f.root.mode {
			places = append(places, m.at)
		}
		for _, on := range f.root.startOn {
			places = append(places, on.at)
		}
		w.add(later(places...), "nothing is ever started: there is no alert for which mode, critical and start_on say so")
	}
	if allCritical {
		w.add(f.root.critical.at, "every alert is critical: none waits for money, only for critical_per_day")
	}
	slices.SortStableFunc(w.list, func(a, b Problem) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return w.list
}

// startsSomething tells whether there can be an alert that something is started for.
func startsSomething(s *settings) bool {
	never, always := len(s.critical.v) == 0, s.allCritical()
	for _, rank := range ranks {
		critical := rank.of == alert.Critical
		if critical && never || !critical && always {
			continue
		}
		if m := s.mode[rank.of].v.mode; m != gate.ModeFull && (m != gate.ModeCriticalOnly || !critical) {
			continue
		}
		if slices.ContainsFunc(s.startOn[:], func(on setting[when]) bool { return choice(on.v, critical) == gate.StartIt }) {
			return true
		}
	}
	return false
}

// allCritical tells whether every alert is critical.
func (s *settings) allCritical() bool { return len(s.critical.v) > 0 && len(s.critical.v[0]) == 0 }

// later is the last of some places.
func later(places ...pos) pos {
	return slices.MaxFunc(places, func(a, b pos) int { return cmp.Or(a.line-b.line, a.col-b.col) })
}
