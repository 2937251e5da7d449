package match

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// A P2 of production, with two teams, one tag without a value and one whose value has a colon.
func sample() *alert.Alert {
	return &alert.Alert{
		OrgID: "1200", OrgName: "Shop", Monitor: alert.Monitor{ID: "77", Name: "Checkout is slow", Type: "query_alert_monitor"},
		Title: "Checkout is slow on web-1", Priority: "P2", Transition: alert.Triggered, AlertType: "error",
		Tags:  []string{"env:prod", "team:pay", "team:core", "Region:eu", "bare", "image:shop:417", "monitor:synthetic", "zone:", "zone:a"},
		Scope: []string{"shard:3"},
	}
}

func TestMeets(t *testing.T) {
	for text, want := range map[string]bool{
		`env = prod`:                true,
		`env=prod`:                  true,
		`env = "prod"`:              true,
		`env = 'prod'`:              true,
		`env = Prod`:                false, // values are compared with regard to case
		`ENV = prod`:                true,  // names are not
		`region = eu`:               true,
		`env != prod`:               false,
		`env != dev`:                true,
		`team = core`:               true,  // one of several
		`team != core`:              false, // and then not none
		`team != data`:              true,
		`team =~ pay.*|x`:           true,
		`team =~ pa`:                false, // as a whole
		`team =~ ay`:                false,
		`team =~ "c(or|ar)e"`:       true,
		`host !~ "web-\d+"`:         true, // a backslash that escapes nothing stands for itself
		`title =~ "(ab?){0,149}.*"`: true, // as large as an expression can be
		`title =~ ".*web-\d"`:       true,
		`title =~ ".*web-\\d"`:      true,
		`team !~ pa`:                true,
		`team !~ pay|data`:          false,
		`service = ""`:              true, // there is none
		`service =`:                 true,
		`service != ""`:             false,
		`service !~ .+`:             true,
		`service =~ .*`:             true,
		`env = ""`:                  false,
		`bare = ""`:                 true,  // a tag without a value has none
		`zone = ""`:                 false, // one that has none beside one that has
		`zone = a`:                  true,
		`image = shop:417`:          true,
		`shard = 3`:                 true, // the scope has tags too

		`monitor = 77`:                          true,
		`monitor = synthetic`:                   false, // fields hide tags
		`tag:monitor = synthetic`:               true,
		`TAG:Monitor = synthetic`:               true,
		`monitor_name = "Checkout is slow"`:     true,
		`monitor_name = Checkout is slow`:       true,
		`monitor_type =~ query_alert.*`:         true,
		`title =~ .*web-[0-9]`:                  true,
		`priority =~ P[12]`:                     true,
		`Priority = P2`:                         true,
		`transition = Triggered`:                true,
		`alert_type = error`:                    true,
		`org = 1200`:                            true,
		`org_name = Shop`:                       true,
		`host = ""`:                             true,
		`tag:host = ""`:                         true,
		`title =~ "(?i)checkout is slow on .*"`: true,
	} {
		m, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		a := sample()
		if got := m.Meets(a); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
		not := m.Not()
		if not.Meets(a) == want {
			t.Errorf("%s and its contrary %s are both %t", text, not, want)
		}
	}
}

// The host is the alert's own, and the tag where it has none.
func TestHost(t *testing.T) {
	a := sample()
	a.Tags = append(a.Tags, "host:from-tag")
	for _, row := range []struct {
		hostname, text string
		want           bool
	}{
		{"", "host = from-tag", true},
		{"web-1", "host = web-1", true},
		{"web-1", "host = from-tag", false},
		{"web-1", "tag:host = from-tag", true},
	} {
		a.Hostname = row.hostname
		if m := parsed(t, row.text); m.Meets(a) != row.want {
			t.Errorf("%s with the host %q: not %t", row.text, row.hostname, row.want)
		}
	}
	if got := Value(a, "host"); got != "web-1" {
		t.Errorf("its host is %q, want web-1", got)
	}
	a.Hostname = ""
	if got := Value(a, "host"); got != "from-tag" {
		t.Errorf("its host is %q, want that of the tag", got)
	}
}

// What a dot matches is any character, for .* must mean every value.
func TestDotMatchesNewLines(t *testing.T) {
	a := sample()
	a.Title = "two\nlines"
	if m := parsed(t, "title =~ two.lines"); !m.Meets(a) {
		t.Error("it does not match a new line")
	}
}

func TestValue(t *testing.T) {
	for name, want := range map[string]string{
		"env": "prod", "team": "pay", "REGION": "eu", "monitor": "77", "tag:monitor": "synthetic", "priority": "P2",
		"nothing": "", "bare": "", "host": "", "org": "1200",
	} {
		if got := Value(sample(), name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestAll(t *testing.T) {
	a := sample()
	if !All(nil, a) {
		t.Error("no matchers at all do not meet every alert")
	}
	if !All([]Matcher{parsed(t, "env = prod"), parsed(t, "team = pay")}, a) || All([]Matcher{parsed(t, "env = prod"), parsed(t, "team = x")}, a) {
		t.Error("all of several must meet")
	}
	if new(Matcher).Meets(a) {
		t.Error("the zero value meets something")
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                `"" has none of =, !=, =~, !~`,
		"env":                             `"env" has none of =, !=, =~, !~`,
		"env ! prod":                      `"env ! prod" has none of =, !=, =~, !~`,
		"env ~ prod":                      `"env ~ prod" has none of =, !=, =~, !~`,
		"= prod":                          `a matcher has no name; write it like service = checkout`,
		"tag: = x":                        `a matcher has no name; write it like service = checkout`,
		"env == prod":                     `"==" compares nothing; use =, !=, =~ or !~, and quotes where the value begins with one of these`,
		"env =! prod":                     `"=!" compares nothing; use =, !=, =~ or !~, and quotes where the value begins with one of these`,
		"my env = prod":                   `"my env" is no name of a field or a tag; write a matcher like service = checkout`,
		`{env="prod"}`:                    "\"{env=\\\"prod\\\"}\" is a list of matchers in braces; write each by itself and without them",
		`env = "prod`:                     `the value "prod begins with a quote that does not end`,
		`env = "`:                         `the value " begins with a quote that does not end`,
		`env = "a"b"`:                     `the value "a"b" is not quoted rightly; a quote or a last backslash within is written \" or \\`,
		`env = 'a'b'`:                     `the value 'a'b' has a quote in the middle; write it between " and "`,
		"env:prod":                        `"env:prod" has none of =, !=, =~, !~; the tag env:prod is meant by env = prod`,
		"a b:c":                           `"a b:c" has none of =, !=, =~, !~`,
		"tag:env":                         `"tag:env" has none of =, !=, =~, !~`,
		"env:prod = yes":                  `"env:prod" is the name of no tag, for these end at their first colon; the tag env:prod is meant by env = prod`,
		"Tag:env:prod = yes":              `"Tag:env:prod" is the name of no tag, for these end at their first colon; the tag env:prod is meant by env = prod`,
		"host =~ (ab?){151}":              `"(ab?){151}" is too large a regular expression: with its repetitions written out it has more than 300 characters`,
		"host =~ (a{0,}b{0,}){151}":       `"(a{0,}b{0,}){151}" is too large a regular expression: with its repetitions written out it has more than 300 characters`,
		"host =~ (.{0,}){301}":            `"(.{0,}){301}" is too large a regular expression: with its repetitions written out it has more than 300 characters`,
		`host =~ (?:\b|){301}`:            `"(?:\\b|){301}" is too large a regular expression: with its repetitions written out it has more than 300 characters`,
		"host =~ ((a{9,}){9}){9}":         `"((a{9,}){9}){9}" is too large a regular expression: with its repetitions written out it has more than 300 characters`,
		"env =~ (":                        "\"(\" is no regular expression: error parsing regexp: missing closing ): `(`",
		"env =~ a)|(b":                    "\"a)|(b\" is no regular expression: error parsing regexp: unexpected ): `a)|(b`",
		strings.Repeat("n", 101) + "=x":   `the name "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"… of a matcher is longer than 100 bytes`,
		"env=" + strings.Repeat("x", 301): `the value for env is longer than 300 bytes`,
	} {
		if m, err := Parse(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, %v, want %s", text, m, err, want)
		}
	}
	if _, err := New("env", "~=", "x"); err == nil || err.Error() != `"~=" compares nothing; use =, !=, =~ or !~` {
		t.Errorf("an operator that there is not: %v", err)
	}
}

// A matcher is kept as text, in silences and in records.
func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"env=prod":              `"env = \"prod\""`,
		"team =~ pay.*|core":    `"team =~ \"pay.*|core\""`,
		`title != "a \"b\" \\"`: `"title != \"a \\\"b\\\" \\\\\""`,
		`title !~ ' a'`:         `"title !~ \" a\""`,
	} {
		written, err := json.Marshal(parsed(t, text))
		if err != nil || string(written) != want {
			t.Errorf("%s is written %s, %v, want %s", text, written, err, want)
		}
		var back Matcher
		if err := json.Unmarshal(written, &back); err != nil || back.String() != parsed(t, text).String() || back.expr == nil != (parsed(t, text).expr == nil) {
			t.Errorf("%s is read as %v, %v", written, back, err)
		}
	}
	var m Matcher
	if err := json.Unmarshal([]byte(`"env"`), &m); err == nil {
		t.Error("what is no matcher is read as one")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`env = prod`, `team !~ .*^`, `team=~"a|b"`, `title !~ '\d+'`, `x!="\xff\"\\"`, `tag:a.b/c != ü`, `=`, `a=~(((`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse(text)
		if err != nil {
			return
		}
		back, err := Parse(m.String())
		if err != nil {
			t.Fatalf("%q is written %s, which is not read: %v", text, m, err)
		}
		if back.Name != m.Name || back.Op != m.Op || back.Value != m.Value || back.field != m.field || back.tag != m.tag {
			t.Fatalf("%q is written %s, which is read as %#v", text, m, back)
		}
		a, not := sample(), m.Not()
		if m.Meets(a) == not.Meets(a) {
			t.Fatalf("%s and %s say the same", m, not)
		}
		if Never([]Matcher{m}) && m.Meets(a) {
			t.Fatalf("no alert is said to meet %s, and one does", m)
		}
	})
}

func parsed(t testing.TB, text string) Matcher {
	t.Helper()
	m, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
