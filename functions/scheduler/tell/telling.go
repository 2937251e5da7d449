package tell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/answer/words"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// telling is one post on its way: what of it is settled now, and when it is looked at again.
type telling struct {
	*round
	post   gate.Post
	c      gate.Case
	there  bool // the case is in the ledger
	lead   alert.Alert
	rules  gate.Rules
	outage *outage // not nil: it is about an Agent, and about no case

	summary   string
	noSummary string // why there is none
	asked     bool   // it has been asked for
	waits     bool   // it may come yet

	claimed bool  // the post is ours
	lost    bool  // it is not, and nothing is told
	trouble error // the ledger's, because of which it is not
	settled []gate.Told
	failed  bool      // something could not be told
	until   time.Time // it is looked at again, at the earliest
}

// tell tells what has happened, the oldest first and to each target by itself, and notes what became of it. A target that
// could not be told of one thing is not told of the next: what opens an incident comes before what closes it.
func (t *telling) tell(ctx context.Context) error {
	for _, target := range t.Targets {
		for _, h := range t.post.Happened {
			if isSettled(t.post, target.Name, h.Moment) {
				continue
			}
			if !t.time(ctx) {
				return t.note(ctx)
			}
			told, settled := t.one(ctx, target, h)
			if t.lost {
				return t.trouble
			}
			if !settled {
				break
			}
			t.settled = append(t.settled, told)
		}
	}
	return t.note(ctx)
}

// isSettled tells whether it is known what became of a moment at a target.
func isSettled(p gate.Post, target string, m gate.Moment) bool {
	return slices.ContainsFunc(p.Told, func(d gate.Told) bool { return d.Target == target && d.Moment == m })
}

// one tells one moment to one target. It tells false when that stays to be done.
func (t *telling) one(ctx context.Context, target Target, h gate.Happened) (gate.Told, bool) {
	if why := t.immaterial(target, h); why != "" {
		return t.leftOut(ctx, target, h, why), true
	}
	a := t.answer(h)
	if target.Pager && a.Page == answer.NoPage {
		return t.settle(target, h, gate.LeftOut, notForPager), true
	}
	if t.isAway(target, a.Route) {
		return t.putOff(ctx, target, h, answer.Result{End: answer.Later})
	}
	if a.Page != answer.Resolve || !target.Pager {
		t.find(ctx, h)
		if t.waits {
			t.lookAgain(t.began.Add(soon))
			return gate.Told{}, false
		}
		a = t.answer(h)
	}
	return t.deliver(ctx, target, h, a)
}

// deliver sends one answer, and says what became of it. Nothing is sent of a post that is not ours.
func (t *telling) deliver(ctx context.Context, target Target, h gate.Happened, a answer.Answer) (gate.Told, bool) {
	if !t.claim(ctx) {
		return gate.Told{}, false
	}
	res := target.Place.Deliver(ctx, a)
	switch res.End {
	case answer.Delivered:
		t.recordTold(ctx, target, h, a, res)
		return t.settle(target, h, gate.WasTold, ""), true
	case answer.GivenUp:
		t.recordNot(ctx, target, h, gate.GivenUp, res.Why)
		return t.settle(target, h, gate.GivenUp, res.Why.Words), true
	}
	if res.Why.Reason != delivery.Unreadable { // a strange answer may be about this one; all else is about the target, or the route
		d := door{target: target.Name}
		if res.Alone {
			d = door{target.Name, true, a.Route}
		}
		t.leaveAlone(d, res.NotBefore)
	}
	return t.putOff(ctx, target, h, res)
}

// putOff leaves it in the outbox, or gives it up where the target was away for too long. A Result without a reason is
// of a target that was not tried.
func (t *telling) putOff(ctx context.Context, target Target, h gate.Happened, res answer.Result) (gate.Told, bool) {
	tried := res.Why.Reason != ""
	if t.Now().Sub(h.At) >= GiveUpAfter {
		res.Why.Words = fmt.Sprintf("it could not be told for %d hours", int(GiveUpAfter/time.Hour)) + because(res.Why)
		t.recordNot(ctx, target, h, gate.GivenUp, res.Why)
		return t.settle(target, h, gate.GivenUp, res.Why.Words), true
	}
	t.lookAgain(res.NotBefore)
	switch until := t.restOf(target, t.rules.Route); {
	case tried:
		t.failed = true
		t.recordNot(ctx, target, h, later, res.Why)
	case until.After(t.Now()): // it has said when
		t.lookAgain(until)
	default:
		t.failed = true
	}
	return gate.Told{}, false
}

func because(a delivery.Answer) string {
	if a.Words == "" {
		return ""
	}
	return ": " + a.Words
}

func (t *telling) lookAgain(at time.Time) {
	if at.After(t.until) {
		t.until = at
	}
}

func (t *telling) leftOut(ctx context.Context, target Target, h gate.Happened, why string) gate.Told {
	t.recordNot(ctx, target, h, gate.LeftOut, delivery.Answer{Words: why})
	return t.settle(target, h, gate.LeftOut, why)
}

func (t *telling) settle(target Target, h gate.Happened, as gate.ToldAs, why string) gate.Told {
	why, _ = alert.CutEncoded(why, gate.MaxTellWords)
	return gate.Told{Target: target.Name, Moment: h.Moment, As: as, At: t.Now(), Words: why}
}

// notForPager says why most answers are not for the pager.
const notForPager = "it does nothing to the pager"

// immaterial says why a moment does not matter any more, or not at this target; "" when it does.
func (t *telling) immaterial(target Target, h gate.Happened) string {
	if t.outage != nil {
		return t.outage.immaterial(t.post, target, h.Moment)
	}
	c, happened := t.c, t.happened()
	over := c.State == gate.Ended
	switch {
	case !t.there:
		return "its case is not in the ledger any more"
	case (h.Moment == gate.Waits || h.Moment == gate.IsHeld) && c.State != gate.Waiting:
		return "it does not wait any more"
	case h.Moment == gate.WasStarted && !target.Pager && over && t.Now().Sub(h.At) > StartedFor:
		return "its investigation is over"
	case h.Moment == gate.WasRefused && c.State != gate.Refused:
		return "it is not refused any more"
	case h.Moment == gate.WasRefused && (c.Firing == 0 || slices.Contains(happened, gate.HasRecovered)):
		return "nothing of it fires any more"
	case h.Moment == gate.WasMissed && c.Confirmed():
		return "the Agent has shown that it has it"
	case h.Moment == gate.WasMissed && over:
		return "it is over"
	case h.Moment == gate.HasRecovered && c.State != gate.Refused:
		return "it was started after all"
	case !target.Pager && h.Moment != gate.HasEnded && t.events(target) >= MaxEvents-1 && !t.last(h):
		return fmt.Sprintf("it was told %d times already, and the last one is kept for its end", MaxEvents-1)
	case !target.Pager && t.events(target) >= MaxEvents:
		return fmt.Sprintf("it was told %d times already", MaxEvents)
	}
	return ""
}

// last tells of a moment after which no other comes.
func (t *telling) last(h gate.Happened) bool { return h.Moment == gate.WasNot }

// events counts how often a target was told of the case.
func (t *telling) events(target Target) int {
	n := 0
	for _, d := range slices.Concat(t.post.Told, t.settled) {
		if d.Target == target.Name && d.As == gate.WasTold {
			n++
		}
	}
	return n
}

func (t *telling) happened() []gate.Moment {
	var all []gate.Moment
	for _, h := range t.post.Happened {
		all = append(all, h.Moment)
	}
	return all
}

func (t *telling) answer(h gate.Happened) answer.Answer {
	if t.outage != nil {
		return t.outage.answer(h.Moment, t.Now())
	}
	return words.Of(words.Telling{
		Case: t.c, Lead: t.lead, Rules: t.rules, Moment: h.Moment, At: h.At, Happened: t.happened(),
		Summary: t.summary, NoSummary: t.noSummary, Now: t.Now(),
	})
}

// find reads what the Agent has found, once for all targets, where the investigation came to its end.
func (t *telling) find(ctx context.Context, h gate.Happened) {
	w := t.c.Work.Telling()
	space, followed := t.Spaces[t.post.Agent]
	if t.asked || h.Moment != gate.HasEnded || t.c.How != gate.EndCompleted || w == nil || w.Execution.Value == "" || !followed || t.Summaries == nil {
		return
	}
	t.asked = true
	var err error
	if t.silent {
		err = delivery.APIUnavailable
	} else {
		t.summary, err = t.ask(ctx, space, w.Execution.Value, w.Summary.Value)
	}
	if err == nil {
		return
	}
	fault := delivery.APIUnreadable
	errors.As(err, &fault)
	t.silent = t.silent || fault.Passes() || fault == delivery.APIDenied
	t.noSummary = string(fault)
	t.waits = (fault.Passes() || fault == delivery.APIGone || fault == delivery.APIDenied) && t.Now().Sub(h.At) < SummaryWait
}

func (t *telling) ask(ctx context.Context, space, execution, record string) (string, error) {
	ctx, cancel := clock.WithTimeout(ctx, SummaryTime)
	defer cancel()
	return t.Summaries.Summary(ctx, space, execution, record)
}
