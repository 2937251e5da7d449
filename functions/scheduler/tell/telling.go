package tell

import (
	"cmp"
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
	"github.com/alertbridge/alertbridge/shared/ledger"
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

	findings map[gate.Moment]finding // what the Agent's journal has for a moment, where it was asked for

	fires    firing    // whether anything that the case is about fires
	here     firing    // and has gone to no other case
	unread   error     // why that could not be read
	watching time.Time // an incident may be open at the pager, or come to be: it is looked at again then; zero: no

	fresh []fresh // what was found here to have happened

	claimed bool  // the post is ours
	lost    bool  // it is not, and nothing is told
	trouble error // the ledger's, because of which it is not
	settled []gate.Told
	late    []gate.Told // the targets that failed
	failed  bool        // something could not be told
	until   time.Time   // it is looked at again, at the earliest
}

// finding is what the Agent's journal has for one moment.
type finding struct {
	text  string
	none  string // why there is none
	waits bool   // it may come yet
}

// tell tells what has happened, the oldest first and to each target by itself, and notes what became of it. A target that
// could not be told of one thing is not told of the next: what opens an incident comes before what closes it.
func (t *telling) tell(ctx context.Context) error {
	t.reopen(ctx)
	t.each(ctx)
	if !t.lost {
		t.watch(ctx)
	}
	if t.lost {
		return errors.Join(t.trouble, t.unread)
	}
	return errors.Join(t.note(ctx), t.unread)
}

// reopen: what was left out as nothing fired, or as it had come to nothing, has come once more where that is so no longer. Who was
// told of it is not told again.
func (t *telling) reopen(ctx context.Context) {
	for _, h := range slices.Clone(t.post.Happened) {
		if slices.ContainsFunc(t.Targets, func(target Target) bool { return t.isBack(ctx, target, h) }) {
			t.comes(h.Moment)
		}
	}
}

// isBack tells whether a moment that was left out at a target matters there after all.
func (t *telling) isBack(ctx context.Context, target Target, h gate.Happened) bool {
	d := toldOf(t.post, target.Name, h.Moment)
	switch {
	case !isLeft(d):
		return false
	case h.Moment == gate.IsDoubtful:
	case h.Moment == gate.EndedAgain && d.Words == toNothing:
	case t.mayWake(ctx, target, h) && t.firesHere(ctx) && t.unread == nil:
	default:
		return false
	}
	return t.pointless(ctx, target, h) == ""
}

// mayWake tells whether people were not woken for what has failed, or was never confirmed, as nothing of it fired, and are to be
// when something does that belongs to the same case. What has come to a cause meanwhile wakes nobody.
func (t *telling) mayWake(ctx context.Context, target Target, h gate.Happened) bool {
	now := t.now()
	d := toldOf(now, target.Name, h.Moment)
	switch {
	case !target.Pager || !isLeft(d) || d.Words != nothingFires || t.c.State != gate.Started && t.c.State != gate.Ended:
		return false
	case h.Moment == gate.HasEnded && toldOf(now, target.Name, gate.EndedAgain).As == gate.WasTold:
		return false
	case h.Moment != gate.WasMissed && h.Moment != gate.HasEnded || t.answer(h).Page != answer.Trigger:
		return false
	}
	why := t.pointless(ctx, target, h)
	return why == "" || why == nothingFires
}

func isLeft(d gate.Told) bool { return d.As == gate.LeftOut || d.As == gate.LeftTried }

// mayCome tells whether what was left out may be told after all.
func mayCome(d gate.Told) bool {
	return isLeft(d) && (d.Moment == gate.IsDoubtful || d.Words == nothingFires || d.Words == toNothing)
}

// fresh is a moment that was found here to have come, or to have come once more.
type fresh struct {
	gate.Happened
	before time.Time // when it had come before; zero: never
}

// comes says that a moment has come now, after all that has come before.
func (t *telling) comes(m gate.Moment) {
	f := fresh{Happened: gate.Happened{Moment: m, At: ledger.Moment(t.Now())}}
	for _, h := range t.post.Happened {
		f.At = latest(f.At, h.At.Add(time.Millisecond))
		if h.Moment == m {
			f.before = h.At
		}
	}
	t.fresh = append(t.fresh, f)
	t.settled = slices.DeleteFunc(t.settled, func(d gate.Told) bool { return d.Moment == m })
	t.post = t.withFresh(t.post)
}

// withFresh is a post with what was found here to have happened. What has come once more is to be told as if it never had,
// where people do not know of it. What another tick has found meanwhile stays as that one has noted it.
func (t *telling) withFresh(p gate.Post) gate.Post {
	p.Happened, p.Told, p.Late = slices.Clone(p.Happened), slices.Clone(p.Told), slices.Clone(p.Late)
	for _, f := range t.fresh {
		i := slices.IndexFunc(p.Happened, func(h gate.Happened) bool { return h.Moment == f.Moment })
		switch {
		case i < 0 && f.before.IsZero():
		case i >= 0 && p.Happened[i].At.Equal(f.before):
			p.Happened = slices.Delete(p.Happened, i, i+1)
			p = forgotten(p, f.Moment)
		default:
			continue
		}
		p.Happened = append(p.Happened, f.Happened)
	}
	return p
}

// forgotten is a post without what became of a moment. But for the last recovery it is the same trouble as before: only what was
// left out for what is so no longer is forgotten, and not that a try may have arrived.
func forgotten(p gate.Post, m gate.Moment) gate.Post {
	var kept, late []gate.Told
	for _, d := range p.Told {
		switch {
		case d.Moment != m || m != gate.RecoverAgain && !mayCome(d):
			kept = append(kept, d)
		case d.As == gate.LeftTried:
			late = append(late, gate.Told{Target: d.Target, Moment: m, At: d.At, Words: d.Words})
		}
	}
	p.Told, p.Late = kept, append(late, p.Late...)
	return p
}

func (t *telling) each(ctx context.Context) {
	for _, target := range t.Targets {
		for _, h := range t.post.Happened {
			if t.hasFailed(target) { // it is asked once in a telling
				break
			}
			if isSettled(t.post, target.Name, h.Moment) || slices.ContainsFunc(t.settled, settles(target.Name, h.Moment)) {
				continue
			}
			if !t.time(ctx) {
				return
			}
			told, settled := t.one(ctx, target, h)
			if t.lost {
				return
			}
			if !settled {
				break
			}
			t.settled = append(t.settled, told)
		}
	}
}

func (t *telling) hasFailed(target Target) bool {
	return slices.ContainsFunc(t.late, func(d gate.Told) bool { return d.Target == target.Name })
}

// isSettled tells whether it is known what became of a moment at a target.
func isSettled(p gate.Post, target string, m gate.Moment) bool {
	return slices.ContainsFunc(p.Told, settles(target, m))
}

func settles(target string, m gate.Moment) func(gate.Told) bool {
	return func(d gate.Told) bool { return d.Target == target && d.Moment == m }
}

// one tells one moment to one target. It tells false when that stays to be done.
func (t *telling) one(ctx context.Context, target Target, h gate.Happened) (gate.Told, bool) {
	switch why := t.pointless(ctx, target, h); why {
	case "":
	case notForPager:
		return t.settle(target, h, gate.LeftOut, why), true
	case firesAgain:
		if t.unread != nil { // nobody knows
			t.lookAgain(t.began.Add(soon))
			return gate.Told{}, false
		}
		return t.leftOut(ctx, target, h, why), true
	default:
		return t.leftOut(ctx, target, h, why), true
	}
	if t.isAway(target, t.answer(h).Route) {
		return t.putOff(ctx, target, h, answer.Result{End: answer.Later})
	}
	t.find(ctx, h)
	if t.findings[h.Moment].waits {
		t.lookAgain(t.began.Add(soon))
		return gate.Told{}, false
	}
	return t.deliver(ctx, target, h, t.answer(h))
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
		t.late = append(t.late, lateAt(target, h, res.Why, t.Now()))
		t.recordNot(ctx, target, h, later, res.Why)
	case until.After(t.Now()): // it has said when
		t.lookAgain(until)
	default:
		t.failed = true
	}
	return gate.Told{}, false
}

// lateAt is what the post says of a target that failed.
func lateAt(target Target, h gate.Happened, why delivery.Answer, at time.Time) gate.Told {
	words, _ := alert.CutEncoded(cmp.Or(why.Words, string(why.Reason)), gate.MaxTellWords)
	return gate.Told{Target: target.Name, Moment: h.Moment, At: at, Words: words}
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
	as := gate.LeftOut
	if target.Pager && t.opens(h.Moment) && t.tried(target, h.Moment) {
		as = gate.LeftTried // an incident may be open by it
	}
	t.recordNot(ctx, target, h, as, delivery.Answer{Words: why})
	return t.settle(target, h, as, why)
}

// tried tells whether a target may have been told of a moment before, without our knowledge.
func (t *telling) tried(target Target, m gate.Moment) bool {
	return t.post.Tries > 0 || slices.ContainsFunc(t.post.Late, settles(target.Name, m))
}

func (t *telling) settle(target Target, h gate.Happened, as gate.ToldAs, why string) gate.Told {
	why, _ = alert.CutEncoded(why, gate.MaxTellWords)
	return gate.Told{Target: target.Name, Moment: h.Moment, As: as, At: t.Now(), Words: why}
}

// notForPager says why most answers are not for the pager.
const notForPager = "it does nothing to the pager"

// What is left out for one of these is to be told after all where it is so no longer.
const (
	nothingFires = "nothing of it fires any more"
	toNothing    = "it has come to nothing after all"
)

// firesAgain says why nobody is told of a recovery.
const firesAgain = "something of it fires again"

// pointless says why a moment is not to be told at this target; "" when it is.
func (t *telling) pointless(ctx context.Context, target Target, h gate.Happened) string {
	if why := t.immaterial(ctx, target, h); why != "" || !target.Pager {
		return why
	}
	switch t.answer(h).Page {
	case answer.NoPage:
		return notForPager
	case answer.Trigger:
		if t.there && !t.firing(ctx) { // by name: the case counts a start by hand as something that fires
			return nothingFires
		}
	}
	return ""
}

// immaterial says why a moment does not matter any more, or not at this target; "" when it does.
func (t *telling) immaterial(ctx context.Context, target Target, h gate.Happened) string {
	if t.outage != nil {
		return t.outage.immaterial(t.post, target, h.Moment)
	}
	c, happened := t.c, t.happened()
	over := c.State == gate.Ended
	recovers := isRecovery(h.Moment)
	switch {
	case !t.there:
		return "its case is not in the ledger any more"
	case (h.Moment == gate.Waits || h.Moment == gate.IsHeld) && c.State != gate.Waiting:
		return "it does not wait any more"
	case h.Moment == gate.WasStarted && !target.Pager && over && t.Now().Sub(h.At) > StartedFor:
		return "its investigation is over"
	case h.Moment == gate.WasRefused && c.State != gate.Refused:
		return "it is not refused any more"
	case h.Moment == gate.IsDoubtful && !c.LeftInDoubt():
		return "it is not left in doubt any more"
	case (h.Moment == gate.WasRefused || h.Moment == gate.IsDoubtful) && c.Firing == 0:
		return nothingFires
	case h.Moment == gate.WasMissed && c.Confirmed():
		return "the Agent has shown that it has it"
	case h.Moment == gate.WasMissed && over:
		return "it is over"
	case h.Moment == gate.WasPlanned && c.How != gate.EndCompleted:
		return "its investigation was taken up again and found nothing"
	case recovers && (c.State == gate.Waiting || c.State == gate.Starting || c.HasStarted() && answered(c) && !t.isOpen(target)):
		return "it was started after all"
	case recovers && t.firesHere(ctx):
		return firesAgain
	case h.Moment == gate.WasNot && c.State != gate.Ended && c.State != gate.Refused:
		return "it was started after all"
	case recovers && slices.Contains(happened, gate.WasNot) && c.State == gate.Refused && !t.isOpen(target):
		return "it was stopped by hand"
	case recovers && !target.Pager && (h.Moment == gate.RecoverAgain || c.State != gate.Refused && c.State != gate.InDoubt):
		return "where every answer is shown, the alert's own recovery is"
	case h.Moment == gate.EndedAgain && c.Answer() == 0:
		return toNothing
	case h.Moment == gate.EndedAgain && t.toldNow(target, gate.HasEnded):
		return "its end was told as it stands now"
	case !target.Pager && h.Moment != gate.HasEnded && h.Moment != gate.EndedAgain && t.events(target) >= MaxEvents-1 && !t.last(h):
		return fmt.Sprintf("it was told %d times already, and the last one is kept for its end", MaxEvents-1)
	case !target.Pager && t.events(target) >= MaxEvents:
		return fmt.Sprintf("it was told %d times already", MaxEvents)
	}
	return ""
}

// toldNow: the target was told of the moment in this very telling, and so by the case as it is. What was told before may be
// of an earlier reading.
func (t *telling) toldNow(target Target, m gate.Moment) bool {
	return slices.ContainsFunc(t.settled, func(d gate.Told) bool { return settles(target.Name, m)(d) && d.As == gate.WasTold })
}

// answered: its investigation came to something, which says more than that it recovered.
func answered(c gate.Case) bool {
	return c.Answer() > 0 || c.How == gate.EndSkipped
}

// last tells of a moment after which no other comes but, at most, another such: the end was told before a plan is. What was
// stopped by hand can be started by hand again.
func (t *telling) last(h gate.Happened) bool {
	return h.Moment == gate.WasNot && t.c.State == gate.Ended || h.Moment == gate.WasPlanned
}

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
		Summary: t.findings[h.Moment].text, NoSummary: t.findings[h.Moment].none, Page: t.page(), Now: t.Now(),
	})
}

// page is the Agent's own page of the case, "" as long as no task of it is known.
func (t *telling) page() string {
	w := t.c.Work.Telling()
	if w == nil {
		return ""
	}
	return t.Page.Of(t.Spaces[t.post.Agent], w.ID)
}

// find reads, once for all targets, what the Agent has found where the investigation came to its end, and what it plans.
func (t *telling) find(ctx context.Context, h gate.Happened) {
	space, followed := t.Spaces[t.post.Agent]
	ask := t.asks(space, h.Moment)
	if _, asked := t.findings[h.Moment]; asked || ask == nil || !followed || t.Summaries == nil {
		return
	}
	f, err := finding{}, error(delivery.APIUnavailable)
	if !t.silent {
		ctx, cancel := clock.WithTimeout(ctx, SummaryTime)
		f.text, err = ask(ctx)
		cancel()
	}
	if err != nil {
		fault := delivery.APIUnreadable
		errors.As(err, &fault)
		t.silent = t.silent || fault.Passes() || fault == delivery.APIDenied
		f.none = string(fault)
		f.waits = (fault.Passes() || fault == delivery.APIGone || fault == delivery.APIDenied) && t.Now().Sub(h.At) < SummaryWait
	}
	if t.findings == nil {
		t.findings = map[gate.Moment]finding{}
	}
	t.findings[h.Moment] = f
}

// waits tells whether something that was asked for may come yet.
func (t *telling) waits() bool {
	for _, f := range t.findings {
		if f.waits {
			return true
		}
	}
	return false
}

// asks is the question that a moment wants answered, nil for none.
func (t *telling) asks(space string, m gate.Moment) func(context.Context) (string, error) {
	if t.c.How != gate.EndCompleted {
		return nil
	}
	switch m {
	case gate.HasEnded, gate.EndedAgain:
		w := t.c.Work.Telling()
		if w == nil {
			return nil
		}
		execution := cmp.Or(w.Found.Value, w.Execution.Value)
		if execution == "" {
			return nil
		}
		return func(ctx context.Context) (string, error) {
			return t.Summaries.Summary(ctx, space, execution, w.Summary.Value)
		}
	case gate.WasPlanned:
		w := t.c.Work.Plan()
		if w == nil {
			return nil
		}
		return func(ctx context.Context) (string, error) {
			return t.Summaries.Plan(ctx, space, w.ID, w.Plan.Execution.Value, w.Plan.Summary.Value)
		}
	}
	return nil
}
