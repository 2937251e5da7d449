package sqsqueue

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/queue/queuetest"
	"github.com/alertbridge/alertbridge/shared/queue/sqsqueue/sqstest"
)

// TestEngine runs the suite on the real engine that ALERTBRIDGE_SQS_ENDPOINT names.
func TestEngine(t *testing.T) {
	sqstest.Endpoint(t)
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		const maxReceiveCount = 2
		q := sqstest.Create(t, time.Minute, maxReceiveCount)
		var handed []string // every receipt so far
		sender := func(endpoint, url string) queue.Sender {
			s, err := New(sqstest.Client(endpoint), url, Options{Total: 1500 * time.Millisecond, Attempt: 400 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		engine, err := New(sqstest.Client(sqstest.Endpoint(t)), q.URL, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return queuetest.Harness{
			Sender: engine,
			Receive: func(most int) ([]events.SQSMessage, error) {
				records, err := q.Receive(t.Context(), most)
				for _, m := range records {
					handed = append(handed, m.ReceiptHandle)
				}
				return records, err
			},
			Delete: func(receipt string) error { return q.Delete(t.Context(), receipt) },
			Expire: func() {
				for _, receipt := range handed {
					if err := q.Show(t.Context(), receipt); err != nil {
						t.Error(err)
					}
				}
				handed = nil
			},
			DeadLetters:     func() ([]events.SQSMessage, error) { return q.DeadLetters(t.Context()) },
			Now:             time.Now,
			MaxReceiveCount: maxReceiveCount,
			Hanging:         sender(hanging(t), q.URL),
			Unreachable:     sender(unreachable(t), q.URL),
			Missing:         sender(sqstest.Endpoint(t), q.URL+"-that-never-was"),
			Limit:           3 * time.Second,
		}
	})
}

// hanging is the address of a server that takes whatever it is sent and never answers.
func hanging(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			c.Close()
		}
	})
	return "http://" + l.Addr().String()
}

// unreachable is an address that refuses connections.
func unreachable(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return "http://" + l.Addr().String()
}
