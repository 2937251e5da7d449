package scenario

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// reader reads the nodes of one YAML document and keeps what is wrong with it.
type reader struct {
	name     string
	problems []Problem
}

// problem says what is wrong with a node.
func (r *reader) problem(n ast.Node, format string, args ...any) {
	f := Problem{Text: fmt.Sprintf(format, args...)}
	f.Line, f.Column = place(n)
	r.problems = append(r.problems, f)
}

// place is where a node begins. The parser says of a mapping where its first colon is.
func place(n ast.Node) (line, column int) {
	switch v := n.(type) {
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			n = v.Values[0].Key
		}
	case *ast.MappingValueNode:
		n = v.Key
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0, 0
	}
	return n.GetToken().Position.Line, n.GetToken().Position.Column
}

// document parses the text; nil when it is no YAML, or more or less than one document.
func (r *reader) document(text []byte) (root ast.Node) {
	defer func() {
		if p := recover(); p != nil { // of the parser, which is not ours
			r.problems, root = []Problem{{Text: "this is no YAML that can be read"}}, nil
		}
	}()
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey()) // which are found here, with better words
	if err != nil {
		f := Problem{Text: "this is no YAML: " + err.Error()}
		if bad := (*yaml.SyntaxError)(nil); errors.As(err, &bad) {
			f.Text = "this is no YAML: " + bad.Message
			if bad.Token != nil && bad.Token.Position != nil {
				f.Line, f.Column = bad.Token.Position.Line, bad.Token.Position.Column
			}
		}
		r.problems = append(r.problems, f)
		return nil
	}
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case root != nil:
			r.problem(doc.Body, "a second document begins here; a scenario is one file")
			return nil
		default:
			root = doc.Body
		}
	}
	if root == nil {
		r.problems = append(r.problems, Problem{Text: "there is nothing in this file; a scenario has at least a title and alerts"})
	}
	return root
}

// fields are the entries of a mapping by their names.
type fields struct {
	at   ast.Node // the mapping
	what string   // for people: "an alert"
	list []field
}

type field struct {
	name       string
	key, value ast.Node
}

// mapping reads a mapping whose names are all known; its entries are nil when it is none.
func (r *reader) mapping(n ast.Node, what string, known ...string) fields {
	f := r.open(n, what)
	for _, e := range f.list {
		if !contains(known, e.name) {
			r.problem(e.key, "there is no %q in %s%s", e.name, what, like(e.name, known))
		}
	}
	return f
}

// open reads a mapping with any names.
func (r *reader) open(n ast.Node, what string) fields {
	f := fields{at: n, what: what}
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		r.problem(n, "%s is written as names with values, and this is %s", what, kind(n))
		return f
	}
	for _, v := range values {
		name, ok := scalar(v.Key)
		switch {
		case !ok:
			r.problem(v.Key, "a name in %s must be a word", what)
		case f.get(name) != nil:
			r.problem(v.Key, "%q stands twice in %s", name, what)
		default:
			f.list = append(f.list, field{name, v.Key, v.Value})
		}
	}
	return f
}

// get is the value of a name, nil when it is not there.
func (f fields) get(name string) ast.Node {
	for _, e := range f.list {
		if e.name == name {
			return e.value
		}
	}
	return nil
}

// list reads a list; a single value is a list of one.
func (r *reader) list(n ast.Node) []ast.Node {
	if n == nil {
		return nil
	}
	if s, ok := n.(*ast.SequenceNode); ok {
		return s.Values
	}
	return []ast.Node{n}
}

// text reads a value that is some text; "" when it is not there.
func (r *reader) text(n ast.Node, what string) string {
	if n == nil {
		return ""
	}
	s, ok := scalar(n)
	if !ok || strings.TrimSpace(s) == "" {
		r.problem(n, "%s must be some text, and this is %s", what, kind(n))
	}
	return strings.TrimSpace(s)
}

// choice reads one of some words; "" when it is not there or is none of them.
func choice[T ~string](r *reader, n ast.Node, what string, words []T) T {
	if n == nil {
		return ""
	}
	s, _ := scalar(n)
	var names []string
	for _, w := range words {
		if string(w) == s {
			return w
		}
		names = append(names, string(w))
	}
	if s == "" {
		s = kind(n)
	} else {
		s = strconv.Quote(s)
	}
	r.problem(n, "%s must be one of %s, and is %s%s", what, strings.Join(names, ", "), s, like(strings.Trim(s, `"`), names))
	return ""
}

// yes reads a true or false.
func (r *reader) yes(n ast.Node, what string, otherwise bool) bool {
	if n == nil {
		return otherwise
	}
	if b, ok := n.(*ast.BoolNode); ok {
		return b.Value
	}
	r.problem(n, "%s must be true or false, and this is %s", what, kind(n))
	return otherwise
}

// number reads a whole number from least to most; 0 when it is not there or is none.
func (r *reader) number(n ast.Node, what string, least, most int) int {
	if n == nil {
		return 0
	}
	if i, ok := n.(*ast.IntegerNode); ok {
		if v, err := strconv.Atoi(i.Token.Value); err == nil && v >= least && v <= most {
			return v
		}
	}
	r.problem(n, "%s must be a whole number from %d to %d, and this is %s", what, least, most, kind(n))
	return 0
}

// duration reads a length of time; 0 when it is not there or is none.
func (r *reader) duration(n ast.Node, what string) time.Duration {
	d, _ := r.lasting(n, what)
	return d
}

// aboveZero reads a length of time of which 0 would be taken for none, and so for the contrary of what it says.
func (r *reader) aboveZero(n ast.Node, what string) time.Duration {
	d, ok := r.lasting(n, what)
	if ok && d == 0 {
		s, _ := scalar(n)
		r.problem(n, "%s must be above 0, and is %q", what, s)
	}
	return d
}

// lasting reads a length of time, and tells whether there is one.
func (r *reader) lasting(n ast.Node, what string) (d time.Duration, ok bool) {
	if n == nil {
		return 0, false
	}
	s, ok := scalar(n)
	if !ok {
		r.problem(n, "%s must be a length of time such as 90s, 10m, 2h or 1d12h, and this is %s", what, kind(n))
		return 0, false
	}
	d, err := ParseDuration(s)
	switch {
	case err != nil:
		r.problem(n, "%s must be a length of time such as 90s, 10m, 2h or 1d12h, and is %q", what, s)
	case d > MaxTime:
		r.problem(n, "%s is %q, and a scenario lasts at most %d days", what, s, MaxTime/(24*time.Hour))
	default:
		return d, true
	}
	return 0, false
}

// shift reads a length of time that may be below 0.
func (r *reader) shift(n ast.Node, what string) time.Duration {
	s, ok := scalar(n)
	rest, below := strings.CutPrefix(s, "-")
	if d, err := ParseDuration(rest); ok && below && err == nil && d <= MaxTime {
		return -d
	}
	return r.duration(n, what)
}

// ParseDuration reads Go's durations, with days before them, such as 2d or 1d12h. None may be below 0, nor without a unit.
func ParseDuration(s string) (time.Duration, error) {
	var days time.Duration
	if whole, rest, found := strings.Cut(s, "d"); found {
		n, err := strconv.ParseUint(whole, 10, 16)
		if err != nil || strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
			return 0, fmt.Errorf("%q is no number of days", whole)
		}
		if days = time.Duration(n) * 24 * time.Hour; rest == "" {
			return days, nil
		}
		s = rest
	}
	d, err := time.ParseDuration(s)
	if err == nil && (d < 0 || s == "0") {
		err = fmt.Errorf("%q has no unit or is below 0", s)
	}
	return days + d, err
}

// scalar is a single value as text.
func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode:
		return v.Token.Value, true
	case *ast.FloatNode:
		return v.Token.Value, true
	case *ast.BoolNode:
		return v.Token.Value, true
	case *ast.NullNode:
		return "", true
	}
	return "", false
}

// kind says in words what a node is.
func kind(n ast.Node) string {
	switch v := n.(type) {
	case nil, *ast.NullNode:
		return "empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "names with values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return "an anchor, alias or tag, which scenarios do not have"
	default:
		if s, ok := scalar(v); ok {
			if len(s) > 40 {
				s = s[:40] + "…"
			}
			return strconv.Quote(s)
		}
	}
	return "something else"
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
