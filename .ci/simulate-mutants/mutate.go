package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Mutant is one small mistake.
type Mutant struct {
	Number int
	Name   string // file, function, kind, the place, and which of several alike
}

// folders are what is mutated.
var folders = []string{
	"shared/gate", "shared/start", "functions/dispatcher/dispatch", "functions/scheduler/schedule", "functions/ingest/intake",
	"functions/outcome/follow", "shared/batch",
}

// spared are files that decide nothing: what they say is for people, and other tests compare it to the letter. Of intake,
// which has its own tests of every answer, only what puts a message into the queue is mutated; and the ledgers' check of
// changes (moves.go) finds no mistake where there is none. docs/testing.md has the list for people.
var spared = []string{
	"gate/told.go", "gate/step.go", "gate/purse.go", "gate/moves.go", "start/message.go",
	"start/record.go", "dispatch/record.go", "schedule/record.go", "follow/record.go", "intake/record.go", // records of the log
	"intake/redact.go", "intake/respond.go", "intake/authenticate.go", "intake/read.go",
}

// tables are functions that list what there is, for tests and documents, or that only say something.
var tables = []string{
	"Reasons", "Moves", "Endings", "Modes", "String", "DefaultRules", "words", "notSpent", "cut", "LeavesInDoubt", "waitsForMoney",
	"Outcomes", "Statuses",
}

// spoken are fields that no decision reads: they are for people, or counted for the log. An if that sets nothing else is
// no mutant.
var spoken = []string{
	"Did", "Beyond", "Note", "Because", "TraceID",
	"moved", "starts", "repaired", "opened", "lost", "unknown", "unreadable", "conflicts", "unknowns",
}

// neighbours are the names that can be taken for each other, each for the next one.
var neighbours = [][]string{
	{"Start", "Wait"},
	{"Join", "Drop"},
	{"NewIncident", "FlapStart", "Lifted"},
	{"Repeat", "ReTriggering", "Renotifying"},
	{"Covered", "NotTold", "InStorm"},
	{"Holding", "NoSlot", "OverBudget", "Storming", "WouldStart", "AgentDown", "AgentShut"},
	{"IsRecovery", "Late", "IsOwn", "IsTest", "IsWarn", "IsNoData", "IsUnknown", "TooOld", "NotStarted", "IsFlapping", "Silenced", "IsModeOff", "OnlyCritical"},
	{"Waiting", "Starting", "InDoubt", "Started", "Refused", "Ended"},
	{"WhyHold", "WhySlots", "WhyBudget", "WhyAgentDown", "WhyAgentShut", "WhyStorm"},
	{"EndRecovered", "EndExpired", "EndSilenced", "EndObserved", "EndAssumed"},
	{"EndCompleted", "EndFailed", "EndTimedOut", "EndCancelled", "EndLinked", "EndSkipped"},
	{"InProgress", "PendingStart", "PendingTriage"},
	{"Completed", "Failed", "TimedOut", "Cancelled", "Linked"},
	{"SomeFire", "NoneFires"},
	{"OneFires", "MoreFire"},
}

// dropped are the fields of records whose values are left out.
var dropped = []string{
	"Incident", "Delivery", "Cases", "Account", "Put", "Drop", "Spend", "Back", "Shut", "Down", "DownWas", "Facts", "Firing", "Last", "Until",
	"Severity", "Pace", "Month", "Money", "Day", "Critical", "Lead", "Asked", "Tasks",
}

// mutate makes every mutant of the tree, and gives the files with all of them in it.
func mutate(root string) ([]Mutant, map[string]string, error) {
	m := &maker{next: map[string]string{}, seen: map[string]int{}}
	for _, list := range neighbours {
		for i, name := range list {
			m.next[name] = list[(i+1)%len(list)]
		}
	}
	files := map[string]string{}
	for _, folder := range folders {
		paths, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil {
			return nil, nil, err
		}
		name := ""
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") || isSpared(path) {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, nil, err
			}
			if files[path], name, err = m.file(filepath.ToSlash(path), string(text)); err != nil {
				return nil, nil, err
			}
		}
		files[filepath.Join(root, folder, "mutant.go")] = fmt.Sprintf(helpers, name)
	}
	return m.all, files, nil
}

func isSpared(path string) bool {
	return slices.ContainsFunc(spared, func(name string) bool { return strings.HasSuffix(filepath.ToSlash(path), name) })
}

// helpers is what every mutated package gets besides.
const helpers = `package %s

import (
	"os"
	"strconv"
	"time"
)

var mutant = func() int {
	n, _ := strconv.Atoi(os.Getenv("MUTANT"))
	return n
}()

func swapped[T any](on bool, right, wrong T) T {
	if on {
		return wrong
	}
	return right
}

func unless[T any](on bool, v T) T {
	if on {
		var none T
		return none
	}
	return v
}

func longer(on bool) time.Duration {
	if on {
		return 61 * time.Second
	}
	return 0
}

var _, _, _ = swapped[int], unless[int], longer
`

// maker makes the mutants of one file after the other.
type maker struct {
	all  []Mutant
	next map[string]string
	seen map[string]int

	path, text, function string
	set                  *token.FileSet
	edits                []edit
	skip                 map[ast.Node]bool // conditions of what is only said
	gate                 bool
}

// edit puts text into the file. Those in front of something come in the order in which they were made, those behind it in
// the opposite order, so that what is inside stays inside.
type edit struct {
	at     int
	behind bool
	order  int
	text   string
}

func (m *maker) file(path, text string) (string, string, error) {
	m.path, m.text, m.set, m.edits = path, text, token.NewFileSet(), nil
	m.gate = strings.Contains(path, "shared/gate/")
	f, err := parser.ParseFile(m.set, path, text, parser.ParseComments)
	if err != nil {
		return "", "", err
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil || slices.Contains(tables, fn.Name.Name) {
			continue
		}
		m.function, m.skip = fn.Name.Name, map[ast.Node]bool{}
		m.body(fn)
	}
	slices.SortStableFunc(m.edits, func(a, b edit) int {
		switch {
		case a.at != b.at:
			return a.at - b.at
		case a.behind != b.behind: // what ends here ends before anything begins here
			if a.behind {
				return -1
			}
			return 1
		case a.behind:
			return b.order - a.order
		}
		return a.order - b.order
	})
	var out strings.Builder
	at := 0
	for _, e := range m.edits {
		out.WriteString(text[at:e.at])
		out.WriteString(e.text)
		at = e.at
	}
	out.WriteString(text[at:])
	return out.String(), f.Name.Name, nil
}

// body walks a function, and makes a mutant wherever one can be.
func (m *maker) body(fn *ast.FuncDecl) {
	var parents []ast.Node
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if n == nil {
			parents = parents[:len(parents)-1]
			return true
		}
		if m.skip[n] {
			return false
		}
		var parent ast.Node
		if len(parents) > 0 {
			parent = parents[len(parents)-1]
		}
		m.node(n, parent, parents, fn)
		parents = append(parents, n)
		return true
	})
}

func (m *maker) node(n, parent ast.Node, parents []ast.Node, fn *ast.FuncDecl) {
	switch n := n.(type) {
	case *ast.IfStmt:
		if n.Else == nil && saysOnly(n.Body) {
			m.skip[n.Cond] = true
			return
		}
		m.negate(n.Cond)
	case *ast.SwitchStmt:
		if n.Tag != nil {
			return
		}
		for _, c := range n.Body.List {
			for _, e := range c.(*ast.CaseClause).List {
				m.negate(e)
			}
		}
	case *ast.ReturnStmt:
		if len(n.Results) == 1 && returnsBool(fn) && inside(parents) {
			m.negate(n.Results[0])
		}
	case *ast.AssignStmt:
		if m.gate && n.Tok != token.DEFINE && m.written(n.Lhs) && isStatement(parent) {
			m.wrap("dropped", n, "if mutant != %d { ", " }")
		}
	case *ast.IncDecStmt:
		if m.gate && m.written([]ast.Expr{n.X}) && isStatement(parent) {
			m.wrap("dropped", n, "if mutant != %d { ", " }")
		}
	case *ast.KeyValueExpr:
		key, ok := n.Key.(*ast.Ident)
		if ok && slices.Contains(dropped, key.Name) && m.gate && !plain(n.Value) {
			m.wrap("left out", n.Value, "unless(mutant == %d, ", ")")
		}
	case *ast.Ident:
		if wrong := m.next[n.Name]; wrong != "" && m.gate && isValue(n, parent) {
			m.wrap("swapped", n, "swapped(mutant == %d, ", ", "+wrong+")")
		}
	case *ast.CallExpr:
		if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Add" && len(n.Args) == 1 {
			m.wrap("later", n.Args[0], "longer(mutant == %d) + ", "")
			m.wrap("sooner", n.Args[0], "-longer(mutant == %d) + ", "")
		}
	}
}

func (m *maker) negate(cond ast.Expr) { m.wrap("negated", cond, "(mutant == %d) != (", ")") }

// wrap makes a mutant of a place.
func (m *maker) wrap(kind string, n ast.Node, before, behind string) {
	from, to := m.set.Position(n.Pos()).Offset, m.set.Position(n.End()).Offset
	words := strings.Join(strings.Fields(m.text[from:to]), " ")
	if len(words) > 70 {
		words = strings.TrimSpace(words[:70])
	}
	name := fmt.Sprintf("%s %s: %s %s", m.path, m.function, kind, words)
	if m.seen[name]++; m.seen[name] > 1 {
		name += fmt.Sprintf(" #%d", m.seen[name])
	}
	number := len(m.all) + 1
	m.all = append(m.all, Mutant{number, name})
	m.edits = append(m.edits, edit{from, false, number, fmt.Sprintf(before, number)}, edit{to, true, number, behind})
}

// written tells an assignment to what a decision writes, not to a variable of the function's own.
func (m *maker) written(left []ast.Expr) bool {
	for _, e := range left {
		if sel, ok := e.(*ast.SelectorExpr); !ok || slices.Contains(spoken, sel.Sel.Name) {
			return false
		}
	}
	return true
}

// saysOnly tells that a block sets nothing but what is for people.
func saysOnly(b *ast.BlockStmt) bool {
	for _, s := range b.List {
		var to ast.Expr
		switch s := s.(type) {
		case *ast.AssignStmt:
			if len(s.Lhs) == 1 {
				to = s.Lhs[0]
			}
		case *ast.IncDecStmt:
			to = s.X
		}
		sel, ok := to.(*ast.SelectorExpr)
		if !ok || !slices.Contains(spoken, sel.Sel.Name) {
			return false
		}
	}
	return len(b.List) > 0
}

// isStatement tells that a statement stands by itself, not in the head of an if or switch.
func isStatement(parent ast.Node) bool {
	switch parent.(type) {
	case *ast.BlockStmt, *ast.CaseClause:
		return true
	}
	return false
}

// isValue tells that a name stands for its constant, and is not the name of a field.
func isValue(n *ast.Ident, parent ast.Node) bool {
	switch p := parent.(type) {
	case *ast.SelectorExpr:
		return false
	case *ast.KeyValueExpr:
		return p.Value == n
	case *ast.AssignStmt:
		return slices.Contains(p.Rhs, ast.Expr(n))
	}
	return true
}

// plain is a value that has no type of its own.
func plain(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return e.Name == "nil" || e.Name == "true" || e.Name == "false"
	}
	return false
}

func returnsBool(fn *ast.FuncDecl) bool {
	r := fn.Type.Results
	if r == nil || len(r.List) != 1 {
		return false
	}
	t, ok := r.List[0].Type.(*ast.Ident)
	return ok && t.Name == "bool"
}

// inside tells that a return is the function's own, and not that of a function in it.
func inside(parents []ast.Node) bool {
	return !slices.ContainsFunc(parents, func(n ast.Node) bool { _, literal := n.(*ast.FuncLit); return literal })
}
