package explain_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/explain"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/match"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// told is a bridge that has taken these alerts, of one monitor, at noon and a second later each.
func told(t *testing.T, r gate.Rules, alerts ...alert.Alert) *memledger.Ledger {
	t.Helper()
	l := memledger.New()
	for i, a := range alerts {
		now := noon.Add(time.Duration(i) * time.Second)
		v, err := l.Look(t.Context(), ledger.Question{Delivery: a.Delivery, Incident: a.Incident, Pointers: r.Pointers(), Agent: r.Agent}, now)
		if err == nil {
			err = l.Commit(t.Context(), gate.Arrive(v, gate.Arrival{Alert: a}, r, now).Change)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// said is what the monitor 77 says of one of its groups.
func said(delivery, group string, tr alert.Transition) alert.Alert {
	return alert.Alert{
		Delivery: delivery, Incident: alert.Incident{Org: "1000042", Monitor: "77", Key: "g." + group}, Transition: tr,
		Severity: alert.Medium, Title: "Checkout " + group, Time: noon.Add(-time.Minute),
	}
}

// joining are rules that hold, and join all groups of a monitor.
func joining() gate.Rules {
	r := gate.DefaultRules()
	r.Hold, r.Agent = time.Minute, "payments"
	r.Keys = []gate.Key{{Name: "monitor:77", For: time.Hour}}
	return r
}

func TestFind(t *testing.T) {
	l := told(t, joining(), said("dd-1000042-8873248385148318281", "a", alert.Triggered), said("dd-1000042-8873248385148318282", "b", alert.Triggered),
		said("dd-1000042-8873248385148318283", "c", alert.Warn))
	lead := explain.WouldBe("dd-1000042-8873248385148318281")
	for _, row := range []struct {
		id, org  string
		delivery string // the one that the story is about
		cases    []string
		alerts   int // deliveries that are told of
	}{
		{"8873248385148318281", "", "dd-1000042-8873248385148318281", []string{lead}, 1},
		{"8873248385148318282", "", "dd-1000042-8873248385148318282", []string{lead}, 1},
		{"8873248385148318283", "", "dd-1000042-8873248385148318283", nil, 1}, // a Warn leaves no incident
		{"8873248385148318281", "1000043", "", nil, 0},
		{"8873248385148318289", "", "", nil, 0},
		{"dd-1000042-8873248385148318282", "", "dd-1000042-8873248385148318282", []string{lead}, 1},
		{lead, "", "dd-1000042-8873248385148318281", []string{lead}, 2}, // with the member that joined
		{"77", "", "", []string{lead}, 2},
		{"78", "", "", nil, 0},
		{"1000042/77/g.b", "", "", []string{lead}, 1},
		{"1000042/77/g.x", "", "", nil, 0},
		{"ab-nothing", "", "", nil, 0},
	} {
		asked, err := explain.Parse(row.id)
		if err != nil {
			t.Fatal(err)
		}
		f, err := explain.Finder{Ledger: l, Agents: []string{"default", "payments"}, Org: row.org}.Find(t.Context(), asked, noon.Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		got, cases := "", []string(nil)
		if f.Delivery != nil {
			got = f.Delivery.ID
		}
		for _, c := range f.Cases {
			cases = append(cases, c.ID)
			if _, there := f.Accounts["payments"]; !there || f.Leads[c.ID].Title != "Checkout a" {
				t.Errorf("%s: the case comes without its account or alert", row.id)
			}
		}
		if got != row.delivery || !slices.Equal(cases, row.cases) || len(f.Deliveries) != row.alerts || len(f.Looked) == 0 {
			t.Errorf("%s: %s, cases %v, %d deliveries, looked for %q", row.id, got, cases, len(f.Deliveries), f.Looked)
		}
		if s := explain.Tell(f); s.Found != (row.alerts > 0) {
			t.Errorf("%s: found %t", row.id, s.Found)
		}
	}
}

// Of an organisation whose alerts were all dropped there is no case. The account names it, so its events and monitors are
// found all the same. Of one that nothing names they are found with the organisation, or by the delivery, and what is said
// then leads there.
func TestFindInAnOrganisationWithoutACase(t *testing.T) {
	r := joining()
	r.Mode = gate.ModeOff
	dropped := told(t, r, said("dd-1000042-8873248385148318281", "a", alert.Triggered))
	unknown := forgetful{told(t, r, said("dd-1000042-8873248385148318281", "a", alert.Triggered))}
	for _, row := range []struct {
		l       explain.Ledger
		id, org string
		found   bool
	}{
		{dropped, "8873248385148318281", "", true},
		{dropped, "https://app.datadoghq.eu/event/event?id=8873248385148318281", "", true},
		{dropped, "8873248385148318281", "1000042", true},
		{dropped, "8873248385148318281", "1000043", false},
		{dropped, "dd-1000042-8873248385148318281", "", true},
		{dropped, "77", "", true},
		{unknown, "8873248385148318281", "", false},
		{unknown, "8873248385148318281", "1000042", true},
		{unknown, "dd-1000042-8873248385148318281", "", true},
	} {
		asked, err := explain.Parse(row.id)
		if err != nil {
			t.Fatal(err)
		}
		facts, err := explain.Finder{Ledger: row.l, Agents: []string{"payments"}, Org: row.org}.Find(t.Context(), asked, noon)
		if err != nil {
			t.Fatal(err)
		}
		s := explain.Tell(facts)
		told := slices.ContainsFunc(s.Could, func(c string) bool {
			return strings.Contains(c, "name that with --org ORG, or ask for dd-ORG-8873248385148318281;")
		})
		if s.Found != row.found || told == row.found {
			t.Errorf("%s in %q: found %t, and it could be %q", row.id, row.org, s.Found, s.Could)
		}
	}
}

// forgetful is a ledger whose accounts name no organisation, as an older build has left them.
type forgetful struct{ *memledger.Ledger }

func (l forgetful) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	v, err := l.Ledger.Look(ctx, q, now)
	v.Account.Orgs = nil
	return v, err
}

// An alert that names no organisation is found by its event, too: nobody can name one for it.
// What the next tick does about a case of two groups, when a silence mutes the first of them, or both: it is asked with
// what the tick would hear, whatever the story is asked for by.
func TestFindWhatASilenceComesTo(t *testing.T) {
	for silence, want := range map[string]string{"Checkout a": "wait, hold", "Checkout .*": "end, silenced"} {
		l := told(t, joining(), said("dd-1000042-1", "a", alert.Triggered), said("dd-1000042-2", "b", alert.Triggered))
		m, err := match.New("title", match.Matches, silence)
		if err != nil {
			t.Fatal(err)
		}
		c, err := gate.AddSilence(gate.Hand{}, gate.Silence{Matchers: []match.Matcher{m}, Order: gate.Order{By: "ana", Reason: "release"}}, false, noon)
		if err != nil || l.Commit(t.Context(), c) != nil {
			t.Fatal(err)
		}
		for _, id := range []string{explain.WouldBe("dd-1000042-1"), "dd-1000042-2"} {
			asked, err := explain.Parse(id)
			if err != nil {
				t.Fatal(err)
			}
			facts, err := explain.Finder{Ledger: l, Agents: []string{"payments"}, Policy: joining()}.Find(t.Context(), asked, noon.Add(30*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if s := explain.Tell(facts); len(s.Cases) != 1 || s.Cases[0].Next == nil || s.Cases[0].Next.String() != want {
				t.Errorf("%s silenced, asked for %s: %+v, want %s", silence, id, s.Cases, want)
			}
		}
	}
}

func TestFindWithoutAnOrganisation(t *testing.T) {
	id := datadog.DeliveryID("-", "8873248385148318299")
	l := told(t, joining(), said("dd-1000042-1", "a", alert.Triggered), said(id, "b", alert.Triggered))
	f, err := explain.Finder{Ledger: l, Agents: []string{"payments"}}.Find(t.Context(), explain.Asked{Event: "8873248385148318299"}, noon)
	if err != nil || f.Delivery == nil || f.Delivery.ID != id {
		t.Errorf("%s: looked for %q, %v", id, f.Looked, err)
	}
}

// The story of a case is its own, though its incident has gone on to another.
func TestFindACaseThatItsIncidentHasLeft(t *testing.T) {
	r := joining()
	r.Keys, r.Mode = nil, gate.ModeObserve
	l := told(t, r, said("dd-1000042-1", "a", alert.Triggered))
	r.Mode = gate.ModeFull
	again := said("dd-1000042-2", "a", alert.Renotify)
	again.Time = noon
	v, err := l.Look(t.Context(), ledger.Question{Delivery: again.Delivery, Incident: again.Incident, Agent: r.Agent}, noon)
	if err == nil {
		err = l.Commit(t.Context(), gate.Arrive(v, gate.Arrival{Alert: again}, r, noon).Change)
	}
	if err != nil {
		t.Fatal(err)
	}
	first, second := explain.WouldBe("dd-1000042-1"), explain.WouldBe("dd-1000042-2")
	for _, row := range []struct {
		asked explain.Asked
		want  []string
	}{
		{explain.Asked{Case: first}, []string{first}},
		{explain.Asked{Case: second}, []string{second}},
		{explain.Asked{Delivery: "dd-1000042-1"}, []string{first, second}},
	} {
		f, err := explain.Finder{Ledger: l, Agents: []string{"payments"}}.Find(t.Context(), row.asked, noon)
		var cases []string
		for _, c := range f.Cases {
			cases = append(cases, c.ID)
		}
		if err != nil || !slices.Equal(cases, row.want) {
			t.Errorf("%+v: the cases %v, %v, want %v", row.asked, cases, err, row.want)
		}
	}
}

// What people were told is found with the case that it is about.
func TestFindWhatWasTold(t *testing.T) {
	l := told(t, joining(), said("dd-1000042-1", "a", alert.Triggered))
	id := explain.WouldBe("dd-1000042-1")
	is := gate.Told{Target: "datadog", Moment: gate.Waits, As: gate.WasTold, At: noon}
	err := l.Commit(t.Context(), gate.Change{At: noon, Told: &gate.ToldWrite{Now: gate.Post{ID: id, Agent: "payments", Told: []gate.Told{is}, Over: true, Version: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := explain.Finder{Ledger: l, Agents: []string{"default"}}.Find(t.Context(), explain.Asked{Delivery: "dd-1000042-1"}, noon)
	if err != nil || !slices.Equal(f.Posts[id].Told, []gate.Told{is}) {
		t.Errorf("%+v, %v", f.Posts, err)
	}
}

// An alert that was dropped and kept is found by the id of the case that it would have opened.
func TestFindWhatWasDropped(t *testing.T) {
	r := joining()
	r.Mode = gate.ModeOff
	l := told(t, r, said("dd-1000042-1", "a", alert.Triggered))
	f, err := explain.Finder{Ledger: l, Agents: []string{"default"}}.Find(t.Context(), explain.Asked{Case: explain.WouldBe("dd-1000042-1")}, noon)
	if err != nil || f.Delivery == nil || f.Delivery.Reason != gate.IsModeOff || len(f.Cases) != 0 || len(f.Leads) != 1 || !explain.Tell(f).Found {
		t.Errorf("%+v, %v", f, err)
	}
}

// down is a ledger of which one question is not answered.
type down struct {
	*memledger.Ledger
	look, lookCase, list, verdict, incidents, post bool
}

var errDown = errors.New("the store is down")

func (d down) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	if d.look {
		return gate.View{}, errDown
	}
	return d.Ledger.Look(ctx, q, now)
}

func (d down) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	if d.lookCase {
		return gate.View{}, errDown
	}
	return d.Ledger.LookCase(ctx, id, agent, now)
}

func (d down) List(ctx context.Context, agent string, b gate.Bucket, limit int, from string, now time.Time) ([]gate.Case, string, error) {
	if d.list {
		return nil, "", errDown
	}
	return d.Ledger.List(ctx, agent, b, limit, from, now)
}

func (d down) Verdict(ctx context.Context, delivery string, now time.Time) (*gate.Delivery, error) {
	if d.verdict {
		return nil, errDown
	}
	return d.Ledger.Verdict(ctx, delivery, now)
}

func (d down) Incidents(ctx context.Context, org, monitor string, limit int, now time.Time) ([]gate.Incident, error) {
	if d.incidents {
		return nil, errDown
	}
	return d.Ledger.Incidents(ctx, org, monitor, limit, now)
}

func (d down) Post(ctx context.Context, id string, now time.Time) (gate.Post, error) {
	if d.post {
		return gate.Post{}, errDown
	}
	return d.Ledger.Post(ctx, id, now)
}

// "Nothing is known" must never be said when the ledger has not answered.
func TestFindTellsWhenTheLedgerDoesNotAnswer(t *testing.T) {
	l := told(t, joining(), said("dd-1000042-8873248385148318281", "a", alert.Triggered), said("dd-1000042-8873248385148318282", "b", alert.Triggered))
	lead := explain.WouldBe("dd-1000042-8873248385148318281")
	for _, row := range []struct {
		id string
		d  down
	}{
		{"8873248385148318281", down{list: true}},
		{"8873248385148318281", down{verdict: true}},
		{"8873248385148318281", down{look: true}},
		{"8873248385148318281", down{lookCase: true}},
		{"8873248385148318281", down{post: true}},
		{lead, down{lookCase: true}},
		{lead, down{post: true}},
		{lead, down{verdict: true}},
		{lead, down{look: true}},
		{"77", down{list: true}},
		{"77", down{incidents: true}},
		{"77", down{verdict: true}},
		{"77", down{lookCase: true}},
		{"1000042/77/g.b", down{look: true}},
		{"1000042/77/g.b", down{verdict: true}},
	} {
		row.d.Ledger = l
		asked, err := explain.Parse(row.id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (explain.Finder{Ledger: row.d, Agents: []string{"default", "payments"}}).Find(t.Context(), asked, noon); !errors.Is(err, errDown) {
			t.Errorf("%s, %+v: %v", row.id, row.d, err)
		}
	}
}
