package telemetry

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	slogtrace "gopkg.in/DataDog/dd-trace-go.v1/contrib/log/slog"
)

// Logger makes the logger of a function. Its records have the members timestamp, level and message, by which Lambda
// filters them, function and version, in an invocation request_id, and with a span in the context dd.trace_id (32
// hexadecimal digits) and dd.span_id. Use the Context variants, or these are missing. request_id is inside a group when
// one is open.
//
// It does not become slog's default: whoever logs is given it.
func Logger(cfg Config) *slog.Logger {
	lines := slog.NewJSONHandler(cfg.out(), &slog.HandlerOptions{Level: cfg.Level, ReplaceAttr: asWritten})
	return slog.New(slogtrace.WrapHandler(invocation{lines})).With("function", cfg.Function, "version", cfg.Version)
}

// asWritten gives an attribute the name that Lambda reads and a text without secrets.
func asWritten(groups []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(hide(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case error:
			a.Value = slog.StringValue(hide(v.Error()))
		case []string:
			hidden := make([]string, len(v)) // the caller's list stays as it is
			for i, text := range v {
				hidden[i] = hide(text)
			}
			a.Value = slog.AnyValue(hidden)
		}
	}
	return asLambdaNames(groups, a)
}

// stamp is UTC, and marks a record's own time.
var stamp time.Location

// asLambdaNames gives a record's time and message the names that Lambda reads. An attribute called time, such as that of
// an alert, keeps its name: Lambda would take it for the record's.
func asLambdaNames(groups []string, a slog.Attr) slog.Attr {
	switch {
	case len(groups) > 0:
	case a.Key == slog.MessageKey:
		a.Key = "message"
	case a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime && a.Value.Time().Location() == &stamp:
		a.Key = "timestamp"
	}
	return a
}

// invocation adds the request's id to records.
type invocation struct{ slog.Handler }

func (h invocation) Handle(ctx context.Context, r slog.Record) error {
	r.Time = r.Time.In(&stamp)
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		r.AddAttrs(slog.String("request_id", lc.AwsRequestID))
	}
	return h.Handler.Handle(ctx, r)
}

func (h invocation) WithAttrs(attrs []slog.Attr) slog.Handler {
	return invocation{h.Handler.WithAttrs(attrs)}
}

func (h invocation) WithGroup(name string) slog.Handler { return invocation{h.Handler.WithGroup(name)} }

// libraryLog makes records of what libraries print: lines of package log, some of them JSON of Datadog's wrapper or of
// Lambda's library, and lines of the tracer.
type libraryLog struct {
	log  *slog.Logger
	told atomic.Value // the text of the last error that the handler returned
}

// telling notes the errors that leave h. A handler that returns one has written what there is to say about it, and
// Lambda's library prints it once more.
func telling[In, Out any](l *libraryLog, h func(context.Context, In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (Out, error) {
		out, err := h(ctx, in)
		if err != nil {
			l.told.Store(err.Error())
		}
		return out, err
	}
}

// Write takes a line of package log.
func (l *libraryLog) Write(line []byte) (int, error) {
	var said struct{ Status, Message, ErrorMessage string }
	_ = json.Unmarshal(line, &said) // any other text stays as it is
	switch {
	case said.ErrorMessage != "" && said.ErrorMessage == l.told.Load():
	case said.ErrorMessage != "": // of an event that did not reach the handler
		l.print("error", "the invocation failed: "+said.ErrorMessage)
	case said.Message != "":
		l.print(said.Status, said.Message)
	default:
		l.print("info", strings.TrimSpace(string(line)))
	}
	return len(line), nil
}

// Log takes a line of the tracer: "Datadog Tracer v1.2.3 WARN: …".
func (l *libraryLog) Log(line string) {
	head, text, _ := strings.Cut(strings.TrimSpace(line), ": ")
	level := strings.ToLower(head[strings.LastIndexByte(head, ' ')+1:])
	if strings.HasPrefix(text, "Remote config startup error") {
		level = "debug" // said at every cold start, because remote configuration is switched off on purpose
	}
	l.print(level, "datadog: "+text)
}

func (l *libraryLog) print(level, message string) {
	switch level {
	case "error":
		l.log.Error(message)
	case "warn", "warning":
		l.log.Warn(message)
	case "debug":
		l.log.Debug(message)
	default:
		l.log.Info(message)
	}
}
