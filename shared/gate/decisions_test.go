package gate

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

func TestReasonsAreOnThePage(t *testing.T) {
	left := Reasons()
	for _, row := range page(t, "reasons").rows {
		r := Reason(row["reason"])
		if v, ok := left[r]; !ok || string(v) != row["verdict"] {
			t.Errorf("the page gives %q to %q, the gate to %q (known: %v)", r, row["verdict"], v, ok)
		}
		if row["what to do"] == "" || row["meaning"] == "" {
			t.Errorf("the page does not say what %s means, and what to do about it", r)
		}
		delete(left, r)
	}
	if len(left) > 0 {
		t.Errorf("the page does not explain %v", left)
	}
}

func TestSettingsAreOnThePage(t *testing.T) {
	p := DefaultRules()
	walk(t, "settings", []column{values("setting", "window", "quiet", "max age", "estimate", "lease", "repeats", "rest")}, nil,
		func(t *testing.T, at, row entry) {
			is := map[string]any{
				"window": p.Window, "quiet": p.Quiet, "max age": p.MaxAge, "estimate": p.Estimate, "lease": Lease,
				"repeats": MaxRepeats, "rest": MaxRest,
			}[at["setting"]]
			if d, ok := is.(time.Duration); ok {
				is = said4people(d)
			}
			if fmt.Sprint(is) != row["default"] {
				t.Errorf("%s is %v, the page says %s", at["setting"], is, row["default"])
			}
		})
	if p.Agent != "default" || p.OnWarn != DropIt || p.OnNoData != DropIt || p.OnTest != DropIt || p.InDoubt != RepeatIt {
		t.Errorf("the defaults are %+v", p)
	}
}

// said4people writes a duration as the page does.
func said4people(d time.Duration) string {
	switch {
	case d == 0:
		return "–"
	case d <= time.Hour && d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < time.Hour:
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return fmt.Sprintf("%d h", d/time.Hour)
}

func TestFirst(t *testing.T) {
	transitions := append([]string{"Recovered", "Unknown", "none", "one not in this table"}, judgedTransitions...)
	walk(t, "first", []column{
		values("delivery", "recorded", "new"), values("our own", "no", "yes"), values("test", "no", "yes (drop)", "yes (start)"),
		values("transition", transitions...), values("on_warn", "drop", "start"), values("on_no_data", "drop", "start"),
	}, nil, func(t *testing.T, at, row entry) {
		for _, state := range caseStates {
			p := DefaultRules()
			p.OnWarn, p.OnNoData = Choice(at["on_warn"]), Choice(at["on_no_data"])
			if at["test"] == "yes (start)" {
				p.OnTest = StartIt
			}
			tr := alert.Transition(at["transition"])
			switch at["transition"] {
			case "none":
				tr = ""
			case "one not in this table":
				tr = "Snoozed"
			}
			a := said("d1", tr, noon, "fallback")
			a.Test = at["test"] != "no"
			if at["our own"] == "yes" {
				a.Tags = append(a.Tags, "env:prod", "Alertbridge:event")
			}
			var own Case
			if state != "none" {
				own = caseIn(state, "ab-own")
			}
			v := viewOf(Incident{Key: a.Incident, Fire: noon.Add(-time.Minute), Version: 3}, own)
			if at["delivery"] == "recorded" {
				v.Delivery = &Delivery{ID: "d1", Verdict: Wait, Reason: NoSlot, Case: "ab-first"}
			}
			firstHolds(t, sceneOf(at, "in a case that is", state), v, Arrive(v, arrivalOf(a), p, noon), at, row)
		}
	})
}

func firstHolds(t *testing.T, name scene, v View, d Decision, at, row entry) {
	sane(t, v, d)
	reason, _, _ := strings.Cut(row["reason"], ",")
	switch {
	case row["verdict"] == "judged":
		if d.Verdict == Drop || d.Change.Incident == nil {
			t.Errorf("%s: got %s %s, want it judged", name, d.Verdict, d.Reason)
		}
		return
	case string(d.Verdict) != row["verdict"] || string(d.Reason) != reason:
		t.Errorf("%s: got %s %s, want %s %s", name, d.Verdict, d.Reason, row["verdict"], reason)
	case at["delivery"] == "recorded":
		if !d.Change.Empty() || d.Start != nil || d.Case != "ab-first" {
			t.Errorf("%s: a message read twice writes or calls: %+v", name, d)
		}
	case d.Reason != IsRecovery:
		committed(t, "nothing", d, v.Incident.Case, false, false)
		if d.Case != "" {
			t.Errorf("%s: names case %q", name, d.Case)
		}
	}
}

func TestUnreadableIsRecorded(t *testing.T) {
	rec := Delivery{ID: "d1", Time: noon, TraceID: "7", Words: "not JSON"}
	d := Reject(View{}, rec, noon)
	sane(t, View{}, d)
	want := rec
	want.Verdict, want.Reason, want.Decided = Drop, Unreadable, noon
	if d.Verdict != Drop || d.Reason != Unreadable || !reflect.DeepEqual(d.Change, Change{At: noon, Delivery: &want}) {
		t.Errorf("got %+v", d)
	}
	again := Reject(View{Delivery: &Delivery{Case: "ab-1"}}, rec, noon)
	if again.Verdict != Join || again.Reason != Duplicate || again.Case != "ab-1" || !again.Change.Empty() {
		t.Errorf("read twice: got %+v", again)
	}
}

// gaps are examples for each thing that can be the last word on an incident before an alert: how much earlier it was.
// Each class has its borders in it.
var gaps = map[string][]time.Duration{
	"fired later":                   {-ms, -3 * time.Hour},
	"fired up to 30 min before":     {0, ms, 480 * time.Second, 30 * time.Minute},
	"fired 30 min to 30 h before":   {30*time.Minute + ms, 7 * time.Hour, 30 * time.Hour},
	"fired over 30 h before":        {30*time.Hour + ms, 300 * time.Hour},
	"recovered later or then":       {0, -ms, -5 * time.Hour},
	"recovered up to 30 min before": {ms, 480 * time.Second, 30 * time.Minute},
	"recovered over 30 min before":  {30*time.Minute + ms, 31 * time.Hour},
}

// knownBy gives an incident on which this is the last word, with the other time before it, or unknown.
func knownBy(last string, at time.Time, key string) []Incident {
	if last == "none" {
		return []Incident{{}}
	}
	var list []Incident
	for _, gap := range gaps[last] {
		in := Incident{Key: incidentKey(key), Version: 3}
		if strings.HasPrefix(last, "fired") {
			in.Fire = at.Add(-gap)
			recoveredBefore := in
			recoveredBefore.Rec = in.Fire.Add(-31 * time.Minute) // long enough ago under either key
			if !at.After(recoveredBefore.Rec) || key == "cycle" && at.Sub(recoveredBefore.Rec) <= 30*time.Minute {
				list = append(list, in) // the alert would be late
				continue
			}
			list = append(list, in, recoveredBefore)
			continue
		}
		in.Rec, in.Final = at.Add(-gap), key == "cycle"
		firedBefore := in
		firedBefore.Fire = in.Rec.Add(-time.Minute)
		list = append(list, in, firedBefore)
		if key == "cycle" { // a trigger whose time contradicts the recovery
			in.Fire = in.Rec.Add(20 * time.Minute)
			list = append(list, in)
		}
	}
	return list
}

// theAlertIs classifies by the page's table "cycle".
func theAlertIs(t *testing.T, last, key, transition string) string {
	return lookup(t, "cycle", entry{"last word on the incident": last, "key": key, "transition": transition})["the alert is"]
}

func lastWords() []string {
	return append([]string{"none"}, slices.Sorted(mapsKeys(gaps))...)
}

func TestCycle(t *testing.T) {
	walk(t, "cycle", []column{
		values("last word on the incident", lastWords()...), values("key", "fallback", "cycle"),
		values("transition", judgedTransitions...),
	}, nil, func(t *testing.T, at, row entry) {
		a := said("d1", alert.Transition(at["transition"]), noon, at["key"])
		for _, in := range knownBy(at["last word on the incident"], noon, at["key"]) {
			v := viewOf(in, Case{})
			d := arrival{View: v, Arrival: arrivalOf(a), r: policyAll(), now: noon}
			is := "same cycle"
			switch {
			case d.late():
				is = "late"
			case in.Version == 0:
				is = "first"
			case !in.Fires():
				is = "after recovery"
			case d.newCycle():
				is = "new cycle"
			}
			if is != row["the alert is"] {
				t.Errorf("%v, incident %+v: got %q, want %q", at, in, is, row["the alert is"])
			}
		}
	})
}

func TestAgain(t *testing.T) {
	walk(t, "again", []column{values("transition", judgedTransitions...)}, nil, func(t *testing.T, at, row entry) {
		a := said("d1", alert.Transition(at["transition"]), noon, "fallback")
		if got := (arrival{Arrival: arrivalOf(a)}).again(); string(got) != row["reason"] {
			t.Errorf("%s: got %q, want %q", at["transition"], got, row["reason"])
		}
	})
}

// TestTrigger walks everything that an alert which says that something fires can meet: what is known of its incident,
// by either key, times every state of its case.
func TestTrigger(t *testing.T) {
	scenes := 0
	walk(t, "trigger", []column{
		values("its case", caseStates...), values("window", "open", "over"), values("severity", "not more severe", "more severe"),
		values("the alert is", "first", "same cycle", "new cycle", "after recovery", "late"),
	}, func(at entry) bool { return at["the alert is"] != "first" || at["its case"] == "none" },
		func(t *testing.T, at, row entry) {
			for _, last := range lastWords() {
				for _, key := range []string{"fallback", "cycle"} {
					for _, tr := range judgedTransitions {
						if theAlertIs(t, last, key, tr) != at["the alert is"] {
							continue
						}
						a := said("d1", alert.Transition(tr), noon, key)
						a.Severity = []alert.Severity{alert.Medium, alert.Low}[scenes%2]
						if at["severity"] == "more severe" {
							a.Severity = alert.High
						}
						for _, in := range knownBy(last, noon, key) {
							scenes++
							v := viewOf(in, ownCase(at, noon))
							triggerHolds(t, sceneOf(at, tr, last, key, in), v, a, row)
						}
					}
				}
			}
		})
	if scenes < 5000 {
		t.Errorf("only %d scenes were walked", scenes)
	}
}

// ownCase is a case in the state and with the join window that the row asks for, seen by an alert at this time.
func ownCase(at entry, alertTime time.Time) Case {
	if at["its case"] == "none" {
		return Case{}
	}
	c := caseIn(at["its case"], "ab-own")
	c.StartAt = alertTime.Add(-30 * time.Minute)
	if at["window"] == "over" {
		c.StartAt = c.StartAt.Add(-ms)
	}
	return c
}

func triggerHolds(t *testing.T, name scene, v View, a alert.Alert, row entry) {
	d := Arrive(v, arrivalOf(a), policyAll(), noon)
	sane(t, v, d)
	verdict, reason, what := row["verdict"], row["reason"], row["what happens"]
	switch {
	case verdict == "see 3.4": // there is no group, nothing is in the way
		verdict, reason, what = "start", "new_incident", "opens and starts"
	case reason == "again":
		reason = lookup(t, "again", entry{"transition": string(a.Transition)})["reason"]
	}
	if string(d.Verdict) != verdict || string(d.Reason) != reason {
		t.Errorf("%s: got %s %s, want %s %s", name, d.Verdict, d.Reason, verdict, reason)
		return
	}
	happened(t, name, what, v, d, a, v.Cases[v.Incident.Case], false)
}

// happened checks what a decision about an alert that fires does, as the page words it, to the case that takes it.
func happened(t *testing.T, name scene, what string, v View, d Decision, a alert.Alert, taker Case, keyed bool) {
	own, opened := v.Cases[v.Incident.Case], CaseID(a)
	target := taker.ID
	if what == "opens" || what == "opens and starts" {
		target = opened
	}
	leaves := v.Incident.Fires() && target != own.ID && (own.State == Refused || own.State == InDoubt)
	inNone := what == "keeps its times, in no case"
	if inNone {
		what = "keeps its times"
	}
	shape := what
	if what == "attaches" && taker.State == Refused {
		shape = "attaches (refused)"
	}
	committed(t, shape, d, target, leaves, keyed)
	if what == "nothing" {
		return
	}
	if what == "keeps its times" {
		target = ""
		if v.Incident.Fires() && !inNone {
			target = own.ID
		}
	}
	recorded(t, name, d, a)
	if d.Case != target && what != "keeps its times" {
		t.Errorf("%s: the verdict names case %q, want %q", name, d.Case, target)
	}
	firedNow(t, name, v.Incident, d, a, target)
	if rests := what == "attaches" || what == "keeps its times"; rests && v.Incident.Fires() && target == own.ID &&
		!a.Time.After(v.Incident.Fire) && d.Change.Incident != nil {
		t.Errorf("%s: nothing about the incident changes, and it is written: every repeat would compete for it", name)
	}
	for _, w := range d.Change.Cases {
		switch {
		case w.Now.ID == own.ID && leaves:
			want := own
			want.Firing--
			if !reflect.DeepEqual(bare(w.Now), want) {
				t.Errorf("%s: leaves its case as %+v, want one less", name, w.Now)
			}
		case w.Now.ID == target && strings.HasPrefix(what, "joins"):
			joined(t, name, v, w, a, what == "joins and starts")
		case w.Now.ID == target && strings.HasPrefix(what, "opens"):
			openedBy(t, name, w, a)
		}
	}
}

func recorded(t *testing.T, name scene, d Decision, a alert.Alert) {
	rec := d.Change.Delivery
	want := Delivery{
		ID: a.Delivery, Verdict: d.Verdict, Reason: d.Reason, Case: d.Case, Incident: a.Incident.String(),
		Transition: string(a.Transition), Title: a.Title, Time: a.Time, Decided: noon, TraceID: "1234567890", Agent: "default",
	}
	if rec == nil {
		t.Errorf("%s: nothing is recorded", name)
		return
	}
	got := *rec
	got.Because, got.Saw = "", nil
	if got != want {
		t.Errorf("%s: recorded %+v, want %+v", name, got, want)
	}
}

// firedNow: afterwards the incident fires, belongs to this case, and remembers the later of its times. Nothing is
// written only where nothing would change.
func firedNow(t *testing.T, name scene, before Incident, d Decision, a alert.Alert, inCase string) {
	want := before
	want.Key, want.Fire, want.Case, want.Final = a.Incident, later(before.Fire, a.Time), inCase, false
	w := d.Change.Incident
	if w == nil {
		if want.Fire != before.Fire || want.Case != before.Case || !before.Fires() {
			t.Errorf("%s: the incident is not written, want %+v", name, want)
		}
		return
	}
	want.Version = before.Version + 1
	now := w.Now
	now.Recent = nil
	if !reflect.DeepEqual(now, want) || !w.Now.Fires() {
		t.Errorf("%s: the incident becomes %+v, want %+v", name, w.Now, want)
	}
}

// joined: the case counts the alert, the incident if it was not counted there, and keeps the highest of everything.
func joined(t *testing.T, name scene, v View, w CaseWrite, a alert.Alert, starts bool) {
	want := w.Read
	want.Joined++
	want.Last = later(w.Read.Last, a.Time)
	want.Severity = max(w.Read.Severity, a.Severity)
	if !v.Incident.Fires() || v.Incident.Case != w.Read.ID {
		want.Firing++
		want.Members = append(slices.Clone(want.Members), Member{
			Incident: a.Incident.String(), Title: a.Title, Scope: "service:checkout,env:prod", Severity: a.Severity, Since: a.Time,
		})
		slices.SortStableFunc(want.Members, func(x, y Member) int { return int(y.Severity - x.Severity) })
	} else if gap := a.Time.Sub(v.Incident.Fire); a.Transition == alert.Renotify && gap > 0 && (want.Gap == 0 || gap < want.Gap) {
		want.Gap = gap
	}
	want.Resting = false // every resting case of these scenes may be repeated
	if starts {
		want.State, want.Why, want.StartAt, want.Until, want.Attempt = Starting, "", noon, noon.Add(Lease), w.Read.Attempt+1
	}
	if starts || want.Severity != w.Read.Severity || want.Resting != w.Read.Resting {
		want.Version++
	}
	if !reflect.DeepEqual(bare(w.Now), want) {
		t.Errorf("%s: the case becomes\n%+v, want\n%+v", name, w.Now, want)
	}
}

func openedBy(t *testing.T, name scene, w CaseWrite, a alert.Alert) {
	want := Case{
		ID: CaseID(a), Agent: "default", State: w.Now.State, Why: w.Now.Why, Until: w.Now.Until, Opened: noon,
		StartAt: w.Now.StartAt, Severity: a.Severity, Attempt: w.Now.Attempt, Version: 1, Firing: 1, Last: a.Time,
		Title: a.Title, Service: "checkout", Incident: a.Incident.String(), TraceID: "1234567890", Trace: "traceparent",
	}
	if w.Now.State == Starting && (!w.Now.StartAt.Equal(noon) || w.Now.Attempt != 1) {
		t.Errorf("%s: starts at %v with attempt %d", name, w.Now.StartAt, w.Now.Attempt)
	}
	if !reflect.DeepEqual(bare(w.Now), want) || !reflect.DeepEqual(w.Read, Case{}) {
		t.Errorf("%s: opens %+v, want %+v", name, w.Now, want)
	}
	if w.Lead == nil || !reflect.DeepEqual(*w.Lead, a) {
		t.Errorf("%s: the case does not keep the alert that opened it", name)
	}
}

// TestTooOld: what would open a case opens none, and everything else is as if the alert were young.
func TestTooOld(t *testing.T) {
	for _, row := range page(t, "trigger").rows {
		for _, old := range []time.Duration{6 * time.Hour, 6*time.Hour + ms} {
			tooOldHolds(t, row, old)
		}
	}
}

func tooOldHolds(t *testing.T, row entry, age time.Duration) {
	combine([]column{
		values("its case", caseStates...), values("window", "open", "over"), values("last", lastWords()...),
		values("key", "fallback", "cycle"), values("severity", "not more severe", "more severe"),
	}, entry{}, func(at entry) {
		is := theAlertIs(t, at["last"], at["key"], "Triggered")
		if !fits(row["its case"], at["its case"]) || !fits(row["window"], at["window"]) || !fits(row["the alert is"], is) ||
			!fits(row["severity"], at["severity"]) || at["last"] == "none" && at["its case"] != "none" {
			return
		}
		happenedAt := noon.Add(-age)
		a := said("d1", alert.Triggered, happenedAt, at["key"])
		if at["severity"] == "more severe" {
			a.Severity = alert.High
		}
		for _, in := range knownBy(at["last"], happenedAt, at["key"]) {
			v := viewOf(in, ownCase(at, happenedAt))
			if row["verdict"] != "see 3.4" || age <= 6*time.Hour {
				triggerHolds(t, sceneOf(at), v, a, row)
				continue
			}
			d := Arrive(v, arrivalOf(a), policyAll(), noon)
			sane(t, v, d)
			if d.Verdict != Drop || d.Reason != TooOld {
				t.Errorf("%v: got %s %s, want it dropped as too old", at, d.Verdict, d.Reason)
			}
			what := "keeps its times"
			if is == "new cycle" && slices.Contains([]string{"started", "ended assumed", "ended completed"}, at["its case"]) {
				what += ", in no case"
			}
			happened(t, sceneOf(at), what, v, d, a, Case{}, false)
			keptFor(t, sceneOf(at), d, a)
		}
	})
}

func TestGroup(t *testing.T) {
	walk(t, "group", []column{
		values("the key's case", caseStates...), values("window", "open", "over"),
		values("severity", "not more severe", "more severe"),
	}, nil, func(t *testing.T, at, row entry) {
		for _, own := range []string{"none", "refused", "resting", "ended expired"} { // none of them takes the alert
			a := said("d1", alert.Triggered, noon, "fallback")
			if at["severity"] == "more severe" {
				a.Severity = alert.High
			}
			in := Incident{Key: a.Incident, Version: 3}
			var c Case
			if own != "none" {
				c = caseIn(own, "ab-own")
				c.StartAt, in.Fire = noon.Add(-time.Hour), noon.Add(-40*time.Minute) // a new cycle, outside that window
			}
			v := viewOf(in, c)
			key := ownCase(entry{"its case": at["the key's case"], "window": at["window"]}, noon)
			if key.ID != "" {
				key.ID = "ab-group"
				v.Cases[key.ID], v.Pointers["team:web"] = key, key.ID
			}
			p := policyAll()
			p = keyed(p, "team:web")
			d := Arrive(v, arrivalOf(a), p, noon)
			sane(t, v, d)
			verdict, reason, what := row["verdict"], row["reason"], row["what happens"]
			if verdict == "see 3.5" {
				verdict, reason, what = "start", "new_incident", "opens and starts"
			}
			name := sceneOf(at, "own case", own)
			if string(d.Verdict) != verdict || string(d.Reason) != reason {
				t.Errorf("%s: got %s %s, want %s %s", name, d.Verdict, d.Reason, verdict, reason)
				continue
			}
			happened(t, name, what, v, d, a, key, true)
		}
	})
}

func TestGroupTakesTheFirstKeyThatCovers(t *testing.T) {
	v := viewOf(Incident{}, Case{})
	for id, state := range map[string]string{"ab-1": "ended recovered", "ab-2": "started", "ab-3": "waiting"} {
		v.Cases[id] = caseIn(state, id)
	}
	v.Pointers = map[string]string{"k1": "ab-1", "k2": "ab-2", "k3": "ab-3", "k4": "ab-gone"}
	for _, tt := range []struct {
		keys []string
		want string
	}{
		{[]string{"k1", "k2", "k3"}, "ab-2"},
		{[]string{"k1", "k3", "k2"}, "ab-3"},
		{[]string{"k4", "k3"}, "ab-3"},
		{[]string{"k4", "k0", "k1"}, CaseID(said("d1", "", noon, "fallback"))},
	} {
		p := policyAll()
		p = keyed(p, tt.keys...)
		d := Arrive(v, arrivalOf(said("d1", alert.Triggered, noon, "fallback")), p, noon)
		sane(t, v, d)
		if d.Case != tt.want {
			t.Errorf("keys %v: case %s, want %s", tt.keys, d.Case, tt.want)
		}
		if d.Verdict == Start { // the new case takes over every key, whatever it named
			want := []PointerWrite{{"k4", "ab-gone", d.Case}, {"k0", "", d.Case}, {"k1", "ab-1", d.Case}}
			if !slices.Equal(d.Change.Pointers, want) {
				t.Errorf("keys %v: pointers %v", tt.keys, d.Change.Pointers)
			}
		}
	}
}

func TestOpening(t *testing.T) {
	walk(t, "opening", []column{
		values("age", "young", "old"), values("starts on its transition", "yes", "no"), values("severity", "critical", "not critical"),
		values("Agent", "open", "down", "shut"), values("hold", "yes", "no"), values("money", moneys...), values("room", "yes", "no"),
	}, nil, func(t *testing.T, at, row entry) {
		a := said("d1", alert.Triggered, noon.Add(-6*time.Hour), "fallback")
		if at["age"] == "old" {
			a.Time = a.Time.Add(-ms)
		}
		if at["severity"] == "critical" {
			a.Severity = alert.Critical
		}
		p := accountPolicy(at)
		if at["starts on its transition"] == "no" {
			p.On = DropIt
		}
		v := viewOf(Incident{}, Case{})
		setAccount(&v.Account, at)
		d := Arrive(v, arrivalOf(a), p, noon)
		sane(t, v, d)
		if string(d.Verdict) != row["verdict"] || string(d.Reason) != row["reason"] {
			t.Errorf("%v: got %s %s, want %s %s", at, d.Verdict, d.Reason, row["verdict"], row["reason"])
			return
		}
		what := map[Verdict]string{Drop: "keeps its times", Wait: "opens", Start: "opens and starts"}[d.Verdict]
		happened(t, sceneOf(at), what, v, d, a, Case{}, false)
		if d.Start != nil && d.Start.Beyond != (at["money"] == "over it") {
			t.Errorf("%v: goes beyond the budget: %v", at, d.Start.Beyond)
		}
		if d.Verdict == Drop {
			keptFor(t, sceneOf(at), d, a)
			return
		}
		c := d.Change.Cases[0].Now
		until := noon
		switch c.Why {
		case WhyHold:
			until = noon.Add(4 * time.Minute)
		case WhyAgentDown:
			until = v.Account.Down.Until
		case WhyBudget:
			until = april
			if at["severity"] == "critical" {
				until = tomorrow
			}
		case "":
			until = noon.Add(Lease)
		}
		if stateName(c) != row["the case"] || !c.Until.Equal(until) {
			t.Errorf("%v: opens %s until %v, want %s until %v", at, stateName(c), c.Until, row["the case"], until)
		}
	})
}

// keptFor: what was dropped though it was worth something is kept for a start by hand.
func keptFor(t *testing.T, name scene, d Decision, a alert.Alert) {
	t.Helper()
	if l := d.Change.Lead; l == nil || l.Case != CaseID(a) || !reflect.DeepEqual(l.Alert, a) {
		t.Errorf("%s: the alert is kept as %+v", name, l)
	}
}

// moneys are what an account can have for a start, as accountPolicy and setAccount make it.
var moneys = []string{"enough", "over it", "over it and the day used up"}

// When there is money again, seen from noon.
var (
	april    = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	tomorrow = time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
)

// accountPolicy holds for four minutes where the row says so, has three slots, and 100 dollars where the row is about
// money.
func accountPolicy(at entry) Rules {
	p := policyAll()
	p.Slots = 3
	if at["hold"] == "yes" {
		p.Hold = 4 * time.Minute
	}
	if at["money"] != "" {
		p.Budget = Budget{Month: 100e6, Case: 4e6, Bucket: 5, CriticalPerDay: 2}
	}
	return p
}

// setAccount closes and fills the account as the row says. Slots whose estimate is over are free.
func setAccount(a *Account, at entry) {
	fill(a, 2, noon.Add(ms))
	a.Running["over"] = Reservation{Attempt: 1, Until: noon}
	if at["room"] == "no" {
		a.Running["third"] = Reservation{Attempt: 1, Until: noon.Add(ms)}
	}
	a.Money = Money{Spent: map[string]Dollars{"2026-03": 96e6, "2026-02": 500e6}, Critical: map[string]int{"2026-03-02": 1, "2026-03-01": 9}}
	if strings.HasPrefix(at["money"], "over it") {
		a.Money.Spent["2026-03"]++
	}
	if strings.HasSuffix(at["money"], "used up") {
		a.Money.Critical["2026-03-02"] = 2
	}
	switch at["Agent"] {
	case "shut":
		a.Shut = Shut{Since: noon.Add(-time.Hour), SecretVersion: "v1"}
		a.Down.Until = noon.Add(time.Minute) // shut is the stronger word
	case "down":
		a.Down = Down{Until: noon.Add(ms), Fails: 1}
	case "open":
		a.Down = Down{Until: noon, Fails: 1} // its time is over: the next call tries
	}
}

func TestLift(t *testing.T) {
	waits := []string{"hold (running)", "hold (over)", "slots", "budget", "agent_down", "agent_shut", "storm (running)", "storm (over)"}
	walk(t, "lift", []column{
		values("severity", "critical", "not critical"), values("the case waits for", waits...),
		values("Agent", "open", "down", "shut"), values("room", "yes", "no"),
	}, nil, func(t *testing.T, at, row entry) {
		for _, through := range []string{"incident", "group"} {
			a := said("d1", alert.Triggered, noon, "fallback")
			if at["severity"] == "critical" {
				a.Severity = alert.Critical
			}
			c := caseIn("waiting", "ab-own")
			why, _, _ := strings.Cut(at["the case waits for"], " ")
			c.Why, c.Until = Why(why), noon.Add(time.Minute)
			if strings.HasSuffix(at["the case waits for"], "(over)") {
				c.Until = noon
			}
			v, p := viewOf(Incident{Key: a.Incident, Fire: noon.Add(-time.Minute), Version: 3}, c), accountPolicy(at)
			reason := row["reason"]
			if through == "group" {
				v.Incident, v.Pointers["team:web"] = Incident{}, c.ID
				p = keyed(p, "team:web")
				reason = strings.Replace(reason, "repeat", "covered", 1)
			}
			setAccount(&v.Account, at)
			d := Arrive(v, arrivalOf(a), p, noon)
			sane(t, v, d)
			name := sceneOf(at, "through its", through)
			if string(d.Verdict) != row["verdict"] || string(d.Reason) != reason || d.Case != c.ID {
				t.Errorf("%s: got %s %s, want %s %s", name, d.Verdict, d.Reason, row["verdict"], reason)
				continue
			}
			now := d.Change.Cases[0].Now
			switch row["the case"] {
			case "starting":
				happened(t, name, "joins and starts", v, d, a, c, false)
				if !reflect.DeepEqual(d.Start.Lead, v.Leads[c.ID]) {
					t.Errorf("%s: the Agent is told of %+v, not of the alert that opened the case", name, d.Start.Lead)
				}
			case "waiting, due now":
				if now.State != Waiting || !now.Until.Equal(noon) || now.Version != c.Version+1 || now.Severity != alert.Critical {
					t.Errorf("%s: the case becomes %+v", name, now)
				}
			case "waiting, due as it was":
				happened(t, name, "joins", v, d, a, c, false)
			default:
				t.Errorf("the page says %q of the case", row["the case"])
			}
		}
	})
}

// backGaps are how much later than the recovery the last word was; each class has its borders in it.
var backGaps = map[string][]time.Duration{
	"fired before or then":     {0, -ms, -48 * time.Hour},
	"fired up to 30 min later": {ms, 30 * time.Minute},
	"fired over 30 min later":  {30*time.Minute + ms, 20 * time.Hour},
	"recovered before":         {-ms, -48 * time.Hour},
	"recovered later or then":  {0, ms, 20 * time.Hour},
}

func backIncidents(last string, at time.Time, key string) []Incident {
	if last == "none" {
		return []Incident{{}}
	}
	var list []Incident
	for _, gap := range backGaps[last] {
		in := Incident{Key: incidentKey(key), Version: 3}
		if strings.HasPrefix(last, "fired") {
			in.Fire = at.Add(gap)
			again := in
			again.Rec = at.Add(-49 * time.Hour)
			list = append(list, in, again)
			continue
		}
		in.Rec, in.Final = at.Add(gap), key == "cycle"
		fired, firesSince := in, in
		fired.Fire = in.Rec.Add(-time.Minute)
		list = append(list, in, fired)
		if last == "recovered later or then" { // whether or not it fires since: the older recovery says nothing new
			firesSince.Fire, firesSince.Final = in.Rec.Add(time.Hour), false
			list = append(list, firesSince)
		}
	}
	return list
}

func recoveryWords() []string {
	return []string{
		"none", "fired before or then", "fired up to 30 min later", "fired over 30 min later", "recovered before",
		"recovered later or then",
	}
}

func TestRecovery(t *testing.T) {
	scenes := 0
	walk(t, "recovery", []column{
		values("last word on the incident", recoveryWords()...), values("key", "fallback", "cycle"),
	}, nil, func(t *testing.T, at, row entry) {
		for _, in := range backIncidents(at["last word on the incident"], noon, at["key"]) {
			for _, state := range caseStates {
				for _, others := range []string{"no", "yes"} {
					if in.Version == 0 && state != "none" {
						continue
					}
					scenes++
					recoveryHolds(t, in, at["key"], row["the recovery"], state, others)
				}
			}
		}
	})
	if scenes < 500 {
		t.Errorf("only %d scenes were walked", scenes)
	}
}

func recoveryHolds(t *testing.T, in Incident, key, is, state, others string) {
	name := sceneOf(key, "key", in, "case", state, "others fire:", others)
	a := said("d1", alert.Recovered, noon, key)
	var own Case
	if state != "none" {
		own = caseIn(state, "ab-own")
		if own.Firing = 1; others == "yes" {
			own.Firing = 2
		}
	}
	v := viewOf(in, own)
	d := Arrive(v, arrivalOf(a), policyAll(), noon)
	sane(t, v, d)
	if d.Verdict != Drop || d.Reason != IsRecovery || d.Start != nil {
		t.Errorf("%s: got %s %s", name, d.Verdict, d.Reason)
	}
	recorded(t, name, d, a)
	if is == "says nothing new" {
		committed(t, "nothing", d, own.ID, false, false)
		return
	}
	want := v.Incident
	want.Key, want.Rec, want.Version = a.Incident, noon, in.Version+1
	got := d.Change.Incident.Now
	want.Final, got.Recent = got.Final, nil // what it means is what Fires says
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: the incident becomes %+v, want %+v", name, got, want)
	}
	if ends := in.Fires() && !got.Fires(); ends != (is == "ends it") {
		t.Errorf("%s: ends the incident: %v, the page says that it %q", name, ends, is)
	}
	row := lookup(t, "counting", entry{"the recovery": is, "its case": state, "others that fire": others})
	shape := "recovers"
	switch row["the case"] {
	case "one less":
		switch {
		case state == "waiting":
			shape += ": one less (waiting)"
		case (state == "refused" || state == "resting") && others == "yes":
			shape += ": one less (for a person)"
		case state == "refused", state == "resting":
			shape += ": none left (for a person)"
		default:
			shape += ": one less"
		}
		own.Firing--
	case "ended recovered":
		shape += ": ends"
		own.State, own.Why, own.How, own.Until, own.Firing, own.Version = Ended, "", EndRecovered, noon, 0, own.Version+1
	case "untouched":
	default:
		t.Errorf("the page says %q of the case", row["the case"])
	}
	committed(t, shape, d, own.ID, false, false)
	if len(d.Change.Cases) == 1 && !reflect.DeepEqual(bare(d.Change.Cases[0].Now), own) {
		t.Errorf("%s: the case becomes %+v, want %+v", name, d.Change.Cases[0].Now, own)
	}
}

// TestCounting only holds the page to itself: TestRecovery looks into it for every scene.
func TestCounting(t *testing.T) {
	walk(t, "counting", []column{
		values("the recovery", "ends it", "is kept", "says nothing new"), values("its case", caseStates...),
		values("others that fire", "no", "yes"),
	}, nil, func(*testing.T, entry, entry) {})
}

// TestRestingWakes: a join makes the tick look at a doubt again only where it may do something about it.
func TestRestingWakes(t *testing.T) {
	walk(t, "repeatable", []column{
		values("asked for", "no", "yes"), values("in_doubt", "repeat", "stop"), values("the Agent refused a repeat", "no", "yes"),
		values("doubts", "1 to 4", "5 or more"),
	}, nil, func(t *testing.T, at, row entry) {
		for _, doubts := range map[string][]int{"1 to 4": {1, 4}, "5 or more": {5, 9}}[at["doubts"]] {
			p := policyAll()
			p.InDoubt = DoubtChoice(at["in_doubt"])
			c := caseIn("resting", "ab-own")
			c.NoRepeat, c.Doubts = at["the Agent refused a repeat"] == "yes", doubts
			a := said("d1", alert.Renotify, noon, "fallback")
			v := viewOf(Incident{Key: a.Incident, Fire: noon.Add(-time.Minute), Version: 3}, c)
			d := Arrive(v, arrivalOf(a), p, noon)
			sane(t, v, d)
			if wakes := !d.Change.Cases[0].Now.Resting; at["asked for"] == "no" && wakes != (row["may be repeated"] == "yes") {
				t.Errorf("%v: the join wakes the case: %v", at, wakes)
			}
			if at["asked for"] == "yes" {
				c.Hand = ordered(0)
			}
			if may := (due{c: c, r: p, now: noon}).mayRepeat(); may != (row["may be repeated"] == "yes") {
				t.Errorf("%v: the tick may repeat: %v", at, may)
			}
		}
	})
}
