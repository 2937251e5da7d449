// Command outcome is the function behind the Agent's events: it takes in what becomes of an investigation. Package follow
// says what it does; this file only wires.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/alertbridge/alertbridge/functions/outcome/follow"
	"github.com/alertbridge/alertbridge/shared/agent/agentapi"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/start/awsstart"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "outcome cannot start:", err)
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
	pol, err := awsstart.LoadPolicy(cfg.Policy, cfg.Spaces, cfg.Tells)
	if err != nil {
		return err
	}
	aws, err := awsconfig.LoadDefaultConfig(context.Background())
	if err != nil {
		return fmt.Errorf("the AWS settings of the environment cannot be read: %w", err)
	}
	h := &follow.Handler{
		Ledger:  dynamoledger.New(dynamodb.NewFromConfig(aws), cfg.Table, dynamoledger.Options{}),
		Work:    agentapi.New(aws, agentapi.Options{Host: cfg.Host}),
		Agents:  follow.AgentsBySpace(cfg.Spaces),
		Policy:  pol,
		Now:     time.Now,
		Log:     telemetry.Logger(cfg.Telemetry),
		Metrics: telemetry.NewRecorder(cfg.Telemetry),
	}
	telemetry.Start(cfg.Telemetry, h.Handle)
	return nil
}
