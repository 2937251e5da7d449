package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is everything that is wrong with a policy, sorted by where it stands.
type Error struct {
	File     string
	Problems []Problem
}

// Problem is one thing that is wrong: what stands there, and what may.
type Problem struct {
	Line   int    // from 1
	Column int    // from 1
	Text   string // one line
}

// Error has a line for each problem: file, line, column, and what is wrong.
func (e *Error) Error() string {
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, fmt.Sprintf("%s:%d:%d: %s", e.File, p.Line, p.Column, p.Text))
	}
	return strings.Join(lines, "\n")
}

// pos is where something stands in the file. The zero value: nowhere, it is a default.
type pos struct {
	line, col int
	routed    bool // in a route
	agent     bool // in an agent
}

// problems collects what is wrong.
type problems struct{ list []Problem }

func (p *problems) add(at pos, format string, args ...any) {
	text := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
	p.list = append(p.list, Problem{Line: max(at.line, 1), Column: max(at.col, 1), Text: text})
}

// maxTold bounds the problems that are told. A file with more of them is something else than a policy, and its error
// would not fit into a function's log.
const maxTold = 100

// err is nil where nothing is wrong.
func (p *problems) err(file string) error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	if more := len(p.list) - maxTold; more > 0 {
		next := p.list[maxTold]
		next.Text = fmt.Sprintf("more problems from here on: %d; is this file a policy?", more)
		p.list = append(p.list[:maxTold], next)
	}
	return &Error{file, p.list}
}

// like says which of the names was probably meant, as the end of a sentence; "" when none is near.
func like(word string, names []string) string {
	best, least := "", 0
	w := plain(word)
	for _, n := range names {
		d, most := distance(w, plain(n)), min(3, max(len(plain(n))/3, 1))
		switch {
		case len(w) > 3 && (strings.HasPrefix(w, plain(n)) || strings.HasPrefix(plain(n), w)):
			d = min(d, 1)
		case len(w) < 3: // P7 is like everything and nothing
			most = 0
		}
		if d <= most && (best == "" || d < least) {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// plain is a name without what people confuse: capitals, and the signs between words.
func plain(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(cut(s)))
}

// distance counts the letters that must be put in, left out or replaced to make one word of the other.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		above := row[0]
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			above, row[j+1] = row[j+1], min(above+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}

// quote shows what stands in the file, bounded.
func quote(s string) string { return fmt.Sprintf("%q", cut(s)) }

func cut(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
