// Package awsstart puts together, over AWS, what dispatcher and scheduler both stand on:
//
//	settings → policy → one client for each Agent that the policy names → the Starter over the ledger in DynamoDB
//
// Each function's main adds its own handler, and nothing else. New reads no secret and calls nobody; what it finds wrong
// keeps the function from starting, and is said all at once and in one line, so that it is one record of the log.
package awsstart

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/policy"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
	"github.com/alertbridge/alertbridge/shared/setting"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// Parts are built once for the life of an execution environment.
type Parts struct {
	Policy  *policy.Policy
	Ledger  ledger.Ledger
	Outbox  ledger.Outbox            // the same ledger, for whoever tells
	Agents  map[string]*agent.Client // by the names that the policy has for them
	Starter *start.Starter
	Log     *slog.Logger
	Metrics *telemetry.Recorder
	AWS     aws.Config // for what a function needs besides
}

// New builds them.
func New(s Settings) (Parts, error) {
	pol, err := LoadPolicy(s.Policy, s.Spaces, s.Tells)
	if err != nil {
		return Parts{}, err
	}
	cfg, err := awsconfig.LoadDefaultConfig(context.Background())
	if err != nil {
		return Parts{}, fmt.Errorf("the AWS settings of the environment cannot be read: %w", err)
	}
	log := telemetry.Logger(s.Telemetry)
	clients, err := agents(pol.Agents(), s.Agents, secretsmanager.NewFromConfig(cfg), log)
	if err != nil {
		return Parts{}, err
	}
	led := dynamoledger.New(dynamodb.NewFromConfig(cfg), s.Table, dynamoledger.Options{})
	starter := &start.Starter{Ledger: led, Agents: map[string]start.Agent{}, Now: time.Now}
	for name, client := range clients {
		starter.Agents[name] = client
	}
	return Parts{pol, led, led, clients, starter, log, telemetry.NewRecorder(s.Telemetry), cfg}, nil
}

// LoadPolicy reads the policy beside the binary. In it the work of those Agents is followed that have an agent space, and
// what happens to cases is noted for the telling where somebody is told. A policy that cannot be read wholly decides
// nothing: half of it could start what the other half forbids.
func LoadPolicy(file string, spaces map[string]string, tells bool) (*policy.Policy, error) {
	if !filepath.IsAbs(file) {
		binary, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("POLICY_FILE: %q is relative, and where this binary stands is not known: %w", file, err)
		}
		file = filepath.Join(filepath.Dir(binary), file)
	}
	pol, err := policy.Load(file)
	if err != nil {
		return nil, errors.New("POLICY_FILE: " + strings.ReplaceAll(err.Error(), "\n", "; ") + " (try alertbridge policy check)")
	}
	if pol, err = pol.Follow(slices.Sorted(maps.Keys(spaces))...); err != nil {
		return nil, fmt.Errorf("AGENT_SPACES: %w", err)
	}
	return pol.Tell(tells), nil
}

// agents makes a client for each of the names, with credentials of its own.
func agents(names []string, at setting.Agents, secrets awssecret.Client, log *slog.Logger) (map[string]*agent.Client, error) {
	if i := slices.IndexFunc(names, func(name string) bool { return secretOf(name, at) == "" }); i >= 0 {
		return nil, fmt.Errorf("the policy names the Agent %q, and AGENT_SECRETS_PREFIX is not set: nobody knows where its secret is", names[i])
	}
	transport := telemetry.Transport(call.NewTransport(at.AllowLocal))
	clients := map[string]*agent.Client{}
	for _, name := range names {
		credentials, err := agent.NewCredentials(
			awssecret.New(secrets, secretOf(name, at), awssecret.Options{Log: log}),
			agent.CredentialOptions{Host: at.Host, AllowLocal: at.AllowLocal, Log: log})
		if err != nil {
			return nil, fmt.Errorf("AGENT_HOST: %w", err)
		}
		clients[name] = agent.New(agent.Options{Credentials: credentials, Transport: transport})
	}
	return clients, nil
}

// secretOf is the secret of the Agent with this name, "" when nobody has said where such ones are.
func secretOf(name string, at setting.Agents) string {
	switch {
	case name == policy.DefaultAgent:
		return at.Secret
	case at.SecretsPrefix == "":
		return ""
	}
	return at.SecretsPrefix + name
}
