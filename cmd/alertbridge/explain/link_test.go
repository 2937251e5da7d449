package explain_test

import (
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/explain"
)

// The Agent's own page is shown of a case of which a task is known, and of no other.
func TestLink(t *testing.T) {
	s := explain.Story{Found: true, Cases: []explain.Case{
		{ID: "ab-1", State: "started", Cost: "nothing", Investigation: &caseview.Investigation{Task: "task-1"}},
		{ID: "ab-2", State: "started", Cost: "nothing", Investigation: &caseview.Investigation{}},
		{ID: "ab-3", State: "waiting", Cost: "nothing"},
	}}
	s.Link(func(task string) string { return "https://agent.example/" + task })
	var out strings.Builder
	if err := explain.Write(&out, s); err != nil {
		t.Fatal(err)
	}
	want := "Cases and what they cost\n" +
		"  ab-1  started, nothing\n        the Agent's own page: https://agent.example/task-1\n" +
		"  ab-2  started, nothing\n  ab-3  waiting, nothing\n"
	if out.String() != want {
		t.Errorf("it prints\n%q, want\n%q", out.String(), want)
	}
}
