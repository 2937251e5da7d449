package archive_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/archive"
	"github.com/alertbridge/alertbridge/shared/alert"
)

// record is a record of the dispatcher as CloudWatch has it, of a delivery by its number.
func record(n string) string {
	return `{"timestamp":"2026-11-21T12:00:01.5Z","level":"INFO","message":"alert decided","function":"alertbridge-dispatcher","version":"1",` +
		`"delivery":"dd-1-` + n + `","receive":"1","rounds":1,"took_ms":3,"verdict":"wait","reason":"hold","case":"ab-x","did":"opens","queued_ms":4,` +
		`"source":"datadog","shape":"alertbridge/1","event":"` + n + `","incident":"1/77/c.5","transition":"Triggered","severity":"HIGH",` +
		`"title":"Search is slow","service":"search","time":"2026-11-21T12:00:00Z","alert":{"received":"2026-11-21T12:00:01Z","monitor":"77",` +
		`"monitor_type":"query_alert_monitor","priority":"P2","alert_type":"error","org":"1","org_name":"Example","host":"web-1","cycle":true,` +
		`"scope":["host:web-1"],"tags":["env:prod","service:search"]}}`
}

func quote(s string) string {
	q, _ := json.Marshal(s)
	return string(q)
}

// A record becomes the alert that it tells of, with everything that a decision reads.
func TestRecord(t *testing.T) {
	list, told, err := archive.Collect(strings.NewReader(record("9")))
	if err != nil || len(list) != 1 || told.Skipped() != "" || told.Alerts != 1 {
		t.Fatalf("%v %+v %v", list, told, err)
	}
	got, err := json.Marshal(list[0])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"received":"2026-11-21T12:00:01Z","verdict":"wait","reason":"hold","alert":{"delivery":"dd-1-9","source":"datadog","org_id":"1",` +
		`"org_name":"Example","event_id":"9","incident":{"org":"1","monitor":"77","key":"c.5","cycle":true},` +
		`"monitor":{"id":"77","name":"Search is slow","type":"query_alert_monitor"},"transition":"Triggered","severity":4,"priority":"P2",` +
		`"alert_type":"error","time":"2026-11-21T12:00:00Z","title":"Search is slow","hostname":"web-1","scope":["host:web-1"],` +
		`"tags":["env:prod","service:search"]}}`
	if string(got) != want {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
	// What is left out of a record when it is not so, and the year from which on an alert can be.
	other := strings.NewReplacer(`"cycle":true`, `"test":true`, "2026-11-21T12:00:01Z", "2010-01-01T00:00:00Z").Replace(record("9"))
	list, told, _ = archive.Collect(strings.NewReader(other))
	if len(list) != 1 || list[0].Alert.Incident.Cycle || !list[0].Alert.Test || list[0].Received.Year() != 2010 {
		t.Errorf("%+v %s", list, told.Skipped())
	}
	old := strings.Replace(other, "2010-01-01T00:00:00Z", "2009-12-31T23:59:59Z", 1)
	list, told, _ = archive.Collect(strings.NewReader(old))
	if len(list) != 0 || told.Skipped() != "skipped: 1 broken (line 1: it was received in the year 2009)" {
		t.Errorf("%+v %s", list, told.Skipped())
	}
}

// Each form in which CloudWatch gives records out, with two alerts in it.
func TestForms(t *testing.T) {
	packed := &bytes.Buffer{}
	z := gzip.NewWriter(packed)
	_, _ = z.Write([]byte("2026-11-21T12:00:01.500Z " + record("1") + "\n2026-11-21T12:00:02.500Z " + record("2") + "\n"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for form, text := range map[string]string{
		"lines of JSON":       record("1") + "\n" + record("2"),
		"Windows, and blanks": "\r\n" + record("1") + "\r\n\r\n  " + record("2") + "\r\n",
		"a byte order mark":   "\ufeff{\n\"events\": [\n{\"message\": " + quote(record("1")) + "},\n" + record("2") + "\n]\n}",
		"aws logs tail":       "2026-11-21T12:00:01.5+00:00 2026/11/21/[$LATEST]0a1b " + record("1") + "\n2026-11-21T12:00:01.5+00:00 2026/11/21/[$LATEST]0a1b " + record("2"),
		"an export to S3":     packed.String(),
		"filter-log-events":   `{"events":[{"logStreamName":"s","timestamp":1,"message":` + quote(record("1")+"\n") + `},{"message":` + quote(record("2")) + `}],"searchedLogStreams":[]}`,
		"the same over lines": "{\n  \"events\": [\n    {\"message\": " + quote(record("1")) + "},\n    {\"message\": " + quote(record("2")) + "}\n  ]\n}\n",
		"a list":              "[\n{\"message\": " + quote(record("1")) + "},\n" + record("2") + "\n]",
		"a list in one line":  "[" + record("1") + "," + record("2") + "]",
		"two in one line":     record("1") + record("2"),
		"two answers":         answers("1")[0] + answers("2")[0],
		"two of Insights":     answers("1")[1] + answers("2")[1],
		"without line ends":   strings.TrimSpace(answers("1")[0]) + strings.TrimSpace(answers("2")[0]) + "\n",
		"an answer, and more": answers("1")[0] + record("2"),
		"a record over lines": indented(record("1")) + indented(record("2")),
		"what is not a list":  "{\n\"events\": {\"a\": [{}]},\n\"results\": 3, \"logEvents\": [" + record("1") + "]}\n" + record("2"),
		"a subscription":      `{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1","message":` + quote(record("1")) + `},{"id":"2","message":` + quote(record("2")) + `}]}`,
		"Logs Insights":       `{"results":[[{"field":"@timestamp","value":"x"},{"field":"@message","value":` + quote(record("1")) + `}],[{"field":"@message","value":` + quote(record("2")) + `}]]}`,
	} {
		list, told, err := archive.Collect(strings.NewReader(text))
		if err != nil || told.Alerts != 2 || len(list) != 2 || list[0].Alert.EventID != "1" || list[1].Alert.EventID != "2" || told.Skipped() != "" {
			t.Errorf("%s: %d alerts, %+v, %v", form, len(list), told, err)
		}
	}
}

// indented is JSON as the AWS CLI prints it.
func indented(text string) string {
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "    "); err != nil {
		panic(err)
	}
	return out.String() + "\n"
}

// answers are those of filter-log-events and get-query-results, each with the records of these deliveries.
func answers(ids ...string) []string {
	var events, rows []string
	for _, id := range ids {
		events = append(events, `{"logStreamName":"s","message":`+quote(record(id)+"\n")+`,"eventId":"1"}`)
		rows = append(rows, `[{"field":"@message","value":`+quote(record(id)+"\n")+`},{"field":"@ptr","value":"p"}]`)
	}
	return []string{
		indented(`{"events":[` + strings.Join(events, ",") + `],"searchedLogStreams":[]}`),
		indented(`{"results":[` + strings.Join(rows, ",") + `],"status":"Complete"}`),
	}
}

// Wherever a log is cut off, what is whole before is kept, and it is told that the end is missing.
func TestCutOff(t *testing.T) {
	message := func(id string) string { return quote(record(id) + "\n") }
	for name, form := range map[string]struct {
		begin string
		whole func(id string) string
		next  string
		end   string
	}{
		"filter-log-events": {
			"{\n    \"events\": [\n        ",
			func(id string) string {
				return "{\n            \"logStreamName\": \"s\",\n            \"message\": " + message(id) + "\n        }"
			},
			",\n        ", "\n    ],\n    \"searchedLogStreams\": []\n}",
		},
		"get-query-results": {
			"{\n    \"results\": [\n        ",
			func(id string) string {
				return "[\n            {\n                \"field\": \"@message\",\n                \"value\": " + message(id) + "\n            }\n        ]"
			},
			",\n        ", "\n    ],\n    \"status\": \"Complete\"\n}",
		},
		"in one line":    {`{"events":[`, func(id string) string { return `{"message":` + message(id) + `}` }, ",", "]}"},
		"a list":         {"[\n", record, ",\n", "\n]"},
		"a list in line": {"[", record, ",", "]"},
	} {
		first, second := form.begin+form.whole("1"), form.next+form.whole("2")
		text := first + second + form.end
		for n := 1; n < len(text); n++ {
			want := 0
			if n >= len(first) {
				want++
			}
			if n >= len(first+second) {
				want++
			}
			list, told, err := archive.Collect(strings.NewReader(text[:n]))
			if len(list) != want || told.Skipped() != "" || err == nil || !strings.HasPrefix(err.Error(), "it is cut off in line ") {
				t.Fatalf("%s, cut off after …%q: %d alerts, want %d; %q, %v", name, text[max(0, n-40):n], len(list), want, told.Skipped(), err)
			}
		}
	}
	for text, want := range map[string]string{
		"\n{\n\"events\": [\n{\"mess":         "it is cut off in line 4",
		"{\n\"events\": [\n":                  "it is cut off in line 2",
		record("1") + "\n" + record("2")[:50]: "it is cut off in line 2",
	} {
		if _, _, err := archive.Collect(strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("%s\nit says %v, want %s", text, err, want)
		}
	}
}

// What breaks in the middle takes nothing with it but what it breaks.
func TestBrokenInTheMiddle(t *testing.T) {
	for name, row := range map[string]struct {
		text   string
		ids    string
		broken int
	}{
		"cut off within a text, and a whole one":      {upTo(answers("1", "2")[0], "dd-1-2") + "\n" + answers("3", "4")[0], "134", 1},
		"cut off within a text, and directly another": {upTo(answers("1", "2")[0], "dd-1-2") + answers("3", "4")[0], "134", 1},
		"cut off before a member, and a whole one":    {upTo(answers("1", "2")[0], `"searched`) + answers("3", "4")[0], "1234", 1},
		"cut off, and lines":                          {upTo(answers("1", "2")[1], `"status`) + record("3") + "\n" + record("4"), "1234", 1},
		"cut off between events, and a whole one":     {upTo(answers("1", "2")[0], "        },\n") + "        },\n" + answers("3", "4")[0], "134", 1},
		"cut off between rows, and a whole one":       {upTo(answers("1", "2")[1], "        ],\n") + "        ],\n" + answers("3", "4")[1], "134", 1},
		"cut off within a row, and directly another":  {upTo(answers("1", "2")[1], "dd-1-2") + answers("3", "4")[1], "134", 1},
		"events of which the beginning is missing":    {answers("1", "2", "3")[0][len(upTo(answers("1")[0], "        {")):], "123", 0},
		"a brace before the lines of aws logs tail":   {"{\n  \"a\": 1,\n2026-11-21T12:00:01 s " + record("1") + "\n2026-11-21T12:00:01 s " + record("2"), "12", 1},
		"the same, not indented":                      {"{\n\"a\": 1,\n2026-11-21T12:00:01 s " + record("1") + "\n2026-11-21T12:00:01 s " + record("2"), "12", 1},
		"a record directly behind an answer":          {strings.TrimSpace(answers("1")[0]) + strings.Replace(record("2"), "slow", strings.Repeat("slow ", 500), 1), "12", 0},
		"a brace alone in a log":                      {record("1") + "\n{\n" + record("2") + "\n{\n  a: 1\n}\n" + record("3"), "123", 2},
		"a part that is too long":                     {"{\n\"a\": [\n" + strings.Repeat(strings.Repeat("1,", 500)+"\n", archive.MaxLine/1000+1) + "1]}\n" + record("1"), "1", 1},
		"a line that is too long":                     {"[\n" + record("1") + ",\n\"" + strings.Repeat("x", archive.MaxLine) + "\"\n,\n" + record("2") + "\n]", "12", 2},
	} {
		list, told, err := archive.Collect(strings.NewReader(row.text))
		ids := ""
		for _, e := range list {
			ids += e.Alert.EventID
		}
		if ids != row.ids || told.Broken != row.broken || err != nil {
			t.Errorf("%s: %s, want %s; %q, %v", name, ids, row.ids, told.Skipped(), err)
		}
	}
}

// An answer may be of any length, also behind another one that is cut off; only its parts may not.
func TestLongAnswers(t *testing.T) {
	var ids []string
	for i := range 4000 {
		ids = append(ids, strconv.Itoa(10000+i))
	}
	for i, long := range answers(ids...) {
		if len(long) < archive.MaxLine*3/2 {
			t.Fatalf("it has only %d bytes", len(long))
		}
		whole := answers("1")[i]
		cut := strings.TrimRight(upTo(whole, "    ],"), " \n") + ",\n"
		for text, want := range map[string]archive.Told{
			long:       {Alerts: 4000},
			cut + long: {Alerts: 4001, Broken: 1},
		} {
			list, told, err := archive.Collect(strings.NewReader(text))
			if len(list) != want.Alerts || told.Alerts != want.Alerts || told.Broken != want.Broken || told.Other > 0 || err != nil {
				t.Errorf("form %d: %d alerts, want %+v; %+v, %v", i, len(list), want, told, err)
			}
		}
	}
}

// upTo is a text that is cut off before a word.
func upTo(text, word string) string { return text[:strings.Index(text, word)] }

// What cannot be used is counted by what it is, and the first broken lines are named.
func TestBrokenLines(t *testing.T) {
	old := strings.Replace(record("3"), `"alert":{`, `"other":{`, 1)
	lines := []string{
		record("1"),
		record("2")[:400],            // cut off
		`{"message":"tick","due":3}`, // another record
		"START RequestId: 8cbe8a9c Version: $LATEST", // Lambda's own
		`{"_aws":{"Timestamp":1},"Tick":1}`,          // a counter
		old,
		`{"message":"alert decided","delivery":"raw-1","verdict":"drop","reason":"unreadable","unreadable":"not_json"}`,
		`{"message":`,
		strings.Replace(record("4"), `"incident":"1/77/c.5"`, `"incident":"77"`, 1),
		strings.Replace(record("5"), `"severity":"HIGH"`, `"severity":"WORST"`, 1),
		strings.Replace(record("6"), `"received":"2026-11-21T12:00:01Z",`, ``, 1),
		strings.Replace(record("7"), `Search is slow`, strings.Repeat("x", archive.MaxLine), 1),
		record("8"),
	}
	list, told, err := archive.Collect(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil || len(list) != 2 || list[1].Alert.EventID != "8" {
		t.Fatalf("%v %v", list, err)
	}
	const want = "skipped: 6 broken, 1 from before the record had what a decision reads, 1 of deliveries that were no alert, 3 of something else " +
		"(line 2: it tells of a decision, and is no whole JSON; line 8: it is no whole JSON; " +
		"line 9: its delivery or incident has no name)"
	if got := told.Skipped(); got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	if told.Lines != 13 || told.Alerts != 2 {
		t.Errorf("%+v", told)
	}
}

// What is no record is passed over, in whatever it stands; a record that is none of ours is broken.
func TestPassedOver(t *testing.T) {
	for text, want := range map[string]string{
		"retry {attempt=1}\n":                                  "skipped: 1 of something else",
		`[1,"x",{"message":"x"}]`:                              "skipped: 3 of something else",
		`{"events":[]}` + "\n[]\n{\n}\n":                       "skipped: 3 of something else",
		`{"results":[[{"field":"@ptr"}],"x",[{"field":1}]]}`:   "skipped: 2 of something else",
		`{"results":[[{"field":"@message","value":"START"}]]}`: "skipped: 1 of something else",
		`{"message":"alert decided","alert":5}`:                "skipped: 1 broken (line 1: it tells of a decision, and not as the record does: ",
		`2026-11-21 s {"message":"alert decided",}` + "\n":     "skipped: 1 broken (line 1: it tells of a decision, and is no whole JSON)",
	} {
		list, told, err := archive.Collect(strings.NewReader(text))
		if len(list) > 0 || !strings.HasPrefix(told.Skipped(), want) || err != nil {
			t.Errorf("%s\nit says\n%s %v\nwant\n%s", text, told.Skipped(), err, want)
		}
	}
}

func entry(delivery string, received time.Time) archive.Entry {
	return archive.Entry{Received: received, Alert: alert.Alert{
		Delivery: delivery, Source: "datadog", Incident: alert.Incident{Org: "1", Monitor: "2", Key: "c.3"},
		Transition: alert.Triggered, Severity: alert.High, Time: received, Title: "<T>",
	}}
}

// An archive is in order, has each arrival once, and is read as it was written.
func TestWriteAndRead(t *testing.T) {
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	err := archive.Write(&out, []archive.Entry{
		entry("c", noon.Add(2*time.Second)), entry("a", noon), entry("b", noon), entry("a", noon), entry("a", noon.Add(time.Second)),
	})
	if err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if first, _, _ := strings.Cut(text, "\n"); first != `{"alertbridge_archive":1}` || !archive.Is([]byte(first)) || archive.CheckVersion([]byte(first)) != nil {
		t.Errorf("it begins with %s", first)
	}
	list, told, err := archive.Read(strings.NewReader(text))
	var got []string
	for _, e := range list {
		got = append(got, e.Alert.Delivery+e.Alert.Title)
	}
	if strings.Join(got, " ") != "a<T> b<T> a<T> c<T>" || err != nil || told.Skipped() != "" {
		t.Errorf("%v %+v %v", got, told, err)
	}
	broken := text + "nonsense\n" + `{"received":"2026-11-21T12:00:00Z"}` + "\n" + `{"alert":{}}` + "\n" + `{"received":"1021-11-21T12:00:00Z"}`
	list, told, err = archive.Read(strings.NewReader(broken))
	const want = "skipped: 4 broken (line 6: it is no JSON of an alert; " +
		"line 7: its delivery or incident has no name; line 8: it does not say when it was received)"
	if len(list) != 4 || err != nil || told.Skipped() != want {
		t.Errorf("%d %v\n%s\nwant\n%s", len(list), err, told.Skipped(), want)
	}
}

func TestOtherVersions(t *testing.T) {
	for line, want := range map[string]string{
		`{"alertbridge_archive":2}`: "it is an archive of version 2, and this alertbridge reads version 1",
		`{"a":1}`:                   `this is no archive: its first line is not {"alertbridge_archive":1}`,
	} {
		if err := archive.CheckVersion([]byte(line)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", line, err)
		}
	}
}

var errDisk = errors.New("the disk is gone")

type brokenWriter struct{ lines int }

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.lines--; b.lines < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

func TestWhatFailsIsTold(t *testing.T) {
	for lines := range 2 {
		if err := archive.Write(&brokenWriter{lines}, []archive.Entry{entry("a", time.Now())}); !errors.Is(err, errDisk) {
			t.Errorf("after %d lines: %v", lines, err)
		}
	}
	if _, _, err := archive.Collect(iotest.ErrReader(errDisk)); !errors.Is(err, errDisk) {
		t.Errorf("%v", err)
	}
	for _, read := range []func(io.Reader) ([]archive.Entry, archive.Told, error){archive.Collect, archive.Read} {
		if _, _, err := read(strings.NewReader("\x1f\x8bnonsense")); err == nil || !strings.HasPrefix(err.Error(), "it looks compressed with gzip, and is not") {
			t.Errorf("%v", err)
		}
	}
}

// FuzzCollect: whatever a log holds, what comes out of it can be archived, and read again as it was.
func FuzzCollect(f *testing.F) {
	f.Add([]byte(record("1") + "\nx"))
	f.Add([]byte(`{"events":[{"message":` + quote(record("1")) + `}]}`))
	f.Add([]byte("[\n" + record("2") + "\n]"))
	f.Add([]byte(`{"results":[[{"field":"@message","value":"{}"}]],"message":"{{"}`))
	f.Add([]byte(upTo(answers("1", "2")[0], "dd-1-2") + answers("3")[1]))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, told, _ := archive.Collect(bytes.NewReader(text)) // also of what is cut off
		if told.Alerts != len(list) {
			t.Errorf("it tells of %d alerts, and has %d", told.Alerts, len(list))
		}
		var out bytes.Buffer
		if err := archive.Write(&out, list); err != nil {
			t.Fatalf("%+v: %v", list, err)
		}
		once := out.String()
		again, told, err := archive.Read(&out)
		if err != nil || told.Skipped() != "" {
			t.Fatalf("%s\n%s %v", once, told.Skipped(), err)
		}
		var twice bytes.Buffer
		if err := archive.Write(&twice, again); err != nil || twice.String() != once {
			t.Errorf("%v\n%s\n%s", err, once, twice.String())
		}
	})
}

// Archives that were put together are one: a header further down is no damage, unless it is of another version.
func TestArchivesPutTogether(t *testing.T) {
	var one bytes.Buffer
	if err := archive.Write(&one, []archive.Entry{entry("a", time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))}); err != nil {
		t.Fatal(err)
	}
	list, told, err := archive.Read(strings.NewReader(one.String() + one.String()))
	if err != nil || len(list) != 2 || told.Skipped() != "" {
		t.Errorf("%d alerts, %q, %v", len(list), told.Skipped(), err)
	}
	const mark = "\ufeff" // as editors of Windows begin a file
	list, told, err = archive.Read(strings.NewReader(mark + one.String() + mark + one.String()))
	if err != nil || len(list) != 2 || told.Skipped() != "" {
		t.Errorf("with byte order marks: %d alerts, %q, %v", len(list), told.Skipped(), err)
	}
	newer := strings.Replace(one.String(), `{"alertbridge_archive":1}`, `{"alertbridge_archive":2}`, 1)
	list, told, err = archive.Read(strings.NewReader(one.String() + newer + one.String()))
	if err != nil || len(list) != 2 || told.Broken != 2 {
		t.Errorf("with a newer one between: %d alerts, %q, %v", len(list), told.Skipped(), err)
	}
}
