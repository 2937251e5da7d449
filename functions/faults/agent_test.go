package faults_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// agentDoor is the Agent behind a transport that reports to net/http/httptrace as net/http does.
type agentDoor struct {
	w      *world
	mu     sync.Mutex
	key    string
	away   bool
	denied int
	got    map[string]int  // requests that the Agent has taken, by incidentId
	begun  map[string]bool // investigations, by incidentId and timestamp
}

func (a *agentDoor) rotateTo(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.key = key
}

// RoundTrip is one request, on its way to the Agent and back.
func (a *agentDoor) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	report := httptrace.ContextClientTrace(ctx)
	report.GetConn(agentHost + ":443")
	there, back := request, answer
	if of(ctx).function == scheduler {
		there, back = tickRequest, tickAnswer
	}
	f := of(ctx).pass(there)
	switch {
	case f == down, a.away:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case f == slow:
		wait(ctx, slowAgent)
	case f == hangs:
		<-ctx.Done()
	case f == rotated:
		a.w.rotate(a.w.keys)
	case f == rotatedThere:
		a.rotateTo("key-2")
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	report.GotConn(httptrace.GotConnInfo{})
	report.WroteHeaders()
	switch {
	case f == throttled:
		return replied(429, `{"message":"Too Many Requests"}`, "Retry-After", "90"), nil
	case !a.take(req):
		return replied(403, `{"message":"Forbidden"}`), nil
	}
	a.w.meanwhile()
	f = of(ctx).pass(back)
	if a.w.losesAnswer() {
		f = lost
	}
	switch f {
	case down:
		return replied(503, ""), nil
	case lost:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	case slow:
		wait(ctx, slowAgent)
	case hangs:
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return replied(200, `{"message":"Webhook received"}`), nil
}

// take is what the Agent makes of a request; false: it has the wrong key.
func (a *agentDoor) take(req *http.Request) bool {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		a.w.t.Errorf("the body: %v", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if req.Header.Get("Authorization") != "Bearer "+a.key {
		a.denied++
		return false
	}
	id, timestamp := field(body, "incidentId"), field(body, "timestamp")
	if c := a.w.caseOf(id); c.State != gate.Starting {
		a.w.t.Errorf("the Agent was called for case %s, which is %s", id, c.State)
	}
	a.got[id]++
	a.begun[id+" "+timestamp] = true
	if a.w.work != nil {
		a.w.work.takes(id, timestamp)
	}
	return true
}

func (a *agentDoor) calls(id string) int { a.mu.Lock(); defer a.mu.Unlock(); return a.got[id] }

// field is the value of a text in a JSON object.
func field(body []byte, name string) string {
	_, after, _ := strings.Cut(string(body), `"`+name+`":"`)
	value, _, _ := strings.Cut(after, `"`)
	return value
}

func replied(status int, body string, header ...string) *http.Response {
	r := &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}
