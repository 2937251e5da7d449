package redact

import (
	"encoding/base64"
	"strings"
)

// form is how the tokens of one issuer look: a prefix, and so many characters after it.
type form struct {
	prefix   string
	kind     Kind
	min, max int // of what follows the prefix; max 0: no end
	also     string
}

// forms are tokens that their prefix gives away, sorted by nothing but their issuers. What follows consists of letters,
// digits, and the characters in also.
var forms = [...]form{
	{"AKIA", Key, 16, 16, ""},
	{"ASIA", Key, 16, 16, ""},
	{"ABIA", Key, 16, 16, ""},
	{"ACCA", Key, 16, 16, ""}, // AWS
	{"ghp_", Token, 20, 0, "_"},
	{"gho_", Token, 20, 0, "_"},
	{"ghu_", Token, 20, 0, "_"}, // GitHub
	{"ghs_", Token, 20, 0, "_"},
	{"ghr_", Token, 20, 0, "_"},
	{"github_pat_", Token, 20, 0, "_"},
	{"glpat-", Token, 20, 0, "_-"},
	{"gldt-", Token, 20, 0, "_-"},
	{"glrt-", Token, 20, 0, "_-"}, // GitLab
	{"xoxb-", Token, 10, 0, "-"},
	{"xoxp-", Token, 10, 0, "-"},
	{"xoxa-", Token, 10, 0, "-"}, // Slack
	{"xoxr-", Token, 10, 0, "-"},
	{"xoxs-", Token, 10, 0, "-"},
	{"xoxe-", Token, 10, 0, "-"},
	{"xapp-", Token, 10, 0, "-"},
	{"sk_live_", Key, 16, 0, ""},
	{"rk_live_", Key, 16, 0, ""},
	{"sk_test_", Key, 16, 0, ""}, // Stripe
	{"rk_test_", Key, 16, 0, ""},
	{"whsec_", Key, 16, 0, "+/="},
	{"sk-ant-", Key, 20, 0, "_-"},
	{"sk-proj-", Key, 20, 0, "_-"},
	{"sk-svcacct-", Key, 20, 0, "_-"},
	{"sk-", Key, 40, 0, ""},
	{"AIza", Key, 35, 35, "_-"},
	{"ya29.", Token, 20, 0, "_-"},
	{"GOCSPX-", Key, 20, 0, "_-"}, // Google
	{"npm_", Token, 36, 36, ""},
	{"pypi-AgE", Token, 40, 0, "_-"},
	{"rubygems_", Token, 32, 0, ""}, // registries
	{"SG.", Key, 40, 0, "_-."},
	{"xkeysib-", Key, 40, 0, "-"},
	{"key-", Key, 32, 32, ""}, // e-mail services
	{"dop_v1_", Token, 64, 64, ""},
	{"doo_v1_", Token, 64, 64, ""},
	{"hf_", Token, 30, 0, ""},
	{"shpat_", Token, 32, 32, ""},
	{"shpss_", Token, 32, 32, ""},
	{"dapi", Token, 32, 32, ""},
	{"hvs.", Token, 24, 0, "_-"},
	{"NRAK-", Key, 27, 27, ""},
	{"glsa_", Token, 32, 0, "_"},
	{"PMAK-", Key, 40, 0, "-"},
	{"AGE-SECRET-KEY-1", Key, 50, 0, ""},
}

// shortestToken is the length of a token of these forms without a dash or a dot, at least.
const shortestToken = 20

// wellKnown is where the token that begins at i ends, and its kind; 0 when there is none. A run without a largest length
// is a token as far as it goes, whatever follows, so that no run is gone through once for each word in it.
func wellKnown(s string, i int) (end int, kind Kind) {
	if end := jwtEnd(s, i); end > 0 {
		return end, Token
	}
	for f := range forms {
		form := &forms[f]
		if s[i] != form.prefix[0] || !strings.HasPrefix(s[i:], form.prefix) {
			continue
		}
		from := i + len(form.prefix)
		near := s
		if form.max > 0 {
			near = s[:min(len(s), from+form.max+1)]
		}
		end := runEnd(near, from, func(c byte) bool {
			return c != '_' && inWord(c) || strings.IndexByte(form.also, c) >= 0
		})
		end = from + len(strings.TrimRight(s[from:end], ".-"))
		if n := end - from; n >= form.min && (form.max == 0 || n <= form.max && (end == len(s) || !inWord(s[end]))) {
			return end, form.kind
		}
	}
	return 0, ""
}

// jwtEnd is where the JSON Web Token that begins at i ends: three parts in base64, of which the first two are objects.
// The signature may be missing: the claims are about somebody.
func jwtEnd(s string, i int) int {
	if !strings.HasPrefix(s[i:], "eyJ") || i > 0 && s[i-1] == '-' {
		return 0
	}
	inBase64 := func(c byte) bool { return inWord(c) || c == '-' }
	end := runEnd(s, i, inBase64)
	if end-i < 10 || !strings.HasPrefix(s[end:], ".eyJ") {
		return 0
	}
	for part := 1; part < 5 && end < len(s) && s[end] == '.'; part++ { // an encrypted one has five
		end = runEnd(s, end+1, inBase64)
	}
	return i + len(strings.TrimRight(s[i:end], "."))
}

// scheme looks for a credential behind the name of its scheme, as it stands in a header: "Bearer …", "Basic …". The
// words are ordinary ones, so the beginning of what follows must look like a credential; it is one as far as it goes.
func (s *scanner) scheme(i, end int) int {
	if s.text[i]|0x20 != 'b' || end == len(s.text) || s.text[end] != ' ' && s.text[end] != '+' {
		return 0
	}
	bearer, basic := strings.EqualFold(s.text[i:end], "bearer"), strings.EqualFold(s.text[i:end], "basic")
	from := end + 1
	if !bearer && !basic {
		return 0
	}
	value := s.text[from:runEnd(s.text[:min(len(s.text), from+longestLook)], from, inCredential)]
	switch {
	case bearer && len(value) >= 16 && strings.ContainsAny(value, "0123456789"):
		return s.add(from, runEnd(s.text, from, inCredential), Token)
	case basic && isBasic(value):
		return s.add(from, runEnd(s.text, from, inCredential), Password)
	}
	return 0
}

func inCredential(c byte) bool { return inWord(c) || strings.IndexByte("-.~+/=", c) >= 0 }

// isBasic tells whether a text is "user:password" in base64.
func isBasic(text string) bool {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	return err == nil && strings.IndexByte(string(raw), ':') > 0
}
