package main

import (
	"github.com/alertbridge/alertbridge/shared/policy"
	"github.com/alertbridge/alertbridge/shared/setting"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// config is what outcome is told. docs/configuration.md explains each.
type config struct {
	Table     string            // TABLE_NAME: the ledger's table
	Policy    string            // POLICY_FILE: what an investigation is reckoned to cost; a relative path begins beside the binary
	Host      string            // AGENT_HOST: where the Agent lives; its region is that of its API
	Spaces    map[string]string // AGENT_SPACES: the agent spaces that are followed, by the name of the Agent
	Tells     bool              // TELLS: whether the scheduler tells somebody outside what happens to cases
	Telemetry telemetry.Config
}

// configFrom reads everything that outcome can be told.
func configFrom(getenv func(string) string) (config, error) {
	r := setting.From(getenv)
	c := config{Table: r.Required("TABLE_NAME"), Policy: r.Optional("POLICY_FILE", "policy.yaml"), Host: r.Required("AGENT_HOST")}
	if c.Spaces = r.Spaces("AGENT_SPACES", policy.DefaultAgent); c.Spaces == nil {
		r.Required("AGENT_SPACES")
	}
	c.Tells = r.OneOf("TELLS", "no", "yes") == "yes"
	var err error
	c.Telemetry, err = telemetry.FromEnv(getenv)
	r.Add(err)
	return c, r.Err()
}
