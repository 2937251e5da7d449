package virtual

import (
	"container/heap"
	"time"
)

// event is something that happens at a time.
type event struct {
	at     time.Time
	order  int
	do     func()
	worker *worker // that do resumes; nil for all else
}

// agenda is what will happen, the soonest first, and of one time what was planned first.
type agenda struct {
	events planned
	made   int
}

func (a *agenda) add(at time.Time, do func()) { a.push(event{at: at, do: do}) }

func (a *agenda) push(e event) {
	a.made++
	e.order = a.made
	heap.Push(&a.events, e)
}

// next tells whether there is something until then.
func (a *agenda) next(until time.Time) bool { return len(a.events) > 0 && !a.events[0].at.After(until) }

func (a *agenda) take() event { return heap.Pop(&a.events).(event) }

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

// planned implements heap.Interface.
type planned []event

func (e planned) Len() int { return len(e) }

func (e planned) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].order < e[j].order
}

func (e planned) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

func (e *planned) Push(x any) { *e = append(*e, x.(event)) }

func (e *planned) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last] = event{}
	*e = (*e)[:last]
	return x
}
