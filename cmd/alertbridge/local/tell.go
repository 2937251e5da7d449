package local

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// teller prints what happens, a line for each delivery and below it what the Agent received, and counts for the summary.
type teller struct {
	mu       sync.Mutex
	out      io.Writer
	color    bool
	received map[string][]agenttest.Request // by incident, which is the case; not yet printed
	verdicts map[string]int
	refused  int // answered with a 4xx or 5xx
	requests int // to the Agent
	started  int // investigations
}

func newTeller(out io.Writer, color bool) *teller {
	return &teller{out: out, color: color, received: map[string][]agenttest.Request{}, verdicts: map[string]int{}}
}

// line is the one form of all lines: status, verdict, reason, transition, delivery, and title or words.
const line = "%-6s  %-7s  %-18s  %-12s  %-36s  %s\n"

func (t *teller) head() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.paint(dim, fmt.Sprintf(line, "STATUS", "VERDICT", "REASON", "TRANSITION", "DELIVERY", "TITLE"))
}

// seen prints what became of a delivery.
func (t *teller) seen(s Seen) {
	t.mu.Lock()
	defer t.mu.Unlock()
	verdict, words := s.Verdict, s.Title
	if s.Trouble != "" {
		verdict, words = "none", "the queue will try again: "+s.Trouble
	}
	reason := s.Reason
	if s.Refused != "" {
		t.refused++
		reason, words = s.Refused, s.Says
	}
	if s.Verdict != "" {
		t.verdicts[s.Verdict]++
	}
	t.paint(colorOf(s), fmt.Sprintf(line, fmt.Sprint(s.Status), cmp.Or(verdict, "-"), cmp.Or(reason, "-"),
		cmp.Or(s.Transition, "-"), cmp.Or(shorten(s.Delivery, 36), "-"), shorten(alert.Line(words), 100)))
	if s.Outcome != "" {
		t.agent(s.Case, s.Outcome)
	}
}

// moved prints what a tick did to a case.
func (t *teller) moved(m Moved) {
	t.mu.Lock()
	defer t.mu.Unlock()
	color := map[string]string{string(gate.Misses): red}[m.Did]
	t.paint(color, fmt.Sprintf(line, "tick", m.Did, m.From+" > "+m.To, cmp.Or(m.Why, "-"), m.Case, cmp.Or(m.Work, shorten(m.Title, 100))))
	if m.Outcome != "" {
		t.agent(m.Case, m.Outcome)
	}
}

// heard prints what an event of the Agent's told.
func (t *teller) heard(h Heard) {
	t.mu.Lock()
	defer t.mu.Unlock()
	became, color := "-", ""
	switch {
	case h.To == string(gate.Ended) && h.From != h.To:
		became, color = "ended", green
	case h.Confirms:
		became = "confirmed"
	}
	t.paint(color, fmt.Sprintf(line, "event", "-", h.Status, became, h.Case, h.Work))
}

// told prints what people were told where they look; below an event of Datadog's stands its text.
func (t *teller) told(s Told) {
	t.mu.Lock()
	defer t.mu.Unlock()
	place, color := "datadog", cyan
	if s.Place == tell.Pager {
		place, color = "pager", map[string]string{triggered: red, resolved: green}[s.Did]
	}
	t.paint(color, fmt.Sprintf(line, "told", place, s.Did, s.Moment, s.Case, shorten(alert.Line(s.Title), 100)))
	for text := range strings.Lines(s.Text) {
		if text = strings.TrimSpace(text); text != "" {
			t.paint(dim, "        | "+shorten(text, 140)+"\n")
		}
	}
}

// request keeps what the Agent received until the line is printed that tells why.
func (t *teller) request(r agenttest.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var event struct{ IncidentID string }
	_ = json.Unmarshal(r.Body, &event) // one without an id is not printed, but counted
	t.received[event.IncidentID] = append(t.received[event.IncidentID], r)
	t.requests++
	if r.Started {
		t.started++
	}
}

// agent prints the requests for a case.
func (t *teller) agent(id, outcome string) {
	requests := t.received[id]
	delete(t.received, id)
	if len(requests) == 0 {
		fmt.Fprintf(t.out, "        the Agent received nothing: %s\n", outcome)
	}
	for _, r := range requests {
		fmt.Fprintf(t.out, "        the Agent received this (%s):\n", r.Verdict)
		var body bytes.Buffer
		if json.Indent(&body, r.Body, "        ", "  ") != nil {
			body.Reset()
			fmt.Fprintf(&body, "%q", r.Body)
		}
		t.paint(dim, "        "+body.String()+"\n")
	}
}

// summary is the last line.
func (t *teller) summary() {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := 0
	var parts []string
	for _, v := range []gate.Verdict{gate.Start, gate.Join, gate.Wait, gate.Drop} {
		if n := t.verdicts[string(v)]; n > 0 || v != gate.Wait {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
			total += n
		}
	}
	fmt.Fprintf(t.out, "\n%s: %s. Refused at the door: %s. The Agent received %s and started %s.\n",
		number(total, "verdict"), strings.Join(parts, ", "), number(t.refused, "request"),
		number(t.requests, "request"), number(t.started, "investigation"))
}

// number is "1 verdict" or "2 verdicts".
func number(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// say prints plain lines between.
func (t *teller) say(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprint(t.out, text)
}

// The colours of a terminal that are used.
const (
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	plain  = "\x1b[0m"
)

func colorOf(s Seen) string {
	switch {
	case s.Refused != "" || s.Status >= 400 || s.Trouble != "":
		return red
	case s.Verdict == string(gate.Start):
		return green
	case s.Verdict == string(gate.Wait):
		return yellow
	case s.Verdict == string(gate.Join):
		return cyan
	}
	return ""
}

// paint prints text in a colour, where there are colours.
func (t *teller) paint(color, text string) {
	if !t.color || color == "" {
		fmt.Fprint(t.out, text)
		return
	}
	fmt.Fprint(t.out, color, strings.TrimSuffix(text, "\n"), plain, "\n")
}

func shorten(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(slices.Concat(r[:most-1], []rune("…")))
	}
	return s
}
