package local

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/explain"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/operate"
)

// maxOrder bounds the body of an order, in bytes.
const maxOrder = 64 << 10

func (b *bridge) desk() operate.Desk {
	return operate.Desk{Ledger: b.ledger, Agents: b.policy.Agents(), Now: b.pace.Now}
}

// takeOrder does what somebody orders by hand.
func (b *bridge) takeOrder(w http.ResponseWriter, r *http.Request) {
	var o operate.Order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder)).Decode(&o); err != nil {
		respond(w, http.StatusBadRequest, map[string]string{"error": "the order cannot be read: " + err.Error()})
		return
	}
	done, err := b.desk().Do(r.Context(), o)
	refusal := (*operate.Refusal)(nil)
	switch {
	case errors.As(err, &refusal):
		respond(w, http.StatusConflict, map[string]string{"error": refusal.Words})
	case err != nil:
		respond(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
	default:
		respond(w, http.StatusOK, done)
	}
}

func (b *bridge) showStatus(w http.ResponseWriter, r *http.Request) {
	s, err := b.desk().Status(r.Context())
	if err != nil {
		respond(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	respond(w, http.StatusOK, s)
}

// tellStory explains what ?id= names; ?org= says of which organisation.
func (b *bridge) tellStory(w http.ResponseWriter, r *http.Request) {
	asked, err := explain.Parse(r.URL.Query().Get("id"))
	if err != nil {
		respond(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	f := explain.Finder{Ledger: b.ledger, Agents: b.policy.Agents(), Org: r.URL.Query().Get("org"), Policy: b.policy}
	facts, err := f.Find(r.Context(), asked, b.pace.Now())
	if err != nil {
		respond(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	respond(w, http.StatusOK, explain.Tell(facts))
}
