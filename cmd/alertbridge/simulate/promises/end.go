package promises

import (
	"maps"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Called judges a request to an Agent. It is told of every request that left, and of the call's outcome.
func (m *Model) Called(c Call) {
	m.now = c.At
	m.calls[calling{c.Invocation, c.Case}] = c
	k := m.cases[c.Case]
	switch {
	case k == nil:
		m.broken("3", "the Agent was called for %q, which is no case", c.Case)
		return
	case k.state != gate.Starting && c.Left && !(k.state == gate.Started && k.confirmed() && (k.asked || k.lied)): // its word came in between
		m.broken("3", "the Agent was called for %s, which is %s", k.id, k.state)
	}
	if want := k.lead.Time.UTC().Format("2006-01-02T15:04:05.000Z"); c.Timestamp != want || c.Priority != k.rank.String() {
		m.broken("3", "the Agent is told of %s as %s at %s, and it is %s at %s", k.id, c.Priority, c.Timestamp, k.rank, want)
	}
	if !c.Left {
		return
	}
	if k.rules.Followed && c.Taken && c.Opened > 0 && !k.asked && !k.lied {
		m.broken("3", "the Agent has %d investigations of %s, and is asked for one more", c.Opened, k.id)
	}
	k.lied = k.lied || c.Lies
	before := m.perCase[c.Case]
	if n := len(before); n > 0 {
		if before[0].Timestamp != c.Timestamp {
			m.broken("3", "%s was sent again with another timestamp: %s, then %s", c.Case, before[0].Timestamp, c.Timestamp)
		}
		if !k.doubtful(n) {
			m.broken("3", "%s was sent %d times after %d doubts", c.Case, n+1, k.doubts)
		}
	}
	if c.Outcome != delivery.NotDelivered && c.Outcome != delivery.Shut && c.Outcome != delivery.Refused {
		m.perCase[c.Case] = append(before, c)
	}
}

// doubtful: every request before this one has raised a doubt.
func (k *kase) doubtful(requests int) bool { return k.doubts >= requests }

// Ticked judges what a tick that nobody disturbed has left: whatever was due at its beginning is done. One that was quiet,
// and has changed nothing, has also left nothing with a wrong reason.
func (m *Model) Ticked(at, local time.Time, quiet bool, policyAgents []string) {
	m.now = at
	for _, name := range policyAgents {
		a := m.account(name)
		if a.shut && a.mended {
			m.broken("12", "the secret of %s was mended, and a tick left its account shut", name)
		}
		for _, k := range m.order {
			if k.agent == name && k.state != gate.Ended {
				m.left(k, a, quiet, local)
			}
		}
	}
}

// Done judges an invocation that came to its end, and that no fault has met: what it claimed it has settled, and unless
// others were in its way it has not failed.
func (m *Model) Done(invocation int, at time.Time, failed bool) {
	m.now = at
	if failed {
		m.broken("2", "invocation %d failed, and nothing was in its way", invocation)
	}
	for _, k := range m.order {
		if k.state == gate.Starting && k.claimedBy == invocation {
			m.broken("3", "the start of %s was claimed, and its call was not settled", k.id)
		}
	}
}

// LostRaces judges an invocation that had time enough, and whose commits at most lost races or had answers that nobody
// knows: it reads again, or leaves it to the next tick, and has not failed.
func (m *Model) LostRaces(invocation int, at time.Time, failed bool) {
	m.now = at
	if failed {
		m.broken("2", "invocation %d failed, and has only lost races", invocation)
	}
}

func (m *Model) left(k *kase, a *account, quiet bool, now time.Time) {
	r := k.rules
	switch k.state {
	case gate.Waiting:
		switch {
		case len(k.firing) == 0:
			m.broken("4", "the case %s has recovered, and a tick left it waiting", k.id)
		case now.Sub(k.last) > r.MaxAge:
			m.broken("12", "the case %s is too old, and a tick left it waiting", k.id)
		case m.unsure(k, now):
		case m.muted(k, now):
			m.broken("4", "the case %s is muted, and a tick left it waiting", k.id)
		case m.held(k, now):
		case a.closed(now) != "" && !k.shadow:
			m.says(k, a.closed(now), quiet)
		case m.observed(k, now):
			m.broken("4", "the case %s is only observed and due, and a tick left it waiting", k.id)
		case !k.hand && a.affords(r.Budget, critical(k.rank), now).After(now):
			m.says(k, gate.WhyBudget, quiet)
		case !a.hadRoom(r, critical(k.rank), now, k.id):
			m.says(k, gate.WhySlots, quiet)
		case now.Sub(a.eased) < time.Minute: // by this very tick, when it had looked at the case already: the next one starts it
		default:
			m.broken("12", "the case %s (%s, waits for %s) could be started, and a tick left it waiting", k.id, k.rank, k.why)
		}
		for _, b := range m.order {
			if b.agent == k.agent && b.start.Equal(now) && b.state != gate.Waiting && b.attempt == 1 && b.rank < k.rank && b.rank < 5 &&
				k.opened.Before(now) && !m.held(k, now) && !k.shadow && !k.hand && !b.asked && critical(b.rank) == critical(k.rank) && k.rank == k.lead.Severity {
				m.broken("12", "the case %s (%s) was started before %s (%s)", b.id, b.rank, k.id, k.rank)
			}
		}
	case gate.Refused:
		if k.hand && !now.Before(k.until) && len(k.firing) > 0 && a.closed(now) == "" && a.hadRoom(r, critical(k.rank), now, k.id) &&
			now.Sub(a.freed) >= time.Minute { // else by this very tick, when it had looked at the case already
			m.broken("12", "the case %s was refused and is to be started by hand, and a tick left it", k.id)
		}
	case gate.InDoubt:
		m.leftInDoubt(k, a, r, now)
	case gate.Starting:
		if now.After(k.until) {
			m.broken("12", "the lease of %s is over, and a tick left it", k.id)
		}
	case gate.Started:
		if !k.until.After(now) {
			m.broken("slots", "the investigation of %s is over by the estimate, and a tick left it", k.id)
		}
	}
}

// leftInDoubt: a start in doubt is repeated when its rest is over and there is room, or gives its slot back when nothing
// repeats it.
func (m *Model) leftInDoubt(k *kase, a *account, r gate.Rules, now time.Time) {
	before := now.Add(-gate.ClockDifference) // a clock that is set right in the middle of a tick goes back by so much
	young := before.Sub(k.last) <= r.MaxAge
	if young != (now.Add(30*time.Second).Sub(k.last) <= r.MaxAge) { // it becomes too old while the tick runs
		return
	}
	res, there := a.running[k.id]
	held := before.Before(res.Until)
	if r.Followed && !k.resting && !k.hand && !k.gone() && young {
		if !before.Before(k.until) {
			m.broken("6", "the Agent's API can be asked for %s since %s, and a tick left it", k.id, clock(k.until))
		}
		return
	}
	again := m.again(k, r, before) && len(k.firing) > 0 && young
	if m.unsure(k, now) || m.again(k, r, now) != m.again(k, r, before) { // it is muted, or not any more, while the tick runs
		return
	}
	switch {
	case before.Before(k.until): // it rests, and nobody looks at it
	case !again && there && !held && !k.resting: // a reservation that cost nothing may be gone, by another start of this tick
		m.broken("slots", "the start of %s is in doubt and not repeated any more, and a tick left it with its slot", k.id)
	case now.Sub(a.freed) < time.Minute: // by this very tick, when it had looked at the case already: the next one repeats it
	// One that rests is looked at when something fires again.
	case again && !k.resting && a.wasClosed(before) == "" && (k.hand || !a.affords(r.Budget, critical(k.rank), before).After(before)) &&
		a.hadRoom(r, critical(k.rank), before, k.id):
		m.broken("12", "the start of %s is in doubt and could be repeated since %s, and a tick left it", k.id, clock(k.until))
	}
}

// says: what a case is said to wait for is what it waits for.
func (m *Model) says(k *kase, why gate.Why, quiet bool) {
	if quiet && k.why != why {
		m.broken("7", "the case %s waits for %s, and is said to wait for %s", k.id, why, k.why)
	}
}

// Final is what is left when everything is over.
type Final struct {
	At        time.Time
	Look      func(alert.Alert) gate.View // the delivery and the incident as the ledger has them
	Accounts  map[string]gate.Account
	Bill      []Task
	DeadAfter int         // dead letters, after all were redriven in good weather
	Posts     []gate.Post // of cases, that are not over: something is to be told, or looked after
	Told      bool        // people were told in this world
}

// Ended judges a world in which nothing happens any more: all is decided, all is settled, and the sums are right.
func (m *Model) Ended(f Final) {
	m.now = f.At
	if f.DeadAfter > 0 {
		m.broken("2", "%d messages are dead letters in good weather", f.DeadAfter)
	}
	m.leftOpen(f)
	for _, id := range slices.Sorted(maps.Keys(m.accepted)) {
		if _, decided := m.decided[id]; !decided {
			m.broken("1", "delivery %s was answered with 2xx, and has no verdict", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.alerts)) {
		a := m.alerts[id]
		v := f.Look(a)
		in := m.incident(a)
		if got := v.Incident; got.Version > 0 && (!got.Fire.Equal(in.fire) || !got.Rec.Equal(in.rec) || got.Case != in.kase) {
			m.broken("8", "the incident %s ends as fire %s, rec %s, case %s, and should as %s, %s, %s", a.Incident,
				clock(got.Fire), clock(got.Rec), got.Case, clock(in.fire), clock(in.rec), in.kase)
		}
		d, decided := m.decided[id]
		if !decided {
			m.broken("2", "delivery %s has no verdict", id)
			continue
		}
		if rec := v.Delivery; rec == nil || rec.Verdict != d.Verdict || rec.Reason != d.Reason || rec.Case != d.Case {
			m.broken("2", "delivery %s got %s (%s), and the ledger says %+v", id, d.Verdict, d.Reason, rec)
		}
	}
	for _, k := range m.order {
		if k.state == gate.Waiting || k.state == gate.Starting || k.state == gate.Started || k.state == gate.InDoubt && !k.resting {
			m.broken("12", "the case %s sleeps: %s (%s) until %s", k.id, k.state, k.why, clock(k.until))
		}
	}
	m.billed(f.Bill)
	for _, name := range slices.Sorted(maps.Keys(f.Accounts)) {
		m.sums(m.account(name), f.Accounts[name])
	}
}

// sums: money and slots add up.
func (m *Model) sums(a *account, got gate.Account) {
	for id := range got.Running {
		if res, there := a.running[id]; !there || res.Money > 0 {
			m.broken("slots", "the account %s still holds a reservation for %s", a.name, id)
		}
	}
	for month, sum := range a.spent {
		if got.Money.Spent[month] != sum {
			m.broken("money", "the account %s has spent %s in %s, and says %s", a.name, sum, month, got.Money.Spent[month])
		}
	}
	for month, sum := range got.Money.Spent {
		if a.spent[month] != sum {
			m.broken("money", "the account %s has spent %s in %s, and says %s", a.name, a.spent[month], month, sum)
		}
	}
	if len(a.running) == 0 && !got.Money.Paced.Equal(a.paced) {
		m.broken("7", "the account %s is paced until %s, and says %s", a.name, clock(a.paced), clock(got.Money.Paced))
	}
}
