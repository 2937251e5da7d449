package datadog

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// pageLink is an address in the text and what it says of the alert.
type pageLink struct {
	alert.Link
	image     bool // a picture, not a page
	monitorID string
	eventID   string
	group     string
}

// manyLinks bounds the work for a text that is nothing but addresses: so many from each of its ends are looked at.
const manyLinks = 100

// findLinks returns the addresses in a text in their order: those of Markdown, [name](address) and
// [![name](picture)](address), and bare ones. Only http and https count. Names and passwords in an address are
// dropped.
func findLinks(text string) []pageLink {
	var found []pageLink
	for rest := 0; ; {
		start, end := nextAddress(text, rest)
		if start < 0 {
			return found
		}
		if len(found) == 2*manyLinks {
			found = slices.Delete(found, manyLinks, manyLinks+1)
		}
		name, image := nameOf(text, start)
		if l, ok := newPageLink(name, text[start:end]); ok {
			l.image = image
			found = append(found, l)
		}
		rest = end
	}
}

// nextAddress finds the next http:// or https:// from here on, and where the address ends: inside round brackets of
// Markdown at the bracket that closes them, else at what cannot be part of it.
func nextAddress(text string, from int) (start, end int) {
	for {
		at := strings.Index(text[from:], "://")
		if at < 0 {
			return -1, -1
		}
		at += from
		from = at + len("://")
		start = at
		for start > 0 && isLetter(text[start-1]) && at-start < len("https") {
			start--
		}
		if scheme := strings.ToLower(text[start:at]); scheme != "http" && scheme != "https" || start > 0 && isLetter(text[start-1]) {
			continue
		}
		return start, addressEnd(text, start)
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func addressEnd(text string, start int) int {
	markdown := start >= 2 && text[start-2:start] == "]("
	open := 0
	end := start
loop:
	for ; end < len(text); end++ {
		switch c := text[end]; {
		case c <= ' ', c == '<', c == '>', c == '"', c == '`', c == '|', c == '\\':
			break loop
		case c == '(':
			open++
		case c == ')':
			if open == 0 {
				break loop
			}
			open--
		case markdown:
		case c >= 0x80, c == ']', c == '\'', c == '*':
			break loop
		}
	}
	if !markdown {
		end = start + len(strings.TrimRight(text[start:end], ".,;:!?"))
	}
	return end
}

// maxLabel bounds how far back the name of a link is looked for, in bytes.
const maxLabel = 600

// nameOf is what the text calls the address at start: the square brackets in front of it, or the beginning of its
// line up to a colon.
func nameOf(text string, start int) (name string, image bool) {
	before := text[max(0, start-maxLabel):start]
	if label, ok := strings.CutSuffix(before, "]("); ok {
		open := openBracket(label)
		image = open > 0 && label[open-1] == '!'
		if open >= 0 { // else the label begins too far away, and a part of it could be half of a secret
			name = label[open+1:]
		}
		if inner, ok := strings.CutPrefix(name, "!["); ok { // a picture that leads somewhere: its name is the page's
			name, _, _ = strings.Cut(inner, "]")
		}
	} else {
		line := before[strings.LastIndexByte(before, '\n')+1:]
		line = strings.TrimRight(line, " <*")
		label, ok := strings.CutSuffix(line, ":")
		if !ok {
			label, ok = strings.CutSuffix(line, "：")
		}
		if label = afterLast(label, ". ", "! ", "? ", ", ", "; ", "。", "、"); ok && len(label) <= 80 && !endsQuotation(label) {
			name = label
		}
	}
	name = strings.Trim(alert.Line(name), " *_`#>-[]!")
	if name == "" {
		name = "Link"
	}
	return name, image
}

// afterLast is what follows the last of the separators.
func afterLast(s string, separators ...string) string {
	for _, sep := range separators {
		if i := strings.LastIndex(s, sep); i >= 0 {
			s = s[i+len(sep):]
		}
	}
	return s
}

// endsQuotation tells that a label has an odd number of one kind of quotes, not counting apostrophes: it was cut out of a
// quotation, and could be half of a secret.
func endsQuotation(label string) bool {
	odd := map[rune]bool{}
	before := ' '
	for i, r := range label {
		if strings.ContainsRune("'\"`", r) {
			after, _ := utf8.DecodeRuneInString(label[i+1:])
			if r != '\'' || !unicode.IsLetter(before) || !unicode.IsLetter(after) {
				odd[r] = !odd[r]
			}
		}
		before = r
	}
	return odd['\''] || odd['"'] || odd['`']
}

// openBracket finds the [ that belongs to a ] after s, or -1.
func openBracket(s string) int {
	depth := 1
	for i := len(s) - 1; i >= 0; i-- {
		switch s[i] {
		case ']':
			depth++
		case '[':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// newPageLink reads an address. It is written anew in ASCII, so that it can be handed on as it stands.
func newPageLink(name, address string) (pageLink, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || !isASCII(u.Host) {
		return pageLink{}, false
	}
	u.User = nil
	l := pageLink{Link: alert.Link{Name: name, URL: escape(u.String())}}
	q := u.Query()
	l.From, l.To = windowTime(q.Get("from_ts")), windowTime(q.Get("to_ts"))
	switch id := idOf(monitorIn(u.Path, u.Fragment)); {
	case id != "":
		l.monitorID, l.group, l.eventID = id, q.Get("group"), idOf(first(q.Get("event_id"), q.Get("link_event_id")))
	case strings.HasSuffix(u.Path, "/event/event"):
		l.eventID = idOf(q.Get("id"))
	default:
		l.monitorID = idOf(first(q.Get("monitor_id"), q.Get("link_monitor_id")))
	}
	return l, true
}

// monitorIn finds the id in /monitors/<id>, /monitors/<id>/edit and, as it was written before 2021, /monitors#<id>.
func monitorIn(path, fragment string) string {
	_, id, ok := strings.Cut(path+"/", "/monitors/")
	if !ok {
		return ""
	}
	id, _, _ = strings.Cut(first(strings.TrimSuffix(id, "/"), fragment), "/")
	id, _, _ = strings.Cut(id, "?")
	return id
}

func idOf(s string) string {
	if len(s) > 32 || !isDigits(s) || !isID(s) {
		return ""
	}
	return s
}

// windowTime reads one end of a time window; what no graph of an alert shows is none.
func windowTime(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	if t := parseTime(s); t.Year() >= 2010 && t.Year() < 2100 {
		return t
	}
	return time.Time{}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// escape writes what may not stand in an address as %XX, so that no reader takes a part of it for markup.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	if !strings.ContainsFunc(s, needsEscape) { // as most are
		return s
	}
	out := make([]byte, 0, len(s)+len(s)/2)
	for i := range len(s) {
		if c := s[i]; needsEscape(rune(c)) {
			out = append(out, '%', hex[c>>4], hex[c&15])
		} else {
			out = append(out, c)
		}
	}
	return string(out)
}

func needsEscape(c rune) bool {
	switch c {
	case '"', '<', '>', '\\', '^', '`', '{', '|', '}':
		return true
	}
	return c <= ' ' || c >= 0x7f
}

// Datadog's footer stands at the end, behind what people and log lines say. So where links disagree, the last Monitor
// Status is believed, also in what it leaves out; without one, the last link that says anything.

func lastMonitorID(found []pageLink) string {
	return last(found, func(l pageLink) string { return l.monitorID })
}

func lastEventID(found []pageLink) string {
	return last(found, func(l pageLink) string { return l.eventID })
}

func lastGroup(found []pageLink) string {
	return last(found, func(l pageLink) string { return l.group })
}

func last(found []pageLink, get func(pageLink) string) (value string) {
	for _, l := range slices.Backward(found) {
		if l.Name == monitorStatus && l.monitorID != "" {
			return get(l)
		}
		value = first(value, get(l))
	}
	return value
}

const monitorStatus = "Monitor Status"

func eventIDOf(address string) string {
	l, _ := newPageLink("", address)
	return l.eventID
}

// readLinks puts the pages of the text and the event's own in order, the most useful first, each address once.
func (b *body) readLinks(found []pageLink) []alert.Link {
	var links []alert.Link
	for _, l := range found {
		if !l.image {
			links = append(links, l.Link)
		}
	}
	if l, ok := newPageLink("Event", b.get(link)); ok {
		links = append(links, l.Link)
	}
	slices.SortStableFunc(links, func(x, y alert.Link) int { return linkRank(x) - linkRank(y) })
	seen := make(map[string]struct{}, len(links))
	return slices.DeleteFunc(links, func(l alert.Link) bool {
		_, again := seen[l.URL]
		seen[l.URL] = struct{}{}
		return again
	})
}

func linkRank(l alert.Link) int {
	name := strings.ToLower(l.Name)
	switch {
	case l.Name == monitorStatus:
		return 0
	case l.Name == "Edit Monitor":
		return 8
	case strings.Contains(l.URL, "//docs.datadoghq.com/"):
		return 7
	case strings.Contains(name, "logs"), strings.Contains(l.URL, "/logs?"):
		return 1
	case strings.Contains(name, "trace"), strings.Contains(name, "error tracking"), strings.Contains(l.URL, "/apm/"),
		strings.Contains(l.URL, "/error-tracking/"):
		return 2
	case strings.Contains(name, "runbook"), strings.Contains(name, "playbook"), strings.Contains(name, "手順書"):
		return 3
	case !l.From.IsZero():
		return 4
	case l.Name == "Event":
		return 5
	}
	return 6
}

// readSnapshot is the address of the graph's picture: the field, else the first picture in the text.
func (b *body) readSnapshot(found []pageLink) string {
	if l, ok := newPageLink("", b.get(snapshot)); ok {
		return l.URL
	}
	for _, l := range found {
		if l.image {
			return l.URL
		}
	}
	return ""
}

// withoutCredentials drops user:password@ from the addresses in a text, of whatever scheme.
func withoutCredentials(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	var out strings.Builder
	for {
		before, after, ok := strings.Cut(text, "://")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		out.WriteString("://")
		text = after[userinfo(after):]
	}
}

// maxPassword bounds, in bytes, how far an @ is looked for behind a password that is not percent-encoded. The longest
// in use are tokens of a cloud's databases.
const maxPassword = 2000

// userinfo is the length of the user:password@ with which an address begins behind its ://. A password may hold / ? #
// as they are, although they belong percent-encoded. Then what stands before the first of them tells whether it is
// one: app:p/w@db has a password; example.com/@a, example.com:80/?to=a@b.example, a list of hosts and a port that is yet
// to be filled in have none, and neither has the query behind a path. So a password that has nothing but digits before its
// first such character is taken for a port, and stays here.
func userinfo(address string) int {
	const after = " \n\t()[]<>\"`"
	authority := until(address, "/?#"+after)
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		return at + 1
	}
	if _, port, ok := strings.Cut(authority, ":"); !ok || isDigits(port) || strings.ContainsAny(authority, ",${") {
		return 0
	}
	rest := until(address[:min(len(address), maxPassword)], after)
	if path := strings.IndexByte(rest, '/'); path >= 0 {
		rest = rest[:path] + until(rest[path:], "?")
	}
	return strings.LastIndexByte(rest, '@') + 1
}

// until is s up to the first of these characters.
func until(s, chars string) string {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i]
	}
	return s
}

// withoutFooter takes Datadog's last line away from a text: every link in it is among the alert's links.
func withoutFooter(text string) string {
	at := strings.LastIndexByte(text, '\n') + 1
	if footer := text[at:]; !strings.HasPrefix(footer, "[["+monitorStatus+"](") || !strings.HasSuffix(footer, ")]") {
		return text
	}
	text = strings.TrimSpace(text[:at])
	return strings.TrimSpace(strings.TrimSuffix(text, "\n- - -"))
}
