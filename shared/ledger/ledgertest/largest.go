package ledgertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// MaxTrace is what a trace's carrier is reckoned with, in bytes: package telemetry makes no larger one.
const MaxTrace = 1024

// MaxKey is what a grouping key is reckoned with, in bytes. A longer one is kept as a hash.
const MaxKey = 256

// MaxRejected is what the words on a body that could not be read are reckoned with, in bytes: why it could not, in a
// word and a sentence, and 300 characters of it.
const MaxRejected = 300 + 4*300

// Largest is a change in which every record is as large as its bounds let it be, in characters of four bytes, and the
// case is opened with every member. n keeps two of them apart.
func Largest(now time.Time, n int) gate.Change {
	wide := func(chars int) string { return strings.Repeat("𠮷", chars) }
	id := func(kind string) string {
		s := fmt.Sprintf("%s-%d-", kind, n)
		return s + strings.Repeat("x", alert.MaxID-len(s))
	}
	key := alert.Incident{Org: id("org"), Monitor: id("monitor"), Key: id("key"), Cycle: true}
	c := gate.Case{
		ID: fmt.Sprintf("ab-%016d", n), Agent: id("agent"), State: gate.Waiting, Why: gate.WhyAgentDown, Until: now, Opened: now,
		StartAt: now, Severity: alert.Critical, Attempt: 99, Doubts: 99, Note: strings.Repeat("n", 64+delivery.MaxWords),
		Version: 1, Firing: 99_999, Joined: 99_999, Last: now, Title: wide(200), Service: wide(100), Incident: key.String(),
		TraceID: strings.Repeat("f", 32), Trace: strings.Repeat("t", MaxTrace),
	}
	for i := range gate.MaxMembers {
		m := alert.Incident{Org: key.Org, Monitor: key.Monitor, Key: fmt.Sprint(i) + key.Key[1:]}
		c.Members = append(c.Members, gate.Member{
			Incident: m.String(), Title: wide(120), Scope: wide(120), Severity: alert.Critical, Since: now,
		})
	}
	running := map[string]gate.Reservation{}
	for i := range gate.MaxRunning {
		running[fmt.Sprintf("ab-%016d", i)] = gate.Reservation{Attempt: 99, Until: now}
	}
	lead := largestAlert(now, wide, key)
	change := gate.Change{
		At: now,
		Delivery: &gate.Delivery{
			ID: id("delivery"), Verdict: gate.Start, Reason: gate.Duplicate, Case: c.ID, Incident: key.String(),
			Transition: string(alert.ReTriggered), Title: wide(200), Time: now, Decided: now, TraceID: c.TraceID,
			Words: strings.Repeat("w", MaxRejected),
		},
		Incident: &gate.IncidentWrite{Now: gate.Incident{Key: key, Fire: now, Rec: now, Final: true, Case: c.ID, Version: 1}},
		Cases:    []gate.CaseWrite{{Now: c, Lead: &lead}},
		Account: &gate.AccountWrite{
			Agent: c.Agent, Put: running, Shut: &gate.Shut{Since: now, SecretVersion: id("secret"), Words: strings.Repeat("w", delivery.MaxWords)},
			Down: &gate.Down{Until: now, Fails: 99_999, Doubts: 99_999},
		},
	}
	for i := range gate.MaxKeys {
		k := fmt.Sprintf("%d-%d-", n, i)
		change.Pointers = append(change.Pointers, gate.PointerWrite{Key: k + strings.Repeat("k", MaxKey-len(k)), Now: c.ID})
	}
	return change
}

// largestAlert fills every field up to package alert's limits.
func largestAlert(now time.Time, wide func(int) string, key alert.Incident) alert.Alert {
	field := wide(alert.MaxField)
	a := alert.Alert{
		Delivery: strings.Repeat("d", alert.MaxID), Source: field, Shape: field, OrgID: field, OrgName: field, EventID: field,
		Incident:   key,
		Monitor:    alert.Monitor{ID: field, Name: wide(alert.MaxName), Type: field, Query: wide(alert.MaxQuery), Metric: field},
		Transition: alert.ReTriggered, RawTransition: field, Severity: alert.Critical, Priority: field, AlertType: field,
		Time: now, TimeAssumed: true, Title: wide(alert.MaxName), Text: wide(alert.MaxText), Status: field, Value: field,
		Threshold: field, Hostname: field, Snapshot: strings.Repeat("u", alert.MaxURL),
	}
	for range alert.MaxScopes {
		a.Scope = append(a.Scope, field)
	}
	for range alert.MaxTags {
		a.Tags = append(a.Tags, field)
	}
	for range alert.MaxLinks {
		a.Links = append(a.Links, alert.Link{Name: field, URL: strings.Repeat("u", alert.MaxURL), From: now, To: now})
	}
	for range alert.MaxRefs {
		a.Refs = append(a.Refs, alert.Ref{Name: field, Value: field})
	}
	for range 24 {
		a.Cut = append(a.Cut, strings.Repeat("c", 100))
	}
	return a
}

// testLargest: the largest records are taken in one commit, and all that one Look can name is read back.
func testLargest(t *testing.T, open func(*testing.T) Harness) {
	each(t, open, "every record at its bounds", func(w *world) {
		first := Largest(w.now, 0)
		q := ledger.Question{
			Delivery: first.Delivery.ID, Incident: first.Incident.Now.Key, Agent: first.Account.Agent, Leads: true,
		}
		for n := range 1 + gate.MaxKeys { // the incident's case, and one for each pointer
			c := Largest(w.now, n)
			if n > 0 {
				q.Pointers = append(q.Pointers, c.Pointers[0].Key)
			}
			w.commit(c)
		}
		v := w.look(q)
		w.same("the delivery", v.Delivery, first.Delivery)
		w.same("the account", v.Account.Running, first.Account.Put)
		if len(v.Cases) != 1+gate.MaxKeys || len(v.Leads) != len(v.Cases) {
			w.Fatalf("%d cases and %d leads of %d", len(v.Cases), len(v.Leads), 1+gate.MaxKeys)
		}
		w.same("the case", v.Cases[first.Incident.Now.Case], inOrder(first.Cases[0].Now))
		w.same("the lead", v.Leads[first.Incident.Now.Case], *first.Cases[0].Lead)
	})
}
