// Package verify tells whether a bridge that was set up works, a step at a time and from the outside: it does what Datadog
// does, and looks at what comes of it.
//
//	front door   a marked test notification is taken
//	verdict      the ledger has a verdict on it, and nothing was started
//	tick         nothing that the scheduler should have done by now is left undone
//	webhook      each Agent refuses an event that is invalid on purpose: the key is right, and nothing is started
//	API          the Agent's API answers, where its work is followed
//
// All that costs nothing. Only with Options.Start, and only after every step above went well, an alert is sent that starts
// an investigation:
//
//	start        its case is started
//	confirmed    the Agent shows a task of it
//	recovery     the alert is taken back, so that nothing of it goes on firing
//	end          the investigation is over, for how much; where that is waited for
//
// What cannot be seen from here is said to be so, and is neither right nor wrong. A wrong token is never sent: the bridge
// counts that, and the alarm AuthenticationFailing stands on it.
//
// Every word of others that is shown is one line, bounded, and holds no secret: neither the token nor the webhook's key
// or address comes near this package.
package verify

import (
	"context"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// How long is waited at most, where Options do not say.
const (
	VerdictTime = time.Minute                      // for a verdict, and for a start
	ConfirmTime = gate.ConfirmWithin + time.Minute // the bridge itself calls a start unconfirmed after ConfirmWithin
	pause       = time.Second                      // between two looks at the same thing
	lastTime    = 20 * time.Second                 // for the recovery, also when all else is told to end
)

// Options say what is looked at, and how far. Send, Ledger and Say are needed.
type Options struct {
	Send   func(ctx context.Context, body []byte) Taken // through the front door, with the token
	Ledger Ledger
	// Ticks says how long ago the last tick ended, if one has; nil: nobody can tell.
	Ticks  func(ctx context.Context) (ago time.Duration, ticked bool, err error)
	Agents []Agent
	Local  bool       // it is a run on this computer: a stand-in answers, and nothing costs anything
	Say    func(Step) // is told each step when it is done

	Tags []string // of what is sent, beside a service of its own: "key:value", for the policy to route by

	// TestsStart: the policy lets test notifications start. Then none is sent.
	TestsStart bool
	Start      bool          // open one real investigation
	Wait       time.Duration // for its end; 0: not at all

	Now         func() time.Time // nil: time.Now
	Pause       time.Duration    // between two looks; 0: a second
	VerdictTime time.Duration    // 0: VerdictTime
	ConfirmTime time.Duration    // 0: ConfirmTime
}

// Taken is what the front door answered.
type Taken struct {
	Status   int    // 0: nothing
	Delivery string // its id; "" where it was not taken
	Request  string // of a local run: what to ask about; else ""
	Words    string // what was wrong
}

// Ledger is where the bridge keeps what it decides.
type Ledger interface {
	// Verdict gives what was decided about a delivery. The zero Verdict: nothing yet.
	Verdict(ctx context.Context, delivery, request string) (Verdict, error)
	Case(ctx context.Context, id string) (caseview.Case, error)
	// Open lists cases that are under way, of every Agent that is looked at.
	Open(ctx context.Context) ([]caseview.Case, error)
}

// Verdict is what the bridge decided about a delivery.
type Verdict struct {
	Verdict, Reason, Case string
	Trouble               string // why there is none yet, where that is known
}

// Agent is one Agent of the bridge.
type Agent struct {
	Name string
	// Webhook calls it as the bridge does; nil: Missing says why it is not called.
	Webhook interface {
		Call(ctx context.Context, m agent.Message) delivery.Answer
	}
	Missing string
	Space   string // its agent space; "": its work is not followed
	API     API    // needed where there is a Space
}

// API is the Agent's own.
type API interface {
	Usage(ctx context.Context) (gate.Usage, error)
	Find(ctx context.Context, space string, cases []string, since time.Time) (map[string][]gate.Task, error)
}

// Run takes the steps. The error says that it was told to end; what the steps found is in the report.
func Run(ctx context.Context, o Options) (Report, error) {
	r := newRun(o)
	r.door(ctx)
	r.tick(ctx)
	for _, a := range o.Agents {
		r.webhook(ctx, a)
		r.api(ctx, a)
	}
	if o.Start && ctx.Err() == nil {
		r.start(ctx)
	}
	return r.report, ctx.Err()
}

// run is one verification.
type run struct {
	Options
	id     string // of this verification: in everything that it sends
	report Report
}

func newRun(o Options) *run {
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, d := range []struct {
		set      *time.Duration
		standard time.Duration
	}{{&o.Pause, pause}, {&o.VerdictTime, VerdictTime}, {&o.ConfirmTime, ConfirmTime}} {
		if *d.set == 0 {
			*d.set = d.standard
		}
	}
	now := o.Now()
	return &run{Options: o, id: idOf(now), report: Report{OK: true, At: now.UTC().Truncate(time.Millisecond), Steps: []Step{}}}
}

// say notes a step that began then.
func (r *run) say(s Step, began time.Time) {
	s.Took = r.Now().Sub(began).Round(time.Millisecond).Seconds()
	r.report.OK = r.report.OK && s.Result != Failed
	r.report.Steps = append(r.report.Steps, s)
	r.Say(s)
}

// until looks again and again until it has seen enough, and reports whether it has within that time.
func (r *run) until(ctx context.Context, within time.Duration, look func() bool) bool {
	end := r.Now().Add(within)
	for !look() {
		if !r.Now().Before(end) {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(r.Pause):
		}
	}
	return true
}
