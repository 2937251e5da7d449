package answertest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/call/calltest"
)

// Behaviour is how a stand-in meets one request.
type Behaviour func(*Exchange)

// Exchange is one request and its answer to be.
type Exchange struct {
	*calltest.Exchange
	server *Server
	taken  bool
}

// Honest is the service as it should be.
func Honest(x *Exchange) {
	v := x.server.take(x, true)
	x.reply(v.status, v.body)
}

// Taken lets the service take the request, with all that follows from it, and then answers as b does.
func Taken(b Behaviour) Behaviour {
	return func(x *Exchange) {
		x.server.take(x, true)
		x.taken = true
		b(x)
	}
}

// Slow waits and is then honest.
func Slow(d time.Duration) Behaviour {
	return func(x *Exchange) {
		if x.Wait(d) {
			Honest(x)
		}
	}
}

// Hang answers nothing until the sender gives up or the stand-in is closed.
func Hang(x *Exchange) {
	x.read()
	x.Wait(time.Hour)
	x.Cut()
}

// Reset reads the request and resets the connection.
func Reset(x *Exchange) {
	x.read()
	x.Cut()
}

// ResetInAnswer resets the connection in the middle of an answer.
func ResetInAnswer(x *Exchange) {
	x.read()
	x.Begin(http.StatusAccepted, 100, `{"status":`)
	x.Cut()
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
			x.W.Header().Set("Retry-After", retryAfter)
		}
		x.reply(http.StatusTooManyRequests, `{"status":"throttle exceeded","message":"Requests for this service are arriving too quickly.","errors":["Too many requests"]}`)
	}
}

// RateLimited answers 429 as Datadog says how many seconds are left of the period.
func RateLimited(seconds int) Behaviour {
	return func(x *Exchange) {
		x.read()
		x.W.Header().Set("X-RateLimit-Reset", strconv.Itoa(seconds))
		x.reply(http.StatusTooManyRequests, `{"errors":["Too many requests"]}`)
	}
}

// Redirected sends the sender elsewhere.
func Redirected(to string) Behaviour {
	return func(x *Exchange) {
		x.read()
		x.W.Header().Set("Location", to)
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
	_ = x.R.Header.Write(&said)
	body, _ := x.Body()
	x.reply(http.StatusBadRequest, `{"status":"invalid event","message":`+strconv.QuoteToASCII(said.String()+string(body))+`}`)
}

// Unreachable is a service to which there is no connection. Over a socket, where there is one already, it resets that.
func Unreachable(x *Exchange) { x.Refuse() }

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
		x.server.take(x, false)
	}
}

func (x *Exchange) reply(status int, body string) { x.Reply(status, "application/json", body) }
