package ledgertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/match"
)

// MaxTrace is what a trace's carrier is reckoned with, in bytes: package telemetry makes no larger one.
const MaxTrace = 1024

// MaxKey is what a grouping key is reckoned with, in bytes. A longer one is kept as a hash.
const MaxKey = 256

// MaxRejected is what the words on a body that could not be read are reckoned with, in bytes: why it could not, in a
// word and a sentence, and 300 characters of it.
const MaxRejected = 300 + 4*300

// MaxLine is what a line for people is reckoned with, in bytes: a step of a case, the numbers that decided, what touched
// a verdict by hand.
const MaxLine = 4 * 300

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
		TraceID: strings.Repeat("f", 32), Trace: strings.Repeat("t", MaxTrace), Hand: largestOrder(now), Gap: 999 * time.Hour,
		Storm: wide(MaxKey / 4), Shadow: true, Called: now, Work: largestWork(now),
	}
	for range gate.MaxSteps {
		c.Steps = append(c.Steps, gate.Step{At: now, Text: wide(MaxLine / 4)})
	}
	for i := range gate.MaxServices {
		c.Services = append(c.Services, fmt.Sprintf("%03d", i)+wide(99))
	}
	for i := range gate.MaxMembers {
		m := alert.Incident{Org: key.Org, Monitor: key.Monitor, Key: fmt.Sprint(i) + key.Key[1:]}
		c.Members = append(c.Members, gate.Member{
			Incident: m.String(), Title: wide(120), Scope: wide(120), Severity: alert.Critical, Since: now,
		})
	}
	running := map[string]gate.Reservation{}
	for i := range gate.MaxRunning {
		running[fmt.Sprintf("ab-%016d", i)] = gate.Reservation{
			Attempt: 99, Until: now, Critical: true, Money: 999_999_999, Month: "2026-03", Pace: 999 * time.Hour, Day: "2026-03-01",
		}
	}
	lead, by := largestAlert(now, wide, key), largestOrder(now)
	change := gate.Change{
		At: now,
		Delivery: &gate.Delivery{
			ID: id("delivery"), Verdict: gate.Start, Reason: gate.Duplicate, Case: c.ID, Incident: key.String(),
			Transition: string(alert.ReTriggered), Title: wide(200), Time: now, Decided: now, TraceID: c.TraceID,
			Words: strings.Repeat("w", MaxRejected), Agent: c.Agent, Because: wide(MaxLine / 4), Hand: wide(MaxLine / 4),
			Saw: largestSaw(now, key),
		},
		Incident: &gate.IncidentWrite{Now: gate.Incident{Key: key, Fire: now, Rec: now, Final: true, Case: c.ID, Version: 1}},
		Group:    &gate.GroupWrite{Now: gate.Group{Name: fmt.Sprintf("%d-", n) + wide(MaxKey / 4)[4:], Flapping: true, Shadow: true, Version: 1}},
		Surge:    &gate.SurgeWrite{Now: gate.Surge{Name: fmt.Sprintf("%d-", n) + wide(MaxKey / 4)[4:], Case: c.ID, Version: 1}},
		Cases:    []gate.CaseWrite{{Now: c, Lead: &lead}},
		Account: &gate.AccountWrite{
			Agent: c.Agent, Put: running, Shut: &gate.Shut{Since: now, SecretVersion: id("secret"), Words: strings.Repeat("w", delivery.MaxWords)},
			Down:  &gate.Down{Until: now, Fails: 99_999, Doubts: 99_999},
			Hand:  &by,
			Paced: now, Budget: 999_999_999_999, Critical: map[string]int{"2026-02-27": 99, "2026-02-28": 99, "2026-03-01": 99},
			Spend: map[string]gate.Dollars{"2026-01": 999_999_999, "2026-02": 999_999_999, "2026-03": 999_999_999},
			Org:   strings.Repeat("9", 64),
		},
	}
	change.Posts = []gate.PostWrite{{ID: c.ID, Agent: c.Agent, Moments: gate.Moments()}}
	change.Told = &gate.ToldWrite{Now: largestPost(now, gate.AgentPost(c.Agent), c.Agent)}
	for i := range gate.MaxMentions {
		change.Incident.Now.Recent = append(change.Incident.Now.Recent, gate.Mention{
			Delivery: fmt.Sprint(i) + change.Delivery.ID[1:], Time: now, Transition: string(alert.ReTriggered), Verdict: gate.Start, Reason: gate.Duplicate,
		})
	}
	change.Group.Now.Cycles = slices.Repeat([]time.Time{now}, gate.MaxCycles)
	change.Surge.Now.Opened = slices.Repeat([]time.Time{now}, gate.MaxOpened)
	for i := range gate.MaxKeys {
		k := fmt.Sprintf("%d-%d-", n, i)
		change.Pointers = append(change.Pointers, gate.PointerWrite{Key: k + strings.Repeat("k", MaxKey-len(k)), Now: c.ID})
	}
	return change
}

// LargestHand is what is set by hand with everything at its bounds.
func LargestHand(now time.Time) gate.Hand {
	h := gate.Hand{Mode: gate.ModeOrder{Mode: gate.ModeCriticalOnly, Order: largestOrder(now)}, Version: 999_999}
	for i := range gate.MaxSilences {
		s := gate.Silence{ID: fmt.Sprintf("%03d", i) + strings.Repeat("x", gate.MaxSilenceID-3), Order: largestOrder(now)}
		for range gate.MaxMatchers {
			m, err := match.New(strings.Repeat("n", match.MaxName), match.MatchesNot, strings.Repeat("v", match.MaxValue))
			if err != nil {
				panic(err)
			}
			s.Matchers = append(s.Matchers, m)
		}
		h.Silences = append(h.Silences, s)
	}
	return h
}

// MaxTarget is what the name of a target is reckoned with, in bytes.
const MaxTarget = 64

// largestPost has met every moment, and has told as much as is kept, each time in as many words.
func largestPost(now time.Time, id, agent string) gate.Post {
	p := gate.Post{ID: id, Agent: agent, Until: now, Tries: 99_999, Version: 1}
	for _, m := range gate.Moments() {
		p.Happened = append(p.Happened, gate.Happened{Moment: m, At: now})
	}
	for range gate.MaxTold {
		p.Told = append(p.Told, gate.Told{
			Target: strings.Repeat("t", MaxTarget), Moment: gate.WasMissed, As: gate.LeftTried, At: now,
			Words: strings.Repeat("w", gate.MaxTellWords),
		})
	}
	for range gate.MaxLate {
		p.Late = append(p.Late, gate.Told{
			Target: strings.Repeat("t", MaxTarget), Moment: gate.WasMissed, At: now, Words: strings.Repeat("w", gate.MaxTellWords),
		})
	}
	return p
}

// MaxTaskID is what the Agent's own names of tasks, runs and records are reckoned with, in bytes.
const MaxTaskID = 128

func largestWork(now time.Time) gate.Work {
	w := gate.Work{Booked: 999_999_999, Month: "2026-03", Asked: 999, Absent: now, Missed: true}
	said := gate.Said{Value: strings.Repeat("x", MaxTaskID), At: now}
	for range gate.MaxTasks {
		t := gate.TaskWork{
			ID: said.Value, Status: gate.PendingTriage, Words: strings.Repeat("w", delivery.MaxWords), Created: now, Updated: now,
			Execution: said, Summary: said, Primary: said, Ran: 999 * time.Hour, Folded: now, Found: said,
			Plan: gate.Plan{Status: gate.InProgress, Updated: now, Done: now, Execution: said, Summary: said, Before: gate.Completed, Of: gate.Mitigating},
		}
		for range gate.MaxMarks {
			t.Marks = append(t.Marks, gate.Mark{At: now, Status: gate.InProgress, Of: gate.Investigating})
		}
		w.Tasks = append(w.Tasks, t)
	}
	return w
}

func largestOrder(now time.Time) gate.Order {
	return gate.Order{By: strings.Repeat("b", gate.MaxBy), Reason: strings.Repeat("r", gate.MaxReason), At: now, Until: now}
}

// largestSaw is what a decision rested on, with as long a text as a ledger just keeps.
func largestSaw(now time.Time, key alert.Incident) *gate.Saw {
	s := &gate.Saw{Alert: alert.Alert{Incident: key, Time: now, Text: "x"}, Rules: gate.DefaultRules(), Now: now}
	s.Alert.Text = strings.Repeat("x", 1+ledger.MaxSaw-len(ledger.EncodeSaw(s)))
	return s
}

// largestAlert fills every field up to package alert's limits.
func largestAlert(now time.Time, wide func(int) string, key alert.Incident) alert.Alert {
	field := wide(alert.MaxField)
	a := alert.Alert{
		Delivery: strings.Repeat("d", alert.MaxID), Source: field, Shape: field, OrgID: field, OrgName: field, EventID: field,
		Aggregation: wide(alert.MaxAggregation),
		Incident:    key,
		Monitor:     alert.Monitor{ID: field, Name: wide(alert.MaxName), Type: field, Query: wide(alert.MaxQuery), Metric: field},
		Transition:  alert.ReTriggered, RawTransition: field, Severity: alert.Critical, Priority: field, AlertType: field,
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
			Group: first.Group.Now.Name,
		}
		const most = 2 + gate.MaxKeys
		for n := range most { // the incident's case, one for each pointer, and the environment's
			c := Largest(w.now, n)
			switch {
			case n == most-1:
				q.Surge = c.Surge.Now.Name
			case n > 0:
				q.Pointers = append(q.Pointers, c.Pointers[0].Key)
			}
			w.commit(c)
		}
		hand := LargestHand(w.now)
		hand.Version = 1
		w.commit(gate.Change{Hand: &gate.HandWrite{Now: hand}})
		v := w.look(q)
		w.same("the delivery", w.verdict(first.Delivery.ID), first.Delivery)
		w.same("the account", v.Account.Running, first.Account.Put)
		w.same("the monitor group", v.Group, first.Group.Now)
		w.same("what is set by hand", v.Hand, hand)
		w.same("the post", w.post(first.Told.Now.ID, w.now), first.Told.Now)
		if n := len(w.post(first.Posts[0].ID, w.now).Happened); n != len(gate.Moments()) {
			w.Fatalf("%d moments of the case are noted, want %d", n, len(gate.Moments()))
		}
		if len(v.Cases) != most || len(v.Leads) != len(v.Cases) {
			w.Fatalf("%d cases and %d leads of %d", len(v.Cases), len(v.Leads), most)
		}
		w.same("the case", v.Cases[first.Incident.Now.Case], inOrder(first.Cases[0].Now))
		w.same("the lead", v.Leads[first.Incident.Now.Case], *first.Cases[0].Lead)
	})
}

// testSaw: what a decision rested on is kept up to its bound, and the delivery in any case.
func testSaw(t *testing.T, open func(*testing.T) Harness) {
	each(t, open, "at its bound and beyond", func(w *world) {
		fits := w.delivery("d-1")
		fits.Saw = largestSaw(w.now, incidentOf(1))
		beyond := w.delivery("d-2")
		beyond.Saw = largestSaw(w.now, incidentOf(1))
		beyond.Saw.Alert.Text += "x"
		w.commit(gate.Change{Delivery: fits})
		w.commit(gate.Change{Delivery: beyond})
		w.same("one that just fits", w.verdict("d-1"), fits)
		want := *beyond
		want.Saw = nil
		w.same("one that is a byte too large", w.verdict("d-2"), &want)
	})

	each(t, open, "without what is never kept", func(w *world) {
		d := w.delivery("d-1")
		d.Saw = &gate.Saw{View: gate.View{
			Delivery: w.delivery("d-0"), Leads: map[string]alert.Alert{"ab-1": {}}, Pointers: map[string]string{"k": "ab-1"},
		}}
		w.commit(gate.Change{Delivery: d})
		w.same("what it saw", w.verdict("d-1").Saw, &gate.Saw{View: gate.View{Pointers: map[string]string{"k": "ab-1"}}})
	})

	each(t, open, "a time that cannot be written", func(w *world) {
		d := w.delivery("d-1")
		d.Saw = &gate.Saw{Now: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}
		w.commit(gate.Change{Delivery: d})
		if got := w.verdict("d-1"); got.Saw != nil {
			w.Fatalf("the delivery is %+v", got)
		}
	})
}
