package explain

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Ledger is what a story is read from: memledger or dynamoledger. Nothing is written.
type Ledger interface {
	ledger.Lister
	Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error)
	LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error)
	Post(ctx context.Context, id string, now time.Time) (gate.Post, error)
}

// Finder reads what Tell needs.
type Finder struct {
	Ledger Ledger
	Agents []string // whose cases and accounts; not empty
	Org    string   // the organisation's id; "": those of which the ledger has cases or dropped alerts
	// Policy is the one at hand, to tell what it says of other priorities; nil: none is.
	Policy gate.Policy
}

// Facts is what the ledger has about what was asked for.
type Facts struct {
	Asked      Asked
	Now        time.Time
	Looked     []string       // where it was looked, in words
	Delivery   *gate.Delivery // the one that was asked for, or that opened the case that was; nil for a monitor
	Incidents  []gate.Incident
	Deliveries map[string]gate.Delivery // those that the incidents and cases mention, as far as they are there
	Cases      []gate.Case
	Leads      map[string]alert.Alert  // by case: the alert that opened it, or would have
	Accounts   map[string]gate.Account // by Agent
	Views      map[string]gate.View    // by case: what a tick would see of it
	Posts      map[string]gate.Post    // by case: what is to be told of it, and what became of that
	Policy     gate.Policy             // the one at hand, as in Finder
}

// Bounds of what one story reads.
const (
	maxIncidents = 20  // of a monitor
	maxMentions  = 120 // deliveries
)

// Find reads the facts. What is not there is no error; Facts.Looked says where it was looked.
func (f Finder) Find(ctx context.Context, a Asked, now time.Time) (Facts, error) {
	s := search{Finder: f, now: now, facts: Facts{
		Asked: a, Now: now, Policy: f.Policy, Deliveries: map[string]gate.Delivery{}, Leads: map[string]alert.Alert{}, Accounts: map[string]gate.Account{},
		Views: map[string]gate.View{}, Posts: map[string]gate.Post{},
	}}
	err := s.all(ctx, a)
	return s.facts, err
}

// Delivery finds the record of the delivery, or of the one that brought the event; nil when there is none. It also says
// under which ids it has looked.
func (f Finder) Delivery(ctx context.Context, a Asked, now time.Time) (*gate.Delivery, []string, error) {
	ids := []string{a.Delivery}
	if a.Event != "" {
		orgs, err := f.orgs(ctx, now)
		if err != nil {
			return nil, nil, err
		}
		ids = nil
		for _, org := range orgs {
			ids = append(ids, datadog.DeliveryID(org, a.Event))
		}
	}
	for _, id := range ids {
		rec, err := f.Ledger.Verdict(ctx, id, now)
		if rec != nil || err != nil {
			return rec, ids, err
		}
	}
	return nil, ids, nil
}

// orgs are the organisations whose alerts can have come: the one that was named, or those of which the accounts say that
// alerts were dropped, those of the cases that there are, and "-" for alerts that name none.
func (f Finder) orgs(ctx context.Context, now time.Time) ([]string, error) {
	if f.Org != "" {
		return []string{f.Org}, nil
	}
	orgs := []string{}
	for _, agent := range f.Agents {
		v, err := f.Ledger.Look(ctx, ledger.Question{Agent: agent}, now)
		if err != nil {
			return nil, err
		}
		for _, org := range v.Account.Orgs {
			if !slices.Contains(orgs, org) {
				orgs = append(orgs, org)
			}
		}
		for _, b := range []gate.Bucket{gate.Queue, gate.Timed, gate.Doubtful, gate.Declined, gate.Closed} {
			cases, _, err := f.Ledger.List(ctx, agent, b, ledger.MaxPage, "", now)
			if err != nil {
				return nil, err
			}
			for _, c := range cases {
				if org, _, found := strings.Cut(c.Incident, "/"); found && !slices.Contains(orgs, org) {
					orgs = append(orgs, org)
				}
			}
		}
	}
	if !slices.Contains(orgs, "-") {
		orgs = append(orgs, "-")
	}
	return orgs, nil
}

// WouldBe is the id of the case that a delivery opens, or would have opened.
func WouldBe(delivery string) string { return gate.CaseID(alert.Alert{Delivery: delivery}) }

// search is one Find.
type search struct {
	Finder
	now   time.Time
	facts Facts
}

func (s *search) all(ctx context.Context, a Asked) error {
	switch {
	case a.Case != "":
		return s.ofCase(ctx, a.Case)
	case a.Incident != alert.Incident{}:
		s.looked("the incident %s", a.Incident)
		if err := s.incident(ctx, a.Incident); err != nil {
			return err
		}
		return s.finish(ctx)
	}
	if a.Delivery != "" || a.Event != "" {
		rec, ids, err := s.Finder.Delivery(ctx, a, s.now)
		if err != nil {
			return err
		}
		s.looked("the delivery %s", strings.Join(ids, ", "))
		if rec != nil {
			return s.ofDelivery(ctx, *rec)
		}
	}
	if a.Monitor != "" {
		return s.ofMonitor(ctx, a.Monitor)
	}
	return nil
}

func (s *search) looked(format string, args ...any) {
	s.facts.Looked = append(s.facts.Looked, fmt.Sprintf(format, args...))
}

func (s *search) ofCase(ctx context.Context, id string) error {
	s.looked("the case %s, and an alert that was dropped and would have opened it", id)
	if err := s.addCase(ctx, id); err != nil {
		return err
	}
	lead, there := s.facts.Leads[id]
	if !there {
		return nil
	}
	rec, err := s.Ledger.Verdict(ctx, lead.Delivery, s.now)
	if err != nil {
		return err
	}
	s.facts.Delivery = rec
	if err := s.incident(ctx, lead.Incident); err != nil {
		return err
	}
	for _, c := range s.facts.Cases {
		for _, m := range c.Members {
			if in, ok := incidentOf(m.Incident); ok {
				if err := s.incident(ctx, in); err != nil {
					return err
				}
			}
		}
	}
	return s.finish(ctx)
}

func (s *search) ofDelivery(ctx context.Context, rec gate.Delivery) error {
	s.facts.Delivery = &rec
	s.facts.Deliveries[rec.ID] = rec
	if rec.Case != "" {
		if err := s.addCase(ctx, rec.Case); err != nil {
			return err
		}
	}
	if id := WouldBe(rec.ID); id != rec.Case { // it may have been started by hand
		if err := s.addCase(ctx, id); err != nil {
			return err
		}
	}
	if in, ok := incidentOf(rec.Incident); ok {
		if err := s.incident(ctx, in); err != nil {
			return err
		}
	}
	return s.finish(ctx)
}

func (s *search) ofMonitor(ctx context.Context, monitor string) error {
	orgs, err := s.orgs(ctx, s.now)
	if err != nil {
		return err
	}
	s.looked("incidents of the monitor %s in the organisations %s", monitor, strings.Join(orgs, ", "))
	for _, org := range orgs {
		list, err := s.Ledger.Incidents(ctx, org, monitor, maxIncidents, s.now)
		if err != nil {
			return err
		}
		s.facts.Incidents = append(s.facts.Incidents, list...)
	}
	return s.finish(ctx)
}

// incident adds an incident that is there.
func (s *search) incident(ctx context.Context, key alert.Incident) error {
	if slices.ContainsFunc(s.facts.Incidents, func(in gate.Incident) bool { return in.Key.String() == key.String() }) {
		return nil
	}
	v, err := s.Ledger.Look(ctx, ledger.Question{Incident: key, Agent: s.Agents[0]}, s.now)
	if err != nil || v.Incident.Version == 0 {
		return err
	}
	s.facts.Incidents = append(s.facts.Incidents, v.Incident)
	return nil
}

// incidentOf reads an incident's name; false for a delivery that has none.
func incidentOf(name string) (alert.Incident, bool) {
	parts := strings.SplitN(name, "/", 3)
	if len(parts) < 3 {
		return alert.Incident{}, false
	}
	return alert.Incident{Org: parts[0], Monitor: parts[1], Key: parts[2]}, true
}

// finish adds the deliveries that the incidents mention, and the cases that these led to.
func (s *search) finish(ctx context.Context) error {
	for _, in := range s.facts.Incidents {
		for _, m := range in.Recent {
			if _, there := s.facts.Deliveries[m.Delivery]; there || len(s.facts.Deliveries) >= maxMentions {
				continue
			}
			rec, err := s.Ledger.Verdict(ctx, m.Delivery, s.now)
			if err != nil {
				return err
			}
			if rec != nil {
				s.facts.Deliveries[rec.ID] = *rec
			}
		}
	}
	if s.facts.Asked.Case != "" {
		return nil // its own story only
	}
	for _, in := range s.facts.Incidents {
		if in.Case != "" {
			if err := s.addCase(ctx, in.Case); err != nil {
				return err
			}
		}
	}
	return nil
}

// addCase adds a case that is there, with the alert that opened it and its account; or the alert alone.
func (s *search) addCase(ctx context.Context, id string) error {
	if slices.ContainsFunc(s.facts.Cases, func(c gate.Case) bool { return c.ID == id }) {
		return nil
	}
	agent := s.Agents[0]
	v, err := s.Ledger.LookCase(ctx, id, agent, s.now)
	if own := v.Cases[id].Agent; err == nil && own != "" && own != agent {
		v, err = s.Ledger.LookCase(ctx, id, own, s.now)
	}
	if err != nil {
		return err
	}
	if lead, there := v.Leads[id]; there {
		s.facts.Leads[id] = lead
	}
	if v, err = ledger.Hear(ctx, s.Ledger, v, gate.Asks(v, id, gate.Rules{}, s.now), s.now); err != nil { // as the tick does
		return err
	}
	if c, there := v.Cases[id]; there {
		s.facts.Cases = append(s.facts.Cases, c)
		s.facts.Accounts[v.Account.Agent], s.facts.Views[id] = v.Account, v
		s.facts.Posts[id], err = s.Ledger.Post(ctx, id, s.now)
	}
	return err
}
