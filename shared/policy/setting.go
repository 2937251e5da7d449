package policy

import (
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/match"
)

// setting is a value and where it stands.
type setting[T any] struct {
	v  T
	at pos // zero: it is the default
}

// settings are what the policy says about an alert: the root's, and for each route the root's with what the route
// changes.
type settings struct {
	mode     byRank[ranked]
	agent    setting[string]
	critical setting[[][]match.Matcher] // any of the lists, all of a list
	fresh    setting[time.Duration]
	lateHold setting[time.Duration]
	startOn  [kinds]setting[when]
	hold     byRank[time.Duration] // not for P1
	noData   setting[time.Duration]
	groupBy  setting[[]keySet]
	storm    storm
	flap     flap
	maxAge   setting[time.Duration]
	window   setting[time.Duration]
	quiet    setting[time.Duration]
	inDoubt  setting[gate.DoubtChoice]
	test     setting[gate.Choice]
}

// byRank is a setting for each rank, by alert.Severity; the one at 0 is not used.
type byRank[T any] [alert.Critical + 1]setting[T]

// ranked is a mode, and whether it was set for this rank or by a route: then by hand it can be made stricter only.
type ranked struct {
	mode  gate.Mode
	fixed bool
}

// when says for which alerts a transition starts something.
type when string

const (
	always       when = "always"
	onlyCritical when = "critical"
	never        when = "never"
)

// The transitions that start_on knows, each with its repetition.
const (
	triggered = iota
	reTriggered
	renotify
	noData
	warn
	kinds
)

var kindNames = [kinds]string{"Triggered", "Re-Triggered", "Renotify", "No Data", "Warn"}

// keySet is a set of keys that alerts are joined by, for so long after the start.
type keySet struct {
	keys   []string
	within time.Duration
}

type storm struct {
	cases        setting[int] // 0: there are no storms
	within, join setting[time.Duration]
}

type flap struct {
	cycles        setting[int] // 0: nothing flaps
	within, quiet setting[time.Duration]
}

// account is what belongs to an Agent.
type account struct {
	month, price   setting[gate.Dollars] // a month 0: unlimited
	expected       setting[time.Duration]
	bucket         setting[int]
	criticalPerDay setting[int]
	slots          setting[int]
	criticalSlots  setting[int]
}

// investigation is what one is reckoned to cost.
func (a account) investigation() gate.Dollars {
	return gate.Dollars(int64(a.price.v) * int64(a.expected.v/time.Second))
}

// budget is what the Agent's cases may cost.
func (a account) budget() gate.Budget {
	return gate.Budget{
		Month: a.month.v, Case: a.investigation(), Second: a.price.v, Bucket: a.bucket.v, CriticalPerDay: a.criticalPerDay.v,
	}
}

// defaultSettings are right for a small team. The shipped policy.yaml shows each, with its reason.
func defaultSettings() settings {
	return settings{
		mode: byRank[ranked]{
			alert.Critical: is(ranked{mode: gate.ModeFull}), alert.High: is(ranked{mode: gate.ModeFull}), alert.Medium: is(ranked{mode: gate.ModeFull}),
			alert.Low: is(ranked{gate.ModeObserve, true}), alert.Minimal: is(ranked{gate.ModeObserve, true}),
		},
		agent:    is(DefaultAgent),
		critical: is([][]match.Matcher{{must("priority = P1")}, {must("severity =~ critical|sev1")}}),
		fresh:    is(2 * time.Minute),
		lateHold: is(time.Minute),
		startOn:  [kinds]setting[when]{is(always), is(always), is(always), is(onlyCritical), is(never)},
		hold: byRank[time.Duration]{
			alert.High: is(30 * time.Second), alert.Medium: is(2 * time.Minute), alert.Low: is(5 * time.Minute), alert.Minimal: is(5 * time.Minute),
		},
		noData: is(5 * time.Minute),
		groupBy: is([]keySet{
			{[]string{"monitor", "env"}, 30 * time.Minute},
			{[]string{"service", "env"}, 5 * time.Minute},
		}),
		storm:   storm{is(5), is(5 * time.Minute), is(15 * time.Minute)},
		flap:    flap{is(4), is(time.Hour), is(time.Hour)},
		maxAge:  is(6 * time.Hour),
		window:  is(30 * time.Minute),
		quiet:   is(30 * time.Hour),
		inDoubt: is(gate.RepeatIt),
		test:    is(gate.DropIt),
	}
}

func defaultAccount() account {
	return account{
		month: is(gate.Dollars(300_000_000)), price: is(gate.Dollars(8_300)), expected: is(8 * time.Minute), bucket: is(5),
		criticalPerDay: is(20), slots: is(3), criticalSlots: is(1),
	}
}

// is a default.
func is[T any](v T) setting[T] { return setting[T]{v: v} }

func must(text string) match.Matcher {
	m, err := match.Parse(text)
	if err != nil {
		panic(err)
	}
	return m
}
