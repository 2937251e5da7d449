package pagerduty

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
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

// newMessage is an Answer as PagerDuty takes it, without the routing key; or why it does not.
func newMessage(a answer.Answer) (m message, unfit string) {
	if !slices.Contains(answer.Pages(), a.Page) || a.Page == answer.NoPage {
		return m, "the answer says nothing to the pager"
	}
	a = a.Ready()
	m.EventAction, m.DedupKey = string(a.Page), a.PageKey
	if m.DedupKey == "" {
		m.DedupKey = a.Case
	}
	switch {
	case a.Page == answer.Change:
		m.EventAction, m.DedupKey = "", ""
	case m.DedupKey == "":
		return m, "the answer names no incident of the pager"
	case utf8.RuneCountInString(m.DedupKey) > maxDedupKey:
		// Cut, it would be another incident.
		return m, fmt.Sprintf("the key of the pager's incident is longer than %d characters", maxDedupKey)
	}
	if a.Page == answer.Acknowledge || a.Page == answer.Resolve {
		return m, "" // the rest is not read
	}
	if a.Page == answer.Trigger {
		m.Client = "alertbridge"
	}
	m.Payload = newPayload(a)
	for _, l := range a.Links {
		m.Links = append(m.Links, link{Href: l.URL, Text: l.Name})
	}
	return m, ""
}

func newPayload(a answer.Answer) *payload {
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
	if a.Page == answer.Change {
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
