package gate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// An alert that is dropped notes its organisation with the account, where that does not name it yet. All else notes nothing.
func TestOrganisationOfADroppedAlertIsNoted(t *testing.T) {
	var full []string
	for i := range MaxOrgs {
		full = append(full, fmt.Sprint(2000+i))
	}
	for _, row := range []struct {
		name  string
		mode  Mode
		org   string
		known []string
		noted string
	}{
		{"dropped", ModeOff, "1200", nil, "1200"},
		{"dropped, others are known", ModeOff, "1200", []string{"1199", "1201"}, "1200"},
		{"dropped, it is known", ModeOff, "1200", []string{"1199", "1200"}, ""},
		{"dropped, one place is left", ModeOff, "1200", full[1:], "1200"},
		{"dropped, so many are known", ModeOff, "1200", full, ""},
		{"dropped, it names none", ModeOff, "-", nil, ""},
		{"dropped, without an incident", ModeOff, "", nil, ""},
		{"dropped, a long name", ModeOff, strings.Repeat("9", 64), nil, strings.Repeat("9", 64)},
		{"dropped, a name that is too long", ModeOff, strings.Repeat("9", 65), nil, ""},
		{"observed", ModeObserve, "1200", nil, ""},
		{"started", ModeFull, "1200", nil, ""},
	} {
		r := DefaultRules()
		r.Mode, r.Agent = row.mode, "default"
		a := said("d1", alert.Triggered, noon, "cycle")
		a.Incident.Org = row.org
		v := viewOf(Incident{Key: a.Incident}, Case{})
		v.Account.Orgs = row.known
		dec := Arrive(v, arrivalOf(a), r, noon)
		got := ""
		if w := dec.Change.Account; w != nil {
			if got = w.Org; w.Agent != "default" {
				t.Errorf("%s: it writes the account of %q", row.name, w.Agent)
			}
		}
		if got != row.noted || (dec.Verdict == Drop) != (row.mode == ModeOff) {
			t.Errorf("%s: %s, and %q is noted, want %q", row.name, dec.Verdict, got, row.noted)
		}
	}
}
