package redact

import "strings"

// finding is a value to be replaced.
type finding struct {
	start, end int
	kind       Kind
}

// scanner goes through a text once. What it has found it does not look into again.
type scanner struct {
	view
	found []finding
}

// scan finds what is to be replaced, in its order and without overlap.
func scan(v view) []finding {
	s := scanner{view: v}
	for i := 0; i < len(s.text); {
		i = s.step(i)
	}
	return s.found
}

// step looks at what begins, or is known by the sign, at i, and returns where to go on.
func (s *scanner) step(i int) int {
	switch c := s.text[i]; c {
	case '@':
		return s.email(i)
	case ':':
		if strings.HasPrefix(s.text[i:], "://") {
			return s.address(i)
		}
		return s.labelled(i, 1)
	case '=':
		return s.labelled(i, 1)
	case '>':
		return s.element(i)
	case 0xEF:
		if strings.HasPrefix(s.text[i:], "：") || strings.HasPrefix(s.text[i:], "＝") {
			return s.labelled(i, len("："))
		}
		return i + 1
	case '-':
		return s.dashes(i)
	case '/':
		return s.path(i)
	case '[':
		return max(pseudonymEnd(s.text, i), i+1)
	default:
		if !inWord(c) {
			return i + 1
		}
		return s.word(i)
	}
}

// word looks at a word of letters and digits from its beginning on.
func (s *scanner) word(i int) int {
	end := i + 1
	for end < len(s.text) && inWord(s.text[end]) {
		end++
	}
	if isDigit(s.text[i]) {
		if to := s.card(i); to > 0 {
			return s.add(i, to, Card)
		}
		return end
	}
	if to := s.block(i); to > 0 {
		return to
	}
	// Most words are short, and over: no token is.
	if end-i >= shortestToken || end < len(s.text) && (s.text[end] == '-' || s.text[end] == '.') {
		if to, kind := wellKnown(s.text, i); to > 0 {
			return s.add(i, to, kind)
		}
	}
	if to := s.scheme(i, end); to > 0 {
		return to
	}
	return end
}

// add notes a finding and returns its end.
func (s *scanner) add(start, end int, kind Kind) int {
	s.found = append(s.found, finding{start, end, kind})
	return end
}

// done is where the last finding ends. What looks back from a sign does not look beyond it.
func (s *scanner) done() int {
	if len(s.found) == 0 {
		return 0
	}
	return s.found[len(s.found)-1].end
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isSpace(c byte) bool  { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
func inWord(c byte) bool   { return isLetter(c) || isDigit(c) || c == '_' }

// hasSuffixFold is strings.HasSuffix without regard to case.
func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// runEnd is where the run of characters that allowed admits ends.
func runEnd(s string, i int, allowed func(byte) bool) int {
	for i < len(s) && allowed(s[i]) {
		i++
	}
	return i
}
