package answertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// Event is one that Datadog has accepted.
type Event struct {
	At             time.Time `json:"-"` // when it came
	Title          string    `json:"title"`
	Text           string    `json:"text"`
	Tags           []string  `json:"tags"`
	AggregationKey string    `json:"aggregation_key"`
	AlertType      string    `json:"alert_type"`
	Priority       string    `json:"priority"`
	SourceTypeName string    `json:"source_type_name"`
	DateHappened   int64     `json:"date_happened"`
}

// Datadog stands in for Datadog's endpoint "Post an event", v1.
type Datadog struct {
	*Server
	events []Event // held by mu
}

// NewDatadog starts one with an API key of its own. The error is the listener's.
func NewDatadog(o Options) (*Datadog, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	d := &Datadog{Server: s}
	s.judge = d.take
	return d, nil
}

// Events are those accepted so far, in the order in which they came.
func (d *Datadog) Events() []Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Event(nil), d.events...)
}

const (
	datadogPath   = "/api/v1/events"
	oldestEvent   = 18 * time.Hour
	forbidden     = `{"status":"error","code":403,"errors":["Forbidden"],"statuspage":"http://status.datadoghq.com"}`
	acceptedEvent = `{"status":"ok","event":{"id":%d,"title":%s,"url":"/event/event?id=%d"}}`
)

func (d *Datadog) take(r *Request) verdict {
	key := r.Header.Get("DD-API-KEY")
	switch {
	case r.Path != datadogPath:
		return verdict{status: http.StatusNotFound, body: `{"errors":["Not found"]}`, errs: []string{"no such endpoint"}}
	case key != d.key && !(d.options.AnyKey && wellFormed(key)):
		return verdict{status: http.StatusForbidden, body: forbidden, errs: []string{"wrong or no API key"}}
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		return verdict{status: http.StatusUnsupportedMediaType, body: `{"errors":["Unsupported media type"]}`, errs: []string{"not sent as JSON"}}
	}
	if errs := CheckEvent(r.Body, r.At); len(errs) > 0 {
		return verdict{status: http.StatusBadRequest, body: `{"errors":` + list(errs) + `}`, errs: errs}
	}
	e := Event{At: r.At}
	if err := json.Unmarshal(r.Body, &e); err != nil {
		panic("answertest: a valid event cannot fail to decode: " + err.Error())
	}
	d.events = append(d.events, e)
	title, _ := json.Marshal(e.Title)
	id := 7000000000000000000 + int64(len(d.events))
	return verdict{status: http.StatusAccepted, body: fmt.Sprintf(acceptedEvent, id, title, id), taken: true}
}

// CheckEvent says what is wrong with the body of an event that comes at some time. A text that is longer than Datadog shows
// is wrong here, and so is a tag that Datadog would write otherwise.
func CheckEvent(body []byte, now time.Time) []string {
	v, err := decode(body)
	if err != nil {
		return []string{"Payload is not in the expected format: " + err.Error()}
	}
	const any = 1 << 20
	return shape{
		open:  true, // of Datadog's own client's model
		needs: []string{"title", "text"},
		members: map[string]rule{
			"title":            text(1, any),
			"text":             text(1, 4000),
			"tags":             listOf(datadogTag),
			"aggregation_key":  text(1, 100),
			"alert_type":       oneOf("error", "warning", "info", "success", "user_update", "recommendation", "snapshot"),
			"priority":         oneOf("normal", "low"),
			"source_type_name": text(1, any),
			"host":             text(1, any),
			"device_name":      text(1, any),
			"related_event_id": integer(func(int64) string { return "" }),
			"date_happened": integer(func(seconds int64) string {
				if now.Sub(time.Unix(seconds, 0)) > oldestEvent {
					return "is older than 18 hours"
				}
				return ""
			}),
		},
	}.check("event", v)
}

// datadogTag wants a tag as Datadog writes it.
func datadogTag(at string, v any) []string {
	if errs := text(1, 200)(at, v); len(errs) > 0 {
		return errs
	}
	for i, r := range v.(string) {
		letter := unicode.IsLetter(r)
		if i == 0 && !letter || !letter && !unicode.IsDigit(r) && !strings.ContainsRune("_-:./", r) {
			return wrong(at, "is no tag")
		}
	}
	return nil
}
