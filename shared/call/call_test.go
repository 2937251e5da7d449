package call

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		header string
		want   time.Duration
	}{
		{"", 0},
		{"30", 30 * time.Second},
		{"0", 0},
		{"900", 15 * time.Minute},
		{"901", 15 * time.Minute},
		{"4294967295", 15 * time.Minute},
		{"99999999999999999999", 0},
		{"-5", 0},
		{"1.5", 0},
		{"soon", 0},
		{"Fri, 20 Nov 2026 12:01:30 GMT", 90 * time.Second},
		{"Fri, 20 Nov 2026 11:00:00 GMT", 0},
		{"Sat, 21 Nov 2026 12:00:00 GMT", 15 * time.Minute},
	}
	for _, tt := range tests {
		if got := RetryAfter(Reply{Header: http.Header{"Retry-After": {tt.header}}, At: now}); got != tt.want {
			t.Errorf("Retry-After %q is %v, want %v", tt.header, got, tt.want)
		}
	}
}
