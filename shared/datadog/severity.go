package datadog

import (
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// readPriority is the monitor's priority: the field, else the title's bracket. Templates put $ALERT_PRIORITY under
// names such as priority and severity, too, where others put $PRIORITY ("normal"), which is the event's and says
// nothing, or a constant ("HIGH"), because a template has no logic. So only P1 to P5 count.
func (b *body) readPriority(h heading) string {
	return first(strings.ToUpper(b.getIf(alertPriority, isPriority)), h.priority)
}

func isPriority(s string) bool {
	return len(s) == 2 && (s[0] == 'P' || s[0] == 'p') && '1' <= s[1] && s[1] <= '5'
}

// severity is the priority's, else the alert type's: error HIGH, warning MEDIUM, all others LOW. Where the type is not
// in the payload, as in Datadog's default one, it is the one that Datadog gives the transition: error to an alert,
// warning to a warning. A recovery keeps its monitor's priority; without one it is LOW, being a success.
func severity(priority, alertType string, t alert.Transition) alert.Severity {
	switch priority {
	case "P1":
		return alert.Critical
	case "P2":
		return alert.High
	case "P3":
		return alert.Medium
	case "P4":
		return alert.Low
	case "P5":
		return alert.Minimal
	}
	if alertType == "" {
		alertType = impliedType(t)
	}
	switch alertType {
	case "error":
		return alert.High
	case "warning":
		return alert.Medium
	}
	return alert.Low
}

func impliedType(t alert.Transition) string {
	switch t {
	case alert.Triggered, alert.ReTriggered, alert.Renotify:
		return "error"
	case alert.Warn, alert.ReWarn:
		return "warning"
	}
	return ""
}
