package calltest

import "sync"

// Log keeps the requests of a stand-in, each as the stand-in describes it. It is safe for concurrent use.
type Log[R any] struct {
	// OnRequest, if not nil, is told of each request, one at a time.
	OnRequest func(R)

	mu      sync.Mutex
	all     []R
	telling sync.Mutex // held while OnRequest runs
}

// Add keeps a request. What judges one request at a time adds it before the next: then their order is that of the judging.
func (l *Log[R]) Add(r R) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, r)
}

// Tell tells OnRequest of a request. What it does there may take its time, so no lock of the stand-in's should be held.
func (l *Log[R]) Tell(r R) {
	if l.OnRequest == nil {
		return
	}
	l.telling.Lock()
	defer l.telling.Unlock()
	l.OnRequest(r)
}

// All are the requests, in the order in which they were added.
func (l *Log[R]) All() []R {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]R(nil), l.all...)
}
