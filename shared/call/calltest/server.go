// Package calltest is the other end of a call: what the stand-ins for other people's services have in common. Each has a
// Server that meets requests as it is told to, and a Log of what came; what is right, what is wrong and how to misbehave is
// the stand-in's own.
//
// A Server that listens speaks over a real socket, so that a client meets real resets and time-outs. Without a socket
// RoundTrip is the way to it, for a bridge in virtual time: what would wait, waits on the clock that the request's context
// carries (package clock).
package calltest

import (
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
)

// Server is where a stand-in is reached, and plays its behaviours. X is an exchange as the stand-in knows it, and B its
// behaviour: how it meets one request. Close it.
type Server[X any, B ~func(*X)] struct {
	honest   B
	exchange func(*Exchange) *X
	http     *httptest.Server // nil: it does not listen
	closing  chan struct{}    // closed by Close
	close    sync.Once

	mu     sync.Mutex
	script []B
	always B
}

// New makes a Server that listens nowhere. It is honest unless it was told otherwise by Next or Always.
func New[X any, B ~func(*X)](honest B, exchange func(*Exchange) *X) *Server[X, B] {
	return &Server[X, B]{honest: honest, exchange: exchange, closing: make(chan struct{})}
}

// Listen makes it listen on an address; "" is a free port of 127.0.0.1. Over TLS it has a certificate for example.com and
// the loopback addresses, which only RootCAs trusts. The error is the listener's.
func (s *Server[X, B]) Listen(address string, tls bool) error {
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	s.http = &httptest.Server{
		Listener: listener,
		// What net/http has to say about the connections that behaviours break, nobody needs.
		Config: &http.Server{Handler: s, ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0)},
	}
	if tls {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	return nil
}

// Close ends every request that is still open and the Server. It may be called more than once.
func (s *Server[X, B]) Close() {
	s.close.Do(func() {
		close(s.closing)
		if s.http != nil {
			s.http.CloseClientConnections()
			s.http.Close()
		}
	})
}

// URL is the Server's address, without a path.
func (s *Server[X, B]) URL() string {
	if s.http == nil {
		return "http://127.0.0.1"
	}
	return s.http.URL
}

// RootCAs trusts the Server's certificate, and no other; nil without TLS.
func (s *Server[X, B]) RootCAs() *x509.CertPool {
	if s.http == nil || s.http.Certificate() == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.http.Certificate())
	return pool
}

// Next makes the next requests meet these behaviours, one each, after any that are still waiting.
func (s *Server[X, B]) Next(behaviours ...B) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, behaviours...)
}

// Always makes every request meet this behaviour for which Next names no other; nil is honest again.
func (s *Server[X, B]) Always(b B) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = b
}

// ServeHTTP answers one request, by the script.
func (s *Server[X, B]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.meet(&Exchange{W: w, R: r, closing: s.closing})
}

func (s *Server[X, B]) meet(x *Exchange) {
	behave := s.behaviour()
	behave(s.exchange(x))
}

// behaviour is how the next request is met.
func (s *Server[X, B]) behaviour() B {
	s.mu.Lock()
	defer s.mu.Unlock()
	behave := s.always
	if len(s.script) > 0 {
		behave, s.script = s.script[0], s.script[1:]
	}
	if behave == nil {
		return s.honest
	}
	return behave
}

// Random is a key that nobody has had: 32 letters and digits.
func Random() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails; see crypto/rand
	return hex.EncodeToString(b)
}
