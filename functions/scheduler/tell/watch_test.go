package tell

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
)

// withOpenIncident is a ledger with a case that was started and fires. It was not confirmed, and the pager was told that so
// long ago.
func withOpenIncident(t *testing.T, since time.Duration) *memledger.Ledger {
	t.Helper()
	l := memledger.New()
	c := gate.Case{
		ID: "ab-1", Agent: "default", State: gate.Started, Severity: 5, Attempt: 1, Version: 1, Incident: "1/7/g.a", Firing: 1, StartAt: noon, Until: noon.Add(time.Hour),
	}
	opened := c
	opened.State, opened.StartAt, opened.Attempt = gate.Starting, noon, 1
	in := gate.Incident{Key: alert.Incident{Org: "1", Monitor: "7", Key: "g.a"}, Fire: noon, Case: "ab-1", Version: 1}
	p := gate.Post{
		ID: "ab-1", Agent: "default", Version: 1, Until: noon, Tries: 3, Happened: []gate.Happened{{Moment: gate.WasMissed, At: noon.Add(-since)}},
		Told: []gate.Told{{Target: Pager, Moment: gate.WasMissed, As: gate.WasTold, At: noon}},
	}
	started := opened
	started.State, started.Version = gate.Started, 2
	for _, change := range []gate.Change{
		{At: noon, Incident: &gate.IncidentWrite{Now: in}, Cases: []gate.CaseWrite{{Now: opened, Lead: &alert.Alert{Delivery: "d-1"}}}},
		{At: noon, Cases: []gate.CaseWrite{{Read: opened, Now: started}}},
		{At: noon, Told: &gate.ToldWrite{Now: p}},
	} {
		if err := l.Commit(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// recovers: what the case of withOpenIncident is about fires no more.
func recovers(t *testing.T, l *memledger.Ledger) {
	t.Helper()
	v, err := l.Look(t.Context(), ledger.Question{Incident: alert.Incident{Org: "1", Monitor: "7", Key: "g.a"}, Agent: "default"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	in := v.Incident
	in.Version, in.Rec = in.Version+1, noon.Add(time.Second)
	if err := l.Commit(t.Context(), gate.Change{At: noon, Incident: &gate.IncidentWrite{Read: v.Incident.Version, Now: in}}); err != nil {
		t.Fatal(err)
	}
}

// An open incident is looked after less and less often, and each time within an hour.
func TestWatchedLessAndLess(t *testing.T) {
	for since, want := range map[time.Duration]time.Duration{
		0: soon, 5 * time.Minute: soon, 10 * time.Minute: time.Minute, time.Hour: 6 * time.Minute, 10 * time.Hour: time.Hour, 100 * time.Hour: time.Hour,
	} {
		if got := watchAgain(since); got != want {
			t.Errorf("%s after the last moment it is looked at after %s, want %s", since, got, want)
		}
	}
	l := withOpenIncident(t, 0)
	place := Target{Name: Pager, Pager: true, Place: placeOf(func(a answer.Answer) answer.Result {
		t.Errorf("it fires, and %s is told", a.Moment)
		return answer.Result{End: answer.Delivered}
	})}
	looks := 0
	for now := noon; now.Before(noon.Add(24 * time.Hour)); now = now.Add(time.Minute) {
		before, _ := l.Post(t.Context(), "ab-1", now)
		teller := newTeller(l, l, place)
		teller.Now = func() time.Time { return now }
		if err := teller.Tell(t.Context(), []gate.Account{{Agent: "default"}}); err != nil {
			t.Fatal(err)
		}
		if after, _ := l.Post(t.Context(), "ab-1", now); after.Version != before.Version {
			looks++
			if after.Tries != 0 || after.Over {
				t.Errorf("the post is %+v", after)
			}
		}
	}
	// 10 in the first ten minutes, then 43 of which each waits a tenth longer (1.1 to the power of 43 is 60), from the tenth
	// hour on 14; some fewer, for a tick comes once a minute.
	if looks < 57 || looks > 67 {
		t.Errorf("it is looked at %d times in a day", looks)
	}
}

// Of two ticks at once the one sees that it fires, and the other, a moment later, that it has recovered, and tells it. What
// the first one notes comes last, and takes up nothing again.
func TestRecoveryThatAnotherTickFinds(t *testing.T) {
	l := withOpenIncident(t, 0)
	var got []string
	place := Target{Name: Pager, Pager: true, Place: placeOf(func(a answer.Answer) answer.Result {
		got = append(got, string(a.Page))
		return answer.Result{End: answer.Delivered}
	})}
	tick := func(with ledger.Ledger) {
		if err := newTeller(with, l, place).Tell(t.Context(), []gate.Account{{Agent: "default"}}); err != nil {
			t.Error(err)
		}
	}
	var before gate.Post
	tick(&looked{Ledger: l, then: func(v gate.View) error {
		in := v.Incident
		in.Version, in.Rec = in.Version+1, noon.Add(time.Second)
		err := l.Commit(t.Context(), gate.Change{At: noon, Incident: &gate.IncidentWrite{Read: v.Incident.Version, Now: in}})
		tick(l)
		before, _ = l.Post(t.Context(), "ab-1", noon)
		return err
	}})
	after, _ := l.Post(t.Context(), "ab-1", noon)
	if !slices.Equal(got, []string{"resolve"}) || !after.Over || after.Version != before.Version {
		t.Errorf("told %q; the post\n%+v, was\n%+v", got, after, before)
	}
}

// Of two ticks at once the one only looks, and the other leaves a recovery out and goes on looking. What the first one would note is
// older than that, and ends nothing.
func TestWatchThatAnotherTickGoesOnWith(t *testing.T) {
	l := withOpenIncident(t, 0)
	var others gate.Post
	teller := newTeller(&looked{Ledger: l, then: func(gate.View) error {
		p, err := l.Post(t.Context(), "ab-1", noon)
		if err != nil || others.Version > 0 {
			return err
		}
		p.Happened = append(p.Happened, gate.Happened{Moment: gate.HasRecovered, At: noon})
		p.Told = append(p.Told, gate.Told{Target: Pager, Moment: gate.HasRecovered, As: gate.LeftOut, At: noon})
		p.Until = noon.Add(soon)
		p.Version++
		others = p
		return l.Commit(t.Context(), gate.Change{At: noon, Told: &gate.ToldWrite{Read: p.Version - 1, Now: p}})
	}}, l, Target{Name: Pager, Pager: true})
	if err := teller.Tell(t.Context(), []gate.Account{{Agent: "default"}}); err != nil {
		t.Fatal(err)
	}
	if after, _ := l.Post(t.Context(), "ab-1", noon); after.Over || after.Version != others.Version || others.Version == 0 {
		t.Errorf("the post is %+v, want %+v", after, others)
	}
}

// People were told of two recoveries, and were woken once more since: of the third they hear too, as of one that they do not know.
func TestThirdRecovery(t *testing.T) {
	l := withOpenIncident(t, 0)
	p, _ := l.Post(t.Context(), "ab-1", noon)
	told := func(m gate.Moment, before time.Duration) gate.Told {
		p.Happened = append(p.Happened, gate.Happened{Moment: m, At: noon.Add(-before)})
		return gate.Told{Target: Pager, Moment: m, As: gate.WasTold, At: noon.Add(-before)}
	}
	p.Told = append([]gate.Told{told(gate.HasRecovered, time.Hour), told(gate.IsDoubtful, 50*time.Minute), told(gate.RecoverAgain, 40*time.Minute)}, p.Told...)
	p.Version++
	if err := l.Commit(t.Context(), gate.Change{At: noon, Told: &gate.ToldWrite{Read: p.Version - 1, Now: p}}); err != nil {
		t.Fatal(err)
	}
	recovers(t, l)
	var got []string
	teller := newTeller(l, l, Target{Name: Pager, Pager: true, Place: placeOf(func(a answer.Answer) answer.Result {
		got = append(got, string(a.Page)+" "+a.ID)
		return answer.Result{End: answer.Delivered}
	})})
	for range 3 {
		if err := teller.Tell(t.Context(), []gate.Account{{Agent: "default"}}); err != nil {
			t.Fatal(err)
		}
	}
	after, _ := l.Post(t.Context(), "ab-1", noon)
	i := slices.IndexFunc(after.Happened, func(h gate.Happened) bool { return h.Moment == gate.RecoverAgain })
	if want := []string{"resolve ab-1/recovered_again@20261121T120000.001Z"}; !slices.Equal(got, want) || !after.Over || i != 3 || len(after.Told) != 4 {
		t.Errorf("told %q, want %q; the post\n%+v", got, want, after)
	}
}

// What could not be looked at is looked at with the next tick, however long the pauses are by now; and that is said.
func TestWatchThatCannotLook(t *testing.T) {
	l, boom := withOpenIncident(t, 20*time.Hour), errors.New("no answer")
	teller := newTeller(&looked{Ledger: l, then: func(gate.View) error { return boom }}, l, Target{Name: Pager, Pager: true})
	if err := teller.Tell(t.Context(), []gate.Account{{Agent: "default"}}); !errors.Is(err, boom) {
		t.Errorf("the tick says %v", err)
	}
	if p, _ := l.Post(t.Context(), "ab-1", noon); p.Over || !p.Until.Equal(noon.Add(soon)) {
		t.Errorf("the post is %+v", p)
	}
}

// So it is where there was no time to look.
func TestPauseOfWhatWasNotLookedAt(t *testing.T) {
	tl := &telling{
		round: &round{Teller: newTeller(nil, nil), began: noon}, post: gate.Post{Happened: []gate.Happened{{Moment: gate.Waits, At: noon.Add(-20 * time.Hour)}}},
	}
	if got := tl.pause(t.Context()); got != soon {
		t.Errorf("it rests for %s", got)
	}
	tl.fires.known = true
	if got := tl.pause(t.Context()); got != longestWatch {
		t.Errorf("what was looked at rests for %s", got)
	}
	tl.began = noon.Add(-MaxTime)
	if got := tl.pause(t.Context()); got != soon {
		t.Errorf("what there is no time for rests for %s", got)
	}
}

// Nobody is woken once more because nobody knows whether something fires; when that can be read, and it does, they are.
func TestNobodyIsWokenByAFailedReading(t *testing.T) {
	l, boom := withOpenIncident(t, 0), errors.New("no answer")
	p, _ := l.Post(t.Context(), "ab-1", noon)
	p.Told[0].As, p.Told[0].Words = gate.LeftOut, nothingFires
	p.Version++
	if err := l.Commit(t.Context(), gate.Change{At: noon, Told: &gate.ToldWrite{Read: p.Version - 1, Now: p}}); err != nil {
		t.Fatal(err)
	}
	var got []string
	place := Target{Name: Pager, Pager: true, Place: placeOf(func(a answer.Answer) answer.Result {
		got = append(got, string(a.Page))
		return answer.Result{End: answer.Delivered}
	})}
	if err := newTeller(&looked{Ledger: l, then: func(gate.View) error { return boom }}, l, place).Tell(t.Context(), []gate.Account{{Agent: "default"}}); !errors.Is(err, boom) || len(got) > 0 {
		t.Errorf("the tick says %v, and tells %q", err, got)
	}
	teller := newTeller(l, l, place)
	teller.Now = func() time.Time { return noon.Add(time.Minute) }
	if err := teller.Tell(t.Context(), []gate.Account{{Agent: "default"}}); err != nil || !slices.Equal(got, []string{"trigger"}) {
		t.Errorf("the tick says %v, and tells %q", err, got)
	}
}

// A place that gave a strange answer is asked once in a telling, though a recovery is found in it and told to the pager.
func TestAskedOnceInATelling(t *testing.T) {
	l := withOpenIncident(t, 0)
	recovers(t, l)
	var got []string
	strange := Target{Name: Events, Place: placeOf(func(a answer.Answer) answer.Result {
		got = append(got, Events+" "+string(a.Moment))
		return answer.Result{End: answer.Later, Why: delivery.Answer{Reason: delivery.Unreadable}}
	})}
	pager := Target{Name: Pager, Pager: true, Place: placeOf(func(a answer.Answer) answer.Result {
		got = append(got, Pager+" "+string(a.Page))
		return answer.Result{End: answer.Delivered}
	})}
	if err := newTeller(l, l, strange, pager).Tell(t.Context(), []gate.Account{{Agent: "default"}}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"datadog unconfirmed", "pagerduty resolve"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// looked is a ledger in which something happens once an incident was read.
type looked struct {
	*memledger.Ledger
	then func(gate.View) error
}

func (l *looked) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	v, err := l.Ledger.Look(ctx, q, now)
	return v, errors.Join(err, l.then(v))
}
