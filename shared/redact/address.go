package redact

import "strings"

// longestAuthority bounds how far the end of a user and password is looked for, in bytes.
const longestAuthority = 512

// address looks for a user and password at the :// at i. The user stays: with it, an operator finds whose password it
// is. A user without a password is one when it has a token's form.
func (s *scanner) address(i int) int {
	from := i + len("://")
	all := s.text[from:min(len(s.text), from+longestAuthority)]
	end := strings.IndexAny(all, " \n\t\"'<>`")
	if end >= 0 {
		all = all[:end]
	}
	authority := all
	if end := strings.IndexAny(all, "/?#"); end >= 0 {
		authority = all[:end]
	}
	at := strings.LastIndexByte(authority, '@')
	colon := strings.IndexByte(authority, ':')
	if at < 0 && colon > 0 && authority[0] != '[' && strings.Trim(authority[colon+1:], "0123456789") != "" {
		at = strings.LastIndexByte(all, '@') // a password with a slash in it, and no port
	}
	if at < 0 || colon < 0 || colon >= at {
		return from
	}
	password := from + colon + 1
	if pseudonymEnd(s.text, password) == from+at || at == colon+1 {
		return from + at + 1
	}
	return s.add(password, from+at, Password) + 1
}

// parameters are names that mean a secret only in an address, behind ? or &.
var parameters = [...]string{"sig", "signature", "hmac", "code", "auth", "key"}

// parameter judges a parameter of an address, whose name stands there and whose value begins at from. A code may be a
// status and a key a name: they must look like secrets, as must a signature that stands elsewhere.
func (s *scanner) parameter(start, end, from int) Kind {
	inAddress := start > 0 && (s.text[start-1] == '?' || s.text[start-1] == '&')
	for _, p := range parameters {
		if !strings.EqualFold(p, s.text[start:end]) {
			continue
		}
		signs := p == "sig" || p == "signature" || p == "hmac"
		if signs && inAddress || (signs || inAddress) && s.opaque(from, leastOpaque) {
			return Token
		}
	}
	return ""
}

// longestLook is how much of a value is looked at to judge whether it is a secret, in bytes. One that is longer is
// replaced or left as a whole: who has to read all of a long value to leave it does so again at its next word.
const longestLook = 512

// opaque tells whether the value that begins at from looks like a secret: it has so many bytes, and a digit.
func (s *scanner) opaque(from, least int) bool {
	near := scanner{view: view{s.text[:min(len(s.text), from+longestLook)], s.at}}
	value := near.text[from:near.valueEnd(from, 1)]
	return len(value) >= least && strings.ContainsAny(value, "0123456789")
}

// leastOpaque is what a value has at least that is taken for a secret because it looks like one, in bytes.
const leastOpaque = 12

// hook is where a webhook's address becomes secret: behind a path, on a host that ends so.
type hook struct{ host, path string }

var hooks = [...]hook{
	{"hooks.slack.com", "/services/"},
	{"hooks.slack.com", "/workflows/"},
	{"hooks.slack.com", "/triggers/"},
	{"discord.com", "/api/webhooks/"},
	{"discordapp.com", "/api/webhooks/"},
	{"webhook.office.com", "/webhookb2/"},
	{"outlook.office.com", "/webhook/"},
	{"outlook.office365.com", "/webhook/"},
	{"hooks.zapier.com", "/hooks/catch/"},
	{"events.pagerduty.com", "/integration/"},
	{"api.telegram.org", "/bot"},
	{"", "/webhook/generic/"}, // AWS DevOps Agent, in every region
}

// path looks for a webhook at the slash at i.
func (s *scanner) path(i int) int {
	for h := range hooks {
		hook := &hooks[h]
		from := hook.pathEnd(s.text, i)
		if from == 0 || !hasSuffixFold(withoutPort(s.text[:i]), hook.host) {
			continue
		}
		if end := runEnd(s.text, from, inPath); end > from {
			return s.add(from, end, Webhook)
		}
	}
	return i + 1
}

// pathEnd is where the hook's path that begins at i ends; 0 when there is none. Behind /api there may be a version, /v10.
func (h *hook) pathEnd(s string, i int) int {
	if strings.HasPrefix(s[i:], h.path) {
		return i + len(h.path)
	}
	if rest, ok := strings.CutPrefix(h.path, "/api"); ok && strings.HasPrefix(s[i:], "/api/v") {
		if version := runEnd(s, i+len("/api/v"), isDigit); strings.HasPrefix(s[version:], rest) {
			return version + len(rest)
		}
	}
	return 0
}

// withoutPort is the text without the port that it ends in.
func withoutPort(s string) string {
	end := len(s)
	for end > 0 && len(s)-end < len("65535") && isDigit(s[end-1]) {
		end--
	}
	if end < len(s) && end > 0 && s[end-1] == ':' {
		return s[:end-1]
	}
	return s
}

func inPath(c byte) bool { return inWord(c) || strings.IndexByte("-/@:.~", c) >= 0 }
