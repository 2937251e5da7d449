package intake

import (
	"context"
	"net/http"

	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// authenticate compares the caller's token with the current value and the one before. When it matches neither, the
// values are read again, as rarely as the store allows: the token may have been rotated a moment ago.
//
// As long as one of our own values could not be read, a token that matches no other proves nothing, and the answer is
// 503: Datadog sends the alert again.
func (h *Handler) authenticate(ctx context.Context, d *delivery, headers map[string]string) bool {
	header := datadog.Headers(headers)
	accepted, err := h.Tokens.Accepted(ctx)
	if datadog.Authorized(header, texts(accepted)...) {
		return true
	}
	if fresh, read, ferr := h.Tokens.RefreshAccepted(ctx); read || ferr != nil {
		if datadog.Authorized(header, texts(fresh)...) {
			return true
		}
		err = ferr
	}
	if len(accepted) == 0 && err == nil {
		err = secret.ErrMissing
	}
	if err != nil {
		*d = d.trouble(tokenUnavailable, "The bridge cannot read its own token; send the alert again.", err)
		return false
	}
	*d = d.refuse(http.StatusUnauthorized, unauthenticated,
		"Send the bridge's ingest token in the header X-Alertbridge-Token or as a bearer token.")
	return false
}

func texts(versions []secret.Version) []string {
	var all []string
	for _, v := range versions {
		all = append(all, v.Value.Reveal())
	}
	return all
}
