package verify_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/verify"
)

var (
	dropped = verify.Verdict{Verdict: "drop", Reason: "test"}
	start   = verify.Verdict{Verdict: "start", Reason: "new_incident", Case: "ab-1"}
)

func inState(state string, v *caseview.Investigation) caseview.Case {
	return caseview.Case{ID: "ab-1", State: state, Investigation: v}
}

func TestAStart(t *testing.T) {
	unseen, price := &caseview.Investigation{}, 0.15
	pending := &caseview.Investigation{Confirmed: true, Task: "task-1", Status: "pending_triage"}
	done := &caseview.Investigation{Confirmed: true, Task: "task-1", Status: "completed", Ran: 18, Dollars: &price, Price: caseview.TruePrice}
	over := inState("ended", done)
	over.How = "completed"
	endsAs := func(how string) []caseview.Case {
		c := over
		c.How = how
		return []caseview.Case{c}
	}
	refused := inState("refused", nil)
	refused.Note = "priority must be one of CRITICAL"
	const free = "front_door ok, verdict ok, tick not_checked, webhook ok, api ok, "
	for _, row := range []struct {
		why    string
		given  verify.Verdict
		states []caseview.Case
		wait   time.Duration
		steps  string
		says   string // of the last step but the recovery
	}{
		{
			"all is well", start,
			[]caseview.Case{inState("starting", nil), inState("started", unseen), inState("started", unseen), inState("started", pending)},
			0,
			"front_door ok, start ok, confirmed ok, recovery ok", "task task-1 is pending_triage",
		},
		{
			"with its end", start,
			[]caseview.Case{inState("started", unseen), inState("started", pending), inState("started", pending), over},
			time.Second,
			"front_door ok, start ok, confirmed ok, recovery ok, end ok", "completed, ran 18s, $0.15",
		},
		{"over at once", start, []caseview.Case{over}, 0, "front_door ok, start ok, confirmed ok, recovery ok", "task task-1 is completed"},
		{"cancelled", start, endsAs("cancelled"), time.Second, "front_door ok, start ok, confirmed ok, recovery ok, end failed", "the month's hours are used up"},
		{"failed", start, endsAs("failed"), time.Second, "front_door ok, start ok, confirmed ok, recovery ok, end failed", "look at the Agent for what went wrong"},
		{"linked", start, endsAs("linked"), time.Second, "front_door ok, start ok, confirmed ok, recovery ok, end ok", "linked, ran 18s"},
		{
			"it runs on", start,
			[]caseview.Case{inState("started", pending)},
			5 * time.Millisecond,
			"front_door ok, start ok, confirmed ok, recovery ok, end not_checked", "it runs on, and is paid for",
		},
		{
			"not followed", start,
			[]caseview.Case{inState("started", nil)},
			time.Second,
			"front_door ok, start ok, confirmed not_checked, recovery ok", "look at the Agent for an investigation of incident ab-1",
		},
		{
			"never confirmed", start,
			[]caseview.Case{inState("started", unseen)},
			time.Second,
			"front_door ok, start ok, confirmed failed, recovery ok", "shows no task of it within 20ms",
		},
		{"refused", start, []caseview.Case{refused}, time.Second, "front_door ok, start failed, recovery ok", "case ab-1 is refused: priority must be"},
		{"still in doubt", start, []caseview.Case{inState("in_doubt", nil)}, 0, "front_door ok, start failed, recovery ok", "case ab-1 is in_doubt: nobody says why"},
		{"never settled", start, []caseview.Case{inState("starting", nil)}, 0, "front_door ok, start failed, recovery ok", "case ab-1 is starting"},
		{"only observed", verify.Verdict{Verdict: "wait", Reason: "would_start", Case: "ab-1"}, nil, 0, "front_door ok, start failed, recovery ok", "name with --tags such tags as the policy starts by"},
		{"silenced", verify.Verdict{Verdict: "drop", Reason: "silenced"}, nil, 0, "front_door ok, start failed, recovery ok", "alertbridge silence list"},
		{"no slot", verify.Verdict{Verdict: "wait", Reason: "slots"}, nil, 0, "front_door ok, start failed, recovery ok", "try again later"},
		{"shut", verify.Verdict{Verdict: "wait", Reason: "agent_shut"}, nil, 0, "front_door ok, start failed, recovery ok", "alertbridge retry"},
		{"covered", verify.Verdict{Verdict: "join", Reason: "covered"}, nil, 0, "front_door ok, start failed, recovery ok", "another case covers it"},
		{"by no rule", verify.Verdict{Verdict: "drop", Reason: "not_on_transition"}, nil, 0, "front_door ok, start failed, recovery ok", "the policy does not start it at once"},
		{
			"held first",
			verify.Verdict{Verdict: "wait", Reason: "hold", Case: "ab-1"},
			[]caseview.Case{
				{ID: "ab-1", State: "waiting", Until: time.Now().Add(time.Second)}, inState("started", pending),
			},
			0,
			"front_door ok, start ok, confirmed ok, recovery ok", "task task-1",
		},
		{"no verdict", verify.Verdict{}, nil, 0, "front_door ok, start failed, recovery ok", "none within 20ms"},
	} {
		b := newBridge(t, 0)
		b.verdicts, b.states = []verify.Verdict{dropped, row.given}, row.states
		r := b.run(func(o *verify.Options) { o.Start, o.Wait, o.Tags = true, row.wait, []string{"env:prod", "team:a"} })
		if got := brief(r); got != free+row.steps {
			t.Errorf("%s: %s, want %s", row.why, got, row.steps)
			continue
		}
		steps := slices.DeleteFunc(slices.Clone(r.Steps), func(s verify.Step) bool { return s.Step == verify.Recovery })
		if s := steps[len(steps)-1]; !strings.Contains(s.Saw+" "+s.Mend, row.says) {
			t.Errorf("%s: %+v, want %q", row.why, s, row.says)
		}
		if len(b.sent) != 3 || b.sent[1].Priority != "P1" || b.sent[1].Test || !strings.Contains(b.sent[1].Title, "there is no fault") {
			t.Fatalf("%s: sent were %+v", row.why, b.sent)
		}
		for _, a := range b.sent {
			if a.Tag("env") != "prod" || a.Tag("team") != "a" || !strings.HasPrefix(a.Service(), "alertbridge-verify-") {
				t.Errorf("%s: the tags are %q", row.why, a.Tags)
			}
		}
		if a, z := b.sent[1], b.sent[2]; a.Incident != z.Incident || z.Transition != "Recovered" || a.Delivery == z.Delivery || z.Time.Before(a.Time) {
			t.Errorf("%s: the recovery is not that of the alert:\n%+v\n%+v", row.why, a, z)
		}
		if r.Start == nil || r.Start.Delivery != b.sent[1].Delivery || r.Start.Case != row.given.Case {
			t.Errorf("%s: the report has %+v", row.why, r.Start)
		}
	}
}

func TestNothingIsStartedOnWhatIsBroken(t *testing.T) {
	b := newBridge(t, 0)
	b.verdicts = []verify.Verdict{{Verdict: "drop", Reason: "unreadable"}}
	r := b.run(func(o *verify.Options) { o.Start = true })
	if s := find(t, r, verify.Started); s.Result != verify.NotChecked || len(b.sent) != 1 || r.Start != nil {
		t.Errorf("%+v, %d sent", s, len(b.sent))
	}
}

func TestAStartInPlaceOfATestThatStarts(t *testing.T) {
	b := newBridge(t, 0)
	b.verdicts = []verify.Verdict{start}
	b.states = []caseview.Case{inState("started", &caseview.Investigation{Confirmed: true, Task: "t", Status: "in_progress"})}
	r := b.run(func(o *verify.Options) { o.Start, o.TestsStart = true, true })
	want := "front_door not_checked, tick not_checked, webhook ok, api ok, front_door ok, start ok, confirmed ok, recovery ok"
	if got := brief(r); got != want || len(b.sent) != 2 || b.sent[0].Test {
		t.Errorf("%s, sent %d, want %s", got, len(b.sent), want)
	}
}

// Who is told to end takes back what was sent.
func TestToldToEnd(t *testing.T) {
	b := newBridge(t, 0)
	b.verdicts, b.states = []verify.Verdict{dropped, start}, []caseview.Case{inState("started", &caseview.Investigation{})}
	ctx, cancel := context.WithCancel(t.Context())
	o := b.options()
	o.Start, o.Wait, o.ConfirmTime = true, time.Minute, time.Minute
	o.Say = func(s verify.Step) {
		if s.Step == verify.Started {
			cancel()
		}
	}
	r, err := verify.Run(ctx, o)
	if err == nil || len(b.sent) != 3 || b.sent[2].Transition != "Recovered" || find(t, r, verify.Confirmed).Result != verify.NotChecked {
		t.Errorf("%v, %s, %d sent", err, brief(r), len(b.sent))
	}
}

func TestThereIsNoFrontDoorForAStart(t *testing.T) {
	b := newBridge(t, 0)
	r := b.run(func(o *verify.Options) {
		o.Start = true
		send := o.Send
		o.Send = func(ctx context.Context, body []byte) verify.Taken {
			if len(b.sent) == 1 {
				b.taken = verify.Taken{Status: 503}
			}
			return send(ctx, body)
		}
	})
	if got := brief(r); !strings.HasSuffix(got, "api ok, front_door failed") || r.OK {
		t.Errorf("%s", got)
	}
}

func TestWhatPeopleSee(t *testing.T) {
	var out strings.Builder
	r := verify.Report{Steps: []verify.Step{
		{Step: verify.FrontDoor, Result: verify.OK, Saw: "202 for a marked test", Took: 0.1234},
		{Step: verify.Tick, Result: verify.NotChecked, Saw: "it cannot be seen"},
		{Step: verify.Webhook, Agent: "default", Result: verify.Failed, Saw: "403", Mend: "mend the key", Took: 12.5},
	}}
	for _, s := range r.Steps {
		verify.Write(&out, s)
	}
	verify.WriteEnd(&out, r)
	verify.WriteEnd(&out, verify.Report{OK: true, Steps: r.Steps[:1]})
	want := `✓ front door    0.12 s  202 for a marked test
- tick          0.00 s  it cannot be seen
✗ webhook      12.50 s  Agent default: 403
                        mend the key

1 of 3 went wrong. Not checked: 1.

All that was checked works.
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
