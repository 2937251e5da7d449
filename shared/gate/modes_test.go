package gate

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

func TestModeOfAnAlert(t *testing.T) {
	modes := []string{"off", "observe", "critical_only", "full"}
	walk(t, "mode", []column{
		values("by hand", append([]string{"none", "over"}, modes...)...), values("the policy", modes...),
		values("fixed by a route or a rank", "yes", "no"),
	}, nil, func(t *testing.T, at, row entry) {
		var h Hand
		switch at["by hand"] {
		case "none":
		case "over":
			h.Mode = ModeOrder{ModeOff, Order{By: "ana", At: noon.Add(-time.Hour), Until: noon}}
		default:
			h.Mode = ModeOrder{Mode(at["by hand"]), ordered(time.Hour)}
		}
		want := at["the policy"]
		switch row["the mode"] {
		case "as the policy":
		case "as by hand":
			want = at["by hand"]
		case "the stricter":
			want = modes[min(slices.Index(modes, at["by hand"]), slices.Index(modes, at["the policy"]))]
		default:
			t.Errorf("the page says %q", row["the mode"])
		}
		is, order := h.ModeFor(Rules{Mode: Mode(at["the policy"]), ModeFixed: at["fixed by a route or a rank"] == "yes"}, noon)
		if string(is) != want || order != nil && order.Mode != is {
			t.Errorf("%v: %s by %+v, want %s", at, is, order, want)
		}
	})
}

// TestMutedAlerts: whatever its case is, what is silenced or not wanted in the mode is dropped, and touches no case.
func TestMutedAlerts(t *testing.T) {
	walk(t, "muted alerts", []column{
		values("silenced", "yes", "no"), values("mode", "off", "observe", "critical_only", "full"), values("severity", "critical", "not critical"),
	}, nil, func(t *testing.T, at, row entry) {
		for _, by := range []string{"policy", "hand"} {
			for _, state := range caseStates {
				a, p := said("d1", alert.Triggered, noon, "fallback"), policyAll()
				var own Case
				if state != "none" {
					own = caseIn(state, "ab-own")
				}
				v := viewOf(Incident{Key: a.Incident, Fire: noon.Add(-time.Minute), Version: 3}, own)
				if at["severity"] == "critical" {
					a.Severity = alert.Critical
				}
				if by == "hand" {
					v.Hand.Mode = ModeOrder{Mode(at["mode"]), ordered(time.Hour)}
				} else {
					p.Mode = Mode(at["mode"])
				}
				if at["silenced"] == "yes" {
					v.Hand.Silences = []Silence{{"s-0", matchers(t, "monitor=78"), ordered(0)}, {"s-1", matchers(t, "monitor=77"), ordered(time.Hour)}}
				}
				d, name := Arrive(v, arrivalOf(a), p, noon), sceneOf(at, "by", by, "case", state)
				sane(t, v, d)
				if row["verdict"] == "judged" {
					if d.Verdict == Drop {
						t.Errorf("%s: %s %s", name, d.Verdict, d.Reason)
					}
					continue
				}
				if string(d.Verdict) != row["verdict"] || string(d.Reason) != row["reason"] {
					t.Errorf("%s: %s %s, want %s %s", name, d.Verdict, d.Reason, row["verdict"], row["reason"])
					continue
				}
				mutedHolds(t, name, v, d, a, at["silenced"] == "yes", by == "hand")
			}
		}
	})
}

func mutedHolds(t *testing.T, name scene, v View, d Decision, a alert.Alert, silenced, byHand bool) {
	t.Helper()
	committed(t, "keeps its times", d, v.Incident.Case, false, false)
	firedNow(t, name, v.Incident, d, a, v.Incident.Case)
	keptFor(t, name, d, a)
	want := ""
	switch {
	case silenced:
		want = "silence s-1 by ana@laptop until 2026-03-02 13:00:00 UTC: release"
	case byHand:
		want = "mode " + string(v.Hand.Mode.Mode) + " by ana@laptop until 2026-03-02 13:00:00 UTC: release"
	}
	if got := d.Change.Delivery.Hand; got != want {
		t.Errorf("%s: touched by %q, want %q", name, got, want)
	}
}

// A recovery and a test are what they are whatever the mode: nothing by hand has touched their verdicts.
func TestAModeDoesNotTouchARecovery(t *testing.T) {
	v := viewOf(Incident{}, Case{})
	v.Hand.Mode = ModeOrder{ModeOff, ordered(time.Hour)}
	test := said("d2", alert.Triggered, noon, "fallback")
	test.Test = true
	for _, a := range []alert.Alert{said("d1", alert.Recovered, noon, "fallback"), test} {
		if d := Arrive(v, Arrival{Alert: a}, DefaultRules(), noon); d.Verdict != Drop || d.Reason == IsModeOff || d.Change.Delivery.Hand != "" {
			t.Errorf("%s %s, touched by %q", d.Verdict, d.Reason, d.Change.Delivery.Hand)
		}
	}
}

// TestASilencedCycleIsNoWordOnAnOlderOne: a cycle that began while it was silenced must not be taken, afterwards, for a
// word on a case that was started for an older cycle: nothing would ever look at it.
func TestASilencedCycleIsNoWordOnAnOlderOne(t *testing.T) {
	w := newWorld(t, DefaultRules())
	old := w.arrive(said("d1", alert.Triggered, noon, "fallback"), noon)
	w.answer(old, "at once", noon)
	w.hand.Silences = []Silence{{"s-1", matchers(t, "monitor=77"), ordered(0)}}
	if d := w.arrive(said("d2", alert.Triggered, after(120), "fallback"), after(120)); d.Reason != Silenced {
		t.Fatalf("got %s %s", d.Verdict, d.Reason)
	}
	w.hand.Silences = nil
	if d := w.arrive(said("d3", alert.Renotify, after(130), "fallback"), after(130)); d.Reason != NewIncident || d.Case == old.Case {
		t.Errorf("got %s %s in case %s", d.Verdict, d.Reason, d.Case)
	}
}

func TestObserve(t *testing.T) {
	walk(t, "observe", []column{
		values("mode", "observe", "full"), values("found by", "its incident", "a key"),
		values("the case", "none", "real waiting", "real started", "real long ago", "observed waiting", "observed ended"),
	}, func(at entry) bool {
		return at["found by"] == "a key" || at["the case"] != "none" && at["the case"] != "real long ago"
	}, func(t *testing.T, at, row entry) {
		c := observedOrReal(at["the case"])
		a, p := said("d1", alert.Triggered, noon, "fallback"), keyed(policyAll(), "k1")
		p.Mode = Mode(at["mode"])
		v := viewOf(Incident{}, Case{})
		if c.ID != "" {
			v.Cases[c.ID], v.Pointers["k1"] = c, c.ID
		}
		own := at["found by"] == "its incident"
		if own {
			v.Incident = Incident{Key: a.Incident, Fire: noon.Add(-time.Minute), Case: c.ID, Version: 3}
		}
		d, name := Arrive(v, arrivalOf(a), p, noon), sceneOf(at)
		sane(t, v, d)
		if string(d.Verdict) != row["verdict"] || string(d.Reason) != row["reason"] {
			t.Errorf("%s: %s %s, want %s %s", name, d.Verdict, d.Reason, row["verdict"], row["reason"])
			return
		}
		key := "as it was"
		for _, w := range d.Change.Pointers {
			if w.Now == d.Case {
				key = "the new case"
			}
		}
		if key != row["its key then"] {
			t.Errorf("%s: its key names %s, want %s", name, key, row["its key then"])
		}
		opens := row["what happens"] == "opens" || row["what happens"] == "opens and starts"
		if joins := d.Case == c.ID; joins == opens {
			t.Errorf("%s: case %s", name, d.Case)
		}
		if opens {
			now := d.Change.Cases[0].Now
			if now.Shadow != (at["mode"] == "observe") || now.Shadow && (now.Why != WhyHold || d.Change.Account != nil || d.Change.Surge != nil) {
				t.Errorf("%s: opens %+v, account %+v, surge %+v", name, now, d.Change.Account, d.Change.Surge)
			}
			left := own && c.State == Waiting && slices.ContainsFunc(d.Change.Cases, func(w CaseWrite) bool { return w.Now.ID == c.ID && w.Now.Firing == c.Firing-1 })
			if own && c.State == Waiting && !left {
				t.Errorf("%s: it is not counted out of the case that it leaves", name)
			}
		} else if written := len(d.Change.Cases) == 1; written != (row["what happens"] == "joins") {
			t.Errorf("%s: writes %+v", name, d.Change.Cases)
		}
	})
}

// observedOrReal is a case as table "observe" names it; the zero value for none.
func observedOrReal(name string) Case {
	kind, state, _ := strings.Cut(name, " ")
	c := caseIn(map[string]string{"waiting": "waiting", "started": "started", "long ago": "ended assumed", "ended": "ended observed"}[state], "ab-c")
	if state == "long ago" {
		c.StartAt = noon.Add(-30*time.Minute - ms)
	}
	if c.Shadow = kind == "observed"; kind == "none" {
		return Case{}
	}
	return c
}

// TestObservedByHandIsNotPaidTwice: a case was started; then somebody sets the mode to observe, what it covers fires
// again, and the mode goes back.
func TestObservedByHandIsNotPaidTwice(t *testing.T) {
	w := newWorld(t, keyed(DefaultRules(), "k1"))
	first := w.arrive(said("d1", alert.Triggered, noon, "cycle"), noon)
	w.answer(first, "at once", noon)
	w.hand.Mode = ModeOrder{ModeObserve, ordered(10 * time.Minute)}
	other := of("78", "d2", alert.Triggered, after(5))
	if d := w.arrive(other, after(5)); d.Reason != WouldStart {
		t.Fatalf("got %s %s", d.Verdict, d.Reason)
	}
	if d := w.arrive(said("d3", alert.Renotify, after(6), "cycle"), after(6)); d.Reason != Renotifying || d.Case != first.Case {
		t.Errorf("in observe its own renotification gets %s %s", d.Verdict, d.Reason)
	}
	if d := w.arrive(of("78", "d4", alert.Renotify, after(12)), after(12)); d.Reason != NotTold || d.Case != first.Case {
		t.Errorf("once the mode is full again, what the case covers gets %s %s", d.Verdict, d.Reason)
	}
}

// TestObservedEnds: what is observed is held like what is real, then ends as observed, or before as recovered.
func TestObservedEnds(t *testing.T) {
	p := DefaultRules()
	p.Mode, p.Hold, p.Budget = ModeObserve, 2*time.Minute, Budget{Month: 1, Case: 4e6}
	w := newWorld(t, p)
	d := w.arrive(said("d1", alert.Triggered, noon, "cycle"), noon)
	if c := w.cases[d.Case]; d.Reason != WouldStart || !c.Until.Equal(after(2)) {
		t.Fatalf("got %s %s until %v", d.Verdict, d.Reason, c.Until)
	}
	if w.due(d.Case, after(2).Add(-ms)).Did != Nothing || w.due(d.Case, after(2)).Did != Ends || w.cases[d.Case].How != EndObserved {
		t.Errorf("it becomes %+v", w.cases[d.Case])
	}
	again := w.arrive(of("9", "d2", alert.Triggered, noon), noon)
	w.arrive(of("9", "d3", alert.Recovered, after(1)), after(1))
	if c := w.cases[again.Case]; c.How != EndRecovered || c.Note != "" {
		t.Errorf("recovered in time: %+v", c)
	}
	if !reflect.DeepEqual(w.account.Money, Money{}) || len(w.account.Running) > 0 {
		t.Errorf("it cost %+v, %+v", w.account.Money, w.account.Running)
	}
}

func TestCheckRefusesToStartWhatIsObserved(t *testing.T) {
	for _, w := range []CaseWrite{rightMove(Waiting, Starting), rightMove("", Starting)} {
		w.Read.Shadow, w.Now.Shadow = w.Read.ID != "", true
		if err := (Change{Cases: []CaseWrite{w}}).Check(); err == nil || !strings.Contains(err.Error(), "only observed") {
			t.Errorf("%q to starting: %v", w.Read.State, err)
		}
	}
}

func TestHolds(t *testing.T) {
	p := policyAll()
	p.Hold, p.Fresh, p.LateHold = 5*time.Minute, 2*time.Minute, time.Minute
	held := map[string]time.Duration{"hold": p.Hold, "late hold": p.LateHold, "–": 0}
	walk(t, "holds", []column{
		values("severity", "critical", "not critical"), values("transition", judgedTransitions...), values("age", "fresh", "late"),
	}, nil, func(t *testing.T, at, row entry) {
		a := said("d1", alert.Transition(at["transition"]), noon.Add(-p.Fresh), "fallback")
		if at["age"] == "late" {
			a.Time = a.Time.Add(-ms)
		}
		r := p
		if r.Severity = alert.High; at["severity"] == "critical" {
			r.Severity = alert.Critical // whatever the alert itself has
		}
		v := viewOf(Incident{}, Case{})
		d := Arrive(v, arrivalOf(a), r, noon)
		sane(t, v, d)
		want := held[row["the case is held for"]]
		c := d.Change.Cases[0].Now
		if want == 0 && d.Reason != NewIncident || want > 0 && (d.Reason != Holding || !c.Until.Equal(noon.Add(want))) || c.Severity != r.Severity {
			t.Errorf("%v: %s %s until %v, want it held for %v", at, d.Verdict, d.Reason, c.Until, want)
		}
		if r.Fresh = 0; row["the case is held for"] == "late hold" {
			if d := Arrive(v, arrivalOf(a), r, noon); d.Reason != NewIncident {
				t.Errorf("%v, and nothing is late: %s %s", at, d.Verdict, d.Reason)
			}
		}
	})
}

// TestHeldCriticalJoins: one that is itself held lifts nothing, and shortens a hold to its own.
func TestHeldCriticalJoins(t *testing.T) {
	p := keyed(policyAll(), "k1")
	p.Hold, p.Fresh, p.LateHold = 5*time.Minute, 2*time.Minute, time.Minute
	a := said("d1", alert.Triggered, noon.Add(-3*time.Minute), "fallback")
	a.Severity = alert.Critical
	for _, left := range []time.Duration{30 * time.Second, 4 * time.Minute} {
		c := caseIn("waiting", "ab-c")
		c.Why, c.Until = WhyHold, noon.Add(left)
		v := viewOf(Incident{}, Case{})
		v.Cases[c.ID], v.Pointers["k1"] = c, c.ID
		d := Arrive(v, arrivalOf(a), p, noon)
		sane(t, v, d)
		if now := d.Change.Cases[0].Now; d.Reason != Covered || !now.Until.Equal(noon.Add(min(left, time.Minute))) {
			t.Errorf("%v left: %s %s, held until %v", left, d.Verdict, d.Reason, now.Until)
		}
	}
}
