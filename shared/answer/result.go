package answer

import (
	"time"

	"github.com/alertbridge/alertbridge/shared/delivery"
)

// End is how a delivery ended, for the outbox.
type End string

const (
	// Delivered: the place says that it has it.
	Delivered End = "delivered"
	// Later: it may be sent again. How often, and until when it still matters, is the outbox's to know.
	Later End = "later"
	// GivenUp: sending it again would not help.
	GivenUp End = "given_up"
)

// Result is what became of an Answer.
type Result struct {
	End End
	// NotBefore is when the place may be asked again, when it said so; else zero.
	NotBefore time.Time
	// Alone says that the reason is about answers of this Route: those of another may have another key, and can be told.
	Alone bool
	// Why says it in full. With Later its Outcome tells whether the place certainly has nothing (NotDelivered), will take
	// nothing until a key or an address is mended (Shut), or may have it already (InDoubt): then sending it again can tell
	// it twice where the place knows no repeats. Its Words are "" when it was delivered.
	Why delivery.Answer
}

// Of is the Result of a call that ended at some time.
func Of(a delivery.Answer, at time.Time) Result {
	r := Result{Why: a}
	switch a.Outcome() {
	case delivery.Accepted:
		r.End = Delivered
	case delivery.Refused:
		r.End = GivenUp
	default:
		// Shut too: the fault is the key's and not the answer's, and it must not be lost because of that.
		r.End = Later
		if a.RetryAfter > 0 {
			r.NotBefore = at.Add(a.RetryAfter)
		}
	}
	return r
}

// Unfit is the Result of an Answer that was not sent because nobody would take it.
func Unfit(words string) Result {
	return Result{End: GivenUp, Why: delivery.Answer{Reason: delivery.BadRequest, Words: words + "; nothing was sent"}}
}
