package agent

import (
	"net/http"
	"net/url"
	"path"

	"github.com/alertbridge/alertbridge/shared/call"
)

// speakable is call.Speakable without key, signature and address.
func speakable(words string, c Credential, sent http.Header) string {
	if words == "" { // as in every answer that is as it should be
		return ""
	}
	hidden := []string{
		c.address.Reveal(), c.token.Reveal(), c.hmac.Reveal(),
		sent.Get("x-amzn-event-signature"), sent.Get("Authorization"),
	}
	if u, err := url.Parse(c.address.Reveal()); err == nil {
		hidden = append(hidden, u.RequestURI(), u.Path, path.Base(u.Path))
	}
	return call.Speakable(words, c.token.Reveal()+c.hmac.Reveal(), hidden...)
}
