package playback

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// line is one thing that happened, for people.
type line struct {
	at    time.Time
	cells []string // what, title, priority, verdict, reason, case
	alike string   // lines in a row with the same are folded
}

// same is what lines have in common that happen again and again: everything but the time and the case.
func (l line) same() string { return strings.Join(l.cells[:len(l.cells)-1], "\x00") }

// fold is how many lines that are alike are shown before the rest is only counted.
const fold = 3

// maxRound is how many lines what happens again and again can have each time.
const maxRound = 6

// WriteText prints what happened, one line each, and what it came to. What is alike and comes in a row is counted, and
// so is what comes again and again in the same order.
func WriteText(w io.Writer, r *Result) error {
	head := r.World.Name
	if r.World.Title != "" {
		head += ": " + r.World.Title
	}
	fmt.Fprintf(w, "%s\n\n", head)
	rows := [][]string{{"TIME", "WHAT", "VERDICT", "REASON", "PRIO", "TITLE", "CASE"}}
	for list := r.lines(); len(list) > 0; {
		show, size, times := folded(list)
		for _, l := range list[:show] {
			rows = append(rows, append([]string{r.when(l.at)}, l.cells...))
		}
		end := size * times
		switch left := times - show/size; {
		case left == 0:
		case size == 1:
			rows = append(rows, []string{"…", fmt.Sprintf("%d more like these until %s", left, r.when(list[end-1].at))})
		default:
			rows = append(rows, []string{"…", fmt.Sprintf("these %d lines %d more times until %s", size, left, r.when(list[end-1].at))})
		}
		list = list[end:]
	}
	for _, line := range table(rows) {
		fmt.Fprintln(w, "  "+line)
	}
	_, err := fmt.Fprintf(w, "\n%s", r.sum())
	return err
}

// folded says how many lines of the beginning of a list are shown, for how many times so many lines.
func folded(list []line) (show, size, times int) {
	n := 1
	for n < len(list) && list[0].alike != "" && list[n].alike == list[0].alike {
		n++
	}
	if n > fold+1 {
		return fold, 1, n
	}
	show, size, times = 1, 1, 1
	for round := 2; round <= maxRound; round++ {
		n := 1
		for (n+1)*round <= len(list) && slices.EqualFunc(list[:round], list[n*round:(n+1)*round], func(a, b line) bool { return a.same() == b.same() }) {
			n++
		}
		if n > fold+1 && n*round > size*times {
			show, size, times = round, round, n
		}
	}
	return show, size, times
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
		what := "► the Agent is " + string(c.Is)
		if verb := (map[scenario.AgentState]string{
			scenario.AgentRefusing: "refuses", scenario.AgentHanging: "hangs", scenario.AgentTaking: "takes and hangs",
			scenario.AgentFailing: "fails", scenario.AgentGibberish: "talks gibberish",
		})[c.Is]; verb != "" {
			what = "► the Agent " + verb
		}
		if c.For > 0 {
			what += " for " + clock(c.For)
		}
		all = append(all, line{r.World.Begin.Add(c.At), []string{what, "", "", "", "", ""}, ""})
	}
	all = append(all, r.wrong()...)
	if calm := r.World.Calm; calm > 0 {
		all = append(all, line{r.World.Begin.Add(calm), []string{"► nothing goes wrong from now on", "", "", "", "", ""}, ""})
	}
	for _, o := range r.World.Hand {
		what := "► mode " + string(o.Mode)
		switch {
		case o.Silence != nil:
			what = "► silence"
		case max(o.Start, o.StartAlert) > 0:
			what = "► start by hand"
		case max(o.Stop, o.StopAlert) > 0:
			what = "► stop by hand"
		case o.Retry:
			what = "► retry by hand"
		case o.Redrive:
			what = "► redrive by hand"
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
		if how, told := c.Told(); told {
			what := short(c.Title)
			if c.Work.Booked > 0 {
				what = c.Work.Booked.String() + ": " + what
			}
			all = append(all, line{c.Ended, []string{"► is over", "", string(how), "", what, c.ID}, ""})
		}
	}
	for _, s := range r.Starts {
		all = append(all, line{s.At, []string{"► investigation", "", s.Severity, "", short(s.Title), s.Case}, ""})
	}
	for _, c := range r.inOrder() { // after the starts, which may be of the same moment
		for _, t := range c.Troubles {
			all = append(all, t.line(c))
		}
	}
	slices.SortStableFunc(all, func(a, b line) int { return a.at.Compare(b.at) })
	return all
}

// wrong are the faults: of single steps when they met these, all others when they begin.
func (r *Result) wrong() []line {
	var all []line
	say := func(at time.Time, f scenario.Fault) {
		what, where := "► "+string(f.Kind), ""
		switch {
		case f.Step != "":
			where = fmt.Sprintf("in %s, at %s", f.In, f.Step)
		case f.In != "":
			where = fmt.Sprintf("in %s", f.In)
		}
		if f.By != 0 {
			where += fmt.Sprintf(", by %s", f.By)
		}
		if f.For > 0 {
			where = strings.TrimPrefix(where+", for "+clock(f.For), ", ")
		}
		all = append(all, line{at, []string{what, "", "", "", where, ""}, ""})
	}
	for _, m := range r.Met {
		say(m.At, m.Fault)
	}
	for _, f := range r.World.Faults {
		if f.For > 0 && f.Kind.Agent() == "" {
			say(r.World.Begin.Add(f.At), f)
		}
	}
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
	text += fmt.Sprintf("  %s, %s", count(len(r.Starts), "start"), r.Dollars)
	if n, price := r.bill(); n > 0 {
		text += fmt.Sprintf(" as reckoned; %s over, %s by the Agent's word", count(n, "investigation"), price)
	}
	text += "\n" + r.Aftermath().String()
	if unmet := r.unmet(); unmet > 0 {
		text += fmt.Sprintf("  %s met nothing\n", count(unmet, "fault"))
	}
	switch waits := r.waiting(); {
	case waits == 1:
		text += "  1 case still waits at the end\n"
	case waits > 1:
		text += fmt.Sprintf("  %d cases still wait at the end\n", waits)
	}
	return text
}

// bill counts the cases of which the Agent has told the end, with what they have cost.
func (r *Result) bill() (n int, price gate.Dollars) {
	for _, c := range r.Cases {
		if _, told := c.Told(); told {
			n, price = n+1, price+c.Work.Booked
		}
	}
	return n, price
}

// unmet counts the faults of single steps that met none.
func (r *Result) unmet() int {
	n := -len(r.Met)
	for _, f := range r.World.Faults {
		if f.For == 0 && f.Kind.Agent() == "" {
			n++
		}
	}
	return n
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
