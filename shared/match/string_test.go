package match_test

import (
	"reflect"
	"testing"

	"github.com/alertbridge/alertbridge/shared/match"
)

// What String gives is read back by Parse as the same, whatever is in the value.
func TestStringIsReadBack(t *testing.T) {
	for _, value := range []string{
		"", "checkout", `a"b`, `"`, `""`, `web-\d+\.example`, `\\`, `'x'`, " with space ", "決済", "a=b", "!~", "two\nlines", "[",
	} {
		for _, op := range []match.Op{match.Is, match.IsNot, match.Matches, match.MatchesNot} {
			m, err := match.New("service", op, value)
			if err != nil {
				if value != "[" || op == match.Is || op == match.IsNot { // which is no regular expression
					t.Errorf("%q: %v", value, err)
				}
				continue
			}
			back, err := match.Parse(m.String())
			if err != nil || !reflect.DeepEqual(back, m) {
				t.Errorf("%s is read as %s, %v", m, back, err)
			}
		}
	}
}
