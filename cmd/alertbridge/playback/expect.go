package playback

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Expects tells whether a World comes with expectations at all.
func Expects(w *World) bool {
	if s := w.Scenario; s != nil && (s.Number >= 0 || len(s.Ends) > 0 || s.Dollars != nil) {
		return true
	}
	return slices.ContainsFunc(w.Arrivals, func(a Arrival) bool { return a.Want != nil })
}

// Expect says what came otherwise than the World's scenario expects, a line for each difference; none means that all came
// as it should.
func Expect(r *Result) []string {
	diffs := wrongVerdicts(r)
	s := r.World.Scenario
	if s == nil {
		return diffs
	}
	diffs = append(diffs, wrongStarts(r)...)
	diffs = append(diffs, missingEnds(r)...)
	if s.Dollars != nil && cents(*s.Dollars) != cents(r.Dollars) {
		diffs = append(diffs, fmt.Sprintf("%s: it cost %s, and should cost %s", s.Name, r.Dollars, *s.Dollars))
	}
	return diffs
}

func cents(d gate.Dollars) gate.Dollars { return (d + 5_000) / 10_000 }

// wrongVerdicts joins what is the same of alerts that one entry stands for.
func wrongVerdicts(r *Result) []string {
	type fault struct {
		line      int
		got, want string
	}
	var order []fault
	first, number := map[fault]Decided{}, map[fault]int{}
	for _, d := range r.Alerts {
		if d.Want == nil || d.Verdict == d.Want.Verdict && d.Reason == d.Want.Reason {
			continue
		}
		got := "no verdict"
		if d.Verdict != "" {
			got = string(d.Verdict) + " " + string(d.Reason)
		}
		f := fault{d.Line, got, d.Want.String()}
		if number[f]++; number[f] == 1 {
			order, first[f] = append(order, f), d
		}
	}
	var diffs []string
	for _, f := range order {
		d := first[f]
		text := fmt.Sprintf("%s:%d: %s %s %q got %s, and should get %s", r.World.Name, f.line, since(r, d.At), d.Alert.Transition,
			d.Alert.Title, f.got, f.want)
		if n := number[f] - 1; n > 0 {
			text += fmt.Sprintf("; so did %d more", n)
		}
		if d.Because != "" {
			text += " (" + d.Because + ")"
		}
		diffs = append(diffs, text)
	}
	return diffs
}

func wrongStarts(r *Result) (diffs []string) {
	s := r.World.Scenario
	if s.Number < 0 {
		return nil
	}
	if s.Starts == nil || len(s.Starts) != s.Number {
		if len(r.Starts) != s.Number {
			diffs = append(diffs, fmt.Sprintf("%s: %s, and there should be %d", s.Name, count(len(r.Starts), "start"), s.Number))
		}
		return diffs
	}
	left := slices.Clone(r.Starts)
	for _, want := range s.Starts {
		due := r.World.Begin.Add(want.At)
		i := slices.IndexFunc(left, func(st Start) bool {
			return !st.At.Before(due) && !st.At.After(due.Add(want.Within)) && strings.Contains(st.Title, want.Title) &&
				(want.Severity == 0 || want.Severity.String() == st.Severity)
		})
		if i < 0 {
			diffs = append(diffs, fmt.Sprintf("%s:%d: nothing like this was started at %s: %s", s.Name, want.Line, clock(want.At),
				described(want.Severity.String(), want.Title, want.Severity == 0)))
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	for _, st := range left {
		diffs = append(diffs, fmt.Sprintf("%s: a start at %s that should not be: %s", s.Name, since(r, st.At), described(st.Severity, st.Title, false)))
	}
	return diffs
}

func described(severity, title string, anySeverity bool) string {
	if anySeverity {
		severity = "any severity"
	}
	if title == "" {
		return severity
	}
	return fmt.Sprintf("%s %q", severity, title)
}

func missingEnds(r *Result) (diffs []string) {
	var left []*Case
	for _, c := range r.inOrder() {
		if !c.Ended.IsZero() {
			left = append(left, c)
		}
	}
	s := r.World.Scenario
	for _, want := range s.Ends {
		due := r.World.Begin.Add(want.At)
		i := slices.IndexFunc(left, func(c *Case) bool {
			return !c.Ended.Before(due) && !c.Ended.After(due.Add(want.Within)) && strings.Contains(c.Title, want.Title) && c.How == want.How
		})
		if i < 0 {
			diffs = append(diffs, fmt.Sprintf("%s:%d: no case ended like this at %s: %s %q", s.Name, want.Line, clock(want.At), want.How, want.Title))
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	return diffs
}

// inOrder are the cases, the oldest first.
func (r *Result) inOrder() []*Case {
	var all []*Case
	for _, c := range r.Cases {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *Case) int {
		if c := a.Began.Compare(b.Began); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// since is a time as people find it in a scenario: from its beginning.
func since(r *Result, at time.Time) string { return clock(at.Sub(r.World.Begin)) }

// clock writes a length of time as hours, minutes and seconds, with days before them when it is longer than one.
func clock(d time.Duration) string {
	d = d.Truncate(time.Second)
	text := fmt.Sprintf("%d:%02d:%02d", int(d.Hours())%24, int(d.Minutes())%60, int(d.Seconds())%60)
	if days := int(d.Hours()) / 24; days > 0 {
		text = fmt.Sprintf("%dd %02d:%02d:%02d", days, int(d.Hours())%24, int(d.Minutes())%60, int(d.Seconds())%60)
	}
	return text
}
