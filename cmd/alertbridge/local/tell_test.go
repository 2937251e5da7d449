package local

import (
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func TestTellerPrintsWhatHappens(t *testing.T) {
	out := &buffer{}
	tell := newTeller(out, false)
	tell.head()
	tell.seen(Seen{Status: 202, Delivery: "d1", Decided: true, Verdict: "wait", Reason: "slots", Transition: "Triggered", Title: "Checkout\nfails", Case: "c1"})
	tell.request(agenttest.Request{Body: []byte(`{"incidentId":"c1","title":"<T>"}`), Verdict: "investigation started", Started: true})
	tell.moved(Moved{Case: "c1", Did: "starts", From: "waiting", To: "started", Title: "Checkout fails", Outcome: "accepted"})
	tell.heard(Heard{Case: "c1", Status: "pending_triage", From: "started", To: "started", Confirms: true, Work: "task t1 is pending_triage"})
	tell.heard(Heard{Case: "c1", Status: "in_progress", From: "started", To: "started", Work: "task t1 is in_progress"})
	tell.heard(Heard{Case: "c1", Status: "completed", From: "started", To: "ended", Work: "task t1 is completed, ran 15s, $0.12"})
	tell.heard(Heard{Case: "c1", Status: "completed", From: "ended", To: "ended", Work: "task t1 is completed, ran 18s, $0.15"})
	tell.told(Told{Case: "c1", Moment: "ended", Place: "datadog", Did: "event", Title: "Investigated:\nCheckout", Text: "It cost $0.12.\n\n> ## Cause\n> " + strings.Repeat("x", 200)})
	tell.told(Told{Case: "c3", Moment: "unconfirmed", Place: "pagerduty", Did: triggered, Title: "Not confirmed: T"})
	tell.moved(Moved{Case: "c3", Did: "misses", From: "started", To: "started", Title: "T", Work: "not confirmed for 10m"})
	tell.seen(Seen{Status: 202, Delivery: "d2", Trouble: "the ledger is away", Transition: "Triggered"})
	tell.seen(Seen{Status: 202, Delivery: "d2", Decided: true, Verdict: "start", Reason: "new_incident", Transition: "Triggered", Title: "T", Case: "c2", Outcome: "not_delivered"})
	tell.request(agenttest.Request{Body: []byte("\x00garbage"), Verdict: "invalid"})
	tell.seen(Seen{Status: 401, Refused: "unauthenticated", Says: "Send the token."})
	tell.seen(Seen{Status: 503, Refused: "queue_unavailable", Says: "Send it again."})
	tell.summary()
	want := `STATUS  VERDICT  REASON              TRANSITION    DELIVERY                              TITLE
202     wait     slots               Triggered     d1                                    Checkout fails
tick    starts   waiting > started   -             c1                                    Checkout fails
        the Agent received this (investigation started):
        {
          "incidentId": "c1",
          "title": "<T>"
        }
event   -        pending_triage      confirmed     c1                                    task t1 is pending_triage
event   -        in_progress         -             c1                                    task t1 is in_progress
event   -        completed           ended         c1                                    task t1 is completed, ran 15s, $0.12
event   -        completed           -             c1                                    task t1 is completed, ran 18s, $0.15
told    datadog  event               ended         c1                                    Investigated: Checkout
        | It cost $0.12.
        | > ## Cause
        | > ` + strings.Repeat("x", 137) + `…
told    pager    incident triggered  unconfirmed   c3                                    Not confirmed: T
tick    misses   started > started   -             c3                                    not confirmed for 10m
202     none     -                   Triggered     d2                                    the queue will try again: the ledger is away
202     start    new_incident        Triggered     d2                                    T
        the Agent received nothing: not_delivered
401     -        unauthenticated     -             -                                     Send the token.
503     -        queue_unavailable   -             -                                     Send it again.

2 verdicts: 1 start, 0 join, 1 wait, 0 drop. Refused at the door: 2 requests. The Agent received 2 requests and started 1 investigation.
`
	if got := out.String(); got != want {
		t.Errorf("it printed\n%s\nwant\n%s", got, want)
	}
}

func TestTellerPaintsOnTerminalsOnly(t *testing.T) {
	s := Seen{Status: 202, Delivery: "d1", Decided: true, Verdict: "start", Reason: "new_incident", Transition: "Triggered", Title: "T"}
	for _, color := range []bool{false, true} {
		out := &buffer{}
		newTeller(out, color).seen(s)
		if got := out.String(); contains(got, "\x1b") != color || color && (!strings.HasPrefix(got, green+"202") || !strings.HasSuffix(got, plain+"\n")) {
			t.Errorf("with colours %t it printed %q", color, got)
		}
	}
}
