package memledger

import (
	"time"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// keptAlert is what a table gives back of an alert that opened a case: what its JSON says of it. For nearly every alert
// that is a copy.
func keptAlert(a alert.Alert) (alert.Alert, error) {
	if survives(&a) {
		return copyAlert(a), nil
	}
	text, err := ledger.EncodeLead(a)
	if err != nil {
		return alert.Alert{}, err
	}
	return ledger.DecodeLead(text)
}

// survives tells whether an alert comes back from its JSON as it was, except that lists of nothing become nil.
func survives(a *alert.Alert) bool {
	if !inUTF8(
		a.Delivery, a.Source, a.Shape, a.OrgID, a.OrgName, a.EventID, a.Aggregation, a.Incident.Org, a.Incident.Monitor, a.Incident.Key,
		a.Monitor.ID, a.Monitor.Name, a.Monitor.Type, a.Monitor.Query, a.Monitor.Metric, string(a.Transition), a.RawTransition,
		a.Priority, a.AlertType, a.Title, a.Text, a.Status, a.Value, a.Threshold, a.Hostname, a.Snapshot,
	) || !inUTF8(a.Scope...) || !inUTF8(a.Tags...) || !inUTF8(a.Cut...) || !inUTC(a.Time) {
		return false
	}
	for _, l := range a.Links {
		if !inUTF8(l.Name, l.URL) || !inUTC(l.From) || !inUTC(l.To) {
			return false
		}
	}
	for _, r := range a.Refs {
		if !inUTF8(r.Name, r.Value) {
			return false
		}
	}
	return true
}

func inUTF8(texts ...string) bool {
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return false
		}
	}
	return true
}

// inUTC tells whether a time has nothing that JSON leaves out, a reading of the process's clock or a place, and no year
// that JSON cannot say.
func inUTC(t time.Time) bool {
	return t == t.UTC().Round(0) && 0 <= t.Year() && t.Year() <= 9999
}
