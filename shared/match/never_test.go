package match

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
)

func TestNever(t *testing.T) {
	for list, want := range map[string]bool{
		"":                                            false,
		"env = prod":                                  false,
		"env = prod; env != prod":                     true,
		"env = prod; env = dev":                       false, // a tag can be there twice
		"env = prod; env = \"\"":                      true,
		"env = prod; env !~ .*":                       true,
		"env = prod; env !~ prod|dev":                 true,
		"env = prod; env !~ pro.*":                    true,
		"env =~ prod|stage; env != prod":              false,
		"env =~ prod|stage; env !~ prod|stage":        true,
		"env =~ prod|stage; env !~ p.*; env != stage": true,
		"env =~ pr.*; env !~ pr.*":                    true,  // in the same words
		"env =~ pr.*; env !~ p.*":                     false, // as far as is known
		"env != prod; env != \"\"":                    false,
		"env =~ ^prod$; env != prod":                  true, // as many write it, though it matches as a whole anyway
		"env = prod; env !~ ^(prod|dev)$":             true,
		"env = prod; env !~ ^(.*)$":                   true,
		"env !~ ^^.*$$":                               true,
		"env !~ .*^":                                  false, // which meets the empty value alone
		"env !~ $.*":                                  false,
		"env !~ ^$.*":                                 false,
		"env !~ (.+); env != \"\"":                    true,
		"env =~ a^b":                                  true,
		"env !~ ^$":                                   false,
		"env !~ .+; env != \"\"":                      true,
		"env !~ .+":                                   false, // it may have none
		"env !~ .*":                                   true,
		"monitor = 77; monitor = 78":                  true, // of a field there is one
		"monitor =~ 7[0-9]; monitor = 78":             false,
		"monitor =~ 7[0-9]; monitor = 88":             true,
		"monitor != 77; monitor = 78":                 false,
		"Monitor = 77; monitor != 77":                 true,
		"monitor !~ .+; monitor != \"\"":              true,
		"monitor !~ .+":                               false,
		"tag:monitor = a; tag:MONITOR = b":            false,
		"alert_type = Error":                          true, // an alert has it in small letters
		"alert_type =~ Error|warning":                 false,
		"alert_type != Error":                         false,
		"host = a; host = b":                          false,
		"priority != P1; priority != P2; priority != P3; priority != P4; priority != P5; priority != \"\"": true,
		"priority != P1; priority != P2; priority != P3; priority != P4; priority != P5":                   false,
		"priority =~ P.; priority !~ P[1-5]":                                                               true,
		"transition = Warn; transition =~ No.*":                                                            true,
		"transition =~ Re-.*; transition != Re-Triggered":                                                  false,
		"team =~ a?b; team != b; team != ab":                                                               true,
		"team =~ (?i)a; team != A":                                                                         false,
		"team =~ (?i)a; team != a":                                                                         false,
		"team =~ [a-z]{3}; team != aaa":                                                                    false,
		"env = prod; team = x; env != dev; team != y":                                                      false,
	} {
		var matchers []Matcher
		for _, text := range strings.Split(list, "; ") {
			if text != "" {
				matchers = append(matchers, parsed(t, text))
			}
		}
		if got := Never(matchers); got != want {
			t.Errorf("%s: %t, want %t", list, got, want)
		}
	}
}

// What no alert is said to meet, none does: tried with random matchers and alerts of few values.
func TestNeverIsNeverWrong(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	said := 0
	for range 20000 {
		var list []Matcher
		for range 1 + random.IntN(4) {
			op := pick("=", "!=", "=~", "!~")
			value := pick("a", "b", "")
			if strings.HasSuffix(op, "~") {
				value = pick("a|b", "a?", ".*", ".+", "[ab]", "a.*", "b")
				for random.IntN(4) == 0 { // at the beginning, the end and elsewhere
					value = pick(value+pick("^", "$"), pick("^", "$")+value, "("+value+")", value+pick(".*", "b?", "|a"))
				}
			}
			list = append(list, parsed(t, fmt.Sprintf("%s %s %q", pick("t", "monitor", "host"), op, value)))
		}
		if !Never(list) {
			continue
		}
		said++
		for _, tags := range [][]string{nil, {"a"}, {"b"}, {"a", "b"}, {"ab"}, {"c"}, {"a", "c"}} {
			for _, id := range []string{"", "a", "b", "ab", "c"} {
				a := &alert.Alert{Monitor: alert.Monitor{ID: id}}
				for _, v := range tags {
					a.Tags = append(a.Tags, "t:"+v, "host:"+v)
				}
				if All(list, a) {
					t.Fatalf("%v: no alert is said to meet them, and %v does", list, a)
				}
			}
		}
	}
	if said < 1000 {
		t.Errorf("only %d of the random lists can never be met; does this test still try anything?", said)
	}
}

func TestImpossible(t *testing.T) {
	for text, want := range map[string]string{
		"priority = P2":                              "",
		"priority = \"\"":                            "",
		"priority =~ P.":                             "",
		"priority = p2":                              `priority is never "p2"; it is one of P1, P2, P3, P4, P5, or empty`,
		"priority != critical":                       `priority is never "critical"; it is one of P1, P2, P3, P4, P5, or empty`,
		"transition = Alert":                         `transition is never "Alert"; it is one of Triggered, Re-Triggered, Renotify, Warn, Re-Warn, No Data, Re-No Data, Recovered, Unknown, or empty`,
		"tag:priority = p2":                          "",
		"monitor = 24018841":                         "",
		`monitor = ""`:                               "", // an alert without one
		"tag:monitor = abc":                          "",
		"monitor_name = abc":                         "",
		"monitor = abc":                              noMonitor("abc"),
		"monitor != abc":                             noMonitor("abc"),
		"monitor = #24018841":                        noMonitor("#24018841"),
		"monitor = 24018841x":                        noMonitor("24018841x"),
		"monitor = ٣":                                noMonitor("٣"), // a digit, and none of Datadog's
		"Monitor = Checkout answers slowly":          "Monitor" + strings.TrimPrefix(noMonitor("Checkout answers slowly"), "monitor"),
		"monitor = m-" + alert.Hash("-", "Checkout"): noMonitor("m-" + alert.Hash("-", "Checkout")), // as its incident has it
		"monitor =~ [a-z]+":                          noMonitor("[a-z]+"),
		"monitor =~ m-.*":                            noMonitor("m-.*"),
		"monitor =~ (#[0-9]+)":                       noMonitor("(#[0-9]+)"),
		"monitor =~ abc|x{2}":                        noMonitor("abc|x{2}"),
		"monitor =~ abc|24018841":                    "",
		"monitor =~ ^(?i:12)[3-9a]":                  "",
		"monitor =~ x?1{3}":                          "",
		"monitor =~ [a-z]*":                          "", // which the empty one is
		"monitor =~ x{0,2}":                          "",
		"monitor =~ .+":                              "",
		"monitor !~ \\d+":                            "",
		"monitor =~ 240.*":                           "",
	} {
		if got := Impossible(parsed(t, text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func noMonitor(value string) string {
	return fmt.Sprintf("monitor is never %q; it is the monitor's number, such as 24018841, or empty; the monitor's name is monitor_name", value)
}

// No expression is said to be about no monitor that matches a number: tried with random ones.
func TestImpossibleIsNeverWrong(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{"1", "a", "[a-z]", "[0-9]", "[^1]", ".", "x*", "2+", "b+", "(a|2)", "(a|b)", "2{2}", "a{0,1}", "c{1,2}", "^", "$", "\\b", "\\d", "\\D", "(?i:A1)", "|"}
	numbers := []string{""}
	for n := range 1000 {
		numbers = append(numbers, fmt.Sprint(n))
	}
	said := 0
	for range 5000 {
		text := ""
		for range 1 + random.IntN(4) {
			text += parts[random.IntN(len(parts))]
		}
		m, err := New("monitor", Matches, text)
		if err != nil || Impossible(m) == "" {
			continue
		}
		said++
		for _, n := range numbers {
			if m.Meets(&alert.Alert{Monitor: alert.Monitor{ID: n}}) {
				t.Fatalf("%q is said to be about no monitor, and matches %q", text, n)
			}
		}
	}
	if said < 500 {
		t.Errorf("only %d of the random expressions are about no monitor; does this test still try anything?", said)
	}
}

func TestListed(t *testing.T) {
	for text, want := range map[string][]string{
		"x =~ a|b|":       {"a", "b", ""},
		"x =~ P[12]":      {"P1", "P2"},
		"x =~ prod|pre":   {"prod", "pre"},
		"x =~ a{2}":       nil,
		"x =~ ^a$":        {"a"},
		"x =~ ^a|b$":      {"a", "b"},
		"x =~ ^(a|b\\b)$": {"a", "b"},
		"x =~ a^b|c":      {"c"}, // and not ab, which it does not match
		"x =~ .":          nil,
		"x =~ a.*":        nil,
		"x != a":          nil,
		"x = a.*":         {"a.*"},
		"x =~ [a-z][a-z]": nil,
	} {
		m := parsed(t, text)
		got := m.lists()
		slices.Sort(got)
		want = slices.Sorted(slices.Values(want))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
