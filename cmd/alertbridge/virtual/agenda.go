package virtual

import "time"

// event is something that happens at a time.
type event struct {
	at     time.Time
	order  int
	do     func()
	worker *worker // that is resumed then; nil for what has a do
}

func (e event) before(other event) bool {
	if c := e.at.Compare(other.at); c != 0 {
		return c < 0
	}
	return e.order < other.order
}

// agenda is what will happen, the soonest first, and of one time what was planned first. It is a binary heap: nothing
// happens before what is at half of its index. Package container/heap would make a value of each event for the collector.
type agenda struct {
	events []event
	made   int
}

func (a *agenda) add(at time.Time, do func()) { a.push(event{at: at, do: do}) }

func (a *agenda) push(e event) {
	a.made++
	e.order = a.made
	a.events = append(a.events, e)
	i := len(a.events) - 1
	for i > 0 {
		above := (i - 1) / 2
		if !e.before(a.events[above]) {
			break
		}
		a.events[i] = a.events[above]
		i = above
	}
	a.events[i] = e
}

// next tells whether there is something until then.
func (a *agenda) next(until time.Time) bool { return len(a.events) > 0 && !a.events[0].at.After(until) }

func (a *agenda) take() event {
	first, last := a.events[0], len(a.events)-1
	e := a.events[last]
	a.events[last] = event{}
	a.events = a.events[:last]
	if last == 0 {
		return first
	}
	i := 0
	for {
		below := 2*i + 1
		if below+1 < last && a.events[below+1].before(a.events[below]) {
			below++
		}
		if below >= last || !a.events[below].before(e) {
			break
		}
		a.events[i] = a.events[below]
		i = below
	}
	a.events[i] = e
	return first
}

// workers are those that are planned to be resumed.
func (a *agenda) workers() []*worker {
	var all []*worker
	for _, e := range a.events {
		if e.worker != nil {
			all = append(all, e.worker)
		}
	}
	return all
}
