// Package operate is what an operator does to a bridge by hand, and how it stands: the same for a local run and for the
// table of a deployed bridge, for it needs nothing but a ledger.
//
// A Desk takes an Order and does it: sets a mode, adds or expires a silence, starts, retries or stops a case. What that
// does is decided by package gate; here it is read, committed, and said. A commit that somebody was faster than is
// decided again on what is there by then, a few times. Nothing here calls the Agent: what shall be started is made due,
// and the bridge's next tick starts it.
package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/explain"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/match"
	"github.com/alertbridge/alertbridge/shared/redact"
)

// Ledger is what a Desk reads and writes: memledger or dynamoledger.
type Ledger interface {
	ledger.Ledger
	ledger.Lister
	ledger.Outbox
}

// Desk is where a bridge is operated. All of its fields are needed.
type Desk struct {
	Ledger Ledger
	Agents []string // whose accounts and cases; the first is that of alerts of which nothing else is known
	Now    func() time.Time
}

// What an Order can ask for.
const (
	Mode    = "mode"    // Mode, "" to take it back, For
	Silence = "silence" // Matchers, For, Force
	Expire  = "expire"  // IDs of silences
	Start   = "start"   // IDs of cases, deliveries or events
	Retry   = "retry"   // the accounts, and IDs of cases; without any, all that were refused or rest in doubt
	Stop    = "stop"    // IDs of cases, deliveries or events
)

// Order is what somebody asks for, as a local run takes it. What belongs to which Do stands there.
type Order struct {
	Do       string        `json:"do"`
	Mode     string        `json:"mode,omitempty"`
	Matchers []string      `json:"matchers,omitempty"`
	IDs      []string      `json:"ids,omitempty"`
	For      time.Duration `json:"for,omitempty"` // nanoseconds; 0: until it is taken back
	Force    bool          `json:"force,omitempty"`
	By       string        `json:"by"`
	Reason   string        `json:"reason"`
}

// Done is what an Order did, for people.
type Done struct {
	Said    []string `json:"said"`
	Refused []string `json:"refused,omitempty"` // of several IDs, those for which nothing was done, and why not
	Signed  bool     `json:"signed,omitempty"`  // something is on record now under the order's By
}

// Refusal is an order that cannot be done, in words for the one who gave it. Every other error of Do is the ledger's.
type Refusal struct{ Words string }

// Error implements error.
func (r *Refusal) Error() string { return r.Words }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// Do does what is asked for. With an error nothing was done but what Done says, unless it is ledger.ErrUnknown: then the
// last step may have been done or not.
func (d Desk) Do(ctx context.Context, o Order) (Done, error) {
	by, err := d.signed(o)
	if err != nil {
		return Done{}, err
	}
	switch o.Do {
	case Mode:
		return d.mode(ctx, o, by)
	case Silence:
		return d.silence(ctx, o, by)
	case Expire:
		return d.each(o.IDs, func(id string) (string, error) { return d.expire(ctx, id) })
	case Start:
		return d.each(o.IDs, func(id string) (string, error) { return d.start(ctx, id, by) })
	case Retry:
		return d.retry(ctx, o, by)
	case Stop:
		return d.each(o.IDs, func(id string) (string, error) { return d.stop(ctx, id, by) })
	}
	return Done{}, refuse("there is no order %.40q", o.Do)
}

// signed is who orders, why and until when. What looks like a secret is taken out of the reason: it is kept, and shown to
// everybody who asks why an alert was not started.
func (d Desk) signed(o Order) (gate.Order, error) {
	by, reason := oneLine(o.By), oneLine(redact.New("").Text(o.Reason))
	switch {
	case o.Do == Expire:
	case by == "":
		return gate.Order{}, refuse("nobody signs it; name yourself with --by")
	case reason == "":
		return gate.Order{}, refuse("it has no reason; whoever wonders at night what was set by hand will read it: give one with --reason")
	case len(by) > gate.MaxBy:
		return gate.Order{}, refuse("the name is longer than %d bytes", gate.MaxBy)
	case len(reason) > gate.MaxReason:
		return gate.Order{}, refuse("the reason is longer than %d bytes", gate.MaxReason)
	case o.For < 0:
		return gate.Order{}, refuse("it would be over before it begins: --for is %s", o.For)
	}
	order := gate.Order{By: by, Reason: reason, At: d.Now()}
	if o.For > 0 {
		order.Until = order.At.Add(o.For)
	}
	return order, nil
}

func (d Desk) mode(ctx context.Context, o Order, by gate.Order) (Done, error) {
	m := gate.Mode(o.Mode)
	if m != "" && !slices.Contains(gate.Modes(), m) {
		return Done{}, refuse("there is no mode %.40q; it is one of %s, or clear to take it back", o.Mode, words(gate.Modes()))
	}
	was := gate.ModeOrder{}
	err := d.settle(ctx, func(now time.Time) (gate.Change, error) {
		v, err := d.Ledger.LookCase(ctx, "", d.Agents[0], now)
		if err = readable(err); err != nil {
			return gate.Change{}, err
		}
		if was = v.Hand.Mode; m == "" && was.Mode == "" {
			return gate.Change{}, refuse("no mode is set by hand")
		}
		return gate.SetMode(v.Hand, gate.ModeOrder{Mode: m, Order: by}, now), nil
	})
	if err != nil {
		return Done{}, err
	}
	if m == "" {
		return said("The mode %s%s is taken back%s; the policy's counts again.", was.Mode, was.Order, by), nil
	}
	return said("Mode %s%s, for every alert from now on; where a route, or a single rank such as P4, has a stricter mode of its own, that one counts.%s",
		m, by, endless(by, "mode clear --reason …")), nil
}

func (d Desk) silence(ctx context.Context, o Order, by gate.Order) (Done, error) {
	matchers, err := ledger.ParseMatchers(o.Matchers)
	if err != nil {
		return Done{}, refuse("%s", err)
	}
	s := gate.Silence{Matchers: matchers, Order: by}
	err = d.settle(ctx, func(now time.Time) (gate.Change, error) {
		v, err := d.Ledger.LookCase(ctx, "", d.Agents[0], now)
		if err = readable(err); err != nil {
			return gate.Change{}, err
		}
		c, err := gate.AddSilence(v.Hand, s, o.Force, now)
		if err != nil {
			return gate.Change{}, refuse("%s", err)
		}
		s = c.Hand.Now.Silences[len(c.Hand.Now.Silences)-1]
		return c, nil
	})
	if err != nil {
		return Done{}, err
	}
	done := said("Silence %s mutes alerts with %s%s.%s", s.ID, strings.Join(ledger.MatcherTexts(s.Matchers), ", "), s.Order,
		endless(s.Order, "silence expire "+s.ID))
	for _, m := range s.Matchers {
		if meant := match.Misspelt(m.Name); meant != "" {
			done.Said = append(done.Said, fmt.Sprintf("Warning: %s is no field and no usual tag; did you mean %s? If you did, expire this silence and add another; a tag of that name is written tag:%s.", m.Name, meant, m.Name))
		}
	}
	return done, nil
}

// endless reminds of what goes on until somebody thinks of it, "" where there is an end.
func endless(o gate.Order, command string) string {
	if !o.Until.IsZero() {
		return ""
	}
	return " It has no end: take it back with alertbridge " + command + "."
}

func (d Desk) expire(ctx context.Context, id string) (string, error) {
	err := d.settle(ctx, func(now time.Time) (gate.Change, error) {
		v, err := d.Ledger.LookCase(ctx, "", d.Agents[0], now)
		if err = readable(err); err != nil {
			return gate.Change{}, err
		}
		c, err := gate.ExpireSilence(v.Hand, id, now)
		if err != nil {
			return gate.Change{}, refuse("%s", err)
		}
		return c, nil
	})
	return "Silence " + id + " is over.", err
}

func (d Desk) start(ctx context.Context, id string, by gate.Order) (string, error) {
	caseID, rec, err := d.caseOf(ctx, id)
	if err != nil {
		return "", err
	}
	opened := ""
	err = d.settle(ctx, func(now time.Time) (gate.Change, error) {
		v, err := d.view(ctx, caseID, now)
		if err != nil {
			return gate.Change{}, err
		}
		dec, err := gate.Promote(v, caseID, by, now)
		switch {
		case errors.Is(err, gate.ErrNothing) && rec != nil:
			return gate.Change{}, refuse("the alert %s was dropped as %s, and such alerts are not kept to be started", rec.ID, rec.Reason)
		case err != nil:
			return gate.Change{}, refuse("%s", err)
		}
		opened = dec.Case
		return dec.Change, nil
	})
	return "Case " + opened + " starts with the next tick, as soon as the Agent can be called and has a free slot.", err
}

func (d Desk) stop(ctx context.Context, named string, by gate.Order) (string, error) {
	words := ""
	id, rec, err := d.caseOf(ctx, named)
	if err != nil {
		return "", err
	}
	err = d.settle(ctx, func(now time.Time) (gate.Change, error) {
		v, err := d.look(ctx, id, now)
		if err != nil {
			return gate.Change{}, err
		}
		post, err := d.Ledger.Post(ctx, id, now)
		if err != nil {
			return gate.Change{}, err
		}
		dec, err := gate.Stop(v, id, by, post.Version > 0, now)
		switch {
		case errors.Is(err, gate.ErrNothing) && rec != nil:
			return gate.Change{}, refuse("the alert %s was dropped as %s and has no case; there is nothing to stop", rec.ID, rec.Reason)
		case err != nil:
			return gate.Change{}, refuse("%s", err)
		}
		words = stopped(v.Cases[id], dec)
		return dec.Change, nil
	})
	return words, err
}

// stopped says what stopping a case means, by the state that it was in.
func stopped(was gate.Case, dec gate.Decision) string {
	switch was.State {
	case gate.Waiting:
		return "Case " + was.ID + " has ended and will not be started. Its incidents' next notification decides anew."
	case gate.Refused:
		return "Case " + was.ID + " stays refused and is not tried again."
	case gate.InDoubt:
		return "Case " + was.ID + " counts as refused and is not repeated. If the Agent took it, it goes on there: look for its id and stop it at the Agent."
	}
	spent := "Its slot is free again"
	if a := dec.Change.Account; a != nil {
		for _, money := range a.Spend {
			spent += ", and " + money.String() + " count as spent"
		}
	}
	return "Case " + was.ID + " has ended for the bridge. " + spent +
		". The Agent itself was not told: stop the investigation there, or it is paid for to its end."
}

func (d Desk) retry(ctx context.Context, o Order, by gate.Order) (Done, error) {
	done := Done{}
	for _, agent := range d.Agents {
		words, opened, err := d.open(ctx, agent, by)
		if err != nil {
			return done, err
		}
		done.Said, done.Signed = append(done.Said, words), done.Signed || opened
	}
	ids := o.IDs
	if len(ids) == 0 {
		for _, agent := range d.Agents {
			found, healed, err := d.stuck(ctx, agent)
			if err != nil {
				return done, err
			}
			ids = append(ids, found...)
			for _, id := range healed {
				done.Said = append(done.Said, "Case "+id+" is left: everything in it has recovered. To start it all the same: alertbridge start "+id)
			}
		}
	}
	if len(ids) == 0 {
		done.Said = append(done.Said, "No case was refused or rests in doubt.")
		return done, nil
	}
	more, err := d.each(ids, func(id string) (string, error) { return d.start(ctx, id, by) })
	more.Said, more.Signed = append(done.Said, more.Said...), more.Signed || done.Signed
	return more, err
}

// open opens an account, and tells whether it was closed.
func (d Desk) open(ctx context.Context, agent string, by gate.Order) (words string, opened bool, err error) {
	words = "Agent " + agent + ": nothing closes it."
	err = d.settle(ctx, func(now time.Time) (gate.Change, error) {
		v, err := d.Ledger.LookCase(ctx, "", agent, now)
		if err = readable(err); err != nil {
			return gate.Change{}, err
		}
		c := gate.Retry(v.Account, by, now).Change
		if opened = !c.Empty(); opened {
			words = "Agent " + agent + " is called again with the next tick; it was " + closed(v.Account) + "."
		}
		return c, nil
	})
	return words, opened && err == nil, err
}

func closed(a gate.Account) string {
	if !a.Shut.Since.IsZero() {
		return "shut since " + clock(a.Shut.Since) + " (" + a.Shut.Words + ")"
	}
	if a.Down.Until.IsZero() {
		return fmt.Sprintf("up, with %d calls in a row that went wrong", a.Down.Fails+a.Down.Doubts)
	}
	return "left alone until " + clock(a.Down.Until)
}

// maxRetried bounds the cases of one kind that one retry starts. Each may be paid for.
const maxRetried = 100

// stuck lists the cases of one Agent that were refused or rest in doubt: those with something that fires, and the others.
func (d Desk) stuck(ctx context.Context, agent string) (fire, healed []string, err error) {
	for _, b := range []gate.Bucket{gate.Declined, gate.Doubtful} {
		cases, _, err := d.list(ctx, agent, b, maxRetried)
		if err != nil {
			return nil, nil, err
		}
		for _, c := range cases {
			if c.Firing > 0 {
				fire = append(fire, c.ID)
			} else {
				healed = append(healed, c.ID)
			}
		}
	}
	return fire, healed, nil
}

// list reads at most so many cases of a bucket, and tells whether there are more.
func (d Desk) list(ctx context.Context, agent string, b gate.Bucket, most int) (cases []gate.Case, more bool, err error) {
	for from := ""; ; {
		page, next, err := d.Ledger.List(ctx, agent, b, ledger.MaxPage, from, d.Now())
		if err != nil {
			return nil, false, err
		}
		cases = append(cases, page...)
		if len(cases) > most {
			return cases[:most], true, nil
		}
		if from = next; from == "" {
			return cases, false, nil
		}
	}
}

// caseOf is the id of the case that is meant: a case's own, or of the one that a delivery or an event led to or would
// have opened.
func (d Desk) caseOf(ctx context.Context, id string) (string, *gate.Delivery, error) {
	asked, err := explain.Parse(id)
	if err != nil {
		return "", nil, refuse("%s", err)
	}
	if asked.Case != "" {
		return asked.Case, nil, nil
	}
	f := explain.Finder{Ledger: d.Ledger, Agents: d.Agents}
	rec, looked, err := f.Delivery(ctx, asked, d.Now())
	switch {
	case err != nil:
		return "", nil, err
	case rec == nil && asked.Event != "":
		return "", nil, refuse("there is no delivery of the event %s; looked for %s; one of an organisation of which no case and no dropped alert is known here is named dd-ORG-%s: ORG is Datadog's $ORG_ID, and stands in dispatcher's records \"alert decided\"", asked.Event, strings.Join(looked, ", "), asked.Event)
	case rec == nil:
		return "", nil, refuse("there is no delivery %s; looked for %s", id, strings.Join(looked, ", "))
	case rec.Case != "":
		return rec.Case, rec, nil
	}
	return explain.WouldBe(rec.ID), rec, nil
}

// look reads a case with the account that it belongs to.
func (d Desk) look(ctx context.Context, id string, now time.Time) (gate.View, error) {
	agent := d.Agents[0]
	v, err := d.Ledger.LookCase(ctx, id, agent, now)
	if own := v.Cases[id].Agent; err == nil && own != "" && own != agent {
		v, err = d.Ledger.LookCase(ctx, id, own, now)
	}
	return v, err
}

// view reads what gate.Promote asks for.
func (d Desk) view(ctx context.Context, id string, now time.Time) (gate.View, error) {
	v, err := d.look(ctx, id, now)
	if err != nil {
		return v, err
	}
	c, there := v.Cases[id]
	lead, kept := v.Leads[id]
	if there && c.State != gate.Ended && !c.Shadow || !kept {
		return v, nil
	}
	rec, err := d.Ledger.Verdict(ctx, lead.Delivery, now)
	if err != nil {
		return v, err
	}
	q := ledger.Question{Incident: lead.Incident, Agent: v.Account.Agent}
	if rec != nil {
		if rec.Agent != "" && !there {
			q.Agent = rec.Agent
		}
		if rec.Saw != nil {
			q.Pointers = rec.Saw.Rules.Pointers()
		}
	}
	w, err := d.Ledger.Look(ctx, q, now)
	if err != nil {
		return w, err
	}
	if there {
		w.Cases[id] = c
	}
	w.Leads, w.Delivery = v.Leads, rec
	return w, nil
}

// tries bounds how often a decision is made again because somebody was faster.
const tries = 5

// settle decides and commits.
func (d Desk) settle(ctx context.Context, decide func(now time.Time) (gate.Change, error)) error {
	var err error
	for range tries {
		var c gate.Change
		if c, err = decide(d.Now()); err != nil || c.Empty() {
			return err
		}
		if err = d.Ledger.Commit(ctx, c); !errors.Is(err, ledger.ErrConflict) {
			return err
		}
	}
	return refuse("the bridge was faster %d times; nothing was done, try again (%s)", tries, err)
}

// each does something for several ids. With one id its error is the order's; with more, each is told of.
func (d Desk) each(ids []string, do func(id string) (string, error)) (Done, error) {
	done := Done{}
	for _, id := range ids {
		words, err := do(id)
		refusal := (*Refusal)(nil)
		switch {
		case err == nil:
			done.Said, done.Signed = append(done.Said, words), true
		case len(ids) > 1 && errors.As(err, &refusal):
			done.Refused = append(done.Refused, id+": "+refusal.Words)
		default:
			return done, err
		}
	}
	return done, nil
}

// readable overlooks a case that cannot be read where only the account is asked for.
func readable(err error) error {
	if errors.Is(err, ledger.ErrUnreadable) {
		return nil
	}
	return err
}

// oneLine makes what somebody has typed one line of characters that show.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}

func said(format string, args ...any) Done { return Done{Said: []string{fmt.Sprintf(format, args...)}} }

func words[T ~string](list []T) string {
	var all []string
	for _, x := range list {
		all = append(all, string(x))
	}
	return strings.Join(all, ", ")
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
