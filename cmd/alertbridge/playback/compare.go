package playback

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Comparison is what two policies make of the same Worlds.
type Comparison struct {
	Starts  [2]int
	Dollars [2]gate.Dollars
	Left    [2]Aftermath
	Delays  []Delay    // by priority, the most severe first
	Told    []Incident // that the Agent is told of under one policy only, in the order in which they began

	several bool // Worlds, so that an incident is found by the name of its file
}

// Delay is how long alerts of a priority wait for the investigation that tells of them, from the alert that opened its
// case. An index is that of the policy.
type Delay struct {
	Priority     string
	Starts       [2]int
	Median, High [2]time.Duration // High: nine of ten are no longer
}

// Incident is one that outlived its hold and that the Agent is told of under one policy, and not under the other.
type Incident struct {
	File     string    // of its first alert
	At       time.Time // of its first alert
	Title    string
	Priority string
	Under    int    // the policy under which the Agent is told
	Instead  string // what becomes of it under the other, in a few words
}

// Compare compares the results of the same Worlds under two policies; they stand in the same order.
func Compare(first, second []*Result) Comparison {
	c := Comparison{several: len(first) > 1}
	for i := range first {
		pair := [2]*Result{first[i], second[i]}
		for p, r := range pair {
			c.Starts[p] += len(r.Starts)
			c.Dollars[p] += r.Dollars
		}
		told := [2]map[string]alert.Alert{first[i].told(), second[i].told()}
		for _, in := range first[i].incidents() {
			_, one := told[0][in.key]
			_, other := told[1][in.key]
			if one == other {
				continue
			}
			under := 0
			if other {
				under = 1
			}
			c.Told = append(c.Told, Incident{
				File: in.first.File, At: in.first.At, Title: in.first.Alert.Title, Priority: in.first.Alert.Priority,
				Under: under, Instead: pair[1-under].became(told[under][in.key]),
			})
		}
	}
	c.Left = [2]Aftermath{aftermath(first), aftermath(second)}
	c.Delays = delays([2][]*Result{first, second})
	return c
}

// incident is one that a World has, with its first alert.
type incident struct {
	key   string
	first Decided
}

// incidents are those of the World that fire, in the order in which they began.
func (r *Result) incidents() []incident {
	seen := map[string]bool{}
	var all []incident
	for _, d := range r.Alerts {
		key := d.Alert.Incident.String()
		if d.Alert.Delivery == "" || d.Alert.Transition == alert.Recovered || seen[key] {
			continue
		}
		seen[key] = true
		all = append(all, incident{key, d})
	}
	return all
}

// told are the incidents that the Agent was told of while they fired: those that opened a case, or joined it while it
// waited, and whose case was started before they had recovered. Of each it is the first alert that did so.
func (r *Result) told() map[string]alert.Alert {
	over := r.recoveries()
	all := map[string]alert.Alert{}
	for _, d := range r.Alerts {
		key := d.Alert.Incident.String()
		if _, before := all[key]; !before && d.tells() && !r.Cases[d.Case].startedAt().IsZero() && !r.healed(d, over) {
			all[key] = d.Alert
		}
	}
	return all
}

// recoveries are the times at which incidents recovered.
func (r *Result) recoveries() map[string][]time.Time {
	all := map[string][]time.Time{}
	for _, d := range r.Alerts {
		if d.Reason == gate.IsRecovery {
			key := d.Alert.Incident.String()
			all[key] = append(all[key], d.At)
		}
	}
	return all
}

// healed tells whether the alert's incident recovered before its case was started.
func (r *Result) healed(d Decided, over map[string][]time.Time) bool {
	started := r.Cases[d.Case].startedAt()
	return slices.ContainsFunc(over[d.Alert.Incident.String()], func(at time.Time) bool { return !at.Before(d.At) && at.Before(started) })
}

// tells: if the alert's case is started, the Agent is told of the alert's incident.
func (d Decided) tells() bool {
	switch d.Verdict {
	case gate.Start, gate.Wait:
		return true
	case gate.Join:
		return d.Reason == gate.Covered || d.Reason == gate.InStorm
	}
	return false
}

func (c *Case) startedAt() time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.Started
}

// became says what became of the alert by which the Agent is told of an incident under the other policy.
func (r *Result) became(a alert.Alert) string {
	words, over := "nothing came of it", r.recoveries()
	for _, d := range r.Alerts {
		if d.Alert.Delivery != a.Delivery || d.Verdict == "" || d.Reason == gate.Duplicate {
			continue
		}
		words = fmt.Sprintf("%s %s", d.Verdict, d.Reason)
		if c := r.Cases[d.Case]; c != nil && !c.Ended.IsZero() && !c.HasStarted() {
			words += ", its case ended " + string(c.How)
		} else if c != nil && c.State == gate.Waiting {
			words += ", its case still waits"
		} else if c != nil && c.State == gate.Refused {
			words += ", its case was refused"
		} else if c != nil && c.State == gate.InDoubt {
			words += ", its case is left in doubt"
		} else if r.healed(d, over) {
			words += ", and it recovered before the start"
		}
	}
	return words
}

func delays(results [2][]*Result) []Delay {
	all := map[string]*[2][]time.Duration{}
	for p, list := range results {
		for _, r := range list {
			for _, c := range r.Cases {
				if c.Started.IsZero() {
					continue
				}
				prio := c.First.Priority
				if prio == "" {
					prio = "none"
				}
				if all[prio] == nil {
					all[prio] = &[2][]time.Duration{}
				}
				all[prio][p] = append(all[prio][p], c.Started.Sub(c.Began))
			}
		}
	}
	var out []Delay
	for _, prio := range []string{"P1", "P2", "P3", "P4", "P5", "none"} {
		waits := all[prio]
		if waits == nil {
			continue
		}
		d := Delay{Priority: prio}
		for p := range waits {
			d.Starts[p] = len(waits[p])
			d.Median[p], d.High[p] = share(waits[p], 50), share(waits[p], 90)
		}
		out = append(out, d)
	}
	return out
}

// share is the shortest time that so many percent do not exceed; 0 of none.
func share(list []time.Duration, percent int) time.Duration {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return list[(len(list)*percent+99)/100-1]
}

// WriteText prints the comparison of two policies by their names.
func (c Comparison) WriteText(w io.Writer, names [2]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\t%s\t%s\n", names[0], names[1])
	fmt.Fprintf(t, "starts\t%d\t%d\n", c.Starts[0], c.Starts[1])
	fmt.Fprintf(t, "dollars\t%s\t%s\n", c.Dollars[0], c.Dollars[1])
	for _, row := range c.left() {
		fmt.Fprintf(t, "%s\t%s\t%s\n", row[0], row[1], row[2])
	}
	for _, d := range c.Delays {
		cell := func(p int) string {
			if d.Starts[p] == 0 {
				return "-"
			}
			return fmt.Sprintf("%s, %s", clock(d.Median[p]), clock(d.High[p]))
		}
		fmt.Fprintf(t, "delay of %s: median, nine of ten\t%s\t%s\n", d.Priority, cell(0), cell(1))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for under, name := range names {
		var lines []string
		for _, in := range c.Told {
			if in.Under == under {
				of := ""
				if c.several {
					of = in.File + "  "
				}
				lines = append(lines, fmt.Sprintf("  %s%s  %s  %s; under the other: %s", of, in.At.UTC().Format("2006-01-02 15:04:05Z"), or(in.Priority, "-"), short(in.Title), in.Instead))
			}
		}
		if len(lines) > 0 {
			fmt.Fprintf(w, "\nThe Agent is told of these only under %s (%d):\n%s\n", name, len(lines), strings.Join(lines, "\n"))
		}
	}
	if len(c.Told) == 0 {
		fmt.Fprintf(w, "\nThe Agent is told of the same incidents under both.\n")
	}
	return nil
}

// left are the rows about starts that the Agent did not simply take, those of which a policy has some.
func (c Comparison) left() (rows [][3]string) {
	one, other := c.Left[0], c.Left[1]
	if one.Refused+other.Refused > 0 {
		rows = append(rows, [3]string{"cases refused", strconv.Itoa(one.Refused), strconv.Itoa(other.Refused)})
	}
	if one.InDoubt+other.InDoubt > 0 {
		rows = append(rows, [3]string{"cases left in doubt", strconv.Itoa(one.InDoubt), strconv.Itoa(other.InDoubt)})
	}
	if one.differs() || other.differs() {
		rows = append(rows, [3]string{"dollars that the budget counts", one.Counted.String(), other.Counted.String()})
	}
	return rows
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
