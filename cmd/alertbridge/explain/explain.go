// Package explain tells the whole story of an alert, a case or a monitor: what came, what was decided by which line of the
// policy and with which numbers, what was set by hand, what the Agent was told and said, what it cost, and what would have
// had to differ for another verdict.
//
// Three steps: Parse reads what is asked for, a Finder reads the facts from the ledger, and Tell makes a Story of them.
// The first and the last are pure, so that a story can be tested on records that somebody has built. What would have had to
// differ is not guessed: a delivery's record keeps what its verdict rested on, and the gate itself is asked again with one
// thing changed at a time.
package explain

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/start"
)

// Story is what is told. Times are in UTC, to the millisecond. Fields are added, never given another meaning.
type Story struct {
	Asked string `json:"asked"`
	Found bool   `json:"found"`
	// Of what was not found: where it was looked, and what else it could be.
	Looked []string `json:"looked,omitempty"`
	Could  []string `json:"could,omitempty"`

	Alert  *Alert   `json:"alert,omitempty"` // the one that was asked for, or that opened the case that was
	Events []Event  `json:"events"`          // the time line, the oldest first
	Cases  []Case   `json:"cases"`
	Hints  []string `json:"hints,omitempty"` // what is left out, and what can be done

	Others []Other `json:"others,omitempty"` // other verdicts for Alert, and what each would have needed
	Doubt  string  `json:"doubt,omitempty"`  // why there may be more of them than are told
}

// Alert is an alert and its verdict.
type Alert struct {
	Delivery   string    `json:"delivery"`
	Title      string    `json:"title,omitempty"`
	Transition string    `json:"transition,omitempty"`
	Incident   string    `json:"incident,omitempty"`
	Time       time.Time `json:"time,omitzero"` // when it happened
	Decided    time.Time `json:"decided,omitzero"`
	Verdict    string    `json:"verdict"`
	Reason     string    `json:"reason"`
	Meaning    string    `json:"meaning"` // of the reason
	Because    string    `json:"because,omitempty"`
	Hand       string    `json:"by_hand,omitempty"`
	Words      string    `json:"words,omitempty"` // what was wrong with one that could not be read
	Agent      string    `json:"agent,omitempty"`
	Case       string    `json:"case,omitempty"`
	Policy     string    `json:"policy,omitempty"` // the version of the policy
	Route      string    `json:"route,omitempty"`  // its route through the policy
	TraceID    string    `json:"trace_id,omitempty"`
}

// Event is one thing that happened.
type Event struct {
	At    time.Time `json:"at"`
	What  string    `json:"what"` // "alert" or "case"
	ID    string    `json:"id"`   // of the delivery or the case
	Text  string    `json:"text"`
	Notes []string  `json:"notes,omitempty"`
}

// Case is a case and what it cost.
type Case struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Why   string `json:"why,omitempty"`
	How   string `json:"how,omitempty"`
	Title string `json:"title,omitempty"`
	Note  string `json:"note,omitempty"`
	Cost  string `json:"cost"`
	// Investigation is what the Agent has told of it; left out where its work is not followed, or it was not called.
	Investigation *caseview.Investigation `json:"investigation,omitempty"`
	// Page is the address of the Agent's own page of the task, where Link was told how that is addressed.
	Page string `json:"page,omitempty"`
	// Tells says in words how that stands.
	Tells string `json:"tells,omitempty"`
	// Dollars is what was spent, or else what is reckoned as spent or reserved; left out where no price is known.
	Dollars *float64 `json:"dollars,omitempty"`
	// Next is what the next tick does about a case that waits, and Others what it would do, and what each would have needed.
	Next   *Other  `json:"next,omitempty"`
	Others []Other `json:"others,omitempty"`
	// Told is who was told what of it, the oldest first.
	Told []caseview.Told `json:"told,omitempty"`
	Sent *Sent           `json:"sent,omitempty"` // nil where the Agent was not called, or the alert is not kept any more
}

// Sent is what the Agent was told. It is made once more from the record, and so can differ from what was sent in what
// joined or recovered while the Agent was being called.
type Sent struct {
	Priority    string `json:"priority"`
	Title       string `json:"title"`
	Service     string `json:"service"`
	Timestamp   string `json:"timestamp"`
	Incidents   int    `json:"incidents"` // that it tells of
	Description string `json:"description"`
}

// Tell makes a story of what was found.
func Tell(f Facts) Story {
	s := Story{Asked: f.Asked.Text, Events: []Event{}, Cases: []Case{}}
	lead, kept := f.Leads[f.Asked.Case]
	if f.Delivery == nil && len(f.Incidents) == 0 && len(f.Cases) == 0 && !kept {
		s.Looked, s.Could = f.Looked, could(f.Asked)
		return s
	}
	s.Found = true
	if rec := f.Delivery; rec != nil {
		s.Alert = alertOf(*rec)
		s.Others, s.Doubt = Differ(*rec, f.Policy)
	}
	s.Events = events(f)
	for _, c := range f.Cases {
		s.Cases = append(s.Cases, caseOf(f, c))
	}
	s.Hints = hints(f)
	if f.Delivery == nil && kept && len(f.Cases) == 0 {
		s.Hints = append(s.Hints, "the record of the delivery "+lead.Delivery+" is gone; the alert itself is kept")
	}
	return s
}

func alertOf(d gate.Delivery) *Alert {
	a := &Alert{
		Delivery: d.ID, Title: d.Title, Transition: d.Transition, Incident: d.Incident, Time: ledger.Moment(d.Time),
		Decided: ledger.Moment(d.Decided), Verdict: string(d.Verdict), Reason: string(d.Reason), Meaning: Meaning(d.Reason),
		Because: d.Because, Hand: d.Hand, Words: d.Words, Agent: d.Agent, Case: d.Case, TraceID: d.TraceID,
	}
	if d.Saw != nil {
		a.Policy, a.Route = d.Saw.Rules.Version, d.Saw.Rules.Route
	}
	return a
}

// events is the time line: the deliveries that are part of the story, and the steps of its cases.
func events(f Facts) []Event {
	list := []Event{}
	told := map[string]bool{}
	add := func(d gate.Delivery) {
		if told[d.ID] || !part(f, d) {
			return
		}
		told[d.ID] = true
		list = append(list, eventOf(d))
	}
	for _, in := range f.Incidents {
		for _, m := range in.Recent {
			d, there := f.Deliveries[m.Delivery]
			if !there { // its record has gone before the incident's
				d = gate.Delivery{ID: m.Delivery, Time: m.Time, Decided: m.Time, Transition: m.Transition, Verdict: m.Verdict, Reason: m.Reason}
			}
			add(d)
		}
	}
	for _, d := range f.Deliveries {
		add(d)
	}
	if f.Delivery != nil {
		add(*f.Delivery)
	}
	for _, c := range f.Cases {
		for _, step := range c.Steps {
			list = append(list, Event{At: ledger.Moment(step.At), What: "case", ID: c.ID, Text: step.Text})
		}
		for _, t := range caseview.ToldOf(f.Posts[c.ID]) {
			e := Event{At: t.At, What: "case", ID: c.ID, Text: t.String()}
			if t.Words != "" {
				e.Notes = []string{t.Words}
			}
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b Event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.What, b.What)) })
	return list
}

// part: of a case's own story only what led to it, and what came meanwhile and led to no other.
func part(f Facts, d gate.Delivery) bool {
	if f.Asked.Case == "" || d.Case == f.Asked.Case || f.Delivery != nil && d.ID == f.Delivery.ID {
		return true
	}
	for _, c := range f.Cases {
		if d.Case == "" && c.ID == f.Asked.Case && !d.Decided.Before(c.Opened) {
			return true
		}
	}
	return false
}

func eventOf(d gate.Delivery) Event {
	what := d.Transition
	if what == "" {
		what = "a delivery"
	}
	e := Event{At: ledger.Moment(d.Decided), What: "alert", ID: d.ID, Text: fmt.Sprintf("%s: %s, %s", what, d.Verdict, d.Reason)}
	if d.Case != "" {
		e.Text += ", case " + d.Case
	}
	if late := d.Decided.Sub(d.Time); late >= 30*time.Second && !d.Time.IsZero() {
		e.Notes = append(e.Notes, "it had happened "+length(late)+" before")
	}
	for _, note := range []string{d.Because, d.Words} {
		if note != "" {
			e.Notes = append(e.Notes, note)
		}
	}
	if d.Hand != "" {
		e.Notes = append(e.Notes, "by hand: "+d.Hand)
	}
	return e
}

func caseOf(f Facts, c gate.Case) Case {
	out := Case{ID: c.ID, State: string(c.State), Why: string(c.Why), How: string(c.How), Title: c.Title, Note: c.Note, Sent: sent(f, c)}
	out.Next, out.Others = pending(f, c)
	out.Told = caseview.ToldOf(f.Posts[c.ID])
	if v := caseview.InvestigationOf(c, f.Now); v != nil {
		out.Investigation, out.Tells = v, v.Tells(out.State, f.Now)
	}
	price, known := priceOf(f, c)
	r, held := f.Accounts[c.Agent].Running[c.ID]
	switch v := out.Investigation; {
	case held && r.Money > 0:
		price, known = r.Money, true
		out.Cost = "about " + price.String() + " is reserved until " + clock(r.Until)
		if v != nil && !r.Until.After(f.Now) {
			out.Cost = "about " + price.String() + " is reserved until it is known what became of it"
		}
		if v != nil && v.Ran > 0 {
			out.Cost += "; so far it " + v.Cost()
		}
	case v != nil && v.Price == caseview.TruePrice:
		price, known = c.Work.Booked, true
		out.Cost = price.String() + ", by the running time that the Agent has told"
		if ran := c.Work.Ran(f.Now); ran > 0 {
			out.Cost += ": " + ran.Round(time.Second).String()
		}
	case v != nil && v.Price == caseview.Reckoned:
		price, known = c.Work.Booked, true
		out.Cost = "about " + price.String() + " as reckoned, for nobody has told when it ended"
	case v != nil && !v.Confirmed && v.Dollars == nil && !v.Absent.IsZero() && c.State == gate.Ended:
		out.Cost, price, known = "nothing, as far as is known: the Agent never showed that it has it", 0, true
	case c.Shadow:
		out.Cost = "nothing, for it is only observed"
		if known {
			out.Cost += "; it would be about " + price.String()
		}
		price, known = 0, true
	case c.Attempt == 0:
		out.Cost, price, known = "nothing, for it was not started", 0, true
		if c.State == gate.Waiting {
			out.Cost = "nothing yet"
		}
	case c.State == gate.Refused || c.State == gate.Waiting:
		out.Cost, price, known = "nothing, as far as is known: the Agent did not take it", 0, true
	case known:
		out.Cost = "about " + price.String() + ", as reckoned by the policy; the Agent's own bill has the true price"
	default:
		out.Cost = "not known: the policy that started it has no price"
	}
	if known {
		dollars := float64((price+5_000)/10_000) / 100
		out.Dollars = &dollars
	}
	return out
}

func sent(f Facts, c gate.Case) *Sent {
	lead, kept := f.Leads[c.ID]
	if c.Attempt == 0 || !kept {
		return nil
	}
	m := start.Told(c, lead)
	return &Sent{
		Priority: m.Priority, Title: m.Title, Service: m.Service, Timestamp: m.Timestamp,
		Incidents: 1 + max(len(c.Members), c.Firing-1), Description: m.Description,
	}
}

// priceOf is what the policy reckons for the case, by the rules of the alert that opened it.
func priceOf(f Facts, c gate.Case) (gate.Dollars, bool) {
	for _, d := range f.Deliveries {
		if (d.Case == c.ID || WouldBe(d.ID) == c.ID) && d.Saw != nil && d.Saw.Rules.Budget.Case > 0 {
			return d.Saw.Rules.Budget.Case, true
		}
	}
	return 0, false
}

func hints(f Facts) []string {
	var list []string
	for _, in := range f.Incidents {
		if len(in.Recent) == gate.MaxMentions {
			list = append(list, fmt.Sprintf("of the incident %s only the latest %d notifications are on record here; others may have joined", in.Key, gate.MaxMentions))
		}
	}
	for _, in := range f.Incidents {
		if asked := f.Asked.Case; asked != "" && in.Case != "" && in.Case != asked {
			list = append(list, fmt.Sprintf("the incident %s belongs to case %s by now", in.Key, in.Case))
		}
	}
	for _, c := range f.Cases {
		if p := f.Posts[c.ID]; !p.Over && p.Tries > 0 {
			list = append(list, fmt.Sprintf("not all of case %s could be told yet: nothing of it in the last %d tries; it is tried again at %s",
				c.ID, p.Tries, clock(p.Until)))
		}
	}
	if len(f.Deliveries) >= maxMentions {
		list = append(list, fmt.Sprintf("only %d deliveries are told of", maxMentions))
	}
	if rec := f.Delivery; rec != nil && rec.Verdict == gate.Drop && len(f.Cases) == 0 {
		if _, kept := f.Leads[WouldBe(rec.ID)]; kept {
			list = append(list, "it can be started by hand: alertbridge start "+rec.ID)
		}
	}
	return list
}

// could says what else it can be when nothing is found.
func could(a Asked) []string {
	list := []string{fmt.Sprintf("it is older: records are kept for %d days", ledger.Life/(24*time.Hour))}
	if a.Event != "" || a.Monitor != "" {
		// Only cases and accounts tell a ledger which organisations there are: an account names no more than gate.MaxOrgs, and
		// none whose alerts an older build has dropped.
		words := "it is of an organisation of which no case and no dropped alert is known here: name that with --org ORG"
		if a.Event != "" {
			words += ", or ask for dd-ORG-" + a.Event
		}
		list = append(list, words+`; ORG is Datadog's $ORG_ID, and stands in each record "alert decided" of dispatcher's log, as in "delivery":"dd-ORG-…"`)
	}
	if a.Event != "" || a.Delivery != "" {
		list = append(list,
			"it was not accepted: the records of ingest say what Datadog was answered",
			"it is not decided yet: it waits in the queue, or in the dead-letter queue",
			"Datadog did not send it: the monitor's message names no @webhook, or its event stream shows the failed delivery")
	}
	if a.Monitor != "" {
		list = append(list, "nothing that the monitor said has opened or changed an incident: its Warn and test notifications are found by their events only")
	}
	if a.Case != "" {
		list = append(list, "it is of another bridge: --table or --url names that one")
	}
	return list
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Link adds the Agent's own page to each case of which a task is known. AWS documents no address of it: page comes from the
// operator.
func (s *Story) Link(page func(task string) string) {
	for i, c := range s.Cases {
		if c.Investigation != nil && c.Investigation.Task != "" {
			s.Cases[i].Page = page(c.Investigation.Task)
		}
	}
}
