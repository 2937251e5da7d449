// Package telemetry is what people on call see of alertbridge: spans, counters and log records. It is the only home of
// Datadog's tracing packages, so that leaving them, or moving to their successors, is a change of this package alone.
//
// A main reads its settings with FromEnv, makes a Logger and a Recorder of them, and hands its handler to Start. Nothing
// here is global: whoever logs or counts was given the logger and the Recorder. What travels with the context is the
// span, and only that.
//
// Datadog is optional and is either there as a whole or not at all. Start looks for the file of Datadog's extension.
// Without it nothing of Datadog runs: the handler is not wrapped, no tracer is started, every function about spans does
// nothing and costs next to nothing, and Carrier and TraceID answer "". It must be so, because Datadog's wrapper without
// its extension sends metrics to Datadog's public API during the invocation, and waits for it without a time limit.
// With the extension the handler is wrapped, and there is a span wherever the context has one above it. An extension that
// answers nobody costs 2 s when a function starts and 6 s in each invocation, and no alert.
//
// # Spans
//
//	ingest      aws.lambda ─ aws.sqs.send
//	                              │ message attribute TraceAttribute
//	dispatcher  aws.lambda ◄╌╌ aws.sqs.process ─ http.request   (the call to the Agent)
//	scheduler   aws.lambda ─ start.due ─ http.request
//	                              ╎ link to the span whose Carrier the ledger has kept
//	outcome     aws.lambda ─ aws.sqs.process   (a trace of its own)
//
// The trace begins in ingest. Datadog's webhook sends headers of a trace of its own, unsampled and not ours, which both
// Datadog's wrapper and its extension would continue; so Start takes them out of the event before either sees it, and
// keeps only that trace's id, as a tag. A message's span is a child of the span that sent it, record for record, because
// the extension looks at the first record of a batch only; a link leads to the invocation that handled it. The Agent's
// events come from EventBridge without a trace of ours, and minutes later. So theirs are their own, and what leads from one
// trace to another is the tag case, which aws.sqs.process and start.due have.
//
// No trace header goes to the Agent, and no path, query or secret of its address into a span: the path of a webhook's
// address can be a secret.
//
// # Counters
//
// The table in metric.go is all there is. A counter is always written to standard output in CloudWatch's embedded
// metric format, because alarms stand on it and an alarm must not be dark for those who have Datadog; with the extension
// it goes to Datadog as well. Each count is written at once and not at the end of the invocation: one that is killed
// at its deadline loses none.
//
// # Log records
//
// JSON lines on standard output, with the names that AWS Lambda's own log format has (timestamp, level, message). With
// a span in the context they carry its ids, in an invocation the request's id.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"
)

// ExtensionFile exists where Datadog's extension is part of the function. It is what Datadog's own library looks at.
const ExtensionFile = "/opt/extensions/datadog-agent"

// Config says who is speaking, and where to.
type Config struct {
	Function string     // the name in every record and counter
	Version  string     // of alertbridge, "" when unknown
	Stack    string     // tells several installations in one account apart: the dimension of every counter
	Level    slog.Level // the least important level that is logged
	Datadog  bool       // whether Datadog's extension is there

	// Out takes log records and counters, a line at a time, from several goroutines. nil is os.Stdout.
	Out io.Writer
	// Now is the clock of the counters. nil is time.Now.
	Now func() time.Time
}

// FromEnv reads AWS_LAMBDA_FUNCTION_NAME, STACK_NAME, DD_VERSION and LOG_LEVEL (debug, info, warn or error; info when it
// is empty), and looks whether Datadog's extension is there. Its error is meant for the operator.
func FromEnv(getenv func(string) string) (Config, error) {
	cfg := Config{
		Function: getenv("AWS_LAMBDA_FUNCTION_NAME"),
		Version:  getenv("DD_VERSION"),
		Stack:    getenv("STACK_NAME"),
	}
	switch level := strings.ToLower(getenv("LOG_LEVEL")); level {
	case "debug":
		cfg.Level = slog.LevelDebug
	case "", "info":
		cfg.Level = slog.LevelInfo
	case "warn":
		cfg.Level = slog.LevelWarn
	case "error":
		cfg.Level = slog.LevelError
	default:
		return Config{}, fmt.Errorf("LOG_LEVEL is %q; set it to debug, info, warn or error", level)
	}
	_, err := os.Stat(ExtensionFile)
	cfg.Datadog = err == nil
	return cfg, nil
}

func (c Config) out() io.Writer {
	if c.Out == nil {
		return os.Stdout
	}
	return c.Out
}

func (c Config) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}
