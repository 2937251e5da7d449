package simulate

import (
	"fmt"
	"io"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
)

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
