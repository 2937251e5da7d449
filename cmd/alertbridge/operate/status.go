package operate

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Status is how a bridge stands. Times are in UTC, to the millisecond; amounts are dollars. Fields are added, never given
// another meaning.
type Status struct {
	At   time.Time `json:"at"`
	Mode *ByHand   `json:"mode,omitempty"` // as set by hand; left out: the policy's own counts
	// TakenBack is who took back the mode that was set last, with its reason and time; left out where a mode is set, has
	// ended by itself, or was never taken back.
	TakenBack *Signed   `json:"mode_taken_back,omitempty"`
	Silences  []ByHand  `json:"silences"`
	Accounts  []Account `json:"accounts"`
}

// ByHand is a mode or a silence that somebody has set.
type ByHand struct {
	Mode     string    `json:"mode,omitempty"`
	ID       string    `json:"id,omitempty"` // of a silence
	Matchers []string  `json:"matchers,omitempty"`
	By       string    `json:"by"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at,omitzero"`
	Until    time.Time `json:"until,omitzero"` // left out: until it is taken back
}

// Signed is what somebody has done, and that is over with it.
type Signed struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at,omitzero"`
}

// Account is what is known of one Agent.
type Account struct {
	Agent string    `json:"agent"`
	State string    `json:"state"`          // open, shut, or down
	Since time.Time `json:"since,omitzero"` // of shut
	Until time.Time `json:"until,omitzero"` // of down: until when the Agent is left alone
	Words string    `json:"words,omitempty"`
	// Opened is who opened it by hand last; left out where nobody ever did.
	Opened *Signed `json:"opened,omitempty"`

	Running   []Running `json:"running"`        // what holds a slot, the one that ends first at first
	Month     string    `json:"month"`          // the calendar month, UTC
	Spent     float64   `json:"spent"`          // in it, what runs included
	Reserved  float64   `json:"reserved"`       // of that, for what runs
	Critical  int       `json:"critical_today"` // critical starts of the day, UTC
	PacedTill time.Time `json:"paced,omitzero"` // so far the starts have used up the even refill of the budget; left out: everything is saved up

	// Limits is what the policy allowed when one of the cases below was decided; left out when there is none, and with it
	// what the money is enough for.
	Limits *Limits `json:"limits,omitempty"`
	// MoneyFor is for how many investigations that are not critical there is money at this moment; left out also where
	// the policy sets no limit. MoneyAt is when there will be for the next one, if it is for none.
	MoneyFor *int      `json:"money_for,omitempty"`
	MoneyAt  time.Time `json:"money_at,omitzero"`

	// Unconfirmed are starts that the Agent's own word should have confirmed by now and has not, the earliest first; at
	// most MaxListed. Where the Agent's work is not followed there are none.
	Unconfirmed []Unconfirmed `json:"unconfirmed"`

	Waiting []Waiting `json:"waiting"`   // best first; at most MaxListed
	More    bool      `json:"more"`      // more wait than these
	NeedIt  []Waiting `json:"need_hand"` // refused, or in doubt and at rest; at most MaxListed

	Answers Answers `json:"answers"`
}

// Limits is what a policy allows one Agent.
type Limits struct {
	Slots         int     `json:"slots"`
	CriticalSlots int     `json:"critical_slots"`   // of these, for critical cases only
	Month         float64 `json:"month"`            // 0: as much as they like
	CriticalDay   int     `json:"critical_per_day"` // beyond the month's money
	Case          string  `json:"case"`             // the case whose record says so
	Policy        string  `json:"policy,omitempty"` // the version of the policy
}

// Running is an investigation that holds a slot.
type Running struct {
	Case     string    `json:"case"`
	Until    time.Time `json:"until"` // its estimated end
	Critical bool      `json:"critical,omitempty"`
	Dollars  float64   `json:"dollars"`
	// The Agent's task of it, and how that stands; left out as long as nobody has told.
	Task   string `json:"task,omitempty"`
	Status string `json:"status,omitempty"`
}

// Unconfirmed is a start that nothing has confirmed.
type Unconfirmed struct {
	Case     string    `json:"case"`
	Called   time.Time `json:"called"`          // when the Agent was called
	Absent   time.Time `json:"absent,omitzero"` // as of then the Agent's API had no task of it; left out: it has not answered
	Severity string    `json:"severity"`
	Title    string    `json:"title"`
}

// Waiting is a case that has not started.
type Waiting struct {
	Case     string    `json:"case"`
	State    string    `json:"state"`
	Why      string    `json:"why,omitempty"`
	Until    time.Time `json:"until,omitzero"`
	Severity string    `json:"severity"`
	Title    string    `json:"title"`
	Hand     string    `json:"by_hand,omitempty"` // who wants it started
	Observed bool      `json:"observed,omitempty"`
}

// MaxListed bounds the cases that a Status lists of one Agent.
const MaxListed = 20

// Status reads how the bridge stands.
func (d Desk) Status(ctx context.Context) (Status, error) {
	now := d.Now()
	s := Status{At: ledger.Moment(now), Silences: []ByHand{}, Accounts: []Account{}}
	for i, agent := range d.Agents {
		v, err := d.Ledger.LookCase(ctx, "", agent, now)
		if err = readable(err); err != nil {
			return Status{}, err
		}
		if i == 0 {
			s.hand(v.Hand, now)
		}
		a, err := d.account(ctx, v.Account, now)
		if err != nil {
			return Status{}, err
		}
		s.Accounts = append(s.Accounts, a)
	}
	return s, nil
}

// hand shows what is set by hand and has not ended.
func (s *Status) hand(h gate.Hand, now time.Time) {
	over := func(o gate.Order) bool { return !o.Until.IsZero() && !o.Until.After(now) }
	switch m := h.Mode; {
	case m.Mode == "":
		s.TakenBack = signed(m.Order)
	case !over(m.Order):
		set := byHand(m.Order)
		set.Mode = string(m.Mode)
		s.Mode = &set
	}
	for _, x := range h.Silences {
		if over(x.Order) {
			continue
		}
		set := byHand(x.Order)
		set.ID, set.Matchers = x.ID, ledger.MatcherTexts(x.Matchers)
		s.Silences = append(s.Silences, set)
	}
}

func byHand(o gate.Order) ByHand {
	return ByHand{By: o.By, Reason: o.Reason, At: ledger.Moment(o.At), Until: ledger.Moment(o.Until)}
}

// signed is nil where nobody ever did it.
func signed(o gate.Order) *Signed {
	if o == (gate.Order{}) {
		return nil
	}
	return &Signed{By: o.By, Reason: o.Reason, At: ledger.Moment(o.At)}
}

func (d Desk) account(ctx context.Context, a gate.Account, now time.Time) (Account, error) {
	out := Account{Agent: a.Agent, State: "open", Opened: signed(a.Hand), Running: []Running{}, Unconfirmed: []Unconfirmed{}, Waiting: []Waiting{}, NeedIt: []Waiting{}}
	switch {
	case !a.Shut.Since.IsZero():
		out.State, out.Since, out.Words = "shut", ledger.Moment(a.Shut.Since), a.Shut.Words
	case a.Down.Until.After(now):
		out.State, out.Until = "down", ledger.Moment(a.Down.Until)
	}
	out.money(a, now)
	timed, _, err := d.list(ctx, a.Agent, gate.Timed, maxTimed)
	if err != nil {
		return out, err
	}
	out.work(timed, now)
	waiting, more, err := d.list(ctx, a.Agent, gate.Queue, MaxListed)
	if err != nil {
		return out, err
	}
	out.More = more
	for _, c := range waiting {
		out.Waiting = append(out.Waiting, waits(c))
	}
	for _, b := range []gate.Bucket{gate.Declined, gate.Doubtful} {
		cases, _, err := d.list(ctx, a.Agent, b, MaxListed-len(out.NeedIt))
		if err != nil {
			return out, err
		}
		for _, c := range cases {
			out.NeedIt = append(out.NeedIt, waits(c))
		}
	}
	budget := gate.Budget{}
	if out.Answers, err = d.answers(ctx, a.Agent, now); err != nil {
		return out, err
	}
	if out.Limits, budget, err = d.limits(ctx, out, now); err != nil {
		return out, err
	}
	if budget.Month > 0 {
		starts, next := a.Purse(budget, now)
		out.MoneyFor, out.MoneyAt = &starts, ledger.Moment(next)
	}
	return out, nil
}

// maxTimed bounds the cases under way that are looked at: what runs, and as many again that nobody has heard of.
const maxTimed = 2 * gate.MaxRunning

// work shows what the Agent has told of the cases under way, and what it should have told.
func (a *Account) work(underWay []gate.Case, now time.Time) {
	for _, c := range underWay {
		v := caseview.Of(c, now)
		if v.Investigation == nil {
			continue
		}
		if i := slices.IndexFunc(a.Running, func(r Running) bool { return r.Case == c.ID }); i >= 0 {
			a.Running[i].Task, a.Running[i].Status = v.Investigation.Task, v.Investigation.Status
		}
		if v.Unconfirmed(now) {
			a.Unconfirmed = append(a.Unconfirmed, Unconfirmed{
				Case: c.ID, Called: v.Investigation.Called, Absent: v.Investigation.Absent, Severity: v.Severity, Title: c.Title,
			})
		}
	}
	slices.SortStableFunc(a.Unconfirmed, func(x, y Unconfirmed) int { return x.Called.Compare(y.Called) })
	a.Unconfirmed = a.Unconfirmed[:min(len(a.Unconfirmed), MaxListed)]
}

// maxAsked bounds the cases whose records are read for the limits.
const maxAsked = 3

// limits are read from the record of a case that waits or runs, so that they are those of the policy that is in force,
// or was lately, and nobody has to have its file at hand.
func (d Desk) limits(ctx context.Context, a Account, now time.Time) (*Limits, gate.Budget, error) {
	var ids []string
	for _, c := range a.Waiting {
		ids = append(ids, c.Case)
	}
	for _, r := range slices.Backward(a.Running) {
		ids = append(ids, r.Case)
	}
	for _, id := range ids[:min(len(ids), maxAsked)] {
		v, err := d.Ledger.LookCase(ctx, id, a.Agent, now)
		if err != nil {
			return nil, gate.Budget{}, readable(err)
		}
		rec, err := d.Ledger.Verdict(ctx, v.Leads[id].Delivery, now)
		if err != nil {
			return nil, gate.Budget{}, readable(err)
		}
		if rec == nil || rec.Saw == nil || rec.Saw.Rules.Agent != a.Agent {
			continue
		}
		r := rec.Saw.Rules
		slots := r.Slots
		if slots <= 0 || slots > gate.MaxRunning {
			slots = gate.MaxRunning
		}
		return &Limits{
			Slots: slots, CriticalSlots: r.CriticalSlots, Month: dollars(r.Budget.Month), CriticalDay: r.Budget.CriticalPerDay,
			Case: id, Policy: r.Version,
		}, r.Budget, nil
	}
	return nil, gate.Budget{}, nil
}

// money sums up as the gate does: what runs counts with what it is reckoned to cost.
func (a *Account) money(of gate.Account, now time.Time) {
	day := now.UTC()
	a.Month = day.Format("2006-01")
	spent, reserved := of.Money.Spent[a.Month], gate.Dollars(0)
	for _, id := range slices.Sorted(maps.Keys(of.Running)) {
		r := of.Running[id]
		if r.Month == a.Month {
			reserved += r.Money
		}
		if r.Until.After(now) {
			a.Running = append(a.Running, Running{Case: id, Until: ledger.Moment(r.Until), Critical: r.Critical, Dollars: dollars(r.Money)})
		}
	}
	slices.SortStableFunc(a.Running, func(x, y Running) int { return cmp.Or(x.Until.Compare(y.Until), cmp.Compare(x.Case, y.Case)) })
	a.Spent, a.Reserved = dollars(spent+reserved), dollars(reserved)
	a.Critical = of.Money.Critical[day.Format("2006-01-02")]
	if of.Money.Paced.After(now) {
		a.PacedTill = ledger.Moment(of.Money.Paced)
	}
}

func dollars(d gate.Dollars) float64 { return float64((d+5_000)/10_000) / 100 }

func waits(c gate.Case) Waiting {
	w := Waiting{
		Case: c.ID, State: string(c.State), Why: string(c.Why), Until: ledger.Moment(c.Until), Severity: c.Severity.String(),
		Title: c.Title, Observed: c.Shadow,
	}
	if c.Hand != (gate.Order{}) {
		w.Hand = c.Hand.By
	}
	return w
}
