package policy

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Whatever is given as a policy: it is never worse than an error with places, and what is read says of any alert what
// the gate can work with.
func FuzzParse(f *testing.F) {
	f.Add([]byte(docstest.Read(f, "policy.yaml")), "prod", 3, 0)
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content, "prod,~/=", i%7, i%9)
	}
	f.Fuzz(func(t *testing.T, content []byte, env string, severity, transition int) {
		p, err := Parse("policy.yaml", content)
		if err != nil {
			var wrong *Error
			if !errors.As(err, &wrong) {
				t.Fatalf("the error is a %T", err)
			}
			checkProblems(t, content, wrong)
			return
		}
		a := stormAlert()
		a.Tags = append(a.Tags[:len(a.Tags)-1], "env:"+env)
		a.Severity = alert.Severity(severity)
		a.Transition = alert.Transitions()[max(transition, 0)%len(alert.Transitions())]
		checkRules(t, p, p.For(a))
	})
}

// checkRules holds what the gate relies on.
func checkRules(t *testing.T, p *Policy, r gate.Rules) {
	t.Helper()
	var names []string
	for _, k := range r.Keys {
		names = append(names, k.Name)
		if k.Name == "" || len(k.Name) > 1000 || k.For < 0 {
			t.Errorf("the grouping key %v", k)
		}
	}
	slices.Sort(names)
	switch {
	case len(r.Keys) > gate.MaxKeys || len(slices.Compact(names)) != len(r.Keys):
		t.Errorf("%d keys, of which some are too many or the same: %v", len(r.Keys), r.Keys)
	case !slices.Contains(gate.Modes(), r.Mode):
		t.Errorf("the mode is %q", r.Mode)
	case r.Severity < alert.Minimal || r.Severity > alert.Critical:
		t.Errorf("the severity is %d", r.Severity)
	case !slices.Contains(p.Agents(), r.Agent):
		t.Errorf("the agent %q is none of %v", r.Agent, p.Agents())
	case r.Slots < 1 || r.Slots > gate.MaxRunning || r.CriticalSlots < 0 || r.CriticalSlots >= r.Slots:
		t.Errorf("%d slots, %d for critical cases", r.Slots, r.CriticalSlots)
	case r.Flap.Cycles < 0 || r.Flap.Cycles > gate.MaxCycles || r.Flap.Cycles > 0 && (r.Flap.Within <= 0 || r.Group == ""):
		t.Errorf("flapping is %v of %q", r.Flap, r.Group)
	case r.Storm.Cases < 0 || r.Storm.Cases > gate.MaxOpened || r.Storm.Cases > 0 && (r.Storm.Within <= 0 || r.Surge == ""):
		t.Errorf("a storm is %v of %q", r.Storm, r.Surge)
	case r.Budget.Case <= 0 || r.Budget.Month < 0 || r.Budget.Month > 0 && r.Budget.Case > r.Budget.Month || r.Budget.Bucket < 1:
		t.Errorf("the budget is %+v", r.Budget)
	case r.MaxAge <= r.Hold || r.MaxAge <= r.LateHold || r.Storm.Cases > 0 && r.MaxAge <= r.Storm.Within || r.Hold < 0 || r.LateHold < 0 || r.Fresh < 0 || r.Window < 0 || r.Quiet <= 0 || r.Estimate < time.Second:
		t.Errorf("times that cannot be: %+v", r)
	}
	for name, place := range r.Source {
		if place == "" {
			t.Errorf("%s stands nowhere", name)
		}
	}
}
