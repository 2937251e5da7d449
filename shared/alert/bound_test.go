package alert

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// sound is an alert that holds every rule.
func sound() Alert {
	return Alert{
		Delivery: "dd-1-2", Source: "datadog", Incident: Incident{Org: "1", Monitor: "2", Key: "c.3", Cycle: true},
		Transition: Triggered, Severity: High, Time: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC),
	}
}

func TestBound(t *testing.T) {
	long := strings.Repeat("語", 5210)
	many := func(n, size int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("k%d:", i)+strings.Repeat("v", size))
		}
		return list
	}
	for _, c := range []struct {
		why    string
		change func(*Alert)
		want   []string
	}{
		{"nothing is too long", func(*Alert) {}, nil},
		{"a text at its limit", func(a *Alert) { a.Text = long[:3*MaxText] }, nil},
		{"a text in characters", func(a *Alert) { a.Text = long }, []string{"text cut from 5210 to 4000 characters"}},
		{"a title", func(a *Alert) { a.Title = long }, []string{"title cut from 5210 to 400 characters"}},
		{"a query", func(a *Alert) { a.Monitor.Query = long }, []string{"query cut from 5210 to 1000 characters"}},
		{"too many tags", func(a *Alert) { a.Tags = many(63, 1) }, []string{"tags cut from 63 to 60"}},
		{"a long tag", func(a *Alert) { a.Tags = append(many(2, 1), many(1, 301)...) }, []string{"tags: 1 of 3 cut to 300 characters"}},
		{
			"too many tags, and long ones", func(a *Alert) { a.Tags = many(61, 301) },
			[]string{"tags cut from 61 to 60, 60 of them to 300 characters"},
		},
		{"too many groups", func(a *Alert) { a.Scope = many(13, 1) }, []string{"scope cut from 13 to 12"}},
		{
			"half an address leads nowhere",
			func(a *Alert) {
				a.Links = []Link{{Name: "x", URL: "https://a.example/" + long}, {Name: "y", URL: "https://b.example/"}}
			},
			[]string{"links: 1 of 2 left out"},
		},
		{"too many links", func(a *Alert) { a.Links = make([]Link, 14) }, []string{"links: 2 of 14 left out"}},
		{
			"half an id finds nothing", func(a *Alert) { a.Refs = []Ref{{"trace_id", long}, {"span_id", "7"}} },
			[]string{"references: 1 of 2 left out"},
		},
		{
			"a snapshot", func(a *Alert) { a.Snapshot = "https://a.example/" + long },
			[]string{"snapshot left out, its address is longer than 1000 characters"},
		},
		{"the longest key", func(a *Alert) { a.Aggregation = long[:3*MaxAggregation] }, nil},
		{
			"half a key is another key", func(a *Alert) { a.Aggregation = long[:3*(MaxAggregation+1)] },
			[]string{"aggregation key left out, it is longer than 100 characters"},
		},
		{"an id that is none", func(a *Alert) { a.Delivery, a.Incident.Key = "", "a/b" }, nil},
		{
			"two fields", func(a *Alert) { a.Text, a.Hostname = long, long },
			[]string{"text cut from 5210 to 4000 characters", "hostname cut from 5210 to 300 characters"},
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			a := sound()
			c.change(&a)
			a.Bound()
			if !slices.Equal(a.Cut, c.want) {
				t.Errorf("Cut = %q, want %q", a.Cut, c.want)
			}
			if err := a.Check(); err != nil {
				t.Errorf("after Bound: %v", err)
			}
			again := a
			again.Cut = slices.Clone(a.Cut)
			again.Bound()
			if !reflect.DeepEqual(again, a) {
				t.Errorf("Bound changed a bounded alert to %+v", again)
			}
		})
	}
}

// Every text of an alert must be bounded: the test fills each one by reflection, so that a field that is added later
// cannot be forgotten.
func TestBoundReachesEveryText(t *testing.T) {
	var a Alert
	fill(reflect.ValueOf(&a).Elem(), strings.Repeat("x", 200_000))
	a.Transition, a.Severity, a.Time, a.Cut = Unknown, Low, time.Unix(1, 0), nil
	a.Bound()
	if err := a.Check(); err != nil {
		t.Error(err)
	}
	if n := longest(reflect.ValueOf(a)); n > MaxText {
		t.Errorf("a text of %d bytes is left", n)
	}
}

func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 100, 100))
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	}
}

func longest(v reflect.Value) (n int) {
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Slice:
		for i := range v.Len() {
			n = max(n, longest(v.Index(i)))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return 0
		}
		for i := range v.NumField() {
			n = max(n, longest(v.Field(i)))
		}
	}
	return n
}

func TestCheck(t *testing.T) {
	if a := sound(); a.Check() != nil {
		t.Fatalf("a sound alert: %v", a.Check())
	}
	for _, c := range []struct {
		want   string
		change func(*Alert)
	}{
		{"the delivery is not an id", func(a *Alert) { a.Delivery = "a:b" }},
		{"the incident's key is not an id", func(a *Alert) { a.Incident.Key = "" }},
		{"the title is not UTF-8", func(a *Alert) { a.Title = "\xff" }},
		{"the aggregation key has 101 characters, more than 100", func(a *Alert) { a.Aggregation = strings.Repeat("x", 101) }},
		{"the text has 4001 characters, more than 4000", func(a *Alert) { a.Text = strings.Repeat("x", 4001) }},
		{"61 times a tag, more than 60", func(a *Alert) { a.Tags = make([]string, 61) }},
		{"the link's address has 1001 characters", func(a *Alert) { a.Links = []Link{{URL: strings.Repeat("x", 1001)}} }},
		{"the reference is not UTF-8", func(a *Alert) { a.Refs = []Ref{{"trace_id", "\xff"}} }},
		{"the snapshot has 1001 characters", func(a *Alert) { a.Snapshot = strings.Repeat("x", 1001) }},
		{"times a note on what was cut", func(a *Alert) { a.Cut = make([]string, 100) }},
		{"the transition is not one of", func(a *Alert) { a.Transition = "" }},
		{"the severity is 0", func(a *Alert) { a.Severity = 0 }},
		{"the time is missing", func(a *Alert) { a.Time = time.Time{} }},
		{"outside the years", func(a *Alert) { a.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
	} {
		a := sound()
		c.change(&a)
		if err := a.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Check() = %v, want %q", err, c.want)
		}
	}
}

// Rewrite reaches every text, so that a new field cannot be forgotten, but for those it names.
func TestRewriteReachesEveryText(t *testing.T) {
	exempt := map[string]bool{
		"Delivery": true, "Incident.Org": true, "Incident.Monitor": true, "Incident.Key": true, "Transition": true, "Cut[0]": true,
	}
	var a Alert
	eachText(reflect.ValueOf(&a).Elem(), "", func(_ string, text reflect.Value) { text.SetString("before") })
	a.Rewrite(func(string) string { return "after" })
	seen := 0
	eachText(reflect.ValueOf(&a).Elem(), "", func(name string, text reflect.Value) {
		seen++
		if want := map[bool]string{true: "before", false: "after"}[exempt[name]]; text.String() != want {
			t.Errorf("%s is %q, want %q", name, text, want)
		}
	})
	if seen < 30 {
		t.Errorf("only %d texts were looked at", seen)
	}
}

// eachText visits the texts of a value; a list has one element.
func eachText(v reflect.Value, name string, visit func(name string, text reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		visit(name, v)
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		eachText(v.Index(0), name+"[0]", visit)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			eachText(v.Field(i), strings.TrimPrefix(name+"."+v.Type().Field(i).Name, "."), visit)
		}
	}
}
