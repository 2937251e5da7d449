package agent

import (
	"bytes"
	"encoding/json"
	"testing"
)

// A text is encoded as encoding/json does it, whatever stands in it.
func TestEncodeTexts(t *testing.T) {
	texts := []string{"", "plain text", "決済", "\u2028", "a\xff"}
	for c := range 256 {
		texts = append(texts, "a"+string([]byte{byte(c)})+"b")
	}
	for _, s := range texts {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		if got := string(encode(s)) + "\n"; got != want.String() {
			t.Errorf("%q is %s, want %s", s, got, want.String())
		}
	}
}
