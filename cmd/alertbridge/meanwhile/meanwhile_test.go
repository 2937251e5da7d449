package meanwhile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/meanwhile"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
)

// history plays a scenario under a policy and says what happened: verdicts, calls that the Agent saw, moves of cases, all
// by the seconds that have passed, and what else the weather tells.
func history(t *testing.T, text, rules string) (lines []string) {
	t.Helper()
	s, err := scenario.Parse("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse("policy.yaml", []byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	w := meanwhile.New(s.Begins, s.Faults, s.Calm)
	o := virtual.Options{Policy: p, Begin: s.Begins, Seed: s.Seed, Follow: meanwhile.Follow(s.Investigations)}
	if s.Investigations != nil {
		o.Policy = meanwhile.Followed(p)
	}
	w.Options(&o)
	var b *virtual.Bridge
	say := func(format string, args ...any) {
		lines = append(lines, fmt.Sprintf("%g ", b.Now().Sub(s.Begins).Seconds())+fmt.Sprintf(format, args...))
	}
	o.OnVerdict = func(v virtual.Verdict) { say("%s", v.Reason) }
	o.OnStart = func(x virtual.Start) { say("call: %s", x.Request.Verdict) }
	o.OnAnswer = func(a virtual.Answer) {
		if w.Again(a) {
			say("again")
		}
	}
	o.OnCase = func(m virtual.Move) {
		switch {
		case m.From != m.To && m.Case.Confirmed() && m.To == gate.Ended:
			say("%s", m.Case.How)
		case m.From != m.To:
			say("%s", m.To)
		}
	}
	w.OnMet = func(f scenario.Fault, _ int) { say("met %s", f.Kind) }
	if b, err = virtual.New(o); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	w.Begin(b, p.Agents())
	for _, order := range s.Hand {
		meanwhile.ByHand(b, s.Begins, p.Agents(), order, meanwhile.Watch{Answered: func(err error) {
			if err != nil {
				say("refused: %s", err)
			}
		}})
	}
	for _, a := range s.Alerts {
		b.Deliver(s.Begins.Add(a.Arrives), a.Body)
	}
	b.Run(s.Begins.Add(s.Lasts))
	met := map[string]bool{}
	for _, l := range lines {
		if _, kind, found := strings.Cut(l, " met "); found {
			met[kind] = true
		}
	}
	if len(s.Faults) == 1 && w.Met() != len(met) {
		t.Errorf("%d faults have met something, and it was told of %v", w.Met(), met)
	}
	return lines
}

// one is a critical alert that is decided at ten seconds, and with which nothing goes wrong is started half a second later.
const one = "title: A\nlasts: 5m\nalerts: [{at: 10s, monitor: M, priority: P1, tags: [env:prod]}]\n"

// started is what becomes of it where nothing is in its way.
const started = "10 new_incident, 10 starting, 10 call: investigation started, 10.5 started"

// Each thing that can go wrong, with what it looks like. The message of a dispatcher that crashes is seen again after 90
// seconds; a lease is over after 35, which the next tick finds; a doubt rests for a minute, and again it is the next tick
// that sends the start again. Datadog tries again after 20 seconds.
func TestFaults(t *testing.T) {
	seen := map[scenario.Kind]bool{}
	for _, tt := range []struct{ with, want string }{
		{"", started},
		{"faults: {at: 11s, fault: conflict, in: dispatcher}", started},

		{"faults: {at: 0s, fault: crash before, in: dispatcher, step: commit}", "10 met crash before, 100 new_incident, 100 starting, 100 call: investigation started, 100.5 started"},
		{"faults: {at: 0s, fault: crash before, in: dispatcher, step: call}", "10 new_incident, 10 starting, 10 met crash before, 60 in_doubt, 100 duplicate_delivery, 120 starting, 120 call: investigation started, 120.5 started"},
		{"faults: {at: 0s, fault: crash after, in: dispatcher, step: commit, nth: 2}", "10 new_incident, 10 starting, 10 call: investigation started, 10.5 met crash after, 10.5 started, 100 duplicate_delivery"},
		{"faults: {at: 0s, fault: crash after, in: ingest, step: send}", "10 met crash after, 10 again, 10 new_incident, 10 starting, 10 call: investigation started, 10.5 started, 30 duplicate_delivery"},
		{"faults: {at: 0s, fault: send lost}", "10 met send lost, 10 again, 10 new_incident, 10 starting, 10 call: investigation started, 10.5 started, 30 duplicate_delivery"},
		{"faults: {at: 0s, fault: paused, in: dispatcher, step: commit, by: 2s}", "10 met paused, 12 new_incident, 12 starting, 12 call: investigation started, 12.5 started"},
		{"faults: {at: 0s, fault: delete lost}", "0 met delete lost, " + started + ", 100 duplicate_delivery"},
		{"faults: {at: 0s, fault: time-out, in: dispatcher, step: look}", "10 met time-out, 100 new_incident, 100 starting, 100 call: investigation started, 100.5 started"},
		{"faults: {at: 0s, fault: throttle, in: dispatcher, step: commit}", "10 met throttle, 100 new_incident, 100 starting, 100 call: investigation started, 100.5 started"},
		{"faults: {at: 0s, fault: conflict, in: dispatcher}", "10 met conflict, 10.013 new_incident, 10.013 starting, 10.013 call: investigation started, 10.513 started"},
		{"faults: {at: 0s, fault: answer lost, in: dispatcher}", "10 met answer lost, 10 new_incident, 10 starting, 60 in_doubt, 120 starting, 120 call: investigation started, 120.5 started"},
		{"faults: {at: 0s, fault: unknown, in: dispatcher}", "10 met unknown, 10.013 new_incident, 10.013 starting, 10.013 call: investigation started, 10.513 started"},
		{"faults: {at: 0s, fault: applied late, in: dispatcher, by: 3s}", "10 met applied late, 10.013 new_incident, 10.013 starting, 10.013 call: investigation started, 10.513 started"},

		{"agent: {at: 0s, is: slow}", "10 new_incident, 10 starting, 10 met agent slow, 10 call: investigation started, 14 started"},
		{"agent: {at: 0s, is: shut, for: 20s}", "10 new_incident, 10 starting, 10 met agent shut, 10 call: scripted, 10 waiting, 60 starting, 60 call: investigation started, 60.5 started"},
		{"agent: {at: 10s, is: refuses}", "10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused"},
		{"agent: {at: 0s, is: busy, for: 20s}", "10 new_incident, 10 starting, 10 met agent busy, 10 call: scripted, 10 waiting, 180 starting, 180 call: investigation started, 180.5 started"},
		{"agent: {at: 0s, is: down, for: 20s}", "10 new_incident, 10 starting, 10 met agent down, 10 waiting, 60 starting, 60 call: investigation started, 60.5 started"},
		{"agent: {at: 0s, is: fails, for: 20s}", "10 new_incident, 10 starting, 10 met agent fails, 10 call: investigation started, 10 in_doubt, 120 starting, 120 call: duplicate, 120.5 started"},
		{"agent: {at: 0s, is: gibberish, for: 20s}", "10 new_incident, 10 starting, 10 met agent gibberish, 10 call: scripted, 10 in_doubt, 120 starting, 120 call: investigation started, 120.5 started"},
		{"agent: {at: 0s, is: hangs, for: 20s}", "10 new_incident, 10 starting, 10 met agent hangs, 10 call: scripted, 18 in_doubt, 120 starting, 120 call: investigation started, 120.5 started"},
		{"agent: {at: 0s, is: takes and hangs, for: 20s}", "10 new_incident, 10 starting, 10 met agent takes and hangs, 10 call: investigation started, 18 in_doubt, 120 starting, 120 call: duplicate, 120.5 started"},
		// The one that began last counts, and when it is over the other one again; until it is calm.
		{"agent: [{at: 0s, is: down}, {at: 5s, is: slow, for: 1m}]", "10 new_incident, 10 starting, 10 met agent slow, 10 call: investigation started, 14 started"},
		{"agent: [{at: 0s, is: down}, {at: 5s, is: slow, for: 1s}]\ncalm: 50s", "10 new_incident, 10 starting, 10 met agent down, 10 waiting, 60 starting, 60 call: investigation started, 60.5 started"},
	} {
		got := history(t, one+tt.with, "")
		if text := strings.Join(got, ", "); text != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.with, text, tt.want)
		}
		for _, k := range scenario.Kinds() {
			seen[k] = seen[k] || strings.Contains(strings.Join(got, ","), "met "+string(k))
		}
	}
	// One that waits for 30 seconds, and then for the tick.
	held := strings.Replace(one, "P1", "P2", 1)
	for _, tt := range []struct{ with, want string }{
		{"", "10 hold, 10 waiting, 60 starting, 60 call: investigation started, 60.5 started"},
		{"faults: {at: 30s, fault: no ticks, for: 2m}", "10 hold, 10 waiting, 60 met no ticks, 120 met no ticks, 180 starting, 180 call: investigation started, 180.5 started"},
		{"faults: {at: 30s, fault: two ticks, for: 1m}", "10 hold, 10 waiting, 60 met two ticks, 60 starting, 60 call: investigation started, 60.5 started"},
		{"faults: {at: 30s, fault: skewed, in: scheduler, by: -40s, for: 1m}", "10 hold, 10 waiting, 60 met skewed, 120 starting, 120 call: investigation started, 120.5 started"},
		{"faults: {at: 0s, fault: reordered, for: 1m}", "10 met reordered, 41 hold, 41 waiting, 120 starting, 120 call: investigation started, 120.5 started"},
	} {
		got := history(t, held+tt.with, "")
		if text := strings.Join(got, ", "); text != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.with, text, tt.want)
		}
		for _, k := range scenario.Kinds() {
			seen[k] = seen[k] || strings.Contains(strings.Join(got, ","), "met "+string(k))
		}
	}
	// Where the Agent's work is followed its task appears 20 seconds after the start, runs from 40 to 100, and an event comes a
	// second later and is taken in after a tenth of one. The API is asked after three minutes.
	const work = one + "investigations: {appears: 20s, triage: 5s, waits: 5s, runs: 60s}\n"
	for _, tt := range []struct{ with, want string }{
		{"", started + ", 101.1 completed"},
		{"faults: {at: 90s, fault: api throttled, for: 1m}", started + ", 101 met api throttled, 191.1 completed"},
		{"faults: {at: 90s, fault: api denied, for: 1m}", started + ", 101 met api denied, 191.1 completed"},
		{"faults: {at: 90s, fault: api slow, for: 1m}", started + ", 101 met api slow, 105 completed"},
		{"faults: {at: 90s, fault: api down, for: 1m}", started + ", 101 met api down, 191.1 completed"},
		{"faults: {at: 0s, fault: task gone, for: 2m}", started + ", 31 met task gone, 36 met task gone, 41 met task gone, 101 met task gone, 240.1 completed"},
		{"faults: {at: 0s, fault: events lost, for: 2m}", started + ", 30 met events lost, 35 met events lost, 40 met events lost, 100 met events lost, 240.1 completed"},
		{"faults: {at: 90s, fault: events late, for: 1m}", started + ", 100 met events late, 151.1 completed"},
		{"faults: {at: 90s, fault: events twice, for: 1m}", started + ", 100 met events twice, 101.1 completed"},
		{"faults: {at: 90s, fault: events reordered, for: 1m}", started + ", 100 met events reordered, 181.1 completed"},
		{"faults: {at: 90s, fault: crash before, in: outcome, step: ask}", started + ", 101 met crash before, 191.1 completed"},
		{"faults: {at: 90s, fault: crash after, in: outcome, step: look_case}", started + ", 101.1 met crash after, 191.1 completed"},
		{"faults: {at: 90s, fault: answer lost, in: outcome}", started + ", 101.1 met answer lost, 101.1 completed"},
		{"agent: {at: 0s, is: takes and is busy, for: 20s}", "10 new_incident, 10 starting, 10 met agent takes and is busy, 10 call: investigation started, 10 waiting, 31.1 started, 101.1 completed"},
		{"agent: {at: 0s, is: takes and refuses, for: 20s}", "10 new_incident, 10 starting, 10 met agent takes and refuses, 10 call: investigation started, 10 refused, 31.1 started, 101.1 completed"},
		{"agent: {at: 0s, is: takes and hangs, for: 20s}", "10 new_incident, 10 starting, 10 met agent takes and hangs, 10 call: investigation started, 18 in_doubt, 31.1 started, 101.1 completed"},
	} {
		got := history(t, work+tt.with, "")
		if text := strings.Join(got, ", "); text != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.with, text, tt.want)
		}
		for _, k := range scenario.Kinds() {
			seen[k] = seen[k] || strings.Contains(strings.Join(got, ","), "met "+string(k))
		}
	}
	for _, k := range scenario.Kinds() {
		if !seen[k] {
			t.Errorf("%s was never met", k)
		}
	}
}

// What somebody does by hand. The first case is refused, the second one waits; both are counted round.
func TestByHand(t *testing.T) {
	const two = `title: A
lasts: 5m
alerts:
  - {at: 10s, monitor: M, priority: P1, tags: [env:prod], event: 1}
  - {at: 20s, monitor: N, priority: P3, tags: [env:prod], event: 2}
agent: {at: 0s, is: refuses, for: 1m}
`
	var tooMany strings.Builder
	for n := range gate.MaxSilences + 1 {
		fmt.Fprintf(&tooMany, "  - {at: 0s, silence: service = other, reason: number %d}\n", n)
	}
	for _, tt := range []struct{ with, want string }{
		{"", "10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused, 20 hold, 20 waiting, 180 starting, 180 call: investigation started, 180.5 started"},
		{"hand: {at: 90s, start: 1}", "10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused, 20 hold, 20 waiting, 120 starting, 120 call: investigation started, 120.5 started, 180 starting, 180 call: investigation started, 180.5 started"},
		{"hand: {at: 90s, start: 3}", "10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused, 20 hold, 20 waiting, 120 starting, 120 call: investigation started, 120.5 started, 180 starting, 180 call: investigation started, 180.5 started"},
		{"hand: {at: 30s, start: 2}", "10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused, 20 hold, 20 waiting, 60 starting, 60 call: investigation started, 60.5 started"},
		{"hand: {at: 30s, stop: 2}", "10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused, 20 hold, 20 waiting, 30 ended"},
		{"hand: {at: 30s, start_alert: 2}", "10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused, 20 hold, 20 waiting, 60 starting, 60 call: investigation started, 60.5 started"},
		{"hand: {at: 30s, stop_alert: 2}", "10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused, 20 hold, 20 waiting, 30 ended"},
		{"hand: [{at: 0s, mode: off, for: 15s}, {at: 70s, start_alert: 1}]", "10 mode_off, 20 hold, 20 waiting, 70 waiting, 120 starting, 120 call: investigation started, 120.5 started, 180 starting, 180 call: investigation started, 180.5 started"},
		{"hand: {at: 30s, stop_alert: 3}", "10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused, 20 hold, 20 waiting, 30 refused: there is no delivery dd-1000042-7000000000000000003; looked for dd-1000042-7000000000000000003, 180 starting, 180 call: investigation started, 180.5 started"},
		{"hand: {at: 5s, start: 1}", "10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused, 20 hold, 20 waiting, 180 starting, 180 call: investigation started, 180.5 started"},
		{"hand: {at: 0s, mode: off, for: 15s}", "10 mode_off, 20 hold, 20 waiting, 180 starting, 180 call: investigation started, 180.5 started"},
		{"hand: {at: 0s, silence: priority = P1}", "10 silenced, 20 hold, 20 waiting, 180 starting, 180 call: investigation started, 180.5 started"},
		{"hand:\n" + tooMany.String(), "0 refused: there are 100 silences, and no more are possible; expire one that is not needed any more, 10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused, 20 hold, 20 waiting, 180 starting, 180 call: investigation started, 180.5 started"},
		{"hand: {at: 0s, retry: true}", "10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused, 20 hold, 20 waiting, 180 starting, 180 call: investigation started, 180.5 started"},
		{"hand: {at: 0s, redrive: true}", "10 new_incident, 10 starting, 10 met agent refuses, 10 call: scripted, 10 refused, 20 hold, 20 waiting, 180 starting, 180 call: investigation started, 180.5 started"},
	} {
		if got := strings.Join(history(t, two+tt.with, ""), ", "); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.with, got, tt.want)
		}
	}
}

// Retry by hand tries an Agent that is down before its rest is over; stop ends a doubt first.
func TestByHandAtTheAgent(t *testing.T) {
	for _, tt := range []struct{ with, want string }{
		{"agent: {at: 0s, is: busy, for: 20s}\nhand: {at: 30s, retry: true}", "10 new_incident, 10 starting, 10 met agent busy, 10 call: scripted, 10 waiting, 60 starting, 60 call: investigation started, 60.5 started"},
		{"agent: {at: 0s, is: gibberish, for: 20s}\nhand: {at: 30s, stop: 1}", "10 new_incident, 10 starting, 10 met agent gibberish, 10 call: scripted, 10 in_doubt, 30 refused"},
	} {
		if got := strings.Join(history(t, one+tt.with, "in_doubt: stop\n"), ", "); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.with, got, tt.want)
		}
	}
}
