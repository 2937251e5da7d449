package agent

import (
	"fmt"
	"slices"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// roomDataCut is kept free in the data for saying what was left out of it.
const roomDataCut = 250

// data is the normalised alert as one JSON object of at most room bytes: what a search begins with first, so that the
// least is lost when something must go. The message is in the description and not said twice.
func data(r Report, room int) []byte {
	a := &r.Lead
	o := &object{room: room - roomDataCut}
	o.ids(a.Refs)
	o.text("source", a.Source)
	o.text("event_id", a.EventID)
	o.text("monitor_id", a.Monitor.ID)
	o.text("monitor_type", a.Monitor.Type)
	o.text("transition", string(a.Transition))
	o.text("raw_transition", a.RawTransition)
	o.text("severity", r.Severity.String())
	o.text("priority", a.Priority)
	o.text("alert_type", a.AlertType)
	o.text("time", second(a.Time))
	o.text("hostname", a.Hostname)
	o.list("scope", texts(a.Scope))
	o.text("incident", a.Incident.String())
	o.text("delivery", a.Delivery)
	o.text("org_id", a.OrgID)
	o.text("org_name", a.OrgName)
	o.text("monitor_name", a.Monitor.Name)
	o.text("value", a.Value)
	o.text("threshold", a.Threshold)
	o.text("status", a.Status)
	o.text("metric", a.Monitor.Metric)
	o.list("links", linkObjects(a))
	o.list("tags", texts(a.Tags))
	o.long("query", a.Monitor.Query, alert.MaxQuery)
	o.text("title", a.Title)
	return o.end(lines(a.Cut), roomDataCut)
}

func texts(list []string) []any {
	var out []any
	for _, s := range list {
		if s = alert.Value(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func linkObjects(a *alert.Alert) []any {
	type link struct {
		Name string `json:"name"`
		URL  string `json:"url"`
		From string `json:"from,omitempty"`
		To   string `json:"to,omitempty"`
	}
	var out []any
	for _, l := range slices.Concat(a.Links, []alert.Link{{Name: "snapshot", URL: a.Snapshot}}) {
		if address := plainAddress(l.URL); address != "" {
			o := link{Name: fit(ascii(l.Name), 40, 80), URL: address}
			if !l.From.IsZero() && !l.To.IsZero() {
				o.From, o.To = second(l.From), second(l.To)
			}
			out = append(out, o)
		}
	}
	return out
}

// object is a JSON object that is written field by field while there is room. Its fields keep their order, and no
// name comes twice.
type object struct {
	buf   []byte
	room  int
	names []string
	cut   []string
}

// ids writes each id under its own name, so that who knows the name finds it; a name that is taken gets a number. They
// take half of the room at most.
func (o *object) ids(refs []alert.Ref) {
	least, left := o.room/2, 0
	for _, ref := range refs {
		name, value := ascii(ref.Name), ascii(ref.Value)
		if name == "" || value == "" {
			continue
		}
		own := name
		for n := 2; slices.Contains(o.names, name) || reserved(name); n++ {
			name = fmt.Sprintf("%s_%d", own, n)
		}
		if o.room-len(name)-len(value) < least || !o.put(name, value) {
			left++
		}
	}
	if left > 0 {
		o.cut = append(o.cut, fmt.Sprintf("ids: %d of %d left out", left, len(refs)))
	}
}

// text writes a value of one line; none is written for an empty one.
func (o *object) text(name, value string) { o.long(name, value, alert.MaxField) }

func (o *object) long(name, value string, most int) {
	value = alert.Value(value)
	short, shorter := alert.Cut(value, most)
	switch {
	case value == "":
	case !o.put(name, short):
		o.cut = append(o.cut, name+" left out")
	case shorter:
		o.cut = append(o.cut, name+" cut")
	}
}

// list writes as many of the values as there is room for, in order.
func (o *object) list(name string, values []any) {
	if len(values) == 0 {
		return
	}
	room := o.room - len(name) - len(`{,"":[]}`)
	var fitting []any
	for _, v := range values {
		if size := len(encode(v)) + 1; size <= room {
			fitting, room = append(fitting, v), room-size
		}
	}
	if left := len(values) - len(fitting); left > 0 {
		o.cut = append(o.cut, fmt.Sprintf("%s: %d of %d left out", name, left, len(values)))
	}
	if len(fitting) > 0 {
		o.put(name, fitting)
	}
}

// put writes a field and reports whether there was room.
func (o *object) put(name string, value any) bool {
	field := append(append(encode(name), ':'), encode(value)...)
	if len(field)+len(`,{}`) > o.room {
		return false
	}
	o.room -= len(field) + 1
	if len(o.buf) > 0 {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(o.buf, field...)
	o.names = append(o.names, name)
	return true
}

// end closes the object with what was cut, within room bytes that were kept free for it.
func (o *object) end(cut []string, room int) []byte {
	o.room += room
	if all := slices.Concat(o.cut, cut); len(all) > 0 {
		var said []string
		for i, c := range all {
			next := append(said, fit(c, 100, 100))
			if rest := len(all) - i - 1; len(encode(next))+len(`,"cut":["and 10000 more"]`) > room {
				said = append(said, fmt.Sprintf("and %d more", rest+1))
				break
			}
			said = next
		}
		o.put("cut", said)
	}
	return append(append([]byte("{"), o.buf...), '}')
}

// reserved reports whether a name is one of the object's own fields.
func reserved(name string) bool {
	switch name {
	case "source", "event_id", "monitor_id", "monitor_type", "transition", "raw_transition", "severity", "priority",
		"alert_type", "time", "hostname", "scope", "incident", "delivery", "org_id", "org_name", "monitor_name", "value",
		"threshold", "status", "metric", "links", "tags", "query", "title", "cut":
		return true
	}
	return false
}
