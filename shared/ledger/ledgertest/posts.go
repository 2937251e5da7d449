package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// testPosts: what happened is noted once and never lost, whoever settles meanwhile; and noting it is in nobody's way.
func testPosts(t *testing.T, open func(*testing.T) Harness) {
	each(t, open, "one that is not there", func(w *world) {
		w.same("it", w.post("ab-1", w.now), gate.Post{})
		w.posts(w.now)
	})

	each(t, open, "noted twice, each moment keeps its first time", func(w *world) {
		w.commit(happens(w.in(0), "ab-1", gate.Waits))
		w.commit(happens(w.in(60), "ab-1", gate.Waits, gate.WasStarted))
		w.commit(happens(w.in(120), "ab-1", gate.WasStarted, gate.Waits))
		w.same("the post", w.post("ab-1", w.now), gate.Post{
			ID: "ab-1", Agent: agent, Until: w.in(120), Version: 3,
			Happened: []gate.Happened{{Moment: gate.Waits, At: w.in(0)}, {Moment: gate.WasStarted, At: w.in(60)}},
		})
	})

	each(t, open, "several at once, in the order in which a case can meet them", func(w *world) {
		all := gate.Moments()
		backwards := slices.Clone(all)
		slices.Reverse(backwards)
		w.commit(happens(w.now, "ab-1", append(backwards, backwards[0])...))
		var want []gate.Happened
		for _, m := range all {
			want = append(want, gate.Happened{Moment: m, At: w.now})
		}
		w.same("what happened", w.post("ab-1", w.now).Happened, want)
	})

	each(t, open, "two posts in one change", func(w *world) {
		c := happens(w.now, "ab-1", gate.Waits)
		c.Posts = append(c.Posts, gate.PostWrite{ID: "ab-2", Agent: agent, Moments: []gate.Moment{gate.HasEnded}})
		c.Told = &gate.ToldWrite{Now: gate.Post{ID: gate.AgentPost(agent), Agent: agent, Until: w.now, Version: 1}}
		w.commit(c)
		w.same("the first", w.post("ab-1", w.now).Happened, []gate.Happened{{Moment: gate.Waits, At: w.now}})
		w.same("the second", w.post("ab-2", w.now).Happened, []gate.Happened{{Moment: gate.HasEnded, At: w.now}})
		w.posts(w.now, "ab-1", "ab-2", gate.AgentPost(agent))
	})

	each(t, open, "what comes after it was over opens it again", func(w *world) {
		w.commit(happens(w.now, "ab-1", gate.WasStarted))
		over := settled(w.post("ab-1", w.now), w.in(10))
		over.Over, over.Tries, over.Until = true, 3, w.in(999)
		w.commit(tells(w.in(10), over))
		w.same("the post that is over", w.post("ab-1", w.now), over)
		w.posts(w.in(9999))
		w.commit(happens(w.in(20), "ab-1", gate.HasEnded))
		want := over
		want.Over, want.Until, want.Version = false, w.in(20), 3
		want.Happened = append(slices.Clone(over.Happened), gate.Happened{Moment: gate.HasEnded, At: w.in(20)})
		w.same("the post that is open again", w.post("ab-1", w.now), want)
		w.posts(w.in(19))
		w.posts(w.in(20), "ab-1")
	})

	each(t, open, "a moment that is noted already opens it again too", func(w *world) {
		w.commit(happens(w.now, "ab-1", gate.Waits))
		over := settled(w.post("ab-1", w.now), w.now)
		over.Over = true
		w.commit(tells(w.now, over))
		w.commit(happens(w.in(60), "ab-1", gate.Waits))
		w.posts(w.in(60), "ab-1")
		w.same("when it happened", w.post("ab-1", w.now).Happened, over.Happened)
	})

	each(t, open, "settled on what has changed since", func(w *world) {
		w.commit(happens(w.now, "ab-1", gate.Waits))
		read := w.post("ab-1", w.now)
		w.commit(happens(w.in(1), "ab-1", gate.WasStarted))
		w.conflict(tells(w.in(2), settled(read, w.in(2))))
		w.same("what happened", w.post("ab-1", w.now).Happened, []gate.Happened{
			{Moment: gate.Waits, At: w.now}, {Moment: gate.WasStarted, At: w.in(1)},
		})
		read = w.post("ab-1", w.now)
		w.commit(tells(w.in(2), settled(read, w.in(2))))
		w.conflict(tells(w.in(3), settled(read, w.in(3)))) // the same one again
		w.same("what was told", w.post("ab-1", w.now), settled(read, w.in(2)))
	})

	each(t, open, "settled where none is there", func(w *world) {
		p := gate.Post{ID: gate.AgentPost(agent), Agent: agent, Until: w.in(30), Version: 1, Happened: []gate.Happened{{Moment: "down", At: w.now}}}
		w.commit(tells(w.now, p))
		w.same("the post", w.post(p.ID, w.now), p)
		w.conflict(tells(w.now, p))
		p.Version = 4
		p.ID = "ab-none"
		w.conflict(tells(w.now, p))
		w.same("the one that is not there", w.post("ab-none", w.now), gate.Post{})
	})

	each(t, open, "it keeps exactly what is settled", func(w *world) {
		w.commit(happens(w.now, "ab-1", gate.Waits, gate.WasStarted))
		p := w.post("ab-1", w.now)
		p.Happened, p.Version = p.Happened[:1], 2
		w.commit(tells(w.now, p))
		w.same("the post", w.post("ab-1", w.now), p)
	})

	each(t, open, "those that are due: the longest first, an Agent's own, none before its time", func(w *world) {
		other := happens(w.in(-99), "ab-other", gate.Waits)
		other.Posts[0].Agent = "other"
		w.commit(other)
		for _, row := range []struct {
			id    string
			until int
			over  bool
		}{
			{"ab-c", -10, false},
			{"ab-b", -10, false},
			{"ab-late", 10, false},
			{"ab-a", -5, false},
			{"ab-first", -30, false},
			{"ab-over", -40, true},
			{"ab-now", 0, false},
			{gate.AgentPost(agent), -20, false},
		} {
			w.commit(tells(w.now, gate.Post{ID: row.id, Agent: agent, Until: w.in(row.until), Over: row.over, Version: 1}))
		}
		due := []string{"ab-first", gate.AgentPost(agent), "ab-b", "ab-c", "ab-a", "ab-now"}
		w.posts(w.now, due...)
		w.posts(w.now.Add(-time.Millisecond), due[:5]...)
		w.posts(w.in(10), append(due, "ab-late")...)
		w.waits("ab-case", 1) // and no case is among them, nor a post among the cases
		w.posts(w.in(10), append(due, "ab-late")...)
		w.due(w.in(10), "ab-case")
	})

	each(t, open, "no more than can be asked for", func(w *world) {
		var want []string
		for i := range ledger.MaxDue + 5 {
			id := fmt.Sprintf("ab-%03d", i)
			w.commit(happens(w.in(i-2*ledger.MaxDue), id, gate.Waits))
			want = append(want, id)
		}
		w.posts(w.now, want[:ledger.MaxDue]...)
	})

	each(t, open, "those that are listed: what is untold, whenever it is due, and what was given up since", func(w *world) {
		gaveUp := []gate.Told{{Target: "datadog", Moment: gate.Waits, As: gate.GivenUp, At: w.now, Words: "denied"}}
		told := []gate.Told{{Target: "datadog", Moment: gate.Waits, As: gate.WasTold, At: w.now}}
		late := []gate.Told{{Target: "pagerduty", Moment: gate.Waits, At: w.in(-9), Words: "away"}}
		all := map[string]gate.Post{}
		for _, p := range []gate.Post{
			{ID: "ab-late", Until: w.in(999), Told: gaveUp, Late: late},
			{ID: "ab-due", Until: w.in(-5)},
			{ID: gate.AgentPost(agent), Until: w.in(-7), Late: late},
			{ID: "ab-told", Until: w.in(-1), Told: told, Over: true},
			{ID: "ab-given", Until: w.in(-10), Told: append(told, gaveUp...), Over: true},
			{ID: "ab-earlier", Until: w.in(-20), Told: gaveUp, Over: true},
			{ID: "ab-before", Until: w.in(-21), Told: gaveUp, Over: true},
			{ID: "ab-again", Until: w.in(-10), Told: gaveUp, Over: true},
		} {
			p.Agent, p.Version = agent, 1
			w.commit(tells(w.now, p))
			all[p.ID] = p
		}
		other := gate.Post{ID: "ab-other", Agent: "other", Until: w.in(-5), Version: 1}
		w.commit(tells(w.now, other))
		w.waits("ab-case", 1)
		w.commit(happens(w.in(-6), "ab-again", gate.HasEnded)) // it is not over any more
		again := all["ab-again"]
		again.Over, again.Until, again.Version = false, w.in(-6), 2
		again.Happened = []gate.Happened{{Moment: gate.HasEnded, At: w.in(-6)}}
		w.lists("what is untold", w.Lister.Untold, []gate.Post{all[gate.AgentPost(agent)], again, all["ab-due"], all["ab-late"]}, false)
		w.lists("what was given up", w.givenUp(w.in(-20)), []gate.Post{all["ab-earlier"], all["ab-given"]}, false)
		w.lists("what was given up later", w.givenUp(w.in(-9)), nil, false)
	})

	each(t, open, "no more than a page is listed", func(w *world) {
		var untold, givenUp []gate.Post
		for i := range ledger.MaxPage + 1 {
			p := gate.Post{ID: fmt.Sprintf("ab-%03d", i), Agent: agent, Until: w.in(i), Version: 1}
			over := p
			over.ID, over.Over = over.ID+"-over", true
			over.Told = []gate.Told{{Target: "datadog", Moment: gate.Waits, As: gate.GivenUp, At: w.now}}
			w.commit(tells(w.now, p))
			w.commit(tells(w.now, over))
			untold, givenUp = append(untold, p), append(givenUp, over)
		}
		w.lists("what is untold", w.Lister.Untold, untold[:ledger.MaxPage], true)
		w.lists("what was given up", w.givenUp(w.now), givenUp[:ledger.MaxPage], true)
	})

	each(t, open, "a life of its own", func(w *world) {
		w.commit(happens(w.now, "ab-1", gate.Waits))
		last := w.now.Add(ledger.Life)
		first := last.Add(time.Second)
		if p := w.post("ab-1", last); p.Version != 1 {
			w.Fatalf("a time of life later it is %+v", p)
		}
		w.same("a second later", w.post("ab-1", first), gate.Post{})
		stale := settled(w.post("ab-1", w.now), first)
		w.conflict(tells(first, stale)) // settled on what has expired
		w.commit(happens(w.in(60), "ab-1", gate.Waits))
		if p := w.post("ab-1", first); p.Version != 2 {
			w.Fatalf("written again, it is %+v", p)
		}
	})

	each(t, open, "noted on one that has expired", func(w *world) {
		w.commit(happens(w.now, "ab-1", gate.Waits))
		later := w.now.Add(2 * ledger.Life)
		w.commit(happens(later, "ab-1", gate.HasEnded))
		got := w.post("ab-1", later).Happened // what it held is there again, unless the store has removed it
		if len(got) == 0 || got[len(got)-1] != (gate.Happened{Moment: gate.HasEnded, At: later}) {
			w.Fatalf("what happened is %+v", got)
		}
	})

	each(t, open, "settled as the first, on one that has expired", func(w *world) {
		w.commit(happens(w.now, "ab-1", gate.Waits))
		later := w.now.Add(2 * ledger.Life)
		p := gate.Post{ID: "ab-1", Agent: agent, Until: later, Version: 1}
		w.commit(tells(later, p))
		w.same("the post", w.post("ab-1", later), p)
	})

	each(t, open, "a change that is not taken notes nothing", func(w *world) {
		c := w.waits("ab-1", 1)
		w.commit(recovers(c))
		start := writes(c, moved(c, gate.Starting))
		start.Cases[0].Facts.Firing = gate.SomeFire
		start.Posts = happens(w.now, "ab-1", gate.WasStarted).Posts
		start.Told = &gate.ToldWrite{Now: gate.Post{ID: gate.AgentPost(agent), Agent: agent, Version: 1}}
		w.conflict(start)
		w.same("the case's", w.post("ab-1", w.now), gate.Post{})
		w.same("the Agent's", w.post(gate.AgentPost(agent), w.now), gate.Post{})
	})

	each(t, open, "a change whose settling is not taken writes nothing", func(w *world) {
		w.commit(happens(w.now, "ab-1", gate.Waits))
		stale := tells(w.now, gate.Post{ID: "ab-1", Agent: agent, Version: 1})
		stale.Posts = happens(w.now, "ab-2", gate.Waits).Posts
		stale.Delivery = w.delivery("d-1")
		w.conflict(stale)
		w.same("the other post", w.post("ab-2", w.now), gate.Post{})
		if d := w.look(ledger.Question{Delivery: "d-1"}).Delivery; d != nil {
			w.Fatalf("the delivery is %+v", d)
		}
	})

	each(t, open, "a post is in nobody's way, and nobody in its", func(w *world) {
		c := w.waits("ab-1", 1)
		for i := range 5 { // the case that was read stays what it was
			w.commit(happens(w.in(i), "ab-1", gate.Waits))
		}
		w.same("the case", w.caseNow("ab-1"), c)
		read := w.post("ab-1", w.now)
		w.commit(joins(c, w.in(1)))
		start := writes(c, moved(c, gate.Starting))
		start.Posts = happens(w.now, "ab-1", gate.WasStarted).Posts
		w.commit(start)
		if p := w.post("ab-1", w.now); p.Version != read.Version+1 {
			w.Fatalf("the post is at version %d, want %d", p.Version, read.Version+1)
		}
		w.commit(recovers(w.caseNow("ab-1")))
		w.commit(tells(w.now, settled(w.post("ab-1", w.now), w.now)))
	})

	each(t, open, "everything happens while somebody settles, and all is told once", func(w *world) {
		all := gate.Moments()
		begin := make(chan struct{})
		var done sync.WaitGroup
		for i, m := range all {
			opens := opens(w.newCase(fmt.Sprint("ab-", i)))
			opens.Posts = happens(w.now, "ab-all", m).Posts
			done.Go(func() {
				<-begin
				w.taken(opens)
			})
		}
		done.Go(func() {
			<-begin
			for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
				p, err := w.Outbox.Post(context.Background(), "ab-all", w.now)
				if err != nil {
					w.Errorf("Post: %v", err)
					return
				}
				now := settled(p, w.now)
				if p.Version == 0 || len(now.Told) == len(p.Told) {
					if len(p.Told) == len(all) {
						return
					}
					time.Sleep(time.Millisecond)
					continue
				}
				if err := w.try(tells(w.now, now)); err != nil && !errors.Is(err, ledger.ErrConflict) {
					w.Errorf("Commit: %v", err)
					return
				}
			}
		})
		close(begin)
		done.Wait()
		p := w.post("ab-all", w.now)
		told := map[gate.Moment]int{}
		for _, x := range p.Told {
			told[x.Moment]++
		}
		for _, m := range all {
			if told[m] != 1 {
				w.Errorf("%s was told %d times: %+v", m, told[m], p)
			}
		}
	})

	each(t, open, "thirty settle what they have read, one of them does", func(w *world) {
		w.commit(happens(w.now, "ab-1", gate.Waits))
		read := w.post("ab-1", w.now)
		won := w.contest(30, func(i int) gate.Change {
			p := settled(read, w.now)
			p.Tries = i
			return tells(w.now, p)
		})
		if p := w.post("ab-1", w.now); p.Tries != won || p.Version != 2 {
			w.Fatalf("it is %+v, and %d has won", p, won)
		}
	})

	each(t, open, "a hundred at once note what happened, none is refused", func(w *world) {
		var done sync.WaitGroup
		for i := range 100 {
			c := gate.Change{Lead: &gate.LeadWrite{Case: fmt.Sprint("ab-dropped-", i), Alert: alert.Alert{Title: "x"}}}
			c.Posts = happens(w.now, "ab-1", gate.Moments()[i%len(gate.Moments())]).Posts
			done.Go(func() { w.taken(c) })
		}
		done.Wait()
		if p := w.post("ab-1", w.now); p.Version != 100 || len(p.Happened) != len(gate.Moments()) {
			w.Fatalf("it is %+v", p)
		}
	})
}

// happens is the change that notes moments, and nothing else.
func happens(at time.Time, id string, moments ...gate.Moment) gate.Change {
	return gate.Change{At: at, Posts: []gate.PostWrite{{ID: id, Agent: agent, Moments: moments}}}
}

// tells is the change that settles a post, which was read at the version before.
func tells(at time.Time, now gate.Post) gate.Change {
	return gate.Change{At: at, Told: &gate.ToldWrite{Read: now.Version - 1, Now: now}}
}

// settled is a post with all that happened told.
func settled(p gate.Post, at time.Time) gate.Post {
	p.Told = slices.Clone(p.Told)
	for _, h := range p.Happened {
		if !slices.ContainsFunc(p.Told, func(t gate.Told) bool { return t.Moment == h.Moment }) {
			p.Told = append(p.Told, gate.Told{Target: "datadog", Moment: h.Moment, As: gate.WasTold, At: at})
		}
	}
	p.Version++
	return p
}

func (w *world) post(id string, now time.Time) gate.Post {
	w.Helper()
	p, err := w.Outbox.Post(context.Background(), id, now)
	if err != nil {
		w.Fatalf("Post: %v", err)
	}
	return p
}

// posts fails unless these posts are due, in this order.
func (w *world) posts(now time.Time, want ...string) {
	w.Helper()
	w.soon(func() error {
		ids, err := w.Outbox.Posts(w.Context(), agent, now)
		if err == nil && !slices.Equal(ids, want) {
			err = fmt.Errorf("due are\n %v, want\n %v", ids, want)
		}
		return err
	})
}

// lister is one of the lists of posts.
type lister func(ctx context.Context, agent string, now time.Time) ([]gate.Post, bool, error)

func (w *world) givenUp(since time.Time) lister {
	return func(ctx context.Context, agent string, now time.Time) ([]gate.Post, bool, error) {
		return w.Lister.GivenUp(ctx, agent, since, now)
	}
}

// lists fails unless a list comes to hold these posts, in this order.
func (w *world) lists(what string, list lister, want []gate.Post, more bool) {
	w.Helper()
	w.soon(func() error {
		got, others, err := list(w.Context(), agent, w.now)
		if err == nil && (others != more || !slices.EqualFunc(got, want, func(a, b gate.Post) bool { return reflect.DeepEqual(a, b) })) {
			err = fmt.Errorf("%s is\n %+v (more: %v), want\n %+v (more: %v)", what, got, others, want, more)
		}
		return err
	})
}
