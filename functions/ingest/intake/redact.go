package intake

import (
	"context"
	"log/slog"
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/redact"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// hide takes secrets and personal data out of a text that will be kept. Nothing behind the queue has seen them.
//
// A value that is for machines has kept its entities, markers and blanks. Whoever quotes it in a sentence cleans it of them, and
// that must not bring to light what was hidden by them. Text of several lines is clean already.
func (d *delivery) hide(text string) string {
	text = d.redactor.Text(text)
	entity, marker, handle, gap := strings.Contains(text, ";"), strings.Contains(text, "%%%"), strings.Contains(text, "@"), strings.Contains(text, "  ")
	if strings.Contains(text, "\n") || !entity && !marker && !handle && !gap {
		return text
	}
	if line := alert.Line(text); redact.Has(line) {
		return d.redactor.Text(line)
	}
	return text
}

// redacted is what a record says of what was hidden: how many values of each kind.
func (d *delivery) redacted() slog.Attr {
	var kinds []any
	for _, k := range redact.Kinds() {
		if n := d.redactor.Count(k); n > 0 {
			kinds = append(kinds, slog.Int(string(k), n))
		}
	}
	return slog.Group("redacted", kinds...)
}

func (h *Handler) countRedacted(ctx context.Context, d *delivery) {
	for _, k := range redact.Kinds() {
		if n := d.redactor.Count(k); n > 0 {
			h.Metrics.Count(ctx, telemetry.Redacted, float64(n), telemetry.RedactedKind(k))
		}
	}
}
