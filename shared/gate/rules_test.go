package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// What a stroll checks where the policy has everything: written from the promises, not from the gate's code.

// richer is the policy with everything in it, some of it tight.
func (s *stroll) richer(p Rules) Rules {
	p.Fresh, p.LateHold, p.Window = 2*time.Minute, time.Minute, 2*time.Minute
	p.Storm = Storm{Cases: 1 + s.r.IntN(3), Within: 5 * time.Minute, Join: 20 * time.Minute}
	p.Flap = Flap{Cycles: 2, Within: time.Hour, Quiet: 30 * time.Minute}
	p.Budget = Budget{Month: Dollars(8+4*s.r.IntN(8)) * 1e6, Case: 4e6, Bucket: 1 + s.r.IntN(4), CriticalPerDay: s.r.IntN(4)}
	if s.r.IntN(3) == 0 {
		p.Budget.Month *= 20
	}
	if p.Slots > 1 {
		p.CriticalSlots = 1
	}
	return p
}

// rulesFor are what it says about an alert: monitor 2 is only observed in some strolls, and 3 is another environment.
func (s *stroll) rulesFor(a alert.Alert) Rules {
	r := keyed(s.p, a.Tags...)
	r.Group, r.Surge = "group/"+a.Incident.Monitor, "1200/default/prod"
	if a.Incident.Monitor > "3" { // as many monitors that come and go would look, each alone, in a longer stroll
		r.Group = "group/of the others"
	}
	switch a.Incident.Monitor {
	case "2":
		if r.Storm.Cases == 1 {
			r.Mode = ModeObserve
		}
	case "3":
		r.Surge = "1200/default/dev"
		if r.Storm.Cases == 2 && a.Transition == alert.Renotify {
			r.On = DropIt
		}
	}
	return r
}

// setByHand sets a mode or a silence, or takes all of them back.
func (s *stroll) setByHand() {
	o := Order{By: "ana", Reason: "release", At: s.now, Until: s.now.Add(time.Duration(1+s.r.IntN(20)) * time.Minute)}
	switch s.r.IntN(3) {
	case 0:
		s.hand.Mode = ModeOrder{Modes()[s.r.IntN(4)], o}
	case 1:
		id := fmt.Sprint("s-", len(s.hand.Silences))
		s.hand.Silences = append(slices.Clone(s.hand.Silences), Silence{id, matchers(s.t, "monitor="+fmt.Sprint(s.r.IntN(9))), o})
	default:
		s.hand = Hand{}
	}
	s.say("by hand: mode %s, %d silences", s.hand.Mode.Mode, len(s.hand.Silences))
}

// nothingElseIsSilenced: when a case has ended by a silence, everything in it that fires at this moment is silenced.
func (s *stroll) nothingElseIsSilenced(th thought) {
	if th.a != nil || len(th.d.Change.Cases) == 0 || !strings.HasPrefix(th.d.Change.Cases[0].Now.Note, "silence ") || th.d.Did != Ends {
		return
	}
	s.seen["ended by a silence"]++
	for name, in := range s.incidents {
		if in.Case != th.d.Case || !in.Fires() || name == th.d.Change.Cases[0].Now.Incident {
			continue
		}
		s.seen["ended by a silence, with others"]++
		if a := s.latest(in); a == nil || th.v.Hand.silences(*a, th.d.Change.At) == nil {
			s.t.Fatalf("case %s ends by a silence, and %s in it fires and is not silenced", th.d.Case, name)
		}
	}
}

// counts checks what a commit that went through has done to money, and to what is told of it.
func (s *stroll) counts(th thought, was Account, groups map[string]Group) {
	if th.a != nil {
		s.seen[string(th.d.Reason)]++
		s.freshIsServed(th)
		s.flapsOnce(th, groups)
	}
	s.oneStorm()
	s.nothingElseIsSilenced(th)
	if s.p.Budget.Month == 0 {
		return
	}
	if cl := th.d.Start; cl != nil {
		s.reserved(cl, was)
	}
	if a := th.d.Change.Account; a != nil && a.Back != nil {
		s.units[th.d.Case] -= int(was.Running[th.d.Case].Money / s.p.Budget.Case)
	}
	sum, want := Dollars(0), 0
	for _, res := range s.account.Running {
		sum += res.Money
	}
	for _, spent := range s.account.Money.Spent {
		sum += spent
	}
	for _, n := range s.units {
		want += n
	}
	if sum != Dollars(want)*s.p.Budget.Case {
		s.t.Errorf("%s is spent or reserved, and %d investigations were started or may have been", sum, want)
	}
}

// reserved: a start, or a repeat, took its money: once, and a second time for a first repeat; and only where there was
// some, unless it is critical or somebody asked for it.
func (s *stroll) reserved(cl *Claim, was Account) {
	id, b := cl.Case.ID, s.p.Budget
	more := 1
	if was.Running[id].Money >= 2*b.Case {
		more = 0
	}
	s.units[id] += more
	if cl.Beyond {
		s.seen["beyond the budget"]++
		if n := s.account.Money.Critical[s.now.Format(dayFormat)]; n > b.CriticalPerDay && more == 1 && was.Running[id].Day == "" {
			s.t.Errorf("case %s goes beyond the budget as number %d of %d", id, n, b.CriticalPerDay)
		}
		if cl.Case.Severity < alert.Critical {
			s.t.Errorf("case %s goes beyond the budget, and is %s", id, cl.Case.Severity)
		}
	}
	asked := s.seen["asked for"] > 0
	if cl.Case.Severity >= alert.Critical || asked || more == 0 {
		return
	}
	spent := Dollars(0)
	for _, res := range s.account.Running {
		spent += res.Money
	}
	for _, n := range s.account.Money.Spent {
		spent += n
	}
	if spent > b.Month {
		s.t.Errorf("case %s starts, and %s of %s are spent", id, spent, b.Month)
	}
	pace := time.Duration(float64(30*24*time.Hour) * float64(b.Case) / float64(b.Month))
	if ahead := s.account.Money.Paced.Sub(cl.Case.StartAt); cl.Case.Attempt == 1 && ahead > time.Duration(b.Bucket)*pace {
		s.t.Errorf("case %s starts, and the bucket of %d is %v ahead, one is earned in %v", id, b.Bucket, ahead, pace)
	}
}

// freshIsServed: a fresh critical alert waits for nothing of ours but slots, and a number a day.
func (s *stroll) freshIsServed(th thought) {
	a, d, v := *th.a, th.d, th.v
	at := d.Change.At
	if a.Severity < alert.Critical || at.Sub(a.Time) > 2*time.Minute && s.everything || d.Verdict == Drop || v.Account.Agent == "" {
		return
	}
	c := v.Cases[d.Case]
	waits := d.Reason == Holding || d.Reason == Storming || d.Reason == OverBudget ||
		d.Verdict == Join && c.State == Waiting && !c.Shadow && c.Firing > 0
	mode, _ := v.Hand.ModeFor(s.rules(a), at)
	if !waits || mode == ModeObserve {
		return
	}
	running := 0
	for id, res := range v.Account.Running {
		if id != d.Case && res.Until.After(at) {
			running++
		}
	}
	busy := running >= s.p.Slots || !v.Account.Shut.Since.IsZero() || v.Account.Down.Until.After(at)
	used := s.p.Budget.Month > 0 && v.Account.Money.Critical[at.Format(dayFormat)] >= s.p.Budget.CriticalPerDay
	if !busy && !used || d.Reason == Holding || d.Reason == Storming {
		s.t.Errorf("%s is critical and fresh, and gets %s %s in case %s (%s); %d run", a.Delivery, d.Verdict, d.Reason, d.Case, c.Why, running)
	}
}

// flapsOnce: a group that flaps gets its start once, until no cycle has begun for long.
func (s *stroll) flapsOnce(th thought, groups map[string]Group) {
	w := th.d.Change.Group
	if w == nil {
		return
	}
	name := w.Now.Name
	if cycles := groups[name].Cycles; len(cycles) > 0 && th.a.Time.Sub(slices.MaxFunc(cycles, time.Time.Compare)) >= s.p.Flap.Quiet {
		s.flapped[name] = false
	}
	if th.d.Reason == FlapStart {
		if s.flapped[name] {
			s.t.Errorf("%s flaps, and starts a second time", name)
		}
		s.flapped[name] = true
	}
}

// oneStorm: an environment has one case that waits for the rest of its storm.
func (s *stroll) oneStorm() {
	waiting := map[string]string{}
	for id, c := range s.cases {
		if c.Storm == "" || c.State != Waiting || c.Attempt > 0 {
			continue
		}
		if other := waiting[c.Storm]; other != "" {
			s.t.Errorf("cases %s and %s both collect the storm of %s", id, other, c.Storm)
		}
		waiting[c.Storm] = id
	}
}

// passed tells whether the incident's last word was dropped although it was worth something.
func (s *stroll) passed(in Incident) bool {
	for _, d := range s.deliveries {
		if d.Incident == in.Key.String() && d.Time.Equal(in.Fire) && slices.Contains([]Reason{
			Silenced, IsModeOff, OnlyCritical, IsFlapping, NotStarted, TooOld,
		}, d.Reason) {
			return true
		}
	}
	return false
}
