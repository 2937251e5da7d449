package setting_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// FuzzReader: whatever stands in the environment, either there is an error of one line that names a setting, or every
// choice is one of the list.
func FuzzReader(f *testing.F) {
	f.Add("", "", "")
	f.Add("start", "repeat", "yes")
	f.Add(" stop\n", "STOP", "\x00\xff")
	f.Add("drop", "stop", "no")
	f.Fuzz(func(t *testing.T, choice, doubt, yes string) {
		r := from(map[string]string{
			"ON_WARN": choice, "ON_NO_DATA": choice, "ON_TEST": choice, "IN_DOUBT": doubt, "AGENT_ALLOW_LOCAL": yes,
			"AGENT_SECRET": "s", "AGENT_HOST": "h",
		})
		p, a := r.Policy(), r.Agent()
		err := r.Err()
		if err != nil && (strings.ContainsAny(err.Error(), "\n\r\x00") || !strings.Contains(err.Error(), " must be one of ")) {
			t.Errorf("the error is %q", err)
		}
		for _, c := range []gate.Choice{p.OnWarn, p.OnNoData, p.OnTest} {
			if c != gate.DropIt && c != gate.StartIt {
				t.Errorf("a choice is %q", c)
			}
		}
		if !slices.Contains([]gate.DoubtChoice{gate.RepeatIt, gate.StopIt}, p.InDoubt) || a.AllowLocal != (strings.TrimSpace(yes) == "yes") {
			t.Errorf("in doubt: %q, local: %t", p.InDoubt, a.AllowLocal)
		}
	})
}
