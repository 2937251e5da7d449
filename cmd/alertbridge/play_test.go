package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/playback"
	"github.com/alertbridge/alertbridge/docs/docstest"
)

// scratch writes a file for one test.
func scratch(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const slow = `title: Slow
alerts:
  - {at: 0s, monitor: Search is slow, priority: P2, tags: [env:prod, service:search], recovers: 5m, expect: wait hold}
expect:
  starts: [{at: 1m}]
`

// The status says for scripts whether all came as expected.
func TestPlayExpect(t *testing.T) {
	good := scratch(t, "good.yaml", slow)
	bad := scratch(t, "bad.yaml", strings.Replace(slow, "wait hold", "start new_incident", 1))
	bare := scratch(t, "bare.yaml", "title: Bare\nalerts: [{at: 0s, monitor: M}]\n")
	for _, row := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{good}, 0, "1 start, $3.98"},
		{[]string{bad}, 0, "1 start, $3.98"},
		{[]string{good, "--expect"}, 0, "  all came as expected\n"},
		{[]string{good, bad, "--expect"}, 1, bad + `:3: 0:00:00 Triggered "Search is slow" got wait hold, and should get start new_incident`},
		{[]string{bare, "--expect"}, 1, bare + ": nothing is expected in it"},
	} {
		got := call(t, "", append([]string{"play"}, row.args...)...)
		if got.status != row.status || got.errs != "" || !strings.Contains(got.out, row.says) {
			t.Errorf("%v: status %d\n%s%s\nwant %q", row.args, got.status, got.out, got.errs, row.says)
		}
	}
}

// The policy is the flag's, else the scenario's own; the tests' folder has none, so else it is the default.
func TestPlayPolicies(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"ten.yaml":    "hold: {P2: 10m}\n",
		"none.yaml":   strings.Replace(slow, "title: Slow\n", "title: Slow\npolicy: ten.yaml\n", 1),
		"inside.yaml": strings.Replace(slow, "title: Slow\n", "title: Slow\npolicy:\n  hold: {P2: 10m}\n", 1),
		"gone.yaml":   strings.Replace(slow, "title: Slow\n", "title: Slow\npolicy: nowhere.yaml\n", 1),
		"wrong.yaml":  strings.Replace(slow, "title: Slow\n", "title: Slow\npolicy:\n  hodl: {P2: 10m}\n", 1),
		"plain.yaml":  slow,
		"soon.yaml":   "hold: {P2: 1s}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		args      string
		status    int
		out, errs string
	}{
		{"plain.yaml", 0, "1 start", ""},
		{"plain.yaml --policy ten.yaml", 0, "0 starts", ""},
		{"none.yaml", 0, "0 starts", ""},
		{"inside.yaml", 0, "0 starts", ""},
		{"inside.yaml --policy plain.yaml", 1, "", `plain.yaml:1:1: a policy has no key "title"`},
		{"gone.yaml", 1, "", "gone.yaml: the policy cannot be read"},
		{"wrong.yaml", 1, "", "wrong.yaml:3:3:"},
		{"plain.yaml --against nowhere.yaml", 1, "", "--against: the policy cannot be read"},
		{"plain.yaml --against ten.yaml", 0, "The Agent is told of these only under the policy (1):\n  2026-11-02 09:00:00Z  P2  Search is slow; under the other: wait hold, its case ended recovered", ""},
		{"plain.yaml --policy soon.yaml --against ten.yaml", 0, "The Agent is told of these only under " + filepath.Join(dir, "soon.yaml") + " (1):\n", ""},
	} {
		args := []string{"play"}
		for _, a := range strings.Fields(row.args) {
			if strings.HasSuffix(a, ".yaml") {
				a = filepath.Join(dir, a)
			}
			args = append(args, a)
		}
		got := call(t, "", args...)
		if got.status != row.status || !strings.Contains(got.out, row.out) || !strings.Contains(got.errs, row.errs) {
			t.Errorf("%s: status %d\n%s%s", row.args, got.status, got.out, got.errs)
		}
	}
}

// Where neither a flag nor a scenario says which policy counts, policy.yaml of the folder does, and without one the
// defaults; and it is told which it was.
func TestPlayUsesThePolicyOfThisFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("plain.yaml", slow)
	write("inside.yaml", strings.Replace(slow, "title: Slow\n", "title: Slow\npolicy:\n  hold: {P2: 1m}\n", 1))
	write("full.yaml", "mode: full\n")
	says := func(want, starts, file string, args ...string) {
		t.Helper()
		got := call(t, "", append([]string{"play"}, args...)...)
		if got.status != 0 || got.errs != "" || !strings.HasPrefix(got.out, "Played under "+want+".\n\n"+args[0]+": Slow\n\n") ||
			!strings.Contains(got.out, "\n  "+starts+", $") {
			t.Errorf("%v: status %d\n%s%s", args, got.status, got.out, got.errs)
		}
		got = call(t, "", append([]string{"play", "--json"}, args...)...)
		var rep playback.Report
		if err := json.Unmarshal([]byte(got.out), &rep); err != nil || len(rep.Files) == 0 || rep.Files[0].Policy != file {
			t.Errorf("%v as JSON: %v\n%s", args, err, got.out)
		}
	}
	const none = "the policy's defaults (there is no policy.yaml in this folder)"
	says(none, "1 start", "", "plain.yaml")
	write("policy.yaml", "mode: off\n")
	says("the policy in policy.yaml", "0 starts", "policy.yaml", "plain.yaml")
	says("the policy in full.yaml", "1 start", "full.yaml", "plain.yaml", "--policy", "full.yaml")
	says("the policy in inside.yaml", "1 start", "inside.yaml", "inside.yaml")

	// It is said anew where it is another one, and only there.
	got := call(t, "", "play", "plain.yaml", "plain.yaml", "inside.yaml", "plain.yaml")
	if strings.Count(got.out, "Played under") != 3 || strings.Count(got.out, "\n\nPlayed under the policy in inside.yaml.\n\ninside.yaml: Slow\n") != 1 {
		t.Errorf("%s%s", got.out, got.errs)
	}

	// One that cannot be used is not passed over; but what has a policy of its own does not read it.
	write("policy.yaml", "mode: ful\n")
	if got := call(t, "", "play", "plain.yaml"); got.status != 1 || !strings.Contains(got.errs, "policy.yaml:1:7: ") || got.out != "" {
		t.Errorf("status %d\n%s%s", got.status, got.out, got.errs)
	}
	says("the policy in inside.yaml", "1 start", "inside.yaml", "inside.yaml")
}

// What --json prints has the members that docs/play.md tells of, and no others.
func TestPlayJSON(t *testing.T) {
	ten := scratch(t, "ten.yaml", "hold: {P2: 10m}\n")
	got := call(t, "", "play", scratch(t, "slow.yaml", slow), "--against", ten, "--json")
	if got.status != 0 || got.errs != "" {
		t.Fatalf("status %d: %s", got.status, got.errs)
	}
	var rep playback.Report
	d := json.NewDecoder(strings.NewReader(got.out))
	d.DisallowUnknownFields()
	if err := d.Decode(&rep); err != nil {
		t.Fatal(err)
	}
	if rep.Starts != 1 || rep.Dollars != 3.984 || rep.Verdicts["wait"] != 1 || rep.Verdicts["drop"] != 1 || rep.Verdicts["start"] != 0 ||
		len(rep.Alerts) != 2 || rep.Alerts[0].Verdict != "wait" || rep.Alerts[0].Reason != "hold" || len(rep.Alerts[0].EventID) != 19 ||
		rep.Alerts[0].Case != rep.Files[0].Starts[0].Case || rep.Against.Starts != 0 || len(rep.Against.OnlyHere) != 1 {
		t.Errorf("%+v", rep)
	}
	var any map[string]any
	if err := json.Unmarshal([]byte(got.out), &any); err != nil {
		t.Fatal(err)
	}
	found := append(membersOf("", any), membersInTrouble(t)...)
	var told []string
	for _, r := range docstest.Table(t, "docs/play.md", "json") {
		told = append(told, r["member"])
	}
	slices.Sort(found)
	slices.Sort(told)
	// No incident is told of only under the other policy here, so its list has no members to find.
	told = slices.DeleteFunc(told, func(s string) bool { return strings.HasPrefix(s, "against.told_only_under_other[].") })
	if found = slices.Compact(found); !slices.Equal(found, told) {
		t.Errorf("it has\n%v\nand the page tells of\n%v", found, told)
	}
}

// membersInTrouble are those of a play in which the Agent refuses one start that it has taken, and leaves another in doubt.
func membersInTrouble(t *testing.T) []string {
	t.Helper()
	trouble := scratch(t, "trouble.yaml", "title: Trouble\nagent: [{at: 0s, is: takes and refuses, for: 1m}, {at: 1h, is: gibberish}]\n"+
		"alerts: [{at: 0s, monitor: A, priority: P1}, {at: 1h, monitor: B, priority: P1}]\n")
	got := call(t, "", "play", trouble, "--policy", scratch(t, "stop.yaml", "in_doubt: stop\n"), "--against", scratch(t, "repeat.yaml", ""), "--json")
	if got.status != 0 || got.errs != "" {
		t.Fatalf("status %d: %s", got.status, got.errs)
	}
	var rep playback.Report
	if err := json.Unmarshal([]byte(got.out), &rep); err != nil {
		t.Fatal(err)
	}
	if rep.Refused != 1 || rep.InDoubt != 1 || *rep.Besides != 3.984 || *rep.Denied != 3.984 || *rep.Counted != 3.984 || rep.Against.Refused != 1 {
		t.Errorf("%+v", rep)
	}
	var any map[string]any
	if err := json.Unmarshal([]byte(got.out), &any); err != nil {
		t.Fatal(err)
	}
	return membersOf("", any)
}

// membersOf names the members of a JSON text; those of an object in a list behind [].
func membersOf(path string, v any) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			at := strings.TrimPrefix(path+"."+name, ".")
			if path == "verdicts" {
				continue // whose members are the verdicts
			}
			all = append(append(all, at), membersOf(at, value)...)
		}
	case []any:
		for _, e := range v {
			all = append(all, membersOf(path+"[]", e)...)
		}
	}
	return all
}

// What cannot be played ends with status 1 and says which file; a wrong command line with 2.
func TestPlayRefuses(t *testing.T) {
	typo := scratch(t, "typo.yaml", "title: A\nalerts:\n  - {at: 0s, monitr: M}\n")
	plain := scratch(t, "plain.yaml", slow)
	archived := scratch(t, "new.jsonl", "{\"alertbridge_archive\":2}\n")
	for _, row := range []struct {
		in     string
		args   []string
		status int
		errs   string
	}{
		{"", []string{"play"}, 2, "name a scenario, deliveries, an archive, or - for standard input"},
		{"", []string{"play", plain, plain, "--picture", filepath.Join(t.TempDir(), "x.svg")}, 2, "--picture draws one scenario, or the deliveries and archives of one history, and there are 2"},
		{"", []string{"play", plain, "--picture", filepath.Join(t.TempDir(), "nowhere", "x.svg")}, 1, "no such file"},
		{"", []string{"play", "nowhere.yaml"}, 1, "open nowhere.yaml: no such file or directory"},
		{"", []string{"play", typo}, 1, typo + `:3:14: there is no "monitr" in an alert; did you mean "monitor"?`},
		{"", []string{"play", archived}, 1, archived + " cannot be played: it is an archive of version 2"},
		{"{}", []string{"play", "-"}, 1, "- cannot be played: there is no delivery in it that can be played"},
		{"{\"alertbridge_archive\":1}\n", []string{"play", "-"}, 1, "there is nothing to play"},
		{"x", []string{"play", "-"}, 1, "-:1:1: a scenario is written as names with values"},
		{"nonsense", []string{"archive"}, 1, "-: skipped: 1 of something else\nalertbridge: there is no record of a decision in it"},
		{"", []string{"archive", "nowhere.log"}, 1, "open nowhere.log: no such file or directory"},
		{"\x1f\x8bx", []string{"archive", "-"}, 1, "-: it looks compressed with gzip, and is not"},
		{"\x1f\x8bx", []string{"play", "-"}, 1, "-: it looks compressed with gzip, and is not"},
		{"", []string{"archive", t.TempDir()}, 1, " is a directory; name the files in it"},
		{"", []string{"play", t.TempDir()}, 1, " is a directory; name the files in it"},
	} {
		got := call(t, row.in, row.args...)
		if got.status != row.status || got.out != "" || !strings.Contains(got.errs, row.errs) {
			t.Errorf("%v: status %d\n%s%s\nwant %q", row.args, got.status, got.out, got.errs, row.errs)
		}
	}
}

// A log becomes an archive, and the archive is played; what was left out is said.
func TestArchiveAndPlay(t *testing.T) {
	const record = `{"message":"alert decided","delivery":"dd-1-9","verdict":"drop","reason":"mode_off","source":"datadog","event":"9",` +
		`"incident":"1/77/c.9","transition":"Triggered","severity":"HIGH","title":"Search is slow","time":"2026-11-21T12:00:00Z",` +
		`"alert":{"received":"2026-11-21T12:00:01Z","monitor":"77","priority":"P2","org":"1","cycle":true,"tags":["env:prod"]}}` + "\n"
	log := scratch(t, "x.log", "START\n"+record+record[:50]+"\n")
	got := call(t, "", "archive", log)
	const says = ": skipped: 1 broken, 1 of something else (line 3: it tells of a decision, and is no whole JSON)\n"
	if got.status != 0 || got.errs != "alertbridge: "+log+says || strings.Count(got.out, "\n") != 2 {
		t.Fatalf("status %d\n%s%s", got.status, got.out, got.errs)
	}
	played := call(t, got.out+"broken\n", "play", "-")
	if played.status != 0 || !strings.Contains(played.out, "2026-11-21 12:01:00Z  ► investigation") || !strings.Contains(played.out, "\n  1 start, $3.98\n") {
		t.Errorf("status %d\n%s", played.status, played.out)
	}
	if played.errs != "alertbridge: -: skipped: 1 broken (line 3: it is no JSON of an alert)\n" {
		t.Errorf("it says %s", played.errs)
	}
	// Compressed it is the same. The log itself would be taken for deliveries, and is refused.
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(got.out + "broken\n")) // into memory
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if again := call(t, packed.String(), "play", "-"); again != played {
		t.Errorf("compressed it is %+v\nelse\n%+v", again, played)
	}
	if cut := call(t, packed.String()[:packed.Len()/2], "play", "-"); cut.status != 1 || cut.errs != "alertbridge: - cannot be read: unexpected EOF\n" {
		t.Errorf("cut off: status %d\n%s", cut.status, cut.errs)
	}
	const refused = ": it is a log; alertbridge archive makes an archive of it, which can be\n"
	if raw := call(t, "", "play", log); raw.status != 1 || raw.errs != "alertbridge: "+log+" cannot be played"+refused {
		t.Errorf("the log itself: status %d\n%s", raw.status, raw.errs)
	}
}

// A byte order mark before a file, as editors of Windows put it there, is nothing: also where several files are put together.
func TestPlayPassesOverByteOrderMarks(t *testing.T) {
	const archived = "{\"alertbridge_archive\":1}\n" + `{"received":"2026-11-21T12:00:01Z","verdict":"drop","reason":"mode_off","alert":{"delivery":"dd-1-9","source":"datadog",` +
		`"incident":{"org":"1","monitor":"77","key":"c.9"},"transition":"Triggered","severity":4,"time":"2026-11-21T12:00:00Z","title":"T"}}` + "\n"
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).UnixMilli()
	for what, text := range map[string]string{
		"a scenario":        slow,
		"deliveries":        delivery("8", now),
		"an archive":        archived,
		"several, together": archived + "\ufeff" + archived,
		"many deliveries":   delivery("8", now) + "\ufeff" + delivery("9", now) + "\ufeff",
	} {
		plain := call(t, strings.ReplaceAll(text, "\ufeff", ""), "play", "-")
		if plain.status != 0 || plain.errs != "" {
			t.Fatalf("%s: status %d\n%s%s", what, plain.status, plain.out, plain.errs)
		}
		if marked := call(t, "\ufeff"+text, "play", "-"); marked != plain {
			t.Errorf("%s: status %d\n%s%s\nand without the mark\n%s", what, marked.status, marked.out, marked.errs, plain.out)
		}
	}
}

const decidedRecord = `{"message":"alert decided","delivery":"dd-1-9","verdict":"drop","reason":"mode_off","source":"datadog","event":"9",` +
	`"incident":"1/77/c.9","transition":"Triggered","severity":"HIGH","title":"Search is slow","time":"2026-11-21T12:00:00Z",` +
	`"alert":{"received":"2026-11-21T12:00:01Z","monitor":"77","priority":"P2","org":"1","cycle":true,"tags":["env:prod"]}}` + "\n"

// What can be read of all files is kept, though one is cut off and another is not there; who asks for the end gets it.
func TestArchiveKeepsWhatCanBeRead(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(decidedRecord)) // into memory
	if err := z.Flush(); err != nil {     // and it is never closed: the end is missing
		t.Fatal(err)
	}
	cut := scratch(t, "cut.gz", packed.String())
	good := scratch(t, "good.log", strings.ReplaceAll(decidedRecord, "dd-1-9", "dd-1-8"))
	got := call(t, "", "archive", cut, "nowhere.log", good)
	if got.status != 1 || strings.Count(got.out, "\n") != 3 || !strings.Contains(got.out, "dd-1-8") || !strings.Contains(got.out, "dd-1-9") ||
		!strings.Contains(got.errs, cut+": it cannot be read beyond line 2: unexpected EOF\n") || !strings.Contains(got.errs, "open nowhere.log: no such file") {
		t.Errorf("status %d\n%s%s", got.status, got.out, got.errs)
	}
	// An answer of the AWS CLI whose end is missing: the event that is whole is kept.
	message, _ := json.Marshal(strings.ReplaceAll(decidedRecord, "dd-1-9", "dd-1-7"))
	answer := scratch(t, "answer.json", "{\n    \"events\": [\n        {\n            \"message\": "+string(message)+"\n        },\n        {\n            \"mess")
	got = call(t, "", "archive", answer, good)
	if got.status != 1 || strings.Count(got.out, "\n") != 3 || !strings.Contains(got.out, "dd-1-7") || !strings.Contains(got.out, "dd-1-8") ||
		got.errs != "alertbridge: "+answer+": it is cut off in line 7\n" {
		t.Errorf("status %d\n%s%s", got.status, got.out, got.errs)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, command := range []string{"archive", "play"} {
		var out, errs bytes.Buffer
		status := execute(ended, []string{command, good}, strings.NewReader(""), &out, &errs)
		if status != 1 || out.Len() > 0 || !strings.Contains(errs.String(), "it was told to end before all was read") {
			t.Errorf("%s that is told to end: status %d\n%s%s", command, status, out.String(), errs.String())
		}
	}
}

// The pictures of the documentation are what the command draws today.
func TestPicturesAreAsDrawn(t *testing.T) {
	for _, name := range []string{"storm", "noise"} {
		path := filepath.Join(t.TempDir(), name+".svg")
		got := call(t, "", "play", filepath.Join(docstest.Root(t), "docs/pictures", name+".yaml"), "--expect", "--picture", path)
		if got.status != 0 {
			t.Fatalf("status %d\n%s", got.status, got.errs)
		}
		drawn, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(drawn) != docstest.Read(t, "docs/pictures/"+name+".svg") {
			t.Errorf("docs/pictures/%s.svg is another one; look at what make pictures draws", name)
		}
	}
}

// On a terminal long work tells how far it is, and removes that at its end.
func TestPlayTellsProgress(t *testing.T) {
	var out, errs bytes.Buffer
	p := player{out: &out, errs: &errs, terminal: true}
	path := scratch(t, "long.yaml", "title: Long\nalerts: [{at: 0s, monitor: M, every: 1s, for: 2500s, transition: Renotify}]\n")
	if err := p.run(context.Background(), []string{path}, strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(errs.String(), "\r"+path+": 2500 of 2500 alerts played") || !strings.HasSuffix(errs.String(), "\r\x1b[K") {
		t.Errorf("it says %q", errs.String())
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.run(ended, []string{path}, strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "it was told to end") {
		t.Errorf("%v", err)
	}
	p.out = brokenPipe{}
	if err := p.run(context.Background(), []string{path}, strings.NewReader("")); err == nil {
		t.Error("nobody reads, and it says nothing")
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
