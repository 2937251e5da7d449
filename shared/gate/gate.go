// Package gate decides, and does nothing else.
//
// It is a pure function of what the ledger knows (View), what happened, the policy and the time. Four things happen:
// an alert arrives (Arrive), a case is due (Due), a call to the Agent has ended (Settle), and the Agent has said what
// became of its work (Learn). Each answer is a Decision: a
// verdict where an alert asked for one, and the Change that must be committed as a whole before anything else is done.
// A Decision that claims a start carries a Start; whoever commits that Change, and only he, calls the Agent.
//
// The package reads no clock, calls nobody and keeps nothing, so the dispatcher, the scheduler and every test run the
// same rules. The rules themselves are written down for people in docs/decisions.md, and a test walks that page.
//
// What keeps order, duplicates and crashes harmless:
//
//   - an alert's verdict is written in the commit that carries its effect, on condition that it has none yet;
//   - an incident keeps the highest times of "it fires" and of "it recovered", which only grow;
//   - a case that is not started counts its incidents that fire, and ends unstarted when none is left;
//   - every start raises the case's attempt, and a call is settled only by the attempt that made it;
//   - once a call is in doubt, only "accepted" ever makes the case anything but in doubt.
package gate

import (
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Verdict is what an alert was worth when it arrived. It never changes; what becomes of the case is the case's state.
type Verdict string

// The verdicts.
const (
	Start Verdict = "start" // opened a case that is started at once
	Join  Verdict = "join"  // belongs to a case that exists
	Wait  Verdict = "wait"  // opened a case that is started later
	Drop  Verdict = "drop"  // starts nothing
)

// Reason says why an alert got its verdict.
type Reason string

// The closed list of reasons, by verdict.
const (
	NewIncident Reason = "new_incident" // start: no case covers it
	Lifted      Reason = "lifted"       // start: critical, and the case it belongs to was still waiting
	FlapStart   Reason = "flap_start"   // start: its monitor group flaps, which is worth one start without a hold

	Duplicate    Reason = "duplicate_delivery" // join: this very notification has its verdict already
	Repeat       Reason = "repeat"             // join: the incident fires and has its case
	ReTriggering Reason = "re_triggered"       // join: the same, said by Re-Triggered
	Renotifying  Reason = "renotified"         // join: the same, said by Renotify
	Covered      Reason = "covered"            // join: another incident's case covers it, and will tell the Agent of it
	NotTold      Reason = "not_told"           // join: the same, but what the Agent is told was written already
	InStorm      Reason = "in_storm"           // join: the case that collects its environment's storm tells of it

	Holding    Reason = "hold"        // wait: the policy gives it time to recover
	NoSlot     Reason = "slots"       // wait: the account has no room
	OverBudget Reason = "budget"      // wait: the account has no money for it now
	Storming   Reason = "storm"       // wait: it opens the case that collects its environment's storm
	WouldStart Reason = "would_start" // wait: the mode only observes what would be started
	AgentDown  Reason = "agent_down"  // wait: the Agent cannot be reached for now
	AgentShut  Reason = "agent_shut"  // wait: the Agent's secret is missing or not accepted

	IsRecovery   Reason = "recovered"          // drop: it says that the incident is over
	Late         Reason = "late"               // drop: its incident recovered after it happened
	IsOwn        Reason = "own_event"          // drop: it speaks of what we ourselves have told
	IsTest       Reason = "test"               // drop: a test notification
	IsWarn       Reason = "warn"               // drop: Warn or Re-Warn, by the policy
	IsNoData     Reason = "no_data"            // drop: No Data or Re-No Data, by the policy
	IsUnknown    Reason = "unknown_transition" // drop: a transition nobody knows
	TooOld       Reason = "too_old"            // drop: would open a case, but happened too long ago
	NotStarted   Reason = "not_on_transition"  // drop: would open a case, but the policy starts nothing on its transition
	IsFlapping   Reason = "flapping"           // drop: would open a case, but its monitor group flaps and had its start
	Silenced     Reason = "silenced"           // drop: somebody silenced it
	IsModeOff    Reason = "mode_off"           // drop: the mode is off
	OnlyCritical Reason = "critical_only"      // drop: the mode is for critical alerts only, and it is none
	Unreadable   Reason = "unreadable"         // drop: authenticated, but not an alert
)

// Reasons lists every reason with its verdict, for tables, metrics and tests.
func Reasons() map[Reason]Verdict {
	return map[Reason]Verdict{
		NewIncident: Start, Lifted: Start, FlapStart: Start,
		Duplicate: Join, Repeat: Join, ReTriggering: Join, Renotifying: Join, Covered: Join, NotTold: Join, InStorm: Join,
		Holding: Wait, NoSlot: Wait, OverBudget: Wait, Storming: Wait, WouldStart: Wait, AgentDown: Wait, AgentShut: Wait,
		IsRecovery: Drop, Late: Drop, IsOwn: Drop, IsTest: Drop, IsWarn: Drop, IsNoData: Drop, IsUnknown: Drop, TooOld: Drop,
		NotStarted: Drop, IsFlapping: Drop, Silenced: Drop, IsModeOff: Drop, OnlyCritical: Drop, Unreadable: Drop,
	}
}

// Decision is the gate's answer.
type Decision struct {
	Verdict Verdict // for an alert; "" otherwise
	Reason  Reason
	Case    string // the case it is about, "" when none
	Did     Did    // what it does to that case, for logs and counters
	Change  Change
	// Recorded is the verdict that a Duplicate got when it came first.
	Recorded *Delivery
	Start    *Claim // not nil: whoever commits Change calls the Agent and settles
	Ask      *Ask   // not nil, with Did AsksAgent: the Agent's API is to be asked, and Learn to be told the answer
}

// LeavesInDoubt tells whether the decision is the one from which on nothing more is tried by itself for a doubt: it is for
// a person. Of one doubt that is one decision: the one that found it, if nothing repeats it; else the one that gives it up.
// The doubts of calls are told by who settles them.
func (d Decision) LeavesInDoubt() bool {
	if len(d.Change.Cases) == 0 {
		return false
	}
	noRepeat := d.Change.Cases[0].Now.NoRepeat
	return d.Did == Doubts && noRepeat || d.Did == Releases && !noRepeat
}

// Claim is the right to call the Agent once for a case. It holds only for the process whose commit of the Decision was
// answered with success.
type Claim struct {
	Case  Case        // as committed: starting, with its attempt and the end of its lease in Until
	Lead  alert.Alert // what the Agent is told of
	Until time.Time   // the end of its reservation
	Held  Reservation // what was reserved for it
	Down  Down        // the account's health as it was read last
	// Once says that the policy never repeats the start, should it end in doubt: the doubt is for a person at once.
	Once bool
	// Followed says that what becomes of it will be heard, or can be asked for.
	Followed bool
	// Tells says that somebody is to be told what becomes of it.
	Tells bool
	// Beyond says that there was no money for it: critical cases go beyond the budget.
	Beyond bool
}

// Did names what a decision does to a case.
type Did string

// What a decision can do to a case. Nothing is the answer for a case that is not due after all.
const (
	Nothing    Did = ""
	Opens      Did = "opens"
	Joins      Did = "joins"
	CountsDown Did = "counts_down"
	Ends       Did = "ends"
	Starts     Did = "starts"
	Repeats    Did = "repeats"
	Doubts     Did = "doubts"   // its lease is over: nobody knows whether the Agent was called
	Releases   Did = "releases" // in doubt, and nothing more will be tried: gives its slot back
	Explains   Did = "explains" // waits for something else than it says
	Settles    Did = "settles"
	AsksAgent  Did = "asks"     // writes nothing yet: the Agent's API knows more
	Learns     Did = "learns"   // writes what the Agent has said of its work
	Confirms   Did = "confirms" // the Agent's own word that it has the case
	Misses     Did = "misses"   // nothing has confirmed the start within ConfirmWithin, or settled the doubt about it
)
