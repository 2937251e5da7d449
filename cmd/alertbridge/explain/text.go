package explain

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Write prints the story for people. A line is as long as what it says.
func Write(w io.Writer, s Story) error {
	t := &text{}
	if !s.Found {
		t.nothing(s)
		_, err := io.WriteString(w, t.String())
		return err
	}
	if s.Alert != nil {
		t.alert(*s.Alert)
	}
	t.events(s.Events)
	t.cases(s.Cases)
	t.pending(s.Cases)
	t.others(s)
	for _, hint := range s.Hints {
		t.line("\nNote: %s.", hint)
	}
	_, err := io.WriteString(w, strings.TrimPrefix(t.String(), "\n"))
	return err
}

type text struct{ strings.Builder }

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

func (t *text) nothing(s Story) {
	t.line("Nothing is known of %s.", s.Asked)
	t.line("\nLooked for:")
	for _, l := range s.Looked {
		t.line("  %s", l)
	}
	t.line("\nWhat it could be:")
	for _, c := range s.Could {
		t.line("  %s", c)
	}
}

func (t *text) alert(a Alert) {
	tab := tabwriter.NewWriter(t, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(tab, "%s\t%s\n", name, value)
		}
	}
	row("alert", a.Delivery)
	row("title", a.Title)
	row("transition", a.Transition)
	row("incident", a.Incident)
	row("happened", moment(a.Time))
	row("decided", moment(a.Decided))
	row("agent", a.Agent)
	row("verdict", strings.TrimSuffix(fmt.Sprintf("%s, %s: %s", a.Verdict, a.Reason, a.Meaning), ": "))
	row("because", a.Because)
	row("by hand", strings.TrimSpace(a.Hand))
	row("words", a.Words)
	row("route", a.Route)
	row("policy", a.Policy)
	row("case", a.Case)
	row("trace id", a.TraceID)
	_ = tab.Flush() // into memory
}

func (t *text) events(list []Event) {
	if len(list) == 0 {
		return
	}
	t.line("\nWhat came and what became of it (UTC)")
	for _, e := range list {
		t.line("  %s  %s  %s", e.At.UTC().Format("2006-01-02 15:04:05"), e.ID, e.Text)
		for _, note := range e.Notes {
			t.line("  %s%s", strings.Repeat(" ", len("2006-01-02 15:04:05")+2), note)
		}
	}
}

func (t *text) cases(list []Case) {
	if len(list) == 0 {
		return
	}
	t.line("\nCases and what they cost")
	for _, c := range list {
		state := c.State
		if more := c.Why + c.How; more != "" {
			state += " (" + more + ")"
		}
		t.line("  %s  %s, %s", c.ID, state, c.Cost)
		tells := c.Tells
		if v := c.Investigation; v != nil && v.Task != "" && strings.HasPrefix(c.Note, "task "+v.Task) {
			tells = "" // the note has it all
		}
		page := ""
		if c.Page != "" {
			page = "the Agent's own page: " + c.Page
		}
		for _, more := range []string{c.Note, tells, page} {
			if more != "" {
				t.line("  %s%s", strings.Repeat(" ", len(c.ID)+2), more)
			}
		}
		if m := c.Sent; m != nil {
			about := "1 incident"
			if m.Incidents > 1 {
				about = fmt.Sprintf("%d incidents", m.Incidents)
			}
			t.line("  %ssent: %s, %q, service %s, of %s; with --json also the description", strings.Repeat(" ", len(c.ID)+2), m.Priority, m.Title, m.Service, about)
		}
	}
}

// pending tells what stands between a case that waits and its start.
func (t *text) pending(list []Case) {
	for _, c := range list {
		if c.Next == nil {
			continue
		}
		t.line("\nWhat the next tick does about %s: %s", c.ID, c.Next)
		for _, o := range c.Others {
			t.line("  %s, if %s", o, strings.Join(o.If, ", or if "))
		}
	}
}

// String is the verdict with its reason.
func (o Other) String() string { return strings.TrimSuffix(o.Verdict+", "+o.Reason, ", ") }

func (t *text) others(s Story) {
	if s.Alert == nil {
		return
	}
	t.line("\nWhat would have had to differ")
	for _, o := range s.Others {
		t.line("  %s, if %s", o, strings.Join(o.If, ", or if "))
	}
	switch {
	case s.Doubt != "":
		t.line("  %s", s.Doubt)
	case len(s.Others) == 0:
		t.line("  neither priority, age, mode, silences, money, slots nor the Agent would have changed it")
	}
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return clock(t)
}
