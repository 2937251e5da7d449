package intake

import (
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/redact"
)

// Whatever a value holds, there is nothing to be hidden in what is kept of it, nor in what cleaning makes of that.
func FuzzHide(f *testing.F) {
	f.Add("ana@example.com AKIA%%%IOSFODNN7EXAMPLE")
	f.Add("ana&#64;example.com pass&#8203;word=hunter2 @all-x@example.com")
	f.Add("pwd=                    hunter2")
	f.Add("4111 1111 @here 1111 1111")
	f.Fuzz(func(t *testing.T, s string) {
		d := delivery{redactor: redact.New("k")}
		kept := d.hide(alert.Value(s))
		if redact.Has(kept) || redact.Has(alert.Line(kept)) {
			t.Errorf("%q is kept as %q, which is cleaned to %q", s, kept, alert.Line(kept))
		}
		text := d.hide(alert.Clean(s))
		if redact.Has(text) || redact.Has(alert.Clean(text)) {
			t.Errorf("%q is kept as %q, which is cleaned to %q", s, text, alert.Clean(text))
		}
	})
}
