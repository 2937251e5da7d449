package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// testContests: many processes at once.
func testContests(t *testing.T, open func(*testing.T) Harness) {
	each(t, open, "a hundred openers, one case", func(w *world) {
		won := w.contest(100, func(i int) gate.Change {
			c := opens(w.newCase(fmt.Sprintf("ab-%d", i)))
			c.Delivery = w.delivery(fmt.Sprintf("d-%d", i))
			c.Incident = w.incident(i, 0, c.Cases[0].Now.ID)
			c.Pointers = []gate.PointerWrite{{Key: "k-1", Now: c.Cases[0].Now.ID}}
			return c
		})
		w.same("the pointer", w.look(ledger.Question{Pointers: []string{"k-1"}}).Pointers["k-1"], fmt.Sprintf("ab-%d", won))
		for i := range 100 {
			v := w.look(ledger.Question{Delivery: fmt.Sprintf("d-%d", i), Incident: incidentOf(i)})
			_, there := w.lookCase(fmt.Sprintf("ab-%d", i), w.now).Cases[fmt.Sprintf("ab-%d", i)]
			if all := v.Delivery != nil; all != (i == won) || all != (v.Incident.Version == 1) || all != there {
				w.Fatalf("opener %d, won %v: delivery %v, incident %d, case %v", i, i == won, v.Delivery, v.Incident.Version, there)
			}
		}
	})

	for name, share := range map[string]func(*world, *gate.Change){
		"monitor group":           func(w *world, c *gate.Change) { c.Group = w.group("g-1", 1) },
		"environment":             func(w *world, c *gate.Change) { c.Surge = w.surge("s-1", 1, c.Cases[0].Now.ID) },
		"version of what is set":  func(w *world, c *gate.Change) { c.Hand = w.hand(1, c.Cases[0].Now.ID) },
		"monitor group, new":      func(w *world, c *gate.Change) { c.Group = w.group("g-2", 0) },
		"environment that is new": func(w *world, c *gate.Change) { c.Surge = w.surge("s-2", 0, c.Cases[0].Now.ID) },
	} {
		each(t, open, "thirty openers that have read one "+name, func(w *world) {
			w.commit(gate.Change{Group: w.group("g-1", 0), Surge: w.surge("s-1", 0, "ab-old"), Hand: w.hand(0, "old")})
			won := w.contest(30, func(i int) gate.Change {
				c := opens(w.newCase(fmt.Sprintf("ab-%d", i)))
				share(w, &c)
				return c
			})
			for i := range 30 {
				id := fmt.Sprintf("ab-%d", i)
				if _, there := w.lookCase(id, w.now).Cases[id]; there != (i == won) {
					w.Fatalf("case %s is there: %v, and %d has won", id, there, won)
				}
			}
			v := w.look(ledger.Question{Group: "g-1", Surge: "s-1"})
			if sum := v.Group.Version + v.Surge.Version + v.Hand.Version; sum != 3 && sum != 4 {
				w.Errorf("the versions are %d, %d and %d", v.Group.Version, v.Surge.Version, v.Hand.Version)
			}
		})
	}

	each(t, open, "starts, and the money of what is over and of what was not made, all at once", func(w *world) {
		const n = 10
		var over, unmade []gate.Case
		for i := range n {
			over = append(over, w.moves(w.waits(fmt.Sprintf("ab-over-%d", i), 1), gate.Starting, gate.Started))
			unmade = append(unmade, w.moves(w.waits(fmt.Sprintf("ab-back-%d", i), 1), gate.Starting))
		}
		w.commit(gate.Change{Account: &gate.AccountWrite{
			Agent: agent, Put: map[string]gate.Reservation{"ab-0": {}}, Paced: w.in(n * 60), Critical: map[string]int{"2026-11-27": n},
		}})
		var done sync.WaitGroup
		for i := range n {
			done.Go(func() { w.taken(spends(over[i], "2026-11", gate.Dollars(1+i))) })
			done.Go(func() { w.taken(givesBack(unmade[i], gate.Back{Pace: time.Minute, Day: "2026-11-27"})) })
			done.Go(func() {
				w.decide("ab-over-0", func(gate.Case) gate.Change { // each start moves the pace on by an hour
					a := w.account()
					return gate.Change{Account: &gate.AccountWrite{
						Agent: agent, Read: a.Version, Put: map[string]gate.Reservation{fmt.Sprint("ab-put-", i): {Attempt: 1}},
						Paced: a.Money.Paced.Add(time.Hour), Critical: map[string]int{"2026-11-27": a.Money.Critical["2026-11-27"] + 2},
					}}
				})
			})
		}
		done.Wait()
		a := w.account()
		if want := w.in(n * 3600); !a.Money.Paced.Equal(want) {
			w.Errorf("paced to %v, want %v", a.Money.Paced, want)
		}
		if a.Money.Spent["2026-11"] != n*(n+1)/2 || a.Money.Critical["2026-11-27"] != 2*n {
			w.Errorf("spent %d, critical %d; want %d, %d", a.Money.Spent["2026-11"], a.Money.Critical["2026-11-27"], n*(n+1)/2, 2*n)
		}
		if len(a.Running) != 1+n || a.Version != 1+3*n {
			w.Errorf("%d reservations at version %d, want %d at %d", len(a.Running), a.Version, 1+n, 1+3*n)
		}
	})

	each(t, open, "services that joins add at once are all there", func(w *world) {
		const joiners, each = 12, 6
		w.waits("ab-1", 1)
		var done sync.WaitGroup
		for j := range joiners {
			done.Go(func() {
				for k := range each {
					w.decide("ab-1", func(read gate.Case) gate.Change {
						c := joins(read, w.in(j*each+k))
						now := &c.Cases[0].Now
						for _, name := range []string{fmt.Sprintf("s-%02d", k), fmt.Sprintf("s-%02d-%02d", j, k)} {
							if !slices.Contains(now.Services, name) {
								now.Services = append(slices.Clone(now.Services), name)
							}
						}
						return c
					})
				}
			})
		}
		done.Wait()
		c := w.caseNow("ab-1")
		if len(c.Services) != each+joiners*each || !slices.IsSorted(c.Services) || c.Joined != joiners*each || c.Version != 1 {
			w.Errorf("%d services, joined %d, version %d; want %d, %d, 1", len(c.Services), c.Joined, c.Version, each+joiners*each, joiners*each)
		}
	})

	each(t, open, "a hundred processes of one delivery, one verdict", func(w *world) {
		read := w.waits("ab-1", 1)
		w.contest(100, func(int) gate.Change {
			c := joins(read, w.in(-1))
			c.Delivery = w.delivery("d-1")
			return c
		})
		if c := w.caseNow("ab-1"); c.Joined != 1 || c.Firing != 2 {
			w.Fatalf("joined %d, firing %d; want 1, 2", c.Joined, c.Firing)
		}
	})

	each(t, open, "a hundred starts, one room: the account's version lets one through", func(w *world) {
		var cases []gate.Case
		for i := range 100 {
			cases = append(cases, w.waits(fmt.Sprintf("ab-%d", i), 1))
		}
		won := w.contest(100, func(i int) gate.Change {
			c := writes(cases[i], moved(cases[i], gate.Starting))
			c.Account = &gate.AccountWrite{Agent: agent, Read: 0, Put: map[string]gate.Reservation{cases[i].ID: {Attempt: 1, Until: w.in(480)}}}
			return c
		})
		a := w.account()
		if _, there := a.Running[fmt.Sprintf("ab-%d", won)]; len(a.Running) != 1 || !there || a.Version != 1 {
			w.Fatalf("the account is %+v, and %d has won", a, won)
		}
	})

	each(t, open, "ten failures at once are counted to the last one", func(w *world) {
		var done sync.WaitGroup
		for range 10 {
			done.Go(func() {
				for err := ledger.ErrConflict; errors.Is(err, ledger.ErrConflict); {
					v, lookErr := w.Ledger.LookCase(context.Background(), "", agent, w.now)
					if lookErr != nil {
						w.Errorf("LookCase: %v", lookErr)
						return
					}
					was := v.Account.Down
					now := gate.Down{Fails: was.Fails + 1}
					if err = w.try(gate.Change{Account: &gate.AccountWrite{Agent: agent, Down: &now, DownWas: &was}}); err != nil && !errors.Is(err, ledger.ErrConflict) {
						w.Errorf("Commit: %v", err)
					}
				}
			})
		}
		done.Wait()
		if d := w.account().Down; d.Fails != 10 {
			w.Errorf("%d failures are counted, want 10", d.Fails)
		}
	})

	each(t, open, "a thousand joins are counted to the last one", func(w *world) {
		const joiners, each = 50, 20
		w.waits("ab-1", 1)
		var done sync.WaitGroup
		for j := range joiners {
			done.Go(func() {
				for k := range each {
					n := 1 + j*each + k
					w.decide("ab-1", func(read gate.Case) gate.Change {
						// Severity and time as they come in a storm: some put others out of a full list.
						m := memberOf(n, alert.Severity(1+n%5), w.in(n*7919%1000))
						c := joins(read, m.Since, best(append(sorted(read.Members), m))...)
						c.Delivery = w.delivery(fmt.Sprintf("d-%d", n))
						c.Incident = w.incident(n, 0, "ab-1")
						return c
					})
				}
			})
		}
		done.Wait()
		c := w.caseNow("ab-1")
		if c.Firing != 1+joiners*each || c.Joined != joiners*each || len(c.Members) != gate.MaxMembers || c.Version != 1 {
			w.Errorf("firing %d, joined %d, %d members, version %d; want %d, %d, %d, 1",
				c.Firing, c.Joined, len(c.Members), c.Version, 1+joiners*each, joiners*each, gate.MaxMembers)
		}
		if want := w.in(999); !c.Last.Equal(want) { // 7919 and 1000 have no divisor in common: every second comes once
			w.Errorf("last %v, want %v", c.Last, want)
		}
		for _, m := range c.Members {
			if m.Severity != alert.Critical {
				w.Errorf("member %s of severity %v is kept, with 200 critical ones", m.Incident, m.Severity)
			}
		}
	})

	each(t, open, "a storm of joins does not hold up the start", func(w *world) {
		w.waits("ab-1", 1)
		ctx, stop := context.WithCancel(context.Background())
		var joined atomic.Int64
		var done sync.WaitGroup
		for j := range 8 {
			done.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					w.decide("ab-1", func(read gate.Case) gate.Change { return joins(read, w.in(n*8+j)) })
					joined.Add(1)
				}
			})
		}
		tries := 0
		for joined.Load() < 50 {
			time.Sleep(time.Millisecond)
		}
		for started := false; !started; tries++ {
			read := w.caseNow("ab-1")
			for at := joined.Load(); joined.Load() < at+10; { // ten joins come in between
				time.Sleep(time.Millisecond)
			}
			c := writes(read, moved(read, gate.Starting))
			c.Cases[0].Facts.Firing = gate.SomeFire
			err := w.try(c)
			if err != nil && !errors.Is(err, ledger.ErrConflict) {
				w.Errorf("the start: %v", err)
				break
			}
			started = err == nil
		}
		at := joined.Load()
		for joined.Load() < at+10 { // and they go on after it
			time.Sleep(time.Millisecond)
		}
		stop()
		done.Wait()
		if tries != 1 {
			w.Errorf("the start took %d tries, want 1", tries)
		}
		if c := w.caseNow("ab-1"); c.State != gate.Starting || c.Joined != int(joined.Load()) || c.Firing != 1+c.Joined {
			w.Errorf("the case is %s with joined %d, firing %d, after %d joins", c.State, c.Joined, c.Firing, joined.Load())
		}
	})

	each(t, open, "the last recovery or the start, never both", func(w *world) {
		for i := range 30 {
			id := fmt.Sprintf("ab-%d", i)
			read := w.waits(id, 1)
			start := writes(read, moved(read, gate.Starting))
			start.Cases[0].Facts.Firing = gate.SomeFire
			end := writes(read, moved(read, gate.Ended))
			end.Cases[0].Now.Firing--
			end.Cases[0].Facts.Firing = gate.OneFires
			won := w.contest(2, func(k int) gate.Change { return []gate.Change{start, end}[k] })
			c := w.caseNow(id)
			if want := []gate.State{gate.Starting, gate.Ended}[won]; c.State != want || c.Firing != 1-won {
				w.Fatalf("the case is %s with %d firing, won by %d", c.State, c.Firing, won)
			}
		}
	})
}

// contest commits n changes at once and gives the one that was taken; the others must conflict.
func (w *world) contest(n int, change func(int) gate.Change) int {
	w.Helper()
	begin := make(chan struct{})
	errs := make([]error, n)
	var done sync.WaitGroup
	for i := range n {
		c := change(i)
		done.Go(func() {
			<-begin
			errs[i] = w.try(c)
		})
	}
	close(begin)
	done.Wait()
	won := -1
	for i, err := range errs {
		switch {
		case err == nil && won < 0:
			won = i
		case err == nil:
			w.Fatalf("%d and %d have both won", won, i)
		case !errors.Is(err, ledger.ErrConflict):
			w.Fatalf("%d: %v", i, err)
		}
	}
	if won < 0 {
		w.Fatal("nobody has won")
	}
	return won
}

// taken commits a change that nobody may stand in the way of. It may run beside others.
func (w *world) taken(c gate.Change) {
	if err := w.try(c); err != nil {
		w.Errorf("the change is not taken: %v", err)
	}
}

// decide reads a case, decides on it and commits, until nobody comes in between. It may run beside others.
func (w *world) decide(id string, change func(gate.Case) gate.Change) {
	for {
		v, err := w.Ledger.LookCase(context.Background(), id, agent, w.now)
		if err != nil {
			w.Errorf("LookCase: %v", err)
			return
		}
		if err = w.try(change(v.Cases[id])); err == nil {
			return
		}
		if !errors.Is(err, ledger.ErrConflict) {
			w.Errorf("Commit: %v", err)
			return
		}
	}
}

// best keeps as many members as a case keeps, the most severe first.
func best(members []gate.Member) []gate.Member {
	members = sorted(members)
	return members[:min(len(members), gate.MaxMembers)]
}
