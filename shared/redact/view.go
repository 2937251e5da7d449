package redact

import (
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// view is a text as a reader of it may come to see it: without its escapes. It remembers where each byte comes from,
// so that what is found in it can be replaced in the original.
type view struct {
	text string
	at   []int32 // where each byte of text begins in the original, and its end; nil: it is the original
}

// origin is where byte i of the view begins in the original.
func (v view) origin(i int) int {
	if v.at == nil {
		return i
	}
	return int(v.at[i])
}

// width is how many bytes of the original byte i stands for: 1, or more for an escape.
func (v view) width(i int) int { return v.origin(i+1) - v.origin(i) }

// maxEscapes is how many escapes inside each other are seen through.
const maxEscapes = 3

func look(text string) view {
	v := view{text: text}
	for range maxEscapes {
		next, ok := v.unescape()
		if !ok {
			break
		}
		v = next
	}
	return v
}

// unescape takes one layer of escapes away, and tells whether there was any.
func (v view) unescape() (view, bool) {
	s := v.text
	first := firstEscape(s)
	if first < 0 {
		return v, false
	}
	out := make([]byte, first, len(s))
	at := make([]int32, first, len(s)+1)
	copy(out, s)
	for i := range at {
		at[i] = int32(v.origin(i))
	}
	for i := first; i < len(s); {
		width, r, octet := escapeAt(s, i)
		if width == 0 {
			out, at = append(out, s[i]), append(at, int32(v.origin(i)))
			i++
			continue
		}
		begins := len(out)
		switch {
		case octet:
			out = append(out, byte(r))
		case unicode.IsGraphic(r) || unicode.IsSpace(r): // what cannot be seen parts nothing
			out = utf8.AppendRune(out, r)
		}
		for n := begins; n < len(out); n++ { // the first byte stands for all of the escape
			at = append(at, int32(v.origin(i)))
			i += width
			width = 0
		}
		i += width
	}
	return view{string(out), append(at, int32(v.origin(len(s))))}, true
}

func firstEscape(s string) int {
	first := -1
	for _, mark := range [...]byte{'%', '\\', '&'} {
		for i := strings.IndexByte(s, mark); i >= 0; {
			if width, _, _ := escapeAt(s, i); width > 0 {
				if first < 0 || i < first {
					first = i
				}
				break
			}
			next := strings.IndexByte(s[i+1:], mark)
			if next < 0 {
				break
			}
			i += 1 + next
		}
	}
	return first
}

// escapeAt reads the escape that begins at i, and what it stands for: a character, or one byte of one. Its width is 0
// when there is none.
func escapeAt(s string, i int) (width int, r rune, octet bool) {
	switch s[i] {
	case '%':
		if n, ok := hexAt(s, i+1, 2); ok {
			return 3, n, true
		}
	case '\\':
		return backslashAt(s, i)
	case '&':
		return entityAt(s, i)
	}
	return 0, 0, false
}

func backslashAt(s string, i int) (width int, r rune, octet bool) {
	if i+1 == len(s) {
		return 0, 0, false
	}
	switch c := s[i+1]; c {
	case '"', '\'', '\\', '/':
		return 2, rune(c), false
	case 'n', 'r', 't':
		return 2, ' ', false
	case 'u':
		if n, ok := hexAt(s, i+2, 4); ok {
			return 6, n, false
		}
	case 'x':
		if n, ok := hexAt(s, i+2, 2); ok {
			return 4, n, true
		}
	}
	return 0, 0, false
}

// longestEntity is more than the longest name that HTML has, with & and ;.
const longestEntity = 34

func entityAt(s string, i int) (width int, r rune, octet bool) {
	end := strings.IndexByte(s[i:min(len(s), i+longestEntity)], ';')
	if end < 2 {
		return 0, 0, false
	}
	text := html.UnescapeString(s[i : i+end+1])
	r, size := utf8.DecodeRuneInString(text)
	if size != len(text) {
		return 0, 0, false
	}
	return end + 1, r, false
}

func hexAt(s string, i, digits int) (rune, bool) {
	if i+digits > len(s) {
		return 0, false
	}
	n, err := strconv.ParseUint(s[i:i+digits], 16, 32)
	return rune(n), err == nil
}
