package intake

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// record writes the one record of a request, and counts.
func (h *Handler) record(ctx context.Context, d delivery) {
	level, message := slog.LevelInfo, "delivery accepted"
	switch {
	case d.reason == tokenUnsure: // most likely a stranger's
		level, message = slog.LevelWarn, "delivery not accepted: its token may be a new one"
	case d.status >= http.StatusInternalServerError:
		level, message = slog.LevelError, "delivery not accepted: our own trouble"
		telemetry.Fail(ctx, d.cause)
	case d.status >= http.StatusBadRequest:
		level, message = slog.LevelWarn, "delivery refused"
	}
	if h.Log.Enabled(ctx, level) {
		h.Log.LogAttrs(ctx, level, message, h.about(d)...)
	}
	h.count(ctx, d)
}

// about is what the record says of a request.
func (h *Handler) about(d delivery) []slog.Attr {
	attrs := []slog.Attr{
		slog.Int("status", d.status),
		slog.String("delivery", d.id),
		slog.Int("bytes", d.bytes),
		slog.Int64("took_ms", h.Now().Sub(d.received).Milliseconds()),
	}
	if d.reason != "" {
		attrs = append(attrs, slog.String("reason", string(d.reason)))
	}
	if a := d.alert; a != nil {
		attrs = append(attrs,
			slog.String("source", a.Source),
			slog.String("shape", a.Shape),
			slog.String("event", a.EventID),
			slog.String("incident", a.Incident.String()),
			slog.String("transition", string(a.Transition)))
	}
	attrs = append(attrs, d.redacted()) // slog leaves out an empty group
	switch {
	case d.reason == tokenUnsure:
	case d.status >= http.StatusInternalServerError:
		attrs = append(attrs, slog.String("error", d.cause.Error()))
	case d.status >= http.StatusBadRequest:
		attrs = append(attrs, slog.String("says", d.says))
	}
	return attrs
}

func (h *Handler) count(ctx context.Context, d delivery) {
	if d.id != "" {
		h.Metrics.Count(ctx, telemetry.AlertsReceived, 1)
		h.countRedacted(ctx, &d)
	}
	switch d.reason {
	case "":
	case unauthenticated, tokenUnsure:
		h.Metrics.Count(ctx, telemetry.AuthenticationFailed, 1)
	case tokenUnavailable:
		h.Metrics.Count(ctx, telemetry.SecretReadFailed, 1)
	case queueUnavailable:
		h.Metrics.Count(ctx, telemetry.QueueSendFailed, 1)
	default:
		h.Metrics.Count(ctx, telemetry.DeliveryRejected, 1, telemetry.Rejected(rejection(d.status)))
	}
}

func rejection(status int) telemetry.Rejection {
	switch status {
	case http.StatusMethodNotAllowed:
		return telemetry.RejectedMethod
	case http.StatusUnsupportedMediaType:
		return telemetry.RejectedType
	case http.StatusRequestEntityTooLarge:
		return telemetry.RejectedSize
	}
	return telemetry.RejectedUnreadable
}
