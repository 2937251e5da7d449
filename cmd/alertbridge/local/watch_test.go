package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// told collects what a watch says.
type told struct {
	seen  []Seen
	moved []Moved
	heard []Heard
}

func newTold() (*told, *watch) {
	t := &told{}
	return t, newWatch(func(s Seen) { t.seen = append(t.seen, s) }, func(m Moved) { t.moved = append(t.moved, m) }, func(h Heard) { t.heard = append(t.heard, h) })
}

func TestWatchSaysARequestOnceWhenBothAreDone(t *testing.T) {
	for _, row := range []struct {
		why          string
		doorIsSecond bool // dispatcher may be done before ingest has written its record
	}{{"in order", false}, {"the dispatcher is faster", true}} {
		said, w := newTold()
		w.begin("r1")
		ctx := withRequest(t.Context(), "r1")
		door := func() {
			w.logger("ingest", slog.DiscardHandler).LogAttrs(ctx, slog.LevelInfo, "delivery accepted",
				slog.Int("status", 202), slog.String("delivery", "d1"), slog.String("transition", "Triggered"))
		}
		decide := func() {
			w.logger("dispatcher", slog.DiscardHandler).LogAttrs(ctx, slog.LevelInfo, "alert decided",
				slog.String("verdict", "start"), slog.String("reason", "new_incident"), slog.String("case", "c1"),
				slog.String("transition", "Triggered"), slog.String("title", "T"), slog.String("outcome", "accepted"))
		}
		if row.doorIsSecond {
			decide()
			door()
		} else {
			door()
			if len(said.seen) != 0 {
				t.Errorf("%s: it speaks before there is a verdict: %+v", row.why, said.seen)
			}
			decide()
		}
		want := Seen{
			Request: "r1", Status: 202, Delivery: "d1", Decided: true, Verdict: "start", Reason: "new_incident", Case: "c1",
			Transition: "Triggered", Title: "T", Outcome: "accepted",
		}
		if len(said.seen) != 1 || said.seen[0] != want {
			t.Errorf("%s: it says %+v, want %+v", row.why, said.seen, want)
		}
		decide() // the queue delivers it once more
		if len(said.seen) != 1 {
			t.Errorf("%s: it says it again", row.why)
		}
		if s, err := w.until(t.Context(), "r1"); err != nil || s != want {
			t.Errorf("%s: until = %+v, %v", row.why, s, err)
		}
	}
}

func TestWatchIsDoneWithWhatWasNotQueued(t *testing.T) {
	said, w := newTold()
	w.begin("r1")
	w.logger("ingest", slog.DiscardHandler).LogAttrs(withRequest(t.Context(), "r1"), slog.LevelWarn, "delivery refused",
		slog.Int("status", 401), slog.String("delivery", ""), slog.String("reason", "unauthenticated"), slog.String("says", "Send the token."))
	if len(said.seen) != 1 || said.seen[0].Status != 401 || said.seen[0].Refused != "unauthenticated" || said.seen[0].Says != "Send the token." {
		t.Errorf("it says %+v", said.seen)
	}
}

func TestWatchTellsOfTroubleAndThenOfTheVerdict(t *testing.T) {
	said, w := newTold()
	w.begin("r1")
	ctx := withRequest(t.Context(), "r1")
	w.update("r1", func(s *Seen) { s.Status, s.Delivery = 202, "d1" })
	log := w.logger("dispatcher", slog.DiscardHandler)
	for range 2 { // the same trouble again is no news
		log.LogAttrs(ctx, slog.LevelError, "message has no verdict", slog.String("error", "the ledger is away"))
	}
	if len(said.seen) != 1 || said.seen[0].Trouble != "the ledger is away" || said.seen[0].Decided {
		t.Errorf("it says %+v", said.seen)
	}
	waiting, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := w.until(waiting, "r1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("until = %v, want to wait for the verdict", err)
	}
	log.LogAttrs(ctx, slog.LevelInfo, "alert decided", slog.String("verdict", "drop"), slog.String("reason", "warn"))
	if len(said.seen) != 2 || !said.seen[1].Decided || said.seen[1].Trouble != "" {
		t.Errorf("it says %+v", said.seen)
	}
}

func TestWatchSeesTicks(t *testing.T) {
	said, w := newTold()
	log := w.logger("scheduler", slog.DiscardHandler)
	log.LogAttrs(t.Context(), slog.LevelInfo, "case moved on", slog.String("case", "c1"), slog.String("did", "starts"),
		slog.String("from", "waiting"), slog.String("to", "starting"), slog.String("title", "T"), slog.String("outcome", "accepted"))
	log.LogAttrs(t.Context(), slog.LevelInfo, "tick", slog.Int("due", 1))
	if len(said.moved) != 1 || said.moved[0] != (Moved{Case: "c1", Did: "starts", From: "waiting", To: "starting", Title: "T", Outcome: "accepted"}) {
		t.Errorf("it says %+v", said.moved)
	}
}

// What the Agent's events and its API have told is said with what is known of the case by then.
func TestWatchHearsOfTheAgentsWork(t *testing.T) {
	said, w := newTold()
	w.look = func(id string) string { return "what is known of " + id }
	log := w.logger("outcome", slog.DiscardHandler)
	log.LogAttrs(t.Context(), slog.LevelInfo, "event taken in", slog.String("case", "c1"), slog.String("did", "confirms"),
		slog.String("from", "in_doubt"), slog.String("to", "started"), slog.String("status", "in_progress"))
	log.LogAttrs(t.Context(), slog.LevelInfo, "event taken in", slog.String("case", "c1"), slog.String("did", "")) // it was known
	log.LogAttrs(t.Context(), slog.LevelInfo, "event is about no case", slog.String("skipped", "not_ours"))
	want := Heard{Case: "c1", Status: "in_progress", From: "in_doubt", To: "started", Confirms: true, Work: "what is known of c1"}
	if len(said.heard) != 1 || said.heard[0] != want {
		t.Errorf("it says %+v, want %+v", said.heard, want)
	}
	w.logger("scheduler", slog.DiscardHandler).LogAttrs(t.Context(), slog.LevelError, "case moved on", slog.String("case", "c2"),
		slog.String("did", "misses"), slog.String("from", "started"), slog.String("to", "started"), slog.String("title", "T"))
	if len(said.moved) != 1 || said.moved[0].Work != "what is known of c2" {
		t.Errorf("it says %+v", said.moved)
	}
}

func TestWatchForgetsTheOldest(t *testing.T) {
	_, w := newTold()
	for i := range maxSeen + 1 {
		id := fmt.Sprint("r", i)
		w.begin(id)
		w.update(id, func(s *Seen) { s.Status, s.Delivery = 202, fmt.Sprint("d", i) })
	}
	if _, there := w.get("d0", ""); there {
		t.Error("the first request is still there")
	}
	if s, there := w.get("d1", ""); !there || s.Request != "r1" {
		t.Errorf("the second is %+v, %t", s, there)
	}
	if len(w.seen) != maxSeen || len(w.wait) != maxSeen || len(w.latest) != maxSeen || len(w.order) != maxSeen {
		t.Errorf("%d, %d, %d, %d are kept", len(w.seen), len(w.wait), len(w.latest), len(w.order))
	}
}

func TestWatchHandsRecordsOn(t *testing.T) {
	out := &buffer{}
	_, w := newTold()
	log := w.logger("ingest", slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelWarn})).With("a", 1).WithGroup("g")
	log.Info("not this")
	log.Warn("but this", "b", 2)
	if got := out.String(); !contains(got, `msg="but this" a=1 g.b=2`) || contains(got, "not this") {
		t.Errorf("the next handler got %s", got)
	}
}

func TestAMessageLeadsBackToItsRequest(t *testing.T) {
	got := ""
	h := (&bridge{pace: newPace(1)}).traced(func(ctx context.Context, _ events.SQSEvent) (events.SQSEventResponse, error) {
		got, _ = ctx.Value(requestKey{}).(string)
		return events.SQSEventResponse{}, nil
	})
	body := `{"v":1,"kind":"unreadable","delivery":"raw-1","received":"2026-11-03T10:00:00Z","request_id":"r1","unreadable":{}}`
	for _, row := range []struct {
		body, want string
	}{{body, "r1"}, {"garbage", ""}} {
		got = "nobody"
		if _, err := h(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{Body: row.body}}}); err != nil || got != row.want {
			t.Errorf("%s: request %q, %v, want %q", row.body, got, err, row.want)
		}
	}
}
