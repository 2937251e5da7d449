package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/match"
)

// key is a name that can stand in a mapping.
type key struct {
	name string
	what string        // what may stand there, in words
	now  func() string // its value, as the file writes it
	read func(r *reader, n node)
	keys []key // of the mapping that may stand there
}

// reader reads nodes into settings, and collects what is wrong.
type reader struct {
	problems
	unmeant problems // what is allowed, and is probably not meant
	file    string
	routed  bool // in a route
	agent   bool // in an agent
}

// at is a node's place.
func (r *reader) at(n node) pos {
	return pos{n.at.line, n.at.col, r.routed, r.agent}
}

// wrong says what stands there and what may.
func (r *reader) wrong(n node, name, what string, hint ...string) {
	if n.kind == broken {
		return
	}
	r.add(n.at, "%s: %s; it takes %s%s", name, n.is(), what, strings.Join(hint, ""))
}

// mapping reads the keys of a mapping. Elsewhere says of keys that belong somewhere else where that is.
func (r *reader) mapping(n node, name string, keys []key, elsewhere map[string]string) {
	if n.kind != mapping {
		r.wrong(n, name, "a mapping with "+few(nameList(keys)))
		return
	}
	for _, p := range n.pairs {
		i := slices.IndexFunc(keys, func(k key) bool { return k.name == p.key })
		if i < 0 {
			r.unknown(p, name, nameList(keys), elsewhere)
			continue
		}
		if p.value.kind == nothing {
			r.add(p.at, "%s: there is no value; it takes %s, or is left out", keys[i].name, keys[i].what)
			continue
		}
		keys[i].read(r, p.value)
	}
}

func (r *reader) unknown(p pair, name string, names []string, elsewhere map[string]string) {
	if place, ok := elsewhere[p.key]; ok {
		r.add(p.at, "%s has no key %s; it belongs %s", name, p.key, place)
		return
	}
	r.add(p.at, "%s has no key %s%s; it has %s", name, quote(p.key), like(p.key, names), and(names))
}

// few names some of the keys, as an example of what is meant.
func few(names []string) string {
	if len(names) > 6 {
		return strings.Join(names[:4], ", ") + " and so on"
	}
	return or(names)
}

func nameList(keys []key) []string {
	var names []string
	for _, k := range keys {
		names = append(names, k.name)
	}
	return names
}

func and(words []string) string { return joined(words, " and ") }
func or(words []string) string  { return joined(words, " or ") }

func joined(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + last + words[len(words)-1]
}

// word reads one of the words, and tells whether it was one.
func (r *reader) word(n node, name string, words []string) (string, bool) {
	if n.kind == text && slices.Contains(words, n.text) {
		return n.text, true
	}
	if n.kind == text {
		r.add(n.at, "%s: there is no %s%s; it takes %s", name, quote(n.text), like(n.text, words), or(words))
	} else {
		r.wrong(n, name, or(words))
	}
	return "", false
}

// word is a key whose value is one of some words.
func word[T ~string](name string, s *setting[T], words ...T) key {
	var names []string
	for _, w := range words {
		names = append(names, string(w))
	}
	return key{
		name: name, what: or(names), now: func() string { return string(s.v) },
		read: func(r *reader, n node) {
			if w, ok := r.word(n, name, names); ok {
				*s = setting[T]{T(w), r.at(n)}
			}
		},
	}
}

// duration is a key whose value is a time.
func duration(name string, s *setting[time.Duration], least, most time.Duration) key {
	what := fmt.Sprintf("a time from %s to %s", show(least), show(most))
	return key{
		name: name, what: what, now: func() string { return show(s.v) },
		read: func(r *reader, n node) {
			if d, ok := r.duration(n, name, what, least, most); ok {
				*s = setting[time.Duration]{d, r.at(n)}
			}
		},
	}
}

func (r *reader) duration(n node, name, what string, least, most time.Duration) (time.Duration, bool) {
	switch {
	case n.kind == number:
		r.wrong(n, name, what, " with its unit, such as "+withUnit(n.text))
		return 0, false
	case n.kind != text:
		r.wrong(n, name, what)
		return 0, false
	}
	d, ok := parseDuration(n.text)
	switch {
	case strings.HasPrefix(n.text, "-"):
		r.add(n.at, "%s: %s is negative; it takes %s", name, quote(n.text), what)
		return 0, false
	case !ok:
		r.add(n.at, "%s: %s is no time; it takes %s, written like 30s, 5m or 1h30m", name, quote(n.text), what)
	case d < least || d > most:
		r.add(n.at, "%s: %s is out of range; it takes %s", name, cut(n.text), what)
		ok = false
	}
	return d, ok
}

// withUnit proposes a time for a number without a unit.
func withUnit(number string) string {
	if n, err := strconv.Atoi(number); err == nil && n > 0 && n < 1000 {
		return fmt.Sprintf("%ds or %dm", n, n)
	}
	return "30s or 5m"
}

var durationPattern = regexp.MustCompile(`^(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?$`)

// parseDuration reads a time of days, hours, minutes and seconds, each at most once and in this order.
func parseDuration(text string) (time.Duration, bool) {
	parts := durationPattern.FindStringSubmatch(text)
	if parts == nil || text == "" {
		return 0, false
	}
	var d time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if n, err := strconv.Atoi(parts[i+1]); err == nil {
			d += time.Duration(n) * unit
		}
	}
	return d, true
}

// show writes a time as parseDuration reads it.
func show(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	out := ""
	if days := d / day; days > 1 && d%day == 0 {
		return fmt.Sprintf("%dd", days)
	}
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / u.of; n > 0 {
			out += fmt.Sprintf("%d%s", n, u.name)
			d -= n * u.of
		}
	}
	return out
}

// countPattern leaves out what YAML reads as a number and people as another one: 010 is eight there.
var countPattern = regexp.MustCompile(`^-?(0|[1-9]\d*)$`)

// count is a key whose value is a whole number.
func count(name string, s *setting[int], least, most int) key {
	what := fmt.Sprintf("a whole number from %d to %d", least, most)
	return key{
		name: name, what: what, now: func() string { return strconv.Itoa(s.v) },
		read: func(r *reader, n node) {
			if n.kind != number {
				r.wrong(n, name, what)
				return
			}
			v, err := strconv.Atoi(n.text)
			switch {
			case !countPattern.MatchString(n.text):
				r.add(n.at, "%s: %s is no whole number in plain digits; it takes %s", name, cut(n.text), what)
				return
			case err != nil || v < least || v > most:
				r.add(n.at, "%s: %s is out of range; it takes %s", name, cut(n.text), what)
				return
			}
			*s = setting[int]{v, r.at(n)}
		},
	}
}

// unlimited is the word for a month without a budget.
const unlimited = "unlimited"

// dollars is a key whose value is an amount of money above nothing.
func dollars(name string, s *setting[gate.Dollars], most gate.Dollars, orUnlimited bool) key {
	what := fmt.Sprintf("dollars above 0, at most %d", most/1_000_000)
	if orUnlimited {
		what += ", or " + unlimited
	}
	return key{
		name: name, what: what,
		now: func() string {
			if s.v == 0 {
				return unlimited
			}
			return plainDollars(s.v)
		},
		read: func(r *reader, n node) {
			if orUnlimited && n.kind == text && n.text == unlimited {
				*s = setting[gate.Dollars]{0, r.at(n)}
				return
			}
			if n.kind != number {
				hint := ""
				if orUnlimited && n.kind == text {
					hint = like(n.text, []string{unlimited})
				}
				r.wrong(n, name, what, hint)
				return
			}
			d, ok := parseDollars(n.text)
			switch {
			case !ok:
				r.add(n.at, "%s: %s is no amount; it takes %s, with at most six decimals", name, cut(n.text), what)
			case d <= 0 && orUnlimited:
				r.add(n.at, "%s: %s is out of range; it takes %s; to pay for critical alerts only, write mode: critical_only", name, cut(n.text), what)
			case d <= 0 || d > most:
				r.add(n.at, "%s: %s is out of range; it takes %s", name, cut(n.text), what)
			default:
				*s = setting[gate.Dollars]{d, r.at(n)}
			}
		},
	}
}

var dollarPattern = regexp.MustCompile(`^(-?)(\d{1,9})(?:\.(\d{1,6}))?$`)

func parseDollars(text string) (gate.Dollars, bool) {
	parts := dollarPattern.FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	whole, err := strconv.ParseInt(parts[2]+(parts[3] + "000000")[:6], 10, 64)
	if parts[1] != "" {
		whole = -whole
	}
	return gate.Dollars(whole), err == nil
}

// plainDollars writes an amount as parseDollars reads it.
func plainDollars(d gate.Dollars) string {
	s := fmt.Sprintf("%d.%06d", d/1_000_000, d%1_000_000)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// matchers reads a list of matchers, or a single one.
func (r *reader) matchers(n node, name string) ([]match.Matcher, bool) {
	if n.kind == text {
		n = node{kind: list, at: n.at, items: []node{n}}
	}
	if n.kind != list {
		r.wrong(n, name, takesMatch, asMatcher(n))
		return nil, false
	}
	if len(n.items) > maxMatchers {
		r.add(n.at, "%s: there are %d matchers, and at most %d can be; one with =~ or !~ can have many values", name, len(n.items), maxMatchers)
		return nil, false
	}
	var all []match.Matcher
	fine := true
	for _, item := range n.items {
		m, ok := r.matcher(item, name)
		all, fine = append(all, m), fine && ok
	}
	if fine && len(all) == 0 {
		r.add(n.at, "%s: there is no matcher; it takes %s", name, takesMatch)
		return nil, false
	}
	if fine && match.Never(all) {
		r.add(n.at, "%s: no alert can meet all of %s", name, sentence(all))
		return nil, false
	}
	return all, fine
}

func (r *reader) matcher(n node, name string) (match.Matcher, bool) {
	if n.kind != text {
		r.wrong(n, name, takesMatch, asMatcher(n))
		return match.Matcher{}, false
	}
	m, err := match.Parse(n.text)
	if err != nil {
		r.add(n.at, "%s: %v", name, err)
		return m, false
	}
	if reason := match.Impossible(m); reason != "" {
		r.add(n.at, "%s: %s", name, reason)
		return m, false
	}
	r.spelt(n, name, m.Name)
	return m, true
}

// spelt warns of a name that is probably meant to be another one. It may be a tag of the user's, so it is no error.
func (r *reader) spelt(n node, key, name string) {
	if meant := match.Misspelt(name); meant != "" {
		r.unmeant.add(n.at, "%s: %s is no field and no usual tag; did you mean %s? A tag of that name is written tag:%s", key, cut(name), meant, cut(name))
	}
}

// asMatcher proposes a matcher for a mapping.
func asMatcher(n node) string {
	if n.kind != mapping || len(n.pairs) == 0 || n.pairs[0].value.kind != text {
		return ""
	}
	return fmt.Sprintf("; did you mean %s = %s?", cut(n.pairs[0].key), cut(n.pairs[0].value.text))
}

func sentence(matchers []match.Matcher) string {
	var words []string
	for _, m := range matchers {
		words = append(words, m.String())
	}
	return and(words)
}

// ranks are the names for severities: a rank is the priority, unless the policy calls the alert critical (P1) or it has
// none.
var ranks = []struct {
	name string
	of   alert.Severity
}{{"P1", alert.Critical}, {"P2", alert.High}, {"P3", alert.Medium}, {"P4", alert.Low}, {"P5", alert.Minimal}}
