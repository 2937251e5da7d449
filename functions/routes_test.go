package functions_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer/answertest"
	"github.com/alertbridge/alertbridge/shared/answer/pagerduty"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
)

// byTeam is a policy in which each team has a route of its own, called like it.
type byTeam struct{ gatetest.Policy }

func (p byTeam) For(a alert.Alert) gate.Rules {
	r := p.Policy.For(a)
	r.Route = a.Tag("team")
	return r
}

func ofTeam(name string) func(*alert.Alert) {
	return func(a *alert.Alert) { a.Tags = append(a.Tags, "team:"+name) }
}

var otherKey = strings.Repeat("S", 32)

// newRouted tells, by a policy with a route for each team, to a pager that takes every key, or its own alone.
func newRouted(t *testing.T, anyKey bool) *telling {
	t.Helper()
	w := newTelling(t)
	p := byTeam{w.policy}
	w.dispatch.Policy, w.schedule.Policy, w.teller.Policy = p, p, p
	var err error
	if w.pager, err = answertest.NewPagerDuty(answertest.Options{InProcess: true, Now: w.clock.Now, AnyKey: anyKey}); err != nil {
		t.Fatal(err)
	}
	place, err := pagerduty.New(pagerduty.Options{StandIn: w.pager.URL(), Keys: w.pager.Secrets(), Transport: w.pager, Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	w.teller.Targets[1].Place = place
	return w
}

// refused is a critical case that the Agent refuses: somebody is to be woken.
func (w *telling) refused(name string, change ...func(*alert.Alert)) string {
	w.t.Helper()
	w.agent.says(delivery.ErrorsInBody)
	return w.triggers(name, append(change, critical)...).Case
}

// keysOf are the routing keys of the pager's events, "action dedup_key" first.
func (w *telling) keysOf() map[string]string {
	all := map[string]string{}
	for _, e := range w.pager.Events() {
		all[e.Action+" "+e.DedupKey] = e.RoutingKey
	}
	return all
}

// A case pages those whose key its route has, also when that is over; one whose route has no key, or that has no route, the
// common one. An outage of the Agent belongs to no route.
func TestPagesGoByRoute(t *testing.T) {
	w := newRouted(t, true)
	common := w.pager.Key()
	w.pager.Secrets().Set(`{"routing_key":"` + common + `","routes":{"shop":"` + otherKey + `"}}`)
	shop, payments, none := w.refused("A", ofTeam("shop")), w.refused("B", ofTeam("payments")), w.refused("C")
	w.tick(time.Minute)
	for _, name := range []string{"A", "B", "C"} {
		w.send(w.alertOf(name, alert.Recovered))
	}
	w.tick(time.Minute)
	want := map[string]string{
		"trigger " + shop: otherKey, "resolve " + shop: otherKey,
		"trigger " + payments: common, "resolve " + payments: common,
		"trigger " + none: common, "resolve " + none: common,
	}
	got := w.keysOf()
	for event, key := range want {
		if got[event] != key {
			t.Errorf("%s has the key %q, want %q", event, got[event], key)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the pager has %v", got)
	}
	for _, i := range w.pager.Incidents() {
		if i.Open {
			t.Errorf("the incident of %s is open", i.Key)
		}
	}

	w.agent.says(delivery.Unauthorized)
	w.triggers("D", ofTeam("shop"))
	w.ticks(15 * time.Minute)
	told := false
	for event, key := range w.keysOf() {
		if strings.HasPrefix(event, "trigger agent") {
			told = true
			if key != common {
				t.Errorf("the outage has the key %q", key)
			}
		}
	}
	if !told {
		t.Errorf("the outage is not told: %v", w.keysOf())
	}
}

// A key that is wrong, of a route or the common one, holds up those alone whose pages need it; each is tried once in a tick,
// and all are told when the key is mended.
func TestWrongKeyOfARouteHoldsUpNoOther(t *testing.T) {
	for name, c := range map[string]struct {
		secret string // %s: the key that the pager knows
		held   string // the route that it holds up
	}{
		"of a route": {`{"routing_key":"%s","routes":{"shop":"` + otherKey + `"}}`, "shop"},
		"for all":    {`{"routing_key":"` + otherKey + `","routes":{"payments":"%s"}}`, ""},
	} {
		w := newRouted(t, false)
		w.pager.Secrets().Set(strings.ReplaceAll(c.secret, "%s", w.pager.Key()))
		first, second := w.refused("A", ofTeam(c.held)), w.refused("B", ofTeam(c.held))
		told := w.refused("C", ofTeam("payments"))
		w.out.take()
		w.tick(time.Minute)
		w.wantPages("trigger " + told)
		records, _ := w.written()
		tries := 0
		for _, r := range records {
			if r["target"] != "pagerduty" || r["how"] != "later" {
				continue
			}
			if tries++; r["reason"] != "unauthorized" || strings.Contains(r["words"].(string), otherKey) {
				t.Errorf("%s: %v", name, r)
			}
		}
		if tries != 1 {
			t.Errorf("%s: what is held up was tried %d times in one tick", name, tries)
		}
		w.pager.Secrets().Set(w.pager.Key())
		w.ticks(20 * time.Minute)
		got := w.keysOf()
		for _, id := range []string{first, second, told} {
			if got["trigger "+id] != w.pager.Key() {
				t.Errorf("%s: after the key is mended the pager has %v", name, got)
			}
		}
		if len(got) != 3 {
			t.Errorf("%s: the pager has %v", name, got)
		}
	}
}

// A route that is asked to wait waits until then, and no other with it.
func TestThrottledRouteWaitsAlone(t *testing.T) {
	w := newRouted(t, true)
	w.pager.Secrets().Set(`{"routing_key":"` + w.pager.Key() + `","routes":{"shop":"` + otherKey + `"}}`)
	shop, payments := w.refused("A", ofTeam("shop")), w.refused("B", ofTeam("payments"))
	w.pager.Next(answertest.Throttled("300"))
	w.tick(time.Minute)
	w.wantPages("trigger " + payments)
	later := w.refused("C", ofTeam("shop"))
	w.ticks(4 * time.Minute)
	w.wantPages("trigger " + payments)
	if n := len(w.pager.Requests()); n != 2 {
		t.Errorf("%d requests before the five minutes are over", n)
	}
	w.ticks(10 * time.Minute)
	got := w.keysOf()
	if got["trigger "+shop] != otherKey || got["trigger "+later] != otherKey || len(got) != 3 {
		t.Errorf("the pager has %v", got)
	}
}
