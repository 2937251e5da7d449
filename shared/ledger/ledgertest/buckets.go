package ledgertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// testBuckets: what the tick is told of, in its order and its bounds, and what the operator can list.
func testBuckets(t *testing.T, open func(*testing.T) Harness) {
	each(t, open, "waiting cases: the most severe first, then the oldest", func(w *world) {
		for _, row := range []struct {
			id       string
			severity alert.Severity
			opened   int // seconds
		}{
			{"ab-low-old", alert.Low, -500},
			{"ab-critical-new", alert.Critical, -1},
			{"ab-high", alert.High, -300},
			{"ab-low-new", alert.Low, -400},
			{"ab-critical-old", alert.Critical, -2},
			{"ab-minimal", alert.Minimal, -900},
		} {
			c := w.newCase(row.id)
			c.Severity, c.Opened, c.Until = row.severity, w.in(row.opened), w.in(9999) // until does not matter here
			w.commit(opens(c))
		}
		w.due(w.now, "ab-critical-old", "ab-critical-new", "ab-high", "ab-low-old", "ab-low-new", "ab-minimal")
		read := w.caseNow("ab-low-new") // a join can raise it
		now := read
		now.Severity, now.Version = alert.Critical, read.Version+1
		w.commit(writes(read, now))
		w.due(w.now, "ab-low-new", "ab-critical-old", "ab-critical-new", "ab-high", "ab-low-old", "ab-minimal")
	})

	each(t, open, "timed cases: only those whose time has come, the longest overdue first, before those that wait", func(w *world) {
		for _, row := range []struct {
			id    string
			until int
			to    []gate.State
		}{
			{"ab-starting-over", -10, []gate.State{gate.Starting}},
			{"ab-starting", +10, []gate.State{gate.Starting}},
			{"ab-doubt-over", -30, []gate.State{gate.Starting, gate.InDoubt}},
			{"ab-doubt", +30, []gate.State{gate.Starting, gate.InDoubt}},
			{"ab-started-over", -20, []gate.State{gate.Starting, gate.Started}},
			{"ab-started", +20, []gate.State{gate.Starting, gate.Started}},
			{"ab-started-now", 0, []gate.State{gate.Starting, gate.Started}},
		} {
			c := w.newCase(row.id)
			c.Until = w.in(row.until).Add(-gate.Lease)
			w.commit(opens(c))
			w.moves(w.caseNow(row.id), row.to...)
		}
		w.waits("ab-waits", 1)
		w.due(w.now, "ab-doubt-over", "ab-started-over", "ab-starting-over", "ab-started-now", "ab-waits")
		w.due(w.in(20), "ab-doubt-over", "ab-started-over", "ab-starting-over", "ab-started-now", "ab-starting", "ab-started", "ab-waits")
		w.due(w.now.Add(-time.Millisecond), "ab-doubt-over", "ab-started-over", "ab-starting-over", "ab-waits")
	})

	each(t, open, "a case leaves the tick's sight when nothing more is to be done, and comes back", func(w *world) {
		resting := w.moves(w.waits("ab-resting", 1), gate.Starting, gate.InDoubt)
		now := resting
		now.Resting, now.Version = true, resting.Version+1
		w.commit(writes(resting, now))
		w.moves(w.waits("ab-refused", 1), gate.Starting, gate.Refused)
		w.moves(w.waits("ab-ended", 1), gate.Ended)
		w.moves(w.waits("ab-assumed", 1), gate.Starting, gate.Started, gate.Ended)
		w.due(w.in(99999))
		for b, ids := range map[gate.Bucket][]string{
			gate.Doubtful: {"ab-resting"}, gate.Declined: {"ab-refused"}, gate.Closed: {"ab-ended", "ab-assumed"}, gate.Queue: nil,
			gate.Timed: nil,
		} {
			w.soon(func() error { return w.listed(b, w.now, ids...) })
		}
		resting = w.caseNow("ab-resting")
		now = joins(resting, w.in(1)).Cases[0].Now // something of it fires again
		now.Resting, now.Version = false, resting.Version+1
		w.commit(writes(resting, now))
		w.moves(w.caseNow("ab-refused"), gate.Starting) // by hand
		w.due(w.in(99999), "ab-resting", "ab-refused")
		w.soon(func() error { return w.listed(gate.Doubtful, w.now) })
	})

	each(t, open, "a refused case that somebody wants started is due, and one that ends while observed is not", func(w *world) {
		refused := w.moves(w.waits("ab-refused", 1), gate.Starting, gate.Refused)
		w.due(w.in(99999))
		now := refused
		now.Hand, now.Version = gate.Order{By: "aiko", Reason: "mended the message", At: w.now}, refused.Version+1
		w.commit(writes(refused, now))
		w.due(w.in(99999), "ab-refused")
		w.soon(func() error { return w.listed(gate.Declined, w.now) })
		w.soon(func() error { return w.listed(gate.Timed, w.now, "ab-refused") })
		shadow := w.newCase("ab-shadow")
		shadow.Shadow = true
		w.commit(opens(shadow))
		w.due(w.in(99999), "ab-refused", "ab-shadow")
		now = moved(w.caseNow("ab-shadow"), gate.Ended)
		now.How = gate.EndObserved
		w.commit(writes(w.caseNow("ab-shadow"), now))
		w.due(w.in(99999), "ab-refused")
		w.soon(func() error { return w.listed(gate.Closed, w.now, "ab-shadow") })
	})

	each(t, open, "no more of each than can be asked for", func(w *world) {
		var want []string
		for i := range ledger.MaxDue + 5 {
			c := w.newCase(fmt.Sprintf("ab-t%03d", i))
			c.State, c.Why, c.Attempt, c.Until = gate.Starting, "", 1, w.in(i-2*ledger.MaxDue)
			w.commit(opens(c))
			want = append(want, c.ID)
		}
		want = want[:ledger.MaxDue]
		for i := range ledger.MaxDue + 5 {
			c := w.newCase(fmt.Sprintf("ab-w%03d", i))
			c.Opened = w.in(i - 2*ledger.MaxDue)
			w.commit(opens(c))
			want = append(want, c.ID)
		}
		w.due(w.now, want[:2*ledger.MaxDue]...)
	})

	each(t, open, "one Agent's cases only", func(w *world) {
		c := w.newCase("ab-1")
		c.Agent = "other"
		w.commit(opens(c))
		w.waits("ab-2", 1)
		w.due(w.now, "ab-2")
		w.soon(func() error { return w.listed(gate.Queue, w.now, "ab-2") })
	})

	each(t, open, "a bucket page by page", func(w *world) {
		var want []string
		for i := range 23 {
			c := w.newCase(fmt.Sprintf("ab-%02d", i))
			c.Opened = w.in(i)
			c.Members = []gate.Member{memberOf(2, alert.Low, w.in(-1))}
			w.commit(opens(c))
			want = append(want, c.ID)
		}
		for _, row := range []struct {
			limit int
			pages []int
		}{
			{7, []int{7, 7, 7, 2}},
			{23, []int{23}}, // no empty page at the end
			{24, []int{23}},
			{1, slices.Repeat([]int{1}, 23)},
			{0, []int{23}}, // as many as a page can hold
			{ledger.MaxPage + 1, []int{23}},
		} {
			w.soon(func() error {
				var ids []string
				var pages []int
				for from := ""; ; {
					page, next, err := w.Lister.List(w.Context(), agent, gate.Queue, row.limit, from, w.now)
					if err != nil {
						return err
					}
					pages = append(pages, len(page))
					for _, c := range page {
						ids = append(ids, c.ID)
						if len(c.Members) != 1 || c.Title != "CPU is high" {
							return fmt.Errorf("a case is listed as %+v", c)
						}
					}
					if from = next; from == "" {
						break
					}
				}
				if !slices.Equal(ids, want) || !slices.Equal(pages, row.pages) {
					return fmt.Errorf("with limit %d, pages of %v: %v; want pages of %v: %v", row.limit, pages, ids, row.pages, want)
				}
				return nil
			})
		}
	})
}

// due fails unless these cases are due, in this order.
func (w *world) due(now time.Time, want ...string) {
	w.Helper()
	w.soon(func() error {
		ids, err := w.Ledger.Due(w.Context(), agent, now)
		if err == nil && !slices.Equal(ids, want) {
			err = fmt.Errorf("due are\n %v, want\n %v", ids, want)
		}
		return err
	})
}

// listed tells what is wrong unless these cases are in a bucket, in any order.
func (w *world) listed(b gate.Bucket, now time.Time, want ...string) error {
	page, next, err := w.Lister.List(w.Context(), agent, b, 0, "", now)
	if err != nil {
		return err
	}
	var ids []string
	for _, c := range page {
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	slices.Sort(want)
	if !slices.Equal(ids, want) || next != "" {
		return fmt.Errorf("bucket %s holds %v, next %q; want %v", b, ids, next, want)
	}
	return nil
}

func sorted(members []gate.Member) []gate.Member {
	list := slices.Clone(members)
	slices.SortFunc(list, ledger.CompareMembers)
	return list
}
