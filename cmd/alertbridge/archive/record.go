package archive

import (
	"bytes"
	"encoding/json"
	"io"
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

// maxWhole bounds a file that is one JSON text.
const maxWhole = 512 << 20

// event is a record, or something that holds records.
type event struct {
	Message   string                            `json:"message"`
	Events    []event                           `json:"events"`    // aws logs filter-log-events, get-log-events
	LogEvents []event                           `json:"logEvents"` // a subscription
	Results   [][]struct{ Field, Value string } `json:"results"`   // Logs Insights

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
	at := bytes.IndexAny(line, "{[")
	if at < 0 {
		told.Other++ // what Lambda and libraries write in words
		return nil
	}
	var e event
	text := line[at:]
	if text[0] == '[' {
		text = append(append([]byte(`{"events":`), text...), '}')
	}
	if err := json.Unmarshal(text, &e); err != nil {
		switch {
		case bytes.Contains(line, []byte(decided)):
			told.broken("it tells of a decision, and is no whole JSON")
		case at == 0:
			told.broken("it is no whole JSON")
		default:
			told.Other++ // words with a bracket among them
		}
		return nil
	}
	return e.collect(told, 0)
}

func (e *event) collect(told *Told, depth int) []Entry {
	var list []Entry
	inner := append(e.Events, e.LogEvents...)
	for _, row := range e.Results {
		for _, cell := range row {
			if cell.Field == "@message" {
				inner = append(inner, event{Message: cell.Value})
			}
		}
	}
	switch {
	case depth > 3:
		told.Other++
	case len(inner) > 0:
		for i := range inner {
			list = append(list, inner[i].collect(told, depth+1)...)
		}
	case e.Message != decided && strings.Contains(e.Message, "{"):
		text := e.Message[strings.IndexByte(e.Message, '{'):]
		var in event
		if err := json.Unmarshal([]byte(text), &in); err != nil {
			told.Other++
			return nil
		}
		return in.collect(told, depth+1)
	case e.Message != decided:
		told.Other++
	case e.Unreadable != "":
		told.Unreadable++
	case e.Alert == nil:
		told.Old++
	default:
		entry := e.entry()
		if why := entry.wrong(); why != "" {
			told.broken(why)
			return nil
		}
		told.Alerts++
		list = append(list, entry)
	}
	return list
}

// entry is the alert of a record. A monitor is called as its alert is titled.
func (e *event) entry() Entry {
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
