package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// MaxExcerpt bounds Unreadable.Excerpt, in bytes.
const MaxExcerpt = 4096

// Unreadable is what is kept of a delivery that was authenticated and could not be read. Its sender has been answered
// 400, so it will not come again: this is all that anybody will see of it.
type Unreadable struct {
	Reason  string `json:"reason"`  // why, from the decoder's closed list
	Words   string `json:"words"`   // what the sender was told, one sentence
	Bytes   int    `json:"bytes"`   // length of the whole body
	SHA256  string `json:"sha256"`  // of the whole body, in hexadecimal, to find the same body again
	Excerpt string `json:"excerpt"` // the beginning of the body, cleaned, at most MaxExcerpt
}

// seen bounds what of a body is looked at for its excerpt, in bytes: more than is kept, so that what is hidden is not
// cut in half before.
const seen = 16 * MaxExcerpt

// NewUnreadable keeps what is kept of a body: its size, its hash, and as much of its beginning as fits, on one line and
// without what cannot be seen. What is not UTF-8 shows as U+FFFD. text is what the body says, which is the body unless
// it was encoded, and the excerpt is as hide returns it; nil hides nothing.
func NewUnreadable(reason, words string, body, text []byte, hide func(string) string) *Unreadable {
	sum := sha256.Sum256(body)
	excerpt := alert.Value(beginning(string(text), seen))
	if hide != nil {
		excerpt = hide(excerpt)
	}
	return &Unreadable{
		Reason: reason, Words: words,
		Bytes: len(body), SHA256: hex.EncodeToString(sum[:]),
		Excerpt: beginning(excerpt, MaxExcerpt),
	}
}

// beginning cuts at a character's border.
func beginning(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
