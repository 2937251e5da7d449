package datadog

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// captured is what is known of real deliveries that others have published: file name, and what a person reads in it.
var captured = map[string]struct {
	transition alert.Transition
	monitor    string
	kind       string // of the incident's key
	severity   alert.Severity
	test       bool
	service    string
	delivery   string
}{
	// A recovery with the default payload: the priority and the group are in the title, the monitor in the links.
	"nudgebee-error-tracking-recovered-p2.with-headers.json": {
		alert.Recovered, "8249055", "s." + alert.Hash("issue.id:655bd304-5322-11f0-80d4-da7ad0900000"), alert.High, false,
		"655bd304-5322-11f0-80d4-da7ad0900000", "dd-1300568798-8169025783718885557",
	},
	"nudgebee-error-tracking-triggered-p2.json": {
		alert.Triggered, "8249055", "s." + alert.Hash("issue.id:2df20914-58c8-11f0-b092-da7ad0900000"), alert.High, false,
		"2df20914-58c8-11f0-b092-da7ad0900000", "dd-1300568798-8179565223078592612",
	},
	// The title has no group; the link to the monitor has.
	"nudgebee-metric-triggered-p1.with-headers.json": {
		alert.Triggered, "8248529", "s." + alert.Hash("host:k3s-example-node-pool-a6e3h"), alert.Critical, false,
		"k3s-example-node-pool-a6e3h", "dd-1300568798-8166212983446713351",
	},
	// Groups alert and event, with an aggregation key. No priority: the alert type, error and warning.
	"nudgebee-query-alert-triggered-aws-asg.json": {
		alert.Triggered, "266154777", "g.3f63d7b1a675db4d4f79cb6efcbb8afc", alert.High, false,
		"XYZ Dev - Web ASG At Max Capacity", "dd-9999999-8544055141553603107",
	},
	"nudgebee-query-alert-warn.json": {
		alert.Warn, "266155000", "g.abc123def456", alert.Medium, false,
		"XYZ Dev - RDS High Write Latency", "dd-9999999-8546376597550758824",
	},
	// One Synthetics monitor: two notifications of one group, no link to a monitor in either.
	"nudgebee-synthetics-re-triggered-p4.json": {
		alert.ReTriggered, "166187407", "g.73e071f5c67d33400f240ec415c2d48e", alert.Low, false,
		"[Synthetics] API Test on myapp/api", "dd-9999999-8549000000000000001",
	},
	"nudgebee-synthetics-triggered-p3-null-incident.json": {
		alert.Triggered, "166187407", "g.73e071f5c67d33400f240ec415c2d48e", alert.Medium, false,
		"[Synthetics] XYZ - A monitor that always fails", "dd-9999999-8543404741724441201",
	},
	"puppet-test-notification-2020.json": {
		alert.Triggered, "18692904", "t.5485379890863845239", alert.High, true,
		"Host Cluster Alert", "dd-415600-5485379890863845239",
	},
}

// The captures are not in the repository; ALERTBRIDGE_SAMPLES names a folder that has them. testdata holds deliveries
// of the same shapes with names of our own.
func TestCapturedDeliveries(t *testing.T) {
	folder := os.Getenv("ALERTBRIDGE_SAMPLES")
	if folder == "" {
		t.Skip("ALERTBRIDGE_SAMPLES names no folder of captured deliveries")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures in %s: %v", folder, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			a, err := Decode(capturedBody(t, file), received, nil)
			if err != nil {
				t.Fatal(err)
			}
			sound(t, a)
			want, ok := captured[name]
			if !ok {
				t.Skipf("no row for it in the table; it decodes to %s %s, incident %s", a.Transition, a.Severity, a.Incident)
			}
			got := want
			got.transition, got.monitor, got.kind, got.severity = a.Transition, a.Incident.Monitor, a.Incident.Key, a.Severity
			got.test, got.service, got.delivery = a.Test, a.Service(), a.Delivery
			if got != want {
				t.Errorf("\n got %+v\nwant %+v", got, want)
			}
			// None of them has a cycle key, so an aggregation key names the incident.
			key, named := strings.CutPrefix(want.kind, "g.")
			if !named {
				key = ""
			}
			if a.Aggregation != key {
				t.Errorf("the aggregation key is %q, want %q", a.Aggregation, key)
			}
			if a.TimeAssumed || a.OrgID == "" || a.Monitor.ID != want.monitor || len(a.Cut) > 0 {
				t.Errorf("time assumed %v, organisation %q, monitor %q, cut %q", a.TimeAssumed, a.OrgID, a.Monitor.ID, a.Cut)
			}
		})
	}
}

func capturedBody(t *testing.T, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(file, ".with-headers.json") {
		return raw
	}
	var request struct {
		Body string `json:"body_text"`
	}
	if err := json.Unmarshal(raw, &request); err != nil {
		t.Fatal(err)
	}
	return []byte(request.Body)
}
