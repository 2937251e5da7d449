package pagerduty

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// PagerDuty's limits, in characters; see the package comment. A body is far below 512 KB, because an Answer is bounded.
const (
	maxSummary  = 1024
	maxDedupKey = 255
)

// message is the body of both endpoints. A change has no action and no key.
type message struct {
	RoutingKey  string   `json:"routing_key"`
	EventAction string   `json:"event_action,omitempty"`
	DedupKey    string   `json:"dedup_key,omitempty"`
	Client      string   `json:"client,omitempty"`
	Payload     *payload `json:"payload,omitempty"`
	Links       []link   `json:"links,omitempty"`
}

type payload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity,omitempty"`
	Timestamp string            `json:"timestamp,omitempty"`
	Component string            `json:"component,omitempty"`
	Group     string            `json:"group,omitempty"`
	Class     string            `json:"class,omitempty"`
	Details   map[string]string `json:"custom_details,omitempty"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text,omitempty"`
}

// newMessages are an Answer as PagerDuty takes it, in the order in which they are sent, without the routing key; or why it
// does not. What closes an incident comes before what is shown: it can be repeated and does nothing then.
func newMessages(a answer.Answer) (list []message, unfit string) {
	a = a.Ready()
	switch a.Page {
	case answer.Change:
		return []message{newMessage(a, "", "")}, ""
	case answer.Trigger, answer.Resolve, answer.Conclude:
	default:
		return nil, "the answer says nothing to the pager"
	}
	key := a.PageKey
	if key == "" {
		key = a.Case
	}
	switch {
	case key == "":
		return nil, "the answer names no incident of the pager"
	case utf8.RuneCountInString(key) > maxDedupKey:
		// Cut, it would be another incident.
		return nil, fmt.Sprintf("the key of the pager's incident is longer than %d characters", maxDedupKey)
	}
	switch a.Page {
	case answer.Trigger:
		return []message{newMessage(a, "trigger", key)}, ""
	case answer.Conclude:
		return []message{newMessage(a, "resolve", key), newMessage(a, "", "")}, ""
	}
	return []message{newMessage(a, "resolve", key)}, ""
}

// newMessage is one event; a change has no action and no key.
func newMessage(a answer.Answer, action, key string) message {
	m := message{EventAction: action, DedupKey: key, Payload: newPayload(a, action != "")}
	if action == "trigger" {
		m.Client = "alertbridge"
	}
	for _, l := range a.Links {
		m.Links = append(m.Links, link{Href: l.URL, Text: l.Name})
	}
	return m
}

func newPayload(a answer.Answer, ofIncident bool) *payload {
	p := &payload{Summary: a.Title, Source: a.Service, Details: details(a)}
	if p.Summary == "" {
		p.Summary = strings.TrimSuffix("alertbridge: "+string(a.Moment), ": ")
	}
	p.Summary, _ = alert.Cut(p.Summary, maxSummary)
	if p.Source == "" {
		p.Source = "alertbridge"
	}
	if !a.At.IsZero() {
		p.Timestamp = a.At.Format("2006-01-02T15:04:05.000Z")
	}
	if !ofIncident {
		return p // a change has no more
	}
	p.Severity = severity(a.Severity)
	p.Component, p.Group, p.Class = a.Service, a.Env, string(a.Moment)
	return p
}

func details(a answer.Answer) map[string]string {
	d := map[string]string{}
	for name, v := range map[string]string{
		"answer": a.ID, "case": a.Case, "text": a.Text, "service": a.Service, "env": a.Env, "tags": strings.Join(a.Tags, ", "),
	} {
		if v != "" {
			d[name] = v
		}
	}
	return d
}

// severity is PagerDuty's word.
func severity(s alert.Severity) string {
	switch {
	case s >= alert.Critical:
		return "critical"
	case s == alert.High:
		return "error"
	case s == alert.Medium:
		return "warning"
	}
	return "info"
}

// encode puts the key in. The result is as secret as the key.
func (m message) encode(key secret.Value) []byte {
	m.RoutingKey = key.Reveal()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		panic("pagerduty: texts cannot fail to encode: " + strings.ReplaceAll(err.Error(), m.RoutingKey, secret.Placeholder))
	}
	return bytes.TrimSpace(out.Bytes())
}
