// Package alert says what an alert is, whatever sent it.
//
// An Alert is one notification: one transition of one monitor group. A decoder (package datadog) makes it from a
// delivery, the queue carries it inside an envelope, the gate judges it, and the Agent is told of it. So it is
// already clean and bounded here: what a decoder puts into an Alert has been through Clean and Cut, and every later
// reader may rely on the limits below.
//
// The text in an Alert was written by people and, through log lines, by attackers. It is data, never an instruction.
package alert

import (
	"slices"
	"strings"
	"time"
)

// Limits of an Alert's fields, in characters unless said otherwise. A decoder cuts to them and says so in Cut.
const (
	MaxID     = 128  // Delivery and the parts of an Incident, bytes; see SafeID
	MaxName   = 400  // Title and Monitor.Name
	MaxText   = 4000 // Text: Datadog cuts an event's text there too
	MaxQuery  = 1000 // Monitor.Query
	MaxURL    = 1000 // a link; a longer one is dropped, for half a link leads nowhere
	MaxField  = 300  // any other single value, a tag included
	MaxTags   = 60
	MaxLinks  = 12
	MaxRefs   = 16
	MaxScopes = 12
	// MaxAggregation is what Datadog takes as an event's aggregation key. A longer one is dropped: cut, it would be another.
	MaxAggregation = 100
)

// Alert is one notification about one monitor group. The zero value of a field means that the delivery did not carry
// it. Its JSON is part of the queue's envelope and of the ledger, and is versioned there: fields are added, never
// given another meaning.
type Alert struct {
	// Delivery identifies this notification for good: the same event always has the same Delivery, however often it
	// is delivered. It satisfies SafeID.
	Delivery string `json:"delivery"`
	Source   string `json:"source"`          // what sent it, "datadog"
	Shape    string `json:"shape,omitempty"` // which payload it came in, for people

	OrgID   string `json:"org_id,omitempty"`
	OrgName string `json:"org_name,omitempty"`
	EventID string `json:"event_id,omitempty"` // 19 digits at Datadog: a string, never a number

	// Aggregation is the key by which the sender puts events on one thing together, Datadog's $AGGREG_KEY, as it came:
	// whoever tells of the alert there uses it again, and any other text would be another key. So it is "" also where it
	// could not be kept as it was, because it held a secret or was too long. No decision asks for it; Incident.Key has it
	// where there is no cycle key.
	Aggregation string `json:"aggregation,omitempty"`

	Incident   Incident   `json:"incident"`
	Monitor    Monitor    `json:"monitor"`
	Transition Transition `json:"transition"`
	// RawTransition is the transition as received, kept because an unknown one must stay visible.
	RawTransition string   `json:"raw_transition,omitempty"`
	Test          bool     `json:"test,omitempty"`
	Severity      Severity `json:"severity"`
	Priority      string   `json:"priority,omitempty"`   // P1 to P5 as set on the monitor; "" when it has none
	AlertType     string   `json:"alert_type,omitempty"` // error, warning, success, info

	// Time is when it happened according to the sender. TimeAssumed says that the delivery carried no usable time
	// and Time is when it was received.
	Time        time.Time `json:"time"`
	TimeAssumed bool      `json:"time_assumed,omitempty"`

	Title     string   `json:"title,omitempty"` // without brackets such as [P2] or [Triggered on {…}]
	Text      string   `json:"text,omitempty"`  // the message, cleaned
	Status    string   `json:"status,omitempty"`
	Value     string   `json:"value,omitempty"`
	Threshold string   `json:"threshold,omitempty"`
	Hostname  string   `json:"hostname,omitempty"`
	Snapshot  string   `json:"snapshot,omitempty"`
	Scope     []string `json:"scope,omitempty"` // the tags that triggered, "key:value"
	Tags      []string `json:"tags,omitempty"`  // as received, "key:value" or bare, repeats removed; in order unless some had to be left out
	Links     []Link   `json:"links,omitempty"`
	Refs      []Ref    `json:"refs,omitempty"`

	// Cut says in words what was shortened or left out to hold the limits, one entry for each field.
	Cut []string `json:"cut,omitempty"`
}

// Incident names one alert cycle of one monitor group.
type Incident struct {
	Org     string `json:"org"`     // the organisation's id, "-" when unknown
	Monitor string `json:"monitor"` // the monitor's id, or a hash of its name when the delivery has none
	// Key tells incidents of one monitor apart: "c." and the cycle key; else "g." and the aggregation key; else
	// "s." and a hash of the scope; for a test "t." and the event, so that a test never touches a real incident.
	Key string `json:"key"`
	// Cycle says that Key names one cycle only, so that a recovery is its end. Without it the same Key comes again
	// with the next cycle.
	Cycle bool `json:"cycle,omitempty"`
}

// String is the incident's key over all organisations and monitors, "org/monitor/key".
func (i Incident) String() string { return i.Org + "/" + i.Monitor + "/" + i.Key }

// Monitor is what raised the alert.
type Monitor struct {
	ID     string `json:"id,omitempty"`
	Name   string `json:"name,omitempty"`
	Type   string `json:"type,omitempty"` // Datadog's $EVENT_TYPE, such as query_alert_monitor
	Query  string `json:"query,omitempty"`
	Metric string `json:"metric,omitempty"`
}

// Link leads a reader to the place where the alert can be looked at. From and To are the time window that the link
// shows, when it names one.
type Link struct {
	Name string    `json:"name"`
	URL  string    `json:"url"`
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Ref is an id with which a log or trace search can begin: message_id, trace_id and the like.
type Ref struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Transition is what the notification says about the monitor group.
type Transition string

// The transitions that Datadog documents (docs.datadoghq.com, Integrations, Webhooks, $ALERT_TRANSITION), and Unknown
// for everything else.
const (
	Triggered   Transition = "Triggered"
	ReTriggered Transition = "Re-Triggered"
	Renotify    Transition = "Renotify"
	Warn        Transition = "Warn"
	ReWarn      Transition = "Re-Warn"
	NoData      Transition = "No Data"
	ReNoData    Transition = "Re-No Data"
	Recovered   Transition = "Recovered"
	Unknown     Transition = "Unknown"
)

// Transitions lists every Transition, for tables and tests.
func Transitions() []Transition {
	return []Transition{Triggered, ReTriggered, Renotify, Warn, ReWarn, NoData, ReNoData, Recovered, Unknown}
}

// Severity orders alerts, the higher the worse. The zero value is not a severity.
type Severity int

// Severities by the Agent's names for them.
const (
	Minimal  Severity = 1
	Low      Severity = 2
	Medium   Severity = 3
	High     Severity = 4
	Critical Severity = 5
)

// String is the Agent's word: CRITICAL, HIGH, MEDIUM, LOW, MINIMAL.
func (s Severity) String() string {
	switch {
	case s >= Critical:
		return "CRITICAL"
	case s == High:
		return "HIGH"
	case s == Medium:
		return "MEDIUM"
	case s == Low:
		return "LOW"
	}
	return "MINIMAL"
}

// Tag returns the value of the first tag with this key, looking at the scope after the tags; "" when there is none.
// Keys are compared without regard to case; a value may hold colons.
func (a *Alert) Tag(key string) string {
	for _, list := range [][]string{a.Tags, a.Scope} {
		for _, t := range list {
			if k, v, ok := strings.Cut(t, ":"); ok && strings.EqualFold(k, key) && v != "" {
				return v
			}
		}
	}
	return ""
}

// OwnMark is the tag of every event that alertbridge itself makes where it tells people what becomes of an alert.
const OwnMark = "alertbridge:event"

// Own tells whether the alert speaks of such an event: it has its tag, among the tags or in the scope, in any case.
func (a *Alert) Own() bool {
	own := func(tag string) bool { return strings.EqualFold(strings.TrimSpace(tag), OwnMark) }
	return slices.ContainsFunc(a.Tags, own) || slices.ContainsFunc(a.Scope, own)
}

// Service is what the alert is about: the tag service, else the scope's first value, else the monitor's name. It is
// never empty.
func (a *Alert) Service() string {
	if s := a.Tag("service"); s != "" {
		return s
	}
	for _, t := range a.Scope {
		if _, v, ok := strings.Cut(t, ":"); ok && v != "" {
			return v
		}
	}
	for _, s := range []string{a.Monitor.Name, a.Title} {
		if s != "" {
			return s
		}
	}
	return "unknown"
}
