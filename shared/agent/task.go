package agent

import (
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// StatusOf is a status of the Agent's in our spelling. Its events write CANCELLED and its API CANCELED, which are one.
// What nobody knows is kept in lower case, of letters, digits and "_" only and at most 40 bytes; "" stays "".
func StatusOf(raw string) gate.Status {
	const longest = 40
	clean := []byte{}
	for _, c := range []byte(strings.ToLower(alert.Value(raw))) {
		switch {
		case len(clean) == longest:
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_':
			clean = append(clean, c)
		case c == ' ' || c == '-':
			clean = append(clean, '_')
		}
	}
	if s := gate.Status(clean); s != "canceled" {
		return s
	}
	return gate.Cancelled
}

// IsID tells whether s can be the id of an agent space or a task. It becomes a part of an address of the Agent's API, and
// so it is a SafeID that does not begin with a mark: ".." would lead elsewhere.
func IsID(s string) bool {
	return alert.SafeID(s) && !strings.ContainsRune("_.-", rune(s[0]))
}

// IsRecordID tells whether s can be the id of a run or of a record of it: 1 to 256 visible characters of ASCII, without
// quotes and backslashes. The forms of both are not documented.
func IsRecordID(s string) bool {
	const longest = 256
	if s == "" || len(s) > longest {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\' {
			return false
		}
	}
	return true
}
