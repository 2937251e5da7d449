package answer

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/redact"
)

// What is told of a list at most, and a name's length in characters. Title, text and address have the limits of an alert.
const (
	maxLinks    = 8
	maxTags     = 30
	maxLinkName = 100
	maxTag      = 200 // Datadog's
)

// Ready is the Answer as it may be told: every text cleaned, without secrets and personal data, and bounded; without the
// links that lead nowhere safe, and without a Moment that is not of the list. It changes nothing when it is called again.
// A caller that redacts with a key of its own does so before: its pseudonyms stay.
func (a Answer) Ready() Answer {
	a.ID, a.Case = safe(a.ID), safe(a.Case)
	a.Title = line(a.Title, alert.MaxName)
	a.Text = text(a.Text, alert.MaxText)
	a.Service, a.Env = line(a.Service, alert.MaxField), line(a.Env, alert.MaxField)
	// Keys are compared by those who have the other half: nothing in them is replaced.
	a.AggregationKey, a.PageKey = key(a.AggregationKey), key(a.PageKey)
	a.Links, a.Tags = links(a.Links), tags(a.Tags)
	if !slices.Contains(Moments(), a.Moment) {
		a.Moment = ""
	}
	if a.At = a.At.UTC(); a.At.Year() < 1 || a.At.Year() > 9999 {
		a.At = time.Time{}
	}
	return a
}

func safe(id string) string {
	if id == "" {
		return ""
	}
	return alert.MakeSafe(id)
}

// text redacts before it cuts: half a secret is none that can be recognised. What a cut leaves is looked at once more: it
// may end in what cleaning takes for a handle.
func text(s string, most int) string {
	for range 3 {
		s = alert.Clean(redact.New("").Text(alert.Clean(s)))
		cut, shorter := alert.Cut(s, most)
		if s = strings.TrimSpace(cut); !shorter {
			break
		}
	}
	return s
}

func line(s string, most int) string { return text(alert.Line(s), most) }

func value(s string, most int) string {
	s, _ = alert.Cut(redact.New("").Text(alert.Value(s)), most)
	return strings.TrimSpace(s)
}

func key(s string) string {
	s, _ = alert.Cut(alert.Value(s), alert.MaxField)
	return strings.TrimSpace(s)
}

func tags(all []string) []string {
	var kept []string
	for _, t := range all {
		if t = value(t, maxTag); t != "" && !slices.Contains(kept, t) && len(kept) < maxTags {
			kept = append(kept, t)
		}
	}
	return kept
}

func links(all []Link) []Link {
	var kept []Link
	for _, l := range all {
		if !leads(l.URL) || len(kept) == maxLinks {
			continue
		}
		if l.Name = line(l.Name, maxLinkName); l.Name == "" {
			l.Name = "link"
		}
		kept = append(kept, l)
	}
	return kept
}

// leads tells an address that may be shown: https to some host, nothing in it that a program could read otherwise than a
// browser does, and no secret, for without it the address would lead nowhere.
func leads(address string) bool {
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, "https://") || u.Hostname() == "" || u.User != nil || u.Opaque != "" || len(address) > alert.MaxURL {
		return false
	}
	for _, c := range []byte(address) {
		if c <= ' ' || c > '~' || strings.IndexByte("\"<>\\^`{|}'()[]", c) >= 0 {
			return false
		}
	}
	return !strings.Contains(address, "%%") && !redact.Has(address)
}
