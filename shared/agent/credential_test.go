package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/secret"
)

const (
	agentHost = "event-ai.eu-central-1.api.aws"
	webhook   = "https://event-ai.eu-central-1.api.aws/webhook/generic/0a1b2c3d"
)

func TestParse(t *testing.T) {
	const missing, malformed, host = delivery.SecretMissing, delivery.SecretMalformed, delivery.HostNotAllowed
	tests := []struct {
		why, text string
		want      delivery.Reason // "": a credential
		words     string
	}{
		{"bearer", `{"url":"` + webhook + `","token":"tok-1"}`, "", ""},
		{"HMAC", `{"url":"` + webhook + `","hmac_secret":"key 1"}`, "", ""},
		{"with the space of copying", " {\"url\":\" " + webhook + "\\n\",\"token\":\"tok-1 \",\"hmac_secret\":\"\"}\n", "", ""},
		{"with the port that https has", `{"url":"https://` + agentHost + `:443/webhook/generic/1","token":"t"}`, "", ""},

		{"as the stack creates it, in one form", "", missing, "is empty"},
		{"in another", "{}", missing, "not filled in"},
		{"in a third", `{"url":"","token":""}`, missing, "not filled in"},
		{"null", "null", missing, "not filled in"},

		{"the bare key", "tok-hunter2", malformed, "not a JSON object"},
		{"a list", `["hunter2"]`, malformed, "not a JSON object"},
		{"two objects", `{"url":"hunter2"}{}`, malformed, "not a JSON object"},
		{"a key that is not known", `{"url":"` + webhook + `","apikey":"hunter2"}`, malformed, "a key that is not known"},
		{"names are as they are written", `{"URL":"` + webhook + `","token":"hunter2"}`, malformed, "a key that is not known"},
		{"a secret as a name", `{"hunter2":"token"}`, malformed, "a key that is not known"},
		{"a value that is no text", `{"url":"` + webhook + `","token":42}`, malformed, `the value of "token" is not a text`},
		{"no address", `{"token":"hunter2"}`, malformed, `"url" is missing`},
		{"no key", `{"url":"` + webhook + `"}`, malformed, `both "token" and "hmac_secret" are missing`},
		{"two keys", `{"url":"` + webhook + `","token":"a","hmac_secret":"b"}`, malformed, `both "token" and "hmac_secret"`},
		{"the header's value", `{"url":"` + webhook + `","token":"Bearer hunter2"}`, malformed, "leave the word Bearer out"},
		{"a key with a line break", `{"url":"` + webhook + `","token":"hunter2\nX: y"}`, malformed, "cannot stand in a header"},
		{"a key beyond ASCII", `{"url":"` + webhook + `","token":"hunter２"}`, malformed, "cannot stand in a header"},

		{"http", `{"url":"http://` + agentHost + `/webhook/generic/1","token":"t"}`, malformed, "must begin with https://"},
		{"no scheme", `{"url":"` + agentHost + `/webhook/generic/1","token":"t"}`, malformed, "not a web address"},
		{"no path", `{"url":"https://` + agentHost + `/","token":"t"}`, malformed, "not the address of a webhook"},
		{"a user", `{"url":"https://hunter2@` + agentHost + `/webhook/generic/1","token":"t"}`, malformed, "user or a password"},
		{"a fragment", `{"url":"` + webhook + `#hunter2","token":"t"}`, malformed, "not the address of a webhook"},
		{"not an address at all", `{"url":"https://%zz","token":"t"}`, malformed, "not a web address"},
		{"another host", `{"url":"https://evil.example/webhook/generic/1","token":"t"}`, host, "AGENT_HOST"},
		{"a host that begins alike", `{"url":"https://` + agentHost + `.evil.example/w","token":"t"}`, host, "AGENT_HOST"},
		{"a host that ends alike", `{"url":"https://evil` + agentHost + `/w","token":"t"}`, host, "AGENT_HOST"},
		{"another region", `{"url":"https://event-ai.us-east-1.api.aws/w","token":"t"}`, host, "AGENT_HOST"},
		{"another spelling", `{"url":"https://EVENT-ai.eu-central-1.api.aws/w","token":"t"}`, host, "AGENT_HOST"},
		{"with a dot at the end", `{"url":"https://` + agentHost + `./w","token":"t"}`, host, "AGENT_HOST"},
		{"another port", `{"url":"https://` + agentHost + `:8443/w","token":"t"}`, host, "port"},
		{"loopback", `{"url":"https://127.0.0.1/w","token":"t"}`, host, "AGENT_HOST"},
		{"the metadata of the machine", `{"url":"https://169.254.169.254/w","token":"t"}`, host, "AGENT_HOST"},
	}
	p := place{host: agentHost}
	for _, tt := range tests {
		cred, err := p.parse(secret.Version{ID: "v1", Value: secret.New(tt.text)})
		if tt.want == "" {
			if err != nil || cred.Version != "v1" {
				t.Errorf("%s: %v", tt.why, err)
			}
			continue
		}
		version := "v1"
		if tt.want == host { // the mend may be the setting, which then must look like another version
			version = "v1 with " + agentHost
		}
		e, ok := errors.AsType[*CredentialError](err)
		if !ok || e.Reason != tt.want || e.Version != version || !strings.Contains(e.Words, tt.words) {
			t.Errorf("%s: %v, want %s that says %q", tt.why, err, tt.want, tt.words)
			continue
		}
		if len(e.Words) > delivery.MaxWords {
			t.Errorf("%s: the words have %d bytes", tt.why, len(e.Words))
		}
		for _, never := range []string{"hunter2", "/webhook/generic/1", "0a1b2c3d", "evil"} {
			if strings.Contains(err.Error(), never) {
				t.Errorf("%s: the error holds a part of the secret: %v", tt.why, err)
			}
		}
	}
}

func TestParsedValues(t *testing.T) {
	p := place{host: agentHost}
	bearer, _ := p.parse(secret.Version{Value: secret.New(" {\"url\":\" " + webhook + "\\n\",\"token\":\"tok-1 \"}")})
	if bearer.address.Reveal() != webhook || bearer.token.Reveal() != "tok-1" || !bearer.hmac.IsZero() {
		t.Errorf("bearer: %q %q %q", bearer.address.Reveal(), bearer.token.Reveal(), bearer.hmac.Reveal())
	}
	signed, _ := p.parse(secret.Version{Value: secret.New(`{"url":"` + webhook + `","hmac_secret":"key 1"}`)})
	if signed.address.Reveal() != webhook || signed.hmac.Reveal() != "key 1" || !signed.token.IsZero() {
		t.Errorf("HMAC: %q %q %q", signed.address.Reveal(), signed.token.Reveal(), signed.hmac.Reveal())
	}
	if got := fmt.Sprintf("%v %+v %#v", bearer, &signed, signed); strings.Contains(got, "tok-1") || strings.Contains(got, "key 1") || strings.Contains(got, "api.aws") {
		t.Errorf("a credential prints as %s", got)
	}
}

func TestAllowLocal(t *testing.T) {
	tests := []struct {
		address string
		want    delivery.Reason
	}{
		{"http://127.0.0.1:8080/w", ""},
		{"https://127.0.0.1:8443/w", ""},
		{"http://localhost:8080/w", ""},
		{"http://agent.localhost/w", ""},
		{"http://[::1]:8080/w", ""},
		{"http://10.1.2.3/w", ""},
		{"http://192.168.0.9:1/w", ""},
		{"http://host.docker.internal:8080/w", ""},
		{webhook, ""},
		{"http://" + agentHost + ":8080/w", ""},
		{"ftp://127.0.0.1/w", delivery.SecretMalformed},
		{"http://169.254.169.254/w", delivery.SecretMalformed},
		{"https://169.254.169.254/w", delivery.HostNotAllowed},
		{"https://evil.example/w", delivery.HostNotAllowed},
		{"https://evil.example:8443/w", delivery.HostNotAllowed},
		{"http://evil.example/w", delivery.SecretMalformed},
		{"https://8.8.8.8/w", delivery.HostNotAllowed},
		{"https://notlocalhost/w", delivery.HostNotAllowed},
	}
	for _, tt := range tests {
		if got, _ := (place{host: agentHost, allowLocal: true}).check(tt.address); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.address, got, tt.want)
		}
	}
}

func TestNewCredentials(t *testing.T) {
	tests := []struct {
		why   string
		o     CredentialOptions
		wrong string // in the error; "": none
		warns bool
	}{
		{"the Agent's host", CredentialOptions{Host: agentHost}, "", false},
		{"no host", CredentialOptions{}, "is not set", false},
		{"a whole address", CredentialOptions{Host: webhook}, "not a bare host name", false},
		{"with a port", CredentialOptions{Host: agentHost + ":443"}, "not a bare host name", false},
		{"capitals", CredentialOptions{Host: "Event-AI.eu-central-1.api.aws"}, "not a bare host name", false},
		{"loopback", CredentialOptions{Host: "127.0.0.1"}, "is local", false},
		{"a public address without a name", CredentialOptions{Host: "8.8.8.8"}, "is local", false},
		{"a name without a domain", CredentialOptions{Host: "agent"}, "is local", false},
		{"local use needs no host", CredentialOptions{AllowLocal: true}, "", true},
		{"local use", CredentialOptions{Host: "agent", AllowLocal: true}, "", true},
	}
	for _, tt := range tests {
		var log bytes.Buffer
		tt.o.Log = slog.New(slog.NewTextHandler(&log, nil))
		_, err := NewCredentials(nil, tt.o)
		if (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
			t.Errorf("%s: %v, want %q", tt.why, err, tt.wrong)
		}
		if got := strings.Count(log.String(), "level=WARN"); (got == 1) != tt.warns || got > 1 {
			t.Errorf("%s: %d warnings, want one: %v", tt.why, got, tt.warns)
		}
	}
}

// FuzzParse: no error tells a part of the secret, and no credential leads elsewhere than it may.
func FuzzParse(f *testing.F) {
	f.Add(`{"url":"`+webhook+`","token":"tok-Zq7vX"}`, false)
	f.Add(`{"url":"http://127.0.0.1:80/w","hmac_secret":"tok-Zq7vX"}`, true)
	f.Add(`{"tok-Zq7vX":1}`, false)
	f.Add(`tok-Zq7vX`, false)
	f.Fuzz(func(t *testing.T, text string, local bool) {
		cred, err := place{host: agentHost, allowLocal: local}.parse(secret.Version{Value: secret.New(text)})
		if err != nil {
			if strings.Contains(err.Error(), "tok-Zq7vX") || len(err.Error()) > delivery.MaxWords+30 {
				t.Errorf("the error is %q", err)
			}
			return
		}
		if address := cred.address.Reveal(); !local && !strings.HasPrefix(strings.ToLower(address), "https://"+agentHost+"/") &&
			!strings.HasPrefix(strings.ToLower(address), "https://"+agentHost+":443/") && !strings.HasPrefix(strings.ToLower(address), "https://"+agentHost+":/") {
			t.Errorf("%q leads elsewhere", address)
		}
		if cred.token.IsZero() == cred.hmac.IsZero() {
			t.Error("not exactly one of token and HMAC secret")
		}
	})
}

// fixed is a store with one answer.
type fixed struct{ err error }

func (f fixed) Current(context.Context) (secret.Version, error) { return secret.Version{}, f.err }
func (f fixed) Refresh(context.Context) (secret.Version, bool, error) {
	return secret.Version{}, false, f.err
}

func TestUnreadSecrets(t *testing.T) {
	tests := []struct {
		err  error
		want delivery.Reason
	}{
		{fmt.Errorf("%w: alertbridge/agent does not exist", secret.ErrMissing), delivery.SecretMissing},
		{fmt.Errorf("%w: no answer", secret.ErrUnavailable), delivery.SecretUnavailable},
		{errors.New("anything else"), delivery.SecretUnavailable},
	}
	for _, tt := range tests {
		c, err := NewCredentials(fixed{tt.err}, CredentialOptions{Host: agentHost})
		if err != nil {
			t.Fatal(err)
		}
		_, current := c.Current(t.Context())
		_, fresh, refreshed := c.Refresh(t.Context())
		for _, err := range []error{current, refreshed} {
			if e, ok := errors.AsType[*CredentialError](err); !ok || e.Reason != tt.want || !strings.Contains(e.Words, tt.err.Error()) || fresh {
				t.Errorf("%v became %v, want %s", tt.err, err, tt.want)
			}
		}
	}
}
