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
	if end == len(s.text) || s.text[end] != ' ' || !isScheme(s.text[from:end]) {
		return s.secret(from, end, Token)
	}
	from = end + 1
	end = s.valueEnd(from, width)
	for strings.HasPrefix(s.text[end:], ", ") && s.nextBegins(end+len(", ")) { // Credential=…, Signature=…
		next := s.valueEnd(end+len(", "), width)
		if strings.IndexByte(s.text[end:next], '=') < 0 {
			break
		}
		end = next
	}
	return s.secret(from, end, Token)
}

func isScheme(word string) bool {
	switch strings.ToLower(word) {
	case "bearer", "basic", "digest", "token", "apikey", "negotiate", "hmac", "aws4-hmac-sha256", "key", "genericapikey", "splunk":
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
