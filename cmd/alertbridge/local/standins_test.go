package local

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestTheStandInsAreTold(t *testing.T) {
	r := runFor(t, Options{Quiet: true})
	var s StandIns
	for end := time.Now().Add(patience); s.Ticked.IsZero() && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if status := r.get(t, "/standins", &s); status != 200 {
			t.Fatalf("status %d", status)
		}
	}
	if !slices.Equal(s.Agents, []string{"default"}) || s.Host != "127.0.0.1" || s.Space == "" || !strings.HasPrefix(s.API, "http://127.0.0.1:") {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(s.Secret, `"url":"http://127.0.0.1:`) || !strings.Contains(s.Secret, `"token":"`) {
		t.Errorf("the secret is %s", s.Secret)
	}
	if ago := time.Since(s.Ticked); ago < -time.Second || ago > patience {
		t.Errorf("the last tick ended %s ago", ago)
	}
}

// Only a tick that ends well is one.
func TestATickThatFailsIsNotNoted(t *testing.T) {
	var at atomic.Int64
	fails := errors.New("the ledger is down")
	tick := noted(&at, func(context.Context, struct{}) (struct{}, error) { return struct{}{}, fails })
	if _, err := tick(t.Context(), struct{}{}); !errors.Is(err, fails) || at.Load() != 0 {
		t.Errorf("%v, noted at %d", err, at.Load())
	}
	fails = nil
	if _, err := tick(t.Context(), struct{}{}); err != nil || at.Load() == 0 {
		t.Errorf("%v, noted at %d", err, at.Load())
	}
}
