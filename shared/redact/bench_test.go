package redact

import (
	"strings"
	"testing"
)

// message is what alerts are like: prose, Markdown, a log line, ids, and Datadog's links.
const message = `Checkout answers slowly in {{region.name}}: p95 of **1.84 s** over **service:checkout,env:prod** was **> 1.5** on average during the **last 5m**.

1. Look at the [dashboard](https://app.datadoghq.com/dashboard/abc-def-ghi/checkout?from_ts=1795262390000&to_ts=1795262990000&live=false).
2. Runbook: https://runbooks.example.com/checkout/slow#database
{"timestamp":"2026-11-21T12:39:50.123Z","level":"ERROR","service":"checkout","message":"upstream timed out after 1500 ms","trace_id":"6f1a2b3c4d5e6f708192a3b4c5d6e7f8","span_id":"0123456789abcdef","request_id":"e1b7c5a0-8d1f-4a7e-9a52-4f1e8d9c0b1a","path":"/api/v2/orders?page=2&size=50","status":504}
[[Monitor Status](https://app.datadoghq.com/monitors/160076582?group=service%3Acheckout%2Cenv%3Aprod&from_ts=1795262390000&to_ts=1795262990000&event_id=7879702138782271851)] - [[Edit Monitor](https://app.datadoghq.com/monitors/160076582/edit)] - [[Related Logs](https://app.datadoghq.com/logs?query=service%3Acheckout&from_ts=1795262390000)]
`

func BenchmarkText(b *testing.B) {
	clean := strings.Repeat(message, 3)[:2048]
	for name, text := range map[string]string{
		"clean": clean,
		"plain": strings.NewReplacer("%3A", ":", "%2C", ",").Replace(clean), // without an escape
		"found": clean[:2000] + " password=hunter2 asked by ana@example.com",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				New("k").Text(text)
			}
		})
	}
}

func TestBenchmarkedMessageIsClean(t *testing.T) {
	if got := New("k").Text(message); got != message {
		t.Errorf("becomes %s", got)
	}
}
