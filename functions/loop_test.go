package functions_test

import (
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// A monitor that looks at the events which the bridge makes in Datadog, and has the bridge's webhook in its message, sends
// what was told back to who told it. That ends there: nothing is opened, nothing is told, however severe it claims to be.
func TestNoLoopCanStart(t *testing.T) {
	w := newTelling(t)
	first := w.triggers("A", func(a *alert.Alert) { a.Severity, a.Priority = alert.Critical, "P1" })
	w.tick(time.Minute)
	told := w.events.Events()
	if len(told) == 0 {
		t.Fatal("nothing was told, so nothing could come back")
	}
	for i, e := range told {
		back := w.triggers("back", func(a *alert.Alert) {
			a.Severity, a.Priority = alert.Critical, "P1"
			a.Tags = slices.Concat(a.Tags, e.Tags)
			a.Delivery += string(rune('a' + i))
		})
		w.want(back, gate.Drop, gate.IsOwn)
	}
	calls := len(w.agent.asked)
	w.ticks(30 * time.Minute)
	if got := len(w.agent.asked); got != calls {
		t.Errorf("%d calls more to the Agent", got-calls)
	}
	for _, e := range w.events.Events() {
		if !slices.Contains(e.Tags, "alertbridge_case:"+first.Case) {
			t.Errorf("the bridge answers itself: %+v", e)
		}
	}
}
