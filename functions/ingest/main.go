// Command ingest is the function behind the HTTP API: it takes deliveries from Datadog and puts them into the
// AlertQueue. Package intake says what it does; this file only wires.
package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/shared/queue/sqsqueue"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ingest cannot start:", err)
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
	alerts, err := sqsqueue.New(sqs.NewFromConfig(aws), cfg.queueURL, sqsqueue.Options{})
	if err != nil {
		return fmt.Errorf("QUEUE_URL: %w", err)
	}
	log := telemetry.Logger(cfg.telemetry)
	h := &intake.Handler{
		Queue:     alerts,
		QueueName: path.Base(cfg.queueURL),
		Tokens:    awssecret.New(secretsmanager.NewFromConfig(aws), cfg.tokenSecret, awssecret.Options{Log: log}),
		Now:       time.Now,
		Log:       log,
		Metrics:   telemetry.NewRecorder(cfg.telemetry),
	}
	telemetry.Start(cfg.telemetry, h.Handle)
	return nil
}
