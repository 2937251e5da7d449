package meanwhile

import (
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// How long the Agents' API takes to answer, and one that is slow; and after how long an event comes.
const (
	APILatency   = 100 * time.Millisecond
	SlowAPI      = 4 * time.Second
	EventLatency = time.Second
)

// Follow gives each investigation that is opened how it goes: of those with a part of its title the next one; where there
// is none, the next one of those without a title; else one as most are. nil for none: nobody follows them.
func Follow(list []scenario.Investigation) func(agent string, i apitest.Incident) apitest.Plan {
	if list == nil {
		return nil
	}
	next := map[string]int{} // by title
	return func(_ string, i apitest.Incident) apitest.Plan {
		for _, named := range []bool{true, false} {
			var fit []scenario.Investigation
			of := ""
			for _, x := range list {
				if (x.Title != "") == named && strings.Contains(i.Title, x.Title) && (of == "" || x.Title == of) {
					fit, of = append(fit, x), x.Title
				}
			}
			if len(fit) > 0 {
				next[of]++
				return fit[(next[of]-1)%len(fit)].Plan()
			}
		}
		return apitest.Typical
	}
}

// Followed is a policy under which the work of all its Agents is followed.
func Followed(p gate.Policy) gate.Policy { return Ruled(p, func(r *gate.Rules) { r.Followed = true }) }

// Ruled is a policy whose rules are changed, whatever the alert and the Agent.
func Ruled(p gate.Policy, change func(*gate.Rules)) gate.Policy { return ruled{p, change} }

type ruled struct {
	gate.Policy
	change func(*gate.Rules)
}

// For implements gate.Policy.
func (p ruled) For(a alert.Alert) gate.Rules {
	r := p.Policy.For(a)
	p.change(&r)
	return r
}

// ForAgent is For with the money and slots of an Agent, where the policy has such.
func (p ruled) ForAgent(a alert.Alert, agent string) gate.Rules {
	r := p.For(a)
	if own, knows := p.Policy.(interface {
		ForAgent(alert.Alert, string) gate.Rules
	}); knows {
		r = own.ForAgent(a, agent)
		p.change(&r)
	}
	r.Agent = agent
	return r
}

// api is what is wrong with the Agents' API.
func (w *Weather) api(at time.Time, single bool) (time.Duration, delivery.Fault) {
	f := w.during(at, func(f *fault) bool {
		return strings.HasPrefix(string(f.Kind), "api ") || f.Kind == scenario.TaskGone && single
	})
	if f == nil {
		return APILatency, ""
	}
	w.meets(f, w.invocation())
	switch f.Kind {
	case scenario.APIThrottled: // it is asked once more
		return 5 * APILatency, delivery.APIThrottled
	case scenario.APIDenied:
		return APILatency, delivery.APIDenied
	case scenario.APISlow:
		return SlowAPI, ""
	case scenario.TaskGone:
		return APILatency, delivery.APIGone
	}
	return 5 * APILatency, delivery.APIUnavailable
}

// event is when an event comes.
func (w *Weather) event(at time.Time) []time.Duration {
	f := w.during(at, func(f *fault) bool { return strings.HasPrefix(string(f.Kind), "events ") })
	if f == nil {
		return []time.Duration{EventLatency}
	}
	w.meets(f, 0)
	switch f.Kind {
	case scenario.EventsLost:
		return nil
	case scenario.EventsLate:
		over := f.until
		if end := w.begin.Add(w.calm); w.calm > 0 && end.Before(over) {
			over = end
		}
		return []time.Duration{over.Sub(at) + EventLatency}
	case scenario.EventsTwice:
		return []time.Duration{EventLatency, 40 * EventLatency}
	}
	return []time.Duration{EventLatency + time.Duration((at.UnixNano()/int64(time.Second)*7919+int64(len(w.again)))%90)*time.Second}
}

func (w *Weather) invocation() int {
	if w.bridge == nil {
		return 0
	}
	return w.bridge.Running()
}
