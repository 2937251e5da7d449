package agenttest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"syscall"
)

// NewInProcess makes an Agent that listens nowhere: its RoundTrip is the way to it. What would wait, waits on the clock
// that the request's context carries (package clock), and so in virtual time where there is one. Address and TLS mean
// nothing here.
func NewInProcess(o Options) *Server {
	s := newServer(o)
	s.base = "http://127.0.0.1"
	s.secrets.Set(s.Secret())
	return s
}

// RoundTrip implements http.RoundTripper, for a Server in process. It reports to net/http/httptrace as a connection
// would: that it was made, unless the request met Unreachable, and that the request was written.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(r.Context())
	if trace != nil && trace.GetConn != nil {
		trace.GetConn(r.URL.Host)
	}
	n := &near{header: http.Header{}}
	s.behaviour()(&Exchange{server: s, w: n, r: r, near: n})
	if n.unreached {
		return nil, syscall.ECONNREFUSED
	}
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if err := r.Context().Err(); err != nil && !n.began {
		return nil, err
	}
	if !n.began {
		return nil, errReset
	}
	return n.response(r), nil
}

// Unreachable is an Agent to which there is no connection: the request does not leave. Over a socket, where there is one
// already, it resets that instead.
func Unreachable(x *Exchange) {
	if x.near != nil {
		x.near.unreached = true
		return
	}
	x.cut()
}

var errReset = errors.New("the connection was reset")

// near is the answer of a Server in process: what a connection would carry.
type near struct {
	header    http.Header
	status    int
	body      bytes.Buffer
	began     bool // something of the answer has been written
	broken    bool // and no more will come
	unreached bool
}

func (n *near) Header() http.Header { return n.header }

func (n *near) WriteHeader(status int) {
	if !n.began {
		n.status, n.began = status, true
	}
}

// Write takes what a client can be expected to read, and then is a connection that the client has closed.
func (n *near) Write(p []byte) (int, error) {
	n.WriteHeader(http.StatusOK)
	if n.broken || n.body.Len() > 2<<20 {
		return 0, errReset
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
		StatusCode: n.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: n.header,
		Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}
}

// failing is the end of an answer that broke off.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errReset }
