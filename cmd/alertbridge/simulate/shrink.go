package simulate

import (
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
)

// maxRuns bounds the worlds that one Shrink plays.
const maxRuns = 3000

// Shrink leaves out of a world what is not needed to break the same promise: events in ever smaller pieces, then the
// lateness of deliveries, their odd seconds, and settings. It returns the smaller world and what it breaks.
func Shrink(w World) (World, Result, error) {
	first, err := Run(w)
	if err != nil || len(first.Breaches) == 0 {
		return w, first, err
	}
	s := shrinker{best: w, result: first, promise: first.Breaches[0].Promise}
	for before := -1; before != len(s.best.Events) && s.runs < maxRuns; {
		before = len(s.best.Events)
		s.events()
	}
	s.simpler()
	s.work()
	return s.best, s.result, nil
}

// shrinker keeps the smallest world so far that breaks the promise.
type shrinker struct {
	best    World
	result  Result
	promise string
	runs    int
}

// breaks plays a smaller world, and keeps it if it breaks the promise too.
func (s *shrinker) breaks(w World) bool {
	if s.runs++; s.runs > maxRuns || len(w.deliveries()) == 0 { // without any it would be no scenario
		return false
	}
	r, err := Run(w)
	if err != nil || len(r.Breaches) == 0 || r.Breaches[0].Promise != s.promise {
		return false
	}
	s.best, s.result = w, r
	return true
}

// events leaves out half of the events, then a quarter, down to single ones.
func (s *shrinker) events() {
	for size := (len(s.best.Events) + 1) / 2; size > 0; size /= 2 {
		for from := 0; from < len(s.best.Events); {
			if !s.breaks(s.without(from, size)) {
				from += size
			}
		}
	}
}

func (s *shrinker) without(from, size int) World {
	w := s.best
	end := min(from+size, len(w.Events))
	w.Events = append(append([]Event{}, w.Events[:from]...), w.Events[end:]...)
	return w
}

// simpler brings deliveries into the order in which they happened, moves times to whole minutes, and takes settings back
// to none.
func (s *shrinker) simpler() {
	for i := range s.best.Events {
		s.changed(i, func(e *Event) {
			if e.Alert != nil && e.Alert.Time >= 0 {
				e.At = e.Alert.Time
			}
		})
		s.changed(i, func(e *Event) {
			if e.At = e.At.Truncate(time.Minute); e.Alert != nil {
				e.Alert.Time = min(e.Alert.Time, e.At) // nothing comes before it happens
			}
		})
	}
	for _, plain := range []func(*Settings){
		func(x *Settings) { x.Storm = 0 }, func(x *Settings) { x.Flap = 0 }, func(x *Settings) { x.Month = 0 },
		func(x *Settings) { x.Holds = false }, func(x *Settings) { x.Groups = false }, func(x *Settings) { x.CriticalSlots = 0 },
		func(x *Settings) { x.OnlyTriggered = false }, func(x *Settings) { x.TestsStart = false }, func(x *Settings) { x.Repeat = true },
	} {
		w := s.best
		plain(&w.Settings)
		if w.Settings != s.best.Settings {
			s.breaks(w)
		}
	}
}

// work leaves out how investigations go, and whether anybody follows them.
func (s *shrinker) work() {
	if s.best.Work == nil {
		return
	}
	w := s.best
	w.Work, w.Settings.Followed = nil, false
	w.Events = slices.DeleteFunc(slices.Clone(w.Events), func(e Event) bool {
		return scenario.Fault{Kind: e.Kind, In: e.Role, Step: e.Op}.Followed()
	})
	if s.breaks(w) {
		return
	}
	for i := len(s.best.Work) - 1; i >= 0 && len(s.best.Work) > 1; i-- {
		w := s.best
		w.Work = slices.Delete(slices.Clone(w.Work), i, i+1)
		s.breaks(w)
	}
}

func (s *shrinker) changed(i int, f func(*Event)) {
	w := s.best
	w.Events = append([]Event{}, w.Events...)
	e := w.Events[i]
	if e.Alert != nil {
		a := *e.Alert
		e.Alert = &a
	}
	f(&e)
	if e.At != w.Events[i].At {
		w.Events[i] = e
		s.breaks(w)
	}
}
