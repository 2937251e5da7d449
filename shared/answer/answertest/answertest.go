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
// They speak over a real socket, or in process by RoundTrip, for a bridge in virtual time: see package calltest.
package answertest

import (
	"net/http"
	"sync"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/call/calltest"
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
	*calltest.Server[Exchange, Behaviour]
	judge   func(*Request) verdict // called with mu held
	options Options
	secrets *agenttest.Secrets
	log     calltest.Log[Request]

	mu  sync.Mutex
	key string
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
	s := &Server{options: o, secrets: &agenttest.Secrets{}, log: calltest.Log[Request]{OnRequest: o.OnRequest}}
	s.Server = calltest.New(Behaviour(Honest), func(x *calltest.Exchange) *Exchange { return &Exchange{Exchange: x, server: s} })
	s.Rotate()
	if o.InProcess {
		return s, nil
	}
	return s, s.Listen(o.Address, o.TLS)
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
	s.mu.Lock()
	s.key = calltest.Random()
	s.mu.Unlock()
	s.secrets.Set(s.Key())
}

// Requests are all so far, in the order in which they came.
func (s *Server) Requests() []Request { return s.log.All() }

// take reads and judges a request as the service does, and keeps it. Without judging, it only keeps it.
func (s *Server) take(x *Exchange, judging bool) verdict {
	r := x.R
	body, err := x.Body()
	req := Request{At: s.options.Now(), Path: r.URL.Path, Header: r.Header.Clone(), Body: body}
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
	s.log.Add(req)
	s.mu.Unlock()
	s.log.Tell(req)
	return v
}
