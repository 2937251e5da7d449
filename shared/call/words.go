package call

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/redact"
	"github.com/alertbridge/alertbridge/shared/secret"
)

// Answered says with which status a peer answered, and what it said with it. The words must still become Speakable.
func (p Peer) Answered(r Reply) string {
	words := strings.TrimSpace(fmt.Sprintf("%s answered %d %s", p.Name, r.Status, http.StatusText(r.Status)))
	if v, err := Decode(r.Body); err == nil && !r.TooLong {
		if said := Flatten(v); said != "" {
			words += ": " + said
		}
	}
	return words
}

// Decode reads one JSON value and nothing else. Numbers stay as they were written.
func Decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the value")
	}
	return v, nil
}

// Flatten makes one text of a JSON value: the texts of lists one after another, the fields of objects with their names.
func Flatten(v any) string {
	var parts []string
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		for _, e := range v {
			parts = append(parts, Flatten(e))
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if text := Flatten(v[name]); text != "" {
				parts = append(parts, name+": "+text)
			}
		}
	default:
		return fmt.Sprint(v)
	}
	return strings.Join(parts, "; ")
}

// Bounded makes words fit for a delivery.Answer: one clean line of at most delivery.MaxWords bytes.
func Bounded(words string) string {
	const ellipsis = "..."
	words = alert.Line(words)
	if alert.EncodedLen(words) <= delivery.MaxWords {
		return words
	}
	words, _ = alert.CutEncoded(words, delivery.MaxWords-len(ellipsis))
	return strings.TrimSpace(words) + ellipsis
}

// Speakable is Bounded without what a service may have repeated of our request, in whatever form: what is hidden, and all
// addresses. A server that echoes a request in its error is nothing unusual. What else looks like a secret is hidden too,
// with key as that of the pseudonyms.
func Speakable(words, key string, hidden ...string) string {
	for _, h := range hidden[:len(hidden):len(hidden)] {
		hidden = append(hidden, url.QueryEscape(h), url.PathEscape(h), base64.StdEncoding.EncodeToString([]byte(h)), base64.RawURLEncoding.EncodeToString([]byte(h)))
	}
	slices.SortFunc(hidden, func(a, b string) int { return len(b) - len(a) }) // the whole before its parts
	words = hide(words, hidden)
	// Once more after cleaning, which may have put together what was apart.
	words = hide(alert.Line(words), hidden)
	return Bounded(noAddresses(redact.New(key).Text(words)))
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
