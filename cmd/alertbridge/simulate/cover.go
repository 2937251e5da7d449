package simulate

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Edge is a move of the state table, with how a case ends.
type Edge struct {
	From, To gate.State
	How      gate.How
}

// String is the edge as people write it.
func (e Edge) String() string {
	from := cmp.Or(string(e.From), "new")
	if e.How != "" {
		return from + " > " + string(e.To) + " (" + string(e.How) + ")"
	}
	return from + " > " + string(e.To)
}

func edge(w gate.CaseWrite) (Edge, bool) {
	e := Edge{From: w.Read.State, To: w.Now.State}
	if w.Now.State == gate.Ended {
		e.How = w.Now.How
	}
	return e, e.From != e.To
}

// Edges lists every edge of the state table.
func Edges() []Edge {
	var all []Edge
	for from, list := range gate.Moves() {
		for _, to := range list {
			if to != gate.Ended {
				all = append(all, Edge{From: from, To: to})
				continue
			}
			for _, how := range gate.Endings()[from] {
				all = append(all, Edge{from, to, how})
			}
		}
	}
	slices.SortFunc(all, func(a, b Edge) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// Cell is an edge that was taken within ten minutes of a fault.
type Cell struct {
	Fault Kind
	Edge  Edge
}

// Cover counts what has happened, over as many worlds as are put together.
type Cover struct {
	Reasons map[gate.Reason]int
	Edges   map[Edge]int
	Cells   map[Cell]int
	First   map[string]uint64 // the lowest seed that reached a reason, an edge or a cell, by its name
}

func newCover() Cover {
	return Cover{Reasons: map[gate.Reason]int{}, Edges: map[Edge]int{}, Cells: map[Cell]int{}, First: map[string]uint64{}}
}

func (c Cover) edge(e Edge, blows []blow) {
	c.Edges[e]++
	seen := map[Kind]bool{}
	for _, b := range blows {
		if !seen[b.kind] {
			seen[b.kind] = true
			c.Cells[Cell{b.kind, e}]++
		}
	}
}

// tell notes which seed it was.
func (c Cover) tell(w World) {
	for _, name := range c.names() {
		c.First[name] = w.Seed
	}
}

func (c Cover) names() []string {
	var all []string
	for r := range c.Reasons {
		all = append(all, string(r))
	}
	for e := range c.Edges {
		all = append(all, e.String())
	}
	for cell := range c.Cells {
		all = append(all, cell.String())
	}
	return all
}

// String names the cell.
func (c Cell) String() string { return string(c.Fault) + ": " + c.Edge.String() }

// Add puts another world's cover to this one.
func (c Cover) Add(d Cover) {
	for k, n := range d.Reasons {
		c.Reasons[k] += n
	}
	for k, n := range d.Edges {
		c.Edges[k] += n
	}
	for k, n := range d.Cells {
		c.Cells[k] += n
	}
	for name, seed := range d.First {
		if first, there := c.First[name]; !there || seed < first {
			c.First[name] = seed
		}
	}
}

// Impossible lists what no world can reach, with the reason. A test holds that nothing of it is reached.
func Impossible() map[string]string {
	return map[string]string{}
}

// Missing lists what was not reached and could have been, by name.
func (c Cover) Missing() []string {
	var all []string
	miss := func(n int, name string) {
		if _, impossible := Impossible()[name]; n == 0 && !impossible {
			all = append(all, name)
		}
	}
	for r := range gate.Reasons() {
		miss(c.Reasons[r], string(r))
	}
	for _, e := range Edges() {
		miss(c.Edges[e], e.String())
		for _, f := range Faults() {
			cell := Cell{f, e}
			miss(c.Cells[cell], cell.String())
		}
	}
	slices.Sort(all)
	return all
}

// Print writes the table.
func (c Cover) Print(out io.Writer) {
	fmt.Fprintf(out, "%-7s %-20s %10s %10s\n", "verdict", "reason", "alerts", "from seed")
	reasons := slices.Collect(maps.Keys(gate.Reasons()))
	slices.SortFunc(reasons, func(a, b gate.Reason) int {
		return cmp.Or(strings.Compare(string(gate.Reasons()[a]), string(gate.Reasons()[b])), strings.Compare(string(a), string(b)))
	})
	for _, r := range reasons {
		fmt.Fprintf(out, "%-7s %-20s %10d %10s\n", gate.Reasons()[r], r, c.Reasons[r], c.first(string(r)))
	}
	fmt.Fprintf(out, "\n%-30s %10s %10s   within ten minutes of a fault, by its number\n%52s", "edge", "cases", "from seed", "")
	for i := range Faults() {
		fmt.Fprintf(out, "%6d", i+1)
	}
	fmt.Fprintln(out)
	for _, e := range Edges() {
		fmt.Fprintf(out, "%-30s %10d %10s ", e, c.Edges[e], c.first(e.String()))
		for _, f := range Faults() {
			cell := Cell{f, e}
			text := fmt.Sprint(c.Cells[cell])
			if _, impossible := Impossible()[cell.String()]; impossible {
				text = "-"
			}
			fmt.Fprintf(out, "%6s", text)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out)
	for i, f := range Faults() {
		fmt.Fprintf(out, "%2d %s\n", i+1, f)
	}
}

func (c Cover) first(name string) string {
	if seed, there := c.First[name]; there {
		return fmt.Sprint(seed)
	}
	return "-"
}
