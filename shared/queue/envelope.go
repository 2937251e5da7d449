package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Version is the version of the envelope that Encode writes and the newest that Decode reads. The package comment says
// when it goes up.
const Version = 1

// Kind says what an envelope carries.
type Kind string

// The kinds that there are. A new one raises Version.
const (
	KindAlert      Kind = "alert"
	KindUnreadable Kind = "unreadable"
)

// Envelope is one message: an alert, or a delivery that could not be read.
type Envelope struct {
	Version int  `json:"v"` // set by Encode, whatever it was
	Kind    Kind `json:"kind"`
	// Delivery is the id that ingest answered with. It satisfies alert.SafeID; for an alert it is Alert.Delivery.
	Delivery  string    `json:"delivery"`
	Received  time.Time `json:"received"`             // when ingest had the request
	RequestID string    `json:"request_id,omitempty"` // the front door's id of that request, for looking it up in logs

	Alert      *alert.Alert `json:"alert,omitempty"`      // for KindAlert
	Unreadable *Unreadable  `json:"unreadable,omitempty"` // for KindUnreadable
}

// Encode writes the envelope as the body of a message, in the current Version.
//
// Every character of the body is one that SQS accepts: encoding/json escapes control characters, and what SQS refuses
// beyond those is escaped here, so that Decode gives back what Encode got. Only bytes that are not valid UTF-8 are
// lost: each becomes U+FFFD.
//
// An envelope without what every reader needs is a *FormatError, one that is longer than MaxBody a *SizeError. The
// limits of package alert are not asked for here: an alert that breaks one is better in the queue than nowhere.
func Encode(e Envelope) (string, error) {
	e.Version = Version
	if words := missing(e); words != "" {
		return "", &FormatError{Words: words}
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return "", &FormatError{Words: "a value cannot be written as JSON", Err: err}
	}
	body := escapeNonCharacters(strings.TrimSuffix(b.String(), "\n"))
	if len(body) > MaxBody {
		return "", &SizeError{What: "the envelope", Bytes: len(body), Max: MaxBody}
	}
	return body, nil
}

// escapeNonCharacters escapes the two characters that JSON may hold as they are and SQS refuses. They can only stand
// inside a JSON string, for all else in an envelope is ASCII.
func escapeNonCharacters(body string) string {
	return strings.ReplaceAll(strings.ReplaceAll(body, "\uFFFE", `\ufffe`), "\uFFFF", `\uffff`)
}

// Decode reads the body of a message. Its errors are *VersionError and *FormatError; the package comment says what a
// reader does with them.
//
// An alert that is longer than this program allows, because a newer one wrote it, is cut to the limits and says so;
// what Decode returns always passes alert.Alert.Check.
func Decode(body string) (Envelope, error) {
	if !utf8.ValidString(body) {
		return Envelope{}, &FormatError{Words: "the message is not valid UTF-8"}
	}
	var err error
	e, plain := readPlain(body)
	if !plain {
		e = Envelope{}
		err = json.Unmarshal([]byte(body), &e)
	}
	version := e.Version
	if err != nil { // a newer envelope may have changed everything but its version, so that is asked for alone
		var head struct {
			Version int `json:"v"`
		}
		if err := json.Unmarshal([]byte(body), &head); err != nil {
			return Envelope{}, notJSON(err)
		}
		version = head.Version
	}
	switch {
	case version > Version:
		return Envelope{}, &VersionError{Version: version}
	case version < 1:
		return Envelope{}, &FormatError{Words: "the message has no version of an envelope"}
	case err != nil:
		return Envelope{}, notJSON(err)
	}
	if words := missing(e); words != "" {
		return Envelope{}, &FormatError{Words: words}
	}
	if e.Alert != nil {
		e.Alert.Bound()
		if err := e.Alert.Check(); err != nil {
			return Envelope{}, &FormatError{Words: err.Error(), Err: err}
		}
	}
	return e, nil
}

// notJSON words a decoding error without the values in it: they are anybody's text.
func notJSON(err error) *FormatError {
	var field *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &field):
		return &FormatError{Words: fmt.Sprintf("a value has the wrong type, at byte %d", field.Offset)}
	case errors.As(err, &syntax):
		return &FormatError{Words: fmt.Sprintf("the message is not JSON, at byte %d", syntax.Offset)}
	}
	return &FormatError{Words: "a value has the wrong form"}
}

// missing says what an envelope lacks that every reader needs; "" when it has all.
func missing(e Envelope) string {
	switch {
	case e.Kind != KindAlert && e.Kind != KindUnreadable:
		return "its kind is neither alert nor unreadable"
	case !alert.SafeID(e.Delivery):
		return "its delivery is not an id of letters, digits, '_', '.' and '-'"
	case e.Received.IsZero():
		return "it does not say when it was received"
	case e.Alert != nil && e.Unreadable != nil:
		return "it carries both an alert and an unreadable delivery"
	case e.Kind == KindAlert && e.Alert == nil:
		return "it is of kind alert and has no alert"
	case e.Kind == KindAlert && e.Alert.Delivery != e.Delivery:
		return "its alert has another delivery than the envelope"
	case e.Kind == KindUnreadable && e.Unreadable == nil:
		return "it is of kind unreadable and does not say what was unreadable"
	}
	return ""
}

// FormatError says that a message is no envelope, or, from Encode, that an envelope would be none: then the program
// that filled it is wrong.
type FormatError struct {
	Words string // what is wrong, without any value of the message
	Err   error  // the cause, when there is one that says more
}

func (e *FormatError) Error() string {
	return "envelope: " + e.Words
}

func (e *FormatError) Unwrap() error { return e.Err }

// VersionError says that a message is an envelope of a newer version than this program reads.
type VersionError struct {
	Version int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("envelope: version %d is newer than %d, the newest that this program reads; "+
		"deploy the newer dispatcher, then redrive the dead-letter queue if the message is there", e.Version, Version)
}
