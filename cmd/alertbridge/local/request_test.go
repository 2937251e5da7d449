package local

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

func TestToEventDoesWhatTheHTTPAPIDoes(t *testing.T) {
	now := time.Date(2026, 11, 3, 10, 0, 0, 500_000_000, time.UTC)
	var got events.APIGatewayV2HTTPRequest
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		if got, err = toEvent(w, r, "JKJaXmPLvHcESHA=", now); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	req, _ := http.NewRequest("POST", server.URL+"/datadog?a=1&b=x%20y&a=3", strings.NewReader("{}"))
	req.Header = http.Header{
		"Content-Type": {"application/json; charset=utf-8"}, "X-Some-Thing": {"1", "2"}, "Cookie": {"a=b; c=d"},
		"User-Agent": {"python-requests/2.32.4"},
	}
	if _, err := http.DefaultClient.Do(req); err != nil {
		t.Fatal(err)
	}
	c := got.RequestContext
	for _, row := range []struct{ what, got, want string }{
		{"version", got.Version, "2.0"},
		{"route", got.RouteKey + " " + c.RouteKey, "POST /datadog POST /datadog"},
		{"path", got.RawPath + " " + c.HTTP.Path, "/datadog /datadog"},
		{"query", got.RawQueryString, "a=1&b=x%20y&a=3"},
		{"query parameters", got.QueryStringParameters["a"] + " " + got.QueryStringParameters["b"], "1,3 x y"},
		{"a header in small letters, with all its values", got.Headers["x-some-thing"], "1,2"},
		{"host", got.Headers["host"], strings.TrimPrefix(server.URL, "http://")},
		{"length", got.Headers["content-length"], "2"},
		{"where it came from", got.Headers["x-forwarded-for"] + " " + c.HTTP.SourceIP, "127.0.0.1 127.0.0.1"},
		{"no cookies among the headers", got.Headers["cookie"], ""},
		{"cookies", strings.Join(got.Cookies, "|"), "a=b|c=d"},
		{"who", c.HTTP.UserAgent, "python-requests/2.32.4"},
		{"method", c.HTTP.Method, "POST"},
		{"request", c.RequestID, "JKJaXmPLvHcESHA="},
		{"time", c.Time, "03/Nov/2026:10:00:00 +0000"},
		{"body", got.Body, "{}"},
	} {
		if row.got != row.want {
			t.Errorf("%s: %q, want %q", row.what, row.got, row.want)
		}
	}
	if c.TimeEpoch != 1793700000500 || got.IsBase64Encoded {
		t.Errorf("time %d, base64 %t", c.TimeEpoch, got.IsBase64Encoded)
	}
}

func TestBodiesThatAreNotTextComeInBase64(t *testing.T) {
	for _, row := range []struct {
		contentType, body string
		encoded           bool
	}{
		{"application/json", `{"a":"ü"}`, false},
		{"application/vnd.api+json; charset=utf-8", `{}`, false},
		{"text/plain", "hello", false},
		{"", "hello", false},
		{"application/x-www-form-urlencoded", "a=b", true},
		{"application/octet-stream", "{}", true},
		{"application/json", "\xff\xfe", true},
		{"no type at all", "{}", true},
		{"application/octet-stream", "", false},
	} {
		r := httptest.NewRequest("POST", "/datadog", strings.NewReader(row.body))
		r.Header.Set("Content-Type", row.contentType)
		e, err := toEvent(httptest.NewRecorder(), r, "x", time.Now())
		want := row.body
		if row.encoded {
			want = base64.StdEncoding.EncodeToString([]byte(row.body))
		}
		if err != nil || e.IsBase64Encoded != row.encoded || e.Body != want {
			t.Errorf("%q: base64 %t, %q, %v, want %t, %q", row.contentType, e.IsBase64Encoded, e.Body, err, row.encoded, want)
		}
	}
}

func TestToEventBoundsTheBody(t *testing.T) {
	r := httptest.NewRequest("POST", "/datadog", io.LimitReader(zeros{}, maxRequest+1))
	_, err := toEvent(httptest.NewRecorder(), r, "x", time.Now())
	if tooLong := (*http.MaxBytesError)(nil); !errors.As(err, &tooLong) {
		t.Errorf("%d bytes were taken: %v", maxRequest+1, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
