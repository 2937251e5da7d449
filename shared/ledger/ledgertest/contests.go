package ledgertest

import (
	"context"
	"errors"
	"fmt"
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
