package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/match"
)

// branch is the root or a route, compiled.
type branch struct {
	match    []match.Matcher
	critical [][]match.Matcher
	groupBy  []keySet
	flaps    bool
	storms   bool
	rules    [alert.Critical + 1][kinds + 1]gate.Rules // by rank and by what the transition is
}

// other is what a transition is that starts nothing.
const other = kinds

func compile(f *file, name, version string) *Policy {
	p := &Policy{version: version, file: f}
	p.root = f.compile(&f.root, "", name, version)
	for i := range f.routes {
		b := f.compile(&f.routes[i].settings, f.routes[i].name, name, version)
		b.match = f.routes[i].match
		p.routes = append(p.routes, b)
	}
	return p
}

// accountOf is what an Agent may spend.
func (f *file) accountOf(agent string) account {
	if a, there := f.agents[agent]; there {
		return a
	}
	return f.account
}

func (f *file) compile(s *settings, route, name, version string) *branch {
	b := &branch{critical: s.critical.v, groupBy: s.groupBy.v, flaps: s.flap.cycles.v > 0, storms: s.storm.cases.v > 0}
	a := f.accountOf(s.agent.v)
	for rank := alert.Minimal; rank <= alert.Critical; rank++ {
		for kind := range kinds + 1 {
			r := rulesFor(s, &a, rank, kind)
			r.Route, r.Version, r.Source = route, version, sources(s, &a, rank, kind, name)
			b.rules[rank][kind] = r
		}
	}
	return b
}

// rulesFor are the rules for alerts of a rank and a transition, but for what stands in the alert itself.
func rulesFor(s *settings, a *account, rank alert.Severity, kind int) gate.Rules {
	critical := rank == alert.Critical
	r := gate.Rules{
		Agent: s.agent.v, Mode: s.mode[rank].v.mode, ModeFixed: s.mode[rank].v.fixed, Severity: rank,
		On: gate.StartIt, OnWarn: choice(s.startOn[warn].v, critical), OnNoData: choice(s.startOn[noData].v, critical),
		OnTest: s.test.v, InDoubt: s.inDoubt.v,
		MaxAge: s.maxAge.v, Window: s.window.v, Quiet: s.quiet.v, Estimate: a.expected.v,
		Hold: s.hold[rank].v, Fresh: s.fresh.v, LateHold: s.lateHold.v,
		Slots: a.slots.v, CriticalSlots: a.criticalSlots.v,
		Budget: a.budget(),
	}
	switch kind {
	case triggered, reTriggered, renotify:
		r.On = choice(s.startOn[kind].v, critical)
	case noData:
		r.Hold = s.noData.v
	}
	if s.storm.cases.v > 0 {
		r.Storm = gate.Storm{Cases: s.storm.cases.v, Within: s.storm.within.v, Join: s.storm.join.v}
	}
	if s.flap.cycles.v > 0 {
		r.Flap = gate.Flap{Cycles: s.flap.cycles.v, Within: s.flap.within.v, Quiet: s.flap.quiet.v}
	}
	return r
}

func choice(w when, critical bool) gate.Choice {
	if w == always || w == onlyCritical && critical {
		return gate.StartIt
	}
	return gate.DropIt
}

// sources says where each setting of these rules stands.
func sources(s *settings, a *account, rank alert.Severity, kind int, name string) map[string]string {
	places := map[string]pos{
		"mode": s.mode[rank].at, "agent": s.agent.at, "critical": s.critical.at, "fresh": s.fresh.at, "late_hold": s.lateHold.at,
		"hold": s.hold[rank].at, "group_by": s.groupBy.at, "max_age": s.maxAge.at, "window": s.window.at, "quiet": s.quiet.at,
		"in_doubt": s.inDoubt.at, "test": s.test.at, "critical_per_day": a.criticalPerDay.at,
		"storm.cases": s.storm.cases.at, "storm.within": s.storm.within.at, "storm.join": s.storm.join.at,
		"flap.cycles": s.flap.cycles.at, "flap.within": s.flap.within.at, "flap.quiet": s.flap.quiet.at,
		"budget.dollars_a_month": a.month.at, "budget.price_a_second": a.price.at, "budget.expected": a.expected.at,
		"budget.bucket": a.bucket.at, "slots.total": a.slots.at, "slots.critical": a.criticalSlots.at,
	}
	if kind != other {
		places["start_on"] = s.startOn[kind].at
	}
	if kind == noData {
		places["hold"] = s.noData.at
	}
	out := make(map[string]string, len(places))
	for key, at := range places {
		out[key] = "default"
		if at.line > 0 {
			out[key] = fmt.Sprintf("%s:%d", name, at.line)
		}
	}
	return out
}

// For is what the policy says about an alert. The map in it is shared by all alerts that it says the same of, and must
// not be changed.
func (p *Policy) For(a alert.Alert) gate.Rules {
	b := p.root
	for _, rt := range p.routes {
		if match.All(rt.match, &a) {
			b = rt
			break
		}
	}
	r := b.rules[b.rank(&a)][kindOf(a.Transition)]
	r.Keys, r.Followed, r.Tells = b.keys(&a, r.Agent), slices.Contains(p.follows, r.Agent), p.tells
	if b.flaps {
		r.Group = group(&a)
	}
	if b.storms {
		r.Surge = a.Incident.Org + "/" + r.Agent + "/" + part(a.Tag("env"))
	}
	return r
}

// ForAgent is what the policy says about an alert whose case belongs to an Agent already: as For, with the money and the
// slots of that Agent, whichever For would choose.
func (p *Policy) ForAgent(a alert.Alert, agent string) gate.Rules {
	r := p.For(a)
	if r.Agent == agent {
		return r
	}
	own := p.file.accountOf(agent)
	r.Agent, r.Estimate, r.Slots, r.CriticalSlots, r.Budget = agent, own.expected.v, own.slots.v, own.criticalSlots.v, own.budget()
	r.Followed = slices.Contains(p.follows, agent)
	return r
}

// rank is how severe the alert is taken to be: critical exactly if the policy calls it so.
func (b *branch) rank(a *alert.Alert) alert.Severity {
	for _, list := range b.critical {
		if match.All(list, a) {
			return alert.Critical
		}
	}
	return min(max(a.Severity, alert.Minimal), alert.High)
}

func kindOf(t alert.Transition) int {
	switch t {
	case alert.Triggered:
		return triggered
	case alert.ReTriggered:
		return reTriggered
	case alert.Renotify:
		return renotify
	case alert.NoData, alert.ReNoData:
		return noData
	case alert.Warn, alert.ReWarn:
		return warn
	}
	return other
}

// keys are the alert's grouping keys. Their names carry the organisation and the Agent, so that nothing is joined over
// these. A set whose first key the alert does not have is left out, so that monitors without a service do not swallow
// each other.
func (b *branch) keys(a *alert.Alert, agent string) []gate.Key {
	if len(b.groupBy) == 0 {
		return nil
	}
	keys := make([]gate.Key, 0, len(b.groupBy))
	var name strings.Builder
	for _, set := range b.groupBy {
		if valueOf(a, set.keys[0]) == "" {
			continue
		}
		name.Reset()
		name.WriteString(a.Incident.Org)
		name.WriteByte('/')
		name.WriteString(agent)
		for i, k := range set.keys {
			name.WriteByte("/,"[min(i, 1)])
			name.WriteString(k)
			name.WriteByte('=')
			name.WriteString(part(valueOf(a, k)))
		}
		keys = append(keys, gate.Key{Name: name.String(), For: set.within})
	}
	return keys
}

// valueOf is what an alert has by the name of a grouping key; "" when it has nothing. A monitor without an id is known
// by the hash of its name.
func valueOf(a *alert.Alert, name string) string {
	if name == "monitor" {
		return a.Incident.Monitor
	}
	return match.Value(a, name)
}

// group is the alert's monitor group over its incidents. The key of an incident is that already, unless it names one
// cycle only.
func group(a *alert.Alert) string {
	key := a.Incident.Key
	if a.Incident.Cycle {
		key = "s." + alert.Hash(slices.Sorted(slices.Values(a.Scope))...)
	}
	return a.Incident.Org + "/" + a.Incident.Monitor + "/" + key
}

// maxPart bounds a part of a name in bytes.
const maxPart = 100

// part is a text as a part of a name: as it stands, unless it is long or could be read as two parts.
func part(s string) string {
	if len(s) > maxPart || strings.Contains(s, ",") || strings.HasPrefix(s, "~") {
		return "~" + alert.Hash(s)
	}
	return s
}
