// Package apitest stands in for AWS DevOps Agent's API and for the events that the Agent sends: for tests, and for the
// operator's command, which runs the whole bridge without an account.
//
// Investigations are the Agent's tasks, in memory. One that is opened lives by a clock, as a Plan says: it appears, is
// triaged, waits, runs and ends with a summary, and each step is an event of EventBridge's. A second one of the same
// incident is linked to the first and takes it up again, as has been seen at the Agent. Of one that is completed a hand can
// ask for a plan: see Mitigate.
//
// A Server shows them by the API's own protocol, as the SDK's package devopsagent speaks it: GetBacklogTask,
// ListBacklogTasks, ListExecutions, ListJournalRecords and GetAccountUsage. It checks each request against the API's model, and answers
// with the API's errors. On request it misbehaves, for the next request or for every one: see Behaviour.
//
// What is not documented is decided so: a task of the webhook is Pending Triage first, and Created is its event when
// triage lets it go on; an id is of letters, digits, "_" and "-"; a run that nobody knows is ResourceNotFoundException.
// Of a mitigation nothing is told before it runs.
//
// Like package agenttest it shares no code with what it is there to test.
package apitest

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// Options of a Server.
type Options struct {
	// Address to listen on; "" is a free port of 127.0.0.1.
	Address string
	// Investigations are what is shown; nil are some of its own, by NewInvestigations.
	Investigations *Investigations
	// Limit is the account's hours of investigation in a month; 0 is 20, as in a trial.
	Limit int
	// OnRequest, if not nil, is told of each request when it has been judged and before it is answered, one at a time.
	OnRequest func(Request)
}

// Request is what the Server received.
type Request struct {
	At      time.Time // by the clock of the Investigations
	Call    string    // the operation, such as GetBacklogTask; "" for none
	Path    string
	Header  http.Header
	Body    []byte
	Verdict string // "answered", or the objections of the model
}

// Server is the API of one account and region. Close it.
type Server struct {
	http    *httptest.Server // nil in process
	tasks   *Investigations
	limit   int
	tell    func(Request)
	closing chan struct{} // closed by Close
	close   sync.Once
	telling sync.Mutex // held while tell runs

	mu       sync.Mutex
	script   []Behaviour
	always   Behaviour
	requests []Request
}

// NewServer starts an API. The error is the listener's.
func NewServer(o Options) (*Server, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, err
	}
	s := NewInProcess(o)
	s.http = &httptest.Server{
		Listener: listener,
		Config:   &http.Server{Handler: s, ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0)},
	}
	s.http.Start()
	return s, nil
}

// NewInProcess makes an API that listens nowhere: its Do is the way to it. What would wait, waits on the clock that the
// request's context carries (package clock). Address means nothing here.
func NewInProcess(o Options) *Server {
	if o.Investigations == nil {
		o.Investigations = NewInvestigations(InvestigationsOptions{})
	}
	if o.Limit == 0 {
		o.Limit = 20
	}
	return &Server{tasks: o.Investigations, limit: o.Limit, tell: o.OnRequest, closing: make(chan struct{})}
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

// URL is the API's address.
func (s *Server) URL() string {
	if s.http == nil {
		return "http://127.0.0.1"
	}
	return s.http.URL
}

// Investigations are what the Server shows.
func (s *Server) Investigations() *Investigations { return s.tasks }

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

// Requests are all that came, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// ServeHTTP answers one request, by the script.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.behaviour()(s.exchange(w, r))
}

var errReset = errors.New("the connection was reset")

// Do carries a request to a Server in process, as the SDK's HTTP client.
func (s *Server) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	x := s.exchange(w, r)
	x.near = true
	s.behaviour()(x)
	if x.broken {
		return nil, errReset
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
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

// exchange reads and judges a request, and keeps it.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request) *Exchange {
	body, err := io.ReadAll(io.LimitReader(bodyOf(r), 1<<20))
	q, objection := read(r, body, s.tasks.space)
	if err != nil {
		objection = &fault{400, "ValidationException", "the body cannot be read"}
	}
	req := Request{At: s.tasks.now(), Call: q.call, Path: r.URL.Path, Header: r.Header.Clone(), Body: body, Verdict: "answered"}
	if objection != nil {
		req.Verdict = objection.code + ": " + objection.words
	}
	s.mu.Lock()
	s.requests = append(s.requests, req)
	s.mu.Unlock()
	if s.tell != nil {
		s.telling.Lock()
		defer s.telling.Unlock()
		s.tell(req)
	}
	return &Exchange{server: s, w: w, r: r, question: q, objection: objection}
}

// bodyOf is a request's body, which a request that a client makes may not have.
func bodyOf(r *http.Request) io.Reader {
	if r.Body == nil {
		return http.NoBody
	}
	return r.Body
}
