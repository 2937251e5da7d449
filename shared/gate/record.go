package gate

import (
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/match"
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

	Agent   string // the account that it was decided for
	Because string // the numbers that decided and where the policy says them, one line for people
	Hand    string // what was set by hand and touched the verdict: who, why, until when; "" when nothing did
	Saw     *Saw   // what the decision rested on
}

// Saw is everything that a verdict rested on, so that it can be asked for again, and asked what would have been
// otherwise: Arrive(s.View, Arrival{Alert: s.Alert}, s.Rules, s.Now) gives the same verdict and reason. The alert is
// without what no decision reads (text, links, query), the cases without their members.
type Saw struct {
	Alert alert.Alert
	View  View
	Rules Rules
	Now   time.Time
}

// Incident is one alert cycle of one monitor group. Fire and Rec are the highest event times of a notification that
// it fires and of a recovery; both only grow, so the order of arrival cannot matter.
type Incident struct {
	Key     alert.Incident
	Fire    time.Time
	Rec     time.Time
	Final   bool      // the key names one cycle only, and it recovered: then it does not fire, even if Fire is later
	Case    string    // the case it belongs to or belonged to last
	Recent  []Mention // the latest notifications that wrote it, the oldest first; at most MaxMentions
	Version int       // raised by every write; 0: not in the ledger
}

// Mention says in an incident's record what a notification was worth.
type Mention struct {
	Delivery   string
	Time       time.Time
	Transition string
	Verdict    Verdict
	Reason     Reason
}

// MaxMentions bounds what an incident remembers of its notifications.
const MaxMentions = 10

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

// The closed list of what a case can wait for.
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
// investigation, and its estimated time is over. Observed is the end of a case that would have been started, had the
// mode allowed it.
const (
	EndRecovered How = "recovered"
	EndExpired   How = "expired"
	EndSilenced  How = "silenced"
	EndObserved  How = "observed"
	EndAssumed   How = "assumed"
)

// Case is what the Agent is asked to investigate, once.
//
// Three kinds of fields live in it. What the state machine decides (everything down to Steps) changes only together with
// Version, and whoever decides on it makes its Version a condition. What joins and recoveries count (Firing to Services)
// changes without touching Version, so that a storm of joins cannot hold up the start; whoever decides on one of these
// makes that fact a condition (CaseFacts). The rest is fixed when it is opened.
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
	NoRepeat bool // in doubt, and not repeated by itself: the policy said so when the doubt began, or the Agent refused a repeat
	Resting  bool // in doubt, out of the tick's sight: nothing more will be tried by itself
	Note     string
	Hand     Order  // started by hand: neither hold, mode, silence nor money keep it waiting; the zero value: it was not
	Steps    []Step // what became of it, the oldest first; at most MaxSteps
	Version  int

	Firing  int       // incidents of the case that fire; exact until it has started
	Joined  int       // alerts that joined
	Last    time.Time // last notification that says it fires
	Members []Member  // the incidents that joined, for the description; at most MaxMembers
	// Gap is the shortest time seen between two notifications of one incident that say it fires; 0: none was seen.
	Gap      time.Duration
	Services []string // of a storm's case: the services it was told of, sorted; at most MaxServices

	Storm    string // the environment whose storm it collects; "" for every other case
	Shadow   bool   // opened in ModeObserve: it will end as observed
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

// MaxServices bounds the services that a storm's case counts; with so many there may be more.
const MaxServices = 100

// Step is one thing that became of a case, for people.
type Step struct {
	At   time.Time
	Text string // bounded, one line
}

// MaxSteps bounds what a case remembers. The first steps stay, and the latest; what is left out between is counted.
const MaxSteps = 20

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
	Version int                    // raised by every reservation put, and by what is given back; not by other removals
	Shut    Shut
	Down    Down
	Money   Money
}

// Money is what an account has spent, besides the reservations it holds.
type Money struct {
	Spent map[string]Dollars // by month ("2026-11", UTC), of investigations whose reservation is over
	// Paced is the time until which the even refill of the budget is used up by starts: with every start it moves on by
	// as long as the refill takes to earn the start's money. What lies before now has been saved up.
	Paced    time.Time
	Critical map[string]int // by day ("2026-11-27", UTC): critical cases started
}

// MaxRunning bounds an account's reservations, so that its item stays small whatever the storm. It is no rule about
// the Agent's slots.
const MaxRunning = 50

// Reservation is the slot and money a case holds from its start to its estimated end. One that is past Until holds no
// slot any more.
type Reservation struct {
	Attempt  int
	Until    time.Time
	Critical bool
	Money    Dollars       // what it is reckoned to cost; counts as spent in Month as long as it is here
	Month    string        // as in Money.Spent
	Pace     time.Duration // by how much it has moved Money.Paced
	Day      string        // the day in Money.Critical that counts it; "" when none does
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
	Cases    map[string]Case   // the cases that Incident, Pointers and Surge name, and one that was asked for
	Leads    map[string]alert.Alert
	Account  Account
	Group    Group
	Surge    Surge
	Hand     Hand
}

// Group is what is remembered of a monitor group over its incidents. Its name is Rules.Group.
type Group struct {
	Name     string
	Cycles   []time.Time // when its latest cycles began, by the alerts' clock, sorted; at most MaxCycles
	Flapping bool        // the start that flapping is worth has been decided
	Version  int         // raised by every write; 0: not in the ledger
}

// MaxCycles bounds Group.Cycles, and so Flap.Cycles.
const MaxCycles = 20

// Surge is what is remembered of an environment: the cases that were opened in it lately. Its name is Rules.Surge.
type Surge struct {
	Name    string
	Opened  []time.Time // when its latest cases were opened, sorted; at most MaxOpened
	Case    string      // the case that collects its storm, or the last that did
	Version int         // raised by every write; 0: not in the ledger
}

// MaxOpened bounds Surge.Opened, and so Storm.Cases.
const MaxOpened = 50

// Hand is what has been set by hand. There is one for the whole ledger.
type Hand struct {
	Mode     ModeOrder
	Silences []Silence // at most MaxSilences
	Version  int       // raised by every write; 0: nothing was ever set
}

// MaxSilences bounds the silences at a time, ended ones included until they are removed.
const MaxSilences = 100

// Order is who set something by hand, why, and until when.
type Order struct {
	By     string
	Reason string
	At     time.Time
	Until  time.Time // zero: until it is taken back
}

// ModeOrder is a mode set by hand. The zero value: none is.
type ModeOrder struct {
	Mode Mode
	Order
}

// Silence mutes the alerts that all its matchers meet.
type Silence struct {
	ID       string
	Matchers []match.Matcher
	Order
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
	Group    *GroupWrite
	Surge    *SurgeWrite
	Hand     *HandWrite
	Lead     *LeadWrite
}

// Empty tells that there is nothing to write.
func (c Change) Empty() bool {
	return c.Delivery == nil && c.Incident == nil && len(c.Pointers) == 0 && len(c.Cases) == 0 && c.Account == nil &&
		c.Group == nil && c.Surge == nil && c.Hand == nil && c.Lead == nil
}

// GroupWrite replaces what is remembered of a monitor group; condition: its version is still Read (0: not there).
type GroupWrite struct {
	Read int
	Now  Group
}

// SurgeWrite replaces what is remembered of an environment; condition: its version is still Read (0: not there).
type SurgeWrite struct {
	Read int
	Now  Surge
}

// HandWrite replaces what is set by hand; condition: its version is still Read (0: not there).
type HandWrite struct {
	Read int
	Now  Hand
}

// LeadWrite keeps an alert that was dropped, under the id of the case that it would have opened, so that it can be
// started by hand. No condition: the same delivery always writes the same.
type LeadWrite struct {
	Case  string
	Alert alert.Alert
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

// Back is what a reservation that nothing was paid for gives back.
type Back struct {
	Pace time.Duration // Money.Paced goes back by it
	Day  string        // one critical start less on that day; "" for none
}

// AccountWrite changes an account.
type AccountWrite struct {
	Agent string
	Read  int // with Put: condition, the version is still this
	Put   map[string]Reservation
	Drop  []string // removed without a condition: removing twice is harmless
	// With Put: Paced is set, Critical is what is counted for its days from now on, and Forget names the months and days
	// that nobody asks for any more.
	Paced    time.Time
	Critical map[string]int
	Forget   []string
	// Spend is added to what a month has cost, for reservations that are dropped because their time is over; Back is
	// given back by one that is dropped unused. Each is added, never set, and raises the version: so it belongs into a
	// commit that can be made once only, on the version of a case.
	Spend map[string]Dollars
	Back  *Back
	Shut  *Shut // set, or opened with its zero value
	// OpenedBy, with a zero Shut: condition, the account is still shut by this secret's version.
	OpenedBy *string
	Down     *Down // set, or cleared with its zero value
	// DownWas, with Down: condition, the account's Down is still this.
	DownWas *Down
}
