package policy

import (
	"fmt"

	"github.com/alertbridge/alertbridge/shared/match"
)

// checkReach says which routes no alert can come to, because those before them take every alert that they would take.
func (f *file) checkReach(r *reader) {
	for i := range f.routes {
		if f.routes[i].match == nil {
			continue
		}
		before := f.before(i)
		one := -1
		for _, j := range before {
			if takesAll(f.routes[j:j+1], f.routes[i].match) {
				one = j
				break
			}
		}
		var earlier []route
		for _, j := range before {
			earlier = append(earlier, f.routes[j])
		}
		switch {
		case one >= 0:
			r.add(f.routes[i].at, "no alert comes to %s: %s in line %d takes every alert that it would take; put it before that one, or remove it",
				f.called(i), f.called(one), f.routes[one].at.line)
		case takesAll(earlier, f.routes[i].match):
			r.add(f.routes[i].at, "no alert comes to %s: the routes before it together take every alert that it would take; put it before them, or remove it", f.called(i))
		}
	}
}

// before are the routes before one, by number, as far as their matchers could be read.
func (f *file) before(i int) []int {
	var list []int
	for j := range i {
		if f.routes[j].match != nil {
			list = append(list, j)
		}
	}
	return list
}

func (f *file) called(i int) string { return fmt.Sprintf("route %d", i+1) }

// takesAll tells whether the routes take every alert that all the matchers meet.
func takesAll(routes []route, matchers []match.Matcher) bool {
	steps := 2000
	return !escapes(routes, matchers, &steps)
}

// escapes tells whether an alert can meet all the matchers and none of the routes: of each route it must miss at least
// one matcher. With so many routes that this cannot be found out, it is said to.
func escapes(routes []route, matchers []match.Matcher, steps *int) bool {
	if *steps--; *steps < 0 {
		return true
	}
	if match.Never(matchers) {
		return false
	}
	if len(routes) == 0 {
		return true
	}
	both := append(append([]match.Matcher{}, matchers...), routes[0].match...)
	if match.Never(both) { // nothing to escape from
		return escapes(routes[1:], matchers, steps)
	}
	for _, m := range routes[0].match {
		if escapes(routes[1:], append(append([]match.Matcher{}, matchers...), m.Not()), steps) {
			return true
		}
	}
	return false
}
