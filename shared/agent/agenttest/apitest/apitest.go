// Package apitest stands in for AWS DevOps Agent's API and for the events that the Agent sends: for tests, and for the
// operator's command, which runs the whole bridge without an account.
//
// Investigations are the Agent's tasks, in memory. One that is opened lives by a clock, as a Plan says: it appears, is
// triaged, waits, runs and ends with a summary, and each step is an event of EventBridge's. A second one of the same
// incident is linked to the first and takes it up again, as has been seen at the Agent. Of one that is completed a hand can
// ask for a plan: see Mitigate.
//
// A Server shows them by the API's own protocol, as the SDK's package devopsagent speaks it: GetBacklogTask,
// ListBacklogTasks, ListExecutions, ListJournalRecords and GetAccountUsage. It checks each request against the API's model, and
// answers with the API's errors. On request it misbehaves, for the next request or for every one: see Behaviour. It speaks
// over a real socket, or in process by Do: see package calltest.
//
// What is not documented is decided so: a task of the webhook is Pending Triage first, and Created is its event when
// triage lets it go on; an id is of letters, digits, "_" and "-"; a run that nobody knows is ResourceNotFoundException.
// Of a mitigation nothing is told before it runs.
//
// Like package agenttest it shares no code with what it is there to test.
package apitest

import (
	"net/http"
	"time"

	"github.com/alertbridge/alertbridge/shared/call/calltest"
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
	*calltest.Server[Exchange, Behaviour]
	tasks *Investigations
	limit int
	log   calltest.Log[Request]
}

// NewServer starts an API. The error is the listener's.
func NewServer(o Options) (*Server, error) {
	s := NewInProcess(o)
	if err := s.Listen(o.Address, false); err != nil {
		return nil, err
	}
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
	s := &Server{tasks: o.Investigations, limit: o.Limit, log: calltest.Log[Request]{OnRequest: o.OnRequest}}
	s.Server = calltest.New(Behaviour(Honest), s.exchange)
	return s
}

// Investigations are what the Server shows.
func (s *Server) Investigations() *Investigations { return s.tasks }

// Requests are all that came, in order.
func (s *Server) Requests() []Request { return s.log.All() }

// Do carries a request to a Server in process, as the SDK's HTTP client.
func (s *Server) Do(r *http.Request) (*http.Response, error) { return s.RoundTrip(r) }

// exchange reads and judges a request, and keeps it.
func (s *Server) exchange(x *calltest.Exchange) *Exchange {
	body, err := x.Body()
	q, objection := read(x.R, body, s.tasks.space)
	if err != nil {
		objection = &fault{400, "ValidationException", "the body cannot be read"}
	}
	req := Request{At: s.tasks.now(), Call: q.call, Path: x.R.URL.Path, Header: x.R.Header.Clone(), Body: body, Verdict: "answered"}
	if objection != nil {
		req.Verdict = objection.code + ": " + objection.words
	}
	s.log.Add(req)
	s.log.Tell(req)
	return &Exchange{Exchange: x, server: s, question: q, objection: objection}
}
