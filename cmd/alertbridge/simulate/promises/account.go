package promises

import (
	"maps"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// account is what one Agent costs, and how it is.
type account struct {
	name     string
	running  map[string]gate.Reservation
	shut     bool
	mended   bool // there is a newer secret than the one that it was shut by
	downTill time.Time
	down     gate.Down
	rested   time.Time // till when it was down, before it was last found to be up
	woke     time.Time // when that was
	spent    map[string]gate.Dollars
	paced    time.Time
	critical map[string]int
	eased    time.Time // when a repeat that has become critical last left its ordinary slot to others
	freed    time.Time // when the Agent's word, or its silence, last gave back money or a slot
	dropped  []drop    // reservations that cost nothing, were over, and were forgotten with a start
	orgs     []string  // by which a dropped alert is found
}

// drop is a reservation that was forgotten at a time.
type drop struct {
	gate.Reservation
	id string
	at time.Time
}

func (m *Model) account(name string) *account {
	if m.accounts[name] == nil {
		m.accounts[name] = &account{
			name: name, running: map[string]gate.Reservation{}, spent: map[string]gate.Dollars{}, critical: map[string]int{},
		}
	}
	return m.accounts[name]
}

func (a *account) closed(now time.Time) gate.Why {
	if a.shut {
		return gate.WhyAgentShut
	}
	if now.Before(a.downTill) {
		return gate.WhyAgentDown
	}
	return ""
}

// wasClosed is closed as it was at a time: a tick that looks at one case while the Agent rests can find it up with a later one.
func (a *account) wasClosed(then time.Time) gate.Why {
	if then.Before(a.rested) && then.Before(a.woke) {
		return gate.WhyAgentDown
	}
	return a.closed(then)
}

// room: all slots for critical cases; for others, those that are left when the critical ones have theirs.
func (a *account) room(r gate.Rules, critical bool, now time.Time, except string) bool {
	return roomAmong(a.running, r, critical, now, except)
}

// hadRoom is room as it was at a time: with what has been forgotten since, and was not over then. A tick goes by the time
// at which it looks at a case, and forgets what was over only with a later start.
func (a *account) hadRoom(r gate.Rules, critical bool, then time.Time, except string) bool {
	running := maps.Clone(a.running)
	for _, d := range a.dropped {
		if _, again := running[d.id]; d.at.After(then) && !again {
			running[d.id] = d.Reservation
		}
	}
	return roomAmong(running, r, critical, then, except)
}

func roomAmong(running map[string]gate.Reservation, r gate.Rules, critical bool, now time.Time, except string) bool {
	slots := r.Slots
	if slots == 0 {
		slots = gate.MaxRunning
	}
	others, crits := 0, 0
	for id, res := range running {
		if id == except || !now.Before(res.Until) {
			continue
		}
		if res.Critical {
			crits++
		} else {
			others++
		}
	}
	if critical {
		return others+crits < slots
	}
	return others+max(crits, r.CriticalSlots) < slots
}

// affords is when the start of one more case can be paid for: not after now, if it can be now.
func (a *account) affords(b gate.Budget, critical bool, now time.Time) time.Time {
	if b.Month == 0 {
		return now
	}
	now = now.UTC()
	when := now
	spent := a.spent[month(now)]
	for _, res := range a.running {
		if res.Month == month(now) {
			spent += res.Money
		}
	}
	if spent+b.Case > b.Month {
		when = firstOf(now)
	}
	if saved := a.paced.Add(-time.Duration(max(b.Bucket-1, 0)) * pace(b)); saved.After(when) {
		when = saved
	}
	if !critical || !when.After(now) {
		return when
	}
	if a.critical[day(now)] < b.CriticalPerDay {
		return now
	}
	if tomorrow := now.Truncate(24 * time.Hour).Add(24 * time.Hour); tomorrow.Before(when) {
		return tomorrow
	}
	return when
}

// pace is how long it takes to earn the price of one investigation: the month's money over 30 days.
func pace(b gate.Budget) time.Duration {
	if b.Month == 0 {
		return 0
	}
	return time.Duration(float64(30*24*time.Hour) * float64(b.Case) / float64(b.Month))
}

func month(t time.Time) string { return t.UTC().Format("2006-01") }
func day(t time.Time) string   { return t.UTC().Format("2006-01-02") }

func firstOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, 1, 0)
}

// holds is what a start at now has to reserve.
func (a *account) holds(id string, critical bool, r gate.Rules, now time.Time) gate.Reservation {
	held, there := a.running[id]
	res := gate.Reservation{Until: now.Add(r.Estimate), Critical: critical}
	b := r.Budget
	if b.Month == 0 {
		return res
	}
	res.Money, res.Month, res.Day, res.Pace = held.Money+b.Case, held.Month, held.Day, held.Pace
	if res.Money > 2*b.Case { // the second of them may have been taken; a third one speaks for the same task
		res.Money = 2 * b.Case
	}
	if !there || held.Month == "" {
		res.Month = month(now)
	}
	if critical && held.Day == "" {
		res.Day = day(now)
	}
	if held.Money <= b.Case {
		from := a.paced
		if from.Before(now) {
			from = now
		}
		to := from.Add(pace(b))
		if end := firstOf(now.UTC()); critical && to.After(end) {
			if to = end; from.After(end) {
				to = from
			}
		}
		res.Pace += to.Sub(from)
	}
	return res
}

// reserve takes the money of a start.
func (a *account) reserve(id string, res gate.Reservation, now time.Time) {
	held := a.running[id]
	if moved := res.Pace - held.Pace; moved > 0 {
		if a.paced.Before(now) {
			a.paced = now
		}
		a.paced = a.paced.Add(moved)
	}
	if res.Day != "" && held.Day == "" {
		a.critical[res.Day]++
	}
	if !held.Until.IsZero() && !held.Critical && res.Critical {
		a.eased = now
	}
	a.running[id] = res
}

// forgets: what cost nothing may be forgotten when it is over, with the reservation of another case.
func (a *account) forgets(other string, w gate.AccountWrite, now time.Time) {
	for id, x := range a.running {
		if id != other && !x.Until.After(now) && x.Money == 0 && slices.Contains(w.Drop, id) {
			a.dropped = append(a.dropped, drop{x, id, now})
			delete(a.running, id)
		}
	}
}

// give takes a reservation back for which nothing was paid.
func (a *account) give(id string) {
	res, there := a.running[id]
	if !there {
		return
	}
	a.paced = a.paced.Add(-res.Pace)
	if res.Day != "" {
		a.critical[res.Day]--
	}
	delete(a.running, id)
}

// book ends a reservation whose time is over.
func (a *account) book(id string) {
	res, there := a.running[id]
	if !there {
		return
	}
	if res.Money > 0 {
		a.spent[res.Month] += res.Money
	}
	delete(a.running, id)
}
