package queue

import (
	"strconv"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/plain"
)

// readPlain reads an envelope of an alert as Encode writes it; ok is false for every other message, also for one that is
// all right. It is what encoding/json makes of it, in a fifth of the time.
func readPlain(text string) (e Envelope, ok bool) {
	r := reader{plain.Read(text)}
	object(r, &e, envelopeFields)
	return e, r.OK()
}

// reader reads what an envelope is made of.
type reader struct{ *plain.Reader }

// field is one name of an object, and how its value is read into a T.
type field[T any] struct {
	name string
	read func(reader, *T)
}

// object reads an object that has some of these fields, each once. Another name is not plain, for it could be one of
// these in another case; nor is one that comes twice: what then becomes of the first one depends on its kind.
func object[T any](r reader, into *T, fields []field[T]) {
	had, at := uint64(0), 0
	r.Object(func(name string) {
		for range fields { // from the one after the last one on, for so they are written
			i := at
			at = (at + 1) % len(fields)
			if fields[i].name != name {
				continue
			}
			if had&(1<<i) != 0 {
				r.Fail()
			}
			had |= 1 << i
			fields[i].read(r, into)
			return
		}
		r.Fail()
	})
}

// The fields stand in the order in which encoding/json writes them.
var (
	envelopeFields = []field[Envelope]{
		{"v", func(r reader, e *Envelope) { e.Version = r.integer() }},
		{"kind", func(r reader, e *Envelope) { e.Kind = Kind(r.String()) }},
		{"delivery", func(r reader, e *Envelope) { e.Delivery = r.String() }},
		{"received", func(r reader, e *Envelope) { e.Received = r.time() }},
		{"request_id", func(r reader, e *Envelope) { e.RequestID = r.String() }},
		{"alert", func(r reader, e *Envelope) {
			e.Alert = &alert.Alert{}
			object(r, e.Alert, alertFields)
		}},
	}
	alertFields = []field[alert.Alert]{
		{"delivery", func(r reader, a *alert.Alert) { a.Delivery = r.String() }},
		{"source", func(r reader, a *alert.Alert) { a.Source = r.String() }},
		{"shape", func(r reader, a *alert.Alert) { a.Shape = r.String() }},
		{"org_id", func(r reader, a *alert.Alert) { a.OrgID = r.String() }},
		{"org_name", func(r reader, a *alert.Alert) { a.OrgName = r.String() }},
		{"event_id", func(r reader, a *alert.Alert) { a.EventID = r.String() }},
		{"aggregation", func(r reader, a *alert.Alert) { a.Aggregation = r.String() }},
		{"incident", func(r reader, a *alert.Alert) { object(r, &a.Incident, incidentFields) }},
		{"monitor", func(r reader, a *alert.Alert) { object(r, &a.Monitor, monitorFields) }},
		{"transition", func(r reader, a *alert.Alert) { a.Transition = alert.Transition(r.String()) }},
		{"raw_transition", func(r reader, a *alert.Alert) { a.RawTransition = r.String() }},
		{"test", func(r reader, a *alert.Alert) { a.Test = r.Bool() }},
		{"severity", func(r reader, a *alert.Alert) { a.Severity = alert.Severity(r.integer()) }},
		{"priority", func(r reader, a *alert.Alert) { a.Priority = r.String() }},
		{"alert_type", func(r reader, a *alert.Alert) { a.AlertType = r.String() }},
		{"time", func(r reader, a *alert.Alert) { a.Time = r.time() }},
		{"time_assumed", func(r reader, a *alert.Alert) { a.TimeAssumed = r.Bool() }},
		{"title", func(r reader, a *alert.Alert) { a.Title = r.String() }},
		{"text", func(r reader, a *alert.Alert) { a.Text = r.String() }},
		{"status", func(r reader, a *alert.Alert) { a.Status = r.String() }},
		{"value", func(r reader, a *alert.Alert) { a.Value = r.String() }},
		{"threshold", func(r reader, a *alert.Alert) { a.Threshold = r.String() }},
		{"hostname", func(r reader, a *alert.Alert) { a.Hostname = r.String() }},
		{"snapshot", func(r reader, a *alert.Alert) { a.Snapshot = r.String() }},
		{"scope", func(r reader, a *alert.Alert) { a.Scope = list(r, reader.text) }},
		{"tags", func(r reader, a *alert.Alert) { a.Tags = list(r, reader.text) }},
		{"links", func(r reader, a *alert.Alert) { a.Links = list(r, reader.link) }},
		{"refs", func(r reader, a *alert.Alert) { a.Refs = list(r, reader.ref) }},
		{"cut", func(r reader, a *alert.Alert) { a.Cut = list(r, reader.text) }},
	}
	incidentFields = []field[alert.Incident]{
		{"org", func(r reader, i *alert.Incident) { i.Org = r.String() }},
		{"monitor", func(r reader, i *alert.Incident) { i.Monitor = r.String() }},
		{"key", func(r reader, i *alert.Incident) { i.Key = r.String() }},
		{"cycle", func(r reader, i *alert.Incident) { i.Cycle = r.Bool() }},
	}
	monitorFields = []field[alert.Monitor]{
		{"id", func(r reader, m *alert.Monitor) { m.ID = r.String() }},
		{"name", func(r reader, m *alert.Monitor) { m.Name = r.String() }},
		{"type", func(r reader, m *alert.Monitor) { m.Type = r.String() }},
		{"query", func(r reader, m *alert.Monitor) { m.Query = r.String() }},
		{"metric", func(r reader, m *alert.Monitor) { m.Metric = r.String() }},
	}
	linkFields = []field[alert.Link]{
		{"name", func(r reader, l *alert.Link) { l.Name = r.String() }},
		{"url", func(r reader, l *alert.Link) { l.URL = r.String() }},
		{"from", func(r reader, l *alert.Link) { l.From = r.time() }},
		{"to", func(r reader, l *alert.Link) { l.To = r.time() }},
	}
	refFields = []field[alert.Ref]{
		{"name", func(r reader, f *alert.Ref) { f.Name = r.String() }},
		{"value", func(r reader, f *alert.Ref) { f.Value = r.String() }},
	}
)

// list reads a list; one of nothing is not nil, as encoding/json has it.
func list[E any](r reader, item func(reader) E) []E {
	all := []E{}
	r.List(func() { all = append(all, item(r)) })
	return all
}

func (r reader) text() string { return r.String() }

func (r reader) link() (l alert.Link) {
	object(r, &l, linkFields)
	return l
}

func (r reader) ref() (f alert.Ref) {
	object(r, &f, refFields)
	return f
}

func (r reader) integer() int {
	n, err := strconv.Atoi(r.Number())
	if err != nil {
		r.Fail()
	}
	return n
}

// time reads a time as encoding/json does, which does not look at what is escaped in it.
func (r reader) time() (t time.Time) {
	if err := t.UnmarshalText([]byte(r.Verbatim())); err != nil {
		r.Fail()
	}
	return t
}
