package datadog

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/alertbridge/alertbridge/shared/plain"
)

// maxFlat bounds the names of a body that readFlat reads, for it puts each where it belongs among those before it.
const maxFlat = 100

// readFlat reads an object of which every value is text, a number, or nothing, as our template makes it; ok is false for
// every other body. It is what readAny makes of it, in a fifth of the time.
func readFlat(raw string) (b body, ok bool) {
	r := plain.Read(raw)
	b.leaves = make([]leaf, 0, 24) // as many as our template has
	r.Object(func(name string) {
		i, again := slices.BinarySearchFunc(b.leaves, name, func(l leaf, name string) int { return strings.Compare(l.name, name) })
		if !again {
			if len(b.leaves) == maxFlat {
				r.Fail()
				return
			}
			b.leaves = slices.Insert(b.leaves, i, leaf{name: name, first: initial(name), top: true})
		}
		text, isNumber := r.Scalar()
		if isNumber {
			text = number(json.Number(text))
		}
		b.leaves[i].text = text
	})
	if !r.OK() {
		return body{}, false
	}
	b.leaves = slices.DeleteFunc(b.leaves, func(l leaf) bool { return l.text == "" })
	return b, true
}
