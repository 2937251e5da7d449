package local

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// maxRequest is what the HTTP API takes of a body, in bytes.
const maxRequest = 10 << 20

// toEvent makes of a request what the HTTP API makes of it (payload format 2.0): header names in small letters and each
// once, cookies apart, the body in base64 unless its content type is one of text. The error is the connection's, or
// *http.MaxBytesError.
func toEvent(w http.ResponseWriter, r *http.Request, requestID string, now time.Time) (events.APIGatewayV2HTTPRequest, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return events.APIGatewayV2HTTPRequest{}, err
	}
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return events.APIGatewayV2HTTPRequest{}, errors.New("the connection has no address")
	}
	route := r.Method + " " + r.URL.Path
	e := events.APIGatewayV2HTTPRequest{
		Version:               "2.0",
		RouteKey:              route,
		RawPath:               r.URL.Path,
		RawQueryString:        r.URL.RawQuery,
		Cookies:               cookies(r.Header),
		Headers:               headers(r, source),
		QueryStringParameters: query(r),
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			AccountID: "000000000000", APIID: "local", Stage: "$default", RouteKey: route, RequestID: requestID,
			DomainName: r.Host, DomainPrefix: "local",
			Time: now.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent(),
			},
		},
	}
	if isText(r.Header.Get("Content-Type")) && utf8.Valid(body) {
		e.Body = string(body)
	} else if len(body) > 0 {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return e, nil
}

func headers(r *http.Request, source string) map[string]string {
	h := map[string]string{"host": r.Host, "x-forwarded-for": source, "x-forwarded-proto": "http"}
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		h["x-forwarded-port"] = port
	}
	for name, values := range r.Header {
		if name = strings.ToLower(name); name != "cookie" {
			h[name] = strings.Join(values, ",")
		}
	}
	return h
}

func cookies(h http.Header) []string {
	var all []string
	for _, line := range h.Values("Cookie") {
		for c := range strings.SplitSeq(line, ";") {
			all = append(all, strings.TrimSpace(c))
		}
	}
	return all
}

func query(r *http.Request) map[string]string {
	var q map[string]string
	for name, values := range r.URL.Query() {
		if q == nil {
			q = map[string]string{}
		}
		q[name] = strings.Join(values, ",")
	}
	return q
}

// isText tells the content types whose bodies the HTTP API hands on as they are. A request without one is taken for
// text here.
func isText(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	if contentType == "" {
		return true
	}
	if err != nil {
		return false
	}
	switch t {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "+json") || strings.HasSuffix(t, "+xml")
}
