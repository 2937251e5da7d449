package caseview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

var now = time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)

// full is a case of which everything is known.
func full() gate.Case {
	return gate.Case{
		ID: "ab-k5w2q7n3xj4mzyta", Agent: "default", State: gate.InDoubt, Until: now.Add(time.Minute),
		Opened: now.Add(-5 * time.Minute), StartAt: now.Add(-4*time.Minute - 100*time.Microsecond), Last: now.Add(-90 * time.Second),
		Severity: alert.Critical, Attempt: 2, Doubts: 1, Note: "timed_out: no answer", Version: 7, Firing: 2, Joined: 3,
		Title: "Checkout answers slowly", Service: "checkout", Incident: "1000042/24018841/c.1", TraceID: "6ac36795",
		Trace: "carrier", NoRepeat: true,
		Members: []gate.Member{
			{Incident: "1000042/24018842/c.2", Title: "Cart answers slowly", Scope: "service:cart", Severity: alert.High, Since: now.Add(-3 * time.Hour)},
			{Incident: "1000042/24018843/c.3", Title: "Payments fail", Severity: alert.Low},
		},
	}
}

func TestWrite(t *testing.T) {
	var out strings.Builder
	if err := Write(&out, Of(full(), now), now); err != nil {
		t.Fatal(err)
	}
	want := `case               ab-k5w2q7n3xj4mzyta
title              Checkout answers slowly
state              in_doubt
next try           2026-11-03 10:01:00 UTC (in 60s)
severity           CRITICAL
service            checkout
incident           1000042/24018841/c.1
agent              default
opened             2026-11-03 09:55:00 UTC (5m ago)
start decided      2026-11-03 09:55:59 UTC (4m ago)
last notification  2026-11-03 09:58:30 UTC (90s ago)
firing             2 of its incidents
joined             3 alerts
attempts           2
doubts             1, and it is not repeated
note               timed_out: no answer
trace id           6ac36795
members            HIGH, Cart answers slowly, service:cart, since 2026-11-03 07:00:00 UTC (3h ago)
                   LOW, Payments fail
`
	if got := out.String(); got != want {
		t.Errorf("it printed\n%s\nwant\n%s", got, want)
	}
}

// What is not usual stands beside the title in a list, and in words on a page of its own.
func TestWriteWhatIsUnusual(t *testing.T) {
	c := gate.Case{
		ID: "ab-1", State: gate.Waiting, Why: gate.WhyStorm, Title: "Storm", Shadow: true, Storm: "1/prod", Services: []string{"a", "b", "c", "d", "e", "f"},
		Hand:  gate.Order{By: "ana@laptop", Reason: "real", At: now},
		Steps: []gate.Step{{At: now, Text: "waits (storm)"}, {At: now.Add(time.Minute), Text: "start asked for by hand by ana@laptop: real"}},
	}
	var out strings.Builder
	if err := WriteList(&out, List{Cases: []Case{Of(c, now)}}, now); err != nil || !strings.Contains(out.String(), "  Storm (only observed) (storm) (by hand)\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
	out.Reset()
	if err := Write(&out, Of(c, now), now); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"observed  only; it takes no slot and no money\n", "storm of  1/prod\n", "services  6: a, b, c, d, e and more\n",
		"by hand   start asked for by ana@laptop: real\n",
		"steps     2026-11-03 10:00:00 UTC  waits (storm)\n          2026-11-03 10:01:00 UTC  start asked for by hand by ana@laptop: real\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
	if got := services([]string{"a"}); got != "1: a" {
		t.Errorf("one service: %q", got)
	}
	text, err := json.Marshal(Of(c, now))
	if err != nil || !strings.Contains(string(text), `"observed":true,"storm":"1/prod","services":["a",`) ||
		!strings.Contains(string(text), `"by_hand":{"by":"ana@laptop","reason":"real","at":"2026-11-03T10:00:00Z"}`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestJSONNamesWhatIsKnownAndLeavesOutTheRest(t *testing.T) {
	text, err := json.Marshal(Of(gate.Case{ID: "c", Agent: "default", State: gate.Waiting, Why: gate.WhySlots, Severity: alert.Low}, now))
	want := `{"id":"c","agent":"default","state":"waiting","why":"slots","severity":"LOW","title":"","service":"","incident":"","firing":0,"joined":0,"attempts":0,"doubts":0}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	text, err = json.Marshal(Of(full(), now))
	if err != nil || strings.Contains(string(text), "carrier") || !strings.Contains(string(text), `"start":"2026-11-03T09:55:59.999Z"`) ||
		!strings.Contains(string(text), `"members":[{"incident":"1000042/24018842/c.2","title":"Cart answers slowly","scope":"service:cart","severity":"HIGH","since":"2026-11-03T07:00:00Z"}`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestWriteList(t *testing.T) {
	waiting := Of(gate.Case{ID: "ab-1", State: gate.Waiting, Why: gate.WhyAgentDown, Severity: alert.Medium, Opened: now.Add(-3 * time.Hour), Until: now.Add(30 * time.Second), Firing: 1, Title: strings.Repeat("長", 61)}, now)
	ended := Of(gate.Case{ID: "ab-2", State: gate.Ended, How: gate.EndAssumed, Severity: alert.High, Opened: now.Add(-72 * time.Hour), Until: now, Title: "T"}, now)
	resting := Of(gate.Case{ID: "ab-3", State: gate.InDoubt, Resting: true, Severity: alert.Minimal, Title: "R"}, now)
	var out strings.Builder
	if err := WriteList(&out, List{Cases: []Case{waiting, ended, resting}, More: true}, now); err != nil {
		t.Fatal(err)
	}
	want := `CASE  STATE                 SEVERITY  OPENED  UNTIL   FIRING  JOINED  TITLE
ab-1  waiting (agent_down)  MEDIUM    3h ago  in 30s  1       0       ` + strings.Repeat("長", 59) + `…
ab-2  ended (assumed)       HIGH      3d ago  now     0       0       T
ab-3  in_doubt (resting)    MINIMAL   -       -       0       0       R

There are more than these 3: --limit shows more, --state fewer.
`
	if got := out.String(); got != want {
		t.Errorf("it printed\n%s\nwant\n%s", got, want)
	}
	out.Reset()
	if err := WriteList(&out, List{}, now); err != nil || out.String() != "There is no such case.\n" {
		t.Errorf("an empty list: %q, %v", out.String(), err)
	}
}

// shelf is a ledger whose lists come in pages of two, as an index gives them.
type shelf struct {
	cases map[gate.Bucket][]gate.Case
	posts map[string]gate.Post
	pages int
	err   error
	lost  error // of posts
}

func (s *shelf) List(_ context.Context, agent string, b gate.Bucket, _ int, from string, _ time.Time) ([]gate.Case, string, error) {
	s.pages++
	if s.err != nil {
		return nil, "", s.err
	}
	var page []gate.Case
	for i, c := range s.cases[b] {
		if c.Agent != agent || fmt.Sprint(i) < from {
			continue
		}
		if len(page) == 2 {
			return page, fmt.Sprint(i), nil
		}
		page = append(page, c)
	}
	return page, "", nil
}

func (s *shelf) LookCase(_ context.Context, id, _ string, _ time.Time) (gate.View, error) {
	v := gate.View{Cases: map[string]gate.Case{}}
	for _, list := range s.cases {
		for _, c := range list {
			if c.ID == id {
				v.Cases[id] = c
			}
		}
	}
	return v, s.err
}

func (s *shelf) Post(_ context.Context, id string, _ time.Time) (gate.Post, error) {
	return s.posts[id], s.lost
}

func (s *shelf) Verdict(context.Context, string, time.Time) (*gate.Delivery, error) { return nil, nil }

func (s *shelf) Untold(context.Context, string, time.Time) ([]gate.Post, bool, error) {
	return nil, false, nil
}

func (s *shelf) GivenUp(context.Context, string, time.Time, time.Time) ([]gate.Post, bool, error) {
	return nil, false, nil
}

func (s *shelf) Incidents(context.Context, string, string, int, time.Time) ([]gate.Incident, error) {
	return nil, nil
}

func newShelf() *shelf {
	s := &shelf{cases: map[gate.Bucket][]gate.Case{}}
	for _, row := range []struct {
		id    string
		state gate.State
		rest  bool
	}{
		{"w1", gate.Waiting, false},
		{"w2", gate.Waiting, false},
		{"w3", gate.Waiting, false},
		{"s1", gate.Started, false},
		{"d1", gate.InDoubt, false},
		{"s2", gate.Starting, false},
		{"s3", gate.Started, false},
		{"d2", gate.InDoubt, true},
		{"r1", gate.Refused, false},
		{"e1", gate.Ended, false},
		{"e2", gate.Ended, false},
		{"e3", gate.Ended, false},
	} {
		c := gate.Case{ID: row.id, Agent: "default", State: row.state, Resting: row.rest}
		s.cases[c.Bucket()] = append(s.cases[c.Bucket()], c)
	}
	return s
}

func TestFind(t *testing.T) {
	for _, row := range []struct {
		state string
		limit int
		want  string
		more  bool
	}{
		{Open, 50, "d2 r1 w1 w2 w3 s1 d1 s2 s3", false},
		{Open, 9, "d2 r1 w1 w2 w3 s1 d1 s2 s3", false},
		{Open, 8, "d2 r1 w1 w2 w3 s1 d1 s2", true},
		{Open, 2, "d2 r1", true},
		{All, 50, "d2 r1 w1 w2 w3 s1 d1 s2 s3 e3 e2 e1", false},
		{"waiting", 3, "w1 w2 w3", false},
		{"waiting", 1, "w1", true},
		{"in_doubt", 50, "d2 d1", false},
		{"starting", 50, "s2", false},
		{"started", 1, "s1", true},
		{"refused", 50, "r1", false},
		{"ended", 2, "e3 e2", true}, // the latest, although the ledger gives the oldest first
	} {
		got, err := Find(t.Context(), newShelf(), "default", row.state, row.limit, now)
		var ids []string
		for _, c := range got.Cases {
			ids = append(ids, c.ID)
		}
		if s := strings.Join(ids, " "); err != nil || s != row.want || got.More != row.more {
			t.Errorf("%s, %d: %s, more %t, %v, want %s, more %t", row.state, row.limit, s, got.More, err, row.want, row.more)
		}
	}
}

func TestFindReadsNoMoreThanItShows(t *testing.T) {
	s := newShelf()
	if _, err := Find(t.Context(), s, "default", Open, 1, now); err != nil || s.pages != 2 {
		t.Errorf("%d pages were read for one case and the knowledge that there are more, %v; want 2", s.pages, err)
	}
}

func TestFindErrors(t *testing.T) {
	if _, err := Find(t.Context(), newShelf(), "default", "lost", 1, now); err == nil || !strings.Contains(err.Error(), "choose one of open, all, in_doubt") {
		t.Errorf("an unknown state: %v", err)
	}
	away := errors.New("the table is away")
	s := newShelf()
	s.err = away
	if _, err := Find(t.Context(), s, "default", Open, 1, now); !errors.Is(err, away) {
		t.Errorf("%v, want the ledger's error", err)
	}
	if _, _, err := Get(t.Context(), s, "default", "w1", now); !errors.Is(err, away) {
		t.Errorf("%v, want the ledger's error", err)
	}
}

func TestGet(t *testing.T) {
	if c, there, err := Get(t.Context(), newShelf(), "default", "r1", now); err != nil || !there || c.State != "refused" {
		t.Errorf("%+v, %t, %v", c, there, err)
	}
	if _, there, err := Get(t.Context(), newShelf(), "default", "x", now); err != nil || there {
		t.Errorf("a case that is not there: %t, %v", there, err)
	}
}

// Of one case it is shown who was told what, the oldest first.
func TestGetWhatWasTold(t *testing.T) {
	s := newShelf()
	s.posts = map[string]gate.Post{"r1": {ID: "r1", Told: []gate.Told{
		{Target: "pagerduty", Moment: gate.WasRefused, As: gate.GivenUp, At: now.Add(time.Minute), Words: "it could not be told for 24 hours"},
		{Target: "pagerduty", Moment: gate.Waits, As: gate.LeftOut, At: now, Words: "it does not wait any more"},
		{Target: "pagerduty", Moment: gate.IsHeld, As: gate.LeftTried, At: now.Add(time.Second), Words: "nothing of it fires any more"},
		{Target: "datadog", Moment: gate.WasRefused, As: gate.WasTold, At: now},
		{Target: "elsewhere", Moment: gate.WasRefused, As: gate.WasTold, At: now.Add(time.Hour)},
	}}}
	c, _, err := Get(t.Context(), s, "default", "r1", now)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Write(&out, c, now); err != nil {
		t.Fatal(err)
	}
	want := `told      2026-11-03 10:00:00 UTC  told Datadog: refused
          2026-11-03 10:00:00 UTC  not told PagerDuty: waits (it does not wait any more)
          2026-11-03 10:00:01 UTC  not told PagerDuty: held, but for a try that may have arrived (nothing of it fires any more)
          2026-11-03 10:01:00 UTC  given up telling PagerDuty: refused (it could not be told for 24 hours)
          2026-11-03 11:00:00 UTC  told elsewhere: refused
`
	if got := out.String(); !strings.HasSuffix(got, "\n"+want) {
		t.Errorf("it printed\n%s\nwant at its end\n%s", got, want)
	}
	text, err := json.Marshal(c)
	if err != nil || !strings.Contains(string(text), `"told":[{"target":"datadog","moment":"refused","as":"told","at":"2026-11-03T10:00:00Z"},`) {
		t.Errorf("%s, %v", text, err)
	}
	s.lost = errors.New("away")
	if _, _, err := Get(t.Context(), s, "default", "r1", now); !errors.Is(err, s.lost) {
		t.Errorf("without its answer: %v", err)
	}
}

// Every state of the gate can be asked for, and says what its time means, or has none.
func TestStates(t *testing.T) {
	for s := range gate.Moves() {
		if s == "" {
			continue
		}
		if !slices.Contains(States(), string(s)) {
			t.Errorf("nobody can ask for %s", s)
		}
		if (Case{State: string(s)}).UntilMeans() == "" {
			t.Errorf("%s does not say what its time means", s)
		}
	}
}
