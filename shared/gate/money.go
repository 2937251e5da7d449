package gate

import (
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// The months and days that money is counted by. AWS bills by the calendar month in UTC, and so does this.
const (
	monthFormat = "2006-01"
	dayFormat   = "2006-01-02"
)

// refill is the time over which a month's money is earned. It is one length for all months, so that what can be spent in
// any 30 days is bounded too.
const refill = 30 * 24 * time.Hour

// money says whether a start can be paid for.
type money struct {
	asked  time.Time
	until  time.Time // when it can be; asked, if it can be now
	beyond bool      // it can be now only because critical cases go beyond the budget
}

func (m money) now() bool { return !m.until.After(m.asked) }

// affords asks for the money of one more investigation.
func (d arrival) affords(crit bool) money { return d.Account.affords(d.r.Budget, crit, d.now) }

// affords asks for the money of one more investigation. What runs counts with what it is reckoned to cost.
func (a Account) affords(b Budget, crit bool, now time.Time) money {
	m := money{asked: now, until: now}
	if b.Month <= 0 {
		return m
	}
	if a.Spent(now)+b.Case > b.Month {
		m.until = nextMonth(now)
	}
	if saved := a.Money.paced(b).Add(-time.Duration(max(b.Bucket, 1)-1) * b.pace()); saved.After(m.until) {
		m.until = saved
	}
	if !crit || m.now() || b.CriticalPerDay <= 0 {
		return m
	}
	if a.Money.Critical[now.UTC().Format(dayFormat)] < b.CriticalPerDay {
		return money{asked: now, until: now, beyond: true}
	}
	if day := nextDay(now); day.Before(m.until) {
		m.until = day
	}
	return m
}

// paced is Money.Paced, as far as it was reckoned by this budget. One that was changed begins with a full bucket: else a
// larger one would be of no use until the smaller one's refill had caught up. What the month has cost counts all the same.
func (m Money) paced(b Budget) time.Time {
	if m.Budget != 0 && m.Budget != b.Month {
		return time.Time{}
	}
	return m.Paced
}

// Spent is what the account has spent in the month of now, UTC; what is running counts with what it is reckoned to cost.
func (a Account) Spent(now time.Time) Dollars {
	month := now.UTC().Format(monthFormat)
	sum := a.Money.Spent[month]
	for _, res := range a.Running {
		if res.Month == month {
			sum += res.Money
		}
	}
	return sum
}

// pace is how long the refill takes to earn one investigation.
func (b Budget) pace() time.Duration {
	if b.Month <= 0 {
		return 0
	}
	return time.Duration(float64(refill) * float64(b.Case) / float64(b.Month)).Truncate(time.Millisecond) // as it is kept
}

// claimOf is the right to call the Agent, with what has to be reserved for it. A start in doubt that is repeated may
// have been taken before: it is reckoned to cost as much again, once.
func claimOf(c Case, lead alert.Alert, a Account, r Rules, now time.Time) Claim {
	held := a.Running[c.ID]
	res := held
	res.Attempt, res.Until, res.Critical = c.Attempt, now.Add(r.Estimate), critical(c.Severity)
	if b := r.Budget; b.Month > 0 {
		res.Money = max(held.Money, min(held.Money+b.Case, 2*b.Case))
		if held.Money <= b.Case { // neither the second nor a later repeat
			res.Pace += a.moves(b, res.Critical, now)
		}
		if held.Month == "" {
			res.Month = now.UTC().Format(monthFormat)
		}
		if held.Day == "" && res.Critical {
			res.Day = now.UTC().Format(dayFormat)
		}
	}
	return Claim{Case: c, Lead: lead, Until: res.Until, Held: res, Down: a.Down, Once: r.InDoubt == StopIt, Followed: r.Followed, Tells: r.Tells}
}

// moves is by how much a start moves Money.Paced on. A critical start that goes beyond the budget uses up what this
// month has left, never the next month's.
func (a Account) moves(b Budget, crit bool, now time.Time) time.Duration {
	from := later(a.Money.paced(b), now)
	to := from.Add(b.pace())
	if end := nextMonth(now); crit && to.After(end) {
		to = later(from, end)
	}
	return to.Sub(from)
}

// reserve puts the claim's reservation, and takes away those that are over and cost nothing: they hold no slot, and
// without this the account's item would grow with every start for as long as no tick comes. Those that cost something
// are booked by the tick, together with their case.
func reserve(a Account, cl Claim, r Rules, now time.Time) *AccountWrite {
	w := &AccountWrite{Agent: a.Agent, Read: a.Version, Put: map[string]Reservation{cl.Case.ID: cl.Held}}
	for id, res := range a.Running {
		if id != cl.Case.ID && !res.Until.After(now) && res.Money == 0 {
			w.Drop = append(w.Drop, id)
		}
	}
	slices.Sort(w.Drop)
	held := a.Running[cl.Case.ID]
	w.Paced, w.Budget = a.Money.Paced, a.Money.Budget
	if moved := cl.Held.Pace - held.Pace; moved > 0 {
		w.Paced, w.Budget = later(a.Money.paced(r.Budget), now).Add(moved), r.Budget.Month
	}
	if cl.Held.Day != "" && held.Day == "" {
		w.Critical = map[string]int{cl.Held.Day: a.Money.Critical[cl.Held.Day] + 1}
	}
	w.Forget = a.Money.old(now)
	return w
}

// old names the months and days that nobody asks for any more: those before the last month, and before yesterday.
func (m Money) old(now time.Time) []string {
	names := before(m.Spent, now.AddDate(0, 0, -35), monthFormat)
	return append(names, before(m.Critical, now.AddDate(0, 0, -1), dayFormat)...)
}

// before lists, in order, what is kept for times before t.
func before[V any](kept map[string]V, t time.Time, format string) []string {
	if len(kept) == 0 {
		return nil
	}
	var names []string
	first := t.UTC().Format(format)
	for name := range kept {
		if name < first {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// gives is what a reservation gives back that nothing was paid for; nil for nothing.
func (r Reservation) gives() *Back {
	if r.Pace == 0 && r.Day == "" {
		return nil
	}
	return &Back{Pace: r.Pace, Day: r.Day}
}

// books is what a reservation whose time is over adds to what a month has cost.
func (r Reservation) books() map[string]Dollars {
	if r.Money == 0 {
		return nil
	}
	return map[string]Dollars{r.Month: r.Money}
}

func nextMonth(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
}

func nextDay(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
