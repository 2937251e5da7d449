package policy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/match"
)

// Which routes no alert comes to, held to trying all alerts of a small world: every combination of two tags and a
// priority. The matchers are such that their values can be listed, so each answer must be right.
func TestReachIsRight(t *testing.T) {
	var world []alert.Alert
	for _, env := range []string{"", "prod", "dev", "x"} {
		for _, team := range []string{"", "pay", "core", "x"} {
			for _, priority := range []string{"", "P1", "P2", "P3", "P4", "P5"} {
				world = append(world, alert.Alert{Priority: priority, Tags: []string{"env:" + env, "team:" + team, "bare"}})
			}
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	unreached := 0
	for range 2000 {
		text := "routes:\n"
		var routes [4][]match.Matcher
		for i := range routes {
			var matchers []string
			for range 1 + random.IntN(2) {
				matchers = append(matchers, pick(
					"env = prod", "env != prod", "env =~ prod|dev", "env = ''", "env !~ prod|dev", "team = pay", "team != pay", "team =~ pay|core",
					"priority = P1", "priority =~ P[12]", "priority !~ P[1-4]", "priority != ''",
				))
				routes[i] = append(routes[i], must(matchers[len(matchers)-1]))
			}
			text += fmt.Sprintf("  - match: [\"%s\"]\n    mode: off\n", strings.Join(matchers, `", "`))
		}
		reached := map[int]bool{}
		for _, a := range world {
			for i := range routes {
				if match.All(routes[i], &a) {
					reached[i] = true
					break
				}
			}
		}
		_, err := Parse("policy.yaml", []byte(text))
		var wrong *Error
		errors.As(err, &wrong)
		for i := range 4 {
			told := wrong != nil && strings.Contains(err.Error(), fmt.Sprintf("policy.yaml:%d:", 2+2*i))
			if told == reached[i] {
				t.Fatalf("route %d is reached: %t\n%s%v", i+1, reached[i], text, err)
			}
			if told {
				unreached++
			}
		}
	}
	if unreached < 500 {
		t.Errorf("only %d routes were out of reach; does this test still try anything?", unreached)
	}
}

// However many routes with several matchers stand before them, two that leave nothing between them are found out.
func TestReachOfTwoTogether(t *testing.T) {
	text := "routes:\n"
	for i := range 30 {
		text += fmt.Sprintf("  - match: [team = t%d, service = s%d]\n    mode: off\n", i, i)
	}
	text += "  - match: [env = prod]\n    mode: full\n  - match: [env != prod]\n    mode: observe\n  - match: [severity = low]\n    mode: off\n"
	_, err := Parse("policy.yaml", []byte(text))
	if err == nil || !strings.HasPrefix(err.Error(), "policy.yaml:66:5: no alert comes to route 33: the routes before it together ") {
		t.Errorf("%v", err)
	}
}

// Where there is too much to try, what one route alone takes is still found.
func TestReachOfManyRoutes(t *testing.T) {
	text := "routes:\n"
	for i := range 40 {
		text += fmt.Sprintf("  - match: [a%d != x, b%d =~ y.*, c%d = z]\n    mode: off\n", i, i, i)
	}
	text += "  - match: [a7 = u, b7 = y, c7 = z, d = d]\n    mode: off\n"
	if _, err := Parse("policy.yaml", []byte(text)); err != nil {
		t.Errorf("a7 can be x as well: %v", err)
	}
	text += "  - match: [a7 = u, a7 != x, b7 = y1, c7 = z]\n    mode: off\n"
	if _, err := Parse("policy.yaml", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), "policy.yaml:84:5: no alert comes to route 42: route 8 in line 16 ") {
		t.Errorf("%v", err)
	}
}
