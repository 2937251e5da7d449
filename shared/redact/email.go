package redact

import "strings"

const (
	longestLocal  = 64 // RFC 5321
	longestDomain = 255
)

// email judges the @ at i.
func (s *scanner) email(i int) int {
	start := i
	for start > s.done() && i-start < longestLocal && inLocal(s.text[start-1]) {
		start--
	}
	for start < i && (s.text[start] == '.' || s.text[start] == '-' || s.text[start] == '\'') {
		start++
	}
	end := domainEnd(s.text, i+1)
	if start == i || end == 0 || notAPerson(s.text[start:i]) {
		return i + 1
	}
	return s.add(start, end, Email)
}

func inLocal(c byte) bool { return inWord(c) || strings.IndexByte(".+-%'", c) >= 0 }

// notAPerson tells what only looks like an address of e-mail: git's, and the id of a message, which is searched for.
func notAPerson(local string) bool {
	if strings.EqualFold(local, "git") {
		return true
	}
	digits := 0
	for i := range len(local) {
		if isDigit(local[i]) {
			digits++
		}
	}
	return len(local) >= 20 && digits >= 10
}

// domainEnd is where the domain that begins at i ends; 0 when there is none of at least two labels, the last of letters.
func domainEnd(s string, i int) int {
	end, dots := i, 0
	for label := i; ; label = end + 1 {
		to := runEnd(s[:min(len(s), i+longestDomain)], label, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '-' })
		if to == label {
			break
		}
		if letters := runEnd(s, label, isLetter); dots > 0 && letters-label >= 2 && (to == len(s) || s[to] != '.' || !domainGoesOn(s, to+1)) {
			return letters
		}
		if end = to; end == len(s) || s[end] != '.' {
			break
		}
		dots++
	}
	return 0
}

func domainGoesOn(s string, i int) bool { return i < len(s) && (isLetter(s[i]) || isDigit(s[i])) }
