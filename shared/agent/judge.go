package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// judge says what a reply means. Of a 2xx the body decides, see judgeBody; the rest is call.StatusReason's.
func judge(r call.Reply) delivery.Answer {
	a := delivery.Answer{Status: r.Status, RetryAfter: call.RetryAfter(r)}
	if a.Reason = call.StatusReason(r.Status); a.Reason == "" {
		a.Reason, a.Words = judgeBody(r)
		return a
	}
	a.Words = peer.Answered(r)
	// Our own faults: what to look at.
	switch r.Status {
	case 401, 403:
		a.Words += "; see whether the secret holds the webhook's present key"
	case 404:
		a.Words += "; see whether the secret holds the webhook's present address"
	}
	return a
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
func judgeBody(r call.Reply) (delivery.Reason, string) {
	if reason, words := r.Unfinished(); reason != "" {
		return reason, words
	}
	if len(bytes.TrimSpace(r.Body)) == 0 {
		return delivery.Unreadable, fmt.Sprintf("the Agent answered %d with an empty body", r.Status)
	}
	v, err := call.Decode(r.Body)
	if err != nil {
		return delivery.Unreadable, fmt.Sprintf("the Agent answered %d with a body that is not JSON", r.Status)
	}
	said := call.Flatten(v)
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
