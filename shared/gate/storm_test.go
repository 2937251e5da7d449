package gate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// stormy allows three cases in five minutes.
func stormy() Rules {
	p := policyAll()
	p.Surge, p.Storm = "1200/default/prod", Storm{Cases: 3, Within: 5 * time.Minute, Join: 20 * time.Minute}
	return p
}

// stormCase is a storm's case as table "storm" names it; the zero value for none.
func stormCase(name string) Case {
	state, _, _ := strings.Cut(name, " for long")
	state = strings.Replace(state, "started long ago", "started", 1)
	if name == "none" {
		return Case{}
	}
	c := caseIn(state, "ab-storm")
	c.Storm, c.Last, c.StartAt, c.Services = "1200/default/prod", noon.Add(-5*time.Minute), noon.Add(-20*time.Minute), []string{"cart"}
	switch {
	case strings.HasSuffix(name, "for long"):
		c.Last = c.Last.Add(-ms)
	case strings.HasSuffix(name, "long ago"):
		c.StartAt = c.StartAt.Add(-ms)
	}
	return c
}

func TestStorm(t *testing.T) {
	walk(t, "storm", []column{
		values("severity", "critical", "not critical"), values("opened lately", "fewer", "as many as may be"),
		values("the storm's case", "none", "waiting", "waiting for long", "starting", "started", "started long ago", "refused", "ended recovered"),
	}, nil, func(t *testing.T, at, row entry) {
		a, p, c := said("d1", alert.Triggered, noon, "fallback"), stormy(), stormCase(at["the storm's case"])
		a.Tags = []string{"service:checkout"}
		if at["severity"] == "critical" {
			a.Severity = alert.Critical
		}
		v := viewOf(Incident{}, Case{})
		v.Surge = Surge{Name: p.Surge, Version: 4, Opened: []time.Time{noon.Add(-time.Hour), noon.Add(-5 * time.Minute), noon.Add(-4 * time.Minute), noon}}
		if at["opened lately"] == "as many as may be" { // what is five minutes old does not count
			v.Surge.Opened[1] = v.Surge.Opened[1].Add(ms)
		}
		if c.ID != "" {
			v.Cases[c.ID], v.Surge.Case = c, c.ID
		}
		d := Arrive(v, arrivalOf(a), p, noon)
		sane(t, v, d)
		if string(d.Verdict) != row["verdict"] || string(d.Reason) != row["reason"] || (d.Verdict == Join) != (d.Case == c.ID) {
			t.Errorf("%v: %s %s in %q, want %s %s", at, d.Verdict, d.Reason, d.Case, row["verdict"], row["reason"])
			return
		}
		if d.Verdict == Join {
			if w := d.Change.Cases; d.Reason == InStorm && (w[0].Now.Firing != c.Firing+1 || !slices.Equal(w[0].Now.Services, []string{"cart", "checkout"})) || d.Change.Surge != nil {
				t.Errorf("%v: joins as %+v, environment %+v", at, w, d.Change.Surge)
			}
			return
		}
		openedInStorm(t, at, v, d)
	})
}

// openedInStorm: what is opened is counted in its environment, and the storm's case is known there and by no key.
func openedInStorm(t *testing.T, at entry, v View, d Decision) {
	t.Helper()
	now, s := d.Change.Cases[0].Now, d.Change.Surge
	if s == nil || s.Read != 4 || s.Now.Version != 5 || s.Now.Name != "1200/default/prod" || !s.Now.Opened[len(s.Now.Opened)-1].Equal(noon) ||
		s.Now.Opened[0].Equal(noon.Add(-time.Hour)) {
		t.Fatalf("%v: the environment becomes %+v", at, s)
	}
	if d.Reason != Storming {
		if now.Storm != "" || s.Now.Case != v.Surge.Case {
			t.Errorf("%v: %+v, %+v", at, now, s.Now)
		}
		return
	}
	if now.Storm != "1200/default/prod" || now.Why != WhyStorm || !now.Until.Equal(after(5)) || s.Now.Case != now.ID || len(d.Change.Pointers) > 0 {
		t.Errorf("%v: opens %+v, keys %v, environment %+v", at, now, d.Change.Pointers, s.Now)
	}
}

// TestAStormIsOneStart: forty services break at once; three cases of their own, and one for all the others, whatever
// keys they have.
func TestAStormIsOneStart(t *testing.T) {
	p := stormy()
	w := newWorld(t, p)
	w.policy = func(a alert.Alert) Rules { return keyed(p, "monitor/"+a.Incident.Monitor) }
	reasons, storm := map[Reason]int{}, ""
	for i := range 40 {
		at := noon.Add(time.Duration(i) * 5 * time.Second)
		a := of(fmt.Sprint(i), fmt.Sprint("d", i), alert.Triggered, at)
		a.Tags = []string{fmt.Sprintf("service:s-%02d", i)}
		d := w.arrive(a, at)
		reasons[d.Reason]++
		if d.Reason == Storming {
			storm = d.Case
		}
	}
	if reasons[NewIncident] != 3 || reasons[Storming] != 1 || reasons[InStorm] != 36 {
		t.Errorf("got %v", reasons)
	}
	c := w.cases[storm]
	if len(c.Services) != 37 || c.Services[0] != "s-03" || c.Firing != 37 {
		t.Errorf("the storm's case has %d services, %d that fire", len(c.Services), c.Firing)
	}
	if d := w.due(storm, c.Until.Add(-ms)); d.Did != Nothing {
		t.Errorf("before its time it %s", d.Did)
	}
	w.answer(w.due(storm, c.Until), "at once", c.Until)
	if d := w.arrive(of("99", "late", alert.Triggered, after(15)), after(15)); d.Reason != NotTold || d.Case != storm {
		t.Errorf("after its start: %s %s", d.Verdict, d.Reason)
	}
	worse := of("98", "worse", alert.Triggered, after(16))
	worse.Severity = alert.High
	if d := w.arrive(worse, after(16)); d.Reason != NewIncident {
		t.Errorf("more severe, and few were opened lately: %s %s", d.Verdict, d.Reason)
	}
}

// TestAStormThatIsOver: recovered to nothing, or started by hand, its case collects no more.
func TestAStormThatIsOver(t *testing.T) {
	p := stormy()
	p.Storm.Cases = 1
	w := newWorld(t, p)
	w.arrive(of("1", "d1", alert.Triggered, noon), noon)
	storm := w.arrive(of("2", "d2", alert.Triggered, noon), noon).Case
	w.arrive(of("2", "r2", alert.Recovered, after(1)), after(1))
	if c := w.cases[storm]; c.How != EndRecovered {
		t.Fatalf("it is %s %s", c.State, c.How)
	}
	second := w.arrive(of("3", "d3", alert.Triggered, after(2)), after(2))
	if second.Reason != Storming || second.Case == storm {
		t.Fatalf("the storm goes on: %s %s", second.Verdict, second.Reason)
	}
	c := w.cases[second.Case]
	c.Hand = ordered(0)
	w.cases[c.ID] = c
	if d := w.due(c.ID, after(3)); d.Did != Starts {
		t.Errorf("asked for by hand it %s", d.Did)
	}
	if d := w.arrive(of("4", "d4", alert.Triggered, after(4)), after(4)); d.Reason != NotTold || d.Case != c.ID {
		t.Errorf("then: %s %s", d.Verdict, d.Reason)
	}
	if d := w.arrive(of("5", "d5", alert.Triggered, after(40)), after(40)); d.Reason != NewIncident {
		t.Errorf("long after: %s %s", d.Verdict, d.Reason)
	}
}

// jumpy takes four cycles in an hour for flapping, and holds for two minutes.
func jumpy() Rules {
	p := policyAll()
	p.Hold, p.Group, p.Flap = 2*time.Minute, "1200/77", Flap{Cycles: 4, Within: time.Hour, Quiet: time.Hour}
	return p
}

func TestBegins(t *testing.T) {
	walk(t, "begins", []column{values("the alert is", "first", "same cycle", "new cycle", "after recovery", "late")}, nil,
		func(t *testing.T, at, row entry) {
			scenes := 0
			for _, last := range lastWords() {
				for _, key := range []string{"fallback", "cycle"} {
					for _, tr := range judgedTransitions {
						if theAlertIs(t, last, key, tr) != at["the alert is"] {
							continue
						}
						for _, in := range knownBy(last, noon, key) {
							scenes++
							begun(t, at, row, in, said("d1", alert.Transition(tr), noon, key))
						}
					}
				}
			}
			if scenes == 0 {
				t.Error("no scene was walked")
			}
		})
}

func begun(t *testing.T, at, row entry, in Incident, a alert.Alert) {
	t.Helper()
	v := viewOf(in, Case{})
	v.Group = Group{Name: "1200/77", Cycles: []time.Time{noon.Add(-time.Hour)}, Version: 2}
	d := Arrive(v, arrivalOf(a), jumpy(), noon)
	sane(t, v, d)
	w := d.Change.Group
	if begins := w != nil; begins != (row["a cycle begins"] == "yes") ||
		begins && (w.Read != 2 || w.Now.Version != 3 || w.Now.Name != "1200/77" || !slices.Equal(w.Now.Cycles, []time.Time{noon.Add(-time.Hour), noon})) {
		t.Errorf("%v, %s, %+v: the group becomes %+v", at, a.Transition, in, w)
	}
	if a.Severity = alert.Critical; Arrive(v, arrivalOf(a), jumpy(), noon).Change.Group != nil {
		t.Errorf("%v: a critical alert counts as a cycle", at)
	}
}

func TestFlap(t *testing.T) {
	walk(t, "flap", []column{
		values("severity", "critical", "not critical"), values("cycles", "fewer", "as many as may be"),
		values("the group has had its start", "no", "yes", "quiet since"),
	}, func(at entry) bool {
		return at["cycles"] == "fewer" || at["the group has had its start"] != "quiet since"
	},
		func(t *testing.T, at, row entry) {
			a := said("d1", alert.Triggered, noon, "fallback")
			if at["severity"] == "critical" {
				a.Severity = alert.Critical
			}
			v := viewOf(Incident{}, Case{})
			v.Group = Group{Name: "1200/77", Version: 2, Flapping: at["the group has had its start"] != "no"}
			v.Group.Cycles = []time.Time{noon.Add(-time.Hour), noon.Add(-59 * time.Minute), noon.Add(-time.Minute)}
			if at["cycles"] == "as many as may be" { // what is an hour old does not count
				v.Group.Cycles[0] = v.Group.Cycles[0].Add(ms)
			}
			if at["the group has had its start"] == "quiet since" {
				v.Group.Cycles = v.Group.Cycles[:1]
			}
			d := Arrive(v, arrivalOf(a), jumpy(), noon)
			sane(t, v, d)
			if string(d.Verdict) != row["verdict"] || string(d.Reason) != row["reason"] {
				t.Errorf("%v: %s %s, want %s %s", at, d.Verdict, d.Reason, row["verdict"], row["reason"])
			}
			if w := d.Change.Group; at["severity"] != "critical" && w.Now.Flapping != (row["reason"] != "hold") {
				t.Errorf("%v: the group becomes %+v", at, w.Now)
			}
		})
}

// TestFlappingStartsOnce: a group that goes on and off every ten minutes for three hours, then rests, then comes again.
func TestFlappingStartsOnce(t *testing.T) {
	w := newWorld(t, jumpy())
	var got []string
	cycle := func(i int, minute float64) {
		d := w.arrive(said(fmt.Sprint("t", i), alert.Triggered, after(minute), "fallback"), after(minute))
		got = append(got, string(d.Reason))
		w.answer(d, "at once", after(minute))
		w.arrive(said(fmt.Sprint("r", i), alert.Recovered, after(minute+1), "fallback"), after(minute+1))
	}
	for i := range 18 {
		cycle(i, float64(10*i))
	}
	cycle(18, 170+59)
	cycle(19, 170+59+60)
	want := "hold hold hold flap_start repeat repeat repeat" + strings.Repeat(" flapping", 12) + " hold"
	if strings.Join(got, " ") != want {
		t.Errorf("got\n%s, want\n%s", strings.Join(got, " "), want)
	}
}

// TestAnOldFlapIsNone: an incident that fires on, long after its group went on and off, is no cycle and starts no flap.
func TestAnOldFlapIsNone(t *testing.T) {
	v := viewOf(Incident{Key: incidentKey("fallback"), Fire: noon.Add(-10 * time.Minute), Version: 3}, caseIn("ended expired", "ab-own"))
	v.Group = Group{Name: "1200/77", Version: 2}
	for i := range 4 {
		v.Group.Cycles = append(v.Group.Cycles, noon.Add(-5*time.Hour+time.Duration(i)*time.Minute))
	}
	d := Arrive(v, arrivalOf(said("d1", alert.Renotify, noon, "fallback")), jumpy(), noon)
	if sane(t, v, d); d.Reason != Holding || d.Change.Group != nil {
		t.Errorf("got %s %s, group %+v", d.Verdict, d.Reason, d.Change.Group)
	}
}
