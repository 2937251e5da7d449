package agentapi

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/delivery"
)

func FuzzSummary(f *testing.F) {
	for _, seed := range []string{
		`"## Root cause"`, `{"text":"a","markdown":["b",{"summary":"c"}]}`, `"{\"text\":\"\\\"x\\\"\"}"`, `[[[[[[1]]]]]]`, `null`, "\x00",
		`"password=hunter2hunter2 \u202e @all\n%%%\n&amp;lt;"`, `{"":1e400}`, `{}`, `[[[[["x"]]]]]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		got := document(textOf(content))
		if len(got) > MaxSummary || !utf8.ValidString(got) || strings.ContainsAny(got, "\r\x00\u202e\u200b") {
			t.Errorf("%q becomes %q", content, got)
		}
		var s string
		if json.Unmarshal(content, &s) == nil && !json.Valid([]byte(s)) && document(s) != got {
			t.Errorf("the text %q becomes %q", s, got)
		}
		if line := reason(string(content)); len(line) > delivery.MaxWords || strings.ContainsAny(line, "\n\r\t") {
			t.Errorf("%q becomes %q", content, line)
		}
	})
}
