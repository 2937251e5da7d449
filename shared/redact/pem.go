package redact

import "strings"

// dashes looks at an option of a command: "--password x".
func (s *scanner) dashes(i int) int {
	if !strings.HasPrefix(s.text[i:], "--") {
		return i + 1
	}
	name := i + len("--")
	if name == len(s.text) || !isLetter(s.text[name]) {
		return i + 1
	}
	end := runEnd(s.text[:min(len(s.text), name+longestLabel)], name, inLabel)
	if kind := labelKind(s.text[name:end]); kind != "" && end < len(s.text) && (s.text[end] == ' ' || s.text[end] == '+') {
		return s.value(end+1, kind, s.width(end))
	}
	return name // what begins there is looked at for itself
}

const (
	longestBlockName = 60
	longestBlock     = 16 << 10 // how far its foot is looked for; a key of RSA with 8192 bits has 6.5 kB
	longestBetween   = 256      // what stands between two lines of it: Proc-Type, DEK-Info, the beginning of a log line
	leastFar         = 40       // what a line has at least when something stands before it; PEM has 64
	leastNear        = 16       // and when nothing does
)

// block replaces a block of PEM that holds a private key, or whatever is left of one, and returns its end; 0 when none
// begins at i. Certificates are public. The dashes around it may have been taken for markup.
func (s *scanner) block(i int) int {
	if !strings.HasPrefix(s.text[i:], "BEGIN ") && !strings.HasPrefix(s.text[i:], "BEGIN+") { // + is a form's blank
		return 0
	}
	head := i + len("BEGIN")
	name, _, ok := strings.Cut(s.text[head:min(len(s.text), head+longestBlockName)], "-----")
	if !ok || !strings.HasSuffix(name, "PRIVATE KEY") && !strings.HasSuffix(name, "PRIVATE+KEY") && !strings.HasSuffix(name, "PRIVATE KEY BLOCK") {
		return 0
	}
	start := i
	for start > s.done() && s.text[start-1] == '-' {
		start--
	}
	foot := "-----END" + name
	size := strings.Index(s.text[head:min(len(s.text), head+longestBlock)], foot)
	if size < 0 {
		return s.add(start, s.blockEnd(head+len(name)+len("-----"), foot), Key)
	}
	return s.add(start, runEnd(s.text, head+size+len(foot), func(c byte) bool { return c == '-' }), Key)
}

// blockEnd is where a block without a foot ends whose first line ends at i: behind its last line of base64, or at the end
// of the text when that cuts a line or the foot. Headers, quotes or the beginnings of log lines may stand between lines.
func (s *scanner) blockEnd(i int, foot string) int {
	end, begun := runEnd(s.text, i, func(c byte) bool { return c == '-' }), false
	for from := end; from < len(s.text) && from-end <= longestBetween; {
		next := runEnd(s.text, end, isGap)
		from = max(from, next)
		to := runEnd(s.text, from, inBase64)
		switch near := from == next; {
		case near && (to == len(s.text) || strings.HasPrefix(foot, s.text[from:])):
			return len(s.text)
		case isLine(s.text[from:to], near, begun):
			end, from, begun = to, to, true
		default:
			from = max(to, from+1)
		}
	}
	return end
}

func isGap(c byte) bool    { return isSpace(c) || c == '+' }
func inBase64(c byte) bool { return isLetter(c) || isDigit(c) || c == '+' || c == '/' || c == '=' }

// isLine tells a line of a key from words, which are base64 as well: it has capital and small letters, and is so long that
// no word is. One that follows at once may be shorter, and the last one short, with a digit.
func isLine(word string, near, begun bool) bool {
	const small, capital, digit = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	if !strings.ContainsAny(word, small) || !strings.ContainsAny(word, capital) {
		return false
	}
	return near && len(word) >= leastNear || (near && begun || len(word) >= leastFar) && strings.ContainsAny(word, digit)
}
