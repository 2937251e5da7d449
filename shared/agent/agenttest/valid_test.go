package agenttest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
)

// The checks judge the program's messages, so it is shown here that each of them can fail.
func TestInvalid(t *testing.T) {
	tests := []struct{ old, now, want string }{
		{``, ``, ""},
		{`"incident"`, `"alert"`, "eventType must be one of incident"},
		{`"incidentId":"case-1",`, ``, "incidentId is required"},
		{`"incidentId":"case-1"`, `"incidentId":""`, "incidentId is required"},
		{`"incidentId":"case-1"`, `"incidentId":1`, "incidentId must be a string"},
		{`"created"`, `"Triggered"`, "action must be one of"},
		{`"HIGH"`, `"high"`, "priority must be one of"},
		{`"priority":"HIGH",`, ``, "priority is required"},
		{`"Disk is full"`, `""`, "title is required"},
		{`"description":"d"`, `"description":null`, "description must be a string"},
		{`"2026-11-20T12:00:00.000Z"`, `"1795176000"`, "timestamp must be ISO 8601"},
		{`"service":"db"`, `"service":["db"]`, "service must be a string"},
		{`"data":{}`, `"data":[]`, "data must be an object"},
		{`"data":{}`, `"data":{},"tags":[]`, `"tags" is not a field`},
		{`{"eventType"`, `[{"eventType"`, "not a JSON object"},
		{`"data":{}}`, `"data":{}}{}`, "something follows"},
		{event, `null`, "not a JSON object"},
		{`Disk`, "\xff", "not UTF-8"},
	}
	for _, tt := range tests {
		expect(t, tt.now, agenttest.Invalid([]byte(strings.Replace(event, tt.old, tt.now, 1))), tt.want)
	}
}

func TestVanishing(t *testing.T) {
	fill := func(name string, s string) string { return fmt.Sprintf(`"%s":"%s"`, name, s) }
	tests := []struct{ old, now, want string }{
		{``, ``, ""},
		{`case-1`, strings.Repeat("A", 128), ""},
		{`case-1`, strings.Repeat("A", 129), "incidentId"},
		{`case-1`, `a/b`, "incidentId"},
		{`case-1`, `é`, "incidentId"},
		{`case-1`, `１`, "incidentId"},
		{`Disk is full`, strings.Repeat("決", 400), ""},
		{`Disk is full`, strings.Repeat("決", 401), "the title has 401 characters"},
		{fill("service", "db"), fill("service", ""), "no service"},
		{fill("service", "db") + ",", "", "no service"},
		{fill("description", "d"), fill("description", strings.Repeat("d", 7999-len(event)+1)), ""},
		{fill("description", "d"), fill("description", strings.Repeat("d", 8000-len(event)+1)), "the body has 8000 bytes"},
	}
	for _, tt := range tests {
		expect(t, fmt.Sprintf("%.40s", tt.now), agenttest.Vanishing([]byte(strings.Replace(event, tt.old, tt.now, 1))), tt.want)
	}
}

func TestUnkept(t *testing.T) {
	description := func(s string) string { return `"description":"` + s + `"` }
	tests := []struct{ old, now, want string }{
		{``, ``, ""},
		{`"created"`, `"resolved"`, "the action is not created"},
		{description("d"), description(""), "the description has 0 characters"},
		{description("d"), description(strings.Repeat("d", 4000)), ""},
		{description("d"), description(strings.Repeat("d", 4001)), "the description has 4001 characters"},
		{description("d"), description(strings.Repeat("é", 2500)), ""},
		{description("d"), description(strings.Repeat("é", 2501)), "the description has 5002 bytes"},
		{description("d"), description(strings.Repeat(`\n`, 2501)), "the description has 5002 bytes"},
		{`.000Z`, `Z`, "the timestamp is not"},
		{`.000Z`, `.000+00:00`, "the timestamp is not"},
		{`,"data":{}`, ``, "there is no data"},
		{`Disk`, `\u003cDisk`, `written as \u003c`},
		{`Disk`, `\ufffd`, `written as \ufffd`},
		{`Disk`, `Disk\n`, "the title is not one trimmed line"},
		{`"db"`, `" db"`, "the service is not one trimmed line"},
		{`Disk`, `\u202eksiD`, "U+202E"},
		{description("d"), description(`a\nb\tc`), ""},
		{description("d"), description(`a\rb`), "U+000D"},
		{`"data":{}`, `"data":{"a":["\u200b"]}`, "U+200B"},
		{`"data":{}`, `"data":{"a":{"b":1,"b":2}}`, `the field "b" comes twice`},
		{`"data":{}`, `"data":{"a":[{"b":1},{"b":2}],"c":{"a":1}}`, ""},
	}
	for _, tt := range tests {
		expect(t, fmt.Sprintf("%.40s", tt.now), agenttest.Unkept([]byte(strings.Replace(event, tt.old, tt.now, 1))), tt.want)
	}
}

// expect wants one problem that holds the text, or none for "".
func expect(t *testing.T, what string, problems []string, want string) {
	t.Helper()
	got := strings.Join(problems, "; ")
	if want == "" && got != "" || want != "" && (len(problems) != 1 || !strings.Contains(got, want)) {
		t.Errorf("%s: problems are %q, want one with %q", what, got, want)
	}
}
