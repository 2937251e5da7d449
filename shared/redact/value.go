package redact

import "strings"

// value replaces the value that begins at from, in quotes or not. width is that of the label's sign: an escape that is
// wider than it does not end the value.
func (s *scanner) value(from int, kind Kind, width int) int {
	if from == len(s.text) {
		return from
	}
	if q := s.text[from]; q == '"' || q == '\'' || q == '`' {
		if end := s.quoteEnd(from); end > 0 {
			return s.secret(from+1, end, kind)
		}
		from++
	}
	return s.secret(from, s.valueEnd(from, width), kind)
}

// list replaces the values of a list in JSON, the first of which begins at from.
func (s *scanner) list(from int, name string, kind Kind, width int) int {
	for {
		end := s.quoteEnd(from)
		to := s.behind(from, name, kind, width)
		if end == 0 {
			return to
		}
		next := runEnd(s.text[:min(len(s.text), end+1+maxGap)], end+1, func(c byte) bool { return c == ',' || c == ' ' })
		if next == end+1 || next == len(s.text) || s.text[next] != '"' {
			return max(to, end+1)
		}
		from = next
	}
}

// longestValue bounds a value in quotes or tags, in bytes. A longer one has lost what closes it.
const longestValue = 8 << 10

// quoteEnd is where the quote at i is closed, by one of the same kind that is not escaped any deeper; 0 when it is not.
func (s *scanner) quoteEnd(i int) int {
	for end := i + 1; end < min(len(s.text), i+longestValue); end++ {
		switch c := s.text[end]; {
		case c == s.text[i] && s.width(end) <= s.width(i):
			return end
		case c == '\n' && s.width(end) == 1:
			return 0
		}
	}
	return 0
}

// valueEnd is where a value without quotes ends: at white space, or at punctuation that does not belong to it.
func (s *scanner) valueEnd(i, width int) int {
	if end := pseudonymEnd(s.text, i); end > 0 {
		i = end
	}
	for ; i < len(s.text); i++ {
		c := s.text[i]
		if s.width(i) > width {
			continue
		}
		switch {
		case isSpace(c), c == '<':
			return i
		case strings.IndexByte(",;&|", c) >= 0:
			if s.nextBegins(i + 1) {
				return i
			}
		case strings.IndexByte(`)]}>"'`+"`.:", c) >= 0:
			if i+1 == len(s.text) || !inWord(s.text[i+1]) && s.text[i+1] < 0x80 {
				return i
			}
		case strings.HasPrefix(s.text[i:], "。"), strings.HasPrefix(s.text[i:], "、"), strings.HasPrefix(s.text[i:], "　"):
			return i
		}
	}
	return i
}

// nextBegins tells whether what follows a comma or the like is another thing: nothing, white space, a quote, or a name
// with a sign of its own.
func (s *scanner) nextBegins(i int) bool {
	if i == len(s.text) || isSpace(s.text[i]) || strings.IndexByte("\"'`&,;{[", s.text[i]) >= 0 {
		return true
	}
	end := runEnd(s.text[:min(len(s.text), i+longestLabel)], i, inLabel)
	return end > i && end < len(s.text) && (s.text[end] == '=' || s.text[end] == ':')
}

// secret notes a value unless it is none: already replaced, a word that says there is none, or a place to be filled.
func (s *scanner) secret(from, end int, kind Kind) int {
	if pseudonymEnd(s.text, from) == end {
		return end
	}
	value := s.text[from:end]
	if len(value) < shortest || len(value) < longestWord && !telling(value) || kind != Password && isErrorClass(value) {
		return from // it may hold something else
	}
	if to, known := wellKnown(s.text, from); to == end {
		kind = known
	}
	return s.add(from, end, kind)
}

const (
	shortest    = 3   // what a secret has at least, in bytes
	longestWord = 512 // what has more is no word that says there is none
)

func telling(value string) bool {
	if strings.Trim(value, "*.…x-_?•#/\\|&<>(){}[]:;,!+=~%") == "" { // masked, or nothing but signs
		return false
	}
	switch strings.ToLower(strings.Trim(value, "<>[](){}*. ")) {
	case "true", "false", "null", "none", "nil", "undefined", "redacted", "hidden", "masked", "secret", "password", "token",
		"required", "invalid", "missing", "expired", "wrong", "incorrect", "empty", "is", "was", "not", "has", "the", "must":
		return false
	}
	if strings.HasPrefix(value, "{{") || strings.HasPrefix(value, "${") || strings.HasPrefix(value, "arn:") {
		return false
	}
	name, dollar := strings.CutPrefix(value, "$")
	return !dollar || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != ""
}

// isErrorClass tells the class of an error, which follows a label in prose: "cannot read the secret: AccessDeniedException".
func isErrorClass(value string) bool {
	if !strings.HasSuffix(value, "Exception") && !strings.HasSuffix(value, "Error") || value[0] < 'A' || value[0] > 'Z' {
		return false
	}
	return len(value) <= longestLabel && runEnd(value, 0, isLetter) == len(value)
}
