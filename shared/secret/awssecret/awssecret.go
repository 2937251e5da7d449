// Package awssecret reads one secret of AWS Secrets Manager and remembers it.
//
// What it promises to the functions that stand on it:
//
//   - A value is read at most once in TTL while all is well, and by one caller at a time; the others wait and share.
//   - No call takes longer than Total: a try has TryTimeout, there are at most Tries of them, and the SDK's own
//     retries are off, because two layers that repeat multiply each other's time.
//   - When the service fails, the last good value is used, marked as stale and logged once for each outage. A secret
//     that the service says is gone is gone at once: somebody took it away on purpose.
//   - Refresh reads again whatever is remembered, at most once in RefreshGap whoever asks: a caller with a wrong token
//     must not set the pace of our requests.
//   - Errors wrap secret.ErrMissing or secret.ErrUnavailable and say what the operator can do. They name the secret
//     and the service's error code, never its message, for that may quote the request.
package awssecret

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/alertbridge/alertbridge/shared/secret"
)

// The times that callers build their own deadlines on.
const (
	TTL        = 5 * time.Minute  // how long a value is used without asking again
	TryTimeout = 2 * time.Second  // one request
	Tries      = 2                // requests for one reading
	Total      = 4 * time.Second  // any method of Store, all in all
	RefreshGap = 30 * time.Second // between two readings that Refresh forces
)

// Client is what the store needs of Secrets Manager. *secretsmanager.Client has it; mains build it.
type Client interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Options has a working default for each field.
type Options struct {
	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // where an outage is told; nil: nowhere
}

// Store is one secret. It is safe for concurrent use.
type Store struct {
	now      func() time.Time
	current  *stage
	previous *stage
	mu       sync.Mutex
	last     *refresh // the last reading that Refresh forced; nil: none yet
}

// refresh is a reading that somebody forced.
type refresh struct {
	asked time.Time
	done  chan struct{} // closed when it is over
}

// New makes the Store of the secret with this name or ARN. It reads nothing yet.
func New(client Client, id string, o Options) *Store {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	// Round takes off the monotonic reading: it stands still while a function is frozen, the wall clock does not.
	wall := func() time.Time { return now().Round(0) }
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	at := func(label string, missingFor time.Duration) *stage {
		return &stage{
			client: client, id: id, label: label, missingFor: missingFor,
			now: wall, log: log, turn: make(chan struct{}, 1),
		}
	}
	return &Store{
		now: wall,
		// Somebody is about to fill a secret that has no value: look again soon.
		current: at("AWSCURRENT", pauseWithout),
		// That there is none before the one in force is ordinary.
		previous: at("AWSPREVIOUS", TTL),
	}
}

// Current returns the value in force. Its text has no space around it.
func (s *Store) Current(ctx context.Context) (secret.Version, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	r := s.current.get(ctx, remembered)
	return r.version, r.err
}

// Accepted returns every value that a caller of ours may still use: the one in force and, where there is one, the one
// before it, so that a token can be rotated without losing what arrives meanwhile.
//
// It may return values and an error together: these are known, another could not be read. To match one of them is
// enough; to match none proves nothing while there is an error.
func (s *Store) Accepted(ctx context.Context) ([]secret.Version, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	current, previous := s.both(ctx, remembered)
	return accepted(current, previous)
}

// Refresh returns the value in force, read again, and true. When it was refreshed less than RefreshGap ago, it returns
// the value as remembered, and false; one refresh that is still under way is waited for and shared. So true means that
// the value arrived after the call of Refresh; a reading that fails leaves what was known, and false.
func (s *Store) Refresh(ctx context.Context) (secret.Version, bool, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	asked := s.now()
	how, done := s.admit(ctx, asked)
	defer done()
	r := s.current.get(ctx, how)
	return r.version, r.since(asked), r.err
}

// RefreshAccepted is to Accepted what Refresh is to Current. Both share one RefreshGap.
func (s *Store) RefreshAccepted(ctx context.Context) ([]secret.Version, bool, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	asked := s.now()
	how, done := s.admit(ctx, asked)
	defer done()
	current, previous := s.both(ctx, how)
	all, err := accepted(current, previous)
	return all, current.since(asked) && previous.since(asked), err
}

// errTotal is the cause of an end that the store itself has set, to be told from a caller's who gives up.
var errTotal = errors.New("the store's own time is over")

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, Total, errTotal)
}

// admit lets one caller in RefreshGap force a reading, who says done when it is over. The others wait for it, if it is
// not over yet, and go by what is remembered then.
func (s *Store) admit(ctx context.Context, asked time.Time) (how mode, done func()) {
	s.mu.Lock()
	last := s.last
	if last == nil || asked.Sub(last.asked) >= RefreshGap {
		mine := &refresh{asked: asked, done: make(chan struct{})}
		s.last = mine
		s.mu.Unlock()
		return forced, func() { close(mine.done) }
	}
	s.mu.Unlock()
	select {
	case <-last.done:
	case <-ctx.Done():
	}
	return remembered, func() {}
}

// both reads the two stages at the same time, so that two slow readings do not take twice Total. A panic over either is
// the caller's: in a goroutine of its own it would end the process, past every guard.
func (s *Store) both(ctx context.Context, how mode) (current, previous reading) {
	var panicked any
	var other sync.WaitGroup
	other.Go(func() {
		defer func() { panicked = recover() }()
		previous = s.previous.get(ctx, how)
	})
	func() {
		defer other.Wait()
		current = s.current.get(ctx, how)
	}()
	if panicked != nil {
		panic(panicked)
	}
	return current, previous
}

// accepted puts together what is known of the two.
func accepted(current, previous reading) ([]secret.Version, error) {
	var all []secret.Version
	for _, r := range []reading{current, previous} {
		if r.err == nil {
			all = append(all, r.version)
		}
	}
	if current.err != nil {
		return all, current.err
	}
	if errors.Is(previous.err, secret.ErrMissing) {
		return all, nil // a secret that was never rotated has no value before
	}
	return all, previous.err
}
