package gate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
	for i := range h.Silences {
		if s := &h.Silences[i]; !s.over(now) && match.All(s.Matchers, a) {
			return s
		}
	}
	return nil
}

// silences is SilenceFor, and costs nothing where nothing is silenced.
func (h Hand) silences(a alert.Alert, now time.Time) *Silence {
	if len(h.Silences) == 0 {
		return nil
	}
	al := a
	return h.SilenceFor(&al, now)
}

// over tells that the order has ended by itself. It counts as not there from that moment on, wherever it still stands.
func (o Order) over(now time.Time) bool { return !o.Until.IsZero() && !o.Until.After(now) }

// SetMode sets a mode by hand. An order without a mode takes back the one that is set; it rules nothing and has no end, and
// is kept in its place until somebody sets a mode, for people who ask who took it back and why.
func SetMode(h Hand, o ModeOrder, now time.Time) Change {
	if o.Mode == "" {
		o.Until = time.Time{}
	}
	h.Mode = o
	return h.write(now)
}

// AddSilence adds a silence, and removes those that have ended. Without an id it gets one, made of who mutes what and why,
// so that the same silence added once more is there once, with its new end: expiring it then leaves no twin that goes on
// muting. Its error says why it cannot be: too many of them, too many matchers or none; that no alert can meet them, or
// only what is not muted anyway; or that it would mute every alert, which has to be forced.
func AddSilence(h Hand, s Silence, force bool, now time.Time) (Change, error) {
	for _, m := range s.Matchers {
		if reason := match.Impossible(m); reason != "" {
			return Change{}, fmt.Errorf("%s; values are compared with regard to case", reason)
		}
	}
	switch {
	case len(s.Matchers) == 0:
		return Change{}, errors.New("the silence has no matcher and would mute every alert; name at least one, such as service=checkout")
	case len(s.Matchers) > MaxMatchers:
		return Change{}, fmt.Errorf("the silence has %d matchers, and at most %d are possible; make two silences of it", len(s.Matchers), MaxMatchers)
	case match.Never(s.Matchers):
		return Change{}, errors.New("no alert can meet these matchers, so the silence would mute nothing; look at their values, which are compared with regard to case")
	case mutesNothing(s.Matchers):
		return Change{}, errors.New("the silence would mute nothing: recoveries never are, nor what Datadog tells in a transition that is not known")
	case s.over(now):
		return Change{}, fmt.Errorf("the silence would be over at %s, before it begins", s.Until.UTC().Format(time.RFC3339))
	case !force && mutesAll(s.Matchers):
		return Change{}, errors.New("the silence would mute every alert, or nearly; name what an alert must have, or force it; to stop everything there is the mode off")
	}
	if s.ID == "" {
		s.ID = silenceID(s)
	}
	h.Silences = h.without(func(o Silence) bool { return o.over(now) || o.ID == s.ID })
	if len(h.Silences) >= MaxSilences {
		return Change{}, fmt.Errorf("there are %d silences, and no more are possible; expire one that is not needed any more", len(h.Silences))
	}
	h.Silences = append(h.Silences, s)
	return h.write(now), nil
}

// ExpireSilence removes a silence, and those that have ended. Its error says that there is none of this id.
func ExpireSilence(h Hand, id string, now time.Time) (Change, error) {
	if !slices.ContainsFunc(h.Silences, func(s Silence) bool { return s.ID == id && !s.over(now) }) {
		return Change{}, fmt.Errorf("there is no silence %.100q; it may have ended by itself", id)
	}
	h.Silences = h.without(func(s Silence) bool { return s.over(now) || s.ID == id })
	return h.write(now), nil
}

// without gives the silences that are not meant, in a list of its own.
func (h Hand) without(meant func(Silence) bool) []Silence {
	return slices.DeleteFunc(slices.Clone(h.Silences), meant)
}

func (h Hand) write(now time.Time) Change {
	read := h.Version
	h.Version++
	return Change{At: now, Hand: &HandWrite{Read: read, Now: h}}
}

// mutesNothing tells whether the matchers meet at most what no silence is asked about.
func mutesNothing(list []match.Matcher) bool {
	asked, err := match.New("transition", match.MatchesNot, string(alert.Recovered)+"|"+string(alert.Unknown))
	return err == nil && match.Never(append(slices.Clone(list), asked))
}

// mutesAll tells whether an alert is muted of which nothing is known, or any in which everything has a value that nobody
// can have thought of: then the matchers say at most what an alert must not be. The same if they mute such alerts when these
// have what all alerts have: they are muted in every priority, when they fire anew, by whatever monitor and organisation.
// An expression such as .*no.* may know one of such values, and not two that share no letter.
func mutesAll(list []match.Matcher) bool {
	return mutesLike(list, alert.Alert{}) ||
		mutesLike(list, strange(list, "\u2756 no such value")) && mutesLike(list, strange(list, "\u2756drift"))
}

// strange is an alert in which everything has one value, the tags that are asked for too.
func strange(list []match.Matcher, odd string) alert.Alert {
	a := alert.Alert{
		Monitor: alert.Monitor{ID: odd, Name: odd, Type: odd}, Title: odd, Priority: odd, Transition: alert.Transition(odd), AlertType: odd,
		OrgID: odd, OrgName: odd, Hostname: odd,
	}
	for _, m := range list {
		a.Tags = append(a.Tags, strings.TrimPrefix(strings.ToLower(m.Name), "tag:")+":"+odd)
	}
	return a
}

// mutesLike tells whether such an alert is muted, as it is or with whatever an alert has.
func mutesLike(list []match.Matcher, a alert.Alert) bool {
	if match.All(list, &a) {
		return true
	}
	a.Transition, a.AlertType = alert.Triggered, "error" // as every incident begins, but for warnings and missing data
	for _, a.Priority = range []string{"P1", "P2", "P3", "P4", "P5"} {
		for _, number := range []string{"1", "24018841", "35577021", "9999999999"} {
			if a.Monitor.ID, a.OrgID = number, number; !match.All(list, &a) {
				return false
			}
		}
	}
	return true
}

func silenceID(s Silence) string {
	parts := []string{s.By, s.Reason}
	for _, m := range s.Matchers {
		parts = append(parts, m.String())
	}
	return "s-" + alert.Hash(parts...)[:10]
}
