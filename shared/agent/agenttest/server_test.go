package agenttest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const event = `{"eventType":"incident","incidentId":"case-1","action":"created","priority":"HIGH","title":"Disk is full",` +
	`"description":"d","timestamp":"2026-11-20T12:00:00.000Z","service":"db","data":{}}`

// post sends a body with the key that is in the Server's secret, unless change makes it another request.
func post(t *testing.T, s *agenttest.Server, body string, change func(*http.Request)) (int, string) {
	t.Helper()
	var secret struct{ URL, Token string }
	if err := json.Unmarshal([]byte(s.Secret()), &secret); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, secret.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+secret.Token)
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err.Error()
	}
	return resp.StatusCode, string(answer)
}

func start(t *testing.T, o agenttest.Options) *agenttest.Server {
	t.Helper()
	s, err := agenttest.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestServerAnswersAsDocumented(t *testing.T) {
	const received = `{"message":"Webhook received"}`
	tests := []struct {
		why     string
		body    string
		change  func(*http.Request)
		status  int
		answer  string // contained
		verdict string // contained
		started bool
	}{
		{"a good event", event, nil, 200, received, "investigation started", true},
		{"the same again", event, nil, 200, received, "duplicate", false},
		{"the same id at another time", strings.Replace(event, "12:00:00", "12:00:01", 1), nil, 200, received, "investigation started", true},
		{"another id at the same time", strings.Replace(event, "case-1", "case-2", 1), nil, 200, received, "investigation started", true},
		{"a priority of Datadog's", strings.Replace(event, "HIGH", "P1", 1), nil, 200, `"errors":["priority must be one of`, "invalid", false},
		{"an id that vanishes", strings.Replace(event, "case-1", "case:1", 1), nil, 200, received, "vanished", false},
		{"no key", event, func(r *http.Request) { r.Header.Del("Authorization") }, 403, "Forbidden", "bearer", false},
		{"a wrong key", event, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 403, "Forbidden", "bearer", false},
		{"a wrong address", event, func(r *http.Request) { r.URL.Path += "x" }, 404, "Not Found", "no such webhook", false},
		{"a GET", "", func(r *http.Request) { r.Method = "GET" }, 405, "", "not a POST", false},
		{"a form", event, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415, "", "not sent as JSON", false},
	}
	s := start(t, agenttest.Options{})
	investigations := 0
	for i, tt := range tests {
		status, answer := post(t, s, tt.body, tt.change)
		if status != tt.status || !strings.Contains(answer, tt.answer) {
			t.Errorf("%s: %d %s, want %d %s", tt.why, status, answer, tt.status, tt.answer)
		}
		got := s.Requests()[i]
		if !strings.Contains(got.Verdict, tt.verdict) || got.Started != tt.started || string(got.Body) != tt.body {
			t.Errorf("%s: recorded as %q, started %v, with %s", tt.why, got.Verdict, got.Started, got.Body)
		}
		if tt.started {
			investigations++
		}
	}
	if got := s.Investigations(); len(got) != investigations || got[0].IncidentID != "case-1" || got[0].Priority != "HIGH" || got[0].Title != "Disk is full" {
		t.Errorf("investigations: %+v, want %d", got, investigations)
	}
}

func TestServerChecksSignatures(t *testing.T) {
	s := start(t, agenttest.Options{HMAC: true, Skew: time.Minute, Denied: 401, Now: func() time.Time { return noon }})
	var secret struct {
		Key string `json:"hmac_secret"`
	}
	if err := json.Unmarshal([]byte(s.Secret()), &secret); err != nil {
		t.Fatal(err)
	}
	sign := func(key string, at time.Time) func(*http.Request) {
		return func(r *http.Request) {
			stamp := at.Format(time.RFC3339Nano)
			mac := hmac.New(sha256.New, []byte(key))
			mac.Write([]byte(stamp + ":" + event))
			r.Header.Set("x-amzn-event-timestamp", stamp)
			r.Header.Set("x-amzn-event-signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		}
	}
	tests := []struct {
		why    string
		change func(*http.Request)
		want   int
	}{
		{"right", sign(secret.Key, noon), 200},
		{"a minute late", sign(secret.Key, noon.Add(-time.Minute)), 200},
		{"a minute early", sign(secret.Key, noon.Add(time.Minute)), 200},
		{"later", sign(secret.Key, noon.Add(-time.Minute-time.Millisecond)), 401},
		{"earlier", sign(secret.Key, noon.Add(time.Minute+time.Millisecond)), 401},
		{"another key", sign("x", noon), 401},
		{"no signature", nil, 401},
		{"a time that is none", func(r *http.Request) { sign(secret.Key, noon)(r); r.Header.Set("x-amzn-event-timestamp", "1795176000") }, 401},
	}
	for _, tt := range tests {
		if status, _ := post(t, s, event, tt.change); status != tt.want {
			t.Errorf("%s: %d, want %d", tt.why, status, tt.want)
		}
	}
	body := strings.Replace(event, "Disk", "disk", 1)
	if status, _ := post(t, s, body, sign(secret.Key, noon)); status != 401 {
		t.Errorf("a signature of another body: %d, want 401", status)
	}
}

func TestScript(t *testing.T) {
	s := start(t, agenttest.Options{})
	s.Always(agenttest.Status(500, "down"))
	s.Next(agenttest.Status(503, "first"), agenttest.Honest)
	var got []int
	for range 4 {
		status, _ := post(t, s, event, nil)
		got = append(got, status)
	}
	s.Always(nil)
	last, _ := post(t, s, event, nil)
	if got[0] != 503 || got[1] != 200 || got[2] != 500 || got[3] != 500 || last != 200 {
		t.Errorf("the statuses were %v and %d, want 503 200 500 500 and 200", got, last)
	}
	if n := len(s.Requests()); n != 5 {
		t.Errorf("%d requests recorded, want 5", n)
	}
}

func TestMisbehaviour(t *testing.T) {
	tests := []struct {
		why       string
		behaviour agenttest.Behaviour
		status    int // 0: no answer
		answer    string
		started   int
	}{
		{"reset before reading", agenttest.ResetBeforeReading, 0, "", 0},
		{"reset after reading", agenttest.ResetAfterReading, 0, "", 0},
		{"reset after taking", agenttest.Taken(agenttest.ResetAfterReading), 0, "", 1},
		{"reset in the answer", agenttest.ResetInAnswer, 200, "reset", 0},
		{"500 after taking", agenttest.Taken(agenttest.Status(500, "oops")), 500, "oops", 1},
		{"slow", agenttest.SlowAfterReading(time.Millisecond), 200, "Webhook received", 1},
		{"slow to begin", agenttest.SlowBeforeReading(time.Millisecond), 200, "Webhook received", 1},
		{"errors", agenttest.Errors(`a "b"`, "c"), 200, `{"errors":["a \"b\"","c"]}`, 0},
		{"throttled", agenttest.Throttled("7"), 429, "Too Many", 0},
		{"redirected", agenttest.Redirected("http://127.0.0.1:1/"), 307, "", 0},
		{"empty", agenttest.Empty, 200, "", 0},
		{"garbage", agenttest.Garbage, 200, "\x00\xff", 0},
		{"huge", agenttest.Huge, 200, strings.Repeat("x", 1<<20), 0},
		{"a page", agenttest.Page, 200, "<html>", 0},
		{"another content type", agenttest.WrongContentType, 200, "Webhook received", 1},
	}
	for _, tt := range tests {
		s := start(t, agenttest.Options{})
		s.Next(tt.behaviour)
		status, answer := post(t, s, event, nil)
		if status != tt.status || !strings.Contains(answer, tt.answer) {
			t.Errorf("%s: %d %.100s, want %d %.100s", tt.why, status, answer, tt.status, tt.answer)
		}
		if n := len(s.Investigations()); n != tt.started {
			t.Errorf("%s: %d investigations, want %d", tt.why, n, tt.started)
		}
	}
}

func TestCloseEndsWhatHangs(t *testing.T) {
	for _, behaviour := range []agenttest.Behaviour{agenttest.Hang, agenttest.HangInAnswer, agenttest.SlowAfterReading(time.Hour)} {
		s := start(t, agenttest.Options{})
		s.Next(behaviour)
		var hung sync.WaitGroup
		hung.Go(func() {
			if _, answer := post(t, s, event, nil); strings.Contains(answer, "Webhook received") {
				t.Errorf("what hangs was answered: %s", answer)
			}
		})
		for len(s.Requests()) == 0 {
			time.Sleep(time.Millisecond)
		}
		s.Close()
		hung.Wait()
	}
}

func TestOnRequest(t *testing.T) {
	var told []agenttest.Request
	s := start(t, agenttest.Options{OnRequest: func(r agenttest.Request) { told = append(told, r) }})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { post(t, s, event, nil) })
	}
	all.Wait()
	started := 0
	for _, r := range told {
		if r.Started {
			started++
		}
	}
	if len(told) != 20 || started != 1 {
		t.Errorf("told of %d requests of which %d started, want 20 and 1", len(told), started)
	}
}

func TestRotate(t *testing.T) {
	s := start(t, agenttest.Options{})
	ctx := t.Context()
	first, _ := s.Secrets().Current(ctx)
	address := s.URL()
	s.Rotate()
	remembered, _ := s.Secrets().Current(ctx)
	read, fresh, err := s.Secrets().Refresh(ctx)
	if remembered.ID != first.ID || !fresh || err != nil || read.ID == first.ID || read.Value.Reveal() != s.Secret() {
		t.Error("the new value is to be found by a refresh, and not before")
	}
	if s.URL() != address {
		t.Error("a rotation changes the key, not the address")
	}
}

func TestTwoAgentsCannotShareAnAddress(t *testing.T) {
	s := start(t, agenttest.Options{})
	address := strings.TrimPrefix(s.URL(), "http://")
	if _, err := agenttest.NewServer(agenttest.Options{Address: address[:strings.Index(address, "/")]}); err == nil {
		t.Error("the second one got the address of the first")
	}
}
