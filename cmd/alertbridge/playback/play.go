package playback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/meanwhile"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/operate"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Watch is what somebody wants to be told while a World is played, and have looked at. The zero value: nothing.
type Watch struct {
	Progress func(played int) // of arrivals, now and then
	Probes   int              // how often to ask whether a critical alert would start, see Probe
	Log      slog.Handler     // gets the functions' records
}

// Play plays a World under a policy. The error is for a bridge that cannot be made, an order by hand that is not
// accepted, or a context that ended.
func Play(ctx context.Context, w *World, p gate.Policy, watch Watch) (*Result, error) {
	s := &stage{
		Result:  &Result{World: w, Policy: p, Alerts: make([]Decided, len(w.Arrivals)), Cases: map[string]*Case{}},
		pending: map[string][]int{}, weather: meanwhile.New(w.Begin, w.Faults, w.Calm),
	}
	s.weather.OnMet = s.met
	if w.Work != nil {
		p = meanwhile.Followed(p)
	}
	o := virtual.Options{
		Policy: p, Begin: w.Begin, Seed: w.Seed,
		OnVerdict: s.verdict, OnCommit: s.committed, OnCase: s.move, OnStart: s.start, OnAnswer: func(a virtual.Answer) { s.weather.Again(a) }, Log: watch.Log,
		Follow: meanwhile.Follow(w.Work),
	}
	s.weather.Options(&o)
	b, err := virtual.New(o)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be played: %w", w.Name, err)
	}
	defer b.Close()
	s.bridge = b
	s.plan()
	s.probe(watch.Probes)
	// In steps, so that somebody who waits is told, and can end it.
	const steps = 200
	for i := range steps {
		b.Run(w.Begin.Add(w.End.Sub(w.Begin) / steps * time.Duration(i+1)))
		if watch.Progress != nil {
			watch.Progress(s.played)
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("it was told to end before all was played: %w", ctx.Err())
		}
	}
	b.Run(w.End)
	return s.Result, s.err
}

// stage is a World while it is played.
type stage struct {
	*Result
	bridge  *virtual.Bridge
	pending map[string][]int // arrivals without a verdict, by delivery; "" for bodies that are no alert
	weather *meanwhile.Weather
	played  int
	err     error
}

// plan puts everything that comes from outside on the agenda.
func (s *stage) plan() {
	w := s.World
	agents := s.Policy.Agents()
	s.weather.Begin(s.bridge, agents)
	for _, o := range w.Hand {
		meanwhile.ByHand(s.bridge, w.Begin, agents, o, meanwhile.Watch{Answered: func(err error) {
			refusal := (*operate.Refusal)(nil) // there is nothing to start or to stop: that is no failure
			if err != nil && !errors.As(err, &refusal) && s.err == nil {
				s.err = fmt.Errorf("%s: what is ordered by hand after %s: %w", w.Name, o.At, err)
			}
		}})
	}
	for i, a := range w.Arrivals {
		s.Alerts[i].Arrival = a
		s.pending[a.Alert.Delivery] = append(s.pending[a.Alert.Delivery], i)
		if a.Body == nil {
			s.bridge.DeliverAlert(a.At, a.Alert)
		} else {
			s.bridge.Deliver(a.At, a.Body)
		}
	}
}

// probe asks at even times what a critical alert of production that nobody has heard of would get, and changes nothing.
func (s *stage) probe(number int) {
	for i := range number {
		s.bridge.At(s.World.Begin.Add(s.World.End.Sub(s.World.Begin)/time.Duration(number)*time.Duration(i)), func() {
			now := s.bridge.Now()
			a := alert.Alert{
				Delivery: "probe", Source: "datadog", Incident: alert.Incident{Org: "-", Monitor: "probe", Key: "c.probe", Cycle: true},
				Monitor: alert.Monitor{ID: "probe"}, Transition: alert.Triggered, Severity: alert.Critical, Priority: "P1",
				Time: now, Title: "Probe", Tags: []string{"env:prod", "service:probe"},
			}
			r := s.Policy.For(a)
			v, err := s.bridge.Ledger().Look(context.Background(), ledger.Question{
				Delivery: a.Delivery, Incident: a.Incident, Pointers: r.Pointers(), Agent: r.Agent, Group: r.Group, Surge: r.Surge,
			}, now)
			p := Probe{At: now}
			if err == nil { // a ledger in memory does not fail
				d := gate.Arrive(v, gate.Arrival{Alert: a}, r, now)
				p.Verdict, p.Reason = d.Verdict, d.Reason
			}
			s.Probes = append(s.Probes, p)
		})
	}
}

// met notes what went wrong at one step. What goes on for a while is told when it begins.
func (s *stage) met(f scenario.Fault, _ int) {
	if f.For == 0 {
		s.Met = append(s.Met, Met{s.bridge.Now(), f})
	}
}

func (s *stage) verdict(v virtual.Verdict) {
	id := v.Record.ID
	if v.Alert == nil {
		id = ""
	}
	list := s.pending[id]
	if len(list) == 0 {
		return
	}
	s.pending[id] = list[1:]
	d := &s.Alerts[list[0]]
	d.Decided, d.Verdict, d.Reason, d.Case = v.At, v.Verdict, v.Reason, v.Record.Case
	d.Because, d.Hand = v.Record.Because, v.Record.Hand
	s.played++
	if v.Alert == nil {
		return
	}
	d.Rules = s.Policy.For(d.Alert)
	d.Rank = d.Rules.Ranks(d.Alert)
}

// caseOf is a case by its id, a new one when it was never seen.
func (s *stage) caseOf(id string, now time.Time) *Case {
	c := s.Cases[id]
	if c == nil {
		c = &Case{Began: now}
		s.Cases[id] = c
	}
	return c
}

func (s *stage) move(m virtual.Move) {
	c := s.caseOf(m.Case.ID, m.At)
	c.noted(m)
	c.Case = m.Case
	if m.To == gate.Ended && m.From != gate.Ended {
		c.Ended = m.At
	}
}

func (s *stage) start(v virtual.Start) {
	s.Calls++
	if !v.Request.Started {
		return
	}
	var told struct{ Title, Priority string }
	_ = json.Unmarshal(v.Request.Body, &told) // the Agent has read it already
	st := Start{At: v.At, Case: v.Case, Title: told.Title, Severity: told.Priority}
	if c := s.Cases[v.Case]; c != nil {
		c.Started = v.At
		st.Dollars = s.Policy.For(c.First).Budget.Case
		c.reckoned += st.Dollars
	}
	s.Starts = append(s.Starts, st)
	s.Dollars += st.Dollars
}
