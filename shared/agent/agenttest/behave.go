package agenttest

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/clock"
)

// Behaviour is how a Server meets one request.
type Behaviour func(*Exchange)

// Exchange is one request and its answer to be.
type Exchange struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	near   *near // in process: the same as w; else nil
}

// Honest is the Agent as it should be.
func Honest(x *Exchange) {
	a := x.server.take(x.r)
	x.reply(a.status, "application/json", a.body)
}

// Taken lets the Agent take the event, with all that follows from it, and then answers as b does: what the sender
// sees as a failure has started an investigation.
func Taken(b Behaviour) Behaviour {
	return func(x *Exchange) {
		x.server.take(x.r)
		b(x)
	}
}

// SlowBeforeReading waits and is then honest. The sender has long sent a small event by then: it waits for the answer.
func SlowBeforeReading(d time.Duration) Behaviour {
	return func(x *Exchange) {
		if x.wait(d) {
			Honest(x)
		}
	}
}

// SlowAfterReading takes the event, waits, and then answers as is right.
func SlowAfterReading(d time.Duration) Behaviour {
	return func(x *Exchange) {
		a := x.server.take(x.r)
		if x.wait(d) {
			x.reply(a.status, "application/json", a.body)
		}
	}
}

// Hang takes nothing and answers nothing until the sender gives up or the Server is closed.
func Hang(x *Exchange) {
	x.read()
	x.wait(time.Hour)
	x.cut()
}

// HangInAnswer sends the beginning of an answer and then nothing more.
func HangInAnswer(x *Exchange) {
	x.read()
	x.w.Header().Set("Content-Length", strconv.Itoa(len(received)))
	_, _ = io.WriteString(x.w, received[:10])
	_ = http.NewResponseController(x.w).Flush()
	x.wait(time.Hour)
	x.cut()
}

// ResetBeforeReading resets the connection without having read the event.
func ResetBeforeReading(x *Exchange) { x.cut() }

// ResetAfterReading reads the event, forgets it, and resets the connection.
func ResetAfterReading(x *Exchange) {
	x.read()
	x.cut()
}

// ResetInAnswer resets the connection in the middle of a good answer.
func ResetInAnswer(x *Exchange) {
	x.read()
	x.w.Header().Set("Content-Length", strconv.Itoa(len(received)))
	_, _ = io.WriteString(x.w, received[:10])
	_ = http.NewResponseController(x.w).Flush()
	x.cut()
}

// Status answers with this status and body, whatever came.
func Status(status int, body string) Behaviour { return Answer(status, "application/json", body) }

// Answer is Status with a content type.
func Answer(status int, contentType, body string) Behaviour {
	return func(x *Exchange) {
		x.read()
		x.reply(status, contentType, body)
	}
}

// Throttled answers 429 with this Retry-After; "" sends none.
func Throttled(retryAfter string) Behaviour {
	return func(x *Exchange) {
		x.read()
		if retryAfter != "" {
			x.w.Header().Set("Retry-After", retryAfter)
		}
		x.reply(http.StatusTooManyRequests, "application/json", `{"message":"Too Many Requests"}`)
	}
}

// Redirected sends the sender elsewhere.
func Redirected(to string) Behaviour {
	return func(x *Exchange) {
		x.read()
		x.w.Header().Set("Location", to)
		x.reply(http.StatusTemporaryRedirect, "text/html", "")
	}
}

// Errors answers 200 and lists these errors.
func Errors(list ...string) Behaviour {
	return Status(http.StatusOK, fmt.Sprintf(`{"errors":[%s]}`, quoted(list)))
}

// The answers that nobody can read, each with status 200.
var (
	Empty   = Answer(http.StatusOK, "application/json", "")
	Garbage = Answer(http.StatusOK, "application/json", "\x00\xff{\"message\": \"Webhook rec")
	Page    = Answer(http.StatusOK, "text/html", "<html><title>Sign in</title>Webhook received</html>")
)

// Huge is a good answer in a body of a mebibyte.
func Huge(x *Exchange) {
	x.read()
	x.reply(http.StatusOK, "application/json", `{"pad":"`+strings.Repeat("x", 1<<20)+`","message":"Webhook received"}`)
}

// Endless begins a good answer and sends blanks until the sender or the Server goes away.
func Endless(x *Exchange) {
	x.read()
	x.w.Header().Set("Content-Type", "application/json")
	for blanks := strings.Repeat(" ", 1<<10); x.r.Context().Err() == nil; {
		if _, err := io.WriteString(x.w, blanks); err != nil {
			return
		}
	}
}

// WrongContentType is a good answer that calls itself something else.
func WrongContentType(x *Exchange) {
	a := x.server.take(x.r)
	x.reply(a.status, "text/html", a.body)
}

// read takes the body off the connection without judging it. The request is recorded all the same.
func (x *Exchange) read() {
	if body, err := io.ReadAll(io.LimitReader(x.r.Body, 1<<20)); err == nil && len(body) > 0 {
		x.server.record(x.r, body, answer{}, "scripted", nil)
	}
}

func (x *Exchange) reply(status int, contentType, body string) {
	x.w.Header().Set("Content-Type", contentType)
	x.w.WriteHeader(status)
	_, _ = io.WriteString(x.w, body)
}

// wait reports whether the time went by; false: the sender or the Server went away first.
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

func quoted(list []string) string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = strconv.Quote(s)
	}
	return strings.Join(q, ",")
}

// silent drops what net/http has to say about the connections that behaviours break.
func silent() *log.Logger { return log.New(io.Discard, "", 0) }
