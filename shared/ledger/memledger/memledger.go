// Package memledger is the ledger in memory, for tests and for trying the bridge out on one machine.
//
// It is one map for each kind of record under one lock, so every commit is whole and every read sees the last one. What
// it keeps is what dynamoledger would keep: times to the millisecond in UTC, and the alert that opened a case as its
// JSON says it (lead.go). Values are copied on the way in and on the way out (copy.go). What a decision rested on becomes
// JSON only when it is read, which hardly anybody does. Expired records count as absent, and stay until they are written
// over: a process that runs for months should use the other ledger.
package memledger

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Ledger is a ledger in memory. It is safe for use by many goroutines.
type Ledger struct {
	mu         sync.Mutex
	deliveries shelf[string, gate.Delivery]
	incidents  shelf[incidentKey, gate.Incident]
	pointers   shelf[string, string]
	cases      shelf[string, *openCase] // what a pointer names is never changed: a new one takes its place
	index      index
	dropped    shelf[string, alert.Alert] // by the id of the case that the alert would have opened
	groups     shelf[string, gate.Group]
	surges     shelf[string, gate.Surge]
	accounts   map[string]gate.Account // an account does not expire
	hand       gate.Hand               // nor does what is set by hand
}

// openCase is a case with the alert that opened it, and where it is in the index.
type openCase struct {
	gate.Case
	lead    alert.Alert
	section section
	entry   entry
}

// incidentKey is what makes two incidents the same one.
type incidentKey struct{ org, monitor, key string }

func keyOf(i alert.Incident) incidentKey { return incidentKey{i.Org, i.Monitor, i.Key} }

// New makes an empty ledger.
func New() *Ledger {
	return &Ledger{
		deliveries: shelf[string, gate.Delivery]{},
		incidents:  shelf[incidentKey, gate.Incident]{},
		pointers:   shelf[string, string]{},
		cases:      shelf[string, *openCase]{},
		index:      index{},
		dropped:    shelf[string, alert.Alert]{},
		groups:     shelf[string, gate.Group]{},
		surges:     shelf[string, gate.Surge]{},
		accounts:   map[string]gate.Account{},
	}
}

// shelf holds the records of one kind with their time of life.
type shelf[K comparable, V any] map[K]kept[V]

type kept[V any] struct {
	value   V
	expires int64
}

// get finds a record that is there at this time.
func (s shelf[K, V]) get(key K, now time.Time) (V, bool) {
	k, there := s[key]
	if !there || ledger.Gone(k.expires, now) {
		var none V
		return none, false
	}
	return k.value, true
}

func (s shelf[K, V]) put(key K, value V, at time.Time) { s[key] = kept[V]{value, ledger.Expires(at)} }

// Look implements ledger.Ledger.
func (l *Ledger) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	if err := ctx.Err(); err != nil {
		return gate.View{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.view(q.Agent)
	if d, there := l.deliveries.get(q.Delivery, now); there {
		d.Saw = seen(d.Saw, q.Saw)
		v.Delivery = &d
	}
	in, _ := l.incidents.get(keyOf(q.Incident), now)
	v.Incident = copyIncident(in)
	group, _ := l.groups.get(q.Group, now)
	v.Group = copyGroup(group)
	surge, _ := l.surges.get(q.Surge, now)
	v.Surge = copySurge(surge)
	named := []string{v.Incident.Case, v.Surge.Case}
	for _, key := range q.Pointers {
		if id, there := l.pointers.get(key, now); there {
			v.Pointers[key] = id
			named = append(named, id)
		}
	}
	if q.Leads {
		v.Leads = map[string]alert.Alert{}
	}
	l.addCases(&v, named, now)
	return v, nil
}

// LookCase implements ledger.Ledger.
func (l *Ledger) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	if err := ctx.Err(); err != nil {
		return gate.View{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.view(agent)
	if id == "" {
		l.addCases(&v, slices.Collect(maps.Keys(v.Account.Running)), now)
		return v, nil
	}
	v.Leads = map[string]alert.Alert{}
	if l.addCases(&v, []string{id}, now); len(v.Cases) > 0 {
		return v, nil
	}
	lead, there := l.dropped.get(id, now)
	if !there {
		return v, nil
	}
	v.Leads[id] = copyAlert(lead)
	return v, nil
}

// view begins a View with what every one has.
func (l *Ledger) view(agent string) gate.View {
	return gate.View{
		Pointers: map[string]string{}, Cases: map[string]gate.Case{}, Account: l.account(agent), Hand: copyHand(l.hand),
	}
}

// addCases adds the cases that are there, with the alerts that opened them where the view wants them.
func (l *Ledger) addCases(v *gate.View, ids []string, now time.Time) {
	for _, id := range ids {
		c, there := l.cases.get(id, now)
		if _, again := v.Cases[id]; again || !there {
			continue
		}
		v.Cases[id] = copyCase(c.Case)
		if v.Leads == nil {
			continue
		}
		v.Leads[id] = copyAlert(c.lead)
	}
}

func (l *Ledger) account(agent string) gate.Account {
	a := copyAccount(l.accounts[agent])
	a.Agent = agent
	return a
}

// Due implements ledger.Ledger.
func (l *Ledger) Due(ctx context.Context, agent string, now time.Time) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Concat(l.first(agent, gate.Timed, gate.OrderUntil(now), now), l.first(agent, gate.Queue, "", now)), nil
}

// first names the first cases of a bucket, those below an order where one is given.
func (l *Ledger) first(agent string, b gate.Bucket, below string, now time.Time) []string {
	var ids []string
	for order, c := range l.bucket(agent, b, now) {
		if len(ids) == ledger.MaxDue || below != "" && order >= below {
			break
		}
		ids = append(ids, c.ID)
	}
	return ids
}

// List implements ledger.Lister.
func (l *Ledger) List(
	ctx context.Context, agent string, b gate.Bucket, limit int, from string, now time.Time,
) ([]gate.Case, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var page []gate.Case
	for order, c := range l.bucket(agent, b, now) {
		if order <= from {
			continue
		}
		if len(page) == ledger.PageSize(limit) {
			return page, page[len(page)-1].Order(), nil
		}
		page = append(page, copyCase(c.Case))
	}
	return page, "", nil
}

// Verdict implements ledger.Lister.
func (l *Ledger) Verdict(ctx context.Context, delivery string, now time.Time) (*gate.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	d, there := l.deliveries.get(delivery, now)
	if !there {
		return nil, nil
	}
	d.Saw = seen(d.Saw, true)
	return &d, nil
}

// seen gives what a decision rested on as it comes back from a table, where it is asked for.
func seen(s *gate.Saw, asked bool) *gate.Saw {
	if !asked {
		return nil
	}
	return ledger.DecodeSaw(ledger.EncodeSaw(s))
}

// Incidents implements ledger.Lister.
func (l *Ledger) Incidents(ctx context.Context, org, monitor string, limit int, now time.Time) ([]gate.Incident, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []gate.Incident
	for key := range l.incidents {
		if in, there := l.incidents.get(key, now); there && key.org == org && key.monitor == monitor {
			list = append(list, copyIncident(in))
		}
	}
	slices.SortFunc(list, ledger.CompareIncidents)
	return list[:min(len(list), ledger.PageSize(limit))], nil
}
