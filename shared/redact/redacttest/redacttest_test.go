package redacttest

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"testing"

	"github.com/alertbridge/alertbridge/shared/redact"
)

// Each plant is one that redact knows, of the kind that it says, and is found before and not after.
func TestSecrets(t *testing.T) {
	kinds, seen := map[redact.Kind]int{}, map[string]bool{}
	for _, s := range Secrets() {
		kinds[s.Kind]++
		if seen[s.Value] || Found(s.Text, s.Value) == "" {
			t.Errorf("%s is planted twice, or not at all", s.Name)
		}
		seen[s.Value] = true
		r := redact.New("k")
		if got := r.Text(s.Text); Found(got, s.Value) != "" || r.Count(s.Kind) != 1 {
			t.Errorf("%s: %q becomes %q, with %d of kind %s", s.Name, s.Text, got, r.Count(s.Kind), s.Kind)
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d secrets", len(seen))
	}
	for _, k := range redact.Kinds() {
		if kinds[k] == 0 {
			t.Errorf("no secret of kind %s", k)
		}
	}
}

func TestFound(t *testing.T) {
	const value = `hunter2 "x"/y`
	for _, said := range []string{
		"it was " + value, fmt.Sprintf("it was %q", value), "x=" + url.QueryEscape(value), "/" + url.PathEscape(value), "HUNTER2 \"X\"/Y",
		base64.StdEncoding.EncodeToString([]byte(value)), base64.StdEncoding.EncodeToString([]byte("a" + value + "bc")), base64.StdEncoding.EncodeToString([]byte("ab" + value + "c")),
	} {
		if Found(said, value) == "" {
			t.Errorf("not found in %s", said)
		}
	}
	if f := Found("hunter3 "+base64.StdEncoding.EncodeToString([]byte("hunter3")), value); f != "" {
		t.Errorf("found %s where it is not", f)
	}
}
