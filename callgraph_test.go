package alertbridge_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// callGraph has the functions of the repository by folder and name, test functions by those of "folder test". Methods of
// one name are one function.
type callGraph map[string]*function

type function struct {
	reads string   // what it calls of reading, "" for nothing
	names []string // functions that it calls or hands on
}

// readCode reads all that is not itself a helper of tests.
func readCode(t *testing.T) callGraph {
	t.Helper()
	all := callGraph{}
	for _, s := range sources(t) {
		if ofTests(s.folder) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), s.path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		imports := map[string]string{}
		for _, i := range file.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			name := filepath.Base(path)
			if i.Name != nil {
				name = i.Name.Name
			}
			imports[name] = strings.TrimPrefix(path, module)
		}
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
				all.add(s, d, imports)
			}
		}
	}
	return all
}

const ofTest = " test"

func (all callGraph) add(s source, d *ast.FuncDecl, imports map[string]string) {
	name := s.folder + "." + d.Name.Name
	if s.test {
		name = s.folder + ofTest + "." + d.Name.Name
	}
	f := all[name]
	if f == nil {
		f = &function{}
		all[name] = f
	}
	note := func(e ast.Expr, args int) { // args < 0: a function that is handed on
		from, what := s.folder, ""
		switch e := e.(type) {
		case *ast.Ident:
			what = e.Name
		case *ast.SelectorExpr:
			what = e.Sel.Name
			if x, ok := e.X.(*ast.Ident); ok && imports[x.Name] != "" {
				from = imports[x.Name]
			}
		default:
			return
		}
		f.names = append(f.names, from+"."+what)
		if s.test {
			f.names = append(f.names, from+ofTest+"."+what)
		}
		if !s.test && args >= 0 && reads(from, what, args) {
			f.reads = from + "." + what
		}
	}
	ast.Inspect(d.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			note(n.Fun, len(n.Args))
			for _, a := range n.Args {
				note(a, -1)
			}
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				note(e, -1)
			}
		}
		return true
	})
}

func reads(from, what string, args int) bool {
	if n, known := readingMethods[what]; known && n == args {
		return true
	}
	return slices.ContainsFunc(reading, func(r string) bool {
		prefix, open := strings.CutSuffix(r, "*")
		return from+"."+what == r || open && strings.HasPrefix(from+"."+what, prefix)
	})
}

// isFuzzTest gives a fuzz test's folder and name.
func isFuzzTest(function string) (string, bool) {
	folder, name, _ := strings.Cut(function, ofTest+".")
	return folder + "." + name, strings.HasPrefix(name, "Fuzz")
}

// reachedByFuzzTests tells of each function which fuzz tests come to it.
func (all callGraph) reachedByFuzzTests() map[string][]string {
	reached := map[string][]string{}
	for name := range all {
		fuzz, ok := isFuzzTest(name)
		if !ok {
			continue
		}
		seen := map[string]bool{name: true}
		for next := []string{name}; len(next) > 0; next = next[1:] {
			for _, called := range all[next[0]].names {
				if all[called] != nil && !seen[called] {
					seen[called] = true
					next = append(next, called)
					reached[called] = append(reached[called], fuzz)
				}
			}
		}
	}
	return reached
}
