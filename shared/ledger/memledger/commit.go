package memledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Commit implements ledger.Ledger. All conditions are looked at before anything is written.
func (l *Ledger) Commit(ctx context.Context, c gate.Change) error {
	if err := ledger.Check(c); err != nil {
		return fmt.Errorf("the ledger refuses a change that no decision may make: %w", err)
	}
	leads, err := keepLeads(c)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.holds(c); err != nil {
		return err
	}
	l.apply(c, leads)
	return nil
}

// keepLeads gives the alerts that the change keeps as they come back from a table. That is done once, here, and not with
// every reading.
func keepLeads(c gate.Change) (map[string]alert.Alert, error) {
	var leads map[string]alert.Alert
	keep := func(id string, a alert.Alert) error {
		a, err := keptAlert(a)
		if err != nil {
			return fmt.Errorf("case %s: %w", id, err)
		}
		if leads == nil {
			leads = map[string]alert.Alert{}
		}
		leads[id] = a
		return nil
	}
	for _, w := range c.Cases {
		if w.Lead == nil {
			continue
		}
		if err := keep(w.Now.ID, *w.Lead); err != nil {
			return nil, err
		}
	}
	if w := c.Lead; w != nil {
		if err := keep(w.Case, w.Alert); err != nil {
			return nil, err
		}
	}
	return leads, nil
}

// holds checks every condition of the change.
func (l *Ledger) holds(c gate.Change) error {
	if d := c.Delivery; d != nil {
		if _, there := l.deliveries.get(d.ID, c.At); there {
			return conflict("delivery %s has its verdict already", d.ID)
		}
	}
	if w := c.Incident; w != nil {
		if in, _ := l.incidents.get(keyOf(w.Now.Key), c.At); in.Version != w.Read {
			return conflict("incident %s is at version %d, not %d", w.Now.Key, in.Version, w.Read)
		}
	}
	for _, w := range c.Pointers {
		if names, _ := l.pointers.get(w.Key, c.At); names != w.Read {
			return conflict("grouping key %s names case %q, not %q", w.Key, names, w.Read)
		}
	}
	for _, w := range c.Cases {
		if err := l.caseHolds(w, c.At); err != nil {
			return err
		}
	}
	if w := c.Account; w != nil {
		a := l.accounts[w.Agent]
		if len(w.Put) > 0 && a.Version != w.Read {
			return conflict("account %s is at version %d, not %d", w.Agent, a.Version, w.Read)
		}
		if by := w.OpenedBy; by != nil && (a.Shut.Since.IsZero() || a.Shut.SecretVersion != *by) {
			return conflict("account %s is not shut by that version of the secret any more", w.Agent)
		}
		if w.DownWas != nil && a.Down != down(*w.DownWas) {
			return conflict("account %s has another count of failed calls by now", w.Agent)
		}
	}
	if w := c.Group; w != nil {
		if g, _ := l.groups.get(w.Now.Name, c.At); g.Version != w.Read {
			return conflict("monitor group %s is at version %d, not %d", w.Now.Name, g.Version, w.Read)
		}
	}
	if w := c.Surge; w != nil {
		if s, _ := l.surges.get(w.Now.Name, c.At); s.Version != w.Read {
			return conflict("environment %s is at version %d, not %d", w.Now.Name, s.Version, w.Read)
		}
	}
	if w := c.Told; w != nil {
		if p, _ := l.posts.get(w.Now.ID, c.At); p.Version != w.Read {
			return conflict("post %s is at version %d, not %d", w.Now.ID, p.Version, w.Read)
		}
	}
	if w := c.Hand; w != nil && l.hand.Version != w.Read {
		return conflict("what is set by hand is at version %d, not %d", l.hand.Version, w.Read)
	}
	return nil
}

func (l *Ledger) caseHolds(w gate.CaseWrite, at time.Time) error {
	c, there := l.cases.get(w.Now.ID, at)
	if w.Read.Version == 0 {
		if there {
			return conflict("case %s is already there", w.Now.ID)
		}
		return nil
	}
	if !there {
		return conflict("case %s is not there any more", w.Now.ID)
	}
	if c.Version != w.Read.Version {
		return conflict("case %s is at version %d, not %d", w.Now.ID, c.Version, w.Read.Version)
	}
	if !counts(w.Facts.Firing, c.Firing) {
		return conflict("case %s has %d incidents that fire", w.Now.ID, c.Firing)
	}
	if w.Facts.Last && !c.Last.Equal(ledger.Moment(w.Read.Last)) {
		return conflict("case %s was told meanwhile that it still fires", w.Now.ID)
	}
	if w.Facts.Joined && c.Joined != w.Read.Joined {
		return conflict("case %s was joined meanwhile", w.Now.ID)
	}
	return membersHold(c.Case, ledger.Differ(w).Members)
}

func counts(want gate.Count, firing int) bool {
	switch want {
	case gate.NoneFires:
		return firing <= 0
	case gate.OneFires:
		return firing == 1
	case gate.SomeFire:
		return firing >= 1
	case gate.MoreFire:
		return firing >= 2
	}
	return true
}

func membersHold(c gate.Case, d ledger.MembersDifference) error {
	if len(d.Added)+len(d.Changed)+len(d.Removed) == 0 {
		return nil
	}
	there := map[string]bool{}
	for _, m := range c.Members {
		there[m.Incident] = true
	}
	if len(d.Added) > 0 && len(c.Members) > d.Room() {
		return conflict("case %s keeps as many members as it can", c.ID)
	}
	for _, m := range d.Changed {
		if !there[m.Incident] {
			return conflict("case %s does not keep member %s any more", c.ID, m.Incident)
		}
	}
	for _, incident := range d.Removed {
		if !there[incident] {
			return conflict("case %s does not keep member %s any more", c.ID, incident)
		}
	}
	return nil
}

func conflict(words string, args ...any) error {
	return fmt.Errorf("%w: "+words, append([]any{ledger.ErrConflict}, args...)...)
}

// apply writes a change whose conditions hold.
func (l *Ledger) apply(c gate.Change, leads map[string]alert.Alert) {
	if c.Delivery != nil {
		d := *c.Delivery
		d.Time, d.Decided, d.Saw = ledger.Moment(d.Time), ledger.Moment(d.Decided), copySaw(d.Saw)
		l.deliveries.put(d.ID, d, c.At)
	}
	if c.Incident != nil {
		in := copyIncident(c.Incident.Now)
		in.Fire, in.Rec = ledger.Moment(in.Fire), ledger.Moment(in.Rec)
		for i := range in.Recent {
			in.Recent[i].Time = ledger.Moment(in.Recent[i].Time)
		}
		l.incidents.put(keyOf(in.Key), in, c.At)
	}
	for _, w := range c.Pointers {
		l.pointers.put(w.Key, w.Now, c.At)
	}
	for _, w := range c.Cases {
		l.applyCase(w, leads[w.Now.ID], c.At)
	}
	if c.Account != nil {
		l.applyAccount(*c.Account)
	}
	if c.Group != nil {
		g := copyGroup(c.Group.Now)
		moments(g.Cycles)
		l.groups.put(g.Name, g, c.At)
	}
	if c.Surge != nil {
		s := copySurge(c.Surge.Now)
		moments(s.Opened)
		l.surges.put(s.Name, s, c.At)
	}
	if c.Hand != nil {
		l.hand = copyHand(c.Hand.Now)
		l.hand.Mode.Order = order(l.hand.Mode.Order)
		for i := range l.hand.Silences {
			l.hand.Silences[i].Order = order(l.hand.Silences[i].Order)
		}
	}
	for _, w := range c.Posts {
		l.applyPost(w, c.At)
	}
	if c.Told != nil {
		l.applyTold(c.Told.Now, c.At)
	}
	if c.Lead != nil {
		l.dropped.put(c.Lead.Case, leads[c.Lead.Case], c.At)
	}
}

func moments(list []time.Time) {
	for i := range list {
		list[i] = ledger.Moment(list[i])
	}
}

func order(o gate.Order) gate.Order {
	o.At, o.Until = ledger.Moment(o.At), ledger.Moment(o.Until)
	return o
}

func (l *Ledger) applyCase(w gate.CaseWrite, lead alert.Alert, at time.Time) {
	if w.Read.Version == 0 {
		c := w.Now
		c.Opened, c.Last, c.Gap = ledger.Moment(c.Opened), ledger.Moment(c.Last), ledger.Span(c.Gap)
		c.Members = members(nil, ledger.MembersDifference{Added: c.Members})
		c.Services = ledger.Services(nil, c.Services)
		decide(&c, w.Now)
		l.file(openCase{Case: c, lead: lead}, at)
		delete(l.dropped, c.ID)
		return
	}
	d := ledger.Differ(w)
	if d.None() {
		return
	}
	stored, _ := l.cases.get(w.Now.ID, at)
	c := *stored
	if d.Decided {
		decide(&c.Case, w.Now)
	}
	c.Firing += d.Firing
	c.Joined += d.Joined
	if last := ledger.Moment(w.Now.Last); d.Last && last.After(c.Last) {
		c.Last = last
	}
	if d.Gap {
		c.Gap = ledger.Span(w.Now.Gap)
	}
	c.Members = members(c.Members, d.Members)
	c.Services = ledger.Services(nil, slices.Concat(c.Services, d.Services))
	l.file(c, at)
}

// decide writes the state machine's part.
func decide(c *gate.Case, n gate.Case) {
	c.State, c.Why, c.How, c.Until, c.StartAt = n.State, n.Why, n.How, ledger.Moment(n.Until), ledger.Moment(n.StartAt)
	c.Severity, c.Attempt, c.Doubts, c.NoRepeat, c.Resting = n.Severity, n.Attempt, n.Doubts, n.NoRepeat, n.Resting
	c.Note, c.Hand, c.Version = n.Note, order(n.Hand), n.Version
	c.Called, c.Work = ledger.Moment(n.Called), copyWork(n.Work)
	c.Steps = list(n.Steps)
	for i := range c.Steps {
		c.Steps[i].At = ledger.Moment(c.Steps[i].At)
	}
}

// members applies a difference and gives a new list in the ledger's order.
func members(stored []gate.Member, d ledger.MembersDifference) []gate.Member {
	if len(d.Added)+len(d.Changed)+len(d.Removed) == 0 {
		return stored
	}
	set := map[string]gate.Member{}
	for _, m := range stored {
		set[m.Incident] = m
	}
	for _, incident := range d.Removed {
		delete(set, incident)
	}
	for _, m := range slices.Concat(d.Added, d.Changed) {
		m.Since = ledger.Moment(m.Since)
		set[m.Incident] = m
	}
	if len(set) == 0 {
		return nil
	}
	return slices.SortedFunc(maps.Values(set), ledger.CompareMembers)
}

func (l *Ledger) applyAccount(w gate.AccountWrite) {
	a := l.account(w.Agent)
	if len(w.Put) > 0 {
		a.Version = w.Read + 1
		if !w.Paced.IsZero() {
			a.Money.Paced = ledger.Moment(w.Paced)
		}
		if w.Budget != 0 {
			a.Money.Budget = w.Budget
		}
	} else if len(w.Spend) > 0 || w.Back != nil {
		a.Version++
	}
	for id, r := range w.Put {
		r.Until, r.Pace = ledger.Moment(r.Until), ledger.Span(r.Pace)
		put(&a.Running, id, r)
	}
	for _, id := range w.Drop {
		delete(a.Running, id)
	}
	applyMoney(&a.Money, w)
	if w.Shut != nil {
		a.Shut = *w.Shut
		a.Shut.Since = ledger.Moment(a.Shut.Since)
	}
	if w.Down != nil {
		a.Down = down(*w.Down)
	}
	if w.Hand != nil {
		a.Hand = order(*w.Hand)
	}
	if w.Org != "" && !slices.Contains(a.Orgs, w.Org) {
		a.Orgs = append(a.Orgs, w.Org)
		slices.Sort(a.Orgs)
	}
	l.accounts[w.Agent] = a
}

// applyMoney adds where the table would, also to what is not there.
func applyMoney(m *gate.Money, w gate.AccountWrite) {
	for day, n := range w.Critical {
		put(&m.Critical, day, n)
	}
	for _, date := range w.Forget {
		delete(m.Spent, date)
		delete(m.Critical, date)
	}
	for month, d := range w.Spend {
		put(&m.Spent, month, m.Spent[month]+d)
	}
	if w.Back == nil {
		return
	}
	if pace := ledger.Span(w.Back.Pace); pace != 0 {
		if m.Paced.IsZero() {
			m.Paced = ledger.Moment(time.UnixMilli(0))
		}
		m.Paced = m.Paced.Add(-pace)
	}
	if w.Back.Day != "" {
		put(&m.Critical, w.Back.Day, m.Critical[w.Back.Day]-1)
	}
}

func put[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[key] = value
}

// down is an account's health as it is kept.
func down(d gate.Down) gate.Down {
	d.Until = ledger.Moment(d.Until)
	return d
}
