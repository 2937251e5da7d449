package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/events"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/ext"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/tracer"
)

// Span is a piece of work as it is shown in a trace. The zero Span, which every function here returns when there is no
// trace, does nothing.
type Span struct{ dd ddtrace.Span }

// Tag says something about the work, for searching. An empty value is not kept, a long one is cut to 200 bytes, and a
// secret is hidden.
func (s Span) Tag(key, value string) {
	if s.dd == nil || value == "" {
		return
	}
	value = hide(value)
	s.dd.SetTag(key, strings.ToValidUTF8(value[:min(len(value), 200)], ""))
}

// End ends the work; with an error, it has failed. Call it once.
func (s Span) End(err error) {
	if s.dd == nil {
		return
	}
	if err != nil {
		mark(s.dd, err)
	}
	s.dd.Finish()
}

// entryKey is where enter and StartRecord leave the span that Fail marks.
type entryKey struct{}

// upperKey is where enter leaves room for the upper half of the id of the invocation's trace. Where the wrapper continued
// the trace of the first message, it knows the lower half only: the first message tells the upper one to the others.
type upperKey struct{}

// enter makes the invocation's span, if there is one, the service's entry, and tells it which trace the sender was in.
func enter(ctx context.Context) context.Context {
	span, ok := tracer.SpanFromContext(ctx)
	if !ok {
		return ctx
	}
	if upstream, ok := ctx.Value(upstreamKey{}).(string); ok {
		span.SetTag("upstream.trace_id", hide(upstream))
	}
	ctx = context.WithValue(ctx, upperKey{}, new(atomic.Uint64))
	return context.WithValue(ctx, entryKey{}, span)
}

// Fail marks the service's entry span, the message's or else the invocation's, as failed. Datadog's Error Tracking looks
// at that span only. It is for an error that was dealt with, such as a refused start: one that a handler returns is
// marked by Wrap, and one given to Span.End by that.
func Fail(ctx context.Context, err error) {
	if span, ok := ctx.Value(entryKey{}).(ddtrace.Span); ok && err != nil {
		mark(span, err)
	}
}

// mark writes what Error Tracking needs. The stack is that of the caller's caller: errors carry none.
func mark(span ddtrace.Span, err error) {
	trail := ""
	if p := (*PanicError)(nil); errors.As(err, &p) {
		trail = p.Stack
	} else {
		trail = stack(2)
	}
	span.SetTag(ext.Error, true)
	span.SetTag(ext.ErrorMsg, message(err))
	span.SetTag(ext.ErrorType, kind(err))
	span.SetTag(ext.ErrorStack, trail)
}

// message is the error's text in one line, without secrets and without the address that an http.Client puts into its errors.
func message(err error) string {
	text := err.Error()
	if u := (*url.Error)(nil); errors.As(err, &u) && u.URL != "" {
		text = strings.ReplaceAll(text, strconv.Quote(u.URL), "the address")
		text = strings.ReplaceAll(text, u.URL, "the address")
	}
	return oneLine(text)
}

// kind is the type of the outermost error that is more than words around another one.
func kind(err error) string {
	for e := err; e != nil; e = errors.Unwrap(e) {
		switch t := reflect.TypeOf(e).String(); t {
		case "*fmt.wrapError", "*errors.errorString", "*telemetry.lineError":
		default:
			return t
		}
	}
	return "error"
}

// TraceID is the trace of the context's span, 32 hexadecimal digits, or "".
func TraceID(ctx context.Context) string {
	span, ok := tracer.SpanFromContext(ctx)
	if !ok {
		return ""
	}
	return hexTraceID(span.Context())
}

func hexTraceID(sc ddtrace.SpanContext) string {
	if w, ok := sc.(ddtrace.SpanContextW3C); ok {
		return w.TraceID128()
	}
	return ""
}

// TraceAttribute is the message attribute, of type String, that carries a trace through SQS. It is the one that
// Datadog's own libraries and its extension use.
const TraceAttribute = "_datadog"

// MaxCarrier bounds a carrier, in bytes. Usual are 300 to 400.
const MaxCarrier = 1024

// Carrier is the context's span in a form that can be sent and kept: a JSON object of headers in ASCII, at most
// MaxCarrier bytes. It is "" when there is no trace, and then TraceAttribute must not be sent at all: SQS refuses an
// empty attribute.
func Carrier(ctx context.Context) string {
	span, ok := tracer.SpanFromContext(ctx)
	if !ok {
		return ""
	}
	headers := tracer.TextMapCarrier{}
	if tracer.Inject(span.Context(), headers) != nil {
		return ""
	}
	dropBaggage(headers)
	text, err := json.Marshal(headers)
	if err != nil || len(headers) == 0 || len(text) > MaxCarrier {
		return ""
	}
	return string(text)
}

// extract reads a carrier, nil when it is missing, too long, or none.
func extract(carrier string) ddtrace.SpanContext {
	if carrier == "" || len(carrier) > MaxCarrier {
		return nil
	}
	headers := tracer.TextMapCarrier{}
	if json.Unmarshal([]byte(carrier), &headers) != nil {
		return nil
	}
	dropBaggage(headers)
	sc, err := tracer.Extract(headers)
	if err != nil {
		return nil
	}
	return sc
}

// dropBaggage leaves what says which span it is. Baggage is anybody's words, and travels under several names.
func dropBaggage(headers tracer.TextMapCarrier) {
	maps.DeleteFunc(headers, func(name, _ string) bool { return !isTraceHeader(name) || name == "baggage" })
}

// link points to another span. What kind of relation it is becomes an attribute.
func link(to ddtrace.SpanContext, relation string) ddtrace.SpanLink {
	l := ddtrace.SpanLink{TraceID: to.TraceID(), SpanID: to.SpanID(), Attributes: map[string]string{"link.kind": relation}}
	if id := hexTraceID(to); len(id) == 32 {
		l.TraceIDHigh, _ = strconv.ParseUint(id[:16], 16, 64)
	}
	return l
}

// start begins a span below the context's, or does nothing when there is none.
func start(ctx context.Context, name string, opts ...ddtrace.StartSpanOption) (context.Context, Span) {
	if _, ok := tracer.SpanFromContext(ctx); !ok {
		return ctx, Span{}
	}
	span, ctx := tracer.StartSpanFromContext(ctx, name, opts...)
	return ctx, Span{span}
}

// StartSend begins the span of sending one message. Carrier of the returned context belongs into the message.
func StartSend(ctx context.Context, queue string) (context.Context, Span) {
	if _, ok := tracer.SpanFromContext(ctx); !ok {
		return ctx, Span{}
	}
	return start(ctx, "aws.sqs.send", append(messaging(queue, ext.SpanKindProducer),
		tracer.ResourceName("SendMessage "+queue), tracer.Tag("peer.service", queue))...)
}

// StartRecord begins the span of handling one message. It is a child of the span that sent the message, with a link to
// this invocation; a message without a usable carrier is handled below the invocation. It is the service's entry, so
// that Fail with the returned context marks it.
func StartRecord(ctx context.Context, m events.SQSMessage) (context.Context, Span) {
	invocation, ok := tracer.SpanFromContext(ctx)
	if !ok {
		return ctx, Span{}
	}
	queue := m.EventSourceARN[strings.LastIndexByte(m.EventSourceARN, ':')+1:]
	opts := append(messaging(queue, ext.SpanKindConsumer), tracer.ResourceName("process "+queue),
		tracer.Tag("messaging.message_id", m.MessageId))
	if n := m.Attributes["ApproximateReceiveCount"]; n != "" {
		opts = append(opts, tracer.Tag("retry_count", n))
	}

	sender := extract(carried(m))
	if sender == nil {
		return start(ctx, "aws.sqs.process", opts...)
	}
	back := link(invocation.Context(), "invocation")
	if upper, ok := ctx.Value(upperKey{}).(*atomic.Uint64); ok && back.TraceIDHigh == 0 {
		if back.TraceID == sender.TraceID() {
			upper.Store(link(sender, "").TraceIDHigh)
		}
		back.TraceIDHigh = upper.Load()
	}
	span := tracer.StartSpan("aws.sqs.process", append(opts, tracer.ChildOf(sender),
		tracer.WithSpanLinks([]ddtrace.SpanLink{back}))...)
	ctx = context.WithValue(tracer.ContextWithSpan(ctx, span), entryKey{}, span)
	return ctx, Span{span}
}

func messaging(queue, spanKind string) []ddtrace.StartSpanOption {
	return []ddtrace.StartSpanOption{
		tracer.SpanType("queue"),
		tracer.Tag(ext.SpanKind, spanKind),
		tracer.Tag("messaging.system", "amazonsqs"),
		tracer.Tag("queuename", queue),
	}
}

func carried(m events.SQSMessage) string {
	if a, ok := m.MessageAttributes[TraceAttribute]; ok && a.StringValue != nil {
		return *a.StringValue
	}
	return ""
}

// StartDue begins the span of a start that had to wait. It belongs to the tick that made it; a link leads to the span
// whose carrier the ledger has kept since the case was opened. Without a usable carrier there is no link.
func StartDue(ctx context.Context, carrier, caseID string) (context.Context, Span) {
	if _, ok := tracer.SpanFromContext(ctx); !ok {
		return ctx, Span{}
	}
	opts := []ddtrace.StartSpanOption{tracer.ResourceName("start case"), tracer.Tag("case", caseID)}
	if first := extract(carrier); first != nil {
		opts = append(opts, tracer.WithSpanLinks([]ddtrace.SpanLink{link(first, "first_alert")}))
	}
	return start(ctx, "start.due", opts...)
}
