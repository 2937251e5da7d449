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
		if letters := runEnd(s[:to], label, isLetter); dots > 0 && letters-label >= 2 && (to == len(s) || s[to] != '.' || !domainGoesOn(s, to+1)) {
			if notPublic(s[label:letters]) {
				return 0
			}
			return letters
		}
		if end = to; end == len(s) || s[end] != '.' {
			break
		}
		dots++
	}
	return 0
}

// notPublic tells that what ends so is no domain for mail, but the name of a host, a unit or a file, as they stand behind
// an @ in logs: rabbit@ip-10-0-1-2.ec2.internal, getty@tty1.service, java.base@17.0.1.jar. Some of them are top-level
// domains too, of which hardly anybody has an address.
func notPublic(label string) bool {
	switch strings.ToLower(label) {
	case "internal", "intern", "local", "localdomain", "localhost", "lan", "home", "corp", "private", "cluster", "svc": // hosts
	case "service", "timer", "socket", "mount", "automount", "slice", "scope", "target", "device", "swap": // units of systemd
	case "jar", "war", "zip", "tar", "gz", "tgz", "xz", "so", "js", "mjs", "ts", "tsx", "css", "json", "yml", "yaml", "whl", "rpm", "deb": // files
	default:
		return false
	}
	return true
}

func domainGoesOn(s string, i int) bool { return i < len(s) && (isLetter(s[i]) || isDigit(s[i])) }
