package verify

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// start opens one investigation and follows it. What was sent is taken back in the end, whatever became of it and also
// when the command is told to end: an incident that never recovers would cover the next one.
func (r *run) start(ctx context.Context) {
	if !r.report.OK {
		r.say(Step{Step: Started, Result: NotChecked, Saw: "nothing was started: mend first what is wrong above"}, r.Now())
		return
	}
	began := r.Now()
	taken, ok := r.sends(ctx, FrontDoor, "an alert that starts", r.real())
	if !ok {
		return
	}
	r.report.Start = &Investigation{Delivery: taken.Delivery}
	followed := r.starts(ctx, taken, began) && r.confirms(ctx)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
	r.sends(last, Recovery, "its recovery", r.recovered())
	cancel()
	if followed && r.Wait > 0 && ctx.Err() == nil {
		r.end(ctx)
	}
}

// starts follows the alert, which was sent then, to the start of its case.
func (r *run) starts(ctx context.Context, taken Taken, began time.Time) bool {
	v, err := r.decided(ctx, taken)
	if err != nil || v.Verdict == "" {
		r.say(undecided(Started, taken, v, err, r.VerdictTime), began)
		return false
	}
	r.report.Start.Case = v.Case
	held := v.Verdict == string(gate.Wait) && v.Reason == string(gate.Holding)
	if v.Verdict != string(gate.Start) && !held {
		r.say(Step{
			Step: Started, Result: Failed, Saw: fmt.Sprintf("the verdict is %s, %s: nothing was started", v.Verdict, v.Reason),
			Mend: unstarted(gate.Reason(v.Reason)) + "; why is told by alertbridge explain " + taken.Delivery,
		}, began)
		return false
	}
	c, err := r.look(ctx)
	patience := r.VerdictTime
	if held { // by the policy; the tick comes within a minute after that
		patience += max(c.Until.Sub(r.Now()), 0)
	}
	settled := r.until(ctx, patience, func() bool {
		c, err = r.look(ctx)
		return err != nil || c.State != string(gate.Waiting) && c.State != string(gate.Starting)
	})
	switch {
	case err != nil:
		r.say(Step{Step: Started, Result: Failed, Saw: "case " + v.Case + " cannot be read: " + err.Error()}, began)
		return false
	case settled && (c.State == string(gate.Started) || c.State == string(gate.Ended) && c.Investigation != nil):
		r.say(Step{Step: Started, Result: OK, Saw: "case " + c.ID + ": the Agent has taken it"}, began)
		return true
	}
	r.say(Step{
		Step: Started, Result: Failed, Saw: fmt.Sprintf("case %s is %s: %s", c.ID, c.State, cmp.Or(c.Note, c.Why, "nobody says why")),
		Mend: "tell why with alertbridge explain " + c.ID,
	}, began)
	return false
}

// unstarted says what to do about a verdict that starts nothing.
func unstarted(why gate.Reason) string {
	switch why {
	case gate.WouldStart, gate.IsModeOff, gate.OnlyCritical:
		return "the mode keeps it: name with --tags such tags as the policy starts by; if the mode is set by hand, alertbridge status shows it"
	case gate.Silenced:
		return "a silence mutes it: see alertbridge silence list"
	case gate.NoSlot, gate.OverBudget:
		return "what runs or was spent keeps it: see alertbridge status, and try again later"
	case gate.AgentShut, gate.AgentDown:
		return "the bridge cannot call the Agent: see alertbridge status; when that is mended, alertbridge retry --reason verification"
	case gate.Covered, gate.InStorm, gate.Storming, gate.NotTold:
		return "another case covers it: try again later"
	}
	return "the policy does not start it at once"
}

// look reads the case, and keeps what is known of it.
func (r *run) look(ctx context.Context) (caseview.Case, error) {
	s := r.report.Start
	c, err := r.Ledger.Case(ctx, s.Case)
	if err != nil {
		return c, err
	}
	s.State, s.How = c.State, c.How
	if v := c.Investigation; v != nil {
		s.Task, s.Status, s.Ran, s.Dollars = v.Task, v.Status, v.Ran, v.Dollars
	}
	return c, nil
}

// confirms waits until the Agent itself shows the investigation.
func (r *run) confirms(ctx context.Context) bool {
	began, id := r.Now(), r.report.Start.Case
	var (
		c   caseview.Case
		err error
	)
	shown := func() bool { return c.Investigation != nil && c.Investigation.Confirmed }
	r.until(ctx, r.ConfirmTime, func() bool {
		c, err = r.look(ctx)
		return err != nil || c.Investigation == nil || shown()
	})
	switch {
	case err != nil:
		r.say(Step{Step: Confirmed, Result: Failed, Saw: "case " + id + " cannot be read: " + err.Error()}, began)
	case c.Investigation == nil:
		r.say(Step{
			Step: Confirmed, Result: NotChecked, Saw: "it cannot be seen: the Agent's work is not followed",
			Mend: "look at the Agent for an investigation of incident " + id,
		}, began)
	case shown():
		r.say(Step{Step: Confirmed, Result: OK, Saw: fmt.Sprintf("the Agent has it: task %s is %s", c.Investigation.Task, c.Investigation.Status)}, began)
		return true
	case ctx.Err() != nil:
		r.say(Step{Step: Confirmed, Result: NotChecked, Saw: "it was told to end before the Agent showed it", Mend: "look later with alertbridge cases show " + id}, began)
	default:
		r.say(Step{
			Step: Confirmed, Result: Failed, Saw: fmt.Sprintf("the Agent took it, and shows no task of it within %s", r.ConfirmTime),
			Mend: "look at the Agent for incident " + id + ", at the log of outcome, and whether its events reach the stack",
		}, began)
	}
	return false
}

// end waits for the end of the investigation.
func (r *run) end(ctx context.Context) {
	began, id := r.Now(), r.report.Start.Case
	var (
		c   caseview.Case
		err error
	)
	over := r.until(ctx, r.Wait, func() bool {
		c, err = r.look(ctx)
		return err != nil || c.State == string(gate.Ended)
	})
	switch {
	case err != nil:
		r.say(Step{Step: End, Result: Failed, Saw: "case " + id + " cannot be read: " + err.Error()}, began)
	case !over:
		r.say(Step{
			Step: End, Result: NotChecked, Saw: "it is not over within " + r.Wait.Round(time.Second).String(),
			Mend: "it runs on, and is paid for: look with alertbridge cases show " + id,
		}, began)
	default:
		saw := c.How
		if v := c.Investigation; v != nil && v.Cost() != "" {
			saw += ", " + v.Cost()
		}
		r.say(ended(gate.How(c.How), saw), began)
	}
}

// ended judges an end: one that is linked or skipped is triage's, and the set-up has done its part.
func ended(how gate.How, saw string) Step {
	s := Step{Step: End, Result: OK, Saw: saw}
	switch how {
	case gate.EndCompleted, gate.EndLinked, gate.EndSkipped:
	case gate.EndCancelled:
		s.Result, s.Mend = Failed, "the Agent cancels when the month's hours are used up; else somebody has"
	default:
		s.Result, s.Mend = Failed, "look at the Agent for what went wrong"
	}
	return s
}
