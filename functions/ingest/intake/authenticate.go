package intake

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/redact"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// authenticate compares the caller's token with the current value and the one before. When it matches neither, the
// values are read again, as rarely as the store allows: the token may have been rotated a moment ago.
//
// A token that matches nothing is refused only by values that were read after it came. While they cannot be read, or
// may not be read yet, nobody knows, and the answer is 503: Datadog sends the alert again. A caller without any token
// is refused at once, for no rotation explains that.
func (h *Handler) authenticate(ctx context.Context, d *delivery, headers map[string]string) bool {
	header := datadog.Headers(headers)
	known, _ := h.Tokens.Accepted(ctx) // what could not be read is asked for again below
	if d.knows(header, known) {
		return true
	}
	if !datadog.Offered(header) {
		*d = d.unknown()
		return false
	}
	fresh, read, err := h.Tokens.RefreshAccepted(ctx)
	if d.knows(header, fresh) {
		return true
	}
	switch {
	case err != nil:
	case len(fresh) == 0:
		err = secret.ErrMissing
	case stale(fresh):
		err = secret.ErrUnavailable
	case read:
		*d = d.unknown()
		return false
	default:
		*d = d.trouble(tokenUnsure, "The token is not known, and the bridge read its own only a moment ago; send the alert again.", errTooSoon)
		return false
	}
	*d = d.trouble(tokenUnavailable, "The bridge cannot read its own token; send the alert again.", err)
	return false
}

// knows compares the caller's token, and takes the current one, which is the first unless it cannot be read, as the key of
// pseudonyms: it is the one secret that ingest has, and whoever reads the ledger has not.
func (d *delivery) knows(header func(string) string, versions []secret.Version) bool {
	tokens := texts(versions)
	if !datadog.Authorized(header, tokens...) {
		return false
	}
	d.redactor = redact.New(tokens[0])
	return true
}

func (d delivery) unknown() delivery {
	return d.refuse(http.StatusUnauthorized, unauthenticated,
		"Send the bridge's ingest token in the header X-Alertbridge-Token or as a bearer token.")
}

var errTooSoon = errors.New("the token matches none that is known, and they were read again less than half a minute ago")

func stale(versions []secret.Version) bool {
	return slices.ContainsFunc(versions, func(v secret.Version) bool { return v.Stale })
}

func texts(versions []secret.Version) []string {
	var all []string
	for _, v := range versions {
		all = append(all, v.Value.Reveal())
	}
	return all
}
