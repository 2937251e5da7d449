package local

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/shared/policy"
)

// Path is where deliveries are taken, as in template.yaml.
const Path = "/datadog"

// Header tells a caller that a local run has answered, which can be asked what became of a delivery; RequestHeader is
// the HTTP API's own, with the request's id.
const (
	Header        = "Alertbridge-Local"
	RequestHeader = "Apigw-Requestid"
)

// front is the front door and, beside it, what can be asked about.
func (b *bridge) front() http.Handler {
	mux := http.NewServeMux()
	// As at the HTTP API, ingest sees every method, for it has an answer to each.
	mux.HandleFunc(Path, b.take)
	mux.HandleFunc("GET /cases", b.listCases)
	mux.HandleFunc("GET /cases/{id}", b.showCase)
	mux.HandleFunc("GET /deliveries/{id}", b.showDelivery)
	mux.HandleFunc("POST /orders", b.takeOrder)
	mux.HandleFunc("GET /status", b.showStatus)
	mux.HandleFunc("GET /explain", b.tellStory)
	mux.HandleFunc("GET /standins", b.showStandIns)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
	})
	return b.dated(mux)
}

// dated dates every answer by the run's clock, so that whoever shows a time can say how long ago that is.
func (b *bridge) dated(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", b.pace.Now().UTC().Format(http.TimeFormat))
		h.ServeHTTP(w, r)
	})
}

// take hands a delivery to ingest as the HTTP API would, and ingest's answer to the caller.
func (b *bridge) take(w http.ResponseWriter, r *http.Request) {
	id := requestID()
	w.Header().Set(Header, "run")
	w.Header().Set(RequestHeader, id)
	event, err := toEvent(w, r, id, time.Now())
	if err != nil {
		if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
			respond(w, http.StatusRequestEntityTooLarge, map[string]string{"message": "Request Entity Too Large"})
		}
		return // the connection is gone
	}
	if b.pace.speed > 1 { // what comes now has happened now, by the run's clock
		event = events.Fresh(event, b.pace.Now())
	}
	b.watch.begin(id)
	resp, err := b.ingest(b.pace.keeps(withRequest(r.Context(), id)), event)
	if err != nil {
		b.watch.update(id, func(s *Seen) { s.Status, s.Says = http.StatusInternalServerError, err.Error() })
		respond(w, http.StatusInternalServerError, map[string]string{"message": "Internal Server Error"})
		return
	}
	for name, value := range resp.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write([]byte(resp.Body)) // a caller who has gone away is told nothing
}

func (b *bridge) listCases(w http.ResponseWriter, r *http.Request) {
	state, limit := r.URL.Query().Get("state"), 50
	if state == "" {
		state = caseview.Open
	}
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			respond(w, http.StatusBadRequest, map[string]string{"error": "limit is not a number above 0"})
			return
		}
		limit = n
	}
	agent := b.agentOf(r)
	if names := b.policy.Agents(); !slices.Contains(names, agent) {
		respond(w, http.StatusBadRequest, map[string]string{
			"error": fmt.Sprintf("the policy has no Agent %.64q; it has %s", agent, strings.Join(names, ", ")),
		})
		return
	}
	list, err := caseview.Find(r.Context(), b.ledger, agent, state, limit, b.pace.Now())
	if err != nil {
		respond(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	respond(w, http.StatusOK, list)
}

// agentOf is the Agent whose cases are asked for. Without a name it is the default one, where the policy has it.
func (b *bridge) agentOf(r *http.Request) string {
	names := b.policy.Agents()
	if name := r.URL.Query().Get("agent"); name != "" {
		return name
	}
	if slices.Contains(names, policy.DefaultAgent) {
		return policy.DefaultAgent
	}
	return names[0]
}

func (b *bridge) showCase(w http.ResponseWriter, r *http.Request) {
	c, there, err := caseview.Get(r.Context(), b.ledger, b.agentOf(r), r.PathValue("id"), b.pace.Now())
	switch {
	case err != nil:
		respond(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
	case !there:
		respond(w, http.StatusNotFound, map[string]string{"error": fmt.Sprintf("there is no case %.128q", r.PathValue("id"))})
	default:
		respond(w, http.StatusOK, c)
	}
}

// showDelivery says what became of a delivery; with a request's id, what became of it when that request brought it.
func (b *bridge) showDelivery(w http.ResponseWriter, r *http.Request) {
	s, there := b.watch.get(r.PathValue("id"), r.URL.Query().Get("request"))
	if !there {
		respond(w, http.StatusNotFound, map[string]string{"error": fmt.Sprintf("there is no delivery %.128q", r.PathValue("id"))})
		return
	}
	respond(w, http.StatusOK, s)
}

func respond(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // a caller who has gone away is told nothing
}

// requestID looks as the HTTP API's do.
func requestID() string {
	var b [11]byte
	_, _ = rand.Read(b[:]) // never fails; see crypto/rand
	return strings.NewReplacer("+", "A", "/", "B").Replace(base64.StdEncoding.EncodeToString(b[:]))
}
