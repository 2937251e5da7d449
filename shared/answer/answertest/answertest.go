// Package answertest stands in for the places where answers go, Datadog's events and PagerDuty's Events API v2: for tests,
// and for the operator's command, which runs the whole bridge without an account.
//
// Both accept what the public schemas allow and nothing else, answer as the documentation says, and keep what they
// accepted. PagerDuty keeps incidents: triggers of one dedup_key are one while it is open, and a resolve closes it. On
// request they misbehave instead, for the next request or for every one: see Behaviour.
//
// Two answers are not in the documentation: Datadog's to a wrong key (403, as its other endpoints have it), and the message
// of PagerDuty's to a change. Where the documentation says "limited to" and the service might cut in silence, the stand-in
// refuses, so that a test sees it. What a valid body is, is written here for a second time, on purpose: the checks share no
// code with the packages that make the bodies.
//
// They speak over a real socket, so that a client meets real resets and time-outs; and in process by RoundTrip, for a
// bridge in virtual time.
package answertest

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
)

// Options of a stand-in. The zero value is one on loopback, without TLS.
type Options struct {
	// Address to listen on; "" is a free port of 127.0.0.1.
	Address string
	// TLS serves https with a certificate for example.com and the loopback addresses, which only RootCAs trusts.
	TLS bool
	// InProcess listens nowhere: RoundTrip is the way to it. What would wait, waits on the clock that the request's context
	// carries.
	InProcess bool
	// AnyKey takes every key of the right form. At PagerDuty each is an integration of its own.
	AnyKey bool
	// Now is the stand-in's clock; nil is time.Now.
	Now func() time.Time
	// OnRequest, if not nil, is told of each request when it has been judged and before it is answered. It is called from
	// several goroutines, one request at a time.
	OnRequest func(Request)
}

// Request is what a stand-in received.
type Request struct {
	At     time.Time // by Options.Now
	Path   string
	Header http.Header
	Body   []byte
	// Taken tells that it was accepted, whatever was answered.
	Taken bool
	// Errors are the objections to it.
	Errors []string
}

// Server is what both stand-ins have. Close it.
type Server struct {
	judge   func(*Request) verdict // called with mu held
	http    *httptest.Server       // nil in process
	base    string
	options Options
	closing chan struct{} // closed by Close
	close   sync.Once
	secrets *agenttest.Secrets
	telling sync.Mutex // held while OnRequest runs

	mu       sync.Mutex
	key      string
	script   []Behaviour
	always   Behaviour
	requests []Request
}

// verdict is what the service says to a request.
type verdict struct {
	status int
	body   string
	errs   []string
	taken  bool
}

func newServer(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, closing: make(chan struct{}), secrets: &agenttest.Secrets{}, base: "http://127.0.0.1"}
	s.Rotate()
	if o.InProcess {
		return s, nil
	}
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, err
	}
	s.http = &httptest.Server{
		Listener: listener,
		Config:   &http.Server{Handler: s, ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0)},
	}
	if o.TLS {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	s.base = s.http.URL
	return s, nil
}

// Close ends every request that is still open and the stand-in. It may be called more than once.
func (s *Server) Close() {
	s.close.Do(func() {
		close(s.closing)
		if s.http != nil {
			s.http.CloseClientConnections()
			s.http.Close()
		}
	})
}

// URL is the stand-in's address.
func (s *Server) URL() string { return s.base }

// RootCAs trusts the stand-in's certificate, and no other; nil without TLS.
func (s *Server) RootCAs() *x509.CertPool {
	if s.http == nil || s.http.Certificate() == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.http.Certificate())
	return pool
}

// Secrets stands in for the store that holds the key. What Rotate changes is found there by the next Refresh.
func (s *Server) Secrets() *agenttest.Secrets { return s.secrets }

// Key is the key of the moment, 32 letters and digits.
func (s *Server) Key() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key
}

// Rotate replaces the key. The old one is dead at once.
func (s *Server) Rotate() {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // it never fails
	s.mu.Lock()
	s.key = hex.EncodeToString(b)
	s.mu.Unlock()
	s.secrets.Set(s.Key())
}

// Next makes the next requests meet these behaviours, one each, after any that are still waiting.
func (s *Server) Next(b ...Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, b...)
}

// Always makes every request without a Next meet this behaviour; nil is Honest again.
func (s *Server) Always(b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = b
}

// Requests are all so far, in the order in which they came.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.behaviour()(&Exchange{server: s, w: w, r: r})
}

func (s *Server) behaviour() Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.script) > 0:
		b := s.script[0]
		s.script = s.script[1:]
		return b
	case s.always != nil:
		return s.always
	}
	return Honest
}

// maxBody is what is read of a request, more than any service takes.
const maxBody = 1 << 20

// take reads and judges a request as the service does, and keeps it. Without judging, it only keeps it.
func (s *Server) take(r *http.Request, judging bool) verdict {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	req := Request{At: s.options.Now(), Path: r.URL.Path, Header: r.Header.Clone(), Body: bytes.Clone(body)}
	var v verdict
	s.mu.Lock()
	switch {
	case !judging:
	case err != nil:
		v = verdict{status: http.StatusBadRequest, errs: []string{"body not read"}}
	case r.Method != http.MethodPost:
		v = verdict{status: http.StatusMethodNotAllowed, errs: []string{"not a POST"}}
	default:
		v = s.judge(&req)
	}
	req.Taken, req.Errors = v.taken, v.errs
	s.requests = append(s.requests, req)
	s.mu.Unlock()
	if s.options.OnRequest != nil {
		s.telling.Lock()
		defer s.telling.Unlock()
		s.options.OnRequest(req)
	}
	return v
}
