package start

import (
	"context"
	"errors"
	"log/slog"

	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// CountNews counts what has come of a case by the Agent's own word, and a start that nothing has confirmed.
func CountNews(ctx context.Context, m *telemetry.Recorder, d gate.Decision) {
	if len(d.Change.Cases) == 0 {
		return
	}
	read, now := d.Change.Cases[0].Read, d.Change.Cases[0].Now
	if d.Did == gate.Misses {
		m.Count(ctx, telemetry.StartUnconfirmed, 1)
	}
	if how, told := now.Told(); told && (read.How != how || read.State != gate.Ended) {
		m.Count(ctx, telemetry.InvestigationEnded, 1, telemetry.EndedAs(how))
	}
}

// Level of a record about it: a start that nothing confirms is for a person.
func Level(d gate.Decision) slog.Level {
	if d.Did == gate.Misses {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// CountFault counts a question to the Agent's API that got no answer.
func CountFault(ctx context.Context, m *telemetry.Recorder, err error) {
	fault := delivery.APIUnreadable
	errors.As(err, &fault)
	m.Count(ctx, telemetry.AgentAPIFailed, 1, telemetry.APIFault(fault))
}
