package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/match"
)

// testRefusals: a change that no decision may ask for is refused with words, before anything is written, and is
// neither a conflict, after which it would be decided and refused again for ever, nor unknown.
func testRefusals(t *testing.T, open func(*testing.T) Harness) {
	for _, row := range []struct {
		name   string
		change func(w *world, c gate.Case) gate.Change
	}{
		{"a move that is not in the table", func(_ *world, c gate.Case) gate.Change { return writes(c, moved(c, gate.Started)) }},
		{"a decision without a new version", func(_ *world, c gate.Case) gate.Change {
			now := c
			now.Severity = alert.Critical
			return writes(c, now)
		}},
		{"a case opened without its lead", func(w *world, _ gate.Case) gate.Change {
			return gate.Change{Cases: []gate.CaseWrite{{Now: w.newCase("ab-2")}}}
		}},
		{"another title", func(_ *world, c gate.Case) gate.Change {
			now := c
			now.Title = "another"
			return writes(c, now)
		}},
		{"another case's version", func(_ *world, c gate.Case) gate.Change {
			now := c
			now.ID = "ab-2"
			return writes(c, now)
		}},
		{"a case twice", func(_ *world, c gate.Case) gate.Change {
			ch := recovers(c)
			ch.Cases = append(ch.Cases, recovers(c).Cases...)
			return ch
		}},
		{"more members than are kept", func(w *world, c gate.Case) gate.Change {
			now := c
			for i := range gate.MaxMembers + 1 {
				now.Members = append(now.Members, memberOf(i, alert.Low, w.in(i)))
			}
			return writes(c, now)
		}},
		{"a grouping key twice", func(*world, gate.Case) gate.Change {
			return gate.Change{Pointers: []gate.PointerWrite{{Key: "k-1", Now: "ab-1"}, {Key: "k-1", Now: "ab-2"}}}
		}},
		{"a grouping key without a name", func(*world, gate.Case) gate.Change {
			return gate.Change{Pointers: []gate.PointerWrite{{Now: "ab-1"}}}
		}},
		{"a grouping key that names nothing", func(*world, gate.Case) gate.Change {
			return gate.Change{Pointers: []gate.PointerWrite{{Key: "k-1"}}}
		}},
		{"too many grouping keys", func(*world, gate.Case) gate.Change {
			var c gate.Change
			for i := range gate.MaxKeys + 1 {
				c.Pointers = append(c.Pointers, gate.PointerWrite{Key: fmt.Sprint("k-", i), Now: "ab-1"})
			}
			return c
		}},
		{"an incident whose version does not tell of the write", func(w *world, _ gate.Case) gate.Change {
			c := gate.Change{Incident: w.incident(1, 0, "ab-1")}
			c.Incident.Now.Version = 7
			return c
		}},
		{"an incident without a key", func(w *world, _ gate.Case) gate.Change {
			c := gate.Change{Incident: w.incident(1, 0, "ab-1")}
			c.Incident.Now.Key = alert.Incident{}
			return c
		}},
		{"a delivery without an id", func(w *world, _ gate.Case) gate.Change {
			return gate.Change{Delivery: w.delivery("")}
		}},
		{"an account without a name", func(*world, gate.Case) gate.Change {
			return gate.Change{Account: &gate.AccountWrite{Drop: []string{"ab-1"}}}
		}},
		{"a reservation put and dropped", func(w *world, _ gate.Case) gate.Change {
			return gate.Change{Account: &gate.AccountWrite{
				Agent: agent, Put: map[string]gate.Reservation{"ab-1": {Until: w.now}}, Drop: []string{"ab-1"},
			}}
		}},
		{"another environment's storm", func(_ *world, c gate.Case) gate.Change {
			now := c
			now.Storm = "prod"
			return writes(c, now)
		}},
		{"a case that becomes a shadow", func(_ *world, c gate.Case) gate.Change {
			now := c
			now.Shadow = true
			return writes(c, now)
		}},
		{"steps without a new version", func(w *world, c gate.Case) gate.Change {
			now := c
			now.Steps = []gate.Step{{At: w.now, Text: "nothing"}}
			return writes(c, now)
		}},
		{"more steps than are kept", func(_ *world, c gate.Case) gate.Change {
			now := moved(c, gate.Starting)
			now.Steps = make([]gate.Step, gate.MaxSteps+1)
			return writes(c, now)
		}},
		{"a service taken away", func(_ *world, c gate.Case) gate.Change {
			read := c
			read.Services = []string{"checkout"}
			return writes(read, c)
		}},
		{"a service without a name", func(_ *world, c gate.Case) gate.Change {
			now := c
			now.Services = []string{""}
			return writes(c, now)
		}},
		{"more services than are kept", func(_ *world, c gate.Case) gate.Change {
			now := c
			for i := range gate.MaxServices + 1 {
				now.Services = append(now.Services, fmt.Sprint("s-", i))
			}
			return writes(c, now)
		}},
		{"more notifications than an incident keeps", func(w *world, _ gate.Case) gate.Change {
			c := gate.Change{Incident: w.incident(1, 0, "ab-1")}
			c.Incident.Now.Recent = make([]gate.Mention, gate.MaxMentions+1)
			return c
		}},
		{"a monitor group without a name", func(w *world, _ gate.Case) gate.Change { return gate.Change{Group: w.group("", 0)} }},
		{"a monitor group whose version does not tell of the write", func(w *world, _ gate.Case) gate.Change {
			c := gate.Change{Group: w.group("g-1", 0)}
			c.Group.Now.Version = 2
			return c
		}},
		{"a monitor group with too many cycles", func(w *world, _ gate.Case) gate.Change {
			c := gate.Change{Group: w.group("g-1", 0)}
			c.Group.Now.Cycles = make([]time.Time, gate.MaxCycles+1)
			return c
		}},
		{"an environment without a name", func(w *world, _ gate.Case) gate.Change { return gate.Change{Surge: w.surge("", 0, "")} }},
		{"an environment whose version does not tell of the write", func(w *world, _ gate.Case) gate.Change {
			c := gate.Change{Surge: w.surge("s-1", 0, "")}
			c.Surge.Now.Version = 2
			return c
		}},
		{"an environment with too many openings", func(w *world, _ gate.Case) gate.Change {
			c := gate.Change{Surge: w.surge("s-1", 0, "")}
			c.Surge.Now.Opened = make([]time.Time, gate.MaxOpened+1)
			return c
		}},
		{"an alert kept under no id", func(w *world, c gate.Case) gate.Change {
			return gate.Change{Lead: &gate.LeadWrite{Alert: *leadOf(c)}}
		}},
		{"an alert kept under the id of a case that is opened", func(w *world, _ gate.Case) gate.Change {
			c := opens(w.newCase("ab-2"))
			c.Lead = &gate.LeadWrite{Case: "ab-2", Alert: *leadOf(c.Cases[0].Now)}
			return c
		}},
		{"something told of no case", posted("", agent, gate.Waits)},
		{"something told of no Agent", posted("ab-1", "", gate.Waits)},
		{"nothing told of a case", posted("ab-1", agent)},
		{"a moment that nobody knows", posted("ab-1", agent, gate.Waits, "solved")},
		{"a moment without a name", posted("ab-1", agent, "")},
		{"a case told of twice", func(w *world, c gate.Case) gate.Change {
			ch := posted("ab-1", agent, gate.Waits)(w, c)
			ch.Posts = append(ch.Posts, ch.Posts[0])
			return ch
		}},
		{"a post settled and added to", func(w *world, c gate.Case) gate.Change {
			ch := settling(func(*gate.Post) {})(w, c)
			ch.Posts = posted("ab-1", agent, gate.Waits)(w, c).Posts
			return ch
		}},
		{"a post without an id settled", settling(func(p *gate.Post) { p.ID = "" })},
		{"a post without an Agent settled", settling(func(p *gate.Post) { p.Agent = "" })},
		{"a post whose version does not tell of the write", settling(func(p *gate.Post) { p.Version = 2 })},
		{"a post told more often than is kept", settling(func(p *gate.Post) { p.Told = make([]gate.Told, gate.MaxTold+1) })},
		{"a post told with more words than are kept", settling(func(p *gate.Post) {
			p.Told = []gate.Told{{Words: strings.Repeat("x", gate.MaxTellWords)}, {Words: strings.Repeat("x", gate.MaxTellWords+1)}}
		})},
		{"a moment that has happened twice", settling(func(p *gate.Post) {
			p.Happened = []gate.Happened{{Moment: gate.Waits, At: time.Unix(1, 0)}, {Moment: gate.HasEnded}, {Moment: gate.Waits}}
		})},
		{"money spent with no case", func(*world, gate.Case) gate.Change {
			return gate.Change{Account: &gate.AccountWrite{Agent: agent, Spend: map[string]gate.Dollars{"2026-11": 1}}}
		}},
		{"money spent with a case that keeps its version", func(_ *world, c gate.Case) gate.Change {
			ch := recovers(c)
			ch.Account = &gate.AccountWrite{Agent: agent, Spend: map[string]gate.Dollars{"2026-11": 1}}
			return ch
		}},
		{"money given back with a condition only", func(_ *world, c gate.Case) gate.Change {
			ch := writes(c, c)
			ch.Account = &gate.AccountWrite{Agent: agent, Back: &gate.Back{Pace: time.Minute}}
			return ch
		}},
		{"money given back with a reservation put", money(gate.AccountWrite{
			Put: map[string]gate.Reservation{"ab-1": {}}, Back: &gate.Back{Pace: time.Minute},
		})},
		{"less than nothing given back", money(gate.AccountWrite{Back: &gate.Back{Pace: -time.Minute}})},
		{"a day given back that is none", money(gate.AccountWrite{Back: &gate.Back{Day: "yesterday"}})},
		{"money spent in no month", money(gate.AccountWrite{Spend: map[string]gate.Dollars{"2026-13": 1}})},
		{"a pace without a reservation", money(gate.AccountWrite{Paced: time.Unix(1, 0)})},
		{"a budget without a reservation", money(gate.AccountWrite{Budget: 1})},
		{"a count without a reservation", money(gate.AccountWrite{Critical: map[string]int{"2026-11-27": 1}})},
		{"months forgotten without a reservation", money(gate.AccountWrite{Forget: []string{"2026-11"}})},
		{"a count on no day", money(gate.AccountWrite{
			Put: map[string]gate.Reservation{"ab-1": {}}, Critical: map[string]int{"2026-11": 1},
		})},
		{"less than none counted", money(gate.AccountWrite{
			Put: map[string]gate.Reservation{"ab-1": {}}, Critical: map[string]int{"2026-11-27": -1},
		})},
		{"a month spent in and forgotten", money(gate.AccountWrite{
			Put: map[string]gate.Reservation{"ab-1": {}}, Spend: map[string]gate.Dollars{"2026-11": 1}, Forget: []string{"2026-11"},
		})},
		{"a day counted and forgotten", money(gate.AccountWrite{
			Put: map[string]gate.Reservation{"ab-1": {}}, Critical: map[string]int{"2026-11-27": 1}, Forget: []string{"2026-11-27"},
		})},
		{"something forgotten that is no date", money(gate.AccountWrite{
			Put: map[string]gate.Reservation{"ab-1": {}}, Forget: []string{"version"},
		})},
		{"what is set by hand, at a version that does not tell of the write", byHand(func(h *gate.Hand) { h.Version = 7 })},
		{"too many silences", byHand(func(h *gate.Hand) {
			for i := range gate.MaxSilences {
				h.Silences = append(h.Silences, gate.Silence{ID: fmt.Sprint("more-", i), Matchers: h.Silences[0].Matchers})
			}
		})},
		{"a silence twice", byHand(func(h *gate.Hand) { h.Silences = append(h.Silences, h.Silences[0]) })},
		{"a silence without an id", byHand(func(h *gate.Hand) { h.Silences[0].ID = "" })},
		{"a silence with too long an id", byHand(func(h *gate.Hand) { h.Silences[0].ID = strings.Repeat("x", gate.MaxSilenceID+1) })},
		{"a silence of everything", byHand(func(h *gate.Hand) { h.Silences[0].Matchers = nil })},
		{"a silence with too many matchers", byHand(func(h *gate.Hand) {
			h.Silences[0].Matchers = slices.Repeat(h.Silences[0].Matchers[:1], gate.MaxMatchers+1)
		})},
		{"a matcher that would be read back as another", byHand(func(h *gate.Hand) { h.Silences[0].Matchers[0].Name = "a=b" })},
		{"a matcher that cannot be read back", byHand(func(h *gate.Hand) { h.Silences[0].Matchers[0] = match.Matcher{} })},
		{"a mode with too long a reason", byHand(func(h *gate.Hand) { h.Mode.Reason = strings.Repeat("x", gate.MaxReason+1) })},
		{"a mode with too long an author", byHand(func(h *gate.Hand) { h.Mode.By = strings.Repeat("x", gate.MaxBy+1) })},
		{"a mode that nobody knows", byHand(func(h *gate.Hand) { h.Mode.Mode = "quiet" })},
		{"a silence with too long a reason", byHand(func(h *gate.Hand) { h.Silences[0].Reason = strings.Repeat("x", gate.MaxReason+1) })},
	} {
		each(t, open, row.name, func(w *world) {
			c := row.change(w, w.waits("ab-1", 1))
			if c.Delivery == nil {
				c.Delivery = w.delivery("d-1")
			}
			before := everything(w)
			err := w.try(c)
			if err == nil || errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrUnknown) {
				w.Fatalf("it ends in %v, want it refused", err)
			}
			w.same("everything, after a change that was refused", everything(w), before)
		})
	}

	each(t, open, "no time", func(w *world) {
		c := opens(w.newCase("ab-1"))
		if err := w.Ledger.Commit(w.Context(), c); err == nil {
			w.Fatal("it was taken")
		}
	})
}

// money is a change of an account with an end of a case, so that nothing but the account is wrong with it.
func money(a gate.AccountWrite) func(*world, gate.Case) gate.Change {
	return func(_ *world, c gate.Case) gate.Change {
		ch := writes(c, moved(c, gate.Ended))
		a.Agent = agent
		ch.Account = &a
		return ch
	}
}

// posted is a change that tells of a case.
func posted(id, agent string, moments ...gate.Moment) func(*world, gate.Case) gate.Change {
	return func(*world, gate.Case) gate.Change {
		return gate.Change{Posts: []gate.PostWrite{{ID: id, Agent: agent, Moments: moments}}}
	}
}

// settling is a change that settles the first post of a case.
func settling(edit func(*gate.Post)) func(*world, gate.Case) gate.Change {
	return func(w *world, _ gate.Case) gate.Change {
		p := gate.Post{ID: "ab-1", Agent: agent, Until: w.now, Version: 1}
		edit(&p)
		return gate.Change{Told: &gate.ToldWrite{Now: p}}
	}
}

// byHand is a change of what is set by hand.
func byHand(edit func(*gate.Hand)) func(*world, gate.Case) gate.Change {
	return func(w *world, _ gate.Case) gate.Change {
		c := gate.Change{Hand: w.hand(0, "deploy")}
		edit(&c.Hand.Now)
		return c
	}
}
