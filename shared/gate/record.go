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
	Saw     *Saw   // what the decision rested on; nil also where a ledger could not keep it, or cannot read it any more
}

// Saw is everything that a verdict rested on, so that it can be asked for again, and asked what would have been
// otherwise: Arrive(s.View, Arrival{Alert: s.Alert}, s.Rules, s.Now) gives the same verdict and reason. The alert is
// without what no decision reads (text, links, query, aggregation key), the cases without their members. View.Delivery,
// View.Leads and View.Heard are never kept.
//
// A ledger keeps it as JSON. So the names in the tags of what is in it are never given another meaning.
type Saw struct {
	Alert alert.Alert
	View  View
	Rules Rules
	Now   time.Time
}

// Incident is one alert cycle of one monitor group. Fire and Rec are the highest event times of a notification that
// it fires and of a recovery; both only grow, so the order of arrival cannot matter.
type Incident struct {
	Key     alert.Incident `json:"key,omitzero"`
	Fire    time.Time      `json:"fire,omitzero"`
	Rec     time.Time      `json:"rec,omitzero"`
	Final   bool           `json:"final,omitzero"`   // the key names one cycle only, and it recovered: then it does not fire, even if Fire is later
	Case    string         `json:"case,omitzero"`    // the case it belongs to or belonged to last
	Recent  []Mention      `json:"recent,omitempty"` // the latest notifications that wrote it, the oldest first; at most MaxMentions
	Version int            `json:"version,omitzero"` // raised by every write; 0: not in the ledger
}

// Mention says in an incident's record what a notification was worth.
type Mention struct {
	Delivery   string    `json:"delivery,omitzero"`
	Time       time.Time `json:"time,omitzero"`
	Transition string    `json:"transition,omitzero"`
	Verdict    Verdict   `json:"verdict,omitzero"`
	Reason     Reason    `json:"reason,omitzero"`
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

// The ways in which a case ends. Silenced is the end of a waiting case by hand, be it a silence or a word on this very
// case. Observed is the end of a case that would have been started, had the mode allowed it. The others come after a
// start: Assumed says that no end of the investigation has been heard of, and its time is over; the rest are the Agent's
// own word for how it ended, see Outcomes.
const (
	EndRecovered How = "recovered"
	EndExpired   How = "expired"
	EndSilenced  How = "silenced"
	EndObserved  How = "observed"
	EndAssumed   How = "assumed"
	EndCompleted How = "completed"
	EndFailed    How = "failed"
	EndTimedOut  How = "timed_out"
	EndCancelled How = "cancelled"
	EndLinked    How = "linked"
	EndSkipped   How = "skipped"
)

// Case is what the Agent is asked to investigate, once.
//
// Three kinds of fields live in it. What the state machine decides (everything down to Steps) changes only together with
// Version, and whoever decides on it makes its Version a condition. What joins and recoveries count (Firing to Services)
// changes without touching Version, so that a storm of joins cannot hold up the start; whoever decides on one of these
// makes that fact a condition (CaseFacts). Each is written by its difference from what was read: Firing and Joined are
// added to, Last only grows, Members are kept within their bound, Services are a set from which nothing is taken. Gap is
// set where it differs, so of two joins at once the later commit's stays, be it the longer one. The rest is fixed when
// the case is opened.
type Case struct {
	ID       string         `json:"id,omitzero"`
	Agent    string         `json:"agent,omitzero"`
	State    State          `json:"state,omitzero"`
	Why      Why            `json:"why,omitzero"`   // while waiting
	How      How            `json:"how,omitzero"`   // when ended
	Until    time.Time      `json:"until,omitzero"` // waiting: not before; starting: end of the lease; in doubt: next repeat; started: estimated end
	Opened   time.Time      `json:"opened,omitzero"`
	StartAt  time.Time      `json:"start_at,omitzero"` // the join window is counted from here; zero: never started
	Severity alert.Severity `json:"severity,omitzero"`
	Attempt  int            `json:"attempt,omitzero"`   // raised by every commit to starting
	Doubts   int            `json:"doubts,omitzero"`    // how often a call ended in doubt; once above 0 only "accepted" changes the outcome
	NoRepeat bool           `json:"no_repeat,omitzero"` // in doubt, and not repeated by itself: the policy said so when the doubt began, or the Agent refused a repeat
	Resting  bool           `json:"resting,omitzero"`   // in doubt, out of the tick's sight: nothing more will be tried by itself
	Called   time.Time      `json:"called,omitzero"`    // when the latest attempt was claimed; kept where the Agent's work is followed
	Work     Work           `json:"work,omitzero"`      // what the Agent has said of it
	Note     string         `json:"note,omitzero"`
	Hand     Order          `json:"hand,omitzero"`   // started by hand: neither hold, mode, silence nor money keep it waiting; the zero value: it was not
	Steps    []Step         `json:"steps,omitempty"` // what became of it, the oldest first; at most MaxSteps
	Version  int            `json:"version,omitzero"`

	Firing  int       `json:"firing,omitzero"`   // incidents of the case that fire; exact until it has started
	Joined  int       `json:"joined,omitzero"`   // alerts that joined
	Last    time.Time `json:"last,omitzero"`     // last notification that says it fires
	Members []Member  `json:"members,omitempty"` // the incidents that joined, for the description; at most MaxMembers
	// Gap is the shortest time seen between two notifications of one incident that say it fires; 0: none was seen. To
	// the millisecond.
	Gap      time.Duration `json:"gap,omitzero"`
	Services []string      `json:"services,omitempty"` // of a storm's case: the services it was told of, sorted; at most MaxServices, and what joined at once beyond it

	Storm    string `json:"storm,omitzero"`  // the environment whose storm it collects; "" for every other case
	Shadow   bool   `json:"shadow,omitzero"` // opened in ModeObserve: it will end as observed
	Title    string `json:"title,omitzero"`  // for lists
	Service  string `json:"service,omitzero"`
	Incident string `json:"incident,omitzero"` // the incident that opened it
	TraceID  string `json:"trace_id,omitzero"` // the trace of the first alert
	Trace    string `json:"trace,omitzero"`    // its carrier, for a link from a start that waited
}

// Member is an incident that joined a case, as the Agent will be told of it.
type Member struct {
	Incident string         `json:"incident,omitzero"`
	Title    string         `json:"title,omitzero"`
	Scope    string         `json:"scope,omitzero"`
	Severity alert.Severity `json:"severity,omitzero"`
	Since    time.Time      `json:"since,omitzero"`
}

// MaxMembers bounds the members a case keeps for its description; further ones are only counted.
const MaxMembers = 10

// MaxServices bounds the services that a storm's case counts; with so many there may be more.
const MaxServices = 100

// Step is one thing that became of a case, for people.
type Step struct {
	At   time.Time `json:"at,omitzero"`
	Text string    `json:"text,omitzero"` // bounded, one line
}

// MaxSteps bounds what a case remembers. The first steps stay, and the latest; what is left out between is counted.
const MaxSteps = 20

// HasStarted tells whether the case can no longer end without having been started.
func (c Case) HasStarted() bool {
	if c.State != Ended {
		return c.State == Started
	}
	switch c.How {
	case EndAssumed, EndCompleted, EndFailed, EndTimedOut, EndCancelled, EndLinked, EndSkipped:
		return true
	}
	return false
}

// live tells whether the case is neither started nor over: what becomes of it is still open.
func (c Case) live() bool { return c.State == Waiting || c.State == Starting || c.State == InDoubt }

// Bucket is where the tick and the operator look for the case; see Order.
type Bucket string

// The buckets. Only Queue and Timed are read by the tick.
const (
	Queue    Bucket = "waiting" // best first, see CompareRank
	Timed    Bucket = "timed"   // by the time at which something must happen; a refused case that is started by hand by its Until
	Doubtful Bucket = "doubtful"
	Declined Bucket = "refused"
	Closed   Bucket = "ended"
)

// Bucket of the case as it stands. A refused one that somebody wants started waits for the tick.
func (c Case) Bucket() Bucket {
	switch {
	case c.State == Waiting:
		return Queue
	case c.State == Refused && c.Hand == (Order{}):
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
	Agent   string                 `json:"agent,omitzero"`
	Running map[string]Reservation `json:"running,omitempty"` // by case; at most MaxRunning
	Version int                    `json:"version,omitzero"`  // raised by every reservation put, and by what is spent or given back; not by other removals
	Shut    Shut                   `json:"shut,omitzero"`
	Down    Down                   `json:"down,omitzero"`
	Money   Money                  `json:"money,omitzero"`
	Hand    Order                  `json:"hand,omitzero"` // who last opened it by hand; no decision reads it
	// Orgs are organisations of which alerts were dropped, in order. Nothing is decided on them: they tell people who ask for
	// an alert where to look, for an organisation may have no case.
	Orgs []string `json:"orgs,omitempty"`
}

// MaxOrgs bounds the organisations that an account names, but for what is noted at once beyond it.
const MaxOrgs = 20

// Money is what an account has spent, besides the reservations it holds.
type Money struct {
	Spent map[string]Dollars `json:"spent,omitempty"` // by month ("2026-11", UTC), of investigations whose reservation is over
	// Paced is the time until which the even refill of the budget is used up by starts: with every start it moves on by
	// as long as the refill takes to earn the start's money. What lies before now has been saved up.
	Paced    time.Time      `json:"paced,omitzero"`
	Budget   Dollars        `json:"budget,omitzero"`    // the month's money that Paced was reckoned by; 0: not known
	Critical map[string]int `json:"critical,omitempty"` // by day ("2026-11-27", UTC): critical cases started
}

// MaxRunning bounds an account's reservations, so that its item stays small whatever the storm. It is no rule about
// the Agent's slots.
const MaxRunning = 50

// Reservation is the slot and money a case holds from its start to its estimated end. One that is past Until holds no
// slot any more.
type Reservation struct {
	Attempt  int           `json:"attempt,omitzero"`
	Until    time.Time     `json:"until,omitzero"`
	Critical bool          `json:"critical,omitzero"`
	Money    Dollars       `json:"money,omitzero"` // what it is reckoned to cost; counts as spent in Month as long as it is here
	Month    string        `json:"month,omitzero"` // as in Money.Spent
	Pace     time.Duration `json:"pace,omitzero"`  // by how much it has moved Money.Paced, to the millisecond
	Day      string        `json:"day,omitzero"`   // the day in Money.Critical that counts it; "" when none does
}

// Shut says that the Agent, or our own configuration, closes the door. The zero value: open.
type Shut struct {
	Since         time.Time `json:"since,omitzero"`
	SecretVersion string    `json:"secret_version,omitzero"` // opens when the secret has another version than this
	Words         string    `json:"words,omitzero"`
}

// Down says that the Agent cannot be reached for now. The zero value: it is up as far as we know.
type Down struct {
	Until  time.Time `json:"until,omitzero"`
	Fails  int       `json:"fails,omitzero"`  // calls in a row that did not deliver
	Doubts int       `json:"doubts,omitzero"` // calls in a row that ended in doubt
}

// View is what the ledger knows about one alert or one due case, read at once. What is absent or has expired is a
// zero value.
type View struct {
	Delivery *Delivery         `json:"-"` // the verdict, when this alert has one already; with its Saw only for what is done by hand
	Incident Incident          `json:"incident,omitzero"`
	Pointers map[string]string `json:"pointers,omitempty"` // grouping key to case; only keys that were asked for and are there
	Cases    map[string]Case   `json:"cases,omitempty"`    // the cases that Incident, Pointers and Surge name, and one that was asked for
	// Leads are the alerts that opened Cases, where they were asked for, and the one that was dropped under an id that
	// was asked for.
	Leads   map[string]alert.Alert `json:"-"`
	Account Account                `json:"account,omitzero"`
	Group   Group                  `json:"group,omitzero"`
	Surge   Surge                  `json:"surge,omitzero"`
	Hand    Hand                   `json:"hand,omitzero"`
	Heard   map[string]Heard       `json:"-"` // by Incident.String: of those that Asks names, where anything is known
}

// Group is what is remembered of a monitor group over its incidents. Its name is Rules.Group.
type Group struct {
	Name     string      `json:"name,omitzero"`
	Cycles   []time.Time `json:"cycles,omitempty"`  // when its latest cycles began, by the alerts' clock, sorted; at most MaxCycles
	Flapping bool        `json:"flapping,omitzero"` // the start that flapping is worth has been decided
	Shadow   bool        `json:"shadow,omitzero"`   // with Flapping: that start was only observed
	Version  int         `json:"version,omitzero"`  // raised by every write; 0: not in the ledger
}

// MaxCycles bounds Group.Cycles, and so Flap.Cycles.
const MaxCycles = 20

// Surge is what is remembered of an environment: the cases that were opened in it lately. Its name is Rules.Surge.
type Surge struct {
	Name    string      `json:"name,omitzero"`
	Opened  []time.Time `json:"opened,omitempty"` // when its latest cases were opened, sorted; at most MaxOpened
	Case    string      `json:"case,omitzero"`    // the case that collects its storm, or the last that did
	Version int         `json:"version,omitzero"` // raised by every write; 0: not in the ledger
}

// MaxOpened bounds Surge.Opened, and so Storm.Cases.
const MaxOpened = 50

// Hand is what has been set by hand. There is one for the whole ledger.
type Hand struct {
	Mode     ModeOrder `json:"mode,omitzero"`
	Silences []Silence `json:"silences,omitempty"` // at most MaxSilences
	Version  int       `json:"version,omitzero"`   // raised by every write; 0: nothing was ever set
}

// Bounds of what can be set by hand, so that it stays one small record that every decision reads: the silences at a
// time, ended ones included until they are removed; the matchers of each; and texts, in bytes.
const (
	MaxSilences  = 100
	MaxMatchers  = 6
	MaxSilenceID = 32
	MaxBy        = 100 // Order.By
	MaxReason    = 300 // Order.Reason
)

// Order is who set something by hand, why, and until when.
type Order struct {
	By     string    `json:"by,omitzero"`
	Reason string    `json:"reason,omitzero"`
	At     time.Time `json:"at,omitzero"`
	Until  time.Time `json:"until,omitzero"` // zero: until it is taken back
}

// ModeOrder is a mode set by hand. Without a Mode none is, and the Order is of who took the last one back; the zero value:
// none ever was.
type ModeOrder struct {
	Mode Mode `json:"mode,omitzero"`
	Order
}

// Silence mutes the alerts that all its matchers meet.
type Silence struct {
	ID       string          `json:"id,omitzero"`
	Matchers []match.Matcher `json:"matchers,omitempty"` // at least one, at most MaxMatchers
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
	Posts    []PostWrite // each for another ID
	Told     *ToldWrite
}

// Empty tells that there is nothing to write.
func (c Change) Empty() bool {
	return c.Delivery == nil && c.Incident == nil && len(c.Pointers) == 0 && len(c.Cases) == 0 && c.Account == nil &&
		c.Group == nil && c.Surge == nil && c.Hand == nil && c.Lead == nil && len(c.Posts) == 0 && c.Told == nil
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

// HandWrite replaces what is set by hand; condition: its version is still Read (0: not there). It never expires as a
// whole; whoever writes it leaves out what ended.
type HandWrite struct {
	Read int
	Now  Hand
}

// LeadWrite keeps an alert that was dropped, under the id of the case that it would have opened, so that it can be
// started by hand: a View has it when this id is asked for. It is kept as long as the delivery. No condition: the same
// delivery always writes the same. A case that is opened under the id takes its place.
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
	Joined bool // so is Joined: nothing has joined
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
	// With Put: Paced and Budget are set unless they are zero, Critical is what is counted for its days from now on (other days stay as
	// they are), and Forget names the months and days that nobody asks for any more.
	Paced    time.Time
	Budget   Dollars
	Critical map[string]int
	Forget   []string
	// Spend is added to what a month has cost, for reservations that are dropped because their time is over; Back is
	// given back by one that is dropped unused. Each is added, never set, and raises the version. So it belongs into a
	// commit that can be made once only: one that opens a case, or raises the version of one, or has a Put, which raises
	// the account's. Back does not go with Put, and no month or day with Forget.
	Spend map[string]Dollars
	Back  *Back
	Org   string // is among Orgs from now on; "" for none. Noting it twice is harmless
	Shut  *Shut  // set, or opened with its zero value
	// OpenedBy, with a zero Shut: condition, the account is still shut by this secret's version.
	OpenedBy *string
	Down     *Down // set, or cleared with its zero value
	// DownWas, with Down: condition, the account's Down is still this.
	DownWas *Down
	Hand    *Order // set
}
