package agenttest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
)

// Whatever is written as a Behaviour in behave.go is in the list of all.
func TestBehavioursAreAll(t *testing.T) {
	listed := map[string]bool{}
	for name := range agenttest.Behaviours() {
		first, _, _ := strings.Cut(strings.ReplaceAll(name, ",", " "), " ")
		listed[first] = true
	}
	f, err := parser.ParseFile(token.NewFileSet(), "behave.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.IsExported() {
				written[d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if v, ok := s.(*ast.ValueSpec); ok && d.Tok == token.VAR {
					for _, n := range v.Names {
						written[n.Name] = true
					}
				}
			}
		}
	}
	for name := range written {
		if !listed[name] {
			t.Errorf("%s is not in Behaviours", name)
		}
	}
	for name := range listed {
		if !written[name] {
			t.Errorf("Behaviours names %s, which behave.go does not have", name)
		}
	}
	if len(written) < 20 {
		t.Errorf("only %d behaviours found; is behave.go still written as this test reads it?", len(written))
	}
}
