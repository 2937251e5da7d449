package agentapi

import (
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/redact"
)

// MaxSummary bounds what Client.Summary returns, in bytes.
const MaxSummary = 8000

// ellipsis ends a text that was cut.
const ellipsis = "..."

// reason makes one line of the Agent's words, without what looks like a secret and of at most delivery.MaxWords bytes.
func reason(words string) string {
	return fit(redact.New("").Text(alert.Line(words)), delivery.MaxWords)
}

// document makes a text of several lines fit to be shown, as reason does, of at most MaxSummary bytes.
func document(text string) string {
	return fit(redact.New("").Text(alert.Clean(text)), MaxSummary)
}

// fit cuts after redacting: a secret that was cut in two would not be seen for one.
func fit(s string, bytes int) string {
	if len(s) <= bytes {
		return s
	}
	s, _ = alert.CutEncoded(s, bytes-len(ellipsis))
	return strings.TrimSpace(s) + ellipsis
}
