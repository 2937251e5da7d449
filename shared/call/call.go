// Package call makes one HTTPS call to somebody else's service, and says why it failed if it did.
//
// The Agent's webhook and the places where answers go are called through it, so that a failure means the same
// everywhere: package delivery has the list of reasons, this one finds out which of them it was.
//
//   - Post sends a body once. Nothing below it sends it a second time, follows a redirect or goes through a proxy.
//   - What came back is a Reply, of which at most MaxAnswer bytes are read. StatusReason says what its status means; what
//     a 2xx means, the caller judges, for the body decides.
//   - What did not come back is a delivery.Answer. "Not delivered" is said only where it is certain that no complete
//     request has left, see trace. Whatever is not certain is in doubt.
//   - No words hold an address, and Speakable takes out of a service's own words what it repeated of our request.
package call

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// MaxAnswer bounds what is read of an answer, in bytes.
const MaxAnswer = 64 << 10

// Peer is who is called, for the words about it.
type Peer struct {
	Name    string // such as "the Agent"
	Setting string // where its host is set, such as "AGENT_HOST"
}

// Request is what is sent.
type Request struct {
	Address secret.Value // a web address; it is in no error
	Header  http.Header  // Content-Type, Accept and User-Agent are set here
	Body    []byte       // JSON
}

// Reply is what came back.
type Reply struct {
	Status  int
	Header  http.Header
	Body    []byte
	TooLong bool  // Body is only the beginning
	Broken  error // reading Body ended with it
	Late    bool  // because the time was over
	At      time.Time
}

// Post sends a request once, within ctx, through a transport that is an *http.Transport or wraps one: what that reports to
// net/http/httptrace decides whether a failed request can have left. The time of the reply is now's. Where nothing came
// back there is a failure instead, whose words are fit for a log as they are.
func Post(ctx context.Context, through http.RoundTripper, p Peer, r Request, now func() time.Time) (reply Reply, failure *delivery.Answer) {
	var trace trace
	req, err := http.NewRequestWithContext(trace.watch(withCallEnd(ctx)), http.MethodPost, r.Address.Reveal(), bytes.NewReader(r.Body))
	if err != nil {
		// Addresses are checked before they come here, so this does not happen; its text would hold the address.
		return Reply{}, &delivery.Answer{Reason: delivery.SecretMalformed, Words: p.Name + "'s address cannot be called"}
	}
	req.GetBody = nil // so that nothing below can send it a second time
	if r.Header != nil {
		req.Header = r.Header
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "alertbridge")

	// The transport itself, and no http.Client: that would follow redirects, and put the address into its errors.
	resp, err := through.RoundTrip(req)
	if err != nil {
		a := trace.judge(ctx, p, err)
		return Reply{}, &a
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	return Reply{
		Status: resp.StatusCode, Header: resp.Header, Body: body, At: now(),
		TooLong: len(body) > MaxAnswer, Broken: err, Late: ctx.Err() != nil,
	}, nil
}

// EnoughTime reports whether a request that needs this long may begin.
func EnoughTime(ctx context.Context, least time.Duration) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || clock.Until(ctx, end) >= least)
}

// StatusReason says what a status means. A 2xx is "": there the body decides.
//
//	status            meaning
//	3xx               redirected: nobody is followed with a key in hand
//	401 403 404       unauthorized, forbidden, not found
//	408 5xx           server error: the request may have been taken before the server failed
//	429               throttled
//	other 4xx         bad request
//	anything else     unreadable
func StatusReason(status int) delivery.Reason {
	switch {
	case status >= 200 && status < 300:
		return ""
	case status >= 300 && status < 400:
		return delivery.Redirected
	case status == 401:
		return delivery.Unauthorized
	case status == 403:
		return delivery.Forbidden
	case status == 404:
		return delivery.NotFound
	case status == 408 || status >= 500 && status < 600:
		return delivery.ServerError
	case status == 429:
		return delivery.Throttled
	case status >= 400 && status < 500:
		return delivery.BadRequest
	}
	return delivery.Unreadable
}

// Denied tells whether a reason says no to what is in a secret: the key, or the address.
func Denied(r delivery.Reason) bool {
	switch r {
	case delivery.Unauthorized, delivery.Forbidden, delivery.NotFound, delivery.Redirected:
		return true
	}
	return false
}

// MaxRetryAfter bounds what a server can make us wait.
const MaxRetryAfter = 15 * time.Minute

// RetryAfter is how long the header Retry-After asks to wait, in seconds or until a date; 0 for anything else, and for
// what has passed.
func RetryAfter(r Reply) time.Duration {
	var d time.Duration
	s := r.Header.Get("Retry-After")
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		d = at.Sub(r.At)
	}
	return min(max(d, 0), MaxRetryAfter)
}

// Unfinished says why a body cannot be judged: it broke off, was late or is too long. The reason is "" when it is whole.
func (r Reply) Unfinished() (delivery.Reason, string) {
	switch {
	case r.Broken != nil && r.Late:
		return delivery.TimedOut, "the answer began and did not end in time"
	case r.Broken != nil:
		return delivery.Reset, "the connection ended in the middle of the answer"
	case r.TooLong:
		return delivery.Unreadable, "the answer has more than " + strconv.Itoa(MaxAnswer) + " bytes"
	}
	return "", ""
}
