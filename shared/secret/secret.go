// Package secret holds values that never print.
//
// A token that reaches a log line, a span, an error or a queue message has leaked, and nobody notices. So a secret
// travels as a Value from the moment it is read, and only the line that needs the text says Reveal. Whatever else is
// done with a Value, by accident or in a hurry, yields Placeholder or nothing: every verb of fmt, slog, encoding/json
// and its relatives, an error that wraps it, a struct that holds it in an unexported field.
//
// The text is not in the Value but in a closure, because methods alone do not protect it: fmt cannot call them on an
// unexported field, nor for the verbs %p and %w, and then prints what it finds by reflection. In a closure it finds
// an address.
//
// A Value cannot be compared with == or be the key of a map, on purpose: both would compare in a time that depends on
// the text. Use Equal.
//
// Version, ErrMissing and ErrUnavailable are the words between a store of secrets (package awssecret) and its users,
// so that a user need not know which store it is.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
)

// Placeholder is what a Value prints as, also an empty one.
const Placeholder = "[secret]"

// Value is a text that never prints. The zero Value is "no secret".
type Value struct {
	reveal func() string
}

// New wraps a text; New("") is the zero Value.
func New(text string) Value {
	if text == "" {
		return Value{}
	}
	return Value{reveal: func() string { return text }}
}

// Reveal returns the text. Call it only in the expression that sends or verifies the secret.
func (v Value) Reveal() string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

// IsZero reports whether there is no secret.
func (v Value) IsZero() bool { return v.reveal == nil }

// Equal reports whether both hold the same text, in a time that depends on neither. A zero Value equals nothing, not
// even another zero Value: a secret that was never set must not let in a caller who sends none.
func (v Value) Equal(w Value) bool {
	a, b := sha256.Sum256([]byte(v.Reveal())), sha256.Sum256([]byte(w.Reveal()))
	same := subtle.ConstantTimeCompare(a[:], b[:]) == 1
	return same && !v.IsZero() && !w.IsZero()
}

// Format implements fmt.Formatter: every verb and flag print Placeholder.
func (v Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Placeholder)) }

// String returns Placeholder, for those who ask without fmt.
func (v Value) String() string { return Placeholder }

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(Placeholder) }

// MarshalText implements encoding.TextMarshaler, which JSON, XML and most other encoders ask for.
func (v Value) MarshalText() ([]byte, error) { return []byte(Placeholder), nil }

// MarshalBinary implements encoding.BinaryMarshaler, which gob asks for.
func (v Value) MarshalBinary() ([]byte, error) { return []byte(Placeholder), nil }

// Version is one value of a secret that is replaced from time to time.
type Version struct {
	// ID names this value and no other: a new value has a new ID. Not secret.
	ID    string
	Value Value
	// Stale says that the store did not answer when the value was due to be read again, so that this is the last
	// one known and may have been replaced.
	Stale bool
}

var (
	// ErrMissing is wrapped by the error for a secret that does not exist or has no value. Asking again does not help
	// until somebody has filled it.
	ErrMissing = errors.New("the secret has no value")
	// ErrUnavailable is wrapped by the error for a store that did not answer, or would not, while nothing was known
	// from before.
	ErrUnavailable = errors.New("the secret could not be read")
)
