package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/match"
)

const day = 24 * time.Hour

// Limits of lists in a file.
const (
	maxRoutes   = 100
	maxAgents   = 20
	maxMatchers = 20 // of a route, or of an entry of critical: each is held against every alert
	maxCritical = 50
)

// rootKeys are those of the file itself, but for agents and routes.
func rootKeys(s *settings, a *account) []key { return append(settingKeys(s), accountKeys(a)...) }

// settingKeys are those of the root that a route can have too.
func settingKeys(s *settings) []key {
	return []key{
		modeKey(&s.mode),
		agentKey(&s.agent),
		criticalKey(&s.critical),
		duration("fresh", &s.fresh, 0, day),
		duration("late_hold", &s.lateHold, 0, time.Hour),
		startOnKey(&s.startOn),
		holdKey(&s.hold, &s.noData),
		groupByKey(&s.groupBy),
		orOff("storm", func() bool { return s.storm.cases.v == 0 }, func(at pos) { s.storm.cases = setting[int]{0, at} },
			count("cases", &s.storm.cases, 1, gate.MaxOpened),
			duration("within", &s.storm.within, time.Minute, day),
			duration("join", &s.storm.join, 0, 7*day)),
		orOff("flap", func() bool { return s.flap.cycles.v == 0 }, func(at pos) { s.flap.cycles = setting[int]{0, at} },
			count("cycles", &s.flap.cycles, 2, gate.MaxCycles),
			duration("within", &s.flap.within, time.Minute, day),
			duration("quiet", &s.flap.quiet, time.Minute, 7*day)),
		duration("max_age", &s.maxAge, time.Minute, 7*day),
		duration("window", &s.window, 0, 7*day),
		duration("quiet", &s.quiet, time.Hour, 7*day),
		word("in_doubt", &s.inDoubt, gate.RepeatIt, gate.StopIt),
		word("test", &s.test, gate.DropIt, gate.StartIt),
	}
}

// accountKeys are those of the root that an agent can have too.
func accountKeys(a *account) []key {
	return []key{
		within("budget",
			dollars("dollars_a_month", &a.month, 1_000_000_000_000, true),
			dollars("price_a_second", &a.price, 1_000_000, false),
			duration("expected", &a.expected, time.Second, 8*time.Hour),
			count("bucket", &a.bucket, 1, 1000)),
		count("critical_per_day", &a.criticalPerDay, 0, 1000),
		within("slots",
			count("total", &a.slots, 1, gate.MaxRunning),
			count("critical", &a.criticalSlots, 0, gate.MaxRunning-1)),
	}
}

// within is a key with a mapping.
func within(name string, keys ...key) key {
	return key{
		name: name, what: "a mapping with " + or(nameList(keys)), keys: keys,
		now:  func() string { return "" },
		read: func(r *reader, n node) { r.mapping(n, name, keys, nil) },
	}
}

// off is the word for what there shall not be.
const off = "off"

// orOff is a key with a mapping, or the word off.
func orOff(name string, isOff func() bool, switchOff func(pos), keys ...key) key {
	k := within(name, keys...)
	k.what = off + ", or " + k.what
	k.now = func() string {
		if isOff() {
			return off
		}
		return ""
	}
	k.read = func(r *reader, n node) {
		switch {
		case n.kind == text && n.text == off:
			switchOff(r.at(n))
		case n.kind == mapping:
			r.mapping(n, name, keys, nil)
		default:
			r.wrong(n, name, k.what)
		}
	}
	return k
}

// modeKey reads one mode for every rank, or one for each. Default speaks for the ranks that stand not beside it.
func modeKey(s *byRank[ranked]) key {
	var modes []string
	for _, m := range gate.Modes() {
		modes = append(modes, string(m))
	}
	set := func(r *reader, n node, name string, fixed bool, to ...alert.Severity) {
		if w, ok := r.word(n, name, modes); ok {
			for _, rank := range to {
				s[rank] = setting[ranked]{ranked{gate.Mode(w), fixed || r.routed}, r.at(n)}
			}
		}
	}
	k := key{name: "mode", what: or(modes) + ", or a mapping with P1 to P5 and default", now: func() string { return "" }}
	all := []alert.Severity{alert.Critical, alert.High, alert.Medium, alert.Low, alert.Minimal}
	for _, rank := range ranks {
		k.keys = append(k.keys, key{
			name: rank.name, what: or(modes), now: func() string { return string(s[rank.of].v.mode) },
			read: func(r *reader, n node) { set(r, n, rank.name, true, rank.of) },
		})
	}
	k.keys = append(k.keys, key{name: "default", what: or(modes), now: func() string { return "" }})
	k.read = func(r *reader, n node) {
		if n.kind != mapping {
			if n.kind == text {
				set(r, n, "mode", false, all...)
			} else {
				r.wrong(n, "mode", k.what)
			}
			return
		}
		k.keys[len(ranks)].read = func(r *reader, v node) { set(r, v, "default", false, left(n, all)...) }
		r.mapping(n, "mode", k.keys, nil)
	}
	return k
}

// left are the ranks that a mapping does not name.
func left(n node, all []alert.Severity) []alert.Severity {
	var rest []alert.Severity
	for _, rank := range ranks {
		named := slices.ContainsFunc(n.pairs, func(p pair) bool { return p.key == rank.name })
		if !named && slices.Contains(all, rank.of) {
			rest = append(rest, rank.of)
		}
	}
	return rest
}

// holdKey reads one time for P2 to P5, or one for each.
func holdKey(s *byRank[time.Duration], noData *setting[time.Duration]) key {
	const what = "a time from 0s to 24h"
	k := key{name: "hold", what: what + ", or a mapping with P2 to P5, default and No Data", now: func() string { return "" }}
	all := []alert.Severity{alert.High, alert.Medium, alert.Low, alert.Minimal}
	set := func(r *reader, n node, name, what string, to ...alert.Severity) {
		if d, ok := r.duration(n, name, what, 0, day); ok {
			for _, rank := range to {
				s[rank] = setting[time.Duration]{d, r.at(n)}
			}
		}
	}
	for _, rank := range ranks[1:] {
		k.keys = append(k.keys, key{
			name: rank.name, what: what, now: func() string { return show(s[rank.of].v) },
			read: func(r *reader, n node) { set(r, n, rank.name, what, rank.of) },
		})
	}
	k.keys = append(k.keys, duration("No Data", noData, 0, day))
	k.keys = append(k.keys, key{name: "default", what: what, now: func() string { return "" }})
	k.read = func(r *reader, n node) {
		if n.kind != mapping {
			set(r, n, "hold", k.what, all...)
			return
		}
		k.keys[len(k.keys)-1].read = func(r *reader, v node) { set(r, v, "default", what, left(n, all)...) }
		r.mapping(n, "hold", k.keys, map[string]string{"P1": "to late_hold: a critical alert is held only when it comes late"})
	}
	return k
}

// startOnKey reads for which alerts each transition starts something: as a mapping, or as a list of those that always
// do, all others never.
func startOnKey(s *[kinds]setting[when]) key {
	k := key{name: "start_on", what: "a list of " + or(kindNames[:]) + ", or a mapping of these to always, critical or never", now: func() string { return "" }}
	for i, name := range kindNames {
		k.keys = append(k.keys, word(name, &s[i], always, onlyCritical, never))
	}
	elsewhere := map[string]string{
		"Recovered": "nowhere: a recovery never starts anything",
		"Re-Warn":   "to Warn, which speaks for it too", "Re-No Data": "to No Data, which speaks for it too",
	}
	k.read = func(r *reader, n node) {
		switch n.kind {
		case mapping:
			r.mapping(n, "start_on", k.keys, elsewhere)
		case list:
			for i := range s {
				s[i] = setting[when]{never, r.at(n)}
			}
			for _, item := range n.items {
				if place, ok := elsewhere[item.text]; ok {
					r.add(item.at, "start_on has no %s; it belongs %s", item.text, place)
				} else if name, ok := r.word(item, "start_on", kindNames[:]); ok {
					s[slices.Index(kindNames[:], name)] = setting[when]{always, r.at(item)}
				}
			}
		default:
			r.wrong(n, "start_on", k.what)
		}
	}
	return k
}

// criticalKey reads which alerts are critical: lists of matchers, all of one list, or always, or never.
func criticalKey(s *setting[[][]match.Matcher]) key {
	const what = "a list whose entries are matchers or lists of them, always, or never"
	return key{
		name: "critical", what: what, now: func() string { return showLists(s.v) },
		read: func(r *reader, n node) {
			switch {
			case n.kind == text && (n.text == string(always) || n.text == string(never)):
				*s = setting[[][]match.Matcher]{nil, r.at(n)}
				if n.text == string(always) {
					s.v = [][]match.Matcher{nil} // which meets every alert
				}
			case n.kind == list:
				all, fine := [][]match.Matcher{}, true
				if len(n.items) > maxCritical {
					r.add(n.at, "critical: there are %d entries, and at most %d can be; one with =~ can have many values", len(n.items), maxCritical)
					return
				}
				for _, item := range n.items {
					m, ok := r.matchers(item, "critical")
					all, fine = append(all, m), fine && ok
				}
				if fine && len(all) == 0 {
					r.add(n.at, "critical: the list is empty; it takes %s", what)
				} else if fine {
					*s = setting[[][]match.Matcher]{all, r.at(n)}
				}
			default:
				hint := asMatcher(n)
				if n.kind == text {
					hint = like(n.text, []string{string(always), string(never)})
				}
				r.wrong(n, "critical", what, hint)
			}
		},
	}
}

func showLists(lists [][]match.Matcher) string {
	var out []string
	for _, l := range lists {
		if len(l) == 0 {
			return string(always)
		}
		out = append(out, showList(l))
	}
	if len(out) == 0 {
		return string(never)
	}
	return strings.Join(out, ", ")
}

func showList(list []match.Matcher) string {
	var out []string
	for _, m := range list {
		out = append(out, fmt.Sprintf("%s %s %s", m.Name, m.Op, m.Value))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// maxSetKeys bounds the keys of one set.
const maxSetKeys = 6

// groupByKey reads the sets of keys that alerts are joined by.
func groupByKey(s *setting[[]keySet]) key {
	const what = "a list of sets such as {keys: [monitor, env], for: 30m}, or []"
	return key{
		name: "group_by", what: what,
		now: func() string {
			var out []string
			for _, set := range s.v {
				out = append(out, fmt.Sprintf("{keys: [%s], for: %s}", strings.Join(set.keys, ", "), show(set.within)))
			}
			return "[" + strings.Join(out, ", ") + "]"
		},
		read: func(r *reader, n node) {
			if n.kind != list {
				r.wrong(n, "group_by", what)
				return
			}
			if len(n.items) > gate.MaxKeys {
				r.add(n.at, "group_by: there are %d sets, and at most %d can be", len(n.items), gate.MaxKeys)
			}
			var all []keySet
			for _, item := range n.items {
				set := r.keySet(item)
				for _, other := range all {
					if set.keys != nil && slices.Equal(other.keys, set.keys) {
						r.add(item.at, "group_by: the keys %s stand here a second time", and(set.keys))
					}
				}
				all = append(all, set)
			}
			*s = setting[[]keySet]{all, r.at(n)}
		},
	}
}

func (r *reader) keySet(n node) keySet {
	var set keySet
	if n.kind != mapping {
		r.wrong(n, "group_by", "sets such as {keys: [monitor, env], for: 30m}")
		return set
	}
	within := setting[time.Duration]{}
	found := len(r.list)
	r.mapping(n, "group_by", []key{
		{name: "keys", what: "a list of monitor, host, org or names of tags", read: func(r *reader, n node) { set.keys = r.keyNames(n) }},
		duration("for", &within, 0, 7*day),
	}, nil)
	set.within = within.v
	if len(r.list) == found {
		for _, name := range []string{"keys", "for"} {
			if !slices.ContainsFunc(n.pairs, func(p pair) bool { return p.key == name }) {
				r.add(n.at, "group_by: a set without %s; write it like {keys: [monitor, env], for: 30m}", name)
			}
		}
	}
	return set
}

func (r *reader) keyNames(n node) []string {
	const what = "a list of monitor, host, org or names of tags"
	if n.kind != list {
		r.wrong(n, "keys", what)
		return nil
	}
	var names []string
	for _, item := range n.items {
		if item.kind != text {
			r.wrong(item, "keys", what)
			continue
		}
		if _, err := match.New(item.text, match.Is, ""); err != nil {
			r.add(item.at, "keys: %s is no name of a tag; it takes %s", quote(item.text), what)
			continue
		}
		if slices.Contains(names, strings.ToLower(item.text)) {
			r.add(item.at, "keys: %s stands here a second time", item.text)
			continue
		}
		r.spelt(item, "keys", item.text)
		names = append(names, strings.ToLower(item.text)) // so that a case is found by it however a route spells it
	}
	if len(n.items) == 0 || len(n.items) > maxSetKeys {
		r.add(n.at, "keys: there are %d; a set has 1 to %d", len(n.items), maxSetKeys)
	}
	return names
}

// agentKey reads the name of an Agent.
func agentKey(s *setting[string]) key {
	const what = "the name of an agent: 1 to 64 letters, digits, - and _"
	return key{
		name: "agent", what: what, now: func() string { return s.v },
		read: func(r *reader, n node) {
			if n.kind != text || !agentName(n.text) {
				r.wrong(n, "agent", what)
				return
			}
			*s = setting[string]{n.text, r.at(n)}
		},
	}
}

// agentName tells what can be the name of an Agent: it becomes a part of keys and of the names of settings.
func agentName(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}
