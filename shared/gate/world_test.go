package gate

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// world is the smallest ledger that the gate's promises can be tried out on: it gives views, and applies a change whole
// or not at all, on exactly the conditions that the change names.
type world struct {
	t          testing.TB
	p          Rules
	keys       func(alert.Alert) []string // nil: those of p
	policy     func(alert.Alert) Rules    // nil: p with keys
	deliveries map[string]Delivery
	incidents  map[string]Incident
	pointers   map[string]string
	cases      map[string]Case
	leads      map[string]alert.Alert
	asked      map[string]bool // cases that somebody asked for: his word counts as an incident that fires
	groups     map[string]Group
	surges     map[string]Surge
	hand       Hand
	account    Account
	at         time.Time // the latest clock of a commit
}

func newWorld(t testing.TB, p Rules) *world {
	return &world{
		t: t, p: p, deliveries: map[string]Delivery{}, incidents: map[string]Incident{}, pointers: map[string]string{},
		cases: map[string]Case{}, leads: map[string]alert.Alert{},
		asked: map[string]bool{}, groups: map[string]Group{}, surges: map[string]Surge{},
		account: Account{Agent: "default", Running: map[string]Reservation{}, Orgs: []string{"1200"}},
	}
}

// rules are what the policy says about the alert.
func (w *world) rules(a alert.Alert) Rules {
	if w.policy != nil {
		return w.policy(a)
	}
	if w.keys == nil {
		return w.p
	}
	return keyed(w.p, w.keys(a)...)
}

// rulesOf are what the policy says about the alert that opened the case.
func (w *world) rulesOf(id string) Rules { return w.rules(w.leads[id]) }

func (w *world) look(a alert.Alert) View {
	v := View{Incident: w.incidents[a.Incident.String()], Pointers: map[string]string{}, Cases: map[string]Case{}, Leads: w.leads}
	if d, there := w.deliveries[a.Delivery]; there {
		v.Delivery = &d
	}
	r := w.rules(a)
	v.Group, v.Surge = w.groups[r.Group], w.surges[r.Surge]
	v.Group.Cycles, v.Surge.Opened = slices.Clone(v.Group.Cycles), slices.Clone(v.Surge.Opened)
	named := []string{v.Incident.Case, v.Surge.Case}
	for _, key := range r.Pointers() {
		if id, there := w.pointers[key]; there {
			v.Pointers[key] = id
			named = append(named, id)
		}
	}
	return w.see(v, named...)
}

func (w *world) lookCase(id string) View {
	v := w.see(View{Cases: map[string]Case{}, Leads: w.leads}, id)
	v.Heard = map[string]Heard{}
	for _, name := range (due{c: v.Cases[id]}).known() {
		if a := w.latest(w.incidents[name]); a != nil {
			v.Heard[name] = Heard{w.incidents[name], *a}
		}
	}
	return v
}

// latest is the alert that said last that the incident fires; nil when its record does not remember one.
func (w *world) latest(in Incident) *alert.Alert {
	var last *alert.Alert
	for _, m := range in.Recent {
		if m.Transition != string(alert.Recovered) && (last == nil || !m.Time.Before(last.Time)) {
			last = &w.deliveries[m.Delivery].Saw.Alert
		}
	}
	return last
}

func (w *world) see(v View, ids ...string) View {
	for _, id := range ids {
		if c, there := w.cases[id]; there {
			c.Members = slices.Clone(c.Members)
			v.Cases[id] = c
		}
	}
	v.Hand, v.Account = w.hand, w.account
	v.Account.Running = maps.Clone(w.account.Running)
	v.Account.Money.Spent, v.Account.Money.Critical = maps.Clone(w.account.Money.Spent), maps.Clone(w.account.Money.Critical)
	return v
}

// commit applies the change if its conditions hold, and tells whether it did.
func (w *world) commit(c Change) bool {
	if err := c.Check(); err != nil {
		w.t.Fatalf("refused: %v", err)
	}
	if !w.holds(c) {
		return false
	}
	if c.At.After(w.at) {
		w.at = c.At
	}
	if c.Delivery != nil {
		w.deliveries[c.Delivery.ID] = *c.Delivery
	}
	if c.Incident != nil {
		w.incidents[c.Incident.Now.Key.String()] = c.Incident.Now
	}
	for _, p := range c.Pointers {
		w.pointers[p.Key] = p.Now
	}
	for _, cw := range c.Cases {
		w.write(cw)
	}
	if c.Account != nil {
		w.writeAccount(*c.Account)
	}
	if c.Lead != nil {
		if _, opened := w.leads[c.Lead.Case]; !opened {
			w.leads[c.Lead.Case] = c.Lead.Alert
		}
	}
	if c.Group != nil {
		w.groups[c.Group.Now.Name] = c.Group.Now
	}
	if c.Surge != nil {
		w.surges[c.Surge.Now.Name] = c.Surge.Now
	}
	return true
}

func (w *world) holds(c Change) bool {
	if c.Delivery != nil {
		if _, there := w.deliveries[c.Delivery.ID]; there {
			return false
		}
	}
	if c.Incident != nil && w.incidents[c.Incident.Now.Key.String()].Version != c.Incident.Read {
		return false
	}
	for _, p := range c.Pointers {
		if w.pointers[p.Key] != p.Read {
			return false
		}
	}
	if g := c.Group; g != nil && w.groups[g.Now.Name].Version != g.Read {
		return false
	}
	if s := c.Surge; s != nil && w.surges[s.Now.Name].Version != s.Read {
		return false
	}
	for _, cw := range c.Cases {
		is, there := w.cases[cw.Now.ID]
		if there != (cw.Read.Version > 0) || is.Version != cw.Read.Version || cw.Facts.Last && !is.Last.Equal(cw.Read.Last) ||
			cw.Facts.Joined && is.Joined != cw.Read.Joined {
			return false
		}
		n := is.Firing
		if !map[Count]bool{AnyCount: true, NoneFires: n == 0, OneFires: n == 1, SomeFire: n >= 1, MoreFire: n >= 2}[cw.Facts.Firing] {
			return false
		}
	}
	a := c.Account
	return a == nil || (len(a.Put) == 0 || w.account.Version == a.Read) &&
		(a.OpenedBy == nil || w.account.Shut.SecretVersion == *a.OpenedBy) &&
		(a.DownWas == nil || w.account.Down == *a.DownWas)
}

// write applies what the decision changes; what it only read may have been counted on meanwhile.
func (w *world) write(cw CaseWrite) {
	if cw.Read.Version == 0 {
		w.cases[cw.Now.ID], w.leads[cw.Now.ID] = cw.Now, *cw.Lead
		return
	}
	is, now := w.cases[cw.Now.ID], cw.Now
	now.Firing = is.Firing + cw.Now.Firing - cw.Read.Firing
	now.Joined = is.Joined + cw.Now.Joined - cw.Read.Joined
	now.Last = later(is.Last, cw.Now.Last)
	w.cases[now.ID] = now
}

func (w *world) writeAccount(a AccountWrite) {
	money := &w.account.Money
	if len(a.Put) > 0 {
		maps.Copy(w.account.Running, a.Put)
		if !a.Paced.IsZero() {
			money.Paced = a.Paced
		}
		money.Critical = with(money.Critical, a.Critical, func(_, n int) int { return n })
		for _, name := range a.Forget {
			delete(money.Spent, name)
			delete(money.Critical, name)
		}
	}
	money.Spent = with(money.Spent, a.Spend, func(is, more Dollars) Dollars { return is + more })
	if b := a.Back; b != nil {
		money.Paced = money.Paced.Add(-b.Pace)
		if b.Day != "" {
			money.Critical[b.Day]--
		}
	}
	if len(a.Put) > 0 || len(a.Spend) > 0 || a.Back != nil {
		w.account.Version++
	}
	for _, id := range a.Drop {
		delete(w.account.Running, id)
	}
	if a.Shut != nil {
		w.account.Shut = *a.Shut
	}
	if a.Down != nil {
		w.account.Down = *a.Down
	}
	if a.Hand != nil {
		w.account.Hand = *a.Hand
	}
}

// with is the map with what comes to it.
func with[V any](is, more map[string]V, both func(is, more V) V) map[string]V {
	if is = maps.Clone(is); is == nil {
		is = map[string]V{}
	}
	for name, v := range more {
		is[name] = both(is[name], v)
	}
	return is
}

// arrive decides about an alert on what the ledger holds now, and commits.
func (w *world) arrive(a alert.Alert, now time.Time) Decision {
	v := w.look(a)
	d := Arrive(v, arrivalOf(a), w.rules(a), now)
	sane(w.t, v, d)
	if !w.commit(d.Change) {
		w.t.Fatalf("nobody else is here, and the commit lost a race: %+v", d)
	}
	w.sound()
	return d
}

// due lets the tick look at a case, and commits.
func (w *world) due(id string, now time.Time) Decision {
	v := w.lookCase(id)
	d := Due(v, id, w.rulesOf(id), now)
	sane(w.t, v, d)
	if !w.commit(d.Change) {
		w.t.Fatalf("nobody else is here, and the commit lost a race: %+v", d)
	}
	w.sound()
	return d
}

// firing counts the incidents that fire in a case.
func (w *world) firing(id string) int {
	n := 0
	for _, in := range w.incidents {
		if in.Case == id && in.Fires() {
			n++
		}
	}
	return n
}

// sound checks what is true after every commit.
func (w *world) sound() {
	for id, c := range w.cases {
		_, held := w.account.Running[id]
		if n := w.firing(id); (c.live() || c.State == Refused) && c.Firing != n && !(w.asked[id] && c.Firing == n+1) {
			w.t.Fatalf("case %s is %s and counts %d incidents that fire; there are %d", id, c.State, c.Firing, n)
		} else if c.How == EndRecovered && n > 0 {
			w.t.Fatalf("case %s ended as recovered, and %d of its incidents fire", id, n)
		}
		if c.State == Starting && !held && w.at.Before(c.Until) {
			w.t.Fatalf("case %s is starting without a reservation", id)
		}
		if held && (c.State == Waiting || c.State == Refused || c.State == Ended || c.Resting) {
			w.t.Fatalf("case %s is %s and holds a reservation", id, c.State)
		}
	}
	if len(w.account.Running) > MaxRunning {
		w.t.Fatalf("%d reservations", len(w.account.Running))
	}
}
