package main

import (
	"log/slog"
	"testing"

	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/start/awsstart"
)

// Somebody is told exactly where the secret for it is named, and then what happens is noted too.
func TestTargetsAreThoseWithASecret(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"nobody":            {map[string]string{"DATADOG_EVENTS_SITE": "datadoghq.eu", "PAGERDUTY_REGION": "eu"}, nil},
		"Datadog's events":  {map[string]string{"DATADOG_EVENTS_SECRET": "events"}, []string{tell.Events}},
		"the pager":         {map[string]string{"PAGERDUTY_SECRET": "pager"}, []string{tell.Pager}},
		"both, in this way": {map[string]string{"DATADOG_EVENTS_SECRET": "e", "PAGERDUTY_SECRET": "p", "DATADOG_EVENTS_SITE": "ddog-gov.com", "PAGERDUTY_REGION": "eu"}, []string{tell.Events, tell.Pager}},
	} {
		cfg, err := configFrom(func(name string) string {
			if v, there := c.env[name]; there {
				return v
			}
			return map[string]string{"TABLE_NAME": "t", "AGENT_SECRET": "s", "AGENT_HOST": "h"}[name]
		})
		if err != nil || cfg.Tells != (c.want != nil) {
			t.Errorf("%s: tells %t, %v", name, cfg.Tells, err)
		}
		got, err := targets(cfg, awsstart.Parts{Log: slog.New(slog.DiscardHandler)})
		if err != nil || len(got) != len(c.want) {
			t.Fatalf("%s: %d targets, %v", name, len(got), err)
		}
		for i, target := range got {
			if target.Name != c.want[i] || target.Pager != (target.Name == tell.Pager) || target.Place == nil {
				t.Errorf("%s: %+v, want %s", name, target, c.want[i])
			}
		}
	}
}
