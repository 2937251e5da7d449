package ledgertest

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/match"
)

// testRoundTrip: every field of every record comes back as it was given, full and empty. The records are filled by
// reflection, so that a field which somebody adds is missed here at once when a ledger does not keep it.
func testRoundTrip(t *testing.T, open func(*testing.T) Harness) {
	each(t, open, "every field of every record, full", func(w *world) {
		f := &filler{base: w.now}
		d, in, c, lead, dropped := gate.Delivery{}, gate.Incident{}, gate.Case{}, alert.Alert{}, alert.Alert{}
		shut, down, r1, r2 := gate.Shut{}, gate.Down{}, gate.Reservation{}, gate.Reservation{}
		group, surge, hand, post, opened := gate.Group{}, gate.Surge{}, gate.Hand{}, gate.Post{}, gate.Order{}
		for _, p := range []any{&d, &in, &c, &lead, &dropped, &shut, &down, &r1, &r2, &group, &surge, &hand, &post, &opened} {
			f.fill(reflect.ValueOf(p).Elem(), "")
		}
		in.Version, c.Version, c.State, group.Version, surge.Version, hand.Version, post.Version = 1, 1, gate.Waiting, 1, 1, 1, 1
		hand.Mode.Mode, surge.Case = gate.ModeCriticalOnly, c.ID
		spent, critical := map[string]gate.Dollars{"2026-11": 12_345_678}, map[string]int{"2026-11-26": 19, "2026-11-27": 1}
		w.commit(gate.Change{
			Delivery: &d, Incident: &gate.IncidentWrite{Now: in},
			Group: &gate.GroupWrite{Now: group}, Surge: &gate.SurgeWrite{Now: surge}, Hand: &gate.HandWrite{Now: hand},
			Lead:     &gate.LeadWrite{Case: "ab-dropped", Alert: dropped},
			Told:     &gate.ToldWrite{Now: post},
			Pointers: []gate.PointerWrite{{Key: "a key 鍵 #1", Now: c.ID}},
			Cases:    []gate.CaseWrite{{Now: c, Lead: &lead}},
			Account: &gate.AccountWrite{
				Agent: c.Agent, Put: map[string]gate.Reservation{c.ID: r1, "ab-other": r2}, Shut: &shut, Down: &down, Hand: &opened,
				Paced: w.in(3), Budget: 300_000_000, Critical: critical, Spend: spent, Org: "1200 鍵",
			},
		})
		v := w.look(ledger.Question{
			Delivery: d.ID, Incident: in.Key, Pointers: []string{"a key 鍵 #1"}, Agent: c.Agent, Group: group.Name,
			Surge: surge.Name, Leads: true,
		})
		w.same("the delivery", *w.verdict(d.ID), d)
		w.same("the incident", v.Incident, in)
		w.same("the pointers", v.Pointers, map[string]string{"a key 鍵 #1": c.ID})
		w.same("the case", v.Cases[c.ID], inOrder(c))
		w.same("the lead", v.Leads[c.ID], lead)
		w.same("the account", v.Account, gate.Account{
			Agent: c.Agent, Version: 1, Shut: shut, Down: down, Hand: opened,
			Running: map[string]gate.Reservation{c.ID: r1, "ab-other": r2},
			Money:   gate.Money{Spent: spent, Paced: w.in(3), Budget: 300_000_000, Critical: critical},
			Orgs:    []string{"1200 鍵"},
		})
		w.same("the monitor group", v.Group, group)
		w.same("the environment", v.Surge, surge)
		w.same("what is set by hand", v.Hand, hand)
		w.same("the post", w.post(post.ID, w.now), post)
		other := w.lookCase("ab-dropped", w.now)
		w.same("what is set by hand, with a case", other.Hand, hand)
		w.same("the alert that was dropped", other.Leads, map[string]alert.Alert{"ab-dropped": dropped})
		list, err := w.Lister.Incidents(w.Context(), in.Key.Org, in.Key.Monitor, 0, w.now)
		if err != nil {
			w.Fatal(err)
		}
		w.same("the monitor's incidents", list, []gate.Incident{in})
		got, err := w.Lister.Verdict(w.Context(), d.ID, w.now)
		if err != nil {
			w.Fatal(err)
		}
		w.same("the verdict", *got, d)
		for _, b := range []gate.Bucket{gate.Queue} {
			w.soon(func() error {
				page, _, err := w.Lister.List(w.Context(), c.Agent, b, 1, "", w.now)
				if err == nil && (len(page) != 1 || !reflect.DeepEqual(page[0], inOrder(c))) {
					err = fmt.Errorf("bucket %s holds %+v, want %+v", b, page, inOrder(c))
				}
				return err
			})
		}
	})

	each(t, open, "a case is written from empty to full and back", func(w *world) {
		f := &filler{base: w.now}
		full, lead := gate.Case{}, alert.Alert{}
		f.fill(reflect.ValueOf(&full).Elem(), "")
		f.fill(reflect.ValueOf(&lead).Elem(), "")
		full.Shadow = false // one that is only observed never starts
		empty := gate.Case{ // only what is fixed when a case is opened
			ID: full.ID, Agent: full.Agent, Opened: full.Opened, Title: full.Title, Service: full.Service,
			Incident: full.Incident, TraceID: full.TraceID, Trace: full.Trace, Storm: full.Storm,
			State: gate.Waiting, Version: 1,
		}
		w.commit(gate.Change{Cases: []gate.CaseWrite{{Now: empty, Lead: &lead}}})
		read := w.lookCase(full.ID, w.now).Cases[full.ID]
		w.same("the empty case", read, empty)

		full.State, full.Attempt, full.Doubts, full.Version = gate.Starting, 1, 0, 2
		w.commit(writes(read, full))
		read = w.lookCase(full.ID, w.now).Cases[full.ID]
		w.same("the full case", read, inOrder(full))

		doubt := read
		doubt.State, doubt.Doubts, doubt.Version = gate.InDoubt, 1, 3
		w.commit(writes(read, doubt))
		read = w.lookCase(full.ID, w.now).Cases[full.ID]
		w.same("the doubtful case", read, doubt)

		// Everything that can go away goes away; the last notification only grows, and so do the services.
		empty.State, empty.Attempt, empty.Doubts, empty.Version, empty.Last = gate.Started, 1, 1, 4, read.Last
		empty.Services = read.Services
		w.commit(writes(read, empty))
		w.same("the case when all went away", w.lookCase(full.ID, w.now).Cases[full.ID], empty)
	})

	each(t, open, "a post from full to empty, and what is noted leaves the rest", func(w *world) {
		var full gate.Post
		(&filler{base: w.now}).fill(reflect.ValueOf(&full).Elem(), "")
		full.Version = 1
		w.commit(gate.Change{Told: &gate.ToldWrite{Now: full}})
		c := happens(w.in(99_999), full.ID, gate.HasEnded)
		c.Posts[0].Agent = full.Agent
		w.commit(c)
		noted := full
		noted.Happened = append(slices.Clone(full.Happened), gate.Happened{Moment: gate.HasEnded, At: w.in(99_999)})
		noted.Until, noted.Over, noted.Version = w.in(99_999), false, 2
		w.same("the post with one moment more", w.post(full.ID, w.now), noted)
		empty := gate.Post{ID: full.ID, Agent: full.Agent, Version: 3}
		w.commit(gate.Change{Told: &gate.ToldWrite{Read: 2, Now: empty}})
		w.same("the post that holds nothing", w.post(full.ID, w.now), empty)
	})

	each(t, open, "records that hold nothing but what each must", func(w *world) {
		c := gate.Case{ID: "ab-1", Agent: agent, State: gate.Waiting, Version: 1}
		in := gate.Incident{Key: incidentOf(1), Version: 1}
		w.commit(gate.Change{
			Delivery: &gate.Delivery{ID: "d-1", Verdict: gate.Drop}, Incident: &gate.IncidentWrite{Now: in},
			Cases:   []gate.CaseWrite{{Now: c, Lead: &alert.Alert{}}},
			Account: &gate.AccountWrite{Agent: agent, Put: map[string]gate.Reservation{"ab-1": {}}},
		})
		v := w.look(ledger.Question{Delivery: "d-1", Incident: incidentOf(1), Agent: agent})
		w.same("the delivery", *w.verdict("d-1"), gate.Delivery{ID: "d-1", Verdict: gate.Drop})
		w.same("the incident", v.Incident, in)
		w.same("the account", v.Account, gate.Account{Agent: agent, Version: 1, Running: map[string]gate.Reservation{"ab-1": {}}})
		v = w.lookCase("ab-1", w.now)
		w.same("the case", v.Cases["ab-1"], c)
		w.same("the lead", v.Leads["ab-1"], alert.Alert{})
	})

	each(t, open, "times to the millisecond, in UTC, also before 1970 and with a place", func(w *world) {
		tokyo := time.FixedZone("", 9*60*60)
		for i, row := range []struct{ in, out time.Time }{
			{time.Date(2026, 3, 1, 9, 0, 0, 123_999_999, tokyo), time.Date(2026, 3, 1, 0, 0, 0, 123_000_000, time.UTC)},
			{time.Unix(0, 0), time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)},
			{time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC), time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC)},
			{time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC)},
			{time.Time{}, time.Time{}},
		} {
			id := fmt.Sprintf("ab-%d", i)
			c := w.newCase(id)
			c.Opened, c.Until, c.Last, c.StartAt = row.in, row.in, row.in, row.in
			c.Members = []gate.Member{memberOf(2, alert.Low, row.in)}
			c.Hand, c.Steps = gate.Order{By: "aiko", At: row.in, Until: row.in}, []gate.Step{{At: row.in, Text: "opened"}}
			c.Gap = 90*time.Second + 999_999
			in := w.incident(i, 0, id)
			in.Now.Fire, in.Now.Rec = row.in, row.in
			in.Now.Recent = []gate.Mention{{Delivery: "d", Time: row.in}}
			d := w.delivery("d-" + id)
			d.Time, d.Decided = row.in, row.in
			change := opens(c)
			change.Incident, change.Delivery = in, d
			change.Account = &gate.AccountWrite{
				Agent: agent, Read: i, Put: map[string]gate.Reservation{id: {Attempt: 1, Until: row.in, Pace: 72*time.Minute + 999_999}},
				Down: &gate.Down{Until: row.in}, Shut: &gate.Shut{Since: row.in, Words: "401"}, Paced: row.in,
				Hand: &gate.Order{By: "aiko", At: row.in, Until: row.in},
			}
			change.Group, change.Surge, change.Hand = w.group("g-"+id, 0), w.surge("s-"+id, 0, ""), w.hand(i, "")
			change.Group.Now.Cycles, change.Surge.Now.Opened = []time.Time{row.in}, []time.Time{row.in}
			change.Hand.Now.Mode.Order = gate.Order{By: "aiko", At: row.in, Until: row.in}
			change.Hand.Now.Silences[0].Order = change.Hand.Now.Mode.Order
			change.Told = &gate.ToldWrite{Now: gate.Post{
				ID: id, Agent: agent, Until: row.in, Version: 1, Happened: []gate.Happened{{Moment: gate.Waits, At: row.in}},
				Told: []gate.Told{{Target: "datadog", At: row.in}},
			}}
			w.commit(change)
			v := w.look(ledger.Question{
				Delivery: d.ID, Incident: incidentOf(i), Agent: agent, Group: "g-" + id, Surge: "s-" + id,
			})
			got, post := v.Cases[id], w.post(id, w.now)
			paced := v.Account.Money.Paced
			if row.in.IsZero() {
				paced = time.Time{} // then it stays as it was
			}
			if pace := v.Account.Running[id].Pace; got.Gap != 90*time.Second || pace != 72*time.Minute {
				w.Errorf("a length of time came back as %v and %v, want 1m30s and 1h12m0s", got.Gap, pace)
			}
			for name, at := range map[string]time.Time{
				"opened": got.Opened, "until": got.Until, "last": got.Last, "started": got.StartAt,
				"member": got.Members[0].Since, "fire": v.Incident.Fire, "recovered": v.Incident.Rec,
				"alert": v.Delivery.Time, "decided": v.Delivery.Decided, "reservation": v.Account.Running[id].Until,
				"down": v.Account.Down.Until, "shut": v.Account.Shut.Since, "paced": paced,
				"account by hand": v.Account.Hand.At, "account by hand until": v.Account.Hand.Until,
				"by hand": got.Hand.At, "by hand until": got.Hand.Until, "step": got.Steps[0].At,
				"notification": v.Incident.Recent[0].Time, "cycle": v.Group.Cycles[0], "opening": v.Surge.Opened[0],
				"post": post.Until, "moment": post.Happened[0].At, "told": post.Told[0].At,
				"mode": v.Hand.Mode.At, "mode until": v.Hand.Mode.Until,
				"silence": v.Hand.Silences[0].At, "silence until": v.Hand.Silences[0].Until,
			} {
				if at != row.out { // == on purpose: the gate compares records so
					w.Errorf("%s: %v came back as %v, want %v", name, row.in, at, row.out)
				}
			}
		}
	})

	t.Run("the filler leaves no field empty", func(t *testing.T) {
		for _, v := range []any{
			gate.Delivery{},
			gate.Incident{},
			gate.Case{},
			gate.Shut{},
			gate.Down{},
			gate.Reservation{},
			alert.Alert{},
			gate.Group{},
			gate.Surge{},
			gate.Hand{},
			gate.Mention{},
			gate.Step{},
			gate.Order{},
			gate.Silence{},
			gate.Member{},
			gate.Saw{},
			gate.Account{},
			gate.Money{},
			gate.Rules{},
			gate.Post{},
			gate.Happened{},
			gate.Told{},
		} {
			p := reflect.New(reflect.TypeOf(v)).Elem()
			(&filler{base: time.Now()}).fill(p, "")
			for i := range p.NumField() {
				if p.Field(i).IsZero() {
					t.Errorf("%T.%s is empty", v, p.Type().Field(i).Name)
				}
			}
		}
	})
}

// inOrder is the case with its members and services as a ledger gives them.
func inOrder(c gate.Case) gate.Case {
	c.Members = sorted(c.Members)
	c.Services = slices.Sorted(slices.Values(c.Services))
	return c
}

// FullSaw is what a decision rested on, with a value for every field that a ledger keeps of it.
func FullSaw(base time.Time) *gate.Saw {
	var s gate.Saw
	(&filler{base: base}).fill(reflect.ValueOf(&s).Elem(), "")
	return &s
}

// filler gives every field a value of its own, none of them zero.
type filler struct {
	base time.Time
	n    int
}

func (f *filler) fill(v reflect.Value, name string) {
	if v.Type() == reflect.TypeFor[map[string]gate.Heard]() {
		return // never kept either, and younger than the numbers in the file that the values were first written to
	}
	f.n++
	switch {
	case v.Type() == reflect.TypeFor[match.Matcher]():
		m, err := match.New(fmt.Sprint("tag", f.n), match.Matches, fmt.Sprintf(`値"\\d+\.%d|'`, f.n))
		if err != nil {
			panic(err)
		}
		v.Set(reflect.ValueOf(m))
	case v.Type() == reflect.TypeFor[*gate.Delivery](), v.Type() == reflect.TypeFor[map[string]alert.Alert]():
		// Never kept with what a decision rested on.
	case v.Type() == reflect.TypeFor[time.Duration]():
		v.SetInt(int64(time.Duration(f.n) * time.Millisecond))
	case v.Kind() == reflect.String && (name == "By" || name == "ID"): // these are bounded, and some names are parts of keys
		v.SetString(fmt.Sprintf("%s #%d 値", name, f.n))
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(f.base.UTC().Truncate(time.Millisecond).Add(time.Duration(f.n) * 1001 * time.Millisecond)))
	case v.Kind() == reflect.String:
		v.SetString(fmt.Sprintf("%s #%d 値「障害」<&>\"\\/\n😀", name, f.n))
	case v.Kind() == reflect.Int, v.Kind() == reflect.Int64:
		v.SetInt(int64(f.n))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i), v.Type().Field(i).Name)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0), name)
		f.fill(v.Index(1), name)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), name)
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			value := reflect.New(v.Type().Elem()).Elem()
			f.fill(value, name)
			v.SetMapIndex(reflect.ValueOf(fmt.Sprintf("%s #%d", name, f.n)), value)
		}
	default:
		panic("the suite cannot fill a " + v.Type().String() + ": teach it")
	}
}
