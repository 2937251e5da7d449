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
// On request it misbehaves instead, for the next request or for every one: see Behaviour. It speaks over a real socket, or
// in process (NewInProcess): see package calltest.
//
// What a valid event is, is written here for a second time, on purpose: the checks share no code with the package
// that makes the events.
package agenttest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/alertbridge/alertbridge/shared/call/calltest"
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
	*calltest.Server[Exchange, Behaviour]
	options Options
	path    string
	secrets *Secrets
	log     calltest.Log[Request]

	mu             sync.Mutex
	key            string
	investigations []Investigation
	seen           map[string]bool // incidentId and timestamp of every event taken
}

// NewServer starts an Agent with a webhook and a key of its own. The error is the listener's.
func NewServer(o Options) (*Server, error) {
	s := newServer(o)
	if err := s.Listen(o.Address, o.TLS); err != nil {
		return nil, err
	}
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
	s := &Server{
		options: o,
		path:    "/webhook/generic/" + calltest.Random(),
		key:     calltest.Random(),
		secrets: &Secrets{},
		log:     calltest.Log[Request]{OnRequest: o.OnRequest},
		seen:    map[string]bool{},
	}
	s.Server = calltest.New(Behaviour(Honest), func(x *calltest.Exchange) *Exchange { return &Exchange{x, s} })
	return s
}

// URL is the webhook's address. It is as secret as the Agent's.
func (s *Server) URL() string { return s.Server.URL() + s.path }

// Host is the host in URL, without the port.
func (s *Server) Host() string {
	u, err := url.Parse(s.URL())
	if err != nil {
		panic("agenttest: httptest gave an address that is none: " + err.Error())
	}
	return u.Hostname()
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
	s.key = calltest.Random()
	s.mu.Unlock()
	s.secrets.Set(s.Secret())
}

// Requests are all that came, in the order in which they were judged. A request that a behaviour never reads is not
// judged and has no body.
func (s *Server) Requests() []Request { return s.log.All() }

// Investigations are all that were started, in order.
func (s *Server) Investigations() []Investigation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Investigation(nil), s.investigations...)
}
