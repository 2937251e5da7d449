package local

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/agent/agentapi"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/answer/answertest"
	"github.com/alertbridge/alertbridge/shared/answer/ddevents"
	"github.com/alertbridge/alertbridge/shared/answer/pagerduty"
	"github.com/alertbridge/alertbridge/shared/clock"
)

// Told is one thing that people were told where they look, as the stand-in there has taken it.
type Told struct {
	Case, Moment string // of what concerns an Agent and no case, Case is what the place knows it by
	Place        string // one of the names of package tell
	Did          string // what it has done there: pages an incident, for instance
	Title, Text  string // an event's text comes without the links at its end
}

// places are the stand-ins of where people look.
type places struct {
	events *answertest.Datadog
	pager  *answertest.PagerDuty
}

func newPlaces(p pace) (places, error) {
	o := answertest.Options{Now: p.Now}
	events, err := answertest.NewDatadog(o)
	if err != nil {
		return places{}, err
	}
	pager, err := answertest.NewPagerDuty(o)
	if err != nil {
		events.Close()
		return places{}, err
	}
	return places{events, pager}, nil
}

func (p places) close() {
	if p.events != nil {
		p.events.Close()
		p.pager.Close()
	}
}

// answers wires what tells people: the real clients, on their way to the stand-ins.
func (b *bridge) answers(work *agentapi.Client, spaces map[string]string, say func(Told), logs io.Writer) (*tell.Teller, error) {
	events, err := ddevents.New(ddevents.Options{StandIn: b.places.events.URL(), Keys: b.places.events.Secrets(), Now: b.pace.Now})
	if err != nil {
		return nil, err
	}
	pager, err := pagerduty.New(pagerduty.Options{StandIn: b.places.pager.URL(), Keys: b.places.pager.Secrets(), Now: b.pace.Now})
	if err != nil {
		return nil, err
	}
	return &tell.Teller{
		Ledger: b.ledger, Outbox: b.ledger, Summaries: summaries{work}, Spaces: spaces, Policy: b.policy, Now: b.pace.Now,
		Log: b.watch.logger("scheduler", handler("scheduler", logs)),
		Targets: []tell.Target{
			{Name: tell.Events, Place: place{events, b.places.event, say}},
			{Name: tell.Pager, Place: place{pager, b.places.page, say}, Pager: true},
		},
	}, nil
}

// place says what a target has taken.
type place struct {
	answer.Target
	shows func(answer.Answer) Told
	say   func(Told)
}

// Deliver implements answer.Target.
func (p place) Deliver(ctx context.Context, a answer.Answer) answer.Result {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	res := p.Target.Deliver(ctx, a)
	if res.End == answer.Delivered {
		t := p.shows(a)
		t.Case, t.Moment = cmp.Or(a.Case, a.PageKey), string(a.Moment)
		p.say(t)
	}
	return res
}

// summaries is the Agent's API for the teller.
type summaries struct{ *agentapi.Client }

// Summary implements tell.Summaries.
func (s summaries) Summary(ctx context.Context, space, execution, record string) (string, error) {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	return s.Client.Summary(ctx, space, execution, record)
}

// Plan implements tell.Summaries.
func (s summaries) Plan(ctx context.Context, space, task, execution, record string) (string, error) {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	return s.Client.Plan(ctx, space, task, execution, record)
}

// unhurried gives what is told the time that this computer needs, whatever the run's clock: an event that was sent in too
// little time would be in doubt, and be told twice.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(clock.With(context.WithoutCancel(ctx), pace{}), tell.StopBefore)
}

// event is the one that has just been taken: whoever tells does so one by one.
func (p places) event(answer.Answer) Told {
	all := p.events.Events()
	e := all[len(all)-1]
	text := e.Text
	if i := strings.LastIndex(text, "\n\n"); i >= 0 {
		text = text[:i]
	}
	return Told{Place: tell.Events, Did: "event", Title: e.Title, Text: text}
}

// What becomes of the pager's incidents, where that is what people look for.
const (
	triggered = "incident triggered"
	resolved  = "incident resolved"
)

// page is what has just become of an incident of the pager.
func (p places) page(a answer.Answer) Told {
	t := Told{Place: tell.Pager, Did: "no open incident", Title: a.Title}
	if a.Page == answer.Change || a.Page == answer.Conclude {
		t.Did = "change"
	}
	if a.Page == answer.Change {
		return t
	}
	all := p.pager.Events()
	at := all[len(all)-1].At
	for _, i := range slices.Backward(p.pager.Incidents()) {
		if i.Key != cmp.Or(a.PageKey, a.Case) {
			continue
		}
		switch {
		case a.Page == answer.Trigger && i.Triggers > 1:
			t.Did = "incident goes on"
		case a.Page == answer.Trigger:
			t.Did = triggered
		case a.Page != answer.Trigger && i.Resolved.Equal(at):
			t.Did = resolved
		}
		break
	}
	return t
}
