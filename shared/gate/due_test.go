package gate

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// dueWith lets the tick look at a case and checks what holds for all its decisions.
func dueWith(t *testing.T, v View, c Case, p Rules) Decision {
	t.Helper()
	v.Cases[c.ID] = c
	d := Due(v, c.ID, p, noon)
	sane(t, v, d)
	if d.Verdict != "" || d.Change.Delivery != nil || d.Change.Incident != nil || len(d.Change.Pointers) > 0 {
		t.Errorf("the tick writes more than a case and its account: %+v", d)
	}
	if d.Case != c.ID {
		t.Errorf("the decision is about case %q", d.Case)
	}
	if !d.Change.Empty() && d.Change.Cases[0].Now.Version != c.Version+1 {
		t.Errorf("version %d becomes %d", c.Version, d.Change.Cases[0].Now.Version)
	}
	return d
}

// restsOn says in the page's words what a commit of the tick rests on besides the case's version.
func restsOn(d Decision) string {
	if d.Change.Empty() {
		return "–"
	}
	var on []string
	w := d.Change.Cases[0]
	if w.Facts.Firing != AnyCount {
		on = append(on, map[Count]string{NoneFires: "none fires", SomeFire: "some fire"}[w.Facts.Firing])
	}
	if w.Facts.Last {
		on = append(on, "no newer word")
	}
	if w.Facts.Joined {
		on = append(on, "nothing has joined")
	}
	if d.Change.Account != nil && len(d.Change.Account.Put) > 0 {
		on = append(on, "account")
	}
	if len(on) == 0 {
		return "–"
	}
	return strings.Join(on, ", ")
}

func didName(d Decision) string {
	if d.Did == Nothing {
		return "nothing"
	}
	return string(d.Did)
}

func TestTickWaiting(t *testing.T) {
	walk(t, "tick waiting", []column{
		values("incidents that fire", "none", "some"), values("last word", "young", "old"), values("asked for", "no", "yes"),
		values("muted", "no", "yes"), values("Agent", "open", "shut", "down"), values("hold", "running", "none"),
		values("observed", "no", "by mode", "from the first"), values("money", "enough", "over it"), values("room", "no", "yes"),
	}, func(at entry) bool { return at["asked for"] == "no" || at["observed"] != "from the first" }, // such a case is never asked for
		func(t *testing.T, at, row entry) {
			for _, why := range []Why{WhyHold, WhyStorm} {
				c := caseIn("waiting", "ab-own")
				c.Why, c.Until, c.Firing, c.Last = why, noon, 1, noon.Add(-6*time.Hour)
				if at["incidents that fire"] == "none" {
					c.Firing = 0
				}
				if at["last word"] == "old" {
					c.Last = c.Last.Add(-ms)
				}
				if at["hold"] == "running" {
					c.Until = noon.Add(ms)
				}
				if at["asked for"] == "yes" {
					c.Hand = ordered(0)
				}
				c.Shadow = at["observed"] == "from the first"
				v := viewOf(Incident{}, c)
				setAccount(&v.Account, at)
				if at["observed"] == "by mode" {
					v.Hand.Mode = ModeOrder{ModeObserve, ordered(0)}
				}
				if at["muted"] == "yes" {
					v.Hand.Silences = []Silence{{"s-1", matchers(t, "monitor=77"), ordered(0)}}
					v.Heard = heard(c, map[string]string{c.Incident: "77"})
				}
				waitingHolds(t, at, row, v, c)
			}
		})
}

func waitingHolds(t *testing.T, at, row entry, v View, c Case) {
	t.Helper()
	d := dueWith(t, v, c, accountPolicy(at))
	if didName(d) != row["what happens"] || restsOn(d) != row["rests on"] {
		t.Errorf("%v: %s, resting on %q; want %s, resting on %q", at, didName(d), restsOn(d), row["what happens"], row["rests on"])
		return
	}
	if d.Did == Nothing {
		if !d.Change.Empty() {
			t.Errorf("%v: writes %+v", at, d.Change)
		}
		return
	}
	want := c
	want.Version++
	want.Why = ""
	got := bare(d.Change.Cases[0].Now)
	switch d.Did {
	case Ends:
		want.State, want.Until = Ended, noon
		want.How = How(strings.TrimPrefix(row["the case"], "ended "))
		want.Note = map[How]string{EndSilenced: "silence s-1 by ana@laptop: release"}[want.How]
		if want.How == EndObserved {
			want.StartAt = noon // its window counts from here
		}
	case Explains:
		want.Why, want.Until = Why(strings.TrimSuffix(strings.TrimPrefix(row["the case"], "waiting ("), ")")), noon
		switch want.Why {
		case WhyAgentDown:
			want.Until = v.Account.Down.Until
		case WhyBudget:
			want.Until = april
		}
	case Starts:
		want.State, want.StartAt, want.Until, want.Attempt = Starting, noon, noon.Add(Lease), c.Attempt+1
	}
	if want.How == EndRecovered {
		want.Note = got.Note // of a case that was never tried it says what it did not cost
	}
	if !reflect.DeepEqual(got, want) || stateName(got) != row["the case"] {
		t.Errorf("%v: the case becomes %+v, want %+v", at, got, want)
	}
	if d.Start != nil && (!d.Start.Until.Equal(noon.Add(8*time.Minute)) || !reflect.DeepEqual(d.Start.Lead, v.Leads[c.ID]) || d.Start.Beyond) {
		t.Errorf("%v: the claim is %+v", at, d.Start)
	}
}

// heard is what is heard of incidents of a case that fire: the latest word of each is of the monitor that is named for it.
func heard(c Case, monitors map[string]string) map[string]Heard {
	all := map[string]Heard{}
	for id, monitor := range monitors {
		a := said("latest", alert.Renotify, noon, "fallback")
		a.Monitor.ID = monitor
		all[id] = Heard{Incident{Fire: noon, Case: c.ID, Version: 1}, a}
	}
	return all
}

func TestMutedCases(t *testing.T) {
	walk(t, "muted cases", []column{
		values("what was set since", "silence", "off", "observe", "critical_only", "full"), values("the case", "one alert's", "a storm's"),
		values("what else fires in it", "nothing", "silenced", "not silenced", "unknown"), values("severity", "critical", "not critical"),
	}, nil, func(t *testing.T, at, row entry) {
		c := caseIn("waiting", "ab-own")
		c.Last, c.Firing = noon, 2
		if at["severity"] == "critical" {
			c.Severity = alert.Critical
		}
		heardOf := map[string]string{c.Incident: "77", c.Members[0].Incident: "77"}
		switch at["what else fires in it"] {
		case "nothing":
			c.Members, c.Firing, heardOf = nil, 1, nil
		case "not silenced":
			heardOf[c.Members[0].Incident] = "78"
		case "unknown": // more than the case knows by name
			c.Firing = 3
		}
		if at["the case"] == "a storm's" {
			c.Storm = "1200/default/prod"
		}
		v, note := viewOf(Incident{}, c), "mode "+at["what was set since"]+" by ana@laptop until 2026-03-02 13:00:00 UTC: release"
		if at["what was set since"] == "silence" {
			v.Hand.Silences = []Silence{{"s-1", matchers(t, "monitor=77"), ordered(time.Hour)}}
			note = "silence s-1 by ana@laptop until 2026-03-02 13:00:00 UTC: release"
		} else {
			v.Hand.Mode = ModeOrder{Mode(at["what was set since"]), ordered(time.Hour)}
		}
		lead := v.Leads[c.ID]
		lead.Severity = c.Severity
		v.Leads[c.ID], v.Heard = lead, heard(c, heardOf)
		d := dueWith(t, v, c, accountPolicy(at))
		now := d.Change.Cases[0].Now
		if muted := now.How == EndSilenced; muted != (row["muted"] == "yes") || muted && now.Note != note {
			t.Errorf("%v: the case becomes %s, %q", at, stateName(now), now.Note)
		}
		c.Hand = ordered(0)
		if d := dueWith(t, v, c, accountPolicy(at)); d.Did != Starts {
			t.Errorf("%v: asked for by hand, it %s", at, d.Did)
		}
		v.Hand.Mode.Until, c.Hand = noon, Order{}
		if len(v.Hand.Silences) > 0 {
			v.Hand.Silences[0].Until = noon
		}
		if d := dueWith(t, v, c, accountPolicy(at)); d.Did != Starts {
			t.Errorf("%v, and over: it %s", at, d.Did)
		}
	})
}

// TestTickExplainsOnce: what a waiting case says costs a write only when it changes.
func TestTickExplainsOnce(t *testing.T) {
	for _, tt := range []struct {
		agent, room string
		why         Why
	}{
		{"shut", "yes", WhyAgentShut}, {"down", "yes", WhyAgentDown}, {"open", "no", WhySlots},
	} {
		c := caseIn("waiting", "ab-own")
		c.Why = WhyBudget
		v := viewOf(Incident{}, c)
		setAccount(&v.Account, entry{"Agent": tt.agent, "room": tt.room})
		p := accountPolicy(entry{})
		first := dueWith(t, v, c, p)
		if first.Did != Explains || first.Change.Cases[0].Now.Why != tt.why {
			t.Fatalf("%s: got %+v", tt.why, first)
		}
		c = first.Change.Cases[0].Now
		if again := dueWith(t, v, c, p); !again.Change.Empty() || again.Did != Nothing {
			t.Errorf("%s: says it again: %+v", tt.why, again)
		}
		if tt.why == WhyAgentDown {
			v.Account.Down.Until = v.Account.Down.Until.Add(time.Minute)
			if more := dueWith(t, v, c, p); more.Did != Explains || !more.Change.Cases[0].Now.Until.Equal(v.Account.Down.Until) {
				t.Errorf("the Agent is down for longer, and the case does not say so: %+v", more)
			}
		}
	}
}

// TestTickGoesByTheAccount: a case says until when the Agent is down, as that was known then. If the account is up again
// earlier, the case does not wait for what it says.
func TestTickGoesByTheAccount(t *testing.T) {
	c := caseIn("waiting", "ab-own")
	c.Why, c.Until = WhyAgentDown, noon.Add(time.Hour)
	if d := dueWith(t, viewOf(Incident{}, c), c, policyAll()); d.Did != Starts {
		t.Errorf("got %+v", d)
	}
}

func TestTickStarting(t *testing.T) {
	walk(t, "tick starting", []column{values("lease", "running", "over")}, nil, func(t *testing.T, at, row entry) {
		for _, doubts := range []int{0, 1, 2, 3, 4, 7} {
			c := caseIn("starting", "ab-own")
			c.Doubts, c.Until = doubts, noon // to the last moment it is the caller's
			if at["lease"] == "over" {
				c.Until = noon.Add(-ms)
			}
			v := viewOf(Incident{}, c)
			d := dueWith(t, v, c, policyAll())
			if didName(d) != row["what happens"] {
				t.Errorf("%v: %s, want %s", at, didName(d), row["what happens"])
			}
			if d.Did == Nothing {
				continue
			}
			got, want := d.Change.Cases[0].Now, c
			want.State, want.Doubts, want.Until, want.Version = InDoubt, doubts+1, noon.Add(rest(t, doubts+1)), c.Version+1
			if want.Note = got.Note; got.Note == "" || !reflect.DeepEqual(bare(got), want) || stateName(got) != row["the case"] {
				t.Errorf("%v: the case becomes %+v, want %+v", at, got, want)
			}
			if d.Change.Account != nil || d.Change.Cases[0].Facts != (CaseFacts{}) {
				t.Errorf("%v: it must keep its slot, whoever fires: %+v", at, d.Change)
			}
		}
	})
}

// rest is the page's time from a doubt to its repeat.
func rest(t *testing.T, doubts int) time.Duration {
	t.Helper()
	return minutes(t, lookup(t, "repeats", entry{"doubts": fmt.Sprint(min(doubts, 5))})["after"])
}

// minutes reads a time as the page writes it.
func minutes(t *testing.T, text string) time.Duration {
	t.Helper()
	if text == "–" {
		return 0
	}
	d, err := time.ParseDuration(strings.NewReplacer(" min", "m", " s", "s", " h", "h").Replace(text))
	if err != nil {
		t.Fatalf("the page's time %q: %v", text, err)
	}
	return d
}

func TestRepeats(t *testing.T) {
	walk(t, "repeats", []column{values("doubts", "1", "2", "3", "4", "5")}, nil, func(t *testing.T, at, row entry) {
		var n int
		fmt.Sscan(at["doubts"], &n)
		if got := repeatAfter(n); got != minutes(t, row["after"]) {
			t.Errorf("after %d doubts: %v, want %s", n, got, row["after"])
		}
	})
	if repeatAfter(0) != time.Minute || repeatAfter(99) != 15*time.Minute {
		t.Error("a count outside the table must not break it")
	}
}

func TestTickInDoubt(t *testing.T) {
	walk(t, "tick in doubt", []column{
		values("may be repeated", "yes", "no"), values("incidents that fire", "none", "some"),
		values("last word", "young", "old"), values("time for it", "no", "yes"), values("Agent", "open", "shut", "down"),
		values("money", "enough", "over it"),
		values("slot", "its own", "one free", "none free"), values("resting", "no", "yes"),
	}, nil, func(t *testing.T, at, row entry) {
		for i, may := range maysOf(at["may be repeated"]) {
			c, p := caseIn("in doubt", "ab-own"), accountPolicy(at)
			p.InDoubt, c.NoRepeat, c.Doubts = may.policy, may.noRepeat, may.doubts
			c.Resting, c.Until, c.Last, c.Firing = at["resting"] == "yes", noon, noon.Add(-6*time.Hour), 1
			if at["incidents that fire"] == "none" {
				c.Firing = 0
			}
			if at["last word"] == "old" {
				c.Last = c.Last.Add(-ms)
			}
			if at["time for it"] == "no" {
				c.Until = noon.Add(ms)
			}
			v := viewOf(Incident{}, c)
			setSlot(&v.Account, c.ID, at, i%2 == 0)
			doubtHolds(t, fmt.Sprint(at, may), v, c, p, row)
		}
	})
}

type may struct {
	policy   DoubtChoice
	noRepeat bool
	doubts   int
}

// maysOf lists what makes a case repeatable or not, as table "repeatable" has it.
func maysOf(yes string) []may {
	if yes == "yes" {
		return []may{{RepeatIt, false, 1}, {RepeatIt, false, 4}}
	}
	return []may{{RepeatIt, false, 5}, {RepeatIt, true, 1}, {StopIt, false, 1}, {StopIt, true, 9}}
}

// setSlot gives the account three slots as the row says. A case that holds none has an entry whose time is over, or no
// entry any more.
func setSlot(a *Account, id string, at entry, entryLeft bool) {
	room := "yes"
	if at["slot"] == "none free" {
		room = "no"
	}
	setAccount(a, entry{"Agent": at["Agent"], "room": room, "money": at["money"]})
	switch {
	case at["slot"] == "its own":
		a.Running[id] = Reservation{Attempt: 2, Until: noon.Add(ms)}
	case entryLeft:
		a.Running[id] = Reservation{Attempt: 2, Until: noon}
	}
}

func doubtHolds(t *testing.T, name string, v View, c Case, p Rules, row entry) {
	t.Helper()
	d := dueWith(t, v, c, p)
	if didName(d) != row["what happens"] || restsOn(d) != row["rests on"] {
		t.Errorf("%s: %s, resting on %q; want %s, resting on %q", name, didName(d), restsOn(d), row["what happens"], row["rests on"])
		return
	}
	want := c
	want.Version++
	switch d.Did {
	case Nothing:
		if !d.Change.Empty() {
			t.Errorf("%s: writes %+v", name, d.Change)
		}
		return
	case Repeats: // no new start: the join window runs on, and no doubt is forgotten
		want.State, want.Until, want.Attempt, want.Resting = Starting, noon.Add(Lease), c.Attempt+1, false
		if !d.Start.Until.Equal(noon.Add(8 * time.Minute)) {
			t.Errorf("%s: reserves until %v", name, d.Start.Until)
		}
	case Releases:
		want.Resting = true
		if a := d.Change.Account; a == nil || !slices.Equal(a.Drop, []string{c.ID}) || a.Agent != "default" || len(a.Put) > 0 {
			t.Errorf("%s: the slot is not given back: %+v", name, a)
		}
	}
	if got := bare(d.Change.Cases[0].Now); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: the case becomes %+v, want %+v", name, got, want)
	}
}

func TestTickStarted(t *testing.T) {
	walk(t, "tick started", []column{values("estimate", "running", "over")}, nil, func(t *testing.T, at, row entry) {
		c := caseIn("started", "ab-own")
		if c.Until = noon.Add(ms); at["estimate"] == "over" {
			c.Until = noon
		}
		d := dueWith(t, viewOf(Incident{}, c), c, policyAll())
		if didName(d) != row["what happens"] {
			t.Fatalf("%v: %s, want %s", at, didName(d), row["what happens"])
		}
		if d.Did == Nothing {
			return
		}
		want := c
		want.State, want.How, want.Until, want.Version = Ended, EndAssumed, noon, c.Version+1
		if got := bare(d.Change.Cases[0].Now); !reflect.DeepEqual(got, want) || stateName(got) != row["the case"] {
			t.Errorf("%v: the case becomes %+v", at, got)
		}
		if a := d.Change.Account; a == nil || !slices.Equal(a.Drop, []string{c.ID}) || a.Agent != "default" {
			t.Errorf("%v: the reservation is not %s: %+v", at, row["its reservation"], a)
		}
	})
}

func TestTickOther(t *testing.T) {
	rest := slices.DeleteFunc(slices.Clone(caseStates), func(s string) bool {
		return slices.Contains([]string{"waiting", "starting", "in doubt", "resting", "started", "refused"}, s)
	})
	walk(t, "tick other", []column{values("its case", rest...)}, nil, func(t *testing.T, at, row entry) {
		v := viewOf(Incident{}, Case{})
		if at["its case"] != "none" {
			v.Cases["ab-own"] = caseIn(at["its case"], "ab-own")
		}
		if d := Due(v, "ab-own", policyAll(), noon); !d.Change.Empty() || d.Start != nil || didName(d) != row["what happens"] || d.Case != "ab-own" {
			t.Errorf("%v: %+v", at, d)
		}
	})
}

func TestTickRefused(t *testing.T) {
	walk(t, "tick refused", []column{
		values("asked for", "no", "yes"), values("incidents that fire", "none", "some"), values("Agent", "open", "shut", "down"),
		values("room", "no", "yes"),
	}, nil, func(t *testing.T, at, row entry) {
		for _, money := range moneys { // what is asked for is paid for in any case
			c := caseIn("refused", "ab-own")
			c.Last = noon.Add(-99 * time.Hour)
			if at["incidents that fire"] == "none" {
				c.Firing = 0
			}
			if at["asked for"] == "yes" {
				c.Hand = ordered(0)
			}
			v := viewOf(Incident{}, c)
			setAccount(&v.Account, entry{"Agent": at["Agent"], "room": at["room"], "money": money})
			d := dueWith(t, v, c, accountPolicy(entry{"money": money}))
			if didName(d) != row["what happens"] || d.Start != nil && restsOn(d) != "some fire, account" {
				t.Errorf("%v, money %s: %s, resting on %q", at, money, didName(d), restsOn(d))
			}
		}
	})
}

// TestByHandIsOnce: what somebody asked for is sent once. Refused again, or in doubt, it is not asked for any more; only
// a start that never left still is.
func TestByHandIsOnce(t *testing.T) {
	for _, tt := range []struct {
		why   delivery.Reason
		state string
		still bool
	}{
		{delivery.BadRequest, "refused", false},
		{delivery.TimedOut, "in doubt", false},
		{delivery.OutOfTime, "waiting (agent_down)", true},
		{delivery.Unauthorized, "waiting (agent_shut)", true},
	} {
		c, p := caseIn("refused", "ab-own"), policyAll()
		c.Hand, p.InDoubt = ordered(0), StopIt
		cl := dueWith(t, viewOf(Incident{}, c), c, p).Start
		set := settleWith(t, cl.Case, *cl, delivery.Answer{Reason: tt.why}).Change.Cases[0].Now
		if stateName(set) != tt.state || (set.Hand != Order{}) != tt.still {
			t.Errorf("%s: it is %s, asked for %v", tt.why, stateName(set), set.Hand)
		}
		set.Until = noon.Add(-ms)
		v := viewOf(Incident{}, set)
		if d := dueWith(t, v, set, p); (d.Start != nil) != tt.still {
			t.Errorf("%s: the tick %s", tt.why, d.Did)
		}
	}
	c, p := caseIn("starting", "ab-own"), policyAll()
	c.Hand, c.Until, p.InDoubt = ordered(0), noon.Add(-ms), StopIt
	lost := dueWith(t, viewOf(Incident{}, c), c, p).Change.Cases[0].Now
	if lost.Until = noon; lost.State != InDoubt || (lost.Hand != Order{}) {
		t.Errorf("its lease is over: %+v", lost)
	}
	if d := dueWith(t, viewOf(Incident{}, lost), lost, p); d.Start != nil {
		t.Error("it is sent again, against the policy")
	}
}

// TestARepeatByHandIsOne: a doubt that somebody has sent again is not sent a third time for his word, whatever came of it.
func TestARepeatByHandIsOne(t *testing.T) {
	for _, why := range []delivery.Reason{delivery.OutOfTime, delivery.Unauthorized, delivery.BadRequest, delivery.TimedOut} {
		c, p := caseIn("resting", "ab-own"), policyAll()
		c.Hand, c.Resting, p.InDoubt = ordered(0), false, StopIt
		d := dueWith(t, viewOf(Incident{}, c), c, p)
		if d.Did != Repeats {
			t.Fatalf("asked for, it %s", d.Did)
		}
		set := settleWith(t, d.Start.Case, *d.Start, delivery.Answer{Reason: why}).Change.Cases[0].Now
		set.Until = noon
		if again := dueWith(t, viewOf(Incident{}, set), set, p); again.Start != nil {
			t.Errorf("%s: it is sent once more", why)
		}
	}
}

func TestReopen(t *testing.T) {
	shut := Account{Agent: "default", Shut: Shut{Since: noon, SecretVersion: "v1", Words: "401"}, Version: 3}
	never := Account{Agent: "default", Shut: Shut{Since: noon}} // there was no secret at all
	for _, tt := range []struct {
		why     string
		a       Account
		version string
		opens   bool
	}{
		{"it is open", Account{Agent: "default"}, "v2", false},
		{"the secret is the one it was shut by", shut, "v1", false},
		{"the secret was mended", shut, "v2", true},
		{"there is still no secret", never, "", false},
		{"the secret was filled for the first time", never, "v1", true},
	} {
		d := Reopen(tt.a, tt.version, noon)
		if d.Start != nil || len(d.Change.Cases) > 0 || d.Change.Empty() == tt.opens {
			t.Errorf("%s: got %+v", tt.why, d)
		}
		if !tt.opens {
			continue
		}
		w := d.Change.Account
		if d.Change.At != noon || w.Agent != "default" || w.Shut == nil || *w.Shut != (Shut{}) || len(w.Put)+len(w.Drop) > 0 {
			t.Errorf("%s: writes %+v", tt.why, w)
		}
		if w.OpenedBy == nil || *w.OpenedBy != tt.a.Shut.SecretVersion {
			t.Errorf("%s: somebody may have shut it again by the newer secret, and this would open it: %+v", tt.why, w)
		}
	}
}

func TestRepair(t *testing.T) {
	walk(t, "repair", []column{values("its case", caseStates...)}, nil, func(t *testing.T, at, row entry) {
		v := viewOf(Incident{}, Case{})
		if at["its case"] != "none" {
			v.Cases["ab-own"] = caseIn(at["its case"], "ab-own")
		}
		v.Account.Running["ab-own"] = Reservation{Attempt: 1, Until: noon.Add(-time.Hour)}
		out := Repair(v, noon)
		if kept := len(out) == 0; kept != (row["the reservation"] == "kept") {
			t.Fatalf("%v: kept %v, want it %s", at, kept, row["the reservation"])
		}
		for _, d := range out {
			sane(t, v, d)
			a := d.Change.Account
			if d.Case != "ab-own" || a == nil || a.Agent != "default" || !slices.Equal(a.Drop, []string{"ab-own"}) || !d.Change.At.Equal(noon) {
				t.Errorf("%v: %+v", at, d)
			}
			if at["its case"] == "none" {
				continue
			}
			if w := d.Change.Cases; len(w) != 1 || !reflect.DeepEqual(w[0], CaseWrite{Read: v.Cases["ab-own"], Now: v.Cases["ab-own"]}) {
				t.Errorf("%v: the reservation goes without a condition on the case: %+v", at, w)
			}
		}
	})
}

func TestRepairIsInOrder(t *testing.T) {
	v := viewOf(Incident{}, Case{})
	for _, id := range []string{"ab-c", "ab-a", "ab-e", "ab-b", "ab-d"} {
		v.Account.Running[id] = Reservation{}
	}
	for range 20 {
		var got string
		for _, d := range Repair(v, noon) {
			got += strings.TrimPrefix(d.Case, "ab-")
		}
		if got != "abcde" {
			t.Fatalf("order %s", got)
		}
	}
}
