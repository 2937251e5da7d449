package queue

import (
	"fmt"
	"strings"
)

// Fault says whose move it is after a failed send.
type Fault string

// The closed list of faults.
const (
	// Unavailable: the queue does not answer, or not now. The same send may succeed a moment later, and nobody has to
	// do anything.
	Unavailable Fault = "unavailable"
	// Misconfigured: the queue is there for others but not for us, or not at all: wrong address, missing permission,
	// bad credentials, a disabled key. Every send fails until an operator mends it.
	Misconfigured Fault = "misconfigured"
	// Refused: the queue takes messages but never this one: too large, or not what a message may be. The program that
	// made it is wrong.
	Refused Fault = "refused"
)

// SendError says that a queue has not, as far as is known, taken a message. Ingest answers every SendError with a
// 5xx: no fault is the sender's.
type SendError struct {
	Queue    string // the queue's name
	Fault    Fault
	Attempts int // how often the queue was asked; 0 when it was not
	// MayHaveArrived says that an attempt ended without an answer, so that the message may be in the queue all the
	// same. Sending it again is right nevertheless: two messages of one delivery are harmless, for the ledger decides
	// a delivery once.
	MayHaveArrived bool
	Words          string // what happened, one line, without any value of the message
	Mend           string // what the operator can do; "" when there is nothing
	Err            error  // the cause; context.Canceled and context.DeadlineExceeded can be found in it
}

// Error is one line: queue, attempts, what happened, whether the message may have arrived, what to do.
func (e *SendError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "queue %s did not take the message", e.Queue)
	switch {
	case e.Attempts == 1:
		b.WriteString(" in 1 attempt")
	case e.Attempts > 1:
		fmt.Fprintf(&b, " in %d attempts", e.Attempts)
	}
	b.WriteString(": " + e.Words)
	if e.MayHaveArrived {
		b.WriteString("; it may have arrived all the same, which is harmless")
	}
	if e.Mend != "" {
		b.WriteString("; " + e.Mend)
	}
	return b.String()
}

func (e *SendError) Unwrap() error { return e.Err }

// NotSendable is the SendError for an envelope or attributes that no queue would take; err is Encode's or Fits's.
func NotSendable(queue string, err error) *SendError {
	return &SendError{
		Queue: queue, Fault: Refused, Words: err.Error(), Err: err,
		Mend: "this is a mistake in the program: please report it with these words",
	}
}
