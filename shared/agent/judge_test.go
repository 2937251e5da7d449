package agent

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/secret"
)

func TestJudgeBody(t *testing.T) {
	tests := []struct {
		why, body string
		want      delivery.Reason
	}{
		{"as documented", `{"message":"Webhook received"}`, delivery.Received},
		{"as documented, laid out otherwise", " {\n \"message\" : \"webhook received.\" }\n", delivery.Received},
		{"an empty list is no error", `{"message":"Webhook received","errors":[],"error":null}`, delivery.Received},
		{"a warning is no error", `{"message":"Webhook received","warnings":["no service"],"id":"1"}`, delivery.Received},
		{"received and in error: who knows", `{"message":"Webhook received","errors":["priority"]}`, delivery.Unreadable},

		{"a list of errors", `{"errors":["priority must be one of CRITICAL, HIGH"]}`, delivery.ErrorsInBody},
		{"a list of objects", `{"errors":[{"path":"/priority","message":"P1"}]}`, delivery.ErrorsInBody},
		{"one error", `{"error":"bad priority"}`, delivery.ErrorsInBody},
		{"under another name", `{"validation_errors":{"priority":"P1"}}`, delivery.ErrorsInBody},
		{"as AWS services say it", `{"__type":"ValidationException","message":"1 of it"}`, delivery.ErrorsInBody},
		{"by a flag", `{"success":false,"message":"P1 is no priority"}`, delivery.ErrorsInBody},
		{"by a status in the body", `{"statusCode":400,"body":"P1"}`, delivery.ErrorsInBody},
		{"by a word for a status", `{"status":"rejected","id":"1"}`, delivery.ErrorsInBody},
		{"by its words alone", `{"message":"Invalid priority: P1"}`, delivery.ErrorsInBody},
		{"by other words", `{"message":"priority must be one of CRITICAL, HIGH, MEDIUM, LOW, MINIMAL"}`, delivery.ErrorsInBody},
		{"a bare list", `["\"title\" is required"]`, delivery.ErrorsInBody},
		{"a bare string", `"title is missing"`, delivery.ErrorsInBody},

		{"its own trouble", `{"error":"Internal server error"}`, delivery.Unreadable},
		{"its own trouble, in words", `{"message":"Please try again later"}`, delivery.Unreadable},
		{"its own trouble, in a list", `{"errors":["downstream timed out"]}`, delivery.Unreadable},
		{"another message", `{"message":"Event accepted"}`, delivery.Unreadable},
		{"another object", `{"id":"123"}`, delivery.Unreadable},
		{"an object without anything", `{}`, delivery.Unreadable},
		{"null", `null`, delivery.Unreadable},
		{"a message that is no text", `{"message":["Webhook received"]}`, delivery.Unreadable},
		{"the words without JSON", `Webhook received`, delivery.Unreadable},
		{"a page", `<html>invalid</html>`, delivery.Unreadable},
		{"half an answer", `{"message":"Webhook rec`, delivery.Unreadable},
		{"two answers", `{"message":"Webhook received"}{"errors":["x"]}`, delivery.Unreadable},
		{"nothing", " \n", delivery.Unreadable},
	}
	for _, tt := range tests {
		for _, status := range []int{200, 202} {
			a := judge(call.Reply{Status: status, Body: []byte(tt.body)})
			if a.Reason != tt.want || a.Status != status {
				t.Errorf("%s: %d %s is %s, want %s", tt.why, status, tt.body, a.Reason, tt.want)
			}
			if (a.Words == "") != (a.Reason == delivery.Received) {
				t.Errorf("%s: the words are %q", tt.why, a.Words)
			}
		}
	}
}

func TestJudgeBrokenBody(t *testing.T) {
	good := []byte(`{"message":"Webhook received"}`)
	tests := []struct {
		why  string
		r    call.Reply
		want delivery.Reason
	}{
		{"a body that broke off", call.Reply{Status: 200, Body: good[:9], Broken: errors.New("reset")}, delivery.Reset},
		{"a body that is late", call.Reply{Status: 200, Body: good[:9], Broken: errors.New("late"), Late: true}, delivery.TimedOut},
		{"whole, and the time over a moment later", call.Reply{Status: 200, Body: good, Late: true}, delivery.Received},
		{"too long", call.Reply{Status: 200, Body: good, TooLong: true}, delivery.Unreadable},
		{"an error status is enough by itself", call.Reply{Status: 400, Body: good[:9], Broken: errors.New("reset")}, delivery.BadRequest},
	}
	for _, tt := range tests {
		if a := judge(tt.r); a.Reason != tt.want {
			t.Errorf("%s: %s, want %s", tt.why, a.Reason, tt.want)
		}
	}
}

func TestJudgeStatus(t *testing.T) {
	special := map[int]delivery.Reason{
		401: delivery.Unauthorized, 403: delivery.Forbidden, 404: delivery.NotFound, 408: delivery.ServerError,
		429: delivery.Throttled,
	}
	for status := 100; status < 700; status++ {
		want, ok := special[status]
		switch {
		case ok:
		case status < 200 || status >= 600:
			want = delivery.Unreadable
		case status < 300:
			continue // the body decides
		case status < 400:
			want = delivery.Redirected
		case status < 500:
			want = delivery.BadRequest
		default:
			want = delivery.ServerError
		}
		// The body of a success changes nothing.
		a := judge(call.Reply{Status: status, Body: []byte(`{"message":"Webhook received"}`)})
		if a.Reason != want || a.Status != status {
			t.Errorf("%d is %s, want %s", status, a.Reason, want)
		}
	}
}

func TestStatusWords(t *testing.T) {
	tests := []struct {
		status     int
		body, want string
	}{
		{422, `{"message":"title is too long"}`, "the Agent answered 422 Unprocessable Entity: message: title is too long"},
		{500, `<html>oops</html>`, "the Agent answered 500 Internal Server Error"},
		{403, ``, "the Agent answered 403 Forbidden; see whether the secret holds the webhook's present key"},
		{404, ``, "the Agent answered 404 Not Found; see whether the secret holds the webhook's present address"},
		{599, ``, "the Agent answered 599"},
	}
	for _, tt := range tests {
		if a := judge(call.Reply{Status: tt.status, Body: []byte(tt.body)}); a.Words != tt.want {
			t.Errorf("%d: %q, want %q", tt.status, a.Words, tt.want)
		}
	}
}

// TestSpeakable: a server may repeat our whole request in its error.
func TestSpeakable(t *testing.T) {
	cred := Credential{
		address: secret.New("https://event-ai.eu-central-1.api.aws/webhook/generic/0a1b2c3d-4e5f"),
		token:   secret.New("tok-Zq7vX-123"),
	}
	sent := http.Header{"Authorization": {"Bearer tok-Zq7vX-123"}, "X-Amzn-Event-Signature": {"c2lnbmF0dXJlLW9m"}}
	for _, said := range []string{
		"no webhook 0a1b2c3d-4e5f",
		"POST /webhook/generic/0a1b2c3d-4e5f failed",
		"see https://event-ai.eu-central-1.api.aws/webhook/generic/0a1b2c3d-4e5f?x=1 and try",
		"wrong key tok-Zq7vX-123",
		"Authorization: Bearer tok-Zq7vX-123",
		"signature c2lnbmF0dXJlLW9m does not match",
		"wrong key tok-Zq7\u200bvX-123",
		"wrong key tok-Zq7vX&#45;123",
		strings.Repeat("tok-Zq7vX-123 ", 100),
		"in base64 dG9rLVpxN3ZYLTEyMw==", // tok-Zq7vX-123
		"called https%3A%2F%2Fevent-ai.eu-central-1.api.aws%2Fwebhook%2Fgeneric%2F0a1b2c3d-4e5f",
		"not for ana@example.com, password=hunter2",
	} {
		got := speakable(said, cred, sent)
		for _, never := range []string{"0a1b2c3d", "tok-Zq7", "c2lnbmF0", "api.aws", "dG9rLV", "example.com", "hunter2"} {
			if strings.Contains(got, never) {
				t.Errorf("%q became %q", said, got)
			}
		}
	}
	// A key that cleaning would change, so that it must be hidden before as well.
	odd := Credential{address: cred.address, token: secret.New("tok&amp;Zq7vX@all")}
	if got := speakable("wrong key tok&amp;Zq7vX@all", odd, sent); strings.Contains(got, "Zq7vX") {
		t.Errorf("the key is told: %q", got)
	}
	if got, want := speakable(`priority "P1" is not one of it; see http://docs.example/x?y.`, cred, sent), `priority "P1" is not one of it; see [address]`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := speakable(strings.Repeat("決済", 400), cred, sent); len(got) > delivery.MaxWords || !utf8.ValidString(got) {
		t.Errorf("%d bytes of words, want at most %d", len(got), delivery.MaxWords)
	}
}

// FuzzJudge: whatever comes back, it ends in a reason, is received only when it says so, and its words are fit to be
// stored and shown.
func FuzzJudge(f *testing.F) {
	f.Add(200, `{"message":"Webhook received"}`, "")
	f.Add(200, `{"errors":[{"a":["b",1,null,true]}],"\u202e":"https://x/y"}`, "12")
	f.Add(429, "\x00\xff", "Fri, 20 Nov 2026 12:01:30 GMT")
	cred := Credential{address: secret.New("https://h/webhook/generic/0a1b2c3d"), token: secret.New("tok-Zq7vX")}
	f.Fuzz(func(t *testing.T, status int, body, after string) {
		a := judge(call.Reply{Status: status, Header: http.Header{"Retry-After": {after}}, Body: []byte(body)})
		if a.Reason == delivery.Received && !strings.Contains(strings.ToLower(body), "webhook received") && !strings.Contains(body, `\u`) {
			t.Errorf("%q counts as received", body)
		}
		known := false
		for _, r := range delivery.Reasons() {
			known = known || r == a.Reason
		}
		if !known || a.RetryAfter < 0 || a.RetryAfter > call.MaxRetryAfter {
			t.Errorf("reason %q, retry after %v", a.Reason, a.RetryAfter)
		}
		words := speakable(a.Words, cred, http.Header{})
		if len(words) > delivery.MaxWords || !utf8.ValidString(words) || strings.ContainsAny(words, "\n\r\t") || strings.Contains(words, "://") {
			t.Errorf("words are %q", words)
		}
	})
}
