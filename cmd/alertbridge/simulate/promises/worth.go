package promises

import (
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// worth is what an alert is worth: the verdict with its reason, and the case that it joins ("" for one of its own).
type worth struct {
	verdict gate.Verdict
	reason  gate.Reason
	kase    string
}

// arriving is an alert that is to be judged.
type arriving struct {
	m    *Model
	a    alert.Alert
	r    gate.Rules
	rank alert.Severity
	now  time.Time
	mode gate.Mode
	in   incident
	acct *account
}

func (m *Model) arriving(a alert.Alert, now time.Time) arriving {
	r := m.rules(a)
	v := arriving{m: m, a: a, r: r, rank: r.Severity, now: now, in: *m.incident(a), acct: m.account(r.Agent)}
	if v.rank == 0 {
		v.rank = a.Severity
	}
	v.mode = m.mode(r, now)
	return v
}

// mode: what is set by hand replaces the policy's, or where the policy's is fixed makes it stricter.
func (m *Model) mode(r gate.Rules, now time.Time) gate.Mode {
	own := r.Mode
	order := m.hand.Mode
	if order.Mode == "" || !order.Until.IsZero() && !now.Before(order.Until) {
		return own
	}
	order2 := map[gate.Mode]int{gate.ModeOff: 1, gate.ModeObserve: 2, gate.ModeCriticalOnly: 3, gate.ModeFull: 4}
	if r.ModeFixed && order2[own] <= order2[order.Mode] {
		return own
	}
	return order.Mode
}

// silenced: every matcher of one silence that is not over meets the alert. The worlds have only matchers of equality.
func (m *Model) silenced(a alert.Alert, now time.Time) bool {
	for _, s := range m.hand.Silences {
		if !s.Until.IsZero() && !now.Before(s.Until) {
			continue
		}
		all := true
		for _, want := range s.Matchers {
			all = all && tag(a, want.Name) == want.Value
		}
		if all {
			return true
		}
	}
	return false
}

func tag(a alert.Alert, key string) string {
	for _, t := range slices.Concat(a.Tags, a.Scope) {
		if v, found := strings.CutPrefix(t, key+":"); found {
			return v
		}
	}
	return ""
}

func (v arriving) noData() bool {
	return v.a.Transition == alert.NoData || v.a.Transition == alert.ReNoData
}

// hold is how long it is given to recover.
func (v arriving) hold() time.Duration {
	if !critical(v.rank) || v.noData() {
		return v.r.Hold
	}
	if v.r.Fresh > 0 && v.now.Sub(v.a.Time) > v.r.Fresh {
		return v.r.LateHold
	}
	return 0
}

// newCycle: of an incident that fires, another cycle under the same key.
func (v arriving) newCycle() bool {
	silent := v.a.Time.Sub(v.in.fire)
	return silent > v.r.Quiet || !v.a.Incident.Cycle && v.a.Transition == alert.Triggered && silent > v.r.Window
}

// late: the recovery is known already.
func (v arriving) late() bool {
	if !v.a.Time.After(v.in.rec) {
		return true
	}
	return v.a.Incident.Cycle && !v.in.rec.IsZero() && v.a.Time.Sub(v.in.rec) <= v.r.Window
}

func (v arriving) worth() worth {
	drop := func(why gate.Reason) worth { return worth{gate.Drop, why, ""} }
	switch t := v.a.Transition; {
	case slices.Contains(v.a.Tags, "alertbridge:event"):
		return drop(gate.IsOwn)
	case v.a.Test && v.r.OnTest != gate.StartIt:
		return drop(gate.IsTest)
	case t == alert.Recovered:
		return worth{gate.Drop, gate.IsRecovery, ""}
	case (t == alert.Warn || t == alert.ReWarn) && v.r.OnWarn == gate.DropIt:
		return drop(gate.IsWarn)
	case v.noData() && v.r.OnNoData == gate.DropIt:
		return drop(gate.IsNoData)
	case t == alert.Unknown:
		return drop(gate.IsUnknown)
	case v.late():
		return drop(gate.Late)
	case v.m.silenced(v.a, v.now):
		return drop(gate.Silenced)
	case v.mode == gate.ModeOff:
		return drop(gate.IsModeOff)
	case v.mode == gate.ModeCriticalOnly && !critical(v.rank):
		return drop(gate.OnlyCritical)
	}
	if w, found := v.ownCase(); found {
		return w
	}
	g, _ := v.cycle()
	for _, key := range v.r.Keys { // a group that flaps is told of in what it had its start for, and in nothing else
		w, found := v.groupCase(v.m.pointers[key.Name], key.For, gate.Covered)
		if found && !(w.reason == gate.NotTold && v.flapping(g)) {
			return w
		}
	}
	switch {
	case v.now.Sub(v.a.Time) > v.r.MaxAge:
		return drop(gate.TooOld)
	case v.r.On == gate.DropIt:
		return drop(gate.NotStarted)
	}
	if v.flapping(g) {
		return drop(gate.IsFlapping)
	}
	if v.storm() {
		if w, found := v.groupCase(v.m.surges[v.r.Surge].kase, v.r.Storm.Join, gate.InStorm); found {
			return w
		}
		return worth{gate.Wait, gate.Storming, ""}
	}
	return v.own(v.flaps(g))
}

// ownCase is the case of the alert's own incident, where that covers it.
func (v arriving) ownCase() (worth, bool) {
	k := v.m.cases[v.in.kase]
	if k == nil || k.shadow && v.mode != gate.ModeObserve || v.elsewhere(k) {
		return worth{}, false
	}
	again := map[alert.Transition]gate.Reason{alert.ReTriggered: gate.ReTriggering, alert.Renotify: gate.Renotifying}[v.a.Transition]
	if again == "" {
		again = gate.Repeat
	}
	same := v.in.fires() && !v.newCycle()
	joins := worth{gate.Join, again, k.id}
	switch {
	case k.state == gate.Waiting && v.lifts(k):
		return worth{gate.Start, gate.Lifted, k.id}, true
	case k.state == gate.Waiting:
		return joins, true
	case k.state == gate.Starting || k.state == gate.InDoubt:
		return joins, same || v.in.fires() && !k.resting || v.covers(k, v.r.Window)
	case v.over(k):
		return joins, same || v.covers(k, v.r.Window)
	case k.state == gate.Refused:
		return joins, same && v.within(k, v.r.Window)
	}
	return worth{}, false
}

// elsewhere: a storm's case of another Agent has waited so long that nobody may look after it any more.
func (v arriving) elsewhere(k *kase) bool {
	return k.state == gate.Waiting && !k.shadow && k.agent != v.r.Agent && v.now.Sub(k.opened) > v.r.MaxAge
}

// groupCase is a case that a grouping key, or the environment, names.
func (v arriving) groupCase(id string, window time.Duration, waiting gate.Reason) (worth, bool) {
	k := v.m.cases[id]
	if k == nil || k.shadow != (v.mode == gate.ModeObserve) {
		return worth{}, false
	}
	switch {
	case k.state == gate.Waiting && v.lifts(k):
		return worth{gate.Start, gate.Lifted, id}, true
	case k.state == gate.Waiting:
		return worth{gate.Join, waiting, id}, true
	case k.state == gate.Starting || k.state == gate.InDoubt || v.over(k):
		return worth{gate.Join, gate.NotTold, id}, v.covers(k, window)
	}
	return worth{}, false
}

func (v arriving) over(k *kase) bool {
	return k.started() || v.mode == gate.ModeObserve && k.shadow && k.state == gate.Ended && k.how == gate.EndObserved
}

func (v arriving) covers(k *kase, window time.Duration) bool {
	return v.rank <= k.rank && v.within(k, window)
}

func (v arriving) within(k *kase, window time.Duration) bool { return v.a.Time.Sub(k.start) <= window }

// lifts: a critical alert waits for nothing of ours, and its case with it.
func (v arriving) lifts(k *kase) bool {
	if !critical(v.rank) || v.mode == gate.ModeObserve || v.hold() > 0 || k.agent != v.r.Agent {
		return false
	}
	return v.acct.closed(v.now) == "" && v.acct.room(v.r, true, v.now, k.id) && !v.acct.affords(v.r.Budget, true, v.now).After(v.now)
}

// own is what is worth a case of its own.
func (v arriving) own(flaps bool) worth {
	hold := v.hold()
	if flaps {
		hold = 0
	}
	wait := func(why gate.Reason) worth { return worth{gate.Wait, why, ""} }
	closed := v.acct.closed(v.now)
	switch {
	case v.mode == gate.ModeObserve:
		return wait(gate.WouldStart)
	case hold > 0: // whoever else it has to wait for
		return wait(gate.Holding)
	case closed == gate.WhyAgentShut:
		return wait(gate.AgentShut)
	case closed == gate.WhyAgentDown:
		return wait(gate.AgentDown)
	case v.acct.affords(v.r.Budget, critical(v.rank), v.now).After(v.now):
		return wait(gate.OverBudget)
	case !v.acct.room(v.r, critical(v.rank), v.now, ""):
		return wait(gate.NoSlot)
	case flaps:
		return worth{gate.Start, gate.FlapStart, ""}
	}
	return worth{gate.Start, gate.NewIncident, ""}
}

// cycle is the monitor group as the alert leaves it, and whether it has changed.
func (v arriving) cycle() (group, bool) {
	var g group
	if old := v.m.groups[v.r.Group]; old != nil {
		g = group{slices.Clone(old.cycles), old.flapping, old.shadow}
	}
	if v.r.Group == "" || v.r.Flap.Cycles == 0 || critical(v.rank) {
		return g, false
	}
	was := g.flapping
	if n := len(g.cycles); g.flapping && n > 0 && v.a.Time.Sub(g.cycles[n-1]) >= v.r.Flap.Quiet {
		g.flapping, g.shadow = false, false
	}
	if v.in.fires() && !v.newCycle() || slices.ContainsFunc(g.cycles, v.a.Time.Equal) {
		return g, g.flapping != was
	}
	g.cycles = append(g.cycles, v.a.Time)
	slices.SortFunc(g.cycles, time.Time.Compare)
	if len(g.cycles) > gate.MaxCycles {
		g.cycles = g.cycles[1:]
	}
	return g, true
}

// flapping: the group had its start, to what is only observed also one that was.
func (v arriving) flapping(g group) bool {
	return g.flapping && !critical(v.rank) && (!g.shadow || v.mode == gate.ModeObserve)
}

func (v arriving) flaps(g group) bool {
	if v.r.Group == "" || v.r.Flap.Cycles == 0 || critical(v.rank) || len(g.cycles) == 0 {
		return false
	}
	newest, n := g.cycles[len(g.cycles)-1], 0
	if v.a.Time.After(newest) {
		newest = v.a.Time
	}
	for _, t := range g.cycles {
		if newest.Sub(t) < v.r.Flap.Within {
			n++
		}
	}
	return n >= v.r.Flap.Cycles
}

// storm: more cases than the policy allows would be opened in the environment, or its storm goes on.
func (v arriving) storm() bool {
	s := v.m.surges[v.r.Surge]
	if s == nil || v.r.Surge == "" || v.r.Storm.Cases == 0 || critical(v.rank) || v.mode == gate.ModeObserve {
		return false
	}
	n := 0
	for _, t := range s.opened {
		if v.now.Sub(t) < v.r.Storm.Within {
			n++
		}
	}
	if n >= v.r.Storm.Cases {
		return true
	}
	k := v.m.cases[s.kase]
	switch {
	case k == nil:
		return false
	case k.state == gate.Waiting:
		return v.now.Sub(k.last) <= v.r.Storm.Within
	}
	return (k.live() || k.started()) && v.covers(k, v.r.Storm.Join)
}
