package gate

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// noon is when the scenes of these tests play.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const ms = time.Millisecond

// judgedTransitions are those that say that an incident fires.
var judgedTransitions = []string{"Triggered", "Re-Triggered", "Renotify", "Warn", "Re-Warn", "No Data", "Re-No Data"}

// caseStates are the states of a case as the page names them, "none" included.
var caseStates = []string{
	"none", "waiting", "starting", "in doubt", "resting", "started", "refused",
	"ended assumed", "ended completed", "ended recovered", "ended expired", "ended silenced", "ended observed",
}

// keyed gives rules these grouping keys, each for the join window.
func keyed(p Rules, names ...string) Rules {
	p.Keys = nil
	for _, name := range names {
		p.Keys = append(p.Keys, Key{Name: name, For: p.Window})
	}
	return p
}

// policyAll judges every transition.
func policyAll() Rules {
	p := DefaultRules()
	p.OnWarn, p.OnNoData, p.OnTest = StartIt, StartIt, StartIt
	return p
}

func incidentKey(key string) alert.Incident {
	if key == "cycle" {
		return alert.Incident{Org: "1200", Monitor: "77", Key: "c.6789012345678901234", Cycle: true}
	}
	return alert.Incident{Org: "1200", Monitor: "77", Key: "g.06ade3da0286048d242ea8e46f521c93"}
}

// said is an alert of the scene's incident.
func said(id string, tr alert.Transition, at time.Time, key string) alert.Alert {
	return alert.Alert{
		Delivery: id, Source: "datadog", Incident: incidentKey(key), Transition: tr, Severity: alert.Medium, Time: at,
		Title: "Checkout latency is high", Scope: []string{"service:checkout", "env:prod"},
		Monitor: alert.Monitor{ID: "77", Name: "Checkout latency"},
	}
}

func arrivalOf(a alert.Alert) Arrival {
	return Arrival{Alert: a, TraceID: "1234567890", Trace: "traceparent"}
}

// caseIn is a case as the page names its state; severity Medium, three incidents that fire, version 7.
func caseIn(state, id string) Case {
	c := Case{
		ID: id, Agent: "default", Opened: noon.Add(-2 * time.Hour), StartAt: noon.Add(-10 * time.Minute),
		Severity: alert.Medium, Attempt: 2, Version: 7, Firing: 3, Joined: 4, Last: noon.Add(-9 * time.Minute),
		Title: "Opened it", Service: "checkout", Incident: "1200/77/opened-it", TraceID: "99", Trace: "carrier",
		Members: []Member{{Incident: "1200/77/m1", Title: "First", Severity: alert.Low, Since: noon.Add(-time.Hour)}},
	}
	switch state {
	case "waiting":
		c.State, c.Why, c.Until = Waiting, WhySlots, noon.Add(-time.Hour)
	case "starting":
		c.State, c.Until = Starting, noon.Add(20*time.Second)
	case "in doubt":
		c.State, c.Doubts, c.Until = InDoubt, 1, noon.Add(-time.Minute)
	case "resting":
		c.State, c.Doubts, c.Until, c.Resting = InDoubt, 2, noon.Add(-time.Minute), true
	case "started":
		c.State, c.Until = Started, noon.Add(5*time.Minute)
	case "refused":
		c.State, c.Until = Refused, noon.Add(-time.Minute)
	default:
		c.State, c.Until, c.How = Ended, noon.Add(-time.Minute), How(strings.TrimPrefix(state, "ended "))
	}
	return c
}

// stateName is the page's name for a case's state.
func stateName(c Case) string {
	switch c.State {
	case "":
		return "none"
	case Waiting:
		return "waiting (" + string(c.Why) + ")"
	case InDoubt:
		if c.Resting {
			return "resting"
		}
		return "in doubt"
	case Ended:
		return "ended " + string(c.How)
	}
	return string(c.State)
}

// viewOf is a view of an open account in which the incident has this case, unless the case is the zero value.
func viewOf(in Incident, own Case) View {
	v := View{
		Incident: in, Pointers: map[string]string{}, Cases: map[string]Case{}, Leads: map[string]alert.Alert{},
		Account: Account{Agent: "default", Version: 5, Running: map[string]Reservation{}, Orgs: []string{"1200"}},
	}
	if own.ID != "" {
		v.Incident.Case = own.ID
		v.Cases[own.ID] = own
		v.Leads[own.ID] = said("opener", alert.Triggered, own.Opened, "fallback")
	}
	return v
}

// bare is the case without what people are told of it.
func bare(c Case) Case {
	c.Steps = nil
	return c
}

// fill takes every slot but one, or all of them.
func fill(a *Account, n int, until time.Time) {
	for i := range n {
		a.Running[fmt.Sprintf("other-%d", i)] = Reservation{Attempt: 1, Until: until}
	}
}

// sane checks what holds for every decision, whatever it is about: it can be applied, it claims at most what it has
// reserved, and it rests on what was read.
func sane(t testing.TB, v View, d Decision) {
	if err := d.Change.Check(); err != nil {
		t.Errorf("%+v: the change is refused: %v", d, err)
	}
	if d.Verdict != "" && Reasons()[d.Reason] != d.Verdict {
		t.Errorf("reason %q does not belong to verdict %q", d.Reason, d.Verdict)
	}
	if d.Verdict == "" && d.Reason != "" {
		t.Errorf("reason %q without a verdict", d.Reason)
	}
	if !d.Change.Empty() && d.Change.At.IsZero() {
		t.Error("a change without a time")
	}
	if w := d.Change.Incident; w != nil {
		if w.Read != v.Incident.Version || w.Now.Version != w.Read+1 {
			t.Errorf("the incident was read at version %d; written on condition of %d as %d", v.Incident.Version, w.Read, w.Now.Version)
		}
		if w.Now.Fire.Before(v.Incident.Fire) || w.Now.Rec.Before(v.Incident.Rec) {
			t.Errorf("a time of the incident went back: %+v to %+v", v.Incident, w.Now)
		}
	}
	for _, w := range d.Change.Pointers {
		if w.Read != v.Pointers[w.Key] {
			t.Errorf("key %q was read as %q; written on condition of %q", w.Key, v.Pointers[w.Key], w.Read)
		}
	}
	seen := map[string]bool{}
	for _, w := range d.Change.Cases {
		if seen[w.Now.ID] {
			t.Errorf("case %s is written twice", w.Now.ID)
		}
		seen[w.Now.ID] = true
		saneCase(t, v, w)
	}
	saneClaim(t, v, d)
	saneRecord(t, d)
}

// saneRecord: what a verdict rested on gives it again.
func saneRecord(t testing.TB, d Decision) {
	rec := d.Change.Delivery
	if rec == nil || rec.Reason == Unreadable {
		return
	}
	s := rec.Saw
	again := Arrive(s.View, Arrival{Alert: s.Alert}, s.Rules, s.Now)
	if again.Verdict != rec.Verdict || again.Reason != rec.Reason || again.Case != rec.Case || again.Change.Delivery.Because != rec.Because {
		t.Errorf("decided as %s %s (%s); what it saw gives %s %s (%s)", rec.Verdict, rec.Reason, rec.Because,
			again.Verdict, again.Reason, again.Change.Delivery.Because)
	}
}

func saneCase(t testing.TB, v View, w CaseWrite) {
	if w.Read.Version == 0 {
		if _, there := v.Cases[w.Now.ID]; there {
			t.Errorf("case %s is opened although it is there", w.Now.ID)
		}
		return
	}
	if !reflect.DeepEqual(w.Read, v.Cases[w.Now.ID]) {
		t.Errorf("case %s is written on condition of something else than what was read", w.Now.ID)
	}
	if f, g := fixedOf(w.Read), fixedOf(w.Now); f != g {
		t.Errorf("a fixed field changed: %v to %v", f, g)
	}
	if n := w.Now.Firing - w.Read.Firing; n < -1 || n > 1 {
		t.Errorf("the count of incidents that fire changed by %d", n)
	}
	if w.Now.Last.Before(w.Read.Last) {
		t.Error("the last notification went back")
	}
	if len(w.Now.Members) > MaxMembers {
		t.Errorf("%d members", len(w.Now.Members))
	}
	if w.Now.Version == w.Read.Version && w.Now.Order() != w.Read.Order() {
		t.Errorf("the index order changed from %s to %s without a new version", w.Read.Order(), w.Now.Order())
	}
}

func fixedOf(c Case) [10]string {
	return [10]string{
		c.ID, c.Agent, c.Opened.String(), c.Title, c.Service, c.Incident, c.TraceID, c.Trace, c.Storm, fmt.Sprint(c.Shadow),
	}
}

// saneClaim: exactly who reserves may call, and only for a case that this very change makes starting.
func saneClaim(t testing.TB, v View, d Decision) {
	acct := d.Change.Account
	if d.Start == nil {
		if acct != nil {
			for id, put := range acct.Put { // only what runs longer than reckoned keeps what it has
				was, held := v.Account.Running[id]
				longer := put.Until.After(was.Until) && put.Money >= was.Money
				put.Until, put.Money = was.Until, was.Money
				again := !held && d.Did == Confirms && d.Change.Cases[0].Read.State != Started // its start was taken for lost
				if !again && (!held || !longer || put != was || d.Did != Learns && d.Did != Confirms) {
					t.Errorf("a reservation without a claim: %+v, was %+v", put, was)
				}
			}
		}
		for _, w := range d.Change.Cases {
			if w.Now.State == Starting && w.Read.State != Starting {
				t.Errorf("case %s becomes starting and nobody may call", w.Now.ID)
			}
		}
		return
	}
	c := d.Start.Case
	i := slices.IndexFunc(d.Change.Cases, func(w CaseWrite) bool { return w.Now.ID == c.ID })
	if i < 0 || !reflect.DeepEqual(d.Change.Cases[i].Now, c) || c.State != Starting {
		t.Fatalf("the claim is not for a case as this change leaves it: %+v", c)
	}
	if c.Attempt != d.Change.Cases[i].Read.Attempt+1 || !c.Until.Equal(d.Change.At.Add(Lease)) {
		t.Errorf("attempt %d with a lease until %v", c.Attempt, c.Until)
	}
	if c.Firing < 1 {
		t.Error("a start for a case in which nothing fires")
	}
	res := d.Start.Held
	want := map[string]Reservation{c.ID: res}
	if res.Attempt != c.Attempt || !res.Until.Equal(d.Start.Until) || res.Critical != (c.Severity >= alert.Critical) {
		t.Errorf("it reserves %+v for %+v", res, c)
	}
	if c.Shadow {
		t.Errorf("case %s is only observed, and starts", c.ID)
	}
	if acct == nil || !maps.Equal(acct.Put, want) || acct.Read != v.Account.Version || acct.Agent != v.Account.Agent {
		t.Errorf("the claim reserves %+v, want %+v at version %d", acct, want, v.Account.Version)
	}
	if d.Start.Down != v.Account.Down {
		t.Error("the claim does not carry the account's health")
	}
}

// shapeOf says in the words of table "commits" what a decision about an arriving alert writes and rests on.
func shapeOf(d Decision, own string) entry {
	e := entry{
		"delivery": "–", "incident": "–", "its case": "–", "the case it leaves": "–", "grouping keys": "–", "account": "–",
	}
	if d.Change.Delivery != nil {
		e["delivery"] = "not there"
	}
	if d.Change.Incident != nil {
		e["incident"] = "as read"
	}
	for _, w := range d.Change.Cases {
		switch {
		case w.Now.ID != own:
			e["the case it leaves"] = "as read"
		case w.Read.Version == 0:
			e["its case"] = "not there"
		case reflect.DeepEqual(w.Read, w.Now):
			e["its case"] = "only checked"
		default:
			e["its case"] = "as read" + map[Count]string{MoreFire: ", more fire", OneFires: ", one fires"}[w.Facts.Firing]
		}
	}
	if len(d.Change.Pointers) > 0 {
		e["grouping keys"] = "as read"
	}
	if d.Change.Account != nil {
		e["account"] = "as read"
	}
	return e
}

// committed compares the shape of a decision with the page's table "commits". leaves and keyed say whether, in this
// scene, an incident leaves another case and the alert has grouping keys; a column that the scene has no use for is –.
func committed(t *testing.T, what string, d Decision, own string, leaves, keyed bool) {
	row, got := lookup(t, "commits", entry{"what happens": what}), shapeOf(d, own)
	for col, v := range got {
		want := row[col]
		switch {
		case col == "the case it leaves" && !leaves, col == "grouping keys" && !keyed:
			want = "–"
		}
		if v != want && !(strings.HasSuffix(want, ", or –") && (v == "–" || v == strings.TrimSuffix(want, ", or –"))) {
			t.Errorf("%s: the commit writes %s as %q, the page says %q", what, col, v, want)
		}
	}
}

// scene names a scene where something is wrong in it, and costs nothing where nothing is.
type scene func() string

func (s scene) String() string { return s() }

func sceneOf(what ...any) scene { return func() string { return fmt.Sprintf("%+v", what) } }

func mapsKeys[K comparable, V any](m map[K]V) func(func(K) bool) { return maps.Keys(m) }
