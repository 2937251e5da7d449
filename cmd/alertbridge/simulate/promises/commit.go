package promises

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// lease is how long a claim holds.
const lease = 35 * time.Second

// repeats is how often a start in doubt is sent again, and rests how long each doubt rests.
const repeats = 4

var rests = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute}

func rest(doubts int) time.Duration { return rests[min(max(doubts, 1), len(rests))-1] }

// Committed judges a change that is in the ledger now, and follows it.
func (m *Model) Committed(c Commit) {
	m.now = c.Change.At
	if h := c.Change.Hand; h != nil {
		m.sets(*h, c.Change.At)
		m.hand = h.Now
	}
	switch d := c.Change.Delivery; {
	case c.ByHand && c.Change.Hand == nil:
		m.obeyed(c)
	case d == nil:
		m.moved(c)
	case d.Reason == gate.Unreadable:
		m.recorded(*d)
		if d.Verdict != gate.Drop {
			m.broken("2", "delivery %s cannot be read, and got the verdict %s", d.ID, d.Verdict)
		}
	default:
		m.judge(c)
	}
	m.follow(c)
	m.happens(c)
}

// writes is what the commit makes of a case.
func (c Commit) writes(id string) (gate.CaseWrite, bool) {
	i := slices.IndexFunc(c.Change.Cases, func(w gate.CaseWrite) bool { return w.Now.ID == id })
	if i < 0 {
		return gate.CaseWrite{}, false
	}
	return c.Change.Cases[i], true
}

// recorded: one verdict for every delivery, once.
func (m *Model) recorded(d gate.Delivery) {
	if first, twice := m.decided[d.ID]; twice {
		m.broken("2", "delivery %s got the verdict %s (%s) after %s (%s)", d.ID, d.Verdict, d.Reason, first.Verdict, first.Reason)
	}
	m.decided[d.ID] = d
}

// judge compares a verdict with the model's, and what it writes with what follows from it.
func (m *Model) judge(c Commit) {
	d := *c.Change.Delivery
	m.recorded(d)
	a, there := m.alerts[d.ID]
	if !there {
		m.broken("2", "delivery %s has a verdict and never came", d.ID)
		return
	}
	v := m.arriving(a, c.Change.At)
	got := worth{d.Verdict, d.Reason, d.Case}
	w := v.worth()
	if d.Incident != a.Incident.String() {
		m.broken("2", "delivery %s is of %s, and its record says %q", d.ID, a.Incident, d.Incident)
	}
	if c.Alone && !v.agrees(w, got) {
		m.broken(promiseOf(v, w, got), "%s of %s at %s is worth %s (%s) %s, and got %s (%s) %s", a.Transition, a.Incident,
			a.Time.Format("15:04:05"), w.verdict, w.reason, w.kase, got.verdict, got.reason, got.kase)
	}
	m.possible(v, got)
	m.named(a, d, c)
	m.effect(v, got, c)
}

// mostOrgs is how many organisations an account names.
const mostOrgs = 20

// named: the first alert of an organisation that is dropped names it to its Agent's account, and no other one writes there for
// that.
func (m *Model) named(a alert.Alert, d gate.Delivery, c Commit) {
	acct, org, noted := m.account(d.Agent), a.Incident.Org, ""
	if w := c.Change.Account; w != nil {
		noted = w.Org
	}
	want := ""
	if d.Verdict == gate.Drop && org != "-" && len(acct.orgs) < mostOrgs && !slices.Contains(acct.orgs, org) {
		want = org
	}
	if noted != want && (c.Alone || noted != org || d.Verdict != gate.Drop) { // of two at once each is the first
		m.broken("2", "%s of %s gets %s, and %q is noted as its organisation, not %q", a.Transition, a.Incident, d.Verdict, noted, want)
	}
	if noted != "" && !slices.Contains(acct.orgs, noted) {
		acct.orgs = append(acct.orgs, noted)
	}
}

// agrees: a verdict of the same kind about the same case. A case that an alert opens is called after its delivery, and
// what it is called is no matter of what the alert is worth.
func (v arriving) agrees(w, got worth) bool {
	if w.verdict != got.verdict || w.reason != got.reason {
		return false
	}
	return w.kase == "" || w.kase == got.kase
}

// promiseOf names the promise that a wrong verdict breaks.
func promiseOf(v arriving, w, got worth) string {
	switch {
	case w.reason == gate.OverBudget || got.reason == gate.OverBudget:
		return "7"
	case critical(v.rank) && w.verdict == gate.Start:
		return "5"
	case got.verdict == gate.Start || got.verdict == gate.Wait:
		return "4"
	case w.reason == gate.Late || got.reason == gate.Late:
		return "8"
	}
	return "2"
}

// possible: what no order of steps excuses.
func (m *Model) possible(v arriving, got worth) {
	opens := got.verdict == gate.Start || got.verdict == gate.Wait
	if opens && (v.a.Transition == alert.Recovered || v.a.Test && v.r.OnTest != gate.StartIt) {
		m.broken("4", "%s (test: %t) opened or started the case %s", v.a.Transition, v.a.Test, got.kase)
	}
	if opens && v.late() {
		m.broken("8", "%s of %s started the case %s after its recovery was known", v.a.Transition, v.a.Incident, got.kase)
	}
	own := m.cases[v.in.kase]
	if opens && got.kase != v.in.kase && own != nil && own.live() && !own.shadow && v.in.fires() && !v.newCycle() && !own.resting && !v.elsewhere(own) {
		m.broken("4", "%s opened the case %s while %s of the same incident is %s", v.a.Incident, got.kase, own.id, own.state)
	}
}

// effect follows a verdict in the model's own world, and compares what the commit writes with it.
func (m *Model) effect(v arriving, got worth, c Commit) {
	in := m.incident(v.a)
	g, grouped := v.cycle()
	flaps := v.flaps(g)
	switch got.reason {
	case gate.IsOwn, gate.IsTest, gate.IsWarn, gate.IsNoData, gate.IsUnknown, gate.Late:
		return
	case gate.IsRecovery:
		m.recovery(v, in, c)
		m.same(c, v, in)
		return
	case gate.FlapStart, gate.WouldStart:
		if flaps {
			g.flapping, g.shadow, grouped = true, got.reason == gate.WouldStart, true
		}
	}
	if got.reason != gate.Silenced && got.reason != gate.IsModeOff && got.reason != gate.OnlyCritical && grouped {
		m.groups[v.r.Group] = &g
	}
	counted := in.fires()
	before := in.kase
	if v.a.Time.After(in.fire) {
		in.fire = v.a.Time
	}
	m.words[v.a.Incident.String()] = v.a
	in.final = v.a.Incident.Cycle && !in.rec.IsZero() && in.fire.Sub(in.rec) <= v.r.Window
	if got.verdict == gate.Drop {
		own := m.cases[before]
		if !counted || v.newCycle() && own != nil && v.over(own) && !v.covers(own, v.r.Window) {
			in.kase = "" // what begins with it is in no case
		}
		if c.Change.Lead == nil || c.Change.Lead.Alert.Delivery != v.a.Delivery {
			m.broken("2", "%s was dropped (%s), and cannot be started by hand", v.a.Incident, got.reason)
		}
		m.same(c, v, in)
		return
	}
	if k := m.cases[before]; k != nil && before != got.kase && counted &&
		(k.state == gate.Refused || k.state == gate.InDoubt || k.state == gate.Waiting && k.shadow || v.elsewhere(k)) {
		gone := v.elsewhere(k)
		delete(k.firing, v.a.Incident.String())
		if gone && len(k.firing) == 0 {
			k.state, k.how, k.why, k.until = gate.Ended, gate.EndRecovered, "", v.now
		}
		if w, told := c.writes(k.id); !told || c.Alone && w.Now.Firing != len(k.firing) {
			m.broken("4", "%s leaves %s for %s, and the case counts %d that fire (told: %t), not %d", v.a.Incident, k.id, got.kase, w.Now.Firing, told, len(k.firing))
		}
	}
	in.kase = got.kase
	if w, told := c.writes(got.kase); (told && w.Now.State == gate.Starting && w.Now.Attempt != w.Read.Attempt) != (got.verdict == gate.Start) {
		m.broken("5", "%s got the verdict %s, and its case %s goes from %q to %s", v.a.Incident, got.verdict, got.kase, w.Read.State, w.Now.State)
	}
	if k := m.cases[got.kase]; k != nil {
		if _, told := c.writes(k.id); k.state == gate.Refused && !told {
			m.broken("4", "%s joins %s, which a hand may be starting, and nobody asks whether it is still refused", v.a.Incident, k.id)
		}
		m.told(v, k, counted && before == k.id, c)
		m.joins(v, k)
	} else {
		m.opens(v, got, flaps, c)
	}
	m.same(c, v, in)
}

func (m *Model) recovery(v arriving, in *incident, c Commit) {
	if !v.a.Time.After(in.rec) {
		return
	}
	fired := in.fires()
	in.rec = v.a.Time
	in.final = in.final || v.a.Incident.Cycle && in.fire.Sub(in.rec) <= v.r.Window
	k := m.cases[in.kase]
	if k == nil || !fired || in.fires() {
		return
	}
	delete(k.firing, v.a.Incident.String())
	if k.live() || k.state == gate.Refused { // it can still be started, if only by hand
		w, told := c.writes(k.id)
		if !told || c.Alone && w.Now.Firing != len(k.firing) {
			m.broken("4", "%s recovers, and the case %s counts %d that fire (told: %t), not %d", v.a.Incident, k.id, w.Now.Firing, told, len(k.firing))
		}
	}
	if k.state == gate.Waiting && len(k.firing) == 0 {
		k.state, k.how, k.why, k.until = gate.Ended, gate.EndRecovered, "", v.now
	}
}

// told: what the Agent will be told of a case is kept with it.
func (m *Model) told(v arriving, k *kase, counted bool, c Commit) {
	if v.over(k) || k.state == gate.Refused {
		return
	}
	for _, w := range c.Change.Cases {
		if w.Now.ID != k.id {
			continue
		}
		if w.Now.Joined != w.Read.Joined+1 {
			m.broken("2", "%s joins %s, which counts %d after %d", v.a.Incident, k.id, w.Now.Joined, w.Read.Joined)
		}
		key := v.a.Incident.String()
		i := slices.IndexFunc(w.Now.Members, func(x gate.Member) bool { return x.Incident == key })
		switch {
		case counted:
			gap := v.a.Time.Sub(v.in.fire)
			if v.a.Transition == alert.Renotify && gap > 0 && (w.Read.Gap == 0 || gap < w.Read.Gap) && w.Now.Gap != gap {
				m.broken("12", "%s is told of again after %s, and the case says %s", k.id, gap, w.Now.Gap)
			}
		case key == k.lead.Incident.String():
		case i < 0 && len(w.Now.Members) < gate.MaxMembers:
			m.broken("4", "%s joins %s, and the Agent will not be told of it", key, k.id)
		case i >= 0 && (w.Now.Members[i].Severity != v.rank || w.Now.Members[i].Scope != strings.Join(v.a.Scope, ",")):
			m.broken("4", "%s joins %s as %+v", key, k.id, w.Now.Members[i])
		}
		if !slices.IsSortedFunc(w.Now.Members, func(x, y gate.Member) int {
			return cmp.Or(int(y.Severity)-int(x.Severity), x.Since.Compare(y.Since))
		}) {
			m.broken("4", "the Agent will be told of the members of %s in the order %+v", k.id, w.Now.Members)
		}
		if k.storm != "" && !counted && !slices.Contains(w.Now.Services, service(v.a)) {
			m.broken("4", "%s joins the storm %s, which has %v", service(v.a), k.id, w.Now.Services)
		}
	}
}

// service: its tag, else what the group is of. Every alert of a world has a group.
func service(a alert.Alert) string {
	if s := tag(a, "service"); s != "" {
		return s
	}
	_, of, _ := strings.Cut(a.Scope[0], ":")
	return of
}

// joins: a case that can still end unstarted counts it, and tells the Agent of it.
func (m *Model) joins(v arriving, k *kase) {
	if v.over(k) || k.state == gate.Refused {
		return
	}
	key := v.a.Incident.String()
	if key != k.lead.Incident.String() {
		k.joined[key] = true
	}
	k.firing[key] = true
	if v.a.Time.After(k.last) {
		k.last = v.a.Time
	}
	k.rank = max(k.rank, v.rank)
	if soon := v.now.Add(v.hold()); critical(v.rank) && (k.why == gate.WhyHold || k.why == gate.WhyStorm) && soon.Before(k.until) {
		k.until = soon
	}
	if k.resting && !k.noRepeat && v.mode != gate.ModeObserve && v.r.InDoubt == gate.RepeatIt && k.doubts <= repeats {
		k.resting = false
	}
}

// opens: a case of its own.
func (m *Model) opens(v arriving, got worth, flaps bool, c Commit) {
	k := &kase{
		id: got.kase, agent: v.r.Agent, opened: v.now, rank: v.rank, firing: map[string]bool{v.a.Incident.String(): true}, joined: map[string]bool{},
		last: v.a.Time, lead: v.a, rules: v.r, state: gate.Waiting,
	}
	m.opened(k)
	for _, w := range c.Change.Cases {
		if w.Now.ID == k.id && w.Now.Incident != v.a.Incident.String() {
			m.broken("2", "the case %s is of %q, and %s opened it", k.id, w.Now.Incident, v.a.Incident)
		}
	}
	hold := v.hold()
	if flaps {
		hold = 0
	}
	switch got.reason {
	case gate.WouldStart:
		k.shadow, k.why, k.until = true, gate.WhyHold, v.now.Add(hold)
	case gate.Holding:
		k.why, k.until = gate.WhyHold, v.now.Add(hold)
	case gate.Storming:
		k.why, k.until, k.storm = gate.WhyStorm, v.now.Add(v.r.Storm.Within), v.r.Surge
	case gate.OverBudget:
		k.why, k.until = gate.WhyBudget, v.acct.affords(v.r.Budget, critical(v.rank), v.now)
	case gate.NoSlot:
		k.why, k.until = gate.WhySlots, v.now
	case gate.AgentDown:
		k.why, k.until = gate.WhyAgentDown, v.acct.downTill
	case gate.AgentShut:
		k.why, k.until = gate.WhyAgentShut, v.now
	}
	if k.storm == "" {
		for _, key := range v.r.Keys {
			if old := m.cases[m.pointers[key.Name]]; k.shadow && old != nil && !old.shadow &&
				(old.state == gate.Waiting || (old.live() || old.started()) && v.within(old, key.For)) {
				if slices.ContainsFunc(c.Change.Pointers, func(w gate.PointerWrite) bool { return w.Key == key.Name }) && c.Alone {
					m.broken("4", "the case %s is only observed, and hides %s behind the key %s", k.id, old.id, key.Name)
				}
				continue // what is only observed does not hide what was, or will be, started
			}
			m.pointers[key.Name] = k.id
			if c.Alone && !slices.ContainsFunc(c.Change.Pointers, func(w gate.PointerWrite) bool { return w.Key == key.Name && w.Now == k.id }) {
				m.broken("4", "the case %s was opened and the key %s does not name it", k.id, key.Name)
			}
		}
	}
	if !k.shadow && v.r.Surge != "" && v.r.Storm.Cases > 0 {
		s := m.surges[v.r.Surge]
		if s == nil {
			s = &surge{}
			m.surges[v.r.Surge] = s
		}
		s.opened = append(s.opened, v.now)
		slices.SortFunc(s.opened, time.Time.Compare)
		s.opened = s.opened[max(0, len(s.opened)-gate.MaxOpened):]
		if k.storm != "" {
			s.kase = k.id
		}
	}
}

// same compares what the commit writes with the model's world after it.
func (m *Model) same(c Commit, v arriving, in *incident) {
	if w := c.Change.Incident; w != nil {
		n := w.Now
		if !n.Fire.Equal(in.fire) || !n.Rec.Equal(in.rec) || n.Final != in.final || n.Case != in.kase {
			m.broken("8", "the incident %s is fire %s, rec %s, final %t, case %q in the ledger, and should be %s, %s, %t, %q", v.a.Incident,
				clock(n.Fire), clock(n.Rec), n.Final, n.Case, clock(in.fire), clock(in.rec), in.final, in.kase)
		}
	} else if v.in != *in {
		m.broken("8", "the incident %s was not written: fire %s, rec %s, case %q", v.a.Incident, clock(in.fire), clock(in.rec), in.kase)
	}
	for _, w := range c.Change.Cases {
		ended := w.Now.State == gate.Ended && w.Read.State != gate.Ended
		if k := m.cases[w.Now.ID]; k != nil && (k.live() && w.Now.State != gate.Starting || ended && !k.shadow) {
			m.equal(k, w.Now, c.Alone)
		}
	}
	if k := m.cases[in.kase]; k != nil && k.live() && c.Change.Delivery.Verdict != gate.Drop &&
		!slices.ContainsFunc(c.Change.Cases, func(w gate.CaseWrite) bool { return w.Now.ID == k.id }) {
		m.broken("4", "%s belongs to the case %s, which is %s and was not told", v.a.Incident, k.id, k.state)
	}
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("02T15:04:05.000")
}

// equal compares a case as the ledger has it with the model's; counts, where they were read a moment ago.
func (m *Model) equal(k *kase, c gate.Case, counts bool) {
	if k.state != c.State || k.state == gate.Ended && k.how != c.How || k.rank != c.Severity || counts && !k.last.Equal(c.Last) || k.resting != c.Resting || k.shadow != c.Shadow ||
		k.doubts != c.Doubts || k.attempt != c.Attempt || !k.until.Equal(c.Until) || k.why != c.Why || k.storm != c.Storm ||
		k.hand != (c.Hand != gate.Order{}) {
		m.broken("2", "the case %s is %s (%s) until %s, %s, last %s, attempt %d, doubts %d in the ledger, and should be %s (%s) until %s, %s, last %s, attempt %d, doubts %d",
			c.ID, c.State, c.Why, clock(c.Until), c.Severity, clock(c.Last), c.Attempt, c.Doubts,
			k.state, k.why, clock(k.until), k.rank, clock(k.last), k.attempt, k.doubts)
	}
	if counts && c.Firing != len(k.firing) && (k.live() || k.state == gate.Refused) {
		m.broken("4", "the case %s counts %d incidents that fire, and has %d: %v", c.ID, c.Firing, len(k.firing), slices.Sorted(maps.Keys(k.firing)))
	}
}

// follow takes over what the commit says of calls, money and health.
func (m *Model) follow(c Commit) {
	for _, w := range c.Change.Cases {
		if w.Now.State == gate.Starting && (w.Read.State != gate.Starting || w.Now.Attempt != w.Read.Attempt) {
			m.claimed(c, w)
		}
	}
	w := c.Change.Account
	if w == nil {
		return
	}
	a := m.account(w.Agent)
	if w.Shut != nil {
		a.shut = !w.Shut.Since.IsZero()
		a.mended = false
	}
	if w.Down != nil {
		if w.Down.Until.IsZero() && !a.downTill.IsZero() {
			a.rested, a.woke = a.downTill, c.Change.At
		}
		a.downTill, a.down = w.Down.Until, *w.Down
	}
}

// claimed: a case is starting, and somebody will call the Agent.
func (m *Model) claimed(c Commit, w gate.CaseWrite) {
	k := m.cases[w.Now.ID]
	if k == nil {
		return // it was told of before
	}
	now := c.Change.At
	r := k.rules
	r.Agent = k.agent
	a := m.account(k.agent)
	if d := c.Change.Delivery; d != nil { // by the rules of the alert that starts it
		r = m.rules(m.alerts[d.ID])
	}
	fromDoubt := k.state == gate.InDoubt
	if len(k.firing) == 0 {
		m.broken("4", "the case %s is started and nothing of it fires", k.id)
	}
	if !k.hand && now.Sub(k.last) > r.MaxAge {
		m.broken("12", "the case %s is started %s after the last word that it fires", k.id, now.Sub(k.last))
	}
	// A doubt that still holds its slot is repeated in it, also where the Agent has taken up more than there are slots meanwhile.
	holds := fromDoubt && now.Before(a.running[k.id].Until)
	if c.Alone && !holds && !a.room(r, critical(k.rank), now, k.id) {
		m.broken("slots", "the case %s is started and has no slot", k.id)
	}
	if !k.hand && c.Alone && a.affords(r.Budget, critical(k.rank), now).After(now) {
		m.broken("7", "the case %s is started without money", k.id)
	}
	if why := a.closed(now); c.Alone && why != "" {
		m.broken("12", "the case %s is started, and the Agent: %s", k.id, why)
	}
	k.asked = k.hand
	if fromDoubt {
		k.hand = false // the order was for this one repeat
	} else {
		k.start = now
	}
	k.state, k.why, k.until, k.resting = gate.Starting, "", now.Add(lease), false
	k.attempt++
	k.claimedBy, k.wasDown = c.Invocation, a.down
	if r.Followed {
		k.called, k.asks, k.missed = now, 0, false
	}
	m.worked(k, w.Now)
	res := a.holds(k.id, critical(k.rank), r, now)
	a.reserve(k.id, res, now)
	m.equal(k, w.Now, c.Alone)
	if !k.start.Equal(w.Now.StartAt) {
		m.broken("4", "the window of the case %s counts from %s, not from its start at %s", k.id, clock(w.Now.StartAt), clock(k.start))
	}
	put, there := gate.Reservation{}, false
	if c.Change.Account != nil {
		put, there = c.Change.Account.Put[k.id]
	}
	res.Attempt = k.attempt
	if !there || put != res {
		m.broken("money", "the start of %s reserves %+v (%t), and should reserve %+v", k.id, put, there, res)
	}
	if there && !c.Change.Account.Paced.IsZero() && !c.Change.Account.Paced.Equal(a.paced) {
		m.broken("7", "the budget of %s is paced until %s, and should be until %s", a.name, clock(c.Change.Account.Paced), clock(a.paced))
	}
	if c.Change.Account != nil {
		a.forgets(k.id, *c.Change.Account, now)
	}
}

// outcomeOf is what the invocation's call came to, NotDelivered when it never called.
func (m *Model) outcomeOf(c Commit, id string) delivery.Outcome {
	if call, called := m.calls[calling{c.Invocation, id}]; called {
		return call.Outcome
	}
	return delivery.NotDelivered
}
