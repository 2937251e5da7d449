package match

import "testing"

func TestMisspelt(t *testing.T) {
	for _, row := range []struct{ name, want string }{
		{"priorty", "priority"},          // one is missing
		{"prriority", "priority"},        // one too many
		{"moniter_name", "monitor_name"}, // another
		{"monitor-type", "monitor_type"},
		{"Tilte", "title"}, // two the wrong way round; and names are compared without regard to case
		{"servce", "service"},
		{"evn", "env"},
		{"envs", "env"},
		{"orgname", "org_name"},
		{"kube_namspace", "kube_namespace"},
		{"hots", "host"},
		{"priority", ""}, // a field
		{"Host", ""},
		{"service", ""}, // a usual tag
		{"availability_zone", ""},
		{"availability-zone", ""},
		{"tag:priorty", ""}, // somebody means it
		{"TAG:servce", ""},
		{"tag:monitor", ""},
		{"role", ""}, // far from all
		{"prioty", ""},
		{"environment", ""},
		{"monitor_id", ""},
		{"owner", ""},
		{"vesrino", ""}, // two slips
		{"e", ""},
	} {
		if got := Misspelt(row.name); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}
