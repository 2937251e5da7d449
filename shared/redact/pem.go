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

const longestBlockName = 60

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
	size := strings.Index(s.text[head:], foot)
	if size < 0 {
		return s.add(start, len(s.text), Key)
	}
	return s.add(start, runEnd(s.text, head+size+len(foot), func(c byte) bool { return c == '-' }), Key)
}
