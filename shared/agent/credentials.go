package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// Secrets is the store that holds the Agent's secret.
type Secrets = call.Secrets

// Credentials is where a Client gets its credential. The methods are to Credential what those of Secrets are to the
// secret; their error is a *CredentialError.
type Credentials interface {
	Current(context.Context) (Credential, error)
	Refresh(context.Context) (Credential, bool, error)
}

// CredentialOptions say where the secret's address may lead.
type CredentialOptions struct {
	// Host is the Agent's, such as event-ai.eu-central-1.api.aws. The address must have exactly this host, https, and
	// no port other than 443.
	Host string
	// AllowLocal also permits http, any port, loopback addresses and private networks, for a stand-in on a
	// developer's machine. It is logged as a warning.
	AllowLocal bool
	Log        *slog.Logger // nil: slog.Default()
}

// NewCredentials reads credentials out of a store. The error is about the options.
func NewCredentials(s Secrets, o CredentialOptions) (Credentials, error) {
	if err := checkHost(o.Host, o.AllowLocal); err != nil {
		return nil, err
	}
	if o.AllowLocal {
		log := o.Log
		if log == nil {
			log = slog.Default()
		}
		log.Warn("the Agent's address may be http, local or private: this bridge must not run in production", "agent_host", o.Host)
	}
	return &credentials{secrets: s, place: place{host: o.Host, allowLocal: o.AllowLocal}}, nil
}

// checkHost wants a bare host name, and without allowLocal one that can be on the internet.
func checkHost(host string, allowLocal bool) error {
	if host == "" && allowLocal {
		return nil
	}
	_, notIP := netip.ParseAddr(host)
	switch {
	case host == "":
		return errors.New("the Agent's host is not set; it is the host of the webhook's address, such as event-ai.eu-central-1.api.aws")
	case strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || strings.HasPrefix(host, ".") || strings.HasSuffix(host, "."):
		return fmt.Errorf("the Agent's host %q is not a bare host name in small letters, such as event-ai.eu-central-1.api.aws", host)
	case !allowLocal && (notIP == nil || call.Local(host) || !strings.Contains(host, ".")):
		return fmt.Errorf("the Agent's host %q is local; only a switch for local use permits that", host)
	}
	return nil
}

type credentials struct {
	secrets Secrets
	place   place
}

func (c *credentials) Current(ctx context.Context) (Credential, error) {
	v, err := c.secrets.Current(ctx)
	if err != nil {
		return Credential{}, unread(err)
	}
	return c.place.parse(v)
}

func (c *credentials) Refresh(ctx context.Context) (Credential, bool, error) {
	v, fresh, err := c.secrets.Refresh(ctx)
	if err != nil {
		return Credential{}, false, unread(err)
	}
	cred, err := c.place.parse(v)
	return cred, fresh, err
}

// unread tells a secret that has no value from one that could not be read.
func unread(err error) error {
	e := &CredentialError{Reason: delivery.SecretUnavailable, Words: err.Error()}
	if errors.Is(err, secret.ErrMissing) {
		e.Reason = delivery.SecretMissing
	}
	return e
}
