package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// writer writes the shorthands out.
type writer struct {
	*reader
	scenario *Scenario
	list     []notice
}

// notice is one notification before it has its ids.
type notice struct {
	entry
	copy   int // which of the entry's alerts; below 0: a recovery written by recovers
	number int // among all that happen, in order
}

// write fills in the scenario's alerts.
func (w *writer) write(list []entry) {
	for _, e := range list {
		if !w.repeat(e) {
			w.problem(e.at, "with this alert there are more than %d; a scenario has no more", MaxAlerts)
			return
		}
	}
	w.number()
	w.happen()
	w.arrive()
	w.end()
}

// repeat writes out every and for.
func (w *writer) repeat(e entry) bool {
	number := 0
	for after := time.Duration(0); ; after += e.every {
		if e.every > 0 && after >= e.lasts && after > 0 {
			break
		}
		if !w.spread(e, after, &number) {
			return false
		}
		if e.every == 0 {
			break
		}
	}
	w.wanted(e, number)
	return true
}

// spread writes out services and groups, which take turns.
func (w *writer) spread(e entry, after time.Duration, number *int) bool {
	services, groups := max(e.services, 1), max(e.groups, 1)
	for i := range services * groups {
		one := e
		one.happens += after + e.over*time.Duration(i)/time.Duration(services*groups)
		one.happens = one.happens.Truncate(time.Millisecond)
		if e.services > 0 {
			one.ofService(1+i%services, services)
		}
		if e.groups > 0 {
			one.ofGroup(1+i/services, groups)
		}
		if len(w.list) >= MaxAlerts {
			return false
		}
		w.list = append(w.list, notice{entry: one, copy: *number})
		*number++
		if e.recovers > 0 {
			one.happens += e.recovers
			one.transition, one.wants, one.twice = alert.Recovered, nil, false
			w.list = append(w.list, notice{entry: one, copy: -1})
		}
	}
	return true
}

// ofService makes it the alert of a service that has a monitor of its own.
func (e *entry) ofService(n, of int) {
	name := numbered(n, of)
	if e.monitor.id == "" {
		e.monitor.id = monitorID(e.monitor.org, e.monitor.title+"/"+name)
	} else {
		e.monitor.id += name
	}
	e.monitor.title = strings.ReplaceAll(e.monitor.title, "{n}", name)
	e.tags = append(slices.Clone(e.tags), "service:service-"+name)
}

// ofGroup makes it the alert of one group of its monitor.
func (e *entry) ofGroup(n, of int) {
	group := e.group
	if !strings.Contains(strings.Join(group, ","), "{n}") {
		group = append(slices.Clone(group), "group:{n}")
	}
	e.group = nil
	for _, g := range group {
		e.group = append(e.group, strings.ReplaceAll(g, "{n}", numbered(n, of)))
	}
}

// numbered is 07 of 40.
func numbered(n, of int) string { return fmt.Sprintf("%0*d", len(strconv.Itoa(of)), n) }

// wanted says when more or fewer verdicts are expected than there are alerts.
func (w *writer) wanted(e entry, number int) {
	sum := 0
	for _, x := range e.wants {
		if x.number == 0 {
			return
		}
		sum += x.number
	}
	if len(e.wants) > 0 && sum != number {
		w.problem(e.at, "expect tells of %d alerts, and there are %d", sum, number)
	}
}

// number orders what happens.
func (w *writer) number() {
	slices.SortStableFunc(w.list, func(a, b notice) int { return cmp.Compare(a.happens, b.happens) })
	for i := range w.list {
		w.list[i].number = i
	}
}

// happen gives each notification its ids, as Datadog does while it happens: all of one cycle of a monitor group have the
// same cycle key, whether they ever arrive or not.
func (w *writer) happen() {
	cycles := map[string]string{}
	for _, n := range w.list {
		if n.unreadable {
			w.scenario.Alerts = append(w.scenario.Alerts, Alert{
				Line: n.line, Happens: n.happens, Arrives: max(n.happens, n.arrives), Body: []byte(Unreadable), Want: n.want(),
			})
			continue
		}
		m := n.monitor
		if m.id == "" {
			m.id = monitorID(m.org, m.title)
		}
		event := eventID(w.scenario.Title, n.number)
		if n.event > 0 {
			event = EventID(n.event)
		}
		group := m.org + "/" + m.id + "/" + strings.Join(n.group, ",")
		cycle := cycles[group]
		if cycle == "" || n.test {
			cycle = event
		}
		switch {
		case n.cycle != nil:
			cycle = CycleKey(*n.cycle)
		case n.test:
		case n.transition == alert.Recovered:
			delete(cycles, group)
		default:
			cycles[group] = cycle
		}
		if n.lost {
			continue
		}
		a := Alert{
			Line: n.line, Happens: n.happens, Arrives: max(n.happens, n.arrives), EventID: event,
			Title: m.title, Priority: m.priority, Transition: n.transition, Want: n.want(),
		}
		a.Body = body(n, m, event, cycle, w.scenario.Begins.Add(n.happens))
		w.scenario.Alerts = append(w.scenario.Alerts, a)
		if n.twice {
			a.Want = &Want{gate.Join, gate.Duplicate}
			w.scenario.Alerts = append(w.scenario.Alerts, a)
		}
	}
}

// want is what this notification must get. A recovery that is written by recovers is dropped as one.
func (n notice) want() *Want {
	if n.copy < 0 {
		return &Want{gate.Drop, gate.IsRecovery}
	}
	sum := 0
	for _, x := range n.wants {
		if sum += x.number; x.number == 0 || n.copy < sum {
			return x.want
		}
	}
	return nil
}

func (w *writer) arrive() {
	slices.SortStableFunc(w.scenario.Alerts, func(a, b Alert) int { return cmp.Compare(a.Arrives, b.Arrives) })
}

// afterwards is how long a scenario that does not say how long it lasts goes on after the last thing in it.
const afterwards = time.Hour

func (w *writer) end() {
	s := w.scenario
	var last time.Duration
	later := func(d time.Duration) { last = max(last, d) }
	for _, a := range s.Alerts {
		later(a.Arrives)
	}
	for _, a := range s.Agent {
		later(a.At + a.For)
	}
	for _, f := range s.Faults {
		later(f.At + f.For)
	}
	later(s.Calm)
	for _, o := range s.Hand {
		later(o.At + o.For)
	}
	for _, x := range s.Starts {
		later(x.At)
	}
	for _, x := range s.Ends {
		later(x.At)
	}
	switch {
	case s.Lasts == 0:
		s.Lasts = last + afterwards
	case s.Lasts < last:
		w.problems = append(w.problems, Problem{Text: fmt.Sprintf("it lasts %s, and something in it comes after %s", s.Lasts, last)})
	}
	if s.Lasts > MaxTime {
		w.problems = append(w.problems, Problem{Text: fmt.Sprintf("its last alert comes after %s; a scenario lasts at most %d days", last, MaxTime/(24*time.Hour))})
	}
	s.Faults = append(weather(s.Agent, s.Lasts), s.Faults...)
	slices.SortStableFunc(s.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
}

// body is what Datadog sends of a notification.
func body(n notice, m monitor, event, cycle string, at time.Time) []byte {
	if !m.cycleKey {
		cycle = ""
	}
	return Notification{
		Title: m.title, MonitorID: m.id, MonitorType: m.kind, Message: m.message, Org: m.org, Event: event, Cycle: cycle,
		Transition: n.transition, Priority: m.priority, Scope: n.group, Tags: unique(m.tags, n.tags, n.group), Test: n.test, At: at,
	}.Body()
}

// unique joins lists of tags, each tag once.
func unique(lists ...[]string) []string {
	var all []string
	for _, t := range slices.Concat(lists...) {
		if !contains(all, t) {
			all = append(all, t)
		}
	}
	return all
}
