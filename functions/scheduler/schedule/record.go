package schedule

import (
	"context"
	"log/slog"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// recordCase writes the one record of a case that the tick has moved on.
func (t *tick) recordCase(ctx context.Context, d gate.Decision, rep start.Report) {
	c := d.Change.Cases[0].Now
	attrs := []slog.Attr{
		slog.String("case", c.ID),
		slog.String("did", string(d.Did)),
		slog.String("from", string(d.Change.Cases[0].Read.State)),
		slog.String("to", string(c.State)),
		slog.String("why", string(c.Why)),
		slog.String("how", string(c.How)),
		slog.String("severity", c.Severity.String()),
		slog.String("title", c.Title),
		slog.String("first_trace_id", c.TraceID),
	}
	level := rep.Level()
	if d.Did == gate.Doubts {
		level = slog.LevelWarn
		t.Metrics.Count(ctx, telemetry.CaseInDoubt, 1)
	}
	if news := start.Level(d); news > level {
		level = news
	}
	start.CountNews(ctx, t.Metrics, d)
	if d.LeavesInDoubt() {
		level = slog.LevelError
		t.Metrics.Count(ctx, telemetry.CaseLeftInDoubt, 1)
	}
	t.Log.LogAttrs(ctx, level, "case moved on", append(attrs, rep.Attrs()...)...)
	rep.Count(ctx, t.Metrics)
}

// recordMoney says how the money of the Agent that was looked at stands. Where the policy has one Agent, its name would
// double the number of metrics and tell nothing.
func (t *tick) recordMoney(ctx context.Context) {
	var dims []telemetry.Dimension
	if len(t.Policy.Agents()) > 1 {
		dims = append(dims, telemetry.Agent(t.agent))
	}
	waiting := 0
	for _, unpaid := range t.unpaid {
		if unpaid {
			waiting++
		}
	}
	t.Metrics.Count(ctx, telemetry.BudgetSpent, float64(t.spent)/1e6, dims...)
	t.Metrics.Count(ctx, telemetry.BudgetWaiting, float64(waiting), dims...)
}

// record writes the heartbeat, and a record of the tick when it did something.
func (t *tick) record(ctx context.Context, err error) {
	if t.done {
		t.Metrics.Count(ctx, telemetry.Tick, 1)
	}
	if t.shut > t.opened { // again in each tick, so that the alarm lasts as long as the fault
		t.Metrics.Count(ctx, telemetry.AgentShut, 1)
	}
	t.count(ctx, telemetry.LedgerConflict, t.lost)
	t.count(ctx, telemetry.LedgerUnknown, t.unknown)
	t.count(ctx, telemetry.TickDue, t.due)
	t.count(ctx, telemetry.TickStarted, t.starts)
	if err == nil && t.moved+t.lost+t.unknown+t.left+t.repaired+t.unreadable+t.opened == 0 {
		return
	}
	attrs := []slog.Attr{
		slog.Int("due", t.due),
		slog.Int("moved", t.moved),
		slog.Int("starts", t.starts),
		slog.Int("lost", t.lost),
		slog.Int("unknown", t.unknown),
		slog.Int("unreadable", t.unreadable),
		slog.Int("failed", t.failed),
		slog.Int("left", t.left),
		slog.Int("repaired", t.repaired),
		slog.Bool("opened", t.opened > 0),
		slog.Int64("took_ms", t.Now().Sub(t.began).Milliseconds()),
	}
	if err != nil { // EventBridge keeps no words: this record is where they are read
		attrs = append(attrs, telemetry.ErrorAttrs(err)...)
		t.Log.LogAttrs(ctx, slog.LevelError, "tick failed", attrs...)
		return
	}
	t.Log.LogAttrs(ctx, slog.LevelInfo, "tick", attrs...)
}

func (t *tick) count(ctx context.Context, m telemetry.Metric, n int) {
	if n > 0 {
		t.Metrics.Count(ctx, m, float64(n))
	}
}
