package alertbridge_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The package comment is the design and an exported name's comment its promise, so neither may be missing. The comment of
// a group speaks for the constants and variables in it, and that of a type for its fields; a method that the standard
// library defines may promise just that.
func TestExportedNamesAreDocumented(t *testing.T) {
	var files []string
	for _, pattern := range []string{"*/*.go", "*/*/*.go", "*/*/*/*.go", "*/*/*/*/*.go", ".ci/*/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	folders := map[string][]string{}
	for _, path := range files {
		if !strings.HasSuffix(path, "_test.go") && !strings.Contains(path, "testdata") {
			folders[filepath.Dir(path)] = append(folders[filepath.Dir(path)], path)
		}
	}
	names := 0
	for folder, paths := range folders {
		p := documented(t, folder, paths)
		begins := "Package " + p.Name + " "
		if p.Name == "main" {
			begins = "Command " + filepath.Base(folder) + " "
		}
		if !strings.HasPrefix(p.Doc, begins) {
			t.Errorf("%s: the package comment does not begin with %q", folder, begins)
		}
		for _, fault := range undocumented(p, &names) {
			t.Errorf("%s: %s", folder, fault)
		}
	}
	if len(folders) < 30 || names < 300 {
		t.Errorf("%d packages and %d exported names; does this test still read them?", len(folders), names)
	}
}

func documented(t *testing.T, folder string, paths []string) *doc.Package {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(set, files, module+folder)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ofGo are methods whose meaning the standard library lays down.
var ofGo = []string{
	"Error", "Unwrap", "Is", "String", "GoString", "Format", "LogValue", "MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText",
	"ServeHTTP", "RoundTrip", "Read", "Write", "Close",
}

// undocumented says what is wrong with the comments of a package's exported names, and counts them.
func undocumented(p *doc.Package, names *int) (faults []string) {
	fault := func(name, comment string, may ...string) {
		*names++
		switch {
		case comment == "" && !slices.Contains(may, name):
			faults = append(faults, name+" has no comment")
		case comment != "" && !beginsWith(comment, name):
			faults = append(faults, "the comment of "+name+" does not begin with it")
		}
	}
	values := func(list []*doc.Value) {
		for _, v := range list {
			if v.Doc != "" {
				*names += len(v.Names)
				continue
			}
			for _, s := range v.Decl.Specs {
				spec := s.(*ast.ValueSpec)
				for _, n := range spec.Names {
					if *names++; n.IsExported() && spec.Doc.Text() == "" && spec.Comment.Text() == "" {
						faults = append(faults, n.Name+" has no comment, and neither has its group")
					}
				}
			}
		}
	}
	funcs := func(list []*doc.Func, may ...string) {
		for _, f := range list {
			fault(f.Name, f.Doc, may...)
		}
	}
	values(p.Consts)
	values(p.Vars)
	funcs(p.Funcs)
	for _, typ := range p.Types {
		fault(typ.Name, typ.Doc)
		values(typ.Consts)
		values(typ.Vars)
		funcs(typ.Funcs)
		funcs(typ.Methods, ofGo...)
	}
	return faults
}

// beginsWith tells whether the comment's first word is the name, or the second behind an article, as in "A Bucket is".
func beginsWith(comment, name string) bool {
	words := strings.Fields(comment)
	if len(words) > 1 && slices.Contains([]string{"A", "An", "The"}, words[0]) {
		words = words[1:]
	}
	return words[0] == name
}

// The test must bite: each of these is what it is there to find.
func TestUndocumentedNamesAreFound(t *testing.T) {
	const source = "// Package p is.\npackage p\n\n"
	for code, want := range map[string]string{
		"type T struct{}":                              "T has no comment",
		"// The weather is nice.\nfunc F() {}":         "the comment of F does not begin with it",
		"// It does.\nfunc F() {}":                     "the comment of F does not begin with it",
		"// T is.\ntype T struct{}\n\nfunc (T) M() {}": "M has no comment",
		"const C = 1":                                  "C has no comment, and neither has its group",
		"var (\n\tV = 1 // V is\n\tW = 2\n)":           "W has no comment, and neither has its group",
		"func Error() {}":                              "Error has no comment",
		"// A T is.\ntype T struct{ F int }\n\nfunc (T) Error() string { return \"\" }\n\nfunc own() {}": "",
		"// Both.\nconst (\n\tC = 1\n\tD = 2\n)":                                                         "",
	} {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, "p.go", source+code, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		p, err := doc.NewFromFiles(set, []*ast.File{f}, "p")
		if err != nil {
			t.Fatal(err)
		}
		names := 0
		if got := strings.Join(undocumented(p, &names), "; "); got != want || names == 0 {
			t.Errorf("%s\n%q, want %q", code, got, want)
		}
	}
}
