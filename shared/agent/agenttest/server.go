// Package agenttest stands in for AWS DevOps Agent's webhook: for tests, and for the operator's command, which runs the
// whole bridge without an account.
//
// A Server behaves as the Agent is documented to, and as it has been seen to where the documentation is silent
// (docs.aws.amazon.com/devopsagent, "Invoking DevOps Agent through a webhook"):
//
//   - 404 for another path, 403 for a missing or wrong key, signature or timestamp.
//   - 200 with the errors in the body for an event that its schema does not allow.
//   - 200 {"message":"Webhook received"} for everything else; whether an investigation starts is not in the answer. It
//     does not start for a duplicate, which has the incidentId and the timestamp of an earlier event, nor for an event
//     over the limits that real events have vanished at.
//
// On request it misbehaves instead, for the next request or for every one: see Behaviour. It speaks over a real
// socket, so that a client meets real resets and time-outs. NewInProcess makes one without a socket, for a bridge in
// virtual time: the same Agent, reached by RoundTrip.
//
// What a valid event is, is written here for a second time, on purpose: the checks share no code with the package
// that makes the events.
package agenttest

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"time"
)

// Options of a Server. The zero value is an Agent on loopback without TLS that wants a bearer token.
type Options struct {
	// Address to listen on; "" is a free port of 127.0.0.1.
	Address string
	// TLS serves https with a certificate for example.com and the loopback addresses, which only RootCAs trusts.
	TLS bool
	// HMAC wants a signature instead of a bearer token.
	HMAC bool
	// Skew is how far a signature's timestamp may be off, either way; 0 is five minutes. The Agent's is not published.
	Skew time.Duration
	// Denied is the status for a wrong key; 0 is 403. Both 401 and 403 have been reported of the Agent.
	Denied int
	// Now is the Agent's clock; nil is time.Now.
	Now func() time.Time
	// OnRequest, if not nil, is told of each request when it has been judged and before it is answered. It is called
	// from several goroutines, one request at a time.
	OnRequest func(Request)
}

// Request is what the Server received.
type Request struct {
	At     time.Time // by Options.Now
	Method string
	Path   string
	Header http.Header
	Body   []byte
	// Verdict says in a few words what became of it, such as "investigation started" or "duplicate".
	Verdict string
	// Errors are the schema's objections, or what makes the event vanish.
	Errors []string
	// Started tells that it opened an investigation.
	Started bool
}

// Investigation is one that the Agent has opened, and would bill.
type Investigation struct {
	At         time.Time
	IncidentID string
	Title      string
	Priority   string
	Event      json.RawMessage
}

// Server is an Agent. Close it.
type Server struct {
	http    *httptest.Server // nil in process
	base    string           // of its address
	options Options
	path    string
	closing chan struct{} // closed by Close
	close   sync.Once
	secrets *Secrets
	telling sync.Mutex // held while OnRequest runs

	mu             sync.Mutex
	key            string
	script         []Behaviour
	always         Behaviour
	requests       []Request
	investigations []Investigation
	seen           map[string]bool // incidentId and timestamp of every event taken
}

// NewServer starts an Agent with a webhook and a key of its own. The error is the listener's.
func NewServer(o Options) (*Server, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, err
	}
	s := newServer(o)
	s.http = &httptest.Server{
		Listener: listener,
		Config:   &http.Server{Handler: s, ReadHeaderTimeout: 30 * time.Second, ErrorLog: silent()},
	}
	if o.TLS {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	s.base = s.http.URL
	s.secrets.Set(s.Secret())
	return s, nil
}

func newServer(o Options) *Server {
	if o.Skew == 0 {
		o.Skew = 5 * time.Minute
	}
	if o.Denied == 0 {
		o.Denied = http.StatusForbidden
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Server{
		options: o,
		path:    "/webhook/generic/" + random(),
		closing: make(chan struct{}),
		key:     random(),
		secrets: &Secrets{},
		seen:    map[string]bool{},
	}
}

// Close ends every request that is still open and the Server. It may be called more than once.
func (s *Server) Close() {
	s.close.Do(func() {
		close(s.closing)
		if s.http != nil {
			s.http.CloseClientConnections()
			s.http.Close()
		}
	})
}

// URL is the webhook's address. It is as secret as the Agent's.
func (s *Server) URL() string { return s.base + s.path }

// Host is the host in URL, without the port.
func (s *Server) Host() string {
	u, err := url.Parse(s.base)
	if err != nil {
		panic("agenttest: httptest gave an address that is none: " + err.Error())
	}
	return u.Hostname()
}

// RootCAs trusts the Server's certificate, and no other; nil without TLS.
func (s *Server) RootCAs() *x509.CertPool {
	if s.http == nil || s.http.Certificate() == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.http.Certificate())
	return pool
}

// Secret is what the operator would put into Secrets Manager for this Agent.
func (s *Server) Secret() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := "token"
	if s.options.HMAC {
		name = "hmac_secret"
	}
	text, err := json.Marshal(map[string]string{"url": s.URL(), name: s.key})
	if err != nil {
		panic("agenttest: texts cannot fail to encode: " + err.Error())
	}
	return string(text)
}

// Secrets stands in for the store that holds Secret. What Rotate changes is found there by the next Refresh.
func (s *Server) Secrets() *Secrets { return s.secrets }

// Rotate replaces the key. As at the Agent, the old one is dead at once and the address stays.
func (s *Server) Rotate() {
	s.mu.Lock()
	s.key = random()
	s.mu.Unlock()
	s.secrets.Set(s.Secret())
}

// Next makes the next requests meet these behaviours, one each, after any that are still waiting.
func (s *Server) Next(behaviours ...Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, behaviours...)
}

// Always makes every request meet this behaviour for which Next names no other; nil is Honest.
func (s *Server) Always(b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = b
}

// Requests are all that came, in the order in which they were judged. A request that a behaviour never reads is not
// judged and has no body.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Investigations are all that were started, in order.
func (s *Server) Investigations() []Investigation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Investigation(nil), s.investigations...)
}

// ServeHTTP answers one request, by the script.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.behaviour()(&Exchange{server: s, w: w, r: r})
}

// behaviour is how the next request is met.
func (s *Server) behaviour() Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	behave := s.always
	if len(s.script) > 0 {
		behave, s.script = s.script[0], s.script[1:]
	}
	if behave == nil {
		return Honest
	}
	return behave
}

func random() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails; see crypto/rand
	return hex.EncodeToString(b)
}
