package playback_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/archive"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/playback"
	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

func TestKindOf(t *testing.T) {
	for text, want := range map[string]playback.Kind{
		"":                                       playback.IsScenario,
		"# x\ntitle: A":                          playback.IsScenario,
		"\n {\"title\":\"A\"}":                   playback.IsDeliveries,
		"[1]":                                    playback.IsDeliveries,
		"{\"alertbridge_archive\":1}\n{}":        playback.IsArchive,
		"{\"alertbridge_archive\":99}":           playback.IsArchive,
		"{\n\"alertbridge_archive\": 1\n}":       playback.IsDeliveries, // an archive is lines
		"{\"a\":1}\n{\"alertbridge_archive\":1}": playback.IsDeliveries,
		"START\n2026-11-21T12:00:01Z {\"message\":\"alert decided\",\"unreadable\":\"not_json\"}": playback.IsLog,
		"{\"message\":\"tick\"}\n{\"message\":\"alert decided\"}":                                 playback.IsLog,
		"{\"body\":\"{\\\"message\\\":\\\"alert decided\\\"}\"}":                                  playback.IsDeliveries, // it quotes one
		"title: an alert decided": playback.IsScenario,
	} {
		if got := playback.KindOf([]byte(text)); got != want {
			t.Errorf("%q is taken for %s, and is %s", text, got, want)
		}
	}
}

// body is a delivery that happened so many seconds after noon.
func body(event string, second int) string {
	at := time.Date(2026, 11, 21, 12, 0, second, 0, time.UTC)
	return fmt.Sprintf(`{"event_id":"%s","monitor_id":"77","cycle_key":"%s","transition":"Triggered","alert_priority":"P2","event_title":"T","date":"%d","org_id":"1"}`,
		event, event, at.UnixMilli())
}

// Each form of a delivery comes at its own time; what is none is told.
func TestDeliveries(t *testing.T) {
	quoted, _ := json.Marshal(body("3", 3))
	text := strings.Join([]string{
		body("9", 9),
		`{"received_at":"2026-11-21T12:00:07Z","headers":{"a":"b"},"body_text":` + string(quoted) + `}`,
		`{"requestContext":{"timeEpoch":1795262405000,"http":{"method":"POST"}},"headers":{},"body":"eyJ4IjoxfQ==","isBase64Encoded":true}`,
		"nonsense",
		`{"event_id":"4","event_title":"T",`, // over two lines
		`"transition":"Triggered"}`,
		`{"Records":[{}]}`,
		`[1]`,
		`{"requestContext":{"timeEpoch":1795262405000},"headers":{},"body":"!","isBase64Encoded":true}`,
		`{"requestContext":{"timeEpoch":1},"headers":{},"body":"{}"}`,
		`{"event_id":"5"`,
	}, "\n")
	var c playback.Captured
	told, err := c.AddDeliveries("d.jsonl", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	const want = "skipped: 6 broken (line 4: it is no whole JSON; line 7: it is an event of the queue; play the delivery that it was made of; " +
		"line 8: it is no JSON object)"
	if got := told.Skipped(); got != want || told.Alerts != 4 {
		t.Errorf("it tells of %d alerts, and says\n%s\nwant\n%s", told.Alerts, got, want)
	}
	w, err := c.World()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range w.Arrivals {
		got = append(got, fmt.Sprintf("%s %q line %d", a.At.UTC().Format("15:04:05"), a.Alert.EventID, a.Line))
	}
	const arrivals = `12:00:05 "" line 3, 12:00:05 "4" line 5, 12:00:07 "3" line 2, 12:00:09 "9" line 1`
	if s := strings.Join(got, ", "); s != arrivals || w.Begin.Format("15:04:05") != "12:00:00" || w.End.UTC().Format("15:04:05") != "13:00:09" {
		t.Errorf("%s, from %s to %s", s, w.Begin, w.End)
	}
}

// A history of several files is one, and each of its alerts is of its own file.
func TestAlertsKeepTheirFile(t *testing.T) {
	var c playback.Captured
	const archived = `{"alertbridge_archive":1}
{"received":"2026-11-21T12:00:02Z","alert":{"delivery":"dd-1-5","source":"datadog","org_id":"1","event_id":"5","incident":{"org":"1","monitor":"78","key":"c.5","cycle":true},"monitor":{"id":"78"},"transition":"Triggered","severity":5,"priority":"P1","time":"2026-11-21T12:00:02Z","title":"U","tags":["env:prod"]}}`
	if _, err := c.AddDeliveries("d.jsonl", []byte(body("1", 1)+"\n"+body("3", 3))); err != nil {
		t.Fatal(err)
	}
	if told, err := c.AddArchive("a.jsonl", []byte(archived)); err != nil || told.Skipped() != "" {
		t.Fatalf("%s %v", told.Skipped(), err)
	}
	w, err := c.World()
	if err != nil {
		t.Fatal(err)
	}
	first := []*playback.Result{play(t, w, policy.Default())}
	rep := playback.NewReport(first, nil)
	var files []string
	for _, a := range rep.Alerts {
		files = append(files, a.File)
	}
	if got := strings.Join(files, " "); got != "d.jsonl a.jsonl d.jsonl" || len(rep.Files) != 1 || rep.Files[0].File != "d.jsonl and 1 more" {
		t.Errorf("the alerts are of %s, and the files %+v", got, rep.Files)
	}
	none := []*playback.Result{play(t, w, parsePolicy(t, "mode: off\n"))}
	if only := playback.Compare(first, none).Report().OnlyHere; len(only) != 3 || only[0].File != "d.jsonl" || only[1].File != "a.jsonl" {
		t.Errorf("%+v", only)
	}
}

// A capture that does not say when it came, or says it in another way than RFC 3339, comes when its body says that it
// happened. What its headers are does not matter.
func TestCapturesOfOthers(t *testing.T) {
	quoted, _ := json.Marshal(body("3", 3))
	for _, rest := range []string{
		`"headers":{}`,
		`"headers":{},"received_at":null`,
		`"headers":{},"received_at":"2026-11-21 12:00:07"`,
		`"headers":{},"received_at":1795262407`,
		`"headers":{"Content-Type":["application/json"]},"received_at":""`,
		`"headers":{},"requestContext":null`,
		`"headers":null,"requestContext":{}`,
		`"headers":"","requestContext":""`,
	} {
		var c playback.Captured
		told, err := c.AddDeliveries("d.jsonl", []byte(`{"body_text":`+string(quoted)+`,`+rest+`}`))
		if err != nil || told.Skipped() != "" {
			t.Errorf("%s: %v %s", rest, err, told.Skipped())
			continue
		}
		w, err := c.World()
		if err != nil {
			t.Fatal(err)
		}
		if a := w.Arrivals[0]; a.Alert.EventID != "3" || a.At.UTC().Format(time.DateTime) != "2026-11-21 12:00:03" {
			t.Errorf("%s: event %q came at %s", rest, a.Alert.EventID, a.At)
		}
	}
	// What looks like an event of the HTTP API, and is none, is told.
	var c playback.Captured
	told, _ := c.AddDeliveries("d.jsonl", []byte(`{"requestContext":{"timeEpoch":"noon"},"headers":{},"body":"{}"}`))
	if got := told.Skipped(); got != "skipped: 1 broken (line 1: it looks like an event of the HTTP API, and is none)" {
		t.Error(got)
	}
}

// A delivery that names neither its event nor a time has an id that is made of the time at which it came: in a play that is
// the play's time.
func TestDeliveryWithoutATimeOfItsOwn(t *testing.T) {
	var c playback.Captured
	const bare = `{"monitor_id":"77","transition":"Triggered","alert_priority":"P2","event_title":"P","org_id":"1"}`
	if _, err := c.AddDeliveries("x", []byte(body("1", 0)+"\n"+bare)); err != nil {
		t.Fatal(err)
	}
	w, err := c.World()
	if err != nil {
		t.Fatal(err)
	}
	r := play(t, w, policy.Default())
	if len(r.Alerts) != 2 || !r.Alerts[1].Alert.Time.Equal(w.Arrivals[0].At) || r.Alerts[1].Verdict == "" {
		t.Errorf("%+v", r.Alerts)
	}
}

func TestNothingToPlay(t *testing.T) {
	var c playback.Captured
	if _, err := c.AddDeliveries("x", []byte(`{"a":1}`)); err == nil || err.Error() != "there is no delivery in it that can be played" {
		t.Errorf("%v", err)
	}
	if _, err := c.AddArchive("x", []byte(`{"alertbridge_archive":3}`)); err == nil || !strings.Contains(err.Error(), "version 3") {
		t.Errorf("%v", err)
	}
	if _, err := c.AddArchive("x", []byte(`{"alertbridge_archive":1}`)); err != nil {
		t.Errorf("an empty archive: %v", err)
	}
	if _, err := c.World(); err == nil || err.Error() != "there is nothing to play" {
		t.Errorf("%v", err)
	}
	old := strings.Replace(body("1", 0), "1795", "1595", 1)
	if _, err := c.AddDeliveries("x", []byte(old+body("2", 0))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.World(); err == nil || !strings.Contains(err.Error(), "the last at 2026-11-21; at most 366 days are played at once") {
		t.Errorf("%v", err)
	}
}

// corpus are the deliveries of events/http, a line each.
func corpus(t testing.TB) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(docstest.Root(t), "events/http/*.json"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	var all bytes.Buffer
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.Bytes()
}

// The log of a bridge, made an archive and played, gives every alert the verdict that it had: so the record has all that
// a decision reads.
func TestArchiveIsPlayedAsItWas(t *testing.T) {
	var c playback.Captured
	if _, err := c.AddDeliveries("corpus", corpus(t)); err != nil {
		t.Fatal(err)
	}
	w, err := c.World()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	handler := telemetry.Logger(telemetry.Config{Function: "alertbridge-dispatcher", Out: &log}).Handler()
	first, err := playback.Play(t.Context(), w, policy.Default(), playback.Watch{Log: handler})
	if err != nil {
		t.Fatal(err)
	}
	list, told, err := archive.Collect(&log)
	if err != nil || told.Broken+told.Old > 0 {
		t.Fatalf("%s %v", told.Skipped(), err)
	}
	var kept bytes.Buffer
	if err := archive.Write(&kept, list); err != nil {
		t.Fatal(err)
	}
	var again playback.Captured
	if told, err = again.AddArchive("archive", kept.Bytes()); err != nil || told.Skipped() != "" {
		t.Fatalf("%s %v", told.Skipped(), err)
	}
	if w, err = again.World(); err != nil {
		t.Fatal(err)
	}
	second := play(t, w, policy.Default())
	lines := func(r *playback.Result) []string {
		var all []string
		for _, d := range r.Alerts {
			if d.Alert.Delivery != "" {
				all = append(all, fmt.Sprintf("%s %s %s %s %s", d.At.UTC().Format(time.RFC3339Nano), d.Alert.Delivery, d.Verdict, d.Reason, d.Case))
			}
		}
		return all
	}
	a, b := lines(first), lines(second)
	if len(a) < 50 || !slices.Equal(a, b) {
		t.Errorf("it was\n%s\nand the archive gives\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	if len(first.Starts) == 0 || fmt.Sprint(starts(first)) != fmt.Sprint(starts(second)) {
		t.Errorf("starts were %v and are %v", starts(first), starts(second))
	}
	// Whatever the matchers look at is the same.
	for _, d := range second.Alerts {
		i := slices.IndexFunc(first.Alerts, func(o playback.Decided) bool { return o.Alert.Delivery == d.Alert.Delivery })
		want := first.Alerts[i].Alert
		for what, pair := range map[string][2]string{
			"monitor": {d.Alert.Monitor.ID, want.Monitor.ID}, "name": {d.Alert.Monitor.Name, want.Monitor.Name},
			"type": {d.Alert.Monitor.Type, want.Monitor.Type}, "host": {d.Alert.Hostname, want.Hostname},
			"tags": {strings.Join(d.Alert.Tags, ","), strings.Join(want.Tags, ",")}, "scope": {strings.Join(d.Alert.Scope, ","), strings.Join(want.Scope, ",")},
			"org": {d.Alert.OrgID + d.Alert.OrgName, want.OrgID + want.OrgName}, "type of alert": {d.Alert.AlertType, want.AlertType},
			"incident": {fmt.Sprint(d.Alert.Incident), fmt.Sprint(want.Incident)}, "time": {d.Alert.Time.String(), want.Time.String()},
		} {
			if pair[0] != pair[1] && !strings.Contains(pair[0], "hidden") && !strings.Contains(pair[0], "[") {
				t.Errorf("%s: %s is %q and was %q", d.Alert.Delivery, what, pair[0], pair[1])
			}
		}
	}
}

func starts(r *playback.Result) []string {
	var all []string
	for _, s := range r.Starts {
		all = append(all, s.At.UTC().Format(time.RFC3339)+" "+s.Case+" "+s.Severity)
	}
	return all
}

// Two policies: one holds for ten minutes, the other for thirty seconds. Three incidents last five minutes, one a minute,
// one half an hour.
func TestCompare(t *testing.T) {
	s := `
title: A
monitors:
  a: {title: Short, priority: P2, tags: [env:prod, service:a]}
  b: {title: Middle, priority: P2, tags: [env:prod, service:b]}
  c: {title: Long, priority: P3, tags: [env:prod, service:c]}
  d: {title: Critical, priority: P1, tags: [env:prod, service:d]}
alerts:
  - {at: 0s, monitor: a, recovers: 20s}
  - {at: 1h, monitor: b, recovers: 5m, every: 1h, for: 3h}
  - {at: 5h, monitor: c, recovers: 30m}
  - {at: 6h, monitor: d, recovers: 30m}
`
	w := worldOf(t, s)
	short, long := parsePolicy(t, "hold: {P2: 30s, P3: 2m}\n"), parsePolicy(t, "hold: {P2: 10m, P3: 10m}\nbudget: {price_a_second: 0.01}\n")
	c := playback.Compare([]*playback.Result{play(t, w, short)}, []*playback.Result{play(t, w, long)})
	var out strings.Builder
	if err := c.WriteText(&out, [2]string{"short.yaml", "long.yaml"}); err != nil {
		t.Fatal(err)
	}
	// Under short: Middle three times after a minute, Long after two, Critical at once: 5 × 480 s × $0.0083 = $19.92.
	// Under long: Long after ten minutes and Critical: 2 × 480 s × $0.01 = $9.60.
	lines := strings.Split(out.String(), "\n")
	for i := range lines {
		lines[i] = strings.Join(strings.Fields(lines[i]), " ")
	}
	got := strings.Join(lines, "\n")
	const wanted = `short.yaml long.yaml
starts 5 2
dollars $19.92 $9.60
delay of P1: median, nine of ten 0:00:00, 0:00:00 0:00:00, 0:00:00
delay of P2: median, nine of ten 0:01:00, 0:01:00 -
delay of P3: median, nine of ten 0:02:00, 0:02:00 0:10:00, 0:10:00

The Agent is told of these only under short.yaml (3):
2026-11-02 10:00:00Z P2 Middle; under the other: wait hold, its case ended recovered
2026-11-02 11:00:00Z P2 Middle; under the other: wait hold, its case ended recovered
2026-11-02 12:00:00Z P2 Middle; under the other: wait hold, its case ended recovered
`
	if got != wanted {
		t.Errorf("it says\n%s\nwant\n%s", got, wanted)
	}
	rep := c.Report()
	if rep.Starts != 2 || rep.Dollars != 9.6 || len(rep.OnlyHere) != 3 || len(rep.OnlyThere) != 0 || *rep.Delays[2].OtherP90 != 600 || *rep.Delays[1].Median != 60 || rep.Delays[1].OtherMedian != nil || rep.Delays[1].OtherP90 != nil || *rep.Delays[0].P90 != 0 {
		t.Errorf("%+v", rep)
	}
	back := playback.Compare([]*playback.Result{play(t, w, long)}, []*playback.Result{play(t, w, short)}).Report()
	if len(back.OnlyThere) != 3 || len(back.OnlyHere) != 0 || back.OnlyThere[0].Title != "Middle" {
		t.Errorf("%+v", back)
	}
	// Two Worlds add up.
	first, then := play(t, w, short), play(t, w, long)
	sum := playback.Compare([]*playback.Result{first, first}, []*playback.Result{then, then}).Report()
	if sum.Starts != 4 || sum.Dollars != 19.2 || len(sum.OnlyHere) != 6 {
		t.Errorf("of two Worlds: %+v", sum)
	}
	if both := playback.Compare([]*playback.Result{first, first}, []*playback.Result{then, then}); both.Starts[0] != 10 || both.Dollars[0] != 10*3_984_000 {
		t.Errorf("of two Worlds: %+v", both)
	}
	out.Reset()
	r := []*playback.Result{play(t, w, short)}
	if err := playback.Compare(r, r).WriteText(&out, [2]string{"a", "b"}); err != nil || !strings.Contains(out.String(), "The Agent is told of the same incidents under both.") {
		t.Errorf("%v: %s", err, out.String())
	}
}

// Of 40 services the Agent is told of 39: of four by cases of their own, of 35 by the storm's, and of the fifth not at all.
func TestCompareStorm(t *testing.T) {
	w := playback.OfScenario(load(t, "deploy-breaks-forty-services"))
	c := playback.Compare([]*playback.Result{play(t, w, policy.Default())}, []*playback.Result{play(t, w, parsePolicy(t, "mode: critical_only\n"))})
	for _, in := range c.Told {
		if in.Under != 0 || in.Instead != "drop critical_only" || in.Title == "Error rate of service 05" {
			t.Errorf("%+v", in)
		}
	}
	if len(c.Told) != 39 {
		t.Errorf("the Agent is told of %d", len(c.Told))
	}
}

// Delays are counted from the alert to the start, not to the minute: one that comes so many seconds after a tick, and is
// held for thirty, starts with the first tick after that. Ten of P2 wait 35, 40, 45, 50, 55, 60, 70, 75, 80 and 85
// seconds, so the fifth is the median and the ninth is what nine of ten do not exceed. Three of P3 wait 120, 160 and 170.
func TestDelays(t *testing.T) {
	s := "title: A\nmonitors:\n  a: {title: A, priority: P2, tags: [env:prod]}\n  b: {title: B, priority: P3, tags: [env:prod]}\nalerts:\n"
	for i, second := range []int{50, 0, 5, 45, 10, 15, 40, 20, 25, 35} {
		s += fmt.Sprintf("  - {at: %dh%ds, monitor: a, recovers: 10m}\n", i, second)
	}
	for i, second := range []int{10, 0, 20} {
		s += fmt.Sprintf("  - {at: %dh%ds, monitor: b, recovers: 10m}\n", 20+i, second)
	}
	r := []*playback.Result{play(t, worldOf(t, s), parsePolicy(t, "budget: {dollars_a_month: unlimited}\n"))}
	var got []string
	for _, d := range playback.Compare(r, r).Delays {
		got = append(got, fmt.Sprintf("%s %d %s %s", d.Priority, d.Starts[1], d.Median[1], d.High[0]))
	}
	const want = "P2 10 55s 1m20s, P3 3 2m40s 2m50s"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("%s\nwant %s", s, want)
	}
}

// An incident that joins while the case waits is told to the Agent; one that joins after the start is not, whichever
// policy it is. What waits at the end, and what was dropped, is said so.
func TestCompareTold(t *testing.T) {
	w := worldOf(t, `
title: A
lasts: 20m
monitors:
  a: {title: First, priority: P2, tags: [env:prod, service:s]}
  b: {title: Second, priority: P2, tags: [env:prod, service:s]}
  c: {title: Third, tags: [env:prod, service:t]}
alerts:
  - {at: 0s, monitor: a, twice: true}
  - {at: 3m, monitor: b}
  - {at: 5m, monitor: c}
`)
	soon, late, off := parsePolicy(t, "{}\n"), parsePolicy(t, "hold: {P2: 4m}\n"), parsePolicy(t, "hold: {P2: 1h}\n")
	told := func(a, b gate.Policy) string {
		c := playback.Compare([]*playback.Result{play(t, w, a)}, []*playback.Result{play(t, w, b)})
		var lines []string
		for _, in := range c.Told {
			lines = append(lines, fmt.Sprintf("%d %s: %s", in.Under, in.Title, in.Instead))
		}
		return strings.Join(lines, "\n")
	}
	if got, want := told(soon, late), "1 Second: join not_told"; got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	const want = "0 First: wait hold, its case still waits\n0 Third: wait hold, its case still waits"
	if got := told(soon, off); got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	const dropped = "1 First: drop critical_only\n1 Third: drop critical_only"
	if got := told(parsePolicy(t, "mode: critical_only\n"), soon); got != dropped {
		t.Errorf("it says\n%s\nwant\n%s", got, dropped)
	}
	// What follows is dropped under both, and is not why.
	warns := worldOf(t, `
title: A
lasts: 20m
monitors: {a: {title: First, priority: P2, tags: [env:prod]}}
alerts:
  - {at: 0s, monitor: a}
  - {at: 5m, monitor: a, transition: Warn}
`)
	c := playback.Compare([]*playback.Result{play(t, warns, parsePolicy(t, "mode: critical_only\n"))}, []*playback.Result{play(t, warns, soon)})
	if len(c.Told) != 1 || c.Told[0].Instead != "drop critical_only" {
		t.Errorf("the warning is taken for the cause: %+v", c.Told)
	}
	// Of several worlds it is said in which.
	warns.Scenario.Name = "warns.yaml"
	warns = playback.OfScenario(warns.Scenario)
	both := func(p gate.Policy) []*playback.Result { return []*playback.Result{play(t, w, soon), play(t, warns, p)} }
	var text strings.Builder
	if err := playback.Compare(both(parsePolicy(t, "mode: critical_only\n")), both(soon)).WriteText(&text, [2]string{"one", "other"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "\n  warns.yaml  2026-11-02 09:00:00Z  P2  First; under the other: drop critical_only\n") {
		t.Errorf("it prints\n%s", &text)
	}
	// Second heals after seventy seconds: after the start under soon, before it under late. Third heals before any start, so
	// it has outlived no hold.
	w = worldOf(t, `
title: A
lasts: 20m
monitors:
  a: {title: First, priority: P2, tags: [env:prod, service:s]}
  b: {title: Second, priority: P2, tags: [env:prod, service:s]}
  c: {title: Third, priority: P2, tags: [env:prod, service:s]}
alerts:
  - {at: 0s, monitor: a}
  - {at: 10s, monitor: b, recovers: 60s}
  - {at: 20s, monitor: c, recovers: 10s}
`)
	if got, want := told(soon, late), "0 Second: join covered, and it recovered before the start"; got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	if got, want := told(parsePolicy(t, "hold: 0s\n"), soon), "1 Second: join not_told"; got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
}

// The text of a scenario that has one of each thing.
func TestText(t *testing.T) {
	w := worldOf(t, `
title: A bit of all
agent: [{at: 10m, is: slow}]
hand:
  - {at: 20m, mode: critical_only, for: 5m, by: ana, reason: night}
  - {at: 40m, silence: service = shop, for: 5m, by: bob, reason: noise}
alerts:
  - {at: 1m, monitor: Shop is slow, priority: P3, tags: [env:prod, service:shop], group: "host:{n}", groups: 9, recovers: 1m}
  - {at: 21m, monitor: Mail is late, priority: P2, tags: [env:prod, service:mail], expect: drop critical_only}
  - {at: 30m, monitor: Mail is late, priority: P2, tags: [env:prod, service:mail], transition: Renotify, expect: wait hold}
  - {at: 41m, monitor: Shop is down, priority: P2, tags: [env:prod, service:shop], expect: drop silenced}
`)
	r := play(t, w, policy.Default())
	for _, diff := range playback.Expect(r) {
		t.Error(diff)
	}
	var out strings.Builder
	if err := playback.WriteText(&out, r); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, c := range r.Cases {
		text = strings.ReplaceAll(text, c.ID, "ab-"+c.Service)
	}
	const want = `x.yaml: A bit of all

  TIME     WHAT                  VERDICT  REASON         PRIO  TITLE                       CASE
  0:01:00  Triggered             wait     hold           P3    Shop is slow (host:1)       ab-shop
  0:01:00  Triggered             join     covered        P3    Shop is slow (host:2)       ab-shop
  0:01:00  Triggered             join     covered        P3    Shop is slow (host:3)       ab-shop
  0:01:00  Triggered             join     covered        P3    Shop is slow (host:4)       ab-shop
  …        5 more like these until 0:01:00
  0:02:00  Recovered             drop     recovered      P3    Shop is slow (host:1)       ab-shop
  0:02:00  Recovered             drop     recovered      P3    Shop is slow (host:2)       ab-shop
  0:02:00  Recovered             drop     recovered      P3    Shop is slow (host:3)       ab-shop
  …        6 more like these until 0:02:00
  0:02:00  ► ended                        recovered            Shop is slow                ab-shop
  0:10:00  ► the Agent is slow
  0:20:00  ► mode critical_only                                ana: night
  0:21:00  Triggered             drop     critical_only  P2    Mail is late
  0:30:00  Renotify              wait     hold           P2    Mail is late                ab-mail
  0:31:00  ► investigation                HIGH                 Mail is late (service:mail)  ab-mail
  0:40:00  ► silence                                           bob: noise
  0:41:00  Triggered             drop     silenced       P2    Shop is down

  21 alerts: 9 drop recovered, 8 join covered, 2 wait hold, 1 drop critical_only, 1 drop silenced
  1 start, $3.98
`
	squeeze := func(s string) string {
		var lines []string
		for l := range strings.SplitSeq(s, "\n") {
			lines = append(lines, strings.Join(strings.Fields(l), " "))
		}
		return strings.Join(lines, "\n")
	}
	if squeeze(text) != squeeze(want) {
		t.Errorf("it says\n%s\nwant\n%s", text, want)
	}
}

// An order by hand that is not accepted ends the play, and says which.
func TestOrderThatIsRefused(t *testing.T) {
	text := "title: A\nalerts: [{at: 0s, monitor: M}]\nhand:\n"
	for n := range gate.MaxSilences + 1 { // each is one that can be, and only the play shows that they are too many
		text += fmt.Sprintf("  - {at: 5m, silence: env = x, reason: number %d}\n", n)
	}
	_, err := playback.Play(t.Context(), worldOf(t, text), policy.Default(), playback.Watch{})
	if err == nil || !strings.HasPrefix(err.Error(), "x.yaml: what is ordered by hand after 5m0s: there are 100 silences, and no more are possible") {
		t.Errorf("%v", err)
	}
}

// FuzzDeliveries: whatever a file holds, what can be played of it is played, and what is printed does nothing to a
// terminal.
func FuzzDeliveries(f *testing.F) {
	f.Add([]byte(body("1", 0) + "\n" + body("2", 0) + "\nnonsense"))
	f.Add([]byte(`{"received_at":"2026-11-21T12:00:07Z","body_text":"{}"}`))
	f.Add([]byte("{\"alertbridge_archive\":1}\n{\"received\":\"2026-11-21T12:00:00Z\",\"alert\":{\"delivery\":\"a\"}}"))
	f.Add([]byte(`{"requestContext":{"timeEpoch":1795262405000},"headers":{},"body":"e30=","isBase64Encoded":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c playback.Captured
		var err error
		switch playback.KindOf(text) {
		case playback.IsArchive:
			_, err = c.AddArchive("x", text)
		case playback.IsDeliveries:
			_, err = c.AddDeliveries("x", text)
		default:
			return
		}
		if err != nil {
			return
		}
		w, err := c.World()
		if err != nil || len(w.Arrivals) > 100 || w.End.Sub(w.Begin) > 30*24*time.Hour {
			return
		}
		r := play(t, w, policy.Default())
		for _, d := range r.Alerts {
			if d.Alert.Delivery != "" && d.Verdict == "" {
				t.Errorf("no verdict for %+v", d.Alert)
			}
		}
		var out bytes.Buffer
		if err := playback.WriteText(&out, r); err != nil {
			t.Fatal(err)
		}
		if i := bytes.IndexFunc(out.Bytes(), func(c rune) bool { return c < ' ' && c != '\n' || c == 0x7f || 0x80 <= c && c < 0xa0 }); i >= 0 {
			t.Errorf("it prints %q", out.Bytes()[i:])
		}
		_ = playback.Picture(r)
	})
}

// A case that a critical alert lifts has waited since the one that opened it, and counts with that one's priority.
func TestDelayOfALiftedCase(t *testing.T) {
	r := []*playback.Result{play(t, playback.OfScenario(load(t, "composite")), policy.Default())}
	d := playback.Compare(r, r).Delays
	if len(d) != 1 || d[0].Priority != "P3" || d[0].Median[0] != 30*time.Second {
		t.Errorf("%+v", d)
	}
}

// Up to four lines that are alike are shown; of more the first three, and how many follow. A case that
// waits when all is over is told.
func TestFold(t *testing.T) {
	for number, want := range map[int]string{4: "", 5: "2 more like these until 0:00:04"} {
		text := "title: A\nalerts:\n"
		for i := range number {
			text += fmt.Sprintf("  - {at: %ds, monitor: M%d, transition: Warn}\n", i, i)
		}
		text += "  - {at: 1h, monitor: M}\nlasts: 1h\n"
		var out strings.Builder
		if err := playback.WriteText(&out, play(t, worldOf(t, text), policy.Default())); err != nil {
			t.Fatal(err)
		}
		sum := fmt.Sprintf("  %d alerts: %d drop warn, 1 wait hold\n  0 starts, $0.00\n  1 case still waits at the end\n", number+1, number)
		if got := out.String(); strings.Contains(got, "more like these") != (want != "") || !strings.Contains(got, want) || !strings.Contains(got, sum) {
			t.Errorf("of %d:\n%s\nwant %q and %q", number, got, want, sum)
		}
	}
}

// What comes again and again in the same order is shown once, with how often it comes and until when: from five times on.
// JSON has it all.
func TestFoldsRounds(t *testing.T) {
	for number, want := range map[int]string{4: "", 5: "  …        these 3 lines 4 more times until 20:10:00\n"} {
		text := fmt.Sprintf("title: A\nalerts: {at: 0s, monitor: M, priority: P1, tags: [env:prod], recovers: 10m, every: 5h, for: %dh}\n", 5*number)
		r := play(t, worldOf(t, text), policy.Default())
		var out strings.Builder
		if err := playback.WriteText(&out, r); err != nil {
			t.Fatal(err)
		}
		shown := number
		if want != "" {
			shown = 1
		}
		if got := out.String(); !strings.Contains(got, want) || strings.Count(got, "► investigation") != shown || strings.Count(got, "Recovered") != shown {
			t.Errorf("of %d:\n%s\nwant %q", number, got, want)
		}
		if rep := playback.NewReport([]*playback.Result{r}, nil); len(rep.Alerts) != 2*number || len(rep.Files[0].Starts) != number {
			t.Errorf("of %d JSON has %d alerts and %d starts", number, len(rep.Alerts), len(rep.Files[0].Starts))
		}
	}
}

// What goes wrong stands where it does: at a step when it meets it, and for a while when it begins.
func TestTextOfFaults(t *testing.T) {
	w := worldOf(t, `
title: All goes wrong
calm: 30m
alerts: [{at: 10m, monitor: M, priority: P1, tags: [env:prod]}, {at: 20m, unreadable: true, expect: drop unreadable}]
agent: [{at: 0s, is: slow, for: 1m}, {at: 2m, is: takes and hangs, for: 30s}]
hand:
  - {at: 3m, start: 1}
  - {at: 4m, stop: 1}
  - {at: 5m, retry: true}
  - {at: 6m, redrive: true}
  - {at: 40m, start_alert: 7, by: anna, reason: cannot wait}
  - {at: 41m, stop_alert: 7, by: anna, reason: for nothing}
faults:
  - {at: 0s, fault: crash before, in: dispatcher, step: commit}
  - {at: 0s, fault: paused, in: dispatcher, step: commit, nth: 2, by: 1s}
  - {at: 7m, fault: skewed, in: scheduler, by: -3s, for: 1m}
  - {at: 8m, fault: no ticks, for: 1m}
  - {at: 1m, fault: delete lost}
  - {at: 59m, fault: send lost}
`)
	r := play(t, w, policy.Default())
	for _, diff := range playback.Expect(r) {
		t.Error(diff)
	}
	var out strings.Builder
	if err := playback.WriteText(&out, r); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, c := range r.Cases {
		text = strings.ReplaceAll(text, c.ID, "ab-1")
	}
	const want = `x.yaml: All goes wrong

  TIME     WHAT                                     VERDICT  REASON        PRIO  TITLE                              CASE
  0:00:00  ► the Agent is slow for 0:01:00
  0:01:00  ► delete lost
  0:02:00  ► the Agent takes and hangs for 0:00:30
  0:03:00  ► start by hand                                                       on-call: by the scenario
  0:04:00  ► stop by hand                                                        on-call: by the scenario
  0:05:00  ► retry by hand                                                       on-call: by the scenario
  0:06:00  ► redrive by hand                                                     on-call: by the scenario
  0:07:00  ► skewed                                                              in scheduler, by -3s, for 0:01:00
  0:08:00  ► no ticks                                                            for 0:01:00
  0:10:00  ► crash before                                                        in dispatcher, at commit
  0:10:00  Triggered                                start    new_incident  P1    M                                  ab-1
  0:11:30  ► investigation                                   CRITICAL            M                                  ab-1
  0:11:30  ► paused                                                              in dispatcher, at commit, by 1s
  0:20:00  (no alert)                               drop     unreadable    -
  0:30:00  ► nothing goes wrong from now on
  0:40:00  ► start by hand                                                       anna: cannot wait
  0:41:00  ► stop by hand                                                        anna: for nothing

  2 alerts: 1 drop unreadable, 1 start new_incident
  1 start, $3.98
  1 fault met nothing
`
	if text != want {
		t.Errorf("it says\n%s\nand should say\n%s", text, want)
	}
}
