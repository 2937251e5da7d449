package events

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/agent"
)

var (
	then = time.Date(2026, 10, 5, 9, 0, 0, 250_000_000, time.UTC) // 1791190800250
	now  = then.Add(720*time.Hour + 90*time.Second)               // 1793782890250
)

func TestFreshMovesEveryTimeByOneSpan(t *testing.T) {
	for _, row := range []struct{ why, body, want string }{
		{"milliseconds", `{"date": "1791190800000", "last_updated":"1791190799000"}`, `{"date": "1793782890000", "last_updated":"1793782889000"}`},
		{"seconds", `{"date":"1791190800"}`, `{"date":"1793782890"}`},
		{"without quotes", `{"date": 1791190800000 , "a":1}`, `{"date": 1793782890000 , "a":1}`},
		{"RFC 3339", `{"time":"2026-10-05T09:00:00Z"}`, `{"time":"2026-11-04T09:01:30Z"}`},
		{"RFC 3339 with milliseconds", `{"received":"2026-10-05T09:00:00.250Z"}`, `{"received":"2026-11-04T09:01:30.250Z"}`},
		{"deep inside", `{"a":[{"b":{"timestamp":"1791190800000"}}]}`, `{"a":[{"b":{"timestamp":"1793782890000"}}]}`},
		{"a list is no time", `{"date":["1791190800000"]}`, `{"date":["1791190800000"]}`},
		{"an object is no time", `{"date":{"x":"1791190800000"},"y":"1791190800000"}`, `{"date":{"x":"1791190800000"},"y":"1791190800000"}`},
		{"ids stay", `{"id":"1791190800000","org":{"id":1791190800000}}`, `{"id":"1791190800000","org":{"id":1791190800000}}`},
		{"text stays", `{"body":"\"date\": \"1791190800000\" from_ts=1791190800000"}`, `{"body":"\"date\": \"1791190800000\" from_ts=1791190800000"}`},
		{"a value that is called like a member", `{"x":"date","y":"1791190800000"}`, `{"x":"date","y":"1791190800000"}`},
		{"no time at all", `{"date":"yesterday","last_updated":"","timestamp":null}`, `{"date":"yesterday","last_updated":"","timestamp":null}`},
		{"not filled in", `{"date":"$DATE"}`, `{"date":"$DATE"}`},
		{"not JSON", `{"date":"1791190800000",}`, `{"date":"1791190800000",}`},
		{"cut off", `{"date":"1791190800000"`, `{"date":"1791190800000"`},
		{"empty", ``, ``},
	} {
		e := lambda.APIGatewayV2HTTPRequest{Body: row.body}
		e.RequestContext.TimeEpoch = then.UnixMilli()
		got := Fresh(e, now)
		if got.Body != row.want {
			t.Errorf("%s: %s, want %s", row.why, got.Body, row.want)
		}
		if got.RequestContext.TimeEpoch != now.UnixMilli() || got.RequestContext.Time != "04/Nov/2026:09:01:30 +0000" {
			t.Errorf("%s: the request came at %d, %s", row.why, got.RequestContext.TimeEpoch, got.RequestContext.Time)
		}
		e.IsBase64Encoded, e.Body = true, base64.StdEncoding.EncodeToString([]byte(row.body))
		if got := Fresh(e, now).Body; got != base64.StdEncoding.EncodeToString([]byte(row.want)) {
			t.Errorf("%s: in base64 it became %s", row.why, got)
		}
	}
}

func TestFreshBodyMakesTheLatestTimeNow(t *testing.T) {
	for _, row := range []struct{ why, body, want string }{
		{"the latest of two", `{"date":"1791190740000","last_updated":"1791190800250"}`, `{"date":"1793782830000","last_updated":"1793782890250"}`},
		{"none", `{"title":"x"}`, `{"title":"x"}`},
		{"not JSON", `date=1791190800000`, `date=1791190800000`},
	} {
		if got := FreshBody(row.body, now); got != row.want {
			t.Errorf("%s: %s, want %s", row.why, got, row.want)
		}
	}
}

func TestFreshBatchGoesByEachMessage(t *testing.T) {
	e := lambda.SQSEvent{Records: []lambda.SQSMessage{
		{
			Body:       `{"v":1,"received":"2026-10-05T09:00:00.250Z"}`,
			Attributes: map[string]string{"SentTimestamp": "1791190800250", "ApproximateFirstReceiveTimestamp": "1791190800260", "SenderId": "x"},
		},
		{Body: `{"v":1,"received":"2026-10-05T09:00:00.250Z","alert":{"time":"2026-10-05T08:59:00Z"}}`},
	}}
	got := FreshBatch(e, now)
	if r := got.Records[0]; r.Body != `{"v":1,"received":"2026-11-04T09:01:30.250Z"}` ||
		r.Attributes["SentTimestamp"] != "1793782890250" || r.Attributes["ApproximateFirstReceiveTimestamp"] != "1793782890260" || r.Attributes["SenderId"] != "x" {
		t.Errorf("with a time of its own: %+v", r)
	}
	if r := got.Records[1]; r.Body != `{"v":1,"received":"2026-11-04T09:01:30.250Z","alert":{"time":"2026-11-04T09:00:30Z"}}` {
		t.Errorf("without: %s", r.Body)
	}
	if e.Records[0].Attributes["SentTimestamp"] != "1791190800250" {
		t.Error("the event that was given has changed")
	}
}

// An event of the Agent's is moved by its own time, its task with it, and put into a message.
func TestFreshOutcomeIsAMessageOfItsQueue(t *testing.T) {
	const body = `{"id":"e","time":"%s","source":"aws.aidevops","detail":{"data":{"created_at":"%s","updated_at":"%s"}}}`
	got := FreshOutcome(json.RawMessage(fmt.Sprintf(body, "2026-10-05T09:00:00Z", "2026-10-05T08:54:00.118Z", "2026-10-05T09:00:00.250Z")),
		time.Date(2026, 11, 4, 9, 1, 30, 0, time.UTC))
	want := fmt.Sprintf(body, "2026-11-04T09:01:30Z", "2026-11-04T08:55:30.118Z", "2026-11-04T09:01:30.250Z")
	if r := got.Records[0]; len(got.Records) != 1 || r.Body != want || r.Attributes["SentTimestamp"] != "1793782890000" ||
		!strings.HasSuffix(r.EventSourceARN, ":outcomes") || len(r.MessageAttributes) != 0 {
		t.Errorf("got  %+v\nwant a message with %s", r, want)
	}
	m, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range m.EventBridge {
		was, err1 := agent.DecodeEvent(o.Event)
		is, err2 := agent.DecodeEvent([]byte(FreshOutcome(o.Event, now).Records[0].Body))
		if (err1 == nil) != (err2 == nil) || is.ID != was.ID || is.Task.Status != was.Task.Status || err1 == nil && now.Sub(is.Time) >= time.Second ||
			is.Task.Updated.Sub(is.Task.Created) != was.Task.Updated.Sub(was.Task.Created) {
			t.Errorf("%s: %+v, %v became %+v, %v", o.Case, was, err1, is, err2)
		}
	}
	if r := FreshOutcome(json.RawMessage(`{"time":"soon"}`), now).Records[0]; r.Body != `{"time":"soon"}` {
		t.Errorf("an event without a time became %s", r.Body)
	}
}

// Whatever the body, moving it there and back again changes nothing, and it stays JSON if it was.
func FuzzMove(f *testing.F) {
	m, err := Load()
	if err != nil {
		f.Fatal(err)
	}
	for _, d := range m.HTTP[:len(m.HTTP)-1] {
		f.Add(d.Request.Body)
	}
	f.Add(`{"date":"1791190800000","date":1791190800,"a":{"time":"2026-10-05T09:00:00.250Z"},"b":["date"]}`)
	f.Fuzz(func(t *testing.T, body string) {
		by := 90*time.Minute + 250*time.Millisecond
		moved := move(body, by)
		if json.Valid([]byte(body)) != json.Valid([]byte(moved)) {
			t.Fatalf("%q became %q", body, moved)
		}
		if json.Valid([]byte(body)) && strings.Count(body, ",") != strings.Count(moved, ",") {
			t.Fatalf("%q became %q", body, moved)
		}
		if again := move(moved, 0); again != moved {
			t.Fatalf("%q is not as it was moved: %q", moved, again)
		}
	})
}
