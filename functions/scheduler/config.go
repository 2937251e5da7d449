package main

import (
	"github.com/alertbridge/alertbridge/shared/answer/ddevents"
	"github.com/alertbridge/alertbridge/shared/answer/pagerduty"
	"github.com/alertbridge/alertbridge/shared/setting"
	"github.com/alertbridge/alertbridge/shared/start/awsstart"
)

// config is what the scheduler is told: the same as its sibling, for both decide and start; and whom it tells.
type config struct {
	awsstart.Settings
	EventsSecret string           // DATADOG_EVENTS_SECRET: the secret with Datadog's API key; "": no events
	EventsSite   string           // DATADOG_EVENTS_SITE: where Datadog lives
	PagerSecret  string           // PAGERDUTY_SECRET: the secret with PagerDuty's routing key; "": no pager
	PagerRegion  pagerduty.Region // PAGERDUTY_REGION: where PagerDuty lives
	AgentPage    setting.Page     // AGENT_PAGE: how the Agent's own page of an investigation is addressed; "": answers have no link to it
}

// configFrom reads everything that the scheduler can be told. With somebody to tell it notes what to tell, whatever TELLS
// says.
func configFrom(getenv func(string) string) (config, error) {
	var c config
	var err error
	c.Settings, err = awsstart.FromEnv(getenv)
	r := setting.From(getenv)
	c.EventsSecret, c.EventsSite = r.Optional("DATADOG_EVENTS_SECRET", ""), r.OneOf("DATADOG_EVENTS_SITE", ddevents.Sites()...)
	c.PagerSecret = r.Optional("PAGERDUTY_SECRET", "")
	c.PagerRegion = pagerduty.Region(r.OneOf("PAGERDUTY_REGION", string(pagerduty.US), string(pagerduty.EU)))
	c.AgentPage = r.Page("AGENT_PAGE")
	c.Tells = c.Tells || c.EventsSecret != "" || c.PagerSecret != ""
	if err != nil {
		return c, err
	}
	return c, r.Err()
}
