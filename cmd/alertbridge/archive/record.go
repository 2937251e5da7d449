package archive

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
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
// event, or in a list of events or results, which may go over many lines. Of JSON that breaks off, what is whole before is
// kept. The error is for a reader that fails, and for a text that ends in the middle.
func Collect(r io.Reader) ([]Entry, Told, error) {
	var told Told
	l, err := newLines(r, &told)
	if err != nil {
		return nil, told, err
	}
	c := collector{lines: l}
	err = l.each(func(line []byte) {
		if string(line) == "{" || string(line) == "[" {
			c.overLines(line)
		} else {
			c.inLine(line)
		}
	})
	return c.list, told, cmp.Or(err, c.cut)
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

// holders are the members in which there are lists of records. What other records have under these names may be anything.
var holders = []string{
	"events",    // aws logs filter-log-events, get-log-events
	"logEvents", // a subscription
	"results",   // Logs Insights: rows of cells, of which one is a record
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

// collector keeps the alerts of what is read.
type collector struct {
	*lines
	list []Entry
	cut  error // that says so when the end is missing
}

// inLine finds the record in a line.
func (c *collector) inLine(line []byte) {
	at := bytes.IndexByte(line, '{')
	if line[0] == '[' {
		at = 0
	}
	if at < 0 {
		c.told.Other++ // what Lambda and libraries write in words
		return
	}
	found, tells := line[at:], bytes.Contains(line, []byte(decided))
	switch {
	case found[0] == '{' && json.Valid(found):
		c.take(found, 0)
		return
	case at > 0 && !tells:
		c.told.Other++ // words with a brace among them
		return
	}
	dec := json.NewDecoder(bytes.NewReader(found))
	err := c.text(dec)
	for err == nil { // several may stand in one line
		err = c.text(dec)
	}
	if !errors.Is(err, io.EOF) {
		c.broken(err, tells)
	}
}

// overLines finds the records in a text over many lines. What comes after it is read next, and so is the line at which it
// breaks, unless that is one of its members.
func (c *collector) overLines(first []byte) {
	c.rest, c.room, c.indented, c.over = append(first, '\n'), MaxLine, nil, false
	dec := json.NewDecoder(c)
	err := c.text(dec)
	after, _ := io.ReadAll(io.MultiReader(dec.Buffered(), bytes.NewReader(c.rest))) // from memory
	c.rest = nil
	if err == nil {
		c.rest = bytes.TrimLeft(after, ", \t\r\n") // a comma, in a list of which the beginning is missing
		return
	}
	c.broken(err, false)
	line, syntax := clean(c.line), (*json.SyntaxError)(nil)
	if c.over || errors.As(err, &syntax) && line[0] != '"' {
		c.rest = line
	}
}

// broken tells of JSON that breaks. Where that is the end of all, the end is missing.
func (c *collector) broken(err error, tells bool) {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && errors.Is(c.err, io.EOF) && !c.over:
		c.cut = fmt.Errorf("it is cut off in line %d", c.told.line)
	case errors.Is(err, errTooLong):
		c.told.broken(err.Error())
	case tells:
		c.told.broken("it tells of a decision, and is no whole JSON")
	default:
		c.told.broken("it is no whole JSON")
	}
}

// text takes the next JSON text: a record, or something that holds some. Its error is io.EOF where there is none.
func (c *collector) text(dec *json.Decoder) error {
	w := walker{dec: dec}
	own, some := c.held(&w, 0)
	if w.err == nil && !some {
		raw, _ := json.Marshal(own) // which was read as JSON
		c.take(raw, 0)
	}
	return w.err
}

// held takes the records that a JSON text holds, and tells whether there were any. Each is taken when it is read, so that
// they are kept where the text breaks. own is what else it has.
func (c *collector) held(w *walker, depth int) (own map[string]json.RawMessage, some bool) {
	own = map[string]json.RawMessage{}
	switch w.token() {
	case json.Delim('['):
		some = c.elements(w, depth)
	case json.Delim('{'):
		for w.more() {
			name, _ := w.token().(string)
			if !slices.Contains(holders, name) {
				own[name] = w.value()
				continue
			}
			switch w.token() {
			case json.Delim('['):
				some = c.elements(w, depth) || some
			case json.Delim('{'): // which is another's
				for w.more() {
					w.token()
					w.value()
				}
				w.token()
			}
		}
		w.token()
	}
	return own, some
}

// elements takes the records of a list that has begun.
func (c *collector) elements(w *walker, depth int) (some bool) {
	for w.more() {
		c.room = MaxLine
		if raw := w.value(); w.err == nil {
			c.take(raw, depth+1)
			some = true
		}
	}
	w.token()
	return some
}

// take takes a JSON text that is in memory: a record, or something that holds some.
func (c *collector) take(raw []byte, depth int) {
	var e struct {
		Message text `json:"message"`
		Field   text `json:"field"` // of a cell
		Value   text `json:"value"`
	}
	switch err := json.Unmarshal(raw, &e); {
	case err != nil && !bytes.HasPrefix(raw, []byte("[")) || depth > 3:
		c.told.Other++
		return
	case e.Message == decided:
		c.decide(raw)
		return
	case e.Field == "@message":
		c.take([]byte(strings.TrimSpace(string(e.Value))), depth+1)
		return
	case e.Field != "" && e.Message == "": // another cell of its row
		return
	}
	if _, some := c.held(&walker{dec: json.NewDecoder(bytes.NewReader(raw))}, depth); some {
		return
	}
	if _, quoted, ok := strings.Cut(string(e.Message), "{"); ok {
		c.take([]byte("{"+quoted), depth+1)
		return
	}
	c.told.Other++
}

// walker goes through JSON up to the first error.
type walker struct {
	dec   *json.Decoder
	begun bool
	err   error
}

func (w *walker) token() (t json.Token) {
	w.read(func() (err error) {
		t, err = w.dec.Token()
		return err
	})
	return t
}

func (w *walker) value() (raw json.RawMessage) {
	w.read(func() error { return w.dec.Decode(&raw) })
	return raw
}

func (w *walker) more() bool { return w.err == nil && w.dec.More() }

func (w *walker) read(next func() error) {
	if w.err != nil {
		return
	}
	if w.err = next(); w.begun && errors.Is(w.err, io.EOF) {
		w.err = io.ErrUnexpectedEOF
	}
	w.begun = true
}

// decide takes a record of a decision.
func (c *collector) decide(raw []byte) {
	var d decision
	switch err := json.Unmarshal(raw, &d); {
	case err != nil:
		c.told.broken("it tells of a decision, and not as the record does: " + err.Error())
	case d.Unreadable != "":
		c.told.Unreadable++
	case d.Alert == nil:
		c.told.Old++
	default:
		entry := d.entry()
		if why := entry.wrong(); why != "" {
			c.told.broken(why)
			return
		}
		c.told.Alerts++
		c.list = append(c.list, entry)
	}
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
