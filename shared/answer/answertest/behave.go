package answertest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alertbridge/alertbridge/shared/clock"
)

// Behaviour is how a stand-in meets one request.
type Behaviour func(*Exchange)

// Exchange is one request and its answer to be.
type Exchange struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	near   *near // in process: the same as w; else nil
	taken  bool
}

// Honest is the service as it should be.
func Honest(x *Exchange) {
	v := x.server.take(x.r, true)
	x.reply(v.status, v.body)
}

// Taken lets the service take the request, with all that follows from it, and then answers as b does.
func Taken(b Behaviour) Behaviour {
	return func(x *Exchange) {
		x.server.take(x.r, true)
		x.taken = true
		b(x)
	}
}

// Slow waits and is then honest.
func Slow(d time.Duration) Behaviour {
	return func(x *Exchange) {
		if x.wait(d) {
			Honest(x)
		}
	}
}

// Hang answers nothing until the sender gives up or the stand-in is closed.
func Hang(x *Exchange) {
	x.read()
	x.wait(time.Hour)
	x.cut()
}

// Reset reads the request and resets the connection.
func Reset(x *Exchange) {
	x.read()
	x.cut()
}

// ResetInAnswer resets the connection in the middle of an answer.
func ResetInAnswer(x *Exchange) {
	x.read()
	x.w.Header().Set("Content-Length", "100")
	x.w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(x.w, `{"status":`)
	_ = http.NewResponseController(x.w).Flush()
	x.cut()
}

// Status answers with this status and body, whatever came.
func Status(status int, body string) Behaviour {
	return func(x *Exchange) {
		x.read()
		x.reply(status, body)
	}
}

// Throttled answers 429 with this Retry-After, seconds or a date; "" sends none.
func Throttled(retryAfter string) Behaviour {
	return func(x *Exchange) {
		x.read()
		if retryAfter != "" {
			x.w.Header().Set("Retry-After", retryAfter)
		}
		x.reply(http.StatusTooManyRequests, `{"status":"throttle exceeded","message":"Requests for this service are arriving too quickly.","errors":["Too many requests"]}`)
	}
}

// RateLimited answers 429 as Datadog says how many seconds are left of the period.
func RateLimited(seconds int) Behaviour {
	return func(x *Exchange) {
		x.read()
		x.w.Header().Set("X-RateLimit-Reset", strconv.Itoa(seconds))
		x.reply(http.StatusTooManyRequests, `{"errors":["Too many requests"]}`)
	}
}

// Redirected sends the sender elsewhere.
func Redirected(to string) Behaviour {
	return func(x *Exchange) {
		x.read()
		x.w.Header().Set("Location", to)
		x.reply(http.StatusTemporaryRedirect, "")
	}
}

// The answers of 202 that mean nothing.
var (
	Queued  = Status(http.StatusAccepted, `{"status":"queued","message":"we will see"}`)
	Empty   = Status(http.StatusAccepted, "")
	Garbage = Status(http.StatusAccepted, "\x00\xff{\"status\": \"succ")
	Page    = Status(http.StatusOK, "<html><title>Sign in</title>status success ok</html>")
)

// Huge is a good answer in a body of a mebibyte.
func Huge(x *Exchange) {
	x.read()
	x.reply(http.StatusAccepted, `{"pad":"`+strings.Repeat("x", 1<<20)+`","status":"success"}`)
}

// Echo refuses a request and repeats the whole of it, key and all.
func Echo(x *Exchange) {
	var said strings.Builder
	_ = x.r.Header.Write(&said)
	body, _ := io.ReadAll(io.LimitReader(x.r.Body, maxBody))
	x.reply(http.StatusBadRequest, `{"status":"invalid event","message":`+strconv.QuoteToASCII(said.String()+string(body))+`}`)
}

// Unreachable is a service to which there is no connection. Over a socket, where there is one already, it resets that.
func Unreachable(x *Exchange) {
	if x.near != nil {
		x.near.unreached = true
		return
	}
	x.cut()
}

// Behaviours are all the ways to meet a request, by name, for tests that meet each of them. Those with Hang in their name
// end when the sender gives up.
func Behaviours() map[string]Behaviour {
	return map[string]Behaviour{
		"Honest":                    Honest,
		"Taken, then Reset":         Taken(Reset),
		"Taken, then 500":           Taken(Status(500, "oops")),
		"Taken, then Hang":          Taken(Hang),
		"Slow":                      Slow(20 * time.Millisecond),
		"Hang":                      Hang,
		"Reset":                     Reset,
		"ResetInAnswer":             ResetInAnswer,
		"Status 400":                Status(400, `{"errors":["no"]}`),
		"Status 401":                Status(401, "{}"),
		"Status 403":                Status(403, `{"errors":["Forbidden"]}`),
		"Status 404":                Status(404, ""),
		"Status 413":                Status(413, ""),
		"Status 500":                Status(500, `{"message":"Internal server error"}`),
		"Status 503":                Status(503, ""),
		"Throttled for two minutes": Throttled("120"),
		"Throttled for who knows":   Throttled(""),
		"RateLimited":               RateLimited(30),
		"Redirected":                Redirected("https://example.com/"),
		"Queued":                    Queued,
		"Empty":                     Empty,
		"Garbage":                   Garbage,
		"Page":                      Page,
		"Huge":                      Huge,
		"Echo":                      Echo,
		"Unreachable":               Unreachable,
	}
}

// read takes the body off the connection and keeps it without judging, unless that has been done.
func (x *Exchange) read() {
	if !x.taken {
		x.server.take(x.r, false)
	}
}

func (x *Exchange) reply(status int, body string) {
	x.w.Header().Set("Content-Type", "application/json")
	x.w.WriteHeader(status)
	_, _ = io.WriteString(x.w, body)
}

// wait reports whether the time went by; false: the sender or the stand-in went away first.
func (x *Exchange) wait(d time.Duration) bool {
	if x.near != nil {
		return clock.Sleep(x.r.Context(), d) == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-x.r.Context().Done():
	case <-x.server.closing:
	}
	return false
}

// cut ends the connection with a reset instead of an orderly end.
func (x *Exchange) cut() {
	if x.near != nil {
		x.near.broken = true
		return
	}
	conn, _, err := http.NewResponseController(x.w).Hijack()
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

// RoundTrip implements http.RoundTripper, for a stand-in in process. It reports to net/http/httptrace as a connection
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
	if err := r.Context().Err(); err != nil && n.status == 0 {
		return nil, err
	}
	if n.status == 0 {
		return nil, errReset
	}
	var body io.Reader = strings.NewReader(n.body.String())
	if n.broken {
		body = io.MultiReader(body, brokenOff{})
	}
	return &http.Response{
		StatusCode: n.status, Status: strconv.Itoa(n.status), Header: n.header, Body: io.NopCloser(body), Request: r,
		ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

var errReset = errors.New("the connection was reset")

// brokenOff is the rest of a body whose connection was reset.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, errReset }

// near is the answer of a stand-in in process: what a connection would carry.
type near struct {
	header    http.Header
	status    int // 0: nothing of the answer has been written
	body      strings.Builder
	broken    bool // and no more will come
	unreached bool
}

func (n *near) Header() http.Header { return n.header }

func (n *near) WriteHeader(status int) { n.status = status }

func (n *near) Write(b []byte) (int, error) { return n.body.Write(b) }
