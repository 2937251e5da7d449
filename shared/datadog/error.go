package datadog

// Reason says why a body is no alert, from a closed list.
type Reason string

// The closed list of reasons.
const (
	EmptyBody   Reason = "empty_body"   // nothing came
	FormEncoded Reason = "form_encoded" // a form instead of JSON
	NotJSON     Reason = "not_json"     // JSON that cannot be read
	NotAnObject Reason = "not_an_object"
	TooDeep     Reason = "too_deep"     // more than maxDepth objects and lists inside each other
	NotAnAlert  Reason = "not_an_alert" // an object that says of nothing what it is about
)

// Reasons lists every Reason, for tables and tests.
func Reasons() []Reason {
	return []Reason{EmptyBody, FormEncoded, NotJSON, NotAnObject, TooDeep, NotAnAlert}
}

// DecodeError says why a body is no alert. Sending the same body again cannot help.
type DecodeError struct {
	Reason Reason
	// Words are one sentence that says what is wrong and names the mend. They hold nothing of the body except one
	// character of broken JSON, so they may be shown to the caller.
	Words string
}

func (e *DecodeError) Error() string { return "datadog: " + string(e.Reason) + ": " + e.Words }
