package gate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/match"
)

// dice makes a value out of the bytes a fuzzer gives; after the last one every choice is the first.
type dice struct{ left []byte }

func (d *dice) n(sides int) int {
	if len(d.left) == 0 {
		return 0
	}
	b := d.left[0]
	d.left = d.left[1:]
	return int(b) % sides
}

func (d *dice) yes() bool { return d.n(2) == 1 }

// when is a moment around noon, close to the borders that the rules have, or never.
func (d *dice) when() time.Time {
	near := []time.Duration{0, ms, -ms, -8 * time.Minute, -30 * time.Minute, -30*time.Minute - ms, -6 * time.Hour, -6*time.Hour - ms, -31 * time.Hour, time.Hour}
	k := d.n(len(near) + 1)
	if k == len(near) {
		return time.Time{}
	}
	return noon.Add(near[k]).Add(time.Duration(d.n(3)-1) * time.Minute)
}

// aCase is any case that the commits of the gate could have left.
func (d *dice) aCase(id string) Case {
	c := caseIn(caseStates[1+d.n(len(caseStates)-1)], id)
	c.Until, c.StartAt, c.Last, c.Severity = d.when(), d.when(), d.when(), alert.Severity(d.n(6))
	c.Firing, c.Attempt = d.n(4), d.n(5)
	if c.State == Waiting || c.State == Ended {
		c.Shadow = d.n(4) == 3
	}
	if !c.Shadow && d.n(4) == 3 {
		c.Storm = "1200/default/prod"
	}
	if !c.Shadow && c.State != Ended && d.n(4) == 3 {
		c.Hand = ordered(0)
	}
	if c.State == InDoubt || c.State == Starting {
		c.Doubts, c.NoRepeat = d.n(7), d.yes()
	}
	if c.State == Waiting {
		c.Why = []Why{WhyHold, WhySlots, WhyAgentDown, WhyAgentShut, WhyBudget, WhyStorm}[d.n(6)]
	}
	for i := range d.n(MaxMembers + 1) {
		c.Members = withMember(c.Members, Member{Incident: fmt.Sprint("1200/77/m", i), Severity: alert.Severity(d.n(6)), Since: d.when()})
	}
	return c
}

func (d *dice) account() Account {
	a := Account{Agent: "default", Version: d.n(9), Running: map[string]Reservation{}}
	for i := range d.n(5) * 13 {
		if len(a.Running) < MaxRunning {
			a.Running[fmt.Sprint("other-", i)] = Reservation{Attempt: 1, Until: d.when()}
		}
	}
	for _, id := range []string{"ab-own", "ab-k1", "ab-k2"} {
		if d.yes() {
			a.Running[id] = Reservation{Attempt: 1, Until: d.when()}
		}
	}
	if d.n(4) == 3 {
		a.Shut = Shut{Since: noon, SecretVersion: "v1"}
	}
	a.Down = Down{Until: d.when(), Fails: d.n(7), Doubts: d.n(7)}
	if d.yes() {
		a.Money.Paced = d.when()
		a.Money.Spent = map[string]Dollars{"2026-03": Dollars(d.n(30)) * 1e6, "2025-12": 7e6}
		a.Money.Critical = map[string]int{"2026-03-02": d.n(4), "2026-02-02": 1}
	}
	for _, id := range slices.Sorted(maps.Keys(a.Running)) {
		if d.n(3) == 2 {
			res := a.Running[id]
			res.Money, res.Month, res.Pace, res.Critical = Dollars(4+4*d.n(2))*1e6, "2026-03", time.Hour, d.yes()
			a.Running[id] = res
		}
	}
	return a
}

func (d *dice) policy() Rules {
	p := DefaultRules()
	p.OnWarn, p.OnNoData, p.OnTest = []Choice{DropIt, StartIt}[d.n(2)], []Choice{DropIt, StartIt}[d.n(2)], []Choice{DropIt, StartIt}[d.n(2)]
	p.InDoubt, p.Slots = []DoubtChoice{RepeatIt, StopIt}[d.n(2)], []int{0, 1, 3, 30, 999}[d.n(5)]
	if keys := []string{"k1", "k2", "k3"}[:d.n(4)]; len(keys) > 0 {
		p = keyed(p, keys...)
	}
	if d.yes() {
		p.Hold = 3 * time.Minute
	}
	if d.yes() {
		p.Fresh, p.LateHold = 2*time.Minute, time.Minute
	}
	if d.yes() {
		p.Surge, p.Storm = "1200/default/prod", Storm{Cases: d.n(4), Within: 5 * time.Minute, Join: 20 * time.Minute}
	}
	if d.yes() {
		p.Group, p.Flap = "1200/77", Flap{Cycles: d.n(4), Within: time.Hour, Quiet: time.Hour}
	}
	if d.yes() {
		p.Budget = Budget{Month: Dollars(d.n(40)) * 1e6, Case: 4e6, Bucket: d.n(4), CriticalPerDay: d.n(4)}
	}
	p.CriticalSlots, p.Severity = d.n(3), alert.Severity(d.n(7))
	p.Mode, p.ModeFixed = append(Modes(), "", ModeFull, ModeFull)[d.n(7)], d.yes()
	p.On = []Choice{StartIt, StartIt, DropIt}[d.n(3)]
	return p
}

func (d *dice) alert() alert.Alert {
	tr := append(alert.Transitions(), "", "Snoozed")
	a := said("d1", tr[d.n(len(tr))], noon, []string{"fallback", "cycle"}[d.n(2)])
	if a.Time = d.when(); a.Time.IsZero() {
		a.Time = noon
	}
	a.Severity, a.Test, a.TimeAssumed = alert.Severity(d.n(7)), d.n(8) == 7, d.yes()
	return a
}

func (d *dice) view(a alert.Alert) View {
	v := viewOf(Incident{}, Case{})
	v.Account = d.account()
	if d.n(12) == 11 {
		v.Delivery = &Delivery{ID: a.Delivery, Verdict: Wait, Reason: NoSlot, Case: "ab-first"}
	}
	if d.yes() {
		v.Incident = Incident{Key: a.Incident, Fire: d.when(), Rec: d.when(), Version: 1 + d.n(5)}
		v.Incident.Final = a.Incident.Cycle && !v.Incident.Rec.IsZero() && d.yes()
		v.Incident.Case = []string{"", "ab-own", "ab-k1", "ab-gone"}[d.n(4)]
	}
	for _, id := range []string{"ab-own", "ab-k1", "ab-k2"} {
		if d.yes() {
			v.Cases[id], v.Leads[id] = d.aCase(id), said("opener-"+id, alert.Triggered, noon, "fallback")
		}
	}
	d.beyond(&v)
	for i, id := range []string{"ab-k1", "ab-k2", "ab-gone"} {
		if d.yes() {
			v.Pointers[fmt.Sprint("k", i+1)] = id
		}
	}
	return v
}

// beyond adds what is remembered beyond an incident and its case.
func (d *dice) beyond(v *View) {
	for range d.n(5) {
		v.Group.Cycles = insert(v.Group.Cycles, d.when(), MaxCycles)
		v.Surge.Opened = insert(v.Surge.Opened, d.when(), MaxOpened)
	}
	v.Group.Flapping, v.Group.Version = d.yes(), d.n(3)
	v.Surge.Case, v.Surge.Version = []string{"", "ab-k2", "ab-k1", "ab-gone"}[d.n(4)], d.n(3)
	d.hand(v)
}

func (d *dice) hand(v *View) {
	if d.n(4) == 3 {
		v.Hand.Mode = ModeOrder{Modes()[d.n(4)], Order{By: "ana", At: noon, Until: d.when()}}
	}
	if d.n(6) == 5 {
		m, _ := match.Parse("monitor=77")
		v.Hand.Silences = []Silence{{"s-1", []match.Matcher{m}, Order{By: "ana", At: noon, Until: d.when()}}}
	}
}

func seeds(f *testing.F) {
	f.Add([]byte{})
	for i := range 64 {
		var b []byte
		for j := range 120 {
			b = append(b, byte((i*131+j*j*29+j*i)^(i<<3)))
		}
		f.Add(b)
	}
}

// FuzzArrive: whatever the ledger holds, a decision about an alert keeps the promises that can be seen in it alone.
func FuzzArrive(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &dice{data}
		a, p := d.alert(), d.policy()
		v := d.view(a)
		before := snapshot(t, v)
		dec := Arrive(v, arrivalOf(a), p, noon)
		if !bytes.Equal(before, snapshot(t, v)) {
			t.Fatal("the decision changes what it was given")
		}
		if again := Arrive(v, arrivalOf(a), p, noon); !reflect.DeepEqual(dec, again) {
			t.Fatalf("asked twice, it answers\n%+v and\n%+v", dec, again)
		}
		sane(t, v, dec)
		if _, known := Reasons()[dec.Reason]; !known || dec.Verdict == "" {
			t.Errorf("verdict %q, reason %q", dec.Verdict, dec.Reason)
		}
		if (v.Delivery != nil) != dec.Change.Empty() || (v.Delivery != nil) != (dec.Reason == Duplicate) {
			t.Errorf("recorded before: %v, and now %+v", v.Delivery != nil, dec)
		}
		if r := dec.Change.Delivery; r != nil && (r.ID != a.Delivery || r.Verdict != dec.Verdict || r.Reason != dec.Reason || r.Case != dec.Case) {
			t.Errorf("recorded %+v of %s %s %s", r, dec.Verdict, dec.Reason, dec.Case)
		}
		arriveKeeps(t, v, a, p, dec)
	})
}

func arriveKeeps(t *testing.T, v View, a alert.Alert, p Rules, dec Decision) {
	opened, known := false, false
	for _, w := range dec.Change.Cases {
		opened = opened || w.Read.Version == 0
		known = known || w.Now.ID == dec.Case
	}
	if (dec.Start != nil) != (dec.Verdict == Start) {
		t.Errorf("verdict %s, claim %v", dec.Verdict, dec.Start != nil)
	}
	switch dec.Verdict {
	case Wait, Start:
		if dec.Case == "" || !known || opened == (dec.Reason == Lifted) {
			t.Errorf("%s %s: case %q, opened %v, written %v", dec.Verdict, dec.Reason, dec.Case, opened, known)
		}
	case Join:
		if dec.Case == "" || opened {
			t.Errorf("join: case %q, opened %v", dec.Case, opened)
		}
	case Drop:
		if w := dec.Change.Account; w != nil && w.Org != "" {
			if !reflect.DeepEqual(*w, AccountWrite{Agent: w.Agent, Org: a.Incident.Org}) || slices.Contains(v.Account.Orgs, w.Org) {
				t.Errorf("drop %s notes an organisation and writes %+v", dec.Reason, *w)
			}
			dec.Change.Account = nil
		}
		if len(dec.Change.Cases) > 0 && dec.Reason != IsRecovery || len(dec.Change.Pointers) > 0 || dec.Change.Account != nil {
			t.Errorf("drop %s writes %+v", dec.Reason, dec.Change)
		}
	}
	if dec.Verdict != Drop && (a.Transition == alert.Recovered || a.Test && p.OnTest == DropIt || !a.Time.After(v.Incident.Rec)) && v.Delivery == nil {
		t.Errorf("%s (test %v, time %v, recovered %v) gets %s %s", a.Transition, a.Test, a.Time, v.Incident.Rec, dec.Verdict, dec.Reason)
	}
	if dec.Start != nil {
		roomFor(t, v.Account, p, dec)
		wanted(t, v, a, p, dec)
	}
	if dec.Reason == WouldStart && (dec.Change.Account != nil || dec.Change.Surge != nil) {
		t.Errorf("what is only observed takes %+v, %+v", dec.Change.Account, dec.Change.Surge)
	}
	if w := dec.Change.Incident; w != nil && w.Now.Fires() && !v.Incident.Fires() && dec.Reason == IsRecovery {
		t.Errorf("a recovery makes the incident fire: %+v", w.Now)
	}
	incidentFits(t, v, a, dec)
}

// wanted: what starts is not silenced, not switched off, not only observed, and can be paid for.
func wanted(t *testing.T, v View, a alert.Alert, p Rules, dec Decision) {
	t.Helper()
	mode, _ := v.Hand.ModeFor(p, noon)
	crit := p.Severity >= alert.Critical || p.Severity == 0 && a.Severity >= alert.Critical
	if v.Hand.SilenceFor(&a, noon) != nil || mode == ModeOff || mode == ModeObserve || mode == ModeCriticalOnly && !crit {
		t.Errorf("starts in mode %s, silenced by %+v", mode, v.Hand.Silences)
	}
	spent := v.Account.Money.Spent["2026-03"]
	for id, res := range v.Account.Running {
		if res.Month == "2026-03" && id != dec.Case {
			spent += res.Money
		}
	}
	over := p.Budget.Month > 0 && spent+p.Budget.Case > p.Budget.Month
	if over && (!crit || !dec.Start.Beyond || v.Account.Money.Critical["2026-03-02"] >= p.Budget.CriticalPerDay) {
		t.Errorf("starts with %s of %s spent, critical %v, %d today", spent, p.Budget.Month, crit, v.Account.Money.Critical["2026-03-02"])
	}
}

// roomFor counts anew whether the account was open and had room.
func roomFor(t *testing.T, a Account, p Rules, dec Decision) {
	taken := 0
	for id, r := range a.Running {
		if id != dec.Start.Case.ID && noon.Before(r.Until) {
			taken++
		}
	}
	limit := p.Slots
	if limit < 1 || limit > MaxRunning {
		limit = MaxRunning
	}
	after := maps.Clone(a.Running)
	for _, id := range dec.Change.Account.Drop {
		if noon.Before(after[id].Until) {
			t.Errorf("the running reservation of %s is taken away", id)
		}
		delete(after, id)
	}
	maps.Copy(after, dec.Change.Account.Put)
	booked := 0 // these hold no slot, and stay until a tick books them
	for id, r := range after {
		if r.Money > 0 && !noon.Before(r.Until) && id != dec.Start.Case.ID {
			booked++
		}
	}
	if !a.Shut.Since.IsZero() || noon.Before(a.Down.Until) || taken >= limit || len(after)-booked > limit || len(after) > MaxRunning {
		t.Errorf("a start with %d of %d slots taken, shut %v, down until %v", taken, limit, a.Shut, a.Down.Until)
	}
}

// incidentFits: the count of a case and the incident's own state change together, in one commit.
func incidentFits(t *testing.T, v View, a alert.Alert, dec Decision) {
	was, is := v.Incident, v.Incident
	if w := dec.Change.Incident; w != nil {
		is = w.Now
	}
	for _, w := range dec.Change.Cases {
		want := 0
		if is.Fires() && is.Case == w.Now.ID {
			want++
		}
		if was.Fires() && was.Case == w.Now.ID {
			want--
		}
		if got := w.Now.Firing - w.Read.Firing; got != want && (want >= 0 || w.Read.Firing > 0) {
			t.Errorf("%s: case %s counts %+d, the incident went from %+v to %+v", a.Transition, w.Now.ID, got, was, is)
		}
	}
	for id, c := range v.Cases { // and where the case is not written, nothing may have changed that it should count
		written := slices.ContainsFunc(dec.Change.Cases, func(w CaseWrite) bool { return w.Now.ID == id })
		before, after := was.Fires() && was.Case == id, is.Fires() && is.Case == id
		if !written && before != after && (c.live() || c.State == Refused) {
			t.Errorf("%s: case %s, which is %s, is not told that its incident went from %+v to %+v", a.Transition, id, c.State, was, is)
		}
	}
}

// snapshot is a view as text, to see whether it was changed.
func snapshot(t *testing.T, v View) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzDue: whatever the case, the tick moves it as the table allows, and claims only what fires, is young and has room.
func FuzzDue(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &dice{data}
		p := d.policy()
		v := viewOf(Incident{}, Case{})
		c := d.aCase("ab-own")
		v.Cases[c.ID], v.Leads[c.ID], v.Account = c, said("opener", alert.Triggered, noon, "fallback"), d.account()
		d.hand(&v)
		before := snapshot(t, v)
		dec := Due(v, c.ID, p, noon)
		if !bytes.Equal(before, snapshot(t, v)) {
			t.Fatal("the decision changes what it was given")
		}
		sane(t, v, dec)
		if dec.Change.Empty() != (dec.Did == Nothing) || dec.Verdict != "" || dec.Change.Delivery != nil || dec.Change.Incident != nil {
			t.Errorf("%+v", dec)
		}
		if dec.Change.Empty() {
			return
		}
		w := dec.Change.Cases[0]
		if len(dec.Change.Cases) != 1 || w.Now.Version != c.Version+1 || w.Now.Firing != c.Firing || w.Now.Joined != c.Joined || !w.Now.Last.Equal(c.Last) {
			t.Errorf("the tick counts: %+v", w)
		}
		if dec.Start == nil {
			return
		}
		if own := v.Account.Running[c.ID]; c.State != InDoubt || !own.Until.After(noon) { // else it has its slot already
			roomFor(t, v.Account, p, dec)
		}
		asked := c.Hand != Order{}
		if c.Firing < 1 || noon.Sub(c.Last) > p.MaxAge && c.State != Refused || w.Facts.Firing != SomeFire ||
			!asked && (c.State == Refused || c.State == InDoubt && (p.InDoubt == StopIt || c.NoRepeat || c.Doubts > MaxRepeats)) {
			t.Errorf("starts %+v", c)
		}
		if mode, _ := v.Hand.ModeFor(p, noon); c.State == Waiting && !asked && (mode == ModeOff || mode == ModeObserve || c.Shadow) {
			t.Errorf("starts %+v in mode %s", c, mode)
		}
	})
}

// FuzzSettle: whatever has become of the case meanwhile, an answer moves it as the table allows and forgets no doubt.
func FuzzSettle(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &dice{data}
		c, cl := d.aCase("ab-own"), claimed(d.n(3))
		cl.Case.Attempt, cl.Down = d.n(5), d.account().Down
		ans := delivery.Answer{Reason: append(delivery.Reasons(), "", "new")[d.n(len(delivery.Reasons())+2)], RetryAfter: time.Duration(d.n(90)) * time.Minute}
		dec := Settle(c, cl, ans, noon)
		v := viewOf(Incident{}, c)
		sane(t, v, dec)
		if dec.Start != nil || dec.Verdict != "" || dec.Change.Empty() != (dec.Did == Nothing) {
			t.Errorf("%+v", dec)
		}
		mine := c.State == Starting && c.Attempt == cl.Case.Attempt
		if !dec.Change.Empty() && !mine && !(c.State == InDoubt && ans.Outcome() == delivery.Accepted) || mine && dec.Change.Empty() {
			t.Errorf("%s settles a case that is %s, attempt %d, by a claim of attempt %d: %+v", ans.Reason, c.State, c.Attempt, cl.Case.Attempt, dec)
		}
		if dec.Change.Empty() {
			return
		}
		now := dec.Change.Cases[0].Now
		more := 0 // only what may have arrived is a doubt of its own
		if ans.Outcome() == delivery.InDoubt {
			more = 1
		}
		if c.Doubts > 0 && now.State != Started && (now.State != InDoubt || now.Doubts != c.Doubts+more || now.Resting) {
			t.Errorf("%s: a doubt is forgotten, or one too many counted: %+v", ans.Reason, now)
		}
		held := now.State == Started || now.State == InDoubt
		if dropped := dec.Change.Account != nil && len(dec.Change.Account.Drop) == 1; dropped == held {
			t.Errorf("%s: the case is %s, its reservation dropped: %v", ans.Reason, now.State, dropped)
		}
	})
}
