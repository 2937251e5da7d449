package datadog

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

func TestReadHeading(t *testing.T) {
	for title, want := range map[string]heading{
		"[P2] [Triggered on {service:shop}] Name":          {"P2", "Triggered", "service:shop", false, "Name"},
		"[Triggered on {service:shop}] [P2] Name":          {"P2", "Triggered", "service:shop", false, "Name"},
		"[TEST] [P1] [No data on {a:b,c:d}] Name":          {"P1", "No data", "a:b,c:d", true, "Name"},
		"[Recovered] [TEST] Name":                          {"", "Recovered", "", true, "Name"},
		"[Re-Triggered] [Synthetics] Login":                {"", "Re-Triggered", "", false, "[Synthetics] Login"},
		"[prod] [Warn] [P5] Disk [x]":                      {"P5", "Warn", "", false, "[prod] Disk [x]"},
		"[P1] [Triggered] [P4] [Warn] Name":                {"P1", "Triggered", "", false, "[P4] [Warn] Name"},
		"[Muted on {host:a}] Name":                         {"", "Muted", "host:a", false, "Name"},
		"[Triggered on {a:[b],c:{d]}}] Name":               {"", "Triggered", "a:[b],c:{d]}", false, "Name"},
		"[Triggered][P3]Name":                              {"P3", "Triggered", "", false, "Name"},
		"[] [ ] Name":                                      {"", "", "", false, "Name"},
		"[test] Name":                                      {"", "", "", false, "[test] Name"}, // an environment, not Datadog's bracket
		"Name [TEST] [Triggered]":                          {"", "", "", false, "Name [TEST] [Triggered]"},
		"[TE\u200bST] Name":                                {"", "", "", true, "Name"},
		"[Triggered on {a:&lt;b&gt;}] Name":                {"", "Triggered", "a:<b>", false, "Name"},
		"[unclosed Name":                                   {"", "", "", false, "[unclosed Name"},
		"[Warn] {unclosed [x":                              {"", "Warn", "", false, "{unclosed [x"},
		"[{] Name":                                         {"", "", "", false, "[{] Name"},
		"[P6] [P0] Name":                                   {"", "", "", false, "[P6] [P0] Name"},
		"STOP on host:abcdefgh":                            {"", "", "", false, "STOP on host:abcdefgh"},
		"[Triggered on {url:https://u:p@x.example/}] Name": {"", "Triggered", "url:https://x.example/", false, "Name"},
		"": {},
	} {
		if got := readHeading(title); got != want {
			t.Errorf("readHeading(%q)\n got %+v\nwant %+v", title, got, want)
		}
	}
}

func TestParseTransition(t *testing.T) {
	for s, want := range map[string]alert.Transition{
		"Triggered": alert.Triggered, "TRIGGERED": alert.Triggered, " triggered ": alert.Triggered,
		"Re-Triggered": alert.ReTriggered, "re_triggered": alert.ReTriggered, "Retriggered": alert.ReTriggered,
		"Renotify": alert.Renotify, "Re-Notify": alert.Renotify,
		"Warn": alert.Warn, "Re-Warn": alert.ReWarn,
		"No Data": alert.NoData, "no_data": alert.NoData, "No data": alert.NoData, "NoData": alert.NoData, "Re-No Data": alert.ReNoData,
		"Recovered": alert.Recovered, "recovered": alert.Recovered, "Recovered from Warn": alert.Recovered, "Warn Recovered": alert.Recovered,
		"": alert.Unknown, "Muted": alert.Unknown, "Not Recovered": alert.Unknown, "Alert": alert.Unknown, "OK": alert.Unknown,
		"Triggered!": alert.Unknown, strings.Repeat("recovered", 20): alert.Unknown,
	} {
		if got := parseTransition(s); got != want {
			t.Errorf("parseTransition(%q) = %s, want %s", s, got, want)
		}
	}
	for _, known := range alert.Transitions() {
		if got := parseTransition(string(known)); got != known {
			t.Errorf("parseTransition(%q) = %s", known, got)
		}
	}
}

// The field goes before the title, and a status only counts if it is a transition.
func TestReadTransition(t *testing.T) {
	for body, want := range map[string]struct {
		t   alert.Transition
		raw string
	}{
		`{"title":"[Triggered] A","transition":"Recovered"}`:         {alert.Recovered, "Recovered"},
		`{"title":"[Triggered] A","transition":"Muted"}`:             {alert.Unknown, "Muted"},
		`{"title":"[Triggered] A","transition":"null"}`:              {alert.Triggered, "Triggered"},
		`{"title":"[Triggered] A","transition":"$ALERT_TRANSITION"}`: {alert.Triggered, "Triggered"},
		`{"title":"[Triggered] A","status":"system.load.1 was > 0"}`: {alert.Triggered, "Triggered"},
		`{"title":"[Triggered] A","status":"Warn"}`:                  {alert.Warn, "Warn"},
		`{"title":"A"}`: {alert.Unknown, ""},
	} {
		a, err := Decode([]byte(body), received, nil)
		if err != nil || a.Transition != want.t || a.RawTransition != want.raw {
			t.Errorf("%s: %s %q, %v", body, a.Transition, a.RawTransition, err)
		}
	}
}

func TestSeverity(t *testing.T) {
	for _, c := range []struct {
		priority, alertType string
		transition          alert.Transition
		want                alert.Severity
	}{
		{"P1", "warning", alert.Warn, alert.Critical},
		{"P2", "", alert.Triggered, alert.High},
		{"P3", "error", alert.Triggered, alert.Medium},
		{"P4", "error", alert.Triggered, alert.Low},
		{"P5", "error", alert.Triggered, alert.Minimal},
		{"", "error", alert.NoData, alert.High},
		{"", "warning", alert.Triggered, alert.Medium},
		{"", "success", alert.Recovered, alert.Low},
		{"", "info", alert.Triggered, alert.Low},
		{"", "", alert.Triggered, alert.High},
		{"", "", alert.ReTriggered, alert.High},
		{"", "", alert.ReWarn, alert.Medium},
		{"", "", alert.NoData, alert.Low},
		{"", "", alert.Recovered, alert.Low},
		{"", "", alert.Unknown, alert.Low},
	} {
		if got := severity(c.priority, c.alertType, c.transition); got != c.want {
			t.Errorf("severity(%q, %q, %s) = %s, want %s", c.priority, c.alertType, c.transition, got, c.want)
		}
	}
}

// Datadog's sentence counts at the beginning of the text alone: what stands below it may be a log line, and that anyone
// who makes the service log can write.
// A test starts nothing, so a log line that calls the alert one is not believed.
func TestTestSentence(t *testing.T) {
	const sentence = "Test notification triggered by aoi@hanare.example."
	for text, want := range map[string]bool{
		sentence + "\nText":                                  true,
		"%%%\n" + sentence + "\n%%%":                         true,
		"%%%\n@webhook-alertbridge\n\n" + sentence + "\n%%%": true,
		"Last log line:\n" + sentence:                        false,
		"Last log line:\n\n" + sentence:                      false,
		"He wrote: " + sentence:                              false,
		"":                                                   false,
	} {
		for title, may := range map[string]bool{"A": true, "[Triggered] A": false} {
			body, _ := json.Marshal(map[string]string{"title": title, "body": text})
			a, err := Decode(body, received, nil)
			if err != nil || a.Test != (want && may) {
				t.Errorf("%q under %q: a test: %v, want %v, %v", text, title, a.Test, want && may, err)
			}
		}
	}
}

// $PRIORITY is the event's, and constants for the Agent are nobody's.
func TestPriority(t *testing.T) {
	for body, want := range map[string]string{
		`{"title":"[P2] A","alert_priority":"P1"}`:                 "P1",
		`{"title":"[P2] A","alert_priority":""}`:                   "P2",
		`{"title":"[P2] A","priority":"low"}`:                      "P2",
		`{"title":"A","priority":"LOW"}`:                           "",
		`{"title":"A","priority":"CRITICAL"}`:                      "",
		`{"title":"A","priority":"p3"}`:                            "P3",
		`{"title":"A","severity":"P4","priority":"normal"}`:        "P4",
		`{"title":"A","incident":{"incident_severity":"P1"}}`:      "",
		`{"title":"A","priority":"normal","alert_type":"warning"}`: "",
	} {
		a, err := Decode([]byte(body), received, nil)
		if err != nil || a.Priority != want {
			t.Errorf("%s: %q, want %q, %v", body, a.Priority, want, err)
		}
	}
}

func TestReadTime(t *testing.T) {
	for _, c := range []struct {
		why, dates string
		want       time.Time
		assumed    bool
	}{
		{"milliseconds", `"date":"1795165200123"`, event.Add(123 * time.Millisecond), false},
		{"seconds", `"date":"1795165200"`, event, false},
		{"a number", `"date":1795165200123`, event.Add(123 * time.Millisecond), false},
		{"seconds with a fraction", `"date":1795165200.75`, event, false},
		{"RFC 3339", `"timestamp":"2026-11-20T18:00:00.5+09:00"`, event.Add(500 * time.Millisecond), false},
		{"only when it was updated", `"last_updated":"1795165200000"`, event, false},
		{"the date is of no use", `"date":"soon","last_updated":"1795165200000"`, event, false},
		{"clocks differ", `"date":"1795166700000"`, received.Add(5 * time.Minute), false},
		{"the future", `"date":"1795166700001"`, received, true},
		{"before Datadog", `"date":"1262303999000"`, received, true},
		{"microseconds", `"date":"1795165200000000"`, received, true},
		{"negative", `"date":"-1795165200000"`, received, true},
		{"too long", `"date":"99999999999999999999"`, received, true},
		{"unfilled", `"date":"$DATE"`, received, true},
		{"none", `"x":1`, received, true},
	} {
		a, err := Decode([]byte(`{"title":"A",`+c.dates+`}`), received, nil)
		if err != nil || !a.Time.Equal(c.want) || a.TimeAssumed != c.assumed {
			t.Errorf("%s: %s %v, want %s %v, %v", c.why, a.Time, a.TimeAssumed, c.want, c.assumed, err)
		}
	}
}

func TestFindLinks(t *testing.T) {
	for _, c := range []struct{ why, text, want string }{
		{"Markdown", "see [the logs](https://a.example/l?q=(x)&y=1) now", "the logs=https://a.example/l?q=(x)&y=1"},
		{"a picture that leads somewhere", "[![Graph](https://p.example/g.png)](https://a.example/m)", "Graph!https://p.example/g.png Graph=https://a.example/m"},
		{"Datadog's footer", "[[Monitor Status](https://a.example/1)] · [[Edit Monitor](https://a.example/2)]", "Monitor Status=https://a.example/1 Edit Monitor=https://a.example/2"},
		{"bare, at the end of a sentence", "go to https://a.example/x.", "Link=https://a.example/x"},
		{"with a label", "- Runbook: https://a.example/x, Dashboard: https://b.example", "Runbook=https://a.example/x Dashboard=https://b.example"},
		{"in pointed brackets", "<https://a.example/x>", "Link=https://a.example/x"},
		{"in front of Japanese", "https://a.example/x参照", "Link=https://a.example/x"},
		{"Japanese in an address", "[x](https://a.example/決済)", "x=https://a.example/%E6%B1%BA%E6%B8%88"},
		{"Japanese in a host is no address we hand on", "[x](https://決済.example/)", ""},
		{"passwords", "https://user:pass@a.example/x http://token@b.example", "Link=https://a.example/x Link=http://b.example"},
		{"capitals", "HTTPS://a.example/x", "Link=https://a.example/x"},
		{"other schemes", "javascript://a.example ftp://b.example xhttps://c.example file:///etc", ""},
		{"no host", "https:///x https://", ""},
		{"markup in an address", "[x](https://a.example/{a}|b)", "x=https://a.example/%7Ba%7D"},
		{"a bad port", "https://a.example:99999x/", ""},
		{"empty name", "[](https://a.example/x)", "Link=https://a.example/x"},
		{"name with markup", "[**Host > `x`**](https://a.example/x)", "Host > `x=https://a.example/x"},
	} {
		var got []string
		for _, l := range findLinks(c.text) {
			sign := "="
			if l.image {
				sign = "!"
			}
			got = append(got, l.Name+sign+l.URL)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.why, s, c.want)
		}
	}
}

func TestWithoutCredentials(t *testing.T) {
	long := strings.Repeat("p", maxPassword)
	for _, c := range []struct{ why, text, want string }{
		{"any scheme", "at postgres://app:s3cret@db-main:5432/x and redis://:s3cret@cache", "at postgres://db-main:5432/x and redis://cache"},
		{"a token", "https://token@a.example/x", "https://a.example/x"},
		{"an @ in a password", "amqp://app:p@w@queue/x", "amqp://queue/x"},
		{"a mark in front of a host that could be a handle", "postgres://app:s3cret!@db-main.internal", "postgres://db-main.internal"},
		{"a slash in a password", "postgres://app:p/w@db-main:5432/x", "postgres://db-main:5432/x"},
		{"a slash in front of one", "postgres://app:/w@db-main:5432/x", "postgres://db-main:5432/x"},
		{"other marks in one", "postgres://app:p?w#1@db-main:5432/x", "postgres://db-main:5432/x"},
		{"a password that looks like a port stays", "postgres://app:12/w@db-main", "postgres://app:12/w@db-main"},
		{"a page of somebody", "https://example.com/@some-body https://example.com:8443/@some-body", "https://example.com/@some-body https://example.com:8443/@some-body"},
		{"a parameter", "https://a.b/?to=x@y.z https://a.b:80?to=x@y.z", "https://a.b/?to=x@y.z https://a.b:80?to=x@y.z"},
		{"an address of e-mail behind one", "https://a.b:x/ ops@example.com (http://a.b:x/)a@b", "https://a.b:x/ ops@example.com (http://a.b:x/)a@b"},
		{"hosts with their ports, and a query", "mongodb://h1:27017,h2:27017/db?to=ops@a.example", "mongodb://h1:27017,h2:27017/db?to=ops@a.example"},
		{"a port that is not filled in", "http://$HOST:$PORT/health?from=ops@a.example http://a.b:{{port}}/@c", "http://$HOST:$PORT/health?from=ops@a.example http://a.b:{{port}}/@c"},
		{"a query behind a path", "https://a.b:x/y?to=ops@a.example", "https://a.b:x/y?to=ops@a.example"},
		{"no end", "://a:" + long + "/@b", "://a:" + long + "/@b"},
	} {
		if got := withoutCredentials(alert.Clean(c.text)); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.why, got, c.want)
		}
	}
}

func TestLinkSaysOfTheAlert(t *testing.T) {
	for address, want := range map[string]pageLink{
		"https://a.datadoghq.com/monitors/12?group=h%3A1&event_id=85&from_ts=1795165200000&to_ts=1795165500": {
			monitorID: "12", group: "h:1", eventID: "85", Link: alert.Link{From: event, To: event.Add(5 * time.Minute)},
		},
		"https://a.datadoghq.com/monitors/12/edit":                                     {monitorID: "12"},
		"https://a.datadoghq.com/monitors#12?":                                         {monitorID: "12"},
		"https://a.datadoghq.com/monitors#12/edit":                                     {monitorID: "12"},
		"https://a.datadoghq.com/error-tracking?monitor_id=12&group=h%3A1&event_id=85": {monitorID: "12"},
		"https://a.datadoghq.com/monitors/manage?q=12":                                 {},
		"https://a.datadoghq.com/event/event?id=85":                                    {eventID: "85"},
		"https://a.datadoghq.com/monitors/000":                                         {},
		"https://a.datadoghq.com/x?from_ts=1&to_ts=99999999999999":                     {},
	} {
		got, ok := newPageLink("", address)
		got.URL = ""
		if !ok || got != want {
			t.Errorf("%s\n got %+v\nwant %+v", address, got, want)
		}
	}
}

func TestReadRefs(t *testing.T) {
	for _, c := range []struct{ why, text, want string }{
		{"equals", "message_id=abc-1", "message_id=abc-1"},
		{"colon", "trace_id: 6717a1b2", "trace_id=6717a1b2"},
		{"JSON", `{"trace_id":"6717a1b2","dd.span_id":"412"}`, "trace_id=6717a1b2"},
		{"JSON with a long one", `{"dd.span_id": "4123456"}`, "dd.span_id=4123456"},
		{"Markdown", "**Trace ID**: `6717a1b2`", "trace_id=6717a1b2"},
		{"words", "Request ID: req-77, Message Id = 9", "request_id=req-77 message_id=9"},
		{"nested names", "attributes.trace_id=6717a1b2 http.x-request-id=q1", "trace_id=6717a1b2 x-request-id=q1"},
		{"other spellings", "traceId=1a X-Correlation-ID: 77-88 awsRequestId==c0ffee1", "trace_id=1a x-correlation-id=77-88 aws_request_id=c0ffee1"},
		{"an arrow", "correlation_id => 77", "correlation_id=77"},
		{"a trace header", "x-amzn-trace-id: Root=1-67-abc;Parent=1", "x-amzn-trace-id=Root=1-67-abc"},
		{"traceparent", "traceparent: 00-4bf92f35-00f067aa-01", "traceparent=00-4bf92f35-00f067aa-01"},
		{"the end of a sentence", "It is trace_id=77a.", "trace_id=77a"},
		{"in an address", "https://a.example/t?trace_id=77a&x=1", "trace_id=77a"},
		{"Japanese", "リクエスト request_id：req-1、メッセージ message_id＝m2。", "request_id=req-1 message_id=m2"},
		{"repeated", "trace_id=77a trace_id=77a trace_id=77b", "trace_id=77a trace_id=77b"},

		{"never a bare guess", "6717a1b2c3d4e5f60718293a4b5c6d7e failed", ""},
		{"a word is none", "trace_id: see logs, message_id=none request_id=null span_id=undefined", ""},
		{"a count is none", "trace id: 3 of them", ""},
		{"unfilled", "trace_id: {{log.trace_id}} message_id=$MESSAGE_ID", ""},
		{"zero", "trace_id=0000000000000000", ""},
		{"another id", "user_id=77 monitor id: 1234567 grid=12345", ""},
		{"an address", "trace_id: https://a.example/77", ""},
		{"on another line", "trace_id:\n6717a1b2", ""},
		{"no sign", "trace_id 6717a1b2", ""},
	} {
		var b body
		var got []string
		for _, r := range b.readRefs(nil, c.text) {
			got = append(got, r.Name+"="+r.Value)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q\n got %s\nwant %s", c.why, c.text, s, c.want)
		}
	}
	a, err := Decode([]byte(`{"title":"A","tags":"trace_id:t1,x:y","dd":{"trace_id":"812345"},"body":"span_id=s2","request-id":["r1"],"message_id":"null"}`), received, nil)
	if err != nil || len(a.Refs) != 3 || a.Refs[0].Value != "812345" || a.Refs[1].Value != "t1" || a.Refs[2].Value != "s2" {
		t.Errorf("fields, then tags, then the text: %+v, %v", a.Refs, err)
	}
}

func TestReadMeasure(t *testing.T) {
	for _, c := range []struct{ why, text, value, threshold string }{
		{"Datadog's sentence", "**cpu** over **host:a** was **> 60.0** on average during the **last 5m**.", "", "> 60.0"},
		{"the same in plain text", "system.load.1 over host:my-host was > 0 at least once during the last 1m", "", "> 0"},
		{"counts", "More than **0** log events matched in the last **5m** against the monitored query", "", "> 0"},
		{"fewer", "Less than **1,200** events matched in the last **5m**", "", "< 1,200"},
		{"twice the same", "it was **>= 3.0** and was **>= 3.0**", "", ">= 3.0"},
		{"two sentences", "**a** was **> 1** and **b** was **> 2**", "", ""},
		{"no comparison", "CPU was 97.3 before", "", ""},
		{"no number", "it was > expected, More than **many** log events matched in the last **5m**", "", ""},
		{"prose", "More than **5** users are affected", "", ""},
		{"what an author wrote", "Value: {{value}}\nValue: 97.3%\nThreshold: > 90", "97.3%", "> 90"},
		{"on one line", "- **value** = -2.5ms, threshold=10", "-2.5ms", "10"},
		{"in the middle of a sentence", "the cache value: 5", "", ""},
		{"two values", "value: 1\nvalue: 2", "", ""},
		{"an address is no number", "value: 10.0.0.1", "", ""},
		{"a date is no number", "value: 2026-11-20", "", ""},
	} {
		var b body
		value, threshold := b.readMeasure(c.text, "", alert.Triggered)
		if value != c.value || threshold != c.threshold {
			t.Errorf("%s: %q, %q; want %q, %q", c.why, value, threshold, c.value, c.threshold)
		}
	}
	var b body
	if _, limit := b.readMeasure("was **<= 60.0** on average", "", alert.Recovered); limit != "" {
		t.Errorf("the threshold of a recovery is %q", limit)
	}
	if _, limit := b.readMeasure("was **> 60.0** on average", "load was > 2 once", alert.Triggered); limit != "> 2" {
		t.Errorf("the status goes before the text: %q", limit)
	}
}

func TestReadTags(t *testing.T) {
	for body, want := range map[string]string{
		`{"title":"A","tags":" a:1 ,b, b,,c:d:e "}`:                "a:1 b c:d:e",
		`{"title":"A","tags":["a:1","b",3,null,{"x":1},"$X"]}`:     "a:1 b 3",
		`{"title":"A","tags":"$TAGS"}`:                             "",
		`{"title":"A","tags":"null"}`:                              "",
		`{"title":"A","tags":[]}`:                                  "",
		`{"title":"A","tags":"x:y","service":"shop","env":"prod"}`: "service:shop env:prod x:y",
		`{"title":"A","tags":"service:a","service":"shop"}`:        "service:a",
		`{"title":"A","scope":"service:a","service":"shop"}`:       "",
		`{"title":"A","service":"Datadog","env":"$TAGS[env]"}`:     "",
		`{"title":"A","tags":"url:http://x:80/,a\u200b:b"}`:        "url:http://x:80/ a:b",
		`{"title":"A","labels":{"tags":"deep"},"tags":"top"}`:      "top",
		`{"title":"A","tags":"","labels":{"tags":"deep"}}`:         "deep",
	} {
		a, err := Decode([]byte(body), received, nil)
		if got := strings.Join(a.Tags, " "); err != nil || got != want {
			t.Errorf("%s: %q, want %q, %v", body, got, want, err)
		}
	}
}

func TestSame(t *testing.T) {
	for name, spellings := range map[string][]string{
		"alert_transition": {"alert_transition", "alertTransition", "ALERT_TRANSITION", "alert-transition", "Alert Transition", "alerttransition"},
		"id":               {"id", "ID", "_id"},
	} {
		for _, s := range spellings {
			if !same(name, s) {
				t.Errorf("%s is not %s", s, name)
			}
		}
	}
	for _, s := range []string{"", "i", "ids", "alert_id", "ıd", "i.d"} {
		if same("id", s) {
			t.Errorf("%q is id", s)
		}
	}
}
