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
	"github.com/alertbridge/alertbridge/shared/match"
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
		ledger.Outbox
		ledger.Lister
	}
	two    *dynamoledger.Ledger
	policy gatetest.Policy
	groups []string // the names of monitor groups, and of environments
	now    time.Time

	alerts []alert.Alert
	views  map[string][]gate.View // by what was asked for, the oldest first
	claims []gate.Claim
	cases  []string
	posts  [len(postIDs)]gate.Post // as each was read when it was last to be settled
	tally  map[string]int
}

func newTwins(t *testing.T, seed uint64, two *dynamoledger.Ledger) *twins {
	w := &twins{
		T: t, Rand: rand.New(rand.NewPCG(seed, 7)), one: memledger.New(), two: two, policy: gatetest.Policy{Rules: gate.DefaultRules()},
		now: time.Now().UTC(), views: map[string][]gate.View{}, tally: map[string]int{}, groups: []string{"g-1", "グループ#2"},
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
		switch n := w.IntN(14); {
		case n >= 10:
			w.made()
		case n < 6:
			w.alert()
		case n < 8:
			w.tick()
		default:
			w.settle()
		}
	}
	if w.tally["taken"] < steps/4 || w.tally["conflict"] == 0 || w.tally["refused"] == 0 || w.tally["unknown"] > 0 {
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

// made is a change that no rule has asked for: of everything that a change can carry something, decided on what was read
// now or a while ago.
func (w *twins) made() {
	group, id := w.groups[w.IntN(len(w.groups))], ""
	if len(w.cases) > 0 {
		id = w.cases[w.IntN(len(w.cases))]
	}
	q := ledger.Question{Delivery: fmt.Sprint("d-", w.IntN(9)), Agent: agent, Group: group, Surge: group, Leads: true}
	v := w.old("made "+group, func(l ledger.Ledger) (gate.View, error) { return l.Look(w.Context(), q, w.now) })
	c := gate.Change{At: w.now}
	if w.IntN(3) == 0 {
		c.Group = &gate.GroupWrite{Read: v.Group.Version, Now: gate.Group{
			Name: group, Cycles: w.times(gate.MaxCycles), Flapping: w.IntN(2) == 0, Version: v.Group.Version + 1,
		}}
	}
	if w.IntN(3) == 0 {
		c.Surge = &gate.SurgeWrite{Read: v.Surge.Version, Now: gate.Surge{
			Name: group, Opened: w.times(gate.MaxOpened), Case: id, Version: v.Surge.Version + 1,
		}}
	}
	if w.IntN(4) == 0 {
		c.Hand = &gate.HandWrite{Read: v.Hand.Version, Now: w.hand(v.Hand.Version + 1)}
	}
	if w.IntN(4) == 0 {
		c.Lead = &gate.LeadWrite{Case: fmt.Sprint("ab-dropped-", w.IntN(5)), Alert: alert.Alert{Title: fmt.Sprint("障害 ", w.IntN(99))}}
	}
	if w.IntN(4) == 0 {
		c.Delivery = &gate.Delivery{
			ID: fmt.Sprint("d-made-", w.IntN(50)), Verdict: gate.Drop, Because: "budget $300.00", Hand: "silenced by aiko",
			Agent: agent, Saw: &gate.Saw{Alert: alert.Alert{Tags: []string{"a:b"}}, View: v, Rules: w.policy.Rules, Now: w.now},
		}
	}
	if id != "" && w.IntN(2) == 0 {
		cv := w.old("made "+id, func(l ledger.Ledger) (gate.View, error) { return l.LookCase(w.Context(), id, agent, w.now) })
		if read, there := cv.Cases[id]; there {
			c.Cases = []gate.CaseWrite{{Read: read, Now: w.changed(read)}}
		}
	}
	if w.IntN(2) == 0 {
		c.Account = w.account(v.Account)
	}
	w.addPosts(&c)
	w.commit(gate.Decision{Change: c})
	w.bothPosts()
	for _, g := range w.groups {
		both(w, "the group "+g, func(l ledger.Ledger) (gate.View, error) {
			return l.Look(w.Context(), ledger.Question{Agent: agent, Group: g, Surge: g, Leads: true}, w.now)
		})
	}
	for i := range 5 {
		both(w, "an alert that was dropped", func(l ledger.Ledger) (gate.View, error) {
			return l.LookCase(w.Context(), fmt.Sprint("ab-dropped-", i), agent, w.now)
		})
	}
	if c.Delivery != nil {
		both(w, "a verdict", func(l ledger.Ledger) (*gate.Delivery, error) {
			return l.(ledger.Lister).Verdict(w.Context(), c.Delivery.ID, w.now)
		})
	}
	for monitor := range 3 {
		both(w, "a monitor's incidents", func(l ledger.Ledger) ([]gate.Incident, error) {
			return l.(ledger.Lister).Incidents(w.Context(), "1", fmt.Sprint(monitor), 5, w.now)
		})
	}
}

// addPosts lets something happen, and settles a post as it was read now or a while ago.
func (w *twins) addPosts(c *gate.Change) {
	all := gate.Moments()
	for i, id := range postIDs {
		if w.IntN(4) == 0 {
			p := gate.PostWrite{ID: id, Agent: agent}
			for range 1 + w.IntN(3) {
				p.Moments = append(p.Moments, all[w.IntN(len(all))])
			}
			c.Posts = append(c.Posts, p)
			continue
		}
		if c.Told != nil || w.IntN(4) > 0 {
			continue
		}
		read := both(w, id, func(l ledger.Ledger) (gate.Post, error) { return l.(ledger.Outbox).Post(w.Context(), id, w.now) })
		if old := w.posts[i]; w.IntN(3) == 0 {
			read = old
		}
		w.posts[i] = read
		now := read
		now.ID, now.Agent, now.Version, now.Over = id, agent, read.Version+1, w.IntN(2) == 0
		now.Until, now.Tries = w.now.Add(time.Duration(w.IntN(300_000))*time.Millisecond+999), w.IntN(3)
		now.Told = append(slices.Clone(read.Told), gate.Told{Target: "datadog", Moment: all[w.IntN(len(all))], As: gate.WasTold, At: w.now})
		now.Told = now.Told[max(0, len(now.Told)-gate.MaxTold):]
		if now.Late = nil; w.IntN(2) == 0 {
			now.Told[len(now.Told)-1].As = gate.GivenUp
			now.Late = []gate.Told{{Target: "pagerduty", Moment: all[0], At: w.now, Words: "away"}}
		}
		c.Told = &gate.ToldWrite{Read: read.Version, Now: now}
	}
}

// postIDs are those of the posts that random changes write.
var postIDs = [...]string{"ab-post", "ab-鍵#2", gate.AgentPost(agent)}

func (w *twins) bothPosts() {
	both(w, "Posts", func(l ledger.Ledger) ([]string, error) {
		o := l.(ledger.Outbox)
		ids, err := o.Posts(w.Context(), agent, w.now)
		return slices.DeleteFunc(ids, func(id string) bool { // the index also names what has expired
			p, gone := o.Post(w.Context(), id, w.now)
			return gone == nil && p.Version == 0
		}), err
	})
	for what, list := range map[string]func(ledger.Lister) ([]gate.Post, bool, error){
		"Untold":  func(l ledger.Lister) ([]gate.Post, bool, error) { return l.Untold(w.Context(), agent, w.now) },
		"GivenUp": func(l ledger.Lister) ([]gate.Post, bool, error) { return l.GivenUp(w.Context(), agent, w.now, w.now) },
	} {
		both(w, what, func(l ledger.Ledger) ([]gate.Post, error) {
			posts, _, err := list(l.(ledger.Lister))
			return posts, err
		})
	}
	for _, id := range postIDs {
		both(w, id, func(l ledger.Ledger) (gate.Post, error) { return l.(ledger.Outbox).Post(w.Context(), id, w.now) })
	}
}

func (w *twins) times(most int) []time.Time {
	var list []time.Time
	for range w.IntN(most + 1) {
		list = append(list, w.now.Add(-time.Duration(w.IntN(3_600_000_000))*time.Microsecond))
	}
	return list
}

func (w *twins) order() gate.Order {
	o := gate.Order{By: []string{"", "aiko", "arn:aws:iam::1:user/健"}[w.IntN(3)], Reason: fmt.Sprint("reason ", w.IntN(9)), At: w.now}
	if w.IntN(2) == 0 {
		o.Until = w.now.Add(time.Hour)
	}
	return o
}

func (w *twins) hand(version int) gate.Hand {
	h := gate.Hand{Version: version}
	if w.IntN(2) == 0 {
		h.Mode = gate.ModeOrder{Mode: gate.Modes()[w.IntN(4)], Order: w.order()}
	}
	for i := range w.IntN(4) {
		s := gate.Silence{ID: fmt.Sprint("s-", i), Order: w.order()}
		for _, text := range []string{`service = "a\"b"`, `host =~ "web-\d+"`, `env != prod`}[w.IntN(3):] {
			m, err := match.Parse(text)
			if err != nil {
				w.Fatal(err)
			}
			s.Matchers = append(s.Matchers, m)
		}
		h.Silences = append(h.Silences, s)
	}
	return h
}

// changed is the case with something else counted, and perhaps decided.
func (w *twins) changed(c gate.Case) gate.Case {
	c.Joined++
	c.Gap = time.Duration(w.IntN(3)) * 90 * time.Second
	for range w.IntN(3) {
		c.Services = append(slices.Clone(c.Services), fmt.Sprint("s-", w.IntN(20)))
	}
	if w.IntN(3) == 0 {
		c.Version++
		c.Hand = w.order()
		c.Steps = append(slices.Clone(c.Steps), gate.Step{At: w.now, Text: fmt.Sprint("step ", w.IntN(9))})
		c.Steps = c.Steps[max(0, len(c.Steps)-gate.MaxSteps):]
	}
	return c
}

// account is a write of money; often one that has no right to be taken.
func (w *twins) account(a gate.Account) *gate.AccountWrite {
	write := &gate.AccountWrite{Agent: agent, Read: a.Version}
	month, day := fmt.Sprint("2026-1", w.IntN(3)), fmt.Sprint("2026-11-2", w.IntN(9))
	if w.IntN(2) == 0 {
		id := fmt.Sprint("ab-made-", w.IntN(4))
		write.Put = map[string]gate.Reservation{id: {
			Attempt: 1, Until: w.now.Add(time.Minute), Critical: w.IntN(2) == 0, Money: 4_000_000, Month: month, Pace: time.Hour + 999, Day: day,
		}}
		write.Critical = map[string]int{day: w.IntN(20)}
		if w.IntN(2) == 0 {
			write.Paced, write.Budget = w.now.Add(time.Hour), gate.Dollars(w.IntN(3))
		}
		if w.IntN(3) == 0 {
			write.Forget = []string{"2026-12", "2026-11-20"}
		}
	}
	if w.IntN(2) == 0 {
		write.Spend = map[string]gate.Dollars{month: gate.Dollars(w.IntN(5_000_000))}
	}
	if w.IntN(3) == 0 {
		write.Back = &gate.Back{Pace: time.Duration(w.IntN(9)) * time.Minute, Day: []string{"", day}[w.IntN(2)]}
	}
	if w.IntN(3) == 0 {
		o := w.order()
		write.Hand = &o
	}
	return write
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
	case []gate.Incident:
		if len(v) == 0 {
			return []gate.Incident(nil)
		}
	case []string:
		if len(v) == 0 {
			return []string(nil)
		}
	}
	return v
}
