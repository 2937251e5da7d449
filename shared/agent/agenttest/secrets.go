package agenttest

import (
	"context"
	"strconv"
	"sync"

	"github.com/alertbridge/alertbridge/shared/secret"
)

// Secrets stands in for the store of one secret. As a real one it remembers: Current returns what was read first, until
// a Refresh. The zero value holds an empty secret.
type Secrets struct {
	mu       sync.Mutex
	stored   secret.Version
	fail     error
	known    secret.Version
	read     bool
	version  int
	readings int
}

// Set stores a new value; its version is one higher.
func (s *Secrets) Set(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.stored = secret.Version{ID: "version-" + strconv.Itoa(s.version), Value: secret.New(text)}
}

// Fail makes every reading end in err; nil ends that.
func (s *Secrets) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// Refreshed is how often Refresh was called.
func (s *Secrets) Refreshed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readings
}

// Current returns the value as last read.
func (s *Secrets) Current(ctx context.Context) (secret.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read {
		return s.known, nil
	}
	return s.load(ctx)
}

// Refresh returns the value as stored, and true if it could be read.
func (s *Secrets) Refresh(ctx context.Context) (secret.Version, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readings++
	v, err := s.load(ctx)
	if err != nil && s.read {
		v = s.known
		v.Stale = true
		return v, false, nil
	}
	return v, err == nil, err
}

func (s *Secrets) load(ctx context.Context) (secret.Version, error) {
	if err := ctx.Err(); err != nil {
		return secret.Version{}, secret.ErrUnavailable
	}
	if s.fail != nil {
		return secret.Version{}, s.fail
	}
	if s.stored.Value.IsZero() {
		return secret.Version{}, secret.ErrMissing
	}
	s.known, s.read = s.stored, true
	return s.known, nil
}
