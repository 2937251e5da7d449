// Package promises says whether a bridge kept its promises, from what can be seen of it: the alerts that came, every
// change that was committed, every call of an Agent, and what the ledger holds in the end.
//
// It is a second telling of docs/design: what an alert is worth, what may become of a case, and what that costs, written
// down once more and without the gate. It takes the names of records from package gate and calls nothing there, which
// a test holds. So a mistake in the gate, in a handler, or in the order in which they do things shows as a difference
// between two tellings.
//
// The model keeps a world of its own: incidents with their times, cases with the set of their incidents that fire,
// grouping keys, groups, environments, accounts with their reservations. A decision that nobody disturbed between its
// reading and its commit must be the one that the model makes; one that was disturbed must be possible.
package promises

import (
	"fmt"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Breach is a promise that was not kept.
type Breach struct {
	At      time.Time
	Promise string // by its number in the design, or what has to add up
	Text    string
}

// String is the breach on one line.
func (b Breach) String() string {
	return fmt.Sprintf("%s: promise %s: %s", b.At.UTC().Format("2006-01-02 15:04:05.000"), b.Promise, b.Text)
}

// Commit is one change in the ledger.
type Commit struct {
	At         time.Time // of all
	Invocation int
	Tick       bool // a scheduler made it
	Follows    bool // the outcome function did, on an event of the Agent's
	ByHand     bool
	Alone      bool // nobody else has committed since it was read what this rests on
	Change     gate.Change
}

// Call is a request of an invocation to an Agent, and what the Agent made of it.
type Call struct {
	At         time.Time
	Invocation int
	Case       string
	Timestamp  string
	Priority   string
	Left       bool // it may have reached the Agent
	Taken      bool // the Agent opened an investigation, or knew it for one that it had opened
	Lies       bool // and says that it did not
	Opened     int  // investigations of the case that the Agent had opened before; only counted where its work is followed
	Outcome    delivery.Outcome
	Rest       time.Duration // for which the Agent asks; 0: for none
}

// Model is the second telling. The zero value is not usable.
type Model struct {
	rules  func(alert.Alert) gate.Rules
	alerts map[string]alert.Alert
	now    time.Time // on the clock of whoever is judged

	decided   map[string]gate.Delivery
	incidents map[string]*incident
	cases     map[string]*kase
	order     []*kase // in which they were opened, so that what is broken is told in the same order each time
	pointers  map[string]string
	groups    map[string]*group
	surges    map[string]*surge
	accounts  map[string]*account
	words     map[string]alert.Alert // by incident: the last that said it fires
	hand      gate.Hand
	task      *task             // what somebody is ordering at this moment
	instead   map[string]string // by delivery: the case that was opened by hand for a dropped alert

	calls    map[calling]Call // the last of each
	perCase  map[string][]Call
	accepted map[string]time.Time // by delivery: answered with 2xx
	tellings map[int]map[string]Telling
	people   people

	// Heard counts the cases of which the Agent's work was known to the end, Unheard those of which it was not.
	Heard, Unheard int

	breaches []Breach
}

// calling is an invocation and the case that it called an Agent for.
type calling struct {
	invocation int
	kase       string
}

// New makes a model of a bridge with this policy, before anything has happened.
func New(policy func(alert.Alert) gate.Rules) *Model {
	return &Model{
		rules: policy, alerts: map[string]alert.Alert{}, decided: map[string]gate.Delivery{},
		incidents: map[string]*incident{}, cases: map[string]*kase{}, pointers: map[string]string{},
		groups: map[string]*group{}, surges: map[string]*surge{}, accounts: map[string]*account{}, words: map[string]alert.Alert{}, instead: map[string]string{},
		calls: map[calling]Call{}, perCase: map[string][]Call{}, accepted: map[string]time.Time{},
		tellings: map[int]map[string]Telling{}, people: newPeople(),
	}
}

// Breaches are the promises that were not kept so far, at most a few.
func (m *Model) Breaches() []Breach { return m.breaches }

func (m *Model) broken(promise, format string, args ...any) {
	if len(m.breaches) < 5 {
		m.breaches = append(m.breaches, Breach{At: m.now, Promise: promise, Text: fmt.Sprintf(format, args...)})
	}
}

// Came says that an alert was put into the queue.
func (m *Model) Came(a alert.Alert) { m.alerts[a.Delivery] = a }

// Turned says that a good delivery was answered with a status that Datadog takes for final.
func (m *Model) Turned(status int, at time.Time) {
	m.now = at
	m.broken("1", "a delivery was answered with %d, and is lost", status)
}

// Objected says that an Agent found fault with a request.
func (m *Model) Objected(id, why string, at time.Time) {
	m.now = at
	m.broken("6", "the Agent says of the request for %s: %s", id, why)
}

// Mended says that the secret of an Agent has a new version.
func (m *Model) Mended(agent string) { m.account(agent).mended = true }

// Accepted says that a delivery was answered with 2xx.
func (m *Model) Accepted(delivery string, at time.Time) { m.accepted[delivery] = at }

// incident is one cycle of a monitor group.
type incident struct {
	fire, rec time.Time
	final     bool
	kase      string
}

func (i *incident) fires() bool { return !i.final && i.fire.After(i.rec) }

// kase is a case, with the set of its incidents that fire.
type kase struct {
	id, agent     string
	state         gate.State
	why           gate.Why
	how           gate.How
	until         time.Time
	opened, start time.Time
	rank          alert.Severity
	firing        map[string]bool
	last          time.Time
	attempt       int
	doubts        int
	noRepeat      bool
	resting       bool
	shadow        bool
	storm         string
	joined        map[string]bool // incidents that came to the one that opened it
	hand          bool
	asked         bool // its last start was by hand
	lead          alert.Alert
	rules         gate.Rules // that the policy has for the lead
	claimedBy     int        // the invocation that claimed its last start
	wasDown       gate.Down  // the account when it did
	heard
}

func (k *kase) started() bool {
	return k.state == gate.Started || k.state == gate.Ended && (k.how == gate.EndAssumed || outcomes[k.how])
}

func (k *kase) live() bool {
	return k.state == gate.Waiting || k.state == gate.Starting || k.state == gate.InDoubt
}

type group struct {
	cycles   []time.Time
	flapping bool
	shadow   bool // it flaps by a start that was only observed
}

type surge struct {
	opened []time.Time
	kase   string
}

// opened keeps a case that is new.
func (m *Model) opened(k *kase) {
	m.cases[k.id] = k
	m.order = append(m.order, k)
}

func (m *Model) incident(a alert.Alert) *incident {
	key := a.Incident.String()
	if m.incidents[key] == nil {
		m.incidents[key] = &incident{}
	}
	return m.incidents[key]
}

func critical(s alert.Severity) bool { return s >= alert.Critical }
