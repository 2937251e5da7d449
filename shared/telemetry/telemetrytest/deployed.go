package telemetrytest

import (
	"encoding/json"
	"os"
	"testing"
)

// Deployed is what the translated template sets in a function's environment, as far as it is a plain text; what it takes
// from parameters and other resources is left out. So a test runs with the switches that are deployed.
func Deployed(t testing.TB, template, function string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	var translated struct {
		Template struct {
			Resources map[string]struct {
				Properties struct {
					Environment struct{ Variables map[string]any }
				}
			}
		}
	}
	if err := json.Unmarshal(text, &translated); err != nil {
		t.Fatalf("%s: %v", template, err)
	}
	settings := map[string]string{}
	for name, value := range translated.Template.Resources[function].Properties.Environment.Variables {
		if text, ok := value.(string); ok {
			settings[name] = text
		}
	}
	if len(settings) == 0 {
		t.Fatalf("%s sets nothing for %s", template, function)
	}
	return settings
}
