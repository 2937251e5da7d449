// Package archive keeps alerts as a deployed bridge took them, so that they can be played again (`alertbridge play`),
// under another policy than the one of then. It is made of the bridge's own log records: the dispatcher's "alert decided"
// has in its group alert what a decision reads, and nothing more (docs/logs.md).
//
// An archive is lines of JSON. The first says what it is and its version; each other line is one alert, in the order in
// which ingest had them:
//
//	{"alertbridge_archive":1}
//	{"received":"2026-11-21T12:00:00.2Z","verdict":"wait","reason":"hold","alert":{"delivery":"dd-1-2",…}}
//
// alert is shared/alert's JSON without what no decision reads; verdict and reason are those of then. Members are added
// without a new version; a version that is not known is not read.
//
// Reading never fails because of a line: one that is broken is skipped, counted and told.
package archive

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Version is the one that is written, and the newest that is read.
const Version = 1

// Entry is one alert.
type Entry struct {
	Received time.Time    `json:"received"`          // when ingest had it
	Verdict  gate.Verdict `json:"verdict,omitempty"` // what it was worth then
	Reason   gate.Reason  `json:"reason,omitempty"`
	Alert    alert.Alert  `json:"alert"`
}

// head is an archive's first line.
type head struct {
	Version *int `json:"alertbridge_archive"`
}

// Is tells an archive by its first line.
func Is(line []byte) bool {
	var h head
	return json.Unmarshal(line, &h) == nil && h.Version != nil
}

// Write writes an archive, sorted and each alert once: a message that the queue handed out twice, and a record that is in
// two exports, are the same arrival.
func Write(w io.Writer, list []Entry) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]int{"alertbridge_archive": Version}); err != nil {
		return err
	}
	for _, e := range inOrder(list) {
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	return nil
}

func inOrder(list []Entry) []Entry {
	type arrival struct {
		delivery string
		received int64
	}
	seen := map[arrival]bool{}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Entry) int { return a.Received.Compare(b.Received) })
	return slices.DeleteFunc(list, func(e Entry) bool {
		a := arrival{e.Alert.Delivery, e.Received.UnixNano()}
		again := seen[a]
		seen[a] = true
		return again
	})
}

// Read reads an archive, its first line included, or several put together. What follows the first line of another version
// is broken. The error is for a reader that fails.
func Read(r io.Reader) ([]Entry, Told, error) {
	var list []Entry
	var told Told
	var other error // of the header above, when it is of another version
	l, err := newLines(r, &told)
	if err != nil {
		return nil, told, err
	}
	err = l.each(func(line []byte) {
		if Is(line) { // one further down begins the next of several archives, put together
			other = CheckVersion(line)
			if other == nil {
				return
			}
		}
		if other != nil {
			told.broken(other.Error())
			return
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			told.broken("it is no JSON of an alert")
		} else if why := e.wrong(); why != "" {
			told.broken(why)
		} else {
			told.Alerts++
			list = append(list, e)
		}
	})
	return list, told, err
}

// CheckVersion says what is wrong with the first line of an archive.
func CheckVersion(line []byte) error {
	var h head
	if err := json.Unmarshal(line, &h); err != nil || h.Version == nil {
		return fmt.Errorf("this is no archive: its first line is not {\"alertbridge_archive\":%d}", Version)
	}
	if *h.Version != Version {
		return fmt.Errorf("it is an archive of version %d, and this alertbridge reads version %d", *h.Version, Version)
	}
	return nil
}

// wrong says what an entry lacks; "" when nothing.
func (e *Entry) wrong() string {
	switch {
	case e.Received.IsZero():
		return "it does not say when it was received"
	case e.Received.Year() < 2010 || e.Received.Year() > 2200:
		return "it was received in the year " + fmt.Sprint(e.Received.Year())
	}
	for _, id := range []string{e.Alert.Delivery, e.Alert.Incident.Org, e.Alert.Incident.Monitor, e.Alert.Incident.Key} {
		if !alert.SafeID(id) { // Bound would make one up
			return "its delivery or incident has no name"
		}
	}
	e.Alert.Bound() // a newer version may allow more
	if err := e.Alert.Check(); err != nil {
		return "its alert cannot be: " + err.Error()
	}
	return ""
}
