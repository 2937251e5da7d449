package gate

import (
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// open opens a case of its own, started at once where nothing stands in the way. flaps: its monitor group flaps, and
// this is the one start that flapping is worth.
func (d arrival) open(flaps bool) Decision {
	c := d.newCase()
	hold := d.hold()
	if flaps {
		hold = 0
	}
	money := d.affords(critical(d.rank))
	verdict, why := Wait, Reason("")
	switch closed := d.Account.closed(d.now); {
	case d.mode == ModeObserve:
		c.Shadow, c.Why, why, c.Until = true, WhyHold, WouldStart, d.now.Add(hold)
	case hold > 0: // before the Agent: one that is back sooner does not shorten it
		c.Why, why, c.Until = WhyHold, Holding, d.now.Add(hold)
	case closed == WhyAgentShut:
		c.Why, why = WhyAgentShut, AgentShut
	case closed == WhyAgentDown:
		c.Why, why, c.Until = WhyAgentDown, AgentDown, d.Account.Down.Until
	case !money.now():
		c.Why, why, c.Until = WhyBudget, OverBudget, money.until
	case !d.Account.room(d.r, critical(d.rank), d.now, c.ID):
		c.Why, why = WhySlots, NoSlot
	case flaps:
		verdict, why = Start, FlapStart
	default:
		verdict, why = Start, NewIncident
	}
	return d.opens(c, verdict, why)
}

// openStorm opens the case that collects the storm of its environment. Nothing points to it but the environment.
func (d arrival) openStorm() Decision {
	c := d.newCase()
	c.Storm, c.Services = d.r.Surge, withService(nil, d.Alert.Service())
	c.Why, c.Until = WhyStorm, d.now.Add(d.r.Storm.Within)
	return d.opens(c, Wait, Storming)
}

func (d arrival) newCase() Case {
	al := d.Alert
	return Case{
		ID: CaseID(al), Agent: d.r.Agent, State: Waiting, Opened: d.now, Until: d.now, Severity: d.rank,
		Firing: 1, Last: al.Time, Title: cut(al.Title, 200), Service: cut(al.Service(), 100),
		Incident: al.Incident.String(), TraceID: d.TraceID, Trace: d.Trace, Version: 1,
	}
}

func (d arrival) opens(c Case, verdict Verdict, why Reason) Decision {
	in := d.fired()
	in.Case = c.ID
	dec := d.write(verdict, why, c.ID, d.incident(in))
	dec.Did = Opens
	w := CaseWrite{Now: c, Lead: &d.Alert}
	if verdict == Start {
		d.start(&dec, &w, d.Alert)
		w.Now.Version = 1
		dec.Start.Case = w.Now
		dec.Did = Opens
	} else {
		w.Now = withStep(w.Now, d.now)
	}
	if c.Storm == "" {
		for _, key := range d.r.Keys {
			if !d.takes(key, c) {
				continue
			}
			dec.Change.Pointers = append(dec.Change.Pointers, PointerWrite{Key: key.Name, Read: d.Pointers[key.Name], Now: c.ID})
		}
	}
	dec.Change.Surge = d.surged(c)
	dec.Change.Cases = append([]CaseWrite{w}, d.leave(c.ID)...)
	return dec
}

// takes tells whether the key names the new case from now on. One that is only observed leaves a real one where it is
// found as long as that one covers: what it covers would be paid for once more.
func (d arrival) takes(key Key, c Case) bool {
	named := d.Cases[d.Pointers[key.Name]]
	covers := named.State == Waiting || (named.live() || named.HasStarted()) && d.inWindow(named, key.For)
	return !c.Shadow || named.Shadow || !covers
}

// start claims the start of the case in w, with the money and the slot that it needs.
func (d arrival) start(dec *Decision, w *CaseWrite, lead alert.Alert) {
	w.Now = claim(w.Now, d.r.Followed, d.now)
	cl := claimOf(w.Now, lead, d.Account, d.r, d.now)
	cl.Beyond = d.affords(critical(w.Now.Severity)).beyond
	dec.Did, dec.Start = Starts, &cl
	dec.Change.Account = reserve(d.Account, cl, d.r, d.now)
}

// cycle is the alert's monitor group with the cycle that the alert begins, and whether it begins one. A critical alert
// never flaps, and is not counted.
func (d arrival) cycle() (g Group, begins bool) {
	g = d.Group
	g.Name = d.r.Group
	if d.r.Group == "" || d.r.Flap.Cycles <= 0 || critical(d.rank) {
		return g, false
	}
	at := d.Alert.Time
	if g.Flapping && at.Sub(latest(g.Cycles)) >= d.r.Flap.Quiet {
		g.Flapping, g.Shadow = false, false
	}
	if d.Incident.Fires() && !d.newCycle() || slices.ContainsFunc(g.Cycles, at.Equal) {
		return g, false
	}
	g.Cycles = insert(g.Cycles, at, MaxCycles)
	return g, true
}

// flaps: so many cycles within so long that the alert is worth a start at once.
func (d arrival) flaps(g Group) bool {
	if d.r.Group == "" || d.r.Flap.Cycles <= 0 || critical(d.rank) {
		return false
	}
	return since(g.Cycles, later(latest(g.Cycles), d.Alert.Time).Add(-d.r.Flap.Within)) >= d.r.Flap.Cycles
}

// flapping: the group had its start, and has not been quiet since. One that was only observed is one to what is only
// observed itself.
func (d arrival) flapping(g Group) bool {
	return g.Flapping && (!g.Shadow || d.mode == ModeObserve) && !critical(d.rank)
}

// storming: so many cases were opened in the environment that a further one goes to the storm's; and as long as that one
// goes on collecting, or covers.
func (d arrival) storming() bool {
	if d.r.Surge == "" || d.r.Storm.Cases <= 0 || critical(d.rank) || d.mode == ModeObserve {
		return false
	}
	if since(d.Surge.Opened, d.now.Add(-d.r.Storm.Within)) >= d.r.Storm.Cases {
		return true
	}
	c := d.Cases[d.Surge.Case]
	if c.State == Waiting {
		return d.now.Sub(c.Last) <= d.r.Storm.Within
	}
	return c.Storm != "" && (c.live() || c.HasStarted()) && d.covers(c, d.r.Storm.Join)
}

// surged notes in the environment that a case was opened. A case that is only observed is none.
func (d arrival) surged(c Case) *SurgeWrite {
	if d.r.Surge == "" || d.r.Storm.Cases <= 0 || c.Shadow {
		return nil
	}
	s := d.Surge
	s.Name, s.Version = d.r.Surge, s.Version+1
	if c.Storm != "" {
		s.Case = c.ID
	}
	recent := slices.DeleteFunc(slices.Clone(s.Opened), func(t time.Time) bool { return d.now.Sub(t) > d.r.Storm.Within })
	s.Opened = insert(recent, d.now, MaxOpened)
	return &SurgeWrite{Read: d.Surge.Version, Now: s}
}

// insert puts a time into a sorted list and keeps the latest most.
func insert(list []time.Time, t time.Time, most int) []time.Time {
	i, _ := slices.BinarySearchFunc(list, t, time.Time.Compare)
	list = slices.Insert(slices.Clone(list), i, t)
	return list[max(len(list)-most, 0):]
}

// since counts the times after t.
func since(list []time.Time, t time.Time) int {
	n := 0
	for _, x := range list {
		if x.After(t) {
			n++
		}
	}
	return n
}

// latest of a sorted list; the zero time when it is empty.
func latest(list []time.Time) time.Time {
	if len(list) == 0 {
		return time.Time{}
	}
	return list[len(list)-1]
}
