package memledger

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// index has the cases of each bucket in its order, as the table's index has them: who asks what is due then looks at
// that alone, and not at every case that there ever was.
type index map[section][]entry

// section is one bucket of one Agent.
type section struct {
	agent  string
	bucket gate.Bucket
}

// entry is a case in its bucket. Its order is unique, for it has the case's id in it.
type entry struct{ order, id string }

func byOrder(a, b entry) int { return strings.Compare(a.order, b.order) }

func (x index) add(s section, e entry) {
	i, _ := slices.BinarySearchFunc(x[s], e, byOrder)
	x[s] = slices.Insert(x[s], i, e)
}

func (x index) remove(s section, e entry) {
	if i, there := slices.BinarySearchFunc(x[s], e, byOrder); there {
		x[s] = slices.Delete(x[s], i, i+1)
	}
}

// file puts a case where it belongs, in the place of what there was of it, expired or not.
func (l *Ledger) file(c openCase, at time.Time) {
	if old, there := l.cases[c.ID]; there {
		l.index.remove(old.value.section, old.value.entry)
	}
	c.section, c.entry = section{c.Agent, c.Bucket()}, entry{c.Order(), c.ID}
	l.cases.put(c.ID, &c, at)
	l.index.add(c.section, c.entry)
}

// bucket gives an Agent's cases of one bucket in its order, with what the order goes by.
func (l *Ledger) bucket(agent string, b gate.Bucket, now time.Time) iter.Seq2[string, *openCase] {
	return func(yield func(string, *openCase) bool) {
		for _, e := range l.index[section{agent, b}] {
			if c, there := l.cases.get(e.id, now); there && !yield(e.order, c) {
				return
			}
		}
	}
}
