package telemetry

import (
	"net/http"
	"strconv"

	httptrace "gopkg.in/DataDog/dd-trace-go.v1/contrib/net/http"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/ext"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/tracer"
)

// AgentService is the name of AWS DevOps Agent among Datadog's services.
const AgentService = "aws-devops-agent"

// The names of the places where answers go, among Datadog's services.
const (
	EventsService = "datadog-events"
	PagerService  = "pagerduty-events"
)

// Transport is TransportTo the Agent.
func Transport(base http.RoundTripper) http.RoundTripper { return TransportTo(AgentService, base) }

// TransportTo gives every request to a service a client span, where its context has one above it. The service's address is
// kept as scheme and host only, because path and query can be secret. It gets no trace headers: they are of no
// use to it and none of its business. A status of 400 and above, and no answer at all, mark the span as failed. What the
// other side says of a failure is kept as a number, what the way to it says without secrets.
//
// base does the work; nil is http.DefaultTransport.
func TransportTo(service string, base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return transport{plain: base, traced: httptrace.WrapRoundTripper(quiet{base},
		httptrace.RTWithPropagation(false),
		httptrace.WithBefore(func(r *http.Request, s ddtrace.Span) {
			s.SetTag(ext.HTTPURL, r.URL.Scheme+"://"+r.URL.Host)
		}),
		httptrace.RTWithResourceNamer(func(r *http.Request) string { return r.Method + " " + service }),
		httptrace.RTWithSpanOptions(tracer.Tag("peer.service", service)),
		httptrace.RTWithStatusCheck(func(status int) bool { return status >= 400 }),
		httptrace.RTWithErrorCheck(func(error) bool { return false }), // quiet has marked the span
	)}
}

// quiet is below Datadog's wrapper, which would put the text of an error and the words of a status line into the span.
type quiet struct{ base http.RoundTripper }

func (q quiet) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := q.base.RoundTrip(r)
	if err != nil {
		if span, ok := tracer.SpanFromContext(r.Context()); ok {
			mark(span, err)
		}
		return resp, &lineError{message(err), err}
	}
	resp.Status = strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
	return resp, nil
}

type transport struct{ plain, traced http.RoundTripper }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, ok := tracer.SpanFromContext(r.Context()); !ok {
		return t.plain.RoundTrip(r)
	}
	return t.traced.RoundTrip(r)
}

// CloseIdleConnections is what http.Client.CloseIdleConnections asks its transport for.
func (t transport) CloseIdleConnections() {
	if c, ok := t.plain.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
