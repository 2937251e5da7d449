package calltest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"syscall"
)

// RoundTrip implements http.RoundTripper, without a socket. It reports to net/http/httptrace as a connection would: that
// it was made, unless the request met Refuse, and that the request was written.
func (s *Server[X, B]) RoundTrip(r *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(r.Context())
	if trace != nil && trace.GetConn != nil {
		trace.GetConn(r.URL.Host)
	}
	n := &near{header: http.Header{}}
	s.meet(&Exchange{W: n, R: r, closing: s.closing, near: n})
	if n.refused {
		return nil, syscall.ECONNREFUSED
	}
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if err := r.Context().Err(); err != nil && n.status == 0 {
		return nil, err
	}
	if n.status == 0 {
		return nil, ErrReset
	}
	return n.response(r), nil
}

// ErrReset is what a client in process meets where the connection is cut.
var ErrReset = errors.New("the connection was reset")

// near is the answer of a Server in process: what a connection would carry.
type near struct {
	header  http.Header
	status  int // 0: nothing of the answer has been written
	body    bytes.Buffer
	broken  bool // and no more will come
	refused bool
}

func (n *near) Header() http.Header { return n.header }

func (n *near) WriteHeader(status int) {
	if n.status == 0 {
		n.status = status
	}
}

// Write takes what a client can be expected to read, and then is a connection that the client has closed.
func (n *near) Write(p []byte) (int, error) {
	n.WriteHeader(http.StatusOK)
	if n.broken || n.body.Len() > 2<<20 {
		return 0, ErrReset
	}
	return n.body.Write(p)
}

func (n *near) FlushError() error { return nil }

func (n *near) response(r *http.Request) *http.Response {
	body := io.Reader(&n.body)
	if n.broken {
		body = io.MultiReader(body, failing{})
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", n.status, http.StatusText(n.status)), StatusCode: n.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: n.header,
		Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}
}

// failing is the end of an answer that broke off.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, ErrReset }
