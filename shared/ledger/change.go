package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/match"
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
		switch {
		case w.Now.Key.Key == "":
			return errors.New("the change writes an incident without a key")
		case w.Now.Version != w.Read+1:
			return fmt.Errorf("incident %s: its version went from %d to %d", w.Now.Key, w.Read, w.Now.Version)
		case len(w.Now.Recent) > gate.MaxMentions:
			return fmt.Errorf("incident %s: it has %d notifications; at most %d are kept", w.Now.Key, len(w.Now.Recent), gate.MaxMentions)
		}
	}
	if err := checkPointers(c.Pointers); err != nil {
		return err
	}
	if err := checkCases(c.Cases); err != nil {
		return err
	}
	if c.Account != nil {
		if err := checkAccount(*c.Account, c.Cases); err != nil {
			return err
		}
	}
	if err := checkMemory(c); err != nil {
		return err
	}
	if err := checkPosts(c); err != nil {
		return err
	}
	if c.Hand != nil {
		if err := checkHand(*c.Hand); err != nil {
			return fmt.Errorf("what is set by hand: %w", err)
		}
	}
	if w := c.Lead; w != nil {
		switch {
		case w.Case == "":
			return errors.New("the change keeps an alert under no case's id")
		case slices.ContainsFunc(c.Cases, func(cw gate.CaseWrite) bool { return cw.Now.ID == w.Case }):
			return fmt.Errorf("case %s: the change writes it, and keeps an alert that was dropped under its id", w.Case)
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
		if err := checkServices(w.Read.Services, w.Now.Services); err != nil {
			return fmt.Errorf("case %s: %w", w.Now.ID, err)
		}
		seen[w.Now.ID] = true
	}
	return nil
}

// checkServices: nothing is taken away, and nobody who reads a full set adds to it. Joins at once may go beyond the
// bound, by what each of them has found room for.
func checkServices(read, now []string) error {
	if len(read) > 0 && slices.Equal(read, now) { // as it is in most of a storm's joins
		return nil
	}
	for _, name := range read {
		if !slices.Contains(now, name) {
			return fmt.Errorf("the change takes service %q away", name)
		}
	}
	switch {
	case slices.Contains(now, ""):
		return errors.New("the change adds a service without a name")
	case len(now) > len(read) && len(now) > gate.MaxServices:
		return fmt.Errorf("it has %d services; at most %d are kept", len(now), gate.MaxServices)
	}
	return nil
}

func checkAccount(w gate.AccountWrite, cases []gate.CaseWrite) error {
	if w.Agent == "" {
		return errors.New("the change writes an account without a name")
	}
	for _, id := range w.Drop {
		if _, put := w.Put[id]; put {
			return fmt.Errorf("the change puts and drops the reservation of case %s", id)
		}
	}
	put, adds := len(w.Put) > 0, len(w.Spend) > 0 || w.Back != nil
	switch {
	case !put && (!w.Paced.IsZero() || w.Budget != 0 || len(w.Critical) > 0 || len(w.Forget) > 0):
		return fmt.Errorf("account %s: the change counts a start and puts no reservation", w.Agent)
	case put && w.Back != nil:
		return fmt.Errorf("account %s: the change puts a reservation and gives one back", w.Agent)
	case adds && !put && !slices.ContainsFunc(cases, onceOnly):
		return fmt.Errorf("account %s: the change spends or gives back, and could be made twice: no case's version is raised with it", w.Agent)
	}
	if w.Hand != nil {
		if err := checkOrder(*w.Hand); err != nil {
			return fmt.Errorf("account %s: %w", w.Agent, err)
		}
	}
	return checkMoney(w)
}

// onceOnly tells whether a commit with this write can be made once only.
func onceOnly(w gate.CaseWrite) bool { return w.Now.Version != w.Read.Version }

// checkMoney: months and days are names of attributes, and each is written in one way.
func checkMoney(w gate.AccountWrite) error {
	for month := range w.Spend {
		switch {
		case !isDate(month, "2006-01"):
			return fmt.Errorf("account %s: %q is no month such as 2026-11", w.Agent, month)
		case slices.Contains(w.Forget, month):
			return fmt.Errorf("account %s: the change spends in %s and forgets it", w.Agent, month)
		}
	}
	for day, n := range w.Critical {
		switch {
		case !isDate(day, time.DateOnly):
			return fmt.Errorf("account %s: %q is no day such as 2026-11-27", w.Agent, day)
		case n < 0:
			return fmt.Errorf("account %s: %d critical starts on %s", w.Agent, n, day)
		case slices.Contains(w.Forget, day):
			return fmt.Errorf("account %s: the change counts on %s and forgets it", w.Agent, day)
		}
	}
	for _, date := range w.Forget {
		if !isDate(date, "2006-01") && !isDate(date, time.DateOnly) {
			return fmt.Errorf("account %s: %q is neither a month such as 2026-11 nor a day such as 2026-11-27", w.Agent, date)
		}
	}
	if b := w.Back; b != nil && (b.Pace < 0 || b.Day != "" && !isDate(b.Day, time.DateOnly)) {
		return fmt.Errorf("account %s: %v on day %q cannot be given back", w.Agent, b.Pace, b.Day)
	}
	return nil
}

func isDate(s, layout string) bool {
	_, err := time.Parse(layout, s)
	return err == nil
}

// checkMemory is about what is remembered of a monitor group and of an environment.
func checkMemory(c gate.Change) error {
	if w := c.Group; w != nil {
		switch {
		case w.Now.Name == "":
			return errors.New("the change writes a monitor group without a name")
		case w.Now.Version != w.Read+1:
			return fmt.Errorf("monitor group %s: its version went from %d to %d", w.Now.Name, w.Read, w.Now.Version)
		case len(w.Now.Cycles) > gate.MaxCycles:
			return fmt.Errorf("monitor group %s: it has %d cycles; at most %d are kept", w.Now.Name, len(w.Now.Cycles), gate.MaxCycles)
		}
	}
	if w := c.Surge; w != nil {
		switch {
		case w.Now.Name == "":
			return errors.New("the change writes an environment without a name")
		case w.Now.Version != w.Read+1:
			return fmt.Errorf("environment %s: its version went from %d to %d", w.Now.Name, w.Read, w.Now.Version)
		case len(w.Now.Opened) > gate.MaxOpened:
			return fmt.Errorf("environment %s: it has %d openings; at most %d are kept", w.Now.Name, len(w.Now.Opened), gate.MaxOpened)
		}
	}
	return nil
}

// checkHand keeps what is set by hand within its bounds. A person has typed it, so the words say what to do.
func checkHand(w gate.HandWrite) error {
	switch {
	case w.Now.Version != w.Read+1:
		return fmt.Errorf("its version went from %d to %d", w.Read, w.Now.Version)
	case len(w.Now.Silences) > gate.MaxSilences:
		return fmt.Errorf("%d silences; at most %d are kept: expire some", len(w.Now.Silences), gate.MaxSilences)
	}
	if m := w.Now.Mode.Mode; m != "" && !slices.Contains(gate.Modes(), m) {
		return fmt.Errorf("%.40q is no mode; it is one of %v", m, gate.Modes())
	}
	if err := checkOrder(w.Now.Mode.Order); err != nil {
		return fmt.Errorf("mode %s: %w", w.Now.Mode.Mode, err)
	}
	seen := map[string]bool{}
	for _, s := range w.Now.Silences {
		if s.ID == "" || len(s.ID) > gate.MaxSilenceID || seen[s.ID] {
			return fmt.Errorf("a silence needs an id of its own, of at most %d bytes; %.40q is none", gate.MaxSilenceID, s.ID)
		}
		seen[s.ID] = true
		if err := checkSilence(s); err != nil {
			return fmt.Errorf("silence %s: %w", s.ID, err)
		}
	}
	return nil
}

func checkSilence(s gate.Silence) error {
	switch n := len(s.Matchers); {
	case n == 0:
		return errors.New("without a matcher it would mute every alert; the mode does that")
	case n > gate.MaxMatchers:
		return fmt.Errorf("%d matchers; at most %d are kept: let one be a regular expression", n, gate.MaxMatchers)
	}
	for _, m := range s.Matchers {
		back, err := match.Parse(m.String())
		if err != nil {
			return err
		}
		if back.Name != m.Name || back.Op != m.Op || back.Value != m.Value {
			return fmt.Errorf("the matcher %s would be read back as %s", m, back)
		}
	}
	return checkOrder(s.Order)
}

func checkOrder(o gate.Order) error {
	switch {
	case len(o.By) > gate.MaxBy:
		return fmt.Errorf("the author %.40q… is longer than %d bytes", o.By, gate.MaxBy)
	case len(o.Reason) > gate.MaxReason:
		return fmt.Errorf("the reason %.40q… is longer than %d bytes", o.Reason, gate.MaxReason)
	}
	return nil
}

// fixed is the part of a case that never changes once it is open.
func fixed(c gate.Case) [10]string {
	return [10]string{
		c.ID, c.Agent, c.Title, c.Service, c.Incident, c.TraceID, c.Trace, Moment(c.Opened).String(), c.Storm,
		strconv.FormatBool(c.Shadow),
	}
}

// Difference is what a CaseWrite does to a case that is there, beyond its conditions. It is computed from Read and Now
// and applied to the case as stored, which others may have counted on meanwhile.
type Difference struct {
	Decided bool // the state machine's part is replaced by Now's, the version included
	Firing  int  // added
	Joined  int  // added
	Last    bool // raised to Now's, if that is later than what is stored
	Gap     bool // set to Now's
	Members MembersDifference
	// Services are added to the set that is stored; adding one that is there changes nothing.
	Services []string
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
	return !d.Decided && d.Firing == 0 && d.Joined == 0 && !d.Last && !d.Gap && len(d.Services) == 0 &&
		len(m.Added) == 0 && len(m.Changed) == 0 && len(m.Removed) == 0
}

// Differ computes the difference of a write to a case that is there.
func Differ(w gate.CaseWrite) Difference {
	return Difference{
		Decided:  w.Now.Version != w.Read.Version,
		Firing:   w.Now.Firing - w.Read.Firing,
		Joined:   w.Now.Joined - w.Read.Joined,
		Last:     Moment(w.Now.Last).After(Moment(w.Read.Last)),
		Gap:      Span(w.Now.Gap) != Span(w.Read.Gap),
		Members:  differ(w.Read.Members, w.Now.Members),
		Services: Services(w.Read.Services, w.Now.Services),
	}
}

// Services are those that are not in read yet, sorted, each once; nil when there are none.
func Services(read, now []string) []string {
	var added []string
	if slices.Equal(read, now) {
		return nil
	}
	for _, name := range now {
		if !slices.Contains(read, name) {
			added = append(added, name)
		}
	}
	slices.Sort(added)
	return slices.Compact(added)
}

func differ(read, now []gate.Member) MembersDifference {
	var d MembersDifference
	if slices.Equal(read, now) { // as it is in most writes
		return d
	}
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
