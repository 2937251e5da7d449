package datadog

import (
	"slices"
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/redact"
)

// identify names the incident and the delivery of an alert that is otherwise complete.
//
// The incident is one cycle of one monitor group where the body has the cycle key; else the group, by Datadog's
// aggregation key or by the scope. It is never the monitor alone: an empty scope is the scope of a simple alert, which
// has one group. A test gets an incident of its own.
//
// The delivery is the event's. Without an event it is what the body tells of it; without a time as well, nothing tells
// a repetition from a new alert, and a new one must not be lost: every delivery then counts as its own, and a
// repetition joins its incident.
//
// A part that holds a secret is hashed, and not by the key that pseudonyms are made with: when that one is replaced, an
// incident's recovery must still find it.
func (b *body) identify(a *alert.Alert) (alert.Incident, string) {
	i := alert.Incident{Org: orgPart(a.OrgID), Monitor: alert.MakeSafe(part(a.Monitor.ID))}
	if a.Monitor.ID == "" {
		i.Monitor = "m-" + alert.Hash(i.Org, a.Monitor.Name)
	}
	i.Key, i.Cycle = b.groupKey(a.Scope)

	delivery := DeliveryID(i.Org, a.EventID)
	if a.EventID == "" {
		delivery += "h" + alert.Hash(i.String(), string(a.Transition), a.RawTransition, a.Time.Format("2006-01-02T15:04:05.000Z"), a.Title)
	}
	if a.Test {
		i.Key, i.Cycle = alert.MakeSafe("t."+part(first(a.EventID, alert.Hash(delivery)))), true
	}
	return i, delivery
}

// DeliveryID is the id of the delivery that brought an event, by the organisation as alert.Incident has it.
func DeliveryID(org, event string) string {
	id := "dd-" + deliveryOrg(org) + "-"
	if event == "" {
		return id // what follows tells deliveries without an event apart
	}
	return alert.MakeSafe(id + part(event))
}

func (b *body) groupKey(scope []string) (key string, cycle bool) {
	if k := b.getIf(cycleKey, isID); k != "" {
		return alert.MakeSafe("c." + part(k)), true
	}
	// The Agent's user guide has the cycle key in the incident's id.
	if k, ok := strings.CutPrefix(b.get(incidentID), "datadog-"); ok && isID(k) {
		return alert.MakeSafe("c." + part(k)), true
	}
	if k := b.getIf(aggregKey, isID); k != "" {
		return alert.MakeSafe("g." + part(k)), false
	}
	return "s." + alert.Hash(slices.Sorted(slices.Values(scope))...), false
}

// readAggregation is the aggregation key as Datadog knows it. One with characters that nobody sees could only be kept as
// another, so it counts as none.
func (b *body) readAggregation() string {
	if k := b.getIf(aggregKey, isID); k == alert.Value(k) {
		return k
	}
	return ""
}

func orgPart(id string) string {
	if id == "" {
		return "-"
	}
	return alert.MakeSafe(part(id))
}

// part is a part of a name, or its hash when it holds a secret.
func part(s string) string {
	if redact.Has(s) || redact.Has(alert.Line(s)) {
		return "x-" + alert.Hash(s)
	}
	return s
}

// deliveryOrg keeps organisation and event apart: Datadog's organisations are numbers, and 0 is none of them.
func deliveryOrg(org string) string {
	switch {
	case org == "-":
		return "0"
	case isDigits(org) && len(org) <= 32:
		return org
	}
	return alert.Hash(org)
}
