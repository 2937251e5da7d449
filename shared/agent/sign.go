package agent

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"
)

// authorize puts the credential on a request. It is called when the request is sent and not before: the Agent refuses
// signatures that are too old, and does not say from when on.
func (c Credential) authorize(h http.Header, body []byte, now time.Time) {
	if c.hmac.IsZero() {
		h.Set("Authorization", "Bearer "+c.token.Reveal())
		return
	}
	stamp := now.UTC().Format(timeFormat)
	h.Set("x-amzn-event-timestamp", stamp)
	h.Set("x-amzn-event-signature", signature(c.hmac.Reveal(), stamp, body))
}

// signature is the Agent's version 1: standard base64 of the HMAC-SHA256 over timestamp, colon and the body's exact
// bytes. The key is the secret's text as it stands, not decoded.
func signature(key, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(stamp + ":"))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
