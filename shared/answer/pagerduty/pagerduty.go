// Package pagerduty tells answers to PagerDuty's Events API v2: it opens and resolves incidents, and shows changes beside
// them.
//
// The incident's dedup_key is the answer's PageKey, else its case. PagerDuty takes a repeated trigger for more of the same
// incident while that is open, so an Answer that is sent again after a doubt wakes nobody twice. A key is known to
// PagerDuty within one routing key only, and what was opened with one is resolved only with the same. A change has no
// dedup_key: one that is sent again after a doubt can be shown twice.
//
// Conclude is two requests, the one that resolves and then the change. Only when both were taken the Answer is delivered;
// else both are sent again, and what is resolved already stays so. An event that resolves carries what the Answer says,
// as the change does. Nothing is ever attached to an incident by triggering it again: somebody may have resolved it by
// hand meanwhile, and a trigger would wake them.
//
// The secret holds one routing key and nothing else, or a JSON object that has more, for teams with services of their own:
//
//	{"routing_key": "…", "routes": {"checkout": "…", "payments in production": "…"}}
//
// An answer goes to the key of its route, by the name that the route has in the policy. What took none, or one that is not
// among routes, goes to routing_key, and so does what is about an Agent: routing_key must be there, routes need not. Nothing
// else may stand in the object, and no name twice. A route is that which the policy has for the case's first alert when the
// answer is told: an incident that was open when a route, its name or its key changed is to be resolved by hand.
//
// A name among routes that the policy does not have is of no use, and mostly one that was mistyped or changed: its alerts go to
// routing_key. Where Options say what the policy has, a warning names the number of each, once for each value of the secret.
//
// Where there are routes, what is wrong with one key keeps back nothing that goes to another, see answer.Result.
//
// Of the contract (developer.pagerduty.com, Events API v2: overview, trigger events, change events; the OpenAPI document
// reference/events-v2 of PagerDuty/api-schema; support.pagerduty.com, "Service Regions" and "Safelist IPs"):
//
//   - read there: the addresses of both regions; what a body needs and may have, its enumerations, 255 characters of
//     dedup_key, 1,024 of a summary, 512 KB of a body; a routing key of 32 characters, in the body; 202 with "status":
//     "success" and the dedup_key; which statuses are worth another try (429 and 5xx, not 400); that a repeated trigger adds
//     to an open incident, and that acknowledge and resolve of an unknown or another key's incident are dropped; that every
//     action may have a payload and links.
//   - from what users were answered, in public threads: 400 with {"status":"invalid event","message":"Event object is
//     invalid","errors":[…]}, that a routing key has letters and digits only, and that an unknown one gets 400 with
//     "Invalid routing key". A 400 that speaks of the routing key is therefore our secret's fault and not the answer's: it
//     is Unauthorized, and the answer is kept for when the key is mended.
//   - not found: whether a 429 has a Retry-After (it is obeyed when it has one; the documentation says "a few minutes"), the
//     message of an accepted change, a limit of custom_details or links beyond the body's, and whether the payload of what
//     resolves is shown to anybody: so the cause stands in a change too.
//   - not tried: no account of PagerDuty was called.
package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// Region is where a PagerDuty account lives.
type Region string

// The service regions of PagerDuty.
const (
	US Region = "us"
	EU Region = "eu"
)

func (r Region) host() string {
	switch r {
	case US:
		return "events.pagerduty.com"
	case EU:
		return "events.eu.pagerduty.com"
	}
	return ""
}

// deliverTime is the longest that Deliver takes, a second request with a newer key included. A request does not begin with
// less than leastTime.
const (
	deliverTime = 5 * time.Second
	leastTime   = time.Second
)

var peer = call.Peer{Name: "PagerDuty", Setting: "the PagerDuty region"}

// Options of a Client. Region, or StandIn, and Keys are needed.
type Options struct {
	Region Region
	// Keys has the routing key, the integration key of an "Events API v2" integration of a service; or more of them, see the
	// package comment.
	Keys call.Secrets
	// Routes are the names of the policy's routes: with them and a Log it is noticed when the secret names another one. nil
	// compares nothing.
	Routes []string
	Log    *slog.Logger
	// StandIn is the address of a stand-in on a developer's machine, called in place of PagerDuty.
	StandIn   string
	Transport http.RoundTripper // nil: call.NewTransport, which reaches this machine only for a StandIn
	Now       func() time.Time  // nil: time.Now
}

// Client is the integrations of one secret as an answer.Target.
type Client struct {
	events, changes secret.Value
	key             call.Key
	through         http.RoundTripper
	now             func() time.Time
	routes          []string
	log             *slog.Logger

	mu       sync.Mutex
	compared secret.Value // with the policy's routes, the last time
}

// New makes a Client. It calls nobody yet. The error is about the options.
func New(o Options) (*Client, error) {
	base := "https://" + o.Region.host()
	switch {
	case o.Keys == nil:
		return nil, errors.New("events to PagerDuty: there is no secret for the routing key")
	case o.StandIn != "":
		if err := call.StandIn(o.StandIn); err != nil {
			return nil, fmt.Errorf("events to PagerDuty: %w", err)
		}
		base = strings.TrimSuffix(o.StandIn, "/")
	case o.Region.host() == "":
		return nil, fmt.Errorf("events to PagerDuty: the region %q is neither %s nor %s", o.Region, US, EU)
	}
	c := &Client{
		events: secret.New(base + "/v2/enqueue"), changes: secret.New(base + "/v2/change/enqueue"),
		key:     call.Key{From: o.Keys, Name: "the PagerDuty routing key", Check: checkKeys},
		through: o.Transport, now: o.Now, routes: o.Routes, log: o.Log,
	}
	if c.through == nil {
		c.through = call.NewTransport(o.StandIn != "")
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

// Deliver sends one event, or the two of a Conclude. See answer.Target. An Answer that is not for the pager, or names no
// incident, is given up.
func (c *Client) Deliver(ctx context.Context, a answer.Answer) answer.Result {
	list, unfit := newMessages(a)
	if unfit != "" {
		return answer.Unfit(unfit)
	}
	began := c.now()
	ctx, cancel := clock.WithTimeout(ctx, deliverTime)
	defer cancel()
	var all keys
	end := c.key.Call(ctx, func(s secret.Value) delivery.Answer {
		all, _ = readKeys(s.Reveal()) // call.Key has checked it
		c.compare(ctx, s, all)
		key, _ := all.of(a.Route)
		return c.send(ctx, secret.New(key), list)
	})
	alone := len(all.routes) > 0 && (call.Denied(end.Reason) || end.Reason == delivery.Throttled)
	if alone {
		end.Words = call.Bounded("with " + all.which(a.Route) + ": " + end.Words)
	}
	now := c.now()
	end.Took = now.Sub(began)
	r := answer.Of(end, now)
	r.Alone = alone
	return r
}

// compare says which routes of the secret the policy does not have, once for each value of it.
func (c *Client) compare(ctx context.Context, s secret.Value, all keys) {
	if c.routes == nil || c.log == nil {
		return
	}
	c.mu.Lock()
	seen := c.compared.Equal(s)
	c.compared = s
	c.mu.Unlock()
	if strangers := all.strangers(c.routes); !seen && len(strangers) > 0 {
		c.log.LogAttrs(ctx, slog.LevelWarn, "pager keys are for no route",
			slog.String("numbers", strings.Join(strangers, ", ")), slog.Int("of", len(all.named)))
	}
}

// send sends one after the other, until one is not taken.
func (c *Client) send(ctx context.Context, key secret.Value, list []message) delivery.Answer {
	var last delivery.Answer
	for _, m := range list {
		if last = c.post(ctx, key, m); last.Reason != delivery.Received {
			break
		}
	}
	return last
}

func (c *Client) post(ctx context.Context, key secret.Value, m message) delivery.Answer {
	if !call.EnoughTime(ctx, leastTime) {
		return delivery.Answer{Reason: delivery.OutOfTime, Words: "there was too little time left for a call, nothing was sent"}
	}
	address := c.events
	if m.EventAction == "" {
		address = c.changes
	}
	reply, failure := call.Post(ctx, c.through, peer, call.Request{Address: address, Body: m.encode(key)}, c.now)
	if failure != nil {
		return *failure
	}
	a := judge(reply, m.DedupKey)
	a.Words = call.Speakable(a.Words, key.Reveal(), key.Reveal())
	return a
}
