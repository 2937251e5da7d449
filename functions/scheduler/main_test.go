package main

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/policy"
	"github.com/alertbridge/alertbridge/shared/start/awsstart"
)

// The Agent's page is as it was set; one that is none keeps the function from starting.
func TestAgentPage(t *testing.T) {
	page := func(form string) (config, error) {
		return configFrom(func(name string) string {
			return map[string]string{"TABLE_NAME": "t", "AGENT_SECRET": "s", "AGENT_HOST": "h", "AGENT_PAGE": form}[name]
		})
	}
	const form = "https://{space}.agent.example/investigation/{task}"
	if cfg, err := page(form); err != nil || cfg.AgentPage != form {
		t.Errorf("it is %q, %v", cfg.AgentPage, err)
	}
	if _, err := page("agent.example/{task}"); err == nil {
		t.Error("an address that is none is taken")
	}
}

// The secret's routes are compared with all that the policy has, those without a name among them.
func TestRoutesAreThePolicys(t *testing.T) {
	p, err := policy.Parse("policy.yaml", []byte("routes:\n- match: [env = prod]\n  name: production\n  mode: full\n- match: [env = test]\n  mode: \"off\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := routesOf(p), []string{"production", "route 2 (policy.yaml:5)"}; !slices.Equal(got, want) {
		t.Errorf("the routes are %q, want %q", got, want)
	}
}

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
		got, err := targets(cfg, awsstart.Parts{Log: slog.New(slog.DiscardHandler), Policy: policy.Default()})
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
