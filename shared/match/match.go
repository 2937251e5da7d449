// Package match says which alerts are meant, in the way that Alertmanager's routes and silences do.
//
// A Matcher compares one thing about an alert with a value:
//
//	service = checkout      is, or is one of
//	env != prod             is not, and is none of
//	team =~ pay.*|core      matches as a whole, RE2
//	host !~ canary-.*       does not match
//
// What a name means: one of the fields below, or else the key of a tag. Names are compared without regard to case,
// values with it. What an alert does not have is the empty text, so `service = ""` means that it has no such tag. A
// value can stand in quotes, and must where it begins or ends with a space or a quote: "…" with the escapes that amtool
// knows (\" \\ \n), '…' as it stands.
//
// Fields hide tags of their name; `tag:monitor` is the tag called monitor, whatever the fields are.
//
//	monitor       the monitor's id, a number
//	monitor_name  its name
//	monitor_type  its type, such as query_alert_monitor
//	title         the alert's title
//	priority      P1 to P5
//	transition    Triggered, Recovered and so on
//	alert_type    error, warning, success or info
//	org           the organisation's id
//	org_name      its name
//	host          the host's name, else the tag host
//
// It is used by the policy's routes and by silences, so that both mean the same by the same words.
package match

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Op is how a Matcher compares.
type Op string

// The operators.
const (
	Is         Op = "="
	IsNot      Op = "!="
	Matches    Op = "=~"
	MatchesNot Op = "!~"
)

// Limits of one Matcher, in bytes, so that a hundred silences fit into one record.
const (
	MaxName  = 100
	MaxValue = 300
)

// maxWritten bounds an expression when its repetitions are written out, in characters. What it costs to match grows with
// that: a{1000} is short, and would take milliseconds for each of an alert's tags.
const maxWritten = MaxValue

// Matcher compares one thing about an alert with a value. Make one with Parse or New: the zero value meets nothing. As
// text, in JSON too, it is what String gives.
type Matcher struct {
	Name  string
	Op    Op
	Value string
	expr  *expression // of Matches and MatchesNot
	field field
	tag   string // its key, where field is aTag
}

// New makes a Matcher. Its error says what is wrong with which part.
func New(name string, op Op, value string) (Matcher, error) {
	m := Matcher{Name: name, Op: op, Value: value}
	switch {
	case name == "" || strings.EqualFold(name, tagPrefix):
		return Matcher{}, fmt.Errorf("a matcher has no name; write it like service = checkout")
	case len(name) > MaxName:
		return Matcher{}, fmt.Errorf("the name %.40q… of a matcher is longer than %d bytes", name, MaxName)
	case strings.ContainsFunc(name, notInName):
		return Matcher{}, fmt.Errorf("%q is no name of a field or a tag; write a matcher like service = checkout", name)
	case strings.Contains(withoutPrefix(name), ":"):
		return Matcher{}, fmt.Errorf("%q is the name of no tag, for these end at their first colon%s", name, asTag(withoutPrefix(name)))
	case len(value) > MaxValue:
		return Matcher{}, fmt.Errorf("the value for %s is longer than %d bytes", name, MaxValue)
	}
	m.field, m.tag = meaning(name)
	switch op {
	case Is, IsNot:
	case Matches, MatchesNot:
		expr, err := compile(value)
		switch {
		case errors.Is(err, errTooLarge):
			return Matcher{}, fmt.Errorf("%q is %w", value, err)
		case err != nil:
			return Matcher{}, fmt.Errorf("%q is no regular expression: %w", value, err)
		}
		m.expr = expr
	default:
		return Matcher{}, fmt.Errorf("%q compares nothing; use =, !=, =~ or !~", op)
	}
	return m, nil
}

// notInName tells what the key of a tag does not have at Datadog, and what would make a Matcher read differently.
func notInName(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-./:@", r)
}

func withoutPrefix(name string) string {
	if len(name) >= len(tagPrefix) && strings.EqualFold(name[:len(tagPrefix)], tagPrefix) {
		return name[len(tagPrefix):]
	}
	return name
}

// asTag proposes a Matcher for a tag that was written as Datadog writes it, with a colon; "" where it is none.
func asTag(text string) string {
	key, value, ok := strings.Cut(text, ":")
	if !ok || key == "" || value == "" || strings.ContainsFunc(text, notInName) {
		return ""
	}
	return fmt.Sprintf("; the tag %s is meant by %s = %s", text, key, value)
}

// expression is a regular expression that must match a value as a whole, and what is known of its values.
type expression struct {
	re         *regexp.Regexp
	values     []string // all that it matches; nil where these cannot be listed
	everything bool     // it matches every value, or every one but the empty
	digits     bool     // it may match a text of digits only, or the empty one
}

// compile reads an expression. By itself first: "a)|(b" would be one only between our brackets.
func compile(text string) (*expression, error) {
	tree, err := syntax.Parse(text, syntax.Perl|syntax.DotNL)
	if err != nil {
		return nil, err
	}
	if written(tree) > maxWritten {
		return nil, errTooLarge
	}
	re, err := regexp.Compile("^(?s:" + text + ")$")
	if err != nil {
		return nil, err
	}
	values := slices.DeleteFunc(listed(tree), func(v string) bool { return !re.MatchString(v) })
	return &expression{re, values, everything(tree), ofDigits(tree)}, nil
}

var errTooLarge = fmt.Errorf("too large a regular expression: with its repetitions written out it has more than %d characters", maxWritten)

// written counts the characters of an expression, as if its repetitions were written out: one more than maxWritten where
// there are more.
func written(re *syntax.Regexp) int {
	n := 0
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpCharClass:
		n = 1
	}
	for _, sub := range re.Sub {
		n = min(n+written(sub), maxWritten+1)
	}
	if re.Op == syntax.OpRepeat { // of what has no characters too, and at least once: {0,} has no upper bound
		n = max(n, 1) * max(re.Min, re.Max, 1)
	}
	return min(n, maxWritten+1)
}

// Parse reads a Matcher as it is written: name, operator, value, with or without space between, and the value with or
// without quotes.
func Parse(text string) (Matcher, error) {
	i := strings.IndexAny(text, "=!~")
	if i < 0 {
		return Matcher{}, fmt.Errorf("%q has none of =, !=, =~, !~%s", text, asTag(withoutPrefix(text)))
	}
	name, rest := strings.TrimSpace(text[:i]), text[i:]
	if strings.HasPrefix(name, "{") {
		return Matcher{}, fmt.Errorf("%q is a list of matchers in braces; write each by itself and without them", text)
	}
	for _, op := range []Op{IsNot, MatchesNot, Matches, Is} {
		written, ok := strings.CutPrefix(rest, string(op))
		if !ok {
			continue
		}
		if strings.HasPrefix(written, "=") || strings.HasPrefix(written, "!") || strings.HasPrefix(written, "~") {
			return Matcher{}, fmt.Errorf("%q compares nothing; use =, !=, =~ or !~, and quotes where the value begins with one of these", string(op)+written[:1])
		}
		value, err := unquoted(strings.TrimSpace(written))
		if err != nil {
			return Matcher{}, err
		}
		return New(name, op, value)
	}
	return Matcher{}, fmt.Errorf("%q has none of =, !=, =~, !~", text)
}

// String is the Matcher as Parse reads it.
func (m Matcher) String() string { return m.Name + " " + string(m.Op) + " " + quoted(m.Value) }

// MarshalText gives what String does.
func (m Matcher) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what Parse does.
func (m *Matcher) UnmarshalText(text []byte) (err error) {
	*m, err = Parse(string(text))
	return err
}

// Not is the Matcher that meets exactly the alerts that this one does not meet.
func (m Matcher) Not() Matcher {
	m.Op = map[Op]Op{Is: IsNot, IsNot: Is, Matches: MatchesNot, MatchesNot: Matches}[m.Op]
	return m
}

// All tells whether every one of the matchers meets the alert; none at all meet every alert.
func All(list []Matcher, a *alert.Alert) bool {
	for i := range list {
		if !list[i].Meets(a) {
			return false
		}
	}
	return true
}

// Meets tells whether the alert is one that is meant.
func (m *Matcher) Meets(a *alert.Alert) bool {
	switch m.Op {
	case Is, Matches:
		return m.has(a)
	case IsNot, MatchesNot:
		return !m.has(a)
	}
	return false
}

// has tells whether the alert has the value.
func (m *Matcher) has(a *alert.Alert) bool {
	if m.field != aTag && (m.field != host || a.Hostname != "") {
		return m.equal(m.field.of(a))
	}
	any := false
	for _, list := range [2][]string{a.Tags, a.Scope} {
		for _, t := range list {
			k, v, ok := strings.Cut(t, ":")
			if !ok || v == "" || !strings.EqualFold(k, m.tag) {
				continue
			}
			if any = true; m.equal(v) {
				return true
			}
		}
	}
	return !any && m.equal("")
}

func (m *Matcher) equal(v string) bool {
	if m.expr != nil {
		return m.expr.re.MatchString(v)
	}
	return v == m.Value
}
