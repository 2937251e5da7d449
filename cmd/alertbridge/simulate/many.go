package simulate

import (
	"context"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Report is what many worlds came to.
type Report struct {
	Histories, Alerts, Messages int
	Events                      int // of the Agents', see Result
	Heard, Unheard              int
	Answers                     int // that people got
	MedianAlerts, MedianFaults  int
	Took                        time.Duration
	Cover                       Cover
	Broken                      []Result // the lowest seeds first, at most a few
}

// maxBroken bounds what a report says of broken worlds.
const maxBroken = 10

// Many plays worlds with the seeds from first on, on all processors, until ctx ends. progress, which may be nil, is told
// after each how many are done.
func Many(ctx context.Context, first uint64, n int, progress func(done, broken int)) (Report, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // worlds are small and short-lived: memory is cheaper than collecting
	rep := Report{Cover: newCover()}
	began := time.Now()
	var (
		next    atomic.Int64
		mu      sync.Mutex
		failed  error
		alerts  []int
		faults  []int
		workers sync.WaitGroup
	)
	take := func(r Result, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed = err
			return
		}
		rep.Histories++
		rep.Alerts += r.Alerts
		rep.Messages += r.Messages
		rep.Events += r.Events
		rep.Heard += r.Heard
		rep.Unheard += r.Unheard
		rep.Answers += r.Answers
		rep.Cover.Add(r.Cover)
		alerts, faults = append(alerts, r.Alerts), append(faults, r.Faults)
		if len(r.Breaches) > 0 {
			rep.Broken = append(rep.Broken, r)
		}
		if progress != nil {
			progress(rep.Histories, len(rep.Broken))
		}
	}
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				take(Run(Generate(first + uint64(i))))
			}
		})
	}
	workers.Wait()
	rep.Took = time.Since(began)
	rep.MedianAlerts, rep.MedianFaults = median(alerts), median(faults)
	slices.SortFunc(rep.Broken, func(a, b Result) int { return int(a.Seed) - int(b.Seed) })
	rep.Broken = rep.Broken[:min(len(rep.Broken), maxBroken)]
	if failed == nil {
		failed = ctx.Err()
	}
	return rep, failed
}

func median(list []int) int {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)/2]
}
