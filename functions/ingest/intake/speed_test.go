package intake_test

import (
	"context"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// BenchmarkHandle is a delivery that is taken, from the event to the answer, without the calls out and without tracing.
// What tracing costs is measured on the compiled function: BenchmarkWarmIngest in shared/telemetry/telemetrytest.
func BenchmarkHandle(b *testing.B) {
	d, r := newDoor(), request(good)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.take(r); err != nil {
			b.Fatal(err)
		}
	}
}

func TestHandleAllocatesLittle(t *testing.T) {
	const most = 120
	d, r := newDoor(), request(good)
	if n := testing.AllocsPerRun(100, func() { _ = d.take(r) }); n > most {
		t.Errorf("%.0f allocations, and it may be %d", n, most)
	}
}

// take hands the door a delivery and forgets what came of it.
func (d *door) take(r events.APIGatewayV2HTTPRequest) error {
	_, err := d.handler.Handle(context.Background(), r)
	d.sent = d.sent[:0]
	d.log.Reset()
	return err
}
