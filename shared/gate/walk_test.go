package gate

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// A stroll is one random interleaving of everything that can happen at once: messages that are read, read twice and
// decided on what was so a while ago; ticks; commits that lose a race, or whose answer is lost; crashes before the call,
// after it, and before the settle; an Agent that answers anything; a person who starts a case by hand. The world's
// conditions decide which commits go through; after each of them the promises are checked.
//
// In half of the strolls the policy has everything: budget, storms, flapping, slots for critical cases, a monitor that is
// only observed; and somebody silences, sets modes, and asks for cases (rules_test.go checks what holds then).
type stroll struct {
	*world
	r      *rand.Rand
	now    time.Time
	inbox  []alert.Alert // not acknowledged yet
	held   []thought     // decided, not committed
	claims []Claim       // committed, not called
	calls  []call        // called, not settled
	n      int
	byHand bool

	requests map[string]int  // that may have reached the Agent
	paid     map[string]bool // that the Agent works on
	log      []string

	everything bool
	units      map[string]int  // by case: investigations that were reserved or booked, and not given back
	stopped    map[string]bool // by hand, whatever the Agent has
	flapped    map[string]bool // groups that had the start that flapping is worth
	seen       map[string]int
}

type thought struct {
	d Decision
	a *alert.Alert // nil: the tick's
	v View

	stops bool // by hand
}

type call struct {
	cl  Claim
	ans delivery.Answer
}

var howFar = flag.Int("strolls", 2000, "how many random interleavings TestStroll plays")

func TestStroll(t *testing.T) {
	strolls := *howFar
	if testing.Short() {
		strolls = 200
	}
	seen := map[string]int{}
	for seed := range strolls {
		s := newStroll(t, uint64(seed))
		s.run(90)
		if s.everything {
			s.run(110)
		}
		s.comeToRest()
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, s.story())
		}
		for what, n := range s.seen {
			seen[what] += n
		}
		for _, c := range s.cases {
			seen[string(c.State)+string(c.How)]++
			if c.Attempt > 1 {
				seen["repeated or started again"]++
			}
		}
	}
	// A walk that never gets anywhere would find nothing wrong.
	wanted := []string{
		"endedassumed", "endedrecovered", "endedexpired", "in_doubt", "refused", "repeated or started again", "endedobserved", "endedsilenced",
		"beyond the budget", "asked for", "asked for, in a new case",
	}
	for reason := range Reasons() {
		switch reason {
		case Unreadable, Duplicate, IsOwn, IsTest, IsWarn, IsNoData, IsUnknown: // decided by the alert alone
		default:
			wanted = append(wanted, string(reason))
		}
	}
	for _, want := range wanted {
		if seen[want] < strolls/200 {
			t.Errorf("%d strolls led only %d times to %q: %v", strolls, seen[want], want, seen)
		}
	}
	t.Log(seen)
}

func newStroll(t testing.TB, seed uint64) *stroll {
	s := &stroll{
		r: rand.New(rand.NewPCG(seed, 7)), now: noon, requests: map[string]int{}, paid: map[string]bool{},
		byHand: seed%3 == 0, everything: seed/2%2 == 1, units: map[string]int{}, flapped: map[string]bool{}, seen: map[string]int{},
		stopped: map[string]bool{},
	}
	p := DefaultRules()
	if p.Slots = 1 + int(seed%3); seed%2 == 0 {
		p.InDoubt = StopIt
	}
	if seed%5 < 2 {
		p.Hold = 2 * time.Minute
	}
	if seed%7 < 2 {
		p.MaxAge = 20 * time.Minute
	}
	s.world = newWorld(t, p)
	if s.everything {
		s.p = s.richer(s.p)
		s.world.policy = s.rulesFor
	} else if seed%4 < 2 {
		s.world.keys = func(a alert.Alert) []string { return a.Tags }
	}
	return s
}

func (s *stroll) story() string {
	out := ""
	for _, l := range s.log[max(0, len(s.log)-60):] {
		out += l + "\n"
	}
	return out
}

func (s *stroll) say(format string, args ...any) {
	s.log = append(s.log, s.now.Format("15:04:05 ")+fmt.Sprintf(format, args...))
}

func (s *stroll) run(steps int) {
	for range steps {
		if s.t.Failed() {
			return
		}
		switch k := s.r.IntN(20); {
		case k < 3:
			s.inbox = append(s.inbox, s.newAlert())
		case k < 7:
			s.read()
		case k < 12:
			s.commitOne()
		case k < 15:
			s.tick()
		case k < 17:
			s.callOne()
		case k < 18:
			s.settleOne()
		case k < 19:
			s.now = s.now.Add([]time.Duration{time.Second, 20 * time.Second, time.Minute, 5 * time.Minute, 40 * time.Minute}[s.r.IntN(5)])
		case s.everything && s.r.IntN(3) > 0:
			s.setByHand()
		default:
			s.askFor()
		}
	}
}

func (s *stroll) newAlert() alert.Alert {
	s.n++
	which := s.r.IntN(4)
	if s.everything {
		which = s.r.IntN(9)
	}
	tr := []alert.Transition{alert.Triggered, alert.Triggered, alert.ReTriggered, alert.Renotify, alert.Recovered, alert.Recovered}[s.r.IntN(6)]
	a := said(fmt.Sprint("d", s.n), tr, s.now.Add(-time.Duration(s.r.IntN(90))*time.Second), []string{"fallback", "cycle"}[which%2])
	a.Incident.Monitor, a.Monitor.ID = fmt.Sprint(which), fmt.Sprint(which)
	a.Severity = []alert.Severity{alert.Medium, alert.Medium, alert.High, alert.Critical}[s.r.IntN(4)]
	a.Tags = []string{"group:one"}
	switch {
	case which == 3:
		a.Tags = []string{"group:two", "group:one"}
	case which > 3:
		a.Tags = []string{fmt.Sprint("group:", which)}
	}
	return a
}

// read decides about a message; it stays in the inbox until a commit went through, so it can be read twice.
func (s *stroll) read() {
	if len(s.inbox) == 0 {
		return
	}
	i := s.r.IntN(len(s.inbox))
	a := s.inbox[i]
	v := s.look(a)
	d := Arrive(v, arrivalOf(a), s.rules(a), s.now)
	sane(s.t, v, d)
	s.say("read %s %s of %s: %s %s %s", a.Delivery, a.Transition, a.Incident.Monitor, d.Verdict, d.Reason, d.Case)
	if d.Change.Empty() {
		s.inbox = slices.Delete(s.inbox, i, i+1)
		return
	}
	s.held = append(s.held, thought{d: d, a: &a, v: v})
}

func (s *stroll) tick() {
	ids := slices.Sorted(maps.Keys(s.cases))
	if len(ids) == 0 {
		return
	}
	id := ids[s.r.IntN(len(ids))]
	v := s.lookCase(id)
	d := Due(v, id, s.rulesOf(id), s.now)
	sane(s.t, v, d)
	if d.Change.Empty() {
		if d = Reopen(v.Account, "mended", s.now); d.Change.Empty() {
			return
		}
	}
	s.say("tick: %s %s", d.Did, id)
	s.held = append(s.held, thought{d: d, v: v})
}

// askFor is what an operator's commands do to a case, or to an alert that was dropped: the tick will start it, or stop
// looking at it.
func (s *stroll) askFor() {
	ids := slices.Sorted(maps.Keys(s.leads))
	if !s.byHand || len(ids) == 0 {
		return
	}
	id, o := ids[s.r.IntN(len(ids))], Order{By: "ana", Reason: "now", At: s.now}
	v := s.look(s.leads[id])
	v = s.see(v, id)
	if s.r.IntN(4) == 0 {
		if d, err := Stop(v, id, o, true, s.now); err == nil {
			s.say("stopped: %s", id)
			s.held = append(s.held, thought{d: d, stops: true})
		}
		return
	}
	d, err := Promote(v, id, o, s.now)
	if err != nil {
		return
	}
	s.say("asked for: %s, as case %s", id, d.Case)
	s.seen["asked for"]++
	if d.Case != id || v.Cases[id].ID == "" {
		s.seen["asked for, in a new case"]++
	}
	s.asked[d.Case] = true
	s.held = append(s.held, thought{d: d})
}

func (s *stroll) commitOne() {
	if len(s.held) == 0 {
		return
	}
	i := s.r.IntN(len(s.held))
	th := s.held[i]
	s.held = slices.Delete(s.held, i, i+1)
	if s.r.IntN(12) == 0 {
		s.say("crash before the commit of %s %s", th.d.Did, th.d.Case)
		return
	}
	s.mayCommit(th)
	was := s.account
	was.Running, was.Money.Spent = maps.Clone(was.Running), maps.Clone(was.Money.Spent)
	groups := maps.Clone(s.groups)
	ok := s.commit(th.d.Change)
	s.say("commit %s %s: %v", th.d.Did, th.d.Case, ok)
	if !ok {
		return
	}
	s.sound()
	s.counts(th, was, groups)
	if th.stops {
		s.stopped[th.d.Case] = true
	}
	if s.r.IntN(12) == 0 {
		s.say("the answer to the commit is lost")
		return
	}
	if th.a != nil {
		s.inbox = slices.DeleteFunc(s.inbox, func(a alert.Alert) bool { return a.Delivery == th.a.Delivery })
	}
	if th.d.Start != nil {
		s.claims = append(s.claims, *th.d.Start)
	}
}

// mayCommit checks what must be so at the moment in which a commit goes through, whatever was read before.
func (s *stroll) mayCommit(th thought) {
	if !s.holds(th.d.Change) {
		return
	}
	if th.d.Start != nil {
		id := th.d.Start.Case.ID
		alive := s.firing(id)
		if th.a != nil {
			alive = 1 // the alert itself; its incident is as it was read
		}
		if alive == 0 && !s.asked[id] { // somebody's word counts as one that it fires
			s.t.Errorf("case %s starts and nothing in it fires", id)
		}
		taken := 0
		for other, r := range s.account.Running {
			if other != id && r.Until.After(th.d.Change.At) {
				taken++
			}
		}
		if taken >= s.p.Slots {
			s.t.Errorf("case %s takes slot %d of %d", id, taken+1, s.p.Slots)
		}
	}
	if th.a == nil || len(th.d.Change.Cases) == 0 || th.d.Change.Cases[0].Read.Version != 0 {
		return
	}
	in := s.incidents[th.a.Incident.String()]
	if old := s.cases[in.Case]; in.Fires() && (!old.Shadow || th.d.Change.Cases[0].Now.Shadow) && (old.State == Waiting || old.State == Starting || old.State == InDoubt && !old.Resting) {
		s.t.Errorf("incident %s fires in case %s, which is %s, and opens another", in.Key, old.ID, old.State)
	}
}

// callOne calls the Agent as package start does: not begun unless it can end before anybody sees the lease as over.
func (s *stroll) callOne() {
	if len(s.claims) == 0 {
		return
	}
	cl := s.claims[0]
	s.claims = s.claims[1:]
	if s.r.IntN(10) == 0 {
		s.say("crash before the call for %s", cl.Case.ID)
		return
	}
	ans := delivery.Answer{Reason: delivery.OutOfTime}
	if !s.now.Add(10 * time.Second).After(cl.Case.Until.Add(-ClockDifference)) {
		ans = s.agent(cl.Case.ID)
	}
	s.say("call for %s, attempt %d: %s", cl.Case.ID, cl.Case.Attempt, ans.Reason)
	if s.r.IntN(10) == 0 {
		s.say("crash after the call")
		return
	}
	s.calls = append(s.calls, call{cl, ans})
}

func (s *stroll) agent(id string) delivery.Answer {
	if is := s.cases[id]; is.State != Starting {
		s.t.Errorf("called for case %s, which is %s", id, is.State)
	}
	reasons := []delivery.Reason{
		delivery.Received, delivery.Received, delivery.Throttled, delivery.Unauthorized, delivery.BadRequest, delivery.TimedOut, delivery.Reset,
	}
	ans := delivery.Answer{Reason: reasons[s.r.IntN(len(reasons))], SecretVersion: "wrong"}
	switch ans.Reason {
	case delivery.Received, delivery.TimedOut: // timed out: the Agent has it all the same
		s.requests[id]++
		s.paid[id] = true
	case delivery.Reset: // never got there, and nobody can know
	}
	return ans
}

// settleOne settles a call, sometimes on what the caller remembers and sometimes twice.
func (s *stroll) settleOne() {
	if len(s.calls) == 0 {
		return
	}
	i := s.r.IntN(len(s.calls))
	x := s.calls[i]
	c := x.cl.Case
	for range 2 {
		d := Settle(c, x.cl, x.ans, s.now)
		if d.Change.Empty() {
			break
		}
		was := s.account
		was.Running, was.Money.Spent = maps.Clone(was.Running), maps.Clone(was.Money.Spent)
		if s.commit(d.Change) {
			s.counts(thought{d: d}, was, s.groups)
			s.say("settle %s attempt %d as %s: %s", c.ID, x.cl.Case.Attempt, x.ans.Reason, d.Change.Cases[0].Now.State)
			s.sound()
			s.truth()
			break
		}
		c, x.cl.Down = s.cases[c.ID], s.account.Down
	}
	if s.r.IntN(6) > 0 { // else its answer is lost, and it settles again
		s.calls = slices.Delete(s.calls, i, i+1)
	}
}

// truth compares what the ledger says with what the Agent has.
func (s *stroll) truth() {
	for id, c := range s.cases {
		if s.stopped[id] {
			continue
		}
		if c.HasStarted() && !s.paid[id] {
			s.t.Errorf("case %s is %s %s, and the Agent never took it", id, c.State, c.How)
		}
		if (c.State == Waiting || c.State == Refused || c.State == Ended && c.How != EndAssumed) && s.requests[id] > 0 {
			s.t.Errorf("case %s is %s %s, and the Agent may work on it", id, c.State, c.How)
		}
		if s.requests[id] > 0 && c.Shadow {
			s.t.Errorf("case %s is only observed, and was sent", id)
		}
		if s.requests[id] > 1+c.Doubts {
			s.t.Errorf("case %s: %d requests with %d doubts", id, s.requests[id], c.Doubts)
		}
		if s.requests[id] > 1 && s.p.InDoubt == StopIt && !s.byHand {
			s.t.Errorf("case %s: a start in doubt was sent again against the policy", id)
		}
	}
}

// comeToRest lets everything end without faults: then nothing is left asleep, and no slot is held for ever.
func (s *stroll) comeToRest() {
	s.held, s.claims = nil, nil
	for len(s.calls) > 0 && !s.t.Failed() {
		s.settleOne()
	}
	for len(s.inbox) > 0 && !s.t.Failed() {
		was, groups := s.account, maps.Clone(s.groups)
		was.Running, was.Money.Spent = maps.Clone(was.Running), maps.Clone(was.Money.Spent)
		d := s.arrive(s.inbox[0], s.now)
		s.counts(thought{d: d, a: &s.inbox[0]}, was, groups)
		s.say("%s: %s %s", s.inbox[0].Delivery, d.Verdict, d.Reason)
		s.obey(d)
		s.inbox = s.inbox[1:]
	}
	for range 10 * 60 { // ten hours of ticks
		s.now = s.now.Add(time.Minute)
		if d := Reopen(s.account, "mended", s.now); !d.Change.Empty() {
			s.commit(d.Change)
		}
		quiet := true
		for _, id := range slices.Sorted(maps.Keys(s.cases)) {
			if c := s.cases[id]; c.Bucket() != Queue && (c.Bucket() != Timed || c.Order() >= OrderUntil(s.now)) {
				quiet = quiet && c.Bucket() != Timed
				continue // the index does not show it
			}
			quiet = false
			s.obey(s.due(id, s.now))
		}
		if quiet || s.t.Failed() {
			break
		}
	}
	s.truth()
	for id, c := range s.cases {
		if c.State == Waiting || c.State == Starting || c.State == Started || c.State == InDoubt && !c.Resting {
			s.t.Errorf("case %s is left %s", id, c.State)
		}
	}
	for key, in := range s.incidents {
		c := s.cases[in.Case]
		forgotten := (in.Case == "" || c.State == Ended && (c.How == EndRecovered || c.How == "")) && !s.passed(in)
		if in.Fires() && forgotten && s.now.Sub(in.Fire) <= s.p.MaxAge {
			s.t.Errorf("incident %s fires, and its case %q is %s %s", key, in.Case, c.State, c.How)
		}
	}
	if len(s.account.Running) > 0 {
		s.t.Errorf("reservations are left: %v", s.account.Running)
	}
	for i := range s.n {
		if _, there := s.deliveries[fmt.Sprint("d", i+1)]; !there {
			s.t.Errorf("delivery d%d has no verdict", i+1)
		}
	}
}

// obey makes the call that a decision claims, to an Agent that is well.
func (s *stroll) obey(d Decision) {
	if d.Start == nil {
		return
	}
	s.requests[d.Case]++
	s.paid[d.Case] = true
	set := Settle(s.cases[d.Case], *d.Start, delivery.Answer{Reason: delivery.Received}, s.now)
	if !s.commit(set.Change) {
		s.t.Errorf("nobody else is here, and the settle of %s lost a race", d.Case)
	}
	s.say("%s %s: accepted", d.Did, d.Case)
}
