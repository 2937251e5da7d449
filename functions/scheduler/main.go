// Command scheduler is the function behind the schedule: it runs the tick, the only timer there is. Package schedule
// says what it does; this file only wires.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/agent/agentapi"
	"github.com/alertbridge/alertbridge/shared/answer/ddevents"
	"github.com/alertbridge/alertbridge/shared/answer/pagerduty"
	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/policy"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
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
	parts, err := awsstart.New(cfg.Settings)
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
	var summaries tell.Summaries
	if len(cfg.Spaces) > 0 {
		api := agentapi.New(parts.AWS, agentapi.Options{Host: cfg.Agents.Host})
		h.Work, h.Usage, summaries = api, api, api
	}
	targets, err := targets(cfg, parts)
	if err != nil {
		return err
	}
	if len(targets) > 0 {
		h.Teller = &tell.Teller{
			Ledger:    parts.Ledger,
			Outbox:    parts.Outbox,
			Targets:   targets,
			Summaries: summaries,
			Spaces:    cfg.Spaces,
			Page:      cfg.AgentPage,
			Policy:    parts.Policy,
			Now:       time.Now,
			Log:       parts.Log,
			Metrics:   parts.Metrics,
		}
	}
	telemetry.Start(cfg.Telemetry, h.Handle)
	return nil
}

// targets are the places where answers go: those whose secret is named. None of them is called yet.
func targets(cfg config, parts awsstart.Parts) ([]tell.Target, error) {
	var list []tell.Target
	store := func(id string) *awssecret.Store {
		return awssecret.New(secretsmanager.NewFromConfig(parts.AWS), id, awssecret.Options{Log: parts.Log})
	}
	if cfg.EventsSecret != "" {
		c, err := ddevents.New(ddevents.Options{
			Site: cfg.EventsSite, Keys: store(cfg.EventsSecret),
			Transport: telemetry.TransportTo(telemetry.EventsService, call.NewTransport(false)),
		})
		if err != nil {
			return nil, err
		}
		list = append(list, tell.Target{Name: tell.Events, Place: c})
	}
	if cfg.PagerSecret != "" {
		c, err := pagerduty.New(pagerduty.Options{
			Region: cfg.PagerRegion, Keys: store(cfg.PagerSecret), Routes: routesOf(parts.Policy), Log: parts.Log,
			Transport: telemetry.TransportTo(telemetry.PagerService, call.NewTransport(false)),
		})
		if err != nil {
			return nil, err
		}
		list = append(list, tell.Target{Name: tell.Pager, Place: c, Pager: true})
	}
	return list, nil
}

// routesOf are the names of a policy's routes.
func routesOf(p *policy.Policy) []string {
	names := []string{}
	for _, r := range p.Summary().Routes {
		names = append(names, r.Name)
	}
	return names
}
