package memqueue

import (
	"context"
	"errors"
	"time"

	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/queue"
)

// Trouble is what happens to one send. The zero value is none.
type Trouble struct {
	// Taken puts the message in at once, whatever the sender is told afterwards: an answer that was lost.
	Taken bool
	// Delay passes before the sender is answered; when its time is up sooner, the send fails as one that may have
	// arrived. Forever makes the queue hang.
	Delay time.Duration
	// Fault makes the send fail so; "" lets it succeed.
	Fault queue.Fault
}

// Forever is a Delay that outlasts every sender.
const Forever = time.Duration(1<<63 - 1)

// errTrouble is the cause in errors that were asked for.
var errTrouble = errors.New("trouble asked for by a test")

// SetTrouble lets f say what happens to the nth send from now on, counted from 1; nil ends all trouble. f is called with
// the queue locked and must not use it.
func (q *Queue) SetTrouble(f func(n int) Trouble) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.trouble, q.sends = f, 0
}

// LoseDeletes lets the next n deletes do nothing, so that messages come again that the handler is done with. A standard
// queue does this now and then.
func (q *Queue) LoseDeletes(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lostDeletes = n
}

func (q *Queue) nextTrouble() Trouble {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sends++
	if q.trouble == nil {
		return Trouble{}
	}
	return q.trouble(q.sends)
}

// wait passes the delay; it answers false when the sender's time was up sooner.
func (t Trouble) wait(ctx context.Context) bool {
	if t.Delay <= 0 {
		return true
	}
	return clock.Sleep(ctx, t.Delay) == nil
}
