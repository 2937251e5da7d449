package main

import (
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/setting"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// config is everything that the dispatcher can be told. docs/configuration.md explains each.
type config struct {
	table     string        // TABLE_NAME: the ledger's table
	agent     setting.Agent // AGENT_…: where the Agent is found
	policy    gate.Rules    // ON_…, IN_DOUBT: what alerts are worth
	telemetry telemetry.Config
}

func configFrom(getenv func(string) string) (config, error) {
	r := setting.From(getenv)
	cfg := config{table: r.Required("TABLE_NAME"), agent: r.Agent(), policy: r.Policy()}
	var err error
	cfg.telemetry, err = telemetry.FromEnv(getenv)
	r.Add(err)
	return cfg, r.Err()
}
