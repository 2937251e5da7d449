package playback

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// line is one thing that happened, for people.
type line struct {
	at    time.Time
	cells []string // what, title, priority, verdict, reason, case
	alike string   // lines in a row with the same are folded
}

// fold is how many lines that are alike are shown before the rest is only counted.
const fold = 3

// WriteText prints what happened, one line each, and what it came to.
func WriteText(w io.Writer, r *Result) error {
	head := r.World.Name
	if r.World.Title != "" {
		head += ": " + r.World.Title
	}
	fmt.Fprintf(w, "%s\n\n", head)
	rows := [][]string{{"TIME", "WHAT", "VERDICT", "REASON", "PRIO", "TITLE", "CASE"}}
	list := r.lines()
	for i := 0; i < len(list); {
		n := 1
		for i+n < len(list) && list[i].alike != "" && list[i+n].alike == list[i].alike {
			n++
		}
		show := n
		if n > fold+1 {
			show = fold
		}
		for _, l := range list[i : i+show] {
			rows = append(rows, append([]string{r.when(l.at)}, l.cells...))
		}
		if show < n {
			rows = append(rows, []string{"…", fmt.Sprintf("%d more like these until %s", n-show, r.when(list[i+n-1].at))})
		}
		i += n
	}
	for _, line := range table(rows) {
		fmt.Fprintln(w, "  "+line)
	}
	_, err := fmt.Fprintf(w, "\n%s", r.sum())
	return err
}

// table lays rows out in columns. A row of two cells stands by itself.
func table(rows [][]string) []string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if len(row) > 2 || i == 0 {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	var lines []string
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += cell + strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell))+2)
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// when is a time as people find it: in a scenario counted from its beginning, else of the calendar, UTC.
func (r *Result) when(at time.Time) string {
	if r.World.Scenario != nil {
		return since(r, at)
	}
	return at.UTC().Format("2006-01-02 15:04:05Z")
}

// lines are all that happened, in order.
func (r *Result) lines() []line {
	var all []line
	for _, c := range r.World.Agent {
		all = append(all, line{r.World.Begin.Add(c.At), []string{"► the Agent is " + string(c.Is), "", "", "", "", ""}, ""})
	}
	for _, o := range r.World.Hand {
		what := "► mode " + string(o.Mode)
		if o.Silence != nil {
			what = "► silence"
		}
		all = append(all, line{r.World.Begin.Add(o.At), []string{what, "", "", "", short(o.By + ": " + o.Reason), ""}, ""})
	}
	for _, d := range r.Alerts {
		verdict, reason := string(d.Verdict), string(d.Reason)
		if verdict == "" {
			verdict, reason = "-", "no verdict"
		}
		title := d.Alert.Title
		if len(d.Alert.Scope) > 0 {
			title += " (" + strings.Join(d.Alert.Scope, ",") + ")"
		}
		prio := d.Alert.Priority
		if prio == "" {
			prio = "-"
		}
		what := string(d.Alert.Transition)
		if what == "" {
			what = "(no alert)"
		}
		all = append(all, line{d.At, []string{what, verdict, reason, prio, short(title), d.Case}, what + verdict + reason})
	}
	for _, c := range r.inOrder() {
		if !c.Ended.IsZero() && !c.HasStarted() {
			all = append(all, line{c.Ended, []string{"► ended", "", string(c.How), "", short(c.Title), c.ID}, "ended" + string(c.How)})
		}
	}
	for _, s := range r.Starts {
		all = append(all, line{s.At, []string{"► investigation", "", s.Severity, "", short(s.Title), s.Case}, ""})
	}
	slices.SortStableFunc(all, func(a, b line) int { return a.at.Compare(b.at) })
	return all
}

func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}

// Verdicts counts the alerts by verdict; those without one are not there.
func (r *Result) Verdicts() map[gate.Verdict]int {
	n := map[gate.Verdict]int{}
	for _, d := range r.Alerts {
		if d.Verdict != "" {
			n[d.Verdict]++
		}
	}
	return n
}

// sum is what it came to, in a few lines.
func (r *Result) sum() string {
	reasons := map[string]int{}
	none := 0
	for _, d := range r.Alerts {
		if d.Verdict == "" {
			none++
			continue
		}
		reasons[string(d.Verdict)+" "+string(d.Reason)]++
	}
	var parts []string
	for _, k := range slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		if reasons[a] != reasons[b] {
			return reasons[b] - reasons[a]
		}
		return strings.Compare(a, b)
	}) {
		parts = append(parts, fmt.Sprintf("%d %s", reasons[k], k))
	}
	if none > 0 {
		parts = append(parts, fmt.Sprintf("%d without a verdict", none))
	}
	text := fmt.Sprintf("  %s: %s\n", count(len(r.Alerts), "alert"), strings.Join(parts, ", "))
	text += fmt.Sprintf("  %s, %s\n", count(len(r.Starts), "start"), r.Dollars)
	switch waits := r.waiting(); {
	case waits == 1:
		text += "  1 case still waits at the end\n"
	case waits > 1:
		text += fmt.Sprintf("  %d cases still wait at the end\n", waits)
	}
	return text
}

func (r *Result) waiting() int {
	n := 0
	for _, c := range r.Cases {
		if c.State == gate.Waiting {
			n++
		}
	}
	return n
}
