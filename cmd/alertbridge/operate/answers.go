package operate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Answers is how the telling stands of what happened to an Agent's cases. Where nobody is told there is nothing in it.
type Answers struct {
	Waiting int       `json:"waiting"`        // cases of which something is still to be told, the Agent's own outage among them; at most ledger.MaxPage
	More    bool      `json:"more"`           // there are more than these, or more was given up than is counted
	Since   time.Time `json:"since,omitzero"` // when the first of what is still to be told happened
	Targets []Target  `json:"targets"`        // those with which something is the matter
}

// Target is a place where people look that has not taken something.
type Target struct {
	Target string `json:"target"` // datadog or pagerduty
	// Waiting is of how many cases it has failed to take something, the last time that this was tried; Since when the first
	// of that happened, Tried when it failed last, and Words why.
	Waiting int       `json:"waiting"`
	Since   time.Time `json:"since,omitzero"`
	Tried   time.Time `json:"tried,omitzero"`
	Words   string    `json:"words,omitempty"`
	// GivenUp is how many things were given up in GivenUpFor; the last of them when, of which case, and why.
	GivenUp      int       `json:"given_up"`
	GivenUpAt    time.Time `json:"given_up_at,omitzero"`
	GivenUpCase  string    `json:"given_up_case,omitempty"`
	GivenUpWords string    `json:"given_up_words,omitempty"`
}

// GivenUpFor is for how long a Status shows that something was given up.
const GivenUpFor = 24 * time.Hour

// answers reads how the telling stands.
func (d Desk) answers(ctx context.Context, agent string, now time.Time) (Answers, error) {
	a := Answers{Targets: []Target{}}
	untold, more, err := d.Ledger.Untold(ctx, agent, now)
	if err = readable(err); err != nil {
		return a, err
	}
	since := now.Add(-GivenUpFor)
	over, moreOver, err := d.Ledger.GivenUp(ctx, agent, since, now)
	if err = readable(err); err != nil {
		return a, err
	}
	a.More = more || moreOver
	places := placesOf(slices.Concat(untold, over))
	for _, p := range untold {
		if p.ID == gate.AgentPost(agent) && len(p.Late) == 0 {
			continue // it is there as long as the outage, whoever was told
		}
		first := waitsSince(p, places)
		if first.IsZero() {
			continue // all is told, and it is there for as long as its incident at the pager may be open
		}
		a.Waiting++
		a.Since = earlier(a.Since, first)
		for _, l := range p.Late {
			a.target(l.Target).late(l, waitsSince(p, []string{l.Target}))
		}
	}
	for _, p := range slices.Concat(untold, over) {
		for _, t := range p.Told {
			if t.As == gate.GivenUp && !t.At.Before(since) {
				a.target(t.Target).gaveUp(p.ID, t)
			}
		}
	}
	slices.SortFunc(a.Targets, func(x, y Target) int { return strings.Compare(x.Target, y.Target) })
	return a, nil
}

// placesOf are the targets that the posts know of: which ones a deployment has stands nowhere else in its table.
func placesOf(posts []gate.Post) (names []string) {
	for _, p := range posts {
		for _, t := range slices.Concat(p.Told, p.Late) {
			names = append(names, t.Target)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// waitsSince is when the first happened of what one of these targets does not have. A post that says nothing of any is one
// that nobody has tried to tell, of all that happened.
func waitsSince(p gate.Post, targets []string) (since time.Time) {
	for _, h := range p.Happened {
		has := func(target string) bool {
			return slices.ContainsFunc(p.Told, func(t gate.Told) bool { return t.Target == target && t.Moment == h.Moment })
		}
		if len(targets) == 0 || slices.ContainsFunc(targets, func(target string) bool { return !has(target) }) {
			since = earlier(since, h.At)
		}
	}
	return since
}

// earlier is the earlier of two times, where zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// target is what is shown of a target, which is there from now on. It holds until the next one is asked for.
func (a *Answers) target(name string) *Target {
	i := slices.IndexFunc(a.Targets, func(t Target) bool { return t.Target == name })
	if i < 0 {
		i = len(a.Targets)
		a.Targets = append(a.Targets, Target{Target: name})
	}
	return &a.Targets[i]
}

func (t *Target) late(l gate.Told, since time.Time) {
	t.Waiting++
	t.Since = ledger.Moment(earlier(t.Since, since))
	if t.Tried.IsZero() || l.At.After(t.Tried) {
		t.Tried, t.Words = ledger.Moment(l.At), l.Words
	}
}

func (t *Target) gaveUp(id string, told gate.Told) {
	t.GivenUp++
	if t.GivenUpAt.IsZero() || !told.At.Before(t.GivenUpAt) {
		t.GivenUpAt, t.GivenUpCase, t.GivenUpWords = ledger.Moment(told.At), id, told.Words
	}
}

// answers prints how the telling stands, where something is still to be told or was given up: first who has not taken what
// waits, then what nobody will be told.
func (t *text) answers(a Answers) {
	if a.Waiting > 0 {
		cases := map[bool]string{true: "1 case"}[a.Waiting == 1]
		t.line("  to be told: what became of %s%s, the oldest since %s",
			cmp.Or(cases, fmt.Sprintf("%d cases", a.Waiting)), map[bool]string{true: " and more"}[a.More], clock(a.Since))
	}
	for _, p := range a.Targets {
		if p.Waiting > 0 {
			t.line("    %s has not taken it of %d, the oldest since %s; tried in vain at %s: %s",
				p.name(), p.Waiting, clock(p.Since), clock(p.Tried), p.Words)
		}
	}
	for _, p := range a.Targets {
		if p.GivenUp > 0 {
			t.line("  given up telling %s in the last %d hours: %d; the last at %s, of %s: %s",
				p.name(), int(GivenUpFor/time.Hour), p.GivenUp, clock(p.GivenUpAt), p.GivenUpCase, p.GivenUpWords)
		}
	}
}

// name is how people call it.
func (t Target) name() string {
	return cmp.Or(map[string]string{"datadog": "Datadog", "pagerduty": "PagerDuty"}[t.Target], t.Target)
}
