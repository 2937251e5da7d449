package ddevents

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/answer/answertest"
	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/redact/redacttest"
	"github.com/alertbridge/alertbridge/shared/secret"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func ended() answer.Answer {
	return answer.Answer{
		ID: "case-1.ended", Case: "case-1", Moment: answer.Ended, At: noon.Add(-time.Minute), Severity: alert.Critical,
		Title: "Investigated: Error rate of checkout is high",
		Text:  "Cause: the deployment of 11:52 left the connection pool at 5.\nThe Agent worked for 7 minutes, which cost $3.50.",
		Links: []answer.Link{
			{Name: "Investigation", URL: "https://eu-central-1.console.aws.amazon.com/devopsagent/home?task=0a1b"},
			{Name: "Monitor", URL: "https://app.datadoghq.eu/monitors/4711"},
		},
		Service: "checkout", Env: "prod", Tags: []string{"service:checkout", "team:shop", "Version:1.2.3"},
		AggregationKey: "0123456789abcdef",
	}
}

// TestGolden: the bodies are as their files have them. -update writes the files anew.
func TestGolden(t *testing.T) {
	hostile := ended()
	hostile.Moment = answer.Failed
	hostile.Title = "%%%[click](https://evil.example)%%% @slack-ops @pagerduty-all " + strings.Repeat("title ", 30)
	hostile.Text = "%%%\n# Urgent\n%%%\n@all run it, @ana, @team-shop, mail ana@example.com\npassword=hunter2hunter2\n\x1b[31m\u202ered\n%&#37;% and 100%% of @timestamp:5"
	hostile.Links[0].Name = "@here %%%"
	hostile.Links[1].URL = "https://app.datadoghq.eu/@jane?q=%25%25"
	hostile.Tags = []string{"alertbridge:none", "alertbridge_case:other", "source:nagios", "9lives", "äpfel:Birnen,und Äpfel", "@all", "b:" + strings.Repeat("x", 300)}
	old := answer.Answer{Moment: answer.Down, At: noon.Add(-18 * time.Hour), Severity: alert.High, Text: "No answer since 17:50 UTC."}
	for name, a := range map[string]answer.Answer{"ended": ended(), "hostile": hostile, "old": old} {
		var got bytes.Buffer
		if err := json.Indent(&got, encode(a, noon), "", "  "); err != nil {
			t.Fatal(err)
		}
		got.WriteByte('\n')
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || got.String() != string(want) {
			t.Errorf("%s (%v):\n%s\nwant:\n%s", name, err, got.String(), want)
		}
	}
}

// TestInert: neither markup nor a handle leaves us, however it is written.
func TestInert(t *testing.T) {
	for _, s := range []string{
		"%%%", "%%%%", "%%%%%%%", "%&#37;%", "%\u200b%\u200b%", "&percnt;&percnt;&percnt;", "%% %", "%%\n%", "@all", "@ana", "x@y", "＠@all",
		"&commat;all", "&#64;all", "@\u200ball", "(@jane)", "@@team-x", strings.Repeat("%", 5000), strings.Repeat("@", 5000),
	} {
		a := ended()
		a.Title, a.Text, a.Links[0].Name, a.Moment = s, s, s, answer.Moment(s)
		if e := sent(t, encode(a, noon)); strings.Contains(e.Title+"\n"+e.Text, "%%") || strings.Contains(e.Title+e.Text, "@") {
			t.Errorf("%.50q became %q, %q", s, e.Title, e.Text)
		}
	}
}

func sent(t testing.TB, body []byte) (e event) {
	t.Helper()
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// TestLimits at their borders.
func TestLimits(t *testing.T) {
	for _, n := range []int{99, 100, 101, 400} {
		a := ended()
		a.Title = strings.Repeat("é", n)
		e := sent(t, encode(a, noon))
		if got, want := utf8.RuneCountInString(e.Title), min(n, 100); got != want {
			t.Errorf("a title of %d characters has %d, want %d", n, got, want)
		}
		if told := strings.HasPrefix(e.Text, a.Title); told != (n > 100) {
			t.Errorf("a title of %d characters is said in full in the text: %t", n, told)
		}
	}
	a := ended()
	overhead := len(sent(t, encode(withText(a, ""), noon)).Text) + len("\n\n")
	for _, n := range []int{1, 4000 - overhead - 1, 4000 - overhead, 4000 - overhead + 1, 100_000} {
		e := sent(t, encode(withText(a, strings.Repeat("決", n)), noon))
		got := utf8.RuneCountInString(e.Text)
		if want := min(overhead+n, 4000); got != want || !utf8.ValidString(e.Text) {
			t.Errorf("a text of %d makes one of %d characters, want %d", n, got, want)
		}
		if cut := strings.Contains(e.Text, "決...\n\n"); cut != (n > 4000-overhead) || !strings.HasSuffix(e.Text, "alertbridge, case case-1, 2026-11-20 11:59:00 UTC") {
			t.Errorf("a text of %d ends with %q", n, e.Text[len(e.Text)-100:])
		}
	}
	// The longest links leave half of the text to the answer.
	a.Links = nil
	for i := range 8 {
		a.Links = append(a.Links, answer.Link{Name: strings.Repeat("n", 100), URL: "https://example.com/" + strings.Repeat(fmt.Sprint(i), 970)})
	}
	e := sent(t, encode(withText(a, strings.Repeat("w ", 5000)), noon))
	if n := utf8.RuneCountInString(e.Text); n > 4000 || n < 3990 || strings.Count(e.Text, "https://") != 1 || strings.Count(e.Text, "w") < 1000 {
		t.Errorf("%d characters with %d links", n, strings.Count(e.Text, "https://"))
	}
	for age, dated := range map[time.Duration]bool{-time.Hour: true, 0: true, 17*time.Hour - time.Second: true, 17 * time.Hour: false, 1000 * time.Hour: false} {
		a.At = noon.Add(-age)
		if e := sent(t, encode(a, noon)); (e.DateHappened != 0) != dated || dated && e.DateHappened != a.At.Unix() {
			t.Errorf("an event %v old has the date %d", age, e.DateHappened)
		}
	}
	for n, want := range map[int]string{100: strings.Repeat("k", 100), 101: "case-1", 0: "case-1"} {
		a.AggregationKey = strings.Repeat("k", n)
		if e := sent(t, encode(a, noon)); e.AggregationKey != want {
			t.Errorf("of a key of %d characters comes %q", n, e.AggregationKey)
		}
	}
	a.AggregationKey, a.Case = "", strings.Repeat("c", 101)
	if e := sent(t, encode(a, noon)); e.AggregationKey != "" || !slices.Contains(e.Tags, "alertbridge_case:"+a.Case) {
		t.Errorf("of a long case comes the key %q and tags %q", e.AggregationKey, e.Tags)
	}
}

func withText(a answer.Answer, text string) answer.Answer {
	a.Text = text
	return a
}

func TestAlertType(t *testing.T) {
	for _, c := range []struct {
		m    answer.Moment
		s    alert.Severity
		want string
	}{
		{answer.Started, alert.Critical, "info"},
		{answer.Ended, alert.Critical, "info"},
		{answer.Refused, alert.Critical, "error"},
		{answer.Refused, alert.High, "warning"},
		{answer.Down, alert.Minimal, "error"},
		{answer.Up, alert.Critical, "success"},
		{answer.Recovered, alert.Critical, "success"},
		{"other", alert.Critical, "info"},
	} {
		if got := alertType(answer.Answer{Moment: c.m, Severity: c.s}); got != c.want {
			t.Errorf("%s of a %s is %s, want %s", c.m, c.s, got, c.want)
		}
	}
}

// TestMarked: every event has the marker, once, and first.
func TestMarked(t *testing.T) {
	for _, m := range answer.Moments() {
		a := ended()
		a.Moment, a.Tags = m, []string{Marker, "x:1"}
		tags := sent(t, encode(a, noon)).Tags
		if tags[0] != Marker || slices.Contains(tags[1:], Marker) || !slices.Contains(tags, "alertbridge_moment:"+string(m)) {
			t.Errorf("%s has the tags %q", m, tags)
		}
	}
}

// outcomes is what becomes of an answer that meets each of the stand-in's behaviours.
var outcomes = map[string]struct {
	end    answer.End
	reason delivery.Reason
	after  time.Duration
}{
	"Honest":                    {answer.Delivered, delivery.Received, 0},
	"Slow":                      {answer.Delivered, delivery.Received, 0},
	"Taken, then Reset":         {answer.Later, delivery.Reset, 0},
	"Taken, then 500":           {answer.Later, delivery.ServerError, 0},
	"Taken, then Hang":          {answer.Later, delivery.TimedOut, 0},
	"Hang":                      {answer.Later, delivery.TimedOut, 0},
	"Reset":                     {answer.Later, delivery.Reset, 0},
	"ResetInAnswer":             {answer.Later, delivery.Reset, 0},
	"Status 400":                {answer.GivenUp, delivery.BadRequest, 0},
	"Status 401":                {answer.Later, delivery.Unauthorized, 0},
	"Status 403":                {answer.Later, delivery.Forbidden, 0},
	"Status 404":                {answer.Later, delivery.NotFound, 0},
	"Status 413":                {answer.GivenUp, delivery.BadRequest, 0},
	"Status 500":                {answer.Later, delivery.ServerError, 0},
	"Status 503":                {answer.Later, delivery.ServerError, 0},
	"Throttled for two minutes": {answer.Later, delivery.Throttled, 2 * time.Minute},
	"Throttled for who knows":   {answer.Later, delivery.Throttled, 0},
	"RateLimited":               {answer.Later, delivery.Throttled, 30 * time.Second},
	"Redirected":                {answer.Later, delivery.Redirected, 0},
	"Queued":                    {answer.Later, delivery.Unreadable, 0},
	"Empty":                     {answer.Later, delivery.Unreadable, 0},
	"Garbage":                   {answer.Later, delivery.Unreadable, 0},
	"Page":                      {answer.Later, delivery.Unreadable, 0},
	"Huge":                      {answer.Later, delivery.Unreadable, 0},
	"Echo":                      {answer.GivenUp, delivery.BadRequest, 0},
	"Unreachable":               {answer.Later, delivery.ConnectionFailed, 0},
}

func standIn(t testing.TB, o answertest.Options) *answertest.Datadog {
	t.Helper()
	s, err := answertest.NewDatadog(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func client(t testing.TB, s *answertest.Datadog, through http.RoundTripper) *Client {
	t.Helper()
	c, err := New(Options{StandIn: s.URL(), Keys: s.Secrets(), Transport: through})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryBehaviour(t *testing.T) {
	for name, b := range answertest.Behaviours() {
		want, known := outcomes[name]
		if !known {
			t.Errorf("nobody said what becomes of %q", name)
		}
		synctest.Test(t, func(t *testing.T) { // in process, where waiting takes no time
			s := standIn(t, answertest.Options{InProcess: true})
			s.Always(b)
			began := time.Now()
			r := client(t, s, s).Deliver(t.Context(), ended())
			if took := time.Since(began); r.End != want.end || r.Why.Reason != want.reason || took > deliverTime || r.Why.Took != took {
				t.Errorf("%s: %+v after %v, want %s, %s", name, r, took, want.end, want.reason)
			}
			var notBefore time.Time
			if want.after > 0 {
				notBefore = time.Now().Add(want.after)
			}
			if !r.NotBefore.Equal(notBefore) {
				t.Errorf("%s: not before %v, want %v", name, r.NotBefore, notBefore)
			}
			fit(t, name, r, s.Key())
		})
		if strings.Contains(name, "Hang") {
			continue
		}
		s := standIn(t, answertest.Options{})
		s.Next(b)
		r := client(t, s, nil).Deliver(t.Context(), ended())
		if want.reason == delivery.ConnectionFailed {
			want.reason = delivery.Reset // there is a connection by then
		}
		if r.End != want.end || r.Why.Reason != want.reason {
			t.Errorf("%s over a socket: %+v, want %s, %s", name, r, want.end, want.reason)
		}
		if n := len(s.Requests()); n > 1 {
			t.Errorf("%s: %d requests for one delivery", name, n)
		}
		fit(t, name, r, s.Key())
	}
}

// fit wants words where there is something to say, without key or address.
func fit(t *testing.T, name string, r answer.Result, key string) {
	t.Helper()
	words := fmt.Sprintf("%+v", r)
	if (r.Why.Words == "") != (r.End == answer.Delivered) || len(r.Why.Words) > delivery.MaxWords || strings.ContainsAny(r.Why.Words, "\n") {
		t.Errorf("%s: the words are %q", name, r.Why.Words)
	}
	if strings.Contains(words, key) || strings.Contains(words, key[:12]) || strings.Contains(words, "127.0.0.1") || strings.Contains(words, "://") {
		t.Errorf("%s: the key or an address is told: %s", name, words)
	}
}

func TestDelivered(t *testing.T) {
	s := standIn(t, answertest.Options{TLS: true})
	through := call.NewTransport(true)
	through.TLSClientConfig.RootCAs = s.RootCAs()
	c := client(t, s, through)
	a := ended()
	a.At = time.Now()
	if r := c.Deliver(t.Context(), a); r.End != answer.Delivered || r.Why.Status != 202 || r.Why.SecretVersion != "version-1" {
		t.Fatalf("%+v", r)
	}
	events := s.Events()
	if len(events) != 1 || events[0].Title != a.Title || events[0].AggregationKey != a.AggregationKey || events[0].DateHappened != a.At.Unix() {
		t.Errorf("Datadog has %+v", events)
	}
	// The stand-in's certificate is of nobody we know.
	if r := client(t, s, nil).Deliver(t.Context(), a); r.End != answer.Later || r.Why.Reason != delivery.TLSFailed || len(s.Events()) != 1 {
		t.Errorf("%+v", r)
	}
	s.Close()
	if r := c.Deliver(t.Context(), a); r.End != answer.Later || r.Why.Reason != delivery.ConnectionFailed {
		t.Errorf("%+v", r)
	}
}

// TestKeys: a replaced key is read again at once, and one that cannot be used says so.
func TestKeys(t *testing.T) {
	s := standIn(t, answertest.Options{})
	c := client(t, s, nil)
	a := ended()
	a.At = time.Now()
	if r := c.Deliver(t.Context(), a); r.End != answer.Delivered {
		t.Fatalf("%+v", r)
	}
	s.Rotate()
	if r := c.Deliver(t.Context(), a); r.End != answer.Delivered || r.Why.SecretVersion != "version-2" {
		t.Errorf("after a new key: %+v", r)
	}
	for text, want := range map[string]delivery.Reason{
		"  \n": delivery.SecretMissing, "a b": delivery.SecretMalformed, "clé": delivery.SecretMalformed,
		strings.Repeat("x", 5000): delivery.SecretMalformed, "wrong": delivery.Forbidden,
	} {
		s := standIn(t, answertest.Options{})
		s.Secrets().Set(text)
		r := client(t, s, nil).Deliver(t.Context(), ended())
		if r.End != answer.Later || r.Why.Reason != want || r.Why.SecretVersion == "" {
			t.Errorf("with the key %.10q: %+v, want %s", text, r, want)
		}
	}
	s = standIn(t, answertest.Options{})
	s.Secrets().Set("")
	if r := client(t, s, nil).Deliver(t.Context(), ended()); r.End != answer.Later || r.Why.Reason != delivery.SecretMissing {
		t.Errorf("without a key: %+v", r)
	}
	s.Secrets().Fail(secret.ErrUnavailable)
	if r := client(t, s, nil).Deliver(t.Context(), ended()); r.End != answer.Later || r.Why.Reason != delivery.SecretUnavailable {
		t.Errorf("without a store: %+v", r)
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests without a key", n)
	}
}

func TestTooLittleTime(t *testing.T) {
	s := standIn(t, answertest.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), leastTime-time.Millisecond)
	defer cancel()
	if r := client(t, s, nil).Deliver(ctx, ended()); r.End != answer.Later || r.Why.Reason != delivery.OutOfTime || len(s.Requests()) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestOptions(t *testing.T) {
	keys := standIn(t, answertest.Options{}).Secrets()
	for _, site := range Sites() {
		c, err := New(Options{Site: site, Keys: keys})
		if err != nil || c.address.Reveal() != "https://api."+site+"/api/v1/events" {
			t.Errorf("%s: %v", site, err)
		}
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Site: "datadoghq.com"}, "no secret"},
		{Options{Keys: keys}, `the site "" is not one of datadoghq.com`},
		{Options{Site: "datadoghq.com.evil.example", Keys: keys}, "not one of"},
		{Options{StandIn: "https://example.com", Keys: keys}, "stand-in"},
		{Options{StandIn: "http://127.0.0.1:1/x", Keys: keys}, "stand-in"},
	} {
		if _, err := New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
}

// TestNoSecretIsTold: what is planted in any text of an answer is not in the event.
func TestNoSecretIsTold(t *testing.T) {
	for _, s := range redacttest.Secrets() {
		a := ended()
		a.Title, a.Text, a.Tags, a.Links[0].Name = s.Text, "x\n"+s.Text+"\ny", []string{s.Text}, s.Text
		body := encode(a, noon)
		if form := redacttest.Found(string(body), s.Value); form != "" {
			t.Errorf("%s is told, %s: %s", s.Name, form, body)
		}
	}
}

// FuzzEncode: whatever the answer, the stand-in accepts it.
func FuzzEncode(f *testing.F) {
	f.Add("title", "text", "https://example.com/x", "key:value", "ended", int64(0), 5)
	f.Add("", "", "", "", "", int64(-1e18), 0)
	f.Add(strings.Repeat("%@", 500), strings.Repeat("@%%%決", 5000), "https://example.com/@%41", "9:Ä,", "@all", int64(1<<62), -1)
	f.Add("\xff\x00", "&#37;%%&#64;here", "https://h/"+strings.Repeat("a", 980), ":::", "%%%", int64(3600e9), 100)
	f.Fuzz(func(t *testing.T, title, text, address, tag, moment string, age int64, severity int) {
		a := answer.Answer{
			ID: title, Case: tag, Moment: answer.Moment(moment), At: noon.Add(-time.Duration(age)), Severity: alert.Severity(severity),
			Title: title, Text: text, Links: []answer.Link{{Name: title, URL: address}, {Name: text, URL: address}}, Service: tag, Env: title,
			Tags: []string{tag, title, text}, AggregationKey: tag,
		}
		body := encode(a, noon)
		if errs := answertest.CheckEvent(body, noon); len(errs) > 0 {
			t.Errorf("%q in\n%s", errs, body)
		}
		e := sent(t, body)
		if strings.Contains(e.Title+"\n"+e.Text, "%%%") || strings.Contains(e.Title+e.Text, "@") || e.Tags[0] != Marker {
			t.Errorf("it does more than to be read: %s", body)
		}
	})
}

// FuzzJudge: whatever comes back, it ends in a reason of the list, and is received only when it says so.
func FuzzJudge(f *testing.F) {
	f.Add(202, `{"status":"ok","event":{"id":1}}`, "", "")
	f.Add(400, `{"errors":["no"]}`, "12", "")
	f.Add(429, "\x00\xff", "", "30")
	f.Fuzz(func(t *testing.T, status int, body, after, reset string) {
		a := judge(call.Reply{Status: status, Header: http.Header{"Retry-After": {after}, "X-Ratelimit-Reset": {reset}}, Body: []byte(body), At: noon})
		if a.Reason == delivery.Received && !strings.Contains(body, "ok") && !strings.Contains(body, `\u`) {
			t.Errorf("%d %q counts as received", status, body)
		}
		if !slices.Contains(delivery.Reasons(), a.Reason) || a.RetryAfter < 0 || a.RetryAfter > call.MaxRetryAfter {
			t.Errorf("reason %q, retry after %v", a.Reason, a.RetryAfter)
		}
		if (a.Words == "") != (a.Reason == delivery.Received) {
			t.Errorf("%s has the words %q", a.Reason, a.Words)
		}
	})
}

func TestJudgeBody(t *testing.T) {
	for body, want := range map[string]delivery.Reason{
		`{"status":"ok"}`:                        delivery.Received,
		`{"status":"ok","errors":[],"event":{}}`: delivery.Received,
		`{"status":"ok","errors":["x"]}`:         delivery.Unreadable,
		`{"status":"OK "}`:                       delivery.Unreadable,
		`{"status":"error"}`:                     delivery.Unreadable,
		`{}`:                                     delivery.Unreadable,
		`"ok"`:                                   delivery.Unreadable,
		`[{"status":"ok"}]`:                      delivery.Unreadable,
		`{"status":"ok"}{}`:                      delivery.Unreadable,
		`null`:                                   delivery.Unreadable,
	} {
		for _, status := range []int{200, 202} {
			if a := judge(call.Reply{Status: status, Header: http.Header{}, Body: []byte(body)}); a.Reason != want {
				t.Errorf("%d %s is %s, want %s", status, body, a.Reason, want)
			}
		}
	}
}
