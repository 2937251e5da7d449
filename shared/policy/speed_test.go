package policy

import (
	"testing"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/alert"
)

// A storm's alert, with as many tags as a container has.
func stormAlert() alert.Alert {
	return alert.Alert{
		OrgID: "1200", Incident: alert.Incident{Org: "1200", Monitor: "77", Key: "c.123", Cycle: true},
		Monitor:    alert.Monitor{ID: "77", Name: "Checkout is slow"},
		Transition: alert.Triggered, Severity: alert.Medium, Priority: "P3", Scope: []string{"service:checkout", "host:web-17"},
		Tags: []string{
			"availability-zone:eu-central-1a", "cluster_name:shop", "container_name:checkout", "image_tag:2026-11-27", "kube_namespace:shop",
			"kube_deployment:checkout", "pod_phase:running", "region:eu-central-1", "team:shop", "version:417", "service:checkout", "env:prod",
		},
	}
}

func BenchmarkFor(b *testing.B) {
	p, err := Load(docstest.Root(b) + "/policy.yaml")
	if err != nil {
		b.Fatal(err)
	}
	a := stormAlert()
	b.ReportAllocs()
	for b.Loop() {
		p.For(a)
	}
}

func BenchmarkParse(b *testing.B) {
	content := []byte(docstest.Read(b, "policy.yaml"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("policy.yaml", content); err != nil {
			b.Fatal(err)
		}
	}
}
