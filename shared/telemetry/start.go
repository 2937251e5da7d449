package telemetry

import (
	"context"
	"encoding/json"
	"log"

	ddlambda "github.com/DataDog/datadog-lambda-go"
	"github.com/aws/aws-lambda-go/lambda"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/tracer"
)

// Start runs h as a Lambda function and does not return. h is guarded as Wrap says, and traced where cfg.Datadog is set.
// What libraries print through package log or the tracer's logger becomes records of our own form; but what Lambda's
// library prints of an error that h returns is left out, for h has told of it in a record of its own.
func Start[In, Out any](cfg Config, h func(context.Context, In) (Out, error)) {
	lines := &libraryLog{log: Logger(cfg)}
	log.SetFlags(0)
	log.SetOutput(lines)
	guarded := telling(lines, Wrap(cfg, h))
	if !cfg.Datadog {
		lambda.Start(guarded)
		return
	}
	ddtrace.UseLogger(lines)
	lambda.Start(newRoot(wrapDatadog(guarded)))
}

// agentTimeout is how many seconds the tracer waits for the extension to answer. It asks for the first time when the
// function starts, and its own 10 s are all that Lambda gives an initialization. It sends three times, in the background,
// but an invocation waits for the oldest sending when a hundred are under way.
const agentTimeout = 2

// invoker is a handler before its event is decoded.
type invoker = func(context.Context, json.RawMessage) (any, error)

// wrapDatadog puts h inside Datadog's wrapper, which also starts the tracer.
//
// A Config that is not nil switches tracing off unless DDTraceEnabled says otherwise. The wrapper's own stacks of errors
// are switched off because they show the wrapper; Fail records where the error was met. FIPSMode only means here that
// the wrapper never has a way to Datadog's public API, and so cannot wait for it.
func wrapDatadog[In, Out any](h func(context.Context, In) (Out, error)) invoker {
	closed := true
	wrapped := ddlambda.WrapFunction(h, &ddlambda.Config{
		DDTraceEnabled: true,
		FIPSMode:       &closed,
		TracerOptions:  []tracer.StartOption{tracer.WithDebugStack(false), tracer.WithAgentTimeout(agentTimeout)},
	})
	if f, ok := wrapped.(invoker); ok {
		return f
	}
	// Another version of the wrapper may give its handler another form, which Lambda's library can call.
	f := lambda.NewHandler(wrapped)
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		out, err := f.Invoke(ctx, event)
		return json.RawMessage(out), err
	}
}

// newRoot keeps the sender's trace from becoming ours: what it calls sees an event without trace headers, and finds the
// sender's trace id in the context.
func newRoot(next invoker) invoker {
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		event, upstream := withoutTrace(event)
		if upstream != "" {
			ctx = context.WithValue(ctx, upstreamKey{}, upstream)
		}
		return next(ctx, event)
	}
}
