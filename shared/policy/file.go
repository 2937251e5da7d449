package policy

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/match"
)

// What may stand at the keys that are not settings.
const (
	takesAgents = "a mapping of names to what each agent may spend"
	takesRoutes = "a list of routes, each beginning with - match:"
	takesName   = "a text of one line and at most 60 characters"
	takesMatch  = "matchers such as env = prod, each a text in a list"
)

// file is a policy as it is written.
type file struct {
	root     settings
	account  account // of DefaultAgent, and the defaults of the others
	agents   map[string]account
	declared map[string]pos
	routes   []route
	unmeant  []Problem // what was noticed while it was read
}

// route is what a policy says about the alerts that all its matchers meet.
type route struct {
	name  string
	at    pos
	match []match.Matcher // nil: they could not be read
	says  []string        // what it changes, as it is written
	settings
}

// readFile reads a whole file. What is wrong with it is in r.
func readFile(top node, r *reader) *file {
	f := &file{root: defaultSettings(), account: defaultAccount(), agents: map[string]account{}, declared: map[string]pos{}}
	var agents, routes *node
	keys := append(rootKeys(&f.root, &f.account),
		key{name: "agents", what: takesAgents, read: func(_ *reader, n node) { agents = &n }},
		key{name: "routes", what: takesRoutes, read: func(_ *reader, n node) { routes = &n }},
	)
	r.mapping(top, "a policy", keys, map[string]string{
		"match": "to a route", "name": "to a route", "default": "under mode or hold", "for": "to a set of group_by", "keys": "to a set of group_by",
	})
	// The root's settings are the defaults of all others, wherever they stand in the file.
	if agents != nil {
		f.readAgents(*agents, r)
	}
	if routes != nil {
		f.readRoutes(*routes, r)
	}
	f.check(r)
	f.unmeant = r.unmeant.list
	return f
}

func (f *file) readAgents(n node, r *reader) {
	if n.kind != mapping {
		r.wrong(n, "agents", takesAgents)
		return
	}
	if len(n.pairs) > maxAgents {
		r.add(n.at, "agents: there are %d, and at most %d can be", len(n.pairs), maxAgents)
	}
	r.agent = true
	defer func() { r.agent = false }()
	elsewhere := map[string]string{}
	for _, k := range settingKeys(&settings{}) {
		elsewhere[k.name] = "to the root or a route"
	}
	for _, p := range n.pairs {
		if !agentName(p.key) {
			r.add(p.at, "agents: %s is no name of an agent; it takes 1 to 64 letters, digits, - and _", quote(p.key))
			continue
		}
		if p.key == DefaultAgent {
			r.add(p.at, "agents: what the agent %s may spend stands at the root: budget, critical_per_day, slots", DefaultAgent)
			continue
		}
		a := f.account
		if p.value.kind != nothing { // all as at the root
			r.mapping(p.value, "the agent "+p.key, accountKeys(&a), elsewhere)
		}
		f.agents[p.key], f.declared[p.key] = a, p.at
	}
}

func (f *file) readRoutes(n node, r *reader) {
	if n.kind != list {
		r.wrong(n, "routes", takesRoutes)
		return
	}
	if len(n.items) > maxRoutes {
		r.add(n.at, "routes: there are %d, and at most %d can be", len(n.items), maxRoutes)
		return
	}
	r.routed = true
	defer func() { r.routed = false }()
	names := map[string]pos{}
	for i, item := range n.items {
		rt := f.readRoute(item, i, r)
		if first, twice := names[rt.name]; twice {
			r.add(rt.at, "the name %s stands here a second time; the route in line %d has it already", quote(rt.name), first.line)
		}
		names[rt.name] = rt.at
		f.routes = append(f.routes, rt)
	}
}

// maxRouteName bounds the name of a route, in characters: it stands in every verdict's record. See takesName.
const maxRouteName = 60

func (f *file) readRoute(n node, i int, r *reader) route {
	rt := route{at: n.at, settings: f.root, name: fmt.Sprintf("route %d (%s:%d)", i+1, r.file, n.at.line)}
	elsewhere := map[string]string{"agents": "to the root", "routes": "to the root: routes do not stand within routes"}
	for _, k := range accountKeys(&account{}) {
		elsewhere[k.name] = "to the root or to an agent under agents: it is the agent that spends"
	}
	matched := false
	keys := append([]key{
		{name: "name", what: takesName, read: func(r *reader, n node) {
			if n.kind != text || n.text == "" || len([]rune(n.text)) > maxRouteName || alert.Line(n.text) != n.text {
				r.wrong(n, "name", takesName)
				return
			}
			rt.name = n.text
		}},
		{name: "match", what: takesMatch, read: func(r *reader, n node) {
			matched = true
			if list, ok := r.matchers(n, "match"); ok {
				rt.match = list
			}
		}},
	}, settingKeys(&rt.settings)...)
	found := len(r.list)
	r.mapping(n, "a route", keys, elsewhere)
	matched = matched || slices.ContainsFunc(n.pairs, func(p pair) bool { return p.key == "match" })
	for _, p := range n.pairs {
		if p.key != "name" && p.key != "match" {
			rt.says = append(rt.says, p.key+": "+p.value.short())
		}
	}
	if n.kind == mapping && !matched && len(r.list) == found {
		r.add(n.at, "a route without match would take every alert; what is meant for all of them stands at the root")
	}
	return rt
}

// check says what is wrong with settings that are fine by themselves.
func (f *file) check(r *reader) {
	f.checkSettings(&f.root, false, r)
	for i := range f.routes {
		f.checkSettings(&f.routes[i].settings, true, r)
	}
	f.account.check("the root", false, r)
	for _, name := range slices.Sorted(maps.Keys(f.agents)) {
		a := f.agents[name]
		a.check("the agent "+name, true, r)
	}
	f.checkReach(r)
}

// lastOwn is the last of the places that are of the level which is looked at: what is wrong between settings of two
// levels is said once, and to the one that can mend it.
func lastOwn(isOwn func(pos) bool, places ...pos) (last pos, there bool) {
	for _, p := range places {
		if p.line > 0 && isOwn(p) {
			last, there = later(last, p), true
		}
	}
	return last, there
}

func (f *file) checkSettings(s *settings, ofRoute bool, r *reader) {
	own := func(at ...pos) (pos, bool) { return lastOwn(func(p pos) bool { return p.routed == ofRoute }, at...) }
	if _, there := f.agents[s.agent.v]; !there && s.agent.v != DefaultAgent {
		if at, ok := own(s.agent.at); ok {
			names := append(slices.Sorted(maps.Keys(f.agents)), DefaultAgent)
			r.add(at, "agent: there is no agent %s under agents%s; there is %s", quote(s.agent.v), like(s.agent.v, names), and(names))
		}
	}
	type held struct {
		name string
		setting[time.Duration]
	}
	var holds []held
	if s.fresh.v > 0 && len(s.critical.v) > 0 {
		holds = append(holds, held{"late_hold", s.lateHold})
	}
	holds = append(holds, held{"the hold of No Data", s.noData})
	if s.storm.cases.v > 0 {
		holds = append(holds, held{"within of storm", s.storm.within})
	}
	for _, rank := range ranks[1:] {
		holds = append(holds, held{"the hold of " + rank.name, s.hold[rank.of]})
	}
	told := map[pos]bool{} // one line can set several, which are told once; the defaults, which have no line, each
	for _, h := range holds {
		at, ok := own(h.at, s.maxAge.at)
		if ok && h.v >= s.maxAge.v && !told[h.at] {
			told[h.at] = h.at.line > 0
			r.add(at, "%s is %s and max_age is %s: a case would be too old before it may start; the first must be shorter than the second", h.name, show(h.v), show(s.maxAge.v))
		}
	}
}

func (a *account) check(whose string, ofAgent bool, r *reader) {
	own := func(at ...pos) (pos, bool) { return lastOwn(func(p pos) bool { return p.agent == ofAgent }, at...) }
	if at, ok := own(a.slots.at, a.criticalSlots.at); ok && a.criticalSlots.v >= a.slots.v {
		r.add(at, "slots of %s: %d of %d are for critical cases only, which leaves none for the others; to start critical ones only, write mode: critical_only", whose, a.criticalSlots.v, a.slots.v)
	}
	if at, ok := own(a.month.at, a.price.at, a.expected.at); ok && a.month.v > 0 && a.investigation() > a.month.v {
		r.add(at, "budget of %s: one investigation is reckoned to cost %s (%s at $%s a second), and a month has %s: nothing would start but critical cases", whose, a.investigation(), show(a.expected.v), plainDollars(a.price.v), a.month.v)
	}
}
