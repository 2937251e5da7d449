package queue

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// What a message may be. SQS takes 1 MiB by now, but a queue may be set to less, and 256 KiB is what every queue takes
// unless somebody has lowered it. The largest alert that package alert allows takes less than 200 KiB, so none is
// refused for its size.
const (
	MaxMessage    = 256 << 10           // body and attributes together, bytes
	MaxBody       = MaxMessage - 16<<10 // so that attributes always have room
	MaxAttributes = 10                  // SQS's limit: the trace context and nine others
)

// Fits says whether a queue takes this body with these attributes, by the rules of SQS: both together at most
// MaxMessage; at most MaxAttributes attributes; a name of 1 to 256 letters, digits, '_', '-' and '.', neither beginning
// with AWS. or Amazon. nor with a period at an end or two in a row; a value that is not empty; everywhere only the
// characters U+0009, U+000A, U+000D, U+0020 to U+D7FF, U+E000 to U+FFFD and above U+FFFF.
//
// A Sender asks it before it sends, so that the in-memory queue takes no message that SQS would refuse.
func Fits(body string, attributes map[string]string) error {
	if body == "" {
		return fmt.Errorf("the message has no body")
	}
	if err := allowed("the body", body); err != nil {
		return err
	}
	if len(attributes) > MaxAttributes {
		return fmt.Errorf("the message has %d attributes; %d are allowed", len(attributes), MaxAttributes)
	}
	size := len(body)
	for name, value := range attributes {
		if err := attribute(name, value); err != nil {
			return err
		}
		size += len(name) + len("String") + len(value)
	}
	if size > MaxMessage {
		return &SizeError{What: "the message with its attributes", Bytes: size, Max: MaxMessage}
	}
	return nil
}

func attribute(name, value string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "" || len(name) > 256 || strings.ContainsFunc(name, notInName):
		return fmt.Errorf("the attribute name %.64q is not 1 to 256 letters, digits, '_', '-' and '.'", name)
	case strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
		return fmt.Errorf("the attribute name %.64q is reserved by AWS", name)
	case strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, ".."):
		return fmt.Errorf("the attribute name %.64q has a period at an end or two in a row", name)
	case value == "":
		return fmt.Errorf("the attribute %s is empty", name)
	}
	return allowed("the attribute "+name, value)
}

func notInName(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	return !letter && !('0' <= r && r <= '9') && r != '_' && r != '-' && r != '.'
}

// allowed refuses the characters that SQS refuses.
func allowed(what, text string) error {
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			return fmt.Errorf("%s is not valid UTF-8, at byte %d", what, i)
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0xFFFE, r == 0xFFFF:
			return fmt.Errorf("%s holds the character %U, which SQS refuses, at byte %d", what, r, i)
		}
	}
	return nil
}

// SizeError says that a message is longer than a queue takes.
type SizeError struct {
	What       string
	Bytes, Max int
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s has %d bytes; %d are allowed", e.What, e.Bytes, e.Max)
}
