package tell

import (
	"context"
	"log/slog"

	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// later is how an answer that stays in the outbox was told, in records.
const later gate.ToldAs = "later"

// recordTold writes the one record of an answer that a target has. Its text is in none.
func (t *telling) recordTold(ctx context.Context, target Target, h gate.Happened, a answer.Answer, res answer.Result) {
	t.Metrics.Count(ctx, telemetry.AnswerTold, 1, telemetry.AnswerTarget(target.Name))
	t.Log.LogAttrs(ctx, slog.LevelInfo, "answer told", append(t.attrs(target, h),
		slog.String("as", string(a.Moment)),
		slog.String("page", string(a.Page)),
		slog.Int64("late_ms", t.Now().Sub(h.At).Milliseconds()),
		slog.Int64("took_ms", res.Why.Took.Milliseconds()))...)
}

// recordNot writes the one record of an answer that was not told: left out, given up, or put off once more.
func (t *telling) recordNot(ctx context.Context, target Target, h gate.Happened, how gate.ToldAs, why delivery.Answer) {
	level := slog.LevelInfo
	switch how {
	case gate.GivenUp:
		level = slog.LevelError
		t.Metrics.Count(ctx, telemetry.AnswerGivenUp, 1, telemetry.AnswerTarget(target.Name))
	case later:
		level = slog.LevelWarn
		t.Metrics.Count(ctx, telemetry.AnswerFailed, 1, telemetry.AnswerTarget(target.Name), telemetry.CallReason(why.Reason))
	}
	attrs := append(t.attrs(target, h), slog.String("how", string(how)), slog.String("words", why.Words))
	if why.Reason != "" {
		attrs = append(attrs,
			slog.String("reason", string(why.Reason)), slog.Int("status", why.Status), slog.Int64("took_ms", why.Took.Milliseconds()))
	}
	t.Log.LogAttrs(ctx, level, "answer not told", attrs...)
}

func (t *telling) attrs(target Target, h gate.Happened) []slog.Attr {
	return []slog.Attr{
		slog.String("post", t.post.ID),
		slog.String("agent", t.post.Agent),
		slog.String("target", target.Name),
		slog.String("moment", string(h.Moment)),
		slog.Int("tries", t.post.Tries),
	}
}
