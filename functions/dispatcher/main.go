// Command dispatcher is the function behind the AlertQueue: it gives each alert its verdict and starts what is to be
// started at once. Package dispatch says what it does; this file only wires.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/alertbridge/alertbridge/functions/dispatcher/dispatch"
	"github.com/alertbridge/alertbridge/shared/start/awsstart"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "dispatcher cannot start:", err)
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
	h := &dispatch.Handler{
		Ledger:  parts.Ledger,
		Starter: parts.Starter,
		Policy:  parts.Policy,
		Now:     time.Now,
		Log:     parts.Log,
		Metrics: parts.Metrics,
	}
	telemetry.Start(cfg.Telemetry, h.Handle)
	return nil
}
