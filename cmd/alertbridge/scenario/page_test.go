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
		"scenario": namesOfScenario, "monitor": namesOfMonitor, "alert": namesOfAlert, "agent": namesOfAgent, "investigation": namesOfInvestigation,
		"hand": namesOfHand, "fault": namesOfFault, "expect": namesOfExpect, "start": namesOfStart, "end": namesOfEnd,
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
	number := 0
	cell := func(table, name string) string {
		for _, r := range docstest.Table(t, page, table) {
			if r["name"] == name {
				return r["what it is"]
			}
		}
		return ""
	}
	check := func(table, name string, list []string) {
		number += len(list)
		for _, w := range list {
			if !strings.Contains(cell(table, name), w) {
				t.Errorf("the page does not say that %s of %s may be %s", name, table, w)
			}
		}
	}
	var severities []string
	for s := alert.Minimal; s <= alert.Critical; s++ {
		severities = append(severities, s.String())
	}
	check("alert", "transition", words(alert.Transitions()))
	check("agent", "is", words(AgentStates()))
	check("investigation", "ends", words(Endings()))
	check("hand", "mode", words(gate.Modes()))
	check("fault", "fault", words(kindsOfFaults()))
	check("fault", "in", words(functions()))
	check("fault", "step", words(steps()))
	check("start", "severity", severities)
	check("end", "how", words(endsOfCases()))
	if number < 50 {
		t.Errorf("only %d words", number)
	}
}

func words[T ~string](list []T) (all []string) {
	for _, w := range list {
		all = append(all, string(w))
	}
	return all
}

// What each fault has is on the page.
func TestFaultsAreOnThePage(t *testing.T) {
	var told []string
	for _, r := range docstest.Table(t, page, "faults") {
		told = append(told, r["fault"]+": "+r["has"])
	}
	var has []string
	for _, k := range kindsOfFaults() {
		has = append(has, string(k)+": "+or(strings.Join(k.Takes(), ", "), "–"))
	}
	slices.Sort(told)
	slices.Sort(has)
	if !slices.Equal(told, has) {
		t.Errorf("the page says\n%q\nand it is\n%q", told, has)
	}
}
