package redact

import "strings"

// labels are the ends of names whose values are secret, in small letters and without what joins words, and what the
// value is: DB_PASSWORD, x-api-key, aws_secret_access_key, "clientSecret".
var labels = [...]struct {
	name string
	kind Kind
}{
	{"password", Password},
	{"passwd", Password},
	{"passphrase", Password},
	{"pwd", Password},
	{"passcode", Password},
	{"apikey", Key},
	{"appkey", Key},
	{"applicationkey", Key},
	{"accesskey", Key},
	{"secretkey", Key},
	{"privatekey", Key},
	{"accountkey", Key},
	{"signingkey", Key},
	{"encryptionkey", Key},
	{"sharedkey", Key},
	{"secret", Key},
	{"credentials", Key},
	{"token", Token},
	{"authorization", Token},
	{"cookie", Token},
	{"sessionid", Token},
	{"jsessionid", Token},
	{"xamzsignature", Token},
	{"xamzcredential", Token},
	{"xgoogsignature", Token},
}

// words in which other languages than English name a password.
var words = [...]string{"パスワード", "暗証番号"}

const longestLabel = 48

func inLabel(c byte) bool { return inWord(c) || c == '-' || c == '.' }

// labelled looks for a secret behind the colon or equals sign at i, of so many bytes.
func (s *scanner) labelled(i, size int) int {
	start, end := s.labelBefore(i)
	kind := labelKind(s.text[start:end])
	if kind == "" {
		kind = s.parameter(start, end, i+size)
	}
	if kind == "" {
		kind = wordKind(s.text[:end])
	}
	if kind == "" || s.inARN(start) {
		return i + size
	}
	from := i + size
	for from < len(s.text) && (s.text[from] == '=' || s.text[from] == '>') { // "==", "=>"
		from++
	}
	if strings.HasPrefix(s.text[from:], "** ") { // **Password:** x
		from += len("**")
	}
	for n := 0; n < maxGap && from < len(s.text) && strings.IndexByte(" \t+", s.text[from]) >= 0; n++ { // + is a form's blank
		from++
	}
	name := squash(s.text[start:end])
	if from+1 < len(s.text) && s.text[from] == '[' && s.text[from+1] == '"' {
		return s.list(from+1, name, kind, s.width(i))
	}
	return s.behind(from, name, kind, s.width(i))
}

// behind replaces the value at from, of the label that has this name.
func (s *scanner) behind(from int, name string, kind Kind, width int) int {
	switch {
	case strings.HasSuffix(name, "authorization"):
		return s.authorization(from, width)
	case strings.HasSuffix(name, "cookie"):
		return s.cookies(from, width)
	case name == "pwd" && strings.HasPrefix(s.text[from:], "/"): // the working directory
		return from
	}
	return s.value(from, kind, width)
}

// maxGap is how much white space or markup there may be between a label and its sign, or the sign and the value.
const maxGap = 4

// labelBefore is the word before the sign at i, without quotes, markup and white space between the two.
func (s *scanner) labelBefore(i int) (start, end int) {
	end = i
	for n := 0; n < maxGap && end > 0 && strings.IndexByte(" \"'`*+", s.text[end-1]) >= 0; n++ {
		end--
	}
	if end > 1 && s.text[end-1] == ']' && (s.text[end-2] == '"' || s.text[end-2] == '\'') { // headers["x-api-key"]
		end -= 2
	}
	start = end
	for start > 0 && end-start < longestLabel && inLabel(s.text[start-1]) {
		start--
	}
	return start, end
}

// longestARN bounds how far back the beginning of an ARN is looked for.
const longestARN = 100

// inARN tells that the word at i is a part of an ARN: arn:aws:secretsmanager:eu-central-1:123456789012:secret:name.
func (s *scanner) inARN(i int) bool {
	if i == 0 || s.text[i-1] != ':' {
		return false
	}
	before := s.text[max(0, i-longestARN):i]
	return strings.Contains(before[strings.LastIndexAny(before, " \n\t\"'")+1:], "arn:")
}

// squash makes a label comparable.
func squash(label string) string {
	var squashed [longestLabel]byte
	n := 0
	for i := range len(label) {
		c := label[i]
		switch {
		case c == '_' || c == '-' || c == '.' || n == len(squashed):
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		squashed[n] = c
		n++
	}
	return string(squashed[:n])
}

// labelKind is what a label's value is, "" when it is nothing secret.
func labelKind(label string) Kind {
	if len(label) < len("pwd") {
		return ""
	}
	switch label[len(label)-1] | 0x20 { // the last letters of labels, for most words end otherwise
	case 'd', 'e', 'y', 't', 's', 'n', 'l':
	default:
		return ""
	}
	name := squash(label)
	for _, l := range labels {
		if strings.HasSuffix(name, l.name) {
			return l.kind
		}
	}
	return ""
}

func wordKind(before string) Kind {
	if before == "" || before[len(before)-1] < 0x80 {
		return ""
	}
	for _, w := range words {
		if strings.HasSuffix(before, w) {
			return Password
		}
	}
	return ""
}

// element looks at <password>value</password>.
func (s *scanner) element(i int) int {
	start, end := s.labelBefore(i)
	if end != i || start == 0 || s.text[start-1] != '<' {
		return i + 1
	}
	kind := labelKind(s.text[start:end])
	if kind == "" {
		return i + 1
	}
	size := strings.IndexByte(s.text[i+1:min(len(s.text), i+longestValue)], '<')
	if size <= 0 {
		return i + 1
	}
	return s.secret(i+1, i+1+size, kind)
}
