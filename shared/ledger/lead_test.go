package ledger_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/alertbridge/alertbridge/shared/ledger"
)

// FuzzDecodeLead: what is read of a lead, by whatever build it was written, can be written and is then the same.
func FuzzDecodeLead(f *testing.F) {
	for _, s := range []string{
		`{"aggregation":"06ade3da0286048d242ea8e46f521c93","incident":{"key":"c.1","cycle":true}}`, `{"aggregation":7}`, ``, `null`, `{}`, `[]`, `{"title":"A","severity":5,"time":"2026-03-01T12:00:00+09:00","new":{"a":[1]}}`, `{"severity":"HIGH"}`,
		`{"links":[{"name":"決済","url":"https://a.b/?c=<&>"}],"refs":[null],"tags":[]}`, `{"title":"\ud800","TITLE":"b"}`, `{"time":"0000-01-01T00:00:00Z"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := ledger.DecodeLead(text)
		if err != nil {
			return
		}
		once, err := ledger.EncodeLead(a)
		if err != nil || !json.Valid(once) {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		back, err := ledger.DecodeLead(once)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ledger.EncodeLead(back)
		if err != nil || !reflect.DeepEqual(again, once) {
			t.Fatalf("read once more it is %s, %v, want %s", again, err, once)
		}
	})
}
