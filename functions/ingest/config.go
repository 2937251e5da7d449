package main

import (
	"github.com/alertbridge/alertbridge/shared/setting"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// config is everything that ingest can be told. docs/configuration.md explains each.
type config struct {
	queueURL    string // QUEUE_URL: the AlertQueue
	tokenSecret string // INGEST_TOKEN_SECRET: the secret whose value callers present, name or ARN
	telemetry   telemetry.Config
}

func configFrom(getenv func(string) string) (config, error) {
	r := setting.From(getenv)
	cfg := config{
		queueURL:    r.Required("QUEUE_URL"),
		tokenSecret: r.Required("INGEST_TOKEN_SECRET"),
	}
	var err error
	cfg.telemetry, err = telemetry.FromEnv(getenv)
	r.Add(err)
	return cfg, r.Err()
}
