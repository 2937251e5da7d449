package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
)

const tableName = "ledger"

// resources are the queue and the table, for the functions and for those who look at what they did.
type resources struct {
	sqs      *sqs.Client
	queueURL string
	ledger   *dynamoledger.Ledger
}

// newResources makes both. The table's keys and index are the template's, so that the functions are tried on the table
// that will be deployed.
func newResources(ctx context.Context, sqsURL, dynamoURL, template string) (*resources, error) {
	cfg := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("standin", "standin", "")}
	queues := sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = &sqsURL })
	tables := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.BaseEndpoint = &dynamoURL })

	queue, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("alerts")})
	if err != nil {
		return nil, fmt.Errorf("the queue: %w", err)
	}
	table, err := tableOf(template)
	if err != nil {
		return nil, err
	}
	if _, err := tables.CreateTable(ctx, table); err != nil {
		return nil, fmt.Errorf("the table: %w", err)
	}
	led := dynamoledger.New(tables, tableName, dynamoledger.Options{})
	return &resources{sqs: queues, queueURL: aws.ToString(queue.QueueUrl), ledger: led}, nil
}

// tableOf reads the Ledger's properties. CloudFormation calls them by the names that the API has; those that it knows
// and CreateTable does not are set by other calls there, and are left out here.
func tableOf(template string) (*dynamodb.CreateTableInput, error) {
	text, err := os.ReadFile(template)
	if err != nil {
		return nil, err
	}
	var t struct {
		Template struct {
			Resources struct {
				Ledger struct{ Properties *dynamodb.CreateTableInput }
			}
		}
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, fmt.Errorf("%s: %w", template, err)
	}
	in := t.Template.Resources.Ledger.Properties
	if in == nil {
		return nil, fmt.Errorf("%s has no resource Ledger with properties", template)
	}
	in.TableName, in.SSESpecification = aws.String(tableName), nil
	return in, nil
}

// writeEnv tells sam what the functions' variables are, for all of them alike; each takes those that the template
// declares for it.
func writeEnv(file string, r *resources, agentHost, space string) error {
	text, err := json.Marshal(map[string]map[string]string{"Parameters": {
		"STACK_NAME":            "standin",
		"QUEUE_URL":             r.queueURL,
		"TABLE_NAME":            tableName,
		"INGEST_TOKEN_SECRET":   ingestToken,
		"AGENT_SECRET":          agentSecret,
		"AGENT_HOST":            agentHost,
		"AGENT_SPACES":          space,
		"AGENT_ALLOW_LOCAL":     "yes",
		"TELLS":                 "yes",
		"DATADOG_EVENTS_SECRET": eventsKey,
		"PAGERDUTY_SECRET":      pagerKey,
	}})
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}
