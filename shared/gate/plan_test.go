package gate

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// spoken is a word with what it speaks of.
func spoken(d Doing, t Task) Task {
	t.Of = d
	return t
}

// An investigation that came to its end, as events and the API tell it.
func investigated() []Task {
	return []Task{
		spoken(Investigating, task(PendingTriage, 0)), spoken(Investigating, task(InProgress, 20)), task(InProgress, 20),
		spoken(Investigating, task(Completed, 260)), task(Completed, 260),
	}
}

// Whatever becomes of a mitigation, and however the API shows the task meanwhile, the investigation stands as it stood. In
// any order of the words.
func TestMitigationSettlesNothing(t *testing.T) {
	m := func(s Status, at int) Task { return spoken(Mitigating, task(s, at)) }
	dice := rand.New(rand.NewPCG(3, 4))
	for name, row := range map[string]struct {
		words []Task
		own   Status
		since int // in seconds after the creation; -1: nobody has told
		plan  Status
		ran   int
		runs  bool
	}{
		"it runs again and has a plan": {
			append(investigated(), task(PendingStart, 890), m(InProgress, 900), task(InProgress, 900), m(Completed, 942), task(Completed, 942)),
			Completed, 260, Completed, 282, false,
		},
		"it runs again and fails":      {append(investigated(), m(InProgress, 900), task(InProgress, 900), m(Failed, 942), task(Failed, 942)), Completed, 260, Failed, 282, false},
		"it runs again, cancelled":     {append(investigated(), m(InProgress, 900), task(InProgress, 900), m(Cancelled, 942), task(Cancelled, 942)), Completed, 260, Cancelled, 282, false},
		"cancelled before it ran":      {append(investigated(), task(PendingStart, 900), m(Cancelled, 942), task(Cancelled, 942)), Completed, 260, Cancelled, 240, false},
		"it stays completed and fails": {append(investigated(), m(InProgress, 900), m(TimedOut, 942)), Completed, 260, TimedOut, 282, false},
		"it stays completed, touched":  {append(investigated(), m(InProgress, 900), task(Completed, 900), m(Failed, 942), task(Completed, 942)), Completed, 260, Failed, 282, false},
		"the API's clock is behind":    {append(investigated(), m(InProgress, 900), task(InProgress, 899), m(Failed, 942), task(Failed, 941)), Completed, -1, Failed, 283, false},
		"it runs":                      {append(investigated(), m(InProgress, 900), task(InProgress, 900)), Completed, 260, InProgress, 340, true},
		"it runs and stays completed":  {append(investigated(), m(InProgress, 900), task(Completed, 900)), Completed, 260, InProgress, 340, true},
		"its end tells the API alone":  {append(investigated(), m(InProgress, 900), task(InProgress, 900), task(Failed, 942)), Completed, 260, InProgress, 282, false},
		"nobody told the end before":   {[]Task{spoken(Investigating, task(InProgress, 20)), m(InProgress, 900), task(InProgress, 900), m(Failed, 942)}, Completed, -1, Failed, 922, false},
		"nothing was heard before":     {[]Task{m(InProgress, 900), task(InProgress, 900)}, Completed, -1, InProgress, 100, true},
		"the API shows its end else":   {[]Task{m(Cancelled, 942), task(Completed, 942)}, Completed, -1, Cancelled, 0, false},
		"only its end was heard":       {[]Task{m(Failed, 942), task(Failed, 942)}, Completed, -1, Failed, 0, false},
		"it had failed":                {[]Task{task(InProgress, 20), spoken(Investigating, task(Failed, 260)), m(InProgress, 900), m(Completed, 942)}, Failed, 260, Completed, 282, false},
		"then it is taken up again": {
			append(investigated(), m(InProgress, 900), m(Completed, 942), spoken(Investigating, task(InProgress, 950)), task(InProgress, 950)),
			InProgress, 950, Completed, 332, false,
		},
		"and then fails": {
			append(investigated(), m(InProgress, 900), m(Completed, 942), spoken(Investigating, task(InProgress, 950)), spoken(Investigating, task(Failed, 960))),
			Failed, 960, Completed, 292, false,
		},
		"two of them": {
			append(investigated(), m(InProgress, 300), m(Completed, 342), task(InProgress, 900), m(InProgress, 900), m(Failed, 942), task(Failed, 942)),
			Completed, 260, Failed, 324, false,
		},
	} {
		var first Work
		for try := range 60 {
			w := Work{}
			for _, word := range row.words {
				w = w.with(word)
			}
			if try == 0 {
				first = w
			}
			k := *w.Telling()
			since := time.Time{}
			if row.since >= 0 {
				since = task(Completed, row.since).Updated
			}
			if k.Status != row.own || !k.Updated.Equal(since) || w.Plan().Plan.Status != row.plan || w.Mitigates() != row.runs ||
				w.Ran(noon.Add(100*time.Second)) != time.Duration(row.ran)*time.Second {
				t.Errorf("%s: it is %s since %s, with a plan that is %s, ran %s, runs %t; want %+v", name, k.Status, k.Updated, w.Plan().Plan.Status, w.Ran(noon.Add(100*time.Second)), w.Mitigates(), row)
				break
			}
			if !reflect.DeepEqual(w, first) {
				t.Errorf("%s: in another order it is\n%+v\nand was\n%+v", name, w, first)
				break
			}
			dice.Shuffle(len(row.words), func(i, j int) { row.words[i], row.words[j] = row.words[j], row.words[i] })
			if try%3 == 0 && try < 12 {
				row.words = append(row.words, row.words[0])
			}
		}
	}
}

// What the investigation has found lies in its own run, and what the plan says where an event about the plan leads.
func TestEachSummaryHasItsRun(t *testing.T) {
	found := spoken(Investigating, task(Completed, 260))
	found.Summary = "record-1"
	runs := task(InProgress, 900) // as the API shows it
	runs.Execution = "exe-2"
	plan := spoken(Mitigating, task(Completed, 942))
	plan.Execution, plan.Summary = "exe-2", "record-2"
	for _, words := range [][]Task{{found, runs, plan}, {plan, runs, found}, {runs, found, plan}} {
		w := Work{}
		for _, word := range words {
			w = w.with(word)
		}
		k := w.Plan()
		if k.Found.Value != "exe-1" || k.Summary.Value != "record-1" || k.Plan.Execution.Value != "exe-2" || k.Plan.Summary.Value != "record-2" || !k.Plan.Done.Equal(plan.Updated) {
			t.Errorf("%+v", k)
		}
	}
}

// More marks than are kept forget neither how the investigation stood nor what it cost.
func TestManyPlans(t *testing.T) {
	w := Work{}
	for _, word := range investigated() {
		w = w.with(word)
	}
	want := 240 * time.Second
	for i := range 30 {
		w = w.with(spoken(Mitigating, task(InProgress, 300+10*i))).with(task(InProgress, 300+10*i)).with(spoken(Mitigating, task(Failed, 304+10*i))).with(task(Failed, 304+10*i))
		want += 4 * time.Second
		if k := w.Telling(); k.Status != Completed || w.Ran(noon) != want || len(w.Tasks[0].Marks) > MaxMarks {
			t.Fatalf("after %d plans: %s, ran %s, want %s, with %d marks", i+1, k.Status, w.Ran(noon), want, len(w.Tasks[0].Marks))
		}
	}
}

// A mitigation of a case that has ended costs what it costs once it is over, changes nothing of how the case ended, and its
// plan is told of once.
func TestMitigationOfAnEndedCase(t *testing.T) {
	for end, told := range map[Status]bool{Completed: true, Failed: false, TimedOut: false, Cancelled: false} {
		r := followed()
		r.Tells = true
		c := sentCase("started", 14*time.Minute)
		d := Learn(holding(c, -time.Minute), c.ID, News{Tasks: investigated()}, r, noon)
		var all []Moment
		learn := func(words ...Task) Decision {
			v := holding(d.Change.Cases[0].Now, 0)
			v.Account.Running = nil
			next := Learn(v, c.ID, News{Tasks: words}, r, noon.Add(time.Minute))
			for _, p := range next.Change.Posts {
				all = append(all, p.Moments...)
			}
			if !next.Change.Empty() {
				d = next
			}
			return next
		}
		if runs := learn(spoken(Mitigating, task(InProgress, 900)), task(InProgress, 900)); runs.Did != Learns || runs.Change.Account != nil {
			t.Errorf("%s: while it runs: %+v", end, runs.Change)
		}
		over := learn(spoken(Mitigating, task(end, 942)), task(end, 942))
		now := over.Change.Cases[0].Now
		if acct := over.Change.Account; now.State != Ended || now.How != EndCompleted || acct == nil || acct.Spend["2026-03"] != 42*8_300 || now.Work.Booked != 282*8_300 {
			t.Errorf("%s: %s, %+v, booked %s", end, now.How, acct, now.Work.Booked)
		}
		if again := learn(spoken(Mitigating, task(end, 942)), task(end, 942)); !again.Change.Empty() {
			t.Errorf("%s: the same again: %+v", end, again.Change)
		}
		learn(spoken(Mitigating, task(InProgress, 950)))
		learn(spoken(Mitigating, task(Completed, 955)))
		if want := []Moment{WasPlanned}; !slices.Equal(all, want) {
			t.Errorf("%s (told at once: %t): told %v, want %v", end, told, all, want)
		}
	}
}

// A plan is for what was investigated: one that is heard of before its investigation's end ends the case, and one of
// a case that ended otherwise is told to nobody.
func TestPlanIsToldOfWhatWasInvestigated(t *testing.T) {
	plan := spoken(Mitigating, task(Completed, 700))
	c := sentCase("started", 14*time.Minute)
	r := followed()
	r.Tells = true
	d := Learn(holding(c, -time.Minute), c.ID, News{Tasks: []Task{spoken(Investigating, task(InProgress, 20)), plan}}, r, noon)
	if now := d.Change.Cases[0].Now; now.How != EndCompleted || !slices.Equal(d.Change.Posts[0].Moments, []Moment{HasEnded, WasPlanned}) {
		t.Errorf("before the end: ended %s, %+v", now.How, d.Change.Posts)
	}
	failed := []Task{spoken(Investigating, task(InProgress, 20)), spoken(Investigating, task(Failed, 260)), plan}
	d = Learn(holding(c, -time.Minute), c.ID, News{Tasks: failed}, r, noon)
	if now := d.Change.Cases[0].Now; now.How != EndFailed || !slices.Equal(d.Change.Posts[0].Moments, []Moment{HasEnded}) {
		t.Errorf("after a failure: ended %s, %+v", now.How, d.Change.Posts)
	}
	unsent := sentCase("ended recovered", 14*time.Minute)
	d = Learn(holding(unsent, 0), unsent.ID, News{Tasks: append(investigated(), plan)}, r, noon)
	if len(d.Change.Posts) != 0 || d.Change.Cases[0].Now.How != EndRecovered {
		t.Errorf("of one that ended unstarted: %+v", d.Change)
	}
}

// FuzzWork: words in any order and number come to the same, and never to more time than there was.
func FuzzWork(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, uint64(1))
	f.Add([]byte{0x12, 0x43, 0x95, 0xd6, 0x01, 0xff}, uint64(7))
	f.Fuzz(func(t *testing.T, bytes []byte, order uint64) {
		statuses := append(Statuses(), "of_tomorrow")
		var words []Task
		for i, b := range bytes {
			if i == MaxMarks { // beyond that some are folded, and the order counts
				break
			}
			words = append(words, spoken([]Doing{"", Investigating, Mitigating}[int(b)%3], task(statuses[int(b/3)%len(statuses)], 10*(int(b)/30+i%4))))
		}
		with := func() (w Work) {
			for _, word := range words {
				w = w.with(word)
			}
			return w
		}
		first := with()
		rand.New(rand.NewPCG(order, 1)).Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		words = append(words, words...)
		if w := with(); !reflect.DeepEqual(w, first) {
			t.Errorf("%+v\nin another order\n%+v", first, w)
		}
		if ran := first.Ran(noon); ran < 0 || ran > 15*time.Minute {
			t.Errorf("it ran %s in 15 minutes: %+v", ran, first)
		}
		if p := first.Plan(); p != nil && first.Status() == "" {
			t.Errorf("with a plan it stands as nothing: %+v", first)
		}
	})
}
