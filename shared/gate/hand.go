package gate

import (
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/match"
)

// ModeFor is the mode that counts for an alert with these rules, and the order by hand that made it so; nil when it is
// the policy's own. By hand replaces the policy, except where a route has fixed the mode: then the stricter of both
// counts, so that nobody opens at night by accident what the team has closed on purpose.
func (h Hand) ModeFor(r Rules, now time.Time) (Mode, *ModeOrder) {
	own := r.Mode
	if own == "" {
		own = ModeFull
	}
	if h.Mode.Mode == "" || h.Mode.over(now) || r.ModeFixed && strictness(own) <= strictness(h.Mode.Mode) {
		return own, nil
	}
	order := h.Mode
	return order.Mode, &order
}

// strictness orders modes, the strictest lowest.
func strictness(m Mode) int { return slices.Index(Modes(), m) }

// SilenceFor is the silence that mutes the alert, the oldest of several; nil when none does.
func (h Hand) SilenceFor(a *alert.Alert, now time.Time) *Silence {
	for _, s := range h.Silences {
		if !s.over(now) && match.All(s.Matchers, a) {
			return &s
		}
	}
	return nil
}

// over tells that the order has ended by itself. It counts as not there from that moment on, wherever it still stands.
func (o Order) over(now time.Time) bool { return !o.Until.IsZero() && !o.Until.After(now) }
