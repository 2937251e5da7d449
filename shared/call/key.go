package call

import (
	"context"
	"errors"
	"strings"

	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// Secrets is the store of one secret; *awssecret.Store is one.
type Secrets interface {
	// Current returns the value in force, which may have been read some minutes ago.
	Current(context.Context) (secret.Version, error)
	// Refresh returns the value read again, and true; or false with the value as remembered, when it was read again
	// only just now or cannot be read.
	Refresh(context.Context) (secret.Version, bool, error)
}

// Key is a secret that is nothing but a key.
type Key struct {
	From Secrets
	Name string // of the secret, in words: "the Datadog API key"
	// Check says what is wrong with a value, "" for nothing, without telling any of it. Space around it is gone already.
	Check func(string) string
}

// Call calls with the key; and when that is denied, once more with a newer one if there is one, for a key is replaced
// without overlap, and ours may be the old one. Every answer has the version of the key that it is about.
func (k Key) Call(ctx context.Context, try func(secret.Value) delivery.Answer) delivery.Answer {
	v, err := k.From.Current(ctx)
	value, unusable := k.usable(v, err)
	if unusable != nil && unusable.Reason != delivery.SecretUnavailable {
		// What is remembered cannot be used. It may have been mended since.
		v, _, err = k.From.Refresh(ctx)
		value, unusable = k.usable(v, err)
	}
	if unusable != nil {
		return *unusable
	}
	first := try(value)
	first.SecretVersion = v.ID
	if !Denied(first.Reason) {
		return first
	}
	newer, _, err := k.From.Refresh(ctx)
	again, unusable := k.usable(newer, err)
	if unusable != nil || again.Equal(value) {
		return first
	}
	second := try(again)
	second.SecretVersion = newer.ID
	return second
}

// usable is the key, or the answer of a call that cannot be made.
func (k Key) usable(v secret.Version, err error) (secret.Value, *delivery.Answer) {
	fail := func(r delivery.Reason, words string) (secret.Value, *delivery.Answer) {
		return secret.Value{}, &delivery.Answer{Reason: r, SecretVersion: v.ID, Words: Bounded(k.Name + ": " + words)}
	}
	if errors.Is(err, secret.ErrMissing) {
		return fail(delivery.SecretMissing, err.Error())
	}
	if err != nil {
		return fail(delivery.SecretUnavailable, err.Error())
	}
	key := strings.TrimSpace(v.Value.Reveal())
	if key == "" {
		return fail(delivery.SecretMissing, "the secret is empty; put the key into it, and nothing else")
	}
	if wrong := k.Check(key); wrong != "" {
		return fail(delivery.SecretMalformed, wrong)
	}
	return secret.New(key), nil
}

// Sendable reports whether a key consists of visible ASCII and is not too long for a header.
func Sendable(key string) bool {
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(key) <= 4096
}
