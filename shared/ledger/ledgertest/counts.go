package ledgertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// testCounts: what joins and recoveries count is written as a difference, and what the state machine decides as a
// whole under its version.
func testCounts(t *testing.T, open func(*testing.T) Harness) {
	each(t, open, "two joins of one read both count", func(w *world) {
		for _, row := range []struct {
			name        string
			first, then int // seconds of their notifications
			want        int
		}{
			{"in order", -20, -10, -10},
			{"the later one first: last only grows", -10, -20, -10},
			{"at the same time", -10, -10, -10},
			{"neither is later than what is stored", -70, -80, -60},
		} {
			id := "ab-" + row.name
			read := w.waits(id, 3)
			w.commit(joins(read, w.in(row.first), memberOf(2, alert.Low, w.in(row.first))))
			w.commit(joins(read, w.in(row.then), memberOf(3, alert.Low, w.in(row.then))))
			c := w.caseNow(id)
			if c.Firing != 5 || c.Joined != 2 || len(c.Members) != 2 || !c.Last.Equal(w.in(row.want)) {
				w.Errorf("%s: firing %d, joined %d, %d members, last %v; want 5, 2, 2, %v",
					row.name, c.Firing, c.Joined, len(c.Members), c.Last, w.in(row.want))
			}
			if c.Version != read.Version {
				w.Errorf("%s: a join has raised the version to %d", row.name, c.Version)
			}
		}
	})

	each(t, open, "a case that never had a last notification gets one", func(w *world) {
		c := w.newCase("ab-1")
		c.Last = time.Time{}
		w.commit(opens(c))
		read := w.caseNow("ab-1")
		w.commit(joins(read, w.in(-10)))
		w.commit(joins(read, w.in(-20)))
		if c := w.caseNow("ab-1"); !c.Last.Equal(w.in(-10)) || c.Joined != 2 {
			w.Errorf("last %v, joined %d", c.Last, c.Joined)
		}
	})

	each(t, open, "services are a set that joins add to, and that nobody takes from", func(w *world) {
		tells := func(read gate.Case, services ...string) gate.Change {
			c := joins(read, w.in(-10))
			c.Cases[0].Now.Services = services
			return c
		}
		c := w.newCase("ab-1")
		c.Services = []string{"search", "cart", "search"}
		w.commit(opens(c))
		read := w.caseNow("ab-1")
		w.same("the services of the opening", read.Services, []string{"cart", "search"})
		w.commit(tells(read, "cart", "search", "checkout", "checkout", "決済"))
		w.commit(tells(read, "admin", "cart", "checkout", "search")) // one of them is there by now
		w.commit(joins(read, w.in(-5)))                              // one that adds none
		c = w.caseNow("ab-1")
		w.same("the services", c.Services, []string{"admin", "cart", "checkout", "search", "決済"})
		if c.Joined != 3 || c.Version != 1 {
			w.Errorf("joined %d, version %d; want 3, 1", c.Joined, c.Version)
		}
		plain := w.waits("ab-2", 1) // and one that has none yet
		w.commit(tells(plain, "cart"))
		w.same("the services of a plain case", w.caseNow("ab-2").Services, []string{"cart"})
	})

	each(t, open, "joins of one read that find room for a service each", func(w *world) {
		c := w.newCase("ab-1")
		for i := range gate.MaxServices - 1 {
			c.Services = append(c.Services, fmt.Sprintf("s-%03d", i))
		}
		w.commit(opens(c))
		read := w.caseNow("ab-1")
		for _, name := range []string{"x-1", "x-2", "x-3"} {
			add := joins(read, w.in(-10))
			add.Cases[0].Now.Services = append(slices.Clone(read.Services), name)
			w.commit(add)
		}
		read = w.caseNow("ab-1")
		if len(read.Services) != gate.MaxServices+2 {
			w.Fatalf("%d services are kept, want %d", len(read.Services), gate.MaxServices+2)
		}
		w.commit(joins(read, w.in(-5))) // what is beyond the bound stands in nobody's way
		turned := joins(read, w.in(-4))
		slices.Reverse(turned.Cases[0].Now.Services)
		turned.Cases[0].Read = w.caseNow("ab-1")
		w.commit(turned)
	})

	each(t, open, "the gap is set where it differs: of two joins of one read the later commit's stays", func(w *world) {
		tells := func(read gate.Case, gap time.Duration) gate.Change {
			c := joins(read, w.in(-10))
			c.Cases[0].Now.Gap = gap
			return c
		}
		read := w.waits("ab-1", 1)
		for _, step := range []struct {
			name      string
			read      gate.Case
			gap, want time.Duration
		}{
			{"the first", read, 10 * time.Minute, 10 * time.Minute},
			{"a longer one that knew of none", read, time.Hour, time.Hour},
			{"a shorter one that knew of none", read, 5 * time.Minute, 5 * time.Minute},
			{"one that knew of none and saw none", read, 0, 5 * time.Minute},
			{"less than a millisecond", read, 999_999, 5 * time.Minute},
			{"none any more", gate.Case{}, 0, 0},
		} {
			if step.read.ID == "" {
				step.read = w.caseNow("ab-1")
			}
			w.commit(tells(step.read, step.gap))
			if c := w.caseNow("ab-1"); c.Gap != step.want || c.Version != 1 {
				w.Errorf("%s: the gap is %v at version %d, want %v at 1", step.name, c.Gap, c.Version, step.want)
			}
		}
	})

	each(t, open, "steps and the hand belong to the decision", func(w *world) {
		read := w.waits("ab-1", 1)
		now := read
		now.Hand = gate.Order{By: "aiko", Reason: "the customer calls", At: w.now}
		now.Steps, now.Version = []gate.Step{{At: w.now, Text: "wanted by hand"}}, 2
		w.commit(joins(read, w.in(-10)))
		w.commit(writes(read, now))
		want := now
		want.Firing, want.Joined, want.Last = 2, 1, w.in(-10)
		w.same("the case", w.caseNow("ab-1"), want)
		now = moved(want, gate.Starting)
		now.Steps = append(slices.Clone(now.Steps), gate.Step{At: w.in(1), Text: "started"})
		w.commit(writes(want, now))
		w.same("the case when it has started", w.caseNow("ab-1"), now)
	})

	each(t, open, "a join and a recovery of one read", func(w *world) {
		read := w.waits("ab-1", 2)
		w.commit(recovers(read))
		w.commit(joins(read, w.in(-10)))
		w.commit(recovers(read))
		if c := w.caseNow("ab-1"); c.Firing != 1 || c.Joined != 1 {
			w.Errorf("firing %d, joined %d; want 1, 1", c.Firing, c.Joined)
		}
	})

	each(t, open, "a start keeps what has joined since it was read", func(w *world) {
		read := w.waits("ab-1", 1)
		w.commit(joins(read, w.in(-10), memberOf(2, alert.Low, w.in(-10))))
		w.commit(joins(read, w.in(-20), memberOf(3, alert.Low, w.in(-20))))
		now := moved(read, gate.Starting)
		w.commit(writes(read, now))
		want := now
		want.Firing, want.Joined, want.Last = 3, 2, w.in(-10)
		want.Members = []gate.Member{memberOf(3, alert.Low, w.in(-20)), memberOf(2, alert.Low, w.in(-10))}
		w.same("the case", w.caseNow("ab-1"), want)
	})

	each(t, open, "a decision and a count in one write", func(w *world) {
		read := w.waits("ab-1", 1) // an alert that raises the severity and joins
		w.commit(joins(read, w.in(-10)))
		now := read
		now.Severity, now.Version = alert.Critical, read.Version+1
		now.Firing, now.Joined = read.Firing+1, read.Joined+1
		w.commit(writes(read, now))
		c := w.caseNow("ab-1")
		if c.Severity != alert.Critical || c.Version != 2 || c.Firing != 3 || c.Joined != 2 {
			w.Errorf("severity %v, version %d, firing %d, joined %d; want CRITICAL, 2, 3, 2", c.Severity, c.Version, c.Firing, c.Joined)
		}
	})

	each(t, open, "the recovery that ends a waiting case", func(w *world) {
		read := w.waits("ab-1", 1)
		c := writes(read, moved(read, gate.Ended))
		c.Cases[0].Now.Firing--
		c.Cases[0].Facts.Firing = gate.OneFires
		w.commit(c)
		if c := w.caseNow("ab-1"); c.State != gate.Ended || c.How != gate.EndRecovered || c.Firing != 0 {
			w.Errorf("got %+v", c)
		}
	})

	each(t, open, "a condition writes nothing", func(w *world) {
		read := w.waits("ab-1", 1)
		c := writes(read, read)
		c.At = w.in(3600) // nor does it prolong the case's life, which the test "life" would notice
		c.Delivery = w.delivery("d-1")
		w.commit(c)
		w.same("the case", w.caseNow("ab-1"), read)
	})

	each(t, open, "two cases in one change", func(w *world) {
		one, two := w.waits("ab-1", 1), w.waits("ab-2", 1)
		c := recovers(one)
		c.Cases = append(c.Cases, joins(two, w.in(-1)).Cases...)
		w.commit(c)
		if a, b := w.caseNow("ab-1"), w.caseNow("ab-2"); a.Firing != 0 || b.Firing != 2 {
			w.Errorf("firing %d and %d; want 0 and 2", a.Firing, b.Firing)
		}
	})
}

// testMembers: a set by incident, bounded, in one order.
func testMembers(t *testing.T, open func(*testing.T) Harness) {
	each(t, open, "most severe first, then the oldest, then by incident", func(w *world) {
		c := w.newCase("ab-1")
		want := []gate.Member{
			memberOf(4, alert.High, w.in(-5)), memberOf(2, alert.Low, w.in(-9)), memberOf(1, alert.Low, w.in(-8)),
			memberOf(3, alert.Low, w.in(-8)),
		}
		c.Members = []gate.Member{want[3], want[1], want[0], want[2]}
		w.commit(opens(c))
		w.same("the members", w.caseNow("ab-1").Members, want)
	})

	each(t, open, "replaced, changed and removed", func(w *world) {
		c := w.newCase("ab-1")
		one, two, three := memberOf(1, alert.Low, w.in(-9)), memberOf(2, alert.Low, w.in(-8)), memberOf(3, alert.Low, w.in(-7))
		c.Members = []gate.Member{one, two, three}
		w.commit(opens(c))
		read := w.caseNow("ab-1")
		now := read
		worse, changed := memberOf(4, alert.High, w.in(-1)), two
		changed.Title, changed.Severity = "fires again", alert.Medium
		now.Members = []gate.Member{worse, changed, three} // one is put out
		w.commit(writes(read, now))
		w.same("the members", w.caseNow("ab-1").Members, now.Members)
		read = w.caseNow("ab-1")
		now = read
		now.Members = nil
		w.commit(writes(read, now))
		if m := w.caseNow("ab-1").Members; len(m) != 0 {
			w.Errorf("members are left: %v", m)
		}
	})

	each(t, open, "more joins of one read than there is room", func(w *world) {
		read := w.waits("ab-1", 1)
		taken := 0
		for i := range 3 * gate.MaxMembers {
			if w.try(joins(read, w.in(i), memberOf(i+2, alert.Low, w.in(i)))) == nil {
				taken++
			}
		}
		c := w.caseNow("ab-1")
		if taken != gate.MaxMembers || len(c.Members) != gate.MaxMembers || c.Joined != taken || c.Firing != 1+taken {
			w.Errorf("%d taken, %d members, joined %d, firing %d; want %d, %[5]d, %[5]d, %d",
				taken, len(c.Members), c.Joined, c.Firing, gate.MaxMembers, 1+gate.MaxMembers)
		}
		w.commit(joins(c, w.in(99))) // a join that does not touch a full set
		if c := w.caseNow("ab-1"); c.Joined != gate.MaxMembers+1 {
			w.Errorf("joined %d", c.Joined)
		}
	})
}
