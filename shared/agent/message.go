package agent

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Limits of a Message. Characters are what the Agent's API counts; bytes are of the encoded JSON, because bodies of 8 to
// 10 KB have been seen to vanish after a good answer. Together they leave at least a kilobyte to Data.
const (
	MaxBody             = 7999 // bytes of the encoded message
	MaxTitle            = 400  // characters
	maxTitleBytes       = 1200
	MaxDescription      = 4000 // characters
	MaxDescriptionBytes = 5000
	maxService          = 200 // characters
	maxServiceBytes     = 400
)

// Report is what the Agent shall be told of a case.
type Report struct {
	CaseID   string
	Lead     alert.Alert // the alert that opened the case, or the worst of it
	Severity alert.Severity
	Title    string   // what the case is about, where it is about more than its lead; "": as the lead
	Joined   []Joined // the other incidents of the case, in any order
	More     int      // how many joined beyond these
	// Timestamp is when it happened. A repeat must carry the same one: with the id it makes the Agent see a duplicate.
	// The zero value is the lead's time.
	Timestamp time.Time
	Notes     []string // remarks of ours, a sentence each
}

// Joined is an incident that is investigated along with the lead.
type Joined struct {
	Title, Scope string
	Severity     alert.Severity
	Since        time.Time
}

// Message is the event that the Agent receives. NewMessage makes it; every Message that it makes satisfies the Agent's
// schema and the limits above, whatever the Report held.
type Message struct {
	EventType   string          `json:"eventType"`
	IncidentID  string          `json:"incidentId"`
	Action      string          `json:"action"`
	Priority    string          `json:"priority"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Timestamp   string          `json:"timestamp"`
	Service     string          `json:"service"`
	Data        json.RawMessage `json:"data"`
}

// NewMessage puts a report into the Agent's words. The same Report always makes the same Message.
func NewMessage(r Report) Message {
	r = normalise(r)
	m := Message{
		EventType:   "incident",
		IncidentID:  r.CaseID,
		Action:      "created", // what the other actions do at the Agent is documented nowhere
		Priority:    r.Severity.String(),
		Title:       title(r),
		Description: describe(r),
		Timestamp:   r.Timestamp.Format(timeFormat),
		Service:     fit(alert.Line(r.Lead.Service()), maxService, maxServiceBytes),
		Data:        json.RawMessage("{}"),
	}
	if m.Service == "" {
		m.Service = "unknown" // events without a service have vanished
	}
	m.Data = data(r, MaxBody-len(m.Encode())+len(m.Data))
	return m
}

// Encode is the body to send: one JSON object of at most MaxBody bytes, with <, > and & as they are.
func (m Message) Encode() []byte { return encode(m) }

// timeFormat is RFC 3339 in UTC with milliseconds; the Agent takes no other form.
const timeFormat = "2006-01-02T15:04:05.000Z"

// encode is for values that cannot fail to encode. It does not escape <, > and &, which would take six bytes each.
func encode(v any) []byte {
	if s, ok := v.(string); ok && bare(s) {
		return append(append(append(make([]byte, 0, len(s)+2), '"'), s...), '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("agent: a message cannot fail to encode: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// bare tells that a text stands in JSON as it is, as most do.
func bare(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// normalise makes sure of what the rest relies on: an alert within its limits, an id that the Agent takes, a severity,
// and a time that RFC 3339 can write.
func normalise(r Report) Report {
	a := &r.Lead
	a.Scope, a.Tags, a.Links = slices.Clone(a.Scope), slices.Clone(a.Tags), slices.Clone(a.Links)
	a.Refs, a.Cut = slices.Clone(a.Refs), slices.Clone(a.Cut)
	a.Bound() // nothing happens to an alert that a decoder made
	r.CaseID = alert.MakeSafe(r.CaseID)
	if r.Severity == 0 {
		r.Severity = r.Lead.Severity
	}
	if r.Timestamp.IsZero() {
		r.Timestamp = r.Lead.Time
	}
	r.Timestamp = writable(r.Timestamp)
	return r
}

// writable is t in UTC, or the epoch for a time that no alert can have.
func writable(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 1970 || t.Year() > 9999 {
		return time.Unix(0, 0).UTC()
	}
	return t
}

// title is the monitor's name, and behind it the service or the scope: the Agent takes incidents with like titles for
// one, and must not do so for two services or two hosts.
func title(r Report) string {
	if own := alert.Line(r.Title); own != "" {
		return fit(own, MaxTitle, maxTitleBytes)
	}
	a := &r.Lead
	where := titleWhere(a)
	name := fit(titleName(a), MaxTitle-utf8.RuneCountInString(where), maxTitleBytes-alert.EncodedLen(where))
	return name + where
}

// titleName prefers the title where the monitor's name holds template variables, which it has filled in.
func titleName(a *alert.Alert) string {
	candidates := []string{a.Monitor.Name, a.Title}
	if strings.Contains(a.Monitor.Name, "{{") {
		candidates = []string{a.Title, a.Monitor.Name}
	}
	for _, c := range candidates {
		if name := unbracket(alert.Line(c)); name != "" {
			return name
		}
	}
	if id := ascii(a.Monitor.ID); id != "" {
		return "Alert of monitor " + id
	}
	return nameless
}

const nameless = "Alert of a monitor without a name"

// titleWhere is " (service:a, host:b)", or "" where the name says it all already or nothing is known.
func titleWhere(a *alert.Alert) string {
	name := titleName(a)
	var parts []string
	add := func(tag string) {
		tag = alert.Line(tag)
		_, value, ok := strings.Cut(tag, ":")
		if !ok {
			value = tag
		}
		if value != "" && !strings.Contains(name, value) && !slices.Contains(parts, tag) {
			parts = append(parts, tag)
		}
	}
	if service := a.Tag("service"); service != "" {
		add("service:" + service)
	}
	for _, tag := range a.Scope {
		add(tag)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + fit(unbracket(strings.Join(parts, ", ")), 150, 450) + ")"
}

// unbracket drops what a monitoring system puts before a name in brackets, priority and state, and takes the brackets
// off everything else.
func unbracket(s string) string {
	for strings.HasPrefix(s, "[") {
		group, rest, ok := strings.Cut(s[1:], "]")
		if !ok || !isState(group) {
			break
		}
		s = strings.TrimSpace(rest)
	}
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune("[]{}", r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// isState reports whether a bracketed group is a priority, a transition or a test mark.
func isState(group string) bool {
	if len(group) == 2 && group[0] == 'P' && group[1] >= '1' && group[1] <= '5' || strings.EqualFold(group, "TEST") {
		return true
	}
	group, _, _ = strings.Cut(group, " on ") // as in [Triggered on {host:a}]
	return slices.ContainsFunc(alert.Transitions(), func(t alert.Transition) bool {
		return strings.EqualFold(group, string(t))
	})
}

// fit cuts a text to characters and to encoded bytes, and marks the cut.
func fit(s string, chars, bytes int) string {
	if utf8.RuneCountInString(s) <= chars && alert.EncodedLen(s) <= bytes {
		return s
	}
	s, _ = alert.Cut(s, max(chars-len(ellipsis), 0))
	s, _ = alert.CutEncoded(s, max(bytes-len(ellipsis), 0))
	return strings.TrimSpace(s) + ellipsis
}

// ellipsis ends a text that was cut. It is ASCII, so that cutting does not bring other characters into a plain text.
const ellipsis = "..."

// ascii is s as one line of printable ASCII: what an id or an address consists of, and anything else as "?".
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r > '~' {
			return '?'
		}
		return r
	}, alert.Value(s))
}
