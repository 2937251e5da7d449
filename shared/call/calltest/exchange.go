package calltest

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/alertbridge/alertbridge/shared/clock"
)

// Exchange is one request and its answer to be.
type Exchange struct {
	W http.ResponseWriter
	R *http.Request

	closing <-chan struct{}
	near    *near // in process: the same as W; else nil
}

// Body reads the request's body, at most a mebibyte of it: more than any of the services takes.
func (x *Exchange) Body() ([]byte, error) {
	if x.R.Body == nil { // which a request that a client makes may not have
		return nil, nil
	}
	return io.ReadAll(io.LimitReader(x.R.Body, 1<<20))
}

// Reply answers.
func (x *Exchange) Reply(status int, contentType, body string) {
	x.W.Header().Set("Content-Type", contentType)
	x.W.WriteHeader(status)
	_, _ = io.WriteString(x.W, body)
}

// Begin sends the beginning of an answer that is said to have this many bytes.
func (x *Exchange) Begin(status, length int, beginning string) {
	x.W.Header().Set("Content-Length", strconv.Itoa(length))
	x.W.WriteHeader(status)
	_, _ = io.WriteString(x.W, beginning)
	_ = http.NewResponseController(x.W).Flush()
}

// Wait reports whether the time went by; false: the sender or the Server went away first.
func (x *Exchange) Wait(d time.Duration) bool {
	if x.near != nil {
		return clock.Sleep(x.R.Context(), d) == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-x.R.Context().Done():
	case <-x.closing:
	}
	return false
}

// Cut ends the connection with a reset instead of an orderly end.
func (x *Exchange) Cut() {
	if x.near != nil {
		x.near.broken = true
		return
	}
	conn, _, err := http.NewResponseController(x.W).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	raw := conn
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		raw = wrapped.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = raw.Close()
}

// Refuse lets there be no connection: the request does not leave. Over a socket, where there is one already, it is Cut.
func (x *Exchange) Refuse() {
	if x.near != nil {
		x.near.refused = true
		return
	}
	x.Cut()
}
