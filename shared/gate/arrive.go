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

// Arrive gives an alert its verdict. r is what the policy says about it. v must hold the delivery, the alert's incident,
// the pointers of r, its group and its surge, the cases that these name, the account of r.Agent, and what is set by hand.
func Arrive(v View, a Arrival, r Rules, now time.Time) Decision {
	if v.Delivery != nil {
		return Decision{Verdict: Join, Reason: Duplicate, Case: v.Delivery.Case, Recorded: v.Delivery}
	}
	d := arrival{View: v, Arrival: a, r: r, now: now, rank: r.Ranks(a.Alert)}
	d.mode, d.byHand = v.Hand.ModeFor(r, now)
	d.silence = v.Hand.silences(a.Alert, now)
	dec := posted(d.introduces(d.told(d.decide())), r.Tells)
	if d.mode == ModeObserve { // what is only observed wakes nobody for a doubt that it joins
		for i, p := range dec.Change.Posts {
			dec.Change.Posts[i].Moments = slices.DeleteFunc(p.Moments, func(m Moment) bool { return m == IsDoubtful })
		}
		dec.Change.Posts = slices.DeleteFunc(dec.Change.Posts, func(p PostWrite) bool { return len(p.Moments) == 0 })
	}
	return dec
}

// introduces notes the organisation of an alert that is dropped, once for each Agent: people find an alert by that, and it
// may have no case that names it.
func (d arrival) introduces(dec Decision) Decision {
	org, known := d.Alert.Incident.Org, d.Account.Orgs
	if dec.Verdict == Drop && dec.Change.Account == nil && org != "" && org != "-" && len(org) <= maxOrg && len(known) < MaxOrgs && !slices.Contains(known, org) {
		dec.Change.Account = &AccountWrite{Agent: d.r.Agent, Org: org}
	}
	return dec
}

// maxOrg bounds the name of an organisation that is noted, in bytes. Datadog's are numbers.
const maxOrg = 64

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
	r      Rules
	now    time.Time
	rank   alert.Severity // how severe the policy takes the alert to be
	mode   Mode
	byHand *ModeOrder // the order that the mode comes from; nil: the policy's own

	silence *Silence // that mutes the alert; nil: none does
}

// decide goes from what the alert itself says, over what is set by hand, to what the ledger knows of its incident.
func (d arrival) decide() Decision {
	al := d.Alert
	switch {
	case al.Own(): // whatever it says: what answers us must never start what we answer
		return d.drop(IsOwn)
	case al.Test && d.r.OnTest != StartIt:
		return d.drop(IsTest)
	case al.Transition == alert.Recovered:
		return d.recover()
	case (al.Transition == alert.Warn || al.Transition == alert.ReWarn) && d.r.OnWarn != StartIt:
		return d.drop(IsWarn)
	case d.noData() && d.r.OnNoData != StartIt:
		return d.drop(IsNoData)
	case al.Transition == alert.Unknown || !slices.Contains(alert.Transitions(), al.Transition):
		return d.drop(IsUnknown)
	case d.late():
		return d.drop(Late)
	case d.silence != nil:
		return d.pass(Silenced)
	case d.mode == ModeOff:
		return d.pass(IsModeOff)
	case d.mode == ModeCriticalOnly && !critical(d.rank):
		return d.pass(OnlyCritical)
	}
	return d.trigger()
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
	dec.Did = CountsDown
	w := CaseWrite{Read: own, Now: countedOut(own)}
	switch {
	case own.State == Refused, own.LeftInDoubt(): // of two recoveries at once the second must know that it is the last: people are told of that one
		w.Facts.Firing = stillFire(own)
	case own.State == Waiting:
		if w = d.countedOutOf(own, notSpent(own, d.r)); w.Now.State == Ended {
			dec.Did = Ends
		}
	}
	dec.Change.Cases = []CaseWrite{w}
	return dec
}

// stillFire is the condition that as many incidents of the case fire as were read: one, or more.
func stillFire(c Case) Count {
	switch {
	case c.Firing > 1:
		return MoreFire
	case c.Firing == 1:
		return OneFires
	}
	return AnyCount
}

// countedOutOf counts the incident out of a case that waits, which ends with its last one.
func (d arrival) countedOutOf(c Case, note string) CaseWrite {
	w := CaseWrite{Read: c, Now: countedOut(c), Facts: CaseFacts{Firing: MoreFire}}
	if c.Firing <= 1 {
		w.Now, w.Facts.Firing = end(w.Now, EndRecovered, note, d.now), OneFires
	}
	return w
}

// trigger takes an alert that says that its incident fires: into the case of its own incident, or of its group; else it
// would open one.
func (d arrival) trigger() Decision {
	g, begins := d.cycle()
	dec := d.place(g)
	if dec.Reason == FlapStart || dec.Reason == WouldStart && d.flaps(g) {
		g.Flapping, g.Shadow = true, dec.Reason == WouldStart
	}
	if begins || g.Flapping != d.Group.Flapping || g.Shadow != d.Group.Shadow {
		g.Version++
		dec.Change.Group = &GroupWrite{Read: d.Group.Version, Now: g}
	}
	return dec
}

func (d arrival) place(g Group) Decision {
	in := d.Incident
	own := d.Cases[in.Case]
	if own.Shadow && d.mode != ModeObserve {
		own = Case{} // nothing was, or will be, started by it
	}
	if d.elsewhere(own) {
		own = Case{}
	}
	same := in.Fires() && !d.newCycle()
	switch {
	case own.State == Waiting && d.lifts(own):
		return d.join(own, Lifted)
	case own.State == Waiting,
		own.live() && (same || in.Fires() && !own.Resting || d.covers(own, d.r.Window)):
		return d.join(own, d.again())
	case d.over(own) && (same || d.covers(own, d.r.Window)), // a new cycle, but too soon to pay once more
		own.State == Refused && same && d.inWindow(own, d.r.Window):
		return d.attach(own, d.again())
	}
	for _, key := range d.r.Keys {
		// A cycle of a group that flaps is no part of what was told: should it last, it must be decided anew once the
		// flapping is over, and an incident whose case was started never is.
		if dec, covered := d.joined(d.Pointers[key.Name], key.For, Covered); covered && !(dec.Reason == NotTold && d.flapping(g)) {
			return dec
		}
	}
	switch {
	case d.now.Sub(d.Alert.Time) > d.r.MaxAge:
		return d.pass(TooOld)
	case d.r.On == DropIt:
		return d.pass(NotStarted)
	case d.flapping(g):
		return d.pass(IsFlapping)
	case d.storming():
		if dec, covered := d.joined(d.Surge.Case, d.r.Storm.Join, InStorm); covered {
			return dec
		}
		return d.openStorm()
	}
	return d.open(d.flaps(g))
}

// elsewhere: the case has waited too long for another Agent than the one to which the policy gives the alert by now. It may
// be one that nobody looks after any more, and the case would take every word of the incident for as long as it waits.
func (d arrival) elsewhere(c Case) bool {
	return c.State == Waiting && !c.Shadow && c.Agent != d.r.Agent && d.now.Sub(c.Opened) > d.r.MaxAge
}

// joined looks at a case that something else than the alert's own incident names, and joins it if it covers the alert:
// for the reason told while what the Agent will be told is still open.
func (d arrival) joined(id string, window time.Duration, told Reason) (Decision, bool) {
	c, there := d.Cases[id]
	switch {
	case !there, c.Shadow != (d.mode == ModeObserve):
	case c.State == Waiting && d.lifts(c):
		return d.join(c, Lifted), true
	case c.State == Waiting:
		return d.join(c, told), true
	case (c.State == Starting || c.State == InDoubt) && d.covers(c, window):
		return d.join(c, NotTold), true
	case d.over(c) && d.covers(c, window):
		return d.attach(c, NotTold), true
	}
	return Decision{}, false
}

func (d arrival) noData() bool {
	return d.Alert.Transition == alert.NoData || d.Alert.Transition == alert.ReNoData
}

// newCycle tells, of an incident that fires, that the alert begins another cycle under its key: after a long silence, or
// when a plain Triggered comes longer than the join window after the last word. A lost recovery must not mute a monitor.
func (d arrival) newCycle() bool {
	al, gap := d.Alert, d.Alert.Time.Sub(d.Incident.Fire)
	return gap > d.r.Quiet || gap > d.r.Window && al.Transition == alert.Triggered && !al.Incident.Cycle
}

// late tells that the incident recovered after this alert happened.
//
// Within a cycle that has a key of its own a recovery is the end, and what says otherwise up to the join window later is
// late too: a sender's times may contradict the order of what happened. What comes later than that under the same key
// does count, for no capture shows that every kind of monitor mints a new key for a new cycle.
func (d arrival) late() bool {
	al, in := d.Alert, d.Incident
	return !al.Time.After(in.Rec) || al.Incident.Cycle && !in.Rec.IsZero() && al.Time.Sub(in.Rec) <= d.r.Window
}

// final is the same for the incident as a whole. Like late it depends on the two highest times alone, so an incident
// ends alike in whatever order its alerts arrive.
func (d arrival) final(in Incident) bool {
	return d.Alert.Incident.Cycle && !in.Rec.IsZero() && in.Fire.Sub(in.Rec) <= d.r.Window
}

// lifts: a critical alert does not wait, neither for its own hold nor for what the case it belongs to waits for.
func (d arrival) lifts(c Case) bool {
	return critical(d.rank) && d.mode != ModeObserve && d.hold() == 0 && c.Agent == d.r.Agent &&
		d.Account.closed(d.now) == "" && d.Account.room(d.r, true, d.now, c.ID) && d.affords(true).now() &&
		(c.Firing > 0 || !d.counted(c)) // else the incident was read before its recovery, and the case after it
}

// counted tells whether the alert's incident is among those that the case counts as firing.
func (d arrival) counted(c Case) bool { return d.Incident.Fires() && d.Incident.Case == c.ID }

// over: the case can cover, and nothing that arrives changes it any more. To an alert that is only observed, a case that
// was only observed is one that was started.
func (d arrival) over(c Case) bool {
	return c.HasStarted() || c.Shadow && c.How == EndObserved && d.mode == ModeObserve
}

// covers: what is no repeat, through a group or as a further cycle, only while it is not more severe and the window is
// open.
func (d arrival) covers(c Case, window time.Duration) bool {
	return d.rank <= c.Severity && d.inWindow(c, window)
}

func (d arrival) inWindow(c Case, window time.Duration) bool {
	return d.Alert.Time.Sub(c.StartAt) <= window
}

func (d arrival) again() Reason {
	switch d.Alert.Transition {
	case alert.ReTriggered:
		return ReTriggering
	case alert.Renotify:
		return Renotifying
	}
	return Repeat
}
