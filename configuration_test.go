package alertbridge_test

// These tests hold docs/configuration.md to template.yaml and to the code's constants, in both directions. That each
// function reads just the variables that the page says it reads is tested beside the functions, by settingtest.

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/secret"
	"github.com/alertbridge/alertbridge/shared/setting/settingtest"
)

const configurationPage = settingtest.Page

func TestParametersAreOnThePage(t *testing.T) {
	params := newFollowed(t).Template.Parameters
	rows := docstest.Table(t, configurationPage, "parameters")
	var order []string
	for _, r := range rows {
		name := r["parameter"]
		order = append(order, name)
		p, ok := params[name]
		if !ok {
			t.Errorf("the page tells of %s, which is no parameter", name)
			continue
		}
		delete(params, name)
		if got, want := r["default"], or(fmt.Sprint(p.Default), "–"); got != want {
			t.Errorf("%s: the page says that its default is %s, and it is %s", name, got, want)
		}
		if got, want := r["allowed"], allowedValues(t, name, p); got != want {
			t.Errorf("%s: the page allows %q, the template %q", name, got, want)
		}
	}
	for name := range params {
		t.Errorf("the parameter %s is not on the page", name)
	}
	var shown []string // as the console shows them
	ui := at[object](newFollowed(t).Template.Metadata, "AWS::CloudFormation::Interface")
	for _, group := range list(ui["ParameterGroups"]) {
		for _, p := range list(at[any](group, "Parameters")) {
			shown = append(shown, p.(string))
		}
	}
	if !slices.Equal(order, shown) {
		t.Errorf("the page has the parameters in the order\n\t%v\nthe console in\n\t%v", order, shown)
	}
}

// allowedValues says what a parameter may be, as the page does.
func allowedValues(t *testing.T, name string, p parameter) string {
	t.Helper()
	var limits struct {
		Template struct {
			Parameters map[string]struct{ MinValue float64 }
		}
	}
	text, err := os.ReadFile(".ci/template.json")
	if err == nil {
		err = json.Unmarshal(text, &limits)
	}
	if err != nil {
		t.Fatal(err)
	}
	least := limits.Template.Parameters[name].MinValue
	switch {
	case len(p.AllowedValues) > 0:
		var values []string
		for _, v := range p.AllowedValues {
			values = append(values, fmt.Sprint(v))
		}
		return strings.Join(values, ", ")
	case p.ConstraintDescription != "":
		return strings.TrimPrefix(p.ConstraintDescription, "must be ")
	case p.AllowedPattern != "":
		return p.AllowedPattern
	case least != 0:
		return fmt.Sprintf("%v or more", least)
	}
	return "anything"
}

// The two shapes of the Agent's secret work as they stand on the page, and the page knows every reason for which an
// account is shut.
func TestAgentSecretIsAsThePageSays(t *testing.T) {
	shapes := jsonBlocks(docstest.Read(t, configurationPage))
	if len(shapes) != 2 {
		t.Fatalf("%d shapes of the secret on the page, want 2", len(shapes))
	}
	for _, shape := range shapes {
		c, err := agent.NewCredentials(oneSecret(shape), agent.CredentialOptions{Host: "event-ai.eu-central-1.api.aws"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Current(t.Context()); err != nil {
			t.Errorf("%s: %v", shape, err)
		}
	}
	var told, shut []string
	for _, r := range docstest.Table(t, configurationPage, "agent secret") {
		told = append(told, strings.Split(r["reason"], ", ")...)
	}
	for _, r := range delivery.Reasons() {
		if r.Outcome() == delivery.Shut {
			shut = append(shut, string(r))
		}
	}
	slices.Sort(told)
	slices.Sort(shut)
	if told = slices.Compact(told); !slices.Equal(told, shut) {
		t.Errorf("the page has the reasons %v, the code shuts an account for %v", told, shut)
	}
}

// jsonBlocks are the fenced blocks of JSON on a page.
func jsonBlocks(page string) []string {
	var blocks []string
	for _, part := range strings.Split(page, "```json\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		blocks = append(blocks, block)
	}
	return blocks
}

// oneSecret is a store with one value.
type oneSecret string

func (s oneSecret) Current(context.Context) (secret.Version, error) {
	return secret.Version{ID: "1", Value: secret.New(string(s))}, nil
}

func (s oneSecret) Refresh(ctx context.Context) (secret.Version, bool, error) {
	v, err := s.Current(ctx)
	return v, true, err
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Every variable that the template gives to a function is read by our code or by somebody whom the page names, and is
// set to what the page says.
func TestVariablesAreSetAsThePageSays(t *testing.T) {
	plain := newFollowed(t)
	read := docstest.Table(t, configurationPage, settingtest.Variables)
	others := docstest.Table(t, configurationPage, "others")
	for _, f := range functions {
		function := strings.ToLower(strings.TrimSuffix(f, "Function"))
		key := "arn:aws:secretsmanager:eu-central-1:123456789012:secret:datadog-AbCdEf" // which adds variables
		left := at[object](newFollowed(t, "DatadogApiKeySecretArn", key).properties(f), "Environment", "Variables")
		for _, r := range slices.Concat(read, others) {
			name, to := r["variable"], r["set to"]
			by := strings.Split(r["read by"], ", ")
			if _, ours := r["allowed"]; ours && !slices.Contains(by, function) {
				continue
			}
			if to == "Lambda" { // and Lambda refuses a template that sets it
				continue
			}
			got, there := at[object](plain.properties(f), "Environment", "Variables")[name]
			delete(left, name)
			if param, ok := strings.CutPrefix(to, "parameter "); ok {
				param, besides, _ := strings.Cut(param, " with ")
				given := []string{param, "probe"}
				if other, value, ok := strings.Cut(besides, "="); ok {
					if got != "" {
						t.Errorf("%s is told %s=%v without %s", function, name, got, besides)
					}
					given = append(given, other, value)
				}
				if got := at[string](newFollowed(t, given...).properties(f), "Environment", "Variables", name); got != "probe" {
					t.Errorf("%s is told %s=%q with %v", function, name, got, given)
				}
				continue
			}
			want := strings.TrimSuffix(to, " where somebody is told") // which newFollowed has
			switch {
			case strings.HasPrefix(to, "resource "):
				want = "Ref(" + strings.TrimPrefix(to, "resource ") + ")"
			case strings.HasPrefix(to, "the stack's name"):
				want = pseudo["AWS::StackName"] + strings.TrimPrefix(strings.TrimPrefix(to, "the stack's name"), " and ")
			case strings.HasSuffix(to, " and the function"):
				want = strings.TrimSuffix(to, " and the function") + function
			}
			if !there || got != want {
				t.Errorf("%s is told %s=%v, and the page says %s", function, name, got, want)
			}
		}
		for name := range left {
			t.Errorf("%s is told %s, and the page does not say who reads it", function, name)
		}
	}
	for _, r := range slices.Concat(read, others) {
		for _, cell := range []string{"read by", "set to"} {
			if r[cell] == "" {
				t.Errorf("%s has no %q on the page", r["variable"], cell)
			}
		}
	}
}

// A variable that is read behind configFrom's back would be in no table.
func TestEnvironmentIsReadInOnePlace(t *testing.T) {
	seen := 0
	for _, s := range sources(t) {
		if s.test || ofTests(s.folder) || !under(s.folder, []string{"functions", "shared"}, false) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), s.path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		allowed := map[ast.Node]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && fmt.Sprint(call.Fun) == "configFrom" && len(call.Args) == 1 {
				allowed[call.Args[0]] = true
				seen++
			}
			sel, ok := n.(*ast.SelectorExpr)
			if ok && !allowed[n] && slices.Contains([]string{"os.Getenv", "os.LookupEnv", "os.Environ", "os.ExpandEnv", "syscall.Getenv"}, fmt.Sprint(sel.X, ".", sel.Sel)) {
				t.Errorf("%s reads the environment by itself; let configFrom do it", s.path)
			}
			return true
		})
	}
	if seen != len(functions) {
		t.Errorf("configFrom is called %d times, want once for each function", seen)
	}
}

// Every number on the page is the code's or the template's, and every exported number of the code is on the page.
func TestNumbersAreOnThePage(t *testing.T) {
	n := newNumbers(t)
	told := map[string]bool{}
	for _, table := range docstest.Tables(t, configurationPage) {
		if !strings.HasPrefix(table, "numbers ") {
			continue
		}
		for _, r := range docstest.Table(t, configurationPage, table) {
			name := r["number"]
			if told[name] {
				t.Errorf("%s is on the page twice", name)
			}
			told[name] = true
			got, err := parseQuantity(r["value"])
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			want, err := n.value(name)
			if err != nil {
				t.Errorf("the page tells of %s: %v", name, err)
			} else if got != want {
				t.Errorf("%s is %v, and the page says %s", name, want, r["value"])
			}
		}
	}
	for _, name := range n.code.exported() {
		if !told[name] {
			t.Errorf("%s is not on the page", name)
		}
	}
}

// numbers are those that pages can name: constants of the code, defaults of the policy, properties of the template.
type numbers struct {
	stack *stack
	code  constants
}

func newNumbers(t *testing.T) numbers { return numbers{newFollowed(t), readConstants(t)} }

// value of Resource.Property, package.Constant, or gate.DefaultRules.Field.
func (n numbers) value(name string) (quantity, error) {
	if field, ok := strings.CutPrefix(name, "gate.DefaultRules."); ok {
		v := reflect.ValueOf(gate.DefaultRules()).FieldByName(field)
		if !v.IsValid() || !v.CanInt() {
			return quantity{}, fmt.Errorf("the policy has no time %s", field)
		}
		return quantity{v.Int(), true}, nil
	}
	if name == "Api.Integration" {
		ms := at[float64](n.stack.properties("Api"), "Body", "paths", "/datadog", "x-amazon-apigateway-any-method",
			"x-amazon-apigateway-integration", "timeoutInMillis")
		return quantity{int64(ms) * int64(time.Millisecond), true}, nil
	}
	path := strings.Split(name, ".")
	if n.stack.Template.Resources[path[0]].Type == "" {
		return n.code.value(name)
	}
	v, ok := at[any](n.stack.properties(path[0]), path[1:]...).(float64)
	if !ok {
		return quantity{}, fmt.Errorf("the template has no number %s", name)
	}
	switch path[len(path)-1] {
	case "Timeout", "VisibilityTimeout", "MessageRetentionPeriod": // in seconds
		return quantity{int64(v) * int64(time.Second), true}, nil
	}
	return quantity{n: int64(v)}, nil
}

// quantity is a number, or a time in nanoseconds.
type quantity struct {
	n    int64
	time bool
}

func (q quantity) String() string {
	if q.time {
		return time.Duration(q.n).String()
	}
	return strconv.FormatInt(q.n, 10)
}

// parseQuantity reads a number as the page writes it: 1,000 or 1.5 s or 64 KiB.
func parseQuantity(text string) (quantity, error) {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.ParseFloat(strings.ReplaceAll(number, ",", ""), 64)
	if err != nil {
		return quantity{}, fmt.Errorf("%q is no number", text)
	}
	for _, u := range []struct {
		name string
		of   quantity
	}{
		{"", quantity{n: 1}},
		{"bytes", quantity{n: 1}},
		{"KiB", quantity{n: 1 << 10}},
		{"ms", quantity{int64(time.Millisecond), true}},
		{"s", quantity{int64(time.Second), true}},
		{"min", quantity{int64(time.Minute), true}},
		{"h", quantity{int64(time.Hour), true}},
		{"days", quantity{24 * int64(time.Hour), true}},
	} {
		if u.name == unit {
			return quantity{int64(n * float64(u.of.n)), u.of.time}, nil
		}
	}
	return quantity{}, fmt.Errorf("%q has a unit that this test does not know", text)
}

// constants are the constants of what is deployed, as written in the source, by package and name.
type constants map[string]ast.Expr

// readConstants reads them from the packages that ship in functions.
func readConstants(t *testing.T) constants {
	t.Helper()
	all := constants{}
	for _, s := range sources(t) {
		local := under(s.folder, []string{"shared/queue/memqueue", "shared/ledger/memledger"}, false)
		if s.test || ofTests(s.folder) || local || !under(s.folder, []string{"functions", "shared"}, false) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), s.path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				if v.Type != nil { // a word of a closed list, no number
					continue
				}
				for i := range v.Values {
					all[filepath.Base(s.folder)+"."+v.Names[i].Name] = v.Values[i]
				}
			}
		}
	}
	return all
}

// exported names those that anybody may use and that are numbers.
func (c constants) exported() []string {
	var names []string
	for name := range c {
		_, own, _ := strings.Cut(name, ".")
		if _, err := c.value(name); err == nil && ast.IsExported(own) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// value works out a constant.
func (c constants) value(name string) (quantity, error) {
	expr, ok := c[name]
	if !ok {
		return quantity{}, fmt.Errorf("there is no constant %s", name)
	}
	pkg, _, _ := strings.Cut(name, ".")
	return c.eval(pkg, expr)
}

func (c constants) eval(pkg string, e ast.Expr) (quantity, error) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return c.eval(pkg, e.X)
	case *ast.BasicLit:
		n, err := strconv.ParseInt(e.Value, 0, 64)
		return quantity{n: n}, err
	case *ast.Ident:
		return c.value(pkg + "." + e.Name)
	case *ast.SelectorExpr:
		unit, ok := map[string]time.Duration{
			"time.Millisecond": time.Millisecond, "time.Second": time.Second, "time.Minute": time.Minute, "time.Hour": time.Hour,
		}[fmt.Sprint(e.X, ".", e.Sel)]
		if ok {
			return quantity{int64(unit), true}, nil
		}
		return c.value(fmt.Sprint(e.X, ".", e.Sel))
	case *ast.BinaryExpr:
		x, err := c.eval(pkg, e.X)
		if err != nil {
			return quantity{}, err
		}
		y, err := c.eval(pkg, e.Y)
		if err != nil {
			return quantity{}, err
		}
		either := x.time || y.time
		switch e.Op {
		case token.ADD:
			return quantity{x.n + y.n, either}, nil
		case token.SUB:
			return quantity{x.n - y.n, either}, nil
		case token.MUL:
			return quantity{x.n * y.n, either}, nil
		case token.SHL:
			return quantity{x.n << y.n, x.time}, nil
		}
	}
	return quantity{}, fmt.Errorf("it is no number that this test can work out")
}
