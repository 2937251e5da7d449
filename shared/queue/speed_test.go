package queue

import "testing"

// BenchmarkEnvelope writes an alert for the queue, as ingest does, and reads it again, as the dispatcher does.
func BenchmarkEnvelope(b *testing.B) {
	e := wired()
	b.ReportAllocs()
	for b.Loop() {
		if err := there(e); err != nil {
			b.Fatal(err)
		}
	}
}

func TestEnvelopeAllocatesLittle(t *testing.T) {
	const most = 24
	e := wired()
	if n := testing.AllocsPerRun(100, func() { _ = there(e) }); n > most {
		t.Errorf("%.0f allocations, and it may be %d", n, most)
	}
}

func there(e Envelope) error {
	text, err := Encode(e)
	if err == nil {
		_, err = Decode(text)
	}
	return err
}
