package promises

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/match"
)

// Order is what somebody orders by hand, as docs/operate.md has it: the start or the stop of a case, that an Agent is tried
// again, a mode, or a silence.
type Order struct {
	At       time.Time
	Do       Ordering
	Case     string // that is meant; "" where the order names an alert, or an Agent
	Delivery string // of the alert whose case is meant
	Agent    string // that is to be tried again
	Mode     gate.Mode
	Silence  []match.Matcher
	By       gate.Order
}

// Ordering is what can be ordered.
type Ordering string

// The orders.
const (
	ToStart   Ordering = "start"
	ToStop    Ordering = "stop"
	ToRetry   Ordering = "retry"
	ToMode    Ordering = "mode"
	ToSilence Ordering = "silence"
)

// task is what has to come of an order.
type task struct {
	Order
	want  effect
	kase  *kase       // that is meant; nil: there is none
	lead  alert.Alert // of a case that is opened
	agent string      // and whose it is
	done  bool        // something was committed
}

type effect string

const (
	nothing   effect = "nothing"   // though the order is a good one
	refusal   effect = "a refusal" // and all stays as it is
	dueStart  effect = "a start that is due"
	newCase   effect = "a new case that is due"
	noStart   effect = "the end of the case"
	openAgent effect = "a call of the Agent"
	forAll    effect = "what counts for all alerts"
)

// Ordered says that somebody orders something, before anything has come of it. Nobody else does anything until Answered.
func (m *Model) Ordered(o Order) {
	m.now = o.At
	t := &task{Order: o}
	m.task = t
	m.means(t)
	switch k, a := t.kase, m.account(o.Agent); {
	case o.Do == ToMode || o.Do == ToSilence:
		t.want = forAll
	case o.Do == ToRetry:
		if t.want = nothing; a.shut || a.down != (gate.Down{}) {
			t.want = openAgent
		}
	case o.Do == ToStop:
		if t.want = noStart; k == nil || k.state == gate.Starting || k.state == gate.Ended {
			t.want = refusal
		}
	case k == nil && t.lead.Delivery == "", k != nil && (k.started() || k.state == gate.Starting):
		t.want = refusal
	case k != nil && k.state != gate.Ended && !k.shadow:
		t.want = dueStart
	default:
		t.want = newCase
		// What is open, or runs, would be paid for twice.
		own := m.cases[m.incident(t.lead).kase]
		if own != nil && !own.shadow && (own.live() || own.state == gate.Started || own.state == gate.Refused) {
			t.want = refusal
		}
	}
}

// kept are the reasons of which a dropped alert is kept, so that it can be started by hand.
var kept = []gate.Reason{gate.Silenced, gate.IsModeOff, gate.OnlyCritical, gate.IsFlapping, gate.NotStarted, gate.TooOld}

// means finds the case that is meant, or the alert that was dropped.
func (m *Model) means(t *task) {
	id := t.Case
	if d, decided := m.decided[t.Delivery]; decided && id == "" {
		if id = d.Case; id == "" {
			id = m.instead[t.Delivery]
		}
		if id == "" && slices.Contains(kept, d.Reason) {
			t.lead = m.alerts[t.Delivery]
			t.agent = m.rules(t.lead).Agent
		}
	}
	if t.kase = m.cases[id]; t.kase != nil {
		t.lead, t.agent = t.kase.lead, t.kase.agent
	}
}

// Answered says what came of the order: whether it was refused.
func (m *Model) Answered(refused bool, at time.Time) {
	m.now = at
	t := m.task
	if m.task = nil; t == nil {
		return
	}
	should := t.want != refusal && t.want != nothing
	if t.Do == ToSilence && len(t.Silence) != 1 { // the worlds' own have one matcher; what else is refused package gate's tests hold
		should, refused = t.done, false
	}
	if refused != (t.want == refusal) || t.done != should {
		m.broken("hand", "%s: comes to nothing (refused: %t, written: %t), and should to %s", t, refused, t.done, t.want)
	}
}

// String says what was ordered of what.
func (t *task) String() string {
	words := "the order by hand to " + string(t.Do) + " " + t.Delivery + t.Agent
	if t.kase != nil {
		return words + " " + t.kase.id + ", which is " + string(t.kase.state)
	}
	return words + t.Case
}

// obeyed judges a commit that somebody has made by hand: it is what the order has to come to, and nothing besides.
func (m *Model) obeyed(c Commit) {
	t := m.task
	switch {
	case t == nil || t.done:
		m.broken("hand", "something is changed by hand that nobody has ordered: %d cases", len(c.Change.Cases))
		return
	case t.want == openAgent:
		m.opensAgent(t, c)
	case t.want == dueStart:
		m.isDue(t, c)
	case t.want == newCase:
		m.reopens(t, c)
	case t.want == noStart:
		m.stops(t, c)
	default:
		m.broken("hand", "%s: something is changed, and it should come to %s", t, t.want)
	}
	t.done = true
	if c.Change.Group != nil || c.Change.Surge != nil || c.Change.Delivery != nil {
		m.broken("hand", "%s: it changes what is known of a group, an environment or a delivery", t)
	}
}

// sets judges a mode or a silence that is set: it is there as it was ordered, and all else but what is over as it was.
func (m *Model) sets(h gate.HandWrite, now time.Time) {
	t := m.task
	if t == nil || t.want != forAll || t.done {
		m.broken("hand", "a mode or a silence is set by hand that nobody has ordered: %+v", h.Now)
		return
	}
	t.done = true
	mode, same := m.hand.Mode, func(s gate.Silence) bool {
		return t.Do == ToSilence && s.By == t.By.By && s.Reason == t.By.Reason && slices.EqualFunc(s.Matchers, t.Silence, alike)
	}
	var want []gate.Silence
	for _, s := range m.hand.Silences {
		if t.Do == ToMode || !same(s) && (s.Until.IsZero() || now.Before(s.Until)) {
			want = append(want, s)
		}
	}
	if t.Do == ToSilence {
		want = append(want, gate.Silence{Matchers: t.Silence, Order: t.By})
	} else {
		mode = gate.ModeOrder{Mode: t.Mode, Order: t.By}
	}
	ids := map[string]bool{}
	for _, s := range h.Now.Silences {
		ids[s.ID] = s.ID != ""
	}
	if h.Now.Mode != mode || h.Read != m.hand.Version || h.Now.Version != h.Read+1 || len(ids) != len(h.Now.Silences) || ids[""] ||
		!slices.EqualFunc(h.Now.Silences, want, func(a, b gate.Silence) bool {
			return a.Order == b.Order && slices.EqualFunc(a.Matchers, b.Matchers, alike)
		}) {
		m.broken("hand", "%s: by hand is set %+v, and should be the mode %+v and the silences %+v", t, h.Now, mode, want)
	}
}

func alike(a, b match.Matcher) bool { return a.Name == b.Name && a.Op == b.Op && a.Value == b.Value }

// opensAgent: what keeps the Agent from being called is forgotten, if it is still what it was.
func (m *Model) opensAgent(t *task, c Commit) {
	a, w := m.account(t.Agent), c.Change.Account
	if w == nil || w.Agent != t.Agent || len(c.Change.Cases) > 0 {
		m.broken("hand", "%s: the account is not written, or something else", t)
		return
	}
	if w.Hand == nil || *w.Hand != t.By {
		m.broken("hand", "%s: the account is signed with %+v, not %+v", t, w.Hand, t.By)
	}
	opens, clears := w.Shut != nil && *w.Shut == (gate.Shut{}), w.Down != nil && *w.Down == (gate.Down{})
	if opens != a.shut || (w.OpenedBy != nil) != a.shut || clears != (a.down != gate.Down{}) || clears && (w.DownWas == nil || *w.DownWas != a.down) {
		m.broken("hand", "%s: it was shut (%t), and is opened: %t; it was %+v, and that is forgotten: %t", t, a.shut, opens, a.down, clears)
	}
}

// isDue: what waits, was refused or is in doubt is due with the order, and counts as firing.
func (m *Model) isDue(t *task, c Commit) {
	k, now := t.kase, c.Change.At
	w, ok := m.only(t, c, k)
	if !ok {
		return
	}
	want := gate.CaseFacts{}
	if len(k.firing) == 0 { // the hand's word counts as a notification, unless there is another one by now
		k.firing["by hand"] = true
		want.Firing = gate.NoneFires
	}
	if w.Facts != want {
		m.broken("hand", "%s: the commit asks for %+v, and should for %+v", t, w.Facts, want)
	}
	k.hand, k.until, k.resting = true, now, false
	k.last = latest(k.last, now)
	if w.Now.Hand != t.By {
		m.broken("hand", "%s: the case is signed with %+v, not %+v", t, w.Now.Hand, t.By)
	}
	m.signed(t, w.Now)
	m.equal(k, w.Now, true)
	m.worked(k, w.Now)
	m.quiet(t, c)
}

// reopens: what was dropped, has ended unstarted or was only observed gets a case in its place, for the alert that would
// have opened it, which is due.
func (m *Model) reopens(t *task, c Commit) {
	now, r := c.Change.At, m.rules(t.lead)
	i := slices.IndexFunc(c.Change.Cases, func(w gate.CaseWrite) bool { return w.Read.ID == "" })
	if i < 0 || m.cases[c.Change.Cases[i].Now.ID] != nil {
		m.broken("hand", "%s: no new case is opened", t)
		return
	}
	w := c.Change.Cases[i]
	n := w.Now
	if w.Lead == nil || w.Lead.Delivery != t.lead.Delivery {
		m.broken("2", "%s: the case %s is opened without the alert that it is for", t, n.ID)
	}
	m.observedIsOver(t, c, n.ID)
	in := m.incident(t.lead)
	in.kase, in.fire = n.ID, latest(in.fire, t.lead.Time)
	if got := c.Change.Incident; got == nil || got.Now.Key != t.lead.Incident || got.Now.Version != got.Read+1 || got.Now.Case != n.ID ||
		!got.Now.Fire.Equal(in.fire) || !got.Now.Rec.Equal(in.rec) || got.Now.Final != in.final {
		m.broken("hand", "%s: the incident %s does not name the new case %s with its own times", t, t.lead.Incident, n.ID)
	}
	rank := r.Severity
	if rank == 0 {
		rank = t.lead.Severity
	}
	k := &kase{
		id: n.ID, agent: t.agent, state: gate.Waiting, why: gate.WhyHold, until: now, opened: now, rank: rank, last: now, hand: true,
		firing: map[string]bool{}, joined: map[string]bool{}, lead: t.lead, rules: r,
	}
	if in.fires() {
		k.firing[t.lead.Incident.String()] = true
	} else { // it has recovered, and somebody wants it started all the same
		k.firing["by hand"] = true
	}
	m.keysName(t, k, c)
	m.opened(k)
	if t.Delivery != "" && t.kase == nil {
		m.instead[t.Delivery] = k.id
	}
	if n.Agent != k.agent || !n.Opened.Equal(now) || n.Incident != t.lead.Incident.String() || n.Hand != t.By || n.Version != 1 {
		m.broken("hand", "%s: the new case %s is of %q for %s, opened %s by %+v, version %d", t, n.ID, n.Incident, n.Agent, clock(n.Opened), n.Hand, n.Version)
	}
	m.signed(t, n)
	m.equal(k, n, true)
	m.quiet(t, c)
}

// observedIsOver: what was only observed of the incident ends as such, or it would be the same start twice.
func (m *Model) observedIsOver(t *task, c Commit, opened string) {
	over := map[string]*kase{}
	for _, k := range []*kase{t.kase, m.cases[m.incident(t.lead).kase]} {
		if k != nil && k.shadow && k.state == gate.Waiting {
			over[k.id] = k
		}
	}
	if len(c.Change.Cases) != 1+len(over) {
		m.broken("hand", "%s: %d cases are written, and should be the new one and %d that were only observed", t, len(c.Change.Cases), len(over))
	}
	for _, w := range c.Change.Cases {
		k := over[w.Now.ID]
		switch {
		case w.Now.ID == opened:
			continue
		case k == nil:
			m.broken("hand", "%s: the case %s is written, which has nothing to do with it", t, w.Now.ID)
			continue
		}
		k.state, k.how, k.why, k.until = gate.Ended, gate.EndObserved, "", c.Change.At
		m.signed(t, w.Now)
		m.equal(k, w.Now, true)
	}
}

// keysName: the keys of the alert name the new case, but for those of a case that is open.
func (m *Model) keysName(t *task, k *kase, c Commit) {
	want := map[string]bool{}
	for _, key := range k.rules.Keys {
		if named := m.cases[m.pointers[key.Name]]; named == nil || named == t.kase || !named.live() {
			want[key.Name] = true
			m.pointers[key.Name] = k.id
		}
	}
	got := map[string]bool{}
	for _, p := range c.Change.Pointers {
		got[p.Key] = p.Now == k.id
	}
	if !maps.Equal(got, want) {
		m.broken("hand", "%s: the keys %v name the new case %s, and should %v", t, got, k.id, want)
	}
}

// stops: what is not started never will be, and what was is over for the bridge; its slot is free, and what it holds is
// booked, for nobody knows what of it was used.
func (m *Model) stops(t *task, c Commit) {
	k, now := t.kase, c.Change.At
	w, ok := m.only(t, c, k)
	if !ok {
		return
	}
	was := m.standing(k)
	k.hand, k.resting, k.until = false, false, now
	var tells []gate.Moment
	switch k.state {
	case gate.Waiting:
		k.state, k.how, k.why = gate.Ended, gate.EndSilenced, ""
		if was.openly || k.attempt > 0 {
			tells = []gate.Moment{gate.WasNot}
		}
	case gate.Started:
		k.state, k.how = gate.Ended, gate.EndAssumed
		m.spends(t, k, c)
		tells = []gate.Moment{gate.HasEnded}
	case gate.Refused:
		tells = []gate.Moment{gate.WasNot}
	case gate.InDoubt:
		k.state = gate.Refused
		m.spends(t, k, c)
		if was.left {
			tells = []gate.Moment{gate.WasNot}
		}
	}
	if k.shadow || !m.people.noted[k.id] { // nobody was told of it
		tells = nil
	}
	var got []gate.Moment
	for _, p := range c.Change.Posts {
		if p.ID == k.id && p.Agent == k.agent {
			got = append(got, p.Moments...)
		}
	}
	if !slices.Equal(got, tells) || len(c.Change.Posts) > 1 {
		m.broken("told", "%s, of which people are to be told %s, and noted is %s", t, tells, got)
	}
	if c.Change.Incident != nil || len(c.Change.Pointers) > 0 {
		m.broken("hand", "%s: it changes an incident or a key", t)
	}
	m.signed(t, w.Now)
	m.equal(k, w.Now, true)
	m.worked(k, w.Now)
}

// spends: a reservation is given up, and its money counts as spent.
func (m *Model) spends(t *task, k *kase, c Commit) {
	a, w := m.account(k.agent), c.Change.Account
	if _, holds := a.running[k.id]; !holds {
		return
	}
	if w == nil || w.Agent != k.agent || !slices.Equal(w.Drop, []string{k.id}) || len(w.Put) > 0 || w.Back != nil || w.Shut != nil || w.Down != nil {
		m.broken("slots", "%s: its slot is not free, or the account is changed otherwise: %+v", t, w)
	}
	m.bookedAs(k, a)
	m.books(k, a, c)
}

// only is what the commit makes of the one case that it is about.
func (m *Model) only(t *task, c Commit, k *kase) (gate.CaseWrite, bool) {
	w, told := c.writes(k.id)
	if !told || len(c.Change.Cases) != 1 {
		m.broken("hand", "%s: %d cases are written (it: %t)", t, len(c.Change.Cases), told)
		return w, false
	}
	if w.Read.State != k.state || w.Now.Version != w.Read.Version+1 {
		m.broken("hand", "%s: it is read as %s and becomes version %d after %d", t, w.Read.State, w.Now.Version, w.Read.Version)
	}
	return w, true
}

// quiet: nobody is told of an order to start, and it costs nothing before its start.
func (m *Model) quiet(t *task, c Commit) {
	if len(c.Change.Posts) > 0 || c.Change.Account != nil {
		m.broken("hand", "%s: something is told of it, or an account is changed", t)
	}
}

// signed: who ordered it, why and when is on the case.
func (m *Model) signed(t *task, n gate.Case) {
	said := slices.ContainsFunc(n.Steps, func(s gate.Step) bool {
		return s.At.Equal(t.By.At) && strings.Contains(s.Text, t.By.By) && strings.Contains(s.Text, t.By.Reason)
	})
	if !said {
		m.broken("hand", "%s: the case %s does not say who, why and when", t, n.ID)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
