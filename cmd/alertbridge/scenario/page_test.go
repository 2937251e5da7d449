package scenario

import (
	"slices"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

const page = "docs/play.md"

// The page tells of every name that there is, and of no other.
func TestNamesAreOnThePage(t *testing.T) {
	for table, names := range map[string][]string{
		"scenario": namesOfScenario, "monitor": namesOfMonitor, "alert": namesOfAlert, "agent": namesOfAgent,
		"hand": namesOfHand, "expect": namesOfExpect, "start": namesOfStart, "end": namesOfEnd,
	} {
		var told []string
		for _, r := range docstest.Table(t, page, table) {
			told = append(told, r["name"])
		}
		slices.Sort(told)
		if names = slices.Sorted(slices.Values(names)); !slices.Equal(told, names) {
			t.Errorf("the page tells of %v in %s, and there are %v", told, table, names)
		}
	}
}

// Every word that may stand somewhere is on the page where it may.
func TestWordsAreOnThePage(t *testing.T) {
	var words []string
	cell := func(table, name string) string {
		for _, r := range docstest.Table(t, page, table) {
			if r["name"] == name {
				return r["what it is"]
			}
		}
		return ""
	}
	check := func(table, name string, list []string) {
		words = append(words, list...)
		for _, w := range list {
			if !strings.Contains(cell(table, name), w) {
				t.Errorf("the page does not say that %s of %s may be %s", name, table, w)
			}
		}
	}
	var transitions, states, modes, severities, ends []string
	for _, v := range alert.Transitions() {
		transitions = append(transitions, string(v))
	}
	for _, v := range AgentStates() {
		states = append(states, string(v))
	}
	for _, v := range gate.Modes() {
		modes = append(modes, string(v))
	}
	for s := alert.Minimal; s <= alert.Critical; s++ {
		severities = append(severities, s.String())
	}
	for _, v := range []gate.How{gate.EndRecovered, gate.EndExpired, gate.EndSilenced, gate.EndObserved, gate.EndAssumed} {
		ends = append(ends, string(v))
	}
	check("alert", "transition", transitions)
	check("agent", "is", states)
	check("hand", "mode", modes)
	check("start", "severity", severities)
	check("end", "how", ends)
	if len(words) < 25 {
		t.Errorf("only %d words", len(words))
	}
}
