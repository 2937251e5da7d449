package match

import (
	"fmt"
	"strings"
)

// unquoted is a value without its quotes. Between " and " it is read as Alertmanager does: \" \\ and \n are escapes, and
// any other backslash stands for itself, so that "web-\d+" needs no second one. Between ' and ' all is as it stands.
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
	return unescaped(s, inner)
}

func unescaped(whole, inner string) (string, error) {
	var value strings.Builder
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		switch {
		case c == '"' || c == '\\' && i == len(inner)-1:
			return "", fmt.Errorf("the value %s is not quoted rightly; a quote or a last backslash within is written \\\" or \\\\", whole)
		case c == '\\' && strings.IndexByte(`"\`, inner[i+1]) >= 0:
			i++
			value.WriteByte(inner[i])
		case c == '\\' && inner[i+1] == 'n':
			i++
			value.WriteByte('\n')
		default:
			value.WriteByte(c)
		}
	}
	return value.String(), nil
}

// quoted is a value as unquoted reads it.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
