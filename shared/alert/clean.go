package alert

import (
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text of several lines safe to hand on, and pleasant to read. It
//
//   - replaces what is not UTF-8 by U+FFFD and drops what cannot be seen: control, bidirectional, zero-width, tag and
//     private characters and all variation selectors, with which a text can carry another one past a reader's eyes;
//   - decodes HTML entities that end in a semicolon, however deeply they are nested. Without the semicolon they stay,
//     because &region= in an address is a parameter and not ®;
//   - drops Datadog's %%% markers and its @handles, so that the text notifies nobody wherever it is posted next;
//   - trims lines at their end and keeps at most one blank line in a row. \n and \t stay, every other line break
//     becomes \n and every other space but the ideographic one becomes " ".
//
// A handle is an @ that does not follow a letter, digit or one of "_.+-/", and then an e-mail address, or the name of
// one of Datadog's integrations (webhook-…, slack-…, pagerduty), or any name with a dash, or all, here, channel or
// everyone. So ops@example.com in a sentence and https://example.com/@some-body stay, and so do @timestamp,
// @http.status_code:500, @x-request-id:7 and @aws-sdk/client, which are attributes, annotations and packages. Nor is
// one in an address that may hold a password, from its :// to the next blank, bracket or quotation mark: there it ends
// the password, and whoever takes that out needs it, as in postgres://app:s3cret!@db-main.
//
// Nothing that cleaning removes can come about by cleaning: Clean(Clean(s)) == Clean(s).
func Clean(s string) string {
	return trimLines(dropHandles(decode(s)))
}

// Line is Clean for one line: a title, a name, a sentence. White space of any kind becomes one blank.
func Line(s string) string {
	if oneLine(s) {
		return s
	}
	return strings.Join(strings.Fields(Clean(s)), " ")
}

// oneLine tells that s is what Line would make of it, as most names are: printable ASCII with single blanks inside, and
// nothing that Clean looks at more closely.
func oneLine(s string) bool {
	blank := true
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~' || c == '%' || c == ';' || c == '@' || blank && c == ' ':
			return false
		default:
			blank = c == ' '
		}
	}
	return !blank || s == ""
}

// Value is for what a machine will use again: an id, a tag, a query. It drops what cannot be seen and makes one line
// of it; entities, markers and handles stay, for there they may have a meaning.
func Value(s string) string {
	if plain(s) {
		return strings.TrimSpace(s)
	}
	out := make([]byte, 0, len(s))
	for _, r := range s {
		switch r = visible(r); r {
		case drop:
		case '\n', '\t':
			out = append(out, ' ')
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return strings.TrimSpace(string(out))
}

// plain tells that s is printable ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// decode drops what cannot be seen, decodes entities and drops %%%, all in one pass over a stack: each character is
// judged together with what is left of the text before it, so that whatever a removal or an entity brings together is
// judged again.
func decode(s string) string {
	first := asItIs(s)
	if first == len(s) {
		return s
	}
	out := append(make([]byte, 0, len(s)), s[:first]...)
	for i := first; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if r != '\r' || !strings.HasPrefix(s[i:], "\n") {
			out = push(out, r)
		}
		next := i + asItIs(s[i:])
		out = append(out, s[i:next]...)
		i = next
	}
	return string(out)
}

// asItIs is how many bytes of s, from its first on, stay as they are whatever stands before them: most of most texts.
func asItIs(s string) int {
	for i := range len(s) {
		if c := s[i]; c == '%' || c == ';' || (c < ' ' || c > '~') && c != '\n' && c != '\t' {
			return i
		}
	}
	return len(s)
}

func push(out []byte, r rune) []byte {
	for {
		switch r = visible(r); {
		case r == drop:
			return out
		case r == '%' && len(out) >= 2 && out[len(out)-1] == '%' && out[len(out)-2] == '%':
			return out[:len(out)-2]
		case r != ';':
			return utf8.AppendRune(out, r)
		}
		start, text := entityBefore(out)
		if text == "" {
			return append(out, ';')
		}
		// The last character may itself be the semicolon of an entity further left; an earlier one never is.
		var size int
		out = out[:start]
		for r, size = utf8.DecodeRuneInString(text); size < len(text); r, size = utf8.DecodeRuneInString(text) {
			out = push(out, r)
			text = text[size:]
		}
	}
}

// longestEntity is the length of the longest name that HTML knows, CounterClockwiseContourIntegral.
const longestEntity = 31

// entityBefore finds the entity that a semicolon after out would end: where its & stands, and what it means. The
// meaning is empty when there is none.
func entityBefore(out []byte) (start int, text string) {
	for start = len(out) - 1; start >= 0 && start >= len(out)-1-longestEntity; start-- {
		switch c := out[start]; {
		case c == '&':
			return start, entity(string(out[start+1:]))
		case c == '#' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		default:
			return 0, ""
		}
	}
	return 0, ""
}

func entity(name string) string {
	switch name {
	case "":
		return ""
	case "amp":
		return "&"
	case "lt":
		return "<"
	case "gt":
		return ">"
	case "quot":
		return `"`
	case "apos":
		return "'"
	case "nbsp":
		return " "
	case "semi":
		return ";"
	}
	if name[0] == '#' {
		return numericEntity(name[1:])
	}
	text := html.UnescapeString("&" + name + ";")
	if strings.HasSuffix(text, ";") { // the whole is no entity, at most its beginning
		return ""
	}
	return text
}

func numericEntity(digits string) string {
	base := 10
	if digits != "" && (digits[0] == 'x' || digits[0] == 'X') {
		base, digits = 16, digits[1:]
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		return ""
	}
	return string(rune(min(n, unicode.MaxRune+1))) // beyond Unicode it becomes U+FFFD
}

const drop = -1

// visible says what becomes of one character: itself, a plain blank or line break in its place, or drop.
func visible(r rune) rune {
	switch {
	case ' ' <= r && r <= '~', r == '\n', r == '\t':
		return r
	case r == '\r', r == '\v', r == '\f', r == 0x85, r == 0x2028, r == 0x2029:
		return '\n'
	case r == 0x3000: // the ideographic space is as wide as it should be in Japanese text
		return r
	case unicode.Is(unicode.Zs, r):
		return ' '
	case unseen(r), !unicode.IsGraphic(r):
		return drop
	}
	return r
}

// unseen are the characters that Unicode counts as letters, marks or symbols although nothing is to be seen of them.
func unseen(r rune) bool {
	switch {
	case r == 0x034F, // combining grapheme joiner
		r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0, // Hangul fillers
		r == 0x17B4, r == 0x17B5, // Khmer inherent vowels
		r == 0x2800,                                              // empty braille pattern
		0x180B <= r && r <= 0x180F,                               // Mongolian variation selectors
		0xFE00 <= r && r <= 0xFE0F, 0xE0100 <= r && r <= 0xE01EF: // variation selectors
		return true
	}
	return false
}

// dropHandles leaves a blank where a handle stood between two characters that are not white space, so that nothing is
// joined that was apart, and takes one of two blanks away.
func dropHandles(s string) string {
	if strings.IndexByte(s, '@') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	copied := 0
	inAddress, host, colon := false, 0, false // host is where the host, or the user in front of it, begins
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ':':
			if colon = inAddress; !inAddress && strings.HasPrefix(s[i:], "://") {
				inAddress, host = true, i+len("://")
			}
		case '/': // without a colon before the path no password can follow
			inAddress = inAddress && (colon || i < host)
		case ' ', '\n', '\t', '(', ')', '[', ']', '<', '>', '"', '`':
			inAddress = false
		}
		if s[i] != '@' || inAddress || i > 0 && (inHandle(s[i-1]) || s[i-1] == '/') {
			continue
		}
		end := i + 1
		for end < len(s) && inHandle(s[end]) {
			end++
		}
		length := handle(s[i:end], s[end:])
		if length > 0 {
			out = append(out, s[copied:i]...)
			copied = i + length
			apart := i == 0 || isBlank(s[i-1])
			switch {
			case copied == len(s):
			case apart && s[copied] == ' ':
				copied++
			case !apart && !isBlank(s[copied]):
				out = append(out, ' ')
			}
		}
		i = end - 1
	}
	return string(append(out, s[copied:]...))
}

// handle says how long the handle is with which word, an @ and what can follow it, begins; 0 when it is none.
func handle(word, after string) int {
	word = strings.TrimRight(word, ".-")
	name := strings.ToLower(strings.TrimLeft(word, "@"))
	if at := strings.IndexByte(name, '@'); at > 0 {
		return len(word)
	}
	for _, integration := range integrations {
		if rest, ok := strings.CutPrefix(name, integration); ok && (rest == "" || rest[0] == '-') {
			return len(word)
		}
	}
	switch name {
	case "all", "here", "channel", "everyone":
		return len(word)
	}
	if after != "" && (after[0] == ':' || after[0] == '/') {
		return 0
	}
	dash := strings.IndexByte(name, '-')
	if dash <= 0 || strings.Contains(name[:dash], ".") {
		return 0
	}
	return len(word)
}

// integrations are the names with which Datadog's handles begin (docs.datadoghq.com, Monitors, Notifications).
var integrations = []string{
	"webhook", "slack", "pagerduty", "opsgenie", "victorops", "teams", "microsoft-teams", "jira", "servicenow",
	"oncall", "case", "workflow", "team", "sns", "awseventbridge", "hangouts", "hipchat", "zendesk",
}

func inHandle(c byte) bool {
	switch c {
	case '@', '_', '.', '+', '-':
		return true
	}
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' }

func trimLines(s string) string {
	var out strings.Builder
	out.Grow(len(s))
	blank := 0
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.TrimRightFunc(line, unicode.IsSpace)
		if line == "" {
			blank++
			continue
		}
		if out.Len() > 0 {
			out.WriteString("\n\n"[:min(blank+1, 2)])
		}
		out.WriteString(line)
		blank = 0
	}
	return strings.TrimSpace(out.String())
}
