package alertbridge_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

const skillPage = "docs/agent-skill/SKILL.md"

// The Agent takes a skill whose name has at most 64 characters of a-z, 0-9 and "-", and whose description at most 1,024.
// Source: AWS DevOps Agent user guide, skills.
func TestSkillIsOneThatTheAgentTakes(t *testing.T) {
	text := readSkill(t)
	head := regexp.MustCompile(`(?s)\A---\nname: (.+?)\ndescription: (.+?)\n---\n`).FindStringSubmatch(text)
	if head == nil {
		t.Fatalf("%s does not begin with its name and description", skillPage)
	}
	if name := head[1]; !regexp.MustCompile(`^[a-z0-9-]{1,64}$`).MatchString(name) {
		t.Errorf("the name %q is none that the Agent takes", name)
	}
	if n := utf8.RuneCountInString(head[2]); n > 1024 {
		t.Errorf("the description has %d characters, more than 1,024", n)
	}
	if strings.ContainsAny(head[2], "\n") || strings.Contains(head[2], ": ") {
		t.Error("the description is no plain YAML text of one line")
	}
}

// Each line that a description can have is explained, and none is that there is not.
func TestSkillExplainsEveryLine(t *testing.T) {
	told := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.+?`) \\|").FindAllStringSubmatch(readSkill(t), -1) {
		for _, name := range strings.Split(row[1], ", ") {
			told[strings.Trim(name, "`")] = false
		}
	}
	m := fullMessage()
	if begins := `An alert, sent by alertbridge`; !strings.HasPrefix(m.Description, begins) || !strings.Contains(readSkill(t), `begins with "`+begins+`"`) {
		t.Errorf("the skill and the description do not agree on how one begins: %.60q", m.Description)
	}
	inside := false
	for _, line := range strings.Split(m.Description, "\n")[1:] {
		switch {
		case strings.HasPrefix(line, "message as its author wrote it"):
			inside = true
		case line == "end of message":
			inside = false
		case inside:
			if !strings.HasPrefix(line, "| ") {
				t.Errorf("a line of the message is not marked: %q", line)
			}
		case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "and "):
		default:
			name, _, _ := strings.Cut(line, ":")
			switch {
			case strings.HasPrefix(name, "id "):
				name = "id NAME"
			case strings.HasPrefix(name, "link "):
				name = "link NAME"
			case strings.HasPrefix(name, "joined"):
				name = "joined"
			}
			if _, known := told[name]; !known {
				t.Errorf("the skill does not explain the line %q", line)
			}
			told[name] = true
		}
	}
	for name, seen := range told {
		if !seen {
			t.Errorf("the skill explains a line %q that a full description does not have", name)
		}
	}
}

// The examples in the skill are what the bridge writes.
func TestSkillShowsTrueTitlesAndIDs(t *testing.T) {
	text := readSkill(t)
	if title := fullMessage().Title; !strings.Contains(text, "`"+title+"`") {
		t.Errorf("the skill does not show the title %q", title)
	}
	id := gate.CaseID(alert.Alert{Delivery: "d"})
	if !regexp.MustCompile(`^ab-[a-z2-7]{16}$`).MatchString(id) || !strings.Contains(text, "`ab-` and 16 letters and digits") {
		t.Errorf("the skill does not describe an id such as %s", id)
	}
}

func readSkill(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(skillPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fullMessage has every line, and is too long for the room that there is.
func fullMessage() agent.Message {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	return agent.NewMessage(agent.Report{
		CaseID: "ab-aaaabbbbccccdddd", Severity: alert.High, Timestamp: at,
		Lead: alert.Alert{
			EventID: "8166212983446713351", OrgID: "1300568798", Transition: alert.Triggered, Priority: "P2", Severity: alert.High, Time: at,
			Title: "Checkout is slow", Value: "2.1", Threshold: "2", Status: "over its threshold", Text: strings.Repeat("A long message.\n", 400),
			Monitor:  alert.Monitor{ID: "8248529", Name: "Checkout latency", Type: "query alert", Metric: "latency", Query: "avg(last_5m):x > 2"},
			Scope:    []string{"host:web-1"},
			Tags:     []string{"service:checkout", "env:prod", "host:web-1"},
			Hostname: "web-1",
			Links:    []alert.Link{{Name: "logs", URL: "https://app.datadoghq.eu/logs", From: at, To: at.Add(time.Minute)}},
			Refs:     []alert.Ref{{Name: "trace_id", Value: "1"}},
		},
		Joined: []agent.Joined{{Title: "Errors", Severity: alert.Low, Since: at}}, More: 3,
		Notes: []string{"This alert waited 5m0s before it was sent."},
	})
}
