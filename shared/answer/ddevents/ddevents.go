// Package ddevents tells answers as events in Datadog, where the alert came from.
//
// An event bears the alert's own aggregation key and tags, so that one search finds both; where the alert has no such key,
// the case's id, so that one finds at least all that was told of the case. Every one bears Marker, by which the gate knows
// what we said ourselves and drops it.
//
//   - An event cannot be edited; what follows is another one on the same key. Nor has Datadog a key against repeats: an
//     event that is sent again after a doubt can be there twice, and a Result says whether there is one (its Outcome is
//     delivery.InDoubt).
//   - In an event's text "%%%" begins Markdown and "@name" may notify people. An answer can do neither: see inert. We write
//     plain text ourselves.
//   - The host is api. and the site of the configuration, by https.
//
// Of the contract (docs.datadoghq.com, API reference, "Events", "Post an event" in v1, "Rate Limits", Getting Started, Tags,
// and Events, "Migrating to the New Events Features", "Aggregation Key Processor"; the schema and the models of Datadog's own
// client datadog-api-client-go v2.67.0):
//
//   - read there: the address for each site; the header DD-API-KEY; title and text are needed; the text has 4,000
//     characters at most, the aggregation key 100; date_happened is an integer, and no older than 18 hours; the values of
//     alert_type and priority; "%%%" around Markdown; a tag's 200 characters, and which ones; an answer of 202 with
//     "status": "ok", and errors as a list "errors" with 400 and 429; X-RateLimit-Reset, the seconds until a throttled
//     caller may come again; that there is no way to edit an event.
//   - read of the aggregation key: an event has it as the attribute @aggregation_key; a monitor's events have one for each
//     monitor and, since March 2025, each of its groups; the event explorer does not put events together by it, as the event
//     stream did until 2022; a pipeline with an aggregation key processor may write another over ours, never over a monitor's.
//   - not found: that a webhook's $AGGREG_KEY is that attribute of the monitor's event. Its description suggests it; if it is
//     another, an event is still found by its tags.
//   - not found: a limit of the title (100 characters was written once; one of the client's own scenarios sends more and
//     is answered "ok"), what becomes of an event that is too old, which source_type_name may be invented, whether an
//     @name in an event still notifies, and what is answered to a wrong key. So a title is cut to 100 characters and said
//     in full in the text; an older event has its time in the text alone; the source_type_name is one that the
//     documentation names; and no @ is sent.
//   - not tried: no account of Datadog was called.
package ddevents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// Sites lists the sites of Datadog, as the template's parameter DatadogSite has them.
func Sites() []string {
	return []string{
		"datadoghq.com", "us3.datadoghq.com", "us5.datadoghq.com", "datadoghq.eu",
		"ap1.datadoghq.com", "ap2.datadoghq.com", "ddog-gov.com",
	}
}

// deliverTime is the longest that Deliver takes, a second request with a newer key included. A request does not begin with
// less than leastTime.
const (
	deliverTime = 5 * time.Second
	leastTime   = time.Second
)

var peer = call.Peer{Name: "Datadog", Setting: "the Datadog site"}

// Options of a Client. Site, or StandIn, and Keys are needed.
type Options struct {
	Site string       // one of Sites
	Keys call.Secrets // the API key
	// StandIn is the address of a stand-in on a developer's machine, called in place of Datadog.
	StandIn   string
	Transport http.RoundTripper // nil: call.NewTransport, which reaches this machine only for a StandIn
	Now       func() time.Time  // nil: time.Now
}

// Client is Datadog's events as an answer.Target.
type Client struct {
	address secret.Value
	key     call.Key
	through http.RoundTripper
	now     func() time.Time
}

// New makes a Client. It calls nobody yet. The error is about the options.
func New(o Options) (*Client, error) {
	base := "https://api." + o.Site
	switch {
	case o.Keys == nil:
		return nil, errors.New("events to Datadog: there is no secret for the API key")
	case o.StandIn != "":
		if err := call.StandIn(o.StandIn); err != nil {
			return nil, fmt.Errorf("events to Datadog: %w", err)
		}
		base = strings.TrimSuffix(o.StandIn, "/")
	case !slices.Contains(Sites(), o.Site):
		return nil, fmt.Errorf("events to Datadog: the site %q is not one of %s", o.Site, strings.Join(Sites(), ", "))
	}
	c := &Client{
		address: secret.New(base + "/api/v1/events"),
		key:     call.Key{From: o.Keys, Name: "the Datadog API key", Check: checkKey},
		through: o.Transport, now: o.Now,
	}
	if c.through == nil {
		c.through = call.NewTransport(o.StandIn != "")
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

func checkKey(key string) string {
	if !call.Sendable(key) {
		return "it holds a character that cannot stand in a header; copy it again"
	}
	return ""
}

// Deliver posts one event. See answer.Target.
func (c *Client) Deliver(ctx context.Context, a answer.Answer) answer.Result {
	began := c.now()
	ctx, cancel := clock.WithTimeout(ctx, deliverTime)
	defer cancel()
	body := encode(a, began)
	end := c.key.Call(ctx, func(key secret.Value) delivery.Answer { return c.post(ctx, key, body) })
	now := c.now()
	end.Took = now.Sub(began)
	return answer.Of(end, now)
}

func (c *Client) post(ctx context.Context, key secret.Value, body []byte) delivery.Answer {
	if !call.EnoughTime(ctx, leastTime) {
		return delivery.Answer{Reason: delivery.OutOfTime, Words: "there was too little time left for a call, nothing was sent"}
	}
	header := http.Header{}
	header.Set("DD-API-KEY", key.Reveal())
	reply, failure := call.Post(ctx, c.through, peer, call.Request{Address: c.address, Header: header, Body: body}, c.now)
	if failure != nil {
		return *failure
	}
	a := judge(reply)
	a.Words = call.Speakable(a.Words, key.Reveal(), key.Reveal())
	return a
}
