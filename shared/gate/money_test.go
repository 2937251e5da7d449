package gate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// hundred pays for 25 investigations in a month, so one is earned every 28 h 48 min.
var hundred = Budget{Month: 100e6, Case: 4e6, Bucket: 5, CriticalPerDay: 2}

const earned = 28*time.Hour + 48*time.Minute

func TestBudget(t *testing.T) {
	walk(t, "budget", []column{
		values("the month has", "one more", "no more"), values("the bucket has", "one", "none"),
		values("severity", "critical", "not critical"), values("critical ones today", "some left", "used up"),
	}, nil, func(t *testing.T, at, row entry) {
		a := Account{Money: Money{Spent: map[string]Dollars{"2026-03": 92e6, "2026-02": 400e6}, Critical: map[string]int{"2026-03-02": 1, "2026-03-01": 7}}}
		a.Running = map[string]Reservation{ // what runs counts, where it began
			"ab-1": {Money: 4e6, Month: "2026-03", Until: noon.Add(time.Minute)}, "ab-2": {Money: 8e6, Month: "2026-02", Until: noon},
		}
		if at["the month has"] == "no more" {
			a.Money.Spent["2026-03"]++
		}
		a.Money.Paced = noon.Add(4 * earned)
		if at["the bucket has"] == "none" {
			a.Money.Paced = a.Money.Paced.Add(5 * time.Hour)
		}
		if at["critical ones today"] == "used up" {
			a.Money.Critical["2026-03-02"] = 2
		}
		want := map[string]time.Time{
			"now": noon, "now, beyond the budget": noon, "when one is earned": after(300), "at the turn of the month": april, "tomorrow": tomorrow,
		}[row["a start is possible"]]
		m := a.affords(hundred, at["severity"] == "critical", noon)
		if !m.until.Equal(want) || m.now() != want.Equal(noon) || m.beyond != strings.HasSuffix(row["a start is possible"], "beyond the budget") {
			t.Errorf("%v: %+v, want %s", at, m, row["a start is possible"])
		}
	})
}

func TestBudgetAtTheTurnOfTheMonth(t *testing.T) {
	a := Account{Money: Money{Spent: map[string]Dollars{"2026-12": 100e6}, Paced: time.Date(2027, 1, 2, 3, 0, 0, 0, time.UTC).Add(4 * earned)}}
	lastHour := time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC)
	if m := a.affords(hundred, false, lastHour); !m.until.Equal(time.Date(2027, 1, 2, 3, 0, 0, 0, time.UTC)) {
		t.Errorf("the month's turn alone does not fill the bucket: %v", m.until)
	}
	a.Money.Paced = lastHour
	west := time.FixedZone("west", -7*3600) // it is still the old year there, and the money is counted in UTC
	for at, want := range map[time.Time]time.Time{
		lastHour: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), lastHour.Add(30 * time.Minute).In(west): lastHour.Add(30 * time.Minute),
	} {
		if m := a.affords(hundred, false, at); !m.until.Equal(want) {
			t.Errorf("asked at %v: %v, want %v", at, m.until, want)
		}
	}
	if m := a.affords(Budget{Case: 4e6}, false, lastHour); !m.now() || m.beyond {
		t.Errorf("without a budget: %+v", m)
	}
}

// TestForgets: the account keeps the months and days that somebody still asks for, and no others.
func TestForgets(t *testing.T) {
	m := Money{
		Spent:    map[string]Dollars{"2026-03": 1, "2026-02": 1, "2026-01": 1, "2025-12": 1, "2025-03": 1},
		Critical: map[string]int{"2026-03-02": 1, "2026-03-01": 1, "2026-02-28": 1, "2025-03-02": 1},
	}
	if got := strings.Join(m.old(noon), " "); got != "2025-03 2025-12 2025-03-02 2026-02-28" {
		t.Errorf("forgets %s", got)
	}
}

func TestSlots(t *testing.T) {
	walk(t, "slots", []column{
		values("severity", "critical", "not critical"), values("critical ones that run", "0", "1", "2", "3"),
		values("others that run", "0", "1", "2", "3"),
	}, func(at entry) bool { return count3(at["critical ones that run"])+count3(at["others that run"]) <= 3 },
		func(t *testing.T, at, row entry) {
			p, a := policyAll(), Account{Running: map[string]Reservation{"over": {Until: noon, Critical: true}, "ab-own": {Until: after(1)}}}
			p.Slots, p.CriticalSlots = 3, 1
			for i := range count3(at["critical ones that run"]) {
				a.Running[fmt.Sprint("c", i)] = Reservation{Until: noon.Add(ms), Critical: true}
			}
			for i := range count3(at["others that run"]) {
				a.Running[fmt.Sprint("o", i)] = Reservation{Until: noon.Add(ms)}
			}
			if got := a.room(p, at["severity"] == "critical", noon, "ab-own"); got != (row["room"] == "yes") {
				t.Errorf("%v: room %v", at, got)
			}
		})
}

func count3(s string) int { return int(s[0] - '0') }

// TestFullOfWhatIsOver: what is over and costs something waits to be booked with its case, and the account's item stays
// small until then.
func TestFullOfWhatIsOver(t *testing.T) {
	a := Account{Running: map[string]Reservation{}}
	for i := range MaxRunning {
		a.Running[fmt.Sprint("over-", i)] = Reservation{Until: noon, Money: 1}
	}
	if a.room(policyAll(), true, noon, "ab-own") {
		t.Error("a reservation more than an account holds")
	}
	if !a.room(policyAll(), true, noon, "over-7") {
		t.Error("a case cannot take its own place")
	}
}

// bought is what a story about one case has left in the account.
type bought struct {
	w    *world
	from time.Time
	was  Money
}

func (b bought) row() entry {
	units := func(d Dollars) string {
		return map[Dollars]string{0: "none", 4e6: "one", 8e6: "two"}[d]
	}
	var reserved, spent, before Dollars
	for _, r := range b.w.account.Running {
		reserved += r.Money
	}
	for _, d := range b.w.account.Money.Spent {
		spent += d
	}
	for _, d := range b.was.Spent {
		before += d
	}
	e := entry{"reserved": units(reserved), "spent": "–", "the bucket": "as before", "critical ones today": "–"}
	if spent != before {
		e["spent"] = units(spent - before)
	}
	switch moved := b.w.account.Money.Paced.Sub(b.from); {
	case moved == earned:
		e["the bucket"] = "one less"
	case moved == 2*earned:
		e["the bucket"] = "two less"
	case moved == time.Hour:
		e["the bucket"] = "an hour less"
	case moved > 0:
		e["the bucket"] = moved.String()
	}
	day := b.from.Format(dayFormat)
	if n, there := b.w.account.Money.Critical[day]; there && n == b.was.Critical[day]+1 {
		e["critical ones today"] = "one more"
	} else if there && n == b.was.Critical[day] {
		e["critical ones today"] = "as before"
	}
	return e
}

func TestMoney(t *testing.T) {
	crit := func(a *alert.Alert) { a.Severity = alert.Critical }
	story := func(from time.Time, change func(p *Rules, m *Money), say func(a *alert.Alert), answers ...delivery.Reason) bought {
		p, was := DefaultRules(), Money{}
		p.Budget = hundred
		if change != nil {
			change(&p, &was)
		}
		w := newWorld(t, p)
		w.account.Money = was
		a, now := said("d1", alert.Triggered, from, "cycle"), from
		if say != nil {
			say(&a)
		}
		d := w.arrive(a, now)
		for i, why := range answers {
			if i > 0 { // the tick that comes when it is due
				now = w.cases[d.Case].Until
				d = w.due(d.Case, now)
			}
			if why == "tick" {
				continue
			}
			if d.Start == nil {
				t.Fatalf("nothing starts: %s %s %s", d.Verdict, d.Reason, d.Did)
			}
			w.settle(d.Start, why, now)
		}
		return bought{w, from, was}
	}
	stop := func(p *Rules, _ *Money) { p.InDoubt = StopIt }
	// giveUp is a tick after the estimate.
	giveUp := func(b bought) bought {
		for id := range b.w.cases {
			b.w.due(id, b.from.Add(time.Hour))
		}
		return b
	}
	const doubt = delivery.TimedOut
	stories := map[string]func() []bought{
		"a start":          func() []bought { return []bought{story(noon, nil, nil)} },
		"a critical start": func() []bought { return []bought{story(noon, nil, crit)} },
		"a critical start beyond the budget": func() []bought {
			return []bought{story(noon, func(_ *Rules, m *Money) { m.Spent = map[string]Dollars{"2026-03": 99e6} }, crit)}
		},
		"a critical start on the last hour of the month": func() []bought {
			return []bought{story(april.Add(-time.Hour), func(_ *Rules, m *Money) { m.Spent = map[string]Dollars{"2026-03": 99e6} }, crit)}
		},
		"accepted": func() []bought { return []bought{story(noon, nil, nil, delivery.Received)} },
		"not delivered": func() []bought {
			return []bought{story(noon, nil, nil, delivery.ConnectionFailed), story(noon, nil, nil, delivery.OutOfTime)}
		},
		"shut":                         func() []bought { return []bought{story(noon, nil, nil, delivery.Unauthorized)} },
		"refused":                      func() []bought { return []bought{story(noon, nil, nil, delivery.BadRequest)} },
		"a critical one not delivered": func() []bought { return []bought{story(noon, nil, crit, delivery.ConnectionFailed)} },
		"in doubt":                     func() []bought { return []bought{story(noon, nil, nil, doubt)} },
		"in doubt and repeated": func() []bought {
			return []bought{story(noon, nil, nil, doubt, doubt), story(noon, nil, nil, doubt, delivery.Received)}
		},
		"in doubt and given up":     func() []bought { return []bought{giveUp(story(noon, stop, nil, doubt))} },
		"started and its time over": func() []bought { return []bought{story(noon, nil, nil, delivery.Received, "tick")} },
		"without a budget": func() []bought {
			return []bought{story(noon, func(p *Rules, _ *Money) { p.Budget.Month = 0 }, crit, doubt, doubt)}
		},
		"in doubt and repeated and given up": func() []bought {
			return []bought{giveUp(story(noon, nil, nil, doubt, delivery.BadRequest))}
		},
		"in doubt and repeated again and again": func() []bought {
			return []bought{story(noon, nil, nil, doubt, doubt, doubt), story(noon, nil, nil, doubt, delivery.ConnectionFailed, doubt)}
		},
	}
	names := make([]string, 0, len(stories))
	for name := range stories {
		names = append(names, name)
	}
	walk(t, "money", []column{values("what happens", names...)}, nil, func(t *testing.T, at, row entry) {
		for i, b := range stories[at["what happens"]]() {
			for col, is := range b.row() {
				if is != row[col] {
					t.Errorf("%s (%d): %s is %s, the page says %s", at["what happens"], i, col, is, row[col])
				}
			}
		}
	})
}

// TestMoneyIsPaced: whatever comes, and however often calls fail, what is paid for in a month is at most the
// budget, with what critical cases went beyond it; and in any time no more than the bucket and what that time earns.
func TestMoneyIsPaced(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 11))
		p := DefaultRules()
		p.Slots, p.Budget = 3, Budget{Month: Dollars(60+r.IntN(200)) * 1e6, Case: 4e6, Bucket: 1 + r.IntN(6), CriticalPerDay: r.IntN(3)}
		w := newWorld(t, p)
		pace := time.Duration(float64(30*24*time.Hour) * 4e6 / float64(p.Budget.Month)).Truncate(ms)
		var paid []time.Time // starts that are not critical and may be paid for
		critical, now := map[string]int{}, noon
		for n := range 160 {
			now = now.Add(time.Duration(r.IntN(600)) * time.Minute)
			w.tickAll(now)
			a := of(fmt.Sprint(n), fmt.Sprint("d", n), alert.Triggered, now)
			crit := r.IntN(8) == 0
			if crit {
				a.Severity = alert.Critical
			}
			d := w.arrive(a, now)
			if d.Start == nil {
				if crit && d.Reason != NoSlot && critical[now.Format(dayFormat)] < p.Budget.CriticalPerDay {
					t.Fatalf("seed %d: a fresh critical alert gets %s %s", seed, d.Verdict, d.Reason)
				}
				w.arrive(of(fmt.Sprint(n), fmt.Sprint("r", n), alert.Recovered, now.Add(time.Second)), now)
				continue
			}
			answer := []delivery.Reason{delivery.Received, delivery.Received, delivery.OutOfTime, delivery.BadRequest}[r.IntN(4)]
			w.settle(d.Start, answer, now)
			if answer != delivery.Received {
				w.arrive(of(fmt.Sprint(n), fmt.Sprint("r", n), alert.Recovered, now.Add(time.Second)), now)
				continue
			}
			if crit {
				critical[now.Format(dayFormat)]++
			} else {
				paid = append(paid, now)
			}
		}
		paidWithin(t, fmt.Sprint("seed ", seed), paid, pace, p.Budget)
		for day, n := range w.account.Money.Critical {
			if n != critical[day] {
				t.Errorf("seed %d: %d critical starts counted on %s, and there were %d", seed, n, day, critical[day])
			}
		}
	}
}

// tickAll lets the tick look at every case that is not over.
func (w *world) tickAll(now time.Time) {
	for id, c := range w.cases {
		if c.State != Ended && c.State != Refused {
			w.due(id, now)
		}
	}
}

// paidWithin checks the two bounds on any stretch of time from one start to another.
func paidWithin(t *testing.T, name string, paid []time.Time, pace time.Duration, b Budget) {
	t.Helper()
	if len(paid) < 5 {
		t.Errorf("%s: only %d starts", name, len(paid))
	}
	months := map[string]Dollars{}
	for i, from := range paid {
		months[from.Format(monthFormat)] += b.Case
		for j, to := range paid[i:] {
			if most := b.Bucket + int(to.Sub(from)/pace); j+1 > most {
				t.Fatalf("%s: %d starts from %v to %v, at most %d are earned", name, j+1, from, to, most)
			}
		}
	}
	for month, sum := range months {
		if sum > b.Month {
			t.Errorf("%s: %s spent in %s of %s", name, sum, month, b.Month)
		}
	}
}

// TestARepeatIsChargedWithItsStart: a doubt that is repeated after midnight belongs to the month and the day of its start.
func TestARepeatIsChargedWithItsStart(t *testing.T) {
	p, from := DefaultRules(), april.Add(-30*time.Second)
	p.Budget = hundred
	w := newWorld(t, p)
	a := said("d1", alert.Triggered, from, "cycle")
	a.Severity = alert.Critical
	d := w.arrive(a, from)
	w.settle(d.Start, delivery.TimedOut, from)
	w.settle(w.due(d.Case, from.Add(time.Minute)).Start, delivery.Received, from.Add(time.Minute))
	res := w.account.Running[d.Case]
	if res.Month != "2026-03" || res.Day != "2026-03-31" || res.Money != 8e6 {
		t.Errorf("it reserves %+v", res)
	}
	if c := w.account.Money.Critical; len(c) != 1 || c["2026-03-31"] != 1 {
		t.Errorf("critical ones: %v", c)
	}
	w.due(d.Case, from.Add(time.Hour))
	if s := w.account.Money.Spent; len(s) != 1 || s["2026-03"] != 8e6 {
		t.Errorf("spent: %v", s)
	}
}

// TestABudgetTakenAway: what a start has reserved under a budget is booked, though its repeat knows of none any more.
func TestABudgetTakenAway(t *testing.T) {
	p := DefaultRules()
	p.Budget = hundred
	w := newWorld(t, p)
	d := w.arrive(said("d1", alert.Triggered, noon, "cycle"), noon)
	w.settle(d.Start, delivery.TimedOut, noon)
	w.p.Budget = Budget{}
	w.settle(w.due(d.Case, after(2)).Start, delivery.Received, after(2))
	w.due(d.Case, after(60))
	if s := w.account.Money.Spent["2026-03"]; s != 4e6 || len(w.account.Running) > 0 {
		t.Errorf("spent %s, running %v", s, w.account.Running)
	}
}

// TestTheTickGoesBeyond: a critical case that waited for a slot goes beyond the budget like one that did not, and says
// so; what somebody asked for is paid for without an alarm.
func TestTheTickGoesBeyond(t *testing.T) {
	for _, tt := range []struct {
		why    string
		change func(c *Case)
		did    Did
		beyond bool
	}{
		{"critical", func(c *Case) { c.Severity = alert.Critical }, Starts, true},
		{"not critical", func(*Case) {}, Explains, false},
		{"asked for", func(c *Case) { c.Hand = ordered(0) }, Starts, false},
		{"asked for and critical", func(c *Case) { c.Severity, c.Hand = alert.Critical, ordered(0) }, Starts, false},
	} {
		c, p := caseIn("waiting", "ab-own"), policyAll()
		p.Budget = hundred
		tt.change(&c)
		v := viewOf(Incident{}, c)
		v.Account.Money.Spent = map[string]Dollars{"2026-03": 98e6}
		d := dueWith(t, v, c, p)
		if d.Did != tt.did || d.Start != nil && d.Start.Beyond != tt.beyond {
			t.Errorf("%s: %s, beyond the budget %v", tt.why, d.Did, d.Start)
		}
	}
}

// TestAChangedBudgetCountsAtOnce: what was saved up, or owed, was reckoned by the budget as it was. A larger one is of use
// from the next decision on, and not when the old one's refill has caught up; what was spent counts whatever changes.
func TestAChangedBudgetCountsAtOnce(t *testing.T) {
	a := Account{Agent: "default", Money: Money{Spent: map[string]Dollars{"2026-03": 100e6}}}
	a.Money.Paced, a.Money.Budget = april, hundred.Month // critical ones went beyond it
	larger, smaller := hundred, hundred
	larger.Month, smaller.Month = 300e6, 90e6
	for _, tt := range []struct {
		name  string
		b     Budget
		until time.Time
	}{{"as it was", hundred, april}, {"larger", larger, noon}, {"smaller", smaller, april}} {
		if m := a.affords(tt.b, false, noon); !m.until.Equal(tt.until) {
			t.Errorf("%s: until %v, want %v", tt.name, m.until, tt.until)
		}
	}
	p := DefaultRules()
	p.Budget = larger // one is earned every 9 h 36 min
	for n, wantNow := range []bool{true, true, true, true, true, false} {
		if m := a.affords(larger, false, noon); m.now() != wantNow {
			t.Fatalf("start %d: %+v", n+1, m)
		}
		c := claim(caseIn("waiting", fmt.Sprint("ab-", n)), false, noon)
		w := reserve(a, claimOf(c, alert.Alert{}, a, p, noon), p, noon)
		if want := noon.Add(time.Duration(n+1) * earned / 3); !w.Paced.Equal(want) || w.Budget != larger.Month {
			t.Errorf("start %d: paced to %v by %s, want %v", n+1, w.Paced, w.Budget, want)
		}
		a.Money.Paced, a.Money.Budget = w.Paced, w.Budget
	}
}

// TestNoneBeyondTheBudget: where no critical case may go beyond the budget, tomorrow is no better than today.
func TestNoneBeyondTheBudget(t *testing.T) {
	b := hundred
	b.CriticalPerDay = 0
	a := Account{Money: Money{Spent: map[string]Dollars{"2026-03": 100e6}}}
	if m := a.affords(b, true, noon); !m.until.Equal(april) || m.beyond {
		t.Errorf("%+v, want to wait for the turn of the month", m)
	}
}
