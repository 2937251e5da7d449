package datadog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Decode makes an alert of the body of a delivery that came at received. The alert is clean, within the limits of
// package alert, its texts are as hide returns them, and it depends on nothing but the arguments. The error is always a
// *DecodeError: such a body will never be an alert, however often it comes.
//
// hide sees the alert when it is complete and before it is cut, for half a secret would not be found. By what the alert
// is called does not depend on it; see identify. A nil hide hides nothing.
func Decode(raw []byte, received time.Time, hide func(string) string) (alert.Alert, error) {
	b, err := readBody(raw)
	if err != nil {
		return alert.Alert{}, err
	}
	a := alert.Alert{Source: "datadog", Shape: b.shape()}
	text := withoutCredentials(alert.Clean(b.get(message)))
	head := b.readTitle()
	found := findLinks(text)

	if a.Title = head.name; a.Title == "" {
		a.Title = firstLine(text)
	}
	a.Monitor = b.readMonitor(a.Title, found)
	a.EventID = b.readEventID(found)
	a.Aggregation = b.readAggregation()
	if head.name == "" && a.Monitor.ID == "" && (a.EventID == "" || text == "") {
		return alert.Alert{}, &DecodeError{NotAnAlert, "The body has no title and names no monitor, nor an event with a text: paste alertbridge's payload template into the webhook in Datadog."}
	}

	a.OrgID, a.OrgName = alert.Value(b.get(orgID)), alert.Line(b.get(orgName))
	a.Hostname = alert.Value(b.get(hostname))
	a.Scope = b.readScope(head, found)
	a.Tags = b.readTags(a.Scope)

	a.Transition, a.RawTransition = b.readTransition(head)
	a.Test = head.test || head.transition == "" && testSentence(text)
	a.AlertType = alert.Value(b.get(alertType))
	a.Priority = b.readPriority(head)
	a.Severity = severity(a.Priority, strings.ToLower(a.AlertType), a.Transition)
	a.Time, a.TimeAssumed = b.readTime(received)

	a.Text = withoutFooter(text)
	a.Status = withoutCredentials(alert.Line(b.getIf(alertStatus, notATransition)))
	a.Value, a.Threshold = b.readMeasure(text, a.Status, a.Transition)
	a.Snapshot = b.readSnapshot(found)
	a.Links = b.readLinks(found)
	a.Refs = b.readRefs(a.Tags, text)

	a.Incident, a.Delivery = b.identify(&a)
	if hide != nil {
		key := a.Aggregation
		if a.Rewrite(hide); a.Aggregation != key {
			a.Aggregation = "" // with a pseudonym in it, nothing in Datadog has it
		}
	}
	a.AlertType = strings.ToLower(a.AlertType) // not before: it could be a token, of which capitals are a part
	if b.cut {
		a.Cut = append(a.Cut, fmt.Sprintf("values beyond the first %d were not looked at", maxLeaves))
	}
	a.Bound()
	return a, nil
}

// shape says which payload this is, for people who wonder why something is missing.
func (b *body) shape() string {
	switch {
	case b.get(schema) != "":
		return "alertbridge/" + alert.Value(b.get(schema))
	case b.get(incidentID) != "":
		return "aws-devops-agent"
	case b.only("id", "last_updated", "event_type", "title", "date", "body"):
		return "datadog-default"
	}
	return "other"
}

// only tells whether the body has no names at its top but these.
func (b *body) only(names ...string) bool {
	for _, l := range b.leaves {
		if l.top && !slices.Contains(names, l.name) || !l.top && l.parent != "org" {
			return false
		}
	}
	return true
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return alert.Line(line)
}

func (b *body) readMonitor(title string, found []pageLink) alert.Monitor {
	m := alert.Monitor{
		ID:     alert.Value(b.getIf(monitorID, isID)),
		Name:   title,
		Type:   alert.Value(b.getIf(eventType, notTheAgents)),
		Query:  alert.Value(b.get(alertQuery)),
		Metric: alert.Value(b.get(alertMetric)),
	}
	if m.ID == "" {
		m.ID = lastMonitorID(found)
	}
	return m
}

// notTheAgents drops the constant eventType of AWS DevOps Agent, which is no type of a monitor.
func notTheAgents(s string) bool { return s != "incident" }

// isID tells what can be an id of Datadog's: one word with a digit in it that is not zero.
func isID(s string) bool {
	return strings.ContainsAny(s, "123456789") && !strings.ContainsAny(s, " \t\n$")
}

func (b *body) readEventID(found []pageLink) string {
	if id := b.getIf(eventID, isID); id != "" {
		return alert.Value(id)
	}
	if id := eventIDOf(b.get(link)); id != "" {
		return id
	}
	if id := lastEventID(found); id != "" {
		return id
	}
	// The Agent's template has one id only. With its advice it is "datadog-" and the cycle key; a bare one is $ID.
	return alert.Value(b.getIf(incidentID, func(s string) bool { return isDigits(s) && isID(s) }))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
