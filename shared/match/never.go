package match

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
)

// Never tells whether no alert can meet all of the matchers, as far as that can be known: what it says no alert can
// meet, none does; expressions that it cannot list the values of may meet less than it thinks.
func Never(list []Matcher) bool {
	var about []*Matcher // all about one thing
	for i := range list {
		if slices.ContainsFunc(list[:i], list[i].aboutTheSame) {
			continue
		}
		about = about[:0]
		for j := range list[i:] {
			if list[i].aboutTheSame(list[i+j]) {
				about = append(about, &list[i+j])
			}
		}
		switch f := list[i].field; {
		case f == aTag || f == host:
			if !severalValues(about) {
				return true
			}
		case !oneValue(about, f.closed()):
			return true
		}
	}
	return false
}

func (m *Matcher) aboutTheSame(o Matcher) bool { return m.field == o.field && m.tag == o.tag }

// oneValue tells whether one value can meet all of the matchers; closed are all values that there are, if not nil.
func oneValue(matchers []*Matcher, closed []string) bool {
	if closed == nil {
		for _, m := range matchers {
			if closed = m.lists(); closed != nil {
				break
			}
		}
		if matchers[0].field == alertType { // which an alert has in small letters
			closed = slices.DeleteFunc(slices.Clone(closed), func(v string) bool { return v != strings.ToLower(v) })
		}
	}
	if closed == nil {
		return allow(matchers, "") || !contradict(matchers)
	}
	return slices.ContainsFunc(closed, func(v string) bool { return allow(matchers, v) })
}

// severalValues tells whether some values, or none, can meet all of the matchers: each that wants a value finds one
// that no other forbids. Having none is the empty value.
func severalValues(matchers []*Matcher) bool {
	if allow(matchers, "") {
		return true
	}
	var wanted, forbidden []*Matcher
	for _, m := range matchers {
		if m.Op == Is || m.Op == Matches {
			wanted = append(wanted, m)
		} else {
			forbidden = append(forbidden, m)
		}
	}
	for _, w := range wanted {
		values := w.lists()
		if values == nil {
			if contradict(append([]*Matcher{w}, forbidden...)) {
				return false
			}
		} else if !slices.ContainsFunc(values, func(v string) bool { return v != "" && allow(forbidden, v) }) {
			return false
		}
	}
	return len(wanted) > 0 || !contradict(forbidden)
}

// allow tells whether every matcher is content with the value.
func allow(matchers []*Matcher, v string) bool {
	return !slices.ContainsFunc(matchers, func(m *Matcher) bool { return m.equal(v) != (m.Op == Is || m.Op == Matches) })
}

// contradict tells whether matchers of which none can be listed are surely against each other: one forbids everything,
// or what another one wants in the same words.
func contradict(matchers []*Matcher) bool {
	for _, m := range matchers {
		if m.Op != MatchesNot {
			continue
		}
		if m.expr.everything {
			return true
		}
		for _, o := range matchers {
			if o.Op == Matches && o.Value == m.Value {
				return true
			}
		}
	}
	return false
}

// everything tells an expression that matches every value, or every one but the empty. That it begins at the beginning
// and ends at the end may be said, for it matches as a whole anyway; elsewhere that leaves the empty value alone, as .*^
// does.
func everything(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpCapture:
		return everything(re.Sub[0])
	case syntax.OpConcat:
		inner := re.Sub
		for len(inner) > 1 && inner[0].Op == syntax.OpBeginText {
			inner = inner[1:]
		}
		for len(inner) > 1 && inner[len(inner)-1].Op == syntax.OpEndText {
			inner = inner[:len(inner)-1]
		}
		return len(inner) == 1 && everything(inner[0])
	}
	return (re.Op == syntax.OpStar || re.Op == syntax.OpPlus) && re.Sub[0].Op == syntax.OpAnyChar
}

// maxListed bounds the values of an expression that are listed.
const maxListed = 100

// lists are all values that a matcher which wants one is content with; nil where they cannot be listed, or it wants none.
func (m *Matcher) lists() []string {
	switch m.Op {
	case Is:
		return []string{m.Value}
	case Matches:
		return m.expr.values
	}
	return nil
}

// listed are all texts that an expression matches as a whole, and some that it may not match because of what it says of
// beginnings and ends; nil where these are too many.
func listed(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []string{""}
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return nil
		}
		return []string{string(re.Rune)}
	case syntax.OpCharClass:
		var list []string
		for i := 0; i < len(re.Rune); i += 2 {
			if int(re.Rune[i+1]-re.Rune[i]) > maxListed {
				return nil
			}
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				list = append(list, string(r))
			}
		}
		return few(list)
	case syntax.OpCapture:
		return listed(re.Sub[0])
	case syntax.OpQuest:
		if list := listed(re.Sub[0]); list != nil {
			return few(append(list, ""))
		}
	case syntax.OpAlternate:
		var list []string
		for _, sub := range re.Sub {
			some := listed(sub)
			if some == nil {
				return nil
			}
			if list = few(append(list, some...)); list == nil {
				return nil
			}
		}
		return list
	case syntax.OpConcat:
		list := []string{""}
		for _, sub := range re.Sub {
			some := listed(sub)
			if some == nil || len(list)*len(some) > maxListed {
				return nil
			}
			var longer []string
			for _, head := range list {
				for _, tail := range some {
					longer = append(longer, head+tail)
				}
			}
			list = longer
		}
		return list
	}
	return nil
}

func few(list []string) []string {
	if len(list) > maxListed {
		return nil
	}
	return list
}

// Impossible says why the matcher compares with what an alert never has, because of how such values are written; ""
// where an alert can have it. What it says of expressions about monitors is never too much, and may be too little.
func Impossible(m Matcher) string {
	if m.field == monitor {
		return m.noMonitor()
	}
	closed := m.field.closed()
	if closed == nil {
		return ""
	}
	if slices.ContainsFunc(closed, m.equal) {
		return ""
	}
	return fmt.Sprintf("%s is never %q; it is one of %s, or empty", m.Name, m.Value, strings.Join(closed[:len(closed)-1], ", "))
}

// noMonitor is Impossible for the id of a monitor, which Datadog gives as a number. An alert without one has none here: the
// m- and a hash of its monitor's name, by which its incident is known, is no id that an alert has.
func (m *Matcher) noMonitor() string {
	can := m.Value == "" || !strings.ContainsFunc(m.Value, notDigit)
	if m.expr != nil {
		can = m.expr.digits
	}
	if can {
		return ""
	}
	return fmt.Sprintf("%s is never %q; it is the monitor's number, such as 24018841, or empty; the monitor's name is monitor_name", m.Name, m.Value)
}

func notDigit(r rune) bool { return r < '0' || r > '9' }

// ofDigits tells whether an expression may match a text of digits only, or the empty one: false is certain.
func ofDigits(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpNoMatch:
		return false
	case syntax.OpLiteral:
		return !slices.ContainsFunc(re.Rune, notDigit)
	case syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			if re.Rune[i] <= '9' && re.Rune[i+1] >= '0' {
				return true
			}
		}
		return false
	case syntax.OpStar, syntax.OpQuest:
		return true
	case syntax.OpRepeat:
		return re.Min == 0 || ofDigits(re.Sub[0])
	case syntax.OpAlternate:
		return slices.ContainsFunc(re.Sub, ofDigits)
	case syntax.OpPlus, syntax.OpCapture, syntax.OpConcat:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !ofDigits(sub) })
	}
	return true // any character, and what stands between characters
}
