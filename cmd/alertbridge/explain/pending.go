package explain

import (
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// pending asks the gate what a tick would do at now with a case that waits, and then with one thing changed at a time: so
// it tells what stands between the case and its start. An alert's own verdict says nothing of that any more once it was
// held. The rules are those of the policy at hand, as the tick's are, else those that its alert was decided by; without
// either nothing is asked.
//
// A verdict of Next and the others is start, wait with what it waits for, or end with how it ends.
func pending(f Facts, c gate.Case) (next *Other, others []Other) {
	v, there := f.Views[c.ID]
	r, known := rulesOf(f, c)
	if !there || !known || c.State != gate.Waiting {
		return nil, nil
	}
	is := tick(waits{v, c, r}, f.Now)
	for _, w := range inTheWay(waits{v, c, r}, f.Now) {
		got := tick(w.waits, f.Now)
		if got.Verdict == is.Verdict && got.Reason == is.Reason {
			continue
		}
		i := slices.IndexFunc(others, func(o Other) bool { return o.Verdict == got.Verdict && o.Reason == got.Reason })
		if i < 0 {
			i = len(others)
			others = append(others, got)
		}
		others[i].If = append(others[i].If, w.words)
	}
	return &is, others
}

// rulesOf are the rules that a tick goes by.
func rulesOf(f Facts, c gate.Case) (gate.Rules, bool) {
	lead, kept := f.Leads[c.ID]
	if f.Policy != nil && kept {
		return f.Policy.For(lead), true
	}
	if d, there := f.Deliveries[lead.Delivery]; there && d.Saw != nil {
		return d.Saw.Rules, true
	}
	return gate.Rules{}, false
}

// waits is what a tick decides on.
type waits struct {
	v gate.View
	c gate.Case
	r gate.Rules
}

func tick(w waits, now time.Time) Other {
	v := w.v
	v.Cases = map[string]gate.Case{w.c.ID: w.c}
	d := gate.Due(v, w.c.ID, w.r, now)
	is := w.c
	if len(d.Change.Cases) > 0 {
		is = d.Change.Cases[0].Now
	}
	switch is.State {
	case gate.Starting:
		return Other{Verdict: string(gate.Start)}
	case gate.Ended:
		return Other{Verdict: "end", Reason: string(is.How)}
	}
	return Other{Verdict: string(gate.Wait), Reason: string(is.Why)}
}

type inWay struct {
	words string
	waits
}

// inTheWay takes away, one at a time, what can keep a case waiting. None of it touches what w holds.
func inTheWay(w waits, now time.Time) (list []inWay) {
	add := func(words string, change func(*waits)) {
		c := w
		change(&c)
		list = append(list, inWay{words, c})
	}
	if w.c.Until.After(now) && (w.c.Why == gate.WhyHold || w.c.Why == gate.WhyStorm) {
		add("its time to wait were over", func(w *waits) { w.c.Until = now })
	}
	add("there were money enough", func(w *waits) { w.r.Budget.Month = 0 })
	add("all slots were free", func(w *waits) { w.v.Account.Running = freed(w.v.Account.Running, now) })
	add("the Agent could be called", func(w *waits) { w.v.Account.Shut, w.v.Account.Down = gate.Shut{}, gate.Down{} })
	add("nothing silenced it", func(w *waits) { w.v.Hand.Silences = nil })
	add("the mode were full", func(w *waits) { w.r.Mode, w.v.Hand.Mode = gate.ModeFull, gate.ModeOrder{} })
	if w.c.Hand == (gate.Order{}) && !w.c.Shadow {
		add("it were started by hand", func(w *waits) { w.c.Hand, w.c.Until = gate.Order{By: "somebody"}, now })
	}
	return list
}

// freed are the reservations without the slots that they hold; their money stays.
func freed(running map[string]gate.Reservation, now time.Time) map[string]gate.Reservation {
	free := make(map[string]gate.Reservation, len(running))
	for id, r := range running {
		r.Until = now
		free[id] = r
	}
	return free
}
