package faults_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/answer/answertest"
	"github.com/alertbridge/alertbridge/shared/answer/ddevents"
	"github.com/alertbridge/alertbridge/shared/answer/pagerduty"
	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/secret"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
)

// slowPlace is much of the five seconds that one telling has, with the reading of its key.
const slowPlace = 3 * time.Second

// places are where people look.
type places struct {
	datadog *answertest.Datadog
	pager   *answertest.PagerDuty
	keys    map[string]*vault // by the name of the target
}

func newPlaces(w *world) *places {
	o := answertest.Options{InProcess: true, Now: time.Now}
	datadog, err := answertest.NewDatadog(o)
	pager, bad := answertest.NewPagerDuty(o)
	if err = errors.Join(err, bad); err != nil {
		w.t.Fatal(err)
	}
	p := &places{datadog: datadog, pager: pager, keys: map[string]*vault{}}
	for name, s := range p.servers() {
		p.keys[name] = &vault{w: w}
		p.keys[name].put(s.Key())
	}
	return p
}

func (p *places) servers() map[string]*answertest.Server {
	return map[string]*answertest.Server{tell.Events: p.datadog.Server, tell.Pager: p.pager.Server}
}

// followed lets the Agent's work be followed, and people be told. An investigation costs $0.0083 a second.
func (w *world) followed() {
	w.policy.Followed, w.policy.Tells, w.policy.Estimate = true, true, 8*time.Minute
	if slices.Contains(parts["asks"], w.row.step) {
		w.policy.Estimate = 20 * time.Minute // it runs for long, and its slot is to be its own until then
	}
	w.policy.Budget = gate.Budget{Month: 300_000_000, Case: 3_984_000, Second: secondPrice, Bucket: 5, CriticalPerDay: 20}
	w.work, w.places = newWork(w), newPlaces(w)
}

const secondPrice = 8_300

// asksAndTells lets a tick ask the Agent's API, and tell. What it gives back reads the keys, as an earlier tick would have.
func (w *world) asksAndTells(h *schedule.Handler) (warm func(context.Context)) {
	api, spaces := w.work.client(), map[string]string{"default": w.work.tasks.Space()}
	h.Work, h.Spaces = api, spaces
	door := &tellDoor{w.ledger, w}
	targets, warm := w.targets(h.Now)
	h.Teller = &tell.Teller{
		Ledger: door, Outbox: door, Summaries: api, Spaces: spaces, Policy: w.policy, Now: h.Now, Log: h.Log, Metrics: h.Metrics,
		Targets: targets,
	}
	return warm
}

func (w *world) targets(now func() time.Time) (list []tell.Target, warm func(context.Context)) {
	events := &placeDoor{w, tell.Events, w.places.datadog.Server}
	pager := &placeDoor{w, tell.Pager, w.places.pager.Server}
	keys := map[string]*awssecret.Store{}
	for name, v := range w.places.keys {
		keys[name] = awssecret.New(v, name, awssecret.Options{Now: now})
	}
	datadog, err := ddevents.New(ddevents.Options{
		StandIn: events.URL(), Keys: placeKeys{keys[tell.Events], eventsKey}, Transport: events, Now: now,
	})
	duty, bad := pagerduty.New(pagerduty.Options{
		StandIn: pager.URL(), Keys: placeKeys{keys[tell.Pager], pagerKey}, Transport: pager, Now: now,
	})
	if err = errors.Join(err, bad); err != nil {
		w.t.Fatal(err)
	}
	list = []tell.Target{{Name: tell.Events, Place: datadog}, {Name: tell.Pager, Place: duty, Pager: true}}
	return list, func(ctx context.Context) {
		for _, k := range keys {
			_, _ = k.Current(ctx)
		}
	}
}

// tellDoor is the ledger for the one who tells.
type tellDoor struct {
	*memledger.Ledger
	w *world
}

var _ ledger.Outbox = &tellDoor{}

func (d *tellDoor) Posts(ctx context.Context, agent string, now time.Time) ([]string, error) {
	if err := troubled(ctx, of(ctx).pass(outbox)); err != nil {
		return nil, err
	}
	return d.Ledger.Posts(ctx, agent, now)
}

func (d *tellDoor) Post(ctx context.Context, id string, now time.Time) (gate.Post, error) {
	inv := of(ctx)
	if inv.took != id { // a note that lost a race reads again: a part of that step
		inv.about = id
		if err := troubled(ctx, inv.pass(readPost)); err != nil {
			return gate.Post{}, err
		}
	}
	return d.Ledger.Post(ctx, id, now)
}

func (d *tellDoor) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	if err := troubled(ctx, of(ctx).pass(readTold)); err != nil {
		return gate.View{}, err
	}
	return d.Ledger.LookCase(ctx, id, agent, now)
}

// Look is asked for an incident alone.
func (d *tellDoor) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	s := incident
	if d.w.story == aRecovery {
		s = watchIncident
	}
	if err := troubled(ctx, of(ctx).pass(s)); err != nil {
		return gate.View{}, err
	}
	return d.Ledger.Look(ctx, q, now)
}

func (d *tellDoor) Commit(ctx context.Context, c gate.Change) error {
	inv, watches := of(ctx), d.w.story == aRecovery
	s := map[bool]step{false: note, true: watchNote}[watches]
	if inv.took != inv.about {
		s = map[bool]step{false: claim, true: watchClaim}[watches]
	}
	return applied(ctx, inv.pass(s), func() error {
		err := d.Ledger.Commit(ctx, c)
		if err == nil {
			inv.took = inv.about
		}
		return err
	})
}

// placeKeys tells the readings of a place's key.
type placeKeys struct {
	*awssecret.Store
	step step
}

var _ call.Secrets = placeKeys{}

func (k placeKeys) Current(ctx context.Context) (secret.Version, error) {
	return k.Store.Current(at(ctx, k.step))
}

func (k placeKeys) Refresh(ctx context.Context) (secret.Version, bool, error) {
	return k.Store.Refresh(at(ctx, k.step))
}

// placeDoor is a transport to one place, which reports to net/http/httptrace as net/http does.
type placeDoor struct {
	w    *world
	name string
	*answertest.Server
}

// steps are those of one request.
func (d *placeDoor) steps(r *http.Request) (there, back step) {
	switch {
	case d.name == tell.Events:
		return toEvents, fromEvents
	case strings.HasSuffix(r.URL.Path, "/change/enqueue"):
		return toChange, fromChange
	case d.w.story == aRecovery:
		return toResolve, fromResolve
	}
	return toPager, fromPager
}

// RoundTrip is one request, on its way to the place and back.
func (d *placeDoor) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	there, back := d.steps(r)
	switch of(ctx).pass(there) {
	case down:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case slow:
		wait(ctx, slowPlace)
	case hangs:
		httptrace.ContextClientTrace(ctx).GetConn(r.URL.Host)
		<-ctx.Done()
	case throttled:
		d.Next(answertest.Throttled("120"))
	case rotated:
		d.w.rotate(d.w.places.keys[d.name])
	case rotatedThere:
		d.Rotate()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	resp, err := d.Server.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusAccepted { // it has not taken it
		return resp, err
	}
	switch of(ctx).pass(back) {
	case down:
		return replied(503, ""), nil
	case lost:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	case slow:
		wait(ctx, slowPlace)
	case hangs:
		<-ctx.Done()
	case garbage:
		return replied(202, "\x00\xff{\"status\": \"succ"), nil
	case hollow:
		return replied(202, `{"status":"queued"}`), nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return resp, nil
}

// toldAt are the moments that a place was told of a case, in order.
func (w *world) toldAt(target, id string) (moments []string) {
	if target == tell.Pager {
		for _, e := range w.places.pager.Events() {
			if e.DedupKey == id {
				moments = append(moments, e.Action)
			}
		}
		return moments
	}
	for _, e := range w.places.datadog.Events() {
		if slices.Contains(e.Tags, "alertbridge_case:"+strings.ToLower(id)) {
			i := slices.IndexFunc(e.Tags, func(t string) bool { return strings.HasPrefix(t, "alertbridge_moment:") })
			moments = append(moments, strings.TrimPrefix(e.Tags[i], "alertbridge_moment:"))
		}
	}
	return moments
}

// moment is what the story is about, in the outbox and at the places.
func (s story) moment() (m gate.Moment, event, page string) {
	switch s {
	case anAlarm:
		return gate.WasMissed, "unconfirmed", "trigger"
	case aPlan:
		return gate.WasPlanned, "planned", ""
	case aRecovery:
		return gate.HasRecovered, "", "resolve"
	}
	return gate.HasEnded, "ended", "resolve"
}

// places are those that are told of it.
func (s story) places() string {
	switch s {
	case aPlan:
		return onlyEvents
	case aRecovery:
		return onlyPager
	}
	return both
}

// shown is how often PagerDuty was told what has become of a case, beside its incidents.
func (w *world) shown(id string) (n int) {
	for _, e := range w.places.pager.Changes() {
		if e.Payload.Details["case"] == id {
			n++
		}
	}
	return n
}

// post is the outbox's record of a case.
func (w *world) postOf(id string) gate.Post {
	p, err := w.ledger.Post(w.t.Context(), id, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// noted are the places at which it is on record that they were told what the story is about; due tells that it has
// happened.
func (w *world) noted() (at string, due bool) {
	p := w.postOf(w.idOf("A"))
	m, _, _ := w.story.moment()
	var names []string
	for _, d := range p.Told {
		if d.Moment == m && d.As == gate.WasTold {
			names = append(names, d.Target)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " "), w.well || slices.ContainsFunc(p.Happened, func(h gate.Happened) bool { return h.Moment == m })
}
