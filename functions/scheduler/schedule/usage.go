package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// UsageEvery is how long what was read of the account's usage counts as new. A process remembers when it has asked, whatever
// came of it; one that has just begun asks in its first tick.
const UsageEvery = time.Hour

// Usage is the Agent's API, as far as it tells of the account and of no case.
type Usage interface {
	// Usage is how much of its month's investigations the account has used, all Agents together. Its errors are
	// delivery.Faults.
	Usage(ctx context.Context) (gate.Usage, error)
}

// usageAsked is when a process has last asked.
type usageAsked struct {
	mu sync.Mutex
	at time.Time
}

// due tells whether it is time to ask, and takes the turn.
func (u *usageAsked) due(now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.at.IsZero() && now.Sub(u.at) < UsageEvery {
		return false
	}
	u.at = now
	return true
}

// readUsage says how much of its month the account has used: at the limit the Agent answers 200 and cancels what was
// started. It comes last in the tick, in what is left of AskTime, and a fault of the API is told and keeps nothing else from
// being done. The error is a panic's.
func (t *tick) readUsage(ctx context.Context) error {
	left := AskTime - t.asking
	if t.Usage == nil || left <= 0 || !t.time(ctx) || !t.usage.due(t.Now()) {
		return nil
	}
	ctx, cancel := clock.WithTimeout(ctx, left)
	defer cancel()
	var u gate.Usage
	var fault error
	if err := telemetry.Catch(func() error { u, fault = t.Usage.Usage(ctx); return nil }); err != nil {
		return fmt.Errorf("the account's usage of the Agent could not be read: %w", err)
	}
	if fault != nil {
		start.CountFault(ctx, t.Metrics, fault)
		t.Log.LogAttrs(ctx, slog.LevelWarn, "usage was not read", slog.String("error", fault.Error()))
		return nil
	}
	t.recordUsage(ctx, u)
	return nil
}

// recordUsage counts what was read, and writes a record of it when somebody should know. An account without a limit has none
// to come near to.
func (t *tick) recordUsage(ctx context.Context, u gate.Usage) {
	if u.Limit <= 0 {
		return
	}
	t.Metrics.Count(ctx, telemetry.AgentUsage, u.Percent())
	if !u.High() {
		return
	}
	t.Metrics.Count(ctx, telemetry.AgentUsageHigh, 1)
	level := slog.LevelWarn
	if u.Full() {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.Float64("percent", u.Percent()),
		slog.Float64("used_h", u.Used),
		slog.Float64("limit_h", u.Limit),
	}
	if !u.To.IsZero() {
		attrs = append(attrs, slog.Time("until", u.To))
	}
	t.Log.LogAttrs(ctx, level, "usage is high", attrs...)
}
