package datadog

import (
	"os"
	"testing"

	"github.com/alertbridge/alertbridge/shared/redact"
)

// payloads are what ingest decodes most, by their files in testdata, with the allocations that each may cost.
var payloads = []struct {
	file string
	most float64
}{
	{"ours-triggered.json", 130},    // 2.4 kB
	{"default-triggered.json", 135}, // without a template of one's own
}

func BenchmarkDecode(b *testing.B) {
	b.Run("redacted", func(b *testing.B) { // as ingest does it
		raw := read(b, payloads[0].file)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decode(raw, received, redact.New("k").Text); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, p := range payloads {
		b.Run(p.file, func(b *testing.B) {
			raw := read(b, p.file)
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, err := Decode(raw, received, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestDecodeAllocatesLittle(t *testing.T) {
	for _, p := range payloads {
		raw := read(t, p.file)
		n := testing.AllocsPerRun(100, func() { _, _ = Decode(raw, received, nil) })
		if n > p.most {
			t.Errorf("%s: %.0f allocations, and it may be %.0f", p.file, n, p.most)
		}
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
