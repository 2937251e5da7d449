package simulate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
)

// maxEvents bounds what a file may ask for.
const maxEvents = 10_000

// ParseWorld reads a world that was written as JSON.
func ParseWorld(text []byte) (World, error) {
	var w World
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return World{}, err
	}
	if len(w.Events) > maxEvents {
		return World{}, fmt.Errorf("it has %d events, and a world has at most %d", len(w.Events), maxEvents)
	}
	for i, e := range w.Events {
		if e.Kind == Delivery && e.Alert == nil {
			return World{}, fmt.Errorf("event %d is a delivery without an alert", i+1)
		}
	}
	if w.Settings.MaxAge <= 0 || w.Settings.Slots < 0 || w.Settings.CriticalSlots < 0 || w.Settings.Month < 0 {
		return World{}, errors.New("a setting is below what it can be")
	}
	return w, nil
}

// Replay plays a world and says a line for everything that is committed, and in the end what was broken.
func Replay(w World, out io.Writer) (Result, error) {
	p, err := prepare(w)
	if err != nil {
		return Result{}, err
	}
	defer p.bridge.Close()
	p.say = func(c virtual.Committed) { fmt.Fprintln(out, line(c)) }
	r := p.play()
	for _, b := range r.Breaches {
		fmt.Fprintln(out, b)
	}
	if len(r.Breaches) == 0 {
		fmt.Fprintln(out, "no promise was broken")
	}
	return r, nil
}

// line is a commit on one line.
func line(c virtual.Committed) string {
	s := fmt.Sprintf("%s %s %d", c.At.UTC().Format("2006-01-02 15:04:05.000"), c.Role, c.Invocation)
	if !c.Alone {
		s += " (others have written meanwhile)"
	}
	if d := c.Change.Delivery; d != nil {
		s += fmt.Sprintf(": %s %s: %s (%s) %s", d.Transition, d.Incident, d.Verdict, d.Reason, d.Case)
	}
	for _, w := range c.Change.Cases {
		s += fmt.Sprintf("; %s %s > %s %s%s, %d > %d fire, until %s, attempt %d, doubts %d", w.Now.ID, w.Read.State, w.Now.State, w.Now.Why,
			w.Now.How, w.Read.Firing, w.Now.Firing, w.Now.Until.UTC().Format("15:04:05"), w.Now.Attempt, w.Now.Doubts)
	}
	return s
}
