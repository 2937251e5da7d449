package explore_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// fail notes the first thing that must never be.
func (w *world) fail(format string, args ...any) {
	if w.wrong == "" {
		w.wrong = fmt.Sprintf(format, args...)
	}
}

// always is what must hold after every move.
func (w *world) always() {
	p := w.last
	for id, c := range p.cases {
		w.counted(p, c)
		w.truthful(c)
		_, reserved := p.account.Running[id]
		switch {
		case !reserved && (c.State == gate.Starting || c.State == gate.Started) && c.Until.After(w.now):
			w.fail("case %s is %s without a reservation", id, c.State)
		case reserved && (c.State == gate.Waiting || c.State == gate.Refused || c.State == gate.Ended):
			w.fail("case %s is %s and holds a reservation", id, c.State)
		}
	}
	active, ordinary := 0, 0
	for id, r := range p.account.Running {
		if _, there := p.cases[id]; !there {
			w.fail("a reservation without a case: %s", id)
		}
		if r.Until.After(w.now) {
			active++
			if p.cases[id].Severity < alert.Critical {
				ordinary++
			}
		}
	}
	if active > w.slots {
		w.fail("%d investigations at once, and %d slots", active, w.slots)
	}
	if ordinary > w.slots-w.kept {
		w.fail("%d investigations that are not critical, and %d of %d slots are for critical ones", ordinary, w.kept, w.slots)
	}
	w.inBudget(p)
	w.oneStorm(p)
	for _, k := range w.workers {
		if k != nil && k.at.name == "call" {
			w.mayCall(k, k.at.id)
		}
	}
}

// inBudget: what may have been bought is spent or reserved, and that is no more than there is, but for critical cases.
func (w *world) inBudget(p picture) {
	if w.budget == 0 {
		return
	}
	var sum gate.Dollars
	for _, r := range p.account.Running {
		sum += r.Money
	}
	for _, spent := range p.account.Money.Spent {
		sum += spent
	}
	bought, beyond := 0, 0
	for _, k := range w.calls {
		bought += min(k.sent, 1)
	}
	for _, c := range p.cases {
		if c.Severity >= alert.Critical && c.Attempt > 0 {
			beyond++
		}
	}
	switch {
	case sum < gate.Dollars(bought)*price:
		w.fail("%s is spent or reserved, and %d cases may have been paid for", sum, bought)
	case sum > gate.Dollars(w.budget+2*beyond)*price: // a doubt of a critical case that is repeated counts twice
		w.fail("%s is spent or reserved, with a budget of %d", sum, w.budget)
	}
	if n := p.account.Money.Critical[noon.Format("2006-01-02")]; n < 0 || n > beyond {
		w.fail("%d critical starts are counted, and there were %d", n, beyond)
	}
}

// oneStorm: an environment has one case that collects its storm, and a monitor that flaps one start for it.
func (w *world) oneStorm(p picture) {
	storms, flaps := 0, 0
	for _, c := range p.cases {
		if c.Storm != "" && c.State == gate.Waiting && c.Attempt == 0 {
			storms++
		}
		if w.observe && c.State != gate.Waiting && c.State != gate.Ended {
			w.fail("case %s is only observed, and is %s", c.ID, c.State)
		}
	}
	for _, d := range p.verdicts {
		if d.Reason == gate.FlapStart {
			flaps++
		}
	}
	if storms > 1 || flaps > 1 {
		w.fail("%d cases collect one storm, and %d starts are for one flapping", storms, flaps)
	}
}

// counted: until a case has started its number of firing incidents is exact, and a case that has ended as recovered has
// none.
func (w *world) counted(p picture, c gate.Case) {
	n := p.firing(c.ID)
	switch {
	case c.HasStarted() || c.State == gate.Started:
	case c.State == gate.Ended:
		if c.How == gate.EndRecovered && n > 0 {
			w.fail("an incident fires in case %s, which ended as recovered without a start", c.ID)
		}
	case c.State == gate.Waiting && n == 0 && c.Attempt == 0:
		w.fail("case %s still waits, and the recovery of its last incident should have ended it", c.ID)
	case c.Firing != n:
		w.fail("case %s (%s) counts %d incidents that fire, and %d do", c.ID, c.State, c.Firing, n)
	}
}

// truthful: what the ledger says of a case agrees with what the Agent may have got.
func (w *world) truthful(c gate.Case) {
	k := w.calls[c.ID]
	if k == nil {
		k = &calls{}
	}
	switch {
	case c.HasStarted() && k.accepted == 0:
		w.fail("case %s is %s (%s), and the Agent has accepted nothing", c.ID, c.State, c.How)
	case (c.State == gate.Waiting || c.State == gate.Refused || c.State == gate.Ended && c.How != gate.EndAssumed) && k.sent > 0:
		w.fail("case %s is %s, and the Agent may have got a request", c.ID, c.State)
	case !w.repeat && k.sent > 1:
		w.fail("case %s: %d requests, though nothing is ever repeated", c.ID, k.sent)
	case k.sent > 1+c.Doubts:
		w.fail("case %s: %d requests and %d doubts", c.ID, k.sent, c.Doubts)
	}
}

// mayCall: whoever calls has the case to himself, from the first byte to the answer.
func (w *world) mayCall(k *worker, id string) {
	c := w.last.cases[id]
	if c.State != gate.Starting || k.claimed != id || c.Attempt != k.attempt {
		w.fail("%s calls for case %s, attempt %d, and the case is %s, attempt %d", k.role, id, k.attempt, c.State, c.Attempt)
	}
}

// committed is what must hold of a change that was just applied. before is the ledger as it was.
func (w *world) committed(before picture, c gate.Change) {
	for _, x := range c.Cases {
		claims := x.Now.State == gate.Starting && x.Now.Attempt > x.Read.Attempt
		if claims && w.last.firing(x.Now.ID) == 0 {
			w.fail("a start was decided for case %s, in which nothing fires", x.Now.ID)
		}
		if x.Now.How == gate.EndExpired && x.Read.State != gate.Ended {
			if last := w.last.cases[x.Now.ID].Last; c.At.Sub(last) <= w.policy().MaxAge {
				w.fail("case %s was ended as expired, and was told %s before that it fires", x.Now.ID, c.At.Sub(last))
			}
		}
	}
	if c.Delivery == nil {
		return
	}
	if _, there := before.verdicts[c.Delivery.ID]; there {
		w.fail("delivery %s got a second verdict", c.Delivery.ID)
	}
	i := slices.IndexFunc(w.alerts, func(m message) bool { return m.alert.Delivery == c.Delivery.ID })
	a := w.alerts[i].alert
	opens := slices.ContainsFunc(c.Cases, func(x gate.CaseWrite) bool { return x.Read.Version == 0 })
	switch {
	case a.Transition == alert.Recovered || c.Delivery.Verdict == gate.Drop:
	case opens:
		w.opened(before, a)
	default:
		w.joined(before, a, c.Delivery.Case)
	}
}

// joined: an alert may be told to be in a case only if that case will take care of it.
func (w *world) joined(before picture, a alert.Alert, id string) {
	c, in := before.cases[id], before.incidents[a.Monitor.ID]
	again := in.Case == id
	switch {
	case c.State == gate.Ended && c.How != gate.EndAssumed && !(w.observe && c.How == gate.EndObserved):
		w.fail("%s joined case %s, which had ended unstarted", a.EventID, id)
	case c.State == gate.Refused && !again:
		w.fail("%s joined case %s of others, which was refused", a.EventID, id)
	case !again && c.State != gate.Waiting && a.Severity > c.Severity:
		w.fail("%s is %s and joined case %s, which was told to be %s", a.EventID, a.Severity, id, c.Severity)
	case !again && c.HasStarted() && w.window > 0 && a.Time.Sub(c.StartAt) > w.window:
		w.fail("%s joined case %s after its window", a.EventID, id)
	}
	w.inOneCase(before, a, id)
}

// opened: no case of its own for what a live one covers.
func (w *world) opened(before picture, a alert.Alert) {
	w.inOneCase(before, a, "")
	c, there := before.cases[before.pointers[w.groupOf(a)]]
	covers := there && a.Severity <= c.Severity && c.Attempt <= 1 && (w.window == 0 || a.Time.Sub(c.StartAt) <= w.window)
	switch {
	case there && c.State == gate.Waiting && a.Severity <= c.Severity && c.Attempt == 0:
		w.fail("%s opened a case beside %s of its group, which waits", a.EventID, c.ID)
	case covers && (c.State == gate.Starting || c.State == gate.Started):
		w.fail("%s opened a case beside %s of its group, which is %s", a.EventID, c.ID, c.State)
	}
}

// inOneCase: an incident that fires in a live case is in no other.
func (w *world) inOneCase(before picture, a alert.Alert, id string) {
	in := before.incidents[a.Monitor.ID]
	if !in.Fires() || in.Case == "" || in.Case == id || newCycle(in, a, w.policy().Window) {
		return
	}
	if c := before.cases[in.Case]; c.State == gate.Waiting || c.State == gate.Starting || c.State == gate.Started {
		w.fail("%s is in case %s and came to another one, %q", a.EventID, in.Case, id)
	}
}

// drain lets everything come to its end without any further fault, as a healthy night would, and looks at the end.
func (w *world) drain() {
	w.spent, w.draining = w.faults, true
	for range 60 {
		w.alone(w.receives)
		if len(w.dead) > 0 {
			w.redrive()
			w.alone(w.receives)
		}
		w.alone(w.onceATick())
		if w.wrong != "" || w.atRest() {
			break
		}
		w.now = w.now.Add(61 * time.Second)
		w.bury()
	}
	if w.wrong == "" {
		w.ended()
	}
}

// alone makes the first move of the list and lets its worker work to the end, until the list is empty.
func (w *world) alone(list func() []move) {
	for range 100 {
		all := list()
		if len(all) == 0 || w.wrong != "" {
			return
		}
		w.take(all[0])
		for w.wrong == "" {
			i := slices.IndexFunc(w.workers[:], func(k *worker) bool { return k != nil })
			if i < 0 {
				break
			}
			w.take(w.steps(w.workers[i])[0])
		}
	}
	w.fail("it never ends")
}

// onceATick: in a healthy night a tick comes once a minute.
func (w *world) onceATick() func() []move {
	done := false
	return func() []move {
		if done {
			return nil
		}
		done = true
		return w.ticks()
	}
}

func (w *world) atRest() bool {
	if len(w.letters)+len(w.dead) > 0 {
		return false
	}
	due, _ := w.ledger.Due(context.Background(), gate.DefaultRules().Agent, w.now.Add(24*time.Hour))
	return len(due) == 0 && w.last.account.Shut.Since.IsZero()
}

// ended is what must hold when nothing is left to do.
func (w *world) ended() {
	p := w.last
	for _, m := range w.alerts {
		if _, there := p.verdicts[m.alert.Delivery]; !there {
			w.fail("%s has no verdict: it is lost", m.label)
		}
	}
	for id, c := range p.cases {
		switch {
		case c.State == gate.Waiting, c.State == gate.Starting, c.State == gate.InDoubt && !c.Resting:
			w.fail("case %s is %s and sleeps", id, c.State)
		case c.State == gate.InDoubt && w.repeat && c.Firing > 0 && !c.NoRepeat && c.Doubts <= gate.MaxRepeats && w.maxAge == 0:
			w.fail("case %s is in doubt, fires, and is not repeated", id)
		case c.State == gate.Started:
			w.fail("case %s has started and never ends", id)
		}
	}
	for id, r := range p.account.Running {
		w.fail("case %s holds a reservation until %s for ever", id, r.Until)
	}
	w.incidentsEnd()
	if w.most > 0 {
		started := 0
		for _, k := range w.calls {
			started += min(k.sent, 1)
		}
		if started > w.most {
			w.fail("%d cases were started, at most %d should be", started, w.most)
		}
	}
}

// incidentsEnd: incidents end alike in whatever order their alerts came, and one that fires is taken care of.
func (w *world) incidentsEnd() {
	type times struct{ fire, rec int64 }
	truth := map[string]times{}
	for _, m := range w.alerts {
		t := truth[m.alert.Monitor.ID]
		if m.alert.Transition == alert.Recovered {
			t.rec = max(t.rec, m.alert.Time.UnixMilli())
		} else {
			t.fire = max(t.fire, m.alert.Time.UnixMilli())
		}
		truth[m.alert.Monitor.ID] = t
	}
	for name, t := range truth {
		in := w.last.incidents[name]
		if in.Fires() != (t.fire > t.rec) {
			w.fail("incident %s fires: %t; by its alerts it should be %t", name, in.Fires(), t.fire > t.rec)
			continue
		}
		if !in.Fires() {
			continue
		}
		c, there := w.last.cases[in.Case]
		switch {
		case w.flapped(name):
		case w.observe && c.How == gate.EndObserved:
		case !there && w.maxAge == 0:
			w.fail("incident %s fires and has no case", name)
		case there && !c.HasStarted() && c.State != gate.Refused && c.State != gate.InDoubt && c.How != gate.EndExpired:
			w.fail("incident %s fires in case %s, which is %s (%s)", name, c.ID, c.State, c.How)
		}
	}
}

// flapped tells whether an alert of the incident was dropped as flapping: then it is in no case, or in an older one.
func (w *world) flapped(name string) bool {
	for _, m := range w.alerts {
		if m.alert.Monitor.ID == name && w.last.verdicts[m.alert.Delivery].Reason == gate.IsFlapping {
			return true
		}
	}
	return false
}
