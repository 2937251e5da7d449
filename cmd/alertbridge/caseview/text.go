package caseview

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// WriteList prints cases as a table. Times are how long ago or from now.
func WriteList(w io.Writer, l List, now time.Time) error {
	if len(l.Cases) == 0 {
		_, err := fmt.Fprintln(w, "There is no such case.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CASE\tSTATE\tSEVERITY\tOPENED\tUNTIL\tFIRING\tJOINED\tTITLE")
	for _, c := range l.Cases {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n",
			c.ID, state(c), c.Severity, relative(c.Opened, now), until(c, now), c.Firing, c.Joined, short(c.Title, 60)+marks(c, now))
	}
	if l.More {
		fmt.Fprintf(t, "\nThere are more than these %d: --limit shows more, --state fewer.\n", len(l.Cases))
	}
	return t.Flush()
}

// marks say what is unusual about a case.
func marks(c Case, now time.Time) string {
	text := ""
	if c.Unconfirmed(now) {
		text += " (not confirmed for " + span(now.Sub(c.Investigation.Called)) + ")"
	}
	if c.Observed {
		text += " (only observed)"
	}
	if c.Storm != "" {
		text += " (storm)"
	}
	if c.Hand != nil {
		text += " (by hand)"
	}
	return text
}

// Write prints all that is known of one case, a line for each thing that there is to say.
func Write(w io.Writer, c Case, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, value)
		}
	}
	line("case", c.ID)
	line("title", c.Title)
	line("state", state(c))
	if c.UntilMeans() != "" {
		line(c.UntilMeans(), absolute(c.Until, now))
	}
	if v := c.Investigation; v != nil {
		line("investigation", v.Tells(c.State, now))
		for _, t := range v.others() {
			line("beside it", Investigation{Confirmed: true, Task: t.ID, Status: t.Status, Since: t.Since, Primary: t.Primary}.Tells(c.State, now))
		}
		line("cost", v.Cost())
	}
	line("severity", c.Severity)
	line("service", c.Service)
	line("incident", c.Incident)
	line("agent", c.Agent)
	line("opened", absolute(c.Opened, now))
	line("start decided", absolute(c.Start, now))
	line("last notification", absolute(c.Last, now))
	line("firing", fmt.Sprintf("%d of its incidents", c.Firing))
	line("joined", fmt.Sprintf("%d alerts", c.Joined))
	line("attempts", fmt.Sprint(c.Attempts))
	line("doubts", doubts(c))
	line("note", c.Note)
	line("observed", map[bool]string{true: "only; it takes no slot and no money"}[c.Observed])
	line("storm of", c.Storm)
	line("services", services(c.Services))
	if c.Hand != nil {
		line("by hand", "start asked for by "+c.Hand.By+": "+c.Hand.Reason)
	}
	line("trace id", c.TraceID)
	for i, m := range c.Members {
		fmt.Fprintf(t, "%s\t%s\n", first(i, "members"), strings.Join(present(m.Severity, m.Title, m.Scope, "since "+absolute(m.Since, now)), ", "))
	}
	for i, step := range c.Steps {
		fmt.Fprintf(t, "%s\t%s  %s\n", first(i, "steps"), step.At.UTC().Format("2006-01-02 15:04:05 UTC"), step.Text)
	}
	for i, told := range c.Told {
		text := told.String()
		if told.Words != "" {
			text += " (" + told.Words + ")"
		}
		fmt.Fprintf(t, "%s\t%s  %s\n", first(i, "told"), told.At.UTC().Format("2006-01-02 15:04:05 UTC"), text)
	}
	return t.Flush()
}

// first is the name of a list, which stands beside its first line.
func first(i int, name string) string {
	if i > 0 {
		return ""
	}
	return name
}

// services names the first few and counts them all.
func services(list []string) string {
	if len(list) == 0 {
		return ""
	}
	text := fmt.Sprintf("%d: %s", len(list), strings.Join(list[:min(len(list), 5)], ", "))
	if len(list) > 5 {
		text += " and more"
	}
	return text
}

// state is the state with what it waits for, how it ended, or how the Agent's task of it stands.
func state(c Case) string {
	for _, more := range []string{c.Why, c.How} {
		if more != "" {
			return c.State + " (" + more + ")"
		}
	}
	switch v := c.Investigation; {
	case c.Resting:
		return c.State + " (resting)"
	case v != nil && v.Status != "" && c.State == string(gate.Started):
		return c.State + " (" + v.Status + ")"
	}
	return c.State
}

func doubts(c Case) string {
	text := fmt.Sprint(c.Doubts)
	if c.NoRepeat {
		text += ", and it is not repeated"
	}
	if c.Resting {
		text += ", and nothing more is tried by itself"
	}
	return text
}

func until(c Case, now time.Time) string {
	if c.UntilMeans() == "" {
		return "-"
	}
	return relative(c.Until, now)
}

// relative is "4m ago" or "in 7m", in the largest unit that says something.
func relative(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := now.Sub(t).Round(time.Second)
	switch {
	case d == 0:
		return "now"
	case d < 0:
		return "in " + span(-d)
	}
	return span(d) + " ago"
}

func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

func absolute(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST") + " (" + relative(t, now) + ")"
}

func present(all ...string) []string {
	var out []string
	for _, s := range all {
		if s != "" && s != "since " {
			out = append(out, s)
		}
	}
	return out
}

// short cuts to so many characters.
func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
