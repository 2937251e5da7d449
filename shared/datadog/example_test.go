package datadog_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/alertbridge/alertbridge/shared/datadog"
)

func ExampleDecode() {
	received := time.Date(2026, 11, 20, 9, 0, 2, 0, time.UTC)
	a, err := datadog.Decode([]byte(`{
		"event_id": "8540000000000000001", "monitor_id": "155001234", "cycle_key": "8540000000000000001", "org_id": "2000417",
		"event_title": "[P1] [Triggered on {service:checkout}] Checkout is slow", "date": "1795165200000",
		"body": "%%%\nCheckout is slow. trace_id=6717a1b2c3d4e5f6\n@slack-payments\n%%%"
	}`), received, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Delivery, a.Incident)
	fmt.Println(a.Transition, a.Severity, a.Service(), a.Title, a.Time.Format(time.RFC3339))
	fmt.Println(a.Text, a.Refs)
	// Output:
	// dd-2000417-8540000000000000001 2000417/155001234/c.8540000000000000001
	// Triggered CRITICAL checkout Checkout is slow 2026-11-20T09:00:00Z
	// Checkout is slow. trace_id=6717a1b2c3d4e5f6 [{trace_id 6717a1b2c3d4e5f6}]
}

func ExampleDecodeError() {
	_, err := datadog.Decode([]byte(`payload=%7B%7D`), time.Now(), nil)
	var bad *datadog.DecodeError
	if errors.As(err, &bad) {
		fmt.Println(bad.Reason)
		fmt.Println(bad.Words)
	}
	// Output:
	// form_encoded
	// The body is a form, not JSON: clear "Encode as form" in the webhook in Datadog.
}

func ExampleAuthorized() {
	header := datadog.Headers(map[string]string{"x-alertbridge-token": "the-previous-secret"})
	fmt.Println(datadog.Authorized(header, "the-current-secret", "the-previous-secret"))
	// Output: true
}
