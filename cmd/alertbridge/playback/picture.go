package playback

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// The measures of a picture, in pixels.
const (
	width, left, right = 960.0, 84.0, 24.0
	plot               = width - left - right
	bars               = 120 // over the whole time
)

// Picture draws a Result as SVG: how many alerts came and what they were worth, the investigations that ran beside the
// slots, what was spent beside the budget, and, where it was asked for, when a critical alert would have started at once.
// It can be read on a light ground and on a dark one, and the same Result gives the same bytes.
func Picture(r *Result) []byte {
	d := &drawing{r: r, span: r.World.End.Sub(r.World.Begin)}
	d.begin()
	d.alerts(70, 150)
	d.running(282, 100)
	d.spent(444, 130)
	d.admitted(614)
	d.axis(650)
	d.put(`</svg>`)
	return []byte(d.String())
}

// drawing is a picture in the making.
type drawing struct {
	strings.Builder
	r    *Result
	span time.Duration
}

func (d *drawing) put(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// style has every colour twice, in words that all that draw SVG understand.
const style = `<style>
  text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .end { text-anchor: end; }
  .mid { text-anchor: middle; }
  .ground { fill: #ffffff; }
  .faint { fill: #59636e; }
  .grid { stroke: #d1d9e0; fill: none; }
  .limit { stroke: #8250df; fill: none; stroke-dasharray: 6 4; }
  .limits { fill: #8250df; }
  .start { fill: #cf222e; }
  .wait { fill: #bf8700; }
  .join { fill: #0969da; }
  .drop { fill: #8c959f; }
  .yes { fill: #1a7f37; }
  .line { stroke: #0969da; fill: none; stroke-width: 1.5; }
  .money { stroke: #cf222e; fill: none; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .ground { fill: #0d1117; }
    .faint { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .limit { stroke: #bc8cff; }
    .limits { fill: #bc8cff; }
    .start { fill: #ff7b72; }
    .wait { fill: #e3b341; }
    .join { fill: #58a6ff; }
    .drop { fill: #6e7681; }
    .yes { fill: #3fb950; }
    .line { stroke: #58a6ff; }
    .money { stroke: #ff7b72; }
  }
</style>`

func (d *drawing) begin() {
	title := cmp.Or(d.r.World.Title, d.r.World.Name)
	d.put(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f 700" role="img" aria-label="%s">`, width, escaped(title))
	d.put("%s", style)
	d.put(`<rect class="ground" width="%.0f" height="700"/>`, width)
	d.put(`<text class="title" x="%.0f" y="30">%s</text>`, 20.0, escaped(title))
	v := d.r.Verdicts()
	d.put(`<text class="faint" x="%.0f" y="50">%s: %s start, %s wait, %s join, %s drop. %s, %s.</text>`, 20.0,
		thousands(len(d.r.Alerts))+" alerts", thousands(v[gate.Start]), thousands(v[gate.Wait]), thousands(v[gate.Join]), thousands(v[gate.Drop]),
		count(len(d.r.Starts), "investigation"), d.r.Dollars)
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func (d *drawing) x(at time.Time) float64 {
	share := float64(at.Sub(d.r.World.Begin)) / float64(d.span)
	return left + plot*min(max(share, 0), 1)
}

// frame draws a panel's title, and its grid with numbers from 0 to a round one that is not below most; it returns how to
// place a value.
func (d *drawing) frame(y, height float64, title, unit string, most float64) func(v float64) float64 {
	d.put(`<text x="%.0f" y="%.0f">%s</text>`, left, y-8, escaped(title))
	top := round(most)
	place := func(v float64) float64 { return y + height - height*v/top }
	for i := range 3 {
		v := top * float64(i) / 2
		d.put(`<path class="grid" d="M%.1f %.1fH%.1f"/>`, left, place(v), width-right)
		text := unit + thousands(int(v))
		if v != math.Trunc(v) {
			text = unit + fmt.Sprint(v)
		}
		d.put(`<text class="faint end" x="%.0f" y="%.1f">%s</text>`, left-8, place(v)+4, text)
	}
	return place
}

// round is the least of 2, 4, 6, 10 and so on, times a power of ten, that is not below v.
func round(v float64) float64 {
	for power := 1.0; ; power *= 10 {
		for _, step := range []float64{2, 4, 6, 8} {
			if v <= step*power {
				return step * power
			}
		}
	}
}

var stacked = []gate.Verdict{gate.Start, gate.Wait, gate.Join, gate.Drop}

// alerts draws how many came, by what they were worth.
func (d *drawing) alerts(y, height float64) {
	y += 24
	var counts [bars]map[gate.Verdict]int
	most := 1
	for _, a := range d.r.Alerts {
		i := min(int(float64(a.At.Sub(d.r.World.Begin))/float64(d.span)*bars), bars-1)
		if counts[i] == nil {
			counts[i] = map[gate.Verdict]int{}
		}
		counts[i][a.Verdict]++
		sum := 0
		for _, n := range counts[i] {
			sum += n
		}
		most = max(most, sum)
	}
	place := d.frame(y, height, "Alerts in "+span(d.span/bars)+", by verdict", "", float64(most))
	for i, c := range counts {
		base := 0
		for _, v := range stacked {
			if n := c[v]; n > 0 {
				d.put(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, v, left+plot*float64(i)/bars+0.5,
					place(float64(base+n)), plot/bars-1, place(float64(base))-place(float64(base+n)))
				base += n
			}
		}
	}
	for i, v := range stacked {
		x := width - right - 240 + 62*float64(i)
		d.put(`<rect class="%s" x="%.0f" y="%.0f" width="10" height="10"/><text class="faint" x="%.0f" y="%.0f">%s</text>`, v, x, y-17, x+14, y-8, v)
	}
}

// running draws how many investigations run, as the account reckons, and the slots.
func (d *drawing) running(y, height float64) {
	type change struct {
		at time.Time
		by int
	}
	var changes []change
	of, slots, _ := d.limits()
	for _, s := range d.r.Starts {
		until := s.At.Add(d.r.Policy.For(d.r.Cases[s.Case].First).Estimate)
		changes = append(changes, change{s.At, 1}, change{until, -1})
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.by, b.by)) })
	place := d.frame(y, height, "Investigations that run", "", float64(max(slots, 2)))
	path := from(place(0))
	n := 0
	for _, c := range changes {
		if c.at.After(d.r.World.End) {
			break
		}
		n += c.by
		path += fmt.Sprintf("H%.1fV%.1f", d.x(c.at), place(float64(n)))
	}
	d.put(`<path class="line" d="%sH%.1f"/>`, path, width-right)
	if slots > 0 {
		y := place(float64(slots))
		d.limit(from(y), y, fmt.Sprintf("slots%s: %d", of, slots))
	}
}

// limits are the slots and the month's budget of all Agents that cases were opened for, together; the budget is 0 where one
// of them may spend what it likes. A case that is only observed takes neither. Of several Agents it is said how many they are.
func (d *drawing) limits() (of string, slots int, budget gate.Dollars) {
	agents := map[string]gate.Rules{}
	for _, c := range d.r.Cases {
		if !c.Shadow {
			r := d.r.Policy.For(c.First)
			agents[r.Agent] = r
		}
	}
	if len(agents) == 0 {
		r := d.r.Policy.For(alert.Alert{Severity: alert.High, Priority: "P2", Tags: []string{"env:prod"}})
		agents[r.Agent] = r
	}
	if len(agents) > 1 {
		of = fmt.Sprintf(" of %d Agents", len(agents))
	}
	unlimited := false
	for _, r := range agents {
		slots, budget = slots+r.Slots, budget+r.Budget.Month
		unlimited = unlimited || r.Budget.Month <= 0
	}
	if unlimited {
		budget = 0
	}
	return of, slots, budget
}

// from begins a path at the left of a panel.
func from(y float64) string { return fmt.Sprintf("M%.1f %.1f", left, y) }

// limit draws a limit, which ends at y.
func (d *drawing) limit(path string, y float64, text string) {
	d.put(`<path class="limit" d="%sH%.1f"/><text class="limits end" x="%.0f" y="%.1f">%s</text>`, path, width-right, width-right, y-5, text)
}

// spent draws what the starts cost in all, and the month's budget where it is near. A month's is on top of what the months
// before have cost.
func (d *drawing) spent(y, height float64) {
	of, _, budget := d.limits()
	total := dollars(d.r.Dollars)
	most := max(total, 1)
	shown := budget > 0 && d.span > 24*time.Hour
	months := d.months()
	if shown {
		most = max(most, dollars(months[len(months)-1].before+budget)*1.05)
	}
	place := d.frame(y, height, "Spent, as it is reckoned", "$", most)
	path := from(place(0))
	var sum gate.Dollars
	for _, s := range d.r.Starts {
		sum += s.Dollars
		path += fmt.Sprintf("H%.1fV%.1f", d.x(s.At), place(dollars(sum)))
	}
	d.put(`<path class="money" d="%sH%.1f"/>`, path, width-right)
	d.put(`<text class="end" x="%.0f" y="%.1f">%s</text>`, width-right, place(total)+16, d.r.Dollars)
	if !shown {
		return
	}
	end := place(dollars(budget))
	path = from(end)
	for _, m := range months[1:] {
		end = place(dollars(m.before + budget))
		path += fmt.Sprintf("H%.1fV%.1f", d.x(m.begin), end)
	}
	d.limit(path, end, "a month's budget"+of+": "+budget.String())
}

// month is a calendar month, UTC, with what was spent before it.
type month struct {
	begin  time.Time
	before gate.Dollars
}

// months are those of the picture; the first may have begun earlier.
func (d *drawing) months() []month {
	w := d.r.World.Begin.UTC()
	begin := time.Date(w.Year(), w.Month(), 1, 0, 0, 0, 0, time.UTC)
	var all []month
	for ; begin.Before(d.r.World.End); begin = begin.AddDate(0, 1, 0) {
		m := month{begin: begin}
		for _, s := range d.r.Starts {
			if s.At.Before(begin) {
				m.before += s.Dollars
			}
		}
		all = append(all, m)
	}
	return all
}

// admitted draws when a critical alert would have started at once.
func (d *drawing) admitted(y float64) {
	if len(d.r.Probes) == 0 {
		return
	}
	yes := 0
	each := plot / float64(len(d.r.Probes))
	for i := 0; i < len(d.r.Probes); {
		n := 1
		ok := d.r.Probes[i].Verdict == gate.Start
		for i+n < len(d.r.Probes) && (d.r.Probes[i+n].Verdict == gate.Start) == ok {
			n++
		}
		class := "start"
		if ok {
			class, yes = "yes", yes+n
		}
		d.put(`<rect class="%s" x="%.1f" y="%.0f" width="%.1f" height="10"/>`, class, left+each*float64(i), y, each*float64(n))
		i += n
	}
	d.put(`<text x="%.0f" y="%.0f">A critical alert would start at once: at %d of %d times that were tried, every %s</text>`, left, y-8, yes,
		len(d.r.Probes), span(d.span/time.Duration(len(d.r.Probes))))
}

// axis draws the time.
func (d *drawing) axis(y float64) {
	step := 24 * time.Hour * 5
	for _, s := range []time.Duration{
		time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 24 * time.Hour, 48 * time.Hour,
	} {
		if d.span/s <= 16 {
			step = s
			break
		}
	}
	unit, name := time.Minute, "minutes"
	switch {
	case step >= 24*time.Hour:
		unit, name = 24*time.Hour, "days"
	case step >= time.Hour:
		unit, name = time.Hour, "hours"
	}
	for at := time.Duration(0); at <= d.span; at += step {
		x := d.x(d.r.World.Begin.Add(at))
		d.put(`<path class="grid" d="M%.1f %.0fv5"/><text class="faint mid" x="%.1f" y="%.0f">%d</text>`, x, y-20, x, y, at/unit)
	}
	d.put(`<path class="grid" d="M%.1f %.0fH%.1f"/>`, left, y-20, width-right)
	d.put(`<text class="faint mid" x="%.1f" y="%.0f">%s since %s UTC</text>`, left+plot/2, y+20, name, d.r.World.Begin.UTC().Format("2006-01-02 15:04"))
}

// span is a length of time in the unit that reads best.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.3g min", d.Minutes())
	}
	return fmt.Sprintf("%.3g h", d.Hours())
}
