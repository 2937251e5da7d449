package scenario

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/match"
)

// The names that there are, by where they stand. docs/play.md tells of each, and a test holds it to that.
var (
	namesOfScenario = []string{"title", "about", "begins", "lasts", "calm", "seed", "policy", "monitors", "alerts", "agent", "investigations", "hand", "faults", "expect"}
	namesOfMonitor  = []string{"title", "id", "type", "priority", "tags", "message", "org", "cycle_key"}
	namesOfAlert    = []string{
		"at", "monitor", "group", "priority", "tags", "transition", "arrives", "lost", "test", "twice", "recovers",
		"services", "groups", "over", "every", "for", "expect", "event", "cycle", "unreadable",
	}
	namesOfAgent  = []string{"at", "is", "for"}
	namesOfHand   = []string{"at", "mode", "silence", "start", "start_alert", "stop", "stop_alert", "retry", "redrive", "for", "by", "reason"}
	namesOfFault  = []string{"at", "fault", "in", "step", "nth", "by", "for"}
	namesOfExpect = []string{"starts", "ends", "dollars"}
	namesOfStart  = []string{"at", "within", "title", "severity", "every", "for"}
	namesOfEnd    = []string{"at", "within", "title", "how"}
)

// Parse reads a scenario. name is what the file is called in errors; an error is an *Error.
func Parse(name string, text []byte) (*Scenario, error) {
	r := &reader{name: name}
	if len(text) > MaxBytes {
		return nil, &Error{name, []Problem{{Text: fmt.Sprintf("it has %d bytes, and a scenario has at most %d", len(text), MaxBytes)}}}
	}
	root := r.document(text)
	if root == nil {
		return nil, r.err()
	}
	top := r.mapping(root, "a scenario", namesOfScenario...)
	s := &Scenario{Name: name, Number: -1}
	s.Title = r.needed(top, "title")
	s.About = r.text(top.get("about"), "about")
	s.Begins = r.moment(top.get("begins"))
	s.Lasts = r.aboveZero(top.get("lasts"), "lasts")
	s.Calm = r.aboveZero(top.get("calm"), "calm")
	s.Seed = r.seed(top.get("seed"))
	s.Policy = r.policy(top, text)
	monitors := r.monitors(top.get("monitors"))
	list := r.alerts(top, monitors)
	s.Agent = r.agent(top.get("agent"))
	s.Investigations = r.investigations(top.get("investigations"))
	s.Hand = r.hand(top.get("hand"))
	s.Faults = r.faultList(top.get("faults"), s.Investigations != nil)
	r.expect(s, top.get("expect"))
	if err := r.err(); err != nil {
		return nil, err
	}
	w := writer{reader: r, scenario: s}
	w.write(list)
	if err := r.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// needed reads a text that must be there.
func (r *reader) needed(f fields, name string) string {
	n := f.get(name)
	if n == nil && len(f.list) > 0 {
		r.problem(f.at, "%s has no %q", f.what, name)
	}
	return r.text(n, name)
}

func (r *reader) moment(n ast.Node) time.Time {
	if n == nil {
		return Begins
	}
	s, _ := scalar(n)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Year() < 2020 || t.Year() > 2100 || t.Nanosecond() != 0 {
		r.problem(n, "begins must be a time such as 2026-11-02T09:00:00Z, and is %s", kind(n))
		return Begins
	}
	return t.UTC()
}

func (r *reader) seed(n ast.Node) uint64 {
	if n == nil {
		return 0
	}
	s, _ := scalar(n)
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		r.problem(n, "seed must be a whole number, and is %s", kind(n))
	}
	return v
}

// policy is a path, or a policy of its own: its lines are kept where they are, so that what is wrong with it can be
// found.
func (r *reader) policy(top fields, text []byte) Policy {
	n := top.get("policy")
	switch n.(type) {
	case nil:
		return Policy{}
	case *ast.MappingNode, *ast.MappingValueNode:
	default:
		return Policy{Path: r.text(n, "policy")}
	}
	i := slices.IndexFunc(top.list, func(f field) bool { return f.name == "policy" })
	first, _ := place(top.list[i].key)
	if from, _ := place(n); from == first {
		r.problem(n, "policy must be a path, or be written below its name, one setting a line")
		return Policy{}
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	last := len(lines)
	if i+1 < len(top.list) {
		line, _ := place(top.list[i+1].key)
		last = line - 1
	}
	if first > len(lines) || last > len(lines) {
		r.problem(n, "policy cannot be told from the rest, because lines end with a carriage return alone; end them with a line feed")
		return Policy{}
	}
	out := bytes.Repeat([]byte("\n"), first)
	return Policy{Text: append(out, bytes.Join(lines[first:max(first, last)], nil)...)}
}

// monitor is what alerts have in common.
type monitor struct {
	title, id, kind, priority, message, org string
	tags                                    []string
	cycleKey                                bool
}

func (r *reader) monitors(n ast.Node) map[string]monitor {
	if n == nil {
		return nil
	}
	all := map[string]monitor{}
	for _, f := range r.open(n, "monitors").list {
		m := r.mapping(f.value, "a monitor", namesOfMonitor...)
		all[f.name] = monitor{
			title: or(r.text(m.get("title"), "title"), f.name), id: r.monitorID(m.get("id")),
			kind: r.text(m.get("type"), "type"), priority: r.priority(m.get("priority")), tags: r.tags(m.get("tags")),
			message: r.text(m.get("message"), "message"), org: r.text(m.get("org"), "org"),
			cycleKey: r.yes(m.get("cycle_key"), "cycle_key", true),
		}
	}
	return all
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (r *reader) monitorID(n ast.Node) string {
	s := r.text(n, "id")
	if s != "" && (len(s) > 18 || strings.Trim(s, "0123456789") != "" || strings.Trim(s, "0") == "") {
		r.problem(n, "the id of a monitor is a number, and is %q", s)
	}
	return s
}

func (r *reader) priority(n ast.Node) string {
	return choice(r, n, "priority", []string{"P1", "P2", "P3", "P4", "P5"})
}

func (r *reader) tags(n ast.Node) []string {
	var all []string
	for _, e := range r.list(n) {
		if t := pair(e); t != "" {
			all = append(all, t)
		} else if t := r.text(e, "a tag"); t != "" {
			all = append(all, t)
		}
	}
	for _, t := range all {
		if strings.Contains(t, ",") || len(t) > alert.MaxField {
			r.problem(n, "%.40q is no tag: it has a comma, or more than %d characters", t, alert.MaxField)
		}
	}
	return all
}

// pair is a tag that the parser took for a name with a value: between braces it does so without a space behind the colon.
func pair(n ast.Node) string {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) == 1 {
		n = m.Values[0]
	}
	v, ok := n.(*ast.MappingValueNode)
	if !ok {
		return ""
	}
	key, isKey := scalar(v.Key)
	value, isValue := scalar(v.Value)
	if !isKey || !isValue || key == "" || value == "" {
		return ""
	}
	return key + ":" + value
}

// entry is one entry of alerts, with its shorthands.
type entry struct {
	at               ast.Node
	line             int
	monitor          monitor
	group            []string
	tags             []string
	transition       alert.Transition
	happens, arrives time.Duration
	arrivesSet       bool
	lost, test       bool
	twice            bool
	recovers         time.Duration
	services, groups int
	over             time.Duration
	every, lasts     time.Duration
	wants            []wants
	event            int  // 0: it gets one
	cycle            *int // nil: it gets one; 0: it has none
	unreadable       bool
}

// wants is a verdict that so many alerts in a row must get; number 0: all that are left.
type wants struct {
	number int
	want   *Want
}

func (r *reader) alerts(top fields, monitors map[string]monitor) []entry {
	n := top.get("alerts")
	if n == nil && len(top.list) > 0 {
		r.problem(top.at, "a scenario has no \"alerts\"")
	}
	var all []entry
	for _, e := range r.list(n) {
		all = append(all, r.alert(e, monitors))
	}
	if n != nil && len(all) == 0 {
		r.problem(n, "there is no alert in alerts, so nothing would be played")
	}
	return all
}

func (r *reader) alert(n ast.Node, monitors map[string]monitor) entry {
	f := r.mapping(n, "an alert", namesOfAlert...)
	e := entry{
		at: n, monitor: r.monitor(f, monitors), group: r.tags(f.get("group")), tags: r.tags(f.get("tags")),
		transition: choice(r, f.get("transition"), "transition", alert.Transitions()),
		arrives:    r.duration(f.get("arrives"), "arrives"), arrivesSet: f.get("arrives") != nil,
		lost: r.yes(f.get("lost"), "lost", false), test: r.yes(f.get("test"), "test", false), twice: r.yes(f.get("twice"), "twice", false),
		recovers: r.aboveZero(f.get("recovers"), "recovers"),
		services: r.number(f.get("services"), "services", 1, 1000), groups: r.number(f.get("groups"), "groups", 1, 10_000),
		over:  r.duration(f.get("over"), "over"),
		wants: r.wants(f.get("expect")),
		event: r.number(f.get("event"), "event", 1, MaxNumber), unreadable: r.yes(f.get("unreadable"), "unreadable", false),
	}
	e.every, e.lasts = r.series(f)
	e.line, _ = place(n)
	r.needed(f, "at")
	e.happens = r.happens(f)
	if f.get("cycle") != nil {
		n := r.number(f.get("cycle"), "cycle", 0, MaxNumber)
		e.cycle = &n
	}
	if p := r.priority(f.get("priority")); p != "" {
		e.monitor.priority = p
	}
	if e.transition == "" {
		e.transition = alert.Triggered
	}
	if f.get("over") != nil && e.services == 0 && e.groups == 0 {
		r.problem(f.get("over"), "over says how long services or groups take to alert, and there is neither")
	}
	if f.get("recovers") != nil && e.transition == alert.Recovered {
		r.problem(f.get("recovers"), "a recovery does not recover")
	}
	if e.lost && f.get("expect") != nil {
		r.problem(f.get("expect"), "what is lost gets no verdict")
	}
	if e.arrivesSet && e.arrives < e.happens {
		r.problem(f.get("arrives"), "it arrives before it happens")
	}
	r.alone(f, e)
	return e
}

// happens reads when an alert happens. One that arrives later may have happened before the scenario begins.
func (r *reader) happens(f fields) time.Duration {
	n := f.get("at")
	d := r.shift(n, "at")
	if d < 0 && f.get("arrives") == nil {
		r.problem(n, "it happens before the scenario begins; say when it arrives")
	}
	return d
}

// alone says what an alert cannot have that is one delivery, one cycle, or nothing that can be read.
func (r *reader) alone(f fields, e entry) {
	refuse := func(name, why string, names ...string) {
		for _, other := range names {
			if n := f.get(other); n != nil && f.get(name) != nil {
				r.problem(n, "%s stands beside %s: %s", other, name, why)
			}
		}
	}
	refuse("event", "it is the number of one delivery", "services", "groups", "every", "recovers", "twice")
	refuse("cycle", "each time is a cycle of its own", "every")
	if e.unreadable {
		refuse("unreadable", "nothing can be read in it", slices.DeleteFunc(slices.Clone(namesOfAlert), func(name string) bool {
			return contains([]string{"at", "arrives", "expect", "unreadable"}, name)
		})...)
	}
}

// monitor is the one that the alert names: one of monitors where the scenario has these, else one of that title.
func (r *reader) monitor(f fields, monitors map[string]monitor) monitor {
	if b, ok := f.get("unreadable").(*ast.BoolNode); ok && b.Value {
		return monitor{}
	}
	name := r.needed(f, "monitor")
	if monitors == nil || name == "" {
		return monitor{title: name, cycleKey: true}
	}
	m, there := monitors[name]
	if !there {
		var names []string
		for n := range monitors {
			names = append(names, n)
		}
		slices.Sort(names)
		r.problem(f.get("monitor"), "monitors has no %q%s", name, like(name, names))
	}
	return m
}

// wants reads "verdict reason" or a list of such, each with how often before it: "5 x wait hold". Without a number it is
// one alert, and at the end of the list all that are left.
func (r *reader) wants(n ast.Node) []wants {
	var all []wants
	for _, e := range r.list(n) {
		s := r.text(e, "expect")
		if s == "" {
			continue
		}
		w := wants{}
		if count, rest, found := strings.Cut(s, " x "); found {
			number, err := strconv.Atoi(strings.TrimSpace(count))
			if err != nil || number < 1 || number > MaxAlerts {
				r.problem(e, "%q is no number of alerts; write it like 5 x wait hold", count)
			}
			w.number, s = number, rest
		}
		if n := len(all) - 1; n >= 0 && all[n].number == 0 {
			all[n].number = 1
		}
		w.want = r.want(e, strings.Fields(s))
		all = append(all, w)
	}
	return all
}

func (r *reader) want(n ast.Node, words []string) *Want {
	verdicts := []string{string(gate.Start), string(gate.Join), string(gate.Wait), string(gate.Drop)}
	if len(words) != 2 {
		r.problem(n, "expect is a verdict and its reason, such as wait hold, and is %q", strings.Join(words, " "))
		return nil
	}
	if !contains(verdicts, words[0]) {
		r.problem(n, "there is no verdict %q%s", words[0], like(words[0], verdicts))
		return nil
	}
	w := &Want{gate.Verdict(words[0]), gate.Reason(words[1])}
	var reasons []string
	for reason, verdict := range gate.Reasons() {
		if verdict == w.Verdict {
			reasons = append(reasons, string(reason))
		}
	}
	slices.Sort(reasons)
	switch verdict, known := gate.Reasons()[w.Reason]; {
	case !known:
		r.problem(n, "there is no reason %q for %s%s", words[1], words[0], like(words[1], reasons))
	case verdict != w.Verdict:
		r.problem(n, "%s is a reason for %s, not for %s", words[1], verdict, words[0])
	}
	return w
}

func (r *reader) agent(n ast.Node) []AgentChange {
	var all []AgentChange
	for _, e := range r.list(n) {
		f := r.mapping(e, "a change of the agent", namesOfAgent...)
		r.needed(f, "at")
		r.needed(f, "is")
		c := AgentChange{r.duration(f.get("at"), "at"), choice(r, f.get("is"), "is", AgentStates()), r.aboveZero(f.get("for"), "for")}
		if c.Is == AgentUp && f.get("for") != nil {
			r.problem(f.get("for"), "an Agent that is up stays so until the next change, and has no for")
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b AgentChange) int { return int(a.At - b.At) })
	return all
}

func (r *reader) hand(n ast.Node) []Order {
	var all []Order
	for _, e := range r.list(n) {
		f := r.mapping(e, "an order", namesOfHand...)
		r.needed(f, "at")
		o := Order{
			At: r.duration(f.get("at"), "at"), For: r.aboveZero(f.get("for"), "for"),
			Mode:  choice(r, f.get("mode"), "mode", gate.Modes()),
			Start: r.number(f.get("start"), "start", 1, MaxNth), Stop: r.number(f.get("stop"), "stop", 1, MaxNth),
			StartAlert: r.number(f.get("start_alert"), "start_alert", 1, MaxNumber), StopAlert: r.number(f.get("stop_alert"), "stop_alert", 1, MaxNumber),
			Retry: r.yes(f.get("retry"), "retry", false), Redrive: r.yes(f.get("redrive"), "redrive", false),
			By: or(r.text(f.get("by"), "by"), Somebody), Reason: or(r.text(f.get("reason"), "reason"), NoReason),
			Silence: r.silence(f.get("silence")),
		}
		r.oneOrder(e, f)
		all = append(all, o)
	}
	slices.SortStableFunc(all, func(a, b Order) int { return int(a.At - b.At) })
	return all
}

// silence reads the matchers of a silence, which must be one that the gate accepts.
func (r *reader) silence(n ast.Node) []match.Matcher {
	if n == nil {
		return nil
	}
	var all []match.Matcher
	list := r.list(n)
	for _, text := range list {
		m, err := match.Parse(r.text(text, "silence"))
		if err != nil {
			r.problem(text, "%s", err)
			continue
		}
		all = append(all, m)
	}
	if len(all) < len(list) {
		return nil // what is left of it would be another silence
	}
	if _, err := gate.AddSilence(gate.Hand{}, gate.Silence{Matchers: all}, false, Begins); err != nil {
		r.problem(n, "%s", err)
	}
	return all
}

// oneOrder says when an order is none, or more than one.
func (r *reader) oneOrder(n ast.Node, f fields) {
	names := []string{"mode", "silence", "start", "start_alert", "stop", "stop_alert", "retry", "redrive"}
	var has []string
	for _, name := range names {
		if f.get(name) != nil {
			has = append(has, name)
		}
	}
	if len(has) != 1 && len(f.list) > 0 {
		r.problem(n, "an order has one of %s", strings.Join(names, ", "))
		return
	}
	for _, name := range []string{"retry", "redrive"} {
		if b, ok := f.get(name).(*ast.BoolNode); ok && !b.Value {
			r.problem(b, "%s is true, or does not stand there", name)
		}
	}
	if n := f.get("for"); n != nil && len(has) == 1 && has[0] != "mode" && has[0] != "silence" {
		r.problem(n, "for belongs to a mode or a silence")
	}
}

func (r *reader) expect(s *Scenario, n ast.Node) {
	if n == nil {
		return
	}
	f := r.mapping(n, "expect", namesOfExpect...)
	switch starts := f.get("starts").(type) {
	case nil:
	case *ast.IntegerNode:
		s.Number = r.number(starts, "starts", 0, MaxAlerts)
	default:
		for _, e := range r.list(starts) {
			s.Starts = append(s.Starts, r.starts(e)...)
		}
		s.Number = len(s.Starts)
	}
	slices.SortStableFunc(s.Starts, func(a, b Start) int { return int(a.At - b.At) })
	for _, e := range r.list(f.get("ends")) {
		g := r.mapping(e, "an end", namesOfEnd...)
		r.needed(g, "at")
		r.needed(g, "how")
		end := End{
			At: r.duration(g.get("at"), "at"), Within: r.within(g), Title: r.text(g.get("title"), "title"),
			How: choice(r, g.get("how"), "how", endsOfCases()),
		}
		end.Line, _ = place(e)
		s.Ends = append(s.Ends, end)
	}
	slices.SortStableFunc(s.Ends, func(a, b End) int { return int(a.At - b.At) })
	s.Dollars = r.dollars(f.get("dollars"))
}

// endsOfCases are the ways in which a case can end.
func endsOfCases() []gate.How {
	return append([]gate.How{gate.EndRecovered, gate.EndExpired, gate.EndSilenced, gate.EndObserved, gate.EndAssumed}, gate.Outcomes()...)
}

// starts reads an entry of starts, which may stand for several.
func (r *reader) starts(n ast.Node) []Start {
	f := r.mapping(n, "a start", namesOfStart...)
	r.needed(f, "at")
	st := Start{At: r.duration(f.get("at"), "at"), Within: r.within(f), Title: r.text(f.get("title"), "title")}
	st.Line, _ = place(n)
	words := []string{}
	for v := alert.Minimal; v <= alert.Critical; v++ {
		words = append(words, v.String())
	}
	if word := choice(r, f.get("severity"), "severity", words); word != "" {
		st.Severity = alert.Severity(1 + slices.Index(words, word))
	}
	all := []Start{st}
	every, lasts := r.series(f)
	for after := every; every > 0 && after < lasts && len(all) < MaxAlerts; after += every {
		one := st
		one.At += after
		all = append(all, one)
	}
	return all
}

func (r *reader) within(f fields) time.Duration {
	if f.get("within") == nil {
		return Within
	}
	return r.duration(f.get("within"), "within")
}

// series reads every and for, which stand together.
func (r *reader) series(f fields) (every, lasts time.Duration) {
	every, lasts = r.duration(f.get("every"), "every"), r.aboveZero(f.get("for"), "for")
	for _, pair := range [][2]string{{"every", "for"}, {"for", "every"}} {
		if f.get(pair[0]) != nil && f.get(pair[1]) == nil {
			r.problem(f.get(pair[0]), "%s stands without %s; what comes again has both, such as every: 10m with for: 2h", pair[0], pair[1])
		}
	}
	if s, ok := scalar(f.get("every")); ok && every < time.Second {
		if _, err := ParseDuration(s); err == nil {
			r.problem(f.get("every"), "every must be a second at least")
		}
	}
	return every, lasts
}

// dollars reads an amount to the cent.
func (r *reader) dollars(n ast.Node) *gate.Dollars {
	if n == nil {
		return nil
	}
	s, _ := scalar(n)
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v < 0 || v > 1e6 {
		r.problem(n, "dollars must be an amount such as 3.98, and is %s", kind(n))
		return nil
	}
	d := gate.Dollars(v*100+0.5) * 10_000
	return &d
}
