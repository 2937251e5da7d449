package dispatch

import (
	"context"
	"log/slog"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// Record writes the one record of a message, and counts.
func (l *life) Record(ctx context.Context, span telemetry.Span, err error) {
	span.Tag("case", l.decision.Case)
	if l.conflicts > 0 {
		l.Metrics.Count(ctx, telemetry.LedgerConflict, float64(l.conflicts))
	}
	if l.unknowns > 0 {
		l.Metrics.Count(ctx, telemetry.LedgerUnknown, float64(l.unknowns))
	}
	if err != nil {
		l.Metrics.Count(ctx, telemetry.MessageFailed, 1)
		// The error goes back to the queue as well, which keeps no words: this record is where they are read.
		l.Log.LogAttrs(ctx, slog.LevelError, "message has no verdict", append(l.attempt(), telemetry.ErrorAttrs(err)...)...)
		return
	}
	d := l.verdict()
	l.Metrics.Count(ctx, telemetry.AlertVerdict, 1, telemetry.Verdict(d.Verdict), telemetry.Reason(d.Reason))
	l.report.Count(ctx, l.Metrics)
	if level := l.report.Level(); l.Log.Enabled(ctx, level) {
		l.Log.LogAttrs(ctx, level, "alert decided", l.decided(d)...)
	}
}

// attempt is what every record of a message has.
func (l *life) attempt() []slog.Attr {
	return []slog.Attr{
		slog.String("delivery", l.env.Delivery),
		slog.String("receive", l.received),
		slog.Int("rounds", l.rounds),
		slog.Int64("took_ms", l.Now().Sub(l.began).Milliseconds()),
	}
}

// decided is the record of a message that has its verdict.
func (l *life) decided(d gate.Decision) []slog.Attr {
	attrs := append(l.attempt(),
		slog.String("verdict", string(d.Verdict)),
		slog.String("reason", string(d.Reason)),
		slog.String("case", d.Case),
		slog.String("did", string(d.Did)),
		slog.String("because", because(d)),
		slog.Int64("queued_ms", l.began.Sub(l.env.Received).Milliseconds()))
	attrs = append(attrs, l.about()...)
	return append(attrs, l.report.Attrs()...)
}

// because gives the numbers that decided, and what was set by hand.
func because(d gate.Decision) string {
	rec := d.Change.Delivery
	switch {
	case rec == nil:
		return ""
	case rec.Hand == "" || rec.Because == "":
		return rec.Because + rec.Hand
	}
	return rec.Because + "; " + rec.Hand
}

// verdict is the decision as the record tells it. A message whose own commit went through unseen finds its delivery
// recorded; what it then tells is what it wrote.
func (l *life) verdict() gate.Decision {
	d := l.decision
	if d.Recorded != nil && l.unknowns > 0 {
		d.Verdict, d.Reason = d.Recorded.Verdict, d.Recorded.Reason
	}
	return d
}

// about is what the record says of the alert: what is needed to find it again and to decide on it again, and none of its
// text but the title.
func (l *life) about() []slog.Attr {
	if u := l.env.Unreadable; u != nil {
		return []slog.Attr{
			slog.String("unreadable", u.Reason), slog.Int("bytes", u.Bytes), slog.String("sha256", u.SHA256),
			slog.String("ingest_request_id", l.env.RequestID),
		}
	}
	a := l.env.Alert
	return []slog.Attr{
		slog.String("source", a.Source),
		slog.String("shape", a.Shape),
		slog.String("event", a.EventID),
		slog.String("incident", a.Incident.String()),
		slog.String("transition", string(a.Transition)),
		slog.String("severity", a.Severity.String()),
		slog.String("title", a.Title),
		slog.String("service", a.Service()),
		slog.Time("time", a.Time),
		{Key: "alert", Value: slog.GroupValue(basis(a, l.env.Received)...)},
	}
}

// basis is what a decision on the alert reads besides: the policy's matchers, its rank, and what names its incident.
// `alertbridge archive` makes of these records what `alertbridge play` plays under another policy. What is absent is
// left out.
func basis(a *alert.Alert, received time.Time) []slog.Attr {
	attrs := []slog.Attr{slog.Time("received", received)}
	for _, v := range []struct{ name, value string }{
		{"monitor", a.Monitor.ID},
		{"monitor_type", a.Monitor.Type},
		{"priority", a.Priority},
		{"alert_type", a.AlertType},
		{"org", a.OrgID},
		{"org_name", a.OrgName},
		{"host", a.Hostname},
	} {
		if v.value != "" {
			attrs = append(attrs, slog.String(v.name, v.value))
		}
	}
	for _, v := range []struct {
		name  string
		value bool
	}{{"cycle", a.Incident.Cycle}, {"test", a.Test}} {
		if v.value {
			attrs = append(attrs, slog.Bool(v.name, true))
		}
	}
	for _, v := range []struct {
		name  string
		value []string
	}{{"scope", a.Scope}, {"tags", a.Tags}} {
		if len(v.value) > 0 {
			attrs = append(attrs, slog.Any(v.name, v.value))
		}
	}
	return attrs
}
