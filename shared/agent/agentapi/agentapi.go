// Package agentapi asks AWS DevOps Agent's API how its tasks stand. It only asks: nothing here starts or changes anything.
//
//   - A webhook's answer is no proof and an event names no case. The API's task does: its reference id is what we sent as
//     incidentId. Task gives one task, Find all that refer to our cases, and both compare the whole id. The title of the
//     reference, which holds the id too, is never looked at.
//   - That a case has no task must be certain, because a start may be sent again on the strength of it. So Find reads
//     every page up to the last one or says that it could not. A page may be empty and not the last one.
//   - One question has Deadline, with at most Tries requests in it, and a list all in all ListDeadline. The Agent throttles
//     who asks often: not more than twice a minute for one task.
//   - What the Agent writes is data. Its words are cleaned, bounded, and what looks like a secret is taken out; an answer
//     of more than maxAnswer bytes is not read to its end.
//   - An error is a delivery.APIError.
//
// The contract is that of the SDK's package devopsagent, documented at docs.aws.amazon.com/devopsagent, "API Reference".
// Package apitest stands in for the other side.
package agentapi

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/devopsagent"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// The times that callers build their own deadlines on.
const (
	Deadline     = 5 * time.Second  // one question, with what is asked again
	Tries        = 2                // requests for one question
	ListDeadline = 15 * time.Second // Find, Summary and Plan, all pages
)

// longestPause bounds the pause before the second request; it is at least half of it.
const longestPause = 400 * time.Millisecond

// Options of a Client. The zero value asks the Agent of the configuration's region.
type Options struct {
	// Endpoint is the address of a stand-in; "" is the Agent's own, or what the AWS configuration names for it.
	Endpoint string
	// Host is that of the Agent's webhook: event-ai.REGION.api.aws names the region whose API is asked. With "" or another
	// host it is the configuration's.
	Host string
}

// Client asks. It is safe for concurrent use, and serves any number of agent spaces of one account and region.
type Client struct {
	api *devopsagent.Client
}

// New makes a Client. It calls nobody yet.
func New(cfg aws.Config, o Options) *Client {
	return &Client{api: devopsagent.NewFromConfig(cfg, func(s *devopsagent.Options) {
		s.Retryer = aws.NopRetryer{} // see ask: the SDK would wait by the machine's clock
		s.HTTPClient = bounded{s.HTTPClient}
		if region := regionOf(o.Host); region != "" {
			s.Region = region
		}
		if o.Endpoint != "" {
			s.BaseEndpoint = &o.Endpoint
		}
		if s.BaseEndpoint != nil {
			s.APIOptions = append(s.APIOptions, addressAsItIs)
		}
	})}
}

// regionOf is the region in the host of a webhook, "" when it has none.
func regionOf(host string) string {
	rest, ours := strings.CutPrefix(host, "event-ai.")
	region, aws := strings.CutSuffix(rest, ".api.aws")
	if !ours || !aws || strings.Contains(region, ".") {
		return ""
	}
	return region
}

// addressAsItIs keeps the SDK from putting "dp." before the host, which only the Agent's own address has.
func addressAsItIs(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("AddressAsItIs",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
		}), middleware.Before)
}

// ask puts one question within Deadline, and once more when the API was busy or in trouble.
func ask[In, Out any](ctx context.Context, call string, f func(context.Context, *In, ...func(*devopsagent.Options)) (*Out, error), in *In) (*Out, error) {
	ctx, cancel := clock.WithTimeout(ctx, Deadline)
	defer cancel()
	for try := 1; ; try++ {
		out, err := f(ctx, in)
		if err == nil {
			return out, nil
		}
		e := judge(ctx, call, err)
		again := e.Fault == delivery.APIThrottled || e.Fault == delivery.APIUnavailable
		if !again || try == Tries || clock.Sleep(ctx, longestPause/2+clock.Jitter(ctx, longestPause/2)) != nil {
			return nil, e
		}
	}
}
