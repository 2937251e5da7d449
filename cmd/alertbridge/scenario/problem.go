package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is everything that is wrong with a scenario, in the order of its lines.
type Error struct {
	Name     string // of the file
	Problems []Problem
}

// Problem is one thing that is wrong.
type Problem struct {
	Line, Column int // both from 1; 0: it is about the whole
	Text         string
}

// Error is one line for each problem: file, line, column, and what to do.
func (e *Error) Error() string {
	var lines []string
	for _, f := range e.Problems {
		where := e.Name
		if f.Line > 0 {
			where = fmt.Sprintf("%s:%d:%d", e.Name, f.Line, f.Column)
		}
		lines = append(lines, where+": "+f.Text)
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds what is said at once: after so many the rest follows from the first ones.
const maxProblems = 20

// err is nil when nothing is wrong.
func (r *reader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	told := slices.Clip(r.problems[:min(len(r.problems), maxProblems)])
	if more := len(r.problems) - len(told); more > 0 {
		next := r.problems[maxProblems]
		next.Text = fmt.Sprintf("more problems from here on: %d", more)
		told = append(told, next)
	}
	return &Error{Name: r.name, Problems: told}
}

// like is the one of names that was probably meant by what was written, as a question; "" when none is near.
func like(written string, names []string) string {
	best, least := "", 1+max(1, len([]rune(written))/3)
	if len(written) < 3 {
		return "" // everything short is near to it
	}
	for _, n := range names {
		if strings.HasPrefix(n, written) {
			return fmt.Sprintf("; did you mean %q?", n)
		}
		if d := distance(strings.ToLower(written), strings.ToLower(n)); d < least {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is how many characters must be put in, taken out, replaced, or exchanged with their neighbour.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > 60 || len(t) > 60 {
		return 60
	}
	before, last := make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := range s {
		row := make([]int, len(t)+1)
		row[0] = i + 1
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(t)]
}
