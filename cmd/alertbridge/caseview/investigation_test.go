package caseview

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// ran is the work of a task that ran from five minutes before now on, for so long; 0: it still runs.
func ran(status gate.Status, long time.Duration) gate.Work {
	began := now.Add(-5 * time.Minute)
	t := gate.TaskWork{ID: "t-1", Status: status, Created: began, Updated: began.Add(long), Marks: []gate.Mark{{At: began, Status: gate.InProgress}}}
	if status != gate.InProgress {
		t.Marks = append(t.Marks, gate.Mark{At: t.Updated, Status: status})
	}
	return gate.Work{Tasks: []gate.TaskWork{t}}
}

func booked(w gate.Work, d gate.Dollars) gate.Work {
	w.Booked = d
	return w
}

// planned has a plan made of what ran: from three minutes before now on for a minute, or as long as it runs yet.
func planned(w gate.Work, status gate.Status) gate.Work {
	k := &w.Tasks[0]
	began := now.Add(-3 * time.Minute)
	k.Plan = gate.Plan{Status: status, Updated: began}
	k.Marks = append(k.Marks, gate.Mark{At: began, Status: gate.InProgress, Of: gate.Mitigating})
	if status != gate.InProgress {
		k.Plan.Updated = began.Add(time.Minute)
		k.Marks = append(k.Marks, gate.Mark{At: k.Plan.Updated, Status: status, Of: gate.Mitigating})
	}
	return w
}

// A mitigation is shown beside the investigation, which stands as it stood. While it runs, what is booked is not all.
func TestMitigations(t *testing.T) {
	done := gate.Case{State: gate.Ended, How: gate.EndCompleted, Called: now, Work: planned(booked(ran(gate.Completed, time.Minute), 996_000), gate.Failed)}
	done.Work.Tasks[0].Status, done.Work.Tasks[0].Updated = gate.Failed, now.Add(-2*time.Minute) // as the API shows the task
	runs := gate.Case{State: gate.Ended, How: gate.EndCompleted, Called: now, Work: planned(booked(ran(gate.Completed, time.Minute), 498_000), gate.InProgress)}
	for _, row := range []struct {
		c            gate.Case
		tells, brief string
	}{
		{
			done, "task t-1 is completed since 2026-11-03 09:56:00 UTC (4m ago); mitigation failed since 2026-11-03 09:58:00 UTC (2m ago)",
			"task t-1 is completed, mitigation failed, ran 2m0s, $1.00",
		},
		{
			runs, "task t-1 is completed since 2026-11-03 09:56:00 UTC (4m ago); mitigation in_progress since 2026-11-03 09:57:00 UTC (3m ago)",
			"task t-1 is completed, mitigation in_progress, ran 4m0s, about $0.50 as reckoned",
		},
	} {
		v := InvestigationOf(row.c, now)
		if tells, brief := v.Tells(string(row.c.State), now), v.Brief(string(row.c.State), now); tells != row.tells || brief != row.brief {
			t.Errorf("%q, %q\nwant %q, %q", tells, brief, row.tells, row.brief)
		}
	}
	text, err := json.Marshal(InvestigationOf(done, now).Mitigation)
	if want := `{"task":"t-1","status":"failed","since":"2026-11-03T09:58:00Z"}`; err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
}

func TestInvestigations(t *testing.T) {
	linked := ran(gate.Completed, time.Minute)
	linked.Tasks = append(linked.Tasks, gate.TaskWork{ID: "t-2", Status: gate.Linked, Created: now, Updated: now, Primary: gate.Said{Value: "t-1", At: now}})
	alone := gate.Work{Tasks: linked.Tasks[1:]}
	failed := booked(ran(gate.Failed, time.Minute), 498_000)
	failed.Tasks[0].Words = "the agent gave up"
	again := booked(ran(gate.Completed, time.Minute), 498_000)
	again.Tasks[0].Status, again.Tasks[0].Marks = gate.InProgress, append(again.Tasks[0].Marks, gate.Mark{At: now.Add(-time.Minute), Status: gate.InProgress})
	for _, row := range []struct {
		why   string
		c     gate.Case
		state string // as a list shows it
		tells string
		cost  string
		price string
	}{
		{"was just called", gate.Case{State: gate.Started, Called: now.Add(-40 * time.Second)}, "started", "not confirmed yet, 40s after the call", "", ""},
		{
			"was looked for in vain",
			gate.Case{State: gate.Started, Called: now.Add(-4 * time.Minute), Work: gate.Work{Asked: 1, Absent: now}},
			"started",
			"not confirmed yet, 4m after the call: the Agent has no task of it as of 10:00:00 UTC", "", "",
		},
		{"should be confirmed", gate.Case{State: gate.Started, Called: now.Add(-12 * time.Minute)}, "started", "not confirmed for 12m", "", ""},
		{
			"was missed",
			gate.Case{State: gate.Started, Called: now.Add(-12 * time.Minute), Work: gate.Work{Missed: true, Absent: now}},
			"started",
			"not confirmed for 12m: the Agent has no task of it as of 10:00:00 UTC", "", "",
		},
		{
			"in doubt",
			gate.Case{State: gate.InDoubt, Called: now.Add(-12 * time.Minute), Work: gate.Work{Absent: now}},
			"in_doubt",
			"the Agent has no task of it as of 10:00:00 UTC", "", "",
		},
		{
			"in doubt, and the API gives no answer",
			gate.Case{State: gate.InDoubt, Called: now.Add(-12 * time.Minute), Work: gate.Work{Asked: 9, Missed: true}},
			"in_doubt",
			"not confirmed for 12m", "", "",
		},
		{"in doubt, and not asked", gate.Case{State: gate.InDoubt, Called: now}, "in_doubt", "", "", ""},
		{
			"never confirmed",
			gate.Case{State: gate.Ended, How: gate.EndAssumed, Called: now.Add(-2 * time.Hour), Work: booked(gate.Work{}, 3_984_000)},
			"ended (assumed)",
			"never confirmed", "about $3.98 as reckoned", Reckoned,
		},
		{
			"runs",
			gate.Case{State: gate.Started, Called: now, Work: ran(gate.InProgress, 0)},
			"started (in_progress)",
			"task t-1 is in_progress since 2026-11-03 09:55:00 UTC (5m ago)", "ran 5m0s", "",
		},
		{
			"completed",
			gate.Case{State: gate.Ended, How: gate.EndCompleted, Called: now, Work: booked(ran(gate.Completed, 3*time.Minute), 1_494_000)},
			"ended (completed)",
			"task t-1 is completed since 2026-11-03 09:58:00 UTC (2m ago)", "ran 3m0s, $1.49", TruePrice,
		},
		{
			"completed, and the policy has no price",
			gate.Case{State: gate.Ended, How: gate.EndCompleted, Called: now, Work: ran(gate.Completed, 3*time.Minute)},
			"ended (completed)",
			"task t-1 is completed since 2026-11-03 09:58:00 UTC (2m ago)", "ran 3m0s", "",
		},
		{
			"failed",
			gate.Case{State: gate.Ended, How: gate.EndFailed, Called: now, Work: failed},
			"ended (failed)",
			"task t-1 is failed since 2026-11-03 09:56:00 UTC (4m ago): the agent gave up", "ran 1m0s, $0.50", TruePrice,
		},
		{
			"linked",
			gate.Case{State: gate.Ended, How: gate.EndLinked, Called: now, Work: alone},
			"ended (linked)",
			"task t-2 is linked to task t-1 since 2026-11-03 10:00:00 UTC (now)", "$0.00", TruePrice,
		},
		{
			"has two tasks",
			gate.Case{State: gate.Ended, How: gate.EndCompleted, Called: now, Work: booked(linked, 498_000)},
			"ended (completed)",
			"task t-1 is completed since 2026-11-03 09:56:00 UTC (4m ago)", "ran 1m0s, $0.50", TruePrice,
		},
		{
			"is taken up again",
			gate.Case{State: gate.Ended, How: gate.EndCompleted, Called: now, Work: again},
			"ended (completed)",
			"task t-1 is in_progress since 2026-11-03 09:56:00 UTC (4m ago)", "ran 2m0s, about $0.50 as reckoned", Reckoned,
		},
		{
			"its end was not heard of",
			gate.Case{State: gate.Ended, How: gate.EndAssumed, Called: now, Work: booked(ran(gate.InProgress, 0), 2_490_000)},
			"ended (assumed)",
			"task t-1 is in_progress since 2026-11-03 09:55:00 UTC (5m ago)", "ran 5m0s, about $2.49 as reckoned", Reckoned,
		},
	} {
		row.c.ID = "ab-1"
		c := Of(row.c, now)
		v := c.Investigation
		if v == nil {
			t.Errorf("%s: nothing is known", row.why)
			continue
		}
		if got := v.Tells(c.State, now); got != row.tells || v.Cost() != row.cost || v.Price != row.price || state(c) != row.state {
			t.Errorf("%s: %q, %q, %q, %q", row.why, got, v.Cost(), v.Price, state(c))
		}
		if (v.Task == "") != (len(row.c.Work.Tasks) == 0) || v.Confirmed != (v.Task != "") || c.UntilMeans() == "estimated end" {
			t.Errorf("%s: %+v", row.why, v)
		}
		if missed := strings.HasPrefix(row.tells, "not confirmed for"); c.Unconfirmed(now) != missed || strings.Contains(marks(c, now), "not confirmed for 12m") != missed {
			t.Errorf("%s: unconfirmed %t", row.why, c.Unconfirmed(now))
		}
	}
	if v := Of(gate.Case{State: gate.Started}, now).Investigation; v != nil {
		t.Errorf("of a case that nobody follows: %+v", v)
	}
}

func TestBrief(t *testing.T) {
	for want, c := range map[string]gate.Case{
		"task t-1 is completed, ran 3m0s, $1.49": {State: gate.Ended, How: gate.EndCompleted, Called: now, Work: booked(ran(gate.Completed, 3*time.Minute), 1_494_000)},
		"task t-1 is in_progress":                {State: gate.Started, Called: now, Work: ran(gate.InProgress, 0)},
		"not confirmed yet, 3m after the call":   {State: gate.Started, Called: now.Add(-3 * time.Minute)},
		"":                                       {State: gate.InDoubt, Called: now},
	} {
		if got := InvestigationOf(c, now).Brief(string(c.State), now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWriteInvestigation(t *testing.T) {
	w := booked(ran(gate.Completed, time.Minute), 498_000)
	w.Tasks = append(w.Tasks, gate.TaskWork{ID: "t-2", Status: gate.Linked, Created: now, Updated: now, Primary: gate.Said{Value: "t-1", At: now}})
	c := Of(gate.Case{ID: "ab-1", State: gate.Ended, How: gate.EndCompleted, Called: now.Add(-6 * time.Minute), Work: w}, now)
	var out strings.Builder
	if err := Write(&out, c, now); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\ninvestigation  task t-1 is completed since 2026-11-03 09:56:00 UTC (4m ago)\n",
		"\nbeside it      task t-2 is linked to task t-1 since 2026-11-03 10:00:00 UTC (now)\n", "\ncost           ran 1m0s, $0.50\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
	text, err := json.Marshal(c.Investigation)
	want := `{"called":"2026-11-03T09:54:00Z","confirmed":true,"task":"t-1","status":"completed","since":"2026-11-03T09:56:00Z",` +
		`"tasks":[{"id":"t-1","status":"completed","since":"2026-11-03T09:56:00Z"},` +
		`{"id":"t-2","status":"linked","since":"2026-11-03T10:00:00Z","primary":"t-1"}],"ran_s":60,"dollars":0.5,"price":"true"}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
}
