package policy

import (
	"fmt"
	"slices"

	"github.com/alertbridge/alertbridge/shared/match"
)

// checkReach says which routes no alert can come to, because those before them take every alert that they would take.
func (f *file) checkReach(r *reader) {
	for i := range f.routes {
		if f.routes[i].match == nil {
			continue
		}
		before := f.before(i)
		var earlier []route
		for _, j := range before {
			earlier = append(earlier, f.routes[j])
		}
		together, known := takesAll(earlier, f.routes[i].match)
		if known && !together {
			continue
		}
		one := slices.IndexFunc(before, func(j int) bool {
			alone, _ := takesAll(f.routes[j:j+1], f.routes[i].match)
			return alone
		})
		if one < 0 && !together {
			continue
		}
		if one < 0 {
			r.add(f.routes[i].at, "no alert comes to %s: the routes before it together take every alert that it would take; put it before them, or remove it", f.called(i))
			continue
		}
		one = before[one]
		r.add(f.routes[i].at, "no alert comes to %s: %s in line %d takes every alert that it would take; put it before that one, or remove it",
			f.called(i), f.called(one), f.routes[one].at.line)
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

// takesAll tells whether the routes take every alert that all the matchers meet, and whether that could be found out.
func takesAll(routes []route, matchers []match.Matcher) (all, known bool) {
	routes = slices.Clone(routes)
	slices.SortStableFunc(routes, func(a, b route) int { return len(a.match) - len(b.match) }) // the fewest ways out first
	steps := 1000
	all = !escapes(routes, matchers, &steps)
	return all, all || steps >= 0
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
