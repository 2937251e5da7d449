package memqueue

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/queue/queuetest"
)

func TestSuite(t *testing.T) {
	queuetest.Run(t, func(*testing.T) queuetest.Harness {
		clock := newClock()
		q := New(Options{Now: clock.Now, MaxReceiveCount: 2})
		troubled := func(tr Trouble) queue.Sender {
			q := New(Options{SendLimit: 300 * time.Millisecond})
			q.SetTrouble(func(int) Trouble { return tr })
			return q
		}
		return queuetest.Harness{
			Sender:  q,
			Receive: func(most int) ([]events.SQSMessage, error) { return q.Receive(most), nil },
			Delete: func(receipt string) error {
				if !q.Delete(receipt) {
					return errors.New("there is no such message")
				}
				return nil
			},
			Expire:          func() { clock.Add(90 * time.Second) },
			DeadLetters:     func() ([]events.SQSMessage, error) { return q.DeadLetters(), nil },
			Now:             clock.Now,
			MaxReceiveCount: 2,
			Hanging:         troubled(Trouble{Delay: Forever}),
			Unreachable:     troubled(Trouble{Fault: queue.Unavailable}),
			Missing:         troubled(Trouble{Fault: queue.Misconfigured}),
			Limit:           3 * time.Second, // ten times its own, for a machine that is busy
		}
	})
}

// handClock is a clock that only the test moves.
type handClock struct{ now time.Time }

func newClock() *handClock { return &handClock{time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)} }

func (c *handClock) Now() time.Time      { return c.now }
func (c *handClock) Add(d time.Duration) { c.now = c.now.Add(d) }

func TestTroubleIsForOneSendEach(t *testing.T) {
	q := New(Options{})
	q.SetTrouble(func(n int) Trouble {
		switch n {
		case 1:
			return Trouble{Fault: queue.Unavailable}
		case 2:
			return Trouble{Taken: true, Fault: queue.Unavailable}
		}
		return Trouble{}
	})
	for _, row := range []struct {
		why          string
		fault        queue.Fault
		mayBe        bool
		messagesThen int
	}{
		{"down", queue.Unavailable, false, 0},
		{"taken, and the answer lost", queue.Unavailable, true, 1},
		{"well again", "", false, 2},
	} {
		err := q.Send(t.Context(), queuetest.Alert("d", "text"), nil)
		var failed *queue.SendError
		if errors.As(err, &failed) != (row.fault != "") || failed != nil && (failed.Fault != row.fault || failed.MayHaveArrived != row.mayBe) {
			t.Errorf("%s: Send = %v, want fault %q", row.why, err, row.fault)
		}
		if visible, _, _ := q.Counts(); visible != row.messagesThen {
			t.Errorf("%s: %d messages, want %d", row.why, visible, row.messagesThen)
		}
	}
	q.SetTrouble(func(n int) Trouble {
		if n != 1 {
			t.Errorf("the first send after SetTrouble is number %d", n)
		}
		return Trouble{}
	})
	if err := q.Send(t.Context(), queuetest.Alert("d", "text"), nil); err != nil {
		t.Error(err)
	}
}

func TestSlowQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Options{})
		for _, row := range []struct {
			why   string
			tr    Trouble
			takes time.Duration
			fails bool
			holds int
		}{
			{"slow, but in time", Trouble{Delay: 5 * time.Second}, 5 * time.Second, false, 1},
			{"too slow", Trouble{Delay: 7 * time.Second}, 6 * time.Second, true, 1},
			{"taken, and no answer", Trouble{Delay: Forever, Taken: true}, 6 * time.Second, true, 2},
		} {
			q.SetTrouble(func(int) Trouble { return row.tr })
			begin := time.Now()
			err := q.Send(t.Context(), queuetest.Alert("d", "text"), nil)
			if took := time.Since(begin); took != row.takes || (err != nil) != row.fails {
				t.Errorf("%s: Send = %v after %v, want %v", row.why, err, took, row.takes)
			}
			if n, _, _ := q.Counts(); n != row.holds {
				t.Errorf("%s: %d messages, want %d", row.why, n, row.holds)
			}
		}
	})
}

func TestRedriveMakesNewMessages(t *testing.T) {
	clock := newClock()
	q := New(Options{Now: clock.Now, MaxReceiveCount: 1})
	id := q.Put("poison", map[string]string{"a": "b"})
	q.Receive(1)
	clock.Add(90 * time.Second)
	if _, _, dead := q.Counts(); dead != 0 {
		t.Fatal("it is dead before anything came across it")
	}
	q.Receive(1)
	if d := q.DeadLetters(); len(d) != 1 || d[0].MessageId != id {
		t.Fatalf("dead letters %+v, want the message with its id", d)
	}
	if n := q.Redrive(); n != 1 {
		t.Fatalf("Redrive = %d, want 1", n)
	}
	back := q.Receive(1)
	if len(back) != 1 || back[0].MessageId == id || back[0].Body != "poison" || *back[0].MessageAttributes["a"].StringValue != "b" {
		t.Fatalf("came back as %+v, want a new id and the same content", back)
	}
	// 2026-03-04T05:07:37Z, by date -d … +%s
	if a := back[0].Attributes; a["ApproximateReceiveCount"] != "1" || a["SentTimestamp"] != "1772600857000" {
		t.Errorf("came back with %v, want it to begin anew", a)
	}
	if len(q.DeadLetters()) != 0 {
		t.Error("the dead-letter queue is not empty")
	}
}

func TestOnlyTheLastReceiptDeletes(t *testing.T) {
	clock := newClock()
	q := New(Options{Now: clock.Now})
	q.Put("body", nil)
	first := q.Receive(1)[0]
	clock.Add(90 * time.Second)
	second := q.Receive(1)[0]
	if q.Delete(first.ReceiptHandle) {
		t.Error("the first receipt deleted a message that somebody else is working on")
	}
	if !q.Delete(second.ReceiptHandle) || q.Delete(second.ReceiptHandle) {
		t.Error("the second receipt does not delete once")
	}
}

func TestPickChoosesTheOrder(t *testing.T) {
	newest := func(n int) int { return n - 1 }
	q := New(Options{Pick: newest})
	for _, body := range []string{"1", "2", "3"} {
		q.Put(body, nil)
	}
	got := ""
	for _, m := range q.Receive(3) {
		got += m.Body
	}
	if got != "321" {
		t.Errorf("received in the order %s, want 321", got)
	}
}
