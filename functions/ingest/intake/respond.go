package intake

import (
	"encoding/json"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
)

// reason says why a delivery was not accepted. To these come the reasons of datadog.DecodeError.
type reason string

const (
	wrongMethod      reason = "wrong_method"
	unauthenticated  reason = "unauthenticated"
	tokenUnavailable reason = "token_unavailable" // ours
	tokenUnsure      reason = "token_unsure"      // a wrong token, or one that was rotated a moment ago
	queueUnavailable reason = "queue_unavailable" // ours
	notBase64        reason = "not_base64"
	tooLarge         reason = "too_large"
	undecodable      reason = "undecodable"
)

// refuse: it can never be used as it is, and Datadog does not repeat a 4xx. The sentence names the mend.
func (d delivery) refuse(status int, why reason, says string) delivery {
	d.status, d.reason, d.says = status, why, says
	return d
}

// trouble: it is our own, and Datadog repeats a 5xx.
func (d delivery) trouble(why reason, says string, cause error) delivery {
	d.status, d.reason, d.says, d.cause = http.StatusServiceUnavailable, why, says, cause
	return d
}

// answer is the body of every response.
type answer struct {
	Delivery string `json:"delivery,omitempty"` // the id under which the ledger has it
	Error    string `json:"error,omitempty"`    // one sentence that names the mend
}

func (d delivery) response() events.APIGatewayV2HTTPResponse {
	body, _ := json.Marshal(answer{Delivery: d.id, Error: d.says}) // two strings always marshal
	r := events.APIGatewayV2HTTPResponse{
		StatusCode: d.status,
		Headers:    map[string]string{"content-type": "application/json"},
		Body:       string(body),
	}
	switch d.status {
	case http.StatusMethodNotAllowed:
		r.Headers["allow"] = http.MethodPost
	case http.StatusUnauthorized:
		r.Headers["www-authenticate"] = "Bearer"
	}
	return r
}
