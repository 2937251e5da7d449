package call

import (
	"context"
	"errors"
	"testing"

	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// store is one whose value is replaced when it is read again.
type store struct {
	now, next   secret.Version
	err, newErr error
}

func (s *store) Current(context.Context) (secret.Version, error) { return s.now, s.err }

func (s *store) Refresh(context.Context) (secret.Version, bool, error) {
	return s.next, s.newErr == nil, s.newErr
}

func version(id, text string) secret.Version { return secret.Version{ID: id, Value: secret.New(text)} }

// TestKeyCall: one call, and a second only after a denial and with another key.
func TestKeyCall(t *testing.T) {
	missing := errors.Join(errors.New("the store has nothing"), secret.ErrMissing)
	for _, c := range []struct {
		why     string
		s       store
		want    delivery.Reason
		version string
		calls   int
	}{
		{"the key is good", store{now: version("1", " good\n"), next: version("2", "good2")}, delivery.Received, "1", 1},
		{"another failure than a denial", store{now: version("1", "500"), next: version("2", "good")}, delivery.ServerError, "1", 1},
		{"a newer key is good", store{now: version("1", "old"), next: version("2", "good")}, delivery.Received, "2", 2},
		{"a newer key is denied too", store{now: version("1", "old"), next: version("2", "older")}, delivery.Forbidden, "2", 2},
		{"there is no newer one", store{now: version("1", "old"), next: version("1", "old")}, delivery.Forbidden, "1", 1},
		{"a newer version says the same", store{now: version("1", "old"), next: version("2", "old ")}, delivery.Forbidden, "1", 1},
		{"a newer one cannot be used", store{now: version("1", "old"), next: version("2", "bad")}, delivery.Forbidden, "1", 1},
		{"it cannot be read again", store{now: version("1", "old"), newErr: secret.ErrUnavailable}, delivery.Forbidden, "1", 1},
		{"what is remembered cannot be used, and was mended", store{now: version("1", "bad"), next: version("2", "good")}, delivery.Received, "2", 1},
		{"neither can be used", store{now: version("1", "bad"), next: version("2", "bad")}, delivery.SecretMalformed, "2", 0},
		{"it is empty", store{now: version("1", " \n"), next: version("1", " \n")}, delivery.SecretMissing, "1", 0},
		{"there is none", store{err: missing, newErr: missing}, delivery.SecretMissing, "", 0},
		{"the store is down", store{err: secret.ErrUnavailable, next: version("2", "good")}, delivery.SecretUnavailable, "", 0},
	} {
		calls := 0
		k := Key{From: &c.s, Name: "the key", Check: func(key string) string {
			if key == "bad" {
				return "it is bad"
			}
			return ""
		}}
		a := k.Call(t.Context(), func(key secret.Value) delivery.Answer {
			calls++
			switch key.Reveal() {
			case "good", "good2":
				return delivery.Answer{Reason: delivery.Received}
			case "500":
				return delivery.Answer{Reason: delivery.ServerError}
			}
			return delivery.Answer{Reason: delivery.Forbidden}
		})
		if a.Reason != c.want || a.SecretVersion != c.version || calls != c.calls {
			t.Errorf("%s: %s with version %q after %d calls, want %s, %q, %d", c.why, a.Reason, a.SecretVersion, calls, c.want, c.version, c.calls)
		}
		if calls == 0 && a.Words[:9] != "the key: " {
			t.Errorf("%s: the words are %q", c.why, a.Words)
		}
	}
}
