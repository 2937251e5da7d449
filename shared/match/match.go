// Package match says which alerts are meant, in the way that Alertmanager's routes and silences do.
//
// A Matcher compares one thing about an alert with a value:
//
//	service = checkout      is, or is one of
//	env != prod             is not, and is none of
//	team =~ pay.*|core      matches as a whole, RE2
//	host !~ canary-.*       does not match
//
// What a name means: one of the fields below, or else the key of a tag. Keys are compared without regard to case,
// values with it. What an alert does not have is the empty text, so `service = ""` means that it has no such tag.
//
// Fields hide tags of their name; `tag:monitor` is the tag called monitor, whatever the fields are.
//
//	monitor       the monitor's id
//	monitor_name  its name
//	monitor_type  its type, such as query alert
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
	"fmt"
	"regexp"
	"slices"
	"strings"

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

// Matcher compares one thing about an alert with a value. Make one with Parse or New.
type Matcher struct {
	Name  string
	Op    Op
	Value string
	re    *regexp.Regexp
}

// New makes a Matcher. Its error says what is wrong with which part.
func New(name string, op Op, value string) (Matcher, error) {
	m := Matcher{Name: name, Op: op, Value: value}
	switch {
	case name == "":
		return Matcher{}, fmt.Errorf("a matcher has no name; write it like service = checkout")
	case len(name) > MaxName:
		return Matcher{}, fmt.Errorf("the name %.40q… of a matcher is longer than %d bytes", name, MaxName)
	case len(value) > MaxValue:
		return Matcher{}, fmt.Errorf("the value for %s is longer than %d bytes", name, MaxValue)
	}
	switch op {
	case Is, IsNot:
	case Matches, MatchesNot:
		re, err := regexp.Compile("^(?:" + value + ")$")
		if err != nil {
			return Matcher{}, fmt.Errorf("%q is no regular expression: %w", value, err)
		}
		m.re = re
	default:
		return Matcher{}, fmt.Errorf("%q compares nothing; use =, !=, =~ or !~", op)
	}
	return m, nil
}

// Parse reads a Matcher as it is written: name, operator, value, with or without space between, and the value with or
// without quotes.
func Parse(text string) (Matcher, error) {
	i := strings.IndexAny(text, "=!")
	if i < 0 {
		return Matcher{}, fmt.Errorf("%q has none of =, !=, =~, !~", text)
	}
	name, rest := strings.TrimSpace(text[:i]), text[i:]
	for _, op := range []Op{IsNot, MatchesNot, Matches, Is} {
		if value, ok := strings.CutPrefix(rest, string(op)); ok {
			return New(name, op, unquoted(strings.TrimSpace(value)))
		}
	}
	return Matcher{}, fmt.Errorf("%q has none of =, !=, =~, !~", text)
}

func unquoted(s string) string {
	for _, q := range []string{`"`, `'`} {
		if len(s) >= 2 && strings.HasPrefix(s, q) && strings.HasSuffix(s, q) {
			return s[1 : len(s)-1]
		}
	}
	return s
}

// String is the Matcher as Parse reads it. The value stands between quotes as it is, a backslash or a quote in it too:
// Parse takes away the outer quotes and nothing else.
func (m Matcher) String() string { return fmt.Sprintf("%s %s \"%s\"", m.Name, m.Op, m.Value) }

// All tells whether every one of the matchers meets the alert; none at all meet every alert.
func All(list []Matcher, a *alert.Alert) bool {
	return !slices.ContainsFunc(list, func(m Matcher) bool { return !m.Meets(a) })
}

// Meets tells whether the alert is one that is meant.
func (m Matcher) Meets(a *alert.Alert) bool {
	has := slices.ContainsFunc(values(a, m.Name), m.equal)
	if m.Op == IsNot || m.Op == MatchesNot {
		return !has
	}
	return has
}

func (m Matcher) equal(v string) bool {
	if m.re != nil {
		return m.re.MatchString(v)
	}
	return v == m.Value
}

// fields are what a name can mean besides a tag.
var fields = map[string]func(*alert.Alert) string{
	"monitor":      func(a *alert.Alert) string { return a.Monitor.ID },
	"monitor_name": func(a *alert.Alert) string { return a.Monitor.Name },
	"monitor_type": func(a *alert.Alert) string { return a.Monitor.Type },
	"title":        func(a *alert.Alert) string { return a.Title },
	"priority":     func(a *alert.Alert) string { return a.Priority },
	"transition":   func(a *alert.Alert) string { return string(a.Transition) },
	"alert_type":   func(a *alert.Alert) string { return a.AlertType },
	"org":          func(a *alert.Alert) string { return a.OrgID },
	"org_name":     func(a *alert.Alert) string { return a.OrgName },
}

// values are what an alert has by a name; the empty text when it has nothing.
func values(a *alert.Alert, name string) []string {
	if field, there := fields[name]; there {
		return []string{field(a)}
	}
	if name == "host" && a.Hostname != "" {
		return []string{a.Hostname}
	}
	if found := a.TagValues(strings.TrimPrefix(name, "tag:")); len(found) > 0 {
		return found
	}
	return []string{""}
}
