package ddevents

import (
	"net/http"
	"time"

	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// judge says what a reply means. A 2xx counts as received only if its body says so: an object with "status": "ok" and no
// errors. Whatever else comes with a 2xx leaves it in doubt.
func judge(r call.Reply) delivery.Answer {
	a := delivery.Answer{Status: r.Status, RetryAfter: retryAfter(r), Reason: call.StatusReason(r.Status)}
	switch a.Reason {
	case "":
		a.Reason, a.Words = judgeBody(r)
	case delivery.Unauthorized, delivery.Forbidden:
		a.Words = peer.Answered(r) + "; see whether the secret holds an API key of the organisation at this site"
	default:
		a.Words = peer.Answered(r)
	}
	return a
}

// retryAfter is what Datadog asks for. Its rate limits tell of themselves in X-RateLimit-Reset, in seconds.
func retryAfter(r call.Reply) time.Duration {
	if reset := r.Header.Get("X-RateLimit-Reset"); r.Status == http.StatusTooManyRequests && r.Header.Get("Retry-After") == "" {
		r.Header = http.Header{"Retry-After": {reset}}
	}
	return call.RetryAfter(r)
}

func judgeBody(r call.Reply) (delivery.Reason, string) {
	if reason, words := r.Unfinished(); reason != "" {
		return reason, words
	}
	v, err := call.Decode(r.Body)
	object, ok := v.(map[string]any)
	if err != nil || !ok {
		return delivery.Unreadable, peer.Answered(r) + ", and not with a JSON object"
	}
	errors, _ := object["errors"].([]any)
	if object["status"] == "ok" && len(errors) == 0 {
		return delivery.Received, ""
	}
	return delivery.Unreadable, peer.Answered(r) + ", which does not say that it has the event"
}
