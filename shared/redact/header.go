package redact

import "strings"

// authorization replaces the credential of the header's value, and leaves its scheme.
func (s *scanner) authorization(from, width int) int {
	if from < len(s.text) && strings.IndexByte("\"'`", s.text[from]) >= 0 {
		if end := s.quoteEnd(from); end > 0 {
			scheme := runEnd(s.text, from+1, inCredential)
			if scheme < end && s.text[scheme] == ' ' && isScheme(s.text[from+1:scheme]) {
				from = scheme
			}
			return s.secret(from+1, end, Token)
		}
		from++
	}
	end := s.valueEnd(from, width)
	switch {
	case end == len(s.text) || s.text[end] != ' ':
	case isScheme(s.text[from:end]):
		return s.secret(end+1, s.pairsEnd(end+1, width), Token)
	case s.unknownScheme(from, end):
		end = s.valueEnd(end+1, width)
	}
	return s.secret(from, end, Token)
}

// unknownScheme tells that the word may be a scheme, for the next one looks like its credential. Both are replaced then:
// the word may as well be a secret with something else behind it, but not with a sign in it, as in trace_id=….
func (s *scanner) unknownScheme(from, end int) bool {
	if strings.Trim(s.text[from:end], "-") == "" || !s.opaque(end+1, leastCredential) {
		return false
	}
	for _, c := range []byte(s.text[from:end]) {
		if !isLetter(c) && !isDigit(c) && c != '-' {
			return false
		}
	}
	next := s.text[end+1 : s.valueEnd(end+1, 1)]
	return !strings.ContainsAny(strings.TrimRight(next, "="), "=:") && strings.Trim(next, "0123456789-./") != "" // no date
}

// leastCredential is what a credential behind an unknown scheme has at least, in bytes.
const leastCredential = 8

// pairsEnd is where the credential at i ends: a value, or pairs with commas between, Credential=…, Signature=….
func (s *scanner) pairsEnd(i, width int) int {
	end, ok := s.pairEnd(i, width)
	for ok && end < len(s.text) && s.text[end] == ',' {
		next := end + 1
		if next < len(s.text) && s.text[next] == ' ' {
			next++
		}
		if next, ok = s.pairEnd(next, width); ok {
			end = next
		}
	}
	return end
}

// pairEnd is where the pair name=value or name="value" at i ends, and whether it is one.
func (s *scanner) pairEnd(i, width int) (end int, ok bool) {
	sign := runEnd(s.text[:min(len(s.text), i+longestLabel)], i, inLabel)
	if sign == i || sign == len(s.text) || s.text[sign] != '=' {
		return s.valueEnd(i, width), false
	}
	if sign+1 < len(s.text) && (s.text[sign+1] == '"' || s.text[sign+1] == '\'') {
		if end := s.quoteEnd(sign + 1); end > 0 {
			return end + 1, true
		}
	}
	return s.valueEnd(i, width), true
}

func isScheme(word string) bool {
	switch strings.ToLower(word) {
	case "bearer", "basic", "digest", "token", "apikey", "negotiate", "hmac", "aws4-hmac-sha256", "key", "genericapikey", "splunk",
		"oauth", "jwt", "ssws", "sharedkey", "sharedkeylite", "aws", "hawk", "signature":
		return true
	}
	return false
}

// cookies replaces the pairs of a cookie header as one value.
func (s *scanner) cookies(from, width int) int {
	if from < len(s.text) && strings.IndexByte("\"'`", s.text[from]) >= 0 {
		return s.value(from, Token, width)
	}
	end := s.valueEnd(from, width)
	for strings.HasPrefix(s.text[end:], "; ") {
		next := s.valueEnd(end+len("; "), width)
		if strings.IndexByte(s.text[end:next], '=') < 0 {
			break
		}
		end = next
	}
	return s.secret(from, end, Token)
}
