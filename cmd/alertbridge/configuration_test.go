package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alertbridge/alertbridge/docs/docstest"
)

// The flags on the page are those that there are, with their defaults.
func TestFlagsAreThoseOfTheDocumentation(t *testing.T) {
	told := map[string]string{}
	for _, r := range docstest.Table(t, "docs/configuration.md", "flags") {
		told[r["command"]+" "+r["flag"]] = r["default"]
	}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		own := pflag.NewFlagSet("", pflag.ContinueOnError)
		own.AddFlagSet(c.LocalNonPersistentFlags())
		own.AddFlagSet(c.PersistentFlags())
		own.VisitAll(func(f *pflag.Flag) {
			name := strings.TrimSpace(strings.TrimPrefix(c.CommandPath(), "alertbridge")) + " --" + f.Name
			want := f.DefValue
			if want == "" {
				want = "–"
			}
			if got, ok := told[name]; !ok || got != want {
				t.Errorf("the page says of %s that its default is %q, and it is %q", name, got, want)
			}
			delete(told, name)
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(rootCommand())
	for name := range told {
		t.Errorf("the page tells of %s, which is no flag", name)
	}
}

// The variables on the page are those that the command reads by their names.
func TestVariablesAreThoseOfTheDocumentation(t *testing.T) {
	var told []string
	for _, r := range docstest.Table(t, "docs/configuration.md", "command variables") {
		told = append(told, strings.Split(r["variable"], ", ")...)
	}
	read := variables(t)
	slices.Sort(told)
	if !slices.Equal(told, read) {
		t.Errorf("the page tells of %v, the command reads %v", told, read)
	}
}

// variables finds what looks like the name of a variable, and what getenv is asked for.
func variables(t *testing.T) []string {
	t.Helper()
	name := regexp.MustCompile(`^[A-Z]+(_[A-Z]+)+$`)
	var found []string
	add := func(e ast.Expr, certain bool) {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return
		}
		if s, err := strconv.Unquote(lit.Value); err == nil && (certain || name.MatchString(s)) {
			found = append(found, s)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
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
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				add(n, false)
			case *ast.CallExpr:
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Getenv" {
					add(n.Args[0], true)
				}
				if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "getenv" {
					add(n.Args[0], true)
				}
			}
			return true
		})
	}
	slices.Sort(found)
	return slices.Compact(found)
}
