package functions_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
)

// caller is a state from which the Agent is called. lead brings a case there, and returns what makes the call.
type caller struct {
	name   string
	from   gate.State
	change []func(*gatetest.Policy)
	lead   func(*bridge, *agenttest.Server) (call func() (caseID string))
}

var callers = []caller{
	{"first start", "", nil, func(b *bridge, _ *agenttest.Server) func() string {
		return func() string { return b.triggers("A").Case }
	}},
	{"lifted", gate.Waiting, []func(*gatetest.Policy){held}, func(b *bridge, _ *agenttest.Server) func() string {
		b.want(b.triggers("A"), gate.Wait, gate.Holding)
		return func() string { b.clock.add(time.Second); return b.triggers("A", critical).Case }
	}},
	{"waited", gate.Waiting, []func(*gatetest.Policy){held}, func(b *bridge, _ *agenttest.Server) func() string {
		return b.byTick(b.triggers("A").Case)
	}},
	{"repeat", gate.InDoubt, nil, func(b *bridge, s *agenttest.Server) func() string {
		s.Next(agenttest.Taken(agenttest.ResetBeforeReading))
		return b.byTick(b.triggers("A").Case)
	}},
	{"probe", gate.Waiting, nil, func(b *bridge, s *agenttest.Server) func() string {
		s.Next(agenttest.Throttled(""))
		return b.byTick(b.triggers("A").Case)
	}},
	{"reopened", gate.Waiting, nil, func(b *bridge, s *agenttest.Server) func() string {
		s.Next(agenttest.Status(404, "{}"))
		id := b.triggers("A").Case
		s.Secrets().Set(s.Secret())
		return b.byTick(id)
	}},
}

func (b *bridge) byTick(id string) func() string {
	return func() string { b.tick(time.Minute); return id }
}

// What an answer makes of a case, by the state from which the call came, in the order of callers.
var (
	isTaken      = []string{"started", "started", "started", "started", "started", "started"}
	isInDoubt    = []string{"in_doubt 1", "in_doubt 1", "in_doubt 1", "in_doubt 2", "in_doubt 1", "in_doubt 1"}
	isTurnedAway = []string{
		"waiting agent_down, account rests", "waiting agent_down, account rests", "waiting agent_down, account rests",
		"in_doubt 1, account rests", "waiting agent_down, account rests", "waiting agent_down, account rests",
	}
	isShut = []string{
		"waiting agent_shut, account shut", "waiting agent_shut, account shut", "waiting agent_shut, account shut",
		"in_doubt 1, account shut", "waiting agent_shut, account shut", "waiting agent_shut, account shut",
	}
	isRefused = []string{"refused", "refused", "refused", "in_doubt 1, no repeat", "refused", "refused"}
)

// behaviourRows has a row for each of agenttest.Behaviours.
var behaviourRows = map[string][]string{
	"Honest":                        isTaken,
	"Taken, then a reset":           isInDoubt,
	"Taken, then 500":               isInDoubt,
	"Taken, then Hang":              isInDoubt,
	"SlowBeforeReading":             isTaken,
	"SlowAfterReading":              isTaken,
	"Hang":                          isInDoubt,
	"HangInAnswer":                  isInDoubt,
	"ResetBeforeReading":            isInDoubt, // the request has left, and who knows who has read it
	"ResetAfterReading":             isInDoubt,
	"ResetInAnswer":                 isInDoubt,
	"Status 400":                    isRefused,
	"Status 401":                    isShut,
	"Status 403":                    isShut,
	"Status 404":                    isShut,
	"Status 408":                    isInDoubt,
	"Status 413":                    isRefused,
	"Status 422":                    isRefused,
	"Status 500":                    isInDoubt,
	"Status 503":                    isInDoubt,
	"Answer of 200 in another form": isInDoubt,
	"Throttled for two minutes":     isTurnedAway,
	"Throttled for who knows":       isTurnedAway,
	"Redirected":                    isShut,
	"Errors":                        isRefused,
	"Empty":                         isInDoubt,
	"Garbage":                       isInDoubt,
	"Page":                          isInDoubt,
	"Huge":                          isInDoubt,
	"Endless":                       isInDoubt,
	"WrongContentType":              isTaken,
}

// Every behaviour of the Agent, met by a call from every state: what becomes of the case, and that it comes to one
// investigation, or to a person, once the Agent is as it should be.
func TestBehavioursByState(t *testing.T) {
	behaviours := agenttest.Behaviours()
	for name := range behaviourRows {
		if behaviours[name] == nil {
			t.Errorf("%q is in the table, and no behaviour", name)
		}
	}
	for name, behaves := range behaviours {
		row := behaviourRows[name]
		if len(row) != len(callers) {
			t.Errorf("%q has %d ends for %d states", name, len(row), len(callers))
			continue
		}
		for i, from := range callers {
			t.Run(name+"/"+from.name, func(t *testing.T) { behavesFrom(t, from, name, behaves, row[i]) })
			if from.from != gate.InDoubt {
				from.change = append([]func(*gatetest.Policy){stop}, from.change...)
				t.Run(name+"/"+from.name+"/stop", func(t *testing.T) { behavesFrom(t, from, name, behaves, withStop(row[i])) })
			}
		}
	}
}

// withStop is what becomes of a case where nothing that is in doubt is repeated.
func withStop(end string) string {
	if end == "in_doubt 1" {
		return end + ", no repeat"
	}
	return end
}

func behavesFrom(t *testing.T, from caller, name string, behaves agenttest.Behaviour, want string) {
	b, server := onSocketOf(t, agenttest.Options{}, from.change...)
	call := from.lead(b, server)
	before := len(server.Requests())
	server.Always(behaves)
	client := b.dispatch.Starter.Agents["default"]
	if strings.Contains(name, "Hang") {
		b.dispatch.Starter.Agents["default"] = impatient{client, server}
	}
	id := call()
	b.dispatch.Starter.Agents["default"] = client
	if n := len(server.Requests()) - before; n > 2 { // a denied one is sent once more, with the secret read again
		t.Errorf("%d requests in one call", n)
	}
	b.wantCase(id, b.caseOf(id).State, 1) // for its reservation
	if got := b.condition(id); got != want {
		t.Errorf("the case is %q, want %q", got, want)
	}

	stopped := b.policy.InDoubt == gate.StopIt && b.caseOf(id).State == gate.InDoubt
	sent := len(server.Requests())
	server.Always(nil)
	server.Secrets().Set(server.Secret())
	for range 40 {
		b.tick(time.Minute)
	}
	c := b.caseOf(id)
	if n := len(server.Requests()) - sent; stopped && n > 0 {
		t.Errorf("a doubt that stops was sent again %d times", n)
	}
	forAHand := c.State == gate.Refused || c.State == gate.InDoubt && c.Resting && (c.NoRepeat || stopped)
	if isOver := c.How == gate.EndAssumed; isOver == (forAHand || strings.Contains(want, "refused") || strings.Contains(want, "no repeat")) {
		t.Errorf("the case was %q and is %s (%s) in the end", want, c.State, c.How)
	}
	if n := len(server.Investigations()); n > 1 || n == 0 && !forAHand {
		t.Errorf("%d investigations for one case", n)
	}
	if acct := b.account(); len(acct.Running) > 0 || acct.Shut != (gate.Shut{}) {
		t.Errorf("the account is left as %+v", acct)
	}
}

// condition is what matters of a case and its account, in words.
func (b *bridge) condition(id string) string {
	c, acct := b.caseOf(id), b.account()
	words := string(c.State)
	switch {
	case c.State == gate.Waiting:
		words += " " + string(c.Why)
	case c.State == gate.InDoubt:
		words += fmt.Sprintf(" %d", c.Doubts)
	}
	if c.NoRepeat {
		words += ", no repeat"
	}
	if !acct.Shut.Since.IsZero() {
		words += ", account shut"
	}
	if acct.Down.Until.After(b.clock.Now()) {
		words += ", account rests"
	}
	return words
}

// The states are all from which the table of states leads to a start.
func TestCallersAreAll(t *testing.T) {
	from := map[gate.State]bool{gate.Refused: true} // by hand: no handler does it
	for _, c := range callers {
		from[c.from] = true
	}
	for state, next := range gate.Moves() {
		for _, to := range next {
			if to == gate.Starting && !from[state] {
				t.Errorf("a call can come from %q, and no row begins there", state)
			}
		}
	}
}
