package gate

import (
	"fmt"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// told completes a decision with what people will ask about it: the numbers that decided and where the policy says them,
// what was set by hand, what the decision rested on, and the incident's memory of it.
func (d arrival) told(dec Decision) Decision {
	rec := dec.Change.Delivery
	rec.Because, rec.Hand, rec.Saw = cut(d.because(dec), maxTold), cut(d.touchedBy(dec.Reason), maxTold), d.saw()
	if w := dec.Change.Incident; w != nil {
		m := Mention{Delivery: rec.ID, Time: rec.Time, Transition: rec.Transition, Verdict: rec.Verdict, Reason: rec.Reason}
		recent := append(w.Now.Recent[:len(w.Now.Recent):len(w.Now.Recent)], m)
		w.Now.Recent = recent[max(len(recent)-MaxMentions, 0):]
	}
	return dec
}

// maxTold bounds a line for people, in characters: the name of a grouping key is anybody's text.
const maxTold = 300

// because gives the numbers that decided.
func (d arrival) because(dec Decision) string {
	r := d.r
	switch dec.Reason {
	case NewIncident:
		if dec.Start.Beyond {
			return fmt.Sprintf("critical: goes beyond the budget%s, %d of %d today%s", d.at("budget.dollars_a_month"),
				d.Account.Money.Critical[d.now.UTC().Format(dayFormat)]+1, r.Budget.CriticalPerDay, d.at("critical_per_day"))
		}
		return d.severity()
	case Lifted:
		return d.severity() + "; its case was waiting"
	case FlapStart:
		return fmt.Sprintf("%s within %s%s: one start without a hold", count(r.Flap.Cycles, "cycle"), short(r.Flap.Within), d.at("flap.cycles"))
	case Covered, NotTold:
		return d.joinedBy(dec.Case)
	case InStorm, Storming:
		return fmt.Sprintf("more than %s opened in %s within %s%s", count(r.Storm.Cases, "case"), name(r.Surge), short(r.Storm.Within), d.at("storm.cases"))
	case Holding:
		text := d.severity() + fmt.Sprintf(": held for %s%s", short(d.hold()), d.holdAt())
		if d.Account.closed(d.now) != "" {
			text += "; " + d.closed()
		}
		return text
	case NoSlot:
		return d.taken()
	case OverBudget:
		return d.overBudget()
	case AgentDown, AgentShut:
		return d.closed()
	case Late:
		return "its incident recovered at " + clock(d.Incident.Rec)
	case TooOld:
		return fmt.Sprintf("happened %s ago, and may start for %s%s", short(d.now.Sub(d.Alert.Time)), short(r.MaxAge), d.at("max_age"))
	case IsOwn:
		return "it has the tag " + alert.OwnMark
	case IsTest:
		return "test: " + string(r.OnTest) + d.at("test")
	case IsWarn, IsNoData, NotStarted:
		return "nothing starts on " + string(d.Alert.Transition) + d.at("start_on")
	case IsFlapping:
		return fmt.Sprintf("had its start; over after %s without a new cycle%s", short(r.Flap.Quiet), d.at("flap.quiet"))
	case WouldStart, IsModeOff, OnlyCritical:
		return "mode " + string(d.mode) + d.modeAt()
	}
	return ""
}

func (d arrival) severity() string {
	s := d.rank.String()
	if d.Alert.Priority != "" {
		s = d.Alert.Priority + ", " + s
	}
	if critical(d.rank) {
		s += d.at("critical")
	}
	return s
}

// joinedBy names the grouping key by which the alert came to the case.
func (d arrival) joinedBy(id string) string {
	for _, key := range d.r.Keys {
		if d.Pointers[key.Name] == id {
			return fmt.Sprintf("by %s, for %s%s", key.Name, short(key.For), d.at("group_by"))
		}
	}
	return fmt.Sprintf("by the storm of %s%s", name(d.r.Surge), d.at("storm.cases"))
}

func (d arrival) holdAt() string {
	if critical(d.rank) && !d.noData() {
		return d.at("late_hold")
	}
	return d.at("hold")
}

func (d arrival) taken() string {
	running, crit := 0, 0
	for _, res := range d.Account.Running {
		if res.Until.After(d.now) {
			running++
			if res.Critical {
				crit++
			}
		}
	}
	text := fmt.Sprintf("%d of %s taken", running, count(d.r.slots(), "slot"))
	if kept := d.r.CriticalSlots - crit; kept > 0 && !critical(d.rank) {
		text += fmt.Sprintf(", %d kept for critical cases", kept)
	}
	return text + d.at("slots.total")
}

func (d arrival) overBudget() string {
	m := d.affords(critical(d.rank))
	return fmt.Sprintf("%s of %s spent this month, one costs about %s, possible again at %s%s",
		d.Account.Spent(d.now), d.r.Budget.Month, d.r.Budget.Case, clock(m.until), d.at("budget.dollars_a_month"))
}

// closed says why the Agent cannot be called.
func (d arrival) closed() string {
	if a := d.Account; a.closed(d.now) == WhyAgentShut {
		return "the Agent's door is shut since " + clock(a.Shut.Since) + ": " + a.Shut.Words
	}
	return "the Agent cannot be reached until " + clock(d.Account.Down.Until)
}

func (d arrival) modeAt() string {
	if d.byHand != nil {
		return " (by hand)"
	}
	return d.at("mode")
}

// at says where the policy says it, with a space before; "" where it does not say.
func (d arrival) at(setting string) string {
	if place := d.r.Source[setting]; place != "" {
		return " (" + place + ")"
	}
	return ""
}

// touchedBy says what was set by hand and touched the verdict.
func (d arrival) touchedBy(why Reason) string {
	switch {
	case why == Silenced:
		return "silence " + d.silence.ID + d.silence.Order.String()
	case d.byHand != nil && why != IsRecovery && why != IsTest && why != IsOwn:
		return "mode " + string(d.byHand.Mode) + d.byHand.Order.String()
	}
	return ""
}

// String says who, until when and why, with a space before.
func (o Order) String() string {
	text := " by " + o.By
	if !o.Until.IsZero() {
		text += " until " + clock(o.Until)
	}
	return text + ": " + o.Reason
}

// saw is what the decision rests on, without what no decision reads.
func (d arrival) saw() *Saw {
	v := d.View
	v.Leads, v.Heard, v.Incident.Recent = nil, nil, nil
	v.Cases = make(map[string]Case, len(d.Cases))
	for id, c := range d.Cases {
		c.Members, c.Steps, c.Services, c.Trace, c.Work = nil, nil, nil, "", Work{}
		v.Cases[id] = c
	}
	v.Account.Hand, v.Hand.Silences = Order{}, nil
	if v.Hand.Mode.Mode == "" {
		v.Hand.Mode = ModeOrder{}
	}
	if d.silence != nil {
		v.Hand.Silences = []Silence{*d.silence}
	}
	al := d.Alert
	al.Aggregation, al.Text, al.Snapshot, al.Links, al.Refs, al.Cut, al.Monitor.Query = "", "", "", nil, nil, nil, ""
	return &Saw{Alert: al, View: v, Rules: d.r, Now: d.now}
}

// clock is a time in a text for people. It says UTC: such a text is often read alone, and by somebody who lives elsewhere.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// short is a length of time without what is zero in it: 5m, 1h30m.
func short(d time.Duration) string {
	s := d.Round(time.Second).String()
	for _, tail := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, tail) {
			s = s[:len(s)-2]
		}
	}
	return s
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// name is the environment in a surge's name, for people.
func name(surge string) string {
	if env := Environment(surge); env != "" {
		return env
	}
	return "the environment without a name"
}

// Environment is the environment that a surge, or a storm, is of: what stands behind organisation and Agent in its name.
func Environment(surge string) string {
	parts := strings.SplitN(surge, "/", 3)
	return parts[len(parts)-1]
}
