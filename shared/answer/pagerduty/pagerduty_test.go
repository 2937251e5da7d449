package pagerduty

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

var testKey = secret.New("0123456789abcdefABCDEF0123456789")

func refused() answer.Answer {
	return answer.Answer{
		ID: "case-1.refused", Case: "case-1", Moment: answer.Refused, At: noon.Add(1500 * time.Microsecond), Severity: alert.Critical,
		Title: "Not investigated: Error rate of checkout is high",
		Text:  "The Agent refused the event: priority must be one of <CRITICAL, HIGH>.\nNothing was started.",
		Links: []answer.Link{{Name: "Monitor", URL: "https://app.datadoghq.eu/monitors/4711?a=1&b=2"}},
		// The order of tags is the caller's.
		Service: "checkout", Env: "prod", Tags: []string{"service:checkout", "team:shop"}, Page: answer.Trigger,
	}
}

// TestGolden: the bodies are as their files have them. -update writes the files anew.
func TestGolden(t *testing.T) {
	resolve, conclude, change, hostile, bare := refused(), refused(), refused(), refused(), answer.Answer{Moment: answer.Down, Page: answer.Trigger, PageKey: "agent-default-down"}
	resolve.Page, conclude.Page, conclude.PageKey, change.Page = answer.Resolve, answer.Conclude, "theirs/1", answer.Change
	hostile.Title = "%%%\u202e@all </script>\n\"}],\"event_action\":\"resolve"
	hostile.Text = "ask ana@example.com\x00\npassword=hunter2hunter2 Authorization: Bearer 0plantedtoken000002"
	hostile.Links = append(hostile.Links, answer.Link{Name: "x", URL: "javascript:alert(1)"})
	for name, a := range map[string]answer.Answer{
		"trigger": refused(), "resolve": resolve, "conclude": conclude, "change": change, "hostile": hostile, "bare": bare,
	} {
		list, unfit := newMessages(a)
		var got bytes.Buffer
		for _, m := range list {
			if err := json.Indent(&got, m.encode(testKey), "", "  "); err != nil || unfit != "" {
				t.Fatal(name, err, unfit)
			}
			got.WriteByte('\n')
		}
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

func TestSeverity(t *testing.T) {
	for s, want := range map[alert.Severity]string{
		alert.Critical: "critical", alert.High: "error", alert.Medium: "warning", alert.Low: "info", alert.Minimal: "info", 0: "info", 9: "critical",
	} {
		if got := severity(s); got != want {
			t.Errorf("%v is %s, want %s", s, got, want)
		}
	}
}

// TestUnfit: what PagerDuty could not take is given up in words, and nothing is sent.
func TestUnfit(t *testing.T) {
	s := standIn(t, answertest.Options{})
	c := client(t, s, nil)
	for _, tt := range []struct {
		want   string
		change func(*answer.Answer)
	}{
		{"says nothing to the pager", func(a *answer.Answer) { a.Page = answer.NoPage }},
		{"says nothing to the pager", func(a *answer.Answer) { a.Page = "shout" }},
		{"names no incident", func(a *answer.Answer) { a.Case = "" }},
		{"names no incident", func(a *answer.Answer) { a.Case, a.PageKey = "", " \n" }},
		{"longer than 255 characters", func(a *answer.Answer) { a.PageKey = strings.Repeat("k", 256) }},
		{"longer than 255 characters", func(a *answer.Answer) { a.Page, a.PageKey = answer.Resolve, strings.Repeat("k", 100_000) }},
	} {
		a := refused()
		tt.change(&a)
		if r := c.Deliver(t.Context(), a); r.End != answer.GivenUp || !strings.Contains(r.Why.Words, tt.want) || r.Why.Outcome() != delivery.Refused {
			t.Errorf("%+v, want words with %q", r, tt.want)
		}
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestLimits at their borders, and the largest answer there is.
func TestLimits(t *testing.T) {
	a := refused()
	a.PageKey = strings.Repeat("決", 255)
	if list, unfit := newMessages(a); unfit != "" || len(list) != 1 || list[0].DedupKey != a.PageKey {
		t.Errorf("%q, %+v", unfit, list)
	}
	wide := strings.Repeat("\U0001F600\"", 50_000) // four bytes, and two of an escape
	a = answer.Answer{Page: answer.Trigger, Case: "c", Title: wide, Text: wide, Service: wide, Env: wide, At: noon}
	for i := range 100 {
		a.Tags = append(a.Tags, fmt.Sprint(i)+wide)
		a.Links = append(a.Links, answer.Link{Name: wide, URL: "https://example.com/" + strings.Repeat("&", 980)})
	}
	list, unfit := newMessages(a)
	m := list[0]
	body := m.encode(testKey)
	if errs := answertest.CheckAlertEvent(body); unfit != "" || len(errs) > 0 || len(body) > 100<<10 || !utf8.Valid(body) {
		t.Errorf("%d bytes: %q %q", len(body), unfit, errs)
	}
	if n := utf8.RuneCountInString(m.Payload.Summary); n != 400 {
		t.Errorf("the summary has %d characters", n)
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
	"RateLimited":               {answer.Later, delivery.Throttled, 0}, // that header is Datadog's
	"Redirected":                {answer.Later, delivery.Redirected, 0},
	"Queued":                    {answer.Later, delivery.Unreadable, 0},
	"Empty":                     {answer.Later, delivery.Unreadable, 0},
	"Garbage":                   {answer.Later, delivery.Unreadable, 0},
	"Page":                      {answer.Later, delivery.Unreadable, 0},
	"Huge":                      {answer.Later, delivery.Unreadable, 0},
	"Echo":                      {answer.GivenUp, delivery.BadRequest, 0},
	"Unreachable":               {answer.Later, delivery.ConnectionFailed, 0},
}

func standIn(t testing.TB, o answertest.Options) *answertest.PagerDuty {
	t.Helper()
	s, err := answertest.NewPagerDuty(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func client(t testing.TB, s *answertest.PagerDuty, through http.RoundTripper) *Client {
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
			r := client(t, s, s).Deliver(t.Context(), refused())
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
		r := client(t, s, nil).Deliver(t.Context(), refused())
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

// TestThrottledUntilADate: Retry-After may be a date.
func TestThrottledUntilADate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := standIn(t, answertest.Options{InProcess: true})
		at := time.Now().Add(90 * time.Second).UTC().Truncate(time.Second)
		s.Next(answertest.Throttled(at.Format(http.TimeFormat)))
		if r := client(t, s, s).Deliver(t.Context(), refused()); r.End != answer.Later || !r.NotBefore.Equal(at) {
			t.Errorf("%+v, want not before %v", r, at)
		}
	})
}

// TestOneIncident: told twice, and after doubts, it is one incident; its end closes it; the same again is another.
func TestOneIncident(t *testing.T) {
	s := standIn(t, answertest.Options{})
	c := client(t, s, nil)
	say := func(p answer.Page) answer.Result {
		a := refused()
		a.Page = p
		return c.Deliver(t.Context(), a)
	}
	s.Next(answertest.Taken(answertest.Reset), answertest.Taken(answertest.Status(500, "")))
	for i, want := range []answer.End{answer.Later, answer.Later, answer.Delivered} {
		if r := say(answer.Trigger); r.End != want {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if all := s.Incidents(); len(all) != 1 || all[0].Key != "case-1" || all[0].Triggers != 3 || !all[0].Open || all[0].Last.Payload.Severity != "critical" {
		t.Errorf("%+v", all)
	}
	for _, p := range []answer.Page{answer.Change, answer.Resolve, answer.Resolve} {
		if r := say(p); r.End != answer.Delivered || r.Why.Status != 202 {
			t.Errorf("%s: %+v", p, r)
		}
	}
	all := s.Incidents()
	if len(all) != 1 || all[0].Open || len(s.Changes()) != 1 || s.Changes()[0].Payload.Summary != refused().Title {
		t.Errorf("%+v, changes %+v", all, s.Changes())
	}
	say(answer.Trigger)
	if all := s.Incidents(); len(all) != 2 || !all[1].Open || all[0].Open {
		t.Errorf("%+v", all)
	}
}

// TestConclude: it is resolved, and shown. Where either is not taken both are sent again; what wakes somebody is never.
func TestConclude(t *testing.T) {
	of := refused()
	of.Page = answer.Conclude
	for name, c := range map[string]struct {
		meets    []answertest.Behaviour
		first    answer.End
		requests int // until it is delivered
		changes  int
	}{
		"both are taken":                   {nil, answer.Delivered, 2, 1},
		"the resolve is not":               {[]answertest.Behaviour{answertest.Status(500, "")}, answer.Later, 3, 1},
		"the change is not":                {[]answertest.Behaviour{answertest.Honest, answertest.Throttled("1")}, answer.Later, 4, 1},
		"the resolve may have been":        {[]answertest.Behaviour{answertest.Taken(answertest.Reset)}, answer.Later, 3, 1},
		"the change was, and nobody knows": {[]answertest.Behaviour{answertest.Honest, answertest.Taken(answertest.Reset)}, answer.Later, 4, 2},
	} {
		s := standIn(t, answertest.Options{})
		client := client(t, s, nil)
		if r := client.Deliver(t.Context(), refused()); r.End != answer.Delivered {
			t.Fatal(r)
		}
		s.Next(c.meets...)
		r := client.Deliver(t.Context(), of)
		if r.End != c.first {
			t.Errorf("%s: %+v, want %s", name, r, c.first)
		}
		if r.End == answer.Later {
			if r = client.Deliver(t.Context(), of); r.End != answer.Delivered {
				t.Errorf("%s, again: %+v", name, r)
			}
		}
		all := s.Incidents()
		if len(all) != 1 || all[0].Open || all[0].Triggers != 1 || len(s.Changes()) != c.changes || len(s.Requests())-1 != c.requests {
			t.Errorf("%s: %+v, %d changes, %d requests", name, all, len(s.Changes()), len(s.Requests())-1)
		}
		if last := s.Events()[len(s.Events())-1]; last.Action != "resolve" || last.Payload.Summary != of.Title || last.Payload.Details["text"] != s.Changes()[0].Payload.Details["text"] {
			t.Errorf("%s: the resolve says %+v", name, last)
		}
	}
}

// TestKeys: a replaced key is read again at once; one that PagerDuty does not know keeps the answer; one of another form is
// not sent at all.
func TestKeys(t *testing.T) {
	s := standIn(t, answertest.Options{})
	c := client(t, s, nil)
	if r := c.Deliver(t.Context(), refused()); r.End != answer.Delivered {
		t.Fatalf("%+v", r)
	}
	s.Rotate()
	if r := c.Deliver(t.Context(), refused()); r.End != answer.Delivered || r.Why.SecretVersion != "version-2" {
		t.Errorf("after a new key: %+v", r)
	}
	for text, want := range map[string]delivery.Reason{
		"  \n": delivery.SecretMissing, "too short": delivery.SecretMalformed, strings.Repeat("é", 16): delivery.SecretMalformed,
		strings.Repeat("-", 32): delivery.SecretMalformed, strings.Repeat("x", 32): delivery.Unauthorized,
	} {
		s := standIn(t, answertest.Options{})
		s.Secrets().Set(" " + text + "\n")
		r := client(t, s, nil).Deliver(t.Context(), refused())
		if r.End != answer.Later || r.Why.Reason != want || strings.Contains(r.Why.Words, text) {
			t.Errorf("with the key %.10q: %+v, want %s", text, r, want)
		}
		if sent := len(s.Requests()) > 0; sent != (want == delivery.Unauthorized) {
			t.Errorf("with the key %.10q it was sent: %t", text, sent)
		}
	}
}

func TestTooLittleTime(t *testing.T) {
	s := standIn(t, answertest.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), leastTime-time.Millisecond)
	defer cancel()
	if r := client(t, s, nil).Deliver(ctx, refused()); r.End != answer.Later || r.Why.Reason != delivery.OutOfTime || len(s.Requests()) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestOptions(t *testing.T) {
	keys := standIn(t, answertest.Options{}).Secrets()
	for region, host := range map[Region]string{US: "https://events.pagerduty.com", EU: "https://events.eu.pagerduty.com"} {
		c, err := New(Options{Region: region, Keys: keys})
		if err != nil || c.events.Reveal() != host+"/v2/enqueue" || c.changes.Reveal() != host+"/v2/change/enqueue" {
			t.Errorf("%s: %v", region, err)
		}
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Region: US}, "no secret"},
		{Options{Keys: keys}, `the region "" is neither us nor eu`},
		{Options{Region: "events.example.com", Keys: keys}, "neither"},
		{Options{StandIn: "http://example.com", Keys: keys}, "stand-in"},
	} {
		if _, err := New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
}

func TestJudgeBody(t *testing.T) {
	for body, want := range map[string]delivery.Reason{
		`{"status":"success","message":"Event processed","dedup_key":"k"}`: delivery.Received,
		`{"status":"success"}`:                          delivery.Received,
		`{"status":"success","dedup_key":"other"}`:      delivery.Unreadable,
		`{"status":"success","dedup_key":7}`:            delivery.Unreadable,
		`{"status":"success","errors":["x"]}`:           delivery.Unreadable,
		`{"status":"Success"}`:                          delivery.Unreadable,
		`{"status":"invalid event"}`:                    delivery.Unreadable,
		`{"message":"Event processed","dedup_key":"k"}`: delivery.Unreadable,
		`success`: delivery.Unreadable,
		`null`:    delivery.Unreadable,
	} {
		if a := judge(call.Reply{Status: 202, Header: http.Header{}, Body: []byte(body)}, "k"); a.Reason != want {
			t.Errorf("%s is %s, want %s", body, a.Reason, want)
		}
	}
	if a := judge(call.Reply{Status: 202, Body: []byte(`{"status":"success","dedup_key":"any"}`)}, ""); a.Reason != delivery.Received {
		t.Errorf("of a change it is %s", a.Reason)
	}
}

// TestObjections: to our key, or to the event.
func TestObjections(t *testing.T) {
	for body, want := range map[string]delivery.Reason{
		`{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}`: delivery.Unauthorized,
		`{"status":"invalid event","message":"Event object is invalid","errors":["Invalid routing key"]}`:                                            delivery.Unauthorized,
		`Invalid routing key`: delivery.Unauthorized,
		`{"status":"invalid event","message":"Event object is invalid","errors":["'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')"]}`: delivery.BadRequest,
		`{"status":"invalid event","message":"with the routing_key, in what was sent","errors":["too large"]}`:                                                                               delivery.BadRequest,
		"": delivery.BadRequest,
	} {
		if a := judge(call.Reply{Status: 400, Body: []byte(body)}, "k"); a.Reason != want {
			t.Errorf("%s is %s, want %s", body, a.Reason, want)
		}
	}
}

// TestNoSecretIsTold: what is planted in any text of an answer is not in the event.
func TestNoSecretIsTold(t *testing.T) {
	for _, s := range redacttest.Secrets() {
		a := refused()
		a.Title, a.Text, a.Tags, a.Links[0].Name = s.Text, "x\n"+s.Text+"\ny", []string{s.Text}, s.Text
		for _, a.Page = range answer.Pages()[1:] {
			list, _ := newMessages(a)
			for _, m := range list {
				if form := redacttest.Found(string(m.encode(testKey)), s.Value); form != "" {
					t.Errorf("%s is told, %s: %s", s.Name, form, m.encode(testKey))
				}
			}
		}
	}
}

// FuzzEncode: whatever the answer, the stand-in accepts it, or it is said why it is not sent.
func FuzzEncode(f *testing.F) {
	f.Add("title", "text", "https://example.com/x", "key:value", "trigger", "k", int64(0), 5)
	f.Add("", "", "", "", "change", "", int64(-1e18), 0)
	f.Add(strings.Repeat("\u2028<", 5000), "\xff\x00", "https://h/%zz", "t", "resolve", strings.Repeat("決", 255), int64(1<<62), -1)
	f.Add("x", "y", "https://h", "", "conclude", strings.Repeat("k", 256), int64(0), 100)
	f.Fuzz(func(t *testing.T, title, text, address, tag, page, pageKey string, age int64, severity int) {
		a := answer.Answer{
			ID: title, Case: tag, Moment: answer.Moment(text), At: noon.Add(-time.Duration(age)), Severity: alert.Severity(severity),
			Title: title, Text: text, Links: []answer.Link{{Name: title, URL: address}}, Service: tag, Env: title, Tags: []string{tag, text},
			Page: answer.Page(page), PageKey: pageKey,
		}
		list, unfit := newMessages(a)
		if unfit != "" {
			if slices.Contains(answer.Pages()[1:], a.Page) && tag != "" && pageKey == "" {
				t.Errorf("%q, and yet it is about case %q", unfit, tag)
			}
			return
		}
		for _, m := range list {
			check := answertest.CheckAlertEvent
			if m.EventAction == "" {
				check = answertest.CheckChangeEvent
			}
			body := m.encode(testKey)
			if errs := check(body); len(errs) > 0 {
				t.Errorf("%q in\n%s", errs, body)
			}
		}
	})
}

// FuzzJudge: whatever comes back, it ends in a reason of the list, and is received only when it says so.
func FuzzJudge(f *testing.F) {
	f.Add(202, `{"status":"success","dedup_key":"k"}`, "", "k")
	f.Add(400, `{"errors":["Invalid routing key"]}`, "12", "")
	f.Add(429, "\x00\xff", "Fri, 20 Nov 2026 12:01:30 GMT", "k")
	f.Fuzz(func(t *testing.T, status int, body, after, key string) {
		a := judge(call.Reply{Status: status, Header: http.Header{"Retry-After": {after}}, Body: []byte(body), At: noon}, key)
		if a.Reason == delivery.Received && !strings.Contains(body, "success") && !strings.Contains(body, `\u`) {
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
