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
	longestHead      = 256      // what stands between the first line and the key: Proc-Type, DEK-Info, Version, Comment
	leastLine        = 16       // what a line of a key has at least, but for the last
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

// blockEnd is where a block without a foot ends whose first line ends at i: behind its last line of base64, or what of
// a foot the text has been cut off in. Line breaks may have become blanks, and words of prose are base64 as well: a line
// has capital and small letters, and is long or, behind another one, has a digit. What the text ends with is cut off.
func (s *scanner) blockEnd(i int, foot string) int {
	end, begun := runEnd(s.text, i, func(c byte) bool { return c == '-' }), false
	name := runEnd(s.text, runEnd(s.text, end, isGap), func(c byte) bool { return isLetter(c) || c == '-' })
	headed := name < len(s.text) && s.text[name] == ':'
	for from := end; ; {
		from = runEnd(s.text, from, isGap)
		if strings.HasPrefix(foot, s.text[from:]) {
			return len(s.text)
		}
		to := runEnd(s.text, from, inBase64)
		switch {
		case to == len(s.text):
			return to
		case isLine(s.text[from:to], begun):
			begun, end, from = true, to, to
			if !isGap(s.text[to]) {
				return end
			}
		case begun || !headed || from > i+longestHead:
			return end
		default:
			from = runEnd(s.text, from, func(c byte) bool { return !isGap(c) })
		}
	}
}

func isGap(c byte) bool    { return isSpace(c) || c == '+' }
func inBase64(c byte) bool { return isLetter(c) || isDigit(c) || c == '+' || c == '/' || c == '=' }

func isLine(word string, begun bool) bool {
	const small, capital = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return strings.ContainsAny(word, small) && strings.ContainsAny(word, capital) &&
		(len(word) >= leastLine || begun && strings.ContainsAny(word, "0123456789"))
}
