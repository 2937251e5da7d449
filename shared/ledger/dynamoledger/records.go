package dynamoledger

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Attributes that conditions and updates name too.
const (
	attrVersion = "version"
	attrCase    = "case"

	attrFiring  = "firing"
	attrJoined  = "joined"
	attrLast    = "last"
	attrMembers = "members"
	attrGap     = "gap"
	attrService = "services"

	attrSaw     = "saw"
	attrAlert   = "alert"
	attrDropped = "dropped"

	attrShutSince   = "shut_since"
	attrShutSecret  = "shut_secret"
	attrShutWords   = "shut_words"
	attrDownUntil   = "down_until"
	attrDownFails   = "down_fails"
	attrDownDoubts  = "down_doubts"
	attrPaced       = "paced"
	attrBudget      = "budget"
	attrOrgs        = "orgs"
	reservationMark = "run#"      // the prefix of an account's reservations: one attribute for each
	spentMark       = "spent#"    // of what its months have cost
	criticalMark    = "critical#" // of the critical starts that its days have seen
)

func encodeDelivery(d gate.Delivery, at time.Time) item {
	it := newItem(deliveryKey(d.ID), at)
	it.text("id", d.ID)
	it.text("verdict", string(d.Verdict))
	it.text("reason", string(d.Reason))
	it.text(attrCase, d.Case)
	it.text("incident", d.Incident)
	it.text("transition", d.Transition)
	it.text("title", d.Title)
	it.moment("time", d.Time)
	it.moment("decided", d.Decided)
	it.text("trace_id", d.TraceID)
	it.text("words", d.Words)
	it.text("agent", d.Agent)
	it.text("because", d.Because)
	it.text("hand", d.Hand)
	it.text(attrSaw, string(ledger.EncodeSaw(d.Saw)))
	return it
}

// decodeDelivery reads it without what its decision rested on; see decodeSaw.
func decodeDelivery(it item, now time.Time) (gate.Delivery, bool, error) {
	r, err := open(it)
	if err != nil || r.gone(now) {
		return gate.Delivery{}, false, err
	}
	d := gate.Delivery{
		ID: r.text("id"), Verdict: gate.Verdict(r.text("verdict")), Reason: gate.Reason(r.text("reason")),
		Case: r.text(attrCase), Incident: r.text("incident"), Transition: r.text("transition"), Title: r.text("title"),
		Time: r.moment("time"), Decided: r.moment("decided"), TraceID: r.text("trace_id"), Words: r.text("words"),
		Agent: r.text("agent"), Because: r.text("because"), Hand: r.text("hand"),
	}
	r.must("id", "verdict") // a message is done because of it
	return d, true, r.done()
}

// decodeSaw reads what the decision on a delivery rested on. Decisions can do without that, so whatever cannot be read is nil.
func decodeSaw(it item) *gate.Saw {
	if s, isText := it[attrSaw].(*types.AttributeValueMemberS); isText {
		return ledger.DecodeSaw([]byte(s.Value))
	}
	return nil
}

func encodeIncident(in gate.Incident, at time.Time) item {
	it := newItem(incidentKey(in.Key), at)
	it.text("org", in.Key.Org)
	it.text("monitor", in.Key.Monitor)
	it.text("key", in.Key.Key)
	it.flag("cycle", in.Key.Cycle)
	it.moment("fire", in.Fire)
	it.moment("rec", in.Rec)
	it.flag("final", in.Final)
	it.text(attrCase, in.Case)
	var recent []types.AttributeValue
	for _, m := range in.Recent {
		recent = append(recent, encodeMention(m))
	}
	it.list("recent", recent)
	it.number(attrVersion, in.Version)
	return it
}

func encodeMention(m gate.Mention) types.AttributeValue {
	it := item{}
	it.text("delivery", m.Delivery)
	it.moment("time", m.Time)
	it.text("transition", m.Transition)
	it.text("verdict", string(m.Verdict))
	it.text("reason", string(m.Reason))
	return &types.AttributeValueMemberM{Value: it}
}

func decodeIncident(it item, now time.Time) (gate.Incident, bool, error) {
	r, err := open(it)
	if err != nil || r.gone(now) {
		return gate.Incident{}, false, err
	}
	in := gate.Incident{
		Key: alert.Incident{
			Org: r.text("org"), Monitor: r.text("monitor"), Key: r.text("key"), Cycle: r.flag("cycle"),
		},
		Fire: r.moment("fire"), Rec: r.moment("rec"), Final: r.flag("final"), Case: r.text(attrCase),
		Version: r.version(),
	}
	for _, e := range r.groups("recent") {
		in.Recent = append(in.Recent, gate.Mention{
			Delivery: e.text("delivery"), Time: e.moment("time"), Transition: e.text("transition"),
			Verdict: gate.Verdict(e.text("verdict")), Reason: gate.Reason(e.text("reason")),
		})
		r.take(*e)
	}
	return in, true, r.done()
}

func encodePointer(w gate.PointerWrite, at time.Time) item {
	it := newItem(pointerKey(w.Key), at)
	it.text(attrCase, w.Now)
	return it
}

func decodePointer(it item, now time.Time) (string, bool, error) {
	r, err := open(it)
	if err != nil || r.gone(now) {
		return "", false, err
	}
	r.must(attrCase)
	return r.text(attrCase), true, r.done()
}

// encodeCase gives a case's whole item, as it is opened.
func encodeCase(c gate.Case, at time.Time) item {
	it := newItem(caseKey(c.ID), at)
	it.text("id", c.ID)
	it.text("agent", c.Agent)
	it.moment("opened", c.Opened)
	it.text("title", c.Title)
	it.text("service", c.Service)
	it.text("incident", c.Incident)
	it.text("trace_id", c.TraceID)
	it.text("trace", c.Trace)
	it.text("storm", c.Storm)
	it.flag("shadow", c.Shadow)
	for _, a := range decided(c) {
		if a.value != nil {
			it[a.name] = a.value
		}
	}
	it[attrFiring] = number(int64(c.Firing)) // there also when zero, for conditions compare them
	it[attrJoined] = number(int64(c.Joined))
	it.moment(attrLast, c.Last)
	it.span(attrGap, c.Gap)
	if services := ledger.Services(nil, c.Services); len(services) > 0 { // a set that is empty, or has one twice, is none
		it[attrService] = &types.AttributeValueMemberSS{Value: services}
	}
	members := item{}
	for _, m := range c.Members {
		members[memberName(m.Incident)] = encodeMember(m)
	}
	it[attrMembers] = &types.AttributeValueMemberM{Value: members} // there also when empty, for updates reach into it
	return it
}

// attribute is a name with a value; without one it is absent.
type attribute struct {
	name  string
	value types.AttributeValue
}

// decided gives the attributes that change only together with the case's version: the state machine's part, and where
// the index shows the case, which follows from it.
func decided(c gate.Case) []attribute {
	it := item{}
	it.text("state", string(c.State))
	it.text("why", string(c.Why))
	it.text("how", string(c.How))
	it.moment("until", c.Until)
	it.moment("start_at", c.StartAt)
	it.number("severity", int(c.Severity))
	it.number("attempt", c.Attempt)
	it.number("doubts", c.Doubts)
	it.flag("no_repeat", c.NoRepeat)
	it.flag("resting", c.Resting)
	it.moment("called", c.Called)
	it.work("work", c.Work)
	it.text("note", c.Note)
	it.order("hand_", c.Hand)
	var steps []types.AttributeValue
	for _, s := range c.Steps {
		step := item{}
		step.moment("at", s.At)
		step.text("text", s.Text)
		steps = append(steps, &types.AttributeValueMemberM{Value: step})
	}
	it.list("steps", steps)
	it.number(attrVersion, c.Version)
	it.text(attrBucket, bucket(c.Agent, c.Bucket()))
	it.text(attrOrder, c.Order())
	names := [...]string{
		"state", "why", "how", "until", "start_at", "severity", "attempt", "doubts", "no_repeat", "resting", "called", "work", "note",
		"hand_by", "hand_reason", "hand_at", "hand_until", "steps", attrVersion, attrBucket, attrOrder,
	}
	list := make([]attribute, len(names))
	for i, name := range names {
		list[i] = attribute{name, it[name]}
	}
	return list
}

func decodeCase(it item, now time.Time) (gate.Case, bool, error) {
	r, err := open(it)
	if err != nil || r.gone(now) {
		return gate.Case{}, false, err
	}
	c := gate.Case{
		ID: r.text("id"), Agent: r.text("agent"), State: gate.State(r.text("state")), Why: gate.Why(r.text("why")),
		How: gate.How(r.text("how")), Until: r.moment("until"), Opened: r.moment("opened"), StartAt: r.moment("start_at"),
		Severity: alert.Severity(r.number("severity")), Attempt: int(r.number("attempt")), Doubts: int(r.number("doubts")),
		NoRepeat: r.flag("no_repeat"), Resting: r.flag("resting"),
		Called: r.moment("called"), Work: r.work("work"), Note: r.text("note"), Hand: r.order("hand_"),
		Version: r.version(), Firing: int(r.number(attrFiring)), Joined: int(r.number(attrJoined)),
		Last: r.moment(attrLast), Gap: r.span(attrGap), Services: r.set(attrService), Storm: r.text("storm"), Shadow: r.flag("shadow"),
		Title: r.text("title"), Service: r.text("service"), Incident: r.text("incident"), TraceID: r.text("trace_id"),
		Trace: r.text("trace"),
	}
	for _, s := range r.groups("steps") {
		c.Steps = append(c.Steps, gate.Step{At: s.moment("at"), Text: s.text("text")})
		r.take(*s)
	}
	for _, v := range r.group(attrMembers) {
		m, ok := v.(*types.AttributeValueMemberM)
		if !ok {
			r.fail(attrMembers, "a map of maps")
			continue
		}
		c.Members = append(c.Members, r.member(m.Value))
	}
	slices.SortFunc(c.Members, ledger.CompareMembers)
	r.must("id", "state", attrFiring, attrJoined, attrMembers)
	r.known(c)
	return c, true, r.done()
}

// known refuses a state that the gate has no rules for, and an end: it would take either for a case that never started,
// and start it once more.
func (r *reader) known(c gate.Case) {
	if _, known := gate.Moves()[c.State]; !known {
		r.fail("state", "a state that this build knows")
	}
	if c.State != gate.Ended {
		return
	}
	if ways := slices.Concat(slices.Collect(maps.Values(gate.Endings()))...); !slices.Contains(ways, c.How) {
		r.fail("how", "an end that this build knows")
	}
}

// memberName is a member's name within the case's members: short, and fit for a name.
func memberName(incident string) string { return digest(incident, 8) }

func encodeMember(m gate.Member) types.AttributeValue {
	it := item{}
	it.text("incident", m.Incident)
	it.text("title", m.Title)
	it.text("scope", m.Scope)
	it.number("severity", int(m.Severity))
	it.moment("since", m.Since)
	return &types.AttributeValueMemberM{Value: it}
}

func (r *reader) member(attrs map[string]types.AttributeValue) gate.Member {
	in := reader{attrs: attrs}
	m := gate.Member{
		Incident: in.text("incident"), Title: in.text("title"), Scope: in.text("scope"),
		Severity: alert.Severity(in.number("severity")), Since: in.moment("since"),
	}
	r.take(in)
	return m
}

// encodeLead gives the item of the alert that opened a case. It lives twice as long: as long as the case is written
// within its own time of life after it was opened, the alert outlives it (leadRefresh does the rest).
func encodeLead(caseID string, a alert.Alert, at time.Time) (item, error) {
	lead, err := ledger.EncodeLead(a)
	if err != nil {
		return nil, err
	}
	it := newItem(leadKey(caseID), at.Add(ledger.Life))
	it[attrAlert] = text(string(lead))
	return it, nil
}

// encodeDropped gives the item of an alert that was dropped. A case that is opened under its id puts its own there.
func encodeDropped(w gate.LeadWrite, at time.Time) (item, error) {
	lead, err := ledger.EncodeLead(w.Alert)
	if err != nil {
		return nil, err
	}
	it := newItem(leadKey(w.Case), at)
	it[attrAlert] = text(string(lead))
	it.flag(attrDropped, true)
	return it, nil
}

// decodeDropped reads an alert that was dropped. One that opened a case which is gone is none.
func decodeDropped(it item, now time.Time) (alert.Alert, bool, error) {
	if _, there := it[attrFormat]; !there {
		return alert.Alert{}, false, nil
	}
	r, err := open(it)
	if err != nil {
		return alert.Alert{}, false, err
	}
	dropped := r.flag(attrDropped)
	if r.gone(now) || r.err == nil && !dropped {
		return alert.Alert{}, false, nil
	}
	if err := r.done(); err != nil {
		return alert.Alert{}, false, err
	}
	return decodeLead(it)
}

// decodeLead reads an alert back. It asks for no time: a lead is there as long as its case is.
func decodeLead(it item) (alert.Alert, bool, error) {
	if _, there := it[attrFormat]; !there {
		return alert.Alert{}, false, nil // leadRefresh came after somebody had removed it
	}
	r, err := open(it)
	if err != nil {
		return alert.Alert{}, false, err
	}
	lead := r.text(attrAlert)
	r.must(attrAlert)
	if err := r.done(); err != nil {
		return alert.Alert{}, false, err
	}
	a, err := ledger.DecodeLead([]byte(lead))
	if err != nil {
		return alert.Alert{}, false, fmt.Errorf("%w: item %s of the table: %w", ledger.ErrUnreadable, keyOf(it), err)
	}
	return a, true, nil
}

func decodeAccount(it item) (gate.Account, error) {
	r, err := open(it)
	if err != nil {
		return gate.Account{}, err
	}
	a := gate.Account{
		Version: int(r.number(attrVersion)),
		Shut: gate.Shut{
			Since: r.moment(attrShutSince), SecretVersion: r.text(attrShutSecret), Words: r.text(attrShutWords),
		},
		Down: gate.Down{
			Until: r.moment(attrDownUntil), Fails: int(r.number(attrDownFails)), Doubts: int(r.number(attrDownDoubts)),
		},
		Money: gate.Money{Paced: r.moment(attrPaced), Budget: gate.Dollars(r.number(attrBudget))},
		Hand:  r.order("hand_"),
		Orgs:  r.set(attrOrgs),
	}
	for name := range r.attrs {
		if id, ok := strings.CutPrefix(name, reservationMark); ok {
			put(&a.Running, id, r.reservation(name))
		}
		if month, ok := strings.CutPrefix(name, spentMark); ok {
			put(&a.Money.Spent, month, gate.Dollars(r.number(name)))
		}
		if day, ok := strings.CutPrefix(name, criticalMark); ok {
			put(&a.Money.Critical, day, int(r.number(name)))
		}
	}
	return a, r.done()
}

func put[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[key] = value
}

func encodeReservation(res gate.Reservation) types.AttributeValue {
	it := item{}
	it.number("attempt", res.Attempt)
	it.moment("until", res.Until)
	it.flag("critical", res.Critical)
	it.number("money", int(res.Money))
	it.text("month", res.Month)
	it.span("pace", res.Pace)
	it.text("day", res.Day)
	return &types.AttributeValueMemberM{Value: it}
}

func (r *reader) reservation(name string) gate.Reservation {
	in := reader{attrs: r.group(name)}
	res := gate.Reservation{
		Attempt: int(in.number("attempt")), Until: in.moment("until"), Critical: in.flag("critical"),
		Money: gate.Dollars(in.number("money")), Month: in.text("month"), Pace: in.span("pace"), Day: in.text("day"),
	}
	r.take(in)
	return res
}

func shutAttributes(s gate.Shut) []attribute {
	it := item{}
	it.moment(attrShutSince, s.Since)
	it.text(attrShutSecret, s.SecretVersion)
	it.text(attrShutWords, s.Words)
	return []attribute{
		{attrShutSince, it[attrShutSince]}, {attrShutSecret, it[attrShutSecret]}, {attrShutWords, it[attrShutWords]},
	}
}

func downAttributes(d gate.Down) []attribute {
	it := item{}
	it.moment(attrDownUntil, d.Until)
	it.number(attrDownFails, d.Fails)
	it.number(attrDownDoubts, d.Doubts)
	return []attribute{
		{attrDownUntil, it[attrDownUntil]}, {attrDownFails, it[attrDownFails]}, {attrDownDoubts, it[attrDownDoubts]},
	}
}

func handAttributes(o gate.Order) (list []attribute) {
	it := item{}
	it.order("hand_", o)
	for _, name := range []string{"hand_by", "hand_reason", "hand_at", "hand_until"} {
		list = append(list, attribute{name, it[name]})
	}
	return list
}

// encodeGroup gives the item of what is remembered of a monitor group.
func encodeGroup(g gate.Group, at time.Time) item {
	it := newItem(groupKey(g.Name), at)
	it.text("name", g.Name)
	it.moments("cycles", g.Cycles)
	it.flag("flapping", g.Flapping)
	it.flag("shadow", g.Shadow)
	it.number(attrVersion, g.Version)
	return it
}

func decodeGroup(it item, now time.Time) (gate.Group, bool, error) {
	r, err := open(it)
	if err != nil || r.gone(now) {
		return gate.Group{}, false, err
	}
	g := gate.Group{Name: r.text("name"), Cycles: r.moments("cycles"), Flapping: r.flag("flapping"), Shadow: r.flag("shadow"), Version: r.version()}
	return g, true, r.done()
}

// encodeSurge gives the item of what is remembered of an environment.
func encodeSurge(s gate.Surge, at time.Time) item {
	it := newItem(surgeKey(s.Name), at)
	it.text("name", s.Name)
	it.moments("openings", s.Opened)
	it.text(attrCase, s.Case)
	it.number(attrVersion, s.Version)
	return it
}

func decodeSurge(it item, now time.Time) (gate.Surge, bool, error) {
	r, err := open(it)
	if err != nil || r.gone(now) {
		return gate.Surge{}, false, err
	}
	s := gate.Surge{Name: r.text("name"), Opened: r.moments("openings"), Case: r.text(attrCase), Version: r.version()}
	return s, true, r.done()
}

// encodeHand gives the item of what is set by hand. It never expires.
func encodeHand(h gate.Hand) item {
	it := newItem(handKey(), time.Time{})
	it.text("mode", string(h.Mode.Mode))
	it.order("mode_", h.Mode.Order)
	var silences []types.AttributeValue
	for _, s := range h.Silences {
		silences = append(silences, encodeSilence(s))
	}
	it.list("silences", silences)
	it.number(attrVersion, h.Version)
	return it
}

func encodeSilence(s gate.Silence) types.AttributeValue {
	it := item{}
	it.text("id", s.ID)
	var matchers []types.AttributeValue
	for _, m := range ledger.MatcherTexts(s.Matchers) {
		matchers = append(matchers, text(m))
	}
	it.list("matchers", matchers)
	it.order("", s.Order)
	return &types.AttributeValueMemberM{Value: it}
}

// decodeHand refuses a mode or a matcher that it does not know: it would start what somebody wants left alone.
func decodeHand(it item) (gate.Hand, error) {
	r, err := open(it)
	if err != nil {
		return gate.Hand{}, err
	}
	h := gate.Hand{Mode: gate.ModeOrder{Mode: gate.Mode(r.text("mode")), Order: r.order("mode_")}, Version: r.version()}
	if h.Mode.Mode != "" && !slices.Contains(gate.Modes(), h.Mode.Mode) {
		r.fail("mode", "a mode that this build knows")
	}
	for _, e := range r.groups("silences") {
		h.Silences = append(h.Silences, e.silence())
		r.take(*e)
	}
	return h, r.done()
}

func (r *reader) silence() gate.Silence {
	s := gate.Silence{ID: r.text("id"), Order: r.order("")}
	var texts []string
	for _, v := range r.list("matchers") {
		in := reader{attrs: item{"matchers": v}}
		texts = append(texts, in.text("matchers"))
		r.take(in)
	}
	var err error
	if s.Matchers, err = ledger.ParseMatchers(texts); err != nil || len(s.Matchers) == 0 {
		r.fail("matchers", "a list of matchers that this build can read")
	}
	return s
}

// order keeps who wanted something, under names that begin alike.
func (it item) order(prefix string, o gate.Order) {
	it.text(prefix+"by", o.By)
	it.text(prefix+"reason", o.Reason)
	it.moment(prefix+"at", o.At)
	it.moment(prefix+"until", o.Until)
}

func (r *reader) order(prefix string) gate.Order {
	return gate.Order{
		By: r.text(prefix + "by"), Reason: r.text(prefix + "reason"), At: r.moment(prefix + "at"), Until: r.moment(prefix + "until"),
	}
}
