// Package settingtest holds what a function asks of its environment to docs/configuration.md. A test at the
// repository's root holds that page to the template.
package settingtest

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/docs/docstest"
)

// Page describes every setting, in tables.
const Page = "docs/configuration.md"

// Variables is the page's table of the environment variables that our code reads.
const Variables = "variables"

// Hold checks a function's settings against the page: it asks for each variable that the page says it reads and for no
// other; says of all that are missing at once that they are; takes the default that the page tells; takes every value
// that the page allows, each with an effect, and no other where the page lists them.
func Hold[Config any](t *testing.T, function string, configFrom func(getenv func(string) string) (Config, error)) {
	t.Helper()
	rows := rowsOf(t, function)
	asked := map[string]bool{}
	_, err := configFrom(func(name string) string { asked[name] = true; return "" })
	for _, r := range rows {
		if !asked[r.name] {
			t.Errorf("the page says that %s reads %s, and it does not", function, r.name)
		}
		delete(asked, r.name)
		if r.required && (err == nil || !strings.Contains(err.Error(), r.name+" is not set")) {
			t.Errorf("without %s: %v; the page says that it is required", r.name, err)
		}
	}
	for name := range asked {
		t.Errorf("%s reads %s, which is not on the page", function, name)
	}
	if t.Failed() {
		return
	}

	with := func(name, value string) (Config, error) {
		return configFrom(func(asked string) string {
			i := slices.IndexFunc(rows, func(r row) bool { return r.name == asked })
			switch {
			case asked == name:
				return value
			case i >= 0 && rows[i].required:
				return "probe"
			}
			return ""
		})
	}
	plain, err := with("", "")
	if err != nil {
		t.Fatalf("with all that is required: %v", err)
	}
	for _, r := range rows {
		if len(r.values) == 0 {
			another := cmp.Or(formed[r.name], "another")
			if got, err := with(r.name, another); err != nil || reflect.DeepEqual(got, plain) {
				t.Errorf("%s=%s has no effect (%v)", r.name, another, err)
			}
			continue
		}
		for _, v := range r.values {
			got, err := with(r.name, v)
			if same := reflect.DeepEqual(got, plain); err != nil || same != (v == r.otherwise) {
				t.Errorf("%s=%s: %v; the same as without it: %t, and the page's default is %q", r.name, v, err, same, r.otherwise)
			}
		}
		if _, err := with(r.name, "nonsense"); err == nil || !strings.Contains(err.Error(), r.name) || !names(err, r.values) {
			t.Errorf("%s=nonsense: %v; the page allows %v", r.name, err, r.values)
		}
	}
}

// formed are values of variables that take no word as it comes.
var formed = map[string]string{"AGENT_PAGE": "https://agent.example/{task}"}

// names tells whether an error lists these values and no further ones.
func names(err error, values []string) bool {
	text := strings.ReplaceAll(err.Error(), " or ", ", ")
	_, rest, ok := strings.Cut(text, " "+strings.Join(values, ", "))
	return ok && !strings.HasPrefix(rest, ",")
}

// row is one variable as the page tells it.
type row struct {
	name      string
	required  bool
	otherwise string   // its default
	values    []string // what it may be, where the page lists that
}

func rowsOf(t *testing.T, function string) []row {
	t.Helper()
	var rows []row
	for _, r := range docstest.Table(t, Page, Variables) {
		if !slices.Contains(strings.Split(r["read by"], ", "), function) {
			continue
		}
		one := row{name: r["variable"], required: r["default"] == "required", otherwise: r["default"]}
		if values := strings.Split(r["allowed"], ", "); slices.Contains(values, one.otherwise) {
			one.values = values
		}
		rows = append(rows, one)
	}
	if len(rows) == 0 {
		t.Fatalf("%s lists no variable that %s reads", Page, function)
	}
	return rows
}
