package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The file of PagerDuty's secret is compared with the policy's routes, and no word of it is printed.
func TestPolicyCheckComparesKeys(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rules := write("policy.yaml", "routes:\n- match: [team = shop]\n  name: shop\n  mode: full\n")
	key, other := strings.Repeat("k", 32), strings.Repeat("o", 32)
	const never = " of routes is none of the policy, so its key is never used"
	for name, c := range map[string]struct {
		keys   string
		status int
		says   []string
	}{
		"one key":            {key + "\n", 0, nil},
		"a key of the route": {`{"routing_key":"` + key + `","routes":{"shop":"` + other + `"}}`, 0, nil},
		"names of nothing": {
			`{"routing_key":"` + key + `","routes":{"Shop":"` + other + `","shop":"` + other + `","` + other + `":"` + key + `"}}`, 0,
			[]string{"keys.json: number 1" + never, "keys.json: number 3" + never},
		},
		"no key":      {"hunter2hunter2", 1, []string{"cannot be PagerDuty's secret: it must be the integration key"}},
		"a large one": {strings.Repeat(key, 3000), 1, []string{"has more than 65536 bytes"}},
	} {
		got := call(t, "", "policy", "check", rules, "--pager-keys", write("keys.json", c.keys))
		if got.status != c.status {
			t.Errorf("%s: status %d, %q, %q", name, got.status, got.out, got.errs)
		}
		text := got.out + got.errs
		for _, says := range c.says {
			if !strings.Contains(text, says) {
				t.Errorf("%s: it does not say %q:\n%s", name, says, text)
			}
		}
		if n := strings.Count(text, never); n != strings.Count(strings.Join(c.says, ""), never) ||
			strings.Contains(text, key) || strings.Contains(text, other) || strings.Contains(text, "Shop") || strings.Contains(text, "hunter2") {
			t.Errorf("%s: it says\n%s", name, text)
		}
	}
	if got := call(t, "", "policy", "check", rules, "--pager-keys", filepath.Join(dir, "none")); got.status != 1 || !strings.Contains(got.errs, "the keys cannot be read") {
		t.Errorf("without a file: status %d, %q", got.status, got.errs)
	}
}
