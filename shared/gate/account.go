package gate

import (
	"hash/fnv"
	"strconv"
	"time"
)

// room tells whether one more investigation fits, apart from the case's own reservation. The slots that are kept for
// critical cases count as taken for all others, but for those that critical cases have taken already. What is over and
// not booked yet holds no slot, but its place in the account.
func (a Account) room(r Rules, crit bool, now time.Time, except string) bool {
	active, kept := 0, r.CriticalSlots
	for id, res := range a.Running {
		if id == except || !res.Until.After(now) {
			continue
		}
		active++
		if res.Critical {
			kept--
		}
	}
	if !crit {
		active += max(kept, 0)
	}
	return active < r.slots() && a.places(now, except) < MaxRunning
}

// places counts the reservations that stay in the account, apart from the case's own: what is over and cost nothing is
// taken away by the next one.
func (a Account) places(now time.Time, except string) int {
	n := 0
	for id, res := range a.Running {
		if id != except && (res.Until.After(now) || res.Money > 0) {
			n++
		}
	}
	return n
}

// closed says why nothing can be started now, "" when something can.
func (a Account) closed(now time.Time) Why {
	switch {
	case !a.Shut.Since.IsZero():
		return WhyAgentShut
	case a.Down.Until.After(now):
		return WhyAgentDown
	}
	return ""
}

// after is the account's health after a call that did not reach the Agent, or ended in doubt. Doubts alone count as
// trouble only from the third in a row: one lost answer says little. A rest that the Agent asks for it gets whatever
// is counted.
//
// Calls that were under way together fail together: while the account is down already, one more failure makes it no
// worse.
func (d Down) after(inDoubt bool, now time.Time, atLeast time.Duration, caseID string, attempt int) Down {
	n, rest := d, min(atLeast, MaxRest)
	switch {
	case d.Until.After(now):
	case inDoubt:
		if n.Doubts++; n.Doubts >= 3 {
			rest = max(rest, backoff(n.Doubts-2, caseID, attempt))
		}
	default:
		n.Fails++
		rest = max(rest, backoff(n.Fails, caseID, attempt))
	}
	if until := now.Add(rest); rest > 0 && until.After(n.Until) {
		n.Until = until
	}
	return n
}

// backoff doubles from half a minute to eight minutes, plus or minus a fifth, so that many bridges which lost one
// Agent together do not come back together. The jitter comes from the case: the gate has no dice.
func backoff(times int, caseID string, attempt int) time.Duration {
	d := 30 * time.Second << min(max(times, 1)-1, 4)
	h := fnv.New32a()
	h.Write([]byte(caseID + "/" + strconv.Itoa(attempt)))
	return d + d*time.Duration(int64(h.Sum32()%401)-200)/1000
}
