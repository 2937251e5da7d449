package start

import (
	"context"
	"errors"
	"log/slog"

	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// Attrs is what a log record says about the call, nothing when there was no claim.
func (r Report) Attrs() []slog.Attr {
	if r.Answer == nil {
		return nil
	}
	attrs := []slog.Attr{
		slog.String("outcome", string(r.Answer.Outcome())),
		slog.String("call_reason", string(r.Answer.Reason)),
		slog.Int("status", r.Answer.Status),
		slog.String("words", r.Answer.Words),
		slog.Int64("call_ms", r.Answer.Took.Milliseconds()),
		slog.Int("attempt", r.Case.Attempt),
		slog.Int("doubts", r.Case.Doubts),
		slog.String("state", string(r.Case.State)),
	}
	if r.Unsettled != nil {
		attrs = append(attrs, slog.String("unsettled", r.Unsettled.Error()))
	}
	return attrs
}

// Level of a log record about the call: what somebody must mend is an error, what mends itself a warning.
func (r Report) Level() slog.Level {
	if r.Unsettled != nil {
		return slog.LevelWarn
	}
	if r.Answer == nil {
		return slog.LevelInfo
	}
	switch out := r.Answer.Outcome(); {
	case out == delivery.Accepted:
		return slog.LevelInfo
	case out == delivery.Shut, out == delivery.Refused, r.Left:
		return slog.LevelError
	}
	return slog.LevelWarn
}

// Count counts the call, and what alarms stand on. It marks the trace as failed when the call was not accepted.
func (r Report) Count(ctx context.Context, m *telemetry.Recorder) {
	if r.Answer == nil {
		return
	}
	out := r.Answer.Outcome()
	if r.Called {
		m.Count(ctx, telemetry.AgentCall, 1, telemetry.Outcome(out), telemetry.CallReason(r.Answer.Reason))
	}
	if r.Beyond {
		m.Count(ctx, telemetry.BeyondBudget, 1)
	}
	if r.Unsettled != nil {
		m.Count(ctx, telemetry.SettleFailed, 1)
	}
	if out == delivery.Shut {
		m.Count(ctx, telemetry.AgentShut, 1)
	}
	if out == delivery.Refused && r.Case.State == gate.Refused { // after a doubt it is the repeat alone that is refused
		m.Count(ctx, telemetry.CaseRefused, 1)
	}
	if r.Doubted {
		m.Count(ctx, telemetry.CaseInDoubt, 1)
	}
	if r.Left {
		m.Count(ctx, telemetry.CaseLeftInDoubt, 1)
	}
	if out != delivery.Accepted {
		telemetry.Fail(ctx, errors.New("the Agent did not accept the start: "+string(r.Answer.Reason)+": "+r.Answer.Words))
	}
}
