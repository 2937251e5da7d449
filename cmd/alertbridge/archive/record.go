package archive

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// decided is the message of the records that an archive is made of.
const decided = "alert decided"

// Collect reads log records of the functions and gives the alerts of those that tell of a decision. Each line is a
// record, or has one in it as CloudWatch writes it: behind a time and the name of a stream, as the member message of an
// event, or in a list of events or results that is one line of JSON or a whole file.
func Collect(r io.Reader) ([]Entry, Told, error) {
	var list []Entry
	var told Told
	var whole *bytes.Buffer // of a file that is one JSON text over many lines
	err := eachLine(r, &told, func(line []byte) {
		if told.Lines == 1 && (string(line) == "{" || string(line) == "[") {
			whole = &bytes.Buffer{}
		}
		if whole == nil {
			list = append(list, collectLine(line, &told)...)
		} else if whole.Len() < maxWhole {
			whole.Write(line)
			whole.WriteByte('\n')
		}
	})
	if whole != nil {
		told.Lines = 0
		list = collectLine(whole.Bytes(), &told)
	}
	return list, told, err
}

// IsLog tells whether there is a record of a decision in a text, also one that cannot be used. A delivery that quotes one
// in its words is no log.
func IsLog(content []byte) bool {
	if !bytes.Contains(content, []byte(decided)) {
		return false // as most that are asked about, without reading them whole
	}
	_, told, _ := Collect(bytes.NewReader(content)) // what is there in memory can be read
	return told.Alerts+told.Old+told.Unreadable > 0
}

// maxWhole bounds a file that is one JSON text.
const maxWhole = 512 << 20

// event is a record, or something that holds records. What other records have under these names may be anything.
type event struct {
	Message   text            `json:"message"`
	Events    list            `json:"events"`    // aws logs filter-log-events, get-log-events
	LogEvents list            `json:"logEvents"` // a subscription
	Results   json.RawMessage `json:"results"`   // Logs Insights
}

// text is a string, or else empty.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	var s string
	_ = json.Unmarshal(raw, &s)
	*t = text(s)
	return nil
}

// list is a list of objects, or else empty.
type list []json.RawMessage

// UnmarshalJSON implements json.Unmarshaler.
func (l *list) UnmarshalJSON(raw []byte) error {
	var all []json.RawMessage
	if json.Unmarshal(raw, &all) == nil {
		*l = all
	}
	return nil
}

// decision is the record "alert decided".
type decision struct {
	Delivery   string           `json:"delivery"`
	Source     string           `json:"source"`
	Event      string           `json:"event"`
	Incident   string           `json:"incident"`
	Transition alert.Transition `json:"transition"`
	Severity   string           `json:"severity"`
	Title      string           `json:"title"`
	Time       time.Time        `json:"time"`
	Verdict    gate.Verdict     `json:"verdict"`
	Reason     gate.Reason      `json:"reason"`
	Unreadable string           `json:"unreadable"`
	Alert      *basis           `json:"alert"`
}

// basis is the group alert of a record, see functions/dispatcher/dispatch.
type basis struct {
	Received    time.Time `json:"received"`
	Monitor     string    `json:"monitor"`
	MonitorType string    `json:"monitor_type"`
	Priority    string    `json:"priority"`
	AlertType   string    `json:"alert_type"`
	Org         string    `json:"org"`
	OrgName     string    `json:"org_name"`
	Host        string    `json:"host"`
	Cycle       bool      `json:"cycle"`
	Test        bool      `json:"test"`
	Scope       []string  `json:"scope"`
	Tags        []string  `json:"tags"`
}

// collectLine finds the record in a line.
func collectLine(line []byte, told *Told) []Entry {
	at := bytes.IndexByte(line, '{')
	if line[0] == '[' {
		at = 0
	}
	if at < 0 {
		told.Other++ // what Lambda and libraries write in words
		return nil
	}
	found := line[at:]
	if found[0] == '[' {
		found = slices.Concat([]byte(`{"events":`), found, []byte("}"))
	}
	if !json.Valid(found) {
		switch {
		case bytes.Contains(line, []byte(decided)):
			told.broken("it tells of a decision, and is no whole JSON")
		case at == 0:
			told.broken("it is no whole JSON")
		default:
			told.Other++ // words with a brace among them
		}
		return nil
	}
	return collect(found, told, 0)
}

// collect takes a JSON text: a record, or something that holds some.
func collect(raw []byte, told *Told, depth int) (found []Entry) {
	var e event
	if json.Unmarshal(raw, &e) != nil || depth > 3 {
		told.Other++
		return nil
	}
	inner := slices.Concat(e.Events, e.LogEvents)
	var rows [][]struct{ Field, Value string }
	if e.Results != nil && json.Unmarshal(e.Results, &rows) == nil {
		for _, cell := range slices.Concat(rows...) {
			if cell.Field == "@message" {
				inner = append(inner, json.RawMessage(strings.TrimSpace(cell.Value)))
			}
		}
	}
	_, quoted, isText := strings.Cut(string(e.Message), "{")
	switch {
	case len(inner) > 0:
		for _, one := range inner {
			found = append(found, collect(one, told, depth+1)...)
		}
		return found
	case e.Message == decided:
		return decide(raw, told)
	case isText:
		return collect([]byte("{"+quoted), told, depth+1)
	}
	told.Other++
	return nil
}

// decide takes a record of a decision.
func decide(raw []byte, told *Told) []Entry {
	var d decision
	switch err := json.Unmarshal(raw, &d); {
	case err != nil:
		told.broken("it tells of a decision, and not as the record does: " + err.Error())
	case d.Unreadable != "":
		told.Unreadable++
	case d.Alert == nil:
		told.Old++
	default:
		entry := d.entry()
		if why := entry.wrong(); why != "" {
			told.broken(why)
			return nil
		}
		told.Alerts++
		return []Entry{entry}
	}
	return nil
}

// entry is the alert of a record. A monitor is called as its alert is titled.
func (e *decision) entry() Entry {
	a := alert.Alert{
		Delivery: e.Delivery, Source: e.Source, EventID: e.Event, Transition: e.Transition, Title: e.Title, Time: e.Time,
		OrgID: e.Alert.Org, OrgName: e.Alert.OrgName, Test: e.Alert.Test, Priority: e.Alert.Priority,
		AlertType: e.Alert.AlertType, Hostname: e.Alert.Host, Scope: e.Alert.Scope, Tags: e.Alert.Tags,
		Monitor:  alert.Monitor{ID: e.Alert.Monitor, Name: e.Title, Type: e.Alert.MonitorType},
		Severity: severity(e.Severity),
	}
	if parts := strings.Split(e.Incident, "/"); len(parts) == 3 {
		a.Incident = alert.Incident{Org: parts[0], Monitor: parts[1], Key: parts[2], Cycle: e.Alert.Cycle}
	}
	return Entry{Received: e.Alert.Received, Verdict: e.Verdict, Reason: e.Reason, Alert: a}
}

func severity(word string) alert.Severity {
	for s := alert.Minimal; s <= alert.Critical; s++ {
		if s.String() == word {
			return s
		}
	}
	return 0
}
