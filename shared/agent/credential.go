package agent

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// Credential is the Agent's webhook: where it is and how to get in. It does not print; the address is as secret as the
// key, for with a bearer token the two are all that a stranger needs.
type Credential struct {
	Version string // of the secret that it was read from

	stale   bool // the store did not answer, and this is the last one known
	address secret.Value
	token   secret.Value // one of the two is set
	hmac    secret.Value
}

// equal reports whether both say the same, whatever their versions.
func (c Credential) equal(d Credential) bool {
	return c.address.Equal(d.address) && same(c.token, d.token) && same(c.hmac, d.hmac)
}

func same(a, b secret.Value) bool { return a.Equal(b) || a.IsZero() && b.IsZero() }

// CredentialError says why there is no Credential to call with. Its reason is the one to settle with.
type CredentialError struct {
	Reason  delivery.Reason // SecretMissing, SecretMalformed, HostNotAllowed or SecretUnavailable
	Version string          // of the secret, "" when none was read; with HostNotAllowed also the host that was allowed
	stale   bool            // as Credential.stale
	Words   string          // what is wrong and how to mend it; never a part of the secret
}

func (e *CredentialError) Error() string { return "the Agent's secret: " + e.Words }

// shapes are the two forms of the secret, as every error about it names them.
const shapes = `it must be {"url":"https://event-ai.<region>.api.aws/webhook/generic/<id>","token":"..."}, or with "hmac_secret" in place of "token"`

// place says where an address may lead.
type place struct {
	host       string
	allowLocal bool
}

// parse reads a Credential out of the secret. Space around its values is dropped: it comes from copying.
func (p place) parse(v secret.Version) (Credential, error) {
	fail := func(r delivery.Reason, words string) (Credential, error) {
		return Credential{}, &CredentialError{Reason: r, Version: v.ID, stale: v.Stale, Words: words}
	}
	text := strings.TrimSpace(v.Value.Reveal())
	if text == "" {
		return fail(delivery.SecretMissing, "it is empty; "+shapes)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return fail(delivery.SecretMalformed, "it is not a JSON object; "+shapes)
	}
	// Names and values alike may be secret, if they were mixed up: none of them is told.
	var address, token, key string
	into := map[string]*string{"url": &address, "token": &token, "hmac_secret": &key}
	for name, value := range fields {
		field, known := into[name]
		if !known {
			return fail(delivery.SecretMalformed, "it has a key that is not known; "+shapes)
		}
		if err := json.Unmarshal(value, field); err != nil {
			return fail(delivery.SecretMalformed, `the value of "`+name+`" is not a text; `+shapes)
		}
		*field = strings.TrimSpace(*field)
	}
	switch {
	case address == "" && token == "" && key == "":
		return fail(delivery.SecretMissing, "it is not filled in; "+shapes)
	case address == "":
		return fail(delivery.SecretMalformed, `"url" is missing; `+shapes)
	case token == "" && key == "":
		return fail(delivery.SecretMalformed, `both "token" and "hmac_secret" are missing; `+shapes)
	case token != "" && key != "":
		return fail(delivery.SecretMalformed, `it has both "token" and "hmac_secret"; `+shapes)
	case strings.HasPrefix(strings.ToLower(token), "bearer "):
		return fail(delivery.SecretMalformed, `leave the word Bearer out of "token"`)
	case !call.Sendable(token):
		return fail(delivery.SecretMalformed, `"token" holds a character that cannot stand in a header; copy it again`)
	}
	if reason, words := p.check(address); reason != "" {
		if reason == delivery.HostNotAllowed {
			// The mend may be the setting instead of the secret: then, too, this is not the version that shut the door.
			v.ID += " with " + p.host
		}
		return fail(reason, words)
	}
	return Credential{Version: v.ID, stale: v.Stale, address: secret.New(address), token: secret.New(token), hmac: secret.New(key)}, nil
}

// check says what is wrong with an address; reason "" means nothing.
func (p place) check(address string) (reason delivery.Reason, words string) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return delivery.SecretMalformed, `"url" is not a web address; copy the webhook's whole address`
	case u.User != nil:
		return delivery.SecretMalformed, `"url" must not hold a user or a password`
	case u.Fragment != "" || u.Path == "" || u.Path == "/":
		return delivery.SecretMalformed, `"url" is not the address of a webhook; copy it whole`
	case p.allowLocal && (u.Scheme == "http" || u.Scheme == "https") && (u.Hostname() == p.host || call.Local(u.Hostname())):
		return "", ""
	case u.Scheme != "https":
		return delivery.SecretMalformed, `"url" must begin with https://`
	case u.Hostname() != p.host:
		return delivery.HostNotAllowed, `the host in "url" is not the one this bridge may call, ` + p.host + "; mend the secret or the setting AGENT_HOST"
	case u.Port() != "" && u.Port() != "443":
		return delivery.HostNotAllowed, `"url" must not name a port other than 443`
	}
	return "", ""
}
