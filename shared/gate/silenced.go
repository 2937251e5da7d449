package gate

import (
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Heard is an incident with the latest notification of it that says it fires, as its record has kept that.
type Heard struct {
	Incident Incident
	Alert    alert.Alert
}

// Asks names the incidents of which Due must hear (View.Heard) before it can take a case as silenced. It is none but in
// the rare case that a silence mutes the alert that opened the case, and more is in it than that: the silence may say
// nothing about what has joined. Where nothing is heard of one, Due takes it as not silenced.
func Asks(v View, caseID string, r Rules, now time.Time) []string {
	d := due{View: v, c: v.Cases[caseID], r: r, now: now}
	if s := d.c.State; s != Waiting && s != InDoubt || d.byHand() || d.leadSilenced() == nil || d.alone() {
		return nil
	}
	return d.known()
}

// silenced is the silence by which the case ends: the one that mutes the alert which opened it, if everything else in it
// that still fires is silenced too, by whichever silence. A case counts the incidents that fire, and knows a bounded
// number of them by name: so it is enough that as many as it counts are known to fire and to be silenced. A single one
// that is not, or that nothing is known of, keeps the case.
func (d due) silenced() *Silence {
	s := d.leadSilenced()
	if s == nil || d.alone() {
		return s
	}
	n := 0
	for _, id := range d.known() {
		h, there := d.Heard[id]
		switch {
		case !there, h.Incident.Case != d.c.ID, !h.Incident.Fires():
		case d.Hand.silences(h.Alert, d.now) == nil:
			return nil
		default:
			n++
		}
	}
	if n < d.c.Firing {
		return nil
	}
	return s
}

// leadSilenced is the silence that mutes the alert which opened the case. A storm's case is about more than that one, and
// nobody knows about how much.
func (d due) leadSilenced() *Silence {
	if len(d.Hand.Silences) == 0 || d.c.Storm != "" {
		return nil
	}
	return d.Hand.silences(LeadOf(d.View, d.c), d.now)
}

// alone: nothing is in the case but the incident that opened it, and that has become no worse since.
func (d due) alone() bool {
	return len(d.c.Members) == 0 && d.c.Firing <= 1 && d.c.Severity <= d.r.Ranks(LeadOf(d.View, d.c))
}

// known are the incidents that the case knows by name.
func (d due) known() []string {
	list, _ := d.c.Incidents()
	return list
}

// Incidents are those that the case knows by name, by Incident.String: the one that opened it, and what has joined as long
// as the Agent could be told of it. all is false where there may have been more of these than it keeps.
func (c Case) Incidents() (list []string, all bool) {
	list = []string{c.Incident}
	for _, m := range c.Members {
		if !slices.Contains(list, m.Incident) {
			list = append(list, m.Incident)
		}
	}
	return list, len(c.Members) < MaxMembers
}
