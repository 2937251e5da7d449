// Command scheduler is the function behind the schedule: it runs the tick, the only timer there is. Package schedule
// says what it does; this file only wires.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/agent/agentapi"
	"github.com/alertbridge/alertbridge/shared/start/awsstart"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "scheduler cannot start:", err)
		os.Exit(1)
	}
}

// run builds every client once for the life of the execution environment, and does not return unless something is
// wrong with the settings or the policy.
func run() error {
	cfg, err := configFrom(os.Getenv)
	if err != nil {
		return err
	}
	parts, err := awsstart.New(cfg)
	if err != nil {
		return err
	}
	secrets := map[string]schedule.Secrets{}
	for name, client := range parts.Agents {
		secrets[name] = client
	}
	h := &schedule.Handler{
		Ledger:  parts.Ledger,
		Starter: parts.Starter,
		Secrets: secrets,
		Spaces:  cfg.Spaces,
		Policy:  parts.Policy,
		Now:     time.Now,
		Log:     parts.Log,
		Metrics: parts.Metrics,
	}
	if len(cfg.Spaces) > 0 {
		h.Work = agentapi.New(parts.AWS, agentapi.Options{Host: cfg.Agents.Host})
	}
	telemetry.Start(cfg.Telemetry, h.Handle)
	return nil
}
