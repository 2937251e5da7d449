package redact

import "strings"

// dashes looks at what begins with dashes: a block of a private key, or an option of a command, "--password x".
func (s *scanner) dashes(i int) int {
	if strings.HasPrefix(s.text[i:], "-----BEGIN ") {
		return s.block(i)
	}
	if !strings.HasPrefix(s.text[i:], "--") {
		return i + 1
	}
	name := i + len("--")
	if name == len(s.text) || !isLetter(s.text[name]) {
		return i + 1
	}
	end := runEnd(s.text[:min(len(s.text), name+longestLabel)], name, inLabel)
	if kind := labelKind(s.text[name:end]); kind != "" && end < len(s.text) && s.text[end] == ' ' {
		return s.value(end+1, kind, s.width(end))
	}
	return name // what begins there is looked at for itself
}

const longestBlockName = 60

// block replaces a block of PEM that holds a private key, or whatever is left of one. Certificates are public.
func (s *scanner) block(i int) int {
	head := i + len("-----BEGIN ")
	name, _, ok := strings.Cut(s.text[head:min(len(s.text), head+longestBlockName)], "-----")
	if !ok || !strings.Contains(name, "PRIVATE KEY") {
		return head
	}
	from := head + len(name) + len("-----")
	end := strings.Index(s.text[from:], "-----END "+name+"-----")
	if end < 0 {
		return s.add(i, len(s.text), Key)
	}
	return s.add(i, from+end+len("-----END "+name+"-----"), Key)
}
