package virtual_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// story is a bridge that writes down what happens, a line each.
type story struct {
	*virtual.Bridge
	lines []string
}

func begin(tb testing.TB, o virtual.Options) *story {
	tb.Helper()
	s := &story{}
	say := func(at time.Time, format string, args ...any) {
		s.lines = append(s.lines, at.Format("15:04:05 ")+fmt.Sprintf(format, args...))
	}
	o.Begin = noon
	if o.Policy == nil {
		o.Policy = gate.DefaultRules()
	}
	o.OnVerdict = func(v virtual.Verdict) { say(v.At, "%s: %s %s", v.Record.Title, v.Verdict, v.Reason) }
	o.OnCase = func(m virtual.Move) { say(m.At, "%s %s %q to %s %s", m.Role, m.Did, m.From, m.To, m.Case.How) }
	o.OnStart = func(r virtual.Start) { say(r.At, "%s: %s", r.Agent, r.Request.Verdict) }
	o.OnAnswer = func(a virtual.Answer) { say(a.At, "answered %d", a.Status) }
	var err error
	if s.Bridge, err = virtual.New(o); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

func (s *story) is(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(s.lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("it went\n%s\nand should have gone\n%s", got, strings.Join(want, "\n"))
	}
}

// body is a delivery as Datadog sends it, of monitor m and cycle c.
func body(event int, m, c, transition string, at time.Time) []byte {
	return fmt.Appendf(nil, `{"schema":"1","event_id":"%d","monitor_id":"%s","cycle_key":"%s","transition":"%s","alert_type":"error",`+
		`"alert_priority":"P2","event_title":"Errors of %s","alert_scope":"env:prod","tags":"env:prod,service:%s","date":"%d","org_id":"1"}`,
		event, m, c, transition, m, m, at.UnixMilli())
}

// One alert goes from the front door to the Agent, comes once more, and its case ends when its time is over.
func TestOneAlert(t *testing.T) {
	s := begin(t, virtual.Options{Latency: 2 * time.Second})
	s.Deliver(noon.Add(10*time.Second), body(1, "77", "1", "Triggered", noon))
	s.Deliver(noon.Add(20*time.Second), body(1, "77", "1", "Triggered", noon))
	s.Run(noon.Add(time.Hour))
	s.is(t,
		"12:00:10 answered 202",
		"12:00:10 Errors of 77: start new_incident",
		`12:00:10 dispatcher opens "" to starting `,
		"12:00:10 default: investigation started",
		`12:00:12 dispatcher settles "starting" to started `,
		"12:00:20 answered 202",
		"12:00:20 Errors of 77: join duplicate_delivery",
		`12:09:00 scheduler ends "started" to ended assumed`,
	)
}

// A dispatcher that crashes between its commit and its call leaves a case whose lease runs out: 35 s later. The tick
// after that makes it a doubt, and a minute later it is sent for the first time in truth.
func TestCrash(t *testing.T) {
	s := begin(t, virtual.Options{Meddle: func(st virtual.Step) virtual.Outcome {
		return virtual.Outcome{Crash: st.Role == virtual.Dispatcher && st.Op == virtual.Calling}
	}})
	s.Deliver(noon.Add(10*time.Second), body(1, "77", "1", "Triggered", noon))
	s.Run(noon.Add(5 * time.Minute))
	s.is(t,
		"12:00:10 answered 202",
		"12:00:10 Errors of 77: start new_incident",
		`12:00:10 dispatcher opens "" to starting `,
		`12:01:00 scheduler doubts "starting" to in_doubt `,
		"12:01:40 Errors of 77: join duplicate_delivery",
		`12:02:00 scheduler repeats "in_doubt" to starting `,
		"12:02:00 default: investigation started",
		`12:02:00 scheduler settles "starting" to started `,
	)
}

// An Agent that does not answer holds the dispatcher up for as long as a call may take; one that cannot be reached does
// not, and the account rests.
func TestAgentByTime(t *testing.T) {
	s := begin(t, virtual.Options{Agent: func(_ string, at time.Time) agenttest.Behaviour {
		switch {
		case at.Before(noon.Add(time.Minute)):
			return agenttest.Hang
		case at.Before(noon.Add(3 * time.Minute)):
			return agenttest.Unreachable
		}
		return nil
	}})
	s.Deliver(noon, body(1, "77", "1", "Triggered", noon))
	s.Deliver(noon.Add(70*time.Second), body(2, "78", "2", "Triggered", noon))
	s.Run(noon.Add(5 * time.Minute))
	s.is(t,
		"12:00:00 answered 202",
		"12:00:00 Errors of 77: start new_incident",
		`12:00:00 dispatcher opens "" to starting `,
		"12:00:00 default: scripted",
		`12:00:08 dispatcher settles "starting" to in_doubt `,
		"12:01:10 answered 202",
		"12:01:10 Errors of 78: start new_incident",
		`12:01:10 dispatcher opens "" to starting `,
		`12:01:10 dispatcher settles "starting" to waiting `,
		`12:02:00 scheduler repeats "in_doubt" to starting `,
		`12:02:00 scheduler settles "starting" to in_doubt `,
		`12:02:00 scheduler explains "waiting" to waiting `, // the account rests for about a minute
		`12:04:00 scheduler repeats "in_doubt" to starting `,
		"12:04:00 default: investigation started",
		`12:04:00 scheduler settles "starting" to started `,
		`12:04:00 scheduler starts "waiting" to starting `,
		"12:04:00 default: investigation started",
		`12:04:00 scheduler settles "starting" to started `,
	)
}

// A commit whose answer was lost is found again, and a function whose time is up is killed where it stands.
func TestLostAndKilled(t *testing.T) {
	lost := false
	s := begin(t, virtual.Options{Meddle: func(st virtual.Step) (o virtual.Outcome) {
		switch {
		case st.Role == virtual.Dispatcher && st.Op == virtual.Commit && !lost:
			lost = true
			return virtual.Outcome{Err: ledger.ErrUnknown, Taken: true}
		case st.Role == virtual.Ingest && st.At.After(noon):
			return virtual.Outcome{Wait: time.Hour}
		}
		return o
	}})
	s.Deliver(noon, body(1, "77", "1", "Triggered", noon))
	s.Deliver(noon.Add(time.Second), body(2, "78", "1", "Triggered", noon))
	s.Run(noon.Add(30 * time.Second))
	s.is(t,
		"12:00:00 answered 202",
		"12:00:00 Errors of 77: start new_incident",
		`12:00:00 dispatcher opens "" to starting `,
		"12:00:09 answered 503", // after intake.Deadline
	)
}

// The same history twice is the same to the letter, and no time passes but on the bridge's own clock.
func TestSameAgain(t *testing.T) {
	var first string
	for range 2 {
		s := begin(t, virtual.Options{Seed: 7, Latency: time.Second, Meddle: func(st virtual.Step) (o virtual.Outcome) {
			if st.Op == virtual.Commit && st.N%3 == 2 {
				o.Err = ledger.ErrConflict
			}
			return o
		}})
		for n := range 50 {
			at := noon.Add(time.Duration(n) * 7 * time.Second)
			s.Deliver(at, body(n+1, fmt.Sprint(n%9), fmt.Sprint(n%9), []string{"Triggered", "Recovered", "Renotify"}[n%3], at))
		}
		s.Run(noon.AddDate(0, 0, 2))
		if all := strings.Join(s.lines, "\n"); first == "" {
			first = all
		} else if all != first {
			t.Error("the second time it went another way")
		}
	}
	if len(first) < 2000 {
		t.Errorf("not much happened:\n%s", first)
	}
}

// BenchmarkMessages is what one message costs in a history of 60 over 6 hours, with all that follows from it.
func BenchmarkMessages(b *testing.B) {
	const each = 60
	b.ReportAllocs()
	for n := 0; n < b.N; n += each {
		s, err := virtual.New(virtual.Options{Policy: gate.DefaultRules(), Begin: noon})
		if err != nil {
			b.Fatal(err)
		}
		for n := range each {
			at := noon.Add(time.Duration(n) * 6 * time.Minute)
			s.Deliver(at, body(n+1, fmt.Sprint(n%20), fmt.Sprint(n/40), []string{"Triggered", "Recovered"}[n/20%2], at))
		}
		s.Run(noon.Add(6 * time.Hour))
		s.Close()
	}
}

// Where the Agent's work is followed its events confirm the start and end the case; what comes again, and what comes before
// the answer to the call, changes nothing.
func TestFollowed(t *testing.T) {
	rules := gate.DefaultRules()
	rules.Followed = true
	var told []string
	s := begin(t, virtual.Options{
		Latency: 5 * time.Second, Policy: rules,
		Follow: func(agent string, i apitest.Incident) apitest.Plan {
			if agent != "default" || !strings.HasPrefix(i.ID, "ab-") || !strings.Contains(i.Title, "Errors of 77") {
				t.Errorf("%s opens %+v", agent, i)
			}
			return apitest.Plan{Appear: 2 * time.Second, Triage: 2 * time.Second, Queue: 30 * time.Second, Run: time.Minute, End: "FAILED"}
		},
		Event: func(time.Time) []time.Duration { return []time.Duration{time.Second, 9 * time.Second} },
		OnTold: func(x virtual.Told) {
			told = append(told, fmt.Sprintf("%s %s %t", x.Role, x.Tasks[len(x.Tasks)-1].Status, x.Asked))
		},
	})
	s.Deliver(noon.Add(10*time.Second), body(1, "77", "1", "Triggered", noon))
	s.Run(noon.Add(time.Hour))
	s.is(t,
		"12:00:10 answered 202",
		"12:00:10 Errors of 77: start new_incident",
		`12:00:10 dispatcher opens "" to starting `,
		"12:00:10 default: investigation started",
		`12:00:13 outcome confirms "starting" to started `, // and the answer at 12:00:15 finds nothing to settle
		`12:00:15 outcome learns "started" to started `,
		`12:00:45 outcome learns "started" to started `,
		`12:01:45 outcome ends "started" to ended failed`,
	)
	if len(told) != 8 || told[0] != "outcome pending_triage false" || told[7] != "outcome failed false" || s.Events() != 8 {
		t.Errorf("%d events, and told was %q", s.Events(), told)
	}
	if work := s.Investigations("default").Tasks(); len(work) != 1 || work[0].Ran != time.Minute || s.Investigations("nobody") != nil {
		t.Errorf("%+v", work)
	}
}

// Where people are told, it happens behind the tick: each thing once, at each place that it is for. What a place does not
// confirm comes again.
func TestPeopleAreTold(t *testing.T) {
	rules := gate.DefaultRules()
	rules.Tells, rules.Severity = true, alert.Critical
	var got []string
	s := begin(t, virtual.Options{
		Policy: rules,
		Agent: func(string, time.Time) agenttest.Behaviour {
			return agenttest.Errors("no")
		},
		Place: func(target string, at time.Time) (bool, answer.Result) {
			if target == "pagerduty" && at.Before(noon.Add(2*time.Minute)) {
				return true, answer.Of(delivery.Answer{Reason: delivery.Reset}, at)
			}
			return true, answer.Result{End: answer.Delivered}
		},
		OnDelivery: func(d virtual.Delivery) {
			got = append(got, fmt.Sprintf("%s %s %s %s", d.At.Format("15:04"), d.Target, d.Answer.Moment, d.Result.End))
		},
	})
	s.Deliver(noon.Add(10*time.Second), body(1, "77", "1", "Triggered", noon))
	s.Deliver(noon.Add(10*time.Minute+10*time.Second), body(2, "77", "1", "Recovered", noon.Add(10*time.Minute)))
	s.Run(noon.Add(time.Hour))
	want := []string{
		"12:01 datadog refused delivered", "12:01 pagerduty refused later", "12:02 pagerduty refused delivered",
		"12:11 datadog recovered delivered", "12:11 pagerduty recovered delivered",
	}
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// An event that cannot be taken in comes again after a minute and a half, ten times at most. Then the tick finds out by
// asking the API.
func TestEventsThatCannotBeTakenIn(t *testing.T) {
	rules := gate.DefaultRules()
	rules.Followed = true
	asked := 0
	s := begin(t, virtual.Options{
		Policy: rules, Follow: func(string, apitest.Incident) apitest.Plan { return apitest.Typical },
		API: func(at time.Time, single bool) (time.Duration, delivery.Fault) {
			if single {
				asked++
				return 0, delivery.APIUnavailable
			}
			return 0, ""
		},
	})
	s.Deliver(noon.Add(10*time.Second), body(1, "77", "1", "Triggered", noon))
	s.Run(noon.Add(time.Hour))
	s.is(t,
		"12:00:10 answered 202",
		"12:00:10 Errors of 77: start new_incident",
		`12:00:10 dispatcher opens "" to starting `,
		"12:00:10 default: investigation started",
		`12:00:10 dispatcher settles "starting" to started `,
		`12:04:00 scheduler confirms "started" to started `,
		`12:09:00 scheduler ends "started" to ended completed`,
	)
	if asked != 40 || s.Events() != 4 {
		t.Errorf("%d questions for %d events", asked, s.Events())
	}
}
