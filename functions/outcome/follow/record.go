package follow

import (
	"context"
	"log/slog"

	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// Record writes the one record of an event, and counts.
func (w *word) Record(ctx context.Context, span telemetry.Span, err error) {
	w.tag(span)
	attrs := []slog.Attr{
		slog.String("event", w.event.ID),
		slog.String("receive", w.received),
		slog.String("detail_type", w.event.DetailType),
		slog.String("space", w.event.Space),
		slog.String("task", w.event.Task.ID),
		slog.String("status", string(w.event.Task.Status)),
		slog.Int64("took_ms", w.Now().Sub(w.began).Milliseconds()),
	}
	if w.rounds > 1 {
		w.Metrics.Count(ctx, telemetry.LedgerConflict, float64(w.rounds-1))
	}
	if err != nil {
		w.Metrics.Count(ctx, telemetry.EventFailed, 1)
		attrs = append(attrs, telemetry.ErrorAttrs(err)...)
		w.Log.LogAttrs(ctx, slog.LevelError, "event was not taken in", attrs...)
		return
	}
	if w.skipped != "" {
		attrs = append(attrs, slog.String("skipped", string(w.skipped)))
		w.Log.LogAttrs(ctx, w.skippedLevel(), "event is about no case", attrs...)
		return
	}
	attrs = append(attrs,
		slog.String("case", w.task.Case),
		slog.String("did", string(w.decision.Did)),
		slog.Int64("late_ms", w.began.Sub(w.event.Time).Milliseconds()))
	if len(w.decision.Change.Cases) > 0 {
		c := w.decision.Change.Cases[0]
		attrs = append(attrs,
			slog.String("from", string(c.Read.State)),
			slog.String("to", string(c.Now.State)),
			slog.String("how", string(c.Now.How)),
			slog.Int64("ran_s", int64(c.Now.Work.Ran(w.Now()).Seconds())),
			slog.String("title", c.Now.Title),
			slog.String("first_trace_id", c.Now.TraceID))
	}
	w.Log.LogAttrs(ctx, start.Level(w.decision), "event taken in", attrs...)
	start.CountNews(ctx, w.Metrics, w.decision)
}

// tag leads from the event's trace to the case's. EventBridge's events carry no trace of ours, so it is one of its own,
// found by the case, which the spans of dispatcher and scheduler have as well.
func (w *word) tag(span telemetry.Span) {
	span.Tag("task", w.event.Task.ID)
	if w.skipped == "" { // a case of ours
		span.Tag("case", w.task.Case)
	}
}

// skippedLevel: an agent space that nobody has named is a mistake in the settings; the rest is everyday.
func (w *word) skippedLevel() slog.Level {
	if w.skipped == UnknownSpace {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
