package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/delivery"
)

// reply is what came back.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	tooLong bool  // body is only the beginning
	broken  error // reading body ended with it
	late    bool  // because the time was over
	now     time.Time
}

// judge says what a reply means. It is the only place that looks at a status or an answer's body.
//
//	status            meaning
//	2xx               the body decides, see judgeBody
//	3xx               redirected: nobody is followed with a key in hand
//	401 403 404       unauthorized, forbidden, not found
//	408 5xx           server error: the event may have been taken before the server failed
//	429               throttled
//	other 4xx         bad request
//	anything else     unreadable
func judge(r reply) delivery.Answer {
	a := delivery.Answer{Status: r.status, RetryAfter: retryAfter(r.header.Get("Retry-After"), r.now)}
	switch s := r.status; {
	case s >= 200 && s < 300:
		a.Reason, a.Words = judgeBody(r)
		return a
	case s >= 300 && s < 400:
		a.Reason = delivery.Redirected
	case s == 401:
		a.Reason = delivery.Unauthorized
	case s == 403:
		a.Reason = delivery.Forbidden
	case s == 404:
		a.Reason = delivery.NotFound
	case s == 408 || s >= 500 && s < 600:
		a.Reason = delivery.ServerError
	case s == 429:
		a.Reason = delivery.Throttled
	case s >= 400 && s < 500:
		a.Reason = delivery.BadRequest
	default:
		a.Reason = delivery.Unreadable
	}
	a.Words = statusWords(r)
	return a
}

// statusWords is the status, what the Agent said with it, and for our own faults what to look at.
func statusWords(r reply) string {
	words := strings.TrimSpace(fmt.Sprintf("the Agent answered %d %s", r.status, http.StatusText(r.status)))
	if v, err := decode(r.body); err == nil && !r.tooLong {
		if said := flatten(v); said != "" {
			words += ": " + said
		}
	}
	switch r.status {
	case 401, 403:
		words += "; see whether the secret holds the webhook's present key"
	case 404:
		words += "; see whether the secret holds the webhook's present address"
	}
	return words
}

// maxRetryAfter bounds what a server can make us wait.
const maxRetryAfter = 15 * time.Minute

// retryAfter reads seconds or a date; 0 for anything else, and for what has passed.
func retryAfter(s string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// judgeBody says what a 2xx means. Documented are {"message":"Webhook received"}, and that validation errors come in the
// body of a 200, in a form that is not documented. So errors are looked for in the forms in which APIs give them. Where
// it is not clear that the event was refused, it is in doubt: to call an event refused that was taken would start its
// investigation unseen and unpaid for.
//
//	body                                                                        meaning
//	object, message "Webhook received", no errors                               received
//	object that lists errors: a field such as error, errors, validationErrors,
//	  violations that is not empty; success, ok or valid is false; a status or
//	  code of an error; __type of an exception                                  errors in body
//	object, list or string whose words object to the event ("invalid",
//	  "must be", "required" ...)                                                errors in body
//	errors that speak of the Agent's own trouble ("internal error", "try again",
//	  "throttled" ...), not of the event                                        unreadable
//	"Webhook received" together with errors                                     unreadable
//	any other JSON                                                              unreadable
//	nothing, no JSON, more than 64 KiB                                          unreadable
//	a body that broke off                                                       reset, or timed out
//
// The content type does not matter.
func judgeBody(r reply) (delivery.Reason, string) {
	switch {
	case r.broken != nil && r.late:
		return delivery.TimedOut, "the answer began and did not end in time"
	case r.broken != nil:
		return delivery.Reset, "the connection ended in the middle of the answer"
	case r.tooLong:
		return delivery.Unreadable, fmt.Sprintf("the answer has more than %d bytes", maxAnswer)
	case len(bytes.TrimSpace(r.body)) == 0:
		return delivery.Unreadable, fmt.Sprintf("the Agent answered %d with an empty body", r.status)
	}
	v, err := decode(r.body)
	if err != nil {
		return delivery.Unreadable, fmt.Sprintf("the Agent answered %d with a body that is not JSON", r.status)
	}
	said := flatten(v)
	object, _ := v.(map[string]any)
	errors := listsErrors(object)
	switch {
	case isReceived(object) && !errors:
		return delivery.Received, ""
	case isReceived(object):
		return delivery.Unreadable, "the answer says that the event was received, and lists errors: " + said
	case has(said, ownTrouble):
		return delivery.Unreadable, "the answer is not about the event: " + said
	case errors || has(said, objections):
		return delivery.ErrorsInBody, said
	}
	return delivery.Unreadable, "the answer is neither the expected one nor an error: " + said
}

// decode reads one JSON value and nothing else. Numbers stay as they were written.
func decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the value")
	}
	return v, nil
}

// isReceived is the documented acknowledgement.
func isReceived(object map[string]any) bool {
	s, _ := object["message"].(string)
	return strings.EqualFold(strings.TrimSuffix(strings.TrimSpace(s), "."), "Webhook received")
}

// listsErrors looks for errors at the top of an object, in the forms that APIs use.
func listsErrors(object map[string]any) bool {
	for name, v := range object {
		switch strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(name), "_", ""), "-", "") {
		case "error", "errors", "errormessage", "errormessages", "errorcode", "errortype", "validation", "validationerror",
			"validationerrors", "validationmessages", "violations", "issues", "problems", "fault", "faults", "fielderrors",
			"fieldlist", "invalidfields":
			if !empty(v) {
				return true
			}
		case "success", "ok", "valid", "accepted":
			if v == false {
				return true
			}
		case "type": // __type of AWS errors
			if s, _ := v.(string); has(s, []string{"exception", "error"}) {
				return true
			}
		case "status", "statuscode", "code":
			if isErrorStatus(v) {
				return true
			}
		}
	}
	return false
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return strings.TrimSpace(v) == ""
	case json.Number:
		return v == "0"
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func isErrorStatus(v any) bool {
	s := strings.ToLower(fmt.Sprint(v))
	if n, err := strconv.Atoi(s); err == nil {
		return n >= 400 && n < 600
	}
	switch s {
	case "error", "failed", "failure", "rejected", "refused", "invalid":
		return true
	}
	return false
}

// ownTrouble are words with which a server speaks of itself.
var ownTrouble = []string{
	"internal server", "internal error", "internal failure", "internalservererror", "internalfailure", "unavailable",
	"try again", "timed out", "timeout", "throttl", "too many requests", "rate exceeded", "overload",
}

// objections are words with which a server speaks of what it was sent.
var objections = []string{
	"invalid", "validation", "must be", "must have", "must not", "must match", "required", "missing", "not allowed",
	"one of", "not valid", "unsupported", "unexpected", "malformed", "rejected", "exceeds", "too long",
	"too large", "should be", "unknown field", "cannot be", "not permitted",
}

func has(s string, words []string) bool {
	s = strings.ToLower(s)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
}

// flatten makes one text of a JSON value: the texts of lists one after another, the fields of objects with their names.
func flatten(v any) string {
	var parts []string
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		for _, e := range v {
			parts = append(parts, flatten(e))
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if text := flatten(v[name]); text != "" {
				parts = append(parts, name+": "+text)
			}
		}
	default:
		return fmt.Sprint(v)
	}
	return strings.Join(parts, "; ")
}
