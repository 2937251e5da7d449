package scenario

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Notification is what Datadog tells of an alert, before it is the body of a webhook.
type Notification struct {
	Title       string // of the monitor
	MonitorID   string
	MonitorType string // "": a query
	Message     string // "": one that says that nobody wrote it
	Org         string // "": the organisation of scenarios
	Event       string // its id
	Cycle       string // the cycle's key; "": the webhook has none
	Transition  alert.Transition
	Priority    string // "": the monitor has none
	Scope       []string
	Tags        []string
	Test        bool
	At          time.Time
}

// org is the organisation of monitors that name none.
const org = "1000042"

// payload has the fields of shared/datadog/template.json, which a test compares.
type payload struct {
	Schema      string `json:"schema"`
	EventID     string `json:"event_id"`
	MonitorID   string `json:"monitor_id"`
	CycleKey    string `json:"cycle_key"`
	AggregKey   string `json:"aggreg_key"`
	Transition  string `json:"transition"`
	AlertType   string `json:"alert_type"`
	Priority    string `json:"alert_priority"`
	EventType   string `json:"event_type"`
	EventTitle  string `json:"event_title"`
	AlertTitle  string `json:"alert_title"`
	Status      string `json:"alert_status"`
	Query       string `json:"alert_query"`
	Metric      string `json:"alert_metric"`
	Scope       string `json:"alert_scope"`
	Hostname    string `json:"hostname"`
	Tags        string `json:"tags"`
	Date        string `json:"date"`
	LastUpdated string `json:"last_updated"`
	Link        string `json:"link"`
	Snapshot    string `json:"snapshot"`
	OrgID       string `json:"org_id"`
	OrgName     string `json:"org_name"`
	Body        string `json:"body"`
}

// Body is the body of the webhook, as our template makes it.
func (n Notification) Body() []byte {
	title := "[" + string(n.Transition)
	scope := strings.Join(n.Scope, ",")
	if scope != "" {
		title += " on {" + scope + "}"
	}
	title += "] " + n.Title
	if n.Priority != "" {
		title = "[" + n.Priority + "] " + title
	}
	if n.Test {
		title = "[TEST] " + title
	}
	at := strconv.FormatInt(n.At.UnixMilli(), 10)
	p := payload{
		Schema: "1", EventID: n.Event, MonitorID: n.MonitorID, CycleKey: n.Cycle, AggregKey: aggregation(n.MonitorID, scope),
		Transition: string(n.Transition), AlertType: alertType(n.Transition), Priority: n.Priority,
		EventType: or(n.MonitorType, "query_alert_monitor"), EventTitle: title, AlertTitle: n.Title, Scope: scope,
		Tags: strings.Join(n.Tags, ","), Date: at, LastUpdated: at, Link: "https://app.datadoghq.eu/event/event?id=" + n.Event,
		OrgID: or(n.Org, org), OrgName: "Example", Body: or(n.Message, "Written by a scenario."),
	}
	for _, t := range n.Scope {
		if host, found := strings.CutPrefix(t, "host:"); found {
			p.Hostname = host
		}
	}
	out, err := json.Marshal(p)
	if err != nil {
		panic(err) // a struct of strings can be written
	}
	return out
}

// alertType is what Datadog says with each transition.
func alertType(t alert.Transition) string {
	switch t {
	case alert.Recovered:
		return "success"
	case alert.Warn, alert.ReWarn:
		return "warning"
	case alert.Unknown:
		return "info"
	}
	return "error"
}

// EventID is the id of the event that a scenario calls by a number, from 1 to MaxNumber.
func EventID(number int) string {
	return strconv.FormatInt(7_000_000_000_000_000_000+int64(number), 10)
}

// DeliveryID is the delivery of that event, where its monitor names no organisation.
func DeliveryID(number int) string { return "dd-" + org + "-" + EventID(number) }

// CycleKey is the key of the cycle that a scenario calls by a number, from 1 to MaxNumber; "" for 0.
func CycleKey(number int) string {
	if number == 0 {
		return ""
	}
	return strconv.FormatInt(6_000_000_000_000_000_000+int64(number), 10)
}

// monitorID looks like those of Datadog, and is the same for the same monitor.
func monitorID(org, name string) string {
	return strconv.FormatUint(10_000_000+hash(org, name)%89_999_999, 10)
}

// eventID looks like those of Datadog, 19 digits.
func eventID(title string, n int) string {
	return strconv.FormatUint(8_000_000_000_000_000_000+hash(title, strconv.Itoa(n))%999_999_999_999_999_999, 10)
}

// aggregation is a key of 16 hexadecimal digits, the same for the same group of a monitor.
func aggregation(monitor, scope string) string {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], hash(monitor, scope))
	return hex.EncodeToString(key[:])
}

func hash(parts ...string) uint64 {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return binary.BigEndian.Uint64(sum[:8])
}
