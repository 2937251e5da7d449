package alert

import "testing"

func TestService(t *testing.T) {
	for _, c := range []struct {
		why  string
		a    Alert
		want string
	}{
		{"the tag", Alert{Tags: []string{"monitor", "Service:shop:api"}, Scope: []string{"service:x"}}, "shop:api"},
		{"the scope's service", Alert{Tags: []string{"service:"}, Scope: []string{"host:h", "service:x"}}, "x"},
		{"else the scope's first value", Alert{Scope: []string{"bare", "host:h", "az:1"}, Title: "T"}, "h"},
		{"else the monitor", Alert{Title: "T", Monitor: Monitor{Name: "N"}}, "N"},
		{"else the title", Alert{Title: "T"}, "T"},
		{"never nothing", Alert{}, "unknown"},
	} {
		if got := c.a.Service(); got != c.want {
			t.Errorf("%s: Service() = %q, want %q", c.why, got, c.want)
		}
	}
}

func TestSeverityString(t *testing.T) {
	for s, want := range map[Severity]string{Critical: "CRITICAL", High: "HIGH", Medium: "MEDIUM", Low: "LOW", Minimal: "MINIMAL", 0: "MINIMAL", 9: "CRITICAL"} {
		if got := s.String(); got != want {
			t.Errorf("Severity(%d) = %s, want %s", int(s), got, want)
		}
	}
}

func TestIncidentString(t *testing.T) {
	if got, want := (Incident{Org: "1", Monitor: "2", Key: "c.3"}).String(), "1/2/c.3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOwn(t *testing.T) {
	for tag, want := range map[string]bool{
		"alertbridge:event": true, " Alertbridge:EVENT ": true, "alertbridge:events": false, "alertbridge_case:ab-1": false, "event": false, "": false,
	} {
		tags, scope := Alert{Tags: []string{"env:prod", tag}}, Alert{Scope: []string{tag}}
		if tags.Own() != want || scope.Own() != want {
			t.Errorf("%q: as a tag %t, in the scope %t, want %t", tag, tags.Own(), scope.Own(), want)
		}
	}
}
