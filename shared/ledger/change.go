package ledger

import (
	"errors"
	"fmt"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Check tells what is wrong with a change that no decision may ask for: what gate.Change.Check finds, and what no
// store could apply in one step. Every ledger refuses such a change before it writes anything; it is a bug, and the
// same change will be refused again.
func Check(c gate.Change) error {
	if c.At.IsZero() && !c.Empty() {
		return errors.New("the change has no time")
	}
	if d := c.Delivery; d != nil && d.ID == "" {
		return errors.New("the change records a delivery without an id")
	}
	if w := c.Incident; w != nil {
		if w.Now.Key.Key == "" {
			return errors.New("the change writes an incident without a key")
		}
		if w.Now.Version != w.Read+1 {
			return fmt.Errorf("incident %s: its version went from %d to %d", w.Now.Key, w.Read, w.Now.Version)
		}
	}
	if err := checkPointers(c.Pointers); err != nil {
		return err
	}
	if err := checkCases(c.Cases); err != nil {
		return err
	}
	if c.Account != nil {
		if err := checkAccount(*c.Account); err != nil {
			return err
		}
	}
	return c.Check()
}

func checkPointers(writes []gate.PointerWrite) error {
	if len(writes) > gate.MaxKeys {
		return fmt.Errorf("the change writes %d grouping keys; at most %d are possible", len(writes), gate.MaxKeys)
	}
	seen := map[string]bool{}
	for _, w := range writes {
		switch {
		case w.Key == "":
			return errors.New("the change writes an empty grouping key")
		case w.Now == "":
			return fmt.Errorf("the change makes grouping key %q name no case", w.Key)
		case seen[w.Key]:
			return fmt.Errorf("the change writes grouping key %q twice", w.Key)
		}
		seen[w.Key] = true
	}
	return nil
}

func checkCases(writes []gate.CaseWrite) error {
	seen := map[string]bool{}
	for _, w := range writes {
		switch {
		case seen[w.Now.ID]:
			return fmt.Errorf("the change writes case %s twice", w.Now.ID)
		case w.Read.Version > 0 && fixed(w.Read) != fixed(w.Now):
			return fmt.Errorf("case %s: the change touches what is fixed when a case is opened", w.Now.ID)
		case len(w.Now.Members) > gate.MaxMembers:
			return fmt.Errorf("case %s: it has %d members; at most %d are kept", w.Now.ID, len(w.Now.Members), gate.MaxMembers)
		}
		seen[w.Now.ID] = true
	}
	return nil
}

func checkAccount(w gate.AccountWrite) error {
	if w.Agent == "" {
		return errors.New("the change writes an account without a name")
	}
	for _, id := range w.Drop {
		if _, put := w.Put[id]; put {
			return fmt.Errorf("the change puts and drops the reservation of case %s", id)
		}
	}
	return nil
}

// fixed is the part of a case that never changes once it is open.
func fixed(c gate.Case) [8]string {
	return [8]string{
		c.ID, c.Agent, c.Title, c.Service, c.Incident, c.TraceID, c.Trace, Moment(c.Opened).String(),
	}
}

// Difference is what a CaseWrite does to a case that is there, beyond its conditions. It is computed from Read and Now
// and applied to the case as stored, which others may have counted on meanwhile.
type Difference struct {
	Decided bool // the state machine's part is replaced by Now's, the version included
	Firing  int  // added
	Joined  int  // added
	Last    bool // raised to Now's, if that is later than what is stored
	Members MembersDifference
}

// MembersDifference is what happens to a case's members. They are a set by incident, kept within gate.MaxMembers by
// conditions on themselves: a join that would exceed the bound, or that touches a member which another join has put out
// meanwhile, conflicts and decides again. That happens only while the set still changes, which a storm soon ends: a
// full set takes nothing but what is more severe.
type MembersDifference struct {
	Added   []gate.Member // condition: there is room for them, counting Removed
	Changed []gate.Member // condition: there
	Removed []string      // by incident; condition: there
}

// Room is how many members may be stored at most before the difference is applied.
func (d MembersDifference) Room() int { return gate.MaxMembers - len(d.Added) + len(d.Removed) }

// None tells that nothing is written: the CaseWrite is a condition only.
func (d Difference) None() bool {
	m := d.Members
	return !d.Decided && d.Firing == 0 && d.Joined == 0 && !d.Last &&
		len(m.Added) == 0 && len(m.Changed) == 0 && len(m.Removed) == 0
}

// Differ computes the difference of a write to a case that is there.
func Differ(w gate.CaseWrite) Difference {
	return Difference{
		Decided: w.Now.Version != w.Read.Version,
		Firing:  w.Now.Firing - w.Read.Firing,
		Joined:  w.Now.Joined - w.Read.Joined,
		Last:    Moment(w.Now.Last).After(Moment(w.Read.Last)),
		Members: differ(w.Read.Members, w.Now.Members),
	}
}

func differ(read, now []gate.Member) MembersDifference {
	var d MembersDifference
	old := map[string]gate.Member{}
	for _, m := range read {
		old[m.Incident] = m
	}
	for _, m := range now {
		o, there := old[m.Incident]
		delete(old, m.Incident)
		switch {
		case !there:
			d.Added = append(d.Added, m)
		case o != m:
			d.Changed = append(d.Changed, m)
		}
	}
	for _, m := range read {
		if _, gone := old[m.Incident]; gone {
			d.Removed = append(d.Removed, m.Incident)
		}
	}
	return d
}

// CompareMembers is the order in which every ledger gives a case's members: the most severe first, then the oldest.
func CompareMembers(a, b gate.Member) int {
	if a.Severity != b.Severity {
		return int(b.Severity) - int(a.Severity)
	}
	if c := a.Since.Compare(b.Since); c != 0 {
		return c
	}
	if a.Incident < b.Incident {
		return -1
	}
	if a.Incident > b.Incident {
		return 1
	}
	return 0
}
