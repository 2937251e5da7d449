package gate

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// followed are rules with an Agent whose work is followed, and a price.
func followed() Rules {
	r := DefaultRules()
	r.Followed = true
	r.Budget = Budget{Month: 300_000_000, Case: 4_000_000, Second: 8_300, Bucket: 5, CriticalPerDay: 20}
	return r
}

// sentCase is a case in the state whose latest attempt was claimed so long before noon.
func sentCase(state string, ago time.Duration) Case {
	c := caseIn(state, "ab-own")
	c.Called, c.StartAt = noon.Add(-ago), noon.Add(-ago)
	return c
}

// holding is a view of the case with a reservation of $4 that ends so long after noon.
func holding(c Case, left time.Duration) View {
	v := viewOf(Incident{Key: incidentKey("cycle"), Fire: noon.Add(-time.Hour), Version: 3}, c)
	v.Account.Running[c.ID] = Reservation{
		Attempt: c.Attempt, Until: noon.Add(left), Money: 4_000_000, Month: "2026-03", Pace: 9 * time.Hour,
	}
	return v
}

// task is a word on the case's task: how it stands since so many seconds after the creation, which was 15 minutes before noon.
func task(s Status, after int) Task {
	created := noon.Add(-15 * time.Minute)
	return Task{
		ID: "task-1", Case: "ab-own", Execution: "exe-1", Status: s, Created: created, Updated: created.Add(time.Duration(after) * time.Second),
	}
}

func TestLearnt(t *testing.T) {
	words := map[string][]News{
		"runs":      {{Tasks: []Task{task(PendingTriage, 0)}}, {Tasks: []Task{task(PendingStart, 2)}, Asked: true}, {Tasks: []Task{task(InProgress, 20)}}},
		"over":      {{Tasks: []Task{task(InProgress, 20), task(Completed, 260)}}, {Tasks: []Task{task(Completed, 260)}, Asked: true}},
		"no task":   {{Asked: true}, {Asked: true, Tasks: []Task{{ID: "t", Case: "ab-other", Status: InProgress}}}},
		"no answer": {{Asked: true, Failed: "throttled"}},
	}
	states := slices.DeleteFunc(slices.Clone(caseStates[1:]), func(s string) bool { return s == "ended observed" }) // never sent
	walk(t, "learnt", []column{values("the case", states...), values("the word", mapsKeysSorted(words)...)}, nil, func(t *testing.T, at, row entry) {
		for _, n := range words[at["the word"]] {
			c := sentCase(at["the case"], 4*time.Minute)
			v := holding(c, 4*time.Minute)
			d := Learn(v, c.ID, n, followed(), noon)
			sane(t, v, d)
			what, then := string(d.Did), "as it was"
			if d.Change.Empty() {
				what = "nothing"
			} else if now := d.Change.Cases[0].Now; now.State != c.State || now.How != c.How || len(n.Tasks) > 0 && now.Confirmed() {
				then = stateName(now)
			}
			if what != row["what happens"] || then != row["the case then"] {
				t.Errorf("%v %+v: %s, then %s; want %s, then %s", at, n, what, then, row["what happens"], row["the case then"])
			}
			if d.Change.Empty() {
				continue
			}
			w := d.Change.Cases[0]
			if w.Now.Version != c.Version+1 || len(d.Change.Cases) != 1 || d.Start != nil || d.Verdict != "" {
				t.Errorf("%v: %+v", at, d)
			}
			again := holding(w.Now, 4*time.Minute)
			if more := Learn(again, c.ID, News{Tasks: n.Tasks}, followed(), noon.Add(time.Second)); len(n.Tasks) > 0 && !more.Change.Empty() {
				if w.Now.State != Started || !w.Now.Work.Status().Over() { // what is over when it is confirmed is ended by the next word as well
					t.Errorf("%v: the same word once more writes %+v", at, more.Change)
				}
			}
		}
	})
}

func mapsKeysSorted[V any](m map[string]V) []string { return slices.Sorted(mapsKeys(m)) }

func TestAsked(t *testing.T) {
	walk(t, "asked", []column{
		values("the case", "in doubt", "started"), values("confirmed", "no", "yes"), values("time for it", "no", "yes"),
		values("the last word", "young", "old"), values("absent", "no", "yes"), values("asked for", "no", "yes"),
	}, func(at entry) bool {
		if at["the case"] == "started" {
			return at["absent"] == "no" && at["asked for"] == "no"
		}
		return at["confirmed"] == "no" && (at["absent"] == "no" || at["time for it"] == "yes") &&
			!(at["asked for"] == "yes" && at["the last word"] == "old")
	}, func(t *testing.T, at, row entry) {
		c := sentCase(at["the case"], 9*time.Minute)
		c.Until = noon.Add(-ms)
		if at["time for it"] == "no" {
			c.Until = noon.Add(ms)
		}
		if at["confirmed"] == "yes" {
			c.Work = c.Work.with(task(InProgress, 20))
		}
		if at["the last word"] == "old" {
			c.Last = noon.Add(-6*time.Hour - ms)
		}
		if at["absent"] == "yes" {
			c.Work.Absent = c.Called.Add(Lease + AbsentAfter)
		}
		if at["asked for"] == "yes" {
			c.Hand = Order{By: "ana"}
		}
		v := holding(c, -time.Minute)
		d := Due(v, c.ID, followed(), noon)
		sane(t, v, d)
		what := string(d.Did)
		if what == "" {
			what = "nothing"
		}
		if what != row["what happens"] {
			t.Errorf("%v: %s, want %s", at, what, row["what happens"])
		}
		if (d.Ask != nil) != (d.Did == AsksAgent) || d.Ask != nil && (d.Ask.Case != c.ID || !d.Ask.Since.Before(c.StartAt) || !d.Change.Empty()) {
			t.Errorf("%v: asks %+v, writes %+v", at, d.Ask, d.Change)
		}
	})
}

// A millisecond decides whether what is absent now was never taken.
func TestAbsenceIsCertainAfterTheLastCall(t *testing.T) {
	for late, gone := range map[time.Duration]bool{0: true, -ms: false} {
		c := sentCase("in doubt", Lease+AbsentAfter+late)
		c.Doubts = 1
		v := holding(c, 4*time.Minute)
		d := Learn(v, c.ID, News{Asked: true}, followed(), noon)
		now := d.Change.Cases[0].Now
		if now.gone() != gone || now.State != InDoubt || !now.Work.Absent.Equal(noon) {
			t.Errorf("%s: gone %t, want %t", late, now.gone(), gone)
		}
		due := Due(holding(now, 4*time.Minute), c.ID, followed(), later(noon, now.Until))
		if want := map[bool]Did{true: Repeats, false: AsksAgent}[gone]; due.Did != want {
			t.Errorf("%s: then it %s, want it %s", late, due.Did, want)
		}
		if gone { // a repeat calls once more: what was absent before it says nothing about it
			again := due.Change.Cases[0].Now
			again.State, again.Doubts = InDoubt, 2
			if again.gone() {
				t.Error("the doubt about the repeat counts as absent already")
			}
		}
	}
}

// A start that nothing confirms is missed once, ten minutes after it, and not before.
func TestMissed(t *testing.T) {
	c := sentCase("started", ConfirmWithin-ms)
	d := Learn(holding(c, 0), c.ID, News{Asked: true}, followed(), noon)
	if d.Did != Learns || d.Change.Cases[0].Now.Work.Missed {
		t.Errorf("a moment before: %s", d.Did)
	}
	for name, n := range map[string]News{"absent": {Asked: true}, "no answer": {Asked: true, Failed: "denied"}} {
		c := sentCase("started", ConfirmWithin)
		d := Learn(holding(c, 0), c.ID, n, followed(), noon)
		now := d.Change.Cases[0].Now
		if d.Did != Misses || !now.Work.Missed || !strings.HasPrefix(now.Steps[len(now.Steps)-1].Text, "not confirmed: ") {
			t.Errorf("%s: %s, %+v", name, d.Did, now)
		}
		if d := Learn(holding(now, 0), c.ID, n, followed(), noon.Add(time.Minute)); d.Did != Learns {
			t.Errorf("%s, a second time: %s", name, d.Did)
		}
		if d := Learn(holding(now, 0), c.ID, News{Tasks: []Task{task(InProgress, 900)}}, followed(), noon.Add(time.Minute)); d.Did != Confirms {
			t.Errorf("%s, then it shows: %s", name, d.Did)
		}
	}
}

// A doubt that the API says nothing of is missed as well, while something fires: nothing is sent again, and nobody looks into
// it. One that the Agent certainly has nothing of is repeated at once, and is no such doubt.
func TestMissedDoubt(t *testing.T) {
	denied := News{Asked: true, Failed: "denied"}
	for name, row := range map[string]struct {
		ago  time.Duration
		news News
		with func(*Case)
		did  Did
	}{
		"no answer":                    {ConfirmWithin, denied, nil, Misses},
		"no answer, a moment before":   {ConfirmWithin - ms, denied, nil, Learns},
		"no answer, and nothing fires": {ConfirmWithin, denied, func(c *Case) { c.Firing = 0 }, Learns},
		"no task":                      {ConfirmWithin, News{Asked: true}, nil, Learns},
		"no answer, and missed before": {ConfirmWithin + time.Minute, denied, func(c *Case) { c.Work.Missed = true }, Learns},
		"no answer, and it rests":      {ConfirmWithin, denied, func(c *Case) { c.Resting = true }, ""},
	} {
		c := sentCase("in doubt", row.ago)
		c.Doubts = 1
		if row.with != nil {
			row.with(&c)
		}
		v := holding(c, 0)
		r := followed()
		r.Tells = true
		d := Learn(v, c.ID, row.news, r, noon)
		sane(t, v, d)
		if d.Did != row.did {
			t.Errorf("%s: it %s, want it %s", name, d.Did, row.did)
		}
		told := len(d.Change.Posts) == 1 && slices.Equal(d.Change.Posts[0].Moments, []Moment{WasMissed})
		if told != (row.did == Misses) {
			t.Errorf("%s: people are told of %+v", name, d.Change.Posts)
		}
		if row.did != Misses {
			continue
		}
		now := d.Change.Cases[0].Now
		if now.State != InDoubt || d.Change.Cases[0].Facts.Firing != SomeFire || !strings.HasPrefix(now.Steps[len(now.Steps)-1].Text, "not confirmed: ") {
			t.Errorf("%s: %+v", name, d.Change.Cases[0])
		}
		// The API answers after all: it is sent again, and this call has its own ten minutes.
		now = Learn(holding(now, 0), c.ID, News{Asked: true}, r, noon.Add(time.Minute)).Change.Cases[0].Now
		again := Due(holding(now, 0), c.ID, r, noon.Add(time.Minute))
		if again.Did != Repeats || again.Change.Cases[0].Now.Work.Missed {
			t.Errorf("%s, and then none is there: it %s, missed %t", name, again.Did, again.Change.Cases[0].Now.Work.Missed)
		}
	}
}

// The API is asked from before whatever may have arrived.
func TestAskedFromTheFirstAttempt(t *testing.T) {
	for _, row := range []struct {
		attempt                 int
		opened, started, before time.Duration // ago; it was sent nine minutes ago
	}{
		{1, time.Hour, 9 * time.Minute, 14 * time.Minute}, // its start, and five minutes for the Agent's clock
		{2, time.Hour, 9 * time.Minute, 65 * time.Minute}, // its opening: the first attempt may have been long before the start by hand
		{2, 72 * time.Hour, 9 * time.Minute, 24*time.Hour + 14*time.Minute},
		{2, 72 * time.Hour, 72 * time.Hour, 24*time.Hour + 14*time.Minute}, // a doubt that is sent once more by hand is no new start
	} {
		c := sentCase("in doubt", 9*time.Minute)
		c.Attempt, c.Opened, c.StartAt, c.Until = row.attempt, noon.Add(-row.opened), noon.Add(-row.started), noon
		d := Due(holding(c, time.Minute), c.ID, followed(), noon)
		if d.Ask == nil || !d.Ask.Since.Equal(noon.Add(-row.before)) {
			t.Errorf("after %d attempts, opened %s ago, it asks %+v, want since %s ago", row.attempt, row.opened, d.Ask, row.before)
		}
	}
}

// The waits between questions grow from half a minute to five minutes, and one that told something begins anew.
func TestAskedLessAndLess(t *testing.T) {
	c := sentCase("started", 3*time.Minute)
	now := noon
	var waits []string
	for range 12 {
		d := Learn(holding(c, 0), c.ID, News{Asked: true}, followed(), now)
		c = d.Change.Cases[0].Now
		waits = append(waits, c.Until.Sub(now).String())
		now = c.Until
	}
	want := "30s 1m0s 1m30s 2m0s 2m30s 3m0s 3m30s 4m0s 4m30s 5m0s 5m0s 5m0s"
	if got := strings.Join(waits, " "); got != want {
		t.Errorf("waits %s, want %s", got, want)
	}
	d := Learn(holding(c, 0), c.ID, News{Tasks: []Task{task(InProgress, 900)}, Asked: true}, followed(), now)
	if got := d.Change.Cases[0].Now; got.Work.Asked != 0 || !got.Work.Absent.IsZero() || got.Until.Sub(now) != 5*time.Minute {
		t.Errorf("after it showed: %+v until %s", got.Work, got.Until)
	}
}

// Any order of the same words comes to the same: how it stands, and how long it ran. The page has the sums.
func TestPrice(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	for _, row := range page(t, "price").rows {
		var words []Task
		for _, w := range strings.Split(row["words in order of time"], ", ") {
			name, plans := strings.CutPrefix(w, "mitigation ")
			name, at, _ := strings.Cut(name, " ")
			secs, err := strconv.Atoi(strings.TrimSuffix(at, " s"))
			if err != nil {
				t.Fatal(err)
			}
			word := task(Status(name), secs)
			if plans {
				word.Of = Mitigating
			}
			words = append(words, word)
		}
		want := time.Duration(0)
		if row["it ran"] != "–" {
			secs, _ := strconv.Atoi(strings.TrimSuffix(row["it ran"], " s"))
			want = time.Duration(secs) * time.Second
		}
		var first Work
		for try := range 30 {
			w := Work{}
			for _, word := range words {
				w = w.with(word)
			}
			if try == 0 {
				first = w
			}
			if got := w.Ran(noon.Add(100 * time.Second)); got != want || !reflect.DeepEqual(w, first) {
				t.Errorf("%s: it ran %s, want %s; %+v", row["words in order of time"], got, want, w)
			}
			dice.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
			if try%3 == 0 {
				words = append(words, words[0])
			}
		}
	}
}

// More words than are kept change nothing in the sum, if they come in their order.
func TestManyRuns(t *testing.T) {
	w, want := Work{}, time.Duration(0)
	for i := range 40 {
		w = w.with(task(InProgress, 100*i+20)).with(task(Completed, 100*i+50+i))
		want += time.Duration(30+i) * time.Second
		if got := w.Ran(noon); got != want || len(w.Tasks[0].Marks) > MaxMarks {
			t.Fatalf("after %d runs: %s, want %s, with %d marks", i+1, got, want, len(w.Tasks[0].Marks))
		}
	}
	if again := w.with(task(Completed, 50)); again.Ran(noon) != want {
		t.Errorf("an old word that comes again makes it %s", again.Ran(noon))
	}
}

// Of several tasks of one case the one that tells most says how it stands, and all of them are paid.
func TestSeveralTasks(t *testing.T) {
	linked := task(Linked, 40)
	linked.ID, linked.Created = "task-2", noon.Add(-14*time.Minute)
	words := []Task{task(InProgress, 20), task(Completed, 260), linked, task(InProgress, 300), task(Completed, 342)}
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {2, 4, 3, 1, 0}, {4, 2, 0, 1, 3}} {
		w := Work{}
		for _, i := range order {
			w = w.with(words[i])
		}
		if w.Status() != Completed || w.Telling().ID != "task-1" || w.Ran(noon) != 282*time.Second || w.Price(followed().Budget, noon) != 2_340_600 {
			t.Errorf("%v: %s by %s, ran %s, %s", order, w.Status(), w.Telling().ID, w.Ran(noon), w.Price(followed().Budget, noon))
		}
	}
	w := Work{}
	for i := range MaxTasks + 3 {
		k := task(Linked, 40)
		k.ID = fmt.Sprint("task-", i)
		w = w.with(k)
	}
	if len(w.Tasks) != MaxTasks {
		t.Errorf("%d tasks are kept", len(w.Tasks))
	}
}

// The true price takes the place of what was reckoned: in the month, and in the bucket.
func TestTruePrice(t *testing.T) {
	for name, row := range map[string]struct {
		words []Task
		spend Dollars
		back  time.Duration
	}{
		"cheaper": {[]Task{task(InProgress, 20), task(Completed, 260)}, 1_992_000, 4*time.Hour + 31*time.Minute + 4800*ms},
		"dearer":  {[]Task{task(InProgress, 20), task(Completed, 820)}, 6_640_000, 0},
		"linked":  {[]Task{task(PendingTriage, 0), task(Linked, 29)}, 0, 9 * time.Hour},
	} {
		c := sentCase("started", 14*time.Minute)
		d := Learn(holding(c, -time.Minute), c.ID, News{Tasks: row.words}, followed(), noon)
		now, acct := d.Change.Cases[0].Now, d.Change.Account
		var back time.Duration
		if acct.Back != nil {
			back = acct.Back.Pace
		}
		if d.Did != Ends || acct.Spend["2026-03"] != row.spend || !slices.Equal(acct.Drop, []string{c.ID}) || back != row.back ||
			now.Work.Booked != row.spend || now.Work.Month != "2026-03" {
			t.Errorf("%s: %s, %+v (back %s), booked %+v", name, d.Did, acct, back, now.Work)
		}
		// It is taken up again for 42 seconds: these are paid for besides, once.
		v := holding(now, 0)
		v.Account.Running = nil
		more := News{Tasks: []Task{task(InProgress, 840), task(Completed, 882)}}
		d = Learn(v, c.ID, more, followed(), noon)
		if got := d.Change.Account; got == nil || got.Spend["2026-03"] != 348_600 || got.Drop != nil || d.Change.Cases[0].Now.State != Ended {
			t.Errorf("%s, taken up again: %+v", name, d.Change)
		}
		v.Cases[c.ID] = d.Change.Cases[0].Now
		if d = Learn(v, c.ID, more, followed(), noon); !d.Change.Empty() {
			t.Errorf("%s, the same again: %+v", name, d.Change)
		}
	}
}

// What a hand has stopped is booked as it was reckoned, or not at all; should the Agent say what it has cost, that takes its
// place, and nothing is paid twice.
func TestStoppedIsNotPaidTwice(t *testing.T) {
	for state, how := range map[string]How{"started": EndAssumed, "in doubt": ""} {
		c := sentCase(state, 14*time.Minute)
		d, err := Stop(holding(c, time.Minute), c.ID, ordered(0), false, noon)
		if err != nil {
			t.Fatal(err)
		}
		now := d.Change.Cases[0].Now
		if d.Change.Account.Spend["2026-03"] != 4_000_000 || now.Work.Booked != 4_000_000 || now.Work.Month != "2026-03" || now.How != how {
			t.Errorf("%s: stopped as %s, %+v, booked %+v", state, now.How, d.Change.Account, now.Work)
		}
		v := holding(now, 0)
		v.Account.Running = nil
		told := News{Tasks: []Task{task(InProgress, 20), task(Completed, 260)}}
		d = Learn(v, c.ID, told, followed(), noon)
		if now.State == Refused { // it was taken after all: first it is started, and with the next tick over
			v.Cases[c.ID] = d.Change.Cases[0].Now
			d = Due(v, c.ID, followed(), noon)
		}
		if got := d.Change; got.Account == nil || got.Account.Spend["2026-03"] != 1_992_000-4_000_000 || got.Cases[0].Now.How != EndCompleted {
			t.Errorf("%s, then its end is heard: %+v", state, got)
		}
	}
	unfollowed := caseIn("started", "ab-own")
	d, err := Stop(holding(unfollowed, time.Minute), "ab-own", ordered(0), false, noon)
	if err != nil || d.Change.Account.Spend["2026-03"] != 4_000_000 || !reflect.DeepEqual(d.Change.Cases[0].Now.Work, Work{}) {
		t.Errorf("without following: %+v, %v", d.Change, err)
	}
}

// The refill was moved by what was reckoned at the start. What a long run was reckoned to cost since then has not moved
// it, and nothing of that comes back; a repeat has moved it twice.
func TestRefillGetsBackWhatItGave(t *testing.T) {
	r := followed()
	one := r.Budget.pace() // of $4, which are 9 h 36 m of a month's $300
	for name, row := range map[string]struct {
		held  Reservation
		price Dollars
		want  time.Duration
	}{
		"half of it":                    {Reservation{Money: 4_000_000, Pace: one}, 2_000_000, one / 2},
		"all of it":                     {Reservation{Money: 4_000_000, Pace: one}, 4_000_000, 0},
		"longer, and dearer":            {Reservation{Money: 6_890_000, Pace: one}, 4_480_000, 0},
		"longer, and as reckoned":       {Reservation{Money: 6_890_000, Pace: one}, 4_000_000, 0},
		"longer at first, and cheaper":  {Reservation{Money: 6_890_000, Pace: one}, 3_000_000, one / 4},
		"a repeat that cost once":       {Reservation{Money: 8_000_000, Pace: 2 * one}, 4_000_000, one},
		"nothing was reckoned":          {Reservation{}, 1_000_000, 0},
		"a critical one near the month": {Reservation{Money: 4_000_000, Pace: one / 8}, 2_000_000, one / 16},
	} {
		if got := row.held.unused(row.price, r.Budget); (got - row.want).Abs() > time.Millisecond {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

// A doubt that is older than the following of its Agent waits as long as any other, and is repeated then.
func TestDoubtFromBeforeTheFollowing(t *testing.T) {
	c := caseIn("in doubt", "ab-own")
	d := Learn(holding(c, 4*time.Minute), c.ID, News{Asked: true}, followed(), noon)
	c = d.Change.Cases[0].Now
	if !c.Called.Equal(noon) || c.gone() {
		t.Fatalf("called %s, gone %t", c.Called, c.gone())
	}
	late := noon.Add(Lease + AbsentAfter)
	d = Learn(holding(c, 4*time.Minute), c.ID, News{Asked: true}, followed(), late)
	if c = d.Change.Cases[0].Now; !c.gone() {
		t.Errorf("still not gone at %s: %+v", late, c.Work)
	}
}

// What runs longer than it was reckoned to keeps its slot and its money; after two hours without an end it is given up,
// and its end, should it be heard after all, is booked in place of what was assumed.
func TestLongRun(t *testing.T) {
	c := sentCase("started", 8*time.Minute)
	d := Learn(holding(c, -ms), c.ID, News{Tasks: []Task{task(InProgress, 420)}, Asked: true}, followed(), noon)
	now := d.Change.Cases[0].Now
	held := d.Change.Account.Put[c.ID]
	if d.Did != Confirms || !now.Until.Equal(noon.Add(5*time.Minute)) || !held.Until.Equal(noon.Add(6*time.Minute)) ||
		held.Money != max(4_000_000, Dollars(8_300*(480+360))) || held.Attempt != c.Attempt || d.Change.Account.Read != 5 {
		t.Errorf("%s until %s, holds %+v", d.Did, now.Until, held)
	}
	two := now
	two.Called = noon.Add(-MaxRun)
	two.Until = noon
	d = Due(holding(two, 0), c.ID, followed(), noon)
	ended := d.Change.Cases[0].Now
	if d.Did != Ends || ended.How != EndAssumed || d.Change.Account.Spend["2026-03"] != 8_300*480 || ended.Work.Booked != 8_300*480 {
		t.Errorf("given up: %s %+v, %+v", d.Did, ended, d.Change.Account)
	}
	v := holding(ended, 0)
	v.Account.Running = nil
	d = Learn(v, c.ID, News{Tasks: []Task{task(Failed, 520)}}, followed(), noon)
	if got := d.Change.Cases[0].Now; got.How != EndFailed || d.Change.Account.Spend["2026-03"] != -8_300*380 {
		t.Errorf("then its end is heard: %+v, %+v", got, d.Change.Account)
	}
}

// What was started before its Agent was followed is followed from then on, and for as long as anything else.
func TestStartedBeforeItWasFollowed(t *testing.T) {
	c := sentCase("started", 20*time.Minute)
	c.Called, c.StartAt, c.Until = time.Time{}, noon.Add(-20*time.Minute), noon
	if d := Due(holding(c, time.Minute), c.ID, followed(), noon); d.Ask == nil {
		t.Fatalf("the API is not asked: %+v", d)
	}
	d := Learn(holding(c, time.Minute), c.ID, News{Tasks: []Task{task(InProgress, 420)}}, followed(), noon)
	now := d.Change.Cases[0].Now
	if d.Did != Confirms || !now.Until.Equal(noon.Add(5*time.Minute)) {
		t.Errorf("%s until %s", d.Did, now.Until)
	}
	now.Until = noon.Add(99 * time.Minute)
	if d := Due(holding(now, time.Minute), c.ID, followed(), noon.Add(100*time.Minute-ms)); d.Ask == nil {
		t.Errorf("given up after less than two hours: %+v", d)
	}
	if d := Due(holding(now, time.Minute), c.ID, followed(), noon.Add(100*time.Minute)); d.Did != Ends || d.Change.Cases[0].Now.How != EndAssumed {
		t.Errorf("after two hours: %+v", d)
	}
}

// A start that nothing ever confirms ends as assumed. What it was reckoned to cost is booked if the Agent may have it, and
// given back if it certainly has not.
func TestNeverConfirmed(t *testing.T) {
	for _, absent := range []bool{false, true} {
		c := sentCase("started", MaxRun)
		c.Until = noon
		if absent {
			c.Work.Absent = noon.Add(-time.Minute)
		}
		d := Due(holding(c, -time.Hour), c.ID, followed(), noon)
		acct := d.Change.Account
		if d.Did != Ends || d.Change.Cases[0].Now.How != EndAssumed || len(acct.Drop) != 1 {
			t.Fatalf("absent %t: %+v", absent, d)
		}
		if booked := acct.Spend["2026-03"] == 4_000_000 && acct.Back == nil; booked == absent {
			t.Errorf("absent %t: %+v", absent, acct)
		}
		if given := acct.Back != nil && acct.Back.Pace == 9*time.Hour && acct.Spend == nil; given != absent {
			t.Errorf("absent %t: %+v", absent, acct)
		}
	}
}

// Where the Agent is not followed nothing of this happens.
func TestNotFollowed(t *testing.T) {
	r := followed()
	r.Followed = false
	c := caseIn("started", "ab-own")
	c.Until = noon
	if d := Due(holding(c, 0), c.ID, r, noon); d.Did != Ends || d.Change.Cases[0].Now.How != EndAssumed || d.Change.Account.Spend["2026-03"] != 4_000_000 {
		t.Errorf("started: %+v", d)
	}
	c = caseIn("in doubt", "ab-own")
	if d := Due(holding(c, time.Minute), c.ID, r, noon); d.Did != Repeats {
		t.Errorf("in doubt: %s", d.Did)
	}
	cl := claimed(0)
	if d := settleWith(t, cl.Case, cl, answersOf("accepted")[0]); !d.Change.Cases[0].Now.Until.Equal(cl.Until) {
		t.Errorf("accepted: until %s", d.Change.Cases[0].Now.Until)
	}
	cl.Followed = true
	if d := settleWith(t, cl.Case, cl, answersOf("accepted")[0]); !d.Change.Cases[0].Now.Until.Equal(noon.Add(FirstAsk)) {
		t.Errorf("accepted and followed: until %s", d.Change.Cases[0].Now.Until)
	}
}

// Nothing is heard of what was never sent, whoever says so.
func TestForeignTasks(t *testing.T) {
	c := caseIn("waiting", "ab-own")
	c.Attempt = 0
	for name, n := range map[string]News{
		"never sent": {Tasks: []Task{task(InProgress, 20)}}, "another's": {Tasks: []Task{{ID: "t", Case: "ab-2", Status: Completed}}},
		"nothing": {},
	} {
		if d := Learn(holding(c, 0), c.ID, n, followed(), noon); !d.Change.Empty() || d.Did != Nothing {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if d := Learn(View{}, "ab-none", News{Tasks: []Task{task(Completed, 9)}}, followed(), noon); !d.Change.Empty() {
		t.Errorf("no such case: %+v", d)
	}
}

// Of two words of the same moment the one that is further on in a task's life is the later one, whichever comes first.
func TestTwoWordsOfOneMoment(t *testing.T) {
	for _, pair := range [][2]Status{
		{PendingTriage, PendingStart},
		{PendingStart, InProgress},
		{InProgress, Completed},
		{InProgress, Cancelled},
		{PendingTriage, Linked},
		{PendingTriage, Skipped},
		{PendingStart, TimedOut},
	} {
		for _, first := range []int{0, 1} {
			w := Work{}.with(task(pair[first], 20)).with(task(pair[1-first], 20))
			if w.Status() != pair[1] || len(w.Tasks) != 1 {
				t.Errorf("%s, and then %s of the same moment: %s", pair[first], pair[1-first], w.Status())
			}
		}
	}
}

// Of a case's two tasks the one that runs, or will, tells how it stands; then the one that came to an answer.
func TestWhichOfTwoTasksTells(t *testing.T) {
	order := []Status{InProgress, PendingStart, PendingTriage, Completed, TimedOut, Failed, Cancelled, Linked, Skipped}
	for i, more := range order {
		for _, less := range order[i+1:] {
			other := task(less, 30)
			other.ID = "task-2"
			for _, w := range []Work{Work{}.with(task(more, 20)).with(other), Work{}.with(other).with(task(more, 20))} {
				if w.Status() != more {
					t.Errorf("of %s and %s it is %s", more, less, w.Status())
				}
			}
		}
	}
}

// A start that was taken for lost, and that the Agent has after all, holds a slot and its money as if it were started now.
// What was booked for it already is not reserved once more.
func TestTakenAfterAll(t *testing.T) {
	pace := followed().Budget.pace()
	for name, row := range map[string]struct {
		state  string
		change func(*Case)
		says   Status
		want   Reservation
		spend  Dollars // by the end, after 4 minutes
	}{
		"waits": {"waiting", nil, InProgress, Reservation{Money: 4_000_000, Month: "2026-03", Pace: pace}, 1_992_000},
		"waits, and is critical": {
			"waiting", func(c *Case) { c.Severity = alert.Critical }, InProgress,
			Reservation{Money: 4_000_000, Month: "2026-03", Pace: pace, Critical: true, Day: "2026-03-02"},
			1_992_000,
		},
		"was refused":    {"refused", nil, InProgress, Reservation{Money: 4_000_000, Month: "2026-03", Pace: pace}, 1_992_000},
		"is over by now": {"refused", nil, Completed, Reservation{Money: 4_000_000, Month: "2026-03", Pace: pace}, 1_992_000},
		"rests, and was booked": {
			"resting", func(c *Case) { c.Work.Booked, c.Work.Month = 4_000_000, "2026-02" }, InProgress,
			Reservation{Month: "2026-02"},
			1_992_000 - 4_000_000,
		},
	} {
		c := sentCase(row.state, 4*time.Minute)
		if row.change != nil {
			row.change(&c)
		}
		v := viewOf(Incident{}, c)
		words := []Task{task(InProgress, 20)}
		if row.says == Completed {
			words = append(words, task(Completed, 260))
		}
		d := Learn(v, c.ID, News{Tasks: words}, followed(), noon)
		sane(t, v, d)
		acct := d.Change.Account
		if acct == nil || acct.Read != v.Account.Version {
			t.Errorf("%s: %s, %+v", name, d.Did, d.Change)
			continue
		}
		row.want.Attempt, row.want.Until = c.Attempt, noon.Add(followed().Estimate)
		if got := acct.Put[c.ID]; got != row.want || len(acct.Put) != 1 || acct.Critical["2026-03-02"] != len(row.want.Day)/10 || acct.Down != nil {
			t.Errorf("%s: it holds %+v, want %+v; %+v", name, got, row.want, acct)
		}
		v.Cases[c.ID] = d.Change.Cases[0].Now
		v.Account.Running[c.ID] = acct.Put[c.ID]
		d = Learn(v, c.ID, News{Tasks: []Task{task(Completed, 260)}}, followed(), noon.Add(time.Minute))
		if row.says == Completed {
			d = Due(v, c.ID, followed(), noon.Add(time.Minute))
		}
		if month := cmp.Or(c.Work.Month, "2026-03"); d.Did != Ends || d.Change.Account.Spend[month] != row.spend || !slices.Equal(d.Change.Account.Drop, []string{c.ID}) {
			t.Errorf("%s, and ends: %s, %+v", name, d.Did, d.Change.Account)
		}
	}
}

// An account that is full gets no reservation more: its item stays small.
func TestTakenAfterAllWithoutAPlace(t *testing.T) {
	c := sentCase("waiting", 4*time.Minute)
	for places, want := range map[int]bool{MaxRunning - 1: true, MaxRunning: false} {
		v := viewOf(Incident{}, c)
		for i := range places {
			v.Account.Running[fmt.Sprint("ab-", i)] = Reservation{Until: noon.Add(time.Minute)}
		}
		d := Learn(v, c.ID, News{Tasks: []Task{task(InProgress, 20)}}, followed(), noon)
		if puts := d.Change.Account != nil; d.Did != Confirms || puts != want {
			t.Errorf("with %d others: %s, %+v", places, d.Did, d.Change.Account)
		}
	}
}

// A task that was made after the account's rest shows that the Agent was up since; an older one says nothing about now.
func TestTaskShowsThatItIsUp(t *testing.T) {
	made := task(InProgress, 20).Created
	for name, row := range map[string]struct {
		state string
		down  Down
		want  bool
	}{
		"made after the rest":          {"starting", Down{Fails: 3, Until: made.Add(-ms)}, true},
		"made in the rest":             {"starting", Down{Fails: 3, Until: made}, false},
		"it waits":                     {"waiting", Down{Fails: 3, Until: made.Add(-ms)}, true},
		"it is up":                     {"starting", Down{}, false},
		"one doubt":                    {"in doubt", Down{Doubts: 1}, false},
		"it was started, and is shown": {"started", Down{Fails: 3, Until: made.Add(-ms)}, false},
	} {
		c := sentCase(row.state, 14*time.Minute)
		v := holding(c, 20*time.Minute)
		v.Account.Down = row.down
		d := Learn(v, c.ID, News{Tasks: []Task{task(InProgress, 20)}}, followed(), noon)
		sane(t, v, d)
		acct := d.Change.Account
		got := acct != nil && acct.Down != nil
		if got != row.want || got && (*acct.Down != (Down{}) || *acct.DownWas != row.down) {
			t.Errorf("%s: clears %t, want %t: %+v", name, got, row.want, acct)
		}
	}
}
