package awssecret

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/alertbridge/alertbridge/shared/secret"
)

// How long a failed reading is remembered. With a value at hand there is no hurry; without one every delivery waits
// for the next reading, so it comes soon, yet not with every delivery.
const (
	pauseWithValue = 30 * time.Second
	pauseWithout   = 2 * time.Second
)

// mode says what a caller wants of a stage.
type mode int

const (
	remembered mode = iota // what is remembered, while it is good enough
	forced                 // a reading
)

// stage is one labelled value of the secret.
type stage struct {
	client Client
	id     string
	label  string
	// missingFor is how long the answer that there is no value is good enough.
	missingFor time.Duration
	now        func() time.Time
	log        *slog.Logger

	turn chan struct{} // held by the one caller who reads; a channel, so that waiting ends with a context
	mu   sync.Mutex    // guards what follows
	last reading       // the last reading that got an answer: a value, or that there is none
	fail reading       // the reading after it that got none; zero when there was none
}

// reading is what came of asking the service.
type reading struct {
	version secret.Version
	err     error
	at      time.Time // zero: never
}

// since reports whether the reading got its answer at or after t.
func (r reading) since(t time.Time) bool { return !r.at.IsZero() && !r.at.Before(t) }

// get returns the stage's value before ctx ends.
func (s *stage) get(ctx context.Context, how mode) reading {
	if r, ok := s.recall(); ok && how == remembered {
		return r
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return s.fallback(unavailable(s.id, s.label, ctx.Err()))
	}
	// Whoever had to wait for its turn finds what the one before it has read.
	if r, ok := s.recall(); ok && how == remembered {
		return r
	}
	return s.read(ctx)
}

// recall returns what is remembered while it is good enough: a value for TTL, a failure for its pause.
func (s *stage) recall() (reading, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	failing := !s.fail.at.IsZero()
	switch {
	case failing && s.hasValue():
		return s.stale(), now.Sub(s.fail.at) < pauseWithValue
	case failing:
		return reading{err: s.fail.err}, now.Sub(s.fail.at) < pauseWithout
	case s.last.at.IsZero():
		return reading{}, false
	case s.last.err != nil:
		return s.last, now.Sub(s.last.at) < s.missingFor
	}
	return s.last, now.Sub(s.last.at) < TTL
}

func (s *stage) hasValue() bool { return !s.last.at.IsZero() && s.last.err == nil }

// stale is the last good value, said to be old.
func (s *stage) stale() reading {
	r := s.last
	r.version.Stale = true
	return r
}

// read asks the service and remembers what came of it.
func (s *stage) read(ctx context.Context) reading {
	version, err := ask(ctx, s.client, s.id, s.label)
	if answered(err) {
		return s.learn(reading{version: version, err: err, at: s.now()})
	}
	// A caller who gives up says nothing about the service.
	if ctx.Err() == nil || errors.Is(context.Cause(ctx), errTotal) {
		s.suffer(reading{err: err, at: s.now()})
	}
	return s.fallback(err)
}

// learn remembers an answer.
func (s *stage) learn(r reading) reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fail.at.IsZero() {
		s.log.Info("the secret can be read again", "secret", s.id, "stage", s.label, "down_since", s.fail.at)
	}
	s.last, s.fail = r, reading{}
	return r
}

// suffer remembers a failure and tells of the first one of an outage that a good value hides; one that nothing hides
// is returned to the caller, who tells of it.
func (s *stage) suffer(r reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail.at.IsZero() && s.hasValue() {
		s.log.Warn("the secret cannot be read, its last known value is used until it can",
			"secret", s.id, "stage", s.label, "value_read_at", s.last.at, "error", r.err)
	}
	s.fail = r
}

// fallback is the last good value, or the error when there is none.
func (s *stage) fallback(err error) reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hasValue() {
		return s.stale()
	}
	return reading{err: err}
}
