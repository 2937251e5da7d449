package gate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// word is one alert of an incident: what it says and at which minute. Assumed: without a time of its own, so that the
// minute is when it was received.
type word struct {
	says    alert.Transition
	minute  time.Duration
	assumed bool
}

func (w word) String() string { return fmt.Sprintf("%s@%v", w.says, w.minute) }

var vocabulary = []word{
	{alert.Triggered, 0, false},
	{alert.Triggered, 8 * time.Minute, false}, // 480 s after the first
	{alert.ReTriggered, 20 * time.Minute, false},
	{alert.Renotify, 38*time.Minute + ms, true}, // longer than the window after the first recovery
	{alert.Triggered, 75 * time.Minute, false},  // a new cycle under a fallback key
	{alert.Warn, 9 * time.Minute, false},        // dropped by setting
	{alert.Recovered, 8 * time.Minute, false},   // at the same instant as a trigger
	{alert.Recovered, 21 * time.Minute, false},
	{alert.Recovered, 76 * time.Minute, true},
}

// TestOrderDoesNotMatter is promise 8: any choice of an incident's alerts, in any order, each delivered once or twice,
// with the calls that follow answered at once, late or never, leaves the incident as the times alone say it is, whatever
// the policy and somebody's hand make of it. And no start is decided about an alert when a recovery after it is known.
func TestOrderDoesNotMatter(t *testing.T) {
	worlds := 0
	for _, key := range []string{"fallback", "cycle"} {
		for choice := range 1 << len(vocabulary) {
			var words []word
			for i, w := range vocabulary {
				if choice>>i&1 == 1 {
					words = append(words, w)
				}
			}
			if len(words) == 0 || len(words) > 4 {
				continue
			}
			permute(words, 0, func(order []word) {
				for _, answered := range []string{"at once", "not delivered", "never"} {
					worlds++
					twice := worlds%2 == 0
					tellStory(t, key, order, answered, twice, worlds/6)
				}
			})
			if t.Failed() {
				return
			}
		}
	}
	if worlds < 10000 {
		t.Errorf("only %d stories were told", worlds)
	}
}

// tellStory lets the alerts arrive in this order, and checks how the incident ends.
func tellStory(t *testing.T, key string, order []word, answered string, twice bool, which int) {
	w := newWorld(t, DefaultRules())
	how := otherwise(w, which)
	begin, read := noon, noon.Add(80*time.Minute) // everything is read after it happened
	name := sceneOf(key, order, answered, "twice:", twice, how)
	var told []alert.Alert
	for _, x := range order {
		a := said(x.String(), x.says, begin.Add(x.minute), key)
		a.TimeAssumed = x.assumed
		before := w.incidents[a.Incident.String()]
		d := w.arrive(a, read)
		if d.Start != nil && (!a.Time.After(before.Rec) || before.Final && a.Time.Sub(before.Rec) <= 30*time.Minute) {
			t.Errorf("%s: %s starts although its recovery is known", name, x)
		}
		w.answer(d, answered, read)
		told = append(told, a)
		if twice && w.arrive(a, read).Reason != Duplicate {
			t.Errorf("%s: %s has a second verdict", name, x)
		}
		read = read.Add(time.Second)
	}
	if twice {
		for _, a := range told { // and all of it once more, as from a dead-letter queue
			if d := w.arrive(a, read); d.Reason != Duplicate || !d.Change.Empty() {
				t.Errorf("%s: %s has a second verdict", name, a.Delivery)
			}
		}
	}
	fires, fire, rec := ends(order, key)
	in := w.incidents[incidentKey(key).String()]
	if in.Fires() != fires || !rec.Equal(in.Rec) || fires && !in.Fire.Equal(fire) {
		t.Errorf("%s: ends as %+v, fires %v; want fires %v since %v, recovered %v", name, in, in.Fires(), fires, fire, rec)
	}
	for id, c := range w.cases {
		if c.State == Waiting && w.firing(id) == 0 {
			t.Errorf("%s: case %s waits and nothing fires", name, id)
		}
	}
}

// otherwise gives the world one of the rules that could come between an alert and its incident.
func otherwise(w *world, which int) string {
	switch which % 6 {
	case 1:
		w.p.Mode = ModeObserve
		return "observed"
	case 2:
		w.hand.Silences = []Silence{{"s-1", matchers(w.t, "monitor=77"), ordered(time.Hour + 30*time.Minute)}}
		return "silenced, and not any more"
	case 3:
		w.p.Hold, w.p.Surge, w.p.Storm = 2*time.Minute, "1200/default/prod", Storm{Cases: 1, Within: 5 * time.Minute, Join: time.Minute}
		w.surges[w.p.Surge] = Surge{Name: w.p.Surge, Opened: []time.Time{noon.Add(80 * time.Minute)}, Version: 1}
		return "in a storm"
	case 4:
		w.p.Group, w.p.Flap = "1200/77", Flap{Cycles: 2, Within: time.Hour, Quiet: time.Hour}
		return "flapping"
	case 5:
		w.p.Budget = Budget{Month: 1, Case: 4e6, Bucket: 1}
		return "without money"
	}
	return "by the least policy"
}

// answer settles a call that a decision led to.
func (w *world) answer(d Decision, answered string, now time.Time) {
	if d.Start == nil || answered == "never" {
		return
	}
	ans := delivery.Answer{Reason: delivery.Received}
	if answered == "not delivered" {
		ans.Reason = delivery.OutOfTime
	}
	s := Settle(w.cases[d.Case], *d.Start, ans, now)
	if !w.commit(s.Change) {
		w.t.Fatal("nobody else is here, and the settle lost a race")
	}
	w.sound()
}

// ends says from the times alone how an incident must end: it fires if the latest word that it fires is later than the
// latest recovery; with a cycle key, more than the join window later.
func ends(words []word, key string) (fires bool, fire, rec time.Time) {
	for _, x := range words {
		switch at := noon.Add(x.minute); {
		case x.says == alert.Recovered:
			rec = later(rec, at)
		case x.says != alert.Warn:
			fire = later(fire, at)
		}
	}
	fires = fire.After(rec)
	if key == "cycle" && !rec.IsZero() {
		fires = fire.Sub(rec) > 30*time.Minute
	}
	return fires, fire, rec
}

func permute[T any](list []T, from int, do func([]T)) {
	if from == len(list) {
		do(list)
		return
	}
	for i := from; i < len(list); i++ {
		list[from], list[i] = list[i], list[from]
		permute(list, from+1, do)
		list[from], list[i] = list[i], list[from]
	}
}

// TestOrderOfTooOld: what is too old to open a case still counts for its incident, whenever it is read.
func TestOrderOfTooOld(t *testing.T) {
	for _, key := range []string{"fallback", "cycle"} {
		words := []word{{alert.Triggered, 0, false}, {alert.Renotify, 10 * time.Minute, false}, {alert.Recovered, 5 * time.Minute, false}}
		permute(words, 0, func(order []word) {
			w := newWorld(t, DefaultRules())
			for _, x := range order {
				if d := w.arrive(said(x.String(), x.says, noon.Add(x.minute), key), noon.Add(9*time.Hour)); d.Verdict != Drop {
					t.Errorf("%v: %s gets %s %s", order, x, d.Verdict, d.Reason)
				}
			}
			fires, _, rec := ends(order, key)
			if in := w.incidents[incidentKey(key).String()]; in.Fires() != fires || !in.Rec.Equal(rec) {
				t.Errorf("%v: ends as %+v, want fires %v", order, in, fires)
			}
		})
	}
}

// TestWarnNeitherRestartsNorCancels, and a Triggered after it starts: the setting's default, in every order.
func TestWarnNeitherRestartsNorCancels(t *testing.T) {
	words := []word{{alert.Triggered, 1, false}, {alert.Warn, 2, false}, {alert.ReWarn, 3, false}}
	permute(words, 0, func(order []word) {
		w := newWorld(t, DefaultRules())
		var got []string
		for _, x := range order {
			d := w.arrive(said(x.String(), x.says, noon.Add(x.minute*time.Minute), "cycle"), noon.Add(5*time.Minute))
			w.answer(d, "at once", noon.Add(5*time.Minute))
			got = append(got, string(d.Reason))
		}
		slices.Sort(got)
		if strings.Join(got, " ") != "new_incident warn warn" || len(w.cases) != 1 {
			t.Errorf("%v: %v, %d cases", order, got, len(w.cases))
		}
		for _, c := range w.cases {
			if c.State != Started {
				t.Errorf("%v: the case is %s", order, c.State)
			}
		}
	})
}

// TestAStormIsOneCase: one incident told two hundred times in any transition is one start.
func TestAStormIsOneCase(t *testing.T) {
	w, starts := newWorld(t, policyAll()), 0
	for i := range 200 {
		tr := alert.Transition(judgedTransitions[i%len(judgedTransitions)])
		d := w.arrive(said(fmt.Sprint("d", i), tr, noon.Add(time.Duration(i)*time.Second), "fallback"), noon.Add(time.Duration(i)*time.Second))
		if d.Start != nil {
			starts++
		}
		if i == 100 {
			w.answer(Decision{Case: d.Case, Start: &Claim{Case: w.cases[d.Case], Until: noon.Add(time.Hour)}}, "at once", noon)
		}
	}
	if starts != 1 || len(w.cases) != 1 {
		t.Errorf("%d starts, %d cases", starts, len(w.cases))
	}
}
