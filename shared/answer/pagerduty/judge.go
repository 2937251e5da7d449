package pagerduty

import (
	"strings"

	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// judge says what a reply to an event of this dedup_key means; "" is a change, which has none. A 2xx counts as received only
// if its body says so: an object with "status": "success", about no other key. Whatever else comes with a 2xx leaves it in
// doubt.
func judge(r call.Reply, dedupKey string) delivery.Answer {
	a := delivery.Answer{Status: r.Status, RetryAfter: call.RetryAfter(r), Reason: call.StatusReason(r.Status)}
	if a.Reason == "" {
		a.Reason, a.Words = judgeBody(r, dedupKey)
		return a
	}
	a.Words = peer.Answered(r)
	if a.Reason == delivery.BadRequest && aboutKey(r) {
		a.Reason = delivery.Unauthorized
	}
	if call.Denied(a.Reason) {
		a.Words += "; see whether the secret holds the integration key of an integration that exists, in this region"
	}
	return a
}

// aboutKey tells an objection to our key from one to the event: by the list of errors, or by a short body without one. A
// long body may repeat the event, which holds the words too.
func aboutKey(r call.Reply) bool {
	said := string(r.Body)
	if v, err := call.Decode(r.Body); err == nil {
		if object, ok := v.(map[string]any); ok && object["errors"] != nil {
			said = call.Flatten(object["errors"])
		}
	}
	said = strings.ToLower(said)
	return len(said) < 200 && (strings.Contains(said, "routing_key") || strings.Contains(said, "routing key"))
}

func judgeBody(r call.Reply, dedupKey string) (delivery.Reason, string) {
	if reason, words := r.Unfinished(); reason != "" {
		return reason, words
	}
	v, err := call.Decode(r.Body)
	object, ok := v.(map[string]any)
	if err != nil || !ok {
		return delivery.Unreadable, peer.Answered(r) + ", and not with a JSON object"
	}
	errors, _ := object["errors"].([]any)
	key, told := object["dedup_key"]
	switch {
	case object["status"] != "success" || len(errors) > 0:
		return delivery.Unreadable, peer.Answered(r) + ", which does not say that it has the event"
	case told && dedupKey != "" && key != dedupKey:
		return delivery.Unreadable, peer.Answered(r) + ", which is about another event"
	}
	return delivery.Received, ""
}
