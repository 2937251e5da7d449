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

// NewUnreadable keeps what is kept of a body: its size, its hash, and as much of its beginning as fits, on one line and
// without what cannot be seen. What is not UTF-8 shows as U+FFFD.
func NewUnreadable(reason, words string, body []byte) *Unreadable {
	sum := sha256.Sum256(body)
	return &Unreadable{
		Reason: reason, Words: words,
		Bytes: len(body), SHA256: hex.EncodeToString(sum[:]),
		Excerpt: beginning(alert.Value(beginning(string(body), MaxExcerpt)), MaxExcerpt),
	}
}

// beginning cuts at a character's border. It is asked twice, for cleaning makes a byte that is not UTF-8 longer.
func beginning(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
