package dynamoledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger/dynamotest"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
)

// The suite asks for what somebody thought of. Here the gate decides on random alerts, ticks and answers, often on what
// it read a while ago, and each change goes to both ledgers: they must say the same and then hold the same.
func TestBothLedgersAreOne(t *testing.T) {
	dynamotest.Endpoint(t)
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			client, table := dynamotest.Open(t)
			newTwins(t, seed, dynamoledger.New(client, table, dynamoledger.Options{})).run(120)
		})
	}
}

type twins struct {
	*testing.T
	*rand.Rand
	one interface { // in memory
		ledger.Ledger
		ledger.Lister
	}
	two    *dynamoledger.Ledger
	policy gatetest.Policy
	now    time.Time

	alerts []alert.Alert
	views  map[string][]gate.View // by what was asked for, the oldest first
	claims []gate.Claim
	cases  []string
	tally  map[string]int
}

func newTwins(t *testing.T, seed uint64, two *dynamoledger.Ledger) *twins {
	w := &twins{
		T: t, Rand: rand.New(rand.NewPCG(seed, 7)), one: memledger.New(), two: two, policy: gatetest.Policy{Rules: gate.DefaultRules()},
		now: time.Now().UTC(), views: map[string][]gate.View{}, tally: map[string]int{},
	}
	w.policy.Slots = 2
	w.policy.Keys = func(a alert.Alert) []string { return []string{"monitor:" + a.Incident.Monitor, "all"} }
	w.policy.Hold = 2 * time.Minute
	return w
}

func (w *twins) run(steps int) {
	for range steps {
		w.now = w.now.Add(time.Duration(w.IntN(90)) * time.Second)
		if w.IntN(60) == 0 {
			w.now = w.now.Add(time.Duration(w.IntN(40)) * 24 * time.Hour) // things expire
		}
		switch n := w.IntN(10); {
		case n < 6:
			w.alert()
		case n < 8:
			w.tick()
		default:
			w.settle()
		}
	}
	if w.tally["taken"] < steps/4 || w.tally["conflict"] == 0 {
		w.Errorf("the steps were %v: too little has happened", w.tally)
	}
}

func (w *twins) alert() {
	a := alert.Alert{
		Delivery: fmt.Sprint("d-", len(w.alerts)), Transition: alert.Transitions()[w.IntN(len(alert.Transitions()))],
		Incident: alert.Incident{Org: "1", Monitor: fmt.Sprint(w.IntN(3)), Key: fmt.Sprint("c.", w.IntN(8)), Cycle: w.IntN(2) == 0},
		Severity: alert.Severity(1 + w.IntN(5)), Time: w.now.Add(-time.Duration(w.IntN(300_000)) * time.Millisecond),
		Title: "障害 <&>", Scope: []string{"host:web-1"},
	}
	if w.IntN(3) == 0 {
		a.Transition = alert.Triggered
	}
	if len(w.alerts) > 0 && w.IntN(8) == 0 {
		a = w.alerts[w.IntN(len(w.alerts))] // delivered again
	} else {
		w.alerts = append(w.alerts, a)
	}
	q := ledger.Question{Delivery: a.Delivery, Incident: a.Incident, Pointers: w.policy.Keys(a), Agent: agent, Leads: true}
	v := w.old(fmt.Sprint(a.Incident), func(l ledger.Ledger) (gate.View, error) { return l.Look(w.Context(), q, w.now) })
	v.Delivery = nil // what is old does not know of a delivery that was decided meanwhile: both ledgers must
	w.commit(gate.Arrive(v, gate.Arrival{Alert: a, TraceID: "trace"}, w.policy.For(a), w.now))
}

func (w *twins) tick() {
	ids := both(w, "Due", func(l ledger.Ledger) ([]string, error) {
		ids, err := l.Due(w.Context(), agent, w.now)
		// The table's index has keys only, so it also names what has expired and was not removed yet.
		return slices.DeleteFunc(ids, func(id string) bool {
			v, gone := l.LookCase(w.Context(), id, agent, w.now)
			return gone == nil && len(v.Cases) == 0
		}), err
	})
	if w.IntN(4) == 0 && len(w.cases) > 0 {
		ids = append(ids, w.cases[w.IntN(len(w.cases))])
	}
	if len(ids) > 0 {
		id := ids[w.IntN(len(ids))]
		v := w.old(id, func(l ledger.Ledger) (gate.View, error) { return l.LookCase(w.Context(), id, agent, w.now) })
		w.commit(gate.Due(v, id, w.policy.Rules, w.now))
	}
	v := both(w, "LookCase", func(l ledger.Ledger) (gate.View, error) { return l.LookCase(w.Context(), "", agent, w.now) })
	w.commit(gate.Reopen(v.Account, fmt.Sprint("v", w.IntN(3)), w.now))
	for _, dec := range gate.Repair(v, w.now) {
		w.commit(dec)
	}
}

func (w *twins) settle() {
	if len(w.claims) == 0 {
		return
	}
	i := w.IntN(len(w.claims))
	cl := w.claims[i]
	w.claims = append(w.claims[:i], w.claims[i+1:]...)
	reasons := delivery.Reasons()
	ans := delivery.Answer{Reason: reasons[w.IntN(len(reasons))], Words: "words", SecretVersion: fmt.Sprint("v", w.IntN(3))}
	v := w.old(cl.Case.ID, func(l ledger.Ledger) (gate.View, error) { return l.LookCase(w.Context(), cl.Case.ID, agent, w.now) })
	if c, there := v.Cases[cl.Case.ID]; there {
		w.commit(gate.Settle(c, cl, ans, w.now))
	}
}

// old reads from both, and gives what was read now or, sometimes, what was read under this name before.
func (w *twins) old(name string, look func(ledger.Ledger) (gate.View, error)) gate.View {
	w.Helper()
	w.views[name] = append(w.views[name], both(w, name, look))
	list := w.views[name]
	if w.IntN(3) == 0 {
		return list[w.IntN(len(list))]
	}
	return list[len(list)-1]
}

func (w *twins) commit(dec gate.Decision) {
	w.Helper()
	if dec.Change.Empty() {
		return
	}
	dec.Change.At = w.now // also what was decided on an old read is committed now
	one, two := w.one.Commit(w.Context(), dec.Change), w.two.Commit(w.Context(), dec.Change)
	if kind(one) != kind(two) {
		w.Fatalf("the change %+v\nends in memory in %v\nand in the table in %v", dec.Change, one, two)
	}
	w.tally[kind(one)]++
	for _, c := range dec.Change.Cases {
		if one == nil && c.Read.Version == 0 {
			w.cases = append(w.cases, c.Now.ID)
		}
	}
	if one == nil && dec.Start != nil {
		w.claims = append(w.claims, *dec.Start)
	}
	for _, c := range dec.Change.Cases {
		both(w, c.Now.ID, func(l ledger.Ledger) (gate.View, error) { return l.LookCase(w.Context(), c.Now.ID, agent, w.now) })
	}
	for _, b := range []gate.Bucket{gate.Queue, gate.Timed, gate.Doubtful, gate.Declined, gate.Closed} {
		both(w, string(b), func(l ledger.Ledger) ([]gate.Case, error) {
			page, _, err := l.(ledger.Lister).List(w.Context(), agent, b, 0, "", w.now)
			return page, err
		})
	}
}

func kind(err error) string {
	switch {
	case err == nil:
		return "taken"
	case errors.Is(err, ledger.ErrConflict):
		return "conflict"
	case errors.Is(err, ledger.ErrUnknown):
		return "unknown"
	}
	return "refused"
}

// both asks both ledgers and fails unless they answer alike.
func both[V any](w *twins, what string, ask func(ledger.Ledger) (V, error)) V {
	w.Helper()
	one, err := ask(w.one)
	if err != nil {
		w.Fatal(err)
	}
	two, err := ask(w.two)
	if err != nil {
		w.Fatal(err)
	}
	if !reflect.DeepEqual(normal(one), normal(two)) {
		w.Fatalf("%s:\nin memory    %+v\nin the table %+v", what, one, two)
	}
	return one
}

// normal makes nothing out of what is empty.
func normal(v any) any {
	switch v := v.(type) {
	case gate.View:
		if len(v.Account.Running) == 0 {
			v.Account.Running = nil
		}
		return v
	case []string:
		if len(v) == 0 {
			return []string(nil)
		}
	}
	return v
}
