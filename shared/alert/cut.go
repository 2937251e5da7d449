package alert

import (
	"unicode"
	"unicode/utf8"
)

// Cut returns the longest beginning of s that has at most maxChars characters (Unicode code points), and whether
// anything was left out. A letter is not parted from its combining marks.
func Cut(s string, maxChars int) (string, bool) {
	if len(s) <= maxChars {
		return s, false
	}
	chars := 0
	for i := range s {
		if chars >= maxChars {
			return s[:beforeMarks(s, i)], true
		}
		chars++
	}
	return s, false
}

// CutEncoded returns the longest beginning of s whose EncodedLen is at most maxBytes, and whether anything was left
// out. A letter is not parted from its combining marks.
func CutEncoded(s string, maxBytes int) (string, bool) {
	size := 0
	for i, r := range s {
		size += encodedLen(s, i, r)
		if size > maxBytes {
			return s[:beforeMarks(s, i)], true
		}
	}
	return s, false
}

// EncodedLen is the number of bytes of s as the content of a JSON string, without the quotes, as encoding/json writes
// it with SetEscapeHTML(false): UTF-8 as it is, so that <, > and & take one byte and a Japanese character three.
func EncodedLen(s string) int {
	size := 0
	for i, r := range s {
		size += encodedLen(s, i, r)
	}
	return size
}

func encodedLen(s string, i int, r rune) int {
	switch {
	case r == '"', r == '\\', r == '\n', r == '\r', r == '\t', r == '\b', r == '\f':
		return 2
	case r < ' ', r == '\u2028', r == '\u2029':
		return 6
	case r == utf8.RuneError:
		if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
			return 6 // a byte that is not UTF-8 is written as \ufffd
		}
	}
	return utf8.RuneLen(r)
}

// maxMarks bounds how far a cut goes back: letters of real scripts bear fewer, and a text of marks alone would be
// lost altogether.
const maxMarks = 8

// beforeMarks moves a cut at i to before the letter that bears the marks which would be cut off.
func beforeMarks(s string, i int) int {
	at := i
	for range maxMarks {
		if r, _ := utf8.DecodeRuneInString(s[at:]); !unicode.Is(unicode.M, r) {
			return at
		}
		_, size := utf8.DecodeLastRuneInString(s[:at])
		if at -= size; at == 0 {
			break
		}
	}
	return i
}
