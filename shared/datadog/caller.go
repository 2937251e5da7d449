package datadog

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"
)

// TokenHeader is the header in which our set-up of the webhook sends the secret.
const TokenHeader = "X-Alertbridge-Token"

// Authorized tells whether the caller sent one of the accepted secrets, in TokenHeader or as "Authorization: Bearer …".
// header returns a header's value by its name in any case, "" when there is none; see Headers.
//
// Every accepted secret is compared, and always as a hash, so that the time taken tells nothing about any of them, not
// even its length. An empty accepted secret matches nobody: an unset secret closes the door.
func Authorized(header func(name string) string, accepted ...string) bool {
	token := sha256.Sum256([]byte(strings.TrimSpace(header(TokenHeader))))
	bearer := sha256.Sum256([]byte(bearer(header("Authorization"))))
	match := 0
	for _, secret := range accepted {
		secret = strings.TrimSpace(secret)
		if secret == "" {
			continue
		}
		hash := sha256.Sum256([]byte(secret))
		match |= subtle.ConstantTimeCompare(token[:], hash[:])
		match |= subtle.ConstantTimeCompare(bearer[:], hash[:])
	}
	return match == 1
}

// Offered tells whether the caller sent anything that could be a secret.
func Offered(header func(name string) string) bool { return strings.Join(offered(header), "") != "" }

func offered(header func(name string) string) []string {
	return []string{strings.TrimSpace(header(TokenHeader)), bearer(header("Authorization"))}
}

// Headers looks headers up in a map whose names may have any case, as API Gateway and tests give them.
func Headers(headers map[string]string) func(name string) string {
	return func(name string) string {
		if v, ok := headers[strings.ToLower(name)]; ok {
			return v
		}
		for k, v := range headers {
			if strings.EqualFold(k, name) {
				return v
			}
		}
		return ""
	}
}

func bearer(authorization string) string {
	scheme, token, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
