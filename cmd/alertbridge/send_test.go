package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/events"
)

const eventsFolder = "../../events/http"

// lines are what send has printed, by the last element of the file's name.
func lines(t *testing.T, out string) map[string][]string {
	t.Helper()
	byFile := map[string][]string{}
	for l := range strings.Lines(out) {
		fields := regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(l), 5)
		if len(fields) != 5 {
			t.Fatalf("not a line of file, status, verdict, reason and the rest: %q", l)
		}
		byFile[filepath.Base(fields[0])] = fields[1:]
	}
	return byFile
}

// A delivery can be given in every form, and comes in byte for byte.
func TestSendTakesEveryForm(t *testing.T) {
	url := bridge(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	now := time.Now().UnixMilli()
	bare := write("bare.json", delivery("1", now))
	capture := write("capture.with-headers.json", quote(t, map[string]any{
		"received_at": "2026-11-03T10:00:00Z",
		"headers": map[string]string{
			"Authorization": "Bearer REDACTED", "Content-Type": "application/json; charset=utf-8", "Content-Length": "4147",
			"Traceparent": "00-000000000000000046abb28660870352-0e5fc54254ac193c-00", "X-Forwarded-For": "192.0.2.1",
		},
		"body_text": delivery("2", now),
	}))
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	write("folder/b.json", delivery("4", now))
	write("folder/a.JSON", delivery("3", now))
	write("folder/notes.md", "not a delivery")
	write("folder/below/c.json", delivery("9", now))

	got := call(t, delivery("5", now), "send", "--url", url, bare, capture, folder, "-", eventsFolder+"/triggered-too-old.json")
	if got.status != 0 || got.errs != "" {
		t.Fatalf("status %d, %q\n%s", got.status, got.errs, got.out)
	}
	want := strings.Join([]string{
		bare + "  202  start  new_incident        dd-1000042-8873000000000000001",
		capture + "  202  start  new_incident        dd-1000042-8873000000000000002",
		filepath.Join(folder, "a.JSON") + "  202  start  new_incident        dd-1000042-8873000000000000003",
		filepath.Join(folder, "b.json") + "  202  start  new_incident        dd-1000042-8873000000000000004",
		"-  202  start  new_incident        dd-1000042-8873000000000000005",
		eventsFolder + "/triggered-too-old.json  202  drop   too_old             dd-1000042-8872831270001885090",
	}, "\n")
	if out := regexp.MustCompile(`(?m)^(\S+) +(202)`).ReplaceAllString(strings.TrimSpace(got.out), "$1  $2"); out != want {
		t.Errorf("it printed\n%s\nwant\n%s", out, want)
	}
}

// delivery is a bare delivery, with what must come in as it is: blanks, escapes, a trailing new line.
func delivery(n string, at int64) string {
	return `{  "schema": "1", "event_id": "887300000000000000` + n + `", "cycle_key": "` + n + `", "monitor_id": "77",` +
		` "org_id": "1000042", "transition": "Triggered", "event_title": "\u6c7a\u6e08 <b>", "date": "` + number(at) + `" }` + "\n"
}

func number(n int64) string {
	text, _ := json.Marshal(n)
	return string(text)
}

func quote(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What arrives is exactly what the file says; of its headers those that are not another connection's.
func TestSendSendsTheExactBody(t *testing.T) {
	var body, token, bearer, trace, connection string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body, token, bearer = string(text), r.Header.Get("X-Alertbridge-Token"), r.Header.Get("Authorization")
		trace, connection = r.Header.Get("Traceparent"), r.Header.Get("X-Forwarded-For")+r.Header.Get("X-Request-Id")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"delivery":"d1"}`)
	}))
	defer server.Close()
	corpus, err := events.Load()
	if err != nil {
		t.Fatal(err)
	}
	capture := `{"headers":{"Authorization":"Bearer REDACTED","X-Request-Id":"1","Traceparent":"00-1"},"body_text":"{\n \"a\": \"\\u00b7\"}"}`
	for _, row := range []struct {
		why, in             string
		args                []string
		body, token, bearer string
		trace               string
	}{
		{"whatever it is", " \x00not JSON\xff\n", nil, " \x00not JSON\xff\n", events.Token, "", ""},
		{"a capture", capture, nil, "{\n \"a\": \"\\u00b7\"}", events.Token, "", "00-1"},
		{"a token of one's own", "{}", []string{"--token", "mine"}, "{}", "mine", "", ""},
		{"an event", file(t, "bearer-token"), nil, find(corpus, "bearer-token").Request.Body, "", "Bearer " + events.Token, find(corpus, "bearer-token").Request.Headers["traceparent"]},
		{"an event with a token of one's own", file(t, "bearer-token"), []string{"--token", "mine"}, find(corpus, "bearer-token").Request.Body, "mine", "", find(corpus, "bearer-token").Request.Headers["traceparent"]},
	} {
		got := call(t, row.in, append([]string{"send", "-", "--url", server.URL + "/datadog"}, row.args...)...)
		if got.status != 0 || body != row.body || token != row.token || bearer != row.bearer || trace != row.trace || connection != "" {
			t.Errorf("%s: status %d %s: it sent %q, token %q, bearer %q, trace %q, of a connection %q\nwant %q, %q, %q, %q",
				row.why, got.status, got.out, body, token, bearer, trace, connection, row.body, row.token, row.bearer, row.trace)
		}
	}
	t.Setenv(tokenVariable, "from the environment")
	if call(t, "{}", "send", "-", "--url", server.URL); token != "from the environment" {
		t.Errorf("with %s it sent %q", tokenVariable, token)
	}
}

func file(t *testing.T, name string) string {
	t.Helper()
	text, err := events.File("http/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func find(m events.Manifest, name string) events.Delivery {
	for _, d := range m.HTTP {
		if d.Case == name {
			return d
		}
	}
	return events.Delivery{}
}

// Old deliveries, played again: as they are, they start nothing; fresh, they do.
func TestSendFresh(t *testing.T) {
	url := bridge(t)
	old := time.Now().Add(-7 * time.Hour).UnixMilli()
	for _, row := range []struct {
		why    string
		in     string
		args   []string
		reason string
	}{
		{"a body that is old", delivery("1", old), nil, "too_old"},
		{"another one, moved", delivery("2", old), []string{"--fresh"}, "new_incident"},
		{"a capture, moved", quote(t, map[string]string{"body_text": delivery("3", old)}), []string{"--fresh"}, "new_incident"},
		{"an event, moved", file(t, "triggered-p1"), []string{"--fresh"}, "new_incident"},
		{"an event that was too late, moved", file(t, "triggered-too-old"), []string{"--fresh"}, "too_old"},
		{"in base64, moved", file(t, "base64"), []string{"--fresh"}, "new_incident"},
	} {
		got := call(t, row.in, append([]string{"send", "--url", url, "-"}, row.args...)...)
		if l := lines(t, got.out)["-"]; got.status != 0 || l[2] != row.reason {
			t.Errorf("%s: status %d, %v, want %s", row.why, got.status, l, row.reason)
		}
	}
}

// The whole corpus, fresh: each file that the door refuses makes the exit status 1, and the others have a verdict.
func TestSendAFolder(t *testing.T) {
	url := bridge(t)
	got := call(t, "", "send", "--fresh", "--url", url, eventsFolder)
	corpus, err := events.Load()
	if err != nil {
		t.Fatal(err)
	}
	by := lines(t, got.out)
	if got.status != 1 || len(by) != len(corpus.HTTP)-1 { // one is not a file
		t.Fatalf("status %d, %d lines, want 1 and %d", got.status, len(by), len(corpus.HTTP)-1)
	}
	for _, d := range corpus.HTTP {
		l := by[d.Case+".json"]
		if d.Generated {
			continue
		}
		if l[0] != number(int64(d.Status)) || (l[1] == "-") != (d.Verdict == "") {
			t.Errorf("%s: %v, want status %d and verdict %q", d.Case, l, d.Status, d.Verdict)
		}
		if accepted := strings.HasPrefix(l[3], "dd-"); accepted != (d.Status == 202) {
			t.Errorf("%s: %v, want a delivery's id or words", d.Case, l)
		}
	}
}

func TestSendSaysWhatIsWrong(t *testing.T) {
	url := bridge(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	gone := strings.TrimPrefix(closed.URL, "http://")
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/elsewhere":
			http.Redirect(w, r, url, http.StatusTemporaryRedirect)
		case "/gateway":
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"message":"Not Found\u001b[31m"}`)
		default:
			_, _ = io.WriteString(w, "<html>Sign in</html>")
		}
	}))
	defer page.Close()
	empty := t.TempDir()

	for _, row := range []struct {
		why  string
		args []string
		in   string
		want string
	}{
		{"no bridge there", []string{"--url", "http://" + gone, "-"}, "{}", "-    -      -                   nothing listens on " + gone + "; start a bridge there with alertbridge run, or name another with --url"},
		{"no such host", []string{"--url", "https://nobody.invalid", "-"}, "{}", "there is no host nobody.invalid; is --url right?"},
		{"a wrong token", []string{"--url", url, "--token", "wrong", "-"}, "{}", "401  -      -                   Send the bridge's ingest token in the header X-Alertbridge-Token or as a bearer token."},
		{"not JSON", []string{"--url", url, "-"}, "{", "400  drop   unreadable          The body is not JSON"},
		{"another path", []string{"--url", strings.Replace(url, "/datadog", "/else", 1), "-"}, "{}", "404  -      -                   Not Found"},
		{"a page", []string{"--url", page.URL + "/datadog", "-"}, "{}", "200  -      -                   this is not how a bridge answers; is --url right?"},
		{"a redirect is not followed", []string{"--url", page.URL + "/elsewhere", "-"}, "{}", "307  -      -                   this is not how a bridge answers"},
		{"words cannot do anything to a terminal", []string{"--url", page.URL + "/gateway", "-"}, "{}", "404  -      -                   Not Found[31m\n"},
		{"no such file", []string{"--url", url, "nothing.json"}, "", "nothing.json  -    -      -                   no such file or directory"},
		{"nothing in the folder", []string{"--url", url, empty}, "", "there is no .json file in this folder"},
		{"an event of the queue", []string{"--url", url, "../../events/sqs/alert.json"}, "", "it is an event of the queue, which only dispatcher takes"},
		{"not base64", []string{"--url", url, "-"}, `{"requestContext":{"http":{"method":"POST"}},"headers":{},"body":"?","isBase64Encoded":true}`, "its body claims to be base64, and is not"},
		{"not an event", []string{"--url", url, "-"}, `{"requestContext":{"timeEpoch":"x"},"headers":{}}`, "it looks like an event of the HTTP API, and is none"},
		{"too large", []string{"--url", url, "-"}, strings.Repeat(" ", maxParcel+1), "it is larger than 4 MiB; no delivery is"},
		{"larger than a bridge takes", []string{"--url", url, "-"}, strings.Repeat(" ", 256<<10+1), "413  drop   unreadable          Send at most 262144 bytes"},
	} {
		got := call(t, row.in, append([]string{"send"}, row.args...)...)
		if got.status != 1 || got.errs != "" || !strings.Contains(got.out, row.want) {
			t.Errorf("%s: status %d, %q, %q, want 1, %q", row.why, got.status, got.errs, got.out, row.want)
		}
	}
}

// One that is not accepted does not keep the others.
func TestSendGoesOn(t *testing.T) {
	url := bridge(t)
	got := call(t, delivery("1", time.Now().UnixMilli()), "send", "--url", url, "nothing.json", "-")
	if by := lines(t, got.out); got.status != 1 || by["nothing.json"][0] != "-" || by["-"][0] != "202" {
		t.Errorf("status %d\n%s", got.status, got.out)
	}
}

// A deployed bridge decides later, and is not asked for what it does not have.
func TestSendToADeployedBridge(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"delivery":"dd-1-2"}`)
	}))
	defer server.Close()
	got := call(t, "{}", "send", "--url", server.URL, "-")
	if got.status != 0 || got.out != "-  202  -      -                   dd-1-2\n" || asked != 1 {
		t.Errorf("status %d, %q, %d requests", got.status, got.out, asked)
	}
}

func TestSendTakesThePathOfTheTemplate(t *testing.T) {
	for address, want := range map[string]string{
		"https://example.com":         "https://example.com/datadog",
		"https://example.com/":        "https://example.com/datadog",
		"https://example.com/datadog": "https://example.com/datadog",
		"https://example.com/mine":    "https://example.com/mine",
		"http://localhost:1":          "http://localhost:1/datadog",
		"http://[::1]:1/datadog":      "http://[::1]:1/datadog",
	} {
		s, err := newSender(address, "token")
		if err != nil || s.url.String() != want {
			t.Errorf("%s: %v, %v, want %s", address, s, err, want)
		}
	}
}

func TestUnreachableSaysThatItMayHaveArrived(t *testing.T) {
	s, err := newSender("https://example.com", "token")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.unreachable(&net.OpError{Err: os.ErrDeadlineExceeded}); got != "example.com did not answer within 20s; the delivery may have arrived all the same" {
		t.Error(got)
	}
}
