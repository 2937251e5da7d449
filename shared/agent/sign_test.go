package agent

import "testing"

// The vectors were made without this program:
//
//	printf '%s' '2026-11-20T12:00:00.250Z:{"eventType":"incident","title":"決済 <&>"}' |
//	  openssl dgst -sha256 -hmac 'wJalrXUtnFEMI+K7MDENG' -binary | base64
//	printf '%s' '2026-01-02T03:04:05.000Z:' | openssl dgst -sha256 -hmac 'c2VjcmV0' -binary | base64
func TestSignature(t *testing.T) {
	tests := []struct{ why, key, stamp, body, want string }{
		{
			"the body's exact bytes, beyond ASCII too", "wJalrXUtnFEMI+K7MDENG", "2026-11-20T12:00:00.250Z",
			`{"eventType":"incident","title":"決済 <&>"}`, "GtOqJMKfmF8d4w3dRw7aISFq8/WiV1sOVQyhiS9yGaE=",
		},
		{
			"a key that looks like base64 is not decoded", "c2VjcmV0", "2026-01-02T03:04:05.000Z",
			"", "LuLvuBa4+I2mg6OpmxvpWOlEarOBqMEgb5nbiy0NOCM=",
		},
	}
	for _, tt := range tests {
		if got := signature(tt.key, tt.stamp, []byte(tt.body)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.why, got, tt.want)
		}
	}
}
