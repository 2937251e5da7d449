package setting_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/setting"
)

func from(m map[string]string) *setting.Reader {
	return setting.From(func(name string) string { return m[name] })
}

func TestAllProblemsAreSaidAtOnce(t *testing.T) {
	r := from(map[string]string{"AGENT_ALLOW_LOCAL": "perhaps", "AGENT_HOST": "  "})
	r.Required("TABLE_NAME")
	r.Agents()
	want := `settings: TABLE_NAME is not set; AGENT_SECRET is not set; AGENT_HOST is not set; ` +
		`AGENT_ALLOW_LOCAL is "perhaps" and must be one of no, yes (docs/configuration.md lists every setting)`
	if err := r.Err(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	names := []string{"TABLE_NAME", "AGENT_SECRET", "AGENT_SECRETS_PREFIX", "AGENT_HOST", "AGENT_ALLOW_LOCAL"}
	if !reflect.DeepEqual(r.Names(), names) {
		t.Errorf("names %v, want %v", r.Names(), names)
	}
}

func TestWhatIsSetIsTaken(t *testing.T) {
	r := from(map[string]string{
		"AGENT_SECRET": "s", "AGENT_SECRETS_PREFIX": "bridge/agents/", "AGENT_HOST": " h ", "AGENT_ALLOW_LOCAL": "yes",
	})
	want := setting.Agents{Secret: "s", SecretsPrefix: "bridge/agents/", Host: "h", AllowLocal: true}
	if got := r.Agents(); got != want || r.Err() != nil {
		t.Errorf("agents %+v, want %+v, %v", got, want, r.Err())
	}
}

func TestLeftOutMeansTheDefault(t *testing.T) {
	r := from(map[string]string{"AGENT_SECRET": "s", "AGENT_HOST": "h"})
	if got, want := r.Agents(), (setting.Agents{Secret: "s", Host: "h"}); got != want || r.Err() != nil {
		t.Errorf("agents %+v, want %+v, %v", got, want, r.Err())
	}
	if v := r.Optional("LOG_LEVEL", "INFO"); v != "INFO" {
		t.Errorf("LOG_LEVEL %q", v)
	}
}

func TestProblemsOfOthersAreSaidToo(t *testing.T) {
	r := from(nil)
	r.Required("QUEUE_URL")
	r.Add(nil)
	r.Add(errors.New(`LOG_LEVEL is "loud"`))
	want := `settings: QUEUE_URL is not set; LOG_LEVEL is "loud" (docs/configuration.md lists every setting)`
	if err := r.Err(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestSpaces(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"":                         nil,
		" space-1 ":                {"default": "space-1"},
		"default=a,payments=b":     {"default": "a", "payments": "b"},
		"a.b_c-D9, payments=other": {"default": "a.b_c-D9", "payments": "other"},
	} {
		r := from(map[string]string{"AGENT_SPACES": text})
		got := r.Spaces("AGENT_SPACES", "default")
		if !reflect.DeepEqual(got, want) || r.Err() != nil {
			t.Errorf("%q: %v, want %v, %v", text, got, want, r.Err())
		}
	}
	for text, want := range map[string]string{
		"=a":              `AGENT_SPACES has "=a", and each part must be the id of an agent space or NAME=ID`,
		"default=":        `AGENT_SPACES has "default=", and each part must be the id of an agent space or NAME=ID`,
		"../a":            `AGENT_SPACES has "../a", and each part must be the id of an agent space or NAME=ID`,
		"-a":              `AGENT_SPACES has "-a", and each part must be the id of an agent space or NAME=ID`,
		"a,b":             `AGENT_SPACES names two agent spaces for the Agent "default"`,
		"a,payments=a":    `AGENT_SPACES gives the agent space "a" to the Agents "default" and "payments"; each needs its own`,
		"a, payments = b": `AGENT_SPACES has " payments = b", and each part must be the id of an agent space or NAME=ID`,
	} {
		r := from(map[string]string{"AGENT_SPACES": text})
		r.Spaces("AGENT_SPACES", "default")
		if err := r.Err(); err == nil || err.Error() != "settings: "+want+" (docs/configuration.md lists every setting)" {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	r := from(map[string]string{"AGENT_SPACES": strings.Repeat("a", 129)})
	if r.Spaces("AGENT_SPACES", "default"); r.Err() == nil {
		t.Error("an id of 129 characters is taken")
	}
	r = from(map[string]string{"AGENT_SPACES": strings.Repeat("a", 128)})
	if r.Spaces("AGENT_SPACES", "default"); r.Err() != nil {
		t.Error(r.Err())
	}
}
