package memqueue

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

func TestFailed(t *testing.T) {
	for _, row := range []struct {
		why    string
		answer string
		failed []string
		whole  string
	}{
		{"no answer", ``, nil, ""},
		{"null", `null`, nil, ""},
		{"an empty answer", `{}`, nil, ""},
		{"an empty list", `{"batchItemFailures":[]}`, nil, ""},
		{"a null list", `{"batchItemFailures":null}`, nil, ""},
		{"something else besides", `{"more":1}`, nil, ""},
		{"one of three", `{"batchItemFailures":[{"itemIdentifier":"b"}]}`, []string{"b"}, ""},
		{"two of three", `{"batchItemFailures":[{"itemIdentifier":"c"},{"itemIdentifier":"a","why":"x"}]}`, []string{"c", "a"}, ""},

		{"not JSON", `{`, []string{"a", "b", "c"}, "the answer is not a JSON object"},
		{"text", `"ok"`, []string{"a", "b", "c"}, "the answer is not a JSON object"},
		{"no list", `{"batchItemFailures":"b"}`, []string{"a", "b", "c"}, "batchItemFailures is not a list of objects"},
		{"a list of texts", `{"batchItemFailures":["b"]}`, []string{"a", "b", "c"}, "batchItemFailures is not a list of objects"},
		{"an empty id", `{"batchItemFailures":[{"itemIdentifier":""}]}`, []string{"a", "b", "c"}, "an item of batchItemFailures has no itemIdentifier"},
		{"a null id", `{"batchItemFailures":[{"itemIdentifier":null}]}`, []string{"a", "b", "c"}, "an item of batchItemFailures has no itemIdentifier"},
		{"a null item", `{"batchItemFailures":[null]}`, []string{"a", "b", "c"}, "an item of batchItemFailures has no itemIdentifier"},
		{"a number", `{"batchItemFailures":[{"itemIdentifier":1}]}`, []string{"a", "b", "c"}, "an item of batchItemFailures has no itemIdentifier"},
		{"another name", `{"batchItemFailures":[{"itemidentifier":"b"}]}`, []string{"a", "b", "c"}, "an item of batchItemFailures has no itemIdentifier"},
		{"an unknown id", `{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"x"}]}`, []string{"a", "b", "c"}, "an itemIdentifier is not of this batch"},
	} {
		failed, whole := Failed([]string{"a", "b", "c"}, []byte(row.answer))
		if !slices.Equal(failed, row.failed) || whole != row.whole {
			t.Errorf("%s: Failed = %v, %q, want %v, %q", row.why, failed, whole, row.failed, row.whole)
		}
	}
}

func FuzzFailed(f *testing.F) {
	f.Add([]byte(`{"batchItemFailures":[{"itemIdentifier":"b"}]}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		ids := []string{"a", "b", "c"}
		failed, whole := Failed(ids, answer)
		if whole != "" && len(failed) != len(ids) {
			t.Fatalf("%q fails all, and only %v failed", whole, failed)
		}
		for _, id := range failed {
			if !slices.Contains(ids, id) {
				t.Fatalf("%q failed, which is not of the batch", id)
			}
		}
	})
}

// failing is a handler that fails the messages whose body says so.
func failing(_ context.Context, e events.SQSEvent) (r events.SQSEventResponse, err error) {
	for _, m := range e.Records {
		switch {
		case m.Body == "fail":
			r.BatchItemFailures = append(r.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		case m.Body == "empty":
			r.BatchItemFailures = append(r.BatchItemFailures, events.SQSBatchItemFailure{})
		case m.Body == "error":
			return r, errors.New("boom")
		case m.Body == "panic":
			panic("boom")
		}
	}
	return r, nil
}

func TestStepKeepsWhatFailed(t *testing.T) {
	for _, row := range []struct {
		why    string
		bodies string
		stay   string
		whole  string
	}{
		{"all is well", "a b c", "", ""},
		{"one failed", "a fail c", "fail", ""},
		{"all failed", "fail fail", "fail fail", ""},
		{"an error fails all", "a error c", "a error c", "the handler failed: boom"},
		{"an error counts more than what failed", "fail error", "fail error", "the handler failed: boom"},
		{"a panic fails all", "a panic", "a panic", "the handler panicked: boom"},
		{"an empty identifier fails all", "a empty c", "a empty c", "an item of batchItemFailures has no itemIdentifier"},
	} {
		t.Run(row.why, func(t *testing.T) {
			clock := newClock()
			q := New(Options{Now: clock.Now, BatchSize: 10})
			for _, body := range strings.Fields(row.bodies) {
				q.Put(body, nil)
			}
			b, ok := q.Step(t.Context(), failing)
			if !ok || len(b.Event.Records) != len(strings.Fields(row.bodies)) || b.Whole != row.whole {
				t.Errorf("Step = %d records, %q, %v, want all, %q", len(b.Event.Records), b.Whole, ok, row.whole)
			}
			if n := len(strings.Fields(row.stay)); len(b.Failed) != n {
				t.Errorf("%d failed, want %d", len(b.Failed), n)
			}
			if _, again := q.Step(t.Context(), failing); again {
				t.Error("what failed came again before the visibility time-out")
			}
			clock.Add(90 * time.Second)
			var stay []string
			for _, m := range q.Receive(10) {
				stay = append(stay, m.Body)
			}
			if got := strings.Join(stay, " "); got != row.stay {
				t.Errorf("what stays is %q, want %q", got, row.stay)
			}
		})
	}
}

func TestStepTakesABatch(t *testing.T) {
	q := New(Options{BatchSize: 2})
	for range 5 {
		q.Put("a", nil)
	}
	var sizes []int
	for {
		b, ok := q.Step(t.Context(), failing)
		if !ok {
			break
		}
		sizes = append(sizes, len(b.Event.Records))
	}
	if !slices.Equal(sizes, []int{2, 2, 1}) {
		t.Errorf("batches of %v, want 2, 2 and 1", sizes)
	}
}

func TestALostDeleteBringsTheMessageAgain(t *testing.T) {
	clock := newClock()
	q := New(Options{Now: clock.Now})
	id := q.Put("a", nil)
	q.LoseDeletes(1)
	if b, _ := q.Step(t.Context(), failing); len(b.Failed) != 0 {
		t.Fatalf("failed %v", b.Failed)
	}
	clock.Add(90 * time.Second)
	b, ok := q.Step(t.Context(), failing)
	if !ok || b.Event.Records[0].MessageId != id || b.Event.Records[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Fatalf("Step = %+v, %v, want the same message a second time", b, ok)
	}
	if visible, hidden, _ := q.Counts(); visible+hidden != 0 {
		t.Error("the second delete was lost too")
	}
}

func TestAHandlerThatIsTooLateFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Options{})
		q.Put("a", nil)
		b, _ := q.Step(t.Context(), func(ctx context.Context, _ events.SQSEvent) (events.SQSEventResponse, error) {
			if until, ok := ctx.Deadline(); !ok || time.Until(until) != 30*time.Second {
				t.Errorf("the deadline is in %v, want 30s", time.Until(until))
			}
			time.Sleep(31 * time.Second) // and all went well, but nobody hears of it
			return events.SQSEventResponse{}, nil
		})
		if want := "the handler was not done when its time was up: context deadline exceeded"; b.Whole != want || len(b.Failed) != 1 {
			t.Errorf("failed %v, %q, want all, %q", b.Failed, b.Whole, want)
		}
	})
}

func TestRunDeliversAgainUntilDeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		begin := time.Now()
		q := New(Options{MaxReceiveCount: 3, Observe: func(b Batch) {
			at = append(at, time.Since(begin))
		}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { q.Run(ctx, failing); close(done) }()

		time.Sleep(10 * time.Second) // Run waits, and takes what comes at once
		q.Put("fail", nil)
		time.Sleep(time.Hour)
		cancel()
		<-done
		want := []time.Duration{10 * time.Second, 100 * time.Second, 190 * time.Second}
		if !reflect.DeepEqual(at, want) {
			t.Errorf("delivered after %v, want %v", at, want)
		}
		if len(q.DeadLetters()) != 1 {
			t.Error("it is no dead letter")
		}
	})
}

func TestRunHoldsToItsConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Options{MaxConcurrency: 3})
		for i := range 10 {
			q.Put(fmt.Sprint(i), nil)
		}
		var mu sync.Mutex
		now, most, all := 0, 0, 0
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		begin := time.Now()
		go func() {
			q.Run(ctx, func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
				mu.Lock()
				now, all = now+1, all+1
				most = max(most, now)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				now--
				if all == 10 && now == 0 {
					cancel()
				}
				mu.Unlock()
				return events.SQSEventResponse{}, nil
			})
			close(done)
		}()
		<-done
		// Ten messages of a second, three at a time.
		if took := time.Since(begin); most != 3 || all != 10 || took != 4*time.Second {
			t.Errorf("%d at once, %d in all, in %v, want 3, 10, 4s", most, all, took)
		}
		if visible, hidden, _ := q.Counts(); visible+hidden != 0 {
			t.Errorf("%d messages are left", visible+hidden)
		}
	})
}

func TestRunEndsWithItsHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Options{})
		q.Put("a", nil)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		ended := false
		q.Run(ctx, func(ctx context.Context, _ events.SQSEvent) (events.SQSEventResponse, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // tidying up
			ended = true
			return events.SQSEventResponse{}, ctx.Err()
		})
		if !ended {
			t.Error("Run did not wait for its handler")
		}
		if _, hidden, _ := q.Counts(); hidden != 1 {
			t.Error("the message is lost")
		}
	})
}

// With a clock that a test moves, Run notices within a second that a message is visible again.
func TestRunFollowsAMovedClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &lockedClock{handClock: *newClock()}
		runs := make(chan struct{}, 10)
		q := New(Options{Now: clock.Now, Observe: func(Batch) { runs <- struct{}{} }})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go q.Run(ctx, failing)
		q.Put("fail", nil)
		<-runs
		clock.Add(90 * time.Second)
		begin := time.Now()
		<-runs
		if took := time.Since(begin); took > time.Second {
			t.Errorf("noticed after %v", took)
		}
	})
}

type lockedClock struct {
	mu sync.Mutex
	handClock
}

func (c *lockedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.handClock.Now()
}

func (c *lockedClock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handClock.Add(d)
}
