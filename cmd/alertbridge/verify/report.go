package verify

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// What a step found.
const (
	OK         = "ok"
	Failed     = "failed"
	NotChecked = "not_checked" // it was left out, or cannot be seen from here
)

// The steps, in their order.
const (
	FrontDoor = "front_door"
	TestGiven = "verdict"
	Tick      = "tick"
	Webhook   = "webhook"
	AgentAPI  = "api"
	Started   = "start"
	Confirmed = "confirmed"
	Recovery  = "recovery"
	End       = "end"
)

// Step is what was seen of one thing. Fields are added, never given another meaning.
type Step struct {
	Step   string  `json:"step"`
	Agent  string  `json:"agent,omitempty"` // the one that it is about
	Result string  `json:"result"`
	Saw    string  `json:"saw"`
	Mend   string  `json:"mend,omitempty"` // what to do about it
	Took   float64 `json:"took_s"`
}

// Report is all that was seen. Fields are added, never given another meaning.
type Report struct {
	OK    bool           `json:"ok"` // nothing has failed
	At    time.Time      `json:"at"`
	Steps []Step         `json:"steps"`
	Start *Investigation `json:"investigation,omitempty"` // the one that was started
}

// Investigation is what is known of the investigation that was started.
type Investigation struct {
	Delivery string   `json:"delivery"`
	Case     string   `json:"case,omitempty"`
	State    string   `json:"state,omitempty"` // of the case
	How      string   `json:"how,omitempty"`   // how it ended
	Task     string   `json:"task,omitempty"`  // the Agent's own name of it
	Status   string   `json:"status,omitempty"`
	Ran      float64  `json:"ran_s,omitempty"`
	Dollars  *float64 `json:"dollars,omitempty"` // left out where nothing is known
}

var names = map[string]string{
	FrontDoor: "front door", TestGiven: "verdict", Tick: "tick", Webhook: "webhook", AgentAPI: "API",
	Started: "start", Confirmed: "confirmed", Recovery: "recovery", End: "end",
}

var marks = map[string]string{OK: "✓", Failed: "✗", NotChecked: "-"}

// Write prints a step for people: a line with a tick, a cross, or a dash where it was not checked, and below what to do.
func Write(w io.Writer, s Step) {
	about := ""
	if s.Agent != "" {
		about = "Agent " + s.Agent + ": "
	}
	fmt.Fprintf(w, "%s %-10s  %6.2f s  %s\n", marks[s.Result], names[s.Step], s.Took, about+s.Saw)
	if s.Mend != "" {
		fmt.Fprintf(w, "%s%s\n", strings.Repeat(" ", 24), s.Mend)
	}
}

// WriteEnd prints what it comes to.
func WriteEnd(w io.Writer, r Report) {
	failed, left := 0, 0
	for _, s := range r.Steps {
		switch s.Result {
		case Failed:
			failed++
		case NotChecked:
			left++
		}
	}
	text := "All that was checked works."
	if failed > 0 {
		text = fmt.Sprintf("%d of %d went wrong.", failed, len(r.Steps))
	}
	if left > 0 {
		text += fmt.Sprintf(" Not checked: %d.", left)
	}
	fmt.Fprintf(w, "\n%s\n", text)
}
