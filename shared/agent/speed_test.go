package agent_test

import (
	"testing"

	"github.com/alertbridge/alertbridge/shared/agent"
)

func BenchmarkNewMessage(b *testing.B) {
	r := checkoutReport()
	b.ReportAllocs()
	for b.Loop() {
		agent.NewMessage(r)
	}
}

func TestNewMessageAllocatesLittle(t *testing.T) {
	const most = 640 // 462 without the race detector, under which pools forget what they hold
	r := checkoutReport()
	if n := testing.AllocsPerRun(100, func() { agent.NewMessage(r) }); n > most {
		t.Errorf("%.0f allocations, and it may be %d", n, most)
	}
}
