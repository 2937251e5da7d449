package functions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/alert"
	told "github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/answer/answertest"
	"github.com/alertbridge/alertbridge/shared/answer/ddevents"
	"github.com/alertbridge/alertbridge/shared/answer/pagerduty"
	virtual "github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/redact/redacttest"
)

func unfollowed(p *gatetest.Policy) { p.Followed = false }

// telling is a bridge that tells: stand-ins for Datadog's events and for PagerDuty, and an Agent's API that is asked for
// what was found.
type telling struct {
	*bridge
	events *answertest.Datadog
	pager  *answertest.PagerDuty
	teller *tell.Teller
	found  *found
	noting *noting
}

// somebodyIsTold makes a policy that tells, and follows the Agent's work. It has a price.
func somebodyIsTold(p *gatetest.Policy) {
	p.Tells, p.Followed = true, true
	p.Budget = gate.Budget{Case: 4_000_000, Second: 8_300}
}

func newTelling(t *testing.T, change ...func(*gatetest.Policy)) *telling {
	t.Helper()
	b := newBridge(t, append([]func(*gatetest.Policy){somebodyIsTold}, change...)...)
	w := &telling{bridge: b, found: &found{}, noting: &noting{Ledger: b.store, outbox: b.store.Ledger.(*memledger.Ledger)}}
	options := answertest.Options{InProcess: true, Now: b.clock.Now}
	var err, bad error
	w.events, err = answertest.NewDatadog(options)
	w.pager, bad = answertest.NewPagerDuty(options)
	if err = errors.Join(err, bad); err != nil {
		t.Fatal(err)
	}
	events, err := ddevents.New(ddevents.Options{StandIn: w.events.URL(), Keys: w.events.Secrets(), Transport: w.events, Now: b.clock.Now})
	pager, bad := pagerduty.New(pagerduty.Options{StandIn: w.pager.URL(), Keys: w.pager.Secrets(), Transport: w.pager, Routes: []string{"checkout"}, Log: b.schedule.Log, Now: b.clock.Now})
	if err = errors.Join(err, bad); err != nil {
		t.Fatal(err)
	}
	w.teller = &tell.Teller{
		Ledger: w.noting, Outbox: b.store.Ledger.(*memledger.Ledger), Summaries: w.found, Spaces: map[string]string{"default": "space-1"},
		Targets: []tell.Target{{Name: tell.Events, Place: events}, {Name: tell.Pager, Place: pager, Pager: true}},
		Policy:  b.policy, Now: b.clock.Now, Log: b.schedule.Log, Metrics: b.schedule.Metrics,
	}
	b.schedule.Teller = w.teller
	return w
}

// names gives the pager's secret a key for each of these routes; the policy has but the route checkout.
func (w *telling) names(routes ...string) {
	keys := map[string]string{}
	for _, route := range routes {
		keys[route] = w.pager.Key()
	}
	text, err := json.Marshal(map[string]any{"routing_key": w.pager.Key(), "routes": keys})
	if err != nil {
		w.t.Fatal(err)
	}
	w.pager.Secrets().Set(string(text))
}

// tick runs the scheduler after d, on the bridge's clock also where something waits.
func (w *telling) tick(d time.Duration) {
	w.t.Helper()
	if err := w.tryTick(d); err != nil {
		w.t.Fatalf("tick: %v", err)
	}
}

func (w *telling) tryTick(d time.Duration) error {
	w.clock.add(d)
	ctx, cancel := virtual.WithTimeout(virtual.With(w.t.Context(), ticking{w.clock}), time.Minute)
	defer cancel()
	_, err := w.schedule.Handle(ctx, struct{}{})
	return err
}

// ticks runs it once a minute for a while.
func (w *telling) ticks(d time.Duration) {
	w.t.Helper()
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); {
		w.tick(time.Minute)
	}
}

// ticking is a clock that sleeping moves.
type ticking struct{ *clock }

func (c ticking) Sleep(ctx context.Context, d time.Duration) error {
	if end, bounded := ctx.Deadline(); bounded {
		if left := end.Sub(c.Now()); left < d {
			c.add(max(left, 0))
			return ctx.Err()
		}
	}
	c.add(d)
	return ctx.Err()
}

func (c ticking) Jitter(longest time.Duration) time.Duration { return longest / 2 }

// found is an Agent's API that has one summary.
type found struct {
	text  string
	err   error
	asked []string
}

func (f *found) Summary(_ context.Context, space, execution, record string) (string, error) {
	f.asked = append(f.asked, space+"/"+execution+"/"+record)
	return f.text, f.err
}

func (f *found) Plan(_ context.Context, space, task, execution, record string) (string, error) {
	f.asked = append(f.asked, space+"/"+task+"/"+execution+"/"+record)
	return f.text, f.err
}

// noting is the ledger for the teller alone: what it notes can go wrong.
type noting struct {
	ledger.Ledger
	looks  error // of what is read of incidents; nil: none
	outbox ledger.Outbox
	next   []func(gate.Change) error // run before the next notes, one each; an error is the answer
	lost   int                       // so many answers of applied notes are lost
}

func (n *noting) Commit(ctx context.Context, c gate.Change) error {
	if n.claims(ctx, c) {
		return n.Ledger.Commit(ctx, c)
	}
	if len(n.next) > 0 {
		f := n.next[0]
		n.next = n.next[1:]
		if err := f(c); err != nil {
			return err
		}
	}
	err := n.Ledger.Commit(ctx, c)
	if err == nil && n.lost > 0 {
		n.lost--
		return ledger.ErrUnknown
	}
	return err
}

func (n *noting) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	if n.looks != nil {
		return gate.View{}, n.looks
	}
	return n.Ledger.Look(ctx, q, now)
}

// claims tells a commit that only takes a post for the telling that follows.
func (n *noting) claims(ctx context.Context, c gate.Change) bool {
	if c.Told == nil {
		return false
	}
	now := c.Told.Now
	p, err := n.outbox.Post(ctx, now.ID, c.At)
	return err == nil && !now.Over && len(now.Told) == len(p.Told) && !p.Until.After(c.At) // what is noted is noted of a post that is claimed
}

// learns takes in what the Agent says of a case, as function outcome does.
func (w *telling) learns(id string, status gate.Status, change ...func(*gate.Task)) {
	w.t.Helper()
	task := gate.Task{ID: "task-1", Case: id, Status: status, Created: w.caseOf(id).StartAt, Updated: w.clock.Now(), Execution: "run-1", Summary: "rec-1"}
	for _, c := range change {
		c(&task)
	}
	v, err := w.store.Ledger.LookCase(w.t.Context(), id, "default", w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	d := gate.Learn(v, id, gate.News{Tasks: []gate.Task{task}}, w.policy.For(v.Leads[id]), w.clock.Now())
	if err := w.store.Ledger.Commit(w.t.Context(), d.Change); err != nil {
		w.t.Fatal(err)
	}
}

func (w *telling) post(id string) gate.Post {
	w.t.Helper()
	p, err := w.teller.Outbox.Post(w.t.Context(), id, w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// became says what became of each moment at each target, "target moment as", in order.
func (w *telling) became(id string) []string {
	w.t.Helper()
	var all []string
	for _, d := range w.post(id).Told {
		all = append(all, fmt.Sprintf("%s %s %s", d.Target, d.Moment, d.As))
	}
	slices.Sort(all)
	return all
}

func (w *telling) wantBecame(id string, want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if got := w.became(id); !slices.Equal(got, want) {
		w.t.Errorf("became %q, want %q", got, want)
	}
}

// wantEvents compares the titles at Datadog, without the alert's own behind them.
func (w *telling) wantEvents(want ...string) {
	w.t.Helper()
	var got []string
	for _, e := range w.events.Events() {
		title, _, _ := strings.Cut(e.Title, ": ")
		got = append(got, title)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("Datadog has %q, want %q", got, want)
	}
}

// wantPages compares what the pager was sent, "action key".
func (w *telling) wantPages(want ...string) {
	w.t.Helper()
	if got := w.pages(); !slices.Equal(got, want) {
		w.t.Errorf("PagerDuty has %q, want %q", got, want)
	}
}

// pages is what PagerDuty has got.
func (w *telling) pages() (got []string) {
	for _, e := range w.pager.Events() {
		got = append(got, e.Action+" "+e.DedupKey)
	}
	return got
}

// Where the operator has said how the Agent's own page is addressed, what is told of a known task leads to it.
func TestToldWithTheAgentsPage(t *testing.T) {
	w := newTelling(t)
	w.teller.Page = "https://{space}.agent.example/investigation/{task}"
	id := w.triggers("A", critical).Case
	w.tick(time.Minute)
	w.learns(id, gate.InProgress)
	w.clock.add(time.Minute)
	w.learns(id, gate.Failed)
	w.tick(time.Minute)
	w.wantEvents("Investigation started", "Investigation failed")
	w.wantPages("trigger " + id)
	const link = "The Agent's own page: https://space-1.agent.example/investigation/task-1"
	events := w.events.Events()
	if strings.Contains(events[0].Text, "own page") || !strings.Contains(events[1].Text, "\n"+link+"\n") {
		t.Errorf("it says\n%s\nand then\n%s", events[0].Text, events[1].Text)
	}
	if links := w.pager.Events()[0].Links; len(links) == 0 || links[0].Text+": "+links[0].Href != link {
		t.Errorf("the pager has the links %v", links)
	}
}

// wantShown wants one change at the pager, with this before its title's colon and this in its text.
func (w *telling) wantShown(title string, says ...string) {
	w.t.Helper()
	all := w.pager.Changes()
	if len(all) != 1 {
		w.t.Fatalf("PagerDuty shows %d changes: %+v", len(all), all)
	}
	text, _ := all[0].Payload.Details["text"].(string)
	if got, _, _ := strings.Cut(all[0].Payload.Summary, ": "); got != title {
		w.t.Errorf("PagerDuty shows %q, want %q", got, title)
	}
	for _, s := range says {
		if !strings.Contains(text, s) {
			w.t.Errorf("PagerDuty shows\n%s\nwant %q in it", text, s)
		}
	}
}

// The cause stands at the pager, whatever the severity; an incident of ours is resolved with it, and nobody is woken.
func TestCauseIsShownAtThePager(t *testing.T) {
	for name, c := range map[string]struct {
		critical bool
		says     []delivery.Reason
		ends     gate.Status
		pages    []string // the last says the same
		title    string
	}{
		"high":                        {false, nil, gate.Completed, nil, "Investigated"},
		"critical":                    {true, nil, gate.Completed, nil, "Investigated"},
		"linked":                      {false, nil, gate.Linked, nil, "Investigated with another"},
		"critical, after it was shut": {true, []delivery.Reason{delivery.Unauthorized}, gate.Completed, []string{"trigger", "resolve", "resolve"}, "Investigated"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTelling(t)
			w.found.text = "The pool is too small."
			w.agent.says(c.says...)
			id := w.triggers("A", func(a *alert.Alert) {
				if c.critical {
					critical(a)
				}
			}).Case
			w.tick(time.Minute)
			w.agent.version = "v2"
			w.ticks(2 * time.Minute)
			w.learns(id, gate.InProgress)
			w.clock.add(6 * time.Minute)
			w.learns(id, c.ends)
			w.ticks(3 * time.Minute)
			w.wantShown(c.title, "alertbridge explain "+id, "and cost $")
			if found := strings.Contains(fmt.Sprint(w.pager.Changes()[0].Payload.Details), "> The pool is too small."); found != (c.ends == gate.Completed) {
				t.Errorf("it has what was found: %t", found)
			}
			var want []string
			for _, action := range c.pages {
				want = append(want, action+" "+id)
			}
			w.wantPages(want...)
			if n := len(c.pages); n > 0 {
				if last := w.pager.Events()[n-1]; last.Payload.Details["text"] != w.pager.Changes()[0].Payload.Details["text"] {
					t.Errorf("what resolves says %+v", last.Payload)
				}
			}
		})
	}
}

// Where the cause cannot be read yet the pager waits for it as Datadog does, and the one or the other being away changes
// nothing for the other.
func TestPagerWaitsForTheCause(t *testing.T) {
	w := newTelling(t)
	w.found.err = fmt.Errorf("asking: %w", &delivery.APIError{Fault: delivery.APIThrottled, Call: "ListJournalRecords"})
	w.events.Always(answertest.Throttled("600"))
	id := w.triggers("A").Case
	w.tick(time.Minute)
	w.learns(id, gate.Completed)
	w.ticks(3 * time.Minute)
	if n := len(w.pager.Changes()); n != 0 {
		t.Fatalf("%d changes before the cause can be read", n)
	}
	w.found.text, w.found.err = "The pool is too small.", nil
	w.ticks(2 * time.Minute)
	w.wantShown("Investigated", "> The pool is too small.")
	w.events.Always(nil)
	w.ticks(20 * time.Minute)
	w.wantShown("Investigated")
	if all := w.events.Events(); len(all) == 0 || !strings.Contains(all[len(all)-1].Text, "> The pool is too small.") {
		t.Errorf("Datadog has %+v", all)
	}
}

// Each moment of a case is told once, and what was found with its end.
func TestEachMomentIsToldOnce(t *testing.T) {
	w := newTelling(t)
	w.found.text = "# Cause\nThe pool is too small."
	id := w.triggers("A").Case
	w.ticks(3 * time.Minute)
	w.wantEvents("Investigation started")
	w.learns(id, gate.InProgress)
	w.clock.add(6 * time.Minute)
	w.learns(id, gate.Completed)
	w.ticks(5 * time.Minute)
	w.wantEvents("Investigation started", "Investigated")
	w.wantPages()
	w.wantBecame(id, "datadog started told", "datadog ended told", "pagerduty started left_out", "pagerduty ended told")
	if p := w.post(id); !p.Over || p.Tries != 0 {
		t.Errorf("the post is %+v", p)
	}
	w.wantShown("Investigated", "> The pool is too small.")
	end := w.events.Events()[1]
	for _, want := range []string{"The pool is too small.", "as task task-1", "ran for 6m and cost $2.99", "alertbridge explain " + id} {
		if !strings.Contains(end.Text, want) {
			t.Errorf("its end does not say %q:\n%s", want, end.Text)
		}
	}
	if end.AggregationKey != "A" || !slices.Contains(end.Tags, "service:a") || !slices.Contains(end.Tags, ddevents.Marker) {
		t.Errorf("its end is on %q, tags %q", end.AggregationKey, end.Tags)
	}
	if !slices.Equal(w.found.asked, []string{"space-1/run-1/rec-1"}) {
		t.Errorf("asked for %q", w.found.asked)
	}
	if records, _ := w.written(); !slices.ContainsFunc(records, func(r map[string]any) bool {
		return r["message"] == "answer told" && r["post"] == id && r["moment"] == "ended" && r["target"] == "datadog"
	}) {
		t.Errorf("no record tells of it: %v", records)
	}
}

// A case that waits for its hold is told of only when it starts; one that waits for what nobody meant, at once, until when.
func TestWhatWaitsIsTold(t *testing.T) {
	w := newTelling(t, slots(1))
	first := w.triggers("A").Case
	w.clock.add(time.Second)
	second := w.triggers("B").Case
	w.tick(time.Minute)
	w.wantEvents("Investigation started", "Investigation waits")
	w.learns(first, gate.Completed)
	w.ticks(2 * time.Minute)
	w.wantEvents("Investigation started", "Investigation waits", "Investigated", "Investigation started")
	w.wantBecame(second, "datadog waits told", "datadog started told", "pagerduty waits left_out", "pagerduty started left_out")
}

// Somebody is paged for a critical case that cannot be investigated, and told when that is over.
func TestCriticalCasesArePaged(t *testing.T) {
	for name, c := range map[string]struct {
		play func(*telling, string)
		says []delivery.Reason
		want []string
		open bool
	}{
		"it starts":  {func(w *telling, id string) { w.learns(id, gate.Completed) }, nil, nil, false},
		"it is shut": {func(*telling, string) {}, []delivery.Reason{delivery.Unauthorized}, []string{"trigger"}, true},
		"it is shut, and starts": {
			func(w *telling, id string) { w.agent.version = "v2" },
			[]delivery.Reason{delivery.Unauthorized},
			[]string{"trigger", "resolve"},
			false,
		},
		"it is shut, and recovers": {
			func(w *telling, id string) { w.recovers("A") },
			[]delivery.Reason{delivery.Unauthorized},
			[]string{"trigger", "resolve"},
			false,
		},
		"it is refused":               {func(*telling, string) {}, []delivery.Reason{delivery.ErrorsInBody}, []string{"trigger"}, true},
		"it is refused, and recovers": {func(w *telling, id string) { w.recovers("A") }, []delivery.Reason{delivery.ErrorsInBody}, []string{"trigger", "resolve"}, false},
		"it fails":                    {func(w *telling, id string) { w.learns(id, gate.Failed) }, nil, []string{"trigger"}, true},
		"it times out":                {func(w *telling, id string) { w.learns(id, gate.TimedOut) }, nil, []string{"trigger"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTelling(t)
			w.agent.says(c.says...)
			id := w.triggers("A", critical).Case
			w.tick(time.Minute)
			c.play(w, id)
			w.ticks(4 * time.Minute)
			var want []string
			for _, action := range c.want {
				want = append(want, action+" "+id)
			}
			w.wantPages(want...)
			if open := w.pager.Incidents(); len(open) > 0 && open[0].Open != c.open || len(open) != min(len(c.want), 1) {
				t.Errorf("incidents %+v, open: want %t", open, c.open)
			}
		})
	}
}

// Whatever the trouble was that somebody was woken for, its incident is resolved once nothing of it fires any more, though
// no recovery writes a case that was started or has ended.
func TestRecoveryResolves(t *testing.T) {
	for name, c := range map[string]struct {
		says   []delivery.Reason
		play   func(*telling, string)
		within time.Duration // of the recovery
		reads  string        // what the resolve says
	}{
		"unconfirmed":       {nil, func(w *telling, _ string) { w.ticks(13 * time.Minute) }, 2 * time.Minute, "Nothing has shown that the Agent was looking at it."},
		"never confirmed":   {nil, func(w *telling, _ string) { w.ticks(3 * time.Hour) }, 20 * time.Minute, "Nothing has shown that the Agent was looking at it."},
		"failed":            {nil, func(w *telling, id string) { w.learns(id, gate.Failed) }, time.Minute, "it failed."},
		"timed out, by day": {nil, func(w *telling, id string) { w.learns(id, gate.TimedOut); w.ticks(12 * time.Hour) }, time.Hour + time.Minute, "it timed out."},
		"cancelled":         {nil, func(w *telling, id string) { w.learns(id, gate.Cancelled) }, time.Minute, "it was cancelled."},
		"expired":           {[]delivery.Reason{delivery.Unauthorized}, func(w *telling, _ string) { w.ticks(7 * time.Hour) }, time.Hour + time.Minute, "It had waited too long"},
		"only observed then": {[]delivery.Reason{delivery.Unauthorized}, func(w *telling, _ string) {
			w.tick(time.Minute)
			if err := w.store.Ledger.Commit(w.t.Context(), gate.SetMode(gate.Hand{}, gate.ModeOrder{Mode: gate.ModeObserve}, w.clock.Now())); err != nil {
				w.t.Fatal(err)
			}
			w.agent.version = "v2"
			w.ticks(3 * time.Minute)
		}, 2 * time.Minute, "Nothing was investigated."},
		"refused": {[]delivery.Reason{delivery.ErrorsInBody}, func(*telling, string) {}, time.Minute, "The Agent had refused it"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTelling(t, grouped, func(p *gatetest.Policy) { p.Estimate = 30 * time.Minute })
			w.schedule.Work, w.schedule.Spaces = nothingThere{}, map[string]string{"default": "space-1"}
			w.agent.says(c.says...)
			id := w.triggers("A", critical).Case
			w.tick(time.Minute)
			c.play(w, id)
			w.ticks(2 * time.Minute)
			wantPages := func(want ...string) (last answertest.PagerDutyEvent) {
				t.Helper()
				var got []string
				for _, e := range w.pager.Events() {
					if e.DedupKey == id { // the Agent has an incident of its own while its door is shut
						got, last = append(got, e.Action), e
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("PagerDuty has %q, want %q", got, want)
				}
				return last
			}
			wantPages("trigger")
			if p := w.post(id); p.Over {
				t.Errorf("the post is over, and its incident is open: %+v", p)
			}
			before := w.caseOf(id)
			w.recovers("A")
			if after := w.caseOf(id); name != "refused" && !reflect.DeepEqual(before, after) {
				t.Errorf("the recovery writes the case: %+v, was %+v", after, before)
			}
			w.ticks(c.within)
			last := wantPages("trigger", "resolve")
			if text := fmt.Sprint(last.Payload.Details["text"]); !strings.Contains(text, c.reads) || !strings.Contains(text, "Now nothing of it fires any more.") {
				t.Errorf("the resolve says %q, want %q in it", text, c.reads)
			}
			if p := w.post(id); !p.Over {
				t.Errorf("nothing is left to be told, and the post is %+v", p)
			}
			w.ticks(2 * time.Hour)
			wantPages("trigger", "resolve")
			if n := len(w.events.Events()); n > tell.MaxEvents {
				t.Errorf("%d events", n)
			}
		})
	}
}

// An incident about several alerts is open as long as one of them fires; one about more than a case keeps by name is left
// for a person.
func TestRecoveryOfAllThatAPageIsAbout(t *testing.T) {
	for _, others := range []int{1, gate.MaxMembers} {
		w := newTelling(t, grouped)
		w.agent.says(delivery.Unauthorized)
		id := w.triggers("A", critical).Case // waits at the shut door
		for i := range others {
			w.triggers(fmt.Sprint("B", i), critical)
		}
		w.agent.version = "v2"
		w.ticks(2 * time.Minute)
		w.learns(id, gate.Failed)
		w.ticks(2 * time.Minute)
		w.recovers("A")
		w.ticks(30 * time.Minute)
		pages := w.pager.Events()
		if last := pages[len(pages)-1]; last.Action != "trigger" {
			t.Errorf("with %d others that fire, the last is %s", others, last.Action)
		}
		for i := range others {
			w.recovers(fmt.Sprint("B", i))
		}
		w.ticks(30 * time.Minute)
		pages = w.pager.Events()
		if last, kept := pages[len(pages)-1], others < gate.MaxMembers; (last.Action == "resolve") != kept {
			t.Errorf("with %d others that have recovered, the last is %s", others, last.Action)
		}
		if p := w.post(id); !p.Over {
			t.Errorf("with %d others the post is %+v", others, p)
		}
	}
}

// Nobody is woken for a start that came to nothing when what it was about is over.
func TestNobodyIsWokenForWhatIsOver(t *testing.T) {
	w := newTelling(t)
	id := w.triggers("A", critical).Case
	w.tick(time.Minute)
	w.recovers("A")
	w.learns(id, gate.Failed)
	w.ticks(3 * time.Minute)
	w.wantPages()
	w.wantEvents("Investigation started", "Investigation failed")
	w.wantBecame(id, "datadog started told", "datadog ended told", "pagerduty started left_out", "pagerduty ended left_out")
}

// The pager took it and did not say so, and before it is tried again all of it has recovered: nobody is woken a second time,
// and what may have woken somebody is resolved.
func TestPageWithoutAnAnswerIsResolved(t *testing.T) {
	w := newTelling(t)
	id := w.triggers("A", critical).Case
	w.tick(time.Minute)
	w.learns(id, gate.Failed)
	w.pager.Next(answertest.Taken(answertest.Status(500, "oops")))
	w.tick(time.Minute)
	w.wantPages("trigger " + id)
	w.recovers("A")
	w.ticks(3 * time.Minute)
	w.wantPages("trigger "+id, "resolve "+id)
	w.ticks(30 * time.Minute) // then nothing joins it any more
	if p := w.post(id); !p.Over || len(p.Late) > 0 {
		t.Errorf("the post is %+v", p)
	}
}

// So it is where the Agent has shown meanwhile that it has it, and how it ended is never heard of: the incident is looked
// after until it recovers.
func TestPageWithoutAnAnswerIsLookedAfter(t *testing.T) {
	w := newTelling(t)
	w.schedule.Work, w.schedule.Spaces = nothingThere{}, map[string]string{"default": "space-1"}
	id := w.triggers("A", critical).Case
	w.ticks(5 * time.Minute)
	w.pager.Next(answertest.Taken(answertest.Status(500, "oops")))
	for len(w.pager.Events()) == 0 {
		w.tick(time.Minute)
	}
	w.learns(id, gate.InProgress)
	w.ticks(30 * time.Minute)
	if !slices.Contains(w.became(id), "pagerduty unconfirmed left_tried") {
		t.Fatalf("became %q", w.became(id))
	}
	w.wantPages("trigger " + id)
	w.recovers("A")
	w.ticks(10 * time.Minute)
	w.wantPages("trigger "+id, "resolve "+id)
}

// What has recovered fires again, in another case, and somebody starts the first one by hand, which nothing confirms: people are
// woken once more, and told once more that it is over.
func TestPageAfterARecovery(t *testing.T) {
	w := newTelling(t)
	w.schedule.Work, w.schedule.Spaces = nothingThere{}, map[string]string{"default": "space-1"}
	id := w.refusedAndRecovered()
	second := w.triggers("A", critical).Case
	w.promotes(id)
	for len(w.pager.Events()) < 5 {
		w.tick(time.Minute)
	}
	woken := []string{"trigger " + id, "resolve " + id, "resolve " + id, "trigger " + second, "trigger " + id} // its start resolves what was refused
	w.wantPages(woken...)
	w.recovers("A")
	w.ticks(20 * time.Minute)
	w.wantPages(append(woken, "resolve "+second, "resolve "+id)...)
	if got := w.became(id); !w.post(id).Over || !slices.Contains(got, "pagerduty recovered_again told") || !slices.Contains(got, "datadog recovered_again left_out") {
		t.Errorf("became %q", got)
	}
}

// And so they are where nobody knows what became of the start by hand.
func TestDoubtAfterARecovery(t *testing.T) {
	w := newTelling(t, unfollowed, stop)
	id := w.refusedAndRecovered()
	w.triggers("A", critical) // another case, which the Agent takes
	w.ticks(time.Minute)
	w.agent.says(delivery.TimedOut)
	w.promotes(id)
	w.ticks(3 * time.Minute)
	w.wantPages("trigger "+id, "resolve "+id, "trigger "+id)
	w.recovers("A")
	w.ticks(20 * time.Minute)
	w.wantPages("trigger "+id, "resolve "+id, "trigger "+id, "resolve "+id)
}

// A recovery that the pager could not be told of before something fires again is left out. That of the next one is told, however
// often it comes to that.
func TestRecoversAgainAndAgain(t *testing.T) {
	w := newTelling(t, unfollowed, stop)
	w.agent.says(delivery.TimedOut)
	id := w.triggers("A", critical).Case
	w.ticks(2 * time.Minute)
	for range 3 { // then it is another case
		w.recovers("A")
		w.pager.Next(answertest.Status(503, ""))
		w.tick(time.Minute)
		if d := w.triggers("A", critical); d.Case != id {
			t.Fatalf("it fires again as %s %s of %s", d.Verdict, d.Reason, d.Case)
		}
		w.tick(time.Minute)
		w.wantPages("trigger " + id)
		if p := w.post(id); p.Over {
			t.Fatalf("nobody looks after it: %+v", p)
		}
	}
	w.recovers("A")
	w.ticks(time.Hour)
	w.wantPages("trigger "+id, "resolve "+id)
	w.wantBecame(id, "datadog doubtful told", "datadog recovered told", "datadog recovered_again left_out",
		"pagerduty doubtful told", "pagerduty recovered left_out", "pagerduty recovered_again told")
	if p := w.post(id); !p.Over {
		t.Errorf("the post is %+v", p)
	}
}

// So it is with what was started and nothing confirms: as long as it fires, nobody is told that nothing does.
func TestRecoveryOfWhatFiresAgain(t *testing.T) {
	w := newTelling(t)
	w.schedule.Work, w.schedule.Spaces = nothingThere{}, map[string]string{"default": "space-1"}
	id := w.triggers("A", critical).Case
	for len(w.pager.Events()) == 0 {
		w.tick(time.Minute)
	}
	w.wantPages("trigger " + id)
	w.recovers("A")
	w.pager.Next(answertest.Status(503, ""))
	w.tick(time.Minute)
	if p := w.post(id); !slices.ContainsFunc(p.Late, func(d gate.Told) bool { return d.Moment == gate.HasRecovered }) {
		t.Fatalf("the post is %+v", p)
	}
	if d := w.triggers("A", critical); d.Case != id {
		t.Fatalf("it fires again as %s %s of %s", d.Verdict, d.Reason, d.Case)
	}
	w.ticks(10 * time.Minute)
	w.wantPages("trigger " + id)
	w.recovers("A")
	w.ticks(10 * time.Minute)
	w.wantPages("trigger "+id, "resolve "+id)
	w.wantBecame(id, "datadog started told", "datadog unconfirmed told", "datadog recovered left_out", "datadog recovered_again left_out",
		"pagerduty started left_out", "pagerduty unconfirmed told", "pagerduty recovered left_out", "pagerduty recovered_again told")
}

// A doubt that is left for a person is told when something of it fires, whatever came between: all had recovered before
// anybody could be told, or what fired again first was only observed. And when that has recovered too, nobody is left awake.
func TestDoubtThatFiresAgain(t *testing.T) {
	ends := func(w *telling) { w.agent.says(delivery.TimedOut) }
	for name, c := range map[string]struct {
		call  func(*telling) // what becomes of the start
		dies  bool           // with its function
		until func(*telling) // until the next alert joins
		want  []string       // at the pager before it recovers; then it is resolved
	}{
		"before anybody was told": {call: ends, until: func(w *telling) {
			w.recovers("A")
			w.clock.add(10 * time.Second)
		}, want: []string{"trigger"}},
		"after people were told, and before they hear that it is over": {call: ends, until: func(w *telling) {
			w.ticks(time.Minute)
			w.recovers("A")
			w.clock.add(10 * time.Second)
		}, want: []string{"trigger"}},
		"recovered during the call": {call: func(w *telling) {
			ends(w)
			w.agent.meanwhile(func() { w.clock.add(time.Second); w.recovers("A") })
		}, until: func(w *telling) { w.ticks(2 * time.Minute) }, want: []string{"trigger"}},
		"recovered before the tick": {call: ends, until: func(w *telling) {
			w.recovers("A")
			w.ticks(2 * time.Minute)
		}, want: []string{"resolve", "trigger"}},
		"after an alert that is only observed": {call: func(w *telling) { w.agent.meanwhile(runtime.Goexit) }, dies: true, until: func(w *telling) {
			w.clock.add(10 * time.Second)
			w.recovers("A")
			w.ticks(2 * time.Minute)
			w.observes(2 * time.Minute)
			w.triggers("A", critical)
			w.ticks(4 * time.Minute)
			w.wantPages()
		}, want: []string{"trigger"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTelling(t, unfollowed, stop, grouped)
			c.call(w)
			a := w.alertOf("A", alert.Triggered, critical)
			if c.dies {
				w.crash(func() { _ = w.try(a) })
			} else {
				w.send(a)
			}
			id := w.verdict(a).Case
			w.clock.add(5 * time.Second)
			c.until(w)
			if d := w.triggers("B", critical); d.Verdict != gate.Join || d.Case != id {
				t.Fatalf("it is %s %s of %s, and is to join %s", d.Verdict, d.Reason, d.Case, id)
			}
			w.ticks(10 * time.Minute)
			var want []string
			for _, action := range c.want {
				want = append(want, action+" "+id)
			}
			w.wantPages(want...)
			if got := w.became(id); !slices.Contains(got, "datadog doubtful told") {
				t.Errorf("became %q", got)
			}
			w.recovers("A")
			w.recovers("B")
			w.ticks(20 * time.Minute)
			w.wantPages(append(want, "resolve "+id)...)
		})
	}
}

// The page for a doubt that fires again waits for a pager that is away, though somebody else writes the post meanwhile. That a
// try before may have arrived is not forgotten: what is left out again may be open.
func TestDoubtThatFiresAgainWaits(t *testing.T) {
	for _, tried := range []bool{false, true} {
		t.Run(fmt.Sprint("tried before: ", tried), func(t *testing.T) {
			w := newTelling(t, unfollowed, stop, grouped)
			w.agent.says(delivery.TimedOut)
			if !tried {
				w.agent.meanwhile(func() { w.clock.add(time.Second); w.recovers("A") })
			}
			id := w.triggers("A", critical).Case
			became := "pagerduty doubtful left_out"
			if tried {
				became = "pagerduty doubtful left_tried"
				w.pager.Next(answertest.Status(503, ""))
				w.tick(time.Minute)
				w.recovers("A")
			}
			w.ticks(5 * time.Minute)
			if got := w.became(id); !slices.Contains(got, became) {
				t.Fatalf("became %q, want %s", got, became)
			}
			before := len(w.pages())
			w.agent.says(delivery.ErrorsInBody)
			w.pager.Next(answertest.Throttled("300"))
			w.triggers("C", critical, func(a *alert.Alert) { a.Tags = []string{"env:elsewhere"} })
			w.ticks(time.Minute) // the pager wants to be left alone
			w.triggers("B", critical)
			w.noting.next = []func(gate.Change) error{func(gate.Change) error { w.triggers("B2", critical); return nil }}
			w.tick(time.Minute)
			if p := w.post(id); p.Over || len(w.pages()) != before {
				t.Errorf("nobody waits for the pager: %+v, which has %q", p, w.pages())
			}
			if tried {
				w.recovers("B")
				w.recovers("B2")
				w.tick(time.Minute)
				if got := w.became(id); !slices.Contains(got, became) {
					t.Errorf("became %q, want %s", got, became)
				}
				w.triggers("B", critical)
			}
			w.ticks(20 * time.Minute)
			if got := w.pages()[before:]; !slices.Contains(got, "trigger "+id) {
				t.Errorf("the pager has %q since", got)
			}
		})
	}
}

// observes sets the mode by hand for a while.
func (w *telling) observes(lasts time.Duration) {
	w.t.Helper()
	v, err := w.store.Ledger.LookCase(w.t.Context(), "x", "default", w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	now := w.clock.Now()
	o := gate.ModeOrder{Mode: gate.ModeObserve, Order: gate.Order{By: "ana", Reason: "noise", At: now, Until: now.Add(lasts)}}
	if err := w.store.Ledger.Commit(w.t.Context(), gate.SetMode(v.Hand, o, now)); err != nil {
		w.t.Fatal(err)
	}
}

// refusedAndRecovered is a critical case that people were woken for, and told that it is over.
func (w *telling) refusedAndRecovered() string {
	w.t.Helper()
	w.agent.says(delivery.ErrorsInBody)
	id := w.triggers("A", critical).Case
	w.ticks(2 * time.Minute)
	w.recovers("A")
	w.ticks(40 * time.Minute)
	w.wantPages("trigger "+id, "resolve "+id)
	return id
}

// promotes starts a case by hand.
func (w *telling) promotes(id string) {
	w.t.Helper()
	v, err := w.store.Ledger.LookCase(w.t.Context(), id, "default", w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	d, err := gate.Promote(v, id, gate.Order{By: "ana", Reason: "again", At: w.clock.Now()}, w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Ledger.Commit(w.t.Context(), d.Change); err != nil {
		w.t.Fatal(err)
	}
}

// A ledger that does not say whether it still fires is no reason to leave somebody asleep, nor to resolve.
func TestWhatFiresCannotBeRead(t *testing.T) {
	w := newTelling(t)
	id := w.triggers("A", critical).Case
	w.tick(time.Minute)
	w.recovers("A")
	w.learns(id, gate.Failed)
	w.noting.looks = errDown
	if err := w.tryTick(time.Minute); err == nil || !strings.Contains(err.Error(), "whether it still fires could not be read") {
		t.Errorf("the tick says %v", err)
	}
	w.wantPages("trigger " + id)
	w.noting.looks = nil
	w.ticks(2 * time.Minute)
	w.wantPages("trigger "+id, "resolve "+id)
}

// Of two recoveries at once of a refused case the one that commits second is the last, and people are told of it.
func TestTwoRecoveriesAtOnce(t *testing.T) {
	w := newTelling(t, grouped, held)
	w.agent.says(delivery.ErrorsInBody)
	id := w.triggers("A").Case // held, so that the second joins it
	w.triggers("B", critical)
	w.ticks(2 * time.Minute)
	w.wantCase(id, gate.Refused, 2)
	w.wantPages("trigger " + id)
	w.store.beforeCommit(func() { w.recovers("B") })
	w.recovers("A")
	if c := w.caseOf(id); c.Firing != 0 {
		t.Errorf("%d fire", c.Firing)
	}
	if p := w.post(id); !slices.ContainsFunc(p.Happened, func(h gate.Happened) bool { return h.Moment == gate.HasRecovered }) {
		t.Errorf("nobody notes that it has recovered: %+v", p)
	}
	w.tick(time.Minute)
	w.wantPages("trigger "+id, "resolve "+id)
}

// A doubt that is left for a person wakes him where it is critical; settled, stopped or recovered, it is resolved.
func TestDoubtThatIsLeftIsPaged(t *testing.T) {
	for name, c := range map[string]struct {
		policy func(*gatetest.Policy)
		waits  time.Duration // until it is left
		play   func(*telling, string)
		title  string // of the resolve
	}{
		"not repeated, and it recovers": {stop, time.Minute, func(w *telling, _ string) { w.recovers("A") }, "Over without a result"},
		"not repeated, and it is stopped": {stop, time.Minute, func(w *telling, id string) {
			w.stops(id)
		}, "Stopped by hand"},
		"repeated in vain, and it recovers": {func(*gatetest.Policy) {}, 2 * time.Hour, func(w *telling, _ string) { w.recovers("A") }, "Over without a result"},
		"repeated in vain, and sent by hand": {func(*gatetest.Policy) {}, 2 * time.Hour, func(w *telling, id string) {
			w.agent.answers = nil
			w.promotes(id)
		}, "Investigation started"},
		"the Agent is asked first, and has it": {func(p *gatetest.Policy) { p.Followed = true; stop(p) }, time.Hour, func(w *telling, id string) { w.learns(id, gate.InProgress) }, "Investigation started"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTelling(t, unfollowed, c.policy)
			w.schedule.Work, w.schedule.Spaces = nothingThere{}, map[string]string{"default": "space-1"}
			for range 20 {
				w.agent.says(delivery.TimedOut)
			}
			id := w.triggers("A", critical).Case
			w.triggers("B")
			pages := func() (got []string, last answertest.PagerDutyEvent) {
				for _, e := range w.pager.Events() {
					if e.DedupKey == id { // the Agent has one of its own while it answers nothing
						got, last = append(got, e.Action), e
					}
				}
				return got, last
			}
			w.ticks(c.waits)
			got, last := pages()
			if title, _, _ := strings.Cut(last.Payload.Summary, ": "); !slices.Equal(got, []string{"trigger"}) || title != "Investigation in doubt" || last.Payload.Class != "doubtful" {
				t.Fatalf("PagerDuty has %q, the last is %+v; the case %+v", got, last.Payload, w.caseOf(id))
			}
			c.play(w, id)
			w.ticks(2 * time.Minute)
			got, last = pages()
			if title, _, _ := strings.Cut(last.Payload.Summary, ": "); !slices.Equal(got, []string{"trigger", "resolve"}) || title != c.title {
				t.Errorf("PagerDuty has %q, the last is %+v; the case %+v", got, last.Payload, w.caseOf(id))
			}
		})
	}
}

// What had come to nothing and comes to a cause after all is told once more: the page is resolved, the cause is shown. Where the
// first end is not told yet, one telling says how it stands.
func TestEndsTwice(t *testing.T) {
	for name, c := range map[string]struct {
		critical  bool
		ends      []gate.Status
		told      bool // the first end, before the second
		wantPages []string
		want      []string
		changes   int
	}{
		"failed, then completed":               {true, []gate.Status{gate.Failed, gate.Completed}, true, []string{"trigger", "resolve"}, []string{"Investigation started", "Investigation failed", "Investigated after all"}, 1},
		"the same, and high":                   {false, []gate.Status{gate.Failed, gate.Completed}, true, nil, []string{"Investigation started", "Investigation failed", "Investigated after all"}, 1},
		"the same, before it was told":         {true, []gate.Status{gate.Failed, gate.Completed}, false, nil, []string{"Investigation started", "Investigated"}, 1},
		"completed, then failed":               {true, []gate.Status{gate.Completed, gate.Failed}, true, nil, []string{"Investigation started", "Investigated"}, 1},
		"completed twice":                      {true, []gate.Status{gate.Completed, gate.InProgress, gate.Completed}, true, nil, []string{"Investigation started", "Investigated"}, 1},
		"failed, completed, failed, completed": {true, []gate.Status{gate.Failed, gate.Completed, gate.Failed, gate.Completed}, true, []string{"trigger", "resolve"}, []string{"Investigation started", "Investigation failed", "Investigated after all"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTelling(t)
			w.found.text = "The pool is too small."
			id := w.triggers("A", func(a *alert.Alert) {
				if c.critical {
					critical(a)
				}
			}).Case
			w.tick(time.Minute)
			for _, status := range c.ends {
				w.clock.add(time.Minute)
				w.learns(id, status)
				if c.told {
					w.ticks(3 * time.Minute)
				}
			}
			w.ticks(5 * time.Minute)
			var want []string
			for _, action := range c.wantPages {
				want = append(want, action+" "+id)
			}
			w.wantPages(want...)
			w.wantEvents(c.want...)
			if all := w.pager.Changes(); len(all) != c.changes || !strings.Contains(fmt.Sprint(all[0].Payload.Details["text"]), "> The pool is too small.") {
				t.Errorf("changes %+v", all)
			}
		})
	}
}

// Beyond its daily number a critical case waits, and somebody is paged; others wait in peace.
func TestBeyondItsNumberIsPaged(t *testing.T) {
	w := newTelling(t, func(p *gatetest.Policy) { p.Budget.Month, p.Budget.Bucket = 1, 1 })
	id := w.triggers("A", critical).Case
	w.triggers("B")
	w.tick(time.Minute)
	w.wantPages("trigger " + id)
	if e := w.pager.Incidents()[0].Last.Payload; e.Severity != "critical" || e.Class != "beyond" {
		t.Errorf("paged as %s, %s", e.Severity, e.Class)
	}
}

// A start that nothing confirms is told of, and paged where it is critical.
func TestUnconfirmedIsPaged(t *testing.T) {
	w := newTelling(t, func(p *gatetest.Policy) { p.Estimate = time.Hour })
	w.schedule.Work, w.schedule.Spaces = nothingThere{}, map[string]string{"default": "space-1"}
	id := w.triggers("A", critical).Case
	w.ticks(13 * time.Minute)
	w.wantPages("trigger " + id)
	w.wantEvents("Investigation started", "Investigation not confirmed")
	w.learns(id, gate.Completed)
	w.ticks(2 * time.Minute)
	w.wantPages("trigger "+id, "resolve "+id)
}

type nothingThere struct{}

func (nothingThere) Find(context.Context, string, []string, time.Time) (map[string][]gate.Task, error) {
	return nil, nil
}

// A process that dies between the telling and the note tells once more, and with the same id.
func TestCrashBetweenTellingAndNoting(t *testing.T) {
	w := newTelling(t)
	w.agent.says(delivery.ErrorsInBody)
	id := w.triggers("A", critical).Case
	w.noting.next = []func(gate.Change) error{func(gate.Change) error { panic("the process dies") }}
	if err := w.tryTick(time.Minute); err == nil || !strings.Contains(err.Error(), "case "+id+" could not be told of") {
		t.Errorf("the tick that died: %v", err)
	}
	w.wantBecame(id)
	w.ticks(2 * time.Minute)
	w.wantPages("trigger "+id, "trigger "+id)
	pages := w.pager.Events()
	if a, b := pages[0].Payload.Details["answer"], pages[1].Payload.Details["answer"]; a != b || a == nil {
		t.Errorf("the second telling has the id %v, the first %v", b, a)
	}
	if n := len(w.pager.Incidents()); n != 1 {
		t.Errorf("%d incidents", n)
	}
	w.wantBecame(id, "datadog refused told", "pagerduty refused told")
}

// Whatever comes between the telling and the note, nothing is told twice.
func TestNoteThatLosesARace(t *testing.T) {
	for name, c := range map[string]func(*telling, string){
		"an answer that is lost": func(w *telling, _ string) { w.noting.lost = 1 },
		"one that was not applied": func(w *telling, _ string) {
			w.noting.next = []func(gate.Change) error{func(gate.Change) error { return ledger.ErrUnknown }}
		},
		"a new moment": func(w *telling, id string) {
			w.noting.next = []func(gate.Change) error{func(gate.Change) error { w.learns(id, gate.Completed); return nil }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTelling(t)
			id := w.triggers("A").Case
			c(w, id)
			w.tick(time.Minute)
			w.wantEvents("Investigation started")
			if got := w.became(id); len(slices.Compact(slices.Clone(got))) != len(got) {
				t.Errorf("noted twice: %q", got)
			}
			ended := slices.ContainsFunc(w.post(id).Happened, func(h gate.Happened) bool { return h.Moment == gate.HasEnded })
			if p := w.post(id); p.Over == ended {
				t.Errorf("the post is over: %t, and there is a new moment: %t", p.Over, ended)
			}
			w.ticks(3 * time.Minute)
			if ended {
				w.wantEvents("Investigation started", "Investigated")
			} else {
				w.wantEvents("Investigation started")
			}
		})
	}
}

// What is new is told at once, also where something older could not be told for long.
func TestNewsDoNotWaitForWhatFails(t *testing.T) {
	w := newTelling(t, func(p *gatetest.Policy) { p.Estimate = time.Hour })
	w.events.Always(answertest.Status(503, ""))
	id := w.triggers("A", critical).Case
	w.ticks(5 * time.Minute)
	w.noting.next = []func(gate.Change) error{func(gate.Change) error { w.learns(id, gate.Failed); return nil }}
	for len(w.noting.next) > 0 { // until the next try is noted
		w.tick(time.Minute)
	}
	w.wantPages()
	if p := w.post(id); p.Until.After(w.clock.Now()) {
		t.Errorf("what is new is told at %s only", p.Until)
	}
	w.tick(time.Minute)
	w.wantPages("trigger " + id)
}

// The same where one place was told, and the other wants to be left alone.
func TestNewsDoNotWaitForARest(t *testing.T) {
	w := newTelling(t)
	w.events.Always(answertest.Throttled("600"))
	w.agent.says(delivery.ErrorsInBody)
	id := w.triggers("A", critical).Case
	w.noting.next = []func(gate.Change) error{func(gate.Change) error { w.recovers("A"); return nil }}
	w.ticks(2 * time.Minute)
	w.wantPages("trigger "+id, "resolve "+id)
}

// A place hears of things in the order in which they happened: what it could not be told of yet comes before what follows.
func TestThingsAreToldInOrder(t *testing.T) {
	w := newTelling(t)
	id := w.triggers("A").Case
	w.clock.add(time.Second)
	w.learns(id, gate.Completed)
	w.events.Next(answertest.Queued) // and says nothing of this one
	w.tick(time.Minute)
	w.wantEvents()
	w.ticks(3 * time.Minute)
	w.wantEvents("Investigation started", "Investigated")
}

// A place that is away for hours is caught up, without what does not matter any more, and the post says so. It holds up no
// other place.
func TestCatchUp(t *testing.T) {
	w := newTelling(t, slots(2))
	w.events.Always(answertest.Unreachable)
	w.agent.says(delivery.Unauthorized)
	id := w.triggers("A", critical).Case // shut, then started, then over
	w.tick(time.Minute)
	w.wantPages("trigger " + id)
	w.agent.version = "v2"
	w.ticks(2 * time.Minute)
	w.wantPages("trigger "+id, "resolve "+id)
	w.learns(id, gate.Completed)
	w.ticks(5 * time.Hour)
	asked := len(w.events.Requests())
	w.events.Always(nil)
	w.ticks(20 * time.Minute)
	w.wantEvents("Investigated")
	w.wantBecame(id, "datadog waits left_out", "datadog started left_out", "datadog ended told",
		"pagerduty waits told", "pagerduty started told", "pagerduty ended told")
	for _, d := range w.post(id).Told {
		if d.As == gate.LeftOut && d.Words == "" {
			t.Errorf("%s was left out at %s, and nothing says why", d.Moment, d.Target)
		}
	}
	if asked > 0 { // what is unreachable keeps no request
		t.Errorf("%d requests", asked)
	}
}

// A place that is away for a day is not waited for any longer: it is said, and counted.
func TestGivenUpAfterADay(t *testing.T) {
	w := newTelling(t)
	w.events.Always(answertest.Status(503, ""))
	id := w.triggers("A").Case
	w.ticks(23 * time.Hour)
	p := w.post(id)
	if p.Over || p.Tries < 10 {
		t.Errorf("after 23 hours the post is %+v", p)
	}
	if len(p.Late) != 1 || p.Late[0].Target != tell.Events || !strings.Contains(p.Late[0].Words, "503") || p.Late[0].At.Before(w.clock.Now().Add(-20*time.Minute)) {
		t.Errorf("after 23 hours the post says that it is late by %+v", p.Late)
	}
	if n := len(w.events.Requests()); n > 130 { // every 15 minutes, two moments by then
		t.Errorf("%d requests in 23 hours", n)
	}
	w.out.take()
	w.ticks(4 * time.Hour)
	w.wantBecame(id, "datadog started left_out", "datadog unconfirmed left_out", "datadog ended given_up",
		"pagerduty started left_out", "pagerduty unconfirmed left_out", "pagerduty ended left_out")
	given, _, err := w.store.Ledger.(ledger.Lister).GivenUp(t.Context(), p.Agent, w.clock.Now().Add(-5*time.Hour), w.clock.Now())
	if err != nil || len(given) != 1 || given[0].ID != id || len(given[0].Late) != 0 {
		t.Errorf("given up are %+v, %v", given, err)
	}
	records, counted := w.written()
	if counted["AnswerGivenUp"] != 1 || !slices.ContainsFunc(records, func(r map[string]any) bool {
		return r["message"] == "answer not told" && r["how"] == "given_up" && r["level"] == "ERROR" && strings.HasPrefix(r["words"].(string), "it could not be told for 24 hours")
	}) {
		t.Errorf("counted %v, records %v", counted, records)
	}
}

// Wrong keys, an answer of 202 that means nothing, and every other misbehaviour lose nothing; what the place will not
// have is given up.
func TestEveryMisbehaviour(t *testing.T) {
	for name, behave := range answertest.Behaviours() {
		t.Run(name, func(t *testing.T) {
			w := newTelling(t)
			for range 4 {
				w.events.Next(behave)
			}
			id := w.triggers("A").Case
			w.ticks(40 * time.Minute)
			if n := len(w.events.Events()); n == 0 && !slices.Contains(w.became(id), "datadog started given_up") {
				t.Errorf("nothing was told, and nothing given up: %q", w.became(id))
			}
			if p := w.post(id); !p.Over {
				t.Errorf("after 40 minutes the post is %+v", p)
			}
		})
	}
}

// With a wrong key nothing is lost, and all is told when it is mended.
func TestWrongKey(t *testing.T) {
	w := newTelling(t)
	right := w.events.Key()
	w.events.Secrets().Set("0123456789abcdef0123456789abcdef")
	id := w.triggers("A").Case
	w.ticks(5 * time.Minute)
	w.wantEvents()
	w.events.Secrets().Set(right)
	w.ticks(15 * time.Minute)
	if len(w.events.Events()) == 0 || w.events.Events()[0].Title != "Investigation started: Monitor A" {
		t.Errorf("%+v, became %q", w.events.Events(), w.became(id))
	}
}

// A place that asks to be left alone is, also for other cases and by the next ticks.
func TestRetryAfterIsRespected(t *testing.T) {
	w := newTelling(t)
	w.events.Next(answertest.Throttled("300"))
	w.triggers("A")
	w.tick(time.Minute)
	w.triggers("B")
	w.ticks(4 * time.Minute)
	if n := len(w.events.Requests()); n != 1 {
		t.Errorf("%d requests within the time that was asked for", n)
	}
	w.ticks(3 * time.Minute)
	w.wantEvents("Investigation started", "Investigation started")
}

// A place that hangs is tried once in a tick, and the other one is told all the same.
func TestPlaceThatHangs(t *testing.T) {
	w := newTelling(t)
	w.events.Always(answertest.Hang)
	for _, name := range []string{"A", "B", "C", "D", "E", "F"} {
		w.agent.says(delivery.ErrorsInBody)
		w.triggers(name, critical)
	}
	before := w.clock.Now()
	w.tick(time.Minute)
	if took := w.clock.Now().Sub(before) - time.Minute; took > 6*time.Second {
		t.Errorf("the tick took %s", took)
	}
	if n := len(w.events.Requests()); n != 1 || len(w.pager.Incidents()) != 6 {
		t.Errorf("%d requests to what hangs, %d incidents", n, len(w.pager.Incidents()))
	}
}

// The telling ends with its time, and what is left is told by the next ticks.
func TestTellingIsBounded(t *testing.T) {
	w := newTelling(t)
	w.events.Always(answertest.Slow(4 * time.Second))
	for i := range 20 {
		w.triggers(fmt.Sprint("M", i))
	}
	before := w.clock.Now()
	w.tick(time.Minute)
	if took := w.clock.Now().Sub(before) - time.Minute; took > tell.MaxTime+5*time.Second || len(w.events.Events()) != 5 {
		t.Errorf("the tick took %s and told %d", took, len(w.events.Events()))
	}
	w.ticks(5 * time.Minute)
	if n := len(w.events.Events()); n != 20 {
		t.Errorf("%d told", n)
	}
}

// Nothing begins when the invocation is about to end: a telling that is cut off would be a doubt.
func TestNothingBeginsShortlyBeforeTheEnd(t *testing.T) {
	for left, want := range map[time.Duration]int{tell.StopBefore - time.Second: 0, tell.StopBefore + time.Second: 1} {
		w := newTelling(t)
		w.events.Always(answertest.Slow(2 * time.Second))
		w.triggers("A")
		w.triggers("B")
		ctx, cancel := virtual.WithTimeout(virtual.With(t.Context(), ticking{w.clock}), left)
		if _, err := w.schedule.Handle(ctx, struct{}{}); err != nil {
			t.Error(err)
		}
		cancel()
		if n := len(w.events.Events()); n != want {
			t.Errorf("with %s left %d are told, want %d", left, n, want)
		}
	}
}

// Nothing starts later because somebody is told: the tick's cases come first.
func TestCasesComeBeforeTelling(t *testing.T) {
	w := newTelling(t, held)
	id := w.triggers("A").Case
	other := w.triggers("B", critical).Case
	called := 0
	w.teller.Targets = []tell.Target{{Name: tell.Events, Place: place(func(told.Answer) told.Result {
		called++
		if w.caseOf(id).State != gate.Started {
			t.Errorf("the case is %s while something is told", w.caseOf(id).State)
		}
		return told.Result{End: told.Delivered}
	})}}
	w.tick(time.Minute)
	if called != 2 { // of both, for what starts in a tick is told in it
		t.Errorf("told %d times; became %q, %q", called, w.became(id), w.became(other))
	}
}

type place func(told.Answer) told.Result

func (p place) Deliver(_ context.Context, a told.Answer) told.Result { return p(a) }

// A place that panics keeps the tick from no case, and from no other post.
func TestPlaceThatPanics(t *testing.T) {
	w := newTelling(t)
	a, b := w.triggers("A").Case, w.triggers("B").Case
	w.teller.Targets = []tell.Target{{Name: tell.Events, Place: place(func(an told.Answer) told.Result {
		if an.Case == a {
			panic("boom")
		}
		return told.Result{End: told.Delivered}
	})}}
	if err := w.tryTick(time.Minute); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("the tick says %v", err)
	}
	w.wantBecame(a)
	w.wantBecame(b, "datadog started told")
}

// An end waits for what was found, ten minutes at most; what it gets is bounded and marked, whatever it is.
func TestSummaries(t *testing.T) {
	fault := func(f delivery.Fault) error {
		return fmt.Errorf("asking: %w", &delivery.APIError{Fault: f, Call: "ListJournalRecords"})
	}
	for name, c := range map[string]struct {
		text  string
		err   error
		after time.Duration // it is told
		says  string
	}{
		"there":           {"The pool.", nil, 0, "> The pool."},
		"empty":           {"", nil, 0, "alertbridge explain"},
		"huge":            {strings.Repeat("word ", 50_000), nil, 0, "> word word"},
		"hostile":         {"ok\nWhat to do now: rm -rf /\n%%% @all", nil, 0, "> What to do now: rm -rf /"},
		"not there yet":   {"", fault(delivery.APIGone), 10 * time.Minute, "could not be read: gone"},
		"throttled":       {"", fault(delivery.APIThrottled), 10 * time.Minute, "could not be read: throttled"},
		"no permission":   {"", fault(delivery.APIDenied), 10 * time.Minute, "could not be read: denied"},
		"nobody can read": {"", fault(delivery.APIUnreadable), 0, "could not be read: unreadable"},
		"strange":         {"", errors.New("boom"), 0, "could not be read: unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTelling(t)
			w.found.text, w.found.err = c.text, c.err
			id := w.triggers("A").Case
			w.tick(time.Minute)
			w.learns(id, gate.Completed)
			began := w.clock.Now()
			for len(w.events.Events()) < 2 && w.clock.Now().Sub(began) < time.Hour {
				w.tick(time.Minute)
			}
			e := w.events.Events()[1]
			if waited := w.clock.Now().Sub(began).Truncate(time.Minute); waited != max(c.after, time.Minute) {
				t.Errorf("told after %s, want %s", waited, c.after)
			}
			if !strings.Contains(e.Text, c.says) || len(e.Text) > 4000 || strings.Contains(e.Text, "\nWhat to do now: rm") {
				t.Errorf("it says\n%s\nwant %q in it", e.Text, c.says)
			}
		})
	}
}

// Whatever becomes of a case, Datadog shows at most four events of it, and its end is one of them.
func TestAtMostFourEvents(t *testing.T) {
	w := newTelling(t, slots(1), func(p *gatetest.Policy) { p.Estimate = time.Hour })
	w.schedule.Work, w.schedule.Spaces = nothingThere{}, map[string]string{"default": "space-1"}
	first := w.triggers("A").Case
	id := w.triggers("B").Case // waits
	w.tick(time.Minute)
	w.agent.says(delivery.ErrorsInBody)
	w.learns(first, gate.Completed)
	w.ticks(2 * time.Minute) // refused
	w.promotes(id)
	w.ticks(15 * time.Minute) // started, and not confirmed
	w.learns(id, gate.Completed)
	w.ticks(5 * time.Minute)
	w.wantBecame(id,
		"datadog waits told", "datadog refused told", "datadog started told", "datadog unconfirmed left_out", "datadog ended told",
		"pagerduty waits left_out", "pagerduty refused left_out", "pagerduty started left_out", "pagerduty unconfirmed left_out", "pagerduty ended told")
}

// An Agent that is away is told of once, after ten minutes, however many cases wait for it; and that it is back.
func TestAgentDownAndUp(t *testing.T) {
	w := newTelling(t, unfollowed)
	down := func() {
		for range 200 {
			w.agent.says(delivery.ConnectionFailed)
		}
	}
	down()
	for _, name := range []string{"A", "B", "C"} {
		w.triggers(name, critical)
	}
	w.ticks(9 * time.Minute)
	w.wantPages()
	w.ticks(30 * time.Minute)
	if pages := w.pager.Events(); len(pages) != 1 || !strings.HasPrefix(pages[0].DedupKey, "agent:default@") || pages[0].Action != "trigger" {
		t.Fatalf("pages %+v", pages)
	}
	key := w.pager.Events()[0].DedupKey
	w.agent.answers = nil
	w.ticks(20 * time.Minute)
	if open := w.pager.Incidents(); len(open) != 1 || open[0].Open {
		t.Errorf("incidents %+v", open)
	}
	var titles []string
	for _, e := range w.events.Events() {
		if e.AggregationKey == key {
			titles = append(titles, e.Title)
		}
	}
	if want := []string{"AWS DevOps Agent (default) cannot be reached", "AWS DevOps Agent (default) can be reached again"}; !slices.Equal(titles, want) {
		t.Errorf("Datadog has %q, want %q", titles, want)
	}
	if p := w.post(gate.AgentPost("default")); !p.Over || len(p.Happened) != 0 {
		t.Errorf("the Agent's post is %+v", p)
	}
	down() // another outage is another incident
	w.triggers("D", critical)
	w.ticks(20 * time.Minute)
	if all := w.pager.Incidents(); len(all) != 2 || all[1].Key == key || !all[1].Open {
		t.Errorf("incidents %+v", all)
	}
}

// A task that the Agent has made after its rest ends the outage, though no start was accepted.
func TestOutageEndsWithATask(t *testing.T) {
	for name, late := range map[string]time.Duration{"made after the rest": time.Second, "made in it": -time.Second} {
		w := newTelling(t)
		for range 200 {
			w.agent.says(delivery.ConnectionFailed)
		}
		id := w.triggers("A").Case
		w.ticks(15 * time.Minute)
		v, err := w.store.Ledger.LookCase(t.Context(), id, "default", w.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		made := v.Account.Down.Until.Add(late)
		w.clock.add(v.Account.Down.Until.Sub(w.clock.Now()) + 2*time.Second)
		w.learns(id, gate.InProgress, func(k *gate.Task) { k.Created = made })
		w.tick(time.Second)
		if all := w.pager.Incidents(); len(all) != 1 || all[0].Open == (late > 0) {
			t.Errorf("%s: incidents %+v", name, all)
		}
	}
}

// An outage that is over within ten minutes is told to nobody, and one that nothing tries any more neither.
func TestShortOutage(t *testing.T) {
	w := newTelling(t)
	w.agent.says(delivery.ConnectionFailed, delivery.ConnectionFailed)
	w.triggers("A")
	w.ticks(8 * time.Minute)
	if p := w.post(gate.AgentPost("default")); p.Version == 0 || !p.Over {
		t.Errorf("the Agent's post is %+v", p)
	}
	w.agent.says(delivery.ConnectionFailed)
	w.triggers("B")
	w.recovers("B")
	w.ticks(2 * time.Hour)
	w.wantPages()
	if p := w.post(gate.AgentPost("default")); !p.Over {
		t.Errorf("the Agent's post is %+v", p)
	}
}

// The pager is away when an outage is to be told, and hears of its end alone; Datadog hears of neither.
func TestOutageThatNobodyCouldBeToldOf(t *testing.T) {
	w := newTelling(t)
	w.agent.says(delivery.Unauthorized)
	w.triggers("A")
	w.events.Always(answertest.Status(500, ""))
	w.pager.Always(answertest.Taken(answertest.Status(500, "")))
	w.ticks(30 * time.Minute)
	if all := w.pager.Incidents(); len(all) != 1 || !all[0].Open {
		t.Fatalf("incidents %+v", all)
	}
	w.agent.version = "v2"
	w.tick(time.Minute) // opens it
	w.events.Always(nil)
	w.pager.Always(nil)
	w.ticks(20 * time.Minute)
	if all := w.pager.Incidents(); len(all) != 1 || all[0].Open {
		t.Errorf("incidents %+v", all)
	}
	for _, e := range w.events.Events() {
		if strings.Contains(e.Title, "AWS DevOps Agent (default)") {
			t.Errorf("Datadog was told %q", e.Title)
		}
	}
}

// Without somebody to tell, nothing is noted and nothing is told.
func TestNobodyToTell(t *testing.T) {
	b := newBridge(t)
	id := b.triggers("A").Case
	b.tick(time.Minute)
	p, err := b.store.Ledger.(ledger.Outbox).Post(t.Context(), id, b.clock.Now())
	if err != nil || p.Version != 0 {
		t.Errorf("post %+v, %v", p, err)
	}
}

// A ledger that fails for the outbox is said in the tick's own record, and keeps no case from its start.
func TestOutboxThatCannotBeRead(t *testing.T) {
	w := newTelling(t, held)
	id := w.triggers("A").Case
	w.teller.Outbox = noOutbox{}
	if err := w.tryTick(time.Minute); err == nil || !strings.Contains(err.Error(), "the outbox of the Agent \"default\" could not be read") {
		t.Errorf("the tick says %v", err)
	}
	w.wantCase(id, gate.Started, 1)
}

type noOutbox struct{ ledger.Outbox }

func (noOutbox) Posts(context.Context, string, time.Time) ([]string, error) { return nil, errDown }

// Keys and what alerts hold of secrets are in no line that is written, and in nothing that is told.
func TestTellingKeepsSecrets(t *testing.T) {
	for name, behave := range answertest.Behaviours() {
		w := newTelling(t)
		secrets := redacttest.Secrets()
		w.found.text = ""
		for _, s := range secrets {
			w.found.text += "found " + s.Text + "\n"
		}
		w.events.Next(behave)
		w.pager.Next(behave)
		w.agent.says(delivery.ErrorsInBody)
		w.triggers("R", critical)
		id := w.triggers("A", func(a *alert.Alert) { a.Title = "token " + secrets[0].Text }).Case
		w.tick(time.Minute)
		w.learns(id, gate.Completed)
		w.ticks(4 * time.Minute)
		lines := strings.Join(w.out.take(), "\n")
		for what, key := range map[string]string{"Datadog's key": w.events.Key(), "PagerDuty's key": w.pager.Key()} {
			if form := redacttest.Found(lines, key); form != "" {
				t.Errorf("%s: %s is in the log, %s", name, what, form)
			}
		}
		if strings.Contains(lines, "found ") {
			t.Errorf("%s: an answer's text is in the log", name)
		}
		for _, e := range w.events.Events() {
			for _, s := range secrets {
				if form := redacttest.Found(e.Title+"\n"+e.Text, s.Value); form != "" {
					t.Errorf("%s: %s is told, %s: %s", name, s.Name, form, e.Text)
				}
			}
		}
	}
}
