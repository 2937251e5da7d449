package datadog

import (
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// readTransition takes the field, and without one the title's bracket. What is no known transition stays visible as
// it came.
func (b *body) readTransition(h heading) (t alert.Transition, raw string) {
	raw = first(b.get(transition), b.getIf(state, isTransition), h.transition)
	return parseTransition(raw), alert.Value(raw)
}

func isTransition(s string) bool { return parseTransition(s) != alert.Unknown }

func notATransition(s string) bool { return !isTransition(s) }

// parseTransition knows Datadog's transitions in any case and with any of "-", "_" and blank between their words.
// Everything that begins with Recovered, or with Warn Recovered, is a recovery.
func parseTransition(s string) alert.Transition {
	if len(s) > 64 {
		return alert.Unknown
	}
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == ' ' || r == '-' || r == '_' })
	switch word := strings.Join(words, ""); {
	case word == "triggered":
		return alert.Triggered
	case word == "retriggered":
		return alert.ReTriggered
	case word == "renotify":
		return alert.Renotify
	case word == "warn":
		return alert.Warn
	case word == "rewarn":
		return alert.ReWarn
	case word == "nodata":
		return alert.NoData
	case word == "renodata":
		return alert.ReNoData
	case strings.HasPrefix(word, "recovered"), strings.HasPrefix(word, "warnrecovered"):
		return alert.Recovered
	}
	return alert.Unknown
}
