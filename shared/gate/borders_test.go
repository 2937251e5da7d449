package gate

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// What lies between two tables of the page: rules that only show where two of them meet.

// TestStormsSetNoKeys: the storm's case is found by its environment alone, or every monitor of the storm would be
// covered by it for as long as its own key says.
func TestStormsSetNoKeys(t *testing.T) {
	p := keyed(stormy(), "k1", "k2")
	v := viewOf(Incident{}, Case{})
	v.Surge = Surge{Name: p.Surge, Opened: []time.Time{noon, noon, noon}, Version: 3}
	d := Arrive(v, arrivalOf(said("d1", alert.Triggered, noon, "fallback")), p, noon)
	if sane(t, v, d); d.Reason != Storming || len(d.Change.Pointers) > 0 {
		t.Errorf("%s %s sets %v", d.Verdict, d.Reason, d.Change.Pointers)
	}
}

// TestOneCycleToldTwice: a monitor that tells of one moment in two notifications has begun one cycle.
func TestOneCycleToldTwice(t *testing.T) {
	v := viewOf(Incident{}, Case{})
	v.Group = Group{Name: "1200/77", Cycles: []time.Time{noon}, Version: 2}
	d := Arrive(v, arrivalOf(said("d1", alert.Triggered, noon, "cycle")), jumpy(), noon)
	if sane(t, v, d); d.Change.Group != nil {
		t.Errorf("the group becomes %+v", d.Change.Group)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	p := jumpy()
	p.Surge, p.Storm = "1200/default/prod", Storm{Cases: MaxOpened, Within: 24 * time.Hour, Join: time.Hour}
	v := viewOf(Incident{}, Case{})
	for i := range 100 {
		at := noon.Add(time.Duration(i) * time.Second)
		d := Arrive(v, arrivalOf(said(fmt.Sprint("d", i), alert.Triggered, at, "cycle")), p, at)
		sane(t, v, d)
		if d.Change.Group != nil {
			v.Group = d.Change.Group.Now
		}
		if d.Change.Surge != nil {
			v.Surge = d.Change.Surge.Now
		}
	}
	if len(v.Group.Cycles) != MaxCycles || !latest(v.Group.Cycles).Equal(noon.Add(99*time.Second)) {
		t.Errorf("%d cycles, the latest at %v", len(v.Group.Cycles), latest(v.Group.Cycles))
	}
	v.Group, p.Flap.Cycles, v.Surge.Opened = Group{}, 0, nil
	for i := range MaxOpened + 20 { // critical ones: they are counted, and join no storm
		a := said(fmt.Sprint("c", i), alert.Triggered, noon, "cycle")
		a.Severity = alert.Critical
		v.Surge = Arrive(v, arrivalOf(a), p, noon).Change.Surge.Now
	}
	if len(v.Surge.Opened) != MaxOpened {
		t.Errorf("%d openings", len(v.Surge.Opened))
	}
}

// TestGapIsTheShortest: what a case says of how often it is renotified is the shortest time seen, whatever the order.
func TestGapIsTheShortest(t *testing.T) {
	p := DefaultRules()
	p.Hold = 5 * time.Hour
	w := newWorld(t, p)
	id := w.arrive(said("d1", alert.Triggered, noon, "cycle"), noon).Case
	for i, step := range []struct{ minute, want float64 }{{10, 10}, {15, 5}, {35, 5}, {36, 1}} {
		w.arrive(said(fmt.Sprint("n", i), alert.Renotify, after(step.minute), "cycle"), after(step.minute))
		if got := w.cases[id].Gap; got != time.Duration(step.want)*time.Minute {
			t.Errorf("after %v minutes the gap is %v", step.minute, got)
		}
	}
}

// TestASilencedCycleInTheWindow: the case that waited and has just been started covers the new cycle, silenced or not.
func TestASilencedCycleInTheWindow(t *testing.T) {
	w := newWorld(t, DefaultRules())
	fill(&w.account, MaxRunning, after(40))
	own := w.arrive(said("d1", alert.Triggered, noon, "fallback"), noon)
	w.account.Running = map[string]Reservation{}
	w.answer(w.due(own.Case, after(40)), "at once", after(40))
	w.hand.Silences = []Silence{{"s-1", matchers(t, "monitor=77"), ordered(0)}}
	w.arrive(said("d2", alert.Triggered, after(45), "fallback"), after(45))
	w.hand.Silences = nil
	if d := w.arrive(said("d3", alert.Renotify, after(50), "fallback"), after(50)); d.Reason != Renotifying || d.Case != own.Case {
		t.Errorf("got %s %s in case %s", d.Verdict, d.Reason, d.Case)
	}
}

// TestNotLifted: a critical alert lifts nothing that it could not start for itself.
func TestNotLifted(t *testing.T) {
	for _, tt := range []struct {
		why    string
		change func(v *View, c *Case, p *Rules)
	}{
		{"there is no money, and the day's critical ones are used up", func(v *View, _ *Case, p *Rules) {
			p.Budget = hundred
			v.Account.Money = Money{Spent: map[string]Dollars{"2026-03": 99e6}, Critical: map[string]int{"2026-03-02": 2}}
		}},
		{"nothing in it fires", func(_ *View, c *Case, _ *Rules) { c.Firing = 0 }},
	} {
		a, c, p := said("d1", alert.Triggered, noon, "fallback"), caseIn("waiting", "ab-own"), policyAll()
		a.Severity = alert.Critical
		v := viewOf(Incident{Key: a.Incident, Fire: noon.Add(-time.Minute), Version: 3}, Case{})
		tt.change(&v, &c, &p)
		v.Cases[c.ID], v.Incident.Case = c, c.ID
		if d := Arrive(v, arrivalOf(a), p, noon); d.Verdict != Join || d.Start != nil || d.Change.Account != nil {
			t.Errorf("%s: %s %s", tt.why, d.Verdict, d.Reason)
		}
	}
}

// TestAnotherAgentsCase: a policy that gives an incident to another Agent gives it a case there, once the one that waits for
// the first Agent has waited too long: nobody might look after it any more, and it would take every word of the incident for
// as long as it lives. It counts the incident no longer, and ends where that was the last. What may have been started already stays the incident's case.
func TestAnotherAgentsCase(t *testing.T) {
	for _, tt := range []struct {
		state  string
		waited time.Duration
		firing int
		reason Reason
		left   string // what becomes of the first Agent's case
		facts  Count
	}{
		{"waiting", 6*time.Hour + ms, 1, NewIncident, "ended recovered", OneFires},
		{"waiting", 6*time.Hour + ms, 3, NewIncident, "waiting (slots)", MoreFire},
		{"waiting", 6 * time.Hour, 3, Repeat, "waiting (slots)", AnyCount},
		{"starting", 7 * time.Hour, 3, Repeat, "starting", AnyCount},
		{"started", 7 * time.Hour, 3, Repeat, "", ""},
	} {
		a, c := said("d1", alert.Triggered, noon, "fallback"), caseIn(tt.state, "ab-old")
		c.Agent, c.Firing, c.Opened = "payments", tt.firing, noon.Add(-tt.waited)
		v := viewOf(Incident{Key: a.Incident, Fire: noon.Add(-time.Minute), Version: 3}, c)
		d := Arrive(v, arrivalOf(a), policyAll(), noon)
		if sane(t, v, d); d.Reason != tt.reason || (d.Case == c.ID) != (tt.reason == Repeat) {
			t.Errorf("%s: %s %s in case %s", tt.state, d.Verdict, d.Reason, d.Case)
		}
		left := ""
		for _, w := range d.Change.Cases {
			if w.Now.ID == c.ID {
				if left = stateName(w.Now); w.Facts.Firing != tt.facts || tt.reason != Repeat && w.Now.Firing != tt.firing-1 {
					t.Errorf("%s: resting on %q it counts %d", tt.state, w.Facts.Firing, w.Now.Firing)
				}
			}
		}
		if left != tt.left {
			t.Errorf("%s: the first Agent's case becomes %q, want %q", tt.state, left, tt.left)
		}
	}
}

// TestNotLiftedForAnother: a case that is found by a key, and another Agent's, is joined and not started: its account was
// not read.
func TestNotLiftedForAnother(t *testing.T) {
	a, c := said("d1", alert.Triggered, noon, "fallback"), caseIn("waiting", "ab-c")
	a.Severity, c.Agent = alert.Critical, "payments"
	v := viewOf(Incident{}, Case{})
	v.Cases[c.ID], v.Pointers["k1"] = c, c.ID
	if d := Arrive(v, arrivalOf(a), keyed(policyAll(), "k1"), noon); d.Verdict != Join || d.Start != nil || d.Change.Account != nil {
		t.Errorf("%s %s", d.Verdict, d.Reason)
	}
}

// TestFlappingIsNotCovered: a cycle that flaps is no part of what was told already, or it would never be looked at.
func TestFlappingIsNotCovered(t *testing.T) {
	for state, want := range map[string]Reason{"started": IsFlapping, "starting": IsFlapping, "waiting": Covered} {
		p, c := keyed(jumpy(), "k1"), caseIn(state, "ab-c")
		v := viewOf(Incident{}, Case{})
		v.Cases[c.ID], v.Pointers["k1"] = c, c.ID
		v.Group = Group{Name: "1200/77", Cycles: []time.Time{noon.Add(-time.Minute)}, Flapping: true, Version: 2}
		d := Arrive(v, arrivalOf(said("d1", alert.Triggered, noon, "cycle")), p, noon)
		if sane(t, v, d); d.Reason != want {
			t.Errorf("%s: %s %s, want %s", state, d.Verdict, d.Reason, want)
		}
	}
}

// TestAFlapIsKnownHoweverItStarts: the start can come with a notification that begins no cycle, because the case of the
// one that did ended unstarted.
func TestAFlapIsKnownHoweverItStarts(t *testing.T) {
	a := said("d1", alert.Renotify, noon, "fallback")
	v := viewOf(Incident{Key: a.Incident, Fire: noon.Add(-time.Minute), Version: 3}, caseIn("ended expired", "ab-own"))
	v.Group = Group{Name: "1200/77", Version: 2}
	for i := range 4 {
		v.Group.Cycles = append(v.Group.Cycles, noon.Add(time.Duration(i-5)*time.Minute))
	}
	d := Arrive(v, arrivalOf(a), jumpy(), noon)
	if sane(t, v, d); d.Reason != FlapStart || d.Change.Group == nil || !d.Change.Group.Now.Flapping || len(d.Change.Group.Now.Cycles) != 4 {
		t.Errorf("%s %s, group %+v", d.Verdict, d.Reason, d.Change.Group)
	}
}

// TestFlappingIsObservedOnce: what is only observed shows one start for a flapping group too.
func TestFlappingIsObservedOnce(t *testing.T) {
	p := jumpy()
	p.Mode = ModeObserve
	v := viewOf(Incident{}, Case{})
	v.Group = Group{Name: "1200/77", Version: 2, Cycles: []time.Time{noon.Add(-3 * time.Minute), noon.Add(-2 * time.Minute), noon.Add(-time.Minute)}}
	d := Arrive(v, arrivalOf(said("d1", alert.Triggered, noon, "cycle")), p, noon)
	if sane(t, v, d); d.Reason != WouldStart || !d.Change.Group.Now.Flapping || !d.Change.Cases[0].Now.Until.Equal(noon) {
		t.Errorf("%s %s, group %+v", d.Verdict, d.Reason, d.Change.Group)
	}
}

// TestASilenceEndsOnlyWhatIsSilenced: a case that waits ends by a silence only if everything in it that still fires is
// silenced, as its latest word has it. What is not known to be is never lost with the rest.
func TestASilenceEndsOnlyWhatIsSilenced(t *testing.T) {
	const own, m1, m2 = "1200/77/opened-it", "1200/77/m1", "1200/78/m2"
	over, elsewhere := noon.Add(time.Minute), "ab-other"
	for _, tt := range []struct {
		name   string
		firing int
		change func(*Case, *View)
		asks   []string
		did    Did
	}{
		{"the alert that opened it, alone", 1, func(c *Case, _ *View) { c.Members = nil }, nil, Ends},
		{"alone, and it has become worse", 1, func(c *Case, v *View) {
			c.Members, c.Severity = nil, alert.High
			v.Heard = heard(*c, map[string]string{own: "79"})
		}, []string{own}, Starts},
		{"alone, worse, and silenced all the same", 1, func(c *Case, v *View) {
			c.Members, c.Severity = nil, alert.High
			v.Heard = heard(*c, map[string]string{own: "77"})
		}, []string{own}, Ends},
		{"both silenced", 2, func(c *Case, v *View) { v.Heard = heard(*c, map[string]string{own: "77", m1: "77"}) }, []string{own, m1}, Ends},
		{"silenced by two silences", 2, func(c *Case, v *View) {
			v.Heard = heard(*c, map[string]string{own: "77", m1: "78"})
			v.Hand.Silences = append(v.Hand.Silences, Silence{"s-2", matchers(t, "monitor=78"), ordered(time.Hour)})
		}, []string{own, m1}, Ends},
		{"by one that is over", 2, func(c *Case, v *View) {
			v.Heard = heard(*c, map[string]string{own: "77", m1: "78"})
			v.Hand.Silences = append(v.Hand.Silences, Silence{"s-2", matchers(t, "monitor=78"), Order{Until: noon}})
		}, []string{own, m1}, Starts},
		{"what joined is not", 2, func(c *Case, v *View) { v.Heard = heard(*c, map[string]string{own: "77", m1: "78"}) }, []string{own, m1}, Starts},
		{"what joined is not, and critical", 2, func(c *Case, v *View) {
			c.Severity, c.Members[0].Severity = alert.Critical, alert.Critical
			v.Heard = heard(*c, map[string]string{own: "77", m1: "78"})
		}, []string{own, m1}, Starts},
		{"what opened it is not", 2, func(c *Case, v *View) {
			v.Heard = heard(*c, map[string]string{own: "77", m1: "77"})
			lead := v.Leads[c.ID]
			lead.Monitor.ID = "78"
			v.Leads[c.ID] = lead
		}, nil, Starts},
		{"what is not has recovered", 1, func(c *Case, v *View) {
			v.Heard = heard(*c, map[string]string{own: "77", m1: "78"})
			h := v.Heard[m1]
			h.Incident.Rec = over
			v.Heard[m1] = h
		}, []string{own, m1}, Ends},
		{"what is not went to another case", 1, func(c *Case, v *View) {
			v.Heard = heard(*c, map[string]string{own: "77", m1: "78"})
			h := v.Heard[m1]
			h.Incident.Case = elsewhere
			v.Heard[m1] = h
		}, []string{own, m1}, Ends},
		{"one of which nothing is heard", 2, func(c *Case, v *View) { v.Heard = heard(*c, map[string]string{own: "77"}) }, []string{own, m1}, Starts},
		{"more than it knows by name", 3, func(c *Case, v *View) { v.Heard = heard(*c, map[string]string{own: "77", m1: "77"}) }, []string{own, m1}, Starts},
		{"three, all silenced", 3, func(c *Case, v *View) {
			c.Members = append(c.Members, Member{Incident: m2})
			v.Heard = heard(*c, map[string]string{own: "77", m1: "77", m2: "77"})
		}, []string{own, m1, m2}, Ends},
	} {
		c := caseIn("waiting", "ab-own")
		c.Last, c.Firing = noon, tt.firing
		v := viewOf(Incident{}, c)
		v.Hand.Silences = []Silence{{"s-1", matchers(t, "monitor=77"), ordered(time.Hour)}}
		tt.change(&c, &v)
		v.Cases[c.ID] = c
		if asks := Asks(v, c.ID, DefaultRules(), noon); !slices.Equal(asks, tt.asks) {
			t.Errorf("%s: it asks for %v, want %v", tt.name, asks, tt.asks)
		}
		d := dueWith(t, v, c, DefaultRules())
		if d.Did != tt.did || d.Did == Ends && (d.Change.Cases[0].Now.How != EndSilenced || !d.Change.Cases[0].Facts.Joined) {
			t.Errorf("%s: it %s, %+v", tt.name, didName(d), d.Change.Cases)
		}
		c.Hand = ordered(0)
		v.Cases[c.ID] = c
		if asks := Asks(v, c.ID, DefaultRules(), noon); asks != nil {
			t.Errorf("%s, asked for by hand: it asks for %v", tt.name, asks)
		}
	}
}

// TestNobodyRepeatsWhatIsNotWanted: a start in doubt that would be sent again is not, once it is silenced or the mode has
// become stricter; it gives its slot back as if nothing in it fired. Somebody who asks for it gets it.
func TestNobodyRepeatsWhatIsNotWanted(t *testing.T) {
	for _, mode := range append(Modes(), "silenced") {
		for _, slot := range []string{"its own", "one free"} {
			c := caseIn("in doubt", "ab-own")
			v := viewOf(Incident{}, c)
			setSlot(&v.Account, c.ID, entry{"slot": slot, "Agent": "open", "money": "enough"}, false)
			if v.Hand.Mode = (ModeOrder{mode, ordered(time.Hour)}); mode == "silenced" {
				v.Hand = Hand{Silences: []Silence{{"s-1", matchers(t, "monitor=77"), ordered(time.Hour)}}}
				c.Firing = 2
				v.Heard = heard(c, map[string]string{c.Incident: "77", c.Members[0].Incident: "77"})
			}
			want := map[string]Did{"its own": Nothing, "one free": Releases}[slot]
			if mode == ModeFull {
				want = Repeats
			}
			if d := dueWith(t, v, c, DefaultRules()); d.Did != want {
				t.Errorf("%s, slot %s: it %s, want %s", mode, slot, didName(d), want)
			}
			c.Hand = ordered(0)
			if d := dueWith(t, v, c, DefaultRules()); d.Did != Repeats {
				t.Errorf("%s, slot %s, asked for: it %s", mode, slot, didName(d))
			}
		}
	}
}

// TestADoubtSleepsWhileItIsObserved: what is only observed wakes no doubt, for nothing would be done about it.
func TestADoubtSleepsWhileItIsObserved(t *testing.T) {
	for mode, rests := range map[Mode]bool{ModeObserve: true, ModeFull: false} {
		a, p := said("d1", alert.Renotify, noon, "fallback"), policyAll()
		p.Mode = mode
		v := viewOf(Incident{Key: a.Incident, Fire: noon.Add(-time.Minute), Version: 3}, caseIn("resting", "ab-own"))
		d := Arrive(v, arrivalOf(a), p, noon)
		if sane(t, v, d); d.Reason != Renotifying || d.Change.Cases[0].Now.Resting != rests {
			t.Errorf("%s: %s %s, resting %t", mode, d.Verdict, d.Reason, d.Change.Cases[0].Now.Resting)
		}
	}
}

// TestWhatIsAskedForIsSeen: the tick sees a bounded number of waiting cases, best first. What somebody wants started must
// not hide behind hundreds that wait for money.
func TestWhatIsAskedForIsSeen(t *testing.T) {
	asked := caseIn("waiting", "ab-asked")
	asked.Severity, asked.Hand = alert.Minimal, ordered(0)
	other := caseIn("waiting", "ab-other")
	other.Opened = asked.Opened.Add(-time.Hour)
	for _, tt := range []struct {
		severity alert.Severity
		first    bool
	}{{alert.Critical, false}, {alert.High, true}, {alert.Minimal, true}} {
		other.Severity = tt.severity
		for _, storm := range []string{"", "1200/default/prod"} {
			other.Storm = storm
			if byKey, byRank := asked.Order() < other.Order(), CompareRank(asked, other) < 0; byKey != tt.first || byRank != tt.first {
				t.Errorf("before %s, storm %q: %t by its key, %t by rank", tt.severity, storm, byKey, byRank)
			}
		}
	}
}

// TestAnObservedFlapIsNoStart: what was only observed to start has started nothing. A group that goes on flapping when the
// mode is full again gets its one start; one that had it is left alone in either mode.
func TestAnObservedFlapIsNoStart(t *testing.T) {
	w := newWorld(t, jumpy())
	for i, want := range []Reason{
		WouldStart, WouldStart, WouldStart, WouldStart, IsFlapping, // observed, every ten minutes
		FlapStart, IsFlapping, // in full
		IsFlapping, // observed
	} {
		w.hand.Mode = ModeOrder{ModeObserve, ordered(0)}
		if i == 5 || i == 6 {
			w.hand.Mode = ModeOrder{}
		}
		at := after(float64(10 * i))
		a := said(fmt.Sprint("d", i), alert.Triggered, at, "cycle")
		a.Incident.Key = fmt.Sprint("c.", i)
		if d := w.arrive(a, at); d.Reason != want {
			t.Errorf("cycle %d: %s %s, want %s", i+1, d.Verdict, d.Reason, want)
		}
		a.Delivery, a.Transition, a.Time = fmt.Sprint("r", i), alert.Recovered, at.Add(time.Minute)
		w.arrive(a, a.Time)
	}
}

// TestTheHoldIsNotLostToTheAgent: what comes while the Agent cannot be called is held all the same, and starts when the later
// of the two is over.
func TestTheHoldIsNotLostToTheAgent(t *testing.T) {
	held := policyAll()
	held.Hold = 2 * time.Minute
	for _, tt := range []struct {
		name   string
		change func(*Account)
		back   func(*Account)
		at     time.Duration // when the Agent is back
		starts time.Duration
	}{
		{"back before the hold is over", func(a *Account) { a.Down.Until = noon.Add(20 * time.Second) }, nil, 20 * time.Second, 2 * time.Minute},
		{"back after it", func(a *Account) { a.Down.Until = noon.Add(7 * time.Minute) }, nil, 7 * time.Minute, 7 * time.Minute},
		{
			"open again before", func(a *Account) { a.Shut.Since = noon }, func(a *Account) { a.Shut = Shut{} },
			time.Minute, 2 * time.Minute,
		},
		{"open again after", func(a *Account) { a.Shut.Since = noon }, func(a *Account) { a.Shut = Shut{} }, 5 * time.Minute, 5 * time.Minute},
	} {
		w := newWorld(t, held)
		tt.change(&w.account)
		d := w.arrive(said("d1", alert.Triggered, noon, "cycle"), noon)
		if d.Verdict != Wait || d.Reason != Holding {
			t.Fatalf("%s: it got %s %s", tt.name, d.Verdict, d.Reason)
		}
		for passed := time.Minute; passed <= tt.starts; passed += time.Minute {
			if passed >= tt.at && tt.back != nil {
				tt.back(&w.account)
			}
			tick := w.due(d.Case, noon.Add(passed))
			if (tick.Did == Starts) != (passed == tt.starts) {
				t.Errorf("%s: after %s it %s", tt.name, passed, didName(tick))
			}
			if c := w.cases[d.Case]; passed >= 2*time.Minute && passed < tt.starts && c.Why != WhyAgentDown && c.Why != WhyAgentShut {
				t.Errorf("%s: after %s it waits for %s", tt.name, passed, c.Why)
			}
		}
	}
}
