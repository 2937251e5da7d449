// Package docstest reads the documentation, so that tests can hold the code to it and it to the code.
//
// A page announces a table that a test reads by a comment with the table's name on the line before it:
//
//	<!-- table: parameters -->
//
//	| parameter | default |
//	|---|---|
//	| `OnWarn` | `drop` |
//
// A command of the page stands in a fenced block whose language is sh, one command a line; a line that ends in a
// backslash goes on in the next one, and what follows " # " is a remark.
package docstest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Row is one row of a table: title of the column to cell, without backticks and without the links' addresses.
type Row map[string]string

// Table reads one table of a page; the page's path is the one from the repository's root. It fails the test when there
// is no such table, or when it has no rows.
func Table(t testing.TB, page, name string) []Row {
	t.Helper()
	rows, err := table(Read(t, page), name)
	if err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	return rows
}

// Tables names the tables that a page announces, in order.
func Tables(t testing.TB, page string) []string {
	t.Helper()
	var names []string
	for _, line := range strings.Split(Read(t, page), "\n") {
		if name, ok := announced(line); ok {
			names = append(names, name)
		}
	}
	return names
}

// Commands reads the commands of a page, each on one line.
func Commands(t testing.TB, page string) []string {
	t.Helper()
	return commands(Read(t, page))
}

// Read reads a file of the repository by its path from the root.
func Read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(t), filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Root is the repository's root: the nearest folder above the test's that has a go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			err = fmt.Errorf("no go.mod in any folder above the test")
		}
		dir = up
	}
	t.Fatal(err)
	return ""
}

func table(text, name string) ([]Row, error) {
	var titles []string
	var rows []Row
	inside, seen := false, false
	for n, line := range strings.Split(text, "\n") {
		if found, ok := announced(line); ok {
			inside = found == name
			if inside && seen {
				return nil, fmt.Errorf("line %d: a second table %q", n+1, name)
			}
			seen = seen || inside
			continue
		}
		if !inside {
			continue
		}
		if !strings.HasPrefix(line, "|") {
			inside = titles == nil // a table ends with the first line that is none of its own
			continue
		}
		cells := cells(line)
		switch {
		case titles == nil:
			titles = cells
		case strings.Trim(cells[0], ":-") == "":
		case len(cells) != len(titles):
			return nil, fmt.Errorf("line %d: %d cells under %d titles", n+1, len(cells), len(titles))
		default:
			row := Row{}
			for i, c := range cells {
				row[titles[i]] = c
			}
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("no table %q with any row", name)
	}
	return rows, nil
}

func announced(line string) (name string, ok bool) {
	name, ok = strings.CutPrefix(line, "<!-- table: ")
	return strings.TrimSuffix(strings.TrimSpace(name), " -->"), ok
}

// cells splits a row. A bar inside a cell is written \|.
func cells(line string) []string {
	const bar = "\x00"
	line = strings.Trim(strings.TrimSpace(strings.ReplaceAll(line, `\|`, bar)), "|")
	cells := strings.Split(line, "|")
	for i, c := range cells {
		c = strings.ReplaceAll(strings.ReplaceAll(c, bar, "|"), "`", "")
		cells[i] = strings.TrimSpace(unlinked(c))
	}
	return cells
}

// unlinked leaves of [words](address) the words.
func unlinked(s string) string {
	for {
		head, address, ok := strings.Cut(s, "](")
		open := strings.LastIndex(head, "[")
		_, tail, closed := strings.Cut(address, ")")
		if !ok || open < 0 || !closed {
			return s
		}
		s = head[:open] + head[open+1:] + tail
	}
}

func commands(text string) []string {
	var all []string
	inside, open := false, ""
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if fence, ok := strings.CutPrefix(line, "```"); ok {
			inside, open = fence == "sh" && !inside, ""
			continue
		}
		if !inside {
			continue
		}
		line, _, _ = strings.Cut(line, " # ")
		before, goesOn := strings.CutSuffix(strings.TrimSpace(line), `\`)
		open = strings.TrimSpace(open + " " + strings.TrimSpace(before))
		if !goesOn && open != "" && !strings.HasPrefix(open, "#") {
			all = append(all, open)
		}
		if !goesOn {
			open = ""
		}
	}
	return slices.Clip(all)
}
