package gate

import (
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Arrival is an alert with what the queue knows of it.
type Arrival struct {
	Alert   alert.Alert
	TraceID string
	Trace   string // the carrier of its trace, kept by a case for a start that comes later
}

// Arrive gives an alert its verdict. v must hold the delivery, the alert's incident, the pointers of Rules.Keys, the
// cases that these name, and the policy's account.
func Arrive(v View, a Arrival, p Rules, now time.Time) Decision {
	if v.Delivery != nil {
		return Decision{Verdict: Join, Reason: Duplicate, Case: v.Delivery.Case, Recorded: v.Delivery}
	}
	d := arrival{View: v, Arrival: a, p: p, now: now}
	al := a.Alert
	switch {
	case al.Test && p.OnTest != StartIt:
		return d.drop(IsTest)
	case al.Transition == alert.Recovered:
		return d.recover()
	case (al.Transition == alert.Warn || al.Transition == alert.ReWarn) && p.OnWarn != StartIt:
		return d.drop(IsWarn)
	case (al.Transition == alert.NoData || al.Transition == alert.ReNoData) && p.OnNoData != StartIt:
		return d.drop(IsNoData)
	case al.Transition == alert.Unknown || !slices.Contains(alert.Transitions(), al.Transition):
		return d.drop(IsUnknown)
	case d.late():
		return d.drop(Late)
	}
	return d.trigger()
}

// Reject records a delivery that was authenticated and could not be read.
func Reject(v View, rec Delivery, now time.Time) Decision {
	if v.Delivery != nil {
		return Decision{Verdict: Join, Reason: Duplicate, Case: v.Delivery.Case, Recorded: v.Delivery}
	}
	rec.Verdict, rec.Reason, rec.Decided = Drop, Unreadable, now
	return Decision{Verdict: Drop, Reason: Unreadable, Change: Change{At: now, Delivery: &rec}}
}

// arrival is one decision in the making.
type arrival struct {
	View
	Arrival
	p   Rules
	now time.Time
}

// recover takes a recovery. It starts nothing; it may end a case that waits, in this very commit.
func (d arrival) recover() Decision {
	al, in := d.Alert, d.Incident
	if !al.Time.After(in.Rec) {
		return d.drop(IsRecovery)
	}
	own, fired := d.Cases[in.Case], in.Fires()
	in.Rec = al.Time
	in.Final = in.Final || d.final(in) // a recovery never makes an incident fire, though the window was set anew
	dec := d.write(Drop, IsRecovery, own.ID, d.incident(in))
	if !fired || in.Fires() || !(own.live() || own.State == Refused) {
		return dec
	}
	w := CaseWrite{Read: own, Now: countedOut(own)}
	dec.Did = CountsDown
	if own.State == Waiting {
		w.Facts.Firing = MoreFire
		if own.Firing <= 1 {
			w.Now = end(w.Now, EndRecovered, d.now)
			w.Facts.Firing, dec.Did = OneFires, Ends
		}
	}
	dec.Change.Cases = []CaseWrite{w}
	return dec
}

// trigger takes an alert that says that its incident fires.
func (d arrival) trigger() Decision {
	in := d.Incident
	own := d.Cases[in.Case]
	same := in.Fires() && !d.newCycle()
	switch {
	case own.State == Waiting && d.lifts(own):
		return d.join(own, Lifted)
	case own.State == Waiting,
		own.live() && (same || in.Fires() && !own.Resting || d.covers(own)):
		return d.join(own, d.again())
	case own.HasStarted() && (same || d.covers(own)), // a new cycle, but too soon to pay once more
		own.State == Refused && same && d.inWindow(own):
		return d.attach(own, d.again())
	}
	for _, key := range d.p.Keys {
		c, there := d.Cases[d.Pointers[key.Name]]
		switch {
		case !there:
		case c.State == Waiting && d.lifts(c):
			return d.join(c, Lifted)
		case c.State == Waiting, (c.State == Starting || c.State == InDoubt) && d.covers(c):
			return d.join(c, Covered)
		case c.HasStarted() && d.covers(c):
			return d.attach(c, Covered)
		}
	}
	if d.now.Sub(d.Alert.Time) > d.p.MaxAge {
		return d.tooOld()
	}
	return d.open()
}

// newCycle tells, of an incident that fires, that the alert begins another cycle under its key: after a long silence, or
// when a plain Triggered comes longer than the join window after the last word. A lost recovery must not mute a monitor.
func (d arrival) newCycle() bool {
	al, gap := d.Alert, d.Alert.Time.Sub(d.Incident.Fire)
	return gap > d.p.Quiet || gap > d.p.Window && al.Transition == alert.Triggered && !al.Incident.Cycle
}

// late tells that the incident recovered after this alert happened.
//
// Within a cycle that has a key of its own a recovery is the end, and what says otherwise up to the join window later is
// late too: a sender's times may contradict the order of what happened. What comes later than that under the same key
// does count, for no capture shows that every kind of monitor mints a new key for a new cycle.
func (d arrival) late() bool {
	al, in := d.Alert, d.Incident
	return !al.Time.After(in.Rec) || al.Incident.Cycle && !in.Rec.IsZero() && al.Time.Sub(in.Rec) <= d.p.Window
}

// final is the same for the incident as a whole. Like late it depends on the two highest times alone, so an incident
// ends alike in whatever order its alerts arrive.
func (d arrival) final(in Incident) bool {
	return d.Alert.Incident.Cycle && !in.Rec.IsZero() && in.Fire.Sub(in.Rec) <= d.p.Window
}

// lifts: a critical alert does not wait for a hold.
func (d arrival) lifts(c Case) bool {
	return critical(d.Alert.Severity) && c.Why == WhyHold && c.Until.After(d.now) &&
		d.Account.closed(d.now) == "" && d.Account.room(d.p, d.now, c.ID) &&
		(c.Firing > 0 || !d.counted(c)) // else the incident was read before its recovery, and the case after it
}

// counted tells whether the alert's incident is among those that the case counts as firing.
func (d arrival) counted(c Case) bool { return d.Incident.Fires() && d.Incident.Case == c.ID }

// hold is the time that the alert is given to recover.
func (d arrival) hold() time.Duration {
	if critical(d.Alert.Severity) {
		return 0
	}
	return d.p.Hold
}

// covers: what is no repeat, through a group or as a further cycle, only while it is not more severe and the join
// window is open.
func (d arrival) covers(c Case) bool { return d.Alert.Severity <= c.Severity && d.inWindow(c) }

func (d arrival) inWindow(c Case) bool { return d.Alert.Time.Sub(c.StartAt) <= d.p.Window }

func (d arrival) again() Reason {
	switch d.Alert.Transition {
	case alert.ReTriggered:
		return ReTriggering
	case alert.Renotify:
		return Renotifying
	}
	return Repeat
}

// join writes the alert into a case that can still end unstarted; with Lifted it also claims the start.
func (d arrival) join(c Case, why Reason) Decision {
	in := d.fired()
	in.Case = c.ID
	w := CaseWrite{Read: c, Now: c}
	w.Now.Joined++
	if !d.counted(c) {
		w.Now.Firing++
		if key := d.Alert.Incident.String(); key != c.Incident {
			w.Now.Members = withMember(c.Members, d.member())
		}
	}
	if d.Alert.Time.After(c.Last) {
		w.Now.Last = d.Alert.Time
	}
	if d.Alert.Severity > c.Severity {
		w.Now.Severity = d.Alert.Severity
	}
	if critical(d.Alert.Severity) && c.Why == WhyHold && c.Until.After(d.now) {
		w.Now.Until = d.now // it cannot start now for want of room or of an Agent, and must not wait for the hold besides
	}
	if c.Resting && !c.NoRepeat && d.p.InDoubt == RepeatIt && c.Doubts <= MaxRepeats {
		w.Now.Resting = false // something fires again: the tick looks at it once more
	}
	verdict := Join
	if why == Lifted {
		verdict = Start
	}
	dec := d.write(verdict, why, c.ID, d.incident(in))
	dec.Did = Joins
	if verdict == Start {
		w.Now = claim(w.Now, d.p, d.now)
		dec.Did = Starts
		dec.Start = &Claim{Case: w.Now, Lead: LeadOf(d.View, c), Until: d.now.Add(d.p.Estimate), Down: d.Account.Down}
		dec.Change.Account = reserve(d.Account, w.Now, d.now, d.now.Add(d.p.Estimate))
	} else {
		w.Now = versioned(w.Read, w.Now)
	}
	dec.Change.Cases = append([]CaseWrite{w}, d.leave(c.ID)...)
	return dec
}

// attach writes the alert into a case that has been started, or refused: the case itself stays as it is.
func (d arrival) attach(c Case, why Reason) Decision {
	in := d.fired()
	in.Case = c.ID
	dec := d.write(Join, why, c.ID, nil)
	dec.Did = Joins
	if d.moved(in) {
		dec.Change.Incident = d.incident(in)
	}
	if c.State == Refused { // by hand it can be started again: it must still be refused
		dec.Change.Cases = []CaseWrite{{Read: c, Now: c}}
	}
	dec.Change.Cases = append(dec.Change.Cases, d.leave(c.ID)...)
	return dec
}

// tooOld keeps the incident's times, so that the same alerts leave the same incident whenever they come.
func (d arrival) tooOld() Decision {
	in := d.fired()
	if !d.Incident.Fires() {
		in.Case = ""
	}
	dec := d.drop(TooOld)
	if d.moved(in) {
		dec.Change.Incident = d.incident(in)
	}
	return dec
}

// open opens a case of its own, started at once where nothing stands in the way.
func (d arrival) open() Decision {
	al := d.Alert
	c := Case{
		ID: CaseID(al), Agent: d.p.Agent, State: Waiting, Opened: d.now, Until: d.now, Severity: al.Severity,
		Firing: 1, Joined: 0, Last: al.Time, Title: cut(al.Title, 200), Service: cut(al.Service(), 100),
		Incident: al.Incident.String(), TraceID: d.TraceID, Trace: d.Trace, Version: 1,
	}
	verdict, why := Wait, Reason("")
	switch closed := d.Account.closed(d.now); {
	case closed == WhyAgentShut:
		c.Why, why = WhyAgentShut, AgentShut
	case closed == WhyAgentDown:
		c.Why, why, c.Until = WhyAgentDown, AgentDown, d.Account.Down.Until
	case d.hold() > 0:
		c.Why, why, c.Until = WhyHold, Holding, d.now.Add(d.hold())
	case !d.Account.room(d.p, d.now, c.ID):
		c.Why, why = WhySlots, NoSlot
	default:
		verdict, why = Start, NewIncident
	}
	in := d.fired()
	in.Case = c.ID
	dec := d.write(verdict, why, c.ID, d.incident(in))
	dec.Did = Opens
	if verdict == Start {
		c = claim(c, d.p, d.now)
		c.Version = 1
		until := d.now.Add(d.p.Estimate)
		dec.Start = &Claim{Case: c, Lead: al, Until: until, Down: d.Account.Down}
		dec.Change.Account = reserve(d.Account, c, d.now, until)
	}
	for _, key := range d.p.Keys {
		dec.Change.Pointers = append(dec.Change.Pointers, PointerWrite{Key: key.Name, Read: d.Pointers[key.Name], Now: c.ID})
	}
	dec.Change.Cases = append([]CaseWrite{{Now: c, Lead: &al}}, d.leave(c.ID)...)
	return dec
}

// leave counts the incident out of a case that it was counted in and goes away from: one that was refused, or rests in
// doubt. Either can still be started by hand, and then its count must be right.
func (d arrival) leave(to string) []CaseWrite {
	old, there := d.Cases[d.Incident.Case]
	if !there || old.ID == to || !d.Incident.Fires() || old.State != Refused && old.State != InDoubt {
		return nil
	}
	return []CaseWrite{{Read: old, Now: countedOut(old)}}
}

// countedOut is the case with one incident less that fires. A count of zero can only come from a read in which the case
// is younger than the incident; such a decision fails on the incident's version, and must not look like a fault.
func countedOut(c Case) Case {
	c.Firing = max(c.Firing-1, 0)
	return c
}

// fired is the incident with the alert's time in it.
func (d arrival) fired() Incident {
	in := d.Incident
	if d.Alert.Time.After(in.Fire) {
		in.Fire = d.Alert.Time
	}
	in.Final = d.final(in)
	return in
}

// moved tells whether anything of the incident that decisions read is another than it was.
func (d arrival) moved(in Incident) bool {
	is := d.Incident
	return !in.Fire.Equal(is.Fire) || !in.Rec.Equal(is.Rec) || in.Final != is.Final || in.Case != is.Case
}

func (d arrival) incident(now Incident) *IncidentWrite {
	now.Key = d.Alert.Incident
	now.Version = d.Incident.Version + 1
	return &IncidentWrite{Read: d.Incident.Version, Now: now}
}

func (d arrival) member() Member {
	al := d.Alert
	m := Member{Incident: al.Incident.String(), Title: cut(al.Title, 120), Severity: al.Severity, Since: al.Time}
	for i, s := range al.Scope {
		if i > 0 {
			m.Scope += ","
		}
		m.Scope += s
	}
	m.Scope = cut(m.Scope, 120)
	return m
}

func (d arrival) drop(why Reason) Decision { return d.write(Drop, why, "", nil) }

// write begins a decision: every verdict is recorded with the delivery.
func (d arrival) write(v Verdict, why Reason, caseID string, in *IncidentWrite) Decision {
	al := d.Alert
	return Decision{Verdict: v, Reason: why, Case: caseID, Change: Change{At: d.now, Incident: in, Delivery: &Delivery{
		ID: al.Delivery, Verdict: v, Reason: why, Case: caseID, Incident: al.Incident.String(),
		Transition: string(al.Transition), Title: cut(al.Title, 200), Time: al.Time, Decided: d.now,
		TraceID: d.TraceID,
	}}}
}
