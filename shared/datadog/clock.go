package datadog

import (
	"strconv"
	"strings"
	"time"
)

// readTime is when it happened: the event's date, else when the event was last updated, else when it was received,
// and then assumed is true.
func (b *body) readTime(received time.Time) (t time.Time, assumed bool) {
	received = received.UTC().Truncate(time.Millisecond)
	for _, f := range []field{date, lastUpdated} {
		text := b.getIf(f, func(s string) bool { return credible(parseTime(s), received) })
		if text != "" {
			return parseTime(text), false
		}
	}
	return received, true
}

// credible refuses dates from before Datadog and those that are further ahead than clocks differ.
func credible(t, received time.Time) bool {
	return t.Year() >= 2010 && !t.After(received.Add(5*time.Minute))
}

// parseTime reads epoch milliseconds or seconds, or RFC 3339; the zero time is none of them.
func parseTime(s string) time.Time {
	whole, _, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	switch {
	case err != nil:
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return time.Time{}
		}
		return t.UTC().Truncate(time.Millisecond)
	case n > 1e15 || n < 0:
		return time.Time{}
	case n >= 1e11: // as seconds this would be the year 5138
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}
