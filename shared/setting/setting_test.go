package setting_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/setting"
)

func from(m map[string]string) *setting.Reader {
	return setting.From(func(name string) string { return m[name] })
}

func TestAllProblemsAreSaidAtOnce(t *testing.T) {
	r := from(map[string]string{"IN_DOUBT": "retry", "AGENT_HOST": "  "})
	r.Required("TABLE_NAME")
	r.Policy()
	r.Agent()
	want := `settings: TABLE_NAME is not set; IN_DOUBT is "retry" and must be one of repeat, stop; ` +
		`AGENT_SECRET is not set; AGENT_HOST is not set (docs/configuration.md lists every setting)`
	if err := r.Err(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	names := []string{"TABLE_NAME", "ON_WARN", "ON_NO_DATA", "ON_TEST", "IN_DOUBT", "AGENT_SECRET", "AGENT_HOST", "AGENT_ALLOW_LOCAL"}
	if !reflect.DeepEqual(r.Names(), names) {
		t.Errorf("names %v, want %v", r.Names(), names)
	}
}

func TestWhatIsSetIsTaken(t *testing.T) {
	r := from(map[string]string{
		"ON_WARN": "start", "ON_TEST": "start", "IN_DOUBT": "stop",
		"AGENT_SECRET": "s", "AGENT_HOST": " h ", "AGENT_ALLOW_LOCAL": "yes",
	})
	p, a := r.Policy(), r.Agent()
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	if p.OnWarn != gate.StartIt || p.OnNoData != gate.DropIt || p.OnTest != gate.StartIt || p.InDoubt != gate.StopIt {
		t.Errorf("policy %+v", p)
	}
	if want := (setting.Agent{Secret: "s", Host: "h", AllowLocal: true}); a != want {
		t.Errorf("agent %+v, want %+v", a, want)
	}
}

func TestLeftOutMeansTheDefault(t *testing.T) {
	r := from(nil)
	got, want := r.Policy(), gate.DefaultRules()
	if got.OnWarn != want.OnWarn || got.InDoubt != want.InDoubt || got.MaxAge != want.MaxAge || r.Err() != nil {
		t.Errorf("policy %+v, %v", got, r.Err())
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
