package agent_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/secret"
)

var (
	discard    = slog.New(slog.DiscardHandler)
	discardLog = log.New(io.Discard, "", 0)
)

// bench is a client and the stand-in that it calls.
type bench struct {
	server *agenttest.Server
	client *agent.Client
}

// newBench starts both. The client trusts the stand-in's certificate unless the test takes that away.
func newBench(t *testing.T, o agenttest.Options, change ...func(*http.Transport)) bench {
	t.Helper()
	server, err := agenttest.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	transport := call.NewTransport(true)
	transport.TLSClientConfig.RootCAs = server.RootCAs()
	for _, c := range change {
		c(transport)
	}
	return bench{server, newClient(t, server.Secrets(), transport, o.Now)}
}

func newClient(t *testing.T, s agent.Secrets, rt http.RoundTripper, now func() time.Time) *agent.Client {
	t.Helper()
	// The name is the one for which the stand-in has its certificate; what it serves is on a loopback address.
	credentials, err := agent.NewCredentials(s, agent.CredentialOptions{Host: "example.com", AllowLocal: true, Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	return agent.New(agent.Options{Credentials: credentials, Transport: rt, Now: now})
}

func message() agent.Message { return agent.NewMessage(checkoutReport()) }

// TestEveryReason meets each reason of package delivery through a real socket.
func TestEveryReason(t *testing.T) {
	tests := []struct {
		why    string
		want   delivery.Reason
		status int
		server agenttest.Options
		// prepare changes the bench, or the context of the call, before it.
		prepare func(*testing.T, *bench, context.Context) context.Context
		// requests and started count what the stand-in saw.
		requests, started int
	}{
		{why: "bearer", want: delivery.Received, status: 200, requests: 1, started: 1},
		{why: "HMAC", want: delivery.Received, status: 200, server: agenttest.Options{HMAC: true}, requests: 1, started: 1},
		{why: "TLS", want: delivery.Received, status: 200, server: agenttest.Options{TLS: true}, requests: 1, started: 1},
		{why: "TLS and HMAC", want: delivery.Received, status: 200, server: agenttest.Options{TLS: true, HMAC: true}, requests: 1, started: 1},
		{why: "a good answer of another content type", want: delivery.Received, status: 200, prepare: next(agenttest.WrongContentType), requests: 1, started: 1},
		{why: "slow, but in time", want: delivery.Received, status: 200, prepare: next(agenttest.SlowBeforeReading(time.Millisecond)), requests: 1, started: 1},

		{why: "nobody listens", want: delivery.ConnectionFailed, prepare: func(_ *testing.T, b *bench, ctx context.Context) context.Context {
			b.server.Close()
			return ctx
		}},
		{why: "an authority that nobody trusts", want: delivery.TLSFailed, server: agenttest.Options{TLS: true}, prepare: func(t *testing.T, b *bench, ctx context.Context) context.Context {
			b.client = newClient(t, b.server.Secrets(), call.NewTransport(true), nil)
			return ctx
		}},
		{why: "TLS to who does not speak it", want: delivery.TLSFailed, prepare: func(_ *testing.T, b *bench, ctx context.Context) context.Context {
			b.server.Secrets().Set(strings.Replace(b.server.Secret(), "http:", "https:", 1))
			return ctx
		}},
		{why: "throttled", want: delivery.Throttled, status: 429, prepare: next(agenttest.Throttled("30")), requests: 1},
		{why: "throttled, for how long it does not say", want: delivery.Throttled, status: 429, prepare: next(agenttest.Throttled("")), requests: 1},
		{why: "too little time", want: delivery.OutOfTime, prepare: func(t *testing.T, _ *bench, ctx context.Context) context.Context {
			ctx, cancel := context.WithTimeout(ctx, 1900*time.Millisecond)
			t.Cleanup(cancel)
			return ctx
		}},
		{why: "no time", want: delivery.OutOfTime, prepare: func(_ *testing.T, _ *bench, ctx context.Context) context.Context {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx
		}},
		{why: "the secret store is down", want: delivery.SecretUnavailable, prepare: func(_ *testing.T, b *bench, ctx context.Context) context.Context {
			b.server.Secrets().Fail(secret.ErrUnavailable)
			return ctx
		}},

		{why: "a wrong key, where that is a 401", want: delivery.Unauthorized, status: 401, server: agenttest.Options{Denied: 401}, prepare: wrongKey, requests: 1},
		{why: "a wrong key, where that is a 403", want: delivery.Forbidden, status: 403, prepare: wrongKey, requests: 1},
		{why: "a wrong HMAC secret", want: delivery.Forbidden, status: 403, server: agenttest.Options{HMAC: true}, prepare: wrongKey, requests: 1},
		{why: "a wrong address", want: delivery.NotFound, status: 404, prepare: func(_ *testing.T, b *bench, ctx context.Context) context.Context {
			b.server.Secrets().Set(strings.Replace(b.server.Secret(), "/generic/", "/generic/x", 1))
			return ctx
		}, requests: 1},
		{why: "redirected", want: delivery.Redirected, status: 307, prepare: next(agenttest.Redirected("/elsewhere")), requests: 1},
		{why: "no secret yet", want: delivery.SecretMissing, prepare: setSecret("")},
		{why: "an empty secret", want: delivery.SecretMissing, prepare: setSecret("{}")},
		{why: "a secret of another form", want: delivery.SecretMalformed, prepare: setSecret(`{"webhook":"x"}`)},
		{why: "an address that is not the Agent's", want: delivery.HostNotAllowed, prepare: setSecret(`{"url":"https://other.example.com/w/1","token":"t"}`)},

		{why: "200 with errors", want: delivery.ErrorsInBody, status: 200, prepare: next(agenttest.Errors("priority must be one of CRITICAL")), requests: 1},
		{why: "400", want: delivery.BadRequest, status: 400, prepare: next(agenttest.Status(400, `{"message":"bad"}`)), requests: 1},
		{why: "413", want: delivery.BadRequest, status: 413, prepare: next(agenttest.Status(413, "")), requests: 1},
		{why: "422", want: delivery.BadRequest, status: 422, prepare: next(agenttest.Status(422, `{"errors":["x"]}`)), requests: 1},

		{why: "the time is over before an answer", want: delivery.TimedOut, prepare: lateOnce(agenttest.Hang), requests: 1},
		{why: "taken, and the time is over before the answer", want: delivery.TimedOut, prepare: lateOnce(agenttest.SlowAfterReading(time.Hour)), requests: 1, started: 1},
		{why: "the time is over in the answer", want: delivery.TimedOut, status: 200, prepare: lateInAnswer, requests: 1},
		{why: "reset before reading", want: delivery.Reset, prepare: next(agenttest.ResetBeforeReading)},
		{why: "reset after reading", want: delivery.Reset, prepare: next(agenttest.ResetAfterReading), requests: 1},
		{why: "reset after taking it", want: delivery.Reset, prepare: next(agenttest.Taken(agenttest.ResetAfterReading)), requests: 1, started: 1},
		{why: "reset under TLS", want: delivery.Reset, server: agenttest.Options{TLS: true}, prepare: next(agenttest.ResetAfterReading), requests: 1},
		{why: "reset in the answer", want: delivery.Reset, status: 200, prepare: next(agenttest.ResetInAnswer), requests: 1},
		{why: "500", want: delivery.ServerError, status: 500, prepare: next(agenttest.Status(500, "oops")), requests: 1},
		{why: "500 after taking it", want: delivery.ServerError, status: 500, prepare: next(agenttest.Taken(agenttest.Status(500, "oops"))), requests: 1, started: 1},
		{why: "503", want: delivery.ServerError, status: 503, prepare: next(agenttest.Status(503, "")), requests: 1},
		{why: "408", want: delivery.ServerError, status: 408, prepare: next(agenttest.Status(408, "")), requests: 1},
		{why: "garbage", want: delivery.Unreadable, status: 200, prepare: next(agenttest.Garbage), requests: 1},
		{why: "an empty body", want: delivery.Unreadable, status: 200, prepare: next(agenttest.Empty), requests: 1},
		{why: "a huge body", want: delivery.Unreadable, status: 200, prepare: next(agenttest.Huge), requests: 1},
		{why: "a body without an end", want: delivery.Unreadable, status: 200, prepare: next(agenttest.Endless), requests: 1},
		{why: "a page", want: delivery.Unreadable, status: 200, prepare: next(agenttest.Page), requests: 1},
	}
	met := map[delivery.Reason]bool{delivery.LeaseOver: true} // the reason of who finds a call that nobody settled
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			b := newBench(t, tt.server)
			ctx := t.Context()
			if tt.prepare != nil {
				ctx = tt.prepare(t, &b, ctx)
			}
			a := b.client.Call(ctx, message())
			if a.Reason != tt.want || a.Status != tt.status {
				t.Errorf("%s with status %d (%s), want %s with %d", a.Reason, a.Status, a.Words, tt.want, tt.status)
			}
			if got := len(b.server.Requests()); got != tt.requests {
				t.Errorf("%d requests, want %d", got, tt.requests)
			}
			if got := len(b.server.Investigations()); got != tt.started {
				t.Errorf("%d investigations, want %d", got, tt.started)
			}
			fitToShow(t, b.server, a)
		})
		met[tt.want] = true
	}
	for _, r := range delivery.Reasons() {
		if !met[r] {
			t.Errorf("no row meets %s", r)
		}
	}
}

// fitToShow is what every answer must satisfy.
func fitToShow(t *testing.T, s *agenttest.Server, a delivery.Answer) {
	t.Helper()
	if (a.Words == "") != (a.Reason == delivery.Received) || len(a.Words) > delivery.MaxWords || strings.Contains(a.Words, "\n") {
		t.Errorf("the words are %q", a.Words)
	}
	key := s.Secret()[strings.Index(s.Secret(), `":"`)+3:]
	for _, never := range []string{s.URL()[strings.LastIndex(s.URL(), "/")+1:], key[:8], "127.0.0.1"} {
		if strings.Contains(a.Words, never) {
			t.Errorf("the words hold %q: %q", never, a.Words)
		}
	}
	wantVersion := a.Status != 0 || a.Outcome() == delivery.InDoubt
	if got := strings.HasPrefix(a.SecretVersion, "version-"); wantVersion && !got {
		t.Errorf("the secret's version is %q", a.SecretVersion)
	}
}

func next(behaviour agenttest.Behaviour) func(*testing.T, *bench, context.Context) context.Context {
	return func(_ *testing.T, b *bench, ctx context.Context) context.Context {
		b.server.Next(behaviour)
		return ctx
	}
}

func setSecret(text string) func(*testing.T, *bench, context.Context) context.Context {
	return func(_ *testing.T, b *bench, ctx context.Context) context.Context {
		b.server.Secrets().Set(text)
		return ctx
	}
}

// wrongKey lets the secret be what it was before a rotation, for good.
func wrongKey(_ *testing.T, b *bench, ctx context.Context) context.Context {
	old := b.server.Secret()
	b.server.Rotate()
	b.server.Secrets().Set(old)
	return ctx
}

// lateOnce ends the call's time as soon as the stand-in has met the request, so that no test waits for a deadline.
func lateOnce(behaviour agenttest.Behaviour) func(*testing.T, *bench, context.Context) context.Context {
	return func(_ *testing.T, b *bench, ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		b.server.Next(behaviour)
		go func() {
			for len(b.server.Requests()) == 0 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		return ctx
	}
}

// lateInAnswer ends the call's time when the client has the head of the answer.
func lateInAnswer(t *testing.T, b *bench, ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	b.server.Next(agenttest.HangInAnswer)
	transport := call.NewTransport(true)
	b.client = newClient(t, b.server.Secrets(), roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := transport.RoundTrip(r)
		cancel()
		return resp, err
	}), nil)
	return ctx
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRequest(t *testing.T) {
	now := func() time.Time { return noon.Add(time.Hour) }
	for _, hmac := range []bool{false, true} {
		b := newBench(t, agenttest.Options{HMAC: hmac, Now: now})
		if a := b.client.Call(t.Context(), message()); a.Reason != delivery.Received {
			t.Fatalf("%s: %s", a.Reason, a.Words)
		}
		got := b.server.Requests()[0]
		if got.Method != "POST" || !bytes.Equal(got.Body, message().Encode()) {
			t.Errorf("%s of %s", got.Method, got.Body)
		}
		want := map[string]string{"Content-Type": "application/json", "User-Agent": "alertbridge", "Accept-Encoding": "", "Traceparent": ""}
		if hmac {
			want["X-Amzn-Event-Timestamp"] = "2026-11-20T13:00:00.250Z" // when it is sent, not when the alert came
			want["Authorization"] = ""
		} else {
			want["X-Amzn-Event-Signature"], want["X-Amzn-Event-Timestamp"] = "", ""
		}
		for name, value := range want {
			if got := got.Header.Get(name); got != value {
				t.Errorf("%s is %q, want %q", name, got, value)
			}
		}
	}
}

// TestASignatureIsMadeWhenSent: a repeat after an hour carries the same body and a new signature, and is a duplicate.
func TestASignatureIsMadeWhenSent(t *testing.T) {
	var hours atomic.Int64
	now := func() time.Time { return noon.Add(time.Duration(hours.Load()) * time.Hour) }
	b := newBench(t, agenttest.Options{HMAC: true, Now: now})
	for range 3 {
		if a := b.client.Call(t.Context(), message()); a.Reason != delivery.Received {
			t.Errorf("%s: %s", a.Reason, a.Words)
		}
		hours.Add(1)
	}
	r := b.server.Requests()
	if !bytes.Equal(r[0].Body, r[2].Body) || r[0].Header.Get("x-amzn-event-signature") == r[2].Header.Get("x-amzn-event-signature") {
		t.Error("a repeat has another body or the same signature")
	}
	if r[1].Verdict != "duplicate" || len(b.server.Investigations()) != 1 {
		t.Errorf("three calls started %d investigations", len(b.server.Investigations()))
	}
}

func TestRotatedKey(t *testing.T) {
	tests := []struct {
		why     string
		prepare func(*agenttest.Server)
		want    delivery.Reason
		version string
		// requests to the Agent and readings of the secret that were forced
		requests, readings int
	}{
		{
			"a new key is found by reading again", func(s *agenttest.Server) { s.Rotate() },
			delivery.Received, "version-2", 2, 1,
		},
		{
			"a good key is not read again", func(s *agenttest.Server) { s.Secrets() },
			delivery.Received, "version-1", 1, 0,
		},
		{
			"the same value as a new version is tried, for the Agent may have changed its mind",
			func(s *agenttest.Server) { old := s.Secret(); s.Rotate(); s.Secrets().Set(old) },
			delivery.Forbidden, "version-3", 2, 1,
		},
		{
			"a store that is down leaves the Agent's answer", func(s *agenttest.Server) {
				s.Rotate()
				s.Secrets().Fail(secret.ErrUnavailable)
			},
			delivery.Forbidden, "version-1", 1, 1,
		},
		{
			"a new secret that nobody can use is told as such, with its version", func(s *agenttest.Server) {
				s.Rotate()
				s.Secrets().Set("{}")
			},
			delivery.SecretMissing, "version-3", 1, 1,
		},
		{
			"an address that is gone is looked for as well", func(s *agenttest.Server) {
				s.Next(agenttest.Status(404, ""))
				s.Secrets().Set(s.Secret())
			},
			delivery.Received, "version-2", 2, 1,
		},
		{
			"so is one that leads elsewhere", func(s *agenttest.Server) {
				s.Next(agenttest.Redirected("https://example.com/"))
				s.Secrets().Set(s.Secret())
			},
			delivery.Received, "version-2", 2, 1,
		},
		{
			"the present address is not called twice", func(s *agenttest.Server) { s.Next(agenttest.Status(404, "")) },
			delivery.NotFound, "version-1", 1, 1,
		},
		{
			"what the Agent refuses has nothing to do with the secret", func(s *agenttest.Server) {
				s.Next(agenttest.Status(400, ""))
				s.Secrets().Set(s.Secret())
			},
			delivery.BadRequest, "version-1", 1, 0,
		},
		{
			"a third key is not looked for", func(s *agenttest.Server) {
				s.Rotate()
				s.Next(agenttest.Honest, agenttest.Status(401, ""))
			},
			delivery.Unauthorized, "version-2", 2, 1,
		},
		{
			"what the second request meets counts", func(s *agenttest.Server) {
				s.Rotate()
				s.Next(agenttest.Honest, agenttest.Taken(agenttest.ResetAfterReading))
			},
			delivery.Reset, "version-2", 2, 1,
		},
	}
	for _, tt := range tests {
		b := newBench(t, agenttest.Options{})
		if _, err := b.server.Secrets().Current(t.Context()); err != nil { // a function that has called before
			t.Fatal(err)
		}
		tt.prepare(b.server)
		a := b.client.Call(t.Context(), message())
		if a.Reason != tt.want || a.SecretVersion != tt.version {
			t.Errorf("%s: %s with %s (%s), want %s with %s", tt.why, a.Reason, a.SecretVersion, a.Words, tt.want, tt.version)
		}
		if n := len(b.server.Requests()); n != tt.requests || b.server.Secrets().Refreshed() != tt.readings {
			t.Errorf("%s: %d requests and %d readings, want %d and %d", tt.why, n, b.server.Secrets().Refreshed(), tt.requests, tt.readings)
		}
	}
}

func TestSecretVersion(t *testing.T) {
	tests := []struct {
		why     string
		prepare func(*agenttest.Server)
		want    string
		wrong   bool
	}{
		{"the present one", func(*agenttest.Server) {}, "version-1", false},
		{"read again", func(s *agenttest.Server) { s.Rotate() }, "version-2", false},
		{"one that nobody can use has a version too", func(s *agenttest.Server) { s.Secrets().Set("{}") }, "version-2", false},
		{"none", func(s *agenttest.Server) { s.Secrets().Set("") }, "", false},
		{"not read", func(s *agenttest.Server) { s.Secrets().Fail(secret.ErrUnavailable) }, "", true},
		{"remembered, and maybe old", func(s *agenttest.Server) { remember(t, s); s.Secrets().Fail(secret.ErrUnavailable) }, "version-1", true},
		{"remembered, maybe old, and of no use", func(s *agenttest.Server) {
			s.Secrets().Set("{}")
			remember(t, s)
			s.Secrets().Fail(secret.ErrUnavailable)
		}, "version-2", true},
	}
	for _, tt := range tests {
		b := newBench(t, agenttest.Options{})
		tt.prepare(b.server)
		got, err := b.client.SecretVersion(t.Context())
		if got != tt.want || (err != nil) != tt.wrong {
			t.Errorf("%s: %q, %v, want %q", tt.why, got, err, tt.want)
		}
	}
}

// remember makes the store know what it holds.
func remember(t *testing.T, s *agenttest.Server) {
	t.Helper()
	if _, err := s.Secrets().Current(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRetryAfterIsTold(t *testing.T) {
	b := newBench(t, agenttest.Options{Now: func() time.Time { return noon }})
	b.server.Next(agenttest.Throttled("30"), agenttest.Throttled("Fri, 20 Nov 2026 12:02:00 GMT"), agenttest.Throttled("86400"))
	for _, want := range []time.Duration{30 * time.Second, 2*time.Minute - 250*time.Millisecond, 15 * time.Minute} {
		if a := b.client.Call(t.Context(), message()); a.RetryAfter != want {
			t.Errorf("retry after %v, want %v", a.RetryAfter, want)
		}
	}
}

func TestNobodyIsFollowed(t *testing.T) {
	var followed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer elsewhere.Close()
	b := newBench(t, agenttest.Options{})
	b.server.Next(agenttest.Redirected(elsewhere.URL))
	a := b.client.Call(t.Context(), message())
	if a.Reason != delivery.Redirected || followed.Load() != 0 || len(b.server.Requests()) != 1 {
		t.Errorf("%s, %d requests elsewhere", a.Reason, followed.Load())
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	server.Config.ErrorLog = discardLog
	server.StartTLS()
	defer server.Close()
	secrets := &agenttest.Secrets{}
	secrets.Set(`{"url":"` + server.URL + `/w","token":"t"}`)
	transport := call.NewTransport(true)
	transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	if a := newClient(t, secrets, transport, nil).Call(t.Context(), message()); a.Reason != delivery.TLSFailed {
		t.Errorf("%s (%s), want tls_failed", a.Reason, a.Words)
	}
}

// TestLocalAddressesAreNotConnectedTo: the host is right and the certificate too; only the address is not one that the
// Agent can have.
func TestLocalAddressesAreNotConnectedTo(t *testing.T) {
	b := newBench(t, agenttest.Options{TLS: true})
	transport := call.NewTransport(false)
	transport.TLSClientConfig.RootCAs = b.server.RootCAs()
	a := newClient(t, b.server.Secrets(), transport, nil).Call(t.Context(), message())
	if a.Reason != delivery.ConnectionFailed || !strings.Contains(a.Words, "address of this machine") || len(b.server.Requests()) != 0 {
		t.Errorf("%s (%s), want connection_failed that tells of the address", a.Reason, a.Words)
	}
}

// TestOneRequestPerConnection: a connection that is kept may die while a function is frozen, and then make a doubt of
// what is none.
func TestOneRequestPerConnection(t *testing.T) {
	b := newBench(t, agenttest.Options{TLS: true})
	for range 3 {
		_ = b.client.Call(t.Context(), message())
	}
	for _, r := range b.server.Requests() {
		if r.Header.Get("Connection") != "close" && !slices.Contains(r.Header["Connection"], "close") {
			t.Errorf("a request may be followed by others on its connection: %v", r.Header)
		}
	}
}

// TestNothingBelowCanRepeat: net/http repeats a request by itself only if it can get the body again.
func TestNothingBelowCanRepeat(t *testing.T) {
	b := newBench(t, agenttest.Options{})
	transport := call.NewTransport(true)
	client := newClient(t, b.server.Secrets(), roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.GetBody != nil || r.Header.Get("Idempotency-Key") != "" {
			t.Error("the transport may repeat the request")
		}
		return transport.RoundTrip(r)
	}), nil)
	if a := client.Call(t.Context(), message()); a.Reason != delivery.Received {
		t.Errorf("%s: %s", a.Reason, a.Words)
	}
}

// TestResetAnywhere cuts the connection after each number of bytes that a server may have read. Where it has read the
// whole request it may have acted on it, so the call must be in doubt; and never may it be anything but a doubt or a
// connection that failed.
func TestResetAnywhere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	secrets := &agenttest.Secrets{}
	secrets.Set(`{"url":"http://` + listener.Addr().String() + `/w","token":"t"}`)
	client := newClient(t, secrets, call.NewTransport(true), nil)
	whole := 0
	for _, n := range []int64{0, 0, 0, 0, 0, 1, 1, 1, 10, 100, 200, 500, 1000, 2000, 3000, 4000, 1 << 20} {
		read := make(chan []byte, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // where n is more than what comes
			b, _ := io.ReadAll(io.LimitReader(conn, n))
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
			read <- b
		}()
		a := client.Call(t.Context(), message())
		got := <-read
		complete := bytes.HasSuffix(got, message().Encode())
		if complete {
			whole++
		}
		switch {
		case a.Reason == delivery.Reset:
		case a.Reason == delivery.ConnectionFailed && !complete:
		default:
			t.Errorf("after %d bytes of the request, whole: %v, the call is %s", len(got), complete, a.Reason)
		}
	}
	if whole == 0 {
		t.Error("no server read a whole request: the test shows nothing")
	}
}

// TestDeadline runs over a pipe in fake time: somebody takes the request and never answers.
func TestDeadline(t *testing.T) {
	tests := []struct {
		why    string
		dial   func(ctx context.Context) (net.Conn, error)
		parent time.Duration // the invocation's own deadline, 0: none
		want   delivery.Reason
		took   time.Duration
	}{
		{"no answer", silentServer, 0, delivery.TimedOut, agent.CallDeadline},
		{"no answer, in an invocation that ends earlier", silentServer, 3 * time.Second, delivery.TimedOut, 3 * time.Second},
		{"no connection", noServer, 0, delivery.ConnectionFailed, agent.CallDeadline},
		{"nobody takes the request", deafServer, 0, delivery.TimedOut, agent.CallDeadline},
	}
	for _, tt := range tests {
		// The bubble also fails if a goroutine of the call outlives it.
		synctest.Test(t, func(t *testing.T) {
			secrets := &agenttest.Secrets{}
			secrets.Set(`{"url":"http://127.0.0.1:1/w","token":"t"}`)
			transport := call.NewTransport(true)
			transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return tt.dial(ctx) }
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.parent > 0 {
				ctx, cancel = context.WithTimeout(ctx, tt.parent)
				defer cancel()
			}
			began := time.Now()
			a := newClient(t, secrets, transport, nil).Call(ctx, message())
			if took := time.Since(began); a.Reason != tt.want || took != tt.took || a.Took != tt.took {
				t.Errorf("%s: %s after %v (said: %v), want %s after %v", tt.why, a.Reason, took, a.Took, tt.want, tt.took)
			}
		})
	}
}

// silentServer reads the request and says nothing.
func silentServer(context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, server) }()
	return client, nil
}

// deafServer does not even read.
func deafServer(context.Context) (net.Conn, error) {
	client, _ := net.Pipe()
	return client, nil
}

// noServer is a network that swallows connections.
func noServer(ctx context.Context) (net.Conn, error) {
	time.Sleep(agent.CallDeadline)
	return nil, errors.New("too late")
}

// TestTheSecretsTimeIsTheCallsTime: a store that is slow leaves less for the request, and none for a second one.
func TestTheSecretsTimeIsTheCallsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := call.NewTransport(true)
		requests := 0
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			requests++
			client, server := net.Pipe()
			go func() {
				r, err := http.ReadRequest(bufio.NewReader(server))
				if err == nil {
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = io.WriteString(server, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				}
				_ = server.Close()
			}()
			return client, nil
		}
		began := time.Now()
		a := newClient(t, slowSecrets{}, transport, nil).Call(t.Context(), message())
		if a.Reason != delivery.Unauthorized || a.SecretVersion != "old" || requests != 1 {
			t.Errorf("%s with %s after %d requests, want unauthorized with old after 1", a.Reason, a.SecretVersion, requests)
		}
		if took := time.Since(began); took > agent.CallDeadline {
			t.Errorf("took %v, longer than %v", took, agent.CallDeadline)
		}
	})
}

// slowSecrets takes as long as a store may: four seconds each time.
type slowSecrets struct{}

func (slowSecrets) Current(context.Context) (secret.Version, error) {
	time.Sleep(4 * time.Second)
	return secret.Version{ID: "old", Value: secret.New(`{"url":"http://127.0.0.1:1/w","token":"old"}`)}, nil
}

func (slowSecrets) Refresh(context.Context) (secret.Version, bool, error) {
	time.Sleep(3 * time.Second)
	return secret.Version{ID: "new", Value: secret.New(`{"url":"http://127.0.0.1:1/w","token":"new"}`)}, true, nil
}

// TestATransportThatDoesNotReport: without its reports nothing is certain, so its failures are doubts.
func TestATransportThatDoesNotReport(t *testing.T) {
	secrets := &agenttest.Secrets{}
	secrets.Set(`{"url":"http://127.0.0.1:1/w","token":"t"}`)
	mute := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") })
	if a := newClient(t, secrets, mute, nil).Call(t.Context(), message()); a.Outcome() != delivery.InDoubt {
		t.Errorf("%s, want a doubt", a.Reason)
	}
}
