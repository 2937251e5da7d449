// Package simulate runs random worlds against the whole bridge in virtual time, and asks package promises after each
// whether the bridge kept what it promises.
//
// A world is plain data: settings of the policy, and events, each at its time: deliveries, what somebody does by hand,
// and faults. It is made from a seed alone (Generate), so a seed is all that a report needs. Run plays a world and says
// what was broken and what was covered; Shrink leaves out events for as long as the same promise stays broken. What is
// left is written as a scenario (Scenario), which people can read and play, and a scenario can be judged in the same way
// (FromScenario), whoever has written it.
package simulate

import (
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/match"
)

// Begin is when every world begins: shortly before the end of a month, so that some of them see the next one.
var Begin = time.Date(2026, 11, 30, 14, 0, 0, 0, time.UTC)

// World is one history to be.
type World struct {
	Seed     uint64
	Begins   time.Time
	Calm     time.Duration // when nothing goes wrong any more; 0: a minute after the last event
	Settings Settings
	Policy   gate.Policy              // instead of Settings; nil: these
	Work     []scenario.Investigation // how investigations go; nil: nobody follows the Agents' work
	Events   []Event
}

// Settings are what the policy of a world says.
type Settings struct {
	Repeat        bool // a start in doubt is sent again
	Holds         bool
	Slots         int
	CriticalSlots int
	MaxAge        time.Duration
	Storm         int          // cases within five minutes; 0: never
	Flap          int          // cycles within an hour; 0: never
	Month         gate.Dollars // 0: no budget
	Bucket        int
	PerDay        int
	OnlyTriggered bool // nothing starts on Re-Triggered and Renotify
	TestsStart    bool
	Groups        bool // alerts have grouping keys
	Followed      bool // the Agents' work is
}

// Event is something that happens in a world. Kind says which of the other fields count; the others are zero.
type Event struct {
	At   time.Duration // after the beginning of the world
	Kind Kind

	Alert   *Alert
	Body    []byte          // of a delivery, where there is no Alert
	For     time.Duration   // of what goes on for a while
	Mode    gate.Mode       // by hand
	Silence []match.Matcher // by hand
	Role    scenario.Function
	Op      scenario.Step // of the role: where a fault is met
	Skip    int           // so many such steps, or cases, pass before it
	Of      int           // of a start or a stop by hand: the event of the alert whose case is meant; 0: one that Skip chooses
	Pause   time.Duration
}

// Kind is what an event is: one of these, or what goes wrong.
type Kind = scenario.Kind

// What people and Datadog do.
const (
	Delivery Kind = "delivery"
	Garbled  Kind = "garbled" // a delivery that cannot be read
	SetMode  Kind = "mode"
	Silence  Kind = "silence"
	Promote  Kind = "start" // by hand, what waits, was refused or rests in doubt, or whatever an alert led to
	Stop     Kind = "stop"
	Retry    Kind = "retry"
	Redrive  Kind = "redrive"
)

// Faults lists what can go wrong, for the coverage.
func Faults() []Kind { return scenario.Kinds() }

// isFault tells what goes wrong from what people and Datadog do.
func isFault(k Kind) bool { return slices.Contains(Faults(), k) }

// Alert is a notification of Datadog to be.
type Alert struct {
	Event      int // its id; the same again is the same delivery
	Monitor    int
	Host       int // the monitor's group
	Env        string
	Service    string
	Priority   string
	Cycle      int // 0: it has no cycle key
	Transition alert.Transition
	Time       time.Duration // after Begin, by Datadog's clock
	Test       bool
	Own        bool // it speaks of what the bridge itself has told
}

// monitor is the title of the alert's monitor.
func (a Alert) monitor() string { return "Errors of monitor " + number(a.Monitor) }

func (a Alert) monitorID() string { return number(1000 + a.Monitor) }

// host is the group of the monitor that alerts.
func (a Alert) host() string { return "host:h" + number(a.Host) }

func (a Alert) tags() []string {
	tags := []string{"env:" + a.Env}
	if a.Service != "" {
		tags = append(tags, "service:"+a.Service)
	}
	if a.Own {
		tags = append(tags, alert.OwnMark)
	}
	return tags
}

// body is the delivery, as our payload template makes it, in a world that begins then.
func (a Alert) body(begins time.Time) []byte {
	return scenario.Notification{
		Title: a.monitor(), MonitorID: a.monitorID(), Event: scenario.EventID(a.Event), Cycle: scenario.CycleKey(a.Cycle),
		Transition: a.Transition, Priority: a.Priority, Scope: []string{a.host()}, Tags: append(a.tags(), a.host()),
		Test: a.Test, At: begins.Add(a.Time),
	}.Body()
}

// calm is when nothing goes wrong any more.
func (w World) calm() time.Duration {
	if w.Calm > 0 {
		return w.Calm
	}
	var last time.Duration
	for _, e := range w.Events {
		last = max(last, e.At+e.For)
	}
	return last + time.Minute
}

// policy is what the world is played under.
func (w World) policy() gate.Policy {
	if w.Policy != nil {
		return w.Policy
	}
	return w.Settings
}

// For is what the policy of the world says about an alert. Settings are a gate.Policy.
func (s Settings) For(a alert.Alert) gate.Rules {
	r := gate.DefaultRules()
	env, service := a.Tag("env"), a.Tag("service")
	if service == "mail" {
		r.Agent = "second"
	}
	switch env {
	case "staging":
		r.Mode, r.ModeFixed = gate.ModeObserve, true
	case "lab":
		r.Mode, r.ModeFixed = gate.ModeOff, true
	case "quiet":
		r.Mode = gate.ModeCriticalOnly
	}
	r.Severity = a.Severity
	if a.Priority == "P1" {
		r.Severity = alert.Critical
	} else if r.Severity == alert.Critical {
		r.Severity = alert.High
	}
	if s.Holds {
		switch r.Severity {
		case alert.High:
			r.Hold = 30 * time.Second
		case alert.Medium:
			r.Hold = 2 * time.Minute
		case alert.Low, alert.Minimal:
			r.Hold = 5 * time.Minute
		}
		r.Fresh = 2 * time.Minute
	}
	r.LateHold = time.Minute
	if r.Severity == alert.Critical {
		r.OnNoData = gate.StartIt
	}
	if a.Transition == alert.NoData || a.Transition == alert.ReNoData {
		r.Hold = 5 * time.Minute
	}
	if s.OnlyTriggered && (a.Transition == alert.ReTriggered || a.Transition == alert.Renotify) {
		r.On = gate.DropIt
	}
	if s.TestsStart {
		r.OnTest = gate.StartIt
	}
	if !s.Repeat {
		r.InDoubt = gate.StopIt
	}
	r.MaxAge, r.Slots, r.CriticalSlots, r.Followed = s.MaxAge, s.Slots, s.CriticalSlots, s.Followed
	of := a.Incident.Org + "/" + r.Agent + "/"
	if s.Groups {
		r.Keys = []gate.Key{{Name: of + "monitor=" + a.Incident.Monitor + ",env=" + env, For: 30 * time.Minute}}
		if service != "" {
			r.Keys = append(r.Keys, gate.Key{Name: of + "service=" + service + ",env=" + env, For: 5 * time.Minute})
		}
	}
	if s.Flap > 0 {
		group := a.Incident.Key
		if a.Incident.Cycle {
			group = "s." + alert.Hash(a.Scope...)
		}
		r.Group = a.Incident.Org + "/" + a.Incident.Monitor + "/" + group
		r.Flap = gate.Flap{Cycles: s.Flap, Within: time.Hour, Quiet: time.Hour}
	}
	if s.Storm > 0 {
		r.Surge = of + env
		r.Storm = gate.Storm{Cases: s.Storm, Within: 5 * time.Minute, Join: 30 * time.Minute}
	}
	r.Budget = gate.Budget{Month: s.Month, Case: price, Second: price / 480, Bucket: s.Bucket, CriticalPerDay: s.PerDay}
	return r
}

// price is what an investigation costs: a cent a second, for eight minutes.
const price = gate.Dollars(480 * 10_000)

// Agents names the two Agents of every world; the second one has the service mail.
func (s Settings) Agents() []string { return []string{"default", "second"} }
