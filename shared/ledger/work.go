package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// EncodeWork gives the JSON in which every ledger keeps what the Agent has said of a case; "" when it has said nothing
// and nothing was booked for it.
func EncodeWork(w gate.Work) (string, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(w); err != nil {
		return "", fmt.Errorf("what the Agent has said of the case cannot be kept: %w", err)
	}
	if text := string(bytes.TrimRight(buf.Bytes(), "\n")); text != "{}" {
		return text, nil
	}
	return "", nil
}

// DecodeWork reads what EncodeWork gave. What it does not know is overlooked.
func DecodeWork(text string) (gate.Work, error) {
	var w gate.Work
	if text == "" {
		return w, nil
	}
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return gate.Work{}, err
	}
	return w, nil
}
