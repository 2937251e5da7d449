// Package simulate runs random worlds against the whole bridge in virtual time, and asks package promises after each
// whether the bridge kept what it promises.
//
// A world is plain data: settings of the policy, and events, each at its time: deliveries, what somebody does by hand,
// and faults. It is made from a seed alone (Generate), so a seed is all that a report needs. Run plays a world and says
// what was broken and what was covered; Shrink leaves out events for as long as the same promise stays broken.
package simulate

import (
	"encoding/json"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Begin is when every world begins: shortly before the end of a month, so that some of them see the next one.
var Begin = time.Date(2026, 11, 30, 14, 0, 0, 0, time.UTC)

// World is one history to be.
type World struct {
	Seed     uint64   `json:"seed"`
	Settings Settings `json:"settings"`
	Events   []Event  `json:"events"`
}

// Settings are what the policy of a world says.
type Settings struct {
	Repeat        bool          `json:"repeat"` // a start in doubt is sent again
	Holds         bool          `json:"holds"`
	Slots         int           `json:"slots"`
	CriticalSlots int           `json:"critical_slots"`
	MaxAge        time.Duration `json:"max_age"`
	Storm         int           `json:"storm"` // cases within five minutes; 0: never
	Flap          int           `json:"flap"`  // cycles within an hour; 0: never
	Month         gate.Dollars  `json:"month"` // 0: no budget
	Bucket        int           `json:"bucket"`
	PerDay        int           `json:"per_day"`
	OnlyTriggered bool          `json:"only_triggered"` // nothing starts on Re-Triggered and Renotify
	TestsStart    bool          `json:"tests_start"`
	Groups        bool          `json:"groups"` // alerts have grouping keys
}

// Event is something that happens in a world. Kind says which of the other fields count.
type Event struct {
	At   time.Duration `json:"at"` // after Begin
	Kind Kind          `json:"kind"`

	Alert *Alert        `json:"alert,omitempty"`
	For   time.Duration `json:"for,omitempty"`  // of what goes on for a while
	Mode  gate.Mode     `json:"mode,omitempty"` // by hand; "" takes it back
	Tag   string        `json:"tag,omitempty"`  // that a silence is about
	Role  string        `json:"role,omitempty"` // of the invocation that meets a fault
	Op    string        `json:"op,omitempty"`   // and its step
	Skip  int           `json:"skip,omitempty"` // so many such steps pass before it
	Pause time.Duration `json:"pause,omitempty"`
}

// Kind is what an event is.
type Kind string

// What people and Datadog do.
const (
	Delivery Kind = "delivery"
	Garbled  Kind = "garbled" // a delivery that cannot be read
	SetMode  Kind = "mode"
	Silence  Kind = "silence"
	Promote  Kind = "start" // by hand, what waits, was refused or rests in doubt
	Stop     Kind = "stop"
	Retry    Kind = "retry"
	Redrive  Kind = "redrive"
)

// What goes wrong at one step of one invocation.
const (
	CrashBefore Kind = "crash before"
	CrashAfter  Kind = "crash after"
	TimesOut    Kind = "time-out"
	Conflict    Kind = "conflict"
	Throttle    Kind = "throttle"
	AnswerLost  Kind = "answer lost" // of a commit that was applied
	Unknown     Kind = "unknown"     // whether it was applied: it was not
	AppliedLate Kind = "applied late"
	SendLost    Kind = "send lost" // the queue has the message and says that it has not
	Paused      Kind = "paused"
	DeleteLost  Kind = "delete lost" // a message comes again though it was done with
)

// What goes wrong for a while.
const (
	NoTicks    Kind = "no ticks"
	TwoTicks   Kind = "two ticks"
	Skewed     Kind = "skewed"    // the clocks of schedulers, or of dispatchers
	Reordered  Kind = "reordered" // messages come late and in any order
	AgentSlow  Kind = "agent slow"
	AgentHangs Kind = "agent hangs"
	AgentTakes Kind = "agent takes and hangs"
	AgentDown  Kind = "agent down"
	AgentBusy  Kind = "agent busy"  // 429
	AgentFails Kind = "agent fails" // 500, and nobody knows
	Gibberish  Kind = "agent gibberish"
	AgentShut  Kind = "agent shut"
	Refuses    Kind = "agent refuses"
)

// Faults lists what can go wrong, for the coverage.
func Faults() []Kind {
	return []Kind{
		CrashBefore, CrashAfter, TimesOut, Conflict, Throttle, AnswerLost, Unknown, AppliedLate, SendLost, Paused, DeleteLost,
		NoTicks, TwoTicks, Skewed, Reordered,
		AgentSlow, AgentHangs, AgentTakes, AgentDown, AgentBusy, AgentFails, Gibberish, AgentShut, Refuses,
	}
}

// Alert is a notification of Datadog to be.
type Alert struct {
	Event      int           `json:"event"` // its id; the same again is the same delivery
	Monitor    int           `json:"monitor"`
	Host       int           `json:"host"` // the monitor's group
	Env        string        `json:"env"`
	Service    string        `json:"service,omitempty"`
	Priority   string        `json:"priority"`
	Cycle      int           `json:"cycle,omitempty"` // 0: it has no cycle key
	Transition string        `json:"transition"`
	Time       time.Duration `json:"time"` // after Begin, by Datadog's clock
	Test       bool          `json:"test,omitempty"`
}

// body is the delivery, as our payload template makes it.
func (a Alert) body() []byte {
	kind, title := "error", "Errors of monitor"
	if a.Transition == "Recovered" {
		kind = "success"
	}
	if a.Test {
		title = "[TEST] " + title
	}
	tags := "env:" + a.Env
	if a.Service != "" {
		tags += ",service:" + a.Service
	}
	host := "host:h" + number(a.Host)
	fields := struct {
		Priority   string `json:"alert_priority"`
		Scope      string `json:"alert_scope"`
		Type       string `json:"alert_type"`
		Cycle      string `json:"cycle_key,omitempty"`
		Date       string `json:"date"`
		Event      string `json:"event_id"`
		Title      string `json:"event_title"`
		Monitor    string `json:"monitor_id"`
		Org        string `json:"org_id"`
		Schema     string `json:"schema"`
		Tags       string `json:"tags"`
		Transition string `json:"transition"`
	}{
		Priority: a.Priority, Scope: host, Type: kind, Date: number(int(Begin.Add(a.Time).UnixMilli())),
		Event: "70000000000000" + number(10000+a.Event), Title: title + " " + number(a.Monitor), Monitor: number(1000 + a.Monitor),
		Org: "1", Schema: "1", Tags: tags + "," + host, Transition: a.Transition,
	}
	if a.Cycle > 0 {
		fields.Cycle = number(900000 + a.Cycle)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic("simulate: texts cannot fail to encode: " + err.Error())
	}
	return text
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
		r.Fresh, r.LateHold = 2*time.Minute, time.Minute
	}
	if noData := a.Transition == alert.NoData || a.Transition == alert.ReNoData; noData && r.Severity == alert.Critical {
		r.OnNoData, r.Hold = gate.StartIt, 5*time.Minute
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
	r.MaxAge, r.Slots, r.CriticalSlots = s.MaxAge, s.Slots, s.CriticalSlots
	if s.Groups {
		r.Keys = []gate.Key{{Name: "m/" + a.Incident.Monitor + "/" + env, For: 30 * time.Minute}}
		if service != "" {
			r.Keys = append(r.Keys, gate.Key{Name: "s/" + service + "/" + env, For: 5 * time.Minute})
		}
	}
	if s.Flap > 0 {
		r.Group = a.Incident.Monitor + "/" + a.Tag("host")
		r.Flap = gate.Flap{Cycles: s.Flap, Within: time.Hour, Quiet: time.Hour}
	}
	if s.Storm > 0 {
		r.Surge = env
		r.Storm = gate.Storm{Cases: s.Storm, Within: 5 * time.Minute, Join: 30 * time.Minute}
	}
	if s.Month > 0 {
		r.Budget = gate.Budget{Month: s.Month, Case: 4_000_000, Bucket: s.Bucket, CriticalPerDay: s.PerDay}
	}
	return r
}

// Agents names the two Agents of every world; the second one has the service mail.
func (s Settings) Agents() []string { return []string{"default", "second"} }
