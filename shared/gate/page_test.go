package gate

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The tables of docs/decisions.md are the expected values of this package's tests. A table is announced on the page by
// a comment with its name; its leading columns are conditions, the others what follows.

// sheet is one table of the page.
type sheet struct {
	name string
	cols []string
	rows []entry
}

// entry is one row: column to cell, without backticks.
type entry map[string]string

// column is a condition with everything it can be.
type column struct {
	name   string
	values []string
}

func values(name string, of ...string) column { return column{name, of} }

var readPage = sync.OnceValues(func() (map[string]*sheet, error) {
	text, err := os.ReadFile("../../docs/decisions.md")
	if err != nil {
		return nil, err
	}
	return parsePage(string(text))
})

func parsePage(text string) (map[string]*sheet, error) {
	sheets := map[string]*sheet{}
	var open *sheet
	for n, line := range strings.Split(text, "\n") {
		if name, ok := strings.CutPrefix(line, "<!-- table: "); ok {
			name = strings.TrimSuffix(name, " -->")
			if sheets[name] != nil {
				return nil, fmt.Errorf("line %d: a second table %q", n+1, name)
			}
			open = &sheet{name: name}
			sheets[name] = open
			continue
		}
		if !strings.HasPrefix(line, "|") {
			if open != nil && open.cols != nil {
				open = nil
			}
			continue
		}
		if open == nil {
			return nil, fmt.Errorf("line %d: a table without a name is held to nothing", n+1)
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(strings.ReplaceAll(cells[i], "`", ""))
		}
		switch {
		case open.cols == nil:
			open.cols = cells
		case strings.HasPrefix(cells[0], "---"):
		case len(cells) != len(open.cols):
			return nil, fmt.Errorf("line %d: %d cells under %d columns", n+1, len(cells), len(open.cols))
		default:
			row := entry{}
			for i, c := range cells {
				row[open.cols[i]] = c
			}
			open.rows = append(open.rows, row)
		}
	}
	return sheets, nil
}

// used remembers which tables a test has walked, so that none on the page goes unread.
var used sync.Map

func page(t *testing.T, name string) *sheet {
	sheets, err := readPage()
	if err != nil {
		t.Fatalf("docs/decisions.md: %v", err)
	}
	s := sheets[name]
	if s == nil {
		t.Fatalf("docs/decisions.md has no table %q", name)
	}
	if len(s.rows) == 0 {
		t.Fatalf("table %q has no rows", name)
	}
	used.Store(name, true)
	return s
}

// fits tells whether a cell stands for a value.
func fits(cell, value string) bool {
	for cell != "any" {
		first, rest, more := strings.Cut(cell, ", ")
		if first == value || !more {
			return first == value
		}
		cell = rest
	}
	return true
}

// walk forms every combination of the columns that can be, and hands it to check with the one row that fits it.
func walk(t *testing.T, name string, cols []column, can func(entry) bool, check func(t *testing.T, at, row entry)) {
	t.Helper()
	s := page(t, name)
	if len(s.cols) <= len(cols) {
		t.Fatalf("table %q has no column for what follows", name)
	}
	for i, c := range cols {
		if s.cols[i] != c.name {
			t.Fatalf("table %q: column %d is %q, not %q", name, i+1, s.cols[i], c.name)
		}
		for _, row := range s.rows {
			if row[c.name] == "any" {
				continue
			}
			for _, v := range strings.Split(row[c.name], ", ") {
				if !slices.Contains(c.values, v) {
					t.Errorf("table %q: %q cannot be %q", name, c.name, v)
				}
			}
		}
	}
	met := make([]int, len(s.rows))
	combine(cols, entry{}, func(at entry) {
		if can != nil && !can(at) {
			return
		}
		found := -1
		for i, row := range s.rows {
			if !slices.ContainsFunc(cols, func(c column) bool { return !fits(row[c.name], at[c.name]) }) {
				if found >= 0 {
					t.Errorf("table %q: rows %d and %d both speak for %v", name, found+1, i+1, at)
				}
				found = i
			}
		}
		if found < 0 {
			t.Errorf("table %q has no row for %v", name, at)
			return
		}
		met[found]++
		check(t, at, s.rows[found])
	})
	for i, n := range met {
		if n == 0 {
			t.Errorf("table %q: row %d speaks for nothing that can be", name, i+1)
		}
	}
}

func combine(cols []column, at entry, do func(entry)) {
	if len(cols) == 0 {
		do(at)
		return
	}
	for _, v := range cols[0].values {
		at[cols[0].name] = v
		combine(cols[1:], at, do)
	}
	delete(at, cols[0].name)
}

// lookup finds the one row of a table that fits.
func lookup(t *testing.T, name string, at entry) entry {
	var found entry
	for _, row := range page(t, name).rows {
		ok := true
		for col, v := range at {
			ok = ok && fits(row[col], v)
		}
		if ok && found != nil {
			t.Fatalf("table %q has two rows for %v", name, at)
		}
		if ok {
			found = row
		}
	}
	if found == nil {
		t.Fatalf("table %q has no row for %v", name, at)
	}
	return found
}

func TestPageIsReadStrictly(t *testing.T) {
	for _, tt := range []struct{ why, text string }{
		{"a table that no test can name is decoration that may lie", "text\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"},
		{"two tables of one name: only one would be walked", "<!-- table: x -->\n| a |\n|---|\n\n<!-- table: x -->\n"},
		{"a cell too many shifts the meaning of a row", "<!-- table: x -->\n\n| a | b |\n|---|---|\n| 1 | 2 | 3 |\n"},
	} {
		if _, err := parsePage(tt.text); err == nil {
			t.Errorf("accepted although %s:\n%s", tt.why, tt.text)
		}
	}
}

// TestMain: after a whole run, every table on the page has been walked.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == "" {
		sheets, err := readPage()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		for name := range sheets {
			if _, ok := used.Load(name); !ok {
				fmt.Fprintf(os.Stderr, "FAIL: no test walks table %q of docs/decisions.md\n", name)
				code = 1
			}
		}
	}
	os.Exit(code)
}
