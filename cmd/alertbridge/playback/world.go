package playback

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/archive"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/datadog"
)

// MaxBytes bounds a file of deliveries or an archive.
const MaxBytes = 1 << 30

// after is how long what was captured is played on after its last arrival.
const after = time.Hour

// Kind is what a file is, by its content.
type Kind string

// The kinds.
const (
	IsScenario   Kind = "scenario"
	IsDeliveries Kind = "deliveries"
	IsArchive    Kind = "archive"
	IsLog        Kind = "log" // of which an archive can be made, and which is not played itself
)

// KindOf tells what a text is: an archive if its first line says so, and a log if it has a record of a decision. Of the
// rest, what begins with a brace or bracket is JSON, and all else is a scenario.
func KindOf(text []byte) Kind {
	text = bytes.TrimSpace(text)
	line, _, _ := bytes.Cut(text, []byte("\n"))
	switch {
	case archive.Is(line):
		return IsArchive
	case archive.IsLog(text):
		return IsLog
	case len(text) > 0 && (text[0] == '{' || text[0] == '['):
		return IsDeliveries
	}
	return IsScenario
}

// OfScenario makes a World of a scenario.
func OfScenario(s *scenario.Scenario) *World {
	w := &World{
		Name: s.Name, Title: s.Title, Begin: s.Begins, End: s.Begins.Add(s.Lasts), Agent: s.Agent, Hand: s.Hand,
		Faults: s.Faults, Calm: s.Calm, Seed: s.Seed, Scenario: s, Work: s.Investigations,
	}
	for _, a := range s.Alerts {
		arrival := arrivalOf(s.Begins.Add(a.Arrives), a.Body)
		arrival.File, arrival.Line, arrival.Want = s.Name, a.Line, a.Want
		w.Arrivals = append(w.Arrivals, arrival)
	}
	return w
}

func arrivalOf(at time.Time, body []byte) Arrival {
	a := Arrival{At: at, Body: body}
	if al, err := datadog.Decode(body, at, nil); err == nil {
		a.Alert = al
	}
	return a
}

// Captured collects deliveries and archives into one World: exports of several days are one history.
type Captured struct {
	names    []string
	arrivals []Arrival
}

// AddArchive adds an archive.
func (c *Captured) AddArchive(name string, text []byte) (archive.Told, error) {
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	if err := archive.CheckVersion(line); err != nil {
		return archive.Told{}, err
	}
	list, told, err := archive.Read(bytes.NewReader(text))
	if err != nil {
		return told, err
	}
	for _, e := range list {
		c.arrivals = append(c.arrivals, Arrival{At: e.Received, Alert: e.Alert, File: name})
	}
	c.names = append(c.names, name)
	return told, nil
}

// AddDeliveries adds deliveries: JSON texts one after the other, mostly a line each. Each is the body of a webhook, a
// capture with headers and body_text, or an event of the HTTP API as in events/http. A delivery comes when its capture
// says that it did, else when its body says that it happened; without either, when the one before it did. What is no
// JSON is skipped, counted and told.
func (c *Captured) AddDeliveries(name string, text []byte) (archive.Told, error) {
	var told archive.Told
	var last time.Time
	found := false
	const between = " \t\r\n\ufeff" // the last is the byte order mark of a file that was put behind another one
	for rest := bytes.TrimLeft(text, between); len(rest) > 0; rest = bytes.TrimLeft(rest, between) {
		raw, next, err := nextJSON(rest)
		line := 1 + bytes.Count(text[:len(text)-len(rest)], []byte("\n"))
		rest = next
		told.Lines++
		if err != nil {
			told.Skip(line, "it is no whole JSON")
			continue
		}
		at, body, err := delivery(raw)
		if err != nil {
			told.Skip(line, err.Error())
			continue
		}
		last = cmp.Or(at, last)
		if last.IsZero() {
			told.Skip(line, "nothing says when it came")
			continue
		}
		a := arrivalOf(last, body) // what names no time gets the one at which it came, and its id of that
		a.File, a.Line = name, line
		told.Alerts++ // one that cannot be read is played, too
		c.arrivals = append(c.arrivals, a)
		found = true
	}
	if !found {
		return told, errors.New("there is no delivery in it that can be played")
	}
	c.names = append(c.names, name)
	return told, nil
}

// nextJSON takes one JSON text off the front, over as many lines as it has; when there is none, the line.
func nextJSON(text []byte) (raw json.RawMessage, rest []byte, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&raw); err == nil {
		return raw, text[d.InputOffset():], nil
	} else if !errors.Is(err, io.EOF) {
		_, rest, _ := bytes.Cut(text, []byte("\n"))
		return nil, rest, err
	}
	return nil, nil, io.EOF
}

// delivery tells the forms of a delivery apart by what only they have. The time is that at which it came, as far as it says.
func delivery(raw json.RawMessage) (at time.Time, body []byte, err error) {
	var form struct {
		RequestContext json.RawMessage   `json:"requestContext"`
		Headers        json.RawMessage   `json:"headers"`
		BodyText       *string           `json:"body_text"`
		ReceivedAt     json.RawMessage   `json:"received_at"`
		Records        []json.RawMessage `json:"Records"`
	}
	if err := json.Unmarshal(raw, &form); err != nil {
		form.RequestContext, form.BodyText, form.Records = nil, nil, nil // whatever it is, it is a body
	}
	body = []byte(raw)
	switch {
	case isObject(form.RequestContext) && isObject(form.Headers):
		var e lambda.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(raw, &e); err != nil {
			return at, nil, errors.New("it looks like an event of the HTTP API, and is none")
		}
		body = []byte(e.Body)
		if e.IsBase64Encoded {
			if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
				return at, nil, errors.New("its body claims to be base64, and is not")
			}
		}
		at = time.UnixMilli(e.RequestContext.TimeEpoch).UTC()
	case form.BodyText != nil:
		body = []byte(*form.BodyText)
		_ = json.Unmarshal(form.ReceivedAt, &at) // who writes it in another way is not asked
		at = at.UTC()
	case len(form.Records) > 0:
		return at, nil, errors.New("it is an event of the queue; play the delivery that it was made of")
	case len(raw) == 0 || raw[0] != '{':
		return at, nil, errors.New("it is no JSON object")
	}
	if a := arrivalOf(cmp.Or(at, time.Now()), body); at.IsZero() && a.Alert.Delivery != "" && !a.Alert.TimeAssumed {
		at = a.Alert.Time
	}
	if y := at.Year(); !at.IsZero() && (y < 2010 || y > 2200) {
		return at, nil, errors.New("it came in the year " + strconv.Itoa(y))
	}
	return at, body, nil
}

func isObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }

// World is what was added, in the order of arrival. It has no arrivals when nothing was.
func (c *Captured) World() (*World, error) {
	if len(c.arrivals) == 0 {
		return nil, errors.New("there is nothing to play")
	}
	slices.SortStableFunc(c.arrivals, func(a, b Arrival) int { return a.At.Compare(b.At) })
	first, last := c.arrivals[0].At, c.arrivals[len(c.arrivals)-1].At
	if last.Sub(first) > scenario.MaxTime {
		return nil, fmt.Errorf("the first delivery came at %s and the last at %s; at most %d days are played at once",
			first.Format(time.DateOnly), last.Format(time.DateOnly), scenario.MaxTime/(24*time.Hour))
	}
	w := &World{Name: c.names[0], Begin: first.Truncate(time.Minute), End: last.Add(after), Arrivals: c.arrivals}
	if len(c.names) > 1 {
		w.Name = fmt.Sprintf("%s and %d more", c.names[0], len(c.names)-1)
	}
	return w, nil
}
