package gate

import (
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// join writes the alert into a case that can still end unstarted; with Lifted it also claims the start.
func (d arrival) join(c Case, why Reason) Decision {
	in := d.fired()
	in.Case = c.ID
	w := CaseWrite{Read: c, Now: d.with(c)}
	verdict := Join
	if why == Lifted {
		verdict = Start
	}
	dec := d.write(verdict, why, c.ID, d.incident(in))
	dec.Did = Joins
	if verdict == Start {
		d.start(&dec, &w, LeadOf(d.View, c))
	} else {
		w.Now = versioned(w.Read, w.Now)
	}
	dec.Change.Cases = append([]CaseWrite{w}, d.leave(c.ID)...)
	return dec
}

// with is the case with the alert in it.
func (d arrival) with(c Case) Case {
	now := c
	now.Joined++
	switch {
	case !d.counted(c):
		now.Firing++
		if key := d.Alert.Incident.String(); key != c.Incident {
			now.Members = withMember(c.Members, d.member())
		}
		if c.Storm != "" {
			now.Services = withService(c.Services, d.Alert.Service())
		}
	case d.Alert.Transition == alert.Renotify:
		if gap := d.Alert.Time.Sub(d.Incident.Fire); gap > 0 && (c.Gap == 0 || gap < c.Gap) {
			now.Gap = gap
		}
	}
	if d.Alert.Time.After(c.Last) {
		now.Last = d.Alert.Time
	}
	if d.rank > c.Severity {
		now.Severity = d.rank
	}
	if soon := d.now.Add(d.hold()); critical(d.rank) && (c.Why == WhyHold || c.Why == WhyStorm) && c.Until.After(soon) {
		now.Until = soon // it must not wait longer with others than it would alone
	}
	if c.Resting && !c.NoRepeat && d.mode != ModeObserve && d.r.InDoubt == RepeatIt && c.Doubts <= MaxRepeats {
		now.Resting = false // something fires again: the tick looks at it once more
	}
	return now
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

// leave counts the incident out of a case that it was counted in and goes away from: one that was refused, rests in
// doubt, was only observed, or waits for another Agent. What can still be started must have the right count.
func (d arrival) leave(to string) []CaseWrite {
	old, there := d.Cases[d.Incident.Case]
	if !there || old.ID == to || !d.Incident.Fires() {
		return nil
	}
	if d.elsewhere(old) {
		return []CaseWrite{d.countedOutOf(old, "its last incident belongs to the Agent "+d.r.Agent+" by now")}
	}
	if old.State != Refused && old.State != InDoubt && !(old.State == Waiting && old.Shadow) {
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

// pass drops an alert that would have been worth something. The incident keeps its times, so that the same alerts leave
// the same incident whenever they come, and the alert is kept, so that it can be started by hand. A cycle that begins
// with it is in no case: what comes of it later must not be taken for a word on the case of an older cycle.
func (d arrival) pass(why Reason) Decision {
	in, own := d.fired(), d.Cases[d.Incident.Case]
	if !d.Incident.Fires() || d.newCycle() && d.over(own) && !d.covers(own, d.r.Window) {
		in.Case = ""
	}
	dec := d.drop(why)
	if d.moved(in) {
		dec.Change.Incident = d.incident(in)
	}
	dec.Change.Lead = &LeadWrite{Case: CaseID(d.Alert), Alert: d.Alert}
	return dec
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
	m := Member{Incident: al.Incident.String(), Title: cut(al.Title, 120), Severity: d.rank, Since: al.Time}
	for i, s := range al.Scope {
		if i > 0 {
			m.Scope += ","
		}
		m.Scope += s
	}
	m.Scope = cut(m.Scope, 120)
	return m
}

// withMember keeps the most severe members, the oldest first among equals.
func withMember(list []Member, m Member) []Member {
	list = slices.DeleteFunc(slices.Clone(list), func(x Member) bool { return x.Incident == m.Incident })
	list = append(list, m)
	slices.SortStableFunc(list, func(x, y Member) int {
		if x.Severity != y.Severity {
			return int(y.Severity - x.Severity)
		}
		return x.Since.Compare(y.Since)
	})
	return list[:min(len(list), MaxMembers)]
}

// withService is the sorted list with one more name in it, as long as there is room.
func withService(list []string, name string) []string {
	name = cut(name, 60)
	i, there := slices.BinarySearch(list, name)
	if there || len(list) >= MaxServices {
		return list
	}
	return slices.Insert(slices.Clone(list), i, name)
}

func (d arrival) drop(why Reason) Decision { return d.write(Drop, why, "", nil) }

// write begins a decision: every verdict is recorded with the delivery.
func (d arrival) write(v Verdict, why Reason, caseID string, in *IncidentWrite) Decision {
	al := d.Alert
	return Decision{Verdict: v, Reason: why, Case: caseID, Change: Change{At: d.now, Incident: in, Delivery: &Delivery{
		ID: al.Delivery, Verdict: v, Reason: why, Case: caseID, Incident: al.Incident.String(),
		Transition: string(al.Transition), Title: cut(al.Title, 200), Time: al.Time, Decided: d.now,
		TraceID: d.TraceID, Agent: d.r.Agent,
	}}}
}

// hold is the time that the alert is given to recover.
func (d arrival) hold() time.Duration {
	switch {
	case !critical(d.rank), d.noData():
		return d.r.Hold
	case d.r.Fresh > 0 && d.now.Sub(d.Alert.Time) > d.r.Fresh:
		return d.r.LateHold // it comes late, and its recovery may be on the way
	}
	return 0
}
