package call

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/secret"
)

var someone = Peer{Name: "the peer", Setting: "PEER_HOST"}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func clockAtNoon() time.Time { return noon }

func TestPost(t *testing.T) {
	var got *http.Request
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(307)
		_, _ = io.WriteString(w, "not here")
	}))
	defer server.Close()
	header := http.Header{"X-Key": {"k"}}
	r, failure := Post(t.Context(), NewTransport(true), someone, Request{Address: secret.New(server.URL + "/a"), Header: header, Body: []byte("{}")}, clockAtNoon)
	if failure != nil || r.Status != 307 || string(r.Body) != "not here" || r.TooLong || r.Broken != nil || r.Late || !r.At.Equal(noon) {
		t.Fatalf("%+v %+v", r, failure)
	}
	if got.Method != "POST" || got.URL.Path != "/a" || body != "{}" || got.Header.Get("X-Key") != "k" ||
		got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Accept") != "application/json" || got.Header.Get("User-Agent") != "alertbridge" {
		t.Errorf("%+v %q", got, body)
	}
	if reason, _ := r.Unfinished(); reason != "" {
		t.Errorf("it is unfinished: %s", reason)
	}
}

func TestPostIsBounded(t *testing.T) {
	for size, tooLong := range map[int]bool{MaxAnswer: false, MaxAnswer + 1: true, 1 << 20: true} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", size))
		}))
		r, failure := Post(t.Context(), NewTransport(true), someone, Request{Address: secret.New(server.URL)}, clockAtNoon)
		server.Close()
		if failure != nil || r.TooLong != tooLong || len(r.Body) > MaxAnswer+1 {
			t.Errorf("%d bytes: %d read, too long %t, %v", size, len(r.Body), r.TooLong, failure)
		}
		if reason, words := r.Unfinished(); tooLong && (reason != delivery.Unreadable || words != "the answer has more than 65536 bytes") {
			t.Errorf("%s %s", reason, words)
		}
	}
}

// TestPostFails: nothing came back, and the words hold no address.
func TestPostFails(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer hanging.Close()
	for _, c := range []struct {
		address    string
		allowLocal bool
		want       delivery.Reason
		words      string
	}{
		{closed.URL, true, delivery.ConnectionFailed, "the connection was refused"},
		{closed.URL, false, delivery.ConnectionFailed, "the peer's name resolves to an address of this machine, which is not called; see the DNS"},
		{strings.Replace(hanging.URL, "http:", "https:", 1), true, delivery.TLSFailed, "no secure connection: the other side does not speak TLS"},
		{hanging.URL, true, delivery.TimedOut, "the request was sent, and no answer came in time"},
		{"http://a b/", true, delivery.SecretMalformed, "the peer's address cannot be called"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, failure := Post(ctx, NewTransport(c.allowLocal), someone, Request{Address: secret.New(c.address), Body: []byte("{}")}, clockAtNoon)
		cancel()
		if failure == nil || failure.Reason != c.want || failure.Words != c.words {
			t.Errorf("%s: %+v, want %s, %s", c.address, failure, c.want, c.words)
		}
	}
}

func TestEnoughTime(t *testing.T) {
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	ended, end := context.WithCancel(t.Context())
	end()
	for _, c := range []struct {
		ctx   context.Context
		least time.Duration
		want  bool
	}{{t.Context(), time.Hour, true}, {short, time.Millisecond, true}, {short, 2 * time.Second, false}, {ended, 0, false}} {
		if got := EnoughTime(c.ctx, c.least); got != c.want {
			t.Errorf("enough time for %v: %t, want %t", c.least, got, c.want)
		}
	}
}

func TestStatusReason(t *testing.T) {
	for status, want := range map[int]delivery.Reason{
		0: delivery.Unreadable, 199: delivery.Unreadable, 200: "", 202: "", 299: "", 300: delivery.Redirected, 399: delivery.Redirected,
		400: delivery.BadRequest, 401: delivery.Unauthorized, 403: delivery.Forbidden, 404: delivery.NotFound, 408: delivery.ServerError,
		413: delivery.BadRequest, 429: delivery.Throttled, 499: delivery.BadRequest, 500: delivery.ServerError, 599: delivery.ServerError, 600: delivery.Unreadable,
	} {
		if got := StatusReason(status); got != want {
			t.Errorf("%d is %q, want %q", status, got, want)
		}
	}
	denied := map[delivery.Reason]bool{delivery.Unauthorized: true, delivery.Forbidden: true, delivery.NotFound: true, delivery.Redirected: true}
	for _, r := range delivery.Reasons() {
		if Denied(r) != denied[r] {
			t.Errorf("%s is denied: %t", r, Denied(r))
		}
	}
}

func TestUnfinished(t *testing.T) {
	for _, c := range []struct {
		r    Reply
		want delivery.Reason
	}{
		{Reply{Status: 200}, ""},
		{Reply{Late: true}, ""}, // whole, and the time over a moment later
		{Reply{Broken: errors.New("x")}, delivery.Reset},
		{Reply{Broken: errors.New("x"), Late: true}, delivery.TimedOut},
		{Reply{TooLong: true}, delivery.Unreadable},
	} {
		if got, words := c.r.Unfinished(); got != c.want || (words == "") != (got == "") {
			t.Errorf("%+v is %q, %q, want %q", c.r, got, words, c.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		header string
		want   time.Duration
	}{
		{"", 0},
		{"30", 30 * time.Second},
		{"0", 0},
		{"900", 15 * time.Minute},
		{"901", 15 * time.Minute},
		{"4294967295", 15 * time.Minute},
		{"99999999999999999999", 0},
		{"-5", 0},
		{"1.5", 0},
		{"soon", 0},
		{"Fri, 20 Nov 2026 12:01:30 GMT", 90 * time.Second},
		{"Fri, 20 Nov 2026 11:00:00 GMT", 0},
		{"Sat, 21 Nov 2026 12:00:00 GMT", 15 * time.Minute},
	}
	for _, tt := range tests {
		if got := RetryAfter(Reply{Header: http.Header{"Retry-After": {tt.header}}, At: now}); got != tt.want {
			t.Errorf("Retry-After %q is %v, want %v", tt.header, got, tt.want)
		}
	}
}

func TestAnswered(t *testing.T) {
	for _, c := range []struct {
		r    Reply
		want string
	}{
		{Reply{Status: 422, Body: []byte(`{"b":[1,null,"x"],"a":true}`)}, "the peer answered 422 Unprocessable Entity: a: true; b: 1; ; x"},
		{Reply{Status: 500, Body: []byte(`<html>`)}, "the peer answered 500 Internal Server Error"},
		{Reply{Status: 400, Body: []byte(`{"a":"b"}`), TooLong: true}, "the peer answered 400 Bad Request"},
		{Reply{Status: 400, Body: []byte(`{"a":"b"}{}`)}, "the peer answered 400 Bad Request"},
		{Reply{Status: 599, Body: []byte(`null`)}, "the peer answered 599"},
	} {
		if got := someone.Answered(c.r); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestSpeakable(t *testing.T) {
	const key = "tok-Zq7vX-123"
	for said, want := range map[string]string{
		"wrong key tok-Zq7vX-123":                "wrong key [secret]",
		"in base64 dG9rLVpxN3ZYLTEyMw==":         "in base64 [secret]",
		"apart tok-Zq7\u200bvX-123":              "apart [secret]",
		"see https://example.com/x?y=1 and":      "see [address] and",
		"short: ab":                              "short: ab",
		"line\nbreak\x00":                        "line break",
		"password=hunter2hunter2":                "password=[password:",
		"of (http://10.0.0.1/x), 'ftp://a' said": "of ([address]), '[address]' said",
	} {
		if got := Speakable(said, key, key, "ab"); !strings.HasPrefix(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("%q became %q, want %q", said, got, want)
		}
	}
	for n := delivery.MaxWords - 2; n < delivery.MaxWords+3; n++ {
		got := Bounded(strings.Repeat("x", n))
		if want := min(n, delivery.MaxWords); len(got) != want || strings.HasSuffix(got, "...") != (n > delivery.MaxWords) {
			t.Errorf("%d bytes became %d: %q", n, len(got), got)
		}
	}
	if got := Bounded(strings.Repeat("決", 400)); len(got) > delivery.MaxWords || !utf8.ValidString(got) || !strings.HasSuffix(got, "決...") {
		t.Errorf("%q", got)
	}
}

func TestStandIn(t *testing.T) {
	for _, good := range []string{"http://127.0.0.1:8080", "https://localhost/", "http://host.docker.internal:1", "http://10.1.2.3", "http://[::1]:9", "http://a.localhost"} {
		if err := StandIn(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "127.0.0.1:80", "http://example.com", "http://169.254.169.254", "ftp://127.0.0.1", "http://a@127.0.0.1", "http://127.0.0.1/x", "http://127.0.0.1?x", "http://127.0.0.1#x", "http://127.0.0.1?", "http://127.0.0.1//", "http://%zz"} {
		if err := StandIn(bad); err == nil {
			t.Errorf("%q may be a stand-in", bad)
		}
	}
}

// FuzzAnswered: whatever a peer says, the words about it are fit to be stored and shown, and hold no key.
func FuzzAnswered(f *testing.F) {
	f.Add(422, `{"b":[1,null,"x"],"a":true}`, "12")
	f.Add(400, `["0123456789abcdef", "https://x/y", "MDEyMzQ1Njc4OWFiY2RlZg=="]`, "Fri, 20 Nov 2026 12:01:30 GMT")
	f.Add(0, "\x00\xff", "-1")
	const key = "0123456789abcdef"
	f.Fuzz(func(t *testing.T, status int, body, after string) {
		r := Reply{Status: status, Body: []byte(body), Header: http.Header{"Retry-After": {after}}, At: noon}
		words := Speakable(someone.Answered(r), key, key)
		if len(words) > delivery.MaxWords || !utf8.ValidString(words) || strings.ContainsAny(words, "\n\r\t") || strings.Contains(words, "://") || strings.Contains(words, key) {
			t.Errorf("words are %q", words)
		}
		if d := RetryAfter(r); d < 0 || d > MaxRetryAfter {
			t.Errorf("retry after %v", d)
		}
	})
}

// FuzzStandIn: an address that passes leads to this machine or a private network, and nowhere else.
func FuzzStandIn(f *testing.F) {
	for _, s := range []string{"http://127.0.0.1:8080", "http://localhost@example.com", "http://[::ffff:8.8.8.8]", "https://10.0.0.1/", "http:///x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if StandIn(address) != nil {
			return
		}
		r, err := http.NewRequest(http.MethodPost, strings.TrimSuffix(address, "/")+"/v2/enqueue", nil)
		if err != nil || !Local(r.URL.Hostname()) || r.URL.Path != "/v2/enqueue" {
			t.Errorf("%q leads to %v, %v", address, r, err)
		}
	})
}
