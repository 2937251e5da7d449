package main

import "github.com/alertbridge/alertbridge/shared/start/awsstart"

// configFrom reads everything that the dispatcher can be told: the same as its sibling, for both decide and start.
func configFrom(getenv func(string) string) (awsstart.Settings, error) {
	return awsstart.FromEnv(getenv)
}
