package local

import (
	"fmt"

	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/shared/datadog"
)

// Curl is a command for a shell that sends one more alert, a critical one: the shell puts its own time in, so that it is of
// the present and another alert in every second. It starts an investigation if the policy sees a new problem in it and the
// Agent has a slot; the next ones, of the same monitor, join it. What it leaves out of our payload template need
// not be there. A proxy that other requests go through would not find this computer's own address.
func Curl(url string) string {
	return fmt.Sprintf(`curl -sS --noproxy '*' '%s' -H 'Content-Type: application/json' -H '%s: %s' --data '{`+
		`"schema":"1","event_id":"'$(date +%%s)'","cycle_key":"'$(date +%%s)'","org_id":"1000042","monitor_id":"24019999",`+
		`"transition":"Triggered","alert_type":"error","alert_priority":"P1",`+
		`"event_title":"[P1] [Triggered on {service:basket}] Baskets are lost for one in ten buyers",`+
		`"alert_scope":"service:basket","tags":"env:prod,service:basket","date":"'$(date +%%s)'000",`+
		`"body":"Orders are lost. message_id=5b1d6f0e-3c7a-4e0b-9d43-0f7c2a1b8e95"}'`,
		url, datadog.TokenHeader, events.Token)
}
