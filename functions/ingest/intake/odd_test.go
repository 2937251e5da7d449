package intake_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// What can be read is accepted however odd or long it is, and what is kept of it has bounds.
func TestOddAlertsAreAcceptedWithinBounds(t *testing.T) {
	long := strings.Repeat("a", 200_000)
	tags := make([]string, 10_000)
	for i := range tags {
		tags[i] = fmt.Sprintf("tag:%d", i)
	}
	cut := func(a *alert.Alert, words string) bool { return len(a.Cut) == 1 && a.Cut[0] == words }
	id := "7879702138782271851"
	for name, c := range map[string]struct {
		body string
		is   func(a *alert.Alert) bool
	}{
		"10,000 tags as one text": {with("tags", strings.Join(tags, ",")), func(a *alert.Alert) bool {
			return len(a.Tags) == alert.MaxTags && cut(a, "tags cut from 10000 to 60")
		}},
		"10,000 tags as a list": {with("tags", tags), func(a *alert.Alert) bool {
			return len(a.Tags) == alert.MaxTags && cut(a, "tags cut from 10000 to 60")
		}},
		"one tag of 200 kB": {with("tags", long), func(a *alert.Alert) bool {
			return cut(a, "tags: 1 of 1 cut to 300 characters")
		}},
		"a text of 200 kB": {with("body", long), func(a *alert.Alert) bool {
			return a.Text == long[:alert.MaxText] && cut(a, "text cut from 200000 to 4000 characters")
		}},
		"a title of 200 kB": {with("event_title", long), func(a *alert.Alert) bool {
			return a.Title == long[:alert.MaxName] && a.Monitor.Name == a.Title && len(a.Cut) == 2
		}},
		"an id of 200 kB": {with("event_id", long+"1"), func(a *alert.Alert) bool {
			return len(a.EventID) == alert.MaxField && cut(a, "event id cut from 200001 to 300 characters")
		}},
		"a scope of 200 kB": {with("alert_scope", long), func(a *alert.Alert) bool {
			return len(a.Scope) == 1 && len(a.Scope[0]) == alert.MaxField
		}},
		"a query of 200 kB": {with("alert_query", long), func(a *alert.Alert) bool {
			return len(a.Monitor.Query) == alert.MaxQuery && cut(a, "query cut from 200000 to 1000 characters")
		}},
		"a link of 200 kB": {with("link", "https://app.datadoghq.com/"+long), func(a *alert.Alert) bool {
			return len(a.Links) == 0 && cut(a, "links: 1 of 1 left out")
		}},
		"a name of 200 kB": {with(long, "x"), func(a *alert.Alert) bool { return len(a.Cut) == 0 }},
		"a date of 200 kB": {with("date", strings.Repeat("9", 200_000)), func(a *alert.Alert) bool { return a.TimeAssumed }},
		"a key of 200 kB":  {with("cycle_key", long), func(a *alert.Alert) bool { return alert.SafeID(a.Incident.Key) }},

		"numbers where texts belong": {
			strings.NewReplacer(`"`+id+`"`, id, `"160076582"`, "160076582", `"1795262390000"`, "1795262390000", `"1","body"`, `1,"body"`).Replace(good),
			func(a *alert.Alert) bool {
				return a.EventID == id && a.Delivery == "dd-1-"+id && a.Incident.Key == "c."+id && a.Monitor.ID == "160076582" &&
					a.Time.UnixMilli() == 1795262390000 && !a.TimeAssumed && a.OrgID == "1"
			},
		},
		"a number as title":         {with("event_title", 42), func(a *alert.Alert) bool { return a.Title == "42" }},
		"a number as tags":          {with("tags", 42), func(a *alert.Alert) bool { return slices.Equal(a.Tags, []string{"42"}) }},
		"a list of odd tags":        {with("tags", []any{1, nil, true, "a:b", []any{}, map[string]any{}}), func(a *alert.Alert) bool { return a.Tag("a") == "b" }},
		"true where a text belongs": {with("event_id", true), func(a *alert.Alert) bool { return a.EventID == "" && a.Title == "Errors are high" }},
		"an object in its place":    {with("body", map[string]any{"x": "y"}), func(a *alert.Alert) bool { return a.Text == "" }},
		"a date that is none":       {with("date", "tomorrow"), func(a *alert.Alert) bool { return a.TimeAssumed }},
		"a number beyond all":       {with("date", json.Number("1e999")), func(a *alert.Alert) bool { return a.TimeAssumed }},

		"a name twice: the last counts": {
			`{"event_title":"first","event_id":"1","event_title":"second","event_id":"2"}`,
			func(a *alert.Alert) bool { return a.Title == "second" && a.EventID == "2" },
		},
		"a name in two spellings": {
			`{"EVENT_TITLE":"capitals","event_title":"small","eventTitle":"mixed"}`,
			func(a *alert.Alert) bool { return a.Title == "capitals" }, // the first in the order of their bytes
		},
		"bytes that are not UTF-8": {
			strings.Replace(good, "Too many.", "caf\xe9 \xff\xfe", 1),
			func(a *alert.Alert) bool { return a.Text == "caf\uFFFD \uFFFD\uFFFD" },
		},
		"half of a pair of escapes": {
			strings.Replace(good, "Too many.", `\ud83d fire`, 1), func(a *alert.Alert) bool { return a.Text == "\uFFFD fire" },
		},
		"characters that nobody sees": {
			strings.Replace(good, "Too many.", `\u0000\u202e\u200bToo\u0007 many.`, 1), func(a *alert.Alert) bool { return a.Text == "Too many." },
		},
		"more values than are looked at": {
			`{"event_title":"A","x":` + manyTexts(3000) + "}",
			func(a *alert.Alert) bool { return cut(a, "values beyond the first 2000 were not looked at") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor()
			req := request(c.body)
			resp, err := d.handler.Handle(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			d.answered(t, req, resp, answer{status: 202})
			if len(d.sent) == 1 && d.sent[0].Alert != nil && !c.is(d.sent[0].Alert) {
				t.Errorf("the alert has %d tags, cut %q: %.2000s", len(d.sent[0].Alert.Tags), d.sent[0].Alert.Cut, fmt.Sprintf("%+v", d.sent[0].Alert))
			}
		})
	}
}

// manyTexts is an object of n texts.
func manyTexts(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"%d":"v"`, i))
	}
	return "{" + strings.Join(all, ",") + "}"
}

// with is an alert with one field of any value.
func with(field string, value any) string {
	var m map[string]any
	if err := json.Unmarshal([]byte(good), &m); err != nil {
		panic(err)
	}
	m[field] = value
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(text)
}
