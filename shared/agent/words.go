package agent

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/redact"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// bounded makes words fit for an Answer: one clean line of at most delivery.MaxWords bytes.
func bounded(words string) string {
	return fit(alert.Line(words), delivery.MaxWords, delivery.MaxWords)
}

// speakable is bounded without what the Agent may have repeated of our request, in whatever form: key, signature and
// address. A server that echoes a request in its error is nothing unusual. What else looks like a secret is hidden too,
// with the Agent's key as that of the pseudonyms.
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
	for _, h := range hidden[:len(hidden):len(hidden)] {
		hidden = append(hidden, url.QueryEscape(h), url.PathEscape(h), base64.StdEncoding.EncodeToString([]byte(h)), base64.RawURLEncoding.EncodeToString([]byte(h)))
	}
	slices.SortFunc(hidden, func(a, b string) int { return len(b) - len(a) }) // the whole before its parts
	words = hide(words, hidden)
	// Once more after cleaning, which may have put together what was apart.
	words = hide(alert.Line(words), hidden)
	return bounded(noAddresses(redact.New(c.token.Reveal() + c.hmac.Reveal()).Text(words)))
}

// hide replaces what is hidden, but not what is so short that it would take ordinary words away.
func hide(s string, hidden []string) string {
	for _, h := range hidden {
		if len(h) >= 6 {
			s = strings.ReplaceAll(s, h, secret.Placeholder)
		}
	}
	return s
}

// noAddresses replaces every word with a scheme in it, up to the next blank or quote.
func noAddresses(s string) string {
	for {
		at := strings.Index(s, "://")
		if at < 0 {
			return s
		}
		begin := strings.LastIndexAny(s[:at], ` "'<(`) + 1
		end := len(s)
		if n := strings.IndexAny(s[at:], ` "'>)`); n >= 0 {
			end = at + n
		}
		s = s[:begin] + "[address]" + s[end:]
	}
}
