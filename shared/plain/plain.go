// Package plain reads JSON as programs write it, several times as fast as encoding/json, and says of everything else
// that it is not plain: then the caller reads it again with encoding/json, which knows every form and words every error.
// So what is plain need only be read right, and never be refused right.
//
//	r := plain.Read(text)
//	r.Object(func(name string) {
//		switch name {
//		case "title":
//			title = r.String()
//		default:
//			r.Fail()
//		}
//	})
//	if !r.OK() {
//		err = json.Unmarshal([]byte(text), &v)
//	}
//
// What a Reader accepts is JSON by RFC 8259 in valid UTF-8, and each value means what it means to encoding/json. What a
// name that comes twice means, and one in another case, is up to the caller; whoever is not sure calls Fail.
//
// Texts that are returned are parts of the text that is read, where nothing in them was escaped: they keep it in memory.
package plain

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Reader reads one text from its beginning to its end. Once something in it was not plain, every method returns nothing.
type Reader struct {
	text  string
	at    int
	depth int
	bad   bool
}

// maxDepth bounds objects and lists inside each other: a program that writes more of them writes nothing plain.
const maxDepth = 16

// Read begins with a text.
func Read(text string) *Reader { return &Reader{text: text} }

// Fail says that what was read is not plain.
func (r *Reader) Fail() { r.bad = true }

// OK tells whether all of the text was read, and was plain.
func (r *Reader) OK() bool { return !r.bad && r.next() == 0 && r.at == len(r.text) }

// next is the first byte of what comes, 0 at the end; blanks are skipped.
func (r *Reader) next() byte {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// take skips this byte, if it is what comes.
func (r *Reader) take(c byte) bool {
	if r.bad || r.next() != c {
		return false
	}
	r.at++
	return true
}

// Object reads an object. field is told each name, and has to read its value.
func (r *Reader) Object(field func(name string)) {
	r.group('{', '}', func() {
		name := r.String()
		if !r.take(':') {
			r.bad = true
			return
		}
		field(name)
	})
}

// List reads a list. item has to read each value.
func (r *Reader) List(item func()) { r.group('[', ']', item) }

func (r *Reader) group(open, end byte, member func()) {
	if r.depth++; !r.take(open) || r.depth > maxDepth {
		r.bad = true
		return
	}
	for first := true; !r.bad; first = false {
		if r.take(end) {
			r.bad = r.bad || !first // a comma came before
			break
		}
		if member(); r.bad {
			return
		}
		if r.take(end) {
			break
		}
		r.bad = !r.take(',')
	}
	r.depth--
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	switch r.next() {
	case 't':
		r.word("true")
		return !r.bad
	case 'f':
		r.word("false")
	default:
		r.bad = true
	}
	return false
}

func (r *Reader) word(w string) {
	if r.bad || !strings.HasPrefix(r.text[r.at:], w) {
		r.bad = true
		return
	}
	r.at += len(w)
}

// Scalar reads a string, a number as it is written, or true, false or null, which are "" and not text.
func (r *Reader) Scalar() (text string, number bool) {
	switch c := r.next(); {
	case c == '"':
		return r.String(), false
	case c == '-' || isDigit(c):
		return r.Number(), true
	case c == 'n':
		r.word("null")
	default:
		r.Bool()
	}
	return "", false
}

// Any reads whatever comes, as encoding/json does into an any with UseNumber; the last one of two equal names counts.
func (r *Reader) Any() any {
	switch c := r.next(); {
	case c == '{':
		m := map[string]any{}
		r.Object(func(name string) { m[name] = r.Any() })
		return m
	case c == '[':
		list := []any{}
		r.List(func() { list = append(list, r.Any()) })
		return list
	case c == '"':
		return r.String()
	case c == 'n':
		r.word("null")
		return nil
	case c == '-' || isDigit(c):
		return json.Number(r.Number())
	}
	return r.Bool()
}

// Number reads a number, and returns it as it is written.
func (r *Reader) Number() string {
	if r.next(); r.bad {
		return ""
	}
	s := r.text[r.at:]
	end := 0
	if strings.HasPrefix(s, "-") {
		end++
	}
	whole := digits(s[end:])
	if whole == 0 || whole > 1 && s[end] == '0' {
		r.bad = true
		return ""
	}
	end += whole
	if end < len(s) && s[end] == '.' {
		n := digits(s[end+1:])
		r.bad = r.bad || n == 0
		end += 1 + n
	}
	if end < len(s) && (s[end] == 'e' || s[end] == 'E') {
		end++
		if end < len(s) && (s[end] == '+' || s[end] == '-') {
			end++
		}
		n := digits(s[end:])
		r.bad = r.bad || n == 0
		end += n
	}
	if r.bad {
		return ""
	}
	r.at += end
	return s[:end]
}

func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// String reads a string.
func (r *Reader) String() string {
	s, escaped := r.quoted()
	if escaped {
		return r.unescape(s)
	}
	return s
}

// Verbatim reads a string in which nothing is escaped.
func (r *Reader) Verbatim() string {
	s, escaped := r.quoted()
	if escaped {
		r.bad = true
		return ""
	}
	return s
}

// quoted is what stands between the quotes.
func (r *Reader) quoted() (inner string, escaped bool) {
	if !r.take('"') {
		r.bad = true
		return "", false
	}
	s, high := r.text[r.at:], false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			r.at += i + 1
			if inner = s[:i]; high && !utf8.ValidString(inner) {
				r.bad = true
				return "", false
			}
			return inner, escaped
		case c == '\\':
			escaped = true
			i++ // over what is escaped, which may be a quote
		case c < ' ':
			r.bad = true
			return "", false
		case c >= utf8.RuneSelf:
			high = true
		}
	}
	r.bad = true
	return "", false
}

// escapes are the short ones.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape leaves characters that are written as numbers to encoding/json: what half of a pair becomes is its affair.
func (r *Reader) unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for {
		before, after, found := strings.Cut(s, `\`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		c := after[0] // quoted has looked that one is there
		if c == 'u' {
			return b.String() + r.numbered(`\`+after)
		}
		if escapes[c] == 0 {
			r.bad = true
			return ""
		}
		b.WriteByte(escapes[c])
		s = after[1:]
	}
}

func (r *Reader) numbered(s string) (text string) {
	if err := json.Unmarshal([]byte(`"`+s+`"`), &text); err != nil {
		r.bad = true
		return ""
	}
	return text
}
