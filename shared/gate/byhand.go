package gate

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What a person can do about a case. Each of these decides like the tick does, on the case as it was read, so that a hand
// and the tick never act on each other's ignorance; the one that comes second reads again. None of them calls the Agent:
// what shall be started is made due, and the next tick starts it.

// ErrNothing says that there is neither a case nor an alert of that id.
var ErrNothing = errors.New("there is neither a case nor a dropped alert of this id")

// Promote makes the next tick start a case, whatever it waits for but slots and the Agent: one that waits, that was
// refused, or that rests in doubt, which is repeated once more. A case that ended without having been started, or an
// alert that was dropped, gets a new case in its place. Where everything has recovered, or the last word is too old, the
// hand's word counts as a notification that says it fires. The error says why there is nothing to start.
//
// v must hold the case and its lead, by the case's id. For what gets a new case it must hold besides: the lead's incident
// and the case that this names; and, so that the new case is what the policy would have made of it, the lead's delivery
// and the grouping keys of the rules in it, with the cases that these name.
func Promote(v View, caseID string, o Order, now time.Time) (Decision, error) {
	c, there := v.Cases[caseID]
	if !there || c.Shadow && c.State == Waiting {
		return reopened(v, c, caseID, o, now)
	}
	switch {
	case c.HasStarted():
		return Decision{}, fmt.Errorf("case %s has been started already, at %s; a second start would be paid for once more",
			c.ID, c.StartAt.UTC().Format(time.RFC3339))
	case c.State == Starting:
		return Decision{}, fmt.Errorf("case %s is being started at this moment", c.ID)
	case c.State == Ended:
		return reopened(v, c, caseID, o, now)
	}
	n := c
	n.Hand, n.Until, n.Resting = o, now, false
	facts := CaseFacts{}
	if n.Firing == 0 { // everything in it has recovered, and somebody wants it started all the same
		n.Firing, facts.Firing = 1, NoneFires
	}
	n.Last = later(n.Last, now) // else what is old would end by its age before the Agent or a slot is there
	n.Version++
	n = Noted(n, "start asked for by hand"+o.String(), now)
	return Decision{Case: n.ID, Did: Explains, Change: Change{At: now, Cases: []CaseWrite{{Read: c, Now: n, Facts: facts}}}}, nil
}

// reopened opens a case for what has none that could be started. old is the case as far as there is one.
func reopened(v View, old Case, id string, o Order, now time.Time) (Decision, error) {
	lead, there := v.Leads[id]
	if !there {
		return Decision{}, fmt.Errorf("%w: %.100q; cases and alerts are kept for 30 days", ErrNothing, id)
	}
	own := v.Cases[v.Incident.Case]
	if own.ID != id && (own.live() || own.State == Started || own.State == Refused) && !own.Shadow {
		return Decision{}, fmt.Errorf("the incident belongs to case %s by now, which is %s; see to that one", own.ID, own.State)
	}
	r := rulesThen(v)
	n := Case{
		ID: id, Agent: v.Account.Agent, State: Waiting, Why: WhyHold, Until: now, Opened: now, Severity: r.Ranks(lead),
		Hand: o, Version: 1, Firing: 1, Last: now, Title: cut(lead.Title, 200), Service: cut(lead.Service(), 100),
		Incident: lead.Incident.String(), TraceID: old.TraceID, Trace: old.Trace,
	}
	n = Noted(n, "opened by hand"+o.String(), now)
	if old.ID != "" {
		n.ID = caseIDAgain(old.ID, now)
	}
	if v.Delivery != nil {
		n.TraceID = v.Delivery.TraceID
	}
	in := v.Incident
	in.Key, in.Case, in.Version = lead.Incident, n.ID, in.Version+1
	if lead.Time.After(in.Fire) {
		in.Fire = lead.Time
	}
	dec := Decision{Case: n.ID, Did: Opens, Change: Change{
		At: now, Incident: &IncidentWrite{Read: v.Incident.Version, Now: in},
		Cases: []CaseWrite{{Now: n, Lead: &lead}},
	}}
	for _, key := range r.Keys {
		if named := v.Cases[v.Pointers[key.Name]]; named.ID == old.ID || named.ID == own.ID && own.Shadow || !named.live() {
			dec.Change.Pointers = append(dec.Change.Pointers, PointerWrite{Key: key.Name, Read: v.Pointers[key.Name], Now: n.ID})
		}
	}
	for i, c := range []Case{own, old} { // what was only observed is over: it would be the same start twice
		if c.Shadow && c.State == Waiting && (i == 0 || c.ID != own.ID) {
			over := end(c, EndObserved, "opened anew as case "+n.ID+" by hand"+o.String(), now)
			dec.Change.Cases = append(dec.Change.Cases, CaseWrite{Read: c, Now: over})
		}
	}
	return dec, nil
}

// rulesThen are the rules that the lead was decided by; without grouping keys, and with the alert's own severity, where
// that is not known any more.
func rulesThen(v View) Rules {
	if v.Delivery == nil || v.Delivery.Saw == nil {
		return Rules{}
	}
	return v.Delivery.Saw.Rules
}

// caseIDAgain is the id of the case that takes another's place.
func caseIDAgain(id string, now time.Time) string {
	sum := sha256.Sum256([]byte(id + "/" + strconv.FormatInt(now.UnixMilli(), 10)))
	return "ab-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// Retry opens an account that is shut, and forgets that its Agent could not be reached: the next tick calls it again.
// If the cause is still there, the account is shut again by the first call. Who opened it is kept with it, until somebody
// does so again. An account that is open gets a Decision with an empty Change.
func Retry(a Account, o Order, now time.Time) Decision {
	w := AccountWrite{Agent: a.Agent}
	if !a.Shut.Since.IsZero() {
		by := a.Shut.SecretVersion
		w.Shut, w.OpenedBy = &Shut{}, &by
	}
	if was := a.Down; was != (Down{}) {
		w.Down, w.DownWas = &Down{}, &was
	}
	if w.Shut == nil && w.Down == nil {
		return Decision{}
	}
	w.Hand = &o
	return Decision{Change: Change{At: now, Account: &w}}
}

// Stop ends what is done about a case. One that waits ends as silenced. One that was refused is not tried again. One in
// doubt counts as refused. One that was started ends as assumed: its slot is free and its money spent; the Agent itself
// is not told, and goes on until somebody stops it there. The error says why there is nothing to stop.
//
// tells says that people outside were told of the case: then they are told of this too.
func Stop(v View, caseID string, o Order, tells bool, now time.Time) (Decision, error) {
	c, there := v.Cases[caseID]
	if !there {
		return Decision{}, fmt.Errorf("%w: %.100q", ErrNothing, caseID)
	}
	n, acct, did := c, (*AccountWrite)(nil), Ends
	n.Hand, n.Resting = Order{}, false
	words := "stopped by hand" + o.String()
	switch c.State {
	case Waiting:
		n = end(n, EndSilenced, words, now)
	case Started:
		n, acct = given(v.Account, n)
		n = end(n, EndAssumed, words+"; the Agent itself was not told", now)
	case Refused, InDoubt:
		did = Explains
		if c.State == InDoubt {
			did = Settles
			n, acct = given(v.Account, n)
			words += "; it is not known whether the Agent took it"
		}
		n.State, n.Until = Refused, now
		n.Version++
		n = Noted(n, words, now)
	case Starting:
		return Decision{}, fmt.Errorf("case %s is being started at this moment; stop it when the Agent has answered", c.ID)
	default:
		return Decision{}, fmt.Errorf("case %s has ended already, as %s", c.ID, c.How)
	}
	dec := Decision{Case: c.ID, Did: did, Change: Change{At: now, Account: acct, Cases: []CaseWrite{{Read: c, Now: n}}}}
	switch {
	case !tells:
	case c.State == Waiting, c.State == Started:
		return posted(dec, true), nil
	case c.State == Refused, c.LeftInDoubt(): // a doubt that counts as refused is not what the Agent said
		dec.Change.Posts = []PostWrite{{ID: c.ID, Agent: c.Agent, Moments: []Moment{WasNot}}}
	}
	return dec, nil
}

// given gives up a case's reservation. Its money counts as spent, for nobody knows what of it was used. Where the Agent's
// work is followed the case notes what was booked for it: should the Agent say what it has cost, that takes its place.
func given(a Account, c Case) (Case, *AccountWrite) {
	r, there := a.Running[c.ID]
	if !there {
		return c, nil
	}
	if !c.Called.IsZero() && r.Money > 0 {
		c.Work.Booked += r.Money
		c.Work.Month = r.Month
	}
	return c, &AccountWrite{Agent: a.Agent, Drop: []string{c.ID}, Spend: r.books()}
}
