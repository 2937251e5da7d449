package promises

import (
	"time"

	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// moved judges what a tick or a settled call makes of cases.
func (m *Model) moved(c Commit) {
	for _, w := range c.Change.Cases {
		k := m.cases[w.Now.ID]
		switch {
		case k == nil:
			m.broken("2", "the case %s was opened without an alert", w.Now.ID)
		case w.Read.Version == w.Now.Version: // a condition, or a count
		case w.Read.State != k.state:
			m.broken("3", "the case %s goes from %s, and was %s", k.id, w.Read.State, k.state)
		case spoken(k, w, c):
			m.learns(k, w, c)
		case w.Now.State != gate.Starting || k.state == gate.Starting:
			m.move(k, w, c)
		default:
			m.starts(k, c)
		}
	}
}

// starts: what the tick starts must be due.
func (m *Model) starts(k *kase, c Commit) {
	now := c.Change.At
	r := k.rules
	switch {
	case k.state == gate.InDoubt && !k.hand && (r.InDoubt != gate.RepeatIt || k.noRepeat || k.doubts > repeats):
		m.broken("3", "the start of %s is repeated after %d doubts (%s, refused once: %t)", k.id, k.doubts, r.InDoubt, k.noRepeat)
	case k.state == gate.InDoubt && !k.hand && r.Followed && !k.gone():
		m.broken("3", "the start of %s is repeated, and the Agent's API has not said that it has no task of it (absent %s, called %s)", k.id, clock(k.absent), clock(k.called))
	case k.state == gate.InDoubt && now.Before(k.until):
		m.broken("3", "the start of %s is repeated before %s", k.id, clock(k.until))
	case k.state == gate.InDoubt && !k.hand && c.Alone && (m.muted(k, now) && !m.unsure(k, now) || m.observed(k, now)):
		m.broken("4", "the start of %s is muted by now, or only observed, and is repeated", k.id)
	case k.state == gate.Refused && !k.hand:
		m.broken("3", "the case %s was refused, and is started", k.id)
	case k.state == gate.Waiting && !k.hand && c.Alone && m.held(k, now):
		m.broken("4", "the case %s is held until %s, and is started", k.id, clock(k.until))
	case k.state == gate.Waiting && !k.hand && c.Alone && m.muted(k, now) && !m.unsure(k, now):
		m.broken("4", "the case %s is muted, and is started", k.id)
	case k.state == gate.Waiting && !k.hand && c.Alone && m.observed(k, now):
		m.broken("4", "the case %s is only observed, and is started", k.id)
	}
}

func (m *Model) held(k *kase, now time.Time) bool {
	return (k.why == gate.WhyHold || k.why == gate.WhyStorm) && now.Before(k.until) && !k.hand
}

func (m *Model) muted(k *kase, now time.Time) bool {
	if k.hand {
		return false
	}
	mode := m.mode(k.rules, now)
	return m.allSilenced(k, now) || mode == gate.ModeOff || mode == gate.ModeCriticalOnly && !critical(k.rank)
}

// allSilenced: what opened the case and everything else in it that fires. Where there is nothing else, and the case has
// become no worse, the alert that opened it speaks for its incident, though another one under the same name may have other
// tags. What a hand has counted has none.
func (m *Model) allSilenced(k *kase, now time.Time) bool {
	if k.storm != "" || !m.silenced(k.lead, now) {
		return false
	}
	own := k.rules.Severity
	if own == 0 {
		own = k.lead.Severity
	}
	if len(k.joined) == 0 && len(k.firing) <= 1 && k.rank <= own {
		return true
	}
	for key := range k.firing {
		if key == "by hand" || !m.silenced(m.words[key], now) {
			return false
		}
	}
	return true
}

// unsure: more has joined than the case keeps by name, so it need not know that all of it is silenced.
func (m *Model) unsure(k *kase, now time.Time) bool {
	return len(k.joined) > gate.MaxMembers && m.allSilenced(k, now)
}

func (m *Model) observed(k *kase, now time.Time) bool {
	return k.shadow || m.mode(k.rules, now) == gate.ModeObserve && !k.hand
}

// again: a start in doubt is sent again where somebody or the policy wants it; a repeat can be paid for once more, so what
// mutes a start mutes it too.
func (m *Model) again(k *kase, r gate.Rules, now time.Time) bool {
	wanted := r.InDoubt == gate.RepeatIt && !k.noRepeat && k.doubts <= repeats
	return k.hand || wanted && !m.muted(k, now) && !m.observed(k, now)
}

// move judges every change of a case's state but a start.
func (m *Model) move(k *kase, w gate.CaseWrite, c Commit) {
	now, n := c.Change.At, w.Now
	r := k.rules
	acct := m.account(k.agent)
	from := k.state
	switch from {
	case gate.Waiting:
		m.waits(k, n, c)
	case gate.Starting:
		m.settles(k, w, c)
	case gate.InDoubt:
		switch n.State {
		case gate.Started:
			if m.outcomeOf(c, k.id) != delivery.Accepted {
				m.broken("6", "the case %s is started, and nobody heard the Agent accept it", k.id)
			}
			k.state, k.until = gate.Started, n.Until
		case gate.InDoubt:
			held := now.Before(acct.running[k.id].Until)
			again := m.again(k, r, now) && len(k.firing) > 0 && now.Sub(k.last) <= r.MaxAge
			if n.Resting && (again || held) && c.Alone && !m.unsure(k, now) {
				m.broken("12", "the case %s rests, and could be repeated (%t) or holds its slot (%t)", k.id, again, held)
			}
			k.resting = n.Resting
			if r.Followed {
				m.lets(k, acct, c)
			} else {
				m.books(k, acct, c)
			}
		default:
			m.broken("3", "the case %s goes from in doubt to %s", k.id, n.State)
		}
	case gate.Started:
		if n.State != gate.Ended || n.How != gate.EndAssumed {
			m.broken("3", "the case %s goes from started to %s (%s)", k.id, n.State, n.How)
		}
		if now.Before(k.until) {
			m.broken("slots", "the case %s ends before its estimated end %s", k.id, clock(k.until))
		}
		k.state, k.how, k.until = gate.Ended, gate.EndAssumed, now
		m.books(k, acct, c)
	default:
		m.broken("3", "the case %s goes from %s to %s", k.id, from, n.State)
	}
	m.equal(k, n, c.Alone && from != gate.Starting)
}

// waits judges what becomes of a case that waits and is not started.
func (m *Model) waits(k *kase, n gate.Case, c Commit) {
	now := c.Change.At
	r := k.rules
	old := now.Sub(k.last) > r.MaxAge
	acct := m.account(k.agent)
	wrong := false
	switch n.State {
	case gate.Ended:
		switch n.How {
		case gate.EndRecovered:
			wrong = len(k.firing) > 0
		case gate.EndExpired:
			wrong = !old
		case gate.EndSilenced:
			wrong = !m.muted(k, now) && c.Alone
		case gate.EndObserved:
			wrong = (!m.observed(k, now) || m.held(k, now)) && c.Alone || len(k.firing) == 0
			k.start = now
		default:
			wrong = true
		}
		k.state, k.how, k.why, k.until = gate.Ended, n.How, "", now
	case gate.Waiting:
		wrong = k.why == n.Why && k.until.Equal(n.Until) // it says nothing new
		switch n.Why {
		case gate.WhySlots:
			wrong = wrong || acct.room(r, critical(k.rank), now, k.id) || k.why == n.Why
			k.until = now // since when it waits for it
		case gate.WhyBudget:
			k.until = acct.affords(r.Budget, critical(k.rank), now)
			wrong = wrong || !k.until.After(now)
		case gate.WhyAgentDown:
			wrong = wrong || acct.closed(now) != gate.WhyAgentDown
			k.until = acct.downTill
		case gate.WhyAgentShut:
			wrong = wrong || !acct.shut || k.why == n.Why
			k.until = now
		default:
			wrong = true
		}
		wrong = wrong && c.Alone
		k.why = n.Why
		if !c.Alone {
			k.until = n.Until
		}
	default:
		wrong = true
	}
	if wrong {
		m.broken("4", "the case %s (%d fire, last %s) goes from waiting to %s (%s%s)", k.id, len(k.firing), clock(k.last), n.State, n.Why, n.How)
	}
}

// settles judges what a call is said to have come to.
func (m *Model) settles(k *kase, w gate.CaseWrite, c Commit) {
	now, n := c.Change.At, w.Now
	call, called := m.calls[calling{c.Invocation, k.id}]
	acct := m.account(k.agent)
	if c.Tick && !called && n.State == gate.InDoubt && n.Doubts == k.doubts+1 { // a lease is over
		if !now.After(k.until) {
			m.broken("3", "the case %s is taken for a doubt before its lease is over at %s", k.id, clock(k.until))
		}
		k.state, k.doubts, k.until = gate.InDoubt, n.Doubts, now.Add(rest(n.Doubts))
		m.doubted(k, n)
		return
	}
	outcome := delivery.NotDelivered
	if called {
		outcome = call.Outcome
	}
	want := map[delivery.Outcome]gate.State{
		delivery.Accepted: gate.Started, delivery.NotDelivered: gate.Waiting, delivery.Shut: gate.Waiting,
		delivery.Refused: gate.Refused, delivery.InDoubt: gate.InDoubt,
	}[outcome]
	if k.doubts > 0 && outcome != delivery.Accepted {
		want = gate.InDoubt
	}
	if n.State != want {
		m.broken("6", "the call for %s came to %s, and the case is %s, not %s (doubts %d)", k.id, outcome, n.State, want, k.doubts)
	}
	doubts := k.doubts
	if outcome == delivery.InDoubt {
		doubts++
	}
	k.doubts, k.noRepeat = doubts, k.noRepeat || outcome == delivery.Refused && want == gate.InDoubt
	if outcome == delivery.InDoubt {
		m.doubted(k, n)
	} else if k.noRepeat != n.NoRepeat {
		m.broken("3", "the Agent refused a repeat of %s (%t), and the case says %t", k.id, k.noRepeat, n.NoRepeat)
	}
	if outcome == delivery.Refused {
		k.hand = false // the order was for this one start
	}
	k.state = n.State
	switch n.State {
	case gate.Started:
		k.until = acct.running[k.id].Until
		if first := now.Add(firstAsk); k.rules.Followed && first.Before(k.until) {
			k.until = first
		}
	case gate.Waiting:
		k.why, k.until = gate.WhyAgentDown, n.Until
		if outcome == delivery.Shut {
			k.why, k.until = gate.WhyAgentShut, now
		}
		m.gives(k, acct, c)
	case gate.Refused:
		k.until = now
		m.gives(k, acct, c)
	case gate.InDoubt:
		k.until = now.Add(rest(doubts))
		if w := c.Change.Account; outcome == delivery.NotDelivered && w != nil && w.Down != nil && w.Down.Until.After(k.until) {
			k.until = w.Down.Until
		}
	}
	m.health(k, acct, c, outcome, called, now)
	if (n.State == gate.Waiting || n.State == gate.Refused) && (c.Change.Account == nil || len(c.Change.Account.Drop) != 1) {
		m.broken("slots", "the case %s was not paid for, and keeps its reservation", k.id)
	}
}

// doubted: whether a doubt is repeated by itself the policy says when the doubt begins, and an order by hand is used up.
func (m *Model) doubted(k *kase, n gate.Case) {
	k.noRepeat = k.noRepeat || k.rules.InDoubt == gate.StopIt
	k.hand = false
	if n.NoRepeat != k.noRepeat {
		m.broken("3", "the doubt about %s is not to be repeated (%t), and the case says %t", k.id, k.noRepeat, n.NoRepeat)
	}
}

// gives: what nothing was paid for is given back whole.
func (m *Model) gives(k *kase, acct *account, c Commit) {
	res := acct.running[k.id]
	back := gate.Back{}
	if w := c.Change.Account; w != nil && w.Back != nil {
		back = *w.Back
	}
	if back.Pace != res.Pace || back.Day != res.Day {
		m.broken("money", "the start of %s was not paid for, and gives back %+v of %+v", k.id, back, res)
	}
	acct.give(k.id)
}

// health: what a call says of the Agent is written down with it.
func (m *Model) health(k *kase, acct *account, c Commit, outcome delivery.Outcome, called bool, now time.Time) {
	w := c.Change.Account
	switch {
	case outcome == delivery.Shut && (w == nil || w.Shut == nil || w.Shut.Since.IsZero()):
		m.broken("12", "the Agent %s shuts its door, and the account does not say so", acct.name)
	case outcome == delivery.NotDelivered && called && (w == nil || w.Down == nil || !w.Down.Until.After(now)):
		m.broken("12", "the Agent %s cannot be reached, and the account does not rest", acct.name)
	case w != nil && w.Down != nil && w.Down.Until.Sub(now) > 16*time.Minute:
		m.broken("12", "the account %s rests until %s", acct.name, clock(w.Down.Until))
	}
	if !called || acct.down.Until.After(now) || outcome == delivery.Accepted && k.wasDown != acct.down { // it rests already, or others have counted since
		return
	}
	m.counted(acct, w, outcome, now)
	m.rests(acct, w, outcome, m.calls[calling{c.Invocation, k.id}].Rest, now)
}

// rests: after a failure the account rests for half a minute, and for twice as long after each further one, to eight
// minutes; a fifth more or less, and as long as the Agent asks for.
func (m *Model) rests(acct *account, w *gate.AccountWrite, outcome delivery.Outcome, asked time.Duration, now time.Time) {
	if w == nil || w.Down == nil {
		return
	}
	row := 0
	switch outcome {
	case delivery.NotDelivered:
		row = acct.down.Fails + 1
	case delivery.InDoubt:
		row = acct.down.Doubts - 1 // the third is the first of a row
	}
	if row < 1 {
		return
	}
	usual := 30 * time.Second << min(row-1, 4)
	rest := w.Down.Until.Sub(now)
	if least, most := max(usual*4/5, asked), max(usual*6/5, asked); rest < least || rest > most {
		m.broken("12", "the account %s rests for %s, and should for %s to %s", acct.name, rest, least, most)
	}
}

// counted: each failure of a row is counted, a third doubt in a row lets the account rest, and an answer ends the row.
func (m *Model) counted(acct *account, w *gate.AccountWrite, outcome delivery.Outcome, now time.Time) {
	got, want := acct.down, acct.down
	if w != nil && w.Down != nil {
		got = *w.Down
	}
	switch outcome {
	case delivery.Accepted:
		want = gate.Down{}
	case delivery.NotDelivered:
		want.Fails++
	case delivery.InDoubt:
		want.Doubts++
	}
	rests := got.Until.After(now)
	if got.Fails != want.Fails || got.Doubts != want.Doubts || outcome == delivery.InDoubt && rests != (want.Doubts >= 3) {
		m.broken("12", "a call of %s came to %s, and the account counts %+v after %+v", acct.name, outcome, got, acct.down)
	}
}

// books: a reservation whose time is over is booked by the commit that ends it.
func (m *Model) books(k *kase, acct *account, c Commit) {
	res, there := acct.running[k.id]
	w := c.Change.Account
	if there && res.Money > 0 && (w == nil || w.Spend[res.Month] != res.Money) {
		m.broken("money", "the case %s cost %s, and its end books something else", k.id, res.Money)
	}
	acct.book(k.id)
}
