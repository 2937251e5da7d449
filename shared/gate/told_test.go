package gate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// placed are rules with a line of the policy for everything that a verdict can name.
func placed() Rules {
	p := policyAll()
	p.Hold, p.Fresh, p.LateHold = 2*time.Minute, 2*time.Minute, time.Minute
	p.Budget, p.Slots, p.CriticalSlots = hundred, 3, 1
	p.Source = map[string]string{}
	for i, name := range []string{
		"mode", "critical", "late_hold", "hold", "group_by", "max_age", "test", "start_on", "critical_per_day", "storm.cases", "flap.cycles",
		"flap.quiet", "budget.dollars_a_month", "slots.total",
	} {
		p.Source[name] = fmt.Sprint("policy.yaml:", i+1)
	}
	return p
}

// TestBecause: each verdict says the numbers that decided, and the line of the policy.
func TestBecause(t *testing.T) {
	crit := func(a *alert.Alert, _ *View, _ *Rules) { a.Severity, a.Priority = alert.Critical, "P1" }
	says := func(tr alert.Transition) func(*alert.Alert, *View, *Rules) {
		return func(a *alert.Alert, _ *View, _ *Rules) { a.Transition = tr }
	}
	running := func(v *View) {
		v.Account.Running["ab-1"], v.Account.Running["ab-2"] = Reservation{Until: after(1), Critical: true}, Reservation{Until: after(1)}
		v.Account.Running["ab-3"], v.Account.Running["ab-4"] = Reservation{Until: after(1)}, Reservation{Until: noon}
	}
	grouped := func(state string) func(*alert.Alert, *View, *Rules) {
		return func(_ *alert.Alert, v *View, p *Rules) {
			p.Keys = []Key{{"monitor/77", 30 * time.Minute}, {"service/checkout", 5 * time.Minute}}
			c := caseIn(state, "ab-c")
			v.Cases[c.ID], v.Pointers["service/checkout"] = c, c.ID
			c.StartAt = noon
			v.Cases[c.ID] = c
		}
	}
	stormed := func(_ *alert.Alert, v *View, p *Rules) {
		p.Surge, p.Storm = "1200/default/prod", Storm{Cases: 1, Within: 5 * time.Minute, Join: time.Hour}
		v.Surge = Surge{Name: p.Surge, Opened: []time.Time{noon}, Version: 1}
	}
	flaps := func(flapping bool) func(*alert.Alert, *View, *Rules) {
		return func(_ *alert.Alert, v *View, p *Rules) {
			p.Group, p.Flap = "1200/77", Flap{Cycles: 2, Within: time.Hour, Quiet: 90 * time.Minute}
			v.Group = Group{Name: p.Group, Cycles: []time.Time{noon.Add(-time.Minute)}, Flapping: flapping, Version: 1}
		}
	}
	unheld := func(_ *alert.Alert, _ *View, p *Rules) { p.Hold = 0 }
	mode := func(m Mode) func(*alert.Alert, *View, *Rules) {
		return func(_ *alert.Alert, _ *View, p *Rules) { p.Mode = m }
	}
	type changes = []func(*alert.Alert, *View, *Rules)
	for _, tt := range []struct {
		reason  Reason
		because string
		changes changes
	}{
		{NewIncident, "P1, CRITICAL (policy.yaml:2)", changes{crit}},
		{NewIncident, "MEDIUM", changes{unheld}},
		{NewIncident, "critical: goes beyond the budget (policy.yaml:13), 2 of 2 today (policy.yaml:9)", changes{crit, func(_ *alert.Alert, v *View, _ *Rules) {
			v.Account.Money = Money{Spent: map[string]Dollars{"2026-03": 98e6}, Critical: map[string]int{"2026-03-02": 1}}
		}}},
		{Lifted, "P1, CRITICAL (policy.yaml:2); its case was waiting", changes{grouped("waiting"), crit}},
		{FlapStart, "2 cycles within 1h (policy.yaml:11): one start without a hold", changes{flaps(false)}},
		{IsFlapping, "had its start; over after 1h30m without a new cycle (policy.yaml:12)", changes{flaps(true)}},
		{Covered, "by service/checkout, for 5m (policy.yaml:5)", changes{grouped("waiting")}},
		{NotTold, "by service/checkout, for 5m (policy.yaml:5)", changes{grouped("started")}},
		{NotTold, "by the storm of prod (policy.yaml:10)", changes{stormed, func(_ *alert.Alert, v *View, _ *Rules) {
			v.Cases["ab-storm"], v.Surge.Case = stormCase("started"), "ab-storm"
		}}},
		{Storming, "more than 1 case opened in prod within 5m (policy.yaml:10)", changes{stormed}},
		{Storming, "more than 1 case opened in the environment without a name within 5m (policy.yaml:10)", changes{stormed, func(_ *alert.Alert, _ *View, p *Rules) {
			p.Surge = "1200/default/"
		}}},
		{InStorm, "more than 1 case opened in prod within 5m (policy.yaml:10)", changes{stormed, func(_ *alert.Alert, v *View, _ *Rules) {
			v.Cases["ab-storm"], v.Surge.Case = stormCase("waiting"), "ab-storm"
		}}},
		{Holding, "MEDIUM: held for 2m (policy.yaml:4)", nil},
		{Holding, "P1, CRITICAL (policy.yaml:2): held for 1m (policy.yaml:3)", changes{crit, func(a *alert.Alert, _ *View, _ *Rules) { a.Time = noon.Add(-time.Hour) }}},
		{Holding, "P1, CRITICAL (policy.yaml:2): held for 2m (policy.yaml:4)", changes{crit, says(alert.NoData)}},
		{Holding, "MEDIUM: held for 2m (policy.yaml:4); the Agent cannot be reached until 2026-03-02 12:01:00 UTC", changes{func(_ *alert.Alert, v *View, _ *Rules) {
			v.Account.Down.Until = after(1)
		}}},
		{NoSlot, "3 of 3 slots taken (policy.yaml:14)", changes{unheld, func(_ *alert.Alert, v *View, _ *Rules) { running(v) }}},
		{NoSlot, "2 of 3 slots taken, 1 kept for critical cases (policy.yaml:14)", changes{unheld, func(_ *alert.Alert, v *View, _ *Rules) {
			running(v)
			delete(v.Account.Running, "ab-1")
		}}},
		{OverBudget, "$96.01 of $100.00 spent this month, one costs about $4.00, possible again at 2026-04-01 00:00:00 UTC (policy.yaml:13)", changes{unheld, func(_ *alert.Alert, v *View, _ *Rules) {
			v.Account.Money.Spent = map[string]Dollars{"2026-03": 96_005_000}
		}}},
		{AgentDown, "the Agent cannot be reached until 2026-03-02 12:01:00 UTC", changes{unheld, func(_ *alert.Alert, v *View, _ *Rules) { v.Account.Down.Until = after(1) }}},
		{AgentShut, "the Agent's door is shut since 2026-03-02 12:00:00 UTC: 401", changes{unheld, func(_ *alert.Alert, v *View, _ *Rules) {
			v.Account.Shut = Shut{Since: noon, Words: "401"}
		}}},
		{WouldStart, "mode observe (policy.yaml:1)", changes{mode(ModeObserve)}},
		{IsModeOff, "mode off (policy.yaml:1)", changes{mode(ModeOff)}},
		{OnlyCritical, "mode critical_only (by hand)", changes{func(_ *alert.Alert, v *View, _ *Rules) {
			v.Hand.Mode = ModeOrder{ModeCriticalOnly, ordered(0)}
		}}},
		{Silenced, "", changes{func(_ *alert.Alert, v *View, _ *Rules) {
			v.Hand.Silences = []Silence{{"s-1", matchers(t, "monitor=77"), ordered(0)}}
		}}},
		{Late, "its incident recovered at 2026-03-02 12:00:01 UTC", changes{func(_ *alert.Alert, v *View, _ *Rules) {
			v.Incident = Incident{Rec: noon.Add(time.Second), Version: 2}
		}}},
		{TooOld, "happened 6h0m1s ago, and may start for 6h (policy.yaml:6)", changes{func(a *alert.Alert, _ *View, _ *Rules) { a.Time = noon.Add(-6*time.Hour - time.Second) }}},
		{IsTest, "test: drop (policy.yaml:7)", changes{func(a *alert.Alert, _ *View, p *Rules) { a.Test, p.OnTest = true, DropIt }}},
		{IsWarn, "nothing starts on Warn (policy.yaml:8)", changes{says(alert.Warn), func(_ *alert.Alert, _ *View, p *Rules) { p.OnWarn = DropIt }}},
		{IsNoData, "nothing starts on No Data (policy.yaml:8)", changes{says(alert.NoData), func(_ *alert.Alert, _ *View, p *Rules) { p.OnNoData = DropIt }}},
		{NotStarted, "nothing starts on Renotify (policy.yaml:8)", changes{says(alert.Renotify), func(_ *alert.Alert, _ *View, p *Rules) { p.On = DropIt }}},
		{IsRecovery, "", changes{says(alert.Recovered)}},
	} {
		a, v, p := said("d1", alert.Triggered, noon, "fallback"), viewOf(Incident{}, Case{}), placed()
		for _, change := range tt.changes {
			change(&a, &v, &p)
		}
		d := Arrive(v, arrivalOf(a), p, noon)
		sane(t, v, d)
		if d.Reason != tt.reason || d.Change.Delivery.Because != tt.because {
			t.Errorf("%s: %q, want %s: %q", d.Reason, d.Change.Delivery.Because, tt.reason, tt.because)
		}
	}
}

// TestALineIsBounded: the name of a key, and what somebody wrote as his reason, are anybody's text.
func TestALineIsBounded(t *testing.T) {
	long := strings.Repeat("é", 400)
	a, v, p := said("d1", alert.Triggered, noon, "fallback"), viewOf(Incident{}, Case{}), keyed(policyAll(), long)
	v.Cases["ab-c"], v.Pointers[long] = caseIn("waiting", "ab-c"), "ab-c"
	v.Hand.Mode = ModeOrder{ModeFull, Order{By: "ana", Reason: long, At: noon}}
	rec := Arrive(v, arrivalOf(a), p, noon).Change.Delivery
	if b, h := []rune(rec.Because), []rune(rec.Hand); len(b) != maxTold || len(h) != maxTold {
		t.Errorf("%d and %d characters", len(b), len(h))
	}
}

// TestAModeTouchesNoRecovery: a recovery counts in every mode, and a test is one in every mode.
func TestAModeTouchesNoRecovery(t *testing.T) {
	for _, test := range []bool{false, true} {
		for tr, touched := range map[alert.Transition]bool{alert.Recovered: false, alert.Triggered: !test} {
			a, v, p := said("d1", tr, noon, "fallback"), viewOf(Incident{}, Case{}), policyAll()
			a.Test, p.OnTest = test, DropIt
			v.Hand.Mode = ModeOrder{ModeFull, ordered(0)}
			if got := Arrive(v, arrivalOf(a), p, noon).Change.Delivery.Hand; (got != "") != touched {
				t.Errorf("%s, a test %v: touched by %q", tr, test, got)
			}
		}
	}
}

// TestAnIncidentRemembersItsLatest: the latest ten notifications that wrote it, each with its verdict.
func TestAnIncidentRemembersItsLatest(t *testing.T) {
	w := newWorld(t, policyAll())
	for i := range 14 {
		at := noon.Add(time.Duration(i) * time.Second)
		w.arrive(said(fmt.Sprint("d", i), alert.ReTriggered, at, "cycle"), at)
	}
	w.arrive(said("r", alert.Recovered, after(1), "cycle"), after(1))
	list := w.incidents[incidentKey("cycle").String()].Recent
	if len(list) != MaxMentions || list[0].Delivery != "d5" || list[8].Reason != ReTriggering {
		t.Errorf("remembers %+v", list)
	}
	if last := list[9]; last != (Mention{"r", after(1), "Recovered", Drop, IsRecovery}) {
		t.Errorf("the last is %+v", last)
	}
}

// TestSteps: a case that has more to tell than it may keep tells how it began and how it went on last, and how much it
// leaves out.
func TestSteps(t *testing.T) {
	c := Case{}
	for i := range 40 {
		was := c
		c = Noted(c, fmt.Sprint("step ", i), noon.Add(time.Duration(i)*time.Second))
		if len(was.Steps) > 0 && len(was.Steps) == len(c.Steps) && &was.Steps[0] == &c.Steps[0] {
			t.Fatal("the list that was read is changed")
		}
	}
	var got []string
	for _, s := range c.Steps {
		got = append(got, strings.TrimPrefix(s.Text, "step "))
	}
	want := "0 1 2 3 4 21 steps are left out here 26 27 28 29 30 31 32 33 34 35 36 37 38 39"
	if text := strings.Join(got, " "); text != want || len(c.Steps) != MaxSteps {
		t.Errorf("tells %s, want %s", text, want)
	}
	if long := Noted(Case{}, strings.Repeat("é", 500), noon).Steps[0].Text; long != strings.Repeat("é", 200) {
		t.Errorf("%d characters", len([]rune(long)))
	}
}

// TestStepTexts: what became of a case, in words.
func TestStepTexts(t *testing.T) {
	for _, tt := range []struct{ state, note, want string }{
		{"waiting", "", "waits (slots)"},
		{"starting", "", "start, attempt 2"},
		{"in doubt", "timed_out", "in doubt: timed_out"},
		{"resting", "", "in doubt, and nothing more is tried by itself"},
		{"started", "", "started: the Agent accepted"},
		{"refused", "bad_request: no", "refused: bad_request: no"},
		{"ended recovered", "about $4.00 not spent", "ended (recovered): about $4.00 not spent"},
	} {
		c := caseIn(tt.state, "ab-1")
		c.Note = tt.note
		if got := stepText(c); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.state, got, tt.want)
		}
	}
	c := caseIn("waiting", "ab-1")
	if c.Why, c.Until = WhyBudget, april; stepText(c) != "waits (budget) until 2026-04-01 00:00:00 UTC" {
		t.Errorf("got %q", stepText(c))
	}
}

// TestNotSpent: a case that recovered in time says what that saved, unless it may have cost something or never would.
func TestNotSpent(t *testing.T) {
	r := Rules{Budget: hundred}
	for _, tt := range []struct {
		c    Case
		r    Rules
		want string
	}{
		{Case{}, r, "about $4.00 not spent"}, {Case{Attempt: 1}, r, ""}, {Case{Shadow: true}, r, ""}, {Case{}, Rules{}, ""},
	} {
		if got := notSpent(tt.c, tt.r); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.c, got, tt.want)
		}
	}
}

func TestDollars(t *testing.T) {
	for d, want := range map[Dollars]string{0: "$0.00", 3_984_000: "$3.98", 3_985_000: "$3.99", 100e6: "$100.00", -4_000_000: "-$4.00", 5_000: "$0.01", 4_999: "$0.00"} {
		if d.String() != want {
			t.Errorf("%d: %s, want %s", int64(d), d, want)
		}
	}
}

func TestRulesAreAPolicy(t *testing.T) {
	r := placed()
	if got := r.For(alert.Alert{}); got.Hold != r.Hold || fmt.Sprint(r.Agents()) != "[default]" {
		t.Errorf("%+v, %v", got, r.Agents())
	}
}
