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
		if !strings.HasPrefix(s.text[i:], hook.path) || !hasSuffixFold(s.text[:i], hook.host) {
			continue
		}
		from := i + len(hook.path)
		if end := runEnd(s.text, from, inPath); end > from {
			return s.add(from, end, Webhook)
		}
	}
	return i + 1
}

func inPath(c byte) bool { return inWord(c) || strings.IndexByte("-/@:.~", c) >= 0 }
