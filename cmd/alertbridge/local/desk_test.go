package local

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
)

// FuzzDesk: whatever is ordered or asked for, it is done, refused or not understood, in JSON; and what is set by hand
// stays within its bounds.
func FuzzDesk(f *testing.F) {
	for _, s := range []string{
		`{"do":"mode","mode":"off","by":"a","reason":"b","for":1}`, `{"do":"mode","by":"a","reason":"b"}`, `{"do":"expire","ids":["s-1"]}`,
		`{"do":"silence","matchers":["a=b","env!~x"],"by":"a","reason":"b","force":true}`, `{"do":"silence","matchers":["a=~("],"by":"a","reason":"b"}`,
		`{"do":"start","ids":["ab-waits","dd-1-1","887300000000000000","https://a.b/monitors/1"],"by":"a","reason":"b"}`, `null`, `[1]`, `{"do":`,
		`{"do":"stop","ids":["ab-waits"],"by":"a","reason":"b"}`, `{"do":"retry","by":"a","reason":"b","for":-9223372036854775808}`, `{"for":1e99}`,
	} {
		f.Add(s, "ab-waits")
	}
	f.Add("", "dd-1-1")
	f.Add("", "1/2/c.3")
	f.Add("", "https://a.b/event/event?id=1")
	f.Fuzz(func(t *testing.T, body, id string) {
		b := &bridge{ledger: memledger.New(), policy: gate.DefaultRules()}
		now := time.Now()
		a := alert.Alert{Delivery: "dd-1-1", Incident: alert.Incident{Org: "1", Monitor: "2", Key: "c.3", Cycle: true}, Title: "T", Time: now}
		err := b.ledger.Commit(t.Context(), gate.Change{At: now, Cases: []gate.CaseWrite{{Lead: &a, Now: gate.Case{
			ID: "ab-waits", Agent: "default", State: gate.Waiting, Why: gate.WhyHold, Opened: now, Until: now, Severity: alert.High,
			Firing: 1, Last: now, Title: "T", Service: "S", Incident: a.Incident.String(), Version: 1,
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		ordered := answered(t, b.takeOrder, httptest.NewRequest(http.MethodPost, "/orders", strings.NewReader(body)))
		told := answered(t, b.tellStory, httptest.NewRequest(http.MethodGet, "/explain?"+url.Values{"id": {id}}.Encode(), nil))
		stands := answered(t, b.showStatus, httptest.NewRequest(http.MethodGet, "/status", nil))
		if !slices.Contains([]int{200, 400, 409}, ordered) || !slices.Contains([]int{200, 400}, told) || stands != 200 {
			t.Errorf("%d, %d, %d", ordered, told, stands)
		}
		v, err := b.ledger.LookCase(t.Context(), "ab-waits", "default", now)
		if err != nil {
			t.Fatal(err)
		}
		if m := v.Hand.Mode; m.Mode != "" && (m.By == "" || m.Reason == "" || len(m.Reason) > gate.MaxReason || !slices.Contains(gate.Modes(), m.Mode)) {
			t.Errorf("the mode is %+v", m)
		}
		for _, s := range v.Hand.Silences {
			if s.By == "" || s.Reason == "" || len(s.Matchers) == 0 || len(s.Matchers) > gate.MaxMatchers {
				t.Errorf("a silence is %+v", s)
			}
		}
	})
}

// An order that nobody could carry out, for want of an answer of the ledger, is not said to be done.
func TestTheDeskTellsWhenTheLedgerDoesNotAnswer(t *testing.T) {
	b := &bridge{ledger: memledger.New(), policy: gate.DefaultRules()}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, row := range []struct {
		h    http.HandlerFunc
		path string
		body string
	}{
		{b.takeOrder, "/orders", `{"do":"mode","mode":"off","by":"a","reason":"b"}`}, {b.tellStory, "/explain?id=ab-1", ""}, {b.showStatus, "/status", ""},
	} {
		r := httptest.NewRequest(http.MethodPost, row.path, strings.NewReader(row.body)).WithContext(gone)
		if got := answered(t, row.h, r); got != http.StatusInternalServerError {
			t.Errorf("%s: %d", row.path, got)
		}
	}
}

// answered is the status of an answer, which must be JSON.
func answered(t *testing.T, h http.HandlerFunc, r *http.Request) int {
	t.Helper()
	w := httptest.NewRecorder()
	h(w, r)
	if !json.Valid(w.Body.Bytes()) {
		t.Errorf("%d, %s", w.Code, w.Body)
	}
	return w.Code
}
