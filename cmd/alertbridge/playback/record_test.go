package playback_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/archive"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/playback"
	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/match"
	"github.com/alertbridge/alertbridge/shared/policy"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// Whatever a policy's matcher can look at is in the record of a decision, and so in an archive: a field that is added to
// package match needs a place there.
func TestRecordHasWhatMatchersLookAt(t *testing.T) {
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	a := alert.Alert{
		Delivery: "dd-1-2", Source: "datadog", OrgID: "4711", OrgName: "Example", EventID: "2",
		Incident: alert.Incident{Org: "4711", Monitor: "77", Key: "c.2", Cycle: true},
		Monitor:  alert.Monitor{ID: "77", Name: "Search is slow", Type: "composite"}, Transition: alert.Triggered,
		Severity: alert.Medium, Priority: "P3", AlertType: "error", Time: noon, Title: "Search is slow", Hostname: "web-1",
		Scope: []string{"az:a"}, Tags: []string{"env:prod", "monitor:x"},
	}
	meets := map[string]string{
		"monitor": "77", "monitor_name": "Search is slow", "monitor_type": "composite", "title": "Search is slow", "priority": "P3",
		"transition": "Triggered", "alert_type": "error", "org": "4711", "org_name": "Example", "host": "web-1",
		"env": "prod", "az": "a", "tag:monitor": "x",
	}
	source := docstest.Read(t, "shared/match/field.go")
	_, source, _ = strings.Cut(source, "var fields = map")
	source, _, _ = strings.Cut(source, "\n}")
	names := regexp.MustCompile(`"([a-z_]+)":`).FindAllStringSubmatch(source, -1)
	if len(names) < 10 {
		t.Fatalf("%d fields; does this test still read them?", len(names))
	}
	for _, n := range names {
		if meets[n[1]] == "" {
			t.Errorf("this test has no value for %s, and perhaps the record neither", n[1])
		}
	}
	w := &playback.World{Name: "x", Begin: noon, End: noon.Add(time.Hour), Arrivals: []playback.Arrival{{At: noon, Alert: a}}}
	var log bytes.Buffer
	handler := telemetry.Logger(telemetry.Config{Function: "alertbridge-dispatcher", Out: &log}).Handler()
	if _, err := playback.Play(t.Context(), w, policy.Default(), playback.Watch{Log: handler}); err != nil {
		t.Fatal(err)
	}
	list, _, err := archive.Collect(&log)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d alerts, %v", len(list), err)
	}
	for name, value := range meets {
		m, err := match.New(name, match.Is, value)
		if err != nil {
			t.Fatal(err)
		}
		if !m.Meets(&a) || !m.Meets(&list[0].Alert) {
			t.Errorf("%s meets the alert: %t, and what its record tells: %t", m, m.Meets(&a), m.Meets(&list[0].Alert))
		}
	}
	if list[0].Alert.Incident != a.Incident || list[0].Alert.Severity != a.Severity || list[0].Alert.OrgID != a.OrgID {
		t.Errorf("%+v", list[0].Alert)
	}
}
