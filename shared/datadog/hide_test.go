package datadog

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/redact"
)

// Half a secret would not be found: what is hidden is hidden before the alert is cut.
func TestHiddenBeforeCut(t *testing.T) {
	const card = "4111 1111 1111 1111"
	for name, body := range map[string]string{
		"text":         fmt.Sprintf(`{"title":"A","body":"%s %s"}`, strings.Repeat("a", alert.MaxText-12), card),
		"title":        fmt.Sprintf(`{"title":"%s %s"}`, strings.Repeat("a", alert.MaxName-12), card),
		"first line":   fmt.Sprintf(`{"monitor_id":"7","body":"%s %s"}`, strings.Repeat("a", alert.MaxName-12), card),
		"tag":          fmt.Sprintf(`{"title":"A","tags":"%s %s"}`, strings.Repeat("a", alert.MaxField-12), card),
		"link's label": fmt.Sprintf(`{"title":"A","body":"[%s %s](https://a.example/)"}`, strings.Repeat("a", alert.MaxField-12), card),
		"long label":   fmt.Sprintf(`{"title":"A","body":"[%s %s](https://a.example/)"}`, card, strings.Repeat("a", maxLabel-11)),
		"quotation":    `{"title":"A","body":"password: 'x, 1111 abc': https://a.example/x"}`,
	} {
		a, err := Decode([]byte(body), received, redact.New("k").Text)
		if err != nil {
			t.Fatal(err)
		}
		if all := fmt.Sprintf("%+v", a); strings.Contains(all, "1111") {
			t.Errorf("%s: %s", name, all[strings.Index(all, "1111")-20:])
		}
	}
}

// What an alert is called by does not depend on the key, which is replaced from time to time, nor shows a secret; and
// different secrets name different incidents.
func TestIdentityOutlivesTheKey(t *testing.T) {
	for _, field := range []string{"event_id", "monitor_id", "cycle_key", "aggreg_key", "alert_scope", "org_id", "event_title"} {
		decode := func(key, secret string) alert.Alert {
			body := map[string]string{"event_id": "7879702138782271851", "monitor_id": "160076582", "event_title": "A"}
			if field == "event_title" {
				delete(body, "event_id")
				delete(body, "monitor_id")
			}
			body[field] = secret
			a, err := Decode(encodeJSON(t, body), received, redact.New(key).Text)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		a, rotated, other := decode("one", "ana1@example.com"), decode("two", "ana1@example.com"), decode("one", "bob1@example.com")
		if a.Incident != rotated.Incident || a.Delivery != rotated.Delivery {
			t.Errorf("%s: %s of %s becomes %s of %s with another key", field, a.Delivery, a.Incident, rotated.Delivery, rotated.Incident)
		}
		if a.Incident == other.Incident && a.Delivery == other.Delivery {
			t.Errorf("%s: two secrets have one name, %s of %s", field, a.Delivery, a.Incident)
		}
		if all := fmt.Sprintf("%+v", a); strings.Contains(all, "ana1") {
			t.Errorf("%s: %s", field, all)
		}
	}
}

// An aggregation key that holds a secret is left out: a pseudonym of it is a key of nothing.
func TestAggregationKeyIsNeverASecret(t *testing.T) {
	for secret, hidden := range map[string]bool{
		"ana1@example.com": true, "AKIAIOSFODNN7EXAMPLE": true, "user:ana1@example.com": true, "ana1%40example.com": true,
		"06ade3da0286048d242ea8e46f521c93": false, "8540000000000000001": false,
	} {
		for _, cycle := range []string{"", "8540000000000000001"} {
			a, err := Decode(encodeJSON(t, map[string]string{"event_title": "A", "monitor_id": "7", "cycle_key": cycle, "aggreg_key": secret}), received, redact.New("k").Text)
			if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]string{true: "", false: secret}[hidden]; a.Aggregation != want {
				t.Errorf("of %s the key is %q, want %q", secret, a.Aggregation, want)
			}
		}
	}
}

func encodeJSON(t *testing.T, body any) []byte {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
