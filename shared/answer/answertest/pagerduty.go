package answertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Incident is one that PagerDuty has opened. PagerDuty calls it an alert of an incident; here each has one.
type Incident struct {
	Key          string // its dedup_key
	RoutingKey   string
	Open         bool
	Acknowledged bool
	Triggers     int // how often it was triggered while it was open
	Opened       time.Time
	Resolved     time.Time
	Last         PagerDutyEvent // the latest trigger
}

// PagerDutyEvent is one that PagerDuty has accepted, an alert event or a change event.
type PagerDutyEvent struct {
	At         time.Time `json:"-"` // when it came
	RoutingKey string    `json:"routing_key"`
	Action     string    `json:"event_action"` // "" for a change
	DedupKey   string    `json:"dedup_key"`
	Client     string    `json:"client"`
	Payload    struct {
		Summary   string         `json:"summary"`
		Source    string         `json:"source"`
		Severity  string         `json:"severity"`
		Timestamp string         `json:"timestamp"`
		Component string         `json:"component"`
		Group     string         `json:"group"`
		Class     string         `json:"class"`
		Details   map[string]any `json:"custom_details"`
	} `json:"payload"`
	Links []struct{ Href, Text string } `json:"links"`
}

// PagerDuty stands in for PagerDuty's Events API v2.
type PagerDuty struct {
	*Server
	// held by mu
	events    []PagerDutyEvent
	changes   []PagerDutyEvent
	incidents []*Incident
}

// NewPagerDuty starts one with a routing key of its own. The error is the listener's.
func NewPagerDuty(o Options) (*PagerDuty, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	p := &PagerDuty{Server: s}
	s.judge = p.take
	return p, nil
}

// Events are the alert events accepted so far, in the order in which they came, also those that did nothing.
func (p *PagerDuty) Events() []PagerDutyEvent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]PagerDutyEvent(nil), p.events...)
}

// Changes are the change events accepted so far, in the order in which they came.
func (p *PagerDuty) Changes() []PagerDutyEvent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]PagerDutyEvent(nil), p.changes...)
}

// Incidents are all that were ever opened, in that order.
func (p *PagerDuty) Incidents() []Incident {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Incident
	for _, i := range p.incidents {
		all = append(all, *i)
	}
	return all
}

const (
	alertPath  = "/v2/enqueue"
	changePath = "/v2/change/enqueue"
	maxEvent   = 512 << 10
)

func (p *PagerDuty) take(r *Request) verdict {
	if r.Path != alertPath && r.Path != changePath {
		return verdict{status: http.StatusNotFound, errs: []string{"no such endpoint"}}
	}
	check := CheckAlertEvent
	if r.Path == changePath {
		check = CheckChangeEvent
	}
	errs := check(r.Body)
	var e PagerDutyEvent
	if len(errs) == 0 {
		if err := json.Unmarshal(r.Body, &e); err != nil {
			panic("answertest: a valid event cannot fail to decode: " + err.Error())
		}
		if e.RoutingKey != p.key && !p.options.AnyKey {
			errs = []string{"Invalid routing key"}
		}
	}
	if len(errs) > 0 {
		return verdict{
			status: http.StatusBadRequest, errs: errs,
			body: `{"status":"invalid event","message":"Event object is invalid","errors":` + list(errs) + `}`,
		}
	}
	e.At = r.At
	if r.Path == changePath {
		p.changes = append(p.changes, e)
		return verdict{status: http.StatusAccepted, body: `{"status":"success","message":"Change event processed"}`, taken: true}
	}
	if e.DedupKey == "" {
		e.DedupKey = fmt.Sprintf("generated-%d", len(p.events))
	}
	p.events = append(p.events, e)
	p.apply(e)
	key, _ := json.Marshal(e.DedupKey)
	return verdict{
		status: http.StatusAccepted, taken: true,
		body: `{"status":"success","message":"Event processed","dedup_key":` + string(key) + `}`,
	}
}

// apply does to the incidents what an event says. What is about no open incident of the same routing key is dropped,
// unless it is a trigger.
func (p *PagerDuty) apply(e PagerDutyEvent) {
	i := slices.IndexFunc(p.incidents, func(i *Incident) bool {
		return i.Open && i.Key == e.DedupKey && i.RoutingKey == e.RoutingKey
	})
	if i < 0 {
		if e.Action != "trigger" {
			return
		}
		p.incidents = append(p.incidents, &Incident{Key: e.DedupKey, RoutingKey: e.RoutingKey, Open: true, Opened: e.At})
		i = len(p.incidents) - 1
	}
	switch incident := p.incidents[i]; e.Action {
	case "trigger":
		incident.Triggers++
		incident.Last = e
	case "acknowledge":
		incident.Acknowledged = true
	case "resolve":
		incident.Open, incident.Resolved = false, e.At
	}
}

// routingKey wants the form that PagerDuty asks for, with its words.
func routingKey(_ string, v any) []string {
	s, ok := v.(string)
	switch {
	case !ok || len(s) != 32:
		return []string{"Length of 'routing_key' is incorrect (should be 32 characters)"}
	case !wellFormed(s):
		return []string{"'routing_key' cannot contain non-alphanumeric characters."}
	}
	return nil
}

var links = listOf(shape{needs: []string{"href"}, members: map[string]rule{"href": webAddress, "text": text(0, maxEvent)}}.check)

var images = listOf(shape{
	needs:   []string{"src"},
	members: map[string]rule{"src": webAddress, "href": webAddress, "alt": text(0, maxEvent)},
}.check)

// CheckAlertEvent says what is wrong with the body of an alert event.
func CheckAlertEvent(body []byte) []string {
	v, errs := decodeEvent(body)
	if errs != nil {
		return errs
	}
	payload := shape{
		needs: []string{"summary", "source", "severity"},
		members: map[string]rule{
			"summary":        text(1, 1024),
			"source":         text(1, maxEvent),
			"severity":       oneOf("critical", "error", "warning", "info"),
			"timestamp":      timestamp,
			"component":      text(0, maxEvent),
			"group":          text(0, maxEvent),
			"class":          text(0, maxEvent),
			"custom_details": anyObject,
		},
	}
	event := shape{
		needs: []string{"routing_key", "event_action"},
		members: map[string]rule{
			"routing_key": routingKey, "event_action": oneOf("trigger", "acknowledge", "resolve"), "dedup_key": text(0, 255),
			"payload": payload.check, "client": text(0, maxEvent), "client_url": webAddress, "links": links, "images": images,
		},
	}
	switch v["event_action"] {
	case "trigger":
		event.needs = append(event.needs, "payload")
	default:
		event.needs = append(event.needs, "dedup_key")
		event.members["dedup_key"] = text(1, 255)
	}
	return event.check("event", v)
}

// CheckChangeEvent says what is wrong with the body of a change event.
func CheckChangeEvent(body []byte) []string {
	v, errs := decodeEvent(body)
	if errs != nil {
		return errs
	}
	payload := shape{
		needs: []string{"summary"},
		members: map[string]rule{
			"summary": text(1, 1024), "source": text(0, maxEvent), "timestamp": timestamp, "custom_details": anyObject,
		},
	}
	return shape{
		needs:   []string{"routing_key", "payload"},
		members: map[string]rule{"routing_key": routingKey, "payload": payload.check, "links": links},
	}.check("event", v)
}

func decodeEvent(body []byte) (map[string]any, []string) {
	if len(body) > maxEvent {
		return nil, []string{"Event object is too large"}
	}
	v, err := decode(body)
	if err != nil {
		return nil, []string{"JSON parse error"}
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, []string{"Event object format is unrecognized"}
	}
	return object, nil
}
