package promises

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The model calls nothing of the gate: neither its functions nor the methods of its records, or both tellings would share
// a mistake. Time and money print themselves, which decides nothing.
func TestModelSharesNoCodeWithTheGate(t *testing.T) {
	methods, functions := map[string]bool{}, map[string]bool{}
	for _, f := range parse(t, "../../../../shared/gate") {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
				methods[fn.Name.Name] = true
			} else if ok {
				functions[fn.Name.Name] = true
			}
		}
	}
	delete(methods, "String")
	calls := 0
	for _, f := range parse(t, ".") {
		own := map[string]bool{}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				own[fn.Name.Name] = true
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			calls++
			x, named := sel.X.(*ast.Ident)
			if named && x.Name == "gate" && functions[sel.Sel.Name] {
				t.Errorf("the model calls gate.%s", sel.Sel.Name)
			}
			// A method of the gate's has a capital here; the model's own have small letters or are the Model's.
			if methods[sel.Sel.Name] && ast.IsExported(sel.Sel.Name) && !own[sel.Sel.Name] && !(named && x.Name == "m") {
				t.Errorf("the model calls %s, which is a method of the gate's", sel.Sel.Name)
			}
			return true
		})
	}
	if len(methods) < 10 || len(functions) < 10 || calls < 100 {
		t.Errorf("%d methods, %d functions, %d calls; does this test still read them?", len(methods), len(functions), calls)
	}
}

func parse(t *testing.T, folder string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}
