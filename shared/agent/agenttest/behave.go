package agenttest

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/call/calltest"
)

// Behaviour is how a Server meets one request.
type Behaviour func(*Exchange)

// Exchange is one request and its answer to be.
type Exchange struct {
	*calltest.Exchange
	server *Server
}

// Honest is the Agent as it should be.
func Honest(x *Exchange) {
	a := x.server.take(x)
	x.Reply(a.status, "application/json", a.body)
}

// Taken lets the Agent take the event, with all that follows from it, and then answers as b does: what the sender
// sees as a failure has started an investigation.
func Taken(b Behaviour) Behaviour {
	return func(x *Exchange) {
		x.server.take(x)
		b(x)
	}
}

// SlowBeforeReading waits and is then honest. The sender has long sent a small event by then: it waits for the answer.
func SlowBeforeReading(d time.Duration) Behaviour {
	return func(x *Exchange) {
		if x.Wait(d) {
			Honest(x)
		}
	}
}

// SlowAfterReading takes the event, waits, and then answers as is right.
func SlowAfterReading(d time.Duration) Behaviour {
	return func(x *Exchange) {
		a := x.server.take(x)
		if x.Wait(d) {
			x.Reply(a.status, "application/json", a.body)
		}
	}
}

// Hang takes nothing and answers nothing until the sender gives up or the Server is closed.
func Hang(x *Exchange) {
	x.read()
	x.Wait(time.Hour)
	x.Cut()
}

// HangInAnswer sends the beginning of an answer and then nothing more.
func HangInAnswer(x *Exchange) {
	x.read()
	x.Begin(http.StatusOK, len(received), received[:10])
	x.Wait(time.Hour)
	x.Cut()
}

// ResetBeforeReading resets the connection without having read the event.
func ResetBeforeReading(x *Exchange) { x.Cut() }

// ResetAfterReading reads the event, forgets it, and resets the connection.
func ResetAfterReading(x *Exchange) {
	x.read()
	x.Cut()
}

// ResetInAnswer resets the connection in the middle of a good answer.
func ResetInAnswer(x *Exchange) {
	x.read()
	x.Begin(http.StatusOK, len(received), received[:10])
	x.Cut()
}

// Status answers with this status and body, whatever came.
func Status(status int, body string) Behaviour { return Answer(status, "application/json", body) }

// Answer is Status with a content type.
func Answer(status int, contentType, body string) Behaviour {
	return func(x *Exchange) {
		x.read()
		x.Reply(status, contentType, body)
	}
}

// Throttled answers 429 with this Retry-After; "" sends none.
func Throttled(retryAfter string) Behaviour {
	return func(x *Exchange) {
		x.read()
		if retryAfter != "" {
			x.W.Header().Set("Retry-After", retryAfter)
		}
		x.Reply(http.StatusTooManyRequests, "application/json", `{"message":"Too Many Requests"}`)
	}
}

// Redirected sends the sender elsewhere.
func Redirected(to string) Behaviour {
	return func(x *Exchange) {
		x.read()
		x.W.Header().Set("Location", to)
		x.Reply(http.StatusTemporaryRedirect, "text/html", "")
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
	x.Reply(http.StatusOK, "application/json", `{"pad":"`+strings.Repeat("x", 1<<20)+`","message":"Webhook received"}`)
}

// Endless begins a good answer and sends blanks until the sender or the Server goes away.
func Endless(x *Exchange) {
	x.read()
	x.W.Header().Set("Content-Type", "application/json")
	for blanks := strings.Repeat(" ", 1<<10); x.R.Context().Err() == nil; {
		if _, err := io.WriteString(x.W, blanks); err != nil {
			return
		}
	}
}

// WrongContentType is a good answer that calls itself something else.
func WrongContentType(x *Exchange) {
	a := x.server.take(x)
	x.Reply(a.status, "text/html", a.body)
}

// read takes the body off the connection without judging it. The request is recorded all the same.
func (x *Exchange) read() {
	if body, err := x.Body(); err == nil && len(body) > 0 {
		x.server.record(x.R, body, answer{}, "scripted", nil)
	}
}

func quoted(list []string) string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = strconv.Quote(s)
	}
	return strings.Join(q, ",")
}
