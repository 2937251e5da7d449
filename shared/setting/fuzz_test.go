package setting_test

import (
	"strings"
	"testing"
)

// FuzzReader: whatever stands in the environment, either there is an error of one line that names a setting, or what was
// read is what stands there.
func FuzzReader(f *testing.F) {
	f.Add("", "", "", "")
	f.Add("alertbridge/agent", "alertbridge/agents/", "event-ai.eu-central-1.api.aws", "yes")
	f.Add(" s\n", "\t", "\x00", "YES")
	f.Fuzz(func(t *testing.T, secret, prefix, host, yes string) {
		r := from(map[string]string{
			"AGENT_SECRET": secret, "AGENT_SECRETS_PREFIX": prefix, "AGENT_HOST": host, "AGENT_ALLOW_LOCAL": yes,
		})
		a := r.Agents()
		err := r.Err()
		if err != nil && (strings.ContainsAny(err.Error(), "\n\r\x00") || !strings.Contains(err.Error(), "settings: AGENT_")) {
			t.Errorf("the error is %q", err)
		}
		missing := strings.TrimSpace(secret) == "" || strings.TrimSpace(host) == ""
		if allowed := yes == "" || strings.TrimSpace(yes) == "" || strings.TrimSpace(yes) == "no" || strings.TrimSpace(yes) == "yes"; (err != nil) != (missing || !allowed) {
			t.Errorf("secret %q, host %q, local %q: %v", secret, host, yes, err)
		}
		if a.Secret != strings.TrimSpace(secret) || a.SecretsPrefix != strings.TrimSpace(prefix) || a.Host != strings.TrimSpace(host) ||
			a.AllowLocal != (strings.TrimSpace(yes) == "yes") {
			t.Errorf("read %+v", a)
		}
	})
}
