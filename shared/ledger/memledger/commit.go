package memledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Commit implements ledger.Ledger. All conditions are looked at before anything is written.
func (l *Ledger) Commit(ctx context.Context, c gate.Change) error {
	if err := ledger.Check(c); err != nil {
		return fmt.Errorf("the ledger refuses a change that no decision may make: %w", err)
	}
	leads, err := encodeLeads(c.Cases)
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

func encodeLeads(writes []gate.CaseWrite) (map[string][]byte, error) {
	leads := map[string][]byte{}
	for _, w := range writes {
		if w.Lead == nil {
			continue
		}
		text, err := ledger.EncodeLead(*w.Lead)
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", w.Now.ID, err)
		}
		leads[w.Now.ID] = text
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
func (l *Ledger) apply(c gate.Change, leads map[string][]byte) {
	if c.Delivery != nil {
		d := *c.Delivery
		d.Time, d.Decided = ledger.Moment(d.Time), ledger.Moment(d.Decided)
		l.deliveries.put(d.ID, d, c.At)
	}
	if c.Incident != nil {
		in := c.Incident.Now
		in.Fire, in.Rec = ledger.Moment(in.Fire), ledger.Moment(in.Rec)
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
}

func (l *Ledger) applyCase(w gate.CaseWrite, lead []byte, at time.Time) {
	if w.Read.Version == 0 {
		c := w.Now
		c.Until, c.Opened = ledger.Moment(c.Until), ledger.Moment(c.Opened)
		c.StartAt, c.Last = ledger.Moment(c.StartAt), ledger.Moment(c.Last)
		c.Members = members(nil, ledger.MembersDifference{Added: c.Members})
		l.cases.put(c.ID, openCase{c, lead}, at)
		return
	}
	d := ledger.Differ(w)
	if d.None() {
		return
	}
	c, _ := l.cases.get(w.Now.ID, at)
	if d.Decided {
		n := w.Now
		c.State, c.Why, c.How, c.Until, c.StartAt = n.State, n.Why, n.How, ledger.Moment(n.Until), ledger.Moment(n.StartAt)
		c.Severity, c.Attempt, c.Doubts, c.NoRepeat, c.Resting = n.Severity, n.Attempt, n.Doubts, n.NoRepeat, n.Resting
		c.Note, c.Version = n.Note, n.Version
	}
	c.Firing += d.Firing
	c.Joined += d.Joined
	if last := ledger.Moment(w.Now.Last); d.Last && last.After(c.Last) {
		c.Last = last
	}
	c.Members = members(c.Members, d.Members)
	l.cases.put(c.ID, c, at)
}

// members applies a difference and gives a new list in the ledger's order.
func members(stored []gate.Member, d ledger.MembersDifference) []gate.Member {
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
	}
	for id, r := range w.Put {
		if a.Running == nil {
			a.Running = map[string]gate.Reservation{}
		}
		a.Running[id] = gate.Reservation{Attempt: r.Attempt, Until: ledger.Moment(r.Until)}
	}
	for _, id := range w.Drop {
		delete(a.Running, id)
	}
	if w.Shut != nil {
		a.Shut = *w.Shut
		a.Shut.Since = ledger.Moment(a.Shut.Since)
	}
	if w.Down != nil {
		a.Down = down(*w.Down)
	}
	l.accounts[w.Agent] = a
}

// down is an account's health as it is kept.
func down(d gate.Down) gate.Down {
	d.Until = ledger.Moment(d.Until)
	return d
}
