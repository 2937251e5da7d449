package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// door sends the test and follows it to its verdict, which took the time from the sending on.
func (r *run) door(ctx context.Context) {
	began := r.Now()
	if r.TestsStart {
		const saw = "the policy lets test notifications start, so none is sent"
		if !r.Start {
			r.say(Step{Step: FrontDoor, Result: NotChecked, Saw: saw, Mend: "with --start an alert is sent all the same, and paid for"}, began)
			return
		}
		r.say(Step{Step: FrontDoor, Result: NotChecked, Saw: saw + "; the alert below goes the same way"}, began)
		return
	}
	taken, ok := r.sends(ctx, FrontDoor, "a marked test", r.test())
	if !ok {
		r.say(Step{Step: TestGiven, Result: NotChecked, Saw: "there is nothing to decide about"}, r.Now())
		return
	}
	v, err := r.decided(ctx, taken)
	switch {
	case err != nil || v.Verdict == "":
		r.say(undecided(TestGiven, taken, v, err, r.VerdictTime), began)
	case v.Verdict == string(gate.Drop) && v.Reason == string(gate.IsTest):
		r.say(Step{Step: TestGiven, Result: OK, Saw: "drop, test: it is on record, and nothing was started for it"}, began)
	case r.Local && v.Case != "":
		r.say(Step{Step: TestGiven, Result: OK, Saw: fmt.Sprintf("%s, %s: the run's policy lets test notifications start; a stand-in answers, and nothing costs anything", v.Verdict, v.Reason)}, began)
	case v.Verdict == string(gate.Drop):
		r.say(Step{
			Step: TestGiven, Result: Failed, Saw: fmt.Sprintf("drop, %s, where drop, test was expected", v.Reason),
			Mend: "why is told by alertbridge explain " + taken.Delivery,
		}, began)
	default:
		r.say(Step{
			Step: TestGiven, Result: Failed, Saw: fmt.Sprintf("%s, %s, in case %s: the deployed policy lets test notifications start, and this one does not", v.Verdict, v.Reason, v.Case),
			Mend: "an investigation may run and be paid for: alertbridge stop " + v.Case + " --reason verification, and stop it at the Agent; then name the deployed policy with --policy",
		}, began)
	}
}

// sends sends a delivery, and says what became of it.
func (r *run) sends(ctx context.Context, step, what string, body []byte) (Taken, bool) {
	began := r.Now()
	taken := r.Send(ctx, body)
	if taken.Delivery == "" || taken.Status < 200 || taken.Status > 299 {
		r.say(Step{Step: step, Result: Failed, Saw: refusal(taken), Mend: atTheDoor(taken.Status)}, began)
		return taken, false
	}
	r.say(Step{Step: step, Result: OK, Saw: fmt.Sprintf("%d for %s, delivery %s", taken.Status, what, taken.Delivery)}, began)
	return taken, true
}

func refusal(t Taken) string {
	if t.Status == 0 {
		return t.Words
	}
	return fmt.Sprintf("%d: %s", t.Status, t.Words)
}

// atTheDoor says what to do about an answer of the front door.
func atTheDoor(status int) string {
	switch {
	case status == 0:
		return "compare --url with the stack's output WebhookUrl"
	case status == 401 || status == 403:
		return "the token is not the one in force: the stack's output ShowIngestToken prints that; put it into ALERTBRIDGE_TOKEN, and into Datadog's webhook"
	case status == 503:
		return "the bridge cannot read its own token: look at the log of ingest, and whether the secret of the stack's output IngestTokenArn has a value"
	case status >= 500:
		return "look at the log of ingest: the queue, or ingest itself, is in trouble"
	case status == 404:
		return "there is no front door at this address: compare --url with the stack's output WebhookUrl"
	}
	return "look at the log of ingest; the test is one that every bridge of this version takes"
}

// decided waits for the verdict on a delivery.
func (r *run) decided(ctx context.Context, taken Taken) (Verdict, error) {
	var (
		v   Verdict
		err error
	)
	r.until(ctx, r.VerdictTime, func() bool {
		v, err = r.Ledger.Verdict(ctx, taken.Delivery, taken.Request)
		return err != nil || v.Verdict != ""
	})
	return v, err
}

// undecided is the step where a verdict was missed.
func undecided(step string, taken Taken, v Verdict, err error, within time.Duration) Step {
	switch {
	case err != nil:
		return Step{
			Step: step, Result: Failed, Saw: "the ledger cannot be read: " + err.Error(),
			Mend: "compare --table with the stack's output LedgerName, and the region; reading needs dynamodb:BatchGetItem and dynamodb:Query",
		}
	case v.Trouble != "":
		return Step{
			Step: step, Result: Failed, Saw: fmt.Sprintf("none within %s: %s", within, v.Trouble),
			Mend: "the queue tries again; look at the log of dispatcher",
		}
	}
	return Step{
		Step: step, Result: Failed, Saw: fmt.Sprintf("none within %s on delivery %s", within, taken.Delivery),
		Mend: "look at the alarms DispatcherFailing, AlertsStuck and DeadLetters, at the log of dispatcher, and whether --table is this bridge's",
	}
}

// late is how long after its time something may be undone before the scheduler is missed: it comes once a minute.
const late = 5 * time.Minute

// tick looks for traces of the scheduler.
func (r *run) tick(ctx context.Context) {
	began := r.Now()
	if r.Ticks != nil {
		var (
			ago    time.Duration
			ticked bool
			err    error
		)
		r.until(ctx, r.VerdictTime, func() bool { // a run that has just begun has its first one soon
			ago, ticked, err = r.Ticks(ctx)
			return ticked || err != nil
		})
		switch {
		case err != nil:
			r.say(Step{Step: Tick, Result: Failed, Saw: err.Error()}, began)
		case !ticked:
			r.say(Step{Step: Tick, Result: Failed, Saw: "none has come to its end", Mend: "run it with --verbose and look at scheduler's records"}, began)
		case ago > late:
			r.say(Step{Step: Tick, Result: Failed, Saw: "the last one ended " + ago.Round(time.Second).String() + " ago", Mend: "run it with --verbose and look at scheduler's records"}, began)
		default:
			r.say(Step{Step: Tick, Result: OK, Saw: "the last one ended " + ago.Round(time.Millisecond).String() + " ago"}, began)
		}
		return
	}
	const alarm = "whether the scheduler runs tells the alarm TickMissing, which stands on the counter Tick in CloudWatch"
	cases, err := r.Ledger.Open(ctx)
	if err != nil {
		r.say(Step{Step: Tick, Result: NotChecked, Saw: "the open cases cannot be read", Mend: alarm}, began)
		return
	}
	for _, c := range cases {
		if overdue := r.Now().Sub(c.Until); awaited(c) && overdue > late {
			r.say(Step{
				Step: Tick, Result: Failed, Saw: fmt.Sprintf("case %s is %s, and the scheduler should have taken it up %s ago", c.ID, c.State, overdue.Round(time.Second)),
				Mend: "look at the alarm TickMissing and at the log of scheduler",
			}, began)
			return
		}
	}
	r.say(Step{Step: Tick, Result: NotChecked, Saw: "it cannot be seen from here, and no open case is overdue", Mend: alarm}, began)
}

// awaited tells cases that the next tick after Until takes up whatever else there is to do.
func awaited(c caseview.Case) bool {
	switch gate.State(c.State) {
	case gate.Starting, gate.Started:
		return !c.Until.IsZero()
	case gate.InDoubt:
		return !c.Until.IsZero() && !c.Resting && !c.NoRepeat
	}
	return false
}
