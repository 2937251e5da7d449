package agent_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/goldentest"
)

func TestDecodeEventReadsAllOfIt(t *testing.T) {
	got, err := agent.DecodeEvent(corpus(t, "investigation-completed"))
	want := agent.Event{
		ID:         "a1c3e5f7-0005-4b2d-9c8e-0f1a2b3c4d5e",
		DetailType: "Investigation Completed",
		Kind:       agent.Investigation,
		Space:      "5b0f7d62-93a4-4e1c-8f25-7c6d1e9a0b34",
		Time:       time.Date(2026, 10, 5, 9, 31, 2, 0, time.UTC),
		Task: gate.Task{
			ID:        "c81d4e2e-bcf2-11e6-869b-7df92533d2db",
			Execution: "exe-ops1-3f2b8c1d-7a60-4b9e-9d51-20c4e6f8a7b3",
			Status:    gate.Completed,
			Created:   time.Date(2026, 10, 5, 9, 25, 3, 118e6, time.UTC),
			Updated:   time.Date(2026, 10, 5, 9, 31, 2, 771e6, time.UTC),
			Summary:   "b7a9c3d1-2e4f-4a6b-8c0d-1e3f5a7b9c2d",
			Of:        gate.Investigating,
		},
	}
	if err != nil || got != want {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// The corpus has every event that is documented, and each is read as the manifest says; testdata/events.golden holds all
// that is read.
func TestDecodeEventReadsTheCorpus(t *testing.T) {
	m, err := events.Load()
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, name := range []string{
		"Investigation Created", "Investigation Priority Updated", "Investigation In Progress", "Investigation Completed",
		"Investigation Failed", "Investigation Timed Out", "Investigation Cancelled", "Investigation Pending Triage",
		"Investigation Linked", "Investigation Skipped", "Mitigation In Progress", "Mitigation Completed",
		"Mitigation Failed", "Mitigation Timed Out", "Mitigation Cancelled", "AWS API Call via CloudTrail",
	} {
		left[name] = true
	}
	statuses := map[gate.Status]bool{}
	var read strings.Builder
	for _, c := range m.EventBridge {
		e, err := agent.DecodeEvent(c.Event)
		if (c.Error != "") != (err != nil) || err != nil && !strings.Contains(err.Error(), c.Error) {
			t.Errorf("%s: error %v, and the manifest says %q", c.Case, err, c.Error)
		}
		if string(e.Kind) != c.Kind || e.Task.Status != c.Status {
			t.Errorf("%s: %q that is %q, and the manifest says %q that is %q", c.Case, e.Kind, e.Task.Status, c.Kind, c.Status)
		}
		delete(left, e.DetailType)
		statuses[e.Task.Status] = true
		fmt.Fprintf(&read, "%s\n  %+v %v\n", c.Case, e, err)
	}
	if len(left) > 0 {
		t.Errorf("the corpus has no event of %v", left)
	}
	for _, s := range gate.Statuses() {
		if !statuses[s] {
			t.Errorf("the corpus has no task that is %s", s)
		}
	}
	goldentest.Check(t, filepath.Join("testdata", "events.golden"), read.String())
}

func TestDecodeEventSaysWhatIsWrong(t *testing.T) {
	good := string(corpus(t, "investigation-completed"))
	for _, row := range []struct{ why, event, says string }{
		{"nothing", "", "no JSON"},
		{"a list", "[]", "a JSON array and no object"},
		{"null", "null", `is from "" and not from aws.aidevops`},
		{"cut off", good[:300], "no JSON"},
		{"huge", `{"pad":"` + strings.Repeat("x", 256<<10) + `"}`, "more than 262144"},
		{"another source", change(good, `"source": "aws.aidevops"`, `"source": "aws.ec2"`), `is from "aws.ec2"`},
		{"a source that is a number", change(good, `"source": "aws.aidevops"`, `"source": 7`), "source is a JSON number"},
		{"no id", change(good, `"id":`, `"ID-":`), "the event's id"},
		{"no time", change(good, `"time":`, `"when":`), "the event's time"},
		{"a time that is none", change(good, "2026-10-05T09:31:02Z", "yesterday"), `the event's time "yesterday"`},
		{"no detail", change(good, `"detail":`, `"retail":`), "there is none"},
		{"a detail that is a list", change(good, `"detail": {`, `"detail": [], "x": {`), "a JSON array and no object"},
		{"a version that nobody knows", change(good, "1.0.0", "2.0.0"), `its version is "2.0.0"`},
		{"no metadata", change(good, `"metadata":`, `"metadaten":`), `agent_space_id "" is missing`},
		{"no space", change(good, `"agent_space_id":`, `"space":`), `agent_space_id "" is missing`},
		{"a space that leads elsewhere", change(good, `"5b0f7d62-93a4-4e1c-8f25-7c6d1e9a0b34",`, `"..",`), `agent_space_id ".."`},
		{"no task", change(good, `"task_id":`, `"task":`), `task_id "" is missing`},
		{"a task that is a number", change(good, `"c81d4e2e-bcf2-11e6-869b-7df92533d2db"`, "12"), "metadata.task_id is a JSON number"},
		{"a task with a path", change(good, "c81d4e2e-bcf2", "../../usage/account"), "task_id"},
		{"a task that is too long", change(good, "c81d4e2e-bcf2", strings.Repeat("c", 129)), "task_id"},
		{"a run with a line break", change(good, "exe-ops1", `exe\nops1`), "execution_id"},
		{"a record with a blank", change(good, "b7a9c3d1", `b7a9 c3d1`), "summary_record_id"},
		{"no status", change(good, `"status":`, `"state":`), `status "" is missing`},
		{"a status of marks", change(good, `"COMPLETED"`, `"!!!"`), `status "!!!"`},
	} {
		e, err := agent.DecodeEvent([]byte(row.event))
		if err == nil || !strings.Contains(err.Error(), row.says) || e != (agent.Event{}) {
			t.Errorf("%s: %+v and %v, want words with %q", row.why, e, err, row.says)
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || len(err.Error()) > 400) {
			t.Errorf("%s: the words are not one short line: %v", row.why, err)
		}
	}
}

func TestDecodeEventTakesWhatItCanUse(t *testing.T) {
	good := string(corpus(t, "investigation-completed"))
	whole, err := agent.DecodeEvent([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		why, event string
		want       func(*agent.Event)
	}{
		{"a field that nobody knows", change(good, `"task_type":`, `"mood": ["good"], "task_type":`), func(*agent.Event) {}},
		{"a later version of the same kind", change(good, "1.0.0", "1.7.2"), func(*agent.Event) {}},
		{"no version", change(good, `"version": "1.0.0",`, ""), func(*agent.Event) {}},
		{"times that cannot be read", change(change(good, `"created_at": "2026-10-05T09:25:03.118Z"`, `"created_at": "soon"`), `"updated_at": "2026-10-05T09:31:02.771Z"`, `"updated_at": 17`), func(e *agent.Event) {
			e.Task.Created, e.Task.Updated = time.Time{}, e.Time
		}},
		{"a time in another zone", change(good, "2026-10-05T09:25:03.118Z", "2026-10-05T11:25:03.118+02:00"), func(*agent.Event) {}},
		{"a status of tomorrow", change(good, "COMPLETED", "Waiting for-Approval\\u0000"), func(e *agent.Event) { e.Task.Status = "waiting_for_approval" }},
		{"the API's spelling", change(good, "COMPLETED", "CANCELED"), func(e *agent.Event) { e.Task.Status = gate.Cancelled }},
		{"an investigation's event of tomorrow", change(good, "Investigation Completed", "Investigation Paused"), func(e *agent.Event) { e.DetailType = "Investigation Paused" }},
		{"a mitigation of a task that stays completed", change(good, "Investigation Completed", "Mitigation In Progress"), func(e *agent.Event) {
			e.DetailType, e.Kind, e.Task.Status, e.Task.Of = "Mitigation In Progress", agent.Mitigation, gate.InProgress, gate.Mitigating
		}},
		{"a mitigation that does nothing", change(good, "Investigation Completed", "Mitigation !"), func(e *agent.Event) {
			e.DetailType, e.Kind, e.Task.Of = "Mitigation !", agent.Mitigation, gate.Mitigating
		}},
		{"another subject", change(good, "Investigation Completed", "Investigations"), func(e *agent.Event) {
			e.DetailType, e.Kind, e.Space, e.Task = "Investigations", agent.Other, "", gate.Task{}
		}},
		{"a detail-type as long as a book", change(good, "Investigation Completed", strings.Repeat("book ", 200)), func(e *agent.Event) {
			e.DetailType, e.Kind, e.Space, e.Task = strings.Repeat("book ", 19)+"bo...", agent.Other, "", gate.Task{}
		}},
	} {
		want := whole
		row.want(&want)
		if got, err := agent.DecodeEvent([]byte(row.event)); err != nil || got != want {
			t.Errorf("%s:\ngot  %+v, %v\nwant %+v", row.why, got, err, want)
		}
	}
}

func TestIDs(t *testing.T) {
	for id, want := range map[string][2]bool{ // IsID, IsRecordID
		"c81d4e2e-bcf2-11e6-869b-7df92533d2db": {true, true},
		"a":                                    {true, true},
		"a.b_c-d":                              {true, true},
		"":                                     {false, false},
		"..":                                   {false, true},
		"-x":                                   {false, true},
		"a/b":                                  {false, true},
		"a b":                                  {false, false},
		"a\"b":                                 {false, false},
		"a\\b":                                 {false, false},
		"é":                                    {false, false},
		strings.Repeat("a", 128):               {true, true},
		strings.Repeat("a", 129):               {false, true},
		strings.Repeat("a", 257):               {false, false},
	} {
		if got := [2]bool{agent.IsID(id), agent.IsRecordID(id)}; got != want {
			t.Errorf("%q: %v, want %v", id, got, want)
		}
	}
}

func FuzzDecodeEvent(f *testing.F) {
	m, err := events.Load()
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range m.EventBridge {
		f.Add([]byte(c.Event))
	}
	f.Add([]byte(`{"source":"aws.aidevops","detail-type":"Investigation x","id":"i","time":"0001-01-01T00:00:00-23:59","detail":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := agent.DecodeEvent(body)
		if err != nil {
			if e != (agent.Event{}) || err.Error() == "" || strings.ContainsAny(err.Error(), "\n\r") || !utf8.ValidString(err.Error()) {
				t.Errorf("%+v with %q", e, err)
			}
			return
		}
		if e.Time.IsZero() || !agent.IsRecordID(e.ID) || len(e.DetailType) > 200 || strings.ContainsAny(e.DetailType, "\n\r") {
			t.Errorf("%+v", e)
		}
		if e.Kind == agent.Other {
			if e.Task != (gate.Task{}) || e.Space != "" {
				t.Errorf("%+v has a task", e)
			}
			return
		}
		s := e.Task.Status
		if !agent.IsID(e.Space) || !agent.IsID(e.Task.ID) || s == "" || s == "canceled" || len(s) > 40 || e.Task.Updated.IsZero() || e.Task.Case != "" {
			t.Errorf("%+v", e)
		}
		if agent.StatusOf(string(s)) != s {
			t.Errorf("the status %q is not kept when it is read again", s)
		}
		if _, err := json.Marshal(e); err != nil {
			t.Errorf("%+v cannot be kept: %v", e, err)
		}
	})
}

// corpus is one event of events/eventbridge.
func corpus(t *testing.T, name string) []byte {
	t.Helper()
	text, err := events.File("eventbridge/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// change replaces the first of what must be there.
func change(text, from, to string) string {
	if !strings.Contains(text, from) {
		panic("the event has no " + from)
	}
	return strings.Replace(text, from, to, 1)
}
