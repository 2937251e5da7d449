// Package delivery is the one place that knows why a call to the Agent failed and what that means for the case.
//
// Every call ends in one Answer. Its Outcome is what the gate settles by, its Reason says why, from a closed list, and
// its Words are for people. Package call finds out which reason it was; nothing else in the program looks at a status
// code or a network error. Calls to the places where answers go end in the same reasons, for which "the Agent" is then
// the place that was called, and "the event" what it was told.
package delivery

import "time"

// Outcome is what a call did to the world.
type Outcome string

const (
	// Accepted: the Agent answered that it has the event.
	Accepted Outcome = "accepted"
	// NotDelivered: certain that the Agent has nothing. It can be sent again as soon as the Agent is reached.
	NotDelivered Outcome = "not_delivered"
	// Shut: the Agent or our own configuration closes the door, whatever the alert says: a wrong key or address.
	Shut Outcome = "shut"
	// Refused: the Agent will not take this event, and sending it again would not help.
	Refused Outcome = "refused"
	// InDoubt: the request may have left and no usable answer came.
	InDoubt Outcome = "in_doubt"
)

// Reason says why a call ended as it did.
type Reason string

// The closed list of reasons, by outcome.
const (
	Received Reason = "received" // Accepted

	ConnectionFailed  Reason = "connection_failed"  // NotDelivered: refused, unreachable, or DNS
	TLSFailed         Reason = "tls_failed"         // NotDelivered: no trusted connection
	Throttled         Reason = "throttled"          // NotDelivered: 429
	OutOfTime         Reason = "out_of_time"        // NotDelivered: not begun, the invocation or the lease would have ended
	SecretUnavailable Reason = "secret_unavailable" // NotDelivered: the secret store did not answer and nothing is cached

	Unauthorized    Reason = "unauthorized"     // Shut: 401, also with the secret read again
	Forbidden       Reason = "forbidden"        // Shut: 403, also with the secret read again
	NotFound        Reason = "not_found"        // Shut: 404, also with the secret read again
	Redirected      Reason = "redirected"       // Shut: 3xx, also with the secret read again; redirects are not followed
	SecretMissing   Reason = "secret_missing"   // Shut: the secret is empty or does not exist
	SecretMalformed Reason = "secret_malformed" // Shut: the secret is not what the documentation asks for
	HostNotAllowed  Reason = "host_not_allowed" // Shut: the secret's address is not the Agent's

	ErrorsInBody Reason = "errors_in_body" // Refused: 200 with validation errors
	BadRequest   Reason = "bad_request"    // Refused: 400, 413, 422, and every 4xx that is not named here

	TimedOut    Reason = "timed_out"         // InDoubt: nothing usable before the deadline
	Reset       Reason = "reset"             // InDoubt: the connection ended after the request began
	ServerError Reason = "server_error"      // InDoubt: any 5xx, 503 included, and 408
	Unreadable  Reason = "unreadable_answer" // InDoubt: a 2xx that nobody can read
	LeaseOver   Reason = "lease_over"        // InDoubt: the process that was to call never settled
)

// Outcome tells what the reason means; every Reason has exactly one.
func (r Reason) Outcome() Outcome {
	switch r {
	case Received:
		return Accepted
	case ConnectionFailed, TLSFailed, Throttled, OutOfTime, SecretUnavailable:
		return NotDelivered
	case Unauthorized, Forbidden, NotFound, Redirected, SecretMissing, SecretMalformed, HostNotAllowed:
		return Shut
	case ErrorsInBody, BadRequest:
		return Refused
	}
	return InDoubt
}

// Reasons lists every Reason, for tables and tests.
func Reasons() []Reason {
	return []Reason{
		Received,
		ConnectionFailed, TLSFailed, Throttled, OutOfTime, SecretUnavailable,
		Unauthorized, Forbidden, NotFound, Redirected, SecretMissing, SecretMalformed, HostNotAllowed,
		ErrorsInBody, BadRequest,
		TimedOut, Reset, ServerError, Unreadable, LeaseOver,
	}
}

// MaxWords bounds Answer.Words, in bytes.
const MaxWords = 400

// Answer is how a call ended.
type Answer struct {
	Reason Reason
	Status int // HTTP status, 0 when there was none
	// Words are the Agent's own where it gave some, else what happened: one line, cleaned, at most MaxWords, and
	// never an address, a header or a secret.
	Words string
	// RetryAfter is how long the Agent asked to be left alone; 0 when it did not ask.
	RetryAfter time.Duration
	// SecretVersion is the version of the secret the call was made with, so that an account that is shut by it opens
	// when there is a newer one.
	SecretVersion string
	Took          time.Duration
}

// Outcome is the reason's.
func (a Answer) Outcome() Outcome { return a.Reason.Outcome() }
