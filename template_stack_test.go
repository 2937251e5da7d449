package alertbridge_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// object is a JSON object.
type object = map[string]any

// translation is .ci/template.json: what template.yaml becomes, and what it was made from.
type translation struct {
	SourceSHA256 string            `json:"source_sha256"`
	Code         map[string]string `json:"code"` // CodeUri by function
	Template     struct {
		Parameters map[string]parameter
		Conditions object
		Mappings   map[string]map[string]object
		Metadata   object
		Resources  map[string]resource
		Outputs    map[string]object
		Rules      map[string]refusal
	} `json:"template"`
}

type refusal struct {
	RuleCondition object
	Assertions    []struct {
		Assert            object
		AssertDescription string
	}
}

type parameter struct {
	Default                            any
	AllowedPattern                     string
	AllowedValues                      []any
	Description, ConstraintDescription string
}

type resource struct {
	Type, Condition                     string
	DeletionPolicy, UpdateReplacePolicy string
	Metadata, Properties                object
}

// readTranslation fails when template.yaml has changed since it was translated, so that nobody tests a template that
// is not the one deployed.
func readTranslation(t testing.TB) translation {
	t.Helper()
	source, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(".ci/template.json")
	if err != nil {
		t.Fatal(err)
	}
	var tr translation
	if err := json.Unmarshal(text, &tr); err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(source); hex.EncodeToString(sum[:]) != tr.SourceSHA256 {
		t.Fatal("template.yaml has changed since .ci/template.json was made from it: run make template (needs Python)")
	}
	return tr
}

// stack is the template as CloudFormation sees it with given parameters: conditions decided, functions replaced, what
// has no value gone. What only a deployment knows stays a name: "Ref(AlertQueue)", "AlertQueue.Arn".
type stack struct {
	testing.TB
	translation
	given map[string]string
}

// pseudo are the parameters that CloudFormation gives itself.
var pseudo = map[string]string{
	"AWS::AccountId": "123456789012", "AWS::Partition": "aws", "AWS::Region": "eu-central-1",
	"AWS::StackName": "bridge", "AWS::URLSuffix": "amazonaws.com",
}

// newStack takes parameters and pseudo parameters, by name and value in turn; the others have their defaults.
func newStack(t testing.TB, given ...string) *stack {
	t.Helper()
	s := &stack{TB: t, translation: readTranslation(t), given: map[string]string{}}
	for pair := range slices.Chunk(given, 2) {
		if _, ok := s.Template.Parameters[pair[0]]; !ok && pseudo[pair[0]] == "" {
			t.Fatalf("the template has no parameter %s", pair[0])
		}
		s.given[pair[0]] = pair[1]
	}
	return s
}

// pagerKey is a secret with PagerDuty's key, datadogKey one with Datadog's.
const (
	pagerKey   = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:pagerduty-AbCdEf"
	datadogKey = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:datadog-AbCdEf"
)

// newFollowed is newStack with an agent space and somebody to tell, and so with every resource that there is.
func newFollowed(t testing.TB, given ...string) *stack {
	t.Helper()
	return newStack(t, slices.Concat([]string{"AgentSpaces", "space-1", "PagerDutySecretArn", pagerKey}, given)...)
}

// refuses says with which words CloudFormation refuses the parameters that were given, "" when it takes them.
func (s *stack) refuses() string {
	for _, r := range s.Template.Rules {
		if len(r.RuleCondition) > 0 && !s.true(r.RuleCondition) {
			continue
		}
		for _, a := range r.Assertions {
			if !s.true(a.Assert) {
				return a.AssertDescription
			}
		}
	}
	return ""
}

// properties of a resource that must be there.
func (s *stack) properties(name string) object {
	s.Helper()
	if !s.has(name) {
		s.Fatalf("with these parameters there is no resource %s", name)
	}
	return s.resolve(s.Template.Resources[name].Properties).(object)
}

// has tells whether a resource is there with these parameters.
func (s *stack) has(name string) bool {
	r, ok := s.Template.Resources[name]
	return ok && (r.Condition == "" || s.holds(r.Condition))
}

// ofType names the resources of a type, in order.
func (s *stack) ofType(kind string) []string {
	var names []string
	for name, r := range s.Template.Resources {
		if r.Type == kind && s.has(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// noValue is what AWS::NoValue becomes, until whatever holds it drops it.
type noValue struct{}

func (s *stack) resolve(v any) any {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, e := range v {
			if e = s.resolve(e); e != any(noValue{}) {
				list = append(list, e)
			}
		}
		return list
	case object:
		if len(v) == 1 {
			for name, arg := range v {
				if name == "Ref" || strings.HasPrefix(name, "Fn::") {
					return s.call(name, arg)
				}
			}
		}
		o := object{}
		for name, e := range v {
			if e = s.resolve(e); e != any(noValue{}) {
				o[name] = e
			}
		}
		return o
	}
	return v
}

func (s *stack) call(name string, arg any) any {
	args, _ := arg.([]any)
	switch name {
	case "Ref":
		return s.ref(arg.(string))
	case "Fn::GetAtt":
		if len(args) != 2 {
			s.Fatalf("Fn::GetAtt with %v", arg)
		}
		return s.attribute(args[0].(string), args[1].(string))
	case "Fn::If":
		if s.holds(args[0].(string)) {
			return s.resolve(args[1])
		}
		return s.resolve(args[2])
	case "Fn::Sub":
		if text, ok := arg.(string); ok {
			return s.substitute(text, nil)
		}
		return s.substitute(args[0].(string), s.resolve(args[1]).(object))
	case "Fn::Select":
		from, n := s.resolve(args[1]).([]any), int(args[0].(float64))
		if n >= len(from) {
			s.Fatalf("Fn::Select of %d from %v", n, from)
		}
		return from[n]
	case "Fn::Split":
		var parts []any
		for part := range strings.SplitSeq(s.resolve(args[1]).(string), args[0].(string)) {
			parts = append(parts, part)
		}
		return parts
	case "Fn::FindInMap":
		keys := s.resolve(args).([]any)
		found, ok := s.Template.Mappings[keys[0].(string)][keys[1].(string)][keys[2].(string)]
		if !ok {
			s.Fatalf("nothing in the mappings for %v", keys)
		}
		return found
	}
	s.Fatalf("this test does not know %s", name)
	return nil
}

func (s *stack) ref(name string) any {
	if name == "AWS::NoValue" {
		return noValue{}
	}
	if v, ok := s.given[name]; ok {
		return v
	}
	if v, ok := pseudo[name]; ok {
		return v
	}
	if p, ok := s.Template.Parameters[name]; ok {
		return fmt.Sprint(p.Default)
	}
	if !s.has(name) {
		s.Fatalf("Ref to %s, which is nothing", name)
	}
	return "Ref(" + name + ")"
}

func (s *stack) attribute(of, name string) string {
	if !s.has(of) {
		s.Fatalf("Fn::GetAtt of %s, which is nothing", of)
	}
	return of + "." + name
}

func (s *stack) substitute(text string, own object) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "${")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		text = after
		switch of, attr, isAttr := strings.Cut(name, "."); {
		case own[name] != nil:
			fmt.Fprint(&b, own[name])
		case isAttr:
			b.WriteString(s.attribute(of, attr))
		default:
			fmt.Fprint(&b, s.ref(name))
		}
	}
}

func (s *stack) holds(condition string) bool {
	c, ok := s.Template.Conditions[condition]
	if !ok {
		s.Fatalf("there is no condition %s", condition)
	}
	return s.true(c)
}

func (s *stack) true(c any) bool {
	for name, arg := range c.(object) {
		if name == "Condition" {
			return s.holds(arg.(string))
		}
		args := arg.([]any)
		switch name {
		case "Fn::And":
			return !slices.ContainsFunc(args, func(c any) bool { return !s.true(c) })
		case "Fn::Or":
			return slices.ContainsFunc(args, s.true)
		case "Fn::Not":
			return !s.true(args[0])
		case "Fn::Equals":
			return s.resolve(args[0]) == s.resolve(args[1])
		}
		s.Fatalf("this test does not know the condition %s", name)
	}
	return false
}

// at follows names through objects, and gives the zero value of T where there is nothing.
func at[T any](v any, names ...string) T {
	for _, name := range names {
		o, _ := v.(object)
		v = o[name]
	}
	found, _ := v.(T)
	return found
}

// list is one value or a list of them, as policies allow either.
func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	if v == nil {
		return nil
	}
	return []any{v}
}
