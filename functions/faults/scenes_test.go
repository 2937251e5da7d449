package faults_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
)

// token is what Datadog sends with the alert.
func (r row) token() string {
	if slices.Contains(parts["ingest"], r.step) && !(r.fault == lastGood && r.step == readToken) {
		return "token-2"
	}
	return "token-1"
}

// play leads to the step that is struck, and tells what is seen then.
func (w *world) play() end {
	got := end{}
	switch s := w.row.step; {
	case follows(s):
		return w.plays()
	case slices.Contains(parts["ingest"], s):
		w.warmed(ingest)
		got.answer = w.post("A", w.row.token())
		got = w.see(got)
		w.datadog("A", w.row.token(), got.answer)
		return got
	case slices.Contains(parts["message"], s):
		w.warmed(dispatcher)
		w.arrives()
	case slices.Contains(parts["opens"], s):
		w.warmed(scheduler) // with a value that is older than the one which shuts the account
		w.keys.put(secretOf("key-0"))
		w.agent.rotateTo("key-2")
		w.arrives()
		w.stray()
		w.keys.put(secretOf("key-2"))
		time.Sleep(time.Minute)
		_ = w.tick() // its error is for the log
	default:
		w.agent.away = true
		w.arrives()
		w.agent.away = false
		w.warmed(scheduler)
		time.Sleep(75 * time.Second)
		_ = w.tick() // its error is for the log
	}
	return w.see(got)
}

// arrives brings the alert to the dispatcher.
func (w *world) arrives() {
	if status := w.post("A", w.row.token()); status != 202 {
		w.t.Errorf("the alert was answered %d", status)
	}
	w.deliver()
}

// warmed lets an earlier invocation of the function have read its secret, where the fault is about that. It is time to
// read it again by now, unless it is the refresh that fails.
func (w *world) warmed(function string) {
	if w.row.fault != lastGood {
		return
	}
	_, _, _ = invoke(w, function, func(ctx context.Context, _ struct{}) (struct{}, error) {
		w.env[function].warm(ctx)
		return struct{}{}, nil
	}, struct{}{})
	if w.row.step != refreshToken {
		time.Sleep(awssecret.TTL + time.Minute)
	}
}

// stray is a reservation that no case stands behind, as an edit by hand leaves it.
func (w *world) stray() {
	acct := w.account()
	err := w.ledger.Commit(w.t.Context(), gate.Change{At: time.Now(), Account: &gate.AccountWrite{
		Agent: acct.Agent, Read: acct.Version, Put: map[string]gate.Reservation{"stray": {Attempt: 1, Until: time.Now().Add(time.Hour)}},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// see adds what is on record.
func (w *world) see(e end) end {
	e.verdict, e.state, _ = w.seen("A")
	e.queued = w.queued()
	return e
}

// post sends an alert to ingest as Datadog does, once, and returns the answer: 500 when the function failed.
func (w *world) post(name, token string) int {
	r := requestOf(name, token)
	if w.work != nil && name == "A" { // people are woken for what is critical
		r.Body = strings.Replace(r.Body, `"alert_priority":"P2"`, `"alert_priority":"P1"`, 1)
	}
	_, resp, err := invoke(w, ingest, w.env[ingest].ingest, r)
	status := resp.StatusCode
	if err != nil {
		status = 500 // as the HTTP API answers for a function that failed
	}
	if status == 202 {
		w.told[name]++
	}
	return status
}

// datadog repeats an alert once a minute for as long as it gets a 5xx, as Datadog does it a few times.
func (w *world) datadog(name, token string, first int) {
	for status := first; status != 202; status = w.post(name, token) {
		if status < 500 {
			w.t.Errorf("Datadog was answered %d for our own trouble, and will never send the alert again", status)
			return
		}
		time.Sleep(time.Minute)
	}
}

// deliver lets the queue hand out what is visible, one message after the other, and acknowledges what has its verdict.
func (w *world) deliver() {
	for {
		_, more := w.queue.Step(w.t.Context(), func(_ context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
			inv, resp, err := invoke(w, dispatcher, w.env[dispatcher].dispatch, ev)
			if err == nil {
				err = w.acknowledge(inv)
			}
			return resp, err
		})
		if !more {
			return
		}
	}
}

// tick runs the scheduler.
func (w *world) tick() error {
	_, _, err := invoke(w, scheduler, w.env[scheduler].schedule, struct{}{})
	return err
}

func deliveryOf(name string) string { return "dd-1-" + eventOf(name) }

// eventOf gives each alert a number of its own.
func eventOf(name string) string { return fmt.Sprintf("78797021387822718%02d", name[0]-'A'+1) }

func requestOf(name, token string) events.APIGatewayV2HTTPRequest {
	priority := "P2"
	if name != "A" { // the other one is never before it
		priority = "P4"
	}
	r := events.APIGatewayV2HTTPRequest{
		Version: "2.0",
		Headers: map[string]string{"content-type": "application/json", "x-alertbridge-token": token},
		Body: fmt.Sprintf(`{"schema":"1","event_id":"%s","monitor_id":"%s","cycle_key":"%s","transition":"Triggered",`+
			`"alert_type":"error","alert_priority":"%s","event_title":"[Triggered on {service:%s}] %s fails","alert_scope":"service:%s",`+
			`"tags":"service:%s","date":"%d","org_id":"1","body":"It fails."}`,
			eventOf(name), eventOf(name), eventOf(name), priority, name, name, name, name, began.UnixMilli()),
	}
	r.RequestContext.HTTP.Method, r.RequestContext.RequestID = "POST", "req-"+name
	return r
}

// began is when every bubble begins, and when its monitors fire.
var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
