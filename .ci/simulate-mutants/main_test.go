package main

import (
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// Whatever is listed as harmless is a mutant that there still is.
func TestSurvivorsAreMutants(t *testing.T) {
	all, files, err := mutate("../..")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range all {
		name := strings.TrimPrefix(m.Name, "../../")
		if names[name] {
			t.Errorf("two mutants are called %s", name)
		}
		names[name] = true
	}
	if len(names) < 400 {
		t.Errorf("there are only %d mutants; does the generator still read the code?", len(names))
	}
	for path, text := range files {
		if _, err := parser.ParseFile(token.NewFileSet(), path, text, 0); err != nil {
			t.Errorf("with its mutants %s is no Go: %v", path, err)
		}
	}
	text, err := os.ReadFile("survivors.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed, err := parse(string(text))
	if err != nil || len(listed) == 0 {
		t.Fatalf("%d survivors, %v", len(listed), err)
	}
	for name := range listed {
		if !names[name] {
			t.Errorf("survivors.txt lists %s, and there is no such mutant", name)
		}
	}
}

func TestSurvivorNeedsAReason(t *testing.T) {
	if _, err := parse("a b: negated c ~ \n"); err == nil || err.Error() != "survivors.txt:1 has no reason" {
		t.Errorf("%v", err)
	}
}
