package delivery

import "fmt"

// Fault is why a call of an API that can be asked again has no usable answer: a question to the Agent's API, unlike a
// start, does nothing to the world. It is an error, so that errors.Is finds it in an APIError.
type Fault string

// The closed list of faults.
const (
	APIThrottled   Fault = "throttled"   // asked too often, or over a quota
	APIDenied      Fault = "denied"      // the credentials or permissions that we ask with are not enough
	APIGone        Fault = "gone"        // the API says that there is no such thing; never said of a wrong address
	APIInvalid     Fault = "invalid"     // the API takes the question for a wrong one, or it could not be asked
	APIUnavailable Fault = "unavailable" // no connection, or trouble of the API's own
	APITimedOut    Fault = "timed_out"   // no answer before the deadline
	APIUnreadable  Fault = "unreadable"  // an answer that nobody can read, or one that is too large
	APITooLong     Fault = "too_long"    // a list with more pages than are read: what was not found may be on a later one
)

// Faults lists every Fault, for tables and tests.
func Faults() []Fault {
	return []Fault{APIThrottled, APIDenied, APIGone, APIInvalid, APIUnavailable, APITimedOut, APIUnreadable, APITooLong}
}

// Passes tells whether the same question may be answered later without anybody mending something.
func (f Fault) Passes() bool {
	return f == APIThrottled || f == APIUnavailable || f == APITimedOut
}

// Error is the fault's name.
func (f Fault) Error() string { return string(f) }

// APIError is how a call of an API failed.
type APIError struct {
	Fault  Fault
	Call   string // what was asked, such as GetBacklogTask
	Status int    // HTTP status, 0 when there was none
	// Words say what happened and what the operator can do: one line, and never the API's message, an address or a
	// secret, for a message may quote the signed request.
	Words string
}

// Error names the call, the fault and the words.
func (e *APIError) Error() string { return fmt.Sprintf("%s: %s: %s", e.Call, e.Fault, e.Words) }

// Unwrap is the Fault.
func (e *APIError) Unwrap() error { return e.Fault }
