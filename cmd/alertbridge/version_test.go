package main

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	got := call(t, "", "version")
	if got.status != 0 || !strings.HasPrefix(got.out, "alertbridge ") || !strings.Contains(got.out, "("+runtime.Version()+", "+runtime.GOOS+"/") {
		t.Errorf("status %d, %q, %q", got.status, got.out, got.errs)
	}
	var v version
	got = call(t, "", "version", "-o", "json")
	if err := json.Unmarshal([]byte(got.out), &v); err != nil || v.Go != runtime.Version() || v.Version == "" || v.Arch != runtime.GOARCH {
		t.Errorf("%s, %v", got.out, err)
	}
}

func TestVersionOfABuild(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	end := " (" + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH + ")\n"
	for _, row := range []struct {
		why  string
		info debug.BuildInfo
		want string
	}{
		{"a release", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "alertbridge v1.2.3" + end},
		{"nothing is known", debug.BuildInfo{}, "alertbridge (unknown)" + end},
		{
			"a checkout",
			debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-20261103100000-abc123abc123+dirty"}, Settings: []debug.BuildSetting{
				setting("vcs.revision", "abc123"), setting("vcs.time", "2026-11-03T10:00:00Z"), setting("vcs.modified", "true"),
			}},
			"alertbridge v0.0.0-20261103100000-abc123abc123+dirty" + end + "commit abc123 of 2026-11-03T10:00:00Z, with changes that are not committed\n",
		},
		{
			"a clean checkout",
			debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{
				setting("vcs.revision", "abc123"), setting("vcs.time", "2026-11-03T10:00:00Z"), setting("vcs.modified", "false"),
			}},
			"alertbridge (devel)" + end + "commit abc123 of 2026-11-03T10:00:00Z\n",
		},
	} {
		var out strings.Builder
		if err := versionOf(&row.info).write(&out); err != nil || out.String() != row.want {
			t.Errorf("%s: %q, %v, want %q", row.why, out.String(), err, row.want)
		}
	}
}
