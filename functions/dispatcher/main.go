// Command dispatcher is the function behind the AlertQueue: it gives each alert its verdict and starts what is to be
// started at once. Package dispatch says what it does; this file only wires.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/alertbridge/alertbridge/functions/dispatcher/dispatch"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "dispatcher cannot start:", err)
		os.Exit(1)
	}
}

// run builds every client once for the life of the execution environment, and does not return unless something is
// wrong with the settings.
func run() error {
	cfg, err := configFrom(os.Getenv)
	if err != nil {
		return err
	}
	aws, err := awsconfig.LoadDefaultConfig(context.Background())
	if err != nil {
		return fmt.Errorf("the AWS settings of the environment cannot be read: %w", err)
	}
	log := telemetry.Logger(cfg.telemetry)
	credentials, err := agent.NewCredentials(
		awssecret.New(secretsmanager.NewFromConfig(aws), cfg.agent.Secret, awssecret.Options{Log: log}),
		agent.CredentialOptions{Host: cfg.agent.Host, AllowLocal: cfg.agent.AllowLocal, Log: log})
	if err != nil {
		return fmt.Errorf("AGENT_HOST: %w", err)
	}
	client := agent.New(agent.Options{
		Credentials: credentials,
		Transport:   telemetry.Transport(agent.NewTransport(cfg.agent.AllowLocal)),
	})
	led := dynamoledger.New(dynamodb.NewFromConfig(aws), cfg.table, dynamoledger.Options{})
	h := &dispatch.Handler{
		Ledger:  led,
		Starter: &start.Starter{Ledger: led, Agents: map[string]start.Agent{cfg.policy.Agent: client}, Now: time.Now},
		Policy:  cfg.policy,
		Now:     time.Now,
		Log:     log,
		Metrics: telemetry.NewRecorder(cfg.telemetry),
	}
	telemetry.Start(cfg.telemetry, h.Handle)
	return nil
}
