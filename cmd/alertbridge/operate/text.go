package operate

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// WriteStatus prints a status for people.
func WriteStatus(w io.Writer, s Status) error {
	t := &text{}
	t.mode(s)
	t.silences(s.Silences)
	for _, a := range s.Accounts {
		t.account(a, s.At)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// WriteMode prints the mode that is set by hand, for people.
func WriteMode(w io.Writer, s Status) error {
	t := &text{}
	t.mode(s)
	_, err := io.WriteString(w, t.String())
	return err
}

// WriteSilences prints the silences, for people.
func WriteSilences(w io.Writer, s Status) error {
	t := &text{}
	t.silences(s.Silences)
	_, err := io.WriteString(w, t.String())
	return err
}

type text struct{ strings.Builder }

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

func (t *text) mode(s Status) {
	if s.Mode == nil {
		t.line("Mode: none is set by hand; the policy's counts.")
		if b := s.TakenBack; b != nil {
			t.line("  the last one was taken back by %s at %s: %s", b.By, clock(b.At), b.Reason)
		}
		return
	}
	t.line("Mode: %s, set by hand by %s %s: %s", s.Mode.Mode, s.Mode.By, until(s.Mode.Until), s.Mode.Reason)
}

func (t *text) silences(list []ByHand) {
	if len(list) == 0 {
		t.line("Silences: none.")
		return
	}
	t.line("Silences:")
	tab := tabwriter.NewWriter(t, 0, 0, 2, ' ', 0)
	for _, s := range list {
		fmt.Fprintf(tab, "  %s\t%s\t%s\tby %s: %s\n", s.ID, strings.Join(s.Matchers, ", "), until(s.Until), s.By, s.Reason)
	}
	_ = tab.Flush() // into memory
}

func (t *text) account(a Account, at time.Time) {
	state := a.State
	switch state {
	case "shut":
		state += " since " + clock(a.Since) + ": " + a.Words + "; it opens when the secret has a new version, or with alertbridge retry"
	case "down":
		state += ": it could not be reached, and is left alone until " + clock(a.Until)
	}
	t.line("\nAgent %s: %s", a.Agent, state)
	if b := a.Opened; b != nil {
		t.line("  opened by hand by %s at %s: %s", b.By, clock(b.At), b.Reason)
	}
	month, day, slots := "", "", ""
	if l := a.Limits; l != nil {
		slots = fmt.Sprintf(" of %d slots", l.Slots)
		if l.CriticalSlots > 0 {
			slots += fmt.Sprintf(", %d of them for critical cases only", l.CriticalSlots)
		}
		if l.Month > 0 {
			month, day = fmt.Sprintf(" of $%.2f", l.Month), fmt.Sprintf(" of %d", l.CriticalDay)
		}
	}
	t.line("  spent in %s: $%.2f%s, with $%.2f for what runs; critical starts today: %d%s", a.Month, a.Spent, month, a.Reserved, a.Critical, day)
	switch {
	case a.MoneyFor != nil && *a.MoneyFor > 0:
		t.line("  money now: for %d more; the budget refills evenly", *a.MoneyFor)
	case a.MoneyFor != nil:
		whom := "for nothing"
		if l := a.Limits; l != nil && a.Critical < l.CriticalDay {
			whom = "for critical cases only"
		}
		t.line("  money now: %s; for one that is not critical from %s on", whom, clock(a.MoneyAt))
	}
	t.line("  running: %d%s", len(a.Running), slots)
	for _, r := range a.Running {
		kind := ""
		if r.Critical {
			kind = ", critical"
		}
		if r.Task != "" {
			kind += ", task " + r.Task + " is " + r.Status
		}
		t.line("    %s until about %s, $%.2f%s", r.Case, clock(r.Until), r.Dollars, kind)
	}
	if len(a.Unconfirmed) > 0 {
		t.line("  called and not confirmed: %d; see whether the Agent has them", len(a.Unconfirmed))
		t.unconfirmed(a.Unconfirmed, at)
	}
	t.line("  waiting: %d%s", len(a.Waiting), map[bool]string{true: " and more"}[a.More])
	t.list(a.Waiting)
	if len(a.NeedIt) > 0 {
		t.line("  need a hand (alertbridge retry, start or stop): %d", len(a.NeedIt))
		t.list(a.NeedIt)
	}
	t.answers(a.Answers)
}

func (t *text) unconfirmed(list []Unconfirmed, at time.Time) {
	tab := tabwriter.NewWriter(t, 0, 0, 2, ' ', 0)
	for _, u := range list {
		said := "its API has not answered"
		if !u.Absent.IsZero() {
			said = "no task as of " + clock(u.Absent)
		}
		fmt.Fprintf(tab, "    %s\t%s\tfor %d min, %s\t%s\n", u.Case, u.Severity, int(at.Sub(u.Called)/time.Minute), said, u.Title)
	}
	_ = tab.Flush() // into memory
}

// untold are waits of which nobody knows when they end: a case's Until is then when it began to wait.
var untold = []string{string(gate.WhySlots), string(gate.WhyAgentShut)}

func (t *text) list(list []Waiting) {
	tab := tabwriter.NewWriter(t, 0, 0, 2, ' ', 0)
	for _, c := range list {
		state, what := c.State, c.Title
		if c.Why != "" {
			state = c.Why
			if !slices.Contains(untold, c.Why) {
				state += " until " + clock(c.Until)
			}
		}
		if c.Observed {
			what += " (only observed)"
		}
		if c.Hand != "" {
			what += " (start asked for by " + c.Hand + ")"
		}
		fmt.Fprintf(tab, "    %s\t%s\t%s\t%s\n", c.Case, c.Severity, state, what)
	}
	_ = tab.Flush() // into memory
}

func until(t time.Time) string {
	if t.IsZero() {
		return "until it is taken back"
	}
	return "until " + clock(t)
}
