package explain

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/match"
	"github.com/alertbridge/alertbridge/shared/policy"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// fired is a P3 alert that happened five seconds before noon.
func fired() alert.Alert {
	return alert.Alert{
		Delivery: "dd-1000042-8873248385148318284", Source: "datadog", Severity: alert.Medium, Priority: "P3",
		Incident:   alert.Incident{Org: "1000042", Monitor: "24018841", Key: "c.8873248385148318284", Cycle: true},
		Transition: alert.Triggered, Title: "Checkout answers slowly", Time: noon.Add(-5 * time.Second), Tags: []string{"service:checkout"},
	}
}

// held are rules that hold a P3 for two minutes, with a budget and three slots, one of them for critical cases.
func held() gate.Rules {
	r := gate.DefaultRules()
	r.Hold, r.Slots, r.CriticalSlots, r.Version, r.Route = 2*time.Minute, 3, 1, "9f3a", "env = prod"
	r.Budget = gate.Budget{Month: 300_000_000, Case: 3_984_000, Bucket: 5, CriticalPerDay: 20}
	r.Source = map[string]string{"hold": "policy.yaml:12", "mode": "policy.yaml:3"}
	return r
}

// decided is what the gate has answered to the alert at noon.
func decided(v gate.View, a alert.Alert, r gate.Rules) gate.Decision {
	v.Account.Agent = r.Agent
	return gate.Arrive(v, gate.Arrival{Alert: a, TraceID: "77"}, r, noon)
}

func order(d time.Duration) gate.Order {
	return gate.Order{By: "ana@laptop", Reason: "release", At: noon.Add(-time.Hour), Until: noon.Add(d)}
}

func silence(t *testing.T) gate.Silence {
	t.Helper()
	m, err := match.Parse("service=checkout")
	if err != nil {
		t.Fatal(err)
	}
	return gate.Silence{ID: "s-0a1b2c3d4e", Matchers: []match.Matcher{m}, Order: order(time.Hour)}
}

func TestTheStoryOfAnAlertThatWasHeldAndStarted(t *testing.T) {
	d := decided(gate.View{}, fired(), held())
	rec, c := *d.Change.Delivery, d.Change.Cases[0].Now
	again := gate.Delivery{
		ID: "dd-1000042-2", Verdict: gate.Join, Reason: gate.Renotifying, Case: c.ID, Incident: rec.Incident, Transition: "Renotify",
		Time: noon.Add(-10 * time.Minute), Decided: noon.Add(4 * time.Minute), Title: rec.Title,
	}
	c.State, c.Why, c.Attempt, c.Until = gate.Started, "", 1, noon.Add(10*time.Minute)
	c = gate.Noted(gate.Noted(c, "start, attempt 1", noon.Add(2*time.Minute)), "started: the Agent accepted", noon.Add(122*time.Second))
	in := d.Change.Incident.Now
	in.Recent = append(in.Recent, gate.Mention{Delivery: again.ID, Verdict: again.Verdict, Reason: again.Reason},
		gate.Mention{Delivery: "dd-1000042-3", Time: noon.Add(5 * time.Minute), Transition: "Recovered", Verdict: gate.Drop, Reason: gate.IsRecovery})
	f := Facts{
		Asked: Asked{Text: rec.ID, Delivery: rec.ID}, Now: noon.Add(6 * time.Minute), Delivery: &rec, Incidents: []gate.Incident{in},
		Deliveries: map[string]gate.Delivery{rec.ID: rec, again.ID: again}, Cases: []gate.Case{c},
		Accounts: map[string]gate.Account{"default": {Agent: "default", Running: map[string]gate.Reservation{
			c.ID: {Attempt: 1, Until: noon.Add(10 * time.Minute), Money: 3_984_000, Month: "2026-11"},
		}}},
		Policy: held(), Leads: map[string]alert.Alert{c.ID: fired()},
		Posts: map[string]gate.Post{c.ID: {ID: c.ID, Version: 4, Tries: 2, Until: noon.Add(7 * time.Minute), Told: []gate.Told{
			{Target: "pagerduty", Moment: gate.WasStarted, As: gate.LeftOut, At: noon.Add(124 * time.Second), Words: "it does nothing to the pager"},
			{Target: "datadog", Moment: gate.WasStarted, As: gate.WasTold, At: noon.Add(123 * time.Second)},
		}}},
	}
	wantText(t, Tell(f), `alert       dd-1000042-8873248385148318284
title       Checkout answers slowly
transition  Triggered
incident    1000042/24018841/c.8873248385148318284
happened    2026-11-03 11:59:55 UTC
decided     2026-11-03 12:00:00 UTC
agent       default
verdict     wait, hold: the policy gives it time to recover first
because     P3, MEDIUM: held for 2m (policy.yaml:12)
route       env = prod
policy      9f3a
case        `+c.ID+`
trace id    77

What came and what became of it (UTC)
  2026-11-03 12:00:00  dd-1000042-8873248385148318284  Triggered: wait, hold, case `+c.ID+`
                       P3, MEDIUM: held for 2m (policy.yaml:12)
  2026-11-03 12:00:00  `+c.ID+`  waits (hold) until 2026-11-03 12:02:00 UTC
  2026-11-03 12:02:00  `+c.ID+`  start, attempt 1
  2026-11-03 12:02:02  `+c.ID+`  started: the Agent accepted
  2026-11-03 12:02:03  `+c.ID+`  told Datadog: started
  2026-11-03 12:02:04  `+c.ID+`  not told PagerDuty: started
                       it does nothing to the pager
  2026-11-03 12:04:00  dd-1000042-2  Renotify: join, renotified, case `+c.ID+`
                       it had happened 14m before
  2026-11-03 12:05:00  dd-1000042-3  Recovered: drop, recovered

Cases and what they cost
  `+c.ID+`  started, about $3.98 is reserved until 2026-11-03 12:10:00 UTC
  `+strings.Repeat(" ", len(c.ID))+`  sent: MEDIUM, "Checkout answers slowly (service:checkout)", service checkout, of 1 incident; with --json also the description

What would have had to differ
  start, new_incident, if its priority were P1
  drop, too_old, if it had happened more than 6h before
  drop, mode_off, if the mode were off
  wait, would_start, if the mode were observe
  drop, critical_only, if the mode were critical_only
  drop, silenced, if a silence muted it

Note: not all of case `+c.ID+` could be told yet: nothing of it in the last 2 tries; it is tried again at 2026-11-03 12:07:00 UTC.
`)
	text, err := json.Marshal(Tell(f).Cases[0].Told)
	want := `[{"target":"datadog","moment":"started","as":"told","at":"2026-11-03T12:02:03Z"},` +
		`{"target":"pagerduty","moment":"started","as":"left_out","at":"2026-11-03T12:02:04Z","words":"it does nothing to the pager"}]`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
}

func TestTheStoryOfASilencedAlert(t *testing.T) {
	d := decided(gate.View{Hand: gate.Hand{Silences: []gate.Silence{silence(t)}, Version: 1}}, fired(), held())
	rec := *d.Change.Delivery
	f := Facts{
		Asked: Asked{Text: "8873248385148318284", Event: "8873248385148318284"}, Delivery: &rec,
		Deliveries: map[string]gate.Delivery{rec.ID: rec}, Leads: map[string]alert.Alert{WouldBe(rec.ID): fired()},
	}
	wantText(t, Tell(f), `alert       dd-1000042-8873248385148318284
title       Checkout answers slowly
transition  Triggered
incident    1000042/24018841/c.8873248385148318284
happened    2026-11-03 11:59:55 UTC
decided     2026-11-03 12:00:00 UTC
agent       default
verdict     drop, silenced: somebody silenced it
by hand     silence s-0a1b2c3d4e by ana@laptop until 2026-11-03 13:00:00 UTC: release
route       env = prod
policy      9f3a
trace id    77

What came and what became of it (UTC)
  2026-11-03 12:00:00  dd-1000042-8873248385148318284  Triggered: drop, silenced
                       by hand: silence s-0a1b2c3d4e by ana@laptop until 2026-11-03 13:00:00 UTC: release

What would have had to differ
  wait, hold, if nothing silenced it
  what another priority would have meant only the policy can tell: name its file with --policy

Note: it can be started by hand: alertbridge start dd-1000042-8873248385148318284.
`)
}

// What a team asks most often: why was it not started? Each row is one thing in the way, and what takes it away.
func TestWhatWouldHaveHadToDiffer(t *testing.T) {
	busy := map[string]gate.Reservation{}
	for i := range 3 {
		busy[fmt.Sprint("ab-", i)] = gate.Reservation{Until: noon.Add(time.Minute)}
	}
	free := held()
	free.Hold = 0
	fixed := free
	fixed.Mode, fixed.ModeFixed = gate.ModeObserve, true
	old := fired()
	old.Time = noon.Add(-7 * time.Hour)
	for _, row := range []struct {
		why  string
		v    gate.View
		a    alert.Alert
		r    gate.Rules
		want string // verdict, reason, and what would have had to differ for a start
	}{
		{"nothing", gate.View{}, fired(), free, "start new_incident"},
		{"a hold", gate.View{}, fired(), held(), "wait hold: its priority were P1"},
		{"slots", gate.View{Account: gate.Account{Running: busy}}, fired(), free, "wait slots: all slots were free"},
		{
			"money",
			gate.View{Account: gate.Account{Money: gate.Money{Spent: map[string]gate.Dollars{"2026-11": 299_000_000}}}},
			fired(), free,
			"wait budget: its priority were P1; there were money enough",
		},
		{
			"the Agent is down",
			gate.View{Account: gate.Account{Down: gate.Down{Until: noon.Add(time.Minute), Fails: 1}}},
			fired(), free,
			"wait agent_down: the Agent could be called",
		},
		{
			"the Agent is shut",
			gate.View{Account: gate.Account{Shut: gate.Shut{Since: noon.Add(-time.Minute)}}},
			fired(), free,
			"wait agent_shut: the Agent could be called",
		},
		{"a silence", gate.View{Hand: gate.Hand{Silences: []gate.Silence{silence(t)}}}, fired(), free, "drop silenced: nothing silenced it"},
		{
			"a mode by hand",
			gate.View{Hand: gate.Hand{Mode: gate.ModeOrder{Mode: gate.ModeCriticalOnly, Order: order(time.Hour)}}},
			fired(), free,
			"drop critical_only: its priority were P1; the mode were full",
		},
		{
			"a mode by hand that is over",
			gate.View{Hand: gate.Hand{Mode: gate.ModeOrder{Mode: gate.ModeOff, Order: order(0)}}},
			fired(), free,
			"start new_incident",
		},
		{"a route's mode", gate.View{}, fired(), fixed, "wait would_start: its mode in the policy were full"},
		{"its age", gate.View{}, old, free, "drop too_old: it had happened only then"},
	} {
		d := decided(row.v, row.a, row.r)
		others, doubt := Differ(*d.Change.Delivery, row.r)
		got := fmt.Sprintf("%s %s", d.Verdict, d.Reason)
		for _, o := range others {
			if o.Verdict == "start" {
				got += ": " + strings.Join(o.If, "; ")
			}
		}
		if got != row.want || doubt != "" {
			t.Errorf("%s: %q %s, want %q", row.why, got, doubt, row.want)
		}
		if d.Verdict == gate.Start && !slices.ContainsFunc(others, func(o Other) bool { return o.Reason == "slots" && o.If[0] == "all slots were taken" }) {
			t.Errorf("%s: nothing would have stopped it? %+v", row.why, others)
		}
	}
}

// A policy says something else of each priority: how long it is held, and whether it is only observed. So what another one
// would have meant is asked of the policy, and is what the alert would have got with it.
func TestOtherPrioritiesAreAskedOfThePolicy(t *testing.T) {
	p := policy.Default()
	for _, row := range []struct {
		priority string
		age      time.Duration
		is       string
		want     map[string]string // by priority
	}{
		{"P1", 5 * time.Second, "start new_incident", map[string]string{"P2": "wait hold", "P3": "wait hold", "P4": "wait would_start", "P5": "wait would_start"}},
		{"P1", 3 * time.Minute, "wait hold", map[string]string{"P4": "wait would_start", "P5": "wait would_start"}},
		{"P4", 5 * time.Second, "wait would_start", map[string]string{"P1": "start new_incident", "P2": "wait hold", "P3": "wait hold"}},
		{"P2", 5 * time.Second, "wait hold", map[string]string{"P1": "start new_incident", "P4": "wait would_start", "P5": "wait would_start"}},
	} {
		as := func(priority string) (alert.Alert, gate.Decision) {
			a := fired()
			a.Priority, a.Severity, a.Time = priority, alert.Critical-alert.Severity(priority[1]-'1'), noon.Add(-row.age)
			return a, decided(gate.View{}, a, p.For(a))
		}
		_, d := as(row.priority)
		if got := fmt.Sprintf("%s %s", d.Verdict, d.Reason); got != row.is {
			t.Fatalf("%s: %s, want %s", row.priority, got, row.is)
		}
		others, doubt := Differ(*d.Change.Delivery, p)
		got := map[string]string{}
		for _, o := range others {
			for _, c := range o.If {
				if priority, ok := strings.CutPrefix(c, "its priority were "); ok {
					got[priority] = o.Verdict + " " + o.Reason
				}
			}
		}
		if !maps.Equal(got, row.want) || doubt != "" {
			t.Errorf("%s, %s old: %v %s, want %v", row.priority, row.age, got, doubt, row.want)
		}
		for priority, said := range got {
			if _, d := as(priority); fmt.Sprintf("%s %s", d.Verdict, d.Reason) != said {
				t.Errorf("%s as %s: it says %s, and gets %s, %s", row.priority, priority, said, d.Verdict, d.Reason)
			}
		}
	}
}

// byPriority is a policy that has other rules for P1.
type byPriority struct{ gate.Rules }

func (p byPriority) For(a alert.Alert) gate.Rules {
	r := p.Rules
	if a.Priority == "P1" {
		r.Agent, r.Hold = "payments", 0
	}
	return r
}

// Of what was not read nothing can be said, and no other policy is taken for the one that decided.
func TestOtherPrioritiesThatCannotBeTold(t *testing.T) {
	rec := *decided(gate.View{}, fired(), held()).Change.Delivery
	newer := held()
	newer.Version = "77aa"
	groups := held()
	groups.Keys, groups.Group, groups.Surge = []gate.Key{{Name: "k", For: time.Hour}}, "g", "e"
	for want, p := range map[string]gate.Policy{
		"only the policy can tell: name its file with --policy": nil,
		"of version 9f3a; the one at hand is 77aa":              newer,
		"what P1 would have meant is not told":                  byPriority{held()},
		"what P1, P2, P4, P5 would have meant is not told":      groups,
	} {
		others, doubt := Differ(rec, p)
		if !strings.Contains(doubt, want) || len(others) < 5 {
			t.Errorf("%+v, %q, want %q", others, doubt, want)
		}
		for _, o := range others {
			if slices.Contains(o.If, "its priority were P1") {
				t.Errorf("%s: it tells of P1: %+v", want, o)
			}
		}
	}
	if text := write(t, Tell(Facts{Delivery: &rec})); !strings.Contains(text, "  drop, mode_off, if the mode were off\n") ||
		!strings.Contains(text, "  what another priority would have meant only the policy can tell") {
		t.Errorf("the story does not say so:\n%s", text)
	}
}

// A critical alert is judged otherwise when it is not fresh any more, and every alert when it is too old.
func TestTheAgesAtWhichRulesChange(t *testing.T) {
	p := policy.Default()
	a := fired()
	a.Priority, a.Severity = "P1", alert.Critical
	others, _ := Differ(*decided(gate.View{}, a, p.For(a)).Change.Delivery, p)
	got := map[string]string{}
	for _, o := range others {
		for _, c := range o.If {
			got[c] = o.Verdict + " " + o.Reason
		}
	}
	if got["it had happened more than 2m before"] != "wait hold" || got["it had happened more than 6h before"] != "drop too_old" {
		t.Errorf("%v", got)
	}
}

// Asking again must not change what was asked about: it is on record.
func TestDifferLeavesTheRecordAlone(t *testing.T) {
	v := gate.View{Account: gate.Account{
		Running: map[string]gate.Reservation{"ab-1": {Until: noon.Add(time.Minute), Money: 1}},
		Money:   gate.Money{Spent: map[string]gate.Dollars{"2026-11": 5}},
	}}
	rec := *decided(v, fired(), held()).Change.Delivery
	before, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := Differ(rec, held())
	second, _ := Differ(rec, held())
	after, err := json.Marshal(rec)
	if err != nil || string(after) != string(before) || !reflect.DeepEqual(first, second) || len(first) == 0 {
		t.Errorf("%v\n%s\n%s", err, before, after)
	}
}

func TestDifferSaysWhenItCannotTell(t *testing.T) {
	rec := *decided(gate.View{}, fired(), held()).Change.Delivery
	other := rec
	other.Verdict, other.Reason = gate.Start, gate.NewIncident
	none := rec
	none.Saw = nil
	for want, d := range map[string]gate.Delivery{
		"this version of the gate answers wait, hold, and on record is start, new_incident": other,
		"what the verdict rested on is not on record":                                       none,
	} {
		if others, doubt := Differ(d, held()); others != nil || !strings.Contains(doubt, want) {
			t.Errorf("%v, %q, want %q", others, doubt, want)
		}
	}
	s := Tell(Facts{Delivery: &none})
	if s.Doubt == "" || s.Others != nil || !strings.Contains(write(t, s), "\nWhat would have had to differ\n  what the verdict rested on is not on record") {
		t.Errorf("the story does not say so: %+v", s)
	}
}

// A story about a case is about what led to it and what came meanwhile, and about nothing that belongs to another.
func TestTheStoryOfACase(t *testing.T) {
	rec := *decided(gate.View{}, fired(), held()).Change.Delivery
	in := gate.Incident{Key: fired().Incident, Version: 2}
	del := map[string]gate.Delivery{rec.ID: rec}
	for _, d := range []gate.Delivery{
		{ID: "dd-before", Decided: noon.Add(-time.Hour)},
		{ID: "dd-other", Case: "ab-other", Decided: noon.Add(time.Minute)},
		{ID: "dd-meanwhile", Decided: noon.Add(time.Minute), Transition: "Warn", Verdict: gate.Drop, Reason: gate.IsWarn},
	} {
		del[d.ID] = d
		in.Recent = append(in.Recent, gate.Mention{Delivery: d.ID})
	}
	c := gate.Case{ID: rec.Case, Agent: "default", State: gate.Ended, How: gate.EndRecovered, Opened: noon, Note: "about $3.98 not spent"}
	s := Tell(Facts{
		Asked: Asked{Text: c.ID, Case: c.ID}, Delivery: &rec, Incidents: []gate.Incident{in}, Deliveries: del, Cases: []gate.Case{c},
		Leads: map[string]alert.Alert{c.ID: fired()},
	})
	var ids []string
	for _, e := range s.Events {
		ids = append(ids, e.ID)
	}
	if !slices.Equal(ids, []string{rec.ID, "dd-meanwhile"}) {
		t.Errorf("it tells of %v", ids)
	}
	text := write(t, s)
	if !strings.Contains(text, "  "+c.ID+"  ended (recovered), nothing, for it was not started\n") || !strings.Contains(text, "about $3.98 not spent\n") {
		t.Errorf("it tells\n%s", text)
	}
}

func TestWhatACaseCost(t *testing.T) {
	rec := *decided(gate.View{}, fired(), held()).Change.Delivery
	for _, row := range []struct {
		why     string
		c       gate.Case
		priced  bool
		want    string
		dollars float64 // below 0: not known
	}{
		{"waits", gate.Case{State: gate.Waiting}, true, "nothing yet", 0},
		{"observed", gate.Case{State: gate.Ended, How: gate.EndObserved, Shadow: true}, true, "nothing, for it is only observed; it would be about $3.98", 0},
		{"observed without a price", gate.Case{State: gate.Ended, Shadow: true}, false, "nothing, for it is only observed", 0},
		{"was assumed", gate.Case{State: gate.Ended, How: gate.EndAssumed, Attempt: 1}, true, "about $3.98, as reckoned by the policy; the Agent's own bill has the true price", 3.98},
		{"has no price", gate.Case{State: gate.Ended, How: gate.EndAssumed, Attempt: 1}, false, "not known: the policy that started it has no price", -1},
		{"was refused", gate.Case{State: gate.Refused, Attempt: 1}, true, "nothing, as far as is known: the Agent did not take it", 0},
		{"came back", gate.Case{State: gate.Waiting, Attempt: 1}, true, "nothing, as far as is known: the Agent did not take it", 0},
		{"rests in doubt", gate.Case{State: gate.InDoubt, Attempt: 1, Resting: true}, true, "about $3.98, as reckoned by the policy; the Agent's own bill has the true price", 3.98},
	} {
		row.c.ID = rec.Case
		f := Facts{Deliveries: map[string]gate.Delivery{}}
		if row.priced {
			f.Deliveries[rec.ID] = rec
		}
		got := caseOf(f, row.c)
		if got.Cost != row.want || (got.Dollars == nil) != (row.dollars < 0) || got.Dollars != nil && *got.Dollars != row.dollars {
			t.Errorf("%s: %+v", row.why, got)
		}
	}
}

// Where the Agent's work is followed its own word counts: a true price, or what is known of a case that nobody has told the
// end of.
func TestWhatTheAgentHasToldOfACase(t *testing.T) {
	ran := func(end gate.Status, after time.Duration) gate.Work {
		w := gate.Work{Tasks: []gate.TaskWork{{
			ID: "t-1", Status: end, Created: noon, Updated: noon.Add(after), Marks: []gate.Mark{{At: noon, Status: gate.InProgress}},
		}}}
		if end != gate.InProgress {
			w.Tasks[0].Marks = append(w.Tasks[0].Marks, gate.Mark{At: noon.Add(after), Status: end})
		}
		return w
	}
	booked := func(w gate.Work, d gate.Dollars) gate.Work { w.Booked = d; return w }
	running := map[string]gate.Reservation{"ab-1": {Until: noon.Add(8 * time.Minute), Money: 3_984_000}}
	overdue := map[string]gate.Reservation{"ab-1": {Until: noon, Money: 3_984_000}}
	for _, row := range []struct {
		why     string
		c       gate.Case
		held    map[string]gate.Reservation
		cost    string
		dollars float64
		tells   string
	}{
		{
			"runs",
			gate.Case{State: gate.Started, Work: ran(gate.InProgress, 0)},
			running,
			"about $3.98 is reserved until 2026-11-03 12:08:00 UTC; so far it ran 2m0s", 3.98, "task t-1 is in_progress since 2026-11-03 12:00:00 UTC (2m ago)",
		},
		{
			"completed",
			gate.Case{State: gate.Ended, How: gate.EndCompleted, Work: booked(ran(gate.Completed, 90*time.Second), 747_000)},
			nil,
			"$0.75, by the running time that the Agent has told: 1m30s", 0.75, "task t-1 is completed since 2026-11-03 12:01:30 UTC (30s ago)",
		},
		{
			"no end was heard",
			gate.Case{State: gate.Ended, How: gate.EndAssumed, Work: booked(ran(gate.InProgress, 0), 996_000)},
			nil,
			"about $1.00 as reckoned, for nobody has told when it ended", 1, "task t-1 is in_progress since 2026-11-03 12:00:00 UTC (2m ago)",
		},
		{
			"nothing confirms it",
			gate.Case{State: gate.Started, Work: gate.Work{Missed: true, Absent: noon}},
			overdue,
			"about $3.98 is reserved until it is known what became of it", 3.98, "not confirmed for 12m: the Agent has no task of it as of 12:00:00 UTC",
		},
		{
			"nothing ever did",
			gate.Case{State: gate.Ended, How: gate.EndAssumed, Work: gate.Work{Missed: true, Absent: noon}},
			nil,
			"nothing, as far as is known: the Agent never showed that it has it", 0, "never confirmed: the Agent has no task of it as of 12:00:00 UTC",
		},
		{
			"is in doubt",
			gate.Case{State: gate.InDoubt, Doubts: 1, Work: gate.Work{Absent: noon}},
			running,
			"about $3.98 is reserved until 2026-11-03 12:08:00 UTC", 3.98, "the Agent has no task of it as of 12:00:00 UTC",
		},
	} {
		row.c.ID, row.c.Agent, row.c.Attempt, row.c.Called = "ab-1", "default", 1, noon.Add(-10*time.Minute)
		f := Facts{Now: noon.Add(2 * time.Minute), Accounts: map[string]gate.Account{"default": {Running: row.held}}}
		got := caseOf(f, row.c)
		if got.Cost != row.cost || got.Dollars == nil || *got.Dollars != row.dollars || got.Tells != row.tells || got.Investigation == nil {
			t.Errorf("%s: %q, %v, %q", row.why, got.Cost, got.Dollars, got.Tells)
		}
		var out strings.Builder
		if err := Write(&out, Story{Found: true, Cases: []Case{got}}); err != nil || !strings.Contains(out.String(), "\n        "+row.tells+"\n") {
			t.Errorf("%s: %v\n%s", row.why, err, out.String())
		}
	}
	// The gate's own note on an end says what the task is; that is not said twice.
	c := gate.Case{ID: "ab-1", State: gate.Ended, How: gate.EndCompleted, Attempt: 1, Called: noon, Work: ran(gate.Completed, time.Minute), Note: "task t-1 completed after 1m0s"}
	var out strings.Builder
	if err := Write(&out, Story{Found: true, Cases: []Case{caseOf(Facts{Now: noon.Add(time.Hour)}, c)}}); err != nil || strings.Count(out.String(), "task t-1") != 1 {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// What the Agent was told is told, once it was called.
func TestWhatWasSent(t *testing.T) {
	c := decided(gate.View{}, fired(), held()).Change.Cases[0].Now
	f := Facts{Leads: map[string]alert.Alert{c.ID: fired()}}
	if got := caseOf(f, c).Sent; got != nil {
		t.Errorf("of a case that waits: %+v", got)
	}
	c.State, c.Attempt, c.Severity, c.Firing = gate.Started, 1, alert.High, 12
	c.Members = []gate.Member{{Incident: "1000042/2/g.1", Title: "Cart fails", Severity: alert.High, Since: noon}}
	got := caseOf(f, c).Sent
	if got == nil || got.Priority != "HIGH" || got.Title != "Checkout answers slowly (service:checkout)" || got.Service != "checkout" ||
		got.Timestamp != "2026-11-03T11:59:55.000Z" || got.Incidents != 12 || !strings.Contains(got.Description, "Cart fails") {
		t.Errorf("%+v", got)
	}
	s := Tell(Facts{Delivery: &gate.Delivery{ID: "dd-1-1"}, Cases: []gate.Case{c}, Leads: f.Leads})
	if text := write(t, s); !strings.Contains(text, `sent: HIGH, "Checkout answers slowly (service:checkout)", service checkout, of 12 incidents; with --json`) {
		t.Errorf("%s", text)
	}
	if got := caseOf(Facts{}, c).Sent; got != nil {
		t.Errorf("without the alert: %+v", got)
	}
}

func TestNothingIsFound(t *testing.T) {
	a, err := Parse("24018841")
	if err != nil {
		t.Fatal(err)
	}
	s := Tell(Facts{Asked: a, Looked: []string{"the delivery dd-0-24018841", "incidents of the monitor 24018841 in the organisations -"}})
	wantText(t, s, `Nothing is known of 24018841.

Looked for:
  the delivery dd-0-24018841
  incidents of the monitor 24018841 in the organisations -

What it could be:
  it is older: records are kept for 30 days
  it is of an organisation of which no case and no dropped alert is known here: name that with --org ORG, or ask for dd-ORG-24018841; ORG is Datadog's $ORG_ID, and stands in each record "alert decided" of dispatcher's log, as in "delivery":"dd-ORG-…"
  it was not accepted: the records of ingest say what Datadog was answered
  it is not decided yet: it waits in the queue, or in the dead-letter queue
  Datadog did not send it: the monitor's message names no @webhook, or its event stream shows the failed delivery
  nothing that the monitor said has opened or changed an incident: its Warn and test notifications are found by their events only
`)
	text, err := json.Marshal(s)
	if err != nil || !strings.Contains(string(text), `"found":false,"looked":["the delivery`) || !strings.Contains(string(text), `"events":[],"cases":[]`) {
		t.Errorf("%s, %v", text, err)
	}
	// A case is found by its id alone, whatever its Agent.
	if s := Tell(Facts{Asked: Asked{Case: "ab-1"}}); !slices.Equal(s.Could, []string{
		"it is older: records are kept for 30 days", "it is of another bridge: --table or --url names that one",
	}) {
		t.Errorf("%q", s.Could)
	}
}

func TestHints(t *testing.T) {
	in := gate.Incident{Key: fired().Incident, Case: "ab-2", Recent: make([]gate.Mention, gate.MaxMentions)}
	del := map[string]gate.Delivery{}
	for i := range maxMentions {
		del[fmt.Sprint(i)] = gate.Delivery{ID: fmt.Sprint(i)}
	}
	s := Tell(Facts{Asked: Asked{Case: "ab-1"}, Incidents: []gate.Incident{in}, Deliveries: del, Leads: map[string]alert.Alert{"ab-1": fired()}})
	want := []string{
		"of the incident 1000042/24018841/c.8873248385148318284 only the latest 10 notifications are on record here; others may have joined",
		"the incident 1000042/24018841/c.8873248385148318284 belongs to case ab-2 by now",
		"only 120 deliveries are told of", "the record of the delivery dd-1000042-8873248385148318284 is gone; the alert itself is kept",
	}
	if !slices.Equal(s.Hints, want) {
		t.Errorf("%q, want %q", s.Hints, want)
	}
}

func TestEveryReasonHasAMeaning(t *testing.T) {
	for r := range gate.Reasons() {
		if Meaning(r) == "" {
			t.Errorf("%s has none", r)
		}
	}
	for r := range meanings {
		if _, there := gate.Reasons()[r]; !there {
			t.Errorf("%s is no reason", r)
		}
	}
}

// What a local run answers is printed by another process, from its JSON.
func TestAStorySurvivesJSON(t *testing.T) {
	rec := *decided(gate.View{}, fired(), held()).Change.Delivery
	s := Tell(Facts{Asked: Asked{Text: "x"}, Delivery: &rec})
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Story
	if err := json.Unmarshal(text, &back); err != nil || write(t, back) != write(t, s) {
		t.Errorf("%v\n%s", err, text)
	}
}

func write(t *testing.T, s Story) string {
	t.Helper()
	var out strings.Builder
	if err := Write(&out, s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func wantText(t *testing.T, s Story, want string) {
	t.Helper()
	if got := write(t, s); got != want {
		t.Errorf("it tells\n%s\nwant\n%s", got, want)
	}
}
