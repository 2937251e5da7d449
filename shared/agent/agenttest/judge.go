package agenttest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// answer is what the Agent says to a request.
type answer struct {
	status int
	body   string
}

const received = `{"message":"Webhook received"}`

// take reads and judges one request as the Agent does, records it, and opens the investigation if there is one.
func (s *Server) take(x *Exchange) answer {
	r := x.R
	body, err := x.Body()
	if err != nil {
		return s.record(r, body, answer{status: http.StatusBadRequest}, "body not read: "+err.Error(), nil)
	}
	switch {
	case r.URL.Path != s.path:
		return s.record(r, body, answer{404, `{"message":"Not Found"}`}, "no such webhook", nil)
	case r.Method != http.MethodPost:
		return s.record(r, body, answer{405, `{"message":"Method Not Allowed"}`}, "not a POST", nil)
	}
	if why := s.denied(r.Header, body); why != "" {
		return s.record(r, body, answer{s.options.Denied, `{"message":"Forbidden"}`}, why, nil)
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return s.record(r, body, answer{415, `{"message":"Unsupported Media Type"}`}, "not sent as JSON", nil)
	}
	event, errs := read(body)
	if len(errs) > 0 {
		text, _ := json.Marshal(map[string]any{"message": "Validation failed", "errors": errs})
		return s.record(r, body, answer{200, string(text)}, "invalid", errs)
	}
	if errs := vanishing(body, event); len(errs) > 0 {
		return s.record(r, body, answer{200, received}, "vanished", errs)
	}
	return s.record(r, body, answer{200, received}, "", nil)
}

// record keeps the request; one without a verdict so far is a valid event.
func (s *Server) record(r *http.Request, body []byte, a answer, verdict string, errs []string) answer {
	req := Request{
		At: s.options.Now(), Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone(), Body: body,
		Verdict: verdict, Errors: errs,
	}
	s.mu.Lock()
	if verdict == "" {
		s.investigate(&req)
	}
	s.log.Add(req)
	s.mu.Unlock()
	s.log.Tell(req)
	return a
}

// investigate opens an investigation unless the event is a duplicate.
func (s *Server) investigate(req *Request) {
	event, err := object(req.Body)
	if err != nil {
		panic("agenttest: a valid event cannot fail to decode: " + err.Error())
	}
	text := func(name string) string {
		s, _ := event[name].(string)
		return s
	}
	key := text("incidentId") + " " + text("timestamp")
	if s.seen[key] {
		req.Verdict = "duplicate"
		return
	}
	s.seen[key] = true
	req.Verdict, req.Started = "investigation started", true
	s.investigations = append(s.investigations, Investigation{
		At: req.At, IncidentID: text("incidentId"), Title: text("title"), Priority: text("priority"), Event: req.Body,
	})
}

// denied says why the request has no right to come in, "" when it has.
func (s *Server) denied(h http.Header, body []byte) string {
	s.mu.Lock()
	key := s.key
	s.mu.Unlock()
	if !s.options.HMAC {
		if !hmac.Equal([]byte(h.Get("Authorization")), []byte("Bearer "+key)) {
			return "wrong or no bearer token"
		}
		return ""
	}
	stamp := h.Get("x-amzn-event-timestamp")
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return "wrong or no signature timestamp"
	}
	if off := s.options.Now().Sub(at).Abs(); off > s.options.Skew {
		return fmt.Sprintf("the signature's timestamp is off by %v", off)
	}
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%s:%s", stamp, body)
	want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(h.Get("x-amzn-event-signature")), []byte(want)) {
		return "wrong or no signature"
	}
	return ""
}
