package telemetry

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/mocktracer"
)

func TestTransport(t *testing.T) {
	status := http.StatusOK
	var got http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		w.WriteHeader(status)
	}))
	defer srv.Close()
	closed := httptest.NewServer(nil)
	closed.Close()

	for _, row := range []struct {
		why, url string
		status   int
		failed   bool
	}{
		{"accepted", srv.URL, 200, false},
		{"a redirect is for the caller to judge", srv.URL, 302, false},
		{"refused", srv.URL, 400, true},
		{"down behind its door", srv.URL, 503, true},
		{"no answer at all", closed.URL, 0, true},
	} {
		t.Run(row.why, func(t *testing.T) {
			spans, ctx, end := traced(t)
			status, got = row.status, nil
			c := &http.Client{Transport: Transport(nil), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, row.url+"/hook/SECRET?x=SECRET", strings.NewReader("{}"))
			r.Header.Set("Authorization", "Bearer SECRET")
			res, err := c.Do(r)
			end(nil)
			if (err != nil) != (row.status == 0) {
				t.Fatal(err)
			}
			if err == nil {
				res.Body.Close()
			}
			for name := range got {
				if isTraceHeader(strings.ToLower(name)) {
					t.Errorf("the Agent is sent %s", name)
				}
			}
			s := spans()["http.request"]
			if s == nil || s.ParentID() != spans()["aws.lambda"].SpanID() {
				t.Fatalf("span %v", s)
			}
			want := map[string]any{
				"resource.name": "POST aws-devops-agent", "peer.service": "aws-devops-agent", "span.kind": "client",
				"http.url": row.url, "http.method": "POST", "http.status_code": nil,
			}
			if row.status != 0 {
				want["http.status_code"] = fmt.Sprint(row.status)
			}
			for tag, v := range want {
				if have := s.Tag(tag); have != v && fmt.Sprint(have) != v {
					t.Errorf("%s is %v, want %v", tag, have, v)
				}
			}
			if failed := s.Tag("error.message") != nil; failed != row.failed {
				t.Errorf("failed is %t: %v", failed, s.Tags())
			}
			if all := fmt.Sprint(s.Tags()); strings.Contains(all, "SECRET") || strings.Contains(all, "/hook") {
				t.Errorf("the address is in %s", all)
			}
		})
	}
}

// Neither what an error says of the address nor what a server writes into its status line reaches the span.
func TestTransportIsQuiet(t *testing.T) {
	for why, answer := range map[string]roundTrip{
		"error": func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: errors.New("proxy says: no way for ana@example.com")}
		},
		"status line": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 403, Status: "403 not SECRET of ana@example.com", Body: http.NoBody}, nil
		},
	} {
		spans, ctx, end := traced(t)
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "https://agent.example/hook/SECRET", nil)
		_, err := Transport(answer).RoundTrip(r)
		end(nil)
		tags := spans()["http.request"].Tags()
		if all := fmt.Sprint(tags); strings.Contains(all, "SECRET") || strings.Contains(all, "ana@") || tags["error.message"] == nil {
			t.Errorf("%s: %s", why, all)
		}
		if u := (*url.Error)(nil); why == "error" && (!errors.As(err, &u) || tags["error.type"] != "*url.Error") {
			t.Errorf("the cause %T is lost, or its type: %v", err, tags["error.type"])
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// countingTransport counts what passes.
type countingTransport struct{ calls, closes int }

func (c *countingTransport) RoundTrip(*http.Request) (*http.Response, error) {
	c.calls++
	return nil, errors.New("no network here")
}
func (c *countingTransport) CloseIdleConnections() { c.closes++ }

func TestTransportWithoutTraceOnlyPassesOn(t *testing.T) {
	mt := mocktracer.Start() // a tracer that would take what is wrongly started
	defer mt.Stop()
	base := &countingTransport{}
	c := &http.Client{Transport: Transport(base)}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://agent.example/", nil)
	if _, err := c.Do(r); err == nil || base.calls != 1 {
		t.Errorf("%v, %d calls", err, base.calls)
	}
	if n := len(mt.FinishedSpans()) + len(mt.OpenSpans()); n != 0 {
		t.Errorf("%d spans", n)
	}
	if c.CloseIdleConnections(); base.closes != 1 {
		t.Error("idle connections cannot be closed")
	}
	Transport(http.NewFileTransport(http.Dir("."))).(interface{ CloseIdleConnections() }).CloseIdleConnections()
}

// Each of those who are called is a service of its own among Datadog's.
func TestTransportNamesWhomItCalls(t *testing.T) {
	for _, service := range []string{AgentService, EventsService, PagerService} {
		spans, ctx, end := traced(t)
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "https://example.com/", nil)
		_, err := TransportTo(service, &countingTransport{}).RoundTrip(r)
		end(nil)
		s := spans()["http.request"]
		if err == nil || s.Tag("peer.service") != service || s.Tag("resource.name") != "POST "+service {
			t.Errorf("%s: %v", service, s.Tags())
		}
	}
}
