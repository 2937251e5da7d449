package gate

import (
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Delivery is the record that an alert has its verdict. It is written once, in the commit that carries the verdict's
// effect, so that a message delivered twice changes nothing the second time.
type Delivery struct {
	ID         string // alert.Alert.Delivery
	Verdict    Verdict
	Reason     Reason
	Case       string // the case the verdict led to, "" when none
	Incident   string // alert.Incident.String
	Transition string
	Title      string // bounded, for people
	Time       time.Time
	Decided    time.Time
	TraceID    string
	Words      string // what was wrong with a delivery that could not be read
}

// Incident is one alert cycle of one monitor group. Fire and Rec are the highest event times of a notification that
// it fires and of a recovery; both only grow, so the order of arrival cannot matter.
type Incident struct {
	Key     alert.Incident
	Fire    time.Time
	Rec     time.Time
	Final   bool   // the key names one cycle only, and it recovered: then it does not fire, even if Fire is later
	Case    string // the case it belongs to or belonged to last
	Version int    // raised by every write; 0: not in the ledger
}

// Fires tells whether the incident counts as firing.
func (i Incident) Fires() bool { return !i.Final && i.Fire.After(i.Rec) }

// State of a case.
type State string

// The states of a case; Moves lists what leads from one to another.
const (
	Waiting  State = "waiting"
	Starting State = "starting"
	InDoubt  State = "in_doubt"
	Started  State = "started"
	Refused  State = "refused"
	Ended    State = "ended"
)

// Why a case waits.
type Why string

// The closed list of what a case can wait for. Storm, budget and hold belong to policies that are not set by default.
const (
	WhyHold      Why = "hold"
	WhySlots     Why = "slots"
	WhyBudget    Why = "budget"
	WhyAgentDown Why = "agent_down"
	WhyAgentShut Why = "agent_shut"
	WhyStorm     Why = "storm"
)

// How a case ended.
type How string

// The ways in which a case ends. Assumed is the only one that comes after a start: nothing has been heard of the
// investigation, and its estimated time is over.
const (
	EndRecovered How = "recovered"
	EndExpired   How = "expired"
	EndSilenced  How = "silenced"
	EndAssumed   How = "assumed"
)

// Case is what the Agent is asked to investigate, once.
//
// Two kinds of fields live in it. What the state machine decides (everything down to Note) changes only together with
// Version, and whoever decides on it makes its Version a condition. What joins and recoveries count (Firing, Joined,
// Last, Members) changes without touching Version, so that a storm of joins cannot hold up the start; whoever decides
// on one of these makes that fact a condition (CaseFacts).
type Case struct {
	ID       string
	Agent    string
	State    State
	Why      Why       // while waiting
	How      How       // when ended
	Until    time.Time // waiting: not before; starting: end of the lease; in doubt: next repeat; started: estimated end
	Opened   time.Time
	StartAt  time.Time // the join window is counted from here; zero: never started
	Severity alert.Severity
	Attempt  int  // raised by every commit to starting
	Doubts   int  // how often a call ended in doubt; once above 0 only "accepted" changes the outcome
	NoRepeat bool // in doubt, and the Agent refused a repeat
	Resting  bool // in doubt, out of the tick's sight: nothing more will be tried by itself
	Note     string
	Version  int

	Firing  int       // incidents of the case that fire; exact until it has started
	Joined  int       // alerts that joined
	Last    time.Time // last notification that says it fires
	Members []Member  // the incidents that joined, for the description; at most MaxMembers

	Title    string // for lists
	Service  string
	Incident string // the incident that opened it
	TraceID  string // the trace of the first alert
	Trace    string // its carrier, for a link from a start that waited
}

// Member is an incident that joined a case, as the Agent will be told of it.
type Member struct {
	Incident string
	Title    string
	Scope    string
	Severity alert.Severity
	Since    time.Time
}

// MaxMembers bounds the members a case keeps for its description; further ones are only counted.
const MaxMembers = 10

// HasStarted tells whether the case can no longer end without having been started.
func (c Case) HasStarted() bool { return c.State == Started || c.State == Ended && c.How == EndAssumed }

// live tells whether the case is neither started nor over: what becomes of it is still open.
func (c Case) live() bool { return c.State == Waiting || c.State == Starting || c.State == InDoubt }

// Bucket is where the tick and the operator look for the case; see Order.
type Bucket string

// The buckets. Only Queue and Timed are read by the tick.
const (
	Queue    Bucket = "waiting" // best first: most severe, then oldest
	Timed    Bucket = "timed"   // by the time at which something must happen
	Doubtful Bucket = "doubtful"
	Declined Bucket = "refused"
	Closed   Bucket = "ended"
)

// Bucket of the case as it stands.
func (c Case) Bucket() Bucket {
	switch {
	case c.State == Waiting:
		return Queue
	case c.State == Refused:
		return Declined
	case c.State == Ended:
		return Closed
	case c.State == InDoubt && c.Resting:
		return Doubtful
	}
	return Timed
}

// Account is what is known of one Agent.
type Account struct {
	Agent   string
	Running map[string]Reservation // by case; at most MaxRunning
	Version int                    // raised by every reservation put, not by removals
	Shut    Shut
	Down    Down
}

// MaxRunning bounds an account's reservations, so that its item stays small whatever the storm. It is no rule about
// the Agent's slots.
const MaxRunning = 50

// Reservation is the slot and money a case holds from its start to its estimated end. One that is past Until holds no
// slot any more.
type Reservation struct {
	Attempt int
	Until   time.Time
}

// Shut says that the Agent, or our own configuration, closes the door. The zero value: open.
type Shut struct {
	Since         time.Time
	SecretVersion string // opens when the secret has another version than this
	Words         string
}

// Down says that the Agent cannot be reached for now. The zero value: it is up as far as we know.
type Down struct {
	Until  time.Time
	Fails  int // calls in a row that did not deliver
	Doubts int // calls in a row that ended in doubt
}

// View is what the ledger knows about one alert or one due case, read at once. What is absent or has expired is a
// zero value.
type View struct {
	Delivery *Delivery // the verdict, when this alert has one already
	Incident Incident
	Pointers map[string]string // grouping key to case; only keys that were asked for and are there
	Cases    map[string]Case   // the cases that Incident and Pointers name, and one that was asked for
	Leads    map[string]alert.Alert
	Account  Account
}

// Change is everything that one decision writes, in one transaction: either all of it, or nothing because a condition
// no longer holds.
type Change struct {
	At       time.Time // the decision's clock; records that expired before it count as absent
	Delivery *Delivery // condition: not there
	Incident *IncidentWrite
	Pointers []PointerWrite
	Cases    []CaseWrite
	Account  *AccountWrite
}

// Empty tells that there is nothing to write.
func (c Change) Empty() bool {
	return c.Delivery == nil && c.Incident == nil && len(c.Pointers) == 0 && len(c.Cases) == 0 && c.Account == nil
}

// IncidentWrite replaces an incident; condition: its version is still Read (0: not there).
type IncidentWrite struct {
	Read int
	Now  Incident
}

// PointerWrite makes a grouping key name a case; condition: it still names Read ("": nothing).
type PointerWrite struct{ Key, Read, Now string }

// CaseWrite opens or changes a case. Read is the case as the decision saw it, its zero value for one that is opened;
// condition: Read.Version is still its version, and Facts. Now is the case as it shall be: where it differs from Read
// in what the state machine decides, Now.Version is one higher. Counted fields are written as differences.
//
// With Read equal to Now it is only a condition.
type CaseWrite struct {
	Read  Case
	Now   Case
	Facts CaseFacts
	// Lead is the alert that opened the case, written with it once and kept as it is: what the Agent is told of.
	Lead *alert.Alert
}

// CaseFacts are conditions on the counted fields.
type CaseFacts struct {
	Firing Count
	Last   bool // Last is still what Read says
}

// Count is a condition on the number of incidents that fire.
type Count string

// The conditions on a count that a decision can rest on.
const (
	AnyCount  Count = ""
	NoneFires Count = "none"
	OneFires  Count = "one"
	SomeFire  Count = "some" // one or more
	MoreFire  Count = "more" // two or more
)

// AccountWrite changes an account.
type AccountWrite struct {
	Agent string
	Read  int // with Put: condition, the version is still this
	Put   map[string]Reservation
	Drop  []string // removed without a condition: removing twice is harmless
	Shut  *Shut    // set, or opened with its zero value
	// OpenedBy, with a zero Shut: condition, the account is still shut by this secret's version.
	OpenedBy *string
	Down     *Down // set, or cleared with its zero value
	// DownWas, with Down: condition, the account's Down is still this.
	DownWas *Down
}
