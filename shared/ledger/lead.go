package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// EncodeLead gives the form in which every ledger keeps the alert that opened a case: its JSON, as the queue's envelope
// carries it too.
func EncodeLead(a alert.Alert) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(a); err != nil {
		return nil, fmt.Errorf("the alert that opens it cannot be encoded: %w", err)
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

// DecodeLead reads what EncodeLead gave.
func DecodeLead(text []byte) (alert.Alert, error) {
	var a alert.Alert
	if err := json.Unmarshal(text, &a); err != nil {
		return alert.Alert{}, fmt.Errorf("the alert that opened it cannot be read back: %w", err)
	}
	return a, nil
}
