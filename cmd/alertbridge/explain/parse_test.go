package explain

import (
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Asked{
		"ab-k5w2q7n3xj4mzyta":               {Case: "ab-k5w2q7n3xj4mzyta"},
		" dd-1000042-8873248385148318284\n": {Delivery: "dd-1000042-8873248385148318284"},
		"8873248385148318284":               {Event: "8873248385148318284"},
		"24018841":                          {Event: "24018841", Monitor: "24018841"},
		"1000042/24018841/c.887":            {Incident: alert.Incident{Org: "1000042", Monitor: "24018841", Key: "c.887"}},
		"-/m-0a/g.1":                        {Incident: alert.Incident{Org: "-", Monitor: "m-0a", Key: "g.1"}},
		"https://app.datadoghq.eu/event/event?id=8873248385148318284": {Event: "8873248385148318284"},
		"https://app.datadoghq.com/monitors/24018841":                 {Monitor: "24018841"},
		"https://app.datadoghq.com/monitors#24018841/edit":            {Monitor: "24018841"},
		"https://app.datadoghq.com/monitors/24018841?group=h%3A1&event_id=8873248385148318284&link_source=monitor_notif": {
			Event: "8873248385148318284", Monitor: "24018841",
		},
		"https://app.datadoghq.com/monitors/24018841?id=5":                                          {Monitor: "24018841"},
		"https://app.datadoghq.com/event/explorer?link_event_id=8873248385148318284":                {Event: "8873248385148318284"},
		"https://app.datadoghq.com/logs?query=x&link_monitor_id=24018841":                           {Monitor: "24018841"},
		"https://app.datadoghq.com/logs?link_monitor_id=24018841&link_event_id=8873248385148318284": {Event: "8873248385148318284", Monitor: "24018841"},
		"<https://app.datadoghq.eu/monitors/24018841>":                                              {Text: "https://app.datadoghq.eu/monitors/24018841", Monitor: "24018841"},
		"us5.datadoghq.com/event/event?id=8873248385148318284":                                      {Text: "https://us5.datadoghq.com/event/event?id=8873248385148318284", Event: "8873248385148318284"},
		"app.ddog-gov.com/monitors/24018841":                                                        {Text: "https://app.ddog-gov.com/monitors/24018841", Monitor: "24018841"},
	} {
		got, err := Parse(text)
		if want.Text == "" {
			want.Text = strings.TrimSpace(text)
		}
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "is no id; it can be a case (ab-…)", "a b": "is no id", "決済": "is no id", "a/b": "is no id", "a/b/": "is no id", "a b/c/d": "is no id",
		strings.Repeat("1", 129):          "is no id",
		"https://app.datadoghq.com/":      "names neither an event (…/event/event?id=…) nor a monitor",
		"https://a.b/event/event?id=abc":  "names neither an event",
		"https://a.b/monitors/manage":     "names neither an event",
		"https://a.b/%zz://":              "cannot be read",
		"https://a.b/dashboard/1?id=1234": "names neither an event",
	} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %+v, %v, want %q", text, got, err, want)
		}
	}
}

// FuzzParse: whatever is asked for, it is one of the things that can be looked for, and safe to look for.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"ab-k5w2q7n3xj4mzyta", "dd-1-2", "8873248385148318284", "1/2/c.3", "-/2/3", "https://a.b/event/event?id=1&event_id=2", "https://a.b/monitors#12/edit",
		"http://[::1]:0/monitors/1", "://", "a//b", "ab-決",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Parse(text)
		if err != nil {
			if a != (Asked{}) {
				t.Errorf("an error, and %+v", a)
			}
			return
		}
		found := 0
		for _, id := range []string{a.Case, a.Delivery, a.Event, a.Monitor, a.Incident.Monitor} {
			if id != "" {
				found++
			}
			if id != "" && !alert.SafeID(id) {
				t.Errorf("%q is looked for", id)
			}
		}
		if found == 0 {
			t.Errorf("nothing is looked for: %+v", a)
		}
	})
}
