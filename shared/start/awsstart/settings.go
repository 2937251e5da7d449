package awsstart

import (
	"github.com/alertbridge/alertbridge/shared/policy"
	"github.com/alertbridge/alertbridge/shared/setting"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// Settings are what dispatcher and scheduler are told. docs/configuration.md explains each.
type Settings struct {
	Table  string         // TABLE_NAME: the ledger's table
	Policy string         // POLICY_FILE: what alerts are worth; a relative path begins beside the binary
	Agents setting.Agents // AGENT_…: where the Agents are found
	// Spaces is AGENT_SPACES: the agent space of each Agent whose work is followed, by the Agent's name.
	Spaces map[string]string
	// Tells is TELLS: whether the scheduler tells somebody outside what happens to cases, so that it is noted for him.
	Tells     bool
	Telemetry telemetry.Config
}

// FromEnv reads them by getenv, usually os.Getenv. The error is one line with everything that is wrong.
func FromEnv(getenv func(string) string) (Settings, error) {
	r := setting.From(getenv)
	s := Settings{Table: r.Required("TABLE_NAME"), Policy: r.Optional("POLICY_FILE", "policy.yaml"), Agents: r.Agents()}
	s.Spaces = r.Spaces("AGENT_SPACES", policy.DefaultAgent)
	s.Tells = r.OneOf("TELLS", "no", "yes") == "yes"
	var err error
	s.Telemetry, err = telemetry.FromEnv(getenv)
	r.Add(err)
	return s, r.Err()
}
