package match

import (
	"fmt"
	"strconv"
	"strings"
)

// unquoted is a value without its quotes: "…" with escapes, '…' as it stands.
func unquoted(s string) (string, error) {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return s, nil
	}
	quote := s[:1]
	if len(s) < 2 || !strings.HasSuffix(s, quote) {
		return "", fmt.Errorf("the value %s begins with a quote that does not end", s)
	}
	inner := s[1 : len(s)-1]
	if quote == "'" {
		if strings.Contains(inner, quote) {
			return "", fmt.Errorf("the value %s has a quote in the middle; write it between \" and \"", s)
		}
		return inner, nil
	}
	value, err := strconv.Unquote(s)
	if err != nil {
		return "", fmt.Errorf("the value %s is not quoted rightly; a quote or backslash within is written \\\" or \\\\", s)
	}
	return value, nil
}
